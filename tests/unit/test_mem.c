/* tests/unit/test_mem.c - an allocation is there, or the process is not.
 *
 * Sizes that overflow or that no machine has are asked for in a child, which must abort. Bytes
 * beyond an allocation are the sanitizer's to find: every block is written from end to end. */
#include "tests/lib/death.h"

#include <stdlib.h>
#include <wchar.h>

#include "base/cleanup.h"
#include "base/mem.h"

/* AddressSanitizer would end the process itself where malloc() returns NULL. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* Compilers know these are too much; they shall not say so, and not remove the call. */
static volatile size_t huge = SIZE_MAX / 4;
static void *volatile sink;

static void sizes_from_zero_on_give_distinct_writable_aligned_blocks(void **state)
{
    (void)state;
    for (size_t size = 0; size < 300; size++) {
        CLEANUP(mem_freep) unsigned char *a = mem_alloc(size);
        CLEANUP(mem_freep) unsigned char *b = mem_alloc(size);
        assert_non_null(a);
        assert_non_null(b);
        assert_ptr_not_equal(a, b);
        assert_int_equal((uintptr_t)a % _Alignof(max_align_t), 0);
        memset(a, 0xab, size);
        memset(b, 0xcd, size);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(a[i], 0xab);
        }
    }
}

static void zalloc_and_array_are_zeroed_even_where_somebody_was_before(void **state)
{
    (void)state;
    for (size_t count = 0; count < 60; count++) {
        void *before = mem_alloc(count * 24);
        memset(before, 0xff, count * 24);
        sink = before; /* or the compiler drops the memset */
        mem_free(before);
        CLEANUP(mem_freep) unsigned char *zeroed = mem_zalloc(count * 24);
        CLEANUP(mem_freep) unsigned char *array = mem_array(count, 24);
        assert_non_null(zeroed);
        assert_non_null(array);
        for (size_t i = 0; i < count * 24; i++) {
            assert_int_equal(zeroed[i], 0);
            assert_int_equal(array[i], 0);
        }
        memset(zeroed, 1, count * 24);
        memset(array, 1, count * 24);
    }
}

static void grow_keeps_the_bytes_in_both_directions(void **state)
{
    (void)state;
    unsigned char *bytes = mem_grow(NULL, 0, 8);
    assert_non_null(bytes);
    for (size_t count = 1; count < 200; count++) {
        bytes = mem_grow(bytes, count, 8);
        memset(bytes + (count - 1) * 8, (int)count, 8);
    }
    for (size_t count = 199; count > 0; count--) {
        bytes = mem_grow(bytes, count, 8);
        for (size_t i = 0; i < count * 8; i++) {
            assert_int_equal(bytes[i], i / 8 + 1);
        }
    }
    bytes = mem_grow(bytes, 0, 8); /* smaller, not gone */
    assert_non_null(bytes);
    mem_free(bytes);
}

static void a_product_that_overflows_is_a_bug(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        size_t size;
    } rows[] = {
        {SIZE_MAX, 2},
        {2, SIZE_MAX},
        {SIZE_MAX, SIZE_MAX},
        {SIZE_MAX / 2 + 1, 2},              /* wraps to 0 */
        {SIZE_MAX / 8 + 2, 8},              /* wraps to 8 */
        {(size_t)1 << 32, (size_t)1 << 32}, /* wraps to 0 */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ASSERT_DIES("!overflow", sink = mem_array(rows[i].count, rows[i].size));
        ASSERT_DIES("!overflow", sink = mem_grow(NULL, rows[i].count, rows[i].size));
    }
    ASSERT_DIES("!overflow", sink = mem_grow(mem_alloc(8), rows[4].count, rows[4].size));
}

static void memory_that_is_not_there_ends_the_process(void **state)
{
    (void)state;
    ASSERT_DIES("out of memory", sink = mem_alloc(huge));
    ASSERT_DIES("out of memory", sink = mem_zalloc(huge));
    ASSERT_DIES("out of memory", sink = mem_array(huge / 8, 8));
    ASSERT_DIES("out of memory", sink = mem_grow(NULL, huge / 8, 8));
    ASSERT_DIES("out of memory", sink = mem_grow(mem_alloc(8), huge, 1));
    ASSERT_DIES("out of memory", sink = mem_dup("x", huge));
    ASSERT_DIES("out of memory", sink = mem_alloc(SIZE_MAX));
}

static void a_text_that_cannot_be_printed_ends_the_process(void **state)
{
    (void)state;
    ASSERT_DIES("out of memory", sink = mem_printf("%lc", (wint_t)0x7fffffff)); /* EILSEQ */
}

static void dup_copies_and_shares_nothing(void **state)
{
    (void)state;
    static const char bytes[] = "a\0b\xff";
    CLEANUP(mem_freep) char *copy = mem_dup(bytes, sizeof(bytes));
    assert_ptr_not_equal(copy, bytes);
    assert_memory_equal(copy, bytes, sizeof(bytes));
    copy[0] = 'z';
    assert_int_equal(bytes[0], 'a');
    CLEANUP(mem_freep) void *nothing = mem_dup(NULL, 0);
    assert_non_null(nothing);
    CLEANUP(mem_freep) char *exact = mem_dup("abc", 3); /* no room for a NUL: ASan looks */
    exact[2] = 'd';
    assert_memory_equal(exact, "abd", 3);
}

static void strdup_copies_texts_with_their_end(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "a", "primary", "\xc3\xa4 with spaces\n"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        CLEANUP(mem_freep) char *copy = mem_strdup(texts[i]);
        assert_string_equal(copy, texts[i]);
        assert_ptr_not_equal(copy, texts[i]);
    }
}

static void printf_makes_texts_of_any_length(void **state)
{
    (void)state;
    CLEANUP(mem_freep) char *empty = mem_printf("%s", "");
    assert_string_equal(empty, "");
    CLEANUP(mem_freep) char *line = mem_printf("%s=%d 100%%", "term", 7);
    assert_string_equal(line, "term=7 100%");
    for (int length = 1; length < 70000; length = length * 2 + 1) {
        CLEANUP(mem_freep) char *text = mem_printf("%0*d", length, 1);
        assert_int_equal(strlen(text), length);
        assert_int_equal(text[length - 1], '1');
    }
}

static void freeing_nothing_is_fine_and_freep_leaves_null(void **state)
{
    (void)state;
    mem_free(NULL);
    char *text = NULL;
    mem_freep(&text);
    assert_null(text);
    text = mem_strdup("x");
    mem_freep(&text);
    assert_null(text);
    mem_freep(&text);
    struct pair {
        int a;
        int b;
    } *pair = mem_zalloc(sizeof(*pair)); /* a pointer of any type */
    mem_freep(&pair);
    assert_null(pair);
}

static void a_block_is_freed_with_its_scope(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        CLEANUP(mem_freep) char *text = mem_printf("%d", i);
        assert_non_null(text); /* LeakSanitizer counts them */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_from_zero_on_give_distinct_writable_aligned_blocks),
        cmocka_unit_test(zalloc_and_array_are_zeroed_even_where_somebody_was_before),
        cmocka_unit_test(grow_keeps_the_bytes_in_both_directions),
        cmocka_unit_test(a_product_that_overflows_is_a_bug),
        cmocka_unit_test(memory_that_is_not_there_ends_the_process),
        cmocka_unit_test(a_text_that_cannot_be_printed_ends_the_process),
        cmocka_unit_test(dup_copies_and_shares_nothing),
        cmocka_unit_test(strdup_copies_texts_with_their_end),
        cmocka_unit_test(printf_makes_texts_of_any_length),
        cmocka_unit_test(freeing_nothing_is_fine_and_freep_leaves_null),
        cmocka_unit_test(a_block_is_freed_with_its_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
