/* ctl/told.c - a view, asked for and looked at. */
#include "ctl/told.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/output.h"
#include "ctl/patroni_rows.h"

#define VIEW_PATH "/pgraft/v1/view"
#define REFRESH_MS 2000
#define WATCH_MS_MIN 100
#define WATCH_MS_MAX UINT64_C(86400000)

/* ---- asking ---- */

bool told_has_quorum(json_t *view)
{
    return json_is_true(json_object_get(view, "quorum"));
}

json_t *told_members(json_t *view)
{
    return json_object_get(json_object_get(view, "cluster"), "members");
}

json_t *told_member(json_t *view, const char *name)
{
    size_t i = 0;
    json_t *member = NULL;
    json_array_foreach(told_members(view), i, member)
    {
        if (strcmp(view_text(member, "name"), name) == 0 && !patroni_is_witness(member)) {
            return member;
        }
    }
    return NULL;
}

static bool is_supervised(json_t *view)
{
    return json_is_true(json_object_get(view, "supervised"));
}

static bool is_good(json_t *view)
{
    return is_supervised(view) && told_has_quorum(view);
}

static int check(struct ask *ask, json_t *view, struct err *err)
{
    if (!is_supervised(view)) {
        return err_set(err, ERR_REFUSED, "%s supervises no PostgreSQL: there is nothing to tell",
                       ask_node(ask));
    }
    const char *scope = ask_scope(ask);
    if (scope != NULL && strcmp(view_text(view, "scope"), scope) != 0) {
        return err_set(err, ERR_NOT_FOUND,
                       "the node that was asked is one of cluster %s, and the configuration is of "
                       "cluster %s",
                       cli_quoted(view_text(view, "scope")).text, cli_quoted(scope).text);
    }
    json_t *members = told_members(view);
    bool good = json_is_array(members);
    for (size_t i = 0; good && i < json_array_size(members); i++) {
        json_t *member = json_array_get(members, i);
        good = view_text(member, "name")[0] != '\0' && view_text(member, "role")[0] != '\0';
    }
    return good ? 0 : err_set(err, ERR_PROTOCOL, "%s: its answer has no members", ask_node(ask));
}

int told_get(struct ask *ask, json_t **ret_view, struct err *err)
{
    json_auto_t *view = NULL;
    int rc = ask_get_best(ask, VIEW_PATH, is_good, &view, err);
    if (rc == ERR_NOT_FOUND) {
        return err_set(err, ERR_REFUSED, "%s is older than this program and knows no PostgreSQL",
                       ask_node(ask));
    }
    rc = rc < 0 ? rc : check(ask, view, err);
    if (rc == 0) {
        *ret_view = json_incref(view);
    }
    return rc;
}

int told_again(struct ask *ask, json_t **view, struct err *err)
{
    json_decref(*view);
    *view = NULL;
    ask_restart_clock(ask);
    return told_get(ask, view, err);
}

json_t *told_try(struct ask *ask)
{
    struct err err = {0};
    json_auto_t *view = NULL;
    if (ask_get(ask, VIEW_PATH, &view, &err) < 0 || check(ask, view, &err) < 0) {
        return NULL;
    }
    return json_incref(view);
}

int told_check_clusters(const struct cli_call *call, json_t *view, struct err *err)
{
    const char *scope = view_text(view, "scope");
    for (size_t i = 0; i < call->argument_count; i++) {
        if (strcmp(call->arguments[i], scope) != 0) {
            return err_set(err, ERR_NOT_FOUND, "the node that was asked is one of cluster %s",
                           cli_quoted(scope).text);
        }
    }
    return 0;
}

/* ---- in doubt ---- */

static void put_missing(struct buf *out, json_t *view)
{
    json_t *doubt = json_object_get(json_object_get(view, "cluster"), "pgraft");
    json_t *missing = json_object_get(doubt, "missing");
    for (size_t i = 0; i < json_array_size(missing); i++) {
        const char *name = json_string_value(json_array_get(missing, i));
        buf_printf(out, "%s%s", i == 0 ? "; missing: " : ", ", name != NULL ? name : "?");
    }
}

int told_end(const struct cli_call *call, json_t *view)
{
    if (told_has_quorum(view)) {
        return 0;
    }
    CLEANUP(buf_close) struct buf missing = {0};
    put_missing(&missing, view);
    cmd_warn(call, "no quorum: what is shown may be old%s", buf_text(&missing));
    return CMD_NO_QUORUM;
}

/* ---- any one ---- */

static void add(json_t *list, const char *text)
{
    int rc = json_array_append_new(list, json_string(text));
    MUST(rc == 0);
}

bool told_any_one(json_t *raft, json_t *view, json_t **ret_why)
{
    json_t *why = json_array();
    MUST(why != NULL);
    if (!json_is_true(json_object_get(raft, "quorum"))) {
        add(why, "the store has no quorum");
    } else if (view_number(raft, "can_lose") == 0) {
        add(why, "the store has no vote to spare: the next one lost stops all writes");
    }
    json_t *reasons = json_object_get(view, "why_not");
    for (size_t i = 0; i < json_array_size(reasons); i++) {
        const char *text = json_string_value(json_array_get(reasons, i));
        add(why, text != NULL ? text : "?");
    }
    bool bearable = view == NULL || json_is_true(json_object_get(view, "any_one_may_fail"));
    if (!bearable && json_array_size(why) == 0) {
        add(why, "the node that was asked does not know");
    }
    *ret_why = why;
    return json_array_size(why) == 0;
}

/* ---- one member ---- */

static bool is_well(json_t *member)
{
    const char *state = view_text(member, "state");
    const char *wanted = patroni_is_leader(member) ? "running" : "streaming";
    return strcmp(state, wanted) == 0 || strcmp(state, "in archive recovery") == 0 ||
           patroni_is_witness(member);
}

void told_note(json_t *view, json_t *member, struct buf *out)
{
    const char *name = view_text(member, "name");
    const char *note = json_string_value(json_object_get(json_object_get(view, "notes"), name));
    if (is_well(member) && note == NULL) {
        return;
    }
    output_text(out, name);
    buf_str(out, ": ");
    output_text(out, is_well(member) ? note : view_text(member, "state"));
    if (!is_well(member) && note != NULL) {
        buf_str(out, "; ");
        output_text(out, note);
    }
}

void told_put_version(struct buf *out, json_int_t version)
{
    if (version >= 100000) {
        buf_printf(out, "%" JSON_INTEGER_FORMAT ".%" JSON_INTEGER_FORMAT, version / 10000,
                   version % 10000);
    } else if (version > 0) {
        buf_printf(out, "%" JSON_INTEGER_FORMAT ".%" JSON_INTEGER_FORMAT ".%" JSON_INTEGER_FORMAT,
                   version / 10000, version / 100 % 100, version % 100);
    }
}

/* ---- again and again ---- */

int told_interval(const struct cli_call *call, uint64_t *ret_ms, struct err *err)
{
    const char *text = cli_value(call, "watch");
    struct err why = {0};
    *ret_ms = cli_given(call, "refresh") ? REFRESH_MS : 0;
    if (text != NULL && cmd_duration(text, WATCH_MS_MIN, WATCH_MS_MAX, ret_ms, &why) < 0) {
        return cli_usage(call, err, "option \"--watch\": %s", why.msg);
    }
    return 0;
}

void told_wait(uint64_t interval_ms)
{
    (void)poll(NULL, 0, (int)interval_ms);
}

/* Wait, then clear the terminal if it is one. */
static void wait_and_clear(uint64_t interval_ms)
{
    told_wait(interval_ms);
    if (isatty(STDOUT_FILENO) == 1) {
        (void)fputs("\033[2J\033[1;1H", stdout);
    }
}

int told_repeat(const struct cli_call *call, told_once once, const void *wish, struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    uint64_t interval_ms = 0;
    int rc = told_interval(call, &interval_ms, err);
    rc = rc < 0 ? rc : ctl_open(call, &ctl, err);
    rc = rc < 0 ? rc : once(call, &ctl, wish, err);
    while (rc >= 0 && interval_ms > 0) { /* until it is ended */
        struct err why = {0};
        wait_and_clear(interval_ms);
        ask_restart_clock(ctl.ask);
        if (once(call, &ctl, wish, &why) < 0) {
            cmd_warn(call, "%s", why.msg);
        }
    }
    return rc;
}
