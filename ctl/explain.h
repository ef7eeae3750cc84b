/* ctl/explain.h - POST /pgraft/v1/config/explain: what a node goes by, and where it is from. */
#ifndef CTL_EXPLAIN_H_
#define CTL_EXPLAIN_H_

#include <jansson.h>

#include "base/err.h"
#include "ctl/ask.h"

/* Of one setting, or of all that are said somewhere (@name NULL). The caller's. ERR_NOT_FOUND:
 * there is no such setting, and what is called nearly so; ERR_REFUSED: this node can not tell. */
int explain_ask(struct ask *ask, const char *name, json_t **ret_told, struct err *err);

#endif /* CTL_EXPLAIN_H_ */
