/* tests/unit/test_pg_settings.c - the parameters of a PostgreSQL: layers, what is refused, limits,
 * versions, the fence; and how they are written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "supervisor/pg_settings.h"
#include "supervisor/sync_names.h"

/* --- Kit --- */

#define PAIRS(...)                                                                       \
    {                                                                                    \
        .at = (const struct pg_pair[]){__VA_ARGS__},                                     \
        .count = sizeof((const struct pg_pair[]){__VA_ARGS__}) / sizeof(struct pg_pair), \
    }

static struct pg_settings made;

static const struct pg_settings *make(const struct pg_settings_input *input)
{
    pg_settings_close(&made);
    pg_settings_make(input, &made);
    for (size_t i = 1; i < made.count; i++) { /* each once, in order */
        assert_true(strcmp(made.at[i - 1].name, made.at[i].name) < 0);
    }
    return &made;
}

static int teardown(void **state)
{
    (void)state;
    pg_settings_close(&made);
    return 0;
}

static const char *value(const char *name)
{
    const char *is = pg_settings_get(&made, name);
    return is != NULL ? is : "(none)";
}

static void values_are(const struct pg_pair *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(value(wanted[i].name), wanted[i].value) != 0) {
            fail_msg("%s is %s, not %s", wanted[i].name, value(wanted[i].name), wanted[i].value);
        }
    }
}
#define VALUES_ARE(...)                               \
    values_are((const struct pg_pair[]){__VA_ARGS__}, \
               sizeof((const struct pg_pair[]){__VA_ARGS__}) / sizeof(struct pg_pair))

/* All warnings, a line for each. */
static const char *warnings(void)
{
    static char text[4000];
    size_t size = 0;
    text[0] = '\0';
    for (size_t i = 0; i < made.warning_count; i++) {
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%s\n", made.warnings[i].text);
    }
    return text;
}

static struct sync_set set_of(uint32_t needed, const char *a, const char *b)
{
    struct sync_set set = {.needed = needed};
    const char *const names[] = {a, b};
    for (size_t i = 0; i < 2 && names[i] != NULL; i++) {
        (void)snprintf(set.at[set.count++].name.text, FACTS_NAME_SIZE, "%s", names[i]);
    }
    return set;
}

/* --- What is ours --- */

static void what_is_ours_is_always_there(void **state)
{
    (void)state;
    const struct pg_settings_input input = {
        .major = 15, .scope = "demo", .listen_addresses = "10.0.0.1,127.0.0.1", .port = 5433};
    (void)make(&input);
    VALUES_ARE({"cluster_name", "demo"}, {"listen_addresses", "10.0.0.1,127.0.0.1"},
               {"port", "5433"}, {"hot_standby", "on"},
               {"restart_after_crash", "off"}, /* safety B4 */
               {"recovery_target_timeline", "latest"}, {"recovery_target_lsn", ""},
               {"primary_conninfo", ""}, {"primary_slot_name", ""}, {"wal_level", "replica"},
               {"wal_log_hints", "on"}, {"wal_keep_size", "128MB"}, {"max_connections", "100"},
               {"max_prepared_transactions", "0"}, {"hot_standby_feedback", "(none)"},
               {"hba_file", "(none)"});
    assert_string_equal(warnings(), "");
}

static void nobody_else_sets_it(void **state)
{
    (void)state;
    const struct pg_settings_input input = {
        .major = 15,
        .scope = "demo",
        .listen_addresses = "*",
        .layers = {
            [PG_LAYER_SHARED] = PAIRS({"synchronous_standby_names", "*"}, {"port", "1"},
                                      {"hot_standby", "True"}, {"restart_after_crash", "on"}),
            [PG_LAYER_LOCAL] =
                PAIRS({"Synchronous_Standby_Names", ""}, {"cluster_name", "x"}, {"include", "/x"}),
            [PG_LAYER_LOCAL_RECOVERY] =
                PAIRS({"recovery_target_time", "now"}, {"primary_conninfo", "host=x"},
                      {"restore_command", "cp /a/%f %p"}),
        }};
    (void)make(&input);
    VALUES_ARE({"synchronous_standby_names", SYNC_FENCE_VALUE}, {"port", "5432"},
               {"cluster_name", "demo"}, {"restart_after_crash", "off"}, {"primary_conninfo", ""},
               {"recovery_target_time", ""}, {"restore_command", "cp /a/%f %p"},
               {"include", "(none)"});
    assert_string_equal(
        warnings(),
        "synchronous_standby_names: is set by pgraft, see synchronous_mode; what the "
        "configuration says is ignored\n"
        "port: is set by pgraft, see postgresql.listen; what the configuration says is ignored\n"
        "restart_after_crash: is set by pgraft; what the configuration says is ignored\n"
        "cluster_name: is set by pgraft, see scope; what the configuration says is ignored\n"
        "include: is set by pgraft, see postgresql.custom_conf; what the configuration says is "
        "ignored\n"
        "recovery_target_time: is set by pgraft; what the configuration says is ignored\n"
        "primary_conninfo: is set by pgraft, see postgresql.authentication.replication; what the "
        "configuration says is ignored\n");
}

/* --- Layers --- */

static void later_layers_win(void **state)
{
    (void)state;
    const struct pg_settings_input input = {
        .major = 15,
        .layers = {
            [PG_LAYER_SHARED] = PAIRS({"a.x", "shared"}, {"work_mem", "1MB"}, {"fsync", "on"}),
            [PG_LAYER_LOCAL] = PAIRS({"A.X", "local"}, {"work_mem", "2MB"}),
            [PG_LAYER_SHARED_ROLE] = PAIRS({"a.x", "shared role"}),
            [PG_LAYER_LOCAL_ROLE] = PAIRS({"work_mem", "3MB"}),
            [PG_LAYER_SHARED_RECOVERY] = PAIRS({"restore_command", "a"}),
            [PG_LAYER_LOCAL_RECOVERY] = PAIRS({"restore_command", "b"}),
        }};
    (void)make(&input);
    VALUES_ARE({"a.x", "shared role"}, {"work_mem", "3MB"}, {"fsync", "on"},
               {"restore_command", "b"});
    assert_string_equal(warnings(), "");
}

static void shared_parameters_come_from_the_shared_configuration_alone(void **state)
{
    (void)state;
    const struct pg_settings_input input = {
        .major = 15,
        .layers = {
            [PG_LAYER_SHARED] = PAIRS({"max_connections", "200"}, {"wal_level", "hot_standby"},
                                      {"track_commit_timestamp", "true"}),
            [PG_LAYER_LOCAL] = PAIRS({"max_connections", "300"}, {"max_wal_senders", "20"}),
            [PG_LAYER_SHARED_ROLE] = PAIRS({"wal_level", "logical"}),
        }};
    (void)make(&input);
    VALUES_ARE({"max_connections", "200"}, {"max_wal_senders", "10"}, {"wal_level", "replica"},
               {"track_commit_timestamp", "on"});
    assert_string_equal(
        warnings(),
        "max_connections: has to be the same on all nodes, so only parameters of the shared "
        "configuration set it; 300 is ignored\n"
        "max_wal_senders: has to be the same on all nodes, so only parameters of the shared "
        "configuration set it; 20 is ignored\n"
        "wal_level: has to be the same on all nodes, so only parameters of the shared "
        "configuration set it; logical is ignored\n");
}

/* --- Limits --- */

static void limits(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        const char *is;
        const char *warning; /* its middle, NULL: none */
    } rows[] = {
        {"max_connections", "25", "25", NULL},
        {"max_connections", "24", "100", "\"24\", but 25 to 262143; the default, 100, is used"},
        {"max_connections", "262144", "100", "25 to 262143"},
        {"max_connections", "1e3", "100", "\"1e3\""},
        {"max_connections", "-1", "100", "\"-1\""},
        {"max_connections", " 50 ", "50", NULL},
        {"max_connections", "99999999999999999999999", "100", "99999999999999999999999"},
        {"max_wal_senders", "2", "10", "3 to 262143"},
        {"max_replication_slots", "3", "10", "4 to"},
        {"max_worker_processes", "1", "8", "2 to"},
        {"max_prepared_transactions", "0", "0", NULL},
        {"max_prepared_transactions", "50", "50", NULL},
        {"max_locks_per_transaction", "31", "64", "32 to 2147483647"},
        {"wal_level", "LOGICAL", "logical", NULL},
        {"wal_level", "minimal", "replica", "\"minimal\", but replica or logical; the default"},
        {"wal_log_hints", "off", "off", NULL},
        {"wal_log_hints", "maybe", "on", "\"maybe\", but on or off"},
        {"track_commit_timestamp", "t", "on", NULL},
        {"track_commit_timestamp", "o", "off", "\"o\""},
        {"track_commit_timestamp", "", "off", "\"\""},
        {"wal_keep_size", "1GB", "1024MB", NULL},
        {"wal_keep_size", "64", "64MB", NULL},
        {"wal_keep_size", "16384 kB", "16MB", NULL},
        {"wal_keep_size", "15MB", "128MB", "16MB to"},
        {"wal_keep_size", "1gb", "128MB", "\"1gb\""},
        {"wal_keep_size", "9999999TB", "128MB", "9999999TB"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct pg_pair pair = {rows[i].name, rows[i].value};
        const struct pg_settings_input input = {
            .major = 15, .layers = {[PG_LAYER_SHARED] = {.at = &pair, .count = 1}}};
        (void)make(&input);
        assert_string_equal(value(rows[i].name), rows[i].is);
        assert_int_equal(made.warning_count, rows[i].warning != NULL ? 1 : 0);
        if (rows[i].warning != NULL) {
            assert_non_null(strstr(warnings(), rows[i].warning));
        }
    }
}

static void a_standby_has_what_its_control_file_asks_for(void **state)
{
    (void)state;
    struct pg_settings_input input = {
        .major = 15,
        .needs = {.max_connections = 300, .max_wal_senders = 5, .max_prepared_transactions = 7},
        .layers = {[PG_LAYER_SHARED] = PAIRS({"max_connections", "200"})}};
    (void)make(&input);
    VALUES_ARE({"max_connections", "300"}, {"max_wal_senders", "10"},
               {"max_prepared_transactions", "7"});
    size_t raised = 0;
    for (size_t i = 0; i < made.count; i++) {
        raised += made.at[i].is_raised ? 1 : 0;
    }
    assert_int_equal(raised, 2);
    input.is_primary = true;
    (void)make(&input);
    assert_string_equal(value("max_connections"), "200");
}

/* --- Versions --- */

static void names_of_other_versions_are_left_out(void **state)
{
    (void)state;
    struct pg_settings_input input = {
        .major = 13,
        .layers = {[PG_LAYER_SHARED] = PAIRS({"summarize_wal", "on"}, {"ssl_crl_dir", "/x"},
                                             {"stats_temp_directory", "/y"},
                                             {"debug_parallel_query", "on"}, {"a b", "c"})}};
    (void)make(&input);
    VALUES_ARE({"summarize_wal", "(none)"}, {"stats_temp_directory", "/y"},
               {"force_parallel_mode", "on"});
    assert_string_equal(warnings(),
                        "summarize_wal: PostgreSQL has it since version 17, this is 13; it is "
                        "ignored\n"
                        "ssl_crl_dir: PostgreSQL has it since version 14, this is 13; it is "
                        "ignored\n"
                        "a b: this is no name of a parameter, ignored\n");
    input.major = 17;
    (void)make(&input);
    VALUES_ARE({"summarize_wal", "on"}, {"ssl_crl_dir", "/x"}, {"debug_parallel_query", "on"});
    assert_string_equal(warnings(),
                        "stats_temp_directory: PostgreSQL has it no more since version 15; it is "
                        "ignored\n"
                        "a b: this is no name of a parameter, ignored\n");
}

static void segments_become_a_size(void **state)
{
    (void)state;
    const struct pg_settings_input input = {
        .major = 18, .layers = {[PG_LAYER_SHARED] = PAIRS({"wal_keep_segments", "8"})}};
    (void)make(&input);
    VALUES_ARE({"wal_keep_size", "128MB"}, {"wal_keep_segments", "(none)"});
    assert_string_equal(warnings(),
                        "wal_keep_segments: is wal_keep_size since PostgreSQL 13: 128MB is used\n");
}

static void what_the_server_does_not_know_is_left_out(void **state)
{
    (void)state;
    static const char *const names[] = {"work_mem", "new_in_this_one", "shared_buffers"};
    const struct pg_known known = {.at = names, .count = 3};
    const struct pg_settings_input input = {
        .major = 15,
        .known = &known,
        .layers = {[PG_LAYER_SHARED] = PAIRS({"wrok_mem", "1MB"}, {"new_in_this_one", "on"},
                                             {"pg_stat_statements.max", "9"})}};
    (void)make(&input);
    VALUES_ARE({"new_in_this_one", "on"}, {"pg_stat_statements.max", "9"});
    assert_string_equal(warnings(),
                        "wrok_mem: PostgreSQL 15 has no such parameter, ignored; did "
                        "you mean work_mem?\n");
}

/* --- The fence --- */

/* B2: relaxed on a primary alone, and only when somebody says to what. */
static void b2_the_fence_stands_unless_it_is_lifted(void **state)
{
    (void)state;
    const struct sync_set none = {0};
    const struct sync_set two = set_of(1, "pg2", "pg-3");
    struct pg_settings_input input = {.major = 15};
    (void)make(&input);
    assert_string_equal(value("synchronous_standby_names"), "ANY 1 (pgraft_fence)");
    input.sync = &none;
    (void)make(&input); /* a standby */
    assert_string_equal(value("synchronous_standby_names"), "ANY 1 (pgraft_fence)");
    input.is_primary = true;
    (void)make(&input);
    assert_string_equal(value("synchronous_standby_names"), "");
    input.sync = &two;
    (void)make(&input);
    assert_string_equal(value("synchronous_standby_names"), "ANY 1 (\"pg2\",\"pg-3\")");
    input.sync_first = true;
    (void)make(&input);
    assert_string_equal(value("synchronous_standby_names"), "FIRST 1 (\"pg2\",\"pg-3\")");
    const struct sync_set nobody = set_of(1, NULL, NULL);
    input.sync = &nobody; /* one is needed, and there is none: that is no reason not to wait */
    (void)make(&input);
    assert_string_equal(value("synchronous_standby_names"), "ANY 1 (pgraft_fence)");
    input.sync = NULL;
    (void)make(&input);
    assert_string_equal(value("synchronous_standby_names"), "ANY 1 (pgraft_fence)");
    assert_true(pg_settings_is_ours("synchronous_standby_names"));
    assert_false(pg_settings_is_ours("max_connections"));
    assert_false(pg_settings_is_ours("work_mem"));
}

static void what_is_decided_goes_in(void **state)
{
    (void)state;
    struct pg_settings_input input = {.major = 15,
                                      .primary_conninfo = "host=10.0.0.2 user=replicator",
                                      .primary_slot_name = "pg1",
                                      .hba_file = "/etc/pg_hba.conf",
                                      .ident_file = "/etc/pg_ident.conf",
                                      .feedback = true,
                                      .layers = {[PG_LAYER_LOCAL] = PAIRS({"hba_file", "/mine"})}};
    (void)make(&input);
    VALUES_ARE({"primary_conninfo", "host=10.0.0.2 user=replicator"}, {"primary_slot_name", "pg1"},
               {"hba_file", "/mine"}, {"ident_file", "/etc/pg_ident.conf"},
               {"hot_standby_feedback", "on"});
}

/* --- Writing --- */

static void values_are_quoted(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *quoted;
    } rows[] = {
        {"", "''"},           {"a b", "'a b'"},      {"it's", "'it''s'"},
        {"a\\b", "'a\\\\b'"}, {"a\nb", "'a\\012b'"}, {"\xc3\xa4", "'\xc3\xa4'"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CLEANUP(buf_close) struct buf out = {0};
        pg_settings_quote(rows[i].value, &out);
        assert_string_equal(buf_text(&out), rows[i].quoted);
    }
}

static void the_file_and_the_arguments(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf out = {0};
    const struct pg_settings_input input = {
        .major = 15,
        .scope = "demo",
        .listen_addresses = "*",
        .layers = {[PG_LAYER_LOCAL] = PAIRS({"archive_command", "cp '%p' /a"})}};
    (void)make(&input);
    pg_settings_print(&made, "postgresql.base.conf", &out);
    const char *text = buf_text(&out);
    assert_int_equal(strncmp(text, PG_SETTINGS_HEAD, strlen(PG_SETTINGS_HEAD)), 0);
    const char *include = strstr(text, "\ninclude 'postgresql.base.conf'\n");
    assert_non_null(include);
    assert_non_null(strstr(include, "\narchive_command = 'cp ''%p'' /a'\ncluster_name = 'demo'\n"));
    assert_non_null(strstr(text, "\nsynchronous_standby_names = 'ANY 1 (pgraft_fence)'\n"));
    buf_clear(&out);
    pg_settings_print(&made, NULL, &out);
    assert_null(strstr(buf_text(&out), "include"));
    buf_clear(&out);
    size_t count = pg_settings_arguments(&made, &out);
    assert_int_equal(count, 14);
    assert_string_equal(out.bytes, "--cluster_name=demo");
    assert_string_equal(out.bytes + strlen(out.bytes) + 1, "--hot_standby=on");
    /* What changes with a reload can not be an argument: it could never be lifted. */
    for (const char *at = out.bytes; at < out.bytes + out.size; at += strlen(at) + 1) {
        assert_null(strstr(at, "synchronous"));
        assert_null(strstr(at, "primary"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_ours_is_always_there),
        cmocka_unit_test(nobody_else_sets_it),
        cmocka_unit_test(later_layers_win),
        cmocka_unit_test(shared_parameters_come_from_the_shared_configuration_alone),
        cmocka_unit_test(limits),
        cmocka_unit_test(a_standby_has_what_its_control_file_asks_for),
        cmocka_unit_test(names_of_other_versions_are_left_out),
        cmocka_unit_test(segments_become_a_size),
        cmocka_unit_test(what_the_server_does_not_know_is_left_out),
        cmocka_unit_test(b2_the_fence_stands_unless_it_is_lifted),
        cmocka_unit_test(what_is_decided_goes_in),
        cmocka_unit_test(values_are_quoted),
        cmocka_unit_test(the_file_and_the_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
