/* consensus/net/remote.c - the nodes at the other ends: who is wanted, who is up, and which of two
 * connections to one node is used.
 *
 * Both sides open a connection when they have none, since only one of them may know the other, or
 * may be let through. Of two between the same two processes the one that the node with the lower id
 * has dialled is used. Both see it so; that node alone closes the other one, by a good-bye, after
 * which both still read what is on its way: nothing is lost, and nobody goes down and up. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/net/judge.h"
#include "consensus/net/net_internal.h"

struct remote *remote_find_id(const struct net *net, uint64_t id)
{
    LIST_FOR_EACH (struct remote, remote, &net->remotes, entry) {
        if (remote->id == id && id != 0) {
            return remote;
        }
    }
    return NULL;
}

struct remote *remote_find_name(const struct net *net, const char *name, const char *address)
{
    struct remote *found = NULL;
    LIST_FOR_EACH (struct remote, remote, &net->remotes, entry) {
        bool same = strcmp(remote->name, name) == 0 &&
                    (address == NULL || strcmp(remote->address, address) == 0);
        /* A node that was rebuilt has the name of the one it was: it is the one that is up. */
        if (same && (found == NULL || (found->link == NULL && remote->link != NULL))) {
            found = remote;
        }
    }
    return found;
}

static void name_it(struct remote *remote, const char *name, const char *address)
{
    (void)snprintf(remote->name, sizeof(remote->name), "%s", name);
    (void)snprintf(remote->address, sizeof(remote->address), "%s", address);
}

static struct remote *new_remote(struct net *net, uint64_t id, const char *name,
                                 const char *address)
{
    if (net->remote_count == NET_PEERS_MAX) {
        return NULL;
    }
    struct remote *remote = mem_zalloc(sizeof(*remote));
    remote->net = net;
    remote->id = id;
    name_it(remote, name, address);
    list_init(&remote->entry);
    list_push_back(&net->remotes, &remote->entry);
    net->remote_count++;
    return remote;
}

void remote_free(struct remote *remote)
{
    struct net *net = remote->net;
    MUST(remote->link == NULL);
    MUST(remote->dialling == NULL);
    dial_forget(remote);
    LIST_FOR_EACH (struct link, link, &net->links, entry) {
        link->remote = link->remote == remote ? NULL : link->remote;
    }
    list_remove(&remote->entry);
    net->remote_count--;
    mem_free(remote);
}

/* ---- up ---- */

/* Whose link it is: by the id, else by what it was dialled for, else by a name that has no id yet.
 */
static struct remote *find_owner(struct net *net, const struct link *link)
{
    struct remote *remote = remote_find_id(net, link->who.node_id);
    if (remote == NULL && link->dials != NULL && link->dials->id == 0) {
        remote = link->dials;
    }
    if (remote == NULL) {
        struct remote *named = remote_find_name(net, link->who.name, NULL);
        remote = named != NULL && named->id == 0 && named->link == NULL ? named : NULL;
    }
    return remote != NULL ? remote
                          : new_remote(net, link->who.node_id, link->who.name, link->who.address);
}

/* An attempt that has not told the other side that it is welcome is of no use any more: the other
 * side can not be using it. */
static void stop_dialling(struct remote *remote)
{
    struct link *link = remote->dialling;
    if (link != NULL && link_state(link) != LINK_WELCOME) {
        link_end(link, NULL);
    }
    dial_forget(remote);
}

static void settle_attempt(struct remote *owner, struct link *link)
{
    struct remote *dials = link->dials;
    if (dials != NULL) {
        dials->dialling = NULL;
        dials->target_count = 0;
        dials->backoff.failures = 0;
        if (dials != owner) {
            dials->stand_in = link;
        }
    }
    link->dials = NULL;
}

static void use(struct net *net, struct remote *remote, struct link *link)
{
    remote->link = link;
    remote->stats.ups++;
    stop_dialling(remote);
    event_forget(net, link->who.name);
    if (net->stopping) {
        return;
    }
    struct net_node node;
    link_node(link, &node);
    net->callbacks.on_up(net->ctx, &node);
    if (!link_is_over(link)) { /* the owner may have ended it */
        event_tell_link(link, NET_UP, false, link->dialled ? "connected" : "has connected");
    }
}

void remote_link_up(struct net *net, struct link *link)
{
    struct fault fault;
    struct remote *remote = find_owner(net, link);
    if (remote == NULL) {
        fault_set(&fault, NET_TOO_MANY, "connections to %d nodes are all there can be",
                  NET_PEERS_MAX);
        link_fail(link, &fault);
        return;
    }
    remote->id = link->who.node_id;
    if (!remote->wanted) {
        name_it(remote, link->who.name, link->who.address);
    }
    struct link *stands = remote->link;
    if (stands != NULL && stands->who.instance != link->who.instance) {
        fault_set(
            &fault, NET_SAME_ID,
            "%.63s and another have the same node id %016llx: one is a copy of the other: stop "
            "the copy and empty its data directory",
            link->who.name, (unsigned long long)link->who.node_id);
        link_fail(link, &fault);
        return;
    }
    link->remote = remote;
    settle_attempt(remote, link);
    if (stands == NULL) {
        use(net, remote, link);
        return;
    }
    bool better =
        judge_newer_is_better(net->self.node_id, link->who.node_id, stands->dialled, link->dialled);
    remote->link = better ? link : stands;
    struct link *worse = better ? stands : link;
    LIST_FOR_EACH (struct remote, other, &net->remotes, entry) {
        if (other->stand_in == worse) {
            other->stand_in = remote->link;
        }
    }
    link_retire(worse);
}

/* ---- over ---- */

static void let_newcomer_in(struct link *link)
{
    struct link *newcomer = link->newcomer;
    link->newcomer = NULL;
    if (newcomer != NULL) {
        newcomer->elder = NULL;
        link_welcome(newcomer);
    }
}

/* A link that was up for a while is dialled again at once, by the one who is to dial; one that came
 * and went is not. */
static void redial(struct net *net, struct remote *remote, const struct link *link)
{
    uint64_t now = net_now_ms(net);
    uint64_t up_ms = now - link->up_ms;
    bool first = net->self.node_id < remote->id;
    uint32_t ms = first ? 0 : net->limits.redial_min_ms;
    if (up_ms < net->limits.redial_max_ms) {
        ms = backoff_next_ms(&remote->backoff, net->limits.redial_min_ms, net->limits.redial_max_ms,
                             net_chance(net));
    }
    remote->retry_ms = now + ms;
}

static void went_down(struct net *net, struct remote *remote, struct link *link,
                      const struct fault *fault)
{
    remote->link = NULL;
    remote->heard_ms = link->heard_ms;
    redial(net, remote, link);
    if (fault != NULL && fault_is_refusal(fault->kind)) {
        remote->retry_ms = net_now_ms(net) + net->limits.redial_refused_ms;
    }
    if (!net->stopping) {
        struct net_node node;
        link_node(link, &node);
        net->callbacks.on_down(net->ctx, &node);
    }
}

/* Nobody asked for it, and it is gone. */
static void sweep(struct net *net)
{
    LIST_FOR_EACH_SAFE (struct remote, remote, &net->remotes, entry) {
        if (!remote->wanted && remote->link == NULL && remote->dialling == NULL) {
            remote_free(remote);
        }
    }
}

void remote_link_over(struct net *net, struct link *link, const struct fault *fault)
{
    if (link->elder != NULL) {
        link->elder->newcomer = NULL;
        link->elder = NULL;
    }
    LIST_FOR_EACH (struct remote, remote, &net->remotes, entry) {
        if (remote->stand_in == link) {
            remote->stand_in = NULL;
            remote->retry_ms = net_now_ms(net);
        }
    }
    struct remote *dials = link->dials;
    link->dials = NULL;
    if (dials != NULL) {
        dials->dialling = NULL;
        dial_failed(dials, fault);
    }
    struct remote *remote = link->remote;
    if (remote != NULL && remote->link == link) {
        went_down(net, remote, link, fault);
    }
    let_newcomer_in(link);
    sweep(net);
    dial_schedule(net);
}

/* ---- wishes ---- */

/* The remote that @peer is about already. */
static struct remote *find_wished(const struct net *net, const struct net_peer *peer)
{
    struct remote *remote = remote_find_id(net, peer->id);
    if (remote != NULL) {
        return remote;
    }
    LIST_FOR_EACH (struct remote, other, &net->remotes, entry) {
        bool may_be = other->id == 0 || peer->id == 0;
        if (may_be && strcmp(other->name, peer->name) == 0) {
            return other;
        }
    }
    return NULL;
}

static void wish(struct net *net, const struct net_peer *peer)
{
    struct remote *remote = find_wished(net, peer);
    if (remote == NULL) {
        remote = new_remote(net, peer->id, peer->name, peer->address);
    }
    if (remote == NULL) {
        return;
    }
    if (remote->wanted && peer->id == 0) {
        return; /* said already in this list, and better */
    }
    remote->wanted = true;
    remote->id = remote->id != 0 ? remote->id : peer->id;
    if (strcmp(remote->address, peer->address) != 0) {
        remote->is_self = false;
        remote->is_moved = remote->dialling != NULL;
        remote->target_count = 0;
        remote->retry_ms = 0;
    }
    name_it(remote, peer->name, peer->address);
}

/* It answers at the address of one that is wanted. */
static bool stands_in(const struct net *net, const struct link *link)
{
    LIST_FOR_EACH (const struct remote, remote, &net->remotes, entry) {
        if (remote->wanted && remote->stand_in == link) {
            return true;
        }
    }
    return false;
}

static void unwish(struct remote *remote)
{
    struct link *link = remote->link;
    struct link *attempt = remote->dialling;
    dial_forget(remote);
    /* What the other side has opened, it wants. */
    if (link != NULL && link->dialled && !stands_in(remote->net, link)) {
        link_bye(link, true);
        link_finish(link);
    }
    if (attempt != NULL) {
        link_end(attempt, NULL);
    }
}

/* An attempt to somewhere else than it is now; one that is nearly there may come to its end. */
static void give_up_attempt(struct remote *remote)
{
    remote->is_moved = false;
    if (remote->dialling != NULL && link_state(remote->dialling) != LINK_WELCOME) {
        link_end(remote->dialling, NULL);
        remote->retry_ms = 0;
    }
}

/* What this side alone holds on to. */
static bool is_held(const struct net *net, const struct remote *remote)
{
    const struct link *link = remote->link;
    bool dialled = link != NULL && link->dialled && !stands_in(net, link);
    return dialled || remote->dialling != NULL || remote->resolve != NULL;
}

/* True: something was done, which may have changed the list. */
static bool carry_out(struct net *net)
{
    LIST_FOR_EACH (struct remote, remote, &net->remotes, entry) {
        if (!remote->wanted && is_held(net, remote)) {
            unwish(remote);
            return true;
        }
        if (remote->is_moved) {
            give_up_attempt(remote);
            return true;
        }
    }
    return false;
}

void remote_set_wanted(struct net *net, const struct net_peer *peers, size_t count)
{
    MUST(count <= NET_PEERS_MAX);
    LIST_FOR_EACH (struct remote, remote, &net->remotes, entry) {
        remote->wanted = false;
    }
    for (size_t i = 0; i < count; i++) {
        wish(net, &peers[i]);
    }
    while (carry_out(net)) {
    }
    sweep(net);
    dial_schedule(net);
}
