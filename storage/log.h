/* storage/log.h - the log's entries in one table, and the window of those that count.
 *
 * Every entry carries the chain: a value made from all entries before it back to the window's
 * start. The ledger keeps both ends, so an entry that is missing, or left over from before a
 * truncation, is found although its own checksum is right. */
#ifndef STORAGE_LOG_H_
#define STORAGE_LOG_H_

#include <stdint.h>

#include "base/err.h"
#include "storage/batch.h"
#include "storage/ledger.h"
#include "storage/record.h"

/* The index in a key of this table; 0 if it is none. */
uint64_t log_key_index(const struct record_key *key);

/* Continue the log with @entry; its index follows the last. */
int log_append(struct ledger *ledger, struct table *log, const struct store_entry *entry,
               struct err *err);
/* Forget the entries from @from on; it is in the window, or nothing happens. */
int log_truncate(struct ledger *ledger, struct table *log, uint64_t from, struct err *err);
/* Forget the entries before @below. */
int log_trim(struct ledger *ledger, struct table *log, uint64_t below, struct err *err);
/* Forget all; go on after the snapshot in the ledger. */
void log_restart(struct ledger *ledger);

/* Term of the entry at @index: in the window, right before it, or of the snapshot; 0 if unknown. */
int log_term(const struct ledger *ledger, struct table *log, uint64_t index, uint64_t *ret_term,
             struct err *err);

/* Verify the window and add its entries to @content. */
int log_load(const struct ledger *ledger, struct table *log, struct store_batch *content,
             struct err *err);

#endif /* STORAGE_LOG_H_ */
