/* tests/lib/linear_accuse.h - what the judges share: how a verdict gets into a report. */
#ifndef TESTS_LIB_LINEAR_ACCUSE_H_
#define TESTS_LIB_LINEAR_ACCUSE_H_

#include "tests/lib/linear.h"

/* Make @verdict the report's if it is worse than that, with a line of text and @a and @b, which may
 * be NULL or the same, in the order of their invocation. Returns false, for the caller to return.
 */
bool linear_accuse(struct linear_report *report, enum linear_verdict verdict,
                   const struct history_op *a, const struct history_op *b, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Is the history one at all? If not, the report says so. */
bool linear_accuse_recorder(struct linear_report *report, const struct history *h);

#endif /* TESTS_LIB_LINEAR_ACCUSE_H_ */
