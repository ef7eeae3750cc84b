/* daemon/json_put.c - JSON as it is written, straight into a buffer. */
#include "daemon/json_put.h"

#include <inttypes.h>
#include <string.h>

#include "base/base64.h"
#include "base/utf8.h"

static void put_comma(struct buf *out)
{
    char last = out->size > 0 ? out->bytes[out->size - 1] : '\n';
    if (strchr("{[:\n", last) == NULL) {
        buf_char(out, ',');
    }
}

static void put_text(struct buf *out, const char *text, size_t size)
{
    buf_char(out, '"');
    for (size_t i = 0; i < size;) {
        struct utf8_char c = utf8_first(text + i, size - i);
        if (c.code == NOT_UTF8) {
            buf_str(out, "\xef\xbf\xbd");
        } else if (c.code == '"' || c.code == '\\') {
            buf_char(out, '\\');
            buf_char(out, text[i]);
        } else if (c.code < 0x20 || c.code == 0x7f) {
            buf_printf(out, "\\u%04x", (unsigned)c.code);
        } else {
            buf_append(out, text + i, c.size);
        }
        i += c.size;
    }
    buf_char(out, '"');
}

static void put_name(struct buf *out, const char *name)
{
    put_comma(out);
    if (name != NULL) {
        put_text(out, name, strlen(name));
        buf_char(out, ':');
    }
}

void json_put_open(struct buf *out, const char *name, char bracket)
{
    put_name(out, name);
    buf_char(out, bracket);
}

void json_put_close(struct buf *out, char bracket)
{
    buf_char(out, bracket);
}

void json_put_text(struct buf *out, const char *name, const char *text)
{
    if (text == NULL) {
        json_put_null(out, name);
        return;
    }
    put_name(out, name);
    put_text(out, text, strlen(text));
}

void json_put_number(struct buf *out, const char *name, uint64_t number)
{
    put_name(out, name);
    buf_printf(out, "%" PRIu64, number);
}

void json_put_signed(struct buf *out, const char *name, int64_t number)
{
    put_name(out, name);
    buf_printf(out, "%" PRId64, number);
}

void json_put_fraction(struct buf *out, const char *name, uint64_t thousandths)
{
    put_name(out, name);
    buf_printf(out, "%" PRIu64 ".%03u", thousandths / 1000, (unsigned)(thousandths % 1000));
}

void json_put_bool(struct buf *out, const char *name, bool value)
{
    put_name(out, name);
    buf_str(out, value ? "true" : "false");
}

void json_put_null(struct buf *out, const char *name)
{
    put_name(out, name);
    buf_str(out, "null");
}

void json_put_raw(struct buf *out, const char *name, const char *json)
{
    put_name(out, name);
    buf_str(out, json);
}

void json_put_id(struct buf *out, const char *name, uint64_t id)
{
    if (id == 0) {
        json_put_null(out, name);
        return;
    }
    put_name(out, name);
    buf_printf(out, "\"%016" PRIx64 "\"", id);
}

void json_put_bytes(struct buf *out, const char *name, const void *bytes, size_t size)
{
    bool is_text = size == 0 || (utf8_is_text(bytes, size) && memchr(bytes, '\0', size) == NULL);
    if (is_text) {
        put_name(out, name);
        put_text(out, bytes, size);
        return;
    }
    put_comma(out);
    buf_printf(out, "\"%s_base64\":\"", name);
    base64_encode(out, bytes, size);
    buf_char(out, '"');
}
