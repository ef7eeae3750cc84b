/* supervisor/supervisor_wish.c - the primary looks after the wish for another one (wish.h). */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/supervisor_parts.h"
#include "supervisor/wish.h"

static void tell(struct supervisor *s, const struct row_failover *wish, const char *why)
{
    struct view_event event = {.wall_ms = clock_wall_ms(clock_system()), .node = s->facts.self};
    const char *to = name_is_set(&wish->candidate) ? wish->candidate.text : "anybody";
    log_warn("supervisor", "switchover given up", LOG_STR("to", to), LOG_STR("why", why));
    view_text_set(event.kind, sizeof(event.kind), "switchover");
    (void)snprintf(event.text, sizeof(event.text), "the switchover to %s was given up: %s", to,
                   why);
    view_add_event(s->view, &event);
}

static bool leads(const struct supervisor *s)
{
    const struct facts *f = &s->facts;
    if (facts_leads_standby(f)) {
        return f->pg.role == ROLE_STANDBY && f->pg.process == PG_RUNNING;
    }
    return f->lease.epoch != 0 && f->pg.role == ROLE_PRIMARY && f->pg.process == PG_RUNNING &&
           f->guard.promoted_epoch == f->lease.epoch;
}

bool supervisor_hands_over(const struct supervisor *s)
{
    return s->act.is_running && !s->is_looking_home &&
           s->act.order.decision.action == ACTION_HAND_OVER;
}

bool supervisor_answers_wish(const struct supervisor *s)
{
    return s->side.holder.kind == HOLDER_WISH && holder_is_pending(&s->side.holder);
}

void supervisor_keep_wish(struct supervisor *s, uint64_t now_ms)
{
    const struct store_row *key = &s->side.view.rows.row[KEY_FAILOVER];
    if (!key->is_there || !key->is_sound || !leads(s)) {
        return;
    }
    struct wish_seen seen = {
        .row = s->side.view.rows.failover,
        .self = s->facts.self,
        .is_paused = s->facts.store.paused != FACT_NO,
        .is_begun = supervisor_hands_over(s),
        .is_refused = key->mod_revision == s->wish_refused,
        .failed = key->mod_revision == s->wish_failed ? s->wish_why : NULL,
        .wall_ms = clock_wall_ms(clock_system()),
        .seen_ms = now_ms - s->wish_seen_ms,
    };
    struct wish_plan plan = wish_plan(&seen);
    struct row_failover now = seen.row;
    now.is_scheduled = false;
    if (plan.step == WISH_BEGIN) {
        (void)holder_wish(&s->side.holder, &s->side.view, now_ms, &now);
    } else if (plan.step == WISH_DROP &&
               holder_wish(&s->side.holder, &s->side.view, now_ms, NULL)) {
        tell(s, &seen.row, plan.why);
    }
}
