/* daemon/run.c - running a node, which this version can not do yet. */
#include "daemon/run.h"

int daemon_run(const struct config *config, struct err *err)
{
    return err_set(err, ERR_REFUSED,
                   "the configuration of %s is fine, but this version can not run a %s yet",
                   config->name, config->role == CONFIG_WITNESS ? "witness" : "voter");
}
