/* tests/lib/linear_versions.c - versions from those who wrote them and those who found them. */
#include "tests/lib/linear_versions.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "tests/lib/linear_accuse.h"

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* By key and revision; those who know the value before those who do not. */
static int compare_versions(const void *left, const void *right)
{
    const struct linear_version *a = left;
    const struct linear_version *b = right;
    int order = compare_numbers(a->key, b->key);
    order = order != 0 ? order : compare_numbers(a->revision, b->revision);
    return order != 0 ? order : compare_numbers(b->value, a->value);
}

static int compare_writers(const void *left, const void *right)
{
    const struct linear_writer *a = left;
    const struct linear_writer *b = right;
    int order = compare_numbers(a->op->key, b->op->key);
    order = order != 0 ? order : compare_numbers(history_leaves(a->op), history_leaves(b->op));
    order = order != 0 ? order : compare_numbers(a->op->invoked, b->op->invoked);
    return order != 0 ? order : a->op < b->op ? -1 : a->op > b->op;
}

/* By transaction; of one, the part whose revision is known before the others. */
static int compare_parts(const void *left, const void *right)
{
    const struct linear_writer *a = *(struct linear_writer *const *)left;
    const struct linear_writer *b = *(struct linear_writer *const *)right;
    int order = compare_numbers(a->op->txn, b->op->txn);
    order = order != 0 ? order : compare_numbers(b->bound, a->bound);
    return order != 0 ? order : a < b ? -1 : a > b;
}

static void add(struct linear_versions *v, const struct linear_version *version)
{
    if (v->count == v->room) {
        v->room = v->room == 0 ? 64 : 2 * v->room;
        v->at = mem_grow(v->at, v->room, sizeof(*v->at));
    }
    v->at[v->count++] = *version;
}

static void sort(struct linear_versions *v)
{
    if (v->count > 0) {
        qsort(v->at, v->count, sizeof(*v->at), compare_versions);
    }
}

/* The newest version up to @revision among the first @count. */
static struct linear_version *newest(const struct linear_versions *v, size_t count, uint64_t key,
                                     uint64_t revision)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct linear_version *at = &v->at[middle];
        if (at->key < key || (at->key == key && at->revision <= revision)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && v->at[low - 1].key == key ? &v->at[low - 1] : NULL;
}

const struct linear_version *linear_versions_newest(const struct linear_versions *v, uint64_t key,
                                                    uint64_t revision)
{
    return newest(v, v->count, key, revision);
}

size_t linear_versions_writer(const struct linear_versions *v, uint64_t key, uint64_t value)
{
    size_t low = 0;
    size_t high = v->writers_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct history_op *op = v->writers[middle].op;
        if (op->key < key || (op->key == key && history_leaves(op) < value)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* --- those who wrote --- */

static void collect_writes(struct linear_versions *v, const struct history *h)
{
    v->writers = mem_array(h->count, sizeof(*v->writers));
    for (size_t i = 0; i < h->count; i++) {
        const struct history_op *op = &h->ops[i];
        if (op->status == HISTORY_FAILED || !history_changes(op)) {
            continue;
        }
        if (op->revision == HISTORY_NOT_TOLD) {
            v->writers[v->writers_count++].op = op;
            continue;
        }
        add(v, &(struct linear_version){.key = op->key,
                                        .revision = op->revision,
                                        .value = history_leaves(op),
                                        .op = op,
                                        .sure = true});
    }
    qsort(v->writers, v->writers_count, sizeof(*v->writers), compare_writers);
    sort(v);
}

/* --- those who found --- */

/* Add what @op found at @revision, if no write says that it has written there. */
static void add_found(struct linear_versions *v, size_t told, const struct history_op *op,
                      uint64_t revision, uint64_t value)
{
    const struct linear_version *there = newest(v, told, op->key, revision);
    if (revision != 0 && (there == NULL || there->revision != revision)) {
        add(v, &(struct linear_version){
                   .key = op->key, .revision = revision, .value = value, .witness = op});
    }
}

/* Of several who found one version one is kept: who knows its value, and with the earliest return.
 */
static bool merge_found(struct linear_versions *v, struct linear_report *report)
{
    size_t kept = 0;
    for (size_t i = 0; i < v->count; i++) {
        struct linear_version *at = &v->at[i];
        struct linear_version *last = kept > 0 ? &v->at[kept - 1] : NULL;
        if (last == NULL || at->op != NULL || last->key != at->key ||
            last->revision != at->revision) {
            v->at[kept++] = *at;
            continue;
        }
        if (at->value != HISTORY_NOT_TOLD && at->value != last->value) {
            return linear_accuse(report, LINEAR_VIOLATION, last->witness, at->witness,
                                 "key %" PRIu64 ": two values written at revision %" PRIu64
                                 " were found",
                                 at->key, at->revision);
        }
        if (at->witness->returned < last->witness->returned) {
            last->witness = at->witness;
        }
    }
    v->count = kept;
    return true;
}

static bool collect_found(struct linear_versions *v, const struct history *h,
                          struct linear_report *report)
{
    size_t told = v->count;
    for (size_t i = 0; i < h->count; i++) {
        const struct history_op *op = &h->ops[i];
        if (op->status != HISTORY_OK) {
            continue;
        }
        add_found(v, told, op, op->found_revision, op->found);
        if (op->kind == HISTORY_CAS_REVISION && op->changed) {
            add_found(v, told, op, op->expected, op->found);
        }
    }
    sort(v);
    return merge_found(v, report);
}

/* --- who wrote what was found --- */

/* How many may have written @version, counted up to two; the first stands at *@ret_first. */
static size_t count_writers(const struct linear_versions *v, const struct linear_version *version,
                            size_t *ret_first)
{
    size_t first = linear_versions_writer(v, version->key, version->value);
    size_t count = 0;
    while (first + count < v->writers_count && count < 2) {
        const struct history_op *op = v->writers[first + count].op;
        if (op->key != version->key || op->invoked > version->witness->returned ||
            history_leaves(op) != version->value) {
            break;
        }
        count++;
    }
    *ret_first = first;
    return count;
}

/* Some put on the key does not know its revision: enough for a version without a value. */
static bool any_put(const struct linear_versions *v, uint64_t key)
{
    size_t first = linear_versions_writer(v, key, 0);
    return first < v->writers_count && v->writers[first].op->key == key &&
           history_leaves(v->writers[first].op) != HISTORY_ABSENT;
}

/* Find who may have written @version: only one, or the first of several. */
static bool bind(struct linear_versions *v, struct linear_version *version,
                 struct linear_report *report)
{
    if (version->value == HISTORY_NOT_TOLD && any_put(v, version->key)) {
        return true; /* the search of the key knows better */
    }
    size_t first = 0;
    size_t count = count_writers(v, version, &first);
    if (count == 0) {
        return linear_accuse(report, LINEAR_VIOLATION, version->witness, NULL,
                             "key %" PRIu64 ": nobody wrote at revision %" PRIu64
                             " what was found of it",
                             version->key, version->revision);
    }
    struct linear_writer *writer = &v->writers[first];
    version->op = writer->op;
    version->sure = count == 1;
    if (!version->sure) {
        return true;
    }
    if (writer->bound != 0) {
        return linear_accuse(report, LINEAR_VIOLATION, writer->witness, version->witness,
                             "key %" PRIu64 ": what one operation wrote was found at two revisions",
                             version->key);
    }
    writer->bound = version->revision;
    writer->witness = version->witness;
    return true;
}

/* The part @other of a transaction must have taken effect with @part. */
static bool bind_part(struct linear_versions *v, size_t found, const struct linear_writer *part,
                      struct linear_writer *other, struct linear_report *report)
{
    if (other->bound != 0) {
        return other->bound == part->bound ||
               linear_accuse(report, LINEAR_VIOLATION, part->witness, other->witness,
                             "transaction %" PRIu64 ": its parts were found at different revisions",
                             other->op->txn);
    }
    uint64_t key = other->op->key;
    uint64_t value = history_leaves(other->op);
    struct linear_version *there = newest(v, found, key, part->bound);
    other->bound = part->bound;
    other->witness = part->witness;
    if (there == NULL || there->revision != part->bound) {
        add(v, &(struct linear_version){.key = key,
                                        .revision = part->bound,
                                        .value = value,
                                        .op = other->op,
                                        .witness = part->witness,
                                        .sure = true});
        return true;
    }
    if (there->value != HISTORY_NOT_TOLD && there->value != value) {
        return linear_accuse(report, LINEAR_VIOLATION, part->witness,
                             there->witness != NULL ? there->witness : there->op,
                             "transaction %" PRIu64 " took effect at revision %" PRIu64
                             ", but key %" PRIu64 " has another value of that revision",
                             other->op->txn, part->bound, key);
    }
    if (there->witness != NULL) {
        there->value = value;
        there->op = other->op;
        there->sure = true;
    }
    return true;
}

static bool bind_transactions(struct linear_versions *v, struct linear_report *report)
{
    CLEANUP(mem_freep)
    struct linear_writer **parts = mem_array(v->writers_count, sizeof(struct linear_writer *));
    for (size_t i = 0; i < v->writers_count; i++) {
        parts[i] = &v->writers[i];
    }
    qsort(parts, v->writers_count, sizeof(struct linear_writer *), compare_parts);
    size_t found = v->count;
    for (size_t i = 0, first = 0; i < v->writers_count; i++) {
        if (parts[i]->op->txn != parts[first]->op->txn) {
            first = i;
        }
        if (i > first && parts[i]->op->txn != 0 && parts[first]->bound != 0 &&
            !bind_part(v, found, parts[first], parts[i], report)) {
            return false;
        }
    }
    sort(v);
    return true;
}

bool linear_versions_init(struct linear_versions *v, const struct history *h,
                          struct linear_report *report)
{
    collect_writes(v, h);
    if (!collect_found(v, h, report)) {
        return false;
    }
    for (size_t i = 0; i < v->count; i++) {
        if (v->at[i].op == NULL && !bind(v, &v->at[i], report)) {
            return false;
        }
    }
    return bind_transactions(v, report);
}

void linear_versions_close(struct linear_versions *v)
{
    mem_free(v->at);
    mem_free(v->writers);
    *v = (struct linear_versions){0};
}
