/* tests/unit/test_methods.c - an operator's own ways to new data, as a configuration has them: what
 * is read of a section, what is wrong with it and where, and that what is shown loads again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/must.h"
#include "config/dynamic.h"
#include "config/methods.h"
#include "config/reload.h"
#include "tests/lib/config_kit.h"

#define AT "PGRAFT_CONFIGURATION:"
#define PG CONFIG_KIT_GOOD "postgresql:\n  create_replica_methods: "

/* ---- what is read ---- */

static const char whole[] = PG
    "[pgbackrest, basebackup]\n"
    "  pgbackrest:\n"
    "    command: /usr/bin/pgbackrest --stanza=demo --delta restore\n"
    "    keep_data: true\n"
    "    no_params: true\n"
    "    no_leader: 1\n"
    "    log-level: info\n"
    "    empty: ~\n"
    "bootstrap:\n"
    "  method: from_backup\n"
    "  from_backup:\n"
    "    command: /usr/local/bin/restore 'a b'\n"
    "    stanza: demo\n"
    "    keep_existing_recovery_conf: yes\n"
    "    recovery_conf: {restore_command: 'get %f \"%p\"', recovery_target_time: 2026-11-02 "
    "10:00:00,\n"
    "      recovery_target_action: promote}\n";

static void check_pair(const struct config_pairs *pairs, size_t at, const char *key,
                       const char *value)
{
    assert_true(at < pairs->count);
    assert_string_equal(pairs->at[at].key, key);
    assert_string_equal(pairs->at[at].value, value);
}

static void check_whole(const struct config *c)
{
    assert_int_equal(c->postgresql.methods.count, 1);
    const struct config_method *m = methods_find(&c->postgresql.methods, "pgbackrest");
    assert_non_null(m);
    assert_null(methods_find(&c->postgresql.methods, "basebackup"));
    assert_string_equal(m->command, "/usr/bin/pgbackrest --stanza=demo --delta restore");
    assert_true(m->keep_data && m->no_params && m->no_leader && !m->has_recovery);
    assert_string_equal(m->said_no_leader, "1");
    assert_int_equal(m->arguments.count, 1);
    check_pair(&m->arguments, 0, "log-level", "info");

    assert_string_equal(c->bootstrap.method, "from_backup");
    assert_int_equal(c->bootstrap.methods.count, 1);
    const struct config_method *b = &c->bootstrap.methods.at[0];
    assert_string_equal(b->command, "/usr/local/bin/restore 'a b'");
    assert_true(b->keeps_recovery && b->has_recovery && !b->no_params);
    check_pair(&b->arguments, 0, "stanza", "demo");
    assert_int_equal(b->recovery.count, 2);
    check_pair(&b->recovery, 0, "restore_command", "get %f \"%p\"");
    check_pair(&b->recovery, 1, "recovery_target_time", "2026-11-02 10:00:00");
}

static void a_section_is_read_key_by_key(void **state)
{
    (void)state;
    CLEANUP(config_kit_close) struct config_kit k = {.text = whole};
    (void)config_kit_load(&k);
    assert_string_equal(buf_text(&k.said), "");
    check_whole(&k.config);
}

static void what_is_shown_loads_again(void **state)
{
    (void)state;
    CLEANUP(config_kit_close) struct config_kit k = {.text = whole};
    CLEANUP(buf_close) struct buf shown = {0};
    config_show(&config_kit_load(&k)->config, &shown);
    CLEANUP(config_kit_close) struct config_kit again = {.text = buf_text(&shown)};
    (void)config_kit_load(&again);
    assert_int_equal(problems_count(&again.problems, PROBLEM_ERROR), 0);
    check_whole(&again.config);
    assert_true(methods_equal(&k.config.postgresql.methods, &again.config.postgresql.methods));
}

/* ---- what is wrong ---- */

static const struct {
    const char *text;
    const char *says;
} rows[] = {
    {PG "[pgbackrest, basebackup]\n",
     AT "10:28: postgresql.create_replica_methods: pgbackrest has no section: "
        "postgresql.pgbackrest with command has to say what makes the data\n"},
    {PG "mine\n", AT "10:27: postgresql.create_replica_methods: mine has no section: "
                     "postgresql.mine with command has to say what makes the data\n"},
    {PG "[mine]\n  mine: {keep_data: true}\n",
     AT "11:9: postgresql.mine.command: missing: what makes the data\n"},
    {PG "[mine]\n  mine: {command: ~}\n",
     AT "11:9: postgresql.mine.command: missing: what makes the data\n"},
    {PG "[mine]\n  mine: {command: ''}\n",
     AT "11:19: postgresql.mine.command: \"\" is no command\n"},
    {PG "[mine]\n  mine: /bin/true\n",
     AT "11:9: postgresql.mine: has to be a map with command, as in {command: /path/program}\n"},
    {PG "[mine]\n  mine: {command: x, keep_data: perhaps}\n",
     AT "11:33: postgresql.mine.keep_data: \"perhaps\" is neither true nor false\n"},
    {PG "[mine]\n  mine: {command: x, --opt: 1}\n",
     AT "11:22: postgresql.mine: \"--opt\" is no argument of a command; write it without \"--\", "
        "on one line\n"},
    {PG "[mine]\n  mine: {command: x, opt: [1]}\n",
     AT "11:27: postgresql.mine.opt: has to be one value\n"},
    {PG "[mine]\n  mine: {command: x, role: primary, datadir: /a}\n",
     AT "11:22: warning: postgresql.mine.role: is what pgraft tells the command, ignored\n" AT
        "11:37: warning: postgresql.mine.datadir: is what pgraft tells the command, ignored\n"},
    {PG "[basebackup]\n  mine: {command: x}\n", ""}, /* the shared configuration may list it */
    {CONFIG_KIT_GOOD "bootstrap: {dcs: {postgresql: {mine: {command: x}}}}\n"
                     "postgresql: {create_replica_methods: [mine]}\n",
     ""},
    {CONFIG_KIT_GOOD "bootstrap:\n  method: mine\n",
     AT "10:11: bootstrap.method: mine has no section: bootstrap.mine with command has to say "
        "what makes the data\n"},
    {CONFIG_KIT_GOOD "bootstrap:\n  method: mine\n  mine: {no_params: true}\n",
     AT "11:9: bootstrap.mine.command: missing: what makes the data\n"},
    {CONFIG_KIT_GOOD "bootstrap: {method: initdb}\n", ""},
    {CONFIG_KIT_GOOD "bootstrap:\n  method: mine\n  mine: {command: x, recovery_conf: a}\n",
     AT "11:37: bootstrap.mine.recovery_conf: has to be a map, as in {restore_command: ...}\n"},
    {CONFIG_KIT_GOOD "bootstrap:\n  method: mine\n  mine:\n    command: x\n    recovery_conf:\n"
                     "      recovery_target_time: a\n      recovery_target: immediate\n"
                     "      recovery_target_timline: 1\n      recovery_target_action: pause\n",
     AT "15:7: bootstrap.mine.recovery_conf: recovery_target_time and recovery_target: there is "
        "one target at most\n" AT
        "16:7: warning: bootstrap.mine.recovery_conf.recovery_target_timline: no parameter that a "
        "recovery from a backup goes by, ignored; did you mean recovery_target_timeline?\n" AT
        "17:7: warning: bootstrap.mine.recovery_conf.recovery_target_action: pause is not done: "
        "the recovery ends at its target, and pgraft promotes what came of it\n"},
};

static void what_is_wrong_is_told_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(config_kit_close) struct config_kit k = {.text = rows[i].text};
        (void)config_kit_load(&k);
        assert_string_equal(buf_text(&k.said), rows[i].says);
    }
}

static void a_witness_has_none(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {.text = PG "[mine]\n", .role = CONFIG_WITNESS};
    (void)config_kit_load(&k);
    assert_int_equal(k.result, 0);
    assert_int_equal(k.config.postgresql.methods.count, 0);
}

/* ---- of the shared configuration, and on a reload ---- */

static void the_shared_configuration_may_have_sections(void **state)
{
    (void)state;
    CLEANUP(config_close) struct config dynamic = {0};
    CLEANUP(problems_close) struct problems problems = {0};
    assert_int_equal(config_dynamic_load("x",
                                         "{\"postgresql\": {\"create_replica_methods\": [\"a\", "
                                         "\"b\"], \"a\": {\"command\": \"x\"}}}",
                                         &dynamic, &problems),
                     0);
    assert_int_equal(problems.count, 0);
    assert_non_null(methods_find(&dynamic.postgresql.methods, "a"));
    assert_null(methods_find(&dynamic.postgresql.methods, "b"));
}

static void a_reload_takes_those_of_replicas_over(void **state)
{
    (void)state;
    CLEANUP(config_kit_close) struct config_kit running = {.text = whole};
    CLEANUP(config_kit_close)
    struct config_kit fresh = {.text = PG "[other]\n  other: {command: y}\n"};
    CLEANUP(buf_close) struct buf said = {0};
    (void)config_kit_load(&running);
    (void)config_kit_load(&fresh);
    (void)config_diff(&running.config, &fresh.config, &said);
    assert_non_null(strstr(buf_text(&said),
                           "sections of postgresql.create_replica_methods: changed, taken over\n"));
    assert_non_null(
        strstr(buf_text(&said), "section of bootstrap.method: changed, needs a restart\n"));
    config_take_over(&running.config, &fresh.config);
    assert_non_null(methods_find(&running.config.postgresql.methods, "other"));
    assert_int_equal(running.config.bootstrap.methods.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_section_is_read_key_by_key),
        cmocka_unit_test(what_is_shown_loads_again),
        cmocka_unit_test(what_is_wrong_is_told_with_its_place),
        cmocka_unit_test(a_witness_has_none),
        cmocka_unit_test(the_shared_configuration_may_have_sections),
        cmocka_unit_test(a_reload_takes_those_of_replicas_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
