/* base/cli_complete.c - a completion script for bash, written from the command table.
 *
 * The script is a fixed text around a few lists: it walks the words before the cursor as the parser
 * would, and offers what may come next. It needs nothing but bash 4.4: no bash-completion package,
 * no call of the program. It changes no shell option and works under all of them ("set -u"). Bash
 * splits words at "=" and ":", so the script puts them together again, and offers only what bash
 * will put in place of the last piece. */
#include "base/cli.h"

#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli_table.h"
#include "base/mem.h"
#include "base/must.h"

/* In both texts PROGRAM stands for the program's name. */
static const char script_head[] =
    "# Completion of PROGRAM for bash, written by \"PROGRAM completion bash\".\n"
    "\n"
    "# The lists below set $found from the table of commands.\n"
    "\n";

static const char script_tail[] =
    "# Offer those of the words in $2 that start with $3, each with $1 before it, less what bash\n"
    "# keeps of the word at the cursor ($kept, a variable of the caller). @file and @dir are "
    "paths.\n"
    "_PROGRAM_offer()\n"
    "{\n"
    "    local word kind=-W\n"
    "    case $2 in\n"
    "        *@file) kind=-f ;;\n"
    "        *@dir) kind=-d ;;\n"
    "    esac\n"
    "    if [[ $kind != -W ]]; then\n"
    "        compopt -o filenames 2>/dev/null || :\n"
    "    fi\n"
    "    while IFS= read -r word; do\n"
    "        word=$1$word\n"
    "        COMPREPLY+=(\"${word#\"$kept\"}\")\n"
    "    done < <(if [[ $kind == -W ]]; then compgen -W \"$2\" -- \"$3\"\n"
    "             else compgen \"$kind\" -- \"$3\"; fi)\n"
    "}\n"
    "\n"
    "# Put what bash has split at \"=\" and \":\" together: set the caller's $words and $kept.\n"
    "_PROGRAM_join()\n"
    "{\n"
    "    local i piece glue=''\n"
    "    for ((i = 1; i <= COMP_CWORD; i++)); do\n"
    "        piece=${COMP_WORDS[i]-}\n"
    "        if [[ ${#words[@]} -gt 0 && -n $piece && -z ${piece//[=:]/} ]]; then\n"
    "            words[${#words[@]}-1]+=$piece\n"
    "            glue=yes\n"
    "        elif [[ -n $glue ]]; then\n"
    "            words[${#words[@]}-1]+=$piece\n"
    "            glue=''\n"
    "        else\n"
    "            words+=(\"$piece\")\n"
    "        fi\n"
    "    done\n"
    "    if [[ -n $piece && -z ${piece//[=:]/} ]]; then\n"
    "        piece=''\n"
    "    fi\n"
    "    kept=${words[${#words[@]}-1]}\n"
    "    kept=${kept%\"$piece\"}\n"
    "}\n"
    "\n"
    "# The short options $1: set the caller's $wants if the last one still needs its value.\n"
    "_PROGRAM_letters()\n"
    "{\n"
    "    local letters=$1 letter\n"
    "    while [[ -n $letters ]]; do\n"
    "        letter=-${letters:0:1} letters=${letters:1}\n"
    "        _PROGRAM_value \"$command\" \"$letter\"\n"
    "        if [[ -n $found ]]; then\n"
    "            if [[ -z $letters ]]; then\n"
    "                wants=$letter\n"
    "            fi\n"
    "            return 0\n"
    "        fi\n"
    "    done\n"
    "}\n"
    "\n"
    "# A word $1 that is neither an option nor the value of one: set the caller's $command, "
    "$group,\n"
    "# $complete (no further word belongs to the command), $helping and $arguments.\n"
    "_PROGRAM_word()\n"
    "{\n"
    "    if [[ -n $complete ]]; then\n"
    "        arguments=$((arguments + 1))\n"
    "        return 0\n"
    "    fi\n"
    "    _PROGRAM_command \"${group:+$group }$1\"\n"
    "    case $found in\n"
    "        help) if [[ -z $helping ]]; then helping=yes; else command=help complete=yes; fi ;;\n"
    "        group) group=$1 command='' ;;\n"
    "        both) group=$1 command=$1 ;;\n"
    "        command) command=${group:+$group }$1 complete=yes ;;\n"
    "        *) complete=unknown ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "_PROGRAM()\n"
    "{\n"
    "    local IFS=$' \\t\\n'\n"
    "    local -a words=()\n"
    "    local i word current option kept='' found='' wants='' only_words=''\n"
    "    local command='' group='' complete='' helping='' arguments=0\n"
    "    COMPREPLY=()\n"
    "    if ((COMP_CWORD < 1)); then\n"
    "        return 0\n"
    "    fi\n"
    "    _PROGRAM_join\n"
    "    current=${words[${#words[@]}-1]}\n"
    "    for ((i = 0; i < ${#words[@]} - 1; i++)); do\n"
    "        word=${words[i]}\n"
    "        if [[ -n $wants ]]; then\n"
    "            wants=''\n"
    "        elif [[ -n $only_words || $word != -?* ]]; then\n"
    "            _PROGRAM_word \"$word\"\n"
    "        elif [[ $word == -- ]]; then\n"
    "            only_words=yes\n"
    "        elif [[ $word != --* ]]; then\n"
    "            _PROGRAM_letters \"${word:1}\"\n"
    "        elif [[ $word != *=* ]]; then\n"
    "            _PROGRAM_value \"$command\" \"$word\"\n"
    "            if [[ -n $found ]]; then\n"
    "                wants=$word\n"
    "            fi\n"
    "        fi\n"
    "    done\n"
    "\n"
    "    if [[ $complete == unknown ]]; then\n"
    "        return 0\n"
    "    elif [[ -n $wants ]]; then\n"
    "        _PROGRAM_value \"$command\" \"$wants\"\n"
    "        _PROGRAM_offer '' \"$found\" \"$current\"\n"
    "    elif [[ -z $only_words && $current == --*=* ]]; then\n"
    "        option=${current%%=*}\n"
    "        _PROGRAM_value \"$command\" \"$option\"\n"
    "        _PROGRAM_offer \"$option=\" \"$found\" \"${current#*=}\"\n"
    "    elif [[ -z $only_words && $current == -* ]]; then\n"
    "        _PROGRAM_options \"$command\"\n"
    "        _PROGRAM_offer '' \"$found\" \"$current\"\n"
    "    else\n"
    "        if [[ -z $complete ]]; then\n"
    "            _PROGRAM_next \"$group\"\n"
    "            _PROGRAM_offer '' \"$found\" \"$current\"\n"
    "        elif [[ -z $helping ]]; then\n"
    "            _PROGRAM_argument \"$command\" \"$arguments\"\n"
    "            _PROGRAM_offer '' \"$found\" \"$current\"\n"
    "        fi\n"
    "    fi\n"
    "    return 0\n"
    "}\n"
    "\n"
    "complete -F _PROGRAM PROGRAM\n";

/* --- Text with the program's name in it --- */

static void put(struct buf *out, const struct cli_program *program, const char *text)
{
    static const char mark[] = "PROGRAM";
    for (const char *at = strstr(text, mark); at != NULL; at = strstr(text, mark)) {
        buf_append(out, text, (size_t)(at - text));
        buf_str(out, program->name);
        text = at + strlen(mark);
    }
    buf_str(out, text);
}

/* A function of the script that sets $found by its arguments; the arms come between the two. */
static void function_start(struct buf *out, const struct cli_program *program, const char *name,
                           const char *arguments, const char *subject)
{
    put(out, program, "_PROGRAM_");
    buf_printf(out, "%s() # %s\n{\n    found=''\n    case %s in\n", name, arguments, subject);
}

static void function_end(struct buf *out)
{
    buf_str(out, "        *) : ;;\n    esac\n}\n\n");
}

/* "a b c" from the choices, or what stands for paths; "" when nothing can be offered. */
static void put_values(struct buf *out, const char *const *choices, const char *name)
{
    if (choices == NULL) {
        buf_str(out, strcmp(name, "FILE") == 0 ? "@file" : strcmp(name, "DIR") == 0 ? "@dir" : "");
    }
    for (size_t i = 0; choices != NULL && choices[i] != NULL; i++) {
        buf_printf(out, "%s%s", i > 0 ? " " : "", choices[i]);
    }
}

/* --- The lists; the names are in order, so a group stands together behind the command of its name
 * --- */

static bool same_group(const struct cli_command *a, const struct cli_command *b)
{
    size_t length = cli_table_group_length(a);
    return length > 0 && cli_table_group_length(b) == length &&
           strncmp(a->name, b->name, length) == 0;
}

static bool opens_group(const struct cli_program *program, const struct cli_command *c)
{
    return cli_table_group_length(c) > 0 && (c == program->commands || !same_group(c - 1, c));
}

/* Is @c "raft", with "raft form" behind it? */
static bool leads_group(const struct cli_command *c)
{
    const struct cli_command *next = c + 1;
    size_t length = next->name != NULL ? cli_table_group_length(next) : 0;
    return length > 0 && strlen(c->name) == length && strncmp(c->name, next->name, length) == 0;
}

static void put_commands(struct buf *out, const struct cli_program *program)
{
    function_start(out, program, "command", "WORDS: command, group, both, help, or nothing", "$1");
    for (const struct cli_command *c = program->commands; c->name != NULL; c++) {
        if (opens_group(program, c) && (c == program->commands || !leads_group(c - 1))) {
            buf_printf(out, "        '%.*s') found=group ;;\n", (int)cli_table_group_length(c),
                       c->name);
        }
        const char *kind = c->run == NULL ? "help" : leads_group(c) ? "both" : "command";
        buf_printf(out, "        '%s') found='%s' ;;\n", c->name, kind);
    }
    function_end(out);
}

/* The words that may follow none or the first one of a command. */
static void put_next_words(struct buf *out, const struct cli_program *program)
{
    function_start(out, program, "next", "GROUP", "$1");
    buf_str(out, "        '') found='");
    for (const struct cli_command *c = program->commands; c->name != NULL; c++) {
        if (cli_table_group_length(c) == 0 && !leads_group(c)) {
            buf_printf(out, " %s", c->name);
        } else if (opens_group(program, c)) {
            buf_printf(out, " %.*s", (int)cli_table_group_length(c), c->name);
        }
    }
    buf_str(out, "' ;;\n");
    for (const struct cli_command *c = program->commands; c->name != NULL; c++) {
        size_t group = cli_table_group_length(c);
        if (opens_group(program, c)) {
            buf_printf(out, "        '%.*s') found='", (int)group, c->name);
        }
        if (group > 0) {
            bool ends = c[1].name == NULL || !same_group(c, c + 1);
            buf_printf(out, " %s%s", c->name + group + 1, ends ? "' ;;\n" : "");
        }
    }
    function_end(out);
}

static void put_option_names(struct buf *out, const struct cli_option *options)
{
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++) {
        buf_printf(out, " --%s", o->name);
        if (o->alias != NULL) {
            buf_printf(out, " --%s", o->alias);
        }
    }
}

static void put_options(struct buf *out, const struct cli_program *program)
{
    function_start(out, program, "options", "COMMAND", "$1");
    const struct cli_option *alone = program->alone != NULL ? program->alone->options : NULL;
    buf_str(out, "        '') found='");
    put_option_names(out, alone);
    buf_str(out, "' ;;\n");
    for (const struct cli_command *c = program->commands; c->name != NULL; c++) {
        if (c->options != NULL) {
            buf_printf(out, "        '%s') found='", c->name);
            put_option_names(out, c->options);
            buf_str(out, "' ;;\n");
        }
    }
    buf_str(out, "        *) : ;;\n    esac\n    found+='");
    put_option_names(out, program->options);
    put_option_names(out, cli_table_builtin);
    buf_str(out, "'\n}\n\n");
}

/* What the value of an option may be; a lone space when there is one but nothing is known of it. */
static void put_option_values(struct buf *out, const char *command,
                              const struct cli_option *options)
{
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++) {
        if (o->value == NULL && o->takes_letter) { /* the program's has a value, perhaps */
            buf_printf(out, "        %s:-%c) found='' ;;\n", command, o->letter);
        }
        if (o->value == NULL) {
            continue;
        }
        buf_printf(out, "        %s:--%s", command, o->name);
        if (o->alias != NULL) {
            buf_printf(out, " | %s:--%s", command, o->alias);
        }
        if (o->letter != 0) {
            buf_printf(out, " | %s:-%c", command, o->letter);
        }
        buf_str(out, ") found='");
        size_t before = out->size;
        put_values(out, o->choices, o->value);
        buf_str(out, out->size == before ? " ' ;;\n" : "' ;;\n");
    }
}

static void put_option_value_lists(struct buf *out, const struct cli_program *program)
{
    function_start(out, program, "value", "COMMAND OPTION: its values; nothing for a flag",
                   "$1:$2");
    if (program->alone != NULL) {
        put_option_values(out, "''", program->alone->options);
    }
    for (const struct cli_command *c = program->commands; c->name != NULL; c++) {
        CLEANUP(buf_close) struct buf name = {0};
        buf_printf(&name, "'%s'", c->name);
        put_option_values(out, buf_text(&name), c->options);
    }
    put_option_values(out, "*", program->options);
    function_end(out);
}

/* An argument may stand at any place that the optional ones before it leave it. */
static void put_arguments(struct buf *out, const struct cli_program *program)
{
    function_start(out, program, "argument", "COMMAND INDEX: what the argument may be", "$1");
    for (const struct cli_command *c = program->commands; c->name != NULL; c++) {
        CLEANUP(buf_close) struct buf arm = {0};
        size_t least = 0;
        size_t most = 0;
        for (const struct cli_argument *a = c->arguments; a != NULL && a->name != NULL; a++) {
            most = a->many || most == SIZE_MAX ? SIZE_MAX : most + 1;
            CLEANUP(buf_close) struct buf values = {0};
            put_values(&values, a->choices, a->name);
            if (values.size > 0 && most == SIZE_MAX) {
                buf_printf(&arm, "            if (($2 >= %zu)); then found+=' %s'; fi\n", least,
                           buf_text(&values));
            } else if (values.size > 0) {
                buf_printf(&arm,
                           "            if (($2 >= %zu && $2 < %zu)); then found+=' %s'; fi\n",
                           least, most, buf_text(&values));
            }
            least += a->optional ? 0 : 1;
        }
        if (arm.size > 0 && c->run != NULL) {
            buf_printf(out, "        '%s')\n%s            ;;\n", c->name, buf_text(&arm));
        }
    }
    function_end(out);
}

void cli_complete_bash(const struct cli_program *program, struct buf *out)
{
    put(out, program, script_head);
    put_commands(out, program);
    put_next_words(out, program);
    put_options(out, program);
    put_option_value_lists(out, program);
    put_arguments(out, program);
    put(out, program, script_tail);
}
