/* storage/lmdb_err.h - the only place where an MDB_* code or an errno that LMDB passes on becomes
 * one of ours.
 *
 *   ERR_NO_SPACE   ENOSPC, EDQUOT, MDB_MAP_FULL, MDB_TXN_FULL: the transaction is undone, the
 *                  environment stays usable, the same may work later
 *   ERR_CORRUPT    what LMDB itself finds wrong with its file
 *   ERR_IO         everything else: after a failed write or fsync nothing may be relied on
 *
 * A failed fsync comes out of mdb_txn_commit() as a bare errno, so every errno that is not known to
 * be harmless counts as one. */
#ifndef STORAGE_LMDB_ERR_H_
#define STORAGE_LMDB_ERR_H_

#include "base/err.h"

int err_lmdb(struct err *err, int rc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif /* STORAGE_LMDB_ERR_H_ */
