/* tests/unit/test_config_pg.c - the sections for PostgreSQL: what is refused in them, tags, the
 * configuration that all nodes share, and what both make of a node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "config/dynamic.h"
#include "config/settings.h"
#include "tests/lib/config_kit.h"

/* Without its beginning, "PGRAFT_CONFIGURATION:9:3: " or the like, for each line. */
static const char *said(const struct config_kit *k)
{
    static char text[8000];
    size_t size = 0;
    text[0] = '\0';
    for (const char *line = buf_text(&k->said); *line != '\0';) {
        size_t length = strcspn(line, "\n");
        const char *start = strstr(line, ": ");
        MUST(start != NULL);
        int rest = (int)(length - (size_t)(start + 2 - line));
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%.*s\n", rest, start + 2);
        line += length + 1;
    }
    return text;
}

/* --- Refused --- */

static const struct {
    const char *text; /* after CONFIG_KIT_GOOD */
    const char *said;
} rows[] = {
    {"postgresql: {listen: '10.0.0.1:5432,10.0.0.2:5432'}",
     "postgresql.listen: \"10.0.0.1:5432,10.0.0.2:5432\": the port comes once, after the last "
     "address\n"},
    {"postgresql: {connect_address: '0.0.0.0:5432'}",
     "postgresql.connect_address: nobody can connect to 0.0.0.0:5432; name one address\n"},
    {"postgresql: {data_dir: /var/lib/pgraft}",
     "postgresql.data_dir: raft.data_dir, /var/lib/pgraft/demo/w1, is inside of it, and would be "
     "lost when a standby is cloned again\n"},
    {"postgresql: {data_dir: /var/lib/pgr}", ""},
    {"postgresql: {parameters: [a, b]}", "postgresql.parameters: has to be a map, as in {a: b}\n"},
    {"postgresql: {parameters: {a: [b]}}", "postgresql.parameters: a: has to be one value\n"},
    {"postgresql: {pg_hba: {a: b}}", "postgresql.pg_hba: has to be a list, not a map\n"},
    {"postgresql: {pg_hba: [[a]]}", "postgresql.pg_hba: has to be a list of lines, not a list\n"},
    {"postgresql: {basebackup: [--verbose]}",
     "postgresql.basebackup: \"--verbose\" is no option; write it without \"--\", a value after a "
     "colon\n"},
    {"postgresql: {basebackup: [{pgdata: /x}, verbose]}",
     "warning: postgresql.basebackup: pgdata is what pgraft decides, ignored\n"},
    {"postgresql: {rewind: {target-pgdata: /x}}",
     "warning: postgresql.rewind: target-pgdata is what pgraft decides, ignored\n"},
    {"bootstrap: {initdb: [nosync, {encoding: UTF8}]}",
     "warning: bootstrap.initdb: nosync is what pgraft decides, ignored\n"},
    {"bootstrap: {users: {admin: {password: x}}}", ""},
    {"postgresql: {authentication: {replication: {sslmode: yes}}}",
     "postgresql.authentication.replication.sslmode: can not be \"yes\"; choose one of disable, "
     "allow, prefer, require, verify-ca, verify-full\n"},
    {"bootstrap: {dcs: {ttl: soon, synchronous_mode: on, postgresql: {parameters: 5}}}",
     "ttl: \"soon\" is no duration; write seconds, or a number with ms, s, min, h or d: 500ms\n"
     "postgresql.parameters: has to be a map, as in {a: b}\n"},
    {"tags: {nofailover: maybe}", "tags: nofailover: has to be true or false, not \"maybe\"\n"},
    {"tags: {failover_priority: high}",
     "tags: failover_priority: has to be a number, not \"high\"\n"},
    {"tags: {nofailver: true}",
     "warning: tags: nofailver: a tag that means nothing; did you mean nofailover?\n"},
    {"tags: {nofailover: false, failover_priority: 0}",
     "warning: tags: nofailover: false contradicts failover_priority: 0, and counts\n"},
    {"tags: {nosync: true, sync_priority: 2}",
     "warning: tags: nosync: true contradicts sync_priority: 2, and counts\n"},
    {"tags: {replicatefrom: w1}", "warning: tags: replicatefrom: w1 is this node itself\n"},
    {"tags: {datacenter: fra, dc: fra, a b: 5}", ""},
    {"watchdog: {safety_margin: -2}",
     "watchdog.safety_margin: -2 is too little: -1 is the least\n"},
    {"watchdog: {safety_margin: 3601}",
     "watchdog.safety_margin: 3601 is too much: 3600 is the most\n"},
    {"watchdog: {mode: on}",
     "watchdog.mode: can not be \"on\"; choose one of off, automatic, required\n"},
};

static void test_what_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(mem_freep) char *text = mem_printf("%s%s\n", CONFIG_KIT_GOOD, rows[i].text);
        CLEANUP(config_kit_close) struct config_kit k = {.text = text};
        (void)config_kit_load(&k);
        assert_string_equal(said(&k), rows[i].said);
    }
}

static void is_nobodys(const char *name, const char *said)
{
    CLEANUP(mem_freep)
    char *text = mem_printf(
        "scope: demo\nname: %s\nraft: {listen: 127.0.0.1, insecure: true, peers: [%s=127.0.0.1]}\n",
        name, name);
    CLEANUP(config_kit_close) struct config_kit k = {.text = text};
    assert_int_equal(config_kit_load(&k)->result, ERR_INVALID);
    assert_non_null(strstr(buf_text(&k.said), said));
}

static void test_the_fence_is_nobodys_name(void **state)
{
    (void)state;
    is_nobodys("PGRAFT_fence", "name: pgraft_fence is the name that no standby");
    is_nobodys("pgraft_Between", "name: pgraft_between is the name that no standby");
}

/* What a witness ignores is not judged either. */
static void test_a_witness_has_no_postgresql(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {.text = CONFIG_KIT_GOOD
                           "postgresql: {listen: ':', parameters: 5}\nbootstrap: {dcs: {ttl: x}}\n"
                           "tags: {nofailover: maybe}\n",
                           .role = CONFIG_WITNESS};
    assert_int_equal(config_kit_load(&k)->result, 0);
    assert_string_equal(said(&k), "note: postgresql: ignored: a witness runs no PostgreSQL\n");
    CLEANUP(buf_close) struct buf shown = {0};
    config_show(&k.config, &shown);
    assert_null(strstr(buf_text(&shown), "postgresql:"));
}

/* --- Variables --- */

static void test_variables(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {
        .text = CONFIG_KIT_GOOD,
        .variables = {"PATRONI_POSTGRESQL_LISTEN=10.0.0.1:5433", "PATRONI_SUPERUSER_PASSWORD=x",
                      "PGRAFT_POSTGRESQL_PARAMETERS={work_mem: 1MB}",
                      "PGRAFT_POSTGRESQL_BIN_POSTGRES=edb-postgres",
                      "PGRAFT_BOOTSTRAP_DCS={\"ttl\":20}", "PGRAFT_TAGS={clonefrom: true}",
                      "PGRAFT_POSTGRESQL_BASEBACKUP=[verbose, {max-rate: 1M}]"}};
    (void)config_kit_load(&k);
    assert_string_equal(buf_text(&k.said), "");
    assert_string_equal(k.config.postgresql.listen, "10.0.0.1:5433");
    assert_string_equal(secret_reveal(&k.config.postgresql.superuser.password), "x");
    assert_string_equal(k.config.postgresql.parameters[0].at[0].value, "1MB");
    assert_string_equal(k.config.postgresql.bin_name.postgres, "edb-postgres");
    assert_string_equal(k.config.bootstrap.dcs, "{\"ttl\": 20}");
    assert_string_equal(k.config.tags.at[0].key, "clonefrom");
    assert_int_equal(k.config.postgresql.basebackup.count, 2);
}

/* --- What follows --- */

static void test_what_follows_from_the_rest(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {.text = CONFIG_KIT_GOOD
                           "postgresql: {listen: '10.0.0.1,[fd00::1]', "
                           "data_dir: /srv/pg, authentication: "
                           "{superuser: {username: su, password: pw}}}\n"};
    CLEANUP(buf_close) struct buf hosts = {0};
    struct pg_login login;
    (void)config_kit_load(&k);
    assert_string_equal(k.config.postgresql.config_dir, "/srv/pg");
    assert_string_equal(k.config.postgresql.pgpass, "/var/lib/pgraft/demo/w1/pgpass");
    assert_int_equal(config_listen(&k.config, &hosts), 5432);
    assert_string_equal(buf_text(&hosts), "10.0.0.1,fd00::1");
    config_login(config_rewind_user(&k.config), &login);
    assert_string_equal(login.username, "su");
    assert_string_equal(login.password, "pw");
    assert_null(login.sslmode);
    assert_true(k.config.postgresql.use_pg_rewind);
    assert_int_equal(k.config.watchdog.mode, CONFIG_WATCHDOG_AUTOMATIC);
    assert_int_equal(k.config.watchdog.safety_margin_s, 0);
}

/* --- Tags --- */

static const struct {
    const char *text;
    struct config_tags tags;
    const char *json;
} tag_rows[] = {
    {"{}", {.failover_priority = 1, .sync_priority = 1}, "{}"},
    {"{nofailover: true, failover_priority: 5}",
     {.nofailover = true, .sync_priority = 1},
     "{\"nofailover\": true, \"failover_priority\": 5}"},
    {"{nofailover: false, failover_priority: 0}",
     {.failover_priority = 1, .sync_priority = 1},
     "{\"nofailover\": false, \"failover_priority\": 0}"},
    {"{failover_priority: -1}",
     {.nofailover = true, .failover_priority = -1, .sync_priority = 1},
     "{\"failover_priority\": -1}"},
    {"{failover_priority: 7, nosync: yes, noloadbalance: off}",
     {.failover_priority = 7, .nosync = true},
     "{\"failover_priority\": 7, \"nosync\": true}"},
    {"{clonefrom: 'true', nostream: on, replicatefrom: '7', rack: 7, dc: 'a \"b\"'}",
     {.failover_priority = 1,
      .sync_priority = 1,
      .clonefrom = true,
      .nostream = true,
      .replicatefrom = "7"},
     "{\"clonefrom\": true, \"nostream\": true, \"replicatefrom\": \"7\", \"rack\": 7, \"dc\": \"a "
     "\\\"b\\\"\"}"},
};

static void test_tags(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(tag_rows); i++) {
        CLEANUP(mem_freep)
        char *text = mem_printf("%stags: %s\n", CONFIG_KIT_GOOD, tag_rows[i].text);
        CLEANUP(config_kit_close) struct config_kit k = {.text = text};
        CLEANUP(buf_close) struct buf json = {0};
        struct config_tags is;
        (void)config_kit_load(&k);
        config_tags(&k.config, &is);
        const struct config_tags *wanted = &tag_rows[i].tags;
        assert_int_equal(is.nofailover, wanted->nofailover);
        assert_int_equal(is.failover_priority, wanted->failover_priority);
        assert_int_equal(is.nosync, wanted->nosync);
        assert_int_equal(is.sync_priority, wanted->sync_priority);
        assert_int_equal(is.clonefrom, wanted->clonefrom);
        assert_int_equal(is.noloadbalance, wanted->noloadbalance);
        assert_int_equal(is.nostream, wanted->nostream);
        assert_int_equal(is.replicatefrom != NULL, wanted->replicatefrom != NULL);
        config_tags_json(&k.config, &json);
        assert_string_equal(buf_text(&json), tag_rows[i].json);
    }
}

/* --- The shared configuration --- */

struct shared {
    struct config config;
    struct problems problems;
    struct buf said;
    int result;
};

static struct shared *load_shared(struct shared *s, const char *text)
{
    s->result = config_dynamic_load("config", text, &s->config, &s->problems);
    problems_print(&s->problems, &s->said);
    return s;
}

static void close_shared(struct shared *s)
{
    config_close(&s->config);
    problems_close(&s->problems);
    buf_close(&s->said);
}

static void test_the_table_of_the_shared_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < dynamic_settings_count; i++) {
        const struct setting *s = &dynamic_settings[i];
        assert_int_equal(s->kind == SETTING_CHOICE, s->choices != NULL);
        bool is_text = s->kind == SETTING_JSON || s->kind == SETTING_TEXT;
        assert_true(s->fallback != NULL || is_text);
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(s->offset, dynamic_settings[j].offset);
            assert_string_not_equal(s->path, dynamic_settings[j].path);
        }
    }
}

static void test_nothing_said_is_all_defaults(void **state)
{
    (void)state;
    static const char *const texts[] = {NULL, "", "{}", "null"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        CLEANUP(close_shared) struct shared s = {0};
        assert_int_equal(load_shared(&s, texts[i])->result, 0);
        const struct config_dynamic *d = &s.config.dynamic;
        assert_int_equal(d->ttl_ms, 30000);
        assert_int_equal(d->failover, 0);
        assert_int_equal(d->lag_on_failover_bytes, 1048576);
        assert_int_equal(d->lag_on_syncnode_bytes, -1);
        assert_true(d->check_timeline);
        assert_int_equal(d->synchronous_mode, 0);
        assert_int_equal(d->synchronous_node_count, 1);
        assert_int_equal(d->primary_start_timeout_ms, 300000);
        assert_int_equal(d->member_slots_ttl_ms, 1800000);
        assert_true(d->use_slots);
        assert_null(d->slots);
        assert_int_equal(s.config.postgresql.parameters[0].count, 0);
    }
}

static void test_all_of_it(void **state)
{
    (void)state;
    CLEANUP(close_shared) struct shared s = {0};
    (void)load_shared(
        &s,
        "{\"ttl\": 20, \"failover\": \"fast\", \"lease_ms\": 1500, \"loop_wait\": 5,"
        " \"retry_timeout\": 5, \"maximum_lag_on_failover\": 33554432, \"check_timeline\": false,"
        " \"synchronous_mode\": \"quorum\", \"synchronous_mode_strict\": true,"
        " \"synchronous_node_count\": 2, \"master_start_timeout\": 0, \"pause\": true,"
        " \"failsafe_mode\": true, \"member_slots_ttl\": \"10min\", \"max_timelines_history\": 5,"
        " \"permanent_slots\": {\"a\": {\"type\": \"physical\"}}, \"ignore_slots\": [],"
        " \"primary_stop_timeout\": 7, \"primary_race_backoff\": 1,"
        " \"maximum_lag_on_syncnode\": 5, \"standby_cluster\": {\"host\": \"x\"},"
        " \"postgresql\": {\"use_slots\": false, \"use_pg_rewind\": false,"
        "   \"parameters\": {\"max_connections\": 200, \"archive_mode\": true, \"x.y\": null},"
        "   \"pg_hba\": [\"local all all peer\"]}}");
    assert_string_equal(buf_text(&s.said), "");
    assert_int_equal(s.result, 0);
    const struct config_dynamic *d = &s.config.dynamic;
    assert_int_equal(d->ttl_ms, 20000);
    assert_int_equal(d->failover, 1);
    assert_int_equal(d->lease_ms, 1500);
    assert_int_equal(d->lag_on_failover_bytes, 33554432);
    assert_false(d->check_timeline);
    assert_int_equal(d->synchronous_mode, 2);
    assert_true(d->synchronous_mode_strict);
    assert_int_equal(d->synchronous_node_count, 2);
    assert_int_equal(d->primary_start_timeout_ms, 0);
    assert_true(d->pause);
    assert_int_equal(d->member_slots_ttl_ms, 600000);
    assert_string_equal(d->slots, "{\"a\": {\"type\": \"physical\"}}");
    assert_string_equal(d->standby_cluster, "{\"host\": \"x\"}");
    assert_false(d->use_slots);
    const struct config_pairs *parameters = &s.config.postgresql.parameters[0];
    assert_int_equal(parameters->count, 2);
    assert_string_equal(parameters->at[0].value, "200");
    assert_string_equal(parameters->at[1].value, "true");
}

static void test_yes_and_no_are_modes_too(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int mode;
    } modes[] = {{"on", 1}, {"true", 1}, {"\"off\"", 0}, {"false", 0}, {"quorum", 2}};
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        CLEANUP(close_shared) struct shared s = {0};
        CLEANUP(mem_freep) char *text = mem_printf("{synchronous_mode: %s}", modes[i].text);
        assert_int_equal(load_shared(&s, text)->result, 0);
        assert_int_equal(s.config.dynamic.synchronous_mode, modes[i].mode);
    }
}

static void test_what_is_wrong_has_its_default_and_is_told(void **state)
{
    (void)state;
    CLEANUP(close_shared) struct shared s = {0};
    (void)load_shared(&s,
                      "{\"ttl\": 0, \"tttl\": 5, \"synchronous_node_count\": 0,\n"
                      " \"postgresql\": {\"parameters\": 5, \"paramters\": {},\n"
                      "  \"use_pg_rewind\": \"maybe\", \"listen\": \"x\"}, \"pause\": true}");
    assert_int_equal(s.result, ERR_INVALID);
    assert_string_equal(
        buf_text(&s.said),
        "config:1:9: ttl: 0 means 0ms, which is too little: 1s is the least\n"
        "config:1:49: synchronous_node_count: 0 is too little: 1 is the least\n"
        "config:2:31: postgresql.parameters: has to be a map, as in {a: b}\n"
        "config:3:20: postgresql.use_pg_rewind: \"maybe\" is neither true nor false\n"
        "config:1:12: warning: tttl: unknown key, ignored; did you mean ttl?\n"
        "config:2:34: warning: postgresql.paramters: unknown key, ignored; did you mean "
        "parameters?\n"
        "config:3:29: warning: postgresql.listen: unknown key, ignored\n");
    assert_int_equal(s.config.dynamic.ttl_ms, 30000);
    assert_int_equal(s.config.dynamic.synchronous_node_count, 1);
    assert_true(s.config.dynamic.pause); /* what is right counts */
    CLEANUP(close_shared) struct shared broken = {0};
    assert_int_equal(load_shared(&broken, "{\"ttl\": ")->result, ERR_INVALID);
    assert_int_equal(broken.config.dynamic.ttl_ms, 30000);
    CLEANUP(close_shared) struct shared list = {0};
    assert_int_equal(load_shared(&list, "[1]")->result, ERR_INVALID);
}

static void test_a_lease_is_given_or_is_not(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *said; /* "": it is taken */
    } leases[] = {
        {"0", ""},
        {"1000", ""},
        {"3600000", ""},
        {"10", "config:1:12: lease_ms: 10 is not allowed: 0, or 1000 to 3600000\n"},
        {"999", "config:1:12: lease_ms: 999 is not allowed: 0, or 1000 to 3600000\n"},
        {"3600001", "config:1:12: lease_ms: 3600001 is not allowed: 0, or 1000 to 3600000\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(leases); i++) {
        CLEANUP(close_shared) struct shared s = {0};
        CLEANUP(mem_freep) char *text = mem_printf("{lease_ms: %s}", leases[i].value);
        bool is_fine = leases[i].said[0] == '\0';
        assert_int_equal(load_shared(&s, text)->result, is_fine ? 0 : ERR_INVALID);
        assert_string_equal(buf_text(&s.said), leases[i].said);
        assert_int_equal(s.config.dynamic.lease_ms,
                         is_fine ? strtoull(leases[i].value, NULL, 10) : 0);
    }
    CLEANUP(close_shared) struct shared s = {0};
    assert_int_equal(load_shared(&s, "{failover: faster}")->result, ERR_INVALID);
    assert_string_equal(buf_text(&s.said),
                        "config:1:12: failover: can not be \"faster\"; did you mean fast?\n");
}

/* --- Both together --- */

static void test_what_a_node_says_itself_wins(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {.text = CONFIG_KIT_GOOD
                           "postgresql: {use_pg_rewind: true, pg_hba: [a], "
                           "parameters: {work_mem: 1MB}}\n"};
    CLEANUP(close_shared) struct shared s = {0};
    struct config view;
    (void)config_kit_load(&k);
    (void)load_shared(&s,
                      "{pause: true, postgresql: {use_pg_rewind: false, use_unix_socket: true, "
                      "pg_hba: [b], pg_hba_replica: [c], parameters: {work_mem: 2MB}}}");
    config_effective(&k.config, &s.config, &view);
    assert_true(view.postgresql.use_pg_rewind);
    assert_true(view.postgresql.use_unix_socket);
    assert_false(view.postgresql.use_unix_socket_repl); /* nobody said anything */
    assert_true(view.dynamic.pause);
    assert_string_equal(view.postgresql.database, "postgres");
    assert_string_equal(config_hba(&view, CONFIG_FOR_PRIMARY)->at[0], "a");
    assert_string_equal(config_hba(&view, CONFIG_FOR_REPLICA)->at[0], "c");
    assert_int_equal(config_ident(&view, CONFIG_FOR_PRIMARY)->count, 0);
    assert_string_equal(view.postgresql.parameters[0].at[0].value, "1MB");
}

static void test_the_policy_of_both(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {.text = CONFIG_KIT_GOOD "postgresql: {use_pg_rewind: false}\n"};
    CLEANUP(close_shared) struct shared s = {0};
    struct config view;
    struct supervisor_settings policy = {.crashes_max = 7};
    struct timing_wish wish;
    (void)config_kit_load(&k);
    (void)load_shared(&s,
                      "{synchronous_mode: true, synchronous_node_count: 2, ttl: 2.5, "
                      "maximum_lag_on_failover: 5, failover: patient, "
                      "synchronous_mode_strict: true}");
    config_effective(&k.config, &s.config, &view);
    config_policy(&view, &policy);
    config_timing(&view, &wish);
    assert_int_equal(policy.sync_mode, SYNC_ON);
    assert_true(policy.sync_strict);
    assert_int_equal(policy.sync_nodes, 2);
    assert_int_equal(policy.lag_bytes_max, 5);
    assert_true(policy.check_timeline);
    assert_false(policy.may_rewind);
    assert_true(policy.may_clone);
    assert_int_equal(policy.crashes_max, 7);
    assert_int_equal(wish.profile, FAILOVER_PATIENT);
    assert_int_equal(wish.ttl_s, 3);
    assert_int_equal(wish.lease_ms, 0);
}

static void test_parameters_are_laid_on_each_other(void **state)
{
    (void)state;
    CLEANUP(config_kit_close)
    struct config_kit k = {.text = CONFIG_KIT_GOOD
                           "postgresql: {parameters: {a.a: local, max_connections: 300}, "
                           "parameters_replica: {a.c: replica}, recovery_conf: {restore_command: "
                           "x}}\n"};
    CLEANUP(close_shared) struct shared s = {0};
    CLEANUP(config_layers_close) struct config_layers layers = {0};
    CLEANUP(pg_settings_close) struct pg_settings made = {0};
    (void)config_kit_load(&k);
    (void)load_shared(&s,
                      "{postgresql: {parameters: {a.a: shared, a.b: shared, max_connections: "
                      "200}, parameters_primary: {a.c: primary}}}");
    config_layers_make(&k.config, &s.config, CONFIG_FOR_REPLICA, &layers);
    struct pg_settings_input input = {.major = 15, .scope = k.config.scope};
    memcpy(input.layers, layers.layers, sizeof(input.layers));
    pg_settings_make(&input, &made);
    assert_string_equal(pg_settings_get(&made, "a.a"), "local");
    assert_string_equal(pg_settings_get(&made, "a.b"), "shared");
    assert_string_equal(pg_settings_get(&made, "a.c"), "replica");
    assert_string_equal(pg_settings_get(&made, "max_connections"), "200");
    assert_string_equal(pg_settings_get(&made, "restore_command"), "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_the_fence_is_nobodys_name),
        cmocka_unit_test(test_a_witness_has_no_postgresql),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_what_follows_from_the_rest),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_the_table_of_the_shared_is_sound),
        cmocka_unit_test(test_nothing_said_is_all_defaults),
        cmocka_unit_test(test_all_of_it),
        cmocka_unit_test(test_yes_and_no_are_modes_too),
        cmocka_unit_test(test_what_is_wrong_has_its_default_and_is_told),
        cmocka_unit_test(test_a_lease_is_given_or_is_not),
        cmocka_unit_test(test_what_a_node_says_itself_wins),
        cmocka_unit_test(test_the_policy_of_both),
        cmocka_unit_test(test_parameters_are_laid_on_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
