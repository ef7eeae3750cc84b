/* consensus/record.c - a key, its value and its numbers in one piece of memory. */
#include "consensus/record.h"

#include <string.h>

#include "base/mem.h"
#include "base/must.h"

struct record *record_create(struct kv_slice key, struct kv_slice value)
{
    MUST(key.size > 0);
    MUST(key.size <= KV_KEY_MAX);
    MUST(value.size <= KV_VALUE_MAX);
    struct record *record = mem_alloc(sizeof(*record) + key.size + value.size);
    *record = (struct record){.references = 1, .value_size = (uint32_t)value.size};
    list_init(&record->row.dirty);
    list_init(&record->lease_link);
    memcpy(record->bytes, key.bytes, key.size);
    if (value.size > 0) {
        memcpy(record->bytes + key.size, value.bytes, value.size);
    }
    record->item = (struct omap_item){.key = record->bytes, .key_size = (uint32_t)key.size};
    return record;
}

struct record *record_ref(struct record *record)
{
    MUST(record->references > 0);
    record->references++;
    return record;
}

void record_unref(struct record *record)
{
    MUST(record->references > 0);
    record->references--;
    if (record->references == 0) {
        MUST(list_empty(&record->row.dirty));
        MUST(list_empty(&record->lease_link));
        mem_free(record);
    }
}

struct kv_slice record_key(const struct record *record)
{
    return omap_key(&record->item);
}

struct kv_slice record_value(const struct record *record)
{
    return kv_slice(record->bytes + record->item.key_size, record->value_size);
}

struct kv_pair record_pair(const struct record *record)
{
    return (struct kv_pair){.key = record_key(record),
                            .value = record_value(record),
                            .create_revision = record->create_revision,
                            .mod_revision = record->mod_revision,
                            .version = record->version,
                            .lease = record->lease};
}

struct hash128 record_hash(const struct record *record)
{
    struct hash128 hash = hash128_start(ROW_KEY);
    hash128_number(&hash, record->create_revision);
    hash128_number(&hash, record->ordinal);
    hash128_number(&hash, record->mod_revision);
    hash128_number(&hash, record->version);
    hash128_number(&hash, record->lease);
    hash128_bytes(&hash, record->bytes, record->item.key_size);
    hash128_bytes(&hash, record->bytes + record->item.key_size, record->value_size);
    return hash128_finish(&hash);
}

uint64_t record_charge(const struct record *record)
{
    return (uint64_t)record->item.key_size + record->value_size + KV_PAIR_OVERHEAD;
}

size_t record_size(const struct record *record)
{
    return sizeof(*record) + record->item.key_size + record->value_size;
}
