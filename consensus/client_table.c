/* consensus/client_table.c - clients by id, their results by sequence, both by age. */
#include "consensus/client_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "proto/kv_codec.h"

#define ROW_BYTES 64 /* about what the numbers of a row take on disk */

void client_table_init(struct client_table *table)
{
    *table = (struct client_table){0};
    list_init(&table->by_age);
    list_init(&table->results_by_age);
}

static struct client *client_find(const struct client_table *table, uint64_t id)
{
    uint8_t key[ID_KEY_SIZE];
    id_key_write(key, id);
    return client_of_item(omap_find(&table->clients, kv_slice(key, sizeof(key))));
}

static struct client *client_create(struct client_table *table, uint64_t id)
{
    struct client *client = mem_zalloc(sizeof(*client));
    client->id = id;
    id_key_write(client->id_key, id);
    client->item = (struct omap_item){.key = client->id_key, .key_size = ID_KEY_SIZE};
    list_init(&client->row.dirty);
    list_init(&client->by_age);
    list_init(&client->results);
    omap_insert(&table->clients, &client->item);
    return client;
}

void client_free(struct client *client)
{
    MUST(list_empty(&client->results));
    mem_free(client);
}

struct client_result *client_result_create(uint64_t sequence, size_t size)
{
    MUST(size <= CLIENT_RESULT_BYTES_MAX);
    struct client_result *result = mem_zalloc(sizeof(*result) + size);
    result->sequence = sequence;
    result->size = (uint32_t)size;
    list_init(&result->row.dirty);
    list_init(&result->by_age);
    list_init(&result->link);
    return result;
}

void client_result_free(struct client_result *result)
{
    mem_free(result);
}

struct hash128 client_hash(const struct client *client)
{
    struct hash128 hash = hash128_start(ROW_CLIENT);
    hash128_number(&hash, client->id);
    hash128_number(&hash, client->floor);
    hash128_number(&hash, client->last_index);
    return hash128_finish(&hash);
}

struct hash128 client_result_hash(const struct client_result *result)
{
    struct hash128 hash = hash128_start(ROW_RESULT);
    hash128_number(&hash, result->client_id);
    hash128_number(&hash, result->sequence);
    hash128_number(&hash, (uint64_t)result->result.code);
    hash128_number(&hash, result->result.index);
    hash128_number(&hash, result->result.revision);
    hash128_number(&hash, ((uint64_t)result->result.failed_op << 32) |
                              ((uint64_t)result->result.op_count << 3) |
                              ((uint64_t)result->is_cut << 1) | result->result.succeeded);
    hash128_number(&hash, result->result.marked_lease);
    hash128_number(&hash, ((uint64_t)result->op.kind << 1) | result->op.more);
    hash128_number(&hash, result->op.count);
    hash128_number(&hash, result->op.lease);
    hash128_number(&hash, result->op.lease_ttl_ms);
    hash128_number(&hash, result->op.lease_generation);
    hash128_number(&hash, result->op.lease_epoch);
    hash128_bytes(&hash, result->bytes, result->size);
    return hash128_finish(&hash);
}

static size_t result_cost(const struct client_result *result)
{
    return sizeof(*result) + result->size;
}

/* ---- looking ---- */

/* From the back, since a retry is of something recent. */
static struct client_result *result_find(const struct client *client, uint64_t sequence)
{
    for (struct list *at = client->results.prev; at != &client->results; at = at->prev) {
        struct client_result *result = CONTAINER_OF(at, struct client_result, link);
        if (result->sequence <= sequence) {
            return result->sequence == sequence ? result : NULL;
        }
    }
    return NULL;
}

enum client_verdict client_table_look(const struct client_table *table,
                                      const struct kv_command *command,
                                      struct client_result **ret_result)
{
    if (command->client == 0) {
        return CLIENT_FRESH;
    }
    const struct client *client = client_find(table, command->client);
    if (client == NULL) {
        return command->since < table->horizon ? CLIENT_EXPIRED : CLIENT_FRESH;
    }
    if (command->sequence < client->floor) {
        return CLIENT_EXPIRED;
    }
    struct client_result *result = result_find(client, command->sequence);
    if (result == NULL) {
        return CLIENT_FRESH;
    }
    *ret_result = result;
    return CLIENT_REPLAY;
}

/* ---- forgetting ---- */

static void result_forget(struct client_table *table, struct rowbook *book,
                          struct client_result *result)
{
    MUST(table->result_bytes >= result_cost(result));
    table->result_bytes -= result_cost(result);
    table->result_count--;
    result->client->result_count--;
    list_remove(&result->by_age);
    list_remove(&result->link);
    if (row_leave(book, &result->row)) {
        client_result_free(result);
    }
}

/* Forget the results of @client below its floor. */
static void client_trim(struct client_table *table, struct rowbook *book, struct client *client)
{
    while (!list_empty(&client->results)) {
        struct client_result *first =
            CONTAINER_OF(client->results.next, struct client_result, link);
        if (first->sequence >= client->floor) {
            return;
        }
        result_forget(table, book, first);
    }
}

static void client_raise_floor(struct client_table *table, struct rowbook *book,
                               struct client *client, uint64_t floor)
{
    if (floor <= client->floor) {
        return;
    }
    client->floor = floor;
    client_trim(table, book, client);
    struct hash128 hash = client_hash(client);
    row_change(book, &client->row, &hash);
}

static void client_forget(struct client_table *table, struct rowbook *book, struct client *client)
{
    MUST(client->last_index >= table->horizon);
    table->horizon = client->last_index;
    client->floor = UINT64_MAX;
    client_trim(table, book, client);
    MUST(list_empty(&client->results)); /* a sequence of UINT64_MAX is refused */
    list_remove(&client->by_age);
    omap_remove(&table->clients, &client->item);
    if (row_leave(book, &client->row)) {
        client_free(client);
    }
}

static void result_drop(struct client_table *table, struct rowbook *book,
                        const struct client_result *result)
{
    client_raise_floor(table, book, result->client, result->sequence + 1);
}

static void keep_bounds(struct client_table *table, struct rowbook *book, struct client *client)
{
    while (client->result_count > CLIENT_RESULTS_MAX) {
        result_drop(table, book, CONTAINER_OF(client->results.next, struct client_result, link));
    }
    while (table->result_bytes > CLIENT_BYTES_MAX) {
        result_drop(table, book,
                    CONTAINER_OF(table->results_by_age.next, struct client_result, by_age));
    }
    while (table->clients.count > CLIENTS_MAX) {
        client_forget(table, book, CONTAINER_OF(table->by_age.next, struct client, by_age));
    }
}

/* ---- remembering ---- */

/* One op without pairs fits into the numbers; else the result is kept as bytes. */
static bool fits_numbers(const struct kv_result *result)
{
    return result->op_count == 0 || (result->op_count == 1 && result->ops[0].pair_count == 0);
}

static struct client_result *result_create(struct client_table *table, uint64_t sequence,
                                           const struct kv_result *from)
{
    buf_clear(&table->scratch);
    if (!fits_numbers(from)) {
        kv_result_encode(from, &table->scratch);
    }
    size_t size = table->scratch.size;
    bool is_cut = size > CLIENT_RESULT_BYTES_MAX;
    if (is_cut) {
        buf_close(&table->scratch); /* it was unusually large */
        size = 0;
    }
    struct client_result *result = client_result_create(sequence, size);
    if (size > 0) {
        memcpy(result->bytes, table->scratch.bytes, size);
    }
    result->is_cut = is_cut;
    result->result = *from;
    result->result.ops = NULL;
    result->result.op_count = 0;
    if (fits_numbers(from) && from->op_count == 1) {
        result->op = from->ops[0];
        result->op.pairs = NULL;
        result->result.op_count = 1;
    }
    return result;
}

static void result_insert(struct client_table *table, struct client *client,
                          struct client_result *result)
{
    struct list *before = client->results.prev;
    while (before != &client->results &&
           CONTAINER_OF(before, struct client_result, link)->sequence > result->sequence) {
        before = before->prev;
    }
    list_insert_between(&result->link, before, before->next);
    list_push_back(&table->results_by_age, &result->by_age);
    result->client = client;
    client->result_count++;
    table->result_count++;
    table->result_bytes += result_cost(result);
}

void client_table_remember(struct client_table *table, struct rowbook *book,
                           const struct kv_command *command, const struct kv_result *result)
{
    if (command->client == 0) {
        return;
    }
    struct client *client = client_find(table, command->client);
    bool is_new = client == NULL;
    if (is_new) {
        client = client_create(table, command->client);
    }
    MUST(result->index > client->last_index);
    client->last_index = result->index;
    client->floor = command->acked > client->floor ? command->acked : client->floor;
    struct hash128 hash = client_hash(client);
    if (is_new) {
        row_enter(book, &client->row, ROW_CLIENT, &hash, ROW_BYTES);
    } else {
        row_change(book, &client->row, &hash);
    }
    list_remove(&client->by_age);
    list_push_back(&table->by_age, &client->by_age);
    client_trim(table, book, client);

    struct client_result *kept = result_create(table, command->sequence, result);
    kept->client_id = client->id;
    hash = client_result_hash(kept);
    row_enter(book, &kept->row, ROW_RESULT, &hash, ROW_BYTES + kept->size);
    result_insert(table, client, kept);
    keep_bounds(table, book, client);
}

/* ---- loading ---- */

static struct client *client_expect(struct client_table *table, uint64_t id)
{
    struct client *client = client_find(table, id);
    return client != NULL ? client : client_create(table, id);
}

bool client_table_load_client(struct client_table *table, struct rowbook *book, uint64_t id,
                              uint64_t floor, uint64_t last_index)
{
    struct client *client = client_expect(table, id);
    if (client->last_index != 0 || last_index == 0) {
        return false;
    }
    client->floor = floor;
    client->last_index = last_index;
    struct hash128 hash = client_hash(client);
    row_load(book, &client->row, ROW_CLIENT, &hash, ROW_BYTES);
    list_push_back(&table->by_age, &client->by_age);
    return true;
}

bool client_table_load_result(struct client_table *table, struct rowbook *book,
                              struct client_result *result)
{
    struct client *client = client_expect(table, result->client_id);
    if (result_find(client, result->sequence) != NULL) {
        return false;
    }
    struct hash128 hash = client_result_hash(result);
    row_load(book, &result->row, ROW_RESULT, &hash, ROW_BYTES + result->size);
    result_insert(table, client, result);
    return true;
}

static int by_last_index(const void *a, const void *b)
{
    struct list *const *left = a;
    struct list *const *right = b;
    uint64_t l = CONTAINER_OF(*left, struct client, by_age)->last_index;
    uint64_t r = CONTAINER_OF(*right, struct client, by_age)->last_index;
    return l < r ? -1 : l > r;
}

static int by_index(const void *a, const void *b)
{
    struct list *const *left = a;
    struct list *const *right = b;
    uint64_t l = CONTAINER_OF(*left, struct client_result, by_age)->result.index;
    uint64_t r = CONTAINER_OF(*right, struct client_result, by_age)->result.index;
    return l < r ? -1 : l > r;
}

static void list_sort(struct list *list, size_t count,
                      int (*compare)(const void *left, const void *right))
{
    struct list **links = mem_array(count, sizeof(*links));
    size_t taken = 0;
    for (struct list *link = list_pop_front(list); link != NULL; link = list_pop_front(list)) {
        MUST(taken < count);
        links[taken] = link;
        taken++;
    }
    qsort(links, taken, sizeof(*links), compare);
    for (size_t i = 0; i < taken; i++) {
        list_push_back(list, links[i]);
    }
    mem_free(links);
}

bool client_table_load_done(struct client_table *table)
{
    struct omap_at at;
    for (struct client *client = client_of_item(omap_seek(&table->clients, kv_slice(NULL, 0), &at));
         client != NULL; client = client_of_item(omap_next(&at))) {
        if (client->last_index == 0) {
            return false; /* a result without its client */
        }
    }
    list_sort(&table->by_age, table->clients.count, by_last_index);
    list_sort(&table->results_by_age, table->result_count, by_index);
    return true;
}

void client_table_close(struct client_table *table)
{
    for (struct list *link = list_pop_front(&table->results_by_age); link != NULL;
         link = list_pop_front(&table->results_by_age)) {
        struct client_result *result = CONTAINER_OF(link, struct client_result, by_age);
        list_remove(&result->link);
        list_remove(&result->row.dirty);
        client_result_free(result);
    }
    struct omap_at at;
    struct client *client = client_of_item(omap_seek(&table->clients, kv_slice(NULL, 0), &at));
    while (client != NULL) {
        struct client *next = client_of_item(omap_next(&at));
        list_remove(&client->row.dirty);
        client_free(client);
        client = next;
    }
    omap_close(&table->clients);
    buf_close(&table->scratch);
    client_table_init(table);
}
