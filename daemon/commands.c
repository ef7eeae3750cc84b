/* daemon/commands.c - the command table of pgraftd: running a node, and what it can tell. */
#include "daemon/commands.h"

#include "base/version.h"

static int run_node(const struct cli_call *call, struct err *err)
{
    return cli_usage(call, err,
                     "this version can not run a node yet: it shows its help and its version, and "
                     "prints its completion script");
}

/* What pgraftd does when no command is named; the options of a node belong here. */
static const struct cli_command node = {.run = run_node};

static const struct cli_command commands[] = {
    CLI_COMPLETION_COMMAND("pgraftd"),
    CLI_HELP_COMMAND("pgraftd"),
    {.name = NULL},
};

const struct cli_program pgraftd = {
    .name = "pgraftd",
    .version = PGRAFT_VERSION,
    .summary = "Run one node of a pgraft cluster: a voter with its PostgreSQL, or a witness.",
    .notes =
        "This version can not run a node yet. Voters (--voter) and witnesses (--witness) arrive "
        "with a later version; until then it refuses to start and says so.",
    .exit_statuses = "0 done, 1 failed (reason on stderr), 2 usage",
    .commands = commands,
    .alone = &node,
};
