/* tests/unit/test_sm.c - an operation moves where its table allows, is seen to, or dies.
 *
 * Every pair of states of a table is tried, legal ones here and illegal ones in a child. What is
 * logged is read from a child's stderr. */
#include "tests/lib/death.h"

#include <limits.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/sm.h"

enum state { ASK, WAIT, CHECK, CLOSE, STATES };

// clang-format off
static const struct sm_state states[] = {
    [ASK]   = {"ask",   SM_TO(WAIT)  | SM_TO(CLOSE)},
    [WAIT]  = {"wait",  SM_TO(WAIT)  | SM_TO(CHECK) | SM_TO(CLOSE)},
    [CHECK] = {"check", SM_TO(WAIT)  | SM_TO(CLOSE)},
    [CLOSE] = {"close", 0},
};
static const bool legal[STATES][STATES] = {
    [ASK]   = {[WAIT] = true, [CLOSE] = true},
    [WAIT]  = {[WAIT] = true, [CHECK] = true, [CLOSE] = true},
    [CHECK] = {[WAIT] = true, [CLOSE] = true},
};
// clang-format on

static struct sm at(int start)
{
    struct sm sm;
    sm_init(&sm, "promote", states, ARRAY_LEN(states), start);
    return sm;
}

static void an_operation_starts_where_it_is_told(void **state)
{
    (void)state;
    for (int start = ASK; start < STATES; start++) {
        struct sm sm;
        memset(&sm, 0xee, sizeof(sm));
        sm_init(&sm, "promote", states, ARRAY_LEN(states), start);
        assert_int_equal(sm.now, start);
        assert_string_equal(sm.name, "promote");
        assert_string_equal(sm_name(&sm), states[start].name);
        assert_int_equal(sm_is_final(&sm), start == CLOSE);
    }
}

static void every_pair_of_states_is_legal_as_the_table_says_or_fatal(void **state)
{
    (void)state;
    for (int from = ASK; from < STATES; from++) {
        for (int to = ASK; to < STATES; to++) {
            struct sm sm = at(from);
            assert_int_equal(sm_may_move(&sm, to), legal[from][to]);
            assert_int_equal(sm.now, from); /* asking moves nothing */
            if (legal[from][to]) {
                sm_move(&sm, to);
                assert_int_equal(sm.now, to);
                assert_string_equal(sm_name(&sm), states[to].name);
            } else {
                ASSERT_DIES("sm_may_move(sm, next)", sm_move(&sm, to));
            }
        }
    }
}

static void no_move_leads_out_of_the_table(void **state)
{
    (void)state;
    static const int outside[] = {-1, STATES, 31, 32, 33, 64, 256, INT_MAX, INT_MIN};
    for (size_t i = 0; i < ARRAY_LEN(outside); i++) {
        struct sm sm = at(WAIT);
        assert_false(sm_may_move(&sm, outside[i]));
        ASSERT_DIES("sm_may_move(sm, next)", sm_move(&sm, outside[i]));
    }
}

static void two_operations_share_a_table_and_nothing_else(void **state)
{
    (void)state;
    struct sm a = at(ASK);
    struct sm b = at(ASK);
    sm_move(&a, WAIT);
    assert_int_equal(a.now, WAIT);
    assert_int_equal(b.now, ASK);
}

static void a_table_that_is_wrong_ends_the_process_at_the_start(void **state)
{
    (void)state;
    static const struct sm_state hole[] = {[0] = {"first", SM_TO(2)}, [2] = {"third", 0}};
    static const struct sm_state beyond[] = {{"a", SM_TO(1)}, {"b", SM_TO(2)}};
    static const struct sm_state far_beyond[] = {{"a", SM_TO(31)}};
    static const struct {
        const char *words;
        const struct sm_state *states;
        size_t count;
        int start;
    } rows[] = {
        {"states[i].name != NULL", hole, ARRAY_LEN(hole), 0},
        {"(states[i].to & ~known) == 0", beyond, ARRAY_LEN(beyond), 0},
        {"(states[i].to & ~known) == 0", far_beyond, ARRAY_LEN(far_beyond), 0},
        {"count > 0", states, 0, 0},
        {"count <= SM_STATES_MAX", states, SM_STATES_MAX + 1, 0},
        {"count <= SM_STATES_MAX", states, SIZE_MAX, 0},
        {"start >= 0", states, ARRAY_LEN(states), -1},
        {"start >= 0", states, ARRAY_LEN(states), INT_MIN},
        {"(size_t)start < count", states, ARRAY_LEN(states), STATES},
        {"(size_t)start < count", states, ARRAY_LEN(states), INT_MAX},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sm sm;
        ASSERT_DIES(rows[i].words,
                    sm_init(&sm, "bad", rows[i].states, rows[i].count, rows[i].start));
    }
}

static void a_table_may_have_any_number_of_states_up_to_32(void **state)
{
    (void)state;
    for (int count = 1; count <= SM_STATES_MAX; count++) {
        struct sm_state ring[SM_STATES_MAX]; /* each state to the next, the last to the first */
        for (int i = 0; i < count; i++) {
            ring[i] = (struct sm_state){"state", SM_TO((i + 1) % count)};
        }
        struct sm sm;
        sm_init(&sm, "ring", ring, (size_t)count, 0);
        for (int i = 0; i < count; i++) {
            for (int to = -1; to <= SM_STATES_MAX; to++) {
                assert_int_equal(sm_may_move(&sm, to), to == (i + 1) % count);
            }
            sm_move(&sm, (i + 1) % count);
        }
        assert_int_equal(sm.now, 0);
    }
}

static void a_state_may_allow_all_32(void **state)
{
    (void)state;
    struct sm_state all[SM_STATES_MAX];
    for (int i = 0; i < SM_STATES_MAX; i++) {
        all[i] = (struct sm_state){"state", UINT32_MAX};
    }
    struct sm sm;
    sm_init(&sm, "all", all, ARRAY_LEN(all), SM_STATES_MAX - 1);
    for (int i = 0; i < SM_STATES_MAX; i++) {
        sm_move(&sm, i);
        assert_int_equal(sm.now, i);
        assert_false(sm_is_final(&sm));
    }
}

static void each_move_is_one_line_at_debug(void **state)
{
    (void)state;
    static struct clock_manual clock;
    clock_manual_init(&clock, 0);
    struct death d;
    if (death_fork(&d)) {
        log_set_clock(&clock.clock);
        log_set_level(LOG_LEVEL_DEBUG);
        struct sm sm = at(ASK);
        sm_move(&sm, WAIT);
        sm_move(&sm, WAIT);
        sm_move(&sm, CLOSE);
        log_set_level(LOG_LEVEL_INFO);
        sm = at(ASK);
        sm_move(&sm, CLOSE);
        _exit(0);
    }
    death_watch(&d);
    assert_int_equal(d.status, 0);
    assert_string_equal(d.said,
                        "1970-01-01T00:00:00.000Z debug sm move: of=promote from=ask to=wait\n"
                        "1970-01-01T00:00:00.000Z debug sm move: of=promote from=wait to=wait\n"
                        "1970-01-01T00:00:00.000Z debug sm move: of=promote from=wait to=close\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operation_starts_where_it_is_told),
        cmocka_unit_test(every_pair_of_states_is_legal_as_the_table_says_or_fatal),
        cmocka_unit_test(no_move_leads_out_of_the_table),
        cmocka_unit_test(two_operations_share_a_table_and_nothing_else),
        cmocka_unit_test(a_table_that_is_wrong_ends_the_process_at_the_start),
        cmocka_unit_test(a_table_may_have_any_number_of_states_up_to_32),
        cmocka_unit_test(a_state_may_allow_all_32),
        cmocka_unit_test(each_move_is_one_line_at_debug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
