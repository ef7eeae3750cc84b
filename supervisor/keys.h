/* supervisor/keys.h - where what lies in the store: the keys under /<namespace>/<scope>/.
 *
 * Patroni's names where Patroni has one and other tools look; what it does not know stands below
 * pgraft/. Whoever writes one of them by hand is told so by docs/keys.md. */
#ifndef SUPERVISOR_KEYS_H_
#define SUPERVISOR_KEYS_H_

#include <stdbool.h>

#include "consensus/pgraft.h"
#include "supervisor/facts.h"

/* The lease of the primary's role: always the same one, so that no second can be granted while it
 * stands, whatever else goes wrong. "primary" in ASCII. */
#define KEYS_PRIMARY_LEASE UINT64_C(0x7072696d617279)

enum key {
    KEY_LEADER,     /* the primary's name, on its lease: it is there as long as that stands */
    KEY_INITIALIZE, /* PostgreSQL's system identifier, from the first primary on */
    KEY_CONFIG,     /* the dynamic configuration; "pause" in it */
    KEY_HISTORY,    /* where the timelines came from one another */
    KEY_SYNC,       /* what synchronous_standby_names may have been in force */
    KEY_FAILOVER,   /* an operator's wish: the role goes elsewhere */
    KEY_GRANT,      /* to whom the role was granted last; it stays when the lease is over */
    KEY_ORDER,      /* the newest order to seal */
    KEY_HOLD,       /* no epoch may be granted until it is gone (safety A7) */
    KEY_LIFE,       /* which life of its holder speaks for the lease (holder.h) */
};
#define KEYS (KEY_LIFE + 1)

#define KEYS_PREFIX_SIZE 288
#define KEYS_TEXT_SIZE (KEYS_PREFIX_SIZE + 24)

struct keys {
    char prefix[KEYS_PREFIX_SIZE]; /* "/service/demo/" */
    char text[KEYS][KEYS_TEXT_SIZE];
};

/* @space begins and ends with a slash, or does not. False: they are too long. */
bool keys_init(struct keys *keys, const char *space, const char *scope);

struct pgraft_slice keys_prefix(const struct keys *keys);
struct pgraft_slice keys_slice(const struct keys *keys, enum key key);
/* Which one it is; false: none of these. */
bool keys_find(const struct keys *keys, struct pgraft_slice text, enum key *ret_key);
/* What the member @name answers (answer.h): "/service/demo/pgraft/answers/pg1"; and back. */
#define KEYS_ANSWER_SIZE (KEYS_TEXT_SIZE + FACTS_NAME_SIZE)
struct pgraft_slice keys_answer(const struct keys *keys, const struct facts_name *name,
                                char out[KEYS_ANSWER_SIZE]);
bool keys_find_answer(const struct keys *keys, struct pgraft_slice text,
                      struct facts_name *ret_name);
/* That it is fenced (fence.h): "/service/demo/pgraft/fence/pg1"; all of them; and back. */
#define KEYS_FENCE_SIZE KEYS_ANSWER_SIZE
struct pgraft_slice keys_fence(const struct keys *keys, const struct facts_name *name,
                               char out[KEYS_FENCE_SIZE]);
struct pgraft_slice keys_fences(const struct keys *keys, char out[KEYS_FENCE_SIZE]);
bool keys_find_fence(const struct keys *keys, struct pgraft_slice text,
                     struct facts_name *ret_name);
/* "pgraft/grant". */
const char *keys_name(enum key key);

#endif /* SUPERVISOR_KEYS_H_ */
