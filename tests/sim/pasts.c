/* tests/sim/pasts.c - in some lives the owners of the nodes let the past go: each now and then has
 * the log cut behind the state and the events of watches forgotten, as a node that runs does it,
 * but more often and to less. */
#include "consensus/watch.h"
#include "tests/sim/sim.h"

#define EVERY_LIVES 7
#define LOOK_MS 1000

/* Numbers of its own: other lives, those that were found among them, are what they were. */
void past_draw(struct sim *sim)
{
    sim->past.is_let_go = sim->seed % EVERY_LIVES == 4;
    sim->past.random = (struct test_random){sim->seed * UINT64_C(0x2545f4914f6cdd1d)};
}

void past_let_go(struct sim *sim, struct sim_node *n)
{
    struct sim_past *past = &sim->past;
    uint64_t now_ms = sim_local_ms(sim, n);
    if (!past->is_let_go || (n->past_at_ms != 0 && now_ms - n->past_at_ms < LOOK_MS)) {
        return;
    }
    const struct engine *engine = core_engine(n->core);
    uint64_t kept = engine_last(engine) + 1 - engine_first(engine);
    uint64_t entries = 1 + random_below(&past->random, 12);
    core_cut_log(n->core, entries);
    sim->counts.pasts_let_go += kept > 2 * entries ? 1 : 0;
    struct machine_status machine;
    machine_status(core_machine(n->core), &machine);
    if (n->past_at_ms != 0) {
        (void)watch_hub_cut(n->hub, n->past_revision, random_below(&past->random, 4000));
    }
    n->past_at_ms = now_ms;
    n->past_revision = machine.revision;
}
