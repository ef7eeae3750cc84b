/* tests/unit/test_core_relay.c - safety A6 by numbers: after how long, and by how many others.
 *
 * test_core_hold.c shows that the lease lives on when the direct way is lost; a holder that asked
 * later, or fewer, would pass there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/lease_kit.h"

#define T UINT64_C(3000)
/* A keep-alive is answered with the beat after it, so this old is the newest answer to expect. */
#define ROUND_MS (2 * CK_BEAT_MS)

static void a6_one_missed_round_is_enough(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvvvv", 1);
    lk_grant_and_hold(&lk, 2, T, true);
    ck_run(&lk.kit, 10 * CK_BEAT_MS);
    lk_cut(&lk, 1, 2, true);
    uint64_t cut_ms = lk.kit.now_ms;
    uint64_t confirmed_ms = lk_confirmed_ms(&lk);
    assert_true(confirmed_ms + ROUND_MS >= cut_ms);
    uint64_t relayed_ms = 0;
    lk.catches = PEER_KEEP_ALIVE;
    while (relayed_ms == 0 && lk.kit.now_ms < cut_ms + T) {
        ck_run(&lk.kit, 1);
        for (size_t i = 0; i < lk.caught_count; i++) {
            relayed_ms = lk.caught[i].to != 1 ? lk.kit.now_ms : relayed_ms;
        }
    }
    /* One round was missed for certain, and not a second one. */
    assert_in_range(relayed_ms - confirmed_ms, ROUND_MS, ROUND_MS + CK_BEAT_MS + 1);
    lk_close(&lk);
}

static void a6_two_of_the_others_are_asked_each_time(void **state)
{
    (void)state;
    struct lease_kit lk;
    lk_open(&lk, "vvvvv", 1);
    lk_grant_and_hold(&lk, 2, T, true);
    lk.catches = PEER_KEEP_ALIVE; /* and loses them: every round is missed */
    ck_run(&lk.kit, 5 * CK_BEAT_MS);
    size_t before = lk.caught_count;
    ck_run(&lk.kit, CK_BEAT_MS);
    size_t direct = 0;
    size_t others = 0;
    for (size_t i = before; i < lk.caught_count; i++) {
        direct += lk.caught[i].to == 1 ? 1 : 0;
        others += lk.caught[i].to != 1 ? 1 : 0;
    }
    assert_int_equal(direct, 1);
    assert_int_equal(others, 2);
    lk_close(&lk);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a6_one_missed_round_is_enough),
        cmocka_unit_test(a6_two_of_the_others_are_asked_each_time),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
