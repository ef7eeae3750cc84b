/* supervisor/guard/end.c - ends every process of this PostgreSQL, and knows when none is left.
 *
 * SIGKILL the postmaster first, so that no more are made; then whatever a scan of /proc finds,
 * again and again, until two scans in a row find none that is not a zombie or hangs in the kernel
 * (safety B5). Two, because a backend that the postmaster made while the first one ran may have
 * been passed by. A process that hangs in the kernel runs no more of its program once it was
 * killed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/must.h"
#include "supervisor/guard/guard.h"

#define QUICK_SCANS 50
#define QUICK_NS (2 * NS_PER_MS)
#define SLOW_NS (20 * NS_PER_MS)

static void kill_group(const struct guard *g)
{
    if (g->cgroup_fd < 0) {
        return;
    }
    int fd = openat(g->cgroup_fd, "cgroup.kill", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t ignored = write(fd, "1", 1); /* the scan decides, with or without it */
        (void)ignored;
        (void)close(fd);
    }
}

void end_begin(struct guard *g, enum guard_reason reason)
{
    struct guard_state *s = &g->state;
    (void)life_signal(g, SIGKILL); /* no more of them; gone already is as well */
    kill_group(g);
    errand_kill(&g->errand);
    if (s->phase == GUARD_END) {
        return; /* why it began is what is told */
    }
    struct guard_work work = s->work;
    s->work = (struct guard_work){0};
    s->phase = GUARD_END;
    s->ending = (struct guard_ending){.reason = reason, .began_ns = guard_now_ns()};
    if (work.kind != 0) {
        tell_answer(g, GUARD_REFUSED, work.id, reason, 0);
    }
    end_sweep(g);
}

static void all_gone(struct guard *g)
{
    struct guard_state *s = &g->state;
    struct guard_ending ending = s->ending;
    uint64_t epoch = s->bound_epoch;
    if (s->is_adopted) {
        (void)close(g->pid_fd);
        g->pid_fd = -1;
    }
    if (g->launch_fd >= 0) {
        (void)close(g->launch_fd);
        g->launch_fd = -1;
    }
    life_unbind(g);
    s->phase = GUARD_IDLE;
    s->postmaster = 0;
    s->is_adopted = false;
    if (ending.stuck_count > 0) {
        tell_error(g, GUARD_STUCK, 0);
    }
    tell_ended(g, &ending, epoch);
}

void end_sweep(struct guard *g)
{
    struct guard_state *s = &g->state;
    struct guard_ending *ending = &s->ending;
    MUST(s->phase == GUARD_END);
    struct scan_target target = guard_target(g);
    struct scan_count count = {0};
    do {
        if (scan_all(&target, scan_end, &target, &count) != 0) {
            ending->clean_scans = 0;
            tell_error(g, GUARD_SYSTEM, errno);
            break;
        }
        ending->scans++;
        uint32_t seen = count.alive + count.stuck;
        ending->ended_count = seen > ending->ended_count ? seen : ending->ended_count;
        ending->clean_scans = count.alive == 0 ? ending->clean_scans + 1 : 0;
    } while (ending->clean_scans == 1);
    ending->stuck_count = count.stuck;
    if (ending->clean_scans >= CLEAN_SCANS) {
        all_gone(g);
        return;
    }
    ending->next_ns = guard_now_ns() + (ending->scans < QUICK_SCANS ? QUICK_NS : SLOW_NS);
}
