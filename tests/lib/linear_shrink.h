/* tests/lib/linear_shrink.h - the few operations that show why a key has no order.
 *
 * A history that has an order keeps one when a read is left out and when a write is made unknown.
 * So both are tried on everything that is not yet known to matter, as long as there is no order;
 * what remains contradicts itself, whether the others took effect or not. */
#ifndef TESTS_LIB_LINEAR_SHRINK_H_
#define TESTS_LIB_LINEAR_SHRINK_H_

#include "base/buf.h"
#include "tests/lib/linear_key.h"

/* Append the explanation for @ops, in which linear_key_search() found a violation. */
void linear_shrink(struct buf *out, const struct history_op *ops, size_t count,
                   struct linear_memo *memo);

#endif /* TESTS_LIB_LINEAR_SHRINK_H_ */
