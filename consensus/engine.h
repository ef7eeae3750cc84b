/* consensus/engine.h - libraft behind the rules that make it safe.
 *
 * libraft 0.22.1 has a sound core and a number of defects at its edges (docs/consensus.md lists
 * them). Every call of raft_*() stands in engine*.c, and every rule W1 to W15 has its one place
 * there. The engine is single-threaded and deterministic: no clock (the time comes with each call),
 * no I/O (work comes out through the sink), no randomness but the seed.
 *
 * Calls of the sink happen during an engine_*() call, in the order in which they must take effect.
 * The sink must not call back into the engine. */
#ifndef CONSENSUS_ENGINE_H_
#define CONSENSUS_ENGINE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "proto/peer.h"
#include "storage/batch.h"

/* Kept in the log and on the wire: never renumber. */
enum entry_type {
    ENTRY_COMMAND = 1, /* for the state machine */
    ENTRY_BARRIER = 2, /* a leader's first entry: commits what earlier terms left */
    ENTRY_CHANGE = 3,  /* a complete new membership */
};

enum member_role {
    MEMBER_STANDBY = 0, /* gets the log, has no vote */
    MEMBER_VOTER = 1,
    MEMBER_SPARE = 2, /* known, gets nothing yet */
};

/* What the state machine's owner sees of a membership. */
struct member {
    uint64_t id;
    enum member_role role;
    const char *info; /* the owner's text: name, address, kind; the engine does not read it */
};
#define MEMBERS_MAX 16

struct members {
    size_t count;
    struct member at[MEMBERS_MAX];
};

enum engine_role { ENGINE_FOLLOWER, ENGINE_CANDIDATE, ENGINE_LEADER };

/* Where the engine's work goes. */
struct engine_sink {
    void *ctx;
    /* Make term and vote durable before any message that follows leaves. */
    void (*write_hard)(void *ctx, const struct store_hard *hard);
    /* Replace the log from @from on by these entries (truncate and append are one). Returns the
     * number of the write, for engine_written(); numbers do not go down. */
    uint64_t (*write_entries)(void *ctx, uint64_t from, const struct store_entry *entries,
                              size_t count);
    /* Make the staged snapshot the state, with an empty log behind it. Returns the number of the
     * write. */
    uint64_t (*install)(void *ctx, const struct peer_snapshot *snapshot);
    void (*send)(void *ctx, const struct peer_message *message);
    /* A member needs a snapshot; asked again and again until engine_receive() hears of success. */
    void (*want_snapshot)(void *ctx, uint64_t member);
    /* Something is beyond repair (W15): the owner ends the process. */
    void (*fatal)(void *ctx, const struct err *err);
};

struct engine_settings {
    uint64_t id;
    uint32_t seed; /* different on every node, or elections tie for ever */
    uint32_t election_timeout_ms;
    uint32_t heartbeat_ms;
    uint32_t inflight_entries_max; /* sent to one member and not answered yet */
};

/* In election timeouts: a snapshot of which nothing was heard for so long is lost. */
#define ENGINE_SNAPSHOT_PATIENCE 10

struct engine;

struct engine *engine_create(const struct engine_settings *settings,
                             const struct engine_sink *sink);
void engine_destroy(struct engine *e);

/* W7: a node that is the only voter votes for itself in a term of its own before it starts. True:
 * @hard was changed and must be durable before engine_start() is called with it. */
bool engine_hard_before_start(const struct store_image *image, uint64_t id,
                              struct store_hard *hard);

/* Once, with what was found on disk. */
void engine_start(struct engine *e, uint64_t now_ms, const struct store_image *image,
                  const struct store_hard *hard);

/* While the disk is slow a node should not ask for leadership (safety E1); true at the start. */
void engine_allow_campaign(struct engine *e, bool allowed);
/* Is the disk perhaps an old copy (safety D5)? A sole voter leads by its start, and takes all that
 * it finds for committed: not while it is in doubt. False at the start. */
void engine_doubt(struct engine *e, bool in_doubt);

/* When engine_tick() wants to be called next, later than @now_ms; earlier calls do no harm. */
uint64_t engine_next_tick_ms(const struct engine *e, uint64_t now_ms);
void engine_tick(struct engine *e, uint64_t now_ms);
/* A leader asks its voters now, instead of with the next beat, whether they follow. True: a round
 * has begun. @answered is the newest round that a majority has answered: of two in one millisecond
 * the second begins when that is the first, or a newer one. */
bool engine_beat(struct engine *e, uint64_t now_ms, uint64_t answered);
/* A leader tells everybody who has all entries, and was not told so yet, that all are committed.
 * Says nothing while one is not: the APPENDs that bring more tell it, too. */
void engine_spread(struct engine *e, uint64_t now_ms);

/* @message from a peer; its bytes are only read. A message that is not for this state is dropped.
 */
void engine_receive(struct engine *e, uint64_t now_ms, const struct peer_message *message);

/* All writes up to @number are durable. */
void engine_written(struct engine *e, uint64_t now_ms, uint64_t number);

/* Propose @count commands at once. ERR_NOT_LEADER: also while leadership is being handed over. */
int engine_submit(struct engine *e, uint64_t now_ms, const struct peer_entry *entries, size_t count,
                  struct err *err);

/* The next committed and durable entry after @applied; NULL if there is none now. */
const struct store_entry *engine_next_committed(const struct engine *e, uint64_t applied,
                                                struct store_entry *out);
/* @index has been applied: lets a membership change take effect. */
void engine_applied(struct engine *e, uint64_t now_ms, uint64_t index);
/* The state table is durable at @index: forget entries before @index - @trailing + 1. Returns the
 * first index still kept. The membership at @index is the owner's to remember: see
 * engine_members_at(). */
uint64_t engine_compact(struct engine *e, uint64_t now_ms, uint64_t index, uint64_t trailing);

/* Membership, one step at a time (W12): see engine_member.c for what each refuses. */
enum member_change { CHANGE_ADD, CHANGE_TO_STANDBY, CHANGE_TO_VOTER, CHANGE_REMOVE, CHANGE_INFO };
int engine_change(struct engine *e, uint64_t now_ms, enum member_change change, uint64_t id,
                  const char *info, struct err *err);
/* Start or follow the catching up of a standby: 1 caught up, 0 under way, or an error. */
int engine_catch_up(struct engine *e, uint64_t now_ms, uint64_t id, struct err *err);
/* Hand leadership to @id as soon as it has every entry (W11); proposals are refused meanwhile. */
int engine_transfer(struct engine *e, uint64_t now_ms, uint64_t id, struct err *err);

/* State, for owner and tests. */
enum engine_role engine_role(const struct engine *e);
uint64_t engine_term(const struct engine *e);
uint64_t engine_leader(const struct engine *e); /* 0: unknown */
uint64_t engine_commit(const struct engine *e); /* committed and durable here */
/* Committed as far as this node knows, durable here or not: others may have applied it already. */
uint64_t engine_known_commit(const struct engine *e);
uint64_t engine_last(const struct engine *e);   /* in memory */
uint64_t engine_stored(const struct engine *e); /* durable */
uint64_t engine_first(const struct engine *e);  /* of the log kept */
size_t engine_bytes(const struct engine *e);    /* of the entries kept */
uint64_t engine_round(const struct engine *e);  /* of the newest stamp given out */
uint64_t engine_beaten(const struct engine *e); /* ... of the newest engine_beat() */
/* A new stamp for a message of the owner's that asserts leadership. */
void engine_stamp(struct engine *e, uint64_t now_ms, struct peer_stamp *out);
void engine_snapshot(const struct engine *e, uint64_t *ret_index, uint64_t *ret_term);
uint64_t engine_entry_term(const struct engine *e, uint64_t index);
/* A leader whose own term has committed its first entry: only then it knows all that is committed.
 */
bool engine_is_established(const struct engine *e);
uint64_t engine_match(const struct engine *e, uint64_t member); /* leader only, else 0 */
/* Leader only: since @member last answered in this leadership; UINT64_MAX: it has not yet. */
uint64_t engine_member_silence_ms(const struct engine *e, uint64_t now_ms, uint64_t member);
/* Leader only: a change of membership, the catching up for one, or a transfer is under way. */
bool engine_is_changing(const struct engine *e);
bool engine_installing(const struct engine *e);
uint64_t engine_silence_ms(const struct engine *e, uint64_t now_ms);
/* Leader: nobody else was followed by a majority after this, on the own clock (safety A4). */
uint64_t engine_led_until_ms(const struct engine *e);
/* Leader: index of the first entry of its own term; 0: none yet. */
uint64_t engine_established_at(const struct engine *e);
/* The membership in use (newest in the log), and the last committed one; @out points into the
 * engine until the next call. */
void engine_members(const struct engine *e, struct members *out);
/* Index of the newest membership in log or snapshot. */
uint64_t engine_newest_change(const struct engine *e);
/* Index of the last committed one. */
uint64_t engine_committed_change(const struct engine *e);
uint64_t engine_committed_members(const struct engine *e, struct members *out);
/* NULL: it is not among them. */
const struct member *members_find(const struct members *members, uint64_t id);

/* Memberships as bytes: entry data and snapshot metadata. */
void members_encode(const struct members *members, struct buf *out);
/* Strict; @out points into @keep, which the caller closes. */
int members_decode(const void *bytes, size_t size, struct members *out, struct buf *keep,
                   struct err *err);

#endif /* CONSENSUS_ENGINE_H_ */
