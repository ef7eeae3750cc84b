/* base/cli_table.h - the questions that parser, help and completion put to a command table; for
 * base/cli*.c alone. */
#ifndef BASE_CLI_TABLE_H_
#define BASE_CLI_TABLE_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/cli.h"

/* The length of the first of two words in a command's name; 0 when there is only one. */
size_t cli_table_group_length(const struct cli_command *command);
/* What follows "@group " in the name of @command; the name itself when @group is NULL; NULL when
 * the command is of another group. */
const char *cli_table_last_word(const struct cli_command *command, const char *group);
/* The command "@group @word", or "@word" when @group is NULL; NULL when there is none. */
const struct cli_command *cli_table_command(const struct cli_program *program, const char *group,
                                            const char *word);
/* Whether @word is the first of two in the name of some command. */
bool cli_table_is_group(const struct cli_program *program, const char *word);

extern const struct cli_option cli_table_builtin[]; /* --help and --version */

/* The lists of options that may stand with @command (NULL: none yet): its own, those of the program
 * and the built-in ones. A list may be NULL. */
#define CLI_TABLE_LISTS 3
const struct cli_option *cli_table_options(const struct cli_program *program,
                                           const struct cli_command *command, size_t list);
/* The option of @name, of which @length bytes count, or of @letter when @name is NULL; NULL when
 * there is none: in one list (which may be NULL), or the first in all lists of @command. */
const struct cli_option *cli_table_find_in(const struct cli_option *options, const char *name,
                                           size_t length, char letter);
const struct cli_option *cli_table_find(const struct cli_program *program,
                                        const struct cli_command *command, const char *name,
                                        size_t length, char letter);

/* Whether its letter means @option with @command: it has one, and the command has not taken it. */
bool cli_table_has_letter(const struct cli_program *program, const struct cli_command *command,
                          const struct cli_option *option);

#endif /* BASE_CLI_TABLE_H_ */
