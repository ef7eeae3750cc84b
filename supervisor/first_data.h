/* supervisor/first_data.h - a word beside the store: which data this node's initdb has made, as
 * long as no primary was recorded with them.
 *
 * The role of the first primary may be granted twice, for the first holder may lose its lease while
 * initdb runs; then there are two sets of data, and the cluster is that of the one whose timeline
 * was recorded first. Nothing was ever acknowledged on the other, for that is fenced until it is
 * recorded: so it may be discarded, and its node clones. Of data that were adopted, cloned or
 * recorded there is no such word. It names the copy, so it is never taken for one of others. */
#ifndef SUPERVISOR_FIRST_DATA_H_
#define SUPERVISOR_FIRST_DATA_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define FIRST_DATA_FILE "first-data"

/* Durable. Before the mark of the initdb is taken away. */
int first_data_put(const char *state_dir, uint64_t copy, struct err *err);
/* The word stands, for @copy. What can not be read is no leave to discard anything. */
bool first_data_is(const char *state_dir, uint64_t copy);
/* The cluster is that of these data, or they are not there any more. */
int first_data_settle(const char *state_dir, struct err *err);

#endif /* SUPERVISOR_FIRST_DATA_H_ */
