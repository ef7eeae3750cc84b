/* supervisor/view_facts.c - facts into a view: names for what they say, moments for what is left.
 */
#include "supervisor/view_facts.h"

#include <string.h>

#include "base/must.h"
#include "supervisor/proof.h"

static enum view_state state_of(enum pg_process process)
{
    switch (process) {
        case PG_UNKNOWN:
            return VIEW_STATE_UNKNOWN;
        case PG_ABSENT:
            return VIEW_STOPPED;
        case PG_LEFT:
            return VIEW_CRASHED;
        case PG_STARTING:
            return VIEW_STARTING;
        case PG_RUNNING:
            return VIEW_RUNNING;
        case PG_STOPPING:
            return VIEW_STOPPING;
    }
    UNREACHABLE("every state of the processes is named above");
}

static struct view_lsn lsn_of(const struct position *p)
{
    return (struct view_lsn){.is_known = p->is_known, .lsn = p->is_known ? p->lsn : 0};
}

/* While it does not answer it is what it was: nobody has seen it change. */
static enum view_role role_of(const struct facts *f, enum view_role before)
{
    bool is_down = f->pg.process == PG_ABSENT || f->pg.process == PG_LEFT;
    if (f->pg.role == ROLE_PRIMARY) {
        return VIEW_PRIMARY;
    }
    if (f->pg.role == ROLE_STANDBY) {
        return facts_leads_standby(f) ? VIEW_STANDBY_LEADER : VIEW_REPLICA;
    }
    if (is_down && f->pg.data == DATA_EMPTY) {
        return VIEW_ROLE_UNKNOWN;
    }
    return is_down && before == VIEW_PRIMARY          ? VIEW_DEMOTED
           : is_down && before == VIEW_STANDBY_LEADER ? VIEW_REPLICA
                                                      : before;
}

static void take_self(struct view_self *self, const struct facts *f, uint64_t boot_ms)
{
    bool is_primary = f->pg.role == ROLE_PRIMARY;
    bool follows = f->pg.receiver == RECEIVER_LIVES;
    bool reads = f->pg.process == PG_RUNNING && f->pg.role == ROLE_STANDBY &&
                 f->pg.receiver == RECEIVER_GONE && f->back.has_archive == FACT_YES;
    self->supervises = true;
    self->sql_answers = f->pg.answers == FACT_YES;
    self->state = state_of(f->pg.process);
    self->role = role_of(f, self->role);
    self->serves_writes = serves_writes(f);
    self->lease_until_boot_ms =
        f->lease.epoch != 0 && f->lease.remaining_ms > 0 ? boot_ms + f->lease.remaining_ms : 0;
    self->timeline = f->pg.end.is_known ? f->pg.end.timeline : 0;
    self->location = is_primary ? lsn_of(&f->pg.end) : (struct view_lsn){false, 0};
    self->received = is_primary ? (struct view_lsn){false, 0} : lsn_of(&f->pg.end);
    self->flow = follows && !is_primary ? VIEW_STREAMING : reads ? VIEW_ARCHIVE : VIEW_FLOW_NONE;
}

static bool is_in_set(const struct sync_set *set, const struct sync_copy *copy)
{
    for (uint32_t k = 0; k < set->count; k++) {
        if (set->at[k].copy == copy->copy && name_is(&set->at[k].name, &copy->name)) {
            return true;
        }
    }
    return false;
}

/* Of whom nothing was heard yet, the store's word counts. */
static bool is_replaced(const struct facts *f, const struct sync_copy *copy)
{
    const struct member_facts *m = member_named(f->members, f->member_count, &copy->name);
    return m != NULL && m->copy != 0 && m->copy != copy->copy;
}

/* The sets are what a commit may have waited for: whose copy is in each of them is synchronous now.
 * The same name with another copy, just cloned anew, proves nothing yet. */
static void take_sync(struct cluster_view *view, const struct facts *f)
{
    const struct sync_value *sync = &f->store.sync;
    view->sync_mode = view->is_standby_cluster ? SYNC_OFF : f->settings.sync_mode;
    view->sync_strict = f->settings.sync_strict;
    view->sync_nodes = f->settings.sync_nodes;
    view->sync_count = 0;
    for (uint32_t i = 0; sync->is_known && sync->count > 0 && i < sync->sets[0].count; i++) {
        const struct sync_copy *copy = &sync->sets[0].at[i];
        bool in_all = !is_replaced(f, copy);
        for (uint32_t s = 1; s < sync->count; s++) {
            in_all = in_all && is_in_set(&sync->sets[s], copy);
        }
        if (in_all && sync->sets[0].needed > 0) {
            view->sync_names[view->sync_count] = copy->name;
            view->sync_count++;
        }
    }
    view->sync_is_provable =
        proof_would_hold(sync, f->members, f->member_count, f->store.grant_epoch);
}

static void take_member(struct view_member *m, const struct member_facts *f, uint64_t epoch)
{
    m->name = f->name;
    m->level = f->level;
    m->is_restored = f->is_restored;
    m->is_witness = !f->is_database;
    m->is_fresh = f->is_fresh;
    m->is_recent = f->is_recent;
    m->is_refusing = f->config_reads == FACT_NO;
    m->never_leads = f->nofailover || f->failover_priority < 1;
    m->state = state_of(f->process);
    bool follows = f->follows_epoch == epoch || f->cascades_epoch == epoch;
    m->flow = follows && epoch != 0 ? VIEW_STREAMING : VIEW_FLOW_NONE;
    m->timeline = f->end.is_known ? f->end.timeline : 0;
    m->received = lsn_of(&f->end);
}

void view_forget_silent(struct cluster_view *view)
{
    for (uint32_t i = 0; i < view->member_count; i++) {
        struct view_member *m = &view->members[i];
        if (m->is_recent) {
            continue;
        }
        m->state = VIEW_STATE_UNKNOWN;
        m->flow = VIEW_FLOW_NONE;
        m->timeline = 0;
        m->received = m->replayed = (struct view_lsn){.is_known = false};
        m->note[0] = m->weaker[0] = '\0';
    }
}

static int compare_names(const struct view_member *a, const struct view_member *b)
{
    return strcmp(a->name.text, b->name.text);
}

static void take_members(struct cluster_view *view, const struct facts *f)
{
    uint32_t kept = 0;
    MUST(f->member_count <= FACTS_MEMBERS_MAX);
    for (uint32_t i = 0; i < view->member_count; i++) {
        if (member_named(f->members, f->member_count, &view->members[i].name) != NULL) {
            view->members[kept] = view->members[i];
            kept++;
        }
    }
    view->member_count = kept;
    for (uint32_t i = 0; i < f->member_count; i++) {
        const struct member_facts *one = &f->members[i];
        uint32_t at = 0;
        while (at < view->member_count && !name_is(&view->members[at].name, &one->name)) {
            at++;
        }
        if (at == view->member_count) {
            memset(&view->members[at], 0, sizeof(view->members[at]));
            view->member_count++;
        }
        take_member(&view->members[at], one, f->store.grant_epoch);
    }
    for (uint32_t i = 1; i < view->member_count; i++) { /* by name; nearly in order already */
        for (uint32_t k = i; k > 0 && compare_names(&view->members[k - 1], &view->members[k]) > 0;
             k--) {
            struct view_member other = view->members[k];
            view->members[k] = view->members[k - 1];
            view->members[k - 1] = other;
        }
    }
}

/* The primary's position, the highest that anybody has heard of it. */
static uint64_t leader_lsn(const struct facts *f)
{
    uint64_t lsn = 0;
    for (uint32_t i = 0; i < f->member_count; i++) {
        const struct member_facts *m = &f->members[i];
        bool leads = name_is(&m->name, &f->store.holder) && m->end.is_known;
        bool is_of_now = m->seen.is_known && !f->store.grant_is_standby; /* else of before */
        uint64_t seen = is_of_now ? m->seen.lsn : 0;
        uint64_t own = leads ? m->end.lsn : 0;
        lsn = seen > lsn ? seen : lsn;
        lsn = own > lsn ? own : lsn;
    }
    return lsn;
}

void view_take_facts(struct cluster_view *view, const struct facts *f, uint64_t boot_ms)
{
    view->name = f->self;
    take_self(&view->self, f, boot_ms);
    view->has_quorum = f->store.is_current == FACT_YES;
    view->is_paused = f->store.paused == FACT_YES;
    view->is_held = f->store.held == FACT_YES;
    view->epoch = f->store.grant_epoch;
    memset(&view->leader, 0, sizeof(view->leader));
    if (f->store.lease_stands) {
        view->leader = f->store.holder;
    }
    view->leader_lsn = leader_lsn(f);
    view->lag_bytes_max = f->settings.lag_bytes_max;
    view->is_standby_cluster =
        f->store.lease_stands ? f->store.grant_is_standby : f->settings.is_standby_cluster;
    take_sync(view, f);
    take_members(view, f);
}

void view_take_decision(struct cluster_view *view, const struct facts *f, const struct decision *d,
                        uint64_t wall_ms)
{
    struct view_decision taken = {.wall_ms = wall_ms, .node = f->self};
    const struct view_decision *last =
        view->decision_count > 0 ? &view->decisions[view->decision_count - 1] : NULL;
    bool is_same = last != NULL && strcmp(last->rule, d->rule) == 0 &&
                   strcmp(last->action, action_name(d->action)) == 0;
    /* What is being done tells its steps in the log; what waits has nothing but its reason, and so
     * has what PostgreSQL refuses. */
    char reason[VIEW_TEXT_SIZE]; /* cut where that text is */
    decide_reason(f, d, reason, sizeof(reason));
    bool has_reason = is_same && strncmp(last->text, reason, strlen(reason)) == 0;
    if (is_same && (has_reason || (d->action != ACTION_WAIT && !f->pg.reload_refused))) {
        return;
    }
    view_text_set(taken.rule, sizeof(taken.rule), d->rule);
    view_text_set(taken.action, sizeof(taken.action), action_name(d->action));
    decide_explain(f, d, taken.text, sizeof(taken.text));
    view_add_decision(view, &taken);
}
