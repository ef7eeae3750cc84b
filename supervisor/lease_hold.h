/* supervisor/lease_hold.h - the lease of the primary's role, as its holder has it.
 *
 *   granted elsewhere --> mine: which grant? --> (found at the start: claim) --> held --> let go
 *
 * A grant gives no time: the library's page does, from confirmed keep-alives, by this node's own
 * clock (safety A1, docs/leases.md). The library asks for more as long as this program asks it to:
 * one decision to renew holds renew_ms, so a supervisor that hangs loses the lease. What stands in
 * the page of the guard counts too, for the guard outlives a restart of this program; it is
 * never moved back while its epoch is the same.
 *
 * Its time may be made longer for a while, for an upgrade (safety A8). However that ends, whoever
 * holds it afterwards, in this life or another, counts with no more than the time of the grant, and
 * has it made shorter again as soon as nothing here counts with more.
 *
 * Same thread and life as store_view.h. */
#ifndef SUPERVISOR_LEASE_HOLD_H_
#define SUPERVISOR_LEASE_HOLD_H_

#include "supervisor/guard_page.h"
#include "supervisor/holder.h"

enum lease_stage {
    LEASE_NOT_MINE,
    LEASE_ASKING,   /* which entry granted it */
    LEASE_CLAIMING, /* an earlier life may have something under way (holder.h) */
    LEASE_HELD,
    LEASE_NOT_OURS, /* the claim was refused: it runs out */
    LEASE_LET_GO,   /* this life will not act for it any more */
};

struct lease_hold {
    struct pgraft *store;
    struct holder *holder;
    enum lease_stage stage;
    uint64_t epoch;     /* of the stage */
    uint64_t grant;     /* the entry that granted it */
    uint64_t since_ms;  /* this node learned of the grant */
    bool is_asking;     /* for @grant */
    uint64_t asked_for; /* ... of this epoch */
    uint64_t again_ms;
    struct guard_grant told; /* what the guard's page says, or said when it was found */
    uint64_t limit_ms;       /* the time it was granted with: no more is counted than that ... */
    bool is_long;            /* ... but while this is set */
    uint64_t limited_ms;     /* since when it is not */
    uint64_t ttl_ms; /* its time in the store, as far as this node has applied; 0: unknown */
    bool is_wanted;  /* the newest decision renews, as of ... */
    uint64_t wanted_ms;
};

void lease_hold_open(struct lease_hold *h, struct pgraft *store, struct holder *holder);
/* A guard of an earlier life has this in its page: at the start, or whenever it is heard of. It
 * never takes time away. */
void lease_hold_adopt(struct lease_hold *h, const struct guard_grant *found);

/* Follows the view: to be called when it has changed, and every 100 ms or so. */
void lease_hold_tick(struct lease_hold *h, const struct store_view *view, uint64_t now_ms);

/* decide() says that the lease is to be renewed: until @renew_ms from now. */
void lease_hold_renew(struct lease_hold *h, uint64_t now_ms, uint64_t renew_ms);

void lease_hold_facts(const struct lease_hold *h, uint64_t now_ms, struct lease_facts *out);

/* What belongs into the guard's page now. @promote_epoch: the epoch for which the guard may
 * promote, 0: none; it counts only if it is the held one. */
void lease_hold_grant(struct lease_hold *h, const struct supervisor_times *times,
                      uint64_t promote_epoch, struct guard_grant *out);

/* It is granted to this node, and what an earlier life of this program may have under way for it is
 * not known yet: what is read of the store may be older than that (facts.h: sync_pending). */
bool lease_hold_is_unsure(const struct lease_hold *h);

/* Count with all of the lease's time, however long it was made; or not any more. */
void lease_hold_stretch(struct lease_hold *h, bool is_long, uint64_t now_ms);
/* Its time in the store is longer than that of its grant, and neither page nor guard counts with
 * more than that any more: it may be made shorter (docs/leases.md). */
bool lease_hold_may_shorten(const struct lease_hold *h, uint64_t now_ms);

/* Nothing is kept alive any more, and the guard is given no time. False: there is nothing to let
 * go, or not yet (which grant it is is still being found out): with the next look. */
bool lease_hold_let_go(struct lease_hold *h);
/* Safety A3: not one process of this PostgreSQL is left, the lease was let go, and the guard's page
 * says so: another life of this program would go by it. The release is signed until it is known
 * that it has arrived. */
bool lease_hold_release(struct lease_hold *h, uint64_t now_ms);

#endif /* SUPERVISOR_LEASE_HOLD_H_ */
