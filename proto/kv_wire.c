/* proto/kv_wire.c - protobuf-c on an arena, and what is checked of every message. */
#include "proto/kv_wire.h"

#include "base/buf.h"
#include "base/must.h"
#include "proto/kv_codec.h"

static void *wire_alloc(void *context, size_t size)
{
    return arena_alloc(context, size);
}

static void wire_free(void *context, void *piece)
{
    (void)context; /* everything goes at once, with the arena */
    (void)piece;
}

ProtobufCAllocator wire_allocator(struct arena *arena)
{
    return (ProtobufCAllocator){.alloc = wire_alloc, .free = wire_free, .allocator_data = arena};
}

int wire_unpack_error(const struct arena *arena, const char *where, struct err *err)
{
    if (arena->over) {
        return err_set(err, ERR_TOO_LARGE, "%s: takes more memory than its size allows for", where);
    }
    return err_set(err, ERR_PROTOCOL, "%s: not well formed", where);
}

int wire_no_unknown(const ProtobufCMessage *message, const char *where, struct err *err)
{
    if (message->n_unknown_fields == 0) {
        return 0;
    }
    return err_set(err, ERR_VERSION, "%s: field %u is not known to this version", where,
                   message->unknown_fields[0].tag);
}

int wire_enum(unsigned value, unsigned count, const char *where, struct err *err)
{
    if (value < count) {
        return 0;
    }
    return err_set(err, ERR_VERSION, "%s: the value %u is not known to this version", where, value);
}

void wire_pack(const ProtobufCMessage *message, struct buf *out)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *place = buf_extend(out, size);
    size_t packed = protobuf_c_message_pack(message, place);
    MUST(packed == size);
}

int wire_span_read(const Pgraft__Kv__Span *wire, struct kv_span *ret_span, const char *where,
                   struct err *err)
{
    if (wire == NULL) {
        return err_set(err, ERR_PROTOCOL, "%s: names no keys", where);
    }
    int rv = wire_no_unknown(&wire->base, where, err);
    if (rv != 0) {
        return rv;
    }
    rv = wire_enum((unsigned)wire->kind, KV_SPAN_RANGE + 1, where, err);
    if (rv != 0) {
        return rv;
    }
    *ret_span = (struct kv_span){.kind = (enum kv_span_kind)wire->kind,
                                 .key = wire_slice(wire->key),
                                 .end = wire_slice(wire->end)};
    return 0;
}

int wire_range_read(const Pgraft__Kv__Range *wire, struct kv_range *ret_range, const char *where,
                    struct err *err)
{
    int rv = wire_no_unknown(&wire->base, where, err);
    if (rv != 0) {
        return rv;
    }
    struct kv_range range = {
        .limit = wire->limit, .keys_only = wire->keys_only, .count_only = wire->count_only};
    rv = wire_span_read(wire->span, &range.span, where, err);
    if (rv != 0) {
        return rv;
    }
    *ret_range = range;
    return 0;
}

void wire_span_write(const struct kv_span *span, Pgraft__Kv__Span *wire)
{
    pgraft__kv__span__init(wire);
    wire->kind = (Pgraft__Kv__SpanKind)span->kind;
    wire->key = wire_data(span->key);
    wire->end = wire_data(span->end);
}

void wire_range_write(const struct kv_range *range, Pgraft__Kv__Range *wire, Pgraft__Kv__Span *span)
{
    pgraft__kv__range__init(wire);
    wire_span_write(&range->span, span);
    wire->span = span;
    wire->limit = range->limit;
    wire->keys_only = range->keys_only;
    wire->count_only = range->count_only;
}
