/* tests/lib/linear_shrink.c - weaken by halves, then one by one, and print what could not be. */
#include "tests/lib/linear_shrink.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/lib/history_text.h"

#define STEPS_MAX UINT64_C(20000)        /* of one search: what takes more is kept as it is */
#define LOOKS_MAX_ALL UINT64_C(50000000) /* of all of them: a second or so */
#define CONTEXT_MAX 8                    /* writes that are printed because their values are seen */
#define CORE_MAX 40                      /* operations that are printed at most beside these */

struct shrink {
    const struct history_op *ops;
    size_t count;
    bool *weak;              /* left out, or made unknown */
    struct history_op *work; /* what is searched */
    struct linear_memo *memo;
    uint64_t looks;
    bool gave_up; /* at least once */
};

static struct history_op weakened(const struct history_op *op)
{
    struct history_op weak = *op;
    weak.status = HISTORY_UNKNOWN;
    weak.changed = false;
    weak.found = HISTORY_NOT_TOLD;
    weak.found_revision = HISTORY_NOT_TOLD;
    return weak;
}

/* Is there no order with what is weak now? Not to know counts as no. */
static bool violates(struct shrink *s)
{
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct history_op op = s->weak[i] ? weakened(&s->ops[i]) : s->ops[i];
        if (!s->weak[i] || (history_changes(&s->ops[i]) && linear_key_wants(&op))) {
            s->work[count++] = op;
        }
    }
    struct linear_key_result result = {.verdict = LINEAR_UNKNOWN};
    if (s->looks < LOOKS_MAX_ALL) {
        result = linear_key_search(s->work, count, STEPS_MAX, s->memo);
    }
    s->looks += result.looks + count;
    s->gave_up = s->gave_up || result.verdict == LINEAR_UNKNOWN;
    return result.verdict == LINEAR_VIOLATION;
}

/* Weaken operations from @first on, @size of them, if that leaves a violation. */
static void weaken(struct shrink *s, size_t first, size_t size)
{
    size_t end = first + size < s->count ? first + size : s->count;
    bool *before = mem_dup(s->weak + first, (end - first) * sizeof(*before));
    bool any = false;
    for (size_t i = first; i < end; i++) {
        any = any || (!s->weak[i] && s->ops[i].status == HISTORY_OK);
        s->weak[i] = s->weak[i] || s->ops[i].status == HISTORY_OK;
    }
    if (any && !violates(s)) {
        for (size_t i = first; i < end; i++) {
            s->weak[i] = before[i - first];
        }
    }
    mem_free(before);
}

static int compare_times(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

/* Leave only what was known at @until: later invocations play no part, later returns are weak. */
static void cut(struct shrink *s, size_t all, uint64_t until)
{
    s->count = all;
    while (s->count > 0 && s->ops[s->count - 1].invoked > until) {
        s->count--;
    }
    for (size_t i = 0; i < all; i++) {
        s->weak[i] = s->ops[i].status == HISTORY_OK && s->ops[i].returned > until;
    }
}

/* Cut at the earliest return after which there is no order any more. */
static void cut_at_first(struct shrink *s)
{
    size_t all = s->count;
    uint64_t *times = mem_array(all, sizeof(*times));
    for (size_t i = 0; i < all; i++) {
        times[i] = s->ops[i].status == HISTORY_OK ? s->ops[i].returned : 0;
    }
    qsort(times, all, sizeof(*times), compare_times);
    size_t low = 0;
    size_t high = all - 1; /* the whole */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        cut(s, all, times[middle]);
        if (violates(s)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    cut(s, all, times[low]);
    mem_free(times);
}

static bool is_core(const struct shrink *s, size_t at)
{
    return !s->weak[at] && s->ops[at].status == HISTORY_OK;
}

/* Does the core speak of what @op wrote? */
static bool is_context(const struct shrink *s, const struct history_op *op)
{
    if (!history_changes(op)) {
        return false;
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct history_op *core = &s->ops[i];
        if (!is_core(s, i)) {
            continue;
        }
        bool by_value = history_leaves(op) == core->found ||
                        (core->kind == HISTORY_CAS_VALUE && history_leaves(op) == core->expected);
        bool by_revision = op->revision != HISTORY_NOT_TOLD &&
                           (op->revision == core->found_revision ||
                            (core->kind == HISTORY_CAS_REVISION && op->revision == core->expected));
        if (by_value || by_revision) {
            return true;
        }
    }
    return false;
}

static void print(const struct shrink *s, struct buf *out, size_t all)
{
    size_t core = 0;
    for (size_t i = 0; i < s->count; i++) {
        core += is_core(s, i);
    }
    buf_printf(out,
               "key %" PRIu64
               ": %zu of its %zu operations (*) have no order, whether the others took "
               "effect or not\n",
               s->ops[0].key, core, all);
    size_t printed[2] = {0, 0};
    const size_t printed_max[2] = {CONTEXT_MAX, CORE_MAX};
    for (size_t i = 0; i < s->count; i++) {
        bool in_core = is_core(s, i);
        if (printed[in_core] == printed_max[in_core] || (!in_core && !is_context(s, &s->ops[i]))) {
            continue;
        }
        printed[in_core]++;
        history_text_print(out, &s->ops[i]);
        buf_str(out, in_core ? " # *\n" : "\n");
    }
    if (printed[true] < core) {
        buf_printf(out, "# and %zu more (*)\n", core - printed[true]);
    }
    if (s->gave_up) {
        buf_str(out, "# fewer may do: the search for them was cut short\n");
    }
}

void linear_shrink(struct buf *out, const struct history_op *ops, size_t count,
                   struct linear_memo *memo)
{
    struct shrink s = {.ops = ops, .count = count, .memo = memo};
    s.weak = mem_array(count, sizeof(*s.weak));
    s.work = mem_array(count, sizeof(*s.work));
    cut_at_first(&s);
    for (size_t size = s.count / 2; size > 1; size /= 2) {
        for (size_t first = 0; first < s.count; first += size) {
            weaken(&s, first, size);
        }
    }
    for (size_t i = s.count; i > 0; i--) { /* what comes last most often matters least */
        weaken(&s, i - 1, 1);
    }
    print(&s, out, count);
    mem_free(s.weak);
    mem_free(s.work);
}
