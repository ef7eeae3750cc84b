/* ctl/data_dir.h - the data directory of a node that does not run, and the store in it.
 *
 *   DIR/store                        the store; what pgraftd opens
 *   DIR/store.new-TIME               one that is being made; of no meaning
 *   DIR/store.before-recover-TIME    the one that a recovery replaced */
#ifndef CTL_DATA_DIR_H_
#define CTL_DATA_DIR_H_

#include <stdbool.h>

#include "base/err.h"
#include "consensus/founding.h"
#include "storage/offline.h"

/* The path of the store of @dir; the caller frees it. */
char *data_dir_store(const char *dir);

/* ERR_REFUSED: @path is there and belongs to another user, for whom pgraftd would find files that
 * it can not open. Of what is not there nothing is said. */
int data_dir_check_owner(const char *path, struct err *err);
/* Is there nothing in @dir, or no such directory? ERR_LOCKED: a running node's, with the pid;
 * ERR_EXISTS: no, with what there is. */
int data_dir_check_empty(const char *dir, struct err *err);

/* Found a cluster of one on @state, and give it @dir, whole or not at all. @old: the store that is
 * there, held open, which is kept under another name: *ret_backup, to be freed; NULL: there is
 * none.
 */
int data_dir_found(const char *dir, const struct founding *founding,
                   const struct founding_state *state, const struct offline *old, char **ret_backup,
                   struct err *err);

#endif /* CTL_DATA_DIR_H_ */
