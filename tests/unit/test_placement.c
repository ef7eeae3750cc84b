/* tests/unit/test_placement.c - where leadership goes, one row per situation, and every combination
 * of facts against the same rules said another way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "consensus/placement.h"

enum { STAYS = 0 };

/* A voter that is fit to lead, without the lease; and what may be otherwise. */
#define WELL .is_alive = true, .is_caught_up = true, .hears_holder = true
#define HEARS .hears_holder = true
/* A leader that may move, of three voters. */
#define FREE .is_established = true, .is_allowed = true, .count = 2

// clang-format off
static const struct {
    const char *text;
    struct placement_facts facts;
    uint64_t to;
    const char *rule;
} situations[] = {
    {"a leader that has not committed anything in its term stays, wherever it is",
     {.is_allowed = true, .count = 2, .leader = {.id = 1, .holds_lease = true},
      .others = {{.id = 2, WELL}, {.id = 3, WELL}}}, STAYS, "not-established"},
    {"nothing moves while the owner forbids it",
     {.is_established = true, .count = 2, .leader = {.id = 1, .holds_lease = true, HEARS},
      .others = {{.id = 2, WELL}, {.id = 3, WELL}}}, STAYS, "forbidden"},
    {"... nor during a change of membership or another transfer",
     {FREE, .is_changing = true, .leader = {.id = 1, .holds_lease = true, HEARS},
      .others = {{.id = 2, WELL}, {.id = 3, WELL}}}, STAYS, "changing"},
    {"a leader without the lease, with a good disk and a good line stays",
     {FREE, .leader = {.id = 1, HEARS},
      .others = {{.id = 2, WELL, .holds_lease = true}, {.id = 3, WELL}}}, STAYS, "well-placed"},
    {"a leader on the primary's host goes to the voter with the lowest id",
     {FREE, .leader = {.id = 1, .holds_lease = true, HEARS},
      .others = {{.id = 3, WELL}, {.id = 2, WELL}}}, 2, "leader-holds-lease"},
    {"... not to one that is silent",
     {FREE, .leader = {.id = 1, .holds_lease = true, HEARS},
      .others = {{.id = 2, .is_caught_up = true, HEARS}, {.id = 3, WELL}}}, 3, "leader-holds-lease"},
    {"... not to one that lags behind",
     {FREE, .leader = {.id = 1, .holds_lease = true, HEARS},
      .others = {{.id = 2, .is_alive = true, HEARS}, {.id = 3, WELL}}}, 3, "leader-holds-lease"},
    {"... not to one whose disk is slow or full",
     {FREE, .leader = {.id = 1, .holds_lease = true, HEARS},
      .others = {{.id = 2, WELL, .has_slow_disk = true}, {.id = 3, WELL}}}, 3, "leader-holds-lease"},
    {"... not to one that holds a protected lease itself",
     {FREE, .leader = {.id = 1, .holds_lease = true, HEARS},
      .others = {{.id = 2, WELL, .holds_lease = true}, {.id = 3, WELL}}}, 3, "leader-holds-lease"},
    {"... and stays where nobody is better",
     {FREE, .leader = {.id = 1, .holds_lease = true, HEARS},
      .others = {{.id = 2, WELL, .has_slow_disk = true}, {.id = 3}}}, STAYS, "nobody-better"},
    {"... as does the one voter there is",
     {.is_established = true, .is_allowed = true, .leader = {.id = 1, .holds_lease = true, HEARS}},
     STAYS, "nobody-better"},
    {"... and for 30 s after a move",
     {FREE, .has_moved = true, .moved_age_ms = PLACEMENT_PAUSE_MS - 1,
      .leader = {.id = 1, .holds_lease = true, HEARS},
      .others = {{.id = 2, WELL}, {.id = 3, WELL}}}, STAYS, "moved-lately"},
    {"... but not longer",
     {FREE, .has_moved = true, .moved_age_ms = PLACEMENT_PAUSE_MS,
      .leader = {.id = 1, .holds_lease = true, HEARS},
      .others = {{.id = 2, WELL}, {.id = 3, WELL}}}, 2, "leader-holds-lease"},
    {"a leader with a slow disk goes even to the primary's host, if that alone is fit",
     {FREE, .leader = {.id = 1, .has_slow_disk = true, HEARS},
      .others = {{.id = 2, WELL, .holds_lease = true}, {.id = 3}}}, 2, "slow-disk"},
    {"... but rather elsewhere",
     {FREE, .leader = {.id = 1, .has_slow_disk = true, HEARS},
      .others = {{.id = 2, WELL, .holds_lease = true}, {.id = 3, WELL}}}, 3, "slow-disk"},
    {"a leader that hears the primary by relay alone goes to one that hears it",
     {FREE, .leader = {.id = 1},
      .others = {{.id = 2, .is_alive = true, .is_caught_up = true}, {.id = 3, WELL}}},
     3, "holder-by-relay"},
    {"... but not to the primary's host",
     {FREE, .leader = {.id = 1},
      .others = {{.id = 2, .is_alive = true, .is_caught_up = true},
                 {.id = 3, WELL, .holds_lease = true}}}, STAYS, "nobody-better"},
    {"a leader on the primary's host prefers one that hears the primary",
     {FREE, .leader = {.id = 1, .holds_lease = true},
      .others = {{.id = 2, .is_alive = true, .is_caught_up = true}, {.id = 3, WELL}}},
     3, "leader-holds-lease"},
};
// clang-format on

static void every_situation_has_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(situations); i++) {
        struct placement answer = placement_decide(&situations[i].facts);
        if (answer.to != situations[i].to || strcmp(answer.rule, situations[i].rule) != 0) {
            fail_msg("\"%s\": went to %u by %s", situations[i].text, (unsigned)answer.to,
                     answer.rule);
        }
    }
}

/* --- all combinations --- */

#define VOTER_BITS 5
#define OTHERS_BITS (2 * VOTER_BITS)
#define LEADER_BITS 3
static const uint64_t ages_ms[] = {0, PLACEMENT_PAUSE_MS - 1, PLACEMENT_PAUSE_MS, UINT64_MAX};

static struct placement_voter voter_of(uint64_t id, unsigned bits)
{
    return (struct placement_voter){.id = id,
                                    .has_slow_disk = (bits & 1U) != 0,
                                    .holds_lease = (bits & 2U) != 0,
                                    .hears_holder = (bits & 4U) != 0,
                                    .is_alive = (bits & 8U) != 0,
                                    .is_caught_up = (bits & 16U) != 0};
}

/* The first difference decides: disk, then lease, then who hears the holder. */
static int compare(const struct placement_voter *a, const struct placement_voter *b)
{
    if (a->has_slow_disk != b->has_slow_disk) {
        return a->has_slow_disk ? 1 : -1;
    }
    if (a->holds_lease != b->holds_lease) {
        return a->holds_lease ? 1 : -1;
    }
    bool a_is_deaf = !a->hears_holder && !a->holds_lease;
    bool b_is_deaf = !b->hears_holder && !b->holds_lease;
    return (int)a_is_deaf - (int)b_is_deaf;
}

static bool is_fit(const struct placement_voter *v)
{
    return v->is_alive && v->is_caught_up && !v->has_slow_disk;
}

/* Where leadership belongs by what placement.h promises; 0: it stays. */
static uint64_t expected(const struct placement_facts *f)
{
    bool lately = f->has_moved && f->moved_age_ms < PLACEMENT_PAUSE_MS;
    if (!f->is_established || !f->is_allowed || f->is_changing || lately) {
        return STAYS;
    }
    const struct placement_voter *best = &f->leader;
    for (size_t i = 0; i < f->count; i++) {
        const struct placement_voter *v = &f->others[i];
        int order = compare(v, best);
        bool wins = order < 0 || (order == 0 && best != &f->leader && v->id < best->id);
        best = is_fit(v) && wins ? v : best;
    }
    return best != &f->leader ? best->id : STAYS;
}

struct seen {
    unsigned rules[16];
    size_t moves;
};

static void look(struct seen *seen, const struct placement_facts *f)
{
    struct placement answer = placement_decide(f);
    if (answer.to != expected(f)) {
        fail_msg("went to %u by %s, belongs to %u", (unsigned)answer.to, answer.rule,
                 (unsigned)expected(f));
    }
    seen->moves += answer.to != STAYS ? 1 : 0;
    for (size_t i = 0; placement_rule(i) != NULL; i++) {
        assert_true(i < ARRAY_LEN(seen->rules));
        seen->rules[i] += strcmp(placement_rule(i), answer.rule) == 0 ? 1 : 0;
    }
}

static void walk_voters(struct seen *seen, struct placement_facts *f)
{
    for (unsigned leader = 0; leader < 1U << LEADER_BITS; leader++) {
        for (unsigned others = 0; others < 1U << OTHERS_BITS; others++) {
            f->leader = voter_of(7, leader);
            f->others[0] = voter_of(9, others >> VOTER_BITS);
            f->others[1] = voter_of(3, others);
            look(seen, f);
        }
    }
}

static void every_combination_follows_the_rules_and_reaches_them_all(void **state)
{
    (void)state;
    struct seen seen = {.moves = 0};
    for (unsigned bits = 0; bits < 16; bits++) {
        for (size_t age = 0; age < ARRAY_LEN(ages_ms); age++) {
            struct placement_facts f = {.is_established = (bits & 1U) != 0,
                                        .is_allowed = (bits & 2U) != 0,
                                        .is_changing = (bits & 4U) != 0,
                                        .has_moved = (bits & 8U) != 0,
                                        .moved_age_ms = ages_ms[age],
                                        .count = 2};
            walk_voters(&seen, &f);
        }
    }
    assert_true(seen.moves > 0);
    size_t rules = 0;
    for (; placement_rule(rules) != NULL; rules++) {
        if (seen.rules[rules] == 0) {
            fail_msg("no situation reaches the rule %s", placement_rule(rules));
        }
    }
    assert_true(rules > 0);
}

/* However the voters stand, leadership that has moved finds no reason to move again. */
static void leadership_never_wanders(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 1U << (3 * LEADER_BITS); bits++) {
        struct placement_voter all[3];
        for (unsigned i = 0; i < 3; i++) {
            unsigned fit = 8U | 16U;
            all[i] = voter_of(i + 1, ((bits >> (i * LEADER_BITS)) & 7U) | fit);
        }
        uint64_t at = 1;
        for (size_t moves = 0;; moves++) {
            struct placement_facts f = {FREE, .leader = all[at - 1]};
            f.others[0] = all[at % 3];
            f.others[1] = all[(at + 1) % 3];
            uint64_t to = placement_decide(&f).to;
            if (to == STAYS) {
                break;
            }
            assert_true(moves < 1);
            at = to;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_situation_has_its_answer),
        cmocka_unit_test(every_combination_follows_the_rules_and_reaches_them_all),
        cmocka_unit_test(leadership_never_wanders),
    };
    return cmocka_run_group_tests_name("placement", tests, NULL, NULL);
}
