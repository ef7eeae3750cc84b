/* tests/unit/test_log.c - the log as its callers and its readers see it.
 *
 * The program's stderr is replaced by a pipe whose other end the test reads, and time stands still,
 * so that lines are compared whole. What ends, blocks or signals a process happens in a child. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/secret.h"
#include "tests/lib/death.h"
#include "tests/lib/scratch.h"
#include "tests/lib/seen.h"

#define WAIT_MS SEEN_WAIT_MS
#define STAMP SEEN_STAMP
#define QUEUE_BYTES ((size_t)64 * 1024 * 1024)

static struct log_config to_dir(const struct seen *f)
{
    return (struct log_config){.file = {.dir = f->scratch.dir,
                                        .size_max = LOG_FILE_SIZE_MAX,
                                        .older_max = LOG_FILE_OLDER_MAX,
                                        .mode = LOG_FILE_MODE}};
}

static void open_dir(const struct seen *f)
{
    struct log_config config = to_dir(f);
    assert_int_equal(0, log_open(&config, NULL));
}

static void one_event_is_one_line(void **state)
{
    struct seen *f = *state;
    CLEANUP(secret_close) struct secret password = {0};
    secret_set(&password, "hunter2", 7);
    struct err err = {0};
    (void)err_set(&err, ERR_BUSY, "propose: 512 wait");
    const char *rule = "lease-held";
    uint64_t remaining = 8400;

    log_info("supervisor", "decide", LOG_STR("rule", rule), LOG_STR("action", "promote"),
             LOG_U64("lease_remaining_ms", remaining));
    assert_string_equal(
        STAMP " info  supervisor decide: rule=lease-held action=promote lease_remaining_ms=8400\n",
        seen_text(f));
    log_error("raft", "lost");
    assert_string_equal(STAMP " error raft lost\n", seen_text(f));
    clock_manual_advance(&f->clock, 588 * NS_PER_MS);
    log_warn("raft", "propose failed, retrying", LOG_ERR(&err), LOG_I64("delta", -3),
             LOG_BOOL("leader", rule != NULL), LOG_HEX64("node", 0xabc),
             LOG_SECRET("password", &password), LOG_BYTES("raw", "a\nb", 3));
    assert_string_equal(
        "2026-11-20T22:17:04.000Z warn  raft propose failed, retrying: err=busy "
        "cause=\"propose: 512 wait\" delta=-3 leader=true node=0000000000000abc "
        "password=*** raw=\"a\\nb\"\n",
        seen_text(f));
    log_debug("raft", "tick");
    assert_string_equal("", seen_text(f));
}

static void json_is_a_setting(void **state)
{
    struct seen *f = *state;
    const struct log_config json = {.json = true};
    assert_int_equal(0, log_open(&json, NULL));
    log_info("raft", "elected", LOG_U64("term", 7));
    assert_string_equal("{\"time\":\"" STAMP
                        "\",\"level\":\"info\",\"module\":\"raft\","
                        "\"event\":\"elected\",\"term\":7}\n",
                        seen_text(f));
    log_close();
    log_set_clock(&f->clock.clock);
    log_info("raft", "elected");
    assert_string_equal(STAMP " info  raft elected\n", seen_text(f));
}

static int open_full(void)
{
    return open("/dev/full", O_WRONLY | O_CLOEXEC);
}

static void errno_is_kept(void **state)
{
    struct seen *f = *state;
    int before = seen_swap_stderr(open_full());
    errno = EXDEV;
    log_info("raft", "elected"); /* which fails */
    int after = errno;
    (void)close(seen_swap_stderr(before));
    assert_int_equal(EXDEV, after);
    log_info("raft", "elected");
    assert_non_null(strstr(seen_text(f), "lines=1\n"));
}

/* ---- levels ---- */

static unsigned evaluated;

static uint64_t count_me(void)
{
    evaluated++;
    return evaluated;
}

static void what_is_off_is_not_evaluated(void **state)
{
    struct seen *f = *state;
    evaluated = 0;
    log_debug("raft", "tick", LOG_U64("n", count_me()));
    assert_int_equal(0, evaluated);
    assert_int_equal(0, log_set_module_level("lmdb", LOG_LEVEL_DEBUG, NULL));
    log_debug("raft", "tick", LOG_U64("n", count_me()));
    assert_int_equal(0, evaluated);
    log_debug("lmdb", "tick", LOG_U64("n", count_me()));
    assert_string_equal(STAMP " debug lmdb tick: n=1\n", seen_text(f));
}

static bool is_shown(struct seen *f, enum log_level level, const char *module)
{
    if (log_is_on(level, module)) {
        log_event(level, module, "seen", (const struct log_field[]){LOG_END});
    }
    return strstr(seen_text(f), "seen") != NULL;
}

/* Which of error, warn, info, debug a module shows: as many letters. */
static const char *shown(struct seen *f, const char *module)
{
    static char letters[5];
    int n = 0;
    for (int level = 0; level < 4; level++) {
        if (is_shown(f, (enum log_level)level, module)) {
            letters[n] = "ewid"[level];
            n++;
        }
    }
    letters[n] = '\0';
    return letters;
}

static void levels_by_module(void **state)
{
    struct seen *f = *state;
    assert_string_equal("ewi", shown(f, "raft"));
    log_set_level(LOG_LEVEL_WARN);
    assert_string_equal("ew", shown(f, "raft"));
    log_set_level(LOG_LEVEL_DEBUG);
    assert_string_equal("ewid", shown(f, "raft"));
    log_set_level(LOG_LEVEL_ERROR);
    assert_string_equal("e", shown(f, "raft"));

    assert_int_equal(0, log_set_module_level("raft", LOG_LEVEL_DEBUG, NULL));
    assert_int_equal(0, log_set_module_level("http", LOG_LEVEL_WARN, NULL));
    assert_string_equal("ewid", shown(f, "raft"));
    assert_string_equal("ew", shown(f, "http"));
    assert_string_equal("e", shown(f, "raf"));
    assert_string_equal("e", shown(f, "raftx"));

    log_set_level(LOG_LEVEL_DEBUG); /* a module may also say less than all others */
    assert_string_equal("ew", shown(f, "http"));
    assert_string_equal("ewid", shown(f, "supervisor"));

    assert_int_equal(0, log_set_module_level("http", LOG_LEVEL_INFO, NULL));
    assert_string_equal("ewi", shown(f, "http"));
    assert_true(log_clear_module_level("http"));
    assert_false(log_clear_module_level("http"));
    assert_string_equal("ewid", shown(f, "http"));

    log_set_level(LOG_LEVEL_INFO);
    assert_string_equal("ewid", shown(f, "raft"));
    log_clear_module_levels();
    assert_string_equal("ewi", shown(f, "raft"));
}

static void what_is_set_can_be_shown(void **state)
{
    (void)state;
    struct log_levels levels;
    log_get_levels(&levels);
    assert_int_equal(LOG_LEVEL_INFO, levels.level);
    assert_int_equal(0, levels.count);
    log_set_level(LOG_LEVEL_WARN);
    assert_int_equal(0, log_set_module_level("raft", LOG_LEVEL_DEBUG, NULL));
    assert_int_equal(0, log_set_module_level("http", LOG_LEVEL_ERROR, NULL));
    assert_int_equal(0, log_set_module_level("pg_query", LOG_LEVEL_INFO, NULL));
    assert_int_equal(0, log_set_module_level("http", LOG_LEVEL_WARN, NULL));
    log_get_levels(&levels);
    assert_int_equal(LOG_LEVEL_WARN, levels.level);
    assert_int_equal(3, levels.count);
    assert_string_equal("http", levels.overrides[0].module);
    assert_int_equal(LOG_LEVEL_WARN, levels.overrides[0].level);
    assert_string_equal("pg_query", levels.overrides[1].module);
    assert_string_equal("raft", levels.overrides[2].module);
    assert_int_equal(LOG_LEVEL_DEBUG, levels.overrides[2].level);
}

static void the_table_of_modules_is_bounded(void **state)
{
    (void)state;
    struct err err = {0};
    char name[16];
    for (int i = 0; i < LOG_OVERRIDES_MAX; i++) {
        (void)snprintf(name, sizeof(name), "m%d", i);
        assert_int_equal(0, log_set_module_level(name, LOG_LEVEL_DEBUG, &err));
    }
    assert_int_equal(ERR_TOO_LARGE, log_set_module_level("one", LOG_LEVEL_DEBUG, &err));
    assert_string_equal("at most 32 modules have a log level of their own", err.msg);
    assert_int_equal(0, log_set_module_level("m7", LOG_LEVEL_INFO, &err)); /* it has a place */
    assert_true(log_clear_module_level("m31"));
    assert_int_equal(0, log_set_module_level("one", LOG_LEVEL_DEBUG, &err));

    static const char *const bad[] = {
        "", "Raft", "a b", "a\nb", "raft=debug", "a-name-of-thirty-two-characters-",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(ERR_INVALID, log_set_module_level(bad[i], LOG_LEVEL_DEBUG, &err));
        assert_non_null(strstr(err.msg, "is no module of the log: a name has 1 to 31"));
    }
    log_clear_module_levels();
    assert_int_equal(0,
                     log_set_module_level("a-name-of-thirty-one-characters", LOG_LEVEL_INFO, &err));
}

static void names_of_levels(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum log_level level;
    } good[] = {
        {"error", LOG_LEVEL_ERROR},  {"CRITICAL", LOG_LEVEL_ERROR}, {"Warn", LOG_LEVEL_WARN},
        {"WARNING", LOG_LEVEL_WARN}, {"INFO", LOG_LEVEL_INFO},      {"dEbUg", LOG_LEVEL_DEBUG},
    };
    static const char *const bad[] = {"", "inf", "information", " info", "3", "trace"};
    enum log_level level = LOG_LEVEL_ERROR;
    struct err err = {0};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(0, log_level_parse(good[i].text, &level, &err));
        assert_int_equal(good[i].level, level);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(ERR_INVALID, log_level_parse(bad[i], &level, &err));
        assert_int_equal(LOG_LEVEL_DEBUG, level);
        assert_non_null(strstr(err.msg, "choose error, warn, info or debug"));
    }
}

static atomic_bool is_enough;

static void *change_levels(void *arg)
{
    (void)arg;
    for (unsigned i = 0; !atomic_load(&is_enough); i++) {
        log_set_level((enum log_level)(i % 4));
        (void)log_set_module_level(i % 3 == 0 ? "raft" : "http", (enum log_level)(i / 4 % 4), NULL);
        (void)log_clear_module_level("http");
        struct log_levels levels;
        log_get_levels(&levels);
        MUST(levels.count <= 2);
    }
    return NULL;
}

static void levels_change_while_others_log(void **state)
{
    struct seen *f = *state;
    pthread_t threads[3];
    atomic_store(&is_enough, false);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(0, pthread_create(&threads[i], NULL, change_levels, NULL));
    }
    for (int i = 0; i < 3000; i++) {
        log_debug("raft", "tick", LOG_I64("i", i));
        log_error("http", "always shown", LOG_I64("i", i));
        assert_non_null(strstr(seen_text(f), "always shown"));
    }
    atomic_store(&is_enough, true);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(0, pthread_join(threads[i], NULL));
    }
}

static void a_reserved_key_ends_the_process(void **state)
{
    (void)state;
    ASSERT_DIES("log event \"elected\" of raft: the key \"level\" is reserved",
                log_info("raft", "elected", LOG_STR("level", "high")));
}

/* ---- stderr ---- */

static void name_stderr(long long device_more, long long inode_more, const char *more)
{
    struct stat st;
    assert_int_equal(0, fstat(STDERR_FILENO, &st));
    CLEANUP(mem_freep)
    char *stream = mem_printf("%lld:%lld%s", (long long)st.st_dev + device_more,
                              (long long)st.st_ino + inode_more, more);
    assert_int_equal(0, setenv("JOURNAL_STREAM", stream, 1));
    const struct log_config to_stderr = {0};
    assert_int_equal(0, log_open(&to_stderr, NULL));
}

static void the_journal_gets_priorities(void **state)
{
    struct seen *f = *state;
    log_set_level(LOG_LEVEL_DEBUG);
    name_stderr(0, 0, "");
    log_error("raft", "lost");
    log_warn("raft", "slow");
    log_info("raft", "elected");
    log_debug("raft", "tick");
    assert_string_equal("<3>" STAMP " error raft lost\n<4>" STAMP " warn  raft slow\n<6>" STAMP
                        " info  raft elected\n<7>" STAMP " debug raft tick\n",
                        seen_text(f));
    open_dir(f); /* a file is not the journal */
    log_info("raft", "elected");
    assert_string_equal(STAMP " info  raft elected\n", seen_file(f, "pgraft.log"));
    assert_string_equal("", seen_text(f));
}

static void only_the_journal_gets_priorities(void **state)
{
    struct seen *f = *state;
    static const struct {
        long long device_more;
        long long inode_more;
        const char *more;
    } others[] = {{1, 0, ""}, {0, 1, ""}, {0, 0, "x"}, {0, 0, ":"}, {0, 0, " "}};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        name_stderr(others[i].device_more, others[i].inode_more, others[i].more);
        log_info("raft", "elected");
        assert_string_equal(STAMP " info  raft elected\n", seen_text(f));
    }
    static const char *const nonsense[] = {"", "x", ":", "1", "1:"};
    for (size_t i = 0; i < ARRAY_LEN(nonsense); i++) {
        const struct log_config to_stderr = {0};
        assert_int_equal(0, setenv("JOURNAL_STREAM", nonsense[i], 1));
        assert_int_equal(0, log_open(&to_stderr, NULL));
        log_info("raft", "elected");
        assert_string_equal(STAMP " info  raft elected\n", seen_text(f));
    }
}

static void a_stderr_without_a_reader_does_not_end_us(void **state)
{
    struct seen *f = *state;
    int ends[2];
    assert_int_equal(0, pipe2(ends, O_CLOEXEC));
    (void)close(ends[0]);
    int before = seen_swap_stderr(ends[1]);
    log_info("raft", "elected"); /* SIGPIPE would end the test program */
    log_info("raft", "elected");
    (void)close(seen_swap_stderr(before));
    sigset_t pending;
    (void)sigpending(&pending);
    assert_int_equal(0, sigismember(&pending, SIGPIPE));
    log_info("raft", "back");
    assert_string_equal(STAMP " warn  log lines lost, stderr works again: lines=2\n" STAMP
                              " info  raft back\n",
                        seen_text(f));
}

static void a_full_stderr_is_counted(void **state)
{
    struct seen *f = *state;
    int before = seen_swap_stderr(open_full());
    for (int i = 0; i < 5; i++) {
        log_info("raft", "elected");
    }
    (void)close(seen_swap_stderr(before));
    log_info("raft", "back");
    log_info("raft", "normal");
    assert_string_equal(STAMP " warn  log lines lost, stderr works again: lines=5\n" STAMP
                              " info  raft back\n" STAMP " info  raft normal\n",
                        seen_text(f));
}

static void file_size_limit(rlim_t bytes)
{
    struct rlimit limit;
    MUST(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes;
    MUST(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void half_a_line_on_stderr_is_ended(void **state)
{
    struct seen *f = *state;
    int before = seen_swap_stderr(
        open(scratch_path(&f->scratch, "err"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction action;
    assert_int_equal(0, sigaction(SIGXFSZ, &ignore, &action));
    file_size_limit(10);
    log_info("raft", "elected");
    file_size_limit(RLIM_INFINITY);
    assert_int_equal(0, sigaction(SIGXFSZ, &action, NULL));
    log_info("raft", "back");
    (void)close(seen_swap_stderr(before));
    assert_string_equal("2026-11-20\n" STAMP
                        " warn  log lines lost, stderr works again: lines=1\n" STAMP
                        " info  raft back\n",
                        seen_file(f, "err"));
}

/* One pipe full at a time, with a pause in which the writer finds it full. */
static void *read_slowly(void *arg)
{
    const struct timespec pause = {.tv_nsec = (long)(NS_PER_MS)};
    const int *fd = arg;
    struct buf *text = mem_zalloc(sizeof(*text));
    char bytes[4096];
    for (;;) {
        (void)nanosleep(&pause, NULL);
        ssize_t n = read(*fd, bytes, sizeof(bytes));
        if (n <= 0) {
            return text;
        }
        buf_append(text, bytes, (size_t)n);
    }
}

static void a_stderr_that_does_not_wait_is_waited_for(void **state)
{
    (void)state;
    enum { LINES = 5000 }; /* many times what the pipe holds */
    int ends[2];
    assert_int_equal(0, pipe2(ends, O_CLOEXEC));
    assert_int_equal(0, fcntl(ends[1], F_SETFL, O_NONBLOCK));
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 4096);
    int before = seen_swap_stderr(ends[1]);
    pthread_t reader;
    assert_int_equal(0, pthread_create(&reader, NULL, read_slowly, &ends[0]));
    for (int i = 0; i < LINES; i++) {
        log_info("raft", "elected");
    }
    (void)close(seen_swap_stderr(before)); /* the reader's end of file */
    void *result = NULL;
    assert_int_equal(0, pthread_join(reader, &result));
    (void)close(ends[0]);
    struct buf *text = result;
    static const char line[] = STAMP " info  raft elected\n";
    assert_int_equal(LINES * (sizeof(line) - 1), text->size);
    for (size_t at = 0; at < text->size; at += sizeof(line) - 1) {
        assert_memory_equal(line, text->bytes + at, sizeof(line) - 1);
    }
    buf_close(text);
    mem_free(text);
}

/* ---- a directory ---- */

static void lines_go_to_the_directory(void **state)
{
    struct seen *f = *state;
    struct log_config config = to_dir(f);
    config.file.name = "node.log";
    config.file.size_max = 110;
    config.file.older_max = 2;
    assert_int_equal(0, log_open(&config, NULL));
    for (int i = 0; i < 9; i++) {
        log_info("raft", "elected", LOG_I64("term", i)); /* 52 bytes: two in a file */
    }
    assert_int_equal(3, scratch_count(&f->scratch));
    assert_string_equal(STAMP " info  raft elected: term=8\n", seen_file(f, "node.log"));
    assert_string_equal(STAMP " info  raft elected: term=6\n" STAMP " info  raft elected: term=7\n",
                        seen_file(f, "node.log.1"));
    assert_string_equal("", seen_text(f));
}

static void a_bad_directory_changes_nothing(void **state)
{
    struct seen *f = *state;
    struct log_config config = to_dir(f);
    config.json = true;
    config.file.dir = "/not/there";
    struct err err = {0};
    assert_int_equal(ERR_NOT_FOUND, log_open(&config, &err));
    log_info("raft", "elected");
    assert_string_equal(STAMP " info  raft elected\n", seen_text(f));
}

static void moves_from_place_to_place(void **state)
{
    struct seen *f = *state;
    CLEANUP(mem_freep) char *other = mem_strdup(scratch_path(&f->scratch, "other"));
    for (int with_writer = 0; with_writer < 2; with_writer++) {
        if (with_writer == 1) {
            assert_int_equal(0, log_start_writer(QUEUE_BYTES, NULL));
        }
        for (int round = 0; round < 20; round++) {
            struct log_config config = to_dir(f);
            log_info("raft", "wherever");
            config.file.dir = round % 3 == 0 ? f->scratch.dir : round % 3 == 1 ? other : NULL;
            assert_int_equal(0, log_open(&config, NULL));
        }
    }
    assert_int_equal(0, log_stop(WAIT_MS, NULL));
    CLEANUP(buf_close) struct buf all = {0};
    (void)scratch_read(&f->scratch, "pgraft.log", &all);
    (void)scratch_read(&f->scratch, "other/pgraft.log", &all);
    buf_str(&all, seen_text(f));
    assert_int_equal(40 * strlen(STAMP " info  raft wherever\n"), all.size);
}

static void a_failing_file_is_replaced_by_stderr_and_back(void **state)
{
    struct seen *f = *state;
    assert_int_equal(0, symlink("/dev/full", scratch_path(&f->scratch, "pgraft.log")));
    open_dir(f);
    log_info("raft", "one");
    CLEANUP(mem_freep)
    char *want = mem_printf(STAMP
                            " error log file failed, using stderr: err=no_space "
                            "cause=\"write %s/pgraft.log: No space left on device\"\n" STAMP
                            " info  raft one\n",
                            f->scratch.dir);
    assert_string_equal(want, seen_text(f));
    log_info("raft", "two");
    assert_string_equal(STAMP " info  raft two\n", seen_text(f)); /* the reason is told once */

    int before = seen_swap_stderr(open_full()); /* now neither of them works */
    log_info("raft", "three");
    log_info("raft", "four");
    log_info("raft", "five");
    (void)close(seen_swap_stderr(before));

    assert_int_equal(0, unlink(scratch_path(&f->scratch, "pgraft.log")));
    log_info("raft", "six");
    log_info("raft", "seven");
    assert_string_equal(STAMP " warn  log file works again: lines_on_stderr=2 lines_lost=3\n" STAMP
                              " info  raft six\n" STAMP " info  raft seven\n",
                        seen_file(f, "pgraft.log"));
    assert_string_equal("", seen_text(f));
}

static void lines_lost_before_there_was_a_file_are_told_in_it(void **state)
{
    struct seen *f = *state;
    int before = seen_swap_stderr(open_full());
    log_info("raft", "one");
    log_info("raft", "two");
    open_dir(f);
    log_info("raft", "three");
    (void)close(seen_swap_stderr(before));
    assert_string_equal(STAMP " warn  log file works again: lines_on_stderr=0 lines_lost=2\n" STAMP
                              " info  raft three\n",
                        seen_file(f, "pgraft.log"));
}

static void a_turn_that_fails_is_told_in_the_file(void **state)
{
    struct seen *f = *state;
    struct log_config config = to_dir(f);
    config.file.size_max = 100;
    config.file.older_max = 1;
    assert_int_equal(0, mkdir(scratch_path(&f->scratch, "pgraft.log.1"), 0700));
    assert_int_equal(0, mkdir(scratch_path(&f->scratch, "pgraft.log.1/in"), 0700));
    assert_int_equal(0, log_open(&config, NULL));
    for (int i = 0; i < 3; i++) {
        log_info("raft", "elected", LOG_I64("term", i));
    }
    const char *text = seen_file(f, "pgraft.log");
    assert_non_null(strstr(text, "warn  log file not turned over, it grows on: err="));
    assert_non_null(strstr(text, "term=0\n"));
    assert_non_null(strstr(text, "term=2\n"));
    assert_string_equal("", seen_text(f));
}

static void die_with_a_log_file(const struct seen *f)
{
    open_dir(f);
    for (int i = 0; i < 3; i++) { /* opened anew, it must still be known */
        log_reopen();
        log_info("raft", "elected");
    }
    MUST(f == NULL);
}

static void last_words_are_in_the_file_too(void **state)
{
    struct seen *f = *state;
    ASSERT_DIES("assertion failed: f == NULL", die_with_a_log_file(f));
    assert_non_null(strstr(seen_file(f, "pgraft.log"), "assertion failed: f == NULL"));
}

static void die_after_a_log_file(struct seen *f)
{
    open_dir(f);
    log_close();
    int reused = open(scratch_path(&f->scratch, "innocent"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    MUST(reused >= 0);
    MUST(f == NULL);
}

static void last_words_go_to_no_file_that_is_not_the_log(void **state)
{
    struct seen *f = *state;
    ASSERT_DIES("assertion failed: f == NULL", die_after_a_log_file(f));
    assert_string_equal("", seen_file(f, "innocent"));
}

/* ---- reopening ---- */

static void move_file(struct seen *f, const char *from, const char *to)
{
    CLEANUP(mem_freep) char *source = mem_strdup(scratch_path(&f->scratch, from));
    assert_int_equal(0, rename(source, scratch_path(&f->scratch, to)));
}

static void reopened_at_the_next_line(void **state)
{
    struct seen *f = *state;
    open_dir(f);
    log_info("raft", "one");
    move_file(f, "pgraft.log", "moved");
    log_info("raft", "two");
    log_reopen();
    log_info("raft", "three");
    assert_string_equal(STAMP " info  raft one\n" STAMP " info  raft two\n", seen_file(f, "moved"));
    assert_string_equal(STAMP " info  raft three\n", seen_file(f, "pgraft.log"));
}

static void what_cannot_be_reopened_goes_on(void **state)
{
    struct seen *f = *state;
    open_dir(f);
    move_file(f, "pgraft.log", "moved");
    assert_int_equal(0, mkdir(scratch_path(&f->scratch, "pgraft.log"), 0700));
    log_reopen();
    log_info("raft", "one");
    const char *text = seen_file(f, "moved");
    assert_non_null(strstr(text, "error log file not reopened, the old one goes on: err="));
    assert_non_null(strstr(text, " info  raft one\n"));
    assert_non_null(strstr(seen_text(f), "file not reopened"));
}

static void on_hangup(int number)
{
    (void)number; /* there is one */
    log_reopen();
}

static int serve_until_told(const struct seen *f)
{
    struct sigaction action = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};
    sigset_t usr1;
    sigset_t before;
    (void)sigemptyset(&usr1);
    (void)sigaddset(&usr1, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &usr1, &before);
    (void)sigaction(SIGHUP, &action, NULL);
    struct log_config config = to_dir(f);
    if (log_open(&config, NULL) != 0 || log_start_writer(QUEUE_BYTES, NULL) != 0) {
        return 1;
    }
    log_info("raft", "one");
    int number = 0;
    (void)sigwait(&usr1, &number); /* the parent has sent SIGHUP before */
    log_info("raft", "two");
    return log_stop(WAIT_MS, NULL) == 0 ? 0 : 2;
}

/* Until @name is there and holds at least @size bytes. Sleeps between the looks, so that others get
 * on. */
static bool wait_for_file(struct seen *f, const char *name, off_t size)
{
    const struct timespec pause = {.tv_nsec = (long)(2 * NS_PER_MS)};
    struct stat st;
    for (int i = 0; i < WAIT_MS / 2; i++) {
        if (stat(scratch_path(&f->scratch, name), &st) == 0 && st.st_size >= size) {
            return true;
        }
        (void)nanosleep(&pause, NULL);
    }
    return false;
}

static void hangup_opens_a_new_file_in_an_idle_daemon(void **state)
{
    struct seen *f = *state;
    struct death d;
    if (death_fork(&d)) {
        _exit(serve_until_told(f));
    }
    assert_true(wait_for_file(f, "pgraft.log", 1));
    move_file(f, "pgraft.log", "moved");
    assert_int_equal(0, kill(d.child, SIGHUP));
    assert_true(wait_for_file(f, "pgraft.log", 0)); /* no event was needed: the writer was woken */
    assert_int_equal(0, kill(d.child, SIGUSR1));
    death_watch(&d);
    assert_int_equal(0, d.status);
    assert_string_equal("", d.said);
    assert_string_equal(STAMP " info  raft one\n", seen_file(f, "moved"));
    assert_string_equal(STAMP " info  raft two\n", seen_file(f, "pgraft.log"));
}

/* ---- the writer ---- */

#define THREADS 8
#define LINES_EACH 10000

static void *log_many(void *arg)
{
    const int *number = arg;
    for (int i = 0; i < LINES_EACH; i++) {
        log_info("load", "line", LOG_I64("thread", *number), LOG_I64("i", i));
    }
    return NULL;
}

static void start_threads(pthread_t threads[THREADS], int numbers[THREADS])
{
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(0, pthread_create(&threads[i], NULL, log_many, &numbers[i]));
    }
}

static void join_threads(const pthread_t threads[THREADS])
{
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(0, pthread_join(threads[i], NULL));
    }
}

/* Every line of every thread is there once, whole and in its order. */
static void assert_all_lines(const char *text)
{
    static const char before[] = STAMP " info  load line: thread=";
    long next[THREADS] = {0};
    long lines = 0;
    for (const char *at = text; *at != '\0'; lines++) {
        assert_memory_equal(before, at, sizeof(before) - 1);
        at += sizeof(before) - 1;
        long thread = scratch_number(&at);
        assert_in_range(thread, 0, THREADS - 1);
        assert_memory_equal(" i=", at, 3);
        at += 3;
        assert_int_equal(next[thread], scratch_number(&at));
        assert_int_equal('\n', *at);
        next[thread]++;
        at++;
    }
    assert_int_equal(THREADS * LINES_EACH, lines);
}

static void threads_write_whole_lines(void **state)
{
    struct seen *f = *state;
    pthread_t threads[THREADS];
    int numbers[THREADS];
    open_dir(f);
    assert_int_equal(0, log_start_writer(QUEUE_BYTES, NULL));
    start_threads(threads, numbers);
    join_threads(threads);
    assert_int_equal(0, log_stop(WAIT_MS, NULL));
    assert_all_lines(seen_file(f, "pgraft.log"));
}

static void threads_write_whole_lines_while_it_starts_and_stops(void **state)
{
    struct seen *f = *state;
    pthread_t threads[THREADS];
    int numbers[THREADS];
    open_dir(f);
    start_threads(threads, numbers);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(0, log_start_writer(QUEUE_BYTES, NULL));
        assert_int_equal(0, log_stop(WAIT_MS, NULL));
    }
    join_threads(threads);
    assert_all_lines(seen_file(f, "pgraft.log"));
}

static void no_line_is_lost_while_files_are_moved_and_reopened(void **state)
{
    struct seen *f = *state;
    pthread_t threads[THREADS];
    int numbers[THREADS];
    int moved = 0;
    open_dir(f);
    assert_int_equal(0, log_start_writer(QUEUE_BYTES, NULL));
    start_threads(threads, numbers);
    for (int i = 0; i < 200; i++) {
        if (wait_for_file(f, "pgraft.log", 0)) { /* the writer has opened the new one */
            char name[32];
            (void)snprintf(name, sizeof(name), "moved.%d", moved);
            move_file(f, "pgraft.log", name);
            moved++;
            log_reopen();
        }
    }
    join_threads(threads);
    assert_int_equal(0, log_stop(WAIT_MS, NULL));
    CLEANUP(buf_close) struct buf all = {0};
    for (int i = 0; i < moved; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "moved.%d", i);
        (void)scratch_read(&f->scratch, name, &all);
    }
    (void)scratch_read(&f->scratch, "pgraft.log", &all);
    assert_int_equal(200, moved);
    assert_all_lines(buf_text(&all));
}

static void no_line_is_lost_while_files_are_turned_over(void **state)
{
    struct seen *f = *state;
    pthread_t threads[THREADS];
    int numbers[THREADS];
    struct log_config config = to_dir(f);
    config.file.size_max = UINT64_C(64) * 1024;
    config.file.older_max = 200;
    assert_int_equal(0, log_open(&config, NULL));
    assert_int_equal(0, log_start_writer(QUEUE_BYTES, NULL));
    start_threads(threads, numbers);
    join_threads(threads);
    assert_int_equal(0, log_stop(WAIT_MS, NULL));
    CLEANUP(buf_close) struct buf all = {0};
    for (int i = scratch_count(&f->scratch); i > 0; i--) {
        char name[32];
        (void)snprintf(name, sizeof(name), "pgraft.log.%d", i);
        (void)scratch_read(&f->scratch, name, &all);
    }
    (void)scratch_read(&f->scratch, "pgraft.log", &all);
    assert_all_lines(buf_text(&all));
}

#define FLOOD 20000

/* With a stderr that nobody reads: come back from every event, from log_stop() in time, and say so
 * to the parent. Then the parent reads, and the rest arrives. */
static int flood_a_blocked_pipe(int told)
{
    struct err err = {0};
    if (log_start_writer((size_t)64 * 1024, NULL) != 0) {
        return 1;
    }
    for (int i = 0; i < FLOOD; i++) {
        log_info("flood", "line", LOG_I64("i", i));
    }
    char answer = log_stop(50, &err) == ERR_TIMEOUT ? 't' : 's';
    log_info("flood", "after"); /* still does not block */
    log_close();                /* nor does this */
    if (write(told, &answer, 1) != 1) {
        return 2;
    }
    return log_stop(WAIT_MS, &err) == 0 ? 0 : 3;
}

static void a_pipe_that_nobody_reads_blocks_no_caller(void **state)
{
    struct seen *f = *state;
    struct death d;
    int told[2];
    char answer = '?';
    assert_int_equal(0, pipe2(told, O_CLOEXEC));
    if (death_fork(&d)) {
        _exit(flood_a_blocked_pipe(told[1]));
    }
    (void)close(told[1]);
    /* A caller that blocks is ended by the child's alarm, and this read with it. */
    assert_int_equal(1, read(told[0], &answer, 1));
    assert_int_equal('t', answer);
    (void)close(told[0]);
    buf_clear(&f->text);
    scratch_drain(d.from, &f->text);
    death_watch(&d);
    assert_int_equal(0, d.status);

    long lines = 0;
    long dropped = 0;
    const char *at = buf_text(&f->text);
    for (; *at != '\0'; at = strchr(at, '\n') + 1) {
        assert_non_null(strchr(at, '\n'));
        assert_memory_equal(STAMP, at, sizeof(STAMP) - 1);
        at += sizeof(STAMP) - 1;
        if (strncmp(at, " warn  log dropped: lines=", 26) == 0) {
            at += 26;
            dropped += scratch_number(&at);
            assert_memory_equal(" reason=queue-full\n", at, 19);
        } else {
            assert_memory_equal(" info  flood ", at, 13);
            lines++;
        }
    }
    assert_true(dropped > FLOOD / 2);
    assert_int_equal(FLOOD + 1, lines + dropped); /* each was written or counted */
}

static void a_stopped_writer_leaves_a_log_that_works(void **state)
{
    struct seen *f = *state;
    assert_int_equal(0, log_stop(0, NULL)); /* never started */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(0, log_start_writer(QUEUE_BYTES, NULL));
        log_info("raft", "through the queue");
        assert_int_equal(0, log_stop(WAIT_MS, NULL));
        log_info("raft", "by the caller");
        assert_string_equal(STAMP " info  raft through the queue\n" STAMP
                                  " info  raft by the caller\n",
                            seen_text(f));
    }
}

int main(void)
{
#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, seen_setup, seen_teardown)
    const struct CMUnitTest tests[] = {
        LOG_TEST(one_event_is_one_line),
        LOG_TEST(json_is_a_setting),
        LOG_TEST(errno_is_kept),
        LOG_TEST(what_is_off_is_not_evaluated),
        LOG_TEST(levels_by_module),
        LOG_TEST(what_is_set_can_be_shown),
        LOG_TEST(the_table_of_modules_is_bounded),
        LOG_TEST(names_of_levels),
        LOG_TEST(levels_change_while_others_log),
        LOG_TEST(a_reserved_key_ends_the_process),
        LOG_TEST(the_journal_gets_priorities),
        LOG_TEST(only_the_journal_gets_priorities),
        LOG_TEST(a_stderr_without_a_reader_does_not_end_us),
        LOG_TEST(a_full_stderr_is_counted),
        LOG_TEST(half_a_line_on_stderr_is_ended),
        LOG_TEST(a_stderr_that_does_not_wait_is_waited_for),
        LOG_TEST(lines_go_to_the_directory),
        LOG_TEST(a_bad_directory_changes_nothing),
        LOG_TEST(moves_from_place_to_place),
        LOG_TEST(a_failing_file_is_replaced_by_stderr_and_back),
        LOG_TEST(lines_lost_before_there_was_a_file_are_told_in_it),
        LOG_TEST(a_turn_that_fails_is_told_in_the_file),
        LOG_TEST(last_words_are_in_the_file_too),
        LOG_TEST(last_words_go_to_no_file_that_is_not_the_log),
        LOG_TEST(reopened_at_the_next_line),
        LOG_TEST(what_cannot_be_reopened_goes_on),
        LOG_TEST(hangup_opens_a_new_file_in_an_idle_daemon),
        LOG_TEST(a_pipe_that_nobody_reads_blocks_no_caller),
        LOG_TEST(a_stopped_writer_leaves_a_log_that_works),
        LOG_TEST(threads_write_whole_lines),
        LOG_TEST(threads_write_whole_lines_while_it_starts_and_stops),
        LOG_TEST(no_line_is_lost_while_files_are_moved_and_reopened),
        LOG_TEST(no_line_is_lost_while_files_are_turned_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
