/* tests/unit/test_pg_claim.c - timelines that are passed over, in a folder in pg_wal's place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "supervisor/pg_claim.h"
#include "tests/lib/scratch_kit.h"

static int setup(void **state)
{
    (void)scratch_setup(state);
    assert_int_equal(mkdir(scratch_path(&scratch, "pg_wal"), 0700), 0);
    return 0;
}

static bool is_there(const char *name)
{
    CLEANUP(mem_freep) char *path = mem_printf("pg_wal/%s", name);
    return scratch_has(&scratch, path);
}

static void put(const char *name, const char *text)
{
    CLEANUP(mem_freep) char *path = mem_printf("pg_wal/%s", name);
    scratch_put(&scratch, path, text);
}

/* One with a parent in it would be followed by a standby that runs. */
static void a_claim_has_no_parent(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf text = {0};
    assert_int_equal(pg_claim_put(scratch.dir, 6, 6, &err), 0);
    assert_false(is_there("00000006.history"));
    assert_int_equal(pg_claim_put(scratch.dir, 9, 12, &err), 0);
    assert_true(is_there("00000009.history") && is_there("0000000B.history"));
    assert_false(is_there("0000000C.history"));
    assert_true(scratch_read(&scratch, "pg_wal/0000000A.history", &text));
    assert_int_equal(buf_text(&text)[0], '#');
    assert_null(strchr(buf_text(&text), '\t'));
}

static void a_history_that_is_there_is_not_written_over(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf text = {0};
    put("00000006.history", "5\t0/3000000\treal\n");
    assert_int_equal(pg_claim_put(scratch.dir, 6, 8, &err), 0);
    assert_true(scratch_read(&scratch, "pg_wal/00000006.history", &text));
    assert_string_equal(buf_text(&text), "5\t0/3000000\treal\n");
}

/* A promotion to 8 never came: the data are of timeline 5. */
static void what_came_to_nothing_is_cleared(void **state)
{
    (void)state;
    put("00000005.history", "4\t0/2000000\treal\n");
    put("00000007.backup", "no history");
    assert_int_equal(pg_claim_put(scratch.dir, 6, 8, &err), 0);
    assert_int_equal(pg_claim_clear(scratch.dir, 5, &err), 0);
    assert_false(is_there("00000006.history") || is_there("00000007.history"));
    assert_true(is_there("00000005.history") && is_there("00000007.backup"));
}

/* It came: standbys of timeline 5 ask this primary for every file from 6 on. */
static void what_is_below_its_own_timeline_stays(void **state)
{
    (void)state;
    assert_int_equal(pg_claim_put(scratch.dir, 6, 8, &err), 0);
    assert_int_equal(pg_claim_clear(scratch.dir, 8, &err), 0);
    assert_true(is_there("00000006.history") && is_there("00000007.history"));
    put("00000008.history", "5\t0/3000000\treal\n"); /* fetched; the data are behind */
    assert_int_equal(pg_claim_put(scratch.dir, 9, 10, &err), 0);
    assert_int_equal(pg_claim_clear(scratch.dir, 5, &err), 0);
    assert_true(is_there("00000006.history") && is_there("00000007.history"));
    assert_false(is_there("00000009.history"));
}

static void what_can_not_be_read_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(rmdir(scratch_path(&scratch, "pg_wal")), 0);
    assert_int_equal(pg_claim_clear(scratch.dir, 5, &err), 0); /* nothing is there */
    assert_true(pg_claim_put(scratch.dir, 6, 7, &err) < 0);
    assert_non_null(strstr(err.msg, "00000006.history"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_claim_has_no_parent, setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_history_that_is_there_is_not_written_over, setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(what_came_to_nothing_is_cleared, setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(what_is_below_its_own_timeline_stays, setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(what_can_not_be_read_is_an_error, setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
