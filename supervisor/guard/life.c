/* supervisor/guard/life.c - the life of one postmaster, from the first look at its files to its
 * death.
 *
 *   IDLE -> PREPARE (files) -> LAUNCH (exec) -> RUN -> END (end.c) -> IDLE
 *
 * A start, a start as primary, an adoption and a promotion each take several steps, with an errand
 * in between; `work` holds the request, and life_report() takes the next step. Every step that
 * makes a primary asks guard_may_serve() again (safety B1). From the moment on at which a primary
 * can come of it the epoch is bound: the deadline applies, whatever happens to the steps that are
 * left. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/must.h"
#include "supervisor/guard/guard.h"
#include "supervisor/guard/spawn.h"

#define RETRY_NS NS_PER_S

struct scan_target guard_target(const struct guard *g)
{
    struct scan_target target = {.proc_fd = g->proc_fd, .postmaster = g->state.postmaster};
    memcpy(target.data, g->state.data, sizeof(target.data));
    memcpy(target.program, g->state.program, sizeof(target.program));
    return target;
}

void life_start_errand(struct guard *g, enum errand_kind kind)
{
    static char state_word[] = "--resumes=" UPGRADE_STATE_VERSION;
    struct errand_place place = {
        .data_dir = g->options.data_dir,
        .program = g->options.program,
        .new_guard = g->upgrade_path,
        .state_word = state_word,
        .inotify_fd = g->inotify_fd,
    };
    if (kind == ERRAND_LOOK) {
        g->has_changed = false;
        g->looked_ns = guard_now_ns();
    }
    if (errand_start(&g->errand, kind, &place, guard_now_ns()) != 0) {
        int error = errno;
        tell_error(g, GUARD_SYSTEM, error);
        g->retry_ns = guard_now_ns() + RETRY_NS;
        if (kind != ERRAND_LOOK && kind != ERRAND_WRITE_SIGNAL) {
            life_fail(g, GUARD_SYSTEM, error);
        }
    }
}

/* No epoch is served any more; whatever was begun under it is over. */
void life_unbind(struct guard *g)
{
    struct guard_state *s = &g->state;
    s->is_signal_owed = true; /* whatever ended may have removed it */
    s->bound_epoch = 0;
    s->armed_epoch = 0;
    s->is_primary = false;
    s->is_order_written = false;
    s->is_left = false;
    s->is_baseline_known = false;
    s->foreign = 0;
    g->has_changed = true;
    watch_end(g);
}

/* The request can not be carried out, and nothing of ours runs yet. */
void life_fail(struct guard *g, enum guard_reason reason, int error)
{
    struct guard_state *s = &g->state;
    struct guard_work work = s->work;
    s->work = (struct guard_work){0};
    if (s->phase == GUARD_PREPARE) {
        bool owed = s->is_signal_owed || work.kind != GUARD_ADOPT; /* it was only looked at */
        s->phase = GUARD_IDLE;
        life_unbind(g);
        s->is_signal_owed = owed;
    } else if (work.kind == GUARD_PROMOTE) {
        s->bound_epoch = 0; /* nothing was ordered yet */
        watch_end(g);
    }
    if (work.kind != 0) {
        tell_answer(g, GUARD_REFUSED, work.id, reason, error);
    }
}

static bool still_may(struct guard *g)
{
    struct guard_facts facts;
    guard_gather(g, &facts);
    enum guard_reason reason = guard_may_serve(&facts, g->state.work.epoch);
    if (reason != GUARD_FINE) {
        life_fail(g, reason, 0);
    }
    return reason == GUARD_FINE;
}

/* The files first. */
void life_begin_work(struct guard *g)
{
    struct guard_work *work = &g->state.work;
    work->is_begun = true;
    switch (work->kind) {
        case GUARD_START:
            life_start_errand(g, ERRAND_PREPARE_STANDBY);
            break;
        case GUARD_START_PRIMARY:
            life_start_errand(g, ERRAND_PREPARE_PRIMARY);
            break;
        case GUARD_ADOPT:
            life_start_errand(g, ERRAND_LOOK);
            break;
        case GUARD_PROMOTE:
            if (still_may(g)) {
                life_start_errand(g, ERRAND_PROMOTE_FILE);
            }
            break;
        case GUARD_UPGRADE:
            life_start_errand(g, ERRAND_CHECK_PROGRAM);
            break;
        default:
            UNREACHABLE("only these take several steps");
    }
}

/* --- start -------------------------------------------------------------------------------------
 */

static void launch(struct guard *g)
{
    struct guard_state *s = &g->state;
    struct scan_target target = guard_target(g);
    struct scan_count count;
    if (scan_all(&target, NULL, NULL, &count) != 0) {
        life_fail(g, GUARD_SYSTEM, errno);
        return;
    }
    if (count.alive > 0) {
        life_fail(g, GUARD_RUNS, 0);
        return;
    }
    if (s->work.kind == GUARD_START_PRIMARY && !still_may(g)) {
        return;
    }
    struct spawn spawn = {
        .arguments = g->start.words,
        .variables = g->start.words + g->start.argument_count + 1,
        .log_fd = g->log_fd,
        .cgroup_fd = g->cgroup_fd,
    };
    pid_t pid = spawn_postmaster(&spawn, &g->launch_fd);
    if (pid < 0) {
        life_fail(g, GUARD_SYSTEM, errno);
        return;
    }
    s->postmaster = pid;
    s->is_adopted = false;
    s->phase = GUARD_LAUNCH;
}

/* The pipe of spawn_postmaster() has something to say. */
void life_launched(struct guard *g)
{
    struct guard_state *s = &g->state;
    int error = 0;
    ssize_t size = read(g->launch_fd, &error, sizeof(error));
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    (void)close(g->launch_fd);
    g->launch_fd = -1;
    if (s->phase != GUARD_LAUNCH) {
        return;
    }
    if (size == (ssize_t)sizeof(error)) {
        s->phase = GUARD_PREPARE;
        s->postmaster = 0;
        life_fail(g, GUARD_SYSTEM, error);
        return;
    }
    s->phase = GUARD_RUN;
    tell(g, GUARD_STARTED, GUARD_FINE);
    if (s->work.kind == GUARD_START) {
        s->work = (struct guard_work){0};
    }
    if (s->is_quitting) {
        life_signal(g, SIGINT);
    }
}

void life_died(struct guard *g, int wait_status)
{
    struct guard_state *s = &g->state;
    if (s->phase == GUARD_LAUNCH) {
        life_launched(g);
        if (s->phase != GUARD_RUN) {
            return;
        }
    }
    tell_died(g, wait_status);
    s->postmaster = 0;
    if (s->is_adopted) {
        (void)close(g->pid_fd);
        g->pid_fd = -1;
        s->is_adopted = false;
    }
    if (s->phase != GUARD_END) {
        end_begin(g, GUARD_BY_DEATH);
    }
}

/* A child that was not waited for keeps its id; another is held by its pidfd. */
int life_signal(const struct guard *g, int number)
{
    const struct guard_state *s = &g->state;
    int result = -1;
    if (s->is_adopted) {
        result = pidfd_send_signal(g->pid_fd, number, NULL, 0);
    } else if (s->postmaster != 0) {
        result = kill(s->postmaster, number);
    }
    return result;
}

/* --- promotion ---------------------------------------------------------------------------------
 */

void life_nudge(struct guard *g)
{
    struct guard_state *s = &g->state;
    MUST(s->bound_epoch != 0);
    s->nudged_ns = guard_now_ns();
    life_signal(g, SIGUSR1);
}

/* The promote file is there. Too late for it now: a signal from anybody could still set it off, so
 * this PostgreSQL is ended. */
static void order_written(struct guard *g, int error)
{
    struct guard_state *s = &g->state;
    struct guard_facts facts;
    guard_gather(g, &facts);
    enum guard_reason reason = error != 0 ? GUARD_FILES : guard_may_serve(&facts, s->work.epoch);
    if (reason != GUARD_FINE) {
        end_begin(g, reason);
        return;
    }
    s->is_order_written = true;
    life_nudge(g);
}

static void became_primary(struct guard *g)
{
    struct guard_state *s = &g->state;
    s->is_primary = true;
    s->is_order_written = false;
    tell(g, GUARD_PROMOTED, GUARD_FINE);
    s->work = (struct guard_work){0};
}

/* --- adoption ----------------------------------------------------------------------------------
 */

static void adopt(struct guard *g, const struct errand_report *report)
{
    struct guard_state *s = &g->state;
    struct scan_target target = guard_target(g);
    struct scan_process found;
    pid_t pid = report->noted_pid;
    int fd = pid > 0 ? pidfd_open(pid, 0) : -1;
    if (fd < 0 || !scan_one(&target, pid, &found)) {
        if (fd >= 0) {
            (void)close(fd);
        }
        life_fail(g, GUARD_RUNS_NOT, 0);
        return;
    }
    bool in_production = report->control.state == PG_CONTROL_IN_PRODUCTION;
    if (in_production != (s->work.epoch != 0)) {
        (void)close(fd);
        life_fail(g, in_production ? GUARD_IS_PRIMARY : GUARD_IS_STANDBY, 0);
        return;
    }
    s->postmaster = pid;
    s->is_adopted = true;
    s->foreign = 0;
    s->is_found_primary = false;
    /* What it was before is not known: any mark but the present one says that it has left. */
    s->baseline_mark = in_production ? ~report->control.mark : report->control.mark;
    s->is_baseline_known = true;
    s->is_left = in_production;
    s->is_signal_known = false;
    g->pid_fd = fd;
    s->phase = GUARD_RUN;
    tell(g, GUARD_STARTED, GUARD_FINE);
    if (!in_production) {
        s->work = (struct guard_work){0};
    }
}

/* --- what the data directory says --------------------------------------------------------------
 */

/* Nothing of ours runs: whose processes are there? */
static void look_at_others(struct guard *g, const struct errand_report *report, bool *ret_none)
{
    struct guard_state *s = &g->state;
    struct scan_target target = guard_target(g);
    struct scan_count count;
    struct scan_process postmaster;
    *ret_none = false;
    if (scan_all(&target, NULL, NULL, &count) != 0) {
        return;
    }
    *ret_none = count.alive + count.stuck == 0;
    if (*ret_none) {
        s->foreign = 0;
        s->is_leftover_suspected = false;
        return;
    }
    if (report->noted_pid > 0 && scan_one(&target, report->noted_pid, &postmaster)) {
        s->is_leftover_suspected = false;
        if (s->foreign != report->noted_pid) {
            s->foreign = report->noted_pid;
            tell(g, GUARD_FOREIGN, GUARD_FINE);
        }
        return;
    }
    /* A server that begins has not written its id yet, so it takes two looks to call them left
     * over; a single-user server has a negative one. */
    if (report->noted_pid >= 0 && count.alive > 0 && !s->is_hands_off) {
        if (s->is_leftover_suspected) {
            end_begin(g, GUARD_BY_LEFTOVER);
        }
        s->is_leftover_suspected = !s->is_leftover_suspected;
    }
}

static void learn_control(struct guard *g, const struct errand_report *report)
{
    struct guard_state *s = &g->state;
    if (!report->is_control_known) {
        return;
    }
    bool none = false;
    if (s->phase == GUARD_IDLE) {
        look_at_others(g, report, &none);
    }
    bool in_production = report->control.state == PG_CONTROL_IN_PRODUCTION;
    s->control = report->control;
    s->is_control_known = true;
    if (!in_production || none) {
        s->is_found_primary = false;
    } else if (!s->has_looked) {
        s->is_found_primary = true; /* pgraftd may adopt it */
    }
    s->has_looked = true;
    if (!in_production || none || !s->is_baseline_known) {
        s->baseline_mark = report->control.mark;
        s->is_baseline_known = true;
    }
    bool was_left = s->is_left;
    s->is_left = in_production && s->baseline_mark != report->control.mark && !s->is_found_primary;
    if (s->is_left && !was_left) {
        s->is_signal_known = false; /* recovery's end removes it, maybe after we saw it */
    }
}

static void prepared(struct guard *g, const struct errand_report *report)
{
    struct guard_state *s = &g->state;
    if (s->phase != GUARD_PREPARE) {
        return; /* ended meanwhile */
    }
    if (s->is_quitting) {
        life_fail(g, GUARD_QUITTING, 0);
        return;
    }
    if (report->error != 0) {
        life_fail(g, GUARD_FILES, report->error);
        return;
    }
    if (s->work.kind == GUARD_ADOPT) {
        adopt(g, report);
        return;
    }
    s->baseline_mark = report->control.mark;
    s->is_baseline_known = true;
    s->is_left = false;
    s->is_found_primary = false;
    s->is_signal_known = s->work.kind == GUARD_START;
    launch(g);
}

static void signal_written(struct guard *g, const struct errand_report *report)
{
    struct guard_state *s = &g->state;
    if (report->error == ERRAND_CUT_OFF) {
        return; /* by an end that began meanwhile: owed as before, and nothing is wrong */
    }
    if (report->error == ENOENT && s->phase == GUARD_IDLE) {
        s->is_signal_owed = false; /* no data directory is left to keep */
        return;
    }
    if (report->error != 0) {
        if (s->files_error != report->error) {
            tell_error(g, GUARD_FILES, report->error);
        }
        s->files_error = report->error;
        g->retry_ns = guard_now_ns() + RETRY_NS;
        return;
    }
    s->files_error = 0;
    s->is_signal_known = true;
    s->is_signal_owed = false;
    if (s->phase == GUARD_RUN && s->is_left && s->bound_epoch != 0 && !s->is_primary) {
        became_primary(g);
    }
}

static void program_checked(struct guard *g, int error)
{
    g->state.work = (struct guard_work){0}; /* the new program answers */
    if (error != 0) {
        tell_answer(g, GUARD_REFUSED, g->upgrade_id, GUARD_NO_UPGRADE, error);
    } else {
        upgrade_now(g);
    }
}

void life_report(struct guard *g, const struct errand_report *report)
{
    struct guard_state *s = &g->state;
    file_id_note(s->data, &report->data);
    file_id_note(s->program, &report->program);
    second_learn(g);
    learn_control(g, report);
    if (report->data.inode != 0 && !report->has_signal) {
        s->is_signal_known = false;
    }
    switch ((enum errand_kind)report->kind) {
        case ERRAND_LOOK:
            if (s->work.kind == GUARD_ADOPT && s->work.is_begun) {
                prepared(g, report);
            }
            break;
        case ERRAND_PREPARE_STANDBY:
        case ERRAND_PREPARE_PRIMARY:
            prepared(g, report);
            break;
        case ERRAND_PROMOTE_FILE:
            if (s->phase == GUARD_RUN && s->work.kind == GUARD_PROMOTE) {
                order_written(g, report->error);
            }
            break;
        case ERRAND_WRITE_SIGNAL:
            signal_written(g, report);
            break;
        case ERRAND_CHECK_PROGRAM:
            if (s->work.kind == GUARD_UPGRADE && s->work.is_begun) {
                program_checked(g, report->error);
            }
            break;
        case ERRAND_NONE:
            break;
    }
}
