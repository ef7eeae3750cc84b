/* consensus/core.h - the deterministic heart of libpgraft.
 *
 * Events go in (time, messages, durable writes, requests); messages, batches for the disk, wishes
 * for rows of a snapshot and completions come out and are taken by whoever runs it: the runtime in
 * production, the simulator in tests. Single-threaded. Reads no clock, socket, file or random
 * device: time is CLOCK_BOOTTIME in milliseconds and comes with each call, randomness is the seed
 * of the settings. docs/consensus.md has the picture.
 *
 * After each event, or after several that came together, the owner calls core_turn() and then takes
 * everything that core_next_*() gives. A message leaves only when the term and vote it speaks for
 * are durable (safety E1).
 *
 * The time of a call must be read after what the call tells has come to be known: after the message
 * was taken off its socket, after core_create() got its image. A time kept from the beginning of a
 * loop may be from before a pause, and a lease would be taken for over too early. */
#ifndef CONSENSUS_CORE_H_
#define CONSENSUS_CORE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "consensus/engine.h"
#include "consensus/machine.h"
#include "consensus/placement.h"
#include "consensus/soft.h"
#include "proto/member.h"
#include "proto/peer.h"
#include "proto/timing.h"
#include "storage/batch.h"

struct core;
struct core_done;

/* What an advisor may look at: everything there is on a leader that knows all that is committed. */
struct core_view {
    const struct core *core; /* for core_soft_next(), core_soft_get(), core_machine() */
    uint64_t now_ms;
    uint64_t term;
    const struct members *members; /* the membership in use */
};

/* Asked on the leader alone, when something has changed: a soft state, the membership, an applied
 * entry, a lease; at the beginning of each leadership; and when it wanted to be. Not before all of
 * earlier terms is applied, and not while a command of its own is under way. What it puts into
 * @command is proposed as it is (set @system in it), and told to @advised when it has ended, with
 * what became of it; ERR_LOST_LEADER: nobody knows, and the next leader's advisor decides anew.
 * Must not call back into the core but for questions, and must decide by what it sees. */
struct core_advisor {
    /* Returns after how many ms to ask again if nothing changes; 0: not at all. NULL: no advisor.
     */
    uint64_t (*advise)(void *ctx, const struct core_view *view, struct buf *command);
    void (*advised)(void *ctx, const struct core_done *done); /* may be NULL */
    void *ctx;
};

struct core_settings {
    uint64_t id;
    uint32_t seed; /* random, and another one in every life: names that a late answer must not fit
                      begin with it */
    uint32_t election_timeout_ms;
    uint32_t heartbeat_ms;
    uint32_t inflight_entries_max;
    uint32_t propose_queue_max; /* proposals that wait; beyond it ERR_BUSY */
    size_t propose_bytes_max;   /* and their bytes */
    uint32_t flush_after_ms; /* changed state waits at most this long for a log write to ride on */
    size_t flush_bytes;      /* or for this many bytes of it */
    uint64_t
        compact_entries; /* the log is cut when it holds more entries, or bytes, than this ... */
    size_t compact_bytes;
    struct machine_options machine; /* the hub of watches, and who hears of leases */
    uint64_t trailing_entries;      /* ... down to this many that are in the state table already */
    struct core_advisor advisor;
    bool place_leadership; /* hand it to whom placement.h says */
    struct member_info me; /* what this node is called; id 0: it asks for no place among the members
                              by itself (docs/membership.md) */
    bool wants_vote;       /* else it stays a standby; a witness always votes */
    unsigned int voters_max;   /* beyond it a database host joins without a vote */
    uint64_t lease_ms;         /* of the primary; a member is replaced after three of them ... */
    uint64_t replace_after_ms; /* ... and at least this long without contact */
    size_t full_bytes_max; /* of entries that are still taken while the disk is full: a part of the
                              store's reserve, so that terms and votes always have the rest */
};

/* Sensible values for what a core needs; id and seed are drawn at random. It asks for no place, has
 * no advisor and leaves leadership where it is until its owner says so. */
struct core_settings core_settings_default(uint64_t id, uint32_t seed);

/* 0, or ERR_INVALID: times that do not fit together (timing.h). For an owner, before it starts a
 * core for people: it knows more of @known, a reconnect and a kill budget that were measured, or
 * those of a profile. A core with too short a lease is safe, and loses the lease too often. */
int core_settings_check(const struct core_settings *settings, const struct timing *known,
                        struct err *err);

enum core_request { CORE_PROPOSE, CORE_READ };

/* A request has ended. Each ticket is answered exactly once. */
struct core_done {
    enum core_request request;
    uint64_t ticket;
    int status;     /* 0 or ERR_*: base/err.h says whether it may still be applied */
    uint64_t index; /* CORE_PROPOSE: of its entry; CORE_READ: read at once, from this node's state,
                       which has applied it */
    uint64_t revision; /* CORE_PROPOSE: the store's revision after it */
    struct buf
        result; /* CORE_PROPOSE: the encoded struct kv_result (kv_codec.h); the taker closes it */
};

/* Something that people want to know of; the owner says it (pgraft.h has the same kinds). */
enum core_event_kind {
    CORE_EVENT_ROLE = 1,   /* this node was elected, or does not lead any more */
    CORE_EVENT_LEADER,     /* another node leads; @member 0: none is heard of */
    CORE_EVENT_MEMBERS,    /* @member came to the cluster, or left it */
    CORE_EVENT_REFUSED,    /* @member was turned away: a copy, removed, of another cluster */
    CORE_EVENT_SHIP,       /* a snapshot for, or from, @member was cut, and begins again */
    CORE_EVENT_NAME_TAKEN, /* @member asks for a name that another has: safety D4, on both sides */
};
#define CORE_EVENT_TEXT_SIZE 640
struct core_event {
    enum core_event_kind kind;
    uint64_t member; /* raft id of whom it is about; may be this node */
    uint64_t term;
    uint64_t missed;                 /* events before this one that nobody took in time */
    char text[CORE_EVENT_TEXT_SIZE]; /* one line */
};

/* Rows of the state table, wanted for a member that lags behind: open a reader, read on from it, or
 * close it. */
enum core_wish_kind { ROWS_OPEN, ROWS_NEXT, ROWS_CLOSE };
struct core_wish {
    enum core_wish_kind kind;
    uint64_t ship;
};

/* 0, or why a node must not start as the member that wrote @image (safety D5, D7): its owner
 * discards the identity, with all that is in the directory, and joins as a new member. */
int core_may_start(const struct store_image *image, struct err *err);

/* @image is what the disk holds, and core_may_start(); the core keeps nothing of it. Fatal errors
 * (W15) come through @fatal. */
struct core *core_create(const struct core_settings *settings, uint64_t now_ms,
                         const struct store_image *image,
                         void (*fatal)(void *ctx, const struct err *err), void *ctx);
void core_destroy(struct core *c);

/* --- events --- */
uint64_t core_next_tick_ms(const struct core *c, uint64_t now_ms);
void core_tick(struct core *c, uint64_t now_ms);
void core_receive(struct core *c, uint64_t now_ms, const struct peer_message *message);
/* All batches up to @sequence are durable. */
void core_durable(struct core *c, uint64_t now_ms, uint64_t sequence);
/* ERR_NO_SPACE: the store's queue stands still, only essential batches pass; 0: it moves again
 * (STORE_SPACE of storage/store.h). */
void core_space(struct core *c, uint64_t now_ms, int status);
/* The answer to a wish, with status 0 or why not. */
struct core_rows {
    uint64_t ship;
    struct store_batch *rows; /* rows only; the core destroys it */
    bool last;
    uint64_t applied_index; /* that the rows are the state of */
    int status;
};
void core_rows_read(struct core *c, uint64_t now_ms, const struct core_rows *answer);
/* @command is copied. The answer comes as a core_done, also when it is refused. */
void core_propose(struct core *c, uint64_t now_ms, uint64_t ticket, const void *command,
                  size_t size);
/* A linearizable read: answered when this node's state is at least as new as anything acknowledged
 * before now. */
void core_read(struct core *c, uint64_t now_ms, uint64_t ticket);
/* The requester is no longer interested; its answer will not come. */
void core_forget(struct core *c, uint64_t ticket);
/* --- leases that this node holds (docs/leases.md) --- */
struct core_hold {
    uint64_t lease;
    uint64_t grant; /* index of the entry that granted it: struct kv_op_result has it */
    uint64_t epoch; /* 0 unless protected */
    uint64_t
        renew_until_ms; /* ask for more time until then; the owner moves it on while it is well */
    uint64_t limit_ms;  /* count with no more than this of the lease's time; 0: all of it. Set it
                           before proposing a shorter time, keep it where a restart finds it, lift
                           it when this node has applied the change: not if the answer is lost */
};
struct core_held {
    uint64_t
        deadline_ms; /* this node may act as the holder before it, on its own clock; 0: not yet */
    uint64_t confirmed_ms; /* when the newest keep-alive that was confirmed was sent */
    uint64_t ttl_ms;
    int status; /* 0; else why it will not be confirmed any more: the deadline stands */
};
/* Begin to keep a lease alive, or go on: to be called again and again. Another grant of the same id
 * is another lease. */
void core_hold(struct core *c, uint64_t now_ms, const struct core_hold *wish);
/* The owner does not act as the holder any more, and will not. */
void core_let_go(struct core *c, uint64_t now_ms, uint64_t lease);
bool core_held(const struct core *c, uint64_t lease, struct core_held *out);
/* What was applied up to @index is in the state table on disk. */
bool core_state_is_durable(const struct core *c, uint64_t index);
/* Leader: when the newest message was sent that a majority has answered; 0: none was yet. */
uint64_t core_followed_ms(const struct core *c, uint64_t now_ms);
/* How long the lease @id, whoever holds it, goes on if nothing more is heard of it: the leader's
 * own count, which its holder ends before. 0; ERR_NOT_LEADER, also while a new leader does not
 * count yet; ERR_NOT_FOUND. */
int core_lease_left(const struct core *c, uint64_t now_ms, uint64_t id, uint64_t *ret_ms);

/* The raw steps (engine.h), which look neither at leases nor at contact: core_admit() does. */
int core_change(struct core *c, uint64_t now_ms, enum member_change change, uint64_t id,
                const char *info, struct err *err);
int core_catch_up(struct core *c, uint64_t now_ms, uint64_t id, struct err *err);
int core_transfer(struct core *c, uint64_t now_ms, uint64_t id, struct err *err);
/* From now on this is what all members read as this node's soft state (soft.h). ERR_TOO_LARGE:
 * more than SOFT_BYTES_MAX, and nothing has changed. */
int core_publish(struct core *c, uint64_t now_ms, const void *bytes, size_t size);
/* Not while the owner has reason to keep leadership where it is: a grant, a seal, a switchover
 * (safety A6). True at the start. */
void core_allow_moves(struct core *c, bool allowed);
/* The owner, or whoever notices, about the disk of this node: too slow for a leader's, or well
 * again. */
void core_slow_disk(struct core *c, bool is_slow);

/* A wish about the membership, an operator's or another node's, on the leader: its next step. 1:
 * all is as wished; 0: on its way, ask again soon; ERR_*: not now, @err says why, and asking again
 * may help. ERR_NOT_LEADER: ask the leader. */
int core_admit(struct core *c, uint64_t now_ms, const struct peer_join *wish, struct err *err);
/* Was @id a member, and is it none any more? */
bool core_hello_is_gone(const struct core *c, uint64_t id);
/* Is this node in its place in the cluster? What is still in the way goes to @err. */
bool core_joined(const struct core *c, struct err *err);

/* There is a new connection to the node @id, a member or not: tell it who we are. */
void core_greet(struct core *c, uint64_t now_ms, uint64_t id);

/* --- what must be done --- */
/* The end of a turn: what the events left behind becomes batches and messages. */
void core_turn(struct core *c, uint64_t now_ms);
struct store_batch *core_next_batch(struct core *c); /* the taker destroys it; NULL: none */
bool core_next_message(struct core *c, struct peer_message *out); /* valid until the next call */
bool core_next_done(struct core *c, struct core_done *out);
bool core_next_wish(struct core *c, struct core_wish *out);
/* Some dozens are kept, the newest. Take them also after core_refused(). */
bool core_next_event(struct core *c, struct core_event *out);

/* --- questions --- */
const struct engine *core_engine(const struct core *c);
const struct machine *core_machine(const struct core *c);
uint64_t core_applied(const struct core *c);
/* Soft state of @member, or of the member with the lowest id above @after; the node's own, too. */
bool core_soft_get(const struct core *c, uint64_t now_ms, uint64_t member, struct soft_view *out);
bool core_soft_next(const struct core *c, uint64_t now_ms, uint64_t after, struct soft_view *out);
/* What placement said last on this leader, and how often it has moved leadership from here. */
struct placement core_placement(const struct core *c, uint64_t *ret_moves);
/* May this node go on under its identity? If not, it is silent for good, @err says why, and the
 * owner ends it; ask after each turn. Take its batches until they are durable, too: one says that
 * the disk is an old copy, and core_may_start() refuses it from then on. If the node dies before,
 * its next start is refused by its members again. */
enum core_refusal {
    CORE_WELCOME,
    CORE_OLD_COPY, /* members remember more than its disk does: discard the identity, join anew */
    CORE_REMOVED,  /* the cluster goes on without it: nothing is to be done but by an operator */
};
enum core_refusal core_refused(const struct core *c, struct err *err);

#endif /* CONSENSUS_CORE_H_ */
