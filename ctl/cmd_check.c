/* ctl/cmd_check.c - check: is anything amiss? A list for a person, a line for Nagios.
 *
 *   any node: /raft and the view --> each database that is heard: its own view, for what only it
 *       knows --> the verdicts (checks.h)
 *
 * All of it within the time of one command: a node that does not answer costs its share. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "config/scalar.h"
#include "ctl/checks.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/member_ask.h"
#include "ctl/output.h"
#include "ctl/patroni_rows.h"
#include "ctl/told.h"

#define MIB (UINT64_C(1) << 20)

struct checking {
    json_t *raft;
    json_t *view;
    json_t *selves;
    struct err view_err;
    struct check_limits limits;
};

static void checking_close(struct checking *c)
{
    json_decref(c->raft);
    json_decref(c->view);
    json_decref(c->selves);
}

/* ---- asking ---- */

static void ask_member(struct ctl *ctl, json_t *view, json_t *member, uint64_t timeout_ms,
                       json_t *selves)
{
    CLEANUP(ask_closep) struct ask *ask = NULL;
    json_auto_t *told = NULL;
    struct err why = {0};
    int rc = member_ask_open(ctl, view, member, timeout_ms, &ask, &why);
    rc = rc < 0 ? rc : ask_get(ask, "/pgraft/v1/view", &told, &why);
    json_t *self = json_object_get(told, "self");
    if (rc < 0) {
        cmd_set(selves, view_text(member, "name"), json_string(why.msg));
    } else if (json_is_object(self)) { /* an older version has none */
        cmd_set(selves, view_text(member, "name"), json_incref(self));
    }
}

static bool is_to_be_asked(json_t *member)
{
    return !patroni_is_witness(member) && strcmp(view_text(member, "state"), "unknown") != 0;
}

static void ask_members(struct ctl *ctl, json_t *view, json_t *selves)
{
    json_t *members = told_members(view);
    size_t left = 0;
    size_t i = 0;
    json_t *member = NULL;
    json_array_foreach(members, i, member)
    {
        left += is_to_be_asked(member) ? 1 : 0;
    }
    left -= left > 0 ? 1 : 0; /* the others, while one is asked */
    json_array_foreach(members, i, member)
    {
        const char *name = view_text(member, "name");
        json_t *self = json_object_get(view, "self");
        if (!is_to_be_asked(member)) {
            continue;
        }
        if (strcmp(name, view_text(view, "name")) == 0 && json_is_object(self)) {
            cmd_set(selves, name, json_incref(self));
        } else {
            ask_member(ctl, view, member, ask_left_ms(ctl->ask) / (left + 1), selves);
        }
        left -= left > 0 ? 1 : 0;
    }
}

/* Nobody supervises a PostgreSQL: that is not amiss. */
static bool is_nothing_to_tell(int code)
{
    return code == ERR_REFUSED;
}

static int ask_all(const struct cli_call *call, struct ctl *ctl, struct checking *c,
                   struct err *err)
{
    int rc = view_get(ctl->ask, &c->raft, err);
    if (rc == 0) {
        rc = told_check_clusters(call, c->raft, err);
    }
    if (rc < 0) {
        return rc;
    }
    if (told_get(ctl->ask, &c->view, &c->view_err) == 0) {
        ask_members(ctl, c->view, c->selves);
    }
    return 0;
}

static bool is_wanted(const char *name, void *arg)
{
    const struct cli_call *call = arg;
    const char *given = NULL;
    size_t i = 0;
    for (; (given = cli_value_at(call, "check", i)) != NULL; i++) {
        if (strcmp(given, name) == 0) {
            return true;
        }
    }
    return i == 0;
}

static json_t *judge(const struct cli_call *call, const struct checking *c,
                     struct check_facts *ret_facts)
{
    union {
        const struct cli_call *call;
        void *arg;
    } what = {.call = call};
    bool has_failed = c->view == NULL && !is_nothing_to_tell(c->view_err.code);
    *ret_facts = (struct check_facts){.raft = c->raft,
                                      .view = c->view,
                                      .view_why = has_failed ? c->view_err.msg : NULL,
                                      .selves = c->selves,
                                      .limits = c->limits};
    return checks_of(ret_facts, is_wanted, what.arg);
}

/* ---- limits ---- */

/* As PostgreSQL writes sizes, and as our own files do. */
static int take_size(const struct cli_call *call, const char *option, uint64_t *size,
                     struct err *err)
{
    const char *text = cli_value(call, option);
    CLEANUP(buf_close) struct buf full = {0};
    struct err why = {0};
    if (text == NULL) {
        return 0;
    }
    size_t length = strlen(text);
    bool is_short = length > 1 && text[length - 1] == 'B' && strchr("kMGT", text[length - 2]) != 0;
    buf_append(&full, text, is_short ? length - 2 : length);
    if (is_short) {
        buf_printf(&full, "%ciB", text[length - 2] == 'k' ? 'K' : text[length - 2]);
    }
    return scalar_size_bytes(buf_text(&full), size, &why) == 0
               ? 0
               : cli_usage(call, err, "option \"--%s\" can not be %s: bytes, or 64MB, 1GB", option,
                           cli_quoted(text).text);
}

static int take_limits(const struct cli_call *call, struct check_limits *limits, struct err *err)
{
    *limits = (struct check_limits){.lag_warning = 64 * MIB,
                                    .lag_critical = 1024 * MIB,
                                    .free_warning = 2048 * MIB,
                                    .free_critical = 512 * MIB};
    int rc = take_size(call, "warning-lag", &limits->lag_warning, err);
    rc = rc < 0 ? rc : take_size(call, "critical-lag", &limits->lag_critical, err);
    rc = rc < 0 ? rc : take_size(call, "warning-free", &limits->free_warning, err);
    return rc < 0 ? rc : take_size(call, "critical-free", &limits->free_critical, err);
}

/* ---- for a person ---- */

static int print_checks(const struct cli_call *call, const struct checking *c, json_t *checks,
                        struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    enum check_state state = checks_state(checks);
    if (output_format(call) == OUTPUT_PRETTY) {
        buf_str(&out, "Cluster ");
        output_text(&out, view_text(c->raft, "scope"));
        buf_printf(&out, ": %s\n", check_state_name(state));
        checks_put(&out, checks);
    } else {
        json_auto_t *document = json_object();
        cmd_set(document, "scope", json_string(view_text(c->raft, "scope")));
        cmd_set(document, "state", json_string(check_state_name(state)));
        cmd_set(document, "checks", json_incref(checks));
        output_document(&out, output_format(call), document);
    }
    int rc = cli_put(&out, err);
    return rc < 0 || state == CHECK_OK ? rc : 1;
}

static int check_once(const struct cli_call *call, struct ctl *ctl, const void *wish,
                      struct err *err)
{
    CLEANUP(checking_close) struct checking c = {.selves = json_object()};
    struct check_facts facts;
    c.limits = *(const struct check_limits *)wish;
    int rc = ask_all(call, ctl, &c, err);
    if (rc < 0) {
        return rc;
    }
    json_auto_t *checks = judge(call, &c, &facts);
    rc = print_checks(call, &c, checks, err);
    return rc == 1 && !json_is_true(json_object_get(c.raft, "quorum")) ? CMD_NO_QUORUM : rc;
}

/* ---- for a plugin ---- */

/* Nobody there is an outage; what we can not make out is not known. */
static enum check_state state_of(int code)
{
    bool is_outage = code == ERR_CLOSED || code == ERR_TIMEOUT || code == ERR_NO_QUORUM;
    return is_outage ? CHECK_CRITICAL : CHECK_UNKNOWN;
}

static int nagios_failed(enum check_state state, const char *why, struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    checks_put_nagios_failed(&out, state, why);
    int rc = cli_put(&out, err);
    return rc < 0 ? rc : (int)state;
}

static int nagios(const struct cli_call *call, struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    CLEANUP(checking_close) struct checking c = {.selves = json_object()};
    CLEANUP(buf_close) struct buf out = {0};
    struct check_facts facts;
    struct err why = {0};
    int rc = take_limits(call, &c.limits, &why);
    if (rc == 0 && (cli_given(call, "refresh") || cli_given(call, "watch"))) {
        rc = cli_usage(call, &why, "--nagios looks once: leave -W and -w out");
    }
    if (rc < 0) {
        return nagios_failed(CHECK_UNKNOWN, why.msg, err);
    }
    rc = ctl_open(call, &ctl, &why);
    if (rc < 0) { /* no node on this host where one should be is one that is down */
        return nagios_failed(rc == ERR_NOT_FOUND ? CHECK_CRITICAL : state_of(rc), why.msg, err);
    }
    rc = ask_all(call, &ctl, &c, &why);
    if (rc < 0) {
        return nagios_failed(state_of(rc), why.msg, err);
    }
    json_auto_t *checks = judge(call, &c, &facts);
    if (json_array_size(checks) == 0) {
        return nagios_failed(CHECK_UNKNOWN, "no PostgreSQL is supervised: there is nothing to tell",
                             err);
    }
    checks_put_nagios(&out, &facts, checks);
    rc = cli_put(&out, err);
    return rc < 0 ? rc : (int)checks_state(checks);
}

/* A plugin's line that was mistyped: what is amiss with the cluster is not known, and 2 would say
 * that it is down. It is looked for in the words themselves, which could not be read. */
int cmd_check_misused(int argc, char *const *argv, struct err *err)
{
    static const char option[] = "--nagios";
    size_t length = strlen(option);
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], option, length) == 0 && strchr("=", argv[i][length]) != NULL) {
            struct err why = *err;
            return nagios_failed(CHECK_UNKNOWN, why.msg, err);
        }
    }
    return 0;
}

int cmd_check(const struct cli_call *call, struct err *err)
{
    struct check_limits limits;
    if (cli_given(call, "nagios")) {
        return nagios(call, err);
    }
    int rc = take_limits(call, &limits, err);
    return rc < 0 ? rc : told_repeat(call, check_once, &limits, err);
}
