/* tests/unit/test_measure.c - which ping and which commit count, out of the store's figures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/measure.h"

#define MEMBERS_MAX 6
#define UNHEARD 0

// clang-format off
static const struct {
    const char *name;
    bool votes; /* this node */
    uint64_t pings[MEMBERS_MAX]; /* of the other voters; the last that counts is the @others-th */
    size_t others;
    size_t leader; /* which of them; @others: this one */
    bool knows;
    uint64_t us;
} trips[] = {
    {"one member alone waits for nobody", true, {0}, 0, 0, true, 0},
    {"of three the nearer one is enough", true, {90, 7}, 2, 2, true, 7},
    {"... unless the other one leads", true, {90, 7}, 2, 0, true, 90},
    {"of five the second", true, {500, 3, 900, 20}, 4, 4, true, 20},
    {"... of whom one was not heard", true, {UNHEARD, 3, 900, 20}, 4, 4, true, 20},
    {"... and with two lost the farthest", true, {UNHEARD, 3, 900, UNHEARD}, 4, 4, true, 900},
    {"nobody knows, where fewer were heard", true, {UNHEARD, 3, UNHEARD, UNHEARD}, 4, 4, false, 0},
    {"who has no vote needs one more", false, {500, 3, 900}, 3, 1, true, 500},
    {"of two both", true, {44}, 1, 1, true, 44},
};
// clang-format on

static void the_round_trip_is_that_of_a_majority(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(trips); i++) {
        struct pgraft_member members[MEMBERS_MAX + 2];
        memset(members, 0, sizeof(members));
        size_t count = 0;
        for (; count < trips[i].others; count++) {
            members[count] = (struct pgraft_member){.id = count + 1,
                                                    .role = PGRAFT_VOTER,
                                                    .is_leader = count == trips[i].leader,
                                                    .ping_us = trips[i].pings[count]};
        }
        members[count++] = (struct pgraft_member){
            .id = 100, .role = trips[i].votes ? PGRAFT_VOTER : PGRAFT_NON_VOTER, .is_self = true};
        members[count++] =
            (struct pgraft_member){.id = 101, .role = PGRAFT_NON_VOTER, .ping_us = 1};
        struct pgraft_status status = {.members = members, .member_count = count};
        uint64_t us = 12345;
        bool knows = measure_round_trip(&status, &us);
        if (knows != trips[i].knows || (knows && us != trips[i].us)) {
            fail_msg("%s: %llu", trips[i].name, (unsigned long long)us);
        }
    }
}

static void a_node_without_a_cluster_measures_no_round_trip(void **state)
{
    struct pgraft_member listed = {.role = PGRAFT_STRANGER, .ping_us = 9};
    struct pgraft_status status = {.members = &listed, .member_count = 1};
    uint64_t us = 0;
    (void)state;
    assert_false(measure_round_trip(&status, &us));
}

static void the_fsync_is_the_slowest_but_one_in_a_hundred(void **state)
{
    struct pgraft_figures before = {.fsync_bucket = {5, 7}};
    struct pgraft_figures now = before;
    uint64_t us = 0;
    (void)state;
    assert_false(measure_fsync(&before, &now, &us)); /* an idle store */
    now.fsync_bucket[12]++;                          /* up to 409.6 ms */
    assert_false(measure_fsync(&before, &now, &us)); /* one is an outlier */
    now.fsync_bucket[3]++;
    assert_true(measure_fsync(&before, &now, &us));
    assert_int_equal(us, 400); /* it took that at least */
    now.fsync_bucket[12]++;
    assert_true(measure_fsync(&before, &now, &us));
    assert_int_equal(us, 204800);
    now.fsync_bucket[0] += 300; /* of 303 three are left out: these two, and the one of 0.8 ms */
    assert_true(measure_fsync(&before, &now, &us));
    assert_int_equal(us, 0);
    now.fsync_bucket[PGRAFT_FSYNC_BUCKETS - 1] += 4;
    assert_true(measure_fsync(&before, &now, &us));
    assert_int_equal(us, 1638400);
}

static void what_was_before_does_not_count(void **state)
{
    struct pgraft_figures before = {.fsync_bucket = {[10] = 500}};
    struct pgraft_figures now = before;
    uint64_t us = 1;
    (void)state;
    now.fsync_bucket[0] += 2;
    assert_true(measure_fsync(&before, &now, &us));
    assert_int_equal(us, 0);
    assert_false(measure_fsync(&now, &before, &us)); /* another store than before */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_round_trip_is_that_of_a_majority),
        cmocka_unit_test(a_node_without_a_cluster_measures_no_round_trip),
        cmocka_unit_test(the_fsync_is_the_slowest_but_one_in_a_hundred),
        cmocka_unit_test(what_was_before_does_not_count),
    };
    return cmocka_run_group_tests_name("measure", tests, NULL, NULL);
}
