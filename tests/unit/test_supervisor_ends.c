/* tests/unit/test_supervisor_ends.c - what the guard tells of an end becomes the kill budget that
 * decisions and the guard's page go by, under the lease that was granted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "supervisor/supervisor_parts.h"
#include "supervisor/timing_profile.h"

static struct supervisor node;

static uint64_t budget_ms(uint64_t granted_ms)
{
    struct store_rows *rows = &node.side.view.rows;
    rows->row[KEY_GRANT].is_there = rows->row[KEY_GRANT].is_sound = true;
    rows->grant.lease_ms = granted_ms;
    supervisor_follow_config(&node, 0);
    assert_int_equal(node.settings.times.lease_ms, granted_ms);
    return node.settings.times.kill_budget_ms;
}

static void tell(uint16_t kind, uint64_t took_ms, uint64_t processes)
{
    const struct guard_event event = {
        .kind = kind, .took_ns = took_ms * NS_PER_MS, .ended_count = processes};
    supervisor_guard_event(&node, &event);
}

static void a_slow_end_makes_the_next_one_begin_earlier(void **state)
{
    (void)state;
    const struct timing_wish wish = {.profile = FAILOVER_BALANCED};
    node.wanted = node.settings = (struct supervisor_settings){.times = timing_from(&wish).times};
    assert_int_equal(budget_ms(5000), 500);
    tell(GUARD_ENDED, 450, 0); /* nothing was left to end */
    tell(GUARD_DIED, 450, 7);
    assert_int_equal(budget_ms(5000), 500);
    tell(GUARD_ENDED, 450, 7);
    assert_int_equal(budget_ms(5000), 900);
    assert_int_equal(budget_ms(5000), 900); /* it is not added to itself */
    assert_string_equal(node.ends_trouble, "");
    tell(GUARD_ENDED, 2000, 7);
    assert_int_equal(budget_ms(5000), 1500);
    assert_non_null(strstr(node.ends_trouble, "took 2000 ms"));
    assert_int_equal(budget_ms(15000), 4000);
    assert_string_equal(node.ends_trouble, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_end_makes_the_next_one_begin_earlier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
