/* consensus/node/node.h - the runtime: one thread that feeds the core with time, messages, writes
 * and requests, and carries out what it asks for.
 *
 *   callers --orders--> inbox --> | consensus thread: uv loop, form or core | --> outbox -->
 * callers |   net (peers)   store (its own thread)  |
 *
 * Everything below "the thread's own" is touched by the consensus thread alone. What callers and
 * the thread share is the mail (mail.h), a figure or two behind a lock, and the page of a lease. */
#ifndef CONSENSUS_NODE_NODE_H_
#define CONSENSUS_NODE_NODE_H_

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "consensus/core.h"
#include "consensus/form.h"
#include "consensus/net/net.h"
#include "consensus/node/job.h"
#include "consensus/node/mail.h"
#include "consensus/watch.h"
#include "storage/store.h"

#define NODE_JOBS_MAX 8192 /* requests of callers that wait; beyond it ERR_BUSY */
#define NODE_IDS 1024      /* buckets of the table of jobs */
/* Commands of this node that may be under way at once: fewer than the answers that are remembered
 * of one client. */
#define NODE_COMMANDS_MAX 900
/* How often what waits is looked at again. */
#define NODE_POKE_MS 50
/* A turn that comes so late is a stall. */
#define NODE_STALL_MS 100
/* What callers look at is no older. */
#define NODE_GLASS_MS 10
/* Batches of one watch that wait to be delivered; then it stands still. */
#define WATCH_UNDELIVERED_MAX 4

struct node_settings {
    char space[128];
    char scope[64];
    char about[320];       /* what others are told with numbers: version, a newline, api_url */
    struct member_info me; /* id 0 */
    char listen[MEMBER_ADDRESS_MAX + 1];
    char *directory;
    struct form_list list;
    struct form_list data_peers;
    struct pgraft_settings user; /* its texts are not used any more */
    char *secret_file;
    char *ca_file;
    char *cert_file;
    char *key_file;
};

/* The client that this node is for the store: how its commands are applied exactly once. */
struct node_client {
    uint64_t id; /* 0: not drawn yet */
    uint64_t since;
    uint64_t sequence; /* of its newest command */
    struct list commands;
    size_t under_way;
    bool is_full; /* a command waits for another one's end */
};

/* A watch of a caller's: opened on the thread, closed by either side. Whoever delivers the end of
 * it frees it. Until then it is among its caller's, under the lock of the mail. */
struct watcher {
    struct list link; /* of the node's watchers */
    struct list by_caller;
    uint64_t id;
    struct pgraft_watch wish; /* the key is in @bytes */
    struct buf bytes;
    atomic_bool closed;      /* nothing more is told */
    atomic_uint undelivered; /* batches in the outbox */
    struct watch *watch;     /* NULL: not open yet */
    uint64_t told_revision;
    uint64_t told_ms;
};

struct hold {
    struct list link;
    struct core_hold wish;
    bool keeps_once; /* a JOB_LEASE_KEEP asked for it, no owner */
    bool warned;     /* that nobody confirms it */
};

/* A snapshot that a caller takes, slice by slice. */
struct node_dump {
    uint64_t reader; /* of the store; 0: a free place */
    struct job *job; /* waits for the next slice; NULL: nobody does */
};

/* Somebody who asked for a place, as the leader heard it. */
struct node_wish {
    struct member_info info;
    uint64_t subject;
    bool wants_vote;
    uint64_t at_ms;
};

/* Somebody whom an operator wants in the cluster, while this node leads. */
struct node_guest {
    char name[MEMBER_NAME_MAX + 1];
    char address[MEMBER_ADDRESS_MAX + 1];
    uint64_t until_ms; /* 0: a free place */
    uint64_t called_ms;
    struct member_info info; /* as it says; id 0: it has not answered yet */
    char why[ERR_MSG_MAX];   /* it can not be let in, as of the last that was heard; "" */
};

/* As it was when keep.c looked last. */
struct node_keep {
    uint64_t at_ms; /* 0: it has not yet */
    uint64_t applied;
    uint64_t revision;
    uint64_t first; /* of the log */
};

struct node_soft {
    uint64_t member;
    struct soft_version version;
    uint64_t age_ms;
    uint64_t at_ms;
    size_t size;
    unsigned char bytes[SOFT_BYTES_MAX];
};

struct said {
    bool anything;
    enum pgraft_phase phase;
    char text[512];
    uint64_t again_ms; /* when to tell what is true now; 0: it is told */
};

struct node {
    struct node_settings settings;
    struct mail mail;
    pthread_t thread;
    atomic_uint_least64_t next_id; /* of jobs and watches; begins at random */
    struct list callers_watchers;  /* under the mail's lock */
    atomic_size_t callers_jobs;
    pthread_mutex_t dispatching; /* held while callbacks run: one at a time, in order */

    /* Behind its lock: what callers may look at. */
    pthread_mutex_t glass;
    struct pgraft_figures figures;
    struct node_soft soft[SOFT_STATES_MAX];
    size_t soft_count;
    struct pgraft_lease_page *page; /* mapped */
    int page_fd;

    /* ---- the thread's own ---- */
    uv_loop_t loop;
    uv_poll_t timer; /* timerfd on CLOCK_BOOTTIME */
    int timer_fd;
    uint64_t timer_at_ms; /* what it is set to; 0: nothing */
    uv_poll_t store_poll;
    bool store_watched; /* @store_poll is a handle of the loop */
    uv_check_t turn;
    uint64_t glass_ms; /* when the glass was filled last */
    bool glass_is_old; /* and something may have changed since */
    bool awake;        /* the loop has woken up, and has not had its turn */
    bool switching;    /* from form to core */
    bool tick_due;
    bool stopping;
    bool handed_over;
    bool stopped;
    uint64_t stop_at_ms;

    struct net *net;
    struct store *store;
    struct form *form;
    struct core *core;
    struct watch_hub *hub;
    uint64_t node_id;
    uint8_t cluster_id[CLUSTER_ID_SIZE];
    bool has_cluster;
    enum pgraft_phase phase;
    char phase_text[512];
    struct said said; /* what was last told of it */

    /* Seen in the last turn, to notice what has changed. */
    enum engine_role role;
    uint64_t leader;
    _Atomic uint64_t term; /* read by whoever tells of keys that were loaded, too */
    uint64_t conf_index;
    uint64_t elections;
    uint64_t stalls;
    uint64_t stall_ms_max;
    uint64_t slow_commit_ns;    /* the beginning of the commit that was told to be slow */
    char no_space[ERR_MSG_MAX]; /* why the store's queue stands still; "": it does not */
    char trouble[ERR_MSG_MAX];  /* room of status_own_numbers() */
    uint64_t quota_again_ms;
    struct node_keep keep;
    bool moves_forbidden;
    struct buf published;

    struct node_client client;
    struct list jobs;
    struct list ids[NODE_IDS];
    size_t job_count;
    uint64_t poke_at_ms;
    bool poke_now;
    uint64_t proposals;
    uint64_t proposals_failed;
    uint64_t forwarded;
    uint64_t reads;

    struct node_wish wishes[8];
    struct node_guest guests[4];
    bool guests_changed; /* and the net does not know yet */
    struct list watchers;
    struct list holds;
    uint64_t readers[8]; /* ships and the store's readers for them */
    uint64_t reader_ships[8];
    struct node_dump dumps[2];
    struct arena scratch;
};

/* ---- node.c: the thread ---- */
int node_start(struct node *n, struct err *err);
void node_stop(struct node *n);
/* The calling thread, one of the node's, goes before those of others if the owner wants that. Both
 * threads do: with the consensus thread alone raised, a write waits longer on a busy host than with
 * none. The consensus thread goes before the other: among equals it would wait on a host of one
 * processor until a long transaction is done. */
#define NODE_PRIORITY_RAFT 2
#define NODE_PRIORITY_STORE 1
void node_raise_thread(const struct node *n, int priority);
uint64_t node_now_ms(void);
uint64_t node_random(void);
/* For how long the disk has been at its present write, in milliseconds; 0: at none. */
uint64_t node_commit_age_ms(const struct node *n);
/* Everything that follows from what has come in; sets the timer. */
void node_turn(struct node *n);
/* At the beginning of each callback of the loop: was it late? */
void node_woken(struct node *n);
void node_fatal(struct node *n, const struct err *err);
void node_say(struct node *n, enum pgraft_event_kind kind, enum pgraft_level level,
              const char *peer, uint64_t number, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

/* ---- said.c: where the node stands, and who is told ---- */
void node_set_phase(struct node *n, enum pgraft_phase phase, const char *text);
/* Tells what has stood for a while. */
void said_turn(struct node *n, uint64_t now_ms);

/* ---- phase.c: from a directory to a form or a core ---- */
int phase_open(struct node *n, struct err *err);
/* On the thread, before anything else. */
void phase_begin(struct node *n);
void phase_close(struct node *n);
/* Whom to be connected to, anew. */
void phase_connect(struct node *n);
/* The end of a turn while there is no core yet. */
void phase_turn(struct node *n);
/* Why this node, which leads, can not take its own place as it is configured; "". */
void phase_own_refusal(const struct node *n, char *out, size_t size);

/* ---- drain.c: what the core asks for ---- */
void drain_core(struct node *n);
void drain_store(struct node *n);
void drain_message(struct node *n, const struct peer_message *message);

/* ---- peers.c: the net ---- */
int peers_open(struct node *n, struct err *err);
int peers_load_keys(struct node *n, struct net_keys **ret, struct err *err);

/* ---- advice.c: what the owner says for the leader ---- */
struct core_advisor advice_of(struct node *n);
void keep_soft(struct node *n, struct order *order);
void quota_turn(struct node *n, uint64_t now_ms);

/* ---- jobs.c: requests ---- */
void jobs_add(struct node *n, struct job *job);
struct job *jobs_find(struct node *n, uint64_t id);
/* @job is answered: whoever wanted it hears of it. */
void jobs_finish(struct node *n, struct job *job, int status, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void jobs_cancel(struct node *n, uint64_t id);
/* A command has its encoded result, taken from @result. */
void jobs_command_done(struct node *n, struct job *job, struct buf *result, uint64_t revision);
/* Confirm that this node's state is new enough, then reads_answer(). */
void jobs_read(struct node *n, struct job *job);
/* One of the times that a command was sent has ended without a result. */
void jobs_command_failed(struct node *n, struct job *job, int status, const char *reason);
/* What waits is looked at again; deadlines. */
void jobs_poke(struct node *n, uint64_t now_ms);
void jobs_core_done(struct node *n, struct core_done *done);
/* The connection to @member is gone: what it was asked is asked again. */
void jobs_lost_peer(struct node *n, uint64_t member);
void jobs_close(struct node *n);
void jobs_wait(struct node *n, struct job *job, uint64_t again_ms);

/* ---- reads.c: answers from this node's state ---- */
void reads_answer(struct node *n, struct job *job);

/* ---- asks.c: questions between members ---- */
bool asks_send(struct node *n, struct job *job, uint64_t to);
void asks_receive(struct node *n, const struct peer_message *message);
void asks_answer(struct node *n, struct job *job);

/* ---- status.c ---- */
void status_fill(struct node *n, struct job *job);
void status_note(struct node *n, struct job *job, uint64_t from, const struct peer_answer *answer);
/* The connection to @member is gone: no answer will come. */
void status_lost(struct node *n, struct job *job, uint64_t member);
void status_own_numbers(struct node *n, struct peer_answer *answer);
void status_figures(struct node *n);
/* Too few voters can be reached from here: how many, and who is missing. False: enough. */
bool status_missing(const struct node *n, char *out, size_t size);
/* Since this node last knew how far the others are. */
uint64_t status_age_ms(const struct node *n);

/* ---- keep.c ---- */
void keep_turn(struct node *n, uint64_t now_ms);
/* What is worth keeping, of a state that takes so much: entries of the log, of which there were so
 * many lately, and bytes of history. */
uint64_t keep_entries(uint64_t lately, uint64_t state_bytes);
size_t keep_history(uint64_t state_bytes);

/* ---- member_jobs.c ---- */
void member_job_try(struct node *n, struct job *job);
void member_job_note_wish(struct node *n, const struct peer_join *join);
uint64_t member_job_heir(const struct node *n);

/* ---- guests.c ---- */
/* Call the node @name at @address until some time after @until_ms; what is known of it. */
const struct node_guest *guests_invite(struct node *n, const char *name, const char *address,
                                       uint64_t until_ms);
void guests_hear(struct node *n, const struct peer_message *message);
void guests_note(struct node *n, const struct net_event *event);
void guests_turn(struct node *n, uint64_t now_ms);

/* ---- watchers.c ---- */
void watchers_add(struct node *n, struct watcher *watcher);
void watchers_open(struct node *n);
/* Nothing happens if it has ended already. */
void watchers_remove(struct node *n, uint64_t id);
void watchers_turn(struct node *n, uint64_t now_ms);
uint64_t watchers_next_ms(const struct node *n);
void watchers_close(struct node *n);
void watcher_free(struct watcher *watcher);

/* ---- dumps.c ---- */
void dumps_try(struct node *n, struct job *job);
/* @job ends without its slice, and so does the dump. */
void dumps_drop(struct node *n, const struct job *job);
void dumps_end(struct node *n, uint64_t reader);
/* False: the reader is none of these. */
bool dumps_receive(struct node *n, const struct store_event *event);

/* ---- holds.c ---- */
void holds_set(struct node *n, const struct core_hold *wish, bool once);
void holds_let_go(struct node *n, uint64_t lease);
/* What asked for one keep-alive of @lease has it. */
void holds_kept(struct node *n, uint64_t lease);
void holds_turn(struct node *n, uint64_t now_ms);
void holds_close(struct node *n);

#endif /* CONSENSUS_NODE_NODE_H_ */
