/* tests/supersim/daemon.c - what a daemon sees and says, and its loop: look, decide, act. */
#include <string.h>

#include "base/must.h"
#include "supervisor/fence.h"
#include "tests/supersim/world.h"

#define LOOP_US (50 * MS)
#define PROBE_FAILS 0.01
#define WAL_KEPT 150 /* records kept for whoever is behind; who is sick has a slot */
#define BACKLOG_BYTES (UINT64_C(1) << 30) /* what a recovery that takes long has before it */

void daemon_start(struct sim *sim, int node)
{
    struct sim_node *n = &sim->nodes[node];
    uint64_t life = n->daemon.life + 1;
    uint64_t act = n->daemon.act + 1;
    memset(&n->daemon, 0, sizeof(n->daemon));
    n->daemon.life = life;
    n->daemon.act = act;
    n->daemon.alive = true;
    n->daemon.started_at = sim->now;
    n->daemon.candidate = NOBODY;
    n->view_revision = 0; /* its own copy is durable, and is read again */
    if (n->is_database) {
        guard_start(sim, node);
        pg_read_end(sim, node);
    }
    sim_schedule(sim, sim->now + draw(sim, 5 * MS, 60 * MS), EV_BEAT, node)->life = life;
    daemon_wake(sim, node);
}

void daemon_wake(struct sim *sim, int node)
{
    struct sim_node *n = &sim->nodes[node];
    uint64_t at = sim->now + draw(sim, 1 * MS, 4 * MS);
    if (!n->is_database || !n->daemon.alive ||
        (n->daemon.looks_at > sim->now && n->daemon.looks_at <= at)) {
        return;
    }
    n->daemon.looks_at = at;
    struct event *e = sim_schedule(sim, at, EV_LOOP, node);
    e->life = n->daemon.life;
    e->a = at;
}

static enum fact yes(bool is)
{
    return is ? FACT_YES : FACT_NO;
}

/* ---- what a node says of itself ---- */

/* Nothing yet: of such a node it is known that it is there, and no more. */
void daemon_words(struct sim *sim, int node, struct member_facts *out)
{
    const struct sim_node *n = &sim->nodes[node];
    const struct own_tags tags = {.is_database = n->is_database,
                                  .nofailover = n->nofailover,
                                  .failover_priority = n->priority};
    static struct facts f;
    observe(sim, node, &f);
    if (!own_words_fill(&f, &tags, &n->daemon.seen, local_ms(sim, n) - n->daemon.seen_at, out)) {
        memset(out, 0, sizeof(*out));
        out->name = n->name;
        out->is_database = true;
    }
    out->is_voter = out->is_fresh = true;
}

/* Words are as old as they are, however late they are taken (consensus/soft.h). */
void daemon_soft(struct sim *sim, int node, int from, const struct member_facts *soft,
                 uint64_t made_at)
{
    struct sim_node *n = &sim->nodes[node];
    uint64_t made_ms = local_ms(sim, n) - (sim->now - made_at) / MS;
    if (made_ms < n->daemon.soft_at[from]) {
        return;
    }
    bool changed = n->daemon.soft[from].sealed_epoch != soft->sealed_epoch ||
                   n->daemon.soft[from].primary_epoch != soft->primary_epoch ||
                   n->daemon.soft[from].follows_epoch != soft->follows_epoch ||
                   n->daemon.soft[from].process != soft->process;
    n->daemon.soft[from] = *soft;
    n->daemon.soft_at[from] = made_ms;
    if (soft->primary_epoch != 0 &&
        (!n->daemon.seen.is_known || position_reaches(&soft->end, &n->daemon.seen))) {
        n->daemon.seen = soft->end;
        n->daemon.seen_at = made_ms;
    }
    if (changed || n->pg.is_primary) {
        daemon_wake(sim, node);
    }
}

static void say(struct sim *sim, int node)
{
    for (int i = 0; i < sim->count; i++) {
        if (i == node || !linked(sim, node, i) || sim->parcels_used > PARCELS_OF_SOFT) {
            continue;
        }
        int slot = parcel_take(sim);
        daemon_words(sim, node, &sim->parcels[slot].soft);
        struct event *e = sim_schedule(sim, sim->now + draw(sim, 1 * MS, 8 * MS), EV_SOFT, i);
        e->life = sim->nodes[i].daemon.life;
        e->from = node;
        e->slot = slot;
        e->a = sim->now;
    }
}

/* What goes through the store as well (answer.h) arrives sooner than the next beat; the model has
 * one way for both. */
static void answer(struct sim *sim, int node)
{
    struct sim_node *n = &sim->nodes[node];
    static struct member_facts own;
    daemon_words(sim, node, &own);
    bool is_sealed = n->view.order_epoch > n->view.grant_epoch &&
                     own.sealed_epoch == n->view.order_epoch && own.end.is_known &&
                     n->daemon.answered_seal != own.sealed_epoch;
    bool follows = own.follows_epoch != 0 && n->daemon.answered_follows != own.follows_epoch;
    if ((is_sealed || follows) && store_hears(sim, node)) {
        n->daemon.answered_seal = is_sealed ? own.sealed_epoch : n->daemon.answered_seal;
        n->daemon.answered_follows = follows ? own.follows_epoch : n->daemon.answered_follows;
        say(sim, node);
    }
}

/* Soft state, and a keep-alive as long as the supervisor wants the lease. */
void daemon_beat(struct sim *sim, int node)
{
    struct sim_node *n = &sim->nodes[node];
    struct sim_daemon *d = &n->daemon;
    say(sim, node);
    uint64_t now_ms = local_ms(sim, n);
    bool mine = n->view.lease_stands && name_is(&n->view.holder, &n->name);
    if (mine && d->let_go != n->view.grant_epoch && now_ms < d->renew_until &&
        sim->store.leader != NOBODY && linked(sim, node, sim->store.leader)) {
        int leader = sim->store.leader;
        struct event *e = sim_schedule(sim, sim->now + draw(sim, 1 * MS, 6 * MS), EV_KEEP, leader);
        e->from = node;
        e->a = n->view.grant_epoch;
        e->b = now_ms;
    }
    sim_schedule(sim, sim->now + sim->settings.times.heartbeat_ms * MS, EV_BEAT, node)->life =
        d->life;
}

/* ---- what a node sees ---- */

/* A text is in force, and holds no copies: what is published has them (sync_force.h). */
static void observe_force(const struct sim *sim, const struct sim_node *n, struct pg_facts *out)
{
    const struct sim_pg *pg = &n->pg;
    bool is_in = pg->force_at <= sim->now;
    out->force = !is_in ? FORCE_UNKNOWN : pg->fence ? FORCE_FENCE : FORCE_OURS;
    out->is_fence_lifted = !pg->fence && (is_in || !pg->was_fence);
    out->set_in_force = pg->force;
    for (uint32_t i = 0; i < pg->force.count; i++) {
        out->set_in_force.at[i].copy = 0;
    }
    const struct sync_set *as = sync_published_as(&n->view.sync, &out->set_in_force);
    if (as != NULL) {
        out->set_in_force = *as;
    } else if (out->force == FORCE_OURS && (!n->view.sync.is_known || n->view.sync.count > 0)) {
        out->force = FORCE_FOREIGN;
    }
    out->in_force_lsn = pg->force_lsn;
    out->unsynced_ms = (sim->now - pg->synced_at) / MS;
}

/* Where the timeline that it is on left the newest recorded one. */
static struct position left_of(const struct sim_node *n)
{
    const struct history_row *newest = history_newest(&n->view);
    const struct sim_pg *pg = &n->pg;
    uint32_t at = pg->wal_count;
    while (newest != NULL && at > 0 && pg->wal[at - 1].timeline > newest->timeline) {
        at--;
    }
    bool has_left = newest != NULL && at > 0 && at < pg->wal_count &&
                    pg->wal[at - 1].timeline == newest->timeline;
    return (struct position){
        .is_known = has_left, .timeline = has_left ? newest->timeline : 0, .lsn = at};
}

/* Who answers says it; of what does not run it is read from the files. */
static void observe_end(const struct sim *sim, const struct sim_node *n, struct pg_facts *out)
{
    const struct sim_pg *pg = &n->pg;
    bool is_down = out->process == PG_ABSENT;
    out->end = pg_end(pg);
    out->end.is_known =
        out->end.is_known && (is_down ? sim->now >= pg->end_at
                                      : out->process == PG_RUNNING && out->role != ROLE_UNKNOWN);
    bool is_unread = is_down && out->data == DATA_USABLE && !out->end.is_known;
    out->end_unread_ms = is_unread ? (sim->now - pg->end_since) / MS : 0;
    out->left = left_of(n);
    out->had = pg_end(pg);
    out->still_ms = sim->now > pg->moves_until ? (sim->now - pg->moves_until) / MS : 0;
    bool replays = out->role == ROLE_STANDBY && sim->now < pg->replayed_at;
    out->to_replay = out->role == ROLE_UNKNOWN ? TO_REPLAY_UNKNOWN : replays ? BACKLOG_BYTES : 0;
    out->primary_epoch = pg->copy == n->daemon.primary_copy ? n->daemon.primary_epoch : 0;
}

static bool makes(const struct sim_node *n)
{
    return n->daemon.busy && n->daemon.doing.action == ACTION_INITDB;
}

static void observe_pg(struct sim *sim, int node, struct pg_facts *out)
{
    const struct sim_node *n = &sim->nodes[node];
    const struct sim_pg *pg = &n->pg;
    bool is_early = sim->now < n->daemon.started_at + 30 * MS;
    bool runs = pg->process == PG_RUNNING;
    out->process = is_early ? PG_UNKNOWN : pg->process;
    out->ended_epoch = out->process == PG_ABSENT ? pg->ended_epoch : 0;
    out->data = pg->data;
    if (pg->data == DATA_USABLE && n->view.initialized == FACT_YES &&
        pg->system_id != sim->store.system_id) {
        out->data = DATA_EMPTY; /* its initdb was never recorded (first_data.h) */
    }
    out->is_made = makes(n);
    out->is_noted = yes(pg->noted);
    out->data_answers = yes(!pg->hangs);
    out->answers = yes(!pg->postmaster_stopped && !pg->hangs);
    out->role = pg->is_primary && sim->now >= pg->shows_at ? ROLE_PRIMARY : ROLE_STANDBY;
    if (is_early || out->answers == FACT_NO || dice(sim, PROBE_FAILS)) {
        out->role = ROLE_UNKNOWN;
    }
    out->copy = out->data == DATA_USABLE ? pg->copy : 0;
    observe_end(sim, n, out);
    out->recovered = (struct position){.is_known = pg->recovered_known && pg->is_primary,
                                       .timeline = pg_end(pg).timeline,
                                       .lsn = pg->recovered};
    out->sealed_epoch = pg->sealed;
    out->receiver = pg->receives_from != NOBODY ? RECEIVER_LIVES : RECEIVER_GONE;
    out->receiver_gone_twice = pg->gone_looks >= 2;
    out->end_after_seal = pg->end_read;
    bool takes = pg->conninfo_shown_at > sim->now;
    out->conninfo_empty = takes && runs ? FACT_UNKNOWN : yes(pg->conninfo == NOBODY);
    if (pg->conninfo != NOBODY) {
        out->upstream = sim->nodes[pg->conninfo].name;
    }
    int from = pg->receives_from;
    bool streams = from != NOBODY && sim->nodes[from].pg.is_primary;
    out->follows_epoch = streams ? sim->nodes[from].pg.epoch : 0;
    if (n->view.grant_is_standby) { /* by the word in its conninfo */
        out->follows_epoch = from != NOBODY && from == pg->conninfo ? pg->conninfo_epoch : 0;
    }
    out->signal_synced = yes(pg->signal_synced);
    out->crashes = n->daemon.crashes;
    observe_force(sim, n, out);
}

static void observe_members(struct sim *sim, int node, struct facts *f)
{
    const struct sim_node *n = &sim->nodes[node];
    uint64_t now_ms = local_ms(sim, n);
    f->member_count = (uint32_t)sim->count;
    for (int i = 0; i < sim->count; i++) {
        struct member_facts *m = &f->members[i];
        *m = n->daemon.soft[i];
        m->name = sim->nodes[i].name;
        m->is_database = sim->nodes[i].is_database;
        m->is_voter = true;
        m->is_fresh = n->daemon.soft_at[i] != 0 &&
                      now_ms - n->daemon.soft_at[i] <= sim->settings.times.fresh_ms;
        m->is_recent = n->daemon.soft_at[i] != 0 &&
                       now_ms - n->daemon.soft_at[i] <= 4 * sim->settings.times.fresh_ms;
        m->nosync = false;
        if (i == node) {
            m->is_fresh = m->is_recent = true;
            m->primary_epoch = 0;
        }
        if (store_is_fenced(n->fenced, i)) {
            fence_mark(m);
        }
    }
}

static void observe_lease(const struct sim *sim, const struct sim_node *n, struct facts *f)
{
    uint64_t now_ms = local_ms(sim, n);
    bool mine = n->view.lease_stands && name_is(&n->view.holder, &n->name);
    bool is_over = n->view.grant_epoch > n->deadline_epoch ||
                   (n->view.grant_epoch == n->deadline_epoch && !n->view.lease_stands);
    bool is_paged = n->deadline_epoch != 0 && n->deadline > now_ms && !is_over;
    f->lease.epoch = mine ? n->view.grant_epoch : is_paged ? n->deadline_epoch : 0;
    if (f->lease.epoch == n->daemon.let_go) {
        f->lease.epoch = 0;
    }
    if (f->lease.epoch != 0 && f->lease.epoch == n->deadline_epoch && is_paged) {
        f->lease.remaining_ms = n->deadline - now_ms;
    }
    uint64_t since_ms =
        n->daemon.made_at > n->daemon.granted_at ? n->daemon.made_at : n->daemon.granted_at;
    f->lease.age_ms = n->daemon.granted_epoch == f->lease.epoch ? now_ms - since_ms : 0;
}

static bool runs_or_starts(const struct sim_pg *pg)
{
    return pg->process == PG_STARTING || pg->process == PG_RUNNING;
}

void observe(struct sim *sim, int node, struct facts *f)
{
    const struct sim_node *n = &sim->nodes[node];
    memset(f, 0, sizeof(*f));
    f->self = n->name;
    f->settings = sim->settings;
    f->settings.is_standby_cluster = n->follows;
    if (n->follows) {
        f->settings.remote = sim->nodes[REMOTE].name;
    }
    f->store = n->view;
    f->store.sync_pending = n->sync_asked != n->sync_known;
    f->store.is_current = yes(store_hears(sim, node));
    if (n->view_revision == 0) {
        f->store.initialized = f->store.paused = f->store.held = FACT_UNKNOWN;
    }
    observe_pg(sim, node, &f->pg);
    observe_lease(sim, n, f);
    observe_members(sim, node, f);
    f->guard.state = !n->guard.alive                        ? GUARD_GONE
                     : n->guard.frozen_until > sim->now + 0 ? GUARD_SILENT
                                                            : GUARD_WELL;
    f->guard.armed_epoch = n->guard.armed_epoch;
    f->guard.promoted_epoch = n->guard.promoted_epoch;
    bool is_bound = n->guard.promoted_epoch != 0 && runs_or_starts(&n->pg);
    f->guard.promotion_seen = n->pg.is_primary ? FACT_YES : is_bound ? FACT_UNKNOWN : FACT_NO;
    f->back = n->daemon.back;
    f->back.primary_ready = FACT_YES;
    f->back.has_upstream_wal = FACT_YES;
    f->back.is_stuck = remote_is_stuck(sim, node);
    for (int i = 0; i < sim->databases; i++) {
        const struct sim_pg *up = &sim->nodes[i].pg;
        if (up->is_primary && name_is(&sim->nodes[i].name, &n->view.holder) &&
            sim->sick_until == 0 && up->wal_count > n->pg.wal_count + WAL_KEPT) {
            f->back.has_upstream_wal = FACT_NO;
        }
    }
    if (n->daemon.down_at != 0) {
        f->pg.down_ms = (sim->now - n->daemon.down_at) / MS + 1;
    }
    if (n->daemon.starting_at != 0) {
        f->pg.restart_ms = (sim->now - n->daemon.starting_at) / MS;
        f->pg.starting_ms = n->view.grant_is_standby ? f->pg.restart_ms : 0;
    }
    f->wish.adopt = true;
    f->wish.switchover = n->daemon.wants_switchover;
    if (n->daemon.candidate != NOBODY) {
        f->wish.candidate = sim->nodes[n->daemon.candidate].name;
    }
}

static void obey(struct sim *sim, struct sim_node *n, struct facts *f)
{
    struct sim_daemon *d = &n->daemon;
    char why[TASK_TEXT_SIZE];
    uint64_t now_ms = local_ms(sim, n);
    bool is_clone = d->bid == TASK_CLONE;
    if (d->has_bid && is_clone && task_may_clone(&d->task, f, false, why)) {
        task_clone(&d->task, now_ms, false);
        sim->counts.bids_to_clone++;
    } else if (d->has_bid && !is_clone && task_may_restart(&d->task, f, why)) {
        task_restart(&d->task, now_ms, 0, f);
        sim->counts.bids_to_restart++;
    }
    d->has_bid = false;
    enum task_end before = d->task.end;
    task_step(&d->task, now_ms, f);
    sim->counts.bids_done += before == TASK_RUNS && d->task.end == TASK_DONE ? 1 : 0;
}

/* ---- the loop ---- */

static void note(struct sim *sim, int node, const struct facts *f, const struct decision *d)
{
    struct sim_node *n = &sim->nodes[node];
    if (d->rule == n->daemon.rule) {
        return;
    }
    n->daemon.rule = d->rule;
    sim->milestones++;
    char text[500];
    decide_explain(f, d, text, sizeof(text));
    sim_say(sim, "%s %s", n->name.text, text);
    fault_milestone(sim);
}

/* When the set in force was first seen to be in every process, and these copies were there. */
static void look_at_force(struct sim *sim, int node)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    struct sim_daemon *d = &sim->nodes[node].daemon;
    for (int i = 0; i < sim->databases; i++) {
        if (d->soft[i].copy != 0 && d->soft[i].copy != d->heard_copies[i]) {
            d->heard_copies[i] = d->soft[i].copy;
            pg->force_lsn = 0;
        }
    }
    if (pg->force_at != 0 && pg->force_at <= sim->now && pg->force_lsn == 0) {
        pg->force_lsn = pg->wal_count;
    }
}

static void look_at_standbys(struct sim *sim, int node, const struct facts *f)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    for (uint32_t i = 0; i < f->member_count; i++) {
        bool streams = f->members[i].is_fresh && f->members[i].follows_epoch == pg->epoch;
        pg->synced_at = streams && pg->is_primary ? sim->now : pg->synced_at;
    }
}

void daemon_look(struct sim *sim, int node)
{
    struct sim_node *n = &sim->nodes[node];
    struct sim_daemon *d = &n->daemon;
    static struct facts f;
    uint64_t next = sim->now + draw(sim, LOOP_US, LOOP_US + 5 * MS);
    d->looks_at = next;
    struct event *e = sim_schedule(sim, next, EV_LOOP, node);
    e->life = d->life;
    e->a = next;
    look_at_force(sim, node);
    remote_look(sim, node);
    d->down_at = n->pg.process != PG_ABSENT ? 0 : d->down_at != 0 ? d->down_at : sim->now;
    observe(sim, node, &f);
    look_at_standbys(sim, node, &f);
    bool is_over = n->pg.process == PG_RUNNING || f.lease.epoch == 0;
    bool is_first = n->pg.process == PG_STARTING && d->starting_at == 0;
    d->starting_at = is_over ? 0 : is_first ? sim->now : d->starting_at;
    d->wants_switchover = d->wants_switchover && f.lease.epoch != 0;
    if (f.lease.epoch != 0 && f.guard.promoted_epoch == f.lease.epoch &&
        f.guard.promotion_seen == FACT_YES) {
        d->primary_epoch = f.lease.epoch;
        d->primary_copy = n->pg.copy;
    }
    if (f.lease.epoch != 0 && d->granted_epoch != f.lease.epoch) {
        d->granted_epoch = f.lease.epoch;
        d->granted_at = local_ms(sim, n);
    }
    d->made_at = makes(n) ? local_ms(sim, n) : d->made_at;
    sick_look(sim, node, &f);
    obey(sim, n, &f);
    struct decision now = decide(&f);
    sim->counts.decisions++;
    if (serves_writes(&f)) {
        check_serves(sim, node, f.lease.epoch);
    }
    check_decision(sim, node, &now);
    note(sim, node, &f, &now);
    answer(sim, node);
    if (now.renews) {
        d->renew_until = local_ms(sim, n) + sim->settings.times.renew_ms;
    }
    bool kills = now.action == ACTION_KILL && d->busy && d->doing.action != ACTION_KILL;
    bool is_pause = now.action == ACTION_START_STANDBY && sim->sickness != SICK_NOT &&
                    local_ms(sim, n) < d->starts.not_before_ms;
    if (now.action == ACTION_WAIT || is_pause || (d->busy && !kills)) {
        return;
    }
    d->busy = true;
    d->doing = now;
    d->doing_in = sim->settings.sync_mode;
    d->act++;
    e = sim_schedule(sim, sim->now + act_duration(sim, node, &now), EV_ACT, node);
    e->life = d->life;
    e->a = d->act;
}
