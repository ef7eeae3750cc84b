/* base/must.h - assertions that stay on in every build, and the few macros every file needs.
 *
 * MUST() is for mistakes of the programmer only. Disk, network, peers and PostgreSQL are never
 * trusted enough to assert on: what they say is checked and answered with an error (base/err.h). A
 * failed MUST prints one line to stderr, and to the log file if there is one, and aborts. */
#ifndef BASE_MUST_H_
#define BASE_MUST_H_

#include <stddef.h>

#define MUST(cond)                                \
    do {                                          \
        if (__builtin_expect(!(cond), 0)) {       \
            must_fail(#cond, __FILE__, __LINE__); \
        }                                         \
    } while (0)

/* For the end of a function whose switch or loop has answered already; @why says what guarantees
 * it. */
#define UNREACHABLE(why) must_fail("unreachable: " why, __FILE__, __LINE__)

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* The struct of type @type whose member @member is at @ptr. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Report a broken promise and abort. Uses write(2) and signal(2) only: safe in a signal handler and
 * under any lock. */
_Noreturn void must_fail(const char *what, const char *file, int line);

/* Copy the last words to @fd too; -1: to stderr alone. The log keeps this at its current file. */
void must_copy_to(int fd);

#endif /* BASE_MUST_H_ */
