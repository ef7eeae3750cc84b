/* tests/unit/test_fence.c - a fenced node is asked, and never chosen; who fences it is not asked
 * what it says of itself. One row of docs/decisions/0015 each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/advisor.h"
#include "supervisor/fence.h"
#include "supervisor/proof.h"
#include "supervisor/source.h"
#include "supervisor/sync_set.h"
#include "tests/lib/facts_kit.h"

#define ORDER (KIT_EPOCH + 1)

static struct elect_facts facts;
static struct fence_book book;

/* pg1, the primary, is gone; pg2 and pg3 have answered the order. */
static int set_up(void **state)
{
    (void)state;
    memset(&facts, 0, sizeof(facts));
    memset(&book, 0, sizeof(book));
    facts.store = kit_store();
    facts.store.lease_stands = false;
    facts.store.order_epoch = ORDER;
    facts.settings = kit_settings();
    facts.order_age_ms = 100;
    facts.member_count = KIT_NODES;
    for (unsigned i = 0; i < KIT_NODES; i++) {
        facts.members[i] = kit_member(i + 1);
        facts.members[i].follows_epoch = facts.members[i].primary_epoch = 0;
        facts.members[i].sealed_epoch = i == 0 ? KIT_EPOCH : ORDER;
    }
    facts.members[0].is_fresh = false;
    return 0;
}

static void take(unsigned node, const char *text)
{
    struct facts_name name = kit_name(node);
    fence_take(&book, &name, text, text != NULL ? strlen(text) : 0);
}

static void fence(unsigned node)
{
    take(node, "{\"version\":1,\"by\":\"\",\"at\":\"\",\"why\":\"\"}");
    fence_mark_all(&book, facts.members, facts.member_count);
}

/* ---- the grant ---- */

static void who_is_fenced_is_not_chosen(void **state)
{
    (void)state;
    facts.members[1].failover_priority = 9;
    assert_int_equal(elect(&facts).chosen, 1);
    fence(2);
    struct election e = elect(&facts);
    assert_int_equal(e.action, ELECT_GRANT);
    assert_int_equal(e.chosen, 2);
}

static void an_operators_wish_does_not_lift_a_fence(void **state)
{
    (void)state;
    facts.wanted = kit_name(2);
    assert_int_equal(elect(&facts).chosen, 1);
    fence(2);
    assert_int_equal(elect(&facts).chosen, 2);
}

static void a_cluster_does_not_begin_with_a_fenced_node(void **state)
{
    (void)state;
    facts.store.initialized = FACT_NO;
    facts.members[0].is_fresh = true;
    for (unsigned i = 0; i < KIT_NODES; i++) {
        facts.members[i].has_data = false;
    }
    assert_int_equal(elect(&facts).chosen, 0);
    fence(1);
    assert_int_equal(elect(&facts).chosen, 1);
    fence(2);
    fence(3);
    assert_string_equal(elect(&facts).rule, "nobody-begins");
}

static void the_last_candidate_is_not_unfenced_by_an_election(void **state)
{
    (void)state;
    char text[VIEW_ELECTION_SIZE];
    facts.order_age_ms = 3600000;
    fence(2);
    fence(3);
    struct election e = elect(&facts);
    assert_int_equal(e.action, ELECT_WAIT);
    elect_explain(&facts, &e, text, sizeof(text));
    assert_non_null(strstr(text, "; fenced by an operator: pg2, pg3"));
}

/* ---- what a fenced copy has: asked, not chosen (safety C4) ---- */

/* Commits of before the fence may be on the primary and on pg2 alone. The worst mistake here is an
 * election that does not look at pg2, and takes the rest for all there is. */
static void c4_what_only_a_fenced_copy_has_is_missed(void **state)
{
    (void)state;
    char text[VIEW_ELECTION_SIZE];
    facts.order_age_ms = 3600000;
    facts.members[1].end.lsn += 100;
    fence(2);
    struct election e = elect(&facts);
    assert_int_equal(e.action, ELECT_WAIT);
    assert_true(e.floor.is_known && e.floor.lsn == KIT_LSN + 100);
    assert_true((e.answers & 2U) != 0);
    elect_explain(&facts, &e, text, sizeof(text));
    assert_non_null(strstr(text, "fenced by an operator: pg2"));
    facts.members[2].end.lsn += 100; /* pg3 had it, too */
    e = elect(&facts);
    assert_int_equal(e.action, ELECT_GRANT);
    assert_int_equal(e.chosen, 2);
    assert_int_equal(e.loss, LOSS_NONE);
}

static void c4_a_fenced_copy_completes_the_proof(void **state)
{
    (void)state;
    facts.order_age_ms = 3600000;
    fence(2);
    assert_int_equal(elect(&facts).action, ELECT_GRANT); /* pg3, by the answers of both */
    facts.members[1].sealed_epoch = KIT_EPOCH;           /* pg2 does not answer */
    assert_string_equal(elect(&facts).rule, "unproven");
}

static void c4_who_is_waited_for_is_waited_for_fenced_or_not(void **state)
{
    (void)state;
    facts.members[1].sealed_epoch = KIT_EPOCH;
    assert_string_equal(elect(&facts).rule, "window");
    fence(2);
    struct election e = elect(&facts);
    assert_string_equal(e.rule, "window");
    assert_true((e.waits_for & 2U) != 0);
}

/* Nobody hands the role on in the hope of a node that may not take it. */
static void c4_a_fenced_copy_is_nobodys_successor(void **state)
{
    (void)state;
    const struct sync_value sync = kit_store().sync;
    struct member_facts members[KIT_NODES];
    for (unsigned i = 0; i < KIT_NODES; i++) {
        members[i] = kit_member(i + 1);
    }
    assert_true(proof_is_foreseen(&sync, members, KIT_NODES, KIT_EPOCH));
    fence_mark(&members[1]);
    assert_false(proof_is_foreseen(&sync, members, KIT_NODES, KIT_EPOCH));
    assert_true(proof_would_hold(&sync, members, KIT_NODES, KIT_EPOCH));
}

/* ---- what others make of it ---- */

static void commits_do_not_wait_for_a_fenced_node(void **state)
{
    (void)state;
    struct facts f;
    struct sync_set goal;
    kit_primary(&f);
    fence(2);
    fence_mark_all(&book, f.members, f.member_count);
    assert_true(sync_goal(&f, &goal));
    assert_int_equal(goal.count, 1);
    assert_string_equal(goal.at[0].name.text, "pg3");
    struct sync_plan plan = sync_plan(&f); /* in the order of all changes of the set */
    assert_int_equal(plan.step, SYNC_STEP_PUBLISH);
    assert_int_equal(plan.publish.count, 2);
}

static void the_only_one_that_a_strict_mode_waits_for_stays_in_the_set(void **state)
{
    (void)state;
    struct facts f;
    kit_primary(&f);
    f.settings.sync_strict = true;
    fence(2);
    fence(3);
    fence_mark_all(&book, f.members, f.member_count);
    assert_int_equal(sync_plan(&f).step, SYNC_STEP_WAIT);
}

static void it_is_no_source_of_clones(void **state)
{
    (void)state;
    struct member_facts m = kit_member(2);
    m.clonefrom = true;
    fence_mark(&m);
    assert_false(m.clonefrom);
    assert_true(m.has_data && m.sealed_epoch == 0 &&
                m.end.is_known); /* what it has is not touched */
}

/* ---- the row ---- */

static void that_it_is_there_says_everything(void **state)
{
    (void)state;
    static const char *const spoilt[] = {"", "{", "{\"version\":9}", "null", "\xff"};
    for (size_t i = 0; i < ARRAY_LEN(spoilt); i++) {
        take(2, spoilt[i]);
        struct facts_name name = kit_name(2);
        const struct fence *row = fence_of(&book, &name);
        assert_non_null(row);
        assert_string_equal(row->why, "");
        assert_int_equal(book.count, 1);
    }
    take(2, NULL);
    assert_int_equal(book.count, 0);
}

static void it_says_by_whom_when_and_why(void **state)
{
    (void)state;
    struct fence row = {
        .name = kit_name(2), .by = "root@pg1", .at = "2026-12-01", .why = "\"it\" lies"};
    struct buf text = {0};
    fence_encode(&row, &text);
    fence_take(&book, &row.name, text.bytes, text.size);
    fence(3);
    struct facts_name name = kit_name(2);
    assert_memory_equal(fence_of(&book, &name), &row, sizeof(row));
    take(2, NULL);
    assert_null(fence_of(&book, &name));
    name = kit_name(3);
    assert_non_null(fence_of(&book, &name));
    take(1, NULL); /* was never there */
    assert_int_equal(book.count, 1);
    buf_close(&text);
}

static void more_than_can_be_shown_do_no_harm(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= FENCES_MAX + 5; i++) {
        take(i, "{}");
    }
    assert_int_equal(book.count, FENCES_MAX);
}

static void keys_have_names(void **state)
{
    (void)state;
    struct keys keys;
    char key[KEYS_FENCE_SIZE];
    struct facts_name name = kit_name(2);
    struct facts_name found;
    assert_true(keys_init(&keys, "/service/", "demo"));
    struct pgraft_slice text = keys_fence(&keys, &name, key);
    assert_string_equal(key, "/service/demo/pgraft/fence/pg2");
    assert_true(keys_find_fence(&keys, text, &found));
    assert_string_equal(found.text, "pg2");
    assert_false(keys_find_answer(&keys, text, &found));
    assert_false(keys_find_fence(&keys, keys_fences(&keys, key), &found));
    assert_false(keys_find_fence(&keys, keys_answer(&keys, &name, key), &found));
}

/* ---- the entry of a grant ---- */

static bool compares_fence(const struct advice *a, const char *key)
{
    for (size_t i = 0; i < a->txn.compare_count; i++) {
        const struct pgraft_compare *c = &a->txn.compares[i];
        if (c->key.size == strlen(key) && memcmp(c->key.bytes, key, c->key.size) == 0) {
            return c->target == PGRAFT_EXISTS && c->relation == PGRAFT_EQUAL && c->number == 0;
        }
    }
    return false;
}

/* One that was put between the look and the entry voids the entry. */
static void a_grant_holds_only_if_who_is_chosen_is_not_fenced(void **state)
{
    (void)state;
    struct keys keys;
    static struct store_rows rows;
    struct roster roster;
    struct advice advice;
    memset(&roster, 0, sizeof(roster));
    roster.count = KIT_NODES;
    for (unsigned i = 0; i < KIT_NODES; i++) {
        roster.at[i] = (struct roster_member){.id = 1000 + i, .name = kit_name(i + 1)};
    }
    assert_true(keys_init(&keys, "/service/", "demo"));
    fence(2);
    struct election e = elect(&facts);
    advice_make(&keys, &rows, &facts, &roster, &e, &advice);
    assert_true(compares_fence(&advice, "/service/demo/pgraft/fence/pg3"));
    assert_false(compares_fence(&advice, "/service/demo/pgraft/fence/pg2"));
    advice_close(&advice);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        CASE(who_is_fenced_is_not_chosen),
        CASE(an_operators_wish_does_not_lift_a_fence),
        CASE(a_cluster_does_not_begin_with_a_fenced_node),
        CASE(the_last_candidate_is_not_unfenced_by_an_election),
        CASE(c4_what_only_a_fenced_copy_has_is_missed),
        CASE(c4_a_fenced_copy_completes_the_proof),
        CASE(c4_who_is_waited_for_is_waited_for_fenced_or_not),
        CASE(c4_a_fenced_copy_is_nobodys_successor),
        CASE(commits_do_not_wait_for_a_fenced_node),
        CASE(the_only_one_that_a_strict_mode_waits_for_stays_in_the_set),
        CASE(it_is_no_source_of_clones),
        CASE(that_it_is_there_says_everything),
        CASE(it_says_by_whom_when_and_why),
        CASE(more_than_can_be_shown_do_no_harm),
        CASE(keys_have_names),
        CASE(a_grant_holds_only_if_who_is_chosen_is_not_fenced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
