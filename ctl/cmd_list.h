/* ctl/cmd_list.h - what list and topology have in common. */
#ifndef CTL_CMD_LIST_H_
#define CTL_CMD_LIST_H_

#include <stdbool.h>

#include "base/cli.h"
#include "base/err.h"

struct cmd_list {
    bool topology;
    bool extended;
    bool timestamp;
    bool all;
};

/* Once, or until it is ended. */
int cmd_list_run(const struct cli_call *call, const struct cmd_list *wish, struct err *err);

#endif /* CTL_CMD_LIST_H_ */
