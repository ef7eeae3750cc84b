/* consensus/admit.h - the next step of a wish about the membership, or why there is none (safety
 * D4).
 *
 *   join:     (nobody) --> spare --> standby --> caught up --> voter
 *   replace:  the same under the name of another id, and then that one goes
 *   remove, demote: one step; a leader hands leadership over first
 *
 * There is no plan that could be lost with a leader: whoever leads looks at the membership as it
 * is, takes the next step, and is asked again until nothing is left to do. Pure: no clock, no I/O.
 */
#ifndef CONSENSUS_ADMIT_H_
#define CONSENSUS_ADMIT_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "consensus/engine.h"
#include "proto/member.h"
#include "proto/peer.h"

struct admit_member {
    uint64_t id;
    enum member_role role;
    struct member_info info;
    uint64_t silence_ms; /* on the leader's clock, since its election at most; of itself: 0 */
    bool holds_lease;
};

/* The cluster as its leader sees it. */
struct admit_world {
    uint64_t leader;
    uint64_t alive_ms;       /* who was silent for longer does not count for a majority */
    uint64_t replace_ms;     /* who was silent for so long may be replaced by itself */
    unsigned int voters_max; /* beyond it a database host joins without a vote */
    size_t count;
    struct admit_member at[MEMBERS_MAX];
};

struct admit_wish {
    enum join_wish wish;
    uint64_t subject;
    bool wants_vote;
    bool at_once;            /* an operator: do not wait for the one to be replaced */
    struct member_info info; /* JOIN_IN */
};

enum admit_action {
    ADMIT_NOTHING, /* all is as wished, but for what err says */
    ADMIT_REFUSE,  /* err says why; asking again may help */
    ADMIT_ADD,
    ADMIT_DESCRIBE, /* another address or site */
    ADMIT_TO_STANDBY,
    ADMIT_PROMOTE, /* when it has caught up */
    ADMIT_REMOVE,
    ADMIT_HAND_OVER, /* leadership, to that member */
};

struct admit_step {
    enum admit_action action;
    uint64_t id; /* whom it is done to */
};

struct admit_step admit_next(const struct admit_world *world, const struct admit_wish *wish,
                             struct err *err);

/* How long a member must have been out of contact before it is replaced by itself. */
uint64_t admit_replace_ms(uint64_t lease_ms, uint64_t replace_after_ms);

#endif /* CONSENSUS_ADMIT_H_ */
