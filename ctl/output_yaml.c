/* ctl/output_yaml.c - JSON values as block YAML that every reader takes for the same values.
 *
 * A text is written bare only when it can be nothing else in YAML 1.1 or 1.2; all others stand in
 * double quotes, with YAML's escapes. */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "base/utf8.h"
#include "ctl/output_text.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Words that some reader takes for a truth value or nothing. */
static bool is_taken(const char *text)
{
    static const char *const words[] = {"y",     "n",  "yes", "no",   "true",
                                        "false", "on", "off", "null", "nan"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_bare(const char *text, size_t size)
{
    if (size == 0 || size != strlen(text) || is_taken(text) ||
        (!is_letter(text[0]) && text[0] != '/' && text[0] != '_')) {
        return false;
    }
    for (size_t i = 1; i < size; i++) {
        char c = text[i];
        bool inside = c == ':' && text[i + 1] != '\0' && text[i + 1] != ' ';
        bool plain = is_letter(c) || (c >= '0' && c <= '9') || strchr("_-./", c) != NULL;
        if (!plain && !inside) {
            return false;
        }
    }
    return true;
}

static void put_character(struct buf *out, const char *at, struct utf8_char c)
{
    switch (c.code) {
        case '"':
        case '\\':
            buf_printf(out, "\\%c", (char)c.code);
            return;
        case '\n':
            buf_str(out, "\\n");
            return;
        case '\r':
            buf_str(out, "\\r");
            return;
        case '\t':
            buf_str(out, "\\t");
            return;
        default:
            break;
    }
    if (!utf8_is_invisible(c.code)) {
        buf_append(out, at, c.size);
    } else if (c.code <= 0xff) {
        buf_printf(out, "\\x%02" PRIx32, c.code);
    } else {
        buf_printf(out, c.code <= 0xffff ? "\\u%04" PRIx32 : "\\U%08" PRIx32, c.code);
    }
}

static void put_text(struct buf *out, const char *text, size_t size)
{
    if (is_bare(text, size)) {
        buf_append(out, text, size);
        return;
    }
    buf_char(out, '"');
    for (size_t done = 0; done < size;) {
        struct utf8_char c = utf8_first(text + done, size - done);
        MUST(c.code != NOT_UTF8); /* jansson takes nothing else */
        put_character(out, text + done, c);
        done += c.size;
    }
    buf_char(out, '"');
}

static void indent(struct buf *out, size_t depth)
{
    buf_printf(out, "%*s", (int)(2 * depth), "");
}

static bool is_block(json_t *value)
{
    return json_array_size(value) > 0 || json_object_size(value) > 0;
}

/* What fits on the line of its key. */
static void put_scalar(struct buf *out, json_t *value)
{
    if (json_is_string(value)) {
        put_text(out, json_string_value(value), json_string_length(value));
    } else {
        output_compact(out, value); /* numbers, true, null, [] and {} are the same in both */
    }
}

/* @begun: the first line has its indent already, after a dash. */
/* NOLINTNEXTLINE(misc-no-recursion) as deep as the value, which jansson bounds */
static void put_block(struct buf *out, json_t *value, size_t depth, bool begun)
{
    for (size_t i = 0; i < json_array_size(value); i++) {
        json_t *item = json_array_get(value, i);
        indent(out, begun && i == 0 ? 0 : depth);
        buf_str(out, "- ");
        if (is_block(item)) {
            put_block(out, item, depth + 1, true);
        } else {
            put_scalar(out, item);
            buf_char(out, '\n');
        }
    }
    bool first = true;
    for (void *at = json_object_iter(value); at != NULL; at = json_object_iter_next(value, at)) {
        json_t *item = json_object_iter_value(at);
        const char *key = json_object_iter_key(at);
        indent(out, begun && first ? 0 : depth);
        first = false;
        put_text(out, key, strlen(key));
        buf_char(out, ':');
        if (is_block(item)) {
            buf_char(out, '\n');
            put_block(out, item, depth + 1, false);
        } else {
            buf_char(out, ' ');
            put_scalar(out, item);
            buf_char(out, '\n');
        }
    }
}

void output_yaml(struct buf *out, json_t *value)
{
    if (is_block(value)) {
        put_block(out, value, 0, false);
    } else {
        put_scalar(out, value);
        buf_char(out, '\n');
    }
}
