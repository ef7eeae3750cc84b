/* tests/lib/store_double.h - the storage interface in memory, for the simulator.
 *
 * Carries out batches exactly as storage/ does (tests/storage/test_streams.c feeds both the same
 * ones and compares), but nothing happens by itself: the caller says when a batch is durable, when
 * the disk is full and when the process dies. No clock, no randomness, no thread, no file. */
#ifndef TESTS_LIB_STORE_DOUBLE_H_
#define TESTS_LIB_STORE_DOUBLE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/batch.h"

struct store_double;

/* A disk that was just formatted. */
struct store_double *store_double_create(void);
/* What is durable on @disk, as a copy of its own: an old image to restore later. */
struct store_double *store_double_clone(const struct store_double *disk);
/* Accepts NULL. */
void store_double_destroy(struct store_double *disk);

/* A start: what is durable; what waits and what was staged is forgotten. */
void store_double_load(struct store_double *disk, struct store_image *ret_image);
/* From now on images say that the files were moved, for @why. */
void store_double_set_moved(struct store_double *disk, const char *why);

/* Takes the batch over. */
void store_double_submit(struct store_double *disk, struct store_batch *batch);
/* The oldest @count waiting batches become durable; the sequence of the last, 0 if there is none.
 */
uint64_t store_double_commit(struct store_double *disk, size_t count);
size_t store_double_waiting(const struct store_double *disk);
/* How many of the waiting batches may become durable: all, or on a full disk those up to the last
 * essential one, as far as the reserve goes. */
size_t store_double_may_commit(const struct store_double *disk);
/* The term of the durable entry at @index, or of the snapshot there; 0: none. */
#define STORE_DOUBLE_GONE UINT64_MAX /* behind the snapshot: was there */
uint64_t store_double_durable_term(const struct store_double *disk, uint64_t index);
/* A disk that becomes full has its whole reserve. */
void store_double_set_full(struct store_double *disk, bool is_full);
bool store_double_is_full(const struct store_double *disk);
#define STORE_DOUBLE_RESERVE ((size_t)4 << 20)
void store_double_set_reserve(struct store_double *disk, size_t bytes);

/* The process dies: the oldest @survivors of what waits had become durable all the same,
 * unreported; the rest is lost. A store_double_load() follows. */
void store_double_crash(struct store_double *disk, size_t survivors);

/* A consistent look at the durable rows. */
struct store_double_reader;
struct store_double_reader *store_double_reader_open(const struct store_double *disk);
/* Accepts NULL. */
void store_double_reader_close(struct store_double_reader *reader);
uint64_t store_double_reader_applied(const struct store_double_reader *reader);
uint64_t store_double_reader_term(const struct store_double_reader *reader);
const struct store_snapshot *store_double_reader_snapshot(const struct store_double_reader *reader);
/* The next rows, as store_reader_next() would answer. */
struct store_batch *store_double_reader_next(struct store_double_reader *reader, size_t bytes_max,
                                             bool *ret_is_last);

#endif /* TESTS_LIB_STORE_DOUBLE_H_ */
