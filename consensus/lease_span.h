/* consensus/lease_span.h - how long is a lease of T milliseconds, for its holder and for its
 * leader?
 *
 * In true time the holder's span ends before T has passed since it sent the keep-alive, and the
 * leader's after T has passed since it could have received it, whatever clocks within
 * LEASE_RATE_PPM of the true rate and whole milliseconds do to either. docs/leases.md has the
 * proof; test_lease_clock.c counts it through. */
#ifndef CONSENSUS_LEASE_SPAN_H_
#define CONSENSUS_LEASE_SPAN_H_

#include <stdint.h>

/* How much faster or slower than true time a clock of ours may run. */
#define LEASE_RATE_PPM 500
/* Whole milliseconds: the reading of a clock that is cut off costs up to one of them. The leader
 * has up to three such readings in its sum (receipt, and two in the age that a vote tells). */
#define LEASE_HOLDER_CUT_MS 1
#define LEASE_LEADER_CUT_MS 4

/* Twice the rate: one clock is slow and the other fast. Rounded up. */
static inline uint64_t lease_drift_ms(uint64_t ttl_ms)
{
    return (ttl_ms * 2 * LEASE_RATE_PPM + 999999) / 1000000;
}

/* The holder's: from before it sent a keep-alive that was confirmed. */
static inline uint64_t lease_holder_ms(uint64_t ttl_ms)
{
    uint64_t lost = lease_drift_ms(ttl_ms) + LEASE_HOLDER_CUT_MS;
    return ttl_ms > lost ? ttl_ms - lost : 0;
}

/* The leader's: from when it received the last keep-alive, or from when any leader may have. */
static inline uint64_t lease_leader_ms(uint64_t ttl_ms)
{
    return ttl_ms + lease_drift_ms(ttl_ms) + LEASE_LEADER_CUT_MS;
}

#endif /* CONSENSUS_LEASE_SPAN_H_ */
