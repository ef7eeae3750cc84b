/* tests/unit/test_timing_profile.c - from one knob to all times, and that they keep the sum of A5.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "proto/timing.h"
#include "supervisor/timing_profile.h"

// clang-format off
static const struct {
    struct timing_wish wish;
    uint64_t lease_ms;
    const char *sentence;
} wishes[] = {
    {{.profile = FAILOVER_UNSET}, 5000, "the lease is 5000 ms: from balanced"},
    {{.profile = FAILOVER_FAST}, 2000, "the lease is 2000 ms: from fast"},
    {{.profile = FAILOVER_PATIENT}, 15000, "the lease is 15000 ms: from patient"},
    {{.ttl_s = 30}, 5000, "the lease is 5000 ms: balanced is shorter than ttl 30 s; a failover takes no longer than that"},
    {{.profile = FAILOVER_PATIENT, .ttl_s = 10}, 10000, "the lease is 10000 ms: ttl 10 s is shorter than the 15000 ms of patient"},
    {{.lease_ms = 8000, .ttl_s = 30}, 8000, "the lease is 8000 ms: lease_ms is shorter than ttl 30 s; a failover takes no longer than that"},
    {{.lease_ms = 8000}, 8000, "the lease is 8000 ms: from lease_ms"},
    {{.lease_ms = 500}, 1850, "the lease is 1850 ms: lease_ms asks for 500 ms, which is shorter than the loss of a raft leader takes"},
    {{.ttl_s = 1}, 1850, "the lease is 1850 ms: ttl asks for 1000 ms, which is shorter than the loss of a raft leader takes"},
    {{.lease_ms = UINT64_MAX, .ttl_s = UINT64_MAX}, 3600000, "the lease is 3600000 ms: from lease_ms"},
};
// clang-format on

static void a5_every_wish_has_a_lease_that_outlasts_an_election(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
        struct timing_result r = timing_from(&wishes[i].wish);
        assert_int_equal(r.times.lease_ms, wishes[i].lease_ms);
        assert_string_equal(r.sentence, wishes[i].sentence);
        struct timing t = {.election_timeout_ms = r.times.election_timeout_ms,
                           .heartbeat_ms = r.times.heartbeat_ms,
                           .reconnect_ms = r.times.reconnect_ms,
                           .lease_ms = r.times.lease_ms,
                           .kill_budget_ms = r.times.kill_budget_ms};
        struct err err = {0};
        assert_int_equal(timing_check(&t, &err), 0);
        assert_true(r.times.promote_margin_ms >= r.times.kill_budget_ms);
        assert_true(r.times.promote_margin_ms < r.times.lease_ms);
        assert_true(r.times.fast_stop_ms < r.times.lease_ms / 2);
        assert_true(r.times.fresh_ms < r.times.lease_ms);
    }
}

static void a_lease_outlasts_an_election_of_the_store_as_it_runs(void **state)
{
    (void)state;
    struct timing_wish wish = {
        .profile = FAILOVER_FAST, .heartbeat_ms = 100, .election_timeout_ms = 500};
    struct timing_result r = timing_from(&wish);
    assert_int_equal(r.times.lease_ms, 2650);
    assert_int_equal(r.times.election_timeout_ms, 500);
    assert_non_null(strstr(r.sentence, "raft.election_timeout 500 ms"));
    wish.heartbeat_ms = 50;
    wish.election_timeout_ms = 300;
    r = timing_from(&wish);
    assert_int_equal(r.times.lease_ms, 2000);
    assert_string_equal(r.sentence, "the lease is 2000 ms: from fast");
    wish.profile = FAILOVER_PATIENT; /* a store that beats fast is no reason for a short lease */
    r = timing_from(&wish);
    assert_int_equal(r.times.lease_ms, 15000);
    assert_int_equal(r.times.election_timeout_ms, 300);
}

/* With the name that it has in the key `config`, its value, and what is allowed. */
static void a_lease_that_is_not_as_it_was_asked_for_is_warned_of(void **state)
{
    (void)state;
    static const struct {
        struct timing_wish wish;
        const char *begins; /* "": there is no warning */
    } rows[] = {
        {{.lease_ms = 8000, .ttl_s = 30}, ""},
        {{.profile = FAILOVER_PATIENT, .ttl_s = 10}, ""},
        {{.lease_ms = 500},
         "lease_ms: 500 is not applied, the lease is 1850 ms: 1850 to 3600000 ms are allowed"},
        {{.ttl_s = 1},
         "ttl: 1000 ms is not applied, the lease is 1850 ms: 1850 to 3600000 ms are allowed"},
        {{.profile = FAILOVER_FAST, .heartbeat_ms = 100, .election_timeout_ms = 500},
         "failover: fast is not applied, the lease is 2650 ms: 2650 to 3600000 ms are allowed"},
        {{.profile = FAILOVER_FAST,
          .lease_ms = 2649,
          .heartbeat_ms = 100,
          .election_timeout_ms = 500},
         "lease_ms: 2649 is not applied, the lease is 2650 ms: 2650 to 3600000 ms are allowed"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct timing_result r = timing_from(&rows[i].wish);
        size_t size = strlen(rows[i].begins);
        assert_int_equal(r.warning[0] != '\0', size > 0);
        assert_memory_equal(r.warning, rows[i].begins, size);
        assert_true(strlen(r.warning) + 1 < sizeof(r.warning)); /* not cut */
    }
}

/* A node that goes by "patient" under a lease of two seconds would take all of it for its end. */
static void what_hangs_on_a_lease_goes_by_the_one_that_was_granted(void **state)
{
    (void)state;
    static const enum failover_profile profiles[] = {FAILOVER_FAST, FAILOVER_BALANCED,
                                                     FAILOVER_PATIENT};
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        for (size_t k = 0; k < ARRAY_LEN(profiles); k++) {
            struct timing_wish configured = {.profile = profiles[i]};
            struct timing_wish granted = {.profile = profiles[k]};
            struct supervisor_times other = timing_from(&granted).times;
            struct supervisor_times own = timing_from(&configured).times;
            struct supervisor_times t = timing_for_lease(&own, other.lease_ms);
            assert_int_equal(t.lease_ms, other.lease_ms);
            assert_int_equal(t.fast_stop_ms, other.fast_stop_ms);
            assert_int_equal(t.promote_margin_ms, other.promote_margin_ms);
            assert_int_equal(t.start_max_ms, other.start_max_ms);
            assert_true(t.fast_stop_ms < t.lease_ms / 2);
            assert_int_equal(t.heartbeat_ms, own.heartbeat_ms);
            assert_int_equal(t.election_timeout_ms, own.election_timeout_ms);
        }
    }
}

static void profiles_are_those_of_proto(void **state)
{
    (void)state;
    static const struct {
        enum failover_profile ours;
        enum timing_profile theirs;
    } pairs[] = {{FAILOVER_FAST, TIMING_FAST},
                 {FAILOVER_BALANCED, TIMING_BALANCED},
                 {FAILOVER_PATIENT, TIMING_PATIENT}};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct timing_wish wish = {.profile = pairs[i].ours};
        struct supervisor_times ours = timing_from(&wish).times;
        struct timing theirs = timing_of(pairs[i].theirs);
        assert_int_equal(ours.lease_ms, theirs.lease_ms);
        assert_int_equal(ours.election_timeout_ms, theirs.election_timeout_ms);
        assert_int_equal(ours.heartbeat_ms, theirs.heartbeat_ms);
        assert_int_equal(ours.reconnect_ms, theirs.reconnect_ms);
        assert_int_equal(ours.kill_budget_ms, theirs.kill_budget_ms);
        enum failover_profile parsed = FAILOVER_UNSET;
        assert_true(timing_profile_parse(timing_profile_name(pairs[i].theirs), &parsed));
        assert_int_equal(parsed, pairs[i].ours);
    }
    enum failover_profile parsed = FAILOVER_UNSET;
    assert_false(timing_profile_parse("faster", &parsed));
    assert_false(timing_profile_parse("", &parsed));
}

static void the_watchdog_fits_every_lease(void **state)
{
    (void)state;
    static const struct {
        uint64_t lease_ms;
        int64_t safety_margin_s;
        uint64_t timeout_ms;
        uint64_t margin_ms;
    } rows[] = {
        {5000, 0, 4000, 0},      {2000, 0, 1000, 0},     {15000, 0, 12000, 0},
        {5000, 2, 2000, 2000},   {5000, 5, 4000, 0},     /* Patroni's, for a ttl of 30 */
        {30000, 5, 19000, 5000}, {5000, -1, 1000, 2500}, /* half of it */
        {2000, -1, 1000, 600},                           /* as much as there is room for */
        {1850, 1, 1000, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct timing_watchdog dog = timing_watchdog(rows[i].lease_ms, rows[i].safety_margin_s);
        assert_int_equal(dog.timeout_ms, rows[i].timeout_ms);
        assert_int_equal(dog.margin_ms, rows[i].margin_ms);
    }
    for (uint64_t lease_ms = 1250; lease_ms < 40000; lease_ms += 7) {
        for (int64_t margin_s = -1; margin_s < 20; margin_s++) {
            struct timing_watchdog dog = timing_watchdog(lease_ms, margin_s);
            assert_true(dog.timeout_ms + dog.margin_ms <= lease_ms * 4 / 5);
            assert_true(dog.timeout_ms >= 1000 && dog.timeout_ms % 1000 == 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a5_every_wish_has_a_lease_that_outlasts_an_election),
        cmocka_unit_test(a_lease_outlasts_an_election_of_the_store_as_it_runs),
        cmocka_unit_test(a_lease_that_is_not_as_it_was_asked_for_is_warned_of),
        cmocka_unit_test(what_hangs_on_a_lease_goes_by_the_one_that_was_granted),
        cmocka_unit_test(profiles_are_those_of_proto),
        cmocka_unit_test(the_watchdog_fits_every_lease),
    };
    return cmocka_run_group_tests_name("timing_profile", tests, NULL, NULL);
}
