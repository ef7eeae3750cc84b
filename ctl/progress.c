/* ctl/progress.c - a timer of the process and handlers of its signals: the command itself waits for
 * a node meanwhile. What they need is made before; they call nothing that a handler must not. */
#include "ctl/progress.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define SENTENCE_SIZE 512
#define WHAT_MAX 100

static const int enders[] = {SIGINT, SIGQUIT, SIGHUP, SIGTERM};
#define ENDERS (sizeof(enders) / sizeof(enders[0]))

static char line[128];
static size_t line_size;
static char sentence[SENTENCE_SIZE];
static size_t sentence_size;
static char draft[PATH_MAX];
static int depth;
static bool has_lines;
static struct sigaction before; /* of SIGPIPE */
static struct sigaction before_ender[ENDERS];

/* Whoever does not read it misses it: a reader that is gone must not end the command, and one that
 * is busy must not hold it up. */
static int say(const char *text, size_t size)
{
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    bool has_room = poll(&room, 1, 0) == 1 && room.revents == POLLOUT;
    return has_room && write(STDERR_FILENO, text, size) < 0 ? -1 : 0;
}

static void on_alarm(int signal_number)
{
    int errnum = errno;
    (void)signal_number;
    if (say(line, line_size) < 0) {
        line_size = 0;
    }
    errno = errnum;
}

/* It waits until this returns, and ends the program then. */
static void on_end(int signal_number)
{
    if (draft[0] != '\0') {
        (void)unlink(draft);
    }
    (void)say(sentence, sentence_size);
    (void)signal(signal_number, SIG_DFL);
    (void)raise(signal_number);
}

/* On a terminal the cursor stands behind "^C". */
static void take_sentence(const char *after)
{
    const char *start = isatty(STDERR_FILENO) == 1 ? "\n" : "";
    sentence[0] = '\0';
    if (after != NULL) {
        (void)snprintf(sentence, sizeof(sentence), "%s%.*s\n", start, SENTENCE_SIZE - 3, after);
    }
    sentence_size = strlen(sentence);
}

static void hear_of_the_end(void)
{
    struct sigaction action = {.sa_handler = on_end};
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < ENDERS; i++) {
        (void)sigaddset(&action.sa_mask, enders[i]);
    }
    for (size_t i = 0; i < ENDERS; i++) {
        (void)sigaction(enders[i], NULL, &before_ender[i]);
        if (before_ender[i].sa_handler != SIG_IGN) {
            (void)sigaction(enders[i], &action, NULL);
        }
    }
}

void progress_begin(const char *what, const char *after)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    const struct itimerval each = {.it_interval = {.tv_sec = 1}, .it_value = {.tv_sec = 1}};
    depth++;
    if (depth > 1) {
        return;
    }
    (void)sigemptyset(&action.sa_mask);
    (void)sigemptyset(&ignored.sa_mask);
    has_lines = what != NULL;
    draft[0] = '\0';
    take_sentence(after);
    hear_of_the_end();
    if (what != NULL) {
        (void)snprintf(line, sizeof(line), "%.*s is under way\n", WHAT_MAX, what);
        line_size = strlen(line);
        (void)sigaction(SIGPIPE, &ignored, &before);
        (void)sigaction(SIGALRM, &action, NULL);
        (void)setitimer(ITIMER_REAL, &each, NULL);
    }
}

/* Half a line is none. */
void progress_tell(const char *text)
{
    sigset_t alarm;
    sigset_t open;
    (void)sigemptyset(&alarm);
    (void)sigaddset(&alarm, SIGALRM);
    (void)sigprocmask(SIG_BLOCK, &alarm, &open);
    if (line_size > 0) { /* else nobody reads them any more */
        (void)snprintf(line, sizeof(line), "%.*s\n", WHAT_MAX, text);
        line_size = strlen(line);
    }
    (void)sigprocmask(SIG_SETMASK, &open, NULL);
}

void progress_draft(const char *path)
{
    sigset_t held;
    sigset_t open;
    (void)sigemptyset(&held);
    for (size_t i = 0; i < ENDERS; i++) {
        (void)sigaddset(&held, enders[i]);
    }
    (void)sigprocmask(SIG_BLOCK, &held, &open); /* half a path is another one's */
    (void)snprintf(draft, sizeof(draft), "%s", path != NULL ? path : "");
    (void)sigprocmask(SIG_SETMASK, &open, NULL);
}

void progress_end(void)
{
    const struct itimerval none = {.it_value = {.tv_sec = 0}};
    depth--;
    if (depth > 0) {
        return;
    }
    if (has_lines) {
        (void)setitimer(ITIMER_REAL, &none, NULL);
        (void)signal(SIGALRM, SIG_DFL);
        (void)sigaction(SIGPIPE, &before, NULL);
    }
    for (size_t i = 0; i < ENDERS; i++) {
        (void)sigaction(enders[i], &before_ender[i], NULL);
    }
}
