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

static void kill_one(const struct scan_process *process, void *arg)
{
    (void)arg;
    (void)kill(process->pid, SIGKILL); /* gone by itself: as well */
}

static void rest(void)
{
    const struct timespec pause = {.tv_nsec = (long)(ROUND_MS * NS_PER_MS)};
    (void)nanosleep(&pause, NULL);
}

/* Until two rounds in a row have found none that runs. */
static int kill_all(const struct scan_target *target, struct err *err)
{
    int empty = 0;
    for (int i = 0; i < ROUNDS_MAX && empty < 2; i++) {
        struct scan_count count;
        if (scan_all(target, kill_one, NULL, &count) != 0) {
            return err_errno(err, errno, "look for processes");
        }
        empty = count.alive == 0 ? empty + 1 : 0;
        rest();
    }
    return empty == 2 ? 0 : err_set(err, ERR_TIMEOUT, "killed processes have not ended");
}

int work_kill(struct act_order *o, struct err *err)
{
    if (o->postmaster != 0) {
        (void)kill((pid_t)o->postmaster,
                   SIGKILL); /* it starts no more, whatever holds up the rest */
    }
    CLEANUP(closep) int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(mem_freep) char *program = act_program_path(o, "postgres");
    struct scan_target target = {.proc_fd = proc, .postmaster = (pid_t)o->postmaster};
    if (proc < 0 || !file_id_of(AT_FDCWD, o->setup->files.data_dir, &target.data[0])) {
        bool is_nowhere = proc >= 0 && errno == ENOENT;
        return is_nowhere ? 0 : err_errno(err, errno, "%s", o->setup->files.data_dir);
    }
    (void)file_id_of(AT_FDCWD, program, &target.program[0]); /* one of that name will do */
    int code = kill_all(&target, err);
    if (o->guard_pid != 0) {
        (void)kill((pid_t)o->guard_pid, SIGKILL);
    }
    return code;
}
