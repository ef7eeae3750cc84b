/* daemon/http_metrics.c - /metrics: Patroni's and ours of the newest view, then the figures of the
 * store. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/must.h"
#include "daemon/http_internal.h"
#include "daemon/metrics.h"

/* The consensus thread has so long to say who votes, and how far away the peers are. */
#define PEERS_MS 300
#define UNKNOWN (-1)
#define US_PER_S 1000000

/* One row for each figure; docs/metrics.md lists them for operators. */
static const struct {
    struct prom_head head;
    size_t offset;
} rows[] = {
#define ROW(name, type, member, help)                                               \
    {                                                                               \
        {"pgraft_" name, type, help, NULL}, offsetof(struct pgraft_figures, member) \
    }
    ROW("term", "gauge", term, "Term of the raft."),
    ROW("commit_index", "counter", commit_index, "Index of the last log entry that is committed."),
    ROW("applied_index", "counter", applied_index, "Index of the last log entry applied here."),
    ROW("revision", "counter", revision, "Revision of the store here."),
    ROW("proposals_total", "counter", proposals, "Writes proposed by this node as the leader."),
    ROW("proposals_failed_total", "counter", proposals_failed, "Writes that ended with an error."),
    ROW("forwarded_total", "counter", forwarded, "Writes passed on to the leader."),
    ROW("reads_total", "counter", reads, "Confirmed reads."),
    ROW("leader_changes_total", "counter", elections, "Leaders that this node has seen."),
    ROW("stalls_total", "counter", stalls, "Turns of the consensus thread that came too late."),
    ROW("stall_max_milliseconds", "gauge", stall_ms_max, "The longest of these pauses."),
    ROW("stamp_age_milliseconds", "gauge", stamp_age_ms,
        "As the leader: since a majority last followed."),
    ROW("leases", "gauge", leases, "Leases in the store."),
    ROW("keys", "gauge", keys, "Keys in the store."),
    ROW("watches", "gauge", watches, "Watches open at this node."),
    ROW("used_bytes", "gauge", used_bytes, "Bytes of keys and values, as the quota counts them."),
    ROW("quota_bytes", "gauge", quota_bytes, "Bytes that clients may store."),
    ROW("store_bytes", "gauge", store_bytes, "Bytes of the store on disk."),
    ROW("peers_connected", "gauge", peers_connected, "Peers that this node is connected to."),
    ROW("requests_waiting", "gauge", waiting, "Requests that wait for an answer of the store."),
#undef ROW
};

/* Commits to the disk: 0.1, 0.2, 0.4 ms ... as cumulative buckets in seconds. */
static void put_fsync(const struct prom *p, const struct pgraft_figures *f)
{
    static const struct prom_head head = {"pgraft_fsync_duration_seconds", "histogram",
                                          "How long commits to the disk took.", NULL};
    uint64_t count = 0;
    uint64_t bound_us = 100;
    prom_put_head(p, &head);
    for (size_t i = 0; i < PGRAFT_FSYNC_BUCKETS; i++) {
        count += f->fsync_bucket[i];
        if (i + 1 < PGRAFT_FSYNC_BUCKETS) {
            char bound[24];
            (void)snprintf(bound, sizeof(bound), "%" PRIu64 ".%06u", bound_us / US_PER_S,
                           (unsigned)(bound_us % US_PER_S));
            prom_put_sample_of(p, "pgraft_fsync_duration_seconds_bucket", "le", bound,
                               (int64_t)count);
            bound_us *= 2;
        }
    }
    prom_put_sample_of(p, "pgraft_fsync_duration_seconds_bucket", "le", "+Inf", (int64_t)count);
    prom_put_us(p, "pgraft_fsync_duration_seconds_sum", f->fsync_sum_us);
    prom_put_unsigned(p, "pgraft_fsync_duration_seconds_count", count);
}

static void put_peers(const struct prom *p, const struct pgraft_status *s)
{
    static const struct prom_head head = {"pgraft_peer_round_trip_seconds", "gauge",
                                          "To a peer and back.", NULL};
    prom_put_head(p, &head);
    for (size_t i = 0; s != NULL && i < s->member_count; i++) {
        uint64_t us = s->members[i].ping_us;
        if (us != 0) {
            prom_put_us_of(p, head.name, "peer", s->members[i].name, us);
        }
    }
}

static void put_one(const struct prom *p, const char *name, const char *help, int64_t value)
{
    const struct prom_head head = {name, "gauge", help, NULL};
    prom_put_head(p, &head);
    prom_put_sample(p, name, value);
}

/* @s NULL: the consensus thread does not say. */
static void put_votes(const struct prom *p, const struct pgraft_status *s)
{
    int64_t voters = s != NULL ? 0 : UNKNOWN;
    bool was_heard = s != NULL && s->quorum_age_ms != UINT64_MAX;
    for (size_t i = 0; s != NULL && i < s->member_count; i++) {
        voters += s->members[i].role == PGRAFT_VOTER ? 1 : 0;
    }
    put_one(p, "pgraft_quorum", "1 if a majority of the voters is there; -1: not known.",
            s != NULL ? s->has_quorum : UNKNOWN);
    put_one(p, "pgraft_quorum_age_milliseconds", "Since it was there; -1: never, or not known.",
            was_heard ? (int64_t)s->quorum_age_ms : UNKNOWN);
    put_one(p, "pgraft_voters", "Members with a vote; -1: not known.", voters);
    put_one(p, "pgraft_voters_can_lose",
            "How many more voters may go; -1: there is no majority, or it is not known.",
            s != NULL ? s->can_lose : UNKNOWN);
}

static void put_store(const struct prom *p, const struct pgraft_figures *figures)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t value = 0;
        memcpy(&value, (const char *)figures + rows[i].offset, sizeof(value));
        prom_put_head(p, &rows[i].head);
        prom_put_unsigned(p, rows[i].head.name, value);
    }
    put_one(p, "pgraft_is_leader", "1 if this node leads.", figures->is_leader);
    put_one(p, "pgraft_has_leader", "1 if this node knows a leader.", figures->leader != 0);
    put_fsync(p, figures);
}

static void put_node(const struct prom *p)
{
    static const struct prom_head head = {"pgraft_version_info", "gauge",
                                          "Always 1; the version of this program is its label.",
                                          NULL};
    prom_put_head(p, &head);
    prom_put_sample_of(p, head.name, "version", pgraft_version(), 1);
}

static void put_server(const struct prom *p, const struct http *http)
{
    put_one(p, "pgraft_http_connections", "Connections to the HTTP port and socket.",
            (int64_t)http->conn_count);
    put_one(p, "pgraft_http_streams", "Streams of watches and snapshots.",
            (int64_t)http->stream_count);
}

/* A collector of those who still look for the name of Patroni 3 says so in its parameters. */
static bool wants_master(struct http_request *r)
{
    const char *value =
        MHD_lookup_connection_value(r->mhd, MHD_GET_ARGUMENT_KIND, "patroni_master");
    return value != NULL && strcmp(value, "1") == 0;
}

/* Also when the consensus thread does not answer: then above all. */
static void told(struct http_request *r, const struct pgraft_result *result)
{
    struct pgraft_figures figures;
    CLEANUP(buf_close) struct buf labels = {0};
    const struct pgraft_status *status = result->status == 0 ? result->state : NULL;
    const struct cluster_view *view = http_patroni_view(r);
    uint64_t boot_ms = clock_boot_ms(clock_system());
    pgraft_figures(r->http->store, &figures);
    prom_label(&labels, "scope", r->http->settings.scope);
    prom_label(&labels, "name", r->http->settings.name);
    const struct prom p = {.out = &r->out, .labels = buf_text(&labels)};
    metrics_put_patroni(&p, view, boot_ms, wants_master(r));
    put_node(&p);
    if (view != NULL) {
        metrics_put_view(&p, view, boot_ms);
    }
    put_votes(&p, status);
    put_store(&p, &figures);
    put_peers(&p, status);
    put_server(&p, r->http);
    http_answer_text(r, 200, "text/plain; version=0.0.4; charset=utf-8");
}

void http_metrics(struct http_request *r)
{
    struct pgraft_error error = {0};
    r->timeout_ms = PEERS_MS;
    struct pgraft_call call = http_call(r, told);
    http_asked(r, pgraft_status(r->http->store, false, &call, &r->asked, &error), &error);
}
