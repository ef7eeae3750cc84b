/* daemon/reap.c - the duty of process 1: to wait for orphans, so that none stays a zombie.
 *
 * Everything that has ended is waited for: this program has no children of its own that somebody
 * else in it would wait for. */
#include "daemon/reap.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void reap_all(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0) {
        /* it is gone */
    }
}

static void on_child(uv_signal_t *handle, int number)
{
    (void)handle;
    (void)number;
    reap_all();
}

int reap_open(struct reap *reap, uv_loop_t *loop, struct err *err)
{
    if (getpid() != 1) {
        return 0;
    }
    int rv = uv_signal_init(loop, &reap->on_child);
    reap->is_open = rv == 0;
    rv = rv != 0 ? rv : uv_signal_start(&reap->on_child, on_child, SIGCHLD);
    if (rv != 0) {
        return err_errno(err, -rv, "uv_signal");
    }
    reap_all(); /* who ended before this */
    return 0;
}

void reap_close(struct reap *reap)
{
    if (reap->is_open) {
        uv_close((uv_handle_t *)&reap->on_child, NULL);
        reap->is_open = false;
    }
}
