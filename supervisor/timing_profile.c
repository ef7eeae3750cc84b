/* supervisor/timing_profile.c - the lease, and what follows from it. */
#include "supervisor/timing_profile.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "proto/timing.h"

/* A lease from here on leaves time for a fast shutdown in its last fifth. */
#define LONG_LEASE_MS 10000
#define LONGEST_MS UINT64_C(3600000)
#define HEARTBEATS_MISSED 4
#define MS_PER_S UINT64_C(1000)

static const enum timing_profile profiles[] = {
    [FAILOVER_UNSET] = TIMING_BALANCED,
    [FAILOVER_FAST] = TIMING_FAST,
    [FAILOVER_BALANCED] = TIMING_BALANCED,
    [FAILOVER_PATIENT] = TIMING_PATIENT,
};

/* What the store beats by: as it was set, else as the lease asks for. */
static struct timing beats_of(const struct timing_wish *w, uint64_t lease_ms)
{
    struct timing beats = timing_of(TIMING_BALANCED);
    if (lease_ms < timing_lease_ms_min(&beats)) {
        beats = timing_of(TIMING_FAST);
    }
    if (w->election_timeout_ms != 0) {
        beats.election_timeout_ms = w->election_timeout_ms;
        beats.reconnect_ms = timing_reconnect_ms(w->election_timeout_ms);
    }
    if (w->heartbeat_ms != 0) {
        beats.heartbeat_ms = w->heartbeat_ms;
    }
    return beats;
}

/* The lease and the beats are there. */
static void derive(struct supervisor_times *t)
{
    uint64_t third_ms = t->lease_ms * 3 / 10;
    t->promote_margin_ms = third_ms > t->kill_budget_ms ? third_ms : t->kill_budget_ms;
    uint64_t fifth_ms = t->lease_ms / 5;
    t->fast_stop_ms = t->lease_ms >= LONG_LEASE_MS ? fifth_ms : 0;
    t->seal_window_ms = t->election_timeout_ms;
    t->patient_ms = 2 * t->lease_ms > 10000 ? 2 * t->lease_ms : 10000;
    t->degrade_ms = t->lease_ms;
    t->start_max_ms = 4 * t->lease_ms > 20000 ? 4 * t->lease_ms : 20000;
    t->fresh_ms = HEARTBEATS_MISSED * t->heartbeat_ms + t->reconnect_ms;
    t->renew_ms = 2 * t->election_timeout_ms;
}

static uint64_t lease_of_file(const struct timing_wish *w, const char **ret_from)
{
    MUST((size_t)w->profile < ARRAY_LEN(profiles));
    uint64_t lease_ms = timing_of(profiles[w->profile]).lease_ms;
    *ret_from = timing_profile_name(profiles[w->profile]);
    if (w->lease_ms != 0) {
        lease_ms = w->lease_ms;
        *ret_from = "lease_ms";
    }
    return lease_ms < LONGEST_MS ? lease_ms : LONGEST_MS;
}

/* ... where these times are somebody's choice. */
static void explain_beats(const struct timing_wish *w, const struct timing *beats,
                          char sentence[TIMING_SENTENCE_SIZE])
{
    if (w->election_timeout_ms != 0) {
        size_t used = strlen(sentence);
        (void)snprintf(sentence + used, TIMING_SENTENCE_SIZE - used,
                       " with raft.election_timeout %" PRIu64 " ms and heartbeat_interval %" PRIu64
                       " ms",
                       beats->election_timeout_ms, beats->heartbeat_ms);
    }
}

/* The setting by its name in the key `config`, its value, and what it could be here. */
static void warn_of_short(const struct timing_wish *w, const char *from, uint64_t asked_ms,
                          uint64_t least_ms, char out[TIMING_SENTENCE_SIZE])
{
    char value[32];
    (void)snprintf(value, sizeof(value), "%" PRIu64, asked_ms);
    bool is_profile = strcmp(from, "ttl") != 0 && w->lease_ms == 0;
    (void)snprintf(out, TIMING_SENTENCE_SIZE,
                   "%s: %s%s is not applied, the lease is %" PRIu64 " ms: %" PRIu64 " to %" PRIu64
                   " ms are allowed with the raft.election_timeout and heartbeat_interval that "
                   "this node runs with",
                   is_profile ? "failover" : from, is_profile ? from : value,
                   strcmp(from, "ttl") == 0 ? " ms" : "", least_ms, least_ms, LONGEST_MS);
}

struct supervisor_times timing_for_lease(const struct supervisor_times *times, uint64_t lease_ms)
{
    struct supervisor_times t = *times;
    t.lease_ms = lease_ms;
    derive(&t);
    return t;
}

struct timing_result timing_from(const struct timing_wish *wish)
{
    struct timing_result r;
    memset(&r, 0, sizeof(r));
    const char *from = "";
    uint64_t asked_ms = lease_of_file(wish, &from);
    uint64_t ttl_ms = wish->ttl_s < LONGEST_MS / 1000 ? wish->ttl_s * 1000 : LONGEST_MS;
    bool is_shorter = ttl_ms != 0 && ttl_ms < asked_ms;
    uint64_t lease_ms = is_shorter ? ttl_ms : asked_ms;
    struct timing beats = beats_of(wish, lease_ms);
    uint64_t least = timing_lease_ms_min(&beats);
    r.times = (struct supervisor_times){.lease_ms = lease_ms > least ? lease_ms : least,
                                        .heartbeat_ms = beats.heartbeat_ms,
                                        .election_timeout_ms = beats.election_timeout_ms,
                                        .reconnect_ms = beats.reconnect_ms,
                                        .kill_budget_ms = beats.kill_budget_ms};
    derive(&r.times);
    int n =
        snprintf(r.sentence, sizeof(r.sentence), "the lease is %" PRIu64 " ms: ", r.times.lease_ms);
    size_t used = n > 0 ? (size_t)n : 0;
    char *rest = r.sentence + used;
    size_t size = sizeof(r.sentence) - used;
    if (lease_ms < least) {
        (void)snprintf(rest, size,
                       "%s asks for %" PRIu64
                       " ms, which is shorter than the loss of a raft leader takes",
                       is_shorter ? "ttl" : from, lease_ms);
        explain_beats(wish, &beats, r.sentence);
        warn_of_short(wish, is_shorter ? "ttl" : from, lease_ms, least, r.warning);
    } else if (is_shorter) {
        (void)snprintf(rest, size, "ttl %" PRIu64 " s is shorter than the %" PRIu64 " ms of %s",
                       wish->ttl_s, asked_ms, from);
    } else if (ttl_ms > asked_ms) {
        (void)snprintf(rest, size,
                       "%s is shorter than ttl %" PRIu64 " s; a failover takes no longer than that",
                       from, wish->ttl_s);
    } else {
        (void)snprintf(rest, size, "from %s", from);
    }
    return r;
}

static uint64_t safety_margin_ms(uint64_t lease_ms, int64_t safety_margin_s)
{
    uint64_t half_ms = lease_ms / 2;
    uint64_t margin_ms = safety_margin_s < 0 ? half_ms : (uint64_t)safety_margin_s * MS_PER_S;
    return margin_ms <= half_ms ? margin_ms : 0;
}

struct timing_watchdog timing_watchdog(uint64_t lease_ms, int64_t safety_margin_s)
{
    uint64_t room_ms = lease_ms * 4 / 5;
    uint64_t most_ms = room_ms > MS_PER_S ? room_ms - MS_PER_S : 0;
    uint64_t margin_ms = safety_margin_ms(lease_ms, safety_margin_s);
    margin_ms = margin_ms < most_ms ? margin_ms : most_ms;
    uint64_t whole_s = (room_ms - margin_ms) / MS_PER_S;
    return (struct timing_watchdog){.timeout_ms = (whole_s > 0 ? whole_s : 1) * MS_PER_S,
                                    .margin_ms = margin_ms};
}

bool timing_profile_parse(const char *text, enum failover_profile *ret)
{
    for (size_t i = FAILOVER_FAST; i < ARRAY_LEN(profiles); i++) {
        if (strcmp(text, timing_profile_name(profiles[i])) == 0) {
            *ret = (enum failover_profile)i;
            return true;
        }
    }
    return false;
}
