/* daemon/patroni.h - Patroni's HTTP interface as pure functions of a view (docs/http.md).
 *
 * A path, its parameters, a view and the time on CLOCK_BOOTTIME make a status and a body; nothing
 * here reads a clock, asks anybody or keeps anything. Names, their order and the types of values
 * are Patroni's 4.1, for its tools read them. */
#ifndef DAEMON_PATRONI_H_
#define DAEMON_PATRONI_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "supervisor/cluster_view.h"

/* Whose interface this is, two digits for each part of its version. */
#define PATRONI_VERSION_DIGITS "040104"

enum patroni_path {
    PATRONI_NONE, /* not a path of this interface */
    PATRONI_PRIMARY,
    PATRONI_LEADER,
    PATRONI_STANDBY_LEADER,
    PATRONI_REPLICA,
    PATRONI_READ_ONLY,
    PATRONI_SYNC,
    PATRONI_READ_ONLY_SYNC,
    PATRONI_QUORUM,
    PATRONI_READ_ONLY_QUORUM,
    PATRONI_ASYNC,
    PATRONI_HEALTH,
    PATRONI_LIVENESS,
    PATRONI_READINESS,
    PATRONI_STATUS, /* /patroni */
    PATRONI_CLUSTER,
    PATRONI_HISTORY,
    PATRONI_CONFIG,
    PATRONI_METRICS,
    PATRONI_SWITCHOVER, /* these are for commands alone */
    PATRONI_FAILOVER,
    PATRONI_RESTART,
    PATRONI_RELOAD,
    PATRONI_REINITIALIZE,
    PATRONI_FAILSAFE,
};
#define PATRONI_PATHS (PATRONI_FAILSAFE + 1)

/* Slashes that stand twice or at the end do not count; of /patroni and all below it what follows
 * the first segment does not either. */
enum patroni_path patroni_path(const char *path);

struct patroni_parameter {
    const char *key;
    const char *value;
};

struct patroni_query {
    const struct patroni_parameter *at;
    size_t count;
};

/* 200 or 503, of every path up to STATUS. @view: of a node that supervises PostgreSQL. */
unsigned patroni_code(enum patroni_path path, const struct patroni_query *query,
                      const struct cluster_view *view, uint64_t boot_ms);

/* The status document. */
void patroni_put_status(struct buf *out, const struct cluster_view *view, uint64_t boot_ms);
/* @with_witnesses: they are listed, too. */
void patroni_put_cluster(struct buf *out, const struct cluster_view *view, bool with_witnesses,
                         uint64_t boot_ms);
void patroni_put_history(struct buf *out, const struct cluster_view *view);
/* {"pg1": "http://10.0.0.1:8008/patroni", ...}: those that have a PostgreSQL. */
void patroni_put_failsafe(struct buf *out, const struct cluster_view *view);

/* Ours, for pgraftctl: the same and what Patroni does not tell, in one object. */
void patroni_put_view(struct buf *out, const struct cluster_view *view, uint64_t boot_ms);
/* The events behind @after, oldest first. */
void patroni_put_events(struct buf *out, const struct cluster_view *view, uint64_t after);

/* ---- parts that several of them have ---- */

/* "64MB" in bytes, as PostgreSQL writes sizes. False: it is none. */
bool patroni_bytes(const char *text, uint64_t *ret_bytes);
/* The first value of that name, or NULL. */
const char *patroni_value(const struct patroni_query *query, const char *key);
void patroni_put_tags(struct buf *out, const struct view_tags *tags);
/* pending_restart and pending_restart_reason; then scheduled_restart by itself, since they stand
 * apart in the status document. */
void patroni_put_pending(struct buf *out, const struct view_restart *restart);
void patroni_put_schedule(struct buf *out, const struct view_restart *restart);

#endif /* DAEMON_PATRONI_H_ */
