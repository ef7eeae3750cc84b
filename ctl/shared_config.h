/* ctl/shared_config.h - the configuration that all nodes share: read, shown, and written back. */
#ifndef CTL_SHARED_CONFIG_H_
#define CTL_SHARED_CONFIG_H_

#include <stdbool.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cli.h"
#include "base/err.h"
#include "ctl/ask.h"
#include "ctl/output.h"

/* What there is, of the cluster that @call names, if it names one. *ret_view: what the node tells
 * of the cluster, for told_end(); may be NULL. Both are the caller's. */
int shared_config_get(const struct cli_call *call, struct ask *ask, struct ask_version *ret_version,
                      json_t **ret_view, struct err *err);
/* May what was read be replaced, and nothing else? Only with its revision. ERR_PROTOCOL: it has
 * none. */
int shared_config_check_version(const struct ask *ask, const struct ask_version *version,
                                struct err *err);
/* @document in the place of what was read as @version. ERR_CONFLICT: somebody else was faster;
 * ERR_REFUSED: it is wrong, or may not be changed. */
int shared_config_put(struct ask *ask, const struct ask_version *version, json_t *document,
                      struct err *err);

/* Whether @document has the cluster paused, as the nodes read it. */
bool shared_config_is_paused(json_t *document);

/* Append it with its keys in order, as block YAML or as JSON. */
void shared_config_print(struct buf *out, enum output_format format, json_t *document);

#endif /* CTL_SHARED_CONFIG_H_ */
