/* tests/unit/test_core_hold.c - the holder's side of leases, a test for each rule (docs/leases.md).
 *
 * Real cores on a wire and disks that are moved by hand. Where a message takes no time, moments are
 * compared to the millisecond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/lease_kit.h"

#define T 3000

/* --- A1: only a confirmed keep-alive gives time --- */

static void a1_a_grant_alone_gives_no_time(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant(&lk, 2, T, true);
    lk.lost[PEER_KEEP_ALIVE_RESULT] = true;
    lk_hold(&lk);
    assert_int_equal(lk_deadline_ms(&lk), 0);
    ck_run(&lk.kit, T / 2);
    assert_int_equal(lk_deadline_ms(&lk), 0);
    lk.lost[PEER_KEEP_ALIVE_RESULT] = false;
    ck_run(&lk.kit, CK_BEAT_MS);
    assert_true(lk_deadline_ms(&lk) > lk.kit.now_ms);
    lk_close(&lk);
}

static void a1_a_late_confirmation_counts_from_the_sending(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant(&lk, 2, T, true);
    lk.catches = PEER_KEEP_ALIVE_RESULT;
    uint64_t sent_ms = lk.kit.now_ms;
    lk_hold(&lk);
    ck_run(&lk.kit, 700);
    assert_int_equal(lk_deadline_ms(&lk), 0);
    assert_int_equal(lk.caught[0].keep_alive_result.status, 0);
    ck_say(&lk.kit, &lk.caught[0]);
    assert_int_equal(lk_confirmed_ms(&lk), sent_ms);
    assert_int_equal(lk_deadline_ms(&lk), sent_ms + lease_holder_ms(T));
    lk_close(&lk);
}

static void a1_an_answer_to_an_earlier_life_fits_nothing(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant(&lk, 2, T, true);
    lk.catches = PEER_KEEP_ALIVE_RESULT;
    lk_hold(&lk);
    ck_run(&lk.kit, CK_BEAT_MS);
    assert_true(lk.caught_count > 0);
    size_t earlier = lk.caught_count;
    ck_crash(&lk.kit, 2);
    ck_boot(&lk.kit, 2);
    ck_run(&lk.kit, 2 * CK_BEAT_MS);
    lk_hold(&lk);
    ck_run(&lk.kit, CK_BEAT_MS);
    assert_true(lk.caught_count > earlier);
    for (size_t i = 0; i < earlier; i++) {
        ck_say(&lk.kit, &lk.caught[i]);
    }
    assert_int_equal(lk_deadline_ms(&lk), 0);
    ck_say(&lk.kit, &lk.caught[earlier]);
    assert_true(lk_deadline_ms(&lk) > lk.kit.now_ms);
    lk_close(&lk);
}

/* --- A6: more than one way --- */

static void a6_two_others_pass_on_when_the_direct_way_is_lost(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvvvv", 1);
    lk_grant_and_hold(&lk, 2, T, true);
    uint64_t before = lk.kit.sent[PEER_KEEP_ALIVE];
    ck_run(&lk.kit, 10 * CK_BEAT_MS);
    assert_int_equal(lk.kit.sent[PEER_KEEP_ALIVE] - before, 10); /* the direct way alone */

    lk_cut(&lk, 1, 2, true);
    ck_run(&lk.kit, 2 * T);
    assert_true(lk_confirmed_ms(&lk) + 3 * CK_BEAT_MS >= lk.kit.now_ms);
    assert_int_equal(ck_leader(&lk.kit), 1);
    lk_cut(&lk, 1, 2, false);
    ck_run(&lk.kit, 10 * CK_BEAT_MS);
    before = lk.kit.sent[PEER_KEEP_ALIVE];
    ck_run(&lk.kit, 10 * CK_BEAT_MS);
    assert_int_equal(lk.kit.sent[PEER_KEEP_ALIVE] - before, 10);
    lk_close(&lk);
}

static void a6_an_answer_that_is_lost_comes_by_others_too(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 2, T, true);
    lk.cut[1][2] = true;
    ck_run(&lk.kit, 2 * T);
    assert_true(lk_confirmed_ms(&lk) + 3 * CK_BEAT_MS >= lk.kit.now_ms);
    lk_close(&lk);
}

static void a6_the_others_take_turns(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvvvv", 1);
    lk_grant_and_hold(&lk, 2, T, true);
    lk_cut(&lk, 1, 2, true);
    lk_cut(&lk, 2, 3, true);
    lk_cut(&lk, 2, 4, true);
    ck_run(&lk.kit, 2 * T); /* by node 5 */
    assert_true(lk_deadline_ms(&lk) > lk.kit.now_ms);
    lk_close(&lk);
}

static void a6_a_passed_on_one_is_passed_on_once_only(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant(&lk, 2, T, true);
    struct peer_message m = {.kind = PEER_KEEP_ALIVE,
                             .from = 2,
                             .to = 3,
                             .keep_alive = {.holder = 2,
                                            .name = 1,
                                            .lease = LK_LEASE,
                                            .grant = lk.wish.grant,
                                            .epoch = lk.wish.epoch,
                                            .passed_on = true}};
    ck_say(&lk.kit, &m);
    assert_null(ck_take(&lk.kit, PEER_KEEP_ALIVE, 0));
    m.keep_alive.passed_on = false;
    ck_say(&lk.kit, &m);
    const struct peer_message *on = ck_take(&lk.kit, PEER_KEEP_ALIVE, 1);
    assert_non_null(on);
    assert_true(on->keep_alive.passed_on);
    assert_int_equal(on->keep_alive.holder, 2);
    assert_null(ck_take(&lk.kit, PEER_KEEP_ALIVE, 0));
    lk_close(&lk);
}

/* --- the owner --- */

static void an_owner_that_hangs_loses_the_lease(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 2, T, true);
    lk.wish.renew_until_ms = lk_local_ms(&lk, 2) + 450;
    uint64_t until_ms = lk.kit.now_ms + 450;
    lk_hold(&lk);
    ck_run(&lk.kit, 700);
    uint64_t last_ms = lk_confirmed_ms(&lk);
    assert_in_range(last_ms, until_ms - CK_BEAT_MS, until_ms);
    uint64_t sent = lk.kit.sent[PEER_KEEP_ALIVE];
    assert_int_equal(lk_gone_ms(&lk, 1), last_ms + lease_leader_ms(T));
    assert_int_equal(lk.kit.sent[PEER_KEEP_ALIVE], sent);
    assert_int_equal(lk_held(&lk).status, 0); /* nobody told it: it sees its own deadline */
    assert_int_equal(lk_deadline_ms(&lk), last_ms + lease_holder_ms(T));
    lk_close(&lk);
}

/* --- a shorter time --- */

#define SHORT 1000

/* The leader that changed the time dies, and the holder is cut off: the next leader waits for the
 * new time only. */
static void a_shorter_time_is_kept_to_before_it_is_proposed(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvvvv", 1);
    lk_grant_and_hold(&lk, 2, 2 * T, true);
    assert_true(lk_deadline_ms(&lk) > lk.kit.now_ms + T);
    lk.wish.limit_ms = SHORT;
    lk_hold(&lk);
    assert_in_range(lk_deadline_ms(&lk), lk.kit.now_ms, lk.kit.now_ms + lease_holder_ms(SHORT));
    ck_run(&lk.kit, 3 * CK_BEAT_MS); /* confirmed for 2 * T meanwhile */
    assert_in_range(lk_deadline_ms(&lk), lk.kit.now_ms, lk.kit.now_ms + lease_holder_ms(SHORT));

    uint64_t ticket = lk_change(&lk, SHORT);
    ck_settle(&lk.kit);
    assert_int_equal(ck_status(&lk.kit, ticket), 0);
    ck_crash(&lk.kit, 1);
    ck_node(&lk.kit, 2)->cut_off = true;
    uint64_t leader = ck_elect(&lk.kit);
    assert_true(lk_gone_ms(&lk, leader) >= lk_deadline_ms(&lk));
    lk_close(&lk);
}

static void without_its_holders_word_the_time_does_not_get_shorter(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 2, T, true);
    struct kv_command command = {.kind = KV_LEASE_CHANGE};
    command.lease_change =
        (struct kv_lease_change){.id = LK_LEASE, .epoch = lk.wish.epoch, .ttl_ms = SHORT};
    (void)ck_command(&lk.kit, 1, &command);
    ck_run(&lk.kit, 3 * CK_BEAT_MS);
    assert_int_equal(lk_held(&lk).ttl_ms, T);
    assert_true(lk_deadline_ms(&lk) > lk.kit.now_ms + T - 3 * CK_BEAT_MS);
    lk_close(&lk);
}

/* The change is committed by the others and applied here, but not on the leader, whose disk is
 * slow: it confirms the time of before, and its successor waits for the new one. */
static void a_leader_that_is_behind_does_not_bring_the_longer_time_back(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvvvv", 1);
    lk_grant_and_hold(&lk, 2, 2 * T, true);
    ck_node(&lk.kit, 1)->disk_stopped = true;
    lk.wish.limit_ms = SHORT;
    lk_hold(&lk);
    (void)lk_change(&lk, SHORT);
    ck_run(&lk.kit, 2 * CK_BEAT_MS);
    struct machine_lease lease;
    assert_true(lk_find(&lk, 2, &lease));
    assert_int_equal(lease.ttl_ms, SHORT);
    assert_true(lk_find(&lk, 1, &lease));
    assert_int_equal(lease.ttl_ms, 2 * T);
    lk.wish.limit_ms = 0;
    lk_hold(&lk);
    uint64_t lifted_ms = lk.kit.now_ms;
    ck_run(&lk.kit, 3 * CK_BEAT_MS);
    assert_true(lk_confirmed_ms(&lk) > lifted_ms);
    assert_int_equal(lk_deadline_ms(&lk), lk_confirmed_ms(&lk) + lease_holder_ms(SHORT));

    ck_crash(&lk.kit, 1);
    ck_node(&lk.kit, 2)->cut_off = true;
    uint64_t leader = ck_elect(&lk.kit);
    assert_true(lk_gone_ms(&lk, leader) >= lk_deadline_ms(&lk));
    lk_close(&lk);
}

/* Such a confirmation of the longer time, on its way until the shorter one is over. */
static void an_answer_that_comes_when_the_lease_is_gone_gives_no_time(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 2, 2 * T, true);
    lk.wish.limit_ms = SHORT;
    lk_hold(&lk);
    lk.catches = PEER_KEEP_ALIVE_RESULT;
    ck_run(&lk.kit, 2 * CK_BEAT_MS);
    (void)lk_change(&lk, SHORT);
    ck_run(&lk.kit, CK_BEAT_MS);
    lk.wish.limit_ms = 0;
    lk_hang(&lk);
    ck_crash(&lk.kit, 1);
    (void)lk_gone_ms(&lk, 2);
    assert_int_equal(lk.caught[0].keep_alive_result.ttl_ms, 2 * T);
    ck_say(&lk.kit, &lk.caught[0]);
    assert_true(lk_confirmed_ms(&lk) + lease_holder_ms(2 * T) > lk.kit.now_ms);
    assert_true(lk_deadline_ms(&lk) <= lk.kit.now_ms);
    lk_close(&lk);
}

/* --- another grant, rhythm, rest --- */

static void another_grant_of_the_same_id_is_another_lease(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 2, T, false);
    struct core_hold earlier = lk.wish;
    (void)lk_revoke(&lk);
    ck_run(&lk.kit, CK_BEAT_MS);
    lk_grant(&lk, 2, T, false);
    assert_true(lk.wish.grant > earlier.grant);
    assert_int_equal(lk_held(&lk).status, ERR_NOT_FOUND); /* of the earlier one */
    lk.lost[PEER_KEEP_ALIVE] = true;
    lk_hold(&lk);
    assert_int_equal(lk_held(&lk).status, 0);
    assert_int_equal(lk_deadline_ms(&lk), 0);
    lk.lost[PEER_KEEP_ALIVE] = false;
    ck_run(&lk.kit, 2 * CK_BEAT_MS);
    assert_true(lk_deadline_ms(&lk) > lk.kit.now_ms);
    lk_close(&lk);
}

static void an_ordinary_lease_is_kept_alive_at_a_share_of_its_time(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 2, 8000, false);
    ck_run(&lk.kit, 1000);
    uint64_t before = lk.kit.sent[PEER_KEEP_ALIVE];
    for (int i = 0; i < 100; i++) {
        ck_run(&lk.kit, 100);
        assert_true(lk_deadline_ms(&lk) > lk.kit.now_ms + 6000);
    }
    assert_int_equal(lk.kit.sent[PEER_KEEP_ALIVE] - before, 10);
    lk_close(&lk);
}

static uint64_t batches(const struct lease_kit *lk)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < CK_NODES; i++) {
        sum += lk->kit.nodes[i].batches;
    }
    return sum;
}

static void an_idle_holder_writes_nothing_and_nobody_spins(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 2, T, true);
    ck_run(&lk.kit, T); /* what the grant changed goes to the state table */
    uint64_t before = batches(&lk);
    assert_in_range(lk_wakes(&lk, 10000), 0, 3 * (10000 / CK_BEAT_MS));
    assert_int_equal(batches(&lk), before);
    assert_true(lk_deadline_ms(&lk) > lk.kit.now_ms);
    lk_close(&lk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a1_a_grant_alone_gives_no_time),
        cmocka_unit_test(a1_a_late_confirmation_counts_from_the_sending),
        cmocka_unit_test(a1_an_answer_to_an_earlier_life_fits_nothing),
        cmocka_unit_test(a6_two_others_pass_on_when_the_direct_way_is_lost),
        cmocka_unit_test(a6_an_answer_that_is_lost_comes_by_others_too),
        cmocka_unit_test(a6_the_others_take_turns),
        cmocka_unit_test(a6_a_passed_on_one_is_passed_on_once_only),
        cmocka_unit_test(an_owner_that_hangs_loses_the_lease),
        cmocka_unit_test(a_shorter_time_is_kept_to_before_it_is_proposed),
        cmocka_unit_test(without_its_holders_word_the_time_does_not_get_shorter),
        cmocka_unit_test(a_leader_that_is_behind_does_not_bring_the_longer_time_back),
        cmocka_unit_test(an_answer_that_comes_when_the_lease_is_gone_gives_no_time),
        cmocka_unit_test(another_grant_of_the_same_id_is_another_lease),
        cmocka_unit_test(an_ordinary_lease_is_kept_alive_at_a_share_of_its_time),
        cmocka_unit_test(an_idle_holder_writes_nothing_and_nobody_spins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
