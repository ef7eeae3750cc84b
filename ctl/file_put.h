/* ctl/file_put.h - a file that is there whole or not at all. */
#ifndef CTL_FILE_PUT_H_
#define CTL_FILE_PUT_H_

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* Write @text to @path, for its owner's eyes only (0600), through to the disk: to a new name beside
 * it first, which then takes the place. Without @replace ERR_EXISTS when there is something. */
int file_put(const char *path, const struct buf *text, bool replace, struct err *err);

/* Append what is in the file, at most @size_max bytes of it: ERR_TOO_LARGE. */
int file_get(const char *path, size_t size_max, struct buf *out, struct err *err);
/* The same of what is open already; @name is for messages. */
int file_get_fd(int fd, const char *name, size_t size_max, struct buf *out, struct err *err);

#define FILE_NAME_SIZE 64

/* A file of a directory that is written as a whole. */
struct file_text {
    char name[FILE_NAME_SIZE];
    struct buf text;
};

/* Make @dir with all @files in it, or nothing. ERR_EXISTS when it is there and not empty; with
 * @force the files are then put into it one by one, each in the place of an older one. */
int file_put_dir(const char *dir, const struct file_text *files, size_t count, bool force,
                 struct err *err);

#endif /* CTL_FILE_PUT_H_ */
