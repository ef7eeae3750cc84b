/* tests/unit/test_core_disk.c - slow disks (safety E1) and full ones (E2), in clusters moved by
 * hand.
 *
 * What must hold: a node whose disk lags does not ask for leadership, a leader whose disk lags or
 * is full gives it away, one full disk stops nobody, and with all disks full there still is a
 * leader and leases still end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/kv_codec.h"
#include "tests/lib/core_kit.h"

static const struct engine *engine_of(struct core_kit *kit, uint64_t id)
{
    return core_engine(ck_core(kit, id));
}

static uint64_t put_by_system(struct core_kit *kit, uint64_t id, const char *key)
{
    struct kv_command command = {
        .kind = KV_OP,
        .system = true,
        .op = {.kind = KV_OP_PUT, .put = {.key = kv_text(key), .value = kv_text("1")}}};
    return ck_command(kit, id, &command);
}

/* Full, and known to be: a write has tried. */
static void fill(struct core_kit *kit, uint64_t id)
{
    ck_set_full(kit, id, true);
    for (int i = 0; i < 20 && !ck_node(kit, id)->told_full; i++) {
        uint64_t leader = ck_elect(kit);
        (void)ck_put(kit, leader, "filler", "1");
        ck_run(kit, CK_BEAT_MS);
    }
    assert_true(ck_node(kit, id)->told_full);
}

/* --- slow --- */

/* A term is on its way to a disk that hangs, and others go on asking: what waits is bounded. */
static void answers_that_a_hanging_disk_holds_back_are_bounded(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vv-");
    ck_lead(&kit, 1);
    ck_run(&kit, 2 * CK_BEAT_MS);
    ck_node(&kit, 2)->disk_stopped = true;
    uint64_t term = engine_term(engine_of(&kit, 2)) + 1;
    struct peer_message ask = {.kind = PEER_VOTE, .from = 3, .to = 2, .term = term};
    ask.vote = (struct peer_vote){.last_index = 1, .last_term = 1, .disrupt_leader = true};
    ck_say(&kit, &ask);
    assert_int_equal(engine_term(engine_of(&kit, 2)), term);
    kit.sent[PEER_VOTE_RESULT] = 0;
    for (int i = 0; i < 20000; i++) {
        ck_say(&kit, &ask);
    }
    assert_int_equal(kit.sent[PEER_VOTE_RESULT], 0);
    ck_node(&kit, 2)->disk_stopped = false;
    ck_settle(&kit);
    assert_true(kit.sent[PEER_VOTE_RESULT] > 10000);
    assert_true(kit.sent[PEER_VOTE_RESULT] < 17000);
    ck_close(&kit);
}

static void a_node_that_is_writing_for_long_does_not_campaign(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    ck_run(&kit, 2 * CK_BEAT_MS);
    ck_node(&kit, 2)->disk_stopped = true;
    (void)ck_put(&kit, 1, "a", "1"); /* 2 is writing it from now on */
    ck_settle(&kit);
    ck_crash(&kit, 1);
    ck_node(&kit, 3)->cut_off = true;
    kit.sent[PEER_VOTE] = 0;
    for (int i = 0; i < 40; i++) {
        ck_tick(&kit, 2, CK_BEAT_MS);
    }
    assert_int_equal(kit.sent[PEER_VOTE], 0);
    ck_node(&kit, 2)->disk_stopped = false;
    ck_settle(&kit);
    ck_tick(&kit, 2, CK_BEAT_MS);
    assert_true(kit.sent[PEER_VOTE] > 0);
    ck_close(&kit);
}

static void a_leader_with_a_slow_disk_hands_over(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    ck_run(&kit, 2 * CK_BEAT_MS);
    ck_node(&kit, 1)->disk_stopped = true;
    (void)ck_put(&kit, 1, "a", "1");
    ck_run(&kit, CK_ELECTION_MS - 1);
    assert_int_equal(ck_leader(&kit), 1);
    ck_run(&kit, CK_BEAT_MS + 10);
    assert_int_not_equal(ck_leader(&kit), 1);
    uint64_t leader = ck_elect(&kit);
    uint64_t ticket = ck_put(&kit, leader, "b", "1");
    ck_run(&kit, CK_BEAT_MS);
    assert_int_equal(ck_status(&kit, ticket), 0);
    ck_close(&kit);
}

static void a_slow_disk_that_keeps_up_leads_on(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    ck_node(&kit, 1)->disk_ms = CK_ELECTION_MS / 3;
    for (int i = 0; i < 50; i++) {
        (void)ck_put(&kit, 1, "a", "1");
        ck_run(&kit, CK_BEAT_MS);
        assert_int_equal(ck_leader(&kit), 1);
    }
    ck_close(&kit);
}

static void nobody_takes_over_from_a_slow_leader_among_slow_disks(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    ck_run(&kit, 2 * CK_BEAT_MS);
    for (uint64_t id = 1; id <= 3; id++) {
        ck_node(&kit, id)->disk_stopped = true;
    }
    uint64_t ticket = ck_put(&kit, 1, "a", "1");
    kit.sent[PEER_TIMEOUT_NOW] = 0;
    ck_run(&kit, 10 * CK_ELECTION_MS);
    assert_int_equal(ck_leader(&kit), 1);
    assert_int_equal(kit.sent[PEER_TIMEOUT_NOW], 0);
    for (uint64_t id = 1; id <= 3; id++) {
        ck_node(&kit, id)->disk_stopped = false;
    }
    ck_run(&kit, CK_BEAT_MS);
    assert_int_equal(ck_status(&kit, ticket), 0);
    ck_close(&kit);
}

/* --- one full disk --- */

static void a_full_leader_hands_over_and_the_cluster_goes_on(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    ck_run(&kit, 2 * CK_BEAT_MS);
    ck_set_full(&kit, 1, true);
    (void)ck_put(&kit, 1, "a", "1");
    ck_settle(&kit);
    assert_int_not_equal(ck_leader(&kit), 1);
    uint64_t leader = ck_elect(&kit);
    for (int i = 0; i < 100; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%d", i);
        uint64_t ticket = ck_put(&kit, leader, key, "1");
        ck_run(&kit, CK_BEAT_MS);
        assert_int_equal(ck_status(&kit, ticket), 0);
        assert_int_equal(ck_leader(&kit), leader); /* the full one leaves it alone */
    }
    assert_true(ck_has(&kit, 1, "k99", NULL));
    ck_set_full(&kit, 1, false);
    ck_run(&kit, 5 * CK_BEAT_MS);
    assert_true(ck_has(&kit, 1, "k99", "1"));
    ck_close(&kit);
}

static void a_full_leader_refuses_at_once_and_what_waited_too(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "v");
    ck_lead(&kit, 1);
    ck_set_full(&kit, 1, true);
    ck_node(&kit, 1)->disk_ms = 10;
    uint64_t standing = ck_put(&kit, 1, "a", "1"); /* in the log */
    uint64_t waiting = ck_put(&kit, 1, "b", "1");  /* waits for it */
    assert_int_equal(ck_status(&kit, waiting), CK_NO_ANSWER);
    ck_settle(&kit);
    assert_int_equal(ck_status(&kit, waiting), ERR_NO_SPACE);
    uint64_t late = ck_put(&kit, 1, "c", "1");
    assert_int_equal(ck_status(&kit, late), ERR_NO_SPACE);
    ck_run(&kit, 3 * CK_ELECTION_MS);
    assert_int_equal(ck_status(&kit, standing), CK_NO_ANSWER);
    uint64_t own = put_by_system(&kit, 1, "s");
    ck_run(&kit, CK_BEAT_MS);
    assert_int_equal(ck_status(&kit, own), 0);
    assert_int_equal(ck_status(&kit, standing), 0); /* it lies before that in the log */
    ck_set_full(&kit, 1, false);
    ck_run(&kit, CK_BEAT_MS);
    uint64_t again = ck_put(&kit, 1, "c", "1");
    ck_run(&kit, CK_BEAT_MS);
    assert_int_equal(ck_status(&kit, again), 0);
    ck_close(&kit);
}

static void a_full_follower_takes_nothing_ordinary_and_is_not_cut_off(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    ck_run(&kit, 2 * CK_BEAT_MS);
    fill(&kit, 3);
    assert_int_equal(ck_leader(&kit), 1);
    uint64_t last = engine_last(engine_of(&kit, 3));
    uint64_t stored = engine_stored(engine_of(&kit, 3));
    uint64_t term = engine_term(engine_of(&kit, 1));
    for (int i = 0; i < 50; i++) {
        uint64_t ticket = ck_put(&kit, 1, "a", "1");
        uint64_t own = put_by_system(&kit, 1, "s");
        ck_run(&kit, 2 * CK_BEAT_MS);
        assert_int_equal(ck_status(&kit, ticket), 0);
        assert_int_equal(ck_status(&kit, own), 0);
    }
    (void)ck_put(&kit, 1, "a", "1");
    const struct peer_message *append = ck_take(&kit, PEER_APPEND, 3);
    assert_true(append == NULL || append->append.count == 0); /* nor are they sent for nothing */
    /* Two have room: not even what is essential costs the third its reserve. */
    assert_int_equal(engine_last(engine_of(&kit, 3)), last);
    assert_int_equal(engine_stored(engine_of(&kit, 3)), stored);
    assert_int_equal(engine_term(engine_of(&kit, 3)), term);
    assert_int_equal(engine_leader(engine_of(&kit, 3)), 1);
    uint64_t read = ck_read(&kit, 1);
    ck_node(&kit, 2)->cut_off = true; /* a majority needs the full one's voice now */
    ck_run(&kit, 2 * CK_BEAT_MS);
    assert_int_equal(ck_status(&kit, read), 0);
    assert_int_equal(ck_leader(&kit), 1);
    ck_node(&kit, 2)->cut_off = false;
    ck_set_full(&kit, 3, false);
    ck_run(&kit, 5 * CK_BEAT_MS);
    assert_true(ck_has(&kit, 3, "a", "1"));
    ck_close(&kit);
}

/* Entries that were left out of an APPEND are not acknowledged, whatever the log has there. */
static void what_was_left_out_is_not_acknowledged(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_prepare(&kit, "vvv");
    ck_boot(&kit, 1);
    ck_finish(&kit, 1, SIZE_MAX);
    ck_tick(&kit, 1, CK_ELECTION_MS); /* 2 and 3 are played: it has waited for their word */
    struct peer_entry old[] = {{.term = 2, .type = ENTRY_COMMAND, .data = "x", .size = 1},
                               {.term = 2, .type = ENTRY_COMMAND, .data = "y", .size = 1}};
    struct peer_message m = {
        .kind = PEER_APPEND,
        .from = 2,
        .to = 1,
        .term = 2,
        .stamp = {.term = 2, .round = 1},
        .append = {.prev_index = 1, .prev_term = 1, .commit = 1, .count = 2, .entries = old}};
    ck_say(&kit, &m);
    ck_finish(&kit, 1, SIZE_MAX);
    assert_int_equal(engine_stored(engine_of(&kit, 1)), 3);
    core_space(ck_core(&kit, 1), kit.now_ms, ERR_NO_SPACE);
    ck_drop(&kit);
    struct peer_entry other[] = {{.term = 3, .type = ENTRY_COMMAND, .data = "z", .size = 1},
                                 {.term = 3, .type = ENTRY_COMMAND, .data = "z", .size = 1}};
    m.from = 3;
    m.term = 3;
    m.stamp = (struct peer_stamp){.term = 3, .round = 1};
    m.append.entries = other;
    ck_say(&kit, &m);
    ck_finish(&kit, 1, SIZE_MAX); /* the new term */
    const struct peer_message *answer = ck_take(&kit, PEER_APPEND_RESULT, 3);
    assert_non_null(answer);
    assert_int_equal(answer->append_result.rejected, 0);
    assert_int_equal(answer->append_result.last_index, 1);
    assert_int_equal(answer->append_result.disk, PEER_DISK_FULL);
    assert_int_equal(engine_last(engine_of(&kit, 1)), 3);
    m.append.urgent = 2; /* the first of the two is needed */
    ck_say(&kit, &m);
    ck_finish(&kit, 1, SIZE_MAX);
    answer = ck_take(&kit, PEER_APPEND_RESULT, 3);
    assert_non_null(answer);
    assert_int_equal(answer->append_result.last_index, 2);
    assert_int_equal(engine_last(engine_of(&kit, 1)), 2);
    ck_close(&kit);
}

/* --- more than one --- */

static void a_leader_without_a_majority_that_has_room_refuses(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    ck_run(&kit, 2 * CK_BEAT_MS);
    fill(&kit, 2);
    fill(&kit, 3);
    ck_run(&kit, 2 * CK_BEAT_MS);
    assert_int_equal(ck_leader(&kit), 1);
    uint64_t ordinary = ck_put(&kit, 1, "a", "1");
    assert_int_equal(ck_status(&kit, ordinary), ERR_NO_SPACE);
    uint64_t own = put_by_system(&kit, 1, "s");
    ck_run(&kit, 5 * CK_BEAT_MS);
    assert_int_equal(ck_status(&kit, own), 0); /* from a reserve */
    ck_set_full(&kit, 2, false);
    ck_run(&kit, 2 * CK_BEAT_MS);
    ordinary = ck_put(&kit, 1, "a", "1");
    ck_run(&kit, 2 * CK_BEAT_MS);
    assert_int_equal(ck_status(&kit, ordinary), 0);
    ck_close(&kit);
}

static void fill_all(struct core_kit *kit, uint64_t count)
{
    for (uint64_t id = 1; id <= count; id++) {
        ck_set_full(kit, id, true);
    }
    (void)ck_put(kit, ck_elect(kit), "filler", "1");
    ck_run(kit, 5 * CK_BEAT_MS);
    for (uint64_t id = 1; id <= count; id++) {
        assert_true(ck_node(kit, id)->told_full);
    }
}

static void with_all_disks_full_a_leader_is_elected(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvvvv");
    ck_lead(&kit, 1);
    ck_run(&kit, 2 * CK_BEAT_MS);
    fill_all(&kit, 5);
    ck_run(&kit, 20 * CK_ELECTION_MS);
    assert_int_equal(ck_leader(&kit), 1); /* there is nobody to hand over to */
    for (int round = 0; round < 20; round++) {
        uint64_t leader = ck_elect(&kit);
        ck_crash(&kit, leader);
        ck_run(&kit, 5 * CK_ELECTION_MS);
        uint64_t next = ck_elect(&kit);
        assert_int_not_equal(next, leader);
        uint64_t own = put_by_system(&kit, next, "s");
        ck_run(&kit, 5 * CK_BEAT_MS);
        assert_int_equal(ck_status(&kit, own), 0);
        ck_boot(&kit, leader);
        ck_run(&kit, 2 * CK_ELECTION_MS);
    }
    ck_close(&kit);
}

static void with_all_disks_full_a_lease_ends(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    struct kv_command grant = {.kind = KV_OP,
                               .op = {.kind = KV_OP_LEASE, .grant = {.id = 7, .ttl_ms = 3000}}};
    uint64_t granted = ck_command(&kit, 1, &grant);
    ck_run(&kit, 2 * CK_BEAT_MS);
    assert_int_equal(ck_status(&kit, granted), 0);
    fill_all(&kit, 3);
    struct machine_lease lease;
    assert_true(machine_lease(core_machine(ck_core(&kit, 1)), 7, &lease));
    ck_run(&kit, 10000);
    for (uint64_t id = 1; id <= 3; id++) {
        assert_false(machine_lease(core_machine(ck_core(&kit, id)), 7, &lease));
    }
    ck_close(&kit);
}

static void with_all_disks_full_a_lease_is_revoked(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    struct kv_command grant = {.kind = KV_OP,
                               .op = {.kind = KV_OP_LEASE, .grant = {.id = 7, .ttl_ms = 60000}}};
    uint64_t granted = ck_command(&kit, 1, &grant);
    ck_run(&kit, 2 * CK_BEAT_MS);
    assert_int_equal(ck_status(&kit, granted), 0);
    fill_all(&kit, 3);
    ck_run(&kit, 20 * CK_ELECTION_MS); /* until there is nobody to hand over to */
    struct kv_command revoke = {.kind = KV_LEASE_END,
                                .lease_end = {.kind = KV_LEASE_REVOKE, .id = 7}};
    uint64_t revoked = ck_command(&kit, ck_elect(&kit), &revoke);
    ck_run(&kit, 5 * CK_BEAT_MS);
    assert_int_equal(ck_status(&kit, revoked), 0);
    ck_close(&kit);
}

/* Entries that were given to the disk as ordinary ones, before anybody knew that it is full. */
static void what_became_urgent_is_sent_for(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vv");
    ck_lead(&kit, 1);
    ck_run(&kit, 2 * CK_BEAT_MS);
    ck_set_full(&kit, 2, true);
    uint64_t own = put_by_system(&kit, 1, "s");
    ck_settle(&kit);
    assert_int_equal(store_double_waiting(ck_node(&kit, 2)->disk), 1);
    assert_int_equal(ck_status(&kit, own), CK_NO_ANSWER);
    ck_run(&kit, 3 * CK_BEAT_MS);
    assert_int_equal(ck_status(&kit, own), 0);
    assert_int_equal(store_double_waiting(ck_node(&kit, 2)->disk), 0);
    ck_close(&kit);
}

static void small_share(struct core_settings *settings, void *ctx)
{
    (void)ctx;
    settings->full_bytes_max = 2000;
}

static void entries_leave_some_reserve_to_votes(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_prepare(&kit, "vv");
    kit.tune = small_share;
    for (uint64_t id = 1; id <= 2; id++) {
        store_double_set_reserve(ck_node(&kit, id)->disk, 8000);
        ck_boot(&kit, id);
    }
    ck_lead(&kit, 1);
    ck_run(&kit, 2 * CK_BEAT_MS);
    fill_all(&kit, 2);
    int refused = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t own = put_by_system(&kit, ck_elect(&kit), "s");
        ck_run(&kit, 5 * CK_BEAT_MS);
        refused += ck_status(&kit, own) == ERR_NO_SPACE ? 1 : 0;
    }
    assert_true(refused > 50);
    uint64_t term = engine_term(engine_of(&kit, 1));
    ck_crash(&kit, 2);
    ck_run(&kit, 4 * CK_ELECTION_MS);
    ck_boot(&kit, 2);
    ck_run(&kit, 10 * CK_ELECTION_MS);
    assert_true(engine_term(engine_of(&kit, ck_elect(&kit))) > term);
    ck_close(&kit);
}

/* Rows of the state do not ride on what may use the reserve, and wait as long as the disk is full.
 */
static void no_rows_are_written_to_a_full_disk(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "v");
    ck_lead(&kit, 1);
    ck_run(&kit, 2000);
    fill_all(&kit, 1);
    for (int i = 0; i < 5; i++) {
        uint64_t own = put_by_system(&kit, 1, "s");
        ck_settle(&kit);
        assert_int_equal(ck_status(&kit, own), 0);
        uint64_t next_ms = core_next_tick_ms(ck_core(&kit, 1), kit.now_ms);
        assert_true(next_ms > kit.now_ms + 1 || i == 0);
        ck_run(&kit, 2000);
        assert_int_equal(store_double_waiting(ck_node(&kit, 1)->disk), 0);
    }
    struct store_double_reader *reader = store_double_reader_open(ck_node(&kit, 1)->disk);
    uint64_t on_disk = store_double_reader_applied(reader);
    store_double_reader_close(reader);
    assert_true(on_disk + 5 <= core_applied(ck_core(&kit, 1)));
    ck_close(&kit);
}

static void what_may_use_the_reserve_takes_no_rows_along(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "v");
    ck_lead(&kit, 1);
    (void)ck_put(&kit, 1, "a", "1");
    ck_settle(&kit);
    kit.now_ms += 200; /* the row of it waits for a ride, and not yet long enough to go alone */
    struct kv_command command = {.kind = KV_NOOP, .system = true};
    struct buf bytes = {0};
    assert_int_equal(kv_command_encode(&command, &bytes, NULL), 0);
    struct core *core = ck_core(&kit, 1);
    core_propose(core, kit.now_ms, 1000, bytes.bytes, bytes.size);
    buf_close(&bytes);
    core_turn(core, kit.now_ms);
    struct store_batch *batch = core_next_batch(core);
    assert_non_null(batch);
    assert_true(batch->essential);
    assert_int_equal(batch->entry_count, 1);
    assert_int_equal(batch->row_count, 0);
    store_double_submit(ck_node(&kit, 1)->disk, batch);
    ck_close(&kit);
}

static void rows_that_stand_still_stop_no_election(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    ck_run(&kit, 5000);
    (void)ck_put(&kit, 1, "a", "1");
    ck_run(&kit, 2 * CK_BEAT_MS);
    for (uint64_t id = 2; id <= 3; id++) {
        ck_set_full(&kit, id, true);
    }
    ck_run(&kit, 2000);
    for (uint64_t id = 2; id <= 3; id++) {
        assert_int_equal(store_double_waiting(ck_node(&kit, id)->disk), 1);
        assert_int_equal(engine_stored(engine_of(&kit, id)), engine_last(engine_of(&kit, id)));
    }
    assert_int_equal(ck_leader(&kit), 1);
    ck_crash(&kit, 1);
    ck_run(&kit, 5 * CK_ELECTION_MS);
    assert_true(ck_elect(&kit) > 1);
    ck_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_that_is_writing_for_long_does_not_campaign),
        cmocka_unit_test(answers_that_a_hanging_disk_holds_back_are_bounded),
        cmocka_unit_test(a_leader_with_a_slow_disk_hands_over),
        cmocka_unit_test(a_slow_disk_that_keeps_up_leads_on),
        cmocka_unit_test(nobody_takes_over_from_a_slow_leader_among_slow_disks),
        cmocka_unit_test(a_full_leader_hands_over_and_the_cluster_goes_on),
        cmocka_unit_test(a_full_leader_refuses_at_once_and_what_waited_too),
        cmocka_unit_test(a_full_follower_takes_nothing_ordinary_and_is_not_cut_off),
        cmocka_unit_test(what_was_left_out_is_not_acknowledged),
        cmocka_unit_test(a_leader_without_a_majority_that_has_room_refuses),
        cmocka_unit_test(with_all_disks_full_a_leader_is_elected),
        cmocka_unit_test(with_all_disks_full_a_lease_ends),
        cmocka_unit_test(with_all_disks_full_a_lease_is_revoked),
        cmocka_unit_test(what_became_urgent_is_sent_for),
        cmocka_unit_test(entries_leave_some_reserve_to_votes),
        cmocka_unit_test(no_rows_are_written_to_a_full_disk),
        cmocka_unit_test(what_may_use_the_reserve_takes_no_rows_along),
        cmocka_unit_test(rows_that_stand_still_stop_no_election),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
