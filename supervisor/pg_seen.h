/* supervisor/pg_seen.h - what the answers of probes, one after the other, make known of this node's
 * PostgreSQL.
 *
 * A pure book, without I/O and clock: answers and times go in, struct pg_facts comes out. It knows
 * which answers belong together: those of one postmaster (told by its start), and those that were
 * asked after something else was known. What is too old counts as unknown. */
#ifndef SUPERVISOR_PG_SEEN_H_
#define SUPERVISOR_PG_SEEN_H_

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/data_probe.h"
#include "supervisor/facts.h"
#include "supervisor/guard_seen.h"
#include "supervisor/probe.h"
#include "supervisor/reload.h"
#include "supervisor/sync_force.h"
#include "supervisor/wal_end.h"

#define PG_SEEN_NAMES_MAX FACTS_MEMBERS_MAX

struct pg_seen {
    uint64_t fresh_ms; /* an answer that is older says nothing any more */

    bool has_watch;
    struct probe_watch watch;
    uint64_t watch_at_ms;    /* when it was asked: it is at least that young */
    enum fact watch_answers; /* the last question was answered in time */
    bool has_door;
    struct probe_door door;
    uint64_t door_at_ms;
    uint64_t doors; /* answers of doors so far: tells what was asked before one from what after */
    enum probe_door_state door_state;
    uint64_t door_state_at_ms;
    bool was_open; /* since the last start */

    struct sync_force_book force;
    struct reload_book reload;

    uint32_t streamed_timeline; /* of a receiver of this postmaster; 0: none was seen */
    uint32_t gone_looks;        /* in a row: no receiver, and no conninfo */
    bool flush_stands;          /* inserted WAL was not flushed between the last two looks */
    struct position recovered;

    bool has_read; /* the end, out of the files */
    struct position read_end;
    uint64_t read_misses;
    struct wal_lines read_lines;
    uint64_t read_starts;     /* guard_seen.starts when it was asked for */
    uint64_t read_server_us;  /* of the postmaster then; 0: none ran */
    uint64_t read_replay_lsn; /* replay's place then */
    uint32_t read_gone_looks;
    uint32_t read_failures; /* in a row, since the last start or end of a server */
    struct err read_err;    /* of the last of them */
    bool read_lost;

    bool has_data;
    struct data_seen data;
    uint64_t data_at_ms;

    uint64_t moved_at_ms;    /* recovery was seen to move, or PostgreSQL to start */
    uint64_t startup_cpu_ms; /* of the process that recovers, then */
    uint64_t startup_io_kib;

    uint32_t wanted_count; /* standbys that may be waited for, with the copy last heard of */
    struct sync_copy wanted[PG_SEEN_NAMES_MAX];
    uint32_t wanted_needed;
    uint64_t copies_at_ms; /* when one of these copies was another one than before */
    bool has_copies_lsn;
    uint64_t copies_lsn; /* the end of WAL in a look that was asked after that */
    uint64_t synced_at_ms;
};

void pg_seen_begin(struct pg_seen *seen, uint64_t fresh_ms, uint64_t now_ms);
/* PostgreSQL was started or has ended: what was heard of it before counts no more. */
void pg_seen_restarted(struct pg_seen *seen, uint64_t now_ms);
/* An answer to a question of @asked_ms, when so many doors had answered. */
void pg_seen_watch(struct pg_seen *seen, const struct probe_watch *watch, uint64_t asked_doors,
                   uint64_t asked_ms, uint64_t now_ms);
/* The receiver is gone twice: the position that is read now is that of the seal. */
bool pg_seen_wants_watch(const struct pg_seen *seen);
/* It was not answered in time, or its connection broke. */
void pg_seen_watch_failed(struct pg_seen *seen, const struct pg_failure *failure);
void pg_seen_door(struct pg_seen *seen, const struct probe_door *door, uint64_t now_ms);
/* A session that was not entered was taken: the door is open, and says nothing else. */
void pg_seen_bell(struct pg_seen *seen, uint64_t now_ms);
void pg_seen_door_failed(struct pg_seen *seen, enum probe_door_state state, uint64_t now_ms);
/* Which standbys may be waited for, and how many are. A copy of 0: nothing was heard of it. */
void pg_seen_wanted(struct pg_seen *seen, const struct sync_copy *copies, uint32_t count,
                    uint32_t needed, uint64_t now_ms);
void pg_seen_data(struct pg_seen *seen, const struct data_seen *data, uint64_t now_ms);

/* Whether the end has to be read out of the files now, and from where (0: the last checkpoint). */
bool pg_seen_wants_read(const struct pg_seen *seen, const struct guard_seen *guard,
                        uint64_t *ret_start);
/* It is being read; what it finds is of now. */
void pg_seen_read_began(struct pg_seen *seen, const struct guard_seen *guard);
void pg_seen_read(struct pg_seen *seen, const struct wal_end_seen *end,
                  const struct guard_seen *guard);
/* Between two reads: twice as long after each that failed. */
uint64_t pg_seen_read_pause_ms(const struct pg_seen *seen);
/* It was not read, for @err. */
void pg_seen_read_failed(struct pg_seen *seen, const struct err *err);

/* Fill what is known from here: process, role, answers, data_answers, end, still_ms, recovered,
 * receiver and the seal's looks, conninfo, upstream, follows_epoch, signal, what is wrong with the
 * configuration, synchronous_standby_names. The rest (data, note, copy, sealed_epoch, crashes) is
 * the caller's, and left as it is. */
void pg_seen_fill(const struct pg_seen *seen, const struct guard_seen *guard,
                  const struct sync_value *published, uint64_t now_ms, struct pg_facts *out);
/* Where the timeline of @end, which is filled, left @timeline; known only of an end that was read
 * out of the files, and if it did. */
struct position pg_seen_left(const struct pg_seen *seen, const struct position *end,
                             uint32_t timeline);
/* Of what that fills; but for what moves all the time: positions and ages. */
bool pg_seen_is_same(const struct pg_facts *a, const struct pg_facts *b);

#endif /* SUPERVISOR_PG_SEEN_H_ */
