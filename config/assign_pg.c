/* config/assign_pg.c - values of the sections for PostgreSQL: parameters, lines, options, tags. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "config/assign.h"
#include "config/scalar.h"
#include "config/tree_json.h"

/* --- Lists of text --- */

static bool add_text(const struct assign *a, const struct setting *setting, const char *text,
                     const struct tree_place *place)
{
    if (text[0] == '\0' || !assign_is_printable(text)) {
        return assign_fail(a, setting, place, "%s is not a line of text", cli_quoted(text).text);
    }
    return assign_add_text(a, setting, text);
}

/* One text of several parts, as a variable or a block of YAML has it. */
static bool add_parts(const struct assign *a, const struct setting *setting,
                      const struct tree_node *node, const char *ends)
{
    bool fine = true;
    for (const char *at = node->text; *at != '\0';) {
        size_t size = strcspn(at, ends);
        size_t start = strspn(at, " ");
        CLEANUP(mem_freep)
        char *part = mem_printf("%.*s", size > start ? (int)(size - start) : 0, at + start);
        if (part[0] != '\0') {
            fine = add_text(a, setting, part, &node->place) && fine;
        }
        at += size + (at[size] != '\0' ? 1 : 0);
    }
    return fine;
}

bool assign_texts(const struct assign *a, const struct setting *setting,
                  const struct tree_node *node)
{
    if (node->kind == TREE_LIST) {
        return assign_items(a, setting, node, "a list of lines", add_text);
    }
    return assign_is_scalar(a, setting, node, "a list") &&
           add_parts(a, setting, node, setting->kind == SETTING_WORDS ? "," : "\n");
}

/* --- Maps of text --- */

/* "data-checksums", or the key of "encoding: UTF8". */
static bool is_option(const char *text)
{
    return text[0] != '\0' && text[0] != '-' &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] ==
               '\0';
}

static bool add_entry(const struct assign *a, const struct setting *setting,
                      const struct tree_entry *entry)
{
    const struct tree_node *value = entry->value;
    bool options = setting->kind == SETTING_OPTIONS;
    if (value->kind != TREE_SCALAR) {
        return assign_fail(a, setting, &entry->place, "%s: has to be one value",
                           problems_word(entry->key).text);
    }
    if (options && !is_option(entry->key)) {
        return assign_fail(a, setting, &entry->place, "%s is no option; write it without \"--\"",
                           cli_quoted(entry->key).text);
    }
    bool nothing = tree_is_null(value);
    if (nothing && !options) {
        return true; /* a parameter or a tag that is not set after all */
    }
    if (!assign_is_printable(entry->key) || !assign_is_printable(value->text)) {
        return assign_fail(a, setting, &entry->place, "%s: has to be one line",
                           problems_word(entry->key).text);
    }
    return assign_add_pair(a, setting, entry->key, nothing ? "" : value->text);
}

/* Options: texts, and maps of one key each. */
static bool add_list(const struct assign *a, const struct setting *setting,
                     const struct tree_node *list)
{
    bool fine = true;
    for (size_t i = 0; i < list->count; i++) {
        const struct tree_node *item = list->entries[i].value;
        if (item->kind == TREE_MAP) {
            fine = assign_entries(a, setting, item, add_entry) && fine;
        } else if (!assign_is_scalar(a, setting, item, "an option") || !is_option(item->text)) {
            fine = item->kind == TREE_SCALAR &&
                   assign_fail(a, setting, &item->place,
                               "%s is no option; write it without \"--\", a value after a colon",
                               cli_quoted(item->text).text);
        } else {
            (void)assign_add_pair(a, setting, item->text, "");
        }
    }
    return fine;
}

const struct tree_node *assign_unfold(const struct assign *a, const struct tree_node *node)
{
    struct problems ignored = {0};
    const struct tree_node *inside =
        tree_parse(a->tree, node->place.source, node->text, strlen(node->text), &ignored);
    problems_close(&ignored);
    return inside != NULL && inside->kind != TREE_SCALAR ? inside : NULL;
}

bool assign_map(const struct assign *a, const struct setting *setting, const struct tree_node *node)
{
    const char *expected = setting->kind == SETTING_OPTIONS ? "a list of options, as in [a, {b: c}]"
                                                            : "a map, as in {a: b}";
    const struct tree_node *inside = node->kind == TREE_SCALAR ? assign_unfold(a, node) : node;
    if (inside != NULL && inside->kind == TREE_MAP) {
        return assign_entries(a, setting, inside, add_entry);
    }
    if (inside != NULL && inside->kind == TREE_LIST && setting->kind == SETTING_OPTIONS) {
        return add_list(a, setting, inside);
    }
    return assign_fail(a, setting, &node->place, "has to be %s", expected);
}

/* --- Anything --- */

bool assign_json(const struct assign *a, const struct setting *setting,
                 const struct tree_node *node)
{
    const struct tree_node *inside = node->kind == TREE_SCALAR ? assign_unfold(a, node) : node;
    if (inside == NULL) {
        return assign_fail(a, setting, &node->place, "has to be a map or a list");
    }
    CLEANUP(buf_close) struct buf json = {0};
    tree_json(inside, &json);
    char **member = setting_member(setting, a->config);
    *member = buf_take(&json);
    return true;
}

/* --- Single values --- */

bool assign_integer(const struct assign *a, const struct setting *setting,
                    const struct tree_node *node)
{
    bool negative = node->text[0] == '-';
    uint64_t value = 0;
    struct err err;
    if (scalar_number(node->text + (negative ? 1 : 0), &value, &err) != 0) {
        return assign_fail(a, setting, &node->place, "%s", err.msg);
    }
    if (negative && value != 1) {
        return assign_fail(a, setting, &node->place, "%s is too little: -1 is the least",
                           node->text);
    }
    if (value > setting->max) {
        return assign_fail(a, setting, &node->place, "%s is too much: %llu is the most", node->text,
                           (unsigned long long)setting->max);
    }
    int64_t *member = setting_member(setting, a->config);
    *member = negative ? -1 : (int64_t)value;
    return true;
}

/* "10.0.0.1,127.0.0.1:5432": the port stands at the end, for all of them. */
bool assign_pg_listen(const struct setting *setting, const char *text, struct buf *out,
                      struct err *err)
{
    const char *rest = text;
    for (;;) {
        size_t size = strcspn(rest, ",");
        size_t start = strspn(rest, " ");
        bool last = rest[size] == '\0';
        CLEANUP(mem_freep)
        char *part = mem_printf("%.*s", size > start ? (int)(size - start) : 0, rest + start);
        CLEANUP(buf_close) struct buf address = {0};
        if (scalar_address(part, setting->port, true, &address, err) != 0) {
            return false;
        }
        const char *colon = strrchr(buf_text(&address), ':');
        size_t host = colon != NULL ? (size_t)(colon - buf_text(&address)) : 0;
        if (!last && (strncmp(part, buf_text(&address), host) != 0 || part[host] != '\0')) {
            (void)err_set(err, ERR_INVALID, "%s: the port comes once, after the last address",
                          cli_quoted(text).text);
            return false;
        }
        buf_printf(out, "%.*s%s", (int)host, buf_text(&address), last ? colon : ",");
        if (last) {
            return true;
        }
        rest += size + 1;
    }
}
