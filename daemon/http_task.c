/* daemon/http_task.c - what Patroni's commands have this node do with its own PostgreSQL: POST and
 * DELETE /restart and /reinitialize, POST /reload.
 *
 *   judged --> begun by the supervisor --> a restart: looked at until it has ended --> told
 *                      '--> for later: looked at until it is on disk --> told
 *
 * Texts and codes are Patroni's (patroni_restart.h, supervisor/task.h), also that they are no JSON.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/scalar.h"
#include "daemon/http_internal.h"
#include "daemon/patroni_restart.h"

#define LOOK_MS 50

/* What is waited for: the end of a restart, or the file of one for later. */
struct waiting {
    struct http_request *r;
    int (*ended)(void *ctx, uint64_t id, struct err *err); /* ERR_BUSY: not yet */
    unsigned status;                                       /* of its good end ... */
    const char *text;
    uint64_t id;
    uv_timer_t *timer; /* NULL: over */
};

static const struct http_tasks *tasks_of(struct http_request *r)
{
    const struct http_tasks *tasks = &r->http->settings.tasks;
    if (tasks->restart == NULL || !http_patroni_supervises(r)) {
        http_fail_status(r, 503, ERR_REFUSED, "this node supervises no PostgreSQL");
        return NULL;
    }
    return tasks;
}

/* ---- restart ---- */

static void ended(struct http_request *r)
{
    struct waiting *w = r->state;
    if (w->timer != NULL) {
        w->timer->data = r->http;
        uv_close((uv_handle_t *)w->timer, http_free_handle);
        w->timer = NULL;
    }
}

static void on_look(uv_timer_t *timer)
{
    struct waiting *w = timer->data;
    struct http_request *r = w->r;
    struct err err = {0};
    int code = w->ended(r->http->settings.tasks.ctx, w->id, &err);
    if (code == ERR_BUSY) {
        return;
    }
    ended(r);
    http_say(r, code == 0 ? w->status : 503, code == 0 ? w->text : err.msg);
}

static void wait_for(struct http_request *r, const struct waiting *what)
{
    struct waiting *w = mem_zalloc(sizeof(*w));
    *w = *what;
    w->r = r;
    w->timer = mem_zalloc(sizeof(*w->timer));
    int rc = uv_timer_init(r->http->loop, w->timer);
    MUST(rc == 0);
    http_handle_opened(r->http);
    w->timer->data = w;
    rc = uv_timer_start(w->timer, on_look, LOOK_MS, LOOK_MS);
    MUST(rc == 0);
    r->state = w;
    r->free_state = mem_free;
    r->ended = ended;
    r->waits = true;
}

static void restart_now(struct http_request *r, const struct http_tasks *tasks,
                        const struct restart_order *order)
{
    struct err err = {0};
    struct waiting w = {.ended = tasks->ended, .status = 200, .text = "restarted successfully"};
    if (tasks->restart(tasks->ctx, order->timeout_ms, &w.id, &err) != 0) {
        http_say(r, 503, err.msg);
    } else {
        wait_for(r, &w);
    }
}

static void restart_later(struct http_request *r, const struct http_tasks *tasks,
                          const struct restart_order *order)
{
    struct err err = {0};
    struct waiting w = {.ended = tasks->kept, .status = 202, .text = "Restart scheduled"};
    int code = tasks->restart_later(tasks->ctx, order, &w.id, &err);
    if (code != 0) {
        http_say(r, code == ERR_EXISTS ? 409 : 503, err.msg);
    } else {
        wait_for(r, &w);
    }
}

void http_restart(struct http_request *r)
{
    struct restart_verdict verdict;
    const struct http_tasks *tasks = tasks_of(r);
    const struct cluster_view *view = http_patroni_view(r);
    if (tasks == NULL) {
        return;
    }
    restart_judge(r->json, view, clock_wall_ms(clock_system()), &verdict);
    if (verdict.status != 0) {
        http_say(r, verdict.status, verdict.text);
    } else if (verdict.order.at[0] != '\0') {
        restart_later(r, tasks, &verdict.order);
    } else {
        restart_now(r, tasks, &verdict.order);
    }
}

void http_restart_delete(struct http_request *r)
{
    struct err err = {0};
    const struct http_tasks *tasks = tasks_of(r);
    if (tasks == NULL) {
        return;
    }
    struct waiting w = {.ended = tasks->kept, .status = 200, .text = "scheduled restart deleted"};
    int code = tasks->restart_never(tasks->ctx, &w.id, &err);
    if (code != 0) {
        http_say(r, code == ERR_NOT_FOUND ? 404 : 503, err.msg);
    } else {
        wait_for(r, &w);
    }
}

/* ---- reload ---- */

void http_reload_node(struct http_request *r)
{
    const struct http_tasks *tasks = &r->http->settings.tasks;
    if (tasks->reload == NULL) {
        http_fail_status(r, 503, ERR_REFUSED, "this program can not be told to reload");
        return;
    }
    tasks->reload(tasks->ctx);
    http_say(r, 202, "reload scheduled");
}

/* ---- reinitialize ---- */

/* A truth, also as a text. False: it is none, and that is answered. */
static bool take_truth(struct http_request *r, const char *name, bool *ret_value)
{
    const json_t *value = json_object_get(r->json, name);
    const char *text = json_string_value(value);
    *ret_value = *ret_value || json_is_true(value);
    bool is_good = value == NULL || json_is_null(value) || json_is_boolean(value);
    if (text != NULL) {
        bool truth = false;
        is_good = scalar_bool(text, &truth, NULL) == 0;
        *ret_value = *ret_value || truth;
    }
    if (!is_good) {
        CLEANUP(mem_freep) char *why = mem_printf("%s: true or false is expected", name);
        http_say(r, 400, why);
    }
    return is_good;
}

void http_reinitialize(struct http_request *r)
{
    struct err err = {0};
    bool force = false;
    bool from_leader = false;
    const struct http_tasks *tasks = tasks_of(r);
    if (tasks == NULL || !take_truth(r, "force", &force) ||
        !take_truth(r, "from_leader", &from_leader) ||
        !take_truth(r, "from-leader", &from_leader)) { /* as Patroni's manual has it */
        return;
    }
    int code = tasks->reinitialize(tasks->ctx, force, from_leader, &err);
    http_say(r, code == 0 ? 200 : 503, code == 0 ? "reinitialize started" : err.msg);
}

void http_reinitialize_delete(struct http_request *r)
{
    struct err err = {0};
    const struct http_tasks *tasks = tasks_of(r);
    if (tasks == NULL) {
        return;
    }
    int code = tasks->keep_copy(tasks->ctx, &err);
    http_say(r,
             code == 0               ? 200
             : code == ERR_NOT_FOUND ? 404
                                     : 409,
             code == 0 ? "reinitialize canceled" : err.msg);
}
