/* ctl/bundle.h - the files of a report, put together in memory and then written, all of them or
 * none.
 */
#ifndef CTL_BUNDLE_H_
#define CTL_BUNDLE_H_

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "ctl/clean.h"
#include "ctl/file_put.h"

/* A zeroed struct is empty. */
struct bundle {
    struct clean clean;
    struct file_text *files;
    size_t count;
    struct buf missing; /* a line for each thing that was left out, and why */
};

/* What is added is cleaned first. @name: letters, digits, ".", "-" and "_" are kept of it. */
void bundle_text(struct bundle *bundle, const char *name, const char *text);
void bundle_json(struct bundle *bundle, const char *name, json_t *value);
/* "NAME: WHY" */
void bundle_lacks(struct bundle *bundle, const char *name, const char *why);

/* Nobody else may read it (0600, a directory 0700). ERR_EXISTS: there is something. A signal to end
 * meanwhile leaves nothing behind. */
int bundle_write_tar(const struct bundle *bundle, const char *path, const char *folder,
                     uint64_t wall_s, struct err *err);
int bundle_write_directory(const struct bundle *bundle, const char *dir, struct err *err);
/* Also right for CLEANUP(). */
void bundle_close(struct bundle *bundle);

#endif /* CTL_BUNDLE_H_ */
