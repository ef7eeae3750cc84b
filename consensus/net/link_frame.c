/* consensus/net/link_frame.c - what is said inside one connection, by both sides. */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "consensus/net/judge.h"
#include "consensus/net/net_internal.h"

#define FRAME_KEEP_BYTES_MAX ((size_t)256 * 1024)

/* ---- ours ---- */

static size_t begin_frame(struct link *link, enum link_frame kind)
{
    size_t begun = frame_begin(&link->plain);
    buf_char(&link->plain, (char)kind);
    return begun;
}

static void end_frame(struct link *link, size_t begun)
{
    frame_end(&link->plain, begun);
    link_mark_dirty(link);
}

void link_say(struct link *link, enum link_frame kind, const void *bytes, size_t size)
{
    size_t begun = begin_frame(link, kind);
    buf_append(&link->plain, bytes, size);
    end_frame(link, begun);
}

void link_say_refusal(struct link *link, const struct fault *fault)
{
    struct refusal refusal = {.reason = (uint32_t)fault_reason(fault->kind)};
    (void)snprintf(refusal.text, sizeof(refusal.text), "%.*s", (int)sizeof(refusal.text) - 1,
                   fault->text);
    size_t begun = begin_frame(link, LINK_FRAME_REFUSAL);
    refusal_encode(&refusal, &link->plain);
    end_frame(link, begun);
}

int link_say_message(struct link *link, const struct peer_message *message)
{
    size_t max = link->net->limits.send_bytes_max;
    if (link_queued(link) >= max) {
        return ERR_BUSY;
    }
    size_t begun = begin_frame(link, LINK_FRAME_MESSAGE);
    int rv = peer_encode(message, &link->plain, NULL);
    if (rv == 0 && link_queued(link) > max) {
        rv = ERR_BUSY;
    }
    if (rv != 0) {
        link->plain.size = begun;
        return rv;
    }
    end_frame(link, begun);
    return 0;
}

void link_begin(struct link *link)
{
    link_move(link, LINK_PREFACE);
    buf_append(&link->plain, PREFACE_MAGIC, PREFACE_MAGIC_SIZE);
    size_t begun = begin_frame(link, LINK_FRAME_PREFACE);
    preface_encode(&link->net->self, &link->plain);
    end_frame(link, begun);
    link_arm(link);
}

/* ---- theirs: the preface ---- */

static void come_up(struct link *link)
{
    link_move(link, LINK_UP);
    link->up_ms = link->state_ms;
    link_arm(link);
    remote_link_up(link->net, link);
}

void link_welcome(struct link *link)
{
    link_move(link, LINK_WELCOME);
    link->frames.body_max = link->net->limits.body_bytes_max + 1; /* and the byte of its kind */
    link_say(link, LINK_FRAME_WELCOME, NULL, 0);
    link_arm(link);
    if (link->welcomed) {
        come_up(link);
    }
}

/* Another connection of that id is in use: by the same process, by the one before it, or by
 * another one? */
static void hold(struct link *link, struct link *elder)
{
    if (elder->newcomer != NULL) {
        link_end(elder->newcomer, NULL); /* this one is newer still */
    }
    link_move(link, LINK_HELD);
    link_arm(link);
    elder->newcomer = link;
    link->elder = elder;
    elder->probe_ns = uv_hrtime();
    link_say(elder, LINK_FRAME_PING, &elder->probe_ns, sizeof(elder->probe_ns));
}

/* The answer to that: both live. What merely arrives may have been under way when its sender
 * ended. */
static void refuse_newcomer(struct link *link)
{
    struct fault fault;
    fault_set(
        &fault, NET_SAME_ID,
        "%.63s at %s and another at %s have the same node id %016llx, and both live: one is a "
        "copy of the other: stop the copy and empty its data directory",
        link->who.name, link->address, link->newcomer->address,
        (unsigned long long)link->who.node_id);
    link_fail(link->newcomer, &fault);
}

static int admit(struct link *link, struct fault *fault)
{
    struct net *net = link->net;
    struct buf names = {0};
    bool named = tls_names(&link->tls, link->who.name, &names);
    if (!named) {
        fault_set(fault, NET_CERTIFICATE_NAME,
                  "%s shows a certificate that does not name it (%.120s): its CN, a DNS name or "
                  "the first label of one has to be the node's name",
                  link->who.name, buf_text(&names));
    }
    buf_close(&names);
    if (!named || net->callbacks.admit == NULL) {
        return named ? 0 : -1;
    }
    struct net_node node;
    struct err err = {0};
    link_node(link, &node);
    if (net->callbacks.admit(net->ctx, &node, &err) == 0) {
        return 0;
    }
    return fault_set(fault, NET_NOT_ADMITTED, "%s is refused: %s", link->who.name, err.msg);
}

static void take_preface(struct link *link, const void *bytes, size_t size)
{
    struct err err;
    struct fault fault;
    if (preface_decode(bytes, size, &link->who, &err) != 0) {
        fault_set(&fault, NET_GARBAGE, "no node of pgraft, or a broken one: %s", err.msg);
        link_fail(link, &fault);
        return;
    }
    int verdict = judge_preface(&link->net->self, &link->who, &fault);
    if (verdict > 0) {
        if (link->dials != NULL) { /* the other end waits for it to be closed here */
            link->dials->is_self = true;
            link_end(link, NULL);
        }
        return;
    }
    if (verdict == 0) {
        verdict = admit(link, &fault);
    }
    if (link_is_over(link)) {
        return; /* the owner has ended it */
    }
    if (verdict < 0) {
        link_fail(link, &fault);
        return;
    }
    struct remote *remote = remote_find_id(link->net, link->who.node_id);
    struct link *elder = remote != NULL ? remote->link : NULL;
    if (elder != NULL && elder->who.instance != link->who.instance) {
        hold(link, elder);
    } else {
        link_welcome(link);
    }
}

/* ---- theirs: the rest ---- */

static void garbage(struct link *link, const char *what)
{
    struct fault fault;
    fault_set(&fault, NET_GARBAGE, "%s: one side is broken, or no node of pgraft", what);
    link_fail(link, &fault);
}

static void take_refusal(struct link *link, const void *bytes, size_t size)
{
    struct refusal refusal;
    struct err err;
    if (refusal_decode(bytes, size, &refusal, &err) != 0) {
        garbage(link, err.msg);
        return;
    }
    struct fault fault;
    fault_set(&fault, fault_kind(refusal.reason), "the other side refuses: %s", refusal.text);
    fault.told = true;
    link_fail(link, &fault);
}

static void take_message(struct link *link, const void *bytes, size_t size)
{
    struct net *net = link->net;
    struct peer_message message;
    struct err err;
    if (peer_decode(&net->decoder, bytes, size, &message, &err) != 0) {
        garbage(link, err.msg);
        return;
    }
    if (message.from != link->who.node_id) {
        garbage(link, "a message that says it is from another node");
        return;
    }
    if (message.to != 0 && message.to != net->self.node_id) {
        return; /* for what this node was before */
    }
    const struct link *used = link->remote != NULL ? link->remote->link : NULL;
    if (used == NULL || used->who.instance != link->who.instance) {
        return; /* W14: on a replaced connection, of a node that is down or has started anew since
                 */
    }
    link->remote->stats.messages_in++;
    if (!net->stopping) {
        net->callbacks.on_message(net->ctx, &message);
    }
}

static void take_pong(struct link *link, const void *bytes, size_t size)
{
    uint64_t sent_ns = 0;
    uint64_t now_ns = uv_hrtime();
    if (size != sizeof(sent_ns)) {
        garbage(link, "a pong that was not asked for");
        return;
    }
    memcpy(&sent_ns, bytes, sizeof(sent_ns));
    if (link->remote != NULL && sent_ns <= now_ns) {
        link->remote->stats.round_trip_us = (now_ns - sent_ns) / 1000;
    }
    if (link->newcomer != NULL && sent_ns == link->probe_ns) {
        refuse_newcomer(link);
    }
}

static void take_cluster(struct link *link, const void *bytes, size_t size)
{
    if (size != PEER_CLUSTER_ID_SIZE) {
        garbage(link, "a cluster id of another size");
        return;
    }
    memcpy(link->who.cluster_id, bytes, size);
    struct fault fault;
    if (judge_preface(&link->net->self, &link->who, &fault) < 0) {
        link_fail(link, &fault);
    }
}

static void take_bye(struct link *link, const void *bytes, size_t size)
{
    const char *why = bytes;
    if (size != 1) {
        garbage(link, "a good-bye without a reason");
        return;
    }
    if (link_state(link) == LINK_RETIRED) {
        link_finish(link);
    } else if (*why == 0) {
        struct fault fault;
        fault_set(&fault, NET_DOWN, "it stops, or this node is not one of its peers any more");
        link_end(link, link_state(link) == LINK_UP ? &fault : NULL);
    } else {
        link->byed = true; /* and the better one is about to come up here, too */
    }
}

static void take_used(struct link *link, enum link_frame kind, const char *bytes, size_t size)
{
    switch ((int)kind) {
        case LINK_FRAME_MESSAGE:
            take_message(link, bytes, size);
            return;
        case LINK_FRAME_PING:
            if (size != sizeof(uint64_t)) {
                garbage(link, "a ping of another size");
                return;
            }
            link_say(link, LINK_FRAME_PONG, bytes, size);
            return;
        case LINK_FRAME_PONG:
            take_pong(link, bytes, size);
            return;
        case LINK_FRAME_CLUSTER:
            take_cluster(link, bytes, size);
            return;
        default:
            garbage(link, "a frame of an unknown kind");
            return;
    }
}

static void take_frame(struct link *link, const char *body, size_t size)
{
    enum link_state state = link_state(link);
    if (size == 0) {
        garbage(link, "an empty frame");
        return;
    }
    int kind = (unsigned char)body[0];
    const char *bytes = body + 1;
    size--;
    if (kind == LINK_FRAME_REFUSAL) {
        take_refusal(link, bytes, size);
    } else if (state == LINK_PREFACE && kind == LINK_FRAME_PREFACE) {
        take_preface(link, bytes, size);
    } else if (state == LINK_PREFACE) {
        garbage(link, "something else than a preface");
    } else if (kind == LINK_FRAME_BYE) {
        take_bye(link, bytes, size);
    } else if (state == LINK_UP || state == LINK_RETIRED) {
        take_used(link, (enum link_frame)kind, bytes, size);
    } else if (kind == LINK_FRAME_WELCOME && !link->welcomed && size == 0) {
        link->welcomed = true;
        if (state == LINK_WELCOME) {
            come_up(link);
        }
    } else {
        garbage(link, "something else than a welcome");
    }
}

/* 1: it is complete, 0: more bytes are needed, -1: it is another. */
static int take_magic(struct link *link, const char **bytes, size_t *size)
{
    static const char magic[PREFACE_MAGIC_SIZE + 1] = PREFACE_MAGIC;
    while (*size > 0 && link->magic_seen < PREFACE_MAGIC_SIZE) {
        if (**bytes != magic[link->magic_seen]) {
            return -1;
        }
        (*bytes)++;
        (*size)--;
        link->magic_seen++;
    }
    return link->magic_seen == PREFACE_MAGIC_SIZE ? 1 : 0;
}

static void frame_fault(struct link *link, int rv, const struct err *err)
{
    struct fault fault;
    if (rv == ERR_TOO_LARGE) {
        fault_set(&fault, NET_TOO_LARGE, "%s", err->msg);
    } else {
        fault_set(&fault, NET_GARBAGE, "%s: a broken host or network", err->msg);
    }
    link_fail(link, &fault);
}

/* After a large frame its room is given back; a frame that is not complete has a deadline. */
static void settle(struct link *link)
{
    struct frame_reader *frames = &link->frames;
    bool partial = frames->bytes.size > frames->taken;
    if (!partial) {
        link->frame_ms = 0;
    } else if (link->frame_ms == 0) {
        link->frame_ms = net_now_ms(link->net);
    }
    if (!partial && frames->bytes.room > FRAME_KEEP_BYTES_MAX) {
        frame_reader_close(frames);
    }
}

void link_stream(struct link *link, const void *stream, size_t size)
{
    const char *bytes = stream;
    int magic = take_magic(link, &bytes, &size);
    if (magic < 0) {
        garbage(link, "not the beginning of pgraft's protocol");
    }
    if (magic <= 0) {
        return;
    }
    struct err err;
    int rv = frame_feed(&link->frames, bytes, size, &err);
    while (rv == 0 && !link_is_over(link)) {
        const void *body = NULL;
        size_t body_size = 0;
        rv = frame_next(&link->frames, &body, &body_size, &err);
        if (rv == 0) {
            settle(link);
            return;
        }
        if (rv > 0) {
            link->frame_ms = 0;
            take_frame(link, body, body_size);
            rv = 0;
        }
    }
    if (rv < 0 && !link_is_over(link)) {
        frame_fault(link, rv, &err);
    }
}
