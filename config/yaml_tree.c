/* config/yaml_tree.c - the tree: its memory, what is asked of it, and trees made of others. */
#include "config/yaml_tree.h"

#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "config/scalar.h"

/* --- Memory --- */

struct tree_piece {
    struct tree_piece *next;
    size_t size;
    max_align_t bytes[];
};

void *tree_alloc(struct tree *tree, size_t size)
{
    struct tree_piece *piece = mem_zalloc(sizeof(*piece) + size);
    piece->next = tree->pieces;
    piece->size = size;
    tree->pieces = piece;
    return piece->bytes;
}

char *tree_text(struct tree *tree, const char *text, size_t size)
{
    char *copy = tree_alloc(tree, size + 1);
    memcpy(copy, text, size);
    return copy;
}

void tree_close(struct tree *tree)
{
    while (tree->pieces != NULL) {
        struct tree_piece *piece = tree->pieces;
        tree->pieces = piece->next;
        explicit_bzero(piece->bytes, piece->size);
        mem_free(piece);
    }
}

struct tree_node *tree_node_new(struct tree *tree, enum tree_kind kind, struct tree_place place)
{
    struct tree_node *node = tree_alloc(tree, sizeof(*node));
    *node = (struct tree_node){.kind = kind, .place = place, .text = "", .weight = 1};
    return node;
}

const struct tree_node *tree_scalar(struct tree *tree, const char *source, const char *text)
{
    const struct tree_place place = {.source = tree_text(tree, source, strlen(source))};
    struct tree_node *node = tree_node_new(tree, TREE_SCALAR, place);
    node->text = tree_text(tree, text, strlen(text));
    return node;
}

/* --- Questions --- */

static bool same_key(const struct tree_entry *entry, const char *key, size_t size)
{
    return strncmp(entry->key, key, size) == 0 && entry->key[size] == '\0';
}

/* The place of the entry that counts; map->count when there is none. */
static size_t place_of(const struct tree_node *map, const char *key, size_t size)
{
    for (size_t i = map->count; i > 0; i--) {
        if (same_key(&map->entries[i - 1], key, size)) {
            return i - 1;
        }
    }
    return map->count;
}

static const struct tree_node *get(const struct tree_node *map, const char *key, size_t size)
{
    if (map == NULL || map->kind != TREE_MAP) {
        return NULL;
    }
    size_t i = place_of(map, key, size);
    return i < map->count ? map->entries[i].value : NULL;
}

const struct tree_node *tree_get(const struct tree_node *map, const char *key)
{
    return get(map, key, strlen(key));
}

const struct tree_node *tree_find(const struct tree_node *root, const char *path)
{
    const struct tree_node *node = root;
    while (node != NULL && *path != '\0') {
        size_t size = strcspn(path, ".");
        node = get(node, path, size);
        path += size + (path[size] == '.' ? 1 : 0);
    }
    return node;
}

const struct tree_entry *tree_repeated(const struct tree_node *map, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(map->entries[i].key, map->entries[index].key) == 0) {
            return &map->entries[i];
        }
    }
    return NULL;
}

bool tree_is_null(const struct tree_node *node)
{
    return node->kind == TREE_SCALAR && node->plain && scalar_is_null(node->text);
}

/* --- Trees made of others --- */

/* @map with one more place at the end, all the entries being copied. */
static struct tree_entry *copy_entries(struct tree *tree, const struct tree_node *map, size_t room)
{
    struct tree_entry *entries = tree_alloc(tree, room * sizeof(*entries));
    if (map->count > 0) {
        memcpy(entries, map->entries, map->count * sizeof(*entries));
    }
    return entries;
}

static size_t weigh(const struct tree_node *node)
{
    size_t weight = 1;
    for (size_t i = 0; i < node->count; i++) {
        weight += node->entries[i].value->weight;
    }
    return weight;
}

/* @node in the place of @under. */
static const struct tree_node *in_place_of(struct tree *tree, const struct tree_node *node,
                                           const struct tree_node *under)
{
    if (under == NULL) {
        return node;
    }
    struct tree_node *copy = tree_node_new(tree, node->kind, node->place);
    *copy = *node;
    copy->hides = under;
    return copy;
}

/* A map lies on a map at every level, and both are TREE_DEPTH_MAX deep at most. */
/* NOLINTNEXTLINE(misc-no-recursion) */
const struct tree_node *tree_overlay(struct tree *tree, const struct tree_node *under,
                                     const struct tree_node *over)
{
    if (under == NULL || over == NULL) {
        return over == NULL ? under : over;
    }
    if (under->kind != TREE_MAP || over->kind != TREE_MAP) {
        return in_place_of(tree, over, under);
    }
    struct tree_node *both = tree_node_new(tree, TREE_MAP, over->place);
    struct tree_entry *entries = copy_entries(tree, under, under->count + over->count);
    size_t count = under->count;
    for (size_t i = 0; i < over->count; i++) {
        const struct tree_entry *entry = &over->entries[i];
        size_t at = place_of(under, entry->key, strlen(entry->key));
        if (at == under->count) {
            entries[count++] = *entry;
            continue;
        }
        entries[at] = *entry;
        entries[at].value = tree_overlay(tree, under->entries[at].value, entry->value);
    }
    both->entries = entries;
    both->count = count;
    both->weight = weigh(both);
    return both;
}

/* One level for each word of a path of ours. */
/* NOLINTNEXTLINE(misc-no-recursion) */
const struct tree_node *tree_put(struct tree *tree, const struct tree_node *root, const char *path,
                                 const struct tree_node *value)
{
    if (*path == '\0') {
        return in_place_of(tree, value, root);
    }
    size_t size = strcspn(path, ".");
    const char *rest = path + size + (path[size] == '.' ? 1 : 0);
    struct tree_node *map = tree_node_new(tree, TREE_MAP, value->place);
    if (root != NULL && root->kind == TREE_MAP) {
        *map = *root;
    }
    size_t at = place_of(map, path, size);
    struct tree_entry *entries = copy_entries(tree, map, map->count + 1);
    const struct tree_node *old = at < map->count ? entries[at].value : NULL;
    map->count += at == map->count ? 1 : 0;
    entries[at] = (struct tree_entry){.key = tree_text(tree, path, size),
                                      .place = value->place,
                                      .value = tree_put(tree, old, rest, value)};
    map->entries = entries;
    map->weight = weigh(map);
    return map;
}
