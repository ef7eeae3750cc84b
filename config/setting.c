/* config/setting.c - what can be done with one row's value, whatever its kind. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/scalar.h"
#include "config/settings.h"

const char *setting_variable(const struct setting *setting, const char *prefix,
                             char out[SETTINGS_VARIABLE_MAX])
{
    const char *name = setting->variable != NULL ? setting->variable : setting->path;
    int size = snprintf(out, SETTINGS_VARIABLE_MAX, "%s%s", prefix != NULL ? prefix : "", name);
    MUST(size > 0);
    MUST(size < SETTINGS_VARIABLE_MAX);
    for (char *at = out; *at != '\0'; at++) {
        if (*at >= 'a' && *at <= 'z') {
            *at = (char)(*at - 'a' + 'A');
        } else if (*at == '.') {
            *at = '_';
        }
    }
    return out;
}

size_t setting_index(const char *path)
{
    size_t i = 0;
    while (i < settings_count && strcmp(settings[i].path, path) != 0) {
        i++;
    }
    return i;
}

const struct tree_node *setting_find(const struct setting *setting, const struct tree_node *root)
{
    const struct tree_node *node = tree_find(root, setting->path);
    const char *at = setting->alias != NULL ? setting->alias : "";
    while ((node == NULL || tree_is_null(node)) && *at != '\0') {
        size_t size = strcspn(at, " ");
        CLEANUP(mem_freep) char *path = mem_printf("%.*s", (int)size, at);
        node = tree_find(root, path);
        at += size + strspn(at + size, " ");
    }
    return node != NULL && !tree_is_null(node) ? node : NULL;
}

void *setting_member(const struct setting *setting, struct config *config)
{
    return (char *)config + setting->offset;
}

const void *setting_value(const struct setting *setting, const struct config *config)
{
    return (const char *)config + setting->offset;
}

/* How a kind is held. */
enum shape {
    SHAPE_TEXT,
    SHAPE_SECRET,
    SHAPE_BOOL,
    SHAPE_NUMBER,
    SHAPE_CHOICE,
    SHAPE_LIST,
    SHAPE_PAIRS,
    SHAPE_INTEGER,
    SHAPE_USERS,
};

static enum shape shape_of(const struct setting *setting)
{
    switch (setting->kind) {
        case SETTING_TEXT:
        case SETTING_NAME:
        case SETTING_PATH:
        case SETTING_NAMESPACE:
        case SETTING_ADDRESS:
        case SETTING_LISTEN:
        case SETTING_LEVEL:
        case SETTING_PG_LISTEN:
        case SETTING_JSON:
            return SHAPE_TEXT;
        case SETTING_SECRET:
            return SHAPE_SECRET;
        case SETTING_BOOL:
            return SHAPE_BOOL;
        case SETTING_NUMBER:
        case SETTING_DURATION:
        case SETTING_SIZE:
        case SETTING_MODE:
            return SHAPE_NUMBER;
        case SETTING_CHOICE:
            return SHAPE_CHOICE;
        case SETTING_HOSTS:
        case SETTING_WORDS:
        case SETTING_LINES:
            return SHAPE_LIST;
        case SETTING_PEERS:
        case SETTING_HEADERS:
        case SETTING_LOGGERS:
        case SETTING_PARAMETERS:
        case SETTING_OPTIONS:
        case SETTING_TAGS:
            return SHAPE_PAIRS;
        case SETTING_INTEGER:
            return SHAPE_INTEGER;
        case SETTING_USERS:
            return SHAPE_USERS;
    }
    UNREACHABLE("every kind has a shape");
}

bool setting_is_pairs(const struct setting *setting)
{
    return shape_of(setting) == SHAPE_PAIRS;
}

bool setting_is_list(const struct setting *setting)
{
    return shape_of(setting) == SHAPE_LIST;
}

bool setting_is_unset(const struct setting *setting, const struct config *config)
{
    const void *value = setting_value(setting, config);
    switch (shape_of(setting)) {
        case SHAPE_TEXT:
            return *(char *const *)value == NULL;
        case SHAPE_SECRET:
            return !secret_is_set(value);
        case SHAPE_LIST:
            return ((const struct config_list *)value)->count == 0;
        case SHAPE_PAIRS:
            return ((const struct config_pairs *)value)->count == 0;
        case SHAPE_USERS:
            return ((const struct config_accounts *)value)->count == 0;
        case SHAPE_BOOL:
        case SHAPE_NUMBER:
        case SHAPE_CHOICE:
        case SHAPE_INTEGER:
            return false;
    }
    UNREACHABLE("every shape has a case");
}

/* --- Equal? --- */

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_list(const struct config_list *a, const struct config_list *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = same_text(a->at[i], b->at[i]);
    }
    return same;
}

/* The order counts: of headers the first may win. */
static bool same_pairs(const struct config_pairs *a, const struct config_pairs *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = same_text(a->at[i].key, b->at[i].key) && same_text(a->at[i].value, b->at[i].value);
    }
    return same;
}

static bool same_users(const struct config_accounts *a, const struct config_accounts *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = same_text(a->at[i].name, b->at[i].name) &&
               same_text(a->at[i].options, b->at[i].options) &&
               secret_equals(&a->at[i].password, &b->at[i].password);
    }
    return same;
}

bool setting_equal(const struct setting *setting, const struct config *a, const struct config *b)
{
    const void *x = setting_value(setting, a);
    const void *y = setting_value(setting, b);
    switch (shape_of(setting)) {
        case SHAPE_TEXT:
            return same_text(*(char *const *)x, *(char *const *)y);
        case SHAPE_SECRET:
            return secret_equals(x, y);
        case SHAPE_BOOL:
            return *(const bool *)x == *(const bool *)y;
        case SHAPE_NUMBER:
            return *(const uint64_t *)x == *(const uint64_t *)y;
        case SHAPE_CHOICE:
            return *(const int *)x == *(const int *)y;
        case SHAPE_INTEGER:
            return *(const int64_t *)x == *(const int64_t *)y;
        case SHAPE_LIST:
            return same_list(x, y);
        case SHAPE_PAIRS:
            return same_pairs(x, y);
        case SHAPE_USERS:
            return same_users(x, y);
    }
    UNREACHABLE("every shape has a case");
}

/* --- Clear and swap --- */

static size_t size_of(const struct setting *setting)
{
    static const size_t sizes[] = {
        [SHAPE_TEXT] = sizeof(char *),
        [SHAPE_SECRET] = sizeof(struct secret),
        [SHAPE_BOOL] = sizeof(bool),
        [SHAPE_NUMBER] = sizeof(uint64_t),
        [SHAPE_CHOICE] = sizeof(int),
        [SHAPE_LIST] = sizeof(struct config_list),
        [SHAPE_PAIRS] = sizeof(struct config_pairs),
        [SHAPE_INTEGER] = sizeof(int64_t),
        [SHAPE_USERS] = sizeof(struct config_accounts),
    };
    return sizes[shape_of(setting)];
}

static void clear_list(struct config_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->at[i]);
    }
    mem_free(list->at);
}

void setting_clear_pairs(struct config_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        mem_free(pairs->at[i].key);
        mem_free(pairs->at[i].value);
    }
    mem_free(pairs->at);
}

static void clear_users(struct config_accounts *users)
{
    for (size_t i = 0; i < users->count; i++) {
        mem_free(users->at[i].name);
        mem_free(users->at[i].options);
        secret_close(&users->at[i].password);
    }
    mem_free(users->at);
}

void setting_clear(const struct setting *setting, struct config *config)
{
    void *value = setting_member(setting, config);
    enum shape shape = shape_of(setting);
    if (shape == SHAPE_TEXT) {
        mem_free(*(char **)value);
    } else if (shape == SHAPE_SECRET) {
        secret_close(value);
    } else if (shape == SHAPE_LIST) {
        clear_list(value);
    } else if (shape == SHAPE_PAIRS) {
        setting_clear_pairs(value);
    } else if (shape == SHAPE_USERS) {
        clear_users(value);
    }
    memset(value, 0, size_of(setting));
}

void setting_swap(const struct setting *setting, struct config *a, struct config *b)
{
    char bytes[sizeof(struct secret) + sizeof(struct config_pairs)];
    size_t size = size_of(setting);
    MUST(size <= sizeof(bytes));
    memcpy(bytes, setting_value(setting, a), size);
    memcpy(setting_member(setting, a), setting_value(setting, b), size);
    memcpy(setting_member(setting, b), bytes, size);
}

void setting_borrow(const struct setting *setting, const struct config *from, struct config *to)
{
    memcpy(setting_member(setting, to), setting_value(setting, from), size_of(setting));
}

/* --- Print --- */

static void print_number(const struct setting *setting, uint64_t value, struct buf *out)
{
    if (setting->kind == SETTING_DURATION) {
        scalar_print_duration(value, out);
    } else if (setting->kind == SETTING_SIZE) {
        scalar_print_size(value, out);
    } else if (setting->kind == SETTING_MODE) {
        buf_printf(out, "0%03llo", (unsigned long long)value);
    } else {
        buf_printf(out, "%llu", (unsigned long long)value);
    }
}

static void print_pairs(const struct setting *setting, const struct config_pairs *pairs,
                        struct buf *out)
{
    for (size_t i = 0; i < pairs->count; i++) {
        buf_printf(out, "%s%s%s%s", i > 0 ? "," : "", pairs->at[i].key,
                   setting->kind == SETTING_PEERS  ? "="
                   : pairs->at[i].value[0] != '\0' ? ": "
                                                   : "",
                   pairs->at[i].value);
    }
}

void setting_print(const struct setting *setting, const struct config *config, struct buf *out)
{
    const void *value = setting_value(setting, config);
    switch (shape_of(setting)) {
        case SHAPE_TEXT:
            buf_str(out, *(char *const *)value != NULL ? *(char *const *)value : "");
            return;
        case SHAPE_SECRET:
            buf_str(out, secret_is_set(value) ? SECRET_MASK : "");
            return;
        case SHAPE_BOOL:
            buf_str(out, *(const bool *)value ? "true" : "false");
            return;
        case SHAPE_NUMBER:
            print_number(setting, *(const uint64_t *)value, out);
            return;
        case SHAPE_CHOICE:
            buf_str(out, setting->choices[*(const int *)value]);
            return;
        case SHAPE_INTEGER:
            buf_printf(out, "%lld", (long long)*(const int64_t *)value);
            return;
        case SHAPE_LIST: {
            const struct config_list *list = value;
            for (size_t i = 0; i < list->count; i++) {
                buf_printf(out, "%s%s", i > 0 ? "," : "", list->at[i]);
            }
            return;
        }
        case SHAPE_PAIRS:
            print_pairs(setting, value, out);
            return;
        case SHAPE_USERS: {
            const struct config_accounts *users = value;
            for (size_t i = 0; i < users->count; i++) {
                buf_printf(out, "%s%s", i > 0 ? "," : "", users->at[i].name);
            }
            return;
        }
    }
    UNREACHABLE("every shape has a case");
}
