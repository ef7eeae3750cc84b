/* consensus/net/net_internal.h - what the files of consensus/net share: the net, its connections
 * (links) and the nodes at their other ends (remotes).
 *
 *   listen.c  takes what comes in            \
 *   dial.c    opens what is missing           >  link.c, link_io.c, link_frame.c: one connection
 *   remote.c  who is wanted, and who is up   /
 */
#ifndef CONSENSUS_NET_NET_INTERNAL_H_
#define CONSENSUS_NET_NET_INTERNAL_H_

#include <uv.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/sm.h"
#include "consensus/net/address.h"
#include "consensus/net/backoff.h"
#include "consensus/net/fault.h"
#include "consensus/net/net.h"
#include "consensus/net/tls.h"
#include "proto/frame.h"
#include "proto/peer_codec.h"
#include "proto/preface.h"

#define READ_BYTES ((size_t)64 * 1024)
#define TARGETS_MAX 8  /* addresses of one name that are tried */
#define EVENTS_KEPT 64 /* that are remembered, so as not to repeat them */
#define LINGER_MS 1000 /* for the other side to take a refusal */
#define RETIRE_MS 5000 /* for a connection that another one has replaced */

struct link;
struct remote;
struct resolve;

/* ---- links ---- */

/*   CONNECT ─► SECURE ─► PREFACE ─► WELCOME ─► UP ─► RETIRED      any ─► LINGER ─► CLOSED
 *   (dialled)     ▲          └─► HELD ─┘                            └────────────────┘
 *              (accepted)
 */
enum link_state {
    LINK_CONNECT, /* TCP is on its way */
    LINK_SECURE,  /* TLS is */
    LINK_PREFACE, /* ours is sent, theirs awaited */
    LINK_HELD,    /* theirs is good, but there is another connection of that id: does it live? */
    LINK_WELCOME, /* ours is sent, theirs awaited */
    LINK_UP,
    LINK_RETIRED, /* another one is in use: read to the end */
    LINK_LINGER,  /* the last words are on their way */
    LINK_CLOSED,  /* handles are closing */
};

struct link {
    struct list entry; /* net->links */
    struct list dirty; /* net->dirty: has bytes to flush */
    struct net *net;
    struct sm sm;
    bool dialled;
    bool stranger;         /* came in and is not authenticated: counted */
    struct remote *dials;  /* for whom it was dialled, until that is settled */
    struct remote *remote; /* whose it is, once it has been up */
    struct link *newcomer; /* HELD until it is known whether this one lives */
    struct link *elder;    /* the other way round */
    char address[ADDRESS_TEXT_SIZE];
    char host[ADDRESS_TEXT_SIZE];
    struct preface who; /* node_id 0: not known yet */
    bool welcomed;
    bool byed; /* the other side closes it, for there is a better one */

    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_connect_t connect;
    uv_write_t write;
    uv_shutdown_t shutdown;
    unsigned int handles;
    bool connected;
    bool writing; /* @flying is with libuv */
    bool ends;    /* shut down when all is written */
    bool shut;    /* it has been */
    bool broken;  /* writing has failed */

    struct tls tls;
    bool sniffed;
    size_t magic_seen;
    struct frame_reader frames;
    struct buf plain; /* frames to be sent ... */
    size_t sealed;    /* ... of them, through TLS already */
    struct buf cipher;
    struct buf flying;

    uint64_t state_ms; /* since when it is in its state */
    uint64_t heard_ms;
    uint64_t frame_ms; /* when the frame that is coming began; 0: none is */
    uint64_t up_ms;    /* since when it has been up; 0: it never was */
    uint64_t probe_ns; /* of the ping that it has to answer, or its newcomer takes its place */
    uint64_t due_ms;   /* when the timer was to ring */
};

int link_dial(struct net *net, struct remote *remote, const struct sockaddr *to,
              struct fault *fault);
void link_accept(struct net *net, uv_stream_t *server);
enum link_state link_state(const struct link *link);
/* A step; times begin anew. */
void link_move(struct link *link, enum link_state next);
/* It takes part in nothing any more. */
bool link_is_over(const struct link *link);
/* Something is wrong: it is told to the owner and to the other side, and the link ends. */
void link_fail(struct link *link, const struct fault *fault);
/* The connection is gone, or of no use: no words to the other side. @fault NULL: of no interest. */
void link_end(struct link *link, const struct fault *fault);
/* As above, after what is queued has been written. */
void link_finish(struct link *link);
/* Says that it is closed for @stops (or for a better one), and reads to the end. */
void link_bye(struct link *link, bool stops);
void link_arm(struct link *link);
/* What an operator calls it. */
const char *link_name(const struct link *link);
const char *link_address(const struct link *link);
void link_node(const struct link *link, struct net_node *ret);
/* It is the one in use from now on, or not: remote.c has decided. */
void link_retire(struct link *link);

/* link_io.c */
int link_read_start(struct link *link);
void link_flush(struct link *link);
void link_mark_dirty(struct link *link);
size_t link_queued(const struct link *link);

/* link_frame.c */
/* TLS stands: say who we are. */
void link_begin(struct link *link);
/* Bytes inside TLS. */
void link_stream(struct link *link, const void *bytes, size_t size);
void link_welcome(struct link *link);
void link_say(struct link *link, enum link_frame kind, const void *bytes, size_t size);
int link_say_message(struct link *link, const struct peer_message *message);
void link_say_refusal(struct link *link, const struct fault *fault);

/* ---- remotes ---- */

struct remote {
    struct list entry; /* net->remotes */
    struct net *net;
    uint64_t id; /* 0: not known */
    char name[MEMBER_NAME_MAX + 1];
    char address[MEMBER_ADDRESS_MAX + 1];
    bool wanted;
    bool is_moved;           /* an attempt is under way to where it was before */
    bool is_full;            /* a message was dropped, which is to be told */
    bool is_self;            /* this very node answered at the address */
    struct link *link;       /* in use */
    struct link *dialling;   /* on its way there */
    struct link *stand_in;   /* another node that answers at the address */
    struct resolve *resolve; /* of the name */
    struct sockaddr_storage targets[TARGETS_MAX];
    size_t target_count;
    size_t target_next;
    struct backoff backoff;
    uint64_t retry_ms; /* not dialled before */
    struct net_peer_stats stats;
    uint64_t heard_ms; /* of earlier links; 0: never */
};

struct remote *remote_find_id(const struct net *net, uint64_t id);
struct remote *remote_find_name(const struct net *net, const char *name, const char *address);
/* A link is welcome on both sides: whose is it, and is it the one to use? */
void remote_link_up(struct net *net, struct link *link);
/* A link is over: nobody may point to it any more. */
void remote_link_over(struct net *net, struct link *link, const struct fault *fault);
void remote_set_wanted(struct net *net, const struct net_peer *peers, size_t count);
void remote_free(struct remote *remote);

/* dial.c */
/* Look for what is to be dialled, soon. */
void dial_schedule(struct net *net);
void dial_timer_cb(uv_timer_t *timer);
/* An attempt for @remote has failed. */
void dial_failed(struct remote *remote, const struct fault *fault);
/* Forget about attempts: the remote goes away. */
void dial_forget(struct remote *remote);

/* ---- listening ---- */

struct listener {
    struct net *net;
    uv_tcp_t tcp;
    bool open;
    char address[ADDRESS_TEXT_SIZE];
};
int listen_start(struct net *net, struct listener *listener, const char *address, bool alone,
                 struct err *err);
void listen_stop(struct listener *listener);

/* ---- events ---- */

struct event_kept {
    uint64_t hash; /* of kind and peer; 0: none */
    uint64_t told_ms;
    unsigned int more;
};
struct event_said {
    enum net_event_kind kind;
    bool told;
    uint64_t node_id;
    const char *name;
    const char *address;
    const char *text;
};
void event_tell(struct net *net, const struct event_said *said);
/* Of a link, by what is known of the other side. */
void event_tell_link(const struct link *link, enum net_event_kind kind, bool told,
                     const char *text);
/* All is well with @name: what comes next is news. */
void event_forget(struct net *net, const char *name);

/* ---- the net ---- */

struct net {
    uv_loop_t *loop;
    struct net_callbacks callbacks;
    void *ctx;
    struct preface self;
    struct net_limits limits;
    struct net_keys *keys;
    uint64_t chance;
    struct listener listeners[NET_LISTEN_MAX];
    struct list links;
    struct list dirty;
    struct list remotes;
    unsigned int remote_count;
    uv_timer_t dial_timer;
    uv_prepare_t prepare;
    unsigned int pending; /* handles and resolutions that are not closed yet */
    bool stopping;
    bool any_full; /* of the remotes */
    void (*stopped)(void *ctx);
    struct peer_decoder decoder;
    struct event_kept events[EVENTS_KEPT];
    struct net_stats stats;
    char read_bytes[READ_BYTES];
    char clear_bytes[TLS_READ_MAX];
};

uint64_t net_now_ms(const struct net *net);
uint64_t net_chance(struct net *net);
/* One of those that net_stop() waits for is gone. */
void net_release(struct net *net);
/* It stands on a secret or a certificate that was accepted when it began, and is not any more. */
bool net_link_has_old_keys(const struct link *link, struct fault *fault);

#endif /* CONSENSUS_NET_NET_INTERNAL_H_ */
