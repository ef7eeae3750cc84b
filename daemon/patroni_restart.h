/* daemon/patroni_restart.h - what a request for a restart of this node's PostgreSQL asks for: now,
 * if its conditions hold, or later. Pure; statuses and texts are Patroni's. */
#ifndef DAEMON_PATRONI_RESTART_H_
#define DAEMON_PATRONI_RESTART_H_

#include <stdint.h>

#include <jansson.h>

#include "supervisor/restart_order.h"

struct restart_verdict {
    unsigned status; /* 0: it is to be done */
    char text[256];  /* of a refusal; one line */
    struct restart_order order;
};

/* @body: an object, maybe empty. */
void restart_judge(json_t *body, const struct cluster_view *view, uint64_t wall_ms,
                   struct restart_verdict *ret_verdict);

#endif /* DAEMON_PATRONI_RESTART_H_ */
