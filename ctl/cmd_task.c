/* ctl/cmd_task.c - restart, reload, reinit and flush: what members do with their own PostgreSQL,
 * each asked itself, one after the other.
 *
 * Questions, texts and options are patronictl's; the exit status is not: one that has failed is
 * status 1. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "ctl/chosen.h"
#include "ctl/clone_wait.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/moment.h"
#include "ctl/output.h"
#include "ctl/patroni_rows.h"
#include "ctl/progress.h"
#include "ctl/prompt.h"
#include "ctl/random_text.h"
#include "ctl/switch_answer.h"
#include "ctl/tasking.h"
#include "ctl/told.h"

#define RELOAD_S 10 /* as patronictl says it; it is done at once */
#define IN_PROGRESS " already in progress"

/* Whom it is about. */
static int choose(struct tasking *t, const char *action, size_t argument_count, bool names_needed,
                  struct err *err)
{
    if (cli_given(t->call, "format")) {
        return cli_usage(t->call, err, "this has no use for option \"--format\"");
    }
    int rc = ctl_open(t->call, &t->ctl, err);
    rc = rc < 0 ? rc : told_get(t->ctl.ask, &t->view, err);
    t->choice = (struct choice){.call = t->call,
                                .view = t->view,
                                .argument_count = argument_count,
                                .action = action,
                                .role = names_needed ? NULL : cli_value(t->call, "role"),
                                .names_needed = names_needed,
                                .asks = tasking_asks(t)};
    return rc < 0 ? rc : chosen_members(&t->choice, &t->members, err);
}

/* ... and whether it is wanted. */
static int begin(struct tasking *t, const char *action, size_t argument_count, bool names_needed,
                 struct err *err)
{
    int rc = choose(t, action, argument_count, names_needed, err);
    return rc < 0 ? rc : chosen_confirm(&t->choice, t->members, "", err);
}

/* ---- restart ---- */

static int ask_version(struct tasking *t, json_t *body, struct err *err)
{
    CLEANUP(buf_close) struct buf answer = {0};
    const char *version = cli_value(t->call, "pg-version");
    int rc = 0;
    if (version == NULL && tasking_asks(t)) {
        rc = prompt_text("Restart if the PostgreSQL version is less than provided (e.g. 9.5.2) ",
                         "", &answer, err);
        version = buf_text(&answer);
    }
    if (rc == 0 && version != NULL && version[0] != '\0') {
        cmd_set(body, "postgres_version", json_string(version));
    }
    return rc;
}

/* One of them, whichever. */
static int take_any(struct tasking *t, struct err *err)
{
    size_t dice = 0;
    int rc = random_fill(&dice, sizeof(dice), err);
    if (rc == 0) {
        json_t *one = json_array_get(t->members, dice % json_array_size(t->members));
        json_t *members = json_array();
        json_array_append(members, one);
        json_decref(t->members);
        t->members = members;
    }
    return rc;
}

/* What was scheduled is replaced by who does not ask. */
static int flush_before(struct tasking *t, json_t *member, struct err *err)
{
    CLEANUP(tasking_answer_close) struct tasking_answer a = {.status = 0};
    if (tasking_asks(t) || json_object_get(member, "scheduled_restart") == NULL) {
        return 0;
    }
    tasking_ask(t, member, "/restart", NULL, t->ctl.timeout_ms, &a);
    return a.status == 200 || a.status == 404
               ? 0
               : tasking_failed(t, "flush scheduled restart", member, &a, err);
}

static int schedule_one(struct tasking *t, json_t *member, json_t *body, struct err *err)
{
    CLEANUP(tasking_answer_close) struct tasking_answer a = {.status = 0};
    CLEANUP(buf_close) struct buf line = {0};
    int rc = flush_before(t, member, err);
    if (rc < 0) {
        return rc;
    }
    tasking_ask(t, member, "/restart", body, t->ctl.timeout_ms, &a);
    if (a.status == 202) {
        return tasking_succeeded("restart scheduled on", member, err);
    }
    if (a.status != 409) {
        return tasking_failed(t, "restart", member, &a, err);
    }
    t->has_failed = true;
    buf_str(&line, "Failed: another restart is already scheduled on member ");
    tasking_put_name(member, &line);
    return cmd_line(buf_text(&line), err);
}

/* When, and then whether. */
static int find_time(struct tasking *t, struct err *err)
{
    const char *at = cli_value(t->call, "scheduled");
    int rc = at != NULL || !tasking_asks(t) ? moment_take(at != NULL ? at : "now", t->at, err)
                                            : moment_ask("restart", t->at, err);
    return rc < 0 ? rc : chosen_confirm(&t->choice, t->members, t->at, err);
}

int cmd_restart(const struct cli_call *call, struct err *err)
{
    CLEANUP(tasking_close) struct tasking t = {.call = call};
    json_auto_t *body = json_object();
    if (cli_given(call, "rolling")) {
        return cmd_restart_rolling(call, err);
    }
    if (cli_given(call, "dry-run")) {
        return cli_usage(call, err, "--dry-run is about the order of --rolling");
    }
    int rc = choose(&t, "restart", call->argument_count, false, err);
    rc = rc < 0 ? rc : find_time(&t, err);
    rc = rc < 0 || !cli_given(call, "any") ? rc : take_any(&t, err);
    rc = rc < 0 ? rc : ask_version(&t, body, err);
    if (cli_given(call, "pending")) {
        cmd_set(body, "restart_pending", json_true());
    }
    tasking_put_timeout(&t, body);
    bool is_later = t.at[0] != '\0';
    t.lasts = !is_later;
    t.what = is_later ? "schedule" : "restart";
    if (is_later) {
        cmd_set(body, "schedule", json_string(t.at));
    }
    for (size_t i = 0; rc == 0 && i < json_array_size(t.members); i++) {
        json_t *member = json_array_get(t.members, i);
        t.current = i;
        rc =
            is_later ? schedule_one(&t, member, body, err) : tasking_restart(&t, member, body, err);
    }
    return tasking_end(&t, rc);
}

/* ---- reload ---- */

static int reload_one(struct tasking *t, json_t *member, struct err *err)
{
    CLEANUP(tasking_answer_close) struct tasking_answer a = {.status = 0};
    CLEANUP(buf_close) struct buf line = {0};
    json_auto_t *body = json_object();
    tasking_ask(t, member, "/reload", body, t->ctl.timeout_ms, &a);
    if (a.status != 202) {
        return tasking_failed(t, "reload", member, &a, err);
    }
    buf_str(&line, "Reload request received for member ");
    tasking_put_name(member, &line);
    buf_printf(&line, " and will be processed within %d seconds", RELOAD_S);
    return cmd_line(buf_text(&line), err);
}

int cmd_reload(const struct cli_call *call, struct err *err)
{
    CLEANUP(tasking_close) struct tasking t = {.call = call, .what = "reload"};
    int rc = begin(&t, "reload", call->argument_count, false, err);
    for (size_t i = 0; rc == 0 && i < json_array_size(t.members); i++) {
        t.current = i;
        rc = reload_one(&t, json_array_get(t.members, i), err);
    }
    return tasking_end(&t, rc);
}

/* ---- reinit ---- */

static int wait_until_done(struct tasking *t, struct clone_wait *wait, struct err *err)
{
    CLEANUP(tasking_answer_close) struct tasking_answer a = {.status = 0};
    CLEANUP(buf_close) struct buf line = {0};
    CLEANUP(buf_close) struct buf after = {0};
    buf_str(&line, "Waiting for reinitialize to complete on: ");
    tasking_put_name(wait->member, &line);
    tasking_put_after(t, &after);
    progress_begin("the clone", buf_text(&after));
    int rc = cmd_line(buf_text(&line), err);
    int has_failed = clone_wait_until_over(wait, &a.text);
    progress_end();
    if (rc == 0 && has_failed != 0) {
        rc = tasking_failed(t, "reinitialize", wait->member, &a, err);
        return rc < 0 ? rc : 1; /* it may be without data now: no other one is told */
    }
    if (rc < 0) {
        return rc;
    }
    buf_clear(&line);
    buf_str(&line, "Reinitialize is completed on: ");
    tasking_put_name(wait->member, &line);
    return cmd_line(buf_text(&line), err);
}

static int reinit_one(struct tasking *t, json_t *member, bool waits, struct err *err)
{
    CLEANUP(tasking_answer_close) struct tasking_answer a = {.status = 0};
    CLEANUP(clone_wait_close) struct clone_wait wait;
    json_auto_t *body = json_object();
    bool again = false;
    cmd_set(body, "force", json_boolean(!tasking_asks(t)));
    if (cli_given(t->call, "from-leader")) {
        cmd_set(body, "from_leader", json_true());
    }
    clone_wait_begin(&wait, t, member);
    tasking_ask(t, member, "/reinitialize", body, t->ctl.timeout_ms, &a);
    bool is_busy = a.status == 503 && strstr(buf_text(&a.text), IN_PROGRESS) != NULL;
    if (is_busy && tasking_asks(t)) {
        int rc = tasking_failed(t, "reinitialize", member, &a, err);
        rc = rc < 0
                 ? rc
                 : prompt_confirm("Do you want to cancel it and reinitialize anyway?", &again, err);
        if (rc < 0 || !again) {
            return rc;
        }
        cmd_set(body, "force", json_true());
        t->has_failed = false;
        tasking_ask(t, member, "/reinitialize", body, t->ctl.timeout_ms, &a);
    }
    if (a.status != 200) {
        return tasking_failed(t, "reinitialize", member, &a, err);
    }
    int rc = tasking_succeeded("reinitialize for", member, err);
    return rc < 0 || !waits ? rc : wait_until_done(t, &wait, err);
}

/* One at a time: while one is cloned the others have their data. */
int cmd_reinit(const struct cli_call *call, struct err *err)
{
    CLEANUP(tasking_close) struct tasking t = {.call = call, .what = "clone", .lasts = true};
    int rc = begin(&t, "reinitialize", call->argument_count, true, err);
    size_t count = json_array_size(t.members);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        bool waits = cli_given(call, "wait") || i + 1 < count;
        t.current = i;
        rc = reinit_one(&t, json_array_get(t.members, i), waits, err);
    }
    return tasking_end(&t, rc);
}

/* ---- flush ---- */

static int flush_one(struct tasking *t, json_t *member, struct err *err)
{
    CLEANUP(tasking_answer_close) struct tasking_answer a = {.status = 0};
    CLEANUP(buf_close) struct buf line = {0};
    tasking_ask(t, member, "/restart", NULL, t->ctl.timeout_ms, &a);
    if (a.status == 200) {
        return tasking_succeeded("flush scheduled restart for", member, err);
    }
    if (a.status != 404) {
        return tasking_failed(t, "flush scheduled restart", member, &a, err);
    }
    buf_str(&line, "No scheduled restart for member ");
    tasking_put_name(member, &line);
    return cmd_line(buf_text(&line), err);
}

/* There is one for the whole cluster. --force is taken: nothing is asked, and scripts have it. */
static int check_flush_switchover(const struct cli_call *call, struct err *err)
{
    if (cli_given(call, "format")) {
        return cli_usage(call, err, "this has no use for option \"--format\"");
    }
    return !cli_given(call, "role") && call->argument_count <= 2
               ? 0
               : cli_usage(call, err,
                           "a switchover is the cluster's: name no member, and leave out --role");
}

static int flush_switchover(struct tasking *t, struct err *err)
{
    struct ask_said said = {0};
    CLEANUP(buf_close) struct buf shown = {0};
    int rc = check_flush_switchover(t->call, err);
    rc = rc < 0 ? rc : ctl_open(t->call, &t->ctl, err);
    rc = rc < 0 ? rc : told_get(t->ctl.ask, &t->view, err);
    if (rc == 0 && t->call->argument_count > 1 &&
        strcmp(t->call->arguments[0], view_text(t->view, "scope")) != 0) {
        rc = err_set(err, ERR_NOT_FOUND, "the node that was asked is one of cluster %s",
                     cli_quoted(view_text(t->view, "scope")).text);
    }
    if (rc == 0) {
        progress_begin("flush", "whether it was dropped is not known: pgraftctl list shows it");
        rc = ask_words(t->ctl.ask, "/switchover", NULL, t->ctl.timeout_ms, &said, err);
        progress_end();
    }
    int code = rc == 0
                   ? switch_answer_code(said.status, buf_text(&said.text), told_has_quorum(t->view))
                   : rc;
    buf_str(&shown, said.status == 200 ? "Success: " : "");
    output_text(&shown, buf_text(&said.text));
    buf_close(&said.text);
    if (rc < 0) {
        return rc;
    }
    return said.status == 200 ? cmd_line(buf_text(&shown), err)
           : said.status == 404
               ? cmd_line("No pending scheduled switchover", err)
               : err_set(err, code != 0 ? code : ERR_PROTOCOL,
                         "Failed deleting scheduled switchover, %s", buf_text(&shown));
}

int cmd_flush(const struct cli_call *call, struct err *err)
{
    CLEANUP(tasking_close) struct tasking t = {.call = call, .what = "flush"};
    if (strcmp(call->arguments[call->argument_count - 1], "switchover") == 0) {
        return flush_switchover(&t, err);
    }
    int rc = begin(&t, "flush", call->argument_count - 1, false, err);
    for (size_t i = 0; rc == 0 && i < json_array_size(t.members); i++) {
        t.current = i;
        rc = flush_one(&t, json_array_get(t.members, i), err);
    }
    return tasking_end(&t, rc);
}
