/* ctl/edit_set.h - one `key.path=value` of the command line, put into a document. Pure. */
#ifndef CTL_EDIT_SET_H_
#define CTL_EDIT_SET_H_

#include <jansson.h>

#include "base/err.h"

/* The value is YAML; nothing or null deletes, and a map that has nothing left goes with it. Names
 * of PostgreSQL's parameters may have dots: below postgresql.parameters all that follows is one
 * name.
 * @prefix: "" or what is put before the path, "postgresql.parameters.". ERR_USAGE: it is none. */
int edit_set(json_t *document, const char *prefix, const char *pair, struct err *err);

#endif /* CTL_EDIT_SET_H_ */
