/* ctl/prompt.c - a line out, a line in.
 *
 * While a secret is typed the terminal does not echo. No signal may end or stop us in that state,
 * so they wait, and are let in when the terminal is as it was:
 *
 *   signals held back --> echo off --> line or signal? --> echo on --> signals let in
 *                            ^-------- after a stop, asked again --------------' */
#include "ctl/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/must.h"

#define ANSWER_SIZE 256
#define BLANKS " \t"

/* False: there is none. */
static bool read_line(char out[ANSWER_SIZE])
{
    if (fgets(out, ANSWER_SIZE, stdin) == NULL) {
        out[0] = '\0';
        return false;
    }
    bool is_whole = strchr(out, '\n') != NULL;
    while (!is_whole) { /* the rest is no answer to the next question */
        int c = getc(stdin);
        is_whole = c == '\n' || c == EOF;
    }
    out[strcspn(out, "\r\n")] = '\0';
    return true;
}

static bool is_yes(const char *answer)
{
    const char *word = answer + strspn(answer, BLANKS);
    size_t size = strcspn(word, BLANKS);
    bool is_alone = word[size + strspn(word + size, BLANKS)] == '\0';
    return is_alone && ((size == 1 && strncasecmp(word, "y", size) == 0) ||
                        (size == 3 && strncasecmp(word, "yes", size) == 0));
}

static int put(const char *question, const char *preset, struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    buf_printf(&out, "%s [%s]: ", question, preset);
    return cli_put(&out, err);
}

static void end_line(void)
{
    CLEANUP(buf_close) struct buf out = {0};
    buf_char(&out, '\n');
    (void)cli_put(&out, NULL);
}

int prompt_text(const char *question, const char *preset, struct buf *ret_answer, struct err *err)
{
    char answer[ANSWER_SIZE];
    int rc = put(question, preset, err);
    if (rc < 0) {
        return rc;
    }
    if (!read_line(answer)) {
        end_line();
        return err_set(err, ERR_REFUSED, "Aborted: nothing was answered");
    }
    buf_str(ret_answer, answer[0] != '\0' ? answer : preset);
    return 0;
}

int prompt_confirm(const char *question, bool *ret_yes, struct err *err)
{
    char answer[ANSWER_SIZE];
    int rc = put(question, "y/N", err);
    if (rc == 0 && !read_line(answer)) {
        end_line();
    }
    *ret_yes = rc == 0 && is_yes(answer);
    return rc;
}

/* ---- secrets ---- */

#define SECRET_SIZE 1024

static void hold_signals(sigset_t *ret_signals, sigset_t *ret_before)
{
    static const int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP};
    (void)sigemptyset(ret_signals);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        (void)sigaddset(ret_signals, signals[i]);
    }
    (void)sigprocmask(SIG_BLOCK, ret_signals, ret_before);
}

/* Until there is a line to read, or a signal waits; true: a line. */
static bool await_line(int fd, const sigset_t *signals)
{
    CLEANUP(closep) int signal_fd = signalfd(-1, signals, SFD_CLOEXEC);
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};
    while (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno == EINTR) {
    }
    return (fds[1].revents & POLLIN) == 0;
}

/* Once: false when a signal came first, which has been let in since. @size: what was read. */
static bool try_hidden(int fd, const char *question, char line[SECRET_SIZE], ssize_t *ret_size)
{
    struct termios before;
    sigset_t signals;
    sigset_t mask;
    bool is_terminal = tcgetattr(fd, &before) == 0;
    hold_signals(&signals, &mask);
    if (is_terminal) {
        struct termios hidden = before;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(fd, TCSAFLUSH, &hidden);
    }
    (void)fprintf(stderr, "%s: ", question);
    bool has_line = await_line(fd, &signals);
    *ret_size = has_line ? read(fd, line, SECRET_SIZE) : 0;
    if (is_terminal) {
        (void)tcsetattr(fd, TCSAFLUSH, &before);
        (void)fprintf(stderr, "\n"); /* the user's own was not shown */
    }
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    return has_line;
}

int prompt_secret(const char *question, struct secret *ret_secret, struct err *err)
{
    char line[SECRET_SIZE];
    ssize_t size = 0;
    CLEANUP(closep) int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    while (!try_hidden(terminal >= 0 ? terminal : STDIN_FILENO, question, line, &size)) {
    }
    if (size <= 0) {
        return err_set(err, ERR_REFUSED, "Aborted: nothing was answered");
    }
    size_t length = 0;
    while (length < (size_t)size && line[length] != '\n' && line[length] != '\r') {
        length++;
    }
    secret_set(ret_secret, line, length);
    explicit_bzero(line, sizeof(line));
    return 0;
}
