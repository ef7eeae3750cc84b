/* tests/unit/test_guard_decide.c - the guard's decisions, one row a situation; then every
 * combination.
 *
 * The second part walks through all small values of all facts: every rule is reached, and what
 * safety asks for holds wherever one looks, whatever the order of the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "supervisor/guard/decide.h"

/* Bound to epoch 3 with a deadline of 1000, of which ending takes 100; at the time @now. */
#define BOUND(now) \
    .now_ns = (now), .bound_epoch = 3, .armed_epoch = 3, .deadline_ns = 1000, .kill_budget_ns = 100
#define RUNS .phase = GUARD_RUN
#define PRIMARY RUNS, .is_left = true, .is_signal_known = true
#define ORDERED .is_nudge_due = true, .is_order_written = true

// clang-format off
static const struct row {
    const char *says;
    struct guard_facts facts;
    enum guard_action action;
    const char *rule;
} table[] = {
    {"a primary with time left is left alone",
     {BOUND(800), PRIMARY}, GUARD_REST, "steady"},
    {"it is ended when only the kill budget is left",
     {BOUND(900), PRIMARY}, GUARD_DO_END, "deadline"},
    {"one nanosecond before that it is not",
     {BOUND(899), PRIMARY}, GUARD_REST, "steady"},
    {"a deadline of zero has passed",
     {PRIMARY, .now_ns = 1, .bound_epoch = 3, .kill_budget_ns = 100}, GUARD_DO_END, "deadline"},
    {"the deadline applies in recovery too (B1)",
     {BOUND(950), RUNS}, GUARD_DO_END, "deadline"},
    {"... and before the postmaster has started",
     {BOUND(950), .phase = GUARD_PREPARE}, GUARD_DO_END, "deadline"},
    {"... and while a disk hangs",
     {BOUND(950), PRIMARY, .is_errand_busy = true}, GUARD_DO_END, "deadline"},
    {"what is being ended is swept",
     {BOUND(950), .phase = GUARD_END}, GUARD_DO_SWEEP, "ending"},
    {"a standby has no deadline",
     {RUNS, .now_ns = 5000, .armed_epoch = 3, .deadline_ns = 1000}, GUARD_REST, "steady"},
    {"leaving recovery without a grant ends it (B2)",
     {RUNS, .is_left = true}, GUARD_DO_END, "primary-without-a-grant"},
    {"... also when somebody else started it",
     {.phase = GUARD_IDLE, .is_left = true, .is_errand_busy = true}, GUARD_DO_END, "primary-without-a-grant"},
    {"... but not what pgraftd itself does there",
     {.phase = GUARD_IDLE, .is_left = true, .is_hands_off = true}, GUARD_REST, "busy"},
    {"a primary without standby.signal gets it (B3)",
     {BOUND(800), RUNS, .is_left = true}, GUARD_DO_SIGNAL_FILE, "primary-without-standby-signal"},
    {"... when the last errand is back",
     {BOUND(800), RUNS, .is_left = true, .is_errand_busy = true}, GUARD_REST, "busy"},
    {"what ended leaves standby.signal behind",
     {.phase = GUARD_IDLE, .is_signal_owed = true}, GUARD_DO_SIGNAL_FILE, "standby-signal-owed"},
    {"... not before it has ended",
     {RUNS, .is_signal_owed = true}, GUARD_REST, "steady"},
    {"a request takes its first step",
     {.phase = GUARD_PREPARE, .is_work_waiting = true}, GUARD_DO_WORK, "request-waits"},
    {"a promotion that does not begin is asked for again",
     {BOUND(800), RUNS, ORDERED, .order_margin_ns = 150}, GUARD_DO_NUDGE, "promotion-not-begun"},
    {"... but not when too little of the lease is left (B1)",
     {BOUND(800), RUNS, ORDERED, .order_margin_ns = 200}, GUARD_REST, "steady"},
    {"the data directory is looked at",
     {RUNS, .is_look_due = true}, GUARD_DO_LOOK, "look-due"},
};
// clang-format on

static void each_situation_has_its_action(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct guard_decision d = guard_decide(&table[i].facts);
        if (d.action != table[i].action || strcmp(d.rule, table[i].rule) != 0) {
            fail_msg("%s: got %s", table[i].says, d.rule);
        }
    }
}

/* A standby, epoch 3 armed and granted, deadline 1000, promote margin 300, kill budget 100. */
static struct guard_facts armed(void)
{
    return (struct guard_facts){.now_ns = 600,
                                .phase = GUARD_RUN,
                                .armed_epoch = 3,
                                .deadline_ns = 1000,
                                .kill_budget_ns = 100,
                                .has_grant = true,
                                .grant = {3, 1000, 100, 3, 300}};
}

static void an_armed_epoch_with_time_left_may_serve(void **state)
{
    (void)state;
    struct guard_facts f = armed();
    assert_int_equal(guard_may_serve(&f, 3), GUARD_FINE);
    f.now_ns = 699;
    assert_int_equal(guard_may_serve(&f, 3), GUARD_FINE);
}

static void too_late_is_refused(void **state)
{
    (void)state;
    struct guard_facts f = armed();
    f.now_ns = 700;
    assert_int_equal(guard_may_serve(&f, 3), GUARD_LATE);
    f.now_ns = UINT64_MAX;
    assert_int_equal(guard_may_serve(&f, 3), GUARD_LATE);
    f = armed();
    f.grant.promote_margin_ns = 0; /* then the kill budget is the least */
    f.now_ns = 900;
    assert_int_equal(guard_may_serve(&f, 3), GUARD_LATE);
    f = armed();
    f.grant.promote_margin_ns = UINT64_MAX;
    assert_int_equal(guard_may_serve(&f, 3), GUARD_LATE);
    f = armed();
    f.deadline_ns = 0;
    assert_int_equal(guard_may_serve(&f, 3), GUARD_LATE);
}

static void another_epoch_is_refused(void **state)
{
    (void)state;
    struct guard_facts f = armed();
    assert_int_equal(guard_may_serve(&f, 2), GUARD_NO_GRANT);
    assert_int_equal(guard_may_serve(&f, 4), GUARD_NO_GRANT);
    assert_int_equal(guard_may_serve(&f, 0), GUARD_NO_GRANT);
    f.grant.promote_epoch = 0;
    assert_int_equal(guard_may_serve(&f, 3), GUARD_NO_GRANT);
    f = armed();
    f.armed_epoch = 2;
    assert_int_equal(guard_may_serve(&f, 3), GUARD_NOT_ARMED);
    f = armed();
    f.has_grant = false;
    assert_int_equal(guard_may_serve(&f, 3), GUARD_NO_PAGE);
}

static void an_epoch_is_armed_as_the_page_shows_it(void **state)
{
    (void)state;
    struct guard_facts f = armed();
    f.armed_epoch = 0;
    assert_int_equal(guard_may_arm(&f, 3), GUARD_FINE);
    assert_int_equal(guard_may_arm(&f, 4), GUARD_NO_GRANT);
    assert_int_equal(guard_may_arm(&f, 0), GUARD_NO_GRANT);
    f.highest_epoch = 4; /* epochs only grow */
    assert_int_equal(guard_may_arm(&f, 3), GUARD_NO_GRANT);
    f = armed();
    f.now_ns = 1000;
    assert_int_equal(guard_may_arm(&f, 3), GUARD_LATE);
    f.has_grant = false;
    assert_int_equal(guard_may_arm(&f, 3), GUARD_NO_PAGE);
}

/* --- every combination -------------------------------------------------------------------------
 */

static bool bit(unsigned all, unsigned at)
{
    return (all >> at & 1) != 0;
}

static struct guard_facts combination(unsigned all, unsigned phase, uint64_t now)
{
    return (struct guard_facts){.now_ns = now,
                                .phase = (enum guard_phase)phase,
                                .bound_epoch = bit(all, 0) ? 3 : 0,
                                .armed_epoch = bit(all, 1) ? 3 : 0,
                                .deadline_ns = 10,
                                .kill_budget_ns = 2,
                                .has_grant = bit(all, 2),
                                .grant = {3, 10, 2, bit(all, 3) ? 3 : 0, 4},
                                .is_left = bit(all, 4),
                                .is_hands_off = bit(all, 5),
                                .is_signal_known = bit(all, 6),
                                .is_signal_owed = bit(all, 7),
                                .is_errand_busy = bit(all, 8),
                                .is_work_waiting = bit(all, 9),
                                .is_look_due = bit(all, 10),
                                .is_nudge_due = bit(all, 11),
                                .is_order_written = bit(all, 12),
                                .order_margin_ns = 4};
}

static void check(const struct guard_facts *f, const struct guard_decision *d)
{
    bool over = f->bound_epoch != 0 && f->now_ns >= 8;
    if (over && f->phase != GUARD_END) {
        MUST(d->action == GUARD_DO_END);
    }
    if (f->phase == GUARD_END) {
        MUST(d->action == GUARD_DO_SWEEP);
    }
    if (f->is_left && f->bound_epoch == 0 && !f->is_hands_off && f->phase != GUARD_END) {
        MUST(d->action == GUARD_DO_END);
    }
    if (d->action == GUARD_DO_NUDGE) {
        MUST(f->bound_epoch != 0 && f->now_ns < 6);
    }
    if (d->action == GUARD_DO_END) {
        MUST(over || (f->is_left && f->bound_epoch == 0));
    }
    if (guard_may_serve(f, 3) == GUARD_FINE) {
        MUST(f->has_grant && f->armed_epoch == 3 && f->grant.promote_epoch == 3 && f->now_ns < 6);
    }
}

#define RULES 10 /* as many as decide.c has rows */

struct reached {
    const char *rules[RULES + 1];
    size_t count;
};

static void note(struct reached *reached, const char *rule)
{
    for (size_t i = 0; i < reached->count; i++) {
        if (strcmp(reached->rules[i], rule) == 0) {
            return;
        }
    }
    MUST(reached->count < ARRAY_LEN(reached->rules));
    reached->rules[reached->count++] = rule;
}

/* The deadline of a primary may have come while the guard was frozen, with the request waiting. */
static void a7_what_is_to_be_ended_is_not_let_go(void **state)
{
    (void)state;
    struct guard_facts f = armed();
    f.is_left = true;
    assert_int_equal(guard_may_leave(&f), GUARD_NO_GRANT); /* nobody was to be primary */
    f.bound_epoch = 3;
    f.now_ns = 899;
    assert_int_equal(guard_may_leave(&f), GUARD_FINE);
    f.now_ns = 900;
    assert_int_equal(guard_may_leave(&f), GUARD_LATE);
    f.is_left = false;
    f.bound_epoch = 0;
    assert_int_equal(guard_may_leave(&f), GUARD_FINE); /* a standby has no deadline */
}

static void every_rule_is_reached_and_none_breaks_safety(void **state)
{
    (void)state;
    struct reached reached = {0};
    for (unsigned all = 0; all < 1U << 13; all++) {
        for (unsigned phase = GUARD_IDLE; phase <= GUARD_END; phase++) {
            for (uint64_t now = 4; now <= 11; now++) {
                struct guard_facts f = combination(all, phase, now);
                struct guard_decision d = guard_decide(&f);
                check(&f, &d);
                note(&reached, d.rule);
            }
        }
    }
    assert_int_equal(reached.count, RULES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_situation_has_its_action),
        cmocka_unit_test(an_armed_epoch_with_time_left_may_serve),
        cmocka_unit_test(too_late_is_refused),
        cmocka_unit_test(another_epoch_is_refused),
        cmocka_unit_test(an_epoch_is_armed_as_the_page_shows_it),
        cmocka_unit_test(a7_what_is_to_be_ended_is_not_let_go),
        cmocka_unit_test(every_rule_is_reached_and_none_breaks_safety),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
