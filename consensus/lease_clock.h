/* consensus/lease_clock.h - until when does each lease run, on the raft leader's own clock?
 *
 * Kept by a leader for the time of its leadership and told to nobody. Time only gets longer: a
 * lease that is kept alive runs until at least that. When its time is over the leader proposes the
 * expiry; from then on the lease is ending and gets no more time, until the entry is applied
 * (safety A2). Pure bookkeeping: a map by id and a heap by time. */
#ifndef CONSENSUS_LEASE_CLOCK_H_
#define CONSENSUS_LEASE_CLOCK_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "consensus/lease_table.h"

struct lease_time {
    struct omap_item item;
    uint8_t id_key[ID_KEY_SIZE];
    uint64_t id;
    uint64_t generation; /* whose time is counted */
    uint64_t until_ms;
    uint64_t ending_index; /* of an entry that will end it; 0: none is known */
    size_t place;          /* in the heap, unless ending */
};

/* A zeroed struct is an empty clock. */
struct lease_clock {
    struct omap times;
    struct lease_time **heap; /* the earliest first */
    size_t heap_count;
    size_t heap_room;
};

void lease_clock_clear(struct lease_clock *clock);
struct lease_time *lease_clock_find(const struct lease_clock *clock, uint64_t id);
/* The lease runs until @until_ms at least; a new one comes in. */
void lease_clock_run(struct lease_clock *clock, uint64_t id, uint64_t generation,
                     uint64_t until_ms);
void lease_clock_remove(struct lease_clock *clock, uint64_t id);
/* An entry that ends the lease is in the log at @index. */
void lease_clock_end(struct lease_clock *clock, uint64_t id, uint64_t index);
/* The entry at @index is applied, and the lease is still there: it goes on. */
void lease_clock_go_on(struct lease_clock *clock, uint64_t id, uint64_t index);
/* The one whose time is over first, of those that are not ending; NULL: none. */
const struct lease_time *lease_clock_first(const struct lease_clock *clock);

#endif /* CONSENSUS_LEASE_CLOCK_H_ */
