/* supervisor/rows.h - each value that lies in the store, as JSON and as a struct.
 *
 * Pure. Reading is strict: a value that is cut off, of another type, out of its range or of a newer
 * version is refused as a whole, and its struct is untouched; members that this version does not
 * know decide nothing. Where Patroni has a value of that name ours begins as its does, and what it
 * does not know stands in a member "pgraft" (docs/keys.md). */
#ifndef SUPERVISOR_ROWS_H_
#define SUPERVISOR_ROWS_H_

#include "base/buf.h"
#include "base/err.h"
#include "supervisor/elect.h"
#include "supervisor/facts.h"

#define ROW_VERSION 1
#define ROW_BYTES_MAX ((size_t)64 * 1024)
#define ROW_CONFIG_BYTES_MAX ((size_t)256 * 1024)
#define ROW_HISTORY_MAX 100 /* older timelines are forgotten */
#define ROW_REASON_SIZE 96
#define ROW_STAMP_SIZE 40
#define ROW_RULE_SIZE 32

/* pgraft/grant */
struct row_grant {
    uint64_t epoch;
    uint32_t timeline; /* that the holder is to promote to, or a later one */
    struct facts_name holder;
    uint64_t member; /* its id among the members of the store */
    uint64_t copy;   /* 0: it has no data yet */
    uint64_t lease_ms;
    bool is_standby; /* the holder leads a standby cluster: it is never promoted for this epoch */
    char rule[ROW_RULE_SIZE]; /* of the election */
    struct position floor;
    enum elect_loss loss;
    uint64_t loss_bytes;
    uint64_t loss_age_ms;
};
void row_grant_encode(const struct row_grant *row, struct buf *out);
int row_grant_decode(const void *bytes, size_t size, struct row_grant *out, struct err *err);

/* pgraft/order and pgraft/hold: an epoch. */
struct row_order {
    uint64_t epoch;
};
void row_order_encode(const struct row_order *row, struct buf *out);
int row_order_decode(const void *bytes, size_t size, struct row_order *out, struct err *err);

/* sync. One that is not known says that nothing was ever acknowledged. */
void row_sync_encode(const struct sync_value *row, struct buf *out);
int row_sync_decode(const void *bytes, size_t size, struct sync_value *out, struct err *err);

/* history: one entry a timeline, oldest first. Patroni's own entries have no epoch: it is 0. */
struct row_timeline {
    struct history_row row;
    char reason[ROW_REASON_SIZE];
    char stamp[ROW_STAMP_SIZE]; /* ISO 8601 */
    struct facts_name node;
};
struct row_history {
    uint32_t count;
    struct row_timeline at[ROW_HISTORY_MAX];
};
/* The oldest makes room. */
void row_history_add(struct row_history *row, const struct row_timeline *timeline);
void row_history_encode(const struct row_history *row, struct buf *out);
int row_history_decode(const void *bytes, size_t size, struct row_history *out, struct err *err);

/* initialize: digits. 0: a beginning that never came to an end. */
void row_initialize_encode(uint64_t system_id, struct buf *out);
int row_initialize_decode(const void *bytes, size_t size, uint64_t *out, struct err *err);

/* failover: Patroni's. */
struct row_failover {
    struct facts_name leader;
    struct facts_name candidate;
    bool is_scheduled; /* for later: nobody is wanted now */
    char scheduled_at[ROW_STAMP_SIZE];
    bool accepts_loss; /* not Patroni's: the candidate is to be primary with what it has */
};
void row_failover_encode(const struct row_failover *row, struct buf *out);
int row_failover_decode(const void *bytes, size_t size, struct row_failover *out, struct err *err);

/* config: of all that is in it only whether role changes are paused. */
int row_config_decode(const void *bytes, size_t size, enum fact *ret_paused, struct err *err);

/* pgraft/life: for people. */
void row_life_encode(const struct facts_name *name, uint64_t member, uint64_t epoch, uint64_t life,
                     struct buf *out);

#endif /* SUPERVISOR_ROWS_H_ */
