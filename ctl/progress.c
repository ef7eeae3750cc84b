/* ctl/progress.c - a timer of the process: the command itself waits for a node meanwhile. */
#include "ctl/progress.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static char line[128];
static size_t line_size;
static struct sigaction before; /* of SIGPIPE */

/* Whoever does not read it misses it: a reader that is gone must not end the command, and one that
 * is busy must not hold it up. */
static void on_alarm(int signal_number)
{
    int errnum = errno;
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    (void)signal_number;
    if (poll(&room, 1, 0) == 1 && room.revents == POLLOUT &&
        write(STDERR_FILENO, line, line_size) < 0) {
        line_size = 0;
    }
    errno = errnum;
}

void progress_begin(const char *what)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    const struct itimerval each = {.it_interval = {.tv_sec = 1}, .it_value = {.tv_sec = 1}};
    (void)snprintf(line, sizeof(line), "%s is under way\n", what);
    line_size = strlen(line);
    (void)sigemptyset(&action.sa_mask);
    (void)sigemptyset(&ignored.sa_mask);
    (void)sigaction(SIGPIPE, &ignored, &before);
    (void)sigaction(SIGALRM, &action, NULL);
    (void)setitimer(ITIMER_REAL, &each, NULL);
}

void progress_end(void)
{
    const struct itimerval none = {.it_value = {.tv_sec = 0}};
    (void)setitimer(ITIMER_REAL, &none, NULL);
    (void)signal(SIGALRM, SIG_DFL);
    (void)sigaction(SIGPIPE, &before, NULL);
}
