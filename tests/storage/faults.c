/* tests/storage/faults.c - system calls that count, fail and kill.
 *
 * Each is what libc has, by syscall(2). The names with 64 are those of a build with 64-bit file
 * offsets; they are the same here. */
/* With it the headers rename pwrite() to pwrite64() and so on, and both are to be defined. */
#undef _FILE_OFFSET_BITS
#include "tests/storage/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default"), used))

static atomic_bool armed;
static atomic_ulong count;
static atomic_bool fired;
static enum fault armed_fault;
static unsigned armed_calls;
static unsigned long armed_at;
static int armed_error;
static const char *fired_name = "";
static faults_watch_cb watcher;

void faults_arm(enum fault fault, unsigned calls, unsigned long at, int error)
{
    armed_fault = fault;
    armed_calls = calls;
    armed_at = at;
    armed_error = error;
    atomic_store(&count, 0);
    atomic_store(&fired, false);
    atomic_store(&armed, true);
}

void faults_disarm(void)
{
    atomic_store(&armed, false);
}

unsigned long faults_count(void)
{
    return atomic_load(&count);
}

bool faults_fired(void)
{
    return atomic_load(&fired);
}

const char *faults_name(void)
{
    return fired_name;
}

void faults_watch(faults_watch_cb watch)
{
    watcher = watch;
}

static void die(void)
{
    (void)kill(getpid(), SIGKILL);
    for (;;) {
        (void)pause();
    }
}

/* What is to happen to this call. */
static enum fault meet(unsigned calls, const char *name)
{
    if (!atomic_load(&armed) || (armed_calls & calls) == 0) {
        return FAULT_COUNT;
    }
    if (atomic_fetch_add(&count, 1) + 1 != armed_at || armed_fault == FAULT_COUNT) {
        return FAULT_COUNT;
    }
    fired_name = name;
    atomic_store(&fired, true);
    if (armed_fault == FAULT_KILL_BEFORE) {
        die();
    }
    return armed_fault;
}

/* Do the call @expr, unless it is to fail. */
#define CALL(calls, name, expr)           \
    do {                                  \
        enum fault f = meet(calls, name); \
        if (f == FAULT_ERROR) {           \
            errno = armed_error;          \
            return -1;                    \
        }                                 \
        long r = (expr);                  \
        if (f == FAULT_KILL_AFTER) {      \
            die();                        \
        }                                 \
        return (int)r;                    \
    } while (0)

static bool is_file(int fd)
{
    struct stat st;
    return syscall(SYS_fstat, fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

static bool syncs_writes(int fd)
{
    return (syscall(SYS_fcntl, fd, F_GETFL) & O_DSYNC) != 0;
}

static void tell(enum fault_op op, bool is_synced, off_t offset, const void *bytes, size_t size)
{
    if (watcher != NULL) {
        watcher(op, is_synced, (uint64_t)offset, bytes, size);
    }
}

/* One write at @offset; -1: where the descriptor stands. */
static ssize_t do_write(int fd, const void *bytes, size_t size, off_t offset, const char *name)
{
    bool is_counted = is_file(fd);
    bool is_synced = is_counted && syncs_writes(fd);
    enum fault f = FAULT_COUNT;
    if (is_counted) {
        f = meet(is_synced ? FAULT_META_WRITES : FAULT_WRITES, name);
    }
    if (f == FAULT_ERROR) {
        errno = armed_error;
        return -1;
    }
    size_t part = f == FAULT_SHORT ? size / 2 : size;
    off_t at = offset >= 0 ? offset : (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
    ssize_t r = offset >= 0 ? syscall(SYS_pwrite64, fd, bytes, part, offset)
                            : syscall(SYS_write, fd, bytes, part);
    if (r > 0 && is_counted) {
        tell(OP_WRITE, is_synced, at, bytes, (size_t)r);
    }
    if (f == FAULT_KILL_AFTER) {
        die();
    }
    return r;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t size)
{
    return do_write(fd, bytes, size, -1, "write");
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    return do_write(fd, bytes, size, offset, "pwrite");
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset)
{
    return do_write(fd, bytes, size, offset, "pwrite");
}

/* As one write: so it is to the kernel. Only LMDB calls it, on one thread; the storage thread's
 * stack is too small for the buffer, its thread-local memory too. */
EXPORT ssize_t writev(int fd, const struct iovec *iov, int parts)
{
    static char joined[1 << 20];
    size_t size = 0;
    for (int i = 0; i < parts; i++) {
        if (size + iov[i].iov_len > sizeof(joined)) {
            errno = EINVAL;
            return -1;
        }
        memcpy(joined + size, iov[i].iov_base, iov[i].iov_len);
        size += iov[i].iov_len;
    }
    return do_write(fd, joined, size, -1, "writev");
}

static long do_sync(long number, int fd)
{
    long r = syscall(number, fd);
    if (r == 0) {
        tell(OP_SYNC, true, 0, NULL, 0);
    }
    return r;
}

EXPORT int fsync(int fd)
{
    CALL(FAULT_SYNCS, "fsync", do_sync(SYS_fsync, fd));
}

EXPORT int fdatasync(int fd)
{
    CALL(FAULT_SYNCS, "fdatasync", do_sync(SYS_fdatasync, fd));
}

EXPORT int msync(void *at, size_t size, int flags)
{
    CALL(FAULT_SYNCS, "msync", syscall(SYS_msync, at, size, flags));
}

static long do_fallocate(int fd, int mode, off_t offset, off_t size)
{
    long r = syscall(SYS_fallocate, fd, mode, offset, size);
    if (r == 0) {
        tell(OP_GROW, false, offset + size, NULL, 0);
    }
    return r;
}

EXPORT int fallocate(int fd, int mode, off_t offset, off_t size)
{
    CALL(FAULT_SPACE, "fallocate", do_fallocate(fd, mode, offset, size));
}

EXPORT int fallocate64(int fd, int mode, off_t offset, off_t size)
{
    CALL(FAULT_SPACE, "fallocate", do_fallocate(fd, mode, offset, size));
}

EXPORT int ftruncate(int fd, off_t size)
{
    CALL(FAULT_SPACE, "ftruncate", syscall(SYS_ftruncate, fd, size));
}

EXPORT int ftruncate64(int fd, off_t size)
{
    CALL(FAULT_SPACE, "ftruncate", syscall(SYS_ftruncate, fd, size));
}

#define MODE_OF(flags, mode)                          \
    do {                                              \
        if (((flags) & (O_CREAT | O_TMPFILE)) != 0) { \
            va_list args;                             \
            va_start(args, flags);                    \
            (mode) = va_arg(args, mode_t);            \
            va_end(args);                             \
        }                                             \
    } while (0)

EXPORT int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    MODE_OF(flags, mode);
    CALL(FAULT_NAMES, "open", syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

EXPORT int open64(const char *path, int flags, ...)
{
    mode_t mode = 0;
    MODE_OF(flags, mode);
    CALL(FAULT_NAMES, "open", syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

EXPORT int openat(int dir, const char *path, int flags, ...)
{
    mode_t mode = 0;
    MODE_OF(flags, mode);
    CALL(FAULT_NAMES, "openat", syscall(SYS_openat, dir, path, flags, mode));
}

EXPORT int openat64(int dir, const char *path, int flags, ...)
{
    mode_t mode = 0;
    MODE_OF(flags, mode);
    CALL(FAULT_NAMES, "openat", syscall(SYS_openat, dir, path, flags, mode));
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    CALL(FAULT_NAMES, "mkdir", syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

EXPORT int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    CALL(FAULT_NAMES, "renameat", syscall(SYS_renameat2, from_dir, from, to_dir, to, 0));
}

EXPORT int unlinkat(int dir, const char *path, int flags)
{
    CALL(FAULT_NAMES, "unlinkat", syscall(SYS_unlinkat, dir, path, flags));
}
