/* tests/unit/test_act_files.c - work of sequences in a data directory: what PostgreSQL would read
 * afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "supervisor/act_parts.h"
#include "supervisor/act_table.h"
#include "supervisor/pg_file.h"
#include "supervisor/pg_note.h"
#include "tests/lib/act_guard.h"
#include "tests/lib/facts_kit.h"
#include "tests/lib/scratch_kit.h"

static struct pg_setup made;
static struct act_order order;
static char *places[3];

static bool has(const char *name, const char *text)
{
    CLEANUP(buf_close) struct buf all = {0};
    assert_true(scratch_read(&scratch, name, &all));
    return strstr(buf_text(&all), text) != NULL;
}

/* A standby of pg1, with a note. */
static int setup(void **state)
{
    static char *none[] = {NULL};
    const struct pg_note note = {
        .cluster = "0123456789abcdef0123456789abcdef", .copy = 102, .seen_epoch = KIT_EPOCH};
    (void)scratch_setup(state);
    assert_int_equal(mkdir(scratch_path(&scratch, "data"), 0700), 0);
    places[0] = mem_strdup(scratch_path(&scratch, "data"));
    places[1] = mem_strdup(scratch_path(&scratch, "pass/file"));
    places[2] = mem_strdup(scratch.dir);
    made = (struct pg_setup){.scope = "demo",
                             .name = "pg2",
                             .files = {.data_dir = places[0]},
                             .passfile = places[1],
                             .state_dir = places[2],
                             .environment = none,
                             .listen = "127.0.0.1",
                             .port = 5432,
                             .superuser = {.username = "postgres"},
                             .replication = {.username = "replicator"}};
    memset(&order, 0, sizeof(order));
    order.setup = &made;
    order.home.major = 15;
    order.config.upstream = (struct act_upstream){
        .name = kit_name(1), .epoch = KIT_EPOCH, .host = "10.0.0.1", .port = 5432};
    kit_standby(&order.facts);
    assert_int_equal(pg_note_write(places[0], &note, &err), 0);
    scratch_put(&scratch, "data/postgresql.auto.conf", "work_mem = '8MB'\n");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        mem_free(places[i]);
    }
    return scratch_teardown(state);
}

/* It can not be looked at whether it follows anybody, and anybody may start it. */
static void c1_what_does_not_run_names_nobody_when_it_is_sealed(void **state)
{
    (void)state;
    struct pg_note note;
    bool is_copy;
    scratch_put(&scratch, "data/postgresql.auto.conf", "primary_conninfo = 'host=10.0.0.1'\n");
    assert_int_equal(work_put_config(&order, &err), 0);
    assert_true(has("data/postgresql.conf", "host=10.0.0.1"));
    order.facts.pg.process = PG_ABSENT;
    order.decision.epoch = KIT_EPOCH + 1;
    assert_int_equal(work_seal_note(&order, &err), 0);
    assert_false(has("data/postgresql.conf", "host=10.0.0.1"));
    assert_true(has("data/postgresql.conf", SYNC_FENCE_NAME));
    assert_false(has("data/postgresql.auto.conf", "primary_conninfo"));
    assert_int_equal(pg_note_read(places[0], &note, &is_copy, &err), 0);
    assert_int_equal(note.sealed_epoch, KIT_EPOCH + 1);
}

/* The guard's side of one refused seal that was tried so often before: how it is to end. */
static uint64_t ended_by(struct act_guard *guard, struct act *act, uint32_t failures)
{
    struct guard_request request = {.kind = 0};
    char bytes[GUARD_MESSAGE_MAX];
    int before = acts_done;
    act->order = order;
    act->order.failures = failures;
    act->order.decision = (struct decision){.action = ACTION_SEAL, .seal = SEAL_STOP};
    guard->seen.process = PG_RUNNING;
    act_carry_out(act);
    for (int i = 0; i < 10000 && act->asked == 0; i++) {
        (void)uv_run(act->loop, UV_RUN_ONCE);
    }
    ssize_t size = recv(guard->fd, bytes, sizeof(bytes), 0);
    assert_true(size > 0 && guard_request_decode(bytes, (size_t)size, &request));
    assert_int_equal(request.kind, GUARD_STOP);
    assert_false(has("data/postgresql.conf", "host=10.0.0.1")); /* before it is asked to */
    assert_true(has("data/postgresql.conf", SYNC_FENCE_NAME));
    struct guard_event answer = {.kind = GUARD_DONE, .id = request.id};
    act_guard_event(act, &answer);
    assert_int_equal(acts_done, before);
    guard->seen.process = PG_ABSENT;
    act_kit_run_until(&acts_done, before + 1);
    assert_int_equal(act->err.code, 0);
    return request.how;
}

static void c1_what_refuses_its_files_is_ended_and_names_nobody(void **state)
{
    (void)state;
    static struct act act;
    struct act_guard guard;
    act_guard_open(&guard, &act);
    assert_int_equal(work_put_config(&order, &err), 0);
    assert_true(has("data/postgresql.conf", "host=10.0.0.1"));
    assert_int_equal(ended_by(&guard, &act, 0), GUARD_FAST);
    assert_int_equal(ended_by(&guard, &act, 1), GUARD_KILL); /* others wait for its answer */
    act_guard_close(&guard, &act);
}

static int stay(void *arg)
{
    return chdir((const char *)arg) != 0 ? 1 : pause();
}

/* The postmaster's place is taken by a child that works in the data directory. */
static void b2_a_reload_takes_out_what_alter_system_has_set(void **state)
{
    (void)state;
    pid_t child = scratch_fork(stay, places[0], STDERR_FILENO);
    scratch_put(&scratch, "data/postgresql.auto.conf",
                "synchronous_standby_names = ''\nwork_mem = '8MB'\n");
    order.postmaster = (uint64_t)child;
    int code = ERR_NOT_FOUND;
    for (int i = 0; i < 1000 && code == ERR_NOT_FOUND; i++) { /* until it is in its place */
        code = work_reload(&order, &err);
    }
    assert_int_equal(code, 0);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
    assert_false(has("data/postgresql.auto.conf", "synchronous_standby_names"));
    assert_true(has("data/postgresql.auto.conf", "work_mem = '8MB'"));
}

static int sync_for(uint64_t lease_ms)
{
    order.lease_until_ms = clock_boot_ms(clock_system()) + lease_ms;
    order.config.has_sync = true;
    order.config.sync =
        (struct sync_set){.needed = 1, .count = 1, .at = {{.name = kit_name(3), .copy = 103}}};
    return work_sync(&order, &err);
}

static void b2_the_fence_is_lifted_under_a_living_lease_alone(void **state)
{
    (void)state;
    pid_t child = scratch_fork(stay, places[0], STDERR_FILENO);
    order.facts.settings.times.kill_budget_ms = 5000;
    order.postmaster = (uint64_t)child;
    assert_int_equal(work_put_config(&order, &err), 0);
    assert_int_equal(sync_for(5000), ERR_TIMEOUT); /* the guard may be ending it already */
    assert_non_null(strstr(err.msg, "the lease has run out"));
    assert_true(has("data/postgresql.conf", SYNC_FENCE_NAME)); /* whoever has it read again */
    assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
    order.lease_until_ms = 0; /* none at all */
    assert_int_equal(work_sync(&order, &err), ERR_TIMEOUT);
    int code = ERR_NOT_FOUND;
    for (int i = 0; i < 1000 && code == ERR_NOT_FOUND; i++) { /* until the child is in its place */
        code = sync_for(600000);
    }
    assert_int_equal(code, 0);
    assert_false(has("data/postgresql.conf", SYNC_FENCE_NAME));
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
}

static int leave_with(uint64_t lease_ms)
{
    order.lease_until_ms = clock_boot_ms(clock_system()) + lease_ms;
    order.decision.epoch = KIT_EPOCH;
    return work_give_back(&order, &err);
}

static void b2_a_primary_is_given_back_under_a_living_lease_alone(void **state)
{
    (void)state;
    pid_t child = scratch_fork(stay, places[0], STDERR_FILENO);
    order.facts.settings.times.kill_budget_ms = 5000;
    order.postmaster = (uint64_t)child;
    scratch_put(&scratch, "data/postgresql.conf", "work_mem = '7MB'\n");
    assert_int_equal(work_put_config(&order, &err), 0);
    assert_int_equal(leave_with(5000), ERR_TIMEOUT);
    assert_true(has("data/postgresql.conf", SYNC_FENCE_NAME));
    assert_true(has("data/" PG_NOTE_FILE, "0123456789abcdef0123456789abcdef"));
    assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
    int code = ERR_NOT_FOUND;
    for (int i = 0; i < 1000 && code == ERR_NOT_FOUND; i++) { /* until the child is in its place */
        code = leave_with(600000);
    }
    assert_int_equal(code, 0);
    assert_true(has("data/postgresql.conf", "work_mem = '7MB'"));
    assert_false(has("data/postgresql.conf", SYNC_FENCE_NAME));
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
    assert_false(scratch_has(&scratch, "data/" PG_NOTE_FILE));
}

/* A standby has none. */
static void a_standby_is_given_back_without_a_lease(void **state)
{
    (void)state;
    pid_t child = scratch_fork(stay, places[0], STDERR_FILENO);
    order.postmaster = (uint64_t)child;
    scratch_put(&scratch, "data/postgresql.conf", "work_mem = '7MB'\n");
    assert_int_equal(work_put_config(&order, &err), 0);
    int code = ERR_NOT_FOUND;
    for (int i = 0; i < 1000 && code == ERR_NOT_FOUND; i++) {
        code = work_give_back(&order, &err);
    }
    assert_int_equal(code, 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

/* As the supervisor does first of all. What was seen by it is there for whatever comes later. */
static void look_at_directory(void)
{
    static struct act act;
    struct file_id data = {0};
    act_kit_open(&act);
    act.order = order;
    act_look(&act);
    act_kit_run_until(&acts_done, 1);
    assert_int_equal(act.err.code, 0);
    assert_true(file_id_of(AT_FDCWD, made.files.data_dir, &data));
    assert_true(file_id_same(&act.known.data, &data));
    act_kit_close(&act);
    act_kit_close_loop();
}

/* Also the draft of it, which a power cut leaves. */
static void the_password_of_an_initdb_that_was_cut_off_is_removed(void **state)
{
    (void)state;
    scratch_put(&scratch, "initdb-password", "secret\n");
    scratch_put(&scratch, "initdb-password" PG_FILE_DRAFT, "sec");
    scratch_put(&scratch, "initdb-passwords", "of somebody else\n");
    assert_int_equal(work_look(&order, &err), 0); /* in the middle of a sequence it stays */
    assert_true(has("initdb-password", "secret"));
    look_at_directory();
    assert_int_equal(access(scratch_path(&scratch, "initdb-password"), F_OK), -1);
    assert_int_equal(access(scratch_path(&scratch, "initdb-password" PG_FILE_DRAFT), F_OK), -1);
    assert_true(has("initdb-passwords", "somebody"));
}

static void a_program_may_have_another_name(void **state)
{
    (void)state;
    (void)snprintf(order.home.bin_dir, sizeof(order.home.bin_dir), "/usr/bin");
    made.programs.rewind = "pg_rewind-15";
    CLEANUP(mem_freep) char *other = act_program_path(&order, "pg_rewind");
    CLEANUP(mem_freep) char *same = act_program_path(&order, "initdb");
    assert_string_equal(other, "/usr/bin/pg_rewind-15");
    assert_string_equal(same, "/usr/bin/initdb");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(c1_what_does_not_run_names_nobody_when_it_is_sealed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(b2_the_fence_is_lifted_under_a_living_lease_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(b2_a_primary_is_given_back_under_a_living_lease_alone,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_standby_is_given_back_without_a_lease, setup, teardown),
        cmocka_unit_test_setup_teardown(c1_what_refuses_its_files_is_ended_and_names_nobody, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(b2_a_reload_takes_out_what_alter_system_has_set, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_program_may_have_another_name, setup, teardown),
        cmocka_unit_test_setup_teardown(the_password_of_an_initdb_that_was_cut_off_is_removed,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
