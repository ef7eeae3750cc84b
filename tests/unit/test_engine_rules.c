/* tests/unit/test_engine_rules.c - each of the rules W1 to W15 keeps a defect of libraft away.
 *
 * Node 1 is an engine, its peers are mostly played by hand, so every test is one message too early,
 * too late or too old. A test has the name of its rule and fails when that rule is taken out of
 * engine*.c; the defects D1 to D17 of the library are named where they would show. The rules about
 * members (W7, W11, W12) are in test_engine_member.c, those about time (W10) in test_engine.c. An
 * argument is a pattern: 'w8*'. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "tests/lib/engine_net.h"

#define ENTRIES(...)                                                                           \
    .count = ARRAY_LEN(((struct peer_entry[]){__VA_ARGS__})), .entries = (struct peer_entry[]) \
    {                                                                                          \
        __VA_ARGS__                                                                            \
    }

/* Node 1 hears from a leader. */
static void hear(struct net *net, uint64_t from, uint64_t term, struct peer_append append)
{
    net_append(net, from, 1, term, &append);
}

/* Entries of @term from index 2 on, after the first one of term 1. */
static void hear_commands(struct net *net, uint64_t from, uint64_t term, size_t count)
{
    struct peer_entry entries[8];
    MUST(count <= ARRAY_LEN(entries));
    for (size_t i = 0; i < count; i++) {
        entries[i] = net_command(term);
    }
    hear(net, from, term,
         (struct peer_append){
             .prev_index = 1, .prev_term = 1, .commit = 1, .count = count, .entries = entries});
}

static void hear_snapshot(struct net *net, uint64_t from, uint64_t term,
                          struct peer_snapshot snapshot, const char *roles)
{
    struct peer_entry conf = net_change(net, 1, roles);
    struct peer_message m = {.kind = PEER_SNAPSHOT,
                             .from = from,
                             .to = 1,
                             .term = term,
                             .stamp = {.term = term, .round = 1, .sent_ms = net->now_ms},
                             .snapshot = snapshot};
    m.snapshot.conf_index = snapshot.conf_index > 0 ? snapshot.conf_index : 1;
    m.snapshot.conf = conf.data;
    m.snapshot.conf_size = conf.size;
    net_say(net, &m);
}

static void expect_answer(struct net *net, uint64_t to, uint64_t term, uint64_t rejected,
                          uint64_t last_index)
{
    const struct peer_message *m = net_take(net, PEER_APPEND_RESULT, 0);
    assert_non_null(m);
    assert_int_equal(m->to, to);
    assert_int_equal(m->term, term);
    assert_int_equal(m->append_result.rejected, rejected);
    assert_int_equal(m->append_result.last_index, last_index);
}

static void expect_no_answer(struct net *net)
{
    assert_null(net_take(net, PEER_APPEND_RESULT, 0));
}

static void ask_vote(struct net *net, uint64_t from, uint64_t term, struct peer_vote vote)
{
    struct peer_message m = {.kind = PEER_VOTE, .from = from, .to = 1, .term = term, .vote = vote};
    net_say(net, &m);
}

static const struct peer_message *expect_vote(struct net *net, bool granted)
{
    const struct peer_message *m = net_take(net, PEER_VOTE_RESULT, 0);
    assert_non_null(m);
    assert_int_equal(m->vote_result.granted, granted);
    return m;
}

/* --- W1: messages and answers of older terms --- */

static void w1_a_message_of_an_older_term_gets_a_plain_refusal(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear(&net, 2, 5, (struct peer_append){.prev_index = 1, .prev_term = 1});
    expect_answer(&net, 2, 5, 0, 1);
    /* D1: libraft would accept this one, up to an index from uninitialised memory. */
    hear(&net, 3, 4, (struct peer_append){ENTRIES(net_command(4))});
    const struct peer_message *m = net_take(&net, PEER_APPEND_RESULT, 3);
    assert_non_null(m);
    assert_int_equal(m->term, 5);
    assert_int_equal(m->append_result.rejected, 1);
    assert_int_equal(m->append_result.last_index, 0);
    assert_int_equal(m->stamp.term, 0); /* it proves nothing */
    assert_int_equal(engine_leader(net_engine(&net, 1)), 2);
    net_close(&net);
}

static void w1_a_snapshot_of_an_older_term_gets_a_plain_refusal(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear(&net, 2, 5, (struct peer_append){.prev_index = 1, .prev_term = 1});
    expect_answer(&net, 2, 5, 0, 1);
    hear_snapshot(&net, 3, 4, (struct peer_snapshot){.index = 9, .term = 4}, "vvv");
    expect_answer(&net, 3, 5, 1, 0);
    assert_false(engine_installing(net_engine(&net, 1)));
    net_close(&net);
}

static void w1_an_answer_to_an_older_leadership_commits_nothing(void **state)
{
    (void)state;
    struct net net;
    net_lead(&net, "vvv");
    assert_int_equal(net_submit(&net, 1, 1), 0);
    net_finish(&net, 1, SIZE_MAX);
    struct peer_message m = {.kind = PEER_APPEND_RESULT,
                             .from = 2,
                             .to = 1,
                             .term = 2,
                             .stamp = {.term = 1, .round = 9},
                             .append_result = {.last_index = 3}};
    net_say(&net, &m);
    assert_int_equal(engine_commit(net_engine(&net, 1)), 2); /* D1: entry 3 is nowhere but here */
    m.stamp.term = 2;
    net_say(&net, &m);
    assert_int_equal(engine_commit(net_engine(&net, 1)), 3);
    net_close(&net);
}

/* --- W2: membership entries --- */

static void w2_a_change_in_the_middle_of_a_message_is_known_by_its_own_index(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear(&net, 2, 2,
         (struct peer_append){
             .prev_index = 1,
             .prev_term = 1,
             .commit = 1,
             ENTRIES(net_command(2), net_command(2), net_change(&net, 2, "vvvs"), net_command(2))});
    net_settle(&net);
    hear(&net, 2, 2, (struct peer_append){.prev_index = 5, .prev_term = 2, .commit = 5});
    net_settle(&net);
    struct members members;
    assert_int_equal(engine_committed_members(net_engine(&net, 1), &members),
                     4); /* D2: 2, and for ever */
    assert_int_equal(members.count, 4);
    net_close(&net);
}

static void w2_a_leader_that_got_a_change_in_a_batch_can_change_again(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear(&net, 2, 2,
         (struct peer_append){.prev_index = 1,
                              .prev_term = 1,
                              .commit = 1,
                              ENTRIES(net_command(2), net_change(&net, 2, "vvvs"))});
    net_settle(&net);
    net_win(&net, 1);
    net_agree(&net, 1);
    assert_int_equal(engine_change(net_engine(&net, 1), net.now_ms, CHANGE_ADD, 5, "n5", NULL),
                     0); /* D2: refused by every later leader */
    net_close(&net);
}

static void w2_a_second_change_proves_the_first_one_committed(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear(&net, 2, 2,
         (struct peer_append){
             .prev_index = 1, .prev_term = 1, .commit = 1, ENTRIES(net_change(&net, 2, "vvvs"))});
    hear(&net, 2, 2,
         (struct peer_append){
             .prev_index = 2, .prev_term = 2, .commit = 1, ENTRIES(net_change(&net, 2, "vvvss"))});
    struct members members;
    engine_members(net_engine(&net, 1), &members);
    assert_int_equal(members.count, 5);
    hear(&net, 3, 3,
         (struct peer_append){
             .prev_index = 2, .prev_term = 2, .commit = 1, ENTRIES(net_command(3))});
    engine_members(net_engine(&net, 1), &members);
    assert_int_equal(members.count, 4); /* D3: back to the three of the beginning */
    assert_int_equal(engine_committed_members(net_engine(&net, 1), &members), 2);
    net_close(&net);
}

static void w2_a_change_that_does_not_fit_proves_nothing(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear(&net, 2, 2,
         (struct peer_append){
             .prev_index = 1, .prev_term = 1, .commit = 1, ENTRIES(net_change(&net, 2, "vvvs"))});
    hear(&net, 3, 3,
         (struct peer_append){
             .prev_index = 2, .prev_term = 3, .commit = 1, ENTRIES(net_change(&net, 3, "vvvv"))});
    expect_answer(&net, 3, 3, 2, 1); /* its entry 2 is another one */
    hear(&net, 3, 3,
         (struct peer_append){
             .prev_index = 1, .prev_term = 1, .commit = 1, ENTRIES(net_command(3))});
    struct members members;
    engine_members(net_engine(&net, 1), &members);
    assert_int_equal(members.count, 3);
    assert_int_equal(engine_committed_members(net_engine(&net, 1), &members), 1);
    net_close(&net);
}

static void w2_a_change_that_was_applied_before_the_start_is_committed(void **state)
{
    (void)state;
    struct net net;
    net_prepare(&net, "vvv");
    struct peer_entry entry = net_change(&net, 1, "vvvs");
    net_disk_append(&net, 1, &entry);
    net_node(&net, 1)->disk.applied = 2;
    net_boot(&net, 1);
    struct members members;
    assert_int_equal(engine_committed_members(net_engine(&net, 1), &members), 2);
    assert_int_equal(members.count, 4);
    net_close(&net);
}

static void w2_a_change_that_arrives_during_an_install_waits_like_any_entry(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear(&net, 2, 2,
         (struct peer_append){
             .prev_index = 1, .prev_term = 1, .commit = 1, ENTRIES(net_change(&net, 2, "vvvs"))});
    hear_snapshot(&net, 2, 2, (struct peer_snapshot){.index = 9, .term = 2}, "vvv");
    assert_true(engine_installing(net_engine(&net, 1)));
    struct peer_append next = {
        .prev_index = 9, .prev_term = 2, .commit = 9, ENTRIES(net_change(&net, 2, "vvvss"))};
    hear(&net, 2, 2, next); /* the membership of entry 2 is gone with the log */
    assert_int_equal(engine_last(net_engine(&net, 1)), 9);
    net_settle(&net);
    hear(&net, 2, 2, next);
    assert_int_equal(engine_last(net_engine(&net, 1)), 10);
    net_close(&net);
}

/* --- W3: what is durable --- */

static void w3_a_write_whose_entries_were_truncated_meanwhile_is_not_reported(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear_commands(&net, 2, 2, 3);
    hear_commands(&net, 3, 3, 3);
    net_finish(&net, 1, 1);
    expect_no_answer(&net); /* libraft would promise entry 4 of term 3, which is not on disk */
    assert_int_equal(engine_stored(net_engine(&net, 1)), 1);
    net_finish(&net, 1, 1);
    expect_answer(&net, 3, 3, 0, 4);
    net_close(&net);
}

static void w3_the_part_of_a_write_that_is_still_there_is_reported(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear_commands(&net, 2, 2, 3);
    hear(&net, 3, 3,
         (struct peer_append){
             .prev_index = 3, .prev_term = 2, .commit = 1, ENTRIES(net_command(3))});
    net_finish(&net, 1, 1);
    expect_answer(&net, 3, 3, 0, 3);
    net_finish(&net, 1, 1);
    expect_answer(&net, 3, 3, 0, 4);
    net_close(&net);
}

static void w3_entries_that_a_waiting_write_takes_away_first_are_not_durable(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear_commands(&net, 2, 2, 2);
    hear_commands(&net, 3, 3, 1); /* truncates them ... */
    hear(&net, 2, 4,
         (struct peer_append){.prev_index = 1,
                              .prev_term = 1,
                              .commit = 1,
                              ENTRIES(net_command(2), net_command(2), net_command(4))});
    net_finish(&net, 1, 1); /* ... and the same ones came back, but the disk is not there yet */
    expect_no_answer(&net);
    assert_int_equal(engine_stored(net_engine(&net, 1)), 1);
    net_finish(&net, 1, 1);
    expect_no_answer(&net);
    net_finish(&net, 1, 1);
    expect_answer(&net, 2, 4, 0, 4);
    net_close(&net);
}

static void w3_nothing_is_reported_while_a_snapshot_is_installed(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear_commands(&net, 2, 2, 3);
    hear_snapshot(&net, 2, 2, (struct peer_snapshot){.index = 9, .term = 2}, "vvv");
    net_finish(&net, 1, 1);
    expect_no_answer(&net);
    assert_int_equal(engine_stored(net_engine(&net, 1)), 0);
    net_finish(&net, 1, 1);
    expect_answer(&net, 2, 2, 0, 9);
    assert_int_equal(engine_stored(net_engine(&net, 1)), 9);
    net_close(&net);
}

static void w3_a_write_and_the_install_behind_it_may_be_reported_at_once(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear_commands(&net, 2, 2, 3);
    hear_snapshot(&net, 2, 2, (struct peer_snapshot){.index = 9, .term = 2}, "vvv");
    net_finish(&net, 1, 2);
    expect_answer(&net, 2, 2, 0, 9);
    expect_no_answer(&net);
    assert_int_equal(engine_stored(net_engine(&net, 1)), 9);
    net_close(&net);
}

/* --- W4: messages that begin before the log --- */

/* 12 entries of term 1; those before @first are gone, all up to 10 is in a snapshot. */
static void open_compacted(struct net *net, uint64_t first)
{
    net_prepare(net, "vvv");
    struct peer_entry entry = net_command(1);
    for (int i = 2; i <= 12; i++) {
        net_disk_append(net, 1, &entry);
    }
    net_disk_trim(net, 1, 10, first);
    net_boot(net, 1);
}

/* Entries of term 1 from @prev + 1 to 13. */
static void hear_from(struct net *net, uint64_t prev)
{
    struct peer_entry entries[13];
    size_t count = 0;
    for (uint64_t i = prev + 1; i <= 13; i++) {
        entries[count] = i == 1 ? net_change(net, 1, "vvv") : net_command(1);
        count++;
    }
    hear(net, 2, 1,
         (struct peer_append){.prev_index = prev,
                              .prev_term = prev > 0 ? 1 : 0,
                              .commit = 12,
                              .count = count,
                              .entries = entries});
}

static void w4_a_message_from_the_very_beginning_meets_a_compacted_log(void **state)
{
    (void)state;
    struct net net;
    open_compacted(&net, 11);
    hear_from(&net, 0); /* D4: all 13 entries would be put behind the 12 */
    assert_int_equal(engine_last(net_engine(&net, 1)), 13);
    assert_int_equal(engine_first(net_engine(&net, 1)), 11);
    net_settle(&net);
    assert_int_equal(engine_commit(net_engine(&net, 1)), 12);
    net_close(&net);
}

static void w4_every_place_before_the_snapshot_is_accepted(void **state)
{
    (void)state;
    for (uint64_t first = 2; first <= 11; first++) {
        for (uint64_t prev = 0; prev <= 10; prev++) {
            struct net net;
            open_compacted(&net, first);
            hear_from(&net, prev); /* D5: a refusal of what is committed starves us */
            net_finish(&net, 1, 1);
            expect_answer(&net, 2, 1, 0, 13);
            hear_from(&net, prev);
            expect_answer(&net, 2, 1, 0, 13);
            net_close(&net);
        }
    }
}

static void w4_a_heartbeat_before_the_log_is_accepted(void **state)
{
    (void)state;
    struct net net;
    open_compacted(&net, 7);
    hear(&net, 2, 1, (struct peer_append){.prev_index = 3, .prev_term = 1, .commit = 12});
    expect_answer(&net, 2, 1, 0, 10);
    hear(&net, 2, 1, (struct peer_append){.prev_index = 0, .prev_term = 0, .commit = 12});
    expect_answer(&net, 2, 1, 0, 10);
    net_close(&net);
}

/* --- W5: late refusals --- */

static void w5_a_late_refusal_does_not_starve_a_follower(void **state)
{
    (void)state;
    struct net net;
    net_lead(&net, "vvv");
    assert_int_equal(net_submit(&net, 1, 1), 0);
    net_agree(&net, 1);
    for (int i = 0; i < 3; i++) { /* peer 2 is silent for so long that it is probed again */
        net_tick(&net, 1, NET_BEAT_MS);
        net_has(&net, 3, 1, 3);
    }
    net_answer(&net, 2, 1, 2, (struct peer_append_result){.rejected = 3, .last_index = 2});
    assert_int_equal(net_submit(&net, 1, 1), 0);
    net_drop(&net);
    net_tick(&net, 1, NET_BEAT_MS);
    const struct peer_message *m = net_take(&net, PEER_APPEND, 2);
    assert_non_null(m);
    assert_int_equal(m->append.prev_index, 3);
    assert_int_equal(m->append.count, 1); /* D5: none, now and for ever */
    net_close(&net);
}

/* --- W6: the commit index --- */

static void w6_the_commit_index_never_goes_back(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear_commands(&net, 2, 2, 3);
    net_settle(&net);
    hear(&net, 2, 2, (struct peer_append){.prev_index = 4, .prev_term = 2, .commit = 3});
    assert_int_equal(engine_commit(net_engine(&net, 1)), 3);
    /* D6: an older message that tells a newer commit index. */
    hear(&net, 2, 2, (struct peer_append){.prev_index = 1, .prev_term = 1, .commit = 4});
    assert_int_equal(engine_commit(net_engine(&net, 1)), 3);
    net_close(&net);
}

static void w6_libraft_does_not_forget_what_is_committed(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear_commands(&net, 2, 2, 3);
    net_settle(&net);
    hear(&net, 2, 2, (struct peer_append){.prev_index = 4, .prev_term = 2, .commit = 3});
    hear(&net, 2, 2, (struct peer_append){.prev_index = 1, .prev_term = 1, .commit = 4});
    assert_int_equal(net_node(&net, 1)->fatals, 0);
    hear_commands(&net, 3, 3, 1); /* over entry 2, which is committed: nobody may do that */
    assert_int_equal(net_node(&net, 1)->fatals, 1);
    assert_int_equal(engine_last(net_engine(&net, 1)), 4);
    net_close(&net);
}

/* --- W8: votes of members that are no voters by their own log --- */

static void w8_a_silent_non_voter_votes_by_the_log_of_the_candidate(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "svv");
    net.now_ms += NET_ELECTION_MS;
    ask_vote(&net, 2, 2, (struct peer_vote){.last_index = 1, .last_term = 1});
    (void)expect_vote(&net, true); /* D8: refused */
    assert_string_equal(net_journal(&net, 1), "HHv");
    assert_int_equal(net_node(&net, 1)->disk.hard.term, 2);
    assert_int_equal(net_node(&net, 1)->disk.hard.vote, 2);
    /* Once a term, and again for the same one. */
    ask_vote(&net, 3, 2, (struct peer_vote){.last_index = 1, .last_term = 1});
    (void)expect_vote(&net, false);
    ask_vote(&net, 2, 2, (struct peer_vote){.last_index = 1, .last_term = 1});
    (void)expect_vote(&net, true);
    net_close(&net);
}

static void w8_a_non_voter_answers_pre_votes_and_writes_nothing(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "svv");
    net.now_ms += NET_ELECTION_MS;
    ask_vote(&net, 2, 2, (struct peer_vote){.last_index = 1, .last_term = 1, .pre_vote = true});
    const struct peer_message *m = expect_vote(&net, true);
    assert_int_equal(m->term, 2);
    assert_true(m->vote_result.pre_vote);
    assert_string_equal(net_journal(&net, 1), "v");
    assert_int_equal(engine_term(net_engine(&net, 1)), 1);
    net_close(&net);
}

static void w8_a_non_voter_with_the_better_log_does_not_vote(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "svv");
    hear_commands(&net, 2, 2, 2); /* our last is entry 3 of term 2 */
    net_settle(&net);
    net.now_ms += NET_ELECTION_MS;
    ask_vote(&net, 3, 3, (struct peer_vote){.last_index = 2, .last_term = 2});
    (void)expect_vote(&net, false);
    ask_vote(&net, 3, 4, (struct peer_vote){.last_index = 9, .last_term = 1});
    (void)expect_vote(&net, false);
    ask_vote(&net, 3, 5, (struct peer_vote){.last_index = 2, .last_term = 2, .pre_vote = true});
    (void)expect_vote(&net, false);
    assert_int_equal(net_node(&net, 1)->disk.hard.vote, 0);
    ask_vote(&net, 3, 6, (struct peer_vote){.last_index = 3, .last_term = 2});
    (void)expect_vote(&net, true);
    net_close(&net);
}

static void w8_a_non_voter_that_hears_a_leader_does_not_vote(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "svv");
    hear(&net, 2, 2, (struct peer_append){.prev_index = 1, .prev_term = 1});
    net.now_ms += NET_ELECTION_MS - 1;
    ask_vote(&net, 3, 3, (struct peer_vote){.last_index = 1, .last_term = 1});
    (void)expect_vote(&net, false);
    ask_vote(&net, 3, 3, (struct peer_vote){.last_index = 1, .last_term = 1, .pre_vote = true});
    (void)expect_vote(&net, false);
    assert_int_equal(engine_term(net_engine(&net, 1)), 2); /* and is not moved to the newer term */
    /* A transfer is with the leader's own permission. */
    ask_vote(&net, 3, 3,
             (struct peer_vote){.last_index = 1, .last_term = 1, .disrupt_leader = true});
    (void)expect_vote(&net, true);
    net_close(&net);
}

static void w8_a_non_voter_does_not_vote_during_an_install(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "svv");
    hear_snapshot(&net, 2, 2, (struct peer_snapshot){.index = 9, .term = 2}, "svv");
    net.now_ms += NET_ELECTION_MS;
    ask_vote(&net, 3, 3, (struct peer_vote){.last_index = 9, .last_term = 2});
    (void)expect_vote(&net, false);
    net_close(&net);
}

static void w8_a_write_that_ends_after_the_leader_was_given_up_answers_nobody(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "svv");
    hear_commands(&net, 2, 2, 1);
    net.now_ms += NET_ELECTION_MS;
    ask_vote(&net, 3, 2, (struct peer_vote){.last_index = 9, .last_term = 2, .pre_vote = true});
    net_finish(&net, 1, 1);
    expect_no_answer(&net); /* libraft addresses it to member 0 */
    assert_int_equal(engine_stored(net_engine(&net, 1)), 2);
    net_close(&net);
}

static void w8_a_cluster_whose_newest_voter_does_not_know_it_finds_a_leader(void **state)
{
    (void)state;
    struct net net;
    net_prepare(&net, "vvs");
    struct peer_entry promotion = net_change(&net, 1, "vvv");
    net_disk_append(&net, 1, &promotion);
    net_disk_append(&net, 2, &promotion); /* node 3 has not got it, node 1 is gone for good */
    net_boot(&net, 2);
    net_boot(&net, 3);
    assert_int_equal(net_elect(&net), 2);
    net_close(&net);
}

/* --- W9: pre-votes --- */

static void w9_a_denied_pre_vote_tells_the_newer_term(void **state)
{
    (void)state;
    struct net net;
    net_prepare(&net, "vvv");
    net_node(&net, 1)->disk.hard.term = 9;
    net_boot(&net, 1);
    ask_vote(&net, 2, 6, (struct peer_vote){.last_index = 5, .last_term = 5, .pre_vote = true});
    assert_int_equal(expect_vote(&net, false)->term, 9); /* D9: 6, and 2 asks so for ever */
    net_close(&net);
}

static void w9_the_better_log_in_the_lower_term_wins_in_the_end(void **state)
{
    (void)state;
    struct net net;
    net_prepare(&net, "vvv"); /* node 3 is dead */
    struct peer_entry entry = net_command(5);
    net_disk_append(&net, 1, &entry);
    net_node(&net, 2)->disk.hard.term = 9;
    net_boot(&net, 1);
    net_boot(&net, 2);
    assert_int_equal(net_elect(&net), 1);
    assert_true(engine_term(net_engine(&net, 1)) > 9);
    net_close(&net);
}

static void w9_the_result_of_a_vote_is_for_candidates_only(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    struct peer_message m = {.kind = PEER_VOTE_RESULT,
                             .from = 2,
                             .to = 1,
                             .term = 9,
                             .vote_result = {.granted = false, .pre_vote = true}};
    net_say(&net, &m); /* D10: libraft reads a candidate's field in a follower's state */
    assert_int_equal(engine_term(net_engine(&net, 1)), 1);
    net_win(&net, 1);
    uint64_t term = engine_term(net_engine(&net, 1));
    net_say(&net, &m);
    assert_int_equal(engine_role(net_engine(&net, 1)), ENGINE_LEADER);
    assert_int_equal(engine_term(net_engine(&net, 1)), term);
    net_close(&net);
}

/* Found by a simulated life: each vote for a candidate that cannot win put off the timer that would
 * have made the voter forget a leader of an older term, for whose sake it denied pre-votes to the
 * one that could. */
static void w9_who_votes_in_a_new_term_has_no_leader_any_more(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    net_append(&net, 2, 1, 2, &(struct peer_append){.prev_index = 1, .prev_term = 1});
    assert_int_equal(engine_leader(net_engine(&net, 1)), 2);
    net_drop(&net);
    ask_vote(&net, 3, 3,
             (struct peer_vote){.last_index = 5, .last_term = 2, .disrupt_leader = true});
    (void)expect_vote(&net, true);
    assert_int_equal(engine_leader(net_engine(&net, 1)), 0);
    ask_vote(&net, 2, 4, (struct peer_vote){.last_index = 6, .last_term = 2, .pre_vote = true});
    (void)expect_vote(&net, true);
    net_close(&net);
}

static void w9_a_candidate_that_lost_asks_before_it_raises_the_term_again(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    net_append(&net, 2, 1, 2, &(struct peer_append){.prev_index = 1, .prev_term = 1});
    net_settle(&net);
    net_drop(&net);
    net_say(&net, &(struct peer_message){.kind = PEER_TIMEOUT_NOW,
                                         .from = 2,
                                         .to = 1,
                                         .term = 2,
                                         .timeout_now = {.last_index = 1, .last_term = 1}});
    const struct peer_message *m = net_take(&net, PEER_VOTE, 2);
    assert_non_null(m);
    assert_true(m->vote.disrupt_leader);
    assert_int_equal(engine_term(net_engine(&net, 1)), 3);
    net_drop(&net); /* nobody votes for it */
    net_tick(&net, 1, 5000);
    m = net_take(&net, PEER_VOTE, 2);
    assert_non_null(m);
    assert_true(m->vote.pre_vote);
    assert_false(m->vote.disrupt_leader);
    assert_int_equal(m->term, 4);
    assert_int_equal(engine_term(net_engine(&net, 1)), 3);
    net_close(&net);
}

/* --- W13: snapshots --- */

static void w13_a_second_snapshot_during_an_install_is_dropped(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear_snapshot(&net, 2, 2, (struct peer_snapshot){.index = 9, .term = 2}, "vvv");
    for (uint64_t index = 9; index < 12; index++) { /* D14: each would be leaked */
        hear_snapshot(&net, 2, 2, (struct peer_snapshot){.index = index, .term = 2}, "vvvs");
    }
    assert_string_equal(net_journal(&net, 1), "HI");
    net_settle(&net);
    assert_int_equal(engine_stored(net_engine(&net, 1)), 9);
    assert_int_equal(engine_first(net_engine(&net, 1)), 10);
    struct members members;
    engine_members(net_engine(&net, 1), &members);
    assert_int_equal(members.count, 3);
    hear_snapshot(&net, 2, 2, (struct peer_snapshot){.index = 11, .term = 2}, "vvvs");
    net_settle(&net);
    assert_int_equal(engine_stored(net_engine(&net, 1)), 11);
    net_close(&net);
}

static void w13_a_snapshot_that_is_no_news_is_answered_and_not_installed(void **state)
{
    (void)state;
    struct net net;
    open_compacted(&net, 7);
    hear_snapshot(&net, 2, 1, (struct peer_snapshot){.index = 8, .term = 1}, "vvv");
    expect_answer(&net, 2, 1, 0, 8);
    hear_snapshot(&net, 2, 1, (struct peer_snapshot){.index = 11, .term = 1}, "vvv");
    expect_answer(&net, 2, 1, 0, 11);
    assert_false(engine_installing(net_engine(&net, 1)));
    assert_int_equal(engine_last(net_engine(&net, 1)), 12);
    net_close(&net);
}

static void w13_an_own_snapshot_that_was_overtaken_is_given_up(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear_commands(&net, 2, 2, 4);
    net_settle(&net);
    hear(&net, 2, 2, (struct peer_append){.prev_index = 5, .prev_term = 2, .commit = 5});
    net_settle(&net);
    hear_snapshot(&net, 2, 2, (struct peer_snapshot){.index = 9, .term = 2}, "vvv");
    assert_int_equal(engine_compact(net_engine(&net, 1), net.now_ms, 4, 0),
                     10); /* during the install */
    net_settle(&net);
    assert_int_equal(engine_compact(net_engine(&net, 1), net.now_ms, 4, 0), 10); /* and after it */
    assert_int_equal(engine_compact(net_engine(&net, 1), net.now_ms, 9, 0), 10);
    uint64_t index = 0;
    uint64_t term = 0;
    engine_snapshot(net_engine(&net, 1), &index, &term);
    assert_int_equal(index, 9);
    assert_int_equal(term, 2);
    net_close(&net);
}

/* --- W14: what the transport must carry --- */

static void w14_a_late_grant_of_a_pre_vote_is_no_vote(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvvvv");
    while (engine_role(net_engine(&net, 1)) != ENGINE_CANDIDATE) {
        net_tick(&net, 1, 1);
    }
    struct peer_message yes = {.kind = PEER_VOTE_RESULT,
                               .to = 1,
                               .term = 2,
                               .vote_result = {.granted = true, .pre_vote = true}};
    for (yes.from = 2; yes.from <= 5; yes.from++) { /* 4 and 5 come when it is about votes */
        net_say(&net, &yes);
    }
    assert_int_equal(engine_term(net_engine(&net, 1)), 2);
    assert_int_equal(engine_role(net_engine(&net, 1)), ENGINE_CANDIDATE);
    yes.vote_result.pre_vote = false;
    for (yes.from = 2; yes.from <= 3; yes.from++) {
        net_say(&net, &yes);
    }
    assert_int_equal(engine_role(net_engine(&net, 1)), ENGINE_LEADER);
    net_close(&net);
}

/* --- W15: what is beyond repair, and what is not --- */

static const struct peer_entry malformed = {
    .term = 1, .type = ENTRY_CHANGE, .data = "\1\3\0\0\0\0\0\0\0", .size = 9};

static void expect_dead(struct net *net)
{
    struct net_node *n = net_node(net, 1);
    assert_int_equal(n->fatals, 1);
    assert_int_equal(n->fatal.code, ERR_CORRUPT);
    buf_clear(&n->journal);
    hear_commands(net, 2, 7, 2);
    ask_vote(net, 2, 8, (struct peer_vote){.last_index = 99, .last_term = 7});
    net_tick(net, 1, 100 * NET_ELECTION_MS);
    (void)engine_beat(n->engine, net->now_ms, 0);
    engine_written(n->engine, net->now_ms, n->number);
    engine_applied(n->engine, net->now_ms, 1);
    assert_int_not_equal(net_submit(net, 1, 1), 0);
    assert_int_not_equal(engine_change(n->engine, net->now_ms, CHANGE_ADD, 5, "n5", NULL), 0);
    assert_int_equal(n->fatals, 1); /* told once */
    assert_string_equal(net_journal(net, 1), "");
}

static void w15_a_malformed_membership_on_disk_is_fatal(void **state)
{
    (void)state;
    struct net net;
    net_prepare(&net, "vvv");
    net_disk_append(&net, 1, &malformed);
    net_boot(&net, 1);
    expect_dead(&net);
    net_close(&net);
}

static void w15_a_malformed_membership_that_is_not_the_newest_is_fatal_too(void **state)
{
    (void)state;
    struct net net;
    net_prepare(&net, "vvv");
    net_disk_trim(&net, 1, 1, 2); /* the snapshot's is good */
    net_disk_append(&net, 1, &malformed);
    struct peer_entry good = net_change(&net, 1, "vvvs");
    net_disk_append(&net, 1, &good);
    net_boot(&net, 1);
    expect_dead(&net);
    net_close(&net);
}

static void w15_a_malformed_membership_of_the_snapshot_on_disk_is_fatal(void **state)
{
    (void)state;
    struct net net;
    net_prepare(&net, "vvv");
    net_disk_trim(&net, 1, 1, 2);
    net_node(&net, 1)->disk.snapshot.conf.bytes[0] = 9;
    struct peer_entry good = net_change(&net, 1, "vvvs");
    net_disk_append(&net, 1, &good);
    net_boot(&net, 1);
    expect_dead(&net);
    net_close(&net);
}

static void w15_an_overwritten_committed_entry_is_fatal(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    hear(&net, 2, 2, (struct peer_append){.prev_index = 0, ENTRIES(net_command(2))});
    expect_dead(&net);
    net_close(&net);
}

static void w15_a_malformed_message_of_a_peer_is_dropped_whole(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    struct peer_append bad[] = {
        {.prev_index = 1, .prev_term = 1, ENTRIES(malformed)},
        {.prev_index = 1, .prev_term = 1, ENTRIES(net_command(1), malformed, net_command(2))},
        {.prev_index = 1, .prev_term = 1, ENTRIES(net_command(2), net_command(1))}, /* terms fall */
        {.prev_index = 1, .prev_term = 1, ENTRIES(net_command(0))},
        {.prev_index = 1, .prev_term = 1, ENTRIES({.term = 2, .type = 0})},
        {.prev_index = 1, .prev_term = 1, ENTRIES({.term = 2, .type = 4})},
        {.prev_index = 0, .prev_term = 1},
        {.prev_index = 1, .prev_term = 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        hear(&net, 2, 2, bad[i]);
    }
    assert_string_equal(net_journal(&net, 1), "");
    assert_int_equal(engine_last(net_engine(&net, 1)), 1);
    assert_int_equal(net_node(&net, 1)->fatals, 0);
    net_close(&net);
}

static void w15_a_snapshot_with_a_malformed_membership_is_dropped(void **state)
{
    (void)state;
    struct net net;
    net_alone(&net, "vvv");
    struct peer_message m = {.kind = PEER_SNAPSHOT,
                             .from = 2,
                             .to = 1,
                             .term = 2,
                             .snapshot = {.index = 9,
                                          .term = 2,
                                          .conf_index = 1,
                                          .conf = malformed.data,
                                          .conf_size = malformed.size}};
    net_say(&net, &m);
    m.snapshot.conf_size = 0;
    net_say(&net, &m);
    struct peer_entry good = net_change(&net, 1, "vvv");
    m.snapshot.conf = good.data;
    m.snapshot.conf_size = good.size;
    m.snapshot.index = 0;
    net_say(&net, &m);
    m.snapshot.index = 9;
    m.snapshot.term = 0;
    net_say(&net, &m);
    assert_string_equal(net_journal(&net, 1), "");
    assert_false(engine_installing(net_engine(&net, 1)));
    assert_int_equal(net_node(&net, 1)->fatals, 0);
    net_close(&net);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(w1_a_message_of_an_older_term_gets_a_plain_refusal),
        cmocka_unit_test(w1_a_snapshot_of_an_older_term_gets_a_plain_refusal),
        cmocka_unit_test(w1_an_answer_to_an_older_leadership_commits_nothing),
        cmocka_unit_test(w2_a_change_in_the_middle_of_a_message_is_known_by_its_own_index),
        cmocka_unit_test(w2_a_leader_that_got_a_change_in_a_batch_can_change_again),
        cmocka_unit_test(w2_a_second_change_proves_the_first_one_committed),
        cmocka_unit_test(w2_a_change_that_does_not_fit_proves_nothing),
        cmocka_unit_test(w2_a_change_that_was_applied_before_the_start_is_committed),
        cmocka_unit_test(w2_a_change_that_arrives_during_an_install_waits_like_any_entry),
        cmocka_unit_test(w3_a_write_whose_entries_were_truncated_meanwhile_is_not_reported),
        cmocka_unit_test(w3_the_part_of_a_write_that_is_still_there_is_reported),
        cmocka_unit_test(w3_entries_that_a_waiting_write_takes_away_first_are_not_durable),
        cmocka_unit_test(w3_nothing_is_reported_while_a_snapshot_is_installed),
        cmocka_unit_test(w3_a_write_and_the_install_behind_it_may_be_reported_at_once),
        cmocka_unit_test(w4_a_message_from_the_very_beginning_meets_a_compacted_log),
        cmocka_unit_test(w4_every_place_before_the_snapshot_is_accepted),
        cmocka_unit_test(w4_a_heartbeat_before_the_log_is_accepted),
        cmocka_unit_test(w5_a_late_refusal_does_not_starve_a_follower),
        cmocka_unit_test(w6_the_commit_index_never_goes_back),
        cmocka_unit_test(w6_libraft_does_not_forget_what_is_committed),
        cmocka_unit_test(w8_a_silent_non_voter_votes_by_the_log_of_the_candidate),
        cmocka_unit_test(w8_a_non_voter_answers_pre_votes_and_writes_nothing),
        cmocka_unit_test(w8_a_non_voter_with_the_better_log_does_not_vote),
        cmocka_unit_test(w8_a_non_voter_that_hears_a_leader_does_not_vote),
        cmocka_unit_test(w8_a_non_voter_does_not_vote_during_an_install),
        cmocka_unit_test(w8_a_write_that_ends_after_the_leader_was_given_up_answers_nobody),
        cmocka_unit_test(w8_a_cluster_whose_newest_voter_does_not_know_it_finds_a_leader),
        cmocka_unit_test(w9_a_denied_pre_vote_tells_the_newer_term),
        cmocka_unit_test(w9_the_better_log_in_the_lower_term_wins_in_the_end),
        cmocka_unit_test(w9_who_votes_in_a_new_term_has_no_leader_any_more),
        cmocka_unit_test(w9_a_candidate_that_lost_asks_before_it_raises_the_term_again),
        cmocka_unit_test(w9_the_result_of_a_vote_is_for_candidates_only),
        cmocka_unit_test(w13_a_second_snapshot_during_an_install_is_dropped),
        cmocka_unit_test(w13_a_snapshot_that_is_no_news_is_answered_and_not_installed),
        cmocka_unit_test(w13_an_own_snapshot_that_was_overtaken_is_given_up),
        cmocka_unit_test(w14_a_late_grant_of_a_pre_vote_is_no_vote),
        cmocka_unit_test(w15_a_malformed_membership_on_disk_is_fatal),
        cmocka_unit_test(w15_a_malformed_membership_that_is_not_the_newest_is_fatal_too),
        cmocka_unit_test(w15_a_malformed_membership_of_the_snapshot_on_disk_is_fatal),
        cmocka_unit_test(w15_an_overwritten_committed_entry_is_fatal),
        cmocka_unit_test(w15_a_malformed_message_of_a_peer_is_dropped_whole),
        cmocka_unit_test(w15_a_snapshot_with_a_malformed_membership_is_dropped),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
