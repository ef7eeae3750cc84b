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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leader_with_a_slow_disk_shows_nothing_older),
    };
    return cmocka_run_group_tests_name("core_read", tests, NULL, NULL);
}
