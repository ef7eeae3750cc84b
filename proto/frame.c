/* proto/frame.c - frames out of bytes as they come, and into bytes. */
#include "proto/frame.h"

#include <endian.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/must.h"

/* Beside the frame that is coming, one read of the socket may bring the beginnings of others. */
#define FEED_SLACK ((size_t)64 * 1024)

static uint32_t checksum(uint32_t size_le, const void *body, size_t size)
{
    uint32_t crc = crc32c_extend(0, &size_le, sizeof(size_le));
    return size > 0 ? crc32c_extend(crc, body, size) : crc;
}

void frame_write(struct buf *out, const void *body, size_t size)
{
    MUST(size <= UINT32_MAX);
    uint32_t head[2] = {htole32((uint32_t)size), 0};
    head[1] = htole32(checksum(head[0], body, size));
    buf_append(out, head, sizeof(head));
    buf_append(out, body, size);
}

size_t frame_begin(struct buf *out)
{
    size_t begun = out->size;
    (void)buf_extend(out, FRAME_HEADER_SIZE);
    return begun;
}

void frame_end(struct buf *out, size_t begun)
{
    MUST(out->size >= begun + FRAME_HEADER_SIZE);
    size_t size = out->size - begun - FRAME_HEADER_SIZE;
    MUST(size <= UINT32_MAX);
    char *at = out->bytes + begun;
    uint32_t head[2] = {htole32((uint32_t)size), 0};
    head[1] = htole32(checksum(head[0], at + FRAME_HEADER_SIZE, size));
    memcpy(at, head, sizeof(head));
}

void frame_reader_close(struct frame_reader *reader)
{
    buf_close(&reader->bytes);
    *reader = (struct frame_reader){.body_max = reader->body_max};
}

/* What was taken makes room. */
static void drop_taken(struct frame_reader *reader)
{
    if (reader->taken == 0) {
        return;
    }
    reader->bytes.size -= reader->taken;
    memmove(reader->bytes.bytes, reader->bytes.bytes + reader->taken, reader->bytes.size);
    reader->taken = 0;
}

int frame_feed(struct frame_reader *reader, const void *bytes, size_t size, struct err *err)
{
    drop_taken(reader);
    size_t max = FRAME_HEADER_SIZE + reader->body_max + FEED_SLACK;
    if (size > max - reader->bytes.size) {
        return err_set(err, ERR_TOO_LARGE, "frame: more than %zu bytes wait to be taken", max);
    }
    buf_append(&reader->bytes, bytes, size);
    return 0;
}

static int fail(struct frame_reader *reader, int code)
{
    reader->failed = code;
    return code;
}

int frame_next(struct frame_reader *reader, const void **ret_body, size_t *ret_size,
               struct err *err)
{
    const char *at = reader->bytes.bytes + reader->taken;
    size_t left = reader->bytes.size - reader->taken;
    if (reader->failed != 0) {
        return err_set(err, reader->failed, "frame: the stream has failed before");
    }
    if (left < FRAME_HEADER_SIZE) {
        return 0;
    }
    uint32_t head[2];
    memcpy(head, at, sizeof(head));
    size_t size = le32toh(head[0]);
    if (size > reader->body_max) {
        return fail(reader, err_set(err, ERR_TOO_LARGE, "frame: a body of %zu bytes, at most %zu",
                                    size, reader->body_max));
    }
    if (left - FRAME_HEADER_SIZE < size) {
        return 0;
    }
    const char *body = at + FRAME_HEADER_SIZE;
    if (checksum(head[0], body, size) != le32toh(head[1])) {
        return fail(reader, err_set(err, ERR_PROTOCOL, "frame: a wrong checksum"));
    }
    reader->taken += FRAME_HEADER_SIZE + size;
    *ret_body = body;
    *ret_size = size;
    return 1;
}
