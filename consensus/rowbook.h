/* consensus/rowbook.h - what every row of the replicated state has in common: its share of the
 * state's hash, and whether the disk has it as it is now.
 *
 * A row is a thing of the state that is stored by itself: a key, a lease, a client, a remembered
 * result. It embeds `struct row` and tells the book when it comes, changes and goes. The book keeps
 * the sum of all hashes, and the rows that are not yet on disk in the order in which they changed,
 * until machine_flush() has handed them over (machine_rows.c knows their bytes). */
#ifndef CONSENSUS_ROWBOOK_H_
#define CONSENSUS_ROWBOOK_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "consensus/hash128.h"

enum row_kind { ROW_KEY, ROW_LEASE, ROW_CLIENT, ROW_RESULT };

struct row {
    struct list dirty; /* on the book's list while the disk does not have it as it is */
    struct hash128 hash;
    uint32_t bytes; /* about what it takes on disk */
    uint8_t kind;   /* enum row_kind */
    bool is_stored; /* the disk has this row, perhaps as it was */
    bool is_gone;   /* it left the state, and waits to be deleted from the disk */
};

struct rowbook {
    struct hash128 sum;
    struct list dirty;
    size_t dirty_bytes; /* about what a flush would write now */
};

void rowbook_init(struct rowbook *book);

/* @row is new to the state. */
void row_enter(struct rowbook *book, struct row *row, enum row_kind kind,
               const struct hash128 *hash, size_t bytes);
/* ... and comes from the disk, so that nothing has to be written. */
void row_load(struct rowbook *book, struct row *row, enum row_kind kind, const struct hash128 *hash,
              size_t bytes);
/* @row has other content now. */
void row_change(struct rowbook *book, struct row *row, const struct hash128 *hash);
/* @after stands for the same row of the disk from now on; @before can be freed. */
void row_replace(struct rowbook *book, struct row *before, struct row *after,
                 const struct hash128 *hash, size_t bytes);
/* @row leaves the state. True: the caller frees it. False: the disk still has it, so the book keeps
 * it until a flush has deleted it there, and machine_rows.c frees it. */
bool row_leave(struct rowbook *book, struct row *row) __attribute__((warn_unused_result));
/* A flush has handed @row over. */
void row_flushed(struct rowbook *book, struct row *row);

#endif /* CONSENSUS_ROWBOOK_H_ */
