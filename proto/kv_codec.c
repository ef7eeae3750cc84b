/* proto/kv_codec.c - commands and reads, between the plain structs and the protobuf ones. */
#include "proto/kv_codec.h"

#include "base/cleanup.h"
#include "base/must.h"
#include "proto/kv_check.h"
#include "proto/kv_wire.h"

/* The two sets of names must count alike. */
_Static_assert((int)KV_SPAN_RANGE == (int)PGRAFT__KV__SPAN_KIND__SPAN_RANGE, "span kinds");
_Static_assert((int)KV_TARGET_EXISTS == (int)PGRAFT__KV__TARGET__TARGET_EXISTS, "targets");
_Static_assert((int)KV_GREATER == (int)PGRAFT__KV__RELATION__RELATION_GREATER, "relations");
_Static_assert((int)KV_LEASE_EXPIRE == (int)PGRAFT__KV__LEASE_END_KIND__LEASE_END_EXPIRE, "ends");
_Static_assert((int)KV_SETTING_HOLD_EPOCHS == (int)PGRAFT__KV__SETTING_KIND__SETTING_HOLD_EPOCHS,
               "settings");

void kv_decoder_close(struct kv_decoder *decoder)
{
    arena_close(&decoder->arena);
}

/* ---- decoding ---- */

static int read_put(const Pgraft__Kv__Put *wire, struct kv_op *op, struct err *err)
{
    op->kind = KV_OP_PUT;
    op->put = (struct kv_put){.key = wire_slice(wire->key),
                              .value = wire_slice(wire->value),
                              .lease = wire->lease,
                              .want_previous = wire->want_previous};
    return wire_no_unknown(&wire->base, "put", err);
}

static int read_delete(const Pgraft__Kv__Delete *wire, struct kv_op *op, struct err *err)
{
    op->kind = KV_OP_DELETE;
    op->remove.want_previous = wire->want_previous;
    int rv = wire_no_unknown(&wire->base, "delete", err);
    return rv != 0 ? rv : wire_span_read(wire->span, &op->remove.span, "delete", err);
}

static int read_grant(const Pgraft__Kv__LeaseGrant *wire, struct kv_op *op, struct err *err)
{
    op->kind = KV_OP_LEASE;
    op->grant = (struct kv_lease_grant){.id = wire->id,
                                        .ttl_ms = wire->ttl_ms,
                                        .is_protected = wire->is_protected,
                                        .epoch = wire->epoch,
                                        .holder = wire->holder};
    return wire_no_unknown(&wire->base, "grant", err);
}

static int read_op(const Pgraft__Kv__Op *wire, struct kv_op *op, struct err *err)
{
    int rv = wire_no_unknown(&wire->base, "op", err);
    if (rv != 0) {
        return rv;
    }
    switch (wire->op_case) {
        case PGRAFT__KV__OP__OP_PUT:
            return read_put(wire->put, op, err);
        case PGRAFT__KV__OP__OP_REMOVE:
            return read_delete(wire->remove, op, err);
        case PGRAFT__KV__OP__OP_RANGE:
            op->kind = KV_OP_RANGE;
            return wire_range_read(wire->range, &op->range, "range", err);
        case PGRAFT__KV__OP__OP_GRANT:
            return read_grant(wire->grant, op, err);
        case PGRAFT__KV__OP__OP__NOT_SET:
        case _PGRAFT__KV__OP__OP__CASE_IS_INT_SIZE:
        default:
            return err_set(err, ERR_PROTOCOL, "op: says nothing to do");
    }
}

static int read_ops(struct arena *arena, Pgraft__Kv__Op *const *wire, size_t count,
                    const char *name, const struct kv_op **ret_ops, struct err *err)
{
    if (count > KV_TXN_OPS_MAX) {
        return err_set(err, ERR_TOO_LARGE, "%s: %zu ops, at most %d", name, count, KV_TXN_OPS_MAX);
    }
    struct kv_op *ops = arena_array(arena, count, sizeof(*ops));
    if (ops == NULL) {
        return wire_unpack_error(arena, name, err);
    }
    for (size_t i = 0; i < count; i++) {
        int rv = read_op(wire[i], &ops[i], err);
        if (rv != 0) {
            err_wrap(err, "%s[%zu]", name, i);
            return rv;
        }
    }
    *ret_ops = ops;
    return 0;
}

static int read_compare(const Pgraft__Kv__Compare *wire, struct kv_compare *compare,
                        struct err *err)
{
    int rv = wire_no_unknown(&wire->base, "compare", err);
    if (rv != 0) {
        return rv;
    }
    rv = wire_enum((unsigned)wire->target, KV_TARGET_EXISTS + 1, "target", err);
    if (rv != 0) {
        return rv;
    }
    rv = wire_enum((unsigned)wire->relation, KV_GREATER + 1, "relation", err);
    if (rv != 0) {
        return rv;
    }
    *compare = (struct kv_compare){.key = wire_slice(wire->key),
                                   .target = (enum kv_target)wire->target,
                                   .relation = (enum kv_relation)wire->relation,
                                   .number = wire->number,
                                   .value = wire_slice(wire->value)};
    return 0;
}

static int read_compares(struct arena *arena, const Pgraft__Kv__Txn *wire, struct kv_txn *txn,
                         struct err *err)
{
    if (wire->n_compares > KV_TXN_OPS_MAX) {
        return err_set(err, ERR_TOO_LARGE, "compares: %zu, at most %d", wire->n_compares,
                       KV_TXN_OPS_MAX);
    }
    struct kv_compare *compares = arena_array(arena, wire->n_compares, sizeof(*compares));
    if (compares == NULL) {
        return wire_unpack_error(arena, "compares", err);
    }
    for (size_t i = 0; i < wire->n_compares; i++) {
        int rv = read_compare(wire->compares[i], &compares[i], err);
        if (rv != 0) {
            err_wrap(err, "compares[%zu]", i);
            return rv;
        }
    }
    txn->compares = compares;
    txn->compare_count = wire->n_compares;
    return 0;
}

static int read_txn(struct arena *arena, const Pgraft__Kv__Txn *wire, struct kv_txn *txn,
                    struct err *err)
{
    int rv = wire_no_unknown(&wire->base, "txn", err);
    if (rv != 0) {
        return rv;
    }
    rv = read_compares(arena, wire, txn, err);
    if (rv != 0) {
        return rv;
    }
    rv = read_ops(arena, wire->then_ops, wire->n_then_ops, "then", &txn->then_ops, err);
    if (rv != 0) {
        return rv;
    }
    txn->then_count = wire->n_then_ops;
    txn->else_count = wire->n_else_ops;
    return read_ops(arena, wire->else_ops, wire->n_else_ops, "else", &txn->else_ops, err);
}

static int read_lease_end(const Pgraft__Kv__LeaseEnd *wire, struct kv_lease_end *end,
                          struct err *err)
{
    int rv = wire_no_unknown(&wire->base, "lease_end", err);
    if (rv != 0) {
        return rv;
    }
    rv = wire_enum((unsigned)wire->kind, KV_LEASE_EXPIRE + 1, "lease_end.kind", err);
    if (rv != 0) {
        return rv;
    }
    *end = (struct kv_lease_end){.kind = (enum kv_lease_end_kind)wire->kind,
                                 .id = wire->id,
                                 .epoch = wire->epoch,
                                 .generation = wire->generation};
    return 0;
}

static int read_setting(const Pgraft__Kv__Setting *wire, struct kv_setting *setting,
                        struct err *err)
{
    int rv = wire_no_unknown(&wire->base, "setting", err);
    if (rv != 0) {
        return rv;
    }
    rv = wire_enum((unsigned)wire->kind, KV_SETTING_HOLD_EPOCHS + 1, "setting.kind", err);
    if (rv != 0) {
        return rv;
    }
    *setting = (struct kv_setting){.kind = (enum kv_setting_kind)wire->kind, .value = wire->value};
    return 0;
}

static int read_body(struct arena *arena, const Pgraft__Kv__Command *wire,
                     struct kv_command *command, struct err *err)
{
    switch (wire->body_case) {
        case PGRAFT__KV__COMMAND__BODY_OP:
            command->kind = KV_OP;
            return read_op(wire->op, &command->op, err);
        case PGRAFT__KV__COMMAND__BODY_TXN:
            command->kind = KV_TXN;
            return read_txn(arena, wire->txn, &command->txn, err);
        case PGRAFT__KV__COMMAND__BODY_LEASE_END:
            command->kind = KV_LEASE_END;
            return read_lease_end(wire->lease_end, &command->lease_end, err);
        case PGRAFT__KV__COMMAND__BODY_LEASE_CHANGE:
            command->kind = KV_LEASE_CHANGE;
            command->lease_change =
                (struct kv_lease_change){.id = wire->lease_change->id,
                                         .epoch = wire->lease_change->epoch,
                                         .ttl_ms = wire->lease_change->ttl_ms,
                                         .stop_renewal = wire->lease_change->stop_renewal};
            return wire_no_unknown(&wire->lease_change->base, "lease_change", err);
        case PGRAFT__KV__COMMAND__BODY_SETTING:
            command->kind = KV_SETTING;
            return read_setting(wire->setting, &command->setting, err);
        case PGRAFT__KV__COMMAND__BODY_COMPACT:
            command->kind = KV_COMPACT;
            command->compact_revision = wire->compact->revision;
            return wire_no_unknown(&wire->compact->base, "compact", err);
        case PGRAFT__KV__COMMAND__BODY_NOOP:
            command->kind = KV_NOOP;
            return wire_no_unknown(&wire->noop->base, "noop", err);
        case PGRAFT__KV__COMMAND__BODY__NOT_SET:
        case _PGRAFT__KV__COMMAND__BODY__CASE_IS_INT_SIZE:
        default:
            return err_set(err, ERR_PROTOCOL, "command: says nothing to do");
    }
}

int kv_command_decode(struct kv_decoder *decoder, const void *bytes, size_t size,
                      struct kv_command *ret_command, struct err *err)
{
    if (size > KV_COMMAND_MAX) {
        return err_set(err, ERR_TOO_LARGE, "command: %zu bytes, at most %zu", size, KV_COMMAND_MAX);
    }
    arena_reset(&decoder->arena, size + WIRE_SLACK);
    ProtobufCAllocator allocator = wire_allocator(&decoder->arena);
    const Pgraft__Kv__Command *wire = pgraft__kv__command__unpack(&allocator, size, bytes);
    if (wire == NULL) {
        return wire_unpack_error(&decoder->arena, "command", err);
    }
    int rv = wire_no_unknown(&wire->base, "command", err);
    if (rv != 0) {
        return rv;
    }
    struct kv_command command = {.client = wire->client,
                                 .sequence = wire->sequence,
                                 .acked = wire->acked,
                                 .since = wire->since,
                                 .system = wire->system,
                                 .holder_lease = wire->holder_lease,
                                 .holder_epoch = wire->holder_epoch};
    rv = read_body(&decoder->arena, wire, &command, err);
    if (rv != 0) {
        return rv;
    }
    rv = kv_command_check(&command, err);
    if (rv != 0) {
        return rv;
    }
    *ret_command = command;
    return 0;
}

int kv_range_decode(struct kv_decoder *decoder, const void *bytes, size_t size,
                    struct kv_range *ret_range, struct err *err)
{
    if (size > KV_COMMAND_MAX) {
        return err_set(err, ERR_TOO_LARGE, "range: %zu bytes, at most %zu", size, KV_COMMAND_MAX);
    }
    arena_reset(&decoder->arena, size + WIRE_SLACK);
    ProtobufCAllocator allocator = wire_allocator(&decoder->arena);
    const Pgraft__Kv__Range *wire = pgraft__kv__range__unpack(&allocator, size, bytes);
    if (wire == NULL) {
        return wire_unpack_error(&decoder->arena, "range", err);
    }
    struct kv_range range = {0};
    int rv = wire_range_read(wire, &range, "range", err);
    if (rv != 0) {
        return rv;
    }
    rv = kv_range_check(&range, err);
    if (rv != 0) {
        return rv;
    }
    *ret_range = range;
    return 0;
}

/* ---- encoding ---- */

/* All that the protobuf form of one op consists of. */
struct wire_op {
    Pgraft__Kv__Op op;
    Pgraft__Kv__Span span;
    union {
        Pgraft__Kv__Put put;
        Pgraft__Kv__Delete remove;
        Pgraft__Kv__Range range;
        Pgraft__Kv__LeaseGrant grant;
    };
};

static void write_op(const struct kv_op *op, struct wire_op *wire)
{
    pgraft__kv__op__init(&wire->op);
    switch (op->kind) {
        case KV_OP_PUT:
            pgraft__kv__put__init(&wire->put);
            wire->put.key = wire_data(op->put.key);
            wire->put.value = wire_data(op->put.value);
            wire->put.lease = op->put.lease;
            wire->put.want_previous = op->put.want_previous;
            wire->op.op_case = PGRAFT__KV__OP__OP_PUT;
            wire->op.put = &wire->put;
            return;
        case KV_OP_DELETE:
            pgraft__kv__delete__init(&wire->remove);
            wire_span_write(&op->remove.span, &wire->span);
            wire->remove.span = &wire->span;
            wire->remove.want_previous = op->remove.want_previous;
            wire->op.op_case = PGRAFT__KV__OP__OP_REMOVE;
            wire->op.remove = &wire->remove;
            return;
        case KV_OP_RANGE:
            wire_range_write(&op->range, &wire->range, &wire->span);
            wire->op.op_case = PGRAFT__KV__OP__OP_RANGE;
            wire->op.range = &wire->range;
            return;
        case KV_OP_LEASE:
            pgraft__kv__lease_grant__init(&wire->grant);
            wire->grant.id = op->grant.id;
            wire->grant.ttl_ms = op->grant.ttl_ms;
            wire->grant.is_protected = op->grant.is_protected;
            wire->grant.epoch = op->grant.epoch;
            wire->grant.holder = op->grant.holder;
            wire->op.op_case = PGRAFT__KV__OP__OP_GRANT;
            wire->op.grant = &wire->grant;
            return;
    }
    UNREACHABLE("an op has one of four kinds");
}

static Pgraft__Kv__Op **write_ops(struct arena *arena, const struct kv_op *ops, size_t count)
{
    struct wire_op *wire = arena_array(arena, count, sizeof(*wire));
    Pgraft__Kv__Op **list = arena_array(arena, count, sizeof(*list));
    MUST(wire != NULL);
    MUST(list != NULL);
    for (size_t i = 0; i < count; i++) {
        write_op(&ops[i], &wire[i]);
        list[i] = &wire[i].op;
    }
    return list;
}

static Pgraft__Kv__Compare **write_compares(struct arena *arena, const struct kv_txn *txn)
{
    Pgraft__Kv__Compare *wire = arena_array(arena, txn->compare_count, sizeof(*wire));
    Pgraft__Kv__Compare **list = arena_array(arena, txn->compare_count, sizeof(*list));
    MUST(wire != NULL);
    MUST(list != NULL);
    for (size_t i = 0; i < txn->compare_count; i++) {
        const struct kv_compare *compare = &txn->compares[i];
        pgraft__kv__compare__init(&wire[i]);
        wire[i].key = wire_data(compare->key);
        wire[i].target = (Pgraft__Kv__Target)compare->target;
        wire[i].relation = (Pgraft__Kv__Relation)compare->relation;
        wire[i].number = compare->number;
        wire[i].value = wire_data(compare->value);
        list[i] = &wire[i];
    }
    return list;
}

/* The parts of a command's body that are not an op; one of them is used. */
union wire_body {
    struct wire_op op;
    Pgraft__Kv__Txn txn;
    Pgraft__Kv__LeaseEnd lease_end;
    Pgraft__Kv__LeaseChange lease_change;
    Pgraft__Kv__Setting setting;
    Pgraft__Kv__Compact compact;
    Pgraft__Kv__Noop noop;
};

static void write_txn(struct arena *arena, const struct kv_txn *txn, Pgraft__Kv__Txn *wire)
{
    pgraft__kv__txn__init(wire);
    wire->n_compares = txn->compare_count;
    wire->compares = write_compares(arena, txn);
    wire->n_then_ops = txn->then_count;
    wire->then_ops = write_ops(arena, txn->then_ops, txn->then_count);
    wire->n_else_ops = txn->else_count;
    wire->else_ops = write_ops(arena, txn->else_ops, txn->else_count);
}

static void write_lease_body(const struct kv_command *command, union wire_body *body,
                             Pgraft__Kv__Command *wire)
{
    if (command->kind == KV_LEASE_END) {
        pgraft__kv__lease_end__init(&body->lease_end);
        body->lease_end.kind = (Pgraft__Kv__LeaseEndKind)command->lease_end.kind;
        body->lease_end.id = command->lease_end.id;
        body->lease_end.epoch = command->lease_end.epoch;
        body->lease_end.generation = command->lease_end.generation;
        wire->body_case = PGRAFT__KV__COMMAND__BODY_LEASE_END;
        wire->lease_end = &body->lease_end;
        return;
    }
    pgraft__kv__lease_change__init(&body->lease_change);
    body->lease_change.id = command->lease_change.id;
    body->lease_change.epoch = command->lease_change.epoch;
    body->lease_change.ttl_ms = command->lease_change.ttl_ms;
    body->lease_change.stop_renewal = command->lease_change.stop_renewal;
    wire->body_case = PGRAFT__KV__COMMAND__BODY_LEASE_CHANGE;
    wire->lease_change = &body->lease_change;
}

static void write_body(struct arena *arena, const struct kv_command *command, union wire_body *body,
                       Pgraft__Kv__Command *wire)
{
    switch (command->kind) {
        case KV_OP:
            write_op(&command->op, &body->op);
            wire->body_case = PGRAFT__KV__COMMAND__BODY_OP;
            wire->op = &body->op.op;
            return;
        case KV_TXN:
            write_txn(arena, &command->txn, &body->txn);
            wire->body_case = PGRAFT__KV__COMMAND__BODY_TXN;
            wire->txn = &body->txn;
            return;
        case KV_LEASE_END:
        case KV_LEASE_CHANGE:
            write_lease_body(command, body, wire);
            return;
        case KV_SETTING:
            pgraft__kv__setting__init(&body->setting);
            body->setting.kind = (Pgraft__Kv__SettingKind)command->setting.kind;
            body->setting.value = command->setting.value;
            wire->body_case = PGRAFT__KV__COMMAND__BODY_SETTING;
            wire->setting = &body->setting;
            return;
        case KV_COMPACT:
            pgraft__kv__compact__init(&body->compact);
            body->compact.revision = command->compact_revision;
            wire->body_case = PGRAFT__KV__COMMAND__BODY_COMPACT;
            wire->compact = &body->compact;
            return;
        case KV_NOOP:
            pgraft__kv__noop__init(&body->noop);
            wire->body_case = PGRAFT__KV__COMMAND__BODY_NOOP;
            wire->noop = &body->noop;
            return;
    }
    UNREACHABLE("a command has one of seven kinds");
}

int kv_command_encode(const struct kv_command *command, struct buf *out, struct err *err)
{
    int rv = kv_command_check(command, err);
    if (rv != 0) {
        return rv;
    }
    CLEANUP(arena_close) struct arena arena = {0};
    if (command->kind == KV_TXN) {
        arena_reset(&arena, WIRE_SLACK);
    }
    Pgraft__Kv__Command wire;
    union wire_body body;
    pgraft__kv__command__init(&wire);
    wire.client = command->client;
    wire.sequence = command->sequence;
    wire.acked = command->acked;
    wire.since = command->since;
    wire.system = command->system;
    wire.holder_lease = command->holder_lease;
    wire.holder_epoch = command->holder_epoch;
    write_body(&arena, command, &body, &wire);
    size_t size = pgraft__kv__command__get_packed_size(&wire);
    if (size > KV_COMMAND_MAX) {
        return err_set(err, ERR_TOO_LARGE, "command: %zu bytes, at most %zu", size, KV_COMMAND_MAX);
    }
    wire_pack(&wire.base, out);
    return 0;
}

int kv_range_encode(const struct kv_range *range, struct buf *out, struct err *err)
{
    int rv = kv_range_check(range, err);
    if (rv != 0) {
        return rv;
    }
    Pgraft__Kv__Range wire;
    Pgraft__Kv__Span span;
    wire_range_write(range, &wire, &span);
    wire_pack(&wire.base, out);
    return 0;
}
