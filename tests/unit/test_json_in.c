/* tests/unit/test_json_in.c - JSON as it is taken in: what is meant is taken, all else refused, and
 * nothing that anybody may send does any harm. */
#include "tests/lib/death.h"

#include <string.h>

#include "base/buf.h"
#include "base/must.h"
#include "daemon/json_in.h"
#include "tests/lib/random.h"

struct taken {
    struct json_in_bytes key;
    const char *text;
    bool flag;
    uint64_t number;
    uint64_t id;
    json_t *object;
    json_t *array;
    bool has_number;
};

static int take(const char *text, size_t size, struct taken *out, struct arena *arena,
                struct err *err)
{
    *out = (struct taken){.flag = false};
    const struct json_in_field fields[] = {
        {"key", JSON_IN_BYTES, &out->key, NULL},
        {"text", JSON_IN_TEXT, &out->text, NULL},
        {"flag", JSON_IN_BOOL, &out->flag, NULL},
        {"number", JSON_IN_NUMBER, &out->number, &out->has_number},
        {"id", JSON_IN_ID, &out->id, NULL},
        {"object", JSON_IN_OBJECT, &out->object, NULL},
        {"array", JSON_IN_ARRAY, &out->array, NULL},
    };
    *err = (struct err){0};
    arena_reset(arena, 65536);
    json_t *root = json_in_parse(text, size, err);
    int code =
        root == NULL ? err->code : json_in_take(root, fields, ARRAY_LEN(fields), "", arena, err);
    json_decref(root);
    return code;
}

static int take_text(const char *text, struct taken *out, struct err *err)
{
    struct arena arena = {0};
    int code = take(text, strlen(text), out, &arena, err);
    arena_close(&arena);
    return code;
}

static void what_is_meant_is_taken(void **state)
{
    (void)state;
    struct taken t;
    struct err err;
    assert_int_equal(take_text("{}", &t, &err), 0);
    assert_false(t.key.given);
    assert_int_equal(take_text("{\"flag\":true,\"number\":9223372036854775807,"
                               "\"id\":\"00000000000000ff\",\"object\":{},\"array\":[]}",
                               &t, &err),
                     0);
    assert_true(t.flag);
    assert_true(t.has_number);
    assert_int_equal(t.number, INT64_MAX);
    assert_int_equal(t.id, 255);
    assert_int_equal(take_text("{\"key_base64\":\"AP8=\"}", &t, &err), 0);
    assert_int_equal(t.key.size, 2);
}

static void all_else_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "[]",
        "{\"kex\":1}",
        "{\"key\":1}",
        "{\"key\":\"a\",\"key\":\"a\"}",
        "{\"key\":\"a\",\"key_base64\":\"YQ==\"}",
        "{\"text_base64\":\"YQ==\"}",
        "{\"key_base64\":\"YQ\"}",
        "{\"flag\":1}",
        "{\"flag\":null}",
        "{\"number\":-1}",
        "{\"number\":1.0}",
        "{\"number\":9223372036854775808}",
        "{\"id\":\"FF00000000000000\"}",
        "{\"id\":\"ff\"}",
        "{\"object\":[]}",
        "{\"array\":{}}",
        "{\"key\":\"\\u0000\"}",
    };
    struct taken t;
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(take_text(wrong[i], &t, &err), ERR_INVALID);
        assert_true(err.msg[0] != '\0');
    }
    assert_int_equal(take_text("{\"kye\":\"a\"}", &t, &err), ERR_INVALID);
    assert_non_null(strstr(err.msg, "did you mean key?"));
}

static void what_would_be_large_is_never_built(void **state)
{
    (void)state;
    struct taken t;
    struct err err;
    struct buf text = {0};
    struct arena arena = {0};
    buf_str(&text, "{\"array\":[");
    for (size_t i = 0; i < JSON_IN_VALUES_MAX; i++) {
        buf_str(&text, "[],");
    }
    buf_str(&text, "[]]}");
    assert_int_equal(take(buf_text(&text), text.size, &t, &arena, &err), ERR_TOO_LARGE);
    buf_clear(&text);
    for (size_t i = 0; i < 100000; i++) {
        buf_char(&text, '[');
    }
    assert_int_equal(take(buf_text(&text), text.size, &t, &arena, &err), ERR_TOO_LARGE);
    buf_close(&text);
    arena_close(&arena);
}

static void random_bytes_do_no_harm(void **state)
{
    (void)state;
    static const char *const pieces[] = {"{",         "}",       "[",
                                         "]",         ":",       ",",
                                         "\"",        "\"key\"", "\"key_base64\"",
                                         "\"id\"",    "true",    "null",
                                         "-1",        "1e9",     "\\u00",
                                         "\\",        "\xff",    "\xc3\xa9",
                                         " ",         "\n",      "1.5",
                                         "\"YQ==\"",  "\"a\"",   "99999999999999999999",
                                         "\"number\""};
    struct test_random r = {20261121};
    struct arena arena = {0};
    struct buf text = {0};
    size_t good = 0;
    for (int round = 0; round < 60000; round++) {
        struct taken t;
        struct err err;
        buf_clear(&text);
        buf_char(&text, '{');
        for (uint64_t n = random_below(&r, 14); n > 0; n--) {
            if (random_percent(&r, 90)) {
                buf_str(&text, pieces[random_below(&r, ARRAY_LEN(pieces))]);
            } else {
                buf_char(&text, (char)random_u64(&r));
            }
        }
        buf_char(&text, '}');
        int code = take(text.bytes, text.size, &t, &arena, &err);
        assert_true(code == 0 || code == ERR_INVALID || code == ERR_TOO_LARGE);
        good += code == 0 ? 1 : 0;
    }
    assert_true(good > 0);
    buf_close(&text);
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_meant_is_taken),
        cmocka_unit_test(all_else_is_refused),
        cmocka_unit_test(what_would_be_large_is_never_built),
        cmocka_unit_test(random_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
