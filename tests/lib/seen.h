/* tests/lib/seen.h - the log as its readers see it: stderr is a pipe that the test reads, and time
 * stands still, so that lines can be compared whole.
 *
 *     cmocka_unit_test_setup_teardown(name, seen_setup, seen_teardown)
 *     struct seen *f = *state;
 *     log_info("raft", "elected");
 *     assert_string_equal(SEEN_STAMP " info  raft elected\n", seen_text(f)); */
#ifndef TESTS_LIB_SEEN_H_
#define TESTS_LIB_SEEN_H_

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "tests/lib/scratch.h"

#define SEEN_WALL_NS (UINT64_C(1795213023) * NS_PER_S + 412 * NS_PER_MS)
#define SEEN_STAMP "2026-11-20T22:17:03.412Z"
#define SEEN_WAIT_MS 20000 /* far beyond what a slow machine needs */

struct seen {
    struct scratch scratch;
    struct clock_manual clock;
    struct buf text;
    int real_stderr;
    int reader; /* of what goes to stderr, without waiting */
};

static inline int seen_setup(void **state)
{
    struct seen *f = mem_zalloc(sizeof(*f));
    scratch_init(&f->scratch);
    clock_manual_init(&f->clock, SEEN_WALL_NS);
    log_set_clock(&f->clock.clock);
    f->real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    int ends[2];
    MUST(pipe2(ends, O_CLOEXEC) == 0);
    MUST(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    MUST(dup2(ends[1], STDERR_FILENO) >= 0);
    (void)close(ends[1]);
    f->reader = ends[0];
    *state = f;
    return 0;
}

static inline int seen_teardown(void **state)
{
    struct seen *f = *state;
    (void)log_stop(SEEN_WAIT_MS, NULL);
    log_close();
    (void)dup2(f->real_stderr, STDERR_FILENO);
    (void)close(f->real_stderr);
    (void)close(f->reader);
    (void)unsetenv("JOURNAL_STREAM");
    buf_close(&f->text);
    scratch_close(&f->scratch);
    mem_free(f);
    return 0;
}

/* What went to stderr since the last time. */
static inline const char *seen_text(struct seen *f)
{
    buf_clear(&f->text);
    scratch_drain(f->reader, &f->text);
    return buf_text(&f->text);
}

/* What is in a file of the scratch directory. */
static inline const char *seen_file(struct seen *f, const char *name)
{
    buf_clear(&f->text);
    (void)scratch_read(&f->scratch, name, &f->text);
    return buf_text(&f->text);
}

/* Send stderr to @fd, which is closed; give the one before back. */
static inline int seen_swap_stderr(int fd)
{
    int before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    MUST(before >= 0);
    MUST(fd >= 0);
    MUST(dup2(fd, STDERR_FILENO) == STDERR_FILENO);
    (void)close(fd);
    return before;
}

#endif /* TESTS_LIB_SEEN_H_ */
