/* supervisor/seal.h - the next step of a standby that seals itself (safety C1).
 *
 * Pure, and without memory: the step follows from what is seen now, so a sequence that was cut off
 * goes on where it was. The order is the rule: the note is durable before anything else, and the
 * position is read when nothing can move it any more.
 *
 *   note the epoch -> empty primary_conninfo -> end the receiver -> look again -> read the end
 *                        '-> refused, in vain: end PostgreSQL ---------------------'
 *
 * A PostgreSQL that refuses its configuration can not be cut off as it runs. It is ended, with
 * files that name nobody: its answer is wanted, and it could not lift a fence either. So is one
 * that was told several times in vain, where its refusal can not be seen: no seal waits for ever.
 *
 * A standby whose fence somebody has taken away (ALTER SYSTEM) is not sealed before it stands
 * again: once promoted it would acknowledge writes before anything is recorded (safety B2).
 *
 * Where PostgreSQL does not run there is no receiver, and the end is read from its files. */
#ifndef SUPERVISOR_SEAL_H_
#define SUPERVISOR_SEAL_H_

#include "supervisor/facts.h"

enum seal_step {
    SEAL_DONE, /* from now on it acknowledges nothing to an older epoch, and its end stands still */
    SEAL_NOTE,
    SEAL_EMPTY_CONNINFO,
    SEAL_STOP,
    SEAL_END_RECEIVER,
    SEAL_LOOK_AGAIN,
    SEAL_READ_END,
};

enum seal_step seal_next(const struct pg_facts *pg, uint64_t epoch);

#endif /* SUPERVISOR_SEAL_H_ */
