/* tests/unit/test_machine.c - puts, deletes, transactions, retries, quota, settings: one situation
 * a test, said with the words of lib/kv_kit.h. Leases: test_machine_lease.c; long random lives
 * against a model: test_machine_model.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "consensus/client_table.h"
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

static void numbers_are(const char *key, uint64_t create, uint64_t mod, uint64_t version)
{
    struct kv_pair pair = kit_pair(&kit, key);
    assert_int_equal(pair.create_revision, create);
    assert_int_equal(pair.mod_revision, mod);
    assert_int_equal(pair.version, version);
}

static void a_put_counts_revisions_and_versions(void **state)
{
    (void)state;
    assert_int_equal(kit_revision(&kit), 0);
    assert_int_equal(kit_ok(&kit, kv_put("/a", "1"))->revision, 1);
    assert_int_equal(kit_ok(&kit, kv_put("/b", "2"))->revision, 2);
    assert_int_equal(kit_ok(&kit, kv_put("/a", "3"))->revision, 3);
    assert_string_equal(kit_value(&kit, "/a"), "3");
    numbers_are("/a", 1, 3, 2);
    numbers_are("/b", 2, 2, 1);
    assert_int_equal(kit_ok(&kit, kv_delete("/a"))->revision, 4);
    assert_null(kit_value(&kit, "/a"));
    kit_ok(&kit, kv_put("/a", "4"));
    numbers_are("/a", 5, 5, 1);
    kit_ok(&kit, kv_put("/a", ""));
    assert_string_equal(kit_value(&kit, "/a"), "");
}

static void what_writes_nothing_has_no_revision(void **state)
{
    (void)state;
    kit_ok(&kit, kv_put("/a", "1"));
    const struct kv_result *result = kit_ok(&kit, kv_delete("/b"));
    assert_int_equal(result->revision, 1);
    assert_int_equal(result->ops[0].count, 0);
    kit_ok(&kit, kv_delete_all(kv_prefix("/b")));
    kit_ok(&kit, kv_do(op_range(kv_prefix(""))));
    kit_ok(&kit, (struct kv_command){.kind = KV_NOOP});
    kit_ok(&kit, kv_grant(0, 1000));
    kit_ok(&kit, kv_set(KV_SETTING_QUOTA_BYTES, KV_QUOTA_BYTES_MAX));
    assert_int_equal(kit_revision(&kit), 1);
    assert_int_equal(kit_status(&kit).index, 7);
}

static void previous_pairs_are_shown_on_request(void **state)
{
    (void)state;
    struct kv_command put = kv_put("/a", "new");
    put.op.put.want_previous = true;
    assert_int_equal(kit_ok(&kit, put)->ops[0].pair_count, 0);
    kit_ok(&kit, kv_put("/a", "old"));
    const struct kv_result *result = kit_ok(&kit, put);
    assert_int_equal(result->op_count, 1);
    assert_int_equal(result->ops[0].kind, KV_OP_PUT);
    assert_int_equal(result->ops[0].pair_count, 1);
    assert_true(kv_slice_equal(result->ops[0].pairs[0].value, kv_text("old")));
    assert_int_equal(result->ops[0].pairs[0].mod_revision, 2);
    assert_int_equal(kit_ok(&kit, kv_put("/a", "x"))->ops[0].pair_count, 0);

    kit_ok(&kit, kv_put("/b", "y"));
    struct kv_command remove = kv_delete_all(kv_prefix("/"));
    remove.op.remove.want_previous = true;
    result = kit_ok(&kit, remove);
    assert_int_equal(result->ops[0].count, 2);
    assert_int_equal(result->ops[0].pair_count, 2);
    assert_true(kv_slice_equal(result->ops[0].pairs[0].key, kv_text("/a")));
    assert_true(kv_slice_equal(result->ops[0].pairs[1].value, kv_text("y")));
    assert_false(result->ops[0].more);
}

static void a_deletion_takes_its_span_and_no_more(void **state)
{
    (void)state;
    static const char *const keys[] = {"/a", "/a/1", "/a/2", "/b", "/b/1", "/c"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        kit_ok(&kit, kv_put(keys[i], "v"));
    }
    assert_int_equal(kit_ok(&kit, kv_delete("/b"))->ops[0].count, 1);
    assert_string_equal(kit_keys(&kit, kv_prefix("")), "/a /a/1 /a/2 /b/1 /c");
    assert_int_equal(kit_ok(&kit, kv_delete_all(kv_prefix("/a/")))->ops[0].count, 2);
    assert_string_equal(kit_keys(&kit, kv_prefix("")), "/a /b/1 /c");
    assert_int_equal(kit_ok(&kit, kv_delete_all(kv_from_to("/a0", "/c")))->ops[0].count, 1);
    assert_string_equal(kit_keys(&kit, kv_prefix("")), "/a /c");
    const struct kv_result *result = kit_ok(&kit, kv_delete_all(kv_from_to("", "")));
    assert_int_equal(result->ops[0].count, 2);
    assert_int_equal(result->revision, 10);
    assert_string_equal(kit_keys(&kit, kv_prefix("")), "");
    assert_int_equal(kit_status(&kit).used_bytes, 0);
}

static void a_transaction_is_one_revision(void **state)
{
    (void)state;
    kit_ok(&kit, kv_put("/x", "1"));
    kit_ok(&kit, kv_put("/old/1", "1"));
    kit_ok(&kit, kv_put("/old/2", "1"));
    const struct kv_op ops[] = {op_put("/a", "1"),        op_put("/b", "2"),
                                op_range(kv_prefix("/")), op_delete(kv_prefix("/old/")),
                                op_range(kv_prefix("/")), op_put("/x", "2")};
    const struct kv_result *result = kit_ok(&kit, kv_if(NULL, 0, ops, ARRAY_LEN(ops), NULL, 0));
    assert_true(result->succeeded);
    assert_int_equal(result->revision, 4);
    assert_int_equal(result->op_count, 6);
    assert_int_equal(result->ops[2].pair_count, 5); /* sees what came before it in the list */
    assert_true(kv_slice_equal(result->ops[2].pairs[4].key, kv_text("/x")));
    assert_true(kv_slice_equal(result->ops[2].pairs[4].value, kv_text("1")));
    assert_int_equal(result->ops[3].count, 2);
    assert_int_equal(result->ops[4].pair_count, 3);
    assert_int_equal(result->ops[5].kind, KV_OP_PUT);
    numbers_are("/a", 4, 4, 1);
    numbers_are("/b", 4, 4, 1);
    numbers_are("/x", 1, 4, 2);
    assert_string_equal(kit_keys(&kit, kv_prefix("")), "/a /b /x");
}

static bool holds(struct kv_compare compare)
{
    return kit_ok(&kit, kv_if(&compare, 1, NULL, 0, NULL, 0))->succeeded;
}

static void compares_by_table(void **state)
{
    (void)state;
    kit_ok(&kit, kv_grant(9, 1000));
    kit_ok(&kit, kv_put("/other", "x"));
    kit_ok(&kit, kv_put("/k", "b"));
    kit_ok(&kit, kv_put_on("/k", "m", 9));
    /* /k: create 2, mod 3, version 2, lease 9, value m; /no: absent */
    static const struct {
        const char *key;
        enum kv_target target;
        uint64_t is;
    } numbers[] = {
        {"/k", KV_TARGET_CREATE_REVISION, 2},  {"/k", KV_TARGET_MOD_REVISION, 3},
        {"/k", KV_TARGET_VERSION, 2},          {"/k", KV_TARGET_LEASE, 9},
        {"/no", KV_TARGET_CREATE_REVISION, 0}, {"/no", KV_TARGET_MOD_REVISION, 0},
        {"/no", KV_TARGET_VERSION, 0},         {"/no", KV_TARGET_LEASE, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        for (uint64_t with = 0; with <= numbers[i].is + 1; with++) {
            const char *key = numbers[i].key;
            enum kv_target target = numbers[i].target;
            uint64_t is = numbers[i].is;
            assert_int_equal(holds(compare_number(key, target, KV_EQUAL, with)), is == with);
            assert_int_equal(holds(compare_number(key, target, KV_NOT_EQUAL, with)), is != with);
            assert_int_equal(holds(compare_number(key, target, KV_LESS, with)), is < with);
            assert_int_equal(holds(compare_number(key, target, KV_GREATER, with)), is > with);
        }
    }
    static const char *const values[] = {"", "a", "l", "m", "ma", "z"};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        int order = strcmp("m", values[i]);
        assert_int_equal(holds(compare_value("/k", KV_EQUAL, values[i])), order == 0);
        assert_int_equal(holds(compare_value("/k", KV_NOT_EQUAL, values[i])), order != 0);
        assert_int_equal(holds(compare_value("/k", KV_LESS, values[i])), order < 0);
        assert_int_equal(holds(compare_value("/k", KV_GREATER, values[i])), order > 0);
        /* What is not there has no value: no relation to it holds. */
        for (unsigned relation = KV_EQUAL; relation <= KV_GREATER; relation++) {
            assert_false(holds(compare_value("/no", (enum kv_relation)relation, values[i])));
        }
    }
    assert_true(holds(compare_number("/k", KV_TARGET_EXISTS, KV_EQUAL, 1)));
    assert_false(holds(compare_number("/k", KV_TARGET_EXISTS, KV_EQUAL, 0)));
    assert_true(holds(compare_number("/no", KV_TARGET_EXISTS, KV_EQUAL, 0)));
    assert_true(holds(compare_number("/no", KV_TARGET_EXISTS, KV_NOT_EQUAL, 1)));
}

static void all_compares_must_hold(void **state)
{
    (void)state;
    kit_ok(&kit, kv_put("/a", "1"));
    kit_ok(&kit, kv_put("/b", "2"));
    struct kv_compare compares[] = {compare_value("/a", KV_EQUAL, "1"),
                                    compare_value("/b", KV_EQUAL, "3")};
    const struct kv_op then_ops[] = {op_put("/won", "1")};
    const struct kv_op else_ops[] = {op_put("/lost", "1"), op_range(kv_one("/b"))};
    const struct kv_result *result = kit_ok(&kit, kv_if(compares, 2, then_ops, 1, else_ops, 2));
    assert_false(result->succeeded);
    assert_int_equal(result->code, 0);
    assert_int_equal(result->op_count, 2);
    assert_null(kit_value(&kit, "/won"));
    assert_string_equal(kit_value(&kit, "/lost"), "1");
    compares[1] = compare_value("/b", KV_EQUAL, "2");
    assert_true(kit_ok(&kit, kv_if(compares, 2, then_ops, 1, else_ops, 2))->succeeded);
    assert_string_equal(kit_value(&kit, "/won"), "1");
    /* Without compares it is the then list; without a list nothing happens. */
    assert_true(kit_ok(&kit, kv_if(NULL, 0, NULL, 0, else_ops, 1))->succeeded);
    assert_int_equal(kit_revision(&kit), 4);
}

static void an_error_in_a_list_undoes_all_of_it(void **state)
{
    (void)state;
    kit_ok(&kit, kv_put("/a", "1"));
    struct hash128 before = kit_status(&kit).hash;
    const struct kv_op ops[] = {op_put("/a", "2"), op_grant(5, 1000), op_delete(kv_prefix("/b")),
                                op_put_on("c", "x", 77)};
    const struct kv_result *result =
        kit_fails(&kit, kv_if(NULL, 0, ops, 4, NULL, 0), ERR_NOT_FOUND);
    assert_int_equal(result->failed_op, 3);
    assert_int_equal(result->op_count, 0);
    assert_int_equal(result->revision, 1);
    struct hash128 after = kit_status(&kit).hash;
    assert_true(hash128_equal(&before, &after));
    assert_string_equal(kit_value(&kit, "/a"), "1");
    assert_int_equal(kit_status(&kit).lease_count, 0);
}

static void an_answer_is_bounded(void **state)
{
    (void)state;
    static char value[KV_VALUE_MAX];
    char key[] = "/0";
    for (char i = 0; i < 5; i++) {
        key[1] = (char)('0' + i);
        struct kv_command put = kv_put(key, "");
        put.op.put.value = kv_slice(value, sizeof(value));
        kit_ok(&kit, put);
    }
    const struct kv_op ops[] = {op_range(kv_one("/0")), op_range(kv_prefix("/")),
                                op_range(kv_one("/4"))};
    const struct kv_result *result = kit_ok(&kit, kv_if(NULL, 0, ops, 3, NULL, 0));
    assert_int_equal(result->ops[0].pair_count, 1);
    assert_int_equal(result->ops[1].count, 5);
    assert_int_equal(result->ops[1].pair_count, 0); /* 1 MiB, its key and its cost are in */
    assert_true(result->ops[1].more);
    assert_true(result->ops[2].more);
    struct kv_command remove = kv_delete_all(kv_prefix("/"));
    remove.op.remove.want_previous = true;
    result = kit_ok(&kit, remove);
    assert_int_equal(result->ops[0].count, 5);
    assert_int_equal(result->ops[0].pair_count, 1);
    assert_true(result->ops[0].more);
}

static void a_retry_is_answered_and_not_applied(void **state)
{
    (void)state;
    struct kv_command put = by_client(kv_put("/a", "1"), 99, 1);
    put.op.put.want_previous = true;
    assert_false(kit_ok(&kit, put)->replayed);
    kit_ok(&kit, by_client(kv_put("/a", "2"), 99, 2));
    struct hash128 before = kit_status(&kit).hash;
    const struct kv_result *result = kit_ok(&kit, put);
    assert_true(result->replayed);
    assert_int_equal(result->revision, 1);
    assert_int_equal(result->index, 1);
    assert_int_equal(result->ops[0].count, 1);
    assert_string_equal(kit_value(&kit, "/a"), "2");
    struct hash128 after = kit_status(&kit).hash;
    assert_true(hash128_equal(&before, &after));
    /* Answers with pairs, and errors, come back too. */
    put.sequence = 3;
    kit_ok(&kit, put);
    result = kit_ok(&kit, put);
    assert_true(result->replayed);
    assert_true(kv_slice_equal(result->ops[0].pairs[0].value, kv_text("2")));
    kit_fails(&kit, by_client(kv_put_on("/b", "x", 7), 99, 4), ERR_NOT_FOUND);
    kit_ok(&kit, kv_grant(7, 1000));
    result = kit_fails(&kit, by_client(kv_put_on("/b", "x", 7), 99, 4), ERR_NOT_FOUND);
    assert_true(result->replayed);
    kit_ok(&kit, by_client(kv_put_on("/b", "x", 7), 99, 5));
    struct kv_command acked = by_client(kv_put("/c", "x"), 99, 6);
    acked.acked = 6;
    kit_ok(&kit, acked);
    result = kit_fails(&kit, put, ERR_EXPIRED);
    assert_false(result->replayed);
    assert_int_equal(kit_status(&kit).client_result_count, 1);
}

/* Retries are known after a restart and on a node that came in by a snapshot. */
static void retries_are_remembered_through_a_reload(void **state)
{
    (void)state;
    struct kv_command put = by_client(kv_put("/a", "1"), 99, 1);
    kit_ok(&kit, put);
    struct kv_command remove = by_client(kv_delete_all(kv_prefix("/")), 99, 2);
    remove.op.remove.want_previous = true;
    kit_ok(&kit, remove);
    kit_reload(&kit);
    assert_true(kit_ok(&kit, put)->replayed);
    const struct kv_result *result = kit_ok(&kit, remove);
    assert_true(result->replayed);
    assert_true(kv_slice_equal(result->ops[0].pairs[0].value, kv_text("1")));
    assert_null(kit_value(&kit, "/a"));
}

static void an_answer_too_long_to_remember_is_expired(void **state)
{
    (void)state;
    static char value[CLIENT_RESULT_BYTES_MAX];
    struct kv_command put = kv_put("/a", "");
    put.op.put.value = kv_slice(value, sizeof(value));
    kit_ok(&kit, put);
    struct kv_command remove = by_client(kv_delete("/a"), 99, 1);
    remove.op.remove.want_previous = true;
    assert_int_equal(kit_ok(&kit, remove)->ops[0].pair_count, 1);
    const struct kv_result *result = kit_fails(&kit, remove, ERR_EXPIRED);
    assert_true(result->replayed);
    assert_int_equal(result->revision, 2);
}

static struct kv_command fill(const char *key, size_t size)
{
    static char value[KV_VALUE_MAX];
    struct kv_command put = kv_put(key, "");
    put.op.put.value = kv_slice(value, size);
    return put;
}

static void the_quota_refuses_and_lets_go(void **state)
{
    (void)state;
    kit_ok(&kit, kv_set(KV_SETTING_QUOTA_BYTES, KV_QUOTA_BYTES_MIN));
    size_t half = KV_QUOTA_BYTES_MIN / 2 - KV_PAIR_OVERHEAD - 1;
    kit_ok(&kit, fill("a", half));
    kit_ok(&kit, fill("b", half));
    assert_int_equal(kit_status(&kit).used_bytes, KV_QUOTA_BYTES_MIN);
    assert_false(kit_status(&kit).quota_alarm);
    const struct kv_result *result = kit_fails(&kit, kv_put("c", ""), ERR_QUOTA);
    assert_int_equal(result->revision, 2);
    assert_true(kit_status(&kit).quota_alarm);
    kit_fails(&kit, kv_grant(1, 1000), ERR_QUOTA);
    kit_fails(&kit, fill("a", half + 1), ERR_QUOTA);
    const struct kv_op both[] = {op_delete(kv_one("a")), fill("c", half + 1).op};
    kit_fails(&kit, kv_if(NULL, 0, both, 2, NULL, 0), ERR_QUOTA);
    /* What takes no more than it gives, what the system does, and deletions pass. */
    kit_ok(&kit, fill("a", half));
    const struct kv_op swap[] = {op_delete(kv_one("a")), fill("c", half).op};
    kit_ok(&kit, kv_if(NULL, 0, swap, 2, NULL, 0));
    kit_ok(&kit, by_system(kv_put("d", "x")));
    kit_ok(&kit, by_system(kv_grant(1, 1000)));
    assert_true(kit_status(&kit).used_bytes > KV_QUOTA_BYTES_MIN);
    kit_ok(&kit, kv_revoke(1));
    kit_ok(&kit, kv_delete("d"));
    assert_true(kit_status(&kit).quota_alarm);
}

static void the_alarm_goes_when_a_tenth_is_free(void **state)
{
    (void)state;
    kit_ok(&kit, kv_set(KV_SETTING_QUOTA_BYTES, KV_QUOTA_BYTES_MIN));
    kit_ok(&kit, fill("a", 950000));
    kit_fails(&kit, fill("b", 200000), ERR_QUOTA);
    assert_true(kit_status(&kit).quota_alarm);
    kit_reload(&kit);
    assert_true(kit_status(&kit).quota_alarm);
    kit_ok(&kit, kv_put("c", "what fits is taken all the same"));
    kit_ok(&kit, fill("a", 943718 - 2 * KV_PAIR_OVERHEAD - 33 + 10));
    assert_true(kit_status(&kit).quota_alarm);
    kit_ok(&kit, fill("a", 943710 - 2 * KV_PAIR_OVERHEAD - 33));
    assert_int_equal(kit_status(&kit).used_bytes, 943710);
    assert_false(kit_status(&kit).quota_alarm);
    /* A smaller quota raises it, a larger one lets it go. */
    kit_ok(&kit, kv_set(KV_SETTING_QUOTA_BYTES, 2 * KV_QUOTA_BYTES_MIN));
    kit_ok(&kit, fill("b", KV_VALUE_MAX));
    kit_ok(&kit, kv_set(KV_SETTING_QUOTA_BYTES, KV_QUOTA_BYTES_MIN));
    assert_true(kit_status(&kit).quota_alarm);
    kit_ok(&kit, kv_set(KV_SETTING_QUOTA_BYTES, KV_QUOTA_BYTES_DEFAULT));
    assert_false(kit_status(&kit).quota_alarm);
}

static void settings_go_one_way_where_they_must(void **state)
{
    (void)state;
    kit_ok(&kit, kv_set(KV_SETTING_FEATURE_LEVEL, 1));
    kit_fails(&kit, kv_set(KV_SETTING_FEATURE_LEVEL, 0), ERR_CONFLICT);
    kit_ok(&kit, kv_set(KV_SETTING_FEATURE_LEVEL, 2));
    kit_ok(&kit, kv_set(KV_SETTING_FEATURE_LEVEL, 2)); /* another leader's, too */
    kit_fails(&kit, kv_set(KV_SETTING_FEATURE_LEVEL, 1), ERR_CONFLICT);
    kit_reload(&kit);
    assert_int_equal(kit_status(&kit).feature_level, 2);
    kit_ok(&kit, kv_set(KV_SETTING_EPOCH_FLOOR, 10));
    kit_ok(&kit, kv_set(KV_SETTING_EPOCH_FLOOR, 10));
    kit_fails(&kit, kv_set(KV_SETTING_EPOCH_FLOOR, 9), ERR_CONFLICT);
    kit_ok(&kit, kv_set(KV_SETTING_HOLD_EPOCHS, 1));
    assert_true(kit_status(&kit).hold_epochs);
    kit_reload(&kit);
    assert_true(kit_status(&kit).hold_epochs);
    assert_int_equal(kit_status(&kit).epoch, 10);
    kit_ok(&kit, kv_put("a", ""));
    kit_fails(&kit, kv_compact(2), ERR_INVALID);
    kit_ok(&kit, kv_compact(1));
    kit_ok(&kit, kv_compact(0));
    assert_int_equal(kit_status(&kit).compacted, 1);
}

/* The log holds something that this version can not know: nothing moves, the node must stop. */
static void a_command_of_a_newer_version_stops_the_machine(void **state)
{
    (void)state;
    kit_ok(&kit, kv_put("a", "1"));
    struct machine_status before = kit_status(&kit);
    static const char *const newer[] = {"\x7a", "\x62\x04\x08\x04\x10\x01",
                                        "\x62\x04\x08\x01\x10\x7f"};
    static const size_t sizes[] = {2, 6, 6};
    for (size_t i = 0; i < ARRAY_LEN(newer); i++) {
        const struct kv_result *result = NULL;
        struct err err = {0};
        assert_int_equal(
            machine_apply(kit.machine, kit.index + 1, newer[i], sizes[i], &result, &err),
            ERR_VERSION);
        assert_non_null(strstr(err.msg, "version"));
        assert_null(result);
        struct machine_status after = kit_status(&kit);
        assert_memory_equal(&before, &after, sizeof(before));
    }
}

static void garbage_is_answered_and_changes_nothing_but_the_way(void **state)
{
    (void)state;
    kit_ok(&kit, kv_put("a", "1"));
    struct machine_status before = kit_status(&kit);
    static const struct {
        const char *bytes;
        size_t size;
        int code;
    } cases[] = {
        {"", 0, ERR_PROTOCOL},
        {"\xff\xff\xff\xff", 4, ERR_PROTOCOL},
        {"\x42\x00", 2, ERR_PROTOCOL},
        {"\x42\x04\x0a\x02\x12\x00", 6, ERR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct kv_result *result = NULL;
        kit.index++;
        assert_int_equal(
            machine_apply(kit.machine, kit.index, cases[i].bytes, cases[i].size, &result, NULL), 0);
        assert_int_equal(result->code, cases[i].code);
        assert_int_equal(result->index, kit.index);
        assert_int_equal(result->revision, 1);
        struct machine_status after = kit_status(&kit);
        assert_true(hash128_equal(&before.hash, &after.hash));
        assert_false(hash128_equal(&before.chain, &after.chain));
        assert_int_equal(after.index, kit.index);
    }
    kit_reload(&kit);
}

static void the_chain_tells_the_ways_apart(void **state)
{
    (void)state;
    struct kit other;
    kit_init(&other);
    kit_ok(&kit, kv_put("a", "1"));
    kit_ok(&kit, kv_put("b", "1"));
    kit_ok(&kit, kv_delete("b"));
    kit_ok(&other, kv_put("a", "1"));
    kit_ok(&other, kv_put("c", "1"));
    kit_ok(&other, kv_delete("c"));
    struct machine_status first = kit_status(&kit);
    struct machine_status second = kit_status(&other);
    assert_true(hash128_equal(&first.hash, &second.hash));    /* one state, */
    assert_false(hash128_equal(&first.chain, &second.chain)); /* two ways */
    kit_close(&other);
}

#define KIT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(a_put_counts_revisions_and_versions),
        KIT_TEST(what_writes_nothing_has_no_revision),
        KIT_TEST(previous_pairs_are_shown_on_request),
        KIT_TEST(a_deletion_takes_its_span_and_no_more),
        KIT_TEST(a_transaction_is_one_revision),
        KIT_TEST(compares_by_table),
        KIT_TEST(all_compares_must_hold),
        KIT_TEST(an_error_in_a_list_undoes_all_of_it),
        KIT_TEST(an_answer_is_bounded),
        KIT_TEST(a_retry_is_answered_and_not_applied),
        KIT_TEST(retries_are_remembered_through_a_reload),
        KIT_TEST(an_answer_too_long_to_remember_is_expired),
        KIT_TEST(the_quota_refuses_and_lets_go),
        KIT_TEST(the_alarm_goes_when_a_tenth_is_free),
        KIT_TEST(settings_go_one_way_where_they_must),
        KIT_TEST(a_command_of_a_newer_version_stops_the_machine),
        KIT_TEST(garbage_is_answered_and_changes_nothing_but_the_way),
        KIT_TEST(the_chain_tells_the_ways_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
