/* tests/unit/test_http_config_rules.c - what comes of a PATCH or a PUT of /config, one row per
 * situation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/must.h"
#include "daemon/http_config_rules.h"
#include "supervisor/level.h"

#define STORED "{\"ttl\": 30}"
#define REVISION 12
#define PARAMETERS(value) "{\"postgresql\": {\"parameters\": {\"max_connections\": " value "}}}"

static const struct {
    const char *is;
    bool replaces;
    const char *body;
    const char *stored; /* NULL: nothing, at revision 0 */
    const char *if_match;
    unsigned status;
    int code;
    const char *text; /* what is to be stored, or the beginning of why not */
    bool is_same;
    bool needs_unchanged;
} rows[] = {
    {"a change is merged, and holds for what was read", false, "{\"ttl\": 20}", STORED, NULL, 200,
     0, "{\"ttl\": 20}", false, true},
    {"a replacement holds for whatever is there", true, "{\"pause\": true}", STORED, NULL, 200, 0,
     "{\"pause\": true}", false, false},
    {"... unless it is told for what", true, "{\"pause\": true}", STORED, "\"12\"", 200, 0,
     "{\"pause\": true}", false, true},
    {"a replacement makes what is not there", true, STORED, NULL, NULL, 200, 0, STORED, false,
     false},
    {"... and takes the place of what is no JSON", true, STORED, "ttl: 30", NULL, 200, 0, STORED,
     false, false},
    {"nothing to change is nothing to write", false, "{\"ttl\": \"30\"}", STORED, NULL, 200, 0,
     STORED, true, true},
    {"... in a replacement, too", true, "{\"ttl\": 30}", "{\"ttl\":30}", NULL, 200, 0,
     "{\"ttl\":30}", true, false},
    {"an empty object says nothing", false, "{}", STORED, NULL, 400, ERR_INVALID,
     "an object with at least one key is needed", false, true},
    {"... also as a replacement", true, "{}", STORED, NULL, 400, ERR_INVALID,
     "an object with at least one key is needed", false, false},
    {"a change of nothing", false, "{\"ttl\": 20}", NULL, NULL, 503, ERR_REFUSED,
     "no configuration is stored: the key config is not there", false, true},
    {"a change of what is no JSON", false, "{\"ttl\": 20}", "ttl: 30", NULL, 503, ERR_REFUSED,
     "the key config is no object of JSON, replace it with PUT /config: ", false, true},
    {"it is meant for another revision", false, "{\"ttl\": 20}", STORED, "\"11\"", 409,
     ERR_CONFLICT, "the configuration is at revision 12, not at that of If-Match", false, true},
    {"... although it would change nothing", true, STORED, STORED, "\"11\"", 409, ERR_CONFLICT,
     "the configuration is at revision 12, not at that of If-Match", false, true},
    {"it is meant for any, and there is none", true, STORED, NULL, "*", 409, ERR_CONFLICT,
     "the configuration is at revision 0, not at that of If-Match", false, true},
    {"a wrong value", false, "{\"ttl\": \"soon\"}", STORED, NULL, 400, ERR_INVALID,
     "ttl: \"soon\" is no duration; ", false, true},
    {"two of them, in one line", true, "{\"pause\": 7, \"quux\": 1}", STORED, NULL, 400,
     ERR_INVALID, "pause: \"7\" is neither true nor false; quux: unknown key", false, false},
    {"a parameter of all nodes that can not be that", false, PARAMETERS("\"many\""), STORED, NULL,
     400, ERR_INVALID,
     "postgresql.parameters.max_connections: can not be \"many\", but 25 to 262143", false, true},
    {"... is too little", true, PARAMETERS("24"), STORED, NULL, 400, ERR_INVALID,
     "postgresql.parameters.max_connections: can not be \"24\", but 25 to 262143", false, false},
    {"... in capitals, which is the same one", true,
     "{\"postgresql\": {\"parameters\": {\"Max_Connections\": 5}}}", STORED, NULL, 400, ERR_INVALID,
     "postgresql.parameters.Max_Connections: can not be \"5\", but 25 to 262143", false, false},
    {"... is the least", true, PARAMETERS("25"), STORED, NULL, 200, 0, PARAMETERS("25"), false,
     false},
    {"... and a text that is a number", true, PARAMETERS("\"101\""), STORED, NULL, 200, 0,
     PARAMETERS("\"101\""), false, false},
    {"... stood there before", false, "{\"ttl\": 20}", PARAMETERS("5"), NULL, 200, 0,
     "{\"postgresql\": {\"parameters\": {\"max_connections\": 5}}, \"ttl\": 20}", false, true},
    {"... is a map", true, PARAMETERS("{}"), STORED, NULL, 400, ERR_INVALID,
     "postgresql.parameters.max_connections: ", false, false},
    {"... and what the files of Patroni's users say by habit", true,
     "{\"postgresql\": {\"parameters\": {\"hot_standby\": \"on\", \"port\": 5433}}}", STORED, NULL,
     200, 0, "{\"postgresql\": {\"parameters\": {\"hot_standby\": \"on\", \"port\": 5433}}}", false,
     false},
};

#define FOLLOWS "{\"standby_cluster\": {\"host\": \"10.0.0.9\"}}"
#define RESTORES "{\"standby_cluster\": {\"restore_command\": \"cp /a/%f %p\"}}"
#define NOT_YET "standby_cluster: the feature level in force is 1, and not every member knows"

/* Nobody would be granted the lead, and it would come about when nobody thinks of it. */
static void test_a_cluster_is_to_follow_another_one_only_if_every_member_knows_how(void **state)
{
    static const struct {
        const char *body, *stored;
        uint64_t level;
        unsigned status;
    } steps[] = {
        {FOLLOWS, STORED, LEVEL_STANDBY, 200},
        {FOLLOWS, STORED, LEVEL_STANDBY - 1, 409},
        {FOLLOWS, STORED, 0, 409},
        {RESTORES, STORED, LEVEL_STANDBY - 1, 409},
        {"{\"standby_cluster\": {\"host\": \"10.0.0.8\"}}", FOLLOWS, LEVEL_STANDBY - 1, 200},
        {"{\"standby_cluster\": null, \"ttl\": 20}", FOLLOWS, LEVEL_STANDBY - 1, 200},
        {"{\"standby_cluster\": {}, \"ttl\": 20}", STORED, LEVEL_STANDBY - 1, 200},
        {"{\"ttl\": 20}", FOLLOWS, LEVEL_STANDBY - 1, 200},
    };
    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(steps); i++) {
        bool replaces = i % 2 == 1;
        json_auto_t *body = json_loads(steps[i / 2].body, 0, NULL);
        const struct config_wish wish = {
            .body = body, .replaces = replaces, .level = steps[i / 2].level};
        const struct config_stored stored = {.text = steps[i / 2].stored, .revision = REVISION};
        CLEANUP(config_verdict_close) struct config_verdict v = {0};
        config_judge(&wish, &stored, &v);
        assert_int_equal(v.status, steps[i / 2].status);
        if (v.status == 409 && steps[i / 2].level == 1) {
            assert_int_equal(v.code, ERR_REFUSED);
            assert_int_equal(strncmp(buf_text(&v.text), NOT_YET, strlen(NOT_YET)), 0);
        }
    }
}

static void test_every_situation(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *body = json_loads(rows[i].body, 0, NULL);
        const struct config_wish wish = {
            .body = body, .replaces = rows[i].replaces, .if_match = rows[i].if_match};
        const struct config_stored stored = {.text = rows[i].stored,
                                             .revision = rows[i].stored != NULL ? REVISION : 0};
        CLEANUP(config_verdict_close) struct config_verdict v = {0};
        print_message("# %s\n", rows[i].is);
        config_judge(&wish, &stored, &v);
        assert_int_equal(v.status, rows[i].status);
        assert_int_equal(v.code, rows[i].code);
        assert_int_equal(v.is_same, rows[i].is_same);
        assert_int_equal(v.needs_unchanged, rows[i].needs_unchanged);
        bool is_whole = v.status == 200;
        size_t size = is_whole ? strlen(buf_text(&v.text)) + 1 : strlen(rows[i].text);
        assert_int_equal(strncmp(buf_text(&v.text), rows[i].text, size), 0);
        json_auto_t *same = json_loads(rows[i].body, 0, NULL);
        assert_true(json_equal(body, same));
    }
}

/* {"slots": {"s0": 1, ...}}: @count of them, from @first on; the caller's. */
static char *slots(unsigned first, unsigned count)
{
    struct buf text = {0};
    buf_str(&text, "{\"slots\": {");
    for (unsigned i = 0; i < count; i++) {
        buf_printf(&text, "%s\"s%u\": 1", i > 0 ? ", " : "", first + i);
    }
    buf_str(&text, "}}");
    return text.bytes;
}

/* What is stored can be read and replaced again, however it grew. */
static void test_it_does_not_grow_without_bound(void **state)
{
    static const struct {
        unsigned stored, more;
        unsigned status;
        bool deletes; /* one, instead of adding some */
    } steps[] = {
        {8000, 150, 200, false}, {8000, 600, 413, false},
        {9000, 10, 200, false}, /* of bootstrap.dcs, or by hand */
        {9000, 0, 200, true},    {9000, 1100, 400, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        CLEANUP(mem_freep) char *stored_text = slots(0, steps[i].stored);
        CLEANUP(mem_freep) char *more = slots(steps[i].stored, steps[i].more);
        json_auto_t *body =
            json_loads(steps[i].deletes ? "{\"slots\": {\"s7\": null}}" : more, 0, NULL);
        const struct config_stored stored = {.text = stored_text, .revision = REVISION};
        const struct config_wish wish = {.body = body};
        CLEANUP(config_verdict_close) struct config_verdict v = {0};
        config_judge(&wish, &stored, &v);
        assert_int_equal(v.status, steps[i].status);
        if (v.status == 413) {
            assert_int_equal(v.code, ERR_TOO_LARGE);
            assert_non_null(strstr(buf_text(&v.text), "would have more than 16384"));
        }
    }
}

/* Deeper than a request may be: of bootstrap.dcs, which every node takes. */
static void test_what_is_stored_may_be_deep(void **state)
{
    (void)state;
    const struct config_stored stored = {
        .text = "{\"slots\": {\"s\": [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}}", .revision = REVISION};
    CLEANUP(buf_close) struct buf why = {0};
    json_auto_t *read = config_stored_read(&stored, &why);
    assert_non_null(read);
}

static void test_tags(void **state)
{
    static const struct {
        const char *if_match;
        uint64_t revision;
        bool matches;
    } tags[] = {
        {"\"12\"", 12, true},
        {"*", 12, true},
        {"\"1\", \"12\"", 12, true},
        {"\"1\",\t\"12\" ", 12, true},
        {"", 12, false},
        {",", 12, false},
        {"12", 12, false},
        {"W/\"12\"", 12, false},
        {"\"121\"", 12, false},
        {"\"1\"", 12, false},
        {"\"12", 12, false},
        {"**", 12, false},
        {"*", 0, false},
        {"\"0\"", 0, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        assert_int_equal(config_tag_matches(tags[i].if_match, tags[i].revision), tags[i].matches);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_situation),
        cmocka_unit_test(test_a_cluster_is_to_follow_another_one_only_if_every_member_knows_how),
        cmocka_unit_test(test_it_does_not_grow_without_bound),
        cmocka_unit_test(test_what_is_stored_may_be_deep),
        cmocka_unit_test(test_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
