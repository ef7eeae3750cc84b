/* tests/unit/test_kv_codec.c - what is encoded comes back the same; what is not sound does not come
 * back at all, whatever the bytes, and costs no more memory than its size allows for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/must.h"
#include "proto/kv_codec.h"
#include "tests/lib/kv_kit.h"

static struct kv_decoder decoder;

/* Encode, decode, encode again: the same bytes; and hand the decoded one over. */
static struct kv_command round_trip(struct kv_command command)
{
    struct buf first = {0};
    struct buf second = {0};
    struct err err = {0};
    struct kv_command decoded;
    int rv = kv_command_encode(&command, &first, &err);
    assert_string_equal(err.msg, "");
    assert_int_equal(rv, 0);
    rv = kv_command_decode(&decoder, first.bytes, first.size, &decoded, &err);
    assert_string_equal(err.msg, "");
    assert_int_equal(rv, 0);
    rv = kv_command_encode(&decoded, &second, &err);
    assert_int_equal(rv, 0);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.bytes, second.bytes, first.size);
    assert_int_equal(decoded.kind, command.kind);
    buf_close(&first);
    buf_close(&second);
    return decoded;
}

static void same_slice(struct kv_slice a, struct kv_slice b)
{
    assert_true(kv_slice_equal(a, b));
}

static void the_head_comes_back(void **state)
{
    (void)state;
    struct kv_command command = {.client = UINT64_MAX,
                                 .sequence = UINT64_MAX - 1,
                                 .acked = 77,
                                 .since = 88,
                                 .system = true,
                                 .holder_lease = 99,
                                 .holder_epoch = 111,
                                 .kind = KV_NOOP};
    struct kv_command back = round_trip(command);
    assert_true(back.client == command.client);
    assert_true(back.sequence == command.sequence);
    assert_int_equal(back.acked, 77);
    assert_int_equal(back.since, 88);
    assert_true(back.system);
    assert_int_equal(back.holder_lease, 99);
    assert_int_equal(back.holder_epoch, 111);
}

static void single_ops_come_back(void **state)
{
    (void)state;
    struct kv_command put = kv_put_on("key", "value", 5);
    put.op.put.want_previous = true;
    struct kv_op back = round_trip(put).op;
    assert_int_equal(back.kind, KV_OP_PUT);
    same_slice(back.put.key, kv_text("key"));
    same_slice(back.put.value, kv_text("value"));
    assert_int_equal(back.put.lease, 5);
    assert_true(back.put.want_previous);

    struct kv_command remove = kv_delete_all(kv_from_to("a", "b"));
    remove.op.remove.want_previous = true;
    back = round_trip(remove).op;
    assert_int_equal(back.kind, KV_OP_DELETE);
    assert_int_equal(back.remove.span.kind, KV_SPAN_RANGE);
    same_slice(back.remove.span.key, kv_text("a"));
    same_slice(back.remove.span.end, kv_text("b"));
    assert_true(back.remove.want_previous);

    struct kv_command range = kv_do(op_range(kv_prefix("")));
    range.op.range.limit = 9;
    range.op.range.keys_only = true;
    range.op.range.count_only = true;
    back = round_trip(range).op;
    assert_int_equal(back.kind, KV_OP_RANGE);
    assert_int_equal(back.range.span.kind, KV_SPAN_PREFIX);
    assert_int_equal(back.range.limit, 9);
    assert_true(back.range.keys_only);
    assert_true(back.range.count_only);

    back = round_trip(kv_grant_protected(3, 4)).op;
    assert_int_equal(back.kind, KV_OP_LEASE);
    assert_int_equal(back.grant.id, 3);
    assert_int_equal(back.grant.ttl_ms, 5000);
    assert_true(back.grant.is_protected);
    assert_int_equal(back.grant.epoch, 4);
    assert_int_equal(back.grant.holder, 1);
}

static void other_commands_come_back(void **state)
{
    (void)state;
    struct kv_lease_end end = round_trip(kv_release(8, 9)).lease_end;
    assert_int_equal(end.kind, KV_LEASE_RELEASE);
    assert_int_equal(end.id, 8);
    assert_int_equal(end.epoch, 9);
    end = round_trip(kv_expire(8, 10)).lease_end;
    assert_int_equal(end.kind, KV_LEASE_EXPIRE);
    assert_int_equal(end.generation, 10);
    struct kv_command change = {
        .kind = KV_LEASE_CHANGE,
        .lease_change = {.id = 1, .epoch = 2, .ttl_ms = 300, .stop_renewal = true}};
    struct kv_lease_change changed = round_trip(change).lease_change;
    assert_memory_equal(&changed, &change.lease_change, sizeof(changed));
    struct kv_setting setting = round_trip(kv_set(KV_SETTING_HOLD_EPOCHS, 1)).setting;
    assert_int_equal(setting.kind, KV_SETTING_HOLD_EPOCHS);
    assert_int_equal(setting.value, 1);
    assert_int_equal(round_trip(kv_compact(1234)).compact_revision, 1234);
}

static void transactions_come_back(void **state)
{
    (void)state;
    const struct kv_compare compares[] = {
        compare_value("a", KV_GREATER, "x"),
        compare_number("b", KV_TARGET_MOD_REVISION, KV_LESS, 7),
        compare_number("c", KV_TARGET_EXISTS, KV_NOT_EQUAL, 1),
    };
    const struct kv_op then_ops[] = {op_put("a", "1"), op_grant(3, 1000)};
    const struct kv_op else_ops[] = {op_delete(kv_prefix("p")), op_range(kv_one("q")),
                                     op_put("z", "")};
    struct kv_txn txn = round_trip(kv_if(compares, 3, then_ops, 2, else_ops, 3)).txn;
    assert_int_equal(txn.compare_count, 3);
    assert_int_equal(txn.then_count, 2);
    assert_int_equal(txn.else_count, 3);
    assert_int_equal(txn.compares[0].relation, KV_GREATER);
    same_slice(txn.compares[0].value, kv_text("x"));
    assert_int_equal(txn.compares[1].target, KV_TARGET_MOD_REVISION);
    assert_int_equal(txn.compares[1].number, 7);
    assert_int_equal(txn.compares[2].target, KV_TARGET_EXISTS);
    assert_int_equal(txn.then_ops[1].grant.id, 3);
    same_slice(txn.else_ops[0].remove.span.key, kv_text("p"));
    assert_int_equal(txn.else_ops[1].kind, KV_OP_RANGE);
    (void)round_trip(kv_if(NULL, 0, NULL, 0, NULL, 0));
}

static void the_largest_transaction_comes_back(void **state)
{
    (void)state;
    static char keys[KV_TXN_OPS_MAX][KV_KEY_MAX + 1];
    struct kv_compare compares[KV_TXN_OPS_MAX];
    struct kv_op ops[KV_TXN_OPS_MAX];
    for (size_t i = 0; i < KV_TXN_OPS_MAX; i++) {
        memset(keys[i], 'k', KV_KEY_MAX);
        keys[i][10] = (char)('!' + i / 16);
        keys[i][11] = (char)('!' + i % 16);
        compares[i] = compare_value(keys[i], KV_EQUAL, "");
        ops[i] = op_put(keys[i], keys[i]);
    }
    (void)round_trip(kv_if(compares, KV_TXN_OPS_MAX, ops, KV_TXN_OPS_MAX, ops, KV_TXN_OPS_MAX));
}

static void too_large_as_a_whole(void **state)
{
    (void)state;
    static char value[KV_VALUE_MAX + 1];
    memset(value, 'v', KV_VALUE_MAX);
    const struct kv_op ops[] = {op_put("a", value), op_put("b", value)};
    struct kv_command command = kv_if(NULL, 0, ops, 2, NULL, 0);
    struct buf bytes = {0};
    struct err err = {0};
    assert_int_equal(kv_command_encode(&command, &bytes, &err), ERR_TOO_LARGE);
    assert_string_equal(err.msg, "command: 2097187 bytes, at most 2097152");
    assert_int_equal(bytes.size, 0);
    (void)round_trip(kv_put("a", value));
    struct kv_command decoded;
    assert_int_equal(kv_command_decode(&decoder, value, KV_COMMAND_MAX + 1, &decoded, &err),
                     ERR_TOO_LARGE);
    buf_close(&bytes);
}

static void decode_says(const void *bytes, size_t size, int code, const char *message)
{
    struct kv_command command;
    struct err err = {0};
    int rv = kv_command_decode(&decoder, bytes, size, &command, &err);
    assert_string_equal(err.msg, message);
    assert_string_equal(err_name(rv), err_name(code));
}
#define DECODE_SAYS(literal, code, message) \
    decode_says((literal), sizeof(literal) - 1, (code), (message))

/* By hand, since the encoder writes none of these: tag = field number * 8 + wire type. */
static void what_is_unknown_is_refused(void **state)
{
    (void)state;
    decode_says("", 0, ERR_PROTOCOL, "command: says nothing to do");
    DECODE_SAYS("\x42\x00", ERR_PROTOCOL, "op: says nothing to do"); /* op {} */
    DECODE_SAYS("\x42\x02\x12\x00", ERR_PROTOCOL, "delete: names no keys");
    /* A body, or a field, of a newer version. */
    DECODE_SAYS("\x7a\x00", ERR_VERSION, "command: field 15 is not known to this version");
    DECODE_SAYS("\x72\x02\x08\x01", ERR_VERSION, "noop: field 1 is not known to this version");
    DECODE_SAYS("\x42\x02\x2a\x00", ERR_VERSION, "op: field 5 is not known to this version");
    DECODE_SAYS("\x42\x07\x0a\x05\x0a\x01k\x28\x01", ERR_VERSION,
                "put: field 5 is not known to this version");
    DECODE_SAYS("\x4a\x04\x12\x02\x2a\x00", ERR_VERSION,
                "then[0]: op: field 5 is not known to this version");
    /* A value of a newer version. */
    DECODE_SAYS("\x62\x04\x08\x04\x10\x01", ERR_VERSION,
                "setting.kind: the value 4 is not known to this version");
    DECODE_SAYS("\x52\x04\x08\x03\x10\x01", ERR_VERSION,
                "lease_end.kind: the value 3 is not known to this version");
    DECODE_SAYS("\x42\x09\x12\x07\x0a\x05\x08\x03\x12\x01k", ERR_VERSION,
                "delete: the value 3 is not known to this version");
    DECODE_SAYS("\x4a\x07\x0a\x05\x0a\x01k\x10\x06", ERR_VERSION,
                "compares[0]: target: the value 6 is not known to this version");
    DECODE_SAYS("\x4a\x07\x0a\x05\x0a\x01k\x18\x04", ERR_VERSION,
                "compares[0]: relation: the value 4 is not known to this version");
    /* A minus one. */
    DECODE_SAYS("\x62\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", ERR_VERSION,
                "setting.kind: the value 4294967295 is not known to this version");
    /* What the check refuses. */
    DECODE_SAYS("\x42\x04\x0a\x02\x12\x00", ERR_INVALID, "put.key: a key has at least one byte");
    /* Not this protocol. */
    DECODE_SAYS("\xff\xff\xff\xff\xff\xff", ERR_PROTOCOL, "command: not well formed");
    DECODE_SAYS("\x42\x7f\x0a", ERR_PROTOCOL, "command: not well formed");
}

/* A count of 2 bytes each that would become structs of some 200. */
static void memory_is_bounded_before_it_is_taken(void **state)
{
    (void)state;
    struct buf bytes = {0};
    size_t count = 500000;
    buf_append(&bytes, "\x4a\xc0\x84\x3d", 4); /* txn, 1,000,000 bytes */
    for (size_t i = 0; i < count; i++) {
        buf_append(&bytes, "\x12\x00", 2);
    }
    decode_says(bytes.bytes, bytes.size, ERR_TOO_LARGE,
                "command: takes more memory than its size allows for");
    assert_true(decoder.arena.used <= bytes.size + (size_t)512 * 1024);
    buf_close(&bytes);
    buf_append(&bytes, "\x4a\x82\x02", 3); /* 129 of them pass that bound, but not the next */
    for (size_t i = 0; i < 129; i++) {
        buf_append(&bytes, "\x12\x00", 2);
    }
    decode_says(bytes.bytes, bytes.size, ERR_TOO_LARGE, "then: 129 ops, at most 128");
    buf_close(&bytes);
}

/* Every start of a sound command, every byte of it changed: an error, or another sound command. */
static void damaged_commands_never_come_back_unsound(void **state)
{
    (void)state;
    const struct kv_compare compares[] = {compare_value("abc", KV_EQUAL, "def")};
    const struct kv_op ops[] = {op_put("a", "1"), op_delete(kv_prefix("p")), op_grant(5, 700)};
    struct kv_command command = by_client(kv_if(compares, 1, ops, 3, ops, 3), 4711, 12);
    struct buf bytes = {0};
    assert_int_equal(kv_command_encode(&command, &bytes, NULL), 0);
    uint8_t *at = (uint8_t *)bytes.bytes;
    struct kv_command decoded;
    size_t refused = 0;
    for (size_t size = 0; size < bytes.size; size++) {
        refused += kv_command_decode(&decoder, at, size, &decoded, NULL) != 0;
    }
    assert_true(refused > 0);
    for (size_t i = 0; i < bytes.size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            at[i] = (uint8_t)(at[i] ^ (1U << bit));
            if (kv_command_decode(&decoder, at, bytes.size, &decoded, NULL) == 0) {
                (void)round_trip(decoded);
            }
            at[i] = (uint8_t)(at[i] ^ (1U << bit));
        }
    }
    buf_close(&bytes);
}

static void ranges_come_back(void **state)
{
    (void)state;
    struct kv_range range = {.span = kv_from_to("a", "b"), .limit = 3, .keys_only = true};
    struct kv_range back;
    struct buf bytes = {0};
    assert_int_equal(kv_range_encode(&range, &bytes, NULL), 0);
    assert_int_equal(kv_range_decode(&decoder, bytes.bytes, bytes.size, &back, NULL), 0);
    assert_int_equal(back.span.kind, KV_SPAN_RANGE);
    same_slice(back.span.key, kv_text("a"));
    same_slice(back.span.end, kv_text("b"));
    assert_int_equal(back.limit, 3);
    assert_true(back.keys_only);
    assert_false(back.count_only);
    range.span = kv_one("");
    struct err err = {0};
    assert_int_equal(kv_range_encode(&range, &bytes, &err), ERR_INVALID);
    assert_int_equal(kv_range_decode(&decoder, "", 0, &back, &err), ERR_PROTOCOL);
    assert_string_equal(err.msg, "range: names no keys");
    buf_close(&bytes);
}

static void results_come_back(void **state)
{
    (void)state;
    const struct kv_pair pairs[] = {
        {.key = kv_text("k"),
         .value = kv_text("v"),
         .create_revision = 1,
         .mod_revision = 2,
         .version = 3,
         .lease = 4},
        {.key = kv_text("l"), .value = kv_text("")},
    };
    const struct kv_op_result ops[] = {
        {.kind = KV_OP_RANGE, .count = 5, .more = true, .pairs = pairs, .pair_count = 2},
        {.kind = KV_OP_LEASE,
         .lease = 6,
         .lease_ttl_ms = 7,
         .lease_generation = 8,
         .lease_epoch = 9},
    };
    struct kv_result result = {.code = ERR_QUOTA,
                               .index = 10,
                               .revision = 11,
                               .succeeded = true,
                               .replayed = true,
                               .failed_op = 12,
                               .marked_lease = 13,
                               .ops = ops,
                               .op_count = 2};
    struct buf bytes = {0};
    struct buf again = {0};
    struct kv_result back;
    kv_result_encode(&result, &bytes);
    assert_int_equal(kv_result_decode(&decoder, bytes.bytes, bytes.size, &back, NULL), 0);
    kv_result_encode(&back, &again);
    assert_int_equal(bytes.size, again.size);
    assert_memory_equal(bytes.bytes, again.bytes, bytes.size);
    assert_int_equal(back.code, ERR_QUOTA);
    assert_int_equal(back.index, 10);
    assert_int_equal(back.revision, 11);
    assert_true(back.succeeded);
    assert_true(back.replayed);
    assert_int_equal(back.failed_op, 12);
    assert_int_equal(back.marked_lease, 13);
    assert_int_equal(back.op_count, 2);
    assert_int_equal(back.ops[0].count, 5);
    assert_true(back.ops[0].more);
    assert_int_equal(back.ops[0].pair_count, 2);
    same_slice(back.ops[0].pairs[0].value, kv_text("v"));
    assert_int_equal(back.ops[0].pairs[0].create_revision, 1);
    assert_int_equal(back.ops[0].pairs[0].mod_revision, 2);
    assert_int_equal(back.ops[0].pairs[0].version, 3);
    assert_int_equal(back.ops[0].pairs[0].lease, 4);
    assert_int_equal(back.ops[1].lease, 6);
    assert_int_equal(back.ops[1].lease_ttl_ms, 7);
    assert_int_equal(back.ops[1].lease_generation, 8);
    assert_int_equal(back.ops[1].lease_epoch, 9);
    buf_close(&bytes);
    buf_close(&again);
}

/* The most pairs that an answer can have, each of them small: it must fit the decoder's bound. */
static void the_largest_answer_comes_back(void **state)
{
    (void)state;
    size_t count = KV_ANSWER_BYTES_MAX / (KV_PAIR_OVERHEAD + 1);
    struct kv_pair *pairs = mem_array(count, sizeof(*pairs));
    for (size_t i = 0; i < count; i++) {
        pairs[i] = (struct kv_pair){.key = kv_text("k"),
                                    .create_revision = UINT64_MAX,
                                    .mod_revision = UINT64_MAX,
                                    .version = UINT64_MAX,
                                    .lease = UINT64_MAX};
    }
    struct kv_op_result op = {.kind = KV_OP_RANGE, .pairs = pairs, .pair_count = count};
    struct kv_result result = {.ops = &op, .op_count = 1};
    struct kv_result back;
    struct buf bytes = {0};
    struct err err = {0};
    kv_result_encode(&result, &bytes);
    assert_int_equal(kv_result_decode(&decoder, bytes.bytes, bytes.size, &back, &err), 0);
    assert_int_equal(back.ops[0].pair_count, count);
    buf_close(&bytes);
    mem_free(pairs);
}

static void unsound_results_are_refused(void **state)
{
    (void)state;
    struct kv_result back;
    struct err err = {0};
    assert_int_equal(kv_result_decode(&decoder, "\x08\x02", 2, &back, &err), ERR_PROTOCOL);
    assert_string_equal(err.msg, "result: an error code above 0");
    assert_int_equal(kv_result_decode(&decoder, "\x48\x02", 2, &back, &err), ERR_VERSION);
    assert_string_equal(err.msg, "result: field 9 is not known to this version");
    assert_int_equal(kv_result_decode(&decoder, "\x42\x02\x08\x04", 4, &back, &err), ERR_VERSION);
    assert_string_equal(err.msg, "result: ops[0]: kind: the value 4 is not known to this version");
    assert_int_equal(kv_result_decode(&decoder, "\x42", 1, &back, &err), ERR_PROTOCOL);
    assert_int_equal(kv_result_decode(&decoder, "", KV_RESULT_MAX + 1, &back, &err), ERR_TOO_LARGE);
}

static int close_decoder(void **state)
{
    (void)state;
    kv_decoder_close(&decoder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_head_comes_back),
        cmocka_unit_test(single_ops_come_back),
        cmocka_unit_test(other_commands_come_back),
        cmocka_unit_test(transactions_come_back),
        cmocka_unit_test(the_largest_transaction_comes_back),
        cmocka_unit_test(too_large_as_a_whole),
        cmocka_unit_test(what_is_unknown_is_refused),
        cmocka_unit_test(memory_is_bounded_before_it_is_taken),
        cmocka_unit_test(damaged_commands_never_come_back_unsound),
        cmocka_unit_test(ranges_come_back),
        cmocka_unit_test(results_come_back),
        cmocka_unit_test(the_largest_answer_comes_back),
        cmocka_unit_test(unsound_results_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, close_decoder);
}
