/* tests/unit/test_pg_methods.c - what an operator's command is told, in Patroni's words, and by
 * what a restored directory recovers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "supervisor/pg_methods.h"

static const struct pg_method_told told = {
    .scope = "demo", .data_dir = "/data", .connstring = "host='a b' port=5432"};
static const struct pg_pair pairs[] = {{.name = "stanza", .value = "it's"},
                                       {.name = "envdir", .value = ""}};
#define ARGUMENTS                              \
    {                                          \
        .at = pairs, .count = ARRAY_LEN(pairs) \
    }

static const struct {
    struct pg_method method;
    const char *text;
} methods[] = {
    {{.command = "/bin/x", .no_params = true}, "/bin/x"},
    {{.command = "/bin/x --delta restore",
      .arguments = ARGUMENTS,
      .no_params = true,
      .said_keep_data = "true",
      .said_no_leader = "1"},
     "/bin/x --delta restore '--stanza=it'\\''s' '--envdir='"},
    {{.command = "/bin/x", .said_no_leader = "1", .said_keep_data = "yes"},
     "/bin/x '--no_leader=1' '--keep_data=yes' '--scope=demo' '--role=replica' "
     "'--datadir=/data' '--connstring=host='\\''a b'\\'' port=5432'"},
};

static void a_replica_s_command_is_told_what_patroni_tells(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        CLEANUP(buf_close) struct buf text = {0};
        pg_method_text(&methods[i].method, &told, &text);
        assert_string_equal(buf_text(&text), methods[i].text);
    }
}

static void a_bootstrap_s_command_is_told_what_patroni_tells(void **state)
{
    (void)state;
    struct pg_bootstrap b = {.command = "/bin/x", .arguments = ARGUMENTS};
    CLEANUP(buf_close) struct buf text = {0};
    CLEANUP(buf_close) struct buf less = {0};
    pg_bootstrap_text(&b, &told, &text);
    assert_string_equal(buf_text(&text),
                        "/bin/x '--scope=demo' '--datadir=/data' '--stanza=it'\\''s' '--envdir='");
    b.no_params = true;
    pg_bootstrap_text(&b, &told, &less);
    assert_string_equal(buf_text(&less), "/bin/x '--stanza=it'\\''s' '--envdir='");
}

static void they_come_in_their_order_and_in_a_ring(void **state)
{
    (void)state;
    static const struct pg_method list[] = {
        {.name = "a", .command = "x", .no_leader = true},
        {.name = "basebackup", .is_basebackup = true, .no_leader = true},
        {.name = "c", .no_leader = true},
    };
    const struct pg_methods all = {.at = list, .count = ARRAY_LEN(list)};
    const struct pg_methods rest = {.at = list + 1, .count = 2};
    const struct pg_methods none = {.count = 0};
    assert_string_equal(pg_methods_at(&all, 0, true)->name, "a");
    assert_string_equal(pg_methods_at(&all, 1, true)->name, "basebackup");
    assert_string_equal(pg_methods_at(&all, 5, true)->name, "c");
    assert_true(pg_methods_at(&none, 7, true)->is_basebackup);
    /* Without anybody to copy: who says so, and has a command. */
    assert_string_equal(pg_methods_at(&all, 3, false)->name, "a");
    assert_null(pg_methods_at(&all, 1, false));
    assert_null(pg_methods_at(&all, 2, false));
    assert_null(pg_methods_at(&none, 0, false));
    assert_true(pg_methods_need_nobody(&all));
    assert_false(pg_methods_need_nobody(&rest));
    assert_false(pg_methods_need_nobody(&none));
}

/* Whatever is asked for, the recovery has an end, and it is ours to begin what comes after it. */
static void a_recovery_ends_whatever_is_asked_for(void **state)
{
    (void)state;
    static const struct pg_pair asked[] = {
        {.name = "restore_command", .value = "get '%f'"},
        {.name = "recovery_target_action", .value = "pause"},
        {.name = "primary_conninfo", .value = "host=elsewhere"},
    };
    const struct pg_pairs recovery = {.at = asked, .count = ARRAY_LEN(asked)};
    CLEANUP(buf_close) struct buf text = {0};
    pg_recovery_print("/etc/a b/postgresql.conf", &recovery, "recovery_target = 'immediate'\n",
                      &text);
    assert_string_equal(buf_text(&text), PG_SETTINGS_HEAD
                        "include '/etc/a b/postgresql.conf'\n"
                        "restore_command = 'get ''%f'''\n"
                        "recovery_target_action = 'pause'\n"
                        "recovery_target = 'immediate'\n"
                        "recovery_target_action = 'promote'\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replica_s_command_is_told_what_patroni_tells),
        cmocka_unit_test(a_bootstrap_s_command_is_told_what_patroni_tells),
        cmocka_unit_test(they_come_in_their_order_and_in_a_ring),
        cmocka_unit_test(a_recovery_ends_whatever_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
