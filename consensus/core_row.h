/* consensus/core_row.h - the one row of the state table that says which term and which membership
 * belong to its applied index; the core's own, never shipped. */
#ifndef CONSENSUS_CORE_ROW_H_
#define CONSENSUS_CORE_ROW_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "storage/batch.h"

struct core_row {
    uint64_t term;
    uint64_t conf_index; /* of the entry that made @conf */
    const void *conf;    /* as members_encode() has it */
    size_t conf_size;
};

void core_row_add(struct store_batch *batch, const struct core_row *row);
/* False: @row is another one, or can not be read. @out points into @row. */
bool core_row_read(const struct store_row *row, struct core_row *out);

#endif /* CONSENSUS_CORE_ROW_H_ */
