/* supervisor/guard/errand.c - the child that does one piece of work in the data directory.
 *
 * standby.signal is empty, so it is whole as soon as it has a name; the name lasts when file and
 * folder are synced. */
#include "supervisor/guard/errand.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/must.h"

#define SIGNAL_NAME "standby.signal"
#define PROMOTE_NAME "promote"
#define CONTROL_NAME "global/pg_control"
#define TORN_MAX 50 /* reads, 1 ms apart, before a wrong checksum is believed */

/* 0, or the errno of the step that failed. */
static int write_file(int folder, const char *name)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return errno;
    }
    int error = fsync(fd) == 0 ? 0 : errno;
    (void)close(fd); /* synced already */
    if (error == 0 && fsync(folder) != 0) {
        error = errno;
    }
    return error;
}

/* One that is to be seen now, and is of no use after a crash. */
static int make_file(int folder, const char *name)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return errno;
    }
    (void)close(fd);
    return 0;
}

static int remove_file(int folder, const char *name)
{
    if (unlinkat(folder, name, 0) != 0) {
        return errno == ENOENT ? 0 : errno;
    }
    return fsync(folder) == 0 ? 0 : errno;
}

static int do_work(enum errand_kind kind, int folder)
{
    int error = 0;
    switch (kind) {
        case ERRAND_PREPARE_STANDBY:
            error = remove_file(folder, PROMOTE_NAME);
            return error != 0 ? error : write_file(folder, SIGNAL_NAME);
        case ERRAND_PREPARE_PRIMARY:
            error = remove_file(folder, PROMOTE_NAME);
            return error != 0 ? error : remove_file(folder, SIGNAL_NAME);
        case ERRAND_PROMOTE_FILE:
            return make_file(folder, PROMOTE_NAME);
        case ERRAND_WRITE_SIGNAL:
            return write_file(folder, SIGNAL_NAME);
        case ERRAND_NONE:
        case ERRAND_LOOK:
        case ERRAND_CHECK_PROGRAM:
            break;
    }
    return 0;
}

static int read_control(int folder, struct errand_report *report)
{
    for (int i = 0; i < TORN_MAX; i++) {
        uint8_t bytes[PG_CONTROL_BYTES];
        int fd = openat(folder, CONTROL_NAME, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            return errno;
        }
        ssize_t size = read(fd, bytes, sizeof(bytes));
        int error = errno;
        (void)close(fd);
        if (size < 0) {
            return error;
        }
        report->control_error = (uint32_t)pg_control_parse(bytes, (size_t)size, &report->control);
        if (report->control_error != PG_CONTROL_TORN) {
            break;
        }
        (void)poll(NULL, 0, 1);
    }
    report->is_control_known = report->control_error == PG_CONTROL_OK;
    return report->is_control_known ? 0 : EINVAL;
}

/* The first line of postmaster.pid. */
static int32_t read_noted_pid(int folder)
{
    char text[32];
    int fd = openat(folder, "postmaster.pid", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t size = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    text[size > 0 ? size : 0] = '\0';
    return (int32_t)strtol(text, NULL, 10);
}

/* Work first, and the watches before the look: what changes after it is told. */
static int work_and_look(enum errand_kind kind, const struct errand_place *place,
                         struct errand_report *report)
{
    (void)file_id_of(AT_FDCWD, place->program, &report->program); /* told again by every errand */
    int folder = open(place->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return errno;
    }
    if (faccessat(folder, "PG_VERSION", F_OK, 0) != 0) {
        return errno; /* not a data directory: nothing is written into it */
    }
    int error = do_work(kind, folder);
    (void)file_id_of(folder, ".", &report->data);
    if (inotify_add_watch(place->inotify_fd, place->data_dir,
                          IN_CREATE | IN_DELETE | IN_MOVE | IN_DELETE_SELF | IN_MOVE_SELF) < 0 &&
        error == 0) {
        error = errno;
    }
    /* Not by a change of folder: with the data directory as its own this child would be taken for
     * one of PostgreSQL's processes. */
    char control[PATH_MAX + sizeof(CONTROL_NAME)];
    (void)snprintf(control, sizeof(control), "%s/" CONTROL_NAME, place->data_dir);
    if (inotify_add_watch(place->inotify_fd, control, IN_MODIFY | IN_DELETE_SELF) < 0) {
        error = error != 0 ? error : errno;
    }
    report->noted_pid = read_noted_pid(folder);
    report->has_signal = faccessat(folder, SIGNAL_NAME, F_OK, 0) == 0;
    int control_error = read_control(folder, report);
    /* standby.signal is there as well where the control file is damaged: then all is to be made
     * anew, and whoever does that must not have to wait for a file that nobody owes any more. */
    bool needs_control = kind != ERRAND_WRITE_SIGNAL;
    return error != 0 || !needs_control ? error : control_error;
}

void close_all_but(int a, int b)
{
    unsigned low = (unsigned)(a < b ? a : b);
    unsigned high = (unsigned)(a < b ? b : a);
    (void)close_range(STDERR_FILENO + 1, low - 1, 0); /* refused when there is none between */
    (void)close_range(low + 1, high - 1, 0);
    (void)close_range(high + 1, ~0U, 0);
}

_Noreturn static void be_the_child(enum errand_kind kind, const struct errand_place *place, int out)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (kind == ERRAND_CHECK_PROGRAM) {
        char *const words[] = {place->new_guard, place->state_word, NULL};
        char *const none[] = {NULL};
        (void)execve(place->new_guard, words, none);
        _exit(127);
    }
    /* What the child holds open must not outlive the guard through a child that hangs. */
    close_all_but(out, place->inotify_fd);
    struct errand_report report = {.kind = (uint32_t)kind};
    report.error = work_and_look(kind, place, &report);
    ssize_t written = write(out, &report, sizeof(report));
    _exit(written == (ssize_t)sizeof(report) ? 0 : 1);
}

int errand_start(struct errand *errand, enum errand_kind kind, const struct errand_place *place,
                 uint64_t now_ns)
{
    MUST(errand->kind == ERRAND_NONE);
    MUST(kind != ERRAND_NONE);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        be_the_child(kind, place, ends[1]);
    }
    int error = errno;
    (void)close(ends[1]);
    if (pid < 0) {
        (void)close(ends[0]);
        errno = error;
        return -1;
    }
    *errand = (struct errand){.kind = kind, .pid = pid, .fd = ends[0], .began_ns = now_ns};
    return 0;
}

bool errand_collect(struct errand *errand, struct errand_report *ret_report)
{
    MUST(errand->kind != ERRAND_NONE);
    struct errand_report report = {.kind = (uint32_t)errand->kind,
                                   .error = errand->is_killed ? ERRAND_CUT_OFF : ECHILD};
    if (errand->kind == ERRAND_CHECK_PROGRAM) {
        if (!errand->is_reaped) {
            return false;
        }
        bool accepts = WIFEXITED(errand->wait_status) && WEXITSTATUS(errand->wait_status) == 0;
        report.error = accepts ? 0 : ENOEXEC;
    } else {
        struct errand_report said;
        ssize_t size = read(errand->fd, &said, sizeof(said));
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
            return false;
        }
        if (size == (ssize_t)sizeof(said) && said.kind == report.kind) {
            report = said;
        }
    }
    (void)close(errand->fd);
    *errand = (struct errand){.kind = ERRAND_NONE, .fd = -1};
    *ret_report = report;
    return true;
}

void errand_reaped(struct errand *errand, pid_t pid, int wait_status)
{
    if (errand->kind != ERRAND_NONE && errand->pid == pid) {
        errand->is_reaped = true;
        errand->wait_status = wait_status;
    }
}

void errand_kill(struct errand *errand)
{
    if (errand->kind != ERRAND_NONE && !errand->is_reaped) {
        errand->is_killed = true;
        (void)kill(errand->pid, SIGKILL);
    }
}
