/* supervisor/supervisor_upgrade.c - before this program becomes another one (safety A8): time for
 * it, and afterwards the lease as it was.
 *
 *   asked --> nothing under way --> no lease: ready
 *                       '--> the primary, and well: its time three times as long, committed
 *                                --> confirmed with that, and the guard knows: ready
 *
 * What the lease was made longer by is taken back by whoever holds it next, in this life or the
 * next one: lease_hold.h. */
#include <stdio.h>

#include "base/log.h"
#include "supervisor/act_parts.h"
#include "supervisor/supervisor_parts.h"

#define TIMES 3
#define ENOUGH_TENTHS 25 /* of the time of before, left when it is ready */
#define PATIENCE_MS 15000

static const char callback_runs[] = "a callback runs, and would be cut off";

static void finish(struct supervisor *s, const struct err *err, uint64_t left_ms)
{
    struct supervisor_upgrade *u = &s->upgrade;
    supervisor_upgrade_cb ready = u->ready;
    u->ready = NULL;
    u->stage = err != NULL ? UPGRADE_NONE : UPGRADE_READY;
    if (err != NULL) {
        lease_hold_stretch(&s->side.hold, false, supervisor_now_ms());
    }
    if (ready != NULL) {
        ready(u->owner, err, left_ms);
    }
}

static void refuse(struct supervisor *s, int code, const char *why)
{
    struct err err = {.code = 0};
    (void)err_set(&err, code, "%s", why);
    finish(s, &err, 0);
}

void supervisor_upgrade(struct supervisor *s, supervisor_upgrade_cb ready, void *owner)
{
    s->upgrade = (struct supervisor_upgrade){
        .stage = UPGRADE_ASKED, .asked_ms = supervisor_now_ms(), .ready = ready, .owner = owner};
    supervisor_soon(s);
}

void supervisor_upgrade_end(struct supervisor *s)
{
    s->upgrade.stage = UPGRADE_NONE;
    s->upgrade.ready = NULL;
    lease_hold_stretch(&s->side.hold, false, supervisor_now_ms());
}

/* It serves, and nothing is on its way that the next life would have to know. */
static bool is_settled(const struct facts *f)
{
    return serves_writes(f) && f->pg.force == FORCE_OURS;
}

/* NULL: now. */
static const char *waits_for(const struct supervisor *s)
{
    const struct facts *f = &s->facts;
    if (!s->supervises) {
        return NULL;
    }
    if (s->task.end == TASK_RUNS) {
        return "an operator has PostgreSQL restarted or cloned anew";
    }
    if (s->act.is_running || s->is_looking_home) {
        return "something is being done to PostgreSQL";
    }
    if (!callback_run_is_idle(&s->scripts.run)) {
        return callback_runs;
    }
    if (f->lease.epoch == 0) {
        return f->pg.role == ROLE_PRIMARY ? "PostgreSQL runs as a primary without a lease" : NULL;
    }
    if (!is_settled(f) || s->decision.action != ACTION_WAIT) {
        return "the primary's role is being taken or changed";
    }
    if (f->store.is_current != FACT_YES) {
        return "no majority was heard lately";
    }
    return holder_is_pending(&s->side.holder) ? "the store has not answered yet" : NULL;
}

static void begin(struct supervisor *s, uint64_t now_ms)
{
    struct supervisor_upgrade *u = &s->upgrade;
    u->why = waits_for(s);
    if (s->act.is_running && act_is_work_inside(&s->act.order.decision)) {
        refuse(s, ERR_BUSY, "the data directory is being made, copied or rewound: wait for that");
    } else if (u->why == NULL && s->facts.lease.epoch == 0) {
        finish(s, NULL, 0);
    } else if (u->why == NULL) {
        u->lease_ms = s->side.hold.limit_ms;
        if (u->lease_ms == 0) {
            refuse(s, ERR_INVALID, "the grant of the primary's role does not say its time");
        } else if (holder_time(&s->side.holder, &s->side.view, now_ms, TIMES * u->lease_ms)) {
            s->side.hold.ttl_ms = TIMES * u->lease_ms; /* it may be, from now on */
            u->stage = UPGRADE_CHANGING;
        }
    }
}

static void change(struct supervisor *s, uint64_t now_ms)
{
    struct supervisor_upgrade *u = &s->upgrade;
    enum holder_outcome outcome = holder_outcome(&s->side.holder, HOLDER_TIME);
    u->why = "the store has not answered yet";
    if (outcome == HOLDER_REFUSED) {
        refuse(s, ERR_REFUSED, s->side.holder.message);
    } else if (outcome == HOLDER_DONE && !holder_is_pending(&s->side.holder)) {
        lease_hold_stretch(&s->side.hold, true, now_ms);
        u->stage = UPGRADE_WAITING;
    } else if (outcome == HOLDER_NONE) {
        refuse(s, ERR_REFUSED, "the lease was lost meanwhile");
    }
}

/* The guard's page was written in this look, and says no less than these facts. */
static void wait(struct supervisor *s)
{
    const struct lease_facts *lease = &s->facts.lease;
    s->upgrade.why = "no keep-alive was confirmed with the longer time yet";
    if (lease->epoch == 0 || !is_settled(&s->facts)) {
        refuse(s, ERR_REFUSED, "the primary's role was lost meanwhile");
    } else if (!callback_run_is_idle(&s->scripts.run)) {
        s->upgrade.why = callback_runs; /* it has begun since */
    } else if (lease->remaining_ms * 10 >= s->upgrade.lease_ms * ENOUGH_TENTHS) {
        finish(s, NULL, lease->remaining_ms);
    }
}

/* Of a life before this one, or of an upgrade that came to nothing. */
static void shorten(struct supervisor *s, uint64_t now_ms)
{
    struct lease_hold *hold = &s->side.hold;
    bool was_asked = s->shortens != 0 && hold->epoch == s->shortens;
    if (was_asked && holder_outcome(&s->side.holder, HOLDER_TIME) == HOLDER_DONE) {
        hold->ttl_ms = hold->limit_ms;
        s->shortens = 0;
        log_info("supervisor", "the lease has its own time again",
                 LOG_U64("lease_ms", hold->limit_ms));
    } else if (lease_hold_may_shorten(hold, now_ms) && now_ms >= s->shorten_again_ms &&
               is_settled(&s->facts) &&
               holder_time(&s->side.holder, &s->side.view, now_ms, hold->limit_ms)) {
        s->shortens = hold->epoch;
        s->shorten_again_ms = now_ms + PATIENCE_MS;
    }
}

void supervisor_upgrade_tick(struct supervisor *s, uint64_t now_ms)
{
    struct supervisor_upgrade *u = &s->upgrade;
    if (u->stage == UPGRADE_NONE) {
        shorten(s, now_ms);
        return;
    }
    if (u->stage == UPGRADE_READY) {
        return;
    }
    if (s->is_stopping) {
        refuse(s, ERR_CLOSED, "this node stops");
        return;
    }
    if (u->stage == UPGRADE_ASKED) {
        begin(s, now_ms);
    } else if (u->stage == UPGRADE_CHANGING) {
        change(s, now_ms);
    } else {
        wait(s);
    }
    bool is_pending =
        u->stage == UPGRADE_ASKED || u->stage == UPGRADE_CHANGING || u->stage == UPGRADE_WAITING;
    if (is_pending && now_ms - u->asked_ms > PATIENCE_MS) {
        refuse(s, ERR_TIMEOUT, u->why != NULL ? u->why : "it took too long");
    }
}
