/* supervisor/source.h - from whom a standby takes its WAL, and whose data a new copy is made of.
 *
 * Pure. Without tags that is the primary. `replicatefrom` names a member to stream from instead, as
 * long as that one is a standby which has the WAL of this very primary, by its own words; else it
 * is the primary again. `nostream` takes it from nobody: restore_command has to bring it. A copy is
 * made of one of the members that are tagged `clonefrom`, or of the primary.
 *
 * Who streams from a standby acknowledges nothing to the primary, so it may count for no commit: it
 * goes there only when what is published lists its copy no more, and says before that it is none to
 * be listed (own_words.h). Nodes whose tags name one another in a ring all follow the
 * primary. */
#ifndef SUPERVISOR_SOURCE_H_
#define SUPERVISOR_SOURCE_H_

#include "supervisor/facts.h"

/* It is tagged to follow a standby that may be followed now: it is to be listed in no set. */
bool source_is_able(const struct facts *f);
/* ... and no set lists it. */
bool source_is_free(const struct facts *f);

/* A standby that falters for a moment is not left at once, and one that has come back has to stay
 * for a while. With another primary all begins anew. */
#define SOURCE_IN_MS 2000
#define SOURCE_OUT_MS 3000
struct source_book {
    uint64_t epoch;
    struct facts_name wanted;
    bool is_settled;
    uint64_t other_ms; /* since when it should be the other way; 0: it should not */
};
/* What f->source.is_settled is to be; @f without it. */
bool source_settle(struct source_book *book, const struct facts *f, uint64_t now_ms);

/* Whom primary_conninfo is to name while there is a primary; "": nobody. Who leads a standby
 * cluster takes it from the other one, whatever it is tagged. */
const struct facts_name *source_of(const struct facts *f);

/* Whom to make a copy of: any one of those that are tagged for it, by @draw, or the primary; the
 * primary too with @is_again, for a copy has failed before. */
const struct facts_name *source_for_clone(const struct facts *f, uint64_t draw, bool is_again);

#endif /* SUPERVISOR_SOURCE_H_ */
