/* ctl/commands.c - the command table of pgraftctl; a new command is a new row, in order of names.
 */
#include "ctl/commands.h"

#include "base/version.h"
#include "ctl/config.h"

static const struct cli_command commands[] = {
    CLI_COMPLETION_COMMAND("pgraftctl"),
    {
        .name = "config generate",
        .summary = "Print a commented configuration to begin with.",
        .example = "pgraftctl config generate > pgraft.yml",
        .run = ctl_config_generate,
    },
    {
        .name = "config show",
        .summary = "Show the whole configuration of a node and where each value comes from.",
        .options = CLI_OPTIONS(CTL_CONFIG_OPTION),
        .example = "pgraftctl config show -c /etc/pgraft/pgraft.yml",
        .run = ctl_config_show,
    },
    CLI_HELP_COMMAND("pgraftctl"),
    {
        .name = "version",
        .summary = "Print the version of this program.",
        .example = "pgraftctl version",
        .run = cli_run_version,
    },
    {.name = NULL},
};

const struct cli_program pgraftctl = {
    .name = "pgraftctl",
    .version = PGRAFT_VERSION,
    .summary = "Ask and command the nodes of a pgraft cluster.",
    .notes = "The commands that talk to a node arrive with a later version.",
    .exit_statuses =
        "0 done, 1 refused (reason on stderr), 2 usage, 3 outcome unknown, 4 no quorum",
    .commands = commands,
};
