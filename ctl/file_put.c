/* ctl/file_put.c - written beside its place, synced, then moved there. */
#include "ctl/file_put.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"

int file_put(const char *path, const struct buf *text, bool replace, struct err *err)
{
    CLEANUP(mem_freep) char *draft = mem_printf("%s.new-XXXXXX", path);
    CLEANUP(closep) int fd = mkostemp(draft, O_CLOEXEC); /* 0600 */
    if (fd < 0) {
        return err_errno(err, errno, "%s", path);
    }
    int rc = file_write_all(fd, text);
    rc = rc == 0 ? fsync(fd) : rc;
    if (rc == 0) {
        rc = renameat2(AT_FDCWD, draft, AT_FDCWD, path, replace ? 0 : RENAME_NOREPLACE);
    }
    if (rc != 0) {
        int why = errno;
        (void)unlink(draft);
        return err_errno(err, why, "%s", path);
    }
    return file_sync_folder(path, err);
}

int file_get_fd(int fd, const char *name, size_t size_max, struct buf *out, struct err *err)
{
    for (size_t begin = out->size;;) {
        char piece[4096];
        ssize_t got = read(fd, piece, sizeof(piece));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_errno(err, errno, "%s", name);
        }
        if (got == 0) {
            return 0;
        }
        buf_append(out, piece, (size_t)got);
        if (out->size - begin > size_max) {
            return err_set(err, ERR_TOO_LARGE, "%s: larger than %zu bytes", name, size_max);
        }
    }
}

int file_get(const char *path, size_t size_max, struct buf *out, struct err *err)
{
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? err_errno(err, errno, "%s", path) : file_get_fd(fd, path, size_max, out, err);
}

/* --- Directories --- */

/* 1: there is something in it; 0: it is empty, or not there. */
static int is_taken(const char *dir, struct err *err)
{
    DIR *d = opendir(dir);
    if (d == NULL) {
        return errno == ENOENT ? 0 : err_errno(err, errno, "%s", dir);
    }
    int taken = 0;
    for (struct dirent *e = readdir(d); e != NULL && taken == 0; e = readdir(d)) {
        taken = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    }
    (void)closedir(d);
    return taken;
}

static int put_files(const char *dir, const struct file_text *files, size_t count, bool replace,
                     struct err *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        CLEANUP(mem_freep) char *path = mem_printf("%s/%s", dir, files[i].name);
        rc = file_put(path, &files[i].text, replace, err);
    }
    return rc;
}

static void remove_files(const char *dir, const struct file_text *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(mem_freep) char *path = mem_printf("%s/%s", dir, files[i].name);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

int file_put_dir(const char *dir, const struct file_text *files, size_t count, bool force,
                 struct err *err)
{
    CLEANUP(mem_freep) char *clean = mem_strdup(dir);
    for (size_t last = strlen(clean); last > 1 && clean[last - 1] == '/'; last--) {
        clean[last - 1] = '\0';
    }
    int taken = is_taken(clean, err);
    if (taken < 0) {
        return taken;
    }
    if (taken > 0 && !force) {
        return err_set(err, ERR_EXISTS,
                       "%s is not empty; with --force the files of this plan are written over "
                       "older ones, and the secret in it is kept",
                       clean);
    }
    if (taken > 0) {
        return put_files(clean, files, count, true, err);
    }
    CLEANUP(mem_freep) char *draft = mem_printf("%s.new-XXXXXX", clean);
    if (mkdtemp(draft) == NULL) { /* 0700 */
        return err_errno(err, errno, "%s", clean);
    }
    int rc = put_files(draft, files, count, false, err);
    if (rc == 0 && rename(draft, clean) != 0) { /* also onto an empty directory */
        rc = err_errno(err, errno, "%s", clean);
    }
    if (rc != 0) {
        remove_files(draft, files, count);
        return rc;
    }
    return file_sync_folder(clean, err);
}
