/* tests/lib/linear_brute.c - every order, every choice of what took effect, every revision. */
#include "tests/lib/linear_brute.h"

#include "base/must.h"

struct cell {
    uint64_t value;
    uint64_t revision;
};

struct store {
    struct cell cells[LINEAR_BRUTE_MAX];
    uint64_t revision;
};

struct brute {
    const struct history *h;
    uint64_t mentioned; /* no operation speaks of a higher revision */
    bool done[LINEAR_BRUTE_MAX];
};

/* Operation @i stands for its transaction, if it is the first of it. */
static bool is_first(const struct history *h, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (h->ops[i].txn != 0 && h->ops[j].txn == h->ops[i].txn) {
            return false;
        }
    }
    return true;
}

static bool is_part(const struct history *h, size_t first, size_t i)
{
    return i == first || (h->ops[i].txn != 0 && h->ops[i].txn == h->ops[first].txn);
}

/* All that must be before @first is done. */
static bool is_its_turn(const struct brute *b, size_t first)
{
    for (size_t i = 0; i < b->h->count; i++) {
        const struct history_op *other = &b->h->ops[i];
        if (!b->done[i] && other->status == HISTORY_OK &&
            other->returned < b->h->ops[first].invoked) {
            return false;
        }
    }
    return true;
}

/* Would the store do and answer so? *@ret_writes: it would change the key. */
static bool answers(const struct history_op *op, struct cell cell, bool *ret_writes)
{
    bool is_there = cell.value != HISTORY_ABSENT;
    *ret_writes = (op->kind == HISTORY_PUT) || (op->kind == HISTORY_DELETE && is_there) ||
                  (op->kind == HISTORY_CAS_VALUE && cell.value == op->expected) ||
                  (op->kind == HISTORY_CAS_REVISION && cell.revision == op->expected);
    if (op->status == HISTORY_UNKNOWN) {
        return *ret_writes || op->kind == HISTORY_READ || op->kind == HISTORY_DELETE;
    }
    if (op->kind != HISTORY_PUT && op->kind != HISTORY_READ && op->changed != *ret_writes) {
        return false;
    }
    if (op->found != HISTORY_NOT_TOLD && op->found != cell.value) {
        return false;
    }
    return op->found_revision == HISTORY_NOT_TOLD || op->found_revision == cell.revision;
}

/* The calls go as deep as there are operations, LINEAR_BRUTE_MAX three times over. */
/* NOLINTBEGIN(misc-no-recursion) */
static bool some_order(struct brute *b, const struct store *store);

/* Go on from @store with @first done at @revision. */
static bool try_at(struct brute *b, struct store store, size_t first, const bool *writes,
                   uint64_t revision)
{
    store.revision = revision;
    for (size_t i = first; i < b->h->count; i++) {
        const struct history_op *op = &b->h->ops[i];
        if (!is_part(b->h, first, i)) {
            continue;
        }
        b->done[i] = true;
        if (writes[i]) {
            bool gone = op->kind == HISTORY_DELETE;
            store.cells[op->key] =
                (struct cell){gone ? HISTORY_ABSENT : op->argument, gone ? 0 : revision};
        }
    }
    bool found = some_order(b, &store);
    for (size_t i = first; i < b->h->count; i++) {
        b->done[i] = b->done[i] && !is_part(b->h, first, i);
    }
    return found;
}

/* Let @first, with the other parts of its transaction, be next. */
static bool try_next(struct brute *b, const struct store *store, size_t first)
{
    const struct history_op *op = &b->h->ops[first];
    bool writes[LINEAR_BRUTE_MAX] = {false};
    bool any = false;
    for (size_t i = first; i < b->h->count; i++) {
        if (is_part(b->h, first, i)) {
            if (!answers(&b->h->ops[i], store->cells[b->h->ops[i].key], &writes[i])) {
                return false;
            }
            any = any || writes[i];
        }
    }
    if (op->revision != HISTORY_NOT_TOLD) {
        bool rises = op->revision > store->revision;
        return (rises || (!any && op->revision == store->revision)) &&
               try_at(b, *store, first, writes, op->revision);
    }
    if (!any) {
        return try_at(b, *store, first, writes, store->revision);
    }
    /* Above what is mentioned one revision is like the other. */
    for (uint64_t revision = store->revision + 1;; revision++) {
        if (try_at(b, *store, first, writes, revision)) {
            return true;
        }
        if (revision > b->mentioned) {
            return false;
        }
    }
}

static bool some_order(struct brute *b, const struct store *store)
{
    bool complete = true;
    for (size_t i = 0; i < b->h->count; i++) {
        complete = complete && (b->done[i] || b->h->ops[i].status != HISTORY_OK);
    }
    if (complete) {
        return true;
    }
    for (size_t i = 0; i < b->h->count; i++) {
        if (!b->done[i] && b->h->ops[i].status != HISTORY_FAILED && is_first(b->h, i) &&
            is_its_turn(b, i) && try_next(b, store, i)) {
            return true;
        }
    }
    return false;
}
/* NOLINTEND(misc-no-recursion) */

bool linear_brute_is_legal(const struct history *h)
{
    MUST(h->count <= LINEAR_BRUTE_MAX);
    struct brute b = {.h = h};
    struct store store = {0};
    for (size_t i = 0; i < LINEAR_BRUTE_MAX; i++) {
        store.cells[i].value = HISTORY_ABSENT;
    }
    for (size_t i = 0; i < h->count; i++) {
        const struct history_op *op = &h->ops[i];
        MUST(op->key < LINEAR_BRUTE_MAX && op->kind != HISTORY_STALE_READ);
        const uint64_t revisions[] = {op->revision, op->found_revision,
                                      op->kind == HISTORY_CAS_REVISION ? op->expected : 0};
        for (size_t j = 0; j < ARRAY_LEN(revisions); j++) {
            b.mentioned = revisions[j] > b.mentioned ? revisions[j] : b.mentioned;
        }
    }
    return some_order(&b, &store);
}
