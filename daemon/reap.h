/* daemon/reap.h - the duty of process 1: to wait for orphans, so that none stays a zombie.
 *
 * In a container pgraftd may be process 1, and gets every process whose parent is gone, such as
 * what somebody has started with "docker exec". */
#ifndef DAEMON_REAP_H_
#define DAEMON_REAP_H_

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <uv.h>

#include "base/err.h"

#define REAP_SEEN_MAX 64 /* that become orphans between two looks, and more come later */

struct reap {
    uv_signal_t on_child;
    uv_timer_t look;
    pid_t seen[REAP_SEEN_MAX]; /* zombies at the last look */
    size_t seen_count;
    bool is_open;
};

/* Does nothing unless this is process 1. A zeroed struct is closed. */
int reap_open(struct reap *reap, uv_loop_t *loop, struct err *err);
void reap_close(struct reap *reap);

#endif /* DAEMON_REAP_H_ */
