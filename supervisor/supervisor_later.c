/* supervisor/supervisor_later.c - an operator's restart for later: kept in a file, shown, begun
 * when its time has come, or dropped (restart_order.h).
 *
 * The file is written in a thread of the loop, for a disk may hang. Each change has a number, by
 * which whoever asked for it hears that it is on disk. What can not be written is not in force:
 * the next life would not know of it. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/restart_note.h"
#include "supervisor/supervisor_parts.h"

#define AGAIN_MS 10000

/* Outlives the supervisor, if the disk holds it. */
struct later_job {
    uv_work_t work;
    struct supervisor *s; /* NULL: closed meanwhile */
    char *state_dir;
    struct restart_later note;
    uint64_t number;
    int code;
    struct err err;
};

static bool is_set(const struct supervisor *s)
{
    return s->later.wanted.order.at[0] != '\0';
}

/* @why: of a drop; else NULL. */
static void tell(struct supervisor *s, const char *at, const char *what, const char *why)
{
    struct view_event event = {.wall_ms = clock_wall_ms(clock_system()), .node = s->facts.self};
    view_text_set(event.kind, sizeof(event.kind), "restart");
    (void)snprintf(event.text, sizeof(event.text), "the restart scheduled for %s %s%s%s", at, what,
                   why != NULL ? ": " : "", why != NULL ? why : "");
    view_add_event(s->view, &event);
    if (why != NULL) {
        log_warn("supervisor", "scheduled restart", LOG_STR("text", event.text));
    } else {
        log_info("supervisor", "scheduled restart", LOG_STR("text", event.text));
    }
}

/* ---- the file ---- */

static void change(struct supervisor *s, const struct restart_later *wanted)
{
    s->later.wanted = *wanted;
    s->later.refused[0] = '\0';
    s->later.number++;
    s->later.is_due = true;
    s->later.again_ms = 0;
    supervisor_soon(s);
}

static void drop(struct supervisor *s, const char *why)
{
    const struct restart_later none = {.started_us = 0};
    tell(s, s->later.wanted.order.at, "was dropped", why);
    change(s, &none);
}

static void free_job(struct later_job *job)
{
    mem_free(job->state_dir);
    mem_free(job);
}

static void write_cb(uv_work_t *work)
{
    struct later_job *job = CONTAINER_OF(work, struct later_job, work);
    job->code = restart_note_write(job->state_dir, &job->note, &job->err);
}

static void failed(struct supervisor *s, const struct later_job *job)
{
    s->later.failed = job->number;
    s->later.err = job->err;
    log_warn("supervisor", "the file of a scheduled restart can not be changed",
             LOG_ERR(&job->err));
    if (is_set(s)) {
        drop(s, job->err.msg);
    } else {
        s->later.number++; /* once more, for nobody */
        s->later.is_due = true;
    }
    s->later.again_ms = supervisor_now_ms() + AGAIN_MS;
}

static void written_cb(uv_work_t *work, int status)
{
    struct later_job *job = CONTAINER_OF(work, struct later_job, work);
    struct supervisor *s = job->s;
    if (s != NULL) {
        s->later.job = NULL;
        if (status != 0 || job->code != 0) {
            failed(s, job);
        } else {
            s->later.kept = job->number;
        }
    }
    free_job(job);
}

static void write_due(struct supervisor *s, uint64_t now_ms)
{
    struct supervisor_later *later = &s->later;
    if (!later->is_due || later->job != NULL || now_ms < later->again_ms || s->is_closing) {
        return;
    }
    struct later_job *job = (struct later_job *)mem_zalloc(sizeof(*job));
    job->s = s;
    job->state_dir = mem_strdup(s->setup->state_dir);
    job->note = later->wanted;
    job->number = later->number;
    later->is_due = false;
    later->job = job;
    int r = uv_queue_work(s->loop, &job->work, write_cb, written_cb);
    MUST(r == 0); /* fails only without a function */
}

void supervisor_later_open(struct supervisor *s)
{
    struct err err = {.code = 0};
    if (restart_note_read(s->setup->state_dir, &s->later.wanted, &err) != 0) {
        log_warn("supervisor", "a scheduled restart may be lost", LOG_ERR(&err));
    } else if (is_set(s)) {
        log_info("supervisor", "scheduled restart", LOG_STR("at", s->later.wanted.order.at));
    }
}

void supervisor_later_close(struct supervisor *s)
{
    if (s->later.job != NULL) {
        s->later.job->s = NULL;
        (void)uv_cancel((uv_req_t *)&s->later.job->work); /* under way: it ends by itself */
        s->later.job = NULL;
    }
}

/* ---- an operator's ---- */

static int check(const struct supervisor *s, struct err *err)
{
    int code = supervisor_takes_orders(s, err);
    return code != 0 || s->later.job == NULL
               ? code
               : err_set(err, ERR_REFUSED, "what is scheduled is just being changed, try again");
}

static struct restart_seen see(const struct supervisor *s)
{
    const struct facts *f = &s->facts;
    const struct pg_seen *seen = &s->observe.seen;
    struct restart_seen node = {.is_running = f->pg.process == PG_RUNNING};
    if (node.is_running && seen->has_watch) {
        node.version = seen->watch.version;
        node.started_us = seen->watch.started_us;
        node.role = f->pg.role == ROLE_PRIMARY ? VIEW_PRIMARY
                    : f->pg.role == ROLE_STANDBY
                        ? (facts_leads_standby(f) ? VIEW_STANDBY_LEADER : VIEW_REPLICA)
                        : VIEW_ROLE_UNKNOWN;
    }
    if (s->restart_setup != NULL) {
        node.pending = s->restart.is_pending ? FACT_YES : FACT_NO;
    }
    return node;
}

int supervisor_restart_later(struct supervisor *s, const struct restart_order *order,
                             uint64_t *ret_number, struct err *err)
{
    int code = check(s, err);
    if (code == 0 && is_set(s)) {
        code = err_set(err, ERR_EXISTS, "Another restart is already scheduled");
    }
    if (code == 0) {
        const struct restart_later later = {.order = *order, .started_us = see(s).started_us};
        change(s, &later);
        *ret_number = s->later.number;
        tell(s, order->at, "was asked for by an operator", NULL);
    }
    return code;
}

int supervisor_restart_never(struct supervisor *s, uint64_t *ret_number, struct err *err)
{
    int code = check(s, err);
    if (code == 0 && !is_set(s)) {
        code = err_set(err, ERR_NOT_FOUND, "no restarts are scheduled");
    }
    if (code == 0) {
        const struct restart_later none = {.started_us = 0};
        tell(s, s->later.wanted.order.at, "was taken back by an operator", NULL);
        change(s, &none);
        *ret_number = s->later.number;
    }
    return code;
}

int supervisor_restart_kept(const struct supervisor *s, uint64_t number, struct err *err)
{
    if (number == s->later.failed) {
        return err_set(err, ERR_REFUSED, "it can not be kept on disk: %.200s", s->later.err.msg);
    }
    return number <= s->later.kept ? 0 : err_set(err, ERR_BUSY, "it is under way");
}

/* ---- with each look ---- */

static void begin(struct supervisor *s)
{
    const struct restart_later none = {.started_us = 0};
    struct err err = {.code = 0};
    uint64_t id = 0;
    char at[WHEN_TEXT_SIZE];
    memcpy(at, s->later.wanted.order.at, sizeof(at));
    if (supervisor_restart(s, s->later.wanted.order.timeout_ms, &id, &err) != 0) {
        view_text_set(s->later.refused, sizeof(s->later.refused), err.msg); /* in a moment */
        return;
    }
    change(s, &none);
    tell(s, at, "begins", NULL);
}

void supervisor_later_tick(struct supervisor *s, uint64_t now_ms)
{
    if (is_set(s) && !s->is_stopping) {
        const struct restart_moment now = {
            .node = see(s),
            .is_paused = s->facts.store.paused != FACT_NO,
            .wall_ms = clock_wall_ms(clock_system()),
            .refused = s->later.refused[0] != '\0' ? s->later.refused : NULL,
        };
        struct restart_plan plan = restart_plan(&s->later.wanted, &now);
        if (plan.step == RESTART_BEGIN) {
            begin(s);
        } else if (plan.step == RESTART_DROP) {
            drop(s, plan.why);
        }
    }
    write_due(s, now_ms);
}

void supervisor_show_later(const struct supervisor *s, struct view_restart *out)
{
    const struct restart_order *order = &s->later.wanted.order;
    view_text_set(out->schedule, sizeof(out->schedule), order->at);
    view_text_set(out->role, sizeof(out->role), order->role);
    view_text_set(out->version, sizeof(out->version), order->version);
    out->only_pending = order->only_pending;
    out->timeout_ms = order->timeout_ms;
}
