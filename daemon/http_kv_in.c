/* daemon/http_kv_in.c - spans and transactions, from JSON to the words of pgraft.h. */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "daemon/http_internal.h"

#define OPS_MAX 128

struct pgraft_slice http_slice(const struct json_in_bytes *in)
{
    return (struct pgraft_slice){in->bytes, in->size};
}

/* ---- spans ---- */

void http_span_fields(struct http_span_in *span, struct json_in_field *out)
{
    out[0] = (struct json_in_field){"key", JSON_IN_BYTES, &span->key, NULL};
    out[1] = (struct json_in_field){"prefix", JSON_IN_BYTES, &span->prefix, NULL};
    out[2] = (struct json_in_field){"from", JSON_IN_BYTES, &span->from, NULL};
    out[3] = (struct json_in_field){"end", JSON_IN_BYTES, &span->end, NULL};
}

static int compare(struct pgraft_slice a, struct pgraft_slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.bytes, b.bytes, size) : 0;
    return order != 0 ? order : a.size < b.size ? -1 : a.size > b.size;
}

/* The first key that does not begin with @prefix; empty: there is none. */
static struct pgraft_slice behind_prefix(struct pgraft_slice prefix, struct arena *arena)
{
    size_t size = prefix.size;
    const unsigned char *bytes = prefix.bytes;
    while (size > 0 && bytes[size - 1] == 0xff) {
        size--;
    }
    unsigned char *out = arena_alloc(arena, size + 1);
    MUST(out != NULL); /* the arena is larger than all texts of a request */
    if (size > 0) {
        memcpy(out, bytes, size);
        out[size - 1]++;
    }
    return (struct pgraft_slice){out, size};
}

/* @span is a prefix or a range; only what stands behind @after is meant. */
static bool go_behind(struct pgraft_span *span, const struct json_in_bytes *after,
                      struct arena *arena)
{
    unsigned char *start = arena_alloc(arena, after->size + 1);
    MUST(start != NULL);
    if (after->size > 0) {
        memcpy(start, after->bytes, after->size);
    }
    start[after->size] = 0;
    struct pgraft_slice from = {start, after->size + 1};
    if (span->kind == PGRAFT_PREFIX) {
        span->end = behind_prefix(span->key, arena);
        span->kind = PGRAFT_RANGE;
    }
    span->key = compare(from, span->key) > 0 ? from : span->key;
    bool is_empty = span->end.size > 0 && compare(span->key, span->end) >= 0;
    if (is_empty) { /* anything that can be asked for */
        span->end = (struct pgraft_slice){NULL, 0};
    }
    return is_empty;
}

int http_span_make(const struct http_span_in *in, const char *where, struct arena *arena,
                   struct pgraft_span *out, bool *ret_empty, struct err *err)
{
    bool is_range = in->from.given || in->end.given;
    int said = (in->key.given ? 1 : 0) + (in->prefix.given ? 1 : 0) + (is_range ? 1 : 0);
    *ret_empty = false;
    if (said != 1) {
        return err_set(err, ERR_INVALID,
                       "%skey, prefix, or from and end: one of the three is needed", where);
    }
    if (in->end.given && in->end.size == 0) {
        return err_set(err, ERR_INVALID, "%send: is empty; leave it out for all there are", where);
    }
    if (in->key.given && in->after.given) {
        return err_set(err, ERR_INVALID, "%safter: not of a single key", where);
    }
    if (in->after.size > 1024) {
        return err_set(err, ERR_TOO_LARGE, "%safter: %zu bytes, at most 1024", where,
                       in->after.size);
    }
    *out = (struct pgraft_span){.kind = in->key.given      ? PGRAFT_KEY
                                        : in->prefix.given ? PGRAFT_PREFIX
                                                           : PGRAFT_RANGE,
                                .key = in->key.given      ? http_slice(&in->key)
                                       : in->prefix.given ? http_slice(&in->prefix)
                                                          : http_slice(&in->from),
                                .end = http_slice(&in->end)};
    if (in->after.given) {
        *ret_empty = go_behind(out, &in->after, arena);
    }
    return 0;
}

/* ---- operations ---- */

static int take_put(json_t *object, const char *where, struct arena *arena, struct pgraft_op *op,
                    struct err *err)
{
    struct json_in_bytes key = {0};
    struct json_in_bytes value = {0};
    const struct json_in_field fields[] = {
        {"key", JSON_IN_BYTES, &key, NULL},
        {"value", JSON_IN_BYTES, &value, NULL},
        {"lease", JSON_IN_ID, &op->lease, NULL},
        {"previous", JSON_IN_BOOL, &op->want_previous, NULL},
    };
    int code = json_in_take(object, fields, ARRAY_LEN(fields), where, arena, err);
    if (code == 0 && (!key.given || !value.given)) {
        code = err_set(err, ERR_INVALID, "%skey and value are needed", where);
    }
    op->kind = PGRAFT_OP_PUT;
    op->span = (struct pgraft_span){.kind = PGRAFT_KEY, .key = http_slice(&key)};
    op->value = http_slice(&value);
    return code;
}

static int take_delete(json_t *object, const char *where, struct arena *arena, struct pgraft_op *op,
                       struct err *err)
{
    struct http_span_in span = {0};
    struct json_in_field fields[HTTP_SPAN_FIELDS + 1];
    bool is_empty = false;
    http_span_fields(&span, fields);
    fields[HTTP_SPAN_FIELDS] =
        (struct json_in_field){"previous", JSON_IN_BOOL, &op->want_previous, NULL};
    int code = json_in_take(object, fields, ARRAY_LEN(fields), where, arena, err);
    op->kind = PGRAFT_OP_DELETE;
    return code != 0 ? code : http_span_make(&span, where, arena, &op->span, &is_empty, err);
}

static int take_range(json_t *object, const char *where, struct arena *arena, struct pgraft_op *op,
                      struct err *err)
{
    struct http_span_in span = {0};
    struct json_in_field fields[HTTP_SPAN_FIELDS + 3];
    bool is_empty = false;
    http_span_fields(&span, fields);
    struct json_in_field *more = fields + HTTP_SPAN_FIELDS;
    more[0] = (struct json_in_field){"limit", JSON_IN_NUMBER, &op->limit, NULL};
    more[1] = (struct json_in_field){"keys_only", JSON_IN_BOOL, &op->keys_only, NULL};
    more[2] = (struct json_in_field){"count_only", JSON_IN_BOOL, &op->count_only, NULL};
    int code = json_in_take(object, fields, ARRAY_LEN(fields), where, arena, err);
    op->kind = PGRAFT_OP_GET;
    return code != 0 ? code : http_span_make(&span, where, arena, &op->span, &is_empty, err);
}

static int take_grant(json_t *object, const char *where, struct arena *arena, struct pgraft_op *op,
                      struct err *err)
{
    bool has_ttl = false;
    const struct json_in_field fields[] = {
        {"ttl_ms", JSON_IN_NUMBER, &op->ttl_ms, &has_ttl},
        {"lease", JSON_IN_ID, &op->lease, NULL},
    };
    int code = json_in_take(object, fields, ARRAY_LEN(fields), where, arena, err);
    op->kind = PGRAFT_OP_GRANT;
    return code != 0 || has_ttl ? code : err_set(err, ERR_INVALID, "%sttl_ms is needed", where);
}

static int take_op(json_t *item, const char *place, struct arena *arena, struct pgraft_op *op,
                   struct err *err)
{
    static int (*const takers[])(json_t *, const char *, struct arena *, struct pgraft_op *,
                                 struct err *) = {take_put, take_delete, take_range, take_grant};
    static const char *const names[] = {"put", "delete", "range", "grant"};
    json_t *found[ARRAY_LEN(names)] = {NULL};
    struct json_in_field fields[ARRAY_LEN(names)];
    char where[64];
    (void)snprintf(where, sizeof(where), "%s.", place);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        fields[i] = (struct json_in_field){names[i], JSON_IN_OBJECT, &found[i], NULL};
    }
    if (!json_is_object(item)) {
        return err_set(err, ERR_INVALID, "%s: must be an object", place);
    }
    int code = json_in_take(item, fields, ARRAY_LEN(fields), where, arena, err);
    if (code == 0 && json_object_size(item) != 1) {
        code = err_set(err, ERR_INVALID, "%s: one of put, delete, range, grant is needed", place);
    }
    for (size_t i = 0; code == 0 && i < ARRAY_LEN(names); i++) {
        if (found[i] != NULL) {
            (void)snprintf(where, sizeof(where), "%s.%s.", place, names[i]);
            return takers[i](found[i], where, arena, op, err);
        }
    }
    return code;
}

static int take_list(struct http_request *r, json_t *list, const char *name,
                     const struct pgraft_op **ret_ops, size_t *ret_count, struct err *err)
{
    size_t count = json_array_size(list);
    *ret_ops = NULL;
    *ret_count = count;
    if (count > OPS_MAX) {
        return err_set(err, ERR_TOO_LARGE, "%s: %zu operations, at most %d", name, count, OPS_MAX);
    }
    struct pgraft_op *ops = arena_array(&r->arena, count + 1, sizeof(*ops));
    int code = 0;
    for (size_t i = 0; code == 0 && i < count; i++) {
        char place[32];
        (void)snprintf(place, sizeof(place), "%s[%zu]", name, i);
        code = take_op(json_array_get(list, i), place, &r->arena, &ops[i], err);
    }
    *ret_ops = ops;
    return code;
}

/* ---- compares ---- */

static int find_word(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; word != NULL && i < count; i++) {
        if (strcmp(words[i], word) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static int take_compare(json_t *item, const char *where, struct arena *arena,
                        struct pgraft_compare *out, struct err *err)
{
    static const char *const targets[] = {
        [PGRAFT_VALUE] = "value",
        [PGRAFT_CREATE_REVISION] = "create_revision",
        [PGRAFT_MOD_REVISION] = "mod_revision",
        [PGRAFT_KEY_VERSION] = "version",
        [PGRAFT_LEASE] = "lease",
        [PGRAFT_EXISTS] = "exists",
    };
    static const char *const relations[] = {[PGRAFT_EQUAL] = "=",
                                            [PGRAFT_NOT_EQUAL] = "!=",
                                            [PGRAFT_LESS] = "<",
                                            [PGRAFT_GREATER] = ">"};
    struct json_in_bytes key = {0};
    struct json_in_bytes value = {0};
    const char *target = NULL;
    const char *is = NULL;
    uint64_t lease = 0;
    bool has_number = false;
    bool has_lease = false;
    const struct json_in_field fields[] = {
        {"key", JSON_IN_BYTES, &key, NULL},
        {"target", JSON_IN_TEXT, &target, NULL},
        {"is", JSON_IN_TEXT, &is, NULL},
        {"number", JSON_IN_NUMBER, &out->number, &has_number},
        {"lease", JSON_IN_ID, &lease, &has_lease},
        {"value", JSON_IN_BYTES, &value, NULL},
    };
    if (!json_is_object(item)) {
        return err_set(err, ERR_INVALID, "%smust be an object", where);
    }
    int code = json_in_take(item, fields, ARRAY_LEN(fields), where, arena, err);
    if (code != 0) {
        return code;
    }
    int what = find_word(target, targets, ARRAY_LEN(targets));
    int how = find_word(is, relations, ARRAY_LEN(relations));
    if (what < 0 || how < 0 || !key.given) {
        return err_set(err, ERR_INVALID,
                       "%skey, target (value, create_revision, mod_revision, version, lease or "
                       "exists) and is (=, !=, < or >) are needed",
                       where);
    }
    bool wants_value = what == PGRAFT_VALUE;
    bool wants_lease = what == PGRAFT_LEASE;
    if (value.given != wants_value || has_lease != wants_lease ||
        has_number != (!wants_value && !wants_lease)) {
        return err_set(err, ERR_INVALID, "%sa %s is compared with \"%s\", and nothing else", where,
                       target,
                       wants_value   ? "value"
                       : wants_lease ? "lease"
                                     : "number");
    }
    out->key = http_slice(&key);
    out->target = (enum pgraft_target)what;
    out->relation = (enum pgraft_relation)how;
    out->value = http_slice(&value);
    out->number = wants_lease ? lease : out->number;
    return 0;
}

static int take_compares(struct http_request *r, json_t *list, struct pgraft_txn *out,
                         struct err *err)
{
    size_t count = json_array_size(list);
    if (count > OPS_MAX) {
        return err_set(err, ERR_TOO_LARGE, "if: %zu compares, at most %d", count, OPS_MAX);
    }
    struct pgraft_compare *compares = arena_array(&r->arena, count + 1, sizeof(*compares));
    int code = 0;
    for (size_t i = 0; code == 0 && i < count; i++) {
        char where[32];
        (void)snprintf(where, sizeof(where), "if[%zu].", i);
        code = take_compare(json_array_get(list, i), where, &r->arena, &compares[i], err);
    }
    out->compares = compares;
    out->compare_count = count;
    return code;
}

int http_txn_take(struct http_request *r, json_t *compares, json_t *then_ops, json_t *else_ops,
                  struct pgraft_txn *out, struct err *err)
{
    int code = take_compares(r, compares, out, err);
    code = code != 0 ? code : take_list(r, then_ops, "then", &out->then_ops, &out->then_count, err);
    return code != 0 ? code : take_list(r, else_ops, "else", &out->else_ops, &out->else_count, err);
}
