/* supervisor/supervisor_task.c - an operator's restart or new copy: begun, followed and told of
 * (task.h). */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/supervisor_parts.h"

static void tell(struct supervisor *s, const char *what)
{
    struct view_event event = {.wall_ms = clock_wall_ms(clock_system()), .node = s->facts.self};
    bool is_clone = s->task.kind == TASK_CLONE;
    log_info("supervisor", is_clone ? "reinitialize" : "restart", LOG_STR("text", what));
    view_text_set(event.kind, sizeof(event.kind), is_clone ? "reinitialize" : "restart");
    view_text_set(event.text, sizeof(event.text), what);
    view_add_event(s->view, &event);
}

int supervisor_takes_orders(const struct supervisor *s, struct err *err)
{
    if (!s->supervises) {
        return err_set(err, ERR_REFUSED, "this node supervises no PostgreSQL");
    }
    return s->is_stopping || s->is_closing ? err_set(err, ERR_REFUSED, "this node is stopping") : 0;
}

/* What no task may begin beside. */
static int check(const struct supervisor *s, struct err *err)
{
    int code = supervisor_takes_orders(s, err);
    return code != 0 || s->upgrade.stage == UPGRADE_NONE
               ? code
               : err_set(err, ERR_REFUSED, "upgrade already in progress");
}

int supervisor_restart(struct supervisor *s, uint64_t timeout_ms, uint64_t *ret_id, struct err *err)
{
    char why[TASK_TEXT_SIZE];
    int code = check(s, err);
    if (code == 0 && !task_may_restart(&s->task, &s->facts, why)) {
        code = err_set(err, ERR_REFUSED, "%s", why);
    }
    if (code == 0) {
        task_restart(&s->task, supervisor_now_ms(), timeout_ms, &s->facts);
        *ret_id = s->task.id;
        tell(s, "an operator has PostgreSQL restarted");
        supervisor_soon(s);
    }
    return code;
}

static bool is_coming_back(const struct supervisor *s)
{
    return s->act.is_running && !s->is_looking_home &&
           s->act.order.decision.action == ACTION_RETURN;
}

int supervisor_reinitialize(struct supervisor *s, bool force, bool from_leader, struct err *err)
{
    char why[TASK_TEXT_SIZE];
    int code = check(s, err);
    if (code == 0 && !task_may_clone(&s->task, &s->facts, force, why)) {
        code = err_set(err, ERR_REFUSED, "%s", why);
    }
    if (code == 0) {
        bool is_copying = is_coming_back(s);
        task_clone(&s->task, supervisor_now_ms(), from_leader);
        tell(s, "an operator has this node's data discarded and cloned anew");
        if (is_copying) {
            act_cancel(&s->act);
        }
        supervisor_soon(s);
    }
    return code;
}

int supervisor_keep_copy(struct supervisor *s, struct err *err)
{
    char why[TASK_TEXT_SIZE];
    bool is_begun = is_coming_back(s);
    if (is_begun && s->task.kind == TASK_CLONE && act_is_work_inside(&s->act.order.decision)) {
        s->task.is_torn = true; /* since the last look */
    }
    if (task_cancel_clone(&s->task, supervisor_now_ms(), &s->facts, is_begun, why)) {
        tell(s, s->task.why);
        supervisor_soon(s);
        return 0;
    }
    return why[0] != '\0' ? err_set(err, ERR_REFUSED, "%s", why)
                          : err_set(err, ERR_NOT_FOUND, "no reinitialize is pending");
}

int supervisor_task_ended(const struct supervisor *s, uint64_t id, struct err *err)
{
    if (s->task.id != id) {
        return err_set(err, ERR_REFUSED, "restart failed: another task took its place");
    }
    if (s->task.end == TASK_RUNS) {
        return err_set(err, ERR_BUSY, "it is under way");
    }
    return s->task.end == TASK_DONE ? 0 : err_set(err, ERR_REFUSED, "%s", s->task.why);
}

void supervisor_gather_task(struct supervisor *s, uint64_t now_ms, struct facts *f)
{
    enum task_end before = s->task.end;
    enum task_kind kind = s->task.kind;
    task_step(&s->task, now_ms, f);
    if (kind == TASK_CLONE && s->task.kind == TASK_RESTART) {
        tell(s, s->task.why); /* it is started again */
    }
    /* What is started after a clone, or in its place, is a start, not a restart. */
    s->scripts.restarts = s->task.end == TASK_RUNS && s->task.kind == TASK_RESTART &&
                          !s->task.is_torn && !s->task.was_up;
    if (before == TASK_RUNS && s->task.end != TASK_RUNS) {
        tell(s, s->task.end == TASK_DONE ? "PostgreSQL has started again" : s->task.why);
    }
}

void supervisor_show_task(const struct supervisor *s, struct view_task *out)
{
    enum task_end end = task_outcome(&s->task);
    *out = (struct view_task){
        .id = s->task.id, .is_clone = s->task.was_clone, .is_over = end != TASK_RUNS};
    view_text_set(out->why, sizeof(out->why), end == TASK_FAILED ? s->task.why : "");
}
