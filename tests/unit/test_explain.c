/* tests/unit/test_explain.c - where a setting comes from: every layer is seen, the highest counts,
 * and nothing is shown that nobody may see.
 *
 * Method: two configurations as text, and what PostgreSQL would answer as rows. What comes of it is
 * one line for each layer: "layer | value | state". */
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
#include "config/explain.h"
#include "supervisor/pg_rows.h"
#include "tests/lib/config_kit.h"

/* name, running, built in, context, source, waits, version, recovery; file, line, value, error. */
#define COLUMNS 12
#define SETTING(name, running, built_in, context, source, waits) \
    name, running, built_in, context, source, waits, "150004", "f"
#define NO_LINE NULL, NULL, NULL, NULL
#define BASE "/data/postgresql.base.conf"
#define OWN "/data/postgresql.conf"
#define AUTO "/data/postgresql.auto.conf"

struct world {
    struct config_kit kit;
    struct config dynamic;
    struct pg_origins origins;
    struct explain_input input;
    struct explained x;
    struct err err;
    struct buf layers;
};

static struct pg_origins rows_of(const char *const *cells)
{
    struct pg_rows rows = {.columns = COLUMNS, .cells = cells};
    struct pg_origins out = {.count = 0};
    struct err err = {0};
    while (cells[(size_t)rows.count * COLUMNS] != NULL) {
        rows.count++;
    }
    int code = pg_origin_parse(&rows, true, &out, &err);
    assert_int_equal(code, 0);
    return out;
}

/* @local comes after CONFIG_KIT_GOOD and a PostgreSQL; @cells NULL: it does not answer. */
static void explain(struct world *w, const char *local, const char *shared,
                    const char *const *cells, const char *name)
{
    CLEANUP(mem_freep)
    char *text = mem_printf(CONFIG_KIT_GOOD "%s", local);
    CLEANUP(problems_close) struct problems problems = {0};
    w->kit.text = text;
    config_kit_load(&w->kit);
    int code = config_dynamic_load("the key config", shared, &w->dynamic, &problems);
    assert_int_equal(code, 0);
    if (cells != NULL) {
        w->origins = rows_of(cells);
        w->input.origins = &w->origins;
    }
    w->input.local = &w->kit.config;
    w->input.dynamic = &w->dynamic;
    w->input.shared = shared;
    w->input.revision = 12;
    w->input.has_postgresql = true;
    static const char *const known_names[] = {"max_connections", "max_wal_senders", "work_mem"};
    const struct explain_names known = {.at = known_names, .count = ARRAY_LEN(known_names)};
    code = explain_setting(&w->input, name, &known, &w->x, &w->err);
    assert_int_equal(code, w->err.code);
    for (size_t i = 0; i < w->x.layer_count; i++) {
        const struct explain_layer *l = &w->x.layers[i];
        buf_printf(&w->layers, "%s | %s | %s\n", l->layer, l->value != NULL ? l->value : "-",
                   l->state);
    }
}

static void world_close(struct world *w)
{
    explained_close(&w->x);
    pg_origins_close(&w->origins);
    config_close(&w->dynamic);
    config_kit_close(&w->kit);
    buf_close(&w->layers);
}

#define PG "postgresql:\n  data_dir: /data\n"

static const char *const work_mem[] = {
    SETTING("work_mem", "32MB", "4096kB", "user", "configuration file", "f"),
    BASE,
    "64",
    "8MB",
    NULL,
    SETTING("work_mem", "32MB", "4096kB", "user", "configuration file", "f"),
    OWN,
    "12",
    "16MB",
    NULL,
    SETTING("work_mem", "32MB", "4096kB", "user", "configuration file", "f"),
    AUTO,
    "3",
    "32MB",
    NULL,
    NULL};

static void each_layer_hides_those_below(void **state)
{
    (void)state;
    CLEANUP(world_close) struct world w = {.input = {.is_primary = true}};
    explain(&w, PG "  parameters: {work_mem: 16MB}\n  parameters_replica: {Work_Mem: 1MB}\n",
            "{\"postgresql\": {\"parameters\": {\"work_mem\": \"12MB\"}}}", work_mem, "WORK_MEM");
    assert_string_equal(buf_text(&w.layers),
                        "built in | 4096kB | hidden\n"
                        "postgresql.base.conf | 8MB | hidden\n"
                        "shared parameters | 12MB | hidden\n"
                        "local parameters | 16MB | hidden\n"
                        "local parameters_replica | 1MB | ignored\n"
                        "ALTER SYSTEM | 32MB | counts\n");
    assert_string_equal(w.x.name, "work_mem");
    assert_string_equal(w.x.value, "32MB");
    assert_string_equal(w.x.running, "32MB");
    assert_string_equal(w.x.from, "ALTER SYSTEM");
    assert_string_equal(w.x.layers[1].where, BASE ":64");
    assert_string_equal(w.x.layers[2].where, "the key config, revision 12");
    assert_string_equal(w.x.layers[3].where, "PGRAFT_CONFIGURATION:11");
    assert_false(w.x.waits);
}

static void the_role_decides(void **state)
{
    (void)state;
    CLEANUP(world_close) struct world w = {.input = {.is_primary = false}};
    explain(&w, PG "  parameters: {work_mem: 16MB}\n  parameters_replica: {work_mem: 1MB}\n", "{}",
            NULL, "work_mem");
    assert_string_equal(buf_text(&w.layers),
                        "local parameters | 16MB | hidden\n"
                        "local parameters_replica | 1MB | counts\n");
    assert_null(w.x.running);
}

static const char *const connections[] = {
    SETTING("max_connections", "100", "100", "postmaster", "command line", "f"),
    OWN,
    "5",
    "200",
    NULL,
    SETTING("max_connections", "100", "100", "postmaster", "command line", "f"),
    AUTO,
    "3",
    "500",
    NULL,
    NULL};

/* An argument of the postmaster: only the shared configuration sets it, and ALTER SYSTEM loses. */
static void what_all_nodes_share_is_set_by_the_shared_one_alone(void **state)
{
    (void)state;
    CLEANUP(world_close) struct world w = {.input = {.is_primary = true}};
    explain(&w, PG "  parameters: {max_connections: 300}\n",
            "{\"postgresql\": {\"parameters\": {\"max_connections\": 200}}}", connections,
            "max_connections");
    assert_string_equal(buf_text(&w.layers),
                        "built in | 100 | hidden\n"
                        "pgraft's default | 100 | hidden\n"
                        "shared parameters | 200 | counts\n"
                        "local parameters | 300 | ignored\n"
                        "ALTER SYSTEM | 500 | ignored\n");
    assert_true(w.x.waits); /* which PostgreSQL itself does not know */
    assert_string_equal(w.x.running, "100");
    assert_string_equal(w.x.change, "a restart of PostgreSQL");
    assert_non_null(strstr(w.x.layers[3].why, "has to be the same on all nodes"));
}

static void a_standby_has_what_its_primary_had(void **state)
{
    (void)state;
    static const char *const cells[] = {
        SETTING("max_connections", "200", "100", "postmaster", "command line", "f"),
        OWN,
        "5",
        "200",
        NULL,
        NULL};
    CLEANUP(world_close) struct world w = {.input = {.is_primary = false}};
    explain(&w, PG, "{\"postgresql\": {\"parameters\": {\"max_connections\": 150}}}", cells,
            "max_connections");
    assert_string_equal(buf_text(&w.layers),
                        "built in | 100 | hidden\n"
                        "pgraft's default | 100 | hidden\n"
                        "shared parameters | 150 | hidden\n"
                        "pgraft | 200 | counts\n");
    assert_false(w.x.waits);
}

static void what_can_not_be_is_told_and_why(void **state)
{
    (void)state;
    CLEANUP(world_close) struct world w = {.input = {.is_primary = true}};
    explain(&w, PG, "{\"postgresql\": {\"parameters\": {\"max_connections\": 3}}}", NULL,
            "max_connections");
    assert_string_equal(buf_text(&w.layers),
                        "pgraft's default | 100 | counts\n"
                        "shared parameters | 3 | ignored\n");
    assert_non_null(strstr(w.x.layers[1].why, "25 to 262143"));
}

static void what_is_pgrafts_is_pgrafts(void **state)
{
    (void)state;
    static const char *const cells[] = {SETTING("primary_conninfo", "host=a password=hush", "",
                                                "sighup", "configuration file", "f"),
                                        OWN,
                                        "5",
                                        "host=a password=hush",
                                        NULL,
                                        NULL};
    CLEANUP(world_close) struct world w = {.input = {.is_primary = false}};
    explain(&w, PG "  recovery_conf: {primary_conninfo: 'host=b password=hush'}\n", "{}", cells,
            "primary_conninfo");
    assert_string_equal(buf_text(&w.layers),
                        "built in |  | hidden\n"
                        "local recovery_conf | host=b password=*** | ignored\n"
                        "pgraft | host=a password=*** | counts\n");
    assert_string_equal(w.x.running, "host=a password=***");
}

/* The data directory comes from the command line, which is pgraft's. */
static void what_postgresql_was_told_of_itself_is_pgrafts_too(void **state)
{
    (void)state;
    static const char *const cells[] = {
        SETTING("data_directory", "/data", NULL, "postmaster", "override", "f"), NO_LINE, NULL};
    CLEANUP(world_close) struct world w = {.input = {.is_primary = true}};
    explain(&w, PG, "{}", cells, "data_directory");
    assert_string_equal(buf_text(&w.layers), "pgraft | /data | counts\n");
    assert_string_equal(w.x.layers[0].where, "see postgresql.data_dir");
}

/* What sessions of ours ask for themselves says nothing of others. */
static void a_session_s_own_value_is_not_taken_for_the_server_s(void **state)
{
    (void)state;
    static const char *const cells[] = {
        SETTING("statement_timeout", NULL, "0", "user", "client", "f"),
        BASE,
        "7",
        "1min",
        NULL,
        NULL};
    CLEANUP(world_close) struct world w = {.input = {.is_primary = true}};
    explain(&w, PG, "{}", cells, "statement_timeout");
    assert_string_equal(w.x.value, "1min");
    assert_null(w.x.running);
    assert_non_null(strstr(w.x.note, "a value of their own"));
}

static void what_waits_for_a_restart_is_no_error(void **state)
{
    (void)state;
    static const char *const cells[] = {
        SETTING("shared_buffers", "128MB", "131072kB", "postmaster", "configuration file", "t"),
        BASE,
        "9",
        "1GB",
        "setting could not be applied",
        SETTING("shared_buffers", "128MB", "131072kB", "postmaster", "configuration file", "t"),
        AUTO,
        "9",
        "lots",
        "invalid value for parameter",
        NULL};
    CLEANUP(world_close) struct world w = {.input = {.is_primary = true}};
    explain(&w, PG, "{}", cells, "shared_buffers");
    assert_string_equal(buf_text(&w.layers),
                        "built in | 131072kB | hidden\n"
                        "postgresql.base.conf | 1GB | counts\n"
                        "ALTER SYSTEM | lots | ignored\n");
    assert_true(w.x.waits);
}

/* A frequent mistake: it is looked at once, when the cluster is new. */
static void the_first_configuration_does_not_count_later(void **state)
{
    (void)state;
    CLEANUP(world_close) struct world w = {.input = {.lease_ms = 5000}};
    explain(&w, PG "bootstrap: {dcs: {ttl: 60, postgresql: {parameters: {work_mem: 1GB}}}}\n",
            "{\"ttl\": 20}", NULL, "ttl");
    assert_string_equal(buf_text(&w.layers),
                        "built in | 30s | hidden\n"
                        "bootstrap.dcs | 60 | ignored\n"
                        "shared | 20 | counts\n");
    assert_string_equal(w.x.value, "20s");
    assert_non_null(strstr(w.x.note, "the lease comes to 5000 ms"));
}

static void an_older_name_is_understood(void **state)
{
    (void)state;
    CLEANUP(world_close) struct world w = {.input = {.is_guess = false}};
    explain(&w, PG, "{\"master_start_timeout\": 10}", NULL, "master_start_timeout");
    assert_string_equal(w.x.name, "primary_start_timeout");
    assert_string_equal(buf_text(&w.layers),
                        "built in | 300s | hidden\n"
                        "shared | 10 | counts\n");
}

static void the_environment_hides_the_file(void **state)
{
    (void)state;
    CLEANUP(world_close)
    struct world w = {.kit = {.variables = {"PATRONI_RESTAPI_LISTEN=10.0.0.8:1",
                                            "PGRAFT_RESTAPI_LISTEN=10.0.0.9:1"},
                              .flags = {{"api", "10.0.0.7:1"}}}};
    explain(&w, PG "restapi: {listen: '10.0.0.1:8008'}\n", "{}", NULL, "restapi.listen");
    assert_string_equal(buf_text(&w.layers),
                        "environment | 10.0.0.1:8008 | hidden\n"
                        "environment | 10.0.0.8:1 | hidden\n"
                        "environment | 10.0.0.9:1 | hidden\n"
                        "option | 10.0.0.7:1 | counts\n");
    assert_string_equal(w.x.layers[0].where, "PGRAFT_CONFIGURATION:11");
    assert_string_equal(w.x.layers[1].where, "PATRONI_RESTAPI_LISTEN");
    assert_string_equal(w.x.layers[3].where, "--api");
    assert_int_equal(w.x.kind, EXPLAIN_NODE);
}

static void a_node_wins_over_what_is_shared(void **state)
{
    (void)state;
    CLEANUP(world_close) struct world w = {.input = {.is_guess = false}};
    explain(&w, PG "  use_pg_rewind: false\n", "{\"postgresql\": {\"use_pg_rewind\": true}}", NULL,
            "postgresql.use_pg_rewind");
    assert_string_equal(w.x.value, "false");
    assert_non_null(strstr(buf_text(&w.layers), "shared | true | hidden\n"));
}

static void passwords_are_not_told(void **state)
{
    (void)state;
    CLEANUP(world_close)
    struct world w = {.kit = {.variables = {"PATRONI_SUPERUSER_PASSWORD=hush2"}}};
    explain(&w, PG "  authentication: {superuser: {username: me, password: hush}}\n", "{}", NULL,
            "postgresql.authentication.superuser.password");
    assert_string_equal(buf_text(&w.layers),
                        "environment | - | hidden\n"
                        "environment | *** | counts\n");
    assert_string_equal(w.x.value, "***");
}

static void an_unknown_name_is_refused_with_the_nearest(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *said;
    } rows[] = {
        {"max_conections", "there is no setting \"max_conections\"; did you mean max_connections?"},
        {"use_pg_rewind",
         "there is no setting \"use_pg_rewind\"; did you mean postgresql.use_pg_rewind?"},
        {"ttl2", "there is no setting \"ttl2\"; did you mean ttl?"},
        {"xyzzy-plugh", "there is no setting \"xyzzy-plugh\""},
    };
    static const char *const nothing[] = {NULL};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(world_close) struct world w = {.input = {.is_primary = true}};
        explain(&w, PG, "{}", nothing, rows[i].name);
        assert_int_equal(w.err.code, ERR_NOT_FOUND);
        assert_string_equal(w.err.msg, rows[i].said);
    }
}

static void all_that_is_said_is_named_once(void **state)
{
    (void)state;
    CLEANUP(world_close) struct world w = {.input = {.is_primary = true}};
    CLEANUP(buf_close) struct buf names = {0};
    explain(&w, PG "  parameters: {Work_mem: 16MB, archive_mode: on}\n", "{}", work_mem, "ttl");
    size_t count = explain_all(&w.input, &names);
    size_t seen = 0;
    const char *at = buf_text(&names);
    for (size_t i = 0; i < count; i++, at += strlen(at) + 1) {
        seen += strcasecmp(at, "work_mem") == 0 ? 1 : 0;
        seen += strcmp(at, "archive_mode") == 0 ? 10 : 0;
        seen += strcmp(at, "postgresql.data_dir") == 0 ? 100 : 0;
    }
    assert_int_equal(seen, 111);
    assert_ptr_equal(at, buf_text(&names) + names.size);
}

static void the_question_holds_whatever_is_asked(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf sql = {0};
    pg_origin_sql("a'; DROP TABLE x; --\\", true, &sql);
    assert_non_null(strstr(buf_text(&sql), "lower(E'a''; DROP TABLE x; --\\\\')"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_layer_hides_those_below),
        cmocka_unit_test(the_role_decides),
        cmocka_unit_test(what_all_nodes_share_is_set_by_the_shared_one_alone),
        cmocka_unit_test(a_standby_has_what_its_primary_had),
        cmocka_unit_test(what_can_not_be_is_told_and_why),
        cmocka_unit_test(what_is_pgrafts_is_pgrafts),
        cmocka_unit_test(what_postgresql_was_told_of_itself_is_pgrafts_too),
        cmocka_unit_test(a_session_s_own_value_is_not_taken_for_the_server_s),
        cmocka_unit_test(what_waits_for_a_restart_is_no_error),
        cmocka_unit_test(the_first_configuration_does_not_count_later),
        cmocka_unit_test(an_older_name_is_understood),
        cmocka_unit_test(the_environment_hides_the_file),
        cmocka_unit_test(a_node_wins_over_what_is_shared),
        cmocka_unit_test(passwords_are_not_told),
        cmocka_unit_test(an_unknown_name_is_refused_with_the_nearest),
        cmocka_unit_test(all_that_is_said_is_named_once),
        cmocka_unit_test(the_question_holds_whatever_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
