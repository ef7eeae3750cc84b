/* tests/unit/test_timing.c - safety A5: a lease outlasts the loss of the raft leader.
 *
 * One row a situation; what is too short by a millisecond is refused, with the sum and the way out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "consensus/core.h"
#include "consensus/net/net.h"
#include "proto/timing.h"

// clang-format off
static const struct {
    const char *what;
    struct timing timing; /* election, heartbeat, reconnect, lease, kill budget */
    const char *says[3];  /* parts of the message; none: it is accepted */
} rows[] = {
    {"the sum is the lease",              {300, 50, 250, 1850, 500}, {NULL}},
    {"one less is not enough",            {300, 50, 250, 1849, 500},
     {"a lease of 1849 ms is too short for 3 x election timeout 300 + 4 x heartbeat 50 + reconnect 250 + kill budget 500 = 1850 ms",
      "set the lease to 1850 ms or more", "or the election timeout to 299 ms or less"}},
    {"a longer election timeout than the lease bears", {700, 100, 250, 2200, 500},
     {"= 3250 ms", "set the lease to 3250 ms or more", "to 350 ms or less"}},
    {"the fast lease needs faster heartbeats, too", {500, 100, 250, 2000, 500}, {"set the lease to 2650 ms or more", NULL}},
    {"no election timeout would help",    {300, 100, 250, 1200, 500}, {"set the lease to 2050 ms or more", NULL}},
    {"... nor one that is below zero",    {300, 100, 250, 500, 500},  {"set the lease to 2050 ms or more", NULL}},
    {"an election timeout of two beats",  {199, 100, 0, 9000, 100},   {"less than 3 heartbeats of 100 ms", "set it to 300 ms or more"}},
    {"no heartbeat",                      {300, 0, 0, 9000, 100},     {"a heartbeat of 0 ms"}},
    {"no election timeout",               {0, 100, 0, 9000, 100},     {"an election timeout of 0 ms"}},
    {"no lease",                          {300, 100, 0, 0, 100},      {"a lease of 0 ms"}},
    {"a kill budget of nothing",          {300, 100, 0, 9000, 99},    {"a kill budget of 99 ms: it must be from 100"}},
    {"a number that would overflow",      {UINT64_MAX, 100, 0, 9000, 100}, {"an election timeout of 18446744073709551615 ms"}},
    {"a reconnect of a year",             {300, 100, UINT64_C(31536000000), 9000, 100}, {"a time to reconnect of"}},
    {"no time to reconnect at all",       {300, 100, 0, 1400, 100},   {NULL}},
};
// clang-format on

static void sums_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};
        int expected = rows[i].says[0] == NULL ? 0 : ERR_INVALID;
        if (timing_check(&rows[i].timing, &err) != expected) {
            fail_msg("%s: %s", rows[i].what, err.msg);
        }
        for (size_t s = 0; s < 3 && rows[i].says[s] != NULL; s++) {
            if (strstr(err.msg, rows[i].says[s]) == NULL) {
                fail_msg("%s: \"%s\" says nothing of \"%s\"", rows[i].what, err.msg,
                         rows[i].says[s]);
            }
        }
        assert_true(strlen(err.msg) < sizeof(err.msg) - 1); /* nothing was cut off */
        assert_true(rows[i].says[2] != NULL || strstr(err.msg, "or the election") == NULL);
    }
}

#define ADVICE "or the election timeout to "

/* What a message advises is accepted, and a millisecond of more would not be. */
static void the_advice_helps(void **state)
{
    (void)state;
    for (uint64_t lease_ms = 1; lease_ms < 4000; lease_ms++) {
        struct timing t = {500, 100, 250, lease_ms, 500};
        struct err err = {0};
        if (timing_check(&t, &err) == 0) {
            assert_true(lease_ms >= 2650);
            continue;
        }
        const char *other = strstr(err.msg, ADVICE);
        if (other != NULL) {
            t.election_timeout_ms = strtoull(other + strlen(ADVICE), NULL, 10);
            assert_int_equal(timing_check(&t, &err), 0);
            t.election_timeout_ms++;
            assert_int_not_equal(timing_check(&t, &err), 0);
        }
        t.election_timeout_ms = 500;
        t.lease_ms = timing_lease_ms_min(&t);
        assert_int_equal(timing_check(&t, &err), 0);
    }
}

static void the_profiles_keep_to_it(void **state)
{
    (void)state;
    static const uint64_t lease_ms[] = {2000, 5000, 15000, 5000};
    static const uint64_t election_ms[] = {300, 500, 500, 1000};
    for (int p = TIMING_FAST; p <= TIMING_WIDE_AREA; p++) {
        struct timing t = timing_of((enum timing_profile)p);
        struct err err = {0};
        if (timing_check(&t, &err) != 0) {
            fail_msg("%s: %s", timing_profile_name((enum timing_profile)p), err.msg);
        }
        assert_int_equal(t.lease_ms, lease_ms[p]);
        assert_int_equal(t.election_timeout_ms, election_ms[p]);
        assert_int_equal(t.heartbeat_ms, p == TIMING_FAST ? 50 : 100);
    }
    /* The way to a peer that is far takes longer: docs/leases.md has the sums. */
    static const uint64_t least_ms[] = {1850, 2650, 2650, 4400};
    for (int p = TIMING_FAST; p <= TIMING_WIDE_AREA; p++) {
        struct timing t = timing_of((enum timing_profile)p);
        assert_int_equal(timing_lease_ms_min(&t), least_ms[p]);
    }
    /* A wide area has no fast lease, and a patient one. */
    struct timing wide = timing_of(TIMING_WIDE_AREA);
    wide.lease_ms = timing_of(TIMING_FAST).lease_ms;
    assert_int_equal(timing_check(&wide, NULL), ERR_INVALID);
    wide.lease_ms = timing_of(TIMING_PATIENT).lease_ms;
    assert_int_equal(timing_check(&wide, NULL), 0);
}

/* What is allowed for a reconnect is more than the longest wait of the net that does it. */
static void a_reconnect_is_that_of_the_net(void **state)
{
    (void)state;
    struct net_limits limits = net_limits_default();
    assert_int_equal(limits.redial_max_ms, TIMING_REDIAL_MS_MAX);
    for (uint64_t election_ms = 1; election_ms < 5000; election_ms++) {
        uint64_t reconnect_ms = timing_reconnect_ms(election_ms);
        assert_true(reconnect_ms > limits.redial_max_ms);
        assert_true(reconnect_ms >= election_ms / 2);
    }
}

static void the_settings_of_a_core_are_checked(void **state)
{
    (void)state;
    struct core_settings settings = core_settings_default(1, 1);
    struct timing known = timing_of(TIMING_FAST);
    struct err err = {0};
    settings.lease_ms = timing_of(TIMING_BALANCED).lease_ms;
    assert_int_equal(core_settings_check(&settings, &known, &err), 0);
    settings.lease_ms = known.lease_ms;
    assert_int_equal(core_settings_check(&settings, &known, &err), ERR_INVALID);
    settings.election_timeout_ms = 300;
    settings.heartbeat_ms = 50;
    assert_int_equal(core_settings_check(&settings, &known, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_checked),
        cmocka_unit_test(the_advice_helps),
        cmocka_unit_test(the_profiles_keep_to_it),
        cmocka_unit_test(a_reconnect_is_that_of_the_net),
        cmocka_unit_test(the_settings_of_a_core_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
