/* storage/record.h - a value of any size under a key, with a checksum over both.
 *
 * LMDB puts a value that does not fit into its leaf on a run of neighbouring pages. Such runs are
 * hard to find again in a full file, and nobody can say beforehand how far a transaction will grow
 * it. So a record is cut into pieces of one page each: every allocation is a single page, the space
 * a batch needs can be bounded (space.h), and a large record can be taken away in slices.
 *
 *     key of piece n   the record's key, then n in two bytes
 *     piece 0          CRC32C (4 bytes), size of the value (4 bytes), the value's beginning
 *     piece 1, 2, ...  the rest of the value; all but the last are full
 *
 * The checksum covers the table's letter, the key and the whole value, so that a record that turns
 * up in the wrong place fails it too. It is verified on every read. */
#ifndef STORAGE_RECORD_H_
#define STORAGE_RECORD_H_

#include <lmdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define RECORD_KEY_MAX 500 /* LMDB's 511 less the piece's number, with some to spare */
#define RECORD_HEAD_SIZE 8
#define RECORD_SIZE_MAX (UINT32_C(128) * 1024 * 1024)
/* What LMDB keeps in front of the content of a page that holds one piece. */
#define RECORD_PAGE_OVERHEAD 16

/* One table in one transaction. */
struct table {
    MDB_txn *txn;
    MDB_cursor *cursor;
    size_t page_size;
    char letter; /* names the table in checksums and messages */
};

struct record_key {
    uint8_t bytes[RECORD_KEY_MAX];
    size_t size;
};

/* A value to write, in two parts so that nobody needs to join them first. */
struct record_value {
    const void *head;
    size_t head_size;
    const void *data;
    size_t data_size;
    bool is_last; /* every key in the table is smaller: that packs pages well */
};

/* A value as read. @bytes points into the map or into @joined: valid until the next write in the
 * transaction, its end, or the next read into the same struct. Zeroed before the first use, closed
 * after the last. */
struct record {
    const uint8_t *bytes;
    size_t size;
    uint32_t crc;
    struct buf joined;
};
void record_close(struct record *record);

int table_open(struct table *table, MDB_txn *txn, MDB_dbi dbi, char letter, size_t page_size,
               struct err *err);
/* Accepts a zeroed table. */
void table_close(struct table *table);

/* What a change did to the table, for whoever keeps a sum over the checksums of its records. Those
 * of the record that was in the way are as they stood there, not verified. */
struct record_change {
    uint32_t crc; /* of the new record */
    bool replaced;
    uint32_t old_crc;
    size_t old_size;
};

/* Write @value under @key, whatever was there before. */
int record_put(struct table *table, const struct record_key *key, const struct record_value *value,
               struct record_change *ret_change, struct err *err);
/* 0, ERR_NOT_FOUND (with no message), or ERR_CORRUPT. */
int record_get(struct table *table, const struct record_key *key, struct record *record,
               struct err *err);
/* Take away the record if it is there. */
int record_delete(struct table *table, const struct record_key *key,
                  struct record_change *ret_change, struct err *err);
/* A walk over the records whose keys begin with the first @prefix bytes of @key, from @key on. Set
 * these three, zero the rest. Nobody else uses the table's cursor meanwhile. */
struct record_walk {
    struct table *table;
    size_t prefix;
    struct record_key key; /* of @record, once there is one */
    struct record record;
    bool has_begun;
};
/* The next record, verified; ERR_NOT_FOUND after the last. A piece that belongs to no record is
 * ERR_CORRUPT. */
int record_walk_next(struct record_walk *walk, struct err *err);
void record_walk_close(struct record_walk *walk);

/* Pieces as they lie there, for taking garbage away: 0 or ERR_NOT_FOUND. */
enum piece_at { PIECE_FIRST, PIECE_LAST, PIECE_AT_OR_AFTER };
/* @key is the record's key, without the piece's number; in and out for PIECE_AT_OR_AFTER. */
int piece_find(struct table *table, enum piece_at at, struct record_key *key, struct err *err);
/* Delete the piece that piece_find() has found. */
int piece_delete(struct table *table, struct err *err);

/* How many pieces a value of @size makes. */
size_t record_pieces(size_t size, size_t page_size);

#endif /* STORAGE_RECORD_H_ */
