/* supervisor/upkeep.h - a PostgreSQL's own house: the replication slots of the other members, a new
 * primary's first checkpoint, without which nobody can rewind to it, and who asks it for less than
 * was promised.
 *
 *   look --> one statement after the other --> who asks for less, on a synchronous primary
 *        --> a checkpoint, if it is due --> later: look again
 *
 * Over a connection of its own, beside whatever the supervisor does: nothing here is urgent, and
 * nothing waits for it. What fails is tried again with the next look. One loop, one thread. */
#ifndef SUPERVISOR_UPKEEP_H_
#define SUPERVISOR_UPKEEP_H_

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "supervisor/pg_link.h"
#include "supervisor/slots.h"
#include "supervisor/weak.h"

struct upkeep;
typedef void (*upkeep_cb)(struct upkeep *upkeep);

struct upkeep {
    void *owner;
    upkeep_cb on_closed;
    struct pg_link link;
    struct slots_book book;
    struct slots_input input;
    struct slots_seen seen;
    struct slots_plan plans[SLOTS_MAX];
    uint32_t plan_count;
    uint32_t plan_at;
    bool wants_weak; /* the caller's: it is a primary that is to wait for standbys */
    bool is_weak_due;
    bool was_weak_refused; /* the last time: it is in the log already */
    struct weak_seen weak; /* of the last look that wanted it */
    uint64_t print;        /* of the input of the last look: what differs is looked at at once */
    uint64_t now_ms;       /* of the last tick */
    uint64_t look_at_ms;   /* not before that */
    bool is_working;
    bool is_closing;
};

/* @place: its statement_ms has to be above UPKEEP_CHECKPOINT_MS. */
#define UPKEEP_CHECKPOINT_MS ((uint64_t)30 * 60 * 1000)
int upkeep_open(struct upkeep *upkeep, uv_loop_t *loop, const struct pg_place *place,
                struct err *err);
/* Every 50 ms or so. @input NULL: PostgreSQL does not run, or must be left alone. */
void upkeep_tick(struct upkeep *upkeep, uint64_t now_ms, const struct slots_input *input);
void upkeep_close(struct upkeep *upkeep, upkeep_cb on_closed);

#endif /* SUPERVISOR_UPKEEP_H_ */
