/* supervisor/guard/decide.c - the guard's rules, in the order in which they count.
 *
 * First match wins, so ORDER IS THE POLICY. tests/unit/test_guard_decide.c fails if a row is never
 * reached. */
#include "supervisor/guard/decide.h"

#include "base/must.h"

uint64_t guard_end_ns(const struct guard_facts *f)
{
    if (f->bound_epoch == 0) {
        return UINT64_MAX;
    }
    return f->deadline_ns > f->kill_budget_ns ? f->deadline_ns - f->kill_budget_ns : 0;
}

/* Less than the promote margin is left. What does not fit into 64 bits is late too. */
static bool is_late(const struct guard_facts *f, uint64_t margin_ns)
{
    return f->deadline_ns < margin_ns || f->now_ns >= f->deadline_ns - margin_ns;
}

enum guard_reason guard_may_arm(const struct guard_facts *f, uint64_t epoch)
{
    if (!f->has_grant) {
        return GUARD_NO_PAGE;
    }
    if (epoch == 0 || f->grant.epoch != epoch || epoch < f->highest_epoch) {
        return GUARD_NO_GRANT;
    }
    return f->now_ns < f->grant.deadline_ns ? GUARD_FINE : GUARD_LATE;
}

enum guard_reason guard_may_serve(const struct guard_facts *f, uint64_t epoch)
{
    if (!f->has_grant) {
        return GUARD_NO_PAGE;
    }
    if (epoch == 0 || f->grant.epoch != epoch || f->grant.promote_epoch != epoch) {
        return GUARD_NO_GRANT;
    }
    if (f->armed_epoch != epoch) {
        return GUARD_NOT_ARMED;
    }
    return is_late(f, f->grant.promote_margin_ns) || is_late(f, f->kill_budget_ns) ? GUARD_LATE
                                                                                   : GUARD_FINE;
}

static bool deadline_has_come(const struct guard_facts *f)
{
    return f->phase != GUARD_END && f->now_ns >= guard_end_ns(f);
}

static bool is_ending(const struct guard_facts *f)
{
    return f->phase == GUARD_END;
}

static bool left_without_grant(const struct guard_facts *f)
{
    return f->is_left && f->bound_epoch == 0 && !f->is_hands_off;
}

enum guard_reason guard_may_leave(const struct guard_facts *f)
{
    return deadline_has_come(f) ? GUARD_LATE : left_without_grant(f) ? GUARD_NO_GRANT : GUARD_FINE;
}

static bool is_busy(const struct guard_facts *f)
{
    return f->is_errand_busy || f->is_hands_off;
}

static bool needs_signal_file(const struct guard_facts *f)
{
    return f->is_left && f->bound_epoch != 0 && !f->is_signal_known;
}

static bool owes_signal_file(const struct guard_facts *f)
{
    return f->phase == GUARD_IDLE && f->is_signal_owed;
}

static bool has_work(const struct guard_facts *f)
{
    return f->is_work_waiting;
}

static bool has_to_look(const struct guard_facts *f)
{
    return f->is_look_due;
}

static bool may_nudge(const struct guard_facts *f)
{
    return f->is_nudge_due && f->is_order_written && f->bound_epoch != 0 && !f->is_left &&
           !is_late(f, f->order_margin_ns);
}

static bool always(const struct guard_facts *f)
{
    (void)f;
    return true;
}

// clang-format off
static const struct {
    bool (*when)(const struct guard_facts *f);
    enum guard_action then;
    enum guard_reason reason;
    const char *rule;
} rules[] = {
    {deadline_has_come,  GUARD_DO_END,         GUARD_BY_DEADLINE,  "deadline"},
    {is_ending,          GUARD_DO_SWEEP,       GUARD_FINE,         "ending"},
    {left_without_grant, GUARD_DO_END,         GUARD_BY_UNGRANTED, "primary-without-a-grant"},
    {is_busy,            GUARD_REST,           GUARD_FINE,         "busy"},
    {needs_signal_file,  GUARD_DO_SIGNAL_FILE, GUARD_FINE,         "primary-without-standby-signal"},
    {owes_signal_file,   GUARD_DO_SIGNAL_FILE, GUARD_FINE,         "standby-signal-owed"},
    {has_work,           GUARD_DO_WORK,        GUARD_FINE,         "request-waits"},
    {may_nudge,          GUARD_DO_NUDGE,       GUARD_FINE,         "promotion-not-begun"},
    {has_to_look,        GUARD_DO_LOOK,        GUARD_FINE,         "look-due"},
    {always,             GUARD_REST,           GUARD_FINE,         "steady"},
};
// clang-format on

struct guard_decision guard_decide(const struct guard_facts *facts)
{
    for (unsigned i = 0; i < ARRAY_LEN(rules); i++) {
        if (rules[i].when(facts)) {
            return (struct guard_decision){rules[i].then, rules[i].reason, rules[i].rule};
        }
    }
    UNREACHABLE("the last rule always matches");
}
