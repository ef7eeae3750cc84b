/* tests/sim/restores.h - old copies of a disk that come back, and what is known about them.
 *
 * restores.c takes the copies, puts one back and ends what must end; told.c is the book of who told
 * whom what, and judges by it. */
#ifndef TESTS_SIM_RESTORES_H_
#define TESTS_SIM_RESTORES_H_

#include <stdbool.h>
#include <stdint.h>

#include "consensus/core.h"
#include "tests/lib/random.h"
#include "tests/lib/store_double.h"
#include "tests/sim/operator.h"

struct sim;
struct sim_node;

/* What a node has heard of another: from when its hello was found fine, no more than it must
 * remember. */
struct sim_told {
    uint64_t id;
    uint64_t life;    /* the newest that was told "fine"; 0: none */
    uint64_t counter; /* the highest that it told, of batches, terms and entries in the term ... */
    uint64_t term;
    uint64_t vote;
    uint64_t acked;
    uint64_t clear_life;       /* the newest that may vote, by word or deed */
    bool lasts;                /* news of it came while it was a member: the disk gets it, too */
    uint64_t greeted;          /* the life of the newest hello */
    struct peer_hello hello;   /* ... and the hello; its name is not kept */
    uint64_t must_not_be_fine; /* a life that is an old copy, as this listener knows */
    bool is_old; /* the disk of this id is one: a hello has shown it, by more than its number */
};

#define SIM_COPY_LIVES 64

/* Of a slot. */
struct sim_restore {
    struct store_double *copy; /* of a while ago; NULL: none */
    uint64_t copy_id;
    bool moved;     /* the files say that they come from elsewhere */
    bool restored;  /* the disk of this id is a copy ... */
    bool forgot;    /* ... that knows less than was written, so that promises may be lost */
    bool unseen;    /* it was about to act, and nobody who knew better had answered */
    bool told_old;  /* it was told that it is an old copy */
    bool was_clear; /* a life of it might vote: nobody who knew better had answered in time */
    bool is_barred; /* ... and that is on its disk */
    /* Its starts, the newest of them: late words of an honest life before it are still on their
     * way. */
    uint64_t lives[SIM_COPY_LIVES];
    size_t lives_count;
    uint64_t starts_again; /* times that it is started again before it is taken away */
    /* Of the running life. */
    uint64_t life;
    uint64_t started_ms;
    bool may_speak;                  /* it has waited, or all voters have answered */
    uint64_t fine[SIM_NODES];        /* ids that have ... */
    uint64_t fine_before[SIM_NODES]; /* ... and who lived in their slot before */
    struct peer_hello hello;
    uint64_t led_term;
    uint64_t votes_term, votes[SIM_NODES]; /* ids whose votes it may count */
    /* What it has heard of others, and what of it is durable, or will be with a batch. */
    struct sim_told heard[SIM_NODES];
    struct sim_told going[SIM_NODES];
    uint64_t going_sequence;
    struct sim_told kept[SIM_NODES];
};

struct sim_restores {
    struct test_random dice; /* its own: lives go on as they would without */
    bool plays;
    double copy_chance; /* that a copy is taken, at each look */
    struct sim_restore of[SIM_NODES];
};

/* restores.c */
void restore_draw(struct sim *sim);
void restore_copies(struct sim *sim);
void restore_close(struct sim *sim);
/* Perhaps the disk that it starts from is an old one. */
void restore_strikes(struct sim *sim, struct sim_node *n);
/* The newest files, but from elsewhere. */
void restore_from_elsewhere(struct sim *sim, struct sim_node *n);
void restore_started(struct sim *sim, struct sim_node *n, const struct store_image *image,
                     uint32_t seed);
/* Whoever lives in this slot from now on has nothing to do with who did. */
void restore_discarded(struct sim *sim, const struct sim_node *n);
/* Its votes and copies do not count any more. */
bool restore_is_old(const struct sim *sim, const struct sim_node *n);
/* True: the node was an old copy, and is gone. */
bool restore_ends(struct sim *sim, struct sim_node *n);
/* The node is not allowed to start from its disk. */
void restore_barred(struct sim *sim, const struct sim_node *n);

/* told.c */
/* False: it does not leave. */
bool told_sends(struct sim *sim, const struct sim_node *from, size_t to,
                const struct peer_message *message);
void told_hears(struct sim *sim, const struct sim_node *n, const struct peer_message *message);
/* False: it is about to act as a sole voter, and nobody has seen that it is an old copy. */
bool told_turn(struct sim *sim, const struct sim_node *n);
/* It leads, and may act as a leader: a sole voter is elected by its start alone. */
bool told_leads(const struct sim *sim, const struct sim_node *n);
void told_batch(struct sim *sim, const struct sim_node *n, const struct store_batch *batch);
void told_durable(struct sim *sim, const struct sim_node *n, uint64_t sequence);
void told_judge(struct sim *sim, const struct sim_node *n);

#endif /* TESTS_SIM_RESTORES_H_ */
