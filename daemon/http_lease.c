/* daemon/http_lease.c - leases over HTTP; a grant is a write like others (http_kv.c). */
#include "base/must.h"
#include "daemon/http_internal.h"

/* The one lease that a request is about; false: it was refused. */
static bool take_lease(struct http_request *r, uint64_t *ret_lease)
{
    const struct json_in_field fields[] = {{"lease", JSON_IN_ID, ret_lease, NULL}};
    *ret_lease = 0;
    if (!http_take(r, fields, ARRAY_LEN(fields))) {
        return false;
    }
    if (*ret_lease == 0) {
        http_fail(r, ERR_INVALID, "lease is needed, and not 0");
    }
    return *ret_lease != 0;
}

static void put_lease(struct buf *out, const struct pgraft_lease_info *lease)
{
    json_put_id(out, "lease", lease->id);
    json_put_number(out, "ttl_ms", lease->ttl_ms);
    if (lease->left_known) {
        json_put_number(out, "remaining_ms", lease->left_ms);
    } else {
        json_put_null(out, "remaining_ms");
    }
    json_put_number(out, "granted_index", lease->grant);
    json_put_id(out, "holder", lease->holder);
    json_put_bool(out, "protected", lease->is_protected);
    if (lease->is_protected) {
        json_put_number(out, "epoch", lease->epoch);
    } else {
        json_put_null(out, "epoch");
    }
    json_put_bool(out, "renewable", !lease->is_ending);
    json_put_number(out, "key_count", lease->key_count);
}

/* ---- keeping it ---- */

static void kept(struct http_request *r, const struct pgraft_result *result)
{
    if (result->status == ERR_CONFLICT) {
        /* Of a lease that is over, or was granted anew: this one is gone. */
        http_fail(r, ERR_NOT_FOUND, "this lease is over");
        return;
    }
    if (result->status != 0) {
        http_fail_result(r, result);
        return;
    }
    json_put_open(&r->out, NULL, '{');
    json_put_id(&r->out, "lease", result->leases[0].id);
    json_put_number(&r->out, "ttl_ms", result->leases[0].ttl_ms);
    json_put_close(&r->out, '}');
    http_answer(r, 200);
}

void http_lease_keepalive(struct http_request *r)
{
    uint64_t lease = 0;
    struct pgraft_error error = {0};
    if (!take_lease(r, &lease)) {
        return;
    }
    struct pgraft_call call = http_call(r, kept);
    http_asked(r, pgraft_lease_keep(r->http->store, lease, &call, &r->asked, &error), &error);
}

/* ---- ending it ---- */

static void revoked(struct http_request *r, const struct pgraft_result *result)
{
    if (result->status != 0) {
        http_fail_result(r, result);
        return;
    }
    json_put_open(&r->out, NULL, '{');
    json_put_number(&r->out, "deleted", result->op_count > 0 ? result->ops[0].count : 0);
    json_put_number(&r->out, "revision", result->revision);
    json_put_bool(&r->out, "replayed", result->replayed);
    json_put_close(&r->out, '}');
    http_answer(r, 200);
}

void http_lease_revoke(struct http_request *r)
{
    uint64_t lease = 0;
    uint64_t grant = 0;
    struct pgraft_error error = {0};
    const struct json_in_field fields[] = {
        {"lease", JSON_IN_ID, &lease, NULL},
        {"granted_index", JSON_IN_NUMBER, &grant, NULL},
    };
    if (!http_take(r, fields, ARRAY_LEN(fields))) {
        return;
    }
    if (lease == 0) {
        http_fail(r, ERR_INVALID, "lease is needed, and not 0");
        return;
    }
    r->lease = lease;
    struct pgraft_call call = http_call(r, revoked);
    http_asked(r, pgraft_lease_revoke_grant(r->http->store, lease, grant, &call, &r->asked, &error),
               &error);
}

/* ---- looking at it ---- */

static void listed(struct http_request *r, const struct pgraft_result *result)
{
    if (result->status != 0) {
        http_fail_result(r, result);
        return;
    }
    json_put_open(&r->out, NULL, '{');
    json_put_number(&r->out, "revision", result->revision);
    json_put_open(&r->out, "leases", '[');
    for (size_t i = 0; i < result->lease_count; i++) {
        json_put_open(&r->out, NULL, '{');
        put_lease(&r->out, &result->leases[i]);
        json_put_close(&r->out, '}');
    }
    json_put_close(&r->out, ']');
    json_put_close(&r->out, '}');
    http_answer(r, 200);
}

void http_lease_list(struct http_request *r)
{
    struct pgraft_error error = {0};
    if (!http_take(r, NULL, 0)) {
        return;
    }
    struct pgraft_call call = http_call(r, listed);
    http_asked(r, pgraft_lease_list(r->http->store, &call, &r->asked, &error), &error);
}

static void shown(struct http_request *r, const struct pgraft_result *result)
{
    if (result->status != 0) {
        http_fail_result(r, result);
        return;
    }
    const struct pgraft_lease_info *lease = &result->leases[0];
    json_put_open(&r->out, NULL, '{');
    put_lease(&r->out, lease);
    json_put_open(&r->out, "keys", '[');
    for (size_t i = 0; i < lease->keys_listed; i++) {
        json_put_open(&r->out, NULL, '{');
        json_put_bytes(&r->out, "key", lease->keys[i].bytes, lease->keys[i].size);
        json_put_close(&r->out, '}');
    }
    json_put_close(&r->out, ']');
    json_put_close(&r->out, '}');
    http_answer(r, 200);
}

void http_lease_show(struct http_request *r)
{
    uint64_t lease = 0;
    struct pgraft_error error = {0};
    if (!take_lease(r, &lease)) {
        return;
    }
    struct pgraft_call call = http_call(r, shown);
    http_asked(r, pgraft_lease_show(r->http->store, lease, &call, &r->asked, &error), &error);
}
