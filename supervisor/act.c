/* supervisor/act.c - the steps of a sequence: whatever ends one calls the next, once. */
#include "supervisor/act.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/act_parts.h"
#include "supervisor/act_program.h"

#define DOWN_LOOK_MS 20
#define QUERY_MS 30000
/* For a killed script to be gone. What hangs in the kernel can not be ended: nothing that has to be
 * done to PostgreSQL waits for that, least of all its end. */
#define SCRIPT_END_MS 100

struct act_thread {
    uv_work_t work;
    struct act *act; /* NULL: closed meanwhile */
    bool is_wanted;  /* its sequence goes on with it */
    size_t slot;
    uint64_t ends; /* when it began */
    act_work run;
    struct act_order order;
    struct err err;
};

/* ---- from step to step ---- */

static void step(struct act *a, const char *name, act_next next)
{
    MUST(a->is_running && !a->is_ended && a->next == NULL);
    a->err = (struct err){.code = 0};
    a->next = next;
    a->waits_down = false;
    a->is_late = false;
    (void)snprintf(a->step, sizeof(a->step), "%s", name);
}

static void go_on(struct act *a)
{
    act_next next = TAKE(a->next);
    if (next != NULL && a->is_running && !a->is_ended) {
        next(a);
    }
}

/* Not from within the function that began the step. */
static void pause_cb(uv_timer_t *timer)
{
    go_on(CONTAINER_OF(timer, struct act, pause));
}

static void soon(struct act *a, uint64_t after_ms)
{
    int r = uv_timer_start(&a->pause, pause_cb, after_ms, 0);
    MUST(r == 0); /* fails only on a closing handle */
}

static void fail_soon(struct act *a, const struct err *err)
{
    a->err = *err;
    soon(a, 0);
}

/* ---- the end ---- */

static void finish(struct act *a)
{
    if (a->program != NULL) {
        return; /* it is waited for */
    }
    a->is_running = false;
    a->is_ended = false;
    a->step[0] = '\0';
    if (a->is_closing) {
        return;
    }
    a->on_done(a);
}

/* The program has ended, or is not waited for any more. */
static void over(struct act *a, const char *last, const struct err *err)
{
    a->program = NULL;
    (void)uv_timer_stop(&a->pause); /* its limit */
    if (a->is_ended) {
        finish(a); /* it was killed, and this was waited for */
        return;
    }
    (void)snprintf(a->said, sizeof(a->said), "%s", last);
    a->err = *err;
    if (a->is_late) {
        (void)err_set(&a->err, ERR_TIMEOUT, "%s: it has not ended in time, and was killed",
                      a->step);
    }
    go_on(a);
}

static void left_cb(uv_timer_t *timer)
{
    struct act *a = CONTAINER_OF(timer, struct act, pause);
    const struct err err = {.code = 0};
    log_warn("supervisor", "script left behind",
             LOG_STR("text", "it was killed, and does not end: nobody waits for it"),
             LOG_STR("step", a->step));
    act_program_abandon(a->program);
    over(a, "", &err);
}

static void kill_program(struct act *a)
{
    if (a->is_script) {
        int r = uv_timer_start(&a->pause, left_cb, SCRIPT_END_MS, 0);
        MUST(r == 0);
    }
    act_program_kill(a->program);
}

void act_end(struct act *a)
{
    MUST(a->is_running);
    if (a->is_ended) {
        return;
    }
    a->is_ended = true;
    a->next = NULL;
    a->after_down = NULL;
    a->then = NULL;
    a->sql = NULL;
    a->asked = 0;
    (void)uv_timer_stop(&a->deadline);
    (void)uv_timer_stop(&a->pause);
    for (size_t i = 0; i < ACT_SLOTS; i++) {
        if (a->threads[i] != NULL) {
            a->threads[i]->is_wanted = false;
        }
    }
    if (a->program != NULL) {
        kill_program(a);
    }
    pg_link_drop(&a->link);
    if (a->is_running) { /* else the program had gone already, and that was the end */
        finish(a);
    }
}

bool act_failed(struct act *a)
{
    if (a->err.code == 0) {
        return false;
    }
    act_end(a);
    return true;
}

void act_cancel(struct act *a)
{
    if (a->is_running && !a->is_ended) {
        (void)err_set(&a->err, ERR_CANCELED, "%s: something else is to be done now", a->step);
        act_end(a);
    }
}

static void deadline_cb(uv_timer_t *timer)
{
    struct act *a = CONTAINER_OF(timer, struct act, deadline);
    (void)err_set(&a->err, ERR_TIMEOUT, "%s: not done in time", a->step);
    act_end(a);
}

void act_begin(struct act *a, uint64_t deadline_ms, act_next first)
{
    MUST(!a->is_running && !a->is_closing);
    a->is_running = true;
    a->is_ended = false;
    a->asks_stop = false;
    a->after_down = NULL;
    a->said[0] = '\0';
    step(a, "begin", first);
    int r = uv_timer_start(&a->deadline, deadline_cb, deadline_ms, 0);
    MUST(r == 0);
    soon(a, 0);
}

void act_pause(struct act *a, uint64_t for_ms, act_next next)
{
    step(a, "pause", next);
    soon(a, for_ms);
}

void act_pause_or_down(struct act *a, uint64_t for_ms, act_next next)
{
    act_pause(a, for_ms, next);
    a->waits_down = true;
}

/* ---- work in a thread ---- */

bool act_is_stuck(const struct act *a)
{
    bool is_stuck = false;
    for (size_t i = 0; i < ACT_SLOTS; i++) {
        is_stuck = is_stuck || (a->threads[i] != NULL && !a->threads[i]->is_wanted);
    }
    return is_stuck;
}

static void work_cb(uv_work_t *work)
{
    struct act_thread *t = CONTAINER_OF(work, struct act_thread, work);
    int code = t->run(&t->order, &t->err);
    t->err.code = code; /* 0: what was said on the way was got over */
}

/* Also of a sequence that has ended meanwhile. Where a postmaster worked is the business of who
 * ends it, and may be beside other work that began before; once nobody was left it is nobody's any
 * more, for the number may be given again. */
static void learn(struct act *a, const struct act_thread *t)
{
    const struct act_known *known = &t->order.known;
    if (t->slot == ACT_SLOT_KILL && t->ends == a->ends) {
        a->known.cwd = known->cwd;
    }
    if (known->data.inode != 0) {
        a->known.data = known->data;
    }
}

static void worked_cb(uv_work_t *work, int status)
{
    struct act_thread *t = CONTAINER_OF(work, struct act_thread, work);
    struct act *a = t->act;
    (void)status;
    if (a == NULL) {
        mem_free(t);
        return;
    }
    a->threads[t->slot] = NULL;
    learn(a, t);
    bool is_wanted = t->is_wanted;
    if (is_wanted) {
        a->order = t->order;
        a->err = t->err;
    }
    mem_free(t);
    if (is_wanted) {
        go_on(a);
    }
}

static void do_in(struct act *a, size_t slot, const char *name, act_work work, act_next next)
{
    struct err err;
    step(a, name, next);
    if (a->threads[slot] != NULL) {
        (void)err_set(&err, ERR_BUSY, "earlier work in the data directory has not come back");
        fail_soon(a, &err);
        return;
    }
    struct act_thread *t = (struct act_thread *)mem_zalloc(sizeof(*t));
    t->act = a;
    t->is_wanted = true;
    t->slot = slot;
    t->ends = a->ends;
    t->run = work;
    t->order = a->order;
    t->order.known = a->known;
    a->threads[slot] = t;
    int r = uv_queue_work(a->loop, &t->work, work_cb, worked_cb);
    MUST(r == 0); /* fails only without a function */
}

void act_do(struct act *a, const char *name, act_work work, act_next next)
{
    do_in(a, ACT_SLOT_WORK, name, work, next);
}

void act_do_kill(struct act *a, act_work work, act_next next)
{
    do_in(a, ACT_SLOT_KILL, "kill", work, next);
}

/* ---- the guard ---- */

void act_send(struct act *a, struct guard_request *request, uint16_t answer, act_next next)
{
    struct err err;
    uint32_t id = 0;
    step(a, guard_kind_text(request->kind), next);
    a->answer_kind = answer;
    if (guard_client_send(a->guard, request, -1, &id, &err) != 0) {
        fail_soon(a, &err);
        return;
    }
    a->asked = id;
    if (request->kind == GUARD_START || request->kind == GUARD_START_PRIMARY) {
        a->start_asked = id;
        a->start_asked_ms = uv_now(a->loop);
    }
}

bool act_owes_start(const struct act *a, uint64_t within_ms)
{
    return a->start_asked != 0 && uv_now(a->loop) - a->start_asked_ms <= within_ms;
}

/* The guard takes one request after the other: what answers this one or a later one also tells
 * whether something has been started by it, or is about to be. */
static void settle_start(struct act *a, const struct guard_event *e)
{
    if (e == NULL || (a->start_asked != 0 && e->id >= a->start_asked)) {
        a->start_asked = 0;
    }
}

void act_ask(struct act *a, uint16_t kind, uint64_t epoch, uint64_t how, uint16_t answer,
             act_next next)
{
    struct guard_request request = {.kind = kind, .epoch = epoch, .how = how};
    act_send(a, &request, answer, next);
}

static bool is_down(const struct act *a)
{
    const struct guard_seen *g = a->guard_seen;
    return g->process == PG_ABSENT || g->state == GUARD_GONE;
}

void act_guard_event(struct act *a, const struct guard_event *e)
{
    settle_start(a, e);
    if (e != NULL && e->kind == GUARD_ENDED) {
        a->known.cwd = (struct file_id){0}; /* nobody is left that it would tell */
        a->ends++;
    }
    if (a->is_running && !a->is_ended && a->waits_down && is_down(a)) {
        soon(a, 0);
    }
    if (!a->is_running || a->is_ended || a->asked == 0) {
        return;
    }
    if (e == NULL) {
        (void)err_set(&a->err, ERR_CLOSED, "%s: the guard is gone", a->step);
    } else if (e->id == a->asked && e->kind == GUARD_REFUSED) {
        int code = e->reason == GUARD_IN_WORK ? ERR_BUSY : ERR_REFUSED;
        (void)err_set(&a->err, code, "%s: the guard refuses: %s", a->step,
                      guard_reason_text(e->reason));
    } else if (e->id != a->asked || e->kind != a->answer_kind) {
        return; /* not to this, or not the last word */
    }
    a->asked = 0;
    go_on(a);
}

static void look_down(struct act *a)
{
    if (is_down(a)) {
        act_next next = TAKE(a->after_down);
        next(a);
        return;
    }
    act_pause_or_down(a, DOWN_LOOK_MS, look_down);
}

void act_until_down(struct act *a, act_next next)
{
    a->after_down = next;
    look_down(a);
}

/* ---- programs ---- */

static void program_cb(struct act_program *program, void *owner, const char *last,
                       const struct err *err)
{
    (void)program;
    over((struct act *)owner, last, err);
}

static void run(struct act *a, const char *name, struct act_program_order *order, act_next next)
{
    struct err err;
    char *environment[ACT_VARIABLES_MAX];
    act_environment(&a->order, environment);
    order->helper = a->order.setup->helper;
    order->name = TAKE(a->program_name);
    order->environment = environment;
    step(a, name, next);
    a->is_script = order->is_script && !order->is_filler;
    if (act_program_start(a->loop, order, program_cb, a, &a->program, &err) != 0) {
        fail_soon(a, &err);
    }
}

void act_run(struct act *a, const char *name, char *const *words, const struct buf *input,
             act_next next)
{
    struct act_program_order order = {.words = words, .input = input};
    run(a, name, &order, next);
}

void act_run_filler(struct act *a, const char *name, char *const *words, act_next next)
{
    struct act_program_order order = {.words = words, .is_script = true, .is_filler = true};
    run(a, name, &order, next);
}

void act_run_room(struct act *a, const char *name, char *const *words, act_next next)
{
    struct act_program_order order = {.words = words, .is_room = true, .is_filler = true};
    run(a, name, &order, next);
}

static void limit_cb(uv_timer_t *timer)
{
    struct act *a = CONTAINER_OF(timer, struct act, pause);
    MUST(a->program != NULL);
    a->is_late = true;
    kill_program(a);
}

void act_run_script(struct act *a, const char *name, char *const *words, uint64_t limit_ms,
                    act_next next)
{
    struct act_program_order order = {.words = words, .is_script = true};
    run(a, name, &order, next);
    if (a->program != NULL && limit_ms > 0) {
        int r = uv_timer_start(&a->pause, limit_cb, limit_ms, 0);
        MUST(r == 0);
    }
}

/* ---- statements ---- */

static void rows_cb(struct pg_link *link, const struct pg_rows *rows,
                    const struct pg_failure *failure)
{
    struct act *a = (struct act *)link->owner;
    if (a->next == NULL) {
        return; /* given up */
    }
    const char *cell = rows != NULL ? pg_rows_text(rows, 0, 0) : NULL;
    (void)snprintf(a->said, sizeof(a->said), "%s", cell != NULL ? cell : "");
    if (failure != NULL) {
        a->err = failure->err;
    }
    a->sql = NULL;
    go_on(a);
}

static void ask_sql(struct act *a)
{
    struct err err;
    if (pg_link_ask(&a->link, a->sql, a->sql_ms, rows_cb, &err) != 0) {
        a->sql = NULL;
        fail_soon(a, &err);
    }
}

static void link_cb(struct pg_link *link)
{
    struct act *a = (struct act *)link->owner;
    if (a->sql == NULL) {
        return;
    }
    if (link->state == PG_LINK_READY) {
        ask_sql(a);
    } else if (link->failure.err.code != 0) {
        a->sql = NULL;
        a->err = link->failure.err;
        pg_link_drop(link);
        soon(a, 0);
    }
}

void act_query(struct act *a, const char *sql, act_next next)
{
    act_query_long(a, sql, QUERY_MS, next);
}

void act_query_long(struct act *a, const char *sql, uint64_t deadline_ms, act_next next)
{
    step(a, "statement", next);
    a->sql = sql;
    a->sql_ms = deadline_ms;
    if (a->link.state == PG_LINK_READY) {
        ask_sql(a);
    } else {
        pg_link_connect(&a->link);
    }
}

/* ---- open and close ---- */

int act_open(struct act *a, uv_loop_t *loop, const struct pg_place *place, struct err *err)
{
    memset(a, 0, sizeof(*a));
    a->loop = loop;
    int code = pg_link_open(&a->link, loop, place, err);
    if (code != 0) {
        return code;
    }
    a->link.owner = a;
    a->link.on_change = link_cb;
    int r = uv_timer_init(loop, &a->deadline);
    MUST(r == 0); /* never fails */
    r = uv_timer_init(loop, &a->pause);
    MUST(r == 0);
    return 0;
}

static void part_closed(struct act *a)
{
    if (--a->open_handles == 0 && a->on_closed != NULL) {
        a->on_closed(a);
    }
}

static void deadline_closed_cb(uv_handle_t *handle)
{
    part_closed(CONTAINER_OF(handle, struct act, deadline));
}

static void pause_closed_cb(uv_handle_t *handle)
{
    part_closed(CONTAINER_OF(handle, struct act, pause));
}

static void link_closed_cb(struct pg_link *link)
{
    part_closed((struct act *)link->owner);
}

void act_close(struct act *a, void (*on_closed)(struct act *act))
{
    MUST(!a->is_closing);
    a->is_closing = true;
    a->on_closed = on_closed;
    a->next = NULL;
    if (a->is_running) {
        act_end(a);
    }
    if (a->program != NULL) {
        act_program_abandon(TAKE(a->program));
    }
    for (size_t i = 0; i < ACT_SLOTS; i++) {
        if (a->threads[i] != NULL) {
            a->threads[i]->act = NULL;
            a->threads[i] = NULL;
        }
    }
    a->open_handles = 3;
    uv_close((uv_handle_t *)&a->deadline, deadline_closed_cb);
    uv_close((uv_handle_t *)&a->pause, pause_closed_cb);
    pg_link_close(&a->link, link_closed_cb);
}
