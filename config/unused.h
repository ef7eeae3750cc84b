/* config/unused.h - keys of Patroni's that are read and have no effect here: whoever gives one is
 * told so. */
#ifndef CONFIG_UNUSED_H_
#define CONFIG_UNUSED_H_

#include <stdbool.h>
#include <stddef.h>

#include "config/check.h"

struct unused_key {
    const char *path;  /* "log.format"; below "postgresql." also those of bootstrap.dcs */
    const char *usual; /* with this value nothing is missed; NULL: with none */
    bool is_missed;    /* somebody may rely on it: a warning, not a note */
    const char *why;
};

extern const struct unused_key unused_keys[];
extern const size_t unused_keys_count;

/* Tell of each that is given. */
void check_unused(const struct check *c);
/* The row of "LOG_FORMAT", as a variable of Patroni's has it; NULL: there is none. */
const struct unused_key *unused_variable(const char *name);

#endif /* CONFIG_UNUSED_H_ */
