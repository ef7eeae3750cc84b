/* tests/unit/test_first_data.c - two nodes have made data for one cluster: whose may be discarded,
 * and whose may not. The directories are made here: a version, a control file, a note. */
#include <inttypes.h>
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
#include "supervisor/first_data.h"
#include "supervisor/pg_control.h"
#include "supervisor/pg_file.h"
#include "tests/lib/scratch_kit.h"

#define OURS UINT64_C(7300000000000000001)
#define THEIRS UINT64_C(7300000000000000002)
#define CLUSTER "0123456789abcdef0123456789abcdef"
#define AT_SUM 288

static struct pg_setup pg;
static struct act_order order;
static struct pg_note note;

static void put(const char *name, const void *bytes, size_t size)
{
    CLEANUP(fclosep) FILE *file = fopen(scratch_path(&scratch, name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
}

static void put_control(void)
{
    static const struct {
        uint32_t version, catalog, state;
    } head = {1300, 202209061, PG_CONTROL_SHUT_DOWN};
    uint8_t bytes[PG_CONTROL_BYTES] = {0};
    const uint64_t system_id = OURS;
    memcpy(bytes, &system_id, sizeof(system_id));
    memcpy(bytes + sizeof(system_id), &head, sizeof(head));
    uint32_t sum = crc32c(bytes, AT_SUM);
    memcpy(bytes + AT_SUM, &sum, sizeof(sum));
    put("data/global/pg_control", bytes, sizeof(bytes));
}

/* As an initdb leaves them, if @is_first; else as they were found or cloned. */
static void make_data(bool is_first)
{
    uint64_t copy = 0;
    assert_int_equal(mkdir(scratch_path(&scratch, "data"), 0700), 0);
    assert_int_equal(mkdir(scratch_path(&scratch, "data/global"), 0700), 0);
    put("data/PG_VERSION", "15\n", 3);
    put_control();
    assert_int_equal(pg_note_new_copy(&copy, &err), 0);
    note = (struct pg_note){.cluster = CLUSTER, .scope = "demo", .system_id = OURS, .copy = copy};
    assert_int_equal(pg_note_write(pg.files.data_dir, &note, &err), 0);
    if (is_first) {
        assert_int_equal(first_data_put(pg.state_dir, copy, &err), 0);
    }
}

static int setup(void **state)
{
    (void)scratch_setup(state);
    memset(&pg, 0, sizeof(pg));
    memset(&order, 0, sizeof(order));
    assert_int_equal(mkdir(scratch_path(&scratch, "state"), 0700), 0);
    pg.scope = "demo";
    pg.state_dir = mem_strdup(scratch_path(&scratch, "state"));
    pg.files.data_dir = mem_strdup(scratch_path(&scratch, "data"));
    pg.bin_dir = pg.state_dir; /* no program is needed here */
    order.setup = &pg;
    (void)snprintf(order.ask.cluster, sizeof(order.ask.cluster), "%s", CLUSTER);
    return 0;
}

static int teardown(void **state)
{
    mem_free((void *)(uintptr_t)pg.state_dir);
    mem_free((void *)(uintptr_t)pg.files.data_dir);
    return scratch_teardown(state);
}

static enum pg_data look(uint64_t initialize)
{
    order.ask.system_id = initialize;
    assert_int_equal(work_look(&order, &err), 0);
    return order.home.data;
}

static void made_for_a_lost_grant_they_are_discarded(void **state)
{
    (void)state;
    make_data(true);
    assert_int_equal(look(0), DATA_USABLE); /* nobody was recorded yet */
    assert_true(order.home.is_first);
    assert_int_equal(look(THEIRS), DATA_EMPTY);
    assert_int_equal(look(THEIRS), DATA_EMPTY); /* also after a restart */
}

static void recorded_they_never_are(void **state)
{
    (void)state;
    make_data(true);
    assert_int_equal(look(OURS), DATA_USABLE);
    assert_int_equal(look(OURS), DATA_USABLE);
    assert_false(order.home.is_first);
    assert_int_equal(look(THEIRS), DATA_FOREIGN); /* whoever wrote that */
}

static void adopted_they_never_are(void **state)
{
    (void)state;
    make_data(false);
    assert_int_equal(look(0), DATA_USABLE);
    assert_false(order.home.is_first);
    assert_int_equal(look(THEIRS), DATA_FOREIGN);
}

static void a_word_of_another_copy_counts_for_nothing(void **state)
{
    (void)state;
    make_data(false);
    assert_int_equal(first_data_put(pg.state_dir, note.copy + 1, &err), 0);
    assert_int_equal(look(THEIRS), DATA_FOREIGN);
}

static void data_of_another_cluster_are_left_alone(void **state)
{
    (void)state;
    make_data(true);
    order.ask.cluster[0] = 'f';
    assert_int_equal(look(THEIRS), DATA_FOREIGN);
}

static void a_word_that_can_not_be_read_is_no_leave(void **state)
{
    (void)state;
    make_data(true);
    CLEANUP(mem_freep) char *path = mem_printf("%s/" FIRST_DATA_FILE, pg.state_dir);
    CLEANUP(buf_close) struct buf torn = {0};
    buf_str(&torn, "copy 0123");
    assert_int_equal(pg_file_put(path, 0600, &torn, NULL, &err), 0);
    assert_int_equal(look(THEIRS), DATA_FOREIGN);
}

/* ---- restored from a backup: the system identifier is that of every other restore of it ---- */

/* As a custom bootstrap leaves them; the store's oldest record is of @first, and it has had all. */
static void make_restored(uint64_t first)
{
    make_data(false);
    assert_int_equal(first_data_put_restored(pg.state_dir, note.copy, &err), 0);
    order.ask.first_epoch = first;
    order.ask.has_first = true;
}

static void restored_for_a_lost_grant_they_are_discarded(void **state)
{
    (void)state;
    make_restored(0);
    assert_int_equal(look(0), DATA_USABLE);
    assert_true(order.home.is_first);
    order.ask.first_epoch = 3;
    assert_int_equal(look(OURS), DATA_EMPTY); /* another node's, of the same backup */
    assert_int_equal(look(OURS), DATA_EMPTY);
}

static void restored_and_recorded_they_never_are(void **state)
{
    (void)state;
    make_restored(5);
    assert_int_equal(first_data_record(pg.state_dir, note.copy, 5, &err), 0);
    assert_int_equal(look(OURS), DATA_USABLE);
    assert_int_equal(look(OURS), DATA_USABLE);
    assert_false(order.home.is_first);
    order.ask.first_epoch = 9; /* settled: nothing hangs on it any more */
    assert_int_equal(look(OURS), DATA_USABLE);
}

static void asked_to_be_recorded_and_another_was_they_are_discarded(void **state)
{
    (void)state;
    make_restored(6);
    assert_int_equal(first_data_record(pg.state_dir, note.copy, 5, &err), 0);
    assert_int_equal(look(0), DATA_USABLE);
    assert_int_equal(look(OURS), DATA_EMPTY);
}

static void what_can_not_be_told_is_left_alone(void **state)
{
    (void)state;
    make_restored(6);
    assert_int_equal(first_data_record(pg.state_dir, note.copy, 5, &err), 0);
    order.ask.has_first = false; /* a hundred timelines later */
    assert_int_equal(look(OURS), DATA_FOREIGN);
}

static void a_torn_word_of_a_restore_is_no_leave(void **state)
{
    (void)state;
    static const char *const torn[] = {" recorded for ",
                                       " recorded for \n",
                                       " recorded for 5",
                                       " recorded for x\n",
                                       "",
                                       " recorded for 0\n",
                                       " recorded for 111111111111111111111111111111\n"};
    CLEANUP(mem_freep) char *path = mem_printf("%s/" FIRST_DATA_FILE, pg.state_dir);
    make_restored(9);
    for (size_t i = 0; i < sizeof(torn) / sizeof(torn[0]); i++) {
        CLEANUP(buf_close) struct buf text = {0};
        buf_printf(&text, "restored %016" PRIx64 "%s", note.copy, torn[i]);
        assert_int_equal(pg_file_put(path, 0600, &text, NULL, &err), 0);
        assert_int_equal(look(THEIRS), DATA_FOREIGN);
    }
}

static void what_initdb_has_made_is_not_noted_for_an_epoch(void **state)
{
    (void)state;
    uint64_t epoch = 0;
    make_data(true);
    assert_int_equal(first_data_record(pg.state_dir, note.copy, 5, &err), 0);
    assert_int_equal(first_data_look(pg.state_dir, note.copy, &epoch), FIRST_DATA_MADE);
    assert_int_equal(epoch, 0);
    assert_int_equal(first_data_settle(pg.state_dir, &err), 0);
    assert_int_equal(first_data_record(pg.state_dir, note.copy, 5, &err), 0);
    assert_int_equal(first_data_look(pg.state_dir, note.copy, &epoch), FIRST_DATA_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(made_for_a_lost_grant_they_are_discarded, setup, teardown),
        cmocka_unit_test_setup_teardown(recorded_they_never_are, setup, teardown),
        cmocka_unit_test_setup_teardown(adopted_they_never_are, setup, teardown),
        cmocka_unit_test_setup_teardown(a_word_of_another_copy_counts_for_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(data_of_another_cluster_are_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_word_that_can_not_be_read_is_no_leave, setup, teardown),
        cmocka_unit_test_setup_teardown(restored_for_a_lost_grant_they_are_discarded, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(restored_and_recorded_they_never_are, setup, teardown),
        cmocka_unit_test_setup_teardown(asked_to_be_recorded_and_another_was_they_are_discarded,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_can_not_be_told_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_torn_word_of_a_restore_is_no_leave, setup, teardown),
        cmocka_unit_test_setup_teardown(what_initdb_has_made_is_not_noted_for_an_epoch, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
