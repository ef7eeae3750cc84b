/* base/cleanup.h - a resource that goes away with its scope.
 *
 *     CLEANUP(mem_freep) char *name = mem_strdup(text);
 *     ...
 *     return TAKE(name);       hands it over; nothing is freed
 *
 * Every cleanup function takes the address of the variable and accepts NULL or an empty value in
 * it. */
#ifndef BASE_CLEANUP_H_
#define BASE_CLEANUP_H_

#include <stdio.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Yield the pointer and leave NULL behind. */
#define TAKE(ptr)                       \
    ({                                  \
        __typeof__(ptr) taken_ = (ptr); \
        (ptr) = NULL;                   \
        taken_;                         \
    })

/* Yield the descriptor and leave -1 behind. */
static inline int take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* CLEANUP(closep) int fd = open(...); an error of close() is of no use on the way out of a failure.
 */
static inline void closep(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

static inline void fclosep(FILE **file)
{
    if (*file != NULL) {
        (void)fclose(*file);
        *file = NULL;
    }
}

#endif /* BASE_CLEANUP_H_ */
