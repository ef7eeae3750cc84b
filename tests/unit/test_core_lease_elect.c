/* tests/unit/test_core_lease_elect.c - leases when the leader changes, a test for each rule
 * (docs/leases.md).
 *
 * A new leader waits for the full time from the last moment at which another could have heard the
 * holder, and not longer. A message takes no time here, so moments are known to the millisecond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/lease_kit.h"

#define T UINT64_C(3000)
#define SLOW_MS \
    UINT64_C(5) /* of a disk, so that a moment between an election and its first entry exists */

/* --- A4: the full time after an election, without paying twice --- */

static void a4_a_leader_that_died_costs_its_silence_only_once(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 1, T, true);
    uint64_t deadline_ms = lk_deadline_ms(&lk);
    uint64_t died_ms = lk.kit.now_ms;
    ck_crash(&lk.kit, 1);
    uint64_t leader = ck_elect(&lk.kit);
    assert_true(lk.kit.now_ms >= died_ms + 400); /* silent for so long */
    uint64_t gone_ms = lk_gone_ms(&lk, leader);
    assert_true(gone_ms >= deadline_ms);
    assert_in_range(gone_ms, died_ms - CK_BEAT_MS + lease_leader_ms(T),
                    died_ms + lease_leader_ms(T));
    lk_close(&lk);
}

/* Node 2 hears the leader, and its holder, for a second longer than node 3. */
static void one_heard_longer(struct lease_kit *lk, uint64_t successor)
{
    lk_open(lk, "vvv", 1);
    lk_grant_and_hold(lk, 1, T, true);
    lk_cut(lk, 1, 3, true);
    ck_run(&lk->kit, 1000);
    assert_int_equal(ck_leader(&lk->kit), 1);
    uint64_t deadline_ms = lk_deadline_ms(lk);
    uint64_t died_ms = lk->kit.now_ms;
    lk->candidate = successor;
    ck_crash(&lk->kit, 1);
    assert_int_equal(ck_elect(&lk->kit), successor);
    uint64_t gone_ms = lk_gone_ms(lk, successor);
    assert_true(gone_ms >= deadline_ms);
    assert_in_range(gone_ms, died_ms - CK_BEAT_MS + lease_leader_ms(T),
                    died_ms + lease_leader_ms(T));
    lk_close(lk);
}

static void a4_the_latest_of_the_votes_counts(void **state)
{
    (void)state;
    struct lease_kit lk;
    one_heard_longer(&lk, 3);
}

static void a4_what_the_new_leader_followed_itself_counts(void **state)
{
    (void)state;
    struct lease_kit lk;
    one_heard_longer(&lk, 2);
}

/* A voter that does not know what it followed before its start tells its start. */
static void a4_a_voter_that_started_anew_tells_its_start(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 1, T, true);
    lk_cut(&lk, 1, 3, true);
    ck_run(&lk.kit, 1000);
    lk.candidate = 3;
    uint64_t died_ms = lk.kit.now_ms;
    uint64_t deadline_ms = lk_deadline_ms(&lk);
    ck_crash(&lk.kit, 1);
    ck_crash(&lk.kit, 2);
    ck_run(&lk.kit, 200);
    ck_boot(&lk.kit, 2);
    assert_int_equal(ck_elect(&lk.kit), 3);
    uint64_t gone_ms = lk_gone_ms(&lk, 3);
    assert_true(gone_ms >= deadline_ms);
    assert_int_equal(gone_ms, died_ms + 200 + lease_leader_ms(T));
    lk_close(&lk);
}

/* The vote that decides the election comes from one that heard the leader long ago. */
static void a4_an_earlier_vote_counts_when_a_later_one_tells_less(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvvvv", 1);
    lk_grant_and_hold(&lk, 1, T, true);
    lk_cut(&lk, 1, 4, true);
    lk_cut(&lk, 1, 5, true);
    ck_run(&lk.kit, 1000);
    uint64_t deadline_ms = lk_deadline_ms(&lk);
    assert_true(deadline_ms > lk.kit.now_ms);
    lk.candidate = 5;
    lk_cut(&lk, 3, 5, true); /* so it is elected by 2, 4 and itself */
    ck_crash(&lk.kit, 1);
    assert_int_equal(ck_elect(&lk.kit), 5);
    assert_true(lk_gone_ms(&lk, 5) >= deadline_ms);
    lk_close(&lk);
}

/* Whoever led and leads again waits from the end of its own leadership: the other one who could
 * tell of it is gone. */
static void a4_a_leader_that_comes_back_knows_that_it_led(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 1, T, true);
    lk_cut(&lk, 1, 3, true);
    ck_run(&lk.kit, 1000);
    uint64_t deadline_ms = lk_deadline_ms(&lk);
    uint64_t died_ms = lk.kit.now_ms;
    lk_hang(&lk);
    ck_crash(&lk.kit, 2);
    lk.candidate = 1;
    ck_run(&lk.kit, 1000);
    assert_int_equal(engine_role(core_engine(ck_core(&lk.kit, 1))), ENGINE_FOLLOWER);
    lk_cut(&lk, 1, 3, false);
    assert_int_equal(ck_elect(&lk.kit), 1);
    uint64_t gone_ms = lk_gone_ms(&lk, 1);
    assert_true(gone_ms >= deadline_ms);
    assert_in_range(gone_ms, died_ms + lease_leader_ms(T), died_ms + 1000 + lease_leader_ms(T));
    lk_close(&lk);
}

/* There was no leader for long, and the first thing that the new one commits is a grant. */
static void a_grant_to_a_new_leader_gets_its_full_time(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    ck_crash(&lk.kit, 1);
    ck_crash(&lk.kit, 3);
    ck_run(&lk.kit, 10000);
    ck_boot(&lk.kit, 3);
    ck_node(&lk.kit, 2)->disk_ms = SLOW_MS;
    ck_node(&lk.kit, 3)->disk_ms = SLOW_MS;
    uint64_t leader = lk_first_leader(&lk);
    lk_stop_disks(&lk, leader, true);
    ck_run(&lk.kit, 2 * SLOW_MS);
    (void)lk_ask_grant(&lk, 2, 300, true);
    ck_run(&lk.kit, 2 * SLOW_MS);
    lk_stop_disks(&lk, leader, false);
    ck_run(&lk.kit, SLOW_MS);
    struct machine_lease lease;
    assert_true(lk_find(&lk, leader, &lease));
    uint64_t applied_ms = lk.kit.now_ms;
    assert_int_equal(lk_gone_ms(&lk, leader), applied_ms + SLOW_MS + lease_leader_ms(300));
    lk_close(&lk);
}

/* --- handing over --- */

static void expiries_go_on_when_leadership_is_handed_over_and_comes_back(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant(&lk, 2, T, true);
    lk_hold(&lk);
    ck_lead(&lk.kit, 2);
    assert_in_range(lk_wakes(&lk, 2 * T), 0, 3 * (2 * T / CK_BEAT_MS)); /* 1 counts no more */
    assert_true(lk_deadline_ms(&lk) > lk.kit.now_ms);
    lk_hang(&lk);
    ck_lead(&lk.kit, 1);
    uint64_t back_ms = lk.kit.now_ms;
    uint64_t gone_ms = lk_gone_ms(&lk, 1);
    assert_in_range(gone_ms, back_ms, back_ms + lease_leader_ms(T));
    lk_close(&lk);
}

/* The heir never hears of it. What runs out meanwhile ends when the leader has given up. */
static void expiries_go_on_after_a_transfer_that_failed(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 2, T, true);
    lk_hang(&lk);
    ck_run(&lk.kit, T - CK_BEAT_MS);
    uint64_t until_ms = lk_confirmed_ms(&lk) + lease_leader_ms(T);
    lk.lost[PEER_TIMEOUT_NOW] = true;
    assert_int_equal(core_transfer(ck_core(&lk.kit, 1), lk_local_ms(&lk, 1), 3, NULL), 0);
    ck_turn(&lk.kit, 1);
    uint64_t asked_ms = lk.kit.now_ms;
    assert_true(asked_ms < until_ms);
    ck_run(&lk.kit, CK_ELECTION_MS - CK_BEAT_MS);
    struct machine_lease lease;
    assert_true(lk_find(&lk, 1, &lease));
    assert_true(lk.kit.now_ms > until_ms);
    assert_true(lk_gone_ms(&lk, 1) <= asked_ms + 2 * CK_ELECTION_MS);
    assert_int_equal(ck_leader(&lk.kit), 1);
    lk_close(&lk);
}

/* --- without votes --- */

static void a_sole_voter_confirms_at_once_and_counts_from_its_start(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vs", 1);
    lk_grant(&lk, 2, T, true);
    lk_hold(&lk);
    ck_settle(&lk.kit);
    assert_int_equal(lk_confirmed_ms(&lk), lk.kit.now_ms);
    lk_hang(&lk);
    ck_crash(&lk.kit, 1);
    ck_run(&lk.kit, 1000);
    ck_boot(&lk.kit, 1);
    uint64_t started_ms = lk.kit.now_ms;
    ck_run(&lk.kit, CK_ELECTION_MS); /* until it is clear, it takes nothing for committed */
    assert_int_equal(lk_gone_ms(&lk, 1), started_ms + lease_leader_ms(T));
    lk_close(&lk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a4_a_leader_that_died_costs_its_silence_only_once),
        cmocka_unit_test(a4_the_latest_of_the_votes_counts),
        cmocka_unit_test(a4_what_the_new_leader_followed_itself_counts),
        cmocka_unit_test(a4_a_voter_that_started_anew_tells_its_start),
        cmocka_unit_test(a4_an_earlier_vote_counts_when_a_later_one_tells_less),
        cmocka_unit_test(a4_a_leader_that_comes_back_knows_that_it_led),
        cmocka_unit_test(a_grant_to_a_new_leader_gets_its_full_time),
        cmocka_unit_test(expiries_go_on_when_leadership_is_handed_over_and_comes_back),
        cmocka_unit_test(expiries_go_on_after_a_transfer_that_failed),
        cmocka_unit_test(a_sole_voter_confirms_at_once_and_counts_from_its_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
