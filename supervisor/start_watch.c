/* supervisor/start_watch.c - one inotify watch, good for one event. */
#include "supervisor/start_watch.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

int start_watch_open(struct start_watch *watch, struct err *err)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    *watch = (struct start_watch){.is_open = fd >= 0, .fd = fd};
    return fd >= 0 ? 0 : err_errno(err, errno, "watch the starts of PostgreSQL");
}

void start_watch_close(struct start_watch *watch)
{
    if (watch->is_open) {
        (void)close(watch->fd); /* nothing was written */
        watch->is_open = false;
    }
}

/* That a watch has ended is an event as well. */
static bool is_opening(const char *bytes, size_t size)
{
    bool is_seen = false;
    struct inotify_event event;
    for (size_t at = 0; at + sizeof(event) <= size; at += sizeof(event) + event.len) {
        memcpy(&event, bytes + at, sizeof(event));
        is_seen = is_seen || (event.mask & IN_OPEN) != 0;
    }
    return is_seen;
}

bool start_watch_take(const struct start_watch *watch)
{
    char bytes[4096];
    bool is_seen = false;
    ssize_t size = 0;
    do {
        size = read(watch->fd, bytes, sizeof(bytes));
        is_seen = is_seen || (size > 0 && is_opening(bytes, (size_t)size));
    } while (size > 0 || (size < 0 && errno == EINTR));
    return is_seen;
}

int start_watch_arm(const struct start_watch *watch, const char *data_dir, struct err *err)
{
    CLEANUP(mem_freep) char *path = mem_printf("%s/pg_wal", data_dir);
    if (!watch->is_open) {
        return err_set(err, ERR_SYSTEM, "starts are not watched");
    }
    /* Of one: it may run for years, and open a file of WAL each second. */
    int id = inotify_add_watch(watch->fd, path, IN_OPEN | IN_ONESHOT | IN_ONLYDIR);
    int error = errno;
    (void)start_watch_take(watch);
    if (id < 0 && error == ENOSPC) { /* its text speaks of a disk */
        return err_set(err, ERR_SYSTEM, "%s: fs.inotify.max_user_watches is used up", path);
    }
    return id >= 0 ? 0 : err_errno(err, error, "%s", path);
}
