/* ctl/cmd.h - what the commands of pgraftctl have in common; each cmd_*.c runs a few of them. */
#ifndef CTL_CMD_H_
#define CTL_CMD_H_

#include <stdint.h>

#include "base/cli.h"
#include "base/err.h"

/* The value of an option as a decimal number from @min to @max; *ret_value is left alone when the
 * option is not given. */
int cmd_number(const struct cli_call *call, const char *option, uint64_t min, uint64_t max,
               uint64_t *ret_value, struct err *err);

int cmd_config_generate(const struct cli_call *call, struct err *err);
int cmd_config_show(const struct cli_call *call, struct err *err);
int cmd_plan(const struct cli_call *call, struct err *err);
int cmd_secret_generate(const struct cli_call *call, struct err *err);

#endif /* CTL_CMD_H_ */
