/* tests/lib/linear_versions.h - which value each key had from which revision on.
 *
 * The writes that know their revision say it themselves. Of the others it is learned from who found
 * what they wrote; the parts of a transaction are known from one of them. */
#ifndef TESTS_LIB_LINEAR_VERSIONS_H_
#define TESTS_LIB_LINEAR_VERSIONS_H_

#include "tests/lib/linear.h"

struct linear_version {
    uint64_t key;
    uint64_t revision;
    uint64_t value; /* HISTORY_NOT_TOLD: of it only the revision is known */
    /* Who wrote it; if not @sure, the one of those who may have that was invoked first, or NULL */
    const struct history_op *op;
    const struct history_op *witness; /* who found it, if @op was not told */
    bool sure;
};

/* A write that was not told its revision. */
struct linear_writer {
    const struct history_op *op;
    uint64_t bound; /* its revision, once learned; else 0 */
    const struct history_op *witness;
};

struct linear_versions {
    struct linear_version *at; /* by key and revision */
    size_t count;
    size_t room;
    struct linear_writer *writers; /* by key, value and invocation */
    size_t writers_count;
};

/* False if the operations contradict each other in this; @report says how. @v is zeroed at first,
 * and to be closed in both cases. */
bool linear_versions_init(struct linear_versions *v, const struct history *h,
                          struct linear_report *report);
void linear_versions_close(struct linear_versions *v);

/* The newest version of @key up to @revision; NULL: absent since ever. */
const struct linear_version *linear_versions_newest(const struct linear_versions *v, uint64_t key,
                                                    uint64_t revision);
/* The place of the first writer of @key that leaves @value or a higher one. */
size_t linear_versions_writer(const struct linear_versions *v, uint64_t key, uint64_t value);

#endif /* TESTS_LIB_LINEAR_VERSIONS_H_ */
