/* tests/cluster/pg_disk.h - what pg_disk.c and pg_disk_files.c share: one request of the kernel,
 * and what it is answered. */
#ifndef TESTS_CLUSTER_PG_DISK_H_
#define TESTS_CLUSTER_PG_DISK_H_

#include <linux/fuse.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_BLOCK_MAX ((size_t)128 * 1024) /* of one read or write */

enum disk_state { DISK_WELL, DISK_FULL, DISK_READ_ONLY, DISK_HUNG };

/* A message of the kernel: its head, and what stands behind it. */
struct disk_ask {
    const struct fuse_in_header *head;
    const char *body;
    enum disk_state state;
};

struct disk_answer {
    size_t size;
    _Alignas(8) char bytes[DISK_BLOCK_MAX];
};

/* The folder that is shown. */
void disk_files_open(const char *folder);
/* 0, or an errno; ENOSYS also where the kernel then does without. */
int disk_files_do(const struct disk_ask *ask, struct disk_answer *answer);
/* The kernel forgets @count names of a file; that is not answered. */
void disk_files_forget(uint64_t id, uint64_t count);

#endif /* TESTS_CLUSTER_PG_DISK_H_ */
