/* tests/unit/test_pg_files.c - the files PostgreSQL is run by, and the texts for libpq. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "supervisor/pg_conninfo.h"
#include "supervisor/pg_file.h"
#include "supervisor/pg_files.h"
#include "tests/lib/scratch_kit.h"

static struct pg_files files;
static struct pg_settings settings;
static struct buf content; /* of the last file that was looked at */
static bool changed;

static int setup(void **state)
{
    const struct pg_settings_input input = {.major = 15, .scope = "demo", .listen_addresses = "*"};
    (void)scratch_setup(state);
    files = (struct pg_files){.data_dir = scratch.dir};
    pg_settings_make(&input, &settings);
    return 0;
}

static int teardown(void **state)
{
    pg_settings_close(&settings);
    buf_close(&content);
    return scratch_teardown(state);
}

static void put(const char *name, const char *text)
{
    CLEANUP(buf_close) struct buf bytes = {0};
    buf_str(&bytes, text);
    assert_int_equal(pg_file_put(scratch_path(&scratch, name), 0600, &bytes, NULL, &err), 0);
}

static const char *get(const char *name)
{
    buf_clear(&content);
    return scratch_read(&scratch, name, &content) ? buf_text(&content) : "(none)";
}

/* --- postgresql.conf --- */

static void the_users_own_is_kept_and_included(void **state)
{
    (void)state;
    put("postgresql.conf", "work_mem = '7MB'\n");
    assert_int_equal(pg_files_put_settings(&files, &settings, &changed, &err), 0);
    assert_true(changed);
    assert_string_equal(get("postgresql.base.conf"), "work_mem = '7MB'\n");
    assert_non_null(strstr(get("postgresql.conf"), "\ninclude 'postgresql.base.conf'\n"));
    assert_int_equal(pg_files_put_settings(&files, &settings, &changed, &err), 0);
    assert_false(changed);
    assert_string_equal(get("postgresql.base.conf"), "work_mem = '7MB'\n");
    /* A base that is there is never replaced, whatever came in the place of ours. */
    put("postgresql.conf", "work_mem = '8MB'\n");
    assert_int_equal(pg_files_put_settings(&files, &settings, &changed, &err), 0);
    assert_true(changed);
    assert_string_equal(get("postgresql.base.conf"), "work_mem = '7MB'\n");
}

/* Patroni's postgresql.conf stands beside a base file already. */
static void what_somebody_elses_was_is_given_back(void **state)
{
    (void)state;
    put("postgresql.base.conf", "work_mem = '7MB'\n");
    put("postgresql.conf", "include 'postgresql.base.conf'\nport = '5432'\n");
    assert_int_equal(pg_files_put_settings(&files, &settings, &changed, &err), 0);
    assert_int_equal(pg_files_put_settings(&files, &settings, &changed, &err), 0); /* now ours */
    assert_string_equal(get("postgresql.conf.before-pgraft"),
                        "include 'postgresql.base.conf'\nport = '5432'\n");
    assert_int_equal(pg_files_give_back(&files, &err), 0);
    assert_int_equal(pg_files_give_back(&files, &err), 0);
    assert_string_equal(get("postgresql.conf"), "include 'postgresql.base.conf'\nport = '5432'\n");
    assert_string_equal(get("postgresql.base.conf"), "work_mem = '7MB'\n");
}

static void so_is_the_users_own(void **state)
{
    (void)state;
    put("postgresql.conf", "work_mem = '7MB'\n");
    assert_int_equal(pg_files_put_settings(&files, &settings, &changed, &err), 0);
    assert_string_equal(get("postgresql.conf.before-pgraft"), "(none)");
    assert_int_equal(pg_files_give_back(&files, &err), 0);
    assert_string_equal(get("postgresql.conf"), "work_mem = '7MB'\n");
    assert_int_equal(unlink(scratch_path(&scratch, "postgresql.base.conf")), 0);
    assert_int_equal(pg_files_give_back(&files, &err), ERR_NOT_FOUND); /* and nothing changes */
    assert_string_equal(get("postgresql.conf"), "work_mem = '7MB'\n");
}

static void a_crash_between_the_two_loses_nothing(void **state)
{
    (void)state;
    put("postgresql.base.conf", "work_mem = '7MB'\n"); /* renamed, and ours not written yet */
    assert_int_equal(pg_files_put_settings(&files, &settings, &changed, &err), 0);
    assert_true(changed);
    assert_string_equal(get("postgresql.base.conf"), "work_mem = '7MB'\n");
}

static void a_clone_may_have_no_base(void **state)
{
    (void)state;
    assert_int_equal(pg_files_put_settings(&files, &settings, &changed, &err), 0);
    assert_string_equal(get("postgresql.base.conf"), ""); /* so that the include finds it */
    assert_int_equal(unlink(scratch_path(&scratch, "postgresql.base.conf")), 0);
    assert_int_equal(pg_files_put_settings(&files, &settings, &changed, &err), 0);
    assert_string_equal(get("postgresql.base.conf"), ""); /* and not ours, including itself */
}

static void a_custom_file_takes_its_place(void **state)
{
    (void)state;
    files.custom_conf = "/etc/mine.conf";
    put("postgresql.conf", "work_mem = '7MB'\n");
    assert_int_equal(pg_files_put_settings(&files, &settings, &changed, &err), 0);
    assert_string_equal(get("postgresql.base.conf"), "(none)");
    assert_non_null(strstr(get("postgresql.conf"), "\ninclude '/etc/mine.conf'\n"));
}

static void the_configuration_may_be_elsewhere(void **state)
{
    (void)state;
    CLEANUP(mem_freep) char *etc = mem_strdup(scratch_path(&scratch, "etc"));
    assert_int_equal(mkdir(etc, 0700), 0);
    files.config_dir = etc;
    put("etc/postgresql.conf", "a.b = 'c'\n");
    const char *const lines[] = {"local all all peer"};
    assert_int_equal(pg_files_put_settings(&files, &settings, &changed, &err), 0);
    assert_int_equal(pg_files_put_hba(&files, lines, 1, &changed, &err), 0);
    assert_string_equal(get("etc/postgresql.base.conf"), "a.b = 'c'\n");
    assert_string_equal(get("etc/pg_hba.conf"), PG_SETTINGS_HEAD "local all all peer\n");
    assert_string_equal(get("postgresql.conf"), "(none)");
}

/* --- pg_hba.conf --- */

static void lines_are_written_and_nothing_said_is_nothing_done(void **state)
{
    (void)state;
    const char *const lines[] = {"local all all peer", "host all all 10.0.0.0/8 scram-sha-256"};
    const char *const bad[] = {"local all all peer\nhost all all 0.0.0.0/0 trust"};
    put("pg_hba.conf", "mine\n");
    assert_int_equal(pg_files_put_hba(&files, NULL, 0, &changed, &err), 0);
    assert_false(changed);
    assert_string_equal(get("pg_hba.conf"), "mine\n");
    assert_int_equal(pg_files_put_hba(&files, bad, 1, &changed, &err), ERR_INVALID);
    assert_string_equal(get("pg_hba.conf"), "mine\n");
    assert_int_equal(pg_files_put_hba(&files, lines, 2, &changed, &err), 0);
    assert_true(changed);
    assert_string_equal(get("pg_hba.conf"), PG_SETTINGS_HEAD
                        "local all all peer\nhost all all 10.0.0.0/8 scram-sha-256\n");
    assert_int_equal(pg_files_put_hba(&files, lines, 2, &changed, &err), 0);
    assert_false(changed);
    assert_int_equal(pg_files_put_ident(&files, lines, 1, &changed, &err), 0);
    assert_true(changed);
    assert_string_equal(get("pg_ident.conf"), PG_SETTINGS_HEAD "local all all peer\n");
}

/* --- postgresql.auto.conf --- */

/* B2: ALTER SYSTEM would win over the fence. */
static void b2_what_is_ours_is_taken_out_of_auto_conf(void **state)
{
    (void)state;
    assert_int_equal(pg_files_clean_auto(&files, &changed, &err), 0);
    assert_false(changed);
    put("postgresql.auto.conf",
        "# Do not edit this file manually!\n"
        "work_mem = '1MB'\n"
        "synchronous_standby_names = ''\n"
        "  Primary_Conninfo='host=x'\n"
        "max_connections = '300'\n"
        "restart_after_crash = on");
    assert_int_equal(pg_files_clean_auto(&files, &changed, &err), 0);
    assert_true(changed);
    assert_string_equal(get("postgresql.auto.conf"),
                        "# Do not edit this file manually!\n"
                        "work_mem = '1MB'\n"
                        "max_connections = '300'\n");
    assert_int_equal(pg_files_clean_auto(&files, &changed, &err), 0);
    assert_false(changed);
}

static void what_a_restore_goes_by_is_taken_out_too(void **state)
{
    (void)state;
    put("postgresql.auto.conf",
        "restore_command = 'x'\nwork_mem = '1MB'\nrecovery_end_command='y'\n"
        "Archive_Cleanup_Command = 'z'\nrecovery_target_time = 'then'\n");
    assert_int_equal(pg_files_clean_recovery(&files, &err), 0);
    assert_string_equal(get("postgresql.auto.conf"), "work_mem = '1MB'\n");
}

/* --- Signals --- */

static void b3_signals_come_and_go(void **state)
{
    (void)state;
    put("recovery.signal", "");
    assert_int_equal(pg_files_put_standby_signal(&files, &err), 0);
    assert_string_equal(get("standby.signal"), "");
    assert_string_equal(get("recovery.signal"), "(none)");
    assert_int_equal(pg_files_put_standby_signal(&files, &err), 0);
    assert_int_equal(pg_files_remove_signals(&files, &err), 0);
    assert_int_equal(pg_files_remove_signals(&files, &err), 0);
    assert_string_equal(get("standby.signal"), "(none)");
    assert_int_equal(scratch_count(&scratch), 0);
}

/* --- Copies for clones --- */

static void a_clone_finds_what_stood_elsewhere(void **state)
{
    (void)state;
    CLEANUP(mem_freep) char *etc = mem_strdup(scratch_path(&scratch, "etc"));
    assert_int_equal(mkdir(etc, 0700), 0);
    files.config_dir = etc;
    put("etc/postgresql.base.conf", "a.b = 'c'\n");
    put("etc/pg_hba.conf", "hba\n");
    assert_int_equal(pg_files_backup(&files, &changed, &err), 0);
    assert_true(changed);
    assert_int_equal(pg_files_backup(&files, &changed, &err), 0);
    assert_false(changed);
    assert_string_equal(get("pg_hba.conf.backup"), "hba\n");
    files.config_dir = NULL; /* the clone has only what is in the data directory */
    assert_int_equal(pg_files_restore(&files, &changed, &err), 0);
    assert_true(changed);
    assert_string_equal(get("postgresql.base.conf"), "a.b = 'c'\n");
    assert_string_equal(get("pg_hba.conf"), "hba\n");
    assert_string_equal(get("pg_ident.conf"), "");
    assert_int_equal(pg_files_restore(&files, &changed, &err), 0);
    assert_false(changed);
}

static void who_may_connect_is_not_guessed(void **state)
{
    (void)state;
    assert_int_equal(pg_files_restore(&files, &changed, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "pg_hba.conf"));
}

/* --- Passwords --- */

static void passwords_are_for_one_user_alone(void **state)
{
    (void)state;
    const struct pg_login a = {.username = "a:b", .password = "c\\d"};
    const struct pg_login none = {.username = "peer"};
    const struct pg_login bad = {.username = "x", .password = "y\nz"};
    const struct pg_login *const logins[] = {&a, &none, &bad};
    CLEANUP(buf_close) struct buf text = {0};
    struct stat st;
    pg_passfile_print(logins, 3, &text);
    assert_string_equal(buf_text(&text), "*:*:*:a\\:b:c\\\\d\n");
    const char *path = scratch_path(&scratch, "state/pgpass");
    assert_int_equal(pg_files_put_passfile(path, &text, &changed, &err), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(pg_files_put_passfile(path, &text, &changed, &err), 0);
    assert_true(changed); /* open to others is not as wanted */
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

/* --- libpq --- */

static void connection_strings(void **state)
{
    (void)state;
    const struct pg_login full = {.username = "repl icator",
                                  .password = "secret",
                                  .sslmode = "verify-full",
                                  .sslcrldir = "/crl",
                                  .sslnegotiation = "direct",
                                  .gssencmode = "disable"};
    const struct pg_login plain = {.username = "r'\\"};
    const struct {
        struct pg_conninfo conninfo;
        const char *text;
    } rows[] = {
        {{.major = 15,
          .host = "10.0.0.2",
          .port = 5432,
          .application_name = "pg1",
          .passfile = "/x/pgpass",
          .login = &full},
         "host=10.0.0.2 port=5432 user='repl icator' passfile=/x/pgpass application_name=pg1 "
         "sslmode=verify-full sslcrldir=/crl gssencmode=disable channel_binding=prefer"},
        {{.major = 13, .host = "a", .port = 1, .login = &full},
         "host=a port=1 user='repl icator' sslmode=verify-full gssencmode=disable "
         "channel_binding=prefer"},
        {{.major = 17,
          .host = "/run/postgresql",
          .database = "",
          .passfile = "/x/pgpass",
          .login = &plain},
         "host=/run/postgresql user='r\\'\\\\' dbname='' sslmode=prefer gssencmode=prefer "
         "channel_binding=prefer"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_close) struct buf text = {0};
        buf_str(&text, "#"); /* what is there already does not matter */
        pg_conninfo_print(&rows[i].conninfo, &text);
        assert_string_equal(buf_text(&text) + 1, rows[i].text);
        assert_null(strstr(buf_text(&text), "secret"));
    }
}

static void slots_are_named_as_patroni_names_them(void **state)
{
    (void)state;
    static const struct {
        const char *member;
        const char *slot;
    } rows[] = {
        {"pg1", "pg1"},
        {"PG-1.Example", "pg_1_example"},
        {"a b", "au0020b"},
        {"\xc3\xa4", "u00e4"},
        {"0123456789012345678901234567890123456789012345678901234567890123456789",
         "012345678901234567890123456789012345678901234567890123456789012"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char slot[PG_SLOT_SIZE];
        assert_string_equal(pg_slot_name(rows[i].member, slot), rows[i].slot);
    }
}

static void the_line_that_lets_somebody_in(void **state)
{
    (void)state;
    static const struct {
        const char *username;
        const char *address;
        bool ssl;
        const char *line;
    } rows[] = {
        {"replicator", "10.0.0.2", false, "host replication replicator 10.0.0.2/32 scram-sha-256"},
        {"a b", "fd00::2", true, "hostssl replication \"a b\" fd00::2/128 scram-sha-256"},
        {"r", "pg2.example.org", false, "host replication r pg2.example.org scram-sha-256"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_close) struct buf line = {0};
        pg_hba_line(rows[i].username, rows[i].address, rows[i].ssl, &line);
        assert_string_equal(buf_text(&line), rows[i].line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_users_own_is_kept_and_included, setup, teardown),
        cmocka_unit_test_setup_teardown(what_somebody_elses_was_is_given_back, setup, teardown),
        cmocka_unit_test_setup_teardown(so_is_the_users_own, setup, teardown),
        cmocka_unit_test_setup_teardown(a_crash_between_the_two_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clone_may_have_no_base, setup, teardown),
        cmocka_unit_test_setup_teardown(a_custom_file_takes_its_place, setup, teardown),
        cmocka_unit_test_setup_teardown(the_configuration_may_be_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_are_written_and_nothing_said_is_nothing_done, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(b2_what_is_ours_is_taken_out_of_auto_conf, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_restore_goes_by_is_taken_out_too, setup, teardown),
        cmocka_unit_test_setup_teardown(b3_signals_come_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clone_finds_what_stood_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(who_may_connect_is_not_guessed, setup, teardown),
        cmocka_unit_test_setup_teardown(passwords_are_for_one_user_alone, setup, teardown),
        cmocka_unit_test(connection_strings),
        cmocka_unit_test(slots_are_named_as_patroni_names_them),
        cmocka_unit_test(the_line_that_lets_somebody_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
