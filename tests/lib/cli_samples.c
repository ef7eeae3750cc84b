/* tests/lib/cli_samples.c - programs with every kind of row. */
#include "tests/lib/cli_samples.h"

static int run_sample(const struct cli_call *call, struct err *err)
{
    (void)call;
    (void)err;
    return 0;
}

/* clang-format off */
static const struct cli_command sample_commands[] = {
    CLI_COMPLETION_COMMAND("sample"),
    {
        .name = "flush",
        .summary = "Forget what was scheduled.",
        .arguments = CLI_ARGUMENTS(
            {.name = "CLUSTER", .help = "the cluster"},
            {.name = "MEMBER", .optional = true, .many = true, .help = "the members"},
            {.name = "WHAT", .choices = CLI_CHOICES("restart", "switchover"), .help = "what"}),
        .example = "sample flush demo pg1 pg2 restart",
        .run = run_sample,
    },
    CLI_HELP_COMMAND("sample"),
    {
        .name = "kv get",
        .summary = "Read a key.",
        .arguments = CLI_ARGUMENTS({.name = "KEY", .help = "the key"}),
        .options = CLI_OPTIONS({.name = "rev", .letter = 'r', .value = "N", .help = "as of then"}),
        .example = "sample kv get motd",
        .run = run_sample,
    },
    {
        .name = "kv put",
        .summary = "Write a key.",
        .arguments = CLI_ARGUMENTS(
            {.name = "KEY", .help = "the key"},
            {.name = "VALUE", .optional = true, .help = "default: stdin"}),
        .example = "sample kv put motd hello",
        .run = run_sample,
    },
    {
        .name = "list",
        .summary = "Show the members.",
        .options = CLI_OPTIONS(
            {.name = "extended", .letter = 'e', .help = "more columns"},
            {.name = "tag", .letter = 't', .list = true, .value = "TAG", .help = "only with it"}),
        .arguments = CLI_ARGUMENTS(
            {.name = "CLUSTER", .optional = true, .many = true, .help = "the clusters"}),
        .example = "sample list --tag a | sort",
        .run = run_sample,
    },
    {
        .name = "raft",
        .summary = "Show the voters.",
        .options = CLI_OPTIONS({.name = "health", .help = "ask each of them"}),
        .example = "sample raft --health",
        .run = run_sample,
    },
    {
        .name = "raft form",
        .summary = "Form a cluster although somebody is missing.",
        .options = CLI_OPTIONS(
            {.name = "without", .list = true, .value = "NODE", .help = "who is missing"}),
        .example = "sample raft form --without pg3",
        .run = run_sample,
    },
    {
        .name = "restore",
        .summary = "Restore a snapshot.",
        .arguments = CLI_ARGUMENTS({.name = "FILE", .help = "the snapshot"}),
        .options = CLI_OPTIONS({.name = "to", .value = "DIR", .help = "the data directory"}),
        .example = "sample restore snapshot --to data",
        .run = run_sample,
    },
    {
        .name = "switchover",
        .summary = "Move the primary.",
        .options = CLI_OPTIONS(
            {.name = "candidate", .letter = 'c', .value = "NODE", .help = "to where"}),
        .example = "sample switchover -c pg2",
        .run = run_sample,
    },
    {.name = NULL},
};
const struct cli_program sample = {
    .name = "sample",
    .version = "1.2.3",
    .summary = "Show every kind of row.",
    .exit_statuses = "0 done, 2 usage",
    .options = CLI_OPTIONS(
        {.name = "format", .letter = 'f', .value = "FORMAT", .help = "how to print",
         .choices = CLI_CHOICES("pretty", "json", "yaml")},
        {.name = "verbose", .letter = 'v', .help = "say more"}),
    .commands = sample_commands,
};
/* A program that runs without a command. */
const struct cli_program daemon_like = {
    .name = "daemon-like",
    .version = "1.2.3",
    .summary = "Run until stopped.",
    .exit_statuses = "0 done, 2 usage",
    .commands = (const struct cli_command[]){CLI_COMPLETION_COMMAND("daemon-like"),
                                             CLI_HELP_COMMAND("daemon-like"), {.name = NULL}},
    .alone = &(const struct cli_command){
        .options = CLI_OPTIONS(
            {.name = "config", .letter = 'c', .value = "FILE", .help = "what to read"},
            {.name = "check", .value = "FILE", .value_optional = true, .help = "only read it"},
            {.name = "witness", .help = "vote only"}),
        .example = "daemon-like --config node.yml",
        .run = run_sample,
    },
};
/* A program with options of two names, and a command that takes letters of the program's. */
const struct cli_program taking = {
    .name = "taking",
    .version = "1.2.3",
    .summary = "Take letters.",
    .exit_statuses = "0 done, 2 usage",
    .options = CLI_OPTIONS(
        {.name = "config", .alias = "config-file", .letter = 'c', .value = "FILE", .help = "what to read"},
        {.name = "endpoint", .letter = 'e', .value = "URL", .help = "whom to ask"}),
    .commands = (const struct cli_command[]){
        CLI_COMPLETION_COMMAND("taking"),
        CLI_HELP_COMMAND("taking"),
        {
            .name = "query",
            .summary = "Ask.",
            .options = CLI_OPTIONS(
                {.name = "command", .letter = 'c', .takes_letter = true, .value = "SQL", .help = "what to ask"},
                {.name = "extended", .letter = 'e', .takes_letter = true, .help = "more columns"}),
            .example = "taking -c x query -c y",
            .run = run_sample,
        },
        {.name = NULL}},
};
/* clang-format on */
