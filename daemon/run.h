/* daemon/run.h - the life of a node, from a checked configuration to a clean stop. */
#ifndef DAEMON_RUN_H_
#define DAEMON_RUN_H_

#include "base/err.h"
#include "config/config.h"

/* Run the node that @config describes; returns when it has stopped, 0 after a clean stop. */
int daemon_run(const struct config *config, struct err *err);

#endif /* DAEMON_RUN_H_ */
