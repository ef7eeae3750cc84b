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
CHANGE(upstream_has_removed_it)
{
    f->back.has_upstream_wal = FACT_NO;
    f->back.has_archive = FACT_YES;
}
CHANGE(nobody_has_it)
{
    f->back.has_upstream_wal = FACT_NO;
}
CHANGE(nobody_has_it_and_wal_is_kept)
{
    nobody_has_it(f);
    f->back.wal_kept = true;
}
CHANGE(diverged)
{
    f->pg.end = kit_at(4, 4500);
}
CHANGE(diverged_before_the_checkpoint)
{
    diverged(f);
    f->back.primary_ready = FACT_UNKNOWN;
}
CHANGE(diverged_and_wal_is_kept)
{
    diverged(f);
    f->back.wal_kept = true;
}
CHANGE(rewinds_fail)
{
    diverged_and_wal_is_kept(f);
    f->back.rewind_failures = 2;
}
CHANGE(no_rewind_and_no_clone)
{
    diverged_and_wal_is_kept(f);
    f->settings.may_rewind = f->settings.may_clone = false;
}
CHANGE(fork_not_reached)
{
    f->pg.end = kit_at(4, 4000);
}

static const struct {
    const char *text;
    void (*change)(struct facts *f);
    enum return_step step;
} rungs[] = {
    {"what is missing comes from the primary", nothing, RETURN_FOLLOW},
    {"also from before the fork", fork_not_reached, RETURN_FOLLOW},
    {"nobody is followed without a lease", no_lease, RETURN_WAIT},
    {"... nor one of an epoch that was sealed against", sealed_above, RETURN_WAIT},
    {"... nor before its timeline is recorded", not_recorded, RETURN_WAIT},
    {"... nor one that is still of another epoch", primary_of_before, RETURN_WAIT},
    {"... nor while an order to seal stands", order_stands, RETURN_WAIT},
    {"the copy that was granted the role is not touched", granted_copy, RETURN_WAIT},
    {"without data, a clone", empty, RETURN_CLONE},
    {"after an interruption, a clone", interrupted, RETURN_CLONE},
    {"without knowing the end, nothing", end_unknown, RETURN_WAIT},
    {"what the primary has removed comes from the archive", upstream_has_removed_it,
     RETURN_RESTORE},
    {"before a clone, WAL is put aside", nobody_has_it, RETURN_KEEP_WAL},
    {"what nobody has costs a clone", nobody_has_it_and_wal_is_kept, RETURN_CLONE},
    {"before a rewind, WAL is put aside", diverged, RETURN_KEEP_WAL},
    {"a rewind waits for the checkpoint", diverged_before_the_checkpoint, RETURN_WAIT},
    {"what went another way is rewound", diverged_and_wal_is_kept, RETURN_REWIND},
    {"where rewinds fail, a clone", rewinds_fail, RETURN_CLONE},
    {"where neither is allowed, nothing", no_rewind_and_no_clone, RETURN_WAIT},
};

static void every_rung_has_its_situation(void **state)
{
    (void)state;
    unsigned reached = 0;
    for (size_t i = 0; i < ARRAY_LEN(rungs); i++) {
        struct facts f;
        kit_standby(&f);
        rungs[i].change(&f);
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

/* Each step is done by hand, and the next one asked for. */
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
