/* tests/sim/joining.c - in some lives nodes ask for their place themselves, and whoever lost its
 * disk takes the place of the one it was.
 *
 * Instead of an administrator who knows everything (members.c): nodes that were not in the first
 * list join, and a wiped node, or one whose disk was restored from elsewhere, comes back under its
 * name with a new id, waits until the old id has been silent for long enough, and replaces it. The
 * old id never returns, and must block nothing. When all is well everybody has its place, and
 * nobody who is gone has one. Restored disks are those that the files themselves give away (safety
 * D5): copies that only peers can tell are left to tests/unit/test_core_hello.c. */
#include <string.h>

#include "tests/sim/sim.h"

#define VOTERS_MAX 7

void join_draw(struct sim *sim)
{
    struct test_random own = {sim->seed * UINT64_C(0x9fb21c651e98df25)};
    sim->joins = sim->forms && sim->faults.membership && random_chance(&own, 0.5);
}

void join_describe(const struct sim_node *n, size_t slot, struct member_info *out)
{
    memset(out, 0, sizeof(*out));
    (void)snprintf(out->name, sizeof(out->name), "n%u", (unsigned)slot + 1);
    (void)snprintf(out->address, sizeof(out->address), "h%u:1", (unsigned)slot + 1);
    out->kind = MEMBER_DATABASE;
    out->id = n->id;
}

void join_start(struct sim *sim, const struct sim_node *n, struct core_settings *settings)
{
    if (sim->joins) {
        join_describe(n, (size_t)(n - sim->nodes), &settings->me);
        settings->wants_vote = true;
        settings->voters_max = VOTERS_MAX;
        settings->lease_ms = sim->lease_ttl_ms;
        settings->replace_after_ms = 1000;
    }
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
    sim->counts.restores++;
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
        sim->counts.joins += n->id <= 16 && slot >= sim->voters_at_start ? 1 : 0;
        sim->placed[slot] = n->id;
        sim_say(sim, "n%u has its place", (unsigned)n->id);
    }
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
    size_t there = 0;
    size_t without = 0;
    for (size_t i = 0; i < members.count; i++) {
        size_t slot = (size_t)SIM_SLOT(members.at[i].id);
        if (sim->nodes[slot].id != members.at[i].id && !out_is(sim, slot)) {
            return "somebody who is gone is still a member";
        }
        there += out_is(sim, slot) ? 0 : 1;
        without += !out_is(sim, slot) && members.at[i].role != MEMBER_VOTER ? 1 : 0;
        voters += members.at[i].role == MEMBER_VOTER ? 1 : 0;
    }
    for (size_t slot = 0; slot < sim->nodes_count; slot++) {
        there += out_is(sim, slot) ? 1 : 0;
    }
    if (there < sim->nodes_count) {
        return "somebody has no place";
    }
    return without > 0 && voters < VOTERS_MAX ? "somebody has no vote" : NULL;
}
