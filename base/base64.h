/* base/base64.h - bytes as text: RFC 4648, with padding, and nothing else. */
#ifndef BASE_BASE64_H_
#define BASE_BASE64_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Append. */
void base64_encode(struct buf *out, const void *bytes, size_t size);
/* Append what @text stands for. Strict: what decodes is what would be encoded again; false, and
 * nothing appended, for everything else (a space, a line, missing padding, bits left over). */
bool base64_decode(struct buf *out, const char *text, size_t size);

#endif /* BASE_BASE64_H_ */
