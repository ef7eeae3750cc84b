/* consensus/node/mail.c - two boxes behind one lock, and a bell for each. */
#include "consensus/node/mail.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/net/net.h"

/* Nobody dispatches: events beyond this are lost, never answers. */
#define EVENTS_MAX 1024

static int open_bells(struct mail *mail, struct err *err)
{
    mail->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    mail->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return mail->fd >= 0 && mail->bell >= 0 ? 0 : err_errno(err, errno, "eventfd");
}

static void close_bells(struct mail *mail)
{
    int fds[] = {mail->fd, mail->bell};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
    mail->fd = -1;
    mail->bell = -1;
}

int mail_open(struct mail *mail, uv_loop_t *loop, uv_poll_cb on_wake, struct err *err)
{
    list_init(&mail->inbox);
    list_init(&mail->outbox);
    list_init(&mail->staged);
    int code = open_bells(mail, err);
    if (code == 0) {
        int rv = uv_poll_init(loop, &mail->wake, mail->bell);
        code = rv == 0 ? 0 : err_errno(err, -rv, "uv_poll_init");
    }
    if (code != 0) {
        close_bells(mail);
        return code;
    }
    int rv = uv_poll_start(&mail->wake, UV_READABLE, on_wake);
    MUST(rv == 0);
    rv = pthread_mutex_init(&mail->lock, NULL);
    MUST(rv == 0);
    mail->is_open = true;
    return 0;
}

void mail_close(struct mail *mail)
{
    list_splice_back(&mail->outbox, &mail->staged);
    MUST(list_empty(&mail->inbox)); /* mail_shut() gave them to the thread, or there was none */
    for (struct list *link = list_pop_front(&mail->outbox); link != NULL;
         link = list_pop_front(&mail->outbox)) {
        delivery_free(CONTAINER_OF(link, struct delivery, link));
    }
    close_bells(mail);
    (void)pthread_mutex_destroy(&mail->lock);
}

struct order *order_create(enum order_kind kind)
{
    struct order *order = mem_zalloc(sizeof(*order));
    order->kind = kind;
    list_init(&order->link);
    return order;
}

void order_free(struct order *order)
{
    job_free(order->job);
    net_keys_free(order->keys);
    buf_close(&order->bytes);
    mem_free(order);
}

/* Under the lock of the mail, or it could be taken for that of a box that was emptied. */
static void ring(int bell)
{
    uint64_t one = 1;
    ssize_t written = write(bell, &one, sizeof(one));
    MUST(written == (ssize_t)sizeof(one) || errno == EAGAIN);
}

static void silence(int bell)
{
    uint64_t count = 0;
    ssize_t got = read(bell, &count, sizeof(count));
    MUST(got == (ssize_t)sizeof(count) || errno == EAGAIN);
}

/* Under the lock. */
static void ring_for_orders(struct mail *mail)
{
    if (!mail->is_rung) {
        mail->is_rung = true;
        ring(mail->bell);
    }
}

void mail_hold(struct mail *mail)
{
    (void)pthread_mutex_lock(&mail->lock);
    mail->is_held = true;
    mail->holder = pthread_self();
    (void)pthread_mutex_unlock(&mail->lock);
}

void mail_release(struct mail *mail)
{
    (void)pthread_mutex_lock(&mail->lock);
    mail->is_held = false;
    if (!list_empty(&mail->inbox)) {
        ring_for_orders(mail);
    }
    (void)pthread_mutex_unlock(&mail->lock);
}

int mail_order(struct mail *mail, struct order *order)
{
    (void)pthread_mutex_lock(&mail->lock);
    bool is_open = mail->is_open;
    if (is_open) {
        list_push_back(&mail->inbox, &order->link);
        if (!mail->is_held || !pthread_equal(mail->holder, pthread_self())) {
            ring_for_orders(mail);
        }
    }
    (void)pthread_mutex_unlock(&mail->lock);
    if (!is_open) {
        order_free(order);
    }
    return is_open ? 0 : ERR_CLOSED;
}

void mail_take_orders(struct mail *mail, struct list *out)
{
    (void)pthread_mutex_lock(&mail->lock);
    list_splice_back(out, &mail->inbox);
    mail->is_rung = false;
    silence(mail->bell);
    (void)pthread_mutex_unlock(&mail->lock);
}

void mail_shut(struct mail *mail, struct list *out)
{
    (void)pthread_mutex_lock(&mail->lock);
    mail->is_open = false;
    list_splice_back(out, &mail->inbox);
    (void)pthread_mutex_unlock(&mail->lock);
}

struct delivery *delivery_create(enum delivery_kind kind)
{
    struct delivery *delivery = mem_zalloc(sizeof(*delivery));
    delivery->kind = kind;
    list_init(&delivery->link);
    return delivery;
}

void delivery_free(struct delivery *delivery)
{
    if (delivery == NULL) {
        return;
    }
    job_free(delivery->job);
    arena_close(&delivery->room);
    mem_free(delivery);
}

void mail_deliver(struct mail *mail, struct delivery *delivery)
{
    (void)pthread_mutex_lock(&mail->lock);
    if (delivery->kind == DELIVER_EVENT && mail->events_waiting >= EVENTS_MAX) {
        (void)pthread_mutex_unlock(&mail->lock);
        delivery_free(delivery);
        return;
    }
    mail->events_waiting += delivery->kind == DELIVER_EVENT ? 1 : 0;
    bool was_empty = list_empty(&mail->outbox);
    list_push_back(&mail->outbox, &delivery->link);
    if (was_empty) {
        ring(mail->fd);
    }
    (void)pthread_mutex_unlock(&mail->lock);
}

void mail_stage(struct mail *mail, struct delivery *delivery)
{
    list_push_back(&mail->staged, &delivery->link);
}

void mail_post(struct mail *mail)
{
    if (list_empty(&mail->staged)) {
        return;
    }
    (void)pthread_mutex_lock(&mail->lock);
    bool was_empty = list_empty(&mail->outbox);
    list_splice_back(&mail->outbox, &mail->staged);
    if (was_empty) {
        ring(mail->fd);
    }
    (void)pthread_mutex_unlock(&mail->lock);
}

struct delivery *mail_next(struct mail *mail)
{
    struct delivery *delivery = NULL;
    (void)pthread_mutex_lock(&mail->lock);
    struct list *link = list_pop_front(&mail->outbox);
    if (link != NULL) {
        delivery = CONTAINER_OF(link, struct delivery, link);
        mail->events_waiting -= delivery->kind == DELIVER_EVENT ? 1 : 0;
    }
    if (list_empty(&mail->outbox)) {
        silence(mail->fd);
    }
    (void)pthread_mutex_unlock(&mail->lock);
    return delivery;
}
