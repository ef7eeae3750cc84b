/* tests/unit/test_lease_table.c - leases by id, their keys, and rows that arrive in any order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/must.h"
#include "consensus/lease_table.h"

static void leases_are_found_and_walked_by_id(void **state)
{
    (void)state;
    struct lease_table table = {0};
    const uint64_t ids[] = {300, 1, UINT64_MAX, 256, 255, 65536};
    const uint64_t sorted[] = {1, 255, 256, 300, 65536, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct lease *lease = lease_table_add(&table, ids[i]);
        assert_int_equal(lease->id, ids[i]);
        assert_ptr_equal(lease_table_find(&table, ids[i]), lease);
    }
    uint64_t at = 0;
    for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
        struct lease *lease = lease_table_next(&table, at);
        assert_non_null(lease);
        assert_true(lease->id == sorted[i]);
        at = lease->id;
    }
    assert_null(lease_table_next(&table, at));
    assert_null(lease_table_find(&table, 2));
    struct lease *gone = lease_table_find(&table, 256);
    lease_table_remove(&table, gone);
    lease_free(gone);
    assert_null(lease_table_find(&table, 256));
    lease_table_close(&table);
}

static void keys_come_and_go(void **state)
{
    (void)state;
    struct lease_table table = {0};
    struct lease *lease = lease_table_add(&table, 9);
    struct record *first = record_create(kv_text("a"), kv_text(""));
    struct record *second = record_create(kv_text("b"), kv_text(""));
    first->lease = 9;
    second->lease = 9;
    lease_attach(lease, first);
    lease_attach(lease, second);
    assert_int_equal(lease->key_count, 2);
    lease_detach(lease, first);
    assert_int_equal(lease->key_count, 1);
    assert_ptr_equal(lease->keys.next, &second->lease_link);
    lease_table_close(&table); /* also lets go of the keys that are left */
    record_unref(first);
    record_unref(second);
}

static void a_key_may_come_before_its_lease(void **state)
{
    (void)state;
    struct lease_table table = {0};
    struct lease *expected = lease_table_expect(&table, 5);
    assert_int_equal(table.unknown_count, 1);
    assert_ptr_equal(lease_table_expect(&table, 5), expected);
    assert_false(expected->is_known);
    assert_ptr_equal(lease_table_add(&table, 5), expected);
    assert_true(expected->is_known);
    assert_int_equal(table.unknown_count, 0);
    lease_table_close(&table);
}

static void every_field_is_in_the_hash(void **state)
{
    (void)state;
    struct lease base = {.id = 1};
    struct lease other[] = {
        {.id = 2},
        {.id = 1, .ttl_ms = 1},
        {.id = 1, .generation = 1},
        {.id = 1, .granted_index = 1},
        {.id = 1, .holder = 1},
        {.id = 1, .epoch = 1},
        {.id = 1, .marked_index = 1},
        {.id = 1, .is_protected = true},
    };
    struct hash128 hash = lease_hash(&base);
    for (size_t i = 0; i < ARRAY_LEN(other); i++) {
        struct hash128 differs = lease_hash(&other[i]);
        assert_false(hash128_equal(&hash, &differs));
        for (size_t j = 0; j < i; j++) {
            struct hash128 third = lease_hash(&other[j]);
            assert_false(hash128_equal(&third, &differs));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leases_are_found_and_walked_by_id),
        cmocka_unit_test(keys_come_and_go),
        cmocka_unit_test(a_key_may_come_before_its_lease),
        cmocka_unit_test(every_field_is_in_the_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
