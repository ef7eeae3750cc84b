/* tests/unit/test_log_format.c - one event is one line, whatever bytes are in its values.
 *
 * Exact lines for what a reader will meet; then every byte, every character of Unicode and many
 * random strings, judged by a reader of each format that was written from the format's rules. */
#include <limits.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log_format.h"
#include "base/must.h"
#include "base/secret.h"
#include "tests/lib/death.h"

#define WALL_NS (UINT64_C(1795213023) * 1000000000 + 412 * UINT64_C(1000000))

static const struct err map_full = {ERR_NO_SPACE, "commit: MDB_MAP_FULL: \"map\" limit reached"};
static const struct err bare_err = {ERR_TIMEOUT, ""};
static const struct err newer_err = {-999, "from a newer peer"};
static const struct secret password = {.hidden = NULL, .size = 7, .mapped = 4096};

static const struct {
    const char *name;
    struct log_field fields[4];
    const char *plain;
    const char *json;
} rows[] = {
    {"no field, no colon", {LOG_END}, "", ""},
    {"words are bare",
     {LOG_STR("rule", "lease-held"), LOG_STR("pg", "standby"), LOG_END},
     ": rule=lease-held pg=standby",
     ",\"rule\":\"lease-held\",\"pg\":\"standby\""},
    {"addresses, positions and paths are bare",
     {LOG_STR("peer", "[::1]:7400"), LOG_STR("lsn", "0/3000148"), LOG_STR("dir", "/var/lib"),
      LOG_END},
     ": peer=[::1]:7400 lsn=0/3000148 dir=/var/lib",
     ",\"peer\":\"[::1]:7400\",\"lsn\":\"0/3000148\",\"dir\":\"/var/lib\""},
    {"numbers to their ends",
     {LOG_U64("u", UINT64_MAX), LOG_I64("i", INT64_MIN), LOG_U64("zero", 0), LOG_END},
     ": u=18446744073709551615 i=-9223372036854775808 zero=0",
     ",\"u\":18446744073709551615,\"i\":-9223372036854775808,\"zero\":0"},
    {"flags",
     {LOG_BOOL("yes", true), LOG_BOOL("no", false), LOG_END},
     ": yes=true no=false",
     ",\"yes\":true,\"no\":false"},
    {"an identity has 16 digits, and is a string where numbers lose digits",
     {LOG_HEX64("node", UINT64_C(0xc0ffee)), LOG_HEX64("all", UINT64_MAX), LOG_END},
     ": node=0000000000c0ffee all=ffffffffffffffff",
     ",\"node\":\"0000000000c0ffee\",\"all\":\"ffffffffffffffff\""},
    {"nothing, the empty text and a dash are three things",
     {LOG_STR("a", NULL), LOG_STR("b", ""), LOG_STR("c", "-"), LOG_END},
     ": a=- b=\"\" c=\"-\"",
     ",\"a\":null,\"b\":\"\",\"c\":\"-\""},
    {"a blank needs quotes",
     {LOG_STR("a", "two words"), LOG_END},
     ": a=\"two words\"",
     ",\"a\":\"two words\""},
    {"an equals sign does not make a second field",
     {LOG_STR("a", "b=c"), LOG_END},
     ": a=\"b=c\"",
     ",\"a\":\"b=c\""},
    {"quotes and backslashes",
     {LOG_STR("a", "say \"hi\" \\ bye"), LOG_END},
     ": a=\"say \\\"hi\\\" \\\\ bye\"",
     ",\"a\":\"say \\\"hi\\\" \\\\ bye\""},
    {"a forged event stays inside its value",
     {LOG_STR("a", "x\n2026-01-01T00:00:00.000Z error raft lost: all=data"), LOG_END},
     ": a=\"x\\n2026-01-01T00:00:00.000Z error raft lost: all=data\"",
     ",\"a\":\"x\\n2026-01-01T00:00:00.000Z error raft lost: all=data\""},
    {"a forged field stays inside its value",
     {LOG_STR("a", "x\" role=\"primary"), LOG_END},
     ": a=\"x\\\" role=\\\"primary\"",
     ",\"a\":\"x\\\" role=\\\"primary\""},
    {"the terminal is not driven",
     {LOG_STR("a", "\x1b[2J\a\b\x7f"), LOG_STR("b", "\r\t"), LOG_END},
     ": a=\"\\x1b[2J\\x07\\x08\\x7f\" b=\"\\r\\t\"",
     ",\"a\":\"\\u001b[2J\\u0007\\u0008\\u007f\",\"b\":\"\\r\\t\""},
    {"nor by the one-character CSI of the second set",
     {LOG_STR("a",
              "\xc2\x9b"
              "31m"),
      LOG_END},
     ": a=\"\\u009b31m\"",
     ",\"a\":\"\\u009b31m\""},
    {"letters of all languages are shown",
     {LOG_STR("a", "Zürich 東京 🐘"), LOG_END},
     ": a=\"Zürich 東京 🐘\"",
     ",\"a\":\"Zürich 東京 🐘\""},
    {"text does not run backwards, nor break at a line separator",
     {LOG_STR("a",
              "\xe2\x80\xae"
              "evil\xe2\x80\xac\xe2\x80\xa8"),
      LOG_END},
     ": a=\"\\u202eevil\\u202c\\u2028\"",
     ",\"a\":\"\\u202eevil\\u202c\\u2028\""},
    {"an invisible tag beyond 16 bits",
     {LOG_STR("a", "\xf3\xa0\x80\x81"), LOG_END},
     ": a=\"\\U000e0001\"",
     ",\"a\":\"\\udb40\\udc01\""},
    {"bytes that are no UTF-8: shown, or replaced",
     {LOG_STR("a",
              "a\xff"
              "b\x80"),
      LOG_STR("b", "\xc0\xaf\xed\xa0\x80"), LOG_END},
     ": a=\"a\\xffb\\x80\" b=\"\\xc0\\xaf\\xed\\xa0\\x80\"",
     ",\"a\":\"a\xef\xbf\xbd"
     "b\xef\xbf\xbd\",\"b\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
     "\xef\xbf\xbd\xef\xbf\xbd\""},
    {"a character cut short does not swallow the quote",
     {LOG_STR("a", "\xe6\x9d"),
      LOG_STR("b",
              "\xf0\x9f\x90"
              "x"),
      LOG_END},
     ": a=\"\\xe6\\x9d\" b=\"\\xf0\\x9f\\x90x\"",
     ",\"a\":\"\xef\xbf\xbd\",\"b\":\"\xef\xbf\xbdx\""},
    {"bytes with a size: a NUL is one of them",
     {LOG_BYTES("a", "x\0y", 3), LOG_BYTES("b", "abc", 2), LOG_BYTES("c", "", 0), LOG_END},
     ": a=\"x\\x00y\" b=ab c=\"\"",
     ",\"a\":\"x\\u0000y\",\"b\":\"ab\",\"c\":\"\""},
    {"an error is its code and its cause",
     {LOG_ERR(&map_full), LOG_END},
     ": err=no_space cause=\"commit: MDB_MAP_FULL: \\\"map\\\" limit reached\"",
     ",\"err\":\"no_space\",\"cause\":\"commit: MDB_MAP_FULL: \\\"map\\\" limit reached\""},
    {"an error without a text",
     {LOG_ERR(&bare_err), LOG_END},
     ": err=timeout",
     ",\"err\":\"timeout\""},
    {"an error that only a newer version knows",
     {LOG_ERR(&newer_err), LOG_END},
     ": err=unknown cause=\"from a newer peer\"",
     ",\"err\":\"unknown\",\"cause\":\"from a newer peer\""},
    {"no error at all", {LOG_ERR(NULL), LOG_END}, ": err=-", ",\"err\":null"},
    {"a secret is never followed",
     {LOG_SECRET("password", &password), LOG_SECRET("none", NULL), LOG_END},
     ": password=*** none=***",
     ",\"password\":\"***\",\"none\":\"***\""},
};

static void format(struct buf *out, bool json, const char *event, const struct log_field *fields)
{
    struct log_record record = {WALL_NS, LOG_LEVEL_INFO, "supervisor", event, fields};
    buf_clear(out);
    if (json) {
        log_format_json(out, &record);
    } else {
        log_format_plain(out, &record);
    }
}

static void exact_lines(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf got = {0};
    CLEANUP(buf_close) struct buf want = {0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        format(&got, false, "decide", rows[i].fields);
        buf_clear(&want);
        buf_printf(&want, "2026-11-20T22:17:03.412Z info  supervisor decide%s\n", rows[i].plain);
        if (strcmp(buf_text(&want), buf_text(&got)) != 0) {
            fail_msg("%s:\nwant %sgot  %s", rows[i].name, buf_text(&want), buf_text(&got));
        }
        format(&got, true, "decide", rows[i].fields);
        buf_clear(&want);
        buf_printf(&want,
                   "{\"time\":\"2026-11-20T22:17:03.412Z\",\"level\":\"info\","
                   "\"module\":\"supervisor\",\"event\":\"decide\"%s}\n",
                   rows[i].json);
        if (strcmp(buf_text(&want), buf_text(&got)) != 0) {
            fail_msg("%s:\nwant %sgot  %s", rows[i].name, buf_text(&want), buf_text(&got));
        }
    }
}

static void every_level(void **state)
{
    (void)state;
    static const char *const plain[] = {"error", "warn ", "info ", "debug"};
    static const char *const names[] = {"error", "warn", "info", "debug"};
    const struct log_field none[] = {LOG_END};
    for (int level = 0; level < 4; level++) {
        CLEANUP(buf_close) struct buf got = {0};
        CLEANUP(buf_close) struct buf want = {0};
        struct log_record record = {0, (enum log_level)level, "pg_query", "probe failed, going on",
                                    none};
        log_format_plain(&got, &record);
        buf_printf(&want, "1970-01-01T00:00:00.000Z %s pg_query probe failed, going on\n",
                   plain[level]);
        assert_string_equal(buf_text(&want), buf_text(&got));
        buf_clear(&got);
        log_format_json(&got, &record);
        assert_non_null(strstr(buf_text(&got), names[level]));
    }
}

static void our_own_words_cannot_break_a_line(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf got = {0};
    const struct log_field none[] = {LOG_END};
    struct log_record record = {WALL_NS, LOG_LEVEL_WARN, "a b\nc", "x: y=\"1\"\n\\\xff", none};
    log_format_plain(&got, &record);
    assert_string_equal("2026-11-20T22:17:03.412Z warn  a?b?c x? y??1????\n", buf_text(&got));
    buf_clear(&got);
    log_format_json(&got, &record);
    assert_non_null(strstr(buf_text(&got), "\"module\":\"a?b?c\",\"event\":\"x? y??1????\"}\n"));
}

/* ---- a reader of each format ---- */

struct text {
    unsigned char bytes[4 * LOG_VALUE_MAX];
    size_t size;
};

static void text_add_code(struct text *t, uint32_t code)
{
    char utf8[MB_LEN_MAX + 1];
    mbstate_t start = {0};
    size_t n = code == 0 ? 1 : wcrtomb(utf8, (wchar_t)code, &start);
    assert_true(n <= 4);
    if (code == 0) {
        utf8[0] = '\0';
    }
    memcpy(t->bytes + t->size, utf8, n);
    t->size += n;
}

static uint32_t hex(const char *at, int digits)
{
    char copy[16] = {0};
    memcpy(copy, at, (size_t)digits);
    assert_int_equal((size_t)digits, strspn(copy, "0123456789abcdef"));
    return (uint32_t)strtoul(copy, NULL, 16);
}

/* No byte of a line is a control character, and all of it is UTF-8 by libc's own judgement. */
static void assert_is_one_clean_line(const struct buf *line)
{
    assert_true(line->size > 1);
    assert_int_equal('\n', line->bytes[line->size - 1]);
    size_t at = 0;
    mbstate_t shift = {0};
    while (at < line->size - 1) {
        wchar_t c = 0;
        size_t n = mbrtowc(&c, line->bytes + at, line->size - 1 - at, &shift);
        assert_true(n >= 1);
        assert_true(n <= 4);
        assert_true(c >= 0x20);
        assert_true(c <= 0x10ffff);
        assert_false(c >= 0x7f && c <= 0x9f);
        assert_false(c >= 0x2028 && c <= 0x202e);
        assert_false(c >= 0x2066 && c <= 0x2069);
        at += n;
    }
}

/* Read the escape behind a backslash at @at; yield how long it is. */
static size_t read_plain_escape(const char *at, struct text *out)
{
    static const char letters[] = "\"\\nrt";
    static const char meant[] = "\"\\\n\r\t";
    const char *letter = strchr(letters, *at);
    if (*at != '\0' && letter != NULL) {
        out->bytes[out->size++] = (unsigned char)meant[letter - letters];
        return 1;
    }
    if (*at == 'x') {
        out->bytes[out->size++] = (unsigned char)hex(at + 1, 2);
        return 3;
    }
    assert_true(*at == 'u' || *at == 'U');
    int digits = *at == 'u' ? 4 : 8;
    text_add_code(out, hex(at + 1, digits));
    return 1 + (size_t)digits;
}

/* The value after "key=" at the end of the line; the end must be where it should be. */
static void read_plain(const char *at, struct text *out)
{
    out->size = 0;
    if (*at != '"') {
        out->size = strcspn(at, " =\"\\\n");
        memcpy(out->bytes, at, out->size);
        assert_string_equal("\n", at + out->size);
        return;
    }
    for (at++; *at != '"'; at++) {
        assert_true(*at != '\0');
        if (*at == '\\') {
            at += read_plain_escape(at + 1, out);
        } else {
            out->bytes[out->size++] = (unsigned char)*at;
        }
    }
    assert_string_equal("\"\n", at);
}

/* RFC 8259, section 7. */
static size_t read_json_escape(const char *at, struct text *out)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    const char *letter = strchr(letters, *at);
    if (*at != '\0' && letter != NULL) {
        out->bytes[out->size++] = (unsigned char)meant[letter - letters];
        return 1;
    }
    assert_int_equal('u', *at);
    uint32_t code = hex(at + 1, 4);
    if (code < 0xd800 || code > 0xdfff) {
        text_add_code(out, code);
        return 5;
    }
    assert_true(code < 0xdc00);
    assert_memory_equal("\\u", at + 5, 2);
    uint32_t low = hex(at + 7, 4);
    assert_true(low >= 0xdc00);
    assert_true(low <= 0xdfff);
    text_add_code(out, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
    return 11;
}

static void read_json(const char *at, struct text *out)
{
    out->size = 0;
    assert_int_equal('"', *at);
    for (at++; *at != '"'; at++) {
        assert_true((unsigned char)*at >= 0x20);
        if (*at == '\\') {
            at += read_json_escape(at + 1, out);
        } else {
            out->bytes[out->size++] = (unsigned char)*at;
        }
    }
    assert_string_equal("\"}\n", at);
}

static bool is_utf8(const char *bytes, size_t size)
{
    mbstate_t shift = {0};
    size_t at = 0;
    while (at < size) {
        wchar_t c = 0;
        size_t n = mbrtowc(&c, bytes + at, size - at, &shift);
        if (n > 4 || c > 0x10ffff) { /* libc lets the bytes f4 90 pass */
            return false;
        }
        at += n > 0 ? n : 1; /* 0: a NUL */
    }
    return true;
}

/* What was logged can be read back: from plain text always, from JSON if it was UTF-8. */
static void assert_round_trip(const char *bytes, size_t size)
{
    CLEANUP(buf_close) struct buf line = {0};
    static struct text back;
    const struct log_field fields[] = {LOG_BYTES("v", bytes, size), LOG_END};
    format(&line, false, "e", fields);
    assert_is_one_clean_line(&line);
    const char *value = strstr(buf_text(&line), ": v=");
    assert_non_null(value);
    read_plain(value + 4, &back);
    assert_int_equal(size, back.size);
    assert_memory_equal(bytes, back.bytes, size);

    format(&line, true, "e", fields);
    assert_is_one_clean_line(&line);
    value = strstr(buf_text(&line), ",\"v\":");
    assert_non_null(value);
    read_json(value + 5, &back);
    if (is_utf8(bytes, size)) {
        assert_int_equal(size, back.size);
        assert_memory_equal(bytes, back.bytes, size);
    } else {
        assert_non_null(memmem(back.bytes, back.size, "\xef\xbf\xbd", 3));
    }
}

static void every_byte(void **state)
{
    (void)state;
    for (unsigned a = 0; a < 256; a++) {
        char one = (char)a;
        assert_round_trip(&one, 1);
        char two[4] = {'<', (char)a, '>', ' '};
        assert_round_trip(two, sizeof(two));
    }
}

static void every_character(void **state)
{
    (void)state;
    static struct text t;
    for (uint32_t code = 1; code <= 0x10ffff; code += code < 0x3000 ? 1 : 13) {
        if (code < 0xd800 || code > 0xdfff) {
            t.size = 0;
            text_add_code(&t, code);
            assert_round_trip((const char *)t.bytes, t.size);
        }
    }
}

/* Bytes that like to start, continue and break UTF-8 and our own quoting. */
static void random_strings(void **state)
{
    (void)state;
    static const char liked[] =
        "\xc0\xc2\xe0\xed\xef\xf0\xf4\xf5\x80\x8f\x90\x9f\xa0\xbf\"\\\n x=-";
    uint32_t seed = 20261120;
    for (int round = 0; round < 20000; round++) {
        char bytes[24];
        seed = seed * 1664525 + 1013904223;
        size_t size = (seed >> 16) % sizeof(bytes);
        for (size_t i = 0; i < size; i++) {
            seed = seed * 1664525 + 1013904223;
            unsigned r = seed >> 8;
            bytes[i] = (r & 0x30000) != 0 ? liked[r % (sizeof(liked) - 1)] : (char)r;
        }
        assert_round_trip(bytes, size);
    }
}

static void long_values_are_cut_between_characters(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf line = {0};
    static char exact[LOG_VALUE_MAX + 1];
    memset(exact, 'x', LOG_VALUE_MAX);
    const struct log_field fits[] = {LOG_STR("v", exact), LOG_END};
    format(&line, false, "e", fits);
    assert_null(strstr(buf_text(&line), "..."));
    assert_non_null(strstr(buf_text(&line), exact));

    static char over[4 * LOG_VALUE_MAX];
    memset(over, 'x', sizeof(over) - 1);
    memcpy(over + LOG_VALUE_MAX - 1, "\xe6\x9d\xb1", 3); /* stands across the limit */
    const struct log_field cut[] = {LOG_STR("v", over), LOG_END};
    for (int json = 0; json < 2; json++) {
        format(&line, json == 1, "e", cut);
        assert_is_one_clean_line(&line);
        assert_non_null(strstr(buf_text(&line), "x\xe6\x9d\xb1...\""));
        assert_true(line.size < LOG_VALUE_MAX + 200);
    }
}

#define KEYS_MAX 3

/* Log an event whose fields have these keys. */
static void log_keys(const char *const keys[KEYS_MAX])
{
    CLEANUP(buf_close) struct buf line = {0};
    struct log_field fields[KEYS_MAX + 1] = {LOG_END};
    for (size_t n = 0; n < KEYS_MAX && keys[n] != NULL; n++) {
        fields[n] = (struct log_field){.key = keys[n], .kind = LOG_KIND_U64};
        fields[n + 1] = (struct log_field)LOG_END;
    }
    format(&line, true, "e", fields);
}

static void bad_keys_end_the_process(void **state)
{
    (void)state;
    static const char *const bad[][KEYS_MAX] = {
        {"time"}, {"level"}, {"module"}, {"event"}, {"cause"}, {"ok", "event"}, {"a", "b", "a"},
        {""},     {"Big"},   {"a b"},    {"a=b"},   {"a\nb"},  {"9a"},          {"_a"},
    };
    static const char *const good[][KEYS_MAX] = {{"a", "b_9", "c"}, {"timeline", "levels"}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ASSERT_DIES("is reserved, repeated or no key", log_keys(bad[i]));
    }
    ASSERT_DIES("log event \"e\" of supervisor: the key \"level\" is reserved", log_keys(bad[1]));
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        log_keys(good[i]);
    }
}

/* Log an event with @count fields. */
static void log_fields(int count)
{
    static char keys[LOG_FIELDS_MAX + 1][8];
    struct log_field fields[LOG_FIELDS_MAX + 2];
    CLEANUP(buf_close) struct buf line = {0};
    for (int n = 0; n < count; n++) {
        (void)snprintf(keys[n], sizeof(keys[n]), "k%d", n);
        fields[n] = (struct log_field){.key = keys[n], .kind = LOG_KIND_U64};
    }
    fields[count] = (struct log_field)LOG_END;
    format(&line, true, "e", fields);
}

static void too_many_fields_end_the_process(void **state)
{
    (void)state;
    log_fields(LOG_FIELDS_MAX);
    ASSERT_DIES("LOG_FIELDS_MAX", log_fields(LOG_FIELDS_MAX + 1));
}

int main(void)
{
    if (setlocale(LC_ALL, "C.UTF-8") == NULL) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_lines),
        cmocka_unit_test(every_level),
        cmocka_unit_test(our_own_words_cannot_break_a_line),
        cmocka_unit_test(every_byte),
        cmocka_unit_test(every_character),
        cmocka_unit_test(random_strings),
        cmocka_unit_test(long_values_are_cut_between_characters),
        cmocka_unit_test(bad_keys_end_the_process),
        cmocka_unit_test(too_many_fields_end_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
