/* daemon/commands.h - what pgraftd can be started for, as a table. */
#ifndef DAEMON_COMMANDS_H_
#define DAEMON_COMMANDS_H_

#include "base/cli.h"

extern const struct cli_program pgraftd;

/* Before the table is used: the options of a node come from the table of settings. */
void pgraftd_prepare(void);

#endif /* DAEMON_COMMANDS_H_ */
