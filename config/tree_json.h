/* config/tree_json.h - a part of a YAML file as JSON, for what is kept and not understood here. */
#ifndef CONFIG_TREE_JSON_H_
#define CONFIG_TREE_JSON_H_

#include "base/buf.h"
#include "config/yaml_tree.h"

/* Append @node on one line. What YAML 1.1 takes for yes, no or nothing without quotes is that, as
 * Patroni reads it; so are decimal numbers. It reads back as the same text. */
void tree_json(const struct tree_node *node, struct buf *out);
/* Append one value of that kind. */
void tree_json_scalar(const char *text, bool plain, struct buf *out);

#endif /* CONFIG_TREE_JSON_H_ */
