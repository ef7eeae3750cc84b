/* daemon/patroni_restart.h - what a request for a restart of this node's PostgreSQL asks for, and
 * whether its conditions hold. Pure; statuses and texts are Patroni's. */
#ifndef DAEMON_PATRONI_RESTART_H_
#define DAEMON_PATRONI_RESTART_H_

#include <stdint.h>

#include <jansson.h>

#include "supervisor/cluster_view.h"

struct restart_verdict {
    unsigned status; /* 0: it is to be done */
    char text[256];  /* of a refusal; one line */
    uint64_t timeout_ms;
};

/* @body: an object, maybe empty. */
void restart_judge(json_t *body, const struct cluster_view *view,
                   struct restart_verdict *ret_verdict);

#endif /* DAEMON_PATRONI_RESTART_H_ */
