/* tests/lib/linear_memo.h - which points of a search were already reached, by 128-bit fingerprint.
 *
 * Only fingerprints are kept. Two points with the same one would hide a part of the search and so
 * might accuse a legal history: with a million points the odds are below 10^-26. */
#ifndef TESTS_LIB_LINEAR_MEMO_H_
#define TESTS_LIB_LINEAR_MEMO_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct linear_print {
    uint64_t a;
    uint64_t b;
};

/* A zeroed struct is an empty memo. */
struct linear_memo {
    struct linear_print *slots; /* {0, 0}: free */
    size_t room;                /* a power of two */
    size_t count;
};

/* A fingerprint of four numbers. Those of single operations, XORed, stand for their set. */
struct linear_print linear_memo_print(uint64_t a, uint64_t b, uint64_t c, uint64_t d);

static inline struct linear_print linear_memo_xor(struct linear_print a, struct linear_print b)
{
    return (struct linear_print){a.a ^ b.a, a.b ^ b.b};
}

/* Remember @print; false if it was there. */
bool linear_memo_add(struct linear_memo *memo, struct linear_print print);
/* Forget all. */
void linear_memo_clear(struct linear_memo *memo);
void linear_memo_close(struct linear_memo *memo);

#endif /* TESTS_LIB_LINEAR_MEMO_H_ */
