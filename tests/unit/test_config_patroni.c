/* tests/unit/test_config_patroni.c - what comes with a file of Patroni's: keys without an effect,
 * users, variables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "config/settings.h"
#include "config/unused.h"
#include "tests/lib/config_kit.h"

/* --- Keys without an effect --- */

static const struct unused_key *unused_row(const char *prefix, const char *path)
{
    CLEANUP(mem_freep) char *full = mem_printf("%s%s", prefix, path);
    for (size_t i = 0; i < unused_keys_count; i++) {
        if (strcmp(unused_keys[i].path, full) == 0) {
            return &unused_keys[i];
        }
    }
    return NULL;
}

static bool has_none(const struct setting *setting)
{
    return strstr(setting->help, "not used yet") != NULL ||
           strstr(setting->help, "no effect") != NULL;
}

/* What the manual says and what the program tells are one. */
static void test_the_table_is_what_the_manual_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_count; i++) {
        bool told = unused_row("", settings[i].path) != NULL;
        if (told != has_none(&settings[i])) {
            fail_msg("%s: config/unused.c and its help differ", settings[i].path);
        }
    }
    for (size_t i = 0; i < dynamic_settings_count; i++) {
        bool told = unused_row("bootstrap.dcs.", dynamic_settings[i].path) != NULL;
        if (told != has_none(&dynamic_settings[i])) {
            fail_msg("%s: config/unused.c and its help differ", dynamic_settings[i].path);
        }
    }
}

static const struct {
    const char *text; /* after CONFIG_KIT_GOOD, from line 9 on */
    const char *said;
} unused[] = {
    {"log: {format: x, traceback_level: ERROR}\n",
     "F:9:15: note: log.format: no effect: lines have a form of their own, see log.type\n"
     "F:9:35: note: log.traceback_level: no effect: there are no tracebacks\n"},
    {"log: {loggers: {patroni.postmaster: WARNING, urllib3: INFO, supervisor: debug}}\n",
     "F:9:17: note: log.loggers: patroni.postmaster: no effect: a module of Patroni's, or of a "
     "library that it uses\n"
     "F:9:46: note: log.loggers: urllib3: no effect: a module of Patroni's, or of a library that "
     "it uses\n"},
    {"postgresql: {proxy_address: a, pg_ctl_timeout: 60}\n",
     "F:9:29: note: postgresql.proxy_address: no effect: not used yet\n"
     "F:9:48: note: postgresql.pg_ctl_timeout: no effect: a lease bounds a stop, and a start ends "
     "when it comes no further\n"},
    {"bootstrap: {dcs: {postgresql: {create_replica_methods: [pgbackrest, basebackup],\n"
     "  callbacks: {on_stop: }, pgbackrest: {command: x}}}}\n",
     ""},
    {"postgresql: {create_replica_methods: [basebackup], create_replica_method: basebackup,\n"
     "  use_unix_socket_repl: off}\n",
     ""},
    {"bootstrap: {method: initdb, dcs: {loop_wait: 10, failsafe_mode: no,\n"
     "  max_timelines_history: 0, standby_cluster: ~}}\n",
     "F:9:46: note: bootstrap.dcs.loop_wait: no effect: nothing waits for a loop\n"},
    {"bootstrap: {dcs: {slots: {a: , b: {type: physical}, c: {type: logical}, D: , e: {type: "
     "x}}}}\n",
     "F:9:53: warning: slots: c: logical slots are not made yet; it is left alone where it is\n"
     "F:9:73: warning: slots: D: no name of a slot; it is made of a to z, digits and underscores\n"
     "F:9:78: warning: slots: e: its type is neither physical nor logical\n"},
    {"bootstrap: {dcs: {permanent_replication_slots: [a]}}\n",
     "F:9:48: warning: permanent_replication_slots: has to be a map of slots, as in {archive: "
     "{type: physical}}; ignored\n"},
};

/* "F" for the name of the file. */
static void assert_said(const struct config_kit *k, const char *wanted)
{
    static const char file[] = "PGRAFT_CONFIGURATION:";
    CLEANUP(buf_close) struct buf said = {0};
    for (const char *at = buf_text(&k->said); *at != '\0';) {
        bool is_file = strncmp(at, file, sizeof(file) - 1) == 0;
        buf_str(&said, is_file ? "F:" : "");
        at += is_file ? sizeof(file) - 1 : 0;
        size_t size = strcspn(at, "\n") + 1;
        buf_append(&said, at, size);
        at += size;
    }
    assert_string_equal(buf_text(&said), wanted);
}

static void test_who_gives_one_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(unused); i++) {
        CLEANUP(mem_freep) char *text = mem_printf("%s%s", CONFIG_KIT_GOOD, unused[i].text);
        CLEANUP(config_kit_close) struct config_kit k = {.text = text};
        assert_int_equal(config_kit_load(&k)->result, 0);
        assert_said(&k, unused[i].said);
    }
}

/* --- Users --- */

static void test_users_are_read(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {
        .text = CONFIG_KIT_GOOD
        "postgresql: {authentication: {replication: {username: repl}}}\n"
        "bootstrap:\n"
        "  users:\n"
        "    admin: {password: 'a b', options: [createrole, createdb]}\n"
        "    reader:\n"
        "    app: {options: \"NoLogin,  Connection Limit -1, valid until '2030-01-01 12:00+01',in "
        "role reader\"}\n"
        "    repl: {password: x}\n",
        .variables = {"PATRONI_deploy_PASSWORD=pw", "PATRONI_deploy_OPTIONS=createdb, bypassrls",
                      "PATRONI_admin_PASSWORD=other"}};
    (void)config_kit_load(&k);
    assert_said(&k,
                "F:12:5: note: bootstrap.users: repl: ignored; postgresql.authentication has "
                "it\n");
    const struct config_accounts *users = &k.config.bootstrap.users;
    assert_int_equal(users->count, 5);
    assert_string_equal(users->at[0].name, "admin");
    assert_string_equal(secret_reveal(&users->at[0].password), "other");
    assert_string_equal(users->at[0].options, "CREATEROLE, CREATEDB");
    assert_false(secret_is_set(&users->at[1].password));
    assert_string_equal(users->at[1].options, "");
    assert_string_equal(users->at[2].options,
                        "NOLOGIN, CONNECTION LIMIT -1, VALID UNTIL '2030-01-01 12:00+01', IN ROLE "
                        "reader");
    assert_string_equal(users->at[4].name, "deploy");
    assert_string_equal(users->at[4].options, "CREATEDB, BYPASSRLS");
    assert_string_equal(secret_reveal(&users->at[4].password), "pw");
}

static void test_users_are_shown_without_their_passwords(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {.text = CONFIG_KIT_GOOD
                           "bootstrap: {users: {admin: {password: hunter2, options: [createdb, "
                           "createrole]}, 'no': }}\n"};
    CLEANUP(buf_close) struct buf shown = {0};
    (void)config_kit_load(&k);
    config_show(&k.config, &shown);
    assert_null(strstr(buf_text(&shown), "hunter"));
    CLEANUP(config_kit_close) struct config_kit again = {.text = buf_text(&shown)};
    assert_int_equal(config_kit_load(&again)->result, 0);
    assert_int_equal(again.config.bootstrap.users.count, 2);
    assert_string_equal(again.config.bootstrap.users.at[0].options, "CREATEDB, CREATEROLE");
    assert_string_equal(again.config.bootstrap.users.at[1].name, "no");
}

#define OPTIONS                                                                                   \
    " is no option that is taken: createdb, createrole, superuser, login, inherit, replication, " \
    "bypassrls, each with \"no\" before it, connection limit N, valid until 'DATE', in role "     \
    "NAME\n"

#define TWICE ": said already, or its opposite was\n"

static const struct {
    const char *text;
    const char *said;
} users[] = {
    {"[a]", "F:9:20: bootstrap.users: has to be a map of users, as in {admin: {password: x}}\n"},
    {"{a: b}",
     "F:9:24: bootstrap.users: a: has to be a map, as in {password: x, options: [createdb]}\n"},
    {"{pg_x: }", "F:9:21: bootstrap.users: pg_x: PostgreSQL keeps names like this for itself\n"},
    {"{a: {password: [b]}}", "F:9:35: bootstrap.users: a: password: has to be one text\n"},
    {"{a: {pasword: b}}",
     "F:9:25: warning: bootstrap.users.a.pasword: unknown key, ignored; a user has password and "
     "options\n"},
    {"{a: {options: {b: c}}}",
     "F:9:34: bootstrap.users: a: options: has to be a list, not a map\n"},
    {"{a: {options: [creatdb]}}", "F:9:35: bootstrap.users: a: \"creatdb\"" OPTIONS},
    {"{a: {options: ['login; drop table x']}}",
     "F:9:35: bootstrap.users: a: \"login; drop table x\"" OPTIONS},
    {"{a: {options: ['connection limit 5 superuser']}}",
     "F:9:35: bootstrap.users: a: \"connection limit 5 superuser\"" OPTIONS},
    {"{a: {options: [\"valid until 'x' superuser'\"]}}",
     "F:9:35: bootstrap.users: a: \"valid until 'x' superuser'\"" OPTIONS},
    {"{a: {options: ['in role b, c']}}", "F:9:35: bootstrap.users: a: \"in role b, c\"" OPTIONS},
    {"{a: {options: [createdb, CREATEDB]}}", "F:9:45: bootstrap.users: a: \"CREATEDB\"" TWICE},
    {"{a: {options: [createdb, nocreatedb]}}", "F:9:45: bootstrap.users: a: \"nocreatedb\"" TWICE},
    {"{a: {options: 'in role b, login, in role c'}}",
     "F:9:34: bootstrap.users: a: \"in role c\"" TWICE},
    {"{a: {options: [connection limit 2147483648]}}",
     "F:9:35: bootstrap.users: a: \"connection limit 2147483648\"" OPTIONS},
    {"{a: {options: [connection limit -7]}}",
     "F:9:35: bootstrap.users: a: \"connection limit -7\"" OPTIONS},
    {"{a: {options: [connection limit 2147483647]}}", ""},
    {"{a: {password: \"x;\\n\\nSELECT 1\"}}",
     "F:9:35: bootstrap.users: a: password: has to be one line\n"},
};

static void test_users_that_can_not_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(users); i++) {
        CLEANUP(mem_freep)
        char *text = mem_printf("%sbootstrap: {users: %s}\n", CONFIG_KIT_GOOD, users[i].text);
        CLEANUP(config_kit_close) struct config_kit k = {.text = text};
        (void)config_kit_load(&k);
        assert_said(&k, users[i].said);
        bool is_error = users[i].said[0] != '\0' && strstr(users[i].said, "warning: ") == NULL;
        assert_int_equal(k.result, is_error ? ERR_INVALID : 0);
    }
}

/* --- Variables --- */

static void test_variables_are_told(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {
        .text = CONFIG_KIT_GOOD,
        .variables = {"PATRONI_ETCD3_HOSTS='a:2379'", "PATRONI_ETCD_PASSWORD=x",
                      "PATRONI_RAFT_DATA_DIR=/x", "PATRONI_LOG_FORMAT=x", "PATRONI_LOG_LEVEL=debug",
                      "PATRONI_LOG_LEVL=info", "PATRONI_VERSION=4.1", "PATRONI_SCOPE=demo",
                      "PATRONI_RESTAPI_REQUEST_QUEUE_SIZE=5", "PATRONI_REPLICATOIN_PASSWORD=x",
                      "PATRONI_SUPERUSR_OPTIONS=login", "PATRONI_admin_PASSWORD=x"}};
    assert_int_equal(config_kit_load(&k)->result, 0);
    assert_said(
        &k,
        "PATRONI_LOG_LEVL: warning: unknown variable, ignored; did you mean PATRONI_LOG_LEVEL?\n"
        "PATRONI_REPLICATOIN_PASSWORD: warning: makes the user REPLICATOIN of bootstrap.users; did "
        "you mean PATRONI_REPLICATION_PASSWORD?\n"
        "PATRONI_ETCD3_HOSTS: note: ignored; the store is part of pgraft, see section raft\n"
        "PATRONI_ETCD_PASSWORD: note: ignored; the store is part of pgraft, see section raft\n"
        "PATRONI_RAFT_DATA_DIR: note: ignored; the store is part of pgraft, see section raft\n"
        "PATRONI_LOG_FORMAT: note: no effect: lines have a form of their own, see log.type\n"
        "PATRONI_RESTAPI_REQUEST_QUEUE_SIZE: note: no effect: nothing here waits for a thread\n");
    assert_string_equal(k.config.log.level, "debug");
    assert_int_equal(k.config.bootstrap.users.count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_is_what_the_manual_says),
        cmocka_unit_test(test_who_gives_one_is_told),
        cmocka_unit_test(test_users_are_read),
        cmocka_unit_test(test_users_are_shown_without_their_passwords),
        cmocka_unit_test(test_users_that_can_not_be),
        cmocka_unit_test(test_variables_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
