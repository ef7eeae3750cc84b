/* ctl/adopt_checks.c - one check after the other, in words. */
#include "ctl/adopt_checks.h"

#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "config/dynamic.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/conditions.h"
#include "ctl/output.h"
#include "ctl/patroni_rows.h"

#define VOTERS_MIN 3
#define DRAFT "PGRAFT_CONFIGURATION" /* its lines are of a file that nobody has yet */

enum outcome { BAD, GOOD, WARNING };

__attribute__((format(printf, 4, 5))) static void add(json_t *checks, enum outcome outcome,
                                                      const char *remedy, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    json_t *check =
        conditions_add(checks, outcome != BAD, outcome == GOOD ? NULL : remedy, format, args);
    va_end(args);
    cmd_set(check, "warning", json_boolean(outcome == WARNING));
}

static enum outcome is(bool good)
{
    return good ? GOOD : BAD;
}

/* --- What Patroni says --- */

static json_t *members(const struct adopt_plan *p)
{
    return json_object_get(p->told->cluster, "members");
}

static bool is_leader(json_t *member)
{
    return strcmp(view_text(member, "role"), "leader") == 0;
}

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static void check_node(json_t *checks, const struct adopt_plan *p)
{
    json_t *patroni = json_object_get(p->told->node, "patroni");
    const char *scope = view_text(patroni, "scope");
    const char *name = view_text(patroni, "name");
    /* Patroni before 3.0 does not tell its name. */
    bool is_it = same(scope, p->old->scope) && (name[0] == '\0' || same(name, p->old->name));
    CLEANUP(mem_freep)
    char *remedy = mem_printf(
        "give the file of the Patroni that runs on this host; this one is %s of the "
        "cluster %s",
        name, scope);
    add(checks, is(is_it), remedy, "it is the node %s of the cluster %s",
        p->old->name != NULL ? p->old->name : "?", p->old->scope != NULL ? p->old->scope : "?");
}

static void check_pause(json_t *checks, const struct adopt_plan *p)
{
    add(checks, is(json_is_true(json_object_get(p->told->cluster, "pause"))),
        "patronictl pause --wait: else Patroni promotes another one, or ends PostgreSQL with "
        "itself",
        "the cluster is paused");
    add(checks, is(json_object_get(p->told->cluster, "scheduled_switchover") == NULL),
        "patronictl flush CLUSTER switchover", "no switchover is scheduled");
}

static void check_primary(json_t *checks, const struct adopt_plan *p)
{
    size_t i = 0;
    size_t leaders = 0;
    json_t *member = NULL;
    json_t *leader = NULL;
    json_array_foreach(members(p), i, member)
    {
        leaders += is_leader(member) ? 1 : 0;
        leader = is_leader(member) ? member : leader;
    }
    bool is_good = leaders == 1 && patroni_runs(leader);
    add(checks, is(is_good), "patronictl list shows who it is and how it is; mend that first",
        "there is one primary, and it runs%s%s", is_good ? ": " : "",
        is_good ? view_text(leader, "name") : "");
}

static void check_member(json_t *checks, const struct adopt_plan *p, json_t *member)
{
    const char *name = view_text(member, "name");
    json_t *pending = json_object_get(member, "pending_restart");
    CLEANUP(mem_freep)
    char *missing = mem_printf("add %s=HOST:7400 to --peers: else nobody looks after it", name);
    if (!is_leader(member)) {
        add(checks, is(patroni_runs(member)),
            "start it, or remove it from the cluster; patronictl list", "%s runs: %s", name,
            view_text(member, "state"));
    }
    if (p->list->count > 0) {
        add(checks, is(form_list_find(p->list, name) != NULL), missing, "%s is among the peers",
            name);
    }
    if (json_is_true(pending)) {
        add(checks, WARNING, "it goes on waiting; pgraftctl restart --pending does it later",
            "%s waits for a restart", name);
    }
}

static void check_cluster(json_t *checks, const struct adopt_plan *p)
{
    size_t i = 0;
    json_t *member = NULL;
    check_node(checks, p);
    check_pause(checks, p);
    check_primary(checks, p);
    json_array_foreach(members(p), i, member)
    {
        check_member(checks, p, member);
    }
}

/* --- What is here --- */

static void check_peers(json_t *checks, const struct adopt_plan *p)
{
    const char *name = p->old->name != NULL ? p->old->name : "";
    CLEANUP(buf_close) struct buf text = {0};
    form_list_text(p->list, &text);
    add(checks, is(form_list_find(p->list, name) != NULL),
        "give --peers NAME=HOST:7400,... with all nodes, the same on all hosts",
        "this node is among the peers%s%s", p->list->count > 0 ? ": " : "", buf_text(&text));
    if (p->list->count > 0 && p->list->count < VOTERS_MIN) {
        add(checks, WARNING,
            "a witness on a third host: add it to --peers and start it with pgraftd --witness",
            "%zu voters survive no failure", p->list->count);
    }
}

static void check_here(json_t *checks, const struct adopt_plan *p)
{
    struct adopt_here *here = p->here;
    add(checks, is(here->is_data), buf_text(&here->why), "the data directory has a PostgreSQL: %s",
        p->old->postgresql.data_dir != NULL ? p->old->postgresql.data_dir : "?");
    if (here->is_data) {
        add(checks, is(!here->is_noted), "it is pgraft's already: start pgraftd",
            "it is not pgraft's yet");
        add(checks, is(here->runs), "start it, with Patroni; a node that is down is cloned later",
            "its PostgreSQL runs");
    }
    add(checks, is(here->starter.size == 0), buf_text(&here->starter),
        "nothing else starts it at the next boot");
    add(checks, is(here->has_secret),
        "once: pgraftctl secret generate --output FILE; then copied to all hosts, for the owner of "
        "the data alone",
        "the secret of the peers is there: %s", p->secret_file);
    add(checks, is(!here->has_output), "give another --output, or move that file away",
        "nothing is overwritten: %s", p->output);
}

/* @silent is said of our own nodes, as a rule. */
static void check_answer(json_t *checks, const char *silent)
{
    const char *text = silent != NULL ? silent : "";
    const char *end = strstr(text, "; is pgraftd");
    int size = (int)(end != NULL ? (size_t)(end - text) : strlen(text));
    CLEANUP(mem_freep)
    char *remedy = mem_printf("start it, or give --dynamic and --peers: %.*s", size, text);
    add(checks, is(silent == NULL), remedy, "Patroni answers");
}

json_t *adopt_checks(const struct adopt_plan *plan)
{
    json_t *checks = json_array();
    if (plan->is_offline) {
        add(checks, WARNING,
            "see with patronictl list that the cluster is paused and all of it runs",
            "Patroni was not asked");
    } else {
        check_answer(checks, plan->silent);
    }
    if (plan->told->cluster != NULL) {
        check_cluster(checks, plan);
    }
    check_peers(checks, plan);
    check_here(checks, plan);
    return checks;
}

/* --- What the configurations say --- */

static void add_lines(json_t *checks, enum outcome outcome, const struct problems *problems,
                      enum problem_level level, const char *remedy)
{
    CLEANUP(buf_close) struct buf lines = {0};
    problems_print_level(problems, level, &lines);
    for (const char *line = buf_text(&lines); *line != '\0';) {
        size_t size = strcspn(line, "\n");
        size_t begin = strncmp(line, DRAFT, sizeof(DRAFT) - 1) == 0 ? sizeof(DRAFT) - 1 : 0;
        begin += begin > 0 ? strspn(line + begin, ":0123456789 ") : 0;
        add(checks, outcome, remedy, "%.*s", (int)(size - begin), line + begin);
        line += size + (line[size] == '\n' ? 1 : 0);
    }
}

void adopt_checks_file(json_t *checks, const char *output, const struct problems *problems)
{
    add_lines(checks, BAD, problems, PROBLEM_ERROR, "mend it in Patroni's file");
    add_lines(checks, WARNING, problems, PROBLEM_WARNING, "see docs/from-patroni.md");
    if (problems_count(problems, PROBLEM_ERROR) == 0) {
        add(checks, GOOD, "", "what will be %s is a configuration of pgraft", output);
    }
}

/* Its warnings are those of the file that it will be in. */
bool adopt_checks_dynamic(json_t *checks, json_t *dynamic)
{
    CLEANUP(problems_close) struct problems problems = {0};
    CLEANUP(buf_close) struct buf text = {0};
    output_document(&text, OUTPUT_JSON, dynamic);
    int rc = config_dynamic_check(buf_text(&text), buf_text(&text), &problems);
    bool is_standby = json_object_size(json_object_get(dynamic, "standby_cluster")) > 0;
    add(checks, is(!is_standby), "promote it before (patronictl promote-cluster), or wait",
        "it is no standby cluster");
    add_lines(checks, BAD, &problems, PROBLEM_ERROR, "patronictl edit-config");
    if (rc == 0) {
        add(checks, GOOD, "", "its dynamic configuration is one of pgraft's");
    }
    return rc == 0 && !is_standby;
}
