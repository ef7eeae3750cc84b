/* tests/unit/test_frame.c - frames come out of a stream as they went in, however the stream is cut;
 * and a reader believes no length that it was not told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/must.h"
#include "proto/frame.h"
#include "tests/lib/random.h"

#define BODY_MAX 1000

static struct test_random chance;

static void fill(char *body, size_t size, uint64_t seed)
{
    struct test_random r = {seed};
    for (size_t i = 0; i < size; i++) {
        body[i] = (char)random_u64(&r);
    }
}

static void frames_come_out_as_they_went_in(void **state)
{
    (void)state;
    static char body[BODY_MAX];
    for (uint64_t round = 0; round < 200; round++) {
        struct frame_reader reader = {.body_max = BODY_MAX};
        struct buf stream = {0};
        size_t sizes[20];
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            sizes[i] = random_below(&chance, random_chance(&chance, 0.5) ? 20 : BODY_MAX + 1);
            fill(body, sizes[i], round * 100 + i);
            frame_write(&stream, body, sizes[i]);
        }
        size_t got = 0;
        for (size_t at = 0; at < stream.size;) {
            size_t piece = 1 + random_below(&chance, random_chance(&chance, 0.5) ? 4 : 3000);
            piece = piece < stream.size - at ? piece : stream.size - at;
            assert_int_equal(frame_feed(&reader, stream.bytes + at, piece, NULL), 0);
            at += piece;
            const void *out = NULL;
            size_t size = 0;
            while (frame_next(&reader, &out, &size, NULL) == 1) {
                assert_int_equal(size, sizes[got]);
                fill(body, size, round * 100 + got);
                assert_true(size == 0 || memcmp(out, body, size) == 0);
                got++;
            }
        }
        assert_int_equal(got, ARRAY_LEN(sizes));
        frame_reader_close(&reader);
        buf_close(&stream);
    }
}

static void a_changed_bit_is_noticed_and_ends_the_stream(void **state)
{
    (void)state;
    struct buf frame = {0};
    frame_write(&frame, "hello", 5);
    frame_write(&frame, "world", 5);
    static const size_t first_frame_bits = 104;
    for (size_t bit = 0; bit < first_frame_bits; bit++) {
        struct frame_reader reader = {.body_max = BODY_MAX};
        const void *body = NULL;
        size_t size = 0;
        frame.bytes[bit / 8] = (char)(frame.bytes[bit / 8] ^ 1 << bit % 8);
        assert_int_equal(frame_feed(&reader, frame.bytes, frame.size, NULL), 0);
        int rv = frame_next(&reader, &body, &size, NULL);
        assert_true(rv == ERR_PROTOCOL || rv == ERR_TOO_LARGE || rv == 0);
        assert_true(rv != 0 || bit < 32); /* a greater length: not all there yet */
        if (rv != 0) {
            assert_int_equal(frame_next(&reader, &body, &size, NULL), rv);
        }
        frame.bytes[bit / 8] = (char)(frame.bytes[bit / 8] ^ 1 << bit % 8);
        frame_reader_close(&reader);
    }
    buf_close(&frame);
}

static void no_more_is_kept_than_was_allowed(void **state)
{
    (void)state;
    struct frame_reader reader = {.body_max = 16};
    struct buf frame = {0};
    const void *body = NULL;
    size_t size = 0;
    frame_write(&frame, "12345678901234567", 17);
    assert_int_equal(frame_feed(&reader, frame.bytes, FRAME_HEADER_SIZE, NULL), 0);
    assert_int_equal(frame_next(&reader, &body, &size, NULL), ERR_TOO_LARGE); /* before it comes */
    frame_reader_close(&reader);
    char *flood = mem_zalloc(1 << 20);
    assert_int_equal(frame_feed(&reader, flood, 1 << 20, NULL), ERR_TOO_LARGE);
    assert_int_equal(reader.bytes.size, 0);
    mem_free(flood);
    buf_clear(&frame);
    frame_write(&frame, "1234567890123456", 16);
    assert_int_equal(frame_feed(&reader, frame.bytes, frame.size, NULL), 0);
    assert_int_equal(frame_next(&reader, &body, &size, NULL), 1);
    assert_int_equal(size, 16);
    assert_int_equal(frame_next(&reader, &body, &size, NULL), 0);
    frame_reader_close(&reader);
    buf_close(&frame);
}

/* So that another program could read it. */
static void the_form_is_fixed(void **state)
{
    (void)state;
    struct buf frame = {0};
    frame_write(&frame, "ab", 2);
    static const unsigned char kept[] = {2, 0, 0, 0, 0xad, 0x82, 0x65, 0x9f, 'a', 'b'};
    assert_int_equal(frame.size, sizeof(kept));
    assert_memory_equal(frame.bytes, kept, sizeof(kept));
    buf_close(&frame);
}

static void a_frame_written_in_place_is_the_same(void **state)
{
    (void)state;
    struct buf whole = {0};
    struct buf placed = {0};
    frame_write(&whole, "one", 3);
    frame_write(&whole, "", 0);
    size_t begun = frame_begin(&placed);
    buf_str(&placed, "o");
    buf_str(&placed, "ne");
    frame_end(&placed, begun);
    begun = frame_begin(&placed);
    buf_str(&placed, "taken back");
    placed.size = begun;
    frame_end(&placed, frame_begin(&placed));
    assert_int_equal(placed.size, whole.size);
    assert_memory_equal(placed.bytes, whole.bytes, whole.size);
    buf_close(&whole);
    buf_close(&placed);
}

int main(void)
{
    chance.state = 4711;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_out_as_they_went_in),
        cmocka_unit_test(a_changed_bit_is_noticed_and_ends_the_stream),
        cmocka_unit_test(no_more_is_kept_than_was_allowed),
        cmocka_unit_test(the_form_is_fixed),
        cmocka_unit_test(a_frame_written_in_place_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
