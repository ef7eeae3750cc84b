/* supervisor/lease_low.c - the least of two minutes. */
#include "supervisor/lease_low.h"

#include <stdbool.h>

#include "base/must.h"

static uint64_t less(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void lease_low_note(struct lease_low *low, uint64_t now_ms, uint64_t epoch, uint64_t left_ms)
{
    MUST(now_ms >= low->began_ms && now_ms != 0);
    uint64_t age_ms = now_ms - low->began_ms;
    if (low->began_ms == 0 || age_ms >= LEASE_LOW_MINUTE_MS) {
        bool is_next = low->began_ms != 0 && age_ms < 2 * LEASE_LOW_MINUTE_MS;
        low->before_ms = is_next ? low->now_ms : UINT64_MAX;
        low->now_ms = UINT64_MAX;
        low->began_ms = now_ms;
    }
    low->epoch = left_ms > 0 ? epoch : low->epoch;
    if (epoch != 0 && epoch == low->epoch) {
        low->now_ms = less(low->now_ms, left_ms);
    }
}

uint64_t lease_low_of(const struct lease_low *low)
{
    return low->began_ms != 0 ? less(low->now_ms, low->before_ms) : UINT64_MAX;
}
