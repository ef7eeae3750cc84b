/* daemon/http_kv.c - reading and writing keys over HTTP. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "daemon/http_internal.h"

#define OPS_MAX 128

/* What has to be known of the question when the answer comes. */
struct asked {
    bool is_empty;              /* a span in which nothing can be */
    bool keys_only[2][OPS_MAX]; /* of the then and the else list */
};

static struct asked *remember(struct http_request *r)
{
    struct asked *asked = mem_zalloc(sizeof(*asked));
    r->state = asked;
    r->free_state = mem_free;
    return asked;
}

/* False: it is answered. */
static bool is_good(struct http_request *r, const struct pgraft_result *result)
{
    if (result->status != 0) {
        http_fail_result(r, result);
    }
    return result->status == 0;
}

static void refuse(struct http_request *r, const struct err *err)
{
    http_fail(r, err->code, "%s", err->msg);
}

static void put_age(struct http_request *r, const struct pgraft_result *result)
{
    if (result->age_ms == UINT64_MAX) {
        json_put_null(&r->out, "age_ms");
    } else {
        json_put_number(&r->out, "age_ms", result->age_ms);
    }
}

/* ---- reads ---- */

static void got(struct http_request *r, const struct pgraft_result *result)
{
    if (!is_good(r, result)) {
        return;
    }
    json_put_open(&r->out, NULL, '{');
    json_put_number(&r->out, "revision", result->revision);
    put_age(r, result);
    if (result->ops[0].pair_count > 0) {
        http_put_pair(&r->out, "pair", &result->ops[0].pairs[0], false);
    } else {
        json_put_null(&r->out, "pair");
    }
    json_put_close(&r->out, '}');
    http_answer(r, 200);
}

void http_kv_get(struct http_request *r)
{
    struct json_in_bytes key = {0};
    bool serializable = false;
    bool has_revision = false;
    uint64_t revision = 0;
    const struct json_in_field fields[] = {
        {"key", JSON_IN_BYTES, &key, NULL},
        {"serializable", JSON_IN_BOOL, &serializable, NULL},
        {"revision", JSON_IN_NUMBER, &revision, &has_revision},
    };
    if (!http_take(r, fields, ARRAY_LEN(fields))) {
        return;
    }
    if (!key.given) {
        http_fail(r, ERR_INVALID, "key is needed");
        return;
    }
    struct pgraft_error error = {0};
    struct pgraft_call call = http_call(r, got);
    call.local = serializable;
    int code =
        has_revision
            ? pgraft_get_at(r->http->store, http_slice(&key), revision, &call, &r->asked, &error)
            : pgraft_get(r->http->store, http_slice(&key), &call, &r->asked, &error);
    http_asked(r, code, &error);
}

static void ranged(struct http_request *r, const struct pgraft_result *result)
{
    static const struct pgraft_op_result nothing = {.kind = PGRAFT_OP_GET};
    const struct asked *asked = r->state;
    if (!is_good(r, result)) {
        return;
    }
    json_put_open(&r->out, NULL, '{');
    json_put_number(&r->out, "revision", result->revision);
    put_age(r, result);
    http_put_op(&r->out, asked->is_empty ? &nothing : &result->ops[0], asked->keys_only[0][0]);
    json_put_close(&r->out, '}');
    http_answer(r, 200);
}

void http_kv_range(struct http_request *r)
{
    struct http_span_in span = {0};
    struct pgraft_op op = {.kind = PGRAFT_OP_GET};
    bool serializable = false;
    struct json_in_field fields[HTTP_SPAN_FIELDS + 5];
    http_span_fields(&span, fields);
    struct json_in_field *more = fields + HTTP_SPAN_FIELDS;
    more[0] = (struct json_in_field){"after", JSON_IN_BYTES, &span.after, NULL};
    more[1] = (struct json_in_field){"limit", JSON_IN_NUMBER, &op.limit, NULL};
    more[2] = (struct json_in_field){"keys_only", JSON_IN_BOOL, &op.keys_only, NULL};
    more[3] = (struct json_in_field){"count_only", JSON_IN_BOOL, &op.count_only, NULL};
    more[4] = (struct json_in_field){"serializable", JSON_IN_BOOL, &serializable, NULL};
    if (!http_take(r, fields, ARRAY_LEN(fields))) {
        return;
    }
    struct err err = {0};
    struct asked *asked = remember(r);
    if (http_span_make(&span, "", &r->arena, &op.span, &asked->is_empty, &err) != 0) {
        refuse(r, &err);
        return;
    }
    asked->keys_only[0][0] = op.keys_only;
    op.limit = asked->is_empty ? 1 : op.limit;
    struct pgraft_txn txn = {.then_ops = &op, .then_count = 1};
    struct pgraft_error error = {0};
    struct pgraft_call call = http_call(r, ranged);
    call.local = serializable;
    http_asked(r, pgraft_txn(r->http->store, &txn, &call, &r->asked, &error), &error);
}

/* ---- writes ---- */

static void written(struct http_request *r, const struct pgraft_result *result)
{
    if (!is_good(r, result)) {
        return;
    }
    json_put_open(&r->out, NULL, '{');
    json_put_number(&r->out, "revision", result->revision);
    http_put_op(&r->out, &result->ops[0], false);
    json_put_bool(&r->out, "replayed", result->replayed);
    json_put_close(&r->out, '}');
    http_answer(r, 200);
}

static void write_one(struct http_request *r, const struct pgraft_op *op)
{
    struct pgraft_txn txn = {.then_ops = op, .then_count = 1};
    struct pgraft_error error = {0};
    struct pgraft_call call = http_call(r, written);
    http_asked(r, pgraft_txn(r->http->store, &txn, &call, &r->asked, &error), &error);
}

void http_kv_put(struct http_request *r)
{
    struct json_in_bytes key = {0};
    struct json_in_bytes value = {0};
    struct pgraft_op op = {.kind = PGRAFT_OP_PUT};
    const struct json_in_field fields[] = {
        {"key", JSON_IN_BYTES, &key, NULL},
        {"value", JSON_IN_BYTES, &value, NULL},
        {"lease", JSON_IN_ID, &op.lease, NULL},
        {"previous", JSON_IN_BOOL, &op.want_previous, NULL},
    };
    if (!http_take(r, fields, ARRAY_LEN(fields))) {
        return;
    }
    if (!key.given || !value.given) {
        http_fail(r, ERR_INVALID, "key and value are needed");
        return;
    }
    op.span = (struct pgraft_span){.kind = PGRAFT_KEY, .key = http_slice(&key)};
    op.value = http_slice(&value);
    r->lease = op.lease;
    write_one(r, &op);
}

void http_kv_delete(struct http_request *r)
{
    struct http_span_in span = {0};
    struct pgraft_op op = {.kind = PGRAFT_OP_DELETE};
    struct json_in_field fields[HTTP_SPAN_FIELDS + 1];
    http_span_fields(&span, fields);
    fields[HTTP_SPAN_FIELDS] =
        (struct json_in_field){"previous", JSON_IN_BOOL, &op.want_previous, NULL};
    if (!http_take(r, fields, ARRAY_LEN(fields))) {
        return;
    }
    struct err err = {0};
    bool is_empty = false;
    if (http_span_make(&span, "", &r->arena, &op.span, &is_empty, &err) != 0) {
        refuse(r, &err);
        return;
    }
    write_one(r, &op);
}

void http_lease_grant(struct http_request *r)
{
    struct pgraft_op op = {.kind = PGRAFT_OP_GRANT};
    bool has_ttl = false;
    const struct json_in_field fields[] = {
        {"ttl_ms", JSON_IN_NUMBER, &op.ttl_ms, &has_ttl},
        {"lease", JSON_IN_ID, &op.lease, NULL},
    };
    if (!http_take(r, fields, ARRAY_LEN(fields))) {
        return;
    }
    if (!has_ttl) {
        http_fail(r, ERR_INVALID, "ttl_ms is needed");
        return;
    }
    write_one(r, &op);
}

/* ---- transactions ---- */

static void put_results(struct http_request *r, const struct pgraft_result *result)
{
    static const char *const names[] = {[PGRAFT_OP_PUT] = "put",
                                        [PGRAFT_OP_DELETE] = "delete",
                                        [PGRAFT_OP_GET] = "range",
                                        [PGRAFT_OP_GRANT] = "grant"};
    const struct asked *asked = r->state;
    json_put_open(&r->out, "results", '[');
    for (size_t i = 0; i < result->op_count; i++) {
        const struct pgraft_op_result *op = &result->ops[i];
        json_put_open(&r->out, NULL, '{');
        json_put_open(&r->out, names[op->kind], '{');
        http_put_op(&r->out, op, asked->keys_only[result->succeeded ? 0 : 1][i % OPS_MAX]);
        json_put_close(&r->out, '}');
        json_put_close(&r->out, '}');
    }
    json_put_close(&r->out, ']');
}

static void transacted(struct http_request *r, const struct pgraft_result *result)
{
    if (!is_good(r, result)) {
        return;
    }
    json_put_open(&r->out, NULL, '{');
    json_put_number(&r->out, "revision", result->revision);
    json_put_bool(&r->out, "succeeded", result->succeeded);
    json_put_bool(&r->out, "replayed", result->replayed);
    put_results(r, result);
    json_put_close(&r->out, '}');
    http_answer(r, 200);
}

void http_kv_txn(struct http_request *r)
{
    json_t *compares = NULL;
    json_t *then_ops = NULL;
    json_t *else_ops = NULL;
    struct pgraft_txn txn = {.compares = NULL};
    const struct json_in_field fields[] = {
        {"if", JSON_IN_ARRAY, &compares, NULL},
        {"then", JSON_IN_ARRAY, &then_ops, NULL},
        {"else", JSON_IN_ARRAY, &else_ops, NULL},
    };
    struct err err = {0};
    if (!http_take(r, fields, ARRAY_LEN(fields))) {
        return;
    }
    if (http_txn_take(r, compares, then_ops, else_ops, &txn, &err) != 0) {
        refuse(r, &err);
        return;
    }
    struct asked *asked = remember(r);
    for (size_t i = 0; i < txn.then_count; i++) {
        asked->keys_only[0][i] = txn.then_ops[i].keys_only;
    }
    for (size_t i = 0; i < txn.else_count; i++) {
        asked->keys_only[1][i] = txn.else_ops[i].keys_only;
    }
    struct pgraft_error error = {0};
    struct pgraft_call call = http_call(r, transacted);
    http_asked(r, pgraft_txn(r->http->store, &txn, &call, &r->asked, &error), &error);
}

/* ---- history ---- */

static void compacted(struct http_request *r, const struct pgraft_result *result)
{
    const uint64_t *revision = r->state;
    if (result->status == ERR_INVALID && http_is_bare(result)) {
        http_fail(r, ERR_INVALID, "revision %" PRIu64 " is still to come", *revision);
        return;
    }
    if (!is_good(r, result)) {
        return;
    }
    json_put_open(&r->out, NULL, '{');
    json_put_number(&r->out, "revision", result->revision);
    json_put_number(&r->out, "compacted", *revision);
    json_put_close(&r->out, '}');
    http_answer(r, 200);
}

void http_kv_compact(struct http_request *r)
{
    uint64_t revision = 0;
    bool has_revision = false;
    const struct json_in_field fields[] = {
        {"revision", JSON_IN_NUMBER, &revision, &has_revision},
    };
    if (!http_take(r, fields, ARRAY_LEN(fields))) {
        return;
    }
    if (!has_revision) {
        http_fail(r, ERR_INVALID, "revision is needed");
        return;
    }
    r->state = mem_dup(&revision, sizeof(revision));
    r->free_state = mem_free;
    struct pgraft_error error = {0};
    struct pgraft_call call = http_call(r, compacted);
    http_asked(r, pgraft_compact(r->http->store, revision, &call, &r->asked, &error), &error);
}
