/* ctl/tasking.c - one member asked, one line said. */
#include "ctl/tasking.h"

#include <string.h>

#include "base/cleanup.h"
#include "ctl/ask.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/member_ask.h"
#include "ctl/output.h"
#include "ctl/progress.h"

#define OUTCOME_UNKNOWN 3           /* the exit status */
#define RESTART_MS UINT64_C(900000) /* for its answer, which comes when it has ended */
#define RESTART_MORE_MS 240000      /* ... beside --timeout: checkpoint and shutdown before */
#define UNMET "restart conditions are not satisfied" /* as a node says it (patroni_restart.c) */

void tasking_close(struct tasking *t)
{
    json_decref(t->members);
    json_decref(t->view);
    ctl_close(&t->ctl);
}

bool tasking_asks(const struct tasking *t)
{
    return !cli_given(t->call, "force");
}

void tasking_answer_close(struct tasking_answer *a)
{
    buf_close(&a->text);
}

void tasking_put_name(json_t *member, struct buf *out)
{
    output_text(out, view_text(member, "name"));
}

static void put_name(const struct tasking *t, size_t i, struct buf *out)
{
    tasking_put_name(json_array_get(t->members, i), out);
}

void tasking_put_after(const struct tasking *t, struct buf *out)
{
    const char *before = t->lasts ? "; not begun: " : "; not asked: ";
    buf_str(out, t->lasts ? "the " : "whether the ");
    buf_printf(out, "%s of ", t->what);
    put_name(t, t->current, out);
    buf_str(out, t->lasts ? " goes on at its node, and pgraftctl list shows it"
                          : " was taken is not known; to repeat it does no harm");
    for (size_t i = t->current + 1; i < json_array_size(t->members); i++) {
        buf_str(out, before);
        put_name(t, i, out);
        before = ", ";
    }
}

/* Somebody between us and the node, which may have heard of it. */
static bool is_of_a_gateway(int status)
{
    return status == 502 || status == 504;
}

void tasking_ask(struct tasking *t, json_t *member, const char *path, json_t *body,
                 uint64_t timeout_ms, struct tasking_answer *a)
{
    CLEANUP(ask_closep) struct ask *ask = NULL;
    struct ask_said said = {0};
    CLEANUP(buf_close) struct buf doing = {0};
    CLEANUP(buf_close) struct buf after = {0};
    struct err why = {0};
    buf_printf(&doing, "%s of ", t->what);
    tasking_put_name(member, &doing);
    tasking_put_after(t, &after);
    progress_begin(buf_text(&doing), buf_text(&after));
    int rc = member_ask_open(&t->ctl, t->view, member, timeout_ms, &ask, &why);
    rc = rc < 0 ? rc : ask_words(ask, path, body, timeout_ms, &said, &why);
    progress_end();
    buf_clear(&a->text);
    output_text(&a->text, rc < 0 ? why.msg : buf_text(&said.text));
    a->status = rc < 0 ? 0 : said.status;
    a->is_unknown = rc < 0 ? err_may_be_applied(rc) : is_of_a_gateway(said.status);
    buf_close(&said.text);
}

static int say_failed(const char *action, json_t *member, const struct tasking_answer *a,
                      struct err *err)
{
    CLEANUP(buf_close) struct buf line = {0};
    buf_printf(&line, "Failed: %s for member ", action);
    tasking_put_name(member, &line);
    if (a->status != 0) {
        buf_printf(&line, ", status code=%d, (%s)", a->status, buf_text(&a->text));
    } else {
        buf_printf(&line, ", %s", buf_text(&a->text));
    }
    return cmd_line(buf_text(&line), err);
}

int tasking_failed(struct tasking *t, const char *action, json_t *member,
                   const struct tasking_answer *a, struct err *err)
{
    t->has_failed = true;
    t->is_unknown = t->is_unknown || a->is_unknown;
    return say_failed(action, member, a, err);
}

int tasking_succeeded(const char *what, json_t *member, struct err *err)
{
    CLEANUP(buf_close) struct buf line = {0};
    buf_printf(&line, "Success: %s member ", what);
    tasking_put_name(member, &line);
    return cmd_line(buf_text(&line), err);
}

void tasking_put_timeout(const struct tasking *t, json_t *body)
{
    if (cli_given(t->call, "timeout")) {
        uint64_t seconds = (t->ctl.timeout_ms + 999) / 1000;
        cmd_set(body, "timeout", json_integer((json_int_t)seconds));
    }
}

/* It was asked for where a condition holds, and there it does not. Patroni's line says "Failed",
 * but what was asked for is done. */
static bool is_unmet(json_t *body, const struct tasking_answer *a)
{
    bool has_condition = json_object_get(body, "restart_pending") != NULL ||
                         json_object_get(body, "postgres_version") != NULL;
    return has_condition && a->status == 503 && strcmp(buf_text(&a->text), UNMET) == 0;
}

int tasking_restart(struct tasking *t, json_t *member, json_t *body, struct err *err)
{
    CLEANUP(tasking_answer_close) struct tasking_answer a = {.status = 0};
    bool is_given = cli_given(t->call, "timeout");
    tasking_ask(t, member, "/restart", body,
                is_given ? t->ctl.timeout_ms + RESTART_MORE_MS : RESTART_MS, &a);
    if (a.status == 200) {
        return tasking_succeeded("restart on", member, err);
    }
    return is_unmet(body, &a) ? say_failed("restart", member, &a, err)
                              : tasking_failed(t, "restart", member, &a, err);
}

int tasking_end(const struct tasking *t, int rc)
{
    return rc == 0 && t->has_failed ? t->is_unknown ? OUTCOME_UNKNOWN : 1 : rc;
}
