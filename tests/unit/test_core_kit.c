/* tests/unit/test_core_kit.c - the kit itself, and the everyday life of a cluster of cores.
 *
 * What every other test of the core leans on: a leader is elected, a write goes round and is
 * answered, a member that was away catches up by the log or by a snapshot, a slow disk is slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/lib/core_kit.h"

static void test_write_goes_round(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    uint64_t leader = ck_elect(&kit);
    uint64_t ticket = ck_put(&kit, leader, "a", "1");
    assert_int_equal(ck_status(&kit, ticket), CK_NO_ANSWER);
    ck_settle(&kit);
    assert_int_equal(ck_status(&kit, ticket), 0);
    ck_run(&kit, CK_BEAT_MS);
    for (uint64_t id = 1; id <= 3; id++) {
        assert_true(ck_has(&kit, id, "a", "1"));
        uint64_t read = ck_read(&kit, id);
        ck_run(&kit, CK_BEAT_MS);
        assert_int_equal(ck_status(&kit, read), 0);
    }
    ck_close(&kit);
}

static void test_leader_of_choice(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvvvv");
    for (uint64_t id = 5; id >= 1; id--) {
        ck_lead(&kit, id);
        assert_int_equal(ck_leader(&kit), id);
    }
    ck_close(&kit);
}

static void test_member_catches_up_by_snapshot(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_prepare(&kit, "vvv");
    kit.tune = ck_small_log;
    ck_boot(&kit, 1);
    ck_boot(&kit, 2);
    uint64_t leader = ck_elect(&kit);
    for (int i = 0; i < 200; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%d", i);
        (void)ck_put(&kit, leader, key, "some value that takes a little space");
        ck_run(&kit, 10);
    }
    assert_true(engine_first(core_engine(ck_core(&kit, leader))) > 100);
    ck_boot(&kit, 3);
    ck_run(&kit, 10 * CK_ELECTION_MS);
    assert_true(kit.sent[PEER_CHUNK] > 5);
    assert_true(ck_has(&kit, 3, "k0", "some value that takes a little space"));
    assert_true(ck_has(&kit, 3, "k199", "some value that takes a little space"));
    ck_crash(&kit, 3);
    ck_boot(&kit, 3);
    assert_true(ck_has(&kit, 3, "k0", "some value that takes a little space"));
    ck_close(&kit);
}

static void test_what_was_not_durable_is_gone_after_a_crash(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "v");
    ck_lead(&kit, 1);
    uint64_t kept = ck_put(&kit, 1, "kept", "1");
    ck_settle(&kit);
    ck_node(&kit, 1)->disk_stopped = true;
    uint64_t lost = ck_put(&kit, 1, "lost", "1");
    ck_run(&kit, CK_BEAT_MS);
    assert_int_equal(ck_status(&kit, kept), 0);
    assert_int_equal(ck_status(&kit, lost), CK_NO_ANSWER);
    ck_crash(&kit, 1);
    ck_node(&kit, 1)->disk_stopped = false;
    ck_boot(&kit, 1);
    ck_lead(&kit, 1);
    assert_true(ck_has(&kit, 1, "kept", "1"));
    assert_true(ck_has(&kit, 1, "lost", NULL));
    ck_close(&kit);
}

static void test_slow_disk_takes_its_time(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "v");
    ck_lead(&kit, 1);
    ck_node(&kit, 1)->disk_ms = 70;
    uint64_t ticket = ck_put(&kit, 1, "a", "1");
    ck_run(&kit, 69);
    assert_int_equal(ck_status(&kit, ticket), CK_NO_ANSWER);
    ck_run(&kit, 1);
    assert_int_equal(ck_status(&kit, ticket), 0);
    ck_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_goes_round),
        cmocka_unit_test(test_leader_of_choice),
        cmocka_unit_test(test_member_catches_up_by_snapshot),
        cmocka_unit_test(test_what_was_not_durable_is_gone_after_a_crash),
        cmocka_unit_test(test_slow_disk_takes_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
