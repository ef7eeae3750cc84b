/* config/dynamic_standby.h - the key `standby_cluster` of the shared configuration. */
#ifndef CONFIG_DYNAMIC_STANDBY_H_
#define CONFIG_DYNAMIC_STANDBY_H_

#include <stdbool.h>

#include "config/config.h"
#include "config/problems.h"
#include "config/yaml_tree.h"
#include "supervisor/facts.h"

/* Every node would go by it: what can not be meant is an error. @root is the whole shared
 * configuration, @dynamic what was read of it. */
void dynamic_check_standby(const struct tree_node *root, const struct config_dynamic *dynamic,
                           struct problems *problems);

/* There is another cluster to follow. */
bool dynamic_is_standby(const struct config_dynamic *dynamic);

/* What PostgreSQL's own configuration names that one by, beside where it is; another place, or
 * another slot, is another name. No member can have it. "": it is followed by restore_command
 * alone. */
void dynamic_remote_name(const struct config_dynamic *dynamic, struct facts_name *out);

#endif /* CONFIG_DYNAMIC_STANDBY_H_ */
