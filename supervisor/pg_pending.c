/* supervisor/pg_pending.c - lines of what runs against what is wanted. */
#include "supervisor/pg_pending.h"

#include <stdio.h>
#include <string.h>

#include "supervisor/pg_rules.h"

#define NAME_SIZE 64

/* Given as an argument, and one that people set. */
static bool is_compared(const char *name)
{
    const struct pg_rule *rule = pg_rule_of(name);
    return rule != NULL && rule->is_argument && rule->kind != PG_RULE_OURS;
}

static void add(struct view_restart *out, const char *name, const char *old, const char *wanted)
{
    out->is_pending = true;
    if (out->reason_count == VIEW_REASONS_MAX) {
        return; /* that there is one is what counts */
    }
    struct view_reason *reason = &out->reasons[out->reason_count];
    view_text_set(reason->parameter, sizeof(reason->parameter), name);
    view_text_set(reason->old_value, sizeof(reason->old_value), old);
    view_text_set(reason->new_value, sizeof(reason->new_value), wanted != NULL ? wanted : "");
    out->reason_count++;
}

static void take_line(const struct pg_settings *wanted, const char *line, size_t size,
                      struct view_restart *out)
{
    bool says_so = size > 0 && line[0] == '*';
    const char *name_at = line + (says_so ? 1 : 0);
    const char *end = line + size;
    const char *equals = memchr(name_at, '=', (size_t)(end - name_at));
    char name[NAME_SIZE];
    char value[sizeof(out->reasons[0].old_value)];
    if (equals == NULL || (size_t)(equals - name_at) >= sizeof(name)) {
        return;
    }
    (void)snprintf(name, sizeof(name), "%.*s", (int)(equals - name_at), name_at);
    (void)snprintf(value, sizeof(value), "%.*s", (int)(end - equals - 1), equals + 1);
    const char *next = pg_settings_get(wanted, name);
    bool differs = next != NULL && is_compared(name) && strcmp(next, value) != 0;
    if (says_so || differs) {
        add(out, name, value, next);
    }
}

void pg_pending_find(const struct pg_settings *wanted, const char *running,
                     struct view_restart *out)
{
    out->is_pending = false;
    out->reason_count = 0;
    for (const char *line = running; *line != '\0';) {
        size_t size = strcspn(line, "\n");
        take_line(wanted, line, size, out);
        line += size + (line[size] == '\n' ? 1 : 0);
    }
}
