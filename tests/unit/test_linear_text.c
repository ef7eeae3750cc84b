/* tests/unit/test_linear_text.c - what is printed can be read again, and nonsense is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "tests/lib/history_random.h"
#include "tests/lib/history_text.h"

static void lines_come_back_as_they_were(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "1 0..10 put k1 5 ok r7",
        "2 3..never put k1 6 unknown",
        "3 11..15 read k1 ok =5 m7 r8",
        "3 16..17 read k2 ok =none",
        "4 16..20 cas k1 5 6 ok r9",
        "4 21..22 cas k1 5 6 missed =6 r9",
        "4 23..24 casrev k1 9 7 ok t3",
        "4 25..26 cas k1 none 7 unknown",
        "5 25..26 delete k1 missed",
        "5 25..26 delete k1 ok =4 m3 r2 t1",
        "5 27..28 stale k1 ok =5 r8",
        "5 29..30 put k1 8 failed",
        "1 18446744073709551614..18446744073709551614 read k18446744073709551615 ok",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        CLEANUP(history_clear) struct history h = {0};
        CLEANUP(buf_close) struct buf out = {0};
        assert_int_equal(history_text_parse(&h, lines[i], NULL), 0);
        assert_int_equal(h.count, 1);
        history_text_print(&out, &h.ops[0]);
        assert_string_equal(buf_text(&out), lines[i]);
    }
}

static void every_field_is_read(void **state)
{
    (void)state;
    CLEANUP(history_clear) struct history h = {0};
    assert_int_equal(history_text_parse(&h, "1 2..3 casrev k4 5 6 ok =7 m8 r9 t10", NULL), 0);
    assert_int_equal(h.count, 1);
    const struct history_op *op = &h.ops[0];
    assert_int_equal(op->client, 1);
    assert_int_equal(op->invoked, 2);
    assert_int_equal(op->returned, 3);
    assert_int_equal(op->kind, HISTORY_CAS_REVISION);
    assert_int_equal(op->key, 4);
    assert_int_equal(op->expected, 5);
    assert_int_equal(op->argument, 6);
    assert_int_equal(op->status, HISTORY_OK);
    assert_true(op->changed);
    assert_int_equal(op->found, 7);
    assert_int_equal(op->found_revision, 8);
    assert_int_equal(op->revision, 9);
    assert_int_equal(op->txn, 10);
}

static void lines_end_in_two_ways_and_comments_are_skipped(void **state)
{
    (void)state;
    CLEANUP(history_clear) struct history h = {0};
    assert_int_equal(history_text_parse(&h,
                                        "# a comment; with a semicolon\n\n"
                                        " 1 0..1 put k1 5 ok;2 2..3 read k1 ok =5 # *\n"
                                        "\t;;3 4..5 delete k1 ok\n",
                                        NULL),
                     0);
    assert_int_equal(h.count, 3);
    assert_int_equal(h.ops[1].client, 2);
    assert_int_equal(h.ops[2].kind, HISTORY_DELETE);
}

static void nonsense_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *said;
    } rows[] = {
        {"x 0..1 put k1 5 ok", "line 1 of the history: \"x\" is not understood"},
        {"\n1 0.1 put k1 5 ok", "line 2 of the history: \"0.1\" is not understood"},
        {"1 0..1 putt k1 5 ok", "line 1 of the history: \"putt\" is not understood"},
        {"1 0..1 put 1 5 ok", "line 1 of the history: \"1\" is not understood"},
        {"1 0..1 put k1 ok", "line 1 of the history: \"ok\" is not understood"},
        {"1 0..1 put k1 -5 ok", "line 1 of the history: \"-5\" is not understood"},
        {"1 0..1 put k1 18446744073709551616 ok",
         "line 1 of the history: \"18446744073709551616\" is not understood"},
        {"1 0..1 read k1 5 ok", "line 1 of the history: \"5\" is not understood"},
        {"1 0..1 read k1 missed", "line 1 of the history: \"missed\" is not understood"},
        {"1 0..1 put k1 5 ok; 1 0..1 put k1 5 ok 7",
         "line 2 of the history: \"7\" is not understood"},
        {"1 0..1 casrev k1 none 5 ok", "line 1 of the history: \"none\" is not understood"},
        {"1 0..1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "line 1 of the history: too long"},
        {"111111111111111111111111111111111111111111111111111111111111",
         "line 1 of the history: too long"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(history_clear) struct history h = {0};
        struct err err = {0};
        assert_int_equal(history_text_parse(&h, rows[i].text, &err), ERR_INVALID);
        assert_string_equal(err.msg, rows[i].said);
    }
}

static void random_histories_come_back_as_they_were(void **state)
{
    (void)state;
    const struct history_shape shape = {.operations = 2000,
                                        .clients = 9,
                                        .keys = 7,
                                        .duration = 20,
                                        .pause = 5,
                                        .unknown = 20,
                                        .failed = 5,
                                        .transactions = 20,
                                        .told = 70,
                                        .found = 70,
                                        .previous = 30,
                                        .never = 5,
                                        .hidden = 10,
                                        .writes = 60};
    struct test_random r = {.state = 1};
    CLEANUP(history_clear) struct history h = {0};
    CLEANUP(history_clear) struct history again = {0};
    CLEANUP(buf_close) struct buf text = {0};
    history_random_model(&h, &shape, &r);
    for (size_t i = 0; i < h.count; i++) {
        history_text_print(&text, &h.ops[i]);
        buf_char(&text, '\n');
    }
    assert_int_equal(history_text_parse(&again, buf_text(&text), NULL), 0);
    assert_int_equal(again.count, h.count);
    for (size_t i = 0; i < h.count; i++) {
        CLEANUP(buf_close) struct buf one = {0};
        CLEANUP(buf_close) struct buf other = {0};
        history_text_print(&one, &h.ops[i]);
        history_text_print(&other, &again.ops[i]);
        assert_string_equal(buf_text(&one), buf_text(&other));
        assert_int_equal(h.ops[i].changed, again.ops[i].changed);
        assert_int_equal(h.ops[i].status, again.ops[i].status);
    }
    assert_int_equal(history_verify(&again, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_back_as_they_were),
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(lines_end_in_two_ways_and_comments_are_skipped),
        cmocka_unit_test(nonsense_is_refused_with_its_line),
        cmocka_unit_test(random_histories_come_back_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
