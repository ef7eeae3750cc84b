/* supervisor/guard/loop.c - facts, decision, act; then wait, never longer than the next deadline.
 *
 * One timer, absolute, on CLOCK_BOOTTIME: it fires on time after a suspend too (safety A5). Nothing
 * here reads or writes a file that lies on a disk. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "supervisor/guard/guard.h"

#define LOOK_CALM_NS (5 * NS_PER_S)    /* in case a change was not told */
#define LOOK_HURRY_NS (20 * NS_PER_MS) /* while PostgreSQL is to leave recovery */
#define LOOK_GAP_NS (20 * NS_PER_MS)   /* a busy standby changes its control file often */
#define LOOK_LEFTOVER_NS (500 * NS_PER_MS)
#define NUDGE_NS (250 * NS_PER_MS)
#define HANG_NS (5 * NS_PER_S)
#define ACTIONS_MAX 16 /* in one turn; the next turn comes at once */

uint64_t guard_now_ns(void)
{
    struct timespec now;
    MUST(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static bool awaits_primary(const struct guard_state *s)
{
    return s->phase == GUARD_RUN && s->bound_epoch != 0 && !s->is_primary;
}

static uint64_t next_look_ns(const struct guard *g)
{
    if (g->has_changed) {
        return g->looked_ns + (awaits_primary(&g->state) ? LOOK_HURRY_NS / 4 : LOOK_GAP_NS);
    }
    if (g->state.is_leftover_suspected) {
        return g->looked_ns + LOOK_LEFTOVER_NS;
    }
    return g->looked_ns + (awaits_primary(&g->state) ? LOOK_HURRY_NS : LOOK_CALM_NS);
}

/* What the page says counts for the epoch that is served, or that is armed and may be. A page
 * without a word on it leaves the deadline where it was. */
static void learn_deadline(struct guard_state *s, const struct guard_grant *grant)
{
    uint64_t epoch = s->bound_epoch != 0 ? s->bound_epoch : s->armed_epoch;
    if (epoch == 0 || grant->epoch != epoch) {
        return;
    }
    s->deadline_ns = grant->deadline_ns;
    s->kill_budget_ns =
        grant->kill_budget_ns > KILL_BUDGET_MIN_NS ? grant->kill_budget_ns : KILL_BUDGET_MIN_NS;
}

void guard_gather(struct guard *g, struct guard_facts *ret_facts)
{
    struct guard_state *s = &g->state;
    struct guard_facts facts = {.now_ns = guard_now_ns()};
    facts.has_grant = g->page != NULL && guard_page_read(g->page, &facts.grant);
    if (facts.has_grant) {
        learn_deadline(s, &facts.grant);
    }
    bool may_try = facts.now_ns >= g->retry_ns;
    facts.phase = s->phase;
    facts.bound_epoch = s->bound_epoch;
    facts.armed_epoch = s->armed_epoch;
    facts.highest_epoch = s->highest_epoch;
    facts.deadline_ns = s->deadline_ns;
    facts.kill_budget_ns = s->kill_budget_ns;
    facts.is_left = s->is_left;
    facts.is_hands_off = s->is_hands_off;
    facts.is_signal_known = s->is_signal_known || !may_try;
    facts.is_signal_owed = s->is_signal_owed && may_try;
    facts.is_errand_busy = g->errand.kind != ERRAND_NONE;
    facts.is_work_waiting = s->work.kind != 0 && !s->work.is_begun;
    facts.is_look_due = facts.now_ns >= next_look_ns(g);
    facts.is_nudge_due = s->is_order_written && facts.now_ns >= s->nudged_ns + NUDGE_NS;
    facts.is_order_written = s->is_order_written;
    facts.order_margin_ns = s->order_margin_ns;
    *ret_facts = facts;
}

/* False: nothing is left to do now. */
static bool act(struct guard *g, const struct guard_decision *decision, uint64_t now_ns)
{
    switch (decision->action) {
        case GUARD_REST:
            return false;
        case GUARD_DO_END:
            end_begin(g, decision->reason);
            return true;
        case GUARD_DO_SWEEP:
            if (now_ns < g->state.ending.next_ns) {
                return false;
            }
            end_sweep(g);
            return true;
        case GUARD_DO_SIGNAL_FILE:
            life_start_errand(g, ERRAND_WRITE_SIGNAL);
            return true;
        case GUARD_DO_LOOK:
            life_start_errand(g, ERRAND_LOOK);
            return true;
        case GUARD_DO_WORK:
            life_begin_work(g);
            return true;
        case GUARD_DO_NUDGE:
            life_nudge(g);
            return true;
    }
    UNREACHABLE("every action is named");
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What is due already was acted on, or has to wait for something else. */
static uint64_t sooner_if_ahead(uint64_t wake_ns, uint64_t at_ns, uint64_t now_ns)
{
    return at_ns > now_ns ? sooner(wake_ns, at_ns) : wake_ns;
}

static uint64_t next_wake_ns(const struct guard *g, const struct guard_facts *facts)
{
    const struct guard_state *s = &g->state;
    uint64_t now_ns = facts->now_ns;
    uint64_t wake = watch_wake_ns(g, facts);
    if (s->second == 0) {
        wake = sooner_if_ahead(wake, g->second_retry_ns, now_ns);
    }
    if (s->phase == GUARD_END) {
        return sooner(s->ending.next_ns, wake);
    }
    wake = sooner(wake, guard_end_ns(facts));
    if (g->errand.kind != ERRAND_NONE) {
        return sooner_if_ahead(wake, g->errand.began_ns + HANG_NS, now_ns);
    }
    if (!s->is_hands_off) {
        wake = sooner_if_ahead(wake, next_look_ns(g), now_ns);
        wake = sooner_if_ahead(wake, s->nudged_ns + NUDGE_NS, now_ns);
        wake = sooner_if_ahead(wake, g->retry_ns, now_ns);
    }
    return sooner_if_ahead(wake, g->alone_since_ns + ORPHAN_S * NS_PER_S, now_ns);
}

static void set_timer(const struct guard *g, uint64_t wake_ns)
{
    struct itimerspec when = {.it_value = {0, 1}}; /* zero would mean never */
    if (wake_ns > 0) {
        wake_ns = wake_ns < (uint64_t)INT64_MAX ? wake_ns : (uint64_t)INT64_MAX;
        when.it_value.tv_sec = (time_t)(wake_ns / NS_PER_S);
        when.it_value.tv_nsec = (long)(wake_ns % NS_PER_S);
    }
    MUST(timerfd_settime(g->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) == 0);
}

static void reap(struct guard *g)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        errand_reaped(&g->errand, pid, status);
        if (pid == g->state.second) {
            g->state.second = 0;
        }
        if (pid == g->state.postmaster && !g->state.is_adopted) {
            life_died(g, status);
        }
    }
}

/* A full stop, from the service manager or by hand: PostgreSQL in the fast way first. One that is
 * prepared is not started any more, one that is being executed is stopped when it is (life.c). */
static void stop_and_quit(struct guard *g)
{
    g->state.is_quitting = true;
    if (g->state.phase == GUARD_RUN) {
        life_signal(g, SIGINT);
    }
}

static void take_signals(struct guard *g)
{
    struct signalfd_siginfo info;
    while (read(g->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGTERM) {
            stop_and_quit(g);
        }
    }
    reap(g);
}

static void take_changes(struct guard *g)
{
    _Alignas(struct inotify_event) char bytes[4096];
    while (read(g->inotify_fd, bytes, sizeof(bytes)) > 0) {
        g->has_changed = true;
    }
}

static void take_errand(struct guard *g)
{
    struct errand_report report;
    if (g->errand.kind != ERRAND_NONE && errand_collect(&g->errand, &report)) {
        g->has_told_hang = false;
        life_report(g, &report);
    }
}

static void wait_for_news(struct guard *g)
{
    enum { DRIVER, LISTEN, SIGNALS, TIMER, CHANGES, ADOPTED, LAUNCH, ERRAND, COUNT };
    bool by_pipe = g->errand.kind != ERRAND_NONE && g->errand.kind != ERRAND_CHECK_PROGRAM;
    bool has_unsent = g->has_hello && g->state.event_count > 0;
    short driver_events = (short)(POLLIN | (has_unsent ? POLLOUT : 0));
    struct pollfd fds[COUNT] = {
        [DRIVER] = {g->driver_fd, driver_events, 0},
        [LISTEN] = {g->listen_fd, POLLIN, 0},
        [SIGNALS] = {g->signal_fd, POLLIN, 0},
        [TIMER] = {g->timer_fd, POLLIN, 0},
        [CHANGES] = {g->inotify_fd, POLLIN, 0},
        [ADOPTED] = {g->pid_fd, POLLIN, 0},
        [LAUNCH] = {g->launch_fd, POLLIN, 0},
        [ERRAND] = {by_pipe ? g->errand.fd : -1, POLLIN, 0},
    };
    if (poll(fds, COUNT, -1) <= 0) {
        return;
    }
    uint64_t ticks;
    if (fds[TIMER].revents != 0 && read(g->timer_fd, &ticks, sizeof(ticks)) > 0) {
        return; /* the deadline before everything else */
    }
    if (fds[SIGNALS].revents != 0) {
        take_signals(g);
    }
    if (fds[LAUNCH].revents != 0 && g->launch_fd >= 0) {
        life_launched(g);
    }
    if (fds[ADOPTED].revents != 0 && g->pid_fd >= 0) {
        life_died(g, 0);
    }
    if (fds[CHANGES].revents != 0) {
        take_changes(g);
    }
    if (fds[ERRAND].revents != 0 || g->errand.is_reaped) {
        take_errand(g);
    }
    /* A guard that ends answers what was asked before it was told to: that may have come after the
     * poll, in which case the signal was taken along with a child's. */
    if ((fds[DRIVER].revents != 0 || g->state.is_quitting) && g->driver_fd >= 0) {
        tell_flush(g);
        driver_receive(g);
    }
    if (fds[LISTEN].revents != 0) {
        driver_accept(g);
    }
}

static bool is_over(const struct guard *g, uint64_t now_ns)
{
    const struct guard_state *s = &g->state;
    bool owes = s->is_signal_owed && !s->is_hands_off;
    bool is_idle = s->phase == GUARD_IDLE && g->errand.kind == ERRAND_NONE && !owes;
    bool is_alone =
        g->driver_fd < 0 && s->foreign == 0 && now_ns >= g->alone_since_ns + ORPHAN_S * NS_PER_S;
    return is_idle && (g->has_to_exit || s->is_quitting || is_alone);
}

int guard_run(struct guard *g)
{
    reap(g); /* what ended before an upgrade */
    for (;;) {
        struct guard_facts facts;
        bool is_calm = false;
        for (int i = 0; i < ACTIONS_MAX && !is_calm; i++) {
            guard_gather(g, &facts);
            struct guard_decision decision = guard_decide(&facts);
            is_calm = !act(g, &decision, facts.now_ns);
        }
        watch_feed(g, &facts);
        if (g->state.second == 0 && facts.now_ns >= g->second_retry_ns) {
            second_start(g);
        }
        if (!g->has_told_hang && g->errand.kind != ERRAND_NONE &&
            facts.now_ns >= g->errand.began_ns + HANG_NS) {
            g->has_told_hang = true;
            tell_error(g, GUARD_FILES_HANG, 0);
        }
        if (is_over(g, facts.now_ns)) {
            second_stop(g);
            return 0;
        }
        set_timer(g, is_calm ? next_wake_ns(g, &facts) : facts.now_ns);
        wait_for_news(g);
    }
}
