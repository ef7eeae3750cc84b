/* tests/sim/members.c - an administrator: changes the membership, hands leadership over. */
#include "tests/sim/sim.h"

static void remove_gone(struct sim *sim, struct sim_node *leader, uint64_t id)
{
    struct err err = {0};
    int code = core_change(leader->core, sim_local_ms(sim, leader), CHANGE_REMOVE, id, NULL, &err);
    sim->counts.removals += code == 0 ? 1 : 0;
    sim_say(sim, "removal of n%u: %s", (unsigned)id, code == 0 ? "done" : err.msg);
}

/* Whoever came back with an old copy of its disk may find that out any moment, and be gone. */
static bool one_may_be_lost(const struct sim *sim)
{
    for (size_t i = 0; i < sim->nodes_count; i++) {
        if (sim->restores.of[i].restored) {
            return true;
        }
    }
    return false;
}

static void change_something(struct sim *sim, struct sim_node *leader)
{
    struct test_random *r = &sim->random;
    struct members members;
    engine_members(core_engine(leader->core), &members);
    const struct sim_node *n = &sim->nodes[random_below(r, sim->nodes_count)];
    uint64_t id = n->id;
    const struct member *m = NULL;
    for (size_t i = 0; i < members.count; i++) {
        bool gone = sim->nodes[SIM_SLOT(members.at[i].id)].id != members.at[i].id;
        if (gone) {
            remove_gone(sim, leader, members.at[i].id);
            return;
        }
        m = members.at[i].id == id ? &members.at[i] : m;
    }
    if (sim->healed && sim->out.plays) {
        return; /* those that are well must stay a majority */
    }
    uint64_t now_ms = sim_local_ms(sim, leader);
    struct err err = {0};
    int code = 0;
    enum member_change change = CHANGE_ADD;
    if (m != NULL && m->role == MEMBER_STANDBY &&
        random_chance(r, sim->faults.keeps_roles ? 0.02 : 0.9)) {
        change = CHANGE_TO_VOTER;
        code = core_catch_up(leader->core, now_ms, id, &err) == 1 ? 0 : ERR_BUSY;
    } else if (m != NULL && m->role != MEMBER_SPARE &&
               random_chance(r, sim->faults.keeps_roles ? 0.98 : 0.7)) {
        return;
    } else if (m != NULL && m->role == MEMBER_VOTER && one_may_be_lost(sim)) {
        return; /* with it, that would be two at a time */
    } else if (m != NULL) {
        change = CHANGE_TO_STANDBY; /* a removed id never comes back: only those that are gone are
                                       removed */
    }
    if (code == 0) {
        code = core_change(leader->core, now_ms, change, id, n->info, &err);
    }
    sim->counts.changes += code == 0 ? 1 : 0;
    sim_say(sim, "change %d of n%u: %s", (int)change, (unsigned)id, code == 0 ? "done" : err.msg);
}

void members_act(struct sim *sim)
{
    struct test_random *r = &sim->random;
    struct sim_node *leader = sim_leader(sim);
    bool changes = sim->faults.membership && !sim->joins; /* there they ask for it themselves */
    join_note(sim);
    if (sim->calm.began) {
        return;
    }
    operator_act(sim);
    if (leader != NULL && changes) {
        change_something(sim, leader);
        sim_after(sim, leader);
    }
    leader = sim_leader(sim); /* it may have died writing that */
    if (leader != NULL && sim->faults.transfers && !sim->healed && random_chance(r, 0.1)) {
        uint64_t to = sim->nodes[random_below(r, sim->nodes_count)].id;
        struct err err = {0};
        int code = core_transfer(leader->core, sim_local_ms(sim, leader), to, &err);
        sim->counts.transfers_asked += code == 0 ? 1 : 0;
        sim_say(sim, "transfer n%u -> n%u: %s", (unsigned)leader->id, (unsigned)to,
                code == 0 ? "asked" : err.msg);
        sim_after(sim, leader);
    }
    sim_schedule(sim, sim->now_ns + (200 + random_below(r, 400)) * NS_MS, EVENT_ADMIN, 0);
}
