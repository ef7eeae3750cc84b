/* ctl/patroni_rows.c - rows and columns of list, topology and history. */
#include "ctl/patroni_rows.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/patroni_table.h"
#include "ctl/told.h"

#define MIB 1048576.0
#define POSTGRES_PORT 5432
#define REASON_WIDTH_MAX 50

bool patroni_is_leader(json_t *member)
{
    const char *role = view_text(member, "role");
    return strcmp(role, "leader") == 0 || strcmp(role, "standby_leader") == 0;
}

bool patroni_is_witness(json_t *member)
{
    return strcmp(view_text(member, "role"), "witness") == 0;
}

bool patroni_streams(json_t *member)
{
    return strcmp(view_text(member, "state"), "streaming") == 0;
}

bool patroni_runs(json_t *member)
{
    const char *state = view_text(member, "state");
    return patroni_streams(member) || strcmp(state, "running") == 0 ||
           strcmp(state, "in archive recovery") == 0;
}

/* ---- cells ---- */

/* "sync_standby" is "Sync Standby". */
static void set_role(json_t *row, json_t *member)
{
    CLEANUP(mem_freep) char *text = mem_strdup(view_text(member, "role"));
    bool first = true;
    for (char *at = text; *at != '\0'; at++) {
        *at = *at == '_' ? ' ' : (char)(first ? toupper((unsigned char)*at) : *at);
        first = *at == ' ';
    }
    cmd_set(row, "Role", json_string(text));
}

/* Bytes as whole MiB, half to even; what is not known is empty. */
static void set_lag(json_t *row, const char *key, json_t *bytes)
{
    if (json_is_integer(bytes)) {
        double mib = nearbyint(json_number_value(bytes) / MIB);
        cmd_set(row, key, json_integer((json_int_t)mib));
    }
}

static void copy(json_t *row, const char *to, json_t *member, const char *from)
{
    json_t *value = json_object_get(member, from);
    if (value != NULL && !json_is_null(value)) {
        cmd_set(row, to, json_incref(value));
    }
}

static void set_host(json_t *row, json_t *member, bool with_port)
{
    json_int_t port = view_number(member, "port");
    const char *host = view_text(member, "host");
    if (with_port && host[0] != '\0' && port > 0) {
        CLEANUP(mem_freep) char *text = mem_printf("%s:%" JSON_INTEGER_FORMAT, host, port);
        cmd_set(row, "Host", json_string(text));
    } else {
        cmd_set(row, "Host", json_string(host));
    }
}

/* "max_connections: 100->101", a line each. */
static void set_reasons(json_t *row, json_t *member, bool hide_long)
{
    CLEANUP(buf_close) struct buf out = {0};
    const char *parameter = NULL;
    json_t *values = NULL;
    json_object_foreach(json_object_get(member, "pending_restart_reason"), parameter, values)
    {
        CLEANUP(mem_freep)
        char *full = mem_printf("%s: %s->%s", parameter, view_text(values, "old_value"),
                                view_text(values, "new_value"));
        buf_str(&out, out.size > 0 ? "\n" : "");
        if (hide_long && strlen(full) > REASON_WIDTH_MAX) {
            buf_printf(&out, "%s: [hidden - too long]", parameter);
        } else {
            buf_str(&out, full);
        }
    }
    cmd_set(row, "Pending restart reason", json_string(buf_text(&out)));
}

static void set_schedule(json_t *row, json_t *member)
{
    json_t *schedule = json_object_get(member, "scheduled_restart");
    const char *version = view_text(schedule, "postgres_version");
    if (json_is_object(schedule)) {
        CLEANUP(mem_freep)
        char *text = mem_printf("%s%s%s", view_text(schedule, "schedule"),
                                version[0] != '\0' ? " if version < " : "", version);
        cmd_set(row, "Scheduled restart", json_string(text));
    }
}

/* ---- tags, as YAML ---- */

/* A text that YAML would take for something else is quoted. */
static void put_scalar(struct buf *out, json_t *value)
{
    static const char *const others[] = {"",    "true", "false", "yes", "no", "on",
                                         "off", "null", "~",     "y",   "n"};
    const char *text = json_string_value(value);
    if (text == NULL) {
        CLEANUP(mem_freep)
        char *plain = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
        MUST(plain != NULL);
        buf_str(out, plain);
        return;
    }
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./";
    bool quote = text[strspn(text, plain)] != '\0' || !isalpha((unsigned char)text[0]);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        quote = quote || strcasecmp(others[i], text) == 0;
    }
    if (!quote) {
        buf_str(out, text);
        return;
    }
    buf_char(out, '\'');
    for (const char *at = text; *at != '\0'; at++) {
        buf_str(out, *at == '\'' ? "'" : "");
        buf_char(out, *at);
    }
    buf_char(out, '\'');
}

/* By name; in braces, or a line each. */
static json_t *tags_text(json_t *tags, bool in_flow)
{
    CLEANUP(buf_close) struct buf out = {0};
    const char *last = "";
    buf_str(&out, in_flow ? "{" : "");
    for (size_t i = 0; i < json_object_size(tags); i++) {
        const char *next = NULL;
        const char *key = NULL;
        json_t *value = NULL;
        json_object_foreach(tags, key, value)
        {
            bool is_left = strcmp(key, last) > 0 || (i == 0 && key[0] == '\0');
            next = is_left && (next == NULL || strcmp(key, next) < 0) ? key : next;
        }
        MUST(next != NULL);
        json_auto_t *name = json_string(next);
        buf_str(&out, i == 0 ? "" : in_flow ? ", " : "\n");
        put_scalar(&out, name);
        buf_str(&out, ": ");
        put_scalar(&out, json_object_get(tags, next));
        last = next;
    }
    buf_str(&out, in_flow ? "}" : "");
    return json_string(buf_text(&out));
}

static void set_tags(json_t *row, json_t *member, const struct patroni_list *list)
{
    json_t *tags = json_object_get(member, "tags");
    if (!json_is_object(tags) || json_object_size(tags) == 0) {
        return;
    }
    if (list->format == OUTPUT_JSON || list->format == OUTPUT_YAML) {
        cmd_set(row, "Tags", json_incref(tags));
    } else {
        cmd_set(row, "Tags", tags_text(tags, list->format == OUTPUT_TSV || list->topology));
    }
}

/* ---- rows ---- */

/* Somebody runs at another port than the usual one, or two at one host. */
static bool wants_ports(json_t *members)
{
    for (size_t i = 0; i < json_array_size(members); i++) {
        json_t *member = json_array_get(members, i);
        const char *host = view_text(member, "host");
        if (host[0] == '\0') {
            continue;
        }
        json_t *port = json_object_get(member, "port");
        if (port != NULL && json_integer_value(port) != POSTGRES_PORT) {
            return true;
        }
        for (size_t j = i + 1; j < json_array_size(members); j++) {
            if (strcmp(view_text(json_array_get(members, j), "host"), host) == 0) {
                return true;
            }
        }
    }
    return false;
}

struct rows {
    const struct patroni_list *list;
    json_t *members;
    json_t *rows;
    bool with_port;
    bool done[64]; /* topology: it stands already */
};

static void add_row(struct rows *r, json_t *member, size_t level)
{
    const struct patroni_list *list = r->list;
    bool pretty = list->format == OUTPUT_PRETTY;
    json_t *row = json_object();
    CLEANUP(buf_close) struct buf name = {0};
    if (pretty && level > 0) {
        buf_printf(&name, "%*s+ ", (int)(level - 1) * 2, "");
    }
    buf_str(&name, view_text(member, "name"));
    copy(row, "Cluster", list->view, "scope");
    cmd_set(row, "Member", json_string(buf_text(&name)));
    set_host(row, member, r->with_port);
    set_role(row, member);
    copy(row, "State", member, "state");
    copy(row, "TL", member, "timeline");
    copy(row, "Receive LSN", member, "receive_lsn");
    set_lag(row, "Receive Lag", json_object_get(member, "receive_lag"));
    copy(row, "Replay LSN", member, "replay_lsn");
    set_lag(row, "Replay Lag", json_object_get(member, "replay_lag"));
    bool pending = json_is_true(json_object_get(member, "pending_restart"));
    cmd_set(row, "Pending restart", json_string(pending ? "*" : ""));
    set_reasons(row, member, pretty);
    set_schedule(row, member);
    set_tags(row, member, list);
    copy(row, "Site", json_object_get(list->view, "sites"), view_text(member, "name"));
    int rc = json_array_append_new(r->rows, row);
    MUST(rc == 0);
}

/* From whom @member replicates, if that is a replica of this cluster; else "". */
static const char *upstream_of(const struct rows *r, json_t *member)
{
    const char *name = view_text(json_object_get(member, "tags"), "replicatefrom");
    for (size_t i = 0; i < json_array_size(r->members); i++) {
        json_t *other = json_array_get(r->members, i);
        if (other != member && strcmp(view_text(other, "name"), name) == 0 &&
            !patroni_is_leader(other)) {
            return name;
        }
    }
    return "";
}

/* Those below @upstream and, below them, theirs; whoever stands already is not added again. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as there are members */
static void add_below(struct rows *r, const char *upstream, size_t level)
{
    for (size_t i = 0; i < json_array_size(r->members) && i < ARRAY_LEN(r->done); i++) {
        json_t *member = json_array_get(r->members, i);
        if (!r->done[i] && strcmp(upstream_of(r, member), upstream) == 0) {
            r->done[i] = true;
            add_row(r, member, level);
            add_below(r, view_text(member, "name"), level + 1);
        }
    }
}

static void add_topology(struct rows *r)
{
    for (size_t i = 0; i < json_array_size(r->members) && i < ARRAY_LEN(r->done); i++) {
        if (patroni_is_leader(json_array_get(r->members, i))) {
            r->done[i] = true;
            add_row(r, json_array_get(r->members, i), 0);
        }
    }
    add_below(r, "", 1);
    for (size_t i = 0; i < json_array_size(r->members) && i < ARRAY_LEN(r->done); i++) {
        if (!r->done[i]) { /* they replicate from each other */
            r->done[i] = true;
            add_row(r, json_array_get(r->members, i), 1);
        }
    }
}

/* ---- the table ---- */

static void add_column(struct patroni_table *t, const char *key, const char *title, bool right)
{
    MUST(t->count < PATRONI_COLUMNS_MAX);
    t->keys[t->count] = key;
    t->titles[t->count] = title;
    t->right[t->count] = right;
    t->count++;
}

static bool has_value(json_t *rows, const char *key)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *value = json_object_get(json_array_get(rows, i), key);
        if (value != NULL && (!json_is_string(value) || json_string_length(value) > 0)) {
            return true;
        }
    }
    return false;
}

static void fill_columns(struct patroni_table *t, const struct patroni_list *list)
{
    static const char *const extra[] = {"Pending restart", "Pending restart reason",
                                        "Scheduled restart", "Tags"};
    add_column(t, "Cluster", NULL, false);
    add_column(t, "Member", "Member", false);
    add_column(t, "Host", "Host", false);
    add_column(t, "Role", "Role", false);
    add_column(t, "State", "State", false);
    add_column(t, "TL", "TL", true);
    add_column(t, "Receive LSN", "Receive LSN", true);
    add_column(t, "Receive Lag", "Lag", true);
    add_column(t, "Replay LSN", "Replay LSN", true);
    add_column(t, "Replay Lag", "Lag", true);
    for (size_t i = 0; i < ARRAY_LEN(extra); i++) {
        if (list->extended || has_value(t->rows, extra[i])) {
            add_column(t, extra[i], extra[i], false);
        }
    }
    if (list->all && has_value(t->rows, "Site")) {
        add_column(t, "Site", "Site", false);
    }
}

static char *title_of(json_t *view)
{
    json_t *identifier = json_object_get(view, "initialize");
    const char *text = json_string_value(identifier);
    return mem_printf("Cluster: %s (%s)", view_text(view, "scope"),
                      text == NULL      ? "uninitialized"
                      : text[0] == '\0' ? "initializing"
                                        : text);
}

static void put_switchover(struct buf *out, json_t *cluster)
{
    json_t *switchover = json_object_get(cluster, "scheduled_switchover");
    static const char *const ends[] = {"from", "to"};
    if (!json_is_object(switchover)) {
        return;
    }
    buf_str(out, " Switchover scheduled at: ");
    output_text(out, view_text(switchover, "at"));
    buf_char(out, '\n');
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        if (view_text(switchover, ends[i])[0] != '\0') {
            buf_printf(out, "%24s: ", ends[i]);
            output_text(out, view_text(switchover, ends[i]));
            buf_char(out, '\n');
        }
    }
}

void patroni_list_put(struct buf *out, const struct patroni_list *list)
{
    json_t *cluster = json_object_get(list->view, "cluster");
    json_auto_t *members = json_array();
    json_auto_t *rows = json_array();
    CLEANUP(mem_freep) char *title = title_of(list->view);
    for (size_t i = 0; i < json_array_size(told_members(list->view)); i++) {
        json_t *member = json_array_get(told_members(list->view), i);
        if (list->all || !patroni_is_witness(member)) {
            json_array_append(members, member);
        }
    }
    struct rows r = {.list = list, .members = members, .rows = rows};
    r.with_port = wants_ports(members);
    if (list->topology) {
        add_topology(&r);
    }
    for (size_t i = 0; !list->topology && i < json_array_size(members); i++) {
        add_row(&r, json_array_get(members, i), 0);
    }
    struct patroni_table t = {.title = title, .rows = rows, .omits_empty = true};
    fill_columns(&t, list);
    patroni_table_put(out, list->format, &t);
    if (list->format == OUTPUT_PRETTY) {
        buf_str(out,
                json_is_true(json_object_get(cluster, "pause")) ? " Maintenance mode: on\n" : "");
        put_switchover(out, cluster);
    }
}

/* ---- history ---- */

void patroni_history_put(struct buf *out, enum output_format format, json_t *view)
{
    static const char *const keys[] = {"TL", "LSN", "Reason", "Timestamp", "New Leader"};
    json_t *lines = json_object_get(view, "history");
    json_auto_t *rows = json_array();
    for (size_t i = 0; i < json_array_size(lines); i++) {
        json_t *row = json_object();
        for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
            json_t *value = json_array_get(json_array_get(lines, i), k);
            cmd_set(row, keys[k], value != NULL ? json_incref(value) : json_string(""));
        }
        json_array_append_new(rows, row);
    }
    struct patroni_table t = {.rows = rows};
    for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
        add_column(&t, keys[k], keys[k], k < 2);
    }
    patroni_table_put(out, format, &t);
}
