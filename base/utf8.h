/* base/utf8.h - one character of UTF-8 at a time, and whether anybody could see it. */
#ifndef BASE_UTF8_H_
#define BASE_UTF8_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOT_UTF8 UINT32_MAX

struct utf8_char {
    uint32_t code; /* or NOT_UTF8 */
    size_t size;   /* of the character, or of the bytes that are to be replaced as one */
};

/* The character at the start of @size > 0 bytes. Overlong forms, surrogates and values above
 * U+10FFFF are no UTF-8; the broken part ends before the first byte that may start something new
 * (Unicode, chapter 3.9, table 3-7). */
struct utf8_char utf8_first(const void *bytes, size_t size);

/* Nothing but characters. */
bool utf8_is_text(const void *bytes, size_t size);

/* Characters that are not seen, or that change how others are seen: controls, marks of direction,
 * zero widths. */
bool utf8_is_invisible(uint32_t code);

#endif /* BASE_UTF8_H_ */
