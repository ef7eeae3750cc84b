/* consensus/start_note.h - what a node's own disk says of its starts, so that an old copy of it can
 * not come level with what its peers remember by starting again and again (safety D5).
 *
 * Each start writes: a number, and so a batch. To peers that compare just those, a copy that was
 * turned away would look newer with every start, until it is newer than what they know. Therefore a
 * life counts only from when it is clear (it may vote; core_hello.c), and until one is, every
 * start says again what the first of them found:
 *
 *   start  found F  --> {F} --> refused, or killed
 *   start  found G  --> {F} --> refused, or killed         says F, not G
 *   start  found H  --> {F} --> clear: {this life}         nothing has left that counts before it
 *   start  found I  --> {this life, I} --> ...             is durable
 *
 * Pure; core_start.c keeps it in a row of the state table that is the core's own. */
#ifndef CONSENSUS_START_NOTE_H_
#define CONSENSUS_START_NOTE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct start_note {
    uint64_t clear_life; /* the newest life on this disk that was clear; 0: none */
    bool is_open;        /* there were starts since, and none of them was clear ... */
    uint64_t term;       /* ... and this is what the first of them found */
    uint64_t vote;
    uint64_t last;
    uint64_t counter;
};

/* Decoding is strict: ERR_CORRUPT, or ERR_VERSION for what another version wrote. */
void start_note_encode(const struct start_note *note, struct buf *out);
int start_note_decode(const void *bytes, size_t size, struct start_note *out, struct err *err);

#endif /* CONSENSUS_START_NOTE_H_ */
