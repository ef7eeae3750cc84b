/* tests/unit/test_sync_set.c - in which order synchronous_standby_names and its published value
 * change: whole walks, and every combination of three sets, step by step, against the promise
 * itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/proof.h"
#include "supervisor/sync_set.h"
#include "tests/lib/facts_kit.h"

static struct sync_set set_of_one(unsigned node)
{
    return (struct sync_set){.needed = 1, .count = 1, .at = {kit_copy(node)}};
}

static void expect(const struct facts *f, enum sync_step step, uint32_t sets)
{
    struct sync_plan plan = sync_plan(f);
    if (plan.step != step || (step == SYNC_STEP_PUBLISH && plan.publish.count != sets)) {
        fail_msg("step %d with %u sets: %s", (int)plan.step, (unsigned)plan.publish.count,
                 plan.why);
    }
}

/* The step happens at once. */
static struct sync_plan go_on(struct facts *f)
{
    struct sync_plan plan = sync_plan(f);
    if (plan.step == SYNC_STEP_PUBLISH) {
        assert_int_equal(plan.revision, f->store.sync_revision);
        f->store.sync = plan.publish;
        f->store.sync_revision++;
    } else if (plan.step == SYNC_STEP_APPLY) {
        f->pg.force = FORCE_OURS;
        f->pg.set_in_force = plan.apply;
        f->pg.in_force_lsn = f->pg.end.lsn;
    }
    return plan;
}

static void what_is_wanted_stays(void **state)
{
    (void)state;
    struct facts f;
    kit_primary(&f);
    expect(&f, SYNC_STEP_NONE, 0);
}

static void c4_a_set_is_published_before_it_is_applied_and_the_old_one_dropped_last(void **state)
{
    (void)state;
    struct facts f;
    kit_primary(&f);
    f.members[2].is_fresh = f.members[2].is_recent = false; /* pg3 went away */
    expect(&f, SYNC_STEP_PUBLISH, 2);
    (void)go_on(&f);
    expect(&f, SYNC_STEP_APPLY, 0);
    (void)go_on(&f);
    f.pg.in_force_lsn = KIT_LSN + 1; /* pg2 has not all that pg3 may have acknowledged */
    expect(&f, SYNC_STEP_WAIT, 0);
    f.members[1].end.lsn = KIT_LSN + 1;
    expect(&f, SYNC_STEP_PUBLISH, 1);
    (void)go_on(&f);
    expect(&f, SYNC_STEP_NONE, 0);
}

/* What a look sees of the set in force: the newest published one that has its names. */
static void look_at_force(struct facts *f)
{
    const struct sync_set *as = sync_published_as(&f->store.sync, &f->pg.set_in_force);
    MUST(as != NULL);
    f->pg.set_in_force = *as;
}

/* pg2 is the one synchronous standby, and its data directory is made anew: the text stays. */
static void begin_with_one(struct facts *f, bool is_strict)
{
    kit_primary(f);
    f->settings.sync_strict = is_strict;
    f->members[2].is_fresh = f->members[2].is_recent = false;
    f->pg.set_in_force = f->store.sync.sets[0] = set_of_one(2);
    expect(f, SYNC_STEP_NONE, 0);
    f->members[1].follows_epoch = 0;
    expect(f, SYNC_STEP_WAIT, 0);
}

static void another_copy_of_pg2(struct facts *f, uint64_t copy)
{
    f->members[1].copy = copy;
    f->members[1].has_data = true;
    f->members[1].follows_epoch = KIT_EPOCH;
    f->members[1].end.lsn = KIT_LSN;
    f->pg.in_force_lsn = IN_FORCE_UNSEEN; /* pg_seen.c */
}

static bool is_proved(const struct facts *f)
{
    return proof_is_foreseen(&f->store.sync, f->members, f->member_count, KIT_EPOCH);
}

static void c3_a_standby_that_was_cloned_anew_comes_into_the_set_under_the_same_text(void **state)
{
    (void)state;
    for (int is_strict = 0; is_strict < 2; is_strict++) {
        struct facts f;
        begin_with_one(&f, is_strict != 0);
        if (is_strict != 0) { /* else it goes on alone, and by another text */
            f.members[1].copy = 0;
            f.members[1].has_data = false;
            f.pg.unsynced_ms = f.settings.times.degrade_ms;
            expect(&f, SYNC_STEP_WAIT, 0);
        }
        f.pg.unsynced_ms = 0;
        another_copy_of_pg2(&f, 77);
        expect(&f, SYNC_STEP_PUBLISH, 2); /* beside, so that this copy is kept */
        (void)go_on(&f);
        look_at_force(&f);
        assert_int_equal(f.pg.set_in_force.at[0].copy, 77);
        expect(&f, SYNC_STEP_WAIT, 0); /* where the old one ended is not known */
        assert_false(is_proved(&f));
        f.pg.in_force_lsn = KIT_LSN + 1;
        expect(&f, SYNC_STEP_WAIT, 0); /* the old one may have acknowledged that */
        f.members[1].end.lsn = KIT_LSN + 1;
        expect(&f, SYNC_STEP_PUBLISH, 1);
        (void)go_on(&f);
        look_at_force(&f);
        expect(&f, SYNC_STEP_NONE, 0);
        assert_true(is_proved(&f));
    }
}

/* Again and again, before the one before has come so far: there is no end to it, and no room. */
static void c3_a_standby_that_is_cloned_many_times_comes_into_the_set(void **state)
{
    (void)state;
    struct facts f;
    begin_with_one(&f, true);
    for (uint64_t copy = 70; copy < 78; copy++) {
        another_copy_of_pg2(&f, copy);
        for (int i = 0; i < 3; i++) {
            struct sync_plan plan = go_on(&f);
            assert_int_not_equal(plan.step, SYNC_STEP_APPLY);
            look_at_force(&f);
        }
    }
    expect(&f, SYNC_STEP_WAIT, 0);
    f.pg.in_force_lsn = KIT_LSN;
    expect(&f, SYNC_STEP_PUBLISH, 1);
    (void)go_on(&f);
    look_at_force(&f);
    expect(&f, SYNC_STEP_NONE, 0);
    assert_true(is_proved(&f));
}

static void c3_all_standbys_are_cloned_anew_at_once(void **state)
{
    (void)state;
    struct facts f;
    kit_primary(&f);
    f.members[1].copy = 77;
    f.members[2].copy = 78;
    f.pg.in_force_lsn = IN_FORCE_UNSEEN;
    expect(&f, SYNC_STEP_PUBLISH, 2);
    (void)go_on(&f);
    look_at_force(&f);
    f.pg.in_force_lsn = KIT_LSN;
    f.members[1].end.lsn = KIT_LSN - 1; /* one of two is enough, as for a commit */
    expect(&f, SYNC_STEP_PUBLISH, 1);
    (void)go_on(&f);
    look_at_force(&f);
    expect(&f, SYNC_STEP_NONE, 0);
    assert_true(is_proved(&f));
}

/* Nothing is published, and pg2's copy is replaced while the set is on its way: what the one before
 * acknowledged by its name is proved by the new one only if it has it. */
static void c3_a_copy_that_is_replaced_on_the_way_to_the_first_set_is_not_taken_for_it(void **state)
{
    (void)state;
    struct facts f;
    begin_with_one(&f, true);
    f.store.sync.count = 0;
    another_copy_of_pg2(&f, 77);
    expect(&f, SYNC_STEP_WAIT, 0);
    f.pg.in_force_lsn = KIT_LSN;
    expect(&f, SYNC_STEP_PUBLISH, 1);
}

static bool proves_alone(const struct facts *f, unsigned node)
{
    struct sync_copy copy = kit_copy(node);
    return proof_is_alone(&f->store.sync, &copy.name, copy.copy);
}

static void a_new_primary_serves_when_its_set_has_what_was_acknowledged_before(void **state)
{
    (void)state;
    struct facts f;
    kit_primary(&f);
    f.store.sync.epoch = KIT_EPOCH - 1;
    f.store.sync.primary = kit_copy(3);
    f.store.sync = sync_inherit(&f);
    assert_int_equal(f.store.sync.count, 1); /* the sets of before go on proving */
    assert_true(proves_alone(&f, 3));        /* ... and the primary of before */
    assert_true(proves_alone(&f, 1));
    assert_false(proves_alone(&f, 2));
    f.pg.force = FORCE_FENCE;
    f.members[1].end.lsn = f.members[2].end.lsn = f.pg.recovered.lsn - 1;
    expect(&f, SYNC_STEP_WAIT, 0);
    f.members[1].end.lsn = f.pg.recovered.lsn;
    f.members[2].copy = 77; /* cloned anew: another copy, another set */
    expect(&f, SYNC_STEP_PUBLISH, 1);
    (void)go_on(&f);
    assert_true(proves_alone(&f, 1));
    assert_false(proves_alone(&f, 3)); /* what is acknowledged from now on it has not */
    expect(&f, SYNC_STEP_APPLY, 0);
    (void)go_on(&f);
    expect(&f, SYNC_STEP_NONE, 0);
}

/* The set that it wants is published already, by the primary of before; who came in between had the
 * role, and acknowledged nothing. */
static void c4_nothing_is_acknowledged_while_anybody_of_before_proves_alone(void **state)
{
    (void)state;
    for (unsigned before = 1; before <= 2; before++) {
        struct facts f;
        kit_primary(&f);
        f.store.sync.epoch = KIT_EPOCH - 2;
        f.store.sync.primary = kit_copy(before); /* this node itself, or another one */
        f.store.sync.heir_count = 1;
        f.store.sync.heirs[0] = kit_copy(3);
        f.store.sync = sync_inherit(&f);
        assert_true(proves_alone(&f, before) && proves_alone(&f, 3) && proves_alone(&f, 1));
        static const enum sync_force forces[] = {FORCE_OURS, FORCE_HALFWAY, FORCE_FOREIGN};
        for (size_t i = 0; i < ARRAY_LEN(forces); i++) {
            f.pg.force = forces[i];
            expect(&f, SYNC_STEP_PUBLISH, 0);
        }
        f.pg.force = FORCE_FENCE;
        expect(&f, SYNC_STEP_PUBLISH, 1);
        struct facts alone = f;
        alone.store.sync.count = 0;
        alone.members[1].follows_epoch = alone.members[2].follows_epoch = 0;
        alone.pg.unsynced_ms = f.settings.times.degrade_ms;
        expect(&alone, SYNC_STEP_PUBLISH, 0);
        (void)go_on(&f);
        assert_true(proves_alone(&f, 1) && !proves_alone(&f, 3) && !proves_alone(&f, 2));
        expect(&f, SYNC_STEP_APPLY, 0);
    }
}

/* One after the other is granted the role, and fails before it has published anything. */
static void c4_all_heirs_prove_alone_one_of_a_name(void **state)
{
    (void)state;
    struct facts f;
    kit_primary(&f);
    f.store.sync.primary = kit_copy(3);
    for (unsigned i = 0; i < 3 * SYNC_HEIRS_MAX; i++) {
        f.lease.epoch = KIT_EPOCH + 1 + i;
        f.self = kit_name(1 + i % 2);
        f.pg.copy = i < 4 ? 100 + i : kit_copy(1 + i % 2).copy; /* cloned anew in between */
        f.store.sync = sync_inherit(&f);
        assert_int_equal(f.store.sync.epoch, KIT_EPOCH);
        assert_int_equal(f.store.sync.heir_count, i == 0 ? 1 : 2);
        assert_int_equal(f.store.sync.heirs[f.store.sync.heir_count - 1].copy, f.pg.copy);
    }
    assert_true(proves_alone(&f, 1) && proves_alone(&f, 2) && proves_alone(&f, 3));
    for (unsigned i = 0; i < SYNC_HEIRS_MAX; i++) { /* members come and go: the oldest makes room */
        f.self = kit_name(10 + i);
        f.store.sync = sync_inherit(&f);
    }
    assert_int_equal(f.store.sync.heir_count, SYNC_HEIRS_MAX);
    assert_true(name_is(&f.store.sync.heirs[SYNC_HEIRS_MAX - 1].name, &f.self));
    assert_false(proves_alone(&f, 1) || proves_alone(&f, 2));
    f.lease.epoch = KIT_EPOCH; /* it is this primary's own word already */
    assert_memory_equal(&f.store.sync, &(struct sync_value[]){sync_inherit(&f)}[0],
                        sizeof(f.store.sync));
    f.store.sync = (struct sync_value){.is_known = false}; /* nothing was ever acknowledged */
    f.lease.epoch = KIT_EPOCH + 1;
    assert_int_equal(sync_inherit(&f).heir_count, 0);
    assert_false(sync_inherit(&f).is_known);
}

static void without_a_standby_it_waits_and_then_goes_on_alone(void **state)
{
    (void)state;
    struct facts f;
    kit_primary(&f);
    f.members[1].follows_epoch = f.members[2].follows_epoch = 0;
    expect(&f, SYNC_STEP_WAIT, 0);
    f.pg.unsynced_ms = f.settings.times.degrade_ms;
    struct sync_set goal;
    assert_true(sync_goal(&f, &goal));
    assert_int_equal(goal.needed, 0);
    f.settings.sync_strict = true;
    assert_false(sync_goal(&f, &goal));
}

/* Nobody else has what it acknowledges alone, so nobody else is eligible: not a standby either that
 * comes back and is not far behind (C#1688). */
static void i3_who_goes_on_alone_in_a_synchronous_mode_proves_alone(void **state)
{
    (void)state;
    struct facts f;
    kit_primary(&f);
    f.members[1].follows_epoch = f.members[2].follows_epoch = 0;
    f.pg.unsynced_ms = f.settings.times.degrade_ms;
    expect(&f, SYNC_STEP_PUBLISH, 0); /* said before it is done */
    (void)go_on(&f);
    assert_false(proof_is_lossy(&f.store.sync));
    f.members[1].sealed_epoch = f.members[2].sealed_epoch = KIT_EPOCH + 1;
    struct proof proof = proof_by_seals(&f.store, f.members, f.member_count, KIT_EPOCH + 1);
    assert_false(proof.holds);
    f.members[1].sealed_epoch = f.members[2].sealed_epoch = 0;
    expect(&f, SYNC_STEP_APPLY, 0);
    assert_int_equal(go_on(&f).apply.needed, 0);
    expect(&f, SYNC_STEP_NONE, 0);
    f.settings.sync_mode = SYNC_OFF; /* then it is a loss that was allowed */
    expect(&f, SYNC_STEP_PUBLISH, 1);
    (void)go_on(&f);
    assert_true(proof_is_lossy(&f.store.sync));
    expect(&f, SYNC_STEP_NONE, 0);
}

/* The same from behind the fence, and back again. While no set is published the names in force are
 * all there is to see. */
static void i3_standbys_that_come_back_are_proved_before_they_count(void **state)
{
    (void)state;
    struct facts f;
    kit_primary(&f);
    f.pg.force = FORCE_FENCE;
    f.members[1].follows_epoch = f.members[2].follows_epoch = 0;
    f.pg.unsynced_ms = f.settings.times.degrade_ms;
    expect(&f, SYNC_STEP_PUBLISH, 0);
    (void)go_on(&f);
    expect(&f, SYNC_STEP_APPLY, 0);
    (void)go_on(&f);
    expect(&f, SYNC_STEP_NONE, 0);
    f.members[1].follows_epoch = f.members[2].follows_epoch = KIT_EPOCH;
    expect(&f, SYNC_STEP_APPLY, 0);
    (void)go_on(&f);
    for (uint32_t i = 0; i < f.pg.set_in_force.count; i++) {
        f.pg.set_in_force.at[i].copy = 0;
    }
    f.pg.in_force_lsn = KIT_LSN + 1;
    expect(&f, SYNC_STEP_WAIT, 0);
    f.members[1].end.lsn = KIT_LSN + 1;
    expect(&f, SYNC_STEP_PUBLISH, 1);
    (void)go_on(&f);
    f.pg.set_in_force = f.store.sync.sets[0];
    expect(&f, SYNC_STEP_NONE, 0);
}

static void strangers_values_prove_nothing(void **state)
{
    (void)state;
    struct facts f;
    kit_primary(&f);
    f.pg.force = FORCE_FOREIGN;
    expect(&f, SYNC_STEP_PUBLISH, 0);
    (void)go_on(&f);
    expect(&f, SYNC_STEP_APPLY, 0);
    (void)go_on(&f);
    f.pg.in_force_lsn = KIT_LSN + 1;
    expect(&f, SYNC_STEP_WAIT, 0);
    f.members[1].end.lsn = KIT_LSN + 1;
    expect(&f, SYNC_STEP_PUBLISH, 1);
}

/* In the middle of it commits may stand still: it goes on to a set that is published, and what is
 * published stays. */
static void change_that_was_cut_short_is_applied_again(void **state)
{
    (void)state;
    struct facts f;
    kit_primary(&f);
    f.pg.force = FORCE_HALFWAY;
    f.pg.set_in_force = (struct sync_set){.needed = 0};
    expect(&f, SYNC_STEP_APPLY, 0);
    f.store.sync.count = 2;
    f.store.sync.sets[1] = f.store.sync.sets[0];
    f.store.sync.sets[1].count = 1;
    struct sync_plan plan = sync_plan(&f);
    assert_int_equal(plan.step, SYNC_STEP_APPLY);
    assert_true(sync_set_equal(&plan.apply, &f.store.sync.sets[1]));
    f.store.sync.count = 0;
    expect(&f, SYNC_STEP_APPLY, 0);
    f.store.sync.epoch--; /* the store speaks of another primary: that first */
    expect(&f, SYNC_STEP_PUBLISH, 0);
}

/* Without a raft leader nobody hears of anybody, and commits go on. */
static void a_moment_of_silence_changes_nothing(void **state)
{
    (void)state;
    struct facts f;
    kit_primary(&f);
    f.members[2].is_fresh = false;
    expect(&f, SYNC_STEP_NONE, 0);
    f.members[1].is_fresh = false;
    expect(&f, SYNC_STEP_WAIT, 0);
    f.members[1].is_recent = f.members[2].is_recent = false;
    expect(&f, SYNC_STEP_PUBLISH, 0);
}

static void nothing_is_done_while_an_outcome_is_unknown(void **state)
{
    (void)state;
    struct facts f;
    kit_primary(&f);
    f.members[2].is_fresh = f.members[2].is_recent = false;
    f.store.sync_pending = true;
    expect(&f, SYNC_STEP_WAIT, 0);
    f.store.sync_pending = false;
    f.pg.force = FORCE_UNKNOWN;
    expect(&f, SYNC_STEP_WAIT, 0);
}

static void modes_decide_how_many_are_listed(void **state)
{
    (void)state;
    struct facts f;
    struct sync_set goal;
    kit_primary(&f);
    assert_true(sync_goal(&f, &goal));
    assert_true(goal.needed == 1 && goal.count == 2);
    f.settings.sync_nodes = 5; /* more than there are */
    assert_true(sync_goal(&f, &goal));
    assert_true(goal.needed == 2 && goal.count == 2);
    f.settings.sync_mode = SYNC_ON;
    f.settings.sync_nodes = 1;
    assert_true(sync_goal(&f, &goal));
    assert_true(goal.needed == 1 && goal.count == 1);
    f.members[1].nosync = true;
    assert_true(sync_goal(&f, &goal));
    assert_true(name_is(&goal.at[0].name, &f.members[2].name));
    f.settings.sync_mode = SYNC_OFF;
    assert_true(sync_goal(&f, &goal));
    assert_int_equal(goal.needed, 0);
}

/* From every set to every other and back half way: at each step what is in force is published. */
static void at_every_step_what_is_in_force_is_published(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 64; bits++) {
        struct facts f;
        kit_primary(&f);
        f.pg.set_in_force = (bits & 1U) != 0 ? set_of_one(2) : kit_set();
        f.store.sync.sets[0] = f.pg.set_in_force;
        for (unsigned step = 0; step < 12; step++) {
            f.members[1].is_fresh = f.members[1].is_recent = (bits >> 1 & 1U) != 0 || step % 3 != 0;
            f.members[2].is_fresh = f.members[2].is_recent = (bits >> 2 & 1U) != 0 || step % 2 != 0;
            f.settings.sync_mode = (bits >> 3 & 1U) != 0 && step > 4 ? SYNC_OFF : SYNC_QUORUM;
            f.members[1].end.lsn = (bits >> 4 & 1U) != 0 && step < 8 ? 1 : KIT_LSN;
            f.members[2].end.lsn = (bits >> 5 & 1U) != 0 && step < 8 ? 1 : KIT_LSN;
            (void)go_on(&f);
            const struct sync_value *value = &f.store.sync;
            bool published = value->count == 0;
            for (uint32_t i = 0; i < value->count; i++) {
                published = published || sync_set_equal(&value->sets[i], &f.pg.set_in_force);
            }
            assert_true(published);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wanted_stays),
        cmocka_unit_test(c4_a_set_is_published_before_it_is_applied_and_the_old_one_dropped_last),
        cmocka_unit_test(c3_a_standby_that_was_cloned_anew_comes_into_the_set_under_the_same_text),
        cmocka_unit_test(c3_a_standby_that_is_cloned_many_times_comes_into_the_set),
        cmocka_unit_test(c3_all_standbys_are_cloned_anew_at_once),
        cmocka_unit_test(
            c3_a_copy_that_is_replaced_on_the_way_to_the_first_set_is_not_taken_for_it),
        cmocka_unit_test(a_new_primary_serves_when_its_set_has_what_was_acknowledged_before),
        cmocka_unit_test(c4_nothing_is_acknowledged_while_anybody_of_before_proves_alone),
        cmocka_unit_test(c4_all_heirs_prove_alone_one_of_a_name),
        cmocka_unit_test(without_a_standby_it_waits_and_then_goes_on_alone),
        cmocka_unit_test(i3_who_goes_on_alone_in_a_synchronous_mode_proves_alone),
        cmocka_unit_test(i3_standbys_that_come_back_are_proved_before_they_count),
        cmocka_unit_test(strangers_values_prove_nothing),
        cmocka_unit_test(change_that_was_cut_short_is_applied_again),
        cmocka_unit_test(a_moment_of_silence_changes_nothing),
        cmocka_unit_test(nothing_is_done_while_an_outcome_is_unknown),
        cmocka_unit_test(modes_decide_how_many_are_listed),
        cmocka_unit_test(at_every_step_what_is_in_force_is_published),
    };
    return cmocka_run_group_tests_name("sync_set", tests, NULL, NULL);
}
