/* tests/unit/test_config_key.c - who makes the key `config`, and who puts it back: one row per
 * situation, and the order of the voters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/config_key.h"

// clang-format off
static const struct {
    const char *text;
    struct config_key_facts f;
    enum config_key_step step;
} situations[] = {
    {"the first voter of a new cluster makes it at once",
     {.is_current = true, .is_absent = true, .may_write = true}, CONFIG_KEY_CREATE},
    {"... not before a majority was heard",
     {.is_absent = true, .may_write = true}, CONFIG_KEY_NOTHING},
    {"... and never over one that is there",
     {.is_current = true, .may_write = true, .absent_ms = 900000}, CONFIG_KEY_NOTHING},
    {"a witness has nothing to begin with",
     {.is_current = true, .is_absent = true, .absent_ms = 900000}, CONFIG_KEY_NOTHING},
    {"the second one waits for the first",
     {.is_current = true, .is_absent = true, .may_write = true, .rank = 1, .absent_ms = 4999}, CONFIG_KEY_NOTHING},
    {"... not for ever",
     {.is_current = true, .is_absent = true, .may_write = true, .rank = 1, .absent_ms = 5000}, CONFIG_KEY_CREATE},
    {"where there has been a primary, bootstrap.dcs counts for nothing",
     {.is_current = true, .is_absent = true, .may_write = true, .has_begun = true, .absent_ms = 900000}, CONFIG_KEY_NOTHING},
    {"... the primary puts back what it knows, at once",
     {.is_current = true, .is_absent = true, .may_write = true, .has_begun = true, .knows = true, .is_holder = true}, CONFIG_KEY_RESTORE},
    {"... another one leaves it the time for that",
     {.is_current = true, .is_absent = true, .may_write = true, .has_begun = true, .knows = true, .absent_ms = 4999}, CONFIG_KEY_NOTHING},
    {"... and then does it",
     {.is_current = true, .is_absent = true, .may_write = true, .has_begun = true, .knows = true, .absent_ms = 5000}, CONFIG_KEY_RESTORE},
    {"... each after the one before it",
     {.is_current = true, .is_absent = true, .may_write = true, .has_begun = true, .knows = true, .rank = 2, .absent_ms = 14999}, CONFIG_KEY_NOTHING},
    {"one that was deleted before the first primary is put back too, not begun again",
     {.is_current = true, .is_absent = true, .may_write = true, .knows = true, .absent_ms = 5000}, CONFIG_KEY_RESTORE},
};
// clang-format on

static void every_situation_has_its_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(situations); i++) {
        if (config_key_next(&situations[i].f) != situations[i].step) {
            fail_msg("\"%s\"", situations[i].text);
        }
    }
}

static void add(struct roster *r, uint64_t id, const char *name, bool is_database, bool is_voter)
{
    struct roster_member *m = &r->at[r->count++];
    *m = (struct roster_member){.id = id, .is_database = is_database, .is_voter = is_voter};
    (void)snprintf(m->name.text, sizeof(m->name.text), "%s", name);
}

static void voters_with_a_database_are_counted_by_name(void **state)
{
    (void)state;
    struct roster r = {.self = 0};
    uint32_t rank = 77;
    add(&r, 5, "pg3", true, true);
    add(&r, 6, "a-witness", false, true);
    add(&r, 7, "pg1", true, true);
    add(&r, 8, "pg2", true, false);           /* a non-voter */
    assert_false(config_key_rank(&r, &rank)); /* no place yet */
    r.self = 6;
    assert_false(config_key_rank(&r, &rank));
    r.self = 8;
    assert_false(config_key_rank(&r, &rank));
    assert_int_equal(rank, 77);
    r.self = 7;
    assert_true(config_key_rank(&r, &rank));
    assert_int_equal(rank, 0);
    r.self = 5;
    assert_true(config_key_rank(&r, &rank));
    assert_int_equal(rank, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_situation_has_its_step),
        cmocka_unit_test(voters_with_a_database_are_counted_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
