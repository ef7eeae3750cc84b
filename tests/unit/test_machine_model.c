/* tests/unit/test_machine_model.c - long random lives of the state machine against the plain one of
 * lib/kv_model.c: every answer, the whole state, every event; and three machines that are flushed,
 * reloaded and started from each other's rows at different times must have one hash.
 *
 * A share of the commands is damaged on the way, so that whatever still decodes is applied too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/client_table.h"
#include "proto/kv_check.h"
#include "proto/kv_codec.h"
#include "tests/lib/kv_kit.h"
#include "tests/lib/kv_model.h"

enum { COMMANDS = 110000, MACHINES = 3, LISTED = 6 };

struct node {
    struct watch_hub *hub;
    struct watch *watch; /* of everything, always fetched */
    struct machine *machine;
    struct kit_disk disk;
};

static struct model *model;
static struct node nodes[MACHINES];
static uint64_t seed;
static uint64_t last_index;
static struct arena scratch; /* of the command that is being made */
static struct kv_decoder decoder;

/* How often each thing happened; a class at 0 is an empty life. */
static struct {
    size_t ok, failed[64], replayed, txn_then, txn_else, marked, events, damaged, newer, reloads,
        evictions, cut, alarms, long_keys, most_keys;
} seen;

static uint64_t draw(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % below;
}

static bool chance(uint64_t of_100)
{
    return draw(100) < of_100;
}

/* ---- making commands ---- */

static struct kv_slice draw_bytes(size_t size, bool any)
{
    uint8_t *bytes = arena_alloc(&scratch, size);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(any ? draw(256) : 'a' + draw(26));
    }
    return kv_slice(bytes, size);
}

static struct kv_slice draw_key(void)
{
    char text[64];
    if (chance(6)) { /* alike up to their end, around the length of a row's key, and the longest */
        static const size_t sizes[] = {470, 479, 480, 600, 1024};
        size_t size = sizes[draw(ARRAY_LEN(sizes))];
        uint8_t *bytes = arena_alloc(&scratch, size);
        memset(bytes, 'L', size);
        bytes[size - 1] = (uint8_t)('0' + draw(4));
        seen.long_keys++;
        return kv_slice(bytes, size);
    }
    if (chance(6)) {
        return draw_bytes(1 + draw(2), true);
    }
    static const char *const places[] = {"/s/a/members/", "/s/a/", "/s/b/members/", "x"};
    int size = snprintf(text, sizeof(text), "%s%llu", places[draw(ARRAY_LEN(places))],
                        (unsigned long long)draw(chance(50) ? 4 : 100));
    struct kv_slice key = draw_bytes((size_t)size, false);
    union {
        const void *in;
        void *out;
    } room = {.in = key.bytes};
    memcpy(room.out, text, (size_t)size);
    return key;
}

static struct kv_slice draw_present_key(void)
{
    if (model->now.key_count == 0 || chance(40)) {
        return draw_key();
    }
    return model->now.keys[draw(model->now.key_count)].key;
}

static struct kv_slice draw_value(void)
{
    static const size_t sizes[] = {0, 1, 8, 40, 100};
    bool is_fat_time = last_index / 500 % 8 == 1; /* the quota fills up, and empties again */
    if (chance(is_fat_time ? 25 : 1)) {
        size_t size = 5000 + draw(90000);
        void *bytes = arena_alloc(&scratch, size);
        memset(bytes, (int)('a' + draw(26)), size);
        return kv_slice(bytes, size);
    }
    return draw_bytes(sizes[draw(ARRAY_LEN(sizes))], true);
}

/* @wide of 100 are more than one key. */
static struct kv_span draw_span(uint64_t wide)
{
    struct kv_span span = {.kind = KV_SPAN_KEY, .key = draw_present_key()};
    if (!chance(wide)) {
        return span;
    }
    if (chance(60)) {
        span.kind = KV_SPAN_PREFIX;
        span.key.size = draw(span.key.size < 30 ? span.key.size + 1 : 30);
        if (span.key.size < 4 && chance(80)) {
            span.key = kv_text("/s/b/members/1");
        }
    } else {
        span.kind = KV_SPAN_RANGE;
        span.end = draw_present_key();
        if (kv_slice_compare(span.key, span.end) > 0) {
            struct kv_slice key = span.key;
            span.key = span.end;
            span.end = key;
        }
    }
    return span;
}

static uint64_t draw_lease(void)
{
    if (model->now.lease_count > 0 && chance(80)) {
        return model->now.leases[draw(model->now.lease_count)].id;
    }
    return 1 + draw(12);
}

static struct kv_op draw_op(void)
{
    struct kv_op op = {.kind = KV_OP_PUT};
    bool is_growing = last_index / 1000 % 3 != 0;
    uint64_t what = draw(100);
    if (what < (is_growing ? 73 : 60)) {
        op.put = (struct kv_put){.key = draw_present_key(),
                                 .value = draw_value(),
                                 .lease = chance(15) ? draw_lease() : 0,
                                 .want_previous = chance(20)};
        const struct kv_pair *pair = model_find_key(model, op.put.key);
        if (pair != NULL && chance(30)) {
            op.put.lease = pair->lease;
        }
        return op;
    }
    if (what < 75) {
        op.kind = KV_OP_DELETE;
        op.remove = (struct kv_delete){.span = draw_span(1), .want_previous = chance(30)};
    } else if (what < 92) {
        op.kind = KV_OP_RANGE;
        op.range = (struct kv_range){.span = draw_span(60),
                                     .limit = chance(30) ? draw(5) : 0,
                                     .keys_only = chance(20),
                                     .count_only = chance(10)};
    } else {
        op.kind = KV_OP_LEASE;
        op.grant = (struct kv_lease_grant){
            .id = chance(70) ? 1 + draw(12) : 0, .ttl_ms = 100 + draw(9000), .holder = draw(5)};
        op.grant.is_protected = chance(40);
        if (op.grant.is_protected && chance(50)) {
            op.grant.epoch = model->now.epoch + draw(3);
        }
    }
    return op;
}

static struct kv_compare draw_compare(void)
{
    struct kv_compare compare = {.key = draw_present_key(),
                                 .target = (enum kv_target)draw(KV_TARGET_EXISTS + 1),
                                 .relation = (enum kv_relation)draw(KV_GREATER + 1)};
    const struct kv_pair *pair = model_find_key(model, compare.key);
    bool near = chance(70);
    switch (compare.target) {
        case KV_TARGET_VALUE:
            compare.value = pair != NULL && near ? pair->value : draw_value();
            break;
        case KV_TARGET_MOD_REVISION:
            compare.number = pair != NULL && near ? pair->mod_revision : draw(100);
            break;
        case KV_TARGET_CREATE_REVISION:
            compare.number = pair != NULL && near ? pair->create_revision : draw(2);
            break;
        case KV_TARGET_EXISTS:
            compare.number = draw(2);
            break;
        case KV_TARGET_VERSION:
        case KV_TARGET_LEASE:
            compare.number = draw(4);
            break;
    }
    return compare;
}

static struct kv_txn draw_txn(void)
{
    struct kv_compare *compares = arena_array(&scratch, LISTED, sizeof(*compares));
    struct kv_op *then_ops = arena_array(&scratch, LISTED, sizeof(*then_ops));
    struct kv_op *else_ops = arena_array(&scratch, LISTED, sizeof(*else_ops));
    struct kv_txn txn = {.compares = compares,
                         .compare_count = draw(3),
                         .then_ops = then_ops,
                         .then_count = draw(LISTED),
                         .else_ops = else_ops,
                         .else_count = draw(LISTED)};
    for (size_t i = 0; i < LISTED; i++) {
        compares[i] = i < txn.compare_count ? draw_compare() : compares[i];
        then_ops[i] = i < txn.then_count ? draw_op() : then_ops[i];
        else_ops[i] = i < txn.else_count ? draw_op() : else_ops[i];
    }
    /* Keys on a lease that the same list grants. */
    if (txn.then_count > 1 && then_ops[0].kind == KV_OP_LEASE && then_ops[1].kind == KV_OP_PUT) {
        then_ops[1].put.lease = then_ops[0].grant.id;
    }
    return txn;
}

static struct kv_lease_end draw_lease_end(void)
{
    struct kv_lease_end end = {.kind = (enum kv_lease_end_kind)draw(3), .id = draw_lease()};
    const struct model_lease *lease = model_find_lease(model, end.id);
    if (end.kind == KV_LEASE_RELEASE) {
        end.epoch = lease != NULL && lease->epoch != 0 && chance(60) ? lease->epoch : 1 + draw(9);
    } else if (end.kind == KV_LEASE_EXPIRE) {
        end.generation = lease != NULL && chance(60) ? lease->generation : 1 + draw(9);
    } else if (chance(50)) {
        end.generation = lease != NULL && chance(60) ? lease->granted_index : 1 + draw(9);
    }
    return end;
}

static struct kv_setting draw_setting(void)
{
    struct kv_setting setting = {.kind = (enum kv_setting_kind)draw(KV_SETTING_HOLD_EPOCHS + 1)};
    switch (setting.kind) {
        case KV_SETTING_QUOTA_BYTES:
            setting.value = KV_QUOTA_BYTES_MIN + draw(KV_QUOTA_BYTES_MIN);
            break;
        case KV_SETTING_FEATURE_LEVEL:
            setting.value = draw(2);
            break;
        case KV_SETTING_EPOCH_FLOOR:
            setting.value = model->now.epoch + draw(3) - (model->now.epoch > 0);
            break;
        case KV_SETTING_HOLD_EPOCHS:
            setting.value = chance(20);
            break;
    }
    return setting;
}

static void draw_head(struct kv_command *command)
{
    command->system = chance(5);
    if (chance(30) && model->now.lease_count > 0) {
        const struct model_lease *lease = &model->now.leases[draw(model->now.lease_count)];
        if (lease->epoch != 0) {
            command->holder_lease = lease->id;
            command->holder_epoch = lease->epoch + chance(10);
        }
    }
    if (chance(50)) {
        return;
    }
    bool regular = chance(60);
    command->client = regular ? 1 + draw(6) : 10 + draw(1500);
    uint64_t base = regular ? last_index / 20 : 0;
    command->sequence = 1 + base + draw(chance(20) ? 2000 : 12);
    command->acked = chance(20) && base > 6 ? base - 6 : 0;
    command->since = chance(80) ? last_index : draw(last_index + 1);
}

static struct kv_command draw_command(void)
{
    struct kv_command command = {0};
    draw_head(&command);
    uint64_t what = draw(100);
    if (what < 45) {
        command.kind = KV_OP;
        command.op = draw_op();
    } else if (what < 80) {
        command.kind = KV_TXN;
        command.txn = draw_txn();
    } else if (what < 88) {
        command.kind = KV_LEASE_END;
        command.lease_end = draw_lease_end();
        command.system = command.system || command.lease_end.kind == KV_LEASE_EXPIRE;
    } else if (what < 93) {
        command.kind = KV_LEASE_CHANGE;
        command.lease_change.id = draw_lease();
        const struct model_lease *lease = model_find_lease(model, command.lease_change.id);
        command.lease_change.epoch = lease != NULL && chance(80) ? lease->epoch : draw(5);
        command.lease_change.ttl_ms = chance(70) ? 100 + draw(10000) : 0;
        command.lease_change.stop_renewal = command.lease_change.ttl_ms == 0 || chance(10);
    } else if (what < 96) {
        command.kind = KV_SETTING;
        command.setting = draw_setting();
    } else if (what < 98) {
        command.kind = KV_COMPACT;
        command.compact_revision =
            chance(10) ? model->now.revision + 1 : draw(model->now.revision + 1);
    } else {
        command.kind = KV_NOOP;
    }
    return command;
}

/* ---- keeping the state in bounds, so that the model's arrays hold it ---- */

static bool fits_model(void)
{
    return model->now.key_count < MODEL_KEYS_MAX - 20 &&
           model->now.lease_count < MODEL_LEASES_MAX - 2 * LISTED;
}

static struct kv_command make_room(void)
{
    if (model->now.lease_count >= MODEL_LEASES_MAX - 2 * LISTED) {
        const struct model_lease *lease = &model->now.leases[draw(model->now.lease_count)];
        return kv_expire(lease->id, lease->generation);
    }
    return kv_delete_all(kv_prefix("/"));
}

/* ---- comparing ---- */

static void compare_events(struct node *node)
{
    struct watch_batch batch;
    enum watch_outcome outcome = watch_pull(node->watch, SIZE_MAX, &batch);
    assert_int_equal(outcome, model->event_count > 0 ? WATCH_EVENTS : WATCH_IDLE);
    assert_int_equal(batch.count, model->event_count);
    for (size_t i = 0; i < batch.count; i++) {
        const struct watch_event *event = &batch.events[i];
        const struct model_event *wanted = &model->events[i];
        assert_int_equal(event->revision, wanted->revision);
        assert_int_equal(event->is_delete, wanted->is_delete);
        assert_true(kv_slice_equal(event->pair.key, wanted->pair.key));
        if (!event->is_delete) {
            assert_true(kv_slice_equal(event->pair.value, wanted->pair.value));
            assert_int_equal(event->pair.version, wanted->pair.version);
            assert_int_equal(event->pair.lease, wanted->pair.lease);
        }
    }
    seen.events += batch.count;
}

static void compare_status(const struct node *node)
{
    struct machine_status status;
    machine_status(node->machine, &status);
    assert_int_equal(status.index, last_index);
    assert_int_equal(status.revision, model->now.revision);
    assert_int_equal(status.compacted, model->now.compacted);
    assert_int_equal(status.key_count, model->now.key_count);
    assert_int_equal(status.lease_count, model->now.lease_count);
    assert_int_equal(status.client_count, model->client_count);
    assert_int_equal(status.client_horizon, model->horizon);
    assert_int_equal(status.quota_bytes, model->now.quota_bytes);
    assert_int_equal(status.used_bytes, model_used_bytes(model));
    assert_int_equal(status.quota_alarm, model->now.quota_alarm);
    assert_int_equal(status.hold_epochs, model->now.hold_epochs);
    assert_int_equal(status.epoch, model->now.epoch);
    struct machine_status first;
    machine_status(nodes[0].machine, &first);
    assert_true(hash128_equal(&status.hash, &first.hash));
    assert_true(hash128_equal(&status.chain, &first.chain));
    seen.alarms += status.quota_alarm;
}

static void compare_all(const struct node *node)
{
    struct arena arena = {0};
    arena_reset(&arena, MACHINE_RANGE_ARENA);
    size_t slot = 0;
    bool more = true;
    struct kv_range range = {.span = {.kind = KV_SPAN_RANGE}};
    uint8_t from[KV_KEY_MAX + 1];
    while (more) {
        struct kv_op_result result;
        arena_reset(&arena, MACHINE_RANGE_ARENA);
        machine_range(node->machine, &range, &arena, &result);
        for (size_t i = 0; i < result.pair_count; i++) {
            const struct kv_pair *pair = &model->now.keys[slot];
            assert_true(kv_slice_equal(result.pairs[i].key, pair->key));
            assert_true(kv_slice_equal(result.pairs[i].value, pair->value));
            assert_int_equal(result.pairs[i].create_revision, pair->create_revision);
            assert_int_equal(result.pairs[i].mod_revision, pair->mod_revision);
            assert_int_equal(result.pairs[i].version, pair->version);
            assert_int_equal(result.pairs[i].lease, pair->lease);
            slot++;
        }
        more = result.more;
        if (more) {
            struct kv_slice last = result.pairs[result.pair_count - 1].key;
            memcpy(from, last.bytes, last.size);
            from[last.size] = 0;
            range.span.key = kv_slice(from, last.size + 1);
        }
    }
    assert_int_equal(slot, model->now.key_count);
    arena_close(&arena);
    for (size_t i = 0; i < model->now.lease_count; i++) {
        const struct model_lease *wanted = &model->now.leases[i];
        struct machine_lease lease;
        assert_true(machine_lease(node->machine, wanted->id, &lease));
        assert_int_equal(lease.ttl_ms, wanted->ttl_ms);
        assert_int_equal(lease.generation, wanted->generation);
        assert_int_equal(lease.granted_index, wanted->granted_index);
        assert_int_equal(lease.holder, wanted->holder);
        assert_int_equal(lease.epoch, wanted->epoch);
        assert_int_equal(lease.marked_index, wanted->marked_index);
        assert_int_equal(lease.is_protected, wanted->is_protected);
    }
    struct hash128 anew = machine_rehash(node->machine);
    struct machine_status status;
    machine_status(node->machine, &status);
    assert_true(hash128_equal(&anew, &status.hash));
}

/* ---- machines that come and go ---- */

static void start_node(struct node *node)
{
    node->hub = watch_hub_create(2000, (size_t)1024 * 1024);
    struct watch_options watch = {.span = {.kind = KV_SPAN_PREFIX}};
    node->watch = watch_open(node->hub, &watch);
    struct machine_options options = {.hub = node->hub};
    node->machine = machine_create(&options);
}

static void load_node(struct node *node, const struct kit_disk *disk)
{
    machine_destroy(node->machine);
    struct machine_options options = {.hub = node->hub};
    node->machine = machine_create(&options);
    struct err err = {0};
    int rv = kit_disk_load(disk, node->machine, &err);
    assert_string_equal(err.msg, "");
    assert_int_equal(rv, 0);
    seen.reloads++;
}

/* The first node is never flushed, the second is, and restarted; the third is now and then started
 * from the rows of the second, as by a snapshot. */
static void come_and_go(void)
{
    if (chance(3)) {
        (void)machine_flush(nodes[1].machine, kit_disk_write, &nodes[1].disk);
        assert_int_equal(machine_dirty_bytes(nodes[1].machine), 0);
    }
    if (draw(1000) < 4) {
        (void)machine_flush(nodes[1].machine, kit_disk_write, &nodes[1].disk);
        load_node(&nodes[1], &nodes[1].disk);
    }
    if (draw(1000) < 2) {
        (void)machine_flush(nodes[1].machine, kit_disk_write, &nodes[1].disk);
        load_node(&nodes[2], &nodes[1].disk);
    }
}

/* ---- one step ---- */

static void count_result(const struct kv_command *command, const struct kv_result *result)
{
    if (result->code == 0) {
        seen.ok++;
    } else {
        seen.failed[-result->code]++;
    }
    seen.replayed += result->replayed;
    seen.cut += result->replayed && result->code == ERR_EXPIRED;
    seen.marked += result->marked_lease != 0;
    if (command->kind == KV_TXN && result->code == 0 && !result->replayed) {
        seen.txn_then += result->succeeded;
        seen.txn_else += !result->succeeded;
    }
    seen.evictions = model->horizon > 0;
    seen.most_keys = model->now.key_count > seen.most_keys ? model->now.key_count : seen.most_keys;
}

static void damage(struct buf *bytes)
{
    uint8_t *at = (uint8_t *)bytes->bytes;
    if (bytes->size == 0 || chance(20)) {
        buf_clear(bytes);
        struct kv_slice noise = draw_bytes(draw(40), true);
        buf_append(bytes, noise.bytes, noise.size);
        return;
    }
    if (chance(30)) {
        bytes->size = draw(bytes->size);
        return;
    }
    size_t most = bytes->size < 200 ? bytes->size : 200;
    for (uint64_t times = 1 + draw(3); times > 0; times--) {
        at[draw(most)] ^= (uint8_t)(1U << draw(8));
    }
}

static void expect(const struct buf *bytes, const struct kv_command *command, int decoded)
{
    struct buf answer = {0};
    for (size_t i = 0; i < MACHINES; i++) {
        const struct kv_result *result = NULL;
        struct err err = {0};
        int rv =
            machine_apply(nodes[i].machine, last_index, bytes->bytes, bytes->size, &result, &err);
        assert_int_equal(rv, 0);
        if (decoded != 0) {
            assert_int_equal(result->code, decoded);
            assert_int_equal(result->op_count, 0);
            assert_true(strlen(err.msg) > 0);
        } else {
            buf_clear(&answer);
            kv_result_encode(result, &answer);
            assert_int_equal(answer.size, model->result.size);
            assert_memory_equal(answer.bytes, model->result.bytes, answer.size);
            if (i == 0) {
                count_result(command, result);
            }
        }
        compare_events(&nodes[i]);
        compare_status(&nodes[i]);
        if (chance(10)) {
            machine_forget_result(nodes[i].machine);
        }
    }
    buf_close(&answer);
}

static bool is_too_much_for_the_model(const struct kv_command *command)
{
    return (command->kind == KV_SETTING && command->setting.kind == KV_SETTING_EPOCH_FLOOR &&
            command->setting.value > model->now.epoch + 1000) ||
           (command->kind == KV_TXN &&
            (command->txn.then_count > LISTED || command->txn.else_count > LISTED));
}

static void step(void)
{
    arena_reset(&scratch, SIZE_MAX / 2);
    struct kv_command command = fits_model() ? draw_command() : make_room();
    struct buf bytes = {0};
    int rv = kv_command_encode(&command, &bytes, NULL);
    if (rv != 0) { /* two ops that meet, most often */
        buf_close(&bytes);
        return;
    }
    if (chance(4)) {
        damage(&bytes);
        seen.damaged++;
    }
    rv = kv_command_decode(&decoder, bytes.bytes, bytes.size, &command, NULL);
    last_index++;
    if (rv == ERR_VERSION || (rv == 0 && is_too_much_for_the_model(&command))) {
        last_index--;
        seen.newer++;
        for (size_t i = 0; rv != 0 && i < MACHINES; i++) {
            const struct kv_result *result = NULL;
            assert_int_equal(machine_apply(nodes[i].machine, last_index + 1, bytes.bytes,
                                           bytes.size, &result, NULL),
                             ERR_VERSION);
        }
    } else {
        model->event_count = 0;
        if (rv == 0) {
            model_apply(model, last_index, &command);
        }
        expect(&bytes, &command, rv);
    }
    buf_close(&bytes);
}

static void no_life_was_empty(void)
{
    static const int codes[] = {ERR_NOT_FOUND, ERR_CONFLICT, ERR_QUOTA,  ERR_EXISTS,
                                ERR_EXPIRED,   ERR_REFUSED,  ERR_INVALID};
    print_message(
        "# ok %zu, replayed %zu, then %zu, else %zu, marked %zu, events %zu, damaged %zu, "
        "newer %zu, reloads %zu, cut %zu, alarm %zu, long keys %zu, most keys %zu\n",
        seen.ok, seen.replayed, seen.txn_then, seen.txn_else, seen.marked, seen.events,
        seen.damaged, seen.newer, seen.reloads, seen.cut, seen.alarms, seen.long_keys,
        seen.most_keys);
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        print_message("# %s %zu\n", err_name(codes[i]), seen.failed[-codes[i]]);
    }
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        assert_true(seen.failed[-codes[i]] > 50);
    }
    assert_true(seen.ok > COMMANDS / 3);
    assert_true(seen.replayed > 500);
    assert_true(seen.txn_then > 1000);
    assert_true(seen.txn_else > 1000);
    assert_true(seen.marked > 100);
    assert_true(seen.newer > 50);
    assert_true(seen.reloads > 100);
    assert_true(seen.evictions);
    assert_true(seen.cut > 0);
    assert_true(seen.alarms > 100);
    assert_true(seen.long_keys > 1000);
}

static void the_machine_does_what_the_model_does(void **state)
{
    (void)state;
    const char *text = getenv("MODEL_SEED");
    seed = text != NULL ? strtoull(text, NULL, 10) : 20261121;
    print_message("# MODEL_SEED=%llu\n", (unsigned long long)seed);
    model = mem_alloc(sizeof(*model));
    model_init(model);
    for (size_t i = 0; i < MACHINES; i++) {
        start_node(&nodes[i]);
    }
    for (size_t number = 0; number < COMMANDS; number++) {
        step();
        come_and_go();
        if (number % 500 == 0) {
            for (size_t i = 0; i < MACHINES; i++) {
                compare_all(&nodes[i]);
            }
        }
    }
    no_life_was_empty();
    for (size_t i = 0; i < MACHINES; i++) {
        machine_destroy(nodes[i].machine);
        watch_hub_destroy(nodes[i].hub);
        kit_disk_close(&nodes[i].disk);
    }
    model_close(model);
    mem_free(model);
    arena_close(&scratch);
    kv_decoder_close(&decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_machine_does_what_the_model_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
