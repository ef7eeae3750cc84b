/* tests/unit/test_file.c - bytes written to the end, folders synced, and texts of JSON measured. */
#include "tests/lib/death.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json_bound.h"
#include "base/must.h"

static void all_of_it_is_written(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf text = {0};
    int ends[2];
    char got[16] = "";
    assert_int_equal(pipe(ends), 0);
    buf_str(&text, "whole");
    assert_int_equal(file_write_all(ends[1], &text), 0);
    assert_int_equal(read(ends[0], got, sizeof(got)), 5);
    assert_string_equal(got, "whole");
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(file_write_all(ends[1], &text), -1);
    buf_clear(&text);
    assert_int_equal(file_write_all(ends[1], &text), 0); /* there is nothing to do */
}

static void a_folder_is_found_behind_a_path(void **state)
{
    (void)state;
    struct err err = {.code = 0};
    assert_int_equal(file_sync_folder("/usr/any", &err), 0);
    assert_int_equal(file_sync_folder("any", &err), 0);
    assert_int_equal(file_sync_folder("/any", &err), 0);
    assert_int_equal(file_sync_folder("/nowhere/at/all/any", &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "sync /nowhere/at/all"));
}

static void what_would_be_built_is_counted_outside_of_strings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t depth, values;
        bool is_bounded;
    } rows[] = {
        {"[[1]]", 2, 2, true},    {"[[1]]", 1, 9, false},     {"[1,2,3]", 1, 3, true},
        {"[1,2,3]", 1, 2, false}, {"\"[[[,,,\"", 0, 0, true}, {"\"\\\"[\"", 0, 0, true},
        {"{}{}{}", 1, 3, true},   {"{\"a\":1}", 1, 1, false}, {"", 0, 0, true},
        {"]]]][", 1, 1, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool is_bounded =
            json_is_bounded(rows[i].text, strlen(rows[i].text), rows[i].depth, rows[i].values);
        if (is_bounded != rows[i].is_bounded) {
            fail_msg("%s", rows[i].text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it_is_written),
        cmocka_unit_test(a_folder_is_found_behind_a_path),
        cmocka_unit_test(what_would_be_built_is_counted_outside_of_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
