/* consensus/omap.c - the B+tree behind omap.h.
 *
 * Leaves hold items. Inner nodes hold children and, for each but the first, a copy of a key that
 * parts it from the child before: what is in child i is at or above key i and below key i + 1. A
 * leaf that fills up is split in the middle, or, when it is filled in order at its end, left full;
 * a node that empties is joined with a neighbour under the same parent. Inner nodes count what is
 * below each child, so that a place's rank is known on the way to it.
 *
 * The heads: a node remembers the first bytes that all its keys share (`prefix`, up to PREFIX_MAX)
 * and of each key the next 8 bytes as a number, zeroes behind its end. Heads that differ decide;
 * equal ones leave it to the whole keys. */
#include "consensus/omap.h"

#include <endian.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"

#define FANOUT 64
#define JOIN_BELOW (FANOUT / 4)
#define JOINED_MAX (FANOUT * 3 / 4)
#define PREFIX_MAX 44
#define DEPTH_MAX 16

/* What leaves and inner nodes have in common: the keys, in order. */
struct omap_node {
    uint16_t count; /* of items; of an inner node: of children, the first of which has no key */
    uint8_t skip;   /* bytes of @prefix in use */
    bool is_leaf;
    uint8_t prefix[PREFIX_MAX];
    uint64_t heads[FANOUT];
    struct omap_item *items[FANOUT]; /* an inner node owns its keys; items[0] of one is NULL */
};

struct leaf {
    struct omap_node node;
    struct omap_node *after; /* the next leaf */
};

struct inner {
    struct omap_node node;
    struct omap_node *children[FANOUT];
    size_t counts[FANOUT]; /* of the items below each child */
};

static struct omap_node **after_of(struct omap_node *node)
{
    MUST(node->is_leaf);
    return &CONTAINER_OF(node, struct leaf, node)->after;
}

static struct omap_node **children_of(struct omap_node *node)
{
    MUST(!node->is_leaf);
    return CONTAINER_OF(node, struct inner, node)->children;
}

static size_t *counts_of(struct omap_node *node)
{
    MUST(!node->is_leaf);
    return CONTAINER_OF(node, struct inner, node)->counts;
}

/* The items below @node. */
static size_t node_total(struct omap_node *node)
{
    if (node->is_leaf) {
        return node->count;
    }
    size_t total = 0;
    for (size_t i = 0; i < node->count; i++) {
        total += counts_of(node)[i];
    }
    return total;
}

static struct omap_node *node_create(bool is_leaf)
{
    struct omap_node *node = mem_alloc(is_leaf ? sizeof(struct leaf) : sizeof(struct inner));
    node->count = 0;
    node->skip = 0;
    node->is_leaf = is_leaf;
    if (is_leaf) {
        *after_of(node) = NULL;
    }
    return node;
}

/* A key of an inner node: an item with nothing around it. */
static struct omap_item *key_create(struct kv_slice key)
{
    struct omap_item *copy = mem_alloc(sizeof(*copy) + key.size);
    uint8_t *bytes = (uint8_t *)(copy + 1);
    if (key.size > 0) {
        memcpy(bytes, key.bytes, key.size);
    }
    copy->key = bytes;
    copy->key_size = (uint32_t)key.size;
    return copy;
}

static uint64_t head_of(struct kv_slice key, size_t skip)
{
    const uint8_t *bytes = key.bytes;
    uint64_t head = 0;
    if (key.size >= skip + sizeof(head)) {
        memcpy(&head, bytes + skip, sizeof(head));
    } else if (key.size > skip) {
        memcpy(&head, bytes + skip, key.size - skip);
    }
    return be64toh(head);
}

static size_t shared_size(struct kv_slice a, struct kv_slice b)
{
    const uint8_t *left = a.bytes;
    const uint8_t *right = b.bytes;
    size_t most = a.size < b.size ? a.size : b.size;
    most = most < PREFIX_MAX ? most : PREFIX_MAX;
    size_t size = 0;
    while (size < most && left[size] == right[size]) {
        size++;
    }
    return size;
}

/* The first slot that has a key. */
static uint32_t first_slot(const struct omap_node *node)
{
    return node->is_leaf ? 0 : 1;
}

/* What all keys share is what the first and the last share, since they are in order. */
static void node_rebuild(struct omap_node *node)
{
    uint32_t first = first_slot(node);
    node->skip = 0;
    if (node->count <= first) {
        return;
    }
    struct kv_slice lowest = omap_key(node->items[first]);
    size_t skip = shared_size(lowest, omap_key(node->items[node->count - 1]));
    node->skip = (uint8_t)skip;
    if (skip > 0) {
        memcpy(node->prefix, lowest.bytes, skip);
    }
    for (size_t i = first; i < node->count; i++) {
        node->heads[i] = head_of(omap_key(node->items[i]), skip);
    }
}

/* Below, above, or within what the node's keys begin with. */
static int prefix_order(const struct omap_node *node, struct kv_slice key)
{
    size_t common = key.size < node->skip ? key.size : node->skip;
    int order = common > 0 ? memcmp(key.bytes, node->prefix, common) : 0;
    if (order != 0) {
        return order;
    }
    return key.size < node->skip ? -1 : 0;
}

/* The first slot from @low up to @high whose head is not below @head. */
static uint32_t heads_lower_bound(const struct omap_node *node, uint32_t low, uint32_t high,
                                  uint64_t head)
{
    const uint64_t *heads = node->heads;
    uint32_t count = high - low;
    while (count > 0) {
        uint32_t half = count / 2;
        bool below = heads[low + half] < head;
        low = below ? low + half + 1 : low;
        count = below ? count - half - 1 : half;
    }
    return low;
}

static uint32_t keys_lower_bound(const struct omap_node *node, uint32_t low, uint32_t high,
                                 struct kv_slice key)
{
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (kv_slice_compare(omap_key(node->items[middle]), key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The first slot whose key is not below @key; @ret_equal tells whether it is the same. */
static uint32_t node_lower_bound(const struct omap_node *node, struct kv_slice key, bool *ret_equal)
{
    *ret_equal = false;
    uint32_t first = first_slot(node);
    int order = prefix_order(node, key);
    if (order != 0) {
        return order < 0 ? first : node->count;
    }
    uint64_t head = head_of(key, node->skip);
    uint32_t slot = heads_lower_bound(node, first, node->count, head);
    uint32_t behind = slot;
    if (slot + 1 < node->count && node->heads[slot] == head && node->heads[slot + 1] == head) {
        behind =
            head == UINT64_MAX ? node->count : heads_lower_bound(node, slot, node->count, head + 1);
    } else if (slot < node->count && node->heads[slot] == head) {
        behind = slot + 1;
    }
    slot = keys_lower_bound(node, slot, behind, key);
    *ret_equal = slot < behind && kv_slice_equal(omap_key(node->items[slot]), key);
    return slot;
}

/* Which child of an inner node leads to @key. */
static uint32_t child_slot(const struct omap_node *node, struct kv_slice key)
{
    bool equal = false;
    uint32_t slot = node_lower_bound(node, key, &equal);
    return equal ? slot : slot - 1;
}

/* The way from the root to a leaf. */
struct path {
    struct omap_node *nodes[DEPTH_MAX]; /* inner ones, the root first */
    uint32_t slots[DEPTH_MAX];
    size_t depth;
};

static struct omap_node *descend(const struct omap *map, struct kv_slice key, struct path *path)
{
    struct omap_node *node = map->root;
    path->depth = 0;
    while (!node->is_leaf) {
        MUST(path->depth < DEPTH_MAX);
        uint32_t slot = child_slot(node, key);
        path->nodes[path->depth] = node;
        path->slots[path->depth] = slot;
        path->depth++;
        node = children_of(node)[slot];
    }
    return node;
}

struct omap_item *omap_find_at(const struct omap *map, struct kv_slice key, struct omap_at *at)
{
    struct omap_node *node = map->root;
    if (node == NULL) {
        *at = (struct omap_at){0};
        return NULL;
    }
    while (!node->is_leaf) {
        node = children_of(node)[child_slot(node, key)];
    }
    bool equal = false;
    *at = (struct omap_at){.leaf = node, .slot = node_lower_bound(node, key, &equal)};
    return equal ? node->items[at->slot] : NULL;
}

struct omap_item *omap_find(const struct omap *map, struct kv_slice key)
{
    struct omap_at at;
    return omap_find_at(map, key, &at);
}

void omap_replace_at(const struct omap_at *at, struct omap_item *item)
{
    struct omap_node *leaf = at->leaf;
    MUST(leaf != NULL);
    MUST(at->slot < leaf->count);
    MUST(leaf->items[at->slot]->key_size == item->key_size);
    leaf->items[at->slot] = item; /* an equal key has the same head */
}

/* ---- walking ---- */

static struct omap_item *at_settle(struct omap_at *at)
{
    while (at->leaf != NULL && at->slot >= at->leaf->count) {
        at->leaf = *after_of(at->leaf);
        at->slot = 0;
    }
    return at->leaf != NULL ? at->leaf->items[at->slot] : NULL;
}

struct omap_item *omap_seek(const struct omap *map, struct kv_slice key, struct omap_at *at)
{
    (void)omap_find_at(map, key, at); /* the place alone is wanted */
    return at_settle(at);
}

struct omap_item *omap_next(struct omap_at *at)
{
    at->slot++;
    return at_settle(at);
}

size_t omap_rank(const struct omap *map, struct kv_slice key)
{
    struct omap_node *node = map->root;
    size_t rank = 0;
    if (node == NULL) {
        return 0;
    }
    while (!node->is_leaf) {
        uint32_t slot = child_slot(node, key);
        for (uint32_t i = 0; i < slot; i++) {
            rank += counts_of(node)[i];
        }
        node = children_of(node)[slot];
    }
    bool equal = false;
    return rank + node_lower_bound(node, key, &equal);
}

/* ---- inserting ---- */

/* Make room at @slot for @item and, in an inner node, the child that it leads to. */
static void node_insert(struct omap_node *node, uint32_t slot, struct omap_item *item,
                        struct omap_node *child)
{
    MUST(node->count < FANOUT);
    MUST(slot <= node->count);
    size_t behind = node->count - slot;
    memmove(&node->items[slot + 1], &node->items[slot], behind * sizeof(node->items[0]));
    memmove(&node->heads[slot + 1], &node->heads[slot], behind * sizeof(node->heads[0]));
    node->items[slot] = item;
    node->count++;
    if (!node->is_leaf) {
        struct omap_node **children = children_of(node);
        MUST(child != NULL); /* only a leaf takes an item alone */
        size_t *counts = counts_of(node);
        memmove(&children[slot + 1], &children[slot], behind * sizeof(struct omap_node *));
        memmove(&counts[slot + 1], &counts[slot], behind * sizeof(counts[0]));
        children[slot] = child;
        counts[slot] = node_total(child);
    }
    struct kv_slice key = omap_key(item);
    if (node->count == first_slot(node) + 1 || prefix_order(node, key) != 0) {
        node_rebuild(node);
    } else {
        node->heads[slot] = head_of(key, node->skip);
    }
}

/* Move what stands from @slot on into a new node to the right. */
static struct omap_node *node_split(struct omap_node *node, uint32_t slot)
{
    struct omap_node *right = node_create(node->is_leaf);
    size_t moved = node->count - slot;
    memcpy(right->items, &node->items[slot], moved * sizeof(node->items[0]));
    right->count = (uint16_t)moved;
    node->count = (uint16_t)slot;
    if (node->is_leaf) {
        *after_of(right) = *after_of(node);
        *after_of(node) = right;
    } else {
        memcpy(children_of(right), &children_of(node)[slot], moved * sizeof(struct omap_node *));
        memcpy(counts_of(right), &counts_of(node)[slot], moved * sizeof(size_t));
    }
    return right;
}

/* A root above the old one and its new right half. */
static void grow_root(struct omap *map, struct omap_item *key, struct omap_node *right)
{
    struct omap_node *root = node_create(false);
    root->items[0] = NULL;
    root->count = 1;
    children_of(root)[0] = map->root;
    counts_of(root)[0] = node_total(map->root);
    node_insert(root, 1, key, right);
    map->root = root;
}

/* One more, or less, below the first @levels nodes of @path. */
static void count_along(const struct path *path, size_t levels, bool more)
{
    for (size_t level = 0; level < levels; level++) {
        size_t *count = &counts_of(path->nodes[level])[path->slots[level]];
        *count = more ? *count + 1 : *count - 1;
    }
}

/* Hang @right, which begins with @key, behind the child that @path leads to, splitting upwards as
 * long as nodes are full. */
static void insert_upwards(struct omap *map, const struct path *path, struct omap_item *key,
                           struct omap_node *right)
{
    for (size_t level = path->depth; level > 0; level--) {
        struct omap_node *node = path->nodes[level - 1];
        uint32_t slot = path->slots[level - 1] + 1;
        counts_of(node)[slot - 1] = node_total(children_of(node)[slot - 1]);
        if (node->count < FANOUT) {
            node_insert(node, slot, key, right);
            count_along(path, level - 1, true);
            return;
        }
        uint32_t middle = FANOUT / 2;
        struct omap_node *upper = node_split(node, middle);
        /* The key that parts the halves moves up. */
        struct omap_item *parting = upper->items[0];
        upper->items[0] = NULL;
        node_rebuild(node);
        node_rebuild(upper);
        if (slot > middle) {
            node_insert(upper, slot - middle, key, right);
        } else {
            node_insert(node, slot, key, right);
        }
        key = parting;
        right = upper;
    }
    grow_root(map, key, right);
}

void omap_insert(struct omap *map, struct omap_item *item)
{
    struct kv_slice key = omap_key(item);
    if (map->root == NULL) {
        map->root = node_create(true);
    }
    struct path path;
    struct omap_node *leaf = descend(map, key, &path);
    bool equal = false;
    uint32_t slot = node_lower_bound(leaf, key, &equal);
    MUST(!equal);
    map->count++;
    map->changes++;
    if (leaf->count < FANOUT) {
        node_insert(leaf, slot, item, NULL);
        count_along(&path, path.depth, true);
        return;
    }
    /* Keys that come in order leave full leaves behind. */
    bool at_end = slot == FANOUT && *after_of(leaf) == NULL;
    uint32_t middle = at_end ? FANOUT : FANOUT / 2;
    struct omap_node *right = node_split(leaf, middle);
    node_rebuild(leaf);
    node_rebuild(right);
    if (at_end || slot > middle) {
        node_insert(right, slot - middle, item, NULL);
    } else {
        node_insert(leaf, slot, item, NULL);
    }
    insert_upwards(map, &path, key_create(omap_key(right->items[0])), right);
}

/* ---- removing ---- */

static void node_take_out(struct omap_node *node, uint32_t slot)
{
    MUST(slot < node->count);
    size_t behind = node->count - slot - 1U;
    memmove(&node->items[slot], &node->items[slot + 1], behind * sizeof(node->items[0]));
    memmove(&node->heads[slot], &node->heads[slot + 1], behind * sizeof(node->heads[0]));
    if (!node->is_leaf) {
        struct omap_node **children = children_of(node);
        size_t *counts = counts_of(node);
        memmove(&children[slot], &children[slot + 1], behind * sizeof(struct omap_node *));
        memmove(&counts[slot], &counts[slot + 1], behind * sizeof(counts[0]));
    }
    node->count--;
}

/* Append @right to its neighbour @left and free it; @parting is the key between them. */
static void node_join(struct omap_node *left, struct omap_node *right, struct omap_item *parting)
{
    if (left->is_leaf) {
        *after_of(left) = *after_of(right);
        mem_free(parting);
    } else {
        right->items[0] = parting; /* it comes down to the child that had no key */
        memcpy(&children_of(left)[left->count], children_of(right),
               right->count * sizeof(struct omap_node *));
        memcpy(&counts_of(left)[left->count], counts_of(right), right->count * sizeof(size_t));
    }
    memcpy(&left->items[left->count], right->items, right->count * sizeof(left->items[0]));
    left->count = (uint16_t)(left->count + right->count);
    node_rebuild(left);
    mem_free(right);
}

/* Join the child at @slot with a neighbour if the two leave room to grow; an empty one goes in any
 * case, unless it is the only one. */
static bool join_with_neighbour(struct omap_node *parent, uint32_t slot)
{
    size_t count = children_of(parent)[slot]->count;
    if (count >= JOIN_BELOW || parent->count < 2) {
        return false;
    }
    uint32_t at = slot > 0 ? slot : 1;
    struct omap_node *left = children_of(parent)[at - 1];
    struct omap_node *right = children_of(parent)[at];
    if (left->count + right->count > (count == 0 ? FANOUT : JOINED_MAX)) {
        return false;
    }
    counts_of(parent)[at - 1] += counts_of(parent)[at];
    node_join(left, right, parent->items[at]);
    node_take_out(parent, at);
    return true;
}

void omap_remove(struct omap *map, struct omap_item *item)
{
    MUST(map->root != NULL);
    struct kv_slice key = omap_key(item);
    struct path path;
    struct omap_node *leaf = descend(map, key, &path);
    bool equal = false;
    uint32_t slot = node_lower_bound(leaf, key, &equal);
    MUST(equal);
    MUST(leaf->items[slot] == item);
    node_take_out(leaf, slot);
    map->count--;
    map->changes++;
    count_along(&path, path.depth, false);
    size_t level = path.depth;
    while (level > 0 && join_with_neighbour(path.nodes[level - 1], path.slots[level - 1])) {
        level--;
    }
    while (!map->root->is_leaf && map->root->count == 1) {
        struct omap_node *root = map->root;
        map->root = children_of(root)[0];
        mem_free(root);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion) the tree is a few levels deep */
static void node_free(struct omap_node *node)
{
    if (!node->is_leaf) {
        for (size_t i = 0; i < node->count; i++) {
            node_free(children_of(node)[i]);
            mem_free(node->items[i]);
        }
    }
    mem_free(node);
}

void omap_close(struct omap *map)
{
    if (map->root != NULL) {
        node_free(map->root);
    }
    *map = (struct omap){0};
}

/* ---- the rules of the tree ---- */

/* Count the items below @node, all of which must be at or above @low and below @high (NULL: no
 * bound). */
/* NOLINTNEXTLINE(misc-no-recursion) the tree is a few levels deep */
static size_t node_verify(struct omap_node *node, const struct omap_item *low,
                          const struct omap_item *high, size_t levels)
{
    uint32_t first = first_slot(node);
    MUST(node->is_leaf == (levels == 0));
    MUST(node->count >= first);
    MUST(node->count <= FANOUT);
    for (size_t i = first; i < node->count; i++) {
        struct kv_slice key = omap_key(node->items[i]);
        MUST(node->heads[i] == head_of(key, node->skip));
        MUST(prefix_order(node, key) == 0);
        MUST(low == NULL || kv_slice_compare(omap_key(low), key) <= 0);
        MUST(high == NULL || kv_slice_compare(key, omap_key(high)) < 0);
        MUST(i == first || kv_slice_compare(omap_key(node->items[i - 1]), key) < 0);
    }
    if (node->is_leaf) {
        return node->count;
    }
    MUST(node->items[0] == NULL);
    size_t count = 0;
    for (size_t i = 0; i < node->count; i++) {
        size_t below = node_verify(children_of(node)[i], i == 0 ? low : node->items[i],
                                   i + 1U == node->count ? high : node->items[i + 1], levels - 1);
        MUST(counts_of(node)[i] == below);
        count += below;
    }
    return count;
}

void omap_verify(const struct omap *map)
{
    if (map->root == NULL) {
        MUST(map->count == 0);
        return;
    }
    size_t levels = 0;
    for (struct omap_node *node = map->root; !node->is_leaf; node = children_of(node)[0]) {
        levels++;
    }
    MUST(node_verify(map->root, NULL, NULL, levels) == map->count);
    size_t walked = 0;
    struct omap_at at;
    const struct omap_item *before = NULL;
    for (struct omap_item *item = omap_seek(map, kv_text(""), &at); item != NULL;
         item = omap_next(&at)) {
        MUST(before == NULL || kv_slice_compare(omap_key(before), omap_key(item)) < 0);
        before = item;
        walked++;
    }
    MUST(walked == map->count);
}
