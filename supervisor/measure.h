/* supervisor/measure.h - figures of the store as what timing_check.h judges.
 *
 * Pure. No figure is asked for that is not there anyway: members ping each other, commits are
 * counted by how long they took. */
#ifndef SUPERVISOR_MEASURE_H_
#define SUPERVISOR_MEASURE_H_

#include <stdbool.h>
#include <stdint.h>

#include "consensus/pgraft.h"

/* To the nearest members that make a majority with this one, and to the leader: what the renewal of
 * a lease takes. False: too few of them were heard. */
bool measure_round_trip(const struct pgraft_status *status, uint64_t *ret_us);

/* What all commits but one in a hundred, and but the slowest, took at least since @before was
 * taken. False: there were fewer than two. Since a bucket is as wide as its lower bound, it may
 * have been up to twice as long: what is told is what is certain. */
bool measure_fsync(const struct pgraft_figures *before, const struct pgraft_figures *now,
                   uint64_t *ret_us);

#endif /* SUPERVISOR_MEASURE_H_ */
