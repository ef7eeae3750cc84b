/* tests/lib/linear.h - is there an order that explains everything the clients were told?
 *
 * Two judges, independent of each other and of the code under test:
 *   linear_check_keys   is each key, taken alone, linearizable? The search of Wing, Gong and Lowe:
 *                       exact for one key with values, results and revisions, told or not.
 *   linear_check_order  are the revisions one order of all keys and transactions? Unique, never
 *                       backwards in real time, and whatever was observed at a revision is what
 *                       the newest write up to it left. O(n log n). Exact where every revision is
 *                       told; where not, it doubts for the accused.
 * Neither ever accuses a history that can be explained. linear_check() asks both.
 *
 * An unknown operation takes effect at any time after its invocation, or never. No clock, no
 * randomness: one history, one answer. A judge that gives up says LINEAR_UNKNOWN, and that is a
 * failure for whoever asks, as is LINEAR_MALFORMED: what was recorded is no history. */
#ifndef TESTS_LIB_LINEAR_H_
#define TESTS_LIB_LINEAR_H_

#include "base/buf.h"
#include "tests/lib/history.h"

enum linear_verdict { LINEAR_LEGAL, LINEAR_UNKNOWN, LINEAR_VIOLATION, LINEAR_MALFORMED };

/* Steps of the search on one key before it gives up. A step takes a microsecond or less and at most
 * 100 bytes; a key whose revisions are told needs about one for each operation. */
#define LINEAR_STEPS_DEFAULT UINT64_C(1000000)

struct linear_limits {
    uint64_t steps; /* 0: LINEAR_STEPS_DEFAULT */
};

struct linear_report {
    enum linear_verdict verdict;
    /* Unless legal: why, and the few operations that show it, as lines of history_text.h. */
    struct buf text;
    size_t keys;        /* that were looked at */
    uint64_t steps;     /* of the search, all keys together */
    uint64_t steps_max; /* on one key */
};

/* Each adds to @report, which is zeroed at first, and keeps the worse verdict with its text.
 * @limits may be NULL. Return whether the report's verdict is LINEAR_LEGAL. */
bool linear_check(const struct history *h, const struct linear_limits *limits,
                  struct linear_report *report);
bool linear_check_keys(const struct history *h, const struct linear_limits *limits,
                       struct linear_report *report);
bool linear_check_order(const struct history *h, struct linear_report *report);

const char *linear_verdict_name(enum linear_verdict verdict);
/* Also right for CLEANUP(linear_report_close). */
void linear_report_close(struct linear_report *report);

#endif /* TESTS_LIB_LINEAR_H_ */
