/* consensus/peer_memory.h - what a member remembers of another, and whether a hello fits it (safety
 * D5).
 *
 * A node that starts from an old copy of its disk has forgotten what it said: it could vote twice
 * in a term, or miss entries that were counted as stored with it. Its peers have not forgotten. Of
 * each member they keep the highest it told them, and when it begins another life, its hello says
 * what its disk says. Less than was told: an old copy.
 *
 * Only what a life says after its hello was judged is remembered, and a hello tells what the disk
 * said when that life began, or the first after the last one that got so far as to vote: an old
 * copy says the same however often it starts (start_note.h). So the order in which messages arrive
 * does not matter, and an honest node is never refused: whatever it told anybody was durable before
 * (docs/membership.md).
 *
 * Pure: the core's own file, core_hello.c, keeps the memories, on disk too. */
#ifndef CONSENSUS_PEER_MEMORY_H_
#define CONSENSUS_PEER_MEMORY_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "consensus/gone.h"
#include "proto/peer.h"

/* A life of a node: from start to end of its process. Later lives are greater, and two lives that
 * begin from one copy of a disk differ. */
uint64_t peer_life(uint64_t incarnation, uint32_t random);
/* Is @life of a later start than @than? Two with the same number of the start: neither is. */
bool peer_life_is_later(uint64_t life, uint64_t than);

struct peer_memory {
    uint64_t id;
    uint64_t life;    /* the newest whose hello was fine; 0: there was none */
    uint64_t counter; /* of its durable batches */
    uint64_t term;
    uint64_t vote;  /* whom it voted for in @term; 0: not known */
    uint64_t acked; /* index that it told, in @term, to have stored up to: as a follower, or as the
                       leader, which counts itself */
    uint64_t clear_life; /* the newest that may vote, as it told by word or deed; 0: none */
};

/* The verdict on the hello @message. */
enum hello_verdict peer_memory_judge(const struct peer_memory *memory,
                                     const struct peer_message *message);
/* The hello @message is fine. True: that changed the memory. */
bool peer_memory_greeted(struct peer_memory *memory, const struct peer_message *message);
/* Remember what @message tells; of the life that the memory is of. @self: who hears it. True: that
 * changed the memory. */
bool peer_memory_hear(struct peer_memory *memory, const struct peer_message *message,
                      uint64_t self);

/* "an old copy of the disk: more had been written to it", for an operator. */
const char *peer_verdict_text(enum hello_verdict verdict);

/* All that a node keeps of its peers. */
#define PEER_MEMORIES_MAX 32
struct peer_book {
    size_t count;
    struct peer_memory memories[PEER_MEMORIES_MAX];
    struct gone gone;
};

/* As bytes, for the disk. Decoding is strict: ERR_CORRUPT, or ERR_VERSION for what another version
 * wrote. */
void peer_book_encode(const struct peer_book *book, struct buf *out);
int peer_book_decode(const void *bytes, size_t size, struct peer_book *out, struct err *err);

#endif /* CONSENSUS_PEER_MEMORY_H_ */
