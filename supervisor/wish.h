/* supervisor/wish.h - what the primary makes of a wish that its role goes elsewhere.
 *
 * Pure. The key `failover` is put by whoever is asked (daemon/http_switch.c, or by hand). The node
 * that leads begins what was for later when its time has come, and drops what can not be done: else
 * it would be done at a moment when nobody thinks of it any more. Who asked sees that it is gone.
 */
#ifndef SUPERVISOR_WISH_H_
#define SUPERVISOR_WISH_H_

#include "supervisor/rows.h"

#define WISH_MAX_MS 10000  /* until somebody could take over; then it is dropped */
#define WISH_LATE_MS 15000 /* ... and so is one that was to be begun so long ago */

struct wish_seen {
    struct row_failover row;
    struct facts_name self; /* it leads, and serves */
    bool is_paused;         /* or nobody knows */
    bool is_begun;          /* the hand-over is under way */
    bool is_refused;        /* ... and was given up */
    bool is_answered;       /* a drop is on its way to the store, or a beginning */
    const char *failed;     /* what has kept it from being handed over; NULL: nothing yet */
    uint64_t wall_ms;
    uint64_t seen_ms; /* for so long it has been there */
};

enum wish_step {
    WISH_WAIT,
    WISH_BEGIN, /* it is put again, as one for now */
    WISH_DROP,
};

struct wish_plan {
    enum wish_step step;
    const char *why; /* of a drop */
};

struct wish_plan wish_plan(const struct wish_seen *seen);
/* Nothing is begun for it any more, also while it is still there: who asked is told that it was
 * given up. */
bool wish_is_over(const struct wish_seen *seen);

#endif /* SUPERVISOR_WISH_H_ */
