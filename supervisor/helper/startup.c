/* supervisor/helper/startup.c - does PostgreSQL's recovery go on?
 *
 * Before it is consistent it takes no connection, and nothing that it writes tells how far it is:
 * crash recovery leaves the control file alone, and its process tells no more than the segment. So
 * what that process has done is told, its processor time and its bytes, and whoever asks twice sees
 * whether it moves (supervisor/pg_seen.c). It is found among the children of the postmaster that
 * postmaster.pid names, by its title, which PostgreSQL writes whatever update_process_title says.
 * All that is read here anybody's own user may read. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "supervisor/helper/jobs.h"

#define TITLE "startup"
#define TEXT_SIZE 1024
#define AT_PARENT 1 /* words behind the name in /proc/PID/stat */
#define AT_USER 11
#define AT_SYSTEM 12

static bool read_text(int folder, const char *name, char out[TEXT_SIZE])
{
    CLEANUP(closep) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, out, TEXT_SIZE - 1);
    out[size > 0 ? size : 0] = '\0';
    return size > 0;
}

/* A number out of "PID (NAME) STATE PARENT ..."; NAME may hold anything. */
static uint64_t stat_number(const char *stat, int at)
{
    const char *end = strrchr(stat, ')');
    for (int i = 0; end != NULL && i <= at; i++) {
        end = strchr(end + 1, ' ');
    }
    return end != NULL ? strtoull(end + 1, NULL, 10) : 0;
}

static uint64_t io_number(const char *io, const char *name)
{
    const char *at = strstr(io, name);
    return at != NULL ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* "postgres: startup recovering 0000...", or "postgres: CLUSTER_NAME: startup ...". */
static bool is_title(const char *text)
{
    for (const char *at = strstr(text, ": "); at != NULL; at = strstr(at + 1, ": ")) {
        const char *end = at + 2 + strlen(TITLE);
        if (strncmp(at + 2, TITLE, strlen(TITLE)) == 0 && (end[0] == '\0' || end[0] == ' ')) {
            return true;
        }
    }
    return false;
}

static void look_at(int proc, const char *pid, uint64_t postmaster, struct startup_work *work)
{
    char text[TEXT_SIZE];
    char stat[TEXT_SIZE];
    CLEANUP(closep) int folder = openat(proc, pid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || !read_text(folder, "stat", stat) ||
        stat_number(stat, AT_PARENT) != postmaster || !read_text(folder, "cmdline", text) ||
        !is_title(text)) {
        return;
    }
    uint64_t ticks = stat_number(stat, AT_USER) + stat_number(stat, AT_SYSTEM);
    long a_second = sysconf(_SC_CLK_TCK);
    work->is_there = true;
    work->cpu_ms += ticks * 1000 / (uint64_t)(a_second > 0 ? a_second : 100);
    if (read_text(folder, "io", text)) {
        work->io_kib += (io_number(text, "rchar: ") + io_number(text, "wchar: ")) / 1024;
    }
}

static uint64_t postmaster_of(const char *data_dir)
{
    char text[TEXT_SIZE] = "";
    CLEANUP(closep) int folder = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder >= 0 && read_text(folder, "postmaster.pid", text) ? strtoull(text, NULL, 10) : 0;
}

void look_at_startup(const char *data_dir, struct startup_work *ret_work)
{
    *ret_work = (struct startup_work){.is_there = false};
    uint64_t postmaster = postmaster_of(data_dir);
    DIR *list = postmaster != 0 ? opendir("/proc") : NULL;
    if (list == NULL) {
        return;
    }
    for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9') {
            look_at(dirfd(list), entry->d_name, postmaster, ret_work);
        }
    }
    (void)closedir(list);
}
