/* daemon/http_failsafe.c - Patroni's /failsafe: told as it is set, and never agreed to.
 *
 * With Patroni a primary that has lost its store asks every member by POST /failsafe, and goes on
 * as long as each of them says "Accepted". Here the lease alone says who is primary (safety A1,
 * C6): no node of pgraft asks, and an answer of 200 would be a promise that nothing keeps. Whoever
 * asks is a Patroni that shares the name of the cluster, and is told no, so that it steps down. */
#include "base/clock.h"
#include "daemon/http_internal.h"
#include "daemon/patroni.h"

/* NULL: it is not configured, which was answered. */
static const struct cluster_view *view_if_wanted(struct http_request *r)
{
    const struct cluster_view *view = http_patroni_view(r);
    if (view != NULL && view->failsafe_is_wanted) {
        return view;
    }
    http_say(r, 502, "failsafe_mode is not enabled");
    return NULL;
}

void http_failsafe(struct http_request *r)
{
    const struct cluster_view *view = view_if_wanted(r);
    if (view != NULL) {
        patroni_put_failsafe(&r->out, view);
        http_answer(r, 200);
    }
}

void http_failsafe_post(struct http_request *r)
{
    const struct cluster_view *view = view_if_wanted(r);
    if (view == NULL) {
        return;
    }
    if (view_has_lease(view, clock_boot_ms(clock_system()))) {
        http_say(r, 500, "Running as a leader");
    } else {
        http_say(r, 502, "not accepted: the primary's lease alone decides here");
    }
}
