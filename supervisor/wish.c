/* supervisor/wish.c - one wish, one step. */
#include "supervisor/wish.h"

#include "base/when.h"

static struct wish_plan drop(const char *why)
{
    return (struct wish_plan){.step = WISH_DROP, .why = why};
}

static struct wish_plan plan_later(const struct wish_seen *s)
{
    struct when when;
    if (when_parse(s->row.scheduled_at, &when, NULL) != 0 || !when.has_zone) {
        return drop("its time can not be read, or has no zone");
    }
    if (s->wall_ms > when.wall_ms + WISH_LATE_MS) {
        return drop(s->is_paused ? "its time came during a pause" : "its time was missed");
    }
    bool is_due = s->wall_ms >= when.wall_ms && !s->is_paused;
    return (struct wish_plan){.step = is_due ? WISH_BEGIN : WISH_WAIT};
}

static const char *why_not(const struct wish_seen *s)
{
    return s->is_paused        ? "nobody is made primary during a pause"
           : s->is_refused     ? "no standby had all of the WAL when PostgreSQL was down"
           : s->failed != NULL ? s->failed
                               : "nobody could take over without a loss in time";
}

struct wish_plan wish_plan(const struct wish_seen *s)
{
    const struct row_failover *row = &s->row;
    if (s->is_begun) {
        return (struct wish_plan){.step = WISH_WAIT};
    }
    if (name_is_set(&row->leader) && !name_is(&row->leader, &s->self)) {
        return drop("the primary that it was to leave is not the primary any more");
    }
    if (name_is(&row->candidate, &s->self)) {
        return drop("the candidate is the primary already");
    }
    if (row->is_scheduled) {
        return plan_later(s);
    }
    bool is_for_resume = row->accepts_loss && s->is_paused; /* it was asked for in the pause */
    if (s->is_refused || (s->seen_ms >= WISH_MAX_MS && !is_for_resume)) {
        return drop(why_not(s));
    }
    return (struct wish_plan){.step = WISH_WAIT};
}

bool wish_is_over(const struct wish_seen *s)
{
    return !s->is_begun && (s->is_answered || s->seen_ms >= WISH_MAX_MS);
}
