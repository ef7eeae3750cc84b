/* supervisor/pg_settings_print.c - the set as a file and as arguments of the postmaster. */
#include <stdio.h>
#include <string.h>

#include "supervisor/pg_settings.h"

void pg_settings_quote(const char *value, struct buf *out)
{
    buf_char(out, '\'');
    for (const char *at = value; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '\'' || c == '\\') {
            buf_char(out, (char)c);
            buf_char(out, (char)c);
        } else if (c < ' ' || c == 0x7f) {
            buf_printf(out, "\\%03o", c); /* a line can not hold it */
        } else {
            buf_char(out, (char)c);
        }
    }
    buf_char(out, '\'');
}

void pg_settings_print(const struct pg_settings *settings, const char *base, struct buf *out)
{
    buf_str(out, PG_SETTINGS_HEAD);
    buf_str(out, "# Your own go into the configuration of pgraft, see its docs/configuration.md");
    buf_str(out, base != NULL ? ",\n# or into this file:\n" : ".\n");
    if (base != NULL) {
        buf_str(out, "include ");
        pg_settings_quote(base, out);
        buf_char(out, '\n');
    }
    buf_char(out, '\n');
    for (size_t i = 0; i < settings->count; i++) {
        buf_printf(out, "%s = ", settings->at[i].name);
        pg_settings_quote(settings->at[i].value, out);
        buf_char(out, '\n');
    }
}

size_t pg_settings_arguments(const struct pg_settings *settings, struct buf *out)
{
    size_t count = 0;
    for (size_t i = 0; i < settings->count; i++) {
        if (settings->at[i].is_argument) {
            buf_printf(out, "--%s=%s", settings->at[i].name, settings->at[i].value);
            buf_char(out, '\0');
            count++;
        }
    }
    return count;
}
