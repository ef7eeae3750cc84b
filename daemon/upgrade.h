/* daemon/upgrade.h - `pgraftctl upgrade` (safety A8): the newly installed pgraftd takes this one's
 * place, and clients of PostgreSQL notice nothing.
 *
 *   asked --> CHECKS: the new program says that it can start with this configuration
 *         --> HANDS_OVER: raft leadership, if this node has it
 *         --> RENEWS: the lease is made longer, if this node is the primary (supervisor.h)
 *         --> READY: the owner closes everything, and becomes the new program (relaunch.h)
 *
 * Whatever is refused on the way leaves everything as it was. One loop, one thread. */
#ifndef DAEMON_UPGRADE_H_
#define DAEMON_UPGRADE_H_

#include <stdint.h>
#include <uv.h>

#include "consensus/pgraft.h"
#include "daemon/http.h"
#include "daemon/relaunch.h"
#include "supervisor/supervisor.h"

enum upgrade_state {
    UPGRADE_IDLE, /* nobody asked, or it was refused: @err says why */
    UPGRADE_CHECKS,
    UPGRADE_HANDS_OVER,
    UPGRADE_RENEWS,
    UPGRADE_IS_READY,
};

struct upgrade {
    uv_loop_t *loop;
    struct pgraft *store;
    struct supervisor *supervisor;
    struct relaunch *relaunch;
    void (*ready)(void *owner); /* close everything */
    void *owner;
    enum upgrade_state state;
    uint64_t began_ms; /* this life of the program, CLOCK_BOOTTIME */
    struct err err;
    struct buf said; /* by the new program */
    struct upgrade_check *check;
    uint64_t left_ms; /* of the lease, when it was ready */
};

void upgrade_open(struct upgrade *u, uv_loop_t *loop);
/* What is asked of it ends. The loop has to run once more. */
void upgrade_close(struct upgrade *u);
/* ERR_BUSY: one is under way. */
int upgrade_begin(struct upgrade *u, struct err *err);
/* For HTTP. */
struct http_upgrade upgrade_door(struct upgrade *u);

#endif /* DAEMON_UPGRADE_H_ */
