/* daemon/http_node.c - is this node well? For load balancers, service managers and pgraftctl.
 *
 * A node without PostgreSQL is healthy when it runs, alive when its consensus thread is, and ready
 * when it is a member of a cluster that has a leader. One with it is asked about PostgreSQL
 * (http_patroni.c), and alive when its supervisor is, too. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "daemon/http_internal.h"

/* A consensus thread that is well answers within this. */
#define BEAT_MS 3000

void http_put_node(struct http_request *r, const char *state, const char *note)
{
    const struct http_settings *s = &r->http->settings;
    json_put_open(&r->out, NULL, '{');
    json_put_text(&r->out, "state", state);
    json_put_text(&r->out, "role", s->is_witness ? "witness" : "voter");
    json_put_open(&r->out, "patroni", '{');
    json_put_text(&r->out, "version", pgraft_version());
    json_put_text(&r->out, "scope", s->scope);
    json_put_text(&r->out, "name", s->name);
    json_put_close(&r->out, '}');
    if (note != NULL) {
        json_put_text(&r->out, "note", note);
    }
    json_put_close(&r->out, '}');
}

void http_node_health(struct http_request *r)
{
    if (http_patroni_supervises(r)) {
        http_patroni_health(r, PATRONI_HEALTH);
        return;
    }
    http_put_node(r, "running", NULL);
    http_answer(r, 200);
}

/* ---- /liveness ---- */

static void alive(struct http_request *r, const struct pgraft_result *result)
{
    bool is_alive = result->status == 0 && !http_patroni_stalls(r);
    http_put_node(r, is_alive ? "running" : "stalled", NULL);
    http_answer(r, is_alive ? 200 : 503);
}

/* The consensus thread answers, whatever it says. */
void http_liveness(struct http_request *r)
{
    struct pgraft_error error = {0};
    r->timeout_ms = BEAT_MS;
    struct pgraft_call call = http_call(r, alive);
    http_asked(r, pgraft_status(r->http->store, false, &call, &r->asked, &error), &error);
}

/* ---- /readiness ---- */

static void ready(struct http_request *r, const struct pgraft_result *result)
{
    const struct pgraft_status *s = result->state;
    bool is_ready =
        result->status == 0 && s->phase == PGRAFT_MEMBER && s->leader != 0 && s->has_quorum;
    http_put_node(r, is_ready ? "running" : "waiting", NULL);
    http_answer(r, is_ready ? 200 : 503);
}

void http_readiness(struct http_request *r)
{
    if (http_patroni_supervises(r)) {
        http_patroni_health(r, PATRONI_READINESS);
        return;
    }
    struct pgraft_error error = {0};
    struct pgraft_call call = http_call(r, ready);
    http_asked(r, pgraft_status(r->http->store, false, &call, &r->asked, &error), &error);
}

/* ---- /pgraft/v1/since ---- */

static void since(struct http_request *r, const struct pgraft_result *result)
{
    struct pgraft_figures figures;
    const struct pgraft_status *s = result->state;
    if (result->status != 0) {
        http_fail_result(r, result);
        return;
    }
    if (s->phase == PGRAFT_REMOVED || s->phase == PGRAFT_REFUSED) { /* what it has applied is old */
        http_fail(r, ERR_CLOSED, "%s", s->text);
        return;
    }
    pgraft_figures(r->http->store, &figures);
    if (figures.applied_index == 0) {
        http_fail_no_member(r);
        return;
    }
    json_put_open(&r->out, NULL, '{');
    json_put_number(&r->out, "since", figures.applied_index);
    json_put_close(&r->out, '}');
    http_answer(r, 200);
}

void http_since(struct http_request *r)
{
    struct pgraft_error error = {0};
    if (!http_take_parameters(r)) {
        return;
    }
    struct pgraft_call call = http_call(r, since);
    http_asked(r, pgraft_status(r->http->store, false, &call, &r->asked, &error), &error);
}

/* ---- /pgraft/v1/health ---- */

static void told(struct http_request *r, const struct pgraft_result *result)
{
    const uint64_t *read_us = r->state;
    if (result->status != 0) {
        http_fail_result(r, result);
        return;
    }
    const struct pgraft_status *s = result->state;
    struct pgraft_figures figures;
    pgraft_figures(r->http->store, &figures);
    json_put_open(&r->out, NULL, '{');
    json_put_bool(&r->out, "healthy", true);
    json_put_text(&r->out, "name", r->http->settings.name);
    json_put_id(&r->out, "id", s->id);
    json_put_text(&r->out, "leader", s->leader != 0 ? s->leader_name : NULL);
    json_put_number(&r->out, "term", s->term);
    json_put_number(&r->out, "applied", figures.applied_index);
    json_put_fraction(&r->out, "read_ms", *read_us);
    json_put_close(&r->out, '}');
    http_answer(r, 200);
}

static uint64_t now_us(void)
{
    return clock_ns(clock_system(), CLOCK_MONO) / 1000;
}

static void confirmed(struct http_request *r, const struct pgraft_result *result)
{
    uint64_t *read_us = r->state;
    struct pgraft_error error = {0};
    *read_us = now_us() - *read_us;
    if (result->status != 0) {
        http_fail_result(r, result);
        return;
    }
    struct pgraft_call call = http_call(r, told);
    http_asked(r, pgraft_status(r->http->store, false, &call, &r->asked, &error), &error);
}

void http_store_health(struct http_request *r)
{
    struct pgraft_error error = {0};
    if (!http_take_parameters(r)) {
        return;
    }
    uint64_t *began_us = mem_alloc(sizeof(*began_us));
    *began_us = now_us();
    r->state = began_us;
    r->free_state = mem_free;
    struct pgraft_call call = http_call(r, confirmed);
    http_asked(r, pgraft_health(r->http->store, 0, &call, &r->asked, &error), &error);
}
