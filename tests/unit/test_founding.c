/* tests/unit/test_founding.c - the state of an old cluster becomes the beginning of a new one: all
 * of it, under numbers that the old one never gave, with no lease that can be kept; and a store on
 * which that was not brought to its end is nobody's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "consensus/core_row.h"
#include "consensus/engine.h"
#include "consensus/founding.h"
#include "consensus/survivor.h"
#include "tests/lib/kv_kit.h"
#include "tests/lib/store_double.h"

static struct kit kit;

static int setup(void **state)
{
    (void)state;
    kit_init(&kit);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kit_close(&kit);
    return 0;
}

/* ---- the leap ---- */

static void every_number_is_above_what_was_ever_told(void **state)
{
    (void)state;
    kit_ok(&kit, kv_put("a", "1"));
    kit_ok(&kit, kv_grant_protected(6, 3));
    struct machine_status before = kit_status(&kit);
    machine_leap(kit.machine, 500, 1000);
    struct machine_status after = kit_status(&kit);
    assert_int_equal(after.index, 500);
    assert_int_equal(after.revision, before.revision + 1000);
    assert_int_equal(after.compacted, after.revision);
    assert_int_equal(after.epoch, 3 + 1000);
    assert_false(hash128_equal(&after.chain, &before.chain));
    struct hash128 anew = machine_rehash(kit.machine);
    assert_true(hash128_equal(&after.hash, &anew));
    assert_string_equal(kit_value(&kit, "a"), "1");
    assert_int_equal(kit_pair(&kit, "a").mod_revision, 1);
    kit.index = 500;
    assert_int_equal(kit_ok(&kit, kv_put("b", "1"))->revision, before.revision + 1001);
    kit_fails(&kit, kv_grant_protected(7, 900), ERR_CONFLICT);
    kit_reload(&kit); /* which compares */
    assert_int_equal(kit_status(&kit).compacted, before.revision + 1000);
}

static void no_lease_can_be_renewed_and_none_is_gone(void **state)
{
    (void)state;
    struct machine_lease lease;
    kit_ok(&kit, kv_grant(5, 1000));
    kit_ok(&kit, kv_put_on("on it", "1", 5));
    kit_ok(&kit, kv_grant_protected(6, 3));
    kit_ok(&kit, kv_grant_protected(7, 4));
    struct kv_command stop = {.kind = KV_LEASE_CHANGE,
                              .lease_change = {.id = 7, .epoch = 4, .stop_renewal = true}};
    kit_ok(&kit, stop);
    machine_leap(kit.machine, 500, 1000);
    kit_reload(&kit);
    static const uint64_t ids[] = {5, 6, 7};
    static const uint64_t marked[] = {500, 500, 5};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        assert_true(machine_lease(kit.machine, ids[i], &lease));
        assert_int_equal(lease.marked_index, marked[i]);
    }
    assert_string_equal(kit_value(&kit, "on it"), "1");
    kit.index = 500;
    assert_true(machine_lease(kit.machine, 5, &lease));
    kit_ok(&kit, kv_expire(5, lease.generation)); /* its time, counted by the new leader */
    assert_null(kit_value(&kit, "on it"));
    assert_true(machine_lease(kit.machine, 6, &lease));
    kit_ok(&kit, kv_expire(6, lease.generation));
    kit_ok(&kit, kv_grant_protected(8, 0));
}

/* ---- the store ---- */

/* The disk of a node that has written its state as it is now. */
static void fill_image(struct store_image *image)
{
    *image = (struct store_image){.formatted = true};
    image->content = store_batch_create(0);
    (void)machine_flush(kit.machine, kit_disk_write, &kit.disk);
    for (size_t i = 0; i < kit.disk.count; i++) {
        const struct kit_row *at = &kit.disk.rows[i];
        struct store_row row = {.key = at->key,
                                .key_size = at->key_size,
                                .value = at->value,
                                .value_size = at->value_size};
        store_batch_add_row(image->content, &row);
    }
    image->applied_index = kit.index;
}

static int submit(void *ctx, struct store_batch *batch, struct err *err)
{
    (void)err; /* it can not fail */
    store_double_submit(ctx, batch);
    return 0;
}

static struct founding founding(void)
{
    struct founding f = {.term = 7, .index = 40};
    memset(f.cluster_id, 0xc1, sizeof(f.cluster_id));
    f.me = (struct member_info){.kind = MEMBER_WITNESS, .id = 0x77};
    (void)snprintf(f.me.name, sizeof(f.me.name), "w1");
    (void)snprintf(f.me.address, sizeof(f.me.address), "10.0.0.1:7400");
    return f;
}

/* The image of a store that was founded on the kit's state. */
static struct store_double *found(struct store_image *image)
{
    struct founding f = founding();
    struct store_double *disk = store_double_create();
    struct store_image old;
    struct err err = {0};
    fill_image(&old);
    assert_int_equal(
        founding_write(&f, &(struct founding_state){&old, kit.machine}, submit, disk, &err), 0);
    store_image_close(&old);
    if (image != NULL) {
        (void)store_double_commit(disk, store_double_waiting(disk));
        store_double_load(disk, image);
    }
    return disk;
}

static void expect_sole_member(const struct store_image *image)
{
    struct survivor s = {0};
    struct err err = {0};
    assert_int_equal(survivor_read(image, &s, &err), 0);
    assert_string_equal(s.me.name, "w1");
    assert_string_equal(s.me.address, "10.0.0.1:7400");
    assert_int_equal(s.me.kind, MEMBER_WITNESS);
    assert_int_equal(s.me.id, 0x77);
    assert_int_equal(s.other_count, 0);
    survivor_close(&s);
}

static void the_store_is_that_of_a_sole_member(void **state)
{
    (void)state;
    struct store_image image;
    kit_ok(&kit, kv_put("a", "1"));
    struct store_double *disk = found(&image);
    struct founding f = founding();
    assert_memory_equal(image.identity.cluster_id, f.cluster_id, CLUSTER_ID_SIZE);
    assert_int_equal(image.identity.node_id, 0x77);
    assert_int_equal(image.hard.term, 8);
    assert_int_equal(image.hard.vote, 0);
    assert_int_equal(image.snapshot.index, 40 + FOUNDING_LEAP);
    assert_int_equal(image.snapshot.term, 8);
    assert_int_equal(image.snapshot.conf_index, 40 + FOUNDING_LEAP);
    assert_int_equal(image.applied_index, 40 + FOUNDING_LEAP);
    assert_int_equal(image.log_first, 41 + FOUNDING_LEAP);
    assert_int_equal(image.log_last, 40 + FOUNDING_LEAP);
    expect_sole_member(&image);
    store_image_close(&image);
    store_double_destroy(disk);
}

/* What changed since the rows were written, and what went, is in the store as it is. */
static void the_state_is_whole_with_all_that_the_log_had(void **state)
{
    (void)state;
    struct store_image old;
    struct store_image image;
    struct founding f = founding();
    struct err err = {0};
    CLEANUP(mem_freep) char *large = mem_alloc(90001);
    memset(large, 'x', 90000);
    large[90000] = '\0';
    kit_ok(&kit, kv_put("changed", "old"));
    kit_ok(&kit, kv_put("gone", "old"));
    for (int i = 0; i < 12; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "large%d", i);
        kit_ok(&kit, kv_put(key, large));
    }
    fill_image(&old);
    kit_ok(&kit, kv_put("changed", "new"));
    kit_ok(&kit, kv_delete("gone"));
    kit_ok(&kit, kv_put("came", "new"));
    struct store_double *disk = store_double_create();
    assert_int_equal(
        founding_write(&f, &(struct founding_state){&old, kit.machine}, submit, disk, &err), 0);
    assert_true(store_double_waiting(disk) > 3); /* in slices: no transaction is as large as all */
    struct machine_status then = kit_status(&kit);
    (void)store_double_commit(disk, store_double_waiting(disk));
    store_double_load(disk, &image);
    struct machine *machine = NULL;
    assert_int_equal(survivor_machine(&image, &machine, &err), 0);
    struct machine_status now;
    machine_status(machine, &now);
    assert_true(hash128_equal(&now.hash, &then.hash));
    assert_true(hash128_equal(&now.chain, &then.chain));
    assert_int_equal(now.key_count, 14);
    struct kv_pair pair;
    assert_true(machine_get(machine, kv_text("changed"), &pair));
    assert_memory_equal(pair.value.bytes, "new", 3);
    assert_false(machine_get(machine, kv_text("gone"), &pair));
    machine_destroy(machine);
    store_image_close(&image);
    store_image_close(&old);
    store_double_destroy(disk);
}

static void a_store_that_was_not_finished_is_nobodys(void **state)
{
    (void)state;
    static const uint8_t none[CLUSTER_ID_SIZE];
    CLEANUP(mem_freep) char *large = mem_alloc(300001);
    memset(large, 'x', 300000);
    large[300000] = '\0';
    kit_ok(&kit, kv_put("a", large));
    kit_ok(&kit, kv_put("b", large));
    struct store_double *whole = found(NULL);
    size_t count = store_double_waiting(whole);
    assert_true(count > 2);
    for (size_t survivors = 0; survivors <= count; survivors++) {
        struct store_image image;
        kit_close(&kit);
        kit_init(&kit);
        kit_ok(&kit, kv_put("a", large));
        kit_ok(&kit, kv_put("b", large));
        struct store_double *disk = found(NULL);
        store_double_crash(disk, survivors);
        store_double_load(disk, &image);
        bool is_member = memcmp(image.identity.cluster_id, none, sizeof(none)) != 0;
        assert_int_equal(is_member, survivors == count);
        assert_int_equal(image.identity.node_id, is_member ? 0x77 : 0);
        store_image_close(&image);
        store_double_destroy(disk);
    }
    store_double_destroy(whole);
}

static void nothing_was_ever_written(void **state)
{
    (void)state;
    struct store_image image;
    struct store_double *disk = found(&image);
    expect_sole_member(&image);
    store_image_close(&image);
    store_double_destroy(disk);
}

/* The third batch finds the disk full. */
static int fail_third(void *ctx, struct store_batch *batch, struct err *err)
{
    unsigned *left = ctx;
    store_batch_destroy(batch);
    if (*left == 0) {
        fail_msg("%s", "called again after an error");
    }
    *left -= 1;
    return *left == 0 ? err_set(err, ERR_NO_SPACE, "full") : 0;
}

static void an_error_ends_it(void **state)
{
    (void)state;
    struct founding f = founding();
    struct store_image old;
    struct err err = {0};
    CLEANUP(mem_freep) char *large = mem_alloc(300001);
    memset(large, 'x', 300000);
    large[300000] = '\0';
    for (char key[2] = "a"; key[0] < 'h'; key[0]++) {
        kit_ok(&kit, kv_put(key, large));
    }
    fill_image(&old);
    unsigned left = 3;
    assert_int_equal(
        founding_write(&f, &(struct founding_state){&old, kit.machine}, fail_third, &left, &err),
        ERR_NO_SPACE);
    assert_string_equal(err.msg, "full");
    store_image_close(&old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_number_is_above_what_was_ever_told, setup, teardown),
        cmocka_unit_test_setup_teardown(no_lease_can_be_renewed_and_none_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(the_store_is_that_of_a_sole_member, setup, teardown),
        cmocka_unit_test_setup_teardown(the_state_is_whole_with_all_that_the_log_had, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_store_that_was_not_finished_is_nobodys, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_was_ever_written, setup, teardown),
        cmocka_unit_test_setup_teardown(an_error_ends_it, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
