/* consensus/machine.h - the replicated state machine: keys, leases, and what was answered to whom.
 *
 * Applies the committed entries of the log one after the other. Deterministic: no clock, no I/O, no
 * randomness, no addresses in what it decides; the same commands give the same state, the same
 * results and the same hashes on every node, wherever it was flushed, reloaded or snapshotted in
 * between. Total: any bytes give a result.
 *
 * Revisions: every command that writes a key raises the store's revision by one, however many keys
 * it writes. A command that changes leases, settings or nothing at all does not.
 *
 * Leases: the machine knows which there are, not until when they run; that is the raft leader's
 * affair, and an expiry arrives here as a command (KV_LEASE_EXPIRE) that names the generation of
 * the lease whose time it counted. A lease that was granted or changed since has another one, and
 * the expiry does nothing.
 *
 * A protected lease (the primary's) follows safety A3 like this. Its holder is whoever names the
 * lease and its epoch. A key on it can be written by the holder alone, who must leave it on the
 * lease; it goes away with the lease and in no other way: by the holder's release (id and epoch,
 * sent when its PostgreSQL is gone), or by an expiry. Whoever else tries to overwrite, delete or
 * revoke gets ERR_REFUSED, nothing of the command is done, and the lease is marked: it is no longer
 * renewable, so it will run out and make room, and the holder ends in time. So nobody, whatever it
 * does to the store, makes place for a second epoch early; and an epoch is never given twice,
 * because each must be above every earlier one. */
#ifndef CONSENSUS_MACHINE_H_
#define CONSENSUS_MACHINE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "consensus/hash128.h"
#include "proto/arena.h"
#include "proto/kv.h"
#include "storage/batch.h"

struct machine;
struct watch_hub;

/* A lease as everybody may see it. */
struct machine_lease {
    uint64_t id;
    uint64_t ttl_ms;
    uint64_t generation;    /* index of the entry that granted it or last changed its time */
    uint64_t granted_index; /* of the entry that granted it: names this grant for ever */
    uint64_t holder;
    uint64_t epoch; /* 0 unless protected */
    uint64_t key_count;
    uint64_t marked_index; /* of the entry that made it no longer renewable; 0: it is */
    bool is_protected;
};

enum machine_lease_event {
    MACHINE_LEASE_GRANTED,
    MACHINE_LEASE_CHANGED, /* another time, and generation: the full time runs from here */
    MACHINE_LEASE_MARKED,  /* no longer renewable */
    MACHINE_LEASE_REMOVED, /* revoked, released or expired */
};

/* Called while a command is applied; must not call back into the machine. A machine that is loaded
 * tells nothing: whoever keeps time asks it for its leases. */
typedef void (*machine_lease_cb)(void *context, enum machine_lease_event event,
                                 const struct machine_lease *lease);

struct machine_options {
    struct watch_hub
        *hub; /* told of every event; outlives the machine; may be NULL. One that was in
                 use before: machine_load_done(), also when there is nothing to load */
    machine_lease_cb lease_cb; /* may be NULL */
    void *context;
};

struct machine *machine_create(const struct machine_options *options);
/* Accepts NULL. */
void machine_destroy(struct machine *machine);
/* A large one takes a while: the same in slices of so many keys. False: there is more to do, and it
 * is good for nothing but this. */
bool machine_destroy_some(struct machine *machine, size_t records);

/* ---- applying ---- */

/* Apply the entry @index, above every earlier one. Returns 0, and *ret_result is what it is
 * answered: an error in it is the command's, not the machine's. Or ERR_VERSION: the command was
 * written by a newer version; nothing was changed, not even the index, and this node must not go on
 * without an upgrade, since the others do apply it.
 *
 * The result lives until machine_apply() or machine_forget_result(). */
int machine_apply(struct machine *machine, uint64_t index, const void *bytes, size_t size,
                  const struct kv_result **ret_result, struct err *err);
/* The result was delivered: let go of the old values that it holds on to. */
void machine_forget_result(struct machine *machine);

/* ---- founding another cluster on this state ---- */

/* The state becomes the beginning of another cluster's (docs/decisions/0006), as of the entry
 * @index, which is above every earlier one. Revision and epoch move on by @by, so that no number
 * that anybody was told in the old cluster, also after this state, means something else in the new
 * one. No lease can be renewed: each runs out in its full time, counted by the new leader. */
void machine_leap(struct machine *machine, uint64_t index, uint64_t by);

/* ---- reading ---- */

/* What a pair points to lives until the next machine_apply(). */
bool machine_get(const struct machine *machine, struct kv_slice key, struct kv_pair *ret_pair);
/* As it was at an earlier revision: 0, ERR_NOT_FOUND, ERR_INVALID (a revision to come), or
 * ERR_COMPACTED when the hub's history does not reach back so far. */
int machine_get_at(const struct machine *machine, struct kv_slice key, uint64_t revision,
                   struct kv_pair *ret_pair);
/* The answer's list of pairs comes from @arena, to be reset by the caller, with a limit above what
 * MACHINE_RANGE_ARENA allows for. @range is sound (kv_range_check). With @more, the next request
 * starts at a KV_SPAN_RANGE from the last key and a zero byte; the answer's revision is
 * machine_status() at that moment. */
void machine_range(const struct machine *machine, const struct kv_range *range, struct arena *arena,
                   struct kv_op_result *ret_result);
#define MACHINE_RANGE_ARENA (2 * KV_ANSWER_BYTES_MAX)

bool machine_lease(const struct machine *machine, uint64_t id, struct machine_lease *ret_lease);
/* The lease with the lowest id above @id: from 0 on, every lease once. */
bool machine_lease_next(const struct machine *machine, uint64_t id,
                        struct machine_lease *ret_lease);
/* The keys of a lease in order, listed in @arena, which takes 16 bytes for each; how many. They
 * live as pairs do. */
size_t machine_lease_keys(const struct machine *machine, uint64_t id, struct arena *arena,
                          const struct kv_slice **ret_keys);

struct machine_status {
    uint64_t index; /* of the last entry applied */
    uint64_t revision;
    uint64_t compacted; /* events up to this revision may not be asked for any more */
    uint64_t key_count;
    uint64_t lease_count;
    uint64_t client_count;
    uint64_t client_result_count;
    uint64_t client_horizon;
    uint64_t quota_bytes;
    uint64_t used_bytes; /* of the quota */
    bool quota_alarm;    /* a write was refused for the quota; goes when a tenth of it is free */
    bool hold_epochs;
    uint64_t feature_level;
    uint64_t epoch;       /* the highest given */
    struct hash128 hash;  /* of the state, whatever way led to it */
    struct hash128 chain; /* of the way: every entry applied, its result and the state after it */
};
void machine_status(const struct machine *machine, struct machine_status *ret_status);
/* The state's hash from all rows anew, for tests and checks; equal to that of machine_status(). */
struct hash128 machine_rehash(const struct machine *machine);

/* ---- rows on disk ---- */

typedef void (*machine_emit_cb)(void *context, const struct store_row *row);

/* About what machine_flush() would hand over now. */
size_t machine_dirty_bytes(const struct machine *machine);
bool machine_is_dirty(const struct machine *machine);
/* Hand over every row that changed since the last flush, in the order in which they must be
 * written; all of them belong into one transaction, with the index of machine_status(). Returns how
 * many. A row lives as long as the call of @emit. */
size_t machine_flush(struct machine *machine, machine_emit_cb emit, void *context);

/* Rows whose key begins with one of these bytes are the machine's; others are never touched. */
#define MACHINE_ROW_KINDS "Kckmlr"
bool machine_owns_row(const void *key, size_t key_size);
/* What one row says of the whole state; false: it is another one. */
struct machine_facts {
    uint64_t index;
    uint64_t revision;
    uint64_t epoch;
    uint64_t feature_level;
    uint64_t hash_low; /* over all rows */
    uint64_t hash_high;
};
bool machine_facts_of_row(const struct store_row *row, struct machine_facts *out);
/* Fill a new machine with the rows of a flushed one, in any order, then call machine_load_done(),
 * which compares hashes. After an error the machine is good for machine_destroy() alone. No rows at
 * all are the state before the first entry. */
int machine_load_row(struct machine *machine, const struct store_row *row, struct err *err);
int machine_load_done(struct machine *machine, struct err *err);

#endif /* CONSENSUS_MACHINE_H_ */
