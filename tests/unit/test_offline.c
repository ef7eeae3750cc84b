/* tests/unit/test_offline.c - a store without its thread: what is written there a daemon finds;
 * what is read there is as it was before; and it is held by one at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "storage/offline.h"
#include "storage/store.h"
#include "tests/lib/scratch_kit.h"

static struct store_batch *batch_with(uint64_t sequence, const char *key, size_t size)
{
    struct store_batch *batch = store_batch_create(sequence);
    CLEANUP(mem_freep) char *value = mem_zalloc(size);
    struct store_row row = {
        .key = key, .key_size = strlen(key), .value = value, .value_size = size};
    store_batch_add_row(batch, &row);
    return batch;
}

static void make_store(const char *path)
{
    CLEANUP(offline_closep) struct offline *offline = NULL;
    assert_int_equal(offline_create(path, &offline, &err), 0);
    struct store_batch *first = batch_with(1, "a", 3000000); /* more than a transaction likes */
    first->has_identity = true;
    first->identity.node_id = 7;
    assert_int_equal(offline_write(offline, first, &err), 0);
    assert_int_equal(offline_write(offline, batch_with(2, "b", 1), &err), 0);
}

static size_t rows_of(const struct store_image *image)
{
    struct store_row row;
    size_t at = 0;
    size_t count = 0;
    while (store_batch_next_row(image->content, &at, &row)) {
        count++;
    }
    return count;
}

static void what_is_written_a_store_finds_also_under_another_name(void **state)
{
    (void)state;
    CLEANUP(mem_freep) char *made = mem_strdup(scratch_path(&scratch, "made"));
    const char *path = scratch_path(&scratch, "store");
    make_store(made);
    assert_int_equal(rename(made, path), 0);
    struct store_settings settings = {.path = path};
    struct store *store = NULL;
    struct store_image image;
    assert_int_equal(store_open(&settings, &store, &image, &err), 0);
    assert_true(image.formatted);
    assert_false(image.moved);
    assert_int_equal(image.identity.node_id, 7);
    assert_int_equal(rows_of(&image), 2);
    store_image_close(&image);

    struct offline *offline = NULL;
    uint64_t written_ns = 0;
    char pid[32];
    (void)snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
    assert_int_equal(offline_open(path, &offline, &image, &written_ns, &err), ERR_LOCKED);
    assert_non_null(strstr(err.msg, pid));
    store_close(store);
}

static void looking_changes_nothing_and_keeps_others_out(void **state)
{
    (void)state;
    struct store_image image;
    struct offline *offline = NULL;
    uint64_t first_ns = 0;
    uint64_t second_ns = 0;
    const char *path = scratch_path(&scratch, "store");
    make_store(path);
    assert_int_equal(offline_open(path, &offline, &image, &first_ns, &err), 0);
    assert_int_equal(rows_of(&image), 2);
    store_image_close(&image);
    struct store_settings settings = {.path = path};
    struct store *store = NULL;
    assert_int_equal(store_open(&settings, &store, &image, &err), ERR_LOCKED);
    offline_close(offline);
    assert_int_equal(offline_open(path, &offline, &image, &second_ns, &err), 0);
    assert_int_equal(first_ns, second_ns);
    assert_true(first_ns > 0);
    store_image_close(&image);
    offline_close(offline);
}

static void where_there_is_no_store_none_is_made(void **state)
{
    (void)state;
    struct store_image image;
    struct offline *offline = NULL;
    uint64_t ns = 0;
    const char *path = scratch_path(&scratch, "store");
    assert_int_equal(offline_open(path, &offline, &image, &ns, &err), ERR_NOT_FOUND);
    assert_int_equal(scratch_count(&scratch), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(offline_open(path, &offline, &image, &ns, &err), ERR_NOT_FOUND);
    assert_int_equal(rmdir(path), 0); /* nothing was put into it */
}

static void a_store_is_not_made_over_anything(void **state)
{
    (void)state;
    struct offline *offline = NULL;
    const char *path = scratch_path(&scratch, "store");
    make_store(path);
    assert_int_equal(offline_create(path, &offline, &err), ERR_EXISTS);
    assert_null(offline);
}

static void damage_is_said(void **state)
{
    (void)state;
    struct store_image image;
    struct offline *offline = NULL;
    uint64_t ns = 0;
    CLEANUP(mem_freep) char *path = mem_strdup(scratch_path(&scratch, "store"));
    make_store(path);
    CLEANUP(mem_freep) char *data = mem_printf("%s/data.mdb", path);
    assert_int_equal(truncate(data, 20000), 0);
    assert_int_equal(offline_open(path, &offline, &image, &ns, &err), ERR_CORRUPT);
    assert_int_equal(unlink(data), 0);
    assert_int_equal(offline_open(path, &offline, &image, &ns, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.msg, "data.mdb is gone"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_a_store_finds_also_under_another_name,
                                        scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(looking_changes_nothing_and_keeps_others_out, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(where_there_is_no_store_none_is_made, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(a_store_is_not_made_over_anything, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(damage_is_said, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
