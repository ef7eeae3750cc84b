/* supervisor/helper/jobs.h - the questions that pgraft-helper puts to a disk.
 *
 * Each prints its answer to standard output as NAME=VALUE words on one line; an error is a number
 * of that. Any of them may hang for as long as the disk does (supervisor/helper.h). */
#ifndef SUPERVISOR_HELPER_JOBS_H_
#define SUPERVISOR_HELPER_JOBS_H_

#include <stdbool.h>
#include <stdint.h>

/* Read a block of the data directory and of its pg_wal past the page cache; with @writes also write
 * and sync one in each. */
void job_disk(const char *data_dir, bool writes);

/* Where the valid WAL ends: from @start, or from the last checkpoint if that is 0. */
void job_wal(const char *data_dir, uint64_t start);

/* Become the program @words, which dies with @parent. Returns only if that can not be: the exit
 * status. */
int job_run(const char *parent, char **words);

#endif /* SUPERVISOR_HELPER_JOBS_H_ */
