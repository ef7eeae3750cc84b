/* supervisor/pg_names.h - which parameters a version of PostgreSQL has.
 *
 * A server refuses to start over a name that it does not know. So names that came or went between
 * 13 and 18 stand in a table here; all others are taken to be in all of these versions, unless the
 * names that the server itself knows are handed in. */
#ifndef SUPERVISOR_PG_NAMES_H_
#define SUPERVISOR_PG_NAMES_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum pg_name {
    PG_NAME_FINE,
    PG_NAME_NEWER, /* of a later version than this */
    PG_NAME_GONE,  /* of an earlier one */
    PG_NAME_NONE,  /* of none that is known */
    PG_NAME_WRONG, /* no name at all */
};

/* Names that a server knows: of pg_settings, or of --describe-config; NULL: not asked yet. */
struct pg_known {
    const char *const *at;
    size_t count;
};

/* Of @name in lower case. @ret_since: of PG_NAME_NEWER the version that has it, of PG_NAME_GONE the
 * first that has not. Names with a dot are those of extensions, and fine. */
enum pg_name pg_name_check(const char *name, unsigned major, const struct pg_known *known,
                           unsigned *ret_since);
/* What @name is called in this version; @name itself where nothing was renamed. */
const char *pg_name_in(const char *name, unsigned major);
/* The known name that was probably meant, or NULL. */
const char *pg_name_guess(const char *name, const struct pg_known *known);

#endif /* SUPERVISOR_PG_NAMES_H_ */
