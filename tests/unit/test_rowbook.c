/* tests/unit/test_rowbook.c - the sum follows the rows, and the dirty list names what the disk
 * lacks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "consensus/rowbook.h"

static struct rowbook book;

static struct hash128 number(uint64_t low)
{
    return (struct hash128){.low = low, .high = low * 1000};
}

static int fresh_book(void **state)
{
    (void)state;
    rowbook_init(&book);
    return 0;
}

static void sums_to(uint64_t low)
{
    assert_int_equal(book.sum.low, low);
    assert_int_equal(book.sum.high, low * 1000);
}

static void flush_all(void)
{
    while (!list_empty(&book.dirty)) {
        row_flushed(&book, CONTAINER_OF(book.dirty.next, struct row, dirty));
    }
    assert_int_equal(book.dirty_bytes, 0);
}

static void a_row_that_never_reached_the_disk_goes_at_once(void **state)
{
    (void)state;
    struct row row;
    struct hash128 hash = number(5);
    row_enter(&book, &row, ROW_LEASE, &hash, 100);
    sums_to(5);
    assert_int_equal(book.dirty_bytes, 100);
    hash = number(7);
    row_change(&book, &row, &hash);
    sums_to(7);
    assert_int_equal(book.dirty_bytes, 100);
    assert_int_equal(list_count(&book.dirty), 1);
    assert_true(row_leave(&book, &row));
    sums_to(0);
    assert_true(list_empty(&book.dirty));
    assert_int_equal(book.dirty_bytes, 0);
}

static void a_stored_row_stays_until_it_is_deleted_there(void **state)
{
    (void)state;
    struct row row;
    struct hash128 hash = number(5);
    row_enter(&book, &row, ROW_LEASE, &hash, 100);
    flush_all();
    assert_true(row.is_stored);
    assert_false(row_leave(&book, &row));
    sums_to(0);
    assert_true(row.is_gone);
    assert_int_equal(list_count(&book.dirty), 1);
    row_flushed(&book, &row);
    assert_false(row.is_stored);
    assert_true(list_empty(&book.dirty));
}

static void a_loaded_row_is_clean(void **state)
{
    (void)state;
    struct row row;
    struct hash128 hash = number(3);
    row_load(&book, &row, ROW_CLIENT, &hash, 10);
    sums_to(3);
    assert_true(list_empty(&book.dirty));
    hash = number(4);
    row_change(&book, &row, &hash);
    sums_to(4);
    assert_int_equal(list_count(&book.dirty), 1);
    flush_all();
    assert_false(row_leave(&book, &row));
    flush_all();
}

/* delete k, then put k: the row's deletion must be written before the row. */
static void what_replaces_a_row_comes_last(void **state)
{
    (void)state;
    struct row gone;
    struct row first;
    struct row second;
    struct hash128 hash = number(1);
    row_enter(&book, &first, ROW_KEY, &hash, 10);
    flush_all();
    row_replace(&book, &first, &second, &hash, 30);
    assert_true(second.is_stored);
    assert_int_equal(book.dirty_bytes, 30);
    row_enter(&book, &gone, ROW_KEY, &hash, 10);
    flush_all();
    assert_false(row_leave(&book, &gone));
    row_replace(&book, &second, &first, &hash, 20);
    sums_to(1);
    assert_ptr_equal(book.dirty.next, &gone.dirty);
    assert_ptr_equal(book.dirty.prev, &first.dirty);
    flush_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_row_that_never_reached_the_disk_goes_at_once, fresh_book),
        cmocka_unit_test_setup(a_stored_row_stays_until_it_is_deleted_there, fresh_book),
        cmocka_unit_test_setup(a_loaded_row_is_clean, fresh_book),
        cmocka_unit_test_setup(what_replaces_a_row_comes_last, fresh_book),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
