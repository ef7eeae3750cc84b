/* supervisor/upstream.h - may this node come back to that primary: has the primary written its
 * checkpoint, and does it still have the WAL that is missing here?
 *
 * Asked over a connection of its own, once in a while and only by a node that wants to come back. A
 * rewind before the first checkpoint of a new primary compares with the old timeline, and finds
 * nothing to do (reliability §0.4). */
#ifndef SUPERVISOR_UPSTREAM_H_
#define SUPERVISOR_UPSTREAM_H_

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "supervisor/facts.h"
#include "supervisor/pg_link.h"
#include "supervisor/pg_rows.h"

struct upstream_seen {
    bool is_primary;
    uint32_t timeline;            /* that it writes */
    uint32_t checkpoint_timeline; /* of its last checkpoint */
    uint64_t system_id;
    uint64_t segment_size;
    uint64_t oldest_segment; /* of the WAL that it still has */
    bool has_slot;           /* the one that was asked for is there, whole, and nobody uses it */
};

/* Pure. With the slot of the node that asks, or NULL: it uses none. */
#define UPSTREAM_SQL_SIZE 1024
const char *upstream_sql(const char *slot, char out[UPSTREAM_SQL_SIZE]);
int upstream_parse(const struct pg_rows *rows, struct upstream_seen *ret_seen, struct err *err);
/* What that is for return_plan(), for a node whose WAL ends at @end; the rest of @out is left. */
void upstream_fill(const struct upstream_seen *seen, const struct position *end,
                   struct return_facts *out);

struct upstream_look;
/* @seen, or @failure. */
typedef void (*upstream_cb)(struct upstream_look *look, const struct upstream_seen *seen,
                            const struct pg_failure *failure);
typedef void (*upstream_closed_cb)(struct upstream_look *look);

/* One look; the struct belongs to the caller until on_closed. */
struct upstream_look {
    void *owner;
    struct pg_link link;
    uint64_t answer_ms;
    char sql[UPSTREAM_SQL_SIZE];
    upstream_cb on_seen;
    upstream_closed_cb on_closed;
};

/* Connect to @place, ask once, answer by @on_seen, exactly once and never from in here. */
int upstream_look_start(struct upstream_look *look, uv_loop_t *loop, const struct pg_place *place,
                        const char *slot, upstream_cb on_seen, struct err *err);
/* At any time after a start that succeeded; without an answer so far there will be none. */
void upstream_look_close(struct upstream_look *look, upstream_closed_cb on_closed);

#endif /* SUPERVISOR_UPSTREAM_H_ */
