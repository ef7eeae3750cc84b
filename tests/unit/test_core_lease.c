/* tests/unit/test_core_lease.c - the leader's side of leases, a test for each rule
 * (docs/leases.md).
 *
 * Real cores on a wire and disks that are moved by hand. A message takes no time here, so when a
 * lease is gone is known to the millisecond: the time of the leader's last reason to wait, and the
 * leader's span. The holder's own side is test_core_hold.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/lease_kit.h"

#define T UINT64_C(3000)
#define SLOW_MS \
    UINT64_C(5) /* of a disk, so that a moment between an election and its first entry exists */

/* --- rounds --- */

/* The leader hears the holder, and a member that has no vote, but no voter. */
static void no_confirmation_by_a_leader_that_is_cut_off(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvvss", 1);
    lk_grant(&lk, 4, T, true);
    lk_cut(&lk, 1, 2, true);
    lk_cut(&lk, 1, 3, true);
    lk_hold(&lk);
    ck_run(&lk.kit, 4 * CK_BEAT_MS);
    assert_int_equal(ck_leader(&lk.kit), 1);
    assert_int_equal(lk_deadline_ms(&lk), 0);
    lk_cut(&lk, 1, 2, false);
    ck_run(&lk.kit, 3 * CK_BEAT_MS);
    assert_true(lk_deadline_ms(&lk) > lk.kit.now_ms);
    lk_close(&lk);
}

/* Answers that come after the keep-alive, to rounds that left before it: as after a pause. */
static void no_confirmation_without_a_new_round(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant(&lk, 2, T, true);
    lk.catches = PEER_APPEND_RESULT;
    ck_run(&lk.kit, 2 * CK_BEAT_MS);
    assert_true(lk.caught_count >= 2);
    size_t earlier = lk.caught_count;
    lk_hold(&lk);
    ck_settle(&lk.kit);
    for (size_t i = 0; i < earlier; i++) {
        ck_say(&lk.kit, &lk.caught[i]);
    }
    ck_settle(&lk.kit);
    assert_int_equal(lk_deadline_ms(&lk), 0);
    assert_true(lk.caught_count > earlier); /* it is urgent: a round left at once */
    ck_say(&lk.kit, &lk.caught[earlier]);
    ck_settle(&lk.kit);
    assert_true(lk_deadline_ms(&lk) > lk.kit.now_ms);
    lk_close(&lk);
}

/* Rounds have numbers of their own in every leadership. What a former leader still sends in its
 * term must not carry a number into the term of another. */
static void a_stamp_of_another_leadership_is_not_echoed(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    uint64_t term = engine_term(core_engine(ck_core(&lk.kit, 1)));
    struct peer_message m = {.kind = PEER_APPEND,
                             .from = 1,
                             .to = 2,
                             .term = term,
                             .stamp = {.term = term + 1, .round = 1000000, .sent_ms = 1},
                             .append = {.prev_index = 1, .prev_term = 1, .commit = 1}};
    ck_say(&lk.kit, &m);
    const struct peer_message *answer = ck_take(&lk.kit, PEER_APPEND_RESULT, 1);
    assert_non_null(answer);
    assert_int_equal(answer->stamp.term, term);
    assert_in_range(answer->stamp.round, 1, 999999);
    lk_close(&lk);
}

/* A snapshot is what a former leader may still send: the last chunk is answered in the same turn in
 * which it hears of the new leader. */
static void a_former_leader_stamps_no_snapshot(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    ck_crash(&lk.kit, 1);
    ck_crash(&lk.kit, 3);
    lk.kit.tune = ck_small_log;
    ck_boot(&lk.kit, 1);
    ck_lead(&lk.kit, 1);
    for (int i = 0; i < 50; i++) {
        (void)ck_put(&lk.kit, 1, "key", "value");
        ck_run(&lk.kit, 10);
    }
    lk.catches = PEER_CHUNK_RESULT;
    ck_boot(&lk.kit, 3);
    ck_run(&lk.kit, 4 * CK_BEAT_MS);
    assert_int_equal(lk.kit.sent[PEER_CHUNK], 1); /* the first is the last */
    assert_int_equal(lk.caught_count, 1);

    struct core *former = ck_core(&lk.kit, 1);
    struct peer_message news = {.kind = PEER_APPEND,
                                .from = 2,
                                .to = 1,
                                .term = engine_term(core_engine(former)) + 1,
                                .append = {.prev_index = 1, .prev_term = 1, .commit = 1}};
    core_receive(former, lk_local_ms(&lk, 1), &news);
    core_receive(former, lk_local_ms(&lk, 1), &lk.caught[0]);
    ck_turn(&lk.kit, 1);
    ck_finish(&lk.kit, 1, 1); /* the new term: messages may leave */
    assert_non_null(ck_take(&lk.kit, PEER_APPEND_RESULT, 2));
    assert_null(ck_take(&lk.kit, PEER_SNAPSHOT, 3));
    lk_close(&lk);
}

/* --- A2: no keep-alive against an expiry --- */

static void a2_an_end_in_the_log_stops_confirmations_until_it_fails(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 2, T, true);
    lk_stop_disks(&lk, 1, true);
    uint64_t proposed_ms = lk.kit.now_ms;
    uint64_t ticket = lk_release(&lk, lk.wish.epoch + 1); /* of nobody's epoch */
    ck_run(&lk.kit, 1000);
    assert_int_equal(ck_leader(&lk.kit), 1);
    assert_int_equal(ck_status(&lk.kit, ticket), CK_NO_ANSWER);
    assert_in_range(lk_confirmed_ms(&lk), 0, proposed_ms);
    lk_stop_disks(&lk, 1, false);
    ck_run(&lk.kit, 2 * CK_BEAT_MS);
    assert_int_equal(ck_status(&lk.kit, ticket), 0);
    assert_int_equal(lk_held(&lk).status, 0);
    assert_true(lk_confirmed_ms(&lk) > proposed_ms);
    lk_close(&lk);
}

/* The holder comes back when the expiry is in the log, behind a change that makes it void. */
static void a2_no_keep_alive_against_a_proposed_expiry_unless_it_fails(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 2, 1000, true);
    lk_hang(&lk);
    ck_run(&lk.kit, 800);
    uint64_t last_ms = lk_confirmed_ms(&lk);
    lk_stop_disks(&lk, 1, true);
    (void)lk_change(&lk, T);
    uint64_t change = engine_last(core_engine(ck_core(&lk.kit, 1)));
    ck_run(&lk.kit, 400);
    assert_int_equal(engine_last(core_engine(ck_core(&lk.kit, 1))), change + 1);
    lk.wish.renew_until_ms = UINT64_MAX;
    lk_hold(&lk);
    ck_run(&lk.kit, 400);
    assert_int_equal(lk_confirmed_ms(&lk), last_ms);
    lk_stop_disks(&lk, 1, false);
    ck_run(&lk.kit, 2 * CK_BEAT_MS);
    assert_true(lk_confirmed_ms(&lk) > last_ms);
    assert_int_equal(lk_held(&lk).ttl_ms, T);
    lk_close(&lk);
}

static void a2_a_holder_that_comes_back_too_late_is_told(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 2, 1000, true);
    lk_hang(&lk);
    ck_run(&lk.kit, 900);
    uint64_t last_ms = lk_confirmed_ms(&lk);
    lk_stop_disks(&lk, 1, true);
    ck_run(&lk.kit, 200);
    lk.wish.renew_until_ms = UINT64_MAX;
    lk_hold(&lk);
    ck_run(&lk.kit, 400);
    assert_int_equal(lk_confirmed_ms(&lk), last_ms);
    lk_stop_disks(&lk, 1, false);
    ck_run(&lk.kit, 2 * CK_BEAT_MS);
    assert_int_equal(lk_confirmed_ms(&lk), last_ms);
    assert_int_equal(lk_held(&lk).status, ERR_NOT_FOUND);
    lk_close(&lk);
}

/* A keep-alive came while an entry might have ended the lease, and is confirmed when it has not:
 * the leader waits for it like for any other. */
static void a2_what_is_confirmed_after_an_end_that_failed_is_counted(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 2, T, true);
    lk_hang(&lk);
    ck_run(&lk.kit, 1000);
    lk_stop_disks(&lk, 1, true);
    (void)lk_release(&lk, lk.wish.epoch + 1);
    ck_run(&lk.kit, 10);
    uint64_t sent_ms = lk.kit.now_ms;
    lk.wish.renew_until_ms = lk_local_ms(&lk, 2) + 1;
    lk_hold(&lk);
    ck_run(&lk.kit, 2 * CK_BEAT_MS);
    lk_stop_disks(&lk, 1, false);
    ck_run(&lk.kit, 2 * CK_BEAT_MS);
    assert_int_equal(lk_confirmed_ms(&lk), sent_ms);
    assert_int_equal(lk_gone_ms(&lk, 1), sent_ms + lease_leader_ms(T));
    lk_close(&lk);
}

/* The leader dies; the disks stop when its successor is elected. Returns it. */
static uint64_t successor_without_disks(struct lease_kit *lk)
{
    for (uint64_t id = 1; id <= CK_NODES; id++) {
        ck_node(&lk->kit, id)->disk_ms = SLOW_MS;
    }
    ck_crash(&lk->kit, ck_leader(&lk->kit));
    uint64_t leader = lk_first_leader(lk);
    lk_stop_disks(lk, leader, true);
    assert_false(engine_is_established(core_engine(ck_core(&lk->kit, leader))));
    return leader;
}

static void a2_a_new_leader_confirms_nothing_before_its_first_entry_is_applied(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 2, T, true);
    uint64_t leader = successor_without_disks(&lk);
    uint64_t elected_ms = lk.kit.now_ms;
    uint64_t answers = lk.kit.sent[PEER_APPEND_RESULT];
    ck_run(&lk.kit, 4 * CK_BEAT_MS);
    assert_int_equal(ck_leader(&lk.kit), leader);
    assert_true(lk.kit.sent[PEER_APPEND_RESULT] >= answers + 3);
    assert_true(lk_confirmed_ms(&lk) < elected_ms - CK_BEAT_MS);
    lk_stop_disks(&lk, leader, false);
    ck_run(&lk.kit, 2 * CK_BEAT_MS);
    assert_true(lk_confirmed_ms(&lk) >= elected_ms);
    lk_close(&lk);
}

/* ... nor against an end that stood in the log before its clock began. */
static void a2_an_end_proposed_to_a_new_leader_stops_confirmations(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 2, T, true);
    uint64_t leader = successor_without_disks(&lk);
    uint64_t other = leader == 2 ? 3 : 2;
    uint64_t elected_ms = lk.kit.now_ms;
    ck_run(&lk.kit, 2 * SLOW_MS);
    uint64_t ticket = lk_release(&lk, lk.wish.epoch);
    ck_run(&lk.kit, 2 * SLOW_MS);
    ck_finish(&lk.kit, other, 1); /* the first entry of its term alone */
    ck_run(&lk.kit, 4 * CK_BEAT_MS);
    assert_true(engine_is_established(core_engine(ck_core(&lk.kit, leader))));
    assert_int_equal(ck_status(&lk.kit, ticket), CK_NO_ANSWER);
    assert_true(lk_confirmed_ms(&lk) < elected_ms - CK_BEAT_MS);
    lk_stop_disks(&lk, leader, false);
    ck_run(&lk.kit, 2 * CK_BEAT_MS);
    assert_int_equal(lk_held(&lk).status, ERR_NOT_FOUND);
    lk_close(&lk);
}

/* Revoked as soon as it is proposed: between the two entries it exists, and gets no time. */
static void a2_an_end_proposed_before_the_grant_is_applied_counts_too(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_stop_disks(&lk, 1, true);
    (void)lk_ask_grant(&lk, 2, T, false);
    ck_settle(&lk.kit);
    (void)lk_revoke(&lk);
    ck_settle(&lk.kit);
    ck_finish(&lk.kit, 2, 1);
    ck_run(&lk.kit, CK_BEAT_MS);
    struct machine_lease lease;
    assert_true(lk_find(&lk, 1, &lease));
    lk_adopt(&lk);
    lk_hold(&lk);
    ck_run(&lk.kit, 4 * CK_BEAT_MS);
    assert_int_equal(lk_deadline_ms(&lk), 0);
    lk_stop_disks(&lk, 1, false);
    ck_run(&lk.kit, 2 * CK_BEAT_MS);
    assert_int_equal(lk_deadline_ms(&lk), 0);
    assert_int_equal(lk_held(&lk).status, ERR_NOT_FOUND);
    lk_close(&lk);
}

/* The others have committed the grant, the leader's own disk has not: it does not know the lease
 * yet, which is no reason to say that there is none. */
static void a_leader_with_a_slow_disk_does_not_deny_a_grant(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    ck_node(&lk.kit, 1)->disk_stopped = true;
    (void)lk_ask_grant(&lk, 2, T, true);
    ck_run(&lk.kit, 2 * CK_BEAT_MS);
    lk_adopt(&lk);
    lk_hold(&lk);
    ck_run(&lk.kit, 3 * CK_BEAT_MS);
    assert_int_equal(lk_held(&lk).status, 0);
    assert_int_equal(lk_deadline_ms(&lk), 0);
    ck_node(&lk.kit, 1)->disk_stopped = false;
    ck_run(&lk.kit, 2 * CK_BEAT_MS);
    assert_int_equal(lk_held(&lk).status, 0);
    assert_true(lk_deadline_ms(&lk) > lk.kit.now_ms);
    lk_close(&lk);
}

/* --- A3: the full time --- */

static void a3_a_marked_lease_is_not_renewed_and_runs_out_in_full(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 2, T, true);
    uint64_t last_ms = lk_next_sent_ms(&lk);
    ck_run(&lk.kit, CK_BEAT_MS / 2);
    (void)lk_revoke(&lk);
    ck_run(&lk.kit, 2 * CK_BEAT_MS);
    assert_int_equal(lk_held(&lk).status, ERR_REFUSED);
    uint64_t deadline_ms = lk_deadline_ms(&lk);
    assert_true(deadline_ms > lk.kit.now_ms + T / 2); /* it stands */
    struct peer_message late = {.kind = PEER_KEEP_ALIVE,
                                .from = 2,
                                .to = 1,
                                .keep_alive = {.holder = 2,
                                               .name = 1,
                                               .lease = LK_LEASE,
                                               .grant = lk.wish.grant,
                                               .epoch = lk.wish.epoch}};
    ck_say(&lk.kit, &late);
    assert_int_equal(lk_gone_ms(&lk, 1), last_ms + lease_leader_ms(T));
    assert_true(lk.kit.now_ms >= deadline_ms);
    lk_close(&lk);
}

/* No round comes back for longer than the lease, but the leader hears its holder. */
static void a3_time_counts_from_the_last_one_received_confirmed_or_not(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 2, 300, true);
    lk.lost[PEER_APPEND_RESULT] = true;
    ck_run(&lk.kit, 450);
    lk.lost[PEER_APPEND_RESULT] = false;
    assert_true(lk_deadline_ms(&lk) < lk.kit.now_ms);
    ck_run(&lk.kit, CK_BEAT_MS);
    assert_int_equal(lk_held(&lk).status, 0);
    assert_true(lk_deadline_ms(&lk) > lk.kit.now_ms);
    lk_hang(&lk);
    ck_run(&lk.kit, 2 * CK_BEAT_MS);
    assert_int_equal(lk_gone_ms(&lk, 1), lk_confirmed_ms(&lk) + lease_leader_ms(300));
    lk_close(&lk);
}

/* --- names and keys --- */

static void another_grant_of_the_same_id_is_not_renewed_by_the_earlier_holder(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant(&lk, 2, T, false);
    lk.catches = PEER_KEEP_ALIVE;
    lk_hold(&lk);
    ck_settle(&lk.kit);
    assert_int_equal(lk.caught_count, 1);
    lk.catches = 0;
    lk_hang(&lk);
    (void)lk_revoke(&lk);
    ck_settle(&lk.kit);
    (void)lk_ask_grant(&lk, 3, T, false);
    ck_settle(&lk.kit);
    uint64_t granted_ms = lk.kit.now_ms;
    for (int i = 0; i < 10; i++) {
        ck_run(&lk.kit, CK_BEAT_MS);
        ck_say(&lk.kit, &lk.caught[0]); /* late, and again and again */
    }
    lk.holder = 2;
    assert_int_equal(lk_held(&lk).status, ERR_NOT_FOUND);
    assert_int_equal(lk_gone_ms(&lk, 1), granted_ms + lease_leader_ms(T));
    lk_close(&lk);
}

static void keys_go_in_one_revision_with_their_lease(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvvs", 1);
    lk_grant(&lk, 2, T, false);
    struct machine_status before;
    machine_status(core_machine(ck_core(&lk.kit, 1)), &before);
    (void)lk_gone_ms(&lk, 1);
    ck_run(&lk.kit, 2 * CK_BEAT_MS);
    for (uint64_t id = 1; id <= 4; id++) {
        struct machine_status after;
        machine_status(core_machine(ck_core(&lk.kit, id)), &after);
        assert_int_equal(after.revision, before.revision + 1);
        assert_int_equal(after.index, before.index + 1);
        assert_int_equal(after.key_count, 0);
        assert_true(ck_has(&lk.kit, id, "lease/1", NULL));
    }
    lk_close(&lk);
}

/* Time to live, as the leader tells whoever asks. */
static void the_leader_tells_how_long_a_lease_goes_on(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 2, T, false);
    const struct core *leader = ck_core(&lk.kit, 1);
    uint64_t left_ms = 0;
    assert_int_equal(core_lease_left(ck_core(&lk.kit, 2), lk_local_ms(&lk, 2), LK_LEASE, &left_ms),
                     ERR_NOT_LEADER);
    assert_int_equal(core_lease_left(leader, lk_local_ms(&lk, 1), LK_LEASE + 1, &left_ms),
                     ERR_NOT_FOUND);
    lk_hang(&lk);
    ck_run(&lk.kit, 10);
    assert_int_equal(core_lease_left(leader, lk_local_ms(&lk, 1), LK_LEASE, &left_ms), 0);
    uint64_t gone_ms = lk.kit.now_ms + left_ms;
    assert_true(left_ms <= lease_leader_ms(T));
    assert_true(left_ms > lease_leader_ms(T) / 2);
    assert_int_equal(lk_gone_ms(&lk, 1), gone_ms);
    assert_int_equal(core_lease_left(leader, lk_local_ms(&lk, 1), LK_LEASE, &left_ms),
                     ERR_NOT_FOUND);
    lk_close(&lk);
}

/* A revocation that waits in the log may be refused, and the holder goes on meanwhile. */
static void an_end_that_is_not_applied_takes_nothing_from_what_is_left(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvv", 1);
    lk_grant_and_hold(&lk, 2, T, true);
    const struct core *leader = ck_core(&lk.kit, 1);
    lk_stop_disks(&lk, 1, true);
    uint64_t ticket = lk_revoke(&lk);
    ck_run(&lk.kit, 20);
    struct machine_lease lease;
    assert_true(lk_find(&lk, 1, &lease));
    assert_int_equal(lease.marked_index, 0);
    uint64_t left_ms = 0;
    assert_int_equal(core_lease_left(leader, lk_local_ms(&lk, 1), LK_LEASE, &left_ms), 0);
    assert_true(lk.kit.now_ms + left_ms >= lk_deadline_ms(&lk));
    lk_stop_disks(&lk, 1, false);
    ck_settle(&lk.kit);
    assert_int_equal(ck_status(&lk.kit, ticket), 0);
    assert_true(lk_find(&lk, 1, &lease));
    assert_true(lease.marked_index != 0);
    lk_close(&lk);
}

static bool keep_first_result(const struct peer_message *m, void *ctx)
{
    struct peer_message *first = ctx;
    if (m->kind == PEER_KEEP_ALIVE_RESULT && first->kind == 0) {
        *first = *m; /* it points to nothing */
    }
    return false;
}

/* What a leader keeps for a round that does not come is bounded: the oldest is dropped, whose
 * holder asks anew with the next heartbeat. */
static void of_too_many_that_wait_the_oldest_is_dropped(void **state)
{
    (void)state;
    struct lease_kit lk;
    struct peer_message first = {.kind = 0};
    lk_open(&lk, "vvv", 1);
    lk.kit.is_lost = keep_first_result;
    lk.kit.lost_ctx = &first;
    for (uint64_t name = 1; name <= 4097; name++) { /* in one moment, in which no round ends */
        struct peer_message m = {.kind = PEER_KEEP_ALIVE,
                                 .from = 2,
                                 .to = 1,
                                 .term = engine_term(core_engine(ck_core(&lk.kit, 1))),
                                 .keep_alive = {.holder = 2, .name = name, .lease = LK_LEASE}};
        core_receive(ck_core(&lk.kit, 1), lk_local_ms(&lk, 1), &m);
    }
    ck_turn(&lk.kit, 1);
    ck_run(&lk.kit, 2 * CK_BEAT_MS);
    assert_int_equal(lk.kit.sent[PEER_KEEP_ALIVE_RESULT], 4096);
    assert_int_equal(first.keep_alive_result.name, 2);
    lk_close(&lk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_confirmation_by_a_leader_that_is_cut_off),
        cmocka_unit_test(no_confirmation_without_a_new_round),
        cmocka_unit_test(a_stamp_of_another_leadership_is_not_echoed),
        cmocka_unit_test(a_former_leader_stamps_no_snapshot),
        cmocka_unit_test(a2_an_end_in_the_log_stops_confirmations_until_it_fails),
        cmocka_unit_test(a2_no_keep_alive_against_a_proposed_expiry_unless_it_fails),
        cmocka_unit_test(a2_a_holder_that_comes_back_too_late_is_told),
        cmocka_unit_test(a2_what_is_confirmed_after_an_end_that_failed_is_counted),
        cmocka_unit_test(a2_a_new_leader_confirms_nothing_before_its_first_entry_is_applied),
        cmocka_unit_test(a2_an_end_proposed_to_a_new_leader_stops_confirmations),
        cmocka_unit_test(a2_an_end_proposed_before_the_grant_is_applied_counts_too),
        cmocka_unit_test(a_leader_with_a_slow_disk_does_not_deny_a_grant),
        cmocka_unit_test(a3_a_marked_lease_is_not_renewed_and_runs_out_in_full),
        cmocka_unit_test(a3_time_counts_from_the_last_one_received_confirmed_or_not),
        cmocka_unit_test(another_grant_of_the_same_id_is_not_renewed_by_the_earlier_holder),
        cmocka_unit_test(keys_go_in_one_revision_with_their_lease),
        cmocka_unit_test(the_leader_tells_how_long_a_lease_goes_on),
        cmocka_unit_test(an_end_that_is_not_applied_takes_nothing_from_what_is_left),
        cmocka_unit_test(of_too_many_that_wait_the_oldest_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
