/* consensus/omap.h - an ordered map from bytes to items that carry their own key.
 *
 * A B+tree whose nodes keep, for each key, the 8 bytes behind what all keys of the node begin with,
 * so that most steps of a search compare numbers next to each other and touch no key. The map owns
 * its nodes, never the items: an item embeds `struct omap_item`, whose key stays as it is while the
 * item is in the map. Order is that of memcmp(), the shorter key first. Nothing depends on
 * addresses: equal histories give equal walks. */
#ifndef CONSENSUS_OMAP_H_
#define CONSENSUS_OMAP_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/kv.h"

struct omap_item {
    const uint8_t *key;
    uint32_t key_size;
};

static inline struct kv_slice omap_key(const struct omap_item *item)
{
    return kv_slice(item->key, item->key_size);
}

struct omap_node;

/* A zeroed struct is an empty map. */
struct omap {
    struct omap_node *root;
    size_t count;
    uint64_t changes; /* of the shape: a place found before the last one is stale */
};

/* Where a walk stands; valid until the shape of the map changes. Past the end: @leaf is NULL. */
struct omap_at {
    struct omap_node *leaf;
    uint32_t slot;
};

struct omap_item *omap_find(const struct omap *map, struct kv_slice key);
/* As above, and say where; NULL also leaves a place, the one before which @key would stand. */
struct omap_item *omap_find_at(const struct omap *map, struct kv_slice key, struct omap_at *at);

/* @item's key is not in the map. */
void omap_insert(struct omap *map, struct omap_item *item);
/* Put @item in the place of the one at @at, which has an equal key. The shape stays. */
void omap_replace_at(const struct omap_at *at, struct omap_item *item);
/* @item is in the map. */
void omap_remove(struct omap *map, struct omap_item *item);

/* The first item whose key is not below @key; NULL past the end. */
struct omap_item *omap_seek(const struct omap *map, struct kv_slice key, struct omap_at *at);
struct omap_item *omap_next(struct omap_at *at);
/* How many items have a key below @key, without walking over them. */
size_t omap_rank(const struct omap *map, struct kv_slice key);

/* Free the nodes; the items are the caller's. */
void omap_close(struct omap *map);
/* Ends the process if the tree breaks one of its own rules; for tests. */
void omap_verify(const struct omap *map);

#endif /* CONSENSUS_OMAP_H_ */
