/* supervisor/damage.h - a standby whose copy of the data is of no use any more, for all that can be
 * known.
 *
 * Pure. Either PostgreSQL ends again and again before it takes a connection, though its
 * configuration can be read and it had begun to read its data (start_watch.h), or the very place is
 * gone where its recovery would begin. What else ends it while it recovers (parameters below the
 * primary's, no memory, a full disk) looks the same from outside as data that are damaged, and may
 * do so on all nodes at once. So of the first kind only one node at a time gives its copy up, while
 * another standby follows the primary, after some time, once for one primary, and only where a new
 * clone may be had and this copy proves nothing (proof.h). Where there is no other standby it is
 * left to a person: the primary's would be the only copy for as long as a clone takes. */
#ifndef SUPERVISOR_DAMAGE_H_
#define SUPERVISOR_DAMAGE_H_

#include "supervisor/facts.h"

#define DAMAGE_STARTS 5
#define DAMAGE_MIN_MS UINT64_C(30000) /* since the first of them; or three leases */
#define DAMAGE_LEASES 3
#define DAMAGE_TRIES_MAX 1 /* a clone that does not start either was not what was missing */
/* For words to be said and heard, and twice as long as they count as fresh. */
#define DAMAGE_ASK_MS UINT64_C(2000)

struct damage_book {
    uint64_t epoch;    /* of the primary, and ... */
    uint64_t copy;     /* ... the copy that was to follow it */
    enum damage found; /* also while that is taken apart */
    uint32_t tries;    /* clones for this primary that were no better */
    bool asks;         /* it would give its copy up, and says so ... */
    uint64_t asks_since_ms;
    uint32_t starts; /* in vain, when it was not its turn last */
};

/* What @f->back says of damage, and of what it tells the others; @f without it. */
void damage_settle(struct damage_book *book, const struct facts *f, uint64_t now_ms,
                   struct return_facts *out);
/* PostgreSQL ends again and again before it takes a connection, though its configuration can be
 * read and it had begun to read its data. */
bool damage_never_starts(const struct facts *f);
/* For people: "" if it waits for nothing. */
const char *damage_wait_text(enum damage_wait wait);

#endif /* SUPERVISOR_DAMAGE_H_ */
