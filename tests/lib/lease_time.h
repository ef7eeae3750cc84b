/* tests/lib/lease_time.h - a holder whose lease is made longer, and its own time again: what
 * supervisor/supervisor_upgrade.c does, without a PostgreSQL. */
#ifndef TESTS_LIB_LEASE_TIME_H_
#define TESTS_LIB_LEASE_TIME_H_

#include "supervisor/store_side.h"

#define LEASE_TIME_LONG_MS 6000

/* True: it has its own time again, after a change of this life. */
static inline bool lease_time_turn(struct store_side *side, bool stretches, uint64_t now_ms)
{
    bool is_done = holder_outcome(&side->holder, HOLDER_TIME) == HOLDER_DONE;
    uint64_t own_ms = side->hold.limit_ms;
    if (stretches && is_done) {
        lease_hold_stretch(&side->hold, true, now_ms);
    } else if (stretches) {
        (void)holder_time(&side->holder, &side->view, now_ms, LEASE_TIME_LONG_MS);
    } else if (is_done) {
        return side->holder.ttl_ms == own_ms;
    } else if (lease_hold_may_shorten(&side->hold, now_ms)) {
        (void)holder_time(&side->holder, &side->view, now_ms, own_ms);
    }
    return false;
}

#endif /* TESTS_LIB_LEASE_TIME_H_ */
