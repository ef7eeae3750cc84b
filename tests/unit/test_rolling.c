/* tests/unit/test_rolling.c - the order in which a cluster is restarted, and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "ctl/rolling.h"

#define MEMBERS ((size_t)3)

/* @due: who is to be restarted, by the number in its name; pg1 leads. */
static const char *order(const char *due, bool raises, bool lowers, bool can_switch)
{
    static struct buf text;
    const struct rolling_member members[MEMBERS] = {
        {.name = "pg1", .leads = true, .is_due = strchr(due, '1') != NULL},
        {.name = "pg2", .is_due = strchr(due, '2') != NULL},
        {.name = "pg3", .is_due = strchr(due, '3') != NULL},
    };
    const struct rolling rolling = {.members = members,
                                    .count = MEMBERS,
                                    .change = {.raises = raises, .lowers = lowers},
                                    .can_switch = can_switch};
    struct rolling_step steps[ROLLING_STEPS_MAX(MEMBERS)];
    size_t count = rolling_order(&rolling, steps);
    static const char *const marks[] = {
        [ROLLING_STANDBY] = "", [ROLLING_IN_PLACE] = "!", [ROLLING_SWITCHOVER] = ">"};
    assert_true(count <= ROLLING_STEPS_MAX(MEMBERS));
    buf_clear(&text);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&text, "%s%s%s", i > 0 ? " " : "", steps[i].name, marks[steps[i].kind]);
    }
    return buf_text(&text);
}

static void standbys_come_first_and_the_primary_hands_over(void **state)
{
    (void)state;
    assert_string_equal(order("123", false, false, true), "pg2 pg3 pg1>");
    assert_string_equal(order("123", true, false, true), "pg2 pg3 pg1>");
    assert_string_equal(order("123", true, false, false), "pg2 pg3 pg1!");
}

/* Who takes over would still run with the larger value, and no standby starts with a smaller one.
 */
static void what_is_lowered_is_lowered_at_the_primary_first(void **state)
{
    (void)state;
    assert_string_equal(order("123", false, true, true), "pg1! pg2 pg3");
    assert_string_equal(order("1", false, true, true), "pg1! pg2 pg3");
    assert_string_equal(order("123", true, true, true), "pg2 pg3 pg1! pg2 pg3");
    assert_string_equal(order("1", true, true, true), "pg2 pg3 pg1! pg2 pg3");
}

static void who_is_not_due_is_left_alone(void **state)
{
    (void)state;
    assert_string_equal(order("3", false, false, true), "pg3");
    assert_string_equal(order("23", true, true, true), "pg2 pg3");
    assert_string_equal(order("1", false, false, true), "pg1>");
    assert_string_equal(order("1", true, false, true), "pg1>");
    assert_string_equal(order("", true, true, true), "");
}

// clang-format off
static const struct {
    bool is_pending;
    const char *reasons; /* NULL: none are told */
    bool raises, lowers;
    const char *which;
} rows[] = {
    {false, NULL, false, false, NULL},
    {true, NULL, true, true, NULL}, /* whatever it is */
    {true, "{}", true, true, NULL},
    {true, "{'shared_buffers':{'old_value':'128MB','new_value':'1MB'}}", false, false, NULL},
    {true, "{'max_connections':{'old_value':'100','new_value':'200'}}", true, false, "max_connections"},
    {true, "{'max_connections':{'old_value':'1000','new_value':'200'}}", false, true, "max_connections"},
    {true, "{'max_wal_senders':{'old_value':'10','new_value':'9'},'max_worker_processes':{'old_value':'8','new_value':'16'}}",
     true, true, "max_worker_processes"},
    {true, "{'max_prepared_transactions':{'old_value':'0','new_value':'5'}}", true, false, "max_prepared_transactions"},
    {true, "{'max_locks_per_transaction':{'old_value':'64','new_value':'32'}}", false, true, "max_locks_per_transaction"},
};
// clang-format on

static void what_the_five_parameters_ask_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_close) struct buf json = {0};
        for (const char *at = rows[i].reasons; at != NULL && *at != '\0'; at++) {
            buf_char(&json, *at == '\'' ? '"' : *at);
        }
        json_t *reasons = rows[i].reasons != NULL ? json_loads(buf_text(&json), 0, NULL) : NULL;
        struct rolling_change change = rolling_change_of(rows[i].is_pending, reasons);
        json_decref(reasons);
        bool is_which = (change.which == NULL) == (rows[i].which == NULL) &&
                        (change.which == NULL || strcmp(change.which, rows[i].which) == 0);
        if (change.raises != rows[i].raises || change.lowers != rows[i].lowers || !is_which) {
            fail_msg("row %zu: %d %d %s", i, change.raises, change.lowers,
                     change.which != NULL ? change.which : "none");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(standbys_come_first_and_the_primary_hands_over),
        cmocka_unit_test(what_is_lowered_is_lowered_at_the_primary_first),
        cmocka_unit_test(who_is_not_due_is_left_alone),
        cmocka_unit_test(what_the_five_parameters_ask_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
