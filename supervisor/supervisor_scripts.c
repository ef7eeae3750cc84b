/* supervisor/supervisor_scripts.c - an operator's programs: when each is called, and what its
 * answer comes to.
 *
 * postgresql.callbacks are called when the facts have changed (callbacks.h), and nobody waits for
 * them; pre_promote and before_stop are steps of sequences (act_scripts.c). A node whose
 * pre_promote forbids a promotion gives the role back, and for a while asks not to be chosen: in an
 * election it counts as one that is tagged nofailover. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "supervisor/act_parts.h"
#include "supervisor/supervisor_parts.h"

#define DECLINES_MIN_MS 10000
#define LAST_WORDS_MS 5000 /* for an on_stop, when this program ends */

/* ---- what is told ---- */

static void add_event(struct supervisor *s, const char *kind, const char *text)
{
    struct view_event event = {.wall_ms = clock_wall_ms(clock_system()), .node = s->facts.self};
    view_text_set(event.kind, sizeof(event.kind), kind);
    view_text_set(event.text, sizeof(event.text), text);
    view_add_event(s->view, &event);
    s->has_news = true;
}

static void failed_cb(struct callback_run *run, const char *text)
{
    add_event((struct supervisor *)run->owner, "callback", text);
}

/* ---- callbacks ---- */

static enum callbacks_pg pg_of(const struct facts *f)
{
    switch (f->pg.process) {
        case PG_RUNNING:
            return CALLBACKS_PG_UP;
        case PG_ABSENT:
        case PG_LEFT:
            return CALLBACKS_PG_DOWN;
        case PG_UNKNOWN:
        case PG_STARTING:
        case PG_STOPPING:
            return CALLBACKS_PG_UNKNOWN;
    }
    UNREACHABLE("every process is named above");
}

/* A primary whose fence stands is on its way. */
static enum callback_role role_of(const struct facts *f)
{
    bool leads = facts_leads_standby(f);
    return f->pg.role == ROLE_STANDBY && leads              ? CALLBACK_AS_STANDBY_LEADER
           : f->pg.role == ROLE_STANDBY                     ? CALLBACK_AS_REPLICA
           : f->pg.role == ROLE_PRIMARY && serves_writes(f) ? CALLBACK_AS_PRIMARY
                                                            : CALLBACK_AS_NOTHING;
}

static void call(struct supervisor *s, const struct callback_call *due)
{
    const struct pg_setup *setup = supervisor_newest(s); /* all of it is copied */
    const char *command = setup->callbacks[due->what];
    const struct callback_order order = {.call = *due,
                                         .command = command,
                                         .scope = setup->scope,
                                         .name = setup->name,
                                         .epoch = s->facts.store.grant_epoch,
                                         .helper = s->helper,
                                         .environment = s->scripts.environment};
    if (command != NULL) {
        callback_run_call(&s->scripts.run, &order);
    }
}

void supervisor_call_due(struct supervisor *s)
{
    const struct facts *f = &s->facts;
    if (s->upgrade.stage == UPGRADE_READY) {
        return; /* the next life calls on_start for what it finds; should it not come, it is told */
    }
    const struct callbacks_seen now = {.is_begun = f->store.initialized == FACT_YES,
                                       .pg = pg_of(f),
                                       .role = role_of(f),
                                       .has_crashed = !s->scripts.was_stopped,
                                       .is_holder = f->lease.epoch != 0,
                                       .restarts = s->scripts.restarts,
                                       .postmaster = s->postmaster,
                                       .reloads = s->scripts.reloads};
    struct callbacks_due due = callbacks_next(&s->scripts.past, &now);
    for (uint32_t i = 0; i < due.count; i++) {
        call(s, &due.at[i]);
    }
}

/* ---- pre_promote ---- */

/* How long this node asks not to be chosen, from when the role is not its own any more. */
static uint64_t declines_for_ms(const struct supervisor *s)
{
    uint64_t lease_ms = s->settings.times.lease_ms;
    return lease_ms > DECLINES_MIN_MS ? lease_ms : DECLINES_MIN_MS;
}

void supervisor_gather_scripts(struct supervisor *s, uint64_t now_ms, struct facts *f)
{
    struct supervisor_scripts *scripts = &s->scripts;
    bool runs = s->act.is_running && !s->is_looking_home && !s->is_reloading &&
                s->act.order.decision.action == ACTION_PRE_PROMOTE;
    scripts->begun_ms = !runs ? 0 : scripts->begun_ms != 0 ? scripts->begun_ms : now_ms;
    f->wish.pre_promote_ms = runs ? now_ms - scripts->begun_ms : 0;
    if (s->setup->pre_promote == NULL || f->lease.epoch == 0) {
        f->wish.pre_promote = PRE_PROMOTE_NONE;
    } else {
        f->wish.pre_promote =
            scripts->asked_epoch == f->lease.epoch ? scripts->answer : PRE_PROMOTE_DUE;
    }
    if (f->wish.pre_promote == PRE_PROMOTE_REFUSED) {
        scripts->declines_until_ms = now_ms + declines_for_ms(s);
    }
}

static void refused(struct supervisor *s, const struct act *a, uint64_t now_ms)
{
    char text[VIEW_TEXT_SIZE];
    uint64_t for_ms = declines_for_ms(s);
    s->scripts.declines_until_ms = now_ms + for_ms;
    (void)snprintf(text, sizeof(text), "the promotion is given up: %.200s", a->err.msg);
    log_error("supervisor", "pre_promote", LOG_STR("text", text),
              LOG_U64("epoch", a->order.decision.epoch), LOG_U64("not_again_for_ms", for_ms));
    add_event(s, "pre_promote", text);
}

bool supervisor_pre_promoted(struct supervisor *s, uint64_t now_ms)
{
    const struct act *a = &s->act;
    const struct decision *d = &a->order.decision;
    if (d->action != ACTION_PRE_PROMOTE) {
        return false;
    }
    if (a->err.code == ERR_CANCELED) {
        return true; /* something else is done now: if it comes to that again, it is asked again */
    }
    s->scripts.asked_epoch = d->epoch;
    s->scripts.answer = a->err.code == 0 ? PRE_PROMOTE_PASSED : PRE_PROMOTE_REFUSED;
    if (a->err.code != 0) {
        refused(s, a, now_ms);
    } else {
        log_info("supervisor", "script done", LOG_STR("script", "pre_promote"));
    }
    return true;
}

struct own_tags supervisor_own_tags(const struct supervisor *s, uint64_t now_ms)
{
    struct own_tags tags = supervisor_newest(s)->tags;
    tags.nofailover = tags.nofailover || now_ms < s->scripts.declines_until_ms;
    return tags;
}

/* ---- with the loop ---- */

void supervisor_scripts_open(struct supervisor *s)
{
    callback_run_open(&s->scripts.run, s->loop);
    s->scripts.run.owner = s;
    s->scripts.run.on_failed = failed_cb;
    s->act.order.setup = s->setup; /* no sequence has begun yet */
    act_environment(&s->act.order, s->scripts.environment);
}

bool supervisor_scripts_are_over(const struct supervisor *s, uint64_t down_ms)
{
    return !s->supervises || callback_run_is_idle(&s->scripts.run) || down_ms > LAST_WORDS_MS;
}
