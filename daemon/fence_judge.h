/* daemon/fence_judge.h - may this node be fenced, as the cluster is now? Pure.
 *
 * By the view of the node that is asked, which may be a moment old: what is refused here is what an
 * operator would regret (nobody left to take over, commits that wait for ever). What must never be,
 * a fenced primary, is looked at in the store itself (http_fence.c). */
#ifndef DAEMON_FENCE_JUDGE_H_
#define DAEMON_FENCE_JUDGE_H_

#include "base/err.h"
#include "supervisor/cluster_view.h"

struct fence_request {
    const char *member;
    bool may_lack_candidate; /* nobody may be left to take over from the primary */
    bool may_stop_writes;    /* nobody may be left whom commits have to wait for */
};

/* 0, or ERR_NOT_FOUND, ERR_REFUSED with what would help. The primary may be fenced as far as this
 * says when its role can go elsewhere first. */
int fence_judge(const struct fence_request *request, const struct cluster_view *view,
                struct err *err);

#endif /* DAEMON_FENCE_JUDGE_H_ */
