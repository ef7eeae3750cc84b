/* supervisor/pg_file.h - one file as a whole: read, put in its place durably, taken away durably.
 *
 * What is put is written beside its place, synced, moved there, and the directory is synced: a
 * crash at any moment leaves the old file or the new one. A file that has the wanted bytes already
 * is not written. For files of a few kilobytes, in threads or at times that may wait for a disk. */
#ifndef SUPERVISOR_PG_FILE_H_
#define SUPERVISOR_PG_FILE_H_

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

#define PG_FILE_BYTES_MAX (4U << 20)

/* Append all of it to @out. ERR_NOT_FOUND: there is none. ERR_TOO_LARGE: no file of ours. */
int pg_file_read(const char *path, struct buf *out, struct err *err);

/* There is a file @path of @mode that holds @text. @ret_changed, if not NULL: it did not before. */
int pg_file_put(const char *path, unsigned mode, const struct buf *text, bool *ret_changed,
                struct err *err);
/* The same, and also what was there before has reached the disk, the name too. */
int pg_file_put_synced(const char *path, unsigned mode, const struct buf *text, struct err *err);

/* There is no file @path; it need not have been there. */
int pg_file_remove(const char *path, struct err *err);
/* @from, which is there, has the name @to in the same directory, replacing what was there. */
int pg_file_move(const char *from, const char *to, struct err *err);

/* The name of a file beside @path while it is being written. */
#define PG_FILE_DRAFT ".pgraft-new"

#endif /* SUPERVISOR_PG_FILE_H_ */
