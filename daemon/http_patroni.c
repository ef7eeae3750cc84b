/* daemon/http_patroni.c - Patroni's paths on this server: the newest view, handed to patroni_*.c.
 *
 * A node that supervises no PostgreSQL says so: what needs one is 503, what the store answers by
 * itself (/health, /liveness, /readiness) stays the store's. */
#include <string.h>

#include "base/clock.h"
#include "daemon/http_internal.h"
#include "daemon/patroni.h"

#define PARAMETERS_MAX 32

static const char nothing[] = "this node supervises no PostgreSQL";

const struct cluster_view *http_patroni_view(const struct http_request *r)
{
    struct view_board *board = r->http->settings.board;
    return board != NULL ? view_board_read(board) : NULL;
}

static uint64_t now_ms(void)
{
    return clock_boot_ms(clock_system());
}

struct parameters {
    struct patroni_parameter at[PARAMETERS_MAX];
    size_t count;
};

static enum MHD_Result take(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct parameters *p = cls;
    (void)kind;
    if (p->count == PARAMETERS_MAX) {
        return MHD_NO;
    }
    p->at[p->count] = (struct patroni_parameter){key, value != NULL ? value : ""};
    p->count++;
    return MHD_YES;
}

static struct patroni_query query_of(struct http_request *r, struct parameters *room)
{
    (void)MHD_get_connection_values(r->mhd, MHD_GET_ARGUMENT_KIND, take, room);
    return (struct patroni_query){room->at, room->count};
}

/* ---- with a PostgreSQL ---- */

bool http_patroni_supervises(const struct http_request *r)
{
    const struct cluster_view *view = http_patroni_view(r);
    return view != NULL && view->self.supervises;
}

bool http_patroni_stalls(const struct http_request *r)
{
    const struct cluster_view *view = http_patroni_view(r);
    return view != NULL && view->self.supervises && view->published_boot_ms != 0 &&
           view_is_stale(view, now_ms());
}

void http_patroni_health(struct http_request *r, enum patroni_path path)
{
    struct parameters room = {.count = 0};
    const struct cluster_view *view = http_patroni_view(r);
    struct patroni_query query = query_of(r, &room);
    uint64_t boot_ms = now_ms();
    patroni_put_status(&r->out, view, boot_ms);
    http_answer(r, patroni_code(path, &query, view, boot_ms));
}

/* ---- without ---- */

static void answer_without(struct http_request *r)
{
    http_put_node(r, "running", nothing);
    http_answer(r, r->face == PATRONI_STATUS ? 200 : 503);
}

/* ---- all of them ---- */

static void answer_list(struct http_request *r)
{
    struct parameters room = {.count = 0};
    const struct cluster_view *view = http_patroni_view(r);
    if (view == NULL) {
        http_fail_status(r, 503, ERR_REFUSED, nothing);
        return;
    }
    if (r->face == PATRONI_HISTORY) {
        patroni_put_history(&r->out, view);
    } else {
        struct patroni_query query = query_of(r, &room);
        const char *wish = patroni_value(&query, "witness");
        patroni_put_cluster(&r->out, view, wish != NULL && strcmp(wish, "1") == 0, now_ms());
    }
    http_answer(r, 200);
}

static void answer_status(struct http_request *r)
{
    const struct cluster_view *view = http_patroni_view(r);
    if (view == NULL) {
        answer_without(r);
        return;
    }
    if (view->self.supervises) {
        http_patroni_health(r, r->face);
        return;
    }
    patroni_put_status(&r->out, view, now_ms());
    http_answer(r, r->face == PATRONI_STATUS ? 200 : 503);
}

void http_patroni(struct http_request *r)
{
    switch (r->face) {
        case PATRONI_HEALTH:
            http_node_health(r);
            return;
        case PATRONI_LIVENESS:
            http_liveness(r);
            return;
        case PATRONI_READINESS:
            http_readiness(r);
            return;
        case PATRONI_METRICS:
            http_metrics(r);
            return;
        case PATRONI_CLUSTER:
        case PATRONI_HISTORY:
            answer_list(r);
            return;
        case PATRONI_CONFIG:
            http_config_get(r);
            return;
        case PATRONI_NONE:
        case PATRONI_SWITCHOVER: /* these have functions of their own */
        case PATRONI_FAILOVER:
        case PATRONI_RESTART:
        case PATRONI_RELOAD:
        case PATRONI_REINITIALIZE:
        case PATRONI_FAILSAFE:
        case PATRONI_PRIMARY:
        case PATRONI_LEADER:
        case PATRONI_STANDBY_LEADER:
        case PATRONI_REPLICA:
        case PATRONI_READ_ONLY:
        case PATRONI_SYNC:
        case PATRONI_READ_ONLY_SYNC:
        case PATRONI_QUORUM:
        case PATRONI_READ_ONLY_QUORUM:
        case PATRONI_ASYNC:
        case PATRONI_STATUS:
            answer_status(r);
            return;
    }
}

/* ---- ours ---- */

static void put_nothing(struct http_request *r)
{
    json_put_open(&r->out, NULL, '{');
    json_put_bool(&r->out, "supervised", false);
    json_put_text(&r->out, "name", r->http->settings.name);
    json_put_text(&r->out, "scope", r->http->settings.scope);
    json_put_text(&r->out, "note", nothing);
    json_put_close(&r->out, '}');
}

void http_view(struct http_request *r)
{
    const struct cluster_view *view = http_patroni_view(r);
    if (!http_take_parameters(r)) {
        return;
    }
    if (view != NULL) {
        patroni_put_view(&r->out, view, now_ms());
    } else {
        put_nothing(r);
    }
    http_answer(r, 200);
}

void http_events(struct http_request *r)
{
    struct parameters room = {.count = 0};
    struct patroni_query query = query_of(r, &room);
    const struct cluster_view *view = http_patroni_view(r);
    uint64_t after = 0;
    bool good = query.count <= 1;
    for (size_t i = 0; i < query.count; i++) {
        good = good && strcmp(query.at[i].key, "after") == 0 &&
               json_in_decimal(query.at[i].value, &after);
    }
    if (!good) {
        http_fail(r, ERR_INVALID, "one parameter is known here: after, with a number");
        return;
    }
    if (view != NULL) {
        patroni_put_events(&r->out, view, after);
    } else {
        put_nothing(r);
    }
    http_answer(r, 200);
}
