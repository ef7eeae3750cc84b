/* supervisor/words.h - what a node says of itself to all others, and what it makes of theirs.
 *
 * Soft state (pgraft_publish()): carried on heartbeats, never in the log, read with its age. It is
 * the node's consensus thread that stands by it, also while the rest of the program hangs; so a
 * number in it goes on as long as the supervisor is well, and words whose number stands still are
 * as old as that. Pure: times are handed in.
 *
 * A table remembers, for as long as it lives, the furthest position that any primary has told
 * (safety C5). */
#ifndef SUPERVISOR_WORDS_H_
#define SUPERVISOR_WORDS_H_

#include "base/buf.h"
#include "base/err.h"
#include "consensus/pgraft.h"
#include "supervisor/facts.h"
#include "supervisor/roster.h"

#define WORDS_BEAT_MS 500    /* so often the number goes on */
#define WORDS_SILENT_MS 1700 /* ... or the supervisor of that node hangs */
#define WORDS_CARD_SIZE 2048

struct words {
    uint64_t beat;
    struct member_facts facts;  /* but is_fresh and is_voter, which the reader knows */
    char card[WORDS_CARD_SIZE]; /* a JSON object for people and their tools; "": none. It decides
                                   nothing */
};

/* ERR_TOO_LARGE: it does not fit into soft state; without its card it does. */
int words_encode(const struct words *words, struct buf *out);
/* Strict. Without @with_card the card is not looked at. */
int words_decode(const void *bytes, size_t size, bool with_card, struct words *out,
                 struct err *err);

/* ---- the others ---- */

struct words_heard {
    uint64_t member; /* 0: nobody */
    bool is_sound;
    uint64_t beat_at_ms; /* when the number was last seen to go on */
    uint64_t heard_at_ms;
    uint64_t age_ms; /* then */
    size_t size;
    unsigned char bytes[PGRAFT_SOFT_MAX];
    struct words words;
};

struct words_table {
    bool with_cards;
    struct words_heard at[FACTS_MEMBERS_MAX];
    struct position seen;
    uint64_t seen_at_ms;
};

/* What is known of one member now. */
void words_table_hear(struct words_table *t, uint64_t now_ms, const struct pgraft_soft *soft);
/* The primary's last position that was heard of by this node itself, or by its own words. */
void words_table_see(struct words_table *t, uint64_t now_ms, const struct position *at);
/* NULL: nothing was ever heard of @member. */
const struct words_heard *words_table_of(const struct words_table *t, uint64_t member);
/* Forgets who is none of @roster. */
void words_table_keep(struct words_table *t, const struct roster *roster);
/* One entry for each of @roster, in its order; of whom nothing was heard only the name. */
void words_table_members(const struct words_table *t, uint64_t now_ms, const struct roster *roster,
                         uint64_t fresh_ms, struct member_facts *out, uint32_t *ret_count);

/* For decide(): of itself a node hears nothing, and it is alive. Not for the advisor, which takes
 * this node's words like everybody's. */
void words_mark_own(struct member_facts *members, uint32_t count, const struct facts_name *self);

#endif /* SUPERVISOR_WORDS_H_ */
