/* tests/unit/test_core_events.c - what the core leaves for people: elections, members, refusals,
 * and two nodes with one name (safety D4: said on both sides). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "consensus/peer_memory.h"
#include "tests/lib/core_kit.h"

#define HALF_MINUTE UINT64_C(30000)

static unsigned int name_of_4 = 4;

static void named(struct core_settings *settings, void *ctx)
{
    (void)ctx;
    unsigned int id = (unsigned int)settings->id;
    settings->me = (struct member_info){.id = id, .kind = MEMBER_DATABASE};
    (void)snprintf(settings->me.name, sizeof(settings->me.name), "pg%u", id == 4 ? name_of_4 : id);
    (void)snprintf(settings->me.address, sizeof(settings->me.address), "10.0.0.%u:7400", id);
    settings->replace_after_ms = 0;
}

/* Of @kind, or of any with 0; how many there were, and the newest text. All are taken. */
static size_t take(struct core_kit *kit, uint64_t id, enum core_event_kind kind,
                   struct core_event *newest)
{
    struct core_event e;
    size_t count = 0;
    *newest = (struct core_event){0};
    while (core_next_event(ck_core(kit, id), &e)) {
        if (kind == 0 || e.kind == kind) {
            *newest = e;
            count++;
        }
    }
    return count;
}

static void forget_all(struct core_kit *kit, uint64_t nodes)
{
    struct core_event e;
    for (uint64_t id = 1; id <= nodes; id++) {
        (void)take(kit, id, 0, &e);
    }
}

static void open_named(struct core_kit *kit)
{
    ck_prepare(kit, "vvv");
    kit->tune = named;
    for (uint64_t id = 1; id <= 3; id++) {
        ck_boot(kit, id);
    }
    (void)ck_elect(kit);
    ck_run(kit, 10 * CK_ELECTION_MS);
    ck_lead(kit, 2); /* the first leader was elected before it had told its name */
    ck_lead(kit, 1);
    ck_run(kit, CK_BEAT_MS);
}

static void expect_text(const struct core_event *e, const char *text)
{
    if (strstr(e->text, text) == NULL) {
        fail_msg("\"%s\", not \"%s\"", e->text, text);
    }
}

static void elections_are_told(void **state)
{
    (void)state;
    struct core_kit kit;
    struct core_event e;
    open_named(&kit);
    assert_true(take(&kit, 1, CORE_EVENT_ROLE, &e) > 0);
    expect_text(&e, "this node leads the cluster in term");
    assert_int_equal(e.term, engine_term(core_engine(ck_core(&kit, 1))));
    assert_true(take(&kit, 2, CORE_EVENT_LEADER, &e) > 0);
    assert_int_equal(e.member, 1);
    expect_text(&e, "pg1 (10.0.0.1:7400) leads the cluster in term");
    ck_node(&kit, 1)->cut_off = true;
    ck_run(&kit, 10 * CK_ELECTION_MS);
    assert_int_equal(take(&kit, 1, 0, &e), 1);
    assert_int_equal(e.kind, CORE_EVENT_ROLE);
    expect_text(&e, "does not lead the cluster any more");
    ck_close(&kit);
}

static void a_leader_that_falls_silent_is_told_once(void **state)
{
    (void)state;
    struct core_kit kit;
    struct core_event e;
    open_named(&kit);
    forget_all(&kit, 3);
    ck_node(&kit, 3)->cut_off = true;
    ck_run(&kit, HALF_MINUTE);
    assert_int_equal(take(&kit, 3, 0, &e), 1);
    assert_int_equal(e.kind, CORE_EVENT_LEADER);
    assert_int_equal(e.member, 0);
    expect_text(&e, "no leader is heard of");
    ck_close(&kit);
}

static void an_idle_cluster_says_nothing(void **state)
{
    (void)state;
    struct core_kit kit;
    struct core_event e;
    open_named(&kit);
    forget_all(&kit, 3);
    ck_run(&kit, 4 * HALF_MINUTE);
    for (uint64_t id = 1; id <= 3; id++) {
        assert_int_equal(take(&kit, id, 0, &e), 0);
    }
    ck_close(&kit);
}

/* --- two nodes with one name --- */

static void a_name_in_use_is_told_on_both_sides(void **state)
{
    (void)state;
    struct core_kit kit;
    struct core_event e;
    open_named(&kit);
    forget_all(&kit, 3);
    name_of_4 = 2;
    ck_boot(&kit, 4);
    name_of_4 = 4;
    core_greet(ck_core(&kit, 4), kit.now_ms, 3);
    ck_turn(&kit, 4);
    ck_run(&kit, HALF_MINUTE);
    assert_int_equal(take(&kit, 1, CORE_EVENT_NAME_TAKEN, &e), 1);
    assert_int_equal(e.member, 4);
    expect_text(&e, "name pg2 is in use by 10.0.0.2:7400 (last contact 0.");
    expect_text(&e, ", and 10.0.0.4:7400 asks for it");
    assert_int_equal(take(&kit, 4, CORE_EVENT_NAME_TAKEN, &e), 1);
    assert_int_equal(e.member, 4);
    expect_text(&e, "name pg2 is in use by 10.0.0.2:7400 (last contact 0.");
    ck_run(&kit, 4 * HALF_MINUTE); /* and again, once a minute */
    assert_int_equal(take(&kit, 1, CORE_EVENT_NAME_TAKEN, &e), 2);
    assert_int_equal(take(&kit, 4, CORE_EVENT_NAME_TAKEN, &e), 2);
    ck_close(&kit);
}

/* --- members --- */

static void who_comes_and_goes_is_told(void **state)
{
    (void)state;
    struct core_kit kit;
    struct core_event e;
    open_named(&kit);
    forget_all(&kit, 3);
    ck_boot(&kit, 4);
    core_greet(ck_core(&kit, 4), kit.now_ms, 1);
    ck_turn(&kit, 4);
    ck_run(&kit, 10 * CK_ELECTION_MS);
    for (uint64_t id = 1; id <= 3; id++) {
        assert_int_equal(take(&kit, id, CORE_EVENT_MEMBERS, &e), 1);
        assert_int_equal(e.member, 4);
        expect_text(&e, "pg4 (10.0.0.4:7400) is a member now");
    }
    ck_crash(&kit, 4);
    ck_run(&kit, 4 * CK_ELECTION_MS);
    assert_int_equal(core_change(ck_core(&kit, 1), kit.now_ms, CHANGE_REMOVE, 4, NULL, NULL), 0);
    ck_turn(&kit, 1);
    ck_run(&kit, CK_ELECTION_MS);
    for (uint64_t id = 1; id <= 3; id++) {
        assert_int_equal(take(&kit, id, CORE_EVENT_MEMBERS, &e), 1);
        expect_text(&e, "pg4 (10.0.0.4:7400) was removed from the cluster");
    }
    ck_boot(&kit, 4);
    ck_run(&kit, 10 * CK_ELECTION_MS);
    assert_int_equal(take(&kit, 1, CORE_EVENT_REFUSED, &e), 1);
    assert_int_equal(e.member, 4);
    expect_text(&e, "node 0000000000000004 is refused: removed from the cluster");
    ck_close(&kit);
}

static void an_old_copy_is_told_once_a_minute(void **state)
{
    (void)state;
    struct core_kit kit;
    struct core_event e;
    open_named(&kit);
    forget_all(&kit, 3);
    struct peer_message old = {
        .kind = PEER_HELLO, .from = 2, .to = 1, .life = peer_life(9, 1), .hello = {.name = "pg2"}};
    for (int i = 0; i < 10; i++) {
        ck_say(&kit, &old);
    }
    assert_int_equal(take(&kit, 1, 0, &e), 1);
    assert_int_equal(e.kind, CORE_EVENT_REFUSED);
    expect_text(&e, "pg2 (10.0.0.2:7400) is refused: an old copy of the disk");
    ck_close(&kit);
}

/* --- the bound --- */

static void the_newest_are_kept(void **state)
{
    (void)state;
    struct core_kit kit;
    struct core_event e;
    open_named(&kit);
    forget_all(&kit, 3);
    for (uint64_t i = 0; i < 40; i++) {
        ck_lead(&kit, 2 + i % 2);
        ck_run(&kit, CK_BEAT_MS);
    }
    assert_true(core_next_event(ck_core(&kit, 1), &e));
    assert_in_range(e.missed, 1, 60);
    uint64_t before = e.term;
    size_t count = 1;
    while (core_next_event(ck_core(&kit, 1), &e)) {
        assert_int_equal(e.missed, 0);
        assert_true(e.term >= before);
        before = e.term;
        count++;
    }
    assert_in_range(count, 20, 40);
    assert_int_equal(before, engine_term(core_engine(ck_core(&kit, 1))));
    ck_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elections_are_told),
        cmocka_unit_test(a_leader_that_falls_silent_is_told_once),
        cmocka_unit_test(an_idle_cluster_says_nothing),
        cmocka_unit_test(a_name_in_use_is_told_on_both_sides),
        cmocka_unit_test(who_comes_and_goes_is_told),
        cmocka_unit_test(an_old_copy_is_told_once_a_minute),
        cmocka_unit_test(the_newest_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
