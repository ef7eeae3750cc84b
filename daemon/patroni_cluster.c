/* daemon/patroni_cluster.c - /cluster and /history: the cluster as this node has heard it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "daemon/json_put.h"
#include "daemon/patroni.h"

static const char *role_of(const struct cluster_view *view, const struct view_member *m)
{
    if (m->is_witness) {
        return "witness";
    }
    if (name_is(&m->name, &view->leader)) {
        return view->is_standby_cluster ? "standby_leader" : "leader";
    }
    if (view_is_sync(view, &m->name)) {
        return view->sync_mode == SYNC_QUORUM ? "quorum_standby" : "sync_standby";
    }
    return "replica";
}

/* How PostgreSQL replicates says more than that it runs, of whoever is no primary. */
static const char *state_of(const struct view_member *m, bool is_primary)
{
    if (m->is_witness) {
        return m->is_fresh ? "running" : "unknown";
    }
    const char *flow = is_primary ? "" : view_flow_name(m->flow);
    return flow[0] != '\0' ? flow : view_state_name(m->state);
}

struct lag_names {
    const char *lag;
    const char *lsn;
};

static void put_lag(struct buf *out, const struct lag_names *names, const struct view_lsn *has,
                    uint64_t leader_lsn)
{
    char text[24];
    if (!has->is_known) {
        json_put_text(out, names->lag, "unknown");
        json_put_text(out, names->lsn, "unknown");
        return;
    }
    (void)snprintf(text, sizeof(text), "%" PRIX32 "/%" PRIX32, (uint32_t)(has->lsn >> 32),
                   (uint32_t)has->lsn);
    if (leader_lsn > 0) {
        json_put_number(out, names->lag, leader_lsn > has->lsn ? leader_lsn - has->lsn : 0);
    } else {
        json_put_text(out, names->lag, "unknown");
    }
    json_put_text(out, names->lsn, text);
}

static void put_lags(struct buf *out, const struct cluster_view *view, const struct view_member *m)
{
    static const struct lag_names receive = {"receive_lag", "receive_lsn"};
    static const struct lag_names replay = {"replay_lag", "replay_lsn"};
    static const struct lag_names either = {"lag", "lsn"};
    uint64_t leader_lsn = view_leader_lsn(view);
    bool receives = m->received.is_known && m->received.lsn >= m->replayed.lsn;
    put_lag(out, &receive, &m->received, leader_lsn);
    put_lag(out, &replay, &m->replayed, leader_lsn);
    put_lag(out, &either, receives ? &m->received : &m->replayed, leader_lsn);
}

static void put_member(struct buf *out, const struct cluster_view *view,
                       const struct view_member *m)
{
    bool leads = name_is(&m->name, &view->leader);
    json_put_open(out, NULL, '{');
    json_put_text(out, "name", m->name.text);
    json_put_text(out, "role", role_of(view, m));
    json_put_text(out, "state", state_of(m, leads && !view->is_standby_cluster));
    json_put_text(out, "api_url", m->api_url);
    if (m->host[0] != '\0') {
        json_put_text(out, "host", m->host);
        json_put_number(out, "port", m->port);
    }
    if (m->timeline != 0) {
        json_put_number(out, "timeline", m->timeline);
    }
    patroni_put_pending(out, &m->restart);
    patroni_put_schedule(out, &m->restart);
    patroni_put_tags(out, &m->tags);
    if (!leads && !m->is_witness) {
        put_lags(out, view, m);
    }
    json_put_close(out, '}');
}

static void put_switchover(struct buf *out, const struct cluster_view *view)
{
    if (view->switchover_at[0] == '\0') {
        return;
    }
    json_put_open(out, "scheduled_switchover", '{');
    json_put_text(out, "at", view->switchover_at);
    if (name_is_set(&view->switchover_from)) {
        json_put_text(out, "from", view->switchover_from.text);
    }
    if (name_is_set(&view->switchover_to)) {
        json_put_text(out, "to", view->switchover_to.text);
    }
    json_put_close(out, '}');
}

/* Only where Patroni would have answered nothing: what is told may be old, and who is not heard. */
static void put_doubt(struct buf *out, const struct cluster_view *view, uint64_t boot_ms)
{
    if (view->has_quorum && !view_is_stale(view, boot_ms)) {
        return;
    }
    uint64_t since = boot_ms > view->published_boot_ms ? boot_ms - view->published_boot_ms : 0;
    json_put_open(out, "pgraft", '{');
    json_put_bool(out, "quorum", view->has_quorum);
    if (view->published_boot_ms == 0 || view->quorum_age_ms == UINT64_MAX) {
        json_put_null(out, "age_ms");
    } else {
        json_put_number(out, "age_ms", view->quorum_age_ms + since);
    }
    json_put_open(out, "missing", '[');
    for (uint32_t i = 0; i < view->member_count; i++) {
        if (!view->members[i].is_fresh) {
            json_put_text(out, NULL, view->members[i].name.text);
        }
    }
    json_put_close(out, ']');
    json_put_close(out, '}');
}

void patroni_put_cluster(struct buf *out, const struct cluster_view *view, bool with_witnesses,
                         uint64_t boot_ms)
{
    json_put_open(out, NULL, '{');
    json_put_open(out, "members", '[');
    for (uint32_t i = 0; i < view->member_count; i++) {
        if (with_witnesses || !view->members[i].is_witness) {
            put_member(out, view, &view->members[i]);
        }
    }
    json_put_close(out, ']');
    if (view->is_paused) {
        json_put_bool(out, "pause", true);
    }
    put_switchover(out, view);
    json_put_text(out, "scope", view->scope.text);
    put_doubt(out, view, boot_ms);
    json_put_close(out, '}');
}

void patroni_put_history(struct buf *out, const struct cluster_view *view)
{
    json_put_open(out, NULL, '[');
    for (uint32_t i = 0; i < view->history_count; i++) {
        const struct view_history_row *row = &view->history[i];
        bool has_leader = name_is_set(&row->leader);
        json_put_open(out, NULL, '[');
        json_put_number(out, NULL, row->timeline);
        json_put_number(out, NULL, row->lsn);
        json_put_text(out, NULL, row->reason);
        if (row->timestamp[0] != '\0' || has_leader) {
            json_put_text(out, NULL, row->timestamp);
        }
        if (has_leader) {
            json_put_text(out, NULL, row->leader.text);
        }
        json_put_close(out, ']');
    }
    json_put_close(out, ']');
}

void patroni_put_failsafe(struct buf *out, const struct cluster_view *view)
{
    json_put_open(out, NULL, '{');
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct view_member *m = &view->members[i];
        if (!m->is_witness && m->api_url[0] != '\0') {
            json_put_text(out, m->name.text, m->api_url);
        }
    }
    json_put_close(out, '}');
}
