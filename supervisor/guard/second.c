/* supervisor/guard/second.c - a child that waits for the guard's death, and then ends what is left.
 *
 * The kernel kills the postmaster when the guard dies, and its processes notice when they next wait
 * for something. A backend in a long computation does not, and an adopted postmaster is no child.
 * The second does nothing but wait; when the guard is gone it kills as end.c does, and ends. The
 * guard replaces one that died, and ends it before it ends itself in order. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/must.h"
#include "supervisor/guard/guard.h"

#define SCAN_MS 2

/* Shared with the second, which reads it when the guard writes no more. */
struct second_page {
    struct file_id data[SCAN_IDS];
    struct file_id program[SCAN_IDS];
};

static struct second_page *page;

void second_learn(const struct guard *g)
{
    if (page != NULL) {
        memcpy(page->data, g->state.data, sizeof(page->data));
        memcpy(page->program, g->state.program, sizeof(page->program));
    }
}

/* The postmaster by its folder too, not by its id: nobody keeps that from being used again. */
static void end_what_is_left(int proc_fd)
{
    struct scan_target target = {.proc_fd = proc_fd};
    memcpy(target.data, page->data, sizeof(target.data));
    memcpy(target.program, page->program, sizeof(target.program));
    for (int clean = 0; clean < CLEAN_SCANS;) {
        struct scan_count count = {0};
        bool scanned = scan_all(&target, scan_end, &target, &count) == 0;
        clean = scanned && count.alive == 0 ? clean + 1 : 0;
        if (clean == 0) {
            (void)poll(NULL, 0, SCAN_MS);
        }
    }
}

_Noreturn static void be_the_second(const struct guard *g, pid_t guard, int guard_fd)
{
    (void)prctl(PR_SET_NAME, "guard-second");
    close_all_but(g->proc_fd, guard_fd);
    footing_inherit();
    if (getppid() == guard) {
        struct pollfd death = {.fd = guard_fd, .events = POLLIN};
        while (poll(&death, 1, -1) != 1 && errno == EINTR) {
        }
    }
    end_what_is_left(g->proc_fd);
    _exit(0);
}

void second_start(struct guard *g)
{
    MUST(g->state.second == 0);
    g->second_retry_ns = guard_now_ns() + NS_PER_S;
    if (page == NULL) {
        void *mapped = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (mapped == MAP_FAILED) {
            tell_error(g, GUARD_NO_SECOND, errno);
            return;
        }
        page = (struct second_page *)mapped;
    }
    second_learn(g);
    pid_t guard = getpid();
    int guard_fd = pidfd_open(guard, 0);
    pid_t pid = guard_fd >= 0 ? fork() : -1;
    if (pid == 0) {
        be_the_second(g, guard, guard_fd);
    }
    if (pid < 0) {
        tell_error(g, GUARD_NO_SECOND, errno);
    }
    if (guard_fd >= 0) {
        (void)close(guard_fd);
    }
    g->state.second = pid > 0 ? pid : 0;
}

/* Before the guard ends itself, and after an upgrade: the new program has another page. */
void second_stop(struct guard *g)
{
    if (g->state.second > 0) {
        (void)kill(g->state.second, SIGKILL);
        (void)waitpid(g->state.second, NULL, 0);
        g->state.second = 0;
    }
}
