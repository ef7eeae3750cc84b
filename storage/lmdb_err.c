/* storage/lmdb_err.c - MDB_* and errno to ERR_*. */
#include "storage/lmdb_err.h"

#include <errno.h>
#include <lmdb.h>
#include <stdarg.h>
#include <stdio.h>

static int code_of(int rc)
{
    switch (rc) {
        case MDB_NOTFOUND:
            return ERR_NOT_FOUND;
        case ENOSPC:
        case EDQUOT:
        case MDB_MAP_FULL:
        case MDB_TXN_FULL:
            return ERR_NO_SPACE;
        /* MDB_PANIC is none of these: an earlier write of a meta page failed, the disk holds what
         * was committed before, and the next start goes on from that. */
        case MDB_CORRUPTED:
        case MDB_PAGE_NOTFOUND:
        case MDB_INVALID:
        case MDB_VERSION_MISMATCH:
            return ERR_CORRUPT;
        default:
            return ERR_IO;
    }
}

int err_lmdb(struct err *err, int rc, const char *fmt, ...)
{
    char what[ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(what, sizeof(what), fmt, args); /* a text that does not fit is cut */
    va_end(args);
    return err_set(err, code_of(rc), "%s: %s", what, mdb_strerror(rc));
}
