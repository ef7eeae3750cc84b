/* tests/unit/test_damage.c - when a copy of the data counts as of no use, and when it must not. */
#include "tests/lib/death.h"

#include "base/must.h"
#include "supervisor/damage.h"
#include "supervisor/proof.h"
#include "tests/lib/rung_kit.h"

/* pg2 is down, pg1 has a primary; pg2's copy is listed nowhere. */
static struct facts facts;
static struct damage_book book;

static void down(void)
{
    rung_kit_standby(&facts);
    facts.pg.process = PG_ABSENT;
    facts.pg.role = ROLE_UNKNOWN;
    book = (struct damage_book){.tries = 0};
}

static void never_comes_up(void)
{
    down();
    facts.back.starts_in_vain = DAMAGE_STARTS;
    facts.back.in_vain_ms = DAMAGE_MIN_MS;
    facts.back.config_reads = FACT_YES;
}

static void has_no_end(void)
{
    down();
    facts.pg.end.is_known = false;
    facts.pg.end_lost = true;
    facts.pg.end_unread_ms = facts.settings.times.start_max_ms + 1;
}

static enum damage look(void)
{
    struct return_facts out = facts.back;
    damage_settle(&book, &facts, &out);
    return out.damage;
}

static void many_starts_in_vain_in_some_time_are_needed(void **state)
{
    (void)state;
    never_comes_up();
    facts.back.starts_in_vain--;
    assert_int_equal(look(), DAMAGE_NONE);
    facts.back.starts_in_vain++;
    facts.back.in_vain_ms--;
    assert_int_equal(look(), DAMAGE_NONE);
    facts.back.in_vain_ms++;
    assert_int_equal(look(), DAMAGE_NO_START);
    never_comes_up();
    facts.settings.times.lease_ms = 20000; /* three leases are longer */
    assert_int_equal(look(), DAMAGE_NONE);
    facts.back.in_vain_ms = 60000;
    assert_int_equal(look(), DAMAGE_NO_START);
}

static void a_broken_configuration_is_no_reason(void **state)
{
    (void)state;
    never_comes_up();
    facts.back.config_reads = FACT_NO;
    assert_int_equal(look(), DAMAGE_NONE);
    facts.back.config_reads = FACT_UNKNOWN;
    assert_int_equal(look(), DAMAGE_NONE);
}

/* The primary of now has recorded itself, and waits with its first set for somebody to come up. */
static void an_heir_may_get_its_standby(void **state)
{
    (void)state;
    void (*const cases[])(void) = {never_comes_up, has_no_end};
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        cases[c]();
        facts.store.sync.epoch = KIT_EPOCH - 1;
        assert_int_equal(look(), DAMAGE_NONE);
        facts.store.sync.heir_count = 1;
        facts.store.sync.heirs[0] = kit_copy(1);
        assert_int_not_equal(look(), DAMAGE_NONE);
        book.tries = 0;
        assert_false(proof_asks_for(&facts));
        facts.store.grant_epoch++; /* it has not done so yet */
        assert_true(proof_asks_for(&facts));
    }
}

static void what_may_not_be_cloned_is_started_on(void **state)
{
    (void)state;
    never_comes_up();
    facts.settings.may_clone = false;
    assert_int_equal(look(), DAMAGE_NONE);
    has_no_end(); /* the ladder says that only a clone would help */
    facts.settings.may_clone = false;
    assert_int_equal(look(), DAMAGE_NO_END);
}

static void an_end_counts_as_lost_after_a_while(void **state)
{
    (void)state;
    has_no_end();
    facts.pg.end_unread_ms--;
    assert_int_equal(look(), DAMAGE_NONE);
    facts.pg.end_unread_ms++;
    assert_int_equal(look(), DAMAGE_NO_END);
    facts.pg.end_lost = false; /* it can not be read, and may be tomorrow */
    facts.pg.end_unread_ms = 1000 * facts.settings.times.start_max_ms;
    assert_int_equal(look(), DAMAGE_NONE);
}

#define CHANGE(name) static void name(struct facts *f)
CHANGE(it_runs)
{
    f->pg.process = PG_RUNNING;
}
CHANGE(nobody_knows_whether_it_runs)
{
    f->pg.process = PG_UNKNOWN;
}
CHANGE(it_has_the_role_itself)
{
    f->store.holder = f->self;
    f->store.holder_copy = f->pg.copy;
}
CHANGE(it_is_another_clusters)
{
    f->pg.data = DATA_FOREIGN;
}
CHANGE(its_copy_is_listed)
{
    f->store.sync.sets[0] = kit_set();
}
CHANGE(its_copy_may_be_listed)
{
    f->store.sync.count = 0;
}

static void is_left_alone(const struct rung_kit_change *change)
{
    void (*const cases[])(void) = {never_comes_up, has_no_end};
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        cases[c]();
        change->make(&facts);
        if (look() != DAMAGE_NONE) {
            fail_msg("case %zu, %s", c, change->name);
        }
        cases[c]();
        assert_true(look() != DAMAGE_NONE);
        change->make(&facts);
        if (look() != DAMAGE_NONE) {
            fail_msg("case %zu, %s, late", c, change->name);
        }
    }
}

static void it_is_left_alone_where_it_may_be_needed(void **state)
{
    (void)state;
    const struct rung_kit_change own[] = {
        RUNG_KIT_CHANGE(it_runs),
        RUNG_KIT_CHANGE(nobody_knows_whether_it_runs),
        RUNG_KIT_CHANGE(it_has_the_role_itself),
        RUNG_KIT_CHANGE(it_is_another_clusters),
        RUNG_KIT_CHANGE(its_copy_is_listed),
        RUNG_KIT_CHANGE(its_copy_may_be_listed),
    };
    rung_kit_each(own, ARRAY_LEN(own), is_left_alone);
}

/* What is known to be before the newest timeline proves nothing on it; an end that nobody knows may
 * be anywhere. */
static void a_listed_copy_that_proves_nothing_may_go(void **state)
{
    (void)state;
    never_comes_up();
    its_copy_is_listed(&facts);
    facts.pg.end = kit_at(4, 4000);
    assert_int_equal(look(), DAMAGE_NO_START);
    has_no_end();
    its_copy_is_listed(&facts);
    facts.pg.end.timeline = 4;
    assert_int_equal(look(), DAMAGE_NONE);
    has_no_end();
    facts.settings.sync_mode = SYNC_OFF;
    facts.store.sync = (struct sync_value){.is_known = false};
    assert_int_equal(look(), DAMAGE_NO_END);
}

static void a_clone_that_does_not_start_either_is_not_cloned_again(void **state)
{
    (void)state;
    never_comes_up();
    assert_int_equal(look(), DAMAGE_NO_START);
    uint64_t copy = facts.pg.copy;
    facts.pg.copy = 0;
    facts.pg.data = DATA_BROKEN; /* it is being taken apart */
    assert_int_equal(look(), DAMAGE_NONE);
    facts.pg.copy = copy + 1000;
    facts.pg.data = DATA_USABLE;
    assert_int_equal(look(), DAMAGE_NONE);
    assert_int_equal(book.tries, 1);
    facts.store.grant_epoch++; /* another primary is another matter */
    facts.store.history[1].epoch = facts.store.grant_epoch;
    facts.store.order_epoch = facts.store.sync.epoch = facts.store.grant_epoch;
    facts.members[0].primary_epoch = facts.store.grant_epoch;
    assert_int_equal(look(), DAMAGE_NO_START);
    assert_int_equal(book.tries, 0);
}

static void a_clone_that_streamed_counts_no_more(void **state)
{
    (void)state;
    never_comes_up();
    assert_int_equal(look(), DAMAGE_NO_START);
    facts.pg.copy += 1000;
    assert_int_equal(look(), DAMAGE_NONE);
    facts.pg.process = PG_RUNNING;
    facts.pg.follows_epoch = KIT_EPOCH;
    (void)look();
    facts.pg.process = PG_ABSENT;
    facts.pg.follows_epoch = 0;
    assert_int_equal(look(), DAMAGE_NO_START);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_starts_in_vain_in_some_time_are_needed),
        cmocka_unit_test(a_broken_configuration_is_no_reason),
        cmocka_unit_test(an_heir_may_get_its_standby),
        cmocka_unit_test(what_may_not_be_cloned_is_started_on),
        cmocka_unit_test(an_end_counts_as_lost_after_a_while),
        cmocka_unit_test(it_is_left_alone_where_it_may_be_needed),
        cmocka_unit_test(a_listed_copy_that_proves_nothing_may_go),
        cmocka_unit_test(a_clone_that_does_not_start_either_is_not_cloned_again),
        cmocka_unit_test(a_clone_that_streamed_counts_no_more),
    };
    return cmocka_run_group_tests_name("damage", tests, NULL, NULL);
}
