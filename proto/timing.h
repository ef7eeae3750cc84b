/* proto/timing.h - do the times of a cluster fit together? (safety A5)
 *
 *   3 x election timeout + 4 x heartbeat + reconnect  <=  lease - kill budget
 *
 * A lease must outlast the loss of the raft leader: a few heartbeats until it is missed, up to
 * three rounds of an election, the way to the new leader, and then there must still be time to end
 * the holder's processes if it was all in vain. Where it does not fit, the death of a raft leader's
 * host takes a healthy holder down with it. Pure. */
#ifndef PROTO_TIMING_H_
#define PROTO_TIMING_H_

#include <stdint.h>

#include "base/err.h"

/* What ending the holder takes is never set to less; the profiles assume more. */
#define TIMING_KILL_BUDGET_MS_MIN 100

/* How long a node waits at most between two attempts to reach a peer: the net's own setting. */
#define TIMING_REDIAL_MS_MAX 200

struct timing {
    uint64_t election_timeout_ms;
    uint64_t heartbeat_ms;
    uint64_t reconnect_ms; /* from the loss of a connection to its replacement by another */
    uint64_t lease_ms;
    uint64_t kill_budget_ms;
};

/* What the settings "failover" and the wide area stand for (docs/leases.md), with the kill budget
 * that is assumed; a node whose ends take longer begins earlier. */
enum timing_profile { TIMING_FAST, TIMING_BALANCED, TIMING_PATIENT, TIMING_WIDE_AREA };
struct timing timing_of(enum timing_profile profile);
const char *timing_profile_name(enum timing_profile profile);

/* What a reconnect takes of nodes with this election timeout: the longest wait, and then an attempt
 * with its round trips, which are the longer the farther apart the hosts are. Nothing else tells
 * how far that is than the timeout that was chosen for it. */
uint64_t timing_reconnect_ms(uint64_t election_timeout_ms);

/* The shortest lease that is safe with these times; its own lease does not matter. */
uint64_t timing_lease_ms_min(const struct timing *t);

/* Election timeout and heartbeat alone: 0 or ERR_INVALID. */
int timing_check_beats(const struct timing *t, struct err *err);

/* 0, or ERR_INVALID with the sum, and which setting to change to what. */
int timing_check(const struct timing *t, struct err *err);

#endif /* PROTO_TIMING_H_ */
