/* supervisor/guard/scan.h - finds the processes of one PostgreSQL in /proc.
 *
 * Each backend is a session of its own, so neither group nor session names them all (safety B5). A
 * process belongs to it when its working directory is the data directory, by device and inode, and
 * its program is this postgres, or another file of that name: one that an upgrade has replaced.
 * What else has its working directory there, a shell or a copy, is nobody's business. Reads no file
 * of the data directory; allocates nothing. */
#ifndef SUPERVISOR_GUARD_SCAN_H_
#define SUPERVISOR_GUARD_SCAN_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A file or folder, whatever its name is now; zero: none. */
struct file_id {
    uint64_t device;
    uint64_t inode;
};

#define SCAN_IDS 2

struct scan_target {
    int proc_fd;                   /* of /proc, or of something that looks like it */
    struct file_id data[SCAN_IDS]; /* the data directory, and the one that it replaced */
    struct file_id program[SCAN_IDS];
    pid_t postmaster; /* belongs to it wherever its working directory is; 0: not known */
};

struct scan_process {
    pid_t pid;
    pid_t parent;
    bool is_stuck; /* in uninterruptible sleep: if it was killed, it runs no more of its program */
};

struct scan_count {
    uint32_t alive; /* of them, not stuck */
    uint32_t stuck;
    pid_t root; /* the one whose parent is none of them, 0: none or several */
};

typedef void (*scan_cb)(const struct scan_process *process, void *arg);

/* Tell @cb, which may be NULL, of every living process of @target and count them. -1: /proc can not
 * be read (errno). */
int scan_all(const struct scan_target *target, scan_cb cb, void *arg, struct scan_count *ret_count);
/* Whether the process @pid is one of them and lives. */
bool scan_one(const struct scan_target *target, pid_t pid, struct scan_process *ret_process);

/* Whether @pid runs a program named postgres, of whichever cluster. */
bool scan_is_postgres(int proc_fd, pid_t pid);
/* SIGKILL @process if it still is one of the struct scan_target @arg; a scan_cb. */
void scan_end(const struct scan_process *process, void *arg);

/* The id of @name below @folder_fd; from memory where the kernel has it, without asking a server.
 */
bool file_id_of(int folder_fd, const char *name, struct file_id *ret_id);
bool file_id_same(const struct file_id *a, const struct file_id *b);
/* Put @id first among @ids, so that the last two are known. */
void file_id_note(struct file_id ids[SCAN_IDS], const struct file_id *id);

#endif /* SUPERVISOR_GUARD_SCAN_H_ */
