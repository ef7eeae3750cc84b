/* tests/sim/joining.c - in some lives nodes ask for their place themselves, and whoever lost its
 * disk takes the place of the one it was.
 *
 * Instead of an administrator who knows everything (members.c): nodes that were not in the first
 * list join, and a wiped node, or one whose disk was restored from elsewhere, comes back under its
 * name with a new id, waits until the old id has been silent for long enough, and replaces it. The
 * old id never returns, and must block nothing. When all is well everybody has its place, and
 * nobody who is gone has one. */
#include <string.h>

#include "consensus/admit.h"
#include "tests/sim/sim.h"

#define REPLACE_AFTER_MS 1000
#define LEASE_MS_MAX 6300 /* the longest that leases.c asks for */
/* Add, follow, catch up, vote, remove the old one, and see that nothing is left. */
#define STEPS 6
/* Who had all it could have looks again after so many election timeouts. */
#define LOOK_TIMEOUTS 20

void join_draw(struct sim *sim)
{
    struct test_random own = {sim->seed * UINT64_C(0x9fb21c651e98df25)};
    sim->joins = sim->forms && sim->faults.membership && random_chance(&own, 0.5);
    operator_draw(sim);
}

void join_describe(const struct sim *sim, const struct sim_node *n, struct member_info *out)
{
    unsigned slot = (unsigned)(n - sim->nodes);
    memset(out, 0, sizeof(*out));
    (void)snprintf(out->name, sizeof(out->name), "n%u", slot + 1);
    (void)snprintf(out->address, sizeof(out->address), "h%u:1", slot + 1);
    out->kind = sim->operator.witness[slot] ? MEMBER_WITNESS : MEMBER_DATABASE;
    out->id = n->id;
}

void join_start(struct sim *sim, const struct sim_node *n, struct core_settings *settings)
{
    if (sim->joins) {
        join_describe(sim, n, &settings->me);
        settings->wants_vote = !sim->operator.wants_no_vote[n - sim->nodes];
        settings->voters_max = sim->operator.voters_max;
        settings->lease_ms = sim->lease_ttl_ms;
        settings->replace_after_ms = REPLACE_AFTER_MS;
    }
}

/* A member is replaced when it was silent for long enough, counted by one leader; leadership that
 * is moved for its place counts anew, once in such a time. Every node takes its steps one after
 * the other, each after it has asked again; all have to wait for each other; and the last one may
 * have looked just before there was room for its vote. */
uint64_t join_heal_ms(const struct sim *sim)
{
    uint64_t counts = sim->soft.places ? 2 : 1;
    uint64_t lease_ms = sim->lease_ttl_ms != 0 ? LEASE_MS_MAX : 0;
    uint64_t wait_ms = counts * admit_replace_ms(lease_ms, REPLACE_AFTER_MS);
    uint64_t steps_ms = (uint64_t)STEPS * sim->nodes_count * sim->election_ms;
    return sim->joins ? wait_ms + steps_ms + (uint64_t)LOOK_TIMEOUTS * sim->election_ms : 0;
}

/* The runtime's connections: everybody has one to everybody. */
void join_connect(struct sim *sim, struct sim_node *n)
{
    for (size_t i = 0; sim->joins && i < sim->nodes_count; i++) {
        struct sim_node *other = &sim->nodes[i];
        if (other == n) {
            continue;
        }
        core_greet(n->core, sim_local_ms(sim, n), other->id);
        if (other->core != NULL && !other->paused) {
            core_greet(other->core, sim_local_ms(sim, other), n->id);
        }
    }
}

/* The disk comes from elsewhere: its owner finds out before anything is said. */
bool join_must_discard(struct sim *sim, const struct sim_node *n, const struct store_image *image)
{
    struct err err = {0};
    if (core_may_start(image, &err) == 0) {
        return false;
    }
    restore_barred(sim, n);
    sim_say(sim, "n%u does not start: %s", (unsigned)n->id, err.msg);
    return true;
}

static const struct member *member_of_slot(const struct members *members, size_t slot)
{
    for (size_t i = 0; i < members->count; i++) {
        if (SIM_SLOT(members->at[i].id) == slot) {
            return &members->at[i];
        }
    }
    return NULL;
}

/* Counts places that changed hands as the leader sees them. */
void join_note(struct sim *sim)
{
    const struct sim_node *leader = sim_leader(sim);
    if (!sim->joins || leader == NULL) {
        return;
    }
    struct members members;
    (void)engine_committed_members(core_engine(leader->core), &members);
    for (size_t slot = 0; slot < sim->nodes_count; slot++) {
        const struct sim_node *n = &sim->nodes[slot];
        const struct member *m = member_of_slot(&members, slot);
        if (m == NULL || m->id != n->id || m->role == MEMBER_SPARE || sim->placed[slot] == n->id) {
            continue;
        }
        sim->counts.replacements += n->id > 16 ? 1 : 0;
        sim->counts.witnesses += sim->operator.witness[slot] ? 1 : 0;
        sim->counts.non_voters += sim->operator.wants_no_vote[slot] ? 1 : 0;
        sim->counts.joins += n->id <= 16 && slot >= sim->voters_at_start ? 1 : 0;
        sim->placed[slot] = n->id;
        sim_say(sim, "n%u has its place", (unsigned)n->id);
    }
}

static const struct member *find(const struct members *members, uint64_t id)
{
    for (size_t i = 0; i < members->count; i++) {
        if (members->at[i].id == id) {
            return &members->at[i];
        }
    }
    return NULL;
}

/* Nobody takes the place of one that is gone. */
static bool has_no_heir(const struct sim *sim, const struct sim_node *n, bool room)
{
    bool stays_out = sim->operator.witness[n - sim->nodes] && !room;
    return stays_out || out_is(sim, (size_t)(n - sim->nodes)) || member_was_removed(sim, n->id);
}

/* A demoted one does not ask for its vote again while it runs, nor is it kept from it. */
static bool must_vote(const struct sim *sim, const struct sim_node *n)
{
    const struct sim_operator *op = &sim->operator;
    size_t slot = (size_t)(n - sim->nodes);
    bool demoted = op->demoted[slot] == n->id && sim->roll.log[slot].had_vote == n->life;
    return !op->wants_no_vote[slot] && !demoted;
}

/* Why the node @n is not where it belongs. */
static const char *node_missing(const struct sim *sim, const struct sim_node *n,
                                const struct member *m, bool room)
{
    size_t slot = (size_t)(n - sim->nodes);
    bool votes = m != NULL && m->role == MEMBER_VOTER;
    if (out_is(sim, slot)) {
        return NULL;
    }
    if (member_was_removed(sim, n->id)) {
        bool knows = n->core == NULL || core_refused(n->core, NULL) == CORE_REMOVED;
        return knows ? NULL : "somebody who was removed does not know it";
    }
    if (sim->operator.witness[slot]) {
        return votes || !room ? NULL : "a witness has no vote";
    }
    if (m == NULL || m->role == MEMBER_SPARE) {
        return "somebody has no place";
    }
    bool uninvited = sim->operator.invited[slot] != n->id && sim->operator.wants_no_vote[slot];
    if (votes && uninvited) {
        return "somebody has a vote and wants none";
    }
    return votes || !room || !must_vote(sim, n) ? NULL : "somebody has no vote";
}

/* Why not; NULL: everybody is where it belongs. */
const char *join_missing(struct sim *sim)
{
    const struct sim_node *leader = sim_leader(sim);
    if (!sim->joins || leader == NULL) {
        return NULL;
    }
    struct members members;
    engine_members(core_engine(leader->core), &members);
    size_t voters = 0;
    for (size_t i = 0; i < members.count; i++) {
        voters += members.at[i].role == MEMBER_VOTER ? 1 : 0;
    }
    bool room = voters < sim->operator.voters_max;
    for (size_t i = 0; i < members.count; i++) {
        const struct sim_node *n = &sim->nodes[SIM_SLOT(members.at[i].id)];
        if (n->id != members.at[i].id && !has_no_heir(sim, n, room)) {
            return "somebody who is gone is still a member";
        }
    }
    const char *why = NULL;
    for (size_t slot = 0; slot < sim->nodes_count && why == NULL; slot++) {
        const struct sim_node *n = &sim->nodes[slot];
        why = node_missing(sim, n, find(&members, n->id), room);
    }
    return why;
}
