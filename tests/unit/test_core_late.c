/* tests/unit/test_core_late.c - what comes too late or too early for a core: rules W13 and W14, and
 * safety D5.
 *
 * A snapshot before its rows, answers to an earlier life or an earlier leadership, a leader that
 * has not been introduced. Random lives rarely meet these, so each test is one such message; each
 * fails when its rule is taken out (tests/planted/directed). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "consensus/peer_memory.h"
#include "tests/lib/core_kit.h"

/* Messages of one kind are lost, and what they say is kept here: it points to nothing. */
struct caught {
    enum peer_kind kind;
    size_t count;
    struct peer_message at[64];
};

static bool catch_it(const struct peer_message *message, void *ctx)
{
    struct caught *caught = ctx;
    if (message->kind != caught->kind) {
        return false;
    }
    assert_true(caught->count < 64);
    caught->at[caught->count] = *message;
    caught->count++;
    return true;
}

static void start_catching(struct core_kit *kit, struct caught *caught, enum peer_kind kind)
{
    *caught = (struct caught){.kind = kind};
    kit->is_lost = catch_it;
    kit->lost_ctx = caught;
}

static void small_log(struct core_settings *settings, void *ctx)
{
    (void)ctx;
    settings->compact_entries = 20;
    settings->trailing_entries = 2;
    settings->flush_after_ms = 50;
}

static const struct engine *engine_of(struct core_kit *kit, uint64_t id)
{
    return core_engine(ck_core(kit, id));
}

/* --- W13: one snapshot per member, and none without its rows --- */

/* Node 3 is down and misses so much that only a snapshot brings it back; node 1 leads. */
static void open_with_one_behind(struct core_kit *kit)
{
    ck_prepare(kit, "vvv");
    kit->tune = small_log;
    ck_boot(kit, 1);
    ck_boot(kit, 2);
    ck_lead(kit, 1);
    for (int i = 0; i < 50; i++) {
        (void)ck_put(kit, 1, "key", "value");
        ck_run(kit, 10);
    }
}

static void w13_a_member_gets_one_snapshot_at_a_time(void **state)
{
    (void)state;
    struct core_kit kit;
    struct caught caught;
    open_with_one_behind(&kit);
    start_catching(&kit, &caught, PEER_CHUNK_RESULT);
    ck_boot(&kit, 3);
    ck_run(&kit, 4 * CK_BEAT_MS);
    assert_int_equal(kit.sent[PEER_CHUNK], 1); /* libraft asks with every answer of node 3 */
    ck_close(&kit);
}

static void offer(struct core_kit *kit)
{
    const struct engine *e = engine_of(kit, 1);
    struct members members;
    struct buf conf = {0};
    engine_members(e, &members);
    members_encode(&members, &conf);
    struct peer_message m = {.kind = PEER_SNAPSHOT,
                             .from = 2,
                             .to = 1,
                             .term = 3,
                             .stamp = {.term = 3, .round = 1},
                             .snapshot = {.index = 9,
                                          .term = 3,
                                          .conf_index = 1,
                                          .conf = conf.bytes,
                                          .conf_size = conf.size,
                                          .staged = 5}};
    ck_say(kit, &m);
    buf_close(&conf);
}

static void say_rows(struct core_kit *kit, uint64_t number, bool last)
{
    struct peer_message m = {.kind = PEER_CHUNK,
                             .from = 2,
                             .to = 1,
                             .term = 3,
                             .chunk = {.ship = 5, .number = number, .last = last}};
    ck_say(kit, &m);
}

static void w13_a_snapshot_waits_for_its_rows_and_their_disk(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_prepare(&kit, "vvv");
    ck_boot(&kit, 1);
    ck_finish(&kit, 1, SIZE_MAX);
    say_rows(&kit, 0, false);
    ck_finish(&kit, 1, SIZE_MAX);
    offer(&kit);
    assert_false(engine_installing(engine_of(&kit, 1))); /* half of the rows are there */
    say_rows(&kit, 1, true);
    offer(&kit);
    assert_false(engine_installing(engine_of(&kit, 1))); /* all are, but not on the disk */
    ck_finish(&kit, 1, SIZE_MAX);
    offer(&kit);
    assert_true(engine_installing(engine_of(&kit, 1)));
    ck_close(&kit);
}

/* Node 1 has the rows of a snapshot on its disk, and installs it. */
static void open_with_an_install(struct core_kit *kit)
{
    ck_prepare(kit, "vvv");
    ck_boot(kit, 1);
    ck_finish(kit, 1, SIZE_MAX);
    say_rows(kit, 0, true);
    ck_finish(kit, 1, SIZE_MAX);
    offer(kit);
    assert_true(engine_installing(engine_of(kit, 1)));
}

/* The stage is what is being installed. */
static void w13_a_chunk_during_an_install_comes_too_late(void **state)
{
    (void)state;
    struct core_kit kit;
    open_with_an_install(&kit);
    say_rows(&kit, 0, false); /* it would begin a stage anew, */
    struct peer_row row = {.key = "?", .key_size = 1, .value = "?", .value_size = 1};
    struct peer_message m = {.kind = PEER_CHUNK,
                             .from = 2,
                             .to = 1,
                             .term = 3,
                             .chunk = {.ship = 5, .number = 0, .count = 1, .rows = &row}};
    ck_say(&kit, &m); /* ... and this one, which can not be read, end it */
    ck_finish(&kit, 1, SIZE_MAX);
    assert_int_equal(core_applied(ck_core(&kit, 1)), 9);
    ck_close(&kit);
}

/* --- W14: answers to an earlier life --- */

static void w14_an_answer_to_a_snapshot_of_an_earlier_life_fits_nothing(void **state)
{
    (void)state;
    struct core_kit kit;
    struct caught caught;
    open_with_one_behind(&kit);
    start_catching(&kit, &caught, PEER_CHUNK_RESULT);
    ck_boot(&kit, 3);
    ck_run(&kit, 2 * CK_BEAT_MS);
    assert_int_equal(caught.count, 1); /* the first chunk is the last */
    ck_crash(&kit, 1);
    ck_boot(&kit, 1);
    ck_lead(&kit, 1);
    ck_run(&kit, 2 * CK_BEAT_MS);
    const struct peer_message *newest = &caught.at[caught.count - 1];
    assert_true(caught.count > 1);
    assert_int_equal(newest->to, 1);
    ck_say(&kit, &caught.at[0]); /* of rows that node 3 may have dropped since */
    ck_settle(&kit);
    assert_int_equal(kit.sent[PEER_SNAPSHOT], 0);
    ck_say(&kit, newest);
    ck_settle(&kit);
    assert_int_equal(kit.sent[PEER_SNAPSHOT], 1);
    ck_close(&kit);
}

static void w14_an_answer_to_a_read_of_an_earlier_life_fits_nothing(void **state)
{
    (void)state;
    struct core_kit kit;
    struct caught caught;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    start_catching(&kit, &caught, PEER_READ_INDEX_RESULT);
    (void)ck_read(&kit, 2);
    ck_run(&kit, CK_BEAT_MS);
    assert_int_equal(caught.count, 1);
    ck_crash(&kit, 2);
    ck_boot(&kit, 2);
    ck_run(&kit, 4 * CK_BEAT_MS);
    size_t earlier = caught.count;
    uint64_t read = ck_read(&kit, 2);
    ck_run(&kit, CK_BEAT_MS);
    assert_true(caught.count > earlier);
    for (size_t i = 0; i < earlier; i++) {
        ck_say(&kit, &caught.at[i]); /* an index from before what was acknowledged since */
    }
    ck_settle(&kit);
    assert_int_equal(ck_status(&kit, read), CK_NO_ANSWER);
    ck_say(&kit, &caught.at[caught.count - 1]);
    ck_settle(&kit);
    assert_int_equal(ck_status(&kit, read), 0);
    ck_close(&kit);
}

static void w14_a_read_forgets_what_an_earlier_leadership_did_not_confirm(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    ck_node(&kit, 1)->cut_off = true;
    uint64_t read = ck_read(&kit, 1);
    ck_settle(&kit);
    uint64_t put = 0;
    while (ck_leader(&kit) <= 1) {
        ck_run(&kit, 10);
    }
    ck_run(&kit, CK_BEAT_MS);
    put = ck_put(&kit, ck_leader(&kit), "a", "1");
    ck_run(&kit, CK_BEAT_MS);
    assert_int_equal(ck_status(&kit, put), 0);
    assert_int_equal(ck_status(&kit, read), CK_NO_ANSWER);
    ck_node(&kit, 1)->disk_stopped = true; /* it hears of the new leader, and stores nothing */
    ck_node(&kit, 1)->cut_off = false;
    ck_run(&kit, 3 * CK_BEAT_MS);
    assert_false(ck_has(&kit, 1, "a", "1"));
    assert_int_equal(ck_status(&kit, read), CK_NO_ANSWER);
    ck_node(&kit, 1)->disk_stopped = false;
    ck_run(&kit, 10 * CK_BEAT_MS);
    assert_int_equal(ck_status(&kit, read), 0);
    ck_close(&kit);
}

/* --- D5: who has not been introduced --- */

/* Node 1 has just started, and node 2, played, has said hello to it; what @ret_life names is its
 * own life, which node 2 judges. */
static void introduce(struct core_kit *kit, uint64_t *ret_life)
{
    ck_prepare(kit, "vvv");
    ck_boot(kit, 1);
    ck_finish(kit, 1, SIZE_MAX);
    const struct peer_message *hello = ck_take(kit, PEER_HELLO, 2);
    assert_non_null(hello);
    *ret_life = hello->life;
    struct peer_message m = {.kind = PEER_HELLO,
                             .from = 2,
                             .to = 1,
                             .life = peer_life(4, 44),
                             .term = 1,
                             .hello = {.name = "n2", .start_term = 1, .start_last = 1}};
    ck_say(kit, &m);
}

static void say_verdict(struct core_kit *kit, uint64_t life, enum hello_verdict verdict)
{
    struct peer_message m = {.kind = PEER_HELLO_RESULT,
                             .from = 2,
                             .to = 1,
                             .life = peer_life(4, 44),
                             .term = 1,
                             .hello_result = {.life = life, .verdict = (uint8_t)verdict}};
    ck_say(kit, &m);
}

/* A leader that is not answered is not followed either: its term is none of ours. */
static bool follows_a_leader(struct core_kit *kit)
{
    struct peer_message m = {.kind = PEER_APPEND,
                             .from = 2,
                             .to = 1,
                             .life = peer_life(4, 44),
                             .term = 2,
                             .stamp = {.term = 2, .round = 1},
                             .append = {.prev_index = 1, .prev_term = 1, .commit = 1}};
    ck_say(kit, &m);
    ck_finish(kit, 1, SIZE_MAX);
    bool answers = ck_take(kit, PEER_APPEND_RESULT, 2) != NULL;
    assert_int_equal(engine_term(engine_of(kit, 1)), answers ? 2 : 1);
    return answers;
}

static void d5_a_node_that_may_be_an_old_copy_follows_nobody(void **state)
{
    (void)state;
    struct core_kit kit;
    uint64_t life = 0;
    introduce(&kit, &life);
    assert_false(follows_a_leader(&kit)); /* which may know more of us than our disk does */
    say_verdict(&kit, life, HELLO_FINE);
    assert_false(follows_a_leader(&kit)); /* 3 may */
    ck_tick(&kit, 1, CK_ELECTION_MS);
    assert_true(follows_a_leader(&kit));
    ck_close(&kit);
}

static void d5_a_verdict_on_an_earlier_life_is_not_about_this_one(void **state)
{
    (void)state;
    struct core_kit kit;
    uint64_t life = 0;
    struct err err = {0};
    introduce(&kit, &life);
    say_verdict(&kit, life - (UINT64_C(1) << 32), HELLO_OLD_TERM);
    assert_int_equal(core_refused(ck_core(&kit, 1), &err), CORE_WELCOME);
    say_verdict(&kit, life - (UINT64_C(1) << 32), HELLO_FINE);
    assert_false(follows_a_leader(&kit));
    say_verdict(&kit, life, HELLO_OLD_TERM);
    assert_int_equal(core_refused(ck_core(&kit, 1), &err), CORE_OLD_COPY);
    ck_close(&kit);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(w13_a_member_gets_one_snapshot_at_a_time),
        cmocka_unit_test(w13_a_snapshot_waits_for_its_rows_and_their_disk),
        cmocka_unit_test(w13_a_chunk_during_an_install_comes_too_late),
        cmocka_unit_test(w14_an_answer_to_a_snapshot_of_an_earlier_life_fits_nothing),
        cmocka_unit_test(w14_an_answer_to_a_read_of_an_earlier_life_fits_nothing),
        cmocka_unit_test(w14_a_read_forgets_what_an_earlier_leadership_did_not_confirm),
        cmocka_unit_test(d5_a_node_that_may_be_an_old_copy_follows_nobody),
        cmocka_unit_test(d5_a_verdict_on_an_earlier_life_is_not_about_this_one),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
