/* base/log_file.h - a log file that is turned over at a size and keeps a number of older ones.
 *
 *     DIR/pgraft.log  DIR/pgraft.log.1 (the youngest of the old)  ...  DIR/pgraft.log.4
 *
 * No line is lost or torn in turning over: the next file is open before the old one gives up its
 * name, and when anything fails the old one goes on. The number of the descriptor never changes
 * between open and close, since must_copy_to() knows it. Nothing here is thread-safe. */
#ifndef BASE_LOG_FILE_H_
#define BASE_LOG_FILE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

/* The defaults are Patroni's. */
#define LOG_FILE_NAME "pgraft.log"
#define LOG_FILE_SIZE_MAX UINT64_C(25000000)
#define LOG_FILE_OLDER_MAX 4
#define LOG_FILE_MODE 0600

#define LOG_FILE_OLDER_LIMIT 1000 /* the largest older_max */

struct log_file_config {
    const char *dir;    /* created if only the last part of the path is missing */
    const char *name;   /* NULL: LOG_FILE_NAME */
    uint64_t size_max;  /* bytes; 0: never turned over. A longer line gets a file of its own. */
    unsigned older_max; /* 0: a full file is replaced by an empty one */
    mode_t mode;        /* of the files */
};

/* A zeroed struct is closed. */
struct log_file {
    char *dir;
    char *path;
    uint64_t size_max;
    unsigned older_max;
    mode_t mode;
    int fd;
    bool is_regular; /* a device is neither turned over nor cut */
    bool is_torn;    /* ends in part of a line that could not be taken back */
    uint64_t size;
    uint64_t rotate_at;
};

/* @file is written on success only. */
int log_file_open(struct log_file *file, const struct log_file_config *config, struct err *err);
bool log_file_is_open(const struct log_file *file);
/* -1 when closed. */
int log_file_fd(const struct log_file *file);

/* Append @line, all of it or nothing. */
int log_file_write(struct log_file *file, const char *line, size_t size, struct err *err);
/* It is time to turn the file over before @more bytes are written. */
bool log_file_is_full(const struct log_file *file, size_t more);
/* Turn over. After a failure the same file is full again a little later, not at once. */
int log_file_rotate(struct log_file *file, struct err *err);
/* Open again by name, creating directory and file if they are gone; keeps the old one on failure.
 */
int log_file_reopen(struct log_file *file, struct err *err);

/* Also right for CLEANUP(log_file_close). */
void log_file_close(struct log_file *file);

#endif /* BASE_LOG_FILE_H_ */
