/* daemon/relaunch.h - this process becomes the program that is installed now, with the same words.
 *
 * The process stays, and with it its number, its children and whoever watches it; memory,
 * threads and open files do not. */
#ifndef DAEMON_RELAUNCH_H_
#define DAEMON_RELAUNCH_H_

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct relaunch {
    struct buf path;  /* of the program */
    struct buf bytes; /* the words, each ending in a NUL */
    char **words;     /* as argv; points into @bytes */
    size_t count;
    bool is_due;
    struct err failed; /* why it could not be done the last time; code 0: it was not tried */
};

/* At the start, of a zeroed one: how this program was called. @path stays empty where that can not
 * be known. */
int relaunch_init(struct relaunch *l, struct err *err);
void relaunch_close(struct relaunch *l);
/* Everything is closed. Returns only when it has failed; then this program goes on. */
int relaunch_now(struct relaunch *l);

#endif /* DAEMON_RELAUNCH_H_ */
