/* storage/ledger.c - the ledger as bytes, and back. */
#include "storage/ledger.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "storage/pack.h"

/* Layout 1; the store's VERSION file counts layouts. */
#define LEDGER_MAGIC UINT64_C(0x31305245444c4750) /* "PGLDER01" */
#define LEDGER_NUMBERS 25
#define CLUSTER_ID_AT ((size_t)LEDGER_NUMBERS * 8)
#define MACHINE_AT (CLUSTER_ID_AT + CLUSTER_ID_SIZE)
#define LEDGER_SIZE (MACHINE_AT + ORIGIN_MACHINE_SIZE)

static struct record_key meta_key(const char *name)
{
    struct record_key key = {.size = strlen(name)};
    memcpy(key.bytes, name, key.size);
    return key;
}

void ledger_init(struct ledger *ledger, const struct origin *origin)
{
    memset(ledger, 0, sizeof(*ledger));
    ledger->origin = *origin;
    ledger->log.first = 1;
    ledger->log_low = 1;
    ledger->state.generation = 1;
    ledger->next_generation = 2;
}

/* One list of the numbers for both directions: @read false packs, true unpacks. */
static void walk_numbers(struct ledger *l, uint8_t *bytes, bool read)
{
    uint64_t magic = LEDGER_MAGIC;
    uint64_t conf_crc = l->snapshot_conf_crc;
    uint64_t next_generation = l->next_generation;
    uint64_t generation = l->state.generation;
    uint64_t *numbers[LEDGER_NUMBERS] = {
        &magic,
        &l->transaction,
        &l->batch_counter,
        &l->identity.node_id,
        &l->identity.incarnation,
        &l->hard.term,
        &l->hard.vote,
        &l->log.first,
        &l->log.last,
        &l->log.base_term,
        &l->log.base_chain,
        &l->log.last_chain,
        &l->applied_index,
        &l->snapshot_index,
        &l->snapshot_term,
        &l->snapshot_conf_index,
        &conf_crc,
        &next_generation,
        &generation,
        &l->state.rows,
        &l->state.bytes,
        &l->state.sum,
        &l->origin.inode,
        &l->origin.birth_ns,
        &l->origin.filesystem_id,
    };
    for (size_t i = 0; i < LEDGER_NUMBERS; i++) {
        if (read) {
            *numbers[i] = unpack_le(bytes + 8 * i, 8);
        } else {
            pack_le(bytes + 8 * i, *numbers[i], 8);
        }
    }
    if (read) {
        l->snapshot_conf_crc = (uint32_t)conf_crc;
        l->next_generation = (uint32_t)next_generation;
        l->state.generation = (uint32_t)generation;
    }
}

int ledger_write(struct ledger *ledger, struct table *meta, struct err *err)
{
    ledger->transaction = mdb_txn_id(meta->txn);
    uint8_t bytes[LEDGER_SIZE];
    walk_numbers(ledger, bytes, false);
    memcpy(bytes + CLUSTER_ID_AT, ledger->identity.cluster_id, CLUSTER_ID_SIZE);
    memcpy(bytes + MACHINE_AT, ledger->origin.machine, ORIGIN_MACHINE_SIZE);
    struct record_key key = meta_key("ledger");
    struct record_value value = {.head = bytes, .head_size = sizeof(bytes)};
    struct record_change change;
    return record_put(meta, &key, &value, &change, err);
}

int ledger_read(struct ledger *ledger, struct table *meta, struct err *err)
{
    struct record_key key = meta_key("ledger");
    CLEANUP(record_close) struct record record = {0};
    int r = record_get(meta, &key, &record, err);
    if (r == ERR_NOT_FOUND) {
        return err_set(err, ERR_CORRUPT, "the ledger is missing");
    }
    if (r != 0) {
        return r;
    }
    if (record.size != LEDGER_SIZE || unpack_le(record.bytes, 8) != LEDGER_MAGIC) {
        return err_set(err, ERR_CORRUPT, "the ledger is not one of layout 1");
    }
    uint8_t bytes[LEDGER_SIZE];
    memcpy(bytes, record.bytes, sizeof(bytes));
    memset(ledger, 0, sizeof(*ledger));
    walk_numbers(ledger, bytes, true);
    memcpy(ledger->identity.cluster_id, bytes + CLUSTER_ID_AT, CLUSTER_ID_SIZE);
    memcpy(ledger->origin.machine, bytes + MACHINE_AT, ORIGIN_MACHINE_SIZE);
    if (ledger->transaction != mdb_txn_id(meta->txn)) {
        return err_set(err, ERR_CORRUPT,
                       "the ledger is of transaction %" PRIu64 ", the file of %zu",
                       ledger->transaction, mdb_txn_id(meta->txn));
    }
    if (ledger->log.first == 0 || ledger->log.last + 1 < ledger->log.first) {
        return err_set(err, ERR_CORRUPT, "the ledger's log window makes no sense");
    }
    return 0;
}

int ledger_write_conf(struct ledger *ledger, struct table *meta, const struct buf *conf,
                      struct err *err)
{
    struct record_key key = meta_key("conf");
    struct record_value value = {.head = conf->bytes, .head_size = conf->size};
    struct record_change change;
    int r = record_put(meta, &key, &value, &change, err);
    ledger->snapshot_conf_crc = change.crc;
    return r;
}

int ledger_read_conf(const struct ledger *ledger, struct table *meta, struct buf *conf,
                     struct err *err)
{
    if (ledger->snapshot_index == 0) {
        return 0;
    }
    struct record_key key = meta_key("conf");
    CLEANUP(record_close) struct record record = {0};
    int r = record_get(meta, &key, &record, err);
    if (r == ERR_NOT_FOUND) {
        return err_set(err, ERR_CORRUPT, "the snapshot's membership is missing");
    }
    if (r != 0) {
        return r;
    }
    if (record.crc != ledger->snapshot_conf_crc) {
        return err_set(err, ERR_CORRUPT, "the snapshot's membership is of another time");
    }
    buf_append(conf, record.bytes, record.size);
    return 0;
}
