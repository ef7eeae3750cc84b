/* tests/unit/test_output.c - what pgraftctl prints, byte for byte.
 *
 * Claim: every format shows the same members in the same order; nothing that a value holds can
 * break a line, a column or a terminal. Method: one list with everything that is awkward in it,
 * printed in every format and compared with what is written down here. */
#include "tests/lib/death.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "ctl/output.h"

static const struct output_column columns[] =
    OUTPUT_COLUMNS({"name", "Name", OUTPUT_TEXT}, {"index", "Index", OUTPUT_NUMBER},
                   {"leader", "Leader", OUTPUT_BOOL}, {"contact_ms", "Contact", OUTPUT_MS},
                   {"db_bytes", "Size", OUTPUT_BYTES}, {"tags", NULL, OUTPUT_NESTED});

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, JSON_ALLOW_NUL, NULL);
    MUST(value != NULL);
    return value;
}

static void expect_list(enum output_format format, const char *title, const char *rows,
                        const char *expected)
{
    json_auto_t *list = parse(rows);
    CLEANUP(buf_close) struct buf out = {0};
    output_list(&out, format, title, columns, list);
    assert_string_equal(buf_text(&out), expected);
}

static const char two[] =
    "[{\"name\":\"pg1\",\"index\":12045,\"leader\":true,\"contact_ms\":0,\"db_bytes\":1572864,"
    "\"tags\":{\"a\":[1,\"x\"]},\"unknown\":1},"
    "{\"leader\":false,\"name\":\"w1\",\"index\":7,\"contact_ms\":81.4}]";

static void a_table_has_its_title_in_the_frame(void **state)
{
    (void)state;
    expect_list(OUTPUT_PRETTY, "Cluster: demo", two,
                "+ Cluster: demo --------+---------+---------+\n"
                "| Name | Index | Leader | Contact |    Size |\n"
                "+------+-------+--------+---------+---------+\n"
                "| pg1  | 12045 | yes    |    0 ms | 1.5 MiB |\n"
                "| w1   |     7 | no     |   81 ms |         |\n"
                "+------+-------+--------+---------+---------+\n");
}

static void json_has_every_member_once_and_in_order(void **state)
{
    (void)state;
    expect_list(OUTPUT_JSON, "not shown", two,
                "[\n"
                "  {\n"
                "    \"name\": \"pg1\",\n"
                "    \"index\": 12045,\n"
                "    \"leader\": true,\n"
                "    \"contact_ms\": 0,\n"
                "    \"db_bytes\": 1572864,\n"
                "    \"tags\": {\n"
                "      \"a\": [\n"
                "        1,\n"
                "        \"x\"\n"
                "      ]\n"
                "    }\n"
                "  },\n"
                "  {\n"
                "    \"name\": \"w1\",\n"
                "    \"index\": 7,\n"
                "    \"leader\": false,\n"
                "    \"contact_ms\": 81.4,\n"
                "    \"db_bytes\": null,\n"
                "    \"tags\": null\n"
                "  }\n"
                "]\n");
}

static void yaml_is_the_same_document(void **state)
{
    (void)state;
    expect_list(OUTPUT_YAML, NULL, two,
                "- name: pg1\n"
                "  index: 12045\n"
                "  leader: true\n"
                "  contact_ms: 0\n"
                "  db_bytes: 1572864\n"
                "  tags:\n"
                "    a:\n"
                "      - 1\n"
                "      - x\n"
                "- name: w1\n"
                "  index: 7\n"
                "  leader: false\n"
                "  contact_ms: 81.4\n"
                "  db_bytes: null\n"
                "  tags: null\n");
}

static void tsv_is_what_copy_reads(void **state)
{
    (void)state;
    expect_list(OUTPUT_TSV, NULL, two,
                "name\tindex\tleader\tcontact_ms\tdb_bytes\ttags\n"
                "pg1\t12045\ttrue\t0\t1572864\t{\"a\":[1,\"x\"]}\n"
                "w1\t7\tfalse\t81.4\t\\N\t\\N\n");
}

static void an_empty_list_is_a_head_and_nothing_else(void **state)
{
    (void)state;
    expect_list(OUTPUT_PRETTY, NULL, "[]",
                "+------+-------+--------+---------+------+\n"
                "| Name | Index | Leader | Contact | Size |\n"
                "+------+-------+--------+---------+------+\n");
    expect_list(OUTPUT_JSON, NULL, "[]", "[]\n");
    expect_list(OUTPUT_YAML, NULL, "[]", "[]\n");
    expect_list(OUTPUT_TSV, NULL, "[]", "name\tindex\tleader\tcontact_ms\tdb_bytes\ttags\n");
}

static const struct output_column texts[] =
    OUTPUT_COLUMNS({"a", "A", OUTPUT_TEXT}, {"b", "B", OUTPUT_TEXT});

static void expect_texts(enum output_format format, const char *a, const char *expected)
{
    json_auto_t *list = json_pack("[{s:s, s:s}]", "a", a, "b", "x");
    CLEANUP(buf_close) struct buf out = {0};
    output_list(&out, format, NULL, texts, list);
    const char *row = buf_text(&out);
    if (format == OUTPUT_PRETTY) { /* after the edge, the head and another edge */
        row = strchr(strchr(strchr(row, '\n') + 1, '\n') + 1, '\n') + 1;
    } else if (format == OUTPUT_TSV) {
        row = strchr(row, '\n') + 1;
    }
    size_t length = strlen(expected);
    if (strncmp(row, expected, length) != 0 || row[length] != '\n') {
        fail_msg("\"%s\" instead of \"%s\"", row, expected);
    }
}

/* One awkward text, as each format shows it. */
static void no_text_can_break_a_line_or_a_terminal(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *pretty;
        const char *json;
        const char *yaml;
        const char *tsv;
    } rows[] = {
        {"a\tb\nc\rd", "a\\tb\\nc\\rd", "\"a\\tb\\nc\\rd\"", "\"a\\tb\\nc\\rd\"", "a\\tb\\nc\\rd"},
        {"\x1b[31m", "\\x1b[31m", "\"\\u001B[31m\"", "\"\\x1b[31m\"", "\\x1b[31m"},
        {"\x7f", "\\x7f", "\"\\u007F\"", "\"\\x7f\"", "\\x7f"},
        {"\xc2\x9b"
         "31m",
         "\\u009b31m", "\"\\u009B31m\"", "\"\\x9b31m\"", "\\xc2\\x9b31m"},
        {"\xe2\x80\x8b"
         "abc",
         "\\u200babc", "\"\\u200Babc\"", "\"\\u200babc\"", "\\xe2\\x80\\x8babc"},
        {"\xf3\xa0\x80\x81", "\\U000e0001", "\"\\uDB40\\uDC01\"", "\"\\U000e0001\"",
         "\\xf3\\xa0\\x80\\x81"},
        {"C:\\x", "C:\\\\x", "\"C:\\\\x\"", "\"C:\\\\x\"", "C:\\\\x"},
        {"say \"hi\"", "say \"hi\"", "\"say \\\"hi\\\"\"", "\"say \\\"hi\\\"\"", "say \"hi\""},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", "\"gr\\u00FC\\u00DF\"",
         "\"gr\xc3\xbc\xc3\x9f\"", "gr\xc3\xbc\xc3\x9f"},
        {"", "", "\"\"", "\"\"", ""},
        {"\\N", "\\\\N", "\"\\\\N\"", "\"\\\\N\"", "\\\\N"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_close) struct buf line = {0};
        CLEANUP(buf_close) struct buf tsv = {0};
        CLEANUP(buf_close) struct buf json = {0};
        CLEANUP(buf_close) struct buf yaml = {0};
        /* The cell is as wide as its head at least, so "| A" and "| " are one longer. */
        const char *pretty = rows[i].pretty;
        buf_printf(&line, "| %s%s | x |", pretty, pretty[0] == '\0' ? " " : "");
        expect_texts(OUTPUT_PRETTY, rows[i].text, buf_text(&line));
        buf_printf(&tsv, "%s\tx", rows[i].tsv);
        expect_texts(OUTPUT_TSV, rows[i].text, buf_text(&tsv));
        buf_printf(&json, "[\n  {\n    \"a\": %s,\n    \"b\": \"x\"\n  }\n]", rows[i].json);
        expect_texts(OUTPUT_JSON, rows[i].text, buf_text(&json));
        buf_printf(&yaml, "- a: %s\n  b: x", rows[i].yaml);
        expect_texts(OUTPUT_YAML, rows[i].text, buf_text(&yaml));
    }
}

static void a_nul_in_a_text_is_shown(void **state)
{
    (void)state;
    json_auto_t *list = parse("[{\"a\":\"x\\u0000y\",\"b\":\"\"}]");
    CLEANUP(buf_close) struct buf out = {0};
    output_list(&out, OUTPUT_TSV, NULL, texts, list);
    output_list(&out, OUTPUT_YAML, NULL, texts, list);
    assert_string_equal(buf_text(&out), "a\tb\nx\\x00y\t\n- a: \"x\\x00y\"\n  b: \"\"\n");
}

static void yaml_quotes_what_could_be_something_else(void **state)
{
    (void)state;
    static const char *const quoted[] = {
        "true", "True",  "no", "NO",  "on",   "y",   "null", "~",    "12",        "1.5",
        "0x1f", "12:30", "-",  "- a", "a: b", "a:",  "# a",  "a #b", "[a]",       "{a}",
        "&a",   "*a",    "!a", "%a",  "@a",   "`a`", "'a'",  "a, b", " a",        "a ",
        ".nan", "=",     "<<", "?",   "|",    ">",   "1e3",  "+1",   "2026-11-21"};
    static const char *const bare[] = {
        "pg1",     "a-b_c.d",   "/run/pgraft", "pg1:7400",
        "nothing", "yesterday", "_x",          "http://pg1:8008/raft"};
    for (size_t i = 0; i < ARRAY_LEN(quoted); i++) {
        CLEANUP(buf_close) struct buf line = {0};
        buf_printf(&line, "- a: \"%s\"\n  b: x", quoted[i]);
        expect_texts(OUTPUT_YAML, quoted[i], buf_text(&line));
    }
    for (size_t i = 0; i < ARRAY_LEN(bare); i++) {
        CLEANUP(buf_close) struct buf line = {0};
        buf_printf(&line, "- a: %s\n  b: x", bare[i]);
        expect_texts(OUTPUT_YAML, bare[i], buf_text(&line));
    }
}

static void wide_characters_keep_the_columns(void **state)
{
    (void)state;
    json_auto_t *list = json_pack("[{s:s,s:s},{s:s,s:s},{s:s,s:s}]", "a",
                                  "\xe4\xb8\xad\xe6\x96\x87",          /* two wide ones */
                                  "b", "x", "a", "e\xcc\x81t\xc3\xa9", /* a combining accent */
                                  "b", "x", "a", "abcd", "b", "x");
    CLEANUP(buf_close) struct buf out = {0};
    output_list(&out, OUTPUT_PRETTY, "\xe4\xb8\xad", texts, list);
    assert_string_equal(buf_text(&out),
                        "+ \xe4\xb8\xad --+---+\n"
                        "| A    | B |\n"
                        "+------+---+\n"
                        "| \xe4\xb8\xad\xe6\x96\x87 | x |\n"
                        "| e\xcc\x81t\xc3\xa9  | x |\n"
                        "| abcd | x |\n"
                        "+------+---+\n");
}

static void a_title_wider_than_the_table_has_its_own_line(void **state)
{
    (void)state;
    json_auto_t *list = json_array();
    CLEANUP(buf_close) struct buf out = {0};
    output_list(&out, OUTPUT_PRETTY, "12345", texts, list);
    output_list(&out, OUTPUT_PRETTY, "123456", texts, list);
    output_list(&out, OUTPUT_PRETTY, "\n", texts, list);
    assert_string_equal(buf_text(&out),
                        "+ 12345 +\n| A | B |\n+---+---+\n"
                        "123456\n+---+---+\n| A | B |\n+---+---+\n"
                        "+ \\n ---+\n| A | B |\n+---+---+\n");
}

static void a_record_is_a_line_for_each_member(void **state)
{
    (void)state;
    json_auto_t *record = parse("{\"name\":\"pg\\n1\",\"index\":3,\"contact_ms\":1500}");
    CLEANUP(buf_close) struct buf out = {0};
    output_record(&out, OUTPUT_PRETTY, "demo", columns, record);
    output_record(&out, OUTPUT_TSV, "demo", columns, record);
    output_record(&out, OUTPUT_YAML, "demo", columns, record);
    assert_string_equal(buf_text(&out),
                        "demo\nName:     pg\\n1\nIndex:    3\nLeader:\nContact:  1.5 s\nSize:\n"
                        "name\tindex\tleader\tcontact_ms\tdb_bytes\ttags\n"
                        "pg\\n1\t3\t\\N\t1500\t\\N\t\\N\n"
                        "name: \"pg\\n1\"\nindex: 3\nleader: null\ncontact_ms: 1500\n"
                        "db_bytes: null\ntags: null\n");
}

static void the_rows_of_a_stream_stand_alone(void **state)
{
    (void)state;
    json_auto_t *row = parse("{\"b\":1,\"a\":\"x\"}");
    static const enum output_format formats[] = {OUTPUT_JSON, OUTPUT_YAML, OUTPUT_TSV};
    CLEANUP(buf_close) struct buf out = {0};
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        output_stream_head(&out, formats[i], texts);
        output_stream_row(&out, formats[i], texts, row);
    }
    assert_string_equal(buf_text(&out), "{\"a\":\"x\",\"b\":1}\n---\na: x\nb: 1\na\tb\nx\t1\n");
}

static void numbers_have_units_for_the_eye(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        enum output_kind kind;
        const char *shown;
    } rows[] = {
        {"0", OUTPUT_MS, "0 ms"},
        {"0.41", OUTPUT_MS, "0.41 ms"},
        {"9.94", OUTPUT_MS, "9.9 ms"},
        {"9.96", OUTPUT_MS, "10 ms"},
        {"999.4", OUTPUT_MS, "999 ms"},
        {"999.6", OUTPUT_MS, "1.0 s"},
        {"59940", OUTPUT_MS, "59.9 s"},
        {"59960", OUTPUT_MS, "1 min 0 s"},
        {"200000", OUTPUT_MS, "3 min 20 s"},
        {"3599600", OUTPUT_MS, "0 h 59 min"},
        {"3600000", OUTPUT_MS, "1 h 0 min"},
        {"90000000", OUTPUT_MS, "1 d 1 h"},
        {"-3", OUTPUT_MS, "-3 ms"},
        {"1e18", OUTPUT_MS, "1000000000000000 s"},
        {"0", OUTPUT_BYTES, "0 B"},
        {"1023", OUTPUT_BYTES, "1023 B"},
        {"1024", OUTPUT_BYTES, "1.0 KiB"},
        {"1048575", OUTPUT_BYTES, "1.0 MiB"},
        {"67108864", OUTPUT_BYTES, "64.0 MiB"},
        {"1e30", OUTPUT_BYTES, "867361737988.4 EiB"},
        {"12045", OUTPUT_NUMBER, "12045"},
        {"\"x\"", OUTPUT_NUMBER, "x"},
        {"true", OUTPUT_TEXT, "yes"},
        {"7", OUTPUT_BOOL, "7"},
        {"[\"pg1\",\"w1\"]", OUTPUT_TEXT, "pg1, w1"},
        {"[]", OUTPUT_TEXT, ""},
        {"{\"a\":\"\\u001b\"}", OUTPUT_TEXT, "{\"a\":\"\\\\u001B\"}"},
        {"[1]", OUTPUT_NESTED, "[1]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *value = json_loads(rows[i].value, JSON_DECODE_ANY, NULL);
        assert_non_null(value);
        json_auto_t *record = json_pack("{s:O}", "v", value);
        const struct output_column one[] = {{"v", "V", rows[i].kind}, {.key = NULL}};
        CLEANUP(buf_close) struct buf out = {0};
        CLEANUP(buf_close) struct buf expected = {0};
        output_record(&out, OUTPUT_PRETTY, NULL, one, record);
        buf_printf(&expected, "V:%s%s\n", rows[i].shown[0] != '\0' ? "  " : "", rows[i].shown);
        assert_string_equal(buf_text(&out), buf_text(&expected));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_has_its_title_in_the_frame),
        cmocka_unit_test(json_has_every_member_once_and_in_order),
        cmocka_unit_test(yaml_is_the_same_document),
        cmocka_unit_test(tsv_is_what_copy_reads),
        cmocka_unit_test(an_empty_list_is_a_head_and_nothing_else),
        cmocka_unit_test(no_text_can_break_a_line_or_a_terminal),
        cmocka_unit_test(a_nul_in_a_text_is_shown),
        cmocka_unit_test(yaml_quotes_what_could_be_something_else),
        cmocka_unit_test(wide_characters_keep_the_columns),
        cmocka_unit_test(a_title_wider_than_the_table_has_its_own_line),
        cmocka_unit_test(a_record_is_a_line_for_each_member),
        cmocka_unit_test(the_rows_of_a_stream_stand_alone),
        cmocka_unit_test(numbers_have_units_for_the_eye),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
