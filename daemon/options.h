/* daemon/options.h - the options of a node: a few of their own, and the settings that have a flag.
 */
#ifndef DAEMON_OPTIONS_H_
#define DAEMON_OPTIONS_H_

#include "base/cli.h"
#include "config/config.h"

#define OPTIONS_OWN 6
#define OPTIONS_MAX (OPTIONS_OWN + CONFIG_ROWS_MAX + 1)

/* All rows and the end of the list. */
void options_fill(struct cli_option out[OPTIONS_MAX]);
/* Load what the words of @call ask for, as config_load() does. */
int options_load(const struct cli_call *call, struct config *out, struct problems *problems,
                 struct err *err);

#endif /* DAEMON_OPTIONS_H_ */
