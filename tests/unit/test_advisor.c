/* tests/unit/test_advisor.c - the pure parts of the advisor: what it may wait for, which epochs are
 * used up, and what its transactions compare and write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/advisor.h"
#include "tests/lib/facts_kit.h"

static struct keys keys;
static struct store_rows rows;
static struct elect_facts facts;
static struct roster roster;

/* pg1 is gone; pg2 and pg3 have sealed themselves for the next epoch. */
static int set_up(void **state)
{
    (void)state;
    assert_true(keys_init(&keys, "/service/", "demo"));
    memset(&rows, 0, sizeof(rows));
    memset(&facts, 0, sizeof(facts));
    memset(&roster, 0, sizeof(roster));
    for (int i = 0; i < KEYS; i++) {
        rows.row[i].mod_revision = 100 + (uint64_t)i;
    }
    facts.store = kit_store();
    facts.store.lease_stands = false;
    facts.store.order_epoch = KIT_EPOCH + 1;
    facts.settings = kit_settings();
    facts.order_age_ms = 100;
    facts.member_count = roster.count = KIT_NODES;
    for (unsigned i = 0; i < KIT_NODES; i++) {
        facts.members[i] = kit_member(i + 1);
        facts.members[i].follows_epoch = facts.members[i].primary_epoch = 0;
        facts.members[i].sealed_epoch = i == 0 ? KIT_EPOCH : KIT_EPOCH + 1;
        roster.at[i] = (struct roster_member){
            .id = 1000 + i, .name = kit_name(i + 1), .is_database = true, .is_voter = true};
    }
    facts.members[0].is_fresh = false;
    return 0;
}

static bool compares(const struct advice *a, enum key key, enum pgraft_target target,
                     uint64_t number)
{
    struct pgraft_slice text = keys_slice(&keys, key);
    for (size_t i = 0; i < a->txn.compare_count; i++) {
        const struct pgraft_compare *c = &a->txn.compares[i];
        if (c->key.size == text.size && memcmp(c->key.bytes, text.bytes, text.size) == 0) {
            return c->target == target && c->relation == PGRAFT_EQUAL && c->number == number;
        }
    }
    return false;
}

static void compares_what_it_was_made_from(const struct advice *a)
{
    static const enum key same[] = {KEY_GRANT, KEY_ORDER,   KEY_CONFIG,
                                    KEY_SYNC,  KEY_HISTORY, KEY_FAILOVER};
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        assert_true(compares(a, same[i], PGRAFT_MOD_REVISION, 100 + (uint64_t)same[i]));
    }
    assert_true(compares(a, KEY_LEADER, PGRAFT_EXISTS, 0));
    assert_true(compares(a, KEY_HOLD, PGRAFT_EXISTS, 0));
    assert_int_equal(a->txn.else_count, 0);
}

static void an_order_is_one_key(void **state)
{
    (void)state;
    facts.store.order_epoch = KIT_EPOCH;
    struct election e = elect(&facts);
    struct advice advice;
    struct row_order row = {.epoch = 0};
    assert_int_equal(e.action, ELECT_ORDER);
    advice_make(&keys, &rows, &facts, &roster, &e, &advice);
    compares_what_it_was_made_from(&advice);
    assert_int_equal(advice.txn.then_count, 1);
    assert_int_equal(
        row_order_decode(advice.ops[0].value.bytes, advice.ops[0].value.size, &row, NULL), 0);
    assert_int_equal(row.epoch, KIT_EPOCH + 2); /* above every seal */
    advice_close(&advice);
}

static void a3_a_grant_is_a_lease_with_its_key_or_nothing(void **state)
{
    (void)state;
    struct election e = elect(&facts);
    struct advice advice;
    struct row_grant row = {.epoch = 0};
    assert_int_equal(e.action, ELECT_GRANT);
    advice_make(&keys, &rows, &facts, &roster, &e, &advice);
    compares_what_it_was_made_from(&advice);
    assert_int_equal(advice.txn.then_count, 3);
    const struct pgraft_op *op = advice.txn.then_ops;
    assert_int_equal(op[0].kind, PGRAFT_OP_GRANT);
    assert_true(op[0].is_protected);
    assert_true(op[0].lease == KEYS_PRIMARY_LEASE);
    assert_int_equal(op[0].epoch, KIT_EPOCH + 1);
    assert_int_equal(op[0].ttl_ms, 5000);
    assert_int_equal(op[0].holder, roster.at[e.chosen].id);
    assert_true(op[1].lease == KEYS_PRIMARY_LEASE);
    assert_memory_equal(op[1].value.bytes, "pg2", 3);
    assert_int_equal(op[2].lease, 0);
    assert_int_equal(row_grant_decode(op[2].value.bytes, op[2].value.size, &row, NULL), 0);
    assert_int_equal(row.epoch, KIT_EPOCH + 1);
    assert_int_equal(row.timeline, KIT_TIMELINE + 1);
    assert_string_equal(row.holder.text, "pg2");
    assert_int_equal(row.member, 1001);
    assert_int_equal(row.copy, 102);
    assert_string_equal(row.rule, "chosen");
    advice_close(&advice);
}

/* ... of a standby cluster begins no timeline, and ends what commits have waited for. */
static void a_standby_leader_is_granted_no_timeline_and_proves_nothing(void **state)
{
    (void)state;
    struct advice advice;
    struct row_grant row = {.epoch = 0};
    struct sync_value sync = kit_store().sync;
    facts.settings.is_standby_cluster = true;
    struct election e = elect(&facts);
    assert_int_equal(e.action, ELECT_GRANT);
    advice_make(&keys, &rows, &facts, &roster, &e, &advice);
    compares_what_it_was_made_from(&advice);
    assert_int_equal(advice.txn.then_count, 4);
    const struct pgraft_op *op = advice.txn.then_ops;
    assert_int_equal(row_grant_decode(op[2].value.bytes, op[2].value.size, &row, NULL), 0);
    assert_true(row.is_standby);
    assert_int_equal(row.timeline, KIT_TIMELINE);
    struct pgraft_slice key = keys_slice(&keys, KEY_SYNC);
    assert_int_equal(op[3].span.key.size, key.size);
    assert_memory_equal(op[3].span.key.bytes, key.bytes, key.size);
    assert_int_equal(row_sync_decode(op[3].value.bytes, op[3].value.size, &sync, NULL), 0);
    assert_false(sync.is_known);
    advice_close(&advice);
}

static void a_wish_that_was_granted_is_taken_away(void **state)
{
    (void)state;
    struct advice advice;
    rows.row[KEY_FAILOVER].is_there = true;
    facts.wanted = kit_name(3);
    struct election e = elect(&facts);
    advice_make(&keys, &rows, &facts, &roster, &e, &advice);
    assert_int_equal(e.chosen, 2);
    assert_int_equal(advice.txn.then_count, 4);
    assert_int_equal(advice.ops[3].kind, PGRAFT_OP_DELETE);
    advice_close(&advice);
    rows.failover.is_scheduled = true; /* for later */
    advice_make(&keys, &rows, &facts, &roster, &e, &advice);
    assert_int_equal(advice.txn.then_count, 3);
    advice_close(&advice);
}

/* What others have beyond it must not bring them back, nor prove anything for it. */
static void by_an_operators_word_only_the_copy_of_who_is_chosen_proves(void **state)
{
    (void)state;
    struct advice advice;
    struct sync_value sync = {.is_known = false};
    rows.row[KEY_FAILOVER].is_there = true;
    facts.wanted = kit_name(3);
    facts.accepts_loss = true;
    facts.members[2].end = kit_at(4, 3000);
    struct election e = elect(&facts);
    assert_string_equal(e.rule, "loss-accepted");
    advice_make(&keys, &rows, &facts, &roster, &e, &advice);
    compares_what_it_was_made_from(&advice);
    assert_int_equal(advice.txn.then_count, 5);
    assert_int_equal(advice.ops[3].kind, PGRAFT_OP_DELETE);
    struct pgraft_slice value = advice.ops[4].value;
    assert_int_equal(row_sync_decode(value.bytes, value.size, &sync, NULL), 0);
    assert_true(sync.is_known);
    assert_int_equal(sync.epoch, e.epoch);
    assert_int_equal(sync.count, 0);
    assert_int_equal(sync.heir_count, 0);
    assert_string_equal(sync.primary.name.text, "pg3");
    assert_int_equal(sync.primary.copy, kit_copy(3).copy);
    advice_close(&advice);

    /* It dies before it has recorded anything: nobody else is chosen, whatever they have. */
    facts.store.sync = sync;
    facts.store.grant_epoch = e.epoch;
    facts.store.grant_timeline = e.timeline;
    facts.store.holder = kit_name(3);
    facts.store.holder_copy = kit_copy(3).copy;
    facts.store.order_epoch = e.epoch + 1;
    facts.wanted = (struct facts_name){.text = ""};
    facts.accepts_loss = false;
    facts.order_age_ms = 60000;
    facts.members[0].is_fresh = true;
    facts.members[2].is_fresh = false;
    facts.members[0].sealed_epoch = facts.members[1].sealed_epoch = e.epoch + 1;
    e = elect(&facts);
    assert_int_equal(e.action, ELECT_WAIT);
    assert_string_equal(e.rule, "unproven");
    assert_int_equal(e.waits_for, 1 << 2);
}

/* Patroni grants it to a named candidate: docs/decisions/0012. */
static void a7_a_pause_grants_nothing_to_whom_an_operator_wants_either(void **state)
{
    (void)state;
    facts.wanted = kit_name(3);
    facts.store.paused = FACT_YES;
    struct election e = elect(&facts);
    assert_int_equal(e.action, ELECT_NOTHING);
    assert_string_equal(e.rule, "paused");
    facts.store.paused = FACT_NO;
    e = elect(&facts);
    assert_int_equal(e.action, ELECT_GRANT);
    assert_int_equal(e.chosen, 2);
}

/* Another protected lease, or a recovery (safety D3), has used epochs up. */
static void d3_epochs_that_are_used_up_are_left_behind(void **state)
{
    (void)state;
    struct election e = elect(&facts);
    advisor_lift(&e, &facts, KIT_EPOCH);
    assert_int_equal(e.action, ELECT_GRANT);
    assert_int_equal(e.epoch, KIT_EPOCH + 1);
    advisor_lift(&e, &facts, KIT_EPOCH + 1);
    assert_int_equal(e.action, ELECT_ORDER); /* those who are sealed are so for too little */
    assert_int_equal(e.epoch, KIT_EPOCH + 2);
    assert_string_equal(e.rule, "order-again");
    facts.store.order_epoch = KIT_EPOCH;
    e = elect(&facts);
    advisor_lift(&e, &facts, 90);
    assert_int_equal(e.action, ELECT_ORDER);
    assert_int_equal(e.epoch, 91);
    facts.store.initialized = FACT_NO; /* nobody is sealed for anything: the first is lifted */
    e = elect(&facts);
    assert_int_equal(e.action, ELECT_GRANT);
    advisor_lift(&e, &facts, 90);
    assert_int_equal(e.action, ELECT_GRANT);
    assert_int_equal(e.epoch, 91);
    facts.store.held = FACT_YES;
    e = elect(&facts);
    advisor_lift(&e, &facts, 90);
    assert_int_equal(e.action, ELECT_NOTHING);
}

static void a_new_cluster_waits_until_all_databases_have_spoken(void **state)
{
    (void)state;
    facts.store.initialized = FACT_NO;
    uint64_t patient_ms = facts.settings.times.patient_ms;
    assert_true(advisor_begins_early(&facts, 0));
    assert_true(advisor_begins_early(&facts, patient_ms - 1));
    assert_false(advisor_begins_early(&facts, patient_ms));
    facts.members[0].is_database = false; /* a witness has nothing to bring */
    assert_false(advisor_begins_early(&facts, 0));
    facts.members[0].is_database = true;
    facts.members[0].is_fresh = true;
    assert_false(advisor_begins_early(&facts, 0));
    facts.members[0].is_fresh = false;
    facts.store.initialized = FACT_YES;
    assert_false(advisor_begins_early(&facts, 0));
}

static void nobody_is_elected_by_another_configuration_than_the_stores(void **state)
{
    (void)state;
    struct supervisor_settings settings = {.config_revision = rows.row[KEY_CONFIG].mod_revision};
    assert_true(advisor_is_configured(&settings, &rows));
    settings.config_revision--; /* the program's own thread has not read the newest yet */
    assert_false(advisor_is_configured(&settings, &rows));
    settings.config_revision += 2; /* or this copy of the store is behind */
    assert_false(advisor_is_configured(&settings, &rows));
    settings.config_revision--;
    settings.is_guess = true;
    assert_false(advisor_is_configured(&settings, &rows));
}

static void nobody_is_told_of_what_did_not_happen(void **state)
{
    (void)state;
    static struct advisor advisor;
    struct advisor_told told;
    advisor_open(&advisor, &keys);
    assert_false(advisor_explain(&advisor, &told));
    advisor_close(&advisor);
}

static void a_grant_is_told_while_its_lease_stands(void **state)
{
    (void)state;
    const struct advisor_told told = {.rule = "chosen", .action = ELECT_GRANT, .epoch = 7};
    const struct advisor_told nothing = {.rule = NULL};
    struct elect_facts f = {.store = {.grant_epoch = 7, .lease_stands = true, .held = FACT_NO}};
    assert_true(advisor_keeps_grant(&told, &f));
    assert_false(advisor_keeps_grant(&nothing, &f));
    f.store.grant_epoch = 8; /* another leader's */
    assert_false(advisor_keeps_grant(&told, &f));
    f.store.grant_epoch = 7;
    f.store.held = FACT_YES;
    assert_false(advisor_keeps_grant(&told, &f));
    f.store.held = FACT_NO;
    f.store.lease_stands = false;
    assert_false(advisor_keeps_grant(&told, &f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_order_is_one_key, set_up),
        cmocka_unit_test_setup(a3_a_grant_is_a_lease_with_its_key_or_nothing, set_up),
        cmocka_unit_test_setup(a_standby_leader_is_granted_no_timeline_and_proves_nothing, set_up),
        cmocka_unit_test_setup(a_wish_that_was_granted_is_taken_away, set_up),
        cmocka_unit_test_setup(by_an_operators_word_only_the_copy_of_who_is_chosen_proves, set_up),
        cmocka_unit_test_setup(a7_a_pause_grants_nothing_to_whom_an_operator_wants_either, set_up),
        cmocka_unit_test_setup(d3_epochs_that_are_used_up_are_left_behind, set_up),
        cmocka_unit_test_setup(a_new_cluster_waits_until_all_databases_have_spoken, set_up),
        cmocka_unit_test_setup(nobody_is_elected_by_another_configuration_than_the_stores, set_up),
        cmocka_unit_test_setup(nobody_is_told_of_what_did_not_happen, set_up),
        cmocka_unit_test_setup(a_grant_is_told_while_its_lease_stands, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
