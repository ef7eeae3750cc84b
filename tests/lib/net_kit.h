/* tests/lib/net_kit.h - nodes with real sockets on one loop, who write down what happens to them;
 * and strangers who say what a test wants.
 *
 * Whatever a test is about, a node comes up when it was down and goes down when it was up, and only
 * one that is up is heard.
 *
 * Nothing waits for a time: KIT_WAIT() turns the loop until a condition holds, and fails the test
 * when that takes longer than any machine should need. */
#ifndef TESTS_LIB_NET_KIT_H_
#define TESTS_LIB_NET_KIT_H_

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "consensus/net/net.h"
#include "tests/lib/scratch.h"

#define KIT_DEADLINE_MS 20000
#define KIT_EVENTS_MAX 160
#define KIT_NODES_MAX 4
#define KIT_SECRET "a secret that is long enough"
/* A name that can not be one, so that nobody is asked for it: a label has 63 letters at most. */
#define NO_HOST "a-name-whose-first-part-is-longer-than-any-part-of-a-name-may-be.invalid"

struct kit_event {
    enum net_event_kind kind;
    bool told;
    uint64_t node_id;
    unsigned int more;
    char name[64];
    char address[128];
    char text[512];
};

struct kit_node {
    struct kit *kit;
    struct net *net; /* NULL: not started, or stopped */
    struct net_settings settings;
    struct net_security security;
    char listen[128]; /* where it is found, once started */
    unsigned int ups;
    unsigned int downs;
    uint64_t ids_up[NET_PEERS_MAX];
    size_t ids_up_count;
    uint64_t up_id; /* of whom the last on_up told */
    uint64_t down_id;
    unsigned int messages;
    uint64_t from; /* of the last one ... */
    uint64_t term; /* ... and its number */
    uint64_t bytes;
    struct kit_event events[KIT_EVENTS_MAX];
    size_t event_count;
    const char *not_admitted; /* name that its owner refuses */
    bool gives_up;            /* its owner wants no peers any more, whatever it is told */
};

struct kit {
    uv_loop_t loop;
    uv_timer_t watchdog;
    uv_timer_t pulse; /* so that a turn of the loop ends soon */
    bool late;
    struct scratch scratch;
    struct kit_node nodes[KIT_NODES_MAX];
};

/* All nodes are described, none is started: node i has the id 10 * (i + 1), the name "n<i>", the
 * scope "demo", an address of its own in 127.0.0.0/8 and the secret KIT_SECRET. */
void kit_open(struct kit *kit);
/* Stops who still runs; nothing is left. */
void kit_close(struct kit *kit);

/* Write a file of the scratch directory; returns its path, which lives as long as the kit. */
const char *kit_file(struct kit *kit, const char *name, const char *text);

/* Start anew, as another process would: with another instance. After the first time at the same
 * port. */
void kit_start(struct kit_node *node);
/* The same at @address, which may fail. */
int kit_try_start(struct kit_node *node, const char *address, struct err *err);
void kit_stop(struct kit_node *node);
/* Node @a wants exactly the nodes of which there is a bit in @who, known by id or by name alone. */
void kit_peers(struct kit_node *node, unsigned int who, bool by_id);
/* A message whose number arrives as its term: 0 or ERR_*. */
int kit_send(struct kit_node *from, const struct kit_node *to, uint64_t number);
/* The same with an entry of @size bytes. */
int kit_send_bytes(struct kit_node *from, const struct kit_node *to, uint64_t number, size_t size);

/* The first event of this kind; NULL: there is none. */
const struct kit_event *kit_find(const struct kit_node *node, enum net_event_kind kind);
unsigned int kit_count(const struct kit_node *node, enum net_event_kind kind);
void kit_forget(struct kit_node *node);
bool kit_stats(const struct kit_node *node, const struct kit_node *of, struct net_peer_stats *out);

/* From now on, so long is allowed. */
void kit_watch(struct kit *kit);
void kit_turn(struct kit *kit);
#define KIT_WAIT(kit, cond)                                  \
    do {                                                     \
        kit_watch(kit);                                      \
        while (!(cond)) {                                    \
            if ((kit)->late) {                               \
                kit_tell_all(kit);                           \
                fail_msg("did not come to pass: %s", #cond); \
            }                                                \
            kit_turn(kit);                                   \
        }                                                    \
    } while (0)
/* What the nodes have seen, for whoever reads the failure. */
void kit_tell_all(const struct kit *kit);

/* ---- strangers: a socket that says what it is told ---- */

struct kit_stranger {
    struct kit *kit;
    uv_tcp_t tcp;
    uv_tcp_t server;
    bool serves;
    char address[64];
    uv_connect_t connect;
    struct buf got;
    bool connected;
    bool ended;          /* by the other side */
    unsigned int closed; /* handles */
    char room[4096];
};
/* One that is dialled instead: it takes one connection. Returns its address. */
const char *stranger_listen(struct kit *kit, struct kit_stranger *s);
void stranger_connect(struct kit *kit, struct kit_stranger *s, const char *address);
/* @bytes stay where they are until the test ends. */
void stranger_say(struct kit_stranger *s, const void *bytes, size_t size);
void stranger_close(struct kit_stranger *s);
/* The same by a reset, as when a host has forgotten the connection. */
void stranger_reset(struct kit_stranger *s);

#endif /* TESTS_LIB_NET_KIT_H_ */
