/* tests/unit/test_gone.c - a bounded list of removed ids: the oldest removal makes room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "consensus/gone.h"

static void an_id_is_in_it_once(void **state)
{
    (void)state;
    struct gone gone = {0};
    assert_false(gone_has(&gone, 7));
    assert_true(gone_add(&gone, 7));
    assert_false(gone_add(&gone, 7));
    assert_true(gone_has(&gone, 7));
    assert_int_equal(gone.count, 1);
}

static void taking_back_keeps_the_others_in_order(void **state)
{
    (void)state;
    struct gone gone = {0};
    for (uint64_t id = 1; id <= 3; id++) {
        (void)gone_add(&gone, id);
    }
    assert_true(gone_take_back(&gone, 2));
    assert_false(gone_take_back(&gone, 2));
    assert_int_equal(gone.count, 2);
    assert_int_equal(gone.ids[0], 1);
    assert_int_equal(gone.ids[1], 3);
}

static void the_oldest_makes_room(void **state)
{
    (void)state;
    struct gone gone = {0};
    for (uint64_t id = 1; id <= GONE_MAX + 2; id++) {
        assert_true(gone_add(&gone, id));
    }
    assert_int_equal(gone.count, GONE_MAX);
    assert_false(gone_has(&gone, 2));
    assert_true(gone_has(&gone, 3));
    assert_true(gone_has(&gone, GONE_MAX + 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_in_it_once),
        cmocka_unit_test(taking_back_keeps_the_others_in_order),
        cmocka_unit_test(the_oldest_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
