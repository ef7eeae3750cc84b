/* consensus/soft.h - what the members say about themselves, and how long ago they stood by it.
 *
 * Soft state is up to 4 KiB of a member's own bytes that everybody can read with their age: it
 * travels in the rhythm of heartbeats, through the leader, and touches neither log nor disk. This
 * is the table of one node and the bookkeeping of one message each way; core_soft.c sends them.
 * Pure: no clock, no I/O, nothing of Raft.
 *
 * Versions. A member's states are ordered by (life, token, counter): the counter goes up with each
 * new state; token tells the lives of a process apart, being drawn from its seed; life puts them in
 * order. A member that learns of a state of its own, told by others, that it did not make in this
 * life and that is not older than what it says now, goes beyond it. So its new words win over its
 * old ones even when a restored disk counts lives from an older number, and what comes late or
 * twice never brings an older state back.
 *
 * Ages. No two clocks are ever compared. Each message carries its sender's clock and gives back
 * the newest reading it has of the receiver's: the receiver knows from its own clock that the
 * message was made no longer ago than that. What it says of an age, plus this, is never too little,
 * and going on counting is all that is ever added. So an age is that of the last proof, a round
 * trip and a heartbeat or two above the truth when all is well, and the true one while a member is
 * silent; the rates of the clocks are all it can be wrong by. A message without a usable reading
 * proves no age and is used for nothing but the next answer. */
#ifndef CONSENSUS_SOFT_H_
#define CONSENSUS_SOFT_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "consensus/engine.h"
#include "proto/peer.h"

#define SOFT_BYTES_MAX 4096
/* Of all states in one message; more go with the next ones. */
#define SOFT_MESSAGE_BYTES_MAX ((size_t)4 * SOFT_BYTES_MAX)
#define SOFT_STATES_MAX (MEMBERS_MAX + 1) /* of every member, and of one that is none yet */

struct soft_version {
    uint64_t life;
    uint64_t token;
    uint64_t counter;
};
/* As memcmp(). */
int soft_version_compare(const struct soft_version *a, const struct soft_version *b);

/* A state as its reader sees it. */
struct soft_view {
    uint64_t member;
    struct soft_version version;
    uint64_t age_ms;   /* since the member was last known to stand by it; 0 for the node's own */
    const void *bytes; /* until the table changes */
    size_t size;
};

struct soft_state {
    uint64_t member;
    struct soft_version version;
    uint64_t at_ms;  /* at this time of the own clock ... */
    uint64_t age_ms; /* ... it was this old */
    void *bytes;
    size_t size;
};

/* What another node is known to have, and what it was sent. */
struct soft_known {
    uint64_t member;
    struct soft_version has;
    struct soft_version sent;
    uint64_t sent_ms;
};

struct soft_peer {
    uint64_t id;
    uint64_t token; /* of its newest message, to give back */
    uint64_t sent_ms;
    uint64_t heard_ms;
    bool slow_disk;
    size_t turn; /* which state comes first in the next message to it */
    size_t count;
    struct soft_known known[SOFT_STATES_MAX];
};

struct soft_table {
    uint64_t self;
    uint64_t life;
    uint64_t token;
    uint64_t counter;  /* of the own state; 0: nothing was published in this life */
    uint64_t again_ms; /* the same bytes go to the same node again after this */
    uint64_t changes;  /* goes up when a state comes, is replaced or goes */
    size_t count;
    struct soft_state states[SOFT_STATES_MAX]; /* by member */
    size_t peers_count;
    struct soft_peer peers[MEMBERS_MAX]; /* by id */
};

/* @life: of the node, higher than in its earlier ones as far as it can tell; @token: of this life
 * alone, not 0. */
void soft_init(struct soft_table *t, uint64_t self, uint64_t life, uint64_t token,
               uint64_t again_ms);
void soft_close(struct soft_table *t);

/* From now on this is the own state. The same bytes again are the same state. ERR_TOO_LARGE. */
int soft_publish(struct soft_table *t, uint64_t now_ms, const void *bytes, size_t size);

/* The state of @member; of the member with the lowest id above @after. */
bool soft_get(const struct soft_table *t, uint64_t now_ms, uint64_t member, struct soft_view *out);
bool soft_next(const struct soft_table *t, uint64_t now_ms, uint64_t after, struct soft_view *out);

/* Forget everybody but @members and the node itself. */
void soft_keep(struct soft_table *t, const struct members *members);

/* What to tell @to now; @states has room for SOFT_STATES_MAX, and points into the table. */
void soft_tell(struct soft_table *t, uint64_t now_ms, uint64_t to, struct peer_soft *out,
               struct peer_soft_state *states);
/* @from, which is one of @members, has said @in. */
void soft_hear(struct soft_table *t, uint64_t now_ms, uint64_t from, const struct members *members,
               const struct peer_soft *in);
/* When @peer was last heard, and what it said of itself; NULL: never. */
const struct soft_peer *soft_peer(const struct soft_table *t, uint64_t peer);

#endif /* CONSENSUS_SOFT_H_ */
