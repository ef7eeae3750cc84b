/* supervisor/callback_run.c - two lanes of programs that nobody waits for. */
#include "supervisor/callback_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"

#define RUN_MS 300000 /* Patroni's have no bound; what hangs would hide what failed for ever */
#define END_MS 2000   /* for a killed one to be gone */

/* One that waits for the end of the one before it. */
struct callback_next {
    struct callback_call call;
    char *command, *scope, *name, *helper;
    char **environment;
    uint64_t epoch;
};

static void start(struct callback_lane *lane);

static void next_free(struct callback_next *next)
{
    if (next != NULL) {
        mem_free(next->command);
        mem_free(next->scope);
        mem_free(next->name);
        mem_free(next->helper);
        mem_free(next);
    }
}

static void set_timer(struct callback_lane *lane, uv_timer_cb on_time, uint64_t after_ms)
{
    int r = uv_timer_start(&lane->timer, on_time, after_ms, 0);
    MUST(r == 0); /* fails only on a closing handle */
}

/* ---- its end ---- */

/* What was ended for a newer one has not failed, and is said all the same: it may be half done. */
static void tell(const struct callback_lane *lane, const struct err *err)
{
    char text[CALLBACK_TEXT_SIZE];
    struct callback_run *run = lane->run;
    uint64_t took_ms = uv_now(run->loop) - lane->began_ms;
    if (err->code == 0 && lane->ended_for == NULL) {
        log_info("supervisor", "callback done", LOG_STR("callback", lane->what),
                 LOG_U64("took_ms", took_ms));
        return;
    }
    (void)snprintf(text, sizeof(text), "%s: %s", lane->what,
                   lane->ended_for != NULL ? lane->ended_for : err->msg);
    log_warn("supervisor", "callback failed", LOG_STR("text", text), LOG_U64("took_ms", took_ms));
    if (run->on_failed != NULL && !run->is_closing) {
        run->on_failed(run, text);
    }
}

static void settle(struct callback_lane *lane, const struct err *err)
{
    lane->program = NULL;
    (void)uv_timer_stop(&lane->timer);
    tell(lane, err);
}

static void is_over(struct callback_lane *lane, const struct err *err)
{
    settle(lane, err);
    if (lane->next != NULL && !lane->run->is_closing) {
        start(lane);
    }
}

static void program_cb(struct act_program *program, void *owner, const char *last,
                       const struct err *err)
{
    (void)program;
    (void)last;
    is_over((struct callback_lane *)owner, err);
}

/* Killed, and in the kernel: the newer one is not held up by it. */
static void stuck_cb(uv_timer_t *timer)
{
    struct callback_lane *lane = CONTAINER_OF(timer, struct callback_lane, timer);
    struct err err = {.code = 0};
    act_program_abandon(TAKE(lane->program));
    lane->ended_for = "it was killed, and does not end";
    is_over(lane, &err);
}

static void end(struct callback_lane *lane, const char *why)
{
    if (lane->ended_for == NULL) {
        lane->ended_for = why;
        set_timer(lane, stuck_cb, END_MS);
        act_program_kill(lane->program);
    }
}

static void late_cb(uv_timer_t *timer)
{
    end(CONTAINER_OF(timer, struct callback_lane, timer), "it took too long, and was ended");
}

/* ---- its beginning ---- */

/* By a shell, as people write it: "/path/script --with words". */
static int spawn(struct callback_lane *lane, const struct callback_next *next, struct err *err)
{
    char *words[] = {mem_strdup("/usr/bin/env"),
                     mem_printf("PGRAFT_EPOCH=%" PRIu64, next->epoch),
                     mem_printf("PGRAFT_NAME=%s", next->name),
                     mem_strdup("/bin/sh"),
                     mem_strdup("-c"),
                     mem_printf("%s \"$@\"", next->command),
                     mem_strdup(callback_name(next->call.what)),
                     mem_strdup(callback_name(next->call.what)),
                     mem_strdup(callback_role_name(next->call.role)),
                     mem_strdup(next->scope),
                     NULL};
    const struct act_program_order order = {.helper = next->helper,
                                            .words = words,
                                            .is_script = true,
                                            .name = callback_name(next->call.what),
                                            .environment = next->environment};
    int code = act_program_start(lane->run->loop, &order, program_cb, lane, &lane->program, err);
    for (size_t i = 0; words[i] != NULL; i++) {
        mem_free(words[i]);
    }
    return code;
}

static void start(struct callback_lane *lane)
{
    struct err err = {.code = 0};
    struct callback_next *next = TAKE(lane->next);
    lane->ended_for = NULL;
    lane->began_ms = uv_now(lane->run->loop);
    (void)snprintf(lane->what, sizeof(lane->what), "%s %s", callback_name(next->call.what),
                   callback_role_name(next->call.role));
    log_info("supervisor", "callback begins", LOG_STR("callback", lane->what),
             LOG_STR("command", next->command));
    set_timer(lane, late_cb, RUN_MS);
    if (spawn(lane, next, &err) != 0) {
        settle(lane, &err);
    }
    next_free(next);
}

void callback_run_call(struct callback_run *run, const struct callback_order *order)
{
    MUST(!run->is_closing);
    struct callback_lane *lane = &run->lanes[order->call.what == CALLBACK_ON_RELOAD ? 1 : 0];
    struct callback_next *next = (struct callback_next *)mem_zalloc(sizeof(*next));
    *next = (struct callback_next){.call = order->call,
                                   .command = mem_strdup(order->command),
                                   .scope = mem_strdup(order->scope),
                                   .name = mem_strdup(order->name),
                                   .helper = mem_strdup(order->helper),
                                   .environment = order->environment,
                                   .epoch = order->epoch};
    next_free(lane->next);
    lane->next = next;
    if (lane->program != NULL) {
        end(lane, "it was ended, for a newer one is due");
    } else {
        start(lane);
    }
}

bool callback_run_is_idle(const struct callback_run *run)
{
    bool is_idle = true;
    for (size_t i = 0; i < CALLBACK_LANES; i++) {
        is_idle = is_idle && run->lanes[i].program == NULL && run->lanes[i].next == NULL;
    }
    return is_idle;
}

/* ---- open and close ---- */

/* What it does to whoever it was to tell: it was not told, or not to the end. */
static void cut_off(struct callback_lane *lane)
{
    if (lane->program != NULL) {
        log_warn("supervisor", "callback cut off", LOG_STR("callback", lane->what),
                 LOG_STR("text", "this program ends"),
                 LOG_U64("took_ms", uv_now(lane->run->loop) - lane->began_ms));
        act_program_abandon(TAKE(lane->program));
    }
    if (lane->next != NULL) {
        log_warn("supervisor", "callback not begun",
                 LOG_STR("callback", callback_name(lane->next->call.what)),
                 LOG_STR("role", callback_role_name(lane->next->call.role)),
                 LOG_STR("text", "this program ends"));
        next_free(TAKE(lane->next));
    }
}

void callback_run_open(struct callback_run *run, uv_loop_t *loop)
{
    *run = (struct callback_run){.loop = loop};
    for (size_t i = 0; i < CALLBACK_LANES; i++) {
        int r = uv_timer_init(loop, &run->lanes[i].timer);
        MUST(r == 0); /* never fails */
        run->lanes[i].run = run;
    }
}

static void timer_closed_cb(uv_handle_t *handle)
{
    struct callback_run *run = CONTAINER_OF(handle, struct callback_lane, timer)->run;
    if (--run->open_handles == 0 && run->on_closed != NULL) {
        run->on_closed(run);
    }
}

void callback_run_close(struct callback_run *run, void (*on_closed)(struct callback_run *run))
{
    MUST(!run->is_closing);
    run->is_closing = true;
    run->on_closed = on_closed;
    run->open_handles = CALLBACK_LANES;
    for (size_t i = 0; i < CALLBACK_LANES; i++) {
        struct callback_lane *lane = &run->lanes[i];
        cut_off(lane);
        uv_close((uv_handle_t *)&lane->timer, timer_closed_cb);
    }
}
