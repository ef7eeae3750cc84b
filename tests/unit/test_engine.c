/* tests/unit/test_engine.c - what an engine does every day: elect, replicate, commit, catch up,
 * forget.
 *
 * Engines talk to each other over the net of tests/lib/engine_net.h, which checks the eternal
 * truths after every message; a peer is played by hand where the order of two things matters. What
 * libraft would do wrong, but for its sense of time (W10), is in test_engine_rules.c and
 * test_engine_member.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/must.h"
#include "tests/lib/engine_net.h"

#define ENTRIES(...)                                                                           \
    .count = ARRAY_LEN(((struct peer_entry[]){__VA_ARGS__})), .entries = (struct peer_entry[]) \
    {                                                                                          \
        __VA_ARGS__                                                                            \
    }

static void hear(struct net *net, uint64_t from, uint64_t term, struct peer_append append)
{
    net_append(net, from, 1, term, &append);
}

/* Every engine has applied the same, up to the end of the log of @leader. */
static void expect_agreement(struct net *net, uint64_t leader)
{
    for (size_t i = 0; i < NET_NODES; i++) {
        const struct net_node *n = &net->nodes[i];
        if (n->engine != NULL) {
            assert_int_equal(n->disk.applied, engine_last(net_engine(net, leader)));
            assert_int_equal(engine_commit(n->engine), n->disk.applied);
            assert_int_equal(n->fatals, 0);
        }
    }
}

/* --- elections --- */

static void clusters_of_one_to_seven_elect_and_agree(void **state)
{
    (void)state;
    static const char *const clusters[] = {"v", "vv", "vvv", "vvvv", "vvvvv", "vvvvvv", "vvvvvvv"};
    for (size_t i = 0; i < ARRAY_LEN(clusters); i++) {
        struct net net;
        net_open(&net, clusters[i]);
        uint64_t leader = net_elect(&net);
        assert_int_equal(net_submit(&net, leader, 100), 0);
        net_run(&net, 2 * NET_BEAT_MS);
        expect_agreement(&net, leader);
        net_close(&net);
    }
}

static void a_minority_that_is_gone_is_not_missed(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, "vvvvv");
    for (int losses = 0; losses < 2; losses++) {
        uint64_t leader = net_elect(&net);
        uint64_t term = engine_term(net_engine(&net, leader));
        assert_int_equal(net_submit(&net, leader, 3), 0);
        net_crash(&net, leader);
        leader = net_elect(&net);
        assert_true(engine_term(net_engine(&net, leader)) > term);
        net_run(&net, 2 * NET_BEAT_MS);
        expect_agreement(&net, leader);
    }
    net_close(&net);
}

static void a_minority_alone_elects_nobody(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, "vvvvss");
    net_crash(&net, 1);
    net_crash(&net, 2);
    net_run(&net, 20 * NET_ELECTION_MS);
    for (uint64_t id = 3; id <= 6; id++) {
        assert_int_not_equal(engine_role(net_engine(&net, id)), ENGINE_LEADER);
        assert_int_equal(engine_term(net_engine(&net, id)), 1); /* pre-votes cost no terms */
    }
    net_close(&net);
}

static void a_leader_that_nobody_answers_steps_down(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, "vvv");
    uint64_t old = net_elect(&net);
    net_node(&net, old)->cut_off = true;
    assert_int_equal(net_submit(&net, old, 2), 0); /* will be lost */
    net_run(&net, NET_ELECTION_MS + 2 * NET_BEAT_MS);
    assert_int_not_equal(engine_role(net_engine(&net, old)), ENGINE_LEADER);
    assert_int_equal(net_submit(&net, old, 1), ERR_NOT_LEADER);
    uint64_t leader = net_elect(&net);
    assert_int_not_equal(leader, old);
    assert_int_equal(net_submit(&net, leader, 1), 0);
    net_node(&net, old)->cut_off = false;
    net_run(&net, 2 * NET_ELECTION_MS);
    expect_agreement(&net, net_elect(&net));
    net_close(&net);
}

static void a_vote_tells_how_long_its_giver_heard_no_leader(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    net.now_ms += 250; /* since the start */
    struct peer_message ask = {.kind = PEER_VOTE,
                               .from = 2,
                               .to = 1,
                               .term = 2,
                               .vote = {.last_index = 1, .last_term = 1}};
    net_say(&net, &ask);
    assert_int_equal(net_take(&net, PEER_VOTE_RESULT, 2)->vote_result.silence_ms, 250);
    hear(&net, 2, 2, (struct peer_append){.prev_index = 1, .prev_term = 1});
    net.now_ms += 70;
    ask.vote.disrupt_leader = true;
    ask.term = 3;
    net_say(&net, &ask);
    const struct peer_message *m = net_take(&net, PEER_VOTE_RESULT, 2);
    assert_true(m->vote_result.granted);
    assert_int_equal(m->vote_result.silence_ms, 70);
    assert_int_equal(engine_silence_ms(net_engine(&net, 1), net.now_ms + 5), 75);
    /* A message of an older term is no sign of a leader. */
    hear(&net, 3, 2, (struct peer_append){.prev_index = 1, .prev_term = 1});
    assert_int_equal(engine_silence_ms(net_engine(&net, 1), net.now_ms), 70);
    net_win(&net, 1);
    assert_int_equal(engine_silence_ms(net_engine(&net, 1), net.now_ms), 0);
    net_close(&net);
}

/* --- order and durability --- */

static void term_and_vote_are_written_before_anything_is_said(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    struct buf *journal = &net_node(&net, 1)->journal;
    struct peer_message ask = {.kind = PEER_VOTE,
                               .from = 2,
                               .to = 1,
                               .term = 4,
                               .vote = {.last_index = 1, .last_term = 1}};
    net_say(&net, &ask);
    assert_string_equal(net_journal(&net, 1), "Hv");
    assert_int_equal(net_node(&net, 1)->disk.hard.term, 4);
    assert_int_equal(net_node(&net, 1)->disk.hard.vote, 2);
    buf_clear(journal);
    hear(&net, 3, 5, (struct peer_append){.prev_index = 1, .prev_term = 1});
    assert_string_equal(net_journal(&net, 1), "HR");
    buf_clear(journal);
    hear(&net, 3, 6,
         (struct peer_append){.prev_index = 1, .prev_term = 1, ENTRIES(net_command(6))});
    assert_string_equal(net_journal(&net, 1), "HE");
    buf_clear(journal);
    net_finish(&net, 1, 1);
    assert_string_equal(net_journal(&net, 1), "R");
    buf_clear(journal);
    net_win(&net, 1);
    assert_string_equal(net_journal(&net, 1), "VVHVVEAA"); /* pre-votes, votes, barrier */
    assert_int_equal(net_node(&net, 1)->disk.hard.vote, 1);
    net_close(&net);
}

static void a_follower_commits_only_what_is_durable_at_home(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear(&net, 2, 2,
         (struct peer_append){.prev_index = 1,
                              .prev_term = 1,
                              .commit = 3,
                              ENTRIES(net_command(2), net_command(2), net_command(2))});
    struct engine *e = net_engine(&net, 1);
    struct store_entry entry;
    assert_int_equal(engine_last(e), 4);
    assert_int_equal(engine_stored(e), 1);
    assert_int_equal(engine_commit(e), 1);
    assert_null(engine_next_committed(e, 1, &entry));
    assert_null(net_take(&net, PEER_APPEND_RESULT, 0)); /* and promises nothing */
    net_finish(&net, 1, 1);
    assert_int_equal(engine_commit(e), 3);
    assert_non_null(engine_next_committed(e, 1, &entry));
    assert_int_equal(entry.index, 2);
    assert_int_equal(entry.term, 2);
    assert_int_equal(entry.type, ENTRY_COMMAND);
    assert_memory_equal(entry.data, "command", entry.size);
    assert_non_null(engine_next_committed(e, 2, &entry));
    assert_null(engine_next_committed(e, 3, &entry));
    net_close(&net);
}

static void a_leader_commits_by_the_others_and_applies_when_it_is_durable_at_home(void **state)
{
    (void)state;
    struct net net;
    net_lead(&net, "vvv");
    struct engine *e = net_engine(&net, 1);
    net_drop(&net);
    assert_int_equal(net_submit(&net, 1, 1), 0);
    assert_non_null(net_take(&net, PEER_APPEND, 2)); /* sent before our own disk is done */
    net_has(&net, 2, 1, 3);
    net_has(&net, 3, 1, 3);
    assert_int_equal(engine_commit(e), 2);
    net_finish(&net, 1, 1);
    assert_int_equal(engine_commit(e), 3);
    /* And our own disk is one of three, no more. */
    assert_int_equal(net_submit(&net, 1, 1), 0);
    net_finish(&net, 1, 1);
    assert_int_equal(engine_commit(e), 3);
    net_has(&net, 2, 1, 4);
    assert_int_equal(engine_commit(e), 4);
    net_close(&net);
}

static void entries_of_an_older_term_commit_with_one_of_the_own_term_only(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear(&net, 2, 2,
         (struct peer_append){.prev_index = 1, .prev_term = 1, ENTRIES(net_command(2))});
    net_settle(&net);
    net_win(&net, 1);
    net_finish(&net, 1, SIZE_MAX);
    net_has(&net, 2, 1, 2);
    net_has(&net, 3, 1, 2);
    assert_int_equal(engine_commit(net_engine(&net, 1)), 1); /* Raft, figure 8 */
    net_has(&net, 3, 1, 3);
    assert_int_equal(engine_commit(net_engine(&net, 1)), 3);
    net_close(&net);
}

static void what_was_acknowledged_survives_every_crash(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, "vvv");
    for (int round = 0; round < 6; round++) {
        uint64_t leader = net_elect(&net);
        assert_int_equal(net_submit(&net, leader, 5), 0);
        net_run(&net, 2 * NET_BEAT_MS);
        uint64_t applied = net_node(&net, leader)->disk.applied;
        assert_int_equal(applied, engine_last(net_engine(&net, leader)));
        for (uint64_t id = 1; id <= 3; id++) { /* everybody, at once */
            net_crash(&net, id);
        }
        for (uint64_t id = 1; id <= 3; id++) {
            net_boot(&net, id);
        }
        leader = net_elect(&net);
        assert_true(engine_last(net_engine(&net, leader)) > applied);
        net_run(&net, 2 * NET_BEAT_MS);
        expect_agreement(&net, leader);
    }
    net_close(&net);
}

/* --- sending --- */

/* What follower 2 gets for @sizes, in messages: indexes "3 4,5". */
static void expect_parts(const size_t *sizes, size_t count, const char *want)
{
    struct net net;
    net_lead(&net, "vvv");
    net_drop(&net);
    struct peer_entry entries[8] = {0};
    for (size_t i = 0; i < count; i++) {
        entries[i] = (struct peer_entry){
            .type = ENTRY_COMMAND, .data = mem_zalloc(sizes[i]), .size = sizes[i]};
    }
    assert_int_equal(engine_submit(net_engine(&net, 1), net.now_ms, entries, count, NULL), 0);
    struct buf got = {0};
    uint64_t prev = 2;
    const struct peer_message *m = NULL;
    while ((m = net_take(&net, PEER_APPEND, 2)) != NULL) {
        assert_int_equal(m->append.prev_index, prev);
        assert_int_equal(m->append.prev_term, 2);
        assert_int_equal(m->stamp.round, engine_round(net_engine(&net, 1)) - 1); /* then for 3 */
        for (size_t i = 0; i < m->append.count; i++) {
            MUST(prev - 2 < count);
            assert_int_equal(m->append.entries[i].size, sizes[prev - 2]);
            assert_int_equal(m->append.entries[i].term, 2);
            prev++;
            buf_printf(&got, i == 0 ? " %d" : ",%d", (int)prev);
        }
    }
    assert_string_equal(buf_text(&got), want);
    buf_close(&got);
    for (size_t i = 0; i < count; i++) {
        mem_free((void *)(uintptr_t)entries[i].data);
    }
    net_close(&net);
}

static void long_messages_are_split_by_their_bytes(void **state)
{
    (void)state;
    const size_t half = (size_t)512 * 1024;
    expect_parts((size_t[]){7}, 1, " 3");
    expect_parts((size_t[]){0, 7, 0}, 3, " 3,4,5");
    expect_parts((size_t[]){half, half, 1}, 3, " 3,4 5");
    expect_parts((size_t[]){half + 1, half, half}, 3, " 3 4,5");
    expect_parts((size_t[]){4 * half, 1, 4 * half, 4 * half}, 4, " 3 4 5 6");
}

static void a_split_message_arrives_whole(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, "vvv");
    uint64_t leader = net_elect(&net);
    net_run(&net, NET_BEAT_MS);
    const size_t size = (size_t)700 * 1024;
    char *big = mem_zalloc(size);
    struct peer_entry entries[5];
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        entries[i] = (struct peer_entry){.type = ENTRY_COMMAND, .data = big, .size = size};
    }
    struct engine *e = net_engine(&net, leader);
    assert_int_equal(engine_submit(e, net.now_ms, entries, ARRAY_LEN(entries), NULL), 0);
    net_run(&net, 2 * NET_BEAT_MS);
    expect_agreement(&net, leader);
    assert_true(engine_bytes(e) > 5 * size);
    mem_free(big);
    net_close(&net);
}

static void stamps_rise_and_answers_echo_the_newest(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    struct peer_message m = {.kind = PEER_APPEND,
                             .from = 2,
                             .to = 1,
                             .term = 2,
                             .stamp = {.term = 2, .round = 8, .sent_ms = 111},
                             .append = {.prev_index = 1, .prev_term = 1, ENTRIES(net_command(2))}};
    net_say(&net, &m); /* is not answered before it is durable */
    m.stamp = (struct peer_stamp){.term = 2, .round = 7, .sent_ms = 110};
    m.append.count = 0;
    net_say(&net, &m);
    const struct peer_message *answer = net_take(&net, PEER_APPEND_RESULT, 2);
    assert_int_equal(answer->stamp.term, 2);
    assert_int_equal(answer->stamp.round, 8); /* 7 was overtaken */
    assert_int_equal(answer->stamp.sent_ms, 111);
    m.stamp = (struct peer_stamp){.term = 2, .round = 9, .sent_ms = 112};
    m.append.prev_index = 5; /* a refusal proves as much */
    net_say(&net, &m);
    answer = net_take(&net, PEER_APPEND_RESULT, 2);
    assert_int_equal(answer->append_result.rejected, 5);
    assert_int_equal(answer->stamp.round, 9);
    net_finish(&net, 1, 1);
    assert_int_equal(net_take(&net, PEER_APPEND_RESULT, 2)->stamp.round, 9);
    net_win(&net, 1);
    uint64_t round = engine_round(net_engine(&net, 1));
    struct peer_stamp stamp;
    engine_stamp(net_engine(&net, 1), net.now_ms, &stamp);
    assert_int_equal(stamp.term, engine_term(net_engine(&net, 1)));
    assert_int_equal(stamp.round, round + 1);
    assert_int_equal(stamp.sent_ms, net.now_ms);
    net_drop(&net);
    net_tick(&net, 1, 100);
    assert_int_equal(net_take(&net, PEER_APPEND, 2)->stamp.round, round + 2);
    assert_int_equal(net_take(&net, PEER_APPEND, 3)->stamp.round, round + 3);
    net_close(&net);
}

/* A beat for reads asks who still follows and changes nothing else: what is on its way is not sent
 * again. */
static void a_beat_in_between_sends_nothing_again(void **state)
{
    (void)state;
    struct net net;
    net_lead(&net, "vvs");
    net_agree(&net, 1);
    struct engine *e = net_engine(&net, 1);
    assert_int_equal(net_submit(&net, 1, 5), 0); /* on its way, not answered */
    net_drop(&net);
    uint64_t round = engine_round(e);
    net.now_ms += 2;
    (void)engine_beat(e, net.now_ms, 0);
    (void)engine_beat(e, net.now_ms, 0); /* one a millisecond is enough */
    const struct peer_message *beat = net_take(&net, PEER_APPEND, 2);
    assert_non_null(beat);
    assert_int_equal(beat->append.count, 0);
    assert_int_equal(beat->append.prev_index, engine_match(e, 2));
    assert_int_equal(beat->stamp.round, round + 1);
    assert_int_equal(engine_round(e), round + 1);
    assert_null(net_take(&net, PEER_APPEND, 0)); /* who has no vote is not asked */
    assert_int_equal(engine_beaten(e), round + 1);
    assert_false(engine_beat(e, net.now_ms, round));
    assert_null(net_take(&net, PEER_APPEND, 0));
    assert_true(engine_beat(e, net.now_ms, round + 1)); /* unless the first was answered */
    assert_int_equal(net_take(&net, PEER_APPEND, 2)->stamp.round, round + 2);
    assert_false(engine_beat(e, net.now_ms, round + 1));
    net.now_ms++;
    assert_true(engine_beat(e, net.now_ms, round + 1)); /* or lost, perhaps */
    assert_int_equal(engine_beaten(e), round + 3);
    net_close(&net);
}

/* A member has more than is committed: too few others have it. */
static void a_beat_in_between_tells_no_more_than_is_committed(void **state)
{
    (void)state;
    struct net net;
    net_lead(&net, "vvvvv");
    net_agree(&net, 1);
    struct engine *e = net_engine(&net, 1);
    uint64_t commit = engine_commit(e);
    assert_int_equal(net_submit(&net, 1, 1), 0);
    net_finish(&net, 1, 1);
    net_drop(&net);
    net_has(&net, 2, 1, commit + 1);
    net.now_ms++;
    (void)engine_beat(e, net.now_ms, 0);
    engine_spread(e, net.now_ms);
    const struct peer_message *beat = net_take(&net, PEER_APPEND, 2);
    assert_non_null(beat);
    assert_int_equal(beat->append.prev_index, commit + 1);
    assert_int_equal(beat->append.commit, commit);
    assert_null(net_take(&net, PEER_APPEND, 2));
    net_close(&net);
}

static void expect_spread(struct net *net, uint64_t to, uint64_t last)
{
    struct engine *e = net_engine(net, 1);
    uint64_t round = engine_round(e);
    engine_spread(e, net->now_ms);
    const struct peer_message *m = net_take(net, PEER_APPEND, to);
    assert_non_null(m);
    assert_int_equal(m->append.count, 0);
    assert_int_equal(m->append.prev_index, last);
    assert_int_equal(m->append.commit, last);
    assert_int_equal(m->stamp.round, round + 1);
    assert_null(net_take(net, PEER_APPEND, 0));
    engine_spread(e, net->now_ms); /* once is enough */
    assert_null(net_take(net, PEER_APPEND, 0));
    assert_int_equal(engine_round(e), round + 1);
}

/* Nothing follows the last entry that would tell that it is committed. */
static void who_has_everything_is_told_at_once_that_it_is_committed(void **state)
{
    (void)state;
    struct net net;
    net_lead(&net, "vvvs");
    net_agree(&net, 1);
    struct engine *e = net_engine(&net, 1);
    engine_spread(e, net.now_ms);
    assert_int_equal(net_submit(&net, 1, 1), 0);
    net_drop(&net);
    uint64_t last = engine_last(e);
    net_has(&net, 2, 1, last);
    engine_spread(e, net.now_ms);
    assert_null(net_take(&net, PEER_APPEND, 0)); /* it is not */
    net_finish(&net, 1, 1);
    assert_int_equal(engine_commit(e), last);
    expect_spread(&net, 2, last);
    net_has(&net, 4, 1, last); /* it has no vote, but may have readers */
    expect_spread(&net, 4, last);
    assert_int_equal(net_submit(&net, 1, 1), 0);
    net_drop(&net);
    net_has(&net, 3, 1, last);
    engine_spread(e, net.now_ms);
    assert_null(net_take(&net, PEER_APPEND, 0)); /* the next entry is on its way */
    net_has(&net, 2, 1, last + 1);
    net_finish(&net, 1, 1);
    (void)engine_beat(e, net.now_ms, engine_round(e));
    assert_int_equal(net_take(&net, PEER_APPEND, 2)->append.commit, last + 1);
    net_drop(&net);
    engine_spread(e, net.now_ms);
    assert_null(net_take(&net, PEER_APPEND, 2)); /* that told it */
    net_close(&net);
}

static void only_a_leader_tells_what_is_committed(void **state)
{
    (void)state;
    struct net net;
    net_lead(&net, "vvv");
    net_agree(&net, 1);
    struct engine *e = net_engine(&net, 1);
    uint64_t last = engine_last(e);
    net_append(&net, 2, 1, engine_term(e) + 1,
               &(struct peer_append){.prev_index = last, .prev_term = engine_entry_term(e, last)});
    assert_int_equal(engine_role(e), ENGINE_FOLLOWER);
    net_drop(&net);
    engine_spread(e, net.now_ms);
    assert_null(net_take(&net, PEER_APPEND, 0));
    net_close(&net);
}

/* --- proposals --- */

static void proposals_are_for_leaders(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    struct err err = {0};
    struct peer_entry entry = net_command(0);
    assert_int_equal(engine_submit(net_engine(&net, 1), net.now_ms, &entry, 1, &err),
                     ERR_NOT_LEADER);
    assert_string_equal(err.msg, "not the leader");
    assert_int_equal(engine_leader(net_engine(&net, 1)), 0);
    hear(&net, 3, 2, (struct peer_append){.prev_index = 1, .prev_term = 1});
    assert_int_equal(engine_leader(net_engine(&net, 1)), 3);
    net_win(&net, 1);
    assert_int_equal(engine_leader(net_engine(&net, 1)), 1);
    assert_int_equal(engine_submit(net_engine(&net, 1), net.now_ms, &entry, 1, NULL), 0);
    net_close(&net);
}

static void many_proposals_at_once_are_one_write(void **state)
{
    (void)state;
    struct net net;
    net_lead(&net, "vvv");
    struct peer_entry entries[5];
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        entries[i] = net_command(0);
    }
    buf_clear(&net_node(&net, 1)->journal);
    struct engine *e = net_engine(&net, 1);
    assert_int_equal(engine_submit(e, net.now_ms, entries, ARRAY_LEN(entries), NULL), 0);
    assert_string_equal(net_journal(&net, 1), "EAA");
    assert_int_equal(engine_last(e), 7);
    assert_int_equal(engine_entry_term(e, 7), 2);
    net_close(&net);
}

/* --- compaction and snapshots --- */

static void what_is_applied_is_forgotten_up_to_a_tail(void **state)
{
    (void)state;
    struct net net;
    net_lead(&net, "vvv");
    struct engine *e = net_engine(&net, 1);
    assert_int_equal(net_submit(&net, 1, 18), 0);
    net_finish(&net, 1, SIZE_MAX);
    assert_int_equal(engine_compact(e, net.now_ms, 10, 0), 1); /* not applied */
    net_agree(&net, 1);
    assert_int_equal(engine_compact(e, net.now_ms, 10, 4), 7);
    assert_int_equal(engine_compact(e, net.now_ms, 10, 2), 7); /* one snapshot an index */
    assert_int_equal(engine_compact(e, net.now_ms, 9, 0), 7);
    assert_int_equal(engine_compact(e, net.now_ms, 12, 50),
                     7); /* the tail is longer than the log */
    assert_int_equal(engine_compact(e, net.now_ms, 20, 0), 21);
    assert_int_equal(engine_bytes(e), 0);
    assert_int_equal(engine_last(e), 20);
    assert_int_equal(engine_entry_term(e, 20), 2);
    assert_int_equal(engine_entry_term(e, 19), 0);
    assert_int_equal(net_submit(&net, 1, 1), 0);
    net_agree(&net, 1);
    assert_int_equal(engine_commit(e), 21);
    net_close(&net);
}

static void the_log_is_cut_where_its_membership_is_known(void **state)
{
    (void)state;
    struct net net;
    net_lead(&net, "vvv");
    struct engine *e = net_engine(&net, 1);
    assert_int_equal(net_submit(&net, 1, 3), 0);
    net_agree(&net, 1);
    assert_int_equal(engine_change(e, net.now_ms, CHANGE_ADD, 4, "n4", NULL), 0);
    net_agree(&net, 1);
    assert_int_equal(engine_compact(e, net.now_ms, 5, 0), 1); /* entry 6 is a newer membership */
    assert_int_equal(engine_compact(e, net.now_ms, 6, 0), 7);
    struct members members;
    assert_int_equal(engine_committed_members(e, &members), 6);
    net_close(&net);
}

static void a_follower_that_is_too_far_behind_gets_a_snapshot(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, "vvv");
    uint64_t leader = net_elect(&net);
    uint64_t lost = leader == 1 ? 2 : 1;
    net_node(&net, lost)->cut_off = true;
    assert_int_equal(net_submit(&net, leader, 40), 0);
    net_run(&net, 3 * NET_ELECTION_MS);
    struct engine *e = net_engine(&net, leader);
    uint64_t applied = net_node(&net, leader)->disk.applied;
    assert_int_equal(engine_compact(e, net.now_ms, applied, 10), applied - 9);
    net_node(&net, lost)->cut_off = false;
    net_run(&net, NET_ELECTION_MS);
    assert_int_equal(net_node(&net, leader)->wanted_for, lost);
    net.ships = true;
    net_run(&net, NET_ELECTION_MS);
    assert_int_equal(net_node(&net, lost)->disk.snapshot.index, applied);
    assert_int_equal(net_submit(&net, leader, 5), 0);
    net_run(&net, 2 * NET_BEAT_MS);
    expect_agreement(&net, leader);
    net_crash(&net, lost); /* and it starts again from its snapshot */
    net_boot(&net, lost);
    assert_int_equal(engine_last(net_engine(&net, lost)), applied + 5);
    net_run(&net, 2 * NET_BEAT_MS);
    expect_agreement(&net, net_elect(&net));
    net_close(&net);
}

static void a_snapshot_that_is_lost_on_the_way_is_wanted_again_after_a_while(void **state)
{
    (void)state;
    struct net net;
    net_lead(&net, "vvv");
    assert_int_equal(net_submit(&net, 1, 10), 0);
    net_finish(&net, 1, SIZE_MAX);
    net_has(&net, 3, 1, 12);
    net_settle(&net);
    assert_int_equal(engine_compact(net_engine(&net, 1), net.now_ms, 12, 0), 13);
    uint64_t patience = ENGINE_SNAPSHOT_PATIENCE * NET_ELECTION_MS;
    struct net_node *n = net_node(&net, 1);
    for (uint64_t ms = 0; ms < patience + 2 * NET_BEAT_MS; ms += NET_BEAT_MS) {
        net_tick(&net, 1, NET_BEAT_MS);
        net_has(&net, 3, 1, 12);
        if (ms == 0) { /* its log ends with entry 2 */
            net_answer(&net, 2, 1, 2, (struct peer_append_result){.rejected = 12, .last_index = 2});
            assert_int_equal(n->wanted_for, 2);
            n->wanted_for = 0;
        } else if (ms < patience) {
            net_has(&net, 2, 1, 0); /* a heartbeat that begins at the snapshot fits */
            assert_int_equal(n->wanted_for, 0);
        }
    }
    assert_int_equal(n->wanted_for, 2);
    net_close(&net);
}

static void a_snapshot_shows_as_being_installed_until_it_is_durable(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    struct peer_entry conf = net_change(&net, 1, "vvvs");
    struct peer_message m = {
        .kind = PEER_SNAPSHOT,
        .from = 2,
        .to = 1,
        .term = 3,
        .stamp = {.term = 3, .round = 4},
        .snapshot = {
            .index = 50, .term = 2, .conf_index = 30, .conf = conf.data, .conf_size = conf.size}};
    struct engine *e = net_engine(&net, 1);
    net_say(&net, &m);
    assert_true(engine_installing(e));
    assert_string_equal(net_journal(&net, 1), "HI");
    struct store_entry entry;
    assert_null(engine_next_committed(e, 1, &entry));
    net_tick(&net, 1, 10 * NET_ELECTION_MS);
    assert_int_equal(engine_role(e), ENGINE_FOLLOWER); /* no candidate without a log */
    net_finish(&net, 1, 1);
    assert_false(engine_installing(e));
    const struct peer_message *answer = net_take(&net, PEER_APPEND_RESULT, 2);
    assert_int_equal(answer->append_result.last_index, 50);
    assert_int_equal(answer->stamp.round, 4);
    assert_int_equal(engine_first(e), 51);
    assert_int_equal(engine_last(e), 50);
    assert_int_equal(engine_commit(e), 50);
    assert_int_equal(engine_entry_term(e, 50), 2);
    struct members members;
    assert_int_equal(engine_committed_members(e, &members), 30);
    assert_int_equal(members.count, 4);
    net_close(&net);
}

/* --- time (W10) --- */

static void w10_a_leader_beats_on_its_own_grid(void **state)
{
    (void)state;
    struct net net;
    net_lead(&net, "vvvp"); /* D11: libraft counts the time of a member that gets nothing */
    struct engine *e = net_engine(&net, 1);
    uint64_t start = engine_next_tick_ms(e, net.now_ms) - NET_BEAT_MS;
    net.now_ms = start + 130; /* late */
    engine_tick(e, net.now_ms);
    assert_int_equal(engine_next_tick_ms(e, net.now_ms), start + 200);
    net_all_have(&net, 1, 0);
    net.now_ms = start + 555; /* very late: no beats are made up for */
    engine_tick(e, net.now_ms);
    assert_int_equal(engine_next_tick_ms(e, net.now_ms), start + 600);
    net.now_ms = start + 560; /* a beat between */
    (void)engine_beat(e, net.now_ms, 0);
    assert_int_equal(engine_next_tick_ms(e, net.now_ms), start + 600);
    net_drop(&net);
    engine_tick(e, net.now_ms); /* too early: nothing happens */
    assert_null(net_take(&net, PEER_APPEND, 0));
    net_close(&net);
}

static void w10_an_idle_cluster_is_quiet_between_the_beats(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, "vvv");
    (void)net_elect(&net);
    net_run(&net, NET_BEAT_MS);
    uint64_t before = net.sent[PEER_APPEND];
    net_run(&net, 10 * NET_BEAT_MS);
    assert_int_equal(net.sent[PEER_APPEND] - before, 20);
    net_close(&net);
}

static void w10_no_tick_is_ever_in_the_past(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    uint64_t late = net.now_ms + 100 * NET_ELECTION_MS;
    assert_true(engine_next_tick_ms(net_engine(&net, 1), late) > late);
    net_win(&net, 1);
    late = net.now_ms + 100 * NET_ELECTION_MS;
    assert_true(engine_next_tick_ms(net_engine(&net, 1), late) > late);
    net_close(&net);
}

static void w10_a_node_with_a_slow_disk_does_not_campaign(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    engine_allow_campaign(net_engine(&net, 1), false);
    net_tick(&net, 1, 10 * NET_ELECTION_MS);
    assert_int_equal(engine_role(net_engine(&net, 1)), ENGINE_FOLLOWER);
    assert_true(engine_next_tick_ms(net_engine(&net, 1), net.now_ms) > net.now_ms);
    engine_allow_campaign(net_engine(&net, 1), true);
    net_tick(&net, 1, 1);
    assert_int_equal(engine_role(net_engine(&net, 1)), ENGINE_CANDIDATE);
    net_close(&net);
}

static void w10_a_node_with_a_slow_disk_is_no_heir(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear(&net, 2, 2, (struct peer_append){.prev_index = 1, .prev_term = 1});
    engine_allow_campaign(net_engine(&net, 1), false);
    struct peer_message m = {.kind = PEER_TIMEOUT_NOW,
                             .from = 2,
                             .to = 1,
                             .term = 2,
                             .timeout_now = {.last_index = 1, .last_term = 1}};
    net_say(&net, &m);
    assert_int_equal(engine_role(net_engine(&net, 1)), ENGINE_FOLLOWER);
    engine_allow_campaign(net_engine(&net, 1), true);
    net_say(&net, &m);
    assert_int_equal(engine_role(net_engine(&net, 1)), ENGINE_CANDIDATE);
    net_close(&net);
}

static void time_never_goes_back(void **state)
{
    (void)state;
    struct net net;
    net_lead(&net, "vvv");
    net_tick(&net, 1, NET_BEAT_MS);
    (void)engine_beat(net_engine(&net, 1), net.now_ms - 50,
                      0); /* libraft would find everybody silent */
    assert_int_equal(engine_role(net_engine(&net, 1)), ENGINE_LEADER);
    net_close(&net);
}

/* --- starts --- */

static void a_blank_node_waits_for_a_leader_however_often_it_starts(void **state)
{
    (void)state;
    struct net net;
    net_prepare(&net, "vvv");
    net_boot(&net, 4);
    struct engine *e = net_engine(&net, 4);
    assert_int_equal(engine_last(e), 0);
    net_tick(&net, 4, 10 * NET_ELECTION_MS);
    assert_int_equal(engine_role(e), ENGINE_FOLLOWER);
    net_append(&net, 2, 4, 6, &(struct peer_append){.prev_index = 9, .prev_term = 5});
    assert_int_equal(net_take(&net, PEER_APPEND_RESULT, 2)->append_result.rejected, 9);
    net_crash(&net, 4); /* with a term, but still without a log */
    net_boot(&net, 4);
    assert_int_equal(net_node(&net, 4)->fatals, 0);
    e = net_engine(&net, 4);
    assert_int_equal(engine_term(e), 6);
    struct members members;
    engine_members(e, &members);
    assert_int_equal(members.count, 0);
    struct peer_entry entries[] = {net_change(&net, 1, "vvvs"), net_command(6)};
    net_append(&net, 2, 4, 6, &(struct peer_append){.commit = 2, .count = 2, .entries = entries});
    net_settle(&net);
    assert_int_equal(net_node(&net, 4)->disk.applied, 2);
    net_close(&net);
}

static void messages_for_others_and_from_nobody_are_dropped(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    const struct {
        uint64_t from, to;
    } rows[] = {{2, 3}, {0, 1}, {1, 1}, {2, 0}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct peer_message m = {
            .kind = PEER_APPEND, .from = rows[i].from, .to = rows[i].to, .term = 9};
        engine_receive(net_engine(&net, 1), net.now_ms, &m);
        assert_int_equal(engine_term(net_engine(&net, 1)), 1);
    }
    for (enum peer_kind kind = PEER_CHUNK; kind <= PEER_READ_INDEX_RESULT; kind++) {
        struct peer_message m = {.kind = kind, .from = 2, .to = 1, .term = 9};
        net_say(&net, &m); /* the core's own */
    }
    assert_string_equal(net_journal(&net, 1), "");
    net_close(&net);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clusters_of_one_to_seven_elect_and_agree),
        cmocka_unit_test(a_minority_that_is_gone_is_not_missed),
        cmocka_unit_test(a_minority_alone_elects_nobody),
        cmocka_unit_test(a_leader_that_nobody_answers_steps_down),
        cmocka_unit_test(a_vote_tells_how_long_its_giver_heard_no_leader),
        cmocka_unit_test(term_and_vote_are_written_before_anything_is_said),
        cmocka_unit_test(a_follower_commits_only_what_is_durable_at_home),
        cmocka_unit_test(a_leader_commits_by_the_others_and_applies_when_it_is_durable_at_home),
        cmocka_unit_test(entries_of_an_older_term_commit_with_one_of_the_own_term_only),
        cmocka_unit_test(what_was_acknowledged_survives_every_crash),
        cmocka_unit_test(long_messages_are_split_by_their_bytes),
        cmocka_unit_test(a_split_message_arrives_whole),
        cmocka_unit_test(stamps_rise_and_answers_echo_the_newest),
        cmocka_unit_test(a_beat_in_between_sends_nothing_again),
        cmocka_unit_test(a_beat_in_between_tells_no_more_than_is_committed),
        cmocka_unit_test(who_has_everything_is_told_at_once_that_it_is_committed),
        cmocka_unit_test(only_a_leader_tells_what_is_committed),
        cmocka_unit_test(proposals_are_for_leaders),
        cmocka_unit_test(many_proposals_at_once_are_one_write),
        cmocka_unit_test(what_is_applied_is_forgotten_up_to_a_tail),
        cmocka_unit_test(the_log_is_cut_where_its_membership_is_known),
        cmocka_unit_test(a_follower_that_is_too_far_behind_gets_a_snapshot),
        cmocka_unit_test(a_snapshot_that_is_lost_on_the_way_is_wanted_again_after_a_while),
        cmocka_unit_test(a_snapshot_shows_as_being_installed_until_it_is_durable),
        cmocka_unit_test(w10_a_leader_beats_on_its_own_grid),
        cmocka_unit_test(w10_an_idle_cluster_is_quiet_between_the_beats),
        cmocka_unit_test(w10_no_tick_is_ever_in_the_past),
        cmocka_unit_test(w10_a_node_with_a_slow_disk_does_not_campaign),
        cmocka_unit_test(w10_a_node_with_a_slow_disk_is_no_heir),
        cmocka_unit_test(time_never_goes_back),
        cmocka_unit_test(a_blank_node_waits_for_a_leader_however_often_it_starts),
        cmocka_unit_test(messages_for_others_and_from_nobody_are_dropped),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
