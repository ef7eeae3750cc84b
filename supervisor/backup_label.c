/* supervisor/backup_label.c - two lines of backup_label. */
#include "supervisor/backup_label.h"

#include <stdio.h>
#include <string.h>

#include "supervisor/pg_rows.h"

/* What follows @key in a line of its own, up to a space or the line's end. */
static bool value_of(const char *text, const char *key, char out[32])
{
    size_t size = strlen(key);
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, key, size) == 0) {
            int length = (int)strcspn(line + size, " \r\n");
            return snprintf(out, 32, "%.*s", length, line + size) < 32;
        }
        line = strchr(line, '\n');
        line += line != NULL ? 1 : 0;
    }
    return false;
}

bool backup_label_parse(const char *text, struct backup_label *ret_label)
{
    char start[32];
    char timeline[32];
    uint64_t number = 0;
    struct backup_label label = {.start_lsn = 0};
    if (!value_of(text, "START WAL LOCATION: ", start) || !pg_text_lsn(start, &label.start_lsn) ||
        !value_of(text, "START TIMELINE: ", timeline) || !pg_text_u64(timeline, &number) ||
        number == 0 || number > UINT32_MAX || label.start_lsn == 0) {
        return false;
    }
    label.timeline = (uint32_t)number;
    *ret_label = label;
    return true;
}
