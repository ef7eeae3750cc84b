/* storage/apply.h - one batch inside a transaction; and one slice of what earlier ones left behind.
 *
 * The tables of a transaction and a ledger that is changed along with them. The caller keeps a copy
 * of the ledger and goes back to it when the transaction does not come about. */
#ifndef STORAGE_APPLY_H_
#define STORAGE_APPLY_H_

#include <stdbool.h>

#include "base/err.h"
#include "storage/batch.h"
#include "storage/env.h"
#include "storage/ledger.h"

struct change {
    MDB_txn *txn;
    struct table tables[TABLE_COUNT];
};
int change_open(struct change *change, const struct env *env, MDB_txn *txn, struct err *err);
/* Before the transaction ends; accepts a zeroed one. */
void change_close(struct change *change);

/* Carry out the parts of @batch in the order of its fields. */
int apply_batch(struct change *change, struct ledger *ledger, const struct store_batch *batch,
                struct err *err);

/* Take away up to @pieces_max pieces that do not count any more, or fewer when @is_over says that
 * the time is. Looks at all of them again only after a generation died or the window moved. */
int apply_garbage(struct change *change, struct ledger *ledger, size_t pieces_max,
                  bool (*is_over)(void *ctx), void *ctx, struct err *err);
bool ledger_has_garbage(const struct ledger *ledger);

#endif /* STORAGE_APPLY_H_ */
