/* supervisor/pg_methods.c - words for an operator's command, and for a recovery. */
#include "supervisor/pg_methods.h"

#include <string.h>

#include "base/must.h"

/* In quotes that a shell takes as they are. */
static void put_word(struct buf *out, const char *name, const char *value)
{
    buf_str(out, " '--");
    for (const char *part = name; part != NULL; part = part == name ? value : NULL) {
        for (const char *at = part; *at != '\0'; at++) {
            if (*at == '\'') {
                buf_str(out, "'\\''");
            } else {
                buf_char(out, *at);
            }
        }
        buf_str(out, part == name ? "=" : "'");
    }
}

static void put_arguments(struct buf *out, const struct pg_pairs *arguments)
{
    for (size_t i = 0; i < arguments->count; i++) {
        put_word(out, arguments->at[i].name, arguments->at[i].value);
    }
}

void pg_method_text(const struct pg_method *m, const struct pg_method_told *told, struct buf *out)
{
    MUST(m->command != NULL);
    buf_str(out, m->command);
    put_arguments(out, &m->arguments);
    if (m->no_params) {
        return;
    }
    if (m->said_no_leader != NULL) {
        put_word(out, "no_leader", m->said_no_leader);
    }
    if (m->said_keep_data != NULL) {
        put_word(out, "keep_data", m->said_keep_data);
    }
    put_word(out, "scope", told->scope);
    put_word(out, "role", "replica");
    put_word(out, "datadir", told->data_dir);
    put_word(out, "connstring", told->connstring);
}

void pg_bootstrap_text(const struct pg_bootstrap *b, const struct pg_method_told *told,
                       struct buf *out)
{
    MUST(b->command != NULL);
    buf_str(out, b->command);
    if (!b->no_params) {
        put_word(out, "scope", told->scope);
        put_word(out, "datadir", told->data_dir);
    }
    put_arguments(out, &b->arguments);
}

/* ---- their order ---- */

bool pg_methods_need_nobody(const struct pg_methods *methods)
{
    bool is_one = false;
    for (size_t i = 0; i < methods->count; i++) {
        is_one = is_one || (methods->at[i].no_leader && methods->at[i].command != NULL);
    }
    return is_one;
}

const struct pg_method *pg_methods_at(const struct pg_methods *methods, uint32_t at,
                                      bool has_upstream)
{
    static const struct pg_method usual = {.name = "basebackup", .is_basebackup = true};
    const struct pg_method *m = methods->count > 0 ? &methods->at[at % methods->count] : &usual;
    bool may_be = has_upstream || (m->no_leader && m->command != NULL);
    return may_be ? m : NULL;
}

/* ---- a recovery ---- */

bool pg_recovery_is_parameter(const char *name)
{
    static const char *const names[] = {
        "restore_command",          "recovery_end_command",  "archive_cleanup_command",
        "recovery_target",          "recovery_target_name",  "recovery_target_time",
        "recovery_target_xid",      "recovery_target_lsn",   "recovery_target_inclusive",
        "recovery_target_timeline", "recovery_target_action"};
    bool is_one = false;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        is_one = is_one || strcmp(names[i], name) == 0;
    }
    return is_one;
}

static void put_setting(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "%s = ", name);
    pg_settings_quote(value, out);
    buf_char(out, '\n');
}

void pg_recovery_print(const char *base, const struct pg_pairs *recovery, const char *lines,
                       struct buf *out)
{
    buf_str(out, PG_SETTINGS_HEAD);
    buf_str(out, "include ");
    pg_settings_quote(base, out);
    buf_char(out, '\n');
    for (size_t i = 0; i < recovery->count; i++) {
        if (pg_recovery_is_parameter(recovery->at[i].name)) {
            put_setting(out, recovery->at[i].name, recovery->at[i].value);
        }
    }
    buf_str(out, lines);
    put_setting(out, "recovery_target_action", "promote"); /* the last of a name counts */
}
