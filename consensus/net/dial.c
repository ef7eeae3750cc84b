/* consensus/net/dial.c - opens the connections that are missing, and waits longer after each
 * failure.
 *
 * A name is resolved on libuv's thread pool, anew for each round of attempts; all addresses it has
 * are tried, one after the other. One timer serves all remotes. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/net/net_internal.h"

/* A question to the resolver. It can not be taken back once it runs, so it outlives a remote that
 * has lost interest. */
struct resolve {
    uv_getaddrinfo_t request;
    struct net *net;
    struct remote *remote; /* NULL: nobody is interested any more */
};

static void tell_failure(struct remote *remote, const struct fault *fault)
{
    const struct event_said said = {.kind = fault->kind,
                                    .told = fault->told,
                                    .node_id = remote->id,
                                    .name = remote->name,
                                    .address = remote->address,
                                    .text = fault->text};
    event_tell(remote->net, &said);
}

void dial_failed(struct remote *remote, const struct fault *fault)
{
    struct net *net = remote->net;
    uint64_t now = net_now_ms(net);
    bool refused = fault != NULL && fault_is_refusal(fault->kind);
    if (!refused && remote->target_next < remote->target_count) {
        remote->retry_ms = now; /* the next address of the name */
        return;
    }
    remote->target_count = 0;
    uint32_t min_ms = net->limits.redial_min_ms;
    uint32_t max_ms = net->limits.redial_max_ms;
    struct backoff once = {0};
    remote->retry_ms =
        now + (refused ? backoff_next_ms(&once, net->limits.redial_refused_ms,
                                         net->limits.redial_refused_ms, net_chance(net))
                       : backoff_next_ms(&remote->backoff, min_ms, max_ms, net_chance(net)));
}

void dial_forget(struct remote *remote)
{
    if (remote->resolve != NULL) {
        remote->resolve->remote = NULL;
        (void)uv_cancel((uv_req_t *)&remote->resolve->request); /* fails when it runs already */
        remote->resolve = NULL;
    }
    remote->target_count = 0;
}

/* The owner is told last: it may not want the remote any more, which is gone then. */
static void fail_attempt(struct remote *remote, const struct fault *fault)
{
    dial_failed(remote, fault);
    tell_failure(remote, fault);
}

/* ---- names ---- */

static void keep_targets(struct remote *remote, const struct addrinfo *found)
{
    remote->target_next = 0;
    remote->target_count = 0;
    for (; found != NULL && remote->target_count < TARGETS_MAX; found = found->ai_next) {
        struct sockaddr_storage *target = &remote->targets[remote->target_count];
        MUST(found->ai_addrlen <= sizeof(*target));
        memcpy(target, found->ai_addr, found->ai_addrlen);
        remote->target_count++;
    }
}

static void resolved_cb(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct resolve *resolve = request->data;
    struct remote *remote = resolve->remote;
    struct net *net = resolve->net;
    if (remote != NULL) {
        remote->resolve = NULL;
        remote->retry_ms = net_now_ms(net);
        if (status == 0) {
            keep_targets(remote, found);
        }
        if (remote->target_count == 0) {
            struct fault fault;
            fault_set(&fault, NET_UNRESOLVED, "%s: the name can not be resolved: %s",
                      remote->address, uv_strerror(status != 0 ? status : UV_EAI_NONAME));
            fail_attempt(remote, &fault);
        }
        dial_schedule(net);
    }
    uv_freeaddrinfo(found);
    mem_free(resolve);
    net_release(net);
}

static void resolve_name(struct remote *remote, const struct address_parts *parts)
{
    struct net *net = remote->net;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct resolve *resolve = mem_zalloc(sizeof(*resolve));
    resolve->net = net;
    resolve->remote = remote;
    resolve->request.data = resolve;
    int rc =
        uv_getaddrinfo(net->loop, &resolve->request, resolved_cb, parts->host, parts->port, &hints);
    if (rc == 0) {
        net->pending++;
        remote->resolve = resolve;
        return;
    }
    mem_free(resolve);
    struct fault fault;
    fault_set(&fault, NET_UNRESOLVED, "%s: %s", remote->address, uv_strerror(rc));
    fail_attempt(remote, &fault);
}

/* ---- attempts ---- */

/* True: it is known where to. Else it is on its way to be known, or has failed, and the remote may
 * be gone. */
static bool find_targets(struct remote *remote)
{
    struct address_parts parts;
    struct err err;
    remote->target_next = 0;
    if (address_split(remote->address, &parts, &err) != 0) {
        struct fault fault;
        fault_set(&fault, NET_UNRESOLVED, "%s", err.msg);
        fail_attempt(remote, &fault);
        return false;
    }
    if (address_numeric(&parts, &remote->targets[0])) {
        remote->target_count = 1;
        return true;
    }
    resolve_name(remote, &parts);
    return false;
}

static void attempt(struct remote *remote)
{
    if (remote->target_next >= remote->target_count && !find_targets(remote)) {
        return;
    }
    const struct sockaddr_storage *to = &remote->targets[remote->target_next];
    struct fault fault;
    remote->target_next++;
    if (link_dial(remote->net, remote, (const struct sockaddr *)to, &fault) != 0) {
        fail_attempt(remote, &fault);
    }
}

static bool is_missing(const struct remote *remote)
{
    return remote->wanted && !remote->is_self && remote->link == NULL && remote->dialling == NULL &&
           remote->stand_in == NULL && remote->resolve == NULL;
}

void dial_schedule(struct net *net)
{
    if (net->stopping) {
        return;
    }
    uint64_t now = net_now_ms(net);
    uint64_t next = UINT64_MAX;
    LIST_FOR_EACH (const struct remote, remote, &net->remotes, entry) {
        if (is_missing(remote) && remote->retry_ms < next) {
            next = remote->retry_ms;
        }
    }
    if (next == UINT64_MAX) {
        (void)uv_timer_stop(&net->dial_timer);
        return;
    }
    int rc = uv_timer_start(&net->dial_timer, dial_timer_cb, next > now ? next - now : 0, 0);
    MUST(rc == 0);
}

/* One whose time has come. */
static struct remote *find_due(const struct net *net)
{
    LIST_FOR_EACH (struct remote, remote, &net->remotes, entry) {
        if (is_missing(remote) && remote->retry_ms <= net_now_ms(net)) {
            return remote;
        }
    }
    return NULL;
}

void dial_timer_cb(uv_timer_t *timer)
{
    struct net *net = timer->data;
    /* An attempt that fails at once tells the owner, who may change the list: look anew each time.
     * No more than each once. */
    for (unsigned int i = 0; i < NET_PEERS_MAX && !net->stopping; i++) {
        struct remote *remote = find_due(net);
        if (remote == NULL) {
            break;
        }
        attempt(remote);
    }
    dial_schedule(net);
}
