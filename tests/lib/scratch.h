/* tests/lib/scratch.h - a directory that goes away, what is in its files, and children. */
#ifndef TESTS_LIB_SCRATCH_H_
#define TESTS_LIB_SCRATCH_H_

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/must.h"

struct scratch {
    char dir[64];
    char path[320]; /* of the last scratch_path() */
};

static inline void scratch_init(struct scratch *s)
{
    (void)snprintf(s->dir, sizeof(s->dir), "/tmp/pgraft-test-XXXXXX");
    char *made = mkdtemp(s->dir);
    MUST(made != NULL);
}

/* "DIR/name", valid until the next call. */
static inline const char *scratch_path(struct scratch *s, const char *name)
{
    int length = snprintf(s->path, sizeof(s->path), "%s/%s", s->dir, name);
    MUST(length > 0);
    MUST((size_t)length < sizeof(s->path));
    return s->path;
}

static inline bool scratch_has(struct scratch *s, const char *name)
{
    return access(scratch_path(s, name), F_OK) == 0;
}

/* Make the folders above DIR/@name that are not there. */
static inline void scratch_folders(struct scratch *s, const char *name)
{
    char path[sizeof(s->path)];
    memcpy(path, scratch_path(s, name), sizeof(path));
    for (char *slash = strchr(path + strlen(s->dir) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        MUST(mkdir(path, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
}

/* Write the whole file. It is not synced: some tests do it a thousand times. */
static inline void scratch_put(struct scratch *s, const char *name, const char *text)
{
    FILE *file = fopen(scratch_path(s, name), "w");
    MUST(file != NULL);
    MUST(fputs(text, file) >= 0);
    MUST(fclose(file) == 0);
}

static inline int scratch_remove(const char *path, const struct stat *st, int type,
                                 struct FTW *place)
{
    (void)st; /* nftw() shows more than is needed */
    (void)type;
    (void)place;
    return remove(path);
}

static inline void scratch_close(struct scratch *s)
{
    int rc = nftw(s->dir, scratch_remove, 8, FTW_DEPTH | FTW_PHYS);
    MUST(rc == 0);
}

static inline int scratch_count(const struct scratch *s)
{
    int count = 0;
    DIR *d = opendir(s->dir);
    MUST(d != NULL);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        count += e->d_name[0] != '.';
    }
    (void)closedir(d);
    return count;
}

/* Append what can be read from @fd until its end, or until it would block. */
static inline void scratch_drain(int fd, struct buf *out)
{
    char bytes[4096];
    for (;;) {
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            MUST(n == 0 || errno == EAGAIN);
            return;
        }
        buf_append(out, bytes, (size_t)n);
    }
}

/* Append the whole file; false when there is none. */
static inline bool scratch_read(struct scratch *s, const char *name, struct buf *out)
{
    int fd = open(scratch_path(s, name), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    scratch_drain(fd, out);
    (void)close(fd);
    return true;
}

/* The decimal number at *@at, which moves behind it; -1 when there is none. Unlike strtol() under
 * AddressSanitizer's strict_string_checks it does not look at the whole rest of a long text. */
static inline long scratch_number(const char **at)
{
    long number = **at >= '0' && **at <= '9' ? 0 : -1;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        number = number * 10 + (**at - '0');
    }
    return number;
}

/* A child that runs @fn with stderr at @stderr_fd (-1: /dev/null) and ends with its result. Only
 * from a process with a single thread. For one that is meant to abort there is tests/lib/death.h.
 */
static inline pid_t scratch_fork(int (*fn)(void *arg), void *arg, int stderr_fd)
{
    (void)fflush(NULL);
    pid_t child = fork();
    MUST(child >= 0);
    if (child == 0) {
        int fd = stderr_fd >= 0 ? stderr_fd : open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(fd, STDERR_FILENO);
        _exit(fn(arg));
    }
    return child;
}

/* Its wait status. */
static inline int scratch_wait(pid_t child)
{
    int status = 0;
    pid_t done = 0;
    do {
        done = waitpid(child, &status, 0);
    } while (done < 0 && errno == EINTR);
    MUST(done == child);
    return status;
}

#endif /* TESTS_LIB_SCRATCH_H_ */
