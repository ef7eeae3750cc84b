/* tests/unit/test_room.c - a server that only recovers, and is ended: by what postmaster.pid says,
 * with a shell script in the place of the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/helper/jobs.h"
#include "tests/lib/scratch_kit.h"

#define HEAD "77\n/data\n1700000000\n5432\n.\n\n  1234 5\n"

static const struct {
    const char *text;
    bool is_ready;
} rows[] = {
    {HEAD "ready   \n", true},
    {HEAD "starting\n", false},
    {HEAD "standby \n", false},
    {HEAD, false},
    {"77\n", false},
    {"", false},
    {"78\n/data\n1700000000\n5432\n.\n\n  1234 5\nready   \n", false}, /* of another one */
    {"ready\n\n\n\n\n\n\nready   \n", false},
};

static void it_has_started_when_it_says_so_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(room_is_ready(rows[i].text, 77), rows[i].is_ready);
    }
}

/* A server by @script, with $0 "-DDIR"; how it ended. */
static int status_of(const char *script)
{
    CLEANUP(mem_freep) char *path = mem_strdup(scratch_path(&scratch, "server"));
    CLEANUP(mem_freep) char *data = mem_printf("-D%s", scratch.dir);
    CLEANUP(mem_freep) char *parent = mem_printf("%d", (int)getpid());
    char *words[] = {path, data, NULL};
    int status = 0;
    scratch_put(&scratch, "server", script);
    assert_int_equal(chmod(path, 0700), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(job_room(parent, words));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void it_is_ended_in_order_when_it_has(void **state)
{
    (void)state;
    assert_int_equal(
        status_of("#!/bin/bash\n"
                  "d=${1#-D}; trap 'echo down > $d/down; exit 0' INT\n"
                  "printf '%s\\n' $$ $d 0 5432 . '' '1 2' 'starting' > $d/postmaster.pid\n"
                  "sleep 0.3\n"
                  "printf '%s\\n' $$ $d 0 5432 . '' '1 2' 'ready   ' > $d/postmaster.pid\n"
                  "while :; do sleep 0.05; done\n"),
        0);
    CLEANUP(buf_close) struct buf text = {0};
    assert_true(scratch_read(&scratch, "down", &text));
}

static void how_it_fails_is_told(void **state)
{
    (void)state;
    assert_int_equal(status_of("#!/bin/bash\nexit 3\n"), 3);
    assert_int_equal(status_of("#!/bin/bash\nkill -9 $$\n"), 128 + 9);
    assert_int_equal(status_of("no program"), 127);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_has_started_when_it_says_so_itself),
        cmocka_unit_test_setup_teardown(it_is_ended_in_order_when_it_has, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(how_it_fails_is_told, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
