/* tests/unit/test_core_admit.c - nodes that ask for their place in a cluster, and operators who
 * take it away (safety D4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "consensus/peer_memory.h"
#include "proto/kv_codec.h"
#include "tests/lib/core_kit.h"

struct world {
    struct core_kit kit;
    unsigned int name[CK_NODES + 1]; /* node 4 may be the new "pg2" */
    bool no_vote[CK_NODES + 1];
    unsigned int voters_max;
};

static void describe(const struct world *w, uint64_t id, struct member_info *out)
{
    memset(out, 0, sizeof(*out));
    out->id = id;
    out->kind = MEMBER_DATABASE;
    (void)snprintf(out->name, sizeof(out->name), "pg%u", w->name[id]);
    (void)snprintf(out->address, sizeof(out->address), "10.0.0.%u:7400", (unsigned)id);
}

static void tune(struct core_settings *settings, void *ctx)
{
    const struct world *w = ctx;
    describe(w, settings->id, &settings->me);
    settings->wants_vote = !w->no_vote[settings->id];
    settings->voters_max = w->voters_max;
    settings->replace_after_ms = 0; /* the ten seconds that are always waited (safety D4) */
}

/* The members have told their names. */
static void open_world(struct world *w, const char *roles)
{
    *w = (struct world){.voters_max = 7};
    for (unsigned int id = 1; id <= CK_NODES; id++) {
        w->name[id] = id;
    }
    ck_prepare(&w->kit, roles);
    w->kit.tune = tune;
    w->kit.tune_ctx = w;
    for (size_t i = 0; roles[i] != '\0'; i++) {
        ck_boot(&w->kit, i + 1);
    }
    (void)ck_elect(&w->kit);
    ck_run(&w->kit, 10 * CK_ELECTION_MS);
}

static void hear_of_a_leader(struct core_kit *kit, uint64_t node, uint64_t leader)
{
    struct peer_message hello = {.kind = PEER_HELLO,
                                 .from = leader,
                                 .to = node,
                                 .life = peer_life(1, 1),
                                 .hello = {.name = "pg1"}};
    ck_say(kit, &hello);
    ck_tick(kit, node, CK_ELECTION_MS);
    ck_finish(kit, node, SIZE_MAX);
    struct peer_message beat = {.kind = PEER_APPEND,
                                .from = leader,
                                .to = node,
                                .life = hello.life,
                                .term = 2,
                                .stamp = {.term = 2, .round = 1},
                                .append = {.prev_index = 9, .prev_term = 1}};
    ck_say(kit, &beat);
    ck_finish(kit, node, SIZE_MAX);
    assert_int_equal(engine_leader(core_engine(ck_core(kit, node))), leader);
}

/* The leader that it knows may be one of long ago, and whoever it knows besides may be gone, too.
 */
static void who_has_no_place_asks_everybody_it_knows(void **state)
{
    (void)state;
    struct world w = {.voters_max = 7};
    ck_prepare(&w.kit, "vvvv-");
    w.kit.tune = tune;
    w.kit.tune_ctx = &w;
    w.name[5] = 5;
    ck_boot(&w.kit, 5);
    ck_finish(&w.kit, 5, SIZE_MAX);
    for (uint64_t id = 1; id <= 4; id++) {
        core_greet(ck_core(&w.kit, 5), w.kit.now_ms, id);
    }
    ck_turn(&w.kit, 5);
    hear_of_a_leader(&w.kit, 5, 1);
    unsigned asked[5] = {0};
    for (int i = 0; i < 64; i++) {
        ck_drop(&w.kit);
        ck_tick(&w.kit, 5, CK_ELECTION_MS);
        for (uint64_t id = 1; id <= 4; id++) {
            asked[id] += ck_take(&w.kit, PEER_JOIN, id) != NULL ? 1 : 0;
        }
    }
    for (uint64_t id = 1; id <= 4; id++) {
        assert_true(asked[id] > 0);
    }
    assert_true(asked[1] > asked[2] + asked[3] + asked[4]); /* but mostly the leader */
    ck_close(&w.kit);
}

/* A blank node, which knows the way to @contact. */
static void newcomer(struct world *w, uint64_t id, unsigned int name, uint64_t contact)
{
    w->name[id] = name;
    ck_boot(&w->kit, id);
    core_greet(ck_core(&w->kit, id), w->kit.now_ms, contact);
    ck_turn(&w->kit, id);
}

static const struct engine *leader_engine(struct world *w)
{
    return core_engine(ck_core(&w->kit, ck_elect(&w->kit)));
}

/* 'v', 's', 'p', or '-' for each id. */
static const char *roles_now(struct world *w)
{
    static char text[CK_NODES + 1];
    memset(text, '-', CK_NODES);
    struct members members;
    engine_members(leader_engine(w), &members);
    for (size_t i = 0; i < members.count; i++) {
        text[members.at[i].id - 1] = "svp"[members.at[i].role];
    }
    return text;
}

static void expect_reason(struct world *w, uint64_t id, const char *text)
{
    struct err err = {0};
    (void)core_joined(ck_core(&w->kit, id), &err);
    if (strstr(err.msg, text) == NULL) {
        fail_msg("\"%s\", not \"%s\"", err.msg, text);
    }
}

static int operator_asks(struct world *w, enum join_wish wish, uint64_t subject, struct err *err)
{
    struct peer_join join = {.subject = subject, .wish = (uint8_t)wish, .text = ""};
    uint64_t leader = ck_elect(&w->kit);
    int code = core_admit(ck_core(&w->kit, leader), w->kit.now_ms, &join, err);
    ck_turn(&w->kit, leader);
    return code;
}

/* Until it is done. */
static void operator_gets(struct world *w, enum join_wish wish, uint64_t subject)
{
    int code = 0;
    for (int i = 0; i < 100 && code != 1; i++) {
        code = operator_asks(w, wish, subject, NULL);
        ck_run(&w->kit, CK_BEAT_MS);
    }
    assert_int_equal(code, 1);
}

/* --- joining --- */

static void a_new_node_becomes_a_voter(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "vvv");
    (void)ck_put(&w.kit, ck_elect(&w.kit), "a", "1");
    newcomer(&w, 4, 4, ck_elect(&w.kit) % 3 + 1); /* not the leader: the wish is passed on */
    ck_run(&w.kit, 10 * CK_ELECTION_MS);
    assert_string_equal(roles_now(&w), "vvvv---");
    assert_true(core_joined(ck_core(&w.kit, 4), NULL));
    assert_true(ck_has(&w.kit, 4, "a", "1"));
    uint64_t asked = w.kit.sent[PEER_JOIN];
    ck_run(&w.kit, 60000);
    assert_int_equal(w.kit.sent[PEER_JOIN], asked);
    ck_close(&w.kit);
}

static void beyond_the_most_voters_it_waits_for_a_vote(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "vvv");
    w.voters_max = 3;
    for (uint64_t id = 1; id <= 3; id++) {
        ck_crash(&w.kit, id);
        ck_boot(&w.kit, id);
    }
    newcomer(&w, 4, 4, 1);
    ck_run(&w.kit, 20 * CK_ELECTION_MS);
    assert_string_equal(roles_now(&w), "vvvs---");
    expect_reason(&w, 4, "waits for a vote");
    uint64_t victim = ck_elect(&w.kit);
    operator_gets(&w, JOIN_OUT, victim);
    ck_run(&w.kit, 50 * CK_ELECTION_MS);
    char expected[] = "vvvv---";
    expected[victim - 1] = '-';
    assert_string_equal(roles_now(&w), expected);
    ck_close(&w.kit);
}

static void a_node_that_wants_no_vote_gets_none(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "vvv");
    w.no_vote[4] = true;
    newcomer(&w, 4, 4, 1);
    ck_run(&w.kit, 20 * CK_ELECTION_MS);
    assert_string_equal(roles_now(&w), "vvvs---");
    assert_true(core_joined(ck_core(&w.kit, 4), NULL));
    ck_close(&w.kit);
}

/* --- replacing --- */

static void a_name_in_use_is_refused_with_the_reason(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "vvv");
    ck_lead(&w.kit, 1);
    newcomer(&w, 4, 2, 1);
    ck_run(&w.kit, 30000);
    assert_string_equal(roles_now(&w), "vvv----");
    expect_reason(&w, 4, "name pg2 is in use by 10.0.0.2:7400 (last contact 0.");
    ck_close(&w.kit);
}

static void a_member_that_is_gone_is_replaced(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "vvv");
    ck_lead(&w.kit, 1);
    ck_crash(&w.kit, 2);
    newcomer(&w, 4, 2, 3);
    ck_run(&w.kit, 9000);
    assert_string_equal(roles_now(&w), "vvv----");
    expect_reason(&w, 4, "it is replaced after 10.0 s without contact");
    ck_run(&w.kit, 10000);
    assert_string_equal(roles_now(&w), "v-vv---");
    ck_boot(&w.kit, 2);
    ck_run(&w.kit, 4 * CK_ELECTION_MS);
    assert_int_equal(core_refused(ck_core(&w.kit, 2), NULL), CORE_REMOVED);
    ck_close(&w.kit);
}

/* The one before does not come back; whoever leads goes on with what was begun. */
static void a_replacement_goes_on_under_another_leader(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "vvvvv");
    ck_lead(&w.kit, 1);
    ck_crash(&w.kit, 2);
    newcomer(&w, 6, 2, 3);
    for (int i = 0; i < 2000 && strcmp(roles_now(&w), "vvvvv--") == 0; i++) {
        ck_run(&w.kit, 10);
    }
    assert_string_equal(roles_now(&w), "vvvvvp-");
    ck_crash(&w.kit, 1);
    ck_run(&w.kit, 9000); /* the next leader waits as long, on its own clock */
    assert_int_equal(roles_now(&w)[1], 'v');
    ck_run(&w.kit, 15000);
    assert_string_equal(roles_now(&w), "v-vvvv-");
    ck_close(&w.kit);
}

static void an_operator_skips_the_wait(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "vvv");
    ck_lead(&w.kit, 1);
    ck_crash(&w.kit, 2);
    newcomer(&w, 4, 2, 1);
    ck_run(&w.kit, 3 * CK_ELECTION_MS);
    struct member_info info;
    char text[MEMBER_TEXT_SIZE];
    describe(&w, 4, &info);
    struct peer_join join = {.subject = 4,
                             .wish = JOIN_IN,
                             .wants_vote = true,
                             .at_once = true,
                             .text = member_info_encode(&info, text)};
    int code = 0;
    for (int i = 0; i < 20 && code != 1; i++) {
        code = core_admit(ck_core(&w.kit, 1), w.kit.now_ms, &join, NULL);
        ck_turn(&w.kit, 1);
        ck_run(&w.kit, CK_BEAT_MS);
    }
    assert_int_equal(code, 1);
    assert_string_equal(roles_now(&w), "v-vv---");
    ck_close(&w.kit);
}

static void a_holder_of_a_lease_is_not_replaced(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "vvv");
    ck_lead(&w.kit, 1);
    struct kv_command grant = {
        .kind = KV_OP,
        .op = {.kind = KV_OP_LEASE, .grant = {.id = 7, .ttl_ms = 30000, .holder = 2}}};
    uint64_t granted = ck_command(&w.kit, 1, &grant);
    ck_run(&w.kit, CK_BEAT_MS);
    assert_int_equal(ck_status(&w.kit, granted), 0);
    ck_crash(&w.kit, 2);
    newcomer(&w, 4, 2, 1);
    ck_run(&w.kit, 20000);
    assert_string_equal(roles_now(&w), "vvv----");
    expect_reason(&w, 4, "still holds a lease");
    ck_run(&w.kit, 20000);
    assert_string_equal(roles_now(&w), "v-vv---");
    ck_close(&w.kit);
}

/* --- taking away --- */

static void a_leader_that_is_removed_hands_over_first(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "vvvv");
    ck_lead(&w.kit, 2);
    operator_gets(&w, JOIN_OUT, 2);
    assert_string_equal(roles_now(&w), "v-vv---");
    ck_run(&w.kit, 4 * CK_ELECTION_MS);
    assert_int_equal(core_refused(ck_core(&w.kit, 2), NULL), CORE_REMOVED);
    ck_close(&w.kit);
}

/* It asks for its place all the time, and does not know that it had one. */
static void a_spare_that_is_removed_stays_out(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "vvv");
    newcomer(&w, 4, 4, 1);
    for (int i = 0; i < 1000 && strcmp(roles_now(&w), "vvvp---") != 0; i++) {
        ck_run(&w.kit, 10);
    }
    operator_gets(&w, JOIN_OUT, 4);
    ck_run(&w.kit, 20 * CK_ELECTION_MS);
    assert_string_equal(roles_now(&w), "vvv----");
    assert_int_equal(core_refused(ck_core(&w.kit, 4), NULL), CORE_REMOVED);
    ck_close(&w.kit);
}

/* A transfer to it was begun and given up, and the message that says so reaches it only now. */
static void who_was_removed_is_not_elected_in_the_leaders_name(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "vvvv");
    ck_lead(&w.kit, 1);
    ck_run(&w.kit, CK_BEAT_MS);
    ck_node(&w.kit, 4)->cut_off = true;
    operator_gets(&w, JOIN_OUT, 4);
    ck_run(&w.kit, CK_BEAT_MS);
    ck_node(&w.kit, 4)->cut_off = false;
    uint64_t term = engine_term(leader_engine(&w));
    struct peer_message call = {.kind = PEER_TIMEOUT_NOW, .from = 1, .to = 4, .term = term};
    const struct engine *theirs = core_engine(ck_core(&w.kit, 4));
    call.timeout_now.last_index = engine_last(theirs);
    call.timeout_now.last_term = engine_entry_term(theirs, engine_last(theirs));
    ck_say(&w.kit, &call);
    ck_run(&w.kit, 4 * CK_ELECTION_MS);
    assert_int_equal(ck_leader(&w.kit), 1);
    assert_int_equal(engine_term(leader_engine(&w)), term);
    assert_int_equal(core_refused(ck_core(&w.kit, 4), NULL), CORE_REMOVED);
    ck_close(&w.kit);
}

static void a_demoted_member_stays_a_standby(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "vvvv");
    ck_lead(&w.kit, 2);
    operator_gets(&w, JOIN_DEMOTE, 2);
    assert_string_equal(roles_now(&w), "vsvv---");
    ck_run(&w.kit, 60000);
    assert_string_equal(roles_now(&w), "vsvv---");
    ck_close(&w.kit);
}

/* The look at its place, which a node that has it all takes now and then, comes too late to see a
 * vote that was given and taken away. */
static void a_vote_that_is_taken_away_at_once_stays_away(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "vvv");
    ck_lead(&w.kit, 1);
    newcomer(&w, 4, 4, 1);
    for (int i = 0; i < 1000 && strcmp(roles_now(&w), "vvvv---") != 0; i++) {
        ck_run(&w.kit, 10);
    }
    ck_run(&w.kit, CK_BEAT_MS);
    operator_gets(&w, JOIN_DEMOTE, 4);
    ck_run(&w.kit, 60000);
    assert_string_equal(roles_now(&w), "vvvs---");
    ck_close(&w.kit);
}

/* Its state table lags, and the log brings back the time when it had its vote. */
static void a_demoted_member_asks_again_after_its_next_start(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "vvvs");
    ck_lead(&w.kit, 1);
    ck_node(&w.kit, 2)->cut_off = true;
    ck_run(&w.kit, 4 * CK_ELECTION_MS);
    operator_gets(&w, JOIN_OUT, 4);
    operator_gets(&w, JOIN_DEMOTE, 2);
    w.no_vote[5] = true;
    newcomer(&w, 5, 5, 1);
    ck_run(&w.kit, 20 * CK_ELECTION_MS);
    assert_string_equal(roles_now(&w), "vsv-s--");
    ck_node(&w.kit, 2)->cut_off = false;
    const struct engine *theirs = core_engine(ck_core(&w.kit, 2));
    while (engine_stored(theirs) < engine_last(leader_engine(&w))) {
        ck_run(&w.kit, 1);
    }
    ck_crash(&w.kit, 2);
    ck_boot(&w.kit, 2);
    theirs = core_engine(ck_core(&w.kit, 2));
    struct members members;
    assert_true(core_applied(ck_core(&w.kit, 2)) < engine_committed_members(theirs, &members));
    ck_run(&w.kit, 30 * CK_ELECTION_MS);
    assert_string_equal(roles_now(&w), "vvv-s--");
    ck_close(&w.kit);
}

/* If it did, for the majority of those that are left, this change and every later one would never
 * be committed: at first the last change is missing on who is gone, then so is its contact. */
static void a_new_leader_does_not_count_who_is_gone(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "vvv");
    ck_lead(&w.kit, 1);
    ck_crash(&w.kit, 3);
    ck_run(&w.kit, 20 * CK_ELECTION_MS);
    ck_lead(&w.kit, 2);
    struct err err = {0};
    for (int i = 0; i < 300; i++) {
        ck_run(&w.kit, 10);
        assert_int_not_equal(operator_asks(&w, JOIN_OUT, 1, &err), 0);
    }
    assert_non_null(strstr(err.msg, "no majority"));
    uint64_t written = ck_put(&w.kit, ck_elect(&w.kit), "a", "1");
    ck_run(&w.kit, CK_ELECTION_MS);
    assert_int_equal(ck_status(&w.kit, written), 0);
    ck_close(&w.kit);
}

static void two_voters_stay_two(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "vv");
    struct err err = {0};
    uint64_t other = 3 - ck_elect(&w.kit);
    assert_int_equal(operator_asks(&w, JOIN_OUT, other, &err), ERR_REFUSED);
    assert_non_null(strstr(err.msg, "recover"));
    ck_close(&w.kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_node_becomes_a_voter),
        cmocka_unit_test(who_has_no_place_asks_everybody_it_knows),
        cmocka_unit_test(beyond_the_most_voters_it_waits_for_a_vote),
        cmocka_unit_test(a_node_that_wants_no_vote_gets_none),
        cmocka_unit_test(a_name_in_use_is_refused_with_the_reason),
        cmocka_unit_test(a_member_that_is_gone_is_replaced),
        cmocka_unit_test(a_replacement_goes_on_under_another_leader),
        cmocka_unit_test(an_operator_skips_the_wait),
        cmocka_unit_test(a_holder_of_a_lease_is_not_replaced),
        cmocka_unit_test(a_leader_that_is_removed_hands_over_first),
        cmocka_unit_test(a_spare_that_is_removed_stays_out),
        cmocka_unit_test(who_was_removed_is_not_elected_in_the_leaders_name),
        cmocka_unit_test(a_demoted_member_stays_a_standby),
        cmocka_unit_test(a_demoted_member_asks_again_after_its_next_start),
        cmocka_unit_test(a_vote_that_is_taken_away_at_once_stays_away),
        cmocka_unit_test(a_new_leader_does_not_count_who_is_gone),
        cmocka_unit_test(two_voters_stay_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
