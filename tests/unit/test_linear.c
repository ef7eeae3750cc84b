/* tests/unit/test_linear.c - histories by hand: what the two judges must let pass and what not.
 *
 * A row is a history in the words of history_text.h. Both judges must let each legal one pass; of
 * the illegal ones a row says who must see it, and the others must not. Where brute force can be
 * asked, it must agree with the row. Then: what an explanation says, what is no history, and that a
 * judge gives up when it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "tests/lib/history_text.h"
#include "tests/lib/linear.h"
#include "tests/lib/linear_brute.h"

static const struct {
    const char *name;
    const char *history;
} legal[] = {
    {"nothing happened", ""},
    {"a key that was never written is absent", "1 0..1 read k1 ok =none"},
    {"a read after a put finds it", "1 0..1 put k1 5 ok r2; 2 2..3 read k1 ok =5 m2 r2"},
    {"a read that overlaps a put may find it", "1 0..9 put k1 5 ok r2; 2 1..2 read k1 ok =5 m2 r2"},
    {"... or not", "1 0..9 put k1 5 ok r2; 2 1..2 read k1 ok =none r1"},
    {"of two reads that overlap each other and a put, the first to be asked may be the later one",
     "1 0..9 put k1 5 ok; 2 1..4 read k1 ok =5; 3 2..5 read k1 ok =none"},
    {"a return and an invocation at the same time are concurrent",
     "1 0..5 put k1 5 ok r2; 2 5..6 read k1 ok =none r1"},
    {"operations may take no time",
     "1 3..3 put k1 5 ok; 2 4..4 read k1 ok =5; 2 4..4 delete k1 ok; 3 5..5 read k1 ok =none"},
    {"two that take no time at the same time come in any order",
     "1 3..3 put k1 5 ok; 2 3..3 read k1 ok =none; 3 3..3 read k1 ok =5"},
    {"an unknown put may never take effect",
     "1 0..1 put k1 5 unknown; 2 2..3 read k1 ok =none; 2 4..5 read k1 ok =none"},
    {"... or long after its client gave up",
     "1 0..1 put k1 5 unknown; 2 2..3 read k1 ok =none; 2 4..5 read k1 ok =5; 2 6..7 read k1 ok "
     "=5"},
    {"... or after a put that came much later",
     "1 0..1 put k1 5 unknown; 2 2..3 put k1 6 ok r4; 3 4..5 read k1 ok =5 m5 r5"},
    {"an unknown delete explains an absence",
     "1 0..1 put k1 5 ok r2; 2 2..3 delete k1 unknown; 3 4..5 read k1 ok =none r3"},
    {"an unknown compare-and-swap waits for its value to come by",
     "1 0..1 cas k1 7 8 unknown; 2 2..3 put k1 7 ok; 3 4..5 read k1 ok =8"},
    {"unknown operations may build on each other",
     "1 0..1 cas k1 8 9 unknown; 2 0..1 cas k1 7 8 unknown; 3 0..1 put k1 7 unknown;"
     "4 2..3 read k1 ok =9"},
    {"a failed put is as if it had never been", "1 0..1 put k1 5 failed; 2 2..3 read k1 ok =none"},
    {"a compare-and-swap that holds, and one that does not",
     "1 0..1 put k1 5 ok r2; 2 2..3 cas k1 5 6 ok r3; 3 4..5 cas k1 5 7 missed r3;"
     "3 6..7 read k1 ok =6 m3 r3"},
    {"a compare-and-swap may create a key, but only once",
     "1 0..5 cas k1 none 5 ok r2; 2 1..6 cas k1 none 6 missed r2"},
    {"a compare-and-swap on the revision of a put",
     "1 0..1 put k1 5 ok r7; 2 2..3 casrev k1 7 6 ok r8; 3 4..5 casrev k1 7 8 missed =6 m8 r8;"
     "3 6..7 casrev k1 8 9 ok r9"},
    {"a compare with revision 0 asks for absence",
     "1 0..1 casrev k1 0 5 ok r2; 1 2..3 casrev k1 0 6 missed r2; 1 4..5 delete k1 ok r3;"
     "1 6..7 casrev k1 0 7 ok r4"},
    {"a compare misses because of a put that overlaps and is overwritten",
     "1 0..1 put k1 5 ok; 2 2..9 put k1 6 ok; 3 2..9 put k1 5 ok; 4 3..4 cas k1 5 7 missed;"
     "4 5..6 read k1 ok =5"},
    {"of two deletes that overlap one finds something",
     "1 0..1 put k1 5 ok r2; 2 2..5 delete k1 ok r3; 3 2..5 delete k1 missed r3"},
    {"a key that was deleted can be written again",
     "1 0..1 put k1 5 ok r2; 1 2..3 delete k1 ok r3; 1 4..5 put k1 6 ok =none r4;"
     "1 6..7 read k1 ok =6 m4 r4"},
    {"writes tell what was there before",
     "1 0..1 put k1 5 ok =none r2; 2 2..3 put k1 6 ok =5 m2 r3; 3 4..5 delete k1 ok =6 m3 r4"},
    {"the parts of a transaction share a revision",
     "1 0..3 put k1 5 ok r2 t1; 1 0..3 put k2 6 ok r2 t1; 2 4..5 read k1 ok =5 m2 r2;"
     "2 6..7 read k2 ok =6 m2 r2"},
    {"reads during a transaction see both keys old, then both new",
     "1 0..9 put k1 5 ok r2 t1; 1 0..9 put k2 6 ok r2 t1; 2 1..2 read k1 ok =none r1;"
     "2 3..4 read k2 ok =none r1; 2 5..6 read k2 ok =6 m2 r2; 2 7..8 read k1 ok =5 m2 r2"},
    {"a transaction that moves a value from key to key",
     "1 0..1 put k1 5 ok r2; 2 2..3 cas k1 5 6 ok r3 t1; 2 2..3 put k2 5 ok =none r3 t1;"
     "3 4..5 read k1 ok =6 m3 r4 t2; 3 4..5 read k2 ok =5 m3 r4 t2"},
    {"revisions may be skipped, and reads share them",
     "1 0..1 put k1 5 ok r20; 2 2..3 read k1 ok =5 r30; 3 2..3 read k1 ok =5 r30;"
     "1 4..5 put k1 6 ok r99"},
    {"an unknown transaction that took effect, seen in both keys",
     "1 0..1 put k1 5 unknown t1; 1 0..1 put k2 6 unknown t1; 2 2..3 read k1 ok =5 m4 r4;"
     "2 4..5 read k2 ok =6 m4 r4"},
    {"an unknown transaction that never did",
     "1 0..1 put k1 5 unknown t1; 1 0..1 put k2 6 unknown t1; 2 2..3 read k1 ok =none r4;"
     "2 4..5 read k2 ok =none r4"},
    {"an unknown transaction with a delete of nothing takes effect nevertheless",
     "1 0..1 put k1 5 unknown t1; 1 0..1 delete k2 unknown t1; 2 2..3 read k1 ok =5 m4 r4;"
     "2 4..5 read k2 ok =none r4"},
    {"an unknown transaction whose compare held",
     "1 0..1 put k1 5 ok r2; 2 2..3 cas k1 5 6 unknown t1; 2 2..3 put k2 7 unknown t1;"
     "3 4..5 read k2 ok =7 m3 r3"},
    {"a stale read of what was true at its revision",
     "1 0..1 put k1 5 ok r2; 1 2..3 put k1 6 ok r3; 2 4..5 stale k1 ok =5 m2 r2;"
     "2 6..7 stale k1 ok =none r1"},
    {"a put that surely took effect, nobody knows until when",
     "1 0..never put k1 5 ok r3; 2 1..2 read k1 ok =none r2; 2 3..4 read k1 ok =5 m3 r3"},
    {"the same value may be written twice",
     "1 0..1 put k1 5 ok r2; 2 2..3 put k1 5 ok r3; 3 4..5 read k1 ok =5 m3 r3"},
    {"an unknown put of a value that others write too takes effect in between",
     "1 0..1 put k1 5 unknown; 2 2..3 put k1 6 ok r2; 3 4..5 read k1 ok =5 m3 r3;"
     "2 6..7 put k1 5 ok r4; 3 8..9 read k1 ok =5 m4 r4"},
    {"a compare-and-swap on the revision that an unknown put got",
     "1 0..1 put k1 5 unknown; 2 2..3 casrev k1 4 6 ok r6; 3 4..5 read k1 ok =6 m6 r6"},
    {"a lease ran out: a delete that nobody was told of",
     "1 0..1 put k1 5 ok r2; 9 4..5 delete k1 unknown; 2 6..7 read k1 ok =5 m2 r2;"
     "2 8..9 casrev k1 0 6 ok r4"},
    {"two unknown puts fill exactly the gap between two revisions",
     "1 0..1 put k1 1 ok r3; 2 2..3 put k1 2 unknown; 3 2..3 put k1 3 unknown;"
     "4 4..5 read k1 ok =2; 4 6..7 read k1 ok =3; 4 8..9 put k1 4 ok =3 m5 r6"},
};

enum { KEYS = 1, ORDER = 2, BOTH = 3 };

static const struct {
    const char *name;
    int who; /* must see it */
    const char *history;
} illegal[] = {
    {"a value that nobody wrote", KEYS, "1 0..1 read k1 ok =5"},
    {"... with its revision", BOTH, "1 0..1 put k1 4 ok r2; 1 2..3 read k1 ok =5 m2 r2"},
    {"an acknowledged put is not seen", KEYS, "1 0..1 put k1 5 ok; 2 2..3 read k1 ok =none"},
    {"... one tick later", BOTH, "1 0..5 put k1 5 ok r2; 2 6..7 read k1 ok =none r2"},
    {"... although the read shows an earlier revision", BOTH,
     "1 0..5 put k1 5 ok r2; 2 6..7 read k1 ok =none r1"},
    {"the new value is seen and then the old one", KEYS,
     "1 0..9 put k1 5 ok; 2 1..2 read k1 ok =5; 3 3..4 read k1 ok =none"},
    {"a failed put is seen", KEYS, "1 0..1 put k1 5 failed; 2 2..3 read k1 ok =5"},
    {"an unknown put is seen before it was invoked", BOTH,
     "1 4..5 put k1 5 unknown; 2 0..3 read k1 ok =5 m2 r2"},
    {"an unknown put takes effect twice", KEYS,
     "1 0..1 put k1 5 unknown; 2 2..3 read k1 ok =5; 2 4..5 put k1 6 ok; 2 6..7 read k1 ok =6;"
     "2 8..9 read k1 ok =5"},
    {"... which its revisions show", BOTH,
     "1 0..1 put k1 5 unknown; 2 2..3 read k1 ok =5 m3 r3; 2 4..5 put k1 6 ok r4;"
     "3 6..7 read k1 ok =5 m5 r5"},
    {"... even if nothing came in between", BOTH,
     "1 0..1 put k1 5 unknown; 2 2..3 read k1 ok =5 m3 r3; 2 4..5 read k1 ok =5 m4 r4"},
    {"an acknowledged put takes effect twice", KEYS,
     "1 0..1 put k1 5 ok; 2 2..3 put k1 6 ok; 3 4..5 read k1 ok =5"},
    {"two clients create one key", KEYS, "1 0..5 cas k1 none 5 ok; 2 1..6 cas k1 none 6 ok"},
    {"two clients replace one revision", BOTH,
     "1 0..1 put k1 1 ok r2; 2 2..9 casrev k1 2 5 ok r3; 3 2..9 casrev k1 2 6 ok r4"},
    {"a compare-and-swap that must not hold", BOTH,
     "1 0..1 put k1 5 ok r2; 2 2..3 cas k1 4 6 ok r3"},
    {"a compare-and-swap that must hold", BOTH,
     "1 0..1 put k1 5 ok r2; 2 2..3 cas k1 5 6 missed r2"},
    {"a compare with a revision that no write ever had", BOTH,
     "1 0..1 put k1 5 ok r2; 2 2..3 casrev k1 3 6 ok r4"},
    {"a delete finds nothing although there is something", BOTH,
     "1 0..1 put k1 5 ok r2; 2 2..3 delete k1 missed r2"},
    {"two deletes of one put", BOTH,
     "1 0..1 put k1 5 ok r2; 2 2..9 delete k1 ok r3; 3 2..9 delete k1 ok r4"},
    {"a key is back after its delete", BOTH,
     "1 0..1 put k1 5 ok r2; 1 2..3 delete k1 ok r3; 2 4..5 read k1 ok =5 m2 r3"},
    {"a wrong previous value", BOTH,
     "1 0..1 put k1 5 ok r2; 1 2..3 put k1 6 ok r3; 2 4..5 put k1 7 ok =5 m2 r4"},
    {"one revision for two puts on different keys", ORDER,
     "1 0..9 put k1 5 ok r2; 2 0..9 put k2 6 ok r2"},
    {"one revision for two transactions", ORDER,
     "1 0..9 put k1 5 ok r2 t1; 1 0..9 put k2 5 ok r2 t1; 2 0..9 put k3 6 ok r2 t2"},
    {"one revision for two puts on one key", BOTH, "1 0..9 put k1 5 ok r2; 2 0..9 put k1 6 ok r2"},
    {"the revisions of two keys go back", ORDER, "1 0..1 put k1 5 ok r3; 2 2..3 put k2 6 ok r2"},
    {"a read of another key shows an earlier revision than was known", ORDER,
     "1 0..1 put k1 5 ok r3; 2 2..3 read k2 ok =none r2"},
    {"... known from a stale read", ORDER,
     "1 0..9 put k1 5 ok r3; 1 0..1 stale k1 ok =5 r3; 2 2..3 read k2 ok =none r2"},
    {"the revisions of one key go back", BOTH, "1 0..1 put k1 5 ok r5; 2 2..3 put k1 6 ok r4"},
    {"a transaction is half seen", BOTH,
     "1 0..9 put k1 5 ok r2 t1; 1 0..9 put k2 6 ok r2 t1; 2 1..2 read k1 ok =5 m2 r2 t2;"
     "2 1..2 read k2 ok =none r2 t2"},
    {"an unknown transaction is half seen", ORDER,
     "1 0..1 put k1 5 unknown t1; 1 0..1 put k2 6 unknown t1; 2 2..3 read k1 ok =5 m4 r4;"
     "2 4..5 read k2 ok =none r5"},
    {"the parts of an unknown transaction have different revisions", ORDER,
     "1 0..1 put k1 5 unknown t1; 1 0..1 put k2 6 unknown t1; 2 2..3 read k1 ok =5 m4 r4;"
     "2 4..5 read k2 ok =6 m5 r5"},
    {"an unknown transaction took effect although its compare did not hold", ORDER,
     "1 0..1 put k1 5 ok r2; 2 2..3 cas k1 4 6 unknown t1; 2 2..3 put k2 7 unknown t1;"
     "3 4..5 read k2 ok =7 m3 r3"},
    {"two transactions each decide on what the other one writes", BOTH,
     "1 0..9 read k1 ok =none r2 t1; 1 0..9 put k2 5 ok r2 t1; 2 0..9 read k2 ok =none r3 t2;"
     "2 0..9 put k1 6 ok r3 t2"},
    {"an unknown put has a revision from before it was invoked", ORDER,
     "1 0..1 put k1 5 ok r3; 2 2..3 put k2 6 unknown; 3 4..5 read k2 ok =6 m2 r3"},
    {"two values of one revision", BOTH,
     "1 0..1 put k1 5 unknown; 1 0..1 put k1 6 unknown; 2 2..3 read k1 ok =5 m3 r3;"
     "2 4..5 read k1 ok =6 m3 r3"},
    {"a value with another revision than it was written at", BOTH,
     "1 0..1 put k1 5 ok r3; 2 2..3 read k1 ok =5 m4 r4"},
    {"... even if nobody says at which revision the store was", BOTH,
     "1 0..1 put k1 5 unknown; 1 0..1 put k1 6 unknown; 2 2..3 read k1 ok =5 m3;"
     "2 4..5 read k1 ok =6 m3"},
    {"one revision for a put and for what one of two unknown ones wrote", ORDER,
     "1 0..1 put k1 5 unknown; 2 0..1 put k1 5 unknown; 3 0..9 put k2 7 ok r3;"
     "4 2..3 read k1 ok =5 m3 r3"},
    {"an unknown transaction has a revision at which one of its keys was found with another value",
     ORDER,
     "1 0..1 put k1 5 unknown t1; 1 0..1 put k2 6 unknown t1; 2 0..1 put k2 7 unknown;"
     "3 0..1 put k2 7 unknown; 4 2..3 read k1 ok =5 m4 r4; 4 4..5 read k2 ok =7 m4"},
    {"a put has a revision below one that somebody had found", ORDER,
     "1 0..1 put k1 5 unknown; 2 2..3 read k1 ok =5 m9; 3 4..5 put k2 6 ok r4"},
    {"what an unknown put wrote is seen at a revision that was over when it was invoked", ORDER,
     "1 0..1 put k2 7 ok r5; 1 2..3 put k1 5 unknown; 2 0..9 read k1 ok =5 r4"},
    {"a value from the store's future", BOTH,
     "1 0..1 put k1 5 unknown; 2 2..3 read k1 ok =5 m7 r6"},
    {"one revision too few for the unknown puts that were seen", KEYS,
     "1 0..1 put k1 1 ok r3; 2 2..3 put k1 2 unknown; 3 2..3 put k1 3 unknown;"
     "4 4..5 read k1 ok =2; 4 6..7 read k1 ok =3; 4 8..9 put k1 4 ok r5"},
    {"a put that surely took effect at a revision is not seen after it", BOTH,
     "1 0..never put k1 5 ok r3; 2 5..6 read k1 ok =none r4"},
    {"a stale read that does not fit its own revision", ORDER,
     "1 0..1 put k1 5 ok r3; 2 4..5 stale k1 ok =none r4"},
    {"a stale read of a value that came after its revision", ORDER,
     "1 0..1 put k1 5 ok r3; 1 2..3 put k1 6 ok r4; 2 6..7 stale k1 ok =6 r3"},
    {"an unknown delete does not bring a value back", KEYS,
     "1 0..1 put k1 5 ok; 2 2..3 delete k1 unknown; 3 4..5 read k1 ok =none;"
     "3 6..7 read k1 ok =5"},
    {"two clients hold one lease: each deleted, created and was told that it is alone", BOTH,
     "1 0..1 casrev k1 0 5 ok r2; 2 2..3 casrev k1 0 6 ok r3; 1 4..5 read k1 ok =6 m3 r3"},
};

static void parse(struct history *h, const char *text)
{
    struct err err = {0};
    if (history_text_parse(h, text, &err) != 0) {
        fail_msg("%s in: %s", err.msg, text);
    }
}

/* Brute force, if it can take the history, must agree with the row. */
static void expect_brute(const char *name, const struct history *h, bool is_legal)
{
    bool fits = h->count <= LINEAR_BRUTE_MAX;
    for (size_t i = 0; i < h->count; i++) {
        fits = fits && h->ops[i].kind != HISTORY_STALE_READ && h->ops[i].key < LINEAR_BRUTE_MAX;
    }
    if (fits && linear_brute_is_legal(h) != is_legal) {
        fail_msg("\"%s\": brute force says otherwise", name);
    }
}

static void expect(const char *name, const char *judge, const struct linear_report *report,
                   enum linear_verdict verdict)
{
    if (report->verdict != verdict) {
        fail_msg("\"%s\": %s says %s instead of %s\n%s", name, judge,
                 linear_verdict_name(report->verdict), linear_verdict_name(verdict),
                 buf_text(&report->text));
    }
    assert_int_equal(verdict == LINEAR_LEGAL, report->text.size == 0);
}

/* Let both judge, apart and together. */
static void expect_all(const char *name, const char *text, int who)
{
    CLEANUP(history_clear) struct history h = {0};
    CLEANUP(linear_report_close) struct linear_report keys = {0};
    CLEANUP(linear_report_close) struct linear_report order = {0};
    CLEANUP(linear_report_close) struct linear_report all = {0};
    parse(&h, text);
    bool said[] = {linear_check_keys(&h, NULL, &keys), linear_check_order(&h, &order),
                   linear_check(&h, NULL, &all)};
    expect(name, "the search", &keys, who & KEYS ? LINEAR_VIOLATION : LINEAR_LEGAL);
    expect(name, "the order", &order, who & ORDER ? LINEAR_VIOLATION : LINEAR_LEGAL);
    expect(name, "both", &all, who != 0 ? LINEAR_VIOLATION : LINEAR_LEGAL);
    assert_int_equal(said[0], (who & KEYS) == 0);
    assert_int_equal(said[1], (who & ORDER) == 0);
    assert_int_equal(said[2], who == 0);
    expect_brute(name, &h, who == 0);
}

static void legal_histories_pass(void **state)
{
    (void)state;
    _Static_assert(ARRAY_LEN(legal) >= 30, "a corpus of some size");
    for (size_t i = 0; i < ARRAY_LEN(legal); i++) {
        expect_all(legal[i].name, legal[i].history, 0);
    }
}

static void illegal_histories_are_seen_by_whom_they_concern(void **state)
{
    (void)state;
    _Static_assert(ARRAY_LEN(illegal) >= 30, "a corpus of some size");
    for (size_t i = 0; i < ARRAY_LEN(illegal); i++) {
        expect_all(illegal[i].name, illegal[i].history, illegal[i].who);
    }
}

static void an_explanation_is_the_few_operations_that_matter(void **state)
{
    (void)state;
    CLEANUP(history_clear) struct history h = {0};
    CLEANUP(linear_report_close) struct linear_report report = {0};
    parse(&h,
          "1 0..1 put k1 1 ok; 1 2..3 read k1 ok =1; 2 4..9 put k1 2 ok; 3 5..6 read k1 ok =2;"
          "4 7..8 read k1 ok =1; 1 10..11 read k1 ok =2; 2 12..13 put k1 3 ok; 1 0..1 put k2 1 ok");
    assert_false(linear_check(&h, NULL, &report));
    assert_string_equal(buf_text(&report.text),
                        "key 1: 3 of its 7 operations (*) have no order, whether the others took "
                        "effect or not\n"
                        "1 0..1 put k1 1 ok # *\n"
                        "2 4..9 put k1 2 ok\n"
                        "3 5..6 read k1 ok =2 # *\n"
                        "4 7..8 read k1 ok =1 # *\n");
}

static void an_explanation_of_revisions_is_two_operations(void **state)
{
    (void)state;
    CLEANUP(history_clear) struct history h = {0};
    CLEANUP(linear_report_close) struct linear_report report = {0};
    parse(&h,
          "1 0..1 put k1 5 ok r3; 2 4..5 put k2 6 ok r4; 1 6..7 put k3 7 ok r7;"
          "3 6..7 put k4 8 ok r9; 2 8..9 put k5 9 ok r8");
    assert_false(linear_check(&h, NULL, &report));
    assert_string_equal(buf_text(&report.text),
                        "the revisions go back in time: the first returned before the second was "
                        "invoked\n"
                        "3 6..7 put k4 8 ok r9\n"
                        "2 8..9 put k5 9 ok r8\n");
}

/* Sixteen clients put at once, over and over, and then find what only one order explains. */
static void crowd(struct history *h, uint64_t rounds, uint64_t last_found)
{
    const uint64_t clients = 16;
    for (uint64_t round = 0; round < rounds; round++) {
        uint64_t at = 100 * round;
        for (uint64_t c = 1; c <= clients; c++) {
            struct history_op put = {.client = c,
                                     .invoked = at,
                                     .returned = at + 50,
                                     .key = 1,
                                     .kind = HISTORY_PUT,
                                     .argument = clients * round + c};
            struct history_op read = {.client = c,
                                      .invoked = at + 2 * (clients - c) + 2,
                                      .returned = at + 2 * (clients - c) + 3,
                                      .key = 1,
                                      .kind = HISTORY_READ,
                                      .found = clients * round + c};
            bool is_last = round == rounds - 1 && c == 1;
            read.found = is_last ? last_found : read.found;
            history_note(h, &put);
            history_note(h, &read);
        }
    }
}

static void sixteen_clients_at_once_are_no_problem(void **state)
{
    (void)state;
    CLEANUP(history_clear) struct history fine = {0};
    CLEANUP(history_clear) struct history wrong = {0};
    CLEANUP(linear_report_close) struct linear_report report = {0};
    crowd(&fine, 20, 16 * 19 + 1);
    assert_true(linear_check(&fine, NULL, &report));
    assert_true(report.steps_max <= LINEAR_STEPS_DEFAULT / 20);
    crowd(&wrong, 20, 16 * 19 + 3); /* which was overwritten, as others have seen */
    assert_false(linear_check(&wrong, NULL, &report));
    assert_int_equal(report.verdict, LINEAR_VIOLATION);
}

static void a_judge_that_gives_up_says_so(void **state)
{
    (void)state;
    CLEANUP(history_clear) struct history h = {0};
    CLEANUP(linear_report_close) struct linear_report report = {0};
    const struct linear_limits limits = {.steps = 100};
    crowd(&h, 20, 16 * 19 + 1);
    assert_false(linear_check(&h, &limits, &report));
    assert_int_equal(report.verdict, LINEAR_UNKNOWN);
    assert_true(report.steps <= 100);
    assert_string_equal(buf_text(&report.text),
                        "key 1: gave up on its 640 operations after 100 steps\n");
    /* A violation elsewhere is worse, and is still found. */
    parse(&h, "1 0..1 read k2 ok =5");
    assert_false(linear_check(&h, &limits, &report));
    assert_int_equal(report.verdict, LINEAR_VIOLATION);
    assert_non_null(strstr(buf_text(&report.text), "key 2"));
}

static const struct {
    const char *history;
    const char *text;
} malformed[] = {
    {"1 5..4 put k1 5 ok", "operation 0 of the history returns before it is invoked\n"},
    {"1 0..1 put k1 5 ok; 1 5..6 put k1 0 ok",
     "operation 1 of the history writes what is no value\n"},
    {"1 5..6 cas k1 0 5 ok",
     "operation 0 of the history expects no value; HISTORY_ABSENT stands for absence\n"},
    {"1 5..6 put k1 5 unknown r3",
     "operation 0 of the history was told something although its outcome is unknown\n"},
    {"1 5..6 read k1 ok =none m3", "operation 0 of the history found nothing, but at a revision\n"},
    {"1 0..1 put k1 5 ok r2 t7; 1 0..1 put k1 6 ok r2 t7",
     "operation 1 of the history, transaction 7, is the second part of its transaction on the "
     "key\n"},
    {"1 0..1 put k1 5 ok r2 t7; 2 0..1 put k2 6 ok r2 t7",
     "operation 1 of the history, transaction 7, differs in client or times from the other parts "
     "of "
     "its transaction\n"},
    {"1 0..1 put k1 5 ok r2 t7; 1 0..1 put k2 6 ok r3 t7",
     "operation 1 of the history, transaction 7, differs in status or revision from the other "
     "parts "
     "of its transaction\n"},
    {"1 0..1 read k1 ok =5 r2 t7; 1 0..1 stale k2 ok =6 r2 t7",
     "operation 1 of the history, transaction 7, is part of a transaction with a stale read\n"},
};

static void what_is_no_history_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
        CLEANUP(history_clear) struct history h = {0};
        CLEANUP(linear_report_close) struct linear_report keys = {0};
        CLEANUP(linear_report_close) struct linear_report order = {0};
        parse(&h, malformed[i].history);
        assert_false(linear_check_keys(&h, NULL, &keys));
        assert_false(linear_check_order(&h, &order));
        assert_int_equal(keys.verdict, LINEAR_MALFORMED);
        assert_int_equal(order.verdict, LINEAR_MALFORMED);
        assert_string_equal(buf_text(&keys.text), malformed[i].text);
        assert_string_equal(buf_text(&order.text), malformed[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(legal_histories_pass),
        cmocka_unit_test(illegal_histories_are_seen_by_whom_they_concern),
        cmocka_unit_test(an_explanation_is_the_few_operations_that_matter),
        cmocka_unit_test(an_explanation_of_revisions_is_two_operations),
        cmocka_unit_test(sixteen_clients_at_once_are_no_problem),
        cmocka_unit_test(a_judge_that_gives_up_says_so),
        cmocka_unit_test(what_is_no_history_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
