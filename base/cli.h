/* base/cli.h - the commands, options and arguments of a program as one table.
 *
 * The table is all there is: the parser, the help and the shell completion are read off it, and
 * none of them can forget a row. A new command is a new row and its run function. Parsing, help and
 * completion do no I/O; cli_main() and the run functions do. Rows are written with the macros below
 * and live as long as the program; every list ends with a row whose name is NULL.
 *
 * What the parser takes: --name VALUE, --name=VALUE, -n VALUE, -nVALUE, grouped flags (-ab), "--",
 * options before and after the command (a command's own ones after it), --help, -h and --version
 * anywhere. The last of a repeated option wins unless its row says that it is a list. */
#ifndef BASE_CLI_H_
#define BASE_CLI_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct cli_option {
    const char *name;    /* "format" is written --format */
    const char *alias;   /* another long name for it; NULL: none */
    char letter;         /* 'f' is written -f; 0: no short form */
    bool takes_letter;   /* of a command: the letter is an option's of the program, which has to do
                            without it after this command; the check wants that to be said */
    bool list;           /* may be given again, every value counts */
    const char *value;   /* "FORMAT" in the help; "FILE" and "DIR" complete paths; NULL: a flag */
    bool value_optional; /* it may be left out: a next word that begins with '-' is none of it */
    const char *const *choices; /* CLI_CHOICES(...); NULL: any value */
    const char *help;
};

struct cli_argument {
    const char *name; /* "NODE" in the help; "FILE" and "DIR" complete paths */
    bool optional;
    bool many; /* takes all that the other rows leave over; at most one row of a command */
    const char *const *choices;
    const char *help;
};

struct cli_call;

/* 0, a negative ERR_* with @err filled, or a positive exit status with nothing left to say. */
typedef int (*cli_run_cb)(const struct cli_call *call, struct err *err);
/* The words make no sense, for the reason in @err, and who calls has to be told otherwise than that
 * and by status 2: as above. 0: as always. */
typedef int (*cli_misused_cb)(int argc, char *const *argv, struct err *err);

struct cli_command {
    const char *name;                     /* "list", or two words: "member list" */
    const char *summary;                  /* one sentence */
    const struct cli_argument *arguments; /* CLI_ARGUMENTS(...); NULL: none */
    const struct cli_option *options;     /* CLI_OPTIONS(...); NULL: none */
    const char *example;                  /* a whole command line; it has to parse */
    cli_run_cb run;                       /* NULL in CLI_HELP_COMMAND only */
};

struct cli_program {
    const char *name;
    const char *version;
    const char *summary;                /* one sentence */
    const char *notes;                  /* a paragraph of the help; NULL: none */
    const char *exit_statuses;          /* "0 done, 1 refused, ..." */
    cli_run_cb before;                  /* runs before every command; NULL: nothing. What it says
                                           but 0 is the end of it */
    cli_misused_cb misused;             /* NULL: nobody is told otherwise */
    const struct cli_option *options;   /* taken by every command */
    const struct cli_command *commands; /* sorted by name */
    const struct cli_command *alone; /* what runs without a command, with options of its own but no
                                        name and no arguments; NULL: a command is needed */
};

#define CLI_OPTIONS(...) ((const struct cli_option[]){__VA_ARGS__, {.name = NULL}})
#define CLI_ARGUMENTS(...) ((const struct cli_argument[]){__VA_ARGS__, {.name = NULL}})
#define CLI_CHOICES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The rows that every program has. "help WORDS" is served by the parser as "WORDS --help". */
#define CLI_HELP_COMMAND(program)                                                 \
    {                                                                             \
        .name = "help", .summary = "Show what the program or one command does.",  \
        .arguments = CLI_ARGUMENTS({.name = "COMMAND",                            \
                                    .optional = true,                             \
                                    .many = true,                                 \
                                    .help = "the command, in one or two words"}), \
        .example = program " help completion", .run = NULL,                       \
    }
#define CLI_COMPLETION_COMMAND(program)                                                         \
    {                                                                                           \
        .name = "completion", .summary = "Print the completion script of a shell.",             \
        .arguments = CLI_ARGUMENTS({.name = "SHELL",                                            \
                                    .choices = CLI_CHOICES("bash"),                             \
                                    .help = "the shell to complete in"}),                       \
        .example = program " completion bash > ~/." program ".bash", .run = cli_run_completion, \
    }

enum cli_wish {
    CLI_RUN,
    CLI_HELP,    /* of @command, else of @group, else of the program */
    CLI_VERSION, /* of the program */
};

/* What the words of argv ask for. Points into argv and the table. */
struct cli_call {
    const struct cli_program *program;
    enum cli_wish wish;
    const struct cli_command *command; /* NULL only when the wish is not CLI_RUN */
    const char *group;                 /* the first of two command words, or NULL */
    const char **arguments;
    size_t argument_count;
    struct cli_given *given; /* options, as they came; read with cli_value() */
    size_t given_count;
};

/* Find out what @argv asks for. On failure ERR_USAGE with one line for the user. */
int cli_parse(const struct cli_program *program, int argc, char *const *argv,
              struct cli_call *ret_call, struct err *err);
/* Frees what cli_parse() made; also right for CLEANUP(). */
void cli_call_close(struct cli_call *call);

/* The value of option @name, the last one if there are several; "" for a flag, and for a value that
 * was left out; NULL when not given. The command or the program must have the option. */
const char *cli_value(const struct cli_call *call, const char *name);
/* The @index-th value of a list, in the order of argv; NULL after the last. */
const char *cli_value_at(const struct cli_call *call, const char *name, size_t index);
bool cli_given(const struct cli_call *call, const char *name);
/* NULL after the last. */
const char *cli_argument(const struct cli_call *call, size_t index);

/* For a run function that finds a mistake the table can not know: ERR_USAGE with the place where
 * the help is appended, as the parser does. */
int cli_usage(const struct cli_call *call, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define CLI_QUOTED_MAX 72
struct cli_quoted {
    char text[CLI_QUOTED_MAX];
};
/* A word of the user in quotes, fit for a terminal: control characters and bytes that are not UTF-8
 * are escaped, a long word is cut. As an argument: cli_quoted(word).text. */
struct cli_quoted cli_quoted(const char *word);

/* Append the help that @call asks for, at most 100 columns wide. */
void cli_help(const struct cli_call *call, struct buf *out);
/* Append a completion script for bash. */
void cli_complete_bash(const struct cli_program *program, struct buf *out);

/* ERR_INVALID and the first fault of the table: a row without a summary, out of order, an option
 * taken twice, an example that does not parse ... */
int cli_check_table(const struct cli_program *program, struct err *err);

/* Check the table, parse, act; return the exit status. A failure is one line on stderr. */
int cli_main(const struct cli_program *program, int argc, char *const *argv);

/* Write @text to stdout and through to the file, the way a run function shows its result. What is
 * written with printf() instead is flushed by cli_main(), which can not tell why it failed. */
int cli_put(const struct buf *text, struct err *err);

/* Run functions any table may use. */
int cli_run_completion(const struct cli_call *call, struct err *err);
int cli_run_version(const struct cli_call *call, struct err *err);

#endif /* BASE_CLI_H_ */
