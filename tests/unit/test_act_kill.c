/* tests/unit/test_act_kill.c - whom this program ends itself: copies of a small program, under the
 * name that counts, in folders that count or do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <signal.h>

#include "base/mem.h"
#include "supervisor/act_parts.h"
#include "supervisor/guard/scan.h"
#include "tests/lib/scratch.h"

#define SLEEP "/bin/sleep"

static struct scratch scratch;
static struct err err;
static struct pg_setup made;
static struct act_order order;
static char *data, *disk; /* it is on the disk */
static char *postgres;

static int copy_sleep(void *arg)
{
    return execl("/bin/cp", "cp", SLEEP, (const char *)arg, (char *)NULL);
}

static int setup(void **state)
{
    (void)state;
    static char *none[] = {NULL};
    err = (struct err){0};
    scratch_init(&scratch);
    disk = mem_strdup(scratch_path(&scratch, "disk"));
    data = mem_strdup(scratch_path(&scratch, "disk/data"));
    postgres = mem_strdup(scratch_path(&scratch, "postgres"));
    assert_int_equal(mkdir(disk, 0700), 0);
    assert_int_equal(mkdir(data, 0700), 0);
    assert_int_equal(scratch_wait(scratch_fork(copy_sleep, postgres, -1)), 0);
    made = (struct pg_setup){.files = {.data_dir = data}, .environment = none};
    memset(&order, 0, sizeof(order));
    order.setup = &made;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_free(data);
    mem_free(disk);
    mem_free(postgres);
    scratch_close(&scratch);
    return 0;
}

struct start {
    const char *program;
    const char *cwd;
};

static int start_in(void *arg)
{
    const struct start *s = (const struct start *)arg;
    return chdir(s->cwd) != 0 ? 1 : execl(s->program, s->program, "60", (char *)NULL);
}

/* A process that has come to run @program. */
static pid_t start(const char *program, const char *cwd)
{
    struct start s = {.program = program, .cwd = cwd};
    char link[64];
    char seen[320] = "";
    pid_t child = scratch_fork(start_in, &s, STDERR_FILENO);
    (void)snprintf(link, sizeof(link), "/proc/%d/exe", (int)child);
    char wanted[PATH_MAX];
    assert_non_null(realpath(program, wanted));
    while (strcmp(seen, wanted) != 0) {
        ssize_t size = readlink(link, seen, sizeof(seen) - 1);
        assert_true(size >= 0);
        seen[size] = '\0';
    }
    return child;
}

static bool was_killed(pid_t child)
{
    int status = scratch_wait(child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* A stranger, which lives. */
static void end(pid_t child)
{
    assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
    assert_int_equal(kill(child, SIGTERM), 0);
    int status = scratch_wait(child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void b5_the_postmaster_and_what_works_in_the_data_directory_end(void **state)
{
    (void)state;
    pid_t postmaster = start(postgres, data);
    pid_t backend = start(postgres, data);
    order.postmaster = (uint64_t)postmaster;
    assert_int_equal(work_kill(&order, &err), 0);
    assert_true(was_killed(postmaster));
    assert_true(was_killed(backend));
}

/* Numbers are given again. */
static void a_number_that_is_another_programs_now_is_let_live(void **state)
{
    (void)state;
    pid_t stranger = start(SLEEP, data);
    order.postmaster = (uint64_t)stranger;
    assert_int_equal(work_kill(&order, &err), 0);
    end(stranger);
}

static void b5_all_of_it_ends_when_its_folder_has_lost_its_name(void **state)
{
    (void)state;
    pid_t postmaster = start(postgres, data);
    pid_t backend = start(postgres, data);
    order.postmaster = (uint64_t)postmaster;
    assert_int_equal(rename(data, scratch_path(&scratch, "moved")), 0);
    assert_int_equal(work_kill(&order, &err), 0);
    assert_true(was_killed(postmaster));
    assert_true(was_killed(backend));
}

/* It answers with an error that is not "there is none" from now on: ENOTDIR, in the place of EIO.
 */
static void fail_disk(void)
{
    assert_int_equal(rename(disk, scratch_path(&scratch, "before")), 0);
    int fd = creat(disk, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

static void b5_a_data_directory_that_does_not_answer_saves_nobody(void **state)
{
    (void)state;
    pid_t postmaster = start(postgres, data);
    pid_t backend = start(postgres, data);
    pid_t stranger = start(postgres, "/");
    order.postmaster = (uint64_t)postmaster;
    fail_disk();
    assert_int_equal(work_kill(&order, &err), 0);
    assert_true(was_killed(postmaster));
    assert_true(was_killed(backend));
    assert_int_equal(order.known.cwd.inode, 0); /* nobody is left */
    end(stranger);
}

/* The postmaster has gone first, and with it who could tell. */
static void b5_where_a_postmaster_worked_is_remembered(void **state)
{
    (void)state;
    pid_t backend = start(postgres, data);
    pid_t stranger = start(postgres, "/");
    assert_true(file_id_of(AT_FDCWD, data, &order.known.cwd));
    fail_disk();
    assert_int_equal(work_kill(&order, &err), 0);
    assert_true(was_killed(backend));
    end(stranger);
}

/* No postmaster was ever heard of, since there is no guard. */
static void b5_a_data_directory_is_remembered(void **state)
{
    (void)state;
    assert_int_equal(work_kill(&order, &err), 0); /* sees it */
    pid_t backend = start(postgres, data);
    pid_t stranger = start(postgres, "/");
    fail_disk();
    assert_int_equal(work_kill(&order, &err), 0);
    assert_true(was_killed(backend));
    end(stranger);
}

static void what_nobody_has_seen_is_not_said_to_be_empty(void **state)
{
    (void)state;
    pid_t backend = start(postgres, data);
    fail_disk();
    assert_int_equal(work_kill(&order, &err), ERR_SYSTEM);
    end(backend);
}

static void b6_a_guard_that_does_not_answer_ends_too(void **state)
{
    (void)state;
    pid_t guard = start(SLEEP, "/");
    order.guard_pid = (uint64_t)guard;
    assert_int_equal(work_kill(&order, &err), 0);
    assert_true(was_killed(guard));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(b5_the_postmaster_and_what_works_in_the_data_directory_end),
        CASE(a_number_that_is_another_programs_now_is_let_live),
        CASE(b5_all_of_it_ends_when_its_folder_has_lost_its_name),
        CASE(b5_a_data_directory_that_does_not_answer_saves_nobody),
        CASE(b5_where_a_postmaster_worked_is_remembered),
        CASE(b5_a_data_directory_is_remembered),
        CASE(what_nobody_has_seen_is_not_said_to_be_empty),
        CASE(b6_a_guard_that_does_not_answer_ends_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
