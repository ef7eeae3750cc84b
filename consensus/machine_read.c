/* consensus/machine_read.c - looking at the state without changing it. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "consensus/machine_impl.h"
#include "consensus/watch.h"

struct record *machine_find(const struct machine *machine, struct kv_slice key)
{
    return record_of_item(omap_find(&machine->keys, key));
}

bool machine_get(const struct machine *machine, struct kv_slice key, struct kv_pair *ret_pair)
{
    const struct record *record = machine_find(machine, key);
    if (record == NULL) {
        return false;
    }
    *ret_pair = record_pair(record);
    return true;
}

int machine_get_at(const struct machine *machine, struct kv_slice key, uint64_t revision,
                   struct kv_pair *ret_pair)
{
    const struct watch_hub *hub = machine->options.hub;
    if (revision > machine->revision) {
        return ERR_INVALID;
    }
    const struct record *record = machine_find(machine, key);
    if (revision < machine->revision) {
        if (hub == NULL || revision + 1 < watch_hub_oldest(hub)) {
            return ERR_COMPACTED;
        }
        (void)watch_hub_first_change(hub, key, revision, &record); /* none: it is as it was */
    }
    if (record == NULL) {
        return ERR_NOT_FOUND;
    }
    *ret_pair = record_pair(record);
    return 0;
}

/* ---- ranges ---- */

/* The first key behind all that begin with @prefix, in @room; false if there is none. */
static bool prefix_end(struct kv_slice prefix, uint8_t *room, struct kv_slice *ret_end)
{
    const uint8_t *bytes = prefix.bytes;
    size_t size = prefix.size;
    while (size > 0 && bytes[size - 1] == UINT8_MAX) {
        size--;
    }
    if (size == 0) {
        return false;
    }
    memcpy(room, bytes, size);
    room[size - 1]++;
    *ret_end = kv_slice(room, size);
    return true;
}

static uint64_t count_span(const struct machine *machine, const struct kv_span *span)
{
    if (span->kind == KV_SPAN_KEY) {
        return machine_find(machine, span->key) != NULL;
    }
    uint8_t room[KV_KEY_MAX];
    struct kv_slice end = span->end;
    bool has_end = span->kind == KV_SPAN_RANGE ? end.size > 0 : prefix_end(span->key, room, &end);
    size_t behind = has_end ? omap_rank(&machine->keys, end) : machine->keys.count;
    return behind - omap_rank(&machine->keys, span->key);
}

static uint64_t charge_of(const struct record *record, bool keys_only)
{
    return record_charge(record) - (keys_only ? record->value_size : 0);
}

/* How many pairs from @at on belong to @range and fit into the answer. */
static size_t count_fitting(const struct kv_range *range, struct omap_at at, struct record *record,
                            uint64_t answer_bytes)
{
    size_t count = 0;
    while (record != NULL && !kv_span_is_past(&range->span, record_key(record)) &&
           (range->limit == 0 || count < range->limit)) {
        uint64_t charge = charge_of(record, range->keys_only);
        if (!machine_answer_takes(answer_bytes, charge)) {
            break;
        }
        answer_bytes += charge;
        count++;
        record = record_of_item(omap_next(&at));
    }
    return count;
}

void machine_collect(const struct machine *machine, const struct kv_range *range,
                     struct arena *arena, uint64_t *answer_bytes, struct kv_op_result *ret_result)
{
    *ret_result =
        (struct kv_op_result){.kind = KV_OP_RANGE, .count = count_span(machine, &range->span)};
    if (range->count_only) {
        return;
    }
    struct omap_at at;
    struct record *record = record_of_item(omap_seek(&machine->keys, range->span.key, &at));
    size_t count = count_fitting(range, at, record, *answer_bytes);
    struct kv_pair *pairs = arena_array(arena, count, sizeof(*pairs));
    MUST(pairs != NULL);
    for (size_t i = 0; i < count; i++) {
        pairs[i] = record_pair(record);
        if (range->keys_only) {
            pairs[i].value = kv_slice(NULL, 0);
        }
        *answer_bytes += charge_of(record, range->keys_only);
        record = record_of_item(omap_next(&at));
    }
    ret_result->pairs = pairs;
    ret_result->pair_count = count;
    ret_result->more = count < ret_result->count;
}

void machine_range(const struct machine *machine, const struct kv_range *range, struct arena *arena,
                   struct kv_op_result *ret_result)
{
    uint64_t answer_bytes = 0;
    machine_collect(machine, range, arena, &answer_bytes, ret_result);
}

/* ---- leases ---- */

bool machine_lease(const struct machine *machine, uint64_t id, struct machine_lease *ret_lease)
{
    const struct lease *lease = lease_table_find(&machine->leases, id);
    if (lease == NULL) {
        return false;
    }
    machine_lease_facts(lease, ret_lease);
    return true;
}

bool machine_lease_next(const struct machine *machine, uint64_t id, struct machine_lease *ret_lease)
{
    const struct lease *lease = lease_table_next(&machine->leases, id);
    if (lease == NULL) {
        return false;
    }
    machine_lease_facts(lease, ret_lease);
    return true;
}

static int by_order(const void *a, const void *b)
{
    const struct kv_slice *left = a;
    const struct kv_slice *right = b;
    return kv_slice_compare(*left, *right);
}

size_t machine_lease_keys(const struct machine *machine, uint64_t id, struct arena *arena,
                          const struct kv_slice **ret_keys)
{
    struct lease *lease = lease_table_find(&machine->leases, id);
    size_t count = lease != NULL ? lease->key_count : 0;
    struct kv_slice *keys = arena_array(arena, count, sizeof(*keys));
    if (keys == NULL || lease == NULL) {
        return 0;
    }
    size_t found = 0;
    LIST_FOR_EACH (struct record, record, &lease->keys, lease_link) {
        MUST(found < count);
        keys[found] = record_key(record);
        found++;
    }
    qsort(keys, count, sizeof(*keys), by_order);
    *ret_keys = keys;
    return count;
}

/* ---- status ---- */

/* The rows, and what stands in no row of its own. The index is not in it: it belongs to the way. */
struct hash128 machine_state_hash(const struct machine *machine, const struct hash128 *sum)
{
    struct hash128 hash = hash128_start(0);
    hash128_number(&hash, sum->low);
    hash128_number(&hash, sum->high);
    hash128_number(&hash, machine->revision);
    hash128_number(&hash, machine->compacted);
    hash128_number(&hash, machine->used_bytes);
    hash128_number(&hash, machine->quota_bytes);
    hash128_number(&hash, machine->feature_level);
    hash128_number(&hash, machine->epoch);
    hash128_number(&hash, ((uint64_t)machine->hold_epochs << 1) | machine->quota_alarm);
    hash128_number(&hash, machine->clients.horizon);
    return hash128_finish(&hash);
}

void machine_status(const struct machine *machine, struct machine_status *ret_status)
{
    *ret_status = (struct machine_status){.index = machine->index,
                                          .revision = machine->revision,
                                          .compacted = machine->compacted,
                                          .key_count = machine->keys.count,
                                          .lease_count = machine->leases.leases.count,
                                          .client_count = machine->clients.clients.count,
                                          .client_result_count = machine->clients.result_count,
                                          .client_horizon = machine->clients.horizon,
                                          .quota_bytes = machine->quota_bytes,
                                          .used_bytes = machine->used_bytes,
                                          .quota_alarm = machine->quota_alarm,
                                          .hold_epochs = machine->hold_epochs,
                                          .feature_level = machine->feature_level,
                                          .epoch = machine->epoch,
                                          .hash = machine_state_hash(machine, &machine->book.sum),
                                          .chain = machine->chain};
}

struct hash128 machine_rehash(const struct machine *machine)
{
    struct hash128 sum = {0};
    struct hash128 hash;
    struct omap_at at;
    for (struct record *record = record_of_item(omap_seek(&machine->keys, kv_slice(NULL, 0), &at));
         record != NULL; record = record_of_item(omap_next(&at))) {
        hash = record_hash(record);
        hash128_add(&sum, &hash);
    }
    for (struct lease *lease = lease_table_next(&machine->leases, 0); lease != NULL;
         lease = lease_table_next(&machine->leases, lease->id)) {
        hash = lease_hash(lease);
        hash128_add(&sum, &hash);
    }
    for (struct client *client =
             client_of_item(omap_seek(&machine->clients.clients, kv_slice(NULL, 0), &at));
         client != NULL; client = client_of_item(omap_next(&at))) {
        hash = client_hash(client);
        hash128_add(&sum, &hash);
        LIST_FOR_EACH (struct client_result, result, &client->results, link) {
            hash = client_result_hash(result);
            hash128_add(&sum, &hash);
        }
    }
    return machine_state_hash(machine, &sum);
}
