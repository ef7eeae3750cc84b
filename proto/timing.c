/* proto/timing.c - the sum of safety A5, and the profiles that keep to it. */
#include "proto/timing.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "base/must.h"

#define ELECTIONS 3
#define HEARTBEATS 4
/* Of a heartbeat in an election timeout: fewer, and one lost packet starts an election. */
#define BEATS_PER_ELECTION 3
/* Of an attempt, TLS and the greeting included, between hosts that are near. */
#define NEAR_ATTEMPT_MS 50
/* Longer is a slip of the pen, and keeps the sums far from the end of 64 bits. */
#define LONGEST_MS UINT64_C(86400000)

/* A host that has lost its lease is often one that is overloaded: what ends take on a calm one is
 * no reason for less. pgraftd takes more where they took longer (supervisor/kill_budget.h). */
#define KILL_BUDGET_MS 500

// clang-format off
static const struct {
    const char *name;
    uint64_t election_timeout_ms;
    uint64_t heartbeat_ms;
    uint64_t lease_ms;
} profiles[] = {
    /*                                  election heartbeat lease */
    [TIMING_FAST]      = {"fast",       300,     50,       2000},
    [TIMING_BALANCED]  = {"balanced",   500,     100,      5000},
    [TIMING_PATIENT]   = {"patient",    500,     100,      15000},
    [TIMING_WIDE_AREA] = {"wide area",  1000,    100,      5000},
};
// clang-format on

struct timing timing_of(enum timing_profile profile)
{
    MUST((size_t)profile < ARRAY_LEN(profiles));
    uint64_t election_timeout_ms = profiles[profile].election_timeout_ms;
    return (struct timing){.election_timeout_ms = election_timeout_ms,
                           .heartbeat_ms = profiles[profile].heartbeat_ms,
                           .reconnect_ms = timing_reconnect_ms(election_timeout_ms),
                           .lease_ms = profiles[profile].lease_ms,
                           .kill_budget_ms = KILL_BUDGET_MS};
}

const char *timing_profile_name(enum timing_profile profile)
{
    MUST((size_t)profile < ARRAY_LEN(profiles));
    return profiles[profile].name;
}

uint64_t timing_reconnect_ms(uint64_t election_timeout_ms)
{
    uint64_t near_ms = TIMING_REDIAL_MS_MAX + NEAR_ATTEMPT_MS;
    uint64_t far_ms = election_timeout_ms / 2;
    return far_ms > near_ms ? far_ms : near_ms;
}

uint64_t timing_lease_ms_min(const struct timing *t)
{
    return ELECTIONS * t->election_timeout_ms + HEARTBEATS * t->heartbeat_ms + t->reconnect_ms +
           t->kill_budget_ms;
}

static int check_range(const char *name, uint64_t ms, uint64_t least_ms, struct err *err)
{
    if (ms < least_ms || ms > LONGEST_MS) {
        return err_set(err, ERR_INVALID,
                       "%s of %" PRIu64 " ms: it must be from %" PRIu64 " to %" PRIu64 " ms", name,
                       ms, least_ms, LONGEST_MS);
    }
    return 0;
}

int timing_check_beats(const struct timing *t, struct err *err)
{
    int code = check_range("a heartbeat", t->heartbeat_ms, 1, err);
    code = code == 0 ? check_range("an election timeout", t->election_timeout_ms, 1, err) : code;
    if (code == 0 && t->election_timeout_ms < BEATS_PER_ELECTION * t->heartbeat_ms) {
        code =
            err_set(err, ERR_INVALID,
                    "an election timeout of %" PRIu64 " ms is less than %d heartbeats of %" PRIu64
                    " ms: set it to %" PRIu64 " ms or more",
                    t->election_timeout_ms, BEATS_PER_ELECTION, t->heartbeat_ms,
                    BEATS_PER_ELECTION * t->heartbeat_ms);
    }
    return code;
}

/* The longest election timeout for this lease; 0: there is none that would do. */
static uint64_t election_timeout_ms_max(const struct timing *t)
{
    uint64_t rest_ms = timing_lease_ms_min(t) - ELECTIONS * t->election_timeout_ms;
    uint64_t longest_ms = t->lease_ms > rest_ms ? (t->lease_ms - rest_ms) / ELECTIONS : 0;
    return longest_ms >= BEATS_PER_ELECTION * t->heartbeat_ms ? longest_ms : 0;
}

int timing_check(const struct timing *t, struct err *err)
{
    int code = timing_check_beats(t, err);
    code = code == 0 ? check_range("a lease", t->lease_ms, 1, err) : code;
    code = code == 0 ? check_range("a time to reconnect", t->reconnect_ms, 0, err) : code;
    code = code == 0
               ? check_range("a kill budget", t->kill_budget_ms, TIMING_KILL_BUDGET_MS_MIN, err)
               : code;
    if (code != 0) {
        return code;
    }
    uint64_t least_ms = timing_lease_ms_min(t);
    if (t->lease_ms >= least_ms) {
        return 0;
    }
    uint64_t longest_ms = election_timeout_ms_max(t);
    char other[64] = "";
    if (longest_ms != 0) {
        (void)snprintf(other, sizeof(other), ", or the election timeout to %" PRIu64 " ms or less",
                       longest_ms);
    }
    return err_set(err, ERR_INVALID,
                   "a lease of %" PRIu64 " ms is too short for %d x election timeout %" PRIu64
                   " + %d x heartbeat %" PRIu64 " + reconnect %" PRIu64 " + kill budget %" PRIu64
                   " = %" PRIu64 " ms: set the lease to %" PRIu64 " ms or more%s",
                   t->lease_ms, ELECTIONS, t->election_timeout_ms, HEARTBEATS, t->heartbeat_ms,
                   t->reconnect_ms, t->kill_budget_ms, least_ms, least_ms, other);
}
