/* tests/unit/test_starts.c - when a PostgreSQL that has ended is started again, and which of its
 * starts were in vain. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "supervisor/starts.h"

#define COPY 7
#define DIES_MS 20

static struct starts_book book;
static uint64_t now_ms;
static enum fact reads; /* it comes as far as its data */

static void begin(void)
{
    book = (struct starts_book){.copy = 0};
    now_ms = 1000000;
    reads = FACT_YES;
    starts_look(&book, COPY, false);
}

/* It is started as soon as it may be, lives for @for_ms, and ends. How long it had to wait. */
static uint64_t life(uint64_t for_ms, bool is_open, enum starts_end how)
{
    uint64_t waits_ms = book.not_before_ms > now_ms ? book.not_before_ms - now_ms : 0;
    now_ms += waits_ms;
    starts_began(&book, now_ms);
    now_ms += for_ms;
    starts_look(&book, COPY, is_open);
    (void)starts_ended(&book, how, reads, now_ms);
    return waits_ms;
}

static void what_was_up_is_back_at_once(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 5; i++) {
        assert_int_equal(life(STARTS_ALIVE_MS, true, STARTS_BY_ITSELF), 0);
    }
    assert_int_equal(life(DIES_MS, true, STARTS_BY_OTHERS), 0); /* killed when it was just up */
    assert_int_equal(life(STARTS_ALIVE_MS, true, STARTS_BY_OTHERS), 0);
}

static void what_ends_before_it_is_open_waits_longer_and_longer(void **state)
{
    (void)state;
    begin();
    static const uint64_t pauses_ms[] = {0, 100, 200, 400, 800, 1600, 3200, 5000, 5000};
    for (size_t i = 0; i < sizeof(pauses_ms) / sizeof(pauses_ms[0]); i++) {
        assert_int_equal(life(DIES_MS, false, STARTS_BY_ITSELF), pauses_ms[i]);
        assert_int_equal(book.in_vain, i + 1);
    }
    assert_int_equal(life(STARTS_ALIVE_MS, true, STARTS_BY_OTHERS), 5000);
    assert_int_equal(book.in_vain, 0);
    assert_int_equal(life(DIES_MS, false, STARTS_BY_ITSELF), 0); /* it was up, and that is over */
    assert_int_equal(life(DIES_MS, false, STARTS_BY_ITSELF), 100);
}

static void what_is_open_for_a_moment_each_time_waits_too(void **state)
{
    (void)state;
    begin();
    static const uint64_t pauses_ms[] = {0, 0, 100, 200, 400};
    for (size_t i = 0; i < sizeof(pauses_ms) / sizeof(pauses_ms[0]); i++) {
        assert_int_equal(life(DIES_MS, true, STARTS_BY_ITSELF), pauses_ms[i]);
        assert_int_equal(book.in_vain, 0);
    }
}

static void a_long_recovery_that_fails_is_in_vain_and_pressed_by_nothing(void **state)
{
    (void)state;
    begin();
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(life(UINT64_C(10) * STARTS_ALIVE_MS, false, STARTS_BY_ITSELF), 0);
        assert_int_equal(book.in_vain, i + 1);
    }
}

static void who_was_ended_says_nothing_of_the_data(void **state)
{
    (void)state;
    begin();
    (void)life(DIES_MS, false, STARTS_BY_OTHERS);
    assert_int_equal(book.in_vain, 0);
    assert_int_equal(life(DIES_MS, false, STARTS_ON_PURPOSE), 100);
    assert_int_equal(life(DIES_MS, false, STARTS_ON_PURPOSE), 0);
    assert_int_equal(book.in_vain, 0);
    starts_began(&book, now_ms);
    assert_false(starts_ended(&book, STARTS_ON_PURPOSE, FACT_YES, now_ms));
    starts_began(&book, now_ms);
    assert_true(starts_ended(&book, STARTS_BY_OTHERS, FACT_YES, now_ms));
    assert_false(
        starts_ended(&book, STARTS_BY_ITSELF, FACT_YES, now_ms)); /* of one nobody saw begin */
    assert_int_equal(book.in_vain, 0);
    assert_int_equal(book.at_data, 0);
}

static void another_copy_begins_anew(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 4; i++) {
        (void)life(DIES_MS, false, STARTS_BY_ITSELF);
    }
    starts_look(&book, 0, false); /* nothing is known of it for a moment */
    assert_int_equal(book.in_vain, 4);
    starts_look(&book, COPY + 1, false);
    assert_int_equal(book.in_vain, 0);
    assert_int_equal(book.not_before_ms, 0);
}

/* No library, no port: it is tried on, with pauses, and its data are none the worse for it. */
static void who_ends_before_it_reads_says_nothing_of_the_data(void **state)
{
    (void)state;
    begin();
    reads = FACT_NO;
    for (int i = 0; i < 9; i++) {
        (void)life(DIES_MS, false, STARTS_BY_ITSELF);
    }
    assert_int_equal(book.in_vain, 9);
    assert_int_equal(book.at_data, 0);
    reads = FACT_YES;
    (void)life(DIES_MS, false, STARTS_BY_ITSELF);
    uint64_t first_ms = now_ms;
    (void)life(DIES_MS, false, STARTS_BY_ITSELF);
    assert_int_equal(book.at_data, 2);
    assert_int_equal(book.at_data_since_ms, first_ms);
    (void)life(DIES_MS, false, STARTS_BY_OTHERS); /* that one says nothing at all */
    assert_int_equal(book.at_data, 2);
    reads = FACT_UNKNOWN;
    (void)life(DIES_MS, false, STARTS_BY_ITSELF); /* and neither does one that nobody watched */
    assert_int_equal(book.at_data, 2);
    assert_int_equal(book.at_data_since_ms, first_ms);
    reads = FACT_NO;
    (void)life(DIES_MS, false, STARTS_BY_ITSELF); /* they are to be in a row */
    assert_int_equal(book.at_data, 0);
    reads = FACT_YES;
    (void)life(DIES_MS, false, STARTS_BY_ITSELF);
    assert_int_equal(book.at_data_since_ms, now_ms);
    (void)life(STARTS_ALIVE_MS, true, STARTS_BY_ITSELF);
    assert_int_equal(book.at_data, 0);
    (void)life(DIES_MS, false, STARTS_BY_ITSELF);
    assert_int_equal(book.at_data, 1);
    starts_forgive(&book);
    assert_int_equal(book.at_data, 0);
    (void)life(DIES_MS, false, STARTS_BY_ITSELF);
    starts_look(&book, COPY + 1, false);
    assert_int_equal(book.at_data, 0);
}

static void one_that_is_due_after_others_in_vain_wants_quiet(void **state)
{
    (void)state;
    begin();
    assert_false(starts_wants_quiet(&book, now_ms));
    (void)life(DIES_MS, false, STARTS_BY_ITSELF);
    assert_false(starts_wants_quiet(&book, book.not_before_ms - 1)); /* there is time for a look */
    assert_true(starts_wants_quiet(&book, book.not_before_ms));
    assert_true(starts_wants_quiet(&book, book.not_before_ms + STARTS_QUIET_MS - 1));
    assert_false(starts_wants_quiet(&book, book.not_before_ms + STARTS_QUIET_MS));
    (void)life(STARTS_ALIVE_MS, true, STARTS_BY_ITSELF);
    (void)life(DIES_MS, true, STARTS_BY_ITSELF);
    (void)life(DIES_MS, true, STARTS_BY_ITSELF);
    assert_false(starts_wants_quiet(&book, book.not_before_ms)); /* they were up */
}

static void how_it_ended_is_told_by_its_status(void **state)
{
    (void)state;
    assert_int_equal(starts_end_of(0), STARTS_BY_OTHERS);
    assert_int_equal(starts_end_of(1 << 8), STARTS_BY_ITSELF);
    assert_int_equal(starts_end_of(SIGKILL), STARTS_BY_OTHERS);
    assert_int_equal(starts_end_of(SIGTERM), STARTS_BY_OTHERS);
    assert_int_equal(starts_end_of(SIGABRT), STARTS_BY_ITSELF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_up_is_back_at_once),
        cmocka_unit_test(what_ends_before_it_is_open_waits_longer_and_longer),
        cmocka_unit_test(what_is_open_for_a_moment_each_time_waits_too),
        cmocka_unit_test(a_long_recovery_that_fails_is_in_vain_and_pressed_by_nothing),
        cmocka_unit_test(who_was_ended_says_nothing_of_the_data),
        cmocka_unit_test(another_copy_begins_anew),
        cmocka_unit_test(who_ends_before_it_reads_says_nothing_of_the_data),
        cmocka_unit_test(one_that_is_due_after_others_in_vain_wants_quiet),
        cmocka_unit_test(how_it_ended_is_told_by_its_status),
    };
    return cmocka_run_group_tests_name("starts", tests, NULL, NULL);
}
