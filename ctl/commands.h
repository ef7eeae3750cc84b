/* ctl/commands.h - what pgraftctl can do, as a table. */
#ifndef CTL_COMMANDS_H_
#define CTL_COMMANDS_H_

#include "base/cli.h"

extern const struct cli_program pgraftctl;

/* What the program is, @called being the first word of argv: pgraftctl, or patronictl. */
const struct cli_program *ctl_program(const char *called);

#endif /* CTL_COMMANDS_H_ */
