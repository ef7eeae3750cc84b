/* supervisor/guard_seen.c - one event after the other. */
#include "supervisor/guard_seen.h"

#include <string.h>

void guard_seen_begin(struct guard_seen *seen)
{
    uint64_t starts = seen->starts;
    *seen = (struct guard_seen){.state = GUARD_UNKNOWN, .starts = starts + 1};
}

/* PostgreSQL goes with its guard, but not in the same instant: nothing is known of it. */
void guard_seen_gone(struct guard_seen *seen)
{
    guard_seen_begin(seen);
    seen->state = GUARD_GONE;
}

static void move_to(struct guard_seen *seen, enum pg_process process)
{
    if (seen->process == process) {
        return;
    }
    bool was_up = seen->may_run;
    seen->process = process;
    seen->may_run = process == PG_STARTING || process == PG_RUNNING || process == PG_STOPPING;
    seen->starts += was_up != seen->may_run ? 1 : 0;
}

static void read_phase(struct guard_seen *seen, const struct guard_event *e)
{
    switch ((enum guard_phase)e->phase) {
        case GUARD_IDLE:
            if (!seen->is_foreign) {
                move_to(seen, PG_ABSENT);
            }
            return;
        case GUARD_PREPARE:
        case GUARD_LAUNCH:
            move_to(seen, PG_STARTING);
            if (!seen->is_foreign && e->epoch == 0 && e->is_primary == 0) {
                seen->is_primary = FACT_NO; /* it is begun as a standby, and did not run before */
            }
            return;
        case GUARD_RUN:
            if (seen->process != PG_STARTING && seen->process != PG_RUNNING) {
                move_to(seen, PG_STARTING);
            }
            return;
        case GUARD_END:
            move_to(seen, seen->process == PG_LEFT ? PG_LEFT : PG_STOPPING);
            return;
    }
}

/* What an event says of a PostgreSQL that the guard holds. */
static void read_role(struct guard_seen *seen, const struct guard_event *e)
{
    bool is_promoting = e->epoch != 0 && e->is_primary == 0;
    seen->bound_epoch = e->epoch;
    seen->is_primary = e->is_primary != 0 ? FACT_YES : is_promoting ? FACT_UNKNOWN : FACT_NO;
}

/* It is about to start one: as a standby, or bound to an epoch. */
static bool is_begun(const struct guard_seen *seen, const struct guard_event *e)
{
    return !seen->is_foreign && (e->phase == GUARD_PREPARE || e->phase == GUARD_LAUNCH);
}

static void read_started(struct guard_seen *seen, const struct guard_event *e)
{
    seen->is_foreign = false;
    seen->is_adopted = e->is_adopted != 0;
    seen->starts++; /* one may have ended and another begun without a word between */
    move_to(seen, PG_STARTING);
    seen->may_run = true;
    read_role(seen, e);
    /* Every start as a standby writes and syncs the file first; what was adopted, or goes on in
     * place as primary, tells later. */
    seen->signal_synced = e->epoch == 0 && e->is_adopted == 0 ? FACT_YES : FACT_UNKNOWN;
}

void guard_seen_event(struct guard_seen *seen, const struct guard_event *e, uint64_t now_ms)
{
    seen->state = GUARD_WELL;
    seen->heard_at_ms = now_ms;
    seen->asked_at_ms = 0;
    seen->armed_epoch = e->armed_epoch;
    seen->system_id = e->system_id != 0 ? e->system_id : seen->system_id;
    switch (e->kind) {
        case GUARD_STARTED:
            read_started(seen, e);
            return;
        case GUARD_DIED:
            move_to(seen, PG_LEFT);
            return;
        case GUARD_ENDED:
            seen->is_foreign = false;
            seen->is_adopted = false;
            seen->bound_epoch = 0;
            seen->is_primary = FACT_NO;
            seen->signal_synced = FACT_UNKNOWN;
            move_to(seen, PG_ABSENT);
            return;
        case GUARD_PROMOTED:
            read_role(seen, e);
            seen->signal_synced = FACT_YES;
            return;
        case GUARD_FOREIGN:
            seen->is_foreign = true;
            seen->is_primary = e->is_primary != 0 ? FACT_YES : FACT_UNKNOWN;
            seen->starts++;
            move_to(seen, PG_STARTING);
            seen->may_run = true;
            return;
        default:
            break;
    }
    read_phase(seen, e);
    if (is_begun(seen, e)) {
        read_role(seen, e);
    }
    if (e->phase == GUARD_RUN) {
        read_role(seen, e);
        seen->is_adopted = e->is_adopted != 0;
        /* What was written in an earlier life of this program is told by nothing else. */
        seen->signal_synced = e->is_signal_synced != 0 ? FACT_YES : seen->signal_synced;
    }
}

void guard_seen_asked(struct guard_seen *seen, uint64_t now_ms)
{
    if (seen->asked_at_ms == 0) {
        seen->asked_at_ms = now_ms > 0 ? now_ms : 1;
    }
}

bool guard_seen_tick(struct guard_seen *seen, uint64_t now_ms, uint64_t deadline_ms)
{
    bool is_silent = seen->state != GUARD_GONE && seen->state != GUARD_SILENT &&
                     seen->asked_at_ms != 0 && now_ms - seen->asked_at_ms > deadline_ms;
    if (is_silent) {
        seen->state = GUARD_SILENT;
    }
    return is_silent;
}

void guard_seen_fill(const struct guard_seen *seen, struct guard_facts *out)
{
    *out = (struct guard_facts){
        .state = seen->state,
        .armed_epoch = seen->armed_epoch,
        .promoted_epoch = seen->bound_epoch,
        .promotion_seen = seen->is_primary,
        .is_adopted = seen->is_adopted,
    };
}

bool guard_seen_is_same(const struct guard_facts *a, const struct guard_facts *b)
{
    return a->state == b->state && a->armed_epoch == b->armed_epoch &&
           a->promoted_epoch == b->promoted_epoch && a->promotion_seen == b->promotion_seen &&
           a->is_adopted == b->is_adopted;
}
