/* tests/lib/death.h - does this code end the process by SIGABRT, and with which last words?
 *
 *     ASSERT_DIES("list_empty(link)", list_push_back(&list, &link));
 *
 * The code runs in a forked child, so the test goes on and sees nothing of what the code did. What
 * the child writes to stderr comes back through a pipe; no core is left. Let no cmocka assertion
 * stand in the code: in the child it would go on with the rest of the test program. */
#ifndef TESTS_LIB_DEATH_H_
#define TESTS_LIB_DEATH_H_

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/must.h"

#define DEATH_SECONDS_MAX 60 /* a child that hangs is ended by SIGALRM, which is no SIGABRT */

/* A child and what became of it. */
struct death {
    pid_t child;
    int from;        /* where its stderr arrives */
    int status;      /* as waitpid() gives it */
    char said[8192]; /* on stderr; what is more is dropped */
};

static inline void death_prepare_child(int to)
{
    static const int caught_by_cmocka[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGSYS};
    for (size_t i = 0; i < ARRAY_LEN(caught_by_cmocka); i++) {
        (void)signal(caught_by_cmocka[i], SIG_DFL);
    }
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0); /* the limit does not hold for a core_pattern with a pipe */
    (void)alarm(DEATH_SECONDS_MAX);
    if (dup2(to, STDERR_FILENO) < 0) {
        _exit(127);
    }
}

/* Fork. True in the child, which does its work and ends by _exit(); false in the parent, which
 * calls death_watch(). */
static inline bool death_fork(struct death *d)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    (void)fflush(NULL); /* or the child would have our unwritten lines too */
    d->child = fork();
    assert_true(d->child >= 0);
    if (d->child == 0) {
        death_prepare_child(ends[1]);
        return true;
    }
    (void)close(ends[1]);
    d->from = ends[0];
    return false;
}

/* Read what the child says and wait for its end. */
static inline void death_watch(struct death *d)
{
    size_t size = 0;
    for (;;) {
        char chunk[512];
        ssize_t got = read(d->from, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        size_t room = sizeof(d->said) - 1 - size;
        size_t keep = (size_t)got < room ? (size_t)got : room;
        memcpy(d->said + size, chunk, keep);
        size += keep;
    }
    d->said[size] = '\0';
    (void)close(d->from);
    pid_t ended = -1;
    do {
        ended = waitpid(d->child, &d->status, 0);
    } while (ended < 0 && errno == EINTR);
    assert_int_equal(ended, d->child);
}

static inline bool death_by_abort(const struct death *d)
{
    return WIFSIGNALED(d->status) && WTERMSIG(d->status) == SIGABRT;
}

/* The code after @words_ (a text that stderr must contain) is one or more statements. */
#define ASSERT_DIES(words_, ...)                                                               \
    do {                                                                                       \
        struct death death_;                                                                   \
        if (death_fork(&death_)) {                                                             \
            __VA_ARGS__;                                                                       \
            _exit(0);                                                                          \
        }                                                                                      \
        death_watch(&death_);                                                                  \
        if (!death_by_abort(&death_)) {                                                        \
            fail_msg("no SIGABRT but status %#x from %s; stderr: %s", (unsigned)death_.status, \
                     #__VA_ARGS__, death_.said);                                               \
        }                                                                                      \
        if (strstr(death_.said, (words_)) == NULL) {                                           \
            fail_msg("\"%s\" is not among the last words of %s: %s", (words_), #__VA_ARGS__,   \
                     death_.said);                                                             \
        }                                                                                      \
    } while (0)

#endif /* TESTS_LIB_DEATH_H_ */
