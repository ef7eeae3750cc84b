/* tests/unit/test_pg_find.c - programs of PostgreSQL in all the places where distributions put
 * them, data directories and who owns them. The programs are shell scripts that say a version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/pg_ask.h"
#include "supervisor/pg_find.h"
#include "tests/lib/scratch_kit.h"

/* --- Kit --- */

/* Makes all of DIR/@name. */
static void make_dir(const char *name)
{
    scratch_folders(&scratch, name);
    assert_true(mkdir(scratch_path(&scratch, name), 0700) == 0 || errno == EEXIST);
}

static void put(const char *dir, const char *name, const char *text, unsigned mode)
{
    make_dir(dir);
    CLEANUP(mem_freep) char *place = mem_printf("%s/%s", dir, name);
    scratch_put(&scratch, place, text);
    assert_int_equal(chmod(scratch_path(&scratch, place), mode), 0);
}

/* A program that says "postgres (PostgreSQL) @version". */
static void put_postgres(const char *dir, const char *version)
{
    CLEANUP(mem_freep)
    char *text = mem_printf("#!/bin/sh\necho 'postgres (PostgreSQL) %s'\n", version);
    put(dir, "postgres", text, 0755);
}

/* What is found below the scratch directory; "" and the error in `err`. */
static struct buf found;
static struct pg_version version;

static const char *find(unsigned major, const char *given, const char *path)
{
    const struct pg_find wanted = {
        .given = given, .path = path, .root = scratch.dir, .major = major};
    buf_close(&found);
    version = (struct pg_version){0};
    int rc = pg_find_bin_dir(&wanted, &found, &version, &err);
    if (rc != 0) {
        assert_int_equal(rc, err.code);
        assert_int_equal(found.size, 0);
        return "";
    }
    const char *text = buf_text(&found);
    return strncmp(text, scratch.dir, strlen(scratch.dir)) == 0 ? text + strlen(scratch.dir) : text;
}

/* --- Complaints --- */

static void the_first_complaint_of_a_server_is_told(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"2026-01-02 03:04:05.678 UTC [9] LOG:  syntax error in file \"a.conf\" line 7, near "
         "token \"is\"\n2026-01-02 03:04:05.678 UTC [9] FATAL:  configuration file \"a.conf\" "
         "contains errors\n",
         "syntax error in file \"a.conf\" line 7, near token \"is\""},
        {"postgres: could not access the server configuration file \"a.conf\": No such file\n",
         "postgres: could not access the server configuration file \"a.conf\": No such file"},
        {"FATAL:  none\nDETAIL:  more\n", "none"},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(mem_freep) char *said = mem_strdup(rows[i][0]);
        assert_string_equal(pg_ask_complaint(said), rows[i][1]);
    }
}

static void a_server_says_what_is_amiss_with_its_configuration(void **state)
{
    (void)state;
    CLEANUP(mem_freep) char *bin_dir = mem_printf("%s/bin", scratch.dir);
    const struct pg_ask_place place = {.bin_dir = bin_dir, .data_dir = "/none"};
    put("bin", "postgres", "#!/bin/sh\necho 'LOG:  a bad line' >&2\nexit 1\n", 0755);
    assert_int_equal(pg_ask_config(&place, &err), ERR_REFUSED);
    assert_string_equal(err.msg, "its configuration can not be read: a bad line");
    put("bin", "postgres", "#!/bin/sh\necho /none; echo 'LOG:  as an aside' >&2\n", 0755);
    assert_int_equal(pg_ask_config(&place, &err), 0);
    put("bin", "postgres", "#!/bin/sh\nexit 1\n", 0755); /* a program that is no server */
    assert_int_equal(pg_ask_config(&place, &err), ERR_SYSTEM);
}

/* --- Versions --- */

static void versions_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        unsigned major, minor, number;
    } rows[] = {
        {"postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n", true, 15, 20, 150020},
        {"postgres (PostgreSQL) 18beta1\n", true, 18, 0, 180000},
        {"pg_basebackup (PostgreSQL) 13.4\n", true, 13, 4, 130004},
        {"16\n", true, 16, 0, 160000},
        {"9.6\n", true, 9, 6, 90006},
        {"", false, 0, 0, 0},
        {"psql 15", false, 0, 0, 0},
        {"1000.1", false, 0, 0, 0},
        {"-15", false, 0, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pg_version is = {0};
        assert_int_equal(pg_version_parse(rows[i].text, &is), rows[i].good);
        assert_int_equal(is.major, rows[i].major);
        assert_int_equal(is.minor, rows[i].minor);
        assert_int_equal(pg_version_number(is), rows[i].number);
    }
}

/* --- Programs --- */

static void the_newest_is_found_by_itself(void **state)
{
    (void)state;
    put_postgres("usr/lib/postgresql/9.6/bin", "9.6.24");
    put_postgres("usr/lib/postgresql/13/bin", "13.4");
    put_postgres("usr/lib/postgresql/15/bin", "15.20 (Debian)");
    make_dir("usr/lib/postgresql/17/bin"); /* nothing in it */
    assert_string_equal(find(0, NULL, NULL), "/usr/lib/postgresql/15/bin");
    assert_int_equal(version.major, 15);
    assert_int_equal(version.minor, 20);
    put_postgres("usr/pgsql-16/bin", "16.1"); /* Red Hat's layout */
    assert_string_equal(find(0, NULL, NULL), "/usr/pgsql-16/bin");
    put_postgres("usr/lib/postgresql/99/bin", "99.0"); /* nobody knows it */
    assert_string_equal(find(0, NULL, NULL), "/usr/pgsql-16/bin");
    put_postgres("opt/bin", "18.0");
    CLEANUP(mem_freep)
    char *path = mem_printf("relative:%s/none:%s/opt/bin:", scratch.dir, scratch.dir);
    assert_string_equal(find(0, NULL, path), "/opt/bin");
    buf_close(&found);
}

static void the_data_directory_decides(void **state)
{
    (void)state;
    put_postgres("usr/lib/postgresql/13/bin", "13.4");
    put_postgres("usr/lib/postgresql/15/bin", "15.20");
    assert_string_equal(find(13, NULL, NULL), "/usr/lib/postgresql/13/bin");
    assert_string_equal(find(16, NULL, NULL), "");
    assert_int_equal(err.code, ERR_VERSION);
    assert_non_null(strstr(err.msg,
                           "is of PostgreSQL 16; install postgresql-16 or set "
                           "postgresql.bin_dir: only 15 is in "));
    buf_close(&found);
}

static void a_given_place_is_the_only_one(void **state)
{
    (void)state;
    put_postgres("usr/lib/postgresql/15/bin", "15.20");
    put_postgres("mine", "14.1");
    CLEANUP(mem_freep) char *mine = mem_printf("%s/mine", scratch.dir);
    CLEANUP(mem_freep) char *none = mem_printf("%s/none", scratch.dir);
    assert_string_equal(find(0, mine, NULL), "/mine");
    assert_string_equal(find(15, mine, NULL), "");
    assert_int_equal(err.code, ERR_VERSION);
    assert_string_equal(find(0, none, NULL), "");
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_non_null(
        strstr(err.msg, "install PostgreSQL or set postgresql.bin_dir; looked in /tmp/"));
}

static void where_was_looked_is_said(void **state)
{
    (void)state;
    assert_string_equal(find(0, NULL, "/nowhere"), "");
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "/usr/lib/postgresql/N/bin"));
    put_postgres("usr/lib/postgresql/99/bin", "99.0");
    assert_string_equal(find(0, NULL, NULL), "");
    assert_int_equal(err.code, ERR_VERSION);
    assert_non_null(strstr(err.msg, "PostgreSQL 99 is not known to this program, 13 to 18 are"));
}

static void programs_that_say_nothing_are_not_waited_for(void **state)
{
    (void)state;
    put("bin", "mute", "#!/bin/sh\nexec sleep 60\n", 0755);
    put("bin", "other", "#!/bin/sh\necho something else\n", 0755);
    put("bin", "fails", "#!/bin/sh\necho 'postgres (PostgreSQL) 15.1'\nexit 1\n", 0755);
    put("bin", "talks", "#!/bin/sh\necho 15.2\nhead -c 100000 /dev/zero\n", 0755);
    struct pg_version is = {0};
    int rc = pg_find_program_version(scratch_path(&scratch, "bin/mute"), 50, &is, &err);
    assert_int_equal(rc, ERR_TIMEOUT);
    rc = pg_find_program_version(scratch_path(&scratch, "bin/other"), 0, &is, &err);
    assert_int_equal(rc, ERR_VERSION);
    rc = pg_find_program_version(scratch_path(&scratch, "bin/fails"), 0, &is, &err);
    assert_int_equal(rc, ERR_VERSION);
    rc = pg_find_program_version(scratch_path(&scratch, "bin/none"), 0, &is, &err);
    assert_int_equal(rc, ERR_NOT_FOUND);
    rc = pg_find_program_version(scratch_path(&scratch, "bin/talks"), 0, &is, &err);
    assert_int_equal(rc, 0);
    assert_int_equal(is.minor, 2);
}

/* --- Data directories --- */

static enum pg_dir kind_of(const char *name, struct pg_dir_found *is)
{
    assert_int_equal(pg_find_dir(scratch_path(&scratch, name), is, &err), 0);
    return is->kind;
}

static void data_directories_are_told_apart(void **state)
{
    (void)state;
    struct pg_dir_found is;
    assert_int_equal(kind_of("none/none", &is), PG_DIR_MISSING);
    make_dir("empty/lost+found");
    assert_int_equal(kind_of("empty", &is), PG_DIR_EMPTY);
    put("half", "PG_VERSION", "15\n", 0600);
    assert_int_equal(kind_of("half", &is), PG_DIR_OTHER);
    put("half/global", "pg_control", "", 0600);
    assert_int_equal(kind_of("half", &is), PG_DIR_DATA);
    assert_int_equal(is.major, 15);
    assert_false(is.is_open);
    assert_int_equal(is.owner, geteuid());
    assert_int_equal(chmod(scratch_path(&scratch, "half"), 0750), 0);
    assert_int_equal(kind_of("half", &is), PG_DIR_DATA);
    assert_false(is.is_open); /* PostgreSQL allows its group to read */
    assert_int_equal(chmod(scratch_path(&scratch, "half"), 0755), 0);
    assert_int_equal(kind_of("half", &is), PG_DIR_DATA);
    assert_true(is.is_open);
    assert_int_equal(kind_of("half/PG_VERSION", &is), PG_DIR_OTHER);
}

static void the_owner_runs_it(void **state)
{
    (void)state;
    struct pg_owner owner = {0};
    put("pg", "PG_VERSION", "15\n", 0600);
    if (geteuid() != 0) {
        assert_int_equal(pg_find_owner(scratch_path(&scratch, "pg"), &owner, &err), 0);
        assert_int_equal(owner.uid, geteuid());
        assert_int_equal(pg_find_owner(scratch_path(&scratch, "pg/none/data"), &owner, &err), 0);
        assert_int_equal(owner.uid, geteuid());
        return;
    }
    assert_int_equal(pg_find_owner(scratch_path(&scratch, "pg"), &owner, &err), ERR_REFUSED);
    assert_non_null(strstr(err.msg, "belongs to root, as whom PostgreSQL does not run; chown"));
    assert_int_equal(chown(scratch_path(&scratch, "pg"), 12345, 12346), 0);
    assert_int_equal(pg_find_owner(scratch_path(&scratch, "pg"), &owner, &err), 0);
    assert_int_equal(owner.uid, 12345);
    assert_int_equal(owner.gid, 12346);
    assert_string_equal(owner.name, "12345");
    assert_string_equal(owner.home, "/"); /* of whom nobody knows; not root's */
    assert_int_equal(pg_find_owner(scratch_path(&scratch, "pg/none/data"), &owner, &err), 0);
    assert_int_equal(owner.uid, 12345);
}

/* --- Sockets --- */

static void a_socket_of_another_is_named(void **state)
{
    (void)state;
    CLEANUP(mem_freep)
    char *ours = mem_printf("%ld\n%s/a\n1700000000\n5432\n", (long)getpid(), scratch.dir);
    make_dir("a");
    make_dir("b");
    put("run", ".s.PGSQL.5432.lock", ours, 0600);
    CLEANUP(mem_freep) char *a = mem_printf("%s/a", scratch.dir);
    CLEANUP(mem_freep) char *b = mem_printf("%s/b", scratch.dir);
    const char *run = scratch_path(&scratch, "run");
    assert_int_equal(pg_find_socket_clash(run, 5432, a, &err), 0);
    assert_int_equal(pg_find_socket_clash(run, 5433, b, &err), 0);
    assert_int_equal(pg_find_socket_clash(run, 5432, b, &err), ERR_LOCKED);
    assert_non_null(strstr(err.msg, "/a (process "));
    put("run", ".s.PGSQL.5432.lock", "4194305\n/gone\n", 0600); /* above every pid */
    assert_int_equal(pg_find_socket_clash(scratch_path(&scratch, "run"), 5432, b, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_complaint_of_a_server_is_told),
        cmocka_unit_test_setup_teardown(a_server_says_what_is_amiss_with_its_configuration,
                                        scratch_setup, scratch_teardown),
        cmocka_unit_test(versions_are_read),
        cmocka_unit_test_setup_teardown(the_newest_is_found_by_itself, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(the_data_directory_decides, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(a_given_place_is_the_only_one, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(where_was_looked_is_said, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(programs_that_say_nothing_are_not_waited_for, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(data_directories_are_told_apart, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(the_owner_runs_it, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_socket_of_another_is_named, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
