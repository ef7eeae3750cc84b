/* tests/lib/store_double.c - sorted rows and an array of entries, shared by counting. */
#include "tests/lib/store_double.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"

struct row {
    size_t users;
    size_t key_size;
    size_t value_size;
    uint8_t bytes[]; /* key, then value */
};

/* By size of key, then key. */
struct rows {
    struct row **at;
    size_t count;
    size_t room;
};

struct entry {
    size_t users;
    uint64_t term;
    uint8_t type;
    size_t size;
    uint8_t bytes[];
};

struct store_double {
    /* Durable. */
    struct store_identity identity;
    struct store_hard hard;
    uint64_t batch_counter;
    struct store_snapshot snapshot;
    uint64_t applied_index;
    uint64_t first; /* of the log */
    uint64_t last;
    uint64_t base_term;     /* of the entry before first */
    struct entry **entries; /* of index first + i at [gone + i] */
    size_t gone;
    size_t entries_room;
    struct rows rows;
    bool moved;
    char moved_text[160];

    /* Of the running process. */
    struct list waiting;
    bool is_full;
    size_t reserve;      /* what essential batches find on a full disk */
    size_t reserve_left; /* ... and what is left of it since it is full */
    bool staging;
    struct rows stage;
    bool formatted;
};

/* --- rows --------------------------------------------------------------------------------- */

static void row_release(struct row *row)
{
    row->users--;
    if (row->users == 0) {
        mem_free(row);
    }
}

static void rows_clear(struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        row_release(rows->at[i]);
    }
    mem_free(rows->at);
    *rows = (struct rows){NULL, 0, 0};
}

static void rows_copy(struct rows *to, const struct rows *from)
{
    *to = (struct rows){mem_array(from->count, sizeof(void *)), from->count, from->count};
    for (size_t i = 0; i < from->count; i++) {
        to->at[i] = from->at[i];
        to->at[i]->users++;
    }
}

static int compare(const struct row *row, const void *key, size_t key_size)
{
    if (row->key_size != key_size) {
        return row->key_size < key_size ? -1 : 1;
    }
    return memcmp(row->bytes, key, key_size);
}

/* Where the key is, or would be. */
static size_t rows_find(const struct rows *rows, const void *key, size_t key_size,
                        bool *ret_is_there)
{
    size_t low = 0;
    size_t high = rows->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(rows->at[middle], key, key_size) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_is_there = low < rows->count && compare(rows->at[low], key, key_size) == 0;
    return low;
}

static void rows_set(struct rows *rows, const struct store_row *row)
{
    bool is_there = false;
    size_t at = rows_find(rows, row->key, row->key_size, &is_there);
    if (is_there) {
        row_release(rows->at[at]);
    }
    if (row->value == NULL) {
        if (is_there) {
            rows->count--;
            memmove(rows->at + at, rows->at + at + 1, (rows->count - at) * sizeof(void *));
        }
        return;
    }
    if (!is_there) {
        if (rows->count == rows->room) {
            rows->room = rows->room * 2 + 8;
            rows->at = mem_grow(rows->at, rows->room, sizeof(void *));
        }
        memmove(rows->at + at + 1, rows->at + at, (rows->count - at) * sizeof(void *));
        rows->count++;
    }
    struct row *copy = mem_alloc(sizeof(*copy) + row->key_size + row->value_size);
    *copy = (struct row){1, row->key_size, row->value_size};
    memcpy(copy->bytes, row->key, row->key_size);
    memcpy(copy->bytes + row->key_size, row->value, row->value_size);
    rows->at[at] = copy;
}

static void row_add(struct store_batch *batch, const struct row *row)
{
    store_batch_add_row(batch, &(struct store_row){
                                   .key = row->bytes,
                                   .key_size = row->key_size,
                                   .value = row->bytes + row->key_size,
                                   .value_size = row->value_size,
                               });
}

/* --- the log ------------------------------------------------------------------------------ */

static size_t log_count(const struct store_double *disk)
{
    return disk->last + 1 - disk->first;
}

static struct entry *log_at(const struct store_double *disk, uint64_t index)
{
    MUST(index >= disk->first);
    MUST(index <= disk->last);
    return disk->entries[disk->gone + (index - disk->first)];
}

static void entry_release(struct entry *entry)
{
    entry->users--;
    if (entry->users == 0) {
        mem_free(entry);
    }
}

static void log_truncate(struct store_double *disk, uint64_t from)
{
    MUST(from > disk->last || from >= disk->first);
    while (disk->last >= from) {
        entry_release(log_at(disk, disk->last));
        disk->last--;
    }
}

static void log_trim(struct store_double *disk, uint64_t below)
{
    MUST(below <= disk->last + 1 || below <= disk->first);
    while (disk->first < below) {
        struct entry *entry = log_at(disk, disk->first);
        disk->base_term = entry->term;
        entry_release(entry);
        disk->first++;
        disk->gone++;
    }
}

static void log_append(struct store_double *disk, const struct store_entry *entry)
{
    MUST(entry->index == disk->last + 1);
    size_t count = log_count(disk);
    if (disk->gone > 64 && disk->gone > count) {
        memmove(disk->entries, disk->entries + disk->gone, count * sizeof(void *));
        disk->gone = 0;
    }
    if (disk->gone + count == disk->entries_room) {
        disk->entries_room = disk->entries_room * 2 + 16;
        disk->entries = mem_grow(disk->entries, disk->entries_room, sizeof(void *));
    }
    struct entry *copy = mem_alloc(sizeof(*copy) + entry->size);
    *copy = (struct entry){1, entry->term, entry->type, entry->size};
    if (entry->size > 0) {
        memcpy(copy->bytes, entry->data, entry->size);
    }
    disk->entries[disk->gone + count] = copy;
    disk->last++;
}

static uint64_t log_term(const struct store_double *disk, uint64_t index)
{
    if (index >= disk->first && index <= disk->last) {
        return log_at(disk, index)->term;
    }
    if (index + 1 == disk->first) {
        return disk->base_term;
    }
    return index == disk->snapshot.index ? disk->snapshot.term : 0;
}

/* --- batches ------------------------------------------------------------------------------ */

static void copy_snapshot(struct store_snapshot *to, const struct store_snapshot *from)
{
    to->index = from->index;
    to->term = from->term;
    to->conf_index = from->conf_index;
    buf_clear(&to->conf);
    buf_append(&to->conf, from->conf.bytes, from->conf.size);
}

static void apply_stage(struct store_double *disk, const struct store_batch *batch)
{
    if (batch->stage == STAGE_BEGIN || batch->stage == STAGE_DROP) {
        rows_clear(&disk->stage);
        disk->staging = batch->stage == STAGE_BEGIN;
    }
    if (batch->stage == STAGE_COMMIT) {
        MUST(disk->staging);
        MUST(batch->has_snapshot);
        rows_clear(&disk->rows);
        disk->rows = disk->stage;
        disk->stage = (struct rows){NULL, 0, 0};
        disk->staging = false;
    }
    if (batch->has_snapshot) {
        MUST(batch->snapshot.index >= disk->snapshot.index);
        copy_snapshot(&disk->snapshot, &batch->snapshot);
    }
    if (batch->stage == STAGE_COMMIT) {
        log_truncate(disk, disk->first);
        disk->first = disk->snapshot.index + 1;
        disk->last = disk->snapshot.index;
        disk->gone = 0;
        disk->base_term = disk->snapshot.term;
        disk->applied_index = disk->snapshot.index;
    }
}

static void apply(struct store_double *disk, const struct store_batch *batch)
{
    if (store_batch_is_empty(batch)) {
        return;
    }
    disk->formatted = true;
    disk->batch_counter++;
    if (batch->has_identity) {
        disk->identity = batch->identity;
    }
    if (batch->has_hard) {
        MUST(batch->hard.term >= disk->hard.term);
        disk->hard = batch->hard;
    }
    if (batch->truncate_from != 0) {
        log_truncate(disk, batch->truncate_from);
    }
    apply_stage(disk, batch);
    if (batch->trim_below != 0) {
        log_trim(disk, batch->trim_below);
    }
    if (batch->applied_index != 0) {
        MUST(batch->applied_index >= disk->applied_index);
        disk->applied_index = batch->applied_index;
    }
    size_t at = 0;
    struct store_entry entry;
    while (store_batch_next_entry(batch, &at, &entry)) {
        log_append(disk, &entry);
    }
    bool to_stage = batch->stage == STAGE_BEGIN || batch->stage == STAGE_ROWS;
    MUST(!to_stage || disk->staging);
    at = 0;
    struct store_row row;
    while (store_batch_next_row(batch, &at, &row)) {
        rows_set(to_stage ? &disk->stage : &disk->rows, &row);
    }
}

void store_double_submit(struct store_double *disk, struct store_batch *batch)
{
    list_push_back(&disk->waiting, &batch->link);
}

size_t store_double_waiting(const struct store_double *disk)
{
    return list_count(&disk->waiting);
}

uint64_t store_double_durable_term(const struct store_double *disk, uint64_t index)
{
    if (index >= disk->first && index <= disk->last) {
        return disk->entries[disk->gone + (index - disk->first)]->term;
    }
    if (index == disk->snapshot.index) {
        return disk->snapshot.term;
    }
    return index < disk->first || index < disk->snapshot.index ? STORE_DOUBLE_GONE : 0;
}

/* What a batch takes of a full disk. Terms and votes are written over. */
static size_t cost(const struct store_batch *batch)
{
    return batch->bytes + 64 * (batch->entry_count + batch->row_count);
}

/* As the store does it: what is essential, or waits before something essential, goes as long as the
 * reserve holds out. */
size_t store_double_may_commit(const struct store_double *disk)
{
    size_t count = 0;
    size_t last_essential = 0;
    LIST_FOR_EACH (struct store_batch, batch, &disk->waiting, link) {
        count++;
        last_essential = store_batch_is_essential(batch) ? count : last_essential;
    }
    if (!disk->is_full) {
        return count;
    }
    size_t may = 0;
    size_t bytes = 0;
    LIST_FOR_EACH (struct store_batch, batch, &disk->waiting, link) {
        bytes += cost(batch);
        if (may == last_essential || bytes > disk->reserve_left) {
            break;
        }
        may++;
    }
    return may;
}

void store_double_set_full(struct store_double *disk, bool is_full)
{
    if (is_full && !disk->is_full) {
        disk->reserve_left = disk->reserve;
    }
    disk->is_full = is_full;
}

bool store_double_is_full(const struct store_double *disk)
{
    return disk->is_full;
}

void store_double_set_reserve(struct store_double *disk, size_t bytes)
{
    disk->reserve = bytes;
    disk->reserve_left = bytes < disk->reserve_left ? bytes : disk->reserve_left;
}

uint64_t store_double_commit(struct store_double *disk, size_t count)
{
    uint64_t sequence = 0;
    for (; count > 0; count--) {
        struct list *link = list_pop_front(&disk->waiting);
        if (link == NULL) {
            break;
        }
        struct store_batch *batch = CONTAINER_OF(link, struct store_batch, link);
        size_t taken = disk->is_full ? cost(batch) : 0;
        disk->reserve_left -= taken < disk->reserve_left ? taken : disk->reserve_left;
        apply(disk, batch);
        sequence = batch->sequence;
        store_batch_destroy(batch);
    }
    return sequence;
}

static void forget_process(struct store_double *disk)
{
    struct list *link = NULL;
    while ((link = list_pop_front(&disk->waiting)) != NULL) {
        store_batch_destroy(CONTAINER_OF(link, struct store_batch, link));
    }
    rows_clear(&disk->stage);
    disk->staging = false;
}

void store_double_crash(struct store_double *disk, size_t survivors)
{
    (void)store_double_commit(disk, survivors);
    forget_process(disk);
}

/* --- life --------------------------------------------------------------------------------- */

struct store_double *store_double_create(void)
{
    struct store_double *disk = mem_zalloc(sizeof(*disk));
    list_init(&disk->waiting);
    disk->reserve = STORE_DOUBLE_RESERVE;
    disk->first = 1;
    return disk;
}

struct store_double *store_double_clone(const struct store_double *disk)
{
    struct store_double *copy = store_double_create();
    copy->identity = disk->identity;
    copy->hard = disk->hard;
    copy->batch_counter = disk->batch_counter;
    copy_snapshot(&copy->snapshot, &disk->snapshot);
    copy->applied_index = disk->applied_index;
    copy->first = disk->first;
    copy->last = disk->last;
    copy->base_term = disk->base_term;
    copy->entries_room = log_count(disk);
    copy->entries = mem_array(copy->entries_room, sizeof(void *));
    for (size_t i = 0; i < copy->entries_room; i++) {
        copy->entries[i] = disk->entries[disk->gone + i];
        copy->entries[i]->users++;
    }
    rows_copy(&copy->rows, &disk->rows);
    copy->moved = disk->moved;
    memcpy(copy->moved_text, disk->moved_text, sizeof(copy->moved_text));
    copy->formatted = disk->formatted;
    return copy;
}

void store_double_destroy(struct store_double *disk)
{
    if (disk == NULL) {
        return;
    }
    forget_process(disk);
    rows_clear(&disk->rows);
    log_truncate(disk, disk->first);
    mem_free(disk->entries);
    buf_close(&disk->snapshot.conf);
    mem_free(disk);
}

void store_double_set_moved(struct store_double *disk, const char *why)
{
    disk->moved = true;
    (void)snprintf(disk->moved_text, sizeof(disk->moved_text), "%s", why);
}

void store_double_load(struct store_double *disk, struct store_image *ret_image)
{
    forget_process(disk);
    struct store_image image = {
        .formatted = disk->formatted,
        .moved = disk->moved,
        .identity = disk->identity,
        .hard = disk->hard,
        .batch_counter = disk->batch_counter,
        .applied_index = disk->applied_index,
        .log_first = disk->first,
        .log_last = disk->last,
        .content = store_batch_create(0),
    };
    disk->formatted = true;
    memcpy(image.moved_text, disk->moved_text, sizeof(image.moved_text));
    copy_snapshot(&image.snapshot, &disk->snapshot);
    for (uint64_t index = disk->first; index <= disk->last; index++) {
        const struct entry *entry = log_at(disk, index);
        store_batch_add_entry(image.content, &(struct store_entry){index, entry->term, entry->type,
                                                                   entry->bytes, entry->size});
    }
    for (size_t i = 0; i < disk->rows.count; i++) {
        row_add(image.content, disk->rows.at[i]);
    }
    *ret_image = image;
}

/* --- readers ------------------------------------------------------------------------------ */

struct store_double_reader {
    struct rows rows;
    size_t at;
    uint64_t applied_index;
    uint64_t applied_term;
    struct store_snapshot snapshot;
};

struct store_double_reader *store_double_reader_open(const struct store_double *disk)
{
    struct store_double_reader *reader = mem_zalloc(sizeof(*reader));
    rows_copy(&reader->rows, &disk->rows);
    reader->applied_index = disk->applied_index;
    reader->applied_term = log_term(disk, disk->applied_index);
    copy_snapshot(&reader->snapshot, &disk->snapshot);
    return reader;
}

void store_double_reader_close(struct store_double_reader *reader)
{
    if (reader != NULL) {
        rows_clear(&reader->rows);
        buf_close(&reader->snapshot.conf);
        mem_free(reader);
    }
}

uint64_t store_double_reader_applied(const struct store_double_reader *reader)
{
    return reader->applied_index;
}

uint64_t store_double_reader_term(const struct store_double_reader *reader)
{
    return reader->applied_term;
}

const struct store_snapshot *store_double_reader_snapshot(const struct store_double_reader *reader)
{
    return &reader->snapshot;
}

struct store_batch *store_double_reader_next(struct store_double_reader *reader, size_t bytes_max,
                                             bool *ret_is_last)
{
    struct store_batch *batch = store_batch_create(0);
    for (; reader->at < reader->rows.count; reader->at++) {
        const struct row *row = reader->rows.at[reader->at];
        if (batch->row_count > 0 && batch->bytes + row->key_size + row->value_size > bytes_max) {
            break;
        }
        row_add(batch, row);
    }
    *ret_is_last = reader->at == reader->rows.count;
    return batch;
}
