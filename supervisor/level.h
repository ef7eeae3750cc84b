/* supervisor/level.h - the replicated feature level: may it go up, and how far?
 *
 * Members of two versions may run side by side. What only the newer one understands is not used
 * before every member does: each tells in its words the highest level that its program knows, the
 * raft leader's advisor raises the level in force when all have told a higher one for a while, and
 * it never goes down. A program that knows less than the level in force can not apply the entry
 * that raised it, and takes no part (consensus/core_state.c). Pure: times are handed in. */
#ifndef SUPERVISOR_LEVEL_H_
#define SUPERVISOR_LEVEL_H_

#include "supervisor/roster.h"

/* All have told it for so long in one: longer than the words of a program count that was replaced
 * by an older one meanwhile (words.h). */
#define LEVEL_SETTLE_MS 3000

/* With this level come: */
#define LEVEL_FENCE 2   /* the keys of fence.h */
#define LEVEL_STANDBY 2 /* grants of the lead of a standby cluster (rows.h) */

/* The lowest that is told by the members of @ids, which is all there are, whatever their role. 0:
 * one of them has not been heard lately, or is not in @roster. @members: one for each of @roster.
 */
uint64_t level_of_all(const struct roster *roster, const struct member_facts *members,
                      const uint64_t *ids, uint32_t count);

struct level_wait {
    uint64_t level; /* told by all; 0: no higher one than that in force */
    uint64_t since_ms;
};

/* To which level it goes now; 0: to none. Begin with a zeroed @wait. */
uint64_t level_due(struct level_wait *wait, uint64_t now_ms, uint64_t in_force, uint64_t of_all);

#endif /* SUPERVISOR_LEVEL_H_ */
