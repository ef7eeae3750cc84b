/* ctl/switch_checks.c - one check after the other, in words. */
#include "ctl/switch_checks.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "ctl/cluster_view.h"
#include "ctl/conditions.h"
#include "ctl/patroni_rows.h"
#include "ctl/told.h"

#define NEAR_BYTES (64 << 20) /* the primary's own bound (supervisor/decide.c) */

__attribute__((format(printf, 4, 5))) static void add(json_t *checks, bool good, const char *remedy,
                                                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)conditions_add(checks, good, good ? NULL : remedy, format, args);
    va_end(args);
}

static bool is_fenced(json_t *member)
{
    return json_is_true(json_object_get(json_object_get(member, "tags"), "fenced"));
}

static bool may_lead(json_t *member)
{
    json_t *tags = json_object_get(member, "tags");
    json_t *priority = json_object_get(tags, "failover_priority");
    bool has_none = json_is_integer(priority) && json_integer_value(priority) < 1;
    return !json_is_true(json_object_get(tags, "nofailover")) && !has_none;
}

static bool is_near(json_t *member)
{
    json_t *lag = json_object_get(member, "lag");
    return json_is_integer(lag) && json_integer_value(lag) <= NEAR_BYTES;
}

static bool is_role(json_t *member, const char *role)
{
    return strcmp(view_text(member, "role"), role) == 0;
}

static bool waits_for_some(json_t *view)
{
    size_t i = 0;
    json_t *member = NULL;
    json_array_foreach(told_members(view), i, member)
    {
        if (is_role(member, "sync_standby")) {
            return true;
        }
    }
    return false;
}

bool switch_is_asynchronous(json_t *view, const char *name)
{
    return waits_for_some(view) && !is_role(told_member(view, name), "sync_standby");
}

/* While commits wait for certain standbys nobody else may be promoted; nobody at all, if there is
 * none of them. A node of an older version tells no mode. */
static bool may_take_over(json_t *view, const char *name)
{
    bool is_strict = strcmp(view_text(view, "synchronous_mode"), "on") == 0 || waits_for_some(view);
    return !is_strict || is_role(told_member(view, name), "sync_standby");
}

bool switch_is_fenced(json_t *view, const char *name)
{
    json_t *member = told_member(view, name);
    return member != NULL && is_fenced(member);
}

json_t *switch_candidates(json_t *view, const char *leader)
{
    json_t *names = json_array();
    size_t i = 0;
    json_t *member = NULL;
    json_array_foreach(told_members(view), i, member)
    {
        const char *name = view_text(member, "name");
        if (!patroni_is_witness(member) && strcmp(name, leader) != 0 && may_lead(member) &&
            !is_fenced(member)) {
            int rc = json_array_append_new(names, json_string(name));
            MUST(rc == 0);
        }
    }
    return names;
}

/* ---- who leads ---- */

static void check_leader(json_t *checks, json_t *view, const struct switch_plan *plan)
{
    const char *leader = view_text(view, "leader");
    bool has = leader[0] != '\0';
    if (plan->is_failover) {
        return; /* whoever leads, or nobody */
    }
    if (plan->leader != NULL && has) {
        add(checks, strcmp(plan->leader, leader) == 0,
            "leave --leader out, or name the primary of now", "%s is the primary",
            plan->leader[0] != '\0' ? plan->leader : "\"\"");
    } else {
        add(checks, has, "pgraftctl why says for whom it waits; pgraftctl failover names one",
            has ? "%s is the primary" : "%sthere is a primary", leader);
    }
}

/* ---- who is to ---- */

static void check_candidate(json_t *checks, json_t *view, const struct switch_plan *plan)
{
    const char *name = plan->candidate;
    json_t *member = told_member(view, name);
    bool has_leader = view_text(view, "leader")[0] != '\0';
    add(checks, member != NULL, "pgraftctl list names the members", "%s is a member", name);
    if (member == NULL) {
        return;
    }
    add(checks, strcmp(name, view_text(view, "leader")) != 0, "name another one",
        "%s is not the primary already", name);
    add(checks, may_lead(member), "take the tag away in its configuration, or name another one",
        "%s may be primary: no nofailover, no failover_priority 0", name);
    char remedy[128];
    (void)snprintf(remedy, sizeof(remedy), "pgraftctl unfence %s", name);
    add(checks, !is_fenced(member), remedy, "%s is not fenced", name);
    if (!plan->is_failover) {
        add(checks, may_take_over(view, name),
            "name a synchronous standby, or set synchronous_mode: quorum",
            "commits wait for %s, if they wait for anybody", name);
    }
    if (has_leader) {
        add(checks, patroni_streams(member), "pgraftctl why says what it waits for", "%s streams",
            name);
        add(checks, is_near(member), "wait until it has caught up: pgraftctl list -W",
            "%s lacks no more than 64 MiB of WAL", name);
    } else {
        add(checks, patroni_runs(member), "pgraftctl why says what it waits for", "%s runs", name);
    }
}

static void check_any(json_t *checks, json_t *view)
{
    json_auto_t *names = switch_candidates(view, view_text(view, "leader"));
    bool is_able = false;
    size_t i = 0;
    json_t *name = NULL;
    json_array_foreach(names, i, name)
    {
        json_t *member = told_member(view, json_string_value(name));
        is_able = is_able || (patroni_streams(member) && is_near(member) &&
                              may_take_over(view, json_string_value(name)));
    }
    add(checks, json_array_size(names) > 0,
        "add a member, take its tag nofailover away, or unfence one",
        "there is another member that may be primary");
    add(checks, is_able, "pgraftctl list shows state and lag; pgraftctl why what it waits for",
        "one of them streams, lacks no more than 64 MiB of WAL, and is synchronous if any has to "
        "be");
}

json_t *switch_checks(json_t *view, const struct switch_plan *plan)
{
    json_t *checks = json_array();
    json_t *cluster = json_object_get(view, "cluster");
    add(checks, told_has_quorum(view), "pgraftctl status says who is missing",
        "the store has a quorum");
    add(checks, !json_is_true(json_object_get(cluster, "pause")),
        "end the pause, and begin it again after: pgraftctl resume",
        "automatic changes of roles are not paused");
    add(checks, !json_is_true(json_object_get(view, "held")),
        "whoever holds it has to lift that first", "the primary is not held");
    check_leader(checks, view, plan);
    if (plan->candidate[0] != '\0') {
        check_candidate(checks, view, plan);
    } else {
        check_any(checks, view);
    }
    return checks;
}
