/* supervisor/timing_check.c - what was measured against the lease and the election timeout. */
#include "supervisor/timing_check.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "proto/timing.h"

/* A lease is confirmed, and renewed, many times before it ends: each is a round trip, and some wait
 * for a disk. */
#define TIMES_IN_LEASE 10
/* A vote goes to and fro, and is on disk before; E1 takes a disk for too slow by the same half. */
#define TIMES_IN_ELECTION 2

static const struct {
    const char *name;
    const char *what;
} causes[] = {
    [TIMING_SCHEDULING] = {"scheduling", "delay until a process of this host runs"},
    [TIMING_FSYNC] = {"fsync", "fsync of the store"},
    [TIMING_ROUND_TRIP] = {"round trip", "round trip to a majority"},
};

const char *timing_cause_name(enum timing_cause cause)
{
    MUST((size_t)cause < ARRAY_LEN(causes));
    return causes[cause].name;
}

bool timing_fits(const struct supervisor_times *times, enum timing_cause cause, uint64_t ms,
                 char out[TIMING_SENTENCE_SIZE])
{
    MUST((size_t)cause < ARRAY_LEN(causes));
    uint64_t election_ms = TIMES_IN_ELECTION * ms;
    uint64_t lease_ms = TIMES_IN_LEASE * ms + times->kill_budget_ms;
    bool is_election_short = election_ms > times->election_timeout_ms;
    if (is_election_short) { /* a longer one needs a lease that outlasts it */
        struct timing t = {.election_timeout_ms = election_ms,
                           .heartbeat_ms = times->heartbeat_ms,
                           .reconnect_ms = timing_reconnect_ms(election_ms),
                           .kill_budget_ms = times->kill_budget_ms};
        uint64_t least_ms = timing_lease_ms_min(&t);
        lease_ms = least_ms > lease_ms ? least_ms : lease_ms;
    }
    bool is_lease_short = lease_ms > times->lease_ms;
    out[0] = '\0';
    if (!is_election_short && !is_lease_short) {
        return true;
    }
    char election[80] = "";
    char lease[80] = "";
    if (is_election_short) {
        (void)snprintf(election, sizeof(election),
                       "raft.election_timeout (%" PRIu64 " ms) to %" PRIu64 " ms",
                       times->election_timeout_ms, election_ms);
    }
    if (is_lease_short) {
        (void)snprintf(lease, sizeof(lease), "lease_ms (%" PRIu64 ") to %" PRIu64, times->lease_ms,
                       lease_ms);
    }
    (void)snprintf(out, TIMING_SENTENCE_SIZE,
                   "the %s takes %" PRIu64
                   " ms, too long for its times: mend that, or set %s%s%s "
                   "or more",
                   causes[cause].what, ms, election,
                   is_election_short && is_lease_short ? " and " : "", lease);
    return false;
}

uint64_t timing_value(const struct timing_book *book, enum timing_cause cause, uint64_t now_ms)
{
    uint64_t longest = 0;
    uint64_t second = 0;
    for (size_t i = 0; i < TIMING_SAMPLES; i++) {
        uint64_t at_ms = book->of[cause].samples[i].at_ms;
        uint64_t ms = book->of[cause].samples[i].ms;
        if (at_ms == 0 || now_ms - at_ms > TIMING_FORGOTTEN_MS) {
            continue;
        }
        second = ms > longest ? longest : ms > second ? ms : second;
        longest = ms > longest ? ms : longest;
    }
    return second;
}

unsigned timing_take(struct timing_book *book, const struct supervisor_times *times,
                     const struct timing_measured *measured, uint64_t now_ms)
{
    unsigned news = 0;
    MUST(now_ms != 0);
    for (unsigned i = 0; i < TIMING_CAUSES; i++) {
        enum timing_cause cause = (enum timing_cause)i;
        uint32_t next = book->of[i].next;
        if (measured->knows[i]) {
            book->of[i].samples[next].at_ms = now_ms;
            book->of[i].samples[next].ms = measured->ms[i];
            book->of[i].next = (next + 1) % TIMING_SAMPLES;
        }
        char why[TIMING_SENTENCE_SIZE];
        bool fits = timing_fits(times, cause, timing_value(book, cause, now_ms), why);
        bool was_amiss = book->of[i].why[0] != '\0';
        if (fits) {
            book->of[i].why[0] = '\0';
            continue;
        }
        uint64_t amiss_ms = book->of[i].amiss_ms;
        if (!was_amiss) { /* and stays so: a sentence that changes with each look is none */
            memcpy(book->of[i].why, why, sizeof(why));
            bool is_new = amiss_ms == 0 || now_ms - amiss_ms >= TIMING_FORGOTTEN_MS;
            news |= is_new ? 1U << i : 0;
        }
        book->of[i].amiss_ms = now_ms;
    }
    return news;
}

const char *timing_amiss(const struct timing_book *book)
{
    for (unsigned i = 0; i < TIMING_CAUSES; i++) {
        if (book->of[i].why[0] != '\0') {
            return book->of[i].why;
        }
    }
    return "";
}
