/* supervisor/guard/footing.c - what the guard needs from the machine to be on time.
 *
 * Its memory is small and all there from the start: it is locked as it stands, with no demand on
 * what may come later (safety B7). Raised priority where permitted, and never inherited. What is
 * refused is said, and the guard goes on without. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "supervisor/guard/guard.h"

#define STACK_BYTES (128 * 1024) /* far more than the deepest call uses */
#define NICE_HIGHEST (-20)

static void touch_stack(void)
{
    volatile char stack[STACK_BYTES];
    for (size_t at = 0; at < sizeof(stack); at += 1024) {
        stack[at] = 1;
    }
}

/* 0, or the errno of the least that was asked for. */
static int raise_priority(void)
{
    struct sched_param first = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};
    if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first) == 0) {
        return 0;
    }
    struct sched_param none = {.sched_priority = 0};
    (void)sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &none);
    return setpriority(PRIO_PROCESS, 0, NICE_HIGHEST) == 0 ? 0 : errno;
}

/* Without the permission the guard is killed like anybody else, and PostgreSQL with it. */
static void ask_to_be_spared(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t ignored = write(fd, "-1000", strlen("-1000"));
        (void)ignored;
        (void)close(fd);
    }
}

void footing_take(struct guard *g)
{
    touch_stack();
    if (mlockall(MCL_CURRENT) != 0) {
        tell_error(g, GUARD_UNLOCKED, errno);
    }
    int error = raise_priority();
    if (error != 0) {
        tell_error(g, GUARD_UNHURRIED, error);
    }
    ask_to_be_spared();
}

/* A fork locks nothing and takes the priority back; the OOM killer's grace stays. */
void footing_inherit(void)
{
    touch_stack();
    (void)mlockall(MCL_CURRENT); /* the guard has said it when this is refused */
    (void)raise_priority();
}
