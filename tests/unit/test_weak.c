/* tests/unit/test_weak.c - who asks for less: rows read, and what people are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "supervisor/weak.h"

#define COLUMNS 6
#define SIZE 256

/* server, role, database, value, sessions, count */
static const char *const all[] = {
    "t", NULL,  NULL,   "local", "0",  "5", /**/
    "f", NULL,  NULL,   "off",   "1",  "5", /**/
    "f", NULL,  "shop", "off",   "12", "5", /**/
    "f", "app", NULL,   "local", "2",  "5", /**/
    "f", "app", "shop", "off",   "3",  "5",
};

static struct pg_rows rows_of(const char *const *cells, uint32_t count)
{
    return (struct pg_rows){.count = count, .columns = COLUMNS, .cells = cells};
}

static void assert_text(const struct weak_seen *seen, bool with_sessions, size_t size,
                        const char *text)
{
    CLEANUP(buf_close) struct buf out = {0};
    buf_str(&out, "before|");
    weak_text(seen, with_sessions, size, &out);
    assert_string_equal(buf_text(&out) + strlen("before|"), text);
    assert_true(strlen(text) < size);
}

static void each_of_them_is_named(void **state)
{
    struct pg_rows rows = rows_of(all, 5);
    struct weak_seen seen;
    (void)state;
    assert_int_equal(weak_parse(&rows, &seen, NULL), 0);
    assert_int_equal(seen.count, 5);
    assert_text(&seen, true, 300,
                "the server: synchronous_commit=local, 0 sessions; "
                "all roles: synchronous_commit=off, 1 session; "
                "database shop: synchronous_commit=off, 12 sessions; "
                "role app: synchronous_commit=local, 2 sessions; "
                "role app (database shop): synchronous_commit=off, 3 sessions");
    assert_text(&seen, false, SIZE,
                "the server: synchronous_commit=local; all roles: synchronous_commit=off; "
                "database shop: synchronous_commit=off; role app: synchronous_commit=local; "
                "role app (database shop): synchronous_commit=off");
}

static void nobody_is_nothing(void **state)
{
    struct pg_rows rows = rows_of(all, 0);
    struct weak_seen seen = {.count = 9};
    (void)state;
    assert_int_equal(weak_parse(&rows, &seen, NULL), 0);
    assert_int_equal(seen.count, 0);
    assert_text(&seen, true, SIZE, "");
}

/* Whole entries, and how many there are beside them; never one that is cut. */
static void what_does_not_fit_is_counted(void **state)
{
    const char *cells[WEAK_MAX * COLUMNS];
    char names[WEAK_MAX][WEAK_NAME_SIZE];
    struct weak_seen seen;
    (void)state;
    for (size_t i = 0; i < WEAK_MAX; i++) {
        const char *row[] = {"f", names[i], "a database with a name", "off", "100", "4711"};
        (void)snprintf(names[i], sizeof(names[i]), "role%zu", i);
        memcpy(&cells[i * COLUMNS], row, sizeof(row));
    }
    struct pg_rows rows = rows_of(cells, WEAK_MAX);
    assert_int_equal(weak_parse(&rows, &seen, NULL), 0);
    for (size_t size = 40; size < 900; size++) {
        CLEANUP(buf_close) struct buf out = {0};
        weak_text(&seen, true, size, &out);
        assert_true(out.size < size);
        const char *more = strstr(buf_text(&out), " more");
        assert_non_null(more);
        unsigned shown = 0;
        for (const char *at = buf_text(&out); (at = strstr(at, "100 sessions")) != NULL; at++) {
            shown++;
        }
        const char *and = strstr(buf_text(&out), "; and ");
        const char *digits = and != NULL ? and+strlen("; and ") : buf_text(&out);
        unsigned long long left = strtoull(digits, NULL, 10);
        assert_int_equal(shown + left, 4711);
    }
}

static void what_is_no_answer_is_refused(void **state)
{
    static const struct {
        uint32_t column;
        const char *text;
    } wrong[] = {{0, NULL}, {0, "yes"}, {3, NULL}, {3, ""},
                 {4, NULL}, {4, "-1"},  {5, "0"},  {5, "x"}};
    struct weak_seen seen = {.count = 9};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const char *cells[COLUMNS];
        memcpy(cells, all, sizeof(cells));
        cells[wrong[i].column] = wrong[i].text;
        struct pg_rows rows = rows_of(cells, 1);
        assert_int_equal(weak_parse(&rows, &seen, NULL), ERR_PROTOCOL);
    }
    struct pg_rows narrow = {.count = 1, .columns = COLUMNS - 1, .cells = all};
    assert_int_equal(weak_parse(&narrow, &seen, NULL), ERR_PROTOCOL);
    struct pg_rows many = {.count = WEAK_MAX + 1, .columns = COLUMNS, .cells = all};
    assert_int_equal(weak_parse(&many, &seen, NULL), ERR_PROTOCOL);
    assert_int_equal(seen.count, 9); /* nothing is written */
}

/* Of a database in an encoding of its own; it goes into JSON. */
static void a_name_that_is_no_utf8_is_not_told(void **state)
{
    static const char *const cells[] = {"f", "caf\xe9", NULL, "off", "1", "1"};
    struct pg_rows rows = rows_of(cells, 1);
    struct weak_seen seen;
    (void)state;
    assert_int_equal(weak_parse(&rows, &seen, NULL), 0);
    assert_text(&seen, true, SIZE, "role (not UTF-8): synchronous_commit=off, 1 session");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_of_them_is_named),
        cmocka_unit_test(nobody_is_nothing),
        cmocka_unit_test(what_does_not_fit_is_counted),
        cmocka_unit_test(what_is_no_answer_is_refused),
        cmocka_unit_test(a_name_that_is_no_utf8_is_not_told),
    };
    return cmocka_run_group_tests_name("weak", tests, NULL, NULL);
}
