/* tests/supersim/faults.c - what goes wrong, when, and how it ends. */
#include <string.h>

#include "base/must.h"
#include "supervisor/history.h"
#include "supervisor/proof.h"
#include "tests/supersim/world.h"

static void later(struct sim *sim, int node, int kind, uint64_t from_us, uint64_t to_us)
{
    struct event *e = sim_schedule(sim, sim->now + draw(sim, from_us, to_us), EV_RECOVER, node);
    e->a = (uint64_t)kind;
}

static void drop_daemon(struct sim_node *n)
{
    n->daemon.alive = false;
    n->daemon.life++;
    n->daemon.busy = false;
    n->pg.ended_epoch = 0; /* the next life does not know it */
}

static void drop_host(struct sim *sim, struct sim_node *n)
{
    drop_daemon(n);
    pg_note_killed(sim, (int)(n - sim->nodes));
    n->host_up = false;
    n->host_life++;
    n->guard.alive = false;
    n->guard.life++;
    n->guard.wakes = false;
    n->pg.process = PG_ABSENT;
    n->pg.ended_epoch = 0;
    n->pg.is_primary = false;
    n->pg.next = NEXT_NONE;
    n->pg.life++;
    n->pg.receives_from = NOBODY;
    n->pg.connection++;
    n->pg.conninfo = n->pg.conninfo_was = NOBODY;
    n->pg.end_read = false;
    n->pg.hangs = false;
    n->deadline = 0;
    n->deadline_epoch = 0;
}

/* ---- one function a kind; false: not possible now ---- */

static bool crash(struct sim *sim, struct sim_node *n, int kind)
{
    if (!n->host_up) {
        return false;
    }
    drop_host(sim, n);
    sim->counts.crashes++;
    later(sim, (int)(n - sim->nodes), kind, 500 * MS, 9000 * MS);
    return true;
}

static bool kill_daemon(struct sim *sim, struct sim_node *n, int kind)
{
    if (!n->host_up || !n->daemon.alive) {
        return false;
    }
    drop_daemon(n);
    sim->counts.daemon_kills++;
    sim->counts.adopted_primaries += n->pg.is_primary ? 1 : 0;
    later(sim, (int)(n - sim->nodes), kind, 50 * MS, 3000 * MS);
    return true;
}

static bool freeze_daemon(struct sim *sim, struct sim_node *n, int kind)
{
    (void)kind;
    n->daemon.frozen_until = sim->now + draw(sim, 100 * MS, 12000 * MS);
    sim->counts.daemon_freezes++;
    return true;
}

static bool hang_loop(struct sim *sim, struct sim_node *n, int kind)
{
    (void)kind;
    n->daemon.hung_until = sim->now + draw(sim, 100 * MS, 8000 * MS);
    sim->counts.loop_hangs++;
    return true;
}

static bool kill_guard(struct sim *sim, struct sim_node *n, int kind)
{
    (void)kind;
    if (!n->is_database || !n->guard.alive) {
        return false;
    }
    guard_die(sim, (int)(n - sim->nodes));
    sim->counts.guard_deaths++;
    return true;
}

static bool freeze_guard(struct sim *sim, struct sim_node *n, int kind)
{
    (void)kind;
    if (!n->is_database || !n->guard.alive) {
        return false;
    }
    n->guard.frozen_until = sim->now + draw(sim, 300 * MS, 9000 * MS);
    sim->counts.guard_freezes++;
    daemon_wake(sim, (int)(n - sim->nodes));
    return true;
}

static bool freeze_both(struct sim *sim, struct sim_node *n, int kind)
{
    (void)kind;
    if (!n->is_database || !n->guard.alive || !n->daemon.alive) {
        return false;
    }
    n->guard.frozen_until = sim->now + draw(sim, 1000 * MS, 14000 * MS);
    n->daemon.frozen_until = n->guard.frozen_until;
    sim->counts.both_frozen++;
    return true;
}

static bool kill_postmaster(struct sim *sim, struct sim_node *n, int kind)
{
    (void)kind;
    if (n->pg.process != PG_RUNNING) {
        return false;
    }
    if (n->pg.is_primary) {
        n->daemon.crashes =
            sim->now - n->daemon.crash_window > 20000 * MS ? 1 : n->daemon.crashes + 1;
        n->daemon.crash_window = sim->now;
    }
    pg_kill(sim, (int)(n - sim->nodes));
    task_died(&n->daemon.task, "PostgreSQL ended while it started");
    daemon_wake(sim, (int)(n - sim->nodes));
    sim->counts.postmaster_kills++;
    sim->counts.paused_deaths += sim->store.now.paused == FACT_YES ? 1 : 0;
    return true;
}

static bool stop_postmaster(struct sim *sim, struct sim_node *n, int kind)
{
    if (n->pg.process != PG_RUNNING) {
        return false;
    }
    n->pg.postmaster_stopped = true;
    sim->counts.postmaster_stops++;
    later(sim, (int)(n - sim->nodes), kind, 300 * MS, 9000 * MS);
    return true;
}

static bool cut_off(struct sim *sim, struct sim_node *n, int kind)
{
    int node = (int)(n - sim->nodes);
    for (int i = 0; i <= REMOTE; i++) {
        sim->cut[i][node] = sim->cut[node][i] = i != node;
    }
    sim->counts.cuts++;
    later(sim, node, kind, 200 * MS, 12000 * MS);
    return true;
}

static bool cut_one_way(struct sim *sim, struct sim_node *n, int kind)
{
    int node = (int)(n - sim->nodes);
    int other = (node + 1 + (int)random_below(&sim->random, (uint64_t)sim->count - 1)) % sim->count;
    sim->cut[node][other] = true;
    sim->cut[other][node] = dice(sim, 0.3) || sim->cut[other][node];
    sim->counts.one_way_cuts++;
    later(sim, node, kind, 200 * MS, 12000 * MS);
    return true;
}

static bool cut_replica(struct sim *sim, struct sim_node *n, int kind)
{
    int node = (int)(n - sim->nodes);
    for (int i = 0; i <= REMOTE; i++) {
        sim->replica_cut[i][node] = sim->replica_cut[node][i] = true;
    }
    sim->counts.cuts++;
    later(sim, node, kind, 200 * MS, 12000 * MS);
    return true;
}

/* What will be asked for is not known then. */
static bool is_publishing(const struct sim *sim)
{
    for (int i = 0; i < sim->databases; i++) {
        const struct sim_daemon *d = &sim->nodes[i].daemon;
        if (d->busy && d->doing.action == ACTION_SYNC_SET) {
            return true;
        }
    }
    for (int i = 0; i < PARCELS; i++) {
        if (sim->parcels[i].used && sim->parcels[i].proposal.kind == PROPOSE_SYNC) {
            return true;
        }
    }
    return false;
}

bool fault_may_lose(const struct sim *sim, const struct sim_node *lost)
{
    struct store_facts store = sim->store.now;
    store.sync = sim->store.owed;
    const struct sync_value *sync = &store.sync;
    const struct history_row *newest = history_newest_used(&store);
    struct member_facts left[NODES_MAX];
    memset(left, 0, sizeof(left));
    struct position floor = pg_end(&lost->pg);
    for (int i = 0; i < sim->databases; i++) {
        const struct sim_node *n = &sim->nodes[i];
        left[i].name = n->name;
        left[i].copy = n == lost || n->pg.data != DATA_USABLE ? 0 : n->pg.copy;
        left[i].end = n == lost ? (struct position){.is_known = false} : pg_end(&n->pg);
        left[i].sealed_epoch = 1;
    }
    for (int i = 0; i < sim->databases && store.grant_is_standby; i++) {
        const struct sim_node *n = &sim->nodes[i]; /* they are the other cluster's */
        if (n != lost && n->pg.data == DATA_USABLE && !n->nofailover) {
            return true;
        }
    }
    struct proof proof = proof_by_seals(&store, left, (uint32_t)sim->databases, 1);
    struct proof waits = proof_of_waits(&store, left, (uint32_t)sim->databases, 1);
    if (!sync->is_known || newest == NULL || sim->acked_count == 0 ||
        sim->store.now.paused == FACT_YES || is_publishing(sim)) {
        return false;
    }
    if (!proof_is_lossy(sync)) {
        /* What the primary's own copy proves it can hand on again; half of all lives know that. */
        if (!proof.holds || (proof.by_primary && sim->seed % 2 != 0)) {
            return false;
        }
        floor = proof.floor;
    } else if (!proof.holds && !waits.holds) {
        return false; /* a set of them may have been in force, and nobody is left of it */
    }
    for (int i = 0; i < sim->databases; i++) {
        const struct sim_node *n = &sim->nodes[i];
        if (n != lost && !n->nofailover && left[i].end.timeline >= newest->timeline &&
            (!floor.is_known || position_reaches(&left[i].end, &floor))) {
            return true;
        }
    }
    return false;
}

static bool wipe(struct sim *sim, struct sim_node *n, int kind)
{
    if (!n->is_database || !n->host_up || n->pg.data != DATA_USABLE || !fault_may_lose(sim, n)) {
        return false;
    }
    drop_host(sim, n);
    pg_wipe(sim, (int)(n - sim->nodes));
    sim->counts.wipes++;
    later(sim, (int)(n - sim->nodes), kind, 300 * MS, 6000 * MS);
    return true;
}

static bool hang_data(struct sim *sim, struct sim_node *n, int kind)
{
    if (n->pg.process != PG_RUNNING) {
        return false;
    }
    n->pg.hangs = true;
    sim->counts.data_hangs++;
    later(sim, (int)(n - sim->nodes), kind, 200 * MS, 9000 * MS);
    return true;
}

#define FENCES_EACH 5 /* as below */
#define FENCES_AT 1

/* In a part of all lives an operator fences nodes instead of pausing everything. */
static bool has_fences(const struct sim *sim)
{
    return !sim->wish.exhaustive && sim->seed % FENCES_EACH == FENCES_AT;
}

static void propose_fence(struct sim *sim, int node, bool on)
{
    struct proposal p = {.kind = PROPOSE_FENCE, .by = node, .chosen = node, .on = on};
    for (int i = 0; i < sim->count; i++) { /* whoever is asked: it need not be well itself */
        p.by = store_hears(sim, i) ? i : p.by;
    }
    store_propose(sim, &p);
}

static bool fence_or_unfence(struct sim *sim, const struct sim_node *n, int kind)
{
    int node = (int)(n - sim->nodes);
    bool on = !store_is_fenced(sim->store.fenced, node);
    if (!n->is_database) {
        return false;
    }
    propose_fence(sim, node, on);
    if (on) {
        later(sim, node, kind, 1000 * MS, 20000 * MS);
    }
    return true;
}

static bool pause_or_resume(struct sim *sim, struct sim_node *n, int kind)
{
    bool on = sim->store.now.paused == FACT_NO;
    if (has_fences(sim)) {
        return fence_or_unfence(sim, n, kind);
    }
    if (sim->store.now.initialized != FACT_YES) {
        return false;
    }
    store_propose(sim,
                  &(struct proposal){.kind = PROPOSE_PAUSE, .by = (int)(n - sim->nodes), .on = on});
    sim->counts.pauses++;
    if (on) {
        later(sim, (int)(n - sim->nodes), kind, 1000 * MS, 9000 * MS);
    }
    return true;
}

#define BIDS_EACH 3 /* a number prime to those of other peculiarities sees them all */

/* In a part of all lives an operator has PostgreSQL restarted or cloned anew instead. */
static bool bid(struct sim_node *n, enum task_kind kind)
{
    if (!n->daemon.alive) {
        return false;
    }
    n->daemon.has_bid = true;
    n->daemon.bid = kind;
    return true;
}

static bool switch_over(struct sim *sim, struct sim_node *n, int kind)
{
    (void)kind;
    if (!sim->wish.exhaustive && sim->seed % BIDS_EACH == 0) {
        return bid(n, dice(sim, 0.4) ? TASK_CLONE : TASK_RESTART);
    }
    for (int i = 0; i < sim->databases; i++) {
        struct sim_node *primary = &sim->nodes[i];
        bool leads = sim->store.now.grant_is_standby && sim->store.now.lease_stands &&
                     name_is(&sim->store.now.holder, &primary->name);
        if ((primary->pg.is_primary || leads) && primary->daemon.alive) {
            primary->daemon.wants_switchover = true;
            primary->daemon.candidate = dice(sim, 0.5) ? (i + 1) % sim->databases : NOBODY;
            sim->counts.switchovers++;
            return true;
        }
    }
    return false;
}

static bool change_mode(struct sim *sim, struct sim_node *n, int kind)
{
    (void)n;
    (void)kind;
    sim->settings.sync_mode = (enum sync_mode)random_below(&sim->random, 3);
    bool is_off = sim->settings.sync_mode == SYNC_OFF;
    for (uint32_t i = 0; i < sim->acked_count && is_off; i++) {
        sim->acked[i].sync = false; /* docs/decisions/0008 */
    }
    for (int i = 0; i < sim->databases && is_off; i++) {
        sim->nodes[i].pg.alone = sim->nodes[i].pg.was_alone = false; /* until its daemon knows */
    }
    sim->counts.mode_changes++;
    return true;
}

// clang-format off
static const struct {
    const char *name;
    bool (*strike)(struct sim *sim, struct sim_node *n, int kind);
    bool only_databases;
    bool in_script; /* of the exhaustive run */
} kinds[] = {
    {"crash",           crash,           false, true},
    {"kill-daemon",     kill_daemon,     false, true},
    {"freeze-daemon",   freeze_daemon,   false, true},
    {"hang-loop",       hang_loop,       true,  true},
    {"kill-guard",      kill_guard,      true,  true},
    {"freeze-guard",    freeze_guard,    true,  true},
    {"freeze-both",     freeze_both,     true,  true},
    {"kill-postmaster", kill_postmaster, true,  true},
    {"stop-postmaster", stop_postmaster, true,  true},
    {"cut-off",         cut_off,         false, true},
    {"cut-one-way",     cut_one_way,     false, false},
    {"cut-replica",     cut_replica,     true,  true},
    {"wipe",            wipe,            true,  true},
    {"hang-data",       hang_data,       true,  true},
    {"pause",           pause_or_resume, false, false},
    {"switchover",      switch_over,     true,  true},
    {"change-mode",     change_mode,     true,  false},
};
// clang-format on

int fault_kinds(void)
{
    return (int)ARRAY_LEN(kinds);
}

const char *fault_name(int kind)
{
    return kinds[kind].name;
}

bool fault_do(struct sim *sim, int kind, int node)
{
    struct sim_node *n = &sim->nodes[node];
    if ((kinds[kind].only_databases && !n->is_database) ||
        (sim->wish.exhaustive && !kinds[kind].in_script) || !kinds[kind].strike(sim, n, kind)) {
        return false;
    }
    sim->faults_done++;
    sim_say(sim, "fault: %s %s", kinds[kind].name, n->name.text);
    return true;
}

void fault_strike(struct sim *sim)
{
    if (sim->healed) {
        return;
    }
    for (int i = 0; i < 8; i++) {
        int kind = (int)random_below(&sim->random, ARRAY_LEN(kinds));
        int node = (int)random_below(&sim->random, (uint64_t)sim->count);
        for (int k = 0; k < sim->databases; k++) { /* the primary is hit more often */
            bool leads = sim->store.now.grant_is_standby &&
                         name_is(&sim->store.now.holder, &sim->nodes[k].name);
            node = (sim->nodes[k].pg.is_primary || leads) && random_chance(&sim->random, 0.5)
                       ? k
                       : node;
        }
        if ((sim->fault_mask >> kind & 1U) != 0 && fault_do(sim, kind, node)) {
            break;
        }
    }
    sim_schedule(sim, sim->now + draw(sim, sim->fault_every / 8, sim->fault_every * 2), EV_FAULT,
                 0);
}

/* The exhaustive run strikes where the policy has just said something new. */
void fault_milestone(struct sim *sim)
{
    const struct sim_wish *w = &sim->wish;
    while (w->exhaustive && !sim->healed && sim->steps_done < w->step_count &&
           sim->milestones >= w->steps[sim->steps_done].milestone) {
        const struct script_step *step = &w->steps[sim->steps_done++];
        struct event *e = sim_schedule(sim, sim->now + 1, EV_RECOVER, step->node);
        e->a = (uint64_t)step->fault + 1000;
    }
}

static void start_host(struct sim *sim, int node)
{
    struct sim_node *n = &sim->nodes[node];
    if (!n->host_up) {
        n->host_up = true;
        n->daemon.frozen_until = n->daemon.hung_until = n->guard.frozen_until = 0;
    }
    if (!n->daemon.alive) {
        daemon_start(sim, node);
    }
}

void fault_recover(struct sim *sim, int node, uint64_t what)
{
    struct sim_node *n = &sim->nodes[node];
    if (what == REMOTE_STEP) {
        remote_step(sim);
        return;
    }
    if (what >= 1000) {
        (void)fault_do(sim, (int)what - 1000, node);
        return;
    }
    bool (*strike)(struct sim *, struct sim_node *, int) = kinds[what].strike;
    if (strike == crash || strike == wipe) {
        if (!n->host_up) {
            start_host(sim, node);
        }
    } else if (strike == kill_daemon) {
        if (n->host_up && !n->daemon.alive) {
            daemon_start(sim, node);
        }
    } else if (strike == stop_postmaster) {
        n->pg.postmaster_stopped = false;
    } else if (strike == hang_data) {
        n->pg.hangs = false;
    } else if (strike == pause_or_resume && has_fences(sim)) {
        propose_fence(sim, node, false);
    } else if (strike == pause_or_resume) {
        store_propose(sim, &(struct proposal){.kind = PROPOSE_PAUSE, .by = node, .on = false});
    } else {
        for (int i = 0; i <= REMOTE; i++) {
            sim->cut[i][node] = sim->cut[node][i] = false;
            sim->replica_cut[i][node] = sim->replica_cut[node][i] = false;
        }
    }
}

/* ---- a PostgreSQL that ends as soon as it was promoted, again and again ---- */

#define CRASHES_WITHIN_US (5 * MS) /* before its timeline can be in the store */

void fault_opened(struct sim *sim, int node)
{
    const struct history_row *newest = history_newest(&sim->store.now);
    bool is_recorded = newest == NULL || newest->epoch == sim->nodes[node].pg.epoch;
    if (sim->crashing != node || is_recorded) {
        return;
    }
    for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++) {
        if (kinds[kind].strike == kill_postmaster) {
            struct event *e = sim_schedule(
                sim, sim->now + random_below(&sim->random, CRASHES_WITHIN_US), EV_RECOVER, node);
            e->a = kind + 1000;
        }
    }
    sim->counts.crashed_promotions++;
    sim->counts.crashing_after_heal += sim->healed ? 1 : 0;
}

/* Of the WAL of @from, up to where it left the newest recorded timeline. */
static bool has_recorded_wal_of(const struct sim_pg *pg, const struct sim_pg *from, uint32_t newest)
{
    uint32_t at = from->wal_count;
    while (at > 0 && from->wal[at - 1].timeline > newest) {
        at--;
    }
    return at == 0 || (pg->wal_count >= at && pg->wal[at - 1].id == from->wal[at - 1].id);
}

/* Somebody else may be primary, and has all that anybody has but for what was never recorded: then
 * the cluster must be well without the one that crashes. */
static bool is_dispensable(const struct sim *sim, int node)
{
    const struct history_row *newest = history_newest(&sim->store.now);
    bool is_proof = sim->store.now.sync.is_known && !proof_is_lossy(&sim->store.now.sync);
    for (int i = 0; i < sim->databases && is_proof && newest != NULL; i++) {
        const struct sim_node *n = &sim->nodes[i];
        bool has_all = i != node && !n->nofailover && n->pg.data == DATA_USABLE &&
                       pg_end(&n->pg).timeline >= newest->timeline;
        for (int k = 0; k < sim->databases && has_all; k++) {
            const struct sim_pg *other = &sim->nodes[k].pg;
            has_all =
                other->data != DATA_USABLE || has_recorded_wal_of(&n->pg, other, newest->timeline);
        }
        if (has_all) {
            return true;
        }
    }
    return false;
}

static void thaw(const struct sim *sim, uint64_t *until)
{
    *until = *until > sim->now ? sim->now : *until;
}

void fault_undo(struct sim *sim)
{
    memset(sim->cut, 0, sizeof(sim->cut));
    memset(sim->replica_cut, 0, sizeof(sim->replica_cut));
    for (int i = 0; i < sim->count; i++) {
        struct sim_node *n = &sim->nodes[i];
        thaw(sim, &n->daemon.frozen_until);
        thaw(sim, &n->daemon.hung_until);
        thaw(sim, &n->guard.frozen_until);
        n->pg.postmaster_stopped = n->pg.hangs = false;
        n->daemon.wants_switchover = n->daemon.has_bid = false;
        n->daemon.crashes = 0;
        start_host(sim, i);
    }
}

void fault_heal(struct sim *sim)
{
    sim->healed = true;
    if (sim->crashing != NOBODY && !is_dispensable(sim, sim->crashing)) {
        sim->crashing = NOBODY;
    }
    fault_undo(sim);
    sim->store.now.paused = FACT_NO;
    sim->store.fenced = 0;
    sim->store.revision++;
    sim_say(sim, "healed");
    sim_schedule(sim, sim->now + sick_begin(sim) + 2000 * MS, EV_END, 0);
}
