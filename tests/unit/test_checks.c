/* tests/unit/test_checks.c - what is amiss with a cluster, by what its nodes tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "ctl/checks.h"
#include "ctl/cluster_view.h"

#define MIB (UINT64_C(1) << 20)

static const char well_raft[] =
    "{'scope':'demo','state':'member','cluster_id':'5f','quorum':true,'voters':3,'majority':2,"
    "'can_lose':1,'missing':[],'used_bytes':10,'quota_bytes':1000,'quota_alarm':false,"
    "'members':[{'name':'pg1','version':'0.1.0','errors':[]},"
    "{'name':'pg2','version':'0.1.0','errors':[]},{'name':'w1','version':'0.1.0','errors':[]}]}";

static const char well_view[] =
    "{'supervised':true,'name':'pg1','quorum':true,'leader':'pg1','any_one_may_fail':true,"
    "'why_not':[],'notes':{},'held':false,'synchronous_mode':'off','synchronous_node_count':1,"
    "'cluster':{'members':[{'name':'pg1','role':'leader','state':'running'},"
    "{'name':'pg2','role':'replica','state':'streaming','lag':4096},"
    "{'name':'w1','role':'witness','state':'running'}]}}";

static const char well_selves[] =
    "{'pg1':{'version':'0.1.0','server_version':150018,'serves_writes':true,'free_bytes':"
    "10737418240,"
    "'is_full':false,'too_slow':{}},"
    "'pg2':{'version':'0.1.0','server_version':150018,'serves_writes':false,'free_bytes':"
    "10737418240,"
    "'is_full':false,'too_slow':{}}}";

/* JSON with apostrophes in the place of quotes. */
static json_t *json_of(const char *text)
{
    struct buf quoted = {0};
    for (const char *at = text; *at != '\0'; at++) {
        buf_char(&quoted, *at == '\'' ? '"' : *at);
    }
    json_t *value = json_loads(buf_text(&quoted), JSON_DECODE_ANY, NULL);
    MUST(value != NULL);
    buf_close(&quoted);
    return value;
}

static json_t *member_of(json_t *members, const char *name)
{
    size_t i = 0;
    json_t *member = NULL;
    json_array_foreach(members, i, member)
    {
        if (strcmp(view_text(member, "name"), name) == 0) {
            return member;
        }
    }
    UNREACHABLE("a test names a member that is not there");
}

/* "" for the thing itself, "pg2" for what it says of this member. */
static void merge(json_t *whole, const char *list, const char *name, const char *change)
{
    json_t *at = whole;
    json_auto_t *with = json_of(change);
    if (name[0] != '\0' && list[0] != '\0') {
        json_t *cluster = json_object_get(whole, "cluster");
        at = member_of(json_object_get(cluster != NULL ? cluster : whole, list), name);
    } else if (name[0] != '\0') {
        at = json_object_get(whole, name);
    }
    int rc = json_object_update(at, with);
    MUST(rc == 0);
}

static bool is_named(const char *name, void *arg)
{
    const char *wanted = arg;
    return wanted == NULL || strcmp(wanted, name) == 0;
}

struct scene {
    json_t *raft, *view, *selves;
};

static struct scene scene(void)
{
    return (struct scene){json_of(well_raft), json_of(well_view), json_of(well_selves)};
}

static void scene_close(struct scene *s)
{
    json_decref(s->raft);
    json_decref(s->view);
    json_decref(s->selves);
}

static struct check_facts facts_of(const struct scene *s)
{
    return (struct check_facts){.raft = s->raft,
                                .view = s->view,
                                .selves = s->selves,
                                .limits = {.lag_warning = 64 * MIB,
                                           .lag_critical = 1024 * MIB,
                                           .free_warning = 2048 * MIB,
                                           .free_critical = 512 * MIB}};
}

struct row {
    const char *of;     /* "raft", "view", "selves" */
    const char *list;   /* "members", or "" */
    const char *member; /* or "" */
    const char *change;
    const char *check;
    enum check_state state;
    const char *text;
};

static const struct row rows[] = {
    {"raft", "", "", "{}", "quorum", CHECK_OK, "3 votes, a majority is there"},
    {"raft", "", "", "{'quorum':false,'can_lose':0,'missing':['pg2','w1']}", "quorum",
     CHECK_CRITICAL,
     "no quorum: 2 of 3 votes are needed; missing: pg2, w1; what is shown may be old"},
    {"raft", "", "", "{'state':'removed','note':'pg1 was removed','quorum':false}", "quorum",
     CHECK_UNKNOWN, "removed: pg1 was removed"},
    {"raft", "", "", "{'missing':['w1']}", "members", CHECK_WARNING, "degraded: w1 is missing"},
    {"raft", "members", "pg2", "{'errors':['the disk is full']}", "members", CHECK_WARNING,
     "degraded: pg2: the disk is full"},
    {"raft", "", "", "{'can_lose':0}", "any-one", CHECK_WARNING,
     "the store has no vote to spare: the next one lost stops all writes"},
    {"view", "", "", "{'any_one_may_fail':false,'why_not':['a','b']}", "any-one", CHECK_WARNING,
     "a; b"},
    {"view", "", "", "{'any_one_may_fail':null}", "any-one", CHECK_WARNING,
     "the node that was asked does not know"},
    {"selves", "", "pg1", "{}", "primary", CHECK_OK, "pg1 takes writes"},
    {"selves", "", "pg1", "{'serves_writes':false}", "primary", CHECK_CRITICAL,
     "pg1 holds the lease and takes no writes: it is running"},
    {"selves", "", "", "{'pg1':'could not be reached'}", "primary", CHECK_WARNING,
     "pg1 holds the lease; whether it takes writes is not known: could not be reached"},
    {"view", "members", "pg1", "{'role':'replica'}", "primary", CHECK_CRITICAL,
     "nobody is primary"},
    {"view", "members", "pg1", "{'role':'standby_leader','state':'streaming'}", "primary", CHECK_OK,
     "pg1 leads, for a cluster elsewhere: nothing is written here"},
    {"view", "", "", "{'quorum':false}", "primary", CHECK_UNKNOWN,
     "what pg1 knows of PostgreSQL is old"},
    {"view", "members", "pg2", "{'state':'stopped'}", "databases", CHECK_WARNING, "pg2: stopped"},
    {"view", "", "", "{'notes':{'pg1':'slow'}}", "databases", CHECK_WARNING, "pg1: slow"},
    {"view", "", "", "{}", "databases", CHECK_OK, "all 2 are as they should be"},
    {"view", "", "", "{}", "lag", CHECK_OK, "nobody is more behind than 4.0 KiB"},
    {"view", "members", "pg2", "{'lag':67108863}", "lag", CHECK_OK,
     "nobody is more behind than 64.0 MiB"},
    {"view", "members", "pg2", "{'lag':67108864}", "lag", CHECK_WARNING, "pg2 is 64.0 MiB behind"},
    {"view", "members", "pg2", "{'lag':1073741824}", "lag", CHECK_CRITICAL,
     "pg2 is 1.0 GiB behind"},
    {"view", "members", "pg2", "{'lag':'unknown'}", "lag", CHECK_WARNING,
     "pg2 does not say how far it is"},
    {"view", "members", "pg2", "{'role':'leader','lag':null}", "lag", CHECK_OK,
     "there is no standby"},
    {"view", "", "", "{}", "sync", CHECK_OK, "off"},
    {"view", "", "", "{'synchronous_mode':'on'}", "sync", CHECK_CRITICAL,
     "0 of 1 synchronous standbys are there"},
    {"view", "", "", "{'synchronous_mode':'off','weaker':'role app'}", "sync", CHECK_OK, "off"},
    {"view", "", "", "{'held':true}", "pause", CHECK_WARNING,
     "the primary is held: no epoch is granted"},
    {"view", "", "", "{}", "fence", CHECK_OK, "nobody is fenced"},
    {"view", "", "", "{'fenced':{}}", "fence", CHECK_OK, "nobody is fenced"},
    {"view", "", "", "{'fenced':{'pg2':'fenced by root at 2026-11-22T10:00:00Z: disk','pg3':1}}",
     "fence", CHECK_WARNING, "pg2 is fenced by root at 2026-11-22T10:00:00Z: disk; pg3 is fenced"},
    {"view", "members", "pg2", "{'pending_restart':true}", "restart", CHECK_WARNING,
     "pg2 waits for a restart"},
    {"view", "members", "pg2",
     "{'pending_restart':true,'pending_restart_reason':{'max_connections':{}}}", "restart",
     CHECK_WARNING, "pg2 waits for a restart for max_connections"},
    {"selves", "", "pg2", "{'too_slow':{'fsync':412}}", "timing", CHECK_WARNING,
     "pg2: fsync of 412 ms"},
    {"selves", "", "pg2", "{}", "timing", CHECK_OK, "fast enough"},
    {"raft", "", "", "{'used_bytes':799}", "disk", CHECK_OK, "there is room"},
    {"raft", "", "", "{'used_bytes':800}", "disk", CHECK_WARNING, "the store uses 800 B of 1000 B"},
    {"raft", "", "", "{'quota_alarm':true}", "disk", CHECK_CRITICAL,
     "the store uses 10 B of 1000 B, and refuses writes"},
    {"selves", "", "pg2", "{'free_bytes':2147483648}", "disk", CHECK_OK, "there is room"},
    {"selves", "", "pg2", "{'free_bytes':2147483647}", "disk", CHECK_WARNING,
     "pg2 has 2.0 GiB left for its data"},
    {"selves", "", "pg2", "{'free_bytes':536870911}", "disk", CHECK_CRITICAL,
     "pg2 has 512.0 MiB left for its data"},
    {"selves", "", "pg2", "{'is_full':true,'free_bytes':0}", "disk", CHECK_CRITICAL,
     "pg2 has 0 B left for its data: a write found no room"},
    {"selves", "", "pg2", "{'free_bytes':null}", "disk", CHECK_OK, "there is room"},
    {"raft", "members", "w1", "{'version':'0.2.0'}", "version", CHECK_WARNING,
     "pgraft: pg1 0.1.0, pg2 0.1.0, w1 0.2.0"},
    {"selves", "", "pg2", "{'server_version':150017}", "version", CHECK_WARNING,
     "PostgreSQL: pg1 15.18, pg2 15.17"},
    {"selves", "", "pg2", "{'server_version':0}", "version", CHECK_OK, "the same everywhere"},
};

static void each_is_told_in_its_words_with_a_remedy(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        struct scene s = scene();
        json_t *whole = strcmp(r->of, "raft") == 0   ? s.raft
                        : strcmp(r->of, "view") == 0 ? s.view
                                                     : s.selves;
        merge(whole, r->list, r->member, r->change);
        struct check_facts facts = facts_of(&s);
        char name[32];
        (void)snprintf(name, sizeof(name), "%s", r->check);
        json_t *checks = checks_of(&facts, is_named, name);
        assert_int_equal(json_array_size(checks), 1);
        json_t *check = json_array_get(checks, 0);
        assert_string_equal(view_text(check, "text"), r->text);
        assert_string_equal(view_text(check, "state"), check_state_name(r->state));
        assert_int_equal(view_text(check, "remedy")[0] != '\0', r->state != CHECK_OK);
        assert_int_equal(checks_state(checks), r->state);
        json_decref(checks);
        scene_close(&s);
    }
}

static void a_synchronous_set_is_counted_by_who_streams(void **state)
{
    static const struct {
        const char *mode, *role, *pg2;
        int wanted;
        enum check_state state;
    } cases[] = {
        {"on", "sync_standby", "streaming", 1, CHECK_OK},
        {"quorum", "quorum_standby", "streaming", 1, CHECK_OK},
        {"quorum", "quorum_standby", "streaming", 0, CHECK_OK},
        {"quorum", "quorum_standby", "streaming", 2, CHECK_WARNING},
        {"on", "sync_standby", "running", 1, CHECK_CRITICAL},
        {"on", "replica", "streaming", 1, CHECK_CRITICAL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene s = scene();
        json_t *cluster = json_object_get(s.view, "cluster");
        json_t *member = member_of(json_object_get(cluster, "members"), "pg2");
        json_object_set_new(member, "role", json_string(cases[i].role));
        json_object_set_new(member, "state", json_string(cases[i].pg2));
        json_object_set_new(s.view, "synchronous_mode", json_string(cases[i].mode));
        json_object_set_new(s.view, "synchronous_node_count", json_integer(cases[i].wanted));
        struct check_facts facts = facts_of(&s);
        char name[] = "sync";
        json_t *checks = checks_of(&facts, is_named, name);
        assert_int_equal(checks_state(checks), cases[i].state);
        json_decref(checks);
        scene_close(&s);
    }
}

static void who_is_asked_for_less_is_a_warning_beside_the_rest(void **state)
{
    struct scene s = scene();
    (void)state;
    merge(s.view, "", "", "{'synchronous_mode':'quorum','weaker':'role app: off'}");
    merge(s.view, "members", "pg2", "{'role':'quorum_standby'}");
    struct check_facts facts = facts_of(&s);
    char name[] = "sync";
    json_t *checks = checks_of(&facts, is_named, name);
    json_t *check = json_array_get(checks, 0);
    assert_int_equal(checks_state(checks), CHECK_WARNING);
    assert_string_equal(view_text(check, "text"),
                        "role app: off; what these commit may be lost by a failover");
    json_decref(checks);
    scene_close(&s);
}

static void without_a_postgresql_only_the_store_is_looked_at(void **state)
{
    struct scene s = scene();
    (void)state;
    struct check_facts facts = facts_of(&s);
    facts.view = NULL;
    json_t *checks = checks_of(&facts, is_named, NULL);
    assert_int_equal(json_array_size(checks), 5);
    assert_int_equal(checks_state(checks), CHECK_OK);
    json_decref(checks);
    facts.view_why = "no answer";
    checks = checks_of(&facts, is_named, NULL);
    assert_int_equal(json_array_size(checks), 13);
    assert_int_equal(checks_state(checks), CHECK_UNKNOWN);
    size_t i = 0;
    json_t *check = NULL;
    json_array_foreach(checks, i, check)
    {
        const char *name = view_text(check, "check");
        bool is_of_the_store = strcmp(name, "quorum") == 0 || strcmp(name, "members") == 0;
        assert_string_equal(view_text(check, "state"), is_of_the_store ? "OK" : "UNKNOWN");
    }
    json_decref(checks);
    merge(s.raft, "", "", "{'quota_alarm':true}");
    char disk[] = "disk";
    checks = checks_of(&facts, is_named, disk);
    assert_int_equal(checks_state(checks), CHECK_CRITICAL); /* what is known counts all the same */
    json_decref(checks);
    scene_close(&s);
}

static void critical_counts_more_than_a_warning_and_that_more_than_unknown(void **state)
{
    (void)state;
    static const enum check_state order[] = {CHECK_OK, CHECK_UNKNOWN, CHECK_WARNING,
                                             CHECK_CRITICAL};
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        for (size_t k = 0; k <= i; k++) {
            assert_int_equal(check_state_worse(order[i], order[k]), order[i]);
            assert_int_equal(check_state_worse(order[k], order[i]), order[i]);
        }
    }
}

static void the_line_of_a_plugin(void **state)
{
    struct scene s = scene();
    struct buf out = {0};
    (void)state;
    struct check_facts facts = facts_of(&s);
    char primary[] = "primary";
    json_t *checks = checks_of(&facts, is_named, primary);
    checks_put_nagios(&out, &facts, checks);
    assert_string_equal(
        buf_text(&out),
        "PGRAFT OK - demo: primary: pg1 takes writes | lag=4096B;67108864;1073741824;0 "
        "lag_pg2=4096B;67108864;1073741824;0 members=3 missing=0;;;0 can_lose=1;1:;;0 "
        "store=10B;;;0;1000 free_pg1=10737418240B;2147483648:;536870912:;0 "
        "free_pg2=10737418240B;2147483648:;536870912:;0\n");
    json_decref(checks);
    buf_clear(&out);
    merge(s.view, "members", "pg2", "{'name':'a b','lag':'unknown','state':'x|y'}");
    merge(s.view, "", "", "{'held':true}");
    merge(s.raft, "", "", "{'quorum':false}");
    checks = checks_of(&facts, is_named, NULL);
    checks_put_nagios(&out, &facts, checks);
    static const char begin[] = "PGRAFT CRITICAL - demo: quorum: no quorum: ";
    assert_int_equal(strncmp(buf_text(&out), begin, strlen(begin)), 0);
    assert_non_null(strstr(buf_text(&out), "; databases: a b: x/y; "));
    assert_non_null(strstr(buf_text(&out), " | lag=U 'lag_a b'=U members=3 "));
    assert_null(strstr(buf_text(&out), "version: "));
    const char *pipe = strchr(buf_text(&out), '|');
    assert_true(pipe != NULL && strchr(pipe + 1, '|') == NULL);
    json_decref(checks);
    buf_close(&out);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_told_in_its_words_with_a_remedy),
        cmocka_unit_test(a_synchronous_set_is_counted_by_who_streams),
        cmocka_unit_test(who_is_asked_for_less_is_a_warning_beside_the_rest),
        cmocka_unit_test(without_a_postgresql_only_the_store_is_looked_at),
        cmocka_unit_test(critical_counts_more_than_a_warning_and_that_more_than_unknown),
        cmocka_unit_test(the_line_of_a_plugin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
