/* ctl/cluster_view.h - GET /raft, and what it says in words: is it healthy, what is wrong. */
#ifndef CTL_CLUSTER_VIEW_H_
#define CTL_CLUSTER_VIEW_H_

#include <stdbool.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "ctl/ask.h"

/* GET /raft of the cluster that is asked, by a node that belongs to it if there is one; its members
 * are objects. The caller's. */
int view_get(struct ask *ask, json_t **ret_raft, struct err *err);

/* "" for what is no text. */
const char *view_text(json_t *object, const char *key);
json_int_t view_number(json_t *object, const char *key);

/* The node that answered has no place in the cluster: what it says of it is old. */
bool view_is_out(json_t *raft);
/* The feature level in force, and why it is no higher: who knows less, or is not heard. @levels is
 * of a node's view, or NULL. Nothing where the node is older than that. */
void view_level(json_t *raft, json_t *levels, struct buf *out);
/* There is a cluster, it has a quorum, nobody is missing, no member has an error. */
bool view_is_healthy(json_t *raft);
/* The state in a few words: "healthy", "degraded: w2 is missing", "no quorum: ...", "forming: ..."
 */
void view_state(json_t *raft, struct buf *out);
/* What is wrong with one member in a few words; nothing when it is fine. */
void view_member(json_t *member, struct buf *out);

#endif /* CTL_CLUSTER_VIEW_H_ */
