/* tests/unit/test_linear_oracle.c - the judges agree with trying everything, on small histories.
 *
 *     test_linear_oracle [HISTORIES [SEED]]
 *
 * Random histories of up to seven operations, legal ones of a model and the same with up to three
 * small lies, go to the judges and to linear_brute.h. On one key the search must give the same
 * answer, every time. Over several keys neither judge may accuse what is legal, and where all is
 * told and nothing unknown, both together must find all that is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdlib.h>

#include "base/must.h"
#include "tests/lib/history_random.h"
#include "tests/lib/history_text.h"
#include "tests/lib/linear.h"
#include "tests/lib/linear_brute.h"

#define HISTORIES_DEFAULT 10000
#define LIES_MAX 3
#define TRIES_MAX 20 /* at a place for a lie */

struct run {
    uint64_t histories;
    uint64_t seed;
};

struct counts {
    uint64_t histories;
    uint64_t illegal;
    uint64_t untouched; /* by a lie */
    uint64_t by_lie[HISTORY_LIES];
    uint64_t illegal_by_lie[HISTORY_LIES]; /* histories with only this one */
    uint64_t missed;                       /* by both judges; only where revisions are not told */
};

static unsigned pick(struct test_random *r, const unsigned *from, size_t count)
{
    return from[random_below(r, count)];
}

static struct history_shape random_shape(struct test_random *r, size_t keys)
{
    static const unsigned told[] = {0, 40, 100, 100};
    static const unsigned unknown[] = {0, 20, 45};
    static const unsigned found[] = {0, 50, 100, 100};
    static const unsigned writes[] = {40, 60, 80};
    return (struct history_shape){
        .operations = keys == 1 ? 3 + random_below(r, 5) : 2 + random_below(r, 4),
        .clients = 1 + random_below(r, 5),
        .keys = keys,
        .values = random_below(r, 4),
        .duration = 1 + random_below(r, 12),
        .pause = random_below(r, 4),
        .unknown = pick(r, unknown, ARRAY_LEN(unknown)),
        .failed = 3,
        .transactions = 40,
        .told = pick(r, told, ARRAY_LEN(told)),
        .found = pick(r, found, ARRAY_LEN(found)),
        .mute = 10,
        .previous = 30,
        .never = 3,
        .hidden = 20,
        .writes = pick(r, writes, ARRAY_LEN(writes)),
    };
}

/* A history that brute force can take; *@ret_lie: HISTORY_LIES if none was told, the lie if one
 * was, else HISTORY_LIES + 1. */
static void random_history(struct history *h, struct test_random *r, size_t keys, unsigned *ret_lie)
{
    do {
        struct history_shape shape = random_shape(r, keys);
        history_clear(h);
        history_random_model(h, &shape, r);
    } while (h->count > LINEAR_BRUTE_MAX - 1);
    *ret_lie = HISTORY_LIES;
    uint64_t lies = random_below(r, LIES_MAX + 1);
    for (uint64_t i = 0; i < lies * TRIES_MAX && lies > 0; i++) {
        unsigned lie = (unsigned)random_below(r, HISTORY_LIES);
        if (history_random_lie(h, (enum history_lie)lie, r)) {
            *ret_lie = *ret_lie == HISTORY_LIES ? lie : HISTORY_LIES + 1;
            lies--;
        }
    }
}

static void fail_with(const struct history *h, uint64_t seed, const char *what, bool legal,
                      const struct linear_report *report)
{
    struct buf text = {0};
    for (size_t i = 0; i < h->count; i++) {
        history_text_print(&text, &h->ops[i]);
        buf_char(&text, '\n');
    }
    print_error("%s: brute force says %s, the judge %s; seed %" PRIu64 "\n%s-- %s", what,
                legal ? "legal" : "illegal", linear_verdict_name(report->verdict), seed,
                buf_text(&text), buf_text(&report->text));
    buf_close(&text);
    fail();
}

static void count(struct counts *counts, unsigned lie, bool legal)
{
    counts->histories++;
    counts->illegal += !legal;
    counts->untouched += lie == HISTORY_LIES;
    if (lie < HISTORY_LIES) {
        counts->by_lie[lie]++;
        counts->illegal_by_lie[lie] += !legal;
    }
}

static void print_counts(const char *what, const struct counts *counts)
{
    static const char *const names[HISTORY_LIES] = {"swap",     "drop", "stale",  "flip",
                                                    "revision", "time", "certain"};
    print_message("# %s: %" PRIu64 " of %" PRIu64 " agree, %" PRIu64 " of them illegal, %" PRIu64
                  " without a lie, %" PRIu64 " illegal ones not found\n",
                  what, counts->histories - counts->missed, counts->histories, counts->illegal,
                  counts->untouched, counts->missed);
    bool enough = counts->histories >= HISTORIES_DEFAULT / 2;
    for (size_t i = 0; i < HISTORY_LIES; i++) {
        print_message("#   one lie, %s: %" PRIu64 " of %" PRIu64 " illegal\n", names[i],
                      counts->illegal_by_lie[i], counts->by_lie[i]);
        assert_true(counts->illegal_by_lie[i] > 0 || !enough); /* the lies do bite */
    }
    assert_true(counts->illegal > counts->histories / 5 || !enough);
    assert_true(counts->illegal < counts->histories - counts->histories / 5 || !enough);
}

/* Every answer has its revision and what it found, and there is one to every operation. */
static bool all_is_told(const struct history *h)
{
    for (size_t i = 0; i < h->count; i++) {
        const struct history_op *op = &h->ops[i];
        if (op->status == HISTORY_UNKNOWN ||
            (op->status == HISTORY_OK && op->revision == HISTORY_NOT_TOLD)) {
            return false;
        }
    }
    return true;
}

static void one_key_is_judged_exactly(void **state)
{
    const struct run *run = *state;
    struct counts counts = {0};
    struct history h = {0};
    for (uint64_t i = 0; i < run->histories; i++) {
        uint64_t seed = run->seed + i;
        struct test_random r = {.state = seed * 2};
        struct linear_report keys = {0};
        struct linear_report order = {0};
        unsigned lie = 0;
        random_history(&h, &r, 1, &lie);
        bool legal = linear_brute_is_legal(&h);
        linear_check_keys(&h, NULL, &keys);
        linear_check_order(&h, &order);
        assert_true(legal || lie != HISTORY_LIES); /* else the model is wrong */
        if (keys.verdict != (legal ? LINEAR_LEGAL : LINEAR_VIOLATION)) {
            fail_with(&h, seed, "one key", legal, &keys);
        }
        bool must_agree = legal || all_is_told(&h);
        if (must_agree && order.verdict != (legal ? LINEAR_LEGAL : LINEAR_VIOLATION)) {
            fail_with(&h, seed, "one key, order", legal, &order);
        }
        count(&counts, lie, legal);
        linear_report_close(&keys);
        linear_report_close(&order);
    }
    history_clear(&h);
    print_counts("one key", &counts);
}

static void transactions_are_judged_without_false_alarm(void **state)
{
    const struct run *run = *state;
    struct counts counts = {0};
    struct history h = {0};
    for (uint64_t i = 0; i < run->histories; i++) {
        uint64_t seed = run->seed + i;
        struct test_random r = {.state = seed * 2 + 1};
        struct linear_report report = {0};
        unsigned lie = 0;
        random_history(&h, &r, 2 + random_below(&r, 2), &lie);
        bool legal = linear_brute_is_legal(&h);
        linear_check(&h, NULL, &report);
        assert_true(legal || lie != HISTORY_LIES);
        bool must_agree = legal || all_is_told(&h);
        if (must_agree && report.verdict != (legal ? LINEAR_LEGAL : LINEAR_VIOLATION)) {
            fail_with(&h, seed, "keys and order", legal, &report);
        }
        counts.missed += !legal && report.verdict == LINEAR_LEGAL;
        count(&counts, lie, legal);
        linear_report_close(&report);
    }
    history_clear(&h);
    print_counts("keys and order", &counts);
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
        cmocka_unit_test_prestate(one_key_is_judged_exactly, &run),
        cmocka_unit_test_prestate(transactions_are_judged_without_false_alarm, &run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
