/* tests/supersim/remote.c - another cluster, which this one follows now and then.
 *
 * It is a primary that is always there, and writes. In some lives the cluster begins as its copy;
 * in others it has a primary of its own first. An operator changes his mind every few seconds. As
 * he is told to (docs/standby-cluster.md), he demotes a cluster when the other one has all that its
 * primary wrote: so with the first lead that is granted after a primary the other cluster becomes a
 * copy of whom it was granted to, on a timeline of its own. And he promotes it only when all that
 * have data have come to that timeline, or two clusters might begin one of the same number. */
#include <string.h>

#include "tests/supersim/world.h"

#define REMOTE_EACH 7 /* prime to those of other peculiarities */
#define REMOTE_OF 3
#define BEGINS_EACH 2 /* of these */
#define LEVEL_MS 9000
#define STUCK_US (3000 * MS)

static uint32_t newest_timeline(const struct sim *sim)
{
    uint32_t newest = sim->store.now.grant_timeline;
    for (int i = 0; i <= REMOTE; i++) {
        const struct sim_pg *pg = &sim->nodes[i].pg;
        for (uint32_t k = 0; k < pg->wal_count; k++) {
            newest = pg->wal[k].timeline > newest ? pg->wal[k].timeline : newest;
        }
    }
    for (int i = 0; i < sim->promotion_count; i++) {
        uint32_t timeline = sim->promotions[i].timeline;
        newest = timeline > newest ? timeline : newest;
    }
    return newest;
}

static void write_first(struct sim *sim, uint32_t timeline)
{
    struct sim_pg *pg = &sim->nodes[REMOTE].pg;
    pg->wal[pg->wal_count] = (struct wal_record){.timeline = timeline, .id = ++sim->next_id};
    pg->wal_count++;
}

static void step_later(struct sim *sim)
{
    sim_schedule(sim, sim->now + draw(sim, 2000 * MS, 12000 * MS), EV_RECOVER, 0)->a = REMOTE_STEP;
}

void remote_begin(struct sim *sim)
{
    struct sim_node *n = &sim->nodes[REMOTE];
    sim->has_remote = !sim->wish.exhaustive && sim->seed % REMOTE_EACH == REMOTE_OF;
    (void)snprintf(n->name.text, sizeof(n->name.text), "*remote");
    n->rate = 1.0;
    n->host_up = true;
    n->pg.data = DATA_USABLE;
    n->pg.process = PG_ABSENT;
    n->pg.fence = true; /* nobody asks what is acknowledged there */
    n->pg.conninfo = n->pg.conninfo_was = n->pg.receives_from = NOBODY;
    if (!sim->has_remote) {
        return;
    }
    sim->level_at = sim->seed * 7919 % LEVEL_MS * MS;
    sim->store.follows = sim->seed / REMOTE_EACH % BEGINS_EACH == 0;
    for (int i = 0; i < sim->count; i++) {
        sim->nodes[i].follows = sim->store.follows;
    }
    n->pg.process = PG_RUNNING;
    n->pg.is_primary = true;
    n->pg.system_id = UINT64_MAX;
    write_first(sim, 1);
    sim_schedule(sim, 1000 * MS, EV_CLIENT, REMOTE)->life = n->pg.life;
    step_later(sim);
}

void remote_follow(struct sim *sim, int node)
{
    struct sim_pg *pg = &sim->nodes[REMOTE].pg;
    const struct sim_pg *from = &sim->nodes[node].pg;
    bool begins = sim->store.now.initialized == FACT_NO;
    if (sim->store.now.grant_is_standby || begins) {
        return;
    }
    uint32_t timeline = newest_timeline(sim) + 1;
    if (from->data == DATA_USABLE) {
        memcpy(pg->wal, from->wal, from->wal_count * sizeof(pg->wal[0]));
        pg->wal_count = from->wal_count;
    }
    pg->system_id = sim->store.system_id;
    write_first(sim, timeline);
    sim_say(sim, "the other cluster is on timeline %u from %u on", (unsigned)timeline,
            (unsigned)pg->wal_count);
}

static bool have_all_come(const struct sim *sim)
{
    uint32_t timeline = pg_end(&sim->nodes[REMOTE].pg).timeline;
    bool have = sim->store.now.grant_is_standby && sim->store.now.initialized == FACT_YES;
    for (int i = 0; i < sim->databases; i++) {
        const struct sim_pg *pg = &sim->nodes[i].pg;
        have = have && (pg->data != DATA_USABLE || pg_end(pg).timeline == timeline);
    }
    return have;
}

void remote_step(struct sim *sim)
{
    bool on = !sim->store.follows;
    int by = NOBODY;
    for (int i = 0; i < sim->count; i++) {
        by = store_hears(sim, i) ? i : by;
    }
    if (sim->healed) {
        return;
    }
    if (by != NOBODY && (on ? sim->store.now.initialized == FACT_YES : have_all_come(sim))) {
        sim->faults_done++;
        store_propose(sim, &(struct proposal){.kind = PROPOSE_KIND, .by = by, .on = on});
    }
    step_later(sim);
}

int remote_upstream(const struct sim *sim, int node)
{
    const struct sim_node *n = &sim->nodes[node];
    if (n->view.grant_is_standby && name_is(&n->view.holder, &n->name)) {
        return n->follows ? REMOTE : NOBODY;
    }
    for (int i = 0; i < sim->count; i++) {
        if (name_is(&sim->nodes[i].name, &n->view.holder)) {
            return i;
        }
    }
    return NOBODY;
}

/* Where the shorter of the two ends they are on other timelines: however far it comes, it has
 * nothing for this one. */
static bool has_parted(const struct sim_pg *up, const struct sim_pg *pg)
{
    uint32_t at = up->wal_count < pg->wal_count ? up->wal_count : pg->wal_count;
    return at > 0 && up->wal[at - 1].timeline != pg->wal[at - 1].timeline;
}

/* What the production code finds by patience (supervisor/stuck.h) the model knows at once. */
void remote_look(struct sim *sim, int node)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    const struct sim_pg *up = pg->conninfo == NOBODY ? NULL : &sim->nodes[pg->conninfo].pg;
    bool is_unfit = sim->has_remote && pg->process == PG_RUNNING && !pg->is_primary && up != NULL &&
                    up->process == PG_RUNNING && pg->receives_from == NOBODY && has_parted(up, pg);
    bool stays = pg->process != PG_RUNNING && pg->unfit_since != 0 &&
                 pg->copy == pg->unfit_copy; /* it is down for its rung */
    pg->unfit_copy = pg->copy;
    pg->unfit_since = stays                  ? pg->unfit_since
                      : !is_unfit            ? 0
                      : pg->unfit_since != 0 ? pg->unfit_since
                                             : sim->now;
}

bool remote_is_stuck(const struct sim *sim, int node)
{
    uint64_t since = sim->nodes[node].pg.unfit_since;
    return since != 0 && sim->now > since + STUCK_US;
}
