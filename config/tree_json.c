/* config/tree_json.c - maps, lists and scalars of YAML as JSON. */
#include "config/tree_json.h"

#include <string.h>

#include "base/must.h"
#include "base/utf8.h"
#include "config/scalar.h"

static void put_string(const char *text, struct buf *out)
{
    struct utf8_char c = {0};
    buf_char(out, '"');
    for (size_t left = strlen(text); left > 0; left -= c.size, text += c.size) {
        c = utf8_first(text, left);
        bool odd = c.code < ' ' || (c.code >= 0x7f && c.code < 0xa0) || c.code == 0xfeff ||
                   c.code == 0xfffe || c.code == 0xffff;
        if (c.code == NOT_UTF8) {
            buf_str(out, "?"); /* the parser takes nothing but UTF-8 */
        } else if (odd) {
            buf_printf(out, "\\u%04x", (unsigned)c.code);
        } else {
            buf_str(out, c.code == '"' || c.code == '\\' ? "\\" : "");
            buf_append(out, text, c.size);
        }
    }
    buf_char(out, '"');
}

/* As JSON writes it; "0700" and "1e5" are text. */
static bool is_number(const char *text)
{
    const char *at = text + (text[0] == '-' ? 1 : 0);
    size_t digits = strspn(at, "0123456789");
    if (digits == 0 || digits > 18 || (at[0] == '0' && digits > 1)) {
        return false;
    }
    at += digits;
    if (at[0] == '.') {
        size_t more = strspn(at + 1, "0123456789");
        at += more > 0 ? more + 1 : 0;
    }
    return *at == '\0';
}

void tree_json_scalar(const char *text, bool plain, struct buf *out)
{
    bool flag = false;
    if (plain && scalar_is_null(text)) {
        buf_str(out, "null");
    } else if (plain && scalar_bool(text, &flag, NULL) == 0) {
        buf_str(out, flag ? "true" : "false");
    } else if (plain && is_number(text)) {
        buf_str(out, text);
    } else {
        put_string(text, out);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion) as deep as the tree */
void tree_json(const struct tree_node *node, struct buf *out)
{
    if (node->kind == TREE_SCALAR) {
        tree_json_scalar(node->text, node->plain, out);
        return;
    }
    bool is_map = node->kind == TREE_MAP;
    bool first = true;
    buf_char(out, is_map ? '{' : '[');
    for (size_t i = 0; i < node->count; i++) {
        const struct tree_entry *entry = &node->entries[i];
        if (is_map && tree_get(node, entry->key) != entry->value) {
            continue; /* said again later, which counts */
        }
        buf_str(out, first ? "" : ", ");
        first = false;
        if (is_map) {
            put_string(entry->key, out);
            buf_str(out, ": ");
        }
        tree_json(entry->value, out);
    }
    buf_char(out, is_map ? '}' : ']');
}
