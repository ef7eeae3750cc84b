/* tests/lib/linear_order.c - do the revisions put all operations on all keys into one order? */
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "tests/lib/linear.h"
#include "tests/lib/linear_accuse.h"
#include "tests/lib/linear_versions.h"

#define LOOKED_MAX 32 /* writes that may explain an observation, before one is believed to */

/* At a time, the store was at this revision at least. */
struct mark {
    uint64_t time;
    uint64_t revision;
    const struct history_op *op; /* who says so by its return */
};

struct order {
    const struct history *h;
    struct linear_report *report;
    struct linear_versions versions;
    struct mark *marks; /* by time; revisions never fall */
    size_t marks_count;
};

static int compare_marks(const void *left, const void *right)
{
    const struct mark *a = left;
    const struct mark *b = right;
    if (a->time != b->time) {
        return a->time < b->time ? -1 : 1;
    }
    return a->op < b->op ? -1 : a->op > b->op;
}

static void collect_marks(struct order *o)
{
    o->marks = mem_array(o->h->count, sizeof(*o->marks));
    for (size_t i = 0; i < o->h->count; i++) {
        const struct history_op *op = &o->h->ops[i];
        uint64_t revision = op->revision > op->found_revision ? op->revision : op->found_revision;
        if (op->status == HISTORY_OK && revision != HISTORY_NOT_TOLD) {
            o->marks[o->marks_count++] = (struct mark){op->returned, revision, op};
        }
    }
    qsort(o->marks, o->marks_count, sizeof(*o->marks), compare_marks);
    for (size_t i = 1; i < o->marks_count; i++) {
        if (o->marks[i].revision < o->marks[i - 1].revision) {
            o->marks[i].revision = o->marks[i - 1].revision;
            o->marks[i].op = o->marks[i - 1].op;
        }
    }
}

/* The highest revision that was known to somebody before @time. */
static struct mark mark_before(const struct order *o, uint64_t time)
{
    size_t low = 0;
    size_t high = o->marks_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (o->marks[middle].time < time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 ? o->marks[low - 1] : (struct mark){0};
}

static bool judge_times(const struct order *o)
{
    for (size_t i = 0; i < o->h->count; i++) {
        const struct history_op *op = &o->h->ops[i];
        if (op->status != HISTORY_OK || op->revision == HISTORY_NOT_TOLD ||
            op->kind == HISTORY_STALE_READ) {
            continue;
        }
        struct mark mark = mark_before(o, op->invoked);
        if (op->revision < mark.revision ||
            (history_changes(op) && op->revision == mark.revision)) {
            return linear_accuse(
                o->report, LINEAR_VIOLATION, mark.op, op,
                "the revisions go back in time: the first returned before the second "
                "was invoked");
        }
    }
    for (size_t i = 0; i < o->versions.count; i++) {
        const struct linear_version *version = &o->versions.at[i];
        if (version->op == NULL || version->witness == NULL) {
            continue;
        }
        struct mark mark = mark_before(o, version->op->invoked);
        if (version->revision <= mark.revision) {
            return linear_accuse(
                o->report, LINEAR_VIOLATION, mark.op, version->op,
                "the revisions go back in time: what the second wrote was found at "
                "revision %" PRIu64 ", and the first knew of revision %" PRIu64,
                version->revision, mark.revision);
        }
    }
    return true;
}

static int compare_revisions(const void *left, const void *right)
{
    const struct linear_version *a = *(const struct linear_version *const *)left;
    const struct linear_version *b = *(const struct linear_version *const *)right;
    if (a->revision != b->revision) {
        return a->revision < b->revision ? -1 : 1;
    }
    return a < b ? -1 : a > b;
}

/* Do both belong to one transaction, as far as is known? */
static bool may_share(const struct linear_version *a, const struct linear_version *b)
{
    bool is_told[] = {a->witness == NULL, b->witness == NULL};
    if (!a->sure || !b->sure) {
        return !is_told[0] && !is_told[1]; /* who was not told is of no told transaction */
    }
    return a->op->txn != 0 && a->op->txn == b->op->txn;
}

static bool judge_uniqueness(const struct order *o)
{
    const struct linear_versions *v = &o->versions;
    CLEANUP(mem_freep)
    const struct linear_version **places = mem_array(v->count, sizeof(struct linear_version *));
    for (size_t i = 0; i < v->count; i++) {
        places[i] = &v->at[i];
    }
    qsort(places, v->count, sizeof(struct linear_version *), compare_revisions);
    for (size_t i = 1; i < v->count; i++) {
        const struct linear_version *a = places[i - 1];
        const struct linear_version *b = places[i];
        if (a->revision == b->revision && !may_share(a, b)) {
            return linear_accuse(
                o->report, LINEAR_VIOLATION, a->op != NULL ? a->op : a->witness,
                b->op != NULL ? b->op : b->witness,
                "revision %" PRIu64 " is that of two writes that are no transaction", a->revision);
        }
    }
    return true;
}

/* The writer's revision is not known. May it lie above @above and not above @upto, for @op to see
 * it? */
static bool may_be_seen(const struct order *o, const struct linear_writer *writer,
                        const struct history_op *op, uint64_t above, uint64_t upto)
{
    if (writer->bound != 0 || writer->op == op) {
        return false;
    }
    uint64_t known = mark_before(o, writer->op->invoked).revision;
    return upto > (known > above ? known : above);
}

/* The revision that a write may have had for @op to see it. What an answered operation found or
 * expected is among the versions already, so it is one that nobody mentions. */
static uint64_t unknown_revision(const struct history_op *op)
{
    bool may_expect = op->status == HISTORY_UNKNOWN && op->kind == HISTORY_CAS_REVISION;
    return may_expect && op->expected != 0 ? op->expected : UINT64_MAX;
}

/* May what @op saw be the doing of a write that was not told its revision? */
static bool may_be_untold(const struct order *o, const struct history_op *op, uint64_t above,
                          uint64_t upto)
{
    const struct linear_versions *v = &o->versions;
    uint64_t only = history_needs(op);
    size_t looked = 0;
    for (size_t i = linear_versions_writer(v, op->key, only);
         i < v->writers_count && v->writers[i].op->key == op->key; i++, looked++) {
        uint64_t value = history_leaves(v->writers[i].op);
        if (only != HISTORY_NOT_TOLD && value != only) {
            break;
        }
        uint64_t revision = value == HISTORY_ABSENT ? 0 : unknown_revision(op);
        if (looked == LOOKED_MAX || (history_fits(op, value, revision) &&
                                     may_be_seen(o, &v->writers[i], op, above, upto))) {
            return true;
        }
    }
    return false;
}

/* Is what @op saw, or had to see to take effect at @revision, what the newest write left? */
static bool judge_observation(const struct order *o, const struct history_op *op, uint64_t revision)
{
    uint64_t upto = history_changes(op) ? revision - 1 : revision;
    const struct linear_version *version = linear_versions_newest(&o->versions, op->key, upto);
    const struct linear_version absent = {.key = op->key, .value = HISTORY_ABSENT};
    const struct linear_version *seen = version != NULL ? version : &absent;
    if (seen->value == HISTORY_NOT_TOLD) {
        return true; /* a write that nobody can name */
    }
    bool is_absent = seen->value == HISTORY_ABSENT;
    if (history_fits(op, seen->value, is_absent ? 0 : seen->revision) ||
        may_be_untold(o, op, seen->revision, upto)) {
        return true;
    }
    const struct history_op *writer = seen->op != NULL ? seen->op : seen->witness;
    if (writer == NULL) {
        return linear_accuse(o->report, LINEAR_VIOLATION, op, NULL,
                             "key %" PRIu64 ": at revision %" PRIu64
                             " it had never been written, but that is not what was seen",
                             op->key, revision);
    }
    return linear_accuse(o->report, LINEAR_VIOLATION, writer, op,
                         "key %" PRIu64 ": at revision %" PRIu64
                         " its newest write was that of revision %" PRIu64
                         ", but that is not what was seen",
                         op->key, revision, seen->revision);
}

static bool judge_observations(const struct order *o)
{
    for (size_t i = 0; i < o->h->count; i++) {
        const struct history_op *op = &o->h->ops[i];
        if (op->status == HISTORY_OK && op->revision != HISTORY_NOT_TOLD && history_observes(op) &&
            !judge_observation(o, op, op->revision)) {
            return false;
        }
    }
    for (size_t i = 0; i < o->versions.writers_count; i++) {
        const struct linear_writer *writer = &o->versions.writers[i];
        bool compares = writer->op->kind != HISTORY_DELETE && history_observes(writer->op);
        if (writer->bound != 0 && compares && !judge_observation(o, writer->op, writer->bound)) {
            return false;
        }
    }
    return true;
}

bool linear_check_order(const struct history *h, struct linear_report *report)
{
    if (!linear_accuse_recorder(report, h)) {
        return false;
    }
    struct order o = {.h = h, .report = report};
    collect_marks(&o);
    bool fine = linear_versions_init(&o.versions, h, report) && judge_times(&o) &&
                judge_uniqueness(&o) && judge_observations(&o);
    linear_versions_close(&o.versions);
    mem_free(o.marks);
    return fine && report->verdict == LINEAR_LEGAL;
}
