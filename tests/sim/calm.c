/* tests/sim/calm.c - the end of a life: once all is as it should be nobody asks for anything more,
 * and what was asked must be answered and known to everybody.
 *
 * While clients go on no two nodes need be alike. So they stop; a read is asked of every member;
 * and soon all of them must have applied the same entries, to the last one, and all reads be
 * answered. Of the core alone where some stay out (outsiders.c). */
#include "tests/sim/sim.h"

#define CALM_NS (10000 * NS_MS)
#define LOOK_NS (200 * NS_MS)

static bool is_served(const struct sim *sim, const struct sim_node *leader, size_t slot)
{
    const struct sim_node *n = &sim->nodes[slot];
    struct members members;
    engine_members(core_engine(leader->core), &members);
    bool is_member = false;
    for (size_t i = 0; i < members.count; i++) {
        is_member = is_member || (members.at[i].id == n->id && members.at[i].role != MEMBER_SPARE);
    }
    return is_member && !out_is(sim, slot);
}

static void ask(struct sim *sim, size_t slot)
{
    struct sim_node *n = &sim->nodes[slot];
    sim->tickets++;
    sim->calm.tickets[slot] = sim->tickets;
    sim->calm.floors[slot] = sim->acked;
    core_read(n->core, sim_local_ms(sim, n), sim->tickets);
    sim_after(sim, n);
}

void calm_done(struct sim *sim, const struct sim_node *n, const struct core_done *done)
{
    size_t slot = (size_t)(n - sim->nodes);
    if (!sim->calm.began || done->ticket != sim->calm.tickets[slot]) {
        return;
    }
    sim->calm.tickets[slot] = 0;
    if (done->status != 0 || core_applied(n->core) < sim->calm.floors[slot]) {
        sim_violation(sim, "n%u answers the last read with %s, at %u of %u", (unsigned)n->id,
                      err_name(done->status), (unsigned)core_applied(n->core),
                      (unsigned)sim->calm.floors[slot]);
    }
    sim->counts.calm_reads++;
}

static void begin(struct sim *sim)
{
    const struct sim_node *leader = sim_leader(sim);
    sim->calm.began = true;
    sim->calm.until_ns = sim->now_ns + CALM_NS;
    sim_say(sim, "nobody asks for anything more");
    for (size_t slot = 0; leader != NULL && slot < sim->nodes_count; slot++) {
        struct sim_node *n = &sim->nodes[slot];
        if (is_served(sim, leader, slot) && n->core != NULL && !n->paused) {
            ask(sim, slot);
        }
    }
}

/* Whatever is still to come; false: nothing. */
static bool is_restless(const struct sim *sim, const struct sim_node *leader, char why[128])
{
    uint64_t last = engine_last(core_engine(leader->core));
    for (size_t slot = 0; slot < sim->nodes_count; slot++) {
        const struct sim_node *n = &sim->nodes[slot];
        uint64_t applied = n->core != NULL ? core_applied(n->core) : 0;
        if (!is_served(sim, leader, slot)) {
            continue;
        }
        if (applied != last || sim->calm.tickets[slot] != 0) {
            (void)snprintf(why, 128, "n%u has applied %u of %u, and %s to answer", (unsigned)n->id,
                           (unsigned)applied, (unsigned)last,
                           sim->calm.tickets[slot] != 0 ? "a read" : "nothing");
            return true;
        }
    }
    for (size_t i = 0; i < sim->use.clients_count; i++) {
        const struct sim_client *c = &sim->use.clients[i];
        if (c->ticket != 0 && !out_is(sim, c->node)) {
            (void)snprintf(why, 128, "n%u owes a client an answer",
                           (unsigned)sim->nodes[c->node].id);
            return true;
        }
    }
    return false;
}

void calm_act(struct sim *sim)
{
    if (!sim->calm.began && sim->now_ns < sim->end_at_ns && !check_is_well(sim)) {
        sim_schedule(sim, sim->now_ns + 1000 * NS_MS, EVENT_END, 0);
        return;
    }
    if (sim->calm.began) {
        clients_lose_patience(sim); /* who asks seldom looks seldom, too */
    }
    char why[128] = "nobody leads";
    const struct sim_node *leader = sim_leader(sim);
    if (!sim->calm.began) {
        check_end(sim);
        lease_check_end(sim);
        soft_check_end(sim);
        begin(sim);
    } else if (leader != NULL && !is_restless(sim, leader, why)) {
        sim->over = true;
        clients_check_end(sim);
        return;
    } else if (sim->now_ns > sim->calm.until_ns) {
        sim_violation(sim, "no rest though nobody asks for anything: %s", why);
    }
    sim_schedule(sim, sim->now_ns + LOOK_NS, EVENT_END, 0);
}
