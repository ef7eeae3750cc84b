/* supervisor/stuck.h - a standby that follows and never streams, though nothing keeps it from it;
 * and one of a standby cluster that never comes up.
 *
 * Pure. PostgreSQL knows why, and says it in its log alone: the primary may lack a history file, or
 * the WAL here may be of no use to it. What can be known from outside is that it is told to follow
 * the primary of now, has replayed all that it has, goes no step forward, and that the primary lets
 * a replication connection from here in and keeps the slot for it. If that lasts, following is not
 * the rung that helps (return.h). A delay, a conflict with a query, a pause or a refusal is nothing
 * that a rewind or a clone would cure, and none of them counts. */
#ifndef SUPERVISOR_STUCK_H_
#define SUPERVISOR_STUCK_H_

#include "supervisor/facts.h"

#define STUCK_MIN_MS UINT64_C(30000) /* or three leases */
#define STUCK_LEASES 3
#define STUCK_ARCHIVE_TIMES 4 /* as long where restore_command may be fetching a segment */
#define STUCK_FALLS_MAX 2     /* one rung each; what does not help twice is not done again */

struct stuck_book {
    uint64_t epoch;     /* of the primary, and ... */
    uint64_t copy;      /* ... the copy that was to follow it */
    struct position at; /* it stands there, ... */
    uint64_t still_ms;  /* ... for so long, not counting what is not known of it */
    uint64_t looked_ms; /* the last look at it */
    bool is_stuck;      /* also while it is down for the next rung */
    uint32_t starts;    /* in vain, when it was last stuck for them */
    uint32_t falls;     /* rungs that were done for this primary, and it has not streamed since */
};

/* What @f->back.still_ms, is_stuck and falls are to be; @f without them. */
void stuck_settle(struct stuck_book *book, const struct facts *f, uint64_t now_ms,
                  struct return_facts *out);
/* A rung could not be done: it goes on as a standby, and time begins anew. */
void stuck_forgive(struct stuck_book *book);

#endif /* SUPERVISOR_STUCK_H_ */
