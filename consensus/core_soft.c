/* consensus/core_soft.c - soft state on its way: what to say of it, to whom and when.
 *
 *     leader   with each heartbeat   PEER_SOFT          to every member that gets the log
 *     member   at once               PEER_SOFT_RESULT   back
 *
 * Both tell their whole table in versions and ages, and bytes that the other is known to lack
 * (consensus/soft.h). A member with something to say that its leader does not ask for begins by
 * itself, at the leader's heartbeat. While nobody publishes anything nothing is sent at all, and
 * nothing of this ever touches log or disk. */
#include "base/must.h"
#include "consensus/core_internal.h"

/* In heartbeats: bytes are sent again, and a leader that does not ask is told unasked. */
#define AGAIN_BEATS 3

void core_soft_open(struct core *c, uint64_t incarnation)
{
    const struct core_settings *s = &c->settings;
    soft_init(&c->soft, s->id, incarnation, (uint64_t)s->seed + 1,
              (uint64_t)AGAIN_BEATS * s->heartbeat_ms);
}

void core_soft_close(struct core *c)
{
    soft_close(&c->soft);
}

int core_publish(struct core *c, uint64_t now_ms, const void *bytes, size_t size)
{
    c->now_ms = now_ms > c->now_ms ? now_ms : c->now_ms;
    return soft_publish(&c->soft, c->now_ms, bytes, size);
}

static bool has_something_to_say(const struct core *c)
{
    return c->soft.count > 0 || c->soft.peers_count > 0 || c->placing.has_moved ||
           c->placing.slow_disk;
}

static void tell(struct core *c, enum peer_kind kind, uint64_t to)
{
    struct peer_soft_state states[SOFT_STATES_MAX];
    struct peer_message m = {
        .kind = kind, .from = c->settings.id, .to = to, .term = engine_term(c->engine)};
    soft_tell(&c->soft, c->now_ms, to, &m.soft, states);
    core_placement_tell(c, &m.soft);
    core_send(c, &m);
}

void core_soft_beat(struct core *c)
{
    if (!core_leads(c) || !has_something_to_say(c)) {
        return;
    }
    struct members members;
    engine_members(c->engine, &members);
    soft_keep(&c->soft, &members);
    for (size_t i = 0; i < members.count; i++) {
        if (members.at[i].id != c->settings.id && members.at[i].role != MEMBER_SPARE) {
            tell(c, PEER_SOFT, members.at[i].id);
        }
    }
}

void core_soft_receive(struct core *c, const struct peer_message *m)
{
    if (m->to != c->settings.id) {
        return;
    }
    struct members members;
    engine_members(c->engine, &members);
    soft_hear(&c->soft, c->now_ms, m->from, &members, &m->soft);
    if (m->kind == PEER_SOFT) {
        core_placement_told(c, m);
        tell(c, PEER_SOFT_RESULT, m->from);
    }
}

/* An APPEND was processed: does its sender know that there is something to ask for? */
void core_soft_heard_leader(struct core *c, const struct peer_message *m)
{
    if (m->from != engine_leader(c->engine) || !has_something_to_say(c)) {
        return;
    }
    uint64_t patience_ms = (uint64_t)AGAIN_BEATS * c->settings.heartbeat_ms;
    const struct soft_peer *leader = soft_peer(&c->soft, m->from);
    bool asks = leader != NULL && c->now_ms - leader->heard_ms < patience_ms;
    bool lately = c->soft_unasked_ms != 0 && c->now_ms - c->soft_unasked_ms < patience_ms;
    if (asks || lately) {
        return;
    }
    c->soft_unasked_ms = c->now_ms;
    tell(c, PEER_SOFT_RESULT, m->from);
}

void core_soft_turn(struct core *c)
{
    if (c->soft.count == 0 && c->soft.peers_count == 0) {
        return;
    }
    struct members members;
    engine_members(c->engine, &members);
    soft_keep(&c->soft, &members);
}

/* --- questions --- */

bool core_soft_get(const struct core *c, uint64_t now_ms, uint64_t member, struct soft_view *out)
{
    return soft_get(&c->soft, now_ms > c->now_ms ? now_ms : c->now_ms, member, out);
}

bool core_soft_next(const struct core *c, uint64_t now_ms, uint64_t after, struct soft_view *out)
{
    return soft_next(&c->soft, now_ms > c->now_ms ? now_ms : c->now_ms, after, out);
}
