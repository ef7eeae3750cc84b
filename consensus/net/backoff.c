/* consensus/net/backoff.c - doubling with chance. */
#include "consensus/net/backoff.h"

#include "base/must.h"

#define DOUBLINGS_MAX 16

uint32_t backoff_next_ms(struct backoff *b, uint32_t min_ms, uint32_t max_ms, uint64_t chance)
{
    MUST(min_ms > 0);
    MUST(min_ms <= max_ms);
    uint64_t ms = (uint64_t)min_ms << b->failures;
    ms = ms < max_ms ? ms : max_ms;
    if (b->failures < DOUBLINGS_MAX) {
        b->failures++;
    }
    uint64_t half = (ms + 1) / 2;
    return (uint32_t)(half + chance % (ms - half + 1));
}
