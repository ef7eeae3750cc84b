/* base/file.h - bytes and names that have reached the disk. */
#ifndef BASE_FILE_H_
#define BASE_FILE_H_

#include "base/buf.h"
#include "base/err.h"

/* All of @text; not synced. < 0 and errno: not all of it. */
int file_write_all(int fd, const struct buf *text);

/* The folder that @path is in, synced, so that the name is as durable as the bytes. */
int file_sync_folder(const char *path, struct err *err);

#endif /* BASE_FILE_H_ */
