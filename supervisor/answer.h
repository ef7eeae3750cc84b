/* supervisor/answer.h - the two words of a member for which clients wait, through the store.
 *
 * Soft state waits for the next heartbeat, once on each way. Two things are told sooner as well, by
 * an entry, which the others see as soon as it is committed: that a standby has sealed itself, and
 * where its WAL ends; and that it follows a new primary, and how far it is. Some entries for each
 * change of the primary, none at any other time.
 *
 * An answer tells what lasts, for this copy and epoch: a seal is durable and nothing moves its end,
 * and what was flushed stays. So it adds to soft state and never stands against it: the member must
 * be heard, with the same copy, and what soft state says of the same epoch counts.
 *
 * The book is pure; the other half has the thread and life of store_view.h. */
#ifndef SUPERVISOR_ANSWER_H_
#define SUPERVISOR_ANSWER_H_

#include "supervisor/keys.h"
#include "supervisor/words.h"

struct answer {
    struct facts_name name;
    uint64_t revision;
    uint64_t at_ms; /* when this node saw it */
    bool is_sound;
    struct member_facts facts;
};

struct answer_book {
    uint32_t count;
    struct answer at[FACTS_MEMBERS_MAX];
};

/* The key of @name is this now; NULL: it is not there. */
void answer_take(struct answer_book *book, const struct facts_name *name,
                 const struct pgraft_pair *pair, uint64_t now_ms);
/* For an election: who has sealed for the order that stands. */
void answer_seals(const struct answer_book *book, const struct store_facts *store,
                  struct member_facts *members, uint32_t count);
/* For a primary behind its fence: who follows it, and how far that is. Soft state says the same
 * soon, or an answer was true for a moment only: it counts no longer than that takes. */
void answer_follows(const struct answer_book *book, const struct store_facts *store,
                    uint64_t now_ms, struct member_facts *members, uint32_t count);

/* ---- one's own ---- */

struct answering {
    struct pgraft *store;
    const struct keys *keys;
    bool is_pending;
    uint64_t sealed_epoch;       /* the last that was told */
    uint64_t follows_epoch;      /* the same, ... */
    uint32_t follows_count;      /* ... so many times, ... */
    struct position follows_end; /* ... and then as far as this, ... */
    uint64_t follows_ms;         /* ... at this time */
};

void answering_open(struct answering *a, struct pgraft *store, const struct keys *keys);
/* @own as soft state says it. */
void answering_say(struct answering *a, uint64_t now_ms, const struct store_facts *store,
                   bool is_synchronous, const struct member_facts *own);

#endif /* SUPERVISOR_ANSWER_H_ */
