/* consensus/net/net.c - the net as its owner sees it: start, stop, send, ask. */
#include "consensus/net/net.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/net/judge.h"
#include "consensus/net/net_internal.h"

uint64_t net_now_ms(const struct net *net)
{
    return uv_now(net->loop);
}

/* splitmix64: spreads attempts, decides nothing. */
uint64_t net_chance(struct net *net)
{
    net->chance += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = net->chance;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* ---- start and stop ---- */

void net_release(struct net *net)
{
    MUST(net->pending > 0);
    net->pending--;
    if (net->pending > 0) {
        return;
    }
    MUST(net->stopping);
    while (!list_empty(&net->remotes)) {
        remote_free(CONTAINER_OF(net->remotes.next, struct remote, entry));
    }
    peer_decoder_close(&net->decoder);
    tls_keys_let_go(net->keys);
    void (*stopped)(void *ctx) = net->stopped;
    void *ctx = net->ctx;
    mem_free(net);
    if (stopped != NULL) {
        stopped(ctx);
    }
}

static void handle_closed_cb(uv_handle_t *handle)
{
    net_release(handle->data);
}

static void tell_full(const struct remote *remote)
{
    const struct event_said said = {
        .kind = NET_QUEUE_FULL,
        .node_id = remote->id,
        .name = remote->name,
        .address = remote->address,
        .text =
            "more is to be sent than the network or the other side takes: messages are "
            "dropped, and sent again later"};
    event_tell(remote->net, &said);
}

static struct remote *find_full(const struct net *net)
{
    LIST_FOR_EACH (struct remote, remote, &net->remotes, entry) {
        if (remote->is_full) {
            return remote;
        }
    }
    return NULL;
}

/* The owner may change the list of peers each time. */
static void tell_all_full(struct net *net)
{
    while (net->any_full) {
        struct remote *remote = find_full(net);
        net->any_full = remote != NULL;
        if (remote != NULL) {
            remote->is_full = false;
            tell_full(remote);
        }
    }
}

static void prepare_cb(uv_prepare_t *prepare)
{
    struct net *net = prepare->data;
    tell_all_full(net);
    net_flush(net);
}

static void stop_links(struct net *net)
{
    LIST_FOR_EACH_SAFE (struct link, link, &net->links, entry) {
        if (link_state(link) == LINK_UP) {
            link_bye(link, true);
            link_flush(link);
        }
        link_end(link, NULL);
    }
}

void net_stop(struct net *net, void (*stopped)(void *ctx), void *ctx)
{
    MUST(!net->stopping);
    net->stopping = true;
    net->stopped = stopped;
    net->ctx = ctx;
    for (size_t i = 0; i < NET_LISTEN_MAX; i++) {
        listen_stop(&net->listeners[i]);
    }
    LIST_FOR_EACH (struct remote, remote, &net->remotes, entry) {
        dial_forget(remote);
    }
    stop_links(net);
    uv_close((uv_handle_t *)&net->dial_timer, handle_closed_cb);
    uv_close((uv_handle_t *)&net->prepare, handle_closed_cb);
}

static struct net *new_net(uv_loop_t *loop, const struct net_settings *settings,
                           struct net_keys *keys)
{
    struct net *net = mem_zalloc(sizeof(*net));
    net->loop = loop;
    net->keys = keys;
    net->self = settings->self;
    net->limits = settings->limits;
    net->chance = settings->seed;
    if (net->self.protocol == 0) {
        net->self.protocol = PREFACE_PROTOCOL;
    }
    if (net->self.oldest == 0) {
        net->self.oldest = PREFACE_PROTOCOL_OLDEST;
    }
    list_init(&net->links);
    list_init(&net->dirty);
    list_init(&net->remotes);
    int rc = uv_timer_init(loop, &net->dial_timer);
    MUST(rc == 0);
    rc = uv_prepare_init(loop, &net->prepare);
    MUST(rc == 0);
    rc = uv_prepare_start(&net->prepare, prepare_cb);
    MUST(rc == 0);
    net->dial_timer.data = net;
    net->prepare.data = net;
    net->pending = 2;
    return net;
}

int net_start(uv_loop_t *loop, const struct net_settings *settings, struct net_keys *keys,
              const struct net_callbacks *callbacks, struct net **ret, struct err *err)
{
    MUST(callbacks->on_message != NULL);
    MUST(callbacks->on_up != NULL);
    MUST(callbacks->on_down != NULL);
    MUST(callbacks->on_event != NULL);
    struct net *net = new_net(loop, settings, keys);
    net->callbacks = *callbacks;
    net->ctx = callbacks->ctx;
    int rv = preface_check(&net->self, err);
    bool alone = settings->listen[1] == NULL;
    for (size_t i = 0; rv == 0 && i < NET_LISTEN_MAX && settings->listen[i] != NULL; i++) {
        rv = listen_start(net, &net->listeners[i], settings->listen[i], alone, err);
    }
    if (rv != 0) {
        net_stop(net, NULL, NULL);
        return rv;
    }
    *ret = net;
    return 0;
}

const char *net_listen_address(const struct net *net, size_t at)
{
    return at < NET_LISTEN_MAX && net->listeners[at].open ? net->listeners[at].address : NULL;
}

/* ---- changes ---- */

/* Any link that @is_wrong, until there is none: ending one may end others. */
static void end_links(struct net *net,
                      bool (*is_wrong)(const struct link *link, struct fault *fault))
{
    struct fault fault;
    bool again = true;
    while (again) {
        again = false;
        LIST_FOR_EACH (struct link, link, &net->links, entry) {
            if (!link_is_over(link) && is_wrong(link, &fault)) {
                link_fail(link, &fault);
                again = true;
                break;
            }
        }
    }
}

bool net_link_has_old_keys(const struct link *link, struct fault *fault)
{
    if (!link->tls.ready || link->tls.keys == link->net->keys) {
        return false; /* a handshake under way shows who it is first */
    }
    if (tls_still_accepted(&link->tls, link->net->keys)) {
        return false;
    }
    fault_set(fault, NET_KEYS_GONE,
              "the connection stands on a secret or a certificate that is not accepted any more");
    return true;
}

void net_keys_take(struct net *net, struct net_keys *keys)
{
    struct net_keys *old = net->keys;
    net->keys = keys;
    end_links(net, net_link_has_old_keys);
    tls_keys_let_go(old);
    LIST_FOR_EACH (struct remote, remote, &net->remotes, entry) {
        remote->retry_ms = 0; /* what was refused may be right now */
    }
    dial_schedule(net);
}

static bool is_of_another_cluster(const struct link *link, struct fault *fault)
{
    return link->who.node_id != 0 && judge_preface(&link->net->self, &link->who, fault) < 0;
}

void net_set_cluster(struct net *net, const uint8_t cluster_id[PEER_CLUSTER_ID_SIZE])
{
    if (memcmp(net->self.cluster_id, cluster_id, PEER_CLUSTER_ID_SIZE) == 0) {
        return;
    }
    memcpy(net->self.cluster_id, cluster_id, PEER_CLUSTER_ID_SIZE);
    end_links(net, is_of_another_cluster);
    LIST_FOR_EACH (struct link, link, &net->links, entry) {
        if (link_state(link) == LINK_UP) {
            link_say(link, LINK_FRAME_CLUSTER, cluster_id, PEER_CLUSTER_ID_SIZE);
        }
    }
}

void net_set_peers(struct net *net, const struct net_peer *peers, size_t count)
{
    remote_set_wanted(net, peers, count);
}

/* ---- sending ---- */

static int send_to(struct remote *remote, const struct peer_message *message)
{
    if (remote == NULL) {
        return ERR_NOT_FOUND;
    }
    int rv = remote->link != NULL ? link_say_message(remote->link, message) : ERR_NOT_FOUND;
    if (rv != 0) {
        remote->stats.dropped++;
    } else {
        remote->stats.messages_out++;
    }
    if (rv == ERR_BUSY) {
        remote->is_full = true; /* told from the loop, not from inside a call of the owner's */
        remote->net->any_full = true;
    }
    return rv;
}

int net_send(struct net *net, const struct peer_message *message)
{
    return send_to(remote_find_id(net, message->to), message);
}

int net_send_to(struct net *net, const char *name, const char *address,
                const struct peer_message *message)
{
    return send_to(remote_find_name(net, name, address), message);
}

void net_flush(struct net *net)
{
    struct list dirty;
    list_init(&dirty);
    list_splice_back(&dirty, &net->dirty);
    while (!list_empty(&dirty)) {
        link_flush(CONTAINER_OF(dirty.next, struct link, dirty));
    }
}

/* ---- figures ---- */

static void fill_stats(const struct remote *remote, struct net_peer_stats *out)
{
    const struct link *link = remote->link;
    uint64_t heard = link != NULL ? link->heard_ms : remote->heard_ms;
    *out = remote->stats;
    out->id = remote->id;
    (void)snprintf(out->name, sizeof(out->name), "%s", remote->name);
    (void)snprintf(out->address, sizeof(out->address), "%s", remote->address);
    out->wanted = remote->wanted;
    out->up = link != NULL;
    out->heard_ms = heard != 0 ? net_now_ms(remote->net) - heard : UINT64_MAX;
    if (link != NULL) {
        out->dialled = link->dialled;
        out->queued_bytes = link_queued(link);
    }
}

bool net_peer_stats(const struct net *net, size_t at, struct net_peer_stats *out)
{
    LIST_FOR_EACH (const struct remote, remote, &net->remotes, entry) {
        if (at == 0) {
            fill_stats(remote, out);
            return true;
        }
        at--;
    }
    return false;
}

size_t net_peers_up(const struct net *net)
{
    size_t count = 0;
    LIST_FOR_EACH (const struct remote, remote, &net->remotes, entry) {
        count += remote->link != NULL ? 1 : 0;
    }
    return count;
}

struct net_stats net_stats(const struct net *net)
{
    return net->stats;
}
