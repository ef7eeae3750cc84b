/* tests/unit/test_act_adopt.c - an adoption that was cut off goes on where it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/act_parts.h"
#include "supervisor/pg_setup.h"
#include "supervisor/supervisor_parts.h"

#define EPOCH 7

/* What a new pgraftd hears of the guard that an earlier one has left. */
struct heard {
    uint16_t kind; /* 0: nothing */
    enum guard_phase phase;
    uint64_t epoch;
    uint64_t armed_epoch;
    bool is_primary;
};

// clang-format off
static const struct {
    const char *text;
    enum pg_role role;
    struct heard first, second;
    enum adopt_step step;
} rows[] = {
    {"nothing runs", ROLE_UNKNOWN, {.kind = GUARD_STATE}, {.kind = 0}, ADOPT_NOTE},
    {"what somebody else runs is held, a standby at once", ROLE_STANDBY,
     {.kind = GUARD_FOREIGN}, {.kind = GUARD_STATE}, ADOPT_HOLD},
    {"... a primary when the guard is armed", ROLE_PRIMARY,
     {.kind = GUARD_FOREIGN, .is_primary = true}, {.kind = GUARD_STATE}, ADOPT_ARM},
    {"a standby that is held is not asked for again: that would be refused for ever", ROLE_STANDBY,
     {.kind = GUARD_STATE, .phase = GUARD_RUN}, {.kind = 0}, ADOPT_RESET},
    {"... nor what is held and has not answered yet", ROLE_UNKNOWN,
     {GUARD_STATE, GUARD_RUN, EPOCH, EPOCH, false}, {.kind = 0}, ADOPT_RESET},
    {"... nor a primary", ROLE_PRIMARY,
     {GUARD_STATE, GUARD_RUN, EPOCH, EPOCH, true}, {.kind = 0}, ADOPT_RESET},
    {"... under another lease the guard hears of that first", ROLE_PRIMARY,
     {GUARD_STATE, GUARD_RUN, EPOCH - 1, EPOCH - 1, true}, {.kind = 0}, ADOPT_ARM},
};
// clang-format on

static void hear(struct guard_seen *seen, const struct heard *what)
{
    const struct guard_event event = {.kind = what->kind,
                                      .phase = what->phase,
                                      .pid = what->kind == GUARD_FOREIGN ? 4711 : 0,
                                      .epoch = what->epoch,
                                      .armed_epoch = what->armed_epoch,
                                      .is_primary = what->is_primary};
    if (what->kind != 0) {
        guard_seen_event(seen, &event, 1000);
    }
}

static void an_adoption_goes_on_where_it_was_cut_off(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        static struct facts f;
        struct guard_seen seen = {.starts = 0};
        memset(&f, 0, sizeof(f));
        guard_seen_begin(&seen);
        hear(&seen, &rows[i].first);
        hear(&seen, &rows[i].second);
        guard_seen_fill(&seen, &f.guard);
        f.pg.process = seen.process;
        f.pg.role = rows[i].role;
        enum adopt_step step = adopt_next(&f, &seen, EPOCH);
        if (step != rows[i].step) {
            fail_msg("\"%s\": step %d", rows[i].text, (int)step);
        }
    }
}

/* Only what ran before the guard goes on without it (act_leave.c). */
static void what_outlives_the_guard_is_told_from_its_child(void **state)
{
    (void)state;
    static struct facts f;
    struct guard_seen seen = {.starts = 0};
    struct guard_event event = {.kind = GUARD_STARTED, .phase = GUARD_RUN, .pid = 4711};
    guard_seen_begin(&seen);
    for (uint64_t adopted = 0; adopted < 2; adopted++) {
        event.is_adopted = adopted;
        event.kind = GUARD_STARTED;
        guard_seen_event(&seen, &event, 1000);
        guard_seen_fill(&seen, &f.guard);
        assert_int_equal(f.guard.is_adopted, adopted);
        event.kind = GUARD_STATE; /* to the next pgraftd */
        guard_seen_begin(&seen);
        guard_seen_event(&seen, &event, 1000);
        guard_seen_fill(&seen, &f.guard);
        assert_int_equal(f.guard.is_adopted, adopted);
    }
    event.kind = GUARD_ENDED;
    guard_seen_event(&seen, &event, 1000);
    guard_seen_fill(&seen, &f.guard);
    assert_false(f.guard.is_adopted);
}

static bool adopts_after(const struct guard_event *event, enum fact is_noted)
{
    static struct supervisor s;
    static struct pg_setup setup;
    memset(&s, 0, sizeof(s));
    s.setup = &setup;
    s.guard.fd = -1;
    s.has_home = true;
    s.home.data = DATA_USABLE;
    s.home.is_noted = is_noted;
    supervisor_guard_event(&s, event);
    return s.adopts;
}

/* The next start need not have --adopt: else the guard would end what it holds with the lease. */
static void what_was_asked_for_once_is_ended_by_the_next_start(void **state)
{
    (void)state;
    const struct guard_event held = {
        .kind = GUARD_STATE, .phase = GUARD_RUN, .pid = 4711, .is_adopted = 1};
    const struct guard_event own = {.kind = GUARD_STATE, .phase = GUARD_RUN, .pid = 4711};
    const struct guard_event foreign = {.kind = GUARD_STATE, .phase = GUARD_IDLE};
    assert_true(adopts_after(&held, FACT_NO));
    assert_false(adopts_after(&held, FACT_YES)); /* it was ended */
    assert_false(adopts_after(&own, FACT_NO));
    assert_false(adopts_after(&foreign, FACT_NO));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_adoption_goes_on_where_it_was_cut_off),
        cmocka_unit_test(what_outlives_the_guard_is_told_from_its_child),
        cmocka_unit_test(what_was_asked_for_once_is_ended_by_the_next_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
