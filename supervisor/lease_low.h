/* supervisor/lease_low.h - how little was left of a lease at the least, lately.
 *
 * Pure. Whoever looks once a minute sees a remainder by chance; what tells that a host is about to
 * lose its lease is how low it went between. Kept for the minute that runs and the one before, so
 * each dip is seen by whoever looks that often. */
#ifndef SUPERVISOR_LEASE_LOW_H_
#define SUPERVISOR_LEASE_LOW_H_

#include <stdint.h>

#define LEASE_LOW_MINUTE_MS UINT64_C(60000)

/* Zeroed at the beginning. */
struct lease_low {
    uint64_t began_ms; /* of the minute that runs; 0: nothing was noted yet */
    uint64_t now_ms;   /* the least in it; UINT64_MAX: no lease was held */
    uint64_t before_ms;
    uint64_t epoch; /* the newest of which something was left */
};

/* @left_ms is left of the lease of @epoch; 0: none is held. One that was just granted and never
 * confirmed has nothing left yet, and that is no dip. @now_ms is not 0. */
void lease_low_note(struct lease_low *low, uint64_t now_ms, uint64_t epoch, uint64_t left_ms);
/* UINT64_MAX: none was held. */
uint64_t lease_low_of(const struct lease_low *low);

#endif /* SUPERVISOR_LEASE_LOW_H_ */
