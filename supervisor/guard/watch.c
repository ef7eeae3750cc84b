/* supervisor/guard/watch.c - the machine's watchdog while this PostgreSQL serves an epoch: for
 * which lease it is opened, and when it is fed.
 *
 * The times were options of the guard, and those of the lease that pgraftd guessed when it started
 * the guard; every arming tells those of the lease that was granted. An open device counts, so it
 * is opened only where its first feed fits before the deadline: where none ever fits, the machine
 * would be reset under a healthy primary. `options` keeps what was told last, and goes along with
 * an upgrade. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "supervisor/guard/guard.h"

/* Opened it counts already: it is fed in the same moment, which is known to fit. */
static enum guard_reason open_dog(struct guard *g, const struct guard_facts *facts, int *ret_error)
{
    struct watchdog *dog = &g->watchdog;
    *ret_error = 0;
    if (dog->mode == WATCHDOG_OFF || dog->fd >= 0) {
        return GUARD_FINE;
    }
    if (faccessat(AT_FDCWD, dog->device, W_OK, AT_EACCESS) != 0) {
        *ret_error = errno; /* whatever the lease is */
        return GUARD_NO_WATCHDOG;
    }
    dog->timeout_ns = g->options.watchdog_timeout_ns;
    dog->margin_ns = g->options.watchdog_margin_ns;
    if (!watchdog_fits(dog, facts->now_ns, facts->deadline_ns)) {
        return GUARD_BRIEF;
    }
    int error = watchdog_arm(dog);
    error = error != 0 ? error : watchdog_feed(dog, facts->now_ns);
    *ret_error = error == EAGAIN ? 0 : error;
    return *ret_error == 0 ? GUARD_FINE : GUARD_NO_WATCHDOG;
}

/* What is not required is told, and done without. */
static enum guard_reason judge(struct guard *g, enum guard_reason reason, int error)
{
    if (reason == GUARD_FINE || g->watchdog.mode == WATCHDOG_REQUIRED) {
        return reason;
    }
    tell_error(g, reason == GUARD_NO_WATCHDOG ? GUARD_UNWATCHED : reason, error);
    return GUARD_FINE;
}

enum guard_reason watch_begin(struct guard *g, const struct guard_facts *facts)
{
    int error = 0;
    enum guard_reason reason = open_dog(g, facts, &error);
    g->awaits_watch = reason == GUARD_BRIEF;
    return judge(g, reason, error);
}

void watch_again(struct guard *g)
{
    struct guard_facts facts;
    int error = 0;
    if (g->state.bound_epoch == 0) {
        return;
    }
    guard_gather(g, &facts);
    enum guard_reason reason = open_dog(g, &facts, &error);
    g->awaits_watch = reason == GUARD_BRIEF;
    if (reason != GUARD_FINE) {
        tell_error(g, reason == GUARD_NO_WATCHDOG ? GUARD_UNWATCHED : reason, error);
    }
}

void watch_end(struct guard *g)
{
    watchdog_disarm(&g->watchdog);
    g->awaits_watch = false;
}

/* A primary goes on under a newer epoch: an open device has to go by its lease at once. */
static enum guard_reason retime(struct guard *g, const struct guard_request *told,
                                const struct guard_facts *facts)
{
    struct watchdog *dog = &g->watchdog;
    struct watchdog then = *dog;
    then.timeout_ns = told->watchdog_timeout_ns;
    then.margin_ns = told->watchdog_margin_ns;
    int error = 0;
    enum guard_reason reason = GUARD_BRIEF;
    if (watchdog_fits(&then, facts->now_ns, facts->grant.deadline_ns)) {
        error = watchdog_retime(dog, then.timeout_ns, then.margin_ns, facts->now_ns);
        reason = error == 0 || error == EAGAIN ? GUARD_FINE : GUARD_NO_WATCHDOG;
    }
    bool is_refused = reason == GUARD_BRIEF && dog->mode == WATCHDOG_REQUIRED;
    if (reason != GUARD_FINE && !is_refused) {
        watch_end(g);
        g->awaits_watch = reason == GUARD_BRIEF;
    }
    return judge(g, reason, error);
}

enum guard_reason watch_told(struct guard *g, const struct guard_request *told,
                             const struct guard_facts *facts)
{
    struct guard_options *options = &g->options;
    bool is_new = told->watchdog_timeout_ns != options->watchdog_timeout_ns ||
                  told->watchdog_margin_ns != options->watchdog_margin_ns;
    if (told->watchdog_timeout_ns == 0 || !is_new) {
        return GUARD_FINE;
    }
    if (g->state.bound_epoch != 0 && g->watchdog.fd >= 0) {
        enum guard_reason reason = retime(g, told, facts);
        if (reason != GUARD_FINE) {
            return reason;
        }
    }
    options->watchdog_timeout_ns = told->watchdog_timeout_ns;
    options->watchdog_margin_ns = told->watchdog_margin_ns;
    return GUARD_FINE;
}

static uint64_t due_ns(const struct guard *g, const struct guard_facts *facts)
{
    if (facts->bound_epoch == 0) {
        return WATCHDOG_NEVER;
    }
    return watchdog_next_ns(&g->watchdog, facts->now_ns, facts->deadline_ns);
}

uint64_t watch_wake_ns(const struct guard *g, const struct guard_facts *facts)
{
    uint64_t due = due_ns(g, facts);
    bool is_serving = facts->bound_epoch != 0;
    return due == WATCHDOG_NEVER && is_serving ? watchdog_look_ns(&g->watchdog, facts->now_ns)
                                               : due;
}

/* The lease was too short for it, and may have been renewed since. */
static void open_late(struct guard *g, const struct guard_facts *facts)
{
    int error = 0;
    enum guard_reason reason = open_dog(g, facts, &error);
    g->awaits_watch = reason == GUARD_BRIEF;
    if (reason == GUARD_NO_WATCHDOG) {
        tell_error(g, GUARD_UNWATCHED, error);
    }
}

void watch_feed(struct guard *g, const struct guard_facts *facts)
{
    if (facts->bound_epoch != 0 && g->awaits_watch) {
        open_late(g, facts);
    }
    if (facts->now_ns < due_ns(g, facts)) {
        return;
    }
    int error = watchdog_feed(&g->watchdog, facts->now_ns);
    if (error != 0 && error != EAGAIN) {
        tell_error(g, GUARD_UNWATCHED, error);
    }
}
