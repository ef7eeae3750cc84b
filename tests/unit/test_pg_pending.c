/* tests/unit/test_pg_pending.c - what waits for a restart, by what runs and what is wanted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "supervisor/pg_pending.h"

/* As the shared configuration has it: max_connections 60, shared_buffers 32MB. */
static void make(struct pg_settings *out)
{
    static const struct pg_pair shared[] = {
        {.name = "max_connections", .value = "60"},
        {.name = "shared_buffers", .value = "32MB"},
        {.name = "wal_log_hints", .value = "yes"},
    };
    struct pg_settings_input input = {.major = 15, .is_primary = true, .scope = "demo"};
    input.layers[PG_LAYER_SHARED] = (struct pg_pairs){.at = shared, .count = ARRAY_LEN(shared)};
    memset(out, 0, sizeof(*out));
    pg_settings_make(&input, out);
}

static void find(const char *running, struct view_restart *out)
{
    struct pg_settings wanted;
    make(&wanted);
    memset(out, 0, sizeof(*out));
    out->only_pending = true;
    out->is_pending = true; /* of the last look */
    out->reason_count = 1;
    pg_pending_find(&wanted, running, out);
    pg_settings_close(&wanted);
    assert_true(out->only_pending); /* is another's */
}

static void what_runs_as_it_is_wanted_waits_for_nothing(void **state)
{
    (void)state;
    struct view_restart r;
    find("max_connections=60\nwal_log_hints=on\nwal_level=replica\nmax_wal_senders=10", &r);
    assert_false(r.is_pending);
    assert_int_equal(r.reason_count, 0);
    find("", &r);
    assert_false(r.is_pending);
}

/* PostgreSQL does not know that: the argument that it was started with wins over its files. */
static void an_argument_that_changes_waits(void **state)
{
    (void)state;
    struct view_restart r;
    find("max_connections=100\nwal_log_hints=off\nwal_level=replica\n", &r);
    assert_true(r.is_pending);
    assert_int_equal(r.reason_count, 2);
    assert_string_equal(r.reasons[0].parameter, "max_connections");
    assert_string_equal(r.reasons[0].old_value, "100");
    assert_string_equal(r.reasons[0].new_value, "60");
    assert_string_equal(r.reasons[1].parameter, "wal_log_hints");
    assert_string_equal(r.reasons[1].new_value, "on");
}

static void what_postgresql_says_waits(void **state)
{
    (void)state;
    struct view_restart r;
    find("*shared_buffers=2048\n*superuser_reserved_connections=3\nmax_connections=60", &r);
    assert_int_equal(r.reason_count, 2);
    assert_string_equal(r.reasons[0].parameter, "shared_buffers");
    assert_string_equal(r.reasons[0].old_value, "2048");
    assert_string_equal(r.reasons[0].new_value, "32MB");
    assert_string_equal(r.reasons[1].new_value, ""); /* somebody else has set it */
}

/* ... but not what differs only in how it is written, or is not ours to compare. */
static void others_are_not_compared(void **state)
{
    (void)state;
    struct view_restart r;
    find("shared_buffers=2048\nport=5433\nnonsense\nmax_connections\n=\n*\n", &r);
    assert_false(r.is_pending);
}

static void more_than_fit_still_wait(void **state)
{
    (void)state;
    struct view_restart r;
    CLEANUP(buf_close) struct buf text = {0};
    for (int i = 0; i < VIEW_REASONS_MAX + 3; i++) {
        buf_str(&text, "*shared_buffers=1\n");
    }
    find(buf_text(&text), &r);
    assert_true(r.is_pending);
    assert_int_equal(r.reason_count, VIEW_REASONS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_runs_as_it_is_wanted_waits_for_nothing),
        cmocka_unit_test(an_argument_that_changes_waits),
        cmocka_unit_test(what_postgresql_says_waits),
        cmocka_unit_test(others_are_not_compared),
        cmocka_unit_test(more_than_fit_still_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
