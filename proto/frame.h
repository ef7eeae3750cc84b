/* proto/frame.h - messages in a stream of bytes: length, checksum, body.
 *
 *   u32 size of the body   u32 CRC-32C of the size and the body   body         (little-endian)
 *
 * The checksum is against bytes that a broken host or middlebox has changed, not against people:
 * that is TLS's affair. A reader takes no more memory than the frames it may be sent, and believes
 * a length only within its limit, which is small until the other side has shown who it is. */
#ifndef PROTO_FRAME_H_
#define PROTO_FRAME_H_

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define FRAME_HEADER_SIZE 8

/* Append a frame to @out. */
void frame_write(struct buf *out, const void *body, size_t size);
/* The same, with a body that is written in place: all that is appended to @out between the two
 * calls. frame_begin() returns what frame_end() has to be told; setting @out's size back to it
 * instead takes the frame back. */
size_t frame_begin(struct buf *out);
void frame_end(struct buf *out, size_t begun);

/* A zeroed struct with a limit is ready. */
struct frame_reader {
    size_t body_max;
    struct buf bytes; /* that came and were not taken */
    size_t taken;     /* of them, by frame_next() */
    int failed;       /* after an error the stream has no meaning any more */
};

void frame_reader_close(struct frame_reader *reader);
/* Bytes have come. ERR_TOO_LARGE: more than the frame that is coming may have; take frames first.
 */
int frame_feed(struct frame_reader *reader, const void *bytes, size_t size, struct err *err);
/* 1: a frame, whose body lives until the next call of the reader; 0: more bytes are needed; or
 * ERR_TOO_LARGE (a body beyond the limit), ERR_PROTOCOL (a wrong checksum), now and ever after. */
int frame_next(struct frame_reader *reader, const void **ret_body, size_t *ret_size,
               struct err *err);

#endif /* PROTO_FRAME_H_ */
