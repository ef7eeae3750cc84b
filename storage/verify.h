/* storage/verify.h - is this file a sound tree of pages? Asked before LMDB is let near it.
 *
 * LMDB has no page checksums and trusts its file: a flipped bit in a page's header makes it read
 * outside the page or outside the file, and the process ends with SIGSEGV, at every start again. So
 * every page that can be reached is read once, with read(2), and checked: page numbers, flags,
 * offsets, order of keys, counts, the list of free pages. What the records hold is not looked at
 * here; their own checksums are for that (record.h). The format is that of LMDB 0.9 ("data version
 * 1") on a machine of 64 bits, in its byte order.
 *
 * Costs one read of what is in use: about 0.2 s for 1 GiB in the page cache. */
#ifndef STORAGE_VERIFY_H_
#define STORAGE_VERIFY_H_

#include <stdint.h>

#include "base/err.h"

struct verify_result {
    uint64_t pages_used;
    uint64_t pages_free;
    uint64_t pages_lost; /* neither used nor free; LMDB should leave none */
    uint64_t transaction;
};

/* 0; ERR_CORRUPT, with what is wrong; ERR_IO. @ret_result may be NULL. */
int verify_file(int fd, struct verify_result *ret_result, struct err *err);

/* The number of the newest transaction in a file that may be anything: 0 for a file that no
 * transaction was ever committed to, among them an empty or half-made one. ERR_REFUSED if it is not
 * LMDB's at all. */
int verify_newest(int fd, uint64_t *ret_transaction, struct err *err);

#endif /* STORAGE_VERIFY_H_ */
