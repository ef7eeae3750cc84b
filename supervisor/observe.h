/* supervisor/observe.h - keeps looking at this node's PostgreSQL, its data directory and its guard.
 *
 * It starts probes, on a slow tick and on every event, and keeps what they say in two books
 * (pg_seen.h, guard_seen.h); observe_fill() makes facts of them at any time, from memory. Whenever
 * something of substance is different, on_change is called. It decides nothing, changes nothing,
 * and never waits: what hangs becomes a fact when its deadline has passed.
 *
 * It writes nothing to disk while PostgreSQL writes nothing (data_probe.h), with one exception:
 * when synchronous replication is switched on, one commit record proves it (sync_force.h).
 *
 * One loop, one thread. The guard client is the caller's, who also asks the guard for what it is to
 * do; its events are read here, and handed on. */
#ifndef SUPERVISOR_OBSERVE_H_
#define SUPERVISOR_OBSERVE_H_

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "supervisor/data_probe.h"
#include "supervisor/facts.h"
#include "supervisor/guard_client.h"
#include "supervisor/guard_seen.h"
#include "supervisor/pg_link.h"
#include "supervisor/pg_seen.h"
#include "supervisor/wal_end.h"

struct observe;
typedef void (*observe_cb)(struct observe *observe);
typedef bool (*observe_ask_cb)(struct observe *observe);
typedef void (*observe_guard_cb)(struct observe *observe, const struct guard_event *event);

struct observe_options {
    struct pg_place place;
    const char *data_dir; /* this and the next outlive the observer */
    const char *helper;   /* path of pgraft-helper */
    uint64_t watch_ms;    /* how often each is asked */
    uint64_t door_ms;
    uint64_t enter_ms; /* how often the door is entered at least; else it is only rung at */
    uint64_t data_ms;
    uint64_t guard_ms;
    uint64_t answer_ms;      /* deadline of a question to PostgreSQL */
    uint64_t data_answer_ms; /* ... to the data directory */
    uint64_t guard_answer_ms;
    uint64_t read_answer_ms; /* ... for the end of the WAL out of the files */
    uint64_t fresh_ms;       /* an answer that is older says nothing */
    uint64_t write_every_ms; /* a write is tried no more often, unless something is amiss */
};

/* Periods and deadlines for a lease of @lease_ms; the place, paths and names stay as they are. */
void observe_times(struct observe_options *options, uint64_t lease_ms);

/* How old it all is, in milliseconds; UINT64_MAX: there is none. */
struct observe_ages {
    uint64_t watch_ms;
    uint64_t door_ms;
    uint64_t data_ms;
    uint64_t guard_ms;
};

struct observe {
    void *owner;
    observe_cb on_change;
    observe_guard_cb on_guard; /* every event of the guard, after it was noted; NULL event: gone */
    observe_cb on_closed;
    observe_ask_cb spares_wal; /* whether nothing in pg_wal may be opened now; NULL: it may be */

    struct observe_options options;
    uv_loop_t *loop;
    uv_timer_t tick;
    struct pg_link watch;
    struct pg_link door;
    struct pg_link bell; /* to the door, without a password */
    struct data_probe data;
    struct wal_end_read wal;
    struct guard_client *guard;
    struct observe_guard *guard_poll; /* NULL: none is connected */

    struct pg_seen seen;
    struct guard_seen guard_seen;
    struct sync_value published;
    struct pg_facts last; /* what on_change was told of */
    struct guard_facts last_guard;

    uint64_t hurry_until_ms;
    uint64_t watch_asked_ms; /* when the question under way, or the last one, was asked */
    bool watch_is_due;       /* another one, at once */
    uint64_t watch_asked_doors;
    struct err watch_err; /* why the last question was not answered; code 0: it was */
    struct err door_err;  /* why the last attempt at the door, or the bell, that failed has */
    uint64_t door_asked_ms;
    uint64_t door_began_ms;  /* its session */
    uint64_t files_asked_ms; /* what is wrong with its configuration ... */
    uint64_t files_again_ms; /* ... was not answered: not asked again before */
    uint64_t data_asked_ms;
    uint64_t guard_asked_ms;
    uint64_t read_asked_ms;
    uint64_t wrote_at_ms;
    uint64_t wrote_lsn;
    uint64_t starts;         /* of guard_seen, as the links know it */
    uint64_t committing_pid; /* a session of the door whose commit is to wait; 0: none */
    bool data_writes;        /* the try under way does */
    bool data_is_asked;
    bool is_closing;
    int open_parts;
};

/* From now on for a lease of @lease_ms; connections keep their deadlines. */
void observe_retime(struct observe *observe, uint64_t lease_ms);

/* The caller sets owner and the callbacks afterwards. */
int observe_open(struct observe *observe, uv_loop_t *loop, const struct observe_options *options,
                 struct err *err);
/* @guard is connected: its events are read from now on. NULL: it is gone for good. */
void observe_guard(struct observe *observe, struct guard_client *guard);
void observe_close(struct observe *observe, observe_cb on_closed);

/* Look much more often for so long: while a sequence waits for what it has done. */
void observe_hurry(struct observe *observe, uint64_t for_ms);
/* When PostgreSQL has read its configuration, by the newest session; 0: none has told. */
uint64_t observe_loaded_us(const struct observe *observe);
/* It was told to read it again: a door is knocked at now. @loaded_us: the above before it was. */
void observe_reloaded(struct observe *observe, uint64_t loaded_us);
/* It may be told now (reload.h); and it was, and is not seen to have done it: it is to be. */
bool observe_may_reload(const struct observe *observe);
bool observe_owes_reload(const struct observe *observe);
/* What it is to read is another thing than before: it may be told at once. */
void observe_config_changed(struct observe *observe);
/* Try a write of the data directory too, now. */
void observe_try_write(struct observe *observe);
/* A look at pg_wal is under way, and may open something there at any moment. */
bool observe_is_in_wal(const struct observe *observe);
/* Another program has worked in the data directory: what was read of it counts no more. */
void observe_files_changed(struct observe *observe);
/* What the store says of synchronous_standby_names, and of whom how many are wanted; before the
 * facts are filled for a decision that knows of these copies. */
void observe_published(struct observe *observe, const struct sync_value *published);
void observe_wanted(struct observe *observe, const struct sync_copy *copies, uint32_t count,
                    uint32_t needed);
/* After a restart of this program, before anything is changed: only the published sets, the fence
 * and the step between may be in force (sync_force.h). */
void observe_assume_published(struct observe *observe);

/* Fill f->pg, but what is not seen from here (pg_seen.h), and f->guard. f->store comes first: an
 * upstream that was named for another epoch than the granted one counts as none, so that it is
 * followed anew. */
void observe_fill(const struct observe *observe, struct facts *f);
void observe_ages(const struct observe *observe, struct observe_ages *ret_ages);
/* For people: why PostgreSQL could not be asked, "" if it could; what the data directory said.
 * Valid until the next turn of the loop. */
const char *observe_door_reason(const struct observe *observe);
const char *observe_data_reason(const struct observe *observe);

#endif /* SUPERVISOR_OBSERVE_H_ */
