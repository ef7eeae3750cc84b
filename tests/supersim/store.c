/* tests/supersim/store.c - the store: one register, a leader, a lease, and late views of it. */
#include <string.h>

#include "base/must.h"
#include "consensus/lease_span.h"
#include "supervisor/fence.h"
#include "supervisor/level.h"
#include "tests/supersim/world.h"

#define LOOK_US (20 * MS)

static bool both_ways(const struct sim *sim, int a, int b)
{
    return linked(sim, a, b) && linked(sim, b, a);
}

static bool has_majority(const struct sim *sim, int node)
{
    int with = 0;
    for (int i = 0; i < sim->count; i++) {
        with += daemon_runs(sim, &sim->nodes[i]) && both_ways(sim, node, i) ? 1 : 0;
    }
    return with * 2 > sim->count && daemon_runs(sim, &sim->nodes[node]);
}

bool store_hears(const struct sim *sim, int node)
{
    int leader = sim->store.leader;
    return leader != NOBODY && both_ways(sim, node, leader) && has_majority(sim, leader);
}

static void send_views(struct sim *sim)
{
    for (int i = 0; i < sim->count; i++) {
        bool is_news = sim->nodes[i].view_revision != sim->store.revision ||
                       sim->nodes[i].sync_known != sim->store.sync_done[i];
        if (store_hears(sim, i) && is_news) {
            struct event *e = sim_schedule(sim, sim->now + draw(sim, 1 * MS, 8 * MS), EV_VIEW, i);
            e->life = sim->nodes[i].daemon.life;
        }
    }
}

void store_start(struct sim *sim)
{
    struct sim_store *s = &sim->store;
    s->now.initialized = FACT_NO;
    s->now.paused = s->now.held = FACT_NO;
    s->now.is_current = FACT_YES;
    s->leader = NOBODY;
    s->revision = 1;
    s->now.level = sim->has_remote ? LEVEL_STANDBY - 1 : LEVEL_STANDBY;
    sim_schedule(sim, LOOK_US, EV_STORE, 0);
}

void store_view(struct sim *sim, int node)
{
    struct sim_node *n = &sim->nodes[node];
    if (!store_hears(sim, node)) {
        return;
    }
    n->sync_known = sim->store.sync_done[node];
    if (n->view_revision == sim->store.revision) {
        return;
    }
    n->view = sim->store.now;
    n->fenced = sim->store.fenced;
    n->follows = sim->store.follows;
    n->view_revision = sim->store.revision;
    daemon_wake(sim, node);
}

/* ---- the lease ---- */

void store_keep(struct sim *sim, int from, uint64_t epoch, uint64_t sent)
{
    struct sim_store *s = &sim->store;
    const struct sim_node *n = &sim->nodes[from];
    if (!store_hears(sim, from) || !s->now.lease_stands || s->now.grant_epoch != epoch ||
        s->ending || !name_is(&s->now.holder, &n->name)) {
        return;
    }
    s->keep_at = local_ms(sim, &sim->nodes[s->leader]);
    struct event *e = sim_schedule(sim, sim->now + draw(sim, 2 * MS, 12 * MS), EV_CONFIRM, from);
    e->life = n->daemon.life;
    e->a = epoch;
    e->b = sent;
}

void store_confirmed(struct sim *sim, int node, uint64_t epoch, uint64_t sent)
{
    struct sim_node *n = &sim->nodes[node];
    uint64_t until = sent + lease_holder_ms(sim->settings.times.lease_ms);
    if (!store_hears(sim, node) || n->daemon.let_go == epoch || epoch < n->deadline_epoch) {
        return;
    }
    if (n->deadline_epoch != epoch) {
        n->deadline_epoch = epoch;
        n->deadline = 0;
    }
    n->deadline = until > n->deadline ? until : n->deadline;
    sim->counts.confirmed++;
    guard_wake(sim, node);
    daemon_wake(sim, node);
}

/* ---- what is proposed and decided ---- */

static bool publishes(const struct proposal *p)
{
    return p->kind == PROPOSE_SYNC || p->kind == PROPOSE_RECORD;
}

void store_propose(struct sim *sim, const struct proposal *p)
{
    struct sim_store *s = &sim->store;
    sim->nodes[p->by].sync_asked += publishes(p) ? 1 : 0;
    if (!store_hears(sim, p->by)) {
        sim->counts.dropped_proposals++;
        s->sync_done[p->by] += publishes(p) ? 1 : 0;
        s->proposing = p->kind == PROPOSE_ORDER || p->kind == PROPOSE_GRANT ? false : s->proposing;
        s->ending = p->kind == PROPOSE_EXPIRE ? false : s->ending;
        return;
    }
    int slot = parcel_take(sim);
    sim->parcels[slot].proposal = *p;
    sim->parcels[slot].proposal.term = s->term;
    sim_schedule(sim, sim->now + draw(sim, 2 * MS, 15 * MS), EV_COMMIT, s->leader)->slot = slot;
}

static void commit_grant(struct sim *sim, const struct proposal *p)
{
    struct sim_store *s = &sim->store;
    const struct sim_node *n = &sim->nodes[p->chosen];
    bool is_same = s->now.grant_epoch == p->grant_seen && s->now.order_epoch == p->order_seen &&
                   !s->now.lease_stands && s->follows == p->follows;
    if (!is_same || store_is_fenced(s->fenced, p->chosen)) {
        return;
    }
    check_grant(sim, p);
    sim->counts.grants++;
    sim->counts.regrants += name_is(&s->now.holder, &n->name) ? 1 : 0;
    if (name_is_set(&s->now.holder) && !name_is(&s->now.holder, &n->name)) {
        sim->counts.failovers++;
        sim->grants_elsewhere++;
    }
    s->last = p->election;
    if (p->election.is_standby) {
        check_lead(sim, p);
        remote_follow(sim, p->chosen);
        s->now.sync = s->owed = (struct sync_value){.is_known = false};
        s->now.sync_revision++;
    }
    s->now.grant_is_standby = p->election.is_standby;
    s->now.grant_epoch = p->epoch;
    s->now.grant_timeline = p->timeline;
    s->now.lease_stands = true;
    s->now.holder = n->name;
    s->now.holder_copy = p->copy;
    s->keep_at = local_ms(sim, &sim->nodes[s->leader]);
    s->ending = false;
    memset(&s->wanted, 0, sizeof(s->wanted));
    s->revision++;
    sim_say(sim, "granted: %s epoch %u timeline %u by %s", n->name.text, (unsigned)p->epoch,
            (unsigned)p->timeline, p->election.rule);
}

/* Not of who holds the lease: whichever of the two comes first voids the other. */
static void commit_fence(struct sim *sim, const struct proposal *p)
{
    struct sim_store *s = &sim->store;
    const struct sim_node *n = &sim->nodes[p->chosen];
    uint32_t bit = UINT32_C(1) << p->chosen;
    if (p->on && s->now.lease_stands && name_is(&s->now.holder, &n->name)) {
        return;
    }
    s->fenced = p->on ? s->fenced | bit : s->fenced & ~bit;
    s->revision++;
    sim->counts.fences += p->on ? 1 : 0;
    sim_say(sim, "%s is %s", n->name.text, p->on ? "fenced" : "unfenced");
}

static bool is_holder(const struct sim *sim, const struct proposal *p)
{
    const struct store_facts *now = &sim->store.now;
    return now->lease_stands && now->grant_epoch == p->epoch && p->by != NOBODY &&
           name_is(&now->holder, &sim->nodes[p->by].name);
}

/* Who records a timeline has everything, and acknowledges nothing before its own publish: all who
 * had everything before it still do. */
static void owe_heir(struct sim *sim, const struct proposal *p)
{
    struct sync_value *owed = &sim->store.owed;
    uint32_t at = 0;
    while (at < owed->heir_count && !name_is(&owed->heirs[at].name, &sim->nodes[p->by].name)) {
        at++;
    }
    owed->heirs[at] = (struct sync_copy){.name = sim->nodes[p->by].name, .copy = p->copy};
    owed->heir_count += at == owed->heir_count ? 1 : 0;
}

static void commit_record(struct sim *sim, const struct proposal *p)
{
    struct store_facts *now = &sim->store.now;
    const struct history_row *newest = history_newest(now);
    if ((newest != NULL && newest->epoch >= p->row.epoch) || p->sync_seen != now->sync_revision) {
        return;
    }
    if (now->history_count == FACTS_HISTORY_MAX) {
        memmove(&now->history[0], &now->history[1],
                (FACTS_HISTORY_MAX - 1) * sizeof(now->history[0]));
        now->history_count--;
    }
    now->history[now->history_count++] = p->row;
    now->initialized = FACT_YES;
    now->holder_copy = p->copy;
    now->sync = p->sync;
    now->sync_revision++;
    owe_heir(sim, p);
    sim->store.system_id = p->system_id;
    sim->counts.records++;
}

static void commit_holder(struct sim *sim, const struct proposal *p)
{
    struct sim_store *s = &sim->store;
    if (!is_holder(sim, p)) {
        return;
    }
    if (p->kind == PROPOSE_WHOSE) {
        sim->store.system_id = s->now.initialized == FACT_NO ? p->system_id : s->system_id;
        s->now.initialized = FACT_YES;
    } else if (p->kind == PROPOSE_RELEASE) {
        s->now.lease_stands = false;
        sim->counts.releases++;
    } else if (p->kind == PROPOSE_RECORD) {
        commit_record(sim, p);
    } else if (p->sync_seen == s->now.sync_revision) {
        s->now.sync = s->owed = p->sync;
        s->now.sync_revision++;
        sim->counts.publishes++;
        sim->counts.two_sets += p->sync.count > 1 ? 1 : 0;
    }
    s->revision++;
    if (p->kind == PROPOSE_SYNC) {
        sim_say(
            sim, "published for epoch %u: %u sets, the last needs %u of %u", (unsigned)p->epoch,
            (unsigned)s->now.sync.count,
            s->now.sync.count > 0 ? (unsigned)s->now.sync.sets[s->now.sync.count - 1].needed : 0,
            s->now.sync.count > 0 ? (unsigned)s->now.sync.sets[s->now.sync.count - 1].count : 0);
    }
    check_publish(sim);
}

static void commit_leader(struct sim *sim, const struct proposal *p)
{
    struct sim_store *s = &sim->store;
    if (p->kind == PROPOSE_GRANT) {
        commit_grant(sim, p);
    } else if (p->kind == PROPOSE_ORDER && s->now.grant_epoch == p->grant_seen &&
               s->now.order_epoch == p->order_seen && !s->now.lease_stands &&
               s->follows == p->follows) {
        s->now.order_epoch = p->epoch;
        s->revision++;
        sim->counts.elections++;
        sim_say(sim, "order to seal for %u", (unsigned)p->epoch);
    } else if (p->kind == PROPOSE_EXPIRE && s->now.grant_epoch == p->epoch) {
        s->now.lease_stands = false;
        s->ending = false;
        s->revision++;
        sim->counts.expiries++;
        sim_say(sim, "the lease of epoch %u has run out", (unsigned)p->epoch);
    }
}

void store_commit(struct sim *sim, const struct proposal *p)
{
    struct sim_store *s = &sim->store;
    bool is_leaders =
        p->kind == PROPOSE_ORDER || p->kind == PROPOSE_GRANT || p->kind == PROPOSE_EXPIRE;
    s->sync_done[p->by] += publishes(p) ? 1 : 0;
    s->proposing = is_leaders && p->term == s->term ? false : s->proposing;
    if (p->term != s->term || s->leader == NOBODY || !has_majority(sim, s->leader)) {
        sim->counts.dropped_proposals++;
        s->ending = p->kind == PROPOSE_EXPIRE && p->term == s->term ? false : s->ending;
        return;
    }
    if (is_leaders) {
        commit_leader(sim, p);
    } else if (p->kind == PROPOSE_PAUSE) {
        s->now.paused = p->on ? FACT_YES : FACT_NO;
        s->revision++;
    } else if (p->kind == PROPOSE_KIND) {
        s->follows = p->on;
        s->revision++;
        sim->counts.kind_changes++;
        sim_say(sim, "the cluster is to %s", p->on ? "follow another one" : "have a primary");
    } else if (p->kind == PROPOSE_FENCE) {
        commit_fence(sim, p);
    } else {
        commit_holder(sim, p);
    }
    send_views(sim);
}

/* ---- the leader ---- */

static void change_leader(struct sim *sim)
{
    struct sim_store *s = &sim->store;
    int first = (int)random_below(&sim->random, (uint64_t)sim->count);
    for (int i = 0; i < sim->count; i++) {
        int node = (first + i) % sim->count;
        if (has_majority(sim, node)) {
            s->leader = node;
            s->term++;
            s->ending = s->proposing = false;
            s->keep_at = local_ms(sim, &sim->nodes[node]); /* every lease has its full time */
            s->order_seen = 0;
            sim->counts.store_leaders++;
            sim_say(sim, "%s leads the store", sim->nodes[node].name.text);
            return;
        }
    }
}

static void advise(struct sim *sim)
{
    struct sim_store *s = &sim->store;
    const struct sim_node *n = &sim->nodes[s->leader];
    static struct elect_facts f;
    uint64_t now_ms = local_ms(sim, n);
    if (s->proposing || n->daemon.hung_until > sim->now) {
        return;
    }
    if (s->order_seen != s->now.order_epoch) {
        s->order_seen = s->now.order_epoch;
        s->order_seen_at = now_ms;
    }
    f.store = s->now;
    f.settings = sim->settings;
    f.settings.is_standby_cluster = s->follows;
    f.order_age_ms = now_ms - s->order_seen_at;
    f.wanted = s->wanted;
    f.member_count = (uint32_t)sim->count;
    for (int i = 0; i < sim->count; i++) {
        uint64_t age_ms = n->daemon.soft_at[i] == 0 ? UINT64_MAX : now_ms - n->daemon.soft_at[i];
        f.members[i] = n->daemon.soft[i];
        f.members[i].name = sim->nodes[i].name;
        f.members[i].is_database = sim->nodes[i].is_database;
        f.members[i].is_voter = true;
        f.members[i].is_fresh = age_ms <= f.settings.times.fresh_ms;
        if (i == s->leader) {
            daemon_words(sim, i, &f.members[i]);
        }
        if (store_is_fenced(s->fenced, i)) {
            fence_mark(&f.members[i]);
        }
    }
    struct election e = elect(&f);
    if (e.rule != s->rule) {
        char text[300];
        elect_explain(&f, &e, text, sizeof(text));
        sim_say(sim, "%s advises %s", n->name.text, text);
        s->rule = e.rule;
    }
    sim->counts.waits_unproven += strcmp(e.rule, "unproven") == 0 ? 1 : 0;
    sim->counts.waits_window += strcmp(e.rule, "window") == 0 ? 1 : 0;
    if (e.action != ELECT_ORDER && e.action != ELECT_GRANT) {
        return;
    }
    if (e.action == ELECT_GRANT && s->now.paused == FACT_YES) {
        sim_violation(sim, "S9: %s is chosen during a pause", f.members[e.chosen].name.text);
    }
    if (e.action == ELECT_GRANT && f.members[e.chosen].is_fenced) {
        sim_violation(sim, "S4: %s is chosen, and is fenced", f.members[e.chosen].name.text);
    }
    struct proposal p = {.kind = e.action == ELECT_ORDER ? PROPOSE_ORDER : PROPOSE_GRANT,
                         .by = s->leader,
                         .epoch = e.epoch,
                         .timeline = e.timeline,
                         .chosen = (int)e.chosen,
                         .copy = f.members[e.chosen].copy,
                         .grant_seen = s->now.grant_epoch,
                         .order_seen = s->now.order_epoch,
                         .follows = s->follows,
                         .election = e};
    s->proposing = true;
    store_propose(sim, &p);
}

void store_look(struct sim *sim)
{
    struct sim_store *s = &sim->store;
    const struct supervisor_times *t = &sim->settings.times;
    sim_schedule(sim, sim->now + LOOK_US, EV_STORE, 0);
    if (s->now.level < LEVEL_STANDBY && sim->now >= sim->level_at) {
        s->now.level = LEVEL_STANDBY;
        s->revision++;
    }
    bool leads = s->leader != NOBODY && has_majority(sim, s->leader);
    s->alone_since = leads ? sim->now : s->alone_since;
    if (!leads) {
        if (sim->now > s->alone_since + t->election_timeout_ms * MS) {
            change_leader(sim);
        }
        return;
    }
    const struct sim_node *n = &sim->nodes[s->leader];
    if (s->now.lease_stands && !s->ending &&
        local_ms(sim, n) >= s->keep_at + lease_leader_ms(t->lease_ms)) {
        s->ending = true;
        store_propose(sim,
                      &(struct proposal){
                          .kind = PROPOSE_EXPIRE, .by = s->leader, .epoch = s->now.grant_epoch});
    }
    advise(sim);
    send_views(sim);
}
