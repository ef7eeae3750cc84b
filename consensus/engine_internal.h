/* consensus/engine_internal.h - the insides of the engine, shared by engine*.c and members.c alone.
 */
#ifndef CONSENSUS_ENGINE_INTERNAL_H_
#define CONSENSUS_ENGINE_INTERNAL_H_

#include <raft.h>

#include "consensus/engine.h"
#include "consensus/tail.h"

/* One write that the owner was given: entries, or an install. */
struct engine_write {
    uint64_t number;
    bool installs;
    uint64_t first;
    size_t count;    /* of its entries that no later write takes away again */
    uint64_t *terms; /* of the entries */
};

struct engine_heard {
    uint64_t member;
    uint64_t at_ms;
    uint64_t told; /* that all entries up to here are committed, between two beats */
};

struct engine {
    struct raft raft;
    struct engine_settings settings;
    struct engine_sink sink;
    struct tail tail;
    uint64_t now_ms; /* never goes back */
    uint64_t commit; /* the highest ever seen (W6) */
    uint64_t applied;
    bool may_campaign;
    bool in_doubt;
    bool failed; /* after fatal(): every call does nothing */

    /* engine_write.c (W3): what is being written, oldest first. */
    struct engine_write *writes;
    size_t writes_count;
    size_t writes_room;

    /* engine_receive.c */
    const struct peer_message *answering; /* the vote request of this step, for W8 and W9 */
    bool refused;                         /* an APPEND of this step did not match */
    struct peer_stamp echo;               /* the newest stamp seen: goes back with every answer */
    uint64_t heard_leader_ms;             /* a message of any leader was processed, or the start */
    uint64_t votes_term;                  /* safety A4: of the votes that were received last ... */
    uint64_t votes_led_until_ms; /* ... and until when their givers may have followed a leader */
    struct peer_snapshot installing; /* W13: being made the state; index 0: none */
    struct buf installing_conf;

    /* Leadership (engine.c, engine_member.c). */
    bool leading; /* what the last step left behind */
    uint64_t leading_since_ms;
    uint64_t beaten_ms;      /* the last engine_beat() ... */
    uint64_t beaten;         /* ... and its round */
    uint64_t next_beat_ms;   /* W10 */
    uint64_t established_at; /* the first entry of the own term */
    uint64_t round;          /* of stamps; never goes back */
    uint64_t transfer_to;    /* W11 */
    uint64_t transfer_until_ms;
    bool transfer_started;
    uint64_t newest_change; /* index of the newest CHANGE in log or snapshot */
    struct engine_heard heard[MEMBERS_MAX];
};

/* libraft keeps some addresses but we never use them: the text of every member is in the
 * membership. */
#define NO_ADDRESS "-"

/* Run one event through libraft and carry out all that it asks for. False: a SUBMIT or TRANSFER was
 * refused and nothing has changed, or all is beyond repair and fatal() has been told (W15). */
bool engine_step(struct engine *e, struct raft_event *event);
/* Now, but never before an earlier now. */
void engine_set_now(struct engine *e, uint64_t now_ms);
/* A token that libraft and we free as "the batch" of entries; the bytes themselves are never read
 * by libraft. */
void *engine_batch_token(void);

/* engine_write.c */
void engine_note_entries(struct engine *e, uint64_t number, uint64_t first, size_t count);
void engine_note_install(struct engine *e, uint64_t number);
void engine_writes_close(struct engine *e);

/* engine_receive.c: the answers of libraft on their way out. */
void engine_send_vote_result(struct engine *e, const struct raft_message *m);
void engine_send_append_result(struct engine *e, const struct raft_message *m);

/* engine_member.c */
void engine_member_tick(struct engine *e);
void engine_heard_from(struct engine *e, uint64_t member);
bool engine_submit_barrier(struct engine *e);

/* members.c */
void members_to_raft(const struct members *members, struct raft_configuration *conf);
void members_from_raft(const struct raft_configuration *conf, struct members *out);
/* libraft wants both the id and the text of each member to be its own. */
bool members_clash(const struct members *members, uint64_t id, const char *info);
/* W15: libraft trusts the lengths in these bytes, so they are checked first. */
bool members_bytes_valid(const void *bytes, size_t size);

#endif /* CONSENSUS_ENGINE_INTERNAL_H_ */
