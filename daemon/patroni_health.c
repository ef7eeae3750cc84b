/* daemon/patroni_health.c - is this node what the path asks for? 200 or 503.
 *
 * A primary is who holds the lease now and serves writes for it: Patroni says yes to /primary as
 * soon as the lock is taken. What depends on PostgreSQL running is no while the view is
 * stale, since nobody looks at PostgreSQL then. */
#include <string.h>

#include "base/must.h"
#include "daemon/patroni.h"

/* What several paths are made of. */
struct parts {
    bool leads;
    bool primary;
    bool standby_leader;
    bool replica;
    bool runs;
    bool sync;   /* a member of /sync, by the mode "on" */
    bool quorum; /* the same, by "quorum" */
    bool sees_cluster;
};

/* By how much this node is behind is more than @limit. */
static bool is_behind(const struct cluster_view *view, const struct view_lsn *has, uint64_t limit)
{
    uint64_t leader = view_leader_lsn(view);
    uint64_t own = has->is_known ? has->lsn : 0;
    return leader > own && leader - own > limit;
}

/* tag_NAME=VALUE: the tag is there and has this value. */
static bool tags_fit(const struct patroni_query *query, const struct view_tags *tags)
{
    for (size_t i = 0; i < query->count; i++) {
        const char *key = query->at[i].key;
        if (strncmp(key, "tag_", 4) != 0 || patroni_value(query, key) != query->at[i].value) {
            continue; /* of a repeated one the first counts */
        }
        bool fits = false;
        for (uint32_t t = 0; t < tags->count; t++) {
            fits = fits || (strcmp(tags->at[t].key, key + 4) == 0 &&
                            strcmp(tags->at[t].value, query->at[i].value) == 0);
        }
        if (!fits) {
            return false;
        }
    }
    return true;
}

static bool is_unbalanced(const struct view_tags *tags)
{
    for (uint32_t i = 0; i < tags->count; i++) {
        if (strcmp(tags->at[i].key, "noloadbalance") == 0) {
            return strcmp(tags->at[i].value, "true") == 0;
        }
    }
    return false;
}

static bool is_replica(const struct patroni_query *query, const struct cluster_view *view,
                       bool runs)
{
    const char *limit_text = patroni_value(query, "lag");
    const char *flow = patroni_value(query, "replication_state");
    uint64_t limit = UINT64_MAX;
    if (limit_text != NULL) {
        (void)patroni_bytes(limit_text, &limit); /* what is no size is no limit */
    }
    return runs && view->self.role == VIEW_REPLICA && !is_unbalanced(&view->self.tags) &&
           !view->self.is_fenced && !is_behind(view, &view->self.replayed, limit) &&
           (flow == NULL || strcmp(flow, view_flow_name(view->self.flow)) == 0);
}

static struct parts look(const struct patroni_query *query, const struct cluster_view *view,
                         uint64_t boot_ms)
{
    enum view_role role = view->self.role;
    bool leads = view_has_lease(view, boot_ms);
    bool follows = (role == VIEW_REPLICA || role == VIEW_STANDBY_LEADER) && view->self.sql_answers;
    bool runs = view_state_now(view, boot_ms) == VIEW_RUNNING;
    bool is_listed = view_is_sync(view, &view->name) && !name_is(&view->name, &view->leader);
    bool leads_standbys = leads && view->is_standby_cluster;
    return (struct parts){
        .leads = leads,
        .primary =
            leads && !view->is_standby_cluster && role == VIEW_PRIMARY && view->self.serves_writes,
        .standby_leader = leads_standbys && follows,
        .replica = !leads_standbys && is_replica(query, view, runs),
        .runs = runs,
        .sync = is_listed && view->sync_mode == SYNC_ON,
        .quorum = is_listed && view->sync_mode == SYNC_QUORUM,
        .sees_cluster = view->has_quorum && !view_is_stale(view, boot_ms),
    };
}

/* Could clients be sent here to read what is fresh enough? */
static bool is_ready(const struct patroni_query *query, const struct cluster_view *view,
                     const struct parts *p)
{
    const char *mode = patroni_value(query, "mode");
    const char *limit_text = patroni_value(query, "lag");
    const struct view_self *self = &view->self;
    uint64_t limit = view->lag_bytes_max;
    if (limit_text != NULL) {
        (void)patroni_bytes(limit_text, &limit);
    }
    bool by_write = mode != NULL && strcmp(mode, "write") == 0;
    const struct view_lsn *has = by_write ? &self->received : &self->replayed;
    bool knows_leader = p->sees_cluster || self->latest_end.is_known || view->failsafe_is_active;
    return p->leads || (p->runs && !self->is_fenced && self->flow == VIEW_STREAMING &&
                        has->is_known && knows_leader && !is_behind(view, has, limit));
}

/* Before the tags are looked at. */
static bool is_good(enum patroni_path path, const struct patroni_query *query,
                    const struct cluster_view *view, const struct parts *p, uint64_t boot_ms)
{
    bool leads_any = p->primary || p->standby_leader;
    switch (path) {
        case PATRONI_PRIMARY:
            return p->primary;
        case PATRONI_LEADER:
            return p->leads;
        case PATRONI_STANDBY_LEADER:
            return p->standby_leader;
        case PATRONI_REPLICA:
            return p->replica;
        case PATRONI_READ_ONLY:
            return leads_any || p->replica;
        case PATRONI_SYNC:
            return p->sees_cluster && p->sync && p->replica;
        case PATRONI_READ_ONLY_SYNC:
            return p->sees_cluster && (leads_any || (p->sync && p->replica));
        case PATRONI_QUORUM:
            return p->sees_cluster && p->quorum && p->replica;
        case PATRONI_READ_ONLY_QUORUM:
            return p->sees_cluster && (leads_any || (p->quorum && p->replica));
        case PATRONI_ASYNC:
            return p->sees_cluster && !p->sync && !p->quorum && p->replica;
        case PATRONI_HEALTH:
            return p->runs;
        case PATRONI_LIVENESS:
            return !view_is_stale(view, boot_ms);
        case PATRONI_READINESS:
            return is_ready(query, view, p);
        case PATRONI_STATUS:
        case PATRONI_CLUSTER:
        case PATRONI_HISTORY:
        case PATRONI_CONFIG:
        case PATRONI_METRICS:
        case PATRONI_SWITCHOVER:
        case PATRONI_FAILOVER:
        case PATRONI_RESTART:
        case PATRONI_RELOAD:
        case PATRONI_REINITIALIZE:
        case PATRONI_FAILSAFE:
            return true;
        case PATRONI_NONE:
            return false;
    }
    UNREACHABLE("every path is named above");
}

/* Whoever looks for the primary, or asks how the node is, does not ask by tags. */
static bool heeds_tags(enum patroni_path path)
{
    switch (path) {
        case PATRONI_REPLICA:
        case PATRONI_READ_ONLY:
        case PATRONI_SYNC:
        case PATRONI_READ_ONLY_SYNC:
        case PATRONI_QUORUM:
        case PATRONI_READ_ONLY_QUORUM:
        case PATRONI_ASYNC:
        case PATRONI_HEALTH:
            return true;
        case PATRONI_NONE:
        case PATRONI_PRIMARY:
        case PATRONI_LEADER:
        case PATRONI_STANDBY_LEADER:
        case PATRONI_LIVENESS:
        case PATRONI_READINESS:
        case PATRONI_STATUS:
        case PATRONI_CLUSTER:
        case PATRONI_HISTORY:
        case PATRONI_CONFIG:
        case PATRONI_METRICS:
        case PATRONI_SWITCHOVER:
        case PATRONI_FAILOVER:
        case PATRONI_RESTART:
        case PATRONI_RELOAD:
        case PATRONI_REINITIALIZE:
        case PATRONI_FAILSAFE:
            return false;
    }
    UNREACHABLE("every path is named above");
}

unsigned patroni_code(enum patroni_path path, const struct patroni_query *query,
                      const struct cluster_view *view, uint64_t boot_ms)
{
    struct parts p = look(query, view, boot_ms);
    bool good = is_good(path, query, view, &p, boot_ms) &&
                (!heeds_tags(path) || tags_fit(query, &view->self.tags));
    return good ? 200 : 503;
}
