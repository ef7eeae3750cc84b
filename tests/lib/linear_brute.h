/* tests/lib/linear_brute.h - the same question as linear.h, answered by trying everything.
 *
 * Shares no code with what it judges, not even the model of the store. For a handful of operations.
 */
#ifndef TESTS_LIB_LINEAR_BRUTE_H_
#define TESTS_LIB_LINEAR_BRUTE_H_

#include "tests/lib/history.h"

#define LINEAR_BRUTE_MAX 8 /* operations and, as their numbers are used as they are, keys */

/* Is there an order of the operations, all keys and transactions together, in which each was told
 * what the store would say? There is for a verified history without stale reads. */
bool linear_brute_is_legal(const struct history *h);

#endif /* TESTS_LIB_LINEAR_BRUTE_H_ */
