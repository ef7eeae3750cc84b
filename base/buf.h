/* base/buf.h - bytes that grow at the end: messages, lines, JSON, help texts.
 *
 * A zeroed struct is an empty buffer. The bytes are always followed by a NUL that does not count,
 * so a buffer of text can be handed to printf(). Growth is bounded by whoever appends (base/mem.h).
 */
#ifndef BASE_BUF_H_
#define BASE_BUF_H_

#include <stddef.h>
#include <stdint.h>

struct buf {
    char *bytes; /* NULL while nothing was ever appended */
    size_t size;
    size_t room;
};

void buf_append(struct buf *b, const void *bytes, size_t size);
void buf_str(struct buf *b, const char *text);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Append @size bytes of unspecified content and return their place, valid until the next append. */
void *buf_extend(struct buf *b, size_t size);

/* The text, "" when empty; valid until the next append. */
const char *buf_text(const struct buf *b);
/* Hand the bytes over (free with mem_free) and leave an empty buffer. */
char *buf_take(struct buf *b);
/* Forget the bytes, keep the room. */
void buf_clear(struct buf *b);
/* Free; also right for CLEANUP(buf_close). */
void buf_close(struct buf *b);
/* The same for what held a secret: the bytes are overwritten first. */
void buf_wipe(struct buf *b);

#endif /* BASE_BUF_H_ */
