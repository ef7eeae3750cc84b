/* supervisor/helper/disk.c - tries a data directory and its pg_wal.
 *
 * Reads go past the page cache where the file system allows it: what is in memory says nothing of a
 * disk. A write goes to a file without a name (O_TMPFILE), so that nothing is left behind, no
 * backup copies it, and no start of PostgreSQL meets it; where there are none, to one with a name
 * that PostgreSQL's own tools pass over. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/helper/jobs.h"

#define BLOCK_SIZE 8192
#define BLOCK_ALIGNMENT 4096
#define CONTROL_NAME "global/pg_control"
#define WAL_FOLDER "pg_wal"
#define WAL_NAME_SIZE 24
#define NAMED_FILE "pgsql_tmp_pgraft" /* backups, rewinds and checks pass over this beginning */

struct answer {
    int error;         /* errno of the first step that failed */
    const char *where; /* a word for that step */
    uint64_t read_us;
    uint64_t write_us;
    uint64_t free_kib; /* the smaller of the two */
    bool is_read_only;
};

static uint64_t now_us(void)
{
    return clock_ns(clock_system(), CLOCK_MONO) / 1000;
}

static void note(struct answer *answer, int error, const char *where)
{
    if (error != 0 && answer->error == 0) {
        answer->error = error;
        answer->where = where;
    }
}

static int read_block(int folder, const char *name)
{
    _Alignas(BLOCK_ALIGNMENT) static uint8_t bytes[BLOCK_SIZE];
    CLEANUP(closep) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_DIRECT);
    if (fd < 0 && errno == EINVAL) {
        fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0) {
        return errno;
    }
    return read(fd, bytes, sizeof(bytes)) < 0 ? errno : 0;
}

static int write_block(int folder)
{
    static const uint8_t bytes[BLOCK_SIZE] = "pgraft tries whether this disk takes a write";
    bool is_named = false;
    CLEANUP(closep) int fd = openat(folder, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        fd = openat(folder, NAMED_FILE, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        is_named = true;
    }
    if (fd < 0) {
        return errno;
    }
    ssize_t size = write(fd, bytes, sizeof(bytes));
    int error = size < 0 ? errno : size < (ssize_t)sizeof(bytes) ? ENOSPC : 0;
    if (error == 0 && fdatasync(fd) != 0) {
        error = errno;
    }
    if (is_named) {
        (void)unlinkat(folder, NAMED_FILE, 0); /* the next one takes it over */
    }
    return error;
}

/* Nothing is opened for it. */
static void look_at_room(const char *folder, struct answer *answer)
{
    struct statvfs info;
    if (statvfs(folder, &info) != 0) {
        note(answer, errno, "statvfs");
        return;
    }
    uint64_t free_kib = (uint64_t)info.f_bavail * info.f_frsize / 1024;
    answer->free_kib = free_kib < answer->free_kib ? free_kib : answer->free_kib;
    answer->is_read_only = answer->is_read_only || (info.f_flag & ST_RDONLY) != 0;
}

/* Any segment will do. 0 or an errno. */
static int read_wal(int folder)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0) {
        return errno;
    }
    DIR *list = fdopendir(copy);
    if (list == NULL) {
        int error = errno;
        (void)close(copy);
        return error;
    }
    int error = 0;
    for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
        size_t digits = strspn(entry->d_name, "0123456789ABCDEF");
        if (digits == WAL_NAME_SIZE && entry->d_name[digits] == '\0') {
            error = read_block(folder, entry->d_name);
            break;
        }
    }
    (void)closedir(list);
    return error == ENOENT ? 0 : error; /* PostgreSQL has just renamed it */
}

static void try_folders(const char *data_dir, const struct disk_question *question,
                        struct answer *answer)
{
    CLEANUP(mem_freep) char *wal_dir = mem_printf("%s/" WAL_FOLDER, data_dir);
    CLEANUP(closep) int data = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (data < 0) {
        note(answer, errno, "open");
        return;
    }
    CLEANUP(closep)
    int wal = question->spares_wal ? -1 : open(wal_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (wal < 0 && !question->spares_wal) {
        note(answer, errno, "open_wal");
        return;
    }
    uint64_t began_us = now_us();
    look_at_room(data_dir, answer);
    look_at_room(wal_dir, answer);
    note(answer, read_block(data, CONTROL_NAME), "read");
    note(answer, wal >= 0 ? read_wal(wal) : 0, "read_wal");
    answer->read_us = now_us() - began_us;
    if (!question->writes) {
        return;
    }
    began_us = now_us();
    note(answer, write_block(data), "write");
    note(answer, wal >= 0 ? write_block(wal) : 0, "write_wal");
    answer->write_us = now_us() - began_us;
}

void job_disk(const char *data_dir, const struct disk_question *question)
{
    struct answer answer = {.where = "-", .free_kib = UINT64_MAX};
    struct startup_work work = {.is_there = false};
    try_folders(data_dir, question, &answer);
    if (question->startup) {
        look_at_startup(data_dir, &work);
    }
    (void)printf("error=%d where=%s read_us=%" PRIu64 " write_us=%" PRIu64 " free_kib=%" PRIu64
                 " read_only=%d wrote=%d startup=%d startup_cpu_ms=%" PRIu64
                 " startup_io_kib=%" PRIu64 "\n",
                 answer.error, answer.where, answer.read_us, answer.write_us, answer.free_kib,
                 answer.is_read_only ? 1 : 0, question->writes ? 1 : 0, work.is_there ? 1 : 0,
                 work.cpu_ms, work.io_kib);
}
