/* supervisor/guard/scan_end.c - ends one process that a scan has found.
 *
 * The id may have passed to another process since it was read: the pidfd holds on to one, which is
 * then asked again. */
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "supervisor/guard/scan.h"

void scan_end(const struct scan_process *process, void *arg)
{
    const struct scan_target *target = (const struct scan_target *)arg;
    int fd = pidfd_open(process->pid, 0);
    if (fd < 0) {
        return; /* gone; or the next scan tries again */
    }
    struct scan_process again;
    if (scan_one(target, process->pid, &again)) {
        (void)pidfd_send_signal(fd, SIGKILL, NULL, 0); /* gone in between: the next scan tells */
    }
    (void)close(fd);
}
