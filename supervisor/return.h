/* supervisor/return.h - how a node that is not primary comes back to the one that is.
 *
 * Pure. The ladder (design, chapter 8), each rung only where the one before can not do:
 *
 *   follow -> restore from the archive -> rewind -> clone again
 *
 * What a rewind or a clone would discard is put aside first, neither is done without a primary that
 * has the lease and has recorded its timeline, and never to the copy that was granted the role. */
#ifndef SUPERVISOR_RETURN_H_
#define SUPERVISOR_RETURN_H_

#include "supervisor/facts.h"

enum return_step {
    RETURN_WAIT,
    RETURN_FOLLOW,
    RETURN_RESTORE,  /* restore_command first, then follow */
    RETURN_KEEP_WAL, /* put aside what is about to be discarded */
    RETURN_REWIND,
    RETURN_CLONE,
};

struct return_plan {
    enum return_step step;
    bool needs_stop; /* PostgreSQL must not run for it */
    const char *why; /* a static sentence */
};

/* In a standby cluster its leader is followed, and it follows the other cluster, which all of them
 * are rewound by, and it is cloned of. */
struct return_plan return_plan(const struct facts *f);

/* Whoever was granted the role last has recorded its timeline, and by its own words is primary; or
 * they are still those of just before, when it had sealed itself for this very epoch. */
bool return_is_primary(const struct facts *f);
/* There is a primary, or the leader of a standby cluster, that may be followed: it has the lease
 * and has recorded its timeline, and this node has promised nothing newer. */
bool return_has_primary(const struct facts *f);

/* One more restart in place is within the budget (issue: crash loops). */
bool return_may_restart(const struct facts *f);

#endif /* SUPERVISOR_RETURN_H_ */
