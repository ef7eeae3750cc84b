/* tests/storage/test_env.c - whose directory is it? Foreign files, other versions, other processes,
 * copies; and what a program started by us gets to see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/must.h"
#include "storage/origin.h"
#include "tests/storage/lab.h"

static int setup(void **state)
{
    struct lab *lab = mem_zalloc(sizeof(*lab));
    lab_init(lab);
    *state = lab;
    return 0;
}

static int teardown(void **state)
{
    struct lab *lab = *state;
    lab_close(lab);
    mem_free(lab);
    return 0;
}

static const char *file_in(const struct lab *lab, const char *name)
{
    static char path[160];
    (void)snprintf(path, sizeof(path), "%s/%s", lab->path, name);
    return path;
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

static void assert_refused(struct lab *lab, int code, const char *part)
{
    struct err err = {0};
    assert_int_equal(lab_open(lab, &err), code);
    assert_int_equal(err.code, code);
    if (strstr(err.msg, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.msg, part);
    }
    assert_null(lab->store);
}

static void vote(struct lab *lab, uint64_t term)
{
    struct store_batch *batch = store_batch_create(term);
    batch->has_hard = true;
    batch->hard = (struct store_hard){term, 3};
    store_submit(lab->store, batch);
    lab_wait(lab, term);
}

static void test_a_new_directory_becomes_a_store(void **state)
{
    struct lab *lab = *state;
    lab_must_open(lab);
    assert_false(lab->image.formatted);
    assert_false(lab->image.moved);
    assert_int_equal(lab->image.log_first, 1);
    assert_int_equal(lab->image.log_last, 0);
    assert_int_equal(lab->image.identity.node_id, 0);
    struct stat st;
    assert_int_equal(stat(lab->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    const char *names[] = {"LOCK", "VERSION", "data.mdb", "lock.mdb"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(stat(file_in(lab, names[i]), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    lab_must_open(lab);
    assert_true(lab->image.formatted);
}

static void test_a_directory_with_other_files_is_left_alone(void **state)
{
    struct lab *lab = *state;
    assert_int_equal(mkdir(lab->path, 0755), 0);
    write_file(file_in(lab, "holiday.jpg"), "x");
    assert_refused(lab, ERR_REFUSED, "holiday.jpg");
    struct stat st;
    assert_int_equal(stat(lab->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0755);
    assert_int_not_equal(stat(file_in(lab, "LOCK"), &st), 0);

    assert_int_equal(unlink(file_in(lab, "holiday.jpg")), 0);
    lab_must_open(lab); /* empty: taken, and closed to others */
    assert_int_equal(stat(lab->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

/* Somebody's, with one key. */
static void make_foreign_lmdb(const char *path)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi = 0;
    char byte = '1';
    MDB_val one = {1, &byte};
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &one, &one, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void test_a_foreign_lmdb_is_left_alone(void **state)
{
    struct lab *lab = *state;
    assert_int_equal(mkdir(lab->path, 0700), 0);
    make_foreign_lmdb(lab->path);
    struct stat before;
    struct stat after;
    assert_int_equal(stat(file_in(lab, "data.mdb"), &before), 0);
    assert_refused(lab, ERR_REFUSED, "not a store");
    assert_int_equal(stat(file_in(lab, "data.mdb"), &after), 0);
    assert_int_equal(after.st_ino, before.st_ino);
    assert_int_equal(access(file_in(lab, "LOCK"), F_OK), -1);
}

static void test_a_foreign_database_is_left_alone(void **state)
{
    struct lab *lab = *state;
    assert_int_equal(mkdir(lab->path, 0700), 0);
    write_file(file_in(lab, "data.mdb"),
               "not LMDB, but more than a few bytes long: it has pages of"
               " text, as long as the beginning of a file is, and some on"
               " top of that, so that it can be read as one ....");
    assert_refused(lab, ERR_REFUSED, "not a store");
    /* A real one with a past, whose VERSION is gone. */
    assert_int_equal(unlink(file_in(lab, "data.mdb")), 0);
    lab_must_open(lab);
    vote(lab, 1);
    lab_shut(lab);
    assert_int_equal(unlink(file_in(lab, "VERSION")), 0);
    assert_refused(lab, ERR_REFUSED, "no VERSION");
    write_file(file_in(lab, "VERSION"), "15\n"); /* PostgreSQL's has another name, but still */
    assert_refused(lab, ERR_REFUSED, "not that of a store");
}

static void test_what_a_newer_version_wrote_is_refused(void **state)
{
    struct lab *lab = *state;
    lab_must_open(lab);
    lab_shut(lab);
    write_file(file_in(lab, "VERSION"), "pgraft store 2\n");
    assert_refused(lab, ERR_VERSION, "newer");
    write_file(file_in(lab, "VERSION"), "pgraft store 1\n");
    lab_must_open(lab);
}

static void test_a_directory_open_to_others_is_refused(void **state)
{
    struct lab *lab = *state;
    lab_must_open(lab);
    lab_shut(lab);
    assert_int_equal(chmod(lab->path, 0750), 0);
    assert_refused(lab, ERR_REFUSED, "chmod 0700");
}

static void test_a_second_process_is_told_the_first_ones_pid(void **state)
{
    struct lab *lab = *state;
    lab_must_open(lab);
    char pid[32];
    (void)snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
    (void)fflush(stdout); /* under TSan _exit() prints what waits */
    pid_t child = fork();
    if (child == 0) {
        /* Not the parent's struct: this is another process that knows the path alone. */
        struct store_settings settings = {.path = lab->path};
        struct store *store = NULL;
        struct store_image image;
        struct err err = {0};
        int r = store_open(&settings, &store, &image, &err);
        _exit(r == ERR_LOCKED && strstr(err.msg, pid) != NULL ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    vote(lab, 1); /* and the first goes on */

    struct store_settings again = {.path = lab->path};
    struct store *store = NULL;
    struct store_image image;
    struct err err = {0};
    assert_int_equal(store_open(&again, &store, &image, &err), ERR_LOCKED);
    lab_shut(lab);
    lab_must_open(lab); /* a closed one is free */
    assert_int_equal(lab->image.hard.term, 1);
}

/* As every program that we start is for a moment. */
static void test_a_child_does_not_hold_what_was_closed(void **state)
{
    struct lab *lab = *state;
    lab_must_open(lab);
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        (void)pause();
        _exit(0);
    }
    lab_shut(lab);
    struct err err = {0};
    int r = lab_open(lab, &err);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(r, 0);
}

static void test_a_lost_file_is_a_lost_replica(void **state)
{
    struct lab *lab = *state;
    lab_must_open(lab);
    lab_shut(lab);
    assert_int_equal(unlink(file_in(lab, "data.mdb")), 0);
    assert_refused(lab, ERR_CORRUPT, "start again to re-join");
    write_file(file_in(lab, "data.mdb"), "");
    assert_refused(lab, ERR_CORRUPT, "too early");
    write_file(file_in(lab, "data.mdb"), "something else");
    assert_refused(lab, ERR_CORRUPT, "remove");
}

static void test_a_copy_is_known_as_one(void **state)
{
    struct lab *lab = *state;
    lab_must_open(lab);
    vote(lab, 4);
    lab_shut(lab);
    char moved[160];
    (void)snprintf(moved, sizeof(moved), "%s/copy", lab->root);
    lab_copy_file(file_in(lab, "data.mdb"), moved);
    assert_int_equal(rename(moved, file_in(lab, "data.mdb")), 0);
    for (int i = 0; i < 2; i++) { /* and stays known as one */
        lab_must_open(lab);
        assert_true(lab->image.moved);
        assert_non_null(strstr(lab->image.moved_text, "inode was"));
        assert_int_equal(lab->image.hard.term, 4 + (uint64_t)i);
        vote(lab, 5 + (uint64_t)i);
    }
}

static void test_another_machine_is_noticed(void **state)
{
    struct lab *lab = *state;
    char id[96];
    (void)snprintf(id, sizeof(id), "%s/machine", lab->root);
    lab->settings.machine_id_path = id;
    write_file(id, "0123456789abcdef0123456789abcdef\n");
    lab_must_open(lab);
    lab_must_open(lab);
    assert_false(lab->image.moved);
    lab_shut(lab);
    assert_int_equal(unlink(id), 0);
    lab_must_open(lab); /* unknown is not another */
    assert_false(lab->image.moved);
    lab_shut(lab);
    write_file(id, "ffffffffffffffffffffffffffffffff\n");
    lab_must_open(lab);
    assert_true(lab->image.moved);
    assert_non_null(strstr(lab->image.moved_text, "machine id was 0123"));
}

static void test_origins(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct origin then;
        struct origin now;
        bool differs;
    } cases[] = {
        {"the same", {1, 2, 3, "m"}, {1, 2, 3, "m"}, false},
        {"another inode", {1, 2, 3, "m"}, {9, 2, 3, "m"}, true},
        {"the inode was used again, later", {1, 2, 3, "m"}, {1, 9, 3, "m"}, true},
        {"a filesystem without birth times", {1, 0, 3, "m"}, {1, 9, 3, "m"}, false},
        {"another filesystem", {1, 2, 3, "m"}, {1, 2, 9, "m"}, true},
        {"a filesystem without an id of its own", {1, 2, 0, "m"}, {1, 2, 9, "m"}, false},
        {"another machine", {1, 2, 3, "m"}, {1, 2, 3, "n"}, true},
        {"a machine without an id", {1, 2, 3, "m"}, {1, 2, 3, ""}, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[160] = "";
        if (origin_differs(&cases[i].then, &cases[i].now, text, sizeof(text)) != cases[i].differs ||
            (text[0] != '\0') != cases[i].differs) {
            fail_msg("wrong: %s", cases[i].name);
        }
        assert_int_equal(origin_differs(&cases[i].then, &cases[i].now, NULL, 0), cases[i].differs);
    }
}

/* Every descriptor the store opens goes away with exec(). */
static void test_descriptors_are_close_on_exec(void **state)
{
    struct lab *lab = *state;
    bool was_open[64];
    for (int fd = 0; fd < 64; fd++) {
        was_open[fd] = fcntl(fd, F_GETFD) >= 0;
    }
    lab_must_open(lab);
    unsigned opened = 0;
    for (int fd = 0; fd < 64; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags >= 0 && !was_open[fd]) {
            opened++;
            assert_true((flags & FD_CLOEXEC) != 0);
        }
    }
    assert_true(opened >= 5); /* directory, LOCK, data twice, lock.mdb, eventfd */
}

/* The storage thread leaves all signals to the others. */
static void test_signals_are_not_the_threads(void **state)
{
    struct lab *lab = *state;
    lab_must_open(lab);
    vote(lab, 1);
    char line[128];
    bool is_found = false;
    char path[64];
    for (long tid = getpid() + 1; tid < getpid() + 5000 && !is_found; tid++) {
        (void)snprintf(path, sizeof(path), "/proc/self/task/%ld/status", tid);
        FILE *file = fopen(path, "re");
        while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
            if (strncmp(line, "SigBlk:", 7) == 0) {
                unsigned long long mask = strtoull(line + 7, NULL, 16);
                is_found = true;
                assert_true((mask & (1ull << (SIGTERM - 1))) != 0);
                assert_true((mask & (1ull << (SIGCHLD - 1))) != 0);
            }
        }
        if (file != NULL) {
            (void)fclose(file);
        }
    }
    assert_true(is_found);
    sigset_t mine;
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &mine), 0);
    assert_false(sigismember(&mine, SIGTERM));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_new_directory_becomes_a_store, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_directory_with_other_files_is_left_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_foreign_database_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_foreign_lmdb_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_a_newer_version_wrote_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_directory_open_to_others_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_second_process_is_told_the_first_ones_pid, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_child_does_not_hold_what_was_closed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_lost_file_is_a_lost_replica, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_copy_is_known_as_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_machine_is_noticed, setup, teardown),
        cmocka_unit_test(test_origins),
        cmocka_unit_test_setup_teardown(test_descriptors_are_close_on_exec, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signals_are_not_the_threads, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
