/* storage/batch.h - what the core asks of the disk: one atomic change.
 *
 * The cut between the deterministic core and durable storage. The core fills batches and leaves
 * them in its outbox; whoever runs it (the storage thread in production, a double in the simulator)
 * makes them durable in the order of their sequence and reports each sequence once. Several batches
 * may become one transaction; a batch never becomes half of one. Reporting sequence N means that
 * every batch up to N is durable, and nothing else: a message that must not leave before N waits
 * for that report.
 *
 * A batch owns all its bytes, so it can cross to another thread. Its parts are carried out in the
 * order of the fields below. */
#ifndef STORAGE_BATCH_H_
#define STORAGE_BATCH_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"

/* One transaction of the storage thread holds no more than this, so that nothing waits long behind
 * it (safety E1); a single entry or row may be larger. */
#define STORE_BATCH_BYTES_MAX ((size_t)1024 * 1024)

#define CLUSTER_ID_SIZE 16

/* Who this node is; written when the directory is created and when it joins a cluster. */
struct store_identity {
    uint8_t cluster_id[CLUSTER_ID_SIZE]; /* all zero: of no cluster yet */
    uint64_t node_id;                    /* raft id, drawn at random; 0 is nobody */
    uint64_t incarnation;                /* goes up at every start */
};

struct store_hard {
    uint64_t term;
    uint64_t vote; /* node id voted for in this term, 0 for none */
};

struct store_entry {
    uint64_t index;
    uint64_t term;
    uint8_t type; /* enum raft_entry_type as libraft counts it; storage only keeps it */
    const void *data;
    size_t size;
};

/* A row of the state table: what the state machine wants to find again after a restart. */
struct store_row {
    const void *key;
    size_t key_size;   /* 1 to STORE_ROW_KEY_MAX */
    const void *value; /* NULL: the row goes away */
    size_t value_size;
};
#define STORE_ROW_KEY_MAX 480 /* LMDB's limit is 511; longer keys are the machine's business */

/* The state of the log's far end: all up to @index is in the state table, the log before may be
 * gone. */
struct store_snapshot {
    uint64_t index;
    uint64_t term;
    uint64_t conf_index; /* of the entry that made @conf */
    struct buf conf;     /* the encoded membership at @index */
};

enum store_stage {
    STAGE_NONE,
    STAGE_BEGIN,  /* forget what was staged; the rows of this batch are the first of a new stage */
    STAGE_ROWS,   /* more rows for the stage */
    STAGE_COMMIT, /* with the rows of this batch the stage becomes the state table; @snapshot (which
                     must be there) holds, the log is empty and goes on after it */
    STAGE_DROP,   /* forget what was staged */
};

struct store_batch {
    struct list link;  /* for whoever holds the batch */
    uint64_t sequence; /* grows from batch to batch */
    size_t bytes;      /* of entries and rows: what counts for STORE_BATCH_BYTES_MAX */

    /* May use the reserve when disk or store is full: for what keeps the node in the cluster
     * (membership, lease and election entries). See store_batch_is_essential(). */
    bool essential;

    bool has_identity;
    struct store_identity identity;
    bool has_hard;
    struct store_hard hard;
    /* Entries from this index on go away; 0, or an index after the last: none. */
    uint64_t truncate_from;
    enum store_stage stage; /* what the rows below are for; STAGE_NONE: the state table itself */
    bool has_snapshot;
    struct store_snapshot snapshot;
    /* Entries before this index are gone from the log (their bytes leave the disk in slices);
     * 0, or an index not after the first: none. At most one beyond the last. */
    uint64_t trim_below;
    uint64_t applied_index; /* the rows below are the state up to this entry; 0: unchanged */

    /* Entries follow each other without a hole and continue the log that is left. */
    size_t entry_count;
    size_t row_count;

    struct buf entry_bytes; /* private to batch.c */
    struct buf row_bytes;
};

struct store_batch *store_batch_create(uint64_t sequence);
/* Accepts NULL; also for CLEANUP(store_batch_destroyp). */
void store_batch_destroy(struct store_batch *batch);
void store_batch_destroyp(struct store_batch **batch);

/* Copies the bytes. */
void store_batch_add_entry(struct store_batch *batch, const struct store_entry *entry);
void store_batch_add_row(struct store_batch *batch, const struct store_row *row);
void store_batch_set_snapshot(struct store_batch *batch, uint64_t index, uint64_t term,
                              uint64_t conf_index, const void *conf, size_t conf_size);

/* Nothing in it but its sequence. */
bool store_batch_is_empty(const struct store_batch *batch);
/* Marked so, or carries hard state or identity, or only takes away: trims, truncates, drops a
 * stage. Batches are carried out in order, so whatever waits before an essential one counts as
 * essential with it: after ERR_NO_SPACE submit no more ordinary ones until there is space again. */
bool store_batch_is_essential(const struct store_batch *batch);

/* Walk: start with *at = 0; false after the last one. What @entry and @row point to dies with the
 * batch. */
bool store_batch_next_entry(const struct store_batch *batch, size_t *at, struct store_entry *entry);
bool store_batch_next_row(const struct store_batch *batch, size_t *at, struct store_row *row);

/* What a start finds on disk, handed to the core once. A stage that was not committed is gone. */
struct store_image {
    bool formatted; /* false: a directory that was just created */
    /* The files are not where they were written: a copy, a restored backup, another machine. Such a
     * node must not vote under its old identity (safety D5). Stays so for as long as these files
     * are used. */
    bool moved;
    char moved_text[160]; /* "inode was 12, is 34" */
    struct store_identity identity;
    struct store_hard hard;
    uint64_t batch_counter;         /* of durable batches that were not empty, for ever (D5) */
    struct store_snapshot snapshot; /* index 0: none */
    uint64_t applied_index;
    uint64_t log_first; /* index of the first entry kept; log_last + 1 if there is none */
    uint64_t log_last;
    /* The entries of the log in order, and the rows of the state table by size of key, then key.
     */
    struct store_batch *content;
};
/* Accepts a zeroed image. */
void store_image_close(struct store_image *image);

#endif /* STORAGE_BATCH_H_ */
