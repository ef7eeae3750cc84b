/* consensus/core_internal.h - the insides of the core, shared by core*.c alone. */
#ifndef CONSENSUS_CORE_INTERNAL_H_
#define CONSENSUS_CORE_INTERNAL_H_

#include "base/list.h"
#include "consensus/core.h"
#include "consensus/lease_clock.h"
#include "consensus/machine.h"
#include "consensus/peer_memory.h"
#include "consensus/placement.h"
#include "consensus/soft.h"
#include "consensus/stamp.h"
#include "consensus/start_note.h"
#include "proto/kv_codec.h"

#define SHIPS_MAX 8
/* Messages that wait for a disk that hangs. Beyond this they are lost, as on a bad net. */
#define OUT_COUNT_MAX 16384
#define OUT_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* A proposal, first in the queue, then in the log until it is applied. */
struct core_proposal {
    struct list link;
    uint64_t ticket;
    uint64_t index; /* in the log; 0 while it waits */
    uint64_t term;
    size_t size;
    unsigned char *command; /* freed when it is in the log */
};

/* A read: on the leader it waits for a majority's echo of a round after its arrival, everywhere for
 * the state to be applied. */
struct core_reading {
    struct list link;
    uint64_t ticket;   /* of a local read; 0: another member asks */
    uint64_t asker;    /* that member */
    uint64_t question; /* its name for the read, or ours for one that we ask the leader */
    uint64_t term;     /* the leadership that is asked */
    uint64_t round;    /* leader: confirmed by an echo of a later round */
    uint64_t asked_ms; /* follower: when the leader was asked last */
    uint64_t index;    /* apply up to here; 0: not known yet */
};

/* A message on its way out. */
struct core_out {
    struct list link;
    uint64_t after; /* leaves when this sequence is durable */
    struct peer_message message;
    struct buf bytes; /* what the message points to */
};

/* A request that has ended, until it is taken. */
struct core_finished {
    struct list link;
    struct core_done done;
};

struct core_applied {
    uint64_t index;
    uint64_t term;
    uint64_t conf_index;
    struct buf conf; /* the membership at @index */
};

/* A snapshot that goes to a member that lags behind. */
struct core_ship {
    uint64_t name; /* 0: free */
    uint64_t member;
    uint64_t term;     /* the leadership in which it was begun */
    uint64_t heard_ms; /* when the member last answered, or the start */
    uint64_t next;     /* number of the chunk that is under way */
    bool reading;      /* a wish is out */
    bool complete;     /* the last chunk is under way */
    bool landing;      /* all is staged there: waits for the member to have installed it */
    uint64_t opened_ms;
    uint64_t bytes;              /* of rows that were read for it */
    struct core_applied applied; /* what the rows are the state of */
};

/* A snapshot that comes in. */
struct core_staging {
    uint64_t from;
    uint64_t ship;
    uint64_t next;     /* chunk expected */
    uint64_t sequence; /* of the batch that holds the newest chunk */
    uint64_t answer;   /* chunk number to ask for when it is durable; 0: nothing to say */
    bool complete;
    struct machine *machine; /* built on the way; becomes the state with the install */
};

/* The leader's side of leases. */
struct core_leases {
    struct lease_clock clock;
    bool counting;       /* the first entry of the own term is applied: the clock is complete */
    struct list asked;   /* keep-alives that wait for a majority's echo */
    struct list endings; /* entries that may end a lease, in order of index, not applied yet */
    size_t asked_count;
};

/* The advisor's affairs. */
#define CORE_TICKET_ADVICE UINT64_MAX
struct core_advice {
    uint64_t term; /* what it saw when it was asked last */
    uint64_t applied;
    uint64_t soft_changes;
    uint64_t again_ms; /* ask then even so; 0: no */
    bool in_flight;
    bool has_done; /* its command has ended, and it was not told yet */
    struct core_done done;
};

/* Members that hold a lease. */
struct core_holders {
    size_t count;
    uint64_t at[MEMBERS_MAX];
};

struct core_relay {
    uint64_t member;
    uint64_t at_ms;
};

/* What placement needs to know. */
struct core_placing {
    bool allowed;
    bool slow_disk;
    bool has_moved;
    uint64_t moved_ms;
    uint64_t moves;
    struct placement last;
    uint64_t scanned_index;
    uint64_t scanned_ms;
    struct core_holders holders; /* of protected leases */
    uint64_t heard_holder;       /* whose keep-alives the following is about ... */
    uint64_t heard_term;         /* ... in this leadership */
    uint64_t relayed_since_ms;   /* it is heard by relay alone; 0: not so */
    size_t relays_count;
    struct core_relay relays[MEMBERS_MAX];
};

/* Somebody who said something, or was named by the owner: a member, or not. */
#define CORE_PEERS_MAX PEER_MEMORIES_MAX
struct core_peer {
    struct peer_memory memory;
    bool told;        /* it has answered our hello: fine */
    bool is_contact;  /* the owner has a way to it */
    bool has_greeted; /* we have, at greeted_ms */
    bool has_asked;   /* we have asked it to say hello, at asked_ms */
    uint64_t greeted_ms;
    uint64_t asked_ms;
    uint64_t heard_ms;          /* the newest message of the life that is known; 0: none yet */
    uint64_t refused_life;      /* the newest that was an old copy */
    enum hello_verdict refusal; /* of that one */
};

/* core_hello.c */
struct core_hello {
    struct store_identity identity;
    uint64_t life;
    struct peer_hello found; /* what the disk said at the start, or an earlier one: core_start.c */
    struct start_note note;
    uint64_t found_counter;
    uint64_t empty_batches; /* that were handed out */
    uint64_t started_ms;
    bool may_vote;
    bool news; /* the row on disk says less than we remember */
    enum core_refusal refusal;
    struct err why;
    uint64_t member_at; /* index of the newest membership that this node was seen to be in */
    struct gone gone;
    uint64_t seen_conf; /* index of the newest applied membership that was looked at */
    uint64_t next_ms;   /* somebody is greeted */
    struct core_peer peers[CORE_PEERS_MAX];
    size_t count;
};

/* core_admit.c */
struct core_admit {
    uint64_t leading_term; /* leader: of its newest leadership, which began at leading_ms */
    uint64_t leading_ms;
    uint64_t next_ms; /* this node asks, or looks, again */
    uint64_t turns;   /* whom it asks: the leader, or one of the others, ... */
    uint64_t others;  /* ... which have turns of their own */
    uint64_t since;   /* index of the committed membership in which this life began */
    uint64_t seen;    /* index of the committed membership that was looked at last */
    bool had_vote;    /* in the one of @since or a later one */
    bool done;
    struct err answer;
};

/* Slow and full disks (core_disk.c). */
struct core_disk_out {
    uint64_t sequence; /* of the newest batch of these */
    uint64_t since_ms; /* when the oldest of these was handed out */
};
struct core_disk_member {
    uint64_t member;
    uint64_t term; /* of the leadership in which it said so */
    enum peer_disk disk;
};
struct core_disk {
    struct core_disk_out out[32]; /* batches handed out and not durable, oldest first */
    size_t out_count;
    uint64_t essential_sequence; /* of the newest essential batch handed out */
    bool is_full;
    bool too_few_have_room;   /* leader: nothing ordinary can be committed */
    size_t taken_bytes;       /* of entries since the disk, or too many disks, are full */
    uint64_t urgent;          /* the newest entry that the cluster cannot do without */
    uint64_t urgent_since_ms; /* leader: such an entry waits to be committed since then */
    uint64_t nudged;          /* the urgent entry for which an essential batch was sent after it */
    uint64_t next_yield_ms;
    struct core_disk_member members[MEMBERS_MAX];
};

/* core_events.c */
#define CORE_EVENTS_MAX 32
struct core_said {
    enum core_event_kind kind;
    uint64_t member;
    int detail;
    uint64_t at_ms;
};
struct core_events {
    size_t first; /* the oldest of a ring */
    size_t count;
    uint64_t missed;
    struct core_event at[CORE_EVENTS_MAX];
    struct core_said said[16]; /* of what is repeated: the newest */
    bool led;                  /* at the end of the turn before, and so on */
    uint64_t leader;
    uint64_t term;
};

struct core {
    struct core_settings settings;
    void (*fatal)(void *ctx, const struct err *err);
    void *fatal_ctx;
    bool failed; /* beyond repair: nothing is applied any more */
    struct engine *engine;
    uint64_t now_ms;

    /* core.c: towards the disk. */
    struct store_batch *open;
    struct list batches;
    uint64_t sequence; /* of the newest batch begun */
    uint64_t durable;
    uint64_t hard_sequence; /* of the newest batch with a term or vote */
    struct list out;
    size_t out_count;
    size_t out_bytes;
    struct core_out *lent;
    struct list done;

    /* core_propose.c */
    struct list waiting;  /* proposals not in the log */
    struct list proposed; /* in the log, in order of index */
    size_t waiting_count;
    size_t waiting_bytes;
    uint64_t propose_sequence; /* of the batch with the newest proposals: the next go when it is
                                  durable */

    /* core_state.c */
    struct machine *machine;
    struct core_applied applied;
    uint64_t flushed_term; /* what our row on disk says */
    uint64_t flushed_conf_index;
    uint64_t flushed; /* applied index of the newest rows in a batch */
    uint64_t flushed_durable;
    uint64_t flushed_sequence;
    uint64_t dirty_since_ms;   /* 0: nothing changed since the last flush */
    uint64_t install_sequence; /* of the batch that makes the stage the state; 0: none */
    struct machine *retired;   /* the state that an install has replaced, taken apart in slices */
    struct peer_snapshot installing;
    struct buf installing_conf;
    uint64_t cut_entries; /* core_cut_log(); 0: as the settings say */

    /* core_read.c */
    struct stamp_book stamps;
    struct list readings;
    size_t readings_count;
    uint64_t questions;
    bool beat_wanted;

    /* core_lease.c, core_hold.c */
    struct core_leases leases;
    machine_lease_cb owner_lease_cb;
    void *owner_context;
    struct omap holds;
    uint64_t hold_next_ms; /* the next keep-alive */
    uint64_t hold_leader;  /* who was asked last */

    struct core_hello hello;
    struct core_admit admit;
    struct core_events events;
    struct core_disk disk;

    /* core_ship.c */
    struct core_ship ships[SHIPS_MAX];
    struct core_staging staging;
    uint64_t ship_names;
    struct core_wish wishes[SHIPS_MAX * 2];
    size_t wishes_count;

    /* core_soft.c, core_advise.c, core_placement.c */
    struct soft_table soft;
    uint64_t soft_unasked_ms; /* a leader that did not ask was told last */
    struct core_advice advice;
    struct core_placing placing;
};

/* core.c */
struct store_batch *core_batch(struct core *c);
void core_close_batch(struct core *c);
/* Tell the owner, once, that this replica can not go on. */
void core_fail(struct core *c, const struct err *err);
void core_send(struct core *c, const struct peer_message *message);
void core_finish(struct core *c, enum core_request request, uint64_t ticket, int status,
                 uint64_t index, const struct kv_result *result);
bool core_leads(const struct core *c);
/* What has not left yet will not. */
void core_drop_messages(struct core *c);

/* core_disk.c */
void core_disk_look(struct core *c);
void core_disk_turn(struct core *c);
void core_disk_handed_out(struct core *c, const struct store_batch *batch);
/* May this command go into the log now? */
bool core_disk_admits(const struct core *c, const void *command, size_t size);
/* Must a batch with these entries be written even to a full disk? */
bool core_disk_must_write(struct core *c, const struct store_entry *entries, size_t count);
/* What of an APPEND is taken: @in itself, or as much of it in @room. */
const struct peer_message *core_disk_take(struct core *c, const struct peer_message *in,
                                          struct peer_message *room);
void core_disk_heard(struct core *c, const struct peer_message *message);
void core_disk_outgoing(struct core *c, struct peer_message *message);
/* Neither slow nor full, as far as this node knows: a leader by its members' answers, everybody of
 * itself. Whoever moves leadership should not move it elsewhere. */
bool core_disk_says_full(const struct core *c, uint64_t member);
bool core_disk_is_well(const struct core *c, uint64_t member);

/* core_propose.c */
void core_propose_turn(struct core *c);
void core_propose_applied(struct core *c, uint64_t index, uint64_t term,
                          const struct kv_result *result);
void core_propose_lost(struct core *c, int status);
void core_propose_end(struct core *c); /* all that wait are answered */
void core_propose_close(struct core *c);

/* As core_propose(), for the core's own ticket, too. */
void core_propose_as(struct core *c, uint64_t ticket, const void *command, size_t size);

/* core_soft.c */
void core_soft_open(struct core *c, uint64_t incarnation);
void core_soft_close(struct core *c);
void core_soft_beat(struct core *c);
void core_soft_receive(struct core *c, const struct peer_message *message);
void core_soft_heard_leader(struct core *c, const struct peer_message *message);
void core_soft_turn(struct core *c);

/* core_advise.c */
void core_advise_turn(struct core *c);
uint64_t core_advise_next_ms(const struct core *c); /* UINT64_MAX: not by time */
void core_advise_finished(struct core *c, struct core_done *done);
void core_advise_close(struct core *c);

/* core_placement.c */
void core_placement_open(struct core *c);
void core_placement_beat(struct core *c);
/* Leadership comes here or goes away on purpose, now. */
void core_placement_moved(struct core *c);
void core_placement_tell(const struct core *c, struct peer_soft *out);
void core_placement_told(struct core *c, const struct peer_message *message);
/* On the leader: a keep-alive of the @holder of a protected lease came now from @from, itself or
 * another. */
void core_placement_heard_holder(struct core *c, uint64_t holder, uint64_t from);

/* core_state.c */
void core_state_load(struct core *c, const struct store_image *image);
void core_state_turn(struct core *c);
void core_state_durable(struct core *c);
/* @machine, which may be NULL, is not needed any more. */
void core_state_retire(struct core *c, struct machine *machine);
void core_state_install(struct core *c, const struct peer_snapshot *snapshot);
bool core_state_row_is_ours(const struct store_row *row, struct core_applied *out);
void core_state_close(struct core *c);

/* core_read.c */
void core_read_turn(struct core *c);
void core_read_receive(struct core *c, const struct peer_message *message);
void core_read_term(struct core *c);
void core_read_forget(struct core *c, uint64_t ticket);
void core_read_end(struct core *c); /* all that wait are answered */
void core_read_close(struct core *c);

/* core_lease.c */
void core_lease_reset(struct core *c);
void core_lease_event(struct core *c, enum machine_lease_event event,
                      const struct machine_lease *lease);
void core_lease_proposed(struct core *c, uint64_t index, const void *bytes, size_t size);
void core_lease_applied(struct core *c, uint64_t index);
void core_lease_ask(struct core *c, uint64_t from, const struct peer_keep_alive *ask);
void core_lease_receive(struct core *c, const struct peer_message *message);
void core_lease_turn(struct core *c);
uint64_t core_lease_next_ms(const struct core *c);
/* Which members hold a lease by the applied state; looks through all leases. */
void core_lease_holders(const struct core *c, bool only_protected, struct core_holders *out);
bool core_lease_holds(const struct core_holders *holders, uint64_t member);

/* core_hold.c */
void core_hold_turn(struct core *c);
void core_hold_result(struct core *c, const struct peer_keep_alive_result *result);
void core_hold_close(struct core *c);

/* core_hello.c */
void core_hello_start(struct core *c, const struct store_image *image);
bool core_hello_owns_row(const struct store_row *row);
int core_hello_load_row(struct core *c, const struct store_row *row, struct err *err);
/* The row goes into @batch, which writes the state; only if it has changed, or @always. */
void core_hello_save(struct core *c, struct store_batch *batch, bool always);
/* The applied membership is about to become the one in @conf. */
void core_hello_membership(struct core *c, const void *conf, size_t size);
/* Ids that were members and are none: they go along with a snapshot. */
void core_hello_tell_gone(const struct core *c, struct buf *out);
void core_hello_hear_gone(struct core *c, const struct peer_message *m);
/* A node of no cluster yet belongs to this one from now on. */
void core_hello_adopt(struct core *c, const uint8_t *cluster_id);
/* True: @message needs, or deserves, nothing more. */
bool core_hello_receive(struct core *c, const struct peer_message *message);
void core_hello_handed_out(struct core *c, const struct store_batch *batch);
void core_hello_turn(struct core *c);
uint64_t core_hello_next_ms(const struct core *c);
struct core_peer *core_peer_find(struct core *c, uint64_t id);

/* core_start.c */
bool core_start_owns_row(const struct store_row *row);
int core_start_load_row(struct core *c, const struct store_row *row, struct err *err);
/* The row goes into @batch, which replaces the state table. */
void core_start_save(struct core *c, struct store_batch *batch);
/* The rows of @image are loaded: what this life says of its disk. */
void core_start_begin(struct core *c, const struct store_image *image);
/* From now on what this life says counts. */
void core_start_clear(struct core *c);
/* This disk is an old copy, for good. */
void core_start_refused(struct core *c, const char *why);

/* core_admit.c */
void core_admit_receive(struct core *c, const struct peer_message *message);
/* The engine has started. */
void core_admit_start(struct core *c);
void core_admit_turn(struct core *c);
/* A membership is committed. */
void core_admit_membership(struct core *c, const void *conf, size_t size);
uint64_t core_admit_next_ms(const struct core *c);

/* core_events.c */
/* Room for a name and an address, or an id. */
#define CORE_WHO_SIZE (MEMBER_NAME_MAX + MEMBER_ADDRESS_MAX + 8)
void core_event_refused(struct core *c, uint64_t peer, enum hello_verdict verdict);
/* @reason names whose it is. */
void core_event_name_taken(struct core *c, uint64_t asker, const char *address, const char *reason);
/* @what: "a snapshot for" or "... from". */
void core_event_ship(struct core *c, uint64_t peer, const char *what, const char *why);
void core_event_members(struct core *c, const struct member *m, bool is_in);
void core_events_turn(struct core *c);

/* core_ship.c */
void core_ship_want(struct core *c, uint64_t member);
void core_ship_receive(struct core *c, const struct peer_message *message);
bool core_ship_may_install(struct core *c, const struct peer_message *message);
void core_ship_durable(struct core *c);
void core_ship_turn(struct core *c);
/* The log behind a snapshot that is on its way is still needed: the lowest such index; UINT64_MAX:
 * none is. */
uint64_t core_ship_needs_from(const struct core *c);
struct machine *core_ship_take_machine(struct core *c);
void core_ship_close(struct core *c);

#endif /* CONSENSUS_CORE_INTERNAL_H_ */
