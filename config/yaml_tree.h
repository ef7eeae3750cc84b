/* config/yaml_tree.h - YAML text as a tree in which every node knows its line and column.
 *
 * Values stay text: what they mean is decided by who asks (config/scalar.h), so "no" is never a
 * surprise. Anchors, aliases and "<<" are followed; a node that two aliases name is shared. A map
 * keeps a repeated key with all its values: the last one counts, and tree_repeated() finds the
 * others. Text is bounded in size, depth and in what its aliases unfold to. Nodes live as long as
 * the tree and do not change; the bytes are wiped when it is closed, for there are passwords among
 * them. */
#ifndef CONFIG_YAML_TREE_H_
#define CONFIG_YAML_TREE_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "config/problems.h"

#define TREE_BYTES_MAX (1U << 20)
#define TREE_DEPTH_MAX 32
#define TREE_NODES_MAX 10000

enum tree_kind { TREE_SCALAR, TREE_LIST, TREE_MAP };

struct tree_node {
    enum tree_kind kind;
    struct tree_place place;
    const char *text; /* of a scalar; without NUL bytes inside */
    bool plain;       /* of a scalar: written without quotes, so that ~ and null mean nothing */
    size_t count;     /* of entries */
    const struct tree_entry *entries;
    size_t weight; /* nodes below and itself, the shared ones as often as they are named */
    const struct tree_node *hides; /* what stood in its place in a source that counts less; or NULL
                                    */
};

struct tree_entry {
    const char *key; /* NULL in a list */
    struct tree_place place;
    const struct tree_node *value;
};

struct tree_piece;

/* A zeroed struct is an empty tree. */
struct tree {
    struct tree_piece *pieces;
};

/* Read one document. An empty one is an empty map. NULL: what is wrong was added to @problems.
 * @source NULL: nobody has written it in lines, so problems have no place. */
const struct tree_node *tree_parse(struct tree *tree, const char *source, const char *bytes,
                                   size_t size, struct problems *problems);
/* The same, but an empty one is null (tree_is_null). */
const struct tree_node *tree_parse_value(struct tree *tree, const char *source, const char *bytes,
                                         size_t size, struct problems *problems);
/* The whole file at @path, whose name becomes the source. */
const struct tree_node *tree_parse_file(struct tree *tree, const char *path,
                                        struct problems *problems);
void tree_close(struct tree *tree);

/* A scalar made of @text that stands nowhere but in @source. */
const struct tree_node *tree_scalar(struct tree *tree, const char *source, const char *text);

/* The value that counts; NULL when @map has no such key or is no map. */
const struct tree_node *tree_get(const struct tree_node *map, const char *key);
/* As above, along "raft.listen". */
const struct tree_node *tree_find(const struct tree_node *root, const char *path);
/* The first entry of @map with the key of entry @index, if that is an earlier one; else NULL. */
const struct tree_entry *tree_repeated(const struct tree_node *map, size_t index);
/* Nothing was written: "key:", "~" or "null", as scalar_is_null() has it. */
bool tree_is_null(const struct tree_node *node);

/* @under with @over laid on it: maps are merged, everything else is replaced. Both may be NULL. */
const struct tree_node *tree_overlay(struct tree *tree, const struct tree_node *under,
                                     const struct tree_node *over);
/* @root with @value at @path, replacing what is there. Maps are made on the way. */
const struct tree_node *tree_put(struct tree *tree, const struct tree_node *root, const char *path,
                                 const struct tree_node *value);

/* For the parser: memory of the tree, cleared. */
void *tree_alloc(struct tree *tree, size_t size);
char *tree_text(struct tree *tree, const char *text, size_t size);
struct tree_node *tree_node_new(struct tree *tree, enum tree_kind kind, struct tree_place place);

#endif /* CONFIG_YAML_TREE_H_ */
