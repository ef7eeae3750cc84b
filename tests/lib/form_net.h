/* tests/lib/form_net.h - nodes that form a cluster, their disks and the messages between them.
 *
 * Nothing happens by itself: net_step() lets the next thing happen (a write becomes durable, a
 * message arrives, time goes on), in the order of arrival or in one drawn from a seed, and between
 * two steps a test does what it likes to nodes, disks and messages. What must never be is checked
 * all the time: two clusters, two entries 1, a member whose term or entry is not the first; a
 * cluster without the durable promises of all, a promise that went away or changed without its
 * proposer's durable word; a message that says what is not durable. */
#ifndef TESTS_LIB_FORM_NET_H_
#define TESTS_LIB_FORM_NET_H_

#include "consensus/form.h"
#include "consensus/form_record.h"
#include "tests/lib/store_double.h"

#define NET_NODES 4
#define NET_LETTERS 512
#define NET_PROMISES 256

struct net_node {
    char name[8];
    uint64_t id;
    const char *list; /* that it is started with */
    const char *asks; /* of the note in its PGDATA; NULL: nobody */
    enum form_pgdata pgdata;
    bool adopt;
    enum member_kind kind;
    struct store_double *disk;
    struct form *form; /* NULL: down, or a member */
    bool member;       /* of a cluster: up, and answers as its core's owner would */
    bool cut;          /* nothing reaches it, nothing leaves it */
    uint64_t wiped;
    uint64_t up_at_ms; /* down until then; 0: not down */
    bool forgets;      /* by the operator's word */
    struct form_record durable;
    struct form_member me;
    struct members members;
    struct buf members_bytes;
};

struct net_letter {
    size_t to;
    uint64_t due_ms; /* not before */
    struct peer_message message;
    struct buf bytes;
};

struct net {
    uint64_t now_ms;
    uint64_t seed; /* of the order of things; 0: as they come */
    size_t count;
    struct net_node nodes[NET_NODES];
    size_t letters_count;
    struct net_letter letters[NET_LETTERS];
    uint64_t steps;
    uint64_t batches;
    /* Who was ever durably promised to which proposal. */
    size_t promises_count;
    struct net_promise {
        uint64_t id;
        uint8_t cluster_id[CLUSTER_ID_SIZE];
    } promises[NET_PROMISES];
    /* All clusters that were ever durable anywhere. */
    size_t clusters;
    uint8_t cluster_ids[8][CLUSTER_ID_SIZE];
    struct buf entries[8];
    char broken[200]; /* what must never be, and was */
};

/* @count nodes pg1, pg2 ... on blank disks, started with @list; NULL: all of them. */
void net_open(struct net *net, size_t count, const char *list);
void net_close(struct net *net);
void net_start(struct net *net, size_t node);

void net_step(struct net *net);
void net_run(struct net *net, uint64_t ms);
/* Until all are up and members of one cluster; false: not within that time. */
bool net_run_formed(struct net *net, uint64_t ms);
bool net_all_formed(const struct net *net);

/* The process dies; @survives: what waits for the disk became durable all the same. It is started
 * again after @down_ms, on another disk if @wiped. */
void net_crash(struct net *net, size_t node, bool survives, bool wiped, uint64_t down_ms);
void net_letter_lose(struct net *net, size_t at);
void net_letter_hold(struct net *net, size_t at, uint64_t ms);
/* One more of it, to arrive that much later. */
void net_letter_double(struct net *net, size_t at, uint64_t ms);
/* After what a test does to a machine itself. */
void net_after(struct net *net, size_t node);

#endif /* TESTS_LIB_FORM_NET_H_ */
