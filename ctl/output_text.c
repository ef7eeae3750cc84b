/* ctl/output_text.c - single values: units for the eye, escapes for the terminal and for COPY. */
#include "ctl/output_text.h"

#include <inttypes.h>
#include <locale.h>
#include <string.h>
#include <wchar.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/utf8.h"

/* --- Escapes --- */

static char short_escape(uint32_t code)
{
    switch (code) {
        case '\\':
            return '\\';
        case '\n':
            return 'n';
        case '\r':
            return 'r';
        case '\t':
            return 't';
        default:
            return '\0';
    }
}

static void hex_bytes(struct buf *out, const char *at, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        buf_printf(out, "\\x%02x", (unsigned)(unsigned char)at[i]);
    }
}

/* @by_bytes: an invisible character as its bytes, which is all that COPY knows. */
static void escape(struct buf *out, const char *text, size_t size, bool by_bytes)
{
    for (size_t done = 0; done < size;) {
        struct utf8_char c = utf8_first(text + done, size - done);
        char letter = short_escape(c.code);
        if (letter != '\0') {
            buf_char(out, '\\');
            buf_char(out, letter);
        } else if (c.code == NOT_UTF8 ||
                   (utf8_is_invisible(c.code) && (by_bytes || c.code < 0x80))) {
            hex_bytes(out, text + done, c.size);
        } else if (utf8_is_invisible(c.code)) {
            buf_printf(out, c.code <= 0xffff ? "\\u%04" PRIx32 : "\\U%08" PRIx32, c.code);
        } else {
            buf_append(out, text + done, c.size);
        }
        done += c.size;
    }
}

void output_text(struct buf *out, const char *text)
{
    escape(out, text, strlen(text), false);
}

/* --- Numbers with units --- */

static void put_ms(struct buf *out, double ms)
{
    double seconds = ms / 1000;
    if (ms < 0) {
        buf_printf(out, "%g ms", ms);
    } else if (ms < 9.95) {
        buf_printf(out, "%.2g ms", ms);
    } else if (ms < 999.5) {
        buf_printf(out, "%.0f ms", ms);
    } else if (seconds < 59.95) {
        buf_printf(out, "%.1f s", seconds);
    } else if (seconds < 3599.5) {
        unsigned whole = (unsigned)(seconds + 0.5);
        buf_printf(out, "%u min %u s", whole / 60, whole % 60);
    } else if (seconds < 86400.0 * 3650) {
        unsigned minutes = (unsigned)(seconds / 60);
        unsigned days = minutes / 1440;
        if (days > 0) {
            buf_printf(out, "%u d %u h", days, minutes / 60 % 24);
        } else {
            buf_printf(out, "%u h %u min", minutes / 60, minutes % 60);
        }
    } else {
        buf_printf(out, "%.0f s", seconds);
    }
}

static void put_bytes(struct buf *out, double bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        buf_printf(out, "%.0f B", bytes);
        return;
    }
    size_t unit = 0;
    bytes /= 1024;
    while (bytes >= 1023.95 && unit + 1 < ARRAY_LEN(units)) {
        bytes /= 1024;
        unit++;
    }
    buf_printf(out, "%.1f %s", bytes, units[unit]);
}

/* --- Values --- */

void output_ascii(struct buf *out, json_t *value, size_t flags)
{
    CLEANUP(mem_freep) char *text = json_dumps(value, flags | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    MUST(text != NULL); /* no depth without end, no memory without end */
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == 0x7f) {
            buf_str(out, "\\u007F"); /* the one control character that jansson leaves alone */
        } else {
            buf_char(out, *at);
        }
    }
}

void output_compact(struct buf *out, json_t *value)
{
    CLEANUP(mem_freep)
    char *text =
        json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(OUTPUT_REAL_DIGITS));
    MUST(text != NULL);
    buf_str(out, text);
}

static void put_texts(struct buf *out, json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        buf_str(out, i > 0 ? ", " : "");
        json_t *item = json_array_get(list, i);
        CLEANUP(buf_close) struct buf text = {0};
        if (json_is_string(item)) {
            buf_append(&text, json_string_value(item), json_string_length(item));
        } else {
            output_compact(&text, item);
        }
        escape(out, buf_text(&text), text.size, false);
    }
}

void output_cell(struct buf *out, json_t *value, enum output_kind kind)
{
    if (value == NULL || json_is_null(value)) {
        return;
    }
    if (json_is_string(value)) {
        escape(out, json_string_value(value), json_string_length(value), false);
    } else if (json_is_boolean(value)) {
        buf_str(out, json_is_true(value) ? "yes" : "no");
    } else if (json_is_number(value) && kind == OUTPUT_MS) {
        put_ms(out, json_number_value(value));
    } else if (json_is_number(value) && kind == OUTPUT_BYTES) {
        put_bytes(out, json_number_value(value));
    } else if (json_is_array(value) && kind != OUTPUT_NESTED) {
        put_texts(out, value);
    } else {
        CLEANUP(buf_close) struct buf text = {0};
        output_compact(&text, value);
        escape(out, buf_text(&text), text.size, false);
    }
}

void output_field(struct buf *out, json_t *value)
{
    if (value == NULL || json_is_null(value)) {
        buf_str(out, "\\N");
    } else if (json_is_string(value)) {
        escape(out, json_string_value(value), json_string_length(value), true);
    } else {
        CLEANUP(buf_close) struct buf text = {0};
        output_compact(&text, value);
        escape(out, buf_text(&text), text.size, true);
    }
}

/* --- Columns of a terminal --- */

static size_t width_in_locale(const char *text, size_t size)
{
    size_t width = 0;
    for (size_t done = 0; done < size;) {
        struct utf8_char c = utf8_first(text + done, size - done);
        int columns = c.code == NOT_UTF8 ? 1 : wcwidth((wchar_t)c.code);
        width += columns < 0 ? 1 : (size_t)columns;
        done += c.size;
    }
    return width;
}

size_t output_width(const char *text)
{
    size_t size = strlen(text);
    /* wcwidth() knows by the locale, and the user's may know nothing but ASCII. */
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (utf8 == (locale_t)0) {
        size_t width = 0;
        for (size_t done = 0; done < size; width++) {
            done += utf8_first(text + done, size - done).size;
        }
        return width;
    }
    locale_t before = uselocale(utf8);
    size_t width = width_in_locale(text, size);
    (void)uselocale(before);
    freelocale(utf8);
    return width;
}
