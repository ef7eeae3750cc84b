/* supervisor/helper/run.c - runs another program, so that it does not outlive pgraftd.
 *
 * A program of PostgreSQL takes the place of this one: it has ended when it is waited for, and the
 * kernel ends it when pgraftd dies. That holds for the first process alone, for a fork forgets it.
 *
 * Of an operator's program the shell is the first process, and what matters begins behind it. So
 * this one stays beside it, as the leader of the group that they all are in. It hears of the death
 * of pgraftd, and ends the group. Its own end says that nobody holds the program's output any more:
 * until then the number of the group is this one's, and can not be that of others. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/helper/jobs.h"
#include "supervisor/pg_rows.h"

/* False: it has died before it could be told of. */
static bool dies_with(uint64_t parent, int number)
{
    (void)prctl(PR_SET_PDEATHSIG, number);
    return (uint64_t)getppid() == parent;
}

/* All of its words go one way. */
static int become(char **words)
{
    (void)dup2(STDOUT_FILENO, STDERR_FILENO);
    (void)execv(words[0], words);
    (void)printf("%s: %s\n", words[0], strerrordesc_np(errno));
    (void)fflush(stdout);
    return 127;
}

int job_run(const char *parent, char **words)
{
    uint64_t pid = 0;
    return pg_text_u64(parent, &pid) && dies_with(pid, SIGKILL) ? become(words) : 1;
}

/* ---- an operator's ---- */

static void end_all(int number)
{
    (void)number;
    (void)kill(0, SIGKILL); /* and this one */
}

static void handle(int number, void (*handler)(int))
{
    const struct sigaction action = {.sa_handler = handler};
    (void)sigaction(number, &action, NULL);
}

static void pass_on(int from)
{
    char text[4096];
    for (;;) {
        ssize_t size = read(from, text, sizeof(text));
        ssize_t done = 0;
        while (done < size) {
            ssize_t written = write(STDOUT_FILENO, text + done, (size_t)(size - done));
            if (written < 0 && errno != EINTR) {
                return;
            }
            done += written > 0 ? written : 0;
        }
        if (size == 0 || (size < 0 && errno != EINTR)) {
            return;
        }
    }
}

static int end_as(int status)
{
    if (WIFSIGNALED(status)) {
        const struct rlimit none = {.rlim_cur = 0};
        (void)setrlimit(RLIMIT_CORE, &none); /* the program has left its own, if any */
        handle(WTERMSIG(status), SIG_DFL);
        (void)raise(WTERMSIG(status));
        return 128 + WTERMSIG(status);
    }
    return WEXITSTATUS(status);
}

static int lead(const int output[2], pid_t child)
{
    int status = 0;
    (void)close(output[1]);
    (void)close(STDIN_FILENO); /* it is the program's */
    pass_on(output[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        /* once more */
    }
    return end_as(status);
}

int job_script(const char *parent, char **words)
{
    uint64_t pid = 0;
    int output[2];
    (void)setpgid(0, 0); /* as a leader of a session it is that already */
    handle(SIGTERM, end_all);
    handle(SIGPIPE, end_all); /* nobody listens: that comes before the news of a death */
    if (!pg_text_u64(parent, &pid) || !dies_with(pid, SIGTERM) || pipe2(output, O_CLOEXEC) != 0) {
        return 1;
    }
    pid_t self = getpid();
    pid_t child = fork();
    if (child == 0) {
        bool lives = dies_with((uint64_t)self, SIGKILL) && dup2(output[1], STDOUT_FILENO) >= 0;
        _exit(lives ? become(words) : 1);
    }
    return child > 0 ? lead(output, child) : 1;
}
