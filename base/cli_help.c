/* base/cli_help.c - what a program says about itself: its help, read off the command table, and
 * the words of the user in its messages. */
#include "base/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli_table.h"
#include "base/mem.h"
#include "base/must.h"

#define WIDTH 100
/* Where the texts of a list begin at most; a longer left side has its text below it. */
#define LEFT_MAX 34

/* --- Words of the user in messages --- */

/* The length of the UTF-8 character at @text; 0 if it is none, or a control character. */
static size_t printable_length(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80) {
        return s[0] >= 0x20 && s[0] != 0x7f ? 1 : 0;
    }
    /* The least second byte shuts out control characters (c2) and overlong forms, the greatest one
     * surrogates (ed) and what is beyond Unicode (f4). */
    size_t length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    unsigned char least = s[0] == 0xc2 || s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char greatest = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    if (s[0] < 0xc2 || s[0] > 0xf4 || s[1] < least || s[1] > greatest) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if (s[i] < 0x80 || s[i] > 0xbf) {
            return 0;
        }
    }
    return length;
}

struct cli_quoted cli_quoted(const char *word)
{
    static const char cut[] = "...\"";
    struct cli_quoted quoted = {.text = "\""};
    size_t at = 1;
    while (*word != '\0') {
        char piece[8];
        size_t taken = printable_length(word);
        if (taken == 0) {
            (void)snprintf(piece, sizeof(piece), "\\x%02x", (unsigned)(unsigned char)*word);
            taken = 1;
        } else {
            bool escape = *word == '"' || *word == '\\';
            (void)snprintf(piece, sizeof(piece), "%s%.*s", escape ? "\\" : "", (int)taken, word);
        }
        size_t length = strlen(piece);
        if (at + length + sizeof(cut) > sizeof(quoted.text)) {
            memcpy(quoted.text + at, cut, sizeof(cut));
            return quoted;
        }
        memcpy(quoted.text + at, piece, length);
        at += length;
        word += taken;
    }
    memcpy(quoted.text + at, "\"", sizeof("\""));
    return quoted;
}

int cli_usage(const struct cli_call *call, struct err *err, const char *fmt, ...)
{
    CLEANUP(buf_close) struct buf text = {0};
    char what[ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    MUST(length > 0);
    bool asks = what[strlen(what) - 1] == '?';
    buf_printf(&text, "%s%s try \"%s", what, asks ? "" : ";", call->program->name);
    if (call->command != NULL && call->command != call->program->alone) {
        buf_printf(&text, " %s", call->command->name);
    } else if (call->group != NULL) {
        buf_printf(&text, " %s", call->group);
    }
    return err_set(err, ERR_USAGE, "%s --help\"", buf_text(&text));
}

/* --- Lines of at most WIDTH columns --- */

struct lines {
    struct buf *out;
    size_t column;
    size_t indent; /* of the lines after the first */
    bool glued;    /* the next word follows without a space */
};

/* One word, or several that must not be torn apart. */
static void lines_word(struct lines *l, const char *word, size_t length)
{
    size_t space = l->glued ? 0 : 1;
    if (l->column > l->indent && l->column + space + length > WIDTH) {
        buf_printf(l->out, "\n%*s", (int)l->indent, "");
        l->column = l->indent;
        space = 0;
    }
    buf_printf(l->out, "%s%.*s", space == 1 ? " " : "", (int)length, word);
    l->column += space + length;
    l->glued = false;
}

static void lines_text(struct lines *l, const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, " ");
        lines_word(l, text, length);
        text += length;
        text += strspn(text, " ");
    }
}

static void paragraph(struct buf *out, const char *label, const char *text)
{
    struct lines l = {.out = out, .glued = true};
    lines_text(&l, label);
    lines_text(&l, text);
    buf_char(out, '\n');
}

/* --- Two columns: what to write, what it does --- */

struct row {
    char *left;
    char *right;
};

struct rows {
    struct row *rows;
    size_t count;
};

/* Takes both texts over. */
static void rows_add(struct rows *r, char *left, char *right)
{
    r->rows = mem_grow(r->rows, r->count + 1, sizeof(*r->rows));
    r->rows[r->count++] = (struct row){.left = left, .right = right};
}

/* Print the rows under @title, if there are any, and forget them. */
static void rows_print(struct rows *r, const char *title, struct buf *out)
{
    size_t left_width = 0;
    for (size_t i = 0; i < r->count; i++) {
        size_t length = strlen(r->rows[i].left);
        left_width = length > left_width && length <= LEFT_MAX ? length : left_width;
    }
    buf_str(out, r->count > 0 ? title : "");
    for (size_t i = 0; i < r->count; i++) {
        const struct row *row = &r->rows[i];
        struct lines l = {.out = out, .indent = 2 + left_width + 2, .glued = true};
        size_t length = strlen(row->left);
        bool fits = length <= left_width;
        buf_printf(out, "  %s%*s", row->left, fits ? (int)(l.indent - 2 - length) : 0, "");
        l.column = fits ? l.indent : WIDTH;
        lines_text(&l, row->right);
        buf_char(out, '\n');
        mem_free(row->left);
        mem_free(row->right);
    }
    mem_free(r->rows);
    *r = (struct rows){0};
}

/* " FILE" behind an option, " [FILE]" when it may be left out; "" for a flag. */
static char *value_words(const struct cli_option *o)
{
    return o->value == NULL ? mem_strdup("")
                            : mem_printf(o->value_optional ? " [%s]" : " %s", o->value);
}

/* @help and what its row adds: the choices, and that an option may be given again. */
static char *explained(const char *help, const char *const *choices, bool list)
{
    struct buf text = {0};
    buf_str(&text, help);
    for (size_t i = 0; choices != NULL && choices[i] != NULL; i++) {
        buf_printf(&text, "%s%s", i == 0 ? ": " : ", ", choices[i]);
    }
    buf_str(&text, list ? "; may be repeated" : "");
    return buf_take(&text);
}

/* Those that may stand with @command (NULL: with none), its own first. */
static void add_options(struct rows *r, const struct cli_program *program,
                        const struct cli_command *command)
{
    for (size_t i = 0; i < CLI_TABLE_LISTS; i++) {
        const struct cli_option *o = cli_table_options(program, command, i);
        for (; o != NULL && o->name != NULL; o++) {
            char letter[] = {'-', o->letter, ',', '\0'};
            bool has = cli_table_has_letter(program, command, o);
            CLEANUP(mem_freep) char *value = value_words(o);
            char *left =
                mem_printf("%-3s --%s%s%s%s", has ? letter : "", o->name,
                           o->alias != NULL ? ", --" : "", o->alias != NULL ? o->alias : "", value);
            rows_add(r, left, explained(o->help, o->choices, o->list));
        }
    }
}

static void add_arguments(struct rows *r, const struct cli_argument *arguments)
{
    for (const struct cli_argument *a = arguments; a != NULL && a->name != NULL; a++) {
        rows_add(r, mem_strdup(a->name), explained(a->help, a->choices, false));
    }
}

/* The commands of @group, or all when it is NULL. */
static void add_commands(struct rows *r, const struct cli_program *program, const char *group)
{
    for (const struct cli_command *c = program->commands; c->name != NULL; c++) {
        size_t length = cli_table_group_length(c);
        bool inside = group == NULL || (length > 0 && strlen(group) == length &&
                                        strncmp(c->name, group, length) == 0);
        if (inside) {
            rows_add(r, mem_strdup(c->name), mem_strdup(c->summary));
        }
    }
}

/* --- The three helps --- */

static void usage_start(struct lines *l, const struct cli_program *program)
{
    *l = (struct lines){.out = l->out, .glued = true};
    lines_text(l, "usage:");
    lines_text(l, program->name);
    l->indent = l->column + 1;
}

static void usage_options(struct lines *l, const struct cli_option *options)
{
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++) {
        CLEANUP(mem_freep) char *value = value_words(o);
        CLEANUP(mem_freep)
        char *word = mem_printf("[--%s%s]%s", o->name, value, o->list ? "..." : "");
        lines_word(l, word, strlen(word));
    }
}

static void usage_arguments(struct lines *l, const struct cli_argument *arguments)
{
    for (const struct cli_argument *a = arguments; a != NULL && a->name != NULL; a++) {
        CLEANUP(mem_freep)
        char *word = mem_printf("%s%s%s%s", a->optional ? "[" : "", a->name, a->many ? "..." : "",
                                a->optional ? "]" : "");
        lines_word(l, word, strlen(word));
    }
}

static void help_command(const struct cli_program *program, const struct cli_command *command,
                         struct buf *out)
{
    struct lines l = {.out = out};
    usage_start(&l, program);
    lines_text(&l, command->name);
    usage_options(&l, command->options);
    usage_arguments(&l, command->arguments);
    buf_char(out, '\n');
    paragraph(out, "", command->summary);

    struct rows rows = {0};
    add_arguments(&rows, command->arguments);
    rows_print(&rows, "\narguments:\n", out);
    add_options(&rows, program, command);
    rows_print(&rows, "\noptions:\n", out);
    add_commands(&rows, program, command->name);
    rows_print(&rows, "\nwith a second word:\n", out);
    buf_printf(out, "\nexample: %s\n", command->example);
}

static void help_group(const struct cli_program *program, const char *group, struct buf *out)
{
    struct lines l = {.out = out};
    usage_start(&l, program);
    lines_text(&l, group);
    lines_text(&l, "COMMAND [OPTION...] [ARGUMENT...]");
    buf_char(out, '\n');

    struct rows rows = {0};
    add_commands(&rows, program, group);
    rows_print(&rows, "\ncommands:\n", out);
    add_options(&rows, program, NULL);
    rows_print(&rows, "\noptions:\n", out);
    buf_char(out, '\n');
}

static void help_program(const struct cli_program *program, struct buf *out)
{
    const struct cli_command *alone = program->alone;
    struct lines l = {.out = out};
    usage_start(&l, program);
    lines_text(&l, alone != NULL ? "[OPTION...]" : "[OPTION...] COMMAND [ARGUMENT...]");
    buf_char(out, '\n');
    if (alone != NULL) {
        usage_start(&l, program);
        lines_text(&l, "COMMAND [OPTION...] [ARGUMENT...]");
        buf_char(out, '\n');
    }
    paragraph(out, "", program->summary);
    if (program->notes != NULL) {
        paragraph(out, "", program->notes);
    }

    struct rows rows = {0};
    add_commands(&rows, program, NULL);
    rows_print(&rows, "\ncommands:\n", out);
    add_options(&rows, program, alone);
    rows_print(&rows, "\noptions:\n", out);
    buf_char(out, '\n');
    if (alone != NULL && alone->example != NULL) {
        buf_printf(out, "example: %s\n", alone->example);
    }
}

void cli_help(const struct cli_call *call, struct buf *out)
{
    const struct cli_program *program = call->program;
    if (call->command != NULL && call->command != program->alone) {
        help_command(program, call->command, out);
    } else if (call->group != NULL) {
        help_group(program, call->group, out);
    } else {
        help_program(program, out);
    }
    paragraph(out, "exit status:", program->exit_statuses);
}
