/* consensus/record.h - one state of one key, immutable but for its links.
 *
 * A put makes a new record and puts it in the old one's place; the old one lives on as long as
 * somebody counts on it: the history of events, or the result that shows it. So nothing is copied
 * on the way of a value from the log to a watcher. */
#ifndef CONSENSUS_RECORD_H_
#define CONSENSUS_RECORD_H_

#include <stdint.h>

#include "base/list.h"
#include "consensus/hash128.h"
#include "consensus/omap.h"
#include "consensus/rowbook.h"
#include "proto/kv.h"

struct record {
    struct omap_item item; /* in the machine's keys, while it is the current one */
    struct row row;
    struct list lease_link; /* among the keys of its lease */
    uint32_t references;
    uint32_t history_references; /* of these, held by the history */
    uint32_t value_size;
    uint32_t ordinal; /* among the keys that its create revision created: names rows of long keys */
    uint64_t create_revision;
    uint64_t mod_revision;
    uint64_t version;
    uint64_t lease;
    uint8_t bytes[]; /* the key, then the value */
};

/* One reference, the caller's; the numbers are 0. */
struct record *record_create(struct kv_slice key, struct kv_slice value);
struct record *record_ref(struct record *record);
void record_unref(struct record *record);

struct kv_slice record_key(const struct record *record);
struct kv_slice record_value(const struct record *record);
struct kv_pair record_pair(const struct record *record);
struct hash128 record_hash(const struct record *record);
/* What it counts for in the quota. */
uint64_t record_charge(const struct record *record);
/* About what it takes of memory, or on disk. */
size_t record_size(const struct record *record);

static inline struct record *record_of_item(struct omap_item *item)
{
    return item == NULL ? NULL : CONTAINER_OF(item, struct record, item);
}

static inline struct record *record_of_row(struct row *row)
{
    return CONTAINER_OF(row, struct record, row);
}

#endif /* CONSENSUS_RECORD_H_ */
