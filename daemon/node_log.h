/* daemon/node_log.h - the log as the configuration wants it, and events of the library as lines of
 * it. */
#ifndef DAEMON_NODE_LOG_H_
#define DAEMON_NODE_LOG_H_

#include <stdbool.h>

#include "base/err.h"
#include "config/config.h"
#include "consensus/pgraft.h"

/* Destination, format and levels; again after a reload. */
int node_log_open(const struct config *config, struct err *err);
/* Levels alone. */
int node_log_levels(const struct config *config, struct err *err);
/* Lines would go elsewhere, or look otherwise, with @fresh. */
bool node_log_moves(const struct config *running, const struct config *fresh);
void node_log_event(const struct pgraft_event *event);

#endif /* DAEMON_NODE_LOG_H_ */
