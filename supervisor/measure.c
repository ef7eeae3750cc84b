/* supervisor/measure.c - the one ping, and the one commit, that count. */
#include "supervisor/measure.h"

#include <stddef.h>

#include "base/must.h"

#define VOTERS_MAX 16
#define SHORTEST_US 100 /* of the first bucket; each of the others ends at twice as much */

static uint64_t longer(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

bool measure_round_trip(const struct pgraft_status *status, uint64_t *ret_us)
{
    uint64_t pings[VOTERS_MAX]; /* the shortest first */
    size_t heard = 0;
    size_t voters = 0;
    uint64_t leader_us = 0;
    bool votes = false;
    for (size_t i = 0; i < status->member_count && heard < VOTERS_MAX; i++) {
        const struct pgraft_member *m = &status->members[i];
        if (m->role != PGRAFT_VOTER) {
            continue;
        }
        voters++;
        votes = votes || m->is_self;
        if (m->is_self || m->ping_us == 0) {
            continue;
        }
        leader_us = m->is_leader ? m->ping_us : leader_us;
        size_t at = heard++;
        for (; at > 0 && pings[at - 1] > m->ping_us; at--) {
            pings[at] = pings[at - 1];
        }
        pings[at] = m->ping_us;
    }
    size_t others = voters / 2 + (votes ? 0 : 1); /* a majority, this node not counted */
    if (voters == 0 || heard < others) {
        return false;
    }
    *ret_us = longer(others > 0 ? pings[others - 1] : 0, leader_us);
    return true;
}

bool measure_fsync(const struct pgraft_figures *before, const struct pgraft_figures *now,
                   uint64_t *ret_us)
{
    uint64_t count = 0;
    for (size_t i = 0; i < PGRAFT_FSYNC_BUCKETS; i++) {
        if (now->fsync_bucket[i] < before->fsync_bucket[i]) {
            return false; /* another store than before */
        }
        count += now->fsync_bucket[i] - before->fsync_bucket[i];
    }
    if (count < 2) {
        return false;
    }
    uint64_t left_out = longer(count / 100, 1);
    size_t at = PGRAFT_FSYNC_BUCKETS - 1;
    for (;; at--) {
        uint64_t here = now->fsync_bucket[at] - before->fsync_bucket[at];
        if (here > left_out) {
            break;
        }
        left_out -= here;
        MUST(at > 0);
    }
    *ret_us = at > 0 ? (uint64_t)SHORTEST_US << (at - 1) : 0;
    return true;
}
