/* base/log_format.c - quoting and escaping, so that nobody writes our log but us.
 *
 * Values come from peers, from PostgreSQL and from files. A newline in one would forge an event, an
 * escape sequence would drive the terminal of whoever reads the log, and a right-to-left mark would
 * show other text than is there. */
#include "base/log_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/must.h"
#include "base/secret.h"
#include "base/utf8.h"

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* What needs no quotes in plain text: numbers, names, addresses, paths, positions, versions. */
static bool is_bare(const char *bytes, size_t size)
{
    if (size == 0 || size > LOG_VALUE_MAX || (size == 1 && bytes[0] == '-')) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (!is_alnum(bytes[i]) &&
            (bytes[i] == '\0' || strchr("_-.,:/+@%*#[]", bytes[i]) == NULL)) {
            return false;
        }
    }
    return true;
}

/* One way to write a character or bytes that cannot stand for themselves. */
typedef void (*escape_fn)(struct buf *out, const unsigned char *at, struct utf8_char c);

static void escape_plain(struct buf *out, const unsigned char *at, struct utf8_char c)
{
    if (c.code == NOT_UTF8) {
        for (size_t i = 0; i < c.size; i++) {
            buf_printf(out, "\\x%02x", at[i]);
        }
    } else if (c.code < 0x80) {
        buf_printf(out, "\\x%02" PRIx32, c.code);
    } else if (c.code <= 0xffff) {
        buf_printf(out, "\\u%04" PRIx32, c.code);
    } else {
        buf_printf(out, "\\U%08" PRIx32, c.code);
    }
}

static void escape_json(struct buf *out, const unsigned char *at, struct utf8_char c)
{
    (void)at; /* the bytes themselves have no place in JSON */
    if (c.code == NOT_UTF8) {
        buf_str(out, "\xef\xbf\xbd"); /* U+FFFD */
    } else if (c.code <= 0xffff) {
        buf_printf(out, "\\u%04" PRIx32, c.code);
    } else {
        uint32_t rest = c.code - 0x10000;
        buf_printf(out, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xd800 + (rest >> 10),
                   0xdc00 + (rest & 0x3ff));
    }
}

/* The letter of the escapes that both ways of writing share; '\0' for all other characters. */
static char short_escape(uint32_t code)
{
    switch (code) {
        case '"':
        case '\\':
            return (char)code;
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

static void quote(struct buf *out, const char *bytes, size_t size, escape_fn escape)
{
    const unsigned char *at = (const unsigned char *)bytes;
    size_t done = 0;
    buf_char(out, '"');
    while (done < size && done < LOG_VALUE_MAX) {
        struct utf8_char c = utf8_first(at + done, size - done);
        char letter = short_escape(c.code);
        if (letter != '\0') {
            buf_char(out, '\\');
            buf_char(out, letter);
        } else if (c.code == NOT_UTF8 || utf8_is_invisible(c.code)) {
            escape(out, at + done, c);
        } else {
            buf_append(out, at + done, c.size);
        }
        done += c.size;
    }
    buf_str(out, done < size ? "...\"" : "\"");
}

/* Our own words. The event ends at the first ':', so it may not hold one. */
static void put_word(struct buf *out, const char *word, const char *more)
{
    MUST(word[0] != '\0');
    for (const char *at = word; *at != '\0'; at++) {
        buf_char(out, is_alnum(*at) || strchr(more, *at) != NULL ? *at : '?');
    }
}

static void put_module(struct buf *out, const struct log_record *record)
{
    put_word(out, record->module, "_-.");
}

static void put_event(struct buf *out, const struct log_record *record)
{
    put_word(out, record->event, " _-.,;()/'+*%#<>");
}

static bool is_key(const char *key)
{
    static const char *const reserved[] = {"time", "level", "module", "event", "cause"};
    for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
        if (strcmp(key, reserved[i]) == 0) {
            return false;
        }
    }
    return key[0] >= 'a' && key[0] <= 'z' &&
           key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static void check_keys(const struct log_record *record)
{
    const struct log_field *fields = record->fields;
    for (size_t count = 0; fields[count].kind != LOG_KIND_END; count++) {
        MUST(count < LOG_FIELDS_MAX);
        const char *key = fields[count].key;
        bool is_allowed = is_key(key);
        for (size_t i = 0; i < count; i++) {
            /* Of two that are the same a reader of JSON would keep one. */
            is_allowed = is_allowed && strcmp(key, fields[i].key) != 0;
        }
        if (!is_allowed) {
            char what[160];
            (void)snprintf(what, sizeof(what),
                           "log event \"%s\" of %s: the key \"%s\" is reserved, repeated or no key",
                           record->event, record->module, key);
            must_fail(what, __FILE__, __LINE__);
        }
    }
}

/* "no_space" for ERR_NO_SPACE. */
static void put_err_name(struct buf *out, int code)
{
    const char *name = err_name(code);
    if (strncmp(name, "ERR_", 4) == 0) {
        name += 4;
    }
    for (const char *at = name; *at != '\0'; at++) {
        buf_char(out, *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at);
    }
}

/* As much of a NUL-ended text as tells whether it is too long. */
static size_t text_size(const char *text)
{
    return strnlen(text, LOG_VALUE_MAX + 4);
}

static void put_plain_text(struct buf *out, const char *bytes, size_t size)
{
    if (bytes == NULL) {
        buf_char(out, '-');
    } else if (is_bare(bytes, size)) {
        buf_append(out, bytes, size);
    } else {
        quote(out, bytes, size, escape_plain);
    }
}

static void put_json_text(struct buf *out, const char *bytes, size_t size)
{
    if (bytes == NULL) {
        buf_str(out, "null");
    } else {
        quote(out, bytes, size, escape_json);
    }
}

static void put_plain_err(struct buf *out, const struct err *err)
{
    if (err == NULL) {
        buf_char(out, '-');
        return;
    }
    put_err_name(out, err->code);
    if (err->msg[0] != '\0') {
        buf_str(out, " cause=");
        put_plain_text(out, err->msg, text_size(err->msg));
    }
}

static void put_json_err(struct buf *out, const struct err *err)
{
    if (err == NULL) {
        buf_str(out, "null");
        return;
    }
    buf_char(out, '"');
    put_err_name(out, err->code);
    buf_char(out, '"');
    if (err->msg[0] != '\0') {
        buf_str(out, ",\"cause\":");
        put_json_text(out, err->msg, text_size(err->msg));
    }
}

/* What numbers and flags look like in both. */
static void put_scalar(struct buf *out, const struct log_field *field)
{
    if (field->kind == LOG_KIND_I64) {
        buf_printf(out, "%" PRId64, field->as.i64);
    } else if (field->kind == LOG_KIND_U64) {
        buf_printf(out, "%" PRIu64, field->as.u64);
    } else {
        MUST(field->kind == LOG_KIND_BOOL);
        buf_str(out, field->as.flag ? "true" : "false");
    }
}

static void put_plain_value(struct buf *out, const struct log_field *field)
{
    switch (field->kind) {
        case LOG_KIND_STR:
            put_plain_text(out, field->as.str,
                           field->as.str != NULL ? text_size(field->as.str) : 0);
            return;
        case LOG_KIND_BYTES:
            put_plain_text(out, field->as.str, field->size);
            return;
        case LOG_KIND_I64:
        case LOG_KIND_U64:
        case LOG_KIND_BOOL:
            put_scalar(out, field);
            return;
        case LOG_KIND_HEX64:
            buf_printf(out, "%016" PRIx64, field->as.u64);
            return;
        case LOG_KIND_ERR:
            put_plain_err(out, field->as.err);
            return;
        case LOG_KIND_SECRET:
            buf_str(out, SECRET_MASK);
            return;
        case LOG_KIND_END:
            break;
    }
    UNREACHABLE("every kind of field has a row");
}

static void put_json_value(struct buf *out, const struct log_field *field)
{
    switch (field->kind) {
        case LOG_KIND_STR:
            put_json_text(out, field->as.str, field->as.str != NULL ? text_size(field->as.str) : 0);
            return;
        case LOG_KIND_BYTES:
            put_json_text(out, field->as.str, field->size);
            return;
        case LOG_KIND_I64:
        case LOG_KIND_U64:
        case LOG_KIND_BOOL:
            put_scalar(out, field);
            return;
        case LOG_KIND_HEX64: /* a string: readers of JSON lose digits of large numbers */
            buf_printf(out, "\"%016" PRIx64 "\"", field->as.u64);
            return;
        case LOG_KIND_ERR:
            put_json_err(out, field->as.err);
            return;
        case LOG_KIND_SECRET:
            buf_str(out, "\"" SECRET_MASK "\"");
            return;
        case LOG_KIND_END:
            break;
    }
    UNREACHABLE("every kind of field has a row");
}

void log_format_plain(struct buf *out, const struct log_record *record)
{
    char stamp[CLOCK_STAMP_SIZE];
    check_keys(record);
    buf_printf(out, "%s %-5s ", clock_stamp(record->wall_ns, stamp), log_level_name(record->level));
    put_module(out, record);
    buf_char(out, ' ');
    put_event(out, record);
    const char *before = ": ";
    for (const struct log_field *f = record->fields; f->kind != LOG_KIND_END; f++) {
        buf_str(out, before);
        buf_str(out, f->key);
        buf_char(out, '=');
        put_plain_value(out, f);
        before = " ";
    }
    buf_char(out, '\n');
}

void log_format_json(struct buf *out, const struct log_record *record)
{
    char stamp[CLOCK_STAMP_SIZE];
    check_keys(record);
    buf_printf(out, "{\"time\":\"%s\",\"level\":\"%s\",\"module\":\"",
               clock_stamp(record->wall_ns, stamp), log_level_name(record->level));
    put_module(out, record);
    buf_str(out, "\",\"event\":\"");
    put_event(out, record);
    buf_char(out, '"');
    for (const struct log_field *f = record->fields; f->kind != LOG_KIND_END; f++) {
        buf_str(out, ",\"");
        buf_str(out, f->key);
        buf_str(out, "\":");
        put_json_value(out, f);
    }
    buf_str(out, "}\n");
}
