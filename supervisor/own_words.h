/* supervisor/own_words.h - what a node says of itself to the others, out of what it has seen.
 *
 * Pure. These words travel as soft state (words.h), and elect() and everybody's decide() read them:
 * nothing is said that was not seen. */
#ifndef SUPERVISOR_OWN_WORDS_H_
#define SUPERVISOR_OWN_WORDS_H_

#include "supervisor/facts.h"

/* The node's own marks: tags of the configuration. */
struct own_tags {
    bool is_database;
    bool nofailover, nosync;
    int32_t failover_priority;
    bool clonefrom, nostream;
    struct facts_name replicatefrom; /* "": the primary */
};

/* What @f lets this node say. @seen: the furthest of a primary that it knows of, of @seen_age_ms
 * ago. False: a database of which nothing was seen yet says nothing. */
bool own_words_fill(const struct facts *f, const struct own_tags *tags, const struct position *seen,
                    uint64_t seen_age_ms, struct member_facts *out);

#endif /* SUPERVISOR_OWN_WORDS_H_ */
