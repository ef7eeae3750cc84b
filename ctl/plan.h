/* ctl/plan.h - how many votes a cluster needs, and where, to survive what its owner wishes.
 *
 * A majority of N votes is N / 2 + 1, so surviving F losses takes 2F + 1 votes. Databases vote;
 * where they are too few, witnesses make up the number. Every layout is one that the daemon runs:
 * at most PLAN_VOTES_MAX votes and PLAN_NODES_MAX members, and what database is beyond the votes is
 * a non-voter; a witness always votes. Pure: no I/O, no allocation. */
#ifndef CTL_PLAN_H_
#define CTL_PLAN_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define PLAN_VOTES_DEFAULT 7 /* raft.max_voters unless set */
#define PLAN_VOTES_MAX 9     /* the most it can be set to, and the most that can be in raft.peers */
#define PLAN_NODES_MAX 16    /* members of a cluster */
#define PLAN_LOSSES_MAX 40
#define PLAN_WORD_SIZE 24

struct plan_wish {
    bool by_sites;
    unsigned sites;
    unsigned databases; /* by sites: in each of them */
    unsigned survive;   /* this many nodes, or whole sites, may be lost */
    unsigned votes_max; /* raft.max_voters; 0: not set, so the default unless it takes more */
};

struct plan_node {
    char name[PLAN_WORD_SIZE]; /* pg1, pg2, ... w1, w2 ... */
    char site[PLAN_WORD_SIZE]; /* by sites: site1 ..., of a witness outside1 ...; else "" */
    bool is_database;          /* else a witness */
    bool votes;
};

/* What is left after the worst loss of that size. */
struct plan_loss {
    unsigned nodes; /* any so many nodes; by sites: so many places outside of the sites */
    unsigned sites; /* whole sites */
    unsigned votes_left;
    unsigned databases_left;
    bool works;     /* a majority is left */
    unsigned spare; /* so many more votes may be lost */
};

struct plan_layout {
    const char *name; /* static: "nodes"; by sites: "cheapest", "full" */
    unsigned votes;
    unsigned quorum;
    unsigned survives;       /* any so many nodes */
    unsigned survives_sites; /* by sites */
    unsigned databases;
    unsigned witnesses;
    unsigned votes_per_site; /* by sites */
    unsigned non_voters;
    unsigned set_max_voters; /* what raft.max_voters has to be set to; 0: the default does */
    size_t node_count;
    struct plan_node nodes[PLAN_NODES_MAX]; /* databases first */
    size_t loss_count;
    struct plan_loss losses[PLAN_LOSSES_MAX];
};

struct plan {
    struct plan_wish wish;
    size_t layout_count; /* 1 or 2 */
    struct plan_layout layouts[2];
    /* By sites, when every database voting takes too many votes: how many it would take; else 0. */
    unsigned full_votes;
};

/* ERR_REFUSED: what is wished for is impossible; the message says why, and what is nearest. */
int plan_make(const struct plan_wish *wish, struct plan *ret_plan, struct err *err);

#endif /* CTL_PLAN_H_ */
