/* daemon/patroni_switch.h - what a request for another primary comes to: refused, with Patroni's
 * status and words, or a wish for the store. Pure.
 *
 * A switchover leaves a primary that is named and is well; a failover names who is to be primary,
 * whoever was. Here nothing but the wish differs: what may be lost by it is the election's business
 * either way (docs/supervisor.md). During a pause Patroni carries out a switchover to a candidate
 * that is named; here nobody is granted the role then, so it is refused; but for a failover that
 * accepts any loss, which is put for the moment when the pause is over: who restores a backup by
 * hand pauses the cluster for that. */
#ifndef DAEMON_PATRONI_SWITCH_H_
#define DAEMON_PATRONI_SWITCH_H_

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/cluster_view.h"
#include "supervisor/rows.h"

struct switch_request {
    bool is_failover;
    const char *leader;       /* NULL, of all three: not given */
    const char *candidate;    /* "member", as older clients call it */
    const char *scheduled_at; /* as it was sent */
    bool accepts_loss;        /* the candidate is to be primary with what it has */
};

struct switch_verdict {
    unsigned status; /* 0: @wish is to be put */
    char text[256];  /* of a refusal; one line */
    struct row_failover wish;
};

void switch_judge(const struct switch_request *request, const struct cluster_view *view,
                  uint64_t wall_ms, struct switch_verdict *ret_verdict);

#endif /* DAEMON_PATRONI_SWITCH_H_ */
