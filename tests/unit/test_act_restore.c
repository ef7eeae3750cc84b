/* tests/unit/test_act_restore.c - data that an operator's command makes, as a whole sequence: of a
 * new cluster, and of a standby. The command copies a directory that was made here; a shell script
 * has the place of PostgreSQL, and the test that of the guard. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "supervisor/act_parts.h"
#include "supervisor/act_table.h"
#include "supervisor/first_data.h"
#include "supervisor/pg_control.h"
#include "tests/lib/act_guard.h"
#include "tests/lib/facts_kit.h"
#include "tests/lib/scratch_kit.h"

#define OURS UINT64_C(7300000000000000001)
#define THEIRS UINT64_C(7300000000000000002)
#define CLUSTER "0123456789abcdef0123456789abcdef"
#define AT_TIMELINE 48
#define AT_SUM 288
#define EPOCH 4

static struct act act;
static struct act_guard guard;
static struct pg_setup pg;
static char *paths[5]; /* data, state, bin, passfile, backup */

/* What a recovery does: the signal and the label go. Its words and what they say are kept. */
static const char server[] =
    "#!/bin/bash\n"
    "here=$(dirname \"$0\")\n"
    "case $1 in\n"
    "--version) echo 'postgres (PostgreSQL) 15.1'; exit;;\n"
    "--single) echo \"$*\" >> $here/single; cat >> $here/single; exit;;\n"
    "esac\n"
    "case \"$*\" in *' -C restore_command') echo 'left behind'; exit;; *' -C '*) exit;; esac\n"
    "d=${1#-D}; echo \"$*\" > $here/room; cp $here/../state/restore.conf $here/room.conf\n"
    "ls $d > $here/room.files; cat $d/postgresql.auto.conf > $here/room.auto\n"
    "[ -e $here/fails ] && exit 1\n"
    "trap 'rm -f $d/postmaster.pid $d/recovery.signal $d/backup_label; exit 0' INT\n"
    "printf '%s\\n' $$ $d 0 5432 . '' '1 2' 'ready   ' > $d/postmaster.pid\n"
    "while :; do sleep 0.05; done\n";

static void put_control(const char *name, uint64_t system_id)
{
    static const struct {
        uint32_t version, catalog, state;
    } head = {1300, 202209061, PG_CONTROL_SHUT_DOWN};
    uint8_t bytes[PG_CONTROL_BYTES] = {0};
    const uint32_t timeline = 3;
    memcpy(bytes, &system_id, sizeof(system_id));
    memcpy(bytes + sizeof(system_id), &head, sizeof(head));
    memcpy(bytes + AT_TIMELINE, &timeline, sizeof(timeline));
    uint32_t sum = crc32c(bytes, AT_SUM);
    memcpy(bytes + AT_SUM, &sum, sizeof(sum));
    CLEANUP(fclosep) FILE *file = fopen(scratch_path(&scratch, name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, sizeof(bytes), file), sizeof(bytes));
}

static void make_folder(const char *name)
{
    assert_int_equal(mkdir(scratch_path(&scratch, name), 0700), 0);
}

/* The directory that every restore brings. */
static void make_backup(uint64_t system_id)
{
    make_folder("backup");
    make_folder("backup/global");
    make_folder("backup/pg_wal");
    scratch_put(&scratch, "backup/PG_VERSION", "15\n");
    scratch_put(&scratch, "backup/postgresql.conf", "work_mem = '8MB'\n");
    scratch_put(&scratch, "backup/pg_hba.conf", "local all all peer\n");
    scratch_put(&scratch, "backup/pg_ident.conf", "");
    scratch_put(&scratch, "backup/postgresql.auto.conf",
                "restore_command = 'left behind'\nrecovery_target_time = 'then'\n");
    scratch_put(&scratch, "backup/recovery.signal", "");
    scratch_put(&scratch, "backup/backup_label", "START WAL LOCATION: 0/2000028 (file x)\n");
    put_control("backup/global/pg_control", system_id);
}

static int setup(void **state)
{
    static char search[] = "PATH=/usr/bin:/bin";
    static char *environment[] = {search, NULL};
    (void)scratch_setup(state);
    static const char *const names[] = {"data", "state", "bin", "pass", "backup"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        paths[i] = mem_strdup(scratch_path(&scratch, names[i]));
    }
    make_folder("state");
    make_folder("bin");
    scratch_put(&scratch, "bin/postgres", server);
    assert_int_equal(chmod(scratch_path(&scratch, "bin/postgres"), 0700), 0);
    pg = (struct pg_setup){.scope = "demo",
                           .name = "pg2",
                           .files = {.data_dir = paths[0]},
                           .state_dir = paths[1],
                           .bin_dir = paths[2],
                           .passfile = paths[3],
                           .peers = "",
                           .helper = HELPER,
                           .environment = environment,
                           .listen = "127.0.0.1",
                           .port = 5432,
                           .database = "postgres",
                           .superuser = {.username = "postgres", .password = "p'w"},
                           .replication = {.username = "repl\"icator"}};
    act_guard_open(&guard, &act);
    memset(&act.order, 0, sizeof(act.order));
    act.order.setup = &pg;
    act.order.home.major = 15;
    (void)snprintf(act.order.home.bin_dir, sizeof(act.order.home.bin_dir), "%s", paths[2]);
    (void)snprintf(act.order.ask.cluster, sizeof(act.order.ask.cluster), "%s", CLUSTER);
    return 0;
}

static int teardown(void **state)
{
    act_guard_close(&guard, &act);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        mem_free(paths[i]);
    }
    return scratch_teardown(state);
}

/* The guard does what it is asked to. */
static void answer(void)
{
    struct guard_request request = {.kind = 0};
    char bytes[GUARD_MESSAGE_MAX];
    ssize_t size = recv(guard.fd, bytes, sizeof(bytes), 0);
    assert_true(size > 0 && guard_request_decode(bytes, (size_t)size, &request));
    const struct guard_event event = {.kind = GUARD_DONE, .id = request.id};
    act_guard_event(&act, &event);
}

static int code_of_sequence(void)
{
    int before = acts_done;
    act_carry_out(&act);
    while (acts_done == before) {
        (void)uv_run(&loop, UV_RUN_NOWAIT); /* it would wait for its deadline, not for the guard */
        if (act.asked != 0) {
            answer();
        } else {
            (void)poll(NULL, 0, 2);
        }
    }
    return act.err.code;
}

static bool is_there(const char *name)
{
    return access(scratch_path(&scratch, name), F_OK) == 0;
}

static bool has(const char *name, const char *text)
{
    CLEANUP(buf_close) struct buf all = {0};
    return scratch_read(&scratch, name, &all) && strstr(buf_text(&all), text) != NULL;
}

static bool is_marked(enum pg_mark_work work)
{
    struct pg_mark mark;
    assert_int_equal(pg_mark_read(pg.state_dir, &mark, &err), 0);
    return mark.work == work;
}

/* ---- the data of a new cluster ---- */

static void begin_cluster(const char *command)
{
    guard.seen.process = PG_ABSENT;
    pg.bootstrap.name = "backup";
    pg.bootstrap.command = command;
    act.order.decision = (struct decision){.action = ACTION_INITDB, .epoch = EPOCH};
}

static char *copying(void)
{
    return mem_printf("cp -a %s/. %s; true", paths[4], paths[0]);
}

static void a_cluster_begins_with_what_was_restored(void **state)
{
    (void)state;
    CLEANUP(mem_freep) char *command = copying();
    static const struct pg_pair asked[] = {{.name = "recovery_target_time", .value = "noon"},
                                           {.name = "recovery_target_action", .value = "pause"}};
    uint64_t epoch = 0;
    make_backup(OURS);
    begin_cluster(command);
    pg.bootstrap.has_recovery = true;
    pg.bootstrap.recovery = (struct pg_pairs){.at = asked, .count = ARRAY_LEN(asked)};
    assert_int_equal(code_of_sequence(), 0);

    /* It was recovered where nobody gets in, to the target, and ends whatever was asked for. */
    assert_true(has("bin/room", "--listen_addresses= --unix_socket_directories=. "));
    assert_true(has("bin/room", "--hot_standby=off --archive_mode=off "));
    assert_true(has("bin/room", "--max_worker_processes=0"));
    assert_true(has("bin/room.conf", "recovery_target_time = 'noon'\n"));
    assert_true(has("bin/room.conf", "'pause'\nrecovery_target_action = 'promote'\n"));
    assert_true(has("bin/room.files", "recovery.signal\n"));
    assert_false(has("bin/room.files", "standby.signal"));
    assert_false(has("bin/room.auto", "recovery_target") ||
                 has("bin/room.auto", "restore_command"));

    /* Its users may have been there. */
    assert_true(has("bin/single",
                    "IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = "
                    "E'postgres') THEN ALTER ROLE \"postgres\" LOGIN SUPERUSER "
                    "PASSWORD E'p''w'; ELSE CREATE ROLE \"postgres\""));
    assert_true(has("bin/single", "rolname = E'repl\"icator') THEN ALTER ROLE \"repl\"\"icator\""));
    assert_true(has("bin/single", "synchronous_commit=local"));

    /* From here on it is like what initdb has made (safety B2, B3): a standby, and fenced. */
    assert_true(is_there("data/standby.signal") && !is_there("data/recovery.signal"));
    assert_true(has("data/postgresql.conf", SYNC_FENCE_NAME));
    assert_false(has("data/postgresql.conf", "noon"));
    assert_false(is_there("state/restore.conf"));
    assert_true(is_marked(PG_MARK_NONE));
    assert_int_equal(act.order.home.data, DATA_USABLE);
    assert_int_equal(act.order.home.is_noted, FACT_YES);
    assert_int_equal(first_data_look(pg.state_dir, act.order.home.note.copy, &epoch),
                     FIRST_DATA_RESTORED);
}

static void what_the_command_leaves_may_be_gone_by(void **state)
{
    (void)state;
    CLEANUP(mem_freep) char *command = copying();
    make_backup(OURS);
    begin_cluster(command);
    pg.bootstrap.keeps_recovery = true;
    assert_int_equal(code_of_sequence(), 0);
    assert_true(has("bin/room.conf", "restore_command = 'left behind'\n"));
    assert_true(has("bin/room.files", "recovery.signal\n"));
}

static void without_either_no_archive_is_asked(void **state)
{
    (void)state;
    CLEANUP(mem_freep) char *command = copying();
    make_backup(OURS);
    begin_cluster(command);
    assert_int_equal(code_of_sequence(), 0);
    assert_false(has("bin/room.conf", "left behind"));
    assert_false(has("bin/room.files", "recovery.signal"));
}

/* D3: epochs of an earlier life of these data stay below those of the new cluster. */
static void d3_what_a_restored_note_has_promised_stays_below(void **state)
{
    (void)state;
    CLEANUP(mem_freep) char *command = copying();
    const struct pg_note old = {.cluster = "fedcba9876543210fedcba9876543210",
                                .copy = 7,
                                .seen_epoch = 30,
                                .sealed_epoch = 20};
    make_backup(OURS);
    assert_int_equal(pg_note_write(paths[4], &old, &err), 0);
    begin_cluster(command);
    assert_int_equal(code_of_sequence(), 0);
    assert_int_equal(act.order.home.data, DATA_USABLE);
    assert_true(act.order.home.note.sealed_epoch == 30 && act.order.home.note.copy != 7);
}

static void what_is_not_whole_is_never_started(void **state)
{
    (void)state;
    CLEANUP(mem_freep) char *command = copying();
    make_backup(OURS);
    begin_cluster("exit 3;");
    assert_int_equal(code_of_sequence(), ERR_SYSTEM);
    assert_true(is_marked(PG_MARK_INITDB));
    begin_cluster("true"); /* it has brought nothing */
    assert_int_equal(code_of_sequence(), ERR_NOT_FOUND);
    assert_true(is_marked(PG_MARK_INITDB) && !is_there("bin/room"));
    begin_cluster(command);
    scratch_put(&scratch, "bin/fails", ""); /* the recovery ends before its target */
    assert_int_equal(code_of_sequence(), ERR_SYSTEM);
    assert_true(is_marked(PG_MARK_INITDB) && !is_there("bin/single"));
}

/* ---- the data of a standby ---- */

static void begin_copy(const struct pg_method *list, size_t count)
{
    guard.seen.process = PG_ABSENT;
    pg.replica_methods = (struct pg_methods){.at = list, .count = count};
    kit_standby(&act.order.facts);
    act.order.facts.store.history_count = 0;
    act.order.upstream = (struct act_upstream){
        .name = kit_name(1), .epoch = EPOCH, .host = "10.0.0.1", .port = 5432};
    act.order.source = act.order.upstream;
    act.order.ask.system_id = OURS;
    act.order.decision = (struct decision){.action = ACTION_RETURN,
                                           .back = {.step = RETURN_CLONE, .needs_stop = true}};
}

static void one_method_comes_after_the_other(void **state)
{
    (void)state;
    CLEANUP(mem_freep) char *restore = mem_printf("%s #", "/bin/false");
    CLEANUP(mem_freep) char *told = mem_printf("%s/told", scratch.dir);
    CLEANUP(mem_freep)
    char *works =
        mem_printf("f() { echo \"$@\" > %s; cp -a %s/. %s; }; f", told, paths[4], paths[0]);
    const struct pg_method list[] = {{.name = "fails", .command = restore},
                                     {.name = "unnamed"},
                                     {.name = "works", .command = works}};
    make_backup(OURS);
    begin_copy(list, ARRAY_LEN(list));
    assert_int_equal(code_of_sequence(), 0);
    assert_int_equal(act.order.method, 2);
    assert_true(has("told", "--scope=demo --role=replica --datadir="));
    assert_true(has("told", "host=10.0.0.1 port=5432 user="));
    assert_true(is_there("data/standby.signal") && !is_there("data/recovery.signal"));
    assert_true(has("data/postgresql.conf", SYNC_FENCE_NAME));
    assert_true(has("data/postgresql.auto.conf", "restore_command")); /* nobody else brings WAL */
    assert_true(is_marked(PG_MARK_NONE));
    assert_int_equal(act.order.home.is_noted, FACT_YES);
}

static void data_of_another_cluster_are_refused(void **state)
{
    (void)state;
    CLEANUP(mem_freep) char *works = copying();
    const struct pg_method list[] = {{.name = "works", .command = works, .no_params = true}};
    make_backup(THEIRS);
    begin_copy(list, ARRAY_LEN(list));
    assert_int_equal(code_of_sequence(), ERR_REFUSED);
    assert_non_null(strstr(act.err.msg, "system identifier"));
    assert_true(is_marked(PG_MARK_CLONE));
}

static void what_is_there_is_kept_where_the_command_wants_it(void **state)
{
    (void)state;
    CLEANUP(mem_freep) char *works = copying();
    struct pg_method list[] = {
        {.name = "works", .command = works, .no_params = true, .keep_data = true}};
    make_backup(OURS);
    make_folder("data");
    scratch_put(&scratch, "data/file", "of before");
    scratch_put(&scratch, "data/backup_manifest", "of before");
    begin_copy(list, 1);
    assert_int_equal(code_of_sequence(), 0);
    assert_true(is_there("data/file") && !is_there("data/backup_manifest"));
    list[0].keep_data = false;
    begin_copy(list, 1);
    act.order.has_archive = true;
    assert_int_equal(code_of_sequence(), 0);
    assert_false(is_there("data/file"));
    assert_false(
        has("data/postgresql.auto.conf", "restore_command")); /* the configuration has one */
}

static void without_a_primary_only_what_needs_none(void **state)
{
    (void)state;
    CLEANUP(mem_freep) char *works = copying();
    struct pg_method list[] = {{.name = "basebackup", .is_basebackup = true},
                               {.name = "works", .command = works, .no_leader = true}};
    make_backup(OURS);
    begin_copy(list, 2);
    act.order.upstream.host[0] = act.order.source.host[0] = '\0';
    assert_int_equal(code_of_sequence(), 0);
    assert_int_equal(act.order.method, 1);
    begin_copy(list, 1);
    act.order.upstream.host[0] = act.order.source.host[0] = '\0';
    assert_int_equal(code_of_sequence(), ERR_NOT_FOUND);
}

static void a_copy_of_the_leader_is_pg_basebackup_s(void **state)
{
    (void)state;
    const struct pg_method list[] = {{.name = "works", .command = "exit 7;", .no_leader = true},
                                     {.name = "too", .command = "exit 8;"}};
    make_backup(OURS);
    scratch_put(&scratch, "bin/pg_basebackup", "#!/bin/sh\necho \"$@\"\nexit 3\n");
    assert_int_equal(chmod(scratch_path(&scratch, "bin/pg_basebackup"), 0700), 0);
    begin_copy(list, 2);
    act.order.from_leader = true;
    assert_int_equal(code_of_sequence(), ERR_SYSTEM);
    assert_non_null(strstr(act.err.msg, "pg_basebackup: exit status 3"));
    assert_true(is_marked(PG_MARK_CLONE));
    act.order.from_leader = false;
    assert_int_equal(code_of_sequence(), ERR_SYSTEM);
    assert_non_null(strstr(act.err.msg, "too: exit status 8"));
}

/* ---- cut off ---- */

static void cancel_cb(uv_timer_t *timer)
{
    (void)timer;
    act_cancel(&act);
}

static void closed_cb(uv_handle_t *handle)
{
    *(bool *)handle->data = true;
}

/* What is still writing must not meet what begins after it. */
static void cut_off_it_is_gone_with_all_that_it_has_started(void **state)
{
    (void)state;
    CLEANUP(mem_freep)
    char *slow =
        mem_printf("(while :; do date > %s/late; sleep 0.02; done) & sleep 1000", scratch.dir);
    const struct pg_method list[] = {{.name = "slow", .command = slow, .no_params = true}};
    uv_timer_t timer;
    bool is_closed = false;
    assert_int_equal(uv_timer_init(&loop, &timer), 0);
    timer.data = &is_closed;
    begin_copy(list, 1);
    assert_int_equal(uv_timer_start(&timer, cancel_cb, 500, 0), 0);
    assert_int_equal(code_of_sequence(), ERR_CANCELED);
    uv_close((uv_handle_t *)&timer, closed_cb);
    while (!is_closed) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_true(is_there("late"));
    assert_int_equal(unlink(scratch_path(&scratch, "late")), 0);
    (void)poll(NULL, 0, 100);
    assert_false(is_there("late"));
    assert_true(is_marked(PG_MARK_CLONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cluster_begins_with_what_was_restored, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_command_leaves_may_be_gone_by, setup, teardown),
        cmocka_unit_test_setup_teardown(without_either_no_archive_is_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(d3_what_a_restored_note_has_promised_stays_below, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_not_whole_is_never_started, setup, teardown),
        cmocka_unit_test_setup_teardown(one_method_comes_after_the_other, setup, teardown),
        cmocka_unit_test_setup_teardown(data_of_another_cluster_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_there_is_kept_where_the_command_wants_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_a_primary_only_what_needs_none, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_of_the_leader_is_pg_basebackup_s, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_off_it_is_gone_with_all_that_it_has_started, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
