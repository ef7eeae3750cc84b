/* tests/unit/test_machine_lease.c - leases and their keys; and, rule by rule, what safety A3 asks
 * of the lease that the primary holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "tests/lib/kv_kit.h"

#define PRIMARY_KEY "/service/demo/leader"
#define HELD UINT64_C(4711) /* the primary's lease */

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

static struct machine_lease lease_of(uint64_t id)
{
    struct machine_lease lease = {0};
    assert_true(machine_lease(kit.machine, id, &lease));
    return lease;
}

static bool lease_exists(uint64_t id)
{
    struct machine_lease lease;
    return machine_lease(kit.machine, id, &lease);
}

/* ---- ordinary leases ---- */

static void a_lease_is_granted_with_an_id_of_either_side(void **state)
{
    (void)state;
    kit_ok(&kit, kv_put("a", "1"));
    const struct kv_result *result = kit_ok(&kit, kv_grant(50, 3000));
    assert_int_equal(result->ops[0].kind, KV_OP_LEASE);
    assert_int_equal(result->ops[0].lease, 50);
    assert_int_equal(result->ops[0].lease_ttl_ms, 3000);
    assert_int_equal(result->ops[0].lease_generation, 2);
    struct machine_lease lease = lease_of(50);
    assert_int_equal(lease.generation, 2);
    assert_int_equal(lease.granted_index, 2);
    assert_false(lease.is_protected);
    kit_fails(&kit, kv_grant(50, 3000), ERR_EXISTS);
    /* Given ids are the entry's index, or the next one that is free. */
    assert_int_equal(kit_ok(&kit, kv_grant(0, 1000))->ops[0].lease, 4);
    kit_ok(&kit, kv_grant(6, 1000));
    kit_ok(&kit, kv_grant(7, 1000)); /* entry 6 */
    const struct kv_op ops[] = {op_grant(0, 1000), op_grant(8, 1000), op_grant(0, 1000)};
    result = kit_ok(&kit, kv_if(NULL, 0, ops, 3, NULL, 0)); /* entry 7: 7 and 8 are taken */
    assert_int_equal(result->ops[0].lease, 9);
    assert_int_equal(result->ops[1].lease, 8);
    assert_int_equal(result->ops[2].lease, 10);
    uint64_t at = 0;
    static const uint64_t sorted[] = {4, 6, 7, 8, 9, 10, 50};
    for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
        assert_true(machine_lease_next(kit.machine, at, &lease));
        assert_int_equal(lease.id, sorted[i]);
        at = lease.id;
    }
    assert_false(machine_lease_next(kit.machine, at, &lease));
}

static void keys_go_with_their_lease_in_one_revision(void **state)
{
    (void)state;
    kit_ok(&kit, kv_grant(5, 1000));
    kit_ok(&kit, kv_put("free", "1"));
    kit_ok(&kit, kv_put_on("z", "1", 5));
    kit_ok(&kit, kv_put_on("a", "1", 5));
    kit_ok(&kit, kv_put_on("m", "1", 5));
    struct arena arena = {0};
    arena_reset(&arena, 1000);
    const struct kv_slice *keys = NULL;
    assert_int_equal(machine_lease_keys(kit.machine, 5, &arena, &keys), 3);
    assert_true(kv_slice_equal(keys[0], kv_text("a")));
    assert_true(kv_slice_equal(keys[2], kv_text("z")));
    assert_int_equal(machine_lease_keys(kit.machine, 6, &arena, &keys), 0);
    arena_close(&arena);
    struct watch_options options = {.span = kv_prefix(""), .from_revision = 5};
    struct watch *watch = watch_open(kit.hub, &options);
    const struct kv_result *result = kit_ok(&kit, kv_revoke(5));
    assert_int_equal(result->revision, 5);
    assert_int_equal(result->ops[0].lease, 5);
    assert_int_equal(result->ops[0].count, 3);
    assert_false(lease_exists(5));
    assert_string_equal(kit_keys(&kit, kv_prefix("")), "free");
    /* The events come in the order of the keys, not in that of attaching. */
    struct watch_batch batch;
    assert_int_equal(watch_pull(watch, SIZE_MAX, &batch), WATCH_EVENTS);
    assert_int_equal(batch.count, 3);
    static const char *const order[] = {"a", "m", "z"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(batch.events[i].is_delete);
        assert_int_equal(batch.events[i].revision, 5);
        assert_true(kv_slice_equal(batch.events[i].pair.key, kv_text(order[i])));
    }
    kit_fails(&kit, kv_revoke(5), ERR_NOT_FOUND);
}

static void a_key_is_on_one_lease_at_a_time(void **state)
{
    (void)state;
    kit_ok(&kit, kv_grant(5, 1000));
    kit_ok(&kit, kv_grant(6, 1000));
    kit_ok(&kit, kv_put_on("a", "1", 5));
    kit_ok(&kit, kv_put_on("b", "1", 5));
    kit_ok(&kit, kv_put_on("c", "1", 5));
    assert_int_equal(lease_of(5).key_count, 3);
    kit_ok(&kit, kv_put_on("a", "2", 6)); /* another one */
    kit_ok(&kit, kv_put("b", "2"));       /* none */
    kit_ok(&kit, kv_delete("c"));
    assert_int_equal(lease_of(5).key_count, 0);
    assert_int_equal(lease_of(6).key_count, 1);
    kit_ok(&kit, kv_revoke(5));
    assert_string_equal(kit_keys(&kit, kv_prefix("")), "a b");
    kit_ok(&kit, kv_revoke(6));
    assert_string_equal(kit_keys(&kit, kv_prefix("")), "b");
    kit_fails(&kit, kv_put_on("a", "2", 6), ERR_NOT_FOUND);
}

/* Whoever held it before does not end what another has been granted under its id. */
static void a_revocation_may_name_the_grant(void **state)
{
    (void)state;
    kit_ok(&kit, kv_grant(5, 1000));
    kit_ok(&kit, kv_revoke(5));
    kit_ok(&kit, kv_grant(5, 1000)); /* entry 3 */
    struct kv_command revoke = kv_revoke(5);
    revoke.lease_end.generation = 1;
    kit_fails(&kit, revoke, ERR_CONFLICT);
    assert_true(lease_exists(5));
    revoke.lease_end.generation = 3;
    kit_ok(&kit, revoke);
    assert_false(lease_exists(5));
}

/* An expiry counted the time of one generation: any other one has time left. */
static void an_expiry_is_of_a_generation(void **state)
{
    (void)state;
    kit_ok(&kit, kv_grant(5, 1000));
    kit_ok(&kit, kv_put_on("a", "1", 5));
    struct kv_command longer = {.kind = KV_LEASE_CHANGE, .lease_change = {.id = 5, .ttl_ms = 9000}};
    assert_int_equal(kit_ok(&kit, longer)->ops[0].lease_generation, 3);
    assert_int_equal(lease_of(5).ttl_ms, 9000);
    kit_fails(&kit, kv_expire(5, 1), ERR_CONFLICT);
    assert_true(lease_exists(5));
    assert_int_equal(kit_ok(&kit, kv_expire(5, 3))->ops[0].count, 1);
    assert_false(lease_exists(5));
    kit_fails(&kit, kv_expire(5, 3), ERR_NOT_FOUND);
    /* Granted again under its old id: the old expiry does not touch it. */
    kit_ok(&kit, kv_grant(5, 1000));
    kit_fails(&kit, kv_expire(5, 3), ERR_CONFLICT);
}

static void a_grant_and_its_keys_are_one_entry(void **state)
{
    (void)state;
    const struct kv_compare absent = compare_number("a", KV_TARGET_EXISTS, KV_EQUAL, 0);
    const struct kv_op ops[] = {op_grant(5, 1000), op_put_on("a", "1", 5)};
    assert_true(kit_ok(&kit, kv_if(&absent, 1, ops, 2, NULL, 0))->succeeded);
    assert_int_equal(lease_of(5).key_count, 1);
    const struct kv_op wrong[] = {op_put_on("b", "1", 6), op_grant(6, 1000)};
    kit_fails(&kit, kv_if(NULL, 0, wrong, 2, NULL, 0), ERR_NOT_FOUND);
    assert_false(lease_exists(6));
}

static void a_marked_lease_gets_no_more_time(void **state)
{
    (void)state;
    kit_ok(&kit, kv_grant(5, 1000));
    struct kv_command stop = {.kind = KV_LEASE_CHANGE,
                              .lease_change = {.id = 5, .stop_renewal = true}};
    struct kv_command longer = {.kind = KV_LEASE_CHANGE, .lease_change = {.id = 5, .ttl_ms = 9000}};
    kit_ok(&kit, stop);
    assert_int_equal(lease_of(5).marked_index, 2);
    assert_int_equal(lease_of(5).generation, 1);
    kit_ok(&kit, stop);
    assert_int_equal(lease_of(5).marked_index, 2);
    kit_fails(&kit, longer, ERR_REFUSED);
    kit_ok(&kit, kv_expire(5, 1));
    kit_fails(&kit, stop, ERR_NOT_FOUND);
}

/* Whoever holds it counts with the time it was told. */
static void an_ordinary_lease_gets_no_shorter(void **state)
{
    (void)state;
    kit_ok(&kit, kv_grant(5, 1000));
    struct kv_command shorter = {.kind = KV_LEASE_CHANGE, .lease_change = {.id = 5, .ttl_ms = 999}};
    kit_fails(&kit, shorter, ERR_REFUSED);
    assert_int_equal(lease_of(5).ttl_ms, 1000);
    assert_int_equal(lease_of(5).generation, 1);
}

static void changes_of_leases_are_told(void **state)
{
    (void)state;
    kit_ok(&kit, kv_grant(5, 1000));
    assert_int_equal(kit.lease_events[MACHINE_LEASE_GRANTED], 1);
    assert_int_equal(kit.last_lease.id, 5);
    kit_ok(&kit, kv_put_on("a", "1", 5));
    struct kv_command change = {.kind = KV_LEASE_CHANGE,
                                .lease_change = {.id = 5, .ttl_ms = 1900, .stop_renewal = true}};
    kit_ok(&kit, change);
    assert_int_equal(kit.lease_events[MACHINE_LEASE_CHANGED], 1);
    assert_int_equal(kit.lease_events[MACHINE_LEASE_MARKED], 1);
    assert_int_equal(kit.last_lease.ttl_ms, 1900);
    assert_int_equal(kit.last_lease.marked_index, 3);
    kit_fails(&kit, kv_expire(5, 1), ERR_CONFLICT);
    assert_int_equal(kit.lease_events[MACHINE_LEASE_REMOVED], 0);
    kit_ok(&kit, kv_expire(5, 3));
    assert_int_equal(kit.lease_events[MACHINE_LEASE_REMOVED], 1);
}

/* ---- safety A3 ---- */

static struct kv_command grant_primary(uint64_t lease, uint64_t epoch)
{
    static struct kv_op ops[2];
    static struct kv_compare absent;
    absent = compare_number(PRIMARY_KEY, KV_TARGET_EXISTS, KV_EQUAL, 0);
    ops[0] = op_grant_protected(lease, epoch);
    ops[1] = op_put_on(PRIMARY_KEY, "pg1", lease);
    return kv_if(&absent, 1, ops, 2, NULL, 0);
}

static int setup_primary(void **state)
{
    setup(state);
    kit_ok(&kit, grant_primary(HELD, 7));
    assert_int_equal(lease_of(HELD).epoch, 7);
    assert_true(lease_of(HELD).is_protected);
    assert_int_equal(lease_of(HELD).holder, 1);
    return 0;
}

/* The command is refused, nothing is done, and the lease is marked. */
static void is_refused_and_marks(struct kv_command command)
{
    uint64_t revision = kit_revision(&kit);
    const struct kv_result *result = kit_fails(&kit, command, ERR_REFUSED);
    assert_int_equal(result->marked_lease, HELD);
    assert_int_equal(result->revision, revision);
    assert_string_equal(kit_value(&kit, PRIMARY_KEY), "pg1");
    assert_int_equal(lease_of(HELD).marked_index, kit.index);
    assert_int_equal(lease_of(HELD).generation, 1);
    assert_int_equal(kit.lease_events[MACHINE_LEASE_MARKED], 1);
}

static void overwriting_the_primary_key_only_marks(void **state)
{
    (void)state;
    is_refused_and_marks(kv_put(PRIMARY_KEY, "pg2"));
}

static void putting_it_on_its_lease_without_the_epoch_only_marks(void **state)
{
    (void)state;
    is_refused_and_marks(by_holder(kv_put_on(PRIMARY_KEY, "pg2", HELD), HELD, 6));
}

static void deleting_it_only_marks(void **state)
{
    (void)state;
    is_refused_and_marks(kv_delete(PRIMARY_KEY));
}

static void deleting_its_directory_deletes_nothing(void **state)
{
    (void)state;
    kit_ok(&kit, kv_put("/service/demo/config", "{}"));
    is_refused_and_marks(kv_delete_all(kv_prefix("/service/demo/")));
    assert_string_equal(kit_value(&kit, "/service/demo/config"), "{}");
}

static void a_transaction_that_touches_it_does_nothing(void **state)
{
    (void)state;
    static struct kv_op ops[2];
    ops[0] = op_put("/other", "x");
    ops[1] = op_delete(kv_one(PRIMARY_KEY));
    is_refused_and_marks(kv_if(NULL, 0, ops, 2, NULL, 0));
    assert_null(kit_value(&kit, "/other"));
}

static void revoking_its_lease_only_marks(void **state)
{
    (void)state;
    is_refused_and_marks(kv_revoke(HELD));
}

static void even_the_system_only_marks(void **state)
{
    (void)state;
    is_refused_and_marks(by_system(kv_delete(PRIMARY_KEY)));
}

/* A second primary, straight from the advisor: no compare, so it reaches for the key. */
static void a_second_grant_is_refused_while_the_first_lives(void **state)
{
    (void)state;
    static struct kv_op ops[2];
    ops[0] = op_grant_protected(5000, 8);
    ops[1] = op_put_on(PRIMARY_KEY, "pg2", 5000);
    is_refused_and_marks(kv_if(NULL, 0, ops, 2, NULL, 0));
    assert_false(lease_exists(5000));
    assert_int_equal(kit_status(&kit).epoch, 7);
}

static void a_compare_that_fails_marks_nothing(void **state)
{
    (void)state;
    assert_false(kit_ok(&kit, grant_primary(5000, 8))->succeeded);
    assert_int_equal(lease_of(HELD).marked_index, 0);
    assert_false(lease_exists(5000));
}

static void a_mark_stays_and_is_made_once(void **state)
{
    (void)state;
    is_refused_and_marks(kv_delete(PRIMARY_KEY));
    uint64_t marked = kit.index;
    const struct kv_result *result = kit_fails(&kit, kv_revoke(HELD), ERR_REFUSED);
    assert_int_equal(result->marked_lease, HELD);
    assert_int_equal(lease_of(HELD).marked_index, marked);
    assert_int_equal(kit.lease_events[MACHINE_LEASE_MARKED], 1);
    kit_reload(&kit);
    assert_int_equal(lease_of(HELD).marked_index, marked);
    /* It makes room only when its time is over. */
    struct kv_command longer = {.kind = KV_LEASE_CHANGE,
                                .lease_change = {.id = HELD, .epoch = 7, .ttl_ms = 9000}};
    kit_fails(&kit, longer, ERR_REFUSED);
    kit_ok(&kit, kv_expire(HELD, 1));
    assert_null(kit_value(&kit, PRIMARY_KEY));
    assert_true(kit_ok(&kit, grant_primary(5000, 8))->succeeded);
}

static void the_holder_may_write_but_not_let_go_of_the_key(void **state)
{
    (void)state;
    kit_ok(&kit, by_holder(kv_put_on(PRIMARY_KEY, "pg1 again", HELD), HELD, 7));
    assert_string_equal(kit_value(&kit, PRIMARY_KEY), "pg1 again");
    kit_ok(&kit, kv_grant(9, 1000));
    const struct kv_command refused[] = {
        by_holder(kv_put(PRIMARY_KEY, "x"), HELD, 7),
        by_holder(kv_put_on(PRIMARY_KEY, "x", 9), HELD, 7),
        by_holder(kv_delete(PRIMARY_KEY), HELD, 7),
        by_holder(kv_delete_all(kv_prefix("")), HELD, 7),
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        const struct kv_result *result = kit_fails(&kit, refused[i], ERR_REFUSED);
        assert_int_equal(result->marked_lease, 0);
        assert_int_equal(lease_of(HELD).marked_index, 0);
        assert_string_equal(kit_value(&kit, PRIMARY_KEY), "pg1 again");
    }
}

static void only_the_holder_attaches_keys(void **state)
{
    (void)state;
    kit_fails(&kit, kv_put_on("/x", "1", HELD), ERR_REFUSED);
    kit_fails(&kit, by_holder(kv_put_on("/x", "1", HELD), HELD, 8), ERR_REFUSED);
    assert_int_equal(lease_of(HELD).marked_index, 0); /* nothing of the holder's was touched */
    kit_ok(&kit, by_holder(kv_put_on("/x", "1", HELD), HELD, 7));
    assert_int_equal(lease_of(HELD).key_count, 2);
    kit_fails(&kit, kv_delete("/x"), ERR_REFUSED);
}

static void a_release_names_the_epoch(void **state)
{
    (void)state;
    kit_fails(&kit, kv_release(HELD, 6), ERR_CONFLICT);
    kit_fails(&kit, kv_release(HELD, 8), ERR_CONFLICT);
    assert_int_equal(lease_of(HELD).marked_index, 0); /* late, not hostile */
    const struct kv_result *result = kit_ok(&kit, kv_release(HELD, 7));
    assert_int_equal(result->ops[0].count, 1);
    assert_null(kit_value(&kit, PRIMARY_KEY));
    assert_false(lease_exists(HELD));
    kit_fails(&kit, kv_release(HELD, 7), ERR_NOT_FOUND);
    /* The id again, another epoch: the old release, sent again, does nothing. */
    kit_ok(&kit, grant_primary(HELD, 8));
    kit_fails(&kit, kv_release(HELD, 7), ERR_CONFLICT);
    assert_true(lease_exists(HELD));
    kit_ok(&kit, kv_grant(9, 1000));
    kit_fails(&kit, kv_release(9, 1), ERR_CONFLICT); /* an ordinary lease is revoked */
}

static void a_release_after_a_mark_is_as_good(void **state)
{
    (void)state;
    kit_fails(&kit, kv_delete(PRIMARY_KEY), ERR_REFUSED);
    kit_ok(&kit, kv_release(HELD, 7));
    assert_true(kit_ok(&kit, grant_primary(5000, 8))->succeeded);
}

static void the_holder_alone_gives_up_time(void **state)
{
    (void)state;
    struct kv_command shorter = {.kind = KV_LEASE_CHANGE,
                                 .lease_change = {.id = HELD, .epoch = 7, .ttl_ms = 1000}};
    kit_fails(&kit, shorter, ERR_REFUSED);
    kit_fails(&kit, by_holder(shorter, HELD, 6), ERR_REFUSED);
    kit_ok(&kit, by_holder(shorter, HELD, 7));
    assert_int_equal(lease_of(HELD).ttl_ms, 1000);
}

static void a_change_names_the_epoch(void **state)
{
    (void)state;
    struct kv_command change = {.kind = KV_LEASE_CHANGE,
                                .lease_change = {.id = HELD, .epoch = 6, .ttl_ms = 15000}};
    kit_fails(&kit, change, ERR_CONFLICT);
    change.lease_change.epoch = 0;
    kit_fails(&kit, change, ERR_CONFLICT);
    change.lease_change.epoch = 7;
    assert_int_equal(kit_ok(&kit, change)->ops[0].lease_generation, 4);
    kit_fails(&kit, kv_expire(HELD, 1), ERR_CONFLICT); /* counted before the longer time */
    kit_ok(&kit, kv_expire(HELD, 4));
}

static void epochs_only_grow(void **state)
{
    (void)state;
    kit_ok(&kit, kv_release(HELD, 7));
    kit_fails(&kit, kv_grant_protected(1, 7), ERR_CONFLICT);
    kit_fails(&kit, kv_grant_protected(1, 3), ERR_CONFLICT);
    assert_int_equal(kit_ok(&kit, kv_grant_protected(1, 0))->ops[0].lease_epoch, 8);
    kit_ok(&kit, kv_release(1, 8));
    kit_reload(&kit); /* no lease is left to remember it */
    kit_fails(&kit, kv_grant_protected(1, 8), ERR_CONFLICT);
    kit_ok(&kit, kv_set(KV_SETTING_EPOCH_FLOOR, 100));
    kit_fails(&kit, kv_grant_protected(1, 100), ERR_CONFLICT);
    assert_int_equal(kit_ok(&kit, kv_grant_protected(1, 0))->ops[0].lease_epoch, 101);
    kit_ok(&kit, kv_grant_protected(2, UINT64_MAX - 1));
    kit_fails(&kit, kv_grant_protected(3, 0), ERR_CONFLICT); /* none is left */
}

static void no_epoch_while_they_are_held(void **state)
{
    (void)state;
    kit_ok(&kit, kv_set(KV_SETTING_HOLD_EPOCHS, 1));
    kit_ok(&kit, kv_expire(HELD, 1));
    kit_fails(&kit, grant_primary(5000, 8), ERR_REFUSED);
    kit_ok(&kit, kv_grant(9, 1000)); /* ordinary leases go on */
    kit_ok(&kit, kv_set(KV_SETTING_HOLD_EPOCHS, 0));
    kit_ok(&kit, grant_primary(5000, 8));
}

#define KIT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define PRIMARY_TEST(name) cmocka_unit_test_setup_teardown(name, setup_primary, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(a_lease_is_granted_with_an_id_of_either_side),
        KIT_TEST(keys_go_with_their_lease_in_one_revision),
        KIT_TEST(a_key_is_on_one_lease_at_a_time),
        KIT_TEST(a_revocation_may_name_the_grant),
        KIT_TEST(an_expiry_is_of_a_generation),
        KIT_TEST(a_grant_and_its_keys_are_one_entry),
        KIT_TEST(a_marked_lease_gets_no_more_time),
        KIT_TEST(an_ordinary_lease_gets_no_shorter),
        KIT_TEST(changes_of_leases_are_told),
        PRIMARY_TEST(overwriting_the_primary_key_only_marks),
        PRIMARY_TEST(putting_it_on_its_lease_without_the_epoch_only_marks),
        PRIMARY_TEST(deleting_it_only_marks),
        PRIMARY_TEST(deleting_its_directory_deletes_nothing),
        PRIMARY_TEST(a_transaction_that_touches_it_does_nothing),
        PRIMARY_TEST(revoking_its_lease_only_marks),
        PRIMARY_TEST(even_the_system_only_marks),
        PRIMARY_TEST(a_second_grant_is_refused_while_the_first_lives),
        PRIMARY_TEST(a_compare_that_fails_marks_nothing),
        PRIMARY_TEST(a_mark_stays_and_is_made_once),
        PRIMARY_TEST(the_holder_may_write_but_not_let_go_of_the_key),
        PRIMARY_TEST(only_the_holder_attaches_keys),
        PRIMARY_TEST(a_release_names_the_epoch),
        PRIMARY_TEST(a_release_after_a_mark_is_as_good),
        PRIMARY_TEST(the_holder_alone_gives_up_time),
        PRIMARY_TEST(a_change_names_the_epoch),
        PRIMARY_TEST(epochs_only_grow),
        PRIMARY_TEST(no_epoch_while_they_are_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
