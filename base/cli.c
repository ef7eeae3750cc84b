/* base/cli.c - a command table at work: compared with the words of argv, and run.
 *
 * The parser reads argv once, from left to right. A word that may become a command of two words is
 * remembered as the group, and the command that would run if no further word followed ("raft",
 * before "raft form" is complete) as the likely one: its options are taken already, and taking one
 * settles it. The same holds for what a program does without any command. */
#include "base/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cli_table.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/nearest.h"

/* One option of argv. */
struct cli_given {
    const struct cli_option *option;
    const char *value;
};

struct parser {
    struct cli_call call;
    const struct cli_command *likely; /* what runs if no further word follows; NULL: nothing */
    char *const *next;
    char *const *end;
    bool only_words; /* after "--" */
    struct err *err;
};

/* --- Choices --- */

/* " (a, b, c)" for a message; nothing when there are too many for one line. */
static void list_choices(struct buf *out, const char *const *choices)
{
    CLEANUP(buf_close) struct buf list = {0};
    for (size_t i = 0; choices != NULL && choices[i] != NULL; i++) {
        buf_printf(&list, "%s%s", i > 0 ? ", " : "", choices[i]);
    }
    if (list.size > 0 && list.size <= 80) {
        buf_printf(out, " (%s)", buf_text(&list));
    }
}

/* The user's @word is not one of @choices. */
static int bad_choice(struct parser *p, const char *what, const char *word,
                      const char *const *choices)
{
    size_t count = 0;
    while (choices[count] != NULL) {
        count++;
    }
    const char *guess = count > 1 ? nearest(word, choices, count) : NULL;
    if (guess != NULL) {
        return cli_usage(&p->call, p->err, "%s can not be %s, did you mean \"%s\"?", what,
                         cli_quoted(word).text, guess);
    }
    CLEANUP(buf_close) struct buf list = {0};
    list_choices(&list, choices);
    return cli_usage(&p->call, p->err, "%s can not be %s%s", what, cli_quoted(word).text,
                     buf_text(&list));
}

static bool is_choice(const char *word, const char *const *choices)
{
    for (size_t i = 0; choices != NULL && choices[i] != NULL; i++) {
        if (strcmp(word, choices[i]) == 0) {
            return true;
        }
    }
    return choices == NULL;
}

/* --- Commands --- */

/* Neither a command nor the first word of one, after @group if that is not NULL. */
static int unknown_command(struct parser *p, const char *word)
{
    const struct cli_program *program = p->call.program;
    const char *group = p->call.group;
    size_t count = 0;
    while (program->commands[count].name != NULL) {
        count++;
    }
    CLEANUP(mem_freep) char **words = mem_array(count, sizeof(*words));
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const struct cli_command *c = &program->commands[i];
        const char *last = cli_table_last_word(c, group);
        if (last != NULL) {
            words[used++] = mem_strdup(last);
        } else if (group == NULL) {
            words[used++] = mem_printf("%.*s", (int)cli_table_group_length(c), c->name);
        }
    }
    const char *guess = nearest(word, (const char *const *)words, used);
    CLEANUP(mem_freep) char *full = group != NULL ? mem_printf("%s %s", group, word) : NULL;
    const char *shown = full != NULL ? full : word;
    const char *first = group != NULL ? group : "";
    const char *space = group != NULL ? " " : "";
    int rc = guess == NULL
                 ? cli_usage(&p->call, p->err, "unknown command %s", cli_quoted(shown).text)
                 : cli_usage(&p->call, p->err, "unknown command %s, did you mean \"%s%s%s\"?",
                             cli_quoted(shown).text, first, space, guess);
    for (size_t i = 0; i < used; i++) {
        mem_free(words[i]);
    }
    return rc;
}

/* A word while the command is not complete. */
static int take_command_word(struct parser *p, const char *word)
{
    const struct cli_program *program = p->call.program;
    const struct cli_command *command = cli_table_command(program, p->call.group, word);
    if (command != NULL && command->run == NULL && p->call.wish == CLI_RUN) {
        p->call.wish = CLI_HELP; /* "help WORDS": the words that follow say of what */
        return 0;
    }
    if (p->call.group == NULL && cli_table_is_group(program, word)) {
        p->call.group = word;
        p->likely = command;
        return 0;
    }
    if (command == NULL) {
        return unknown_command(p, word);
    }
    p->call.command = command;
    return 0;
}

/* --- Options --- */

/* The command whose options may stand here, if any. */
static const struct cli_command *command_here(const struct parser *p)
{
    return p->call.command != NULL ? p->call.command : p->likely;
}

/* By @name of @length, or by @letter when @name is NULL. */
static const struct cli_option *find_option(struct parser *p, const char *name, size_t length,
                                            char letter)
{
    const struct cli_command *command = command_here(p);
    const struct cli_option *option =
        cli_table_find(p->call.program, command, name, length, letter);
    if (option != NULL && command != NULL &&
        cli_table_find_in(command->options, name, length, letter) == option) {
        p->call.command = command; /* its option settles it */
    }
    return option;
}

/* @shown is what the user wrote, dashes and all. */
static int unknown_option(struct parser *p, const char *shown)
{
    bool is_long = shown[1] == '-';
    const char *name = shown + (is_long ? 2 : 1);
    const struct cli_command *c = p->call.program->commands;
    for (; p->call.command == NULL && c->name != NULL; c++) {
        if (cli_table_find_in(c->options, is_long ? name : NULL, strlen(name), *name) != NULL) {
            return cli_usage(&p->call, p->err, "option %s has to follow its command",
                             cli_quoted(shown).text);
        }
    }
    size_t count = 0;
    const char **names = NULL;
    for (size_t i = 0; i < CLI_TABLE_LISTS; i++) {
        const struct cli_option *o = cli_table_options(p->call.program, command_here(p), i);
        for (; o != NULL && o->name != NULL; o++) {
            names = mem_grow(names, count + 2, sizeof(*names));
            names[count++] = o->name;
            if (o->alias != NULL) {
                names[count++] = o->alias;
            }
        }
    }
    const char *guess = nearest(name, names, count);
    mem_free(names);
    return guess == NULL ? cli_usage(&p->call, p->err, "unknown option %s", cli_quoted(shown).text)
                         : cli_usage(&p->call, p->err, "unknown option %s, did you mean \"--%s\"?",
                                     cli_quoted(shown).text, guess);
}

static int take_option(struct parser *p, const struct cli_option *option, const char *value)
{
    if (option == &cli_table_builtin[0] || option == &cli_table_builtin[1]) {
        if (p->call.wish == CLI_RUN) {
            p->call.wish = option == &cli_table_builtin[0] ? CLI_HELP : CLI_VERSION;
        }
        return 0;
    }
    if (!is_choice(value, option->choices)) {
        CLEANUP(mem_freep) char *what = mem_printf("option \"--%s\"", option->name);
        return bad_choice(p, what, value, option->choices);
    }
    struct cli_call *call = &p->call;
    call->given = mem_grow(call->given, call->given_count + 1, sizeof(*call->given));
    call->given[call->given_count++] = (struct cli_given){.option = option, .value = value};
    return 0;
}

/* The option's value is the next word. */
static int take_with_next(struct parser *p, const struct cli_option *option, const char *shown)
{
    if (option->value_optional && (p->next == p->end || **p->next == '-')) {
        return take_option(p, option, "");
    }
    if (p->next == p->end) {
        CLEANUP(buf_close) struct buf choices = {0};
        list_choices(&choices, option->choices);
        return cli_usage(&p->call, p->err, "option \"%s\" needs a value: %s%s", shown,
                         option->value, buf_text(&choices));
    }
    return take_option(p, option, *p->next++);
}

/* @word is "--name" or "--name=value". */
static int take_long(struct parser *p, const char *word)
{
    const char *name = word + 2;
    const char *equals = strchr(name, '=');
    size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const struct cli_option *option = find_option(p, name, length, 0);
    CLEANUP(mem_freep) char *shown = mem_printf("--%.*s", (int)length, name);
    if (option == NULL) {
        return unknown_option(p, shown);
    }
    if (option->value == NULL) {
        return equals == NULL ? take_option(p, option, "")
                              : cli_usage(&p->call, p->err, "option \"%s\" takes no value, not %s",
                                          shown, cli_quoted(equals + 1).text);
    }
    return equals != NULL ? take_option(p, option, equals + 1) : take_with_next(p, option, shown);
}

/* @word is "-x", "-xyz" for three flags, "-xVALUE", or flags with such an end. */
static int take_short(struct parser *p, const char *word)
{
    int rc = 0;
    for (const char *at = word + 1; rc == 0 && *at != '\0'; at++) {
        const char shown[] = {'-', *at, '\0'};
        const struct cli_option *option = find_option(p, NULL, 0, *at);
        if (option == NULL) {
            bool is_name = find_option(p, word + 1, strlen(word + 1), 0) != NULL; /* "-help" */
            return unknown_option(p, is_name || at == word + 1 ? word : shown);
        }
        if (option->value != NULL) {
            return at[1] != '\0' ? take_option(p, option, at + 1)
                                 : take_with_next(p, option, shown);
        }
        rc = take_option(p, option, "");
    }
    return rc;
}

/* --- Arguments --- */

/* The row that takes argument @index of @count: every row that must have one gets one, and what is
 * left over goes to the others, first come, first served. NULL: it is one too many. */
static const struct cli_argument *argument_row(const struct cli_command *command, size_t index,
                                               size_t count)
{
    size_t needed = 0;
    for (const struct cli_argument *a = command->arguments; a != NULL && a->name != NULL; a++) {
        needed += a->optional ? 0 : 1;
    }
    size_t spare = count > needed ? count - needed : 0;
    size_t end = 0;
    for (const struct cli_argument *a = command->arguments; a != NULL && a->name != NULL; a++) {
        size_t extra = a->many ? spare : a->optional && spare > 0 ? 1 : 0;
        spare -= extra;
        end += extra + (a->optional ? 0 : 1);
        if (index < end) {
            return a;
        }
    }
    return NULL;
}

static int check_arguments(struct parser *p)
{
    const struct cli_call *call = &p->call;
    size_t missing = call->argument_count;
    for (const struct cli_argument *a = call->command->arguments; a != NULL && a->name != NULL;
         a++) {
        if (!a->optional && missing-- == 0) {
            CLEANUP(buf_close) struct buf choices = {0};
            list_choices(&choices, a->choices);
            return cli_usage(call, p->err, "missing argument %s%s", a->name, buf_text(&choices));
        }
    }
    for (size_t i = 0; i < call->argument_count; i++) {
        const struct cli_argument *a = argument_row(call->command, i, call->argument_count);
        const char *word = call->arguments[i];
        if (a == NULL) {
            return cli_usage(call, p->err, "unexpected argument %s", cli_quoted(word).text);
        }
        if (!is_choice(word, a->choices)) {
            CLEANUP(mem_freep) char *what = mem_printf("argument %s", a->name);
            return bad_choice(p, what, word, a->choices);
        }
    }
    return 0;
}

/* --- The whole line --- */

static int take_word(struct parser *p, const char *word)
{
    if (p->call.command == NULL) {
        return take_command_word(p, word);
    }
    p->call.arguments[p->call.argument_count++] = word;
    return 0;
}

static int take_next(struct parser *p)
{
    const char *word = *p->next++;
    if (p->only_words || word[0] != '-' || word[1] == '\0') {
        return take_word(p, word);
    }
    if (word[1] != '-') {
        return take_short(p, word);
    }
    if (word[2] != '\0') {
        return take_long(p, word);
    }
    p->only_words = true;
    return 0;
}

/* No word is left: is it a whole call? */
static int finish(struct parser *p)
{
    struct cli_call *call = &p->call;
    if (call->command == NULL) {
        call->command = p->likely;
    }
    if (call->wish != CLI_RUN) {
        return 0; /* whoever asks for help need not know the arguments */
    }
    if (call->command != NULL) {
        return check_arguments(p);
    }
    return call->group == NULL
               ? cli_usage(call, p->err, "no command given")
               : cli_usage(call, p->err, "command \"%s\" needs a second word", call->group);
}

int cli_parse(const struct cli_program *program, int argc, char *const *argv,
              struct cli_call *ret_call, struct err *err)
{
    size_t count = argc > 1 ? (size_t)argc - 1 : 0; /* argv may be quite empty */
    struct parser p = {
        .call = {.program = program, .wish = CLI_RUN},
        .likely = program->alone,
        .next = argc > 1 ? argv + 1 : argv,
        .err = err,
    };
    p.end = p.next + count;
    p.call.arguments = mem_array(count, sizeof(*p.call.arguments));
    int rc = 0;
    while (rc == 0 && p.next < p.end) {
        rc = take_next(&p);
    }
    if (rc == 0) {
        rc = finish(&p);
    }
    if (rc < 0) {
        cli_call_close(&p.call);
        return rc;
    }
    MUST(p.call.wish != CLI_RUN || p.call.command != NULL);
    *ret_call = p.call;
    return 0;
}

void cli_call_close(struct cli_call *call)
{
    mem_free(call->arguments);
    mem_free(call->given);
    *call = (struct cli_call){0};
}

/* --- What was given --- */

const char *cli_value_at(const struct cli_call *call, const char *name, size_t index)
{
    size_t length = strlen(name);
    const struct cli_option *own = call->command != NULL ? call->command->options : NULL;
    MUST(cli_table_find_in(own, name, length, 0) != NULL ||
         cli_table_find_in(call->program->options, name, length, 0) != NULL);
    for (size_t i = 0; i < call->given_count; i++) {
        if (strcmp(call->given[i].option->name, name) == 0 && index-- == 0) {
            return call->given[i].value;
        }
    }
    return NULL;
}

const char *cli_value(const struct cli_call *call, const char *name)
{
    const char *last = NULL;
    const char *value = NULL;
    for (size_t i = 0; (value = cli_value_at(call, name, i)) != NULL; i++) {
        last = value;
    }
    return last;
}

bool cli_given(const struct cli_call *call, const char *name)
{
    return cli_value_at(call, name, 0) != NULL;
}

const char *cli_argument(const struct cli_call *call, size_t index)
{
    return index < call->argument_count ? call->arguments[index] : NULL;
}

/* --- The edge --- */

int cli_put(const struct buf *text, struct err *err)
{
    if (fwrite(buf_text(text), 1, text->size, stdout) < text->size || fflush(stdout) != 0) {
        return err_errno(err, errno, "standard output");
    }
    return 0;
}

int cli_run_version(const struct cli_call *call, struct err *err)
{
    CLEANUP(buf_close) struct buf text = {0};
    buf_printf(&text, "%s %s\n", call->program->name, call->program->version);
    return cli_put(&text, err);
}

int cli_run_completion(const struct cli_call *call, struct err *err)
{
    CLEANUP(buf_close) struct buf text = {0};
    cli_complete_bash(call->program, &text);
    return cli_put(&text, err);
}

static int run(const struct cli_call *call, struct err *err)
{
    cli_run_cb before = call->program->before;
    int rc = before != NULL ? before(call, err) : 0;
    return rc == 0 ? call->command->run(call, err) : rc;
}

static int act(const struct cli_call *call, struct err *err)
{
    CLEANUP(buf_close) struct buf text = {0};
    switch (call->wish) {
        case CLI_RUN:
            return run(call, err);
        case CLI_VERSION:
            return cli_run_version(call, err);
        case CLI_HELP:
            cli_help(call, &text);
            return cli_put(&text, err);
    }
    UNREACHABLE("every wish has returned");
}

/* A closed standard descriptor would become the next file or socket, and what is meant for the
 * terminal would go there. Its place is taken by one that refuses to be used, too. */
static void hold_descriptor(int fd)
{
    if (fcntl(fd, F_GETFD) >= 0) {
        return;
    }
    /* The lowest free number is @fd. Where there is no /dev/null nothing can be done. */
    int held = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    MUST(held == fd || held < 0);
}

int cli_main(const struct cli_program *program, int argc, char *const *argv)
{
    hold_descriptor(STDIN_FILENO);
    hold_descriptor(STDOUT_FILENO);
    hold_descriptor(STDERR_FILENO);
    struct err err = {0};
    if (cli_check_table(program, &err) < 0) {
        must_fail(err.msg, __FILE__, __LINE__);
    }
    CLEANUP(cli_call_close) struct cli_call call = {0};
    int rc = cli_parse(program, argc, argv, &call, &err);
    if (rc == 0) {
        rc = act(&call, &err);
    } else if (program->misused != NULL) {
        int told = program->misused(argc, argv, &err);
        rc = told != 0 ? told : rc;
    }
    if (rc >= 0 && (ferror(stdout) != 0 || fflush(stdout) != 0)) {
        rc = err_set(&err, ERR_IO, "standard output: not everything could be written");
    }
    if (rc < 0) {
        /* When this fails, too, there is nobody left to tell. */
        (void)fprintf(stderr, "%s: %s\n", program->name, err.msg);
    }
    return rc < 0 ? err_exit_status(rc) : rc;
}
