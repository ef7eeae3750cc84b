/* ctl/checks.c - one check after the other: what is amiss, in the words of status, and the remedy.
 */
#include "ctl/checks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/output.h"
#include "ctl/output_text.h"
#include "ctl/patroni_rows.h"
#include "ctl/told.h"

#define QUOTA_PERCENT 80 /* of it in use: a warning */

static const char *const state_names[] = {[CHECK_OK] = "OK",
                                          [CHECK_WARNING] = "WARNING",
                                          [CHECK_CRITICAL] = "CRITICAL",
                                          [CHECK_UNKNOWN] = "UNKNOWN"};

const char *check_state_name(enum check_state state)
{
    MUST((size_t)state < ARRAY_LEN(state_names));
    return state_names[state];
}

enum check_state check_state_worse(enum check_state one, enum check_state other)
{
    static const int weight[] = {
        [CHECK_OK] = 0, [CHECK_UNKNOWN] = 1, [CHECK_WARNING] = 2, [CHECK_CRITICAL] = 3};
    return weight[one] >= weight[other] ? one : other;
}

/* What one of them has found. */
struct finding {
    enum check_state state;
    struct buf text;
    const char *remedy; /* of what is amiss */
};

typedef void (*check_cb)(const struct check_facts *facts, struct finding *f);

/* The next thing that is amiss; the caller appends what. */
static void amiss(struct finding *f, enum check_state state)
{
    bool is_first = f->state == CHECK_OK;
    f->state = check_state_worse(f->state, state);
    if (is_first) {
        buf_clear(&f->text); /* of what was well */
    } else {
        buf_str(&f->text, "; ");
    }
}

/* What is told when nothing is amiss. */
#define WELL(f, ...)                             \
    do {                                         \
        if ((f)->state == CHECK_OK) {            \
            buf_printf(&(f)->text, __VA_ARGS__); \
        }                                        \
    } while (0)

static void put_bytes(struct buf *out, json_int_t bytes)
{
    json_auto_t *value = json_integer(bytes);
    output_cell(out, value, OUTPUT_BYTES);
}

static json_t *self_of(const struct check_facts *facts, json_t *member)
{
    json_t *self = json_object_get(facts->selves, view_text(member, "name"));
    return json_is_object(self) ? self : NULL;
}

static bool is_standby(json_t *member)
{
    return !patroni_is_leader(member) && !patroni_is_witness(member);
}

/* ---- the store ---- */

static void check_quorum(const struct check_facts *facts, struct finding *f)
{
    if (view_is_out(facts->raft)) {
        amiss(f, CHECK_UNKNOWN);
        view_state(facts->raft, &f->text);
        f->remedy = "ask another node: this one has no place in the cluster";
    } else if (!json_is_true(json_object_get(facts->raft, "quorum"))) {
        amiss(f, CHECK_CRITICAL);
        view_state(facts->raft, &f->text);
        f->remedy = "start those that are missing; pgraftctl status names them";
    }
    WELL(f, "%" JSON_INTEGER_FORMAT " votes, a majority is there",
         view_number(facts->raft, "voters"));
}

static void check_members(const struct check_facts *facts, struct finding *f)
{
    size_t count = json_array_size(json_object_get(facts->raft, "members"));
    if (!view_is_healthy(facts->raft)) {
        amiss(f, CHECK_WARNING);
        view_state(facts->raft, &f->text);
        f->remedy = "pgraftctl status shows who was heard when, and what is wrong with whom";
    }
    WELL(f, "all %zu are heard", count);
}

static void check_any_one(const struct check_facts *facts, struct finding *f)
{
    json_auto_t *why = NULL;
    (void)told_any_one(facts->raft, facts->view, &why);
    for (size_t i = 0; i < json_array_size(why); i++) {
        amiss(f, CHECK_WARNING);
        output_text(&f->text, json_string_value(json_array_get(why, i)));
        f->remedy = "mend it before the next failure: that one would end all writes";
    }
    WELL(f, "whichever node fails, writes go on");
}

/* ---- PostgreSQL ---- */

static json_t *leader_of(json_t *view)
{
    size_t i = 0;
    json_t *member = NULL;
    json_array_foreach(told_members(view), i, member)
    {
        if (patroni_is_leader(member)) {
            return member;
        }
    }
    return NULL;
}

/* It has the lease: does it take writes? */
static void check_writes(const struct check_facts *facts, json_t *leader, struct finding *f)
{
    CLEANUP(buf_close) struct buf name = {0};
    json_t *told = json_object_get(facts->selves, view_text(leader, "name"));
    json_t *writes = json_object_get(told, "serves_writes");
    bool leads_standbys = strcmp(view_text(leader, "role"), "standby_leader") == 0;
    output_text(&name, view_text(leader, "name"));
    if (!leads_standbys && json_is_false(writes)) {
        amiss(f, CHECK_CRITICAL);
        buf_printf(&f->text, "%s holds the lease and takes no writes: it is ", buf_text(&name));
        output_text(&f->text, view_text(leader, "state"));
        f->remedy = "pgraftctl why says what it waits for";
    } else if (!leads_standbys && !json_is_true(writes)) {
        amiss(f, CHECK_WARNING);
        buf_printf(&f->text,
                   "%s holds the lease; whether it takes writes is not known: ", buf_text(&name));
        output_text(&f->text, json_is_string(told) ? json_string_value(told)
                                                   : "it was not heard lately, or is older");
        f->remedy = "look whether its HTTP can be reached from here: pgraftctl version CLUSTER";
    }
    WELL(f, "%s %s", buf_text(&name),
         leads_standbys ? "leads, for a cluster elsewhere: nothing is written here"
                        : "takes writes");
}

static void check_primary(const struct check_facts *facts, struct finding *f)
{
    json_t *leader = leader_of(facts->view);
    const char *election = view_text(json_object_get(facts->view, "election"), "text");
    bool knows = told_has_quorum(facts->view);
    if (!knows && json_is_true(json_object_get(facts->raft, "quorum"))) {
        amiss(f, CHECK_UNKNOWN);
        buf_str(&f->text, "what ");
        output_text(&f->text, view_text(facts->view, "name"));
        buf_str(&f->text, " knows of PostgreSQL is old");
        f->remedy = "look at the log of that node: its supervisor hangs, or has just begun";
    } else if (!knows || leader == NULL) {
        amiss(f, CHECK_CRITICAL);
        buf_str(&f->text, knows ? "nobody is primary" : "nobody is known to be primary");
        if (knows && election[0] != '\0') {
            buf_str(&f->text, ": ");
            output_text(&f->text, election);
        }
        f->remedy = "pgraftctl why says for whom the election waits; pgraftctl failover names one";
    } else {
        check_writes(facts, leader, f);
    }
}

static void check_databases(const struct check_facts *facts, struct finding *f)
{
    size_t i = 0;
    json_t *member = NULL;
    size_t count = 0;
    json_array_foreach(told_members(facts->view), i, member)
    {
        CLEANUP(buf_close) struct buf note = {0};
        told_note(facts->view, member, &note);
        if (note.size > 0) {
            amiss(f, CHECK_WARNING);
            buf_str(&f->text, buf_text(&note));
            f->remedy = "pgraftctl status and pgraftctl why say more; docs/coming-back.md";
        }
        count += patroni_is_witness(member) ? 0 : 1;
    }
    WELL(f, "all %zu are as they should be", count);
}

static void check_lag(const struct check_facts *facts, struct finding *f)
{
    size_t i = 0;
    json_t *member = NULL;
    json_int_t most = 0;
    size_t count = 0;
    json_array_foreach(told_members(facts->view), i, member)
    {
        json_t *lag = json_object_get(member, "lag");
        json_int_t bytes = json_integer_value(lag);
        bool is_known = json_is_integer(lag);
        bool is_far = is_known && (uint64_t)bytes >= facts->limits.lag_critical;
        if (!is_standby(member)) {
            continue;
        }
        count++;
        most = bytes > most ? bytes : most;
        if (is_known && !is_far && (uint64_t)bytes < facts->limits.lag_warning) {
            continue;
        }
        amiss(f, is_far ? CHECK_CRITICAL : CHECK_WARNING);
        output_text(&f->text, view_text(member, "name"));
        buf_str(&f->text, is_known ? " is " : " does not say how far it is");
        if (is_known) {
            put_bytes(&f->text, bytes);
            buf_str(&f->text, " behind");
        }
        f->remedy =
            "pgraftctl list -W shows whether it catches up; pgraftctl why what it waits for";
    }
    if (f->state == CHECK_OK && count > 0) {
        buf_str(&f->text, "nobody is more behind than ");
        put_bytes(&f->text, most);
    }
    WELL(f, "%s", count == 0 ? "there is no standby" : "");
}

/* Standbys that commits wait for, and that stream. */
static json_int_t count_synchronous(json_t *view)
{
    size_t i = 0;
    json_t *member = NULL;
    json_int_t count = 0;
    json_array_foreach(told_members(view), i, member)
    {
        const char *role = view_text(member, "role");
        bool is_one = strcmp(role, "sync_standby") == 0 || strcmp(role, "quorum_standby") == 0;
        count += is_one && patroni_streams(member) ? 1 : 0;
    }
    return count;
}

static void check_sync(const struct check_facts *facts, struct finding *f)
{
    const char *mode = view_text(facts->view, "synchronous_mode");
    const char *weaker = view_text(facts->view, "weaker");
    json_int_t asked = view_number(facts->view, "synchronous_node_count");
    json_int_t wanted = asked > 0 ? asked : 1;
    json_int_t there = count_synchronous(facts->view);
    bool is_on = mode[0] != '\0' && strcmp(mode, "off") != 0;
    if (is_on && there < wanted) {
        amiss(f, there == 0 ? CHECK_CRITICAL : CHECK_WARNING);
        buf_printf(&f->text,
                   "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
                   " synchronous standbys are there",
                   there, wanted);
        f->remedy = "bring standbys back: pgraftctl list shows their state";
    }
    if (is_on && weaker[0] != '\0') {
        amiss(f, CHECK_WARNING);
        output_text(&f->text, weaker);
        buf_str(&f->text, "; what these commit may be lost by a failover");
        f->remedy = f->remedy != NULL ? f->remedy : "have them commit with synchronous_commit on";
    }
    if (is_on) {
        WELL(f, "%s, %" JSON_INTEGER_FORMAT " synchronous standby%s", mode, there,
             there == 1 ? "" : "s");
    }
    WELL(f, "%s", is_on ? "" : "off");
}

static void check_pause(const struct check_facts *facts, struct finding *f)
{
    if (json_is_true(json_object_get(json_object_get(facts->view, "cluster"), "pause"))) {
        amiss(f, CHECK_WARNING);
        buf_str(&f->text, "it is paused: nobody takes over when the primary is lost");
        f->remedy = "pgraftctl resume";
    }
    if (json_is_true(json_object_get(facts->view, "held"))) {
        amiss(f, CHECK_WARNING);
        buf_str(&f->text, "the primary is held: no epoch is granted");
        f->remedy = "whoever holds it has to lift that";
    }
    WELL(f, "not paused");
}

/* On purpose, as a pause is; and forgotten as easily. */
static void check_fence(const struct check_facts *facts, struct finding *f)
{
    const char *name = NULL;
    json_t *text = NULL;
    json_object_foreach(json_object_get(facts->view, "fenced"), name, text)
    {
        amiss(f, CHECK_WARNING);
        output_text(&f->text, name);
        buf_str(&f->text, " is ");
        output_text(&f->text, json_string_value(text) != NULL ? json_string_value(text) : "fenced");
        f->remedy = "pgraftctl unfence, when it may be made primary again";
    }
    WELL(f, "nobody is fenced");
}

static void check_restart(const struct check_facts *facts, struct finding *f)
{
    size_t i = 0;
    json_t *member = NULL;
    json_array_foreach(told_members(facts->view), i, member)
    {
        json_t *reasons = json_object_get(member, "pending_restart_reason");
        const char *parameter = NULL;
        json_t *values = NULL;
        const char *before = " for ";
        if (!json_is_true(json_object_get(member, "pending_restart"))) {
            continue;
        }
        amiss(f, CHECK_WARNING);
        output_text(&f->text, view_text(member, "name"));
        buf_str(&f->text, " waits for a restart");
        json_object_foreach(reasons, parameter, values)
        {
            buf_str(&f->text, before);
            output_text(&f->text, parameter);
            before = ", ";
        }
        f->remedy = "pgraftctl restart --rolling --pending";
    }
    WELL(f, "none is pending");
}

static void check_timing(const struct check_facts *facts, struct finding *f)
{
    const char *name = NULL;
    json_t *self = NULL;
    json_object_foreach(facts->selves, name, self)
    {
        const char *what = NULL;
        json_t *ms = NULL;
        json_object_foreach(json_object_get(self, "too_slow"), what, ms)
        {
            amiss(f, CHECK_WARNING);
            output_text(&f->text, name);
            buf_str(&f->text, ": ");
            output_text(&f->text, what);
            buf_printf(&f->text, " of %" JSON_INTEGER_FORMAT " ms", json_integer_value(ms));
            f->remedy =
                "too slow for the times of the cluster: pgraftctl status and the log of the "
                "node say what to set";
        }
    }
    WELL(f, "fast enough");
}

/* ---- room ---- */

static void check_store(const struct check_facts *facts, struct finding *f)
{
    json_int_t used = view_number(facts->raft, "used_bytes");
    json_int_t quota = view_number(facts->raft, "quota_bytes");
    bool is_over = json_is_true(json_object_get(facts->raft, "quota_alarm"));
    if (!is_over && (quota <= 0 || used < quota / 100 * QUOTA_PERCENT)) {
        return;
    }
    amiss(f, is_over ? CHECK_CRITICAL : CHECK_WARNING);
    buf_str(&f->text, "the store uses ");
    put_bytes(&f->text, used);
    buf_str(&f->text, " of ");
    put_bytes(&f->text, quota);
    buf_str(&f->text, is_over ? ", and refuses writes" : "");
    f->remedy = "pgraftctl kv range --prefix / --keys-only shows what lies in it; raft.quota";
}

static void check_disk(const struct check_facts *facts, struct finding *f)
{
    size_t i = 0;
    json_t *member = NULL;
    check_store(facts, f);
    json_array_foreach(told_members(facts->view), i, member)
    {
        json_t *self = self_of(facts, member);
        json_t *room = json_object_get(self, "free_bytes");
        uint64_t bytes = (uint64_t)json_integer_value(room);
        bool is_full = json_is_true(json_object_get(self, "is_full"));
        bool is_short = json_is_integer(room) && bytes < facts->limits.free_critical;
        if (!is_full && !is_short &&
            (!json_is_integer(room) || bytes >= facts->limits.free_warning)) {
            continue;
        }
        amiss(f, is_full || is_short ? CHECK_CRITICAL : CHECK_WARNING);
        output_text(&f->text, view_text(member, "name"));
        buf_str(&f->text, " has ");
        put_bytes(&f->text, (json_int_t)bytes);
        buf_str(&f->text,
                is_full ? " left for its data: a write found no room" : " left for its data");
        f->remedy =
            "make room below its data directory and pg_wal, but delete nothing in pg_wal; "
            "look at archive_command and at slots that nobody reads";
    }
    WELL(f, "there is room");
}

/* ---- versions ---- */

struct version {
    const char *name; /* whose */
    char text[32];
};

/* "pg1 0.1.0, pg2 0.2.0", where they differ. */
static void note_versions(struct finding *f, const char *of, const struct version *list,
                          size_t count, const char *remedy)
{
    bool differs = false;
    for (size_t i = 1; i < count; i++) {
        differs = differs || strcmp(list[i].text, list[0].text) != 0;
    }
    if (!differs) {
        return;
    }
    amiss(f, CHECK_WARNING);
    buf_printf(&f->text, "%s: ", of);
    for (size_t i = 0; i < count; i++) {
        buf_str(&f->text, i > 0 ? ", " : "");
        output_text(&f->text, list[i].name);
        buf_char(&f->text, ' ');
        output_text(&f->text, list[i].text);
    }
    f->remedy = remedy;
}

#define VERSIONS_MAX 64

static void check_version(const struct check_facts *facts, struct finding *f)
{
    struct version list[VERSIONS_MAX];
    size_t count = 0;
    size_t i = 0;
    json_t *member = NULL;
    json_array_foreach(json_object_get(facts->raft, "members"), i, member)
    {
        const char *version = view_text(member, "version");
        if (version[0] != '\0' && count < VERSIONS_MAX) {
            list[count].name = view_text(member, "name");
            (void)snprintf(list[count].text, sizeof(list[count].text), "%s", version);
            count++;
        }
    }
    note_versions(f, "pgraft", list, count, "end the upgrade: docs/upgrade.md");
    count = 0;
    json_array_foreach(told_members(facts->view), i, member)
    {
        json_int_t version = view_number(self_of(facts, member), "server_version");
        if (version > 0 && count < VERSIONS_MAX) {
            list[count].name = view_text(member, "name");
            CLEANUP(buf_close) struct buf text = {0};
            told_put_version(&text, version);
            (void)snprintf(list[count].text, sizeof(list[count].text), "%s", buf_text(&text));
            count++;
        }
    }
    note_versions(f, "PostgreSQL", list, count,
                  "restart those that run the older one: pgraftctl restart --rolling");
    WELL(f, "the same everywhere");
}

/* ---- all of them ---- */

/* What it is about. */
enum scope { STORE, POSTGRES, BOTH };

// clang-format off
static const struct {
    const char *name;
    enum scope scope;
    check_cb run;
} table[] = {
    {"quorum", STORE, check_quorum},
    {"primary", POSTGRES, check_primary},
    {"any-one", BOTH, check_any_one},
    {"members", STORE, check_members},
    {"databases", POSTGRES, check_databases},
    {"lag", POSTGRES, check_lag},
    {"sync", POSTGRES, check_sync},
    {"pause", POSTGRES, check_pause},
    {"fence", POSTGRES, check_fence},
    {"restart", POSTGRES, check_restart},
    {"timing", POSTGRES, check_timing},
    {"disk", BOTH, check_disk},
    {"version", BOTH, check_version},
};
// clang-format on

/* Of what could not be had nothing is said to be well. */
static void not_known(const struct check_facts *facts, struct finding *f)
{
    amiss(f, CHECK_UNKNOWN);
    output_text(&f->text, facts->view_why);
    f->remedy = f->remedy != NULL ? f->remedy : "ask another node, with --endpoint";
}

static void add(json_t *checks, const char *name, const struct finding *f)
{
    json_t *row = json_object();
    bool is_well = f->state == CHECK_OK;
    cmd_set(row, "check", json_string(name));
    cmd_set(row, "state", json_string(check_state_name(f->state)));
    cmd_set(row, "text", json_string(buf_text(&f->text)));
    cmd_set(row, "remedy", is_well ? json_null() : json_string(f->remedy));
    int rc = json_array_append_new(checks, row);
    MUST(rc == 0);
}

json_t *checks_of(const struct check_facts *facts, bool (*is_wanted)(const char *name, void *arg),
                  void *arg)
{
    json_t *checks = json_array();
    MUST(checks != NULL);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        bool has = facts->view != NULL || table[i].scope != POSTGRES;
        struct finding f = {.remedy = NULL};
        if (!is_wanted(table[i].name, arg) || (!has && facts->view_why == NULL)) {
            continue;
        }
        if (has) {
            table[i].run(facts, &f);
        }
        if (facts->view_why != NULL && table[i].scope != STORE) {
            not_known(facts, &f);
        }
        add(checks, table[i].name, &f);
        buf_close(&f.text);
    }
    return checks;
}

enum check_state checks_state(json_t *checks)
{
    enum check_state state = CHECK_OK;
    size_t i = 0;
    json_t *check = NULL;
    json_array_foreach(checks, i, check)
    {
        for (size_t k = 0; k < ARRAY_LEN(state_names); k++) {
            if (strcmp(view_text(check, "state"), state_names[k]) == 0) {
                state = check_state_worse(state, (enum check_state)k);
            }
        }
    }
    return state;
}
