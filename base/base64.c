/* base/base64.c - three bytes, four digits. */
#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *out, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i += 3) {
        size_t have = size - i < 3 ? size - i : 3;
        uint32_t three = (uint32_t)at[i] << 16;
        three |= have > 1 ? (uint32_t)at[i + 1] << 8 : 0;
        three |= have > 2 ? at[i + 2] : 0;
        buf_char(out, digits[three >> 18]);
        buf_char(out, digits[three >> 12 & 63]);
        buf_char(out, have > 1 ? digits[three >> 6 & 63] : '=');
        buf_char(out, have > 2 ? digits[three & 63] : '=');
    }
}

/* The value of a digit; 64 for what is none. */
static uint32_t value_of(char c)
{
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (uint32_t)(at - digits) : 64;
}

/* Four digits, of which @pad stand for nothing; false when they are not what we would write. */
static bool decode_four(const char *text, size_t pad, unsigned char three[3])
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        uint32_t value = i < 4 - pad ? value_of(text[i]) : 0;
        if (value == 64) {
            return false;
        }
        bits = bits << 6 | value;
    }
    for (size_t i = 0; i < 3; i++) {
        three[i] = (unsigned char)(bits >> (16 - 8 * i));
    }
    return (pad < 1 || three[2] == 0) && (pad < 2 || three[1] == 0);
}

bool base64_decode(struct buf *out, const char *text, size_t size)
{
    size_t before = out->size;
    bool good = size % 4 == 0;
    for (size_t i = 0; good && i < size; i += 4) {
        bool last = i + 4 == size;
        size_t pad = !last || text[i + 3] != '=' ? 0 : text[i + 2] != '=' ? 1 : 2;
        unsigned char three[3];
        good = decode_four(text + i, pad, three);
        if (good) {
            buf_append(out, three, 3 - pad);
        }
    }
    if (!good && out->size > before) {
        out->size = before;
        out->bytes[before] = '\0';
    }
    return good;
}
