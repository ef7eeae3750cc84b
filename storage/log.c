/* storage/log.c - append, truncate, trim, read. */
#include "storage/log.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "storage/pack.h"

#define INDEX_SIZE 8
/* term, the chain before this entry, type */
#define HEAD_SIZE 17

struct entry {
    uint64_t chain; /* before this one */
    uint32_t crc;
    struct store_entry entry;
};

static struct record_key log_key(uint64_t index)
{
    struct record_key key = {.size = INDEX_SIZE};
    pack_be(key.bytes, index, INDEX_SIZE);
    return key;
}

uint64_t log_key_index(const struct record_key *key)
{
    return key->size == INDEX_SIZE ? unpack_be(key->bytes, INDEX_SIZE) : 0;
}

/* The record's checksum covers the index and the chain before it. */
static uint64_t chain_after(uint64_t chain, uint32_t crc)
{
    return mix64(chain ^ crc);
}

int log_append(struct ledger *ledger, struct table *log, const struct store_entry *entry,
               struct err *err)
{
    MUST(entry->index == ledger->log.last + 1); /* whoever makes batches keeps the log whole */
    uint8_t head[HEAD_SIZE];
    pack_le(head, entry->term, 8);
    pack_le(head + 8, ledger->log.last_chain, 8);
    head[16] = entry->type;
    struct record_key key = log_key(entry->index);
    bool is_last = entry->index > ledger->log_high;
    struct record_value value = {head, sizeof(head), entry->data, entry->size, is_last};
    struct record_change change = {.replaced = false};
    int r = record_put(log, &key, &value, &change, err); /* also over one that was truncated */
    if (r != 0) {
        return r;
    }
    ledger->log.last = entry->index;
    ledger->log.last_chain = chain_after(ledger->log.last_chain, change.crc);
    if (is_last) {
        ledger->log_high = entry->index;
    }
    return 0;
}

static int decode(uint64_t index, const struct record *record, struct entry *entry, struct err *err)
{
    if (record->size < HEAD_SIZE) {
        return err_set(err, ERR_CORRUPT, "log entry %" PRIu64 " is too short", index);
    }
    entry->chain = unpack_le(record->bytes + 8, 8);
    entry->crc = record->crc;
    entry->entry = (struct store_entry){
        .index = index,
        .term = unpack_le(record->bytes, 8),
        .type = record->bytes[16],
        .data = record->bytes + HEAD_SIZE,
        .size = record->size - HEAD_SIZE,
    };
    return 0;
}

static int missing(uint64_t index, struct err *err)
{
    return err_set(err, ERR_CORRUPT, "log entry %" PRIu64 " is missing", index);
}

/* Read the entry at @index, which is in the window. */
static int read_entry(struct table *log, uint64_t index, struct record *record, struct entry *entry,
                      struct err *err)
{
    struct record_key key = log_key(index);
    int r = record_get(log, &key, record, err);
    if (r != 0) {
        return r == ERR_NOT_FOUND ? missing(index, err) : r;
    }
    return decode(index, record, entry, err);
}

int log_truncate(struct ledger *ledger, struct table *log, uint64_t from, struct err *err)
{
    if (from > ledger->log.last) {
        return 0;
    }
    MUST(from >= ledger->log.first); /* what was trimmed is committed */
    CLEANUP(record_close) struct record record = {0};
    struct entry entry = {.chain = 0};
    int r = read_entry(log, from, &record, &entry, err);
    if (r != 0) {
        return r;
    }
    ledger->log.last = from - 1;
    ledger->log.last_chain = entry.chain;
    return 0;
}

int log_trim(struct ledger *ledger, struct table *log, uint64_t below, struct err *err)
{
    if (below <= ledger->log.first) {
        return 0;
    }
    MUST(below <= ledger->log.last + 1);
    CLEANUP(record_close) struct record record = {0};
    struct entry last = {.chain = 0};
    int r = read_entry(log, below - 1, &record, &last, err);
    if (r != 0) {
        return r;
    }
    ledger->log.first = below;
    ledger->log.base_term = last.entry.term;
    ledger->log.base_chain = chain_after(last.chain, last.crc);
    return 0;
}

void log_restart(struct ledger *ledger)
{
    struct log_window *log = &ledger->log;
    log->first = ledger->snapshot_index + 1;
    log->last = ledger->snapshot_index;
    log->base_term = ledger->snapshot_term;
    log->base_chain = mix64(ledger->snapshot_index ^ mix64(ledger->snapshot_term));
    log->last_chain = log->base_chain;
}

int log_term(const struct ledger *ledger, struct table *log, uint64_t index, uint64_t *ret_term,
             struct err *err)
{
    *ret_term = 0;
    if (index >= ledger->log.first && index <= ledger->log.last) {
        CLEANUP(record_close) struct record record = {0};
        struct entry entry = {.chain = 0};
        int r = read_entry(log, index, &record, &entry, err);
        if (r == 0) {
            *ret_term = entry.entry.term;
        }
        return r;
    }
    if (index + 1 == ledger->log.first) {
        *ret_term = ledger->log.base_term;
    } else if (index == ledger->snapshot_index) {
        *ret_term = ledger->snapshot_term;
    }
    return 0;
}

int log_load(const struct ledger *ledger, struct table *log, struct store_batch *content,
             struct err *err)
{
    CLEANUP(record_walk_close)
    struct record_walk walk = {.table = log, .key = log_key(ledger->log.first)};
    uint64_t chain = ledger->log.base_chain;
    for (uint64_t index = ledger->log.first; index <= ledger->log.last; index++) {
        int r = record_walk_next(&walk, err);
        if (r == ERR_NOT_FOUND || (r == 0 && log_key_index(&walk.key) != index)) {
            return missing(index, err);
        }
        struct entry entry = {.chain = 0};
        if (r == 0) {
            r = decode(index, &walk.record, &entry, err);
        }
        if (r != 0) {
            return r;
        }
        if (entry.chain != chain) {
            return err_set(err, ERR_CORRUPT, "log entry %" PRIu64 " is of another time", index);
        }
        chain = chain_after(chain, entry.crc);
        store_batch_add_entry(content, &entry.entry);
    }
    if (chain != ledger->log.last_chain) {
        return err_set(err, ERR_CORRUPT, "the end of the log is of another time");
    }
    return 0;
}
