/* tests/unit/test_patroni.c - every path of Patroni's in every state a node can be in.
 *
 * Claim: the code of each path is the one of the contract for each state, role, lease, mode and
 * age; a walk over all of them shows that no path is always the same and that /primary is never
 * 200 without a lease that stands and a PostgreSQL out of recovery. */
#include "tests/lib/death.h"

#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/must.h"
#include "daemon/patroni.h"
#include "tests/lib/view_kit.h"

static const char *const path_names[PATRONI_PATHS] = {
    [PATRONI_PRIMARY] = "/primary",
    [PATRONI_LEADER] = "/leader",
    [PATRONI_STANDBY_LEADER] = "/standby-leader",
    [PATRONI_REPLICA] = "/replica",
    [PATRONI_READ_ONLY] = "/read-only",
    [PATRONI_SYNC] = "/synchronous",
    [PATRONI_READ_ONLY_SYNC] = "/read-only-sync",
    [PATRONI_QUORUM] = "/quorum",
    [PATRONI_READ_ONLY_QUORUM] = "/read-only-quorum",
    [PATRONI_ASYNC] = "/asynchronous",
    [PATRONI_HEALTH] = "/health",
    [PATRONI_LIVENESS] = "/liveness",
    [PATRONI_READINESS] = "/readiness",
    [PATRONI_STATUS] = "/patroni",
    [PATRONI_CLUSTER] = "/cluster",
    [PATRONI_HISTORY] = "/history",
    [PATRONI_CONFIG] = "/config",
    [PATRONI_METRICS] = "/metrics",
    [PATRONI_SWITCHOVER] = "/switchover",
    [PATRONI_FAILOVER] = "/failover",
    [PATRONI_RESTART] = "/restart",
    [PATRONI_RELOAD] = "/reload",
    [PATRONI_REINITIALIZE] = "/reinitialize",
    [PATRONI_FAILSAFE] = "/failsafe",
};

/* "lag=10&tag_a=b", as a URL has it, without escapes. */
static unsigned code_of(const char *target, const struct cluster_view *view, uint64_t boot_ms)
{
    char text[256];
    struct patroni_parameter room[8];
    struct patroni_query query = {.at = room};
    view_text_set(text, sizeof(text), target);
    char *rest = NULL;
    const char *path = strtok_r(text, "?", &rest);
    for (char *one = strtok_r(NULL, "&", &rest); one != NULL; one = strtok_r(NULL, "&", &rest)) {
        char *value = strchr(one, '=');
        MUST(value != NULL && query.count < ARRAY_LEN(room));
        *value = '\0';
        room[query.count] = (struct patroni_parameter){one, value + 1};
        query.count++;
    }
    enum patroni_path face = patroni_path(path);
    assert_int_not_equal(face, PATRONI_NONE);
    return patroni_code(face, &query, view, boot_ms);
}

/* ---- paths ---- */

static void paths_are_known_however_they_are_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum patroni_path path;
    } rows[] = {
        {"/", PATRONI_PRIMARY},
        {"//", PATRONI_PRIMARY},
        {"/master", PATRONI_PRIMARY},
        {"/read-write", PATRONI_PRIMARY},
        {"//leader", PATRONI_LEADER},
        {"/leader/", PATRONI_LEADER},
        {"/standby_leader", PATRONI_STANDBY_LEADER},
        {"/sync", PATRONI_SYNC},
        {"/read-only-synchronous", PATRONI_READ_ONLY_SYNC},
        {"/async", PATRONI_ASYNC},
        {"/patroni/anything", PATRONI_STATUS},
        {"/cluster/", PATRONI_CLUSTER},
        {"/history/x/y", PATRONI_HISTORY},
        {"//config/", PATRONI_CONFIG},
        {"/configuration", PATRONI_NONE},
        {"//metrics/", PATRONI_METRICS},
        {"/metrics/x", PATRONI_METRICS},
        {"//switchover/", PATRONI_SWITCHOVER},
        {"/failover/x", PATRONI_FAILOVER},
        {"//restart", PATRONI_RESTART},
        {"/reload/", PATRONI_RELOAD},
        {"/reinitialize/x", PATRONI_REINITIALIZE},
        {"/failsafe/", PATRONI_FAILSAFE},
        {"/primary/x", PATRONI_NONE},
        {"/primaryx", PATRONI_NONE},
        {"/pri", PATRONI_NONE},
        {"primary", PATRONI_NONE},
        {"", PATRONI_NONE},
        {"/nowhere", PATRONI_NONE},
        {"/pgraft/v1/since", PATRONI_NONE},
        {"/raft", PATRONI_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(patroni_path(rows[i].text), rows[i].path);
    }
    for (size_t i = 1; i < PATRONI_PATHS; i++) {
        assert_int_equal(patroni_path(path_names[i]), i);
    }
}

static void sizes_are_postgres_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        uint64_t bytes;
    } rows[] = {
        {"0", true, 0},
        {"1048576", true, 1048576},
        {"16kB", true, 16384},
        {"64 MB", true, 67108864},
        {"1.5MB", true, 1572864},
        {"1GB", true, 1073741824},
        {" 2TB ", true, UINT64_C(2199023255552)},
        {"10B", true, 10},
        {"", false, 0},
        {"garbage", false, 0},
        {"1KB", false, 0},
        {"1mb", false, 0},
        {"-1", false, 0},
        {"1.2.3", false, 0},
        {"1 MB x", false, 0},
        {"9999999TB", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t bytes = 7;
        assert_int_equal(patroni_bytes(rows[i].text, &bytes), rows[i].good);
        assert_int_equal(bytes, rows[i].good ? rows[i].bytes : 7);
    }
}

/* ---- one row per situation ---- */

struct story {
    const char *is;
    const char *node;
    void (*change)(struct cluster_view *view);
    const char *good; /* the paths that are 200; all others are 503 */
};

#define ALWAYS                                                                     \
    " /patroni /cluster /history /config /metrics /switchover /failover /restart " \
    "/reload /reinitialize /failsafe "
#define LEADS " /primary /leader /read-only /read-only-sync /read-only-quorum /readiness "
#define RUNS " /health /liveness "
#define FOLLOWS " /replica /read-only /readiness "

static void nothing(struct cluster_view *view)
{
    (void)view;
}
static void lease_is_over(struct cluster_view *view)
{
    view->self.lease_until_boot_ms = VIEW_KIT_NOW_MS;
}
static void in_recovery(struct cluster_view *view)
{
    view->self.role = VIEW_REPLICA;
}
static void behind_the_fence(struct cluster_view *view)
{
    view->self.serves_writes = false;
}
static void held_without_end(struct cluster_view *view)
{
    view->self.lease_until_boot_ms = UINT64_MAX;
}
static void starting(struct cluster_view *view)
{
    view->self.state = VIEW_STARTING;
}
static void silent(struct cluster_view *view)
{
    view->self.sql_answers = false;
}
static void standby_cluster(struct cluster_view *view);
static void silent_standby_leader(struct cluster_view *view)
{
    standby_cluster(view);
    silent(view);
}
static void stale(struct cluster_view *view)
{
    view->published_boot_ms = VIEW_KIT_NOW_MS - VIEW_STALE_MS - 1;
}
static void sync_on(struct cluster_view *view)
{
    view_kit_sync(view, SYNC_ON, "pg3,pg2");
}
static void sync_other(struct cluster_view *view)
{
    view_kit_sync(view, SYNC_ON, "pg3");
}
static void sync_quorum(struct cluster_view *view)
{
    view_kit_sync(view, SYNC_QUORUM, "pg2");
}
static void sync_alone(struct cluster_view *view)
{
    sync_on(view);
    view->has_quorum = false;
}
static void standby_cluster(struct cluster_view *view)
{
    view->is_standby_cluster = true;
    view->self.role = VIEW_STANDBY_LEADER;
}
static void standby_of_standbys(struct cluster_view *view)
{
    view->is_standby_cluster = true;
}
static void unbalanced(struct cluster_view *view)
{
    view_kit_tag(&view->self.tags, "noloadbalance", "true", VIEW_TAG_BOOL);
}
static void fenced(struct cluster_view *view)
{
    view->self.is_fenced = true;
}
static void balanced(struct cluster_view *view)
{
    view_kit_tag(&view->self.tags, "noloadbalance", "false", VIEW_TAG_BOOL);
}
static void far_behind(struct cluster_view *view)
{
    view->leader_lsn += 2 * view->lag_bytes_max;
}
static void from_archive(struct cluster_view *view)
{
    view->self.flow = VIEW_ARCHIVE;
}
static void hidden(struct cluster_view *view)
{
    view->has_quorum = false;
}
static void hidden_end_known(struct cluster_view *view)
{
    view->has_quorum = false;
    view->self.latest_end = (struct view_lsn){true, VIEW_KIT_LSN};
}
static void blank(struct cluster_view *view)
{
    memset(view, 0, sizeof(*view));
    view->self.supervises = true;
}

static const struct story stories[] = {
    {"a primary with its lease", "pg1", nothing, ALWAYS LEADS RUNS},
    {"... whose lease has just run out", "pg1", lease_is_over, ALWAYS RUNS},
    {"... that has the lease and is still in recovery: a leader, no primary", "pg1", in_recovery,
     ALWAYS RUNS " /leader /readiness /replica /read-only /asynchronous "},
    {"... that is out of recovery and still behind its fence", "pg1", behind_the_fence,
     ALWAYS RUNS " /leader /readiness "},
    {"... held without end", "pg1", held_without_end, ALWAYS LEADS RUNS},
    {"... with nobody looking after it: the lease alone says until when", "pg1", stale,
     ALWAYS " /primary /leader /read-only /readiness "},
    {"... that does not answer: what was seen last, and whether writes are served, is the "
     "supervisor's to say",
     "pg1", silent,
     ALWAYS " /liveness /primary /leader /read-only /read-only-sync /read-only-quorum /readiness "},
    {"the leader of a standby cluster that does not answer", "pg1", silent_standby_leader,
     ALWAYS " /liveness /leader /readiness "},
    {"... that sees no majority", "pg1", hidden,
     ALWAYS RUNS " /primary /leader /read-only /readiness "},
    {"... of a cluster with synchronous standbys", "pg1", sync_on, ALWAYS LEADS RUNS},
    {"the leader of a standby cluster", "pg1", standby_cluster,
     ALWAYS RUNS
     " /standby-leader /leader /read-only /read-only-sync /read-only-quorum /readiness "},
    {"a standby", "pg2", nothing, ALWAYS RUNS FOLLOWS " /asynchronous "},
    {"... that starts", "pg2", starting, ALWAYS " /liveness "},
    {"... that runs and does not answer", "pg2", silent, ALWAYS " /liveness "},
    {"... with nobody looking after it", "pg2", stale, ALWAYS},
    {"... that is synchronous", "pg2", sync_on,
     ALWAYS RUNS FOLLOWS " /synchronous /read-only-sync "},
    {"... while another one is", "pg2", sync_other, ALWAYS RUNS FOLLOWS " /asynchronous "},
    {"... that is one of a quorum", "pg2", sync_quorum,
     ALWAYS RUNS FOLLOWS " /quorum /read-only-quorum "},
    {"... that is synchronous and sees no majority", "pg2", sync_alone,
     ALWAYS RUNS " /replica /read-only "},
    {"... of a standby cluster", "pg2", standby_of_standbys, ALWAYS RUNS FOLLOWS " /asynchronous "},
    {"... that is not to be balanced", "pg2", unbalanced, ALWAYS RUNS " /readiness "},
    {"... that is fenced", "pg2", fenced, ALWAYS RUNS},
    {"... that may be balanced", "pg2", balanced, ALWAYS RUNS FOLLOWS " /asynchronous "},
    {"... far behind: for /readiness alone there is a limit by itself", "pg2", far_behind,
     ALWAYS RUNS " /replica /read-only /asynchronous "},
    {"... from the archive", "pg2", from_archive,
     ALWAYS RUNS " /replica /read-only /asynchronous "},
    {"... that sees no majority", "pg2", hidden, ALWAYS RUNS " /replica /read-only "},
    {"... that sees none, and its primary says where it is", "pg2", hidden_end_known,
     ALWAYS RUNS FOLLOWS},
    {"a node that has just started", "pg2", blank, ALWAYS},
};

static void every_path_in_every_situation(void **state)
{
    static struct cluster_view view;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(stories); i++) {
        view_kit_fill(&view, stories[i].node);
        stories[i].change(&view);
        for (size_t p = 1; p < PATRONI_PATHS; p++) {
            char word[40];
            (void)snprintf(word, sizeof(word), " %s ", path_names[p]);
            unsigned wanted = strstr(stories[i].good, word) != NULL ? 200 : 503;
            unsigned got = code_of(path_names[p], &view, VIEW_KIT_NOW_MS);
            if (got != wanted) {
                print_message("%s: %s is %u\n", stories[i].is, path_names[p], got);
            }
            assert_int_equal(got, wanted);
        }
    }
}

/* ---- parameters ---- */

static void parameters_narrow_it_down(void **state)
{
    static struct cluster_view view;
    (void)state;
    static const struct {
        const char *target;
        unsigned code;
    } rows[] = {
        {"/replica?lag=1999", 503},
        {"/replica?lag=2000", 200},
        {"/replica?lag=2kB", 200},
        {"/replica?lag=1kB", 503},
        {"/replica?lag=garbage", 200},
        {"/replica?lag=2000&lag=1", 200},
        {"/read-only?lag=1", 503},
        {"/async?lag=1", 503},
        {"/health?lag=1", 200},
        {"/readiness?lag=1999", 503},
        {"/readiness?lag=2000", 200},
        {"/readiness?lag=999&mode=write", 503},
        {"/readiness?lag=1000&mode=write", 200},
        {"/readiness?lag=1000&mode=apply", 503},
        {"/replica?replication_state=streaming", 200},
        {"/replica?replication_state=in archive recovery", 503},
        {"/replica?tag_zone=b", 200},
        {"/replica?tag_zone=a", 503},
        {"/replica?tag_clonefrom=true", 200},
        {"/replica?tag_clonefrom=True", 503},
        {"/replica?tag_weight=1.4", 200},
        {"/replica?tag_nothing=1", 503},
        {"/replica?tag_zone=b&tag_zone=a", 200},
        {"/replica?tag_zone=b&tag_clonefrom=false", 503},
        {"/health?tag_zone=a", 503},
        {"/liveness?tag_zone=a", 200},
        {"/patroni?tag_zone=a", 200},
    };
    view_kit_fill(&view, "pg2");
    view.self.received.lsn -= 1000;
    view.self.replayed.lsn -= 2000;
    view_kit_tag(&view.self.tags, "zone", "b", VIEW_TAG_TEXT);
    view_kit_tag(&view.self.tags, "clonefrom", "true", VIEW_TAG_BOOL);
    view_kit_tag(&view.self.tags, "weight", "1.4", VIEW_TAG_NUMBER);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned got = code_of(rows[i].target, &view, VIEW_KIT_NOW_MS);
        if (got != rows[i].code) {
            print_message("%s is %u\n", rows[i].target, got);
        }
        assert_int_equal(got, rows[i].code);
    }
    view_kit_fill(&view, "pg1");
    assert_int_equal(code_of("/primary?tag_zone=a&lag=0", &view, VIEW_KIT_NOW_MS), 200);
}

/* ---- all there is ---- */

struct walk {
    size_t count[PATRONI_PATHS][2];
};

static void look_at(struct walk *w, const struct cluster_view *view)
{
    bool leads = VIEW_KIT_NOW_MS < view->self.lease_until_boot_ms;
    for (size_t p = 1; p < PATRONI_PATHS; p++) {
        unsigned code = code_of(path_names[p], view, VIEW_KIT_NOW_MS);
        bool good = code == 200;
        assert_true(good || code == 503);
        w->count[p][good ? 1 : 0]++;
        if (p == PATRONI_PRIMARY && good) {
            assert_true(leads && view->self.role == VIEW_PRIMARY && view->self.serves_writes);
        }
        if (p == PATRONI_LEADER) {
            assert_int_equal(good, leads);
        }
    }
    bool primary = code_of("/primary", view, VIEW_KIT_NOW_MS) == 200;
    bool replica = code_of("/replica", view, VIEW_KIT_NOW_MS) == 200;
    bool standby = code_of("/standby-leader", view, VIEW_KIT_NOW_MS) == 200;
    assert_false(primary && (replica || standby));
    assert_int_equal(code_of("/read-only", view, VIEW_KIT_NOW_MS) == 200,
                     primary || replica || standby);
}

static void no_path_is_good_without_its_reason(void **state)
{
    static struct cluster_view view;
    struct walk w = {.count = {{0}}};
    (void)state;
    for (unsigned bits = 0; bits < 1U << 6; bits++) {
        for (int s = 0; s <= VIEW_CRASHED; s++) {
            for (int role = 0; role <= VIEW_PROMOTED; role++) {
                view_kit_fill(&view, "pg2");
                view.self.state = (enum view_state)s;
                view.self.role = (enum view_role)role;
                view.self.lease_until_boot_ms =
                    (bits & 1U) != 0 ? VIEW_KIT_NOW_MS + 1 : VIEW_KIT_NOW_MS;
                view.is_standby_cluster = (bits & 2U) != 0;
                view.has_quorum = (bits & 4U) != 0;
                view.self.serves_writes = (bits & 32U) != 0;
                view.published_boot_ms = (bits & 8U) != 0 ? VIEW_KIT_NOW_MS : 1;
                view_kit_sync(&view, (bits & 16U) != 0 ? SYNC_ON : SYNC_QUORUM, "pg2");
                look_at(&w, &view);
            }
        }
    }
    for (size_t p = 1; p < PATRONI_PATHS; p++) {
        bool never_bad = p >= PATRONI_STATUS;
        assert_true(w.count[p][1] > 0 || p == PATRONI_ASYNC); /* all are listed in /sync here */
        assert_int_equal(w.count[p][0] > 0, !never_bad);
    }
}

/* ---- documents ---- */

static void the_status_document_is_patronis(void **state)
{
    static struct cluster_view view;
    struct buf out = {0};
    (void)state;
    view_kit_fill(&view, "pg2");
    view_kit_sync(&view, SYNC_ON, "pg2");
    view.is_paused = true;
    view_kit_tag(&view.self.tags, "clonefrom", "true", VIEW_TAG_BOOL);
    view.self.restart = (struct view_restart){
        .is_pending = true,
        .reason_count = 1,
        .reasons = {{"max_connections", "100", "101"}},
        .schedule = "2026-12-01T04:00:00+01:00",
        .only_pending = true,
        .timeout_ms = 1500,
    };
    patroni_put_status(&out, &view, VIEW_KIT_NOW_MS);
    assert_string_equal(
        buf_text(&out),
        "{\"state\":\"running\",\"postmaster_start_time\":\"2026-11-02 08:15:03.120000+00:00\","
        "\"role\":\"replica\",\"server_version\":150020,"
        "\"xlog\":{\"received_location\":83886408,\"replayed_location\":83886408,"
        "\"replayed_timestamp\":\"2026-11-02 08:16:40.5+00:00\",\"paused\":false},"
        "\"sync_standby\":true,\"timeline\":5,\"replication_state\":\"streaming\","
        "\"pause\":true,\"dcs_last_seen\":1793607404,\"tags\":{\"clonefrom\":true},"
        "\"database_system_identifier\":\"7450012345678901234\",\"pending_restart\":true,"
        "\"pending_restart_reason\":{\"max_connections\":{\"old_value\":\"100\","
        "\"new_value\":\"101\"}},\"patroni\":{\"version\":\"0.1.0\",\"scope\":\"demo\","
        "\"name\":\"pg2\"},\"scheduled_restart\":{\"schedule\":\"2026-12-01T04:00:00+01:00\","
        "\"restart_pending\":true,\"timeout\":2}}");
    buf_clear(&out);
    view_kit_fill(&view, "pg1");
    patroni_put_status(&out, &view, VIEW_KIT_NOW_MS);
    assert_string_equal(
        buf_text(&out),
        "{\"state\":\"running\",\"postmaster_start_time\":\"2026-11-02 08:15:03.120000+00:00\","
        "\"role\":\"primary\",\"server_version\":150020,\"xlog\":{\"location\":83886408},"
        "\"timeline\":5,\"replication\":[{\"usename\":\"replicator\","
        "\"application_name\":\"pg2\",\"client_addr\":\"10.0.0.2\",\"state\":\"streaming\","
        "\"sync_state\":\"async\",\"sync_priority\":0}],\"dcs_last_seen\":1793607404,"
        "\"database_system_identifier\":\"7450012345678901234\",\"patroni\":{"
        "\"version\":\"0.1.0\",\"scope\":\"demo\",\"name\":\"pg1\"}}");
    buf_clear(&out);
    view.leader.text[0] = '\0';
    for (int silent = 0; silent <= 1; silent++) { /* and when nobody looks */
        view.self.sql_answers = silent == 0;
        patroni_put_status(&out, &view, VIEW_KIT_NOW_MS + (silent == 0 ? VIEW_STALE_MS + 1 : 0));
        assert_string_equal(buf_text(&out),
                            "{\"state\":\"unknown\",\"role\":\"primary\",\"cluster_unlocked\":true,"
                            "\"dcs_last_seen\":1793607404,"
                            "\"database_system_identifier\":\"7450012345678901234\",\"patroni\":{"
                            "\"version\":\"0.1.0\",\"scope\":\"demo\",\"name\":\"pg1\"}}");
        buf_clear(&out);
    }
    view.self.sql_answers = false;
    view.self.state = VIEW_STARTING; /* that is known of it */
    patroni_put_status(&out, &view, VIEW_KIT_NOW_MS);
    assert_memory_equal(buf_text(&out), "{\"state\":\"starting\",\"role\":\"primary\",\"cl", 40);
    buf_clear(&out);
    view_kit_fill(&view, "w1");
    patroni_put_status(&out, &view, VIEW_KIT_NOW_MS);
    assert_string_equal(buf_text(&out),
                        "{\"state\":\"running\",\"role\":\"witness\",\"dcs_last_seen\":1793607404,"
                        "\"database_system_identifier\":\"7450012345678901234\",\"patroni\":{"
                        "\"version\":\"0.1.0\",\"scope\":\"demo\",\"name\":\"w1\"}}");
    buf_close(&out);
}

static void why_postgresql_can_not_be_connected_to_is_told(void **state)
{
    static struct cluster_view view;
    struct buf out = {0};
    (void)state;
    view_kit_fill(&view, "pg2");
    patroni_put_status(&out, &view, VIEW_KIT_NOW_MS);
    assert_null(strstr(buf_text(&out), "connection_trouble"));
    buf_clear(&out);
    view_text_set(view.door_trouble, sizeof(view.door_trouble), "a wrong \"password\"");
    patroni_put_status(&out, &view, VIEW_KIT_NOW_MS);
    assert_non_null(strstr(buf_text(&out),
                           ",\"connection_trouble\":\"a wrong \\\"password\\\"\",\"patroni\":"));
    buf_close(&out);
}

static void the_cluster_is_patronis(void **state)
{
    static struct cluster_view view;
    struct buf out = {0};
    (void)state;
    view_kit_fill(&view, "w1");
    view_kit_sync(&view, SYNC_ON, "pg2");
    view.leader_lsn = VIEW_KIT_LSN + 16;
    view_kit_member(&view, "pg2")->received.lsn = VIEW_KIT_LSN + 16;
    view_kit_member(&view, "pg3")->state = VIEW_CREATING_REPLICA;
    view_kit_member(&view, "pg3")->flow = VIEW_FLOW_NONE;
    view_kit_member(&view, "pg3")->timeline = 0;
    view_kit_member(&view, "pg3")->received.is_known = false;
    view_kit_member(&view, "pg3")->replayed.is_known = false;
    view.is_paused = true;
    view_text_set(view.switchover_at, sizeof(view.switchover_at), "2026-12-01T04:00:00+01:00");
    view.switchover_from = view.leader;
    patroni_put_cluster(&out, &view, false, VIEW_KIT_NOW_MS);
    assert_string_equal(
        buf_text(&out),
        "{\"members\":[{\"name\":\"pg1\",\"role\":\"leader\",\"state\":\"running\","
        "\"api_url\":\"http://10.0.0.1:8008/patroni\",\"host\":\"10.0.0.1\",\"port\":5432,"
        "\"timeline\":5},{\"name\":\"pg2\",\"role\":\"sync_standby\",\"state\":\"streaming\","
        "\"api_url\":\"http://10.0.0.2:8008/patroni\",\"host\":\"10.0.0.2\",\"port\":5432,"
        "\"timeline\":5,\"receive_lag\":0,\"receive_lsn\":\"0/5000158\",\"replay_lag\":16,"
        "\"replay_lsn\":\"0/5000148\",\"lag\":0,\"lsn\":\"0/5000158\"},"
        "{\"name\":\"pg3\",\"role\":\"replica\",\"state\":\"creating replica\","
        "\"api_url\":\"http://10.0.0.3:8008/patroni\",\"host\":\"10.0.0.3\",\"port\":5432,"
        "\"receive_lag\":\"unknown\",\"receive_lsn\":\"unknown\",\"replay_lag\":\"unknown\","
        "\"replay_lsn\":\"unknown\",\"lag\":\"unknown\",\"lsn\":\"unknown\"}],"
        "\"pause\":true,\"scheduled_switchover\":{\"at\":\"2026-12-01T04:00:00+01:00\","
        "\"from\":\"pg1\"},\"scope\":\"demo\"}");
    buf_clear(&out);
    patroni_put_history(&out, &view);
    assert_string_equal(buf_text(&out),
                        "[[3,50331808,\"no recovery target specified\","
                        "\"2026-11-02T08:10:00.000000+00:00\"],[4,67109024,"
                        "\"no recovery target specified\",\"2026-11-02T08:10:00.000000+00:00\","
                        "\"pg1\"]]");
    buf_close(&out);
}

static json_t *cluster_of(const struct cluster_view *view, bool with_witnesses)
{
    struct buf out = {0};
    patroni_put_cluster(&out, view, with_witnesses, VIEW_KIT_NOW_MS);
    json_t *cluster = json_loads(buf_text(&out), 0, NULL);
    assert_non_null(cluster);
    buf_close(&out);
    return cluster;
}

static void witnesses_and_doubt_are_told_where_asked_for(void **state)
{
    static struct cluster_view view;
    (void)state;
    view_kit_fill(&view, "pg1");
    json_t *cluster = cluster_of(&view, true);
    json_t *witness = json_array_get(json_object_get(cluster, "members"), 3);
    assert_string_equal(json_string_value(json_object_get(witness, "role")), "witness");
    assert_null(json_object_get(witness, "host"));
    assert_null(json_object_get(cluster, "pgraft"));
    json_decref(cluster);
    view.has_quorum = false;
    view_kit_member(&view, "pg3")->is_fresh = false;
    cluster = cluster_of(&view, false);
    assert_int_equal(json_array_size(json_object_get(cluster, "members")), 3);
    json_t *doubt = json_object_get(cluster, "pgraft");
    assert_true(json_is_false(json_object_get(doubt, "quorum")));
    assert_int_equal(json_integer_value(json_object_get(doubt, "age_ms")), 40);
    json_t *missing = json_object_get(doubt, "missing");
    assert_string_equal(json_string_value(json_array_get(missing, 0)), "pg3");
    json_decref(cluster);
}

/* What is told of any view is JSON, a blank one too. */
static void every_document_is_json(void **state)
{
    static struct cluster_view view;
    struct buf out = {0};
    (void)state;
    static const char *const nodes[] = {"", "pg1", "pg2", "w1"};
    for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
        memset(&view, 0, sizeof(view));
        if (nodes[i][0] != '\0') {
            view_kit_fill(&view, nodes[i]);
        }
        patroni_put_view(&out, &view, VIEW_KIT_NOW_MS);
        json_t *told = json_loads(buf_text(&out), JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(told);
        assert_true(json_is_object(json_object_get(told, "cluster")));
        assert_true(json_is_array(json_object_get(told, "history")));
        assert_true(json_is_array(json_object_get(told, "decisions")));
        json_decref(told);
        buf_clear(&out);
        patroni_put_events(&out, &view, 1);
        told = json_loads(buf_text(&out), JSON_REJECT_DUPLICATES, NULL);
        assert_int_equal(json_array_size(json_object_get(told, "events")), i > 0 ? 1 : 0);
        json_decref(told);
        buf_clear(&out);
    }
    buf_close(&out);
}

static void the_mode_that_is_in_force_is_told(void **state)
{
    static const char *const modes[] = {[SYNC_OFF] = "\"synchronous_mode\":\"off\"",
                                        [SYNC_QUORUM] = "\"synchronous_mode\":\"quorum\"",
                                        [SYNC_ON] = "\"synchronous_mode\":\"on\""};
    static struct cluster_view view;
    (void)state;
    view_kit_fill(&view, "pg2");
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        CLEANUP(buf_close) struct buf out = {0};
        view.sync_mode = (enum sync_mode)i;
        patroni_put_view(&out, &view, VIEW_KIT_NOW_MS);
        assert_non_null(strstr(buf_text(&out), modes[i]));
    }
}

/* {"too_slow": ...} of a node, whatever else it tells. */
static void what_only_the_node_itself_knows_is_told(void **state)
{
    static struct cluster_view view;
    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        CLEANUP(buf_close) struct buf out = {0};
        view_kit_fill(&view, turn == 0 ? "pg1" : "pg2");
        view.sync_nodes = 2;
        view.self.timing[TIMING_FSYNC] = (struct view_timing){.ms = 412, .is_amiss = turn == 0};
        view.self.task = (struct view_task){.id = turn == 0 ? 7 : 0, .is_clone = true};
        view.self.room = (struct view_room){
            .is_known = turn == 0, .is_full = turn == 0, .free_kib = turn == 0 ? 3 : 0};
        patroni_put_view(&out, &view, VIEW_KIT_NOW_MS);
        json_t *told = json_loads(buf_text(&out), JSON_REJECT_DUPLICATES, NULL);
        json_t *self = json_object_get(told, "self");
        assert_int_equal(json_integer_value(json_object_get(told, "synchronous_node_count")), 2);
        assert_int_equal(json_is_true(json_object_get(self, "serves_writes")), turn == 0);
        assert_int_equal(json_is_true(json_object_get(self, "is_full")), turn == 0);
        assert_int_equal(json_integer_value(json_object_get(self, "server_version")),
                         view.self.server_version);
        assert_string_equal(json_string_value(json_object_get(self, "version")), view.version);
        json_t *slow = json_object_get(self, "too_slow");
        json_t *free_bytes = json_object_get(self, "free_bytes");
        assert_int_equal(json_object_size(slow), turn == 0 ? 1 : 0);
        assert_int_equal(json_integer_value(json_object_get(slow, "fsync")), turn == 0 ? 412 : 0);
        assert_int_equal(json_integer_value(free_bytes), turn == 0 ? 3072 : 0);
        assert_int_equal(json_is_null(free_bytes), turn == 1);
        assert_int_equal(json_is_null(json_object_get(self, "task")), turn == 1);
        json_decref(told);
    }
    CLEANUP(buf_close) struct buf out = {0};
    view_kit_fill(&view, "w1");
    patroni_put_view(&out, &view, VIEW_KIT_NOW_MS);
    assert_non_null(strstr(buf_text(&out), "\"self\":null"));
}

static void what_comes_of_a_task_is_told(void **state)
{
    static struct cluster_view view;
    static const struct {
        struct view_task task;
        const char *told;
    } rows[] = {
        {{.id = 7}, "\"task\":{\"id\":7,\"kind\":\"restart\",\"state\":\"running\",\"why\":null}"},
        {{.id = 8, .is_clone = true, .is_over = true},
         "\"task\":{\"id\":8,\"kind\":\"reinitialize\",\"state\":\"done\",\"why\":null}"},
        {{.id = 9, .is_clone = true, .is_over = true, .why = "no room"},
         "\"kind\":\"reinitialize\",\"state\":\"failed\",\"why\":\"no room\"}"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_close) struct buf out = {0};
        view_kit_fill(&view, "pg2");
        view.self.task = rows[i].task;
        patroni_put_view(&out, &view, VIEW_KIT_NOW_MS);
        assert_non_null(strstr(buf_text(&out), rows[i].told));
    }
}

/* The primary alone knows who asks it for less; it is told only where somebody does. */
static void who_asks_for_less_is_told_of_the_leader(void **state)
{
    static struct cluster_view view;
    struct buf out = {0};
    (void)state;
    view_kit_fill(&view, "pg2");
    view_text_set(view_kit_member(&view, "pg3")->weaker, VIEW_TEXT_SIZE, "role old");
    patroni_put_view(&out, &view, VIEW_KIT_NOW_MS);
    assert_null(strstr(buf_text(&out), "weaker"));
    view_text_set(view_kit_member(&view, "pg1")->weaker, VIEW_TEXT_SIZE, "role app: \"x\"");
    buf_clear(&out);
    patroni_put_view(&out, &view, VIEW_KIT_NOW_MS);
    assert_non_null(strstr(buf_text(&out), "\"weaker\":\"role app: \\\"x\\\"\""));
    buf_close(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_known_however_they_are_written),
        cmocka_unit_test(sizes_are_postgres_sizes),
        cmocka_unit_test(every_path_in_every_situation),
        cmocka_unit_test(parameters_narrow_it_down),
        cmocka_unit_test(no_path_is_good_without_its_reason),
        cmocka_unit_test(the_status_document_is_patronis),
        cmocka_unit_test(why_postgresql_can_not_be_connected_to_is_told),
        cmocka_unit_test(the_cluster_is_patronis),
        cmocka_unit_test(witnesses_and_doubt_are_told_where_asked_for),
        cmocka_unit_test(every_document_is_json),
        cmocka_unit_test(the_mode_that_is_in_force_is_told),
        cmocka_unit_test(who_asks_for_less_is_told_of_the_leader),
        cmocka_unit_test(what_only_the_node_itself_knows_is_told),
        cmocka_unit_test(what_comes_of_a_task_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
