/* ctl/snapshot_file.h - is this file a whole snapshot, and of what? (docs/http.md) */
#ifndef CTL_SNAPSHOT_FILE_H_
#define CTL_SNAPSHOT_FILE_H_

#include <jansson.h>

#include "base/err.h"
#include "storage/batch.h"

/* Read all of @path and compare every checksum. *ret_facts: what its head says, with "rows",
 * "bytes" and "crc32c" of its end. ERR_CORRUPT says where it is wrong, ERR_VERSION that it is of a
 * newer version. */
int snapshot_file_check(const char *path, json_t **ret_facts, struct err *err);

/* The same, and @content gets the rows, as the file has them; what it holds counts on success only.
 */
int snapshot_file_read(const char *path, struct store_batch *content, json_t **ret_facts,
                       struct err *err);

#endif /* CTL_SNAPSHOT_FILE_H_ */
