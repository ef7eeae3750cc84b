/* daemon/metrics_patroni.c - Patroni's metrics, in its order.
 *
 * The status document tells the same of the same view (patroni_status.c). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/must.h"
#include "daemon/metrics.h"
#include "daemon/patroni.h"

#define US_PER_S INT64_C(1000000)

enum row {
    RUNNING,
    STARTED,
    PRIMARY,
    LOCATION,
    STANDBY_LEADER,
    REPLICA,
    SYNC_STANDBY,
    QUORUM_STANDBY,
    RECEIVED,
    REPLAYED,
    REPLAYED_AT,
    REPLAY_PAUSED,
    STREAMING,
    FROM_ARCHIVE,
    SERVER_VERSION,
    UNLOCKED,
    FAILSAFE_ACTIVE,
    FAILSAFE_ENABLED,
    FAILSAFE_MEMBER,
    TIMELINE,
    LAST_SEEN,
    PENDING_RESTART,
    PAUSED,
    STATE,
    PRIORITY,
};

// clang-format off
static const struct prom_head version_head = {
    "patroni_version", "gauge", "Version of Patroni whose interface this is, two digits a part.", NULL};
static const struct prom_head master_head = {
    "patroni_master", "gauge", "The same as patroni_primary, as Patroni called it before version 4.", NULL};
static const struct prom_head rows[] = {
    [RUNNING] = {"patroni_postgres_running", "gauge", "1 if PostgreSQL runs and answers.", NULL},
    [STARTED] = {"patroni_postmaster_start_time", "gauge", "When PostgreSQL was started, in seconds since 1970; 0 if it does not run.", NULL},
    [PRIMARY] = {"patroni_primary", "gauge", "1 if PostgreSQL is a primary.", NULL},
    [LOCATION] = {"patroni_xlog_location", "counter", "End of the WAL of a primary, in bytes; 0 if it is none.", NULL},
    [STANDBY_LEADER] = {"patroni_standby_leader", "gauge", "1 if it leads a standby cluster.", NULL},
    [REPLICA] = {"patroni_replica", "gauge", "1 if PostgreSQL is a standby.", NULL},
    [SYNC_STANDBY] = {"patroni_sync_standby", "gauge", "1 if it is a synchronous standby.", NULL},
    [QUORUM_STANDBY] = {"patroni_quorum_standby", "gauge", "1 if it is a standby of the quorum.", NULL},
    [RECEIVED] = {"patroni_xlog_received_location", "counter", "End of the WAL that a standby has received, in bytes; 0 if it is none.", NULL},
    [REPLAYED] = {"patroni_xlog_replayed_location", "counter", "End of the WAL that a standby has replayed, in bytes; 0 if it is none.", NULL},
    [REPLAYED_AT] = {"patroni_xlog_replayed_timestamp", "gauge", "When the last transaction that it replayed was committed, in seconds since 1970; 0 if that is not known.", NULL},
    [REPLAY_PAUSED] = {"patroni_xlog_paused", "gauge", "1 if somebody has paused its replay.", NULL},
    [STREAMING] = {"patroni_postgres_streaming", "gauge", "1 if it streams WAL.", NULL},
    [FROM_ARCHIVE] = {"patroni_postgres_in_archive_recovery", "gauge", "1 if it reads WAL from the archive.", NULL},
    [SERVER_VERSION] = {"patroni_postgres_server_version", "gauge", "Version of PostgreSQL, 150002 for 15.2; 0 if it does not run.", NULL},
    [UNLOCKED] = {"patroni_cluster_unlocked", "gauge", "1 if nobody has the role of the primary.", NULL},
    [FAILSAFE_ACTIVE] = {"patroni_failsafe_mode_is_active", "gauge", "1 if the failsafe mode is active.", NULL},
    [FAILSAFE_ENABLED] = {"patroni_failsafe_mode_enabled", "gauge", "1 if failsafe_mode is configured.", NULL},
    [FAILSAFE_MEMBER] = {"patroni_failsafe_member", "gauge", "1 if the failsafe mode counts on this node.", NULL},
    [TIMELINE] = {"patroni_postgres_timeline", "gauge", "Timeline of PostgreSQL; 0 if it does not run.", NULL},
    [LAST_SEEN] = {"patroni_dcs_last_seen", "gauge", "When a majority was last heard, in seconds since 1970.", NULL},
    [PENDING_RESTART] = {"patroni_pending_restart", "gauge", "1 if a setting waits for a restart of PostgreSQL.", NULL},
    [PAUSED] = {"patroni_is_paused", "gauge", "1 if automatic changes of roles are paused.", NULL},
    [STATE] = {"patroni_postgres_state", "gauge", "What PostgreSQL is, as a number; -1 if that is not known.",
        "0=initdb, 1=initdb_failed, 2=custom_bootstrap, 3=custom_bootstrap_failed, 4=creating_replica, 5=running, 6=starting, 7=bootstrap_starting, "
        "8=start_failed, 9=restarting, 10=restart_failed, 11=stopping, 12=stopped, 13=stop_failed, 14=crashed"},
    [PRIORITY] = {"patroni_failover_priority", "gauge", "Its tag failover_priority; 0: it never becomes primary.", NULL},
};
// clang-format on

/* Of the state of PostgreSQL the number of Patroni. */
static int64_t state_number(enum view_state state)
{
    _Static_assert(VIEW_STATE_UNKNOWN == 0 && VIEW_INITDB == 1 && VIEW_CRASHED == 15,
                   "one above Patroni's");
    return (int64_t)state - 1;
}

/* "2026-11-02 08:15:03.120000+00:00" in microseconds since 1970; 0: it is none. */
static int64_t us_of(const char *stamp)
{
    struct tm utc;
    memset(&utc, 0, sizeof(utc));
    const char *rest = strptime(stamp, "%Y-%m-%d %H:%M:%S", &utc);
    if (rest == NULL) {
        return 0;
    }
    int64_t us = (int64_t)timegm(&utc) * US_PER_S;
    rest += *rest == '.' ? 1 : 0;
    for (int64_t digit_us = US_PER_S / 10; *rest >= '0' && *rest <= '9'; rest++, digit_us /= 10) {
        us += (*rest - '0') * digit_us;
    }
    return us;
}

static int64_t lsn_of(const struct view_lsn *lsn)
{
    return lsn->is_known ? (int64_t)lsn->lsn : 0;
}

/* What only SQL knows, while it is fresh. */
static void fill_sql(const struct cluster_view *view, int64_t value[])
{
    const struct view_self *self = &view->self;
    bool follows = self->role != VIEW_PRIMARY && self->role != VIEW_PROMOTED;
    bool is_sync = view_is_sync(view, &view->name) && !name_is(&view->name, &view->leader);
    value[STARTED] = us_of(self->postmaster_start);
    value[SERVER_VERSION] = self->server_version;
    value[TIMELINE] = self->timeline;
    value[SYNC_STANDBY] = is_sync && view->sync_mode == SYNC_ON;
    value[QUORUM_STANDBY] = is_sync && view->sync_mode == SYNC_QUORUM;
    value[STREAMING] = self->flow == VIEW_STREAMING;
    value[FROM_ARCHIVE] = self->flow == VIEW_ARCHIVE;
    if (follows) {
        value[RECEIVED] = lsn_of(&self->received);
        value[REPLAYED] = lsn_of(&self->replayed);
        value[REPLAYED_AT] = us_of(self->replayed_timestamp);
        value[REPLAY_PAUSED] = self->replay_paused;
    } else {
        value[LOCATION] = lsn_of(&self->location);
    }
}

static void fill_postgresql(const struct cluster_view *view, uint64_t boot_ms, int64_t value[])
{
    const struct view_self *self = &view->self;
    enum view_state state = view_state_now(view, boot_ms);
    value[STATE] = state_number(state);
    value[PENDING_RESTART] = self->restart.is_pending;
    value[PRIORITY] = self->failover_priority;
    if (view_is_stale(view, boot_ms)) {
        return; /* it may be somebody else's role by now */
    }
    value[RUNNING] = state == VIEW_RUNNING;
    value[PRIMARY] = self->role == VIEW_PRIMARY;
    value[STANDBY_LEADER] = self->role == VIEW_STANDBY_LEADER;
    value[REPLICA] = self->role == VIEW_REPLICA;
    if (self->sql_answers && state != VIEW_STATE_UNKNOWN) {
        fill_sql(view, value);
    }
}

static void fill_cluster(const struct cluster_view *view, int64_t value[])
{
    value[UNLOCKED] = !name_is_set(&view->leader);
    value[FAILSAFE_ACTIVE] = view->failsafe_is_active;
    value[FAILSAFE_ENABLED] = view->failsafe_is_wanted;
    value[FAILSAFE_MEMBER] = view->failsafe_is_active && view->self.supervises;
    value[LAST_SEEN] = (int64_t)view->dcs_last_seen;
    value[PAUSED] = view->is_paused;
}

void metrics_put_patroni(const struct prom *p, const struct cluster_view *view, uint64_t boot_ms,
                         bool with_master)
{
    int64_t value[ARRAY_LEN(rows)] = {[STATE] = state_number(VIEW_STOPPED)};
    if (view != NULL) {
        fill_cluster(view, value);
    }
    if (view != NULL && view->self.supervises) {
        fill_postgresql(view, boot_ms, value);
    }
    prom_put_head(p, &version_head);
    buf_printf(p->out, "%s{%s} %s\n", version_head.name, p->labels, PATRONI_VERSION_DIGITS);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        prom_put_head(p, &rows[i]);
        if (i == STARTED || i == REPLAYED_AT) {
            prom_put_us(p, rows[i].name, (uint64_t)value[i]);
        } else {
            prom_put_sample(p, rows[i].name, value[i]);
        }
    }
    if (with_master) {
        prom_put_head(p, &master_head);
        prom_put_sample(p, master_head.name, value[PRIMARY]);
    }
}
