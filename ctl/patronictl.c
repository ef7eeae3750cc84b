/* ctl/patronictl.c - the same program called as patronictl: Patroni's commands, options and
 * letters.
 *
 * The rows are those of pgraftctl, copied once at the start; what differs is the options that every
 * command takes, and letters that mean something else there (-e, -t and -d). What makes no sense
 * without a store of its own is refused, or said to be ignored: never silently. */
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/version.h"
#include "ctl/cmd.h"
#include "ctl/commands.h"
#include "ctl/config.h"
#include "ctl/output.h"

static const struct cli_option options[] = {
    {.name = "config",
     .alias = "config-file",
     .letter = 'c',
     .value = "FILE",
     .help = "the configuration of the node to ask; default: PATRONICTL_CONFIG_FILE, else "
             "~/.config/patroni/patronictl.yaml"},
    {.name = "dcs-url",
     .alias = "dcs",
     .letter = 'd',
     .value = "URL",
     .help = "ignored where nothing is changed, else refused: there is no store beside the nodes"},
    {.name = "insecure", .letter = 'k', .help = "believe any certificate"},
    {.name = "group", .value = "GROUP", .help = "refused: there are no groups of Citus"},
    OUTPUT_OPTION,
    CTL_MORE_OPTIONS,
    {.name = NULL},
};

/* Patroni's commands, in order; the others of pgraftctl are not shown. */
static const char *const names[] = {
    "completion", "demote-cluster", "dsn",     "edit-config", "failover",        "flush",
    "help",       "history",        "list",    "pause",       "promote-cluster", "query",
    "reinit",     "reload",         "remove",  "restart",     "resume",          "show-config",
    "switchover", "topology",       "version",
};

/* Those that change nothing. */
static const char *const readers[] = {"completion",  "dsn",      "history", "list",
                                      "show-config", "topology", "version"};

/* ---- the rows ---- */

/* "pgraftctl list --all" as "patronictl list --all". The text lives as long as the program. */
static const char *renamed(const char *example)
{
    static const char from[] = "pgraftctl";
    struct buf out = {0};
    for (const char *at = NULL; (at = strstr(example, from)) != NULL; example = at + strlen(from)) {
        buf_append(&out, example, (size_t)(at - example));
        buf_str(&out, "patronictl");
    }
    buf_str(&out, example);
    return buf_take(&out);
}

static bool has_letter(char letter)
{
    for (const struct cli_option *o = options; o->name != NULL; o++) {
        if (letter != 0 && o->letter == letter) {
            return true;
        }
    }
    return false;
}

static char letter_of(const struct cli_command *command, const struct cli_option *option)
{
    static const struct {
        const char *command;
        const char *option;
        char letter;
    } patronis[] = {{"list", "extended", 'e'}, {"list", "timestamp", 't'}};
    for (size_t i = 0; i < ARRAY_LEN(patronis); i++) {
        if (strcmp(command->name, patronis[i].command) == 0 &&
            strcmp(option->name, patronis[i].option) == 0) {
            return patronis[i].letter;
        }
    }
    return option->letter;
}

static const struct cli_option *options_of(const struct cli_command *command)
{
    size_t count = 0;
    while (command->options != NULL && command->options[count].name != NULL) {
        count++;
    }
    struct cli_option *own = mem_array(count + 1, sizeof(*own)); /* the last row is empty */
    for (size_t i = 0; i < count; i++) {
        own[i] = command->options[i];
        own[i].letter = letter_of(command, &own[i]);
        own[i].takes_letter = has_letter(own[i].letter);
    }
    return own;
}

static const struct cli_command *copied_commands(void)
{
    struct cli_command *rows = mem_array(ARRAY_LEN(names) + 1, sizeof(*rows));
    size_t count = 0;
    for (const struct cli_command *c = pgraftctl.commands; c->name != NULL; c++) {
        if (count < ARRAY_LEN(names) && strcmp(c->name, names[count]) == 0) {
            rows[count] = *c;
            rows[count].example = renamed(c->example);
            rows[count].options = c->options != NULL ? options_of(c) : NULL;
            count++;
        }
    }
    MUST(count == ARRAY_LEN(names));
    return rows;
}

/* ---- what is looked at before a command ---- */

static bool changes_nothing(const struct cli_command *command)
{
    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        if (strcmp(command->name, readers[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* A URL of a store says in Patroni which cluster is meant, above the file. Here nobody can follow
 * it, so nothing may be changed that could be another one's. */
static int before(const struct cli_call *call, struct err *err)
{
    bool is_option = cli_given(call, "dcs-url");
    const char *what = is_option ? "--dcs-url" : "DCS_URL";
    if (cli_given(call, "group")) {
        return cli_usage(call, err, "option \"--group\": pgraft has no groups of Citus");
    }
    if (!is_option && ctl_dcs_url() == NULL) {
        return 0;
    }
    if (!changes_nothing(call->command) && !cli_given(call, "endpoint")) {
        return err_set(err, ERR_REFUSED,
                       "%s names a store, and there is none beside the nodes: without it, or with "
                       "--endpoint, say which cluster \"%s\" is for",
                       what, call->command->name);
    }
    cmd_warn(call, "%s is ignored: there is no store beside the nodes, which are asked", what);
    return 0;
}

/* ---- the program ---- */

static bool is_called(const char *path, const char *name)
{
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    return path != NULL && strcmp(slash != NULL ? slash + 1 : path, name) == 0;
}

const struct cli_program *ctl_program(const char *called)
{
    static struct cli_program patronictl;
    if (!is_called(called, CTL_PATRONICTL)) {
        return &pgraftctl;
    }
    patronictl = (struct cli_program){
        .name = CTL_PATRONICTL,
        .version = PGRAFT_VERSION,
        .summary = "Ask and command a pgraft cluster as Patroni's program of this name does.",
        .notes =
            "This is pgraftctl, which has more commands. It finds the node on this host by "
            "itself.",
        .exit_statuses = pgraftctl.exit_statuses,
        .before = before,
        .options = options,
        .commands = copied_commands(),
    };
    return &patronictl;
}
