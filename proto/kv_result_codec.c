/* proto/kv_result_codec.c - results, between the plain structs and the protobuf ones. */
#include "base/cleanup.h"
#include "base/must.h"
#include "proto/kv_codec.h"
#include "proto/kv_wire.h"

_Static_assert((int)KV_OP_LEASE == (int)PGRAFT__KV__OP_KIND__OP_LEASE, "op kinds");

/* ---- encoding ---- */

static Pgraft__Kv__Pair **write_pairs(struct arena *arena, const struct kv_op_result *op)
{
    Pgraft__Kv__Pair *wire = arena_array(arena, op->pair_count, sizeof(*wire));
    Pgraft__Kv__Pair **list = arena_array(arena, op->pair_count, sizeof(*list));
    MUST(wire != NULL);
    MUST(list != NULL);
    for (size_t i = 0; i < op->pair_count; i++) {
        const struct kv_pair *pair = &op->pairs[i];
        pgraft__kv__pair__init(&wire[i]);
        wire[i].key = wire_data(pair->key);
        wire[i].value = wire_data(pair->value);
        wire[i].create_revision = pair->create_revision;
        wire[i].mod_revision = pair->mod_revision;
        wire[i].version = pair->version;
        wire[i].lease = pair->lease;
        list[i] = &wire[i];
    }
    return list;
}

static Pgraft__Kv__OpResult **write_op_results(struct arena *arena, const struct kv_result *result)
{
    Pgraft__Kv__OpResult *wire = arena_array(arena, result->op_count, sizeof(*wire));
    Pgraft__Kv__OpResult **list = arena_array(arena, result->op_count, sizeof(*list));
    MUST(wire != NULL);
    MUST(list != NULL);
    for (size_t i = 0; i < result->op_count; i++) {
        const struct kv_op_result *op = &result->ops[i];
        pgraft__kv__op_result__init(&wire[i]);
        wire[i].kind = (Pgraft__Kv__OpKind)op->kind;
        wire[i].count = op->count;
        wire[i].more = op->more;
        wire[i].n_pairs = op->pair_count;
        wire[i].pairs = write_pairs(arena, op);
        wire[i].lease = op->lease;
        wire[i].lease_ttl_ms = op->lease_ttl_ms;
        wire[i].lease_generation = op->lease_generation;
        wire[i].lease_epoch = op->lease_epoch;
        list[i] = &wire[i];
    }
    return list;
}

void kv_result_encode(const struct kv_result *result, struct buf *out)
{
    CLEANUP(arena_close) struct arena arena = {0};
    arena_reset(&arena, SIZE_MAX / 2); /* a result of our own: nothing to bound */
    Pgraft__Kv__Result wire;
    pgraft__kv__result__init(&wire);
    wire.code = result->code;
    wire.index = result->index;
    wire.revision = result->revision;
    wire.succeeded = result->succeeded;
    wire.replayed = result->replayed;
    wire.failed_op = result->failed_op;
    wire.marked_lease = result->marked_lease;
    wire.n_ops = result->op_count;
    wire.ops = write_op_results(&arena, result);
    wire_pack(&wire.base, out);
}

/* ---- decoding ---- */

static int read_pairs(struct arena *arena, const Pgraft__Kv__OpResult *wire,
                      struct kv_op_result *op, struct err *err)
{
    struct kv_pair *pairs = arena_array(arena, wire->n_pairs, sizeof(*pairs));
    if (pairs == NULL) {
        return wire_unpack_error(arena, "pairs", err);
    }
    for (size_t i = 0; i < wire->n_pairs; i++) {
        const Pgraft__Kv__Pair *pair = wire->pairs[i];
        int rv = wire_no_unknown(&pair->base, "pair", err);
        if (rv != 0) {
            return rv;
        }
        pairs[i] = (struct kv_pair){.key = wire_slice(pair->key),
                                    .value = wire_slice(pair->value),
                                    .create_revision = pair->create_revision,
                                    .mod_revision = pair->mod_revision,
                                    .version = pair->version,
                                    .lease = pair->lease};
    }
    op->pairs = pairs;
    op->pair_count = wire->n_pairs;
    return 0;
}

static int read_op_result(struct arena *arena, const Pgraft__Kv__OpResult *wire,
                          struct kv_op_result *op, struct err *err)
{
    int rv = wire_no_unknown(&wire->base, "op", err);
    if (rv != 0) {
        return rv;
    }
    rv = wire_enum((unsigned)wire->kind, KV_OP_LEASE + 1, "kind", err);
    if (rv != 0) {
        return rv;
    }
    *op = (struct kv_op_result){.kind = (enum kv_op_kind)wire->kind,
                                .count = wire->count,
                                .more = wire->more,
                                .lease = wire->lease,
                                .lease_ttl_ms = wire->lease_ttl_ms,
                                .lease_generation = wire->lease_generation,
                                .lease_epoch = wire->lease_epoch};
    return read_pairs(arena, wire, op, err);
}

static int read_op_results(struct arena *arena, const Pgraft__Kv__Result *wire,
                           struct kv_result *result, struct err *err)
{
    if (wire->n_ops > KV_TXN_OPS_MAX) {
        return err_set(err, ERR_TOO_LARGE, "result: %zu ops, at most %d", wire->n_ops,
                       KV_TXN_OPS_MAX);
    }
    struct kv_op_result *ops = arena_array(arena, wire->n_ops, sizeof(*ops));
    if (ops == NULL) {
        return wire_unpack_error(arena, "result", err);
    }
    for (size_t i = 0; i < wire->n_ops; i++) {
        int rv = read_op_result(arena, wire->ops[i], &ops[i], err);
        if (rv != 0) {
            err_wrap(err, "result: ops[%zu]", i);
            return rv;
        }
    }
    result->ops = ops;
    result->op_count = wire->n_ops;
    return 0;
}

int kv_result_decode(struct kv_decoder *decoder, const void *bytes, size_t size,
                     struct kv_result *ret_result, struct err *err)
{
    if (size > KV_RESULT_MAX) {
        return err_set(err, ERR_TOO_LARGE, "result: %zu bytes, at most %zu", size, KV_RESULT_MAX);
    }
    arena_reset(&decoder->arena, size + WIRE_SLACK + WIRE_PAIRS_SLACK);
    ProtobufCAllocator allocator = wire_allocator(&decoder->arena);
    const Pgraft__Kv__Result *wire = pgraft__kv__result__unpack(&allocator, size, bytes);
    if (wire == NULL) {
        return wire_unpack_error(&decoder->arena, "result", err);
    }
    int rv = wire_no_unknown(&wire->base, "result", err);
    if (rv != 0) {
        return rv;
    }
    if (wire->code > 0) {
        return err_set(err, ERR_PROTOCOL, "result: an error code above 0");
    }
    struct kv_result result = {.code = wire->code,
                               .index = wire->index,
                               .revision = wire->revision,
                               .succeeded = wire->succeeded,
                               .replayed = wire->replayed,
                               .failed_op = wire->failed_op,
                               .marked_lease = wire->marked_lease};
    rv = read_op_results(&decoder->arena, wire, &result, err);
    if (rv != 0) {
        return rv;
    }
    *ret_result = result;
    return 0;
}
