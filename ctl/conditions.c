/* ctl/conditions.c - a list of conditions, made and printed. */
#include "ctl/conditions.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/output.h"

#define CHECK_SIZE 512 /* with its end: what is longer is cut */

static json_t *shown(const char *text)
{
    CLEANUP(buf_close) struct buf safe = {0};
    output_text(&safe, text);
    return json_string(buf_text(&safe));
}

json_t *conditions_add(json_t *list, bool good, const char *remedy, const char *fmt, va_list args)
{
    char text[CHECK_SIZE];
    (void)vsnprintf(text, sizeof(text), fmt, args);
    json_t *check = json_object();
    cmd_set(check, "check", shown(text));
    cmd_set(check, "good", json_boolean(good));
    cmd_set(check, "remedy", remedy != NULL ? shown(remedy) : json_null());
    int rc = json_array_append_new(list, check);
    MUST(rc == 0);
    return check;
}

bool conditions_are_good(json_t *list)
{
    bool good = true;
    size_t i = 0;
    json_t *check = NULL;
    json_array_foreach(list, i, check)
    {
        good = good && json_is_true(json_object_get(check, "good"));
    }
    return good;
}

void conditions_put(struct buf *out, json_t *list)
{
    size_t i = 0;
    json_t *check = NULL;
    json_array_foreach(list, i, check)
    {
        bool good = json_is_true(json_object_get(check, "good"));
        bool warns = json_is_true(json_object_get(check, "warning"));
        buf_printf(out, "%s %s\n", warns ? "!" : good ? "✔" : "✘", view_text(check, "check"));
        if (!good || warns) {
            buf_printf(out, "    %s\n", view_text(check, "remedy"));
        }
    }
}
