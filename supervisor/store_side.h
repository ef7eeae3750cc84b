/* supervisor/store_side.h - all of the store's side of a supervisor in one place: what it knows of
 * the store and of the others, what it says, what it writes, and its advisor.
 *
 *     store_side_init(s, space, scope, name)       before pgraft_open(), for the advisor
 *     settings.advise = ... store_side_advise(s)   on every member, witnesses too
 *     pgraft_open(); store_side_open(s, store, &owner)
 *     every 50 ms or so, and when @owner was told: store_side_tick(), then a look:
 *         store_side_facts() --> decide() --> lease_hold_renew() if it renews, holder_*()
 *         store_side_say()
 *     pgraft_close(); store_side_close(s)
 *
 * One thread, that which dispatches; but store_side_advise() runs on the library's. Large: from the
 * heap. */
#ifndef SUPERVISOR_STORE_SIDE_H_
#define SUPERVISOR_STORE_SIDE_H_

#include "supervisor/advisor.h"
#include "supervisor/lease_hold.h"
#include "supervisor/own_words.h"
#include "supervisor/speak.h"

struct store_side {
    struct facts_name self;
    struct keys keys;
    struct advisor advisor;
    struct advisor_input input; /* as it was handed over last */
    struct store_view view;
    struct holder holder;
    struct lease_hold hold;
    struct words_table table;
    struct speak speak;
    struct answering answering;
};

/* False: a name is too long. */
bool store_side_init(struct store_side *s, const char *space, const char *scope, const char *name);
void store_side_open(struct store_side *s, struct pgraft *store,
                     const struct store_view_owner *owner);
void store_side_close(struct store_side *s);

uint64_t store_side_advise(struct store_side *s, const struct pgraft_view *view,
                           struct pgraft_transaction *transaction);

/* CLOCK_BOOTTIME. @settings: those that are in force. */
void store_side_tick(struct store_side *s, uint64_t now_ms,
                     const struct supervisor_settings *settings);

/* Its part of @f: self, store, lease, members, and of the wishes the switchover. */
void store_side_facts(const struct store_side *s, uint64_t now_ms,
                      const struct supervisor_settings *settings, struct facts *f);

/* This node's words, from the whole of @f. */
void store_side_say(struct store_side *s, uint64_t now_ms, const struct facts *f,
                    const struct own_tags *tags, const char *card);

#endif /* SUPERVISOR_STORE_SIDE_H_ */
