/* storage/record.c - records in pieces of a page, checksummed. */
#include "storage/record.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/must.h"
#include "storage/lmdb_err.h"
#include "storage/pack.h"

#define PIECE_NUMBER_SIZE 2
#define PIECES_MAX 65536

static size_t piece_size(size_t page_size)
{
    return page_size - RECORD_PAGE_OVERHEAD;
}

/* Piece 0 carries the head besides the value. */
size_t record_pieces(size_t size, size_t page_size)
{
    size_t piece = piece_size(page_size);
    return (RECORD_HEAD_SIZE + size + piece - 1) / piece;
}

void record_close(struct record *record)
{
    buf_close(&record->joined);
}

int table_open(struct table *table, MDB_txn *txn, MDB_dbi dbi, char letter, size_t page_size,
               struct err *err)
{
    *table = (struct table){.txn = txn, .page_size = page_size, .letter = letter};
    int rc = mdb_cursor_open(txn, dbi, &table->cursor);
    return rc != 0 ? err_lmdb(err, rc, "open a cursor on table '%c'", letter) : 0;
}

void table_close(struct table *table)
{
    if (table->cursor != NULL) {
        mdb_cursor_close(table->cursor);
        table->cursor = NULL;
    }
}

static int corrupt(struct err *err, const struct table *table, const struct record_key *key,
                   const char *what)
{
    char hex[2 * 24 + 1] = "";
    for (size_t i = 0; i < key->size && i < 24; i++) {
        static const char digits[] = "0123456789abcdef";
        hex[2 * i] = digits[key->bytes[i] >> 4];
        hex[2 * i + 1] = digits[key->bytes[i] & 15];
        hex[2 * i + 2] = '\0';
    }
    return err_set(err, ERR_CORRUPT, "table '%c', record %s: %s", table->letter, hex, what);
}

static uint32_t crc_begin(const struct table *table, const struct record_key *key, size_t size)
{
    uint8_t frame[5] = {(uint8_t)table->letter};
    pack_le(frame + 1, size, 4);
    return crc32c_extend(crc32c(frame, sizeof(frame)), key->bytes, key->size);
}

/* The key of piece @number; @full has room for it. */
static MDB_val piece_key(const struct record_key *key, size_t number,
                         uint8_t full[RECORD_KEY_MAX + PIECE_NUMBER_SIZE])
{
    MUST(key->size <= RECORD_KEY_MAX);
    MUST(number < PIECES_MAX);
    memcpy(full, key->bytes, key->size);
    pack_be(full + key->size, number, PIECE_NUMBER_SIZE);
    return (MDB_val){.mv_size = key->size + PIECE_NUMBER_SIZE, .mv_data = full};
}

/* Copy @size bytes of the value from @offset on. */
static void value_copy(uint8_t *to, const struct record_value *value, size_t offset, size_t size)
{
    if (offset < value->head_size) {
        size_t part = value->head_size - offset < size ? value->head_size - offset : size;
        memcpy(to, (const uint8_t *)value->head + offset, part);
        to += part;
        offset += part;
        size -= part;
    }
    if (size > 0) {
        memcpy(to, (const uint8_t *)value->data + (offset - value->head_size), size);
    }
}

static int put_piece(struct table *table, const struct record_key *key, size_t number,
                     MDB_val *place, bool is_last, struct err *err)
{
    uint8_t full[RECORD_KEY_MAX + PIECE_NUMBER_SIZE];
    MDB_val k = piece_key(key, number, full);
    unsigned flags = MDB_RESERVE | (is_last ? MDB_APPEND : 0);
    int rc = mdb_cursor_put(table->cursor, &k, place, flags);
    return rc != 0 ? err_lmdb(err, rc, "put into table '%c'", table->letter) : 0;
}

/* Take away the pieces @from and up of the record, as many as there are. */
static int delete_pieces(struct table *table, const struct record_key *key, size_t from,
                         struct err *err)
{
    uint8_t full[RECORD_KEY_MAX + PIECE_NUMBER_SIZE];
    for (size_t n = from; n < PIECES_MAX; n++) {
        MDB_val k = piece_key(key, n, full);
        int rc = mdb_cursor_get(table->cursor, &k, NULL, MDB_SET_RANGE);
        if (rc == MDB_NOTFOUND || (rc == 0 && (k.mv_size != key->size + PIECE_NUMBER_SIZE ||
                                               memcmp(k.mv_data, key->bytes, key->size) != 0))) {
            return 0; /* another record, or the end */
        }
        if (rc == 0) {
            rc = mdb_cursor_del(table->cursor, 0);
        }
        if (rc != 0) {
            return err_lmdb(err, rc, "delete from table '%c'", table->letter);
        }
    }
    return 0;
}

static int find_piece_0(struct table *table, const struct record_key *key, MDB_val *v,
                        struct err *err)
{
    uint8_t full[RECORD_KEY_MAX + PIECE_NUMBER_SIZE];
    MDB_val k = piece_key(key, 0, full);
    int rc = mdb_cursor_get(table->cursor, &k, v, MDB_SET_KEY);
    if (rc == MDB_NOTFOUND) {
        return ERR_NOT_FOUND;
    }
    return rc != 0 ? err_lmdb(err, rc, "read table '%c'", table->letter) : 0;
}

/* What is under @key before it is overwritten or deleted. */
static int find_old(struct table *table, const struct record_key *key, struct record_change *change,
                    struct err *err)
{
    *change = (struct record_change){.replaced = false};
    MDB_val v;
    int r = find_piece_0(table, key, &v, err);
    if (r != 0) {
        return r == ERR_NOT_FOUND ? 0 : r;
    }
    if (v.mv_size < RECORD_HEAD_SIZE) {
        return corrupt(err, table, key, "it is too short");
    }
    const uint8_t *from = v.mv_data;
    change->replaced = true;
    change->old_crc = (uint32_t)unpack_le(from, 4);
    change->old_size = unpack_le(from + 4, 4);
    return change->old_size > RECORD_SIZE_MAX ? corrupt(err, table, key, "the size is wrong") : 0;
}

static int put_pieces(struct table *table, const struct record_key *key,
                      const struct record_value *value, uint32_t crc, struct err *err)
{
    size_t size = value->head_size + value->data_size;
    size_t offset = 0;
    for (size_t n = 0; n < record_pieces(size, table->page_size); n++) {
        size_t head = n == 0 ? RECORD_HEAD_SIZE : 0;
        size_t room = piece_size(table->page_size) - head;
        size_t part = size - offset < room ? size - offset : room;
        MDB_val place = {.mv_size = head + part};
        int r = put_piece(table, key, n, &place, value->is_last, err);
        if (r != 0) {
            return r;
        }
        uint8_t *to = place.mv_data;
        if (n == 0) {
            pack_le(to, crc, 4);
            pack_le(to + 4, size, 4);
        }
        value_copy(to + head, value, offset, part);
        offset += part;
    }
    MUST(offset == size);
    return 0;
}

int record_put(struct table *table, const struct record_key *key, const struct record_value *value,
               struct record_change *ret_change, struct err *err)
{
    size_t size = value->head_size + value->data_size;
    MUST(size <= RECORD_SIZE_MAX);
    *ret_change = (struct record_change){.replaced = false};
    int r = value->is_last ? 0 : find_old(table, key, ret_change, err);
    size_t pieces = record_pieces(size, table->page_size);
    if (r == 0 && ret_change->replaced &&
        record_pieces(ret_change->old_size, table->page_size) > pieces) {
        r = delete_pieces(table, key, pieces, err);
    }
    if (r != 0) {
        return r;
    }
    uint32_t crc = crc_begin(table, key, size);
    crc = crc32c_extend(crc, value->head, value->head_size);
    crc = crc32c_extend(crc, value->data, value->data_size);
    ret_change->crc = crc;
    return put_pieces(table, key, value, crc, err);
}

/* Join the pieces behind piece 0, on which the cursor stands. */
static int join_pieces(struct table *table, const struct record_key *key, struct record *record,
                       struct err *err)
{
    uint8_t full[RECORD_KEY_MAX + PIECE_NUMBER_SIZE];
    size_t pieces = record_pieces(record->size, table->page_size);
    for (size_t n = 1; n < pieces; n++) {
        MDB_val k;
        MDB_val v;
        int rc = mdb_cursor_get(table->cursor, &k, &v, MDB_NEXT);
        if (rc != 0 && rc != MDB_NOTFOUND) {
            return err_lmdb(err, rc, "read table '%c'", table->letter);
        }
        MDB_val want = piece_key(key, n, full);
        if (rc != 0 || k.mv_size != want.mv_size ||
            memcmp(k.mv_data, want.mv_data, k.mv_size) != 0) {
            return corrupt(err, table, key, "a piece is missing");
        }
        if (record->joined.size + v.mv_size > record->size) {
            return corrupt(err, table, key, "a piece has the wrong size");
        }
        buf_append(&record->joined, v.mv_data, v.mv_size);
    }
    record->bytes = (const uint8_t *)record->joined.bytes;
    return record->joined.size == record->size ? 0 : corrupt(err, table, key, "the size is wrong");
}

/* Verify the record whose piece 0 is @v, under the cursor. */
static int read_here(struct table *table, const struct record_key *key, const MDB_val *v,
                     struct record *record, struct err *err)
{
    if (v->mv_size < RECORD_HEAD_SIZE) {
        return corrupt(err, table, key, "it is too short");
    }
    const uint8_t *from = v->mv_data;
    record->crc = (uint32_t)unpack_le(from, 4);
    record->size = unpack_le(from + 4, 4);
    record->bytes = from + RECORD_HEAD_SIZE;
    if (record->size > RECORD_SIZE_MAX) {
        return corrupt(err, table, key, "the size is wrong");
    }
    size_t here = v->mv_size - RECORD_HEAD_SIZE;
    if (record_pieces(record->size, table->page_size) > 1) {
        buf_clear(&record->joined);
        buf_append(&record->joined, record->bytes, here);
        int r = join_pieces(table, key, record, err);
        if (r != 0) {
            return r;
        }
    } else if (here != record->size) {
        return corrupt(err, table, key, "the size is wrong");
    }
    uint32_t crc = crc_begin(table, key, record->size);
    if (crc32c_extend(crc, record->bytes, record->size) != record->crc) {
        return corrupt(err, table, key, "the checksum is wrong");
    }
    return 0;
}

int record_get(struct table *table, const struct record_key *key, struct record *record,
               struct err *err)
{
    MDB_val v;
    int r = find_piece_0(table, key, &v, err);
    return r != 0 ? r : read_here(table, key, &v, record, err);
}

int record_delete(struct table *table, const struct record_key *key,
                  struct record_change *ret_change, struct err *err)
{
    int r = find_old(table, key, ret_change, err);
    return r != 0 || !ret_change->replaced ? r : delete_pieces(table, key, 0, err);
}

/* Split a piece's key; false if it is none of ours. */
static bool split_key(const MDB_val *k, struct record_key *key, size_t *ret_number)
{
    if (k->mv_size <= PIECE_NUMBER_SIZE || k->mv_size > RECORD_KEY_MAX + PIECE_NUMBER_SIZE) {
        return false;
    }
    key->size = k->mv_size - PIECE_NUMBER_SIZE;
    memcpy(key->bytes, k->mv_data, key->size);
    *ret_number = unpack_be((const uint8_t *)k->mv_data + key->size, PIECE_NUMBER_SIZE);
    return true;
}

int record_walk_next(struct record_walk *walk, struct err *err)
{
    struct table *table = walk->table;
    struct record_key *key = &walk->key;
    MUST(walk->prefix <= key->size);
    uint8_t full[RECORD_KEY_MAX + PIECE_NUMBER_SIZE];
    MDB_val k = piece_key(key, 0, full);
    MDB_val v;
    /* The cursor stands on the last piece of the record before. */
    int rc = mdb_cursor_get(table->cursor, &k, &v, walk->has_begun ? MDB_NEXT : MDB_SET_RANGE);
    if (rc == MDB_NOTFOUND) {
        return ERR_NOT_FOUND;
    }
    if (rc != 0) {
        return err_lmdb(err, rc, "read table '%c'", table->letter);
    }
    if (k.mv_size < walk->prefix || memcmp(k.mv_data, key->bytes, walk->prefix) != 0) {
        return ERR_NOT_FOUND;
    }
    walk->has_begun = true;
    size_t number = 0;
    if (!split_key(&k, key, &number) || number != 0) {
        return corrupt(err, table, key, "a piece belongs to no record");
    }
    return read_here(table, key, &v, &walk->record, err);
}

void record_walk_close(struct record_walk *walk)
{
    record_close(&walk->record);
}

int piece_find(struct table *table, enum piece_at at, struct record_key *key, struct err *err)
{
    static const MDB_cursor_op ops[] = {
        [PIECE_FIRST] = MDB_FIRST,
        [PIECE_LAST] = MDB_LAST,
        [PIECE_AT_OR_AFTER] = MDB_SET_RANGE,
    };
    uint8_t full[RECORD_KEY_MAX + PIECE_NUMBER_SIZE];
    MDB_val k = {0};
    if (at == PIECE_AT_OR_AFTER) {
        k = piece_key(key, 0, full);
    }
    MDB_val v;
    int rc = mdb_cursor_get(table->cursor, &k, &v, ops[at]);
    if (rc == MDB_NOTFOUND) {
        return ERR_NOT_FOUND;
    }
    if (rc != 0) {
        return err_lmdb(err, rc, "read table '%c'", table->letter);
    }
    size_t number = 0;
    if (!split_key(&k, key, &number)) {
        return err_set(err, ERR_CORRUPT, "table '%c' has a key that is none", table->letter);
    }
    return 0;
}

int piece_delete(struct table *table, struct err *err)
{
    int rc = mdb_cursor_del(table->cursor, 0);
    return rc != 0 ? err_lmdb(err, rc, "delete from table '%c'", table->letter) : 0;
}
