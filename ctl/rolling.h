/* ctl/rolling.h - in which order the PostgreSQL of a whole cluster is restarted, one at a time.
 *
 * Pure. Five parameters size what a standby needs to replay the primary's WAL, so none may be
 * smaller there: where one of them is raised standbys come first, where one is lowered the primary
 * does. The primary's own restart is a switchover, if it can be: its clients wait for less. Not
 * where something is lowered: who takes over would still run with the larger value. */
#ifndef CTL_ROLLING_H_
#define CTL_ROLLING_H_

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"

/* What a restart of the primary would change of the five. */
struct rolling_change {
    bool raises;
    bool lowers;
    const char *which; /* one of them, for people; NULL: none, or it is not known */
};

/* Of the primary's pending_restart_reason; @is_pending without reasons: everything may be. */
struct rolling_change rolling_change_of(bool is_pending, json_t *reasons);

struct rolling_member {
    const char *name;
    bool leads;
    bool is_due;
};

struct rolling {
    const struct rolling_member *members;
    size_t count;
    struct rolling_change change;
    bool can_switch; /* somebody could take over */
};

enum rolling_kind {
    ROLLING_STANDBY, /* it is restarted */
    ROLLING_IN_PLACE,
    ROLLING_SWITCHOVER, /* it gives its role away, and starts as a standby */
};

struct rolling_step {
    enum rolling_kind kind;
    const char *name;
};

#define ROLLING_STEPS_MAX(members) (2 * (members))

/* How many; @steps has room for ROLLING_STEPS_MAX(count). */
size_t rolling_order(const struct rolling *rolling, struct rolling_step *steps);
/* "restart pg2", ... */
void rolling_put(struct buf *out, const struct rolling_step *step);

#endif /* CTL_ROLLING_H_ */
