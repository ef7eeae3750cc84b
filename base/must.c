/* base/must.c - the last words of a process that found itself wrong.
 *
 * No allocation, no lock, no stdio: whoever calls may hold any of them. */
#include "base/must.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int copy_fd = -1;

void must_copy_to(int fd)
{
    atomic_store(&copy_fd, fd);
}

/* One write for the whole line, so that no other thread or process writes into its middle. */
#define LINE_SIZE 1024
#define WHAT_SIZE 512 /* of the condition; more is cut, the place never is */
#define PLACE_SIZE 384

struct line {
    char text[LINE_SIZE];
    size_t size;
};

static void add(struct line *line, const char *text, size_t size_max)
{
    size_t size = strnlen(text, size_max);
    size_t room = sizeof(line->text) - line->size;
    size = size < room ? size : room;
    memcpy(line->text + line->size, text, size);
    line->size += size;
}

static void say(int fd, const struct line *line)
{
    /* Nothing is left to do when even this fails. */
    ssize_t ignored = write(fd, line->text, line->size);
    (void)ignored;
}

_Noreturn void must_fail(const char *what, const char *file, int line)
{
    char digits[16];
    size_t at = sizeof(digits) - 1;
    digits[at] = '\0';
    unsigned rest = line > 0 ? (unsigned)line : 0;
    do {
        at--;
        digits[at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0 && at > 0);

    struct line words = {.size = 0};
    add(&words, "pgraft: assertion failed: ", LINE_SIZE);
    add(&words, what, WHAT_SIZE);
    add(&words, " at ", LINE_SIZE);
    add(&words, file, PLACE_SIZE);
    add(&words, ":", LINE_SIZE);
    add(&words, digits + at, LINE_SIZE);
    add(&words, "; this is a bug in pgraft, please report this line\n", LINE_SIZE);

    (void)signal(SIGPIPE, SIG_IGN); /* a reader of stderr that is gone must not cost us the copy */
    say(STDERR_FILENO, &words);
    int fd = atomic_load(&copy_fd);
    if (fd >= 0) {
        say(fd, &words);
    }
    abort();
}
