/* consensus/machine_impl.h - the inside of the state machine, for machine*.c alone. */
#ifndef CONSENSUS_MACHINE_IMPL_H_
#define CONSENSUS_MACHINE_IMPL_H_

#include "base/buf.h"
#include "consensus/client_table.h"
#include "consensus/lease_table.h"
#include "consensus/machine.h"
#include "consensus/record.h"
#include "consensus/rowbook.h"
#include "proto/kv_codec.h"

struct machine {
    struct machine_options options;

    /* The replicated state. */
    struct omap keys; /* of struct record */
    struct lease_table leases;
    struct client_table clients;
    struct rowbook book;
    uint64_t index;
    uint64_t revision;
    uint64_t compacted;
    uint64_t used_bytes;
    uint64_t quota_bytes;
    uint64_t feature_level;
    uint64_t epoch;
    bool hold_epochs;
    bool quota_alarm;
    struct hash128 chain;

    /* For one command at a time. */
    struct kv_decoder decoder;
    struct arena arena; /* of the result */
    struct kv_result result;
    struct kv_op_result op_result; /* of commands with one op */
    uint64_t answer_bytes;         /* of the result so far, as KV_ANSWER_BYTES_MAX counts */
    struct record **trash;         /* old records that the result may show */
    size_t trash_count;
    size_t trash_room;

    /* For rows. */
    bool is_meta_dirty;
    bool has_meta;           /* while loading: the row was seen */
    struct hash128 meta_sum; /* ... and says that the others sum up to this */
    uint64_t meta_counts[5]; /* ... and that there are so many keys, leases, clients, results, and
                                bytes of the quota in use */
    struct buf row_value;

    /* machine_destroy_some() */
    bool is_dying;
    struct record *dying;
    struct omap_at dying_at;
};

/* machine_txn.c: run a list of ops as one change. Returns 0 or the error; fills what it must of the
 * machine's result, whose index is set. */
int machine_run_op(struct machine *machine, const struct kv_command *command);
int machine_run_txn(struct machine *machine, const struct kv_command *command);

/* machine_lease.c: the commands about a lease, and what a grant must and does. */
int machine_end_lease(struct machine *machine, const struct kv_lease_end *end);
int machine_change_lease(struct machine *machine, const struct kv_command *command);
int machine_check_grant(const struct machine *machine, const struct kv_lease_grant *grant);
struct lease *machine_grant(struct machine *machine, const struct kv_lease_grant *grant,
                            uint64_t id);
/* Somebody else reached for a key or for the lease itself: it is no longer renewable. */
void machine_mark_lease(struct machine *machine, struct lease *lease);
void machine_lease_facts(const struct lease *lease, struct machine_lease *ret_lease);
void machine_fill_lease_result(const struct lease *lease, struct kv_op_result *ret_result);

/* machine.c: single changes, to be followed by machine_end_revision() once for all of a command. */
void machine_put(struct machine *machine, struct record *record, struct record *old,
                 const struct omap_at *at);
void machine_remove(struct machine *machine, struct record *record);
void machine_end_revision(struct machine *machine);
/* The revision that the running command writes. */
static inline uint64_t machine_next_revision(const struct machine *machine)
{
    return machine->revision + 1;
}
/* The quota; what is refused raises the alarm. */
bool machine_quota_allows(struct machine *machine, const struct kv_command *command, uint64_t more,
                          uint64_t less);

/* machine_read.c: as much of @range as still fits into an answer that has *answer_bytes already. */
void machine_collect(const struct machine *machine, const struct kv_range *range,
                     struct arena *arena, uint64_t *answer_bytes, struct kv_op_result *ret_result);
/* May a pair of @charge be added to an answer? The first one always. */
static inline bool machine_answer_takes(uint64_t answer_bytes, uint64_t charge)
{
    return answer_bytes == 0 || answer_bytes + charge <= KV_ANSWER_BYTES_MAX;
}
struct record *machine_find(const struct machine *machine, struct kv_slice key);
/* Of rows that sum up to @sum, and of what stands in no row of its own. */
struct hash128 machine_state_hash(const struct machine *machine, const struct hash128 *sum);

/* machine_rows.c: after a flush, and for closing. */
void machine_free_row(struct row *row);

#endif /* CONSENSUS_MACHINE_IMPL_H_ */
