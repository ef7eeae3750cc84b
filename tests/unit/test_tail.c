/* tests/unit/test_tail.c - the end of the log in memory: append, truncate, trim, and what it says
 * of itself after each.
 *
 * Besides the single cases a long walk of random steps is compared with a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "consensus/tail.h"

static void append(struct tail *t, uint64_t term, const char *text)
{
    tail_append(t, term, (uint8_t)(term % 3), text, strlen(text));
}

static void an_empty_tail_knows_the_term_before_it(void **state)
{
    (void)state;
    struct tail t = {0};
    tail_reset(&t, 1, 0);
    assert_int_equal(tail_last(&t), 0);
    assert_int_equal(tail_term(&t, 0), 0);
    tail_reset(&t, 8, 3);
    assert_int_equal(t.first, 8);
    assert_int_equal(tail_last(&t), 7);
    assert_int_equal(tail_term(&t, 7), 3);
    assert_int_equal(tail_term(&t, 6), 0);
    assert_int_equal(tail_term(&t, 8), 0);
    assert_false(tail_has(&t, 7));
    assert_null(tail_get(&t, 8));
    tail_close(&t);
}

static void entries_are_copied_and_found_by_index(void **state)
{
    (void)state;
    struct tail t = {0};
    tail_reset(&t, 5, 1);
    char text[] = "abc";
    tail_append(&t, 2, 3, text, 3);
    text[0] = 'x';
    tail_append(&t, 2, 1, NULL, 0);
    tail_append(&t, 4, 2, "de", 2);
    assert_int_equal(tail_last(&t), 7);
    assert_int_equal(t.count, 3);
    assert_int_equal(t.bytes, 5);
    const struct tail_entry *first = tail_get(&t, 5);
    assert_non_null(first);
    assert_int_equal(first->term, 2);
    assert_int_equal(first->type, 3);
    assert_int_equal(first->size, 3);
    assert_memory_equal(first->data, "abc", 3);
    assert_int_equal(tail_get(&t, 6)->size, 0);
    assert_int_equal(tail_term(&t, 4), 1);
    assert_int_equal(tail_term(&t, 6), 2);
    assert_int_equal(tail_term(&t, 7), 4);
    assert_int_equal(tail_term(&t, 8), 0);
    assert_null(tail_get(&t, 4));
    assert_null(tail_get(&t, UINT64_MAX));
    tail_close(&t);
    assert_int_equal(t.bytes, 0);
}

static void truncation_takes_the_end_and_goes_on_from_there(void **state)
{
    (void)state;
    struct tail t = {0};
    tail_reset(&t, 1, 0);
    append(&t, 1, "a");
    append(&t, 1, "bb");
    append(&t, 5, "ccc");
    tail_truncate(&t, 4); /* nothing there */
    assert_int_equal(t.count, 3);
    tail_truncate(&t, 2);
    assert_int_equal(tail_last(&t), 1);
    assert_int_equal(t.bytes, 1);
    append(&t, 2, "dddd"); /* a lower term than the one that is gone */
    assert_int_equal(tail_term(&t, 2), 2);
    assert_int_equal(t.bytes, 5);
    tail_truncate(&t, 1);
    assert_int_equal(tail_last(&t), 0);
    assert_int_equal(t.bytes, 0);
    append(&t, 1, "e");
    assert_memory_equal(tail_get(&t, 1)->data, "e", 1);
    tail_close(&t);
}

static void trimming_takes_the_front_and_remembers_its_last_term(void **state)
{
    (void)state;
    struct tail t = {0};
    tail_reset(&t, 1, 0);
    append(&t, 1, "a");
    append(&t, 2, "bb");
    append(&t, 3, "ccc");
    tail_trim(&t, 3);
    assert_int_equal(t.first, 3);
    assert_int_equal(t.bytes, 3);
    assert_int_equal(tail_term(&t, 2), 2);
    assert_int_equal(tail_term(&t, 1), 0);
    assert_null(tail_get(&t, 2));
    tail_trim(&t, 2); /* gone already */
    assert_int_equal(t.first, 3);
    tail_trim(&t, 4);
    assert_int_equal(t.count, 0);
    assert_int_equal(t.bytes, 0);
    assert_int_equal(tail_last(&t), 3);
    assert_int_equal(tail_term(&t, 3), 3);
    append(&t, 3, "d");
    assert_int_equal(tail_last(&t), 4);
    tail_reset(&t, 100, 9);
    assert_int_equal(t.count, 0);
    assert_int_equal(t.bytes, 0);
    assert_int_equal(tail_term(&t, 99), 9);
    tail_close(&t);
}

/* What the tail must be: entry i has the term and size of model[i], from @first to @last. */
struct model {
    uint64_t first;
    uint64_t last;
    uint64_t terms[4096];
};

static void expect_like(const struct tail *t, const struct model *m)
{
    assert_int_equal(t->first, m->first);
    assert_int_equal(tail_last(t), m->last);
    size_t bytes = 0;
    for (uint64_t i = m->first; i <= m->last; i++) {
        const struct tail_entry *entry = tail_get(t, i);
        assert_non_null(entry);
        assert_int_equal(entry->term, m->terms[i]);
        assert_int_equal(entry->size, m->terms[i] % 7);
        bytes += entry->size;
    }
    assert_int_equal(t->bytes, bytes);
    assert_int_equal(tail_term(t, m->first - 1), m->terms[m->first - 1]);
    assert_null(tail_get(t, m->first - 1));
    assert_null(tail_get(t, m->last + 1));
}

static void a_long_walk_stays_like_a_plain_array(void **state)
{
    (void)state;
    static struct model m;
    m = (struct model){.first = 1};
    struct tail t = {0};
    tail_reset(&t, 1, 0);
    uint32_t random = 12345;
    uint64_t term = 1;
    while (m.last < 3000) {
        random = random * 1664525 + 1013904223;
        uint32_t dice = random >> 16;
        if (dice % 8 == 0 && m.last > m.first) { /* up to a third of the end */
            uint64_t from = m.last + 1 - dice / 8 % ((m.last - m.first) / 3 + 1);
            tail_truncate(&t, from);
            m.last = from - 1;
            term = m.terms[m.last] > 0 ? m.terms[m.last] : 1;
        } else if (dice % 8 == 1) {
            m.first += dice / 8 % (m.last + 2 - m.first);
            tail_trim(&t, m.first);
        } else {
            for (uint32_t i = 0; i < dice % 40; i++) {
                term += dice % 2;
                m.last++;
                m.terms[m.last] = term;
                tail_append(&t, term, 1, "1234567", term % 7);
            }
        }
        expect_like(&t, &m);
    }
    tail_close(&t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_tail_knows_the_term_before_it),
        cmocka_unit_test(entries_are_copied_and_found_by_index),
        cmocka_unit_test(truncation_takes_the_end_and_goes_on_from_there),
        cmocka_unit_test(trimming_takes_the_front_and_remembers_its_last_term),
        cmocka_unit_test(a_long_walk_stays_like_a_plain_array),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
