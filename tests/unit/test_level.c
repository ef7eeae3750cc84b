/* tests/unit/test_level.c - safety A8: a level that is in force is known by every member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/level.h"
#include "tests/lib/facts_kit.h"

static const uint64_t all[] = {1000, 1001, 1002};
static struct roster roster;
static struct member_facts members[FACTS_MEMBERS_MAX];

/* pg1, pg2 and a witness, each of which knows level 3. */
static int set_up(void **state)
{
    (void)state;
    memset(&roster, 0, sizeof(roster));
    memset(members, 0, sizeof(members));
    roster.count = 3;
    for (unsigned i = 0; i < 3; i++) {
        roster.at[i] = (struct roster_member){
            .id = all[i], .name = kit_name(i + 1), .is_database = i < 2, .is_voter = true};
        members[i] = (struct member_facts){
            .name = kit_name(i + 1), .is_database = i < 2, .is_fresh = true, .level = 3};
    }
    return 0;
}

static uint64_t of_all(uint32_t count)
{
    return level_of_all(&roster, members, all, count);
}

static void a8_the_lowest_of_all_counts(void **state)
{
    (void)state;
    assert_int_equal(of_all(3), 3);
    members[2].level = 1; /* the witness */
    assert_int_equal(of_all(3), 1);
    members[2].level = 2;
    assert_int_equal(of_all(3), 2);
    assert_int_equal(of_all(0), 0);
}

static void a8_who_is_not_heard_may_know_nothing(void **state)
{
    (void)state;
    members[1].is_fresh = false; /* down: nobody knows which program comes back */
    assert_int_equal(of_all(3), 0);
    members[1].is_fresh = true;
    roster.count = 2; /* a member that this node's roster does not have yet */
    assert_int_equal(of_all(3), 0);
    assert_int_equal(of_all(2), 3);
}

static void a8_it_goes_up_when_all_have_told_it_for_a_while(void **state)
{
    (void)state;
    struct level_wait wait = {.level = 0};
    assert_int_equal(level_due(&wait, 1000, 1, 2), 0);
    assert_int_equal(level_due(&wait, 1000 + LEVEL_SETTLE_MS - 1, 1, 2), 0);
    assert_int_equal(level_due(&wait, 1000 + LEVEL_SETTLE_MS, 1, 2), 2);
    assert_int_equal(level_due(&wait, 9000, 2, 2), 0); /* done */
    assert_int_equal(wait.level, 0);
}

static void a8_a_member_that_goes_back_in_between_begins_it_anew(void **state)
{
    (void)state;
    struct level_wait wait = {.level = 0};
    assert_int_equal(level_due(&wait, 1000, 1, 2), 0);
    assert_int_equal(level_due(&wait, 3000, 1, 0), 0); /* it is started again ... */
    assert_int_equal(level_due(&wait, 4000, 1, 2), 0);
    assert_int_equal(level_due(&wait, 4000 + LEVEL_SETTLE_MS - 1, 1, 2), 0);
    assert_int_equal(level_due(&wait, 5000, 1, 1), 0); /* ... with an older program */
    assert_int_equal(level_due(&wait, 6000, 1, 3), 0);
    assert_int_equal(level_due(&wait, 6500, 1, 2), 0); /* another level is another wait */
    assert_int_equal(level_due(&wait, 6500 + LEVEL_SETTLE_MS, 1, 2), 2);
}

static void a8_it_never_goes_down(void **state)
{
    (void)state;
    struct level_wait wait = {.level = 0};
    for (uint64_t now_ms = 0; now_ms < 20000; now_ms += 1000) {
        assert_int_equal(level_due(&wait, now_ms, 3, 2), 0);
        assert_int_equal(level_due(&wait, now_ms, 3, 3), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a8_the_lowest_of_all_counts, set_up),
        cmocka_unit_test_setup(a8_who_is_not_heard_may_know_nothing, set_up),
        cmocka_unit_test_setup(a8_it_goes_up_when_all_have_told_it_for_a_while, set_up),
        cmocka_unit_test_setup(a8_a_member_that_goes_back_in_between_begins_it_anew, set_up),
        cmocka_unit_test_setup(a8_it_never_goes_down, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
