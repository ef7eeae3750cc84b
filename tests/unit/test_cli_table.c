/* tests/unit/test_cli_table.c - a command table that is not fit for use is told so.
 *
 * Claim: each kind of fault is found and named. Method: the sample program with one row replaced by
 * a faulty one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cli.h"
#include "base/must.h"
#include "tests/lib/cli_samples.h"

#define COMMANDS_MAX 16
#define KV_GET 3 /* the place of the command that is replaced */

static const char *fault_of(const struct cli_program *program)
{
    static struct err err;
    err = (struct err){0};
    int rc = cli_check_table(program, &err);
    if (rc != 0) {
        assert_int_equal(rc, ERR_INVALID);
    }
    return err.msg;
}

/* The fault of the sample with its command "kv get" replaced. */
static const char *fault_with(struct cli_command changed)
{
    struct cli_command commands[COMMANDS_MAX] = {{.name = NULL}};
    for (size_t i = 0; sample.commands[i].name != NULL; i++) {
        assert_true(i + 1 < ARRAY_LEN(commands));
        commands[i] = sample.commands[i];
    }
    assert_string_equal(commands[KV_GET].name, "kv get");
    commands[KV_GET] = changed;
    struct cli_program program = sample;
    program.commands = commands;
    return fault_of(&program);
}

static const char *fault_with_option(struct cli_option option)
{
    const struct cli_option options[] = {option, {.name = NULL}};
    struct cli_command changed = sample.commands[KV_GET];
    changed.options = options;
    return fault_with(changed);
}

static const char *fault_with_argument(struct cli_argument first, struct cli_argument second)
{
    const struct cli_argument arguments[] = {first, second, {.name = NULL}};
    struct cli_command changed = sample.commands[KV_GET];
    changed.arguments = arguments;
    return fault_with(changed);
}

static void a_good_table_has_no_fault(void **state)
{
    (void)state;
    assert_string_equal(fault_of(&sample), "");
    assert_string_equal(fault_of(&daemon_like), "");
    assert_string_equal(fault_of(&taking), "");
}

static void a_command_row_is_checked(void **state)
{
    (void)state;
    const struct cli_command good = sample.commands[KV_GET];
    struct cli_command c = good;
    c.name = "kv  get";
    assert_string_equal(fault_with(c), "kv  get: strange name");
    c.name = "kv";
    assert_string_equal(fault_with(c), "kv: arguments where a second word may follow");
    c.name = "zz";
    assert_string_equal(fault_with(c),
                        "zz: its example: unknown command \"kv get\"; try \"sample kv "
                        "--help\"");
    c = good;
    c.name = "flush";
    assert_string_equal(fault_with(c), "flush: not in order, or twice");
    c = good;
    c.summary = NULL;
    assert_string_equal(fault_with(c), "kv get: the summary is no sentence");
    c.summary = "read a key";
    assert_string_equal(fault_with(c), "kv get: the summary is no sentence");
    c = good;
    c.run = NULL;
    assert_string_equal(fault_with(c), "kv get: only help has no function to run");
    c = good;
    c.example = NULL;
    assert_string_equal(fault_with(c), "kv get: its example is no call of sample");
    c.example = "kv get motd";
    assert_string_equal(fault_with(c), "kv get: its example is no call of sample");
    c.example = "sample kv put motd";
    assert_string_equal(fault_with(c), "kv get: its example is of another command");
    c.example = "sample kv get > motd";
    assert_string_equal(fault_with(c),
                        "kv get: its example: missing argument KEY; try \"sample kv "
                        "get --help\"");
}

static void an_option_row_is_checked(void **state)
{
    (void)state;
    const char *const plain[] = {"a", NULL};
    const char *const strange[] = {"$(date)", NULL};
    const struct {
        struct cli_option option;
        const char *fault;
    } rows[] = {
        {{.name = "Rev", .help = "x"}, "kv get: option --Rev has a strange name"},
        {{.name = "rev"}, "kv get: option --rev has no help"},
        {{.name = "rev", .help = ""}, "kv get: option --rev has no help"},
        {{.name = "rev", .help = "x", .choices = plain},
         "kv get: option --rev is a flag with choices"},
        {{.name = "rev", .help = "x", .list = true}, "kv get: option --rev is a flag and a list"},
        {{.name = "rev", .help = "x", .value_optional = true},
         "kv get: option --rev is a flag and may have a value"},
        {{.name = "rev", .help = "x", .value = "n n"}, "kv get: option --rev has a strange value"},
        {{.name = "rev", .help = "x", .value = "N", .choices = strange},
         "kv get: option --rev has strange choices"},
        {{.name = "format", .help = "x"}, "kv get: option --format or its letter is taken twice"},
        {{.name = "help", .help = "x"}, "kv get: option --help or its letter is taken twice"},
        {{.name = "hint", .letter = 'h', .help = "x"},
         "kv get: option --help or its letter is taken twice"},
        {{.name = "rev", .letter = '-', .help = "x"}, "kv get: option --rev has a strange letter"},
        {{.name = "rev", .alias = "Rev", .help = "x"}, "kv get: option --rev has a strange alias"},
        {{.name = "rev", .alias = "format", .help = "x"},
         "kv get: option --format or its letter is taken twice"},
        {{.name = "form", .letter = 'f', .help = "x"},
         "kv get: option --form takes a letter and does not say so"},
        {{.name = "rev", .letter = 'r', .takes_letter = true, .help = "x"},
         "kv get: option --rev says that it takes a letter, and takes none"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_string_equal(fault_with_option(rows[i].option), rows[i].fault);
    }
}

static void an_argument_row_is_checked(void **state)
{
    (void)state;
    const struct cli_argument good = {.name = "KEY", .help = "the key"};
    struct cli_argument a = good;
    a.name = "key";
    assert_string_equal(fault_with_argument(a, good), "kv get: argument key has a strange name");
    a = good;
    a.help = NULL;
    assert_string_equal(fault_with_argument(a, good), "kv get: argument KEY has no help");
    a = good;
    a.choices = CLI_CHOICES("a b");
    assert_string_equal(fault_with_argument(a, good), "kv get: argument KEY has strange choices");
    a = good;
    a.many = true;
    assert_string_equal(fault_with_argument(a, a), "kv get: argument KEY is the second of many");
}

static void the_program_is_checked(void **state)
{
    (void)state;
    struct cli_program p = sample;
    p.summary = "nothing";
    assert_string_equal(fault_of(&p), "the program itself is not described");
    p = sample;
    p.exit_statuses = NULL;
    assert_string_equal(fault_of(&p), "the program itself is not described");
    p = daemon_like;
    p.alone = &sample.commands[KV_GET];
    assert_string_equal(fault_of(&p), "what runs without a command has a name or arguments");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_table_has_no_fault), cmocka_unit_test(a_command_row_is_checked),
        cmocka_unit_test(an_option_row_is_checked),  cmocka_unit_test(an_argument_row_is_checked),
        cmocka_unit_test(the_program_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
