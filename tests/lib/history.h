/* tests/lib/history.h - what clients asked of the store, when, and what they were told.
 *
 * A recorder, which is the simulator or a driver of real clusters, adds one struct per operation
 * and key; tests/lib/linear.h judges the whole. Keys and values are numbers: the recorder writes
 * values that it can tell apart, the more of them unique the sharper the judgement. Every key is
 * absent at the beginning. A zeroed field says "not told", so a recorder fills in what it knows.
 *
 * A multi-key transaction, or a read of several keys, is one struct per key with the same @txn. Its
 * parts take effect together or not at all, and each observes the state before it. A compare that
 * held on a key that the transaction does not write is a read of that key; one that did not hold is
 * a compare-and-swap that did not. If the outcome is unknown, a compare that does not hold keeps
 * all parts from taking effect, a delete that finds nothing does not; and as nobody knows which
 * list of operations was carried out, only what both would do may share a @txn: the rest is
 * recorded as unknown operations of their own.
 *
 * Keys that go with a lease: the recorder adds the delete, unknown from the moment on at which the
 * lease may first run out, or certain if the log has it. */
#ifndef TESTS_LIB_HISTORY_H_
#define TESTS_LIB_HISTORY_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define HISTORY_NOT_TOLD UINT64_C(0)
#define HISTORY_ABSENT UINT64_MAX /* as a value: there is no such key */
#define HISTORY_NEVER UINT64_MAX  /* as a time of return */

enum history_kind {
    HISTORY_READ,
    HISTORY_STALE_READ, /* of any earlier moment, by request; needs a revision to be judged */
    HISTORY_PUT,
    HISTORY_DELETE,
    HISTORY_CAS_VALUE,    /* put if the key has the value @expected, or is HISTORY_ABSENT */
    HISTORY_CAS_REVISION, /* put if it was last written at revision @expected; 0: if absent */
};

enum history_status {
    HISTORY_OK,      /* answered; also with "the compare did not hold" or "nothing to delete" */
    HISTORY_FAILED,  /* surely without effect, now and later; nobody looks at it */
    HISTORY_UNKNOWN, /* may take effect at any time after @invoked, or never */
};

struct history_op {
    uint64_t client;
    uint64_t invoked; /* before the request was sent; any unit, one clock for all */
    /* After the answer came. An operation precedes another if @returned is below the other's
     * @invoked; at a tie they are concurrent. HISTORY_NEVER with HISTORY_OK: it took effect, as the
     * log shows, but nobody can say until when. Of an unknown one it means nothing. */
    uint64_t returned;
    uint64_t key;
    uint64_t txn; /* 0: an operation of its own */
    enum history_kind kind;
    enum history_status status;
    uint64_t argument; /* put, compare-and-swap: the value to write */
    uint64_t expected; /* compare-and-swap */
    bool changed;      /* delete: there was something; compare-and-swap: the compare held */
    /* What the key held just before: a read's answer, the previous value of a write. */
    uint64_t found;
    uint64_t found_revision; /* at which that was written */
    uint64_t revision;       /* of the store, after the operation */
};

/* A zeroed struct is an empty history. */
struct history {
    struct history_op *ops;
    size_t count;
    size_t room;
};

void history_note(struct history *h, const struct history_op *op);
/* Free and empty; also right for CLEANUP(history_clear). */
void history_clear(struct history *h);

/* Do the operations keep to what is said above? ERR_INVALID if not: the recorder is wrong. */
int history_verify(const struct history *h, struct err *err);

/* It changes the key if it takes effect as it was told, or at all. */
static inline bool history_changes(const struct history_op *op)
{
    if (op->kind == HISTORY_READ || op->kind == HISTORY_STALE_READ) {
        return false;
    }
    return op->kind == HISTORY_PUT || op->status == HISTORY_UNKNOWN || op->changed;
}

/* It tells, or needs, something of what the key held before. */
static inline bool history_observes(const struct history_op *op)
{
    return op->found != HISTORY_NOT_TOLD || op->found_revision != HISTORY_NOT_TOLD ||
           op->kind == HISTORY_DELETE || op->kind == HISTORY_CAS_VALUE ||
           op->kind == HISTORY_CAS_REVISION;
}

/* The value after it has changed the key. */
static inline uint64_t history_leaves(const struct history_op *op)
{
    return op->kind == HISTORY_DELETE ? HISTORY_ABSENT : op->argument;
}

/* The one value the key must have held for the operation to take effect and be told what it was;
 * HISTORY_NOT_TOLD if there are more. */
uint64_t history_needs(const struct history_op *op);

/* Could this operation have found the key with @value, last written at @revision (0 if absent)? */
bool history_fits(const struct history_op *op, uint64_t value, uint64_t revision);

#endif /* TESTS_LIB_HISTORY_H_ */
