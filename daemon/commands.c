/* daemon/commands.c - the command table of pgraftd: running a node, and what it can tell. */
#include "daemon/commands.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/version.h"
#include "daemon/options.h"
#include "daemon/run.h"
#include "daemon/wire_config.h"
#include "daemon/wire_http.h"

/* Everything that is wrong, on stderr, whether or not it can be borne. */
static void tell(const struct problems *problems)
{
    CLEANUP(buf_close) struct buf text = {0};
    problems_print(problems, &text);
    (void)fputs(buf_text(&text), stderr); /* when this fails there is nobody to tell */
}

static void tell_errors(const struct problems *problems)
{
    CLEANUP(buf_close) struct buf text = {0};
    problems_print_level(problems, PROBLEM_ERROR, &text);
    (void)fputs(buf_text(&text), stderr);
}

static int check_ciphers(const struct config *config, struct err *err)
{
    int code = 0;
    if (config->restapi.ciphers != NULL) {
        struct wire_http *wire = wire_http_create(config, &config->restapi);
        code = http_check_priorities(wire_http_settings(wire)->priorities, err);
        wire_http_destroy(wire);
    }
    return code;
}

static int validate(const struct config *config, const struct problems *problems, struct err *err)
{
    CLEANUP(buf_close) struct buf text = {0};
    if (problems_count(problems, PROBLEM_ERROR) + problems_count(problems, PROBLEM_WARNING) > 0) {
        return 1;
    }
    int code = check_ciphers(config, err);
    if (code != 0) {
        return code;
    }
    buf_printf(&text, "the configuration of %s %s in cluster %s is fine\n",
               config->role == CONFIG_WITNESS ? "witness" : "voter", config->name, config->scope);
    return cli_put(&text, err);
}

/* What an upgrade is told by the new program. */
static int check_start(const struct config *config, const struct problems *problems,
                       struct err *err)
{
    CLEANUP(buf_close) struct buf text = {0};
    if (problems_count(problems, PROBLEM_ERROR) > 0) {
        return 1;
    }
    int code = check_ciphers(config, err);
    if (code == 0 && config->role != CONFIG_ROLE_UNKNOWN) {
        struct wire_config shared;
        code = wire_config_open(&shared, config, err); /* its other programs are there, too */
        wire_config_close(&shared);
    }
    buf_printf(&text, "%s\n", PGRAFT_VERSION);
    return code != 0 ? code : cli_put(&text, err);
}

/* SIGHUP: the same words again. */
static int load_again(void *ctx, struct config *out, struct problems *problems)
{
    return options_load(ctx, out, problems, NULL);
}

/* Until it ends, or has become another program; where that fails, this one goes on. */
static int run_again_and_again(const struct cli_call *call, struct config *config, struct err *err)
{
    CLEANUP(relaunch_close) struct relaunch relaunch = {.words = NULL};
    struct cli_call again = *call;
    const struct run_source source = {.load = load_again,
                                      .ctx = &again,
                                      .relaunch = &relaunch,
                                      .adopts = cli_given(call, "adopt")};
    (void)relaunch_init(&relaunch, &relaunch.failed); /* then it can not be upgraded */
    int code = daemon_run(config, &source, err);
    while (code == 0 && relaunch.is_due) {
        (void)relaunch_now(&relaunch); /* it has failed, then, and is told */
        code = daemon_run(config, &source, err);
    }
    return code;
}

static int run_node(const struct cli_call *call, struct err *err)
{
    CLEANUP(config_close) struct config config = {0};
    CLEANUP(problems_close) struct problems problems = {0};
    int rc = options_load(call, &config, &problems, err);
    if (rc != 0) {
        return rc;
    }
    if (cli_given(call, "check-start")) {
        tell_errors(&problems);
        return check_start(&config, &problems, err);
    }
    tell(&problems);
    if (cli_given(call, "validate-config")) {
        return validate(&config, &problems, err);
    }
    if (problems_count(&problems, PROBLEM_ERROR) > 0) {
        return 1;
    }
    return run_again_and_again(call, &config, err);
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
        "Runs in the foreground until SIGTERM; SIGHUP reads the configuration again. A "
        "voter starts and supervises its PostgreSQL. A "
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
