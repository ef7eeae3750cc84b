/* consensus/core_hold.c - the holder's side of leases: asking for time, and knowing until when.
 *
 * A grant gives no time (safety A1). In the rhythm of heartbeats the holder sends a keep-alive and
 * notes on its own clock when; a confirmation gives it the lease's span from that moment on,
 * however late it comes. It asks as long as its owner wants it to: an owner that hangs loses the
 * lease. When a round was missed it also asks by two other members (A6). What it believes about the
 * leader does not matter here: a confirmation is true whoever brings it. */
#include "base/mem.h"
#include "base/must.h"
#include "consensus/core_internal.h"
#include "consensus/lease_span.h"

/* Keep-alives that may still be answered; a later answer to an older one is no use. */
#define SENT_MAX 64
/* An ordinary lease is kept alive so many times in its time to live. */
#define ORDINARY_BEATS 8
/* Without a confirmation for so many beats the direct way is not trusted any more. */
#define MISSED_BEATS 3
#define RELAYS 2

struct hold {
    struct omap_item item;
    uint8_t id_key[ID_KEY_SIZE];
    struct core_hold wish;
    struct core_held held;
    uint64_t begun_ms;
    uint64_t next_ms;
    uint64_t turns; /* of the relays */
    struct {
        uint64_t name;
        uint64_t sent_ms;
    } sent[SENT_MAX];
    size_t sent_next;
};

static struct hold *find(const struct core *c, uint64_t lease)
{
    uint8_t key[ID_KEY_SIZE];
    id_key_write(key, lease);
    struct omap_item *item = omap_find(&c->holds, kv_slice(key, sizeof(key)));
    return item != NULL ? CONTAINER_OF(item, struct hold, item) : NULL;
}

static struct hold *first(const struct core *c, struct omap_at *at)
{
    struct omap_item *item = omap_seek(&c->holds, kv_slice(NULL, 0), at);
    return item != NULL ? CONTAINER_OF(item, struct hold, item) : NULL;
}

static struct hold *next(struct omap_at *at)
{
    struct omap_item *item = omap_next(at);
    return item != NULL ? CONTAINER_OF(item, struct hold, item) : NULL;
}

/* What this node has applied counts too: a leader whose disk is slow may confirm the time of before
 * a change that is committed, for which a later leader waits no more; and a late answer may come
 * when the lease is gone. */
static uint64_t span_ms(const struct core *c, const struct hold *h, uint64_t ttl_ms)
{
    struct machine_lease lease;
    if (c->applied.index >= h->wish.grant) {
        bool is_there = machine_lease(c->machine, h->wish.lease, &lease) &&
                        lease.granted_index == h->wish.grant;
        uint64_t known_ms = is_there ? lease.ttl_ms : 0;
        ttl_ms = known_ms < ttl_ms ? known_ms : ttl_ms;
    }
    uint64_t limit_ms = h->wish.limit_ms;
    return lease_holder_ms(limit_ms != 0 && limit_ms < ttl_ms ? limit_ms : ttl_ms);
}

void core_hold(struct core *c, uint64_t now_ms, const struct core_hold *wish)
{
    c->now_ms = now_ms > c->now_ms ? now_ms : c->now_ms;
    struct hold *h = find(c, wish->lease);
    if (h != NULL && h->wish.grant != wish->grant) {
        core_let_go(c, now_ms, wish->lease);
        h = NULL;
    }
    if (h == NULL) {
        h = mem_zalloc(sizeof(*h));
        id_key_write(h->id_key, wish->lease);
        h->item = (struct omap_item){.key = h->id_key, .key_size = ID_KEY_SIZE};
        omap_insert(&c->holds, &h->item);
        h->begun_ms = c->now_ms;
        h->next_ms = c->now_ms;
    }
    h->wish = *wish;
    uint64_t cut_ms = c->now_ms + lease_holder_ms(wish->limit_ms);
    if (wish->limit_ms != 0 && h->held.deadline_ms > cut_ms) {
        h->held.deadline_ms = cut_ms;
    }
    c->hold_next_ms = h->next_ms < c->hold_next_ms ? h->next_ms : c->hold_next_ms;
}

void core_let_go(struct core *c, uint64_t now_ms, uint64_t lease)
{
    c->now_ms = now_ms > c->now_ms ? now_ms : c->now_ms;
    struct hold *h = find(c, lease);
    if (h != NULL) {
        omap_remove(&c->holds, &h->item);
        mem_free(h);
    }
}

bool core_held(const struct core *c, uint64_t lease, struct core_held *out)
{
    const struct hold *h = find(c, lease);
    if (h == NULL) {
        return false;
    }
    *out = h->held;
    return true;
}

/* --- asking --- */

static void send_to(struct core *c, uint64_t to, const struct peer_keep_alive *ask)
{
    if (to == c->settings.id) {
        core_lease_ask(c, to, ask);
        return;
    }
    struct peer_message m = {.kind = PEER_KEEP_ALIVE,
                             .from = c->settings.id,
                             .to = to,
                             .term = engine_term(c->engine),
                             .keep_alive = *ask};
    core_send(c, &m);
}

/* Two others, in turn. */
static void send_by_others(struct core *c, struct hold *h, uint64_t leader,
                           const struct peer_keep_alive *ask)
{
    struct members members;
    engine_members(c->engine, &members);
    size_t chosen = 0;
    for (size_t i = 0; i < members.count && chosen < RELAYS; i++) {
        const struct member *m = &members.at[(h->turns + i) % members.count];
        if (m->role != MEMBER_SPARE && m->id != leader && m->id != c->settings.id) {
            send_to(c, m->id, ask);
            chosen++;
        }
    }
    h->turns++;
}

static uint64_t beat_ms(const struct core *c, const struct hold *h)
{
    uint64_t beat = c->settings.heartbeat_ms;
    bool ordinary = h->wish.epoch == 0 && h->held.deadline_ms > c->now_ms;
    uint64_t share = h->held.ttl_ms / ORDINARY_BEATS;
    return ordinary && share > beat ? share : beat;
}

static void keep_alive(struct core *c, struct hold *h)
{
    c->questions++;
    struct peer_keep_alive ask = {.holder = c->settings.id,
                                  .name = c->questions,
                                  .lease = h->wish.lease,
                                  .grant = h->wish.grant,
                                  .epoch = h->wish.epoch,
                                  .urgent = h->held.deadline_ms <= c->now_ms};
    uint64_t missed_ms = MISSED_BEATS * beat_ms(c, h);
    uint64_t since_ms = h->held.confirmed_ms != 0 ? h->held.confirmed_ms : h->begun_ms;
    h->sent[h->sent_next].name = ask.name;
    h->sent[h->sent_next].sent_ms = c->now_ms;
    h->sent_next = (h->sent_next + 1) % SENT_MAX;
    h->next_ms = c->now_ms + beat_ms(c, h);
    uint64_t leader = engine_leader(c->engine);
    if (leader != 0) {
        send_to(c, leader, &ask);
    }
    if (c->now_ms - since_ms >= missed_ms) {
        send_by_others(c, h, leader, &ask);
    }
}

static bool wants(const struct core *c, const struct hold *h)
{
    return h->held.status == 0 && h->wish.renew_until_ms > c->now_ms;
}

void core_hold_turn(struct core *c)
{
    uint64_t leader = engine_leader(c->engine);
    bool news = leader != 0 && leader != c->hold_leader; /* a new leader is asked at once */
    c->hold_leader = leader != 0 ? leader : c->hold_leader;
    if (c->now_ms < c->hold_next_ms && !news) {
        return;
    }
    c->hold_next_ms = UINT64_MAX;
    struct omap_at at;
    for (struct hold *h = first(c, &at); h != NULL; h = next(&at)) {
        if (!wants(c, h)) {
            continue;
        }
        if (news || h->next_ms <= c->now_ms) {
            keep_alive(c, h);
        }
        c->hold_next_ms = h->next_ms < c->hold_next_ms ? h->next_ms : c->hold_next_ms;
    }
}

/* --- answers --- */

void core_hold_result(struct core *c, const struct peer_keep_alive_result *result)
{
    struct hold *h = find(c, result->lease);
    if (h == NULL) {
        return;
    }
    for (size_t i = 0; i < SENT_MAX; i++) {
        if (h->sent[i].name != result->name || result->name == 0) {
            continue;
        }
        uint64_t sent_ms = h->sent[i].sent_ms;
        if (result->status != 0) {
            h->held.status = result->status;
            return;
        }
        h->held.ttl_ms = result->ttl_ms;
        h->held.confirmed_ms = sent_ms > h->held.confirmed_ms ? sent_ms : h->held.confirmed_ms;
        /* A1: from before it was sent. */
        uint64_t deadline_ms = sent_ms + span_ms(c, h, result->ttl_ms);
        h->held.deadline_ms = deadline_ms > h->held.deadline_ms ? deadline_ms : h->held.deadline_ms;
        return;
    }
}

void core_hold_close(struct core *c)
{
    struct omap_at at;
    struct hold *h = first(c, &at);
    while (h != NULL) {
        struct hold *following = next(&at);
        mem_free(h);
        h = following;
    }
    omap_close(&c->holds);
}
