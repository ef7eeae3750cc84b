/* tests/unit/test_kill_budget.c - how long before the deadline the end begins, after ends of all
 * lengths and under every lease. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "proto/timing.h"
#include "supervisor/kill_budget.h"
#include "supervisor/timing_profile.h"

#define MS UINT64_C(1000000)
#define ASSUMED_MS 500

static struct supervisor_times times_of(enum failover_profile profile)
{
    struct timing_wish wish = {.profile = profile};
    return timing_from(&wish).times;
}

static uint64_t budget_after(const struct kill_budget *k, enum failover_profile profile)
{
    struct supervisor_times times = times_of(profile);
    char text[KILL_BUDGET_TEXT_SIZE];
    (void)kill_budget_apply(k, &times, text);
    return times.kill_budget_ms;
}

static void quick_ends_leave_what_is_assumed(void **state)
{
    (void)state;
    struct kill_budget k = {.next = 0};
    assert_int_equal(budget_after(&k, FAILOVER_BALANCED), ASSUMED_MS);
    for (int i = 0; i < 2 * KILL_BUDGET_ENDS; i++) {
        kill_budget_note(&k, 9 * MS, 12);
        assert_int_equal(budget_after(&k, FAILOVER_BALANCED), ASSUMED_MS);
    }
    kill_budget_note(&k, 250 * MS, 12);
    assert_int_equal(budget_after(&k, FAILOVER_BALANCED), ASSUMED_MS);
}

static void it_is_twice_the_slowest_of_the_last_ends(void **state)
{
    (void)state;
    struct kill_budget k = {.next = 0};
    kill_budget_note(&k, 400 * MS + 1, 12);
    assert_int_equal(budget_after(&k, FAILOVER_BALANCED), 802);
    for (int i = 0; i < KILL_BUDGET_ENDS - 1; i++) {
        kill_budget_note(&k, 10 * MS, 12);
        kill_budget_note(&k, 0, 0); /* nothing was left to end: no measure */
        assert_int_equal(budget_after(&k, FAILOVER_BALANCED), 802);
    }
    kill_budget_note(&k, 10 * MS, 12);
    assert_int_equal(budget_after(&k, FAILOVER_BALANCED), ASSUMED_MS);
}

static void a5_it_leaves_the_lease_its_sum_and_a_promotion_its_margin(void **state)
{
    (void)state;
    static const struct timing_wish wishes[] = {
        {.profile = FAILOVER_FAST},
        {.profile = FAILOVER_BALANCED},
        {.profile = FAILOVER_PATIENT},
        {.heartbeat_ms = 100, .election_timeout_ms = 1000}, /* a wide area */
    };
    for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
        struct supervisor_times own = timing_from(&wishes[i]).times;
        uint64_t before = 0;
        for (uint64_t took_ms = 1; took_ms < 20000; took_ms += 13) {
            struct kill_budget k = {.next = 0};
            struct supervisor_times t = own;
            char text[KILL_BUDGET_TEXT_SIZE];
            kill_budget_note(&k, took_ms * MS, 3);
            bool fits = kill_budget_apply(&k, &t, text);
            struct timing a5 = {.election_timeout_ms = t.election_timeout_ms,
                                .heartbeat_ms = t.heartbeat_ms,
                                .reconnect_ms = t.reconnect_ms,
                                .lease_ms = t.lease_ms,
                                .kill_budget_ms = t.kill_budget_ms};
            assert_int_equal(timing_check(&a5, NULL), 0);
            assert_true(t.kill_budget_ms >= ASSUMED_MS && t.kill_budget_ms >= before);
            assert_true(t.kill_budget_ms <= t.promote_margin_ms);
            assert_int_equal(fits, took_ms <= t.kill_budget_ms);
            assert_int_equal(fits, text[0] == '\0');
            before = t.kill_budget_ms;
            t.kill_budget_ms = own.kill_budget_ms;
            assert_memory_equal(&t, &own, sizeof(t)); /* nothing else has changed */
        }
    }
    struct kill_budget k = {.next = 0};
    kill_budget_note(&k, UINT64_MAX, 3); /* the guard was frozen, for years */
    assert_int_equal(budget_after(&k, FAILOVER_FAST), 600);
    assert_int_equal(budget_after(&k, FAILOVER_BALANCED), 1500);
    assert_int_equal(budget_after(&k, FAILOVER_PATIENT), 4500);
}

/* Of a node whose own store beats slower than that of whom granted it: A5 is broken already. */
static void a_lease_without_room_keeps_what_is_assumed(void **state)
{
    (void)state;
    struct supervisor_times own = times_of(FAILOVER_PATIENT);
    struct supervisor_times t = timing_for_lease(&own, 1850);
    struct kill_budget k = {.next = 0};
    char text[KILL_BUDGET_TEXT_SIZE];
    assert_true(kill_budget_apply(&k, &t, text));
    kill_budget_note(&k, 501 * MS, 3);
    assert_false(kill_budget_apply(&k, &t, text));
    assert_int_equal(t.kill_budget_ms, ASSUMED_MS);
}

static void what_is_too_slow_is_told_with_the_lease_that_would_do(void **state)
{
    (void)state;
    struct kill_budget k = {.next = 0};
    struct supervisor_times t = times_of(FAILOVER_FAST);
    char text[KILL_BUDGET_TEXT_SIZE];
    kill_budget_note(&k, 600 * MS, 40);
    assert_true(kill_budget_apply(&k, &t, text));
    assert_int_equal(t.kill_budget_ms, 600);
    t = times_of(FAILOVER_FAST);
    kill_budget_note(&k, 900 * MS, 41);
    kill_budget_note(&k, 700 * MS, 99);
    assert_false(kill_budget_apply(&k, &t, text));
    assert_string_equal(
        text,
        "ending PostgreSQL took 900 ms lately, with 41 processes, and a lease of 2000 ms leaves "
        "600 ms for it: some of them may still be there when it is over. Look for what keeps them "
        "(a disk that hangs, memory that is swapped, too little CPU), or set lease_ms to 6000 or "
        "more");
    struct timing_wish wish = {.lease_ms = 6000};
    t = timing_from(&wish).times;
    assert_true(kill_budget_apply(&k, &t, text));
    assert_int_equal(t.kill_budget_ms, 1800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quick_ends_leave_what_is_assumed),
        cmocka_unit_test(it_is_twice_the_slowest_of_the_last_ends),
        cmocka_unit_test(a5_it_leaves_the_lease_its_sum_and_a_promotion_its_margin),
        cmocka_unit_test(a_lease_without_room_keeps_what_is_assumed),
        cmocka_unit_test(what_is_too_slow_is_told_with_the_lease_that_would_do),
    };
    return cmocka_run_group_tests_name("kill_budget", tests, NULL, NULL);
}
