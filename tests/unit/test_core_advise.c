/* tests/unit/test_core_advise.c - who is asked for advice, when, and what becomes of it.
 *
 * Whatever a test does, an advisor must only ever be asked on a leader that has applied the first
 * entry of its own term, and not while its last command is under way: advise() looks each time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "proto/kv_codec.h"
#include "tests/lib/core_kit.h"

struct advisor {
    unsigned asked;
    uint64_t term;  /* when it was asked last */
    uint64_t key;   /* its next command puts it; 0: none */
    bool under_way; /* its command */
    unsigned told;  /* of the end of one */
    int status;     /* of the last */
    uint64_t index;
    uint64_t again_ms;
};

/* One of each node, and how many proposals each may have. */
struct council {
    struct advisor of[CK_NODES + 1];
    uint32_t queue_max;
};

static uint64_t advise(void *ctx, const struct core_view *view, struct buf *command)
{
    struct advisor *a = ctx;
    const struct engine *e = core_engine(view->core);
    MUST(engine_role(e) == ENGINE_LEADER);
    MUST(engine_established_at(e) != 0);
    MUST(core_applied(view->core) >= engine_established_at(e));
    MUST(view->term == engine_term(e));
    MUST(view->members->count > 0);
    MUST(!a->under_way);
    a->asked++;
    a->term = view->term;
    if (a->key != 0) {
        char text[2] = {(char)a->key, '\0'};
        struct kv_command put = {
            .kind = KV_OP,
            .system = true,
            .op = {.kind = KV_OP_PUT, .put = {.key = kv_text(text), .value = kv_text("advice")}}};
        int code = kv_command_encode(&put, command, NULL);
        MUST(code == 0);
        a->key = 0;
        a->under_way = true;
    }
    return a->again_ms;
}

static void advised(void *ctx, const struct core_done *done)
{
    struct advisor *a = ctx;
    MUST(a->under_way);
    a->under_way = false;
    a->told++;
    a->status = done->status;
    a->index = done->index;
    MUST((done->result.size > 0) == (done->status == 0));
}

static void tune(struct core_settings *settings, void *ctx)
{
    struct council *council = ctx;
    settings->advisor = (struct core_advisor){
        .advise = advise, .advised = advised, .ctx = &council->of[settings->id]};
    settings->propose_queue_max = council->queue_max;
}

static void open_council(struct core_kit *kit, struct council *council, const char *roles)
{
    *council = (struct council){.queue_max = 100};
    ck_prepare(kit, roles);
    kit->tune = tune;
    kit->tune_ctx = council;
    for (size_t i = 0; roles[i] != '\0'; i++) {
        ck_boot(kit, i + 1);
    }
}

static void publish(struct core_kit *kit, uint64_t id, const char *text)
{
    assert_int_equal(core_publish(ck_core(kit, id), kit->now_ms, text, strlen(text)), 0);
    ck_turn(kit, id);
}

static void the_leader_is_asked_at_its_beginning_and_when_something_changed(void **state)
{
    (void)state;
    struct core_kit kit;
    struct council council;
    open_council(&kit, &council, "vvv");
    uint64_t leader = ck_elect(&kit);
    uint64_t other = leader % 3 + 1;
    ck_run(&kit, 5 * CK_BEAT_MS);
    struct advisor *a = &council.of[leader];
    assert_true(a->asked > 0);
    unsigned asked = a->asked;
    ck_run(&kit, 50 * CK_BEAT_MS);
    assert_int_equal(a->asked, asked); /* nothing has changed */
    (void)ck_put(&kit, leader, "a", "1");
    ck_settle(&kit);
    assert_int_equal(a->asked, asked + 1);
    publish(&kit, leader, "own");
    assert_int_equal(a->asked, asked + 2);
    publish(&kit, other, "other");
    ck_run(&kit, 10 * CK_BEAT_MS);
    assert_int_equal(a->asked, asked + 3);
    publish(&kit, other, "other"); /* the same again */
    ck_run(&kit, 10 * CK_BEAT_MS);
    assert_int_equal(a->asked, asked + 3);
    for (uint64_t id = 1; id <= 3; id++) {
        assert_true(id == leader || council.of[id].asked == 0);
    }
    ck_close(&kit);
}

static void its_command_is_applied_and_it_is_told(void **state)
{
    (void)state;
    struct core_kit kit;
    struct council council;
    open_council(&kit, &council, "vvv");
    uint64_t leader = ck_elect(&kit);
    ck_run(&kit, CK_BEAT_MS);
    struct advisor *a = &council.of[leader];
    a->key = 'k';
    publish(&kit, leader, "news");
    ck_run(&kit, 2 * CK_BEAT_MS);
    assert_int_equal(a->told, 1);
    assert_int_equal(a->status, 0);
    assert_int_equal(a->index, core_applied(ck_core(&kit, leader)));
    for (uint64_t id = 1; id <= 3; id++) {
        assert_true(ck_has(&kit, id, "k", "advice"));
    }
    ck_close(&kit);
}

static void nobody_is_asked_while_a_command_is_under_way(void **state)
{
    (void)state;
    struct core_kit kit;
    struct council council;
    open_council(&kit, &council, "vvv");
    uint64_t leader = ck_elect(&kit);
    ck_run(&kit, CK_BEAT_MS);
    struct advisor *a = &council.of[leader];
    ck_node(&kit, leader % 3 + 1)->disk_stopped = true;
    ck_node(&kit, (leader + 1) % 3 + 1)->disk_stopped = true;
    a->again_ms = CK_BEAT_MS;
    a->key = 'k';
    publish(&kit, leader, "news");
    unsigned asked = a->asked;
    a->key = 'l';
    publish(&kit, leader, "more news");
    ck_run(&kit, 4 * CK_BEAT_MS);
    assert_int_equal(a->asked, asked);
    assert_int_equal(a->told, 0);
    ck_node(&kit, leader % 3 + 1)->disk_stopped = false;
    ck_node(&kit, (leader + 1) % 3 + 1)->disk_stopped = false;
    ck_run(&kit, 2 * CK_BEAT_MS);
    assert_int_equal(a->told, 2);
    assert_true(ck_has(&kit, leader, "k", "advice"));
    assert_true(ck_has(&kit, leader, "l", "advice"));
    ck_close(&kit);
}

static void the_next_leader_is_asked_and_the_last_one_told_that_nobody_knows(void **state)
{
    (void)state;
    struct core_kit kit;
    struct council council;
    open_council(&kit, &council, "vvv");
    uint64_t last = ck_elect(&kit);
    ck_run(&kit, CK_BEAT_MS);
    struct advisor *a = &council.of[last];
    uint64_t term = a->term;
    ck_node(&kit, last)->cut_off = true;
    a->key = 'k';
    publish(&kit, last, "news");
    assert_true(a->under_way);
    uint64_t leader = ck_elect(&kit);
    ck_run(&kit, CK_BEAT_MS);
    assert_int_not_equal(leader, last);
    assert_true(council.of[leader].asked > 0);
    assert_true(council.of[leader].term > term);
    ck_node(&kit, last)->cut_off = false;
    ck_run(&kit, 5 * CK_BEAT_MS);
    assert_int_equal(a->told, 1);
    assert_int_equal(a->status, ERR_LOST_LEADER);
    assert_true(ck_has(&kit, leader, "k", NULL));
    ck_lead(&kit, last); /* and is asked again when it leads again */
    ck_run(&kit, CK_BEAT_MS);
    assert_true(a->term > council.of[leader].term);
    ck_close(&kit);
}

static void it_is_asked_again_when_it_wanted_to_be(void **state)
{
    (void)state;
    struct core_kit kit;
    struct council council;
    open_council(&kit, &council, "vvv");
    uint64_t leader = ck_elect(&kit);
    ck_run(&kit, 20 * CK_BEAT_MS);
    struct advisor *a = &council.of[leader];
    a->again_ms = 250;
    publish(&kit, leader, "news");
    unsigned asked = a->asked;
    ck_run(&kit, 249);
    assert_int_equal(a->asked, asked);
    ck_run(&kit, 1);
    assert_int_equal(a->asked, asked + 1);
    ck_run(&kit, 2500);
    assert_int_equal(a->asked, asked + 11);
    ck_close(&kit);
}

static void one_whose_commands_are_refused_is_asked_in_the_rhythm_of_heartbeats(void **state)
{
    (void)state;
    struct core_kit kit;
    struct council council;
    open_council(&kit, &council, "v");
    council.queue_max = 0;
    ck_crash(&kit, 1);
    ck_boot(&kit, 1);
    (void)ck_elect(&kit);
    ck_run(&kit, 20 * CK_BEAT_MS);
    struct advisor *a = &council.of[1];
    a->key = 'k';
    publish(&kit, 1, "news");
    unsigned asked = a->asked;
    for (unsigned beats = 1; beats <= 10; beats++) {
        a->key = 'k';
        ck_run(&kit, CK_BEAT_MS + 2);
        assert_int_equal(a->status, ERR_BUSY);
        assert_in_range(a->asked, asked + 1, asked + beats);
    }
    ck_close(&kit);
}

/* Its advisor wanted to be asked long ago; that is no reason to look every millisecond. */
static void a_leader_that_is_not_established_yet_waits_without_haste(void **state)
{
    (void)state;
    struct core_kit kit;
    struct council council;
    open_council(&kit, &council, "vvv");
    for (uint64_t id = 1; id <= 3; id++) {
        council.of[id].again_ms = 20;
    }
    ck_lead(&kit, 1);
    ck_run(&kit, 5 * CK_BEAT_MS);
    ck_lead(&kit, 2);
    ck_run(&kit, 5 * CK_BEAT_MS);
    for (uint64_t id = 1; id <= 3; id++) {
        ck_node(&kit, id)->disk_ms = 30;
    }
    assert_int_equal(core_transfer(ck_core(&kit, 2), kit.now_ms, 1, NULL), 0);
    ck_turn(&kit, 2);
    const struct engine *e = core_engine(ck_core(&kit, 1));
    for (unsigned i = 0; i < 1000 && engine_role(e) != ENGINE_LEADER; i++) {
        ck_run(&kit, 1);
    }
    assert_int_equal(engine_role(e), ENGINE_LEADER);
    assert_false(engine_is_established(e));
    assert_true(core_next_tick_ms(ck_core(&kit, 1), kit.now_ms) > kit.now_ms + 1);
    ck_close(&kit);
}

/* The others have its first entry, so it is committed; its own disk does not have it yet. */
static void a_leader_that_has_not_applied_what_is_committed_is_not_asked(void **state)
{
    (void)state;
    struct core_kit kit;
    struct council council;
    open_council(&kit, &council, "vvv");
    ck_lead(&kit, 2);
    ck_run(&kit, 5 * CK_BEAT_MS);
    unsigned asked = council.of[1].asked;
    ck_node(&kit, 1)->disk_ms = 30;
    assert_int_equal(core_transfer(ck_core(&kit, 2), kit.now_ms, 1, NULL), 0);
    ck_turn(&kit, 2);
    const struct engine *e = core_engine(ck_core(&kit, 1));
    for (unsigned i = 0; i < 1000 && engine_role(e) != ENGINE_LEADER; i++) {
        ck_run(&kit, 1);
    }
    ck_node(&kit, 1)->disk_stopped = true;
    ck_run(&kit, 2 * CK_BEAT_MS);
    assert_int_equal(engine_role(e), ENGINE_LEADER);
    assert_int_equal(council.of[1].asked, asked);
    ck_node(&kit, 1)->disk_stopped = false;
    ck_run(&kit, 2 * CK_BEAT_MS);
    assert_int_equal(council.of[1].asked, asked + 1);
    ck_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_leader_is_asked_at_its_beginning_and_when_something_changed),
        cmocka_unit_test(its_command_is_applied_and_it_is_told),
        cmocka_unit_test(nobody_is_asked_while_a_command_is_under_way),
        cmocka_unit_test(the_next_leader_is_asked_and_the_last_one_told_that_nobody_knows),
        cmocka_unit_test(it_is_asked_again_when_it_wanted_to_be),
        cmocka_unit_test(one_whose_commands_are_refused_is_asked_in_the_rhythm_of_heartbeats),
        cmocka_unit_test(a_leader_that_is_not_established_yet_waits_without_haste),
        cmocka_unit_test(a_leader_that_has_not_applied_what_is_committed_is_not_asked),
    };
    return cmocka_run_group_tests_name("core_advise", tests, NULL, NULL);
}
