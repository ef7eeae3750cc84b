/* tests/cluster/pg_disk_files.c - the files of pg_disk.c: each request is passed on to the folder
 * behind it, or refused as a full or a read-only disk would.
 *
 * A file that the kernel knows is held by a descriptor that only names it (O_PATH), so it may be
 * renamed and unlinked meanwhile. Nobody else changes the folder, so the kernel may remember names
 * and sizes for ever. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/must.h"
#include "tests/cluster/pg_disk.h"

#define BUCKETS 4096
#define FOREVER_S 1000000
#define PATH_SIZE 32

struct file {
    struct file *next; /* in its bucket */
    dev_t device;
    ino_t inode;
    uint64_t names; /* that the kernel was told of it */
    int fd;
};

static struct file root;
static struct file *buckets[BUCKETS];

#define BODY(type) ((const type *)(const void *)ask->body)
#define ANSWER(type) ((type *)(void *)answer->bytes)

/* ---- the files that the kernel knows ---- */

static struct file *file_of(uint64_t id)
{
    return id == FUSE_ROOT_ID ? &root : (struct file *)(uintptr_t)id;
}

static struct file **bucket_of(ino_t inode)
{
    return &buckets[inode % BUCKETS];
}

/* Takes @fd. */
static struct file *know(int fd, const struct stat *info)
{
    struct file **bucket = bucket_of(info->st_ino);
    for (struct file *f = *bucket; f != NULL; f = f->next) {
        if (f->inode == info->st_ino && f->device == info->st_dev) {
            (void)close(fd);
            f->names++;
            return f;
        }
    }
    struct file *f = (struct file *)mem_zalloc(sizeof(*f));
    *f = (struct file){
        .next = *bucket, .device = info->st_dev, .inode = info->st_ino, .names = 1, .fd = fd};
    *bucket = f;
    return f;
}

void disk_files_forget(uint64_t id, uint64_t count)
{
    struct file *f = file_of(id);
    if (f == &root) {
        return;
    }
    MUST(f->names >= count);
    f->names -= count;
    if (f->names > 0) {
        return;
    }
    struct file **at = bucket_of(f->inode);
    while (*at != f) {
        at = &(*at)->next;
    }
    *at = f->next;
    (void)close(f->fd);
    mem_free(f);
}

void disk_files_open(const char *folder)
{
    root.fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    MUST(root.fd >= 0);
}

/* A descriptor that only names a file, as a path. */
static const char *path_of(int fd, char path[PATH_SIZE])
{
    (void)snprintf(path, PATH_SIZE, "/proc/self/fd/%d", fd);
    return path;
}

/* ---- what is told of a file ---- */

static void fill_attr(const struct stat *info, struct fuse_attr *out)
{
    *out = (struct fuse_attr){
        .ino = info->st_ino,
        .size = (uint64_t)info->st_size,
        .blocks = (uint64_t)info->st_blocks,
        .atime = (uint64_t)info->st_atim.tv_sec,
        .mtime = (uint64_t)info->st_mtim.tv_sec,
        .ctime = (uint64_t)info->st_ctim.tv_sec,
        .atimensec = (uint32_t)info->st_atim.tv_nsec,
        .mtimensec = (uint32_t)info->st_mtim.tv_nsec,
        .ctimensec = (uint32_t)info->st_ctim.tv_nsec,
        .mode = info->st_mode,
        .nlink = (uint32_t)info->st_nlink,
        .uid = info->st_uid,
        .gid = info->st_gid,
        .blksize = (uint32_t)info->st_blksize,
    };
}

static int tell_attr(int fd, struct disk_answer *answer)
{
    struct stat info;
    if (fstatat(fd, "", &info, AT_EMPTY_PATH) != 0) {
        return errno;
    }
    *ANSWER(struct fuse_attr_out) = (struct fuse_attr_out){.attr_valid = FOREVER_S};
    fill_attr(&info, &ANSWER(struct fuse_attr_out)->attr);
    answer->size = sizeof(struct fuse_attr_out);
    return 0;
}

/* The entry @name of @folder, which the kernel knows from now on. */
static int tell_entry(int folder, const char *name, struct disk_answer *answer)
{
    struct stat info;
    int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    MUST(fstatat(fd, "", &info, AT_EMPTY_PATH) == 0);
    struct fuse_entry_out out = {.nodeid = (uint64_t)(uintptr_t)know(fd, &info),
                                 .entry_valid = FOREVER_S,
                                 .attr_valid = FOREVER_S};
    fill_attr(&info, &out.attr);
    *ANSWER(struct fuse_entry_out) = out;
    answer->size = sizeof(out);
    return 0;
}

/* What was made belongs to whoever asked. */
static int tell_made(const struct disk_ask *ask, int folder, const char *name,
                     struct disk_answer *answer)
{
    if (fchownat(folder, name, ask->head->uid, ask->head->gid, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno;
    }
    return tell_entry(folder, name, answer);
}

static int add_open(int fd, struct disk_answer *answer)
{
    struct fuse_open_out out = {.fh = (uint64_t)fd};
    if (fd < 0) {
        return errno;
    }
    memcpy(answer->bytes + answer->size, &out, sizeof(out));
    answer->size += sizeof(out);
    return 0;
}

static int done(int result)
{
    return result < 0 ? errno : 0;
}

/* ---- names ---- */

static int do_lookup(const struct disk_ask *ask, struct disk_answer *answer)
{
    return tell_entry(file_of(ask->head->nodeid)->fd, ask->body, answer);
}

static int do_mkdir(const struct disk_ask *ask, struct disk_answer *answer)
{
    int folder = file_of(ask->head->nodeid)->fd;
    const struct fuse_mkdir_in *in = BODY(struct fuse_mkdir_in);
    const char *name = (const char *)(in + 1);
    return mkdirat(folder, name, in->mode) != 0 ? errno : tell_made(ask, folder, name, answer);
}

static int do_symlink(const struct disk_ask *ask, struct disk_answer *answer)
{
    int folder = file_of(ask->head->nodeid)->fd;
    const char *target = ask->body + strlen(ask->body) + 1;
    return symlinkat(target, folder, ask->body) != 0 ? errno
                                                     : tell_made(ask, folder, ask->body, answer);
}

static int do_readlink(const struct disk_ask *ask, struct disk_answer *answer)
{
    ssize_t size =
        readlinkat(file_of(ask->head->nodeid)->fd, "", answer->bytes, sizeof(answer->bytes));
    answer->size = size < 0 ? 0 : (size_t)size;
    return size < 0 ? errno : 0;
}

static int do_link(const struct disk_ask *ask, struct disk_answer *answer)
{
    char path[PATH_SIZE];
    int folder = file_of(ask->head->nodeid)->fd;
    const struct fuse_link_in *in = BODY(struct fuse_link_in);
    const char *name = (const char *)(in + 1);
    (void)path_of(file_of(in->oldnodeid)->fd, path);
    return linkat(AT_FDCWD, path, folder, name, AT_SYMLINK_FOLLOW) != 0
               ? errno
               : tell_entry(folder, name, answer);
}

static int do_unlink(const struct disk_ask *ask, struct disk_answer *answer)
{
    int flags = ask->head->opcode == FUSE_RMDIR ? AT_REMOVEDIR : 0;
    (void)answer;
    return done(unlinkat(file_of(ask->head->nodeid)->fd, ask->body, flags));
}

static int do_rename(const struct disk_ask *ask, struct disk_answer *answer)
{
    bool is_second = ask->head->opcode == FUSE_RENAME2;
    const char *from =
        ask->body + (is_second ? sizeof(struct fuse_rename2_in) : sizeof(struct fuse_rename_in));
    (void)answer;
    return done(renameat2(file_of(ask->head->nodeid)->fd, from,
                          file_of(BODY(struct fuse_rename_in)->newdir)->fd, from + strlen(from) + 1,
                          is_second ? BODY(struct fuse_rename2_in)->flags : 0));
}

/* ---- attributes ---- */

static int do_getattr(const struct disk_ask *ask, struct disk_answer *answer)
{
    return tell_attr(file_of(ask->head->nodeid)->fd, answer);
}

static struct timespec time_of(uint32_t valid, uint32_t now, uint32_t given, uint64_t s,
                               uint32_t ns)
{
    struct timespec time = {.tv_sec = (time_t)s, .tv_nsec = (long)ns};
    if ((valid & now) != 0) {
        time.tv_nsec = UTIME_NOW;
    } else if ((valid & given) == 0) {
        time.tv_nsec = UTIME_OMIT;
    }
    return time;
}

static int do_setattr(const struct disk_ask *ask, struct disk_answer *answer)
{
    char path[PATH_SIZE];
    const struct fuse_setattr_in *in = BODY(struct fuse_setattr_in);
    int fd = file_of(ask->head->nodeid)->fd;
    uint32_t valid = in->valid;
    uid_t uid = (valid & FATTR_UID) != 0 ? in->uid : (uid_t)-1;
    gid_t gid = (valid & FATTR_GID) != 0 ? in->gid : (gid_t)-1;
    struct timespec times[] = {
        time_of(valid, FATTR_ATIME_NOW, FATTR_ATIME, in->atime, in->atimensec),
        time_of(valid, FATTR_MTIME_NOW, FATTR_MTIME, in->mtime, in->mtimensec)};
    int r = fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
    (void)path_of(fd, path);
    if (r == 0 && (valid & FATTR_MODE) != 0) {
        r = chmod(path, in->mode);
    }
    if (r == 0 && (valid & FATTR_SIZE) != 0) {
        r = truncate(path, (off_t)in->size);
    }
    if (r == 0 && (valid & (FATTR_ATIME | FATTR_MTIME)) != 0) {
        r = utimensat(AT_FDCWD, path, times, 0);
    }
    return r != 0 ? errno : tell_attr(fd, answer);
}

static int do_statfs(const struct disk_ask *ask, struct disk_answer *answer)
{
    struct statvfs info;
    if (fstatvfs(root.fd, &info) != 0) {
        return errno;
    }
    bool is_full = ask->state == DISK_FULL;
    *ANSWER(struct fuse_kstatfs) = (struct fuse_kstatfs){
        .blocks = info.f_blocks,
        .bfree = is_full ? 0 : info.f_bfree,
        .bavail = is_full ? 0 : info.f_bavail,
        .files = info.f_files,
        .ffree = info.f_ffree,
        .bsize = (uint32_t)info.f_bsize,
        .namelen = (uint32_t)info.f_namemax,
        .frsize = (uint32_t)info.f_frsize,
    };
    answer->size = sizeof(struct fuse_kstatfs);
    return 0;
}

/* ---- what is in a file ---- */

static int do_open(const struct disk_ask *ask, struct disk_answer *answer)
{
    char path[PATH_SIZE];
    int flags = (int)BODY(struct fuse_open_in)->flags;
    if (ask->state == DISK_READ_ONLY && (flags & O_ACCMODE) != O_RDONLY) {
        return EROFS;
    }
    (void)path_of(file_of(ask->head->nodeid)->fd, path);
    flags &= ~(O_CREAT | O_EXCL | O_NOFOLLOW | O_DIRECT);
    return add_open(open(path, flags | O_CLOEXEC), answer);
}

static int do_create(const struct disk_ask *ask, struct disk_answer *answer)
{
    const struct fuse_create_in *in = BODY(struct fuse_create_in);
    const char *name = (const char *)(in + 1);
    int folder = file_of(ask->head->nodeid)->fd;
    int fd = openat(folder, name, ((int)in->flags & ~O_DIRECT) | O_CREAT | O_CLOEXEC, in->mode);
    if (fd < 0) {
        return errno;
    }
    int error = tell_made(ask, folder, name, answer);
    if (error != 0) {
        (void)close(fd);
        return error;
    }
    return add_open(fd, answer);
}

static int do_read(const struct disk_ask *ask, struct disk_answer *answer)
{
    const struct fuse_read_in *in = BODY(struct fuse_read_in);
    size_t size = in->size < sizeof(answer->bytes) ? in->size : sizeof(answer->bytes);
    ssize_t done_size = pread((int)in->fh, answer->bytes, size, (off_t)in->offset);
    answer->size = done_size < 0 ? 0 : (size_t)done_size;
    return done_size < 0 ? errno : 0;
}

static bool grows(int fd, uint64_t end)
{
    struct stat info;
    return fstat(fd, &info) == 0 && end > (uint64_t)info.st_size;
}

static int do_write(const struct disk_ask *ask, struct disk_answer *answer)
{
    const struct fuse_write_in *in = BODY(struct fuse_write_in);
    if (ask->state == DISK_FULL && grows((int)in->fh, in->offset + in->size)) {
        return ENOSPC;
    }
    ssize_t size = pwrite((int)in->fh, in + 1, in->size, (off_t)in->offset);
    if (size < 0) {
        return errno;
    }
    *ANSWER(struct fuse_write_out) = (struct fuse_write_out){.size = (uint32_t)size};
    answer->size = sizeof(struct fuse_write_out);
    return 0;
}

static int do_fallocate(const struct disk_ask *ask, struct disk_answer *answer)
{
    const struct fuse_fallocate_in *in = BODY(struct fuse_fallocate_in);
    (void)answer;
    if (ask->state == DISK_FULL) {
        return ENOSPC;
    }
    return done(fallocate((int)in->fh, (int)in->mode, (off_t)in->offset, (off_t)in->length));
}

static int do_fsync(const struct disk_ask *ask, struct disk_answer *answer)
{
    (void)ask;
    (void)answer;
    return 0; /* the folder is gone with the test: it asks for the time of a disk alone */
}

static int do_release(const struct disk_ask *ask, struct disk_answer *answer)
{
    (void)answer;
    return done(close((int)BODY(struct fuse_release_in)->fh));
}

/* ---- folders ---- */

static int do_opendir(const struct disk_ask *ask, struct disk_answer *answer)
{
    char path[PATH_SIZE];
    DIR *list = opendir(path_of(file_of(ask->head->nodeid)->fd, path));
    struct fuse_open_out out = {.fh = (uint64_t)(uintptr_t)list};
    if (list == NULL) {
        return errno;
    }
    memcpy(answer->bytes, &out, sizeof(out));
    answer->size = sizeof(out);
    return 0;
}

static int do_readdir(const struct disk_ask *ask, struct disk_answer *answer)
{
    const struct fuse_read_in *in = BODY(struct fuse_read_in);
    DIR *list = (DIR *)(uintptr_t)in->fh;
    size_t room = in->size < sizeof(answer->bytes) ? in->size : sizeof(answer->bytes);
    if (in->offset == 0) {
        rewinddir(list);
    } else {
        seekdir(list, (long)in->offset);
    }
    for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
        size_t length = strlen(entry->d_name);
        struct fuse_dirent *out = (struct fuse_dirent *)(void *)(answer->bytes + answer->size);
        size_t size = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + length);
        if (answer->size + size > room) {
            break;
        }
        memset(out, 0, size);
        *out = (struct fuse_dirent){.ino = entry->d_ino,
                                    .off = (uint64_t)telldir(list),
                                    .namelen = (uint32_t)length,
                                    .type = entry->d_type};
        memcpy(out->name, entry->d_name, length);
        answer->size += size;
    }
    return 0;
}

static int do_releasedir(const struct disk_ask *ask, struct disk_answer *answer)
{
    (void)answer;
    return done(closedir((DIR *)(uintptr_t)BODY(struct fuse_release_in)->fh));
}

/* ---- which is which ---- */

static const struct {
    int (*act)(const struct disk_ask *ask, struct disk_answer *answer);
    bool changes; /* what a read-only disk refuses */
} acts[] = {
    [FUSE_LOOKUP] = {do_lookup, false},
    [FUSE_GETATTR] = {do_getattr, false},
    [FUSE_SETATTR] = {do_setattr, true},
    [FUSE_READLINK] = {do_readlink, false},
    [FUSE_SYMLINK] = {do_symlink, true},
    [FUSE_MKDIR] = {do_mkdir, true},
    [FUSE_UNLINK] = {do_unlink, true},
    [FUSE_RMDIR] = {do_unlink, true},
    [FUSE_RENAME] = {do_rename, true},
    [FUSE_RENAME2] = {do_rename, true},
    [FUSE_LINK] = {do_link, true},
    [FUSE_OPEN] = {do_open, false},
    [FUSE_READ] = {do_read, false},
    [FUSE_WRITE] = {do_write, true},
    [FUSE_STATFS] = {do_statfs, false},
    [FUSE_RELEASE] = {do_release, false},
    [FUSE_FSYNC] = {do_fsync, false},
    [FUSE_FSYNCDIR] = {do_fsync, false},
    [FUSE_OPENDIR] = {do_opendir, false},
    [FUSE_READDIR] = {do_readdir, false},
    [FUSE_RELEASEDIR] = {do_releasedir, false},
    [FUSE_CREATE] = {do_create, true},
    [FUSE_FALLOCATE] = {do_fallocate, true},
};

int disk_files_do(const struct disk_ask *ask, struct disk_answer *answer)
{
    uint32_t code = ask->head->opcode;
    if (code >= ARRAY_LEN(acts) || acts[code].act == NULL) {
        return ENOSYS;
    }
    return acts[code].changes && ask->state == DISK_READ_ONLY ? EROFS : acts[code].act(ask, answer);
}
