/* consensus/net/event.c - what is told to the owner, and what is not told again.
 *
 * An attempt that fails is repeated for as long as it takes; its event is told once, and then once
 * in event_repeat_ms with the count of those in between. */
#include <stdio.h>

#include "consensus/net/net_internal.h"

/* FNV-1a. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * UINT64_C(1099511628211);
    }
    return hash;
}

static uint64_t hash_peer(const char *name, const char *address)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    /* A name says more than an address, whose port is another one each time. */
    return hash_text(hash, name[0] != '\0' ? name : address);
}

static uint64_t hash_said(const struct event_said *said, const char *host)
{
    uint64_t hash = hash_peer(said->name, host) ^ (uint64_t)said->kind << 56;
    return hash_text(hash, said->told ? "told" : "ours") | 1;
}

/* The place of @hash, or the one that was told the longest ago. */
static struct event_kept *find_place(struct net *net, uint64_t hash)
{
    struct event_kept *oldest = &net->events[0];
    for (size_t i = 0; i < EVENTS_KEPT; i++) {
        struct event_kept *kept = &net->events[i];
        if (kept->hash == hash) {
            return kept;
        }
        if (kept->told_ms < oldest->told_ms) {
            oldest = kept;
        }
    }
    *oldest = (struct event_kept){0};
    return oldest;
}

static void tell(struct net *net, const struct event_said *said, const char *host)
{
    if (net->stopping) {
        return;
    }
    /* Copies: the owner may end, inside the call, what the event speaks of. */
    char name[MEMBER_NAME_MAX + 1];
    char address[MEMBER_ADDRESS_MAX + 1];
    char text[FAULT_TEXT_SIZE];
    (void)snprintf(name, sizeof(name), "%s", said->name);
    (void)snprintf(address, sizeof(address), "%s", said->address);
    (void)snprintf(text, sizeof(text), "%s", said->text);
    struct net_event event = {.kind = said->kind,
                              .node_id = said->node_id,
                              .name = name,
                              .address = address,
                              .text = text,
                              .told = said->told};
    if (said->kind != NET_UP && said->kind != NET_DOWN) {
        uint64_t now = net_now_ms(net);
        struct event_kept *kept = find_place(net, hash_said(said, host));
        if (kept->hash != 0 && now - kept->told_ms < net->limits.event_repeat_ms) {
            kept->more++;
            return;
        }
        event.more = kept->more;
        *kept = (struct event_kept){.hash = hash_said(said, host), .told_ms = now};
    }
    net->callbacks.on_event(net->ctx, &event);
}

void event_tell(struct net *net, const struct event_said *said)
{
    tell(net, said, said->address);
}

void event_tell_link(const struct link *link, enum net_event_kind kind, bool told, const char *text)
{
    const struct event_said said = {.kind = kind,
                                    .told = told,
                                    .node_id = link->who.node_id,
                                    .name = link_name(link),
                                    .address = link_address(link),
                                    .text = text};
    tell(link->net, &said, link->host);
}

void event_forget(struct net *net, const char *name)
{
    for (size_t i = 0; i < EVENTS_KEPT; i++) {
        for (int kind = 0; kind < NET_EVENT_KINDS; kind++) {
            struct event_said said = {.kind = (enum net_event_kind)kind, .name = name};
            uint64_t ours = hash_said(&said, "");
            said.told = true;
            if (net->events[i].hash == ours || net->events[i].hash == hash_said(&said, "")) {
                net->events[i] = (struct event_kept){0};
            }
        }
    }
}
