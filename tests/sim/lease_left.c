/* tests/sim/lease_left.c - core_lease_left(), judged in true time.
 *
 * Whoever leads is asked now and then how long a lease goes on. What it says is held against what
 * it cannot know: the holder must end before, and unless the lease is ended on purpose nothing may
 * expire it earlier. Only of a leader that nobody has followed yet in a later term: one that was
 * deposed and has not heard of it counts for nobody. */
#include "consensus/lease_span.h"
#include "tests/sim/sim.h"

#define TTL_MS_MAX 6300    /* of leases.c; one that is made shorter goes on for its old time */
#define CUT_NS (2 * NS_MS) /* clocks are read in whole milliseconds */

static bool is_newest(const struct sim *sim, uint64_t term)
{
    for (uint64_t later = term + 1; later < sim->terms_room; later++) {
        if (sim->leader_of_term[later] != 0) {
            return false;
        }
    }
    return true;
}

static void judge_holders(struct sim *sim, const struct sim_node *n, size_t r, uint64_t until_ns)
{
    for (size_t slot = 0; slot < sim->nodes_count; slot++) {
        uint64_t held_ns = sim->held_until_ns[r][slot];
        if (held_ns > sim->now_ns && held_ns > until_ns + CUT_NS) {
            sim_violation(sim, "n%u says that lease %u ends %.3f ms before its holder n%u does",
                          (unsigned)n->id, (unsigned)r, (double)(held_ns - until_ns) / 1e6,
                          (unsigned)sim->nodes[slot].id);
        }
    }
}

void left_ask(struct sim *sim, const struct sim_node *n, size_t r, uint64_t id)
{
    uint64_t now_ms = sim_local_ms(sim, n);
    uint64_t left_ms = 0;
    uint64_t term = engine_term(core_engine(n->core));
    struct machine_lease lease;
    bool known = machine_lease(core_machine(n->core), id, &lease);
    int code = core_lease_left(n->core, now_ms, id, &left_ms);
    bool leads = engine_role(core_engine(n->core)) == ENGINE_LEADER;
    if (code == ERR_NOT_LEADER || !is_newest(sim, term)) {
        return;
    }
    if (!leads || code != (known ? 0 : ERR_NOT_FOUND) || left_ms > lease_leader_ms(TTL_MS_MAX)) {
        sim_violation(sim, "n%u, asked how long a lease goes on, answers %u ms, code %d",
                      (unsigned)n->id, (unsigned)left_ms, code);
        return;
    }
    if (!known) {
        return;
    }
    uint64_t until_ns = sim->now_ns + (uint64_t)((double)left_ms / n->rate * 1e6);
    judge_holders(sim, n, r, until_ns);
    sim->counts.lease_lefts++;
    sim->said[r] = (struct sim_said){
        .lease = id, .generation = lease.generation, .term = term, .until_ns = until_ns};
}

void left_expired(struct sim *sim, uint64_t term, uint64_t lease, uint64_t generation)
{
    sim->counts.lease_expiries++;
    for (size_t r = 0; r < SIM_LEASES; r++) {
        const struct sim_said *said = &sim->said[r];
        if (said->lease == lease && said->generation == generation && said->term == term) {
            sim->counts.lease_lefts_judged++;
            if (sim->now_ns + CUT_NS < said->until_ns) {
                sim_violation(sim, "lease %u expires %.3f ms before its leader said it would",
                              (unsigned)lease, (double)(said->until_ns - sim->now_ns) / 1e6);
            }
        }
    }
}
