/* supervisor/helper/room.c - a PostgreSQL that recovers a restored data directory, and is ended the
 * moment it has.
 *
 *   start --> recovers, for hours --> "ready" --> SIGINT --> it is gone
 *
 * The room is closed: whoever starts this has the server listen nowhere, let nobody in and run no
 * program of an operator's (act_restore.c). Its end of recovery is no promotion: nobody can write
 * here, and the data are of no cluster yet. That it takes connections, were there a way in, stands
 * in postmaster.pid, where pg_ctl looks for it as well. The server dies with this process, which
 * dies with pgraftd. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "supervisor/helper/jobs.h"
#include "supervisor/pg_rows.h"

#define LOOK_NS 200000000L
#define STATUS_LINE 8 /* of postmaster.pid, from 1 */
#define READY "ready"

bool room_is_ready(const char *text, pid_t server)
{
    char *end = NULL;
    long pid = strtol(text, &end, 10);
    if (end == text || *end != '\n' || pid != (long)server) {
        return false; /* of another one, before this one has written its own */
    }
    for (int line = 1; line < STATUS_LINE; line++) {
        text = strchr(text, '\n');
        if (text == NULL) {
            return false;
        }
        text++;
    }
    return strncmp(text, READY, sizeof(READY) - 1) == 0;
}

static bool is_ready(const char *data_dir, pid_t server)
{
    char path[4096];
    char text[4096];
    (void)snprintf(path, sizeof(path), "%s/postmaster.pid", data_dir);
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (size < 0) {
        return false;
    }
    text[size] = '\0';
    return room_is_ready(text, server);
}

_Noreturn static void be_the_server(pid_t self, const sigset_t *before, char **words)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != self) {
        _exit(1);
    }
    (void)sigprocmask(SIG_SETMASK, before, NULL);
    (void)dup2(STDOUT_FILENO, STDERR_FILENO);
    (void)execv(words[0], words);
    (void)dprintf(STDOUT_FILENO, "%s: %s\n", words[0], strerrordesc_np(errno));
    _exit(127);
}

static int watch(pid_t server, const char *data_dir, const sigset_t *news)
{
    const struct timespec look = {.tv_nsec = LOOK_NS};
    bool is_told = false;
    for (;;) {
        int status = 0;
        pid_t gone = waitpid(server, &status, WNOHANG);
        if (gone == server) {
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        if (gone < 0 && errno != EINTR) {
            return 1;
        }
        if (!is_told && is_ready(data_dir, server)) {
            (void)kill(server, SIGINT);
            is_told = true;
        }
        (void)sigtimedwait(news, NULL, &look);
    }
}

int job_room(const char *parent, char **words)
{
    uint64_t pid = 0;
    sigset_t news;
    sigset_t before;
    if (words[1] == NULL || strncmp(words[1], "-D", 2) != 0 || !pg_text_u64(parent, &pid)) {
        return 2;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if ((uint64_t)getppid() != pid) {
        return 1;
    }
    (void)sigemptyset(&news);
    (void)sigaddset(&news, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &news, &before);
    pid_t self = getpid();
    pid_t server = fork();
    if (server == 0) {
        be_the_server(self, &before, words);
    }
    return server > 0 ? watch(server, words[1] + 2, &news) : 1;
}
