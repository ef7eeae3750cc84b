/* ctl/report_here.c - files of /proc, of the configuration, of the log. */
#include "ctl/report_here.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log_file.h"
#include "base/mem.h"
#include "base/must.h"

#define PROC_MAX 65536
#define LOG_FILES_MAX 8

/* ---- this host ---- */

static void put_file(struct buf *out, const char *path)
{
    CLEANUP(buf_close) struct buf text = {0};
    struct err err = {0};
    buf_printf(out, "--- %s\n", path);
    if (file_get(path, PROC_MAX, &text, &err) == 0) {
        buf_str(out, buf_text(&text));
    } else {
        buf_printf(out, "%s\n", err.msg);
    }
}

static void put_room(struct buf *out, const char *what, const char *path)
{
    struct statvfs st;
    if (path == NULL) {
        return;
    }
    if (statvfs(path, &st) != 0) {
        buf_printf(out, "%s %s: %s\n", what, path, strerrordesc_np(errno));
        return;
    }
    buf_printf(out,
               "%s %s: %" PRIu64 " of %" PRIu64 " bytes free, %" PRIu64 " of %" PRIu64 " files\n",
               what, path, (uint64_t)st.f_bavail * st.f_frsize, (uint64_t)st.f_blocks * st.f_frsize,
               (uint64_t)st.f_favail, (uint64_t)st.f_files);
}

static void put_times(struct buf *out)
{
    static const struct {
        clockid_t id;
        const char *name;
    } clocks[] = {
        {CLOCK_REALTIME, "realtime"}, {CLOCK_MONOTONIC, "monotonic"}, {CLOCK_BOOTTIME, "boottime"}};
    for (size_t i = 0; i < ARRAY_LEN(clocks); i++) {
        struct timespec at = {0};
        (void)clock_gettime(clocks[i].id, &at);
        buf_printf(out, "clock %s: %lld.%03ld\n", clocks[i].name, (long long)at.tv_sec,
                   at.tv_nsec / 1000000);
    }
}

static void add_host(struct bundle *bundle, const struct config *config)
{
    static const char *const files[] = {
        "/proc/uptime",       "/proc/loadavg",     "/proc/self/limits",     "/proc/meminfo",
        "/proc/pressure/cpu", "/proc/pressure/io", "/proc/pressure/memory", "/etc/os-release"};
    CLEANUP(buf_close) struct buf out = {0};
    struct utsname name;
    if (uname(&name) == 0) {
        buf_printf(&out, "host: %s, %s %s, %s\n", name.nodename, name.sysname, name.release,
                   name.machine);
    }
    buf_printf(&out, "processors: %ld\n", sysconf(_SC_NPROCESSORS_ONLN));
    put_times(&out);
    if (config != NULL) {
        put_room(&out, "raft.data_dir", config->raft.data_dir);
        put_room(&out, "postgresql.data_dir", config->postgresql.data_dir);
        put_room(&out, "log.dir", config->log.dir);
    }
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        put_file(&out, files[i]);
    }
    bundle_text(bundle, "host.txt", buf_text(&out));
}

/* ---- the log ---- */

/* The last bytes, from the beginning of a line on. */
static int read_tail(const char *path, uint64_t size_max, struct buf *out, struct err *err)
{
    struct stat st;
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) != 0) {
        return err_errno(err, errno, "%s", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, ERR_INVALID, "%s: no regular file", path);
    }
    uint64_t size = (uint64_t)st.st_size;
    uint64_t start = size > size_max ? size - size_max : 0;
    CLEANUP(buf_close) struct buf text = {0};
    char *room = buf_extend(&text, (size_t)(size - start));
    ssize_t got = pread(fd, room, (size_t)(size - start), (off_t)start);
    if (got < 0) {
        return err_errno(err, errno, "%s", path);
    }
    for (ssize_t i = 0; i < got; i++) {
        room[i] = room[i] == '\0' ? ' ' : room[i];
    }
    const char *first = start > 0 ? memchr(room, '\n', (size_t)got) : NULL;
    size_t skipped = start > 0 ? (first != NULL ? (size_t)(first + 1 - room) : (size_t)got) : 0;
    buf_append(out, room + skipped, (size_t)got - skipped);
    return 0;
}

static void add_log(struct bundle *bundle, const char *dir, uint64_t log_bytes)
{
    for (unsigned i = 0; i < LOG_FILES_MAX; i++) {
        CLEANUP(buf_close) struct buf text = {0};
        CLEANUP(mem_freep)
        char *name = i == 0 ? mem_strdup(LOG_FILE_NAME) : mem_printf(LOG_FILE_NAME ".%u", i);
        CLEANUP(mem_freep) char *path = mem_printf("%s/%s", dir, name);
        CLEANUP(mem_freep) char *file = mem_printf("log-%s", name);
        struct err err = {0};
        int rc = read_tail(path, log_bytes, &text, &err);
        if (rc == 0) {
            bundle_text(bundle, file, buf_text(&text));
        } else if (rc != ERR_NOT_FOUND || i == 0) {
            bundle_lacks(bundle, file, err.msg);
        }
    }
}

void report_here(struct bundle *bundle, const struct config *config, uint64_t log_bytes)
{
    add_host(bundle, config);
    if (config == NULL) {
        return;
    }
    CLEANUP(buf_close) struct buf shown = {0};
    config_show(config, &shown);
    bundle_text(bundle, "local-config.yml", buf_text(&shown));
    if (config->log.dir == NULL) {
        bundle_lacks(bundle, "the log of pgraftd",
                     "it is written to standard error (log.dir is not set): see journalctl");
    } else if (log_bytes > 0) {
        add_log(bundle, config->log.dir, log_bytes);
    }
}
