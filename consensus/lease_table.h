/* consensus/lease_table.h - the leases that the replicated state knows, and the keys on them.
 *
 * Only what every node must agree on. Until when a lease runs is not in here: that is counted by
 * the raft leader on its own clock, and told to nobody but the holder (safety A1). No rule is
 * decided here either; machine_lease.c does that. */
#ifndef CONSENSUS_LEASE_TABLE_H_
#define CONSENSUS_LEASE_TABLE_H_

#include <stdbool.h>
#include <stdint.h>

#include "consensus/record.h"
#include "consensus/rowbook.h"

#define ID_KEY_SIZE 8 /* a number as a key that sorts as the number does */

struct lease {
    struct omap_item item;
    uint8_t id_key[ID_KEY_SIZE];
    struct row row;
    bool is_known; /* false: keys name it, but its row was not loaded yet */
    bool is_protected;
    uint64_t id;
    uint64_t ttl_ms;
    uint64_t generation; /* index of the entry that granted it or last changed its time */
    uint64_t granted_index;
    uint64_t holder;
    uint64_t epoch;
    uint64_t marked_index; /* of the entry that made it no longer renewable; 0: it is */
    struct list keys;      /* records, in no particular order */
    uint64_t key_count;
};

/* A zeroed struct is an empty table. */
struct lease_table {
    struct omap leases;
    uint64_t unknown_count; /* of leases with !is_known */
};

struct lease *lease_table_find(const struct lease_table *table, uint64_t id);
/* The lease with the lowest id above @id. */
struct lease *lease_table_next(const struct lease_table *table, uint64_t id);
/* Take in an empty lease of that id, which is new, or the one that keys have named already. */
struct lease *lease_table_add(struct lease_table *table, uint64_t id);
/* The one of that id, for a key that names it; it may come later. */
struct lease *lease_table_expect(struct lease_table *table, uint64_t id);
/* Take it out; it has no keys any more. */
void lease_table_remove(struct lease_table *table, struct lease *lease);
void lease_free(struct lease *lease);

void lease_attach(struct lease *lease, struct record *record);
void lease_detach(struct lease *lease, struct record *record);

struct hash128 lease_hash(const struct lease *lease);

/* Free the leases and forget their keys. */
void lease_table_close(struct lease_table *table);

/* @number as ID_KEY_SIZE bytes, the highest first. */
void id_key_write(uint8_t out[ID_KEY_SIZE], uint64_t number);

static inline struct lease *lease_of_item(struct omap_item *item)
{
    return item == NULL ? NULL : CONTAINER_OF(item, struct lease, item);
}

#endif /* CONSENSUS_LEASE_TABLE_H_ */
