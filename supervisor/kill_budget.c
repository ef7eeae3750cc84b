/* supervisor/kill_budget.c - twice the slowest of the last ends, within its bounds. */
#include "supervisor/kill_budget.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/must.h"
#include "proto/timing.h"

#define FACTOR 2
#define LONGEST_MS UINT64_C(3600000) /* keeps the sums far from the end of 64 bits */

void kill_budget_note(struct kill_budget *k, uint64_t took_ns, uint64_t processes)
{
    if (processes == 0) {
        return;
    }
    uint64_t took_ms = took_ns / NS_PER_MS + (took_ns % NS_PER_MS != 0 ? 1 : 0);
    k->ends[k->next] = (struct kill_end){.took_ms = took_ms < LONGEST_MS ? took_ms : LONGEST_MS,
                                         .processes = processes};
    k->next = (k->next + 1) % KILL_BUDGET_ENDS;
}

static struct kill_end slowest(const struct kill_budget *k)
{
    struct kill_end worst = k->ends[0];
    for (size_t i = 1; i < ARRAY_LEN(k->ends); i++) {
        worst = k->ends[i].took_ms > worst.took_ms ? k->ends[i] : worst;
    }
    return worst;
}

/* What the loss of a raft leader takes: the sum of A5 without the end of the holder. */
static uint64_t leader_loss_ms(const struct supervisor_times *t)
{
    const struct timing beats = {.election_timeout_ms = t->election_timeout_ms,
                                 .heartbeat_ms = t->heartbeat_ms,
                                 .reconnect_ms = t->reconnect_ms};
    return timing_lease_ms_min(&beats);
}

/* Of this lease; that is what was assumed, where a lease that somebody else has granted is shorter
 * than it should be. */
static uint64_t most_ms(const struct supervisor_times *t)
{
    uint64_t loss_ms = leader_loss_ms(t);
    uint64_t rest_ms = t->lease_ms > loss_ms ? t->lease_ms - loss_ms : 0;
    uint64_t most = rest_ms < t->promote_margin_ms ? rest_ms : t->promote_margin_ms;
    return most > t->kill_budget_ms ? most : t->kill_budget_ms;
}

/* The shortest one that leaves @budget_ms. */
static uint64_t lease_for(const struct supervisor_times *t, uint64_t budget_ms)
{
    uint64_t by_sum = leader_loss_ms(t) + budget_ms;
    uint64_t by_margin = (budget_ms * 10 + 2) / 3; /* supervisor/timing_profile.c */
    return by_sum > by_margin ? by_sum : by_margin;
}

bool kill_budget_apply(const struct kill_budget *k, struct supervisor_times *times,
                       char out[KILL_BUDGET_TEXT_SIZE])
{
    struct kill_end worst = slowest(k);
    uint64_t wanted_ms = FACTOR * worst.took_ms;
    uint64_t most = most_ms(times);
    out[0] = '\0';
    if (wanted_ms > times->kill_budget_ms) {
        times->kill_budget_ms = wanted_ms < most ? wanted_ms : most;
    }
    if (worst.took_ms <= most) {
        return true;
    }
    (void)snprintf(
        out, KILL_BUDGET_TEXT_SIZE,
        "ending PostgreSQL took %" PRIu64 " ms lately, with %" PRIu64
        " processes, and a lease of %" PRIu64 " ms leaves %" PRIu64
        " ms for it: some of them may still be there when it is over. Look for what keeps "
        "them (a disk that hangs, memory that is swapped, too little CPU), or set lease_ms to "
        "%" PRIu64 " or more",
        worst.took_ms, worst.processes, times->lease_ms, most, lease_for(times, wanted_ms));
    return false;
}
