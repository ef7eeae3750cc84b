/* supervisor/sync_set.h - in which order synchronous_standby_names and what the store says of it
 * change.
 *
 * A pure step function (safety B2, C3, C4). At every moment the store names each set that a commit
 * may have waited for:
 *
 *     published [A]      in force A     a new set B is wanted
 *     published [A, B]   in force A     before B is applied
 *     published [A, B]   in force B     read back from every process
 *     published [B]      in force B     once enough of B have flushed all that A acknowledged
 *
 * Where B has the names of A, and a copy is another one because that standby was cloned or rewound
 * anew, both are the same text: then nothing is applied, and the rest is the same.
 *
 * Where a synchronous mode waits for nobody (no standby streams, and it is not strict), no set at
 * all is published: only the primary's own copy proves then, and nobody else is eligible.
 *
 * A new primary begins behind the fence, where nothing is acknowledged: it publishes its first set
 * when enough of it have all that was ever acknowledged, and only then applies it. A crash between
 * any two steps leaves a state from which the next look goes on.
 *
 * Whoever publishes compares store.sync_revision as it was when this was asked: a request that was
 * repeated, or is late, must not bring an older value back. */
#ifndef SUPERVISOR_SYNC_SET_H_
#define SUPERVISOR_SYNC_SET_H_

#include "supervisor/facts.h"

enum sync_step {
    SYNC_STEP_NONE, /* all is as wanted */
    SYNC_STEP_WAIT,
    SYNC_STEP_PUBLISH, /* as the holder of the lease: @publish */
    SYNC_STEP_APPLY,   /* reload with @apply and read it back from every process */
};

struct sync_plan {
    enum sync_step step;
    const char *why; /* a static sentence */
    struct sync_value publish;
    uint64_t revision; /* of what it replaces */
    struct sync_set apply;
};

/* Of a primary that holds the lease. */
struct sync_plan sync_plan(const struct facts *f);

/* What a new primary writes along with the record of its timeline, before anybody follows it: it
 * was chosen with everything that was ever acknowledged, so from now on its copy proves alone,
 * beside the sets of before, whose copies may now rewind or clone from it; and beside the copy of
 * the primary of before, for nothing is acknowledged until this one publishes a set of its own. So
 * it does that even where it wants the very set that is there: its own drops all others. */
struct sync_value sync_inherit(const struct facts *f);

/* The set that is wanted now; false: to be waited for. */
bool sync_goal(const struct facts *f, struct sync_set *ret_goal);

#endif /* SUPERVISOR_SYNC_SET_H_ */
