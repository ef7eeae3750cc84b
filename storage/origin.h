/* storage/origin.h - where a file was born: what tells a copy of it from itself (safety D5).
 *
 * A store that was copied, restored from a backup or carried to another machine may have been
 * overtaken by the life of the original; voting with it could undo acknowledged writes. Inode,
 * birth time and filesystem are written into the store when it is made and compared at every start,
 * and so is the machine's id. A restored image of the whole disk shows none of this on the same
 * machine. */
#ifndef STORAGE_ORIGIN_H_
#define STORAGE_ORIGIN_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define ORIGIN_MACHINE_SIZE 32

struct origin {
    uint64_t inode;
    uint64_t birth_ns;                     /* since 1970; 0: the filesystem does not tell */
    uint64_t filesystem_id;                /* 0: of no use here, see origin.c */
    char machine[ORIGIN_MACHINE_SIZE + 1]; /* "": unknown */
};

/* Of the open file @fd. @machine_id_path: /etc/machine-id; it may be missing. */
int origin_read(struct origin *ret_origin, int fd, const char *machine_id_path, struct err *err);

/* Does @now say another place than @then? Unknown parts are not compared. If so, and @text is not
 * NULL, it says what differs. */
bool origin_differs(const struct origin *then, const struct origin *now, char *text, size_t size);

#endif /* STORAGE_ORIGIN_H_ */
