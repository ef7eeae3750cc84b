/* tests/unit/test_wish.c - what the primary makes of a wish for another one, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/wish.h"

#define AT "2026-12-01T04:00:00+01:00"
#define AT_MS UINT64_C(1796094000000)
#define LEFT "the primary that it was to leave is not the primary any more"
#define IS_IT "the candidate is the primary already"
#define UNREAD "its time can not be read, or has no zone"
#define IN_VAIN "nobody could take over without a loss in time"
#define PAUSED "nobody is made primary during a pause"
#define BEHIND "no standby had all of the WAL when PostgreSQL was down"

#define NOW(from, to)                            \
    {                                            \
        .leader = {(from)}, .candidate = {(to) } \
    }
#define LATER(at)                                                                           \
    {                                                                                       \
        .leader = {"pg1"}, .candidate = {"pg2"}, .is_scheduled = true, .scheduled_at = (at) \
    }

// clang-format off
static const struct {
    struct wish_seen seen;
    enum wish_step step;
    const char *why;
} rows[] = {
    {{.row = NOW("pg1", "pg2")}, WISH_WAIT, NULL},
    {{.row = NOW("pg1", ""), .seen_ms = 9999}, WISH_WAIT, NULL},
    {{.row = NOW("", "pg2"), .seen_ms = 10000}, WISH_DROP, IN_VAIN},
    {{.row = NOW("", "pg2"), .seen_ms = 10000, .is_begun = true}, WISH_WAIT, NULL},
    {{.row = NOW("pg1", "pg2"), .is_paused = true}, WISH_WAIT, NULL},
    {{.row = NOW("pg1", "pg2"), .is_paused = true, .seen_ms = 10000}, WISH_DROP, PAUSED},
    {{.row = {.candidate = {"pg2"}, .accepts_loss = true}, .is_paused = true, .seen_ms = 3600000}, WISH_WAIT, NULL},
    {{.row = {.candidate = {"pg2"}, .accepts_loss = true}, .seen_ms = 10000}, WISH_DROP, IN_VAIN},
    {{.row = NOW("pg1", "pg2"), .is_refused = true}, WISH_DROP, BEHIND},
    {{.row = NOW("pg1", "pg2"), .is_refused = true, .is_paused = true}, WISH_DROP, PAUSED},
    {{.row = NOW("pg1", "pg2"), .failed = "CHECKPOINT: not done in time"}, WISH_WAIT, NULL},
    {{.row = NOW("pg1", "pg2"), .failed = "CHECKPOINT: not done in time", .seen_ms = 10000}, WISH_DROP, "CHECKPOINT: not done in time"},
    {{.row = NOW("pg2", "pg3")}, WISH_DROP, LEFT},
    {{.row = NOW("pg2", "pg1")}, WISH_DROP, LEFT},
    {{.row = NOW("", "pg1")}, WISH_DROP, IS_IT},
    {{.row = LATER(AT), .wall_ms = AT_MS - 1, .seen_ms = 3600000}, WISH_WAIT, NULL},
    {{.row = LATER(AT), .wall_ms = AT_MS}, WISH_BEGIN, NULL},
    {{.row = LATER(AT), .wall_ms = AT_MS + 15000}, WISH_BEGIN, NULL},
    {{.row = LATER(AT), .wall_ms = AT_MS + 15001}, WISH_DROP, "its time was missed"},
    {{.row = LATER(AT), .wall_ms = AT_MS, .is_paused = true}, WISH_WAIT, NULL},
    {{.row = LATER(AT), .wall_ms = AT_MS + 15001, .is_paused = true}, WISH_DROP, "its time came during a pause"},
    {{.row = LATER("2026-12-01T04:00:00"), .wall_ms = 1}, WISH_DROP, UNREAD},
    {{.row = LATER("soon"), .wall_ms = 1}, WISH_DROP, UNREAD},
    {{.row = {.leader = {"pg2"}, .is_scheduled = true, .scheduled_at = AT}, .wall_ms = 1}, WISH_DROP, LEFT},
};
// clang-format on

static void each_wish_has_its_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct wish_seen seen = rows[i].seen;
        seen.self = (struct facts_name){"pg1"};
        struct wish_plan plan = wish_plan(&seen);
        assert_int_equal(plan.step, rows[i].step);
        assert_int_equal(plan.why == NULL, rows[i].why == NULL);
        if (plan.why != NULL) {
            assert_string_equal(plan.why, rows[i].why);
        }
    }
}

/* Who asked is told of a drop before the store has it. */
static void what_is_dropped_is_not_begun_any_more(void **state)
{
    (void)state;
    struct wish_seen seen = {.seen_ms = 9999};
    assert_false(wish_is_over(&seen));
    seen.is_answered = true;
    assert_true(wish_is_over(&seen));
    seen.is_begun = true;
    assert_false(wish_is_over(&seen));
    seen = (struct wish_seen){.seen_ms = 10000};
    assert_true(wish_is_over(&seen));
    seen.is_begun = true; /* its checkpoint takes what it takes */
    assert_false(wish_is_over(&seen));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_wish_has_its_step),
        cmocka_unit_test(what_is_dropped_is_not_begun_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
