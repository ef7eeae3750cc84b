/* supervisor/data_probe.h - does the data directory take reads and writes?
 *
 * A helper tries both folders, PGDATA and pg_wal, within a deadline: a disk that hangs is then a
 * fact. At most one helper exists; while one hangs the fact stays what it is.
 *
 * When to write: an idle cluster must write nothing to disk, so reading is all that is done while
 * PostgreSQL itself writes nothing. A write is tried when WAL was written since the last one, at
 * most once in so many seconds, and at once when WAL that was inserted is not flushed from one look
 * to the next, for that is what a disk looks like that takes no more writes. */
#ifndef SUPERVISOR_DATA_PROBE_H_
#define SUPERVISOR_DATA_PROBE_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "supervisor/facts.h"
#include "supervisor/helper.h"

struct data_seen {
    enum fact answers; /* NO: it hangs, or reads or writes fail; UNKNOWN: nobody could ask */
    bool is_full;      /* a write had no room: PostgreSQL may still go on for a while */
    bool is_read_only;
    bool wrote;
    int error; /* errno behind it, 0: none */
    uint64_t read_us;
    uint64_t write_us;
    uint64_t free_kib;
    bool has_startup; /* the process that recovers is there, and what it has done is known */
    uint64_t startup_cpu_ms;
    uint64_t startup_io_kib;
    struct err err; /* says it to people */
};

/* Pure: what the helper's words, or its silence, mean. */
void data_seen_parse(const char *said, const struct err *err, struct data_seen *ret_seen);

/* What is known when the next try is to be chosen. */
struct data_probe_past {
    uint64_t now_ms;
    uint64_t wrote_at_ms; /* the last write; 0: never */
    uint64_t wrote_lsn;   /* the end of WAL then */
    uint64_t lsn;         /* the end of WAL now; 0: not known */
    bool flush_stands;    /* inserted WAL was not flushed from one look to the next */
    bool is_asked;        /* somebody wants to know now: before a start as primary */
    uint64_t write_every_ms;
};

/* Pure: whether the next try is to write, too. */
bool data_probe_writes(const struct data_probe_past *past);

/* What a try is to do, beside reading. */
struct data_question {
    bool writes;
    bool startup;    /* see how far PostgreSQL's recovery is: it takes no connection yet */
    bool spares_wal; /* open nothing in pg_wal: who does so now is to be seen (start_watch.h) */
};

struct data_probe;
typedef void (*data_probe_cb)(struct data_probe *probe, const struct data_seen *seen);

struct data_probe {
    struct helper helper;
    bool spares_wal; /* the question under way, or the last one */
    data_probe_cb on_seen;
    data_probe_cb on_closed; /* with NULL */
    void *owner;
};

void data_probe_open(struct data_probe *probe, uv_loop_t *loop, const struct helper_place *place);
/* ERR_BUSY: the last one has not ended, and so nothing has changed. Otherwise @on_seen is called
 * once, never from in here. */
int data_probe_start(struct data_probe *probe, const struct data_question *question,
                     uint64_t deadline_ms, data_probe_cb on_seen, struct err *err);
void data_probe_close(struct data_probe *probe, data_probe_cb on_closed);

#endif /* SUPERVISOR_DATA_PROBE_H_ */
