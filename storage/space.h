/* storage/space.h - may this transaction grow, and is there room on disk for it?
 *
 * Asked before anything is written, so that a full disk is an answer and not an accident: LMDB
 * reports a write that was cut short by a full disk like a broken disk. The file is extended ahead
 * of LMDB with space that is really allocated, in steps; the last of it is a reserve that ordinary
 * batches do not touch. Since every record is in pieces of one page (record.h), the number of pages
 * a transaction may need has a simple upper bound, and free pages inside the file serve as well as
 * new ones at its end.
 *
 * On filesystems that copy on write (btrfs) allocated space is no promise for a second write: there
 * a full disk may end the process. */
#ifndef STORAGE_SPACE_H_
#define STORAGE_SPACE_H_

#include <lmdb.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/batch.h"
#include "storage/env.h"
#include "storage/ledger.h"

struct space_limits {
    uint64_t limit_bytes;   /* of pages in use */
    uint64_t reserve_bytes; /* of them and of the disk */
};

/* What the file looks like at the start of a write transaction. */
struct space {
    uint64_t next_page; /* the first one never used */
    uint64_t pages_used;
    uint64_t transaction;
    struct {
        uint64_t branch_pages;
        uint64_t leaf_pages;
        uint64_t overflow_pages;
        uint64_t depth;
    } tables[TABLE_COUNT];
    uint64_t free_list_pages;
};
int space_look(struct space *space, const struct env *env, MDB_txn *txn, struct err *err);

/* Upper bounds, in pages, of what is allocated anew: by any transaction, by one more batch in it,
 * by taking away @pieces of garbage. */
uint64_t space_for_any(const struct space *space);
uint64_t space_for_batch(const struct space *space, const struct env *env,
                         const struct ledger *ledger, const struct store_batch *batch);
uint64_t space_for_garbage(const struct space *space, uint64_t pieces);

enum space_class {
    SPACE_ORDINARY,  /* leaves the reserve alone */
    SPACE_GARBAGE,   /* frees more than it takes: leaves half of the reserve */
    SPACE_ESSENTIAL, /* may use all */
};
/* Make sure that @pages can be had. 0; ERR_NO_SPACE, with what is full; ERR_IO; ERR_BUSY: after one
 * more commit, which may be an empty one, since pages are usable only when two commits have passed
 * since they were freed. */
int space_ensure(const struct space *space, struct env *env, uint64_t pages, enum space_class class,
                 const struct space_limits *limits, struct err *err);

/* Free pages on LMDB's list that the transactions @first to @last freed. */
int space_count_free(struct env *env, uint64_t first, uint64_t last, uint64_t *ret_pages,
                     struct err *err);

/* At open: what the file has already; a file with holes, as restored from a backup, gets them
 * filled. A new one gets its reserve. */
int space_init(struct env *env, const struct space_limits *limits, struct err *err);

#endif /* STORAGE_SPACE_H_ */
