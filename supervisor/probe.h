/* supervisor/probe.h - what PostgreSQL is asked, and what its answers mean.
 *
 * Two questions. The *watch* goes over a connection that stays: role, positions, receiver, and who
 * streams from here. The *door* is asked in a new session each time, because only that shows that
 * the postmaster still takes connections, and what its own settings are: a session inherits them
 * when it is forked. Nothing here does I/O: texts to ask, and rows to read.
 *
 * Both are one statement, read no table, and write nothing (safety E3): all that they look at is in
 * PostgreSQL's shared memory, in its control file, or in a session's cache of roles. */
#ifndef SUPERVISOR_PROBE_H_
#define SUPERVISOR_PROBE_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "supervisor/facts.h"
#include "supervisor/pg_link.h"
#include "supervisor/pg_rows.h"

#define PROBE_SENDERS_MAX 32
#define PROBE_TEXT_SIZE 1024
#define PROBE_STATE_SIZE 16

/* One walsender, as pg_stat_replication has it. */
struct probe_sender {
    uint64_t pid;
    char name[FACTS_NAME_SIZE]; /* application_name */
    char state[PROBE_STATE_SIZE];
    uint64_t started_us; /* of the server's wall clock */
    bool flush_known;
    uint64_t flush_lsn;
    bool replay_known;
    uint64_t replay_lsn;
    uint32_t priority; /* of its own copy of synchronous_standby_names; 0 also while flush is not
                          known */
    char sync_state[PROBE_STATE_SIZE];
    char user[FACTS_NAME_SIZE];
    char address[64]; /* "": the unix socket */
};

/* What primary_conninfo says. We carry in fallback_application_name whom it names and of which
 * epoch: "pgraft/NAME/EPOCH"; PostgreSQL has no use for it, since application_name stands too. */
struct probe_upstream {
    bool is_set;
    bool is_ours;
    struct facts_name name;
    uint64_t epoch;
    char host[64];
    char port[16];
};

struct probe_watch {
    bool in_recovery;
    uint32_t version;          /* 150018 */
    uint64_t started_us;       /* of the postmaster, by its wall clock: tells one from another */
    struct position end;       /* out of recovery: flushed */
    uint64_t insert_lsn;       /* out of recovery */
    uint32_t control_timeline; /* the newest that the control file knows of */
    bool receive_known;
    uint64_t receive_lsn;
    bool replay_known;
    uint64_t replay_lsn;
    bool is_paused;                         /* replay is */
    uint64_t replayed_us;                   /* when the last transaction that it replayed was
                                               committed, by the wall clock of its primary; 0: none was */
    uint32_t receiver_count;                /* walreceiver processes */
    char receiver_status[PROBE_STATE_SIZE]; /* "": none */
    uint32_t receiver_timeline;             /* 0: none */
    bool sender_end_known;                  /* where whoever it streams from said that its ... */
    uint64_t sender_end_lsn;                /* ... own WAL ends (latest_end_lsn) */
    struct probe_upstream upstream;
    char sync_names[PROBE_TEXT_SIZE]; /* in this session */
    bool door_waits; /* the session of the door stands in the queue of synchronous replication */
    uint32_t sender_count;
    bool has_more_senders; /* than fit here */
    struct probe_sender senders[PROBE_SENDERS_MAX];
};

struct probe_door {
    bool in_recovery;
    uint32_t version;
    uint64_t pid;
    uint64_t started_us; /* of the postmaster */
    uint64_t session_us; /* when this session began */
    uint64_t loaded_us;  /* when the postmaster last read its configuration, or this session */
    uint64_t system_id;
    uint64_t lsn; /* out of recovery: inserted, at that moment */
    bool is_fsync_on;
    char sync_names[PROBE_TEXT_SIZE];
    struct probe_upstream upstream;
    uint32_t pending_restart; /* settings that wait for one */
    char pending_names[256];
    char running[PROBE_TEXT_SIZE]; /* pg_pending.h */
    bool may_see_files;            /* probe_files_sql() */
};

/* The texts. That of the watch names the session of the door, 0: none. */
#define PROBE_SQL_SIZE 4096
const char *probe_watch_sql(uint64_t door_pid, char out[PROBE_SQL_SIZE]);
const char *probe_door_sql(void);
/* What is wrong with the files of the configuration, so that PostgreSQL would refuse all of them.
 * It reads them: on a disk that hangs it hangs. */
const char *probe_files_sql(void);

/* ERR_PROTOCOL: that is not what was asked. Nothing is written then. */
int probe_watch_parse(const struct pg_rows *rows, struct probe_watch *ret_watch, struct err *err);
int probe_door_parse(const struct pg_rows *rows, struct probe_door *ret_door, struct err *err);
/* It was there before PostgreSQL was told, and has read the files for itself: that says nothing of
 * what the postmaster has read, and with it those that are made from now on. A time that is still
 * to come by the clock of @wall_us is one of before that was set back, and is the postmaster's. */
bool probe_door_is_its_own(const struct probe_door *door, uint64_t wall_us);
/* "FILE:LINE: ERROR", or "": nothing is. */
void probe_files_parse(const struct pg_rows *rows, char out[PG_CONFIG_WRONG_SIZE]);
void probe_upstream_parse(const char *conninfo, struct probe_upstream *ret_upstream);
/* The value of fallback_application_name that says it. False: it does not fit. */
bool probe_upstream_word(const struct facts_name *name, uint64_t epoch, char *out, size_t size);

/* What became of an attempt to connect, or of a question. */
enum probe_door_state {
    DOOR_UNKNOWN,
    DOOR_OPEN,
    DOOR_NOT_YET, /* it starts, stops or recovers: the postmaster says so itself */
    DOOR_FULL,    /* no connection is left: it answers, and nothing can be asked */
    DOOR_REFUSED, /* password, pg_hba.conf, user or database: an operator's business */
    DOOR_SHUT,    /* nobody listens there */
    DOOR_SILENT,  /* it takes the connection and says nothing: the postmaster hangs */
};
enum probe_door_state probe_door_state(const struct pg_failure *failure);
const char *probe_door_text(enum probe_door_state state);

#endif /* SUPERVISOR_PROBE_H_ */
