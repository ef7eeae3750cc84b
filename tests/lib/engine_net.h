/* tests/lib/engine_net.h - a few engines, a net and disks that do exactly what a test says.
 *
 * Nodes have the ids 1 to NET_NODES. A node without an engine is down, or a peer that the test
 * plays by hand with net_say() and its sisters. Nothing moves but by a call: packets wait on the
 * wire, writes wait for their disk, time stands still.
 *
 * What must hold in every test is a MUST here: one leader a term, the same committed entry on every
 * node, nothing applied or acknowledged that the disk does not have, a term and a vote that are
 * durable before a message speaks of them, a next tick that lies ahead. */
#ifndef TESTS_LIB_ENGINE_NET_H_
#define TESTS_LIB_ENGINE_NET_H_

#include "base/list.h"
#include "consensus/engine.h"

#define NET_NODES 7
#define NET_KINDS 32
#define NET_ELECTION_MS UINT64_C(500)
#define NET_BEAT_MS UINT64_C(100)

struct net_packet {
    struct list link;
    struct peer_message message;
    struct buf bytes;
};

struct net_entry {
    uint64_t term;
    uint8_t type;
    struct buf data;
};

/* Entries first, first + 1, ... */
struct net_log {
    uint64_t first;
    size_t count;
    struct net_entry *at;
};

/* What a node finds again when it starts. */
struct net_disk {
    struct store_hard hard;
    struct store_snapshot snapshot; /* index 0: none */
    struct net_log log;
    uint64_t applied;
};

struct net_node {
    struct net *net;
    uint64_t id;
    struct engine *engine; /* NULL: down, or played by the test */
    struct net_disk disk;
    struct list writes; /* given out and not durable yet */
    uint64_t number;    /* of the newest write */
    bool disk_stopped;  /* net_settle() leaves the writes alone */
    bool cut_off;       /* what it sends and what is sent to it is lost */
    /* What the engine asked for, in order: H hard state, E entries, I install, W snapshot wanted,
     * and messages: A append, R its result, V vote, v its result, T timeout now. */
    struct buf journal;
    uint64_t wanted_for; /* the newest want_snapshot(), 0: none */
    int fatals;
    struct err fatal;
};

struct net {
    uint64_t now_ms;
    struct net_node nodes[NET_NODES];
    struct list packets; /* on the wire, oldest first */
    struct list seen;    /* taken off it */
    uint64_t round;      /* of the stamps that the test gives out */
    uint64_t sent[NET_KINDS];
    bool ships; /* net_settle() sends the snapshots that are wanted */
    struct buf changes[64];
    size_t changes_count;
    uint64_t *leaders; /* by term */
    size_t leaders_count;
    struct net_log committed;
};

/* A member for each letter, from id 1 on: 'v' voter, 's' standby, 'p' spare, '-' nobody. */
void net_roles(const char *roles, struct members *out);
/* Disks with term 1 and entry 1, the membership @roles, and no engine yet. */
void net_prepare(struct net *net, const char *roles);
/* ... and every voter and standby is started. */
void net_open(struct net *net, const char *roles);
void net_close(struct net *net);
struct net_node *net_node(struct net *net, uint64_t id);
struct engine *net_engine(struct net *net, uint64_t id);

/* Start from what is on the disk: nothing at all for a node that was never prepared. */
void net_boot(struct net *net, uint64_t id);
/* The engine and the writes that were not finished are gone. */
void net_crash(struct net *net, uint64_t id);

/* Before a boot: put an entry on the disk. */
void net_disk_append(struct net *net, uint64_t id, const struct peer_entry *entry);
/* Before a boot: the state up to @index is in a snapshot; the log loses all before @first. */
void net_disk_trim(struct net *net, uint64_t id, uint64_t index, uint64_t first);

/* Entries; what they point to lives as long as the net. */
struct peer_entry net_command(uint64_t term);
struct peer_entry net_change(struct net *net, uint64_t term, const char *roles);

/* Finish up to @count writes, oldest first, with one report for all of them. */
void net_finish(struct net *net, uint64_t id, size_t count);
/* Until nothing is left to do: disks finish, packets arrive, what is committed is applied. */
void net_settle(struct net *net);
/* As above while time passes; every engine ticks when it wants to. */
void net_run(struct net *net, uint64_t ms);
/* One engine alone ticks, as if it were @ms later. */
void net_tick(struct net *net, uint64_t id, uint64_t ms);

/* Until a leader has committed an entry of its term; its id. */
uint64_t net_elect(struct net *net);
/* Node @id wins: the peers that have no engine vote for it; the others are not asked. Its log may
 * have grown by a barrier, which is on its way to the disk. */
void net_win(struct net *net, uint64_t id);

/* Play peer @from: hand a message to node @to now. Appends and snapshots get a new stamp of @term,
 * an answer echoes one of @term. */
void net_say(struct net *net, const struct peer_message *message);
void net_append(struct net *net, uint64_t from, uint64_t to, uint64_t term,
                const struct peer_append *append);
void net_answer(struct net *net, uint64_t from, uint64_t to, uint64_t term,
                struct peer_append_result result);

/* Members @roles, and node 1 is the only one with an engine. */
void net_alone(struct net *net, const char *roles);
/* ... and leads in term 2, with its barrier, entry 2, committed. */
void net_lead(struct net *net, const char *roles);
/* Propose @count commands at node @id, one by one; the first error. */
int net_submit(struct net *net, uint64_t id, size_t count);
/* Peer @from tells leader @to that it has everything up to @last. */
void net_has(struct net *net, uint64_t from, uint64_t to, uint64_t last);
/* All voters and standbys but leader @id itself, and but @silent, have all that it has. */
void net_all_have(struct net *net, uint64_t id, uint64_t silent);
/* ... and its own disk, too, and it is applied. */
void net_agree(struct net *net, uint64_t id);

/* The oldest packet of @kind for @to (0: anybody), taken off the wire; NULL: none. Lives as long as
 * the net. */
const struct peer_message *net_take(struct net *net, enum peer_kind kind, uint64_t to);
/* All that is on the wire is lost. */
void net_drop(struct net *net);
/* The journal as text; buf_clear() begins a new one. */
const char *net_journal(struct net *net, uint64_t id);

#endif /* TESTS_LIB_ENGINE_NET_H_ */
