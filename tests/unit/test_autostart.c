/* tests/unit/test_autostart.c - who else starts a PostgreSQL at boot: words of start.conf, of
 * postgresql.conf and of units, and a tree of them below a scratch directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "supervisor/autostart.h"
#include "supervisor/autostart_text.h"
#include "tests/lib/scratch.h"

/* ---- words ---- */

static void the_word_of_a_start_conf_is_its_first(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum start_word is;
    } rows[] = {
        {"auto", START_AUTO},
        {"# auto: start it\n#   manual: do not\n\nauto\n", START_AUTO},
        {" \t manual # not auto\n", START_MANUAL},
        {"\n\n#\ndisabled\nauto\n", START_DISABLED},
        {"", START_UNKNOWN},
        {"# auto\n", START_UNKNOWN},
        {"never\nauto\n", START_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(start_word_of(rows[i].text), rows[i].is);
    }
}

static void settings_are_read_as_postgresql_does(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *value; /* of the first setting; NULL: there is none */
    } rows[] = {
        {"data_directory = '/a/b'\t\t# use another\n", "data_directory", "/a/b"},
        {"  Data_Directory='/a/b'", "Data_Directory", "/a/b"},
        {"data_directory '/it''s/a\\'b'", "data_directory", "/it's/a'b"},
        {"port=5433#x", "port", "5433"},
        {"#data_directory = '/a'\n\n  # x\nport = 1\n", "port", "1"},
        {"data_directory = '/a\nport = 2", "port", "2"},
        {"data_directory =", "data_directory", ""},
        {"= 5\n'x' y\n", NULL, NULL},
        {"", NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct conf_setting s;
        const char *at = rows[i].text;
        bool found = conf_next(&at, &s);
        assert_int_equal(found, rows[i].name != NULL);
        if (found) {
            assert_string_equal(s.name, rows[i].name);
            assert_string_equal(s.value, rows[i].value);
        }
    }
}

static void what_is_too_long_is_passed_over(void **state)
{
    (void)state;
    struct conf_setting s;
    struct buf text = {0};
    buf_str(&text, "data_directory = '");
    for (size_t i = 0; i < sizeof(s.value); i++) {
        buf_char(&text, 'x');
    }
    buf_str(&text, "'\nport = 7\n");
    const char *at = buf_text(&text);
    assert_true(conf_next(&at, &s));
    assert_string_equal(s.name, "port");
    assert_false(conf_next(&at, &s));
    buf_close(&text);
}

static void the_environment_of_a_unit_is_read_as_systemd_does(void **state)
{
    (void)state;
    static const struct {
        const char *text, *value; /* "before" is what it was */
    } rows[] = {
        {"[Service]\nEnvironment=PGDATA=/var/lib/pgsql/15/data\n", "/var/lib/pgsql/15/data"},
        {"Environment=\"PGDATA=/a b\" PGPORT=1\n", "/a b"},
        {"Environment=PGPORT=1 'PGDATA=/a' X=2\n", "/a"},
        {"Environment=PGDATA=/a\nEnvironment=PGDATA=/b\n", "/b"},
        {"Environment = PGPORT=1 \\\n  PGDATA=/c", "/c"},
        {"Environment=PGDATA=/pg/%i/100%%\n", "/pg/main/100%"},
        {"Environment=\n", ""},
        {"#Environment=PGDATA=/a\n;Environment=PGDATA=/a\n", "before"},
        {"EnvironmentFile=PGDATA=/a\nEnvironment=OLD_PGDATA=/a PGDATA_OLD=/b\n", "before"},
        {"", "before"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf value = {0};
        buf_str(&value, "before");
        unit_environment(rows[i].text, "PGDATA", "main", &value);
        assert_string_equal(buf_text(&value), rows[i].value);
        buf_close(&value);
    }
}

/* ---- a tree ---- */

static struct scratch scratch;
static struct buf said;

static int setup(void **state)
{
    (void)state;
    scratch_init(&scratch);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_close(&said);
    scratch_close(&scratch);
    return 0;
}

/* The folders above @name, and a file there. @text may have one %s, for the scratch directory. */
static void put(const char *name, const char *text)
{
    scratch_folders(&scratch, name);
    FILE *file = fopen(scratch_path(&scratch, name), "w");
    assert_non_null(file);
    const char *mark = strstr(text, "%s");
    int head = mark != NULL ? (int)(mark - text) : (int)strlen(text);
    assert_true(fprintf(file, "%.*s%s%s", head, text, mark != NULL ? scratch.dir : "",
                        mark != NULL ? mark + 2 : "") >= 0);
    assert_int_equal(fclose(file), 0);
}

static void put_link(const char *name, const char *to)
{
    put(name, "");
    assert_int_equal(unlink(scratch_path(&scratch, name)), 0);
    assert_int_equal(symlink(to, scratch_path(&scratch, name)), 0);
}

/* What is said of the directory "data" of the scratch directory; "": nobody starts it. */
static const char *find(void)
{
    CLEANUP(mem_freep) char *data_dir = mem_strdup(scratch_path(&scratch, "data"));
    buf_clear(&said);
    bool found = autostart_find(scratch.dir, data_dir, &said);
    assert_int_equal(found, said.size > 0);
    return buf_text(&said);
}

static void says(const char *part)
{
    const char *text = find();
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    }
}

#define DEBIAN "etc/postgresql/15/main/"
#define WANTS "etc/systemd/system/multi-user.target.wants/"

static void where_there_is_nothing_nothing_is_said(void **state)
{
    (void)state;
    assert_string_equal(find(), "");
    put("etc/postgresql/README", "");
    put("etc/systemd/system/multi-user.target.wants/cron.service", "");
    assert_string_equal(find(), "");
}

static void debian_says_it_in_start_conf(void **state)
{
    (void)state;
    put(DEBIAN "postgresql.conf", "data_directory = '%s/data'\n");
    put(DEBIAN "start.conf", "# Automatic startup\nauto\n");
    says("/etc/postgresql/15/main/start.conf says auto; write manual or disabled instead");
    put(DEBIAN "start.conf", "manual\n");
    assert_string_equal(find(), "");
    put(DEBIAN "start.conf", "disabled\n");
    assert_string_equal(find(), "");
    assert_int_equal(unlink(scratch_path(&scratch, DEBIAN "start.conf")), 0);
    says("/etc/postgresql/15/main/start.conf is not there, which means auto");
}

static void a_manual_one_is_started_by_a_unit_of_its_own(void **state)
{
    (void)state;
    put(DEBIAN "postgresql.conf", "data_directory = '%s/data/'\n");
    put(DEBIAN "start.conf", "manual\n");
    put_link(WANTS "postgresql@15-main.service", "/lib/systemd/system/postgresql@.service");
    says("systemctl disable postgresql@15-main.service");
    put(DEBIAN "start.conf", "disabled\n"); /* then that unit fails */
    assert_string_equal(find(), "");
}

static void another_cluster_s_start_does_not_count(void **state)
{
    (void)state;
    put(DEBIAN "postgresql.conf", "data_directory = '%s/other'\n");
    put(DEBIAN "start.conf", "auto\n");
    put("etc/postgresql/15/none/start.conf", "auto\n");
    assert_string_equal(find(), "");
    put("etc/postgresql/16/second/postgresql.conf", "data_directory = '%s/data'\n");
    put("etc/postgresql/16/second/start.conf", "auto\n");
    says("/16/second/start.conf");
}

/* pgraft's own postgresql.conf in that folder includes the one that was there. */
static void the_directory_may_stand_in_an_included_file(void **state)
{
    (void)state;
    put(DEBIAN "start.conf", "auto\n");
    put(DEBIAN "postgresql.conf", "include 'postgresql.base.conf'\nport = 1\n");
    put(DEBIAN "postgresql.base.conf", "data_directory = '%s/other'\ninclude_dir = 'conf.d'\n");
    assert_string_equal(find(), "");
    put(DEBIAN "conf.d/a.conf", "data_directory = '%s/data'\n");
    put(DEBIAN "conf.d/b.txt", "data_directory = '/elsewhere'\n");
    says("start.conf says auto");
    put(DEBIAN "conf.d/a.conf", "include_if_exists = '../postgresql.conf'\n"); /* a circle */
    assert_string_equal(find(), "");
}

static void another_name_for_the_directory_is_seen_through(void **state)
{
    (void)state;
    put("data/PG_VERSION", "15\n");
    put_link("link", "data");
    put(DEBIAN "postgresql.conf", "data_directory = '%s/link'\n");
    put(DEBIAN "start.conf", "auto\n");
    says("start.conf says auto");
}

static void red_hat_has_units_with_pgdata(void **state)
{
    (void)state;
    put("usr/lib/systemd/system/postgresql-15.service", "Environment=PGDATA=%s/data/\n");
    assert_string_equal(find(), ""); /* it is there, and is not enabled */
    put_link(WANTS "postgresql-15.service", "/usr/lib/systemd/system/postgresql-15.service");
    says("multi-user.target.wants/postgresql-15.service: systemctl disable postgresql-15.service");
    put("etc/systemd/system/postgresql-15.service.d/place.conf", "Environment=PGDATA=/elsewhere\n");
    assert_string_equal(find(), "");
}

static void what_etc_says_of_a_unit_wins(void **state)
{
    (void)state;
    put("lib/systemd/system/postgresql.service", "Environment=PGDATA=%s/data\n");
    put_link(WANTS "postgresql.service", "/lib/systemd/system/postgresql.service");
    says("systemctl disable postgresql.service");
    put("etc/systemd/system/postgresql.service", "Environment=PGDATA=/elsewhere\n");
    assert_string_equal(find(), "");
    put_link("etc/systemd/system/postgresql.service", "/dev/null"); /* masked */
    assert_string_equal(find(), "");
}

static void a_template_stands_for_its_instances(void **state)
{
    (void)state;
    CLEANUP(mem_freep) char *unit = mem_printf("Environment=PGDATA=%s/%%i\n", scratch.dir);
    put("usr/lib/systemd/system/postgresql@.service", unit);
    put_link("etc/systemd/system/other.target.requires/postgresql@data.service", "x");
    says("other.target.requires/postgresql@data.service");
    put("etc/systemd/system/postgresql@data.service.d/x.conf", "[Service]\nEnvironment=\n");
    assert_string_equal(find(), "");
}

#define IN_A_TREE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_word_of_a_start_conf_is_its_first),
        cmocka_unit_test(settings_are_read_as_postgresql_does),
        cmocka_unit_test(what_is_too_long_is_passed_over),
        cmocka_unit_test(the_environment_of_a_unit_is_read_as_systemd_does),
        IN_A_TREE(where_there_is_nothing_nothing_is_said),
        IN_A_TREE(debian_says_it_in_start_conf),
        IN_A_TREE(a_manual_one_is_started_by_a_unit_of_its_own),
        IN_A_TREE(another_cluster_s_start_does_not_count),
        IN_A_TREE(the_directory_may_stand_in_an_included_file),
        IN_A_TREE(another_name_for_the_directory_is_seen_through),
        IN_A_TREE(red_hat_has_units_with_pgdata),
        IN_A_TREE(what_etc_says_of_a_unit_wins),
        IN_A_TREE(a_template_stands_for_its_instances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
