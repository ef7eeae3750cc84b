/* consensus/core_placement.c - where leadership is, and handing it over: the facts for placement.h.
 *
 * Looked at with every heartbeat of a leader. Who moved leadership last, and when, is told along
 * with soft state, so that the pause between two moves holds across leaders; it is told without the
 * time it was on its way, so that it can only become longer. */
#include "base/must.h"
#include "consensus/core_internal.h"

/* A member that has not answered for so many heartbeats is not asked to lead. */
#define ALIVE_BEATS 3
/* Entries that may be on their way to a member that has caught up. */
#define LAG_MAX 64
/* All leases are looked through at most so often. */
#define SCAN_EVERY_MS 1000

void core_placement_open(struct core *c)
{
    c->placing = (struct core_placing){.allowed = true, .last = {.rule = "not-established"}};
}

void core_allow_moves(struct core *c, bool allowed)
{
    c->placing.allowed = allowed;
}

void core_slow_disk(struct core *c, bool is_slow)
{
    c->placing.slow_disk = is_slow;
}

struct placement core_placement(const struct core *c, uint64_t *ret_moves)
{
    *ret_moves = c->placing.moves;
    return c->placing.last;
}

/* --- when it moved last --- */

void core_placement_moved(struct core *c)
{
    c->placing.has_moved = true;
    c->placing.moved_ms = c->now_ms;
}

void core_placement_tell(const struct core *c, struct peer_soft *out)
{
    out->slow_disk = c->placing.slow_disk;
    out->moved = c->placing.has_moved;
    out->moved_age_ms = c->placing.has_moved ? c->now_ms - c->placing.moved_ms : 0;
}

/* From a leader alone: two who told each other would keep a move young for ever. */
void core_placement_told(struct core *c, const struct peer_message *m)
{
    struct core_placing *p = &c->placing;
    if (!m->soft.moved || m->from != engine_leader(c->engine)) {
        return;
    }
    /* Before this node's clock began: the host has just started. */
    bool before = m->soft.moved_age_ms > c->now_ms;
    uint64_t moved_ms = before ? 0 : c->now_ms - m->soft.moved_age_ms;
    if (!p->has_moved || moved_ms > p->moved_ms) {
        p->has_moved = true;
        p->moved_ms = moved_ms;
    }
}

/* --- how the holder is heard --- */

static bool relays_holder(const struct core *c, uint64_t member)
{
    const struct core_placing *p = &c->placing;
    for (size_t i = 0; i < p->relays_count; i++) {
        bool lately = c->now_ms - p->relays[i].at_ms < PLACEMENT_RELAY_MS;
        if (lately && (p->relays[i].member == member || member == 0)) {
            return true;
        }
    }
    return false;
}

void core_placement_heard_holder(struct core *c, uint64_t holder, uint64_t from)
{
    struct core_placing *p = &c->placing;
    bool direct = holder == from;
    bool other = p->heard_holder != holder || p->heard_term != engine_term(c->engine);
    p->heard_holder = holder;
    p->heard_term = engine_term(c->engine);
    if (direct || other) {
        p->relayed_since_ms = 0;
        p->relays_count = 0;
    }
    if (direct) {
        return;
    }
    if (!relays_holder(c, 0)) {
        p->relayed_since_ms = c->now_ms; /* the first, or the first after a silence */
    }
    size_t at = 0;
    size_t oldest = 0;
    while (at < p->relays_count && p->relays[at].member != from) {
        oldest = p->relays[at].at_ms < p->relays[oldest].at_ms ? at : oldest;
        at++;
    }
    at = at == ARRAY_LEN(p->relays) ? oldest : at;
    p->relays_count = at == p->relays_count ? at + 1 : p->relays_count;
    p->relays[at] = (struct core_relay){.member = from, .at_ms = c->now_ms};
}

/* By relay alone, for long enough. */
static bool is_deaf(const struct core *c)
{
    const struct core_placing *p = &c->placing;
    return p->heard_term == engine_term(c->engine) && relays_holder(c, 0) &&
           c->now_ms - p->relayed_since_ms >= PLACEMENT_RELAY_MS;
}

/* --- the facts --- */

static void scan_holders(struct core *c)
{
    struct core_placing *p = &c->placing;
    bool lately = p->scanned_ms != 0 && c->now_ms - p->scanned_ms < SCAN_EVERY_MS;
    if (p->scanned_index == c->applied.index || lately) {
        return;
    }
    p->scanned_index = c->applied.index;
    p->scanned_ms = c->now_ms;
    core_lease_holders(c, true, &p->holders);
}

static struct placement_voter voter_facts(const struct core *c, uint64_t id, bool deaf)
{
    const struct soft_peer *told = soft_peer(&c->soft, id);
    uint64_t silence_ms = engine_member_silence_ms(c->engine, c->now_ms, id);
    uint64_t match = engine_match(c->engine, id);
    return (struct placement_voter){
        .id = id,
        .is_alive = silence_ms <= (uint64_t)ALIVE_BEATS * c->settings.heartbeat_ms,
        .is_caught_up = match != 0 && match + LAG_MAX >= engine_last(c->engine),
        .has_slow_disk = (told != NULL && told->slow_disk) || !core_disk_is_well(c, id),
        .holds_lease = core_lease_holds(&c->placing.holders, id),
        .hears_holder = !deaf || relays_holder(c, id)};
}

static void gather(struct core *c, struct placement_facts *f)
{
    struct core_placing *p = &c->placing;
    scan_holders(c);
    bool deaf = is_deaf(c);
    *f = (struct placement_facts){
        .is_established = engine_is_established(c->engine),
        .is_allowed = p->allowed,
        .is_changing = engine_is_changing(c->engine),
        .has_moved = p->has_moved,
        .moved_age_ms = p->has_moved ? c->now_ms - p->moved_ms : 0,
        .leader = {.id = c->settings.id,
                   .has_slow_disk = p->slow_disk,
                   .holds_lease = core_lease_holds(&p->holders, c->settings.id),
                   .hears_holder = !deaf}};
    struct members members;
    engine_members(c->engine, &members);
    for (size_t i = 0; i < members.count; i++) {
        if (members.at[i].role == MEMBER_VOTER && members.at[i].id != c->settings.id) {
            f->others[f->count] = voter_facts(c, members.at[i].id, deaf);
            f->count++;
        }
    }
}

void core_placement_beat(struct core *c)
{
    if (!c->settings.place_leadership || !core_leads(c)) {
        return;
    }
    struct placement_facts facts;
    gather(c, &facts);
    c->placing.last = placement_decide(&facts);
    if (c->placing.last.to != 0 && core_transfer(c, c->now_ms, c->placing.last.to, NULL) == 0) {
        c->placing.moves++;
    }
}
