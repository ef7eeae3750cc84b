/* tests/sim/operator.h - wishes about living members, and what is known of the membership. */
#ifndef TESTS_SIM_OPERATOR_H_
#define TESTS_SIM_OPERATOR_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "consensus/engine.h"
#include "proto/peer.h"
#include "storage/batch.h"
#include "tests/lib/random.h"

#define SIM_NODES 9
#define SIM_CHANGES_KEPT 16
#define SIM_REMOVED_MAX 64

struct sim;
struct sim_node;

/* One wish at a time; of slots, an id says which of their lives is meant. */
struct sim_operator {
    bool plays;
    bool hosts_die;
    size_t gone_max; /* hosts that are out or dead at a time */
    struct test_random random;
    unsigned int voters_max;
    bool witness[SIM_NODES];
    bool wants_no_vote[SIM_NODES];
    uint64_t dead[SIM_NODES];    /* its host never comes back */
    uint64_t demoted[SIM_NODES]; /* has lost its vote */
    uint64_t invited[SIM_NODES]; /* the operator wants it to have its vote again */
    bool asking;
    enum join_wish wish;
    uint64_t subject;
    uint64_t until_ns;
    uint64_t asked_ns; /* for a vote to be taken away, last */
    uint64_t died_ns;  /* when the last host did */
};

struct sim_member {
    uint64_t id;
    enum member_role role;
};

struct sim_removed {
    uint64_t id;
    uint64_t index; /* of the change */
    uint64_t term;  /* that knew it committed */
};

/* Of a slot: the changes in its log, and the newest membership that it went by. */
struct sim_log {
    size_t count;
    uint64_t index[SIM_CHANGES_KEPT];
    uint64_t term[SIM_CHANGES_KEPT];
    bool news;
    uint64_t change;    /* index of the membership below; ... */
    uint64_t member;    /* ... of this id; ... */
    uint64_t committed; /* ... of the newest that is committed here */
    uint64_t had_vote;  /* the life in which it knew that it had a vote */
    bool has_vote;      /* by the newest that is committed here */
    size_t voters;
    uint64_t voter[MEMBERS_MAX];
    uint64_t life; /* that its messages name */
    bool told;     /* that it was removed */
};

/* What is committed, as whoever knows most knows it. */
struct sim_roll {
    uint64_t index;
    size_t count;
    struct sim_member at[MEMBERS_MAX];
    size_t removed_count;
    struct sim_removed removed[SIM_REMOVED_MAX];
    struct sim_log log[SIM_NODES];
};

/* operator.c */
void operator_draw(struct sim *sim);
bool operator_is_dead(const struct sim *sim, const struct sim_node *n);
/* Would the cluster outlive the loss of one more disk, whichever of the wishes come true? */
bool operator_may_lose(const struct sim *sim);
void operator_hear(struct sim *sim, const struct peer_message *message);
void operator_act(struct sim *sim);

/* member_checks.c */
void member_check_start(struct sim *sim, const struct sim_node *n, const struct store_image *image);
void member_check_batch(struct sim *sim, const struct sim_node *n, const struct store_batch *batch);
void member_check_sent(struct sim *sim, const struct sim_node *n, const struct peer_message *m);
void member_check_node(struct sim *sim, struct sim_node *n); /* after check_node() */
/* core_receive(), with an eye on what somebody who was removed does with it. */
void member_receive(struct sim *sim, struct sim_node *n, const struct peer_message *m);
bool member_was_removed(const struct sim *sim, uint64_t id);
/* Every membership that anybody goes by has so many voters, and all of them live. */
bool member_may_lose(const struct sim *sim, size_t voters);

#endif /* TESTS_SIM_OPERATOR_H_ */
