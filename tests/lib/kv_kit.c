/* tests/lib/kv_kit.c - short ways to say commands, and a machine to say them to. */
#include "tests/lib/kv_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/must.h"
#include "proto/kv_codec.h"

/* ---- disk ---- */

static size_t disk_slot(const struct kit_disk *disk, const void *key, size_t size, bool *ret_equal)
{
    size_t low = 0;
    size_t high = disk->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct kit_row *row = &disk->rows[middle];
        int order = kv_slice_compare(kv_slice(row->key, row->key_size), kv_slice(key, size));
        if (order == 0) {
            *ret_equal = true;
            return middle;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    *ret_equal = false;
    return low;
}

void kit_disk_write(void *context, const struct store_row *row)
{
    struct kit_disk *disk = context;
    assert_true(row->key_size >= 1);
    assert_true(row->key_size <= STORE_ROW_KEY_MAX);
    assert_true(machine_owns_row(row->key, row->key_size));
    bool equal = false;
    size_t slot = disk_slot(disk, row->key, row->key_size, &equal);
    if (equal) {
        mem_free(disk->rows[slot].key);
        mem_free(disk->rows[slot].value);
        memmove(&disk->rows[slot], &disk->rows[slot + 1],
                (disk->count - slot - 1) * sizeof(*disk->rows));
        disk->count--;
    }
    if (row->value == NULL) {
        return;
    }
    if (disk->count == disk->room) {
        disk->room = disk->room > 0 ? 2 * disk->room : 64;
        disk->rows = mem_grow(disk->rows, disk->room, sizeof(*disk->rows));
    }
    memmove(&disk->rows[slot + 1], &disk->rows[slot], (disk->count - slot) * sizeof(*disk->rows));
    disk->rows[slot] = (struct kit_row){.key = mem_dup(row->key, row->key_size),
                                        .key_size = row->key_size,
                                        .value = mem_dup(row->value, row->value_size),
                                        .value_size = row->value_size};
    disk->count++;
}

const struct kit_row *kit_disk_find(const struct kit_disk *disk, const void *key, size_t key_size)
{
    bool equal = false;
    size_t slot = disk_slot(disk, key, key_size, &equal);
    return equal ? &disk->rows[slot] : NULL;
}

int kit_disk_load(const struct kit_disk *disk, struct machine *machine, struct err *err)
{
    for (size_t i = 0; i < disk->count; i++) {
        const struct kit_row *from = &disk->rows[i];
        struct store_row row = {.key = from->key,
                                .key_size = from->key_size,
                                .value = from->value,
                                .value_size = from->value_size};
        int rv = machine_load_row(machine, &row, err);
        if (rv != 0) {
            return rv;
        }
    }
    return machine_load_done(machine, err);
}

void kit_disk_close(struct kit_disk *disk)
{
    for (size_t i = 0; i < disk->count; i++) {
        mem_free(disk->rows[i].key);
        mem_free(disk->rows[i].value);
    }
    mem_free(disk->rows);
    *disk = (struct kit_disk){0};
}

/* ---- a machine ---- */

static void on_lease(void *context, enum machine_lease_event event,
                     const struct machine_lease *lease)
{
    struct kit *kit = context;
    kit->lease_events[event]++;
    kit->last_lease = *lease;
}

static struct machine *create_machine(struct kit *kit)
{
    struct machine_options options = {.hub = kit->hub, .lease_cb = on_lease, .context = kit};
    return machine_create(&options);
}

void kit_init(struct kit *kit)
{
    *kit = (struct kit){0};
    kit->hub = watch_hub_create(WATCH_HISTORY_EVENTS, WATCH_HISTORY_BYTES);
    kit->machine = create_machine(kit);
}

void kit_close(struct kit *kit)
{
    machine_destroy(kit->machine);
    watch_hub_destroy(kit->hub);
    kit_disk_close(&kit->disk);
    buf_close(&kit->bytes);
}

void kit_reload(struct kit *kit)
{
    (void)machine_flush(kit->machine, kit_disk_write, &kit->disk);
    struct machine_status before = kit_status(kit);
    machine_destroy(kit->machine);
    kit->machine = create_machine(kit);
    kit->result = NULL;
    struct err err = {0};
    int rv = kit_disk_load(&kit->disk, kit->machine, &err);
    assert_string_equal(err.msg, "");
    assert_int_equal(rv, 0);
    struct machine_status after = kit_status(kit);
    assert_memory_equal(&before, &after, sizeof(before));
}

const struct kv_result *kit_apply(struct kit *kit, struct kv_command command)
{
    struct err err = {0};
    buf_clear(&kit->bytes);
    int rv = kv_command_encode(&command, &kit->bytes, &err);
    assert_string_equal(err.msg, "");
    assert_int_equal(rv, 0);
    kit->index++;
    rv = machine_apply(kit->machine, kit->index, kit->bytes.bytes, kit->bytes.size, &kit->result,
                       &err);
    assert_int_equal(rv, 0);
    struct hash128 anew = machine_rehash(kit->machine);
    struct machine_status status = kit_status(kit);
    assert_true(hash128_equal(&anew, &status.hash));
    return kit->result;
}

const struct kv_result *kit_fails(struct kit *kit, struct kv_command command, int code)
{
    const struct kv_result *result = kit_apply(kit, command);
    assert_string_equal(err_name(result->code), err_name(code));
    return result;
}

const struct kv_result *kit_ok(struct kit *kit, struct kv_command command)
{
    return kit_fails(kit, command, 0);
}

struct machine_status kit_status(const struct kit *kit)
{
    struct machine_status status;
    memset(&status, 0, sizeof(status)); /* comparable as bytes */
    struct machine_status now;
    machine_status(kit->machine, &now);
    status.index = now.index;
    status.revision = now.revision;
    status.compacted = now.compacted;
    status.key_count = now.key_count;
    status.lease_count = now.lease_count;
    status.client_count = now.client_count;
    status.client_result_count = now.client_result_count;
    status.client_horizon = now.client_horizon;
    status.quota_bytes = now.quota_bytes;
    status.used_bytes = now.used_bytes;
    status.quota_alarm = now.quota_alarm;
    status.hold_epochs = now.hold_epochs;
    status.feature_level = now.feature_level;
    status.epoch = now.epoch;
    status.hash = now.hash;
    status.chain = now.chain;
    return status;
}

uint64_t kit_revision(const struct kit *kit)
{
    return kit_status(kit).revision;
}

struct kv_pair kit_pair(const struct kit *kit, const char *key)
{
    struct kv_pair pair = {0};
    (void)machine_get(kit->machine, kv_text(key), &pair);
    return pair;
}

const char *kit_value(struct kit *kit, const char *key)
{
    struct kv_pair pair;
    if (!machine_get(kit->machine, kv_text(key), &pair)) {
        return NULL;
    }
    (void)snprintf(kit->text, sizeof(kit->text), "%.*s", (int)pair.value.size,
                   (const char *)pair.value.bytes);
    return kit->text;
}

const char *kit_keys(struct kit *kit, struct kv_span span)
{
    struct arena arena = {0};
    arena_reset(&arena, MACHINE_RANGE_ARENA);
    struct kv_range range = {.span = span};
    struct kv_op_result result;
    machine_range(kit->machine, &range, &arena, &result);
    size_t size = 0;
    kit->text[0] = '\0';
    for (size_t i = 0; i < result.pair_count; i++) {
        int more = snprintf(kit->text + size, sizeof(kit->text) - size, "%s%.*s", i > 0 ? " " : "",
                            (int)result.pairs[i].key.size, (const char *)result.pairs[i].key.bytes);
        size += (size_t)more;
        assert_true(size < sizeof(kit->text));
    }
    assert_int_equal(result.count, result.pair_count);
    arena_close(&arena);
    return kit->text;
}

/* ---- saying things ---- */

struct kv_span kv_one(const char *key)
{
    return (struct kv_span){.kind = KV_SPAN_KEY, .key = kv_text(key)};
}

struct kv_span kv_prefix(const char *prefix)
{
    return (struct kv_span){.kind = KV_SPAN_PREFIX, .key = kv_text(prefix)};
}

struct kv_span kv_from_to(const char *from, const char *to)
{
    return (struct kv_span){.kind = KV_SPAN_RANGE, .key = kv_text(from), .end = kv_text(to)};
}

struct kv_op op_put(const char *key, const char *value)
{
    return op_put_on(key, value, 0);
}

struct kv_op op_put_on(const char *key, const char *value, uint64_t lease)
{
    return (struct kv_op){.kind = KV_OP_PUT,
                          .put = {.key = kv_text(key), .value = kv_text(value), .lease = lease}};
}

struct kv_op op_delete(struct kv_span span)
{
    return (struct kv_op){.kind = KV_OP_DELETE, .remove = {.span = span}};
}

struct kv_op op_range(struct kv_span span)
{
    return (struct kv_op){.kind = KV_OP_RANGE, .range = {.span = span}};
}

struct kv_op op_grant(uint64_t id, uint64_t ttl_ms)
{
    return (struct kv_op){.kind = KV_OP_LEASE, .grant = {.id = id, .ttl_ms = ttl_ms}};
}

struct kv_op op_grant_protected(uint64_t id, uint64_t epoch)
{
    return (struct kv_op){
        .kind = KV_OP_LEASE,
        .grant = {.id = id, .ttl_ms = 5000, .is_protected = true, .epoch = epoch, .holder = 1}};
}

struct kv_command kv_do(struct kv_op op)
{
    return (struct kv_command){.kind = KV_OP, .op = op};
}

struct kv_command kv_put(const char *key, const char *value)
{
    return kv_do(op_put(key, value));
}

struct kv_command kv_put_on(const char *key, const char *value, uint64_t lease)
{
    return kv_do(op_put_on(key, value, lease));
}

struct kv_command kv_delete(const char *key)
{
    return kv_do(op_delete(kv_one(key)));
}

struct kv_command kv_delete_all(struct kv_span span)
{
    return kv_do(op_delete(span));
}

struct kv_command kv_grant(uint64_t id, uint64_t ttl_ms)
{
    return kv_do(op_grant(id, ttl_ms));
}

struct kv_command kv_grant_protected(uint64_t id, uint64_t epoch)
{
    return kv_do(op_grant_protected(id, epoch));
}

static struct kv_command lease_end(struct kv_lease_end end)
{
    return (struct kv_command){.kind = KV_LEASE_END, .lease_end = end};
}

struct kv_command kv_revoke(uint64_t id)
{
    return lease_end((struct kv_lease_end){.kind = KV_LEASE_REVOKE, .id = id});
}

struct kv_command kv_release(uint64_t id, uint64_t epoch)
{
    return lease_end((struct kv_lease_end){.kind = KV_LEASE_RELEASE, .id = id, .epoch = epoch});
}

struct kv_command kv_expire(uint64_t id, uint64_t generation)
{
    struct kv_command expire = lease_end(
        (struct kv_lease_end){.kind = KV_LEASE_EXPIRE, .id = id, .generation = generation});
    expire.system = true;
    return expire;
}

struct kv_command kv_set(enum kv_setting_kind kind, uint64_t value)
{
    return (struct kv_command){.kind = KV_SETTING, .setting = {.kind = kind, .value = value}};
}

struct kv_command kv_compact(uint64_t revision)
{
    return (struct kv_command){.kind = KV_COMPACT, .compact_revision = revision};
}

struct kv_command kv_if(const struct kv_compare *compares, size_t compare_count,
                        const struct kv_op *then_ops, size_t then_count,
                        const struct kv_op *else_ops, size_t else_count)
{
    return (struct kv_command){.kind = KV_TXN,
                               .txn = {.compares = compares,
                                       .compare_count = compare_count,
                                       .then_ops = then_ops,
                                       .then_count = then_count,
                                       .else_ops = else_ops,
                                       .else_count = else_count}};
}

struct kv_command by_client(struct kv_command command, uint64_t client, uint64_t sequence)
{
    command.client = client;
    command.sequence = sequence;
    return command;
}

struct kv_command by_holder(struct kv_command command, uint64_t lease, uint64_t epoch)
{
    command.holder_lease = lease;
    command.holder_epoch = epoch;
    return command;
}

struct kv_command by_system(struct kv_command command)
{
    command.system = true;
    return command;
}

struct kv_compare compare_number(const char *key, enum kv_target target, enum kv_relation relation,
                                 uint64_t number)
{
    return (struct kv_compare){
        .key = kv_text(key), .target = target, .relation = relation, .number = number};
}

struct kv_compare compare_value(const char *key, enum kv_relation relation, const char *value)
{
    return (struct kv_compare){.key = kv_text(key),
                               .target = KV_TARGET_VALUE,
                               .relation = relation,
                               .value = kv_text(value)};
}
