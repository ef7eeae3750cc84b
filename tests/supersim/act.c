/* tests/supersim/act.c - the effects of what a daemon decided, some time later.
 *
 * Each effect is of one moment; what takes long in the real world stands between decision and
 * effect, and anything may have happened meanwhile. */
#include <string.h>

#include "base/must.h"
#include "tests/supersim/world.h"

#define SLOW_INITDB_EACH 3 /* of all lives one has a slow one */
#define LOOK_US (20 * MS)  /* between two questions in a hurry, at least */
#define SLOW_INITDB_MS 25000

static bool is_running(const struct sim_pg *pg)
{
    return pg->process == PG_RUNNING || pg->process == PG_STARTING;
}

/* Its primary is there, and takes a connection. */
static bool can_copy(const struct sim *sim, int node, int from)
{
    const struct sim_node *up = from == NOBODY ? NULL : &sim->nodes[from];
    bool is_it = up != NULL && (up->pg.is_primary || sim->nodes[node].view.grant_is_standby);
    return is_it && up->host_up && up->pg.process == PG_RUNNING && linked(sim, node, from) &&
           linked(sim, from, node) && !sim->replica_cut[node][from];
}

/* In a standby cluster all are rewound by the other one's primary, and its leader is its clone. */
static int source_of_return(const struct sim *sim, int node, enum return_step step)
{
    const struct sim_node *n = &sim->nodes[node];
    bool is_rewind = step == RETURN_REWIND && n->view.grant_is_standby;
    return is_rewind ? REMOTE : remote_upstream(sim, node);
}

uint64_t act_duration(struct sim *sim, int node, const struct decision *d)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    if (d->action == ACTION_RETURN && !is_running(pg) &&
        (d->back.step == RETURN_CLONE || d->back.step == RETURN_REWIND)) {
        int from = source_of_return(sim, node, d->back.step);
        bool is_clone = d->back.step == RETURN_CLONE;
        bool begins = is_clone || can_copy(sim, node, from); /* the dry run of act_rewind.c */
        if (begins) {
            check_discard(sim, node, from);
        }
        if (is_clone) {
            if (pg->data == DATA_USABLE && sim->nodes[node].daemon.back.damage != DAMAGE_NONE) {
                check_gives_up(sim, node);
            }
            pg_wipe(sim, node);
        }
        pg->data = begins ? DATA_BROKEN : pg->data; /* the mark outside of it, until it is done */
        return draw(sim, 100 * MS, 900 * MS);
    }
    if (d->action == ACTION_INITDB && !sim->wish.exhaustive && sim->seed % SLOW_INITDB_EACH == 0) {
        return sim->seed * 7919 % SLOW_INITDB_MS * MS; /* no chance: other lives stay as they are */
    }
    if (d->action == ACTION_SEAL && d->seal == SEAL_LOOK_AGAIN) {
        return draw(sim, LOOK_US, LOOK_US + 15 * MS);
    }
    return draw(sim, 1 * MS, 15 * MS);
}

static void act_seal(struct sim *sim, int node, const struct decision *d)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    switch (d->seal) {
        case SEAL_DONE:
            break;
        case SEAL_NOTE:
            if (pg->data == DATA_USABLE && d->epoch > pg->sealed) {
                pg->sealed = d->epoch;
                pg->end_read = false;
                pg->gone_looks = 0;
                sim->counts.seals++;
            }
            break;
        case SEAL_EMPTY_CONNINFO:
            pg_set_conninfo(sim, node, NOBODY);
            break;
        case SEAL_STOP:
            UNREACHABLE("no model of a server refuses its configuration");
        case SEAL_END_RECEIVER:
            pg_end_receiver(sim, node);
            break;
        case SEAL_LOOK_AGAIN: {
            bool counts = sim->now >= pg->conninfo_shown_at + LOOK_US; /* it was asked after that */
            bool is_gone = counts && pg->receives_from == NOBODY;
            pg->gone_looks = is_gone ? pg->gone_looks + 1 : 0;
            break;
        }
        case SEAL_READ_END:
            pg->end_read = true;
            break;
    }
}

static void act_record(struct sim *sim, int node, const struct decision *d)
{
    const struct sim_node *n = &sim->nodes[node];
    static struct facts f;
    observe(sim, node, &f);
    struct proposal p = {.kind = PROPOSE_RECORD, .by = node, .epoch = d->epoch, .copy = n->pg.copy};
    if (facts_leads_standby(&f)) {
        p.kind = PROPOSE_WHOSE;
        p.system_id = n->pg.system_id;
        store_propose(sim, &p);
        return;
    }
    p.sync = sync_inherit(&f);
    p.system_id = n->pg.system_id;
    p.sync_seen = f.store.sync_revision;
    for (int i = 0; i < sim->promotion_count; i++) {
        const struct promotion *made = &sim->promotions[i];
        if (made->node == node && made->epoch == d->epoch) {
            p.row = (struct history_row){.epoch = made->epoch,
                                         .timeline = made->timeline,
                                         .parent = made->parent,
                                         .switch_lsn = made->switch_lsn};
            store_propose(sim, &p);
        }
    }
}

static void act_sync(struct sim *sim, int node, const struct decision *d)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    if (d->sync.step == SYNC_STEP_PUBLISH) {
        struct proposal p = {
            .kind = PROPOSE_SYNC, .by = node, .epoch = d->epoch, .sync = d->sync.publish};
        p.sync_seen = d->sync.revision;
        store_propose(sim, &p);
    } else if (d->sync.step == SYNC_STEP_APPLY && pg->is_primary && pg->epoch == d->epoch) {
        if (pg->fence) {
            check_lift(sim, node, &d->sync.apply);
        }
        check_apply(sim, node, &d->sync.apply);
        pg_set_force(sim, node, &d->sync.apply);
        pg->force_lsn = 0;
        sim->counts.applies++;
    }
}

static void act_initdb(struct sim *sim, int node)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    if (pg->data != DATA_EMPTY) {
        return;
    }
    pg->data = DATA_USABLE;
    pg->copy = ++sim->next_copy;
    pg->system_id = pg->copy;
    pg->noted = true;
    pg->wal[0] = (struct wal_record){.timeline = 1, .id = ++sim->next_id};
    pg->wal_count = 1;
    if (name_is(&sim->nodes[node].view.holder, &sim->nodes[node].name)) {
        sim->nodes[node].view.holder_copy = pg->copy;
    }
    pg_read_end(sim, node);
}

/* The files become those of @from, as far as it is now. */
static bool copy_from(struct sim *sim, int node, int from)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    if (!can_copy(sim, node, from)) {
        return false;
    }
    const struct sim_node *up = &sim->nodes[from];
    memcpy(pg->wal, up->pg.wal, up->pg.wal_count * sizeof(pg->wal[0]));
    pg->wal_count = up->pg.wal_count;
    pg->was_killed = false;
    pg->data = DATA_USABLE;
    pg->system_id = up->pg.system_id;
    pg->noted = true;
    pg_read_end(sim, node);
    return true;
}

static void act_return(struct sim *sim, int node, const struct decision *d)
{
    struct sim_node *n = &sim->nodes[node];
    struct sim_pg *pg = &n->pg;
    int from = source_of_return(sim, node, d->back.step);
    if (d->back.needs_stop && is_running(pg)) {
        pg_stop(sim, node, false);
        return;
    }
    if (pg->process != PG_ABSENT) {
        return;
    }
    if (d->back.step == RETURN_KEEP_WAL) {
        n->daemon.back.wal_kept = true;
    } else if (d->back.step == RETURN_REWIND && pg->data == DATA_USABLE) {
        n->daemon.back.rewind_failures++;
    } else if (d->back.step == RETURN_REWIND && pg->data == DATA_BROKEN) {
        sim->counts.rewinds++;
        if (copy_from(sim, node, from)) {
            pg->copy = ++sim->next_copy; /* as after a clone (act_home.c) */
        } else {
            n->daemon.back.rewind_failures++;
        }
        n->daemon.back.wal_kept = false;
    } else if (d->back.step == RETURN_CLONE && pg->data == DATA_BROKEN &&
               copy_from(sim, node, from)) {
        pg->copy = ++sim->next_copy;
        pg->sealed = 0;
        sim->counts.clones++;
        n->daemon.back.rewind_failures = 0;
        n->daemon.back.wal_kept = false;
        task_cloned(&n->daemon.task, local_ms(sim, n));
    }
}

static void act_release(struct sim *sim, int node, uint64_t epoch)
{
    struct sim_node *n = &sim->nodes[node];
    n->daemon.let_go = epoch;
    n->deadline_epoch = 0; /* the page first (supervisor_do.c) */
    bool leads = n->view.grant_is_standby && n->view.grant_epoch == epoch;
    if (leads && n->daemon.wants_switchover) {
        sim->counts.leads_handed_over++;
    }
    n->daemon.wants_switchover = false;
    store_propose(sim, &(struct proposal){.kind = PROPOSE_RELEASE, .by = node, .epoch = epoch});
}

/* What is down of a primary now, or is on its way, its daemon has wanted so. */
static void note_ended(struct sim_node *n)
{
    bool ends = n->pg.process == PG_STOPPING || n->pg.process == PG_LEFT;
    n->pg.ended_epoch = ends ? n->guard.promoted_epoch : 0;
}

static void act_hand_over(struct sim *sim, int node)
{
    struct sim_node *n = &sim->nodes[node];
    if (!n->pg.is_primary || n->pg.process != PG_RUNNING) {
        return;
    }
    sim->counts.hand_overs++;
    if (n->daemon.candidate != NOBODY) {
        sim->store.wanted = sim->nodes[n->daemon.candidate].name;
    }
    pg_stop(sim, node, true);
    note_ended(n);
}

static void act_start(struct sim *sim, int node, const struct decision *d)
{
    struct sim_node *n = &sim->nodes[node];
    bool as_primary = d->action == ACTION_START_PRIMARY;
    if (!guard_runs(sim, n)) {
        return;
    }
    n->daemon.wants_switchover = n->daemon.wants_switchover && !as_primary; /* given up */
    if (!as_primary) {
        n->guard.promoted_epoch = 0;
        pg_start(sim, node, false);
        return;
    }
    uint64_t margin = sim->settings.times.promote_margin_ms;
    if (n->deadline_epoch == d->epoch && local_ms(sim, n) + margin < n->deadline &&
        n->pg.process == PG_ABSENT) {
        n->guard.armed_epoch = n->guard.promoted_epoch = d->epoch;
        guard_wake(sim, node);
        pg_start(sim, node, true);
    }
}

static void act_arm(struct sim *sim, int node, uint64_t epoch)
{
    struct sim_node *n = &sim->nodes[node];
    if (guard_runs(sim, n) && n->deadline_epoch == epoch && n->view.grant_epoch == epoch) {
        n->guard.armed_epoch = epoch;
        n->guard.armed_timeline = n->view.grant_timeline;
        guard_wake(sim, node);
    }
}

static void act_other(struct sim *sim, int node, const struct decision *d)
{
    struct sim_node *n = &sim->nodes[node];
    switch ((int)d->action) {
        case ACTION_START_GUARD:
            if (n->pg.process == PG_ABSENT) {
                n->guard.alive = false;
                guard_start(sim, node);
            }
            break;
        case ACTION_ADOPT:
            n->pg.noted = true;
            break;
        case ACTION_INITDB:
            act_initdb(sim, node);
            break;
        case ACTION_FOLLOW:
            if (n->pg.process == PG_RUNNING && !n->pg.is_primary) {
                n->guard.promoted_epoch = 0;
                pg_set_conninfo(sim, node, remote_upstream(sim, node));
            }
            break;
        case ACTION_RETURN:
            act_return(sim, node, d);
            break;
        case ACTION_KILL:
            sim->counts.decided_kills++;
            pg_kill(sim, node);
            note_ended(&sim->nodes[node]);
            break;
        case ACTION_STOP:
            pg_stop(sim, node, true);
            note_ended(&sim->nodes[node]);
            break;
        default:
            UNREACHABLE("act_now() has the others");
    }
}

void act_now(struct sim *sim, int node)
{
    struct sim_daemon *daemon = &sim->nodes[node].daemon;
    struct decision d = daemon->doing;
    daemon->busy = false;
    switch (d.action) {
        case ACTION_WAIT:
            break;
        case ACTION_RELEASE:
            sim->counts.provable_failovers += strcmp(d.rule, "provable-failover") == 0 ? 1 : 0;
            act_release(sim, node, d.epoch);
            break;
        case ACTION_SEAL:
            act_seal(sim, node, &d);
            break;
        case ACTION_ARM:
            act_arm(sim, node, d.epoch);
            break;
        case ACTION_PROMOTE:
            guard_promote(sim, node, d.epoch);
            break;
        case ACTION_WRITE_SIGNAL:
            sim->nodes[node].pg.signal_synced = true;
            break;
        case ACTION_RECORD:
            act_record(sim, node, &d);
            break;
        case ACTION_SYNC_SET:
            act_sync(sim, node, &d);
            break;
        case ACTION_HAND_OVER:
            act_hand_over(sim, node);
            break;
        case ACTION_START_STANDBY:
        case ACTION_START_PRIMARY:
            act_start(sim, node, &d);
            break;
        case ACTION_PRE_PROMOTE: /* no life has one */
        case ACTION_LEAVE:       /* nor is one held */
        case ACTION_KILL:
        case ACTION_STOP:
        case ACTION_START_GUARD:
        case ACTION_ADOPT:
        case ACTION_INITDB:
        case ACTION_FOLLOW:
        case ACTION_RETURN:
            act_other(sim, node, &d);
            break;
    }
    daemon_wake(sim, node);
}
