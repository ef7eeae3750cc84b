/* daemon/lease_change.h - the holder of the primary's lease gives it another time to live. */
#ifndef DAEMON_LEASE_CHANGE_H_
#define DAEMON_LEASE_CHANGE_H_

#include "consensus/pgraft.h"

/* As the functions of pgraft.h; speaks as the holder of @epoch. A longer time counts from when it
 * is applied; a shorter one is asked for when nobody counts with more (docs/leases.md). The raft
 * leader refuses it, PGRAFT_ERR_REFUSED or PGRAFT_ERR_CONFLICT, for a lease that runs out, or
 * another's. */
int lease_change(struct pgraft *store, uint64_t epoch, uint64_t ttl_ms,
                 const struct pgraft_call *call, uint64_t *ret_request, struct pgraft_error *error);

#endif /* DAEMON_LEASE_CHANGE_H_ */
