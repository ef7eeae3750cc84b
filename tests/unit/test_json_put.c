/* tests/unit/test_json_put.c - what is written is JSON, and says what was meant. */
#include "tests/lib/death.h"

#include <jansson.h>
#include <string.h>

#include "daemon/json_put.h"
#include "tests/lib/random.h"

static void commas_stand_where_they_belong(void **state)
{
    (void)state;
    struct buf out = {0};
    json_put_open(&out, NULL, '{');
    json_put_text(&out, "a", "x[{");
    json_put_open(&out, "b", '[');
    json_put_number(&out, NULL, 1);
    json_put_signed(&out, NULL, -2);
    json_put_open(&out, NULL, '{');
    json_put_close(&out, '}');
    json_put_close(&out, ']');
    json_put_id(&out, "c", 255);
    json_put_id(&out, "d", 0);
    json_put_text(&out, "e", NULL);
    json_put_fraction(&out, "f", 1050);
    json_put_bool(&out, "g", true);
    json_put_close(&out, '}');
    assert_string_equal(buf_text(&out),
                        "{\"a\":\"x[{\",\"b\":[1,-2,{}],\"c\":\"00000000000000ff\","
                        "\"d\":null,\"e\":null,\"f\":1.050,\"g\":true}");
    buf_close(&out);
}

static void any_bytes_become_json(void **state)
{
    (void)state;
    struct test_random r = {7};
    struct buf out = {0};
    for (int round = 0; round < 20000; round++) {
        char bytes[40];
        size_t size = random_below(&r, sizeof(bytes));
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (char)(random_percent(&r, 50) ? random_below(&r, 128) : random_u64(&r));
        }
        buf_clear(&out);
        json_put_open(&out, NULL, '{');
        json_put_bytes(&out, "k", bytes, size);
        json_put_close(&out, '}');
        json_t *root = json_loadb(out.bytes, out.size, 0, NULL);
        assert_non_null(root);
        json_t *text = json_object_get(root, "k");
        if (text != NULL) {
            assert_int_equal(json_string_length(text), size);
            assert_memory_equal(json_string_value(text), bytes, size);
        } else {
            assert_non_null(json_object_get(root, "k_base64"));
        }
        json_decref(root);
    }
    buf_close(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_stand_where_they_belong),
        cmocka_unit_test(any_bytes_become_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
