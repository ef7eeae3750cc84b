/* tests/unit/test_metrics.c - what a view becomes for Prometheus, metric by metric.
 *
 * Claim: each of Patroni's metrics is there under its name and type, with the value that Patroni
 * has for the same node, and so are ours; nothing is told of a PostgreSQL that nobody looks at any
 * more. That the text is one that Prometheus reads is tests/http/test_metrics.py's. */
#include "tests/lib/death.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "daemon/metrics.h"
#include "tests/lib/view_kit.h"

#define LABELS "scope=\"demo\",name=\"n\""

static struct cluster_view view;

static const char *patronis(const struct cluster_view *of, struct buf *out)
{
    const struct prom p = {.out = out, .labels = LABELS};
    buf_clear(out);
    metrics_put_patroni(&p, of, VIEW_KIT_NOW_MS, false);
    return buf_text(out);
}

static const char *ours(uint64_t boot_ms, struct buf *out)
{
    const struct prom p = {.out = out, .labels = LABELS};
    buf_clear(out);
    metrics_put_view(&p, &view, boot_ms);
    return buf_text(out);
}

/* Of the sample NAME{LABELS @more}; "absent" where there is none. */
static const char *value_with(const char *text, const char *name, const char *more, char out[32])
{
    char head[160];
    int size = snprintf(head, sizeof(head), "\n%s{" LABELS "%s} ", name, more);
    MUST(size > 0 && (size_t)size < sizeof(head));
    const char *at = strstr(text, head);
    size_t length = at != NULL ? strcspn(at + size, "\n") : 0;
    (void)snprintf(out, 32, "%.*s", (int)length, at != NULL ? at + size : "");
    return at != NULL ? out : "absent";
}

static const char *value_of(const char *text, const char *name, char out[32])
{
    return value_with(text, name, "", out);
}

/* ---- Patroni's ---- */

/* Row by row as in the contract: the primary pg1, the standby pg2, the witness w1, and a node that
 * hears of no PostgreSQL. */
static const struct {
    const char *name;
    const char *type;
    const char *primary;
    const char *standby;
    const char *witness;
    const char *nothing;
} rows[] = {
    {"patroni_version", "gauge", "040104", "040104", "040104", "040104"},
    {"patroni_postgres_running", "gauge", "1", "1", "0", "0"},
    {"patroni_postmaster_start_time", "gauge", "1793607303.120000", "1793607303.120000", "0.000000",
     "0.000000"},
    {"patroni_primary", "gauge", "1", "0", "0", "0"},
    {"patroni_xlog_location", "counter", "83886408", "0", "0", "0"},
    {"patroni_standby_leader", "gauge", "0", "0", "0", "0"},
    {"patroni_replica", "gauge", "0", "1", "0", "0"},
    {"patroni_sync_standby", "gauge", "0", "0", "0", "0"},
    {"patroni_quorum_standby", "gauge", "0", "0", "0", "0"},
    {"patroni_xlog_received_location", "counter", "0", "83886408", "0", "0"},
    {"patroni_xlog_replayed_location", "counter", "0", "83886408", "0", "0"},
    {"patroni_xlog_replayed_timestamp", "gauge", "0.000000", "1793607400.500000", "0.000000",
     "0.000000"},
    {"patroni_xlog_paused", "gauge", "0", "0", "0", "0"},
    {"patroni_postgres_streaming", "gauge", "0", "1", "0", "0"},
    {"patroni_postgres_in_archive_recovery", "gauge", "0", "0", "0", "0"},
    {"patroni_postgres_server_version", "gauge", "150020", "150020", "0", "0"},
    {"patroni_cluster_unlocked", "gauge", "0", "0", "0", "0"},
    {"patroni_failsafe_mode_is_active", "gauge", "0", "0", "0", "0"},
    {"patroni_failsafe_mode_enabled", "gauge", "0", "0", "0", "0"},
    {"patroni_failsafe_member", "gauge", "0", "0", "0", "0"},
    {"patroni_postgres_timeline", "gauge", "5", "5", "0", "0"},
    {"patroni_dcs_last_seen", "gauge", "1793607404", "1793607404", "1793607404", "0"},
    {"patroni_pending_restart", "gauge", "0", "0", "0", "0"},
    {"patroni_is_paused", "gauge", "0", "0", "0", "0"},
    {"patroni_postgres_state", "gauge", "5", "5", "12", "12"},
    {"patroni_failover_priority", "gauge", "1", "1", "0", "0"},
};

static void each_metric_of_patroni_is_there(void **state)
{
    CLEANUP(buf_close) struct buf out = {0};
    char found[32];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char type[128];
        view_kit_fill(&view, "pg1");
        const char *text = patronis(&view, &out);
        (void)snprintf(type, sizeof(type), "# TYPE %s %s\n%s{" LABELS "} ", rows[i].name,
                       rows[i].type, rows[i].name);
        assert_non_null(strstr(text, type));
        assert_string_equal(value_of(text, rows[i].name, found), rows[i].primary);
        view_kit_fill(&view, "pg2");
        assert_string_equal(value_of(patronis(&view, &out), rows[i].name, found), rows[i].standby);
        view_kit_fill(&view, "w1");
        assert_string_equal(value_of(patronis(&view, &out), rows[i].name, found), rows[i].witness);
        assert_string_equal(value_of(patronis(NULL, &out), rows[i].name, found), rows[i].nothing);
    }
}

static void there_are_no_others(void **state)
{
    CLEANUP(buf_close) struct buf out = {0};
    (void)state;
    view_kit_fill(&view, "pg1");
    size_t count = 0;
    for (const char *at = patronis(&view, &out); (at = strstr(at, "# TYPE ")) != NULL; at++) {
        count++;
    }
    assert_int_equal(count, ARRAY_LEN(rows));
}

static void be_synchronous(void)
{
    view_kit_sync(&view, SYNC_ON, "pg2,pg3");
}

static void be_of_the_quorum(void)
{
    view_kit_sync(&view, SYNC_QUORUM, "pg2,pg3");
}

static void read_the_archive(void)
{
    view.self.flow = VIEW_ARCHIVE;
}

static void lead_standbys(void)
{
    view.self.role = VIEW_STANDBY_LEADER;
}

static void pause_replay(void)
{
    view.self.replay_paused = true;
}

static void have_no_primary(void)
{
    view.leader.text[0] = '\0';
}

static void be_failsafe(void)
{
    view.failsafe_is_active = view.failsafe_is_wanted = true;
}

static void wait_for_a_restart(void)
{
    view.self.restart.is_pending = true;
}

static void be_paused(void)
{
    view.is_paused = true;
}

static void never_lead(void)
{
    view.self.failover_priority = 0;
}

static void have_no_session(void)
{
    view.self.sql_answers = false;
}

static void know_no_time(void)
{
    view.self.replayed_timestamp[0] = '\0';
    view_text_set(view.self.postmaster_start, VIEW_STAMP_SIZE, "yesterday");
}

static void be_looked_at_by_nobody(void)
{
    view.published_boot_ms = VIEW_KIT_NOW_MS - VIEW_STALE_MS - 1;
}

static void be_unknown(void)
{
    view.published_boot_ms = 0;
}

static void each_metric_follows_what_it_tells_of(void **state)
{
    static const struct {
        void (*change)(void);
        const char *name;
        const char *value;
    } changes[] = {
        {be_synchronous, "patroni_sync_standby", "1"},
        {be_synchronous, "patroni_quorum_standby", "0"},
        {be_of_the_quorum, "patroni_sync_standby", "0"},
        {be_of_the_quorum, "patroni_quorum_standby", "1"},
        {read_the_archive, "patroni_postgres_in_archive_recovery", "1"},
        {read_the_archive, "patroni_postgres_streaming", "0"},
        {lead_standbys, "patroni_standby_leader", "1"},
        {lead_standbys, "patroni_replica", "0"},
        {pause_replay, "patroni_xlog_paused", "1"},
        {have_no_primary, "patroni_cluster_unlocked", "1"},
        {be_failsafe, "patroni_failsafe_mode_is_active", "1"},
        {be_failsafe, "patroni_failsafe_mode_enabled", "1"},
        {be_failsafe, "patroni_failsafe_member", "1"},
        {wait_for_a_restart, "patroni_pending_restart", "1"},
        {be_paused, "patroni_is_paused", "1"},
        {never_lead, "patroni_failover_priority", "0"},
        {have_no_session, "patroni_postgres_running", "0"},
        {have_no_session, "patroni_postgres_state", "-1"},
        {have_no_session, "patroni_replica", "1"},
        {have_no_session, "patroni_postgres_server_version", "0"},
        {have_no_session, "patroni_xlog_replayed_location", "0"},
        {have_no_session, "patroni_postgres_timeline", "0"},
        {have_no_session, "patroni_postgres_streaming", "0"},
        {have_no_session, "patroni_postmaster_start_time", "0.000000"},
        {know_no_time, "patroni_postmaster_start_time", "0.000000"},
        {know_no_time, "patroni_xlog_replayed_timestamp", "0.000000"},
        {be_looked_at_by_nobody, "patroni_postgres_running", "0"},
        {be_looked_at_by_nobody, "patroni_replica", "0"},
        {be_looked_at_by_nobody, "patroni_postgres_state", "-1"},
        {be_looked_at_by_nobody, "patroni_xlog_received_location", "0"},
        {be_unknown, "patroni_postgres_state", "-1"},
        {be_unknown, "patroni_postgres_running", "0"},
    };
    CLEANUP(buf_close) struct buf out = {0};
    char found[32];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        view_kit_fill(&view, "pg2");
        changes[i].change();
        assert_string_equal(value_of(patronis(&view, &out), changes[i].name, found),
                            changes[i].value);
    }
}

/* Where Patroni has them: between HELP and TYPE. */
static void the_states_have_patronis_numbers(void **state)
{
    static const char comment[] =
        ".\n# Values: 0=initdb, 1=initdb_failed, 2=custom_bootstrap, 3=custom_bootstrap_failed, "
        "4=creating_replica, 5=running, 6=starting, 7=bootstrap_starting, 8=start_failed, "
        "9=restarting, 10=restart_failed, 11=stopping, 12=stopped, 13=stop_failed, 14=crashed\n"
        "# TYPE patroni_postgres_state gauge\n";
    CLEANUP(buf_close) struct buf out = {0};
    char found[32];
    (void)state;
    for (int number = -1; number <= 14; number++) {
        char wanted[32];
        view_kit_fill(&view, "pg2");
        view.self.state = (enum view_state)(number + 1);
        (void)snprintf(wanted, sizeof(wanted), "%d", number);
        assert_string_equal(value_of(patronis(&view, &out), "patroni_postgres_state", found),
                            wanted);
        assert_string_equal(value_of(buf_text(&out), "patroni_postgres_running", found),
                            number == 5 ? "1" : "0");
    }
    assert_string_equal(view_state_name(VIEW_CRASHED), "crashed");
    const char *head = strstr(buf_text(&out), "# HELP patroni_postgres_state ");
    assert_non_null(head);
    assert_int_equal(strncmp(strchr(head, '\n') - 1, comment, strlen(comment)), 0);
}

static void the_name_of_patroni_3_is_there_for_who_asks(void **state)
{
    CLEANUP(buf_close) struct buf out = {0};
    char found[32];
    (void)state;
    view_kit_fill(&view, "pg1");
    assert_string_equal(value_of(patronis(&view, &out), "patroni_master", found), "absent");
    const struct prom p = {.out = &out, .labels = LABELS};
    metrics_put_patroni(&p, &view, VIEW_KIT_NOW_MS, true);
    assert_string_equal(value_of(buf_text(&out), "patroni_master", found), "1");
}

/* ---- ours ---- */

static void ours_of_a_primary(void **state)
{
    static const struct {
        const char *name;
        const char *value;
    } wanted[] = {
        {"pgraft_supervises", "1"},
        {"pgraft_view_age_milliseconds", "1000"},
        {"pgraft_epoch", "3"},
        {"pgraft_holds_lease", "1"},
        {"pgraft_serves_writes", "1"},
        {"pgraft_lease_milliseconds", "5000"},
        {"pgraft_lease_remaining_milliseconds", "3000"},
        {"pgraft_lease_remaining_min_milliseconds", "3900"},
        {"pgraft_guard_state", "2"},
        {"pgraft_any_one_may_fail", "1"},
        {"pgraft_commits_may_be_lost", "0"},
        {"pgraft_held", "0"},
        {"pgraft_synchronous_mode", "0"},
        {"pgraft_synchronous_standbys", "0"},
        {"pgraft_synchronous_commit_weaker", "0"},
        {"pgraft_config_amiss", "0"},
        {"pgraft_events_total", "2"},
    };
    CLEANUP(buf_close) struct buf out = {0};
    char found[32];
    (void)state;
    view_kit_fill(&view, "pg1");
    const char *text = ours(VIEW_KIT_NOW_MS + 1000, &out);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        assert_string_equal(value_of(text, wanted[i].name, found), wanted[i].value);
    }
}

static void what_has_run_out_is_not_held(void **state)
{
    CLEANUP(buf_close) struct buf out = {0};
    char found[32];
    (void)state;
    view_kit_fill(&view, "pg1");
    const char *text = ours(VIEW_KIT_NOW_MS + 4000, &out);
    assert_string_equal(value_of(text, "pgraft_holds_lease", found), "0");
    assert_string_equal(value_of(text, "pgraft_serves_writes", found), "0");
    assert_string_equal(value_of(text, "pgraft_lease_remaining_milliseconds", found), "0");
    view.self.lease_until_boot_ms = UINT64_MAX; /* held without end */
    view.self.serves_writes = false;
    text = ours(VIEW_KIT_NOW_MS + 4000, &out);
    assert_string_equal(value_of(text, "pgraft_lease_remaining_milliseconds", found), "-1");
    assert_string_equal(value_of(text, "pgraft_serves_writes", found), "0");
}

/* Patroni's tools send writes where /primary is 200, and this says the same. */
static void writes_need_all_that_a_primary_needs(void **state)
{
    CLEANUP(buf_close) struct buf out = {0};
    char found[32];
    (void)state;
    for (int lacks = 0; lacks < 4; lacks++) {
        view_kit_fill(&view, "pg1");
        view.self.serves_writes = lacks != 1;
        view.self.role = lacks != 2 ? VIEW_PRIMARY : VIEW_REPLICA;
        view.is_standby_cluster = lacks == 3;
        const char *text = ours(VIEW_KIT_NOW_MS, &out);
        assert_string_equal(value_of(text, "pgraft_serves_writes", found), lacks == 0 ? "1" : "0");
        assert_string_equal(value_of(text, "pgraft_holds_lease", found), "1");
    }
}

static void what_is_old_is_not_known(void **state)
{
    CLEANUP(buf_close) struct buf out = {0};
    char found[32];
    (void)state;
    view_kit_fill(&view, "pg1");
    const char *text = ours(VIEW_KIT_NOW_MS + VIEW_STALE_MS + 1, &out);
    assert_string_equal(value_of(text, "pgraft_view_age_milliseconds", found), "5001");
    assert_string_equal(value_of(text, "pgraft_guard_state", found), "-1");
    assert_string_equal(value_of(text, "pgraft_any_one_may_fail", found), "-1");
    assert_string_equal(value_with(text, "pgraft_member_heard", ",member=\"pg2\"", found), "0");
    assert_string_equal(value_with(text, "pgraft_member_lag_bytes", ",member=\"pg2\"", found),
                        "absent");
    memset(&view, 0, sizeof(view));
    view.self.supervises = true; /* nothing was published yet */
    text = ours(VIEW_KIT_NOW_MS, &out);
    assert_string_equal(value_of(text, "pgraft_view_age_milliseconds", found), "-1");
    assert_string_equal(value_of(text, "pgraft_lease_remaining_min_milliseconds", found), "-1");
}

static void alarms_follow_what_they_tell_of(void **state)
{
    static const struct {
        enum guard_state guard;
        const char *value;
    } guards[] = {{GUARD_UNKNOWN, "-1"}, {GUARD_GONE, "0"}, {GUARD_SILENT, "1"}, {GUARD_WELL, "2"}};
    CLEANUP(buf_close) struct buf out = {0};
    char found[32];
    (void)state;
    view_kit_fill(&view, "pg1");
    for (size_t i = 0; i < ARRAY_LEN(guards); i++) {
        view.self.guard = guards[i].guard;
        const char *text = ours(VIEW_KIT_NOW_MS, &out);
        assert_string_equal(value_of(text, "pgraft_guard_state", found), guards[i].value);
    }
    view_kit_sync(&view, SYNC_QUORUM, "pg2,pg3");
    view_text_set(view.loss, sizeof(view.loss), "16 bytes");
    view_text_set(view.config_trouble, sizeof(view.config_trouble), "ttl: no number");
    view_text_set(view_kit_member(&view, "pg1")->weaker, VIEW_TEXT_SIZE, "role app");
    view_kit_member(&view, "pg2")->is_fresh = false;
    view_kit_member(&view, "pg3")->received.lsn = VIEW_KIT_LSN - 16;
    view_kit_member(&view, "pg1")->received = (struct view_lsn){true, VIEW_KIT_LSN};
    view.is_held = true;
    const char *text = ours(VIEW_KIT_NOW_MS, &out);
    assert_string_equal(value_of(text, "pgraft_synchronous_mode", found), "1");
    assert_string_equal(value_of(text, "pgraft_synchronous_standbys", found), "2");
    assert_string_equal(value_of(text, "pgraft_commits_may_be_lost", found), "1");
    assert_string_equal(value_of(text, "pgraft_config_amiss", found), "1");
    assert_string_equal(value_of(text, "pgraft_synchronous_commit_weaker", found), "1");
    assert_string_equal(value_of(text, "pgraft_held", found), "1");
    assert_string_equal(value_of(text, "pgraft_any_one_may_fail", found), "0");
    assert_string_equal(value_with(text, "pgraft_member_heard", ",member=\"pg2\"", found), "0");
    assert_string_equal(value_with(text, "pgraft_member_heard", ",member=\"w1\"", found), "1");
    assert_string_equal(value_with(text, "pgraft_member_lag_bytes", ",member=\"pg3\"", found),
                        "16");
    assert_string_equal(value_with(text, "pgraft_member_lag_bytes", ",member=\"pg1\"", found),
                        "absent");
    assert_string_equal(value_with(text, "pgraft_member_lag_bytes", ",member=\"w1\"", found),
                        "absent");
}

static void each_cause_of_slowness_has_its_sample(void **state)
{
    CLEANUP(buf_close) struct buf out = {0};
    char found[32];
    (void)state;
    view_kit_fill(&view, "w1");
    view.self.timing[TIMING_SCHEDULING].ms = 7;
    view.self.timing[TIMING_ROUND_TRIP] = (struct view_timing){.ms = 300, .is_amiss = true};
    const char *text = ours(VIEW_KIT_NOW_MS, &out);
    assert_string_equal(
        value_with(text, "pgraft_timing_milliseconds", ",what=\"scheduling\"", found), "7");
    assert_string_equal(value_with(text, "pgraft_timing_milliseconds", ",what=\"fsync\"", found),
                        "0");
    assert_string_equal(
        value_with(text, "pgraft_timing_milliseconds", ",what=\"round trip\"", found), "300");
    assert_string_equal(value_with(text, "pgraft_timing_amiss", ",what=\"fsync\"", found), "0");
    assert_string_equal(value_with(text, "pgraft_timing_amiss", ",what=\"round trip\"", found),
                        "1");
    assert_string_equal(value_of(text, "pgraft_supervises", found), "0");
    assert_string_equal(value_of(text, "pgraft_guard_state", found), "-1");
}

/* ---- the format ---- */

static void labels_are_escaped(void **state)
{
    CLEANUP(buf_close) struct buf labels = {0};
    (void)state;
    prom_label(&labels, "scope", "a\"b\\c\nd");
    prom_label(&labels, "name", NULL);
    assert_string_equal(buf_text(&labels), "scope=\"a\\\"b\\\\c\\nd\",name=\"\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_metric_of_patroni_is_there),
        cmocka_unit_test(there_are_no_others),
        cmocka_unit_test(each_metric_follows_what_it_tells_of),
        cmocka_unit_test(the_states_have_patronis_numbers),
        cmocka_unit_test(the_name_of_patroni_3_is_there_for_who_asks),
        cmocka_unit_test(ours_of_a_primary),
        cmocka_unit_test(what_has_run_out_is_not_held),
        cmocka_unit_test(writes_need_all_that_a_primary_needs),
        cmocka_unit_test(what_is_old_is_not_known),
        cmocka_unit_test(alarms_follow_what_they_tell_of),
        cmocka_unit_test(each_cause_of_slowness_has_its_sample),
        cmocka_unit_test(labels_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
