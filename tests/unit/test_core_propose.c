/* tests/unit/test_core_propose.c - what a leader takes at once, and what it does not understand.
 *
 * Proposals wait in a queue of bounded size and leave it in pieces, so that no batch holds the disk
 * up for long (safety E1). A command of a newer version ends the node (design I8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "proto/kv_codec.h"
#include "tests/lib/core_kit.h"

#define MIB ((size_t)1024 * 1024)

/* Told to the core and to nobody else: no turn follows. */
static uint64_t propose(struct core_kit *kit, const void *bytes, size_t size)
{
    kit->tickets++;
    core_propose(ck_core(kit, 1), kit->now_ms, kit->tickets, bytes, size);
    return kit->tickets;
}

static void encode_put(struct buf *out, uint32_t which, size_t value_size)
{
    char *value = mem_zalloc(value_size);
    struct kv_command command = {
        .kind = KV_OP,
        .op = {.kind = KV_OP_PUT,
               .put = {.key = {&which, sizeof(which)}, .value = {value, value_size}}}};
    assert_int_equal(kv_command_encode(&command, out, NULL), 0);
    mem_free(value);
}

static uint64_t propose_put(struct core_kit *kit, uint32_t which, size_t value_size)
{
    struct buf bytes = {0};
    encode_put(&bytes, which, value_size);
    uint64_t ticket = propose(kit, bytes.bytes, bytes.size);
    buf_close(&bytes);
    return ticket;
}

static void settle(struct core_kit *kit)
{
    ck_turn(kit, 1);
    ck_settle(kit);
}

/* The size of the largest batch of a turn; all of them go to the disk. */
static size_t take_batches(struct core_kit *kit)
{
    struct core *core = ck_core(kit, 1);
    size_t largest = 0;
    core_turn(core, kit->now_ms);
    for (struct store_batch *b = core_next_batch(core); b != NULL; b = core_next_batch(core)) {
        largest = b->bytes > largest ? b->bytes : largest;
        store_double_submit(ck_node(kit, 1)->disk, b);
    }
    return largest;
}

/* @count proposals of @size at once; the size of the largest batch that comes of them. */
static size_t largest_batch(uint32_t count, size_t size)
{
    struct core_kit kit;
    ck_open(&kit, "v");
    ck_lead(&kit, 1);
    uint64_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        last = propose_put(&kit, i, size);
    }
    size_t largest = 0;
    for (size_t now = take_batches(&kit); now > 0; now = take_batches(&kit)) {
        largest = now > largest ? now : largest;
        uint64_t sequence = store_double_commit(ck_node(&kit, 1)->disk, SIZE_MAX);
        core_durable(ck_core(&kit, 1), kit.now_ms, sequence);
    }
    settle(&kit);
    assert_int_equal(ck_status(&kit, last), 0);
    ck_close(&kit);
    return largest;
}

static void e1_a_queue_leaves_in_batches_of_bounded_size(void **state)
{
    (void)state;
    size_t largest = largest_batch(2560, 4096);
    assert_in_range(largest, MIB / 4, STORE_BATCH_BYTES_MAX);
}

/* The rows of the entry before would make it twice as large. */
static void e1_a_batch_with_a_large_entry_takes_no_rows_along(void **state)
{
    (void)state;
    size_t largest = largest_batch(12, 900000);
    assert_in_range(largest, 900000, STORE_BATCH_BYTES_MAX);
}

static void e1_a_queue_of_too_many_bytes_takes_no_more(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "v");
    ck_lead(&kit, 1);
    for (uint32_t i = 0; i < 16; i++) {
        (void)propose_put(&kit, i, MIB - 1024);
    }
    uint64_t refused = propose_put(&kit, 16, MIB - 1024);
    uint64_t small = propose_put(&kit, 17, 1000);
    settle(&kit);
    assert_int_equal(ck_status(&kit, refused), ERR_BUSY);
    assert_int_equal(ck_status(&kit, small), 0);
    uint64_t again = propose_put(&kit, 18, MIB - 1024);
    settle(&kit);
    assert_int_equal(ck_status(&kit, again), 0);
    ck_close(&kit);
}

/* The others apply it: to go on without it would be another state. */
static void i8_a_command_of_a_newer_version_is_the_end(void **state)
{
    (void)state;
    static const uint8_t unknown_field[] = {0x98, 0x06, 0x01}; /* number 99, a varint */
    struct core_kit kit;
    ck_open(&kit, "v");
    ck_lead(&kit, 1);
    ck_node(&kit, 1)->may_fail = true;
    struct buf bytes = {0};
    encode_put(&bytes, 1, 10);
    buf_append(&bytes, unknown_field, sizeof(unknown_field));
    uint64_t newer = propose(&kit, bytes.bytes, bytes.size);
    uint64_t after = propose_put(&kit, 2, 10);
    buf_close(&bytes);
    settle(&kit);
    assert_int_equal(ck_node(&kit, 1)->fatal.code, ERR_VERSION);
    assert_int_equal(ck_status(&kit, newer), CK_NO_ANSWER);
    assert_int_equal(ck_status(&kit, after), CK_NO_ANSWER);
    ck_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(e1_a_queue_leaves_in_batches_of_bounded_size),
        cmocka_unit_test(e1_a_batch_with_a_large_entry_takes_no_rows_along),
        cmocka_unit_test(e1_a_queue_of_too_many_bytes_takes_no_more),
        cmocka_unit_test(i8_a_command_of_a_newer_version_is_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
