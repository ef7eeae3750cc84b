/* config/assign.h - one node of the tree becomes the value of one setting; for config/load.c. */
#ifndef CONFIG_ASSIGN_H_
#define CONFIG_ASSIGN_H_

#include "config/problems.h"
#include "config/settings.h"
#include "config/yaml_tree.h"

struct assign {
    struct tree *tree; /* for lists that stand in one text */
    struct config *config;
    struct problems *problems;
};

/* True: the value is set; it was unset before. False: it still is, and @problems knows why. */
bool assign_value(const struct assign *a, const struct setting *setting,
                  const struct tree_node *node);

/* For config/assign_many.c and back: a text that stands inside a value. */
bool assign_fail(const struct assign *a, const struct setting *setting,
                 const struct tree_place *place, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The node is one value and not nothing. */
bool assign_is_scalar(const struct assign *a, const struct setting *setting,
                      const struct tree_node *node, const char *expected);
/* UTF-8, and everything in it can be seen. */
bool assign_is_printable(const char *text);
/* All of @list by @add. False: one of them was not taken. */
typedef bool (*assign_item_cb)(const struct assign *a, const struct setting *setting,
                               const char *text, const struct tree_place *place);
bool assign_items(const struct assign *a, const struct setting *setting,
                  const struct tree_node *list, const char *expected, assign_item_cb add);
/* A copy, behind those that the setting has. True. */
bool assign_add_text(const struct assign *a, const struct setting *setting, const char *text);
bool assign_list(const struct assign *a, const struct setting *setting,
                 const struct tree_node *node);
/* Copies of both, behind those that the setting has. True. */
bool assign_add_pair(const struct assign *a, const struct setting *setting, const char *key,
                     const char *value);
bool assign_pairs(const struct assign *a, const struct setting *setting,
                  const struct tree_node *node);

/* All of @map by @add, the last of a repeated key; of peers all. False: one of them was not taken.
 */
typedef bool (*assign_entry_cb)(const struct assign *a, const struct setting *setting,
                                const struct tree_entry *entry);
bool assign_entries(const struct assign *a, const struct setting *setting,
                    const struct tree_node *map, assign_entry_cb add);

/* For config/assign_pg.c. */
bool assign_texts(const struct assign *a, const struct setting *setting,
                  const struct tree_node *node);
bool assign_map(const struct assign *a, const struct setting *setting,
                const struct tree_node *node);
/* What a variable says, in one text: "{a: b}", "[a, b]". NULL: it is none. */
const struct tree_node *assign_unfold(const struct assign *a, const struct tree_node *node);
bool assign_json(const struct assign *a, const struct setting *setting,
                 const struct tree_node *node);
bool assign_integer(const struct assign *a, const struct setting *setting,
                    const struct tree_node *node);
/* Append the addresses with their port. */
bool assign_pg_listen(const struct setting *setting, const char *text, struct buf *out,
                      struct err *err);

/* config/assign_users.c */
bool assign_users(const struct assign *a, const struct setting *setting,
                  const struct tree_node *node);

#endif /* CONFIG_ASSIGN_H_ */
