/* supervisor/callbacks.c - one look after the other, and what is told of the difference. */
#include "supervisor/callbacks.h"

#include "base/must.h"

static void add(struct callbacks_due *due, enum callback what, enum callback_role role)
{
    MUST(due->count < ARRAY_LEN(due->at));
    due->at[due->count++] = (struct callback_call){.what = what, .role = role};
}

/* Whoever is told of a change of the role knows by that that it runs. */
static void comes_up(struct callbacks_past *past, const struct callbacks_seen *now,
                     struct callbacks_due *due)
{
    bool is_other = past->postmaster != 0 && now->postmaster != 0;
    bool is_new = !past->is_up || (is_other && past->postmaster != now->postmaster);
    if (past->role != CALLBACK_AS_NOTHING && past->role != now->role) {
        add(due, CALLBACK_ON_ROLE_CHANGE, now->role);
    } else if (is_new) {
        add(due, past->restarts ? CALLBACK_ON_RESTART : CALLBACK_ON_START, now->role);
    }
    if (past->reloads != now->reloads) {
        add(due, CALLBACK_ON_RELOAD, now->role);
    }
    *past = (struct callbacks_past){
        .is_up = true,
        .role = now->role,
        .postmaster = now->postmaster != 0 ? now->postmaster : past->postmaster,
        .reloads = now->reloads};
}

/* Of a crash nothing is told while it may go on in place. */
static void is_down(struct callbacks_past *past, const struct callbacks_seen *now,
                    struct callbacks_due *due)
{
    if (past->is_up && !now->has_crashed && !now->restarts) {
        add(due, CALLBACK_ON_STOP, past->role);
    }
    past->is_up = false;
    past->postmaster = 0;
    past->restarts = now->restarts;
    past->reloads = now->reloads;
    if (now->has_crashed && past->role == CALLBACK_AS_PRIMARY && !now->is_holder) {
        past->role = CALLBACK_AS_DEMOTED;
        add(due, CALLBACK_ON_ROLE_CHANGE, past->role);
    }
}

struct callbacks_due callbacks_next(struct callbacks_past *past, const struct callbacks_seen *now)
{
    struct callbacks_due due = {.count = 0};
    if (!now->is_begun) {
        return due;
    }
    if (now->pg == CALLBACKS_PG_UP && now->role != CALLBACK_AS_NOTHING) {
        comes_up(past, now, &due);
    } else if (now->pg == CALLBACKS_PG_DOWN) {
        is_down(past, now, &due);
    }
    return due;
}

const char *callback_name(enum callback what)
{
    static const char *const names[CALLBACKS] = {
        [CALLBACK_ON_START] = "on_start",
        [CALLBACK_ON_STOP] = "on_stop",
        [CALLBACK_ON_RESTART] = "on_restart",
        [CALLBACK_ON_RELOAD] = "on_reload",
        [CALLBACK_ON_ROLE_CHANGE] = "on_role_change",
    };
    MUST((unsigned)what < CALLBACKS);
    return names[what];
}

const char *callback_role_name(enum callback_role role)
{
    static const char *const names[] = {
        [CALLBACK_AS_NOTHING] = "",        [CALLBACK_AS_REPLICA] = "replica",
        [CALLBACK_AS_PRIMARY] = "primary", [CALLBACK_AS_STANDBY_LEADER] = "standby_leader",
        [CALLBACK_AS_DEMOTED] = "demoted",
    };
    MUST((unsigned)role < ARRAY_LEN(names));
    return names[role];
}
