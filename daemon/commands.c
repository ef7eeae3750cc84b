/* daemon/commands.c - the command table of pgraftd: running a node, and what it can tell. */
#include "daemon/commands.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/version.h"
#include "daemon/options.h"
#include "daemon/run.h"
#include "daemon/wire_http.h"

/* Everything that is wrong, on stderr, whether or not it can be borne. */
static void tell(const struct problems *problems)
{
    CLEANUP(buf_close) struct buf text = {0};
    problems_print(problems, &text);
    (void)fputs(buf_text(&text), stderr); /* when this fails there is nobody to tell */
}

static int validate(const struct config *config, const struct problems *problems, struct err *err)
{
    CLEANUP(buf_close) struct buf text = {0};
    if (problems_count(problems, PROBLEM_ERROR) + problems_count(problems, PROBLEM_WARNING) > 0) {
        return 1;
    }
    if (config->restapi.ciphers != NULL) {
        struct wire_http wire = {.headers = NULL};
        wire_http_fill(&wire, config);
        int code = http_check_priorities(wire.settings.priorities, err);
        wire_http_close(&wire);
        if (code != 0) {
            return code;
        }
    }
    buf_printf(&text, "the configuration of %s %s in cluster %s is fine\n",
               config->role == CONFIG_WITNESS ? "witness" : "voter", config->name, config->scope);
    return cli_put(&text, err);
}

/* SIGHUP: the same words again. */
static int load_again(void *ctx, struct config *out, struct problems *problems)
{
    return options_load(ctx, out, problems, NULL);
}

static int run_node(const struct cli_call *call, struct err *err)
{
    CLEANUP(config_close) struct config config = {0};
    CLEANUP(problems_close) struct problems problems = {0};
    int rc = options_load(call, &config, &problems, err);
    if (rc != 0) {
        return rc;
    }
    tell(&problems);
    if (cli_given(call, "validate-config")) {
        return validate(&config, &problems, err);
    }
    if (problems_count(&problems, PROBLEM_ERROR) > 0) {
        return 1;
    }
    struct cli_call again = *call;
    const struct run_source source = {.load = load_again, .ctx = &again};
    return daemon_run(&config, &source, err);
}

static struct cli_option node_options[OPTIONS_MAX];

/* What pgraftd does when no command is named. */
static const struct cli_command node = {
    .options = node_options,
    .example = "pgraftd --witness -c /etc/pgraft/pgraft.yml",
    .run = run_node,
};

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
        "Runs in the foreground until SIGTERM; SIGHUP reads the configuration again. This version "
        "runs the store of a node; it does not start a PostgreSQL yet. A "
        "setting comes from a flag, else from a variable (PGRAFT_RAFT_LISTEN for "
        "raft.listen), else from the file.",
    .exit_statuses = "0 done, 1 failed (reason on stderr), 2 usage",
    .commands = commands,
    .alone = &node,
};

void pgraftd_prepare(void)
{
    options_fill(node_options);
}
