/* tests/unit/test_batch.c - what is put into a batch comes out of it, in order and unchanged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "storage/batch.h"

static void test_entries_come_back_in_order(void **state)
{
    (void)state;
    CLEANUP(store_batch_destroyp) struct store_batch *batch = store_batch_create(7);
    assert_int_equal(batch->sequence, 7);
    char data[300];
    for (uint64_t i = 1; i <= 300; i++) {
        memset(data, (int)i, sizeof(data));
        store_batch_add_entry(batch, &(struct store_entry){i, i / 10, (uint8_t)i, data, i - 1});
    }
    assert_int_equal(batch->entry_count, 300);
    assert_int_equal(batch->bytes, 299 * 300 / 2);

    size_t at = 0;
    struct store_entry entry;
    for (uint64_t i = 1; i <= 300; i++) {
        assert_true(store_batch_next_entry(batch, &at, &entry));
        assert_int_equal(entry.index, i);
        assert_int_equal(entry.term, i / 10);
        assert_int_equal(entry.type, (uint8_t)i);
        assert_int_equal(entry.size, i - 1);
        memset(data, (int)i, sizeof(data));
        assert_memory_equal(entry.data, data, entry.size);
    }
    assert_false(store_batch_next_entry(batch, &at, &entry));
}

static void test_rows_keep_the_difference_between_empty_and_gone(void **state)
{
    (void)state;
    CLEANUP(store_batch_destroyp) struct store_batch *batch = store_batch_create(1);
    store_batch_add_row(batch, &(struct store_row){"a", 1, "value", 5});
    store_batch_add_row(batch, &(struct store_row){"bb", 2, "", 0});
    store_batch_add_row(batch, &(struct store_row){"ccc", 3, NULL, 0});
    assert_int_equal(batch->row_count, 3);
    assert_int_equal(batch->bytes, 1 + 5 + 2 + 3);

    size_t at = 0;
    struct store_row row;
    assert_true(store_batch_next_row(batch, &at, &row));
    assert_memory_equal(row.key, "a", 1);
    assert_memory_equal(row.value, "value", 5);
    assert_true(store_batch_next_row(batch, &at, &row));
    assert_int_equal(row.key_size, 2);
    assert_non_null(row.value);
    assert_int_equal(row.value_size, 0);
    assert_true(store_batch_next_row(batch, &at, &row));
    assert_memory_equal(row.key, "ccc", 3);
    assert_null(row.value);
    assert_false(store_batch_next_row(batch, &at, &row));
}

static void test_a_batch_owns_its_bytes(void **state)
{
    (void)state;
    CLEANUP(store_batch_destroyp) struct store_batch *batch = store_batch_create(1);
    char text[] = "before";
    store_batch_add_entry(batch, &(struct store_entry){1, 1, 0, text, sizeof(text)});
    store_batch_set_snapshot(batch, 5, 2, 3, text, sizeof(text));
    memset(text, 'x', sizeof(text));
    size_t at = 0;
    struct store_entry entry;
    assert_true(store_batch_next_entry(batch, &at, &entry));
    assert_string_equal(entry.data, "before");
    assert_string_equal(buf_text(&batch->snapshot.conf), "before");

    store_batch_set_snapshot(batch, 6, 2, 3, "b", 1); /* the last one counts */
    assert_int_equal(batch->snapshot.index, 6);
    assert_string_equal(buf_text(&batch->snapshot.conf), "b");
}

static void test_empty_and_essential(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct store_batch batch;
        size_t rows;
        bool is_empty;
        bool is_essential;
    } cases[] = {
        {"nothing", {.essential = false}, 0, true, false},
        {"rows alone are ordinary", {.applied_index = 3}, 1, false, false},
        {"... unless the owner says so", {.essential = true}, 1, false, true},
        {"hard state", {.has_hard = true}, 0, false, true},
        {"hard state with rows", {.has_hard = true}, 1, false, true},
        {"identity", {.has_identity = true}, 0, false, true},
        {"a trim gives space back", {.trim_below = 9}, 0, false, true},
        {"... not together with rows", {.trim_below = 9}, 1, false, false},
        {"a truncation", {.truncate_from = 9}, 0, false, true},
        {"dropping a stage", {.stage = STAGE_DROP}, 0, false, true},
        {"beginning a stage", {.stage = STAGE_BEGIN}, 0, false, false},
        {"applied alone", {.applied_index = 9}, 0, false, false},
        {"a snapshot", {.has_snapshot = true}, 0, false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct store_batch batch = cases[i].batch;
        batch.row_count = cases[i].rows;
        if (store_batch_is_empty(&batch) != cases[i].is_empty ||
            store_batch_is_essential(&batch) != cases[i].is_essential) {
            fail_msg("wrong: %s", cases[i].name);
        }
    }
}

static void test_nothing_is_closed_well(void **state)
{
    (void)state;
    store_batch_destroy(NULL);
    struct store_image image = {.formatted = false};
    store_image_close(&image);
    image.content = store_batch_create(0);
    store_image_close(&image);
    assert_null(image.content);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_come_back_in_order),
        cmocka_unit_test(test_rows_keep_the_difference_between_empty_and_gone),
        cmocka_unit_test(test_a_batch_owns_its_bytes),
        cmocka_unit_test(test_empty_and_essential),
        cmocka_unit_test(test_nothing_is_closed_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
