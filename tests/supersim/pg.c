/* tests/supersim/pg.c - a PostgreSQL as far as its data can tell: WAL, timelines, receivers, waits.
 *
 * WAL is a list of records; an LSN is how many there are. What is in the list is flushed. A standby
 * is taken on by its timeline alone, as the real one does, so a standby with other records of the
 * same timeline is taken on too: check.c then sees what no PostgreSQL would. */
#include <string.h>

#include "base/must.h"
#include "tests/supersim/world.h"

#define STREAM_MAX 200
#define STANDS_AFTER_US (2000 * MS)
#define STARTUP_LAG_US (18 * MS) /* until it has seen the signal that the postmaster passed on */
#define SICK_CLIENT 8    /* times slower, for that lasts long, and WAL_MAX is soon reached */
#define UNREADABLE 0.005 /* of all ends */
#define UNREADABLE_US (25000 * MS)

struct position pg_end(const struct sim_pg *pg)
{
    struct position end = {.is_known = pg->data == DATA_USABLE && pg->wal_count > 0};
    if (end.is_known) {
        end.timeline = pg->wal[pg->wal_count - 1].timeline;
        end.lsn = pg->wal_count;
    }
    return end;
}

/* Nothing runs: from now on the end is being looked for in the files, which takes a while. */
void pg_read_end(struct sim *sim, int node)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    pg->end_since = sim->now;
    bool is_unreadable = dice(sim, UNREADABLE);
    pg->end_at = sim->now + (is_unreadable ? UNREADABLE_US : draw(sim, 2 * MS, 300 * MS));
    sim->unread_us += is_unreadable && sim->healed ? UNREADABLE_US : 0;
}

static void add_record(struct sim *sim, struct sim_pg *pg, uint32_t timeline)
{
    MUST(pg->wal_count < WAL_MAX);
    pg->wal[pg->wal_count++] = (struct wal_record){.timeline = timeline, .id = ++sim->next_id};
}

static bool is_standby_up(const struct sim_node *n)
{
    return n->host_up && n->pg.process == PG_RUNNING && !n->pg.is_primary;
}

/* Backends commit: also those whose postmaster is stopped, or gone. */
static bool commits(const struct sim_node *n)
{
    return n->host_up && n->pg.is_primary && !n->pg.hangs &&
           (n->pg.process == PG_RUNNING || n->pg.process == PG_LEFT);
}

static void end_in(struct sim *sim, int node, enum pg_next next, uint64_t us)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    pg->next = next;
    sim_schedule(sim, sim->now + us, EV_PG, node)->life = pg->life;
}

static void disconnect(struct sim *sim, int node)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    (void)sim;
    pg->receives_from = NOBODY;
    pg->connection++;
}

/* Without a tail: within the kill budget. */
static uint64_t short_draw(struct sim *sim, uint64_t to_us)
{
    return sim->wish.exhaustive ? to_us / 2 : random_below(&sim->random, to_us);
}

/* What it had replayed since its checkpoint is to be replayed again, also what a recovery had that
 * did not come to its end. */
void pg_note_killed(struct sim *sim, int node)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    bool recovers = sim->now < pg->replayed_at;
    bool is_up = pg->process == PG_RUNNING || pg->process == PG_STARTING;
    sim->counts.recoveries_cut += is_up && recovers ? 1 : 0;
    pg->has_stood_still = pg->has_stood_still && recovers;
    pg->was_killed = pg->was_killed || pg->process == PG_RUNNING || (is_up && recovers);
}

/* It starts: how long its recovery takes, and for how long it moves. */
static void recover(struct sim *sim, struct sim_pg *pg)
{
    bool recovers = pg->was_killed && sim->slowness != SLOW_NOT;
    bool stands = recovers && sim->slowness == SLOW_STANDS && !pg->has_stood_still;
    uint64_t us = !recovers || (sim->slowness == SLOW_STANDS && !stands) ? 0 : sim->recovery_us;
    pg->replayed_at = sim->now + us;
    pg->moves_until = stands ? sim->now + STANDS_AFTER_US : pg->replayed_at;
    pg->has_stood_still = pg->has_stood_still || stands;
    pg->was_killed = recovers;
    sim->counts.slow_starts += us > 0 && sim->slowness == SLOW_START ? 1 : 0;
    sim->counts.still_starts += stands ? 1 : 0;
}

/* Postmaster first; the others may live a moment longer. */
void pg_kill(struct sim *sim, int node)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    if (pg->process == PG_ABSENT || pg->process == PG_UNKNOWN || pg->process == PG_LEFT) {
        return;
    }
    pg->life++;
    pg->ended_epoch = 0; /* unless its daemon says that it was he */
    disconnect(sim, node);
    pg_note_killed(sim, node);
    pg->process = PG_LEFT;
    pg->fails = false;
    end_in(sim, node, NEXT_ABSENT, short_draw(sim, 40 * MS));
    if (commits(&sim->nodes[node])) {
        sim_schedule(sim, sim->now + draw(sim, 1 * MS, 30 * MS), EV_CLIENT, node)->life = pg->life;
    }
}

void pg_stop(struct sim *sim, int node, bool fast)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    if (pg->process != PG_RUNNING && pg->process != PG_STARTING) {
        return;
    }
    pg->was_killed = pg->was_killed && sim->now < pg->replayed_at;
    pg->process = PG_STOPPING;
    pg->fails = false;
    uint64_t us = fast ? draw(sim, 30 * MS, 200 * MS) : draw(sim, 5 * MS, 30 * MS);
    pg->life++;
    disconnect(sim, node);
    end_in(sim, node, NEXT_ABSENT, us);
}

void pg_start(struct sim *sim, int node, bool as_primary)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    if (pg->process != PG_ABSENT || pg->data != DATA_USABLE) {
        return;
    }
    pg->process = PG_STARTING;
    pg->ended_epoch = 0;
    pg->life++;
    pg->is_primary = false;
    pg->conninfo = pg->conninfo_was = NOBODY;
    pg->receives_from = NOBODY;
    pg->gone_looks = 0;
    pg->end_read = false;
    pg->signal_synced = !as_primary;
    pg->recovered_known = false;
    pg->fence = pg->was_fence = true;
    pg->alone = pg->was_alone = false;
    pg->force_at = 0;
    pg->postmaster_stopped = false;
    memset(pg->flushed, 0, sizeof(pg->flushed));
    recover(sim, pg);
    bool opens_early = !as_primary && sim->slowness == SLOW_REPLAY;
    uint64_t recovery_us = opens_early ? 0 : pg->replayed_at - sim->now;
    pg->fails = sick_fails(pg, as_primary);
    starts_began(&sim->nodes[node].daemon.starts, local_ms(sim, &sim->nodes[node]));
    end_in(sim, node,
           pg->fails    ? NEXT_ABSENT
           : as_primary ? NEXT_PRIMARY
                        : NEXT_STANDBY,
           recovery_us + draw(sim, 20 * MS, 150 * MS));
}

static void open_as_primary(struct sim *sim, int node, uint64_t epoch)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    pg->is_primary = true;
    pg->shows_at = sim->now + short_draw(sim, 120 * MS);
    pg->epoch = epoch;
    pg->recovered = pg->wal_count;
    pg->recovered_known = true;
    pg->acked = pg->wal_count;
    pg->synced_at = sim->now;
    memset(pg->flushed, 0, sizeof(pg->flushed));
    sim_schedule(sim, sim->now + draw(sim, 2 * MS, 40 * MS), EV_CLIENT, node)->life = pg->life;
    fault_opened(sim, node);
}

static void promoted(struct sim *sim, int node)
{
    struct sim_node *n = &sim->nodes[node];
    uint32_t timeline = n->guard.armed_timeline;
    struct position end = pg_end(&n->pg);
    if (n->pg.process != PG_RUNNING || n->pg.is_primary) {
        return;
    }
    MUST(sim->promotion_count < PROMOTIONS_MAX);
    disconnect(sim, node);
    n->pg.conninfo = n->pg.conninfo_was = NOBODY;
    sim->promotions[sim->promotion_count++] = (struct promotion){.epoch = n->guard.promoted_epoch,
                                                                 .timeline = timeline,
                                                                 .parent = end.timeline,
                                                                 .switch_lsn = (uint32_t)end.lsn,
                                                                 .node = node};
    add_record(sim, &n->pg, timeline);
    n->pg.signal_synced = false; /* PostgreSQL takes it away */
    open_as_primary(sim, node, n->guard.promoted_epoch);
    sim->counts.promotions++;
    sim_say(sim, "%s is promoted: epoch %u timeline %u at %u", n->name.text, (unsigned)n->pg.epoch,
            (unsigned)timeline, (unsigned)end.lsn);
    check_promotion(sim, node);
}

void pg_next(struct sim *sim, int node)
{
    struct sim_node *n = &sim->nodes[node];
    struct sim_pg *pg = &n->pg;
    enum pg_next next = pg->next;
    pg->next = NEXT_NONE;
    switch (next) {
        case NEXT_NONE:
            return;
        case NEXT_ABSENT:
            pg->process = PG_ABSENT;
            pg->is_primary = false;
            sick_ended(sim, node);
            pg->life++;
            disconnect(sim, node);
            pg->conninfo = pg->conninfo_was = NOBODY;
            pg->end_read = false;
            pg_read_end(sim, node);
            break;
        case NEXT_STANDBY:
            pg->process = PG_RUNNING;
            break;
        case NEXT_PRIMARY:
            pg->process = PG_RUNNING;
            open_as_primary(sim, node, n->guard.promoted_epoch);
            sim->counts.restarts_in_place++;
            break;
        case NEXT_PROMOTED:
            promoted(sim, node);
            break;
    }
    sim_say(sim, "%s: its PostgreSQL is %d", n->name.text, (int)pg->process);
    daemon_wake(sim, node);
}

void pg_wipe(struct sim *sim, int node)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    pg->data = DATA_EMPTY;
    pg->copy = 0;
    pg->sealed = 0;
    pg->noted = false;
    pg->wal_count = 0;
    pg->was_killed = false;
    (void)sim;
}

/* ---- receiving ---- */

static int conninfo_in_force(const struct sim *sim, const struct sim_pg *pg)
{
    return pg->conninfo_at <= sim->now ? pg->conninfo : pg->conninfo_was;
}

void pg_set_conninfo(struct sim *sim, int node, int to)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    pg->conninfo_was = conninfo_in_force(sim, pg);
    pg->conninfo = to;
    pg->conninfo_epoch = sim->nodes[node].view.grant_epoch;
    pg->conninfo_shown_at = sim->now + draw(sim, 2 * MS, 60 * MS);
    pg->conninfo_at = pg->conninfo_shown_at + draw(sim, 0, STARTUP_LAG_US) % STARTUP_LAG_US;
    pg->end_read = false;
    struct event *e = sim_schedule(sim, pg->conninfo_at, EV_CONNECT, node);
    e->life = pg->life;
}

/* SIGTERM. The startup process starts another one where conninfo still says so. */
void pg_end_receiver(struct sim *sim, int node)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    disconnect(sim, node);
    sim_schedule(sim, sim->now + draw(sim, 2 * MS, 20 * MS), EV_CONNECT, node)->life = pg->life;
}

/* By timeline alone: the upstream has WAL of ours at our end. */
static bool takes_on(const struct sim_pg *up, const struct sim_pg *pg)
{
    return up->wal_count >= pg->wal_count && pg->wal_count > 0 &&
           up->wal[pg->wal_count - 1].timeline == pg->wal[pg->wal_count - 1].timeline;
}

void pg_connect(struct sim *sim, int node)
{
    struct sim_node *n = &sim->nodes[node];
    int to = conninfo_in_force(sim, &n->pg);
    if (!is_standby_up(n) || to == NOBODY || n->pg.receives_from == to) {
        return;
    }
    disconnect(sim, node); /* another conninfo is another receiver */
    const struct sim_node *up = &sim->nodes[to];
    bool is_up = up->host_up && up->pg.process == PG_RUNNING && !up->pg.postmaster_stopped;
    if (!is_up || !linked(sim, node, to) || !linked(sim, to, node) || sim->replica_cut[node][to] ||
        !takes_on(&up->pg, &n->pg)) {
        sim_schedule(sim, sim->now + draw(sim, 50 * MS, 150 * MS), EV_CONNECT, node)->life =
            n->pg.life;
        return;
    }
    sim->counts.receivers_back += to != n->pg.conninfo ? 1 : 0;
    n->pg.connection++;
    n->pg.receives_from = to;
    n->pg.gone_looks = 0;
    n->pg.end_read = false;
    struct event *e = sim_schedule(sim, sim->now + draw(sim, 1 * MS, 5 * MS), EV_STREAM, node);
    e->life = n->pg.life;
    e->a = n->pg.connection;
}

void pg_stream(struct sim *sim, int node, uint64_t connection)
{
    struct sim_node *n = &sim->nodes[node];
    struct sim_pg *pg = &n->pg;
    if (pg->receives_from == NOBODY || pg->connection != connection || !is_standby_up(n)) {
        return;
    }
    int from = pg->receives_from;
    const struct sim_node *up = &sim->nodes[from];
    bool is_up = up->host_up && up->pg.process != PG_ABSENT && up->pg.process != PG_STARTING;
    if (!is_up || (up->pg.wal_count >= pg->wal_count && !takes_on(&up->pg, pg))) {
        pg_end_receiver(sim, node);
        return;
    }
    bool passes =
        linked(sim, from, node) && linked(sim, node, from) && !sim->replica_cut[node][from];
    if (up->pg.wal_count >= pg->wal_count &&
        up->pg.wal[pg->wal_count - 1].id != pg->wal[pg->wal_count - 1].id) {
        sim_violation(sim, "S5: %s follows %s onto other records of timeline %u", n->name.text,
                      up->name.text, (unsigned)pg->wal[pg->wal_count - 1].timeline);
        return;
    }
    for (uint32_t k = 0; passes && !pg->hangs && k < STREAM_MAX && pg->wal_count < up->pg.wal_count;
         k++) {
        pg->wal[pg->wal_count] = up->pg.wal[pg->wal_count];
        pg->wal_count++;
    }
    if (passes && !pg->hangs) {
        struct event *e = sim_schedule(sim, sim->now + draw(sim, 1 * MS, 6 * MS), EV_REPLY, from);
        e->life = up->pg.life;
        e->from = node;
        e->a = connection;
        e->b = pg->wal_count;
    }
    struct event *e = sim_schedule(sim, sim->now + draw(sim, 8 * MS, 25 * MS), EV_STREAM, node);
    e->life = pg->life;
    e->a = connection;
}

void pg_reply(struct sim *sim, int node, int from, uint64_t connection, uint32_t lsn)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    if (!pg->is_primary) {
        return;
    }
    if (pg->flushed_connection[from] != connection) {
        pg->flushed_connection[from] = connection;
        pg->flushed[from] = 0;
    }
    pg->flushed[from] = lsn > pg->flushed[from] ? lsn : pg->flushed[from];
    pg_acknowledge(sim, node);
}

/* ---- committing ---- */

void pg_set_force(struct sim *sim, int node, const struct sync_set *set)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    bool is_in = pg->force_at <= sim->now;
    pg->force_was = is_in ? pg->force : pg->force_was;
    pg->was_fence = is_in ? pg->fence : pg->was_fence;
    pg->was_alone = is_in ? pg->alone : pg->was_alone;
    /* What an asynchronous mode wants and what a synchronous one makes do with are the same text.
     * It is written for the mode in which that was decided, and published, before: a daemon that
     * was frozen since does not know of another one. */
    bool is_wanted = sim->nodes[node].daemon.doing_in == SYNC_OFF;
    pg->alone = set->needed == 0 && !is_wanted && sim->settings.sync_mode != SYNC_OFF;
    pg->force = *set;
    pg->fence = false;
    pg->force_at = sim->now + draw(sim, 2 * MS, 60 * MS);
    struct event *e = sim_schedule(sim, pg->force_at, EV_REPLY, node);
    e->life = pg->life;
    e->from = node;
    sim->counts.degraded += pg->alone ? 1 : 0;
}

/* Up to where enough of the set, by name, have flushed. */
static uint32_t satisfied_to(const struct sim *sim, const struct sim_pg *pg,
                             const struct sync_set *set)
{
    if (set->needed == 0) {
        return pg->wal_count;
    }
    uint32_t best = 0;
    for (int i = 0; i < sim->databases; i++) {
        uint32_t lsn = pg->flushed[i];
        uint32_t have = 0;
        for (uint32_t k = 0; k < set->count; k++) {
            for (int m = 0; m < sim->databases; m++) {
                have +=
                    name_is(&set->at[k].name, &sim->nodes[m].name) && pg->flushed[m] >= lsn ? 1 : 0;
            }
        }
        best = have >= set->needed && lsn > best ? lsn : best;
    }
    return best;
}

void pg_acknowledge(struct sim *sim, int node)
{
    struct sim_node *n = &sim->nodes[node];
    struct sim_pg *pg = &n->pg;
    if (!commits(n)) {
        return;
    }
    bool is_sync = true;
    bool alone = false;
    uint32_t to = 0;
    if (!pg->fence) { /* a process that has not reloaded yet goes by the old one */
        to = satisfied_to(sim, pg, &pg->force);
        is_sync = pg->force.needed > 0;
        alone = pg->alone;
    }
    if (pg->force_at > sim->now) {
        bool old = dice(sim, 0.5);
        to = old && !pg->was_fence ? satisfied_to(sim, pg, &pg->force_was) : old ? 0 : to;
        is_sync = old ? pg->force_was.needed > 0 : is_sync;
        alone = old ? pg->was_alone : alone;
    }
    bool is_promised = sim->settings.sync_mode != SYNC_OFF; /* docs/decisions/0008 */
    alone = alone && is_promised;
    is_sync = (is_sync && is_promised) || alone;
    for (; pg->acked < to && pg->acked < pg->wal_count; pg->acked++) {
        if (sim->acked_count == ACKED_MAX) {
            return;
        }
        sim->acked[sim->acked_count++] = (struct acked){
            .id = pg->wal[pg->acked].id, .lsn = pg->acked + 1, .sync = is_sync, .alone = alone};
        sim->counts.acked_sync += is_sync ? 1 : 0;
        sim->counts.acked_async += is_sync ? 0 : 1;
        check_ack(sim, node, is_sync);
    }
}

void pg_client(struct sim *sim, int node)
{
    struct sim_node *n = &sim->nodes[node];
    if (!n->pg.is_primary || n->pg.process == PG_STOPPING) {
        return;
    }
    if (commits(n) && n->pg.wal_count < WAL_MAX - 200) {
        add_record(sim, &n->pg, n->pg.wal[n->pg.wal_count - 1].timeline);
        pg_acknowledge(sim, node);
    }
    uint64_t us = draw(sim, 10 * MS, 60 * MS);
    us = sim->now < sim->sick_until || node == REMOTE ? us * SICK_CLIENT : us;
    sim_schedule(sim, sim->now + us, EV_CLIENT, node)->life = n->pg.life;
}

bool pg_is_writable(const struct sim *sim, const struct sim_node *n)
{
    bool is_fenced = n->pg.fence && (n->pg.force_at <= sim->now || n->pg.was_fence);
    return commits(n) && !is_fenced;
}
