/* tests/unit/test_arena.c - pieces are aligned, apart, bounded, and gone after a reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/arena.h"

static void pieces_are_aligned_and_apart(void **state)
{
    (void)state;
    struct arena arena = {0};
    arena_reset(&arena, (size_t)1024 * 1024);
    uint8_t *pieces[200];
    for (size_t i = 0; i < 200; i++) {
        pieces[i] = arena_alloc(&arena, i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)i, i);
    }
    for (size_t i = 0; i < 200; i++) {
        for (size_t at = 0; at < i; at++) {
            assert_int_equal(pieces[i][at], i);
        }
    }
    arena_close(&arena);
}

static void the_limit_holds_and_is_remembered(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_null(arena_alloc(&arena, 1)); /* nothing before the first reset */
    arena_reset(&arena, 100);
    assert_non_null(arena_alloc(&arena, 80));
    assert_false(arena.over);
    assert_null(arena_alloc(&arena, 21));
    assert_true(arena.over);
    assert_non_null(arena_alloc(&arena, 16)); /* what still fits is given */
    arena_reset(&arena, 100);
    assert_false(arena.over);
    assert_non_null(arena_alloc(&arena, 90));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 8));
    assert_null(arena_array(&arena, SIZE_MAX / 2, 4));
    arena_close(&arena);
}

static void small_pieces_count_as_what_they_take(void **state)
{
    (void)state;
    struct arena arena = {0};
    arena_reset(&arena, 160);
    for (size_t i = 0; i < 10; i++) {
        assert_non_null(arena_alloc(&arena, 1));
    }
    assert_null(arena_alloc(&arena, 1));
    arena_close(&arena);
}

static void a_large_piece_gets_its_own_place(void **state)
{
    (void)state;
    struct arena arena = {0};
    arena_reset(&arena, (size_t)8 * 1024 * 1024);
    uint8_t *small = arena_alloc(&arena, 10);
    uint8_t *large = arena_alloc(&arena, (size_t)3 * 1024 * 1024);
    memset(small, 1, 10);
    memset(large, 2, (size_t)3 * 1024 * 1024);
    assert_int_equal(small[9], 1);
    arena_reset(&arena, 64);
    assert_ptr_equal(arena_alloc(&arena, 10), small); /* the first chunk stays */
    arena_close(&arena);
}

static void arrays_are_cleared(void **state)
{
    (void)state;
    struct arena arena = {0};
    arena_reset(&arena, 4096);
    memset(arena_alloc(&arena, 1000), 0xff, 1000);
    arena_reset(&arena, 4096);
    const uint8_t *array = arena_array(&arena, 100, 10);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(array[i], 0);
    }
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_and_apart),
        cmocka_unit_test(the_limit_holds_and_is_remembered),
        cmocka_unit_test(small_pieces_count_as_what_they_take),
        cmocka_unit_test(a_large_piece_gets_its_own_place),
        cmocka_unit_test(arrays_are_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
