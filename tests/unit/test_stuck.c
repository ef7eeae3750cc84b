/* tests/unit/test_stuck.c - when a standby that follows and does not stream counts as stuck. */
#include "tests/lib/death.h"

#include "base/must.h"
#include "supervisor/damage.h"
#include "supervisor/stuck.h"
#include "tests/lib/rung_kit.h"

#define LOOK_MS 100

/* pg2 stands before the fork, follows pg1, and its receiver comes to nothing. */
static struct facts facts;
static struct stuck_book book;
static uint64_t now_ms;

static void begin(void)
{
    rung_kit_standby(&facts);
    facts.pg.end = kit_at(4, 4000);
    facts.pg.receiver = RECEIVER_GONE;
    facts.back.waits_for_wal = facts.back.is_let_in = facts.back.has_slot = FACT_YES;
    facts.back.has_archive = FACT_NO;
    book = (struct stuck_book){.falls = 0};
    now_ms = 1000000;
}

static bool look(uint64_t for_ms)
{
    struct return_facts out = facts.back;
    for (uint64_t ms = 0; ms < for_ms; ms += LOOK_MS) {
        now_ms += LOOK_MS;
        stuck_settle(&book, &facts, now_ms, &out);
    }
    facts.back = out;
    return out.is_stuck;
}

static void who_stands_still_for_long_is_stuck(void **state)
{
    (void)state;
    begin();
    assert_false(look(STUCK_MIN_MS - 2000));
    assert_true(look(4000));
    begin();
    facts.settings.times.lease_ms = 20000; /* three leases are longer */
    assert_false(look(58000));
    assert_true(look(4000));
    begin();
    facts.back.has_archive = FACT_YES; /* a segment may be on its way */
    assert_false(look(STUCK_ARCHIVE_TIMES * STUCK_MIN_MS - 2000));
    assert_true(look(4000));
}

#define CHANGE(name) static void name(struct facts *f)
CHANGE(it_streams)
{
    f->pg.follows_epoch = KIT_EPOCH;
}
CHANGE(it_replays)
{
    f->back.waits_for_wal = FACT_NO;
}
CHANGE(nobody_knows_whether_it_replays)
{
    f->back.waits_for_wal = FACT_UNKNOWN;
}
CHANGE(it_is_refused)
{
    f->back.is_let_in = FACT_NO;
}
CHANGE(nobody_has_asked)
{
    f->back.is_let_in = FACT_UNKNOWN;
}
CHANGE(its_slot_is_missing)
{
    f->back.has_slot = FACT_NO;
}
CHANGE(its_slot_is_not_known)
{
    f->back.has_slot = FACT_UNKNOWN;
}
CHANGE(it_names_another)
{
    f->pg.upstream = kit_name(3);
}
CHANGE(it_does_not_answer)
{
    f->pg.role = ROLE_UNKNOWN;
    f->pg.end.is_known = false;
}
CHANGE(it_is_primary)
{
    f->pg.role = ROLE_PRIMARY;
}
/* It may have acknowledged to this primary, and a commit may wait for it alone. */
CHANGE(its_copy_is_a_proof)
{
    f->pg.end = kit_at(KIT_TIMELINE, KIT_LSN);
    f->store.sync.sets[0] = kit_set();
}
CHANGE(its_copy_may_be_a_proof)
{
    f->pg.end = kit_at(KIT_TIMELINE, KIT_LSN);
    f->store.sync.count = 0;
}

static void does_not_count(const struct rung_kit_change *change)
{
    begin();
    change->make(&facts);
    if (look(10 * STUCK_MIN_MS)) {
        fail_msg("%s", change->name);
    }
    begin(); /* and who was stuck is it no more, where it runs */
    assert_true(look(STUCK_MIN_MS + 2000));
    change->make(&facts);
    if (look(LOOK_MS) && facts.pg.process == PG_RUNNING) {
        fail_msg("%s, late", change->name);
    }
}

static void nothing_else_counts(void **state)
{
    (void)state;
    const struct rung_kit_change own[] = {
        RUNG_KIT_CHANGE(it_streams),
        RUNG_KIT_CHANGE(it_replays),
        RUNG_KIT_CHANGE(nobody_knows_whether_it_replays),
        RUNG_KIT_CHANGE(it_is_refused),
        RUNG_KIT_CHANGE(nobody_has_asked),
        RUNG_KIT_CHANGE(its_slot_is_missing),
        RUNG_KIT_CHANGE(its_slot_is_not_known),
        RUNG_KIT_CHANGE(it_names_another),
        RUNG_KIT_CHANGE(it_does_not_answer),
        RUNG_KIT_CHANGE(it_is_primary),
        RUNG_KIT_CHANGE(its_copy_is_a_proof),
        RUNG_KIT_CHANGE(its_copy_may_be_a_proof),
    };
    rung_kit_each(own, ARRAY_LEN(own), does_not_count);
}

/* What is before the newest timeline acknowledged nothing on it, whatever lists the copy; and what
 * is listed no more may go. */
static void what_proves_nothing_may_go(void **state)
{
    (void)state;
    begin();
    facts.store.sync.sets[0] = kit_set();
    assert_true(look(STUCK_MIN_MS + 2000));
    begin();
    facts.pg.end = kit_at(KIT_TIMELINE, KIT_LSN);
    assert_true(look(STUCK_MIN_MS + 2000));
    begin();
    facts.settings.sync_mode = SYNC_OFF;
    facts.store.sync = (struct sync_value){.is_known = false};
    assert_true(look(STUCK_MIN_MS + 2000));
}

static void a_step_forward_begins_anew(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 10; i++) {
        facts.pg.end.lsn -= 8;
        assert_false(look(STUCK_MIN_MS - 2000));
    }
}

/* A PostgreSQL that ends again and again stands still too; but the time that it is down, or that
 * this program does not look, does not count. */
static void time_counts_while_it_runs(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 4; i++) {
        facts.pg.process = PG_RUNNING;
        assert_false(look(6000));
        facts.pg.process = PG_ABSENT;
        assert_false(look(60000));
        now_ms += 600000;
    }
    facts.pg.process = PG_RUNNING;
    assert_true(look(8000));
}

/* pg2 leads a standby cluster, and what it has read of another timeline ends it. */
static void begin_leader_that_never_comes_up(void)
{
    begin();
    facts.store.grant_is_standby = true;
    facts.store.holder = facts.self;
    facts.settings.is_standby_cluster = true;
    facts.lease.epoch = KIT_EPOCH;
    facts.settings.sync_mode = SYNC_OFF;
    facts.pg.process = PG_ABSENT;
    facts.back.config_reads = FACT_YES;
    facts.back.starts_in_vain = DAMAGE_STARTS;
    facts.back.in_vain_ms = DAMAGE_MIN_MS;
}

static void who_never_comes_up_in_a_standby_cluster_is_stuck(void **state)
{
    (void)state;
    begin_leader_that_never_comes_up();
    assert_true(look(LOOK_MS));
    facts.pg.process = PG_STARTING;
    assert_true(look(LOOK_MS)); /* a start is no news */
    stuck_forgive(&book);       /* the rung could not be done: it is started once more first */
    facts.pg.process = PG_ABSENT;
    assert_false(look(LOOK_MS));
    facts.back.starts_in_vain++;
    assert_true(look(LOOK_MS));

    begin_leader_that_never_comes_up();
    facts.back.starts_in_vain = DAMAGE_STARTS - 1;
    assert_false(look(STUCK_MIN_MS * 2));
    begin_leader_that_never_comes_up();
    facts.back.in_vain_ms = DAMAGE_MIN_MS - 1;
    assert_false(look(STUCK_MIN_MS * 2));
    begin_leader_that_never_comes_up();
    facts.back.config_reads = FACT_NO;
    assert_false(look(STUCK_MIN_MS * 2));
    begin_leader_that_never_comes_up();
    facts.store.paused = FACT_YES;
    assert_false(look(STUCK_MIN_MS * 2));
    begin_leader_that_never_comes_up();
    facts.store.grant_is_standby = false; /* under a primary it is damage.h that judges */
    assert_false(look(STUCK_MIN_MS * 2));
    begin_leader_that_never_comes_up();
    book = (struct stuck_book){
        .epoch = facts.store.grant_epoch, .copy = facts.pg.copy, .falls = STUCK_FALLS_MAX};
    assert_false(look(STUCK_MIN_MS * 2));
}

static void it_stays_stuck_while_it_is_down_for_its_rung(void **state)
{
    (void)state;
    begin();
    assert_true(look(STUCK_MIN_MS + 2000));
    facts.pg.process = PG_STOPPING;
    assert_true(look(1000));
    facts.pg.process = PG_ABSENT;
    assert_true(look(1000));
    stuck_forgive(&book); /* there is no room to put its WAL aside */
    assert_false(look(1000));
    facts.pg.process = PG_RUNNING;
    assert_false(look(STUCK_MIN_MS - 2000));
    assert_true(look(4000));
}

static void each_rung_is_tried_once(void **state)
{
    (void)state;
    begin();
    for (uint32_t falls = 0; falls < STUCK_FALLS_MAX; falls++) {
        assert_true(look(STUCK_MIN_MS + 2000));
        assert_int_equal(facts.back.falls, falls);
        facts.pg.process = PG_ABSENT;
        (void)look(LOOK_MS);
        uint64_t copy = facts.pg.copy;
        facts.pg.copy = 0; /* it is being taken apart */
        (void)look(LOOK_MS);
        facts.pg.copy = copy + 1000;
        facts.pg.process = PG_RUNNING;
        assert_false(look(LOOK_MS));
        assert_int_equal(facts.back.falls, falls + 1);
    }
    assert_false(look(10 * STUCK_MIN_MS));
    it_streams(&facts);
    (void)look(LOOK_MS);
    facts.pg.follows_epoch = 0;
    assert_true(look(STUCK_MIN_MS + 2000)); /* it has helped, and is another matter now */
    assert_int_equal(facts.back.falls, 0);
}

static void another_primary_begins_anew(void **state)
{
    (void)state;
    begin();
    assert_true(look(STUCK_MIN_MS + 2000));
    facts.store.grant_epoch++;
    assert_false(look(LOOK_MS));
    assert_int_equal(facts.back.falls, 0);
    assert_int_equal(facts.back.still_ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_stands_still_for_long_is_stuck),
        cmocka_unit_test(nothing_else_counts),
        cmocka_unit_test(what_proves_nothing_may_go),
        cmocka_unit_test(a_step_forward_begins_anew),
        cmocka_unit_test(time_counts_while_it_runs),
        cmocka_unit_test(who_never_comes_up_in_a_standby_cluster_is_stuck),
        cmocka_unit_test(it_stays_stuck_while_it_is_down_for_its_rung),
        cmocka_unit_test(each_rung_is_tried_once),
        cmocka_unit_test(another_primary_begins_anew),
    };
    return cmocka_run_group_tests_name("stuck", tests, NULL, NULL);
}
