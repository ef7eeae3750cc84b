/* proto/kv_wire.h - what the halves of the codec share; for kv_codec.c and kv_*_codec.c alone. */
#ifndef PROTO_KV_WIRE_H_
#define PROTO_KV_WIRE_H_

#include "base/buf.h"
#include "base/err.h"
#include "proto/arena.h"
#include "proto/kv.h"
#include "proto/kv.pb-c.h"

/* What decoding may cost beyond the bytes of the message: the structs for KV_TXN_OPS_MAX ops in
 * each of three lists; and for the pairs of an answer, each of which has paid KV_PAIR_OVERHEAD of
 * KV_ANSWER_BYTES_MAX and takes no more than four times that. */
#define WIRE_SLACK ((size_t)512 * 1024)
#define WIRE_PAIRS_SLACK (4 * KV_ANSWER_BYTES_MAX)

static inline struct kv_slice wire_slice(ProtobufCBinaryData data)
{
    return kv_slice(data.data, data.len);
}

/* protobuf-c's type has no const; packing only reads. */
static inline ProtobufCBinaryData wire_data(struct kv_slice slice)
{
    union {
        const void *in;
        uint8_t *out;
    } bytes = {.in = slice.bytes};
    return (ProtobufCBinaryData){.len = slice.size, .data = bytes.out};
}

/* Let protobuf-c allocate from @arena. */
ProtobufCAllocator wire_allocator(struct arena *arena);
/* The error of an unpack() that gave NULL. */
int wire_unpack_error(const struct arena *arena, const char *where, struct err *err);
/* 0 if @message holds no field that this version does not know. */
int wire_no_unknown(const ProtobufCMessage *message, const char *where, struct err *err);
/* 0 if an enum's value is one of @count from 0 on. */
int wire_enum(unsigned value, unsigned count, const char *where, struct err *err);
/* Append the packed message to @out. */
void wire_pack(const ProtobufCMessage *message, struct buf *out);

int wire_span_read(const Pgraft__Kv__Span *wire, struct kv_span *ret_span, const char *where,
                   struct err *err);
void wire_span_write(const struct kv_span *span, Pgraft__Kv__Span *wire);
int wire_range_read(const Pgraft__Kv__Range *wire, struct kv_range *ret_range, const char *where,
                    struct err *err);
/* Both parts of the message, which stays usable as long as @span and the slices. */
void wire_range_write(const struct kv_range *range, Pgraft__Kv__Range *wire,
                      Pgraft__Kv__Span *span);

#endif /* PROTO_KV_WIRE_H_ */
