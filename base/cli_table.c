/* base/cli_table.c - a command table asked for its rows, and checked before it is used.
 */
#include "base/cli_table.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/must.h"

/* --- Commands --- */

size_t cli_table_group_length(const struct cli_command *command)
{
    const char *space = strchr(command->name, ' ');
    return space != NULL ? (size_t)(space - command->name) : 0;
}

const char *cli_table_last_word(const struct cli_command *command, const char *group)
{
    size_t length = cli_table_group_length(command);
    if (group == NULL) {
        return length == 0 ? command->name : NULL;
    }
    bool inside =
        length > 0 && strlen(group) == length && strncmp(command->name, group, length) == 0;
    return inside ? command->name + length + 1 : NULL;
}

const struct cli_command *cli_table_command(const struct cli_program *program, const char *group,
                                            const char *word)
{
    for (const struct cli_command *c = program->commands; c->name != NULL; c++) {
        const char *last = cli_table_last_word(c, group);
        if (last != NULL && strcmp(last, word) == 0) {
            return c;
        }
    }
    return NULL;
}

bool cli_table_is_group(const struct cli_program *program, const char *word)
{
    for (const struct cli_command *c = program->commands; c->name != NULL; c++) {
        if (cli_table_last_word(c, word) != NULL) {
            return true;
        }
    }
    return false;
}

/* --- Options --- */

const struct cli_option cli_table_builtin[] = {
    {.name = "help", .letter = 'h', .help = "show this help"},
    {.name = "version", .help = "print the version"},
    {.name = NULL},
};

const struct cli_option *cli_table_options(const struct cli_program *program,
                                           const struct cli_command *command, size_t list)
{
    switch (list) {
        case 0:
            return command != NULL ? command->options : NULL;
        case 1:
            return program->options;
        case 2:
            return cli_table_builtin;
        default:
            UNREACHABLE("there are three lists");
    }
}

static bool is_name(const char *own, const char *name, size_t length)
{
    return own != NULL && strlen(own) == length && strncmp(own, name, length) == 0;
}

const struct cli_option *cli_table_find_in(const struct cli_option *options, const char *name,
                                           size_t length, char letter)
{
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++) {
        bool same = name != NULL ? is_name(o->name, name, length) || is_name(o->alias, name, length)
                                 : o->letter == letter;
        if (same) {
            return o;
        }
    }
    return NULL;
}

const struct cli_option *cli_table_find(const struct cli_program *program,
                                        const struct cli_command *command, const char *name,
                                        size_t length, char letter)
{
    const struct cli_option *option = NULL;
    for (size_t i = 0; option == NULL && i < CLI_TABLE_LISTS; i++) {
        option = cli_table_find_in(cli_table_options(program, command, i), name, length, letter);
    }
    return option;
}

bool cli_table_has_letter(const struct cli_program *program, const struct cli_command *command,
                          const struct cli_option *option)
{
    return option->letter != 0 &&
           cli_table_find(program, command, NULL, 0, option->letter) == option;
}

/* --- Is it fit for use? --- */

static bool consists_of(const char *text, const char *characters)
{
    return text != NULL && text[0] != '\0' && text[strspn(text, characters)] == '\0';
}

#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789-"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* A choice is written into the completion script as it is. */
static bool are_choices(const char *const *choices)
{
    for (size_t i = 0; choices != NULL && choices[i] != NULL; i++) {
        if (!consists_of(choices[i], LOWER UPPER ".")) {
            return false;
        }
    }
    return choices == NULL || choices[0] != NULL;
}

static bool is_sentence(const char *text)
{
    size_t length = text != NULL ? strlen(text) : 0;
    return length > 1 && text[length - 1] == '.';
}

static int option_fault(const char *where, const struct cli_option *o, struct err *err)
{
    const char *fault = !consists_of(o->name, LOWER)                        ? "has a strange name"
                        : o->alias != NULL && !consists_of(o->alias, LOWER) ? "has a strange alias"
                        : o->help == NULL || o->help[0] == '\0'             ? "has no help"
                        : o->letter != 0 && !is_letter(o->letter)           ? "has a strange letter"
                        : o->value == NULL && o->choices != NULL ? "is a flag with choices"
                        : o->value == NULL && o->list            ? "is a flag and a list"
                        : o->value == NULL && o->value_optional  ? "is a flag and may have a value"
                        : o->value != NULL && !consists_of(o->value, UPPER) ? "has a strange value"
                        : !are_choices(o->choices)                          ? "has strange choices"
                                                                            : NULL;
    return fault == NULL ? 0
                         : err_set(err, ERR_INVALID, "%s: option --%s %s", where, o->name, fault);
}

static bool is_found(const struct cli_program *program, const struct cli_command *command,
                     const char *name, const struct cli_option *option)
{
    return name == NULL || cli_table_find(program, command, name, strlen(name), 0) == option;
}

/* Its own, or one that the command takes from it and says so. */
static bool is_letter_settled(const struct cli_program *program, const struct cli_command *command,
                              const struct cli_option *option)
{
    const struct cli_option *taker =
        command != NULL ? cli_table_find_in(command->options, NULL, 0, option->letter) : NULL;
    bool of_program = cli_table_find_in(program->options, NULL, 0, option->letter) == option;
    return option->letter == 0 || cli_table_has_letter(program, command, option) ||
           (of_program && taker != NULL && taker->takes_letter);
}

/* Each option has to be the first that its name and its letter find. */
static int check_options(const struct cli_program *program, const struct cli_command *command,
                         const char *where, struct err *err)
{
    for (size_t i = 0; i < CLI_TABLE_LISTS; i++) {
        const struct cli_option *o = cli_table_options(program, command, i);
        for (; o != NULL && o->name != NULL; o++) {
            if (option_fault(where, o, err) < 0) {
                return ERR_INVALID;
            }
            if (!is_found(program, command, o->name, o) ||
                !is_found(program, command, o->alias, o) ||
                !is_letter_settled(program, command, o)) {
                return err_set(err, ERR_INVALID, "%s: option --%s or its letter is taken twice",
                               where, o->name);
            }
            bool takes = i == 0 && o->letter != 0 &&
                         cli_table_find_in(program->options, NULL, 0, o->letter) != NULL;
            if (o->takes_letter != takes) {
                return err_set(err, ERR_INVALID, "%s: option --%s %s", where, o->name,
                               takes ? "takes a letter and does not say so"
                                     : "says that it takes a letter, and takes none");
            }
        }
    }
    return 0;
}

static int check_argument_rows(const struct cli_command *command, struct err *err)
{
    size_t many = 0;
    for (const struct cli_argument *a = command->arguments; a != NULL && a->name != NULL; a++) {
        many += a->many ? 1 : 0;
        const char *fault = !consists_of(a->name, UPPER)            ? "has a strange name"
                            : a->help == NULL || a->help[0] == '\0' ? "has no help"
                            : many > 1                              ? "is the second of many"
                            : !are_choices(a->choices)              ? "has strange choices"
                                                                    : NULL;
        if (fault != NULL) {
            return err_set(err, ERR_INVALID, "%s: argument %s %s", command->name, a->name, fault);
        }
    }
    return 0;
}

/* The example has to be a call of its own command; what follows a redirection or a pipe is the
 * shell's. */
static int check_example(const struct cli_program *program, const struct cli_command *command,
                         struct err *err)
{
    CLEANUP(mem_freep) char *text = mem_strdup(command->example != NULL ? command->example : "");
    char *words[32];
    int count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(text, " ", &rest); word != NULL && strchr("<>|&", word[0]) == NULL;
         word = strtok_r(NULL, " ", &rest)) {
        if (count == (int)ARRAY_LEN(words)) {
            break;
        }
        words[count++] = word;
    }
    if (count == 0 || strcmp(words[0], program->name) != 0) {
        return err_set(err, ERR_INVALID, "%s: its example is no call of %s", command->name,
                       program->name);
    }
    CLEANUP(cli_call_close) struct cli_call call = {0};
    if (cli_parse(program, count, words, &call, err) < 0) {
        err_wrap(err, "%s: its example", command->name);
        return ERR_INVALID;
    }
    if (command->run != NULL && call.command != command) {
        return err_set(err, ERR_INVALID, "%s: its example is of another command", command->name);
    }
    return 0;
}

static int check_command(const struct cli_program *program, const struct cli_command *command,
                         struct err *err)
{
    size_t group = cli_table_group_length(command);
    const char *last = group > 0 ? command->name + group + 1 : command->name;
    bool named = consists_of(last, LOWER) && strspn(command->name, LOWER) >= group;
    bool is_help = strcmp(command->name, "help") == 0;
    const char *fault = !named                              ? "strange name"
                        : !is_sentence(command->summary)    ? "the summary is no sentence"
                        : is_help != (command->run == NULL) ? "only help has no function to run"
                        : command->arguments != NULL && cli_table_is_group(program, command->name)
                            ? "arguments where a second word may follow"
                            : NULL;
    if (fault != NULL) {
        return err_set(err, ERR_INVALID, "%s: %s", command->name, fault);
    }
    if (check_options(program, command, command->name, err) < 0 ||
        check_argument_rows(command, err) < 0) {
        return ERR_INVALID;
    }
    return check_example(program, command, err);
}

int cli_check_table(const struct cli_program *program, struct err *err)
{
    if (!consists_of(program->name, LOWER) || !is_sentence(program->summary) ||
        program->version == NULL || program->exit_statuses == NULL) {
        return err_set(err, ERR_INVALID, "the program itself is not described");
    }
    const struct cli_command *alone = program->alone;
    if (alone != NULL && (alone->name != NULL || alone->arguments != NULL || alone->run == NULL)) {
        return err_set(err, ERR_INVALID, "what runs without a command has a name or arguments");
    }
    int rc = check_options(program, alone, program->name, err);
    for (const struct cli_command *c = program->commands; rc == 0 && c->name != NULL; c++) {
        if (c != program->commands && strcmp(c[-1].name, c->name) >= 0) {
            return err_set(err, ERR_INVALID, "%s: not in order, or twice", c->name);
        }
        rc = check_command(program, c, err);
    }
    return rc;
}
