/* tests/unit/test_buf.c - a buffer holds exactly what was appended, and a NUL behind it.
 *
 * Single operations first, at the sizes around each doubling; then long random sequences against a
 * plain array, from a fixed seed. */
#include "tests/lib/death.h"

#include <wchar.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"

/* What holds after every operation. */
static void expect(const struct buf *b, const char *bytes, size_t size)
{
    assert_int_equal(b->size, size);
    if (b->bytes == NULL) {
        assert_int_equal(b->room, 0);
    } else {
        assert_true(b->room > size);
        assert_int_equal(b->bytes[size], '\0');
        (void)*(const volatile char *)(b->bytes + b->room - 1); /* the room is there: ASan looks */
        assert_ptr_equal(buf_text(b), b->bytes);
    }
    assert_memory_equal(buf_text(b), bytes, size);
}

static void a_zeroed_buffer_is_empty_and_needs_no_memory(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_string_equal(buf_text(&b), "");
    buf_clear(&b);
    assert_string_equal(buf_text(&b), "");
    assert_null(b.bytes);
    buf_close(&b);
    buf_close(&b);
}

static void appending_nothing_changes_nothing(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf b = {0};
    buf_append(&b, NULL, 0);
    expect(&b, "", 0);
    buf_str(&b, "");
    buf_printf(&b, "%s", "");
    expect(&b, "", 0);
    buf_str(&b, "ab");
    buf_append(&b, NULL, 0);
    buf_printf(&b, "%s", "");
    expect(&b, "ab", 2);
}

static void every_kind_of_append_adds_at_the_end(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf b = {0};
    buf_str(&b, "a");
    buf_char(&b, 'b');
    buf_printf(&b, "%d%%", 12);
    buf_append(&b, "cdX", 2);
    memcpy(buf_extend(&b, 3), "xyz", 3);
    expect(&b, "ab12%cdxyz", 10);
    assert_string_equal(buf_text(&b), "ab12%cdxyz");
}

static void bytes_may_be_nul(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf b = {0};
    buf_append(&b, "a\0b", 3);
    buf_char(&b, '\0');
    buf_printf(&b, "%c|", 0);
    buf_str(&b, "c");
    expect(&b, "a\0b\0\0|c", 7);
}

static void fill(char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)('!' + i % 90);
    }
    bytes[size] = '\0';
}

/* Append @more bytes to @before ones in one of the ways. */
static void append(struct buf *b, int way, const char *bytes, size_t size)
{
    if (way == 0) {
        buf_append(b, bytes, size);
    } else if (way == 1) {
        buf_printf(b, "%.*s", (int)size, bytes);
    } else {
        memcpy(buf_extend(b, size), bytes, size);
    }
}

static void it_grows_at_every_size_in_every_way(void **state)
{
    (void)state;
    char bytes[600];
    fill(bytes, sizeof(bytes) - 1);
    for (int way = 0; way < 3; way++) {
        for (size_t before = 0; before < 140; before++) {
            for (size_t more = 0; more < 140; more++) {
                CLEANUP(buf_close) struct buf b = {0};
                append(&b, way, bytes, before);
                append(&b, way, bytes + before, more);
                expect(&b, bytes, before + more);
            }
        }
    }
}

static void one_append_can_be_far_larger_than_the_room(void **state)
{
    (void)state;
    size_t size = 3000001;
    CLEANUP(mem_freep) char *bytes = mem_alloc(size + 1);
    fill(bytes, size);
    CLEANUP(buf_close) struct buf b = {0};
    buf_char(&b, '!');
    buf_str(&b, bytes + 1);
    expect(&b, bytes, size);
    CLEANUP(buf_close) struct buf printed = {0};
    buf_printf(&printed, "%s", bytes);
    expect(&printed, bytes, size);
}

static void a_megabyte_by_single_bytes_moves_the_bytes_a_few_times_only(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf b = {0};
    size_t room = 0;
    int moves = 0;
    for (size_t i = 0; i < 1 << 20; i++) {
        buf_char(&b, 'x');
        moves += b.room != room ? 1 : 0;
        room = b.room;
    }
    assert_int_equal(b.size, 1 << 20);
    assert_in_range(moves, 1, 20);
}

static void more_than_a_machine_has_is_a_bug(void **state)
{
    (void)state;
    static volatile size_t huge = SIZE_MAX;
    struct buf b = {0};
    ASSERT_DIES("more < ", (void)buf_extend(&b, huge));
    ASSERT_DIES("more < ", buf_str(&b, "x"); (void)buf_extend(&b, huge - 1));
    ASSERT_DIES("more < ", buf_append(&b, "x", huge / 4));
    struct buf full = {.bytes = NULL, .size = SIZE_MAX / 4, .room = SIZE_MAX / 4 + 1};
    ASSERT_DIES("b->size < ", buf_char(&full, 'x'));
}

static void what_cannot_be_printed_is_a_bug(void **state)
{
    (void)state;
    struct buf b = {0};
    ASSERT_DIES("length >= 0", buf_printf(&b, "%lc", (wint_t)0x7fffffff)); /* EILSEQ */
}

static void taking_hands_the_text_over_and_leaves_an_empty_buffer(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_str(&b, "mine");
    CLEANUP(mem_freep) char *taken = buf_take(&b);
    assert_string_equal(taken, "mine");
    assert_null(b.bytes);
    expect(&b, "", 0);
    buf_str(&b, "next"); /* and it can be used again */
    assert_string_equal(taken, "mine");
    CLEANUP(mem_freep) char *second = buf_take(&b);
    assert_string_equal(second, "next");
}

static void taking_from_an_empty_buffer_gives_an_empty_text(void **state)
{
    (void)state;
    struct buf b = {0};
    CLEANUP(mem_freep) char *never = buf_take(&b);
    assert_non_null(never);
    assert_string_equal(never, "");
    buf_str(&b, "gone");
    buf_clear(&b);
    CLEANUP(mem_freep) char *cleared = buf_take(&b);
    assert_string_equal(cleared, "");
}

static void clearing_forgets_the_bytes_and_keeps_the_room(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf b = {0};
    buf_printf(&b, "%0200d", 7);
    const char *place = b.bytes;
    size_t room = b.room;
    buf_clear(&b);
    expect(&b, "", 0);
    assert_string_equal(buf_text(&b), "");
    buf_printf(&b, "%0200d", 8);
    assert_ptr_equal(b.bytes, place);
    assert_int_equal(b.room, room);
    assert_int_equal(b.bytes[199], '8');
}

static void closing_leaves_an_empty_buffer_that_can_be_used_again(void **state)
{
    (void)state;
    void (*const closes[])(struct buf * b) = {buf_close, buf_wipe};
    for (size_t i = 0; i < sizeof(closes) / sizeof(closes[0]); i++) {
        struct buf b = {0};
        closes[i](&b);
        buf_str(&b, "x");
        closes[i](&b);
        assert_null(b.bytes);
        assert_int_equal(b.size, 0);
        assert_int_equal(b.room, 0);
        buf_str(&b, "y");
        expect(&b, "y", 1);
        closes[i](&b);
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void any_sequence_of_appends_equals_a_plain_array(void **state)
{
    (void)state;
    enum { SIZE_MODEL = 20000 };
    static char model[SIZE_MODEL];
    uint32_t seed = 20261120;
    for (int run = 0; run < 100; run++) {
        CLEANUP(buf_close) struct buf b = {0};
        size_t size = 0;
        for (int step = 0; step < 200; step++) {
            char bytes[100];
            size_t more = next_random(&seed) % (run % 2 == 0 ? 4 : sizeof(bytes));
            for (size_t i = 0; i < more; i++) {
                bytes[i] = (char)(1 + next_random(&seed) % 255);
            }
            append(&b, (int)(next_random(&seed) % 3), bytes, more);
            memcpy(model + size, bytes, more);
            size += more;
            if (next_random(&seed) % 64 == 0) {
                buf_clear(&b);
                size = 0;
            }
            expect(&b, model, size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zeroed_buffer_is_empty_and_needs_no_memory),
        cmocka_unit_test(appending_nothing_changes_nothing),
        cmocka_unit_test(every_kind_of_append_adds_at_the_end),
        cmocka_unit_test(bytes_may_be_nul),
        cmocka_unit_test(it_grows_at_every_size_in_every_way),
        cmocka_unit_test(one_append_can_be_far_larger_than_the_room),
        cmocka_unit_test(a_megabyte_by_single_bytes_moves_the_bytes_a_few_times_only),
        cmocka_unit_test(more_than_a_machine_has_is_a_bug),
        cmocka_unit_test(what_cannot_be_printed_is_a_bug),
        cmocka_unit_test(taking_hands_the_text_over_and_leaves_an_empty_buffer),
        cmocka_unit_test(taking_from_an_empty_buffer_gives_an_empty_text),
        cmocka_unit_test(clearing_forgets_the_bytes_and_keeps_the_room),
        cmocka_unit_test(closing_leaves_an_empty_buffer_that_can_be_used_again),
        cmocka_unit_test(any_sequence_of_appends_equals_a_plain_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
