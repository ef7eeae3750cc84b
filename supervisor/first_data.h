/* supervisor/first_data.h - a word beside the store: which data this node has made for a new
 * cluster, as long as no primary was recorded with them.
 *
 * The role of the first primary may be granted twice, for the first holder may lose its lease while
 * initdb or a restore runs; then there are two sets of data, and the cluster is that of the one
 * whose timeline was recorded first. Nothing was ever acknowledged on the other, for that is fenced
 * until it is recorded: so it may be discarded, and its node clones. Of data that were adopted,
 * cloned or recorded there is no such word. It names the copy, so it is never taken for one of
 * others.
 *
 * Two that initdb has made differ in their system identifier. Two that were restored from one
 * backup do not, and may even have left it on timelines of the same number at different places: for
 * the one that was recorded the other would look like a part of it. So of these it is told apart by
 * the epoch: before a node asks the store to record such data it notes for which epoch, and the
 * oldest record of the store names the epoch of whoever began. */
#ifndef SUPERVISOR_FIRST_DATA_H_
#define SUPERVISOR_FIRST_DATA_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define FIRST_DATA_FILE "first-data"

enum first_data {
    FIRST_DATA_NONE,
    FIRST_DATA_MADE,     /* by initdb */
    FIRST_DATA_RESTORED, /* by bootstrap.method */
};

/* Durable. Before the mark of the work is taken away. */
int first_data_put(const char *state_dir, uint64_t copy, struct err *err);
int first_data_put_restored(const char *state_dir, uint64_t copy, struct err *err);
/* The word that stands for @copy. What can not be read is no leave to discard anything.
 * @ret_epoch: for which it was asked to be recorded, 0: for none yet. */
enum first_data first_data_look(const char *state_dir, uint64_t copy, uint64_t *ret_epoch);
/* Of restored data, before their timeline is recorded; of others there is nothing to do. */
int first_data_record(const char *state_dir, uint64_t copy, uint64_t epoch, struct err *err);
/* The cluster is that of these data, or they are not there any more. */
int first_data_settle(const char *state_dir, struct err *err);

#endif /* SUPERVISOR_FIRST_DATA_H_ */
