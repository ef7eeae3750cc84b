/* supervisor/cluster_view.h - all that a node tells of its PostgreSQL and of the cluster, in
 * memory.
 *
 * Whoever asks over HTTP is answered out of this alone: no SQL, no file, no lock. The supervisor
 * fills a view and publishes it, on every change and at least every second; one reader looks at the
 * newest one. Neither ever waits for the other. A zeroed view says "nothing known yet".
 *
 * What may run out while nobody looks is a moment of CLOCK_BOOTTIME in here, not a remainder: a
 * supervisor that stands still must not leave a primary behind that is told of for ever. Texts are
 * cut to their room; what is "" or 0 is not known, unless it says otherwise. */
#ifndef SUPERVISOR_CLUSTER_VIEW_H_
#define SUPERVISOR_CLUSTER_VIEW_H_

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "supervisor/facts.h"
#include "supervisor/timing_check.h"

#define VIEW_TEXT_SIZE 256
#define VIEW_ELECTION_SIZE 1024 /* a line of every database */
#define VIEW_URL_SIZE 128
#define VIEW_STAMP_SIZE 40
#define VIEW_TAGS_MAX 12
#define VIEW_REASONS_MAX 12
#define VIEW_HISTORY_MAX 32
#define VIEW_DECISIONS_MAX 32
#define VIEW_EVENTS_MAX 128

/* A view that was published longer ago says what was, not what is. */
#define VIEW_STALE_MS 5000

/* Patroni's, in the order of its metric. */
enum view_state {
    VIEW_STATE_UNKNOWN,
    VIEW_INITDB,
    VIEW_INITDB_FAILED,
    VIEW_BOOTSTRAP,
    VIEW_BOOTSTRAP_FAILED,
    VIEW_CREATING_REPLICA,
    VIEW_RUNNING,
    VIEW_STARTING,
    VIEW_BOOTSTRAP_STARTING,
    VIEW_START_FAILED,
    VIEW_RESTARTING,
    VIEW_RESTART_FAILED,
    VIEW_STOPPING,
    VIEW_STOPPED,
    VIEW_STOP_FAILED,
    VIEW_CRASHED,
};
const char *view_state_name(enum view_state state);

enum view_role {
    VIEW_ROLE_UNKNOWN, /* told as "uninitialized" */
    VIEW_PRIMARY,
    VIEW_REPLICA,
    VIEW_STANDBY_LEADER,
    VIEW_DEMOTED,
    VIEW_PROMOTED,
};
const char *view_role_name(enum view_role role);

enum view_flow { VIEW_FLOW_NONE, VIEW_STREAMING, VIEW_ARCHIVE };
/* "" for none. */
const char *view_flow_name(enum view_flow flow);

struct view_lsn {
    bool is_known;
    uint64_t lsn;
};

/* A number and a truth as JSON writes them: whoever fills it in has looked. */
enum view_tag_kind { VIEW_TAG_TEXT, VIEW_TAG_BOOL, VIEW_TAG_NUMBER };

struct view_tag {
    char key[48];
    char value[80]; /* of a BOOL: "true" or "false" */
    enum view_tag_kind kind;
};

struct view_tags {
    uint32_t count;
    struct view_tag at[VIEW_TAGS_MAX];
};

struct view_reason {
    char parameter[64];
    char old_value[64];
    char new_value[64];
};

/* What waits for a restart, and when one is due. */
struct view_restart {
    bool is_pending;
    uint32_t reason_count;
    struct view_reason reasons[VIEW_REASONS_MAX];
    char schedule[VIEW_STAMP_SIZE]; /* ISO 8601; "": none is scheduled */
    char version[24];               /* only if PostgreSQL is older; "": always */
    char role[24];                  /* only if it has this role; "": always */
    bool only_pending;              /* only if a restart is pending */
    uint64_t timeout_ms;            /* of its start; 0: as the configuration says */
};

struct view_decision {
    uint64_t wall_ms;       /* 0: none */
    struct facts_name node; /* whose */
    char rule[64];
    char action[32];
    char text[VIEW_TEXT_SIZE]; /* a sentence, with what it was made from */
};

/* What the advisor said last, and for whom it waits; of a grant who answered, and what. */
struct view_election {
    uint64_t wall_ms; /* 0: nothing */
    char rule[64];
    char action[32];
    char text[VIEW_ELECTION_SIZE];
};

struct view_event {
    uint64_t sequence; /* of the node that tells it, from 1 on */
    uint64_t wall_ms;
    struct facts_name node;
    char kind[32];
    char text[VIEW_TEXT_SIZE];
};

/* One row of pg_stat_replication. */
struct view_sender {
    char user[64];
    char application[64];
    char address[64]; /* "": the unix socket */
    char state[24];
    char sync_state[24];
    int32_t sync_priority;
};

/* What timing_check.h says of one cause. */
struct view_timing {
    uint64_t ms; /* 0: not measured lately, or less than one */
    bool is_amiss;
};

/* The room below PGDATA and its pg_wal, the smaller of the two. */
struct view_room {
    bool is_known;
    bool is_full; /* a write found none */
    uint64_t free_kib;
};

/* What an operator has this node do, or had it do last. */
struct view_task {
    uint64_t id; /* 0: nothing, in this life */
    bool is_clone;
    bool is_over;
    char why[VIEW_TEXT_SIZE]; /* it has failed; "": it has not */
};

/* The PostgreSQL of this node, and how the node is. */
struct view_self {
    bool supervises;  /* there is one: false on a witness */
    bool sql_answers; /* what below is SQL's is fresh; else only @state and @role are told */
    enum view_state state;
    enum view_role role; /* the last one that was seen of it; DEMOTED: a primary that has ended */
    bool serves_writes;  /* serves_writes() of supervisor/decide.h said so: out of recovery for the
                            epoch of the lease, and no longer behind the fence */
    uint64_t lease_until_boot_ms; /* the deadline of the newest confirmed keep-alive, less its
                                     margin; 0: no lease; UINT64_MAX: held without end (A7) */
    char postmaster_start[VIEW_STAMP_SIZE]; /* "2026-11-02 08:15:03.120000+00:00" */
    uint32_t server_version;
    struct view_lsn location; /* of a primary */
    struct view_lsn received;
    struct view_lsn replayed;
    struct view_lsn latest_end;               /* of pg_stat_wal_receiver */
    char replayed_timestamp[VIEW_STAMP_SIZE]; /* "": null */
    bool replay_paused;
    bool is_fenced; /* as in view_member */
    uint32_t timeline;
    enum view_flow flow;
    uint32_t sender_count;
    struct view_sender senders[FACTS_MEMBERS_MAX];
    struct view_tags tags;
    struct view_restart restart;
    bool watchdog_failed;
    uint32_t log_queue_size;
    uint64_t log_records_lost;
    int32_t failover_priority; /* as its tags come out; 0: it never becomes primary */
    uint64_t lease_ms;         /* what a lease lasts here; 0: not known */
    uint64_t lease_low_ms; /* the least that was left of one lately; UINT64_MAX: none was held */
    enum guard_state guard;
    struct view_timing timing[TIMING_CAUSES];
    struct view_room room;
    struct view_task task;
};

struct view_member {
    struct facts_name name;
    bool is_witness;
    bool is_fresh;    /* heard lately */
    bool is_recent;   /* ... or a moment ago: what it said of itself still counts */
    bool never_leads; /* nofailover, or a failover_priority below 1, as its tags come out */
    bool is_refusing; /* its configuration */
    char site[64];
    enum view_state state;
    enum view_flow flow;
    char api_url[VIEW_URL_SIZE]; /* "http://10.0.0.1:8008/patroni" */
    char host[VIEW_URL_SIZE];
    uint16_t port;
    uint32_t timeline;
    struct view_lsn received;
    struct view_lsn replayed;
    struct view_tags tags;
    struct view_restart restart;
    struct view_decision decision; /* the last one that was heard of it */
    char note[VIEW_TEXT_SIZE];   /* what is being made and how far it is, or what is amiss; or "" */
    char weaker[VIEW_TEXT_SIZE]; /* of a synchronous primary: who asks it for less; or "" */
    uint64_t level;              /* the newest feature level that it knows; 0: not heard */
    bool is_fenced;              /* by an operator: it holds no role (fence.h) ... */
    char fence[VIEW_TEXT_SIZE];  /* ... by whom, when and why */
    bool is_restored; /* data that somebody has restored there, and that an operator may want */
};

struct view_history_row {
    uint32_t timeline;
    uint64_t lsn;
    char reason[VIEW_TEXT_SIZE];
    char timestamp[VIEW_STAMP_SIZE]; /* ISO 8601; "": not told */
    struct facts_name leader;        /* "": not told */
};

struct cluster_view {
    uint64_t published_boot_ms; /* 0: never */
    struct facts_name name;     /* of this node */
    struct facts_name scope;
    char version[24]; /* of this program */
    struct view_self self;

    /* The cluster, as this node has applied and heard it. */
    bool has_quorum;
    uint64_t quorum_age_ms; /* when it was published; UINT64_MAX: never heard */
    uint64_t dcs_last_seen; /* seconds since 1970 */
    bool is_paused;
    bool is_held; /* no epoch is granted until resume (safety A7) */
    bool failsafe_is_active;
    bool failsafe_is_wanted; /* failsafe_mode is configured */
    bool is_standby_cluster;
    bool is_initializing;       /* somebody runs initdb */
    uint64_t system_identifier; /* 0: not yet */
    uint64_t level;             /* the feature level in force; 0: not known yet */
    struct facts_name leader;   /* who holds the lease; "": nobody */
    uint64_t leader_lsn;        /* the highest that was heard of it; 0: never */
    uint64_t epoch;
    char loss[VIEW_TEXT_SIZE]; /* of acknowledged commits by the newest grant; "": none */
    enum sync_mode sync_mode;
    bool sync_strict;
    uint32_t sync_nodes;
    uint32_t sync_count; /* members in /sync, the leader not among them */
    struct facts_name sync_names[SYNC_NAMES_MAX];
    bool sync_is_provable;  /* enough of the copies that commits wait for are there (proof.h) */
    uint64_t lag_bytes_max; /* maximum_lag_on_failover */
    char config_trouble[VIEW_TEXT_SIZE]; /* why the key config is not in force here; "": it is */
    char reload_trouble[VIEW_TEXT_SIZE]; /* what of its own file the last reload has left; or "" */
    char door_trouble[VIEW_TEXT_SIZE];   /* why its PostgreSQL can not be connected to; or "" */
    char switchover_at[VIEW_STAMP_SIZE]; /* ISO 8601; "": none is scheduled */
    struct facts_name switchover_from;
    struct facts_name switchover_to;
    uint32_t member_count; /* by name */
    struct view_member members[FACTS_MEMBERS_MAX];
    uint32_t history_count; /* oldest first */
    struct view_history_row history[VIEW_HISTORY_MAX];

    /* Why. */
    struct view_election election;
    uint32_t decision_count; /* of this node, oldest first */
    struct view_decision decisions[VIEW_DECISIONS_MAX];
    uint32_t event_count; /* oldest first */
    struct view_event events[VIEW_EVENTS_MAX];
};

/* ---- who writes ---- */

/* Copies what fits. */
void view_text_set(char *to, size_t size, const char *text);
/* The oldest makes place. */
void view_add_decision(struct cluster_view *view, const struct view_decision *decision);
/* The same, and gives it its sequence. */
void view_add_event(struct cluster_view *view, const struct view_event *event);

/* ---- who reads ---- */

bool view_is_stale(const struct cluster_view *view, uint64_t boot_ms);
/* What PostgreSQL is; unknown when the view is stale, or when it runs and does not answer. */
enum view_state view_state_now(const struct cluster_view *view, uint64_t boot_ms);
/* This node holds the lease now. */
bool view_has_lease(const struct cluster_view *view, uint64_t boot_ms);
const struct view_member *view_member_named(const struct cluster_view *view, const char *name);
bool view_is_sync(const struct cluster_view *view, const struct facts_name *name);
/* The leader's position, as far as anybody knows. */
uint64_t view_leader_lsn(const struct cluster_view *view);

enum view_loss { VIEW_LOSS_UNKNOWN, VIEW_LOSS_BEARABLE, VIEW_LOSS_NOT };
/* Could PostgreSQL go on if any one of its nodes were lost now? Appends why not, a reason a line;
 * the votes of the store are not looked at. */
enum view_loss view_any_one_may_fail(const struct cluster_view *view, uint64_t boot_ms,
                                     struct buf *why);

/* ---- the board between the two ---- */

/* One thread publishes, one reads; they may be the same. Three slots: the writer's, the reader's,
 * and the one that changes hands. */
struct view_board {
    struct cluster_view slots[3];
    uint32_t back;        /* the writer's */
    uint32_t front;       /* the reader's */
    atomic_uint exchange; /* the third, with a mark when it is newer than the reader's */
};

/* @supervises: this node has a PostgreSQL, of which nothing is known yet. */
struct view_board *view_board_create(bool supervises);
/* Accepts NULL. */
void view_board_destroy(struct view_board *board);
/* The time is set from @boot_ms. */
void view_board_publish(struct view_board *board, const struct cluster_view *view,
                        uint64_t boot_ms);
/* The newest; stays as it is until the next call. */
const struct cluster_view *view_board_read(struct view_board *board);

#endif /* SUPERVISOR_CLUSTER_VIEW_H_ */
