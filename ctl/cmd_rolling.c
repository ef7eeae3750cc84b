/* ctl/cmd_rolling.c - restart --rolling: the PostgreSQL of a whole cluster, one at a time.
 *
 *   looked at --> the order (rolling.h) --> confirmed
 *       --> each: told, done, well again --> the next one      the first that fails ends it
 *
 * What was asked for is carried out by the nodes: who goes away in the middle leaves a cluster that
 * is whole, with the rest not restarted. */
#include <poll.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "ctl/ask.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/output.h"
#include "ctl/patroni_rows.h"
#include "ctl/progress.h"
#include "ctl/prompt.h"
#include "ctl/rolling.h"
#include "ctl/switch_checks.h"
#include "ctl/tasking.h"
#include "ctl/told.h"

#define RESTART_MS UINT64_C(900000) /* for its answer, which comes when it has ended */
#define RESTART_MORE_MS 240000      /* ... beside --timeout: checkpoint and shutdown before */
#define SWITCH_MS 30000             /* more than a switchover may take */
#define SWITCH_MORE_MS 2000         /* ... and the answer on its way */
#define WELL_MS 120000              /* until it follows again */
#define LOOK_MS 500

struct rolling_call {
    struct tasking t;
    struct rolling_step *steps;
    size_t count;
};

static void rolling_close(struct rolling_call *c)
{
    mem_free(c->steps);
    tasking_close(&c->t);
}

static int look(struct tasking *t, struct err *err)
{
    json_decref(t->view);
    t->view = NULL;
    ask_restart_clock(t->ctl.ask);
    return told_get(t->ctl.ask, &t->view, err);
}

static json_t *member_of(const struct tasking *t, const char *name)
{
    json_t *members = told_members(t->view);
    size_t i = 0;
    json_t *member = NULL;
    json_array_foreach(members, i, member)
    {
        if (strcmp(view_text(member, "name"), name) == 0) {
            return member;
        }
    }
    return NULL;
}

/* ---- the order ---- */

static bool is_due(const struct tasking *t, json_t *member)
{
    return !cli_given(t->call, "pending") ||
           json_is_true(json_object_get(member, "pending_restart"));
}

static bool can_switch(const struct tasking *t)
{
    json_t *cluster = json_object_get(t->view, "cluster");
    json_auto_t *names = switch_candidates(t->view, view_text(t->view, "leader"));
    return json_array_size(names) > 0 && !json_is_true(json_object_get(cluster, "pause"));
}

/* @names keeps what the steps point to. */
static int find_order(struct rolling_call *c, json_t *names, struct rolling_change *ret_change,
                      struct err *err)
{
    json_t *members = told_members(c->t.view);
    size_t count = 0;
    struct rolling_member *list = mem_zalloc((json_array_size(members) + 1) * sizeof(*list));
    struct rolling rolling = {.members = list, .can_switch = can_switch(&c->t)};
    bool has_leader = false;
    size_t i = 0;
    json_t *member = NULL;
    json_array_foreach(members, i, member)
    {
        if (patroni_is_witness(member)) {
            continue;
        }
        json_t *name = json_string(view_text(member, "name"));
        json_array_append_new(names, name);
        list[count] = (struct rolling_member){.name = json_string_value(name),
                                              .leads = patroni_is_leader(member),
                                              .is_due = is_due(&c->t, member)};
        if (list[count].leads) {
            has_leader = true;
            rolling.change =
                rolling_change_of(json_is_true(json_object_get(member, "pending_restart")),
                                  json_object_get(member, "pending_restart_reason"));
        }
        count++;
    }
    rolling.count = count;
    c->steps = mem_zalloc((ROLLING_STEPS_MAX(count) + 1) * sizeof(*c->steps));
    c->count = rolling_order(&rolling, c->steps);
    *ret_change = rolling.change;
    mem_free(list);
    return has_leader ? 0
                      : err_set(err, ERR_REFUSED,
                                "nobody leads the cluster: who could say when a standby is well "
                                "again?");
}

static void put_steps(const struct rolling_call *c, size_t from, struct buf *out)
{
    for (size_t i = from; i < c->count; i++) {
        buf_printf(out, "%3zu. ", i + 1);
        rolling_put(out, &c->steps[i]);
        buf_char(out, '\n');
    }
}

static int show(const struct rolling_call *c, const struct rolling_change *change, struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    if (change->which != NULL) {
        buf_printf(&out, "%s is %s: %s first\n", change->which,
                   change->raises && change->lowers ? "not the only one, and they are raised and "
                                                      "lowered"
                   : change->raises                 ? "raised"
                                                    : "lowered",
                   change->raises ? "standbys" : "the primary");
    }
    put_steps(c, 0, &out);
    if (c->count == 0) {
        buf_str(&out, "Nothing is to be restarted\n");
    }
    return cli_put(&out, err);
}

/* ---- one after the other ---- */

/* In the role that it is to have now; a standby streams again, or is what it was @before. */
static bool is_well(json_t *member, bool leads, const char *before)
{
    const char *state = view_text(member, "state");
    if (patroni_is_leader(member) != leads) {
        return false;
    }
    return strcmp(state, leads ? "running" : "streaming") == 0 ||
           (before[0] != '\0' && strcmp(state, before) == 0);
}

static int wait_until_well(struct tasking *t, const struct rolling_step *step, const char *before,
                           struct err *err)
{
    uint64_t until_ms = clock_mono_ms(clock_system()) + WELL_MS;
    for (;;) {
        (void)poll(NULL, 0, LOOK_MS);
        int rc = look(t, err);
        json_t *member = rc == 0 ? member_of(t, step->name) : NULL;
        bool is_led = rc == 0 && view_text(t->view, "leader")[0] != '\0';
        if (member != NULL && is_led && is_well(member, step->kind == ROLLING_IN_PLACE, before)) {
            return 0;
        }
        if (clock_mono_ms(clock_system()) >= until_ms) {
            return err_set(err, ERR_REFUSED, "%s was restarted, and is not well again: %s",
                           cli_quoted(step->name).text,
                           member != NULL ? view_text(member, "state") : "it is not told of");
        }
    }
}

static int restart(struct tasking *t, json_t *member, struct err *err)
{
    CLEANUP(tasking_answer_close) struct tasking_answer a = {.status = 0};
    json_auto_t *body = json_object();
    bool is_given = cli_given(t->call, "timeout");
    if (is_given) {
        cmd_set(body, "timeout", json_integer((json_int_t)((t->ctl.timeout_ms + 999) / 1000)));
    }
    tasking_ask(t, member, "/restart", body,
                is_given ? t->ctl.timeout_ms + RESTART_MORE_MS : RESTART_MS, &a);
    return a.status == 200 ? tasking_succeeded("restart on", member, err)
                           : tasking_failed(t, "restart", member, &a, err);
}

static int switch_over(struct tasking *t, json_t *member, struct err *err)
{
    CLEANUP(buf_close) struct buf line = {0};
    struct ask_said said = {0};
    json_auto_t *body = json_object();
    cmd_set(body, "leader", json_string(view_text(member, "name")));
    cmd_set(body, "timeout_ms", json_integer(SWITCH_MS));
    ask_restart_clock(t->ctl.ask);
    int rc = ask_words(t->ctl.ask, "/switchover", body, SWITCH_MS + SWITCH_MORE_MS, &said, err);
    if (rc == 0 && said.status != 200) {
        t->has_failed = true;
        buf_printf(&line, "Failed: switchover, status code=%d, (", said.status);
        output_text(&line, buf_text(&said.text));
        buf_char(&line, ')');
    } else if (rc == 0) {
        buf_str(&line, "Success: ");
        output_text(&line, buf_text(&said.text));
    }
    buf_close(&said.text);
    return rc < 0 ? rc : tasking_say(buf_text(&line), err);
}

/* Roles may have changed since the order was found. */
static int check_role(const struct rolling_step *step, json_t *member, struct err *err)
{
    bool was_leader = step->kind != ROLLING_STANDBY;
    if (member == NULL) {
        return err_set(err, ERR_REFUSED, "%s is no member any more", cli_quoted(step->name).text);
    }
    return patroni_is_leader(member) == was_leader
               ? 0
               : err_set(err, ERR_REFUSED, "%s has another role by now",
                         cli_quoted(step->name).text);
}

/* Who is not restarted, if we are ended in the middle of step @at. */
static void put_after(const struct rolling_call *c, size_t at, struct buf *out)
{
    const char *before = "; not begun: ";
    rolling_put(out, &c->steps[at]);
    buf_str(out, " goes on without this program, and pgraftctl list shows it");
    for (size_t i = at + 1; i < c->count; i++) {
        buf_str(out, before);
        rolling_put(out, &c->steps[i]);
        before = ", ";
    }
}

static int do_step(struct rolling_call *c, size_t at, struct err *err)
{
    struct tasking *t = &c->t;
    const struct rolling_step *step = &c->steps[at];
    CLEANUP(buf_close) struct buf after = {0};
    CLEANUP(buf_close) struct buf doing = {0};
    CLEANUP(buf_close) struct buf before = {0};
    int rc = look(t, err);
    json_t *member = rc == 0 ? member_of(t, step->name) : NULL;
    rc = rc < 0 ? rc : check_role(step, member, err);
    if (rc < 0) {
        return rc;
    }
    if (step->kind == ROLLING_STANDBY) {
        buf_str(&before, view_text(member, "state"));
    }
    rolling_put(&doing, step);
    put_after(c, at, &after);
    progress_begin(buf_text(&doing), buf_text(&after));
    rc = step->kind == ROLLING_SWITCHOVER ? switch_over(t, member, err) : restart(t, member, err);
    if (rc == 0 && !t->has_failed) {
        rc = wait_until_well(t, step, buf_text(&before), err);
    }
    progress_end();
    return rc;
}

static int say_left(const struct rolling_call *c, size_t from, struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    buf_str(&out, "Left to do:\n");
    put_steps(c, from, &out);
    return cli_put(&out, err);
}

static int do_all(struct rolling_call *c, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < c->count; i++) {
        rc = do_step(c, i, err);
        if (rc != 0 || c->t.has_failed) {
            /* One that was restarted, and is not well, is not done either: it is to be looked at.
             */
            (void)say_left(c, i, NULL);
            break;
        }
    }
    return tasking_end(&c->t, rc);
}

/* ---- the command ---- */

static int check_call(const struct cli_call *call, struct err *err)
{
    static const char *const others[] = {"role", "any", "scheduled", "pg-version", "format"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (cli_given(call, others[i])) {
            return cli_usage(call, err, "--rolling is about all members, and now: leave out --%s",
                             others[i]);
        }
    }
    return call->argument_count <= 1
               ? 0
               : cli_usage(call, err, "--rolling is about all members: name none");
}

static int confirm(const struct rolling_call *c, struct err *err)
{
    bool yes = false;
    if (!tasking_asks(&c->t)) {
        return 0;
    }
    int rc = prompt_confirm("Are you sure you want to restart them in this order?", &yes, err);
    return rc < 0 || yes ? rc : err_set(err, ERR_REFUSED, "Aborted restart");
}

int cmd_restart_rolling(const struct cli_call *call, struct err *err)
{
    CLEANUP(rolling_close)
    struct rolling_call c = {.t = {.call = call, .what = "restart", .lasts = true}};
    json_auto_t *names = json_array();
    struct rolling_change change = {.which = NULL};
    int rc = check_call(call, err);
    rc = rc < 0 ? rc : ctl_open(call, &c.t.ctl, err);
    rc = rc < 0 ? rc : told_get(c.t.ctl.ask, &c.t.view, err);
    rc = rc < 0 ? rc : told_check_clusters(call, c.t.view, err);
    rc = rc < 0 ? rc : find_order(&c, names, &change, err);
    rc = rc < 0 ? rc : show(&c, &change, err);
    if (rc < 0 || c.count == 0 || cli_given(call, "dry-run")) {
        return rc;
    }
    rc = confirm(&c, err);
    return rc < 0 ? rc : do_all(&c, err);
}
