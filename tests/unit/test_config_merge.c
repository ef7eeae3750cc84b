/* tests/unit/test_config_merge.c - a change laid on a document, one row per case; and which texts
 * may be stored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/dynamic.h"
#include "config/merge.h"

/* --- The merge --- */

static const struct {
    const char *is;
    const char *target;
    const char *change;
    const char *result; /* NULL: nothing changes */
} merges[] = {
    {"a key is added behind the others", "{'b': 1}", "{'a': 2}", "{\"b\": 1, \"a\": 2}"},
    {"a value is replaced where it stands", "{'b': 1, 'a': 2}", "{'b': 3}", "{\"b\": 3, \"a\": 2}"},
    {"null deletes", "{'b': 1, 'a': 2}", "{'b': null}", "{\"a\": 2}"},
    {"a null that is there is deleted, too", "{'b': null}", "{'b': null}", "{}"},
    {"null deletes nothing where nothing is", "{'a': 2}", "{'b': null}", NULL},
    {"a map is merged", "{'p': {'a': 1, 'b': 2}}", "{'p': {'b': 3, 'c': 4}}",
     "{\"p\": {\"a\": 1, \"b\": 3, \"c\": 4}}"},
    {"a map that gets empty stays", "{'p': {'a': 1}}", "{'p': {'a': null}}", "{\"p\": {}}"},
    {"a map takes the place of a value", "{'p': 5}", "{'p': {'a': 1}}", "{\"p\": {\"a\": 1}}"},
    {"an empty map takes the place of a value", "{'p': 5}", "{'p': {}}", "{\"p\": {}}"},
    {"a value takes the place of a map", "{'p': {'a': 1}}", "{'p': 5}", "{\"p\": 5}"},
    {"an empty map changes no map", "{'p': {'a': 1}}", "{'p': {}}", NULL},
    {"an empty map is added", "{}", "{'p': {}}", "{\"p\": {}}"},
    {"a new map has no nulls", "{}", "{'p': {'a': null, 'b': {'c': 1, 'd': null}}}",
     "{\"p\": {\"b\": {\"c\": 1}}}"},
    {"deletions make no map", "{}", "{'p': {'a': null, 'b': {'c': null}}}", NULL},
    {"a list is replaced as a whole", "{'l': [1, 2]}", "{'l': [2]}", "{\"l\": [2]}"},
    {"the same list is no change", "{'l': [1, {'a': 2}]}", "{'l': [1, {'a': 2}]}", NULL},
    {"a null in a list stays", "{}", "{'l': [null]}", "{\"l\": [null]}"},
    {"a number is the same as its text", "{'a': 100, 'b': '100'}", "{'a': '100', 'b': 100}", NULL},
    {"... with a fraction", "{'a': 0.9}", "{'a': '0.9'}", NULL},
    {"... and so is a truth", "{'a': true}", "{'a': 'true'}", NULL},
    {"another number is not", "{'a': 100}", "{'a': '100 '}", "{\"a\": \"100 \"}"},
    {"on is another word than true", "{'a': true}", "{'a': 'on'}", "{\"a\": \"on\"}"},
    {"decimal numbers stay as they are written", "{'a': 0.9, 'b': 1.25, 'c': 100}", "{'d': 0.1}",
     "{\"a\": 0.9, \"b\": 1.25, \"c\": 100, \"d\": 0.1}"},
    {"an empty change changes nothing", "{'a': 1}", "{}", NULL},
};

/* With single quotes in place of double ones. */
static json_t *parse(const char *text)
{
    CLEANUP(mem_freep) char *copy = mem_strdup(text);
    for (char *at = strchr(copy, '\''); at != NULL; at = strchr(at, '\'')) {
        *at = '"';
    }
    json_t *json = json_loads(copy, JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    return json;
}

static void test_merge(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(merges); i++) {
        json_auto_t *target = parse(merges[i].target);
        json_auto_t *before = parse(merges[i].target);
        json_auto_t *change = parse(merges[i].change);
        json_auto_t *same = parse(merges[i].change);
        print_message("# %s\n", merges[i].is);
        assert_int_equal(config_merge(target, change), merges[i].result != NULL);
        assert_true(json_equal(change, same));
        CLEANUP(mem_freep) char *text = config_document_text(target);
        CLEANUP(mem_freep) char *old = config_document_text(before);
        assert_string_equal(text, merges[i].result != NULL ? merges[i].result : old);
        assert_false(config_merge(target, change)); /* once is enough */
    }
}

/* --- What may be stored --- */

static const struct {
    const char *text;
    const char *before;
    const char *said; /* "": it may */
} checks[] = {
    {"{\"ttl\": 30, \"pause\": null, \"slots\": {\"a\": {\"type\": \"physical\"}}}", NULL, ""},
    {"{\"postgresql\": {\"parameters\": {\"any.thing\": \"x\"}, \"recovery_conf\": {\"a\": 1}}}",
     NULL, ""},
    {"{\"ttl\": \"soon\"}", NULL,
     "ttl: \"soon\" is no duration; write seconds, or a number with ms, s, min, h or d: 500ms\n"},
    {"{\"tttl\": 1}", NULL, "tttl: unknown key; did you mean ttl?\n"},
    {"{\"tttl\": 1}", "{\"tttl\": 2}", ""},
    {"{\"tttl\": 1}", "{\"postgresql\": {\"tttl\": 2}}", "tttl: unknown key; did you mean ttl?\n"},
    {"{\"postgresql\": {\"mine\": 1}}", "{\"mine\": 1}", "postgresql.mine: unknown key\n"},
    {"{\"postgresql\": {\"mine\": 1}}", "{\"postgresql\": {\"mine\": 2}}", ""},
    {"{\"postgresql\": {\"mine\": 1}}", "not: [yaml", "postgresql.mine: unknown key\n"},
    {"{\"postgresql\": {\"create_replica_methods\": [\"mine\"], \"mine\": {\"keep_data\": true}}}",
     NULL, "postgresql.mine.command: missing: what makes the data\n"},
    {"{\"postgresql\": {\"create_replica_methods\": [\"in a file\", \"mine\"], \"mine\": "
     "{\"command\": \"x\"}}}",
     NULL, ""},
    {"{\"standby_cluster\": {\"host\": \"h\", \"create_replica_methods\": [\"mine\"]}, "
     "\"postgresql\": {\"mine\": "
     "{\"command\": \"x\"}}}",
     NULL, ""},
    {"{\"ttl\": \"soon\"}", "{\"ttl\": \"soon\"}",
     "ttl: \"soon\" is no duration; write seconds, or a number with ms, s, min, h or d: 500ms\n"},
    {"{\"pause\": \"perhaps\", \"quux\": 1}", NULL,
     "pause: \"perhaps\" is neither true nor false\nquux: unknown key\n"},
    {"[1]", NULL, "has to be a map of settings\n"},
    {"{\"ttl\": 30", NULL,
     "not valid YAML: did not find expected ',' or '}' (while parsing a flow mapping at line 1)\n"},
};

static void test_what_may_be_stored(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        CLEANUP(problems_close) struct problems problems = {0};
        CLEANUP(buf_close) struct buf said = {0};
        int code = config_dynamic_check(checks[i].text, checks[i].before, &problems);
        problems_print_level(&problems, PROBLEM_ERROR, &said);
        assert_string_equal(buf_text(&said), checks[i].said);
        assert_int_equal(code, checks[i].said[0] == '\0' ? 0 : ERR_INVALID);
    }
}

/* What may be stored is in force: every node reads it with config_dynamic_load(). */
static void test_what_may_be_stored_is_taken_by_every_node(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        CLEANUP(problems_close) struct problems problems = {0};
        CLEANUP(problems_close) struct problems of_node = {0};
        CLEANUP(config_close) struct config out = {0};
        int code = config_dynamic_check(checks[i].text, checks[i].before, &problems);
        int there = config_dynamic_load("the key config", checks[i].text, &out, &of_node);
        assert_true(code != 0 || there == 0);
    }
}

/* Names to compare with come with the text, too: each with each would not end. What is shown has
 * its guess all the same. */
static void test_thousands_of_unknown_keys(void **state)
{
    (void)state;
    static const char tail[] = "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy";
    CLEANUP(buf_close) struct buf text = {0};
    CLEANUP(buf_close) struct buf said = {0};
    CLEANUP(problems_close) struct problems problems = {0};
    buf_str(&text, "{\"postgresql\": {\"paramters\": {}, \"create_replica_methods\": [\"m\"");
    for (unsigned i = 0; i < 4950; i++) {
        buf_printf(&text, ", \"m%04u%s\"", i, tail);
    }
    buf_str(&text, "]");
    for (unsigned i = 0; i < 4950; i++) {
        buf_printf(&text, ", \"%04uk%s\": 1", i, tail);
    }
    buf_str(&text, "}}");
    assert_int_equal(config_dynamic_check(buf_text(&text), NULL, &problems), ERR_INVALID);
    assert_int_equal(problems_count(&problems, PROBLEM_ERROR), 4951);
    problems_print_level(&problems, PROBLEM_ERROR, &said);
    assert_non_null(strstr(buf_text(&said), "paramters: unknown key; did you mean parameters?\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_what_may_be_stored),
        cmocka_unit_test(test_what_may_be_stored_is_taken_by_every_node),
        cmocka_unit_test(test_thousands_of_unknown_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
