/* tests/unit/test_diff.c - unified diffs: by hand, and of many texts at random, applied again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "ctl/diff.h"
#include "tests/lib/random.h"

static const struct {
    const char *before;
    const char *after;
    const char *diff;
} rows[] = {
    {"", "", ""},
    {"a\nb\n", "a\nb\n", ""},
    {"", "a\n", "---\n+++\n@@ -0,0 +1 @@\n+a\n"},
    {"a\n", "", "---\n+++\n@@ -1 +0,0 @@\n-a\n"},
    {"a\nb\nc\n", "a\nx\nc\n", "---\n+++\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n"},
    {"a\nb", "a\nc", "---\n+++\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"},
    {"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n",
     "---\n+++\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n"},
    /* Six lines between two changes: one hunk; seven: two. */
    {"a\n1\n2\n3\n4\n5\n6\nb\n", "x\n1\n2\n3\n4\n5\n6\ny\n",
     "---\n+++\n@@ -1,8 +1,8 @@\n-a\n+x\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+y\n"},
    {"a\n1\n2\n3\n4\n5\n6\n7\nb\n", "1\n2\n3\n4\n5\n6\n7\ny\nz\n",
     "---\n+++\n@@ -1,4 +1,3 @@\n-a\n 1\n 2\n 3\n@@ -6,4 +5,5 @@\n 5\n 6\n 7\n-b\n+y\n+z\n"},
};

static void test_by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_close) struct buf out = {0};
        diff_put(&out, rows[i].before, rows[i].after, false);
        assert_string_equal(buf_text(&out), rows[i].diff);
    }
}

static void test_colours(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf out = {0};
    diff_put(&out, "a\nb\n", "a\nc\n", true);
    assert_string_equal(buf_text(&out),
                        "\033[1m---\033[0m\n\033[1m+++\033[0m\n\033[36m@@ -1,2 +1,2 @@\033[0m\n"
                        " a\n\033[31m-b\033[0m\n\033[32m+c\033[0m\n");
}

/* What @diff makes of @before; each line of it has to fit where its hunk says. */
static void apply(const char *diff, const char *before, struct buf *out)
{
    size_t old_line = 1;
    const char *at = before;
    while (*diff != '\0') {
        size_t size = strcspn(diff, "\n") + 1;
        if (strncmp(diff, "@@ -", 4) == 0) {
            char *end = NULL;
            size_t first = strtoul(diff + 4, &end, 10);
            bool is_none = strncmp(end, ",0 ", 3) == 0;
            for (first += is_none ? 1 : 0; old_line < first; old_line++) {
                size_t length = strcspn(at, "\n") + 1;
                buf_append(out, at, length);
                at += length;
            }
        } else if (diff[0] == '+' && strncmp(diff, "+++", 3) != 0) {
            buf_append(out, diff + 1, size - 1);
        } else if (diff[0] == ' ' || (diff[0] == '-' && strncmp(diff, "---", 3) != 0)) {
            assert_int_equal(strncmp(at, diff + 1, size - 1), 0);
            buf_append(out, at, diff[0] == ' ' ? size - 1 : 0);
            at += size - 1;
            old_line++;
        }
        diff += size;
    }
    buf_str(out, at);
}

static void some_lines(struct test_random *chance, struct buf *out)
{
    static const char *const words[] = {"a\n", "b\n", "c\n", "dd\n", "e f\n"};
    for (uint64_t left = random_below(chance, 40); left > 0; left--) {
        buf_str(out, words[random_below(chance, ARRAY_LEN(words))]);
    }
}

static void test_what_was_found_can_be_applied(void **state)
{
    (void)state;
    struct test_random chance = {.state = 1};
    for (int turn = 0; turn < 2000; turn++) {
        CLEANUP(buf_close) struct buf before = {0};
        CLEANUP(buf_close) struct buf after = {0};
        CLEANUP(buf_close) struct buf diff = {0};
        CLEANUP(buf_close) struct buf again = {0};
        some_lines(&chance, &before);
        some_lines(&chance, &after);
        diff_put(&diff, buf_text(&before), buf_text(&after), false);
        apply(buf_text(&diff), buf_text(&before), &again);
        assert_string_equal(buf_text(&again), buf_text(&after));
    }
}

/* Beyond what is compared line by line: still right. */
static void test_large_texts(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf before = {0};
    CLEANUP(buf_close) struct buf after = {0};
    CLEANUP(buf_close) struct buf diff = {0};
    CLEANUP(buf_close) struct buf again = {0};
    for (int i = 0; i < 5000; i++) {
        buf_printf(&before, "line %d\n", i);
        buf_printf(&after, "line %d\n", i % 7 == 0 ? -i : i);
    }
    diff_put(&diff, buf_text(&before), buf_text(&after), false);
    apply(buf_text(&diff), buf_text(&before), &again);
    assert_string_equal(buf_text(&again), buf_text(&after));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_colours),
        cmocka_unit_test(test_what_was_found_can_be_applied),
        cmocka_unit_test(test_large_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
