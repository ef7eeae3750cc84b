/* consensus/lease_table.c - leases by id, each with the list of its keys. */
#include "consensus/lease_table.h"

#include <endian.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"

void id_key_write(uint8_t out[ID_KEY_SIZE], uint64_t number)
{
    uint64_t big = htobe64(number);
    memcpy(out, &big, sizeof(big));
}

struct lease *lease_table_find(const struct lease_table *table, uint64_t id)
{
    uint8_t key[ID_KEY_SIZE];
    id_key_write(key, id);
    return lease_of_item(omap_find(&table->leases, kv_slice(key, sizeof(key))));
}

struct lease *lease_table_next(const struct lease_table *table, uint64_t id)
{
    if (id == UINT64_MAX) {
        return NULL;
    }
    uint8_t key[ID_KEY_SIZE];
    id_key_write(key, id + 1);
    struct omap_at at;
    return lease_of_item(omap_seek(&table->leases, kv_slice(key, sizeof(key)), &at));
}

struct lease *lease_table_expect(struct lease_table *table, uint64_t id)
{
    struct lease *lease = lease_table_find(table, id);
    if (lease != NULL) {
        return lease;
    }
    lease = mem_zalloc(sizeof(*lease));
    lease->id = id;
    id_key_write(lease->id_key, id);
    lease->item = (struct omap_item){.key = lease->id_key, .key_size = ID_KEY_SIZE};
    list_init(&lease->row.dirty);
    list_init(&lease->keys);
    omap_insert(&table->leases, &lease->item);
    table->unknown_count++;
    return lease;
}

struct lease *lease_table_add(struct lease_table *table, uint64_t id)
{
    struct lease *lease = lease_table_expect(table, id);
    MUST(!lease->is_known);
    lease->is_known = true;
    table->unknown_count--;
    return lease;
}

void lease_table_remove(struct lease_table *table, struct lease *lease)
{
    MUST(lease->is_known);
    MUST(lease->key_count == 0);
    omap_remove(&table->leases, &lease->item);
}

void lease_free(struct lease *lease)
{
    MUST(list_empty(&lease->keys));
    mem_free(lease);
}

void lease_attach(struct lease *lease, struct record *record)
{
    MUST(record->lease == lease->id);
    list_push_back(&lease->keys, &record->lease_link);
    lease->key_count++;
}

void lease_detach(struct lease *lease, struct record *record)
{
    MUST(record->lease == lease->id);
    MUST(lease->key_count > 0);
    list_remove(&record->lease_link);
    lease->key_count--;
}

struct hash128 lease_hash(const struct lease *lease)
{
    struct hash128 hash = hash128_start(ROW_LEASE);
    hash128_number(&hash, lease->id);
    hash128_number(&hash, lease->ttl_ms);
    hash128_number(&hash, lease->generation);
    hash128_number(&hash, lease->granted_index);
    hash128_number(&hash, lease->holder);
    hash128_number(&hash, lease->epoch);
    hash128_number(&hash, lease->marked_index);
    hash128_number(&hash, lease->is_protected);
    return hash128_finish(&hash);
}

void lease_table_close(struct lease_table *table)
{
    struct omap_at at;
    struct lease *lease = lease_of_item(omap_seek(&table->leases, kv_slice(NULL, 0), &at));
    while (lease != NULL) {
        struct lease *next = lease_of_item(omap_next(&at));
        while (list_pop_front(&lease->keys) != NULL) {
            /* the records forget it */
        }
        list_remove(&lease->row.dirty);
        lease_free(lease);
        lease = next;
    }
    omap_close(&table->leases);
    *table = (struct lease_table){0};
}
