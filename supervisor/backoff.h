/* supervisor/backoff.h - the pause before what has failed is tried again: it doubles, up to a
 * limit.
 */
#ifndef SUPERVISOR_BACKOFF_H_
#define SUPERVISOR_BACKOFF_H_

#include <stdint.h>

#define BACKOFF_DOUBLES_MAX 10

/* After @failures of them before this one. */
static inline uint64_t backoff_ms(uint64_t least_ms, uint32_t failures, uint64_t max_ms)
{
    uint64_t pause_ms =
        least_ms << (failures < BACKOFF_DOUBLES_MAX ? failures : BACKOFF_DOUBLES_MAX);
    return pause_ms < max_ms ? pause_ms : max_ms;
}

#endif /* SUPERVISOR_BACKOFF_H_ */
