/* tests/unit/test_task.c - an operator's restart and new copy: what they are refused for, what is
 * wished meanwhile, and how they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/task.h"
#include "tests/lib/facts_kit.h"
#include "tests/lib/standby_kit.h"

#define IN_USE "synchronous commits may count on this copy"

static void nothing(struct facts *f)
{
    (void)f;
}
static void stops(struct facts *f)
{
    f->wish.stop = true;
}
static void half(struct facts *f)
{
    f->pg.data = DATA_BROKEN;
}
static void foreign(struct facts *f)
{
    f->pg.data = DATA_FOREIGN;
}
static void without_a_note(struct facts *f)
{
    f->pg.is_noted = FACT_NO;
}
static void starts(struct facts *f)
{
    f->pg.process = PG_STARTING;
}
static void ends(struct facts *f)
{
    f->pg.process = PG_STOPPING;
}
static void down(struct facts *f)
{
    f->pg.process = PG_ABSENT;
}
static void wrong(struct facts *f)
{
    (void)snprintf(f->pg.config_wrong, sizeof(f->pg.config_wrong), "/d/a.conf:7: syntax error");
}
static void no_primary(struct facts *f)
{
    f->store.lease_stands = false;
}
static void not_counted_on(struct facts *f)
{
    f->store.sync.sets[0] = (struct sync_set){.needed = 1, .count = 1};
    f->store.sync.sets[0].at[0] = kit_copy(3);
}
static void counted_on_and_half(struct facts *f)
{
    half(f);
    f->pg.copy = 0;
}
static void unseen(struct facts *f)
{
    f->pg.process = PG_UNKNOWN;
}

// clang-format off
static const struct {
    void (*node)(struct facts *f);
    void (*change)(struct facts *f);
    const char *restart; /* NULL: it may begin; else how the reason begins */
    const char *clone;
    const char *forced;
} rows[] = {
    {kit_primary, nothing, NULL, "I am the leader, can not reinitialize", "I am the leader"},
    {kit_primary, down, NULL, "I am the leader", "I am the leader"},
    {kit_standby, nothing, NULL, IN_USE, IN_USE},
    {kit_standby, not_counted_on, NULL, NULL, NULL},
    {kit_standby, down, NULL, IN_USE, IN_USE},
    {kit_standby, stops, "this node is stopping", "this node is stopping", "this node is stopping"},
    {kit_standby, half, "there is no PostgreSQL to restart: its data", "reinitialize already in progress", NULL},
    {kit_standby, counted_on_and_half, "there is no PostgreSQL to restart: its data", "reinitialize already in progress", NULL},
    {kit_standby, foreign, "there is no PostgreSQL of this cluster", "the data directory is not", "the data directory is not"},
    {kit_standby, without_a_note, "there is no PostgreSQL of this cluster", "the data directory is not", "the data directory is not"},
    {kit_standby, starts, "postgres is still starting", IN_USE, IN_USE},
    {kit_standby, ends, "postgres is stopping", IN_USE, IN_USE},
    {kit_standby, unseen, "postgres is stopping", "what there is of PostgreSQL is not known", "what there is"},
    {kit_standby, wrong, "PostgreSQL would refuse its configuration: /d/a.conf:7: syntax error", IN_USE, IN_USE},
    {kit_standby, no_primary, NULL, "Cluster has no leader, can not reinitialize", "Cluster has no leader"},
    {kit_leader, nothing, NULL, "I am the leader", "I am the leader"},
    {kit_leader, down, NULL, "I am the leader", "I am the leader"},
    {kit_follower, nothing, NULL, NULL, NULL},
    {kit_chosen, nothing, "this node is just becoming the primary", "I am the leader", "I am the leader"},
};
// clang-format on

static void look(bool may, const char *why, const char *expected, size_t row, const char *what)
{
    if (may != (expected == NULL) ||
        (expected != NULL && strncmp(why, expected, strlen(expected)) != 0)) {
        fail_msg("row %zu, %s: %s", row, what, may ? "may" : why);
    }
}

static void what_may_not_be_done_is_refused_with_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct task_book book = {.id = 0};
        char why[TASK_TEXT_SIZE] = "";
        struct facts f;
        rows[i].node(&f);
        rows[i].change(&f);
        look(task_may_restart(&book, &f, why), why, rows[i].restart, i, "restart");
        look(task_may_clone(&book, &f, false, why), why, rows[i].clone, i, "clone");
        look(task_may_clone(&book, &f, true, why), why, rows[i].forced, i, "forced clone");
    }
}

static void one_at_a_time(void **state)
{
    (void)state;
    struct task_book book = {.id = 0};
    char why[TASK_TEXT_SIZE] = "";
    struct facts f;
    kit_standby(&f);
    not_counted_on(&f);
    task_restart(&book, 1000, 0, &f);
    assert_false(task_may_restart(&book, &f, why));
    assert_string_equal(why, "restart already in progress");
    assert_false(task_may_clone(&book, &f, true, why));
    assert_string_equal(why, "restart already in progress");
    uint64_t first = book.id;
    task_clone(&book, 1000, true);
    assert_int_equal(book.id, first + 1);
    assert_false(task_may_restart(&book, &f, why));
    assert_string_equal(why, "reinitialize already in progress");
    assert_false(task_may_clone(&book, &f, false, why));
    assert_true(task_may_clone(&book, &f, true, why));
}

/* Whether a restart is wished with this look. */
static bool restarts(struct task_book *book, struct facts *f, enum pg_process process,
                     uint64_t now_ms)
{
    f->pg.process = process;
    f->wish.restart = false;
    task_step(book, now_ms, f);
    return f->wish.restart;
}

static void a_restart_is_done_when_it_was_down_and_runs(void **state)
{
    (void)state;
    struct task_book book = {.id = 0};
    struct facts f;
    kit_primary(&f);
    f.settings.restart_max_ms = 300000;
    task_restart(&book, 1000, 7000, &f);
    assert_true(restarts(&book, &f, PG_RUNNING, 1000));
    assert_int_equal(f.settings.restart_max_ms, 7000); /* its own, not the configuration's */
    assert_true(restarts(&book, &f, PG_STOPPING, 1100));
    assert_true(restarts(&book, &f, PG_ABSENT, 1200));
    assert_true(restarts(&book, &f, PG_STARTING, 1300));
    assert_false(restarts(&book, &f, PG_RUNNING, 1400));
    assert_int_equal(book.end, TASK_DONE);
    assert_false(restarts(&book, &f, PG_ABSENT, 1500)); /* once */
}

static void a_restart_is_given_up(void **state)
{
    (void)state;
    struct task_book book = {.id = 0};
    struct facts f;
    kit_primary(&f);
    f.settings.restart_max_ms = 0;
    f.settings.times.start_max_ms = 30000;
    task_restart(&book, 1000, 0, &f);
    assert_true(restarts(&book, &f, PG_RUNNING, 181000)); /* a minute more for its checkpoint */
    assert_false(restarts(&book, &f, PG_RUNNING, 181001));
    assert_string_equal(book.why, "restart failed: it could not be begun in time");
    struct facts standby;
    kit_standby(&standby);
    task_restart(&book, 1000, 0, &standby);
    assert_true(restarts(&book, &standby, PG_RUNNING, 121000));
    assert_false(restarts(&book, &standby, PG_RUNNING, 121001));
    task_restart(&book, 1000, 0, &f);
    assert_true(restarts(&book, &f, PG_ABSENT, 2000));
    assert_true(restarts(&book, &f, PG_STARTING, 37000));
    assert_false(restarts(&book, &f, PG_STARTING, 37001));
    assert_string_equal(book.why, "restart failed: PostgreSQL has not come up in time");
    task_restart(&book, 1000, 0, &f);
    task_died(&book, "PostgreSQL ended while it started"); /* that was not its own start */
    assert_true(restarts(&book, &f, PG_ABSENT, 2000));
    task_died(&book, "PostgreSQL ended while it started");
    assert_false(restarts(&book, &f, PG_ABSENT, 2001));
    assert_string_equal(book.why, "restart failed: PostgreSQL ended while it started");
    task_restart(&book, 1000, 0, &f);
    stops(&f);
    assert_false(restarts(&book, &f, PG_RUNNING, 1001));
    assert_int_equal(book.end, TASK_FAILED);
}

/* What was asked of a standby is not done to the primary that it has become. */
static void a_restart_is_of_the_role_that_it_was_asked_of(void **state)
{
    (void)state;
    struct task_book book = {.id = 0};
    struct facts f;
    kit_standby(&f);
    f.settings.restart_max_ms = 300000;
    task_restart(&book, 1000, 0, &f);
    assert_true(restarts(&book, &f, PG_RUNNING, 1001));
    f.lease.epoch = KIT_EPOCH + 1;
    assert_false(restarts(&book, &f, PG_RUNNING, 1002));
    assert_string_equal(book.why, "restart failed: the node's role has changed meanwhile");
    task_restart(&book, 1000, 0, &f);
    assert_true(restarts(&book, &f, PG_ABSENT, 1001)); /* it was stopped for that */
    f.lease.epoch = 0;
    assert_true(restarts(&book, &f, PG_STARTING, 1002));
    assert_false(restarts(&book, &f, PG_RUNNING, 1003));
    assert_int_equal(book.end, TASK_DONE);
}

static bool clones(struct task_book *book, struct facts *f, uint64_t now_ms)
{
    f->wish.clone = false;
    task_step(book, now_ms, f);
    return f->wish.clone;
}

static void a_clone_begins_soon_or_never_and_ends_with_a_start(void **state)
{
    (void)state;
    struct task_book book = {.id = 0};
    char why[TASK_TEXT_SIZE] = "";
    struct facts f;
    kit_standby(&f);
    task_clone(&book, 1000, false);
    assert_true(clones(&book, &f, 301000));
    assert_false(clones(&book, &f, 301001));
    task_clone(&book, 1000, false);
    half(&f);
    assert_true(clones(&book, &f, 2000));
    assert_true(clones(&book, &f, 100000000)); /* it takes what it takes */
    assert_false(task_cancel_clone(&book, 1000, &f, false, why));
    assert_string_equal(why, "the old copy is discarded already: it has to be cloned");
    f.pg.data = DATA_USABLE;
    task_cloned(&book, 100000001);
    f.wish.clone = false;
    assert_true(restarts(&book, &f, PG_ABSENT, 100000002));
    assert_false(f.wish.clone);
    assert_int_equal(task_outcome(&book), TASK_RUNS);
    assert_false(restarts(&book, &f, PG_RUNNING, 100000003));
    assert_int_equal(book.end, TASK_DONE);
    assert_int_equal(task_outcome(&book), TASK_DONE);
}

/* A7: what was stopped for it would stay down in a pause. */
static void what_was_stopped_for_a_clone_that_is_given_up_starts_again(void **state)
{
    (void)state;
    struct task_book book = {.id = 0};
    char why[TASK_TEXT_SIZE] = "";
    struct facts f;
    kit_standby(&f);
    task_clone(&book, 1000, false);
    assert_true(clones(&book, &f, 1001));
    f.pg.process = PG_ABSENT;
    assert_true(clones(&book, &f, 2000));
    assert_true(task_cancel_clone(&book, 2001, &f, false, why));
    assert_true(restarts(&book, &f, PG_ABSENT, 2002));
    assert_int_equal(task_outcome(&book), TASK_FAILED);
    assert_false(restarts(&book, &f, PG_RUNNING, 2003));
    assert_int_equal(book.end, TASK_DONE); /* of the start; of the clone nobody is told so */
    assert_int_equal(task_outcome(&book), TASK_FAILED);
    assert_string_equal(book.why, "reinitialize canceled");
    f.wish.clone = false;
    task_clone(&book, 1000, false); /* its shutdown is not seen yet */
    assert_true(clones(&book, &f, 1001));
    assert_true(task_cancel_clone(&book, 2001, &f, true, why));
    assert_true(restarts(&book, &f, PG_RUNNING, 2002));
    task_clone(&book, 1000, false); /* no room to keep its WAL in */
    assert_true(clones(&book, &f, 1001));
    f.pg.process = PG_ABSENT;
    assert_false(clones(&book, &f, 301001));
    assert_true(f.wish.restart);
    f.wish.restart = false;
    task_clone(&book, 1000, false); /* that was down before stays down */
    assert_true(clones(&book, &f, 1001));
    assert_true(task_cancel_clone(&book, 2001, &f, false, why));
    assert_false(restarts(&book, &f, PG_ABSENT, 2002));
}

/* The ladder has rewound it meanwhile, and it runs. */
static void a_clone_that_was_not_needed_is_not_wished_for_ever(void **state)
{
    (void)state;
    struct task_book book = {.id = 0};
    char why[TASK_TEXT_SIZE] = "";
    struct facts f;
    kit_standby(&f);
    f.pg.process = PG_ABSENT;
    f.pg.data = DATA_BROKEN;
    task_clone(&book, 1000, false);
    assert_true(clones(&book, &f, 2000));
    f.pg.data = DATA_USABLE;
    assert_true(clones(&book, &f, 400000));
    assert_false(task_cancel_clone(&book, 1000, &f, false, why)); /* it may have been torn */
    f.pg.process = PG_RUNNING;
    assert_false(clones(&book, &f, 400001));
    assert_int_equal(book.end, TASK_FAILED);
}

static void a_clone_ends_for_a_cancel_and_a_grant(void **state)
{
    (void)state;
    struct task_book book = {.id = 0};
    char why[TASK_TEXT_SIZE] = "";
    struct facts f;
    kit_standby(&f);
    assert_false(task_cancel_clone(&book, 1000, &f, false, why));
    assert_string_equal(why, "");
    task_clone(&book, 1000, false);
    assert_true(task_cancel_clone(&book, 1000, &f, false, why));
    assert_false(clones(&book, &f, 1001));
    task_clone(&book, 1000, false);
    f.lease.epoch = KIT_EPOCH + 1;
    assert_false(clones(&book, &f, 1001));
    assert_int_equal(book.end, TASK_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_not_be_done_is_refused_with_its_reason),
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(a_restart_is_done_when_it_was_down_and_runs),
        cmocka_unit_test(a_restart_is_given_up),
        cmocka_unit_test(a_restart_is_of_the_role_that_it_was_asked_of),
        cmocka_unit_test(a_clone_begins_soon_or_never_and_ends_with_a_start),
        cmocka_unit_test(what_was_stopped_for_a_clone_that_is_given_up_starts_again),
        cmocka_unit_test(a_clone_that_was_not_needed_is_not_wished_for_ever),
        cmocka_unit_test(a_clone_ends_for_a_cancel_and_a_grant),
    };
    return cmocka_run_group_tests_name("task", tests, NULL, NULL);
}
