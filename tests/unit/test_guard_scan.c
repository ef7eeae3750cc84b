/* tests/unit/test_guard_scan.c - whose processes they are, in a /proc that is made up of files and
 * links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "supervisor/guard/scan.h"
#include "tests/lib/scratch.h"

struct place {
    struct scratch dir;
    struct scan_target target;
};

static void make_file(struct scratch *s, const char *name, const char *text)
{
    FILE *file = fopen(scratch_path(s, name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void make_link(struct scratch *s, const char *to, const char *name)
{
    char target[320];
    (void)snprintf(target, sizeof(target), "%s", scratch_path(s, to));
    assert_int_equal(symlink(to[0] == '/' ? to : target, scratch_path(s, name)), 0);
}

/* A process: NULL for a link that it has not. */
static void add(struct place *p, int pid, const char *stat, const char *cwd, const char *exe)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "proc/%d", pid);
    assert_int_equal(mkdir(scratch_path(&p->dir, name), 0700), 0);
    (void)snprintf(name, sizeof(name), "proc/%d/stat", pid);
    make_file(&p->dir, name, stat);
    if (cwd != NULL) {
        (void)snprintf(name, sizeof(name), "proc/%d/cwd", pid);
        make_link(&p->dir, cwd, name);
    }
    if (exe != NULL) {
        (void)snprintf(name, sizeof(name), "proc/%d/exe", pid);
        make_link(&p->dir, exe, name);
    }
}

static int set_up(void **state)
{
    static struct place place;
    place = (struct place){0};
    struct scratch *s = &place.dir;
    scratch_init(s);
    static const char *const folders[] = {"proc", "data", "old", "other", "bin", "bin/new"};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        MUST(mkdir(scratch_path(s, folders[i]), 0700) == 0);
    }
    make_file(s, "bin/server", "");
    make_file(s, "bin/psql", "");
    make_file(s, "bin/new/postgres", "");
    place.target.proc_fd = open(scratch_path(s, "proc"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct file_id id;
    MUST(file_id_of(AT_FDCWD, scratch_path(s, "old"), &id));
    file_id_note(place.target.data, &id);
    MUST(file_id_of(AT_FDCWD, scratch_path(s, "data"), &id));
    file_id_note(place.target.data, &id);
    MUST(file_id_of(AT_FDCWD, scratch_path(s, "bin/server"), &id));
    file_id_note(place.target.program, &id);
    make_file(s, "proc/uptime", "1 1");
    MUST(mkdir(scratch_path(s, "proc/self"), 0700) == 0);
    *state = &place;
    return 0;
}

static int take_down(void **state)
{
    struct place *p = (struct place *)*state;
    (void)close(p->target.proc_fd);
    scratch_close(&p->dir);
    return 0;
}

static struct scan_count count(const struct place *p)
{
    struct scan_count count;
    assert_int_equal(scan_all(&p->target, NULL, NULL, &count), 0);
    return count;
}

static void who_works_in_the_folder_with_the_program_belongs(void **state)
{
    struct place *p = (struct place *)*state;
    add(p, 100, "100 (postgres) S 1 100 100 0", "data", "bin/server");
    add(p, 101, "101 (postgres) R 100 101 101 0", "data", "bin/server");
    add(p, 102, "102 (postgres) S 100 102 102 0", "other", "bin/server"); /* another cluster's */
    add(p, 103, "103 (psql) S 1 103 103 0", "data", "bin/psql");          /* an operator's */
    add(p, 104, "104 (kworker) I 2 0 0 0", NULL, NULL);
    struct scan_count got = count(p);
    assert_int_equal(got.alive, 2);
    assert_int_equal(got.stuck, 0);
    assert_int_equal(got.root, 100);
}

static void the_folder_that_was_replaced_counts_too(void **state)
{
    struct place *p = (struct place *)*state;
    add(p, 100, "100 (postgres) S 1 100 100 0", "old", "bin/server");
    assert_int_equal(count(p).alive, 1);
}

static void a_program_that_was_replaced_is_known_by_its_name(void **state)
{
    struct place *p = (struct place *)*state;
    add(p, 100, "100 (postgres) S 1 100 100 0", "data", "bin/new/postgres");
    assert_int_equal(count(p).alive, 1);
}

static void the_dead_do_not_count_and_the_stuck_apart(void **state)
{
    struct place *p = (struct place *)*state;
    add(p, 100, "100 (postgres) Z 1 100 100 0", "data", "bin/server");
    add(p, 101, "101 (postgres) X 1 101 101 0", "data", "bin/server");
    add(p, 102, "102 (postgres) D 1 102 102 0", "data", "bin/server");
    add(p, 103, "103 (postgres) T 1 103 103 0", "data", "bin/server"); /* stopped, and can go on */
    struct scan_count got = count(p);
    assert_int_equal(got.alive, 1);
    assert_int_equal(got.stuck, 1);
    assert_int_equal(got.root, 0); /* two without a parent among them */
}

static void who_has_lost_its_program_but_not_its_folder_still_counts(void **state)
{
    struct place *p = (struct place *)*state;
    add(p, 100, "100 (postgres) R 1 100 100 0", "data", NULL);
    assert_int_equal(count(p).alive, 1);
}

static void a_name_may_hold_anything(void **state)
{
    struct place *p = (struct place *)*state;
    add(p, 100, "100 (a) Z 7 (b) S 1 100 100 0", "data", "bin/server");
    struct scan_process got;
    assert_true(scan_one(&p->target, 100, &got));
    assert_int_equal(got.parent, 1);
}

static void the_postmaster_counts_before_it_has_changed_its_folder(void **state)
{
    struct place *p = (struct place *)*state;
    add(p, 100, "100 (pgraft-guard) S 1 100 100 0", "other", "bin/psql");
    assert_int_equal(count(p).alive, 0);
    p->target.postmaster = 100;
    assert_int_equal(count(p).alive, 1);
}

static void a_target_that_is_not_known_matches_nobody(void **state)
{
    struct place *p = (struct place *)*state;
    struct scan_process got;
    struct scan_target nothing = {.proc_fd = p->target.proc_fd};
    add(p, 100, "100 (postgres) S 1 100 100 0", "data", "bin/server");
    assert_false(scan_one(&nothing, 100, &got));
    assert_false(scan_one(&p->target, 4711, &got));
}

static void many_are_all_found(void **state)
{
    struct place *p = (struct place *)*state;
    add(p, 1000, "1000 (postgres) S 1 1 1 0", "data", "bin/server");
    for (int pid = 1001; pid < 1600; pid++) {
        char stat[64];
        (void)snprintf(stat, sizeof(stat), "%d (postgres) S 1000 1 1 0", pid);
        add(p, pid, stat, "data", "bin/server");
    }
    struct scan_count got = count(p);
    assert_int_equal(got.alive, 600);
    assert_int_equal(got.root, 1000);
}

static void the_last_two_folders_are_remembered(void **state)
{
    (void)state;
    struct file_id ids[SCAN_IDS] = {0};
    const struct file_id a = {1, 10};
    const struct file_id b = {1, 11};
    const struct file_id none = {0};
    file_id_note(ids, &a);
    file_id_note(ids, &a);
    file_id_note(ids, &none);
    assert_true(file_id_same(&ids[0], &a));
    assert_int_equal(ids[1].inode, 0);
    file_id_note(ids, &b);
    assert_true(file_id_same(&ids[0], &b));
    assert_true(file_id_same(&ids[1], &a));
    assert_false(file_id_same(&none, &none));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, take_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(who_works_in_the_folder_with_the_program_belongs),
        CASE(the_folder_that_was_replaced_counts_too),
        CASE(a_program_that_was_replaced_is_known_by_its_name),
        CASE(the_dead_do_not_count_and_the_stuck_apart),
        CASE(who_has_lost_its_program_but_not_its_folder_still_counts),
        CASE(a_name_may_hold_anything),
        CASE(the_postmaster_counts_before_it_has_changed_its_folder),
        CASE(a_target_that_is_not_known_matches_nobody),
        CASE(many_are_all_found),
        cmocka_unit_test(the_last_two_folders_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
