/* tests/unit/test_linear_large.c - histories of real size: no false alarm, no lie missed, no giving
 * up.
 *
 *     test_linear_large [HISTORIES [SEED]]
 *
 * Brute force cannot follow here. Where every answer tells its revision there is another oracle:
 * the revisions name the only possible order, so a replay in it, and a comparison of every two
 * operations in time, tells what is legal. Where less is told, the histories come from the model
 * and must pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "tests/lib/history_random.h"
#include "tests/lib/linear.h"

#define HISTORIES_DEFAULT 40

struct run {
    uint64_t histories;
    uint64_t seed;
};

/* --- the replay --- */

/* A transaction, or an operation of its own. */
struct group {
    const struct history_op
        *ops; /* its first; the others follow, the recorder adds them in a row */
    size_t count;
    bool changes;
};

struct cell {
    uint64_t value;
    uint64_t revision;
};

static int compare_groups(const void *left, const void *right)
{
    const struct group *a = left;
    const struct group *b = right;
    if (a->ops->revision != b->ops->revision) {
        return a->ops->revision < b->ops->revision ? -1 : 1;
    }
    return (int)b->changes - (int)a->changes;
}

static size_t group_all(const struct history *h, struct group *groups)
{
    size_t count = 0;
    for (size_t i = 0; i < h->count; i++) {
        const struct history_op *op = &h->ops[i];
        if (op->status != HISTORY_OK) {
            continue;
        }
        MUST(op->revision != HISTORY_NOT_TOLD);
        if (count > 0 && op->txn != 0 && groups[count - 1].ops->txn == op->txn) {
            groups[count - 1].count++;
            groups[count - 1].changes = groups[count - 1].changes || history_changes(op);
            continue;
        }
        groups[count++] = (struct group){op, 1, history_changes(op)};
    }
    qsort(groups, count, sizeof(*groups), compare_groups);
    return count;
}

/* Would the store have answered so? */
static bool replay_one(const struct history_op *op, struct cell *cell)
{
    bool holds = op->kind == HISTORY_PUT ||
                 (op->kind == HISTORY_DELETE && cell->value != HISTORY_ABSENT) ||
                 (op->kind == HISTORY_CAS_VALUE && cell->value == op->expected) ||
                 (op->kind == HISTORY_CAS_REVISION && cell->revision == op->expected);
    if (history_changes(op) != holds ||
        (op->found != HISTORY_NOT_TOLD && op->found != cell->value) ||
        (op->found_revision != HISTORY_NOT_TOLD && op->found_revision != cell->revision)) {
        return false;
    }
    if (holds) {
        bool gone = op->kind == HISTORY_DELETE;
        *cell = (struct cell){gone ? HISTORY_ABSENT : op->argument, gone ? 0 : op->revision};
    }
    return true;
}

static bool replay_is_legal(const struct history *h)
{
    CLEANUP(mem_freep) struct group *groups = mem_array(h->count, sizeof(*groups));
    size_t count = group_all(h, groups);
    struct cell cells[HISTORY_RANDOM_KEYS_MAX];
    for (size_t i = 0; i < HISTORY_RANDOM_KEYS_MAX; i++) {
        cells[i] = (struct cell){HISTORY_ABSENT, 0};
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < groups[i].count; j++) {
            if (!replay_one(&groups[i].ops[j], &cells[groups[i].ops[j].key])) {
                return false;
            }
        }
        for (size_t j = i + 1; j < count; j++) {
            bool must_differ = groups[i].changes && groups[j].changes;
            bool differ = groups[i].ops->revision != groups[j].ops->revision;
            bool tied = compare_groups(&groups[i], &groups[j]) == 0;
            if ((must_differ && !differ) ||
                (!tied && groups[j].ops->returned < groups[i].ops->invoked)) {
                return false;
            }
        }
    }
    return true;
}

/* --- the tests --- */

static struct history_shape shape_of(struct test_random *r, unsigned unknown, unsigned told)
{
    static const size_t keys[] = {1, 4, 16};
    static const size_t clients[] = {3, 8, 16};
    size_t of_keys = keys[random_below(r, ARRAY_LEN(keys))];
    return (struct history_shape){
        .operations = 500,
        .clients = clients[random_below(r, ARRAY_LEN(clients))],
        .keys = of_keys,
        .values = random_percent(r, 70) ? 0 : 40,
        .duration = 1 + random_below(r, 100),
        .pause = random_below(r, 20),
        .unknown = unknown,
        .failed = 3,
        .transactions = 15,
        .told = told,
        .found = told,
        .previous = 20,
        .never = 0,
        .hidden = 20,
        .writes = 30 + (unsigned)random_below(r, 50),
        .by_value = told < 100,
    };
}

static void expect(const struct history *h, uint64_t seed, bool legal)
{
    struct linear_report report = {0};
    linear_check(h, NULL, &report);
    if (report.verdict != (legal ? LINEAR_LEGAL : LINEAR_VIOLATION)) {
        print_error("seed %" PRIu64 ": %s instead of %s\n%s", seed,
                    linear_verdict_name(report.verdict), legal ? "legal" : "a violation",
                    buf_text(&report.text));
        fail();
    }
    linear_report_close(&report);
}

static void what_a_right_store_does_is_legal(void **state)
{
    const struct run *run = *state;
    static const unsigned unknown[] = {0, 5, 15, 30};
    for (uint64_t i = 0; i < run->histories; i++) {
        struct test_random r = {.state = run->seed + i};
        CLEANUP(history_clear) struct history h = {0};
        struct history_shape shape =
            shape_of(&r, unknown[random_below(&r, ARRAY_LEN(unknown))], 100);
        history_random_model(&h, &shape, &r);
        expect(&h, run->seed + i, true);
    }
}

/* Values alone must do, where a few clients share a key or many have some. */
static void it_is_legal_without_revisions_too(void **state)
{
    const struct run *run = *state;
    static const unsigned unknown[] = {0, 5, 15};
    for (uint64_t i = 0; i < run->histories; i++) {
        struct test_random r = {.state = run->seed + i};
        CLEANUP(history_clear) struct history h = {0};
        struct history_shape shape = shape_of(&r, unknown[random_below(&r, ARRAY_LEN(unknown))], 0);
        if (shape.keys == 1 && shape.clients > 3) {
            shape.unknown = 0;
        }
        history_random_model(&h, &shape, &r);
        expect(&h, run->seed + i, true);
    }
}

/* Tell one lie in a copy of @h and compare the judges with the replay; 1 if it was illegal. */
static uint64_t judge_lie(const struct history *h, enum history_lie lie, struct test_random *r,
                          uint64_t seed)
{
    CLEANUP(history_clear) struct history copy = {0};
    for (size_t i = 0; i < h->count; i++) {
        history_note(&copy, &h->ops[i]);
    }
    bool is_told = false;
    for (int tries = 0; tries < 10000 && !is_told; tries++) {
        is_told = history_random_lie(&copy, lie, r);
    }
    MUST(is_told);
    bool legal = replay_is_legal(&copy);
    expect(&copy, seed, legal);
    return !legal;
}

static void a_lie_is_found_wherever_it_is_one(void **state)
{
    const struct run *run = *state;
    uint64_t illegal[HISTORY_LIES] = {0};
    for (uint64_t i = 0; i < run->histories; i++) {
        struct test_random r = {.state = run->seed + i};
        CLEANUP(history_clear) struct history h = {0};
        struct history_shape shape = shape_of(&r, 0, 100);
        history_random_model(&h, &shape, &r);
        assert_true(replay_is_legal(&h));
        for (enum history_lie lie = LIE_SWAP; lie < LIE_CERTAIN; lie++) {
            illegal[lie] += judge_lie(&h, lie, &r, run->seed + i);
        }
    }
    for (enum history_lie lie = LIE_SWAP; lie < LIE_CERTAIN; lie++) {
        assert_true(illegal[lie] > run->histories / 20);
    }
    print_message("# of %" PRIu64 " lies each: swap %" PRIu64 ", drop %" PRIu64 ", stale %" PRIu64
                  ", flip %" PRIu64 ", revision %" PRIu64 ", time %" PRIu64 " are illegal\n",
                  run->histories, illegal[LIE_SWAP], illegal[LIE_DROP], illegal[LIE_STALE],
                  illegal[LIE_FLIP], illegal[LIE_REVISION], illegal[LIE_TIME]);
}

static double now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* No assertion on a duration: the steps are what counts, the time is for the reader. */
static void five_hundred_operations_take_a_step_each(void **state)
{
    const struct run *run = *state;
    double keys_ms = 0;
    double order_ms = 0;
    uint64_t steps_max = 0;
    for (uint64_t i = 0; i < run->histories; i++) {
        struct test_random r = {.state = run->seed + i};
        struct history_shape shape = shape_of(&r, 10, 100);
        CLEANUP(history_clear) struct history h = {0};
        CLEANUP(linear_report_close) struct linear_report report = {0};
        shape.keys = 1 + 3 * (i % 2);
        history_random_model(&h, &shape, &r);
        double before = now_ms();
        assert_true(linear_check_order(&h, &report));
        double between = now_ms();
        assert_true(linear_check_keys(&h, NULL, &report));
        keys_ms += now_ms() - between;
        order_ms += between - before;
        steps_max = report.steps > steps_max ? report.steps : steps_max;
        assert_true(report.steps < 4 * h.count);
    }
    print_message("# 500 operations, CPU time: keys %.3f ms, order %.3f ms; at most %" PRIu64
                  " steps\n",
                  keys_ms / (double)run->histories, order_ms / (double)run->histories, steps_max);
}

int main(int argc, char **argv)
{
    struct run run = {.histories = HISTORIES_DEFAULT, .seed = 1};
    if (argc > 1) {
        run.histories = strtoull(argv[1], NULL, 10);
    }
    if (argc > 2) {
        run.seed = strtoull(argv[2], NULL, 10);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(what_a_right_store_does_is_legal, &run),
        cmocka_unit_test_prestate(it_is_legal_without_revisions_too, &run),
        cmocka_unit_test_prestate(a_lie_is_found_wherever_it_is_one, &run),
        cmocka_unit_test_prestate(five_hundred_operations_take_a_step_each, &run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
