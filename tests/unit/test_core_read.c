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

/* Reads that come while a round is on its way share the next, which waits for an answer to that
 * one and for no time. */
static void test_rounds_follow_each_other_without_a_wait(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    ck_settle(&kit);
    uint64_t first = ck_read(&kit, 1);
    uint64_t round = engine_round(core_engine(ck_core(&kit, 1)));
    uint64_t second = ck_read(&kit, 1);
    uint64_t third = ck_read(&kit, 1);
    assert_int_equal(engine_round(core_engine(ck_core(&kit, 1))), round);
    assert_int_equal(ck_status(&kit, first), CK_NO_ANSWER);
    ck_settle(&kit);
    assert_int_equal(ck_status(&kit, first), 0);
    assert_int_equal(ck_status(&kit, second), 0);
    assert_int_equal(ck_status(&kit, third), 0);
    assert_int_equal(engine_round(core_engine(ck_core(&kit, 1))), round + 1);
    ck_close(&kit);
}

/* Who gets an entry answers when it is on its disk: a read asks by itself, and does not wait for
 * that. */
static void test_a_read_does_not_wait_for_the_disks_of_members(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    ck_settle(&kit);
    ck_node(&kit, 2)->disk_stopped = true;
    ck_node(&kit, 3)->disk_stopped = true;
    (void)ck_read(&kit, 1);
    uint64_t read = ck_read(&kit, 1);
    uint64_t put = ck_put(&kit, 1, "a", "1"); /* its APPENDs are not answered */
    ck_settle(&kit);
    assert_int_equal(ck_status(&kit, read), 0);
    assert_int_equal(ck_status(&kit, put), CK_NO_ANSWER);
    ck_close(&kit);
}

/* Without a next entry, a beat, or any time that passes. */
static void test_a_commit_is_known_everywhere_at_once(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvvs");
    ck_lead(&kit, 1);
    ck_run(&kit, 2 * CK_BEAT_MS);
    uint64_t before = kit.sent[PEER_APPEND];
    uint64_t put = ck_put(&kit, 1, "a", "1");
    ck_settle(&kit);
    assert_int_equal(ck_status(&kit, put), 0);
    for (uint64_t id = 2; id <= 4; id++) {
        assert_true(ck_has(&kit, id, "a", "1"));
    }
    assert_int_equal(kit.sent[PEER_APPEND] - before, 2 * 3); /* the entry, and the news */
    ck_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leader_with_a_slow_disk_shows_nothing_older),
        cmocka_unit_test(test_reads_that_wait_are_bounded),
        cmocka_unit_test(test_rounds_follow_each_other_without_a_wait),
        cmocka_unit_test(test_a_read_does_not_wait_for_the_disks_of_members),
        cmocka_unit_test(test_a_commit_is_known_everywhere_at_once),
    };
    return cmocka_run_group_tests_name("core_read", tests, NULL, NULL);
}
