/* tests/unit/test_core_hello.c - who is listened to, and old copies of a disk (safety D5).
 *
 * A node that starts from a disk as it was some time ago must never vote, lead or acknowledge as
 * the member it was: its peers remember. And an honest one must never be taken for such a copy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "consensus/peer_memory.h"
#include "tests/lib/core_kit.h"

#define PEERS "\0peers"
#define PEERS_SIZE 6

static const struct engine *engine_of(struct core_kit *kit, uint64_t id)
{
    return core_engine(ck_core(kit, id));
}

static enum core_refusal refusal(struct core_kit *kit, uint64_t id)
{
    struct err err = {0};
    return core_refused(ck_core(kit, id), &err);
}

/* The disk of @id as it was when @old was taken. */
static void restore(struct core_kit *kit, uint64_t id, struct store_double *old)
{
    ck_crash(kit, id);
    store_double_destroy(ck_node(kit, id)->disk);
    ck_node(kit, id)->disk = old;
}

static bool peers_row(struct core_kit *kit, uint64_t id, struct buf *value)
{
    struct store_double *copy = store_double_clone(ck_node(kit, id)->disk);
    struct store_image image;
    store_double_load(copy, &image);
    struct store_row row;
    size_t at = 0;
    bool found = false;
    while (store_batch_next_row(image.content, &at, &row)) {
        if (row.key_size == PEERS_SIZE && memcmp(row.key, PEERS, PEERS_SIZE) == 0) {
            found = true;
            buf_clear(value);
            buf_append(value, row.value, row.value_size);
        }
    }
    store_image_close(&image);
    store_double_destroy(copy);
    return found;
}

/* --- old copies --- */

static void an_old_copy_is_silent_for_good(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    ck_put_and_wait(&kit, "a");
    struct store_double *old = store_double_clone(ck_node(&kit, 3)->disk);
    ck_put_and_wait(&kit, "b");
    restore(&kit, 3, old);
    ck_boot(&kit, 3);
    ck_run(&kit, CK_BEAT_MS);
    assert_int_equal(refusal(&kit, 3), CORE_OLD_COPY);
    struct err err = {0};
    (void)core_refused(ck_core(&kit, 3), &err);
    assert_non_null(strstr(err.msg, "old copy"));
    /* It is asked for its vote, and for more. */
    ck_node(&kit, 1)->cut_off = true;
    uint64_t term = engine_term(engine_of(&kit, 3));
    for (int i = 0; i < 40; i++) {
        ck_run(&kit, CK_ELECTION_MS / 2);
        assert_int_equal(ck_leader(&kit), 0); /* 2 alone is no majority */
    }
    assert_int_equal(engine_term(engine_of(&kit, 3)), term);
    ck_drop(&kit);
    ck_tick(&kit, 3, 10 * CK_ELECTION_MS);
    assert_null(ck_take(&kit, PEER_VOTE, 0));
    assert_null(ck_take(&kit, PEER_HELLO, 0));
    ck_close(&kit);
}

/* A leader counts itself for what it commits, so its own disk must not forget that either. */
static void an_old_copy_of_a_leader_is_refused(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    ck_put_and_wait(&kit, "a");
    struct store_double *old = store_double_clone(ck_node(&kit, 1)->disk);
    uint64_t term = engine_term(engine_of(&kit, 1));
    ck_node(&kit, 3)->cut_off = true; /* 1 and 2 alone have what follows */
    uint64_t ticket = ck_put(&kit, 1, "b", "1");
    ck_run(&kit, 2 * CK_BEAT_MS);
    assert_int_equal(ck_status(&kit, ticket), 0);
    assert_int_equal(engine_term(engine_of(&kit, 1)), term); /* the log alone has gone on */
    restore(&kit, 1, old);
    ck_node(&kit, 3)->cut_off = false;
    ck_boot(&kit, 1);
    ck_run(&kit, CK_BEAT_MS);
    assert_int_equal(refusal(&kit, 1), CORE_OLD_COPY);
    ck_close(&kit);
}

static void make_voter(struct core_kit *kit, uint64_t leader, uint64_t id)
{
    int code = 0;
    for (int i = 0; i < 100 && code != 1; i++) {
        code = core_catch_up(ck_core(kit, leader), kit->now_ms, id, NULL);
        ck_turn(kit, leader);
        ck_run(kit, CK_BEAT_MS);
    }
    assert_int_equal(code, 1);
    code = core_change(ck_core(kit, leader), kit->now_ms, CHANGE_TO_VOTER, id, NULL, NULL);
    assert_int_equal(code, 0);
    ck_turn(kit, leader);
    ck_run(kit, CK_BEAT_MS);
}

/* It is of the time when the node was the only voter: its start elects it, and it asks nobody. */
static void an_old_copy_of_a_sole_voter_is_refused(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vss");
    ck_put_and_wait(&kit, "a");
    struct store_double *old = store_double_clone(ck_node(&kit, 1)->disk);
    make_voter(&kit, 1, 2);
    make_voter(&kit, 1, 3);
    ck_put_and_wait(&kit, "b");
    restore(&kit, 1, old);
    ck_boot(&kit, 1);
    uint64_t last = engine_commit(engine_of(&kit, 1));
    uint64_t write = ck_put(&kit, 1, "c", "1");
    uint64_t read = ck_read(&kit, 1);
    ck_run(&kit, CK_BEAT_MS);
    assert_int_equal(refusal(&kit, 1), CORE_OLD_COPY);
    assert_int_equal(engine_commit(engine_of(&kit, 1)), last);
    assert_int_equal(ck_status(&kit, write), ERR_NOT_LEADER);
    assert_int_equal(ck_status(&kit, read), ERR_CLOSED);
    ck_close(&kit);
}

/* Those who know better may be unknown to it, and need a while to say so. */
static void a_sole_voter_leads_after_an_election_timeout(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "v");
    ck_run(&kit, CK_ELECTION_MS - 10);
    uint64_t early = ck_put(&kit, 1, "a", "1");
    uint64_t read = ck_read(&kit, 1);
    ck_settle(&kit);
    assert_int_equal(ck_status(&kit, early), ERR_NOT_LEADER);
    assert_int_equal(ck_status(&kit, read), CK_NO_ANSWER);
    const struct engine *e = engine_of(&kit, 1);
    assert_int_equal(engine_commit(e), 0); /* nothing but what its table has is counted */
    uint64_t left_ms = 0;
    assert_int_equal(core_lease_left(ck_core(&kit, 1), kit.now_ms, 1, &left_ms), ERR_NOT_LEADER);
    ck_run(&kit, 20);
    uint64_t write = ck_put(&kit, 1, "a", "1");
    ck_run(&kit, 10);
    assert_int_equal(ck_status(&kit, write), 0);
    assert_int_equal(ck_status(&kit, read), 0);
    ck_close(&kit);
}

/* libraft takes all that a sole voter finds at its start for committed. */
static void a_start_commits_nothing_of_a_life_that_was_not_clear(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "v");
    ck_lead(&kit, 1);
    ck_put_and_wait(&kit, "a");
    ck_run(&kit, 2000); /* it is in the table on the disk */
    uint64_t last = engine_last(engine_of(&kit, 1));
    for (int i = 0; i < 3; i++) {
        ck_crash(&kit, 1);
        ck_boot(&kit, 1);
        ck_run(&kit, CK_ELECTION_MS / 2);
        assert_true(engine_last(engine_of(&kit, 1)) > last);
        assert_int_equal(engine_commit(engine_of(&kit, 1)), last);
        assert_int_equal(core_applied(ck_core(&kit, 1)), last);
    }
    ck_run(&kit, CK_ELECTION_MS);
    assert_int_equal(core_applied(ck_core(&kit, 1)), engine_last(engine_of(&kit, 1)));
    ck_close(&kit);
}

/* The memory of one peer that restarted in between is on its disk. */
static void the_memory_survives_a_restart(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    ck_put_and_wait(&kit, "a");
    struct store_double *old = store_double_clone(ck_node(&kit, 3)->disk);
    ck_put_and_wait(&kit, "b");
    ck_run(&kit, 2000); /* the state has been flushed */
    ck_put_and_wait(&kit, "c");
    ck_crash(&kit, 1);
    ck_crash(&kit, 2);
    restore(&kit, 3, old);
    ck_boot(&kit, 1);
    ck_boot(&kit, 3);
    ck_run(&kit, 4 * CK_ELECTION_MS);
    assert_int_equal(refusal(&kit, 3), CORE_OLD_COPY);
    assert_int_equal(ck_leader(&kit), 0);
    ck_close(&kit);
}

static void an_honest_restart_is_welcome(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    for (int round = 0; round < 10; round++) {
        for (uint64_t id = 1; id <= 3; id++) {
            ck_put_and_wait(&kit, "a");
            ck_crash(&kit, id);
            ck_boot(&kit, id);
            ck_run(&kit, CK_ELECTION_MS);
            assert_int_equal(refusal(&kit, id), CORE_WELCOME);
        }
    }
    ck_close(&kit);
}

/* --- before it is clear --- */

static void nothing_leaves_before_the_start_is_durable(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_prepare(&kit, "vvv");
    for (int start = 0; start < 2; start++) { /* the second has nothing to write but its number */
        ck_node(&kit, 1)->disk_stopped = true;
        ck_boot(&kit, 1);
        for (int i = 0; i < 20; i++) {
            ck_tick(&kit, 1, CK_BEAT_MS);
        }
        for (int kind = 0; kind < CK_KINDS; kind++) {
            assert_int_equal(kit.sent[kind], 0);
        }
        ck_crash(&kit, 1);
        ck_boot(&kit, 1);
        ck_finish(&kit, 1, SIZE_MAX); /* of what was found before, not of a life that is clear */
        assert_true(kit.sent[PEER_HELLO] > 0);
        ck_crash(&kit, 1);
        kit.sent[PEER_HELLO] = 0;
    }
    ck_close(&kit);
}

/* What it says from then on counts, so that a crash must not make it forget that it was. */
static void nothing_leaves_before_a_clear_life_is_durable(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_prepare(&kit, "vvv");
    ck_boot(&kit, 1); /* 2 and 3 are played, and do not answer */
    ck_finish(&kit, 1, SIZE_MAX);
    ck_tick(&kit, 1, CK_ELECTION_MS);
    uint64_t before[CK_KINDS];
    memcpy(before, kit.sent, sizeof(before));
    ck_tick(&kit, 1, 10); /* it greets anew */
    ck_tick(&kit, 1, 10);
    assert_memory_equal(before, kit.sent, sizeof(before));
    ck_finish(&kit, 1, SIZE_MAX);
    assert_true(kit.sent[PEER_HELLO] > before[PEER_HELLO]);
    ck_close(&kit);
}

/* Its first tick comes late, after a pause, and it has not heard what others think of it. */
static void a_node_that_was_paused_when_it_started_asks_for_no_vote(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_prepare(&kit, "vvv");
    ck_boot(&kit, 1);
    ck_finish(&kit, 1, SIZE_MAX);
    ck_tick(&kit, 1, 4 * CK_ELECTION_MS);
    assert_int_equal(engine_role(engine_of(&kit, 1)), ENGINE_FOLLOWER);
    ck_close(&kit);
}

static struct peer_message ask_for_vote(struct core_kit *kit)
{
    return (struct peer_message){
        .kind = PEER_VOTE,
        .from = 2,
        .to = 1,
        .term = engine_term(engine_of(kit, 1)) + 1,
        .vote = {.last_index = 100, .last_term = engine_term(engine_of(kit, 1))}};
}

static void a_node_that_just_started_gives_no_vote(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_prepare(&kit, "vvv");
    ck_boot(&kit, 1); /* 2 and 3 are played, and do not answer its hello */
    ck_finish(&kit, 1, SIZE_MAX);
    struct peer_message m = ask_for_vote(&kit);
    ck_say(&kit, &m);
    ck_finish(&kit, 1, SIZE_MAX);
    assert_null(ck_take(&kit, PEER_VOTE_RESULT, 2));
    assert_int_equal(engine_term(engine_of(&kit, 1)), 1); /* nor is one written that is not told */
    for (uint64_t ms = 0; ms < CK_ELECTION_MS - 10; ms += 10) {
        ck_tick(&kit, 1, 10);
    }
    assert_null(ck_take(&kit, PEER_VOTE, 0));
    ck_tick(&kit, 1, 10); /* it has waited for an election timeout */
    m = ask_for_vote(&kit);
    ck_say(&kit, &m);
    ck_finish(&kit, 1, SIZE_MAX);
    assert_non_null(ck_take(&kit, PEER_VOTE_RESULT, 2));
    ck_close(&kit);
}

/* It may be a copy of the time when it was new, and a voter since. */
static void a_node_that_knows_of_no_voter_waits(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_prepare(&kit, "-vv");
    ck_boot(&kit, 1);
    ck_finish(&kit, 1, SIZE_MAX);
    struct peer_message m = ask_for_vote(&kit);
    m.term = 5;
    ck_say(&kit, &m);
    ck_finish(&kit, 1, SIZE_MAX);
    assert_null(ck_take(&kit, PEER_VOTE_RESULT, 2));
    for (uint64_t ms = 0; ms < CK_ELECTION_MS; ms += 10) {
        ck_tick(&kit, 1, 10);
    }
    ck_say(&kit, &m);
    ck_finish(&kit, 1, SIZE_MAX);
    assert_non_null(ck_take(&kit, PEER_VOTE_RESULT, 2)); /* W8 */
    ck_close(&kit);
}

static void until_it_may_vote_a_node_greets_with_every_beat(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_prepare(&kit, "vvv");
    ck_boot(&kit, 1); /* 2 and 3 are played, and do not answer */
    ck_finish(&kit, 1, SIZE_MAX);
    for (uint64_t ms = 0; ms < CK_ELECTION_MS - 10; ms += 10) {
        ck_tick(&kit, 1, 10);
    }
    assert_int_equal(kit.sent[PEER_HELLO], 2 * CK_ELECTION_MS / CK_BEAT_MS);
    ck_close(&kit);
}

/* The node @from, played, greets 1 and is content with its hello. */
static void tell_fine(struct core_kit *kit, uint64_t from)
{
    struct peer_message m = {.kind = PEER_HELLO,
                             .from = from,
                             .to = 1,
                             .life = peer_life(1, (uint32_t)from),
                             .hello = {.name = "", .start_term = 1}};
    ck_say(kit, &m);
    m.kind = PEER_HELLO_RESULT;
    m.hello_result = (struct peer_hello_result){.life = ck_take(kit, PEER_HELLO, from)->life,
                                                .verdict = HELLO_FINE};
    ck_say(kit, &m);
    ck_finish(kit, 1, SIZE_MAX);
}

/* The leader of an earlier term may be the first to say "fine": it does not know of the vote that
 * was given to a later one and forgotten, and would take an echo for that of a majority. */
static void a_node_that_just_started_answers_no_leader(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_prepare(&kit, "vvv");
    ck_boot(&kit, 1); /* 2 and 3 are played */
    ck_finish(&kit, 1, SIZE_MAX);
    tell_fine(&kit, 2);
    struct peer_message beat = {.kind = PEER_APPEND,
                                .from = 2,
                                .to = 1,
                                .life = peer_life(1, 2),
                                .term = 2,
                                .stamp = {.term = 2, .round = 1},
                                .append = {.prev_index = 1, .prev_term = 1, .commit = 1}};
    ck_say(&kit, &beat);
    ck_finish(&kit, 1, SIZE_MAX);
    assert_null(ck_take(&kit, PEER_APPEND_RESULT, 2));
    assert_int_equal(engine_term(engine_of(&kit, 1)), 1);
    tell_fine(&kit, 3);
    ck_say(&kit, &beat);
    ck_finish(&kit, 1, SIZE_MAX);
    assert_non_null(ck_take(&kit, PEER_APPEND_RESULT, 2));
    ck_close(&kit);
}

static void hellos_go_on_until_they_are_answered(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_prepare(&kit, "vvv");
    ck_boot(&kit, 1);
    ck_boot(&kit, 2);
    ck_run(&kit, 10 * CK_ELECTION_MS);
    uint64_t before = kit.sent[PEER_HELLO];
    ck_run(&kit, 10 * CK_ELECTION_MS);
    assert_in_range(kit.sent[PEER_HELLO] - before, 18, 22); /* two nodes, for the third */
    ck_boot(&kit, 3);
    ck_run(&kit, 2 * CK_ELECTION_MS);
    before = kit.sent[PEER_HELLO];
    ck_run(&kit, 10 * CK_ELECTION_MS);
    assert_int_equal(kit.sent[PEER_HELLO], before);
    ck_close(&kit);
}

/* --- the memory on disk --- */

static void an_idle_cluster_writes_nothing(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_put_and_wait(&kit, "a");
    ck_run(&kit, 5000);
    struct buf value = {0};
    uint64_t counters[3];
    for (int round = 0; round < 2; round++) {
        for (uint64_t id = 1; id <= 3; id++) {
            assert_true(peers_row(&kit, id, &value));
            struct store_double *copy = store_double_clone(ck_node(&kit, id)->disk);
            struct store_image image;
            store_double_load(copy, &image);
            assert_true(round == 0 || image.batch_counter == counters[id - 1]);
            counters[id - 1] = image.batch_counter;
            store_image_close(&image);
            store_double_destroy(copy);
        }
        ck_run(&kit, 60000);
    }
    buf_close(&value);
    ck_close(&kit);
}

/* What is in a node's row is its own: a snapshot brings none, and leaves the one that is there. */
static void the_memory_stays_over_an_install(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_prepare(&kit, "vvv");
    kit.tune = ck_small_log;
    ck_boot(&kit, 1);
    ck_boot(&kit, 2);
    ck_boot(&kit, 3);
    ck_put_and_wait(&kit, "a");
    ck_lead(&kit, 1);
    ck_node(&kit, 3)->cut_off = true;
    for (int i = 0; i < 100; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%d", i);
        (void)ck_put(&kit, 1, key, "some value that takes a little space");
        ck_run(&kit, 10);
    }
    uint64_t chunks = kit.sent[PEER_CHUNK];
    ck_node(&kit, 3)->cut_off = false;
    ck_run(&kit, 10 * CK_ELECTION_MS);
    assert_true(kit.sent[PEER_CHUNK] > chunks);
    assert_true(ck_has(&kit, 3, "k0", "some value that takes a little space"));
    struct buf theirs = {0};
    struct buf own = {0};
    assert_true(peers_row(&kit, 1, &theirs));
    assert_true(peers_row(&kit, 3, &own));
    struct peer_book book;
    assert_int_equal(peer_book_decode(own.bytes, own.size, &book, NULL), 0);
    assert_int_equal(book.count, 2);
    for (size_t i = 0; i < book.count; i++) {
        assert_int_not_equal(book.memories[i].id, 3);
    }
    buf_close(&theirs);
    buf_close(&own);
    ck_close(&kit);
}

/* --- strangers --- */

static uint8_t verdict_on(struct core_kit *kit, const struct peer_message *hello)
{
    ck_drop(kit);
    ck_say(kit, hello);
    ck_finish(kit, hello->to, SIZE_MAX);
    const struct peer_message *answer = ck_take(kit, PEER_HELLO_RESULT, hello->from);
    assert_non_null(answer);
    assert_int_equal(answer->hello_result.life, hello->life);
    return answer->hello_result.verdict;
}

static void a_node_of_another_cluster_is_refused(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_prepare(&kit, "vvv");
    struct store_batch *batch = store_batch_create(2);
    batch->has_identity = true;
    batch->identity = (struct store_identity){.node_id = 1, .cluster_id = {1}};
    store_double_submit(ck_node(&kit, 1)->disk, batch);
    (void)store_double_commit(ck_node(&kit, 1)->disk, 1);
    ck_boot(&kit, 1);
    ck_finish(&kit, 1, SIZE_MAX);
    struct peer_message hello = {.kind = PEER_HELLO,
                                 .from = 2,
                                 .to = 1,
                                 .life = peer_life(1, 1),
                                 .hello = {.name = "n2", .cluster_id = {2}, .start_term = 1}};
    assert_int_equal(verdict_on(&kit, &hello), HELLO_OTHER_CLUSTER);
    hello.hello.cluster_id[0] = 1;
    assert_int_equal(verdict_on(&kit, &hello), HELLO_FINE);
    ck_close(&kit);
}

static void a_removed_member_is_told_so(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvvv");
    ck_lead(&kit, 1);
    ck_put_and_wait(&kit, "a");
    ck_crash(&kit, 4);
    ck_run(&kit, 4 * CK_ELECTION_MS);
    assert_int_equal(core_change(ck_core(&kit, 1), kit.now_ms, CHANGE_REMOVE, 4, NULL, NULL), 0);
    ck_turn(&kit, 1);
    ck_put_and_wait(&kit, "b");
    uint64_t votes = kit.sent[PEER_VOTE];
    ck_boot(&kit, 4);
    ck_settle(&kit); /* in answer to its hello, before it has asked for anything */
    assert_int_equal(refusal(&kit, 4), CORE_REMOVED);
    assert_int_equal(kit.sent[PEER_VOTE], votes);
    ck_close(&kit);
}

static void a_message_without_a_hello_before_it_is_not_heard(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    ck_drop(&kit);
    struct peer_message m = {.kind = PEER_VOTE,
                             .from = 2,
                             .to = 1,
                             .life = peer_life(99, 1),
                             .term = engine_term(engine_of(&kit, 1)) + 5,
                             .vote = {.last_index = 100, .last_term = 100, .disrupt_leader = true}};
    ck_say(&kit, &m);
    assert_true(m.term > engine_term(engine_of(&kit, 1)));
    const struct peer_message *answer = ck_take(&kit, PEER_HELLO_RESULT, 2);
    assert_non_null(answer);
    assert_int_equal(answer->hello_result.verdict, HELLO_STRANGER);
    ck_close(&kit);
}

/* A copy that knows of no member greets nobody again by itself. */
static void a_refusal_that_was_lost_is_told_again(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    ck_put_and_wait(&kit, "a");
    ck_drop(&kit);
    const uint64_t life = peer_life(99, 1);
    struct peer_message hello = {.kind = PEER_HELLO, .from = 3, .to = 1, .life = life};
    ck_say(&kit, &hello);
    const struct peer_message *answer = ck_take(&kit, PEER_HELLO_RESULT, 3);
    assert_non_null(answer);
    assert_int_equal(answer->hello_result.verdict, HELLO_OLD_LIFE);
    ck_drop(&kit);
    struct peer_message m = {.kind = PEER_APPEND_RESULT, .from = 3, .to = 1, .life = life};
    for (int i = 0; i < 2; i++) {
        ck_tick(&kit, 1, 2 * CK_BEAT_MS);
        ck_drop(&kit);
        ck_say(&kit, &m);
        answer = ck_take(&kit, PEER_HELLO_RESULT, 3);
        assert_non_null(answer);
        assert_int_equal(answer->hello_result.verdict, HELLO_OLD_LIFE);
        assert_true(answer->hello_result.life == life);
        ck_say(&kit, &m); /* but not to each of its messages */
        assert_null(ck_take(&kit, PEER_HELLO_RESULT, 3));
    }
    ck_close(&kit);
}

static void moved_files_do_not_start(void **state)
{
    (void)state;
    struct store_double *disk = store_double_create();
    struct store_image image;
    store_double_load(disk, &image);
    struct err err = {0};
    assert_int_equal(core_may_start(&image, &err), 0);
    store_image_close(&image);
    store_double_set_moved(disk, "inode was 12, is 34");
    store_double_load(disk, &image);
    assert_int_equal(core_may_start(&image, &err), ERR_REFUSED);
    assert_non_null(strstr(err.msg, "inode was 12, is 34"));
    store_image_close(&image);
    store_double_destroy(disk);
}

/* The state of a newer program's store: its numbers from the front (machine_rows.c), up to the
 * level. */
static void a8_a_program_that_knows_less_than_the_level_in_force_does_not_start(void **state)
{
    (void)state;
    const struct store_row other = {.key = "kx", .key_size = 2, .value = "\1", .value_size = 1};
    for (uint8_t level = 1; level <= KV_FEATURE_LEVEL_MAX + 1; level++) {
        uint8_t value[1 + 18 * 8] = {1};
        const struct store_row meta = {
            .key = "m", .key_size = 1, .value = value, .value_size = sizeof(value)};
        struct store_image image = {.content = store_batch_create(1)};
        struct err err = {0};
        value[1 + 4 * 8] = level;
        store_batch_add_row(image.content, &meta);
        store_batch_add_row(image.content, &other);
        bool may = level <= KV_FEATURE_LEVEL_MAX;
        assert_int_equal(core_may_start(&image, &err), may ? 0 : ERR_VERSION);
        assert_true(may || strstr(err.msg, "start the version that the other members run") != NULL);
        store_image_close(&image);
    }
}

/* --- an old copy that starts again --- */

/* 3 comes back from before its latest lives, and from before "b"; only 1, which is down, has "b",
 * too. */
static void open_with_an_old_copy(struct core_kit *kit, uint64_t *ret_last)
{
    ck_open(kit, "vvv");
    ck_lead(kit, 1);
    ck_put_and_wait(kit, "a");
    ck_run(kit, 2000);
    struct store_double *old = store_double_clone(ck_node(kit, 3)->disk);
    for (int i = 0; i < 2; i++) { /* 2 hears of later lives */
        ck_crash(kit, 3);
        ck_boot(kit, 3);
        ck_run(kit, 2 * CK_ELECTION_MS);
        assert_int_equal(refusal(kit, 3), CORE_WELCOME);
    }
    ck_run(kit, 2000);
    assert_int_equal(ck_leader(kit), 1);
    ck_node(kit, 2)->cut_off = true; /* 1 and 3 alone have what follows */
    uint64_t ticket = ck_put(kit, 1, "b", "1");
    ck_run(kit, 2 * CK_BEAT_MS);
    assert_int_equal(ck_status(kit, ticket), 0);
    *ret_last = engine_last(engine_of(kit, 1));
    ck_crash(kit, 1);
    restore(kit, 3, old);
    ck_node(kit, 2)->cut_off = false;
}

static int may_start(struct core_kit *kit, uint64_t id, struct err *err)
{
    struct store_image image;
    store_double_load(ck_node(kit, id)->disk, &image);
    int code = core_may_start(&image, err);
    store_image_close(&image);
    return code;
}

static void a_copy_that_was_refused_does_not_start_again(void **state)
{
    (void)state;
    struct core_kit kit;
    uint64_t last = 0;
    open_with_an_old_copy(&kit, &last);
    struct err err = {0};
    assert_int_equal(may_start(&kit, 3, &err), 0);
    ck_boot(&kit, 3);
    ck_run(&kit, CK_BEAT_MS);
    assert_int_equal(refusal(&kit, 3), CORE_OLD_COPY);
    ck_crash(&kit, 3); /* the batch of the refusal was durable: the kit's disks take no time */
    assert_int_equal(may_start(&kit, 3, &err), ERR_REFUSED);
    assert_non_null(strstr(err.msg, "refused an earlier start"));
    assert_non_null(strstr(err.msg, "old copy"));
    assert_non_null(strstr(err.msg, "join as a new one"));
    ck_close(&kit);
}

/* The refusal goes to the disk although it is full. */
static void a_full_disk_remembers_the_refusal(void **state)
{
    (void)state;
    struct core_kit kit;
    uint64_t last = 0;
    open_with_an_old_copy(&kit, &last);
    ck_set_full(&kit, 3, true);
    ck_boot(&kit, 3);
    ck_run(&kit, CK_BEAT_MS);
    assert_int_equal(refusal(&kit, 3), CORE_OLD_COPY);
    ck_crash(&kit, 3);
    struct err err = {0};
    assert_int_equal(may_start(&kit, 3, &err), ERR_REFUSED);
    ck_close(&kit);
}

/* It dies each time before its refusal is on its disk. Its starts are: they must not make it look
 * newer than what 2 remembers. */
static void a_copy_never_comes_level_by_starting(void **state)
{
    (void)state;
    struct core_kit kit;
    uint64_t last = 0;
    open_with_an_old_copy(&kit, &last);
    for (int i = 0; i < 40; i++) {
        ck_node(&kit, 3)->disk_stopped = true;
        ck_boot(&kit, 3);
        ck_finish(&kit, 3, SIZE_MAX); /* the start, and no more */
        ck_run(&kit, 2 * CK_BEAT_MS);
        assert_int_equal(refusal(&kit, 3), CORE_OLD_COPY);
        assert_int_equal(ck_leader(&kit), 0); /* 2 alone is no majority */
        ck_crash(&kit, 3);
        struct err err = {0};
        assert_int_equal(may_start(&kit, 3, &err), 0);
    }
    assert_true(engine_last(engine_of(&kit, 2)) < last);
    ck_close(&kit);
}

/* It is a row of the state table, which an install replaces as a whole. */
static void the_clear_life_outlives_an_install(void **state)
{
    (void)state;
    struct core_kit kit;
    kit.tune = NULL;
    ck_prepare(&kit, "vvv");
    kit.tune = ck_small_log;
    for (uint64_t id = 1; id <= 3; id++) {
        ck_boot(&kit, id);
    }
    ck_lead(&kit, 1);
    ck_run(&kit, CK_ELECTION_MS);
    ck_node(&kit, 3)->cut_off = true;
    for (int i = 0; i < 60; i++) {
        ck_put_and_wait(&kit, "a");
    }
    ck_run(&kit, 2000);
    uint64_t before = kit.sent[PEER_SNAPSHOT];
    ck_node(&kit, 3)->cut_off = false;
    ck_run(&kit, 4 * CK_ELECTION_MS);
    assert_true(kit.sent[PEER_SNAPSHOT] > before);
    assert_true(ck_has(&kit, 3, "a", "1"));
    ck_crash(&kit, 3);
    ck_boot(&kit, 3);
    ck_run(&kit, CK_ELECTION_MS);
    assert_int_equal(refusal(&kit, 3), CORE_WELCOME);
    ck_close(&kit);
}

/* A copy from when this node was the only voter elects itself with its start. It must not lead
 * before those whom its owner has a way to have said what they think of it. */
static void no_fatal(void *ctx, const struct err *err)
{
    (void)ctx;
    fail_msg("%s", err->msg);
}

static void boot_and_greet(struct core_kit *kit, uint64_t id, uint64_t other)
{
    struct ck_node *n = ck_node(kit, id);
    struct core_settings settings = core_settings_default(id, 77);
    struct store_image image;
    store_double_load(n->disk, &image);
    n->core = core_create(&settings, kit->now_ms, &image, no_fatal, NULL);
    store_image_close(&image);
    core_greet(n->core, kit->now_ms, other); /* there is a connection already */
    ck_turn(kit, id);
}

static void a_copy_of_a_sole_voter_leads_nobody(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vs-");
    ck_lead(&kit, 1);
    ck_put_and_wait(&kit, "a");
    struct store_double *old = store_double_clone(ck_node(&kit, 1)->disk);
    ck_put_and_wait(&kit, "b");
    ck_run(&kit, 2 * CK_BEAT_MS);
    restore(&kit, 1, old);
    boot_and_greet(&kit, 1, 2);
    uint64_t ticket = ck_put(&kit, 1, "c", "1");
    uint64_t read = ck_read(&kit, 1);
    int sent = (int)kit.sent[PEER_APPEND];
    ck_run(&kit, CK_BEAT_MS);
    assert_int_equal(refusal(&kit, 1), CORE_OLD_COPY);
    assert_int_equal(ck_status(&kit, ticket), ERR_NOT_LEADER);
    assert_int_not_equal(ck_status(&kit, read), 0);
    assert_int_equal(kit.sent[PEER_APPEND], sent);
    ck_close(&kit);
}

/* Starts in a row that end before they may vote: an honest node says the same each time, and is
 * still welcome. */
static void starts_that_end_at_once_do_no_harm(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    ck_put_and_wait(&kit, "a");
    for (int i = 0; i < 20; i++) {
        ck_crash(&kit, 3);
        ck_boot(&kit, 3);
        ck_finish(&kit, 3, SIZE_MAX); /* the start is durable, and one of two has answered */
        ck_node(&kit, 2)->cut_off = i % 2 == 0;
        ck_run(&kit, CK_BEAT_MS);
        assert_int_equal(refusal(&kit, 3), CORE_WELCOME);
    }
    ck_node(&kit, 2)->cut_off = false;
    ck_run(&kit, 2 * CK_ELECTION_MS);
    assert_int_equal(refusal(&kit, 3), CORE_WELCOME);
    ck_crash(&kit, 1);
    ck_put_and_wait(&kit, "b"); /* by 2 and 3 */
    ck_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_that_was_refused_does_not_start_again),
        cmocka_unit_test(a_full_disk_remembers_the_refusal),
        cmocka_unit_test(a_copy_never_comes_level_by_starting),
        cmocka_unit_test(the_clear_life_outlives_an_install),
        cmocka_unit_test(a_sole_voter_leads_after_an_election_timeout),
        cmocka_unit_test(a_copy_of_a_sole_voter_leads_nobody),
        cmocka_unit_test(starts_that_end_at_once_do_no_harm),
        cmocka_unit_test(an_old_copy_is_silent_for_good),
        cmocka_unit_test(an_old_copy_of_a_leader_is_refused),
        cmocka_unit_test(an_old_copy_of_a_sole_voter_is_refused),
        cmocka_unit_test(a_start_commits_nothing_of_a_life_that_was_not_clear),
        cmocka_unit_test(the_memory_survives_a_restart),
        cmocka_unit_test(an_honest_restart_is_welcome),
        cmocka_unit_test(nothing_leaves_before_the_start_is_durable),
        cmocka_unit_test(nothing_leaves_before_a_clear_life_is_durable),
        cmocka_unit_test(a_node_that_was_paused_when_it_started_asks_for_no_vote),
        cmocka_unit_test(a_node_that_just_started_gives_no_vote),
        cmocka_unit_test(a_node_that_knows_of_no_voter_waits),
        cmocka_unit_test(until_it_may_vote_a_node_greets_with_every_beat),
        cmocka_unit_test(a_node_that_just_started_answers_no_leader),
        cmocka_unit_test(hellos_go_on_until_they_are_answered),
        cmocka_unit_test(an_idle_cluster_writes_nothing),
        cmocka_unit_test(the_memory_stays_over_an_install),
        cmocka_unit_test(a_node_of_another_cluster_is_refused),
        cmocka_unit_test(a_removed_member_is_told_so),
        cmocka_unit_test(a_message_without_a_hello_before_it_is_not_heard),
        cmocka_unit_test(a_refusal_that_was_lost_is_told_again),
        cmocka_unit_test(moved_files_do_not_start),
        cmocka_unit_test(a8_a_program_that_knows_less_than_the_level_in_force_does_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
