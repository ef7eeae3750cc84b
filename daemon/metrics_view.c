/* daemon/metrics_view.c - what pgraft tells of a view beyond Patroni's metrics: what keeps the role
 * where it is, and what would be lost. */
#include <string.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "daemon/metrics.h"

#define UNKNOWN (-1)

enum row {
    SUPERVISES,
    VIEW_AGE,
    EPOCH,
    HOLDS_LEASE,
    SERVES_WRITES,
    LEASE,
    LEASE_REMAINING,
    LEASE_LOW,
    GUARD,
    ANY_ONE,
    MAY_HAVE_LOST,
    HELD,
    MODE,
    SYNC_STANDBYS,
    SYNC_WEAKER,
    CONFIG_AMISS,
    EVENTS,
};

// clang-format off
static const struct prom_head rows[] = {
    [SUPERVISES] = {"pgraft_supervises", "gauge", "1 if there is a PostgreSQL on this node; 0 on a witness.", NULL},
    [VIEW_AGE] = {"pgraft_view_age_milliseconds", "gauge", "Since the supervisor last said how things are; -1: never.", NULL},
    [EPOCH] = {"pgraft_epoch", "counter", "How often the role of the primary was granted.", NULL},
    [HOLDS_LEASE] = {"pgraft_holds_lease", "gauge", "1 if this node holds the lease of the primary.", NULL},
    [SERVES_WRITES] = {"pgraft_serves_writes", "gauge", "1 if its PostgreSQL takes writes under that lease.", NULL},
    [LEASE] = {"pgraft_lease_milliseconds", "gauge", "What a lease lasts.", NULL},
    [LEASE_REMAINING] = {"pgraft_lease_remaining_milliseconds", "gauge", "What is left of the lease; 0: none is held, -1: it has no end.", NULL},
    [LEASE_LOW] = {"pgraft_lease_remaining_min_milliseconds", "gauge", "The least that was left of it in the last minute or two; -1: none was held.", NULL},
    [GUARD] = {"pgraft_guard_state", "gauge", "The guard of PostgreSQL.", "-1=unknown, 0=gone, 1=silent, 2=well"},
    [ANY_ONE] = {"pgraft_any_one_may_fail", "gauge", "1 if PostgreSQL could go on without any one of its nodes; -1: not known.", NULL},
    [MAY_HAVE_LOST] = {"pgraft_commits_may_be_lost", "gauge", "1 if the newest grant may have lost acknowledged commits.", NULL},
    [HELD] = {"pgraft_held", "gauge", "1 if nobody may become primary until resume.", NULL},
    [MODE] = {"pgraft_synchronous_mode", "gauge", "The mode that is configured.", "0=off, 1=quorum, 2=on"},
    [SYNC_STANDBYS] = {"pgraft_synchronous_standbys", "gauge", "Standbys that are synchronous now.", NULL},
    [SYNC_WEAKER] = {"pgraft_synchronous_commit_weaker", "gauge", "1 if somebody asks the primary of a synchronous mode for less.", NULL},
    [CONFIG_AMISS] = {"pgraft_config_amiss", "gauge", "1 if the key config is not in force on this node.", NULL},
    [EVENTS] = {"pgraft_events_total", "counter", "Events that this node has told of.", NULL},
};

static const struct prom_head timing_head = {
    "pgraft_timing_milliseconds", "gauge", "How slow host, disk and network are, as their times are judged by.", NULL};
static const struct prom_head amiss_head = {
    "pgraft_timing_amiss", "gauge", "1 if that is too slow for the lease or the election timeout.", NULL};
static const struct prom_head heard_head = {
    "pgraft_member_heard", "gauge", "1 if this node has heard that member lately.", NULL};
static const struct prom_head lag_head = {
    "pgraft_member_lag_bytes", "gauge", "WAL of the primary that a member has not received; none of whom it is not known.", NULL};
// clang-format on

static int64_t guard_number(enum guard_state state)
{
    switch (state) {
        case GUARD_UNKNOWN:
            return UNKNOWN;
        case GUARD_GONE:
            return 0;
        case GUARD_SILENT:
            return 1;
        case GUARD_WELL:
            return 2;
    }
    UNREACHABLE("every state of the guard is named above");
}

static int64_t loss_number(const struct cluster_view *view, uint64_t boot_ms)
{
    CLEANUP(buf_close) struct buf why = {0};
    switch (view_any_one_may_fail(view, boot_ms, &why)) {
        case VIEW_LOSS_UNKNOWN:
            return UNKNOWN;
        case VIEW_LOSS_NOT:
            return 0;
        case VIEW_LOSS_BEARABLE:
            return 1;
    }
    UNREACHABLE("every answer is named above");
}

static int64_t age_of(const struct cluster_view *view, uint64_t boot_ms)
{
    if (view->published_boot_ms == 0) {
        return UNKNOWN;
    }
    return boot_ms > view->published_boot_ms ? (int64_t)(boot_ms - view->published_boot_ms) : 0;
}

/* Told by the primary alone, of itself. */
static bool is_weakened(const struct cluster_view *view)
{
    const struct view_member *leader =
        name_is_set(&view->leader) ? view_member_named(view, view->leader.text) : NULL;
    return leader != NULL && leader->weaker[0] != '\0';
}

static int64_t left_ms(uint64_t until_boot_ms, uint64_t boot_ms)
{
    return until_boot_ms != UINT64_MAX ? (int64_t)(until_boot_ms - boot_ms) : UNKNOWN;
}

static void fill_self(const struct cluster_view *view, uint64_t boot_ms, int64_t value[])
{
    const struct view_self *self = &view->self;
    bool leads = view_has_lease(view, boot_ms);
    uint64_t low_ms = self->lease_low_ms;
    value[SUPERVISES] = self->supervises;
    value[HOLDS_LEASE] = leads;
    value[SERVES_WRITES] =
        leads && !view->is_standby_cluster && self->role == VIEW_PRIMARY && self->serves_writes;
    value[LEASE] = (int64_t)self->lease_ms;
    value[LEASE_REMAINING] = leads ? left_ms(self->lease_until_boot_ms, boot_ms) : 0;
    bool has_held = self->supervises && view->published_boot_ms != 0 && low_ms != UINT64_MAX;
    value[LEASE_LOW] = has_held ? (int64_t)low_ms : UNKNOWN;
    bool knows = self->supervises && !view_is_stale(view, boot_ms);
    value[GUARD] = knows ? guard_number(self->guard) : UNKNOWN;
}

static void put_timing(const struct prom *p, const struct view_self *self)
{
    prom_put_head(p, &timing_head);
    for (unsigned i = 0; i < TIMING_CAUSES; i++) {
        const char *cause = timing_cause_name((enum timing_cause)i);
        prom_put_sample_of(p, timing_head.name, "what", cause, (int64_t)self->timing[i].ms);
    }
    prom_put_head(p, &amiss_head);
    for (unsigned i = 0; i < TIMING_CAUSES; i++) {
        const char *cause = timing_cause_name((enum timing_cause)i);
        prom_put_sample_of(p, amiss_head.name, "what", cause, self->timing[i].is_amiss);
    }
}

static void put_members(const struct prom *p, const struct cluster_view *view, uint64_t boot_ms)
{
    bool is_stale = view_is_stale(view, boot_ms);
    uint64_t leader_lsn = view_leader_lsn(view);
    prom_put_head(p, &heard_head);
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct view_member *m = &view->members[i];
        prom_put_sample_of(p, heard_head.name, "member", m->name.text, m->is_fresh && !is_stale);
    }
    prom_put_head(p, &lag_head);
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct view_member *m = &view->members[i];
        bool leads = name_is(&m->name, &view->leader);
        if (leads || is_stale || !m->received.is_known || leader_lsn == 0) {
            continue;
        }
        uint64_t lag = leader_lsn > m->received.lsn ? leader_lsn - m->received.lsn : 0;
        prom_put_sample_of(p, lag_head.name, "member", m->name.text, (int64_t)lag);
    }
}

void metrics_put_view(const struct prom *p, const struct cluster_view *view, uint64_t boot_ms)
{
    int64_t value[ARRAY_LEN(rows)] = {0};
    uint32_t events = view->event_count;
    fill_self(view, boot_ms, value);
    value[VIEW_AGE] = age_of(view, boot_ms);
    value[EPOCH] = (int64_t)view->epoch;
    value[ANY_ONE] = loss_number(view, boot_ms);
    value[MAY_HAVE_LOST] = view->loss[0] != '\0';
    value[HELD] = view->is_held;
    value[MODE] = view->sync_mode;
    value[SYNC_STANDBYS] = view->sync_mode != SYNC_OFF ? view->sync_count : 0;
    value[SYNC_WEAKER] = is_weakened(view);
    value[CONFIG_AMISS] = view->config_trouble[0] != '\0';
    value[EVENTS] = events > 0 ? (int64_t)view->events[events - 1].sequence : 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        prom_put_head(p, &rows[i]);
        prom_put_sample(p, rows[i].name, value[i]);
    }
    put_timing(p, &view->self);
    put_members(p, view, boot_ms);
}
