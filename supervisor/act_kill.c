/* supervisor/act_kill.c - this program ends PostgreSQL itself, because the guard does not answer or
 * is gone (safety B6): the same processes, found in the same way; and a guard that does not answer,
 * so that another one can be started. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "supervisor/act_parts.h"
#include "supervisor/guard/scan.h"

#define ROUNDS_MAX 300
#define ROUND_MS 10

static void rest(void)
{
    const struct timespec pause = {.tv_nsec = (long)(ROUND_MS * NS_PER_MS)};
    (void)nanosleep(&pause, NULL);
}

/* Until two rounds in a row have found none that runs. */
static int kill_all(struct scan_target *target, struct err *err)
{
    int empty = 0;
    for (int i = 0; i < ROUNDS_MAX && empty < 2; i++) {
        struct scan_count count;
        if (scan_all(target, scan_end, target, &count) != 0) {
            return err_errno(err, errno, "look for processes");
        }
        empty = count.alive == 0 ? empty + 1 : 0;
        rest();
    }
    return empty == 2 ? 0 : err_set(err, ERR_TIMEOUT, "killed processes have not ended");
}

/* What is known of the postmaster is a number, which another program may have got since. Its folder
 * tells its backends also when another one has the folder's name now, and when it has gone itself:
 * a folder that is somebody's keeps its number, so that is kept until nobody is left. */
static void fill_postmaster(struct act_order *o, struct scan_target *target)
{
    pid_t pid = (pid_t)o->postmaster;
    if (pid != 0 && scan_is_postgres(target->proc_fd, pid)) {
        CLEANUP(mem_freep) char *cwd = mem_printf("%d/cwd", (int)pid);
        target->postmaster = pid;
        (void)file_id_of(target->proc_fd, cwd, &o->known.cwd);
    }
    target->data[1] = o->known.cwd;
}

/* False: it does not answer, and was never seen. One that is not there has nobody in it. */
static bool fill_data(struct act_order *o, struct scan_target *target)
{
    struct file_id *data = &target->data[0];
    if (file_id_of(AT_FDCWD, o->setup->files.data_dir, data)) {
        o->known.data = *data;
        return true;
    }
    if (errno == ENOENT) {
        return true;
    }
    *data = o->known.data; /* and errno says why */
    return data->inode != 0 || target->data[1].inode != 0;
}

/* The postmaster first, for it starts no more then, whatever holds up the rest: a disk that is gone
 * is no reason to let the others live. */
static int kill_server(struct act_order *o, struct scan_target *target, struct err *err)
{
    fill_postmaster(o, target);
    if (target->postmaster != 0) {
        const struct scan_process server = {.pid = target->postmaster};
        scan_end(&server, target);
    }
    CLEANUP(mem_freep) char *program = act_program_path(o, "postgres");
    (void)file_id_of(AT_FDCWD, program, &target->program[0]); /* one of that name will do */
    if (!fill_data(o, target)) {
        return err_errno(err, errno, "%s", o->setup->files.data_dir);
    }
    int code = kill_all(target, err);
    if (code == 0) {
        o->known.cwd = (struct file_id){0};
    }
    return code;
}

int work_kill(struct act_order *o, struct err *err)
{
    CLEANUP(closep) int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0) {
        return err_errno(err, errno, "/proc");
    }
    struct scan_target target = {.proc_fd = proc};
    int code = kill_server(o, &target, err);
    if (o->guard_pid != 0) {
        (void)kill((pid_t)o->guard_pid, SIGKILL);
    }
    return code;
}
