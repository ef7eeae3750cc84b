/* supervisor/guard/ask.c - what pgraftd asks for: granted or refused, with the reason.
 *
 * A refusal changes nothing. What takes several steps is answered by its last one (life.c). */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "supervisor/guard/guard.h"

static void answer(struct guard *g, const struct guard_request *request, enum guard_reason reason,
                   int error)
{
    uint16_t kind = reason == GUARD_FINE ? GUARD_DONE : GUARD_REFUSED;
    tell_answer(g, kind, request->id, reason, error);
}

static void begin_work(struct guard *g, const struct guard_request *request)
{
    g->state.work =
        (struct guard_work){.kind = request->kind, .id = request->id, .epoch = request->epoch};
}

/* Whether something in several steps may begin in @phase. */
static enum guard_reason may_begin(const struct guard *g, enum guard_phase phase)
{
    const struct guard_state *s = &g->state;
    if (s->is_quitting) {
        return GUARD_QUITTING;
    }
    if (s->is_hands_off) {
        return GUARD_HANDS_OFF;
    }
    if (s->work.kind != 0 || s->phase == GUARD_PREPARE || s->phase == GUARD_LAUNCH ||
        s->phase == GUARD_END) {
        return GUARD_IN_WORK;
    }
    if (s->phase != phase) {
        return phase == GUARD_IDLE ? GUARD_RUNS : GUARD_RUNS_NOT;
    }
    return GUARD_FINE;
}

static void set_bound(struct guard_state *state, uint64_t epoch)
{
    MUST(epoch >= state->highest_epoch);
    state->bound_epoch = epoch;
    state->highest_epoch = epoch;
}

/* From here on the deadline applies. */
static enum guard_reason bind(struct guard *g, uint64_t epoch)
{
    struct guard_facts facts;
    guard_gather(g, &facts);
    enum guard_reason reason = guard_may_serve(&facts, epoch);
    if (reason != GUARD_FINE) {
        return reason;
    }
    reason = watch_begin(g, &facts);
    if (reason != GUARD_FINE) {
        return reason;
    }
    set_bound(&g->state, epoch);
    g->state.order_margin_ns = facts.grant.promote_margin_ns;
    return GUARD_FINE;
}

static enum guard_reason ask_arm(struct guard *g, const struct guard_request *request)
{
    struct guard_facts facts;
    guard_gather(g, &facts);
    enum guard_reason reason = guard_may_arm(&facts, request->epoch);
    if (reason != GUARD_FINE) {
        return reason;
    }
    reason = watch_told(g, request, &facts);
    if (reason != GUARD_FINE) {
        return reason;
    }
    g->state.armed_epoch = request->epoch;
    if (g->state.bound_epoch != 0) {
        set_bound(&g->state, request->epoch); /* a primary goes on under the newer one */
    }
    guard_gather(g, &facts); /* its deadline is in force before the answer leaves */
    return GUARD_FINE;
}

static enum guard_reason ask_start(struct guard *g, struct guard_request *request, int *fd)
{
    enum guard_reason reason = may_begin(g, GUARD_IDLE);
    if (reason != GUARD_FINE) {
        return reason;
    }
    if (request->argument_count == 0 || request->words[0][0] != '/') {
        return GUARD_WRONG;
    }
    if (request->kind == GUARD_START_PRIMARY) {
        reason = bind(g, request->epoch);
        if (reason != GUARD_FINE) {
            return reason;
        }
    }
    begin_work(g, request);
    g->state.phase = GUARD_PREPARE;
    g->start = *request; /* its words lie in start_bytes */
    if (g->log_fd >= 0) {
        (void)close(g->log_fd);
    }
    g->log_fd = *fd;
    *fd = -1;
    return GUARD_FINE;
}

static enum guard_reason ask_promote(struct guard *g, const struct guard_request *request)
{
    enum guard_reason reason = may_begin(g, GUARD_RUN);
    if (reason != GUARD_FINE) {
        return reason;
    }
    if (g->state.bound_epoch != 0 || g->state.is_left) {
        return GUARD_IS_PRIMARY;
    }
    reason = bind(g, request->epoch);
    if (reason == GUARD_FINE) {
        begin_work(g, request);
    }
    return reason;
}

static enum guard_reason ask_adopt(struct guard *g, const struct guard_request *request)
{
    enum guard_reason reason = may_begin(g, GUARD_IDLE);
    if (reason == GUARD_FINE && request->epoch != 0) {
        reason = bind(g, request->epoch);
    }
    if (reason == GUARD_FINE) {
        begin_work(g, request);
        g->state.phase = GUARD_PREPARE;
    }
    return reason;
}

static enum guard_reason ask_stop(struct guard *g, const struct guard_request *request)
{
    static const int signals[] = {
        [GUARD_SMART] = SIGTERM, [GUARD_FAST] = SIGINT, [GUARD_IMMEDIATE] = SIGQUIT};
    struct guard_state *s = &g->state;
    if (request->how == GUARD_KILL) {
        end_begin(g, GUARD_BY_REQUEST);
        return GUARD_FINE;
    }
    if (request->how >= ARRAY_LEN(signals)) {
        return GUARD_WRONG;
    }
    if (s->phase != GUARD_RUN) {
        return s->phase == GUARD_IDLE ? GUARD_RUNS_NOT : GUARD_IN_WORK;
    }
    return life_signal(g, signals[request->how]) == 0 ? GUARD_FINE : GUARD_SYSTEM;
}

static enum guard_reason ask_watch(struct guard *g, const struct guard_request *request)
{
    struct guard_state *s = &g->state;
    if (request->how > 1) {
        return GUARD_WRONG;
    }
    if (s->phase != GUARD_IDLE) {
        return GUARD_RUNS;
    }
    if (request->how == 0 && (g->errand.kind == ERRAND_WRITE_SIGNAL || s->is_signal_owed)) {
        return GUARD_IN_WORK;
    }
    s->is_hands_off = request->how == 0;
    s->is_baseline_known = false;
    s->is_left = false;
    g->has_changed = true;
    return GUARD_FINE;
}

static enum guard_reason ask_upgrade(struct guard *g, const struct guard_request *request)
{
    struct guard_state *s = &g->state;
    if (request->argument_count != 1 || request->words[0][0] != '/' ||
        strlen(request->words[0]) >= sizeof(g->upgrade_path)) {
        return GUARD_WRONG;
    }
    bool is_calm = s->phase == GUARD_RUN || s->phase == GUARD_IDLE;
    bool must_wait = g->errand.kind != ERRAND_NONE; /* for a look of our own, most likely */
    if (s->work.kind != 0 || !is_calm || (must_wait && s->is_hands_off)) {
        return GUARD_IN_WORK;
    }
    memcpy(g->upgrade_path, request->words[0], strlen(request->words[0]) + 1);
    g->upgrade_id = request->id;
    begin_work(g, request);
    if (!must_wait) {
        life_begin_work(g);
    }
    return GUARD_FINE;
}

/* A request that several steps answer; true when it was one. */
static bool ask_in_steps(struct guard *g, struct guard_request *request, int *fd)
{
    enum guard_reason reason;
    switch (request->kind) {
        case GUARD_START:
        case GUARD_START_PRIMARY:
            reason = ask_start(g, request, fd);
            break;
        case GUARD_PROMOTE:
            reason = ask_promote(g, request);
            break;
        case GUARD_ADOPT:
            reason = ask_adopt(g, request);
            break;
        case GUARD_UPGRADE:
            reason = ask_upgrade(g, request);
            break;
        default:
            return false;
    }
    if (reason != GUARD_FINE) {
        answer(g, request, reason, 0);
    }
    return true;
}

/* The reverse of an adoption: whoever asks has seen to it that nobody else becomes primary as long
 * as the lease lives, and may have been frozen since. From here on no deadline applies, nothing is
 * ended, and nothing is written. A child of the guard would end with it, so only what was adopted
 * can be left. */
static enum guard_reason ask_leave(struct guard *g)
{
    struct guard_state *s = &g->state;
    bool is_looking = g->errand.kind == ERRAND_LOOK;
    if (s->phase != GUARD_RUN) {
        return s->phase == GUARD_IDLE ? GUARD_RUNS_NOT : GUARD_IN_WORK;
    }
    if (!s->is_adopted) {
        return GUARD_IS_CHILD;
    }
    if (s->is_quitting || s->work.kind != 0 || (g->errand.kind != ERRAND_NONE && !is_looking)) {
        return s->is_quitting ? GUARD_QUITTING : GUARD_IN_WORK;
    }
    struct guard_facts facts;
    guard_gather(g, &facts);
    enum guard_reason reason = guard_may_leave(&facts);
    if (reason != GUARD_FINE) {
        return reason; /* the next turn of the loop ends it */
    }
    (void)close(g->pid_fd);
    g->pid_fd = -1;
    s->postmaster = 0;
    s->is_adopted = false;
    s->phase = GUARD_IDLE;
    life_unbind(g);
    s->is_signal_owed = false; /* the data directory is somebody else's now */
    s->is_hands_off = true;
    g->has_to_exit = true;
    return GUARD_FINE;
}

static enum guard_reason ask_at_once(struct guard *g, const struct guard_request *request)
{
    switch (request->kind) {
        case GUARD_ARM:
            return ask_arm(g, request);
        case GUARD_STOP:
            return ask_stop(g, request);
        case GUARD_WATCH:
            return ask_watch(g, request);
        case GUARD_LEAVE:
            return ask_leave(g);
        case GUARD_QUIT:
            g->has_to_exit = g->state.phase == GUARD_IDLE;
            return g->has_to_exit ? GUARD_FINE : GUARD_RUNS;
        default:
            return GUARD_WRONG;
    }
}

void ask_handle(struct guard *g, struct guard_request *request, int fd)
{
    if (request->kind == GUARD_HELLO) {
        bool taken = fd >= 0 && driver_take_page(g, fd);
        g->has_hello = g->has_hello || taken;
        if (taken && g->state.foreign != 0) {
            tell(g, GUARD_FOREIGN,
                 GUARD_FINE); /* before the state, in which nothing of ours runs */
        }
        tell_answer(g, taken ? GUARD_STATE : GUARD_REFUSED, request->id,
                    taken ? GUARD_FINE : GUARD_PAGE_UNSEALED, 0);
        return;
    }
    if (request->kind == GUARD_STATUS) {
        tell_answer(g, GUARD_STATE, request->id, GUARD_FINE, 0);
    } else if (!ask_in_steps(g, request, &fd)) {
        answer(g, request, ask_at_once(g, request), 0);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}
