/* storage/batch.c - batches of entries and rows in two flat buffers, so that one owner frees all.
 *
 * Each item is its header, copied as it is, and then its bytes. Nothing here is a format on disk or
 * on the wire: a batch lives and dies in one process. */
#include "storage/batch.h"

#include <string.h>

#include "base/mem.h"
#include "base/must.h"

struct entry_head {
    uint64_t index;
    uint64_t term;
    size_t size;
    uint8_t type;
};

struct row_head {
    size_t key_size;
    size_t value_size;
    bool has_value;
};

struct store_batch *store_batch_create(uint64_t sequence)
{
    struct store_batch *batch = mem_zalloc(sizeof(*batch));
    list_init(&batch->link);
    batch->sequence = sequence;
    return batch;
}

void store_batch_destroy(struct store_batch *batch)
{
    if (batch == NULL) {
        return;
    }
    MUST(list_empty(&batch->link)); /* whoever held it has let go */
    buf_close(&batch->snapshot.conf);
    buf_close(&batch->entry_bytes);
    buf_close(&batch->row_bytes);
    mem_free(batch);
}

void store_batch_destroyp(struct store_batch **batch)
{
    store_batch_destroy(*batch);
    *batch = NULL;
}

void store_batch_add_entry(struct store_batch *batch, const struct store_entry *entry)
{
    MUST(entry->index > 0);
    struct entry_head head;
    memset(&head, 0, sizeof(head));
    head.index = entry->index;
    head.term = entry->term;
    head.size = entry->size;
    head.type = entry->type;
    buf_append(&batch->entry_bytes, &head, sizeof(head));
    buf_append(&batch->entry_bytes, entry->data, entry->size);
    batch->entry_count++;
    batch->bytes += entry->size;
}

void store_batch_add_row(struct store_batch *batch, const struct store_row *row)
{
    MUST(row->key_size > 0);
    MUST(row->key_size <= STORE_ROW_KEY_MAX);
    MUST(row->value != NULL || row->value_size == 0);
    struct row_head head;
    memset(&head, 0, sizeof(head));
    head.key_size = row->key_size;
    head.value_size = row->value_size;
    head.has_value = row->value != NULL;
    buf_append(&batch->row_bytes, &head, sizeof(head));
    buf_append(&batch->row_bytes, row->key, row->key_size);
    buf_append(&batch->row_bytes, row->value, row->value_size);
    batch->row_count++;
    batch->bytes += row->key_size + row->value_size;
}

void store_batch_set_snapshot(struct store_batch *batch, uint64_t index, uint64_t term,
                              uint64_t conf_index, const void *conf, size_t conf_size)
{
    batch->has_snapshot = true;
    batch->snapshot.index = index;
    batch->snapshot.term = term;
    batch->snapshot.conf_index = conf_index;
    buf_clear(&batch->snapshot.conf);
    buf_append(&batch->snapshot.conf, conf, conf_size);
}

bool store_batch_is_empty(const struct store_batch *batch)
{
    return !batch->has_identity && !batch->has_hard && batch->truncate_from == 0 &&
           batch->stage == STAGE_NONE && !batch->has_snapshot && batch->trim_below == 0 &&
           batch->applied_index == 0 && batch->entry_count == 0 && batch->row_count == 0;
}

bool store_batch_is_essential(const struct store_batch *batch)
{
    if (batch->essential || batch->has_hard || batch->has_identity) {
        return true;
    }
    bool takes_away =
        batch->trim_below != 0 || batch->truncate_from != 0 || batch->stage == STAGE_DROP;
    return takes_away && batch->entry_count == 0 && batch->row_count == 0;
}

bool store_batch_next_entry(const struct store_batch *batch, size_t *at, struct store_entry *entry)
{
    if (*at >= batch->entry_bytes.size) {
        return false;
    }
    struct entry_head head;
    const char *from = batch->entry_bytes.bytes + *at;
    memcpy(&head, from, sizeof(head));
    *entry = (struct store_entry){
        .index = head.index,
        .term = head.term,
        .type = head.type,
        .data = from + sizeof(head),
        .size = head.size,
    };
    *at += sizeof(head) + head.size;
    MUST(*at <= batch->entry_bytes.size);
    return true;
}

bool store_batch_next_row(const struct store_batch *batch, size_t *at, struct store_row *row)
{
    if (*at >= batch->row_bytes.size) {
        return false;
    }
    struct row_head head;
    const char *from = batch->row_bytes.bytes + *at;
    memcpy(&head, from, sizeof(head));
    from += sizeof(head);
    *row = (struct store_row){
        .key = from,
        .key_size = head.key_size,
        .value = head.has_value ? from + head.key_size : NULL,
        .value_size = head.value_size,
    };
    *at += sizeof(head) + head.key_size + head.value_size;
    MUST(*at <= batch->row_bytes.size);
    return true;
}

void store_image_close(struct store_image *image)
{
    buf_close(&image->snapshot.conf);
    store_batch_destroyp(&image->content);
}
