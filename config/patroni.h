/* config/patroni.h - which keys of Patroni's are known beside the settings, and what a database
 * host can not do without. */
#ifndef CONFIG_PATRONI_H_
#define CONFIG_PATRONI_H_

#include <stdbool.h>
#include <stddef.h>

#include "config/problems.h"
#include "config/yaml_tree.h"

/* What may stand at one level of a file, beside our settings. */
struct patroni_level {
    const char *path; /* "postgresql.authentication" */
    const char *keys; /* with spaces between them */
};

/* A level that is no row here and of which no setting is part may hold anything. */
extern const struct patroni_level patroni_levels[];
extern const size_t patroni_levels_count;

/* Sections about a store that pgraft does without. */
extern const char *const patroni_stores[];
extern const size_t patroni_stores_count;

/* What is missing in the section `postgresql` of @root, which has one. */
void patroni_check_postgresql(const struct tree_node *root, struct problems *problems);

#endif /* CONFIG_PATRONI_H_ */
