/* consensus/node/convert.c - between the words of pgraft.h and those of proto/kv.h. */
#include "consensus/node/convert.h"

#include "base/err.h"
#include "base/must.h"

struct kv_slice convert_slice(struct pgraft_slice in)
{
    return kv_slice(in.bytes, in.size);
}

struct kv_span convert_span(const struct pgraft_span *in)
{
    return (struct kv_span){.kind = (enum kv_span_kind)in->kind,
                            .key = convert_slice(in->key),
                            .end = convert_slice(in->end)};
}

int convert_span_check(const struct pgraft_span *in, struct err *err)
{
    bool known = in->kind == PGRAFT_KEY || in->kind == PGRAFT_PREFIX || in->kind == PGRAFT_RANGE;
    return known ? 0 : err_set(err, ERR_INVALID, "span: %d is no kind of one", (int)in->kind);
}

static int check_compare(const struct pgraft_compare *in, struct err *err)
{
    bool known = (int)in->target >= (int)PGRAFT_VALUE && (int)in->target <= (int)PGRAFT_EXISTS &&
                 (int)in->relation >= (int)PGRAFT_EQUAL && (int)in->relation <= (int)PGRAFT_GREATER;
    return known ? 0
                 : err_set(err, ERR_INVALID, "compare: target %d, relation %d: no such thing",
                           (int)in->target, (int)in->relation);
}

_Static_assert((int)PGRAFT_KEY == (int)KV_SPAN_KEY && (int)PGRAFT_RANGE == (int)KV_SPAN_RANGE,
               "kinds of spans are the same");
_Static_assert((int)PGRAFT_VALUE == (int)KV_TARGET_VALUE &&
                   (int)PGRAFT_EXISTS == (int)KV_TARGET_EXISTS,
               "targets are the same");
_Static_assert((int)PGRAFT_EQUAL == (int)KV_EQUAL && (int)PGRAFT_GREATER == (int)KV_GREATER,
               "relations are the same");

static int convert_op(const struct pgraft_op *in, struct kv_op *out, struct err *err)
{
    bool spans = in->kind == PGRAFT_OP_DELETE || in->kind == PGRAFT_OP_GET;
    int code = spans ? convert_span_check(&in->span, err) : 0;
    if (code != 0) {
        return code;
    }
    switch (in->kind) {
        case PGRAFT_OP_PUT:
            out->kind = KV_OP_PUT;
            out->put = (struct kv_put){.key = convert_slice(in->span.key),
                                       .value = convert_slice(in->value),
                                       .lease = in->lease,
                                       .want_previous = in->want_previous};
            return 0;
        case PGRAFT_OP_DELETE:
            out->kind = KV_OP_DELETE;
            out->remove = (struct kv_delete){.span = convert_span(&in->span),
                                             .want_previous = in->want_previous};
            return 0;
        case PGRAFT_OP_GET:
            out->kind = KV_OP_RANGE;
            out->range = (struct kv_range){.span = convert_span(&in->span),
                                           .limit = in->limit,
                                           .keys_only = in->keys_only,
                                           .count_only = in->count_only};
            return 0;
        case PGRAFT_OP_GRANT:
            out->kind = KV_OP_LEASE;
            out->grant = (struct kv_lease_grant){.id = in->lease,
                                                 .ttl_ms = in->ttl_ms,
                                                 .is_protected = in->is_protected,
                                                 .epoch = in->epoch,
                                                 .holder = in->holder};
            return 0;
    }
    return err_set(err, ERR_INVALID, "operation: %d is none", (int)in->kind);
}

static int convert_ops(const struct pgraft_op *in, size_t count, struct arena *arena,
                       const struct kv_op **ret, struct err *err)
{
    if (count > KV_TXN_OPS_MAX) {
        return err_set(err, ERR_TOO_LARGE, "operations: %zu, at most %d", count, KV_TXN_OPS_MAX);
    }
    struct kv_op *ops = arena_array(arena, count + 1, sizeof(*ops));
    int code = 0;
    for (size_t i = 0; code == 0 && i < count; i++) {
        code = convert_op(&in[i], &ops[i], err);
    }
    *ret = ops;
    return code;
}

int convert_txn(const struct pgraft_txn *in, struct arena *arena, struct kv_command *out,
                struct err *err)
{
    arena_reset(arena, (size_t)1024 * 1024);
    if (in->compare_count > KV_TXN_OPS_MAX) {
        return err_set(err, ERR_TOO_LARGE, "compares: %zu, at most %d", in->compare_count,
                       KV_TXN_OPS_MAX);
    }
    struct kv_compare *compares = arena_array(arena, in->compare_count + 1, sizeof(*compares));
    for (size_t i = 0; i < in->compare_count; i++) {
        const struct pgraft_compare *c = &in->compares[i];
        int code = check_compare(c, err);
        if (code != 0) {
            return code;
        }
        compares[i] = (struct kv_compare){.key = convert_slice(c->key),
                                          .target = (enum kv_target)c->target,
                                          .relation = (enum kv_relation)c->relation,
                                          .number = c->number,
                                          .value = convert_slice(c->value)};
    }
    out->kind = KV_TXN;
    out->holder_lease = in->holder_lease;
    out->holder_epoch = in->holder_epoch;
    out->system = out->system || in->is_essential;
    struct kv_txn *txn = &out->txn;
    *txn = (struct kv_txn){.compares = compares,
                           .compare_count = in->compare_count,
                           .then_count = in->then_count,
                           .else_count = in->else_count};
    int code = convert_ops(in->then_ops, in->then_count, arena, &txn->then_ops, err);
    code = code != 0 ? code : convert_ops(in->else_ops, in->else_count, arena, &txn->else_ops, err);
    bool alone = code == 0 && in->compare_count == 0 && in->else_count == 0 && in->then_count == 1;
    if (alone && txn->then_ops[0].kind != KV_OP_RANGE) {
        struct kv_op op = txn->then_ops[0]; /* the shorter form */
        out->kind = KV_OP;
        out->op = op;
    }
    return code;
}

bool convert_is_read(const struct pgraft_txn *in)
{
    bool reads = in->compare_count == 0 && in->else_count == 0 && in->then_count > 0;
    for (size_t i = 0; reads && i < in->then_count; i++) {
        reads = in->then_ops[i].kind == PGRAFT_OP_GET;
    }
    return reads;
}

/* ---- and back ---- */

void convert_pair(const struct kv_pair *in, struct pgraft_pair *out)
{
    *out = (struct pgraft_pair){.key = {in->key.bytes, in->key.size},
                                .value = {in->value.bytes, in->value.size},
                                .create_revision = in->create_revision,
                                .mod_revision = in->mod_revision,
                                .version = in->version,
                                .lease = in->lease};
}

static enum pgraft_op_kind public_kind(enum kv_op_kind kind)
{
    switch (kind) {
        case KV_OP_PUT:
            return PGRAFT_OP_PUT;
        case KV_OP_DELETE:
            return PGRAFT_OP_DELETE;
        case KV_OP_RANGE:
            return PGRAFT_OP_GET;
        case KV_OP_LEASE:
            return PGRAFT_OP_GRANT;
    }
    UNREACHABLE("every kind has a row");
}

void convert_result(const struct kv_result *in, struct arena *arena, struct pgraft_result *out)
{
    arena_reset(arena, SIZE_MAX / 4);
    struct pgraft_op_result *ops = arena_array(arena, in->op_count + 1, sizeof(*ops));
    for (size_t i = 0; i < in->op_count; i++) {
        const struct kv_op_result *op = &in->ops[i];
        struct pgraft_pair *pairs = arena_array(arena, op->pair_count + 1, sizeof(*pairs));
        for (size_t p = 0; p < op->pair_count; p++) {
            convert_pair(&op->pairs[p], &pairs[p]);
        }
        ops[i] = (struct pgraft_op_result){.kind = public_kind(op->kind),
                                           .count = op->count,
                                           .more = op->more,
                                           .pairs = pairs,
                                           .pair_count = op->pair_count,
                                           .lease = op->lease,
                                           .lease_ttl_ms = op->lease_ttl_ms,
                                           .lease_grant = op->lease_generation,
                                           .lease_epoch = op->lease_epoch};
    }
    out->status = in->code;
    out->revision = in->revision;
    out->succeeded = in->succeeded;
    out->replayed = in->replayed;
    out->failed_op = in->failed_op;
    out->marked_lease = in->marked_lease;
    out->ops = ops;
    out->op_count = in->op_count;
}
