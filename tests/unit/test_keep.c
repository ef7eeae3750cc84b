/* tests/unit/test_keep.c - how much of the past is worth keeping, and that a log is cut to it once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/must.h"
#include "consensus/node/node.h"
#include "tests/lib/core_kit.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)

static void as_much_as_there_is_use_for(void **state)
{
    (void)state;
    static const struct {
        uint64_t lately, state_bytes, entries;
    } rows[] = {
        {0, 0, 500},    {200, 100 * KIB, 500}, {1200, 100 * KIB, 1200},
        {0, MIB, 4096}, {5000, MIB, 5000},     {UINT64_C(1) << 40, 0, UINT64_C(1) << 40},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(keep_entries(rows[i].lately, rows[i].state_bytes), rows[i].entries);
    }
    assert_int_equal(keep_history(0), 256 * KIB);
    assert_int_equal(keep_history(3 * MIB), 3 * MIB);
}

static void put_many(struct core_kit *kit, uint64_t leader)
{
    for (int i = 0; i < 100; i++) {
        (void)ck_put(kit, leader, "key", "value");
        ck_run(kit, 10);
    }
    ck_run(kit, 2000); /* the state is written */
}

static void a_log_is_cut_once_when_it_is_worth_it(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    const uint64_t leader = 1;
    ck_lead(&kit, leader);
    const struct engine *engine = core_engine(ck_core(&kit, leader));
    put_many(&kit, leader);
    core_cut_log(ck_core(&kit, leader), 60); /* not twice as many are there */
    put_many(&kit, leader);
    assert_int_equal(engine_first(engine), 1);
    core_cut_log(ck_core(&kit, leader), 10);
    ck_run(&kit, 2000);
    uint64_t first = engine_first(engine);
    assert_in_range(engine_last(engine) + 1 - first, 10, 20);
    put_many(&kit, leader);
    assert_int_equal(engine_first(engine), first);
    ck_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_much_as_there_is_use_for),
        cmocka_unit_test(a_log_is_cut_once_when_it_is_worth_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
