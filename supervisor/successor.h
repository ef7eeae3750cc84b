/* supervisor/successor.h - is somebody there to whom a primary could leave its role?
 *
 * Pure, and only of members other than this node. Each question is of another moment: what is
 * enough to wait for somebody is not enough to end a primary for. The choice itself is the
 * election's (elect.h). */
#ifndef SUPERVISOR_SUCCESSOR_H_
#define SUPERVISOR_SUCCESSOR_H_

#include "supervisor/facts.h"

/* It could be primary, as far as it is known here. */
bool successor_is_there(const struct facts *f);
/* ... at once, and the election would choose it. The first primary of all is not chosen by what it
 * has; in a pause nobody is chosen. */
bool successor_is_fit(const struct facts *f);
/* It streams, and what it lacks is a matter of moments; whom an operator has named, if anybody. */
bool successor_streams(const struct facts *f);
/* It runs, may be primary and has all that this one had: else the election might take the old
 * primary again. */
bool successor_has_all(const struct facts *f);
/* Whom an operator wants to be primary with what it has is there for it: whatever only this node
 * has is given up. */
bool successor_is_accepted(const struct facts *f);

#endif /* SUPERVISOR_SUCCESSOR_H_ */
