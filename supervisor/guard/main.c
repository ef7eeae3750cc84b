/* supervisor/guard/main.c - pgraft-guard: its words, its descriptors, its footing.
 *
 * pgraftd starts it with a descriptor of their socket pair; an operator never has to.
 * docs/guard.md. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "base/version.h"
#include "supervisor/guard/guard.h"

static struct guard guard = {
    .proc_fd = -1,
    .cgroup_fd = -1,
    .driver_fd = -1,
    .listen_fd = -1,
    .lock_fd = -1,
    .signal_fd = -1,
    .timer_fd = -1,
    .inotify_fd = -1,
    .pid_fd = -1,
    .launch_fd = -1,
    .log_fd = -1,
    .page_fd = -1,
};

static const char usage[] =
    "usage: pgraft-guard --data-dir=DIR --program=POSTGRES --socket=PATH --driver=FD [options]\n"
    "Owns the life of one PostgreSQL for pgraftd, and ends it when its lease has run out.\n"
    "  --data-dir=DIR             the data directory\n"
    "  --program=POSTGRES         the server's program file\n"
    "  --socket=PATH              where a restarted pgraftd finds this guard\n"
    "  --driver=FD                descriptor of the socket pair with pgraftd\n"
    "  --cgroup=DIR               control group for PostgreSQL; default: none of its own\n"
    "  --watchdog=MODE            off (default), automatic or required\n"
    "  --watchdog-device=PATH     default /dev/watchdog\n"
    "  --watchdog-timeout-ms=N    default 4000; until an arming tells another one\n"
    "  --watchdog-margin-ms=N     default 0; the same\n"
    "pgraftd starts it; see the chapter on the guard in the manual.\n"
    "exit status: 0 done, 1 failed (reason on stderr), 2 usage\n";

static int fail(const char *what, int error)
{
    (void)dprintf(STDERR_FILENO, "pgraft-guard: %s: %s\n", what, strerrordesc_np(error));
    return 1;
}

/* The text after "--NAME=", NULL if @word is another option. */
static const char *value_of(const char *word, const char *name)
{
    size_t size = strlen(name);
    bool is_it =
        strncmp(word, "--", 2) == 0 && strncmp(word + 2, name, size) == 0 && word[2 + size] == '=';
    return is_it ? word + size + 3 : NULL;
}

static bool read_number(const char *text, uint64_t max, uint64_t *ret_number)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || number > max) {
        return false;
    }
    *ret_number = number;
    return true;
}

static bool read_path(struct guard_options *options, const char *word, bool *ret_fits)
{
    const struct {
        const char *name;
        char *to;
    } paths[] = {
        {"data-dir", options->data_dir},
        {"program", options->program},
        {"socket", options->socket},
        {"cgroup", options->cgroup},
        {"watchdog-device", options->watchdog_device},
    };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        const char *value = value_of(word, paths[i].name);
        if (value != NULL) {
            size_t size = strlen(value);
            *ret_fits = value[0] == '/' && size < PATH_MAX;
            memcpy(paths[i].to, value, *ret_fits ? size + 1 : 0);
            return true;
        }
    }
    return false;
}

static bool read_option(struct guard_options *options, const char *word, int *ret_driver)
{
    bool fits = false;
    if (read_path(options, word, &fits)) {
        return fits;
    }
    uint64_t number = 0;
    const char *value = value_of(word, "driver");
    if (value != NULL) {
        fits = read_number(value, INT_MAX, &number);
        *ret_driver = (int)number;
        return fits;
    }
    value = value_of(word, "watchdog");
    if (value != NULL) {
        enum watchdog_mode mode = WATCHDOG_OFF;
        fits = watchdog_mode_of(value, &mode);
        options->watchdog_mode = mode;
        return fits;
    }
    value = value_of(word, "watchdog-timeout-ms");
    if (value != NULL) {
        fits = read_number(value, UINT32_MAX, &number) && number > 0;
        options->watchdog_timeout_ns = number * NS_PER_MS;
        return fits;
    }
    value = value_of(word, "watchdog-margin-ms");
    fits = value != NULL && read_number(value, UINT32_MAX, &number);
    options->watchdog_margin_ns = number * NS_PER_MS;
    return fits;
}

static bool read_words(struct guard *g, int count, char **words)
{
    struct guard_options *options = &g->options;
    memcpy(options->watchdog_device, "/dev/watchdog", sizeof("/dev/watchdog"));
    options->watchdog_timeout_ns = 4 * NS_PER_S;
    for (int i = 1; i < count; i++) {
        if (!read_option(options, words[i], &g->driver_fd)) {
            (void)dprintf(STDERR_FILENO, "pgraft-guard: not understood: %s; try --help\n",
                          words[i]);
            return false;
        }
    }
    if (options->data_dir[0] == '\0' || options->program[0] == '\0' || options->socket[0] == '\0' ||
        g->driver_fd < 0) {
        (void)dprintf(STDERR_FILENO,
                      "pgraft-guard: --data-dir, --program, --socket and --driver "
                      "are needed; try --help\n");
        return false;
    }
    return true;
}

/* Opened anew after an upgrade too. */
static int open_own(struct guard *g)
{
    sigset_t taken;
    (void)sigemptyset(&taken);
    const int numbers[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        (void)sigaddset(&taken, numbers[i]);
    }
    (void)sigprocmask(SIG_BLOCK, &taken, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    g->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g->signal_fd = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
    g->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (g->proc_fd < 0 || g->signal_fd < 0 || g->timer_fd < 0) {
        return -1;
    }
    g->watchdog = (struct watchdog){
        .mode = (enum watchdog_mode)g->options.watchdog_mode,
        .device = g->options.watchdog_device,
        .fd = -1,
    };
    struct stat info;
    g->may_say = fstat(STDERR_FILENO, &info) == 0 && !S_ISREG(info.st_mode);
    g->errand.fd = -1;
    g->has_changed = true;
    g->alone_since_ns = guard_now_ns();
    return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 ? 0 : -1;
}

static int open_first(struct guard *g)
{
    g->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (g->inotify_fd < 0 || fcntl(g->driver_fd, F_SETFD, FD_CLOEXEC) != 0) {
        return -1;
    }
    if (g->options.cgroup[0] != '\0') {
        g->cgroup_fd = open(g->options.cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (g->cgroup_fd < 0 || faccessat(g->cgroup_fd, "cgroup.kill", W_OK, AT_EACCESS) != 0) {
            tell_error(g, GUARD_NO_CGROUP, errno);
        }
    }
    return driver_listen(g);
}

/* After an exec of itself: the same process, pgraftd and PostgreSQL notice nothing. */
static int resume(struct guard *g, const char *number)
{
    uint64_t fd = 0;
    if (!read_number(number, INT_MAX, &fd) || upgrade_resume(g, (int)fd) != 0) {
        return fail("the state handed over by an upgrade can not be read", errno);
    }
    if (open_own(g) != 0) {
        return fail("descriptors", errno);
    }
    second_stop(g);
    footing_take(g);
    watch_again(g);
    tell_answer(g, GUARD_DONE, g->upgrade_id, GUARD_FINE, 0);
    return guard_run(g);
}

int main(int count, char **words)
{
    if (count == 2 && strcmp(words[1], "--help") == 0) {
        (void)dprintf(STDOUT_FILENO, "%s", usage);
        return 0;
    }
    if (count == 2 && strcmp(words[1], "--version") == 0) {
        (void)dprintf(STDOUT_FILENO, "pgraft-guard %s\n", PGRAFT_VERSION);
        return 0;
    }
    const char *resumes = count == 2 ? value_of(words[1], "resumes") : NULL;
    if (resumes != NULL) {
        return strcmp(resumes, UPGRADE_STATE_VERSION) == 0 ? 0 : 1;
    }
    const char *state = count == 2 ? value_of(words[1], "resume") : NULL;
    if (state != NULL) {
        return resume(&guard, state);
    }
    if (!read_words(&guard, count, words)) {
        return 2;
    }
    if (open_own(&guard) != 0) {
        return fail("descriptors", errno);
    }
    if (open_first(&guard) != 0) {
        return fail(errno == EWOULDBLOCK ? "another guard holds the socket" : guard.options.socket,
                    errno);
    }
    footing_take(&guard);
    return guard_run(&guard);
}
