/* consensus/node/guests.c - nodes that an operator wants in the cluster and that do not find it by
 * themselves: the leader calls them.
 *
 *   guests_invite --> connected --> "who are you?" ... its hello, with its id --> it is added, a
 *   spare (member_jobs.c) --> "the cluster lists you" --> it joins, and asks for the rest itself
 *
 * Who finds a member in its own list needs none of this. A guest is kept for a while beyond the
 * request that brought it, so that one that was added hears of it; nothing of it is durable, and
 * the operator may say it again. */
#include <stdio.h>
#include <string.h>

#include "consensus/node/node.h"

#define CALL_MS 250
#define LINGER_MS 10000

static struct node_guest *find(struct node *n, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(n->guests); i++) {
        if (n->guests[i].until_ms != 0 && strcmp(n->guests[i].name, name) == 0) {
            return &n->guests[i];
        }
    }
    return NULL;
}

/* A free place, or that of who is given up first. */
static struct node_guest *least_awaited(struct node *n)
{
    struct node_guest *least = &n->guests[0];
    for (size_t i = 1; i < ARRAY_LEN(n->guests); i++) {
        least = n->guests[i].until_ms < least->until_ms ? &n->guests[i] : least;
    }
    return least;
}

const struct node_guest *guests_invite(struct node *n, const char *name, const char *address,
                                       uint64_t until_ms)
{
    struct node_guest *guest = find(n, name);
    if (guest != NULL && strcmp(guest->address, address) == 0) {
        guest->until_ms = until_ms + LINGER_MS;
        return guest;
    }
    bool moves = guest != NULL; /* who answers at the old address is let go first */
    guest = moves ? guest : least_awaited(n);
    *guest = (struct node_guest){.until_ms = moves ? 0 : until_ms + LINGER_MS};
    (void)snprintf(guest->name, sizeof(guest->name), "%s", name);
    (void)snprintf(guest->address, sizeof(guest->address), "%s", address);
    n->guests_changed = true;
    return guest;
}

/* ---- what is heard of it ---- */

void guests_hear(struct node *n, const struct peer_message *message)
{
    const struct peer_form_hello *hello = &message->form_hello;
    struct member_info info;
    if (message->kind != PEER_FORM_HELLO || !hello->answer ||
        member_info_decode(hello->info, &info, NULL) != 0 || info.id != message->from) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(n->guests); i++) {
        struct node_guest *guest = &n->guests[i];
        bool named = strcmp(guest->name, info.name) == 0;
        if (guest->until_ms == 0 || (!named && strcmp(guest->address, info.address) != 0)) {
            continue;
        }
        guest->why[0] = '\0';
        if (!named) {
            (void)snprintf(guest->why, sizeof(guest->why), "the node there is called %s",
                           info.name);
        } else if (hello->standing == FORM_PROMISED) {
            (void)snprintf(guest->why, sizeof(guest->why),
                           "it has promised itself to form another cluster: empty its data "
                           "directory, or see \"pgraftctl raft forget\"");
        } else {
            guest->info = info;
        }
    }
}

void guests_note(struct node *n, const struct net_event *event)
{
    for (size_t i = 0; i < ARRAY_LEN(n->guests); i++) {
        struct node_guest *guest = &n->guests[i];
        bool about = event->name != NULL && strcmp(guest->name, event->name) == 0;
        about = about || (event->address != NULL && strcmp(guest->address, event->address) == 0);
        bool is_news = event->kind != NET_UP && event->kind != NET_DOWN;
        if (guest->until_ms != 0 && about && is_news) {
            (void)snprintf(guest->why, sizeof(guest->why), "%s", event->text);
        }
    }
}

/* ---- calling it ---- */

static void call(struct node *n, const struct node_guest *guest)
{
    struct members members;
    (void)engine_committed_members(core_engine(n->core), &members);
    struct form_member me = {.info = n->settings.me, .members = &members};
    memcpy(me.cluster_id, n->cluster_id, CLUSTER_ID_SIZE);
    struct peer_message out;
    struct buf keep = {0};
    form_call(&me, guest->info.id, &out, &keep);
    (void)net_send_to(n->net, guest->name, guest->address, &out); /* said again soon */
    buf_close(&keep);
}

void guests_turn(struct node *n, uint64_t now_ms)
{
    bool leads = engine_role(core_engine(n->core)) == ENGINE_LEADER;
    for (size_t i = 0; i < ARRAY_LEN(n->guests); i++) {
        struct node_guest *guest = &n->guests[i];
        if (guest->until_ms == 0) {
            continue;
        }
        if (!leads || now_ms >= guest->until_ms) {
            guest->until_ms = 0;
            n->guests_changed = true;
        } else if (now_ms >= guest->called_ms + CALL_MS) {
            guest->called_ms = now_ms;
            call(n, guest);
        }
    }
    if (n->guests_changed) {
        n->guests_changed = false;
        phase_connect(n);
    }
}
