/* ctl/diff.h - two texts as a unified diff, as diff -u prints it.
 *
 * Pure: appends to a buffer. */
#ifndef CTL_DIFF_H_
#define CTL_DIFF_H_

#include <stdbool.h>

#include "base/buf.h"

/* Nothing for texts that are the same. Lines end with a newline; the last one may do without.
 * @colour: for a terminal. */
void diff_put(struct buf *out, const char *before, const char *after, bool colour);

#endif /* CTL_DIFF_H_ */
