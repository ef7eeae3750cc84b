/* proto/kv_codec.h - commands, reads and results as bytes (kv.proto) and back.
 *
 * Encoding is deterministic: equal structs give equal bytes. Decoding is strict and total: any
 * bytes give a sound struct or an error, and what it may allocate is bounded by the size of the
 * input before a byte of it is trusted. Errors: ERR_PROTOCOL (not this protocol), ERR_VERSION (a
 * field or value of a newer version: must not be skipped), ERR_TOO_LARGE and ERR_INVALID
 * (kv_check.h), each with the place. */
#ifndef PROTO_KV_CODEC_H_
#define PROTO_KV_CODEC_H_

#include "base/buf.h"
#include "base/err.h"
#include "proto/arena.h"
#include "proto/kv.h"

/* What a decoder gave away lives until it decodes again or is closed. A zeroed struct is ready. */
struct kv_decoder {
    struct arena arena;
};
void kv_decoder_close(struct kv_decoder *decoder);

/* Append to @out. Refuses what kv_command_check() refuses, and more than KV_COMMAND_MAX bytes. */
int kv_command_encode(const struct kv_command *command, struct buf *out, struct err *err);
int kv_command_decode(struct kv_decoder *decoder, const void *bytes, size_t size,
                      struct kv_command *ret_command, struct err *err);

/* A read that is asked of another node; its answer is a result with one op. */
int kv_range_encode(const struct kv_range *range, struct buf *out, struct err *err);
int kv_range_decode(struct kv_decoder *decoder, const void *bytes, size_t size,
                    struct kv_range *ret_range, struct err *err);

/* A result comes from a state machine, so it is sound; decoding it trusts nothing all the same. */
void kv_result_encode(const struct kv_result *result, struct buf *out);
int kv_result_decode(struct kv_decoder *decoder, const void *bytes, size_t size,
                     struct kv_result *ret_result, struct err *err);

/* Bytes of an encoded result that is accepted: an answer, and what its pairs cost beside. */
#define KV_RESULT_MAX (2 * KV_ANSWER_BYTES_MAX)

#endif /* PROTO_KV_CODEC_H_ */
