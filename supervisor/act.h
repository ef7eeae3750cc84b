/* supervisor/act.h - one thing after the other: an action of decide() as a sequence of steps.
 *
 *   act_begin() -> step -> step -> ... -> act_end() -> on_done()
 *                    each step is one of: work in a thread, a request to the guard, a program, a
 *                    statement, a pause; when it has ended the next step is called, on the loop
 *
 * A sequence has one deadline, and may be cancelled at any moment: a program is killed and waited
 * for, a statement given up, an answer of the guard not listened to. An operator's program that
 * does not end is not waited for: nothing in the data directory hangs on it. Work in a thread can
 * not be taken back, for a disk may hold it: its sequence ends all the same, and no other work
 * begins until it has come back. Nothing here waits. Every sequence may be begun again from its
 * start, whatever was cut off.
 *
 * One loop, one thread. At most one sequence at a time. */
#ifndef SUPERVISOR_ACT_H_
#define SUPERVISOR_ACT_H_

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "supervisor/act_home.h"
#include "supervisor/decide.h"
#include "supervisor/guard/scan.h"
#include "supervisor/guard_client.h"
#include "supervisor/guard_seen.h"
#include "supervisor/pg_link.h"
#include "supervisor/pg_setup.h"
#include "supervisor/start_watch.h"
#include "supervisor/sync_force.h"

#define ACT_HOST_SIZE 256

/* Whom to follow, or to copy. */
struct act_upstream {
    struct facts_name name; /* "": nobody */
    uint64_t epoch;
    char host[ACT_HOST_SIZE];
    unsigned port;
};

/* What postgresql.conf says beside what the setup does. */
struct act_config {
    bool is_primary;
    bool has_sync; /* false: the fence */
    struct sync_set sync;
    struct act_upstream upstream;
};

/* By what processes of PostgreSQL are known, should the data directory not answer any more. It is
 * seen in threads, and outlives the sequence: to ask then is too late. */
struct act_known {
    struct file_id data; /* the data directory, when it last answered */
    struct file_id cwd;  /* where the postmaster worked that is being ended; not one process of it
                            need be left to tell that again. Zero: none is being ended */
};

/* What a sequence works from, and leaves behind: a thread has a copy of its own. */
struct act_order {
    const struct pg_setup *setup;
    struct decision decision;
    struct facts facts;
    struct home_ask ask;
    struct home home;              /* in and out */
    struct act_config config;      /* in and out: what is in the file */
    uint64_t loaded_us;            /* when PostgreSQL had read it, before this; 0: not known */
    struct act_upstream upstream;  /* the primary */
    struct act_upstream source;    /* whom to follow (supervisor/source.h), or whom to copy */
    uint64_t postmaster;           /* its pid; 0: none is known */
    uint64_t pid;                  /* of whoever is to be signalled */
    struct history_row row;        /* out, of ACTION_RECORD */
    uint32_t round;                /* of a step that is taken again and again */
    bool owes_bootstrap;           /* out, of the same: post_bootstrap has not succeeded */
    struct sync_force_book force;  /* of ACTION_SYNC_SET */
    bool is_reloaded;              /* out, of the same: else there is nothing to look for */
    uint64_t guard_pid;            /* 0: not a child of this program */
    struct act_known known;        /* in and out */
    uint64_t lease_until_ms;       /* CLOCK_BOOTTIME, by the lease of @decision's epoch ... */
    bool needs_lease;              /* ... which what is written must not outlive */
    bool has_archive;              /* restore_command is set */
    bool leads;                    /* it leads a standby cluster, and is configured for that */
    uint32_t failures;             /* of the same in a row, before this */
    bool from_leader;              /* a clone of the primary itself is wanted, by pg_basebackup */
    uint32_t method;               /* in and out, of a clone: by which way it begins, or was made */
    enum fact config_reads;        /* out, of a start: a server can read its configuration ... */
    char config_says[ERR_MSG_MAX]; /* ... or why it can not */
    const struct start_watch *start_watch; /* NULL: none */
    bool is_start_watched;                 /* out, of a start as a standby ... */
    struct err unwatched;                  /* ... or why not; code 0: it was not to be */
    char segment[64];   /* of act_archive(): the WAL file that is being archived */
    char archive[1024]; /* ... and archive_command */
};

struct act;
typedef void (*act_next)(struct act *act);
/* In a thread: files and signals, no loop. */
typedef int (*act_work)(struct act_order *order, struct err *err);

struct act_program; /* that runs */
struct act_thread;  /* work that is under way */

/* A disk that hangs holds work for as long as it likes. To end PostgreSQL no disk is needed, and
 * never a thread that waits for one. */
enum act_slot { ACT_SLOT_WORK, ACT_SLOT_KILL, ACT_SLOTS };

struct act {
    uv_loop_t *loop;
    void *owner;
    void (*on_done)(struct act *act); /* @err says how; the order what came of it */
    void (*on_closed)(struct act *act);
    /* The action under way is what there is to do, also by the last look; NULL: it is. */
    bool (*is_wanted)(const struct act *act);
    struct guard_client *guard; /* the owner's */
    const struct guard_seen *guard_seen;

    bool is_running;
    bool is_ended; /* but a program has not been waited for yet */
    bool is_closing;
    struct act_order order;
    struct act_known known; /* what is in the order of every thread, by all that have come back */
    uint64_t ends;          /* how often nobody was left of a PostgreSQL */
    struct err err;         /* how the last step ended; code 0: well */
    act_next next;
    uv_timer_t deadline;
    uv_timer_t pause;
    bool waits_down;         /* the pause is over when nothing of PostgreSQL is left */
    bool is_late;            /* the program was killed, for it took longer than it may */
    bool is_script;          /* it is an operator's: what can not be ended is left where it is */
    bool is_leaving;         /* the guard is asked to let PostgreSQL go: it may have by now */
    bool asks_stop;          /* this sequence has asked the guard to stop PostgreSQL */
    uint32_t asked;          /* the guard, and what its answer has to be */
    uint32_t start_asked;    /* the same of a start that it has not told of yet, also of a sequence
                                that has ended; 0: none ... */
    uint64_t start_asked_ms; /* ... since then, on the loop's clock */
    uint16_t answer_kind;
    struct act_program *program;
    struct act_thread *threads[ACT_SLOTS]; /* also of a sequence that has ended */
    struct pg_link link;
    const char *sql;
    uint64_t sql_ms; /* how long its answer may take */
    char said[256];  /* the first cell of a statement's answer; the last line of a program */
    char step[32];   /* for people: what is under way */
    const char *program_name; /* of the next one, in the log; NULL: as its file is called */
    int open_handles;
    act_next after_down;
    act_next after_bootstrap;
    char reason[160];           /* why a sequence undoes what it began */
    act_next then;              /* where a part that several sequences have goes on */
    uint64_t archives_until_ms; /* act_archive() */
};

/* @place: its statement_ms is above ACT_STATEMENT_MS. */
int act_open(struct act *act, uv_loop_t *loop, const struct pg_place *place, struct err *err);
/* On_closed is called once, later. */
void act_close(struct act *act, void (*on_closed)(struct act *act));

/* @act->order is filled. on_done is called exactly once, never from in here. */
void act_begin(struct act *act, uint64_t deadline_ms, act_next first);
/* The sequence under way ends with ERR_CANCELED, now or when its program is gone. */
void act_cancel(struct act *act);
/* Work in a thread that an earlier sequence has left there. */
bool act_is_stuck(const struct act *act);
/* The guard was asked for a start less than @within_ms ago, and may do it yet, whatever became of
 * the sequence: nothing has come from it that is not older than the request. */
bool act_owes_start(const struct act *act, uint64_t within_ms);
/* What the guard says; NULL: it is gone. */
void act_guard_event(struct act *act, const struct guard_event *event);

/* ---- for the sequences: each ends a step, and says which one comes next ---- */

/* The sequence is over, as act->err says. */
void act_end(struct act *act);
/* The last step failed: the sequence is over. True: it did. */
bool act_failed(struct act *act);
void act_do(struct act *act, const char *step, act_work work, act_next next);
/* The same for what ends PostgreSQL: whatever other work hangs. */
void act_do_kill(struct act *act, act_work work, act_next next);
/* A request without words, or @request; @answer: what comes when it is done, GUARD_DONE. */
void act_ask(struct act *act, uint16_t kind, uint64_t epoch, uint64_t how, uint16_t answer,
             act_next next);
void act_send(struct act *act, struct guard_request *request, uint16_t answer, act_next next);
/* @words end in NULL; @input, or NULL, is written to its standard input; it is wiped. The helper
 * runs it, so that it does not outlive this program. */
void act_run(struct act *act, const char *step, char *const *words, const struct buf *input,
             act_next next);
/* The same without an input for an operator's, which may take @limit_ms, 0: any time: then it is
 * killed, with all that it has started, and the step has failed with ERR_TIMEOUT. */
void act_run_script(struct act *act, const char *step, char *const *words, uint64_t limit_ms,
                    act_next next);
/* The same without a limit for one that fills the data directory: cut off, it is waited for until
 * nobody who has its output is left. */
void act_run_filler(struct act *act, const char *step, char *const *words, act_next next);
/* A server that only recovers the data directory, and ends (supervisor/helper/room.c). Its first
 * word behind the program is "-DDATA_DIR". Waited for in the same way. */
void act_run_room(struct act *act, const char *step, char *const *words, act_next next);
void act_query(struct act *act, const char *sql, act_next next);
/* The same for one that takes long, up to ACT_STATEMENT_MS. */
#define ACT_STATEMENT_MS ((uint64_t)30 * 60 * 1000)
#define ACT_CHECKPOINT_MS ((uint64_t)5 * 60 * 1000) /* the one before a hand-over */
void act_query_long(struct act *act, const char *sql, uint64_t deadline_ms, act_next next);
void act_pause(struct act *act, uint64_t for_ms, act_next next);
/* The same, but no longer than until nothing of PostgreSQL is left. */
void act_pause_or_down(struct act *act, uint64_t for_ms, act_next next);
/* Until the guard holds nothing that runs; then @next. */
void act_until_down(struct act *act, act_next next);

#endif /* SUPERVISOR_ACT_H_ */
