/* ctl/cmd_pause.c - pause and resume: automatic changes of the primary, stopped and allowed again.
 *
 *   the shared configuration --> "pause" put in or taken out --> written, if nobody has changed it
 *       meanwhile; else once more --> with --wait: each member is asked until it says so, too
 *
 * What was written and is not known everywhere in time is no success, and nothing refused. */
#include <poll.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/member_ask.h"
#include "ctl/output.h"
#include "ctl/patroni_rows.h"
#include "ctl/progress.h"
#include "ctl/shared_config.h"
#include "ctl/told.h"

#define TRIES 5 /* against others who change the configuration at the same time */
#define AGAIN_MS 200

struct pausing {
    const struct cli_call *call;
    struct ctl ctl;
    json_t *view;
    json_t *heard; /* names of those that have said so: they are not asked again */
    bool pauses;
};

static void pausing_close(struct pausing *p)
{
    json_decref(p->view);
    json_decref(p->heard);
    ctl_close(&p->ctl);
}

static int change_once(struct pausing *p, struct err *err)
{
    CLEANUP(ask_version_close) struct ask_version version = {.value = NULL};
    json_decref(p->view);
    p->view = NULL;
    int rc = shared_config_get(p->call, p->ctl.ask, &version, &p->view, err);
    if (rc < 0) {
        return rc;
    }
    if (shared_config_is_paused(version.value) == p->pauses) {
        return err_set(err, ERR_REFUSED, "Cluster is %s",
                       p->pauses ? "already paused" : "not paused");
    }
    json_auto_t *wanted = json_deep_copy(version.value);
    if (!p->pauses && json_object_size(wanted) > 1) {
        (void)json_object_del(wanted, "pause");
    } else {
        cmd_set(wanted, "pause", json_boolean(p->pauses)); /* nothing at all is not taken */
    }
    return shared_config_put(p->ctl.ask, &version, wanted, err);
}

/* What others change meanwhile has nothing to do with it. */
static int change(struct pausing *p, struct err *err)
{
    int rc = ERR_CONFLICT;
    for (int i = 0; rc == ERR_CONFLICT && i < TRIES; i++) {
        rc = change_once(p, err);
    }
    return rc;
}

/* ---- until all say so ---- */

static bool says_so(struct pausing *p, json_t *member)
{
    CLEANUP(ask_closep) struct ask *ask = NULL;
    json_auto_t *told = NULL;
    bool is_answered =
        member_ask_open(&p->ctl, p->view, member, ask_left_ms(p->ctl.ask), &ask, NULL) == 0 &&
        ask_get(ask, "/patroni", &told, NULL) == 0;
    bool is_so = is_answered && json_is_true(json_object_get(told, "pause")) == p->pauses;
    if (is_so) {
        cmd_set(p->heard, view_text(member, "name"), json_true());
    }
    return is_so;
}

/* The names of those that do not yet. */
static size_t count_silent(struct pausing *p, struct buf *names)
{
    json_t *members = told_members(p->view);
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(members); i++) {
        json_t *member = json_array_get(members, i);
        bool is_done = patroni_is_witness(member) ||
                       json_object_get(p->heard, view_text(member, "name")) != NULL;
        if (!is_done && !says_so(p, member)) {
            buf_str(names, count > 0 ? ", " : "");
            output_text(names, view_text(member, "name"));
            count++;
        }
    }
    return count;
}

static int ask_until_all(struct pausing *p, struct err *err)
{
    int rc = ERR_BUSY;
    progress_begin(p->pauses ? "the pause of all nodes" : "the resume of all nodes",
                   "it is written and counts, also without this program: pgraftctl list shows it");
    while (rc == ERR_BUSY) {
        CLEANUP(buf_close) struct buf names = {0};
        if (count_silent(p, &names) == 0) {
            rc = 0;
        } else if (ask_left_ms(p->ctl.ask) <= AGAIN_MS) {
            rc = err_set(err, ERR_TIMEOUT,
                         "it is written, but these nodes have not said within %g s that they know "
                         "of it: %s",
                         (double)p->ctl.timeout_ms / 1000, buf_text(&names));
        } else {
            (void)poll(NULL, 0, AGAIN_MS);
        }
    }
    progress_end();
    return rc;
}

static int wait_for_all(struct pausing *p, struct err *err)
{
    CLEANUP(buf_close) struct buf line = {0};
    buf_printf(&line, "'%s' request sent, waiting until it is recognized by all nodes",
               p->pauses ? "pause" : "resume");
    int rc = cmd_line(buf_text(&line), err);
    ask_restart_clock(p->ctl.ask);
    return rc < 0 ? rc : ask_until_all(p, err);
}

/* ---- the commands ---- */

static int run(const struct cli_call *call, bool pauses, struct err *err)
{
    CLEANUP(pausing_close)
    struct pausing p = {.call = call, .heard = json_object(), .pauses = pauses};
    if (cli_given(call, "format")) {
        return cli_usage(call, err, "\"%s\" has no use for option \"--format\"",
                         pauses ? "pause" : "resume");
    }
    int rc = ctl_open(call, &p.ctl, err);
    rc = rc < 0 ? rc : change(&p, err);
    if (rc == 0 && cli_given(call, "wait")) {
        rc = wait_for_all(&p, err);
    }
    return rc < 0 ? rc
                  : cmd_line(pauses ? "Success: cluster management is paused"
                                    : "Success: cluster management is resumed",
                             err);
}

int cmd_pause(const struct cli_call *call, struct err *err)
{
    return run(call, true, err);
}

int cmd_resume(const struct cli_call *call, struct err *err)
{
    return run(call, false, err);
}
