/* tests/unit/test_log_file.c - no line is lost, torn or kept beyond the number, whatever happens.
 *
 * Lines are numbered, so that the files read from the oldest to the youngest must be one unbroken
 * run of numbers. A full disk is /dev/full, or a limit on the size of files that can be moved. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log_file.h"
#include "base/mem.h"
#include "tests/lib/scratch.h"

static struct log_file_config config_of(const struct scratch *s, uint64_t size_max,
                                        unsigned older_max)
{
    return (struct log_file_config){
        .dir = s->dir, .size_max = size_max, .older_max = older_max, .mode = LOG_FILE_MODE};
}

/* As the log does it: turn over when it is time, then write. */
static int put(struct log_file *file, const char *line, size_t size)
{
    if (log_file_is_full(file, size)) {
        (void)log_file_rotate(file, NULL);
    }
    return log_file_write(file, line, size, NULL);
}

/* A line "000017 xxxx...\n" of @size bytes. */
static void put_numbered(struct log_file *file, unsigned number, size_t size)
{
    char line[256];
    memset(line, 'x', sizeof(line));
    (void)snprintf(line, sizeof(line), "%06u", number);
    line[6] = ' ';
    line[size - 1] = '\n';
    assert_int_equal(0, put(file, line, size));
}

/* Everything there is, oldest first. */
static void read_all(struct scratch *s, unsigned older_max, struct buf *out)
{
    for (unsigned number = older_max; number > 0; number--) {
        char name[32];
        (void)snprintf(name, sizeof(name), "pgraft.log.%u", number);
        (void)scratch_read(s, name, out);
    }
    (void)scratch_read(s, "pgraft.log", out);
}

/* @all is whole lines with rising numbers without a gap up to @last; yield the first number. */
static unsigned assert_unbroken(const struct buf *all, unsigned last)
{
    const char *at = buf_text(all);
    long first = -1;
    for (long number = -1; *at != '\0'; at++) {
        const char *start = at;
        long found = scratch_number(&at);
        assert_int_equal(6, at - start);
        first = first < 0 ? found : first;
        assert_true(number < 0 || found == number + 1);
        number = found;
        assert_true(number >= 0);
        assert_true(number <= (long)last);
        assert_int_equal(' ', *at);
        for (at++; *at == 'x'; at++) {
        }
        assert_int_equal('\n', *at);
        assert_true(at[1] != '\0' || number == (long)last);
    }
    assert_true(first >= 0);
    return (unsigned)first;
}

static off_t size_of(struct scratch *s, const char *name)
{
    struct stat st;
    return stat(scratch_path(s, name), &st) == 0 ? st.st_size : -1;
}

static void limits_hold_and_no_line_is_lost(void **state)
{
    (void)state;
    static const struct {
        uint64_t size_max;
        unsigned older_max;
    } rows[] = {{1000, 4}, {1000, 1}, {300, 12}, {1000, 0}, {100, 3}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scratch s;
        scratch_init(&s);
        CLEANUP(log_file_close) struct log_file file = {0};
        struct log_file_config config = config_of(&s, rows[i].size_max, rows[i].older_max);
        assert_int_equal(0, log_file_open(&file, &config, NULL));
        for (unsigned n = 0; n < 500; n++) {
            put_numbered(&file, n, 8 + n * 7 % 90);
            assert_in_range(scratch_count(&s), 1, rows[i].older_max + 1);
            assert_in_range(size_of(&s, "pgraft.log"), 8, rows[i].size_max);
        }
        assert_int_equal(rows[i].older_max + 1, scratch_count(&s));
        CLEANUP(buf_close) struct buf all = {0};
        read_all(&s, rows[i].older_max, &all);
        (void)assert_unbroken(&all, 499);
        assert_true(all.size > rows[i].older_max * (rows[i].size_max - 100));
        scratch_close(&s);
    }
}

static void nothing_is_lost_while_all_files_are_kept(void **state)
{
    (void)state;
    struct scratch s;
    scratch_init(&s);
    CLEANUP(log_file_close) struct log_file file = {0};
    struct log_file_config config = config_of(&s, 500, 200);
    assert_int_equal(0, log_file_open(&file, &config, NULL));
    for (unsigned n = 0; n < 1000; n++) {
        put_numbered(&file, n, 8 + n * 7 % 90);
    }
    CLEANUP(buf_close) struct buf all = {0};
    read_all(&s, 200, &all);
    assert_int_equal(0, assert_unbroken(&all, 999));
    scratch_close(&s);
}

static void a_line_longer_than_the_limit_has_its_own_file(void **state)
{
    (void)state;
    struct scratch s;
    scratch_init(&s);
    CLEANUP(log_file_close) struct log_file file = {0};
    struct log_file_config config = config_of(&s, 50, 4);
    assert_int_equal(0, log_file_open(&file, &config, NULL));
    put_numbered(&file, 0, 201);
    assert_int_equal(1, scratch_count(&s)); /* no empty file is put aside for it */
    put_numbered(&file, 1, 20);
    put_numbered(&file, 2, 202);
    put_numbered(&file, 3, 20);
    assert_int_equal(20, size_of(&s, "pgraft.log"));
    assert_int_equal(202, size_of(&s, "pgraft.log.1"));
    assert_int_equal(20, size_of(&s, "pgraft.log.2"));
    assert_int_equal(201, size_of(&s, "pgraft.log.3"));
    scratch_close(&s);
}

static void without_a_size_it_grows(void **state)
{
    (void)state;
    struct scratch s;
    scratch_init(&s);
    CLEANUP(log_file_close) struct log_file file = {0};
    struct log_file_config config = config_of(&s, 0, 4);
    assert_int_equal(0, log_file_open(&file, &config, NULL));
    for (unsigned n = 0; n < 300; n++) {
        put_numbered(&file, n, 100);
    }
    assert_int_equal(1, scratch_count(&s));
    assert_int_equal(30000, size_of(&s, "pgraft.log"));
    scratch_close(&s);
}

static void goes_on_in_the_file_it_finds(void **state)
{
    (void)state;
    struct scratch s;
    scratch_init(&s);
    struct log_file_config config = config_of(&s, 100, 5);
    for (unsigned n = 0; n < 20; n++) {
        struct log_file file = {0};
        assert_int_equal(0, log_file_open(&file, &config, NULL));
        put_numbered(&file, n, 40);
        log_file_close(&file);
        log_file_close(&file);
    }
    CLEANUP(buf_close) struct buf all = {0};
    read_all(&s, 5, &all);
    assert_int_equal(8, assert_unbroken(&all, 19));
    scratch_close(&s);
}

static void a_smaller_number_removes_the_surplus(void **state)
{
    (void)state;
    struct scratch s;
    scratch_init(&s);
    struct log_file file = {0};
    struct log_file_config config = config_of(&s, 100, 9);
    assert_int_equal(0, log_file_open(&file, &config, NULL));
    for (unsigned n = 0; n < 30; n++) {
        put_numbered(&file, n, 90);
    }
    assert_int_equal(10, scratch_count(&s));
    log_file_close(&file);
    config.older_max = 2;
    assert_int_equal(0, log_file_open(&file, &config, NULL));
    assert_int_equal(3, scratch_count(&s));
    log_file_close(&file);
    scratch_close(&s);
}

static mode_t mode_of(struct scratch *s, const char *name)
{
    struct stat st;
    assert_int_equal(0, stat(scratch_path(s, name), &st));
    return st.st_mode & 07777;
}

static void modes_are_what_was_asked_for(void **state)
{
    (void)state;
    static const struct {
        mode_t file;
        mode_t dir;
    } rows[] = {{0600, 0700}, {0640, 0750}, {0644, 0755}, {0664, 0755}};
    mode_t before = umask(0007);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scratch s;
        scratch_init(&s);
        CLEANUP(log_file_close) struct log_file file = {0};
        CLEANUP(mem_freep) char *dir = mem_strdup(scratch_path(&s, "logs"));
        struct log_file_config config = {
            .dir = dir, .size_max = 50, .older_max = 1, .mode = rows[i].file};
        assert_int_equal(0, log_file_open(&file, &config, NULL));
        put_numbered(&file, 0, 40);
        put_numbered(&file, 1, 40);
        assert_int_equal(rows[i].file, mode_of(&s, "logs/pgraft.log"));
        assert_int_equal(rows[i].file, mode_of(&s, "logs/pgraft.log.1"));
        /* the umask is the administrator's word on directories */
        assert_int_equal(rows[i].dir & ~(mode_t)0007, mode_of(&s, "logs"));
        scratch_close(&s);
    }
    (void)umask(before);
}

static void bad_settings_are_refused(void **state)
{
    (void)state;
    struct scratch s;
    scratch_init(&s);
    CLEANUP(mem_freep) char *no_parent = mem_strdup(scratch_path(&s, "not/there"));
    CLEANUP(mem_freep) char *plain = mem_strdup(scratch_path(&s, "plain"));
    CLEANUP(mem_freep) char *under = mem_printf("%s/below", plain);
    FILE *made = fopen(plain, "we");
    assert_non_null(made);
    (void)fclose(made);
    assert_int_equal(0, mkfifo(scratch_path(&s, "fifo"), 0600));
    assert_int_equal(0, mkdir(scratch_path(&s, "dir"), 0700));
    const struct {
        const char *dir;
        const char *name;
        unsigned older_max;
        mode_t mode;
        int code;
        const char *says;
    } rows[] = {
        {NULL, NULL, 4, 0600, ERR_INVALID, "directory is empty"},
        {"", NULL, 4, 0600, ERR_INVALID, "directory is empty"},
        {no_parent, NULL, 4, 0600, ERR_NOT_FOUND, "the directory above it does not exist"},
        {plain, NULL, 4, 0600, ERR_SYSTEM, "Not a directory"},
        {under, NULL, 4, 0600, ERR_SYSTEM, "Not a directory"},
        {s.dir, "a/b", 4, 0600, ERR_INVALID, "\"a/b\" cannot be the name"},
        {s.dir, "..", 4, 0600, ERR_INVALID, "cannot be the name"},
        {s.dir, "", 4, 0600, ERR_INVALID, "cannot be the name"},
        {s.dir, "dir", 4, 0600, ERR_SYSTEM, "Is a directory"},
        {s.dir, "fifo", 4, 0600, ERR_SYSTEM, "open log file"},
        {s.dir, NULL, 5000, 0600, ERR_INVALID, "at most 1000"},
        {s.dir, NULL, 4, 0400, ERR_INVALID, "mode 0400"},
        {s.dir, NULL, 4, 07600, ERR_INVALID, "mode 7600"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct log_file file = {.size = 77};
        struct err err = {0};
        struct log_file_config config = {rows[i].dir, rows[i].name, 1000, rows[i].older_max,
                                         rows[i].mode};
        int rc = log_file_open(&file, &config, &err);
        if (rc != rows[i].code || strstr(err.msg, rows[i].says) == NULL) {
            fail_msg("row %zu: %s: %s", i, err_name(rc), err.msg);
        }
        assert_int_equal(77, file.size); /* nothing was written to it */
    }
    assert_int_equal(3, scratch_count(&s)); /* nor made */
    scratch_close(&s);
}

static void a_fifo_with_a_reader_is_refused(void **state)
{
    (void)state;
    struct scratch s;
    scratch_init(&s);
    assert_int_equal(0, mkfifo(scratch_path(&s, "pgraft.log"), 0600));
    CLEANUP(closep) int reader = open(s.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    struct log_file file = {0};
    struct err err = {0};
    struct log_file_config config = config_of(&s, 100, 1);
    assert_int_equal(ERR_INVALID, log_file_open(&file, &config, &err));
    assert_non_null(strstr(err.msg, "not a regular file"));
    scratch_close(&s);
}

static void the_descriptor_never_changes(void **state)
{
    (void)state;
    struct scratch s;
    scratch_init(&s);
    CLEANUP(log_file_close) struct log_file file = {0};
    assert_int_equal(-1, log_file_fd(&file));
    struct log_file_config config = config_of(&s, 100, 2);
    assert_int_equal(0, log_file_open(&file, &config, NULL));
    int fd = log_file_fd(&file);
    int lowest_free = dup(fd);
    (void)close(lowest_free);
    for (unsigned n = 0; n < 50; n++) {
        put_numbered(&file, n, 60);
        assert_int_equal(0, log_file_reopen(&file, NULL));
        assert_int_equal(fd, log_file_fd(&file));
        assert_int_equal(FD_CLOEXEC, fcntl(fd, F_GETFD));
    }
    int again = dup(fd);
    assert_int_equal(lowest_free, again); /* none was left open on the way */
    (void)close(again);
    scratch_close(&s);
}

static void reopened_by_name(void **state)
{
    (void)state;
    struct scratch s;
    scratch_init(&s);
    CLEANUP(mem_freep) char *dir = mem_strdup(scratch_path(&s, "logs"));
    CLEANUP(mem_freep) char *away = mem_strdup(scratch_path(&s, "away"));
    CLEANUP(log_file_close) struct log_file file = {0};
    struct log_file_config config = {.dir = dir, .size_max = 1000, .older_max = 1, .mode = 0600};
    assert_int_equal(0, log_file_open(&file, &config, NULL));
    put_numbered(&file, 0, 40);
    CLEANUP(mem_freep) char *moved = mem_strdup(scratch_path(&s, "logs/moved"));
    assert_int_equal(0, rename(scratch_path(&s, "logs/pgraft.log"), moved));
    put_numbered(&file, 1, 40); /* still the moved one */
    assert_int_equal(0, log_file_reopen(&file, NULL));
    put_numbered(&file, 2, 40);
    assert_int_equal(80, size_of(&s, "logs/moved"));
    assert_int_equal(40, size_of(&s, "logs/pgraft.log"));

    assert_int_equal(0, rename(dir, away)); /* the directory too may be gone */
    assert_int_equal(0, log_file_reopen(&file, NULL));
    put_numbered(&file, 3, 40);
    assert_int_equal(40, size_of(&s, "logs/pgraft.log"));

    assert_int_equal(0, unlink(scratch_path(&s, "logs/pgraft.log")));
    assert_int_equal(0, mkdir(scratch_path(&s, "logs/pgraft.log"), 0700)); /* in the way */
    struct err err = {0};
    assert_int_equal(ERR_SYSTEM, log_file_reopen(&file, &err));
    assert_non_null(strstr(err.msg, "Is a directory"));
    put_numbered(&file, 4, 40); /* the old one goes on */
    scratch_close(&s);
}

static void a_turn_that_fails_loses_nothing(void **state)
{
    (void)state;
    struct scratch s;
    scratch_init(&s);
    CLEANUP(log_file_close) struct log_file file = {0};
    struct log_file_config config = config_of(&s, 1600, 2);
    assert_int_equal(0, log_file_open(&file, &config, NULL));
    /* A directory with something in it cannot be renamed over, not even by root. */
    assert_int_equal(0, mkdir(scratch_path(&s, "pgraft.log.1"), 0700));
    assert_int_equal(0, mkdir(scratch_path(&s, "pgraft.log.2"), 0700));
    assert_int_equal(0, mkdir(scratch_path(&s, "pgraft.log.2/in"), 0700));
    for (unsigned n = 0; n < 8; n++) {
        put_numbered(&file, n, 195);
    }
    assert_false(log_file_is_full(&file, 40));
    assert_true(log_file_is_full(&file, 60));
    struct err err = {0};
    assert_true(log_file_rotate(&file, &err) < 0);
    assert_non_null(strstr(err.msg, "turn over: rename"));
    assert_int_equal(-1, size_of(&s, "pgraft.log.new"));
    assert_false(log_file_is_full(&file, 60)); /* not tried again for each line */
    put_numbered(&file, 8, 60);
    assert_int_equal(1620, size_of(&s, "pgraft.log"));
    assert_true(log_file_is_full(&file, 60)); /* but again after a while */

    assert_int_equal(0, rmdir(scratch_path(&s, "pgraft.log.2/in")));
    assert_int_equal(0, rmdir(scratch_path(&s, "pgraft.log.2")));
    assert_int_equal(0, rmdir(scratch_path(&s, "pgraft.log.1")));
    put_numbered(&file, 9, 100);
    assert_int_equal(100, size_of(&s, "pgraft.log"));
    assert_int_equal(1620, size_of(&s, "pgraft.log.1"));
    put_numbered(&file, 10, 60);
    assert_false(log_file_is_full(&file, 1400)); /* all is as before */
    assert_true(log_file_is_full(&file, 1500));
    scratch_close(&s);
}

static void what_a_crash_in_a_turn_leaves_does_no_harm(void **state)
{
    (void)state;
    struct scratch s;
    scratch_init(&s);
    FILE *left = fopen(scratch_path(&s, "pgraft.log.new"), "we");
    assert_non_null(left);
    (void)fputs("junk\n", left);
    (void)fclose(left);
    CLEANUP(log_file_close) struct log_file file = {0};
    struct log_file_config config = config_of(&s, 100, 2);
    assert_int_equal(0, log_file_open(&file, &config, NULL));
    for (unsigned n = 0; n < 3; n++) {
        put_numbered(&file, n, 90);
    }
    assert_int_equal(3, scratch_count(&s));
    CLEANUP(buf_close) struct buf all = {0};
    read_all(&s, 2, &all);
    assert_int_equal(0, assert_unbroken(&all, 2));
    scratch_close(&s);
}

static void a_full_device_is_an_error_and_no_more(void **state)
{
    (void)state;
    struct scratch s;
    scratch_init(&s);
    assert_int_equal(0, symlink("/dev/full", scratch_path(&s, "pgraft.log")));
    struct stat before;
    assert_int_equal(0, stat("/dev/full", &before));
    CLEANUP(log_file_close) struct log_file file = {0};
    struct log_file_config config = config_of(&s, 10, 2);
    assert_int_equal(0, log_file_open(&file, &config, NULL));
    struct err err = {0};
    for (int i = 0; i < 3; i++) {
        assert_false(log_file_is_full(&file, 100));
        assert_int_equal(ERR_NO_SPACE, log_file_write(&file, "a line\n", 7, &err));
    }
    assert_non_null(strstr(err.msg, "No space left"));
    struct stat after;
    assert_int_equal(0, stat("/dev/full", &after));
    assert_int_equal(before.st_mode, after.st_mode); /* a device's mode is not ours to set */
    scratch_close(&s);
}

static void file_size_limit(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &limit));
    limit.rlim_cur = bytes;
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &limit));
}

static void half_a_line_is_taken_back(void **state)
{
    (void)state;
    struct scratch s;
    scratch_init(&s);
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    assert_int_equal(0, sigaction(SIGXFSZ, &ignore, &before));
    CLEANUP(log_file_close) struct log_file file = {0};
    struct log_file_config config = config_of(&s, 0, 2);
    assert_int_equal(0, log_file_open(&file, &config, NULL));
    put_numbered(&file, 0, 90);
    file_size_limit(100); /* 10 of the next 90 bytes fit */
    char line[90];
    memset(line, 'x', sizeof(line));
    int rc = log_file_write(&file, line, sizeof(line), NULL);
    off_t size = size_of(&s, "pgraft.log");
    file_size_limit(RLIM_INFINITY);
    assert_int_equal(0, sigaction(SIGXFSZ, &before, NULL));
    assert_true(rc < 0);
    assert_int_equal(90, size);
    put_numbered(&file, 1, 90);
    CLEANUP(buf_close) struct buf all = {0};
    read_all(&s, 0, &all);
    assert_int_equal(0, assert_unbroken(&all, 1));
    scratch_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_hold_and_no_line_is_lost),
        cmocka_unit_test(nothing_is_lost_while_all_files_are_kept),
        cmocka_unit_test(a_line_longer_than_the_limit_has_its_own_file),
        cmocka_unit_test(without_a_size_it_grows),
        cmocka_unit_test(goes_on_in_the_file_it_finds),
        cmocka_unit_test(a_smaller_number_removes_the_surplus),
        cmocka_unit_test(modes_are_what_was_asked_for),
        cmocka_unit_test(bad_settings_are_refused),
        cmocka_unit_test(a_fifo_with_a_reader_is_refused),
        cmocka_unit_test(the_descriptor_never_changes),
        cmocka_unit_test(reopened_by_name),
        cmocka_unit_test(a_turn_that_fails_loses_nothing),
        cmocka_unit_test(what_a_crash_in_a_turn_leaves_does_no_harm),
        cmocka_unit_test(a_full_device_is_an_error_and_no_more),
        cmocka_unit_test(half_a_line_is_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
