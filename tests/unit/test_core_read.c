/* tests/unit/test_core_read.c - linearizable reads where nodes know different amounts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/lib/core_kit.h"

/* The followers have an entry on their disks, so it is committed, and one of them shows it to a
 * reader. Whoever reads after that must find it, also at the leader, whose own disk is slow. */
static void test_leader_with_a_slow_disk_shows_nothing_older(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    ck_node(&kit, 1)->disk_stopped = true;
    uint64_t put = ck_put(&kit, 1, "a", "1");
    ck_run(&kit, 2 * CK_BEAT_MS);
    uint64_t before = ck_read(&kit, 2);
    ck_run(&kit, CK_BEAT_MS);
    assert_int_equal(ck_status(&kit, before), 0);
    assert_true(ck_has(&kit, 2, "a", "1"));

    uint64_t after = ck_read(&kit, 1);
    ck_run(&kit, CK_BEAT_MS);
    assert_false(ck_has(&kit, 1, "a", "1"));
    assert_int_equal(ck_status(&kit, after), CK_NO_ANSWER);
    assert_int_equal(ck_status(&kit, put), CK_NO_ANSWER);

    ck_node(&kit, 1)->disk_stopped = false;
    ck_run(&kit, CK_BEAT_MS);
    assert_int_equal(ck_status(&kit, after), 0);
    assert_int_equal(ck_status(&kit, put), 0);
    assert_true(ck_has(&kit, 1, "a", "1"));
    ck_close(&kit);
}

/* Nobody leads: what waits is bounded, and room comes back with it. */
static void test_reads_that_wait_are_bounded(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_node(&kit, 1)->cut_off = true;
    uint64_t first = 0;
    uint64_t busy = 0;
    for (int i = 0; i < 17000; i++) {
        uint64_t ticket = ck_read(&kit, 1);
        first = first == 0 ? ticket : first;
        busy += ck_status(&kit, ticket) == ERR_BUSY ? 1 : 0;
    }
    assert_int_equal(busy, 17000 - 16384);
    core_forget(ck_core(&kit, 1), first);
    assert_int_equal(ck_status(&kit, ck_read(&kit, 1)), CK_NO_ANSWER);
    assert_int_equal(ck_status(&kit, ck_read(&kit, 1)), ERR_BUSY);
    ck_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leader_with_a_slow_disk_shows_nothing_older),
        cmocka_unit_test(test_reads_that_wait_are_bounded),
    };
    return cmocka_run_group_tests_name("core_read", tests, NULL, NULL);
}
