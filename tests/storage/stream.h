/* tests/storage/stream.h - random batches that a core could have made, from a seed.
 *
 * Two streams of one seed make the same batches, so that two stores can be given them. */
#ifndef TESTS_STORAGE_STREAM_H_
#define TESTS_STORAGE_STREAM_H_

#include <stdbool.h>
#include <stdint.h>

#include "storage/batch.h"

struct stream {
    uint64_t seed;
    uint64_t sequence;
    uint64_t first;
    uint64_t last;
    uint64_t applied;
    uint64_t term;
    uint64_t snapshot;
    bool staging;
    unsigned keys; /* rows have so many different keys */
    bool small;    /* nothing larger than a page */
};

void stream_init(struct stream *stream, uint64_t seed);
struct store_batch *stream_next(struct stream *stream);
/* The process starts again: a stage is forgotten. Sequences go on. */
void stream_restart(struct stream *stream);

#endif /* TESTS_STORAGE_STREAM_H_ */
