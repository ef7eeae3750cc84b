/* tests/unit/test_nearest.c - a slip of the finger is understood, another word is not guessed at.
 */
#include "tests/lib/death.h"

#include "base/nearest.h"

static const char *const commands[] = {"completion", "demote",  "failover",   "help",   "history",
                                       "list",       "members", "pause",      "reload", "restart",
                                       "resume",     "status",  "switchover", "version"};

static void expect(const char *word, const char *const *candidates, size_t count,
                   const char *expected)
{
    const char *found = nearest(word, candidates, count);
    if (expected == NULL && found != NULL) {
        fail_msg("\"%s\" was taken for \"%s\"", word, found);
    }
    if (expected != NULL && (found == NULL || strcmp(found, expected) != 0)) {
        fail_msg("\"%s\" gave %s instead of \"%s\"", word, found != NULL ? found : "nothing",
                 expected);
    }
}

static void typical_slips_find_their_command(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        const char *expected;
    } rows[] = {
        {"list", "list"},
        {"lsit", "list"}, /* neighbours swapped */
        {"lst", "list"},  /* one left out */
        {"lisst", "list"},
        {"kist", "list"},
        {"swichover", "switchover"},
        {"switchovr", "switchover"},
        {"swtichover", "switchover"},
        {"switch-over", "switchover"},
        {"swithcoverr", "switchover"},
        {"falover", "failover"},
        {"faiolver", "failover"},
        {"stauts", "status"},
        {"satuts", "status"},
        {"statsu", "status"},
        {"restrat", "restart"},
        {"relaod", "reload"},
        {"hepl", "help"},
        {"verison", "version"},
        {"memebrs", "members"},
        {"puase", "pause"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        expect(rows[i].word, commands, ARRAY_LEN(commands), rows[i].expected);
    }
}

static void the_beginning_of_a_command_finds_it(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        const char *expected;
    } rows[] = {
        {"swi", "switchover"}, {"switch", "switchover"}, {"ver", "version"}, {"comp", "completion"},
        {"res", "restart"}, /* the first of two */
        {"sw", NULL},       /* two letters say too little */
        {"l", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        expect(rows[i].word, commands, ARRAY_LEN(commands), rows[i].expected);
    }
}

static void another_word_finds_nothing(void **state)
{
    (void)state;
    static const char *const words[] = {
        "x",
        "",
        "-",
        "ls",
        "rm",
        "frobnicate",
        "promote-everything-now",
        "zzzz",
        "LIST",
        "switchover-all-nodes",
        "\xff\xfe\xfd",
        "    ",
        "0123456789",
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        expect(words[i], commands, ARRAY_LEN(commands), NULL);
    }
}

static void one_mistake_in_three_letters_is_the_limit(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        const char *candidate;
        bool found;
    } rows[] = {
        {"a", "ab", true},
        {"a", "bc", false},
        {"ab", "cb", true},
        {"ab", "cd", false},
        {"abc", "xbc", true},
        {"abc", "xyc", false},
        {"abcd", "xycd", true},
        {"abcd", "xyzd", false},
        {"abcdef", "xbcdey", true},
        {"abcdef", "xbzdey", false},
        {"abcdefg", "xbcdzfy", true},
        {"abcdefg", "xbzdyfw", false},
        {"abcd", "badc", true},      /* two swaps */
        {"abcdef", "badcfe", false}, /* three */
        {"abcdefg", "badcfeg", true},
        {"abcdefgh", "cdefgh", true}, /* two left over */
        {"cdefgh", "abcdefgh", true}, /* two missing */
        {"efgh", "abcdefgh", false},
        {"pq", "qr", false}, /* half a swap is none */
        {"qp", "rq", false},
        {"ca", "abc", false}, /* a swapped pair is not edited again: three, not two */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        expect(rows[i].word, &rows[i].candidate, 1, rows[i].found ? rows[i].candidate : NULL);
    }
}

static void a_candidate_that_shares_no_letter_is_never_named(void **state)
{
    (void)state;
    static const char *const tiny[] = {"", "a", "bc", "def"};
    static const char *const words[] = {"", "x", "xy", "xyz", "xyzw", "uvwxyz", "xyxyxyxyxyxy"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        expect(words[i], tiny, ARRAY_LEN(tiny), NULL);
    }
}

static void the_closest_wins_and_of_equals_the_first(void **state)
{
    (void)state;
    static const char *const pair[] = {"cart", "card"};
    static const char *const turned[] = {"card", "cart"};
    static const char *const better_later[] = {"carts", "cards", "carp"};
    expect("carx", pair, 2, "cart");
    expect("carx", turned, 2, "card");
    expect("carx", better_later, 3, "carp");
    expect("xarts", better_later, 3, "carts");
    expect("cardz", better_later, 3, "cards");
}

static void no_candidates_no_answer(void **state)
{
    (void)state;
    expect("list", NULL, 0, NULL);
    expect("", NULL, 0, NULL);
    expect("lst", commands, 5, NULL); /* "list" is the sixth: @count is respected */
}

static void the_answer_is_the_candidate_itself(void **state)
{
    (void)state;
    assert_ptr_equal(nearest("lsit", commands, ARRAY_LEN(commands)), commands[5]);
    assert_ptr_equal(nearest("swi", commands, ARRAY_LEN(commands)), commands[12]);
}

static void long_words_are_compared_up_to_64_letters_and_then_not_at_all(void **state)
{
    (void)state;
    char word[400];
    char candidate[400];
    static const struct {
        size_t word;
        size_t candidate;
        bool found;
    } rows[] = {
        {64, 64, true},  {63, 64, true},   {64, 63, true},   {65, 64, false},   {64, 65, false},
        {65, 65, false}, {200, 70, false}, {399, 10, false}, {399, 399, false}, {10, 399, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        memset(word, 'a', sizeof(word));
        memset(candidate, 'a', sizeof(candidate));
        word[0] = 'x'; /* no prefix */
        word[rows[i].word] = '\0';
        candidate[rows[i].candidate] = '\0';
        const char *const candidates[] = {candidate};
        expect(word, candidates, 1, rows[i].found ? candidate : NULL);
    }
}

static void the_first_letters_of_a_long_candidate_still_find_it(void **state)
{
    (void)state;
    char candidate[100];
    memset(candidate, 'a', sizeof(candidate) - 1);
    candidate[sizeof(candidate) - 1] = '\0';
    const char *const candidates[] = {"x", candidate};
    expect("aaa", candidates, 2, candidate);
    expect(candidate + 1, candidates, 2, candidate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(typical_slips_find_their_command),
        cmocka_unit_test(the_beginning_of_a_command_finds_it),
        cmocka_unit_test(another_word_finds_nothing),
        cmocka_unit_test(one_mistake_in_three_letters_is_the_limit),
        cmocka_unit_test(a_candidate_that_shares_no_letter_is_never_named),
        cmocka_unit_test(the_closest_wins_and_of_equals_the_first),
        cmocka_unit_test(no_candidates_no_answer),
        cmocka_unit_test(the_answer_is_the_candidate_itself),
        cmocka_unit_test(long_words_are_compared_up_to_64_letters_and_then_not_at_all),
        cmocka_unit_test(the_first_letters_of_a_long_candidate_still_find_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
