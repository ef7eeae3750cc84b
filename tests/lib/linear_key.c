/* tests/lib/linear_key.c - depth first through the orders of one key's operations.
 *
 * A point of the search is the set of linearized operations, what they left on the key, and the
 * highest revision among them. From a point the next operation is one that was invoked before the
 * first return of an operation that is not linearized yet, the one that is due. If all that must
 * take effect is linearized, there is an order. What keeps the search small, and why each is
 * without loss:
 *   - a point that was reached before is not searched again (linear_memo.h);
 *   - a read that fits and raises no revision is taken at once: it is in nobody's way;
 *   - operations that know their revision go in its order: no other is possible;
 *   - of several unknown operations that do the same the earliest is taken;
 *   - no write takes away the last chance of somebody to find what he found;
 *   - an unknown write is taken only if somebody who can go next would see it: one that is
 *     overwritten unseen might as well never have taken effect;
 *   - unknown operations alone do not lead back to where they started;
 *   - a write that does not know its revision gets one that somebody mentions or else the lowest
 *     that nobody mentions: for the others, two of these differ by nothing but being higher. */
#include "tests/lib/linear_key.h"

#include "base/mem.h"
#include "base/must.h"
#include "tests/lib/linear_facts.h"

#define NOBODYS_REVISION UINT64_MAX /* one that no operation mentions */
#define ALL_TRIED UINT32_MAX
#define LOOKS_PER_STEP 32 /* with more, on average, the bound of steps is lower */

struct point {
    struct linear_print done; /* the set of linearized operations */
    uint64_t value;
    uint64_t revision; /* at which the value was written, 0 if absent */
    uint64_t floor;    /* a later change gets a higher revision */
    bool unseen;       /* an unknown operation wrote the value and nobody has seen it yet */
};

/* What may come next from a point, in this order. */
enum phase { PHASE_FREE, PHASE_DUE, PHASE_MUST, PHASE_MAY, PHASE_END };

struct frame {
    struct point point;
    uint32_t due;  /* place in facts.due */
    uint32_t told; /* place in facts.told */
    enum phase phase;
    uint32_t at;       /* the operation that is tried */
    uint32_t choice;   /* how many revisions were tried for it */
    uint64_t revision; /* which one is */
};

/* Operations not linearized yet stand in two rings, by invocation: those that must take effect and
 * those that may. The heads are at count and count + 1. */
struct search {
    struct linear_facts facts;
    const struct history_op *ops; /* facts.ops */
    uint32_t *next;
    uint32_t *prev;
    bool *done;
    struct frame *frames;
    struct linear_memo *memo;
    uint64_t steps;
    uint64_t looks; /* at operations that might come next */
};

bool linear_key_wants(const struct history_op *op)
{
    return op->status != HISTORY_FAILED && op->kind != HISTORY_STALE_READ &&
           (op->status == HISTORY_OK || history_changes(op));
}

static uint32_t must_head(const struct search *s)
{
    return s->facts.count;
}

static uint32_t may_head(const struct search *s)
{
    return s->facts.count + 1;
}

static void search_init(struct search *s, const struct history_op *ops, size_t count,
                        struct linear_memo *memo)
{
    *s = (struct search){.memo = memo};
    linear_facts_init(&s->facts, ops, count);
    s->ops = s->facts.ops;
    s->next = mem_array(count + 2, sizeof(*s->next));
    s->prev = mem_array(count + 2, sizeof(*s->prev));
    s->done = mem_array(count, sizeof(*s->done));
    s->frames = mem_array(count + 1, sizeof(*s->frames));
    for (uint32_t head = must_head(s); head <= may_head(s); head++) {
        s->next[head] = head;
        s->prev[head] = head;
    }
    for (uint32_t i = 0; i < s->facts.count; i++) {
        MUST(linear_key_wants(&ops[i]));
        uint32_t head = ops[i].status == HISTORY_OK ? must_head(s) : may_head(s);
        s->prev[i] = s->prev[head];
        s->next[i] = head;
        s->next[s->prev[head]] = i;
        s->prev[head] = i;
    }
    linear_memo_clear(memo);
}

static void search_close(struct search *s)
{
    linear_facts_close(&s->facts);
    mem_free(s->next);
    mem_free(s->prev);
    mem_free(s->done);
    mem_free(s->frames);
}

/* --- what may come next --- */

/* By when the next operation must have been invoked. */
static uint64_t deadline(const struct search *s, const struct frame *f)
{
    return s->ops[s->facts.due[f->due]].returned;
}

/* Is the unknown operation at @at one to try, and not one of those that do the same? */
static bool is_first_twin(const struct search *s, uint32_t at)
{
    uint32_t twin = s->facts.of[at].twin;
    return twin == LINEAR_NO_TWIN || s->done[twin];
}

/* May @op, which was invoked in time, come next, whatever revision it gets if it does not know it?
 */
static bool is_possible(const struct search *s, const struct frame *f, const struct history_op *op)
{
    if (!history_fits(op, f->point.value, f->point.revision)) {
        return false;
    }
    bool changes = history_changes(op);
    if (f->point.unseen && changes && !history_observes(op)) {
        return false;
    }
    if (op->revision == HISTORY_NOT_TOLD || op->status == HISTORY_UNKNOWN) {
        return true;
    }
    return (changes ? op->revision > f->point.floor : op->revision >= f->point.floor) &&
           linear_facts_compare_told(op, &s->ops[s->facts.told[f->told]]) == 0;
}

static bool is_mentioned(const struct linear_facts *facts, uint64_t revision)
{
    uint32_t at = linear_facts_mention(facts, revision - 1);
    return at < facts->mention_count && facts->mentions[at].revision == revision;
}

static struct point point_after(const struct search *s, const struct point *before, uint32_t at,
                                uint64_t revision)
{
    const struct history_op *op = &s->ops[at];
    struct point p = *before;
    p.done = linear_memo_xor(p.done, s->facts.of[at].print);
    if (!history_changes(op)) {
        p.floor = op->revision > p.floor ? op->revision : p.floor;
        p.unseen = p.unseen && !history_observes(op);
        return p;
    }
    p.value = history_leaves(op);
    p.revision = p.value == HISTORY_ABSENT           ? 0
                 : op->revision != HISTORY_NOT_TOLD  ? revision
                 : is_mentioned(&s->facts, revision) ? revision
                                                     : NOBODYS_REVISION;
    p.floor = revision;
    p.unseen = op->status == HISTORY_UNKNOWN;
    return p;
}

/* The highest revision that may come before all who know theirs and are not linearized. */
static uint64_t ceiling(const struct search *s, const struct frame *f)
{
    if (f->told == s->facts.told_count) {
        return NOBODYS_REVISION - 1;
    }
    const struct history_op *next = &s->ops[s->facts.told[f->told]];
    return history_changes(next) ? next->revision - 1 : next->revision;
}

/* Choose the next revision to try for a write that does not know its own. */
static bool next_choice(struct search *s, struct frame *f, const struct history_op *op)
{
    if (f->choice == ALL_TRIED) {
        return false;
    }
    uint64_t highest = ceiling(s, f);
    uint64_t lowest = f->point.floor + 1;
    uint32_t first = linear_facts_mention(&s->facts, f->point.floor);
    if (op->kind != HISTORY_DELETE) { /* whose revision nobody can find */
        for (uint32_t i = first;
             i < s->facts.mention_count && s->facts.mentions[i].revision == lowest; i++) {
            lowest++;
        }
        while (first + f->choice < s->facts.mention_count) {
            const struct linear_mention *m = &s->facts.mentions[first + f->choice];
            if (m->revision > highest) {
                break;
            }
            f->choice++;
            if (!m->impossible && (m->wanted || m->revision < lowest) &&
                (m->value == HISTORY_NOT_TOLD || m->value == op->argument)) {
                f->revision = m->revision;
                return true;
            }
        }
    }
    f->choice = ALL_TRIED;
    f->revision = lowest;
    return lowest <= highest;
}

/* Choose the next revision to try for the operation at f->at. */
static bool next_revision(struct search *s, struct frame *f)
{
    const struct history_op *op = &s->ops[f->at];
    if (history_changes(op) && op->revision == HISTORY_NOT_TOLD) {
        return next_choice(s, f, op);
    }
    bool is_first = f->choice == 0;
    f->choice = ALL_TRIED;
    f->revision = op->revision;
    bool is_in_turn = op->status == HISTORY_OK ||
                      (op->revision > f->point.floor && op->revision <= ceiling(s, f));
    return is_first && is_in_turn;
}

/* Would @other, if it came next, see that the key was changed to what @after says? Also one that
 * holds a revision without having looked counts: it may have to come in between. */
static bool may_see(const struct history_op *other, const struct point *after)
{
    if (!history_observes(other)) {
        return !history_changes(other) && other->revision != HISTORY_NOT_TOLD;
    }
    return history_fits(other, after->value, after->revision);
}

/* Is there anybody who would see the unknown change at f->at? */
static bool is_worthwhile(struct search *s, const struct frame *f)
{
    struct point after = point_after(s, &f->point, f->at, f->revision);
    uint64_t until = deadline(s, f);
    for (uint32_t head = must_head(s); head <= may_head(s); head++) {
        for (uint32_t i = s->next[head]; i != head && s->ops[i].invoked <= until; i = s->next[i]) {
            s->looks++;
            if (i != f->at && may_see(&s->ops[i], &after)) {
                return true;
            }
        }
    }
    return false;
}

/* An operation that must take effect, is possible and leaves the point as it is: nothing else needs
 * to be tried. */
static bool find_free(struct search *s, struct frame *f)
{
    uint32_t head = must_head(s);
    uint64_t until = deadline(s, f);
    for (uint32_t i = s->next[head]; i != head && s->ops[i].invoked <= until; i = s->next[i]) {
        const struct history_op *op = &s->ops[i];
        s->looks++;
        if (!history_changes(op) && op->revision <= f->point.floor && is_possible(s, f, op)) {
            f->at = i;
            f->revision = op->revision;
            return true;
        }
    }
    return false;
}

/* Move f->at to the next operation to try; false after the last. */
static bool next_op(struct search *s, struct frame *f)
{
    f->choice = 0;
    switch (f->phase) {
        case PHASE_FREE:
            f->phase = PHASE_DUE;
            f->at = s->facts.due[f->due];
            return true;
        case PHASE_DUE:
            f->phase = PHASE_MUST;
            f->at = must_head(s);
            break;
        case PHASE_MUST:
        case PHASE_MAY:
        case PHASE_END:
            break;
    }
    if (f->phase == PHASE_MUST) {
        f->at = s->next[f->at];
        if (f->at == s->facts.due[f->due]) {
            f->at = s->next[f->at]; /* was the first */
        }
        if (f->at != must_head(s) && s->ops[f->at].invoked <= deadline(s, f)) {
            return true;
        }
        f->phase = PHASE_MAY;
        f->at = may_head(s);
    }
    if (f->phase == PHASE_MAY) {
        f->at = s->next[f->at];
        if (f->at != may_head(s) && s->ops[f->at].invoked <= deadline(s, f)) {
            return true;
        }
        f->phase = PHASE_END;
    }
    return false;
}

/* Find the next operation and revision to try from @f; false when all were tried. */
static bool frame_next(struct search *s, struct frame *f)
{
    if (f->phase == PHASE_END) {
        return false;
    }
    if (f->phase == PHASE_FREE) {
        if (find_free(s, f)) {
            f->phase = PHASE_END;
            return true;
        }
        if (!next_op(s, f)) {
            return false;
        }
    }
    do {
        const struct history_op *op = &s->ops[f->at];
        s->looks++;
        while (is_first_twin(s, f->at) && is_possible(s, f, op) && next_revision(s, f)) {
            if (op->status == HISTORY_OK || is_worthwhile(s, f)) {
                return true;
            }
        }
    } while (next_op(s, f));
    return false;
}

/* --- the search --- */

static void take(struct search *s, uint32_t at)
{
    s->next[s->prev[at]] = s->next[at];
    s->prev[s->next[at]] = s->prev[at];
    s->done[at] = true;
    s->facts.values[s->facts.of[at].writes].writers--;
    s->facts.values[s->facts.of[at].needs].needed--;
}

static void put_back(struct search *s, uint32_t at)
{
    s->next[s->prev[at]] = at;
    s->prev[s->next[at]] = at;
    s->done[at] = false;
    s->facts.values[s->facts.of[at].writes].writers++;
    s->facts.values[s->facts.of[at].needs].needed++;
}

static void frame_begin(struct search *s, struct frame *f, const struct point *p,
                        const struct frame *before)
{
    *f = (struct frame){.point = *p, .phase = PHASE_FREE};
    if (before != NULL) {
        f->due = before->due;
        f->told = before->told;
    }
    while (f->due < s->facts.due_count && s->done[s->facts.due[f->due]]) {
        f->due++;
    }
    while (f->told < s->facts.told_count && s->done[s->facts.told[f->told]]) {
        f->told++;
    }
}

/* Did the change from @before to @after lose a value that somebody still must find? */
static bool loses_value(const struct search *s, const struct point *before,
                        const struct point *after)
{
    if (before->value == after->value) {
        return false;
    }
    const struct linear_value *lost =
        &s->facts.values[linear_facts_value(&s->facts, before->value)];
    return lost->writers == 0 && lost->needed > 0;
}

/* Does the unknown operation that @f tries lead back to where unknown ones alone have come from? */
static bool is_round_trip(const struct search *s, const struct frame *f, const struct point *after)
{
    while (s->ops[f->at].status == HISTORY_UNKNOWN) {
        if (f->point.value == after->value && f->point.revision == after->revision) {
            return true;
        }
        if (f == s->frames) {
            break;
        }
        f--;
    }
    return false;
}

/* Take the step that @f tries; false if it leads nowhere or to where the search was already. */
static bool step(struct search *s, struct frame *f)
{
    struct point p = point_after(s, &f->point, f->at, f->revision);
    if (is_round_trip(s, f, &p)) {
        return false;
    }
    if (f->phase != PHASE_END) { /* from there it was the only one */
        struct linear_print print = linear_memo_print(p.value, p.revision, p.floor, p.unseen);
        if (!linear_memo_add(s->memo, linear_memo_xor(print, p.done))) {
            return false;
        }
    }
    take(s, f->at);
    if (loses_value(s, &f->point, &p)) {
        put_back(s, f->at);
        return false;
    }
    frame_begin(s, f + 1, &p, f);
    return true;
}

static enum linear_verdict run(struct search *s, uint64_t steps_max)
{
    if (s->facts.finds_unwritten) {
        return LINEAR_VIOLATION;
    }
    const struct point start = {.value = HISTORY_ABSENT};
    size_t depth = 0;
    frame_begin(s, &s->frames[0], &start, NULL);
    for (;;) {
        struct frame *f = &s->frames[depth];
        if (f->due == s->facts.due_count) {
            return LINEAR_LEGAL;
        }
        if (s->steps >= steps_max || s->looks / LOOKS_PER_STEP >= steps_max) {
            return LINEAR_UNKNOWN;
        }
        if (frame_next(s, f)) {
            s->steps++;
            depth += step(s, f);
            continue;
        }
        if (depth == 0) {
            return LINEAR_VIOLATION;
        }
        depth--;
        put_back(s, s->frames[depth].at);
    }
}

struct linear_key_result linear_key_search(const struct history_op *ops, size_t count,
                                           uint64_t steps_max, struct linear_memo *memo)
{
    struct search s;
    search_init(&s, ops, count, memo);
    struct linear_key_result result = {.verdict = run(&s, steps_max)};
    result.steps = s.steps;
    result.looks = s.looks;
    search_close(&s);
    return result;
}
