/* supervisor/pg_file.c - written beside its place, synced, moved there. */
#include "supervisor/pg_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"

#define MODE_BITS 07777U

int pg_file_read(const char *path, struct buf *out, struct err *err)
{
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        return err_errno(err, errno, "%s", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, ERR_REFUSED, "%s: not a file", path);
    }
    char bytes[8192];
    size_t size = 0;
    for (;;) {
        ssize_t got = read(fd, bytes, sizeof(bytes));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_errno(err, errno, "%s", path);
        }
        if (got == 0) {
            return 0;
        }
        size += (size_t)got;
        if (size > PG_FILE_BYTES_MAX) {
            return err_set(err, ERR_TOO_LARGE, "%s: more than %u bytes", path, PG_FILE_BYTES_MAX);
        }
        buf_append(out, bytes, (size_t)got);
    }
}

static int replace(const char *path, unsigned mode, const struct buf *text, struct err *err)
{
    CLEANUP(mem_freep) char *draft = mem_printf("%s" PG_FILE_DRAFT, path);
    (void)unlink(draft); /* what a crash has left, whatever it is */
    CLEANUP(closep) int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_errno(err, errno, "%s", draft);
    }
    if (file_write_all(fd, text) != 0 || fchmod(fd, mode) != 0 || fsync(fd) != 0 ||
        rename(draft, path) != 0) {
        int why = errno;
        (void)unlink(draft);
        return err_errno(err, why, "%s", path);
    }
    return file_sync_folder(path, err);
}

/* A link is another thing than the file, even if it leads to the same bytes. */
static bool is_as_wanted(const char *path, unsigned mode, const struct buf *text)
{
    CLEANUP(buf_close) struct buf old = {0};
    struct stat st;
    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & MODE_BITS) == mode &&
           pg_file_read(path, &old, NULL) == 0 && old.size == text->size &&
           (text->size == 0 || memcmp(old.bytes, text->bytes, text->size) == 0);
}

int pg_file_put(const char *path, unsigned mode, const struct buf *text, bool *ret_changed,
                struct err *err)
{
    bool same = is_as_wanted(path, mode, text);
    int rc = same ? 0 : replace(path, mode, text, err);
    if (ret_changed != NULL) {
        *ret_changed = !same && rc == 0;
    }
    return rc;
}

int pg_file_put_synced(const char *path, unsigned mode, const struct buf *text, struct err *err)
{
    if (!is_as_wanted(path, mode, text)) {
        return replace(path, mode, text, err);
    }
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        return err_errno(err, errno, "sync %s", path);
    }
    return file_sync_folder(path, err);
}

int pg_file_remove(const char *path, struct err *err)
{
    if (unlink(path) != 0) {
        return errno == ENOENT ? 0 : err_errno(err, errno, "remove %s", path);
    }
    return file_sync_folder(path, err);
}

int pg_file_move(const char *from, const char *to, struct err *err)
{
    if (rename(from, to) != 0) {
        return err_errno(err, errno, "rename %s to %s", from, to);
    }
    return file_sync_folder(to, err);
}
