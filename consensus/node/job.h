/* consensus/node/job.h - one request on its way through a node, from its call to its answer.
 *
 * Made in the caller's thread with a copy of everything it points to, handed to the consensus
 * thread, answered there, and delivered in the thread that dispatches. A job that serves another
 * member (ask.h) is made on the consensus thread and answered with a message.
 *
 *   job_create() --> node_order() --> WAITING <--> IN_CORE, ASKED --> job_finish() --> deliver */
#ifndef CONSENSUS_NODE_JOB_H_
#define CONSENSUS_NODE_JOB_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "consensus/pgraft.h"
#include "proto/arena.h"
#include "proto/kv.h"

enum job_kind {
    JOB_COMMAND, /* one entry of the log: @command */
    JOB_READ,    /* @command is a transaction of ranges alone */
    JOB_GET_AT,  /* @command is a transaction of one range, at @revision */
    JOB_LEASE_KEEP,
    JOB_LEASE_SHOW,
    JOB_LEASE_LIST,
    JOB_STATUS,
    JOB_HEALTH,
    JOB_TRANSFER,
    JOB_MEMBER,
    JOB_FORM_WITHOUT,
    JOB_FORM_FORGET,
    JOB_DUMP, /* the next slice of @subject, 0: of a new one */
};

enum job_state {
    JOB_WAITING, /* for a leader, for its turn, for another look */
    JOB_IN_CORE, /* the core has a ticket of its id */
    JOB_ASKED,   /* another member */
};

struct job {
    struct list link;     /* of an inbox, of the node's jobs, of an outbox */
    struct list by_id;    /* among the node's jobs */
    struct list in_order; /* commands that have a sequence, by it */
    enum job_kind kind;
    enum job_state state;
    uint64_t id;
    uint64_t deadline_ms; /* CLOCK_BOOTTIME */

    /* Who is answered: a caller, or another member. */
    pgraft_done_cb done;
    void *ctx;
    uint64_t from;
    uint64_t question;

    /* What is asked. */
    struct arena arena;
    struct kv_command command;
    bool has_session; /* the command says itself who it is */
    bool local;
    uint64_t revision;
    uint64_t subject; /* a lease, a member */
    uint64_t flags;   /* ask_all, enum pgraft_change_kind; of an addition also the kind, 0: any */
    const char *text; /* in the arena: names; of an addition "name=address" */

    /* On the way. */
    struct buf encoded; /* JOB_COMMAND, as it is proposed */
    size_t unsettled;   /* JOB_COMMAND: times it was sent that may still apply it, or have */
    bool is_anew;       /* JOB_COMMAND: its client was forgotten, it goes as another one's */
    bool was_sent;      /* JOB_TRANSFER, JOB_MEMBER: it was begun */
    bool is_resolved;   /* JOB_MEMBER: @subject is the member that was meant */
    bool is_confirmed;  /* a read was confirmed for it: what this node has is new enough */
    uint64_t asked_to;  /* last; 0: nobody yet */
    uint64_t again_ms;  /* not before */
    uint64_t began_ms;

    /* The answer. */
    int status;
    char message[ERR_MSG_MAX];
    uint64_t answer_revision;
    uint64_t oldest_revision;
    uint64_t age_ms;
    struct buf answer;       /* an encoded result (kv_codec.h), to be decoded by who delivers */
    struct arena room;       /* of what follows */
    struct kv_result result; /* in the clear, if @has_result */
    bool has_result;
    struct pgraft_lease_info *leases;
    size_t lease_count;
    struct pgraft_status *state_of_all;
    const struct pgraft_dump *dump;
    uint32_t unanswered; /* JOB_STATUS: a bit for each member that was asked, by its place */
};

/* Of @flags. */
#define JOB_CHANGE_MASK 0xffU
#define JOB_KIND_SHIFT 8

struct job *job_create(enum job_kind kind);
/* Accepts NULL. */
void job_free(struct job *job);

/* Everything that @command points to, copied into the job. ERR_TOO_LARGE, ERR_INVALID: as
 * kv_command_check(). */
int job_set_command(struct job *job, const struct kv_command *command, struct err *err);
/* Lives as long as the job. */
const char *job_text(struct job *job, const char *text);

/* Memory for the answer: never NULL. */
void *job_room(struct job *job, size_t size);
const char *job_room_text(struct job *job, const char *text);
struct kv_slice job_room_slice(struct job *job, struct kv_slice slice);
/* @in, one result of a read, copied into the room. */
void job_room_result(struct job *job, const struct kv_op_result *in, struct kv_op_result *out);

#endif /* CONSENSUS_NODE_JOB_H_ */
