/* config/variables.h - which variables of the environment mean something, and what was probably
 * meant by another. */
#ifndef CONFIG_VARIABLES_H_
#define CONFIG_VARIABLES_H_

#include "config/problems.h"

/* Judge the names of the variables that begin with PGRAFT_ or PATRONI_. */
void variables_check(const char *const *environment, struct problems *problems);
/* Where a variable about a user of bootstrap.users belongs: "bootstrap.users.admin.password" of
 * "PATRONI_admin_PASSWORD=x"; NULL: it is none. Free it. */
char *variables_user_path(const char *variable);

#endif /* CONFIG_VARIABLES_H_ */
