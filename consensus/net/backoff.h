/* consensus/net/backoff.h - how long to wait before the next attempt: longer each time, and not in
 * step with others. Pure. */
#ifndef CONSENSUS_NET_BACKOFF_H_
#define CONSENSUS_NET_BACKOFF_H_

#include <stdint.h>

/* A zeroed struct has not failed yet. */
struct backoff {
    unsigned int failures;
};

/* It has failed once more: the wait, between half and all of what is doubled from @min_ms up to
 * @max_ms. @chance is any random number. */
uint32_t backoff_next_ms(struct backoff *b, uint32_t min_ms, uint32_t max_ms, uint64_t chance);

#endif /* CONSENSUS_NET_BACKOFF_H_ */
