/* tests/unit/test_utf8.c - every character there is, and everything that only looks like one. */
#include "tests/lib/death.h"

#include "base/utf8.h"

static size_t encode(uint32_t code, unsigned char out[4])
{
    if (code < 0x80) {
        out[0] = (unsigned char)code;
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (unsigned char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (unsigned char)(marks[length] | code);
    return length;
}

static void every_code_point_is_read_as_it_was_written(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x110000; code++) {
        unsigned char bytes[4];
        size_t size = encode(code, bytes);
        struct utf8_char c = utf8_first(bytes, size);
        bool surrogate = code >= 0xd800 && code <= 0xdfff;
        assert_int_equal(c.code, surrogate ? NOT_UTF8 : code);
        assert_int_equal(c.size, surrogate ? 1 : size);
        assert_int_equal(utf8_is_text(bytes, size), !surrogate);
        for (size_t cut = 1; cut < size; cut++) {
            assert_int_equal(utf8_first(bytes, cut).code, NOT_UTF8);
            assert_false(utf8_is_text(bytes, cut));
        }
    }
}

static void what_only_looks_like_a_character_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t taken;
    } rows[] = {{"\x80", 1},
                {"\xbf", 1},
                {"\xc0\x80", 1},
                {"\xc1\xbf", 1},
                {"\xe0\x9f\xbf", 1},
                {"\xed\xa0\x80", 1},
                {"\xf0\x8f\xbf\xbf", 1},
                {"\xf4\x90\x80\x80", 1},
                {"\xf5", 1},
                {"\xff", 1},
                {"\xc3(", 1},
                {"\xe2\x82(", 2},
                {"\xf0\x9f\x98(", 3}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct utf8_char c = utf8_first(rows[i].bytes, strlen(rows[i].bytes));
        assert_int_equal(c.code, NOT_UTF8);
        assert_int_equal(c.size, rows[i].taken);
    }
}

static void text_is_text_to_its_last_byte(void **state)
{
    (void)state;
    assert_true(utf8_is_text("", 0));
    assert_true(utf8_is_text("a\0b", 3));
    assert_true(utf8_is_text("gr\xc3\xbc\xc3\x9f", 6));
    assert_false(utf8_is_text("gr\xc3\xbc\xc3", 5));
    assert_false(utf8_is_text("\xff", 1));
}

static void what_can_not_be_seen(void **state)
{
    (void)state;
    static const uint32_t hidden[] = {0,      0x1b,   0x7f,   0x9b,   0x200b,
                                      0x200f, 0x202e, 0x2066, 0xfeff, 0xe0001};
    static const uint32_t shown[] = {' ', '~', 0xa0, 0xe9, 0x2010, 0x4e2d, 0x1f600};
    for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
        assert_true(utf8_is_invisible(hidden[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        assert_false(utf8_is_invisible(shown[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_is_read_as_it_was_written),
        cmocka_unit_test(what_only_looks_like_a_character_is_none),
        cmocka_unit_test(text_is_text_to_its_last_byte),
        cmocka_unit_test(what_can_not_be_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
