/* tests/unit/test_pg_lock.c - lock files of a PostgreSQL that is gone are taken away, those of
 * others are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "supervisor/pg_lock.h"
#include "tests/lib/scratch_kit.h"

static int setup(void **state)
{
    (void)scratch_setup(state);
    assert_int_equal(mkdir(scratch_path(&scratch, "data"), 0700), 0);
    assert_int_equal(mkdir(scratch_path(&scratch, "other"), 0700), 0);
    return 0;
}

static int teardown(void **state)
{
    assert_int_equal(chdir("/"), 0);
    return scratch_teardown(state);
}

static void put_lock(const char *name, long pid, const char *folder)
{
    FILE *file = fopen(scratch_path(&scratch, name), "w");
    MUST(file != NULL);
    MUST(fprintf(file, "%ld\n%s/%s\n1700000000\n5432\n", pid, scratch.dir, folder) > 0);
    MUST(fclose(file) == 0);
}

static int clear(const char *name)
{
    CLEANUP(mem_freep) char *data = mem_printf("%s/data", scratch.dir);
    return pg_lock_clear(scratch_path(&scratch, name), data, &err);
}

static void a_number_that_is_another_process_now_holds_nobody_up(void **state)
{
    (void)state;
    put_lock("data/postmaster.pid", (long)getpid(), "data");
    assert_int_equal(clear("data/postmaster.pid"), 0);
    assert_false(scratch_has(&scratch, "data/postmaster.pid"));
    assert_int_equal(clear("data/postmaster.pid"), 0); /* there is none */
}

static void a_process_that_nobody_has_waited_for_is_gone(void **state)
{
    (void)state;
    pid_t pid = fork();
    MUST(pid >= 0);
    if (pid == 0) {
        (void)chdir(scratch_path(&scratch, "data"));
        _exit(0);
    }
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    put_lock("data/postmaster.pid", (long)pid, "data");
    assert_int_equal(clear("data/postmaster.pid"), 0);
    assert_false(scratch_has(&scratch, "data/postmaster.pid"));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void who_works_in_the_directory_keeps_its_lock(void **state)
{
    (void)state;
    assert_int_equal(chdir(scratch_path(&scratch, "data")), 0);
    put_lock("data/postmaster.pid", (long)getpid(), "data");
    assert_int_equal(clear("data/postmaster.pid"), 0);
    assert_true(scratch_has(&scratch, "data/postmaster.pid"));
}

static void what_is_not_ours_stays(void **state)
{
    (void)state;
    put_lock("lock", (long)getpid(), "other");
    assert_int_equal(clear("lock"), 0);
    assert_true(scratch_has(&scratch, "lock"));
    scratch_put(&scratch, "lock", "");
    assert_int_equal(clear("lock"), 0);
    assert_true(scratch_has(&scratch, "lock"));
}

static void sockets_are_looked_for_in_all_places(void **state)
{
    (void)state;
    CLEANUP(mem_freep) char *data = mem_printf("%s/data", scratch.dir);
    CLEANUP(mem_freep)
    char *places = mem_printf("%s/none, @abstract,%s/other", scratch.dir, scratch.dir);
    put_lock("other/.s.PGSQL.5432.lock", (long)getpid(), "data");
    put_lock("other/.s.PGSQL.5433.lock", (long)getpid(), "data");
    assert_int_equal(pg_lock_clear_sockets(places, 5432, data, &err), 0);
    assert_false(scratch_has(&scratch, "other/.s.PGSQL.5432.lock"));
    assert_true(scratch_has(&scratch, "other/.s.PGSQL.5433.lock"));
    assert_int_equal(pg_lock_clear_sockets("", 5433, data, &err), 0);
    assert_int_equal(pg_lock_clear_sockets(NULL, 5433, data, &err), 0);
    assert_true(scratch_has(&scratch, "other/.s.PGSQL.5433.lock"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_number_that_is_another_process_now_holds_nobody_up, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_process_that_nobody_has_waited_for_is_gone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_works_in_the_directory_keeps_its_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_ours_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(sockets_are_looked_for_in_all_places, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
