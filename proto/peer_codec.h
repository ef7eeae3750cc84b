/* proto/peer_codec.h - messages between members as bytes (peer.proto) and back.
 *
 * Encoding is deterministic. Decoding is strict and total: any bytes give a message whose parts are
 * of their kinds and sizes, or an error, and what it may allocate is bounded before a byte of it is
 * trusted. Whether a message makes sense is for whoever it is for: consensus/ trusts none.
 * Errors: ERR_PROTOCOL, ERR_VERSION (of a newer version), ERR_TOO_LARGE, each with the place. */
#ifndef PROTO_PEER_CODEC_H_
#define PROTO_PEER_CODEC_H_

#include "base/buf.h"
#include "base/err.h"
#include "proto/arena.h"
#include "proto/peer.h"

#define PEER_MESSAGE_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define PEER_ENTRIES_MAX 8192 /* of one message */
#define PEER_ROWS_MAX 65536
#define PEER_ROW_KEY_MAX 480
#define PEER_SOFT_STATES_MAX 64
#define PEER_TEXT_MAX 16384 /* a list of peers is the longest */

/* What a decoder gave away lives until it decodes again or is closed. A zeroed struct is ready. */
struct peer_decoder {
    struct arena arena;
};
void peer_decoder_close(struct peer_decoder *decoder);

/* Append to @out. */
int peer_encode(const struct peer_message *message, struct buf *out, struct err *err);
int peer_decode(struct peer_decoder *decoder, const void *bytes, size_t size,
                struct peer_message *ret_message, struct err *err);

#endif /* PROTO_PEER_CODEC_H_ */
