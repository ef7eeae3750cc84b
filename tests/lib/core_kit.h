/* tests/lib/core_kit.h - one core or a few, with a clock, a net and disks that a test moves by
 * hand.
 *
 * Nodes have the ids 1 to CK_NODES. A node without a core is down, or a peer that the test plays
 * with ck_say(). Nothing moves but by a call: messages wait on the wire, batches wait for their
 * disk (lib/store_double.h), time stands still. The same calls give the same run.
 *
 * What must hold in every test is a MUST here: one leader a term, one state at an index whoever
 * applied it, each ticket answered once, a next tick that lies ahead, no fatal error (but
 * where a test waits for one). */
#ifndef TESTS_LIB_CORE_KIT_H_
#define TESTS_LIB_CORE_KIT_H_

#include "consensus/core.h"
#include "proto/kv.h"
#include "tests/lib/store_double.h"

#define CK_NODES 7
#define CK_ELECTION_MS UINT64_C(500)
#define CK_BEAT_MS UINT64_C(100)
#define CK_READERS 8
#define CK_KINDS 64

struct ck_node {
    struct core_kit *kit;
    uint64_t id;
    char info[16];
    struct core *core; /* NULL: down, or played by the test */
    struct store_double *disk;
    uint64_t starts;
    bool disk_stopped; /* batches stay where they are until ck_finish() or false */
    uint64_t disk_ms;  /* a flush takes so long; 0: no time */
    uint64_t flush_at_ms;
    unsigned reads_cut; /* so many of the next rows that are wanted of its disk are refused */
    bool cut_off;       /* what it sends and what is sent to it is lost */
    uint64_t offset_ms; /* its clock is so far ahead of the kit's */
    bool told_full;     /* the core was told ERR_NO_SPACE */
    uint64_t batches;   /* it gave to its disk */
    bool may_fail;      /* a fatal error of its core is what the test wants */
    struct err fatal;   /* ... and is kept here; code 0: none */
    struct store_double_reader *readers[CK_READERS];
    uint64_t ships[CK_READERS]; /* whose reader it is; 0: free */
};

struct core_kit {
    uint64_t now_ms;
    struct ck_node nodes[CK_NODES];
    struct list packets; /* on the wire, oldest first */
    struct list seen;    /* taken off it by ck_take() */
    struct list answers;
    uint64_t tickets;
    uint64_t sent[CK_KINDS]; /* messages that left, by kind */
    /* Changes the settings of a node that is about to start; may be NULL. */
    void (*tune)(struct core_settings *settings, void *ctx);
    void *tune_ctx;
    /* True: this message is lost. It may be copied, all but what it points to. May be NULL. */
    bool (*is_lost)(const struct peer_message *message, void *ctx);
    void *lost_ctx;
    struct list facts; /* of the checks */
};

/* --- a cluster --- */

/* A member for each letter, from id 1 on: 'v' voter, 's' standby, 'p' spare, '-' nobody. The disks
 * of all members have term 1 and entry 1, which is the membership; no core runs yet. */
void ck_prepare(struct core_kit *kit, const char *roles);
/* ... and every voter and standby is started. */
void ck_open(struct core_kit *kit, const char *roles);
void ck_close(struct core_kit *kit);
struct ck_node *ck_node(struct core_kit *kit, uint64_t id);
struct core *ck_core(struct core_kit *kit, uint64_t id);
/* Start from what is on the disk: an empty one for a node that was never prepared. */
void ck_boot(struct core_kit *kit, uint64_t id);
/* The core and what its disk had not finished are gone. */
void ck_crash(struct core_kit *kit, uint64_t id);

/* For kit->tune: a log so short that who was away for a while needs a snapshot. */
void ck_small_log(struct core_settings *settings, void *ctx);

/* --- what moves --- */

/* Until nothing is left to do at this moment: disks that take no time finish, messages arrive, rows
 * of snapshots are read. */
void ck_settle(struct core_kit *kit);
/* ... while time passes; every core ticks when it wants to. */
void ck_run(struct core_kit *kit, uint64_t ms);
/* One core alone sees the time pass; what it has to say waits on the wire. */
void ck_tick(struct core_kit *kit, uint64_t id, uint64_t ms);
/* The end of a turn of this node, after a call of core_*() by the test itself: what its core wants
 * goes to disk and wire. */
void ck_turn(struct core_kit *kit, uint64_t id);
/* Up to @count of the oldest batches that may, with one report for all of them. */
void ck_finish(struct core_kit *kit, uint64_t id, size_t count);
/* The disk is full from now on, or not any more; as soon as its queue stands still for it, the core
 * is told so. */
void ck_set_full(struct core_kit *kit, uint64_t id, bool is_full);
/* Until a leader has committed an entry of its term; its id. */
uint64_t ck_elect(struct core_kit *kit);
/* The highest term's leader that is up and not cut off, established or not; 0: none. */
uint64_t ck_leader(struct core_kit *kit);
/* This one is made the leader. */
void ck_lead(struct core_kit *kit, uint64_t id);

/* --- messages by hand --- */

/* Hand @message to its addressee now. */
void ck_say(struct core_kit *kit, const struct peer_message *message);
/* The oldest packet of @kind for @to (0: anybody), taken off the wire; NULL: none. Lives as long as
 * the kit. */
const struct peer_message *ck_take(struct core_kit *kit, enum peer_kind kind, uint64_t to);
/* All that is on the wire is lost. */
void ck_drop(struct core_kit *kit);

/* --- requests; each gives its ticket --- */

uint64_t ck_command(struct core_kit *kit, uint64_t id, const struct kv_command *command);
uint64_t ck_put(struct core_kit *kit, uint64_t id, const char *key, const char *value);
/* The leader, whoever it is, writes "1" and it is acknowledged. */
void ck_put_and_wait(struct core_kit *kit, const char *key);
uint64_t ck_read(struct core_kit *kit, uint64_t id);
/* NULL: not answered yet. Lives as long as the kit. */
const struct core_done *ck_answer(struct core_kit *kit, uint64_t ticket);
#define CK_NO_ANSWER (-1)
/* ... its status, or CK_NO_ANSWER. */
int ck_status(struct core_kit *kit, uint64_t ticket);
/* Does the state of @id have this value? NULL: no such key. */
bool ck_has(struct core_kit *kit, uint64_t id, const char *key, const char *value);

#endif /* TESTS_LIB_CORE_KIT_H_ */
