/* tests/unit/test_kv_check.c - every command that must be refused, and with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "base/version.h"
#include "proto/kv_check.h"
#include "tests/lib/kv_kit.h"

static char long_key[KV_KEY_MAX + 2];
static char long_value[KV_VALUE_MAX + 2];

static void refuses(struct kv_command command, int code, const char *message)
{
    struct err err = {0};
    int rv = kv_command_check(&command, &err);
    assert_string_equal(err.msg, message);
    assert_string_equal(err_name(rv), err_name(code));
    assert_int_equal(err.code, code);
}

static void takes(struct kv_command command)
{
    refuses(command, 0, "");
}

static void keys_and_values_have_limits(void **state)
{
    (void)state;
    takes(kv_put("k", ""));
    refuses(kv_put("", "v"), ERR_INVALID, "put.key: a key has at least one byte");
    refuses(kv_put(long_key, "v"), ERR_TOO_LARGE, "put.key: 1025 bytes, at most 1024");
    takes(kv_put(long_key + 1, "v"));
    refuses(kv_put("k", long_value), ERR_TOO_LARGE, "put.value: 1048577 bytes, at most 1048576");
    takes(kv_put("k", long_value + 1));
    refuses(kv_delete(""), ERR_INVALID, "delete: a key has at least one byte");
    refuses(kv_delete_all(kv_prefix(long_key)), ERR_TOO_LARGE,
            "delete: a bound of more than 1024 bytes");
    refuses(kv_delete_all(kv_from_to("a", long_key)), ERR_TOO_LARGE,
            "delete: a bound of more than 1024 bytes");
    takes(kv_delete_all(kv_prefix("")));
    takes(kv_delete_all(kv_from_to("", "")));
    refuses(kv_delete_all(kv_from_to("b", "a")), ERR_INVALID,
            "delete: the range ends before it begins");
    refuses(kv_delete_all(kv_from_to("b", "b")), ERR_INVALID,
            "delete: the range ends before it begins");
    struct kv_span span = kv_prefix("a");
    span.end = kv_text("b");
    refuses(kv_do(op_range(span)), ERR_INVALID, "range: only a range has an end");
}

static void leases_have_times_and_epochs(void **state)
{
    (void)state;
    takes(kv_grant(0, KV_LEASE_TTL_MS_MIN));
    takes(kv_grant(7, KV_LEASE_TTL_MS_MAX));
    refuses(kv_grant(0, 99), ERR_INVALID,
            "grant.ttl_ms: 99 ms, must be between 100 and 31622400000");
    refuses(kv_grant(0, KV_LEASE_TTL_MS_MAX + 1), ERR_INVALID,
            "grant.ttl_ms: 31622400001 ms, must be between 100 and 31622400000");
    struct kv_command grant = kv_grant(1, 5000);
    grant.op.grant.epoch = 3;
    refuses(grant, ERR_INVALID, "grant: only a protected lease has an epoch");
    refuses(kv_grant_protected(1, UINT64_MAX), ERR_INVALID, "grant: leaves no epoch above it");
    takes(kv_grant_protected(1, UINT64_MAX - 1));
    refuses(kv_revoke(0), ERR_INVALID, "lease_end.id: no lease has the id 0");
    refuses(kv_release(1, 0), ERR_INVALID, "lease_end.epoch: a release names it, and nothing else");
    refuses(kv_expire(1, 0), ERR_INVALID, "lease_end.generation: an expiry names it");
    struct kv_command expire = kv_expire(1, 2);
    takes(expire);
    expire.system = false;
    refuses(expire, ERR_INVALID, "lease_end.kind: an expiry comes from the store itself");
    struct kv_command release = kv_release(1, 2);
    release.lease_end.generation = 3;
    refuses(release, ERR_INVALID, "lease_end.generation: a release names the epoch instead");
    struct kv_command revoke = kv_revoke(1);
    revoke.lease_end.generation = 7;
    takes(revoke);
    revoke.lease_end.epoch = 1;
    refuses(revoke, ERR_INVALID, "lease_end.epoch: a release names it, and nothing else");
    struct kv_command change = {.kind = KV_LEASE_CHANGE};
    refuses(change, ERR_INVALID, "lease_change.id: no lease has the id 0");
    change.lease_change.id = 1;
    refuses(change, ERR_INVALID, "lease_change: changes nothing");
    change.lease_change.ttl_ms = 1;
    refuses(change, ERR_INVALID, "lease_change.ttl_ms: 1 ms, must be between 100 and 31622400000");
    change.lease_change = (struct kv_lease_change){.id = 1, .stop_renewal = true};
    takes(change);
}

static void settings_have_bounds(void **state)
{
    (void)state;
    takes(kv_set(KV_SETTING_QUOTA_BYTES, KV_QUOTA_BYTES_MIN));
    refuses(kv_set(KV_SETTING_QUOTA_BYTES, KV_QUOTA_BYTES_MIN - 1), ERR_INVALID,
            "setting.quota_bytes: 1048575, must be between 1048576 and 8589934592");
    refuses(kv_set(KV_SETTING_QUOTA_BYTES, KV_QUOTA_BYTES_MAX + 1), ERR_INVALID,
            "setting.quota_bytes: 8589934593, must be between 1048576 and 8589934592");
    takes(kv_set(KV_SETTING_FEATURE_LEVEL, KV_FEATURE_LEVEL_MAX));
    refuses(kv_set(KV_SETTING_FEATURE_LEVEL, KV_FEATURE_LEVEL_MAX + 1), ERR_VERSION,
            "this cluster is at feature level 3, and this program (" PGRAFT_VERSION
            ") knows up to 2: start the version that the other members run (docs/upgrade.md)");
    refuses(kv_set(KV_SETTING_EPOCH_FLOOR, UINT64_MAX), ERR_INVALID,
            "setting.epoch_floor: leaves no epoch above it");
    refuses(kv_set(KV_SETTING_EPOCH_FLOOR, UINT64_MAX - 1), ERR_INVALID,
            "setting.epoch_floor: leaves no epoch above it");
    refuses(kv_set(KV_SETTING_HOLD_EPOCHS, 2), ERR_INVALID, "setting.hold_epochs: 0 or 1");
}

static void the_head_says_who_asks(void **state)
{
    (void)state;
    takes(by_client(kv_put("k", "v"), 1, 1));
    refuses(by_client(kv_put("k", "v"), 0, 1), ERR_INVALID,
            "sequence, acked and since: only with a client");
    refuses(by_client(kv_put("k", "v"), 1, 0), ERR_INVALID, "sequence: a client counts from 1 up");
    refuses(by_client(kv_put("k", "v"), 1, UINT64_MAX), ERR_INVALID,
            "sequence: a client counts from 1 up");
    struct kv_command command = by_client(kv_put("k", "v"), 1, 5);
    command.acked = 5;
    takes(command);
    command.acked = 6;
    refuses(command, ERR_INVALID, "acked: 6, above the sequence 5");
    refuses(by_holder(kv_put("k", "v"), 1, 0), ERR_INVALID,
            "holder: a lease and its epoch, or neither");
}

static void refuses_list(const struct kv_op *ops, size_t count, int code, const char *message)
{
    char other[ERR_MSG_MAX];
    refuses(kv_if(NULL, 0, ops, count, NULL, 0), code, message);
    if (strncmp(message, "then", 4) == 0) {
        (void)snprintf(other, sizeof(other), "else%s", message + 4);
        refuses(kv_if(NULL, 0, NULL, 0, ops, count), code, other);
    }
}

/* One event for a key in a revision: so no list may meet a key twice. */
static void no_two_ops_of_a_list_meet(void **state)
{
    (void)state;
    static const char *const twice = "then[1]: writes a key that the list writes already";
    refuses_list((struct kv_op[]){op_put("a", "1"), op_put("a", "2")}, 2, ERR_INVALID, twice);
    refuses_list((struct kv_op[]){op_put("a", "1"), op_delete(kv_one("a"))}, 2, ERR_INVALID,
                 "then[1]: deletes a key that the list writes");
    refuses_list((struct kv_op[]){op_delete(kv_prefix("")), op_put("a", "1")}, 2, ERR_INVALID,
                 "then[1]: writes a key that the list deletes");
    static const char *const meet = "then[1]: deletes keys that the list deletes already";
    refuses_list((struct kv_op[]){op_delete(kv_prefix("a")), op_delete(kv_one("ab"))}, 2,
                 ERR_INVALID, meet);
    refuses_list((struct kv_op[]){op_delete(kv_one("ab")), op_delete(kv_prefix("a"))}, 2,
                 ERR_INVALID, meet);
    refuses_list((struct kv_op[]){op_delete(kv_from_to("a", "c")), op_delete(kv_from_to("b", ""))},
                 2, ERR_INVALID, meet);
    refuses_list((struct kv_op[]){op_delete(kv_from_to("", "b")), op_delete(kv_prefix(""))}, 2,
                 ERR_INVALID, meet);
    refuses_list((struct kv_op[]){op_grant(4, 1000), op_grant(4, 1000)}, 2, ERR_INVALID,
                 "then[1]: grants a lease that the list grants already");
    refuses_list((struct kv_op[]){op_grant_protected(4, 1), op_grant_protected(5, 2)}, 2,
                 ERR_INVALID, "then[1]: grants a second protected lease");
    struct kv_op sound[] = {op_put("a", "1"),
                            op_put("b", "1"),
                            op_delete(kv_prefix("c")),
                            op_delete(kv_prefix("d")),
                            op_grant(0, 1000),
                            op_grant(0, 1000),
                            op_grant(4, 1000),
                            op_grant(5, 1000),
                            op_grant_protected(6, 1),
                            op_range(kv_prefix("")),
                            op_range(kv_one("a")),
                            op_delete(kv_from_to("e", "f")),
                            op_delete(kv_from_to("f", "g"))};
    takes(kv_if(NULL, 0, sound, ARRAY_LEN(sound), sound, ARRAY_LEN(sound)));
}

static void lists_have_limits_and_places(void **state)
{
    (void)state;
    struct kv_op ops[KV_TXN_OPS_MAX + 1];
    struct kv_compare compares[KV_TXN_OPS_MAX + 1];
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        ops[i] = op_range(kv_one("a"));
        compares[i] = compare_value("a", KV_EQUAL, "x");
    }
    takes(kv_if(compares, KV_TXN_OPS_MAX, ops, KV_TXN_OPS_MAX, ops, KV_TXN_OPS_MAX));
    refuses(kv_if(compares, KV_TXN_OPS_MAX + 1, NULL, 0, NULL, 0), ERR_TOO_LARGE,
            "compares: 129, at most 128");
    refuses_list(ops, KV_TXN_OPS_MAX + 1, ERR_TOO_LARGE, "then: 129 ops, at most 128");
    ops[100] = op_put("", "x");
    refuses_list(ops, KV_TXN_OPS_MAX, ERR_INVALID,
                 "then[100]: put.key: a key has at least one byte");
    compares[3].key = kv_text("");
    refuses(kv_if(compares, 4, NULL, 0, NULL, 0), ERR_INVALID,
            "compares[3]: key: a key has at least one byte");
    compares[3] = compare_value("a", KV_EQUAL, long_value);
    refuses(kv_if(compares, 4, NULL, 0, NULL, 0), ERR_TOO_LARGE,
            "compares[3]: value: 1048577 bytes, at most 1048576");
    compares[3] = compare_number("a", KV_TARGET_EXISTS, KV_LESS, 1);
    refuses(kv_if(compares, 4, NULL, 0, NULL, 0), ERR_INVALID,
            "compares[3]: existence is equal or not to 0 or 1");
    compares[3] = compare_number("a", KV_TARGET_VALUE, KV_EQUAL, 1);
    refuses(kv_if(compares, 4, NULL, 0, NULL, 0), ERR_INVALID,
            "compares[3]: takes a value or a number, not both");
    compares[3] = compare_value("a", KV_EQUAL, "x");
    compares[3].target = KV_TARGET_VERSION;
    refuses(kv_if(compares, 4, NULL, 0, NULL, 0), ERR_INVALID,
            "compares[3]: takes a value or a number, not both");
}

int main(void)
{
    memset(long_key, 'k', KV_KEY_MAX + 1);
    memset(long_value, 'v', KV_VALUE_MAX + 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_values_have_limits),
        cmocka_unit_test(leases_have_times_and_epochs),
        cmocka_unit_test(settings_have_bounds),
        cmocka_unit_test(the_head_says_who_asks),
        cmocka_unit_test(no_two_ops_of_a_list_meet),
        cmocka_unit_test(lists_have_limits_and_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
