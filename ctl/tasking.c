/* ctl/tasking.c - one member asked, one line said. */
#include "ctl/tasking.h"

#include "base/cleanup.h"
#include "ctl/ask.h"
#include "ctl/cluster_view.h"
#include "ctl/member_ask.h"
#include "ctl/output.h"

void tasking_close(struct tasking *t)
{
    json_decref(t->members);
    json_decref(t->view);
    ctl_close(&t->ctl);
}

int tasking_say(const char *line, struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    buf_printf(&out, "%s\n", line);
    return cli_put(&out, err);
}

bool tasking_asks(const struct tasking *t)
{
    return !cli_given(t->call, "force");
}

void tasking_answer_close(struct tasking_answer *a)
{
    buf_close(&a->text);
}

void tasking_ask(struct tasking *t, json_t *member, const char *path, json_t *body,
                 uint64_t timeout_ms, struct tasking_answer *a)
{
    CLEANUP(ask_closep) struct ask *ask = NULL;
    struct ask_said said = {0};
    struct err why = {0};
    int rc = member_ask_open(&t->ctl, t->view, member, timeout_ms, &ask, &why);
    rc = rc < 0 ? rc : ask_words(ask, path, body, timeout_ms, &said, &why);
    buf_clear(&a->text);
    output_text(&a->text, rc < 0 ? why.msg : buf_text(&said.text));
    a->status = rc < 0 ? 0 : said.status;
    buf_close(&said.text);
}

int tasking_failed(struct tasking *t, const char *action, json_t *member,
                   const struct tasking_answer *a, struct err *err)
{
    CLEANUP(buf_close) struct buf line = {0};
    t->has_failed = true;
    buf_printf(&line, "Failed: %s for member %s, ", action, view_text(member, "name"));
    if (a->status != 0) {
        buf_printf(&line, "status code=%d, (%s)", a->status, buf_text(&a->text));
    } else {
        buf_str(&line, buf_text(&a->text));
    }
    return tasking_say(buf_text(&line), err);
}

int tasking_succeeded(const char *what, json_t *member, struct err *err)
{
    CLEANUP(buf_close) struct buf line = {0};
    buf_printf(&line, "Success: %s member %s", what, view_text(member, "name"));
    return tasking_say(buf_text(&line), err);
}

int tasking_end(const struct tasking *t, int rc)
{
    return rc == 0 && t->has_failed ? 1 : rc;
}
