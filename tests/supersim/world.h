/* tests/supersim/world.h - a cluster of PostgreSQLs as a model, driven by the production policy.
 *
 * decide(), elect(), seal_next(), sync_plan() and return_plan() are the production code. What they
 * decide about is a model: PostgreSQL with its WAL record by record, a guard, a daemon, the
 * network, and the store as a linearizable register with leases and epochs as docs/leases.md
 * defines them. Everything that happens is an event at a virtual time; a seed decides everything.
 * check.c judges after every event. */
#ifndef TESTS_SUPERSIM_WORLD_H_
#define TESTS_SUPERSIM_WORLD_H_

#include <stdio.h>

#include "consensus/hash128.h"
#include "supervisor/damage.h"
#include "supervisor/decide.h"
#include "supervisor/elect.h"
#include "supervisor/own_words.h"
#include "supervisor/starts.h"
#include "supervisor/task.h"
#include "supervisor/timing_profile.h"
#include "tests/lib/random.h"

#define NODES_MAX 5
#define WAL_MAX 3000
#define MS UINT64_C(1000) /* of virtual microseconds */
#define PROMOTIONS_MAX 200
#define ACKED_MAX 6000
#define NOBODY (-1)
#define REMOTE \
    NODES_MAX /* the primary of another cluster (remote.c): no member, and it never fails */

/* How often things happened: no empty lives. */
// clang-format off
#define COUNTS(X) \
    X(events) X(decisions) X(elections) X(grants) X(promotions) X(failovers) X(regrants) X(restarts_in_place) \
    X(acked_sync) X(acked_async) X(lost_async) X(losses_reported) X(seals) X(releases) X(expiries) X(confirmed) \
    X(guard_kills) X(decided_kills) X(rewinds) X(clones) X(publishes) X(applies) X(degraded) X(two_sets) \
    X(waits_unproven) X(waits_window) X(provable_failovers) X(records) X(hand_overs) X(bids_to_restart) X(bids_to_clone) X(bids_done) X(pauses) X(paused_deaths) \
    X(crashes) X(daemon_kills) X(daemon_freezes) X(loop_hangs) X(guard_deaths) X(guard_freezes) X(both_frozen) \
    X(postmaster_kills) X(postmaster_stops) X(cuts) X(one_way_cuts) X(wipes) X(data_hangs) X(switchovers) \
    X(mode_changes) X(late_actions) X(receivers_back) X(store_leaders) X(dropped_proposals) X(adopted_primaries) \
    X(second_writers_mute) X(served) X(slow_starts) X(slow_promotions) X(still_starts) X(recoveries_cut) \
    X(crashed_promotions) X(crashing_after_heal) X(starts_in_vain) X(copies_kept) X(given_up) X(fences) \
    X(kind_changes) X(leads) X(leads_after_a_primary) X(leads_handed_over) X(primaries_after_a_lead)
// clang-format on

struct counts {
#define COUNT_FIELD(name) uint64_t name;
    COUNTS(COUNT_FIELD)
#undef COUNT_FIELD
};

enum event_kind {
    EV_LOOP,    /* a daemon looks, decides and acts */
    EV_ACT,     /* an action has its effect */
    EV_BEAT,    /* soft state and keep-alives go out */
    EV_SOFT,    /* soft state arrives */
    EV_KEEP,    /* a keep-alive arrives at the store's leader */
    EV_CONFIRM, /* its confirmation arrives */
    EV_STORE,   /* the store's leader looks */
    EV_COMMIT,  /* a proposal is decided */
    EV_VIEW,    /* a node applies what is decided */
    EV_GUARD,   /* a deadline of a guard */
    EV_STREAM,  /* a receiver takes WAL */
    EV_REPLY,   /* a primary hears how far a standby is */
    EV_CONNECT, /* a receiver tries to connect */
    EV_CLIENT,  /* a client of this node commits */
    EV_PG,      /* PostgreSQL has started, ended or promoted itself */
    EV_FAULT,
    EV_RECOVER, /* of one fault of one node */
    EV_HEAL,
    EV_END,
    EV_SICK,
};

enum proposal_kind {
    PROPOSE_ORDER,
    PROPOSE_GRANT,
    PROPOSE_EXPIRE,
    PROPOSE_RELEASE,
    PROPOSE_RECORD,
    PROPOSE_SYNC,
    PROPOSE_PAUSE,
    PROPOSE_FENCE, /* of @chosen */
    PROPOSE_KIND,  /* the key config: does the cluster follow another one? */
    PROPOSE_WHOSE, /* a standby cluster's data */
};

struct proposal {
    enum proposal_kind kind;
    int by;        /* the node whose word it is */
    uint64_t term; /* of the store's leader, for its own */
    uint64_t epoch, grant_seen, order_seen, sync_seen;
    uint32_t timeline;
    int chosen;
    uint64_t copy, system_id;
    bool on;
    bool follows; /* what was advised supposes that */
    struct sync_value sync;
    struct history_row row;
    struct election election;
};

struct event {
    uint64_t at;
    uint64_t order;
    enum event_kind kind;
    int node;
    int from;
    uint64_t life; /* what it belongs to; void if that is over */
    uint64_t a, b;
    int slot; /* of a parcel; NOBODY */
};

/* What is too large for every event. */
struct parcel {
    bool used;
    struct member_facts soft;
    struct proposal proposal;
};
#define PARCELS 1024
#define PARCELS_OF_SOFT 900 /* what frozen nodes do not take is lost beyond it */

struct wal_record {
    uint32_t timeline;
    uint32_t id; /* of all the world */
};

/* How long the recovery of whatever was killed takes; of all its lives a seed has one kind. */
enum slowness {
    SLOW_NOT,
    SLOW_START,  /* before PostgreSQL takes connections */
    SLOW_REPLAY, /* it takes them soon, and has much left to replay before it can be primary */
    SLOW_STANDS, /* it stands still for longer than it may; the next start does not */
};

/* Why standbys do not come up at the end of a life (sick.c). */
enum sickness {
    SICK_NOT,
    SICK_EARLY, /* PostgreSQL ends before it reads its data */
    SICK_LATE,  /* ... after, and a clone cures nothing */
    SICK_DATA,  /* ... after, and a clone does: it is one standby */
};

enum pg_next { NEXT_NONE, NEXT_ABSENT, NEXT_STANDBY, NEXT_PRIMARY, NEXT_PROMOTED };

struct sim_pg {
    enum pg_process process;
    bool is_primary;
    bool postmaster_stopped; /* SIGSTOP: backends go on */
    uint64_t life;
    enum pg_next next;
    /* the data directory */
    enum pg_data data;
    bool noted, hangs;
    bool was_killed;                   /* and has to recover */
    bool has_stood_still;              /* in recovery, since then */
    bool is_sick;                      /* it never comes up as a standby ... */
    uint64_t sick_copy;                /* ... with this copy; 0: with any */
    bool fails;                        /* what it does now */
    uint64_t ended_epoch;              /* as whose primary its daemon has ended it; 0: it has not */
    uint64_t moves_until, replayed_at; /* of the recovery of this start */
    uint64_t copy, sealed;
    uint64_t system_id;
    struct wal_record wal[WAL_MAX];
    uint32_t wal_count;
    /* the receiver */
    int conninfo, conninfo_was;
    uint64_t conninfo_epoch;    /* the newest grant when it was set */
    uint64_t unfit_copy;        /* ... with this copy: */
    uint64_t unfit_since;       /* it asks somebody for WAL that he does not have; 0: it does not */
    uint64_t conninfo_shown_at; /* a new session shows it from then on */
    uint64_t conninfo_at;       /* ... and soon after the startup process goes by it */
    int receives_from;
    uint64_t connection; /* grows with each */
    uint32_t gone_looks;
    bool end_read;
    uint64_t end_since, end_at; /* nothing runs since, and from when on its end is known */
    bool signal_synced;
    /* as primary */
    uint32_t recovered;
    bool recovered_known;
    uint64_t shows_at; /* from when on a look shows that it is primary; the guard tells at once */
    uint64_t epoch;    /* for which it was promoted */
    bool fence;
    struct sync_set force, force_was;
    bool was_fence;
    bool alone, was_alone; /* nobody is waited for, in a synchronous mode */
    uint64_t force_at, force_lsn, synced_at;
    uint32_t flushed[NODES_MAX]; /* by connected standbys */
    uint64_t flushed_connection[NODES_MAX];
    uint32_t acked;
};

struct sim_guard {
    bool alive;
    uint64_t frozen_until;
    uint64_t armed_epoch, promoted_epoch;
    uint32_t armed_timeline;
    uint64_t life;
    bool wakes; /* an event is under way */
};

struct sim_daemon {
    bool alive;
    uint64_t frozen_until, hung_until;
    uint64_t life;
    uint64_t started_at;
    /* what it does */
    bool busy;
    struct decision doing;
    enum sync_mode doing_in; /* the mode when that was decided */
    uint64_t act;
    /* the lease */
    uint64_t renew_until;               /* local ms */
    uint64_t let_go;                    /* of this epoch nothing is wanted any more */
    uint64_t granted_at, granted_epoch; /* local ms */
    uint64_t made_at;                   /* local ms: until when its initdb worked; 0: never */
    struct member_facts soft[NODES_MAX];
    uint64_t soft_at[NODES_MAX]; /* local ms; 0: never */
    struct position seen;
    uint64_t seen_at;
    uint64_t answered_seal, answered_follows; /* epochs */
    struct return_facts back;
    struct starts_book starts;
    struct damage_book damage;
    uint32_t crashes;
    uint64_t crash_window;
    bool wants_switchover;
    enum task_kind bid; /* of an operator, with the next look, if ... */
    bool has_bid;
    struct task_book task;
    uint64_t down_at;     /* since when its PostgreSQL is down; 0: it is not */
    uint64_t starting_at; /* ... starts */
    int candidate;
    uint64_t heard_copies[NODES_MAX];     /* of all, the last */
    uint64_t primary_epoch, primary_copy; /* for which that copy was seen to be primary */
    const char *rule;
    uint64_t looks_at; /* of the next loop */
};

struct sim_node {
    struct facts_name name;
    bool is_database;
    double rate;
    uint64_t offset_ms;
    bool host_up;
    uint64_t host_life;
    struct sim_daemon daemon;
    struct sim_guard guard;
    struct sim_pg pg;
    /* the page of the lease: of the consensus thread, mapped by the guard */
    uint64_t deadline; /* local ms */
    uint64_t deadline_epoch;
    struct store_facts view;
    uint64_t view_revision;
    uint32_t fenced;                 /* as it knows the store */
    bool follows;                    /* the same: another cluster */
    uint64_t sync_asked, sync_known; /* publishes; and of how many the outcome is known here */
    bool nofailover;
    int32_t priority;
    bool assumption_broken; /* daemon and guard frozen together, over a deadline */
};

struct sim_store {
    struct store_facts now; /* what is decided */
    uint64_t revision;
    struct sync_value owed;        /* whose answers must be enough: now.sync as it has to be */
    uint64_t system_id;            /* of the initialize key */
    uint64_t sync_done[NODES_MAX]; /* publishes that came to an end, one way or the other */
    int leader;
    uint64_t term;
    uint64_t alone_since; /* the leader has no majority */
    uint64_t keep_at;     /* its local ms */
    bool ending;          /* an expiry is proposed */
    bool proposing;       /* the advisor's word is under way */
    uint64_t order_seen_at, order_seen;
    struct facts_name wanted;
    uint32_t fenced; /* a bit for each node (supervisor/fence.h) */
    bool follows;    /* standby_cluster stands in the key config */
    struct election last;
    const char *rule;
};

struct promotion {
    uint64_t epoch;
    uint32_t timeline, parent, switch_lsn;
    int node;
};

struct acked {
    uint32_t id, lsn;
    bool sync;
    bool alone; /* ... but by nobody else: the mode was synchronous, and nobody was there */
};

/* What is not left to the seed. */
struct script_step {
    uint64_t milestone; /* how many rules were newly decided before it happens */
    int fault, node;
};
struct sim_wish {
    bool exhaustive; /* two databases and a witness, only the script's faults, no chance */
    struct script_step steps[2];
    int step_count;
};

struct sim {
    uint64_t seed;
    struct sim_wish wish;
    struct test_random random;
    uint64_t now, order;
    struct event *heap;
    size_t heap_count, heap_room;
    struct parcel parcels[PARCELS];
    int parcels_used, parcel_next;
    struct sim_node nodes[NODES_MAX + 1]; /* the last is REMOTE */
    int count, databases;
    struct supervisor_settings settings;
    struct sim_store store;
    bool cut[NODES_MAX + 1][NODES_MAX + 1]; /* from, to */
    bool replica_cut[NODES_MAX + 1][NODES_MAX + 1];
    bool has_remote;   /* in this life the cluster follows another one, now and then */
    bool after_a_lead; /* nobody was promoted since the last one */
    uint64_t level_at; /* when every member is new enough for that */
    bool healed, over;
    uint64_t heal_at, fault_every;
    enum sickness sickness;
    uint64_t sick_until;
    uint64_t given_up_epoch; /* of the primary, and how many copies were given up for it */
    uint32_t given_up;
    enum slowness slowness;
    uint64_t recovery_us; /* of what was killed */
    int crashing;         /* whose PostgreSQL ends as soon as it was promoted, always; NOBODY */
    uint64_t unread_us;   /* for so long ends could not be read, all that began after the heal */
    unsigned fault_mask;
    uint32_t next_id;
    uint64_t next_copy;
    struct promotion promotions[PROMOTIONS_MAX];
    int promotion_count;
    struct acked acked[ACKED_MAX];
    uint32_t acked_count;
    uint64_t highest_epoch_promoted;
    int highest_node;
    uint64_t highest_copy; /* of its data then */
    uint64_t faults_done, grants_elsewhere;
    uint64_t milestones;
    int steps_done;
    uint64_t writable_at; /* after the heal; 0: not yet */
    uint64_t outage_ms;
    struct counts counts;
    struct hash128 hash;
    FILE *trace;
    char violation[400];
};

/* sim.c */
void sim_live(struct sim *sim, uint64_t seed, const struct sim_wish *wish, FILE *trace);
void sim_close(struct sim *sim);
struct event *sim_schedule(struct sim *sim, uint64_t at, enum event_kind kind, int node);
__attribute__((format(printf, 2, 3))) void sim_say(struct sim *sim, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void sim_violation(struct sim *sim, const char *fmt, ...);
uint64_t local_ms(const struct sim *sim, const struct sim_node *n);
uint64_t true_of(const struct sim *sim, const struct sim_node *n, uint64_t local); /* at or after */
uint64_t draw(struct sim *sim, uint64_t from_us, uint64_t to_us);                  /* a duration */
bool dice(struct sim *sim, double chance);
int parcel_take(struct sim *sim);
bool linked(const struct sim *sim, int from, int to); /* messages pass */
bool daemon_runs(const struct sim *sim, const struct sim_node *n);
bool guard_runs(const struct sim *sim, const struct sim_node *n);

/* daemon.c */
void daemon_start(struct sim *sim, int node);
void daemon_wake(struct sim *sim, int node);
void daemon_look(struct sim *sim, int node);
void daemon_beat(struct sim *sim, int node);
void daemon_soft(struct sim *sim, int node, int from, const struct member_facts *soft,
                 uint64_t made_at);
void daemon_words(struct sim *sim, int node, struct member_facts *out);
void observe(struct sim *sim, int node, struct facts *f);

/* act.c */
uint64_t act_duration(struct sim *sim, int node, const struct decision *d);
void act_now(struct sim *sim, int node); /* the effect of what the daemon does */

/* guard.c */
void guard_start(struct sim *sim, int node);
void guard_wake(struct sim *sim, int node);
void guard_look(struct sim *sim, int node);
void guard_die(struct sim *sim, int node);
void guard_promote(struct sim *sim, int node, uint64_t epoch);

/* pg.c */
struct position pg_end(const struct sim_pg *pg);
void pg_read_end(struct sim *sim, int node);
void pg_note_killed(struct sim *sim, int node);
void pg_kill(struct sim *sim, int node);
void pg_stop(struct sim *sim, int node, bool fast);
void pg_start(struct sim *sim, int node, bool as_primary);
void pg_next(struct sim *sim, int node);
void pg_wipe(struct sim *sim, int node);
void pg_set_conninfo(struct sim *sim, int node, int to);
void pg_set_force(struct sim *sim, int node, const struct sync_set *set);
void pg_end_receiver(struct sim *sim, int node);
void pg_connect(struct sim *sim, int node);
void pg_stream(struct sim *sim, int node, uint64_t connection);
void pg_reply(struct sim *sim, int node, int from, uint64_t connection, uint32_t lsn);
void pg_client(struct sim *sim, int node);
void pg_acknowledge(struct sim *sim, int node);
bool pg_is_writable(const struct sim *sim, const struct sim_node *n);

/* store.c */
void store_start(struct sim *sim);
void store_look(struct sim *sim);
void store_keep(struct sim *sim, int from, uint64_t epoch, uint64_t sent);
void store_confirmed(struct sim *sim, int node, uint64_t epoch, uint64_t sent);
void store_propose(struct sim *sim, const struct proposal *p);
void store_commit(struct sim *sim, const struct proposal *p);
void store_view(struct sim *sim, int node);
static inline bool store_is_fenced(uint32_t fenced, int node)
{
    return (fenced >> node & 1U) != 0;
}
bool store_hears(const struct sim *sim, int node); /* both ways, with a majority behind it */

/* faults.c */
void fault_strike(struct sim *sim);
bool fault_do(struct sim *sim, int kind, int node); /* false: not possible now */
void fault_recover(struct sim *sim, int node, uint64_t what);
void fault_heal(struct sim *sim);
void fault_opened(struct sim *sim, int node); /* its PostgreSQL is out of recovery */
void fault_undo(struct sim *sim);             /* of hosts, programs and the network */
/* What is left can go on without its disk: a cluster that lost its only copies waits for a person.
 */
bool fault_may_lose(const struct sim *sim, const struct sim_node *lost);
int fault_kinds(void);
const char *fault_name(int kind);
void fault_milestone(struct sim *sim);

/* sick.c */
uint64_t sick_begin(struct sim *sim); /* how long it takes */
void sick_step(struct sim *sim, int node, uint64_t step);
bool sick_fails(const struct sim_pg *pg, bool as_primary);
void sick_look(struct sim *sim, int node,
               struct facts *f);            /* of a daemon: is this copy given up? */
void sick_ended(struct sim *sim, int node); /* its PostgreSQL has */

/* remote.c */
void remote_begin(struct sim *sim);
void remote_step(struct sim *sim);             /* an operator changes his mind */
void remote_follow(struct sim *sim, int node); /* the first that leads after a primary was chosen */
int remote_upstream(const struct sim *sim, int node); /* whom this one is to follow, as it knows */
void remote_look(struct sim *sim, int node);          /* it asks for WAL that nobody has, or not */
bool remote_is_stuck(const struct sim *sim, int node);
#define REMOTE_STEP 2000 /* of EV_RECOVER */

/* check.c */
void check_event(struct sim *sim);
void check_serves(struct sim *sim, int node, uint64_t epoch);
void check_decision(struct sim *sim, int node, const struct decision *d);
void check_grant(struct sim *sim, const struct proposal *p);
void check_promotion(struct sim *sim, int node);
void check_lead(struct sim *sim, const struct proposal *p);
void check_ack(struct sim *sim, int node, bool sync);
void check_lift(struct sim *sim, int node, const struct sync_set *set);
void check_publish(struct sim *sim);
void check_apply(struct sim *sim, int node, const struct sync_set *set);
void check_discard(struct sim *sim, int node, int source);
void check_gives_up(struct sim *sim, int node);
void check_end(struct sim *sim);
bool check_is_well(struct sim *sim, char why[200]);

#endif /* TESTS_SUPERSIM_WORLD_H_ */
