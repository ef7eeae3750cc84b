/* consensus/pgraft.h - the public interface of libpgraft, a replicated key-value store to embed.
 *
 * The only header that is installed. Everything it declares starts with pgraft_ or PGRAFT_; nothing
 * else of the library can be seen or relied on. examples/embed.c is a whole program.
 *
 *   struct pgraft_settings s;
 *   pgraft_settings_init(&s);             defaults; then name, listen, peers, secret, directory
 *   pgraft_open(&s, &store, &error);      starts two threads: consensus, and the disk's
 *   pgraft_put(store, &put, &call, NULL); every request is asynchronous
 *   poll(pgraft_fd(store)) ... pgraft_dispatch(store);     answers are delivered here
 *   pgraft_close(store);
 *
 * Threads: every function may be called from any thread, callbacks run inside pgraft_dispatch()
 * and pgraft_close() alone, in the thread that calls them, so the library fits any event loop. The
 * exceptions are on_fatal() and advise(). One thread dispatches at a time, another one waits for
 * it. A callback may call anything but pgraft_dispatch() and pgraft_close(); and when
 * pgraft_close() is called no other thread may be inside any function, or call one afterwards.
 *
 * Answers: a request that was taken (its function returned 0) is answered exactly once, at the
 * latest a moment after its deadline, or by pgraft_close(), after whose beginning none is taken.
 * What an answer points to lives until the callback returns. A write is applied at most once
 * however often the library had to send it again; what is not known is said
 * (pgraft_may_be_applied()). A node that does not lead passes requests on to the one that does. Of
 * requests under way at the same time each may be the first.
 *
 * The library writes no log and starts no process; what happens is told through on_event(). It asks
 * for no signal and changes none but that it must not be ended by SIGPIPE: its sockets ask for
 * none. */
#ifndef PGRAFT_H_
#define PGRAFT_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PGRAFT_API __attribute__((visibility("default")))

/* The version of this header. */
#define PGRAFT_VERSION_MAJOR 0
#define PGRAFT_VERSION_MINOR 1
#define PGRAFT_VERSION_PATCH 0

/* The version of the library in use, "0.1.0"; it may be newer than the header the program was built
 * with. */
PGRAFT_API const char *pgraft_version(void);

/* The newest replicated feature level that the library knows (docs/upgrade.md). */
#define PGRAFT_FEATURE_LEVEL 2

/* ---- errors ---- */

/* 0 is success. */
enum pgraft_code {
    PGRAFT_ERR_INVALID = -1,
    PGRAFT_ERR_NOT_FOUND = -2,
    PGRAFT_ERR_CONFLICT = -3,
    PGRAFT_ERR_NOT_LEADER = -4,
    PGRAFT_ERR_TIMEOUT = -5, /* the deadline has passed; it may still be applied */
    PGRAFT_ERR_IO = -6,
    PGRAFT_ERR_NO_QUORUM = -7, /* the deadline has passed, and nothing was sent to any leader; or
                                  this node has no place in the cluster any more, at once */
    PGRAFT_ERR_BUSY = -8,
    PGRAFT_ERR_CORRUPT = -9,
    PGRAFT_ERR_NO_SPACE = -10,
    PGRAFT_ERR_QUOTA = -11,
    PGRAFT_ERR_EXISTS = -12,
    PGRAFT_ERR_EXPIRED = -13,
    PGRAFT_ERR_COMPACTED = -14,
    PGRAFT_ERR_REFUSED = -15,
    PGRAFT_ERR_DENIED = -16,
    PGRAFT_ERR_CANCELED = -17,
    PGRAFT_ERR_CLOSED = -18,
    PGRAFT_ERR_PROTOCOL = -19,
    PGRAFT_ERR_VERSION = -20,
    PGRAFT_ERR_LOCKED = -21,
    PGRAFT_ERR_SYSTEM = -22,
    PGRAFT_ERR_TOO_LARGE = -23,
    PGRAFT_ERR_LOST_LEADER = -24,
};

struct pgraft_error {
    int code;
    char message[256];
};

/* "ERR_TIMEOUT", and a sentence. */
PGRAFT_API const char *pgraft_error_name(int code);
PGRAFT_API const char *pgraft_error_text(int code);
/* The same request may succeed later without anybody's help. */
PGRAFT_API bool pgraft_may_retry(int code);
/* It may have taken effect, or may still do so: read before asking again. */
PGRAFT_API bool pgraft_may_be_applied(int code);

/* ---- opening ---- */

struct pgraft;

enum pgraft_kind {
    PGRAFT_DATABASE = 1, /* a vote, as far as there is room for one, and somebody's data */
    PGRAFT_WITNESS,      /* a vote */
};

enum pgraft_event_kind {
    PGRAFT_EVENT_PHASE = 1,  /* how this node stands to the cluster has changed: @text */
    PGRAFT_EVENT_ROLE,       /* this node leads, or does not any more */
    PGRAFT_EVENT_LEADER,     /* another leader, or none */
    PGRAFT_EVENT_MEMBERS,    /* the membership has changed */
    PGRAFT_EVENT_CONNECTED,  /* to a peer */
    PGRAFT_EVENT_LOST,       /* the connection to a peer */
    PGRAFT_EVENT_REFUSED,    /* a peer was refused, or refuses us: @text says why */
    PGRAFT_EVENT_STALL,      /* the consensus thread, or the disk, stood still for @number ms */
    PGRAFT_EVENT_SPACE,      /* the disk is full, @number 1, or has space again, 0 */
    PGRAFT_EVENT_SECRET,     /* something about the peers' keys or certificates */
    PGRAFT_EVENT_NAME_TAKEN, /* two nodes use one name */
    PGRAFT_EVENT_SHIP,       /* a snapshot for, or from, a member was cut, and begins again */
    PGRAFT_EVENT_LIMITS,     /* the host gives this process less than it asks for; it goes on */
    PGRAFT_EVENT_LEASE,      /* one that this node holds: half of its time, @number ms, has passed
                                without a confirmation; told once until there is one */
};

/* How much it matters: as the levels of a log. */
enum pgraft_level { PGRAFT_LEVEL_ERROR, PGRAFT_LEVEL_WARN, PGRAFT_LEVEL_INFO, PGRAFT_LEVEL_DEBUG };

struct pgraft_event {
    enum pgraft_event_kind kind;
    enum pgraft_level level;
    const char *peer; /* its name, or the address if it has told none; "" */
    const char *text; /* one line for people */
    uint64_t number;
    uint64_t term;
};

/* What the owner's own data says of a cluster (docs/formation.md). */
enum pgraft_data { PGRAFT_DATA_NONE, PGRAFT_DATA_FOREIGN, PGRAFT_DATA_NOTED };

struct pgraft_transaction;
struct pgraft_view;

struct pgraft_settings {
    size_t size; /* of this struct, set by pgraft_settings_init() */

    /* Who this node is. */
    const char *space; /* "/service/": clusters of one name in two spaces are strangers */
    const char *scope; /* the cluster's name */
    const char *name;
    enum pgraft_kind kind;
    const char *site;    /* "" or the name of the data centre */
    const char *api_url; /* "" or where its owner can be asked; shown to other members */

    /* Where it is. */
    const char *listen;    /* "host:port" for peers */
    const char *advertise; /* NULL: as @listen */
    const char *directory; /* of its own; its parent exists */
    const char *peers;     /* "pg1=10.0.0.1:7400,...", this node among them; "": this one alone */

    /* How peers know each other: one of a secret, certificates, or nothing. */
    const char *secret_file;
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    bool insecure; /* plain text beyond loopback is all right */

    uint32_t heartbeat_ms;
    uint32_t election_timeout_ms;
    uint32_t lease_ms;         /* of the longest protected lease that is in use */
    uint64_t replace_after_ms; /* 0: a lost member is only replaced by an operator's word */
    uint32_t voters_max;       /* 7; at most 9 */
    uint64_t limit_bytes;      /* of the store on disk; 0: 1 GiB */
    uint64_t quota_bytes; /* of keys and values; proposed by a leader when it differs; 0: as is */
    bool wants_vote;      /* false: only a copy */
    bool lock_memory;     /* of the consensus thread's stack, and ask for a higher priority */

    /* A data directory of the owner's that may say which cluster this host belongs to. pgraftd
     * looks at none yet. */
    enum pgraft_data data;
    const char *data_peers; /* of the note, asked beside @peers; NULL */
    bool adopt;             /* the operator's word for PGRAFT_DATA_FOREIGN */

    /* In pgraft_dispatch(). May be NULL. */
    void (*on_event)(void *ctx, const struct pgraft_event *event);
    /* In any thread, once, before the process is aborted. */
    void (*on_fatal)(void *ctx, const struct pgraft_error *error);
    /* On the consensus thread of the leader, whenever something it may look at has changed
     * (pgraft_view_*()): puts operations into @transaction, or does not. Returns after how many ms
     * to be asked again at the latest, 0: only when something changes. Must not block. */
    uint64_t (*advise)(void *ctx, const struct pgraft_view *view,
                       struct pgraft_transaction *transaction);
    void *ctx;
};

PGRAFT_API void pgraft_settings_init(struct pgraft_settings *settings);

/* Returns at once; the node finds its cluster, or waits for it, by itself. A setting that makes no
 * sense, a port in use, a directory of somebody else's are errors here. */
PGRAFT_API int pgraft_open(const struct pgraft_settings *settings, struct pgraft **ret_store,
                           struct pgraft_error *error);
/* Hands leadership over if it can within a second, answers what waits with PGRAFT_ERR_CLOSED, or
 * PGRAFT_ERR_CANCELED if it may be applied all the same, runs the callbacks that are due, and ends
 * the threads. What was answered before is durable. Waits for a host name that is being looked up.
 * Accepts NULL. */
PGRAFT_API void pgraft_close(struct pgraft *store);

/* Readable while there is something to dispatch. */
PGRAFT_API int pgraft_fd(const struct pgraft *store);
/* Runs the callbacks that are due, at most about 10 ms long; how many. */
PGRAFT_API size_t pgraft_dispatch(struct pgraft *store);

/* Certificates and secret are read again; connections that stand stay. */
PGRAFT_API int pgraft_reload_keys(struct pgraft *store, struct pgraft_error *error);

/* ---- keys and values ---- */

struct pgraft_slice {
    const void *bytes;
    size_t size;
};

/* Exactly @key; all that begin with @key; or from @key up to and without @end, an empty @end is
 * open. */
enum pgraft_span_kind { PGRAFT_KEY, PGRAFT_PREFIX, PGRAFT_RANGE };
struct pgraft_span {
    enum pgraft_span_kind kind;
    struct pgraft_slice key;
    struct pgraft_slice end;
};

enum pgraft_op_kind { PGRAFT_OP_PUT, PGRAFT_OP_DELETE, PGRAFT_OP_GET, PGRAFT_OP_GRANT };

struct pgraft_op {
    enum pgraft_op_kind kind;
    struct pgraft_span span;   /* PUT: its key alone */
    struct pgraft_slice value; /* PUT */
    uint64_t lease;            /* PUT: the key goes away with it; GRANT: its id, 0: give it one */
    bool want_previous;        /* PUT, DELETE */
    uint64_t limit;            /* GET: pairs; 0: as many as an answer holds */
    bool keys_only;
    bool count_only;
    uint64_t ttl_ms; /* GRANT */
    bool is_protected;
    uint64_t epoch;  /* GRANT, protected: above all before; 0: the next */
    uint64_t holder; /* GRANT: the id of the member that will hold it; 0: who asks, and of an
                        advisor's nobody is known */
};

enum pgraft_target {
    PGRAFT_VALUE,
    PGRAFT_CREATE_REVISION,
    PGRAFT_MOD_REVISION,
    PGRAFT_KEY_VERSION,
    PGRAFT_LEASE,
    PGRAFT_EXISTS,
};
enum pgraft_relation { PGRAFT_EQUAL, PGRAFT_NOT_EQUAL, PGRAFT_LESS, PGRAFT_GREATER };

/* Of a key that is absent every number is 0, and a compare of its value never holds. */
struct pgraft_compare {
    struct pgraft_slice key;
    enum pgraft_target target;
    enum pgraft_relation relation;
    uint64_t number;
    struct pgraft_slice value;
};

/* All compares hold: @then_ops, else @else_ops, as one change with one revision or not at all. One
 * with GET operations alone, and no compares, is a read and costs no entry in the log. */
struct pgraft_txn {
    const struct pgraft_compare *compares;
    size_t compare_count;
    const struct pgraft_op *then_ops;
    size_t then_count;
    const struct pgraft_op *else_ops;
    size_t else_count;
    uint64_t holder_lease; /* speaks as the holder of this protected lease, of ... */
    uint64_t holder_epoch;
    bool is_essential; /* passes a full quota: what the owner can not do without, and is small */
};

struct pgraft_pair {
    struct pgraft_slice key;
    struct pgraft_slice value;
    uint64_t create_revision;
    uint64_t mod_revision;
    uint64_t version;
    uint64_t lease;
};

struct pgraft_op_result {
    enum pgraft_op_kind kind;
    uint64_t count; /* PUT: 1; DELETE: keys deleted; GET: keys there are, also beyond the limit */
    bool more;      /* @pairs was cut: go on behind the last key */
    const struct pgraft_pair *pairs; /* previous ones if wanted, or what was got; in order */
    size_t pair_count;
    uint64_t lease; /* GRANT, and below */
    uint64_t lease_ttl_ms;
    uint64_t lease_grant; /* names this grant for ever */
    uint64_t lease_epoch;
};

struct pgraft_lease_info {
    uint64_t id;
    uint64_t ttl_ms;
    uint64_t left_ms; /* how long it goes on if nothing more is heard */
    bool left_known;  /* by pgraft_lease_show(), and where this node leads */
    uint64_t grant;
    uint64_t epoch; /* 0 unless protected */
    uint64_t holder;
    uint64_t key_count;
    bool is_protected;
    bool is_ending;                  /* it can not be renewed any more */
    const struct pgraft_slice *keys; /* pgraft_lease_show() */
    size_t keys_listed;
};

enum pgraft_role {
    PGRAFT_VOTER = 1,
    PGRAFT_NON_VOTER,
    PGRAFT_SPARE,
    PGRAFT_STRANGER, /* PGRAFT_FORMING: no member yet, but listed to become one */
};

struct pgraft_member {
    uint64_t id;
    const char *name;
    const char *address;
    const char *site;
    enum pgraft_kind kind;
    enum pgraft_role role;
    bool is_leader;
    bool is_self;
    bool answered; /* what follows comes from itself, just now */
    uint64_t term;
    uint64_t last_index;
    uint64_t applied_index;
    uint64_t commit_index;
    bool is_there;           /* connected with this node, and heard lately */
    uint64_t ping_us;        /* of the last ping over the connection to it; 0: none */
    uint64_t contact_age_ms; /* since this node last heard of it; UINT64_MAX: never */
    uint64_t fsync_p99_us;
    uint64_t store_bytes;
    uint64_t round_trip_us; /* of the question */
    const char *version;    /* of the library in it; "" if it did not answer */
    const char *api_url;    /* as its owner has told it; "" */
    const char *error;      /* "" or what it has to say */
};

enum pgraft_phase {
    PGRAFT_FORMING, /* no cluster yet: @text of the status says for whom it waits */
    PGRAFT_JOINING, /* found one, has no place in it yet */
    PGRAFT_MEMBER,
    PGRAFT_REMOVED, /* the cluster goes on without it */
    PGRAFT_REFUSED, /* nothing will come of it until somebody acts */
};

struct pgraft_status {
    enum pgraft_phase phase;
    const char *text;       /* why it is not a member, "" if it is */
    const char *cluster_id; /* 32 hexadecimal digits, "" before there is one */
    uint64_t id;
    uint64_t term;
    uint64_t leader; /* 0: none known */
    const char *leader_name;
    bool has_quorum; /* this node hears a leader that has one, or leads and takes writes */
    int can_lose;    /* how many more voters; -1: there is no quorum */
    uint64_t revision;
    uint64_t compacted;
    uint64_t key_count;
    uint64_t used_bytes;
    uint64_t quota_bytes;
    bool quota_alarm;
    uint64_t lease_count;
    uint64_t store_bytes;
    uint64_t store_limit_bytes;
    uint64_t stamp_age_ms;  /* since a majority last followed this node, if it leads */
    uint64_t quorum_age_ms; /* since this node last knew of a majority; UINT64_MAX: never */
    uint64_t feature_level; /* in force, as far as this node has applied; 0: not known yet */
    const struct pgraft_member *members; /* before it is one: who is listed, and with @error why it
                                            is waited for; of an @id 0 nothing more is known */
    size_t member_count;
    const char *waits_for[16]; /* PGRAFT_FORMING: names */
    size_t waits_for_count;
};

struct pgraft_row {
    struct pgraft_slice key;
    struct pgraft_slice value;
};

/* A slice of the whole state, as this node's disk had it at one moment, in rows as it keeps them.
 */
struct pgraft_dump {
    uint64_t id; /* for the next slice */
    const struct pgraft_row *rows;
    size_t row_count;
    bool is_last;   /* there is no other, and the dump is over */
    uint64_t index; /* of the moment: the last entry applied in it, and its term or 0 */
    uint64_t term;
    bool has_facts; /* this slice says: */
    uint64_t revision;
    uint64_t epoch;
    char state_hash[33]; /* over all rows of the state; whoever loads them compares */
};

struct pgraft_result {
    int status;            /* 0 or a pgraft_code */
    const char *message;   /* "" or what happened, for people */
    uint64_t revision;     /* of the store: after the write, or of what was read */
    bool succeeded;        /* the compares held; true where there are none */
    bool decided;          /* a write: this is what came of it when its turn was there, for ever */
    bool replayed;         /* it was answered before: this is that answer */
    uint32_t failed_op;    /* @decided, and an error: which operation of the list that ran */
    uint64_t marked_lease; /* PGRAFT_ERR_REFUSED: this protected lease runs out now */
    uint64_t oldest_revision; /* PGRAFT_ERR_COMPACTED: what can still be asked for */
    uint64_t age_ms;          /* a local read: since this node last heard how far the others are;
                                 UINT64_MAX: never */
    const struct pgraft_op_result *ops;
    size_t op_count;
    const struct pgraft_lease_info *leases;
    size_t lease_count;
    const struct pgraft_status *state;
    const struct pgraft_dump *dump;
};

typedef void (*pgraft_done_cb)(void *ctx, const struct pgraft_result *result);

/* For a write whose caller may have to ask again, perhaps another node, perhaps after this one is
 * gone: it says who it is, so that it is done once. A retry repeats all of it. Drawn at random when
 * the caller begins, and not 0; its writes are numbered from 1. */
struct pgraft_session {
    uint64_t client;
    uint64_t sequence;
    uint64_t since; /* an index that was applied before @client was drawn: pgraft_figures() */
    uint64_t acked; /* all below this sequence are answered; at least 1 */
};

struct pgraft_call {
    uint32_t timeout_ms;                  /* 0: 5,000 */
    bool local;                           /* a read: this node's state as it is, perhaps old */
    const struct pgraft_session *session; /* of a write; NULL: the library sees to it that it is
                                             done at most once, as long as this node lives */
    pgraft_done_cb done;
    void *ctx;
};

/* All: 0 or an error, and then @call->done is never called. @ret_request, which may be NULL, is
 * what pgraft_cancel() takes. What the arguments point to is copied. */
PGRAFT_API int pgraft_txn(struct pgraft *store, const struct pgraft_txn *txn,
                          const struct pgraft_call *call, uint64_t *ret_request,
                          struct pgraft_error *error);
PGRAFT_API int pgraft_put(struct pgraft *store, struct pgraft_slice key, struct pgraft_slice value,
                          uint64_t lease, const struct pgraft_call *call, uint64_t *ret_request,
                          struct pgraft_error *error);
PGRAFT_API int pgraft_get(struct pgraft *store, struct pgraft_slice key,
                          const struct pgraft_call *call, uint64_t *ret_request,
                          struct pgraft_error *error);
PGRAFT_API int pgraft_delete(struct pgraft *store, const struct pgraft_span *span,
                             const struct pgraft_call *call, uint64_t *ret_request,
                             struct pgraft_error *error);
PGRAFT_API int pgraft_range(struct pgraft *store, const struct pgraft_span *span, uint64_t limit,
                            const struct pgraft_call *call, uint64_t *ret_request,
                            struct pgraft_error *error);
/* A key as it was at @revision, from this node's memory of changes. */
PGRAFT_API int pgraft_get_at(struct pgraft *store, struct pgraft_slice key, uint64_t revision,
                             const struct pgraft_call *call, uint64_t *ret_request,
                             struct pgraft_error *error);
/* Forget how things were up to @revision. */
PGRAFT_API int pgraft_compact(struct pgraft *store, uint64_t revision,
                              const struct pgraft_call *call, uint64_t *ret_request,
                              struct pgraft_error *error);
/* The request is answered with PGRAFT_ERR_CANCELED soon, unless it was answered before. */
PGRAFT_API void pgraft_cancel(struct pgraft *store, uint64_t request);

/* ---- watches ---- */

struct pgraft_change {
    uint64_t revision;
    bool is_delete;
    bool has_previous;
    struct pgraft_pair pair; /* of a deletion: the key alone */
    struct pgraft_pair previous;
};

/* Every change of the watched keys, in order, once, whole revisions at a time. */
struct pgraft_changes {
    int status; /* PGRAFT_ERR_COMPACTED: changes before @oldest_revision are forgotten;
                   PGRAFT_ERR_CLOSED: by pgraft_close(), or this node was removed or refused (its
                   status says why). After either the watch is no more */
    const struct pgraft_change *changes;
    size_t count;             /* 0: only the news that nothing happened up to @revision */
    uint64_t revision;        /* everything up to here was told: resume at the next one */
    uint64_t oldest_revision; /* PGRAFT_ERR_COMPACTED */
};

struct pgraft_watch {
    struct pgraft_span span;
    uint64_t from_revision; /* 0: from now on */
    bool no_puts;
    bool no_deletes;
    bool want_previous;
    uint32_t progress_ms; /* tell @revision at least so often; 0: never without a change */
    void (*changed)(void *ctx, const struct pgraft_changes *changes);
    void *ctx;
};

/* On this node's copy: what it is told it has applied. */
PGRAFT_API int pgraft_watch(struct pgraft *store, const struct pgraft_watch *watch,
                            uint64_t *ret_watch, struct pgraft_error *error);
/* After it returns, in the thread that dispatches, nothing more is told. */
PGRAFT_API void pgraft_unwatch(struct pgraft *store, uint64_t watch);

/* ---- leases ---- */

struct pgraft_hold {
    uint64_t lease;
    uint64_t grant;        /* pgraft_op_result.lease_grant */
    uint64_t epoch;        /* 0 unless protected */
    uint32_t renew_for_ms; /* from now on, unless asked again: an owner that hangs loses it */
    uint64_t limit_ms;     /* count with no more than this; 0: with all of it */
};

/* This node keeps the lease alive; to be called again and again. */
PGRAFT_API int pgraft_lease_hold(struct pgraft *store, const struct pgraft_hold *hold,
                                 struct pgraft_error *error);
/* The owner does not act as the holder any more. */
PGRAFT_API void pgraft_lease_let_go(struct pgraft *store, uint64_t lease);

/* A page that other processes may map, read only. All times are CLOCK_BOOTTIME in ms. The sequence
 * is odd while it is being written: read it before and after. */
struct pgraft_lease_page {
    uint64_t sequence;
    uint64_t lease;
    uint64_t epoch;
    uint64_t deadline_ms;  /* the holder may act before it; 0: not yet, or not any more */
    uint64_t confirmed_ms; /* when the newest keep-alive that was confirmed was sent */
    int64_t status;        /* 0; else why it will not be confirmed any more */
    uint64_t beat_ms;      /* when the consensus thread last looked */
};
/* A descriptor of the page of one held lease, of the library: dup() or inherit it. The page follows
 * the protected lease that is held. */
PGRAFT_API int pgraft_lease_page_fd(const struct pgraft *store);
/* The same, read for the caller. */
PGRAFT_API void pgraft_lease_page(const struct pgraft *store, struct pgraft_lease_page *ret_page);

/* One keep-alive, and wait until it is confirmed: for holders that ask again and again. Of an
 * ordinary lease: a protected one is held, see above, for that names its epoch. */
PGRAFT_API int pgraft_lease_keep(struct pgraft *store, uint64_t lease,
                                 const struct pgraft_call *call, uint64_t *ret_request,
                                 struct pgraft_error *error);
/* By anybody; of a protected lease: it can not be renewed any more, and runs out. */
PGRAFT_API int pgraft_lease_revoke(struct pgraft *store, uint64_t lease,
                                   const struct pgraft_call *call, uint64_t *ret_request,
                                   struct pgraft_error *error);
/* The same, and only if the lease is still the one that was granted as @grant. */
PGRAFT_API int pgraft_lease_revoke_grant(struct pgraft *store, uint64_t lease, uint64_t grant,
                                         const struct pgraft_call *call, uint64_t *ret_request,
                                         struct pgraft_error *error);
/* By the holder of a protected lease, who has ended everything that it allowed. */
PGRAFT_API int pgraft_lease_release(struct pgraft *store, uint64_t lease, uint64_t epoch,
                                    const struct pgraft_call *call, uint64_t *ret_request,
                                    struct pgraft_error *error);
/* By the holder of a protected lease: from now on it lives for @ttl_ms after a keep-alive. A longer
 * time counts from when it is applied; a shorter one is asked for when nobody counts with more
 * (docs/leases.md). One that runs out already is PGRAFT_ERR_REFUSED, one of another epoch
 * PGRAFT_ERR_CONFLICT. */
PGRAFT_API int pgraft_lease_change(struct pgraft *store, uint64_t lease, uint64_t epoch,
                                   uint64_t ttl_ms, const struct pgraft_call *call,
                                   uint64_t *ret_request, struct pgraft_error *error);
/* With its keys, and what is left of it. */
PGRAFT_API int pgraft_lease_show(struct pgraft *store, uint64_t lease,
                                 const struct pgraft_call *call, uint64_t *ret_request,
                                 struct pgraft_error *error);
PGRAFT_API int pgraft_lease_list(struct pgraft *store, const struct pgraft_call *call,
                                 uint64_t *ret_request, struct pgraft_error *error);

/* ---- snapshots ---- */

/* The next slice of the dump @id, 0: the first of a new one. Whoever takes longer than ten seconds
 * for all of it is cut with PGRAFT_ERR_EXPIRED. An error is the end of the dump. */
PGRAFT_API int pgraft_dump_next(struct pgraft *store, uint64_t id, const struct pgraft_call *call,
                                uint64_t *ret_request, struct pgraft_error *error);
/* No more slices are wanted. */
PGRAFT_API void pgraft_dump_end(struct pgraft *store, uint64_t id);

/* ---- members ---- */

/* What this node knows. @ask_all: each member says for itself how it is; who does not within the
 * call's time did not answer. */
PGRAFT_API int pgraft_status(struct pgraft *store, bool ask_all, const struct pgraft_call *call,
                             uint64_t *ret_request, struct pgraft_error *error);
/* A read that the majority confirms, done by the member @id; 0: by this one. */
PGRAFT_API int pgraft_health(struct pgraft *store, uint64_t id, const struct pgraft_call *call,
                             uint64_t *ret_request, struct pgraft_error *error);
/* Leadership goes to @id; 0: to whoever is fit. */
PGRAFT_API int pgraft_transfer(struct pgraft *store, uint64_t id, const struct pgraft_call *call,
                               uint64_t *ret_request, struct pgraft_error *error);

enum pgraft_change_kind {
    PGRAFT_MEMBER_REMOVE = 1,
    PGRAFT_MEMBER_DEMOTE,  /* it keeps its copy and loses its vote */
    PGRAFT_MEMBER_PROMOTE, /* it gets a vote */
    PGRAFT_MEMBER_REPLACE, /* the node that waits for the place of this one gets it at once */
    PGRAFT_MEMBER_ADD,     /* pgraft_member_add() */
};
/* Answered when it is done, or can not be done as things are. */
PGRAFT_API int pgraft_member_change(struct pgraft *store, enum pgraft_change_kind change,
                                    const char *name, const struct pgraft_call *call,
                                    uint64_t *ret_request, struct pgraft_error *error);
/* By its id, so that it may be asked again: an id that was removed before is done, too. */
PGRAFT_API int pgraft_member_remove(struct pgraft *store, uint64_t id,
                                    const struct pgraft_call *call, uint64_t *ret_request,
                                    struct pgraft_error *error);
/* A node that runs, is blank and does not find the cluster by itself: the leader calls it. Done
 * when it has its place; PGRAFT_ERR_REFUSED with what to do if no such node answers there, before
 * the call's time is over. May be asked again. */
struct pgraft_newcomer {
    const char *name;
    const char *address;   /* where it listens for its peers */
    enum pgraft_kind kind; /* refused if it is another; 0: whichever it is */
};
PGRAFT_API int pgraft_member_add(struct pgraft *store, const struct pgraft_newcomer *newcomer,
                                 const struct pgraft_call *call, uint64_t *ret_request,
                                 struct pgraft_error *error);

/* PGRAFT_FORMING: go on without these, who never come ("pg3,w2"; "": with all); and: forget the
 * promise to one who is lost for good. docs/formation.md says when that is right. */
PGRAFT_API int pgraft_form_without(struct pgraft *store, const char *names,
                                   const struct pgraft_call *call, uint64_t *ret_request,
                                   struct pgraft_error *error);
PGRAFT_API int pgraft_form_forget(struct pgraft *store, const struct pgraft_call *call,
                                  uint64_t *ret_request, struct pgraft_error *error);

/* ---- soft state and the advisor ---- */

#define PGRAFT_SOFT_MAX 4096

/* What all members read of this one, with its age; never in the log. */
PGRAFT_API int pgraft_publish(struct pgraft *store, struct pgraft_slice bytes,
                              struct pgraft_error *error);

struct pgraft_soft {
    uint64_t member;
    uint64_t age_ms;
    struct pgraft_slice bytes;
};
/* Of the member with the lowest id above @after; false: there is none. Copies at most @size bytes
 * into @room, to which the result points. */
PGRAFT_API bool pgraft_soft_next(struct pgraft *store, uint64_t after, void *room, size_t size,
                                 struct pgraft_soft *ret_soft);

/* For the advisor, inside of advise() alone. */
PGRAFT_API bool pgraft_view_get(const struct pgraft_view *view, struct pgraft_slice key,
                                struct pgraft_pair *ret_pair);
PGRAFT_API bool pgraft_view_soft_next(const struct pgraft_view *view, uint64_t after,
                                      struct pgraft_soft *ret_soft);
PGRAFT_API uint64_t pgraft_view_now_ms(const struct pgraft_view *view);
/* The highest that was ever given to a protected lease, or may not be given any more. */
PGRAFT_API uint64_t pgraft_view_epoch(const struct pgraft_view *view);
/* The id of the member with the lowest one above @after, whatever its role; 0: there is none. */
PGRAFT_API uint64_t pgraft_view_member_next(const struct pgraft_view *view, uint64_t after);
/* The feature level in force. */
PGRAFT_API uint64_t pgraft_view_level(const struct pgraft_view *view);
/* The transaction to commit; copied. */
PGRAFT_API int pgraft_advise_txn(struct pgraft_transaction *transaction,
                                 const struct pgraft_txn *txn);
/* In its place: the feature level goes up to @level, for good. A member that knows less can not
 * apply this, nor anything behind it: the advisor has heard from every member that it knows it. */
PGRAFT_API int pgraft_advise_level(struct pgraft_transaction *transaction, uint64_t level);
/* Leadership stays where it is while false: a grant, a seal, a switchover. */
PGRAFT_API void pgraft_allow_moves(struct pgraft *store, bool allowed);

/* ---- figures ---- */

#define PGRAFT_FSYNC_BUCKETS 16

struct pgraft_figures {
    uint64_t term;
    uint64_t leader;
    bool is_leader;
    uint64_t commit_index;
    uint64_t applied_index;
    uint64_t revision;
    uint64_t proposals;
    uint64_t proposals_failed;
    uint64_t forwarded;
    uint64_t reads;
    uint64_t elections; /* leaders seen */
    uint64_t stalls;
    uint64_t stall_ms_max;
    uint64_t stamp_age_ms;
    uint64_t commits;
    /* How many commits took up to 0.1, 0.2, 0.4 ... ms; the last: longer. */
    uint64_t fsync_bucket[PGRAFT_FSYNC_BUCKETS];
    uint64_t fsync_sum_us;
    uint64_t leases;
    uint64_t keys;
    uint64_t watches;
    uint64_t used_bytes;
    uint64_t quota_bytes;
    uint64_t store_bytes;
    uint64_t peers_connected;
    uint64_t waiting; /* requests */
};
/* At once, from counters; from any thread. */
PGRAFT_API void pgraft_figures(struct pgraft *store, struct pgraft_figures *ret_figures);

#ifdef __cplusplus
}
#endif

#endif /* PGRAFT_H_ */
