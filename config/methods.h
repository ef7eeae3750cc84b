/* config/methods.h - an operator's own ways to new data: the sections that
 * postgresql.create_replica_methods and bootstrap.method name.
 *
 * Their names are whatever somebody wrote, so they are no rows of the table of settings: they are
 * read, shown, compared and taken over here. `command` and the words with a meaning are picked
 * out; every other key is an argument of the command. */
#ifndef CONFIG_METHODS_H_
#define CONFIG_METHODS_H_

#include "config/config.h"
#include "config/yaml_tree.h"

#define METHOD_BASEBACKUP "basebackup" /* ours, without a section that has to be there */
#define METHOD_INITDB "initdb"

/* Sections of a whole file: those of create_replica_methods, whose list @config has already, and
 * the one of bootstrap.method. What is missing or wrong in them is an error in @problems. */
void methods_read(const struct tree_node *root, struct config *config, struct problems *problems);
/* ... of the shared configuration. A section that its list names and that is not in it stands in
 * the nodes' files: that is no error. */
void methods_read_dynamic(const struct tree_node *root, struct config *config,
                          struct problems *problems);
/* A section below `postgresql` that looks like one of a method, whoever names it. */
bool methods_is_section(const struct tree_node *node);
/* The section of @name; NULL: there is none. */
const struct config_method *methods_find(const struct config_methods *methods, const char *name);
void methods_close(struct config_methods *methods);

/* Append them as YAML, @indent deep. */
void methods_show(const struct config_methods *methods, size_t indent, struct buf *out);
bool methods_equal(const struct config_methods *a, const struct config_methods *b);
void methods_swap(struct config_methods *a, struct config_methods *b);

#endif /* CONFIG_METHODS_H_ */
