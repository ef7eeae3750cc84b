/* supervisor/others.h - is there another member that could be primary, or lead, in place of this?
 *
 * Pure. By what the members say of themselves, so it decides only when this node gives a role back
 * that nobody can take from it; who gets it is for the election, which looks again (elect.h). */
#ifndef SUPERVISOR_OTHERS_H_
#define SUPERVISOR_OTHERS_H_

#include "supervisor/facts.h"

/* Another one could be primary, as far as it is known here. */
bool others_may_be(const struct facts *f);

/* ... at once: nothing is in the way of its election, which would choose it. The first primary of
 * all is not chosen by what it has. */
bool others_are_fit(const struct facts *f);

/* Somebody else who runs and may be primary has all that this one had when it ended: else the
 * election might take the old primary again. */
bool others_caught_up(const struct facts *f);

/* The candidate of the operator's wish, or somebody where it names none, streams from this node and
 * could go on in its place within moments. */
bool others_can_succeed(const struct facts *f);

/* Whom the operator wants to be primary with what it has is there for it: whatever only this node
 * has is given up. */
bool others_accepted(const struct facts *f);

#endif /* SUPERVISOR_OTHERS_H_ */
