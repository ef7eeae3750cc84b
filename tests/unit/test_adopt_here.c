/* tests/unit/test_adopt_here.c - what of a host is in the way of a take-over, in a tree of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "ctl/adopt_here.h"
#include "tests/lib/scratch.h"

static struct scratch scratch;
static const char *root;

static void put(const char *path, const char *text)
{
    CLEANUP(mem_freep) char *whole = mem_printf("%s/%s", root, path);
    for (char *at = strchr(whole + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        (void)mkdir(whole, 0700);
        *at = '/';
    }
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void look(struct adopt_here *out)
{
    CLEANUP(mem_freep) char *data = mem_printf("%s/data", root);
    CLEANUP(mem_freep) char *secret = mem_printf("%s/secret", root);
    CLEANUP(mem_freep) char *output = mem_printf("%s/pgraft.yml", root);
    const struct adopt_places places = {.root = root,
                                        .data_dir = data,
                                        .secret_file = secret,
                                        .output = output,
                                        .file = "/etc/patroni/15-main.yml"};
    adopt_look(&places, out);
}

static int make_root(void **state)
{
    (void)state;
    scratch_init(&scratch);
    root = scratch.dir;
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    scratch_close(&scratch);
    return 0;
}

static void a_host_without_anything(void **state)
{
    (void)state;
    CLEANUP(adopt_here_close) struct adopt_here here = {.is_data = true};
    look(&here);
    assert_false(here.is_data || here.is_noted || here.runs || here.has_secret || here.has_output);
    assert_non_null(strstr(buf_text(&here.why), "no PostgreSQL is in it"));
    assert_int_equal(here.starter.size, 0);
}

static void a_postgresql_that_runs(void **state)
{
    (void)state;
    CLEANUP(adopt_here_close) struct adopt_here here = {.is_data = false};
    char pid[32];
    (void)snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
    put("data/PG_VERSION", "15\n");
    put("data/global/pg_control", "");
    put("data/postmaster.pid", pid);
    put("secret", "x");
    look(&here);
    assert_true(here.is_data && here.runs && here.has_secret);
    assert_false(here.is_noted || here.has_output);
    adopt_here_close(&here);
    put("data/postmaster.pid", "0\n");
    put("data/pgraft.note", "");
    put("pgraft.yml", "");
    look(&here);
    assert_true(here.is_data && here.is_noted && here.has_output);
    assert_false(here.runs);
}

/* Of another file's Patroni nothing is said: it looks after another cluster. */
static void a_unit_that_starts_patroni(void **state)
{
    (void)state;
    static const struct {
        const char *unit;
        const char *told;
    } rows[] = {
        {"patroni@16-main.service", NULL},
        {"patroni@15-main.service", "systemctl disable patroni@15-main.service"},
        {"patroni.service", "systemctl disable patroni.service"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(adopt_here_close) struct adopt_here here = {.is_data = false};
        CLEANUP(mem_freep)
        char *path = mem_printf("etc/systemd/system/multi-user.target.wants/%s", rows[i].unit);
        put(path, "");
        look(&here);
        const char *said = buf_text(&here.starter);
        if (rows[i].told == NULL ? said[0] != '\0' : strstr(said, rows[i].told) == NULL) {
            fail_msg("%s: \"%s\"", rows[i].unit, said);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_host_without_anything, make_root, remove_root),
        cmocka_unit_test_setup_teardown(a_postgresql_that_runs, make_root, remove_root),
        cmocka_unit_test_setup_teardown(a_unit_that_starts_patroni, make_root, remove_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
