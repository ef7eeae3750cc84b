/* tests/unit/test_damage.c - when a copy of the data counts as of no use, and when it must not. */
#include "tests/lib/death.h"

#include "base/must.h"
#include "supervisor/damage.h"
#include "supervisor/proof.h"
#include "tests/lib/rung_kit.h"

/* pg2 is down, pg1 has a primary, pg3 follows it; pg2's copy is listed nowhere. */
static struct facts facts;
static struct damage_book book;
static uint64_t now_ms;
static struct return_facts out; /* of the last look */

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

static uint64_t ask_ms(void)
{
    return DAMAGE_ASK_MS + 2 * facts.settings.times.fresh_ms;
}

/* One look. */
static enum damage glance(void)
{
    out = facts.back;
    damage_settle(&book, &facts, now_ms, &out);
    return out.damage;
}

/* As long as it takes to ask, with one more start if there are any. */
static enum damage look(void)
{
    (void)glance();
    now_ms += ask_ms();
    facts.back.starts_in_vain += facts.back.starts_in_vain > 0 ? 1 : 0;
    return glance();
}

static void many_starts_in_vain_in_some_time_are_needed(void **state)
{
    (void)state;
    never_comes_up();
    facts.back.starts_in_vain = DAMAGE_STARTS - 2;
    assert_int_equal(look(), DAMAGE_NONE);
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

/* ... but until then what the one before it published is what an election asks for. */
static void what_an_heir_goes_by_is_kept(void **state)
{
    (void)state;
    never_comes_up();
    facts.store.sync.epoch = KIT_EPOCH - 1;
    facts.store.sync.heir_count = 1;
    facts.store.sync.heirs[0] = kit_copy(1);
    facts.store.sync.primary = kit_copy(3);
    facts.store.sync.count = 1;
    facts.store.sync.sets[0] = (struct sync_set){.needed = 1, .count = 1, .at = {kit_copy(2)}};
    facts.pg.end = kit_at(4, KIT_LSN); /* on the timeline before the heir's */
    assert_int_equal(facts.store.history[facts.store.history_count - 2].timeline, 4);
    assert_true(proof_asks_for(&facts));
    facts.pg.end = kit_at(2, KIT_LSN); /* on the one before that */
    assert_false(proof_asks_for(&facts));
    facts.pg.end = kit_at(4, KIT_LSN);
    facts.store.sync.sets[0].at[0] = kit_copy(3);
    assert_false(proof_asks_for(&facts));
    facts.store.sync.primary = kit_copy(2); /* it was that primary */
    assert_true(proof_asks_for(&facts));
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

/* ---- what keeps a copy that never comes up, and not one without an end ---- */

CHANGE(nobody_else_follows)
{
    f->members[2].follows_epoch = 0;
}
CHANGE(who_follows_is_not_heard)
{
    f->members[2].is_fresh = false;
}
CHANGE(who_follows_has_no_data)
{
    f->members[2].has_data = false;
}
CHANGE(who_follows_streams_from_an_earlier_primary)
{
    f->members[2].follows_epoch = KIT_EPOCH - 1;
}
CHANGE(who_follows_streams_from_a_standby)
{
    f->members[2].cascades_epoch = f->members[2].follows_epoch;
    f->members[2].follows_epoch = 0;
}
CHANGE(the_other_is_a_witness)
{
    f->members[2].is_database = false;
}
CHANGE(there_are_two_databases)
{
    f->member_count = 2;
}
/* The words of now are those of before: of this node and of the primary nothing counts here. */
CHANGE(this_node_and_the_primary_follow)
{
    nobody_else_follows(f);
    f->members[0].follows_epoch = f->members[1].follows_epoch = KIT_EPOCH;
}

static void a_fourth(struct facts *f)
{
    f->member_count = 4;
    f->members[3] = kit_member(4);
    f->members[3].process = PG_ABSENT;
    f->members[3].follows_epoch = 0;
}
CHANGE(another_is_cloned)
{
    a_fourth(f);
    f->members[3].has_data = false;
}
CHANGE(another_was_cloned_in_vain)
{
    a_fourth(f);
    f->members[3].discards = DISCARDS_DONE;
}
CHANGE(another_is_not_heard)
{
    a_fourth(f);
    f->members[3].is_fresh = false;
}
CHANGE(another_asks_that_is_before_it)
{
    a_fourth(f);
    f->members[3].name.text[2] = '1';
    f->members[3].discards = DISCARDS_ASKS;
    f->members[0].name.text[2] = '0'; /* who was pg1 */
    f->store.holder = f->members[0].name;
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

static void one_that_never_comes_up_is_left_alone_where_it_may_be_the_last_but_one(void **state)
{
    (void)state;
    static const struct rung_kit_change changes[] = {
        RUNG_KIT_CHANGE(nobody_else_follows),
        RUNG_KIT_CHANGE(who_follows_is_not_heard),
        RUNG_KIT_CHANGE(who_follows_has_no_data),
        RUNG_KIT_CHANGE(who_follows_streams_from_an_earlier_primary),
        RUNG_KIT_CHANGE(who_follows_streams_from_a_standby),
        RUNG_KIT_CHANGE(the_other_is_a_witness),
        RUNG_KIT_CHANGE(there_are_two_databases),
        RUNG_KIT_CHANGE(this_node_and_the_primary_follow),
    };
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        never_comes_up();
        assert_int_equal(look(), DAMAGE_NO_START);
        changes[i].make(&facts);
        bool waits = look() == DAMAGE_NONE && out.damage_wait == DAMAGE_WAITS_COPY &&
                     out.discards == DISCARDS_NOT;
        if (!waits) {
            fail_msg("%s", changes[i].name);
        }
        has_no_end(); /* of that nothing can be had any more */
        changes[i].make(&facts);
        assert_int_equal(look(), DAMAGE_NO_END);
        assert_int_equal(out.damage_wait, DAMAGE_WAITS_NOT);
    }
}

static void one_at_a_time_gives_its_copy_up(void **state)
{
    (void)state;
    static const struct rung_kit_change changes[] = {
        RUNG_KIT_CHANGE(another_is_cloned),
        RUNG_KIT_CHANGE(another_was_cloned_in_vain),
        RUNG_KIT_CHANGE(another_is_not_heard),
        RUNG_KIT_CHANGE(another_asks_that_is_before_it),
    };
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        never_comes_up();
        changes[i].make(&facts);
        bool waits = look() == DAMAGE_NONE && out.damage_wait == DAMAGE_WAITS_TURN &&
                     out.discards == DISCARDS_ASKS;
        if (!waits) {
            fail_msg("%s", changes[i].name);
        }
        facts.members[3].is_fresh = false; /* nobody knows */
        assert_int_equal(look(), DAMAGE_NONE);
        assert_int_equal(out.damage_wait, DAMAGE_WAITS_TURN);
        facts.members[3].is_database = false; /* a witness has nothing to give up */
        assert_int_equal(look(), DAMAGE_NO_START);
    }
    never_comes_up();
    a_fourth(&facts); /* that one is down for another reason */
    assert_int_equal(look(), DAMAGE_NO_START);
    never_comes_up();
    a_fourth(&facts);
    facts.members[3].discards = DISCARDS_ASKS;
    assert_int_equal(look(), DAMAGE_NO_START);
}

/* Both hear of each other while they ask, and so does who begins to ask when the other goes. */
static void it_asks_for_a_while(void **state)
{
    (void)state;
    never_comes_up();
    assert_int_equal(glance(), DAMAGE_NONE);
    assert_int_equal(out.discards, DISCARDS_ASKS);
    now_ms += ask_ms() - 1;
    facts.back.starts_in_vain++;
    assert_int_equal(glance(), DAMAGE_NONE);
    now_ms++;
    assert_int_equal(glance(), DAMAGE_NO_START);
    assert_int_equal(out.discards, DISCARDS_DONE);
    another_asks_that_is_before_it(&facts); /* too late: it waits for this one */
    assert_int_equal(glance(), DAMAGE_NO_START);
    facts.members[3].discards = DISCARDS_DONE; /* both would: then neither, and who is first */
    assert_int_equal(glance(), DAMAGE_NONE);
    assert_int_equal(out.discards, DISCARDS_ASKS);
    facts.members[3].discards = DISCARDS_ASKS;
    assert_int_equal(glance(), DAMAGE_NONE);
    never_comes_up();
    (void)glance();
    now_ms += ask_ms() / 2;
    facts.members[2].is_fresh = false; /* not asked for a moment: it begins anew */
    assert_int_equal(glance(), DAMAGE_NONE);
    facts.members[2].is_fresh = true;
    facts.back.starts_in_vain++;
    now_ms += ask_ms() / 2 + 1;
    assert_int_equal(glance(), DAMAGE_NONE);
    now_ms += ask_ms();
    assert_int_equal(glance(), DAMAGE_NO_START);
}

/* What kept both down may be mended: the other one is there again, and this one is about to. */
static void it_is_started_once_more_when_nothing_keeps_it_any_longer(void **state)
{
    (void)state;
    static const struct rung_kit_change changes[] = {
        RUNG_KIT_CHANGE(nobody_else_follows),
        RUNG_KIT_CHANGE(another_was_cloned_in_vain),
    };
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        never_comes_up();
        changes[i].make(&facts);
        assert_int_equal(look(), DAMAGE_NONE);
        facts.members[2].follows_epoch = KIT_EPOCH;
        facts.member_count = 3;
        (void)glance();
        now_ms += 100 * ask_ms();
        assert_int_equal(glance(), DAMAGE_NONE);
        facts.back.starts_in_vain++;
        assert_int_equal(glance(), DAMAGE_NO_START);
    }
}

static void others_hear_of_it_until_it_streams(void **state)
{
    (void)state;
    never_comes_up();
    assert_int_equal(look(), DAMAGE_NO_START);
    uint64_t copy = facts.pg.copy;
    facts.pg.copy = 0;
    facts.pg.data = DATA_BROKEN;
    (void)glance();
    assert_int_equal(out.discards, DISCARDS_DONE);
    facts.pg.copy = copy + 1000;
    facts.pg.data = DATA_USABLE;
    (void)glance();
    assert_int_equal(out.discards, DISCARDS_DONE);
    facts.pg.process = PG_RUNNING;
    (void)glance();
    assert_int_equal(out.discards, DISCARDS_DONE);
    facts.pg.follows_epoch = KIT_EPOCH;
    (void)glance();
    assert_int_equal(out.discards, DISCARDS_NOT);
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
    facts.members[2].follows_epoch = facts.store.grant_epoch;
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
        cmocka_unit_test(what_an_heir_goes_by_is_kept),
        cmocka_unit_test(what_may_not_be_cloned_is_started_on),
        cmocka_unit_test(an_end_counts_as_lost_after_a_while),
        cmocka_unit_test(it_is_left_alone_where_it_may_be_needed),
        cmocka_unit_test(one_that_never_comes_up_is_left_alone_where_it_may_be_the_last_but_one),
        cmocka_unit_test(one_at_a_time_gives_its_copy_up),
        cmocka_unit_test(it_asks_for_a_while),
        cmocka_unit_test(it_is_started_once_more_when_nothing_keeps_it_any_longer),
        cmocka_unit_test(others_hear_of_it_until_it_streams),
        cmocka_unit_test(a_listed_copy_that_proves_nothing_may_go),
        cmocka_unit_test(a_clone_that_does_not_start_either_is_not_cloned_again),
        cmocka_unit_test(a_clone_that_streamed_counts_no_more),
    };
    return cmocka_run_group_tests_name("damage", tests, NULL, NULL);
}
