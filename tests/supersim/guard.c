/* tests/supersim/guard.c - the small process that ends PostgreSQL at the deadline. */
#include "base/must.h"
#include "tests/supersim/world.h"

void guard_start(struct sim *sim, int node)
{
    struct sim_guard *g = &sim->nodes[node].guard;
    if (g->alive) {
        return;
    }
    uint64_t life = g->life + 1;
    *g = (struct sim_guard){.alive = true, .life = life};
    (void)sim;
}

/* It wakes when there must be no process left soon. */
void guard_wake(struct sim *sim, int node)
{
    struct sim_node *n = &sim->nodes[node];
    if (n->guard.wakes || !n->guard.alive) {
        return;
    }
    n->guard.wakes = true;
    uint64_t budget = sim->settings.times.kill_budget_ms;
    uint64_t at = n->deadline > budget ? true_of(sim, n, n->deadline - budget) : 0;
    sim_schedule(sim, at, EV_GUARD, node)->life = n->guard.life;
}

static bool is_past(const struct sim *sim, const struct sim_node *n, uint64_t margin_ms)
{
    return n->deadline_epoch != n->guard.armed_epoch || local_ms(sim, n) + margin_ms >= n->deadline;
}

void guard_look(struct sim *sim, int node)
{
    struct sim_node *n = &sim->nodes[node];
    n->guard.wakes = false;
    if (!n->host_up || !n->guard.alive || n->guard.armed_epoch == 0) {
        return;
    }
    if (!is_past(sim, n, sim->settings.times.kill_budget_ms)) {
        guard_wake(sim, node);
        return;
    }
    if (n->guard.promoted_epoch != 0 && n->pg.process != PG_ABSENT) {
        sim->counts.guard_kills++;
        sim_say(sim, "%s: the guard ends PostgreSQL at the deadline", n->name.text);
        pg_kill(sim, node);
        daemon_wake(sim, node);
    }
    n->guard.armed_epoch = 0;
}

void guard_die(struct sim *sim, int node)
{
    struct sim_node *n = &sim->nodes[node];
    n->guard.alive = false;
    n->guard.life++;
    n->guard.wakes = false;
    pg_kill(sim, node); /* the postmaster by PDEATHSIG, the others notice */
    daemon_wake(sim, node);
}

/* Its own look at the deadline is the last word (B1). A frozen guard promotes nobody: what is asked
 * of it meanwhile waits in its socket, and is asked again. */
void guard_promote(struct sim *sim, int node, uint64_t epoch)
{
    struct sim_node *n = &sim->nodes[node];
    if (!guard_runs(sim, n) || n->guard.armed_epoch != epoch || n->pg.process != PG_RUNNING ||
        n->pg.is_primary || n->pg.next != NEXT_NONE ||
        is_past(sim, n, sim->settings.times.promote_margin_ms)) {
        return;
    }
    n->guard.promoted_epoch = epoch;
    n->pg.next = NEXT_PROMOTED;
    uint64_t from = n->pg.replayed_at > sim->now ? n->pg.replayed_at : sim->now;
    sim->counts.slow_promotions += from > sim->now ? 1 : 0;
    sim_schedule(sim, from + draw(sim, 20 * MS, 150 * MS), EV_PG, node)->life = n->pg.life;
}
