/* daemon/http_explain.c - POST /pgraft/v1/config/explain: what this node goes by, and where it is
 * from. */
#include "daemon/http_internal.h"

static void told(void *owner, const struct err *err, const struct buf *answer)
{
    struct http_request *r = owner;
    r->ended = NULL;
    if (r->answered) {
        return;
    }
    if (err != NULL) {
        http_fail(r, err->code, "%s", err->msg);
        return;
    }
    buf_append(&r->out, buf_text(answer), answer->size);
    http_answer(r, 200);
}

static void forget(struct http_request *r)
{
    const struct http_explain *door = &r->http->settings.explain;
    door->forget(door->ctx, r);
}

void http_explain(struct http_request *r)
{
    const struct http_explain *door = &r->http->settings.explain;
    const char *name = NULL;
    struct err err = {0};
    const struct json_in_field fields[] = {{"name", JSON_IN_TEXT, &name, NULL}};
    if (!http_take(r, fields, 1)) {
        return;
    }
    if (door->begin == NULL) {
        http_fail(r, ERR_NOT_FOUND, "this program can not tell where its settings come from");
        return;
    }
    r->ended = forget;
    int code = door->begin(door->ctx, name, told, r, &err);
    if (code != 0) {
        r->ended = NULL;
        http_fail(r, code, "%s", err.msg);
        return;
    }
    r->waits = !r->answered;
}
