/* daemon/http_raft.h - members in JSON, for /raft and for what changes them. */
#ifndef DAEMON_HTTP_RAFT_H_
#define DAEMON_HTTP_RAFT_H_

#include "daemon/http_internal.h"

/* The row of @member; what it does not say itself is null. */
void http_put_member(struct buf *out, const char *name, const struct pgraft_status *status,
                     const struct pgraft_member *member);
/* By name, or by id; NULL. */
const struct pgraft_member *http_find_member(const struct pgraft_status *status, const char *word);
/* Ask the store how the cluster is, and the members how they are, for a moment. */
void http_ask_status(struct http_request *r,
                     void (*done)(struct http_request *r, const struct pgraft_result *result));

#endif /* DAEMON_HTTP_RAFT_H_ */
