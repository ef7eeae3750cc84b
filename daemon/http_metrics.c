/* daemon/http_metrics.c - the figures of the store as Prometheus reads them: /metrics. */
#include <inttypes.h>
#include <string.h>

#include "base/must.h"
#include "daemon/http_internal.h"

/* The consensus thread has so long to say how far away the peers are. */
#define PEERS_MS 300

/* One row for each figure; docs/metrics.md lists them for operators. */
static const struct {
    const char *name;
    const char *type;
    const char *help;
    size_t offset;
} rows[] = {
#define ROW(name, type, member, help)                                       \
    {                                                                       \
        "pgraft_" name, type, help, offsetof(struct pgraft_figures, member) \
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

static void put_escaped(struct buf *out, const char *text)
{
    for (const char *at = text; at != NULL && *at != '\0'; at++) {
        if (*at == '\n') {
            buf_str(out, "\\n");
            continue;
        }
        if (*at == '"' || *at == '\\') {
            buf_char(out, '\\');
        }
        buf_char(out, *at);
    }
}

static void put_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_sample(struct buf *out, const char *name, const char *labels, uint64_t value)
{
    buf_printf(out, "%s{%s} %" PRIu64 "\n", name, labels, value);
}

/* Commits to the disk: 0.1, 0.2, 0.4 ms ... as cumulative buckets in seconds. */
static void put_fsync(struct buf *out, const char *labels, const struct pgraft_figures *f)
{
    static const char name[] = "pgraft_fsync_duration_seconds";
    uint64_t count = 0;
    uint64_t bound_us = 100;
    put_head(out, name, "histogram", "How long commits to the disk took.");
    for (size_t i = 0; i < PGRAFT_FSYNC_BUCKETS; i++) {
        count += f->fsync_bucket[i];
        if (i + 1 < PGRAFT_FSYNC_BUCKETS) {
            buf_printf(out, "%s_bucket{%s,le=\"%" PRIu64 ".%06u\"} %" PRIu64 "\n", name, labels,
                       bound_us / 1000000, (unsigned)(bound_us % 1000000), count);
            bound_us *= 2;
        }
    }
    buf_printf(out, "%s_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n", name, labels, count);
    buf_printf(out, "%s_sum{%s} %" PRIu64 ".%06u\n", name, labels, f->fsync_sum_us / 1000000,
               (unsigned)(f->fsync_sum_us % 1000000));
    buf_printf(out, "%s_count{%s} %" PRIu64 "\n", name, labels, count);
}

static void put_peers(struct buf *out, const char *labels, const struct pgraft_status *s)
{
    static const char name[] = "pgraft_peer_round_trip_seconds";
    put_head(out, name, "gauge", "To a peer and back.");
    for (size_t i = 0; i < s->member_count; i++) {
        uint64_t us = s->members[i].ping_us;
        if (us == 0) {
            continue;
        }
        buf_printf(out, "%s{%s,peer=\"", name, labels);
        put_escaped(out, s->members[i].name);
        buf_printf(out, "\"} %" PRIu64 ".%06u\n", us / 1000000, (unsigned)(us % 1000000));
    }
}

static void put_server(struct buf *out, const char *labels, const struct http *http)
{
    put_head(out, "pgraft_http_connections", "gauge", "Connections to the HTTP port and socket.");
    put_sample(out, "pgraft_http_connections", labels, http->conn_count);
    put_head(out, "pgraft_http_streams", "gauge", "Streams of watches and snapshots.");
    put_sample(out, "pgraft_http_streams", labels, http->stream_count);
}

/* Also when the consensus thread does not answer: then above all. */
static void told(struct http_request *r, const struct pgraft_result *result)
{
    struct pgraft_figures figures;
    struct buf labels = {0};
    struct buf *out = &r->out;
    pgraft_figures(r->http->store, &figures);
    buf_str(&labels, "scope=\"");
    put_escaped(&labels, r->http->settings.scope);
    buf_str(&labels, "\",name=\"");
    put_escaped(&labels, r->http->settings.name);
    buf_char(&labels, '"');
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t value = 0;
        memcpy(&value, (const char *)&figures + rows[i].offset, sizeof(value));
        put_head(out, rows[i].name, rows[i].type, rows[i].help);
        put_sample(out, rows[i].name, buf_text(&labels), value);
    }
    put_head(out, "pgraft_is_leader", "gauge", "1 if this node leads.");
    put_sample(out, "pgraft_is_leader", buf_text(&labels), figures.is_leader ? 1 : 0);
    put_head(out, "pgraft_has_leader", "gauge", "1 if this node knows a leader.");
    put_sample(out, "pgraft_has_leader", buf_text(&labels), figures.leader != 0 ? 1 : 0);
    put_fsync(out, buf_text(&labels), &figures);
    if (result->status == 0) {
        put_peers(out, buf_text(&labels), result->state);
    }
    put_server(out, buf_text(&labels), r->http);
    buf_close(&labels);
    http_answer_text(r, 200, "text/plain; version=0.0.4; charset=utf-8");
}

void http_metrics(struct http_request *r)
{
    struct pgraft_error error = {0};
    r->timeout_ms = PEERS_MS;
    struct pgraft_call call = http_call(r, told);
    http_asked(r, pgraft_status(r->http->store, false, &call, &r->asked, &error), &error);
}
