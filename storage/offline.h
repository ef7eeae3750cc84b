/* storage/offline.h - the store of a node that does not run, held by whoever repairs it.
 *
 * No thread: a call does its work before it returns. As long as one is open nobody else has the
 * store, a daemon least of all. What may be kept is looked at and never changed; what is written is
 * a new store, beside the old one. */
#ifndef STORAGE_OFFLINE_H_
#define STORAGE_OFFLINE_H_

#include <stdint.h>

#include "base/err.h"
#include "storage/batch.h"

struct offline;

/* Open the store at @path and read all of it. ERR_NOT_FOUND: there is none, and none is made;
 * ERR_LOCKED: in use, with the pid; ERR_CORRUPT, ERR_VERSION, ... as store_open() has them.
 * *ret_written_ns: when it was last written to (wall clock). @ret_image is the caller's to close;
 * untouched on failure. */
int offline_open(const char *path, struct offline **ret, struct store_image *ret_image,
                 uint64_t *ret_written_ns, struct err *err);
/* Make a store at @path, where nothing is. What fails here may leave a part of it. */
int offline_create(const char *path, struct offline **ret, struct err *err);
/* Takes @batch over; it is durable on return. ERR_NO_SPACE, or what ends a store. */
int offline_write(struct offline *offline, struct store_batch *batch, struct err *err);
/* Accepts NULL. */
void offline_close(struct offline *offline);
/* For CLEANUP(). */
void offline_closep(struct offline **offline);

#endif /* STORAGE_OFFLINE_H_ */
