/* consensus/form.h - from a list of peers to one cluster, or to the one that is there already.
 *
 * What a node without a cluster runs before it has a core (docs/formation.md). Deterministic like
 * the core: no clock, no I/O, no randomness but the settings; events in, batches and messages out,
 * and at the end one of two outcomes: FORM_FORMED, entry 1 is durable and a core can be created
 * from the disk; or FORM_JOIN, a cluster was found that this node has to be added to.
 *
 *   proposer   the first of the list by name, when all are present, blank and have the same list:
 *              (durable) proposal --> PROPOSAL to all ... promises of all --> (durable) formed
 *   others     PROPOSAL --> (durable) promise --> HELLO, promised ... HELLO, formed --> (durable)
 *              formed
 *
 * What is durable is told in every hello, and nothing else is. There is one batch on its way at a
 * time, and while there is one nothing is decided. A promise ends in the cluster it was given for,
 * by its proposer's word that it will never be formed, by a cluster that lists this node, or by the
 * operator's word; in no other way, however long it takes. */
#ifndef CONSENSUS_FORM_H_
#define CONSENSUS_FORM_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "consensus/engine.h"
#include "consensus/form_list.h"
#include "proto/member.h"
#include "proto/peer.h"
#include "storage/batch.h"

/* What the node's PostgreSQL directory says (safety D2). */
enum form_pgdata {
    FORM_PGDATA_NONE,    /* there is none */
    FORM_PGDATA_FOREIGN, /* there is one, without a note of ours */
    FORM_PGDATA_NOTED,   /* it belongs to a cluster: such a node never forms another */
};

struct form_settings {
    char name[MEMBER_NAME_MAX + 1]; /* this node's, which is in @list */
    enum member_kind kind;
    char site[MEMBER_SITE_MAX + 1];
    struct form_list list;
    struct form_list asks; /* peers of the note in PGDATA: asked whether they have a cluster */
    enum form_pgdata pgdata;
    bool adopt;       /* the operator's word that a foreign PGDATA is the cluster's */
    uint64_t node_id; /* drawn at random; used if the directory has none yet */
    uint64_t seed;    /* drawn at random */
    uint32_t hello_ms;
    uint32_t absent_ms; /* who was not heard for so long is not there */
};
/* The times, and nothing else. */
struct form_settings form_settings_default(void);

enum form_state {
    FORM_WAITING,   /* somebody is missing or has to act: form_say() */
    FORM_PROPOSING, /* the promises of all are being collected */
    FORM_BOUND,     /* promised to somebody's proposal */
    FORM_WRITING,   /* a batch is on its way */
    FORM_REFUSED,   /* nothing will come of it until the operator acts: form_say() */
    FORM_FORMED,    /* outcome: this node is a member; load the disk again */
    FORM_JOIN,      /* outcome, as long as it holds: form_found() says which cluster */
};

/* One message on its way. @name and @address are the list's. */
struct form_message {
    const char *name;
    const char *address;
    struct peer_message message; /* to: 0 if the id is not known */
};

struct form;

/* ERR_INVALID: list or name make no sense; ERR_REFUSED: this directory was copied, or holds a log
 * without a cluster; ERR_CORRUPT, ERR_VERSION: what is on disk. An image with a cluster is
 * FORM_FORMED at once. Sequences of batches begin at 1. */
int form_create(const struct form_settings *settings, uint64_t now_ms,
                const struct store_image *image, struct form **ret, struct err *err);
/* Accepts NULL. */
void form_destroy(struct form *f);

/* --- events --- */
uint64_t form_next_tick_ms(const struct form *f, uint64_t now_ms);
void form_tick(struct form *f, uint64_t now_ms);
/* Anything but hellos and proposals is dropped, and so is what is malformed. */
void form_receive(struct form *f, uint64_t now_ms, const struct peer_message *message);
/* All batches up to @sequence are durable. */
void form_durable(struct form *f, uint64_t now_ms, uint64_t sequence);

/* The operator: propose without these listed names, who never come; none: with all of them.
 * ERR_REFUSED with the reason: this node would not be the first of what is left, that would not be
 * more than half of the list (two halves could form two clusters), or the one named is there. Lasts
 * until the next call, or the end of the process before a proposal was made of it. */
int form_without(struct form *f, uint64_t now_ms, const char *const *names, size_t count,
                 struct err *err);
/* The operator: the one who proposed is lost for good, drop the promise to it. Dangerous if that is
 * wrong: it may have formed the cluster with our promise (docs/formation.md). */
int form_forget(struct form *f, uint64_t now_ms, struct err *err);

/* --- what must be done --- */
struct store_batch *form_next_batch(struct form *f); /* the taker destroys it; NULL: none */
bool form_next_message(struct form *f, struct form_message *out); /* valid until the next call */

/* --- questions --- */
enum form_state form_state(const struct form *f);
const char *form_state_name(enum form_state state);
uint64_t form_node_id(const struct form *f);
/* FORM_FORMED, FORM_JOIN: which cluster; and who said so, FORM_JOIN. */
struct form_found {
    uint8_t cluster_id[CLUSTER_ID_SIZE];
    struct member_info peer;
};
bool form_found(const struct form *f, struct form_found *out);
/* Appends one line for people: for whom this node waits and why, or why it refuses. Never empty
 * unless there is an outcome. */
void form_say(const struct form *f, struct buf *out);
/* For whom: the listed names that keep it from going on; how many. */
size_t form_waits_for(const struct form *f, const char *names[FORM_LIST_MAX]);

/* Peer @at of the list; false: there are no so many. What keeps it from being part of a cluster is
 * appended to @trouble, nothing if nothing does but its silence. */
struct form_seen {
    const char *name;
    const char *address;
    uint64_t id;                    /* 0: it was never heard */
    uint64_t heard_ms;              /* ago; UINT64_MAX: never */
    const struct member_info *info; /* if it was heard */
};
bool form_peer_at(const struct form *f, size_t at, struct form_seen *out, struct buf *trouble);

/* Appends what an operator should know of a cluster of so many voters; nothing: all is well. To be
 * said when it is formed, and wherever members are listed. */
void form_advise(size_t voters, struct buf *out);

/* --- for nodes that have a cluster --- */
struct form_member {
    uint8_t cluster_id[CLUSTER_ID_SIZE];
    struct member_info info;
    const struct members *members; /* the committed ones */
};
/* The answer of a member to a message of formation: false: none is due. @out points into @keep,
 * which the caller closes. */
bool form_answer(const struct form_member *me, const struct peer_message *in,
                 struct peer_message *out, struct buf *keep);
/* What a member says, unasked, to a node that an operator wants in the cluster, @to its id or 0: a
 * blank one answers with who it is, and joins when it hears that it is listed. */
void form_call(const struct form_member *me, uint64_t to, struct peer_message *out,
               struct buf *keep);

#endif /* CONSENSUS_FORM_H_ */
