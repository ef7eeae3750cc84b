/* base/utf8.c - the table of well-formed UTF-8, and the characters that hide. */
#include "base/utf8.h"

#include "base/must.h"

struct utf8_char utf8_first(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    unsigned char first = at[0];
    if (first < 0x80) {
        return (struct utf8_char){first, 1};
    }
    if (first < 0xc2 || first > 0xf4) {
        return (struct utf8_char){NOT_UTF8, 1};
    }
    size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    unsigned char least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    uint32_t code = first & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if (i == size || at[i] < least || at[i] > most) {
            return (struct utf8_char){NOT_UTF8, i};
        }
        code = code << 6 | (at[i] & 0x3fU);
        least = 0x80;
        most = 0xbf;
    }
    return (struct utf8_char){code, length};
}

bool utf8_is_text(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t done = 0; done < size;) {
        struct utf8_char c = utf8_first(at + done, size - done);
        if (c.code == NOT_UTF8) {
            return false;
        }
        done += c.size;
    }
    return true;
}

bool utf8_is_invisible(uint32_t code)
{
    static const struct {
        uint32_t first;
        uint32_t last;
    } ranges[] = {
        {0x00, 0x1f},       /* controls: newline, escape */
        {0x7f, 0x9f},       /* delete; the second set of controls, with a one-character CSI */
        {0x061c, 0x061c},   /* Arabic letter mark */
        {0x200b, 0x200f},   /* zero width; left-to-right, right-to-left mark */
        {0x2028, 0x202e},   /* line and paragraph separator; embedding and override */
        {0x2060, 0x206f},   /* invisible operators; isolates */
        {0xfeff, 0xfeff},   /* byte order mark */
        {0xfff9, 0xfffb},   /* interlinear annotation */
        {0xe0000, 0xe007f}, /* tags */
    };
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        if (code >= ranges[i].first && code <= ranges[i].last) {
            return true;
        }
    }
    return false;
}
