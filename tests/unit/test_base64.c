/* tests/unit/test_base64.c - there and back, and nothing else taken. */
#include "tests/lib/death.h"

#include "base/base64.h"
#include "base/cleanup.h"

static void the_examples_of_the_rfc(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        const char *text;
    } rows[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"},
                {"\xff\xef\xbe", "/+++"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_close) struct buf text = {0};
        CLEANUP(buf_close) struct buf bytes = {0};
        base64_encode(&text, rows[i].bytes, strlen(rows[i].bytes));
        assert_string_equal(buf_text(&text), rows[i].text);
        assert_true(base64_decode(&bytes, rows[i].text, strlen(rows[i].text)));
        assert_string_equal(buf_text(&bytes), rows[i].bytes);
    }
}

static void any_bytes_come_back(void **state)
{
    (void)state;
    for (unsigned size = 0; size < 300; size++) {
        unsigned char bytes[300];
        for (unsigned i = 0; i < size; i++) {
            bytes[i] = (unsigned char)(i * 167 + size * 31);
        }
        CLEANUP(buf_close) struct buf text = {0};
        CLEANUP(buf_close) struct buf back = {0};
        base64_encode(&text, bytes, size);
        assert_int_equal(text.size, (size + 2) / 3 * 4);
        assert_true(base64_decode(&back, text.bytes, text.size));
        assert_int_equal(back.size, size);
        assert_memory_equal(size > 0 ? back.bytes : "", bytes, size);
    }
}

/* Every text of four characters of a small alphabet: taken only if it is what its bytes give. */
static void only_one_text_stands_for_bytes(void **state)
{
    (void)state;
    static const char letters[] = "AZaz09+/=. \n-_Qg";
    unsigned taken = 0;
    for (unsigned row = 0; row < 1U << 16; row++) {
        char text[4];
        for (unsigned i = 0; i < 4; i++) {
            text[i] = letters[row >> (4 * i) & 15];
        }
        CLEANUP(buf_close) struct buf bytes = {0};
        CLEANUP(buf_close) struct buf again = {0};
        buf_str(&bytes, "x");
        bool good = base64_decode(&bytes, text, sizeof(text));
        assert_true(good || strcmp(buf_text(&bytes), "x") == 0);
        if (good) {
            base64_encode(&again, bytes.bytes + 1, bytes.size - 1);
            assert_int_equal(again.size, 4);
            assert_memory_equal(again.bytes, text, 4);
            taken++;
        }
    }
    assert_true(taken > 10000);
    for (size_t cut = 1; cut < 4; cut++) {
        CLEANUP(buf_close) struct buf bytes = {0};
        assert_false(base64_decode(&bytes, "Zm9v", cut));
        assert_false(base64_decode(&bytes, "Zm9vZm9v", 4 + cut));
        assert_int_equal(bytes.size, 0);
    }
    CLEANUP(buf_close) struct buf bytes = {0};
    assert_false(base64_decode(&bytes, "Zg==Zm9v", 8)); /* padding in the middle */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc),
        cmocka_unit_test(any_bytes_come_back),
        cmocka_unit_test(only_one_text_stands_for_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
