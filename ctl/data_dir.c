/* ctl/data_dir.c - a store is made beside its place, and takes the place in one step. */
#include "ctl/data_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/mem.h"

#define TIME_SIZE 32

char *data_dir_store(const char *dir)
{
    return mem_printf("%s/store", dir);
}

/* --- may we? --- */

int data_dir_check_owner(const char *path, struct err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return errno == ENOENT ? 0 : err_errno(err, errno, "%s", path);
    }
    if (st.st_uid == geteuid()) {
        return 0;
    }
    return err_set(
        err, ERR_REFUSED,
        "%s belongs to user %u and this is user %u: run it as the user that runs pgraftd", path,
        (unsigned)st.st_uid, (unsigned)geteuid());
}

static void closedirp(DIR **dir)
{
    if (*dir != NULL) {
        (void)closedir(*dir); /* read only */
    }
}

/* A store says more of itself than that it is there. */
static int check_store(const char *dir, struct err *err)
{
    CLEANUP(mem_freep) char *path = data_dir_store(dir);
    CLEANUP(offline_closep) struct offline *offline = NULL;
    CLEANUP(store_image_close) struct store_image image = {0};
    uint64_t written_ns = 0;
    int code = offline_open(path, &offline, &image, &written_ns, err);
    return code == ERR_LOCKED ? code : 0;
}

int data_dir_check_empty(const char *dir, struct err *err)
{
    CLEANUP(closedirp) DIR *listing = opendir(dir);
    if (listing == NULL) {
        return errno == ENOENT ? 0 : err_errno(err, errno, "%s", dir);
    }
    int code = check_store(dir, err);
    if (code != 0) {
        return code;
    }
    const struct dirent *entry = NULL;
    while ((entry = readdir(listing)) != NULL) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strcmp(name, "lost+found") != 0) {
            return err_set(err, ERR_EXISTS, "%s is not empty: it has \"%s\"; give an empty one",
                           dir, name);
        }
    }
    return 0;
}

/* --- making --- */

static int sync_dir(const char *path, struct err *err)
{
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        return err_errno(err, errno, "sync %s", path);
    }
    return 0;
}

/* With all above it, as pgraftd does. */
static int make_dirs(const char *dir, struct err *err)
{
    CLEANUP(mem_freep) char *part = mem_printf("%s/", dir);
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST) {
            return err_errno(err, errno, "make %s", part);
        }
        *slash = '/';
    }
    CLEANUP(mem_freep) char *above = mem_printf("%s/..", dir);
    return sync_dir(above, err);
}

/* What is left of a store that came to nothing. */
static void remove_store(const char *path)
{
    static const char *const names[] = {"LOCK", "VERSION", "VERSION.new", "data.mdb", "lock.mdb"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(mem_freep) char *file = mem_printf("%s/%s", path, names[i]);
        (void)unlink(file); /* what stays is harmless, and its name says what it is */
    }
    (void)rmdir(path);
}

static int write_batch(void *ctx, struct store_batch *batch, struct err *err)
{
    return offline_write(ctx, batch, err);
}

/* From here on @fresh is what pgraftd finds. */
static int take_place(const char *fresh, const char *store, bool replaces, struct err *err)
{
    unsigned how = replaces ? RENAME_EXCHANGE : RENAME_NOREPLACE;
    if (renameat2(AT_FDCWD, fresh, AT_FDCWD, store, how) == 0) {
        return 0;
    }
    if (errno == EINVAL) {
        return err_set(err, ERR_SYSTEM,
                       "the file system of %s can not exchange two directories in one step", store);
    }
    return err_errno(err, errno, "rename %s", fresh);
}

/* To the millisecond: what an attempt that was cut off has left is in nobody's way. */
static void stamp(char out[TIME_SIZE])
{
    struct timespec now = {0};
    struct tm parts;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &parts);
    size_t size = strftime(out, TIME_SIZE, "%Y%m%dT%H%M%S", &parts);
    (void)snprintf(out + size, TIME_SIZE - size, ".%03ldZ", now.tv_nsec / 1000000);
}

/* The old store has the name of the new one, and gets one that says what it is. */
static int keep_old(const char *fresh, const char *dir, const char *when, char **ret_backup,
                    struct err *err)
{
    CLEANUP(mem_freep) char *backup = mem_printf("%s/store.before-recover-%s", dir, when);
    if (renameat2(AT_FDCWD, fresh, AT_FDCWD, backup, RENAME_NOREPLACE) != 0) {
        return err_errno(err, errno,
                         "the node is recovered, and the old store is %s; it can not be named %s",
                         fresh, backup);
    }
    *ret_backup = TAKE(backup);
    return 0;
}

int data_dir_found(const char *dir, const struct founding *founding,
                   const struct founding_state *state, const struct offline *old, char **ret_backup,
                   struct err *err)
{
    char when[TIME_SIZE];
    stamp(when);
    CLEANUP(mem_freep) char *fresh = mem_printf("%s/store.new-%s", dir, when);
    CLEANUP(mem_freep) char *store = data_dir_store(dir);
    CLEANUP(offline_closep) struct offline *offline = NULL;
    int code = make_dirs(dir, err);
    if (code == 0) {
        code = offline_create(fresh, &offline, err);
    }
    if (code != 0) {
        return code;
    }
    code = founding_write(founding, state, write_batch, offline, err);
    if (code == 0) {
        code = take_place(fresh, store, old != NULL, err);
    }
    if (code != 0) {
        remove_store(fresh);
        return code;
    }
    if (old != NULL) {
        code = keep_old(fresh, dir, when, ret_backup, err);
    }
    return code == 0 ? sync_dir(dir, err) : code;
}
