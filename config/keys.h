/* config/keys.h - which keys may stand in a file, and what was probably meant by another.
 *
 * A key is known when a setting has it or Patroni does. In the sections that are pgraft's own an
 * unknown or repeated one is an error; in those that came with Patroni it is a warning, for Patroni
 * ignores it and takes the last. */
#ifndef CONFIG_KEYS_H_
#define CONFIG_KEYS_H_

#include <stdbool.h>

#include "config/problems.h"
#include "config/yaml_tree.h"

/* Judge all keys of one file. */
void keys_check(const struct tree_node *root, struct problems *problems);
/* The `raft` section of @root is one of Patroni's own Raft, from before etcd was left. */
bool keys_raft_is_patronis(const struct tree_node *root);
/* Judge all keys of the shared configuration. */
void keys_check_dynamic(const struct tree_node *root, struct problems *problems);
/* The same of what somebody is about to store in the place of @before, NULL: of nothing. An unknown
 * key is an error then, unless it stands there already. */
void keys_check_change(const struct tree_node *root, const struct tree_node *before,
                       struct problems *problems);

#endif /* CONFIG_KEYS_H_ */
