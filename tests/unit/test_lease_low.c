/* tests/unit/test_lease_low.c - the least that was left of a lease: no dip of the last minute is
 * lost, and none is told for ever. */
#include "tests/lib/death.h"

#include "supervisor/lease_low.h"

#define MINUTE_MS LEASE_LOW_MINUTE_MS
#define BEGIN_MS UINT64_C(1000000)
#define EPOCH 7

static void nothing_was_held(void **state)
{
    struct lease_low low = {0};
    (void)state;
    assert_true(lease_low_of(&low) == UINT64_MAX);
    lease_low_note(&low, BEGIN_MS, 0, 0);
    assert_true(lease_low_of(&low) == UINT64_MAX);
}

static void the_least_counts(void **state)
{
    struct lease_low low = {0};
    (void)state;
    lease_low_note(&low, BEGIN_MS, EPOCH, 4900);
    lease_low_note(&low, BEGIN_MS + 50, EPOCH, 1200);
    lease_low_note(&low, BEGIN_MS + 100, EPOCH, 4900);
    assert_int_equal(lease_low_of(&low), 1200);
    lease_low_note(&low, BEGIN_MS + 150, 0, 0); /* it was given back */
    assert_int_equal(lease_low_of(&low), 1200);
    lease_low_note(&low, BEGIN_MS + 200, EPOCH, 0);
    assert_int_equal(lease_low_of(&low), 0);
}

/* Whoever looks once a minute sees each dip at least once. */
static void a_dip_is_told_for_a_minute_and_at_most_for_two(void **state)
{
    (void)state;
    for (uint64_t at_ms = 0; at_ms < MINUTE_MS; at_ms += 7000) {
        struct lease_low low = {0};
        lease_low_note(&low, BEGIN_MS, EPOCH, 4900);
        for (uint64_t ms = 1000; ms <= at_ms + 3 * MINUTE_MS; ms += 1000) {
            lease_low_note(&low, BEGIN_MS + ms, EPOCH, ms == at_ms ? 1200 : 4900);
            if (at_ms != 0 && ms >= at_ms && ms < at_ms + MINUTE_MS) {
                assert_int_equal(lease_low_of(&low), 1200);
            }
            if (ms >= at_ms + 2 * MINUTE_MS) {
                assert_int_equal(lease_low_of(&low), 4900);
            }
        }
    }
}

static void what_was_never_confirmed_is_no_dip(void **state)
{
    struct lease_low low = {0};
    (void)state;
    lease_low_note(&low, BEGIN_MS, EPOCH, 0);
    assert_true(lease_low_of(&low) == UINT64_MAX);
    lease_low_note(&low, BEGIN_MS + 50, EPOCH, 4900);
    assert_int_equal(lease_low_of(&low), 4900);
    lease_low_note(&low, BEGIN_MS + 100, EPOCH + 1, 0); /* granted anew */
    assert_int_equal(lease_low_of(&low), 4900);
    lease_low_note(&low, BEGIN_MS + 150, EPOCH + 1, 4800);
    lease_low_note(&low, BEGIN_MS + 200, EPOCH + 1, 0); /* it has run out */
    assert_int_equal(lease_low_of(&low), 0);
}

static void what_was_before_a_long_silence_is_forgotten(void **state)
{
    struct lease_low low = {0};
    (void)state;
    lease_low_note(&low, BEGIN_MS, EPOCH, 10);
    lease_low_note(&low, BEGIN_MS + 2 * MINUTE_MS, EPOCH, 4900);
    assert_int_equal(lease_low_of(&low), 4900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_was_held),
        cmocka_unit_test(the_least_counts),
        cmocka_unit_test(a_dip_is_told_for_a_minute_and_at_most_for_two),
        cmocka_unit_test(what_was_never_confirmed_is_no_dip),
        cmocka_unit_test(what_was_before_a_long_silence_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
