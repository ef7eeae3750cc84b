/* config/show.c - the configuration in effect, as YAML with the origin of every value beside it. */
#include "config/show.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "base/utf8.h"
#include "config/methods.h"
#include "config/scalar.h"

#define ORIGIN_COLUMN 48

/* --- YAML --- */

/* Some reader of YAML may take it for a number; a host with its port has too many dots. */
static bool looks_like_number(const char *text)
{
    const char *dot = strchr(text, '.');
    bool dots = dot != NULL && strchr(dot + 1, '.') != NULL;
    return strncmp(text, "0x", 2) == 0 || (!dots && text[strspn(text, "0123456789.+eE_:")] == '\0');
}

/* Without quotes it is this text, and nothing else, to every reader. */
static bool is_plain(const char *text)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/";
    static const char inside[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+=:@";
    size_t size = strlen(text);
    bool flag = false;
    return size > 0 && strchr(first, text[0]) != NULL && strspn(text, inside) == size &&
           text[size - 1] != ':' && !looks_like_number(text) && strcasecmp(text, "null") != 0 &&
           scalar_bool(text, &flag, NULL) != 0;
}

void show_scalar(const char *text, struct buf *out)
{
    if (is_plain(text)) {
        buf_str(out, text);
        return;
    }
    struct utf8_char c = {0};
    buf_char(out, '"');
    for (size_t left = strlen(text); left > 0; left -= c.size, text += c.size) {
        c = utf8_first(text, left);
        MUST(c.code != NOT_UTF8); /* config/assign.c saw to it */
        if (c.code == '"' || c.code == '\\') {
            buf_char(out, '\\');
        }
        if (c.code == 0xfffe || c.code == 0xffff) { /* libyaml does not take these as they are */
            buf_printf(out, "\\u%04x", (unsigned)c.code);
        } else {
            buf_append(out, text, c.size);
        }
    }
    buf_char(out, '"');
}

const char *show_key(const struct setting *setting)
{
    const char *dot = strrchr(setting->path, '.');
    return dot != NULL ? dot + 1 : setting->path;
}

size_t show_headings(size_t row, struct buf *out)
{
    const char *path = settings[row].path;
    const char *before = row > 0 ? settings[row - 1].path : "";
    size_t indent = 0;
    bool same = true; /* so far it is a section of the row before */
    for (const char *dot = strchr(path, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
        const char *start = path;
        for (const char *at = path; at < dot; at++) {
            start = *at == '.' ? at + 1 : start;
        }
        same = same && strncmp(path, before, (size_t)(dot - path) + 1) == 0;
        if (!same) {
            buf_printf(out, "%s%*s%.*s:\n", indent == 0 ? "\n" : "", (int)indent, "",
                       (int)(dot - start), start);
        }
        indent += 2;
    }
    return indent;
}

/* --- Values --- */

static void print_origin(const struct setting *setting, const struct config_origin *origin,
                         struct buf *out)
{
    switch (origin->kind) {
        case CONFIG_GIVEN:
            buf_str(out, origin->source != NULL ? origin->source : "-");
            if (origin->line > 0) {
                buf_printf(out, ":%u", origin->line);
            }
            return;
        case CONFIG_DERIVED:
            buf_printf(out, "default: %s", setting->derived);
            return;
        case CONFIG_DEFAULT:
            buf_str(out, "default");
            return;
        case CONFIG_UNSET:
            return;
    }
    UNREACHABLE("every kind has a case");
}

static void print_lines(const struct setting *setting, const struct config *config, size_t indent,
                        struct buf *out)
{
    if (setting_is_list(setting)) {
        const struct config_list *list = setting_value(setting, config);
        for (size_t i = 0; i < list->count; i++) {
            buf_printf(out, "%*s- ", (int)indent, "");
            show_scalar(list->at[i], out);
            buf_char(out, '\n');
        }
        return;
    }
    const struct config_pairs *pairs = setting_value(setting, config);
    for (size_t i = 0; i < pairs->count; i++) {
        CLEANUP(buf_close) struct buf peer = {0};
        const char *value = pairs->at[i].value;
        bool option = setting->kind == SETTING_OPTIONS;
        buf_printf(&peer, "%s=%s", pairs->at[i].key, value);
        buf_printf(out, "%*s%s", (int)indent, "",
                   option || setting->kind == SETTING_PEERS ? "- " : "");
        if (setting->kind == SETTING_PEERS) {
            show_scalar(buf_text(&peer), out);
        } else {
            show_scalar(pairs->at[i].key, out);
            buf_str(out, option && value[0] == '\0' ? "" : ": ");
        }
        if (setting->kind != SETTING_PEERS && !(option && value[0] == '\0')) {
            show_scalar(value, out);
        }
        buf_char(out, '\n');
    }
}

static void print_users(const struct setting *setting, const struct config *config, size_t indent,
                        struct buf *out)
{
    const struct config_accounts *users = setting_value(setting, config);
    for (size_t i = 0; i < users->count; i++) {
        const struct config_account *user = &users->at[i];
        buf_printf(out, "%*s", (int)indent, "");
        show_scalar(user->name, out);
        buf_str(out, ":\n");
        if (secret_is_set(&user->password)) {
            buf_printf(out, "%*spassword: \"" SECRET_MASK "\"\n", (int)indent + 2, "");
        }
        if (user->options[0] != '\0') {
            buf_printf(out, "%*soptions: ", (int)indent + 2, "");
            show_scalar(user->options, out);
            buf_char(out, '\n');
        }
    }
}

/* It can be written without quotes. */
static bool is_bare(const struct setting *setting)
{
    return setting->kind == SETTING_NUMBER || setting->kind == SETTING_BOOL ||
           setting->kind == SETTING_MODE || setting->kind == SETTING_INTEGER ||
           setting->kind == SETTING_JSON; /* which is YAML as it is */
}

static void show_row(size_t row, const struct config *config, size_t indent, struct buf *out)
{
    const struct setting *setting = &settings[row];
    if (setting_is_unset(setting, config)) {
        buf_printf(out, "%*s# %s is not set\n", (int)indent, "", show_key(setting));
        return;
    }
    size_t start = out->size;
    bool is_users = setting->kind == SETTING_USERS;
    bool many = is_users || setting_is_list(setting) || setting_is_pairs(setting);
    buf_printf(out, "%*s%s:", (int)indent, "", show_key(setting));
    if (!many) {
        CLEANUP(buf_close) struct buf value = {0};
        setting_print(setting, config, &value);
        buf_char(out, ' ');
        if (is_bare(setting)) {
            buf_str(out, buf_text(&value));
        } else {
            show_scalar(buf_text(&value), out);
        }
    }
    size_t width = out->size - start;
    buf_printf(out, "%*s # ", width < ORIGIN_COLUMN ? (int)(ORIGIN_COLUMN - width) : 0, "");
    print_origin(setting, &config->origins[row], out);
    buf_char(out, '\n');
    if (is_users) {
        print_users(setting, config, indent + 2, out);
    } else if (many) {
        print_lines(setting, config, indent + 2, out);
    }
}

/* Sections of a node with a PostgreSQL, where there is neither one nor anything said in them. */
static bool is_shown(const struct setting *setting, const struct config *config)
{
    bool shown = !setting->database || config->has_postgresql;
    size_t size = strcspn(setting->path, ".");
    for (size_t i = 0; !shown && i < settings_count; i++) {
        shown = strncmp(settings[i].path, setting->path, size) == 0 &&
                config->origins[i].kind == CONFIG_GIVEN;
    }
    return shown && !(setting->database && config->role == CONFIG_WITNESS);
}

void config_show(const struct config *config, struct buf *out)
{
    for (size_t i = 0; i < settings_count; i++) {
        if (!is_shown(&settings[i], config)) {
            continue;
        }
        size_t indent = show_headings(i, out);
        show_row(i, config, indent, out);
        if (strcmp(settings[i].path, "postgresql.create_replica_methods") == 0) {
            methods_show(&config->postgresql.methods, indent, out);
        } else if (strcmp(settings[i].path, "bootstrap.method") == 0) {
            methods_show(&config->bootstrap.methods, indent, out);
        }
    }
}
