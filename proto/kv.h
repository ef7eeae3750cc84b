/* proto/kv.h - what can be asked of the key-value store, and what it answers, as plain structs.
 *
 * The vocabulary that the library's interface, the log and the state machine share. kv_codec.h
 * turns these structs into bytes and back; kv_check.h says whether a command is sound. Nothing here
 * owns memory: a slice points to bytes that somebody else keeps alive. */
#ifndef PROTO_KV_H_
#define PROTO_KV_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KV_KEY_MAX 1024                    /* bytes of a key; it has at least one */
#define KV_VALUE_MAX ((size_t)1024 * 1024) /* bytes of a value */
#define KV_TXN_OPS_MAX 128                 /* of each list of a transaction: compares, then, else */
#define KV_COMMAND_MAX ((size_t)2048 * 1024) /* bytes of an encoded command */
/* Pairs in one answer, counted as key + value + KV_PAIR_OVERHEAD each, stop here; the rest is
 * fetched with another request (`more`). */
#define KV_ANSWER_BYTES_MAX ((size_t)2048 * 1024)
/* What a key or a lease costs beside its bytes: counted by the quota and by the bound above. */
#define KV_PAIR_OVERHEAD 128

#define KV_LEASE_TTL_MS_MIN 100
#define KV_LEASE_TTL_MS_MAX (UINT64_C(366) * 24 * 3600 * 1000)

#define KV_QUOTA_BYTES_DEFAULT (UINT64_C(64) * 1024 * 1024)
#define KV_QUOTA_BYTES_MIN (UINT64_C(1) * 1024 * 1024)
#define KV_QUOTA_BYTES_MAX (UINT64_C(8) * 1024 * 1024 * 1024)

/* The newest replicated feature level that this version knows; a store starts with level 1. One
 * that knows less than the level in force can not apply what is in the log. What each level brings:
 * docs/upgrade.md. */
#define KV_FEATURE_LEVEL_MAX 2

struct kv_slice {
    const void *bytes;
    size_t size;
};

/* Which keys: exactly @key; all that begin with @key (an empty one: all there are); or all from
 * @key up to and without @end, where an empty @key is the first there is and an empty @end leaves
 * the range open. */
enum kv_span_kind { KV_SPAN_KEY, KV_SPAN_PREFIX, KV_SPAN_RANGE };

struct kv_span {
    enum kv_span_kind kind;
    struct kv_slice key;
    struct kv_slice end;
};

/* What a command does to keys and leases. A lease of 0 is none. */
enum kv_op_kind { KV_OP_PUT, KV_OP_DELETE, KV_OP_RANGE, KV_OP_LEASE };

struct kv_put {
    struct kv_slice key;
    struct kv_slice value;
    uint64_t lease; /* the key goes away with it; a put without one detaches the key */
    bool want_previous;
};

struct kv_delete {
    struct kv_span span;
    bool want_previous;
};

struct kv_range {
    struct kv_span span;
    uint64_t limit; /* pairs; 0: as many as an answer holds */
    bool keys_only;
    bool count_only;
};

struct kv_lease_grant {
    uint64_t id; /* 0: the state machine gives one */
    uint64_t ttl_ms;
    bool is_protected; /* the primary's: its keys obey safety A3, and it has an epoch */
    uint64_t epoch;    /* of a protected lease: above every earlier one; 0: the next */
    uint64_t holder;   /* node id of who renews it; only kept and shown */
};

struct kv_op {
    enum kv_op_kind kind; /* KV_OP_LEASE: a grant */
    union {
        struct kv_put put;
        struct kv_delete remove;
        struct kv_range range;
        struct kv_lease_grant grant;
    };
};

/* What a compare looks at. A key that is absent has 0 for every number, EXISTS is 0 or 1, and a
 * compare of its value never holds, whatever the relation. */
enum kv_target {
    KV_TARGET_VALUE,
    KV_TARGET_CREATE_REVISION,
    KV_TARGET_MOD_REVISION,
    KV_TARGET_VERSION,
    KV_TARGET_LEASE,
    KV_TARGET_EXISTS,
};
enum kv_relation { KV_EQUAL, KV_NOT_EQUAL, KV_LESS, KV_GREATER };

struct kv_compare {
    struct kv_slice key;
    enum kv_target target;
    enum kv_relation relation;
    uint64_t number;       /* for every target but the value */
    struct kv_slice value; /* for KV_TARGET_VALUE; ordered as memcmp() orders, shorter first */
};

/* All compares hold: the then list, else the else list; done as one change with one revision, or
 * not at all. A list writes no key twice, so that a revision has at most one event for a key. */
struct kv_txn {
    const struct kv_compare *compares;
    size_t compare_count;
    const struct kv_op *then_ops;
    size_t then_count;
    const struct kv_op *else_ops;
    size_t else_count;
};

enum kv_lease_end_kind {
    KV_LEASE_REVOKE,  /* by anybody; of a protected lease: it is only marked (safety A3) */
    KV_LEASE_RELEASE, /* by the holder of a protected lease, which names its epoch */
    KV_LEASE_EXPIRE,  /* by the raft leader, which names the generation that has run out; a
                         @system command */
};

struct kv_lease_end {
    enum kv_lease_end_kind kind;
    uint64_t id;
    uint64_t epoch;      /* KV_LEASE_RELEASE */
    uint64_t generation; /* KV_LEASE_EXPIRE: whose time was counted; KV_LEASE_REVOKE: the index of
                            the entry that granted it, so that nobody ends a later grant of its id
                            by mistake, or 0: whichever there is */
};

struct kv_lease_change {
    uint64_t id;
    uint64_t epoch;    /* of a protected lease: must match */
    uint64_t ttl_ms;   /* 0: unchanged */
    bool stop_renewal; /* mark it: it runs out, and the holder knows */
};

enum kv_setting_kind {
    KV_SETTING_QUOTA_BYTES,
    KV_SETTING_FEATURE_LEVEL, /* only goes up */
    KV_SETTING_EPOCH_FLOOR,   /* the next epoch is above it; only goes up (safety D3) */
    KV_SETTING_HOLD_EPOCHS,   /* 1: no epoch may be granted (safety A7), 0: again */
};

struct kv_setting {
    enum kv_setting_kind kind;
    uint64_t value;
};

enum kv_command_kind {
    KV_OP,
    KV_TXN,
    KV_LEASE_END,
    KV_LEASE_CHANGE,
    KV_SETTING,
    KV_COMPACT,
    KV_NOOP,
};

/* One entry of the log for the state machine.
 *
 * Exactly once: a client draws a random id when it starts and numbers its requests from 1; a retry
 * repeats all of @client, @sequence and @since. @since is an index that the client knew to be
 * applied before it drew its id; it lets the store tell a new client from a forgotten one. @acked
 * says that everything below it was answered and need not be remembered. A client of 0 asks for no
 * such protection: for commands that may be applied twice. */
struct kv_command {
    uint64_t client;
    uint64_t sequence;
    uint64_t acked;
    uint64_t since;
    bool system; /* of the store or the supervisor: passes a full quota; who may say so is decided
                    by whoever proposes */
    uint64_t holder_lease; /* speaks as the holder of this protected lease */
    uint64_t holder_epoch;
    enum kv_command_kind kind;
    union {
        struct kv_op op;
        struct kv_txn txn;
        struct kv_lease_end lease_end;
        struct kv_lease_change lease_change;
        struct kv_setting setting;
        uint64_t compact_revision;
    };
};

struct kv_pair {
    struct kv_slice key;
    struct kv_slice value;
    uint64_t create_revision;
    uint64_t mod_revision;
    uint64_t version; /* 1 for a key that was just created */
    uint64_t lease;
};

struct kv_op_result {
    enum kv_op_kind kind;
    uint64_t count; /* put: 1; delete: keys deleted; range: keys there are, also beyond the limit;
                       lease: keys deleted with it */
    bool more;      /* @pairs was cut by the limit or by KV_ANSWER_BYTES_MAX */
    const struct kv_pair *pairs; /* previous ones if wanted, or what the range found; in order */
    size_t pair_count;
    uint64_t lease; /* KV_OP_LEASE, here and below */
    uint64_t lease_ttl_ms;
    uint64_t lease_generation;
    uint64_t lease_epoch;
};

struct kv_result {
    int code;           /* 0 or an ERR_*; with an error nothing was changed but what is told here */
    uint64_t index;     /* of the entry that was applied, of the first one if it is a replay */
    uint64_t revision;  /* of the store after it */
    bool succeeded;     /* the compares held; true where there are none */
    bool replayed;      /* a retry, answered from memory */
    uint32_t failed_op; /* of the list that ran: which one brought the error */
    uint64_t marked_lease; /* with ERR_REFUSED: this protected lease is no longer renewable */
    const struct kv_op_result *ops;
    size_t op_count;
};

static inline struct kv_slice kv_slice(const void *bytes, size_t size)
{
    return (struct kv_slice){.bytes = bytes, .size = size};
}
/* The bytes of a text, without its NUL. */
struct kv_slice kv_text(const char *text);

/* As memcmp(), the shorter first. */
int kv_slice_compare(struct kv_slice a, struct kv_slice b);
bool kv_slice_equal(struct kv_slice a, struct kv_slice b);
bool kv_slice_begins_with(struct kv_slice whole, struct kv_slice begin);

bool kv_span_holds(const struct kv_span *span, struct kv_slice key);
/* @key, at or after the span's first key in order, lies behind its last. */
bool kv_span_is_past(const struct kv_span *span, struct kv_slice key);

/* The list that a transaction runs. */
static inline const struct kv_op *kv_txn_ops(const struct kv_txn *txn, bool succeeded,
                                             size_t *count)
{
    *count = succeeded ? txn->then_count : txn->else_count;
    return succeeded ? txn->then_ops : txn->else_ops;
}

#endif /* PROTO_KV_H_ */
