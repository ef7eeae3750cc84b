/* consensus/machine_rows.c - the state as rows of the state table, and back.
 *
 *   row key                       row value, after a byte that tells its form
 *   k KEY                         a key of up to 479 bytes: its numbers, its value
 *   K CREATE-REVISION ORDINAL     a longer key: its numbers, its size, itself, its value
 *   l ID                          a lease
 *   c CLIENT                      a client
 *   r CLIENT SEQUENCE             a remembered result
 *   m                             what the machine has once: index, revision, settings, hashes
 *
 * Numbers in row keys have the highest byte first, so that rows sort as they do; in values the
 * lowest first. A long key's row is named by the revision that created the key and its place among
 * the keys created there, which no other key shares. */
#include <endian.h>
#include <string.h>

#include "base/must.h"
#include "consensus/machine_impl.h"
#include "consensus/watch.h"
#include "proto/kv_check.h"

#define FORM 1 /* of the values; a reader refuses any other */
#define SHORT_KEY_MAX (STORE_ROW_KEY_MAX - 1)

/* ---- writing ---- */

static void write_number(struct buf *out, uint64_t number)
{
    uint64_t little = htole64(number);
    buf_append(out, &little, sizeof(little));
}

static void write_slice(struct buf *out, struct kv_slice slice)
{
    buf_append(out, slice.bytes, slice.size);
}

struct row_key {
    size_t size;
    uint8_t bytes[STORE_ROW_KEY_MAX];
};

static void key_start(struct row_key *key, char kind)
{
    key->bytes[0] = (uint8_t)kind;
    key->size = 1;
}

static void key_number(struct row_key *key, uint64_t number)
{
    id_key_write(key->bytes + key->size, number);
    key->size += ID_KEY_SIZE;
}

static void name_record(const struct record *record, struct row_key *key)
{
    struct kv_slice name = record_key(record);
    if (name.size <= SHORT_KEY_MAX) {
        key_start(key, 'k');
        memcpy(key->bytes + 1, name.bytes, name.size);
        key->size += name.size;
        return;
    }
    key_start(key, 'K');
    key_number(key, record->create_revision);
    key_number(key, record->ordinal);
}

static void write_record(const struct record *record, struct buf *value)
{
    write_number(value, record->create_revision);
    write_number(value, record->ordinal);
    write_number(value, record->mod_revision);
    write_number(value, record->version);
    write_number(value, record->lease);
    if (record->item.key_size > SHORT_KEY_MAX) {
        write_number(value, record->item.key_size);
        write_slice(value, record_key(record));
    }
    write_slice(value, record_value(record));
}

static void write_lease(const struct lease *lease, struct buf *value)
{
    write_number(value, lease->ttl_ms);
    write_number(value, lease->generation);
    write_number(value, lease->granted_index);
    write_number(value, lease->holder);
    write_number(value, lease->epoch);
    write_number(value, lease->marked_index);
    write_number(value, lease->is_protected);
}

static void write_client(const struct client *client, struct buf *value)
{
    write_number(value, client->floor);
    write_number(value, client->last_index);
}

static void write_result(const struct client_result *kept, struct buf *value)
{
    write_number(value, (uint64_t)kept->result.code);
    write_number(value, kept->result.index);
    write_number(value, kept->result.revision);
    write_number(value, kept->result.succeeded);
    write_number(value, kept->result.failed_op);
    write_number(value, kept->result.marked_lease);
    write_number(value, kept->result.op_count);
    write_number(value, kept->is_cut);
    write_number(value, (uint64_t)kept->op.kind);
    write_number(value, kept->op.count);
    write_number(value, kept->op.more);
    write_number(value, kept->op.lease);
    write_number(value, kept->op.lease_ttl_ms);
    write_number(value, kept->op.lease_generation);
    write_number(value, kept->op.lease_epoch);
    buf_append(value, kept->bytes, kept->size);
}

/* The name of @row, and its value unless it is gone. */
static void write_row(struct row *row, struct row_key *key, struct buf *value)
{
    switch ((enum row_kind)row->kind) {
        case ROW_KEY: {
            const struct record *record = record_of_row(row);
            name_record(record, key);
            if (!row->is_gone) {
                write_record(record, value);
            }
            return;
        }
        case ROW_LEASE: {
            const struct lease *lease = CONTAINER_OF(row, struct lease, row);
            key_start(key, 'l');
            key_number(key, lease->id);
            write_lease(lease, value);
            return;
        }
        case ROW_CLIENT: {
            const struct client *client = CONTAINER_OF(row, struct client, row);
            key_start(key, 'c');
            key_number(key, client->id);
            write_client(client, value);
            return;
        }
        case ROW_RESULT: {
            const struct client_result *kept = CONTAINER_OF(row, struct client_result, row);
            key_start(key, 'r');
            key_number(key, kept->client_id);
            key_number(key, kept->sequence);
            write_result(kept, value);
            return;
        }
    }
    UNREACHABLE("a row has one of four kinds");
}

static void write_meta(const struct machine *machine, struct buf *value)
{
    write_number(value, machine->index);
    write_number(value, machine->revision);
    write_number(value, machine->compacted);
    write_number(value, machine->quota_bytes);
    write_number(value, machine->feature_level);
    write_number(value, machine->epoch);
    write_number(value, machine->hold_epochs);
    write_number(value, machine->quota_alarm);
    write_number(value, machine->clients.horizon);
    write_number(value, machine->keys.count);
    write_number(value, machine->leases.leases.count);
    write_number(value, machine->clients.clients.count);
    write_number(value, machine->clients.result_count);
    write_number(value, machine->used_bytes);
    write_number(value, machine->book.sum.low);
    write_number(value, machine->book.sum.high);
    write_number(value, machine->chain.low);
    write_number(value, machine->chain.high);
}

/* ---- flushing ---- */

void machine_free_row(struct row *row)
{
    MUST(row->is_gone);
    switch ((enum row_kind)row->kind) {
        case ROW_KEY:
            record_unref(record_of_row(row));
            return;
        case ROW_LEASE:
            lease_free(CONTAINER_OF(row, struct lease, row));
            return;
        case ROW_CLIENT:
            client_free(CONTAINER_OF(row, struct client, row));
            return;
        case ROW_RESULT:
            client_result_free(CONTAINER_OF(row, struct client_result, row));
            return;
    }
    UNREACHABLE("a row has one of four kinds");
}

static void start_value(struct machine *machine)
{
    buf_clear(&machine->row_value);
    buf_char(&machine->row_value, FORM);
}

static void emit_row(const struct row_key *key, const struct buf *value, machine_emit_cb emit,
                     void *context)
{
    struct store_row row = {.key = key->bytes, .key_size = key->size};
    if (value != NULL) {
        row.value = value->bytes;
        row.value_size = value->size;
    }
    emit(context, &row);
}

size_t machine_dirty_bytes(const struct machine *machine)
{
    return machine->book.dirty_bytes;
}

bool machine_is_dirty(const struct machine *machine)
{
    return machine->is_meta_dirty;
}

size_t machine_flush(struct machine *machine, machine_emit_cb emit, void *context)
{
    if (!machine->is_meta_dirty) {
        MUST(list_empty(&machine->book.dirty));
        return 0;
    }
    size_t count = 0;
    struct row_key key;
    while (!list_empty(&machine->book.dirty)) {
        struct row *row = CONTAINER_OF(machine->book.dirty.next, struct row, dirty);
        start_value(machine);
        write_row(row, &key, &machine->row_value);
        emit_row(&key, row->is_gone ? NULL : &machine->row_value, emit, context);
        row_flushed(&machine->book, row);
        if (row->is_gone) {
            machine_free_row(row);
        }
        count++;
    }
    start_value(machine);
    write_meta(machine, &machine->row_value);
    key_start(&key, 'm');
    emit_row(&key, &machine->row_value, emit, context);
    machine->is_meta_dirty = false;
    return count + 1;
}

/* ---- reading ---- */

/* What is left of a row; once something was missing it stays false. */
struct reader {
    const uint8_t *at;
    size_t left;
    bool is_good;
};

static struct kv_slice read_slice(struct reader *reader, uint64_t size)
{
    if (!reader->is_good || size > reader->left) {
        reader->is_good = false;
        return kv_slice(NULL, 0);
    }
    struct kv_slice slice = kv_slice(reader->at, size);
    reader->at += size;
    reader->left -= size;
    return slice;
}

static uint64_t read_number(struct reader *reader)
{
    uint64_t number = 0;
    struct kv_slice slice = read_slice(reader, sizeof(number));
    if (slice.size > 0) {
        memcpy(&number, slice.bytes, sizeof(number));
    }
    return le64toh(number);
}

/* A number that can not be above @max. */
static uint64_t read_up_to(struct reader *reader, uint64_t max)
{
    uint64_t number = read_number(reader);
    if (number > max) {
        reader->is_good = false;
        return 0;
    }
    return number;
}

static uint64_t read_key_number(struct reader *reader)
{
    uint64_t number = 0;
    struct kv_slice slice = read_slice(reader, sizeof(number));
    if (slice.size > 0) {
        memcpy(&number, slice.bytes, sizeof(number));
    }
    return be64toh(number);
}

static bool is_done(const struct reader *reader)
{
    return reader->is_good && reader->left == 0;
}

static bool read_record(struct machine *machine, char kind, struct reader *key,
                        struct reader *value)
{
    uint64_t create_revision = read_number(value);
    uint64_t ordinal = read_up_to(value, UINT32_MAX);
    uint64_t mod_revision = read_number(value);
    uint64_t version = read_number(value);
    uint64_t lease = read_number(value);
    struct kv_slice name = {0};
    if (kind == 'k') {
        name = read_slice(key, key->left);
    } else {
        bool same = read_key_number(key) == create_revision && read_key_number(key) == ordinal;
        name = read_slice(value, read_up_to(value, KV_KEY_MAX));
        value->is_good = value->is_good && same && name.size > SHORT_KEY_MAX;
    }
    struct kv_slice content = read_slice(value, value->left);
    if (!is_done(key) || !is_done(value) || name.size == 0 || content.size > KV_VALUE_MAX ||
        machine_find(machine, name) != NULL) {
        return false;
    }
    struct record *record = record_create(name, content);
    record->create_revision = create_revision;
    record->ordinal = (uint32_t)ordinal;
    record->mod_revision = mod_revision;
    record->version = version;
    record->lease = lease;
    struct hash128 hash = record_hash(record);
    row_load(&machine->book, &record->row, ROW_KEY, &hash, record_size(record));
    omap_insert(&machine->keys, &record->item);
    machine->used_bytes += record_charge(record);
    if (lease != 0) {
        lease_attach(lease_table_expect(&machine->leases, lease), record);
    }
    return true;
}

static bool read_lease(struct machine *machine, struct reader *key, struct reader *value)
{
    uint64_t id = read_key_number(key);
    uint64_t ttl_ms = read_number(value);
    uint64_t generation = read_number(value);
    uint64_t granted_index = read_number(value);
    uint64_t holder = read_number(value);
    uint64_t epoch = read_number(value);
    uint64_t marked_index = read_number(value);
    uint64_t is_protected = read_up_to(value, 1);
    if (!is_done(key) || !is_done(value) || id == 0) {
        return false;
    }
    const struct lease *known = lease_table_find(&machine->leases, id);
    if (known != NULL && known->is_known) {
        return false;
    }
    struct lease *lease = lease_table_add(&machine->leases, id);
    lease->ttl_ms = ttl_ms;
    lease->generation = generation;
    lease->granted_index = granted_index;
    lease->holder = holder;
    lease->epoch = epoch;
    lease->marked_index = marked_index;
    lease->is_protected = is_protected != 0;
    struct hash128 hash = lease_hash(lease);
    row_load(&machine->book, &lease->row, ROW_LEASE, &hash, sizeof(*lease));
    machine->used_bytes += KV_PAIR_OVERHEAD;
    return true;
}

static bool read_client(struct machine *machine, struct reader *key, struct reader *value)
{
    uint64_t id = read_key_number(key);
    uint64_t floor = read_number(value);
    uint64_t last_index = read_number(value);
    return is_done(key) && is_done(value) && id != 0 &&
           client_table_load_client(&machine->clients, &machine->book, id, floor, last_index);
}

/* The encoded part must be what replay() can decode. */
static bool is_decodable(struct machine *machine, const struct client_result *kept)
{
    struct kv_result result;
    return kept->size == 0 ||
           kv_result_decode(&machine->decoder, kept->bytes, kept->size, &result, NULL) == 0;
}

static void read_result_numbers(struct client_result *kept, struct reader *value)
{
    int64_t code = (int64_t)read_number(value);
    value->is_good = value->is_good && code <= 0 && code >= INT32_MIN;
    kept->result.code = (int)code;
    kept->result.index = read_number(value);
    kept->result.revision = read_number(value);
    kept->result.succeeded = read_up_to(value, 1) != 0;
    kept->result.failed_op = (uint32_t)read_up_to(value, UINT32_MAX);
    kept->result.marked_lease = read_number(value);
    kept->result.op_count = read_up_to(value, 1);
    kept->is_cut = read_up_to(value, 1) != 0;
    kept->op.kind = (enum kv_op_kind)read_up_to(value, KV_OP_LEASE);
    kept->op.count = read_number(value);
    kept->op.more = read_up_to(value, 1) != 0;
    kept->op.lease = read_number(value);
    kept->op.lease_ttl_ms = read_number(value);
    kept->op.lease_generation = read_number(value);
    kept->op.lease_epoch = read_number(value);
}

static bool read_result(struct machine *machine, struct reader *key, struct reader *value)
{
    struct client_result numbers = {0};
    uint64_t client = read_key_number(key);
    uint64_t sequence = read_key_number(key);
    read_result_numbers(&numbers, value);
    struct kv_slice body = read_slice(value, value->left);
    if (!is_done(key) || !is_done(value) || client == 0 || body.size > CLIENT_RESULT_BYTES_MAX) {
        return false;
    }
    struct client_result *kept = client_result_create(sequence, body.size);
    kept->client_id = client;
    kept->result = numbers.result;
    kept->op = numbers.op;
    kept->is_cut = numbers.is_cut;
    if (body.size > 0) {
        memcpy(kept->bytes, body.bytes, body.size);
    }
    if (!is_decodable(machine, kept) ||
        !client_table_load_result(&machine->clients, &machine->book, kept)) {
        client_result_free(kept);
        return false;
    }
    return true;
}

static bool read_meta(struct machine *machine, struct reader *key, struct reader *value)
{
    if (machine->has_meta) {
        return false;
    }
    machine->has_meta = true;
    machine->index = read_number(value);
    machine->revision = read_number(value);
    machine->compacted = read_number(value);
    machine->quota_bytes = read_number(value);
    machine->feature_level = read_number(value);
    machine->epoch = read_number(value);
    machine->hold_epochs = read_up_to(value, 1) != 0;
    machine->quota_alarm = read_up_to(value, 1) != 0;
    machine->clients.horizon = read_number(value);
    for (size_t i = 0; i < ARRAY_LEN(machine->meta_counts); i++) {
        machine->meta_counts[i] = read_number(value);
    }
    machine->meta_sum.low = read_number(value);
    machine->meta_sum.high = read_number(value);
    machine->chain.low = read_number(value);
    machine->chain.high = read_number(value);
    return is_done(key) && is_done(value);
}

bool machine_facts_of_row(const struct store_row *row, struct machine_facts *out)
{
    bool is_meta = row->key_size == 1 && *(const char *)row->key == 'm' && row->value_size > 1 &&
                   *(const uint8_t *)row->value == FORM;
    if (!is_meta) {
        return false;
    }
    struct reader value = {(const uint8_t *)row->value + 1, row->value_size - 1, true};
    *out = (struct machine_facts){.index = read_number(&value), .revision = 0};
    out->revision = read_number(&value);
    for (int i = 0; i < 2; i++) { /* what was compacted, the quota */
        (void)read_number(&value);
    }
    out->feature_level = read_number(&value);
    out->epoch = read_number(&value);
    for (int i = 0; i < 8; i++) { /* as in write_meta() */
        (void)read_number(&value);
    }
    out->hash_low = read_number(&value);
    out->hash_high = read_number(&value);
    return value.is_good;
}

bool machine_owns_row(const void *key, size_t key_size)
{
    return key_size > 0 &&
           memchr(MACHINE_ROW_KINDS, *(const char *)key, sizeof(MACHINE_ROW_KINDS) - 1) != NULL;
}

static bool read_row(struct machine *machine, char kind, struct reader *key, struct reader *value)
{
    switch (kind) {
        case 'k':
        case 'K':
            return read_record(machine, kind, key, value);
        case 'l':
            return read_lease(machine, key, value);
        case 'c':
            return read_client(machine, key, value);
        case 'r':
            return read_result(machine, key, value);
        case 'm':
            return read_meta(machine, key, value);
        default:
            return false;
    }
}

int machine_load_row(struct machine *machine, const struct store_row *row, struct err *err)
{
    if (row->key_size == 0 || row->value == NULL || row->value_size == 0) {
        return err_set(err, ERR_CORRUPT, "state table: a row without a key or a value");
    }
    const uint8_t *key_bytes = row->key;
    const uint8_t *value_bytes = row->value;
    if (value_bytes[0] != FORM) {
        return err_set(err, ERR_VERSION, "state table: a row of kind '%c' has the form %u",
                       key_bytes[0], value_bytes[0]);
    }
    struct reader key = {.at = key_bytes + 1, .left = row->key_size - 1, .is_good = true};
    struct reader value = {.at = value_bytes + 1, .left = row->value_size - 1, .is_good = true};
    if (!read_row(machine, (char)key_bytes[0], &key, &value)) {
        return err_set(err, ERR_CORRUPT, "state table: a row of kind '%c' can not be read",
                       key_bytes[0]);
    }
    return 0;
}

static bool counts_agree(const struct machine *machine)
{
    return machine->meta_counts[0] == machine->keys.count &&
           machine->meta_counts[1] == machine->leases.leases.count &&
           machine->meta_counts[2] == machine->clients.clients.count &&
           machine->meta_counts[3] == machine->clients.result_count &&
           machine->meta_counts[4] == machine->used_bytes;
}

int machine_load_done(struct machine *machine, struct err *err)
{
    int code = kv_level_check(machine->feature_level, err); /* first: the rest may have changed */
    if (code != 0) {
        return code;
    }
    if (machine->leases.unknown_count > 0 || !client_table_load_done(&machine->clients)) {
        return err_set(err, ERR_CORRUPT,
                       "state table: keys or results without their lease or client");
    }
    if (!counts_agree(machine)) {
        return err_set(err, ERR_CORRUPT, "state table: %zu keys, should be %llu",
                       machine->keys.count, (unsigned long long)machine->meta_counts[0]);
    }
    if (!hash128_equal(&machine->meta_sum, &machine->book.sum)) {
        return err_set(err, ERR_CORRUPT, "state table: the rows' hash is not what it was");
    }
    watch_hub_reset(machine->options.hub, machine->revision);
    return 0;
}
