/* tests/lib/linear_facts.c - operations in their orders, and indexes of what they speak of. */
#include "tests/lib/linear_facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

int linear_facts_compare_told(const struct history_op *a, const struct history_op *b)
{
    int order = compare_numbers(a->revision, b->revision);
    return order != 0 ? order : compare_numbers(!history_changes(a), !history_changes(b));
}

static int compare_due(const void *left, const void *right, void *context)
{
    const struct history_op *ops = context;
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    int order = compare_numbers(ops[a].returned, ops[b].returned);
    return order != 0 ? order : compare_numbers(a, b);
}

static int compare_told(const void *left, const void *right, void *context)
{
    const struct history_op *ops = context;
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    int order = linear_facts_compare_told(&ops[a], &ops[b]);
    return order != 0 ? order : compare_numbers(a, b);
}

/* Unknown operations that do the same stand together, by invocation. */
static int compare_twins(const void *left, const void *right, void *context)
{
    const struct history_op *ops = context;
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    int order = compare_numbers(ops[a].kind, ops[b].kind);
    order = order != 0 ? order : compare_numbers(ops[a].argument, ops[b].argument);
    order = order != 0 ? order : compare_numbers(ops[a].expected, ops[b].expected);
    order = order != 0 ? order : compare_numbers(ops[a].revision, ops[b].revision);
    return order != 0 ? order : compare_numbers(a, b);
}

static int compare_uint64(const void *left, const void *right)
{
    return compare_numbers(*(const uint64_t *)left, *(const uint64_t *)right);
}

static int compare_mentions(const void *left, const void *right)
{
    const struct linear_mention *a = left;
    const struct linear_mention *b = right;
    return compare_numbers(a->revision, b->revision);
}

/* --- values --- */

static bool is_among(const uint64_t *numbers, size_t count, uint64_t number)
{
    return count > 0 && bsearch(&number, numbers, count, sizeof(*numbers), compare_uint64) != NULL;
}

/* Make all values alike that no operation found or expected. */
static void forget_values(struct linear_facts *f)
{
    uint64_t *spoken = mem_array(2 * (size_t)f->count, sizeof(*spoken));
    size_t count = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        spoken[count++] = f->ops[i].found;
        if (f->ops[i].kind == HISTORY_CAS_VALUE) {
            spoken[count++] = f->ops[i].expected;
        }
    }
    qsort(spoken, count, sizeof(*spoken), compare_uint64);
    for (uint32_t i = 0; i < f->count; i++) {
        if (!is_among(spoken, count, f->ops[i].argument)) {
            f->ops[i].argument = LINEAR_ANY_VALUE;
        }
    }
    mem_free(spoken);
}

uint32_t linear_facts_value(const struct linear_facts *f, uint64_t value)
{
    uint32_t low = 0;
    uint32_t high = f->value_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (f->values[middle].value < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < f->value_count && f->values[low].value == value ? low : f->value_count;
}

static void list_values(struct linear_facts *f)
{
    uint64_t *values = mem_array((size_t)f->count + 1, sizeof(*values));
    size_t count = 0;
    values[count++] = HISTORY_ABSENT; /* at the beginning */
    for (uint32_t i = 0; i < f->count; i++) {
        if (history_changes(&f->ops[i])) {
            values[count++] = history_leaves(&f->ops[i]);
        }
    }
    qsort(values, count, sizeof(*values), compare_uint64);
    f->values = mem_array(count + 2, sizeof(*f->values)); /* and those of no known value, of none */
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || values[i] != values[i - 1]) {
            f->values[f->value_count++].value = values[i];
        }
    }
    mem_free(values);
}

static void count_values(struct linear_facts *f)
{
    for (uint32_t i = 0; i < f->count; i++) {
        const struct history_op *op = &f->ops[i];
        uint64_t needs = op->status == HISTORY_OK ? history_needs(op) : HISTORY_NOT_TOLD;
        f->of[i].writes =
            history_changes(op) ? linear_facts_value(f, history_leaves(op)) : f->value_count;
        f->of[i].needs = f->value_count + 1;
        if (needs != HISTORY_NOT_TOLD) {
            f->of[i].needs = linear_facts_value(f, needs);
        }
        f->values[f->of[i].writes].writers++;
        f->values[f->of[i].needs].needed++;
    }
    f->finds_unwritten = f->values[f->value_count].needed > 0;
}

/* --- revisions --- */

/* The revisions of the changes that know theirs, in order; return how many these are. */
static size_t list_known(const struct linear_facts *f, uint64_t *known)
{
    size_t count = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        if (history_changes(&f->ops[i])) {
            known[count++] = f->ops[i].revision;
        }
    }
    qsort(known, count, sizeof(*known), compare_uint64);
    return count;
}

static void merge_mentions(struct linear_facts *f)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < f->mention_count; i++) {
        struct linear_mention m = f->mentions[i];
        if (kept == 0 || f->mentions[kept - 1].revision != m.revision) {
            f->mentions[kept++] = m;
            continue;
        }
        struct linear_mention *last = &f->mentions[kept - 1];
        last->wanted |= m.wanted;
        if (last->value == HISTORY_NOT_TOLD) {
            last->value = m.value;
        }
        last->impossible |= m.value != HISTORY_NOT_TOLD && m.value != last->value;
    }
    f->mention_count = kept;
}

static void list_mentions(struct linear_facts *f)
{
    uint64_t *known = mem_array(f->count, sizeof(*known));
    size_t known_count = list_known(f, known);
    f->mentions = mem_array(2 * (size_t)f->count, sizeof(*f->mentions));
    for (uint32_t i = 0; i < 2 * f->count; i++) {
        const struct history_op *op = &f->ops[i / 2];
        bool expects = op->kind == HISTORY_CAS_REVISION;
        struct linear_mention m = {
            .revision = op->found_revision, .value = op->found, .wanted = true};
        if (i % 2 == 1) {
            m = (struct linear_mention){.revision = expects ? op->expected : 0,
                                        .wanted = history_changes(op)};
        }
        if (m.revision != 0 && !is_among(known, known_count, m.revision)) {
            f->mentions[f->mention_count++] = m;
        }
    }
    mem_free(known);
    qsort(f->mentions, f->mention_count, sizeof(*f->mentions), compare_mentions);
    merge_mentions(f);
}

uint32_t linear_facts_mention(const struct linear_facts *f, uint64_t floor)
{
    uint32_t low = 0;
    uint32_t high = f->mention_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (f->mentions[middle].revision <= floor) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* --- all --- */

static void find_twins(struct linear_facts *f)
{
    uint32_t *unknown = mem_array(f->count, sizeof(*unknown));
    size_t count = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        f->of[i].twin = LINEAR_NO_TWIN;
        if (f->ops[i].status == HISTORY_UNKNOWN) {
            unknown[count++] = i;
        }
    }
    qsort_r(unknown, count, sizeof(*unknown), compare_twins, f->ops);
    for (size_t i = 1; i < count; i++) {
        const struct history_op *a = &f->ops[unknown[i - 1]];
        const struct history_op *b = &f->ops[unknown[i]];
        if (a->kind == b->kind && a->argument == b->argument && a->expected == b->expected &&
            a->revision == b->revision) {
            f->of[unknown[i]].twin = unknown[i - 1];
        }
    }
    mem_free(unknown);
}

void linear_facts_init(struct linear_facts *f, const struct history_op *ops, size_t count)
{
    MUST(count < UINT32_MAX / 4);
    *f = (struct linear_facts){.count = (uint32_t)count};
    f->ops = mem_dup(ops, count * sizeof(*ops));
    f->of = mem_array(count, sizeof(*f->of));
    f->due = mem_array(count, sizeof(*f->due));
    f->told = mem_array(count, sizeof(*f->told));
    for (uint32_t i = 0; i < f->count; i++) {
        MUST(ops[i].key == ops[0].key);
        MUST(i == 0 || ops[i - 1].invoked <= ops[i].invoked);
        bool by_floor = ops[i].status == HISTORY_UNKNOWN && ops[i].revision != HISTORY_NOT_TOLD;
        f->of[i].print = by_floor ? (struct linear_print){0} : linear_memo_print(i, 0, 0, 0);
        if (ops[i].status == HISTORY_OK) {
            f->due[f->due_count++] = i;
        }
        if (ops[i].status == HISTORY_OK && ops[i].revision != HISTORY_NOT_TOLD) {
            f->told[f->told_count++] = i;
        }
    }
    qsort_r(f->due, f->due_count, sizeof(*f->due), compare_due, f->ops);
    qsort_r(f->told, f->told_count, sizeof(*f->told), compare_told, f->ops);
    forget_values(f);
    list_values(f);
    count_values(f);
    list_mentions(f);
    find_twins(f);
}

void linear_facts_close(struct linear_facts *f)
{
    mem_free(f->ops);
    mem_free(f->of);
    mem_free(f->due);
    mem_free(f->told);
    mem_free(f->mentions);
    mem_free(f->values);
    *f = (struct linear_facts){0};
}
