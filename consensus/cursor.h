/* consensus/cursor.h - the parts of a small record: appended, and taken strictly from its front.
 *
 * Numbers are little-endian, texts end with a NUL. Nothing that is taken lies beyond the end; false
 * leaves the cursor where it was. */
#ifndef CONSENSUS_CURSOR_H_
#define CONSENSUS_CURSOR_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct cursor {
    const unsigned char *at;
    size_t left;
};

void put_u64(struct buf *out, uint64_t value);

bool take_bytes(struct cursor *c, void *out, size_t size);
bool take_u8(struct cursor *c, uint8_t *out);
bool take_u64(struct cursor *c, uint64_t *out);
/* @out points into the record. */
bool take_text(struct cursor *c, const char **out);

#endif /* CONSENSUS_CURSOR_H_ */
