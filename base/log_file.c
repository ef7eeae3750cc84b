/* base/log_file.c - append, turn over, open again.
 *
 * A descriptor is replaced with dup3() onto its old number, so that there is no moment at which the
 * number is closed or belongs to another file. */
#include "base/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/must.h"

/* Whoever may read the files may enter the directory. */
static mode_t dir_mode(mode_t file_mode)
{
    mode_t readers = file_mode & 0444;
    return 0700 | readers | readers >> 2;
}

static int make_dir(const char *dir, mode_t mode, struct err *err)
{
    if (mkdir(dir, mode) == 0 || errno == EEXIST) {
        return 0;
    }
    if (errno == ENOENT) {
        return err_set(err, ERR_NOT_FOUND,
                       "create log directory %s: the directory above it does not exist", dir);
    }
    return err_errno(err, errno, "create log directory %s", dir);
}

/* Check what has been opened, and give it the mode that the umask may have kept from it. */
static int settle(int fd, const char *path, mode_t mode, struct stat *ret_st, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return err_errno(err, errno, "examine log file %s", path);
    }
    if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)) {
        return err_set(err, ERR_INVALID, "log file %s is not a regular file", path);
    }
    if (S_ISREG(st.st_mode) && (st.st_mode & 07777) != mode && fchmod(fd, mode) != 0) {
        return err_errno(err, errno, "set the mode of log file %s to %04o", path, (unsigned)mode);
    }
    /* O_NONBLOCK was for the open() alone: a FIFO without a reader would have blocked there. */
    if (fcntl(fd, F_SETFL, O_APPEND) != 0) {
        return err_errno(err, errno, "set the flags of log file %s", path);
    }
    *ret_st = st;
    return 0;
}

static int open_path(const char *path, int flags, mode_t mode, struct stat *ret_st, int *ret_fd,
                     struct err *err)
{
    CLEANUP(closep)
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags,
                  mode & 0600);
    if (fd < 0) {
        return err_errno(err, errno, "open log file %s", path);
    }
    int rc = settle(fd, path, mode, ret_st, err);
    if (rc != 0) {
        return rc;
    }
    *ret_fd = take_fd(&fd);
    return 0;
}

/* From now on @file is what @fd is; closes @fd. */
static void take_over(struct log_file *file, int fd, const struct stat *st)
{
    if (fd != file->fd) {
        int rc = 0;
        do {
            rc = dup3(fd, file->fd, O_CLOEXEC);
        } while (rc < 0 && (errno == EINTR || errno == EBUSY));
        MUST(rc == file->fd); /* both are open, so nothing else can fail */
        (void)close(fd);      /* nothing was written through it */
    }
    file->is_regular = S_ISREG(st->st_mode);
    file->is_torn = false;
    file->size = file->is_regular ? (uint64_t)st->st_size : 0;
    file->rotate_at = file->size_max;
}

/* "PATH.7" */
static char *older_path(const struct log_file *file, unsigned number)
{
    return mem_printf("%s.%u", file->path, number);
}

/* Files beyond the number, left by a larger setting or by a failed turn. */
static void remove_surplus(const struct log_file *file)
{
    for (unsigned number = file->older_max + 1;; number++) {
        CLEANUP(mem_freep) char *path = older_path(file, number);
        if (unlink(path) != 0) {
            return; /* gone, or not ours to remove: no reason to stop logging */
        }
    }
}

static int check_config(const struct log_file_config *config, struct err *err)
{
    if (config->dir == NULL || config->dir[0] == '\0') {
        return err_set(err, ERR_INVALID, "the log directory is empty");
    }
    const char *name = config->name;
    if (name != NULL && (name[0] == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0 ||
                         strcmp(name, "..") == 0)) {
        return err_set(err, ERR_INVALID, "\"%s\" cannot be the name of a log file", name);
    }
    if (config->older_max > LOG_FILE_OLDER_LIMIT) {
        return err_set(err, ERR_INVALID, "%u old log files are too many: at most %d",
                       config->older_max, LOG_FILE_OLDER_LIMIT);
    }
    if ((config->mode & ~(mode_t)0777) != 0 || (config->mode & 0200) == 0) {
        return err_set(err, ERR_INVALID,
                       "mode %04o: log files need write permission for their owner",
                       (unsigned)config->mode);
    }
    return 0;
}

int log_file_open(struct log_file *file, const struct log_file_config *config, struct err *err)
{
    int rc = check_config(config, err);
    if (rc == 0) {
        rc = make_dir(config->dir, dir_mode(config->mode), err);
    }
    if (rc != 0) {
        return rc;
    }
    const char *name = config->name != NULL ? config->name : LOG_FILE_NAME;
    CLEANUP(mem_freep) char *path = mem_printf("%s/%s", config->dir, name);
    struct stat st = {0};
    int fd = -1;
    rc = open_path(path, 0, config->mode, &st, &fd, err);
    if (rc != 0) {
        return rc;
    }
    *file = (struct log_file){
        .dir = mem_strdup(config->dir),
        .path = TAKE(path),
        .size_max = config->size_max,
        .older_max = config->older_max,
        .mode = config->mode,
        .fd = fd,
    };
    take_over(file, fd, &st);
    remove_surplus(file);
    return 0;
}

bool log_file_is_open(const struct log_file *file)
{
    return file->path != NULL;
}

int log_file_fd(const struct log_file *file)
{
    return log_file_is_open(file) ? file->fd : -1;
}

/* Take back the @written bytes of a line that could not be finished. */
static void take_back(struct log_file *file, size_t written)
{
    struct stat st;
    if (written == 0) {
        return;
    }
    file->is_torn = !file->is_regular || fstat(file->fd, &st) != 0 || st.st_size < (off_t)written ||
                    ftruncate(file->fd, st.st_size - (off_t)written) != 0;
    if (file->is_torn) {
        file->size += written;
    }
}

static int write_all(struct log_file *file, const char *bytes, size_t size, struct err *err)
{
    size_t written = 0;
    while (written < size) {
        ssize_t n = write(file->fd, bytes + written, size - written);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            int why = n < 0 ? errno : ENOSPC;
            take_back(file, written);
            return err_errno(err, why, "write %s", file->path);
        }
        written += (size_t)n;
    }
    file->size += size;
    return 0;
}

int log_file_write(struct log_file *file, const char *line, size_t size, struct err *err)
{
    MUST(log_file_is_open(file));
    if (file->is_torn) {
        int rc = write_all(file, "\n", 1, err);
        if (rc != 0) {
            return rc;
        }
        file->is_torn = false;
    }
    return write_all(file, line, size, err);
}

bool log_file_is_full(const struct log_file *file, size_t more)
{
    return file->is_regular && file->size_max > 0 && file->size > 0 &&
           file->size + more > file->rotate_at;
}

/* A name may be missing: the file was never there, or somebody took it away. */
static int rename_if_there(const char *from, const char *to, struct err *err)
{
    if (rename(from, to) != 0 && errno != ENOENT) {
        return err_errno(err, errno, "rename %s to %s", from, to);
    }
    return 0;
}

/* Each file takes the next number, oldest first; the last one is overwritten. */
static int shift(const struct log_file *file, struct err *err)
{
    for (unsigned number = file->older_max; number > 0; number--) {
        CLEANUP(mem_freep) char *to = older_path(file, number);
        CLEANUP(mem_freep)
        char *from = number > 1 ? older_path(file, number - 1) : mem_strdup(file->path);
        int rc = rename_if_there(from, to, err);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* Make room under the file's name and put @next there. Should the last step fail, lines go on in
 * what is now PATH.1. */
static int put_next(const struct log_file *file, const char *next, struct err *err)
{
    int rc = shift(file, err);
    if (rc == 0 && rename(next, file->path) != 0) {
        return err_errno(err, errno, "rename %s to %s", next, file->path);
    }
    return rc;
}

int log_file_rotate(struct log_file *file, struct err *err)
{
    MUST(log_file_is_open(file));
    CLEANUP(mem_freep) char *next = mem_printf("%s.new", file->path);
    (void)unlink(next);                                     /* what a crash may have left */
    file->rotate_at = file->size + file->size_max / 16 + 1; /* unless it works */
    struct stat st = {0};
    int fd = -1;
    int rc = open_path(next, O_EXCL, file->mode, &st, &fd, err);
    if (rc == 0) {
        rc = put_next(file, next, err);
    }
    if (rc != 0) {
        closep(&fd);
        (void)unlink(next);
        err_wrap(err, "turn over");
        return rc;
    }
    take_over(file, fd, &st);
    remove_surplus(file);
    return 0;
}

int log_file_reopen(struct log_file *file, struct err *err)
{
    MUST(log_file_is_open(file));
    int rc = make_dir(file->dir, dir_mode(file->mode), err);
    if (rc != 0) {
        return rc;
    }
    struct stat st = {0};
    int fd = -1;
    rc = open_path(file->path, 0, file->mode, &st, &fd, err);
    if (rc != 0) {
        return rc;
    }
    take_over(file, fd, &st);
    return 0;
}

void log_file_close(struct log_file *file)
{
    if (file == NULL || !log_file_is_open(file)) {
        return;
    }
    (void)close(file->fd); /* never synced: a log line is worth no wait for the disk */
    mem_free(file->dir);
    mem_free(file->path);
    *file = (struct log_file){0};
}
