/* config/assign.c - values that are one text: names, paths, addresses, numbers, secrets. */
#include "config/assign.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "config/scalar.h"
#include "proto/member.h"

bool assign_fail(const struct assign *a, const struct setting *setting,
                 const struct tree_place *place, const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    MUST(length > 0);
    problems_add(a->problems, PROBLEM_ERROR, place, "%s: %s", setting->path, text);
    return false;
}

bool assign_is_scalar(const struct assign *a, const struct setting *setting,
                      const struct tree_node *node, const char *expected)
{
    if (node->kind == TREE_SCALAR && !tree_is_null(node)) {
        return true;
    }
    return assign_fail(a, setting, &node->place, "has to be %s, not %s", expected,
                       node->kind == TREE_LIST  ? "a list"
                       : node->kind == TREE_MAP ? "a map"
                                                : "nothing");
}

bool assign_is_printable(const char *text)
{
    struct utf8_char c = {0};
    for (size_t left = strlen(text); left > 0; left -= c.size, text += c.size) {
        c = utf8_first(text, left);
        if (c.code == NOT_UTF8 || utf8_is_invisible(c.code)) {
            return false;
        }
    }
    return true;
}

/* --- Texts --- */

/* The message of member_name_check() without the name of its field. */
static bool read_name(const char *text, struct buf *out, struct err *err)
{
    struct err why;
    if (text[0] != '\0' && member_name_check(text, &why) == 0) {
        buf_str(out, text);
        return true;
    }
    static const char field[] = "name: ";
    const char *says = text[0] == '\0' ? "empty" : why.msg + sizeof(field) - 1;
    (void)err_set(err, ERR_INVALID, "%s is no name: %s", cli_quoted(text).text, says);
    return false;
}

static bool read_namespace(const char *text, struct buf *out, struct err *err)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";
    size_t size = strlen(text);
    if (strspn(text, allowed) != size || strstr(text, "//") != NULL || size > 200) {
        (void)err_set(err, ERR_INVALID,
                      "%s is no namespace; it is made of words of letters, digits, '.', '_' and "
                      "'-' with one '/' between them",
                      cli_quoted(text).text);
        return false;
    }
    buf_str(out, text[0] == '/' ? "" : "/");
    buf_str(out, text);
    buf_str(out, size == 0 || text[size - 1] == '/' ? "" : "/");
    return true;
}

static bool is_flag(const struct tree_node *node)
{
    return node->place.source != NULL && strncmp(node->place.source, "--", 2) == 0;
}

/* A file and the environment may be read in another directory than the one that was meant. */
static bool read_path(const struct tree_node *node, struct buf *out, struct err *err)
{
    if (node->text[0] == '\0' || !assign_is_printable(node->text)) {
        (void)err_set(err, ERR_INVALID, "%s is no path", cli_quoted(node->text).text);
        return false;
    }
    if (node->text[0] != '/' && !is_flag(node)) {
        (void)err_set(err, ERR_INVALID, "%s is relative to nobody knows what; begin it with \"/\"",
                      cli_quoted(node->text).text);
        return false;
    }
    buf_str(out, node->text);
    return true;
}

static bool read_level(const char *text, struct buf *out, struct err *err)
{
    enum log_level level = LOG_LEVEL_INFO;
    if (log_level_parse(text, &level, err) != 0) {
        return false;
    }
    buf_str(out, log_level_name(level));
    return true;
}

static bool read_text(const struct setting *setting, const struct tree_node *node, struct buf *out,
                      struct err *err)
{
    switch ((int)setting->kind) {
        case SETTING_NAME:
            return read_name(node->text, out, err);
        case SETTING_PATH:
            return read_path(node, out, err);
        case SETTING_NAMESPACE:
            return read_namespace(node->text, out, err);
        case SETTING_ADDRESS:
        case SETTING_LISTEN:
            return scalar_address(node->text, setting->port, setting->kind == SETTING_LISTEN, out,
                                  err) == 0;
        case SETTING_LEVEL:
            return read_level(node->text, out, err);
        case SETTING_PG_LISTEN:
            return assign_pg_listen(setting, node->text, out, err);
        default:
            break;
    }
    if (node->text[0] == '\0' || !assign_is_printable(node->text)) {
        (void)err_set(err, ERR_INVALID, "%s is not a line of text", cli_quoted(node->text).text);
        return false;
    }
    buf_str(out, node->text);
    return true;
}

static bool assign_text(const struct assign *a, const struct setting *setting,
                        const struct tree_node *node)
{
    CLEANUP(buf_close) struct buf text = {0};
    struct err err;
    if (!read_text(setting, node, &text, &err)) {
        return assign_fail(a, setting, &node->place, "%s", err.msg);
    }
    char **member = setting_member(setting, a->config);
    *member = buf_take(&text);
    return true;
}

/* Nothing of it may stand in a message. */
static bool assign_secret(const struct assign *a, const struct setting *setting,
                          const struct tree_node *node)
{
    if (node->text[0] == '\0') {
        return assign_fail(a, setting, &node->place, "empty");
    }
    secret_set(setting_member(setting, a->config), node->text, strlen(node->text));
    return true;
}

/* --- Numbers and choices --- */

static int read_number(const struct setting *setting, const char *text, uint64_t *ret_value,
                       struct err *err)
{
    if (setting->kind == SETTING_DURATION) {
        return scalar_duration_ms(text, ret_value, err);
    }
    if (setting->kind == SETTING_SIZE) {
        return scalar_size_bytes(text, ret_value, err);
    }
    if (setting->kind == SETTING_MODE) {
        return scalar_mode(text, ret_value, err);
    }
    return scalar_number(text, ret_value, err);
}

static void print_limit(const struct setting *setting, uint64_t value, struct buf *out)
{
    if (setting->kind == SETTING_DURATION) {
        scalar_print_duration(value, out);
    } else if (setting->kind == SETTING_SIZE) {
        scalar_print_size(value, out);
    } else {
        buf_printf(out, "%llu", (unsigned long long)value);
    }
}

/* "500" is five hundred seconds, which may be news to whoever wrote it. */
static bool is_bare(const struct setting *setting, const char *text)
{
    return (setting->kind == SETTING_DURATION || setting->kind == SETTING_SIZE) &&
           strspn(text, "0123456789.") == strlen(text);
}

/* Where 0 is no number but stands for "not set", the least alone would say too little. */
static bool fail_range(const struct assign *a, const struct setting *setting,
                       const struct tree_node *node)
{
    CLEANUP(buf_close) struct buf least = {0};
    CLEANUP(buf_close) struct buf most = {0};
    print_limit(setting, setting->min, &least);
    print_limit(setting, setting->max, &most);
    return assign_fail(a, setting, &node->place, "%s is not allowed: 0, or %s to %s", node->text,
                       buf_text(&least), buf_text(&most));
}

static bool assign_number(const struct assign *a, const struct setting *setting,
                          const struct tree_node *node)
{
    uint64_t value = 0;
    struct err err;
    if (read_number(setting, node->text, &value, &err) != 0) {
        return assign_fail(a, setting, &node->place, "%s", err.msg);
    }
    bool small = value < setting->min && !(setting->or_zero && value == 0);
    bool large = setting->max > 0 && value > setting->max;
    if ((small || large) && setting->or_zero) {
        return fail_range(a, setting, node);
    }
    if (small || large) {
        CLEANUP(buf_close) struct buf limit = {0};
        CLEANUP(buf_close) struct buf meant = {0};
        print_limit(setting, small ? setting->min : setting->max, &limit);
        if (is_bare(setting, node->text)) {
            buf_str(&meant, " means ");
            print_limit(setting, value, &meant);
            buf_str(&meant, ", which");
        }
        return assign_fail(a, setting, &node->place, "%s%s is too %s: %s is the %s", node->text,
                           buf_text(&meant), small ? "little" : "much", buf_text(&limit),
                           small ? "least" : "most");
    }
    uint64_t *member = setting_member(setting, a->config);
    *member = value;
    return true;
}

static bool assign_bool(const struct assign *a, const struct setting *setting,
                        const struct tree_node *node)
{
    struct err err;
    if (scalar_bool(node->text, setting_member(setting, a->config), &err) == 0) {
        return true;
    }
    return assign_fail(a, setting, &node->place, "%s", err.msg);
}

static bool assign_choice(const struct assign *a, const struct setting *setting,
                          const struct tree_node *node)
{
    CLEANUP(buf_close) struct buf all = {0};
    size_t count = 0;
    for (; setting->choices[count] != NULL; count++) {
        if (strcmp(node->text, setting->choices[count]) == 0) {
            int *member = setting_member(setting, a->config);
            *member = (int)count;
            return true;
        }
        buf_printf(&all, "%s%s", count > 0 ? ", " : "", setting->choices[count]);
    }
    const char *guess = nearest(node->text, setting->choices, count);
    if (guess != NULL) {
        return assign_fail(a, setting, &node->place, "can not be %s; did you mean %s?",
                           cli_quoted(node->text).text, guess);
    }
    return assign_fail(a, setting, &node->place, "can not be %s; choose one of %s",
                       cli_quoted(node->text).text, buf_text(&all));
}

/* --- One value of any kind --- */

static bool assign_scalar(const struct assign *a, const struct setting *setting,
                          const struct tree_node *node)
{
    if (!assign_is_scalar(a, setting, node, "one value")) {
        return false;
    }
    switch ((int)setting->kind) {
        case SETTING_SECRET:
            return assign_secret(a, setting, node);
        case SETTING_BOOL:
            return assign_bool(a, setting, node);
        case SETTING_NUMBER:
        case SETTING_DURATION:
        case SETTING_SIZE:
        case SETTING_MODE:
            return assign_number(a, setting, node);
        case SETTING_CHOICE:
            return assign_choice(a, setting, node);
        case SETTING_INTEGER:
            return assign_integer(a, setting, node);
        default:
            return assign_text(a, setting, node);
    }
}

static bool assign_any(const struct assign *a, const struct setting *setting,
                       const struct tree_node *node)
{
    switch ((int)setting->kind) {
        case SETTING_HOSTS:
            return assign_list(a, setting, node);
        case SETTING_WORDS:
        case SETTING_LINES:
            return assign_texts(a, setting, node);
        case SETTING_PARAMETERS:
        case SETTING_OPTIONS:
        case SETTING_TAGS:
            return assign_map(a, setting, node);
        case SETTING_JSON:
            return assign_json(a, setting, node);
        case SETTING_USERS:
            return assign_users(a, setting, node);
        default:
            return setting_is_pairs(setting) ? assign_pairs(a, setting, node)
                                             : assign_scalar(a, setting, node);
    }
}

bool assign_value(const struct assign *a, const struct setting *setting,
                  const struct tree_node *node)
{
    bool fine = assign_any(a, setting, node);
    if (!fine) { /* of several parts, some were taken perhaps */
        setting_clear(setting, a->config);
    }
    return fine;
}
