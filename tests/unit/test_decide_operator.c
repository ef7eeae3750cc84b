/* tests/unit/test_decide_operator.c - what an operator has a node do, by the rules of decide(): a
 * restart and a new copy, and what goes before them. That each rule fires is test_decide.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/decide.h"
#include "tests/lib/facts_kit.h"
#include "tests/unit/decide_changes.h"

#define CHANGE(name) static void name(struct facts *f)

CHANGE(role_is_wanted_elsewhere)
{
    f->wish.switchover = true;
    f->wish.candidate = kit_name(3);
}
CHANGE(half_cloned)
{
    f->pg.data = DATA_BROKEN;
    f->pg.copy = 0;
    f->pg.end.is_known = false;
    f->pg.process = PG_ABSENT;
}

CHANGE(on_the_timeline_before)
{
    unrecorded(f);
    f->store.grant_timeline = KIT_TIMELINE + 1;
    f->pg.primary_epoch = KIT_EPOCH;
}
CHANGE(down_and_diverged)
{
    down(f);
    ahead_of_the_fork(f);
}

CHANGE(store_is_old)
{
    f->store.is_current = FACT_NO;
}
CHANGE(data_unseen)
{
    f->pg.data = DATA_UNKNOWN;
    f->pg.copy = 0;
}

// clang-format off
static const struct {
    const char *text;
    kit_change node;
    kit_change changes[KIT_CHANGES_MAX];
    enum action action;
    const char *rule;
} situations[] = {
    {"... after an election", kit_standby, {to_be_restarted, order_above}, ACTION_SEAL, "seal"},
    {"... in which it waits for the choice", kit_standby, {to_be_restarted, order_above, sealed_for_it}, ACTION_WAIT, "sealed"},
    {"... again and again, until it is down", kit_standby, {to_be_restarted, shuts_down}, ACTION_STOP, "restart-standby"},
    {"... and starts", kit_standby, {to_be_restarted, down}, ACTION_START_STANDBY, "start-standby"},
    {"A7: ... also in a pause", kit_standby, {to_be_restarted, down, paused}, ACTION_START_STANDBY, "start-standby"},
    {"... also in a pause", kit_primary, {to_be_restarted, paused}, ACTION_STOP, "restart-primary"},
    {"... not by a guess at the configuration", kit_primary, {to_be_restarted, config_is_unknown}, ACTION_WAIT, "serving"},
    {"... nor before its timeline is recorded", kit_primary, {to_be_restarted, unrecorded}, ACTION_RECORD, "record-timeline"},
    {"... nor where the role is wanted elsewhere", kit_primary, {to_be_restarted, role_is_wanted_elsewhere}, ACTION_HAND_OVER, "hand-over"},
    {"... its shutdown has a while", kit_primary, {to_be_restarted, shuts_down}, ACTION_WAIT, "granted"},
    {"... and goes on in place, though others could take over", kit_primary, {crashed, to_be_restarted}, ACTION_START_PRIMARY, "restart-in-place"},
    {"... also where a crash would be a failover by setting", kit_primary, {crashed, to_be_restarted, loss_is_borne, never_restarted}, ACTION_START_PRIMARY, "restart-in-place"},
    {"A7: ... also in a pause", kit_primary, {crashed, to_be_restarted, paused}, ACTION_START_PRIMARY, "restart-in-place"},
    {"C3: ... not on the timeline that it was to leave", kit_primary, {crashed, on_the_timeline_before, to_be_restarted, paused}, ACTION_WAIT, "paused-and-down"},
    {"A7: a restart in a pause discards nothing", kit_standby, {down_and_diverged, to_be_restarted, paused}, ACTION_WAIT, "paused-and-down"},
    {"... without one it is as ever", kit_standby, {down_and_diverged, to_be_restarted}, ACTION_RETURN, "come-back"},
    {"A7: nor does a clone that a proof forbids", kit_standby, {down, to_be_cloned, paused}, ACTION_WAIT, "paused-and-down"},
    {"... not before the store was read", kit_primary, {crashed, to_be_restarted, pause_unread}, ACTION_WAIT, "unread-and-down"},
    {"... not without a lease", kit_primary, {to_be_restarted, lease_is_over}, ACTION_KILL, "primary-without-lease"},
    {"... not with too little of it left", kit_primary, {crashed, to_be_restarted, too_late_to_promote}, ACTION_RELEASE, "restart-too-late"},
    {"... and not for ever: another one takes over", kit_primary, {starts_slowly, starts_for_too_long, to_be_restarted}, ACTION_KILL, "restart-hangs"},
    {"A7: ... also in a pause", kit_standby, {to_be_cloned, no_commit_counts_on_it, down, paused}, ACTION_RETURN, "asked-to-clone"},
    {"C4: ... not by a store that nobody has confirmed", kit_standby, {to_be_cloned, no_commit_counts_on_it, store_is_old}, ACTION_WAIT, "steady"},
    {"C4: ... nor by a guess at what a commit asks for", kit_standby, {to_be_cloned, no_commit_counts_on_it, config_is_unknown}, ACTION_WAIT, "steady"},
    {"C4: ... nor where nobody knows which copy it is", kit_standby, {to_be_cloned, no_commit_counts_on_it, data_unseen}, ACTION_WAIT, "steady"},
    {"... which half of one does not", kit_standby, {to_be_cloned, half_cloned}, ACTION_RETURN, "asked-to-clone"},
    {"... nor one that has nothing of the newest timeline", kit_standby, {to_be_cloned, ahead_of_the_fork}, ACTION_RETURN, "asked-to-clone"},
};
// clang-format on

static void an_operator_s_wish_has_its_place_among_the_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(situations); i++) {
        struct facts f;
        situations[i].node(&f);
        for (size_t k = 0; k < KIT_CHANGES_MAX && situations[i].changes[k] != NULL; k++) {
            situations[i].changes[k](&f);
        }
        struct decision d = decide(&f);
        if (d.action != situations[i].action || strcmp(d.rule, situations[i].rule) != 0) {
            fail_msg("\"%s\": %s by %s", situations[i].text, action_name(d.action), d.rule);
        }
    }
}

/* C4: while it runs what it proves may change, and it writes: its WAL is kept when it is down. */
static void a_clone_is_decided_when_it_is_down(void **state)
{
    (void)state;
    struct facts f;
    kit_standby(&f);
    to_be_cloned(&f);
    no_commit_counts_on_it(&f);
    assert_int_equal(decide(&f).back.step, RETURN_KEEP_WAL);
    f.back.wal_kept = true; /* by an earlier one */
    assert_int_equal(decide(&f).back.step, RETURN_KEEP_WAL);
    down(&f);
    assert_int_equal(decide(&f).back.step, RETURN_CLONE);
    f.back.wal_kept = false;
    assert_int_equal(decide(&f).back.step, RETURN_KEEP_WAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operator_s_wish_has_its_place_among_the_rules),
        cmocka_unit_test(a_clone_is_decided_when_it_is_down),
    };
    return cmocka_run_group_tests_name("decide_operator", tests, NULL, NULL);
}
