/* supervisor/pg_pending.h - which parameters of a running PostgreSQL wait for its restart.
 *
 * Pure. PostgreSQL knows it of what stands in its files. It does not of what it was given as an
 * argument, because an argument wins over the file for as long as it runs: of those we compare
 * what runs with what the next start would give. */
#ifndef SUPERVISOR_PG_PENDING_H_
#define SUPERVISOR_PG_PENDING_H_

#include "supervisor/cluster_view.h"
#include "supervisor/pg_settings.h"

/* @running: what the door said (probe.h), a line each: "max_connections=100", and "*wal_level=..."
 * where PostgreSQL itself says that a restart is pending. Fills what @out says of a pending restart
 * and leaves the rest of it. */
void pg_pending_find(const struct pg_settings *wanted, const char *running,
                     struct view_restart *out);

#endif /* SUPERVISOR_PG_PENDING_H_ */
