/* config/sources.h - the file or files, the environment and the flags, laid on each other as one
 * tree; for config/load.c. */
#ifndef CONFIG_SOURCES_H_
#define CONFIG_SOURCES_H_

#include "config/config.h"
#include "config/yaml_tree.h"

/* NULL: a file could not be read or parsed, and @problems says why. */
const struct tree_node *sources_read(const struct config_input *input, struct tree *tree,
                                     struct problems *problems);

#endif /* CONFIG_SOURCES_H_ */
