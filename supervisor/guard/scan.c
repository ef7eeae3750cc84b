/* supervisor/guard/scan.c - walks through /proc with getdents64, since opendir() allocates.
 *
 * What a process is can change between two reads; whoever kills opens a pidfd first and asks again
 * (guard/scan_end.c). A process that has lost its program runs none of it any more, but its
 * connections are closed only later: it counts until it has lost its working directory too, or is a
 * zombie. */
#include "supervisor/guard/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/must.h"

#define NAME_SIZE 32 /* "4194304/stat" */
#define PROGRAM_NAME "postgres"

bool file_id_of(int folder_fd, const char *name, struct file_id *ret_id)
{
    struct statx info;
    if (statx(folder_fd, name, AT_STATX_DONT_SYNC, STATX_INO, &info) != 0) {
        return false;
    }
    *ret_id = (struct file_id){
        .device = (uint64_t)info.stx_dev_major << 32 | info.stx_dev_minor,
        .inode = info.stx_ino,
    };
    return true;
}

bool file_id_same(const struct file_id *a, const struct file_id *b)
{
    return a->inode != 0 && a->inode == b->inode && a->device == b->device;
}

void file_id_note(struct file_id ids[SCAN_IDS], const struct file_id *id)
{
    if (id->inode != 0 && !file_id_same(&ids[0], id)) {
        ids[1] = ids[0];
        ids[0] = *id;
    }
}

static bool is_among(const struct file_id ids[SCAN_IDS], const struct file_id *id)
{
    return file_id_same(&ids[0], id) || file_id_same(&ids[1], id);
}

static void entry_name(char out[NAME_SIZE], pid_t pid, const char *entry)
{
    int size = snprintf(out, NAME_SIZE, "%d/%s", (int)pid, entry);
    MUST(size > 0 && size < NAME_SIZE);
}

/* State and parent out of "PID (NAME) STATE PARENT ..."; NAME may hold anything. */
static bool read_stat(int proc_fd, pid_t pid, char *ret_state, pid_t *ret_parent)
{
    char name[NAME_SIZE];
    entry_name(name, pid, "stat");
    int fd = openat(proc_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    char text[512];
    ssize_t size = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    if (size <= 0) {
        return false;
    }
    text[size] = '\0';
    const char *end = strrchr(text, ')');
    if (end == NULL || end[1] != ' ' || end[2] == '\0' || end[3] != ' ') {
        return false;
    }
    *ret_state = end[2];
    *ret_parent = (pid_t)strtol(end + 4, NULL, 10);
    return true;
}

/* The link of a replaced program reads "/usr/lib/postgresql/15/bin/postgres (deleted)". */
static bool is_named_postgres(int proc_fd, const char *exe)
{
    char link[PATH_MAX];
    ssize_t size = readlinkat(proc_fd, exe, link, sizeof(link) - 1);
    if (size <= 0) {
        return false;
    }
    link[size] = '\0';
    char *gone = strstr(link, " (deleted)");
    if (gone != NULL) {
        *gone = '\0';
    }
    const char *slash = strrchr(link, '/');
    return strcmp(slash != NULL ? slash + 1 : link, PROGRAM_NAME) == 0;
}

static bool belongs(const struct scan_target *target, pid_t pid)
{
    if (pid == target->postmaster) {
        return true;
    }
    char name[NAME_SIZE];
    struct file_id id;
    entry_name(name, pid, "cwd");
    if (!file_id_of(target->proc_fd, name, &id) || !is_among(target->data, &id)) {
        return false;
    }
    entry_name(name, pid, "exe");
    if (!file_id_of(target->proc_fd, name, &id)) {
        return errno == ENOENT; /* it is on its way out, and not there yet */
    }
    return is_among(target->program, &id) || is_named_postgres(target->proc_fd, name);
}

bool scan_is_postgres(int proc_fd, pid_t pid)
{
    char name[NAME_SIZE];
    entry_name(name, pid, "exe");
    return is_named_postgres(proc_fd, name);
}

bool scan_one(const struct scan_target *target, pid_t pid, struct scan_process *ret_process)
{
    char state;
    pid_t parent;
    if (!belongs(target, pid) || !read_stat(target->proc_fd, pid, &state, &parent)) {
        return false;
    }
    if (state == 'Z' || state == 'X') {
        return false;
    }
    *ret_process = (struct scan_process){.pid = pid, .parent = parent, .is_stuck = state == 'D'};
    return true;
}

/* The process id that @name is, 0 if it is none. */
static pid_t pid_of(const char *name)
{
    char *end;
    long value = strtol(name, &end, 10);
    return *end == '\0' && value > 0 && value <= INT_MAX ? (pid_t)value : 0;
}

/* A root's parent is no process of the PostgreSQL. */
static void count_one(const struct scan_target *target, const struct scan_process *process,
                      uint32_t *roots, struct scan_count *count)
{
    if (process->is_stuck) {
        count->stuck++;
    } else {
        count->alive++;
    }
    struct scan_process parent;
    if (process->parent <= 0 || !scan_one(target, process->parent, &parent)) {
        (*roots)++;
        count->root = process->pid;
    }
}

int scan_all(const struct scan_target *target, scan_cb cb, void *arg, struct scan_count *ret_count)
{
    struct scan_count count = {0};
    uint32_t roots = 0;
    if (lseek(target->proc_fd, 0, SEEK_SET) != 0) {
        return -1;
    }
    _Alignas(struct dirent64) char entries[8192];
    for (;;) {
        long size = syscall(SYS_getdents64, target->proc_fd, entries, sizeof(entries));
        if (size < 0) {
            return -1;
        }
        if (size == 0) {
            break;
        }
        for (long at = 0; at < size;) {
            const struct dirent64 *entry = (const struct dirent64 *)(const void *)(entries + at);
            at += entry->d_reclen;
            struct scan_process process;
            pid_t pid = pid_of(entry->d_name);
            if (pid == 0 || !scan_one(target, pid, &process)) {
                continue;
            }
            count_one(target, &process, &roots, &count);
            if (cb != NULL) {
                cb(&process, arg);
            }
        }
    }
    if (roots != 1) {
        count.root = 0;
    }
    *ret_count = count;
    return 0;
}
