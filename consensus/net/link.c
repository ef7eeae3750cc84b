/* consensus/net/link.c - the life of one connection: how it begins, what it waits for, how it ends.
 *
 * A link owns its handles and is freed when both are closed. Whatever goes wrong ends in
 * link_fail(), which tells the other side as well as the owner, or in link_end(), when there is
 * nobody to tell. A callback of the owner may end any link: after one, link_is_over() is asked. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/net/net_internal.h"

/* A timer that rings so much later than it was to says that this process stood still, not that the
 * other side did. */
#define LATE_MS 500

#define ENDS (SM_TO(LINK_LINGER) | SM_TO(LINK_CLOSED))
// clang-format off
static const struct sm_state states[] = {
    [LINK_CONNECT] = {"connect", SM_TO(LINK_SECURE) | ENDS},
    [LINK_SECURE]  = {"secure",  SM_TO(LINK_PREFACE) | ENDS},
    [LINK_PREFACE] = {"preface", SM_TO(LINK_HELD) | SM_TO(LINK_WELCOME) | ENDS},
    [LINK_HELD]    = {"held",    SM_TO(LINK_WELCOME) | ENDS},
    [LINK_WELCOME] = {"welcome", SM_TO(LINK_UP) | ENDS},
    [LINK_UP]      = {"up",      SM_TO(LINK_RETIRED) | ENDS},
    [LINK_RETIRED] = {"retired", ENDS},
    [LINK_LINGER]  = {"linger",  SM_TO(LINK_CLOSED)},
    [LINK_CLOSED]  = {"closed",  0},
};
// clang-format on

enum link_state link_state(const struct link *link)
{
    return (enum link_state)link->sm.now;
}

bool link_is_over(const struct link *link)
{
    return link_state(link) == LINK_LINGER || link_state(link) == LINK_CLOSED;
}

void link_move(struct link *link, enum link_state next)
{
    sm_move(&link->sm, (int)next);
    link->state_ms = net_now_ms(link->net);
    if (link->stranger && (next == LINK_UP || next == LINK_CLOSED)) {
        link->stranger = false;
        link->net->stats.strangers--;
    }
}

const char *link_name(const struct link *link)
{
    if (link->who.node_id != 0) {
        return link->who.name;
    }
    return link->dials != NULL ? link->dials->name : "";
}

const char *link_address(const struct link *link)
{
    return link->dials != NULL ? link->dials->address : link->address;
}

void link_node(const struct link *link, struct net_node *ret)
{
    *ret = (struct net_node){.id = link->who.node_id,
                             .instance = link->who.instance,
                             .name = link->who.name,
                             .address = link->who.address,
                             .cluster_id = link->who.cluster_id};
}

/* ---- the end ---- */

static void free_link(struct link *link)
{
    struct net *net = link->net;
    list_remove(&link->entry);
    list_remove(&link->dirty);
    tls_close(&link->tls);
    frame_reader_close(&link->frames);
    buf_close(&link->plain);
    buf_close(&link->cipher);
    buf_close(&link->flying);
    mem_free(link);
    net->stats.links--;
    net_release(net);
}

static void closed_cb(uv_handle_t *handle)
{
    struct link *link = handle->data;
    link->handles--;
    if (link->handles == 0) {
        free_link(link);
    }
}

static void close_handles(struct link *link)
{
    link_move(link, LINK_CLOSED);
    uv_close((uv_handle_t *)&link->timer, closed_cb);
    uv_close((uv_handle_t *)&link->tcp, closed_cb);
}

/* Let everybody who counts on it know, once. */
static void leave(struct link *link, enum link_state next, const struct fault *fault)
{
    bool was_over = link_is_over(link);
    if (next == LINK_CLOSED) {
        close_handles(link);
    } else {
        link_move(link, next);
    }
    if (!was_over) {
        remote_link_over(link->net, link, fault);
    }
}

void link_end(struct link *link, const struct fault *fault)
{
    if (link_state(link) == LINK_CLOSED) {
        return;
    }
    if (fault != NULL && !link_is_over(link)) {
        event_tell_link(link, fault->kind, fault->told, fault->text);
    }
    if (link_state(link) != LINK_CLOSED) { /* the owner may have ended it */
        leave(link, LINK_CLOSED, fault);
    }
}

static void linger(struct link *link, const struct fault *fault)
{
    link->ends = true;
    leave(link, LINK_LINGER, fault);
    link_mark_dirty(link);
    link_arm(link);
}

void link_finish(struct link *link)
{
    if (link_is_over(link)) {
        return;
    }
    linger(link, NULL);
}

void link_fail(struct link *link, const struct fault *fault)
{
    if (link_is_over(link)) {
        return;
    }
    if (!fault->told) {
        link->net->stats.refused++;
    }
    event_tell_link(link, fault->kind, fault->told, fault->text);
    if (link_is_over(link)) {
        return; /* the owner has ended it */
    }
    if (!link->connected) {
        leave(link, LINK_CLOSED, fault);
        return;
    }
    if (!fault->told && link_state(link) != LINK_SECURE) {
        link_say_refusal(link, fault);
    }
    linger(link, fault);
}

void link_bye(struct link *link, bool stops)
{
    const unsigned char why = stops ? 0 : 1;
    link_say(link, LINK_FRAME_BYE, &why, 1);
}

void link_retire(struct link *link)
{
    if (link->byed) {
        link_finish(link);
        return;
    }
    link_move(link, LINK_RETIRED);
    if (link->net->self.node_id < link->who.node_id) {
        link_bye(link, false);
    }
    link_arm(link);
}

/* ---- time ---- */

/* When the link has to be looked at again, if nothing happens before. */
static uint64_t next_look_ms(const struct link *link)
{
    const struct net_limits *limits = &link->net->limits;
    switch (link_state(link)) {
        case LINK_CONNECT:
            return limits->connect_ms;
        case LINK_SECURE:
            return limits->handshake_ms;
        case LINK_PREFACE:
        case LINK_WELCOME:
            return limits->preface_ms;
        case LINK_HELD:
            return limits->probe_ms;
        case LINK_UP:
            return limits->ping_ms < limits->body_ms / 2 ? limits->ping_ms : limits->body_ms / 2;
        case LINK_RETIRED:
            return RETIRE_MS;
        case LINK_LINGER:
            return LINGER_MS;
        case LINK_CLOSED:
            break;
    }
    UNREACHABLE("a closed link has no timer");
}

static void timer_cb(uv_timer_t *timer);

void link_arm(struct link *link)
{
    if (link_state(link) == LINK_CLOSED) {
        return;
    }
    uint64_t ms = next_look_ms(link);
    link->due_ms = net_now_ms(link->net) + ms;
    int rc = uv_timer_start(&link->timer, timer_cb, ms, 0);
    MUST(rc == 0); /* fails only on a closing handle */
}

static void look_at_up(struct link *link)
{
    const struct net_limits *limits = &link->net->limits;
    uint64_t now = net_now_ms(link->net);
    struct fault fault;
    if (link->frame_ms != 0 && now - link->frame_ms >= limits->body_ms) {
        fault_set(&fault, NET_DEADLINE, "a frame was not complete after %u ms", limits->body_ms);
        link_fail(link, &fault);
        return;
    }
    if (now - link->heard_ms >= limits->silence_ms) {
        fault_set(&fault, NET_SILENT,
                  "no answer for %llu ms: the process or the network stands still",
                  (unsigned long long)(now - link->heard_ms));
        link_end(link, &fault);
        return;
    }
    uint64_t sent_ns = uv_hrtime();
    link_say(link, LINK_FRAME_PING, &sent_ns, sizeof(sent_ns));
    link_arm(link);
}

static void deadline_passed(struct link *link, const char *for_what)
{
    struct fault fault;
    fault_set(&fault, NET_DEADLINE, "%s took longer than %llu ms", for_what,
              (unsigned long long)next_look_ms(link));
    link_fail(link, &fault);
}

static void connect_passed(struct link *link)
{
    struct fault fault;
    fault_set(&fault, NET_UNREACHABLE,
              "%s does not answer: is the host up, and does a firewall let "
              "port and peers through?",
              link->address);
    link_end(link, &fault);
}

static void timer_cb(uv_timer_t *timer)
{
    struct link *link = timer->data;
    if (link->broken) {
        struct fault fault;
        fault_set(&fault, NET_DOWN, "the connection is lost");
        link_end(link, link_state(link) == LINK_UP ? &fault : NULL);
        return;
    }
    if (net_now_ms(link->net) > link->due_ms + LATE_MS) {
        link->heard_ms = net_now_ms(link->net); /* what came meanwhile was not read yet */
        link_arm(link);
        return;
    }
    switch (link_state(link)) {
        case LINK_CONNECT:
            connect_passed(link);
            return;
        case LINK_SECURE:
            deadline_passed(link, "the handshake of TLS");
            return;
        case LINK_PREFACE:
            deadline_passed(link, "to say who it is");
            return;
        case LINK_WELCOME:
            deadline_passed(link, "to be welcome");
            return;
        case LINK_HELD:
            MUST(link->elder != NULL);
            link_end(link->elder, NULL); /* which frees this one */
            return;
        case LINK_UP:
            look_at_up(link);
            return;
        case LINK_RETIRED:
        case LINK_LINGER:
            link_end(link, NULL);
            return;
        case LINK_CLOSED:
            break;
    }
    UNREACHABLE("a closed link has no timer");
}

/* ---- the beginning ---- */

static struct link *new_link(struct net *net, bool dialled)
{
    struct link *link = mem_zalloc(sizeof(*link));
    link->net = net;
    link->dialled = dialled;
    list_init(&link->entry);
    list_init(&link->dirty);
    list_push_back(&net->links, &link->entry);
    sm_init(&link->sm, "link", states, ARRAY_LEN(states), dialled ? LINK_CONNECT : LINK_SECURE);
    link->frames.body_max = net->limits.preface_bytes_max;
    int rc = uv_timer_init(net->loop, &link->timer);
    MUST(rc == 0);
    rc = uv_tcp_init(net->loop, &link->tcp);
    MUST(rc == 0);
    link->timer.data = link;
    link->tcp.data = link;
    link->handles = 2;
    link->state_ms = net_now_ms(net);
    link->heard_ms = link->state_ms;
    net->pending++;
    net->stats.links++;
    return link;
}

/* A connection without these works, too. */
static void tune(struct link *link)
{
    (void)uv_tcp_nodelay(&link->tcp, 1);
    uv_os_fd_t fd = -1;
    if (uv_fileno((const uv_handle_t *)&link->tcp, &fd) == 0) {
        unsigned int ms = link->net->limits.silence_ms;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
    }
}

/* TCP stands. */
static void secure(struct link *link)
{
    struct fault fault;
    link->connected = true;
    link->heard_ms = net_now_ms(link->net);
    tune(link);
    int rc = tls_open(&link->tls, link->net->keys, link->dialled, &link->cipher, &fault);
    if (rc == 0 && link_read_start(link) != 0) {
        rc = fault_set(&fault, NET_UNREACHABLE, "%s: can not be read from", link->address);
    }
    if (rc != 0) {
        link_end(link, &fault);
        return;
    }
    link_arm(link);
    if (link->tls.ready && link->dialled) {
        link_begin(link);
    } else if (link->dialled && tls_handshake(&link->tls, &fault) < 0) {
        link_fail(link, &fault);
    }
    link_mark_dirty(link);
}

/* TCP can meet itself: when the port that is dialled is free and the kernel chooses the same one to
 * dial from. Nobody listens there. */
static bool is_own_echo(const struct link *link)
{
    struct sockaddr_storage here = {0};
    struct sockaddr_storage there = {0};
    int size = sizeof(here);
    if (uv_tcp_getsockname(&link->tcp, (struct sockaddr *)&here, &size) != 0) {
        return false;
    }
    size = sizeof(there);
    return uv_tcp_getpeername(&link->tcp, (struct sockaddr *)&there, &size) == 0 &&
           memcmp(&here, &there, sizeof(here)) == 0;
}

static void connect_cb(uv_connect_t *request, int status)
{
    struct link *link = request->data;
    if (link_is_over(link)) {
        return;
    }
    if (status == 0 && is_own_echo(link)) {
        status = UV_ECONNREFUSED;
    }
    if (status != 0) {
        struct fault fault;
        fault_set(&fault, NET_UNREACHABLE, "%s: %s", link->address, uv_strerror(status));
        link_end(link, &fault);
        return;
    }
    link_move(link, LINK_SECURE);
    secure(link);
}

int link_dial(struct net *net, struct remote *remote, const struct sockaddr *to,
              struct fault *fault)
{
    char text[ADDRESS_TEXT_SIZE];
    if (net->keys->kind == NET_PLAIN && !net->keys->insecure && !address_is_loopback(to)) {
        return fault_set(fault, NET_PLAIN_REFUSED,
                         "%s is not this host, and plain text does not leave it: set "
                         "raft.secret_file, or raft.insecure: true",
                         address_text(to, text));
    }
    struct link *link = new_link(net, true);
    (void)address_text(to, link->address);
    (void)address_host_text(to, link->host);
    link->connect.data = link;
    int rc = uv_tcp_connect(&link->connect, &link->tcp, to, connect_cb);
    if (rc != 0) {
        fault_set(fault, NET_UNREACHABLE, "%s: %s", link->address, uv_strerror(rc));
        link_end(link, NULL);
        return -1;
    }
    link->dials = remote;
    remote->dialling = link;
    link_arm(link);
    return 0;
}

static unsigned int strangers_of(const struct net *net, const char *host)
{
    unsigned int count = 0;
    LIST_FOR_EACH (const struct link, link, &net->links, entry) {
        count += link->stranger && strcmp(link->host, host) == 0;
    }
    return count;
}

void link_accept(struct net *net, uv_stream_t *server)
{
    struct link *link = new_link(net, false);
    if (uv_accept(server, (uv_stream_t *)&link->tcp) != 0) {
        link_end(link, NULL);
        return;
    }
    struct sockaddr_storage from = {0};
    int size = sizeof(from);
    if (uv_tcp_getpeername(&link->tcp, (struct sockaddr *)&from, &size) != 0) {
        link_end(link, NULL); /* gone already */
        return;
    }
    (void)address_text((const struct sockaddr *)&from, link->address);
    (void)address_host_text((const struct sockaddr *)&from, link->host);
    net->stats.accepted++;
    link->stranger = true;
    net->stats.strangers++;
    bool of_host = strangers_of(net, link->host) > net->limits.strangers_of_host_max;
    if (of_host || net->stats.strangers > net->limits.strangers_max) {
        struct fault fault;
        fault_set(&fault, NET_TOO_MANY,
                  "more than %u connections%s wait to be authenticated: a scanner, or a broken "
                  "client?",
                  of_host ? net->limits.strangers_of_host_max : net->limits.strangers_max,
                  of_host ? " from there" : "");
        net->stats.refused++;
        link_end(link, &fault);
        return;
    }
    secure(link);
}
