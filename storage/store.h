/* storage/store.h - a durable store with a thread of its own: batches in, events out.
 *
 * The storage thread takes everything that was submitted and commits it as one transaction (group
 * commit), at most STORE_BATCH_BYTES_MAX or 10 ms of work at a time, strictly in the order of
 * submission. It sleeps when there is nothing to do: an idle store writes nothing, opens no
 * transaction and wakes nobody.
 *
 * A batch never fails. When the disk or the store's limit is full the queue stands still: one event
 * says ERR_NO_SPACE, the thread tries again by itself, and one event says 0 when it got through.
 * Meanwhile essential batches, and what waits before them, may use the reserve (batch.h).
 *
 * What can not be trusted ends it: a failed write or fsync, a damaged file, a record that fails its
 * checksum. on_fatal() is called once, on the storage thread, and after it nothing is ever reported
 * again. Without an on_fatal() the process says what happened and aborts.
 *
 * Calls come from one thread, the owner's, except store_commit_since_ns() and store_stats(). */
#ifndef STORAGE_STORE_H_
#define STORAGE_STORE_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "storage/batch.h"

#define STORE_LIMIT_BYTES (UINT64_C(1) << 30)
#define STORE_RESERVE_BYTES (UINT64_C(4) << 20)
#define STORE_READERS_MAX 4
#define STORE_READER_AGE_MS_MAX UINT64_C(10000)
/* A reader may always hold back this much, however small the state is: every commit frees some 30
 * KiB of pages, so twice a small state would be used up in a moment. */
#define STORE_READER_PIN_BYTES_MIN (UINT64_C(16) << 20)
/* An answer of a reader holds no more than this, or one row. */
#define STORE_READ_BYTES_MAX (UINT64_C(1) << 20)

struct store;

struct store_settings {
    const char *path;            /* a directory of its own; its parent exists */
    uint64_t limit_bytes;        /* of the store's pages in use; 0: STORE_LIMIT_BYTES */
    uint64_t reserve_bytes;      /* for essential batches; 0: STORE_RESERVE_BYTES */
    uint64_t reader_age_ms_max;  /* 0: STORE_READER_AGE_MS_MAX */
    const char *machine_id_path; /* NULL: /etc/machine-id */
    void (*on_fatal)(void *ctx, const struct err *err);
    void (*on_thread)(void *ctx); /* the first on the thread: its priority; may be NULL */
    void *ctx;
};

/* Open, verify and load all, and start the thread. ERR_CORRUPT: this replica is lost, the message
 * says what to do (safety D7); ERR_LOCKED, ERR_VERSION, ERR_REFUSED, ERR_NO_SPACE, ERR_IO ... as
 * they say. @ret_image is the caller's to close; untouched on failure. */
int store_open(const struct store_settings *settings, struct store **ret_store,
               struct store_image *ret_image, struct err *err);
/* Finish the transaction that is running and drop what waits: as a crash would. Whoever wants its
 * last batch on disk waits for the report of it first. Accepts NULL. */
void store_close(struct store *store);

/* Takes the batch over. Sequences grow. */
void store_submit(struct store *store, struct store_batch *batch);

enum store_event_kind {
    STORE_DURABLE, /* every batch up to @sequence */
    STORE_SPACE,   /* @status: ERR_NO_SPACE: the queue stands still, @err says why; 0: it moves */
    STORE_READ,    /* the answer to store_reader_open() or _next() */
};

struct store_event {
    enum store_event_kind kind;
    uint64_t sequence;
    int status;
    struct err err;

    /* STORE_READ, status 0. Of the reader's moment. */
    uint64_t reader;
    uint64_t applied_index;
    uint64_t applied_term;          /* of the entry at applied_index; 0: not known any more */
    struct store_snapshot snapshot; /* as last recorded; index 0: none */
    uint64_t state_bytes;           /* of all rows */
    struct store_batch *rows;       /* NULL in the answer to _open() */
    bool is_last;                   /* all rows were handed out, and none is missing */

    struct list link;
};

/* Readable when there are events; edge and level both work. Never write to it. */
int store_fd(const struct store *store);
/* The next event, or false. Close each one. */
bool store_poll(struct store *store, struct store_event *ret_event);
/* Accepts a zeroed one. */
void store_event_close(struct store_event *event);

/* A consistent look at the state table while it goes on changing, to send it to a node that lags
 * too far behind the log. One request of a reader at a time; each is answered by one event. A
 * reader that keeps more than twice the state's size from being reused (a small state:
 * STORE_READER_PIN_BYTES_MIN), or lives too long, is cut: its next answer is ERR_EXPIRED (safety
 * E2). Beyond STORE_READERS_MAX: ERR_BUSY. */
uint64_t store_reader_open(struct store *store);
void store_reader_next(struct store *store, uint64_t reader, size_t bytes_max);
/* No answer; one that is on its way may still come. To be called whatever the answers were. */
void store_reader_close(struct store *store, uint64_t reader);

/* Since when (CLOCK_MONOTONIC, ns) a commit has been running; 0: none is. From any thread. */
uint64_t store_commit_since_ns(const struct store *store);

/* Commits that took up to 0.1 ms, 0.2 ms, 0.4 ms ..., the last: longer. */
#define STORE_COMMIT_BUCKETS 16

struct store_stats {
    uint64_t used_bytes; /* pages in use, as the last transaction found them */
    uint64_t file_bytes; /* what the disk was asked for */
    uint64_t limit_bytes;
    uint64_t commits;
    uint64_t commit_ns_max; /* longest time in one commit, fsync included */
    uint64_t commit_ns_sum;
    uint64_t commit_bucket[STORE_COMMIT_BUCKETS];
    uint64_t garbage_ns_max; /* longest transaction that only took garbage away, commit included */
    bool has_garbage;
};
/* From any thread. */
void store_stats(struct store *store, struct store_stats *ret_stats);

#endif /* STORAGE_STORE_H_ */
