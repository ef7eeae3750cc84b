/* ctl/commands.c - the command table of pgraftctl; a new command is a new row, in order of names.
 */
#include "ctl/commands.h"

#include "base/version.h"
#include "ctl/cmd.h"
#include "ctl/output.h"

static const struct cli_option plan_options[] = {
    {.name = "databases", .value = "N", .help = "hosts that run PostgreSQL"},
    {.name = "survive", .value = "N", .help = "how many nodes may fail at the same time"},
    {.name = "sites", .value = "N", .help = "data centres that hold databases"},
    {.name = "databases-per-site",
     .value = "N",
     .help = "hosts that run PostgreSQL in each of them"},
    {.name = "survive-sites", .value = "N", .help = "how many whole data centres may fail"},
    {.name = "max-voters", .value = "N", .help = "stay with this raft.max_voters; up to 9"},
    {.name = "write-configs", .value = "DIR", .help = "write the configuration of every node, too"},
    {.name = "layout",
     .value = "LAYOUT",
     .choices = CLI_CHOICES("nodes", "cheapest", "full", "fullest"),
     .help = "whose files to write, when there are two; default: the first"},
    {.name = "scope", .value = "NAME", .help = "name of the cluster in them; default: demo"},
    {.name = "address",
     .value = "ADDRESS",
     .list = true,
     .help = "the host of one node in them, as NAME=HOST"},
    {.name = "address-pattern",
     .value = "PATTERN",
     .help = "the hosts of all others, with {name}, {site} or {n} in it: 10.0.0.{n}"},
    {.name = "force", .help = "write into a directory that is not empty; its secret is kept"},
    {.name = NULL},
};

static const struct cli_command commands[] = {
    CLI_COMPLETION_COMMAND("pgraftctl"),
    {
        .name = "config generate",
        .summary = "Print a commented configuration to begin with.",
        .example = "pgraftctl config generate > pgraft.yml",
        .run = cmd_config_generate,
    },
    {
        .name = "config show",
        .summary = "Show the whole configuration of a node and where each value comes from.",
        .options = CLI_OPTIONS({.name = "config",
                                .letter = 'c',
                                .value = "FILE",
                                .help = "the file, or a directory of *.yml; default: "
                                        "/etc/pgraft/pgraft.yml"}),
        .example = "pgraftctl config show -c /etc/pgraft/pgraft.yml",
        .run = cmd_config_show,
    },
    CLI_HELP_COMMAND("pgraftctl"),
    {
        .name = "plan",
        .summary = "Say how many votes survive what, where they belong, and write the "
                   "configurations.",
        .options = plan_options,
        .example = "pgraftctl plan --databases 3 --survive 2 --write-configs cluster",
        .run = cmd_plan,
    },
    {
        .name = "secret generate",
        .summary = "Make the secret that all nodes of a cluster share.",
        .options = CLI_OPTIONS({.name = "output",
                                .letter = 'o',
                                .value = "FILE",
                                .help = "write it there, readable by its owner only"},
                               {.name = "force", .help = "replace the file"}),
        .example = "pgraftctl secret generate --output secret",
        .run = cmd_secret_generate,
    },
    {
        .name = "version",
        .summary = "Print the version of this program.",
        .example = "pgraftctl version",
        .run = cli_run_version,
    },
    {.name = NULL},
};

static const struct cli_option options[] = {
    OUTPUT_OPTION,
    {.name = NULL},
};

const struct cli_program pgraftctl = {
    .name = "pgraftctl",
    .version = PGRAFT_VERSION,
    .summary = "Ask and command the nodes of a pgraft cluster.",
    .notes = "The commands that talk to a node arrive with a later version.",
    .exit_statuses =
        "0 done, 1 refused (reason on stderr), 2 usage, 3 outcome unknown, 4 no quorum",
    .options = options,
    .commands = commands,
};
