/* tests/lib/linear_key.h - can the operations on one key be put into one order?
 *
 * The search of Wing and Gong with Lowe's just-in-time ordering: operations are linearized one
 * after the other, and none before somebody's return, or what somebody was told, makes it
 * necessary. */
#ifndef TESTS_LIB_LINEAR_KEY_H_
#define TESTS_LIB_LINEAR_KEY_H_

#include "tests/lib/linear.h"
#include "tests/lib/linear_memo.h"

struct linear_key_result {
    enum linear_verdict verdict;
    uint64_t steps; /* from one point of the search to another */
    uint64_t looks; /* at operations, to find these */
};

/* May linear_key_search() be handed this operation? It has something to say about its key then. */
bool linear_key_wants(const struct history_op *op);

/* @ops: verified, wanted, of one key, by @invoked. Here an unknown operation may know its revision:
 * it takes effect at that one or never. @memo is working memory. */
struct linear_key_result linear_key_search(const struct history_op *ops, size_t count,
                                           uint64_t steps_max, struct linear_memo *memo);

#endif /* TESTS_LIB_LINEAR_KEY_H_ */
