/* tests/unit/test_must.c - a broken promise ends the process in every build, and says so.
 *
 * Compiled as in a release build with assertions off. Each death happens in a child; its stderr and
 * a second descriptor are compared with the whole line, byte for byte. Also tries tests/lib/death.h
 * itself, since the other tests believe it. */
#ifndef NDEBUG
#define NDEBUG
#endif

#include "tests/lib/death.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/must.h"

#define BEFORE "pgraft: assertion failed: "
#define AFTER "; this is a bug in pgraft, please report this line\n"

static void expect_line(const char *said, const char *what, const char *place)
{
    char line[2048];
    (void)snprintf(line, sizeof(line), BEFORE "%s at %s" AFTER, what, place);
    assert_string_equal(said, line);
}

static void a_true_condition_does_nothing_and_is_evaluated_once(void **state)
{
    (void)state;
    int evaluated = 0;
    MUST(++evaluated == 1);
    const int *anything = &evaluated; /* what counts as true is true */
    MUST(anything);
    MUST(2);
    assert_int_equal(evaluated, 1);
}

static void a_false_condition_aborts_with_its_text_and_place_even_with_ndebug(void **state)
{
    (void)state;
    struct death d;
    const int line = __LINE__ + 2;
    if (death_fork(&d)) {
        MUST(line < 0);
        _exit(0);
    }
    death_watch(&d);
    assert_true(death_by_abort(&d));
    char place[256];
    (void)snprintf(place, sizeof(place), "%s:%d", __FILE__, line);
    expect_line(d.said, "line < 0", place);
}

static void must_is_one_statement_and_binds_its_condition_as_a_whole(void **state)
{
    (void)state;
    bool no = false;
    bool yes = true;
    /* Braces would hide a macro that is two statements. */
    /* NOLINTBEGIN(readability-braces-around-statements) */
    if (no)
        MUST(no);
    else
        MUST(yes);
    /* NOLINTEND(readability-braces-around-statements) */
    MUST(no || yes); /* without its parentheses the macro would read (!no || yes) */
    ASSERT_DIES("no || no", MUST(no || no));
}

static void unreachable_says_why_it_should_have_been(void **state)
{
    (void)state;
    ASSERT_DIES(BEFORE "unreachable: the last rule always matches at ",
                UNREACHABLE("the last rule always matches"));
}

static void percent_signs_in_a_condition_are_only_text(void **state)
{
    (void)state;
    int n = 3;
    ASSERT_DIES(BEFORE "n %2 == 0 && \"%s%n\" at ", must_fail("n %2 == 0 && \"%s%n\"", "a.c", n));
}

static void every_line_number_is_printed_in_full(void **state)
{
    (void)state;
    static const struct {
        int line;
        const char *place;
    } rows[] = {{0, "a.c:0"},   {1, "a.c:1"},      {9, "a.c:9"},
                {10, "a.c:10"}, {407, "a.c:407"},  {INT_MAX, "a.c:2147483647"},
                {-1, "a.c:0"},  {INT_MIN, "a.c:0"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct death d;
        if (death_fork(&d)) {
            must_fail("x", "a.c", rows[i].line);
        }
        death_watch(&d);
        assert_true(death_by_abort(&d));
        expect_line(d.said, "x", rows[i].place);
    }
}

static void a_condition_that_is_too_long_is_cut_but_its_place_is_not(void **state)
{
    (void)state;
    char what[5000];
    memset(what, 'w', sizeof(what) - 1);
    what[sizeof(what) - 1] = '\0';
    ASSERT_DIES("www at a.c:7" AFTER, must_fail(what, "a.c", 7));
    ASSERT_DIES(BEFORE "www", must_fail(what, "a.c", 7));
    ASSERT_DIES(BEFORE "x at www", must_fail("x", what, 7));
    ASSERT_DIES("www:7" AFTER, must_fail(what, what, 7));
}

static size_t read_all(int fd, char *into, size_t size)
{
    ssize_t got = read(fd, into, size - 1);
    assert_true(got >= 0);
    into[got] = '\0';
    return (size_t)got;
}

static void the_copy_gets_the_same_line(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct death d;
    if (death_fork(&d)) {
        must_copy_to(ends[1]);
        must_fail("term >= last_term", "core.c", 12);
    }
    death_watch(&d);
    assert_true(death_by_abort(&d));
    char copy[2048];
    (void)read_all(ends[0], copy, sizeof(copy));
    expect_line(d.said, "term >= last_term", "core.c:12");
    assert_string_equal(copy, d.said);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void the_copy_can_move_and_end(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    struct death d;
    if (death_fork(&d)) {
        must_copy_to(ends[1]);
        must_copy_to(-1);
        must_fail("x", "a.c", 1);
    }
    death_watch(&d);
    assert_true(death_by_abort(&d));
    expect_line(d.said, "x", "a.c:1");
    char none[16];
    assert_int_equal(read(ends[0], none, sizeof(none)), -1); /* nothing came */
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void a_copy_that_cannot_be_written_changes_nothing(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    (void)close(ends[0]);
    ASSERT_DIES(BEFORE "x at a.c:1" AFTER, must_copy_to(ends[1]); must_fail("x", "a.c", 1));
    (void)close(ends[1]);
    ASSERT_DIES(BEFORE "x at a.c:1" AFTER, must_copy_to(ends[1]); must_fail("x", "a.c", 1));
}

/* The two ways in which a daemon loses its stderr. */
static void close_stderr(void)
{
    (void)close(STDERR_FILENO);
}

static void break_stderr(void)
{
    int ends[2];
    if (pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0) {
        _exit(127);
    }
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void the_copy_is_written_when_stderr_is_closed_or_its_reader_gone(void **state)
{
    (void)state;
    static void (*const lose[])(void) = {close_stderr, break_stderr};
    for (size_t i = 0; i < ARRAY_LEN(lose); i++) {
        int ends[2];
        assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
        struct death d;
        if (death_fork(&d)) {
            (void)signal(SIGPIPE, SIG_DFL);
            must_copy_to(ends[1]);
            lose[i]();
            must_fail("x", "a.c", 1);
        }
        death_watch(&d);
        assert_true(death_by_abort(&d));
        assert_string_equal(d.said, "");
        char copy[2048];
        (void)read_all(ends[0], copy, sizeof(copy));
        expect_line(copy, "x", "a.c:1");
        (void)close(ends[0]);
        (void)close(ends[1]);
    }
}

static void the_line_is_one_write_so_that_nothing_gets_into_its_middle(void **state)
{
    (void)state;
    int ends[2]; /* keeps writes apart */
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
    struct death d;
    if (death_fork(&d)) {
        must_copy_to(ends[1]);
        must_fail("x", "a.c", 1);
    }
    death_watch(&d);
    char copy[2048];
    (void)read_all(ends[0], copy, sizeof(copy));
    expect_line(copy, "x", "a.c:1");
    assert_int_equal(read(ends[0], copy, sizeof(copy)), -1);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

#if defined(__has_feature) /* clang's way of saying it */
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif

static int ready[2];

static void *hold_stdio(void *unused)
{
    (void)unused;
    flockfile(stderr);
    if (write(ready[1], "!", 1) != 1) {
        _exit(127);
    }
    (void)pause();
    return NULL;
}

static void it_dies_while_another_thread_holds_the_lock_of_stderr(void **state)
{
    (void)state;
#if defined(__SANITIZE_THREAD__)
    skip(); /* ThreadSanitizer's own abort() flushes all files, and so waits for the lock */
#endif
    struct death d;
    if (death_fork(&d)) {
        pthread_t thread;
        char go = 0;
        if (pipe(ready) != 0 || pthread_create(&thread, NULL, hold_stdio, NULL) != 0 ||
            read(ready[0], &go, 1) != 1) {
            _exit(127);
        }
        must_fail("x", "a.c", 1);
    }
    death_watch(&d);
    assert_true(death_by_abort(&d));
    expect_line(d.said, "x", "a.c:1");
}

static void break_promise(int signal_number)
{
    /* That must_fail() may be called here is the claim. */
    /* NOLINTNEXTLINE(bugprone-signal-handler,cert-sig30-c) */
    MUST(signal_number == 0);
}

static void it_dies_inside_a_signal_handler(void **state)
{
    (void)state;
    const struct sigaction action = {.sa_handler = break_promise};
    ASSERT_DIES(BEFORE "signal_number == 0 at ", (void)sigaction(SIGUSR1, &action, NULL);
                (void)raise(SIGUSR1));
}

static void the_helper_tells_other_ends_from_an_abort(void **state)
{
    (void)state;
    static const int ends[] = {0, SIGSEGV, SIGALRM, SIGABRT};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct death d;
        if (death_fork(&d)) {
            (void)!write(STDERR_FILENO, "words", 5);
            if (ends[i] != 0) {
                (void)raise(ends[i]);
            }
            _exit(134); /* what a shell makes of SIGABRT; it is none */
        }
        death_watch(&d);
        assert_int_equal(death_by_abort(&d), ends[i] == SIGABRT);
        assert_string_equal(d.said, "words");
    }
}

static void container_of_finds_the_struct_and_array_len_counts(void **state)
{
    (void)state;
    struct outer {
        char first;
        int second;
        long third[3];
    } outer;
    assert_ptr_equal(CONTAINER_OF(&outer.first, struct outer, first), &outer);
    assert_ptr_equal(CONTAINER_OF(&outer.second, struct outer, second), &outer);
    assert_ptr_equal(CONTAINER_OF(&outer.third, struct outer, third), &outer);
    assert_int_equal(ARRAY_LEN(outer.third), 3);
    struct outer many[7];
    assert_int_equal(ARRAY_LEN(many), 7);
    assert_ptr_equal(CONTAINER_OF(&many[1].second, struct outer, second), &many[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_true_condition_does_nothing_and_is_evaluated_once),
        cmocka_unit_test(a_false_condition_aborts_with_its_text_and_place_even_with_ndebug),
        cmocka_unit_test(must_is_one_statement_and_binds_its_condition_as_a_whole),
        cmocka_unit_test(unreachable_says_why_it_should_have_been),
        cmocka_unit_test(percent_signs_in_a_condition_are_only_text),
        cmocka_unit_test(every_line_number_is_printed_in_full),
        cmocka_unit_test(a_condition_that_is_too_long_is_cut_but_its_place_is_not),
        cmocka_unit_test(the_copy_gets_the_same_line),
        cmocka_unit_test(the_copy_can_move_and_end),
        cmocka_unit_test(a_copy_that_cannot_be_written_changes_nothing),
        cmocka_unit_test(the_copy_is_written_when_stderr_is_closed_or_its_reader_gone),
        cmocka_unit_test(the_line_is_one_write_so_that_nothing_gets_into_its_middle),
        cmocka_unit_test(it_dies_while_another_thread_holds_the_lock_of_stderr),
        cmocka_unit_test(it_dies_inside_a_signal_handler),
        cmocka_unit_test(the_helper_tells_other_ends_from_an_abort),
        cmocka_unit_test(container_of_finds_the_struct_and_array_len_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
