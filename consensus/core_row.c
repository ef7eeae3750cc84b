/* consensus/core_row.c - u64 term, u64 index of the membership, the membership; little-endian. */
#include "consensus/core_row.h"

#include <string.h>

#include "consensus/cursor.h"

static const char key[] = "\0core";
#define KEY_SIZE 5

void core_row_add(struct store_batch *batch, const struct core_row *row)
{
    struct buf value = {0};
    put_u64(&value, row->term);
    put_u64(&value, row->conf_index);
    buf_append(&value, row->conf, row->conf_size);
    struct store_row stored = {
        .key = key, .key_size = KEY_SIZE, .value = value.bytes, .value_size = value.size};
    store_batch_add_row(batch, &stored);
    buf_close(&value);
}

bool core_row_read(const struct store_row *row, struct core_row *out)
{
    struct cursor value = {row->value, row->value_size};
    struct core_row read = {0};
    bool is_it = row->key_size == KEY_SIZE && memcmp(row->key, key, KEY_SIZE) == 0;
    if (!is_it || !take_u64(&value, &read.term) || !take_u64(&value, &read.conf_index)) {
        return false;
    }
    read.conf = value.at;
    read.conf_size = value.left;
    *out = read;
    return true;
}
