/* daemon/run.h - the life of a node, from a checked configuration to a clean stop. */
#ifndef DAEMON_RUN_H_
#define DAEMON_RUN_H_

#include <stdbool.h>

#include "base/err.h"
#include "config/config.h"
#include "daemon/relaunch.h"

/* Reads the same configuration again, for SIGHUP. */
struct run_source {
    int (*load)(void *ctx, struct config *out, struct problems *problems);
    void *ctx;
    struct relaunch *relaunch; /* due afterwards: to become the program that is installed now */
    bool adopts;               /* the data directory that is there is to be taken over */
};

/* Run the node that @config describes, in the foreground; returns when it has stopped, 0 after a
 * clean stop. @config changes when it is reloaded. */
int daemon_run(struct config *config, const struct run_source *source, struct err *err);

#endif /* DAEMON_RUN_H_ */
