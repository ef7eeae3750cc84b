/* tests/unit/test_act_home.c - a backup that was restored past pgraft: what is said of it, and how
 * it is taken over. */
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
#include "supervisor/pg_control.h"
#include "tests/lib/act_kit.h"
#include "tests/lib/facts_kit.h"
#include "tests/lib/scratch_kit.h"

#define OURS UINT64_C(7300000000000000001)
#define THEIRS UINT64_C(7300000000000000002)
#define CLUSTER "0123456789abcdef0123456789abcdef"
#define AT_TIMELINE 48
#define AT_SUM 288
#define COPY 77
#define COMMAND "pgraftctl failover --candidate pg1 --accept-data-loss"

static struct act act;
static struct pg_setup pg;
static struct home_ask ask;
static char *paths[3]; /* data, state, bin */

/* Written anew, as a restore does it: it is another file than the one of the note. */
static void restore_control(uint64_t system_id, uint32_t state, uint32_t timeline)
{
    const uint32_t head[] = {1300, 202209061, state};
    uint8_t bytes[PG_CONTROL_BYTES] = {0};
    memcpy(bytes, &system_id, sizeof(system_id));
    memcpy(bytes + sizeof(system_id), head, sizeof(head));
    memcpy(bytes + AT_TIMELINE, &timeline, sizeof(timeline));
    uint32_t sum = crc32c(bytes, AT_SUM);
    memcpy(bytes + AT_SUM, &sum, sizeof(sum));
    CLEANUP(mem_freep) char *draft = mem_strdup(scratch_path(&scratch, "data/global/draft"));
    FILE *file = fopen(draft, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, sizeof(bytes), file), sizeof(bytes));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(draft, scratch_path(&scratch, "data/global/pg_control")), 0);
}

/* The directory of a standby that is well, on timeline 5. */
static int setup(void **state)
{
    static const char *const names[] = {"data", "state", "bin"};
    static const struct pg_note note = {
        .cluster = CLUSTER, .scope = "demo", .system_id = OURS, .copy = COPY, .seen_epoch = 4};
    (void)scratch_setup(state);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        paths[i] = mem_strdup(scratch_path(&scratch, names[i]));
        assert_int_equal(mkdir(paths[i], 0700), 0);
    }
    assert_int_equal(mkdir(scratch_path(&scratch, "data/global"), 0700), 0);
    scratch_put(&scratch, "data/PG_VERSION", "15\n");
    scratch_put(&scratch, "bin/postgres", "#!/bin/sh\necho 'postgres (PostgreSQL) 15.1'\n");
    assert_int_equal(chmod(scratch_path(&scratch, "bin/postgres"), 0700), 0);
    pg = (struct pg_setup){.scope = "demo",
                           .name = "pg1",
                           .files = {.data_dir = paths[0]},
                           .state_dir = paths[1],
                           .bin_dir = paths[2],
                           .peers = ""};
    ask = (struct home_ask){.cluster = CLUSTER, .system_id = OURS, .timeline_max = 5};
    restore_control(OURS, PG_CONTROL_SHUT_DOWN_IN_RECOVERY, 5);
    assert_int_equal(pg_note_write(paths[0], &note, NULL), 0);
    return 0;
}

static int teardown(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        mem_free(paths[i]);
    }
    return scratch_teardown(state);
}

static void what_is_its_own_is_used(void **state)
{
    (void)state;
    struct home home;
    home_look(&pg, &ask, &home);
    assert_int_equal(home.data, DATA_USABLE);
    assert_int_equal(home.restored, RESTORED_NOT);
    assert_string_equal(home.why, "");
}

// clang-format off
static const struct {
    const char *text;
    uint64_t system_id;
    enum pg_control_state state;
    uint32_t timeline;
    const char *file; /* that is in it, too */
    enum pg_restored restored;
    const char *says;
} cases[] = {
    {"one of a standby", OURS, PG_CONTROL_SHUT_DOWN_IN_RECOVERY, 5, NULL, RESTORED_FIT, COMMAND},
    {"one that was never started", OURS, PG_CONTROL_IN_PRODUCTION, 5, "backup_label", RESTORED_FIT, COMMAND},
    {"one that has a target ahead", OURS, PG_CONTROL_IN_PRODUCTION, 5, "recovery.signal", RESTORED_UNFIT, "pg_ctl stop"},
    {"... and was never started", OURS, PG_CONTROL_SHUT_DOWN_IN_RECOVERY, 5, "recovery.signal", RESTORED_UNFIT, "recover to its end by hand"},
    {"one that runs, or crashed", OURS, PG_CONTROL_IN_PRODUCTION, 6, NULL, RESTORED_UNFIT, "pg_ctl stop"},
    {"one that left recovery by hand", OURS, PG_CONTROL_SHUT_DOWN, 6, NULL, RESTORED_FIT, COMMAND},
    {"... on a timeline that others may have", OURS, PG_CONTROL_SHUT_DOWN, 5, NULL, RESTORED_UNFIT, "its timeline is one that others have"},
    {"another PostgreSQL's", THEIRS, PG_CONTROL_SHUT_DOWN, 9, NULL, RESTORED_UNFIT, "another PostgreSQL"},
};
// clang-format on

static void each_restored_directory_is_told_with_what_it_lacks(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct home home;
        restore_control(cases[i].system_id, cases[i].state, cases[i].timeline);
        CLEANUP(mem_freep)
        char *file = mem_printf("data/%s", cases[i].file != NULL ? cases[i].file : "base");
        scratch_put(&scratch, file, "");
        home_look(&pg, &ask, &home);
        assert_int_equal(unlink(scratch_path(&scratch, file)), 0);
        bool is_told = strstr(home.why, "a backup that was restored here") != NULL &&
                       strstr(home.why, cases[i].says) != NULL;
        if (home.data != DATA_FOREIGN || home.restored != cases[i].restored || !is_told) {
            fail_msg("%s: %d: %s", cases[i].text, (int)home.restored, home.why);
        }
    }
}

static void take(int code)
{
    act_kit_open(&act);
    act.order.setup = &pg;
    act.order.ask = ask;
    act.order.has_archive = true;
    act.order.decision = (struct decision){.action = ACTION_ADOPT, .epoch = 9};
    act.order.facts.pg.restored = RESTORED_FIT;
    act_carry_out(&act);
    act_kit_run_until(&acts_done, 1);
    assert_int_equal(act.err.code, code);
    act_kit_close(&act);
    act_kit_close_loop();
}

/* C3: another copy than all that were known, whatever it promised before. */
static void c3_what_is_taken_over_is_a_copy_of_its_own(void **state)
{
    (void)state;
    restore_control(OURS, PG_CONTROL_SHUT_DOWN, 6);
    scratch_put(&scratch, "data/postgresql.auto.conf",
                "work_mem = '8MB'\nrestore_command = 'left behind'\nrecovery_target_time = 'x'\n");
    take(0);
    const struct home *home = &act.order.home;
    assert_int_equal(home->data, DATA_USABLE);
    assert_int_equal(home->restored, RESTORED_NOT);
    assert_true(home->note.copy != 0);
    assert_true(home->note.copy != COPY);
    assert_int_equal(home->note.seen_epoch, 9);
    CLEANUP(buf_close) struct buf text = {0};
    assert_true(scratch_read(&scratch, "data/postgresql.auto.conf", &text));
    assert_string_equal(buf_text(&text), "work_mem = '8MB'\n");
}

/* Something was done to it since it was looked at. */
static void what_is_not_fit_any_more_is_left_as_it_is(void **state)
{
    (void)state;
    restore_control(OURS, PG_CONTROL_SHUT_DOWN, 5);
    take(ERR_REFUSED);
    struct home home;
    home_look(&pg, &ask, &home);
    assert_int_equal(home.restored, RESTORED_UNFIT);
    assert_int_equal(home.note.copy, COPY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_its_own_is_used, setup, teardown),
        cmocka_unit_test_setup_teardown(each_restored_directory_is_told_with_what_it_lacks, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(c3_what_is_taken_over_is_a_copy_of_its_own, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_not_fit_any_more_is_left_as_it_is, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
