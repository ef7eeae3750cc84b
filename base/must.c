/* base/must.c - the last words of a process that found itself wrong.
 *
 * No allocation, no lock, no stdio: whoever calls may hold any of them. */
#include "base/must.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int copy_fd = -1;

void must_copy_to(int fd)
{
    atomic_store(&copy_fd, fd);
}

static void say(int fd, const char *text)
{
    /* Nothing is left to do when even this fails. */
    ssize_t ignored = write(fd, text, strlen(text));
    (void)ignored;
}

static void last_words(int fd, const char *what, const char *file, const char *line)
{
    say(fd, "pgraft: assertion failed: ");
    say(fd, what);
    say(fd, " at ");
    say(fd, file);
    say(fd, ":");
    say(fd, line);
    say(fd, "; this is a bug in pgraft, please report this line\n");
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

    last_words(STDERR_FILENO, what, file, digits + at);
    int fd = atomic_load(&copy_fd);
    if (fd >= 0) {
        last_words(fd, what, file, digits + at);
    }
    abort();
}
