/* consensus/node/mail.h - what callers and the consensus thread say to each other: orders in,
 * deliveries out. */
#ifndef CONSENSUS_NODE_MAIL_H_
#define CONSENSUS_NODE_MAIL_H_

#include <pthread.h>
#include <stdbool.h>
#include <uv.h>

#include "base/list.h"
#include "consensus/core.h"
#include "consensus/node/job.h"

struct watcher;
struct net_keys;

enum order_kind {
    ORDER_JOB,
    ORDER_CANCEL,
    ORDER_WATCH,
    ORDER_UNWATCH,
    ORDER_PULL, /* a watcher has room again */
    ORDER_HOLD,
    ORDER_LET_GO,
    ORDER_PUBLISH,
    ORDER_MOVES,
    ORDER_DUMP_END,
    ORDER_KEYS,
    ORDER_STOP,
};

struct order {
    struct list link;
    enum order_kind kind;
    struct job *job;
    struct watcher *watcher;
    uint64_t number;
    struct core_hold hold;
    struct buf bytes;
    struct net_keys *keys;
};

enum delivery_kind { DELIVER_JOB, DELIVER_CHANGES, DELIVER_WATCH_END, DELIVER_EVENT };

struct delivery {
    struct list link;
    enum delivery_kind kind;
    struct job *job;
    struct watcher *watcher;
    struct pgraft_changes changes; /* in @room */
    struct pgraft_event event;
    struct arena room;
    char peer[MEMBER_ADDRESS_MAX + 1];
    char text[512];
};

struct mail {
    pthread_mutex_t lock;
    struct list inbox;
    struct list outbox;
    struct list staged; /* the consensus thread's own: what goes into the outbox with its turn */
    size_t events_waiting;
    bool is_rung;     /* the bell; until the orders are taken */
    bool is_held;     /* by a caller that dispatches: its own orders wait for mail_release() */
    pthread_t holder; /* ... */
    int fd;           /* eventfd: the outbox has something */
    int bell;         /* eventfd: the inbox has; watched by the thread's loop */
    uv_poll_t wake;   /* on the bell */
    bool is_open; /* under the lock: false once the thread ends, and nothing is taken any more */
};

/* Not a uv_async_t: its receiver spins until the sender has left uv_async_send(), and a thread of
 * the loop that has real-time priority keeps the sender from doing so when both share a processor:
 * it stands still until the scheduler moves one of them, up to 100 ms. */
int mail_open(struct mail *mail, uv_loop_t *loop, uv_poll_cb on_wake, struct err *err);
/* After the thread has ended; what is left in the outbox is dropped. */
void mail_close(struct mail *mail);
struct order *order_create(enum order_kind kind);
void order_free(struct order *order);
/* 0; ERR_CLOSED: the thread ends, and @order was freed. */
int mail_order(struct mail *mail, struct order *order);
/* Orders given by the calling thread from here to mail_release() go together: what a caller asks
 * for in answer to many deliveries then costs the consensus thread one turn. */
void mail_hold(struct mail *mail);
void mail_release(struct mail *mail);
/* All orders there are, in order, moved to @out. */
void mail_take_orders(struct mail *mail, struct list *out);
/* No more orders are taken; those there are go to @out, the last ones. */
void mail_shut(struct mail *mail, struct list *out);
struct delivery *delivery_create(enum delivery_kind kind);
void delivery_free(struct delivery *delivery);
void mail_deliver(struct mail *mail, struct delivery *delivery);
/* On the consensus thread: delivered with all others of its turn, by mail_post(). */
void mail_stage(struct mail *mail, struct delivery *delivery);
void mail_post(struct mail *mail);
struct delivery *mail_next(struct mail *mail);

#endif /* CONSENSUS_NODE_MAIL_H_ */
