/* tests/unit/test_lease_hold.c - what an earlier life of pgraftd has left in the guard's page, and
 * what the store says of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "supervisor/lease_hold.h"

#define EPOCH 5
#define FAR_NS UINT64_C(1000000000000)

/* A view of this epoch, held by somebody or over, after a page of EPOCH was found. */
static uint64_t told_after(bool is_read, uint64_t epoch, bool stands)
{
    static struct store_view view;
    struct holder holder;
    struct lease_hold hold;
    const struct guard_grant found = {.epoch = EPOCH, .deadline_ns = FAR_NS};
    memset(&view, 0, sizeof(view));
    memset(&holder, 0, sizeof(holder));
    lease_hold_open(&hold, NULL, &holder);
    lease_hold_adopt(&hold, &found);
    view.is_read = is_read;
    view.rows.grant.epoch = epoch;
    view.rows.row[KEY_LEADER].is_there = stands;
    view.rows.row[KEY_LEADER].lease = stands ? KEYS_PRIMARY_LEASE : 0;
    lease_hold_tick(&hold, &view, 1000);
    return hold.told.epoch;
}

static void a1_a_page_of_an_earlier_life_counts_until_the_store_says_otherwise(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        bool is_read;
        uint64_t epoch;
        bool stands;
        uint64_t told;
    } cases[] = {
        {"nothing was read yet", false, 0, false, EPOCH},
        {"this node's copy of the store is old", true, EPOCH - 1, false, EPOCH},
        {"it stands", true, EPOCH, true, EPOCH},
        {"it was released, or has run out", true, EPOCH, false, 0},
        {"another one was granted the role since", true, EPOCH + 1, true, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("# %s\n", cases[i].what);
        assert_int_equal(told_after(cases[i].is_read, cases[i].epoch, cases[i].stands),
                         cases[i].told);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a1_a_page_of_an_earlier_life_counts_until_the_store_says_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
