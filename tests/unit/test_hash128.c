/* tests/unit/test_hash128.c - equal inputs hash alike for ever, different ones do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "consensus/hash128.h"

static struct hash128 of_bytes(const void *bytes, size_t size)
{
    struct hash128 hash = hash128_start(7);
    hash128_bytes(&hash, bytes, size);
    return hash128_finish(&hash);
}

/* Hashes are stored and compared between versions: these may never change. */
static void the_values_are_fixed(void **state)
{
    (void)state;
    char text[HASH128_TEXT_SIZE];
    struct hash128 hash = of_bytes("", 0);
    assert_string_equal(hash128_text(&hash, text), "ad287a3a9fad6e1ec6086348ae0ccc3c");
    hash = of_bytes("0123456789abcdef-", 17);
    assert_string_equal(hash128_text(&hash, text), "e7ba713fa2f28f885f5359e5f5272185");
    hash = hash128_start(1);
    hash128_number(&hash, 2);
    hash128_number(&hash, UINT64_MAX);
    hash = hash128_finish(&hash);
    assert_string_equal(hash128_text(&hash, text), "7d7b2f75a8d68cdde260ef50c77a1924");
}

static unsigned bits_apart(const struct hash128 *a, const struct hash128 *b)
{
    return (unsigned)__builtin_popcountll(a->low ^ b->low) +
           (unsigned)__builtin_popcountll(a->high ^ b->high);
}

static void every_bit_counts(void **state)
{
    (void)state;
    uint8_t bytes[100] = {0};
    for (size_t size = 1; size <= sizeof(bytes); size++) {
        struct hash128 zero = of_bytes(bytes, size);
        for (size_t bit = 0; bit < 8 * size; bit++) {
            bytes[bit / 8] = (uint8_t)(1U << (bit % 8));
            struct hash128 other = of_bytes(bytes, size);
            bytes[bit / 8] = 0;
            unsigned apart = bits_apart(&zero, &other);
            assert_true(apart > 25);
            assert_true(apart < 103);
        }
    }
}

static void sizes_and_order_count(void **state)
{
    (void)state;
    struct hash128 first = hash128_start(0);
    struct hash128 second = hash128_start(0);
    hash128_bytes(&first, "ab", 2);
    hash128_bytes(&first, "c", 1);
    hash128_bytes(&second, "a", 1);
    hash128_bytes(&second, "bc", 2);
    assert_false(hash128_equal(&first, &second));
    struct hash128 zeros[20];
    uint8_t bytes[20] = {0};
    for (size_t size = 0; size < 20; size++) {
        zeros[size] = of_bytes(bytes, size);
        for (size_t other = 0; other < size; other++) {
            assert_false(hash128_equal(&zeros[size], &zeros[other]));
        }
    }
    first = hash128_start(1);
    second = hash128_start(2);
    assert_false(hash128_equal(&first, &second));
}

static void a_sum_forgets_the_order(void **state)
{
    (void)state;
    struct hash128 a = of_bytes("a", 1);
    struct hash128 b = of_bytes("b", 1);
    struct hash128 sum = {0};
    struct hash128 other = {0};
    hash128_add(&sum, &a);
    hash128_add(&sum, &b);
    hash128_add(&other, &b);
    hash128_add(&other, &a);
    assert_true(hash128_equal(&sum, &other));
    hash128_subtract(&sum, &a);
    assert_true(hash128_equal(&sum, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_values_are_fixed),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(sizes_and_order_count),
        cmocka_unit_test(a_sum_forgets_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
