/* storage/ledger.h - what holds: the one record that says which other records count.
 *
 * Entries outside the window and rows of other generations than the current one are garbage,
 * whatever lies there. So truncating the log, trimming it and installing a snapshot of any size is
 * a change of this record alone; the bytes go later, in slices (garbage.h).
 *
 * The ledger also holds what shows that none of the records that count is missing or left over from
 * an older time, which a checksum on each can not: a chain over the log, a sum over the rows. It is
 * written in every transaction, with the transaction's own number: an older ledger that comes back
 * to life betrays itself. */
#ifndef STORAGE_LEDGER_H_
#define STORAGE_LEDGER_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/batch.h"
#include "storage/origin.h"
#include "storage/record.h"

/* The rows under one generation number: a state table. */
struct state_table {
    uint32_t generation;
    uint64_t rows;
    uint64_t bytes; /* of keys and values */
    uint64_t sum;   /* over the checksums of the rows */
};

struct log_window {
    uint64_t first;
    uint64_t last;       /* first - 1: empty */
    uint64_t base_term;  /* of the entry before first; 0: unknown, or there is none */
    uint64_t base_chain; /* the chain before first */
    uint64_t last_chain; /* the chain after last */
};

struct ledger {
    /* On disk. */
    struct origin origin;
    struct store_identity identity;
    struct store_hard hard;
    uint64_t batch_counter;
    uint64_t transaction; /* LMDB's number of the transaction that wrote this */
    struct log_window log;
    uint64_t applied_index;
    uint64_t snapshot_index; /* 0: none */
    uint64_t snapshot_term;
    uint64_t snapshot_conf_index;
    uint32_t snapshot_conf_crc; /* the bytes are a record of their own */
    uint32_t next_generation;
    struct state_table state;

    /* In memory: what is on its way, and what may lie around. */
    bool staging;
    struct state_table stage;
    uint64_t log_low;   /* no entry lies below */
    uint64_t log_high;  /* no entry lies above */
    bool state_garbage; /* rows of dead generations may lie around */
};

/* Of a store that was just made. */
void ledger_init(struct ledger *ledger, const struct origin *origin);
/* Write to the table of letter 'm'; sets ledger->transaction. */
int ledger_write(struct ledger *ledger, struct table *meta, struct err *err);
/* Read and check against the transaction it is read in. */
int ledger_read(struct ledger *ledger, struct table *meta, struct err *err);

/* The membership at the snapshot. */
int ledger_write_conf(struct ledger *ledger, struct table *meta, const struct buf *conf,
                      struct err *err);
/* Appends to @conf. */
int ledger_read_conf(const struct ledger *ledger, struct table *meta, struct buf *conf,
                     struct err *err);

#endif /* STORAGE_LEDGER_H_ */
