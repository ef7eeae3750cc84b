/* tests/unit/test_start_watch.c - what counts as a start that came as far as its data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "supervisor/helper/jobs.h"
#include "supervisor/start_watch.h"
#include "tests/lib/scratch.h"

#define SEGMENT "pg_wal/000000010000000000000001"

static struct scratch scratch;
static struct start_watch watch;

static int begin(void **state)
{
    (void)state;
    scratch_init(&scratch);
    scratch_folders(&scratch, SEGMENT);
    scratch_put(&scratch, SEGMENT, "wal");
    scratch_put(&scratch, "PG_VERSION", "15\n");
    scratch_folders(&scratch, "global/pg_control");
    scratch_put(&scratch, "global/pg_control", "control");
    assert_int_equal(start_watch_open(&watch, NULL), 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    start_watch_close(&watch);
    scratch_close(&scratch);
    return 0;
}

static void open_file(const char *name)
{
    int fd = open(scratch_path(&scratch, name), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    (void)close(fd);
}

static void who_opens_wal_has_come_to_the_data(void **state)
{
    (void)state;
    assert_int_equal(start_watch_arm(&watch, scratch.dir, NULL), 0);
    open_file(SEGMENT);
    assert_true(start_watch_take(&watch));
    assert_false(start_watch_take(&watch)); /* that was told */
}

static void who_lists_what_is_there_has_too(void **state)
{
    (void)state;
    assert_int_equal(start_watch_arm(&watch, scratch.dir, NULL), 0);
    DIR *folder = opendir(scratch_path(&scratch, "pg_wal"));
    assert_non_null(folder);
    (void)closedir(folder);
    assert_true(start_watch_take(&watch));
}

static void who_reads_and_writes_beside_it_has_not(void **state)
{
    (void)state;
    assert_int_equal(start_watch_arm(&watch, scratch.dir, NULL), 0);
    open_file("PG_VERSION");
    scratch_put(&scratch, "postmaster.pid", "4711\n");
    assert_true(scratch_has(&scratch, SEGMENT));
    assert_false(start_watch_take(&watch));
}

/* A process of its own, which says its answer to its standard output. */
static int ask_disk(void *arg)
{
    if (chdir(scratch.dir) != 0 || freopen("answer", "w", stdout) == NULL) {
        return 1;
    }
    job_disk(".", (const struct disk_question *)arg);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* Whether it counts as PostgreSQL's what the helper does that tries the disk. */
static bool is_told_of_a_try(struct disk_question question)
{
    CLEANUP(buf_close) struct buf said = {0};
    assert_int_equal(start_watch_arm(&watch, scratch.dir, NULL), 0);
    assert_int_equal(scratch_wait(scratch_fork(ask_disk, &question, -1)), 0);
    assert_true(scratch_read(&scratch, "answer", &said));
    assert_non_null(strstr(buf_text(&said), "error=0 where=- "));
    assert_null(strstr(buf_text(&said), "free_kib=18446744073709551615 "));
    return start_watch_take(&watch);
}

static void a_try_of_the_disk_that_spares_the_wal_is_no_start(void **state)
{
    (void)state;
    assert_true(is_told_of_a_try((struct disk_question){.writes = false}));
    assert_false(is_told_of_a_try((struct disk_question){.spares_wal = true}));
    assert_false(is_told_of_a_try(
        (struct disk_question){.writes = true, .startup = true, .spares_wal = true}));
}

static void what_was_opened_before_is_of_another_start(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(start_watch_arm(&watch, scratch.dir, NULL), 0);
        open_file(SEGMENT);
    }
    assert_int_equal(start_watch_arm(&watch, scratch.dir, NULL), 0);
    assert_false(start_watch_take(&watch));
    open_file(SEGMENT);
    assert_true(start_watch_take(&watch));
}

/* A clone took the place of what was watched, and that its watch has ended is told. */
static void a_directory_that_goes_is_no_start(void **state)
{
    (void)state;
    assert_int_equal(start_watch_arm(&watch, scratch.dir, NULL), 0);
    assert_int_equal(unlink(scratch_path(&scratch, SEGMENT)), 0);
    assert_int_equal(rmdir(scratch_path(&scratch, "pg_wal")), 0);
    assert_false(start_watch_take(&watch));
    assert_true(start_watch_arm(&watch, scratch.dir, NULL) != 0);
    scratch_folders(&scratch, SEGMENT);
    assert_int_equal(start_watch_arm(&watch, scratch.dir, NULL), 0);
    assert_false(start_watch_take(&watch));
    scratch_put(&scratch, SEGMENT, "wal");
    assert_true(start_watch_take(&watch));
}

static void a_thousand_files_are_one_event(void **state)
{
    (void)state;
    char bytes[8192];
    assert_int_equal(start_watch_arm(&watch, scratch.dir, NULL), 0);
    for (int i = 0; i < 1000; i++) {
        open_file(SEGMENT);
    }
    ssize_t size = read(watch.fd, bytes, sizeof(bytes));
    assert_true(size > 0 && size < 200);
    assert_true(read(watch.fd, bytes, sizeof(bytes)) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_opens_wal_has_come_to_the_data, begin, end),
        cmocka_unit_test_setup_teardown(who_lists_what_is_there_has_too, begin, end),
        cmocka_unit_test_setup_teardown(who_reads_and_writes_beside_it_has_not, begin, end),
        cmocka_unit_test_setup_teardown(a_try_of_the_disk_that_spares_the_wal_is_no_start, begin,
                                        end),
        cmocka_unit_test_setup_teardown(what_was_opened_before_is_of_another_start, begin, end),
        cmocka_unit_test_setup_teardown(a_directory_that_goes_is_no_start, begin, end),
        cmocka_unit_test_setup_teardown(a_thousand_files_are_one_event, begin, end),
    };
    return cmocka_run_group_tests_name("start_watch", tests, NULL, NULL);
}
