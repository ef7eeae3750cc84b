/* supervisor/guard/upgrade.c - the running guard becomes the newly installed program.
 *
 * An exec keeps the process: the postmaster's parent does not change, so its PDEATHSIG stays asleep
 * (safety B6), and children, descriptors and blocked signals stay. Options, state and the numbers
 * of the descriptors are handed over in a memory file. The new program was asked before whether it
 * reads this version of them (--resumes); when the exec fails the old one goes on. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "supervisor/guard/guard.h"

#define MAGIC UINT64_C(0x70677261662d7570) /* "pgraf-up" */

struct handover {
    uint64_t magic;
    uint64_t size; /* of this struct: of another version it differs */
    struct guard_options options;
    struct guard_state state;
    int descriptors[8];
    bool has_hello;
    char upgrade_path[PATH_MAX];
    uint32_t upgrade_id;
    uint32_t sum; /* of everything before it */
};

static struct handover handover;

static int *place_of(struct guard *g, size_t i)
{
    int *const places[] = {&g->driver_fd, &g->listen_fd, &g->lock_fd, &g->inotify_fd,
                           &g->pid_fd,    &g->page_fd,   &g->log_fd,  &g->cgroup_fd};
    _Static_assert(sizeof(places) / sizeof(places[0]) ==
                       sizeof(handover.descriptors) / sizeof(handover.descriptors[0]),
                   "each has its place");
    return places[i];
}

#define DESCRIPTORS (sizeof(handover.descriptors) / sizeof(handover.descriptors[0]))

static void keep_open(int fd, bool keep)
{
    if (fd >= 0) {
        (void)fcntl(fd, F_SETFD, keep ? 0 : FD_CLOEXEC);
    }
}

static uint32_t sum_of(const struct handover *h)
{
    return crc32c(h, offsetof(struct handover, sum));
}

static int write_handover(struct guard *g)
{
    memset(&handover, 0, sizeof(handover));
    handover.magic = MAGIC;
    handover.size = sizeof(handover);
    handover.options = g->options;
    handover.state = g->state;
    handover.has_hello = g->has_hello;
    memcpy(handover.upgrade_path, g->upgrade_path, sizeof(handover.upgrade_path));
    handover.upgrade_id = g->upgrade_id;
    for (size_t i = 0; i < DESCRIPTORS; i++) {
        handover.descriptors[i] = *place_of(g, i);
    }
    handover.sum = sum_of(&handover);
    int fd = memfd_create("pgraft-guard-state", 0);
    if (fd >= 0 && (write(fd, &handover, sizeof(handover)) != (ssize_t)sizeof(handover) ||
                    lseek(fd, 0, SEEK_SET) != 0)) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

void upgrade_now(struct guard *g)
{
    int fd = write_handover(g);
    int error = errno;
    if (fd >= 0) {
        char word[32];
        (void)snprintf(word, sizeof(word), "--resume=%d", fd);
        char *const words[] = {g->upgrade_path, word, NULL};
        char *const none[] = {NULL};
        for (size_t i = 0; i < DESCRIPTORS; i++) {
            keep_open(*place_of(g, i), true);
        }
        watch_end(g);
        (void)execve(g->upgrade_path, words, none);
        error = errno;
        for (size_t i = 0; i < DESCRIPTORS; i++) {
            keep_open(*place_of(g, i), false);
        }
        (void)close(fd);
        watch_again(g);
    }
    tell_answer(g, GUARD_REFUSED, g->upgrade_id, GUARD_NO_UPGRADE, error);
}

int upgrade_resume(struct guard *g, int state_fd)
{
    ssize_t size = read(state_fd, &handover, sizeof(handover));
    (void)close(state_fd);
    if (size != (ssize_t)sizeof(handover) || handover.magic != MAGIC ||
        handover.size != sizeof(handover) || handover.sum != sum_of(&handover)) {
        errno = EINVAL;
        return -1;
    }
    g->options = handover.options;
    g->state = handover.state;
    g->has_hello = handover.has_hello;
    g->upgrade_id = handover.upgrade_id;
    for (size_t i = 0; i < DESCRIPTORS; i++) {
        *place_of(g, i) = handover.descriptors[i];
        keep_open(handover.descriptors[i], false);
    }
    int page_fd = g->page_fd;
    g->page_fd = -1;
    if (page_fd >= 0 && !driver_take_page(g, page_fd)) {
        return -1;
    }
    return 0;
}
