/* supervisor/wal_end.h - where the valid WAL of this node ends (safety C2).
 *
 * The position that counts in an election is the end of what is on disk and would be replayed. A
 * running standby may be asked for it only when its receiver streamed since the start and on this
 * timeline; otherwise, and where nothing runs, the files are read by a helper, from the place that
 * replay has reached or from the last checkpoint. Whoever can not say it has not answered: unknown
 * is an answer of its own. */
#ifndef SUPERVISOR_WAL_END_H_
#define SUPERVISOR_WAL_END_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "supervisor/facts.h"
#include "supervisor/helper.h"
#include "supervisor/wal_walk.h"

struct wal_end_seen {
    struct position end; /* not known: @err says why */
    uint64_t records;
    uint64_t misses; /* struct wal_end says what */
    bool is_lost;    /* it will never be known: the control file is damaged, or the WAL of its
                        checkpoint is damaged or gone while there is other WAL */
    struct wal_lines lines; /* that lead to @end and may lead further; none: nobody knows */
    struct err err;
};

struct wal_end_read;
typedef void (*wal_end_cb)(struct wal_end_read *read, const struct wal_end_seen *seen);

struct wal_end_read {
    struct helper helper;
    wal_end_cb on_seen;
    wal_end_cb on_closed; /* with NULL */
    void *owner;
};

void wal_end_open(struct wal_end_read *read, uv_loop_t *loop, const struct helper_place *place);
/* Read from @start; 0: from the last checkpoint. @on_seen is called once, never from in here.
 * ERR_BUSY: an earlier one has not ended. */
int wal_end_start(struct wal_end_read *read, uint64_t start, uint64_t deadline_ms,
                  wal_end_cb on_seen, struct err *err);
void wal_end_close(struct wal_end_read *read, wal_end_cb on_closed);

/* Pure: what the helper's words mean. */
void wal_end_parse(const char *said, const struct err *err, struct wal_end_seen *ret_seen);

/* What a running standby says, and what is remembered of its receiver. */
struct wal_end_words {
    bool receive_known; /* pg_last_wal_receive_lsn() is not null */
    uint64_t receive_lsn;
    bool replay_known;
    uint64_t replay_lsn;
    uint32_t
        streamed_timeline;    /* of a receiver that was seen at it since this start; 0: none was */
    uint32_t newest_timeline; /* that this node knows of, by its control file */
};

/* Pure: the end by SQL alone. Not known: it has to be read from the files. */
struct position wal_end_by_sql(const struct wal_end_words *words);

#endif /* SUPERVISOR_WAL_END_H_ */
