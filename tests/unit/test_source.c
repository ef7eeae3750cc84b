/* tests/unit/test_source.c - whom a standby follows, and whose data a copy is made of. */
#include "tests/lib/death.h"

#include "base/must.h"
#include "supervisor/source.h"
#include "tests/lib/facts_kit.h"

/* pg2, which is tagged to follow pg3; no commit waits for it. */
static struct facts facts;

static void begin(void)
{
    kit_standby(&facts);
    facts.store.sync.sets[0].count = 0;
    facts.store.sync.sets[0].needed = 0;
    facts.source.replicatefrom = kit_name(3);
}

static void a_standby_that_streams_from_the_primary_may_be_followed(void **state)
{
    (void)state;
    begin();
    assert_true(source_is_able(&facts));
    facts.members[2].follows_epoch = 0;
    assert_false(source_is_able(&facts));
    facts.members[2].cascades_epoch = KIT_EPOCH; /* it has its WAL from a fourth one */
    assert_true(source_is_able(&facts));
}

#define CHANGE(name) static void name(struct facts *f)
CHANGE(nobody_is_named)
{
    f->source.replicatefrom.text[0] = '\0';
}
CHANGE(who_is_named_is_no_member)
{
    f->source.replicatefrom = kit_name(9);
}
CHANGE(it_is_the_primary)
{
    f->source.replicatefrom = kit_name(1);
}
CHANGE(it_is_this_node)
{
    f->source.replicatefrom = kit_name(2);
}
CHANGE(it_is_a_witness)
{
    f->members[2].is_database = false;
}
CHANGE(it_was_not_heard)
{
    f->members[2].is_fresh = false;
}
CHANGE(it_does_not_run)
{
    f->members[2].process = PG_ABSENT;
}
CHANGE(it_has_left_recovery)
{
    f->members[2].role = ROLE_PRIMARY;
}
CHANGE(it_has_no_copy)
{
    f->members[2].copy = 0;
}
CHANGE(it_follows_an_older_primary)
{
    f->members[2].follows_epoch = KIT_EPOCH - 1;
}
CHANGE(it_is_tagged_to_follow_this_node)
{
    f->members[2].replicatefrom = kit_name(2);
}
CHANGE(it_streams_from_this_node)
{
    f->members[2].follows_epoch = 0;
    f->members[2].cascades_epoch = KIT_EPOCH;
    f->members[2].upstream = kit_name(2);
}
CHANGE(a_third_one_closes_the_ring)
{
    f->member_count = 4;
    f->members[3] = kit_member(4);
    f->members[3].replicatefrom = kit_name(2);
    f->members[2].replicatefrom = kit_name(4);
}
CHANGE(this_node_streams_from_nobody)
{
    f->source.nostream = true;
}

static void else_it_may_not(void **state)
{
    (void)state;
    static void (*const changes[])(struct facts * f) = {
        nobody_is_named,
        who_is_named_is_no_member,
        it_is_the_primary,
        it_is_this_node,
        it_is_a_witness,
        it_was_not_heard,
        it_does_not_run,
        it_has_left_recovery,
        it_has_no_copy,
        it_follows_an_older_primary,
        it_is_tagged_to_follow_this_node,
        it_streams_from_this_node,
        a_third_one_closes_the_ring,
        this_node_streams_from_nobody,
    };
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        begin();
        changes[i](&facts);
        if (source_is_able(&facts)) {
            fail_msg("change %zu", i);
        }
    }
}

/* pg2 and pg3 name each other: both follow pg1. If pg1 is tagged too it is no ring: a primary
 * follows nobody. */
static void a_ring_through_the_primary_is_none(void **state)
{
    (void)state;
    begin();
    facts.members[2].replicatefrom = kit_name(1);
    facts.members[0].replicatefrom = kit_name(2);
    assert_true(source_is_able(&facts));
}

static void who_counts_for_commits_stays_with_the_primary(void **state)
{
    (void)state;
    begin();
    facts.store.sync.sets[0] = kit_set(); /* pg2 and pg3 */
    assert_true(source_is_able(&facts));
    assert_false(source_is_free(&facts));
    facts.store.sync.count = 0; /* what is in force proves nothing: it may list anybody */
    assert_false(source_is_free(&facts));
    facts.settings.sync_mode = SYNC_OFF;
    assert_true(source_is_free(&facts));
    facts.settings.sync_mode = SYNC_QUORUM;
    facts.store.sync.count = 1;
    facts.pg.copy = 999; /* what is listed is another copy: an answer of this one is none */
    assert_true(source_is_free(&facts));
}

static bool settle(struct source_book *book, uint64_t now_ms)
{
    facts.source.is_settled = source_settle(book, &facts, now_ms);
    return facts.source.is_settled;
}

static void nobody_is_followed_or_left_for_a_moment(void **state)
{
    (void)state;
    struct source_book book = {.epoch = 0};
    begin();
    assert_false(settle(&book, 1000));
    assert_string_equal(source_of(&facts)->text, "pg1");
    assert_false(settle(&book, 1000 + SOURCE_IN_MS - 1));
    facts.members[2].is_fresh = false;
    assert_false(settle(&book, 1000 + SOURCE_IN_MS));
    facts.members[2].is_fresh = true;
    assert_false(settle(&book, 5000));
    assert_true(settle(&book, 5000 + SOURCE_IN_MS));
    assert_string_equal(source_of(&facts)->text, "pg3");
    facts.members[2].is_fresh = false;
    assert_true(settle(&book, 10000));
    assert_true(settle(&book, 10000 + SOURCE_OUT_MS - 1));
    facts.members[2].is_fresh = true;
    assert_true(settle(&book, 20000));
    facts.members[2].is_fresh = false;
    assert_true(settle(&book, 30000));
    assert_false(settle(&book, 30000 + SOURCE_OUT_MS));
    assert_string_equal(source_of(&facts)->text, "pg1");
}

/* Who had the WAL of the last primary may not have that of the next. */
static void another_primary_is_followed_itself_first(void **state)
{
    (void)state;
    struct source_book book = {.epoch = 0};
    begin();
    (void)settle(&book, 1000);
    assert_true(settle(&book, 1000 + SOURCE_IN_MS));
    facts.store.grant_epoch++;
    assert_false(settle(&book, 1001 + SOURCE_IN_MS));
    begin();
    (void)settle(&book, 11000);
    assert_true(settle(&book, 11000 + SOURCE_IN_MS));
    facts.store.holder = kit_name(3);
    assert_false(settle(&book, 11001 + SOURCE_IN_MS));
    begin();
    (void)settle(&book, 21000);
    assert_true(settle(&book, 21000 + SOURCE_IN_MS));
    facts.source.replicatefrom.text[0] = '\0'; /* the tag was taken away */
    assert_false(settle(&book, 21001 + SOURCE_IN_MS));
    assert_string_equal(source_of(&facts)->text, "pg1");
}

static void nostream_is_nobody(void **state)
{
    (void)state;
    begin();
    facts.source.is_settled = true;
    facts.source.nostream = true;
    assert_string_equal(source_of(&facts)->text, "");
}

/* ---- copies ---- */

static void a_copy_is_made_of_one_that_is_tagged_for_it(void **state)
{
    (void)state;
    uint32_t of[5] = {0};
    kit_standby(&facts);
    facts.member_count = 4;
    facts.members[3] = kit_member(4);
    assert_string_equal(source_for_clone(&facts, 7, false)->text, "pg1");
    facts.members[2].clonefrom = facts.members[3].clonefrom = true;
    facts.members[1].clonefrom = true; /* this node itself */
    for (uint64_t draw = 0; draw < 100; draw++) {
        of[source_for_clone(&facts, draw, false)->text[2] - '0']++;
    }
    assert_int_equal(of[3] + of[4], 100);
    assert_true(of[3] > 0 && of[4] > 0);
    assert_string_equal(source_for_clone(&facts, 7, true)->text, "pg1");
    facts.members[2].follows_epoch = KIT_EPOCH - 1;
    facts.members[3].is_fresh = false;
    assert_string_equal(source_for_clone(&facts, 7, false)->text, "pg1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_standby_that_streams_from_the_primary_may_be_followed),
        cmocka_unit_test(else_it_may_not),
        cmocka_unit_test(a_ring_through_the_primary_is_none),
        cmocka_unit_test(who_counts_for_commits_stays_with_the_primary),
        cmocka_unit_test(nobody_is_followed_or_left_for_a_moment),
        cmocka_unit_test(another_primary_is_followed_itself_first),
        cmocka_unit_test(nostream_is_nobody),
        cmocka_unit_test(a_copy_is_made_of_one_that_is_tagged_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
