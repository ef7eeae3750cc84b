/* supervisor/helper/jobs.h - the questions that pgraft-helper puts to a disk.
 *
 * Each prints its answer to standard output as NAME=VALUE words on one line; an error is a number
 * of that. Any of them may hang for as long as the disk does (supervisor/helper.h). */
#ifndef SUPERVISOR_HELPER_JOBS_H_
#define SUPERVISOR_HELPER_JOBS_H_

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct disk_question {
    bool writes;     /* a block is written and synced, too */
    bool startup;    /* it is said how far PostgreSQL's recovery is, too */
    bool spares_wal; /* nothing of pg_wal is opened, nor that itself */
};

/* Read a block of the data directory and of its pg_wal past the page cache; of a pg_wal that is
 * spared only whether it is there, and its room. */
void job_disk(const char *data_dir, const struct disk_question *question);

/* The process that recovers, of the PostgreSQL of @data_dir: what it has done since it began. */
struct startup_work {
    bool is_there;
    uint64_t cpu_ms;
    uint64_t io_kib; /* asked of the kernel, from the page cache too; 0: that is not told */
};
void look_at_startup(const char *data_dir, struct startup_work *ret_work);

/* Where the valid WAL ends: from @start, or from the last checkpoint if that is 0. */
void job_wal(const char *data_dir, uint64_t start);

/* Become the program @words, which dies with @parent. Returns only if that can not be: the exit
 * status. */
int job_run(const char *parent, char **words);

/* Run the program @words: it and all that is in its group die with @parent, or with this process,
 * which ends when nobody holds its output any more. Its exit status. */
int job_script(const char *parent, char **words);

/* Run the server @words, whose second word is "-DDATA_DIR", until it has recovered that directory,
 * then end it in order. Its exit status. */
int job_room(const char *parent, char **words);
/* Pure: the postmaster.pid @text is that of @server, and says that it has started. */
bool room_is_ready(const char *text, pid_t server);

#endif /* SUPERVISOR_HELPER_JOBS_H_ */
