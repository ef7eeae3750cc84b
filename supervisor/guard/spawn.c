/* supervisor/guard/spawn.c - what happens between fork and exec of the postmaster.
 *
 * The kernel kills the postmaster when the guard dies (PR_SET_PDEATHSIG); a guard that died before
 * that was set is seen by the parent's id (safety B6). The child gives back what the guard has over
 * others: priority (SCHED_RESET_ON_FORK did that), the OOM killer's grace, its signal mask. */
#include "supervisor/guard/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"

static void write_word(int folder, const char *name, const char *word)
{
    int fd = openat(folder, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return; /* as with a failed write: the postmaster starts all the same */
    }
    ssize_t ignored = write(fd, word, strlen(word));
    (void)ignored;
    (void)close(fd);
}

static void default_signals(void)
{
    for (int number = 1; number < NSIG; number++) {
        (void)signal(number, SIG_DFL); /* refused for the few that are always so */
    }
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void be_the_postmaster(const struct spawn *spawn, pid_t guard, int out)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != guard) {
        _exit(1);
    }
    (void)setsid();
    if (spawn->cgroup_fd >= 0) {
        write_word(spawn->cgroup_fd, "cgroup.procs", "0");
    }
    write_word(AT_FDCWD, "/proc/self/oom_score_adj", "0");
    (void)setpriority(PRIO_PROCESS, 0, 0); /* refused where the guard itself had to be nice */
    default_signals();
    (void)umask(0077);
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd >= 0) {
        (void)dup2(null_fd, STDIN_FILENO);
    }
    if (spawn->log_fd >= 0) {
        (void)dup2(spawn->log_fd, STDOUT_FILENO);
        (void)dup2(spawn->log_fd, STDERR_FILENO);
    }
    (void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    (void)execve(spawn->arguments[0], spawn->arguments, spawn->variables);
    int error = errno;
    ssize_t ignored = write(out, &error, sizeof(error));
    (void)ignored;
    _exit(127);
}

pid_t spawn_postmaster(const struct spawn *spawn, int *ret_fd)
{
    MUST(spawn->arguments[0] != NULL);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return -1;
    }
    pid_t guard = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        be_the_postmaster(spawn, guard, ends[1]);
    }
    int error = errno;
    (void)close(ends[1]);
    if (pid < 0) {
        (void)close(ends[0]);
        errno = error;
        return -1;
    }
    *ret_fd = ends[0];
    return pid;
}
