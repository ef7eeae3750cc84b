/* tests/lib/lease_kit.h - one holder of one lease in a cluster of cores, for tests of the rules.
 *
 * On top of lib/core_kit.h. Every node's clock is far from every other's, so that a time that goes
 * from one to the other shows at once. Times that go in and out here are the kit's. */
#ifndef TESTS_LIB_LEASE_KIT_H_
#define TESTS_LIB_LEASE_KIT_H_

#include "consensus/lease_span.h"
#include "tests/lib/core_kit.h"

#define LK_LEASE 77
#define LK_CAUGHT 256

struct lease_kit {
    struct core_kit kit;
    uint64_t holder; /* its node */
    struct core_hold wish;
    bool cut[CK_NODES + 1][CK_NODES + 1]; /* from, to */
    bool lost[CK_KINDS];
    enum peer_kind catches; /* messages of this kind are lost and kept here */
    struct peer_message caught[LK_CAUGHT];
    size_t caught_count;
    uint64_t candidate; /* nobody hears another node's requests for votes; 0: all are heard */
};

/* A member for each letter as with ck_open(), and @leader leads. */
void lk_open(struct lease_kit *lk, const char *roles, uint64_t leader);
void lk_close(struct lease_kit *lk);
uint64_t lk_local_ms(const struct lease_kit *lk, uint64_t id);

/* Propose that LK_LEASE is granted, with the keys "lease/1" to "lease/3" on it; the ticket. */
uint64_t lk_ask_grant(struct lease_kit *lk, uint64_t holder, uint64_t ttl_ms, bool is_protected);
/* What the holder's node knows of the grant becomes the wish. */
void lk_adopt(struct lease_kit *lk);
/* Both: the lease is granted and known to everybody; nobody holds it yet. */
void lk_grant(struct lease_kit *lk, uint64_t holder, uint64_t ttl_ms, bool is_protected);
/* The holder's wish is told to its core. */
void lk_hold(struct lease_kit *lk);
/* ... not to ask any more from now on. */
void lk_hang(struct lease_kit *lk);
/* The lease is granted and held, and was confirmed just now. */
void lk_grant_and_hold(struct lease_kit *lk, uint64_t holder, uint64_t ttl_ms, bool is_protected);
struct core_held lk_held(const struct lease_kit *lk);
/* On the kit's clock; 0: none. */
uint64_t lk_deadline_ms(const struct lease_kit *lk);
uint64_t lk_confirmed_ms(const struct lease_kit *lk);

/* Proposed by the leader: the holder's change, a release of the epoch, a revocation. */
uint64_t lk_change(struct lease_kit *lk, uint64_t ttl_ms);
uint64_t lk_release(struct lease_kit *lk, uint64_t epoch);
uint64_t lk_revoke(struct lease_kit *lk);

/* Run until the next keep-alive leaves; when. */
uint64_t lk_next_sent_ms(struct lease_kit *lk);
/* Run, a millisecond at a time, until there is a leader, established or not; its id. */
uint64_t lk_first_leader(struct lease_kit *lk);
/* Run for @ms, and count how often a node wanted to be called in the very next millisecond. */
uint64_t lk_wakes(struct lease_kit *lk, uint64_t ms);
bool lk_find(const struct lease_kit *lk, uint64_t id, struct machine_lease *ret_lease);
/* Run until the lease is gone on node @id; when. Fails after a minute. */
uint64_t lk_gone_ms(struct lease_kit *lk, uint64_t id);
/* Nothing goes between the two any more, or again. */
void lk_cut(struct lease_kit *lk, uint64_t a, uint64_t b, bool is_cut);
/* The disks of all but the leader stop, or go on: nothing commits, heartbeats are answered. */
void lk_stop_disks(struct lease_kit *lk, uint64_t leader, bool is_stopped);

#endif /* TESTS_LIB_LEASE_KIT_H_ */
