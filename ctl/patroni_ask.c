/* ctl/patroni_ask.c - three questions, one after the other, within one time. */
#include "ctl/patroni_ask.h"

#include "base/cleanup.h"
#include "base/clock.h"

struct asking {
    struct http *http;
    uint64_t end_ms;
    uint64_t timeout_ms;
};

/* An object, with status 200. */
static int get(const struct asking *a, const char *path, json_t **ret_value, struct err *err)
{
    struct http_answer answer = {0};
    uint64_t now_ms = clock_mono_ms(clock_system());
    uint64_t left_ms = a->end_ms > now_ms ? a->end_ms - now_ms : 1;
    const struct http_request request = {.method = "GET",
                                         .path = path,
                                         .timeout_ms = left_ms,
                                         .connect_ms = left_ms,
                                         .told_ms = a->timeout_ms};
    int rc = http_ask(a->http, &request, &answer, err);
    if (rc < 0) {
        return rc;
    }
    json_t *value = json_loadb(buf_text(&answer.body), answer.body.size, 0, NULL);
    buf_close(&answer.body);
    if (answer.status != 200 || !json_is_object(value)) {
        json_decref(value);
        return err_set(err, ERR_INVALID, "%s%s: status %d%s", http_name(a->http), path,
                       answer.status, answer.status == 200 ? ", and no JSON object" : "");
    }
    *ret_value = value;
    return 0;
}

int patroni_ask(struct http *http, uint64_t timeout_ms, struct patroni_told *told, struct err *err)
{
    const struct asking a = {.http = http,
                             .end_ms = clock_mono_ms(clock_system()) + timeout_ms,
                             .timeout_ms = timeout_ms};
    int rc = get(&a, "/patroni", &told->node, err);
    rc = rc < 0 ? rc : get(&a, "/cluster", &told->cluster, err);
    return rc < 0 ? rc : get(&a, "/config", &told->dynamic, err);
}

void patroni_told_close(struct patroni_told *told)
{
    json_decref(told->node);
    json_decref(told->cluster);
    json_decref(told->dynamic);
    *told = (struct patroni_told){.node = NULL};
}
