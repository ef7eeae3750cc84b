/* proto/peer.h - what the members of a cluster say to each other, as plain values.
 *
 * One struct a message; peer_codec.c turns it into bytes and back. What a message points to
 * (entries, rows, the text of a member) belongs to whoever made it and is copied by whoever keeps
 * it. */
#ifndef PROTO_PEER_H_
#define PROTO_PEER_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum peer_kind {
    PEER_APPEND = 1,    /* leader: entries, or none as a heartbeat */
    PEER_APPEND_RESULT, /* and the answer to a snapshot, too */
    PEER_VOTE,
    PEER_VOTE_RESULT,
    PEER_TIMEOUT_NOW, /* leader: start an election at once, a transfer is on */
    PEER_SNAPSHOT,    /* leader: a snapshot that has been staged completely */
    /* Beside Raft. */
    PEER_CHUNK = 16,   /* leader: rows of a snapshot */
    PEER_CHUNK_RESULT, /* they are staged */
    PEER_READ_INDEX,   /* follower: from which index on may I answer reads? */
    PEER_READ_INDEX_RESULT,
    PEER_KEEP_ALIVE = 20, /* a lease's holder, to the leader or to a member that passes it on */
    PEER_KEEP_ALIVE_RESULT,
    PEER_SOFT =
        24, /* leader: the soft state of everybody, as far as it knows (docs/consensus.md) */
    PEER_SOFT_RESULT, /* and what the member knows, with its own */
    PEER_HELLO = 28,  /* which life this is, and what its disk said when it began (safety D5) */
    PEER_HELLO_RESULT,
    PEER_JOIN, /* to the leader, perhaps by another member: a wish about the membership */
    PEER_JOIN_RESULT,
    /* Before there is a cluster (consensus/form.h). */
    PEER_FORM_HELLO = 32, /* who I am, and how I stand to a cluster */
    PEER_FORM_PROPOSAL,   /* let us be one */
    /* From runtime to runtime, past the core (consensus/node/ask.h). */
    PEER_ASK = 40,
    PEER_ANSWER,
};

/* When a leader asserted its leadership; echoed with every answer (docs/leases.md). */
struct peer_stamp {
    uint64_t term; /* of the leadership that sent it; 0: no stamp */
    uint64_t round;
    uint64_t sent_ms; /* on the leader's own clock, rounded down */
};

struct peer_entry {
    uint64_t term;
    uint8_t type; /* enum entry_type */
    const void *data;
    size_t size;
};

struct peer_append {
    uint64_t prev_index;
    uint64_t prev_term;
    uint64_t commit;
    uint64_t urgent; /* entries up to here are wanted even by a disk that is full; 0: none */
    uint64_t stored; /* the leader's own disk has these, and it counts itself for them */
    size_t count;
    const struct peer_entry *entries;
};

/* How a member's disk is (consensus/core_disk.c). */
enum peer_disk { PEER_DISK_WELL, PEER_DISK_SLOW, PEER_DISK_FULL };

struct peer_append_result {
    uint64_t rejected;   /* the index that did not match; 0: accepted */
    uint64_t last_index; /* accepted: durable up to here; rejected: where the log ends */
    enum peer_disk disk;
};

struct peer_vote {
    uint64_t last_index;
    uint64_t last_term;
    bool disrupt_leader; /* a transfer: vote even though there is a leader */
    bool pre_vote;
};

struct peer_vote_result {
    bool granted;
    bool pre_vote;
    uint64_t silence_ms; /* since the giver last processed a message of any leader, or started
                            (safety A4) */
};

struct peer_timeout_now {
    uint64_t last_index;
    uint64_t last_term;
};

struct peer_snapshot {
    uint64_t index;
    uint64_t term;
    uint64_t conf_index;
    const void *conf; /* encoded membership at @index */
    size_t conf_size;
    uint64_t staged; /* what the receiver calls the staged rows */
    /* Ids that were members before: u64 each, little-endian. They stay out, and whoever gets the
     * snapshot has not seen them go. */
    const void *gone;
    size_t gone_size;
};

/* A snapshot travels ahead of PEER_SNAPSHOT, piece by piece; the next one follows the answer to the
 * last. */
struct peer_row {
    const void *key;
    size_t key_size;
    const void *value;
    size_t value_size;
};

struct peer_chunk {
    uint64_t ship;   /* the sender's name for this snapshot */
    uint64_t number; /* of the chunk, from 0 */
    bool last;
    size_t count;
    const struct peer_row *rows;
};

struct peer_chunk_result {
    uint64_t ship;
    uint64_t number; /* the chunk wanted next; 0: begin again */
};

struct peer_read_index {
    uint64_t question; /* the asker's name for it */
    uint64_t index;    /* in the answer: apply up to here, then read; 0: not the leader */
};

/* Lease keep-alives (docs/leases.md). They may go by one other member, which passes the answer on.
 */
struct peer_keep_alive {
    uint64_t holder; /* who asks, whoever sends it */
    uint64_t name;   /* the holder's, for this keep-alive alone */
    uint64_t lease;
    uint64_t grant; /* index of the entry that granted it */
    uint64_t epoch;
    bool passed_on;
    bool urgent; /* the holder has no time yet: do not wait for the next heartbeat */
};

struct peer_keep_alive_result {
    uint64_t holder;
    uint64_t name;
    uint64_t lease;
    int status;      /* 0: confirmed; else ERR_*: it will not be, and asking again is no use */
    uint64_t ttl_ms; /* of the lease, when it was confirmed */
};

/* The soft state of one member. */
struct peer_soft_state {
    uint64_t member;
    uint64_t life; /* its version: these three, in this order (consensus/soft.h) */
    uint64_t token;
    uint64_t counter;
    uint64_t age_ms; /* when the message was made: that long ago, or less, the member stood by it */
    bool has_bytes;  /* or the receiver has them already, or gets them later */
    const void *bytes;
    size_t size;
};

struct peer_soft {
    uint64_t token;   /* of this life of the sender; not 0 */
    uint64_t sent_ms; /* on the sender's clock */
    uint64_t
        echo_token; /* both, from the newest message of the receiver's; 0: there was none yet */
    uint64_t echo_ms;
    bool slow_disk;        /* the sender's is */
    bool moved;            /* leadership was moved by placement, or by hand ... */
    uint64_t moved_age_ms; /* ... this long ago, as far as the sender knows */
    size_t count;
    const struct peer_soft_state *states;
};

#define PEER_CLUSTER_ID_SIZE 16

/* Nobody is listened to before its hello was found to be in order (consensus/peer_memory.h). */
struct peer_hello {
    uint8_t cluster_id[PEER_CLUSTER_ID_SIZE]; /* all zero: of no cluster yet */
    const char *name;
    /* What the disk said when this life began, or the first after @clear_life: */
    uint64_t start_term;
    uint64_t start_vote;
    uint64_t start_last; /* index of the log's last entry */
    uint64_t start_counter;
    uint64_t counter;    /* of durable batches, now */
    uint64_t conf_index; /* of the newest membership it knows and is in; 0: none */
    uint64_t clear_life; /* the newest life on this disk that got so far as to vote; 0: none */
};

enum hello_verdict {
    HELLO_FINE,
    HELLO_STRANGER,      /* not known yet, or not any more: say hello */
    HELLO_OTHER_CLUSTER, /* not one of ours */
    HELLO_REMOVED,       /* was a member, and is none any more */
    /* An old copy of a disk: whoever answers so was told more under this id ... */
    HELLO_OLD_LIFE,    /* ... by a later life */
    HELLO_OLD_COUNTER, /* ... that is, of more batches */
    HELLO_OLD_TERM,    /* ... of a later term, or of a vote in this one */
    HELLO_OLD_LOG,     /* ... of more entries */
};

struct peer_hello_result {
    uint8_t cluster_id[PEER_CLUSTER_ID_SIZE];
    uint64_t life;   /* that is answered */
    uint8_t verdict; /* enum hello_verdict */
};

enum join_wish {
    JOIN_IN = 1, /* the subject wants to belong, as its text says */
    JOIN_OUT,    /* an operator: remove it */
    JOIN_DEMOTE, /* an operator: it keeps its copy and loses its vote */
};

struct peer_join {
    uint64_t subject; /* raft id of the member or node it is about */
    uint64_t wisher;  /* who is answered; @from may have passed it on */
    uint8_t wish;     /* enum join_wish */
    bool wants_vote;  /* JOIN_IN */
    bool at_once;     /* JOIN_IN, an operator: do not wait for the one to be replaced */
    bool passed_on;
    const char *text; /* JOIN_IN: proto/member.h */
};

struct peer_join_result {
    uint64_t subject;
    uint64_t wisher;
    uint8_t wish;
    uint8_t cluster_id[PEER_CLUSTER_ID_SIZE];
    bool done;
    int status;         /* 0: done or on its way; else ERR_*, and asking again may help */
    const char *reason; /* "" or why it is not done yet */
};

/* Kept on the wire: never renumber. */
enum peer_form_standing {
    FORM_BLANK = 1,    /* of no cluster, promised to nobody */
    FORM_PROMISED = 2, /* to the proposal that is named */
    FORM_MEMBER = 3,   /* of the cluster that is named */
};

/* What is said of oneself is durable. Messages of formation are the only ones that go to a peer
 * of unknown id (to is 0): to whoever answers at the address. */
struct peer_form_hello {
    const char *info; /* the sender as a member's line (proto/member.h) */
    const char *list; /* the peers it was started with, "name=address,..."; of a member: "" */
    enum peer_form_standing standing;
    bool answer;            /* to a hello: not to be answered */
    bool may_form;          /* false: has data of a cluster, and only ever joins one */
    bool lists_you;         /* of a member: the one spoken to is a member, too */
    uint64_t floor;         /* what this node proposed under a lower number can never be formed */
    uint8_t cluster_id[16]; /* of the proposal, or the cluster; zeros: neither */
    uint64_t proposer;      /* and, of a proposal, its key (consensus/form_record.h) */
    uint64_t number;
    uint64_t hash_low;
    uint64_t hash_high;
};

struct peer_form_proposal {
    const void *bytes; /* see consensus/form_record.h */
    size_t size;
};

/* A member asks another one to do something for it, most often the leader. What is asked, and what
 * the bytes mean, is for consensus/node/ask.h. */
#define PEER_NUMBERS_MAX 16
struct peer_ask {
    uint64_t question; /* the asker's name for it */
    uint32_t what;
    uint32_t wait_ms; /* the asker waits no longer */
    size_t number_count;
    uint64_t numbers[PEER_NUMBERS_MAX];
    const void *bytes;
    size_t size;
};

struct peer_answer {
    uint64_t question;
    int status; /* 0 or ERR_* */
    const char *reason;
    size_t number_count;
    uint64_t numbers[PEER_NUMBERS_MAX];
    const void *bytes;
    size_t size;
};

struct peer_message {
    enum peer_kind kind;
    uint64_t from;
    uint64_t to;
    uint64_t life; /* of the sender (peer_life()); 0: not told, as in tests of parts */
    uint64_t term;
    struct peer_stamp stamp;
    union {
        struct peer_append append;
        struct peer_append_result append_result;
        struct peer_vote vote;
        struct peer_vote_result vote_result;
        struct peer_timeout_now timeout_now;
        struct peer_snapshot snapshot;
        struct peer_chunk chunk;
        struct peer_chunk_result chunk_result;
        struct peer_read_index read_index;
        struct peer_keep_alive keep_alive;
        struct peer_keep_alive_result keep_alive_result;
        struct peer_soft soft;
        struct peer_hello hello;
        struct peer_hello_result hello_result;
        struct peer_join join;
        struct peer_join_result join_result;
        struct peer_form_hello form_hello;
        struct peer_form_proposal form_proposal;
        struct peer_ask ask;
        struct peer_answer answer;
    };
};

/* @in with everything that it points to put into @bytes, which the caller closes after @out. */
void peer_message_copy(struct peer_message *out, const struct peer_message *in, struct buf *bytes);

#endif /* PROTO_PEER_H_ */
