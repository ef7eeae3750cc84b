/* tests/unit/test_return.c - the ladder of coming back, and the steps of a seal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/return.h"
#include "supervisor/seal.h"
#include "tests/lib/facts_kit.h"

#define CHANGE(name) static void name(struct facts *f)

CHANGE(nothing)
{
    (void)f;
}
CHANGE(no_lease)
{
    f->store.lease_stands = false;
}
CHANGE(sealed_above)
{
    f->pg.sealed_epoch = KIT_EPOCH + 1;
}
CHANGE(not_recorded)
{
    f->store.history_count = 1;
}
CHANGE(primary_of_before)
{
    f->members[0].primary_epoch = KIT_EPOCH - 1;
}
CHANGE(recorded_before_it_says_so)
{
    f->members[0].primary_epoch = 0;
    f->members[0].role = ROLE_STANDBY;
    f->members[0].sealed_epoch = KIT_EPOCH;
}
CHANGE(primary_down)
{
    f->members[0].process = PG_ABSENT;
}
CHANGE(primary_sealed_for_another)
{
    f->members[0].sealed_epoch = KIT_EPOCH - 1;
}
CHANGE(primary_not_heard)
{
    f->members[0].is_fresh = false;
}
CHANGE(order_stands)
{
    f->store.order_epoch = KIT_EPOCH + 1;
}
CHANGE(granted_copy)
{
    f->pg.copy = f->store.holder_copy;
}
CHANGE(empty)
{
    f->pg.data = DATA_EMPTY;
}
CHANGE(interrupted)
{
    f->pg.data = DATA_BROKEN;
}
CHANGE(end_unknown)
{
    f->pg.end.is_known = false;
}
CHANGE(primary_has_removed_it)
{
    f->back.has_upstream_wal = FACT_NO;
}
CHANGE(primary_does_not_tell)
{
    f->back.has_upstream_wal = FACT_UNKNOWN;
}
CHANGE(archive_has_it)
{
    f->back.has_archive = FACT_YES;
}
CHANGE(wal_kept)
{
    f->back.wal_kept = true;
}
CHANGE(before_the_checkpoint)
{
    f->back.primary_ready = FACT_NO;
}
CHANGE(checkpoint_unknown)
{
    f->back.primary_ready = FACT_UNKNOWN;
}
CHANGE(rewinds_fail)
{
    f->back.rewind_failures = 2;
}
CHANGE(no_rewind)
{
    f->settings.may_rewind = false;
}
CHANGE(no_clone)
{
    f->settings.may_clone = false;
}
CHANGE(rewound_once)
{
    f->back.falls = 1;
}
CHANGE(diverged)
{
    f->pg.end = kit_at(4, 4500);
}
CHANGE(begun_over_the_fork)
{
    f->pg.end = kit_at(4, 3900);
    f->pg.misses_lsn = 4001;
}
CHANGE(begun_up_to_the_fork)
{
    f->pg.end = kit_at(4, 3900);
    f->pg.misses_lsn = 4000;
}
CHANGE(begun_on_the_newest)
{
    f->pg.misses_lsn = 60000;
}
CHANGE(stuck)
{
    f->pg.end = kit_at(4, 4000);
    f->pg.follows_epoch = 0;
    f->back.is_stuck = true;
}
CHANGE(never_open)
{
    f->pg.process = PG_ABSENT;
    f->back.damage = DAMAGE_NO_START;
}
CHANGE(without_an_end)
{
    f->pg.process = PG_ABSENT;
    f->pg.end.is_known = false;
    f->pg.end_lost = true;
}
CHANGE(without_an_end_for_ever)
{
    without_an_end(f);
    f->back.damage = DAMAGE_NO_END;
}
CHANGE(restores_alone)
{
    f->back.clones_alone = true;
}
CHANGE(nobody_is_primary)
{
    f->store.lease_stands = false;
}
CHANGE(paused)
{
    f->store.paused = FACT_YES;
}
CHANGE(not_begun)
{
    f->store.initialized = FACT_NO;
}
CHANGE(store_not_heard)
{
    f->store.is_current = FACT_NO;
}
CHANGE(fork_not_reached)
{
    f->pg.end = kit_at(4, 4000);
}

static const struct {
    const char *text;
    kit_change changes[KIT_CHANGES_MAX];
    enum return_step step;
} rungs[] = {
    {"what is missing comes from the primary", {nothing}, RETURN_FOLLOW},
    {"also from before the fork", {fork_not_reached}, RETURN_FOLLOW},
    {"nobody is followed without a lease", {no_lease}, RETURN_WAIT},
    {"... nor one of an epoch that was sealed against", {sealed_above}, RETURN_WAIT},
    {"... nor before its timeline is recorded", {not_recorded}, RETURN_WAIT},
    {"... nor one that is still of another epoch", {primary_of_before}, RETURN_WAIT},
    {"its record counts before its words arrive", {recorded_before_it_says_so}, RETURN_FOLLOW},
    {"... not its grant alone", {recorded_before_it_says_so, not_recorded}, RETURN_WAIT},
    {"... nor where it does not run any more",
     {recorded_before_it_says_so, primary_down},
     RETURN_WAIT},
    {"... nor if its words are of another epoch",
     {recorded_before_it_says_so, primary_sealed_for_another},
     RETURN_WAIT},
    {"... nor if it is not heard", {recorded_before_it_says_so, primary_not_heard}, RETURN_WAIT},
    {"nobody is followed while an order to seal stands", {order_stands}, RETURN_WAIT},
    {"the copy that was granted the role is not touched", {granted_copy}, RETURN_WAIT},
    {"without data, a clone", {empty}, RETURN_CLONE},
    {"... which needs a primary", {empty, nobody_is_primary}, RETURN_WAIT},
    {"... unless a method needs none", {empty, nobody_is_primary, restores_alone}, RETURN_CLONE},
    {"... not while somebody may be about to be",
     {empty, not_recorded, restores_alone},
     RETURN_WAIT},
    {"... nor in a pause", {empty, nobody_is_primary, restores_alone, paused}, RETURN_WAIT},
    {"... nor for a cluster that has not begun",
     {empty, nobody_is_primary, restores_alone, not_begun},
     RETURN_WAIT},
    {"... nor unheard", {empty, nobody_is_primary, restores_alone, store_not_heard}, RETURN_WAIT},
    {"... nor over data", {nobody_is_primary, restores_alone}, RETURN_WAIT},
    {"after an interruption, a clone", {interrupted}, RETURN_CLONE},
    {"without knowing the end, nothing", {end_unknown}, RETURN_WAIT},
    {"what the primary has removed comes from the archive",
     {primary_has_removed_it, archive_has_it},
     RETURN_RESTORE},
    {"before a clone, WAL is put aside", {primary_has_removed_it}, RETURN_KEEP_WAL},
    {"what nobody has costs a clone", {primary_has_removed_it, wal_kept}, RETURN_CLONE},
    {"before a rewind, WAL is put aside", {diverged}, RETURN_KEEP_WAL},
    {"a rewind waits for the checkpoint", {diverged, checkpoint_unknown}, RETURN_WAIT},
    {"what went another way is rewound", {diverged, wal_kept}, RETURN_REWIND},
    {"where rewinds fail, a clone", {diverged, wal_kept, rewinds_fail}, RETURN_CLONE},
    {"where neither is allowed, nothing", {diverged, wal_kept, no_rewind, no_clone}, RETURN_WAIT},
    {"a record that was begun over the fork is kept", {begun_over_the_fork}, RETURN_KEEP_WAL},
    {"... and rewound", {begun_over_the_fork, wal_kept}, RETURN_REWIND},
    {"... not without a primary", {begun_over_the_fork, wal_kept, no_lease}, RETURN_WAIT},
    {"... nor if the primary has what is asked for", {begun_up_to_the_fork}, RETURN_FOLLOW},
    {"... nor where its timeline goes on", {begun_on_the_newest}, RETURN_FOLLOW},
    {"who follows and never streams: WAL is put aside", {stuck}, RETURN_KEEP_WAL},
    {"... then it is rewound", {stuck, wal_kept}, RETURN_REWIND},
    {"... after the checkpoint", {stuck, wal_kept, before_the_checkpoint}, RETURN_WAIT},
    {"... cloned where that did not help", {stuck, wal_kept, rewound_once}, RETURN_CLONE},
    {"... or fails", {stuck, wal_kept, rewinds_fail}, RETURN_CLONE},
    {"... or can not be", {stuck, wal_kept, no_rewind}, RETURN_CLONE},
    {"... and left where that is not allowed", {stuck, wal_kept, no_rewind, no_clone}, RETURN_WAIT},
    {"... never without a lease", {stuck, wal_kept, no_lease}, RETURN_WAIT},
    {"... nor once it is sealed for a newer epoch", {stuck, wal_kept, sealed_above}, RETURN_WAIT},
    {"... nor while it is to be", {stuck, wal_kept, order_stands}, RETURN_WAIT},
    {"... nor the copy that was granted the role", {stuck, wal_kept, granted_copy}, RETURN_WAIT},
    {"... nor with an end that is not known", {stuck, wal_kept, end_unknown}, RETURN_WAIT},
    {"... nor if the primary does not say that it has the WAL",
     {stuck, wal_kept, primary_does_not_tell},
     RETURN_FOLLOW},
    {"of data that never come up the WAL is put aside", {never_open}, RETURN_KEEP_WAL},
    {"... then they are cloned", {never_open, wal_kept}, RETURN_CLONE},
    {"... rewound first, where they went another way",
     {never_open, diverged, wal_kept},
     RETURN_REWIND},
    {"... once their end is known", {never_open, wal_kept, end_unknown}, RETURN_WAIT},
    {"... never without a lease", {never_open, wal_kept, no_lease}, RETURN_WAIT},
    {"... nor once sealed for a newer epoch", {never_open, wal_kept, sealed_above}, RETURN_WAIT},
    {"... nor the copy that was granted the role",
     {never_open, wal_kept, granted_copy},
     RETURN_WAIT},
    {"an end that is lost is waited for at first", {without_an_end}, RETURN_WAIT},
    {"... then the WAL is put aside", {without_an_end_for_ever}, RETURN_KEEP_WAL},
    {"... and it is cloned", {without_an_end_for_ever, wal_kept}, RETURN_CLONE},
    {"... where that is allowed", {without_an_end_for_ever, wal_kept, no_clone}, RETURN_WAIT},
    {"... never without a lease", {without_an_end_for_ever, wal_kept, no_lease}, RETURN_WAIT},
    {"... nor once sealed for a newer epoch",
     {without_an_end_for_ever, wal_kept, sealed_above},
     RETURN_WAIT},
    {"... nor the copy that was granted the role",
     {without_an_end_for_ever, wal_kept, granted_copy},
     RETURN_WAIT},
};

static void every_rung_has_its_situation(void **state)
{
    (void)state;
    unsigned reached = 0;
    for (size_t i = 0; i < ARRAY_LEN(rungs); i++) {
        struct facts f;
        kit_standby(&f);
        kit_change_all(&f, rungs[i].changes);
        struct return_plan plan = return_plan(&f);
        if (plan.step != rungs[i].step) {
            fail_msg("\"%s\": step %d, %s", rungs[i].text, (int)plan.step, plan.why);
        }
        reached |= 1U << plan.step;
        bool destroys = plan.step == RETURN_REWIND || plan.step == RETURN_CLONE;
        assert_true(!destroys || plan.needs_stop);
    }
    assert_int_equal(reached, (1U << (RETURN_CLONE + 1)) - 1);
}

static void restarts_have_a_budget(void **state)
{
    (void)state;
    struct facts f;
    kit_primary(&f);
    f.pg.crashes = f.settings.crashes_max;
    assert_true(return_may_restart(&f));
    f.pg.crashes++;
    assert_false(return_may_restart(&f));
}

/* Each step is done by hand, and the next one asked for. Without its fence nobody is sealed (B2).
 */
static void c1_a_seal_reads_the_end_when_nothing_can_move_it(void **state)
{
    (void)state;
    struct facts f;
    kit_standby(&f);
    struct pg_facts *pg = &f.pg;
    uint64_t epoch = KIT_EPOCH + 1;
    assert_int_equal(seal_next(pg, epoch), SEAL_NOTE);
    pg->sealed_epoch = epoch;
    assert_int_equal(seal_next(pg, epoch), SEAL_EMPTY_CONNINFO);
    pg->reload_refused = true; /* it would not be by its files, for as long as it runs */
    assert_int_equal(seal_next(pg, epoch), SEAL_STOP);
    pg->reload_refused = false;
    pg->reload_in_vain = true; /* nobody may see whether it refuses */
    assert_int_equal(seal_next(pg, epoch), SEAL_STOP);
    pg->reload_in_vain = false;
    pg->conninfo_empty = FACT_UNKNOWN;
    assert_int_equal(seal_next(pg, epoch), SEAL_LOOK_AGAIN);
    pg->conninfo_empty = FACT_YES;
    assert_int_equal(seal_next(pg, epoch), SEAL_END_RECEIVER);
    pg->receiver = RECEIVER_UNKNOWN;
    assert_int_equal(seal_next(pg, epoch), SEAL_LOOK_AGAIN);
    pg->receiver = RECEIVER_GONE;
    assert_int_equal(seal_next(pg, epoch), SEAL_LOOK_AGAIN);
    pg->receiver_gone_twice = true;
    assert_int_equal(seal_next(pg, epoch), SEAL_READ_END);
    pg->end_after_seal = true;
    assert_int_equal(seal_next(pg, epoch), SEAL_DONE);
    pg->force = FORCE_FOREIGN; /* promoted, it would acknowledge at once */
    assert_int_equal(seal_next(pg, epoch), SEAL_EMPTY_CONNINFO);
    pg->conninfo_empty = FACT_UNKNOWN;
    assert_int_equal(seal_next(pg, epoch), SEAL_EMPTY_CONNINFO);
    pg->conninfo_empty = FACT_YES;
    pg->force = FORCE_FENCE;
    assert_int_equal(seal_next(pg, epoch), SEAL_DONE);
    pg->end.is_known = false;
    assert_int_equal(seal_next(pg, epoch), SEAL_READ_END);
    pg->process = PG_ABSENT; /* no receiver: only the end is missing */
    pg->end.is_known = true;
    pg->receiver_gone_twice = false;
    assert_int_equal(seal_next(pg, epoch), SEAL_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rung_has_its_situation),
        cmocka_unit_test(restarts_have_a_budget),
        cmocka_unit_test(c1_a_seal_reads_the_end_when_nothing_can_move_it),
    };
    return cmocka_run_group_tests_name("return", tests, NULL, NULL);
}
