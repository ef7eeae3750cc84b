/* tests/unit/test_decide_random.c - the policy of one node: random facts against what must never be
 * done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/decide.h"
#include "tests/lib/facts_kit.h"
#include "tests/lib/random.h"
#include "tests/lib/standby_kit.h"

static enum fact any_fact(struct test_random *r)
{
    return (enum fact)random_below(r, 3);
}

static void shake_pg(struct facts *f, struct test_random *r)
{
    f->pg.process = (enum pg_process)random_below(r, PG_STOPPING + 1);
    f->pg.role = (enum pg_role)random_below(r, ROLE_PRIMARY + 1);
    f->pg.data =
        random_percent(r, 70) ? DATA_USABLE : (enum pg_data)random_below(r, DATA_FOREIGN + 1);
    f->pg.is_noted = random_percent(r, 80) ? FACT_YES : any_fact(r);
    f->pg.answers = any_fact(r);
    f->pg.data_answers = any_fact(r);
    f->pg.copy = 100 + random_below(r, 4);
    f->pg.sealed_epoch = KIT_EPOCH - 1 + random_below(r, 4);
    f->pg.receiver = (enum pg_receiver)random_below(r, 3);
    f->pg.receiver_gone_twice = random_percent(r, 70);
    f->pg.end_after_seal = random_percent(r, 70);
    f->pg.conninfo_empty = any_fact(r);
    f->pg.signal_synced = any_fact(r);
    f->pg.force = (enum sync_force)random_below(r, FORCE_FOREIGN + 1);
    f->pg.end = kit_at(4 + (uint32_t)random_below(r, 4), random_below(r, 6000));
    f->pg.end.is_known = random_percent(r, 90);
    f->pg.end_unread_ms = random_below(r, 40000);
    f->pg.starting_ms = random_below(r, 600000);
    f->pg.still_ms = random_below(r, 60000);
    f->pg.had = kit_at(4 + (uint32_t)random_below(r, 4), random_below(r, 6000));
    f->pg.had.is_known = random_percent(r, 80);
    f->pg.killing_ms = random_below(r, 10000);
    f->pg.signal_ms = random_below(r, 40000);
    f->pg.restart_ms = random_below(r, 600000);
    f->settings.restart_max_ms = random_percent(r, 20) ? 0 : random_below(r, 600000);
    f->pg.primary_epoch = random_percent(r, 70) ? 0 : KIT_EPOCH - 1 + random_below(r, 4);
    f->pg.crashes = (uint32_t)random_below(r, 6);
    f->pg.ended_epoch = random_percent(r, 70) ? 0 : KIT_EPOCH - 1 + random_below(r, 4);
    if (random_percent(r, 50)) {
        f->pg.upstream.text[0] = '\0';
    }
}

static void shake_rest(struct facts *f, struct test_random *r)
{
    f->guard.state = (enum guard_state)random_below(r, GUARD_WELL + 1);
    f->guard.armed_epoch = KIT_EPOCH - 1 + random_below(r, 4);
    f->guard.promoted_epoch = KIT_EPOCH - 1 + random_below(r, 4);
    f->guard.promotion_seen = any_fact(r);
    f->lease.epoch = random_percent(r, 40) ? 0 : KIT_EPOCH - 1 + random_below(r, 4);
    f->lease.remaining_ms = random_below(r, 5000);
    f->lease.age_ms = random_below(r, 40000);
    f->store.grant_epoch = KIT_EPOCH + random_below(r, 2);
    f->store.order_epoch = KIT_EPOCH + random_below(r, 3);
    f->store.lease_stands = random_percent(r, 60);
    f->store.paused = any_fact(r);
    f->store.held = any_fact(r);
    f->store.initialized = random_percent(r, 80) ? FACT_YES : any_fact(r);
    f->store.sync_pending = random_percent(r, 20);
    f->settings.is_guess = random_percent(r, 10);
    f->wish.stop = random_percent(r, 10);
    f->wish.switchover = random_percent(r, 20);
    f->wish.is_over = random_percent(r, 10);
    f->wish.clone = random_percent(r, 10);
    f->wish.restart = random_percent(r, 20);
    f->wish.adopt = random_percent(r, 50);
    f->wish.pre_promote = random_percent(r, 50)
                              ? PRE_PROMOTE_NONE
                              : (enum pre_promote)random_below(r, PRE_PROMOTE_REFUSED + 1);
    f->wish.pre_promote_ms = random_percent(r, 90) ? 0 : random_below(r, 60000);
    f->back.wal_kept = random_percent(r, 50);
    f->back.is_stuck = random_percent(r, 30);
    f->back.falls = (uint32_t)random_below(r, 3);
    f->pg.end_lost = random_percent(r, 20);
    f->back.damage = random_percent(r, 70) ? DAMAGE_NONE : (enum damage)random_below(r, 3);
    f->guard.owes_start = random_percent(r, 20);
    f->guard.is_adopted = random_percent(r, 50);
    f->pg.misses_lsn = random_percent(r, 70) ? 0 : KIT_LSN - 2000 + random_below(r, 2000);
    for (uint32_t i = 0; i < f->member_count; i++) {
        f->members[i].is_fresh = random_percent(r, 70);
        f->members[i].follows_epoch = KIT_EPOCH - 1 + random_below(r, 3);
    }
}

/* What safety asks for, said another way than the table does. */
static void look(const struct facts *f, const struct decision *d)
{
    bool seen = f->pg.process != PG_UNKNOWN || f->guard.state != GUARD_UNKNOWN;
    bool ours =
        f->pg.data != DATA_FOREIGN && !(f->pg.data == DATA_USABLE && f->pg.is_noted == FACT_NO);
    bool lives = f->lease.epoch != 0 && f->lease.remaining_ms > f->settings.times.kill_budget_ms;
    if (seen && ours && f->pg.process != PG_ABSENT && f->pg.role == ROLE_PRIMARY &&
        (!lives || f->guard.promoted_epoch != f->lease.epoch)) {
        assert_int_equal(d->action, ACTION_KILL);
    }
    if (d->action == ACTION_PROMOTE) {
        assert_true(lives && f->guard.state == GUARD_WELL && f->pg.role == ROLE_STANDBY);
        assert_true(f->guard.armed_epoch == f->lease.epoch && f->pg.sealed_epoch == f->lease.epoch);
        assert_true(f->store.order_epoch <= f->lease.epoch && f->pg.copy == f->store.holder_copy);
        assert_true(f->pg.receiver == RECEIVER_GONE && f->pg.end_after_seal);
        assert_true(
            f->store.initialized == FACT_NO ||
            (f->wish.pre_promote != PRE_PROMOTE_DUE && f->wish.pre_promote != PRE_PROMOTE_REFUSED));
    }
    if (d->action == ACTION_LEAVE) { /* nobody else can be primary, and what goes on is well */
        bool is_one = f->pg.role == ROLE_PRIMARY && lives &&
                      f->guard.promoted_epoch == f->lease.epoch &&
                      f->pg.sealed_epoch <= f->lease.epoch;
        assert_true(f->wish.stop && f->store.held == FACT_YES && f->guard.is_adopted);
        assert_true(is_one || f->pg.role == ROLE_STANDBY);
    }
    if (d->action == ACTION_RELEASE || d->action == ACTION_START_PRIMARY ||
        d->action == ACTION_START_STANDBY || d->action == ACTION_START_GUARD) {
        assert_int_equal(f->pg.process, PG_ABSENT);
    }
    if (d->action == ACTION_START_STANDBY && f->lease.epoch != 0) {
        assert_true(f->pg.end.is_known || f->pg.end_unread_ms > f->settings.times.start_max_ms);
    }
    if (d->action == ACTION_FOLLOW) {
        assert_true(f->store.grant_epoch >= f->pg.sealed_epoch && f->store.lease_stands);
        assert_true(f->store.order_epoch <= f->store.grant_epoch);
    }
    bool discards = d->action == ACTION_RETURN &&
                    (d->back.step == RETURN_REWIND || d->back.step == RETURN_CLONE);
    if (discards) { /* whatever the reason: a primary has all that counts, and the rest is kept */
        assert_true(f->store.grant_epoch >= f->pg.sealed_epoch && f->store.lease_stands);
        assert_true(f->store.order_epoch <= f->store.grant_epoch && f->lease.epoch == 0);
        assert_true(f->pg.copy == 0 || f->pg.copy != f->store.holder_copy);
        assert_true(f->members[0].primary_epoch == f->store.grant_epoch && f->members[0].is_fresh);
        assert_true(f->pg.data != DATA_USABLE || f->back.wal_kept);
    }
    if (d->renews) {
        assert_true(f->lease.epoch != 0);
    }
    if (f->pg.data_answers == FACT_NO && f->pg.process == PG_RUNNING && d->action == ACTION_WAIT) {
        assert_false(d->renews);
    }
}

static void random_facts_never_do_what_must_not_be_done(void **state)
{
    (void)state;
    struct test_random r = {.state = 1};
    size_t actions[ACTIONS] = {0};
    void (*const nodes[])(struct facts *) = {kit_standby, kit_primary, kit_chosen};
    for (size_t i = 0; i < 200000; i++) {
        struct facts f;
        nodes[i % ARRAY_LEN(nodes)](&f);
        if (random_percent(&r, 70)) {
            shake_pg(&f, &r);
        }
        if (random_percent(&r, 70)) {
            shake_rest(&f, &r);
        }
        struct decision d = decide(&f);
        char text[600];
        actions[d.action]++;
        look(&f, &d);
        if (i % 100 == 0) {
            decide_explain(&f, &d, text, sizeof(text));
            assert_non_null(strstr(text, d.rule));
        }
    }
    for (size_t a = 0; a < ACTIONS; a++) {
        if (actions[a] == 0 && a != ACTION_INITDB && a != ACTION_HAND_OVER) {
            fail_msg("%s was never decided", action_name((enum action)a));
        }
    }
}

/* The same of a standby cluster: nobody in it becomes primary, by whatever is known of it. */
static void look_at_standby(const struct facts *f, const struct decision *d)
{
    bool seen = f->pg.process != PG_UNKNOWN || f->guard.state != GUARD_UNKNOWN;
    bool ours =
        f->pg.data != DATA_FOREIGN && !(f->pg.data == DATA_USABLE && f->pg.is_noted == FACT_NO);
    bool leads = f->lease.epoch != 0 && f->lease.epoch == f->store.grant_epoch;
    assert_int_not_equal(d->action, ACTION_PROMOTE);
    assert_int_not_equal(d->action, ACTION_START_PRIMARY);
    if (leads) {
        assert_int_not_equal(d->action, ACTION_ARM);
        assert_int_not_equal(d->action, ACTION_INITDB);
        assert_int_not_equal(d->action, ACTION_WRITE_SIGNAL);
        assert_int_not_equal(d->action, ACTION_SYNC_SET);
        assert_int_not_equal(d->action, ACTION_HAND_OVER);
    }
    if (seen && ours && leads && f->pg.process != PG_ABSENT && f->pg.role == ROLE_PRIMARY) {
        assert_int_equal(d->action, ACTION_KILL);
    }
    if (d->action == ACTION_RELEASE && f->pg.process != PG_ABSENT) {
        assert_true(leads && f->pg.role == ROLE_STANDBY && f->guard.state == GUARD_WELL);
        assert_true(f->guard.promotion_seen == FACT_NO && !f->guard.owes_start);
        assert_true(f->guard.armed_epoch != f->lease.epoch);
        assert_true(f->guard.promoted_epoch != f->lease.epoch);
    }
    if (d->action == ACTION_FOLLOW || (d->action == ACTION_RETURN && leads)) {
        assert_true(f->store.grant_epoch >= f->pg.sealed_epoch);
        assert_true(f->store.order_epoch <= f->store.grant_epoch);
        assert_true(leads || f->store.lease_stands);
    }
    bool discards = d->action == ACTION_RETURN &&
                    (d->back.step == RETURN_REWIND || d->back.step == RETURN_CLONE);
    if (discards) {
        assert_true(f->lease.epoch == 0 || leads);
        assert_true(f->pg.data != DATA_USABLE || f->back.wal_kept);
        assert_true(leads || (f->members[0].is_fresh && f->members[0].role == ROLE_STANDBY));
    }
    if (d->renews) {
        assert_true(f->lease.epoch != 0);
    }
}

static void random_facts_make_nobody_primary_in_a_standby_cluster(void **state)
{
    (void)state;
    struct test_random r = {.state = 2};
    size_t actions[ACTIONS] = {0};
    for (size_t i = 0; i < 200000; i++) {
        struct facts f;
        (i % 2 == 0 ? kit_leader : kit_follower)(&f);
        if (random_percent(&r, 70)) {
            shake_pg(&f, &r);
        }
        if (random_percent(&r, 70)) {
            shake_rest(&f, &r);
        }
        f.settings.is_standby_cluster = random_percent(&r, 80);
        f.pg.follows_epoch = random_percent(&r, 50) ? 0 : f.pg.follows_epoch;
        struct decision d = decide(&f);
        actions[d.action]++;
        look_at_standby(&f, &d);
    }
    static const enum action done[] = {ACTION_KILL,   ACTION_STOP,   ACTION_RELEASE,
                                       ACTION_SEAL,   ACTION_RECORD, ACTION_START_STANDBY,
                                       ACTION_FOLLOW, ACTION_RETURN, ACTION_WAIT};
    for (size_t i = 0; i < ARRAY_LEN(done); i++) {
        if (actions[done[i]] == 0) {
            fail_msg("%s was never decided", action_name(done[i]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_facts_never_do_what_must_not_be_done),
        cmocka_unit_test(random_facts_make_nobody_primary_in_a_standby_cluster),
    };
    return cmocka_run_group_tests_name("decide_random", tests, NULL, NULL);
}
