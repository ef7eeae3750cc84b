/* tests/unit/test_config_standby.c - the key `standby_cluster`: what is taken, what is refused, and
 * what the supervisor is told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/dynamic.h"
#include "config/dynamic_standby.h"
#include "tests/lib/config_kit.h"

static void load(struct config_kit *k, const char *section)
{
    CLEANUP(mem_freep) char *text = mem_printf("{\"standby_cluster\": %s}", section);
    k->result = config_dynamic_load("k", text, &k->config, &k->problems);
    problems_print_level(&k->problems, PROBLEM_ERROR, &k->said);
}

static void what_can_not_be_meant_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *section;
        const char *says; /* NULL: it is taken */
    } rows[] = {
        {"{\"host\": \"10.0.0.9\"}", NULL},
        {"{\"host\": \"a,b\", \"port\": 5433, \"primary_slot_name\": \"s_1\"}", NULL},
        {"{\"restore_command\": \"cp /a/%f %p\"}", NULL},
        {"{\"host\": \"a\", \"recovery_min_apply_delay\": \"5min\"}", NULL},
        {"{\"host\": \"a\", \"recovery_min_apply_delay\": 5000}", NULL},
        {"{}", NULL},
        {"null", NULL},
        {"true", "standby_cluster: has to be a map"},
        {"{\"port\": 5432}", "needs a host, or a restore_command"},
        {"{\"primary_slot_name\": \"s\"}", "needs a host, or a restore_command"},
        {"{\"host\": \"\"}", "needs a host, or a restore_command"},
        {"{\"host\": \"a b\"}", "standby_cluster.host: a host"},
        {"{\"host\": \"a,\"}", "standby_cluster.host: a host"},
        {"{\"host\": \"a' user=x\"}", "standby_cluster.host: a host"},
        {"{\"host\": \"a\", \"port\": 0}", "standby_cluster.port"},
        {"{\"host\": \"a\", \"port\": \"x\"}", "standby_cluster.port"},
        {"{\"host\": \"a\", \"primary_slot_name\": \"A-b\"}", "no name of a slot"},
        {"{\"restore_command\": \"c\", \"primary_slot_name\": \"s\"}", "needs a host, whose"},
        {"{\"host\": \"a\", \"recovery_min_apply_delay\": \"soon\"}", "a time is expected"},
        {"{\"restore_command\": \"a\\nb\"}", "is not a line of text"},
        {"{\"host\": \"a\", \"archive_cleanup_command\": \"a\\nb\"}", "is not a line of text"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(config_kit_close) struct config_kit k = {.result = 0};
        load(&k, rows[i].section);
        bool is_as_wanted = rows[i].says == NULL
                                ? k.result == 0 && k.said.size == 0
                                : k.result != 0 && strstr(buf_text(&k.said), rows[i].says) != NULL;
        if (!is_as_wanted) {
            fail_msg("%s: %s", rows[i].section, buf_text(&k.said));
        }
    }
}

static struct supervisor_settings policy_of(const char *section)
{
    CLEANUP(config_kit_close) struct config_kit k = {.result = 0};
    struct supervisor_settings settings;
    memset(&settings, 0, sizeof(settings));
    load(&k, section);
    config_policy(&k.config, &settings);
    return settings;
}

static void the_supervisor_is_told_whom_it_follows(void **state)
{
    (void)state;
    struct supervisor_settings none = policy_of("null");
    struct supervisor_settings empty = policy_of("{}");
    struct supervisor_settings here = policy_of("{\"host\": \"a\"}");
    struct supervisor_settings same = policy_of("{\"host\": \"a\", \"port\": 5432}");
    struct supervisor_settings there = policy_of("{\"host\": \"a\", \"port\": 5433}");
    struct supervisor_settings slot = policy_of("{\"host\": \"a\", \"primary_slot_name\": \"s\"}");
    struct supervisor_settings archive = policy_of("{\"restore_command\": \"c\"}");
    assert_false(none.is_standby_cluster);
    assert_false(empty.is_standby_cluster);
    assert_true(here.is_standby_cluster);
    assert_true(archive.is_standby_cluster);
    assert_false(name_is_set(&archive.remote));
    assert_int_equal(here.remote.text[0], '*'); /* no member's name has that */
    assert_true(name_is(&here.remote, &same.remote));
    assert_false(name_is(&here.remote, &there.remote));
    assert_false(name_is(&here.remote, &slot.remote));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_not_be_meant_is_refused),
        cmocka_unit_test(the_supervisor_is_told_whom_it_follows),
    };
    return cmocka_run_group_tests_name("config_standby", tests, NULL, NULL);
}
