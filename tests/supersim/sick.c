/* tests/supersim/sick.c - standbys that never come up, at the end of some lives, and whose copies
 * are given up for it (supervisor/damage.h).
 *
 * All is healed before, for it takes half a minute in which nothing else must happen to a node;
 * words are still late, or lost. Then one standby after the other falls ill, or all at once: of
 * something that no clone cures, or one of damaged data. */
#include <string.h>

#include "base/must.h"
#include "tests/supersim/world.h"

#define SICK_EACH 32 /* of all lives, and a few of these have each kind */
#define SICK_US (75000 * MS)
#define CALM_US (16000 * MS) /* at its end: what is late is over, mostly */
#define APART_US (20000 * MS)

enum sick_step { SICK_FALLS = 1, SICK_STRIKES, SICK_ENDS };

static void at(struct sim *sim, int node, enum sick_step step, uint64_t us)
{
    sim_schedule(sim, sim->now + us, EV_SICK, node)->a = step;
}

/* No chance: other lives stay as they are. */
static enum sickness kind_of(const struct sim *sim)
{
    static const enum sickness of_seed[SICK_EACH] = {
        [1] = SICK_LATE, [9] = SICK_EARLY, [14] = SICK_LATE, [17] = SICK_LATE, [25] = SICK_DATA};
    enum sickness kind = sim->wish.exhaustive ? SICK_NOT : of_seed[sim->seed % SICK_EACH];
    /* What a synchronous commit may count on is kept, and two copies are. */
    bool is_cured = sim->settings.sync_mode == SYNC_OFF && sim->databases > 2;
    return kind == SICK_DATA && !is_cured ? SICK_LATE : kind;
}

uint64_t sick_begin(struct sim *sim)
{
    sim->sickness = sim->crashing == NOBODY && !sim->has_remote ? kind_of(sim) : SICK_NOT;
    if (sim->sickness == SICK_NOT) {
        return 0;
    }
    uint64_t way = sim->seed / SICK_EACH % 4;
    bool all = way < 2;
    for (int i = 0; i < sim->databases; i++) {
        bool is_one = all || (sim->sickness != SICK_DATA && i + 1 < sim->databases) || i == 0;
        if (is_one) {
            at(sim, i, SICK_FALLS, way % 2 == 0 ? 1 * MS : draw(sim, 1 * MS, APART_US));
        }
    }
    at(sim, 0, SICK_STRIKES, draw(sim, 1000 * MS, 20000 * MS));
    at(sim, 0, SICK_ENDS, SICK_US);
    sim->sick_until = sim->now + SICK_US;
    return SICK_US;
}

static int other_sick(const struct sim *sim)
{
    int count = 0;
    for (int i = 0; i < sim->databases; i++) {
        count += sim->nodes[i].pg.is_sick ? 1 : 0;
    }
    return count;
}

static void falls(struct sim *sim, int node)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    bool is_one_too_many = sim->sickness == SICK_DATA &&
                           (other_sick(sim) > 0 || !fault_may_lose(sim, &sim->nodes[node]));
    if (pg->is_primary || name_is(&sim->nodes[node].name, &sim->store.now.holder) ||
        pg->data != DATA_USABLE || is_one_too_many || sim->now >= sim->sick_until) {
        return;
    }
    pg->is_sick = true;
    pg->sick_copy = sim->sickness == SICK_DATA ? pg->copy : 0;
    sim->faults_done++;
    sim_say(sim, "%s falls ill", sim->nodes[node].name.text);
    pg_kill(sim, node);
    daemon_wake(sim, node);
}

/* Whoever stands still, or is not heard, decides by what was so before. */
static void strikes(struct sim *sim)
{
    static const char *const names[] = {"freeze-daemon", "hang-loop", "cut-off", "cut-one-way"};
    const char *name = names[random_below(&sim->random, ARRAY_LEN(names))];
    int node = (int)random_below(&sim->random, (uint64_t)sim->databases);
    for (int kind = 0; kind < fault_kinds() && sim->sickness != SICK_DATA; kind++) {
        if (strcmp(fault_name(kind), name) == 0) {
            (void)fault_do(sim, kind, node);
        }
    }
    uint64_t us = draw(sim, 2000 * MS, 20000 * MS);
    if (sim->now + us + CALM_US < sim->sick_until) {
        at(sim, 0, SICK_STRIKES, us);
    }
}

/* Of damaged data nothing is cured but by another copy. */
static void ends(struct sim *sim)
{
    for (int i = 0; i < sim->databases; i++) {
        struct sim_pg *pg = &sim->nodes[i].pg;
        pg->is_sick = pg->is_sick && pg->sick_copy != 0;
    }
    fault_undo(sim);
    sim->heal_at = sim->now;
    sim->writable_at = 0;
    sim_say(sim, "cured");
}

void sick_step(struct sim *sim, int node, uint64_t step)
{
    switch ((enum sick_step)step) {
        case SICK_FALLS:
            falls(sim, node);
            return;
        case SICK_STRIKES:
            strikes(sim);
            return;
        case SICK_ENDS:
            ends(sim);
            return;
    }
    UNREACHABLE("no other step is scheduled");
}

bool sick_fails(const struct sim_pg *pg, bool as_primary)
{
    return pg->is_sick && !as_primary && (pg->sick_copy == 0 || pg->sick_copy == pg->copy);
}

void sick_look(struct sim *sim, int node, struct facts *f)
{
    struct sim_node *n = &sim->nodes[node];
    struct sim_daemon *d = &n->daemon;
    uint64_t now_ms = local_ms(sim, n);
    bool was_kept = d->back.damage_wait != DAMAGE_WAITS_NOT;
    starts_look(&d->starts, f->pg.copy, n->pg.process == PG_RUNNING);
    f->back.starts_in_vain = d->starts.at_data;
    f->back.in_vain_ms = d->starts.at_data > 0 ? now_ms - d->starts.at_data_since_ms : 0;
    f->back.config_reads = FACT_YES;
    damage_settle(&d->damage, f, now_ms, &f->back);
    d->back.damage = f->back.damage;
    d->back.discards = f->back.discards;
    d->back.damage_wait = f->back.damage_wait;
    sim->counts.copies_kept += !was_kept && d->back.damage_wait != DAMAGE_WAITS_NOT ? 1 : 0;
}

void sick_ended(struct sim *sim, int node)
{
    struct sim_node *n = &sim->nodes[node];
    enum starts_end how = n->pg.fails ? STARTS_BY_ITSELF : STARTS_ON_PURPOSE;
    sim->counts.starts_in_vain += n->pg.fails ? 1 : 0;
    n->pg.fails = false;
    (void)starts_ended(&n->daemon.starts, how, sim->sickness == SICK_EARLY ? FACT_NO : FACT_YES,
                       local_ms(sim, n));
}
