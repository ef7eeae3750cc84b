/* ctl/tar.h - an archive of plain files, as every tar reads it (ustar). Pure. */
#ifndef CTL_TAR_H_
#define CTL_TAR_H_

#include <stdint.h>

#include "base/buf.h"

#define TAR_NAME_MAX 99

/* Append a file for its owner's eyes only (0600). @name has at most TAR_NAME_MAX bytes. */
void tar_add(struct buf *out, const char *name, const struct buf *text, uint64_t wall_s);
/* Append what ends an archive. */
void tar_end(struct buf *out);

#endif /* CTL_TAR_H_ */
