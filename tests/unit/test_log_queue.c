/* tests/unit/test_log_queue.c - lines keep their order, callers never wait, nothing goes unseen.
 *
 * The owner's line() here collects what it gets, and stands still at a gate while a test wants a
 * writer that hangs. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log_queue.h"
#include "base/mem.h"
#include "base/must.h"
#include "tests/lib/scratch.h"

#define WAIT_MS 20000 /* far beyond what a slow machine needs */
#define ROOM ((size_t)64 * 1024 * 1024)

struct collector {
    struct buf got; /* the writer's until it has been stopped */
    sem_t entered;  /* posted when line() begins */
    sem_t gate;     /* waited for in line() */
    bool has_gate;
    sem_t turned;
    atomic_int turns;
    sigset_t mask;      /* the writer's */
    size_t stack_bytes; /* the writer's */
};

static void collect_turn(void *arg)
{
    struct collector *c = arg;
    pthread_attr_t attr;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &c->mask);
    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        (void)pthread_attr_getstacksize(&attr, &c->stack_bytes);
        (void)pthread_attr_destroy(&attr);
    }
    (void)atomic_fetch_add(&c->turns, 1);
    (void)sem_post(&c->turned);
}

static void collect_line(void *arg, const char *line, size_t size)
{
    struct collector *c = arg;
    if (c->has_gate) {
        (void)sem_post(&c->entered);
        (void)sem_wait(&c->gate);
    }
    buf_append(&c->got, line, size);
}

static void collect_dropped(void *arg, uint64_t lines)
{
    struct collector *c = arg;
    buf_printf(&c->got, "dropped %llu\n", (unsigned long long)lines);
}

static const struct log_queue_owner collector_owner = {collect_turn, collect_line, collect_dropped};

struct fixture {
    struct log_queue q;
    struct collector c;
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    (void)sem_init(&f->c.entered, 0, 0);
    (void)sem_init(&f->c.gate, 0, 0);
    (void)sem_init(&f->c.turned, 0, 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    assert_false(log_queue_is_open(&f->q));
    buf_close(&f->c.got);
    mem_free(f);
    return 0;
}

static void start(struct fixture *f, size_t bytes_max)
{
    struct err err = {0};
    if (log_queue_start(&f->q, bytes_max, &collector_owner, &f->c, &err) != 0) {
        fail_msg("%s", err.msg);
    }
}

static void stop(struct fixture *f)
{
    assert_int_equal(0, log_queue_stop(&f->q, WAIT_MS, NULL));
}

static enum log_queue_answer push(struct fixture *f, const char *text)
{
    CLEANUP(buf_close) struct buf line = {0};
    buf_str(&line, text);
    enum log_queue_answer answer = log_queue_push(&f->q, &line);
    if (answer == LOG_QUEUE_TAKEN) {
        assert_null(line.bytes);
    } else {
        assert_string_equal(text, buf_text(&line));
    }
    return answer;
}

static void closed_until_started_and_after_a_stop(void **state)
{
    struct fixture *f = *state;
    log_queue_wake(&f->q); /* a signal may come at any time */
    assert_int_equal(0, log_queue_stop(&f->q, 0, NULL));
    assert_int_equal(LOG_QUEUE_CLOSED, push(f, "early\n"));
    for (int round = 0; round < 3; round++) {
        start(f, ROOM);
        assert_int_equal(LOG_QUEUE_TAKEN, push(f, "taken\n"));
        stop(f);
        assert_int_equal(LOG_QUEUE_CLOSED, push(f, "late\n"));
        log_queue_wake(&f->q);
    }
    assert_string_equal("taken\ntaken\ntaken\n", buf_text(&f->c.got));
}

static void lines_keep_their_order(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_close) struct buf want = {0};
    start(f, ROOM);
    for (int i = 0; i < 20000; i++) {
        char line[32];
        (void)snprintf(line, sizeof(line), "line %d\n", i);
        buf_str(&want, line);
        assert_int_equal(LOG_QUEUE_TAKEN, push(f, line));
    }
    stop(f);
    assert_int_equal(want.size, f->c.got.size);
    assert_string_equal(buf_text(&want), buf_text(&f->c.got));
}

#define THREADS 8
#define LINES_EACH 10000

struct pusher {
    struct fixture *f;
    int number;
};

static void *push_many(void *arg)
{
    struct pusher *p = arg;
    for (int i = 0; i < LINES_EACH; i++) {
        struct buf line = {0};
        buf_printf(&line, "%d %d\n", p->number, i);
        MUST(log_queue_push(&p->f->q, &line) == LOG_QUEUE_TAKEN);
    }
    return NULL;
}

static void threads_lose_nothing_and_keep_each_its_order(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[THREADS];
    struct pusher pushers[THREADS];
    start(f, ROOM);
    for (int i = 0; i < THREADS; i++) {
        pushers[i] = (struct pusher){f, i};
        assert_int_equal(0, pthread_create(&threads[i], NULL, push_many, &pushers[i]));
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(0, pthread_join(threads[i], NULL));
    }
    stop(f);
    int next[THREADS] = {0};
    int lines = 0;
    for (const char *at = f->c.got.bytes; *at != '\0'; lines++) {
        long thread = scratch_number(&at);
        assert_in_range(thread, 0, THREADS - 1);
        assert_int_equal(' ', *at);
        at++;
        assert_int_equal(next[thread], scratch_number(&at));
        assert_int_equal('\n', *at);
        next[thread]++;
        at++;
    }
    assert_int_equal(THREADS * LINES_EACH, lines);
}

/* Let the writer into its first line, where it stays. */
static void hang(struct fixture *f, size_t bytes_max)
{
    f->c.has_gate = true;
    start(f, bytes_max);
    assert_int_equal(LOG_QUEUE_TAKEN, push(f, "first\n"));
    (void)sem_wait(&f->c.entered);
}

/* ... and let it go on for good. */
static void release(struct fixture *f)
{
    for (int i = 0; i < 100000; i++) {
        (void)sem_post(&f->c.gate);
    }
}

static int push_until_dropped(struct fixture *f)
{
    int taken = 0;
    while (push(f, "more\n") == LOG_QUEUE_TAKEN) {
        taken++;
        assert_true(taken < 1000);
    }
    return taken;
}

static void beyond_the_bound_lines_are_dropped_and_counted(void **state)
{
    struct fixture *f = *state;
    CLEANUP(buf_close) struct buf want = {0};
    hang(f, 4096);
    int taken = push_until_dropped(f);
    assert_in_range(taken, 5, 100); /* the line being written counts as well */
    for (int i = 0; i < 6; i++) {
        assert_int_equal(LOG_QUEUE_DROPPED, push(f, "more\n"));
    }
    release(f);
    stop(f);
    buf_str(&want, "first\n");
    for (int i = 0; i < taken; i++) {
        buf_str(&want, "more\n");
    }
    buf_str(&want, "dropped 7\n"); /* nobody had to log another line for it */
    assert_string_equal(buf_text(&want), buf_text(&f->c.got));
}

static void the_count_stands_where_the_lines_are_missing(void **state)
{
    struct fixture *f = *state;
    hang(f, 4096);
    int before = push_until_dropped(f);
    (void)sem_post(&f->c.gate);
    (void)sem_wait(&f->c.entered); /* in the second line: the room of "first" is free */
    assert_int_equal(LOG_QUEUE_TAKEN, push(f, "after\n"));
    release(f);
    stop(f);
    const char *dropped = strstr(buf_text(&f->c.got), "dropped ");
    assert_non_null(dropped);
    assert_int_equal(6 + before * 5, dropped - f->c.got.bytes);
    assert_string_equal("dropped 1\nafter\n", dropped);
}

static void a_line_beyond_the_whole_bound_is_dropped(void **state)
{
    struct fixture *f = *state;
    static char line[5000];
    memset(line, 'x', sizeof(line) - 1);
    start(f, 4096);
    assert_int_equal(LOG_QUEUE_DROPPED, push(f, line));
    assert_int_equal(LOG_QUEUE_TAKEN, push(f, "short\n"));
    stop(f);
    assert_string_equal("dropped 1\nshort\n", buf_text(&f->c.got));
}

static void a_writer_that_hangs_is_given_up(void **state)
{
    struct fixture *f = *state;
    hang(f, 4096);
    assert_int_equal(LOG_QUEUE_TAKEN, push(f, "second\n"));
    struct err err = {0};
    assert_int_equal(ERR_TIMEOUT, log_queue_stop(&f->q, 20, &err));
    assert_non_null(strstr(err.msg, "2 lines are not written"));
    assert_int_equal(ERR_BUSY, log_queue_start(&f->q, ROOM, &collector_owner, &f->c, &err));
    int taken = push_until_dropped(f); /* still no caller has to wait */
    assert_true(taken > 0);
    release(f);
    stop(f); /* the second try finds it done */
    assert_int_equal(LOG_QUEUE_CLOSED, push(f, "late\n"));
    assert_non_null(strstr(buf_text(&f->c.got), "first\nsecond\nmore\n"));
    assert_non_null(strstr(buf_text(&f->c.got), "dropped 1\n"));
    f->c.has_gate = false;
    start(f, ROOM);
    stop(f);
}

static struct log_queue *signalled;

static void on_signal(int number)
{
    (void)number; /* there is one */
    log_queue_wake(signalled);
}

static void a_signal_handler_may_wake_the_writer(void **state)
{
    struct fixture *f = *state;
    signalled = &f->q;
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction before;
    assert_int_equal(0, sigaction(SIGUSR1, &action, &before));
    start(f, ROOM);
    for (int i = 0; i < 20; i++) {
        errno = 4711;
        (void)raise(SIGUSR1);
        assert_int_equal(4711, errno);
        (void)sem_wait(&f->c.turned);
    }
    stop(f);
    assert_int_equal(0, sigaction(SIGUSR1, &before, NULL));
    assert_string_equal("", buf_text(&f->c.got));
}

static void the_writer_takes_no_signals_and_little_stack(void **state)
{
    struct fixture *f = *state;
    start(f, ROOM);
    log_queue_wake(&f->q);
    stop(f);
    assert_int_equal(1, sigismember(&f->c.mask, SIGTERM));
    assert_int_equal(1, sigismember(&f->c.mask, SIGHUP));
    assert_int_equal(1, sigismember(&f->c.mask, SIGPIPE));
    assert_in_range(f->c.stack_bytes, 1, 2 * 1024 * 1024); /* ThreadSanitizer adds its own */
    sigset_t own;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &own);
    assert_int_equal(0, sigismember(&own, SIGTERM)); /* the caller's are as they were */
}

/* How often the thread called pgraft-log went to sleep; -1 if there is none. */
static long sleeps_of_writer(void)
{
    long sleeps = -1;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (struct dirent *e = readdir(tasks); e != NULL; e = readdir(tasks)) {
        char path[300];
        char line[256];
        bool is_writer = false;
        (void)snprintf(path, sizeof(path), "/proc/self/task/%s/status", e->d_name);
        FILE *status = fopen(path, "re");
        while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
            is_writer = is_writer || strcmp(line, "Name:\tpgraft-log\n") == 0;
            if (is_writer && strncmp(line, "voluntary_ctxt_switches:", 24) == 0) {
                sleeps = strtol(line + 24, NULL, 10);
            }
        }
        fclosep(&status);
    }
    (void)closedir(tasks);
    return sleeps;
}

static void with_nothing_to_do_the_writer_sleeps(void **state)
{
    struct fixture *f = *state;
    const struct timespec while_ms = {.tv_nsec = (long)(100 * NS_PER_MS)};
    start(f, ROOM);
    assert_int_equal(LOG_QUEUE_TAKEN, push(f, "work\n"));
    (void)sem_wait(&f->c.turned);
    long before = -1;
    long after = 0;
    /* The first rounds may still see it fall asleep. */
    for (int i = 0; i < 100 && before != after; i++) {
        before = sleeps_of_writer();
        assert_true(before >= 0);
        (void)nanosleep(&while_ms, NULL);
        after = sleeps_of_writer();
    }
    assert_int_equal(before, after);
    assert_int_equal(1, atomic_load(&f->c.turns));
    stop(f);
}

int main(void)
{
#define QUEUE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(closed_until_started_and_after_a_stop),
        QUEUE_TEST(lines_keep_their_order),
        QUEUE_TEST(threads_lose_nothing_and_keep_each_its_order),
        QUEUE_TEST(beyond_the_bound_lines_are_dropped_and_counted),
        QUEUE_TEST(the_count_stands_where_the_lines_are_missing),
        QUEUE_TEST(a_line_beyond_the_whole_bound_is_dropped),
        QUEUE_TEST(a_writer_that_hangs_is_given_up),
        QUEUE_TEST(a_signal_handler_may_wake_the_writer),
        QUEUE_TEST(the_writer_takes_no_signals_and_little_stack),
        QUEUE_TEST(with_nothing_to_do_the_writer_sleeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
