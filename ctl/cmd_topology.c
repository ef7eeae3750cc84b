/* ctl/cmd_topology.c - topology: the same members, below whom they replicate from. */
#include "base/cli.h"
#include "ctl/cmd.h"
#include "ctl/cmd_list.h"

int cmd_topology(const struct cli_call *call, struct err *err)
{
    const struct cmd_list wish = {.topology = true};
    return cmd_list_run(call, &wish, err);
}
