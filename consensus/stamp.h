/* consensus/stamp.h - until when did a majority follow this leader?
 *
 * Every message that asserts leadership carries {term, round, time of sending}; every answer echoes
 * the newest that was seen. An answer in the leader's own term, echoing a stamp of that term, from
 * a voter, proves that this voter had granted its vote to nobody newer when the message left.
 * Whether the log matched does not matter. A majority of such answers dates the leadership without
 * touching log or disk: reads and leases stand on it (docs/leases.md). Pure bookkeeping; knows
 * neither libraft nor time. */
#ifndef CONSENSUS_STAMP_H_
#define CONSENSUS_STAMP_H_

#include <stdbool.h>
#include <stdint.h>

#include "consensus/engine.h"
#include "proto/peer.h"

struct stamp_proof {
    uint64_t round;   /* of the newest message that a majority has answered; 0: none */
    uint64_t sent_ms; /* when it was sent, on the leader's clock */
};

struct stamp_book {
    uint64_t term; /* of the leadership that is kept; 0: none */
    size_t count;
    struct {
        uint64_t member;
        uint64_t round;
        uint64_t sent_ms;
    } seen[MEMBERS_MAX];
};

/* A new leadership begins, or (term 0) the leadership ends: nothing is proven. */
void stamp_reset(struct stamp_book *book, uint64_t term);
/* @from answered in @answer_term with @stamp. Counts only what proves something. */
void stamp_note(struct stamp_book *book, uint64_t from, uint64_t answer_term,
                const struct peer_stamp *stamp);
/* What a majority of the voters in @members proves; the leader @self counts with @now_round and
 * @now_ms if it is one. */
struct stamp_proof stamp_proven(const struct stamp_book *book, const struct members *members,
                                uint64_t self, uint64_t now_round, uint64_t now_ms);

#endif /* CONSENSUS_STAMP_H_ */
