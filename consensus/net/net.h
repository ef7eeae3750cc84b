/* consensus/net/net.h - the connections of a node to its peers: TCP, inside TLS, on one libuv loop.
 *
 * There is one connection between two nodes at the end, whoever opened it: docs/peers.md says how
 * it is chosen. Messages go out by net_send() and come in through a callback; what does not arrive
 * is lost, as Raft expects. Names are resolved on libuv's thread pool; nothing else leaves the
 * thread of the loop, and nothing blocks it. All calls are made on that thread, but net_keys_load()
 * and net_keys_free(); SIGPIPE is blocked there, or ignored. The library logs nothing: what an
 * operator wants to know is an event.
 *
 * Callbacks come from the loop, and from inside net_stop(), net_keys_take(), net_set_cluster() and
 * net_set_peers(), which close connections; never from inside net_send() or net_flush(). They may
 * call back, but not net_stop(). */
#ifndef CONSENSUS_NET_NET_H_
#define CONSENSUS_NET_NET_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "proto/peer.h"
#include "proto/preface.h"

#define NET_LISTEN_MAX 4
#define NET_PEERS_MAX 64 /* wanted and others, in all */

/* ---- keys: how peers know each other ---- */

enum net_security_kind { NET_SECRET, NET_CERTIFICATES, NET_PLAIN };

struct net_security {
    enum net_security_kind kind;
    bool insecure; /* NET_PLAIN: the operator's word that plain text may leave this host */
    const char *secret_file; /* NET_SECRET */
    const char *ca;          /* NET_CERTIFICATES: three PEM files */
    const char *cert;
    const char *key;
    bool any_name; /* NET_CERTIFICATES: a certificate need not name the node that shows it */
};

struct net_keys;

/* Reads the files, so not on the thread of the loop once that runs. ERR_NOT_FOUND, ERR_DENIED,
 * ERR_INVALID with the file and the remedy. What is to be told to the operator all the same (a file
 * that others may read, a certificate about to expire) is appended to @warnings, a line each; may
 * be NULL. */
int net_keys_load(const struct net_security *security, struct net_keys **ret, struct buf *warnings,
                  struct err *err);
/* Keys that were not given to a net. Accepts NULL. */
void net_keys_free(struct net_keys *keys);

/* ---- settings ---- */

struct net_limits {
    size_t preface_bytes_max;   /* of a frame, until the other side is known ... */
    size_t body_bytes_max;      /* ... and after that */
    size_t send_bytes_max;      /* that wait for one peer; more is dropped */
    unsigned int strangers_max; /* connections that came in and are not authenticated yet ... */
    unsigned int strangers_of_host_max; /* ... and of these, from one address */
    uint32_t connect_ms;                /* until a peer that is dialled answers at all */
    uint32_t handshake_ms;              /* for TLS */
    uint32_t preface_ms;                /* from there until both sides are content */
    uint32_t body_ms;                   /* for a frame, from its first byte to its last */
    uint32_t ping_ms;
    uint32_t silence_ms;    /* a peer that was not heard for so long is lost */
    uint32_t probe_ms;      /* for an old connection to show that it lives, when there are two */
    uint32_t redial_min_ms; /* back-off between attempts, doubled each time ... */
    uint32_t redial_max_ms; /* ... up to here: what leases allow for it is in timing.h */
    uint32_t redial_refused_ms; /* after a refusal, which does not go away by itself */
    uint32_t event_repeat_ms;   /* the same event of the same peer is told again after this long */
};

struct net_settings {
    const char *listen[NET_LISTEN_MAX]; /* "host:port", "[::]:port"; "0.0.0.0:port" for all; NULL:
                                           no more */
    struct preface self;                /* its protocol versions are filled in when they are 0 */
    struct net_limits limits;
    uint64_t seed; /* random: spreads attempts */
};

struct net_limits net_limits_default(void);
/* 0, or ERR_INVALID with what is wrong and the remedy: so plain text on an address that is not this
 * host's own, unless the operator said so. A name is not looked up. */
int net_settings_check(const struct net_settings *settings, const struct net_security *security,
                       struct err *err);

/* ---- events ---- */

/* X(code, name) */
#define NET_EVENT_MAP(X)                                                                        \
    X(NET_UP, "up")                             /* a peer is there */                           \
    X(NET_DOWN, "down")                         /* it was, and is not any more */               \
    X(NET_UNREACHABLE, "unreachable")           /* it does not answer, or refuses */            \
    X(NET_UNRESOLVED, "unresolved")             /* its name can not be resolved */              \
    X(NET_WRONG_SECRET, "wrong-secret")         /* the other side has another secret */         \
    X(NET_WRONG_CERTIFICATE, "certificate")     /* of another CA, of the wrong kind, or none */ \
    X(NET_EXPIRED_CERTIFICATE, "expired")       /* or not valid yet */                          \
    X(NET_CERTIFICATE_NAME, "certificate-name") /* which names another node */                  \
    X(NET_NOT_TLS, "not-tls")                   /* plain text, HTTP, noise */                   \
    X(NET_TLS_FAILED, "tls")                    /* else */                                      \
    X(NET_PLAIN_REFUSED, "plain-text")          /* would have left this host in plain text */   \
    X(NET_OTHER_PROTOCOL, "protocol")           /* no version that both speak */                \
    X(NET_OTHER_NAMESPACE, "namespace")                                                         \
    X(NET_OTHER_SCOPE, "scope")                                                                 \
    X(NET_OTHER_CLUSTER, "cluster")                                                             \
    X(NET_SAME_ID, "same-id")           /* two nodes with one id: a copied configuration */     \
    X(NET_NOT_ADMITTED, "not-admitted") /* refused by the owner of either side */               \
    X(NET_GARBAGE, "garbage")           /* what no node says */                                 \
    X(NET_TOO_LARGE, "too-large")       /* a frame beyond its limit */                          \
    X(NET_DEADLINE, "deadline")         /* the other side was too slow */                       \
    X(NET_TOO_MANY, "too-many")         /* connections that are not authenticated */            \
    X(NET_SILENT, "silent")             /* a peer did not answer any more */                    \
    X(NET_QUEUE_FULL, "queue-full")     /* messages for a peer are dropped */                   \
    X(NET_KEYS_GONE, "keys-gone")       /* a connection's secret is not accepted any more */    \
    X(NET_REFUSED, "refused")           /* for a reason that this version does not know */

enum net_event_kind {
#define NET_EVENT_ENUM(code, name) code,
    NET_EVENT_MAP(NET_EVENT_ENUM)
#undef NET_EVENT_ENUM
        NET_EVENT_KINDS
};
const char *net_event_name(enum net_event_kind kind);

struct net_event {
    enum net_event_kind kind;
    uint64_t node_id;    /* 0: not known */
    const char *name;    /* of the peer, "": not known */
    const char *address; /* as configured, or where the connection came from */
    const char *text;    /* one line with the reason and the remedy */
    bool told;           /* the other side refused, and said so */
    unsigned int more;   /* of the same that were not told since the last one was */
};

/* ---- the net ---- */

/* A node at the other end of a connection, valid during the call. */
struct net_node {
    uint64_t id;
    uint64_t instance;
    const char *name;
    const char *address; /* that it advertises */
    const uint8_t *cluster_id;
};

struct net_callbacks {
    /* @message lives until the callback returns. It is from who it says it is from. */
    void (*on_message)(void *ctx, const struct peer_message *message);
    void (*on_up)(void *ctx, const struct net_node *node);
    void (*on_down)(void *ctx, const struct net_node *node);
    void (*on_event)(void *ctx, const struct net_event *event);
    /* 0, or ERR_* with the reason, which both sides are told. NULL: everybody is admitted. */
    int (*admit)(void *ctx, const struct net_node *node, struct err *err);
    void *ctx;
};

struct net;

/* Listens and begins; @keys are the net's from now on, also when it fails. A listen address that is
 * a name is looked up here and now. ERR_INVALID, ERR_SYSTEM, ERR_DENIED with the address. */
int net_start(uv_loop_t *loop, const struct net_settings *settings, struct net_keys *keys,
              const struct net_callbacks *callbacks, struct net **ret, struct err *err);
/* Says good-bye and closes everything. @stopped comes from the loop when nothing is left, and the
 * net is gone; a name that is being resolved is waited for. No other callback comes after this
 * call.
 */
void net_stop(struct net *net, void (*stopped)(void *ctx), void *ctx);

/* Where it listens, with the port that was chosen for port 0; NULL: no more than @at addresses. */
const char *net_listen_address(const struct net *net, size_t at);

/* New keys for new connections; those that stand on a secret or a CA that is not accepted any more
 * are closed. @keys are the net's from now on. */
void net_keys_take(struct net *net, struct net_keys *keys);

/* The cluster this node belongs to has come to be known. Peers of another one are refused. */
void net_set_cluster(struct net *net, const uint8_t cluster_id[PEER_CLUSTER_ID_SIZE]);

/* The peers to hold a connection to, without this node itself: what was said before is replaced.
 * Strings are copied. At most NET_PEERS_MAX. */
struct net_peer {
    uint64_t id; /* 0: not known, whoever answers to the name or at the address */
    const char *name;
    const char *address; /* "host:port" */
};
void net_set_peers(struct net *net, const struct net_peer *peers, size_t count);

/* Put @message into the queue of the node @message->to, or of the wanted peer @name at @address. 0;
 * or dropped: ERR_NOT_FOUND (there is no connection), ERR_BUSY (the queue is full), ERR_TOO_LARGE.
 */
int net_send(struct net *net, const struct peer_message *message);
int net_send_to(struct net *net, const char *name, const char *address,
                const struct peer_message *message);
/* Hand what is queued to the sockets. Done before the loop waits, too. */
void net_flush(struct net *net);

/* ---- figures ---- */

struct net_peer_stats {
    uint64_t id; /* 0: not known */
    char name[MEMBER_NAME_MAX + 1];
    char address[MEMBER_ADDRESS_MAX + 1];
    bool wanted;
    bool up;
    bool dialled;           /* this side opened the connection */
    uint64_t round_trip_us; /* of the last ping, the other side's thread included; 0: none yet */
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t messages_in;
    uint64_t messages_out;
    uint64_t dropped;    /* messages: no connection, a full queue */
    uint64_t ups;        /* how often it came up */
    size_t queued_bytes; /* now */
    uint64_t heard_ms;   /* since something was last heard; UINT64_MAX: never */
};
/* The figures of peer @at; false: there are no so many. */
bool net_peer_stats(const struct net *net, size_t at, struct net_peer_stats *out);
/* How many are up. */
size_t net_peers_up(const struct net *net);

struct net_stats {
    uint64_t accepted;
    uint64_t refused;       /* by this side, for whatever reason */
    unsigned int strangers; /* connections not authenticated, now */
    unsigned int links;     /* connections, now */
};
struct net_stats net_stats(const struct net *net);

#endif /* CONSENSUS_NET_NET_H_ */
