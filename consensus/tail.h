/* consensus/tail.h - the part of the log that is kept in memory.
 *
 * A leader sends from here, the state machine applies from here; what is older is in the state
 * table. Holds [first, last] without a hole, and the term of first - 1. Knows neither libraft nor
 * the disk. */
#ifndef CONSENSUS_TAIL_H_
#define CONSENSUS_TAIL_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tail_entry {
    uint64_t term;
    uint8_t type; /* enum entry_type */
    size_t size;
    unsigned char *data; /* owned by the tail */
};

struct tail {
    uint64_t first;       /* index of the first entry kept; last + 1 when empty */
    uint64_t before_term; /* term of entry first - 1, 0 if that is unknown or there is none */
    size_t count;
    size_t bytes; /* of all data */
    struct tail_entry *ring;
    size_t room; /* a power of two, or 0 */
    size_t head; /* place of entry @first */
};

/* Empty, to be continued with entry @first. Zeroed memory is a valid start. */
void tail_reset(struct tail *t, uint64_t first, uint64_t before_term);
void tail_close(struct tail *t);

uint64_t tail_last(const struct tail *t); /* first - 1 when empty */
bool tail_has(const struct tail *t, uint64_t index);
/* NULL if it is not kept. Valid until the tail is changed. */
const struct tail_entry *tail_get(const struct tail *t, uint64_t index);
/* Of @index in [first - 1, last]; 0 if unknown. */
uint64_t tail_term(const struct tail *t, uint64_t index);

/* Add one at the end; the data is copied. */
void tail_append(struct tail *t, uint64_t term, uint8_t type, const void *data, size_t size);
/* Drop @from and all after it. */
void tail_truncate(struct tail *t, uint64_t from);
/* Drop all before @first, which may be last + 1 but not more. */
void tail_trim(struct tail *t, uint64_t first);

#endif /* CONSENSUS_TAIL_H_ */
