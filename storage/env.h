/* storage/env.h - the directory of a store and the LMDB environment in it.
 *
 *   LOCK      locked by the process that has the store open; its pid for people
 *   VERSION   "pgraft store 1": the layout. Written last: without it there is no store
 *   data.mdb, lock.mdb   LMDB's
 *
 * The directory is 0700 and holds nothing else: one with other files in it and no VERSION is left
 * alone. 64 GiB of address space are reserved once; how much of it may be used is space.h's
 * business. Every commit is synced: MDB_NOSYNC, MDB_NOMETASYNC, MDB_WRITEMAP and MDB_MAPASYNC are
 * never used. A process opens a store once and does not use it after fork(). */
#ifndef STORAGE_ENV_H_
#define STORAGE_ENV_H_

#include <lmdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/origin.h"
#include "storage/record.h"

#define ENV_MAP_SIZE (UINT64_C(64) << 30)
#define ENV_READERS_MAX 8

enum env_table { TABLE_META, TABLE_LOG, TABLE_STATE, TABLE_COUNT };

struct env {
    int dir_fd;
    int lock_fd;
    int fd; /* of data.mdb; LMDB's own */
    MDB_env *mdb;
    MDB_dbi tables[TABLE_COUNT];
    size_t page_size;
    struct origin origin;
    bool is_new; /* it has no ledger yet; env_finish() makes it a store */

    /* space.h's */
    uint64_t file_pages;    /* the file has room on disk for these */
    uint64_t oldest_reader; /* transaction number; UINT64_MAX: nobody reads */
};

/* Lock, check and open the store at @path, or begin a new one. ERR_LOCKED: in use, with the pid;
 * ERR_VERSION: written by a newer version; ERR_REFUSED: not ours, or open to others; ERR_CORRUPT.
 * On failure @env needs no close. */
int env_open(struct env *env, const char *path, const char *machine_id_path, struct err *err);
/* After the first commit of a new one: from now on it is a store. */
int env_finish(struct env *env, struct err *err);
void env_close(struct env *env);

int env_begin(struct env *env, bool is_write, MDB_txn **ret_txn, struct err *err);
/* The transaction is gone, whatever is returned (lmdb_err.h). */
int env_commit(MDB_txn *txn, struct err *err);
/* For CLEANUP(): undo. */
void env_abortp(MDB_txn **txn);

int env_table(const struct env *env, MDB_txn *txn, enum env_table which, struct table *table,
              struct err *err);

#endif /* STORAGE_ENV_H_ */
