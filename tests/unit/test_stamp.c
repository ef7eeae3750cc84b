/* tests/unit/test_stamp.c - what the echoes of stamps prove, and what they do not.
 *
 * One leadership in term 7 on member 1; the proof is compared with counting by hand for every
 * cluster of one to seven voters, with others mixed in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "consensus/stamp.h"

#define TERM 7
#define NOW_MS 9000
#define NOW_ROUND 900

static struct peer_stamp stamp(uint64_t term, uint64_t round)
{
    return (struct peer_stamp){.term = term, .round = round, .sent_ms = round * 10};
}

/* Member @from answers in our term to round @round. */
static void note(struct stamp_book *book, uint64_t from, uint64_t round)
{
    struct peer_stamp s = stamp(TERM, round);
    stamp_note(book, from, TERM, &s);
}

/* A letter a member, from id 1: 'v' voter, 's' standby, 'p' spare. */
static struct members roles(const char *letters)
{
    struct members members = {.count = strlen(letters)};
    for (size_t i = 0; i < members.count; i++) {
        members.at[i].id = i + 1;
        members.at[i].role = letters[i] == 'v'   ? MEMBER_VOTER
                             : letters[i] == 's' ? MEMBER_STANDBY
                                                 : MEMBER_SPARE;
    }
    return members;
}

static struct stamp_proof proven(const struct stamp_book *book, const char *letters)
{
    struct members members = roles(letters);
    return stamp_proven(book, &members, 1, NOW_ROUND, NOW_MS);
}

static void expect_proof(const struct stamp_book *book, const char *letters, uint64_t round)
{
    struct stamp_proof proof = proven(book, letters);
    assert_int_equal(proof.round, round);
    assert_int_equal(proof.sent_ms, round * 10);
}

static struct stamp_book leading(void)
{
    struct stamp_book book;
    stamp_reset(&book, TERM);
    return book;
}

static void nothing_is_proven_without_answers_or_without_leading(void **state)
{
    (void)state;
    struct stamp_book book = leading();
    expect_proof(&book, "vv", 0);
    expect_proof(&book, "vvv", 0);
    note(&book, 2, 5);
    expect_proof(&book, "vvv", 5);
    stamp_reset(&book, TERM + 1); /* another leadership */
    expect_proof(&book, "vvv", 0);
    stamp_reset(&book, 0); /* none */
    note(&book, 2, 5);
    struct peer_stamp none = {0};
    stamp_note(&book, 2, 0, &none);
    expect_proof(&book, "vvv", 0);
    expect_proof(&book, "v", 0);
}

static void only_answers_in_our_term_to_stamps_of_our_term_count(void **state)
{
    (void)state;
    const struct {
        uint64_t answer_term, stamp_term;
        bool counts;
    } rows[] = {
        {TERM, TERM, true},
        {TERM, TERM - 1, false},     /* an echo of an older leadership */
        {TERM, 0, false},            /* no stamp: the answer to an older term (W1) */
        {TERM - 1, TERM, false},     /* cannot be */
        {TERM + 1, TERM, false},     /* it has left us meanwhile */
        {TERM + 1, TERM + 1, false}, /* it follows another one */
        {TERM, TERM + 1, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct stamp_book book = leading();
        struct peer_stamp s = stamp(rows[i].stamp_term, 5);
        stamp_note(&book, 2, rows[i].answer_term, &s);
        expect_proof(&book, "vvv", rows[i].counts ? 5 : 0);
    }
}

static void only_voters_count(void **state)
{
    (void)state;
    struct stamp_book book = leading();
    note(&book, 3, 5);
    expect_proof(&book, "vvs", 0);
    expect_proof(&book, "vvp", 0);
    expect_proof(&book, "vvv", 5);
    note(&book, 9, 8); /* of no member at all */
    expect_proof(&book, "vvv", 5);
    note(&book, 2, 6);
    expect_proof(&book, "vvsss", 6);
}

static void an_answer_that_was_overtaken_changes_nothing(void **state)
{
    (void)state;
    struct stamp_book book = leading();
    note(&book, 2, 6);
    note(&book, 2, 4);
    expect_proof(&book, "vvv", 6);
    note(&book, 2, 7);
    expect_proof(&book, "vvv", 7);
}

static void the_only_voter_has_nobody_to_ask(void **state)
{
    (void)state;
    struct stamp_book book = leading();
    struct stamp_proof proof = proven(&book, "vss");
    assert_true(proof.round == UINT64_MAX);
    assert_int_equal(proof.sent_ms, NOW_MS);
    /* A leader that is no voter itself asks the one who is. */
    expect_proof(&book, "sv", 0);
    note(&book, 2, 5);
    expect_proof(&book, "sv", 5);
}

static void a_leader_without_a_vote_does_not_count_itself(void **state)
{
    (void)state;
    struct stamp_book book = leading();
    note(&book, 2, 5);
    expect_proof(&book, "vvv", 5);
    expect_proof(&book, "svvv", 0);
    note(&book, 3, 4);
    expect_proof(&book, "svvv", 4);
}

/* By hand: the newest round that a majority of the voters has answered. */
static uint64_t count_by_hand(const char *letters, const uint64_t *rounds)
{
    size_t voters = 0;
    for (size_t i = 0; letters[i] != '\0'; i++) {
        voters += letters[i] == 'v' ? 1 : 0;
    }
    uint64_t best = 0;
    for (size_t i = 0; letters[i] != '\0'; i++) {
        size_t yes = 0;
        for (size_t k = 0; letters[k] != '\0'; k++) {
            yes += letters[k] == 'v' && rounds[k] >= rounds[i] ? 1 : 0;
        }
        best = 2 * yes > voters && rounds[i] > best ? rounds[i] : best;
    }
    return best;
}

/* Answers to rounds 1 to 5, or none, from everybody but ourselves. */
static void expect_as_by_hand(const char *letters, uint32_t *seed)
{
    struct stamp_book book = leading();
    uint64_t rounds[MEMBERS_MAX] = {NOW_ROUND};
    for (size_t i = 1; letters[i] != '\0'; i++) {
        *seed = *seed * 1664525 + 1013904223;
        rounds[i] = (*seed >> 20) % 6;
        if (rounds[i] > 0) {
            note(&book, i + 1, rounds[i]);
        }
    }
    assert_int_equal(proven(&book, letters).round, count_by_hand(letters, rounds));
}

static void a_majority_is_more_than_half_for_one_to_seven_voters(void **state)
{
    (void)state;
    static const char *const clusters[] = {"vv",      "vvv",     "vvvv",       "vvvvv",
                                           "vvvvvv",  "vvvvvvv", "vsv",        "vpvsv",
                                           "svvvpvs", "vsvsvsv", "ssvvvvvvvp", "vvsvvpvvs"};
    uint32_t seed = 99;
    for (size_t c = 0; c < ARRAY_LEN(clusters); c++) {
        for (int i = 0; i < 2000; i++) {
            expect_as_by_hand(clusters[c], &seed);
        }
    }
}

static void the_book_is_full_of_the_first_members_heard(void **state)
{
    (void)state;
    struct stamp_book book = leading();
    for (uint64_t id = 2; id < 2 + MEMBERS_MAX; id++) {
        note(&book, id, id);
    }
    note(&book, 99, 5); /* no room, and no harm */
    note(&book, 2, 50); /* those in it are kept up to date */
    expect_proof(&book, "vv", 50);
    assert_int_equal(book.count, MEMBERS_MAX);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_proven_without_answers_or_without_leading),
        cmocka_unit_test(only_answers_in_our_term_to_stamps_of_our_term_count),
        cmocka_unit_test(only_voters_count),
        cmocka_unit_test(an_answer_that_was_overtaken_changes_nothing),
        cmocka_unit_test(the_only_voter_has_nobody_to_ask),
        cmocka_unit_test(a_leader_without_a_vote_does_not_count_itself),
        cmocka_unit_test(a_majority_is_more_than_half_for_one_to_seven_voters),
        cmocka_unit_test(the_book_is_full_of_the_first_members_heard),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
