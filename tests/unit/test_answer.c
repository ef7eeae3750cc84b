/* tests/unit/test_answer.c - what members say through the store adds to their soft state, and never
 * stands against it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "supervisor/answer.h"
#include "tests/lib/facts_kit.h"

#define ORDER (KIT_EPOCH + 1)
#define LATER UINT64_C(1000)
#define PG2 1

/* pg1 is gone, an order stands, and by soft state nobody has answered it yet. */
struct scene {
    struct store_facts store;
    struct member_facts members[KIT_NODES];
    struct member_facts said; /* by pg2, through the store */
    struct answer_book book;
};

static void begin(struct scene *s)
{
    memset(s, 0, sizeof(*s));
    s->store = kit_store();
    for (unsigned i = 0; i < KIT_NODES; i++) {
        s->members[i] = kit_member(i + 1);
        s->members[i].sealed_epoch = KIT_EPOCH;
    }
    s->said = s->members[PG2];
}

static void ordered(struct scene *s)
{
    begin(s);
    s->store.lease_stands = false;
    s->store.order_epoch = ORDER;
    s->said.sealed_epoch = ORDER;
    s->said.follows_epoch = 0;
    s->said.end.lsn += 10;
    s->said.left = kit_at(4, 4000);
}

/* Behind its fence pg1 waits for somebody to follow. */
static void granted(struct scene *s)
{
    begin(s);
    s->members[PG2].follows_epoch = 0;
    s->members[PG2].end = kit_at(KIT_TIMELINE - 1, KIT_LSN);
}

static void take(struct scene *s, uint64_t revision)
{
    struct words words = {.facts = s->said};
    struct facts_name name = kit_name(2);
    CLEANUP(buf_close) struct buf bytes = {0};
    assert_int_equal(words_encode(&words, &bytes), 0);
    struct pgraft_pair pair = {.value = {bytes.bytes, bytes.size}, .mod_revision = revision};
    answer_take(&s->book, &name, &pair, LATER);
}

static bool is_sealed(struct scene *s)
{
    answer_seals(&s->book, &s->store, s->members, KIT_NODES);
    return s->members[PG2].sealed_epoch == ORDER;
}

static bool follows(struct scene *s, uint64_t now_ms)
{
    answer_follows(&s->book, &s->store, now_ms, s->members, KIT_NODES);
    return s->members[PG2].follows_epoch == KIT_EPOCH;
}

#define CHANGE(name) static void name(struct scene *s)

CHANGE(it_is_not_heard)
{
    s->members[PG2].is_fresh = false;
}
CHANGE(its_copy_is_another_by_now)
{
    s->members[PG2].copy = 999;
}
CHANGE(its_data_are_gone)
{
    s->members[PG2].has_data = false;
}
CHANGE(it_said_so_of_another_copy)
{
    s->said.copy = 999;
}
CHANGE(it_did_not_know_its_end)
{
    s->said.end.is_known = false;
}
CHANGE(it_said_so_for_another_epoch)
{
    s->said.sealed_epoch = s->said.follows_epoch = KIT_EPOCH - 1;
}
CHANGE(it_is_sealed_above)
{
    s->members[PG2].sealed_epoch = ORDER + 1;
}
CHANGE(the_order_was_answered)
{
    s->store.grant_epoch = ORDER;
}
CHANGE(the_lease_has_ended)
{
    s->store.lease_stands = false;
}
CHANGE(somebody_else_wrote_it)
{
    s->said.name = kit_name(3);
}

typedef void (*scene_change)(struct scene *s);

/* Else it would be chosen for the moment until soft state says so. */
static void who_refuses_its_configuration_says_so_with_its_seal(void **state)
{
    (void)state;
    struct scene s;
    ordered(&s);
    s.said.config_reads = FACT_NO;
    take(&s, 7);
    assert_true(is_sealed(&s));
    assert_int_equal(s.members[PG2].config_reads, FACT_NO);
    ordered(&s);
    s.members[PG2].config_reads = FACT_NO;
    take(&s, 7);
    assert_true(is_sealed(&s));
    assert_int_equal(s.members[PG2].config_reads, FACT_NO);
}

static void c1_a_seal_counts_for_the_copy_that_said_it(void **state)
{
    (void)state;
    static const scene_change refused[] = {it_is_not_heard,         its_copy_is_another_by_now,
                                           its_data_are_gone,       it_said_so_of_another_copy,
                                           it_did_not_know_its_end, it_said_so_for_another_epoch,
                                           it_is_sealed_above,      the_order_was_answered,
                                           somebody_else_wrote_it};
    struct scene s;
    ordered(&s);
    assert_false(is_sealed(&s));
    take(&s, 7);
    assert_true(is_sealed(&s));
    assert_int_equal(s.members[PG2].end.lsn, KIT_LSN + 10);
    assert_int_equal(s.members[PG2].left.lsn, 4000);
    assert_int_equal(s.members[PG2].follows_epoch, 0);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        ordered(&s);
        refused[i](&s);
        take(&s, 7);
        struct member_facts before = s.members[PG2];
        assert_false(is_sealed(&s));
        assert_memory_equal(&before, &s.members[PG2], sizeof(before));
    }
}

static void c4_who_follows_counts_for_the_copy_that_said_it(void **state)
{
    (void)state;
    static const scene_change refused[] = {it_is_not_heard,         its_copy_is_another_by_now,
                                           its_data_are_gone,       it_said_so_of_another_copy,
                                           it_did_not_know_its_end, it_said_so_for_another_epoch,
                                           the_lease_has_ended,     somebody_else_wrote_it};
    struct scene s;
    granted(&s);
    assert_false(follows(&s, LATER));
    take(&s, 7);
    assert_true(follows(&s, LATER + 500));
    assert_int_equal(s.members[PG2].end.timeline, KIT_TIMELINE);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        granted(&s);
        refused[i](&s);
        take(&s, 7);
        assert_false(follows(&s, LATER));
    }
    granted(&s);
    take(&s, 7);
    assert_false(follows(&s, LATER + 501)); /* soft state would say it by now */
}

static void an_end_never_goes_back(void **state)
{
    (void)state;
    struct scene s;
    granted(&s);
    s.members[PG2].end = kit_at(KIT_TIMELINE, KIT_LSN + 1);
    take(&s, 7);
    assert_true(follows(&s, LATER));
    assert_int_equal(s.members[PG2].end.lsn, KIT_LSN + 1);
}

static void what_can_not_be_read_or_is_gone_says_nothing(void **state)
{
    (void)state;
    struct scene s;
    struct facts_name name = kit_name(2);
    struct pgraft_pair pair = {.value = {"{}", 2}, .mod_revision = 8};
    ordered(&s);
    take(&s, 7);
    answer_take(&s.book, &name, &pair, LATER);
    assert_false(is_sealed(&s));
    take(&s, 9);
    answer_take(&s.book, &name, NULL, LATER);
    assert_false(is_sealed(&s));
    take(&s, 10);
    assert_true(is_sealed(&s));
}

static void keys_are_found_back(void **state)
{
    (void)state;
    struct keys keys;
    struct facts_name name = kit_name(2);
    struct facts_name found;
    char text[KEYS_ANSWER_SIZE];
    assert_true(keys_init(&keys, "/service/", "demo"));
    struct pgraft_slice slice = keys_answer(&keys, &name, text);
    assert_string_equal(text, "/service/demo/pgraft/answers/pg2");
    assert_true(keys_find_answer(&keys, slice, &found));
    assert_true(name_is(&found, &name));
    assert_false(keys_find_answer(&keys, keys_slice(&keys, KEY_GRANT), &found));
    slice.size = strlen("/service/demo/pgraft/answers/");
    assert_false(keys_find_answer(&keys, slice, &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(c1_a_seal_counts_for_the_copy_that_said_it),
        cmocka_unit_test(who_refuses_its_configuration_says_so_with_its_seal),
        cmocka_unit_test(c4_who_follows_counts_for_the_copy_that_said_it),
        cmocka_unit_test(an_end_never_goes_back),
        cmocka_unit_test(what_can_not_be_read_or_is_gone_says_nothing),
        cmocka_unit_test(keys_are_found_back),
    };
    return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
