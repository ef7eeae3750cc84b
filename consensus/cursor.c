/* consensus/cursor.c - appending to a small record, and taking from its front. */
#include "consensus/cursor.h"

#include <string.h>

#include "storage/pack.h"

void put_u64(struct buf *out, uint64_t value)
{
    pack_le(buf_extend(out, 8), value, 8);
}

bool take_bytes(struct cursor *c, void *out, size_t size)
{
    if (c->left < size) {
        return false;
    }
    memcpy(out, c->at, size);
    c->at += size;
    c->left -= size;
    return true;
}

bool take_u8(struct cursor *c, uint8_t *out)
{
    return take_bytes(c, out, 1);
}

bool take_u64(struct cursor *c, uint64_t *out)
{
    uint8_t bytes[8];
    bool taken = take_bytes(c, bytes, sizeof(bytes));
    *out = taken ? unpack_le(bytes, sizeof(bytes)) : *out;
    return taken;
}

bool take_text(struct cursor *c, const char **out)
{
    const unsigned char *end = c->left > 0 ? memchr(c->at, '\0', c->left) : NULL;
    if (end == NULL) {
        return false;
    }
    *out = (const char *)c->at;
    c->left -= (size_t)(end - c->at) + 1;
    c->at = end + 1;
    return true;
}
