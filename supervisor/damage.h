/* supervisor/damage.h - a standby whose copy of the data is of no use any more, for all that can be
 * known.
 *
 * Pure. Either PostgreSQL ends again and again before it takes a connection, though its
 * configuration can be read, or the very place is gone where its recovery would begin. What else
 * keeps it from starting (no library, no memory, another program at its port) looks the same from
 * outside as data that are damaged, so it takes its time, is done once for one primary, and only
 * where a new clone may be had and this copy proves nothing (proof.h). */
#ifndef SUPERVISOR_DAMAGE_H_
#define SUPERVISOR_DAMAGE_H_

#include "supervisor/facts.h"

#define DAMAGE_STARTS 5
#define DAMAGE_MIN_MS UINT64_C(30000) /* since the first of them; or three leases */
#define DAMAGE_LEASES 3
#define DAMAGE_TRIES_MAX 1 /* a clone that does not start either was not what was missing */

struct damage_book {
    uint64_t epoch;    /* of the primary, and ... */
    uint64_t copy;     /* ... the copy that was to follow it */
    enum damage found; /* also while that is taken apart */
    uint32_t tries;    /* clones for this primary that were no better */
};

/* What @f->back.damage is to be; @f without it. */
void damage_settle(struct damage_book *book, const struct facts *f, struct return_facts *out);

#endif /* SUPERVISOR_DAMAGE_H_ */
