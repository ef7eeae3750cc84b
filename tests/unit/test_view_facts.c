/* tests/unit/test_view_facts.c - facts of the supervisor, told as a view. */
#include "tests/lib/death.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "supervisor/view_facts.h"
#include "tests/lib/facts_kit.h"
#include "tests/lib/standby_kit.h"

#define NOW_MS UINT64_C(1000000)

static struct cluster_view view;
static struct facts facts;

static void begin_primary(void)
{
    memset(&view, 0, sizeof(view));
    kit_primary(&facts);
}

static void begin_standby(void)
{
    memset(&view, 0, sizeof(view));
    kit_standby(&facts);
}

static void a_primary_is_told_as_one(void **state)
{
    (void)state;
    begin_primary();
    view_take_facts(&view, &facts, NOW_MS);
    assert_string_equal(view.name.text, "pg1");
    assert_string_equal(view.leader.text, "pg1");
    assert_int_equal(view.epoch, KIT_EPOCH);
    assert_int_equal(view.self.state, VIEW_RUNNING);
    assert_int_equal(view.self.role, VIEW_PRIMARY);
    assert_true(serves_writes(&facts));
    assert_true(view.self.serves_writes);
    assert_int_equal(view.self.lease_until_boot_ms, NOW_MS + 4900);
    assert_true(view.has_quorum);
    assert_int_equal(view.self.timeline, KIT_TIMELINE);
    assert_true(view.self.location.is_known);
    assert_false(view.self.received.is_known);
    assert_int_equal(view.member_count, KIT_NODES);
    assert_int_equal(view.members[0].flow, VIEW_FLOW_NONE);
    assert_int_equal(view.members[1].flow, VIEW_STREAMING);
}

static void who_leads_a_standby_cluster_is_told_as_that(void **state)
{
    (void)state;
    memset(&view, 0, sizeof(view));
    kit_leader(&facts);
    view_take_facts(&view, &facts, NOW_MS);
    assert_true(view.is_standby_cluster);
    assert_int_equal(view.self.role, VIEW_STANDBY_LEADER);
    assert_false(view.self.serves_writes);
    assert_int_equal(view.self.flow, VIEW_STREAMING);
    assert_int_equal(view.sync_mode, SYNC_OFF);
    assert_int_equal(view.members[0].flow, VIEW_STREAMING); /* from the other cluster */
    kit_follower(&facts);
    view_take_facts(&view, &facts, NOW_MS);
    assert_int_equal(view.self.role, VIEW_REPLICA);
    /* What was granted counts, until nobody holds it any more. */
    facts.store.grant_is_standby = false;
    view_take_facts(&view, &facts, NOW_MS);
    assert_false(view.is_standby_cluster);
    facts.store.lease_stands = false;
    view_take_facts(&view, &facts, NOW_MS);
    assert_true(view.is_standby_cluster);
}

/* What it was is told on while it does not answer, and no primary that has ended. */
static void a_role_is_the_last_one_that_was_seen(void **state)
{
    (void)state;
    begin_primary();
    view_take_facts(&view, &facts, NOW_MS);
    facts.pg.role = ROLE_UNKNOWN;
    facts.pg.answers = FACT_NO;
    view_take_facts(&view, &facts, NOW_MS);
    assert_int_equal(view.self.role, VIEW_PRIMARY);
    assert_false(view.self.serves_writes);
    assert_false(view.self.sql_answers);
    facts.pg.process = PG_LEFT;
    view_take_facts(&view, &facts, NOW_MS);
    assert_int_equal(view.self.role, VIEW_DEMOTED);
    facts.pg.process = PG_STARTING;
    view_take_facts(&view, &facts, NOW_MS);
    assert_int_equal(view.self.role, VIEW_DEMOTED);
    facts.pg.role = ROLE_STANDBY;
    view_take_facts(&view, &facts, NOW_MS);
    assert_int_equal(view.self.role, VIEW_REPLICA);
    facts.pg.role = ROLE_UNKNOWN;
    facts.pg.process = PG_ABSENT;
    view_take_facts(&view, &facts, NOW_MS);
    assert_int_equal(view.self.role, VIEW_REPLICA);
    facts.pg.data = DATA_EMPTY;
    view_take_facts(&view, &facts, NOW_MS);
    assert_int_equal(view.self.role, VIEW_ROLE_UNKNOWN);
    memset(&view, 0, sizeof(view));
    kit_leader(&facts);
    view_take_facts(&view, &facts, NOW_MS);
    facts.pg.role = ROLE_UNKNOWN;
    view_take_facts(&view, &facts, NOW_MS);
    assert_int_equal(view.self.role, VIEW_STANDBY_LEADER);
    facts.pg.process = PG_ABSENT;
    view_take_facts(&view, &facts, NOW_MS);
    assert_int_equal(view.self.role, VIEW_REPLICA);
}

static void what_has_run_out_is_not_told(void **state)
{
    (void)state;
    begin_primary();
    facts.lease.remaining_ms = 0;
    view_take_facts(&view, &facts, NOW_MS);
    assert_int_equal(view.self.lease_until_boot_ms, 0);
    begin_primary();
    facts.lease.epoch = 0;
    view_take_facts(&view, &facts, NOW_MS);
    assert_int_equal(view.self.lease_until_boot_ms, 0);
    begin_primary();
    facts.pg.force = FORCE_FENCE;
    facts.pg.is_fence_lifted = false;
    facts.store.lease_stands = false;
    facts.store.is_current = FACT_UNKNOWN;
    view_take_facts(&view, &facts, NOW_MS);
    assert_false(view.self.serves_writes);
    assert_string_equal(view.leader.text, "");
    assert_false(view.has_quorum);
}

/* GET /primary asks the view for it (test_patroni.c). */
static void a_change_of_the_set_is_no_fence(void **state)
{
    (void)state;
    static const enum sync_force on_the_way[] = {FORCE_UNKNOWN, FORCE_HALFWAY, FORCE_FOREIGN};
    for (size_t i = 0; i < ARRAY_LEN(on_the_way); i++) {
        begin_primary();
        facts.pg.force = on_the_way[i];
        view_take_facts(&view, &facts, NOW_MS);
        assert_true(view.self.serves_writes);
        facts.pg.is_fence_lifted = false;
        view_take_facts(&view, &facts, NOW_MS);
        assert_false(view.self.serves_writes);
    }
}

static void a_standby_is_told_as_one(void **state)
{
    (void)state;
    begin_standby();
    view_take_facts(&view, &facts, NOW_MS);
    assert_int_equal(view.self.role, VIEW_REPLICA);
    assert_int_equal(view.self.flow, VIEW_STREAMING);
    assert_false(view.self.serves_writes);
    assert_false(view.self.location.is_known);
    assert_true(view_is_sync(&view, &facts.self));
    assert_int_equal(view.sync_count, 2);
    assert_int_equal(view.leader_lsn, KIT_LSN);
}

/* While the set changes two of them are in force: who is in both is synchronous. */
static void who_leaves_the_set_is_not_synchronous(void **state)
{
    (void)state;
    begin_standby();
    facts.store.sync.count = 2;
    facts.store.sync.sets[1] = (struct sync_set){.needed = 1, .count = 1};
    facts.store.sync.sets[1].at[0] = kit_copy(3);
    view_take_facts(&view, &facts, NOW_MS);
    assert_int_equal(view.sync_count, 1);
    assert_string_equal(view.sync_names[0].text, "pg3");
    facts.store.sync.is_known = false;
    view_take_facts(&view, &facts, NOW_MS);
    assert_int_equal(view.sync_count, 0);
}

/* pg2 was cloned anew: a proof asks for the copy that is listed, and that one is gone. */
static void c3_the_name_of_another_copy_is_not_synchronous(void **state)
{
    (void)state;
    begin_primary();
    view_take_facts(&view, &facts, NOW_MS);
    assert_true(view.sync_is_provable);
    assert_int_equal(view.sync_count, 2);
    facts.members[1].copy = 77;
    view_take_facts(&view, &facts, NOW_MS);
    assert_false(view.sync_is_provable);
    assert_int_equal(view.sync_count, 1);
    assert_string_equal(view.sync_names[0].text, "pg3");
    facts.store.sync.count = 2; /* published beside: the copies of before are asked for still */
    facts.store.sync.sets[1] = facts.store.sync.sets[0];
    facts.store.sync.sets[1].at[0].copy = 77;
    view_take_facts(&view, &facts, NOW_MS);
    assert_false(view.sync_is_provable);
    assert_int_equal(view.sync_count, 1);
    facts.store.sync.count = 1;
    facts.store.sync.sets[0] = facts.store.sync.sets[1];
    view_take_facts(&view, &facts, NOW_MS);
    assert_true(view.sync_is_provable);
    assert_int_equal(view.sync_count, 2);
    facts.members[1].copy = 0; /* not heard of: what is published counts */
    facts.members[2].nofailover = true;
    view_take_facts(&view, &facts, NOW_MS);
    assert_int_equal(view.sync_count, 2);
    assert_false(view.sync_is_provable);
}

static void members_come_and_go_and_keep_what_facts_do_not_know(void **state)
{
    (void)state;
    begin_primary();
    view_take_facts(&view, &facts, NOW_MS);
    for (uint32_t i = 0; i < view.member_count; i++) {
        view_text_set(view.members[i].host, sizeof(view.members[i].host),
                      view.members[i].name.text);
    }
    const struct member_facts first = facts.members[0];
    facts.members[0] = facts.members[2];
    facts.member_count = 2;
    view_take_facts(&view, &facts, NOW_MS);
    assert_int_equal(view.member_count, 2);
    assert_null(view_member_named(&view, "pg1"));
    facts.members[2] = first;
    facts.member_count = 3;
    view_take_facts(&view, &facts, NOW_MS);
    static const char *const hosts[] = {"", "pg2", "pg3"};
    for (unsigned i = 0; i < ARRAY_LEN(hosts); i++) { /* and they stand by name */
        struct facts_name name = kit_name(i + 1);
        assert_string_equal(view.members[i].name.text, name.text);
        assert_string_equal(view.members[i].host, hosts[i]);
    }
}

static void what_the_silent_said_last_is_not_told_as_true(void **state)
{
    (void)state;
    begin_primary();
    facts.members[1].is_fresh = false; /* of a moment, as when another one leads raft */
    facts.members[2].is_fresh = facts.members[2].is_recent = false;
    view_take_facts(&view, &facts, NOW_MS);
    view_text_set(view.members[2].host, sizeof(view.members[2].host), "10.0.0.3");
    view_forget_silent(&view);
    assert_int_equal(view.members[1].state, VIEW_RUNNING);
    assert_int_equal(view.members[1].flow, VIEW_STREAMING);
    assert_int_equal(view.members[2].state, VIEW_STATE_UNKNOWN);
    assert_int_equal(view.members[2].flow, VIEW_FLOW_NONE);
    assert_int_equal(view.members[2].timeline, 0);
    assert_false(view.members[2].received.is_known || view.members[2].replayed.is_known);
    assert_string_equal(view.members[2].host, "10.0.0.3");
}

static void wal_comes_through_another_standby_or_from_the_archive(void **state)
{
    (void)state;
    begin_standby();
    facts.members[2].follows_epoch = 0;
    facts.members[2].cascades_epoch = KIT_EPOCH;
    view_take_facts(&view, &facts, NOW_MS);
    assert_int_equal(view.members[2].flow, VIEW_STREAMING);
    assert_int_equal(view.self.flow, VIEW_STREAMING);
    facts.pg.receiver = RECEIVER_GONE;
    view_take_facts(&view, &facts, NOW_MS);
    assert_int_equal(view.self.flow, VIEW_FLOW_NONE);
    facts.back.has_archive = FACT_YES;
    view_take_facts(&view, &facts, NOW_MS);
    assert_int_equal(view.self.flow, VIEW_ARCHIVE);
}

/* Whatever was written: a flag, a priority, or both. */
static void who_never_leads_is_told_by_what_its_tags_come_to(void **state)
{
    (void)state;
    begin_primary();
    facts.members[1].nofailover = true;
    facts.members[2].failover_priority = 0;
    view_take_facts(&view, &facts, NOW_MS);
    assert_false(view.members[0].never_leads);
    assert_true(view.members[1].never_leads);
    assert_true(view.members[2].never_leads);
}

static void a_decision_is_remembered_once(void **state)
{
    (void)state;
    begin_primary();
    struct decision d = decide(&facts);
    view_take_decision(&view, &facts, &d, 7);
    view_take_decision(&view, &facts, &d, 8);
    assert_int_equal(view.decision_count, 1);
    assert_int_equal(view.decisions[0].wall_ms, 7);
    assert_string_equal(view.decisions[0].node.text, "pg1");
    assert_string_equal(view.decisions[0].rule, d.rule);
    assert_true(view.decisions[0].text[0] != '\0');
    facts.lease = (struct lease_facts){.epoch = 0};
    d = decide(&facts);
    view_take_decision(&view, &facts, &d, 9);
    assert_int_equal(view.decision_count, 2);
}

static void another_reason_to_wait_is_remembered(void **state)
{
    (void)state;
    begin_primary();
    struct decision d = {.action = ACTION_WAIT, .rule = "a-rule", .keeps = "", .why = "one"};
    view_take_decision(&view, &facts, &d, 7);
    view_take_decision(&view, &facts, &d, 8);
    assert_int_equal(view.decision_count, 1);
    d.why = "another";
    view_take_decision(&view, &facts, &d, 9);
    assert_int_equal(view.decision_count, 2);
    assert_non_null(strstr(view.decisions[1].text, "another"));
    d.action = ACTION_SYNC_SET; /* its steps stand in the log */
    view_take_decision(&view, &facts, &d, 10);
    d.why = "the next step";
    view_take_decision(&view, &facts, &d, 11);
    assert_int_equal(view.decision_count, 3);
}

/* It does not fit, and is still the same. */
static void a_long_reason_is_remembered_once(void **state)
{
    (void)state;
    begin_standby();
    struct decision d = {.action = ACTION_SEAL,
                         .rule = "seal",
                         .keeps = "",
                         .why =
                             "PostgreSQL refuses its configuration, and so can not be cut off "
                             "as it runs: it is ended"};
    facts.pg.reload_refused = true;
    memset(facts.pg.config_wrong, 'x', sizeof(facts.pg.config_wrong) - 1);
    for (uint64_t now_ms = 7; now_ms < 12; now_ms++) {
        facts.pg.end.lsn++;
        view_take_decision(&view, &facts, &d, now_ms);
    }
    assert_int_equal(view.decision_count, 1);
    memcpy(facts.pg.config_wrong, "another", strlen("another"));
    view_take_decision(&view, &facts, &d, 12);
    assert_int_equal(view.decision_count, 2);
    (void)snprintf(facts.pg.config_wrong, sizeof(facts.pg.config_wrong), "a short one");
    view_take_decision(&view, &facts, &d, 13);
    assert_int_equal(view.decision_count, 3);
    view_take_decision(&view, &facts, &d, 14);
    assert_int_equal(view.decision_count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_primary_is_told_as_one),
        cmocka_unit_test(who_leads_a_standby_cluster_is_told_as_that),
        cmocka_unit_test(a_role_is_the_last_one_that_was_seen),
        cmocka_unit_test(what_has_run_out_is_not_told),
        cmocka_unit_test(a_change_of_the_set_is_no_fence),
        cmocka_unit_test(a_standby_is_told_as_one),
        cmocka_unit_test(who_leaves_the_set_is_not_synchronous),
        cmocka_unit_test(c3_the_name_of_another_copy_is_not_synchronous),
        cmocka_unit_test(members_come_and_go_and_keep_what_facts_do_not_know),
        cmocka_unit_test(what_the_silent_said_last_is_not_told_as_true),
        cmocka_unit_test(wal_comes_through_another_standby_or_from_the_archive),
        cmocka_unit_test(who_never_leads_is_told_by_what_its_tags_come_to),
        cmocka_unit_test(a_decision_is_remembered_once),
        cmocka_unit_test(another_reason_to_wait_is_remembered),
        cmocka_unit_test(a_long_reason_is_remembered_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
