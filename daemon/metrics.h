/* daemon/metrics.h - what /metrics tells of PostgreSQL and its cluster, as pure functions of a
 * view (docs/metrics.md). The store's own figures are http_metrics.c's. */
#ifndef DAEMON_METRICS_H_
#define DAEMON_METRICS_H_

#include <stdbool.h>
#include <stdint.h>

#include "daemon/prom.h"
#include "supervisor/cluster_view.h"

/* Patroni's, by its names and types. @view NULL: this node hears of no PostgreSQL. Where none runs,
 * or nobody has looked lately, each says what Patroni says of a PostgreSQL that is down; the state
 * alone tells "stopped" from "not known". @with_master: patroni_master too, which Patroni 4 has
 * dropped. */
void metrics_put_patroni(const struct prom *p, const struct cluster_view *view, uint64_t boot_ms,
                         bool with_master);

/* Ours. */
void metrics_put_view(const struct prom *p, const struct cluster_view *view, uint64_t boot_ms);

#endif /* DAEMON_METRICS_H_ */
