/* tests/lib/linear.c - a history is cut up by keys, and each is searched for an order. */
#include "tests/lib/linear.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "tests/lib/linear_accuse.h"
#include "tests/lib/linear_key.h"
#include "tests/lib/linear_shrink.h"

/* By key, then invocation; the place in the history decides between equals. */
static int compare_ops(const void *left, const void *right)
{
    const struct history_op *a = *(const struct history_op *const *)left;
    const struct history_op *b = *(const struct history_op *const *)right;
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    if (a->invoked != b->invoked) {
        return a->invoked < b->invoked ? -1 : 1;
    }
    return a < b ? -1 : a > b;
}

/* Copy what has something to say, ordered; return how many these are. */
static size_t select_ops(const struct history *h, struct history_op *ops)
{
    CLEANUP(mem_freep)
    const struct history_op **places = mem_array(h->count, sizeof(struct history_op *));
    size_t count = 0;
    for (size_t i = 0; i < h->count; i++) {
        if (linear_key_wants(&h->ops[i])) {
            places[count++] = &h->ops[i];
        }
    }
    qsort(places, count, sizeof(struct history_op *), compare_ops);
    for (size_t i = 0; i < count; i++) {
        ops[i] = *places[i];
    }
    return count;
}

/* Search one key; false on a violation. */
static bool check_key(const struct history_op *ops, size_t count, uint64_t steps_max,
                      struct linear_memo *memo, struct linear_report *report)
{
    struct linear_key_result result = linear_key_search(ops, count, steps_max, memo);
    report->keys++;
    report->steps += result.steps;
    if (result.steps > report->steps_max) {
        report->steps_max = result.steps;
    }
    switch (result.verdict) {
        case LINEAR_LEGAL:
            return true;
        case LINEAR_UNKNOWN:
            linear_accuse(report, LINEAR_UNKNOWN, NULL, NULL,
                          "key %" PRIu64 ": gave up on its %zu operations after %" PRIu64 " steps",
                          ops[0].key, count, result.steps);
            return true;
        case LINEAR_VIOLATION:
        case LINEAR_MALFORMED:
            break;
    }
    if (report->verdict < LINEAR_VIOLATION) {
        report->verdict = LINEAR_VIOLATION;
        buf_clear(&report->text);
        linear_shrink(&report->text, ops, count, memo);
    }
    return false;
}

bool linear_check_keys(const struct history *h, const struct linear_limits *limits,
                       struct linear_report *report)
{
    if (!linear_accuse_recorder(report, h)) {
        return false;
    }
    uint64_t steps_max =
        limits == NULL || limits->steps == 0 ? LINEAR_STEPS_DEFAULT : limits->steps;
    CLEANUP(linear_memo_close) struct linear_memo memo = {0};
    CLEANUP(mem_freep) struct history_op *ops = mem_array(h->count, sizeof(*ops));
    size_t count = select_ops(h, ops);
    for (size_t first = 0, end = 0; first < count; first = end) {
        while (end < count && ops[end].key == ops[first].key) {
            end++;
        }
        if (!check_key(ops + first, end - first, steps_max, &memo, report)) {
            break; /* one is enough */
        }
    }
    return report->verdict == LINEAR_LEGAL;
}

bool linear_check(const struct history *h, const struct linear_limits *limits,
                  struct linear_report *report)
{
    /* The revisions first: what they show is shown by two operations. */
    linear_check_order(h, report);
    linear_check_keys(h, limits, report);
    return report->verdict == LINEAR_LEGAL;
}
