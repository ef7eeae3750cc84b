/* daemon/http_upgrade.c - the program that runs here, and asking for the new one: POST begins, GET
 * says how far it is. Whoever asked sees by began_ms that another life answers. */
#include "daemon/http_internal.h"

static void tell(struct http_request *r)
{
    const struct http_upgrade *door = &r->http->settings.upgrade;
    json_put_open(&r->out, NULL, '{');
    json_put_text(&r->out, "name", r->http->settings.name);
    door->tell(door->ctx, &r->out);
    json_put_close(&r->out, '}');
    http_answer(r, 200);
}

static bool is_there(struct http_request *r)
{
    if (r->http->settings.upgrade.begin == NULL) {
        http_fail(r, ERR_NOT_FOUND, "this program can not be upgraded");
        return false;
    }
    return true;
}

void http_upgrade(struct http_request *r)
{
    const struct http_upgrade *door = &r->http->settings.upgrade;
    struct err err = {0};
    if (!http_take(r, NULL, 0) || !is_there(r)) {
        return;
    }
    int code = door->begin(door->ctx, &err);
    if (code != 0 && code != ERR_BUSY) { /* that one is told */
        http_fail(r, code, "%s", err.msg);
        return;
    }
    tell(r);
}

void http_life(struct http_request *r)
{
    if (http_take_parameters(r) && is_there(r)) {
        tell(r);
    }
}
