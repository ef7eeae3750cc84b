/* daemon/commands.h - what pgraftd can be started for, as a table. */
#ifndef DAEMON_COMMANDS_H_
#define DAEMON_COMMANDS_H_

#include "base/cli.h"

extern const struct cli_program pgraftd;

#endif /* DAEMON_COMMANDS_H_ */
