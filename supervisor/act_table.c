/* supervisor/act_table.c - which sequence carries an action out, and how long it may take. */
#include "supervisor/act_table.h"

#include "base/must.h"
#include "supervisor/act_parts.h"

#define SHORT_MS 10000
#define START_MS 30000
#define STOP_MS UINT64_C(60000)
#define MAKE_MS 600000
/* A clone takes what it takes; so does a promotion, which replays first what was received: one that
 * stands still ends by the rule promotion-failed. */
#define COPY_MS (48ULL * 3600 * 1000)

static const struct {
    act_next first; /* NULL: no sequence; the owner does it at once, or nothing is to be done */
    uint64_t deadline_ms;
} table[ACTIONS] = {
    [ACTION_KILL] = {act_kill, SHORT_MS},
    [ACTION_STOP] = {act_stop, STOP_MS},
    [ACTION_SEAL] = {act_seal, SHORT_MS},
    [ACTION_PRE_PROMOTE] = {act_pre_promote, MAKE_MS}, /* it has a limit of its own */
    [ACTION_ARM] = {act_arm, SHORT_MS},
    [ACTION_PROMOTE] = {act_promote, COPY_MS},
    [ACTION_RECORD] = {act_record, SHORT_MS},
    [ACTION_SYNC_SET] = {act_apply_sync, SHORT_MS},
    [ACTION_HAND_OVER] = {act_hand_over, ACT_CHECKPOINT_MS + STOP_MS},
    [ACTION_START_STANDBY] = {act_start_standby, START_MS},
    [ACTION_START_PRIMARY] = {act_start_primary, START_MS},
    [ACTION_ADOPT] = {act_adopt, START_MS},
    [ACTION_INITDB] = {act_initdb, MAKE_MS},
    [ACTION_FOLLOW] = {act_follow, SHORT_MS},
    [ACTION_RETURN] = {act_return, COPY_MS},
    [ACTION_LEAVE] = {act_leave, SHORT_MS},
};

bool act_has_sequence(const struct decision *d)
{
    bool is_publish = d->action == ACTION_SYNC_SET && d->sync.step != SYNC_STEP_APPLY;
    bool is_look =
        d->action == ACTION_SEAL && (d->seal == SEAL_LOOK_AGAIN || d->seal == SEAL_READ_END);
    MUST((size_t)d->action < ARRAY_LEN(table));
    return table[d->action].first != NULL && !is_publish && !is_look;
}

void act_carry_out(struct act *a)
{
    enum action action = a->order.decision.action;
    MUST(act_has_sequence(&a->order.decision));
    const struct pg_setup *setup = a->order.setup;
    bool runs_script = action == ACTION_RECORD && setup->post_bootstrap != NULL;
    bool restores = action == ACTION_INITDB && setup->bootstrap.command != NULL;
    bool has_time = action == ACTION_STOP && act_stop_has_time(&a->order.facts);
    uint64_t deadline_ms = has_time ? 2 * STOP_MS : table[action].deadline_ms;
    deadline_ms = runs_script ? MAKE_MS : restores ? COPY_MS : deadline_ms;
    act_begin(a, deadline_ms, table[action].first);
}

static void ended(struct act *a)
{
    act_end(a);
}

static void look_first(struct act *a)
{
    act_do(a, "look", work_look_anew, ended);
}

void act_look(struct act *a)
{
    act_begin(a, START_MS, look_first);
}

static void reload_first(struct act *a)
{
    act_do(a, "reload", work_reload, ended);
}

void act_reload(struct act *a)
{
    act_begin(a, SHORT_MS, reload_first);
}

bool act_is_work_inside(const struct decision *d)
{
    bool is_return = d->action == ACTION_RETURN &&
                     (d->back.step == RETURN_CLONE || d->back.step == RETURN_REWIND);
    return is_return || d->action == ACTION_INITDB;
}

bool act_is_same(const struct decision *a, const struct decision *b)
{
    return a->action == b->action && a->epoch == b->epoch && a->seal == b->seal &&
           a->sync.step == b->sync.step && a->back.step == b->back.step;
}
