/* daemon/http_kv_out.c - pairs and results of operations, as JSON. */
#include "base/must.h"
#include "daemon/http_internal.h"

void http_put_pair(struct buf *out, const char *name, const struct pgraft_pair *pair,
                   bool without_value)
{
    json_put_open(out, name, '{');
    json_put_bytes(out, "key", pair->key.bytes, pair->key.size);
    if (!without_value) {
        json_put_bytes(out, "value", pair->value.bytes, pair->value.size);
    }
    json_put_number(out, "create_revision", pair->create_revision);
    json_put_number(out, "mod_revision", pair->mod_revision);
    json_put_number(out, "version", pair->version);
    json_put_id(out, "lease", pair->lease);
    json_put_close(out, '}');
}

static void put_pairs(struct buf *out, const char *name, const struct pgraft_op_result *op,
                      bool keys_only)
{
    json_put_open(out, name, '[');
    for (size_t i = 0; i < op->pair_count; i++) {
        http_put_pair(out, NULL, &op->pairs[i], keys_only);
    }
    json_put_close(out, ']');
}

void http_put_op(struct buf *out, const struct pgraft_op_result *op, bool keys_only)
{
    switch (op->kind) {
        case PGRAFT_OP_PUT:
            if (op->pair_count > 0) {
                http_put_pair(out, "previous", &op->pairs[0], false);
            } else {
                json_put_null(out, "previous");
            }
            return;
        case PGRAFT_OP_DELETE:
            json_put_number(out, "deleted", op->count);
            put_pairs(out, "previous", op, false);
            return;
        case PGRAFT_OP_GET:
            json_put_number(out, "count", op->count);
            json_put_bool(out, "more", op->more);
            put_pairs(out, "pairs", op, keys_only);
            return;
        case PGRAFT_OP_GRANT:
            json_put_id(out, "lease", op->lease);
            json_put_number(out, "ttl_ms", op->lease_ttl_ms);
            json_put_number(out, "granted_index", op->lease_grant);
            return;
    }
    UNREACHABLE("every kind has a row");
}
