/* tests/lib/history_random.h - histories of a store that is known to be right, and small lies.
 *
 * A model of the store is asked by clients that overlap. Every operation takes effect at one moment
 * between its invocation and its return, so the history is legal by construction. One seed, one
 * history. */
#ifndef TESTS_LIB_HISTORY_RANDOM_H_
#define TESTS_LIB_HISTORY_RANDOM_H_

#include "tests/lib/history.h"
#include "tests/lib/random.h"

#define HISTORY_RANDOM_KEYS_MAX 64

/* Percentages are of operations unless said otherwise. */
struct history_shape {
    size_t operations;
    size_t clients;
    size_t keys;
    uint64_t values;   /* different ones; 0: each is written once */
    uint64_t duration; /* of an operation at most; 0 is possible too */
    uint64_t pause;    /* of a client between two at most */
    unsigned unknown;
    unsigned failed;
    unsigned transactions; /* of two keys */
    unsigned told;         /* revisions: of answers; 100 for all */
    unsigned found;        /* revisions with what is found: of answers that found something */
    unsigned mute;         /* reads that do not tell what they found, or only its revision */
    unsigned previous;     /* answers of writes that tell what was there before */
    unsigned never;        /* changes that surely took effect, but nobody knows until when */
    unsigned hidden;       /* changes before which something else raised the revision */
    unsigned writes;       /* operations that mean to change something */
    bool by_value;         /* no compare-and-swap on revisions */
};

/* Add a history of this @shape to @h. */
void history_random_model(struct history *h, const struct history_shape *shape,
                          struct test_random *r);

enum history_lie {
    LIE_SWAP,     /* two operations on a key swap their answers */
    LIE_DROP,     /* an acknowledged change is missing */
    LIE_STALE,    /* a read finds what was there earlier, or never */
    LIE_FLIP,     /* a compare held that did not, or the other way round */
    LIE_REVISION, /* an answer has a revision a bit beside its own */
    LIE_TIME,     /* an operation was faster than it was */
    LIE_CERTAIN,  /* an unknown operation is acknowledged */
};
#define HISTORY_LIES 7

/* Tell one such lie somewhere. False if there was nowhere to, or what came out is no history: @h is
 * as before then. */
bool history_random_lie(struct history *h, enum history_lie lie, struct test_random *r);

#endif /* TESTS_LIB_HISTORY_RANDOM_H_ */
