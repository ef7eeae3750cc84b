/* ctl/patroni_file.h - Patroni's file with what pgraft needs beside it. Pure.
 *
 * All else stays as it was written, comments too: lines are taken out and put in, and what comes of
 * it is read again and held against the old one before it is given to anybody. */
#ifndef CTL_PATRONI_FILE_H_
#define CTL_PATRONI_FILE_H_

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

struct patroni_file {
    const char *name; /* for messages */
    const char *text;
    size_t size;
};

/* Append @file with @raft as its section raft, in the place of Patroni's own, and with @dynamic as
 * its bootstrap.dcs. ERR_INVALID: it is no YAML, or those sections are not written as blocks.
 * ERR_EXISTS: it has a section raft of pgraft's. */
int patroni_file_make(const struct patroni_file *file, json_t *raft, json_t *dynamic,
                      struct buf *out, struct err *err);

#endif /* CTL_PATRONI_FILE_H_ */
