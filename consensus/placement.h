/* consensus/placement.h - should leadership of Raft be elsewhere, and where?
 *
 * A pure function of what the leader knows: no I/O, no clock, no memory. core_placement.c gathers
 * the facts and hands over.
 *
 * A leader is badly placed where its disk is slow (each election and each new term waits for it),
 * where the holder of a protected lease is (the death of that host would cost an election before
 * the lease can be given to another: safety A6), and where it hears the holder through others only.
 * It goes to a voter that is better placed by the same measure and fit to lead at once, or it
 * stays; so leadership never wanders between places that are equally bad. */
#ifndef CONSENSUS_PLACEMENT_H_
#define CONSENSUS_PLACEMENT_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "consensus/engine.h"

#define PLACEMENT_PAUSE_MS 30000 /* between two moves (safety A6) */
#define PLACEMENT_RELAY_MS 1000  /* hearing the holder by relay alone is borne for so long */

/* What the leader knows of a voter; of itself only the last three count. */
struct placement_voter {
    uint64_t id;
    bool is_alive;      /* heard lately */
    bool is_caught_up;  /* has the log, but for what is on its way */
    bool has_slow_disk; /* or a full one */
    bool holds_lease;   /* a protected one */
    bool hears_holder;  /* is known to, without others between; the leader: has within
                           PLACEMENT_RELAY_MS, or knows of nobody who does */
};

struct placement_facts {
    bool is_established;   /* knows all that is committed */
    bool is_allowed;       /* by the owner */
    bool is_changing;      /* membership, or leadership already */
    bool has_moved;        /* as far as this node knows ... */
    uint64_t moved_age_ms; /* ... this long ago */
    struct placement_voter leader;
    size_t count;
    struct placement_voter others[MEMBERS_MAX]; /* voters */
};

struct placement {
    uint64_t to;      /* 0: stay */
    const char *rule; /* which said so; a static string */
};

struct placement placement_decide(const struct placement_facts *f);

/* The rules in their order, for tests and for whoever explains them; NULL behind the last. */
const char *placement_rule(size_t at);

#endif /* CONSENSUS_PLACEMENT_H_ */
