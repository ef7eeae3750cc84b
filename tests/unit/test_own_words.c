/* tests/unit/test_own_words.c - what a node says of itself is what it has seen, and no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/own_words.h"
#include "tests/lib/facts_kit.h"
#include "tests/lib/standby_kit.h"

static const struct own_tags tags = {.is_database = true, .nosync = true, .failover_priority = 2};
static const struct position nowhere = {.is_known = false};

static void a_primary_says_so(void **state)
{
    (void)state;
    struct facts f;
    struct member_facts m;
    kit_primary(&f);
    assert_true(own_words_fill(&f, &tags, &nowhere, 0, &m));
    assert_int_equal(m.primary_epoch, KIT_EPOCH);
    assert_int_equal(m.follows_epoch, 0);
    assert_int_equal(m.sealed_epoch, 0);
    assert_true(m.seen.is_known);
    assert_int_equal(m.copy, 101);
    assert_true(m.nosync);
    assert_int_equal(m.failover_priority, 2);
    f.pg.role = ROLE_UNKNOWN;
    assert_true(own_words_fill(&f, &tags, &nowhere, 0, &m));
    assert_int_equal(m.primary_epoch, 0);
}

#define CHANGE(name) static void name(struct facts *f)
CHANGE(upstream_is_another)
{
    f->pg.upstream = kit_name(3);
}
CHANGE(it_does_not_stream)
{
    f->pg.follows_epoch = 0;
}
CHANGE(it_streams_from_an_earlier_primary)
{
    f->pg.follows_epoch = KIT_EPOCH - 1;
}
CHANGE(primary_is_not_heard)
{
    f->members[0].is_fresh = false;
}
CHANGE(primary_has_another_epoch)
{
    f->members[0].primary_epoch = KIT_EPOCH - 1;
}
CHANGE(timeline_is_another)
{
    f->pg.end.timeline = KIT_TIMELINE - 1;
}
CHANGE(timeline_is_not_recorded)
{
    f->store.history_count = 1;
}
CHANGE(it_is_no_standby)
{
    f->pg.role = ROLE_UNKNOWN;
}

static void a_standby_follows_what_it_knows_to_be_the_primary(void **state)
{
    (void)state;
    static void (*const changes[])(struct facts * f) = {
        upstream_is_another,      it_does_not_stream,        it_streams_from_an_earlier_primary,
        primary_is_not_heard,     primary_has_another_epoch, timeline_is_another,
        timeline_is_not_recorded, it_is_no_standby,
    };
    struct facts f;
    struct member_facts m;
    kit_standby(&f);
    assert_true(own_words_fill(&f, &tags, &nowhere, 0, &m));
    assert_int_equal(m.follows_epoch, KIT_EPOCH);
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        kit_standby(&f);
        changes[i](&f);
        assert_true(own_words_fill(&f, &tags, &nowhere, 0, &m));
        assert_int_equal(m.follows_epoch, 0);
    }
}

/* Safety C3, C4: what it flushes the primary does not hear of, so it is to be in no set. */
static void c3_who_streams_from_a_standby_says_so_and_counts_for_nothing(void **state)
{
    (void)state;
    struct facts f;
    struct member_facts m;
    struct own_tags own = {
        .is_database = true, .failover_priority = 1, .replicatefrom = kit_name(3)};
    kit_standby(&f);
    f.pg.upstream = kit_name(3);
    f.source.replicatefrom = kit_name(3);
    assert_true(own_words_fill(&f, &own, &nowhere, 0, &m));
    assert_int_equal(m.follows_epoch, 0);
    assert_int_equal(m.cascades_epoch, KIT_EPOCH);
    assert_string_equal(m.upstream.text, "pg3");
    assert_string_equal(m.replicatefrom.text, "pg3");
    assert_true(m.nosync);
    f.members[2].follows_epoch = 0; /* pg3 does not stream itself */
    assert_true(own_words_fill(&f, &own, &nowhere, 0, &m));
    assert_int_equal(m.cascades_epoch, 0);
    assert_string_equal(m.upstream.text, "pg3");
    assert_false(m.nosync); /* it will be back at the primary */
    f.pg.upstream = kit_name(1);
    assert_true(own_words_fill(&f, &own, &nowhere, 0, &m));
    assert_int_equal(m.follows_epoch, KIT_EPOCH);
    assert_string_equal(m.upstream.text, "");
    f.source.nostream = own.nostream = true;
    assert_true(own_words_fill(&f, &own, &nowhere, 0, &m));
    assert_true(m.nostream && m.nosync);
}

/* Safety C1: every step of it, or nothing is said. */
static void c1_a_seal_is_told_when_it_is_complete(void **state)
{
    (void)state;
    struct facts f;
    struct member_facts m;
    kit_chosen(&f);
    assert_true(own_words_fill(&f, &tags, &nowhere, 0, &m));
    assert_int_equal(m.sealed_epoch, KIT_EPOCH + 1);
    f.pg.receiver_gone_twice = false;
    assert_true(own_words_fill(&f, &tags, &nowhere, 0, &m));
    assert_int_equal(m.sealed_epoch, 0);
    f.pg.receiver_gone_twice = true;
    f.pg.end_after_seal = false;
    assert_true(own_words_fill(&f, &tags, &nowhere, 0, &m));
    assert_int_equal(m.sealed_epoch, 0);
    f.pg.end_after_seal = true;
    f.pg.receiver = RECEIVER_LIVES; /* it came back */
    assert_true(own_words_fill(&f, &tags, &nowhere, 0, &m));
    assert_int_equal(m.sealed_epoch, 0);
    f.pg.receiver = RECEIVER_GONE;
    f.pg.end.is_known = false;
    assert_true(own_words_fill(&f, &tags, &nowhere, 0, &m));
    assert_int_equal(m.sealed_epoch, 0);
}

static void who_has_not_looked_yet_says_nothing(void **state)
{
    (void)state;
    struct facts f;
    struct member_facts m;
    struct position seen = kit_at(3, 4);
    kit_standby(&f);
    f.pg.data = DATA_UNKNOWN;
    assert_false(own_words_fill(&f, &tags, &nowhere, 0, &m));
    struct own_tags witness = {.is_database = false};
    assert_true(own_words_fill(&f, &witness, &seen, 70, &m));
    assert_int_equal(m.seen.lsn, 4);
    assert_int_equal(m.seen_age_ms, 70);
    assert_false(m.has_data);
}

static void data_that_are_not_whole_have_no_copy_and_no_end(void **state)
{
    (void)state;
    struct facts f;
    struct member_facts m;
    kit_standby(&f);
    f.pg.left = kit_at(4, 4000);
    assert_true(own_words_fill(&f, &tags, &nowhere, 0, &m));
    assert_int_equal(m.left.lsn, 4000);
    f.pg.data = DATA_BROKEN;
    assert_true(own_words_fill(&f, &tags, &nowhere, 0, &m));
    assert_true(!m.has_data && m.copy == 0 && !m.end.is_known && !m.left.is_known);
}

static void who_crashed_too_often_says_that_it_can_not_start(void **state)
{
    (void)state;
    struct facts f;
    struct member_facts m;
    kit_standby(&f);
    f.pg.crashes = f.settings.crashes_max;
    assert_true(own_words_fill(&f, &tags, &nowhere, 0, &m));
    assert_int_equal(m.can_start, FACT_YES);
    f.pg.crashes++;
    assert_true(own_words_fill(&f, &tags, &nowhere, 0, &m));
    assert_int_equal(m.can_start, FACT_NO);
}

static void who_refuses_its_configuration_says_so(void **state)
{
    (void)state;
    struct facts f;
    struct member_facts m;
    kit_standby(&f);
    f.back.config_reads = FACT_NO;
    assert_true(own_words_fill(&f, &tags, &nowhere, 0, &m));
    assert_int_equal(m.config_reads, FACT_NO);
}

static void who_leads_a_standby_cluster_follows_no_member(void **state)
{
    (void)state;
    struct facts f;
    struct member_facts m;
    struct position seen = {.is_known = false};
    kit_leader(&f);
    assert_true(own_words_fill(&f, &tags, &seen, 0, &m));
    assert_int_equal(m.follows_epoch, KIT_EPOCH);
    assert_string_equal(m.upstream.text, "");
    f.pg.upstream.text[0] = '\0'; /* of before the grant */
    assert_true(own_words_fill(&f, &tags, &seen, 0, &m));
    assert_int_equal(m.follows_epoch, 0);
    kit_follower(&f);
    f.pg.end = kit_at(KIT_TIMELINE + 3, KIT_LSN); /* which nobody has recorded here */
    assert_true(own_words_fill(&f, &tags, &seen, 0, &m));
    assert_int_equal(m.follows_epoch, KIT_EPOCH);
}

/* It is no data of the cluster, and others have to know that an operator may have it. */
static void what_was_restored_is_told_when_it_is_fit(void **state)
{
    (void)state;
    struct facts f;
    struct member_facts m;
    kit_standby(&f);
    f.pg.data = DATA_FOREIGN;
    f.pg.process = PG_ABSENT;
    f.pg.restored = RESTORED_FIT;
    assert_true(own_words_fill(&f, &tags, &nowhere, 0, &m));
    assert_true(m.is_restored);
    assert_false(m.has_data);
    assert_int_equal(m.copy, 0);
    assert_false(m.end.is_known);
    f.pg.restored = RESTORED_UNFIT;
    assert_true(own_words_fill(&f, &tags, &nowhere, 0, &m));
    assert_false(m.is_restored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_primary_says_so),
        cmocka_unit_test(what_was_restored_is_told_when_it_is_fit),
        cmocka_unit_test(a_standby_follows_what_it_knows_to_be_the_primary),
        cmocka_unit_test(c3_who_streams_from_a_standby_says_so_and_counts_for_nothing),
        cmocka_unit_test(c1_a_seal_is_told_when_it_is_complete),
        cmocka_unit_test(who_has_not_looked_yet_says_nothing),
        cmocka_unit_test(data_that_are_not_whole_have_no_copy_and_no_end),
        cmocka_unit_test(who_refuses_its_configuration_says_so),
        cmocka_unit_test(who_crashed_too_often_says_that_it_can_not_start),
        cmocka_unit_test(who_leads_a_standby_cluster_follows_no_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
