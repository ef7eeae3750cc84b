/* tests/unit/test_timelines.c - supervisor/history.c: what two timelines share, and what counts of
 * one that was not recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/history.h"
#include "tests/lib/facts_kit.h"

#define ORDER (KIT_EPOCH + 1)

/* Timelines 2, 4 and 6 are one line, 5 left 4 at 3000 and was recorded too. */
static void timelines_share_what_was_before_they_parted(void **state)
{
    (void)state;
    struct store_facts s = kit_store();
    s.history[2] = s.history[1];
    s.history[1] = (struct history_row){.epoch = 4, .timeline = 5, .parent = 4, .switch_lsn = 3000};
    s.history_count = 3;
    struct {
        struct position end;
        uint64_t shared;
        bool diverged;
    } rows[] = {
        {kit_at(6, 9000), 9000, false}, {kit_at(4, 3900), 3900, false},
        {kit_at(4, 4000), 4000, false}, {kit_at(4, 4001), 4000, true},
        {kit_at(2, 2001), 2000, true},  {kit_at(2, 1999), 1999, false},
        {kit_at(5, 3500), 3000, true},  {kit_at(5, 2900), 2900, true},
        {kit_at(3, 100), 0, true},      {kit_at(7, 100), 0, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(history_shared_lsn(&s, &rows[i].end), rows[i].shared);
        assert_int_equal(history_is_diverged(&s, &rows[i].end), rows[i].diverged);
    }
    struct {
        struct position end, to;
        uint64_t lag;
    } lags[] = {
        {kit_at(6, 9000), kit_at(6, 9500), 500}, {kit_at(6, 9500), kit_at(6, 9000), 0},
        {kit_at(4, 3900), kit_at(6, 4500), 600}, {kit_at(4, 4400), kit_at(6, 4500), 500},
        {kit_at(6, 4100), kit_at(4, 5000), 0},   {kit_at(5, 3500), kit_at(4, 3900), 900},
        {kit_at(5, 9000), kit_at(4, 2900), 0},   {kit_at(6, 4100), kit_at(3, 5000), 0},
        {kit_at(7, 4100), kit_at(6, 4500), 400},
    };
    for (size_t i = 0; i < ARRAY_LEN(lags); i++) {
        assert_int_equal(history_lag(&s, &lags[i].end, &lags[i].to), lags[i].lag);
    }
    static const bool may_hold[] = {[2] = true, [4] = true, [6] = true, [7] = true, [8] = false};
    for (uint32_t timeline = 0; timeline <= 7; timeline++) { /* of a copy: 7 is not recorded yet */
        assert_int_equal(history_may_hold(&s, timeline), may_hold[timeline]);
    }
}

/* Timeline 6 is the newest recorded one, of epoch 5; an order stands. */
static void only_what_was_recorded_counts_of_a_line_that_was_not(void **state)
{
    (void)state;
    struct store_facts s = kit_store();
    struct position none = {.is_known = false};
    struct {
        struct position end, left, counted;
    } rows[] = {
        {kit_at(7, 5100), kit_at(6, 5000), kit_at(6, 5000)},
        {kit_at(9, 5100), kit_at(6, 5000), kit_at(6, 5000)}, /* several were not */
        {kit_at(7, 4900), kit_at(6, 5000), kit_at(6, 4900)}, /* it has not come there */
        {kit_at(7, 5100), none, kit_at(7, 5100)},
        {kit_at(7, 5100), kit_at(4, 4000), kit_at(7, 5100)}, /* it knew no newer one yet */
        {kit_at(7, 5100), kit_at(7, 5050), kit_at(7, 5100)}, /* it knows one that is not here */
        {kit_at(6, 5100), kit_at(6, 5000), kit_at(6, 5100)},
        {kit_at(5, 5100), kit_at(6, 5000), kit_at(5, 5100)},
    };
    s.order_epoch = ORDER;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct position counted = history_counted(&s, &rows[i].end, &rows[i].left);
        assert_true(counted.is_known);
        assert_int_equal(position_compare(&counted, &rows[i].counted), 0);
    }
    assert_false(history_counted(&s, &none, &rows[0].left).is_known);
    s.order_epoch = KIT_EPOCH; /* no election, and the holder may record it yet */
    assert_int_equal(history_counted(&s, &rows[0].end, &rows[0].left).timeline, 7);
    s.order_epoch = ORDER;
    s.history_count = 0;
    assert_int_equal(history_counted(&s, &rows[0].end, &rows[0].left).timeline, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timelines_share_what_was_before_they_parted),
        cmocka_unit_test(only_what_was_recorded_counts_of_a_line_that_was_not),
    };
    return cmocka_run_group_tests_name("timelines", tests, NULL, NULL);
}
