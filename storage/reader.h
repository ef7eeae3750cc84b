/* storage/reader.h - the snapshot readers of a store; used by the storage thread alone. */
#ifndef STORAGE_READER_H_
#define STORAGE_READER_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/apply.h"
#include "storage/env.h"
#include "storage/ledger.h"
#include "storage/state.h"
#include "storage/store.h"

struct reader {
    uint64_t id;    /* 0: a free place */
    MDB_txn *txn;   /* NULL: cut */
    int cut_status; /* ERR_EXPIRED */
    struct change change;
    struct ledger ledger;
    uint64_t applied_term; /* of the entry at its applied index; 0: not known any more */
    struct state_walk walk;
    struct store_row ahead; /* read, but beyond the last answer */
    bool has_ahead;
    uint64_t deadline_ns;
    uint64_t pinned_pages; /* freed since it began: kept for it */
};

struct readers {
    struct reader places[STORE_READERS_MAX];
};

/* Each fills @event, which says the reader's id; a status other than ERR_CORRUPT and ERR_IO is the
 * reader's own affair. */
void readers_open(struct readers *readers, struct env *env, uint64_t id, uint64_t deadline_ns,
                  struct store_event *event);
void readers_next(struct readers *readers, uint64_t id, size_t bytes_max,
                  struct store_event *event);
void readers_close(struct readers *readers, struct env *env, uint64_t id);
void readers_close_all(struct readers *readers, struct env *env);

/* After a commit: how much it freed is kept from reuse as long as they live. */
int readers_after_commit(struct readers *readers, struct env *env, uint64_t transaction,
                         struct err *err);
/* Cut those that are too old at @now_ns. Returns when the next one will be; UINT64_MAX: never. */
uint64_t readers_cut_old(struct readers *readers, struct env *env, uint64_t now_ns);

#endif /* STORAGE_READER_H_ */
