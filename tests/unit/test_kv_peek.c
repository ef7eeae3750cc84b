/* tests/unit/test_kv_peek.c - a peek agrees with the decoder, and survives any bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "proto/kv_codec.h"
#include "proto/kv_peek.h"
#include "tests/lib/kv_kit.h"

static struct kv_command samples[] = {
    {.kind = KV_NOOP},
    {.kind = KV_COMPACT, .compact_revision = 5},
    {.kind = KV_LEASE_END, .lease_end = {.kind = KV_LEASE_REVOKE, .id = 7}},
    {.kind = KV_LEASE_END, .lease_end = {.kind = KV_LEASE_EXPIRE, .id = 7, .generation = 9}},
    {.kind = KV_LEASE_CHANGE, .lease_change = {.id = 3, .ttl_ms = 900}},
    {.kind = KV_SETTING, .setting = {.kind = KV_SETTING_EPOCH_FLOOR, .value = 4}},
    {.kind = KV_OP, .client = UINT64_MAX, .sequence = 300, .acked = 299, .since = 1, .op = {0}},
};

static void a_peek_tells_what_the_decoder_tells(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        for (int system = 0; system < 2; system++) {
            struct kv_command command = samples[i];
            bool expires =
                command.kind == KV_LEASE_END && command.lease_end.kind == KV_LEASE_EXPIRE;
            command.system = system != 0 || expires;
            if (command.kind == KV_OP) {
                command.op = op_put_on("a key", "a value", 12);
            }
            struct buf bytes = {0};
            assert_int_equal(kv_command_encode(&command, &bytes, NULL), 0);
            struct kv_peek peek = kv_peek(bytes.bytes, bytes.size);
            assert_int_equal(peek.system, command.system);
            assert_int_equal(peek.ends_lease, command.kind == KV_LEASE_END);
            /* Cut anywhere it is still no harm to look at. */
            for (size_t size = 0; size < bytes.size; size++) {
                uint8_t exact[256];
                assert_true(size < sizeof(exact));
                memcpy(exact, bytes.bytes, size);
                (void)kv_peek(exact, size);
            }
            buf_close(&bytes);
        }
    }
}

static void what_is_no_command_tells_nothing(void **state)
{
    (void)state;
    static const uint8_t endless[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                      0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
    static const uint8_t too_long[] = {5 << 3, 1, 10 << 3 | 2, 200, 1, 0};
    static const uint8_t group[] = {5 << 3, 1, 10 << 3 | 3};
    assert_false(kv_peek(endless, sizeof(endless)).system);
    assert_false(kv_peek(too_long, sizeof(too_long)).ends_lease);
    assert_false(kv_peek(too_long, sizeof(too_long)).system);
    assert_false(kv_peek(group, sizeof(group)).ends_lease);
    assert_false(kv_peek(NULL, 0).system);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peek_tells_what_the_decoder_tells),
        cmocka_unit_test(what_is_no_command_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
