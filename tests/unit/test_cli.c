/* tests/unit/test_cli.c - a command table, parsed, explained and completed.
 *
 * Claim: every way of writing a call is understood or refused with one specific line; help and
 * completion say what the parser does. Method: tables of lines and what they come to, over a sample
 * program with every kind of row; the completion script runs in a bash of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/mem.h"
#include "base/must.h"
#include "tests/lib/cli_samples.h"
#include "tests/lib/death.h"
#include "tests/lib/scratch.h"

/* --- Parsing --- */

/* "RUN command (argument, ...) option=value ..." or what else the call is. */
static void render(const struct cli_call *call, const struct cli_option *own, struct buf *out)
{
    const char *const wishes[] = {
        [CLI_RUN] = "RUN", [CLI_HELP] = "HELP", [CLI_VERSION] = "VERSION"};
    buf_str(out, wishes[call->wish]);
    if (call->command != NULL && call->command->name != NULL) {
        buf_printf(out, " %s", call->command->name);
    } else if (call->group != NULL) {
        buf_printf(out, " %s...", call->group);
    }
    for (size_t i = 0; cli_argument(call, i) != NULL; i++) {
        buf_printf(out, " (%s)", cli_argument(call, i));
    }
    const struct cli_option *lists[] = {own, call->program->options};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (const struct cli_option *o = lists[i]; o != NULL && o->name != NULL; o++) {
            for (size_t n = 0; o->list && cli_value_at(call, o->name, n) != NULL; n++) {
                buf_printf(out, " %s+=%s", o->name, cli_value_at(call, o->name, n));
            }
            if (!o->list && cli_given(call, o->name)) {
                buf_printf(out, " %s=%s", o->name, cli_value(call, o->name));
            }
        }
    }
}

/* Parse @line, split at spaces ('' is an empty word), and render what comes of it. */
static void parse_line(const struct cli_program *program, const char *line, struct buf *out)
{
    CLEANUP(mem_freep) char *text = mem_printf("%s %s", program->name, line);
    char *words[32];
    int count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        words[count++] = strcmp(word, "''") == 0 ? word + 2 : word;
    }
    CLEANUP(cli_call_close) struct cli_call call = {0};
    struct err err = {0};
    int rc = cli_parse(program, count, words, &call, &err);
    if (rc < 0) {
        assert_int_equal(rc, ERR_USAGE);
        assert_null(call.program); /* written on success only */
        buf_str(out, err.msg);
        return;
    }
    render(&call, call.command != NULL ? call.command->options : NULL, out);
}

struct line_row {
    const char *line;
    const char *outcome;
};

static void check_lines(const struct cli_program *program, const struct line_row *rows,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf_close) struct buf got = {0};
        parse_line(program, rows[i].line, &got);
        if (strcmp(buf_text(&got), rows[i].outcome) != 0) {
            fail_msg("%s: got <%s>, not <%s>", rows[i].line, buf_text(&got), rows[i].outcome);
        }
    }
}

/* A line that is refused: why, with ' for ", and whose help is pointed at. */
struct bad_row {
    const char *line;
    const char *why;
    const char *where;
};

static void check_bad_lines(const struct cli_program *program, const struct bad_row *rows,
                            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool asks = rows[i].why[strlen(rows[i].why) - 1] == '?';
        CLEANUP(mem_freep)
        char *expected =
            mem_printf("%s%s try '%s --help'", rows[i].why, asks ? "" : ";", rows[i].where);
        for (char *at = expected; (at = strchr(at, '\'')) != NULL;) {
            *at = '"';
        }
        const struct line_row row = {rows[i].line, expected};
        check_lines(program, &row, 1);
    }
}

/* clang-format off */
static const struct line_row good_lines[] = {
    {"list",                                "RUN list"},
    {"list one two",                        "RUN list (one) (two)"},
    {"list --format json",                  "RUN list format=json"},
    {"list --format=json",                  "RUN list format=json"},
    {"list -f json",                        "RUN list format=json"},
    {"list -fjson",                         "RUN list format=json"},
    {"--format json list",                  "RUN list format=json"},
    {"-vf json list one",                   "RUN list (one) format=json verbose="},
    {"list -evfjson",                       "RUN list extended= format=json verbose="},
    {"list -v -v",                          "RUN list verbose="},
    {"list one -e two",                     "RUN list (one) (two) extended="},
    {"list --format json --format yaml",    "RUN list format=yaml"},
    {"list -ta --tag b --tag=c=d",          "RUN list tag+=a tag+=b tag+=c=d"},
    {"list --tag=",                         "RUN list tag+="},
    {"list --tag ''",                       "RUN list tag+="},
    {"list --tag --extended",               "RUN list tag+=--extended"},
    {"list -t -- x",                        "RUN list (x) tag+=--"},
    {"list -- --extended -e -- -v",         "RUN list (--extended) (-e) (--) (-v)"},
    {"-- list one",                         "RUN list (one)"},
    {"list - ''",                           "RUN list (-) ()"},
    {"switchover -cpg2",                    "RUN switchover candidate=pg2"},
    {"switchover -c=pg2",                   "RUN switchover candidate==pg2"},
    {"kv get a",                            "RUN kv get (a)"},
    {"kv get --rev 3 a",                    "RUN kv get (a) rev=3"},
    {"-v kv -f json get a -r3",             "RUN kv get (a) rev=3 format=json verbose="},
    {"kv put a",                            "RUN kv put (a)"},
    {"kv put a b",                          "RUN kv put (a) (b)"},
    {"raft",                                "RUN raft"},
    {"raft --health",                       "RUN raft health="},
    {"raft form",                           "RUN raft form"},
    {"raft -v form --without a --without b","RUN raft form without+=a without+=b verbose="},
    {"flush demo restart",                  "RUN flush (demo) (restart)"},
    {"flush demo pg1 pg2 switchover",       "RUN flush (demo) (pg1) (pg2) (switchover)"},
    {"completion bash",                     "RUN completion (bash)"},
    {"--help",                              "HELP"},
    {"-h",                                  "HELP"},
    {"help",                                "HELP"},
    {"help list",                           "HELP list"},
    {"help help",                           "HELP help"},
    {"help --help",                         "HELP"},
    {"help kv",                             "HELP kv..."},
    {"help kv get",                         "HELP kv get"},
    {"help raft",                           "HELP raft"},
    {"help raft form",                      "HELP raft form"},
    {"--help list",                         "HELP list"},
    {"list -eh",                            "HELP list extended="},
    {"kv --help",                           "HELP kv..."},
    {"kv --help get",                       "HELP kv get"},
    {"kv get --help",                       "HELP kv get"},
    {"flush --help",                        "HELP flush"},
    {"flush a b c --help",                  "HELP flush (a) (b) (c)"},
    {"--version",                           "VERSION"},
    {"list --version",                      "VERSION list"},
    {"kv --version",                        "VERSION kv..."},
    {"--version --help",                    "VERSION"},
    {"--help --version",                    "HELP"},
    {"list --tag --help",                   "RUN list tag+=--help"},
};
static const struct line_row taking_lines[] = {
    {"-c a query -c b -e",                  "RUN query command=b extended= config=a"},
    {"-e a query -ec b",                    "RUN query command=b extended= endpoint=a"},
    {"query --config a --endpoint b",       "RUN query config=a endpoint=b"},
    {"--config-file a query",               "RUN query config=a"},
    {"query --config a --config-file=b",    "RUN query config=b"},
};
static const struct bad_row taking_bad_lines[] = {
    {"query -e a", "unexpected argument 'a'", "taking query"},
    {"query --config-fil b", "unknown option '--config-fil', did you mean '--config-file'?", "taking query"},
};
static const struct bad_row bad_lines[] = {
    {"", "no command given", "sample"},
    {"-v", "no command given", "sample"},
    {"--", "no command given", "sample"},
    {"''", "unknown command ''", "sample"},
    {"swichover", "unknown command 'swichover', did you mean 'switchover'?", "sample"},
    {"xyzzy", "unknown command 'xyzzy'", "sample"},
    {"help swichover", "unknown command 'swichover', did you mean 'switchover'?", "sample"},
    {"rafd", "unknown command 'rafd', did you mean 'raft'?", "sample"},
    {"kvv get", "unknown command 'kvv', did you mean 'kv'?", "sample"},
    {"kv", "command 'kv' needs a second word", "sample kv"},
    {"kv -v", "command 'kv' needs a second word", "sample kv"},
    {"kv gt a", "unknown command 'kv gt', did you mean 'kv get'?", "sample kv"},
    {"kv frobnicate", "unknown command 'kv frobnicate'", "sample kv"},
    {"raft frm", "unknown command 'raft frm', did you mean 'raft form'?", "sample raft"},
    {"raft --health form", "unexpected argument 'form'", "sample raft"},
    {"form", "unknown command 'form'", "sample"},
    {"list --formt json", "unknown option '--formt', did you mean '--format'?", "sample list"},
    {"list --formt=json", "unknown option '--formt', did you mean '--format'?", "sample list"},
    {"list --ext", "unknown option '--ext', did you mean '--extended'?", "sample list"},
    {"list -extended", "unknown option '-extended', did you mean '--extended'?", "sample list"},
    {"list --hepl", "unknown option '--hepl', did you mean '--help'?", "sample list"},
    {"list --candidate a", "unknown option '--candidate'", "sample list"},
    {"--xyzzy list", "unknown option '--xyzzy'", "sample"},
    {"--candidate a list", "option '--candidate' has to follow its command", "sample"},
    {"-c a list", "option '-c' has to follow its command", "sample"},
    {"kv --rev 3 get a", "option '--rev' has to follow its command", "sample kv"},
    {"list -x", "unknown option '-x'", "sample list"},
    {"list -ex", "unknown option '-x'", "sample list"},
    {"list ---", "unknown option '---'", "sample list"},
    {"list --=x", "unknown option '--'", "sample list"},
    {"list --format", "option '--format' needs a value: FORMAT (pretty, json, yaml)",
     "sample list"},
    {"list -f", "option '-f' needs a value: FORMAT (pretty, json, yaml)", "sample list"},
    {"list -ef", "option '-f' needs a value: FORMAT (pretty, json, yaml)", "sample list"},
    {"switchover -c", "option '-c' needs a value: NODE", "sample switchover"},
    {"list --extended=yes", "option '--extended' takes no value, not 'yes'", "sample list"},
    {"list --extended=", "option '--extended' takes no value, not ''", "sample list"},
    {"--help=list", "option '--help' takes no value, not 'list'", "sample"},
    {"list --format jsn", "option '--format' can not be 'jsn', did you mean 'json'?",
     "sample list"},
    {"list --format=", "option '--format' can not be '' (pretty, json, yaml)", "sample list"},
    {"list -fxml", "option '--format' can not be 'xml' (pretty, json, yaml)", "sample list"},
    {"list -f=json", "option '--format' can not be '=json', did you mean 'json'?", "sample list"},
    {"list --format x -h", "option '--format' can not be 'x' (pretty, json, yaml)", "sample list"},
    {"kv get", "missing argument KEY", "sample kv get"},
    {"kv get a b", "unexpected argument 'b'", "sample kv get"},
    {"kv put a b c", "unexpected argument 'c'", "sample kv put"},
    {"raft form x", "unexpected argument 'x'", "sample raft form"},
    {"flush", "missing argument CLUSTER", "sample flush"},
    {"flush demo", "missing argument WHAT (restart, switchover)", "sample flush"},
    {"flush demo pg1", "argument WHAT can not be 'pg1' (restart, switchover)", "sample flush"},
    {"flush demo pg1 restrt", "argument WHAT can not be 'restrt', did you mean 'restart'?",
     "sample flush"},
    {"completion", "missing argument SHELL (bash)", "sample completion"},
    {"completion zsh", "argument SHELL can not be 'zsh' (bash)", "sample completion"},
    {"list --a\nb", "unknown option '--a\\x0ab'", "sample list"},
};
static const struct line_row daemon_lines[] = {
    {"",                          "RUN"},
    {"--witness",                 "RUN witness="},
    {"-ca --witness --config b",  "RUN config=b witness="},
    {"--check",                   "RUN check="},
    {"--check a",                 "RUN check=a"},
    {"--check=a",                 "RUN check=a"},
    {"--check --witness",         "RUN check= witness="},
    {"--help",                    "HELP"},
    {"--witness --help",          "HELP witness="},
    {"help",                      "HELP"},
    {"completion bash",           "RUN completion (bash)"},
};
static const struct bad_row daemon_bad_lines[] = {
    {"--witness completion bash", "unexpected argument 'completion'", "daemon-like"},
    {"completion --witness bash", "unknown option '--witness'", "daemon-like completion"},
    {"node.yml", "unknown command 'node.yml'", "daemon-like"},
    {"--witnes", "unknown option '--witnes', did you mean '--witness'?", "daemon-like"},
    {"--config", "option '--config' needs a value: FILE", "daemon-like"},
};
/* clang-format on */

static void a_good_line_is_understood(void **state)
{
    (void)state;
    check_lines(&sample, good_lines, ARRAY_LEN(good_lines));
    check_lines(&taking, taking_lines, ARRAY_LEN(taking_lines));
}

static void a_bad_line_gets_one_specific_error(void **state)
{
    (void)state;
    check_bad_lines(&sample, bad_lines, ARRAY_LEN(bad_lines));
    check_bad_lines(&taking, taking_bad_lines, ARRAY_LEN(taking_bad_lines));
}

static void a_program_may_run_without_a_command(void **state)
{
    (void)state;
    check_lines(&daemon_like, daemon_lines, ARRAY_LEN(daemon_lines));
    check_bad_lines(&daemon_like, daemon_bad_lines, ARRAY_LEN(daemon_bad_lines));
}

static void an_empty_argv_is_no_command(void **state)
{
    (void)state;
    char *const none[] = {NULL};
    struct cli_call call = {0};
    struct err err = {0};
    assert_int_equal(cli_parse(&sample, 0, none, &call, &err), ERR_USAGE);
    assert_string_equal(err.msg, "no command given; try \"sample --help\"");
}

static void a_word_with_a_space_is_not_two(void **state)
{
    (void)state;
    char name[] = "sample";
    char word[] = "kv get";
    char *const words[] = {name, word, NULL};
    struct cli_call call = {0};
    struct err err = {0};
    assert_int_equal(cli_parse(&sample, 2, words, &call, &err), ERR_USAGE);
    assert_string_equal(err.msg, "unknown command \"kv get\"; try \"sample --help\"");
}

static void asking_for_an_option_that_no_row_has_is_a_mistake(void **state)
{
    (void)state;
    struct cli_call call = {.program = &sample, .command = &sample.commands[3]};
    assert_null(cli_value(&call, "rev"));
    assert_false(cli_given(&call, "verbose"));
    ASSERT_DIES("find_in", (void)cli_value(&call, "extended"));
}

/* --- Words of the user in messages --- */

static void a_quoted_word_can_not_harm_a_terminal(void **state)
{
    (void)state;
    static const struct line_row rows[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"a \"b\" \\", "\"a \\\"b\\\" \\\\\""},
        {"\x1b[2J\r\n\t\x7f", "\"\\x1b[2J\\x0d\\x0a\\x09\\x7f\""},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x98", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x98\""},
        {"\xc2\x9b", "\"\\xc2\\x9b\""},                   /* a control character in two bytes */
        {"\xc3", "\"\\xc3\""},                            /* cut short */
        {"\xe2\x82", "\"\\xe2\\x82\""},                   /* cut short */
        {"\xe2\x82x", "\"\\xe2\\x82x\""},                 /* cut short by a letter */
        {"\xc0\xaf", "\"\\xc0\\xaf\""},                   /* overlong */
        {"\xe0\x80\xaf", "\"\\xe0\\x80\\xaf\""},          /* overlong */
        {"\xf0\x80\x80\xaf", "\"\\xf0\\x80\\x80\\xaf\""}, /* overlong */
        {"\xed\xa0\x80", "\"\\xed\\xa0\\x80\""},          /* a surrogate */
        {"\xf4\x90\x80\x80", "\"\\xf4\\x90\\x80\\x80\""}, /* beyond Unicode */
        {"\xff", "\"\\xff\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_string_equal(cli_quoted(rows[i].line).text, rows[i].outcome);
    }
}

static void a_long_word_is_cut(void **state)
{
    (void)state;
    for (size_t length = 1; length < 200; length++) {
        CLEANUP(mem_freep) char *word = mem_zalloc(length + 1);
        memset(word, length % 2 == 0 ? '\n' : 'x', length);
        struct cli_quoted quoted = cli_quoted(word);
        size_t got = strlen(quoted.text);
        assert_true(got < sizeof(quoted.text));
        assert_int_equal(quoted.text[got - 1], '"');
        if (length > CLI_QUOTED_MAX) {
            assert_string_equal(quoted.text + got - 4, "...\"");
        }
    }
}

/* --- Help --- */

static void help_of(const struct cli_program *program, const char *line, struct buf *out)
{
    CLEANUP(mem_freep) char *text = mem_printf("%s %s", program->name, line);
    char *words[8];
    int count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        words[count++] = word;
    }
    CLEANUP(cli_call_close) struct cli_call call = {0};
    assert_int_equal(cli_parse(program, count, words, &call, NULL), 0);
    assert_int_equal(call.wish, CLI_HELP);
    cli_help(&call, out);
}

static void help_of_a_command(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf got = {0};
    help_of(&sample, "help list", &got);
    assert_string_equal(buf_text(&got),
                        "usage: sample list [--extended] [--tag TAG]... [CLUSTER...]\n"
                        "Show the members.\n"
                        "\n"
                        "arguments:\n"
                        "  CLUSTER  the clusters\n"
                        "\n"
                        "options:\n"
                        "  -e, --extended       more columns\n"
                        "  -t, --tag TAG        only with it; may be repeated\n"
                        "  -f, --format FORMAT  how to print: pretty, json, yaml\n"
                        "  -v, --verbose        say more\n"
                        "  -h, --help           show this help\n"
                        "      --version        print the version\n"
                        "\n"
                        "example: sample list --tag a | sort\n"
                        "exit status: 0 done, 2 usage\n");
}

static void help_of_a_group(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf got = {0};
    help_of(&sample, "kv --help", &got);
    assert_string_equal(buf_text(&got),
                        "usage: sample kv COMMAND [OPTION...] [ARGUMENT...]\n"
                        "\n"
                        "commands:\n"
                        "  kv get  Read a key.\n"
                        "  kv put  Write a key.\n"
                        "\n"
                        "options:\n"
                        "  -f, --format FORMAT  how to print: pretty, json, yaml\n"
                        "  -v, --verbose        say more\n"
                        "  -h, --help           show this help\n"
                        "      --version        print the version\n"
                        "\n"
                        "exit status: 0 done, 2 usage\n");
}

static void help_of_a_command_that_is_also_a_group(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf got = {0};
    help_of(&sample, "raft -h", &got);
    assert_non_null(strstr(buf_text(&got), "usage: sample raft [--health]\nShow the voters.\n"));
    assert_non_null(strstr(buf_text(&got), "\nwith a second word:\n  raft form  Form a cluster"));
}

static void help_of_the_program(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf got = {0};
    help_of(&daemon_like, "-h", &got);
    assert_string_equal(buf_text(&got),
                        "usage: daemon-like [OPTION...]\n"
                        "usage: daemon-like COMMAND [OPTION...] [ARGUMENT...]\n"
                        "Run until stopped.\n"
                        "\n"
                        "commands:\n"
                        "  completion  Print the completion script of a shell.\n"
                        "  help        Show what the program or one command does.\n"
                        "\n"
                        "options:\n"
                        "  -c, --config FILE   what to read\n"
                        "      --check [FILE]  only read it\n"
                        "      --witness       vote only\n"
                        "  -h, --help          show this help\n"
                        "      --version       print the version\n"
                        "\n"
                        "example: daemon-like --config node.yml\n"
                        "exit status: 0 done, 2 usage\n");
}

static void help_shows_a_letter_with_the_option_that_has_it(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf got = {0};
    CLEANUP(buf_close) struct buf all = {0};
    help_of(&taking, "query -h", &got);
    assert_non_null(strstr(buf_text(&got),
                           "options:\n"
                           "  -c, --command SQL                 what to ask\n"
                           "  -e, --extended                    more columns\n"
                           "      --config, --config-file FILE  what to read\n"
                           "      --endpoint URL                whom to ask\n"));
    help_of(&taking, "-h", &all);
    assert_non_null(strstr(buf_text(&all), "  -c, --config, --config-file FILE  what to read\n"));
}

/* The length of the longest line of @text, in which no line ends in a space. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        assert_true(length == 0 || text[length - 1] != ' ');
        width = length > width ? length : width;
        text += length + 1;
    }
    return width;
}

static void help_is_wrapped_at_100_columns(void **state)
{
    (void)state;
    struct cli_option many[21];
    for (size_t i = 0; i < ARRAY_LEN(many) - 1; i++) {
        many[i] = (struct cli_option){
            .name =
                i % 2 == 0 ? "an-option" : "an-option-with-a-name-that-is-too-long-for-the-list",
            .value = i % 3 == 0 ? "VALUE" : NULL,
            .help =
                "words that say what the option is good for, and then a few more of them, so that "
                "they do not fit",
        };
    }
    many[ARRAY_LEN(many) - 1] = (struct cli_option){.name = NULL};
    struct cli_command wide[] = {sample.commands[1], {.name = NULL}};
    wide[0].options = many;
    struct cli_program program = sample;
    program.commands = wide;
    size_t widest = 0;
    for (int first = 1; first < 60; first++) {
        char summary[256];
        (void)snprintf(summary, sizeof(summary), "%0*d %s.", first, 0, many[0].help);
        wide[0].summary = summary;
        CLEANUP(buf_close) struct buf got = {0};
        help_of(&program, "flush --help", &got);
        size_t width = width_of(buf_text(&got));
        widest = width > widest ? width : widest;
        assert_non_null(strstr(buf_text(&got), "too-long-for-the-list\n      "));
    }
    assert_int_equal(widest, 100);
}

/* --- Completion --- */

/* What bash offers after @words, in which the last one ends at the cursor. */
struct offer_row {
    const char *words; /* as they stand in COMP_WORDS */
    const char *offer;
};

/* clang-format off */
static const struct offer_row sample_offers[] = {
    {"''",                               "completion flush help kv list raft restore switchover"},
    {"f",                                "flush"},
    {"xyz",                              ""},
    {"k",                                "kv"},
    {"kv ''",                            "get put"},
    {"kv p",                             "put"},
    {"kv get ''",                        ""},
    {"kv get a ''",                      ""},
    {"kv xyz ''",                        ""},
    {"help ''",                          "completion flush help kv list raft restore switchover"},
    {"help k",                           "kv"},
    {"help kv ''",                       "get put"},
    {"help list ''",                     ""},
    {"help help ''",                     ""},
    {"--",                               "--format --verbose --help --version"},
    {"-",                                "--format --verbose --help --version"},
    {"--v",                              "--verbose --version"},
    {"-v ''",                            "completion flush help kv list raft restore switchover"},
    {"-f json l",                        "list"},
    {"-fjson l",                         "list"},
    {"-vf json l",                       "list"},
    {"--format json l",                  "list"},
    {"--format = json l",                "list"},
    {"--format=json l",                  "list"},
    {"list --",                          "--extended --tag --format --verbose --help --version"},
    {"list one --e",                     "--extended"},
    {"list -- --e",                      ""},
    {"list --format ''",                 "pretty json yaml"},
    {"list --format j",                  "json"},
    {"list -f ''",                       "pretty json yaml"},
    {"list -ef j",                       "json"},
    {"list --format =",                  "pretty json yaml"},
    {"list --format = j",                "json"},
    {"list --format=j",                  "--format=json"},
    {"list --format=",                   "--format=pretty --format=json --format=yaml"},
    {"list --tag ''",                    ""},
    {"list --tag a : b --e",             "--extended"},
    {"list --extended = ''",             ""},
    {"kv -v get --",                     "--rev --format --verbose --help --version"},
    {"kv get --rev ''",                  ""},
    {"kv get --rev --r",                 ""},
    {"kv --",                            "--format --verbose --help --version"},
    {"raft ''",                          "form"},
    {"raft --",                          "--health --format --verbose --help --version"},
    {"raft form --",                     "--without --format --verbose --help --version"},
    {"raft xyz ''",                      ""},
    {"flush ''",                         ""},
    {"flush demo ''",                    "restart switchover"},
    {"flush demo pg1 s",                 "switchover"},
    {"completion ''",                    "bash"},
    {"completion bash ''",               ""},
    {"xyz ''",                           ""},
    {"restore pa",                       "path-dir path-file"},
    {"restore x --to pa",                "path-dir"},
    {"restore x --to = pa",              "path-dir"},
    {"restore x --to=pa",                "--to=path-dir"},
    {"=",                                ""},
    {": =",                              ""},
};
static const struct offer_row taking_offers[] = {
    {"query --c",                        "--command --config --config-file"},
    {"query -e --c",                     "--command --config --config-file"},
    {"-e x q",                           "query"},
    {"-e q",                             ""},
    {"query -c pa",                      ""},
    {"query --config pa",                "path-dir path-file"},
    {"query --config-file pa",           "path-dir path-file"},
    {"-c pa",                            "path-dir path-file"},
};
static const struct offer_row daemon_offers[] = {
    {"''",                               "completion help"},
    {"--",                               "--config --check --witness --help --version"},
    {"--witness --c",                    "--config --check"},
    {"-c path-f",                        "path-file"},
    {"--config path-f",                  "path-file"},
    {"completion ''",                    "bash"},
    {"completion --",                    "--help --version"},
};
/* clang-format on */

/* Run "script" in the directory @arg; all that is said goes to "answers". */
static int become_bash(void *arg)
{
    int out = chdir(arg) == 0 ? open("answers", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (out >= 0 && dup2(out, STDOUT_FILENO) >= 0 && dup2(out, STDERR_FILENO) >= 0) {
        (void)execlp("bash", "bash", "--norc", "--noprofile", "script", (char *)NULL);
    }
    return 127;
}

/* Ask a bash without any start file, whose options are @mode, for the offers of all rows. */
static void check_offers(const struct cli_program *program, const char *mode,
                         const struct offer_row *rows, size_t count)
{
    CLEANUP(buf_close) struct buf script = {0};
    buf_printf(&script, "mkdir -p path-dir && : >path-file || exit 1\n%s\n", mode);
    cli_complete_bash(program, &script);
    buf_printf(&script,
               "offer() {\n"
               "    COMP_WORDS=(%s \"$@\") COMP_CWORD=$#\n"
               "    _%s %s \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"\n"
               "    local IFS=' '\n"
               "    printf '%%s\\n' \"${COMPREPLY[*]-}\"\n"
               "}\n",
               program->name, program->name, program->name);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&script, "offer %s\n", rows[i].words);
    }

    struct scratch scratch;
    scratch_init(&scratch);
    FILE *file = fopen(scratch_path(&scratch, "script"), "w");
    assert_non_null(file);
    assert_int_equal(fputs(buf_text(&script), file) < 0 ? -1 : fclose(file), 0);
    assert_int_equal(scratch_wait(scratch_fork(become_bash, scratch.dir, -1)), 0);
    CLEANUP(buf_close) struct buf answers = {0};
    assert_true(scratch_read(&scratch, "answers", &answers));
    const char *line = buf_text(&answers);
    for (size_t i = 0; i < count; i++) {
        size_t length = strcspn(line, "\n");
        if (length != strlen(rows[i].offer) || strncmp(line, rows[i].offer, length) != 0) {
            fail_msg("%s (%s): offered <%.*s>, not <%s>", rows[i].words, mode, (int)length, line,
                     rows[i].offer);
        }
        line += line[length] == '\n' ? length + 1 : length;
    }
    assert_string_equal(line, "");
    scratch_close(&scratch);
}

static void bash_offers_what_the_parser_takes(void **state)
{
    (void)state;
    check_offers(&sample, ":", sample_offers, ARRAY_LEN(sample_offers));
    check_offers(&daemon_like, ":", daemon_offers, ARRAY_LEN(daemon_offers));
    check_offers(&taking, ":", taking_offers, ARRAY_LEN(taking_offers));
}

static void the_script_works_under_every_shell_option(void **state)
{
    (void)state;
    check_offers(&sample, "set -eu", sample_offers, ARRAY_LEN(sample_offers));
    check_offers(&sample, "set -u -o noglob; shopt -s nullglob failglob extglob; IFS=ea",
                 sample_offers, ARRAY_LEN(sample_offers));
}

/* --- The edge --- */

static int run_open(const struct cli_call *call, struct err *err)
{
    (void)call;
    (void)err;
    return open("/dev/null", O_RDWR);
}

static int run_without_standard_descriptors(void *arg)
{
    (void)arg;
    for (int fd = 0; fd < 3; fd++) {
        (void)close(fd);
    }
    const struct cli_command alone = {.run = run_open};
    struct cli_program program = daemon_like;
    program.alone = &alone;
    char name[] = "daemon-like";
    char *const argv[] = {name, NULL};
    int fd = cli_main(&program, 1, argv);
    /* Whoever writes to what was closed learns of it. */
    return write(1, "", 1) < 0 && write(2, "", 1) < 0 && read(0, &fd, 1) < 0 ? fd : 100;
}

static void a_closed_standard_descriptor_is_not_handed_out_again(void **state)
{
    (void)state;
    int status = scratch_wait(scratch_fork(run_without_standard_descriptors, NULL, -1));
    assert_true(WIFEXITED(status));
    assert_in_range(WEXITSTATUS(status), 3, 99);
}

static int run_print(const struct cli_call *call, struct err *err)
{
    (void)err;
    (void)printf("%s\n", call->program->name);
    return 0;
}

static int run_on_a_full_disk(void *arg)
{
    (void)arg;
    if (dup2(open("/dev/full", O_WRONLY), STDOUT_FILENO) < 0) {
        return 100;
    }
    const struct cli_command alone = {.run = run_print};
    struct cli_program program = daemon_like;
    program.alone = &alone;
    char name[] = "daemon-like";
    char *const argv[] = {name, NULL};
    return cli_main(&program, 1, argv);
}

static void a_run_function_that_prints_need_not_look(void **state)
{
    (void)state;
    int status = scratch_wait(scratch_fork(run_on_a_full_disk, NULL, -1));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
}

static void a_faulty_table_does_not_start(void **state)
{
    (void)state;
    struct cli_program program = sample;
    program.summary = "no sentence";
    char name[] = "sample";
    char *const argv[] = {name, NULL};
    ASSERT_DIES("the program itself is not described", (void)cli_main(&program, 1, argv));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_line_is_understood),
        cmocka_unit_test(a_bad_line_gets_one_specific_error),
        cmocka_unit_test(a_program_may_run_without_a_command),
        cmocka_unit_test(an_empty_argv_is_no_command),
        cmocka_unit_test(a_word_with_a_space_is_not_two),
        cmocka_unit_test(asking_for_an_option_that_no_row_has_is_a_mistake),
        cmocka_unit_test(a_quoted_word_can_not_harm_a_terminal),
        cmocka_unit_test(a_long_word_is_cut),
        cmocka_unit_test(help_of_a_command),
        cmocka_unit_test(help_of_a_group),
        cmocka_unit_test(help_of_a_command_that_is_also_a_group),
        cmocka_unit_test(help_of_the_program),
        cmocka_unit_test(help_shows_a_letter_with_the_option_that_has_it),
        cmocka_unit_test(help_is_wrapped_at_100_columns),
        cmocka_unit_test(bash_offers_what_the_parser_takes),
        cmocka_unit_test(the_script_works_under_every_shell_option),
        cmocka_unit_test(a_closed_standard_descriptor_is_not_handed_out_again),
        cmocka_unit_test(a_run_function_that_prints_need_not_look),
        cmocka_unit_test(a_faulty_table_does_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
