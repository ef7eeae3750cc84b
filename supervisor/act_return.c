/* supervisor/act_return.c - coming back: down first, hands off, and then a rung of the ladder:
 * WAL put aside, a rewind (act_rewind.c), a clone (act_clone.c).
 *
 *   stop, fast --> down? --> hands off --> the rung --> hands on
 *                   '--> not in time: killed, for it is only a standby
 *
 * PostgreSQL is down and the guard keeps its hands off while another program works in the data
 * directory; a mark outside of it stands until all is complete. */
#include "base/must.h"
#include "supervisor/act_parts.h"
#include "supervisor/first_data.h"
#include "supervisor/pg_file.h"

#define FAST_MS 60000 /* then the kind way has been tried */
#define DOWN_LOOK_MS 100

static void ended(struct act *a)
{
    act_end(a);
}

void act_hands_on(struct act *a)
{
    if (!act_failed(a)) {
        act_ask(a, GUARD_WATCH, 0, 1, GUARD_DONE, ended);
    }
}

bool act_has_upstream(struct act *a)
{
    if (a->order.upstream.host[0] != '\0') {
        return true;
    }
    (void)err_set(&a->err, ERR_NOT_FOUND,
                  a->order.facts.store.grant_is_standby
                      ? "standby_cluster names no host to copy from"
                      : "the primary has not said yet where it listens");
    act_end(a);
    return false;
}

int work_make_own(struct act_order *o, struct err *err)
{
    const struct pg_setup *setup = o->setup;
    o->config = (struct act_config){.is_primary = false};
    int code = pg_files_restore(&setup->files, NULL, err);
    code = code != 0 ? code : work_put_config(o, err);
    code = code != 0 ? code : pg_files_clean_auto(&setup->files, NULL, err);
    code = code != 0 ? code : pg_files_put_standby_signal(&setup->files, err);
    code = code != 0 ? code : home_note(setup, &o->ask, o->upstream.epoch, err);
    code = code != 0 ? code : first_data_settle(setup->state_dir, err);
    code = code != 0 ? code : pg_mark_clear(setup->state_dir, err);
    return code != 0 ? code : work_look(o, err);
}

void act_keep_wal(struct act *a)
{
    act_do(a, "keep WAL", work_keep_wal, act_hands_on);
}

/* ---- down, and hands off ---- */

static void chosen(struct act *a)
{
    if (act_failed(a)) {
        return;
    }
    switch (a->order.decision.back.step) {
        case RETURN_KEEP_WAL:
            act_keep_wal(a);
            return;
        case RETURN_REWIND:
            act_rewind(a);
            return;
        case RETURN_CLONE:
            act_clone(a);
            return;
        case RETURN_WAIT:
        case RETURN_FOLLOW:
        case RETURN_RESTORE:
            act_end(a);
            return;
    }
    UNREACHABLE("every rung is named above");
}

static void is_down(struct act *a)
{
    if (!act_failed(a)) {
        act_ask(a, GUARD_WATCH, 0, 0, GUARD_DONE, chosen);
    }
}

static void killed(struct act *a)
{
    if (!act_failed(a)) {
        act_until_down(a, is_down);
    }
}

/* order->pid counts the looks. */
static void look_down(struct act *a)
{
    enum pg_process process = a->guard_seen->process;
    a->order.pid++;
    if (process == PG_ABSENT) {
        is_down(a);
    } else if (a->order.pid > FAST_MS / DOWN_LOOK_MS) {
        act_ask(a, GUARD_STOP, 0, GUARD_KILL, GUARD_DONE, killed);
    } else {
        act_pause(a, DOWN_LOOK_MS, look_down);
    }
}

static void stops(struct act *a)
{
    if (!act_failed(a)) {
        a->order.pid = 0;
        look_down(a);
    }
}

void act_return(struct act *a)
{
    if (a->guard_seen->process == PG_ABSENT) {
        is_down(a);
    } else {
        act_ask(a, GUARD_STOP, 0, GUARD_FAST, GUARD_DONE, stops);
    }
}
