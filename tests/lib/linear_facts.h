/* tests/lib/linear_facts.h - what is known of one key's operations before the search for an order.
 */
#ifndef TESTS_LIB_LINEAR_FACTS_H_
#define TESTS_LIB_LINEAR_FACTS_H_

#include "tests/lib/history.h"
#include "tests/lib/linear_memo.h"

#define LINEAR_NO_TWIN UINT32_MAX
/* A value that is written and that no operation speaks of: one is like the other. */
#define LINEAR_ANY_VALUE HISTORY_NOT_TOLD

/* A value that the key may have, and the operations on it that are not linearized yet. */
struct linear_value {
    uint64_t value;
    uint32_t writers;
    uint32_t needed; /* by so many that must take effect */
};

/* A revision that somebody found or expected, although no write knows that it has it. */
struct linear_mention {
    uint64_t revision;
    uint64_t value;  /* found with it, or HISTORY_NOT_TOLD */
    bool wanted;     /* somebody must, or may, have found it, and not only missed it */
    bool impossible; /* found with two values */
};

struct linear_fact {
    /* 0 if the highest revision so far tells as well whether it can still come. */
    struct linear_print print;
    /* Its values' places among the values; behind them for none. */
    uint32_t writes;
    uint32_t needs;
    /* An unknown operation that was invoked earlier and does the same: it can be used instead. */
    uint32_t twin;
};

struct linear_facts {
    struct history_op *ops; /* by invocation; what is written may be LINEAR_ANY_VALUE */
    uint32_t count;
    struct linear_fact *of; /* each operation */
    uint32_t *due;          /* those that must take effect, by return */
    uint32_t due_count;
    uint32_t
        *told; /* of these, those that know their revision, by it; a change before its readers */
    uint32_t told_count;
    struct linear_mention *mentions; /* by revision */
    uint32_t mention_count;
    struct linear_value *values; /* by value */
    uint32_t value_count;
    bool finds_unwritten; /* somebody found a value that nobody wrote */
};

void linear_facts_init(struct linear_facts *f, const struct history_op *ops, size_t count);
void linear_facts_close(struct linear_facts *f);

/* The order that revisions demand. Readers of one revision are equal in it. */
int linear_facts_compare_told(const struct history_op *a, const struct history_op *b);
/* The place of the first mention of a revision above @floor. */
uint32_t linear_facts_mention(const struct linear_facts *f, uint64_t floor);
/* The place of @value, or value_count if nobody writes it. */
uint32_t linear_facts_value(const struct linear_facts *f, uint64_t value);

#endif /* TESTS_LIB_LINEAR_FACTS_H_ */
