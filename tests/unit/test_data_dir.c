/* tests/unit/test_data_dir.c - whose a data directory is, and whether it is empty. How a store
 * takes its place in one is shown by tests/cli/test_ctl_recover.py, which kills it everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "ctl/data_dir.h"
#include "tests/lib/scratch_kit.h"

static void what_belongs_to_another_user_is_refused(void **state)
{
    (void)state;
    assert_int_equal(data_dir_check_owner(scratch.dir, &err), 0);
    assert_int_equal(data_dir_check_owner(scratch_path(&scratch, "not there"), &err), 0);
    const char *foreign = "/"; /* root's */
    if (geteuid() == 0) {
        foreign = scratch_path(&scratch, "foreign");
        assert_int_equal(mkdir(foreign, 0700), 0);
        assert_int_equal(chown(foreign, 12345, 12345), 0);
    }
    assert_int_equal(data_dir_check_owner(foreign, &err), ERR_REFUSED);
    assert_non_null(strstr(err.msg, "run it as the user that runs pgraftd"));
}

static void only_an_empty_directory_is_empty(void **state)
{
    (void)state;
    static const char *const kinds[] = {"store", "pgdata", ".hidden"};
    assert_int_equal(data_dir_check_empty(scratch_path(&scratch, "not there"), &err), 0);
    assert_int_equal(data_dir_check_empty(scratch.dir, &err), 0);
    assert_int_equal(mkdir(scratch_path(&scratch, "lost+found"), 0700), 0);
    assert_int_equal(data_dir_check_empty(scratch.dir, &err), 0);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        assert_int_equal(mkdir(scratch_path(&scratch, kinds[i]), 0700), 0);
        assert_int_equal(data_dir_check_empty(scratch.dir, &err), ERR_EXISTS);
        assert_non_null(strstr(err.msg, kinds[i]));
        assert_int_equal(rmdir(scratch_path(&scratch, kinds[i])), 0);
    }
}

static void a_directory_in_use_says_by_whom(void **state)
{
    (void)state;
    CLEANUP(offline_closep) struct offline *offline = NULL;
    CLEANUP(mem_freep) char *store = data_dir_store(scratch.dir);
    assert_int_equal(offline_create(store, &offline, &err), 0);
    assert_int_equal(data_dir_check_empty(scratch.dir, &err), ERR_LOCKED);
    assert_non_null(strstr(err.msg, "is in use by process"));
    offline_close(TAKE(offline));
    assert_int_equal(data_dir_check_empty(scratch.dir, &err), ERR_EXISTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_belongs_to_another_user_is_refused, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(only_an_empty_directory_is_empty, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(a_directory_in_use_says_by_whom, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
