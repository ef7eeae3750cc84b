/* tests/unit/test_core_removed.c - an id that was removed does not come back, and one that is no
 * member counts for nothing (safety D5, docs/membership.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "consensus/peer_memory.h"
#include "tests/lib/core_kit.h"

#define STRANGER UINT64_C(7)

static const struct engine *engine_of(struct core_kit *kit, uint64_t id)
{
    return core_engine(ck_core(kit, id));
}

static void remove_4(struct core_kit *kit)
{
    int code = ERR_BUSY;
    for (int i = 0; i < 100 && code != 0; i++) {
        uint64_t leader = ck_elect(kit);
        code = core_change(ck_core(kit, leader), kit->now_ms, CHANGE_REMOVE, 4, NULL, NULL);
        ck_turn(kit, leader);
        ck_run(kit, 10);
    }
    assert_int_equal(code, 0);
}

/* The hello of a disk from before it was a member. */
static struct peer_message hello_of_4(uint64_t to)
{
    return (struct peer_message){
        .kind = PEER_HELLO, .from = 4, .to = to, .life = peer_life(9, 1), .hello = {.name = "n4"}};
}

static uint8_t verdict_on(struct core_kit *kit, const struct peer_message *hello)
{
    ck_drop(kit);
    ck_say(kit, hello);
    ck_finish(kit, hello->to, SIZE_MAX);
    const struct peer_message *answer = ck_take(kit, PEER_HELLO_RESULT, hello->from);
    assert_non_null(answer);
    return answer->hello_result.verdict;
}

static void expect_4_is_refused_by(struct core_kit *kit, uint64_t id)
{
    struct peer_message hello = hello_of_4(id);
    assert_int_equal(verdict_on(kit, &hello), HELLO_REMOVED);
}

/* --- it does not come back --- */

static void restart_all(struct core_kit *kit)
{
    for (uint64_t id = 1; id <= 3; id++) {
        ck_crash(kit, id);
        ck_boot(kit, id);
    }
    ck_run(kit, 4 * CK_ELECTION_MS);
}

static void a_removed_id_is_remembered_over_a_restart(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvvv");
    ck_lead(&kit, 1);
    ck_crash(&kit, 4);
    struct peer_message hello = hello_of_4(1);
    hello.hello.conf_index = 1;
    remove_4(&kit);
    ck_put_and_wait(&kit, "a");
    restart_all(&kit); /* what was not written down is in the log */
    for (uint64_t id = 1; id <= 3; id++) {
        expect_4_is_refused_by(&kit, id);
    }
    ck_run(&kit, 2000); /* it has been */
    restart_all(&kit);
    for (uint64_t id = 1; id <= 3; id++) {
        expect_4_is_refused_by(&kit, id);
    }
    assert_int_equal(verdict_on(&kit, &hello), HELLO_REMOVED); /* and one that says what it was */
    ck_close(&kit);
}

/* The entry that removed it never came here, and is in no log any more. */
static void a_removal_is_learnt_from_a_snapshot(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_prepare(&kit, "vvvv");
    kit.tune = ck_small_log;
    for (uint64_t id = 1; id <= 3; id++) {
        ck_boot(&kit, id);
    }
    ck_lead(&kit, 1);
    ck_put_and_wait(&kit, "a");
    ck_crash(&kit, 3);
    ck_boot(&kit, 4);
    ck_run(&kit, CK_ELECTION_MS); /* it waits: 3 does not tell whether it is an old copy */
    ck_put_and_wait(&kit, "b");
    remove_4(&kit);
    ck_crash(&kit, 4);
    for (int i = 0; i < 100; i++) {
        (void)ck_put(&kit, ck_elect(&kit), "c", "some value that takes a little space");
        ck_run(&kit, 10);
    }
    uint64_t chunks = kit.sent[PEER_CHUNK];
    ck_boot(&kit, 3);
    ck_run(&kit, 10 * CK_ELECTION_MS);
    assert_true(kit.sent[PEER_CHUNK] > chunks);
    ck_crash(&kit, 3);
    ck_boot(&kit, 3);
    ck_run(&kit, CK_BEAT_MS);
    expect_4_is_refused_by(&kit, 3);
    ck_close(&kit);
}

/* Neither the membership before nor the entry that changed it was ever seen here. */
static void who_joins_by_a_snapshot_learns_who_was_removed_before(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_prepare(&kit, "vvvv-");
    kit.tune = ck_small_log;
    for (uint64_t id = 1; id <= 4; id++) {
        ck_boot(&kit, id);
    }
    ck_lead(&kit, 1);
    ck_crash(&kit, 4);
    remove_4(&kit);
    for (int i = 0; i < 100; i++) {
        (void)ck_put(&kit, ck_elect(&kit), "c", "some value that takes a little space");
        ck_run(&kit, 10);
    }
    uint64_t chunks = kit.sent[PEER_CHUNK];
    ck_boot(&kit, 5);
    static const enum member_change steps[] = {CHANGE_ADD, CHANGE_TO_STANDBY};
    for (size_t i = 0; i < 2; i++) {
        struct core *leader = ck_core(&kit, ck_elect(&kit));
        assert_int_equal(core_change(leader, kit.now_ms, steps[i], 5, "n5", NULL), 0);
        ck_run(&kit, 10 * CK_ELECTION_MS);
    }
    assert_true(kit.sent[PEER_CHUNK] > chunks);
    expect_4_is_refused_by(&kit, 5);
    ck_crash(&kit, 5);
    ck_boot(&kit, 5);
    ck_run(&kit, CK_BEAT_MS);
    expect_4_is_refused_by(&kit, 5);
    ck_close(&kit);
}

static void named(struct core_settings *settings, void *ctx)
{
    (void)ctx;
    settings->me = (struct member_info){.id = settings->id, .kind = MEMBER_DATABASE};
    (void)snprintf(settings->me.name, sizeof(settings->me.name), "pg%u", (unsigned)settings->id);
    (void)snprintf(settings->me.address, sizeof(settings->me.address), "10.0.0.%u:7400",
                   (unsigned)settings->id);
}

static int wish_for_4(struct core_kit *kit, struct err *err)
{
    struct core_settings settings = core_settings_default(4, 1);
    named(&settings, NULL);
    char text[MEMBER_TEXT_SIZE];
    struct peer_join join = {.subject = 4,
                             .wish = JOIN_IN,
                             .wants_vote = true,
                             .at_once = true,
                             .text = member_info_encode(&settings.me, text)};
    return core_admit(ck_core(kit, ck_elect(kit)), kit->now_ms, &join, err);
}

static void it_asks_in_vain(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_prepare(&kit, "vvvv");
    struct store_double *blank = store_double_create();
    kit.tune = named;
    for (uint64_t id = 1; id <= 4; id++) {
        ck_boot(&kit, id);
    }
    ck_run(&kit, 4 * CK_ELECTION_MS);
    ck_crash(&kit, 4);
    remove_4(&kit);
    ck_put_and_wait(&kit, "a");
    ck_run(&kit, 3 * CK_ELECTION_MS); /* the table has it: the log alone would remember, too */
    restart_all(&kit);
    /* An image of the disk from before it joined; the other host has the way to one member. */
    store_double_destroy(ck_node(&kit, 4)->disk);
    ck_node(&kit, 4)->disk = blank;
    ck_boot(&kit, 4);
    core_greet(ck_core(&kit, 4), kit.now_ms, 2);
    ck_turn(&kit, 4);
    ck_settle(&kit); /* its hello says that it never was a member, and is remembered better */
    assert_int_equal(core_refused(ck_core(&kit, 4), NULL), CORE_REMOVED);
    ck_run(&kit, 20 * CK_ELECTION_MS);
    assert_int_equal(core_refused(ck_core(&kit, 4), NULL), CORE_REMOVED);
    struct members members;
    engine_members(engine_of(&kit, 1), &members);
    assert_null(members_find(&members, 4));
    /* Nor by an operator's mistake. */
    struct err err = {0};
    assert_int_equal(wish_for_4(&kit, &err), ERR_REFUSED);
    assert_non_null(strstr(err.msg, "pg4 was removed"));
    ck_close(&kit);
}

/* --- who is no member counts for nothing --- */

static void say(struct core_kit *kit, const struct peer_message *m)
{
    ck_say(kit, m);
    ck_finish(kit, 1, SIZE_MAX);
}

/* 1 runs, 2 and 3 are played, and a stranger whose hello is fine. */
static void open_with_a_stranger(struct core_kit *kit)
{
    ck_prepare(kit, "vvv");
    ck_boot(kit, 1);
    ck_finish(kit, 1, SIZE_MAX);
    struct peer_message hello = {.kind = PEER_HELLO,
                                 .from = STRANGER,
                                 .to = 1,
                                 .life = peer_life(1, 1),
                                 .hello = {.name = "n7"}};
    assert_int_equal(verdict_on(kit, &hello), HELLO_FINE);
}

/* @from answers the newest request for a vote. */
static void grant(struct core_kit *kit, uint64_t from, const struct peer_message *request)
{
    struct peer_message m = {.kind = PEER_VOTE_RESULT,
                             .from = from,
                             .to = 1,
                             .life = peer_life(1, 1),
                             .term = request->term,
                             .vote_result = {.granted = true, .pre_vote = request->vote.pre_vote}};
    m.life = from == STRANGER ? m.life : 0;
    say(kit, &m);
}

static const struct peer_message *next_request(struct core_kit *kit)
{
    const struct peer_message *request = NULL;
    for (int i = 0; i < 400 && request == NULL; i++) {
        request = ck_take(kit, PEER_VOTE, 2);
        if (request == NULL) {
            ck_tick(kit, 1, 10);
            ck_finish(kit, 1, SIZE_MAX);
        }
    }
    assert_non_null(request);
    return request;
}

static void elect_1(struct core_kit *kit)
{
    const struct peer_message *request = next_request(kit);
    assert_true(request->vote.pre_vote);
    uint64_t term = engine_term(engine_of(kit, 1));
    grant(kit, STRANGER, request);
    assert_int_equal(engine_term(engine_of(kit, 1)), term); /* it does not even ask for real */
    grant(kit, 2, request);
    request = next_request(kit);
    assert_false(request->vote.pre_vote);
    grant(kit, STRANGER, request);
    assert_int_equal(engine_role(engine_of(kit, 1)), ENGINE_CANDIDATE);
    grant(kit, 2, request);
    assert_int_equal(engine_role(engine_of(kit, 1)), ENGINE_LEADER);
}

static void acknowledge(struct core_kit *kit, uint64_t from)
{
    const struct engine *e = engine_of(kit, 1);
    struct peer_stamp newest = {0};
    for (const struct peer_message *m = ck_take(kit, PEER_APPEND, 2); m != NULL;
         m = ck_take(kit, PEER_APPEND, 2)) {
        newest = m->stamp;
    }
    assert_int_equal(newest.term, engine_term(e));
    struct peer_message m = {.kind = PEER_APPEND_RESULT,
                             .from = from,
                             .to = 1,
                             .life = from == STRANGER ? peer_life(1, 1) : 0,
                             .term = engine_term(e),
                             .stamp = newest,
                             .append_result = {.last_index = engine_last(e)}};
    say(kit, &m);
}

static void a_stranger_gets_no_vote_and_no_acknowledgement_counted(void **state)
{
    (void)state;
    struct core_kit kit;
    open_with_a_stranger(&kit);
    elect_1(&kit);
    acknowledge(&kit, 2);
    assert_true(engine_is_established(engine_of(&kit, 1)));
    uint64_t put = ck_put(&kit, 1, "a", "1");
    ck_finish(&kit, 1, SIZE_MAX);
    uint64_t commit = engine_commit(engine_of(&kit, 1));
    uint64_t read = ck_read(&kit, 1);
    ck_tick(&kit, 1, CK_BEAT_MS);
    ck_finish(&kit, 1, SIZE_MAX);
    acknowledge(&kit, STRANGER);
    assert_int_equal(engine_commit(engine_of(&kit, 1)), commit);
    assert_int_equal(engine_match(engine_of(&kit, 1), STRANGER), 0);
    assert_int_equal(ck_status(&kit, put), CK_NO_ANSWER);
    assert_int_equal(ck_status(&kit, read), CK_NO_ANSWER);
    ck_tick(&kit, 1, CK_BEAT_MS);
    ck_finish(&kit, 1, SIZE_MAX);
    acknowledge(&kit, 2);
    assert_int_equal(ck_status(&kit, put), 0);
    assert_int_equal(ck_status(&kit, read), 0);
    ck_close(&kit);
}

/* --- a node that was refused --- */

/* It had given its vote, and its disk had not written that down yet. */
static void nothing_leaves_after_it_was_refused(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    ck_run(&kit, 2 * CK_ELECTION_MS);
    core_greet(ck_core(&kit, 3), kit.now_ms, 2);
    ck_turn(&kit, 3);
    const struct peer_message *greeting = ck_take(&kit, PEER_HELLO, 2);
    assert_non_null(greeting);
    uint64_t life = greeting->life;
    ck_node(&kit, 3)->disk_stopped = true;
    ck_drop(&kit);
    struct peer_message ask = {
        .kind = PEER_VOTE,
        .from = 2,
        .to = 3,
        .term = engine_term(engine_of(&kit, 3)) + 1,
        .vote = {.last_index = 1000, .last_term = 1000, .disrupt_leader = true}};
    ck_say(&kit, &ask);
    assert_int_equal(engine_term(engine_of(&kit, 3)), ask.term);
    assert_null(ck_take(&kit, PEER_VOTE_RESULT, 2));
    struct peer_message hello = {
        .kind = PEER_HELLO, .from = 2, .to = 3, .life = peer_life(99, 1), .hello = {.name = "n2"}};
    hello.hello.start_term = ask.term; /* a later life of 2, so that 3 says hello to it */
    hello.hello.counter = 1000;
    hello.hello.start_counter = 1000;
    hello.hello.start_last = 1000;
    ck_say(&kit, &hello);
    uint64_t before[CK_KINDS];
    memcpy(before, kit.sent, sizeof(before));
    struct peer_message no = {.kind = PEER_HELLO_RESULT,
                              .from = 2,
                              .to = 3,
                              .life = peer_life(99, 1),
                              .hello_result = {.life = life, .verdict = HELLO_REMOVED}};
    ck_say(&kit, &no);
    assert_int_equal(core_refused(ck_core(&kit, 3), NULL), CORE_REMOVED);
    ck_node(&kit, 3)->disk_stopped = false;
    ck_finish(&kit, 3, SIZE_MAX);
    ck_tick(&kit, 3, 10 * CK_ELECTION_MS);
    assert_memory_equal(before, kit.sent, sizeof(before));
    ck_close(&kit);
}

/* --- a row of another version --- */

static void count_fatal(void *ctx, const struct err *err)
{
    assert_int_equal(err->code, ERR_VERSION);
    (*(int *)ctx)++;
}

static void a_row_of_another_format_is_fatal_with_the_reason(void **state)
{
    (void)state;
    struct store_double *disk = store_double_create();
    struct store_batch *batch = store_batch_create(1);
    struct store_row row = {.key = "\0peers", .key_size = 6, .value = "\1", .value_size = 1};
    batch->has_identity = true;
    batch->identity = (struct store_identity){.node_id = 1};
    store_batch_add_row(batch, &row);
    store_double_submit(disk, batch);
    (void)store_double_commit(disk, 1);
    struct store_image image;
    store_double_load(disk, &image);
    struct core_settings settings = core_settings_default(1, 1);
    int fatal = 0;
    struct core *core = core_create(&settings, 1, &image, count_fatal, &fatal);
    assert_int_equal(fatal, 1);
    core_destroy(core);
    store_image_close(&image);
    store_double_destroy(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_removed_id_is_remembered_over_a_restart),
        cmocka_unit_test(a_removal_is_learnt_from_a_snapshot),
        cmocka_unit_test(who_joins_by_a_snapshot_learns_who_was_removed_before),
        cmocka_unit_test(it_asks_in_vain),
        cmocka_unit_test(a_stranger_gets_no_vote_and_no_acknowledgement_counted),
        cmocka_unit_test(nothing_leaves_after_it_was_refused),
        cmocka_unit_test(a_row_of_another_format_is_fatal_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
