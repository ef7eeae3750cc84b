/* consensus/form_internal.h - the insides of formation, shared by form*.c alone. */
#ifndef CONSENSUS_FORM_INTERNAL_H_
#define CONSENSUS_FORM_INTERNAL_H_

#include "base/list.h"
#include "consensus/form.h"
#include "consensus/form_record.h"

#define FORM_PEERS_MAX (2 * FORM_LIST_MAX)
#define FORM_STRANGERS_MAX 4

/* Somebody this node talks to, and the newest hello of whoever answers to the name. */
struct form_peer {
    struct form_listed is;
    bool listed; /* in the list; else noted in PGDATA, or a stranger */
    bool heard;
    uint64_t heard_ms;
    struct member_info info;
    enum peer_form_standing standing;
    bool may_form;
    bool lists_us;
    uint64_t floor;
    struct form_key key; /* of its promise; cluster_id: of its cluster */
    struct form_list list;
    /* Another node under the same name. */
    uint64_t other_id; /* 0: none was heard */
    uint64_t other_ms;
};

/* What keeps a peer from being part of a proposal now. */
enum form_trouble {
    TROUBLE_NONE,
    TROUBLE_NEVER_HEARD,
    TROUBLE_SILENT,
    TROUBLE_TWO_NODES,  /* use the name */
    TROUBLE_SAME_ID,    /* as another's */
    TROUBLE_MEMBER,     /* has a cluster */
    TROUBLE_OTHER_LIST, /* than ours */
    TROUBLE_NEVER_FORMS,
    TROUBLE_PROMISED,   /* to somebody else */
    TROUBLE_WE_ARE_OLD, /* promised to a proposal that we do not remember: our disk is an old copy
                         */
};

enum form_act {
    FORM_ACT_NONE,
    FORM_ACT_IDENTIFY, /* draw the id that was not there */
    FORM_ACT_FORM,
    FORM_ACT_DROP,    /* the promise, and never form it */
    FORM_ACT_PROPOSE, /* and promise oneself to it */
    FORM_ACT_PROMISE, /* oneself to what is offered */
};

struct form {
    struct form_settings settings;
    uint64_t now_ms;
    struct member_info me;
    struct store_identity identity; /* newest, durable or not */
    struct form_record record;      /* newest, durable or not */
    bool identified;                /* the id is durable */
    bool formed;                    /* durably */
    struct form_record told;        /* durable: what hellos say */

    uint64_t sequence; /* of the newest batch */
    uint64_t pending;  /* of the one on its way; 0: none */
    bool forming;      /* it makes this node a member */
    struct store_batch *batch;

    struct form_list without; /* by the operator's word */
    bool has_offer;
    struct form_proposal offer;
    uint64_t offered_by;
    uint64_t namesake_id; /* another node that uses our name; 0: none was heard */
    uint64_t namesake_ms;

    size_t peers_count;
    struct form_peer peers[FORM_PEERS_MAX];
    struct form_peer strangers[FORM_STRANGERS_MAX]; /* know us, and are not in our list */
    uint64_t hello_at_ms;
    struct list out;
    struct form_letter *lent;
};

/* form_decide.c */
bool form_has_namesake(const struct form *f);
bool form_present(const struct form *f, const struct form_peer *p);
enum form_trouble form_trouble(const struct form *f, const struct form_peer *p);
bool form_own_proposal(const struct form *f);
/* The list less those left out, and whether this node is its first. */
bool form_is_proposer(const struct form *f);
bool form_is_wanted(const struct form *f, const char *name);
/* The promise of @p to our own proposal is there. */
bool form_has_promised(const struct form *f, const struct form_peer *p);
/* Why this node takes no part in forming; NULL: it does. */
const char *form_barred(const struct form *f);
/* The peer whose cluster is to be joined, or a stranger whose cluster lists this node already (an
 * operator added it: node/guests.c); NULL: none. @ret_two (may be NULL): peers belong to
 * different clusters. */
const struct form_peer *form_joinable(const struct form *f, bool *ret_two);
enum form_act form_decide(const struct form *f);
void form_propose(const struct form *f, struct form_proposal *out);

/* form_hello.c */
struct form_letter {
    struct list link;
    struct form_listed to;
    struct peer_message message;
    struct buf bytes;
};
void form_hello_all(struct form *f);
void form_hello_receive(struct form *f, const struct peer_message *m);
void form_send_proposal(struct form *f);
void form_letter_free(struct form_letter *letter);

#endif /* CONSENSUS_FORM_INTERNAL_H_ */
