/* tests/unit/test_words.c - what nodes say of themselves: said, read, and how old it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/words.h"
#include "tests/lib/facts_kit.h"
#include "tests/lib/random.h"

#define FRESH_MS 600
#define ID 77

static struct words some_words(void)
{
    struct words w;
    memset(&w, 0, sizeof(w));
    w.beat = 12;
    w.facts = kit_member(1);
    w.facts.is_fresh = w.facts.is_recent = w.facts.is_voter = false; /* the reader's affair */
    w.facts.sealed_epoch = 4;
    w.facts.seen_age_ms = 30;
    w.facts.clonefrom = w.facts.nostream = w.facts.leaves = true;
    w.facts.config_reads = FACT_NO;
    w.facts.replicatefrom = kit_name(2);
    w.facts.upstream = kit_name(3);
    w.facts.cascades_epoch = 4;
    w.facts.to_replay = 4096;
    w.facts.left = kit_at(4, 4000);
    w.facts.discards = DISCARDS_ASKS;
    w.facts.is_restored = true;
    w.facts.level = 3;
    (void)snprintf(w.card, sizeof(w.card), "{\"api_url\":\"http://127.0.0.1:8008/patroni\"}");
    return w;
}

static void words_are_read_as_they_were_said(void **state)
{
    (void)state;
    struct words w = some_words();
    struct words again;
    struct buf text = {0};
    memset(&again, 0, sizeof(again));
    assert_int_equal(words_encode(&w, &text), 0);
    assert_int_equal(words_decode(text.bytes, text.size, true, &again, NULL), 0);
    assert_memory_equal(&w, &again, sizeof(w));
    assert_int_equal(words_decode(text.bytes, text.size, false, &again, NULL), 0);
    assert_string_equal(again.card, "");
    w.facts.is_database = false; /* a witness says less */
    buf_clear(&text);
    assert_int_equal(words_encode(&w, &text), 0);
    assert_int_equal(words_decode(text.bytes, text.size, true, &again, NULL), 0);
    assert_false(again.facts.is_database);
    assert_true(again.facts.seen.is_known);
    assert_false(again.facts.has_data);
    buf_close(&text);
}

/* Safety A8: it is read as one that knows the first level and no other. */
static void a8_who_says_no_level_knows_the_first(void **state)
{
    (void)state;
    struct words w = some_words();
    struct words again;
    struct buf text = {0};
    w.facts.level = 1;
    assert_int_equal(words_encode(&w, &text), 0);
    assert_null(strstr(buf_text(&text), "level"));
    assert_int_equal(words_decode(text.bytes, text.size, true, &again, NULL), 0);
    assert_int_equal(again.facts.level, 1);
    w.facts.level = 2;
    w.facts.is_database = false; /* a witness tells it, too */
    buf_clear(&text);
    assert_int_equal(words_encode(&w, &text), 0);
    assert_int_equal(words_decode(text.bytes, text.size, true, &again, NULL), 0);
    assert_int_equal(again.facts.level, 2);
    buf_close(&text);
}

static void words_fit_into_soft_state(void **state)
{
    (void)state;
    struct words w = some_words();
    struct buf text = {0};
    memset(w.facts.name.text, 'n', FACTS_NAME_SIZE - 1);
    memset(w.card, '"', sizeof(w.card) - 1); /* twice as long when it is said */
    assert_int_equal(words_encode(&w, &text), ERR_TOO_LARGE);
    w.card[0] = '\0';
    buf_clear(&text);
    assert_int_equal(words_encode(&w, &text), 0);
    buf_close(&text);
}

static void nothing_wild_does_harm(void **state)
{
    (void)state;
    struct words w = some_words();
    struct words out = w;
    struct test_random chance = {3};
    struct buf text = {0};
    assert_int_equal(words_encode(&w, &text), 0);
    for (size_t i = 0; i < text.size; i++) {
        assert_int_not_equal(words_decode(text.bytes, i, true, &out, NULL), 0);
        char kept = text.bytes[i];
        text.bytes[i] = (char)random_below(&chance, 256);
        (void)words_decode(text.bytes, text.size, true, &out, NULL);
        text.bytes[i] = kept;
    }
    static const char huge[] =
        "{\"version\":1,\"beat\":1,\"name\":\"pg1\",\"kind\":\"witness\","
        "\"seen\":[0,5],\"seen_age_ms\":0}";
    assert_int_not_equal(words_decode(huge, strlen(huge), true, &out, NULL), 0);
    buf_close(&text);
}

/* ---- the table ---- */

static struct roster two(void)
{
    struct roster roster;
    memset(&roster, 0, sizeof(roster));
    roster.self = ID + 1;
    roster.count = 2;
    roster.at[0] = (struct roster_member){
        .id = ID, .name = kit_name(1), .is_database = true, .is_voter = true};
    roster.at[1] = (struct roster_member){
        .id = ID + 1, .name = kit_name(2), .is_database = true, .is_voter = true};
    return roster;
}

static void hear(struct words_table *t, uint64_t now_ms, uint64_t age_ms, const struct words *w)
{
    struct buf text = {0};
    assert_int_equal(words_encode(w, &text), 0);
    struct pgraft_soft soft = {.member = ID, .age_ms = age_ms, .bytes = {text.bytes, text.size}};
    words_table_hear(t, now_ms, &soft);
    buf_close(&text);
}

static struct member_facts first_of(struct words_table *t, uint64_t now_ms)
{
    struct member_facts members[FACTS_MEMBERS_MAX];
    struct roster roster = two();
    uint32_t count = 0;
    words_table_members(t, now_ms, &roster, FRESH_MS, members, &count);
    assert_int_equal(count, 2);
    assert_string_equal(members[1].name.text, "pg2");
    assert_false(members[1].is_fresh); /* nothing was heard of it */
    return members[0];
}

static struct words_table table;

static void words_are_as_old_as_their_member_was_heard(void **state)
{
    (void)state;
    struct words w = some_words();
    memset(&table, 0, sizeof(table));
    hear(&table, 10000, 100, &w);
    assert_true(first_of(&table, 10000).is_fresh);
    assert_true(first_of(&table, 10000 + FRESH_MS - 100).is_fresh);
    assert_false(first_of(&table, 10000 + FRESH_MS - 99).is_fresh);
    assert_int_equal(first_of(&table, 10000 + 200).seen_age_ms, 30 + 300);
    assert_int_equal(first_of(&table, 99999).sealed_epoch, 4); /* a promise does not age */
    assert_true(first_of(&table, 99999).is_voter);
}

/* The consensus thread of a node stands by its words while the supervisor hangs. */
static void words_whose_number_stands_still_are_old(void **state)
{
    (void)state;
    struct words w = some_words();
    memset(&table, 0, sizeof(table));
    for (uint64_t ms = 0; ms <= 3000; ms += 100) {
        hear(&table, 10000 + ms, 20, &w);
        assert_int_equal(first_of(&table, 10000 + ms).is_fresh, ms <= WORDS_SILENT_MS);
    }
    assert_true(first_of(&table, 13000).seen_age_ms >= 3000);
    w.facts.end.lsn++; /* other words, and the same number: it is not the owner that counts on */
    hear(&table, 13100, 20, &w);
    assert_false(first_of(&table, 13100).is_fresh);
    w.beat++;
    hear(&table, 13200, 20, &w);
    assert_true(first_of(&table, 13200).is_fresh);
}

static void words_of_another_name_are_nobodys(void **state)
{
    (void)state;
    struct words w = some_words();
    w.facts.name = kit_name(3);
    memset(&table, 0, sizeof(table));
    hear(&table, 10000, 20, &w);
    assert_false(first_of(&table, 10000).is_fresh);
    assert_int_equal(first_of(&table, 10000).sealed_epoch, 0);
    assert_string_equal(first_of(&table, 10000).name.text, "pg1");
    struct roster nobody;
    uint32_t count = 1;
    memset(&nobody, 0, sizeof(nobody));
    words_table_members(&table, 10000, &nobody, FRESH_MS, NULL, &count);
    assert_int_equal(count, 0);
    words_table_keep(&table, &nobody);
    assert_null(words_table_of(&table, ID)); /* whoever is no member is forgotten */
}

/* Safety C5. */
static void c5_the_furthest_position_of_a_primary_is_remembered(void **state)
{
    (void)state;
    struct words w = some_words();
    memset(&table, 0, sizeof(table));
    hear(&table, 10000, 20, &w);
    assert_int_equal(table.seen.lsn, KIT_LSN);
    w.facts.end = kit_at(KIT_TIMELINE, KIT_LSN - 1); /* late */
    hear(&table, 10100, 20, &w);
    assert_int_equal(table.seen.lsn, KIT_LSN);
    assert_int_equal(table.seen_at_ms, 10000);
    w.facts.primary_epoch = 0;
    w.facts.end = kit_at(KIT_TIMELINE, KIT_LSN + 9); /* a standby's says nothing of it */
    hear(&table, 10200, 20, &w);
    assert_int_equal(table.seen.lsn, KIT_LSN);
    struct position own = kit_at(KIT_TIMELINE + 1, 3);
    words_table_see(&table, 10300, &own);
    assert_int_equal(table.seen.timeline, KIT_TIMELINE + 1);
}

static void of_itself_a_node_hears_nothing(void **state)
{
    (void)state;
    struct member_facts members[2] = {kit_member(1), kit_member(2)};
    struct facts_name self = kit_name(1);
    members[0].is_fresh = false;
    words_mark_own(members, 2, &self);
    assert_true(members[0].is_fresh);
    assert_int_equal(members[0].primary_epoch, 0);
    assert_int_equal(members[1].follows_epoch, KIT_EPOCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_read_as_they_were_said),
        cmocka_unit_test(a8_who_says_no_level_knows_the_first),
        cmocka_unit_test(words_fit_into_soft_state),
        cmocka_unit_test(nothing_wild_does_harm),
        cmocka_unit_test(words_are_as_old_as_their_member_was_heard),
        cmocka_unit_test(words_whose_number_stands_still_are_old),
        cmocka_unit_test(words_of_another_name_are_nobodys),
        cmocka_unit_test(c5_the_furthest_position_of_a_primary_is_remembered),
        cmocka_unit_test(of_itself_a_node_hears_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
