/* storage/writer.h - the storage thread: what it does with the environment, without the queue.
 *
 * A struct writer belongs to the storage thread from its start to its end. store.c moves batches,
 * requests and events across. */
#ifndef STORAGE_WRITER_H_
#define STORAGE_WRITER_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "storage/env.h"
#include "storage/ledger.h"
#include "storage/reader.h"
#include "storage/space.h"

struct writer {
    struct env env;
    struct space_limits limits;
    struct ledger ledger; /* of the last commit */
    struct readers readers;
    struct list waiting; /* batches, oldest first */
    bool one_at_a_time;  /* a group did not fit: try its batches alone */
    uint64_t used_bytes; /* pages in use, as of the last look */
    uint64_t garbage_ns_max;
};

/* What writer_commit() brought about. */
struct writer_progress {
    uint64_t sequence; /* durable up to here; 0: as before */
    bool committed;    /* a transaction was */
    bool has_room;     /* and there was room for a batch without touching the reserve */
};

/* Commit the oldest waiting batches as one transaction. 0; ERR_NO_SPACE: nothing was done, the
 * oldest does not fit; anything else is fatal. */
int writer_commit(struct writer *writer, struct writer_progress *progress, struct err *err);

/* Take a slice of garbage away in a transaction of its own. ERR_NO_SPACE: there is not even room
 * for that. */
int writer_collect(struct writer *writer, struct err *err);

/* Is there room for ordinary batches? 0; ERR_NO_SPACE; ERR_BUSY: ask again; or fatal. */
int writer_probe(struct writer *writer, struct err *err);

uint64_t writer_now_ns(void);

#endif /* STORAGE_WRITER_H_ */
