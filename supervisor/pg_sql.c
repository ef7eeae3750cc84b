/* supervisor/pg_sql.c - what has to stand twice between quotes. */
#include "supervisor/pg_sql.h"

#include <string.h>

static void put_doubled(struct buf *out, const char *text, const char *doubled)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (strchr(doubled, *at) != NULL) {
            buf_char(out, *at);
        }
        buf_char(out, *at);
    }
}

void pg_sql_name(struct buf *out, const char *name)
{
    buf_char(out, '"');
    put_doubled(out, name, "\"");
    buf_char(out, '"');
}

void pg_sql_literal(struct buf *out, const char *text)
{
    buf_str(out, "E'");
    put_doubled(out, text, "'\\");
    buf_char(out, '\'');
}
