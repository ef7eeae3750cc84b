/* daemon/http_routes.c - every path there is, and the members and parameters that all have. */
#include <stdio.h>
#include <string.h>

#include "base/cli.h"
#include "base/must.h"
#include "daemon/http_internal.h"

static const struct http_route routes[] = {
    {.path = "/raft", .rule = HTTP_OPEN, .run = http_raft},
    {.path = "/health", .rule = HTTP_OPEN, .any_parameters = true, .run = http_node_health},
    {.path = "/liveness", .rule = HTTP_OPEN, .any_parameters = true, .run = http_liveness},
    {.path = "/readiness", .rule = HTTP_OPEN, .any_parameters = true, .run = http_readiness},
    {.path = "/metrics", .rule = HTTP_OPEN, .any_parameters = true, .run = http_metrics},
    {.path = "/pgraft/v1/health", .rule = HTTP_OPEN, .run = http_store_health},
    {.path = "/pgraft/v1/since", .rule = HTTP_OPEN, .run = http_since},
    {.path = "/pgraft/v1/view", .rule = HTTP_OPEN, .run = http_view},
    {.path = "/pgraft/v1/events", .rule = HTTP_OPEN, .run = http_events},
    {"/pgraft/v1/config/explain", HTTP_POST, false, HTTP_WRITE, false, http_explain},
    {.path = "/pgraft/v1/snapshot", .rule = HTTP_WRITE, .run = http_snapshot},
    {.path = "/pgraft/v1/kv/get", .method = HTTP_POST, .rule = HTTP_WRITE, .run = http_kv_get},
    {.path = "/pgraft/v1/kv/range", .method = HTTP_POST, .rule = HTTP_WRITE, .run = http_kv_range},
    {"/pgraft/v1/kv/put", HTTP_POST, true, HTTP_WRITE, false, http_kv_put},
    {"/pgraft/v1/kv/delete", HTTP_POST, true, HTTP_WRITE, false, http_kv_delete},
    {"/pgraft/v1/kv/txn", HTTP_POST, true, HTTP_WRITE, false, http_kv_txn},
    {.path = "/pgraft/v1/kv/compact",
     .method = HTTP_POST,
     .rule = HTTP_WRITE,
     .run = http_kv_compact},
    {.path = "/pgraft/v1/kv/watch", .method = HTTP_POST, .rule = HTTP_WRITE, .run = http_watch},
    {"/pgraft/v1/lease/grant", HTTP_POST, true, HTTP_WRITE, false, http_lease_grant},
    {"/pgraft/v1/lease/keepalive", HTTP_POST, false, HTTP_WRITE, false, http_lease_keepalive},
    {"/pgraft/v1/lease/revoke", HTTP_POST, true, HTTP_WRITE, false, http_lease_revoke},
    {.path = "/pgraft/v1/lease/list",
     .method = HTTP_POST,
     .rule = HTTP_WRITE,
     .run = http_lease_list},
    {.path = "/pgraft/v1/lease/show",
     .method = HTTP_POST,
     .rule = HTTP_WRITE,
     .run = http_lease_show},
    {"/pgraft/v1/fence", HTTP_POST, false, HTTP_WRITE, false, http_fence},
    {"/pgraft/v1/unfence", HTTP_POST, false, HTTP_WRITE, false, http_unfence},
    {"/pgraft/v1/members/add", HTTP_POST, false, HTTP_WRITE, false, http_member_add},
    {"/pgraft/v1/members/remove", HTTP_POST, false, HTTP_WRITE, false, http_member_remove},
    {"/pgraft/v1/members/promote", HTTP_POST, false, HTTP_WRITE, false, http_member_promote},
    {"/pgraft/v1/members/demote", HTTP_POST, false, HTTP_WRITE, false, http_member_demote},
    {"/pgraft/v1/members/replace", HTTP_POST, false, HTTP_WRITE, false, http_member_replace},
    {"/pgraft/v1/transfer", HTTP_POST, false, HTTP_WRITE, false, http_transfer},
    {"/pgraft/v1/form", HTTP_POST, false, HTTP_CONTROL, false, http_form},
    {"/pgraft/v1/forget", HTTP_POST, false, HTTP_CONTROL, false, http_forget},
    {"/pgraft/v1/upgrade", HTTP_POST, false, HTTP_CONTROL, false, http_upgrade},
    {.path = "/pgraft/v1/life", .rule = HTTP_CONTROL, .run = http_life},
};

/* Patroni's, which may be written in several ways. */
static const struct http_route told_routes[] = {
    {.path = "/patroni", .rule = HTTP_OPEN, .any_parameters = true, .run = http_patroni},
};
static const struct http_route config_routes[] = {
    {.path = "/config", .rule = HTTP_OPEN, .any_parameters = true, .run = http_patroni},
    {.path = "/config", .method = HTTP_PATCH, .rule = HTTP_WRITE, .run = http_config_patch},
    {.path = "/config", .method = HTTP_PUT, .rule = HTTP_WRITE, .run = http_config_put},
};
static const struct http_route switchover_routes[] = {
    {.path = "/switchover", .method = HTTP_POST, .rule = HTTP_WRITE, .run = http_switchover},
    {.path = "/switchover",
     .method = HTTP_DELETE,
     .rule = HTTP_WRITE,
     .run = http_switchover_delete},
};
static const struct http_route failover_routes[] = {
    {.path = "/failover", .method = HTTP_POST, .rule = HTTP_WRITE, .run = http_failover},
};
static const struct http_route restart_routes[] = {
    {.path = "/restart", .method = HTTP_POST, .rule = HTTP_WRITE, .run = http_restart},
    {.path = "/restart", .method = HTTP_DELETE, .rule = HTTP_WRITE, .run = http_restart_delete},
};
static const struct http_route reload_routes[] = {
    {.path = "/reload", .method = HTTP_POST, .rule = HTTP_WRITE, .run = http_reload_node},
};
static const struct http_route reinitialize_routes[] = {
    {.path = "/reinitialize", .method = HTTP_POST, .rule = HTTP_WRITE, .run = http_reinitialize},
    {.path = "/reinitialize",
     .method = HTTP_DELETE,
     .rule = HTTP_WRITE,
     .run = http_reinitialize_delete},
};

static const struct http_route failsafe_routes[] = {
    {.path = "/failsafe", .rule = HTTP_OPEN, .any_parameters = true, .run = http_failsafe},
    {.path = "/failsafe", .method = HTTP_POST, .rule = HTTP_WRITE, .run = http_failsafe_post},
};

/* Of one of Patroni's paths. */
static const struct http_route *face_routes(enum patroni_path face, size_t *ret_count)
{
    switch ((int)face) {
        case PATRONI_CONFIG:
            *ret_count = ARRAY_LEN(config_routes);
            return config_routes;
        case PATRONI_SWITCHOVER:
            *ret_count = ARRAY_LEN(switchover_routes);
            return switchover_routes;
        case PATRONI_FAILOVER:
            *ret_count = ARRAY_LEN(failover_routes);
            return failover_routes;
        case PATRONI_RESTART:
            *ret_count = ARRAY_LEN(restart_routes);
            return restart_routes;
        case PATRONI_RELOAD:
            *ret_count = ARRAY_LEN(reload_routes);
            return reload_routes;
        case PATRONI_REINITIALIZE:
            *ret_count = ARRAY_LEN(reinitialize_routes);
            return reinitialize_routes;
        case PATRONI_FAILSAFE:
            *ret_count = ARRAY_LEN(failsafe_routes);
            return failsafe_routes;
        case PATRONI_NONE:
            return NULL;
        default:
            *ret_count = ARRAY_LEN(told_routes);
            return told_routes;
    }
}

const struct http_route *http_route_find(const char *path, size_t *ret_count)
{
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (strcmp(routes[i].path, path) == 0) {
            *ret_count = 1;
            return &routes[i];
        }
    }
    return face_routes(patroni_path(path), ret_count);
}

const char *http_method_name(enum http_method method)
{
    static const char *const names[] = {[HTTP_GET] = "GET",
                                        [HTTP_POST] = "POST",
                                        [HTTP_PUT] = "PUT",
                                        [HTTP_PATCH] = "PATCH",
                                        [HTTP_DELETE] = "DELETE"};
    return names[method];
}

static bool take_timeout(struct http_request *r, uint64_t timeout_ms)
{
    if (timeout_ms < 1 || timeout_ms > HTTP_TIMEOUT_MS_MAX) {
        http_fail(r, ERR_INVALID, "timeout_ms: must be 1 to %d", HTTP_TIMEOUT_MS_MAX);
        return false;
    }
    r->timeout_ms = (uint32_t)timeout_ms;
    return true;
}

/* ---- POST ---- */

static bool take_session(struct http_request *r, json_t *request)
{
    struct err err = {0};
    bool has_client = false;
    bool has_sequence = false;
    bool has_since = false;
    struct pgraft_session *s = &r->session;
    const struct json_in_field fields[] = {
        {"client", JSON_IN_ID, &s->client, &has_client},
        {"sequence", JSON_IN_NUMBER, &s->sequence, &has_sequence},
        {"since", JSON_IN_NUMBER, &s->since, &has_since},
        {"acked", JSON_IN_NUMBER, &s->acked, NULL},
    };
    s->acked = 1;
    int code = json_in_take(request, fields, ARRAY_LEN(fields), "request.", &r->arena, &err);
    if (code == 0 && (!has_client || !has_sequence || !has_since || s->client == 0)) {
        code =
            err_set(&err, ERR_INVALID, "request: client (not zero), sequence and since are needed");
    }
    if (code == 0 && (s->sequence == 0 || s->acked == 0 || s->acked > s->sequence)) {
        code = err_set(&err, ERR_INVALID, "request: sequence counts from 1, acked is 1 up to it");
    }
    if (code != 0) {
        http_fail(r, code, "%s", err.msg);
    }
    r->has_session = code == 0;
    return code == 0;
}

bool http_take(struct http_request *r, const struct json_in_field *fields, size_t count)
{
    struct json_in_field all[24];
    struct err err = {0};
    uint64_t timeout_ms = HTTP_TIMEOUT_MS;
    json_t *request = NULL;
    MUST(count + 2 <= ARRAY_LEN(all));
    for (size_t i = 0; i < count; i++) {
        all[i] = fields[i];
    }
    all[count] = (struct json_in_field){"timeout_ms", JSON_IN_NUMBER, &timeout_ms, NULL};
    all[count + 1] = (struct json_in_field){"request", JSON_IN_OBJECT, &request, NULL};
    size_t used = count + 1 + (r->route->is_write ? 1 : 0);
    int code = json_in_take(r->json, all, used, "", &r->arena, &err);
    if (code != 0) {
        http_fail(r, code, "%s", err.msg);
        return false;
    }
    return take_timeout(r, timeout_ms) && (request == NULL || take_session(r, request));
}

/* ---- parameters ---- */

struct parameters {
    struct http_request *r;
    bool has_timeout;
};

static enum MHD_Result take_parameter(void *cls, enum MHD_ValueKind kind, const char *key,
                                      size_t key_size, const char *value, size_t value_size)
{
    struct parameters *p = cls;
    uint64_t number = 0;
    (void)kind;
    if (strcmp(key, "timeout_ms") != 0 || strlen(key) != key_size) {
        struct err err = {0};
        const struct json_in_field known[] = {{"timeout_ms", JSON_IN_NUMBER, &number, NULL}};
        err_set(&err, ERR_INVALID, "%s: there is no such parameter here", cli_quoted(key).text);
        json_in_hint(known, ARRAY_LEN(known), key, &err);
        http_fail(p->r, ERR_INVALID, "%s", err.msg);
        return MHD_NO;
    }
    bool is_text = value != NULL && strlen(value) == value_size;
    if (p->has_timeout || !is_text || !json_in_decimal(value, &number)) {
        http_fail(p->r, ERR_INVALID, "timeout_ms: one number is expected");
        return MHD_NO;
    }
    p->has_timeout = true;
    return take_timeout(p->r, number) ? MHD_YES : MHD_NO;
}

bool http_take_parameters(struct http_request *r)
{
    struct parameters p = {.r = r};
    if (!r->route->any_parameters) {
        (void)MHD_get_connection_values_n(r->mhd, MHD_GET_ARGUMENT_KIND, take_parameter, &p);
    }
    return !r->answered;
}
