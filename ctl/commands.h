/* ctl/commands.h - what pgraftctl can do, as a table. */
#ifndef CTL_COMMANDS_H_
#define CTL_COMMANDS_H_

#include "base/cli.h"

extern const struct cli_program pgraftctl;

#endif /* CTL_COMMANDS_H_ */
