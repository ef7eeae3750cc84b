/* consensus/core_advise.c - the leader's advisor: who may ask for a command, when, and what became
 * of it.
 *
 *   something changed, or it is time --> advise() --> a command? --> core_propose.c
 *          ^                                              |
 *          '---- advised() <---- applied, or lost <-------'
 *
 * Only a leader asks that has applied the first entry of its own term, and with it all of earlier
 * terms: what an advisor of the last leader had proposed is then either in the state or will never
 * be. */
#include "base/must.h"
#include "consensus/core_internal.h"

static bool may_advise(const struct core *c)
{
    return engine_is_established(c->engine) && c->applied.term == engine_term(c->engine) &&
           !c->failed;
}

static bool is_due(const struct core *c)
{
    const struct core_advice *a = &c->advice;
    bool changed = a->term != engine_term(c->engine) || a->applied != c->applied.index ||
                   a->soft_changes != c->soft.changes;
    return changed || (a->again_ms != 0 && c->now_ms >= a->again_ms);
}

void core_advise_finished(struct core *c, struct core_done *done)
{
    MUST(c->advice.in_flight);
    MUST(!c->advice.has_done);
    c->advice.has_done = true;
    c->advice.done = *done;
}

/* Not from where it ended: the advisor may look at the core. */
static void deliver(struct core *c)
{
    struct core_advice *a = &c->advice;
    if (!a->has_done) {
        return;
    }
    a->has_done = false;
    a->in_flight = false;
    if (a->done.status != 0) {
        a->again_ms =
            c->now_ms + c->settings.heartbeat_ms; /* refused, or nobody knows: not at once */
    }
    if (c->settings.advisor.advised != NULL) {
        c->settings.advisor.advised(c->settings.advisor.ctx, &a->done);
    }
    buf_close(&a->done.result);
}

static void ask(struct core *c)
{
    struct core_advice *a = &c->advice;
    a->term = engine_term(c->engine);
    a->applied = c->applied.index;
    a->soft_changes = c->soft.changes;
    struct members members;
    engine_members(c->engine, &members);
    struct core_view view = {.core = c, .now_ms = c->now_ms, .term = a->term, .members = &members};
    struct buf command = {0};
    uint64_t again_ms = c->settings.advisor.advise(c->settings.advisor.ctx, &view, &command);
    a->again_ms = again_ms != 0 ? c->now_ms + again_ms : 0;
    if (command.size > 0) {
        a->in_flight = true;
        core_propose_as(c, CORE_TICKET_ADVICE, command.bytes, command.size);
        core_propose_turn(c);
    }
    buf_close(&command);
}

void core_advise_turn(struct core *c)
{
    if (c->settings.advisor.advise == NULL) {
        return;
    }
    deliver(c);
    if (!c->advice.in_flight && may_advise(c) && is_due(c)) {
        ask(c);
    }
}

uint64_t core_advise_next_ms(const struct core *c)
{
    const struct core_advice *a = &c->advice;
    if (a->has_done) {
        return 0;
    }
    /* A leader that is not established yet is asked when it is, not over and over until then. */
    bool waits = a->again_ms != 0 && !a->in_flight && may_advise(c);
    return waits ? a->again_ms : UINT64_MAX;
}

void core_advise_close(struct core *c)
{
    buf_close(&c->advice.done.result);
}
