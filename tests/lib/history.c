/* tests/lib/history.c - operations in an array, and the rules that a recorder keeps to. */
#include "tests/lib/history.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"

#define ROOM_AT_FIRST 64

void history_note(struct history *h, const struct history_op *op)
{
    if (h->count == h->room) {
        h->room = h->room == 0 ? ROOM_AT_FIRST : 2 * h->room;
        h->ops = mem_grow(h->ops, h->room, sizeof(*h->ops));
    }
    h->ops[h->count++] = *op;
}

void history_clear(struct history *h)
{
    mem_free(h->ops);
    *h = (struct history){0};
}

bool history_fits(const struct history_op *op, uint64_t value, uint64_t revision)
{
    bool takes_effect = op->status == HISTORY_UNKNOWN || op->changed;
    bool held = true;
    switch (op->kind) {
        case HISTORY_READ:
        case HISTORY_STALE_READ:
        case HISTORY_PUT:
            held = takes_effect; /* they ask for nothing */
            break;
        case HISTORY_DELETE:
            held = value != HISTORY_ABSENT;
            break;
        case HISTORY_CAS_VALUE:
            held = value == op->expected;
            break;
        case HISTORY_CAS_REVISION:
            held = revision == op->expected;
            break;
    }
    if (held != takes_effect) {
        return false;
    }
    if (op->found != HISTORY_NOT_TOLD && op->found != value) {
        return false;
    }
    return op->found_revision == HISTORY_NOT_TOLD || op->found_revision == revision;
}

uint64_t history_needs(const struct history_op *op)
{
    if (op->found != HISTORY_NOT_TOLD) {
        return op->found;
    }
    bool takes_effect = op->status == HISTORY_UNKNOWN || op->changed;
    if (op->kind == HISTORY_CAS_VALUE && takes_effect) {
        return op->expected;
    }
    bool needs_none = (op->kind == HISTORY_DELETE && !takes_effect) ||
                      (op->kind == HISTORY_CAS_REVISION && takes_effect && op->expected == 0);
    return needs_none ? HISTORY_ABSENT : HISTORY_NOT_TOLD;
}

static bool is_value(uint64_t number)
{
    return number != HISTORY_NOT_TOLD && number != HISTORY_ABSENT;
}

/* NULL, or what is wrong with what was asked. */
static const char *wrong_question(const struct history_op *op)
{
    if (op->invoked == HISTORY_NEVER) {
        return "is never invoked";
    }
    switch (op->kind) {
        case HISTORY_READ:
        case HISTORY_STALE_READ:
            return op->changed ? "is a read that changed something" : NULL;
        case HISTORY_DELETE:
            return NULL;
        case HISTORY_CAS_VALUE:
            if (op->expected == HISTORY_NOT_TOLD) {
                return "expects no value; HISTORY_ABSENT stands for absence";
            }
            break;
        case HISTORY_CAS_REVISION:
            if (op->expected == HISTORY_ABSENT) {
                return "expects no revision; 0 stands for absence";
            }
            break;
        case HISTORY_PUT:
            break;
        default:
            return "is of no known kind";
    }
    return is_value(op->argument) ? NULL : "writes what is no value";
}

/* NULL, or what is wrong with what was answered. */
static const char *wrong_answer(const struct history_op *op)
{
    switch (op->status) {
        case HISTORY_UNKNOWN:
            return op->changed || op->found != HISTORY_NOT_TOLD ||
                           op->found_revision != HISTORY_NOT_TOLD ||
                           op->revision != HISTORY_NOT_TOLD
                       ? "was told something although its outcome is unknown"
                       : NULL;
        case HISTORY_OK:
            break;
        case HISTORY_FAILED:
            return NULL;
        default:
            return "is of no known status";
    }
    if (op->returned < op->invoked) {
        return "returns before it is invoked";
    }
    if (op->found == HISTORY_ABSENT && op->found_revision != HISTORY_NOT_TOLD) {
        return "found nothing, but at a revision";
    }
    if (op->found_revision == HISTORY_ABSENT || op->revision == HISTORY_ABSENT) {
        return "has a revision that is none";
    }
    return NULL;
}

/* By transaction, then key; the place in the history decides between equals. */
static int compare_parts(const void *left, const void *right)
{
    const struct history_op *a = *(const struct history_op *const *)left;
    const struct history_op *b = *(const struct history_op *const *)right;
    if (a->txn != b->txn) {
        return a->txn < b->txn ? -1 : 1;
    }
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    return a < b ? -1 : a > b;
}

/* NULL, or why @a and @b, neighbours by transaction and key, are not parts of one. */
static const char *wrong_parts(const struct history_op *a, const struct history_op *b)
{
    if (a->txn == 0 || a->txn != b->txn) {
        return NULL;
    }
    if (a->key == b->key) {
        return "is the second part of its transaction on the key";
    }
    if (a->kind == HISTORY_STALE_READ || b->kind == HISTORY_STALE_READ) {
        return "is part of a transaction with a stale read";
    }
    if (a->client != b->client || a->invoked != b->invoked || a->returned != b->returned) {
        return "differs in client or times from the other parts of its transaction";
    }
    if (a->status != b->status || a->revision != b->revision) {
        return "differs in status or revision from the other parts of its transaction";
    }
    return NULL;
}

static int verify_parts(const struct history *h, struct err *err)
{
    CLEANUP(mem_freep)
    const struct history_op **parts = mem_array(h->count, sizeof(struct history_op *));
    for (size_t i = 0; i < h->count; i++) {
        parts[i] = &h->ops[i];
    }
    qsort(parts, h->count, sizeof(struct history_op *), compare_parts);
    for (size_t i = 1; i < h->count; i++) {
        const char *wrong = wrong_parts(parts[i - 1], parts[i]);
        if (wrong != NULL) {
            return err_set(err, ERR_INVALID,
                           "operation %zu of the history, transaction %" PRIu64 ", %s",
                           (size_t)(parts[i] - h->ops), parts[i]->txn, wrong);
        }
    }
    return 0;
}

int history_verify(const struct history *h, struct err *err)
{
    for (size_t i = 0; i < h->count; i++) {
        const char *wrong = wrong_question(&h->ops[i]);
        if (wrong == NULL) {
            wrong = wrong_answer(&h->ops[i]);
        }
        if (wrong != NULL) {
            return err_set(err, ERR_INVALID, "operation %zu of the history %s", i, wrong);
        }
    }
    return verify_parts(h, err);
}
