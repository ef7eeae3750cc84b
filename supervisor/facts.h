/* supervisor/facts.h - the world as one node sees it: all that decide() and elect() may look at.
 *
 * Plain values only: copyable, printable, comparable; nothing here knows how it was found out. A
 * zeroed struct knows nothing, and not to know is a value: every enum has it, and every rule says
 * what it does then. Times are ages and remainders in milliseconds, never moments, so no clock is
 * needed to read them. Names are those of members, copies are the random ids of data directories
 * (safety C3), epochs grow with every grant of the primary's role. */
#ifndef SUPERVISOR_FACTS_H_
#define SUPERVISOR_FACTS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FACTS_NAME_SIZE 64
#define FACTS_MEMBERS_MAX 16
#define FACTS_HISTORY_MAX 32
#define SYNC_NAMES_MAX 8
#define SYNC_SETS_MAX 3
#define SYNC_HEIRS_MAX FACTS_MEMBERS_MAX
#define PG_CONFIG_WRONG_SIZE 200
#define PG_UNREACHABLE_SIZE 256

enum fact { FACT_UNKNOWN, FACT_NO, FACT_YES };

struct facts_name {
    char text[FACTS_NAME_SIZE]; /* "": nobody */
};

static inline bool name_is(const struct facts_name *a, const struct facts_name *b)
{
    return strcmp(a->text, b->text) == 0;
}

static inline bool name_is_set(const struct facts_name *name)
{
    return name->text[0] != '\0';
}

/* A place in the WAL. The timeline counts first: every grant names a timeline above all that were
 * ever seen, so timelines are ordered as epochs are, and a node with WAL of a later one has all
 * that was acknowledged before it. */
struct position {
    bool is_known;
    uint32_t timeline;
    uint64_t lsn;
};

/* Both are known: < 0, 0 or > 0. */
static inline int position_compare(const struct position *a, const struct position *b)
{
    if (a->timeline != b->timeline) {
        return a->timeline < b->timeline ? -1 : 1;
    }
    return a->lsn < b->lsn ? -1 : a->lsn > b->lsn ? 1 : 0;
}

/* Known, and not before @b. */
static inline bool position_reaches(const struct position *a, const struct position *b)
{
    return a->is_known && b->is_known && position_compare(a, b) >= 0;
}

/* ---- synchronous replication ---- */

struct sync_copy {
    struct facts_name name;
    uint64_t copy; /* 0: not known, and nothing is provable by it */
};

/* A commit waits until @needed of these have flushed it: ANY and FIRST alike prove no more than
 * that. @needed 0: it waits for nobody. */
struct sync_set {
    uint32_t needed;
    uint32_t count;
    struct sync_copy at[SYNC_NAMES_MAX];
};

/* What the store says of synchronous_standby_names. Each set may be the one that a commit has
 * waited for, so a proof must hold for all of them. None, or one with @needed 0: only the primary's
 * own copy proves anything.
 *
 * It is the word of who was primary in @epoch. Whoever recorded a timeline since is an heir until
 * it publishes its own: chosen with all that was ever acknowledged, and has acknowledged nothing
 * itself. So each heir proves alone as @primary does, and @primary goes on doing it. */
struct sync_value {
    bool is_known;
    uint64_t epoch;
    struct sync_copy primary;
    uint32_t count;
    struct sync_set sets[SYNC_SETS_MAX];
    uint32_t heir_count;
    struct sync_copy heirs[SYNC_HEIRS_MAX]; /* oldest first; one of a name */
};

/* Whoever has to wait does it by a text, and that holds no copies. */
static inline bool sync_set_is_named_as(const struct sync_set *a, const struct sync_set *b)
{
    bool is_same = a->needed == b->needed && a->count == b->count;
    for (uint32_t i = 0; is_same && i < a->count; i++) {
        is_same = name_is(&a->at[i].name, &b->at[i].name);
    }
    return is_same;
}

/* The published set that a value with these names is; NULL: none. Where several have its names, and
 * differ in copies, it is the newest of them: a copy is replaced for good. */
static inline const struct sync_set *sync_published_as(const struct sync_value *value,
                                                       const struct sync_set *names)
{
    for (uint32_t i = value->count; i > 0; i--) {
        if (sync_set_is_named_as(&value->sets[i - 1], names)) {
            return &value->sets[i - 1];
        }
    }
    return NULL;
}

#define IN_FORCE_UNSEEN UINT64_MAX

/* ---- this node's PostgreSQL ---- */

enum pg_process {
    PG_UNKNOWN,
    PG_ABSENT, /* not one process of it */
    PG_LEFT,   /* the postmaster is gone, others are not */
    PG_STARTING,
    PG_RUNNING,
    PG_STOPPING,
};
enum pg_role { ROLE_UNKNOWN, ROLE_STANDBY, ROLE_PRIMARY };
enum pg_data {
    DATA_UNKNOWN,
    DATA_EMPTY,
    DATA_USABLE,
    DATA_BROKEN,  /* a clone or rewind was interrupted: the mark stands outside of it */
    DATA_FOREIGN, /* of another cluster, or what somebody else has put here */
};
/* Of DATA_FOREIGN: it has the note of this cluster, and was born elsewhere: the copy of another
 * directory, or a backup that was restored past pgraft. */
enum pg_restored {
    RESTORED_NOT,
    RESTORED_UNFIT, /* something has to be done with it before it could be taken over */
    RESTORED_FIT,
};
enum pg_receiver { RECEIVER_UNKNOWN, RECEIVER_GONE, RECEIVER_LIVES };

/* FORCE_UNKNOWN: not read yet, or a change is on its way through the processes. FORCE_FOREIGN:
 * somebody else has set it. FORCE_HALFWAY: a change was cut short, and what is in force can not be
 * proved as it is: it has to be applied again (docs/observe.md). */
enum sync_force { FORCE_UNKNOWN, FORCE_FENCE, FORCE_OURS, FORCE_FOREIGN, FORCE_HALFWAY };

#define TO_REPLAY_UNKNOWN UINT64_MAX

struct pg_facts {
    enum pg_process process;
    enum pg_role role;
    enum pg_data data;
    enum fact is_noted; /* the data directory carries this cluster's note (safety D2) */
    enum pg_restored restored;
    enum fact answers;         /* queries, within the deadline of a probe */
    enum fact data_answers;    /* reads and writes of the data directory do */
    uint64_t copy;             /* 0: not known */
    struct position end;       /* of the valid WAL on disk (safety C2) */
    uint64_t to_replay;        /* bytes of it that are not replayed yet; TO_REPLAY_UNKNOWN */
    uint64_t misses_lsn;       /* a record that begins at @end goes on up to a page that is missing:
                                  where the segment of that page begins, which is what PostgreSQL
                                  asks the primary for; 0: none does, or nobody knows */
    uint64_t end_unread_ms;    /* for so long nothing has run, and @end is not known yet */
    bool end_lost;             /* ... and will not be: where recovery begins is damaged or gone */
    uint64_t primary_epoch;    /* the newest for which this copy was seen to be primary; 0: none */
    struct position recovered; /* where this start as primary left recovery */
    uint64_t sealed_epoch;     /* of the durable note: nothing is acknowledged to an older one */
    enum pg_receiver receiver;
    bool end_after_seal;        /* @end was read after the receiver was seen gone twice */
    bool receiver_gone_twice;   /* in two looks one after the other, conninfo empty in both (C1) */
    enum fact conninfo_empty;   /* in force, not only in the file */
    struct facts_name upstream; /* of the primary_conninfo in force; "": none */
    uint64_t follows_epoch;     /* of the primary that it streams from, as it was named there; 0:
                                   it does not stream */
    enum fact signal_synced;    /* standby.signal is there, and durable (safety B3) */
    uint32_t crashes;           /* as primary, within the window of the budget */
    uint64_t ended_epoch;       /* as whose primary this program itself has ended it, and it has not
                                   run since; 0: it runs, or nobody asked this program to */
    uint64_t down_ms;           /* since it was seen to be down; 0: it is not, or nobody knows */
    uint64_t stopping_ms;       /* for so long it has been stopping */
    uint64_t starting_ms;       /* for so long it has been starting */
    uint64_t still_ms;          /* for so long its recovery has not moved, as far as can be seen: it
                                   has replayed nothing, read or written next to nothing, and
                                   computed nothing; counts from its start on */
    struct position had;   /* @end when it was known last, of this copy: recovery adds nothing */
    uint64_t killing_ms;   /* for so long it has been killed, and has not ended */
    uint64_t signal_ms;    /* for so long it has been primary without @signal_synced */
    uint64_t restart_ms;   /* since it was first to go on in place, and has not run */
    bool is_made;          /* initdb is making it: the sequence runs, and is within its time */
    bool starts_alone;     /* it has been starting for a while, and its configuration does not
                              name the primary of now: it may wait for WAL of that one */
    enum sync_force force; /* synchronous_standby_names, as read back from every process of it */
    bool is_fence_lifted;  /* as primary, and it is not back: a change of the set, which makes
                              @force unknown for a moment, does not undo it */
    struct sync_set set_in_force; /* FORCE_OURS: the newest published one that it may be */
    uint64_t in_force_lsn;        /* the end of WAL when that was seen, and the copies of now were
                                     known: beyond it no earlier set and no earlier copy has
                                     acknowledged anything. IN_FORCE_UNSEEN: not looked since */
    uint64_t unsynced_ms;         /* since enough of the wanted standbys streamed */
    struct position left; /* where the timeline of @end left the newest recorded one; not known: it
                             is that one or an older one, or nobody has read it */

    /* Told to read its configuration again, it has refused: it goes on by what it had. */
    bool reload_refused;
    bool reload_in_vain; /* several times, and new sessions show that it has not; nobody says why */
    /* File, line and error, for which it has, or would if it were told; "": nothing is known. */
    char config_wrong[PG_CONFIG_WRONG_SIZE];
    /* For people: why this program can not connect to it; "": it can, or it is not told yet. */
    char unreachable[PG_UNREACHABLE_SIZE];
};

/* ---- the guard ---- */

enum guard_state { GUARD_UNKNOWN, GUARD_GONE, GUARD_SILENT, GUARD_WELL };

struct guard_facts {
    enum guard_state state;
    uint64_t armed_epoch;     /* epoch and deadline are in its page, and it has confirmed them */
    uint64_t promoted_epoch;  /* for which it promoted this PostgreSQL, or restarted it in place; 0:
                                 never since PostgreSQL was last started as a standby */
    enum fact promotion_seen; /* the data directory has left recovery, whoever asked for it */
    bool is_adopted;          /* what it holds ran before it, and can go on without it */
    bool owes_start;          /* it was asked to start PostgreSQL lately, and has not told what came
                                 of it: what is seen of the processes may be older than that */
};

/* ---- the lease, as this node may use it ---- */

struct lease_facts {
    uint64_t epoch;        /* 0: this node has none */
    uint64_t remaining_ms; /* of the newest confirmed keep-alive, by this node's own clock; the
                              guard's page counts too, after a restart of pgraftd */
    uint64_t age_ms;       /* since this node learned of the grant */
};

/* ---- the store, as this node has applied it ---- */

struct history_row {
    uint64_t epoch;
    uint32_t timeline;
    uint32_t parent;
    uint64_t switch_lsn; /* the parent's WAL is common up to here */
};

struct store_facts {
    enum fact is_current;  /* a majority was heard lately */
    enum fact initialized; /* this cluster has had a primary */
    enum fact paused;
    enum fact held;       /* no epoch may be granted until resume (safety A7) */
    uint64_t level;       /* the feature level in force (level.h); 0: not known yet */
    uint64_t grant_epoch; /* the highest that was ever granted */
    bool lease_stands;    /* that grant has neither run out nor been released */
    struct facts_name holder;
    uint64_t holder_copy;
    uint32_t grant_timeline; /* what it is to promote to, or a later one */
    bool grant_is_standby;   /* ... no: it leads a standby cluster, and is never promoted */
    uint64_t order_epoch;    /* of the newest order to seal; it stands while above grant_epoch */
    struct sync_value sync;
    uint64_t
        sync_revision; /* of the key: whoever replaces it compares, so that nothing late does */
    bool sync_pending; /* a publish of this node is under way, or nobody knows yet what became of
                          it: what is read here may be older than that */
    uint32_t history_count; /* rows of the newest timelines, oldest first; what never recorded
                               itself never acknowledged anything */
    struct history_row history[FACTS_HISTORY_MAX];
};

/* ---- the members, by their soft state ---- */

/* Whether a standby gives its copy up because PostgreSQL never comes up with it
 * (supervisor/damage.h): one after the other, so all are told. */
enum discards {
    DISCARDS_NOT,
    DISCARDS_ASKS, /* it would, and looks whether it is its turn */
    DISCARDS_DONE, /* it does, or has for this primary, and has not streamed since */
};

struct member_facts {
    struct facts_name name;
    bool is_database; /* false: a witness */
    bool is_voter;
    bool is_fresh;  /* its words are young enough to count on it being alive */
    bool is_recent; /* ... or were a moment ago: all are silent while there is no raft leader, and
                       that alone is no reason to do without it */
    bool has_data;
    uint64_t copy;
    enum pg_process process;
    enum pg_role role;
    enum fact can_start;    /* NO: its crash budget is used up */
    uint64_t follows_epoch; /* it streams from the primary of this epoch; 0: it does not */
    uint64_t sealed_epoch;  /* C1 is complete for it: receiver gone twice, @end read after */
    uint64_t primary_epoch; /* out of recovery, with this epoch; 0: not */
    struct position end;    /* of its WAL */
    uint64_t to_replay;     /* bytes of it that it has not replayed yet; TO_REPLAY_UNKNOWN */
    struct position seen;   /* the primary's, the highest it has heard of (safety C5) */
    uint64_t seen_age_ms;
    bool nofailover, nosync;
    bool leaves; /* its program ends: it takes no role any more, and answers nothing */
    int32_t failover_priority;       /* below 1: never */
    bool clonefrom;                  /* others are copied from it */
    bool nostream;                   /* it streams from nobody */
    struct facts_name replicatefrom; /* as it is tagged; "": the primary */
    struct facts_name upstream;      /* another standby that it streams from; "": none */
    uint64_t cascades_epoch; /* ... which has the WAL of the primary of this epoch; 0: it does not
                                stream from one */
    struct position left;    /* where the timeline of @end left the newest recorded one that it knew
                                of; not known: it did not, or cannot tell */
    enum discards discards;
    enum fact config_reads; /* NO: it can not start, or not do as it is told while it runs */
    uint64_t level;         /* the newest feature level that its program knows; 0: not heard */
    bool is_fenced; /* by an operator, as the reader's store has it (fence.h): then @nofailover and
                       @nosync are set, whatever it says itself */
    bool
        is_restored; /* RESTORED_FIT: no data of the cluster, unless an operator wants them to be */
};

/* ---- settings and wishes ---- */

enum sync_mode { SYNC_OFF, SYNC_QUORUM, SYNC_ON };

/* supervisor/timing_profile.h makes these. */
struct supervisor_times {
    uint64_t lease_ms;
    uint64_t heartbeat_ms;
    uint64_t election_timeout_ms;
    uint64_t reconnect_ms;
    uint64_t kill_budget_ms;    /* what ending all processes may take */
    uint64_t promote_margin_ms; /* of the lease that must be left for a promotion */
    uint64_t fast_stop_ms;      /* of the lease in which a fast shutdown is tried; 0: none */
    uint64_t seal_window_ms;    /* how long an election waits for members that are alive */
    uint64_t patient_ms;        /* ... for all members, where the loss would be unknown */
    uint64_t degrade_ms; /* how long commits wait for standbys that do not stream, unless strict */
    uint64_t start_max_ms; /* whoever is to be primary may stand still for so long; then another
                              may try */
    uint64_t fresh_ms;     /* soft state that is older is not fresh */
    uint64_t renew_ms;     /* how long one decision to renew holds */
};

struct supervisor_settings {
    bool is_guess; /* the key `config` is not known yet: nothing is decided by what follows */
    uint64_t config_revision; /* of that key, as it was looked at last; 0: it is not there */
    struct supervisor_times times;
    enum sync_mode sync_mode;
    bool sync_strict;
    uint32_t sync_nodes; /* acknowledgements wanted */
    uint64_t lag_bytes_max;
    bool check_timeline;
    bool may_rewind;          /* asked for, and checksums or hint bits logged since before */
    bool may_clone;           /* the last rung of the ladder is allowed */
    uint32_t crashes_max;     /* restarts in place within the window */
    bool is_standby_cluster;  /* it follows another cluster, and nobody here is primary */
    struct facts_name remote; /* ... which PostgreSQL streams from, as the leader's configuration
                                 names it (remote_name()); "": it comes by restore_command alone */
    uint64_t restart_max_ms;  /* what one of them, or a promotion, may take, where another one could
                                 take over; 0: in asynchronous mode there is no restart then */
};

/* What postgresql.pre_promote says of a promotion for the epoch of the lease. */
enum pre_promote {
    PRE_PROMOTE_NONE, /* there is none */
    PRE_PROMOTE_DUE,  /* it has not said yet */
    PRE_PROMOTE_PASSED,
    PRE_PROMOTE_REFUSED, /* it failed, or took too long */
};

/* Who asks what of this node. */
struct wish_facts {
    bool stop;       /* this program ends, and PostgreSQL with it */
    bool is_leaving; /* ... but for that it is left running: the guard was asked to */
    bool has_left;   /* ... and has done so: what runs here is none of ours any more */
    bool switchover; /* the primary's role goes elsewhere */
    bool is_over;    /* ... but nothing is begun for that any more: it is dropped */
    struct facts_name candidate;
    bool accepts_loss; /* ... by the operator's own word: the role goes to @candidate, with what
                          that one has */
    bool adopt;        /* a data directory without our note is to be taken over */
    bool restart; /* an operator's: PostgreSQL has not been down for it yet, or is not up again */
    bool clone;   /* an operator's reinitialize */
    enum pre_promote pre_promote;
    uint64_t pre_promote_ms; /* for so long it has been running; 0: it does not */
};

/* This node's tags, for supervisor/source.h. */
struct source_facts {
    struct facts_name replicatefrom; /* "": the primary */
    bool nostream;
    bool is_settled; /* @replicatefrom is to be followed now */
};

/* Why a copy is of no use (supervisor/damage.h). */
enum damage {
    DAMAGE_NONE,
    DAMAGE_NO_START, /* PostgreSQL ends again and again before it takes a connection */
    DAMAGE_NO_END,   /* the control file, or the WAL of its checkpoint, is damaged or gone */
};

/* What keeps a standby that never comes up from giving its copy up. */
enum damage_wait {
    DAMAGE_WAITS_NOT,
    DAMAGE_WAITS_COPY, /* nobody else follows this primary */
    DAMAGE_WAITS_TURN, /* another one is cloned, or was and does not come up either, or is next, or
                          nobody knows */
};

/* supervisor/return.h reads these. */
struct return_facts {
    enum fact primary_ready;    /* it has written a checkpoint since its promotion */
    enum fact has_upstream_wal; /* the primary still has what this node misses */
    enum fact has_archive;      /* restore_command may bring it */
    bool clones_alone;          /* a copy can be made without a primary */
    bool wal_kept;              /* what a rewind would discard was put aside */
    uint32_t rewind_failures;
    enum fact waits_for_wal; /* it has replayed all that it has, and nobody has paused that */
    enum fact is_let_in;     /* the primary takes a replication connection from here */
    enum fact has_slot;      /* ... and the slot for it is there, and free, or none is used */
    uint64_t still_ms;       /* for so long it has followed and neither streamed nor moved */
    bool is_stuck;           /* ... and to follow is not what helps (stuck.h) */
    uint32_t falls;          /* rungs below that were done for this primary, in vain so far */
    uint32_t starts_in_vain; /* in a row: PostgreSQL ended by itself and was never open, but had
                                begun to read its data ... */
    uint64_t in_vain_ms;     /* ... since the first of them */
    enum fact config_reads;  /* its configuration can be read, by the last start or reload */
    enum damage damage;
    enum discards discards;
    enum damage_wait damage_wait;
};

struct facts {
    struct facts_name self;
    struct pg_facts pg;
    struct guard_facts guard;
    struct lease_facts lease;
    struct store_facts store;
    struct return_facts back;
    struct source_facts source;
    struct wish_facts wish;
    struct supervisor_settings settings;
    uint32_t member_count; /* this node among them */
    struct member_facts members[FACTS_MEMBERS_MAX];
};

/* The member of this name, or NULL. */
static inline const struct member_facts *member_named(const struct member_facts *members,
                                                      uint32_t count, const struct facts_name *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (name_is(&members[i].name, name)) {
            return &members[i];
        }
    }
    return NULL;
}

/* This node holds the role of a standby cluster's leader: the grant itself says so, whatever the
 * configuration says by now. */
static inline bool facts_leads_standby(const struct facts *f)
{
    return f->lease.epoch != 0 && f->store.grant_epoch == f->lease.epoch &&
           f->store.grant_is_standby;
}

/* The newest row, or NULL: no timeline was ever recorded. */
static inline const struct history_row *history_newest(const struct store_facts *store)
{
    return store->history_count > 0 ? &store->history[store->history_count - 1] : NULL;
}

#endif /* SUPERVISOR_FACTS_H_ */
