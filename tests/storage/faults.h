/* tests/storage/faults.h - the n-th system call that touches a file fails, or is the process's
 * last.
 *
 * A program that links faults.c has its own write(), fsync(), rename() and so on; LMDB and the
 * store call these, since the program comes first where symbols are looked up. The code under test
 * has no switches for it. Calls on anything but files and directories pass by uncounted. */
#ifndef TESTS_STORAGE_FAULTS_H_
#define TESTS_STORAGE_FAULTS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault {
    FAULT_COUNT, /* count only */
    FAULT_KILL_BEFORE,
    FAULT_KILL_AFTER,
    FAULT_ERROR, /* the call does nothing and fails */
    FAULT_SHORT, /* a write writes half of it; other calls are not counted */
};

/* Which calls count. */
enum fault_calls {
    FAULT_WRITES = 1,      /* write, pwrite, writev */
    FAULT_META_WRITES = 2, /* the same on a descriptor that syncs every write */
    FAULT_SYNCS = 4,       /* fsync, fdatasync, msync */
    FAULT_NAMES = 8,       /* open, openat, mkdir, rename, renameat, unlinkat */
    FAULT_SPACE = 16,      /* fallocate, ftruncate */
    FAULT_ALL = 31,
};

/* From now on the @at-th call (from 1) of those in @calls meets @fault; FAULT_ERROR sets @error. */
void faults_arm(enum fault fault, unsigned calls, unsigned long at, int error);
void faults_disarm(void);
/* Calls counted since faults_arm(). */
unsigned long faults_count(void);
/* The call that was to be met has been met. */
bool faults_fired(void);
/* Its name. */
const char *faults_name(void);

/* Told of every write to and sync of a file, after it has worked, while armed or not. @offset of
 * fallocate is its end. */
enum fault_op { OP_WRITE, OP_SYNC, OP_GROW };
typedef void (*faults_watch_cb)(enum fault_op op, bool is_synced, uint64_t offset,
                                const void *bytes, size_t size);
void faults_watch(faults_watch_cb watch);

#endif /* TESTS_STORAGE_FAULTS_H_ */
