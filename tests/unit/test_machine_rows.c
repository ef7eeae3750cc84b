/* tests/unit/test_machine_rows.c - what is flushed is the state and nothing but the state, and a
 * row that is lost, changed or added is noticed when it is loaded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/must.h"
#include "tests/lib/kv_kit.h"

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

static size_t flush(void)
{
    return machine_flush(kit.machine, kit_disk_write, &kit.disk);
}

static void only_what_changed_is_written(void **state)
{
    (void)state;
    assert_false(machine_is_dirty(kit.machine));
    assert_int_equal(flush(), 0);
    kit_ok(&kit, kv_put("a", "1"));
    kit_ok(&kit, kv_put("b", "1"));
    kit_ok(&kit, kv_put("a", "2"));
    assert_true(machine_is_dirty(kit.machine));
    assert_int_equal(flush(), 3); /* two keys, and the machine's own row */
    assert_int_equal(machine_dirty_bytes(kit.machine), 0);
    assert_int_equal(flush(), 0);
    kit_ok(&kit, kv_put("b", "2"));
    assert_true(machine_dirty_bytes(kit.machine) > 0);
    assert_int_equal(flush(), 2);
    kit_ok(&kit, kv_put("c", "1"));
    kit_ok(&kit, kv_delete("c")); /* came and went: the disk never knew it */
    assert_int_equal(flush(), 1);
    kit_ok(&kit, kv_delete("a"));
    assert_int_equal(flush(), 2);
    assert_null(kit_disk_find(&kit.disk, "ka", 2));
    assert_non_null(kit_disk_find(&kit.disk, "kb", 2));
    assert_int_equal(kit.disk.count, 2);
}

static void a_deleted_key_that_comes_back_is_there(void **state)
{
    (void)state;
    kit_ok(&kit, kv_put("a", "1"));
    kit_ok(&kit, kv_grant(5, 1000));
    (void)flush();
    kit_ok(&kit, kv_delete("a"));
    kit_ok(&kit, kv_revoke(5));
    kit_ok(&kit, kv_put("a", "2"));
    kit_ok(&kit, kv_grant(5, 2000));
    kit_reload(&kit);
    assert_string_equal(kit_value(&kit, "a"), "2");
    kit_ok(&kit, kv_delete("a"));
    kit_ok(&kit, kv_put("a", "3"));
    kit_ok(&kit, kv_delete("a"));
    kit_reload(&kit);
    assert_null(kit_value(&kit, "a"));
}

static void long_key(char *key, size_t size, char last)
{
    memset(key, 'k', size);
    key[size - 1] = last;
    key[size] = '\0';
}

/* Keys around and beyond what a row's key can hold, alike up to their last byte. */
static void long_keys_have_rows_of_their_own(void **state)
{
    (void)state;
    static const size_t sizes[] = {478, 479, 480, 481, 1024};
    char keys[2 * ARRAY_LEN(sizes)][KV_KEY_MAX + 1];
    struct kv_op ops[2 * ARRAY_LEN(sizes)];
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        long_key(keys[i], sizes[i / 2], i % 2 == 0 ? 'a' : 'b');
        ops[i] = op_put(keys[i], i % 2 == 0 ? "first" : "second");
    }
    kit_ok(&kit, kv_if(NULL, 0, ops, ARRAY_LEN(ops), NULL, 0)); /* all created in one revision */
    kit_ok(&kit, kv_put(keys[8], "changed"));
    kit_reload(&kit);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        assert_string_equal(kit_value(&kit, keys[i]), i == 8       ? "changed"
                                                      : i % 2 == 0 ? "first"
                                                                   : "second");
    }
    kit_ok(&kit, kv_put(keys[9], "changed too"));
    kit_ok(&kit, kv_delete(keys[5]));
    kit_ok(&kit, kv_delete(keys[7]));
    kit_ok(&kit, kv_put(keys[7], "new"));
    kit_reload(&kit);
    assert_string_equal(kit_value(&kit, keys[8]), "changed");
    assert_string_equal(kit_value(&kit, keys[9]), "changed too");
    assert_null(kit_value(&kit, keys[5]));
    assert_string_equal(kit_value(&kit, keys[7]), "new");
    kit_ok(&kit, kv_delete_all(kv_prefix("k")));
    kit_reload(&kit);
    assert_int_equal(kit.disk.count, 1);
}

/* A state with rows of every kind. */
static void build_state(void)
{
    static char key[KV_KEY_MAX + 1];
    long_key(key, 900, 'x');
    kit_ok(&kit, kv_grant(5, 1000));
    kit_ok(&kit, kv_grant_protected(6, 3));
    kit_ok(&kit, kv_put_on("on a lease", "1", 5));
    kit_ok(&kit, by_holder(kv_put_on("the primary's", "1", 6), 6, 3));
    kit_ok(&kit, by_client(kv_put(key, "long"), 9, 1));
    struct kv_command remove = by_client(kv_delete("on a lease"), 9, 2);
    remove.op.remove.want_previous = true;
    kit_ok(&kit, remove);
    kit_ok(&kit, kv_put_on("on a lease", "2", 5));
    kit_fails(&kit, kv_delete("the primary's"), ERR_REFUSED);
    kit_ok(&kit, kv_compact(2));
    (void)flush();
}

static int load(struct err *err)
{
    struct machine_options options = {0};
    struct machine *machine = machine_create(&options);
    *err = (struct err){0};
    int rv = kit_disk_load(&kit.disk, machine, err);
    machine_destroy(machine);
    return rv;
}

static void rows_of_every_kind_come_back_in_any_order(void **state)
{
    (void)state;
    build_state();
    char kinds[] = MACHINE_ROW_KINDS;
    for (size_t i = 0; i < kit.disk.count; i++) {
        char *kind = strchr(kinds, (char)kit.disk.rows[i].key[0]);
        if (kind != NULL) {
            *kind = ' ';
        }
    }
    assert_string_equal(kinds, "      ");
    kit_reload(&kit);
    struct kit_row *rows = kit.disk.rows;
    for (size_t i = 0; i < kit.disk.count / 2; i++) {
        struct kit_row row = rows[i];
        rows[i] = rows[kit.disk.count - 1 - i];
        rows[kit.disk.count - 1 - i] = row;
    }
    struct err err;
    int rv = load(&err);
    assert_string_equal(err.msg, "");
    assert_int_equal(rv, 0);
}

static void a_lost_row_is_noticed(void **state)
{
    (void)state;
    build_state();
    struct err err;
    for (size_t lost = 0; lost < kit.disk.count; lost++) {
        struct kit_row row = kit.disk.rows[lost];
        size_t behind = kit.disk.count - lost - 1;
        memmove(&kit.disk.rows[lost], &kit.disk.rows[lost + 1], behind * sizeof(row));
        kit.disk.count--;
        assert_int_equal(load(&err), ERR_CORRUPT);
        assert_true(strlen(err.msg) > 0);
        memmove(&kit.disk.rows[lost + 1], &kit.disk.rows[lost], behind * sizeof(row));
        kit.disk.rows[lost] = row;
        kit.disk.count++;
    }
    assert_int_equal(load(&err), 0);
}

/* Every bit of every value: refused, except where it is part of what the way adds to the state (the
 * machine's own row), which no row's hash covers. */
static void a_changed_bit_is_noticed(void **state)
{
    (void)state;
    build_state();
    struct err err;
    size_t unnoticed = 0;
    for (size_t i = 0; i < kit.disk.count; i++) {
        struct kit_row *row = &kit.disk.rows[i];
        for (size_t bit = 0; bit < 8 * row->value_size; bit++) {
            row->value[bit / 8] = (uint8_t)(row->value[bit / 8] ^ (1U << (bit % 8)));
            int rv = load(&err);
            bool own = row->key[0] == 'm';
            assert_true(own || rv == ERR_CORRUPT || rv == ERR_VERSION);
            unnoticed += rv == 0;
            row->value[bit / 8] = (uint8_t)(row->value[bit / 8] ^ (1U << (bit % 8)));
        }
    }
    assert_true(unnoticed > 0);
    assert_int_equal(load(&err), 0);
}

static void a_key_changed_or_doubled_is_noticed(void **state)
{
    (void)state;
    build_state();
    struct err err;
    for (size_t i = 0; i < kit.disk.count; i++) {
        struct kit_row *row = &kit.disk.rows[i];
        row->key[row->key_size - 1] ^= 1;
        assert_int_equal(load(&err), ERR_CORRUPT);
        row->key[row->key_size - 1] ^= 1;
        row->key_size--;
        assert_int_equal(load(&err), ERR_CORRUPT);
        row->key_size++;
    }
    for (size_t i = 0; i + 1 < kit.disk.count; i++) {
        struct kit_row row = kit.disk.rows[i + 1];
        kit.disk.rows[i + 1] = kit.disk.rows[i];
        assert_int_equal(load(&err), ERR_CORRUPT);
        kit.disk.rows[i + 1] = row;
    }
}

static void a_row_cut_short_is_noticed(void **state)
{
    (void)state;
    build_state();
    struct err err;
    for (size_t i = 0; i < kit.disk.count; i++) {
        struct kit_row *row = &kit.disk.rows[i];
        size_t size = row->value_size;
        uint8_t *value = row->value;
        for (row->value_size = 0; row->value_size < size; row->value_size++) {
            row->value = mem_dup(value, row->value_size); /* the sanitizer sees its end */
            assert_int_equal(load(&err), ERR_CORRUPT);
            mem_free(row->value);
        }
        row->value = value;
    }
    assert_int_equal(load(&err), 0);
}

static void a_form_of_the_future_is_named(void **state)
{
    (void)state;
    build_state();
    struct err err;
    kit.disk.rows[0].value[0] = 2;
    assert_int_equal(load(&err), ERR_VERSION);
    assert_string_equal(err.msg, "state table: a row of kind 'K' has the form 2");
}

static void rows_of_others_are_known_as_such(void **state)
{
    (void)state;
    assert_true(machine_owns_row("kx", 2));
    assert_true(machine_owns_row("m", 1));
    assert_false(machine_owns_row("", 0));
    assert_false(machine_owns_row("\0", 1));
    assert_false(machine_owns_row("!members", 8));
    struct store_row row = {.key = "!x", .key_size = 2, .value = "\1", .value_size = 1};
    struct err err;
    assert_int_equal(machine_load_row(kit.machine, &row, &err), ERR_CORRUPT);
    assert_string_equal(err.msg, "state table: a row of kind '!' can not be read");
}

static void nothing_on_disk_is_the_state_before_the_first_entry(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(load(&err), 0);
}

#define KIT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void a_machine_is_taken_apart_in_slices(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%d", i);
        (void)kit_ok(&kit, kv_put(key, "1"));
    }
    unsigned slices = 1;
    while (!machine_destroy_some(kit.machine, 100)) {
        slices++;
    }
    assert_int_equal(slices, 10);
    kit.machine = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(only_what_changed_is_written),
        KIT_TEST(a_deleted_key_that_comes_back_is_there),
        KIT_TEST(long_keys_have_rows_of_their_own),
        KIT_TEST(rows_of_every_kind_come_back_in_any_order),
        KIT_TEST(a_lost_row_is_noticed),
        KIT_TEST(a_changed_bit_is_noticed),
        KIT_TEST(a_key_changed_or_doubled_is_noticed),
        KIT_TEST(a_row_cut_short_is_noticed),
        KIT_TEST(a_form_of_the_future_is_named),
        KIT_TEST(rows_of_others_are_known_as_such),
        KIT_TEST(nothing_on_disk_is_the_state_before_the_first_entry),
        KIT_TEST(a_machine_is_taken_apart_in_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
