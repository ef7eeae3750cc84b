/* config/template.c - a file to begin with: every setting with what it does and its default, the
 * few that matter filled in with examples, all others commented out. */
#include <string.h>

#include "base/cleanup.h"
#include "config/show.h"

#define WIDTH 100

/* @text in comment lines of at most WIDTH columns. */
static void print_comment(const char *text, size_t indent, struct buf *out)
{
    buf_printf(out, "%*s#", (int)indent, "");
    size_t column = indent + 1;
    while (*text != '\0') {
        size_t size = strcspn(text, " ");
        if (column + 1 + size > WIDTH) {
            buf_printf(out, "\n%*s#", (int)indent, "");
            column = indent + 1;
        }
        buf_printf(out, " %.*s", (int)size, text);
        column += 1 + size;
        text += size + strspn(text + size, " ");
    }
    buf_char(out, '\n');
}

static void print_help(const struct setting *setting, size_t indent, struct buf *out)
{
    CLEANUP(buf_close) struct buf text = {0};
    char variable[SETTINGS_VARIABLE_MAX];
    buf_str(&text, setting->help);
    for (size_t i = 0; setting->choices != NULL && setting->choices[i] != NULL; i++) {
        buf_printf(&text, "%s%s", i == 0 ? ": " : ", ", setting->choices[i]);
    }
    if (setting->derived != NULL) {
        buf_printf(&text, "; default: %s", setting->derived);
    }
    buf_printf(&text, " (%s", setting_variable(setting, "PGRAFT_", variable));
    if (setting->flag != NULL) {
        buf_printf(&text, ", --%s", setting->flag);
    }
    buf_printf(&text, ")%s", setting->reload ? " [reload]" : "");
    print_comment(buf_text(&text), indent, out);
}

/* Of a section that a witness has not: so that nobody has it by accident. */
static size_t print_headings(size_t row, struct buf *out)
{
    CLEANUP(buf_close) struct buf headings = {0};
    size_t indent = show_headings(row, &headings);
    for (const char *line = buf_text(&headings); *line != '\0';) {
        size_t size = strcspn(line, "\n");
        size_t spaces = strspn(line, " ");
        buf_printf(out, "%*s%s%.*s\n", (int)spaces, "",
                   size > 0 && settings[row].database ? "#" : "", (int)(size - spaces),
                   line + spaces);
        line += size + 1;
    }
    return indent;
}

static void print_row(size_t row, struct buf *out)
{
    const struct setting *setting = &settings[row];
    size_t indent = print_headings(row, out);
    print_help(setting, indent, out);
    const char *value = setting->fallback != NULL ? setting->fallback : setting->example;
    buf_printf(out, "%*s%s%s:", (int)indent, "", setting->begin ? "" : "#", show_key(setting));
    if (value != NULL) {
        buf_printf(out, " %s", value);
    }
    buf_char(out, '\n');
}

void config_template(struct buf *out)
{
    buf_str(out,
            "# The configuration of one pgraft node. A setting can also be given by the variable\n"
            "# named beside it, which wins over this file, or by the flag, which wins over both.\n"
            "# What is commented out shows the default, or an example where there is none.\n"
            "# [reload]: a change is taken over on SIGHUP; the others need a restart.\n"
            "# A voter has a section postgresql, with at least listen, connect_address, data_dir\n"
            "# and authentication; docs/configuration.md has some more settings of that.\n"
            "\n");
    for (size_t i = 0; i < settings_count; i++) {
        if (!settings[i].rare) {
            print_row(i, out);
        }
    }
}
