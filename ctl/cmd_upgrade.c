/* ctl/cmd_upgrade.c - upgrade: the node on this host becomes the program that is installed now.
 *
 * Asked over the control socket alone. It has happened when another life of the node answers; while
 * the one gives way to the other nobody does, for a moment. */
#include <time.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/clock.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/progress.h"

#define PAUSE_NS 100000000
#define PATIENCE_MS 90000 /* a check, leadership, time for it, and the start of a node */

static bool has_error(json_t *life)
{
    return view_text(life, "error")[0] != '\0';
}

/* 0: go on looking; else the end of it. */
static int judge(const struct cli_call *call, json_t *before, json_t *life, bool *ret_ended,
                 struct err *err)
{
    bool is_new = view_number(life, "began_ms") != view_number(before, "began_ms");
    bool is_busy = json_is_true(json_object_get(life, "busy"));
    *ret_ended = is_new || !is_busy;
    if (!*ret_ended) {
        return 0;
    }
    if (has_error(life)) {
        return err_set(err, ERR_REFUSED, "%s goes on as before: %s", view_text(life, "name"),
                       view_text(life, "error"));
    }
    if (!is_new) {
        *ret_ended = false; /* it has not begun to say what it does */
        return 0;
    }
    return cmd_say(call, life, err, "%s runs version %s, before %s", view_text(life, "name"),
                   view_text(life, "version"), view_text(before, "version"));
}

static int watch(const struct cli_call *call, struct ctl *ctl, json_t *before, struct err *err)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    uint64_t until_ms = clock_mono_ms(clock_system()) + PATIENCE_MS;
    while (clock_mono_ms(clock_system()) < until_ms) {
        json_auto_t *life = NULL;
        bool has_ended = false;
        (void)nanosleep(&pause, NULL);
        ask_restart_clock(ctl->ask);
        if (ask_get(ctl->ask, "/pgraft/v1/life", &life, err) != 0) {
            continue; /* it is between two lives */
        }
        int rc = judge(call, before, life, &has_ended, err);
        if (has_ended) {
            return rc;
        }
    }
    return err_set(err, ERR_TIMEOUT, "the new program does not answer: look at the log of %s",
                   view_text(before, "name"));
}

int cmd_upgrade(const struct cli_call *call, struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    json_auto_t *before = NULL;
    json_auto_t *begun = NULL;
    json_auto_t *body = json_object();
    int rc = ctl_open(call, &ctl, err);
    rc = rc != 0 ? rc : ask_get(ctl.ask, "/pgraft/v1/life", &before, err);
    progress_begin("upgrade",
                   "the upgrade goes on without this program: pgraftctl version and the "
                   "log of the node tell what comes of it");
    rc = rc != 0 ? rc : ask_post(ctl.ask, ASK_REPEAT, "/pgraft/v1/upgrade", body, &begun, err);
    rc = rc != 0 ? rc : watch(call, &ctl, before, err);
    progress_end();
    return rc;
}
