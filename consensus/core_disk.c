/* consensus/core_disk.c - a disk that is slow or full, and what the core does about it.
 *
 * Slow (safety E1): the age of the oldest batch that was handed out and is not durable. Beyond half
 * an election timeout this node does not ask for leadership; beyond a whole one a leader hands it
 * over. Full (E2): the owner says so. Then nothing ordinary is written any more, and what the
 * cluster cannot do without goes on, from the store's reserve: terms and votes, the barrier of a
 * new term, memberships, ends of leases, commands of the system. docs/consensus.md has the
 * reasoning.
 *
 *   follower: answers say how its disk is --> leader: sends a full one no ordinary entries, looks
 *   for an heir among the healthy ones, refuses ordinary commands when too few have room
 *   leader: APPEND says up to where entries are urgent --> follower: a full one takes these alone
 */
#include "base/must.h"
#include "consensus/core_internal.h"
#include "proto/kv_peek.h"

/* In election timeouts: after an attempt to hand over the next one waits so long, so that a leader
 * whom nobody relieves serves meanwhile as well as it can. */
#define YIELD_PAUSE 4
/* What an entry takes beside its bytes, about. */
#define ENTRY_BYTES 64
/* Batches handed out so soon after each other, in parts of an election timeout, share one time. */
#define GRAIN 16

/* --- how old is what is being written? --- */

void core_disk_handed_out(struct core *c, const struct store_batch *batch)
{
    struct core_disk *d = &c->disk;
    if (store_batch_is_essential(batch)) {
        d->essential_sequence = batch->sequence;
    }
    if (d->out_count > 0) {
        struct core_disk_out *last = &d->out[d->out_count - 1];
        bool near = c->now_ms - last->since_ms < c->settings.election_timeout_ms / GRAIN;
        if (near || d->out_count == ARRAY_LEN(d->out)) {
            last->sequence = batch->sequence; /* counts as older than it is */
            return;
        }
    }
    d->out[d->out_count] =
        (struct core_disk_out){.sequence = batch->sequence, .since_ms = c->now_ms};
    d->out_count++;
}

static void forget_durable(struct core *c)
{
    struct core_disk *d = &c->disk;
    size_t kept = 0;
    for (size_t i = 0; i < d->out_count; i++) {
        if (d->out[i].sequence > c->durable) {
            d->out[kept] = d->out[i];
            kept++;
        }
    }
    d->out_count = kept;
}

/* 0: nothing is being written. On a full disk ordinary batches stand still, and that says nothing
 * about the essential ones that would pass them. */
static uint64_t oldest_ms(const struct core *c)
{
    const struct core_disk *d = &c->disk;
    bool stands_still = d->is_full && c->durable >= d->essential_sequence;
    return d->out_count > 0 && !stands_still ? c->now_ms - d->out[0].since_ms : 0;
}

void core_disk_look(struct core *c)
{
    forget_durable(c);
    bool keeps_up = 2 * oldest_ms(c) <= c->settings.election_timeout_ms;
    bool stuck = c->disk.is_full && engine_stored(c->engine) < engine_last(c->engine);
    engine_allow_campaign(c->engine, keeps_up && !stuck && c->hello.may_vote);
}

static enum peer_disk own_disk(const struct core *c)
{
    if (c->disk.is_full) {
        return PEER_DISK_FULL;
    }
    return 2 * oldest_ms(c) > c->settings.election_timeout_ms ? PEER_DISK_SLOW : PEER_DISK_WELL;
}

/* --- full --- */

void core_space(struct core *c, uint64_t now_ms, int status)
{
    c->now_ms = now_ms > c->now_ms ? now_ms : c->now_ms;
    struct core_disk *d = &c->disk;
    bool is_full = status != 0;
    if (is_full != d->is_full) {
        d->is_full = is_full;
        d->taken_bytes = 0;
        d->nudged = 0;
        /* Standing still was not the disk's slowness. */
        for (size_t i = 0; !is_full && i < d->out_count; i++) {
            d->out[i].since_ms = c->now_ms;
        }
    }
    core_disk_look(c);
}

/* May more commands be accepted? A leader stops them at the share, others take entries up to twice
 * that: so what remains is for barriers of new terms, and the rest of the reserve for votes. */
static bool has_share(const struct core *c)
{
    return c->disk.taken_bytes < c->settings.full_bytes_max;
}

static bool has_reserve(const struct core *c)
{
    return c->disk.taken_bytes / 2 < c->settings.full_bytes_max;
}

bool core_disk_admits(const struct core *c, const void *command, size_t size)
{
    if (!c->disk.is_full && !c->disk.too_few_have_room) {
        return true;
    }
    struct kv_peek peek = kv_peek(command, size);
    bool essential = peek.system || peek.ends_lease || peek.changes_lease;
    return essential && has_share(c);
}

static bool is_essential(const struct store_entry *entry)
{
    if (entry->type != ENTRY_COMMAND) {
        return true;
    }
    struct kv_peek peek = kv_peek(entry->data, entry->size);
    return peek.system || peek.ends_lease || peek.changes_lease;
}

bool core_disk_must_write(struct core *c, const struct store_entry *entries, size_t count)
{
    struct core_disk *d = &c->disk;
    bool leads = core_leads(c);
    bool counts = d->is_full || d->too_few_have_room;
    uint64_t newest = 0;
    for (size_t i = 0; i < count; i++) {
        bool urgent = leads ? is_essential(&entries[i]) : entries[i].index <= d->urgent;
        newest = urgent ? entries[i].index : newest;
        d->taken_bytes += counts ? entries[i].size + ENTRY_BYTES : 0;
    }
    if (leads && newest != 0) {
        bool waits = d->urgent > engine_commit(c->engine) && d->urgent < newest;
        d->urgent_since_ms = waits ? d->urgent_since_ms : c->now_ms;
        d->urgent = newest;
    }
    return newest != 0;
}

/* Up to where the cluster cannot wait. Not at once: while a majority has room nobody's reserve is
 * touched for it. */
static uint64_t pressing(const struct core *c)
{
    const struct core_disk *d = &c->disk;
    bool waited = c->now_ms - d->urgent_since_ms >= c->settings.heartbeat_ms;
    return waited && d->urgent > engine_commit(c->engine) ? d->urgent : 0;
}

/* Entries up to @urgent, for a disk that is full. */
static void leave_urgent(struct peer_append *append, uint64_t urgent)
{
    uint64_t keep = urgent > append->prev_index ? urgent - append->prev_index : 0;
    append->count = keep < append->count ? (size_t)keep : append->count;
}

const struct peer_message *core_disk_take(struct core *c, const struct peer_message *in,
                                          struct peer_message *room)
{
    if (in->term < engine_term(c->engine)) {
        return in;
    }
    c->disk.urgent = in->append.urgent;
    if (!c->disk.is_full) {
        return in;
    }
    /* What is left out was not received: to libraft this is a shorter message, and the leader sends
     * the rest again. */
    *room = *in;
    leave_urgent(&room->append, has_reserve(c) ? in->append.urgent : 0);
    return room;
}

/* --- what members say of their disks --- */

/* The place for what @member says; NULL: there is none for a stranger. */
static struct core_disk_member *find_member(struct core *c, uint64_t member)
{
    struct core_disk *d = &c->disk;
    struct members members;
    engine_members(c->engine, &members);
    struct core_disk_member *room = NULL;
    for (size_t i = 0; i < ARRAY_LEN(d->members); i++) {
        if (d->members[i].member == member) {
            return &d->members[i];
        }
        bool is_free = members_find(&members, d->members[i].member) == NULL;
        room = room == NULL && is_free ? &d->members[i] : room;
    }
    return room;
}

void core_disk_heard(struct core *c, const struct peer_message *m)
{
    uint64_t term = engine_term(c->engine);
    if (!core_leads(c) || m->term != term || m->stamp.term != term) {
        return;
    }
    struct core_disk_member *known = find_member(c, m->from);
    if (known != NULL) {
        *known = (struct core_disk_member){m->from, term, m->append_result.disk};
    }
}

/* What @member said in this leadership; NULL: nothing. */
static const struct core_disk_member *said_by(const struct core *c, uint64_t member)
{
    for (size_t i = 0; i < ARRAY_LEN(c->disk.members); i++) {
        const struct core_disk_member *m = &c->disk.members[i];
        if (m->member == member && m->term == engine_term(c->engine)) {
            return m;
        }
    }
    return NULL;
}

bool core_disk_is_well(const struct core *c, uint64_t member)
{
    if (member == c->settings.id) {
        return own_disk(c) == PEER_DISK_WELL;
    }
    const struct core_disk_member *said = core_leads(c) ? said_by(c, member) : NULL;
    return said != NULL && said->disk == PEER_DISK_WELL &&
           engine_member_silence_ms(c->engine, c->now_ms, member) <=
               c->settings.election_timeout_ms;
}

bool core_disk_says_full(const struct core *c, uint64_t member)
{
    const struct core_disk_member *said = said_by(c, member);
    return said != NULL && said->disk == PEER_DISK_FULL;
}

void core_disk_outgoing(struct core *c, struct peer_message *m)
{
    if (m->kind == PEER_APPEND_RESULT) {
        m->append_result.disk = own_disk(c);
    }
    if (m->kind != PEER_APPEND) {
        return;
    }
    m->append.urgent = pressing(c);
    if (core_disk_says_full(c, m->to)) {
        leave_urgent(&m->append, m->append.urgent);
    }
}

/* Too few voters have room for anything to be committed. */
static bool too_few_have_room(const struct core *c)
{
    struct members members;
    engine_members(c->engine, &members);
    size_t voters = 0;
    size_t full = 0;
    for (size_t i = 0; i < members.count; i++) {
        uint64_t id = members.at[i].id;
        bool votes = members.at[i].role == MEMBER_VOTER;
        bool is_full = id == c->settings.id ? c->disk.is_full : core_disk_says_full(c, id);
        voters += votes ? 1 : 0;
        full += votes && is_full ? 1 : 0;
    }
    return full > 0 && 2 * (voters - full) <= voters;
}

/* --- handing over --- */

/* The healthy voter that has most; 0: there is none. */
static uint64_t heir(const struct core *c)
{
    struct members members;
    engine_members(c->engine, &members);
    uint64_t best = 0;
    for (size_t i = 0; i < members.count; i++) {
        uint64_t id = members.at[i].id;
        bool may =
            members.at[i].role == MEMBER_VOTER && id != c->settings.id && core_disk_is_well(c, id);
        bool better = best == 0 || engine_match(c->engine, id) > engine_match(c->engine, best);
        best = may && better ? id : best;
    }
    return best;
}

static void yield(struct core *c)
{
    struct core_disk *d = &c->disk;
    bool troubled = d->is_full || oldest_ms(c) > c->settings.election_timeout_ms;
    uint64_t to = troubled && c->now_ms >= d->next_yield_ms ? heir(c) : 0;
    if (to == 0) {
        return;
    }
    if (engine_transfer(c->engine, c->now_ms, to, NULL) == 0) {
        core_placement_moved(c);
        d->next_yield_ms = c->now_ms + (uint64_t)YIELD_PAUSE * c->settings.election_timeout_ms;
    }
}

/* Entries that went to the disk as ordinary ones, before anybody knew that it is full, are needed
 * when they are urgent, and when there is no leader: libraft's followers do not ask for leadership
 * while their last entry is not durable. An essential batch takes along what waits before it. */
static void send_for_stuck(struct core *c)
{
    struct core_disk *d = &c->disk;
    uint64_t stored = engine_stored(c->engine);
    uint64_t last = engine_last(c->engine);
    bool urgent = d->urgent > stored && d->urgent <= last;
    bool alone = engine_silence_ms(c->engine, c->now_ms) >= c->settings.election_timeout_ms;
    uint64_t wanted = urgent ? d->urgent : alone ? last : 0;
    if (d->is_full && wanted > stored && wanted != d->nudged && has_reserve(c)) {
        d->nudged = wanted;
        core_batch(c)->essential = true;
    }
}

void core_disk_turn(struct core *c)
{
    core_disk_look(c);
    bool leads = core_leads(c);
    bool too_few = leads && too_few_have_room(c);
    c->disk.taken_bytes = too_few || c->disk.is_full ? c->disk.taken_bytes : 0;
    c->disk.too_few_have_room = too_few;
    if (leads) {
        yield(c);
    }
    send_for_stuck(c);
}
