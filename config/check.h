/* config/check.h - what the settings have to be to each other; for config/load.c. */
#ifndef CONFIG_CHECK_H_
#define CONFIG_CHECK_H_

#include "config/problems.h"
#include "config/settings.h"
#include "config/yaml_tree.h"

struct check {
    struct config *config;
    struct problems *problems;
    const struct tree_node *root; /* for the sections that no setting is part of */
    const bool *failed; /* of each row: it was given and could not be used, which was told */
    const char *source; /* the file, for what stands nowhere; NULL: there is none */
};

/* Fill in what follows from other settings. */
void check_derive(const struct check *c);
void check_all(const struct check *c);
/* Those of the sections for PostgreSQL. */
void check_pg(const struct check *c);
/* A problem of the row @path, where it was given or else in the file as a whole. */
void check_tell(const struct check *c, enum problem_level level, const char *path, const char *fmt,
                ...) __attribute__((format(printf, 4, 5)));

#endif /* CONFIG_CHECK_H_ */
