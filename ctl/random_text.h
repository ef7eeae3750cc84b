/* ctl/random_text.h - secrets that nobody has to make up. */
#ifndef CTL_RANDOM_TEXT_H_
#define CTL_RANDOM_TEXT_H_

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#define RANDOM_BYTES_MAX 64

/* Fill @out with @size bytes of the kernel's generator. */
int random_fill(void *out, size_t size, struct err *err);
/* Append @bytes bytes from the kernel's generator as hexadecimal digits, two for each. */
int random_text(struct buf *out, size_t bytes, struct err *err);

#endif /* CTL_RANDOM_TEXT_H_ */
