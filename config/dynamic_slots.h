/* config/dynamic_slots.h - what is hardly meant in the key `slots` of the shared configuration. */
#ifndef CONFIG_DYNAMIC_SLOTS_H_
#define CONFIG_DYNAMIC_SLOTS_H_

#include "config/problems.h"
#include "config/yaml_tree.h"

/* Tell of every entry of which nothing becomes; @root is the whole shared configuration. */
void dynamic_check_slots(const struct tree_node *root, struct problems *problems);

#endif /* CONFIG_DYNAMIC_SLOTS_H_ */
