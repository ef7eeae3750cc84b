/* daemon/patroni_switch.c - the checks in Patroni's order, so that a request with two faults is
 * told the same one first. */
#include "daemon/patroni_switch.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/patroni_schedule.h"

enum {
    BAD_REQUEST = 400,
    NOT_POSSIBLE = 412, /* as the cluster is now */
};

__attribute__((format(printf, 3, 4))) static void refuse(struct switch_verdict *v, unsigned status,
                                                         const char *format, ...)
{
    va_list args;
    va_start(args, format);
    v->status = status;
    (void)vsnprintf(v->text, sizeof(v->text), format, args);
    va_end(args);
}

static const char *verb(const struct switch_request *r)
{
    return r->is_failover ? "failover" : "switchover";
}

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static void judge_schedule(const struct switch_request *r, const struct cluster_view *view,
                           uint64_t wall_ms, struct switch_verdict *v)
{
    if (r->is_failover) {
        refuse(v, BAD_REQUEST, "Failover can't be scheduled");
    } else if (view->is_paused) {
        refuse(v, BAD_REQUEST, "Can't schedule switchover in the paused state");
    } else {
        v->status = schedule_judge(r->scheduled_at, "switchover", wall_ms, v->wish.scheduled_at,
                                   v->text, sizeof(v->text));
        v->wish.is_scheduled = v->status == 0;
    }
}

static void judge_words(const struct switch_request *r, const struct cluster_view *view,
                        uint64_t wall_ms, struct switch_verdict *v)
{
    if (r->is_failover && !is_given(r->candidate)) {
        refuse(v, BAD_REQUEST, "Failover could be performed only to a specific candidate");
    } else if (!r->is_failover && !is_given(r->leader)) {
        refuse(v, BAD_REQUEST, "Switchover could be performed only from a specific leader");
    } else if (r->accepts_loss && (!r->is_failover || is_given(r->leader))) {
        refuse(v, BAD_REQUEST, "only a failover accepts a loss of data, and without a leader");
    } else if (is_given(r->scheduled_at)) {
        judge_schedule(r, view, wall_ms, v);
    }
    if (v->status == 0 && view->is_paused && !is_given(r->candidate)) {
        refuse(v, BAD_REQUEST,
               "Switchover is possible only to a specific candidate in a paused state");
    } else if (v->status == 0 && is_given(r->leader) && is_given(r->candidate) &&
               strcmp(r->leader, r->candidate) == 0) {
        refuse(v, BAD_REQUEST, "Switchover target and source are the same");
    } else if (v->status == 0 && view->is_paused && !r->accepts_loss) {
        refuse(v, NOT_POSSIBLE,
               "%s is not possible: nobody is made primary during a pause, resume first", verb(r));
    } else if (v->status == 0 && view->is_held) {
        refuse(v, NOT_POSSIBLE, "%s is not possible: the primary is held, lift that first",
               verb(r));
    }
}

/* Who could take over, as far as this node has heard; the election will ask again. Where nobody
 * leads nobody streams either. */
static bool is_able(const struct cluster_view *view, const struct view_member *m)
{
    bool follows = m->flow != VIEW_FLOW_NONE || !name_is_set(&view->leader);
    bool is_up = m->is_fresh && m->state == VIEW_RUNNING && follows;
    return !m->is_witness && is_up && !m->never_leads && !name_is(&m->name, &view->leader);
}

/* Whoever has data, or what somebody has restored there, whatever it lacks. Of a standby cluster
 * all comes from elsewhere. */
static bool is_able_with_loss(const struct cluster_view *view, const struct view_member *m)
{
    bool has_data = m->is_restored || m->received.is_known;
    return !m->is_witness && m->is_fresh && has_data && !m->never_leads &&
           !view->is_standby_cluster && !name_is(&m->name, &view->leader);
}

/* Nobody else may be promoted while commits wait for certain standbys; a quorum of them may be any.
 */
static bool may_lead(const struct cluster_view *view, const struct view_member *m)
{
    return view->sync_mode != SYNC_ON || view_is_sync(view, &m->name);
}

static void judge_candidate(const struct switch_request *r, const struct cluster_view *view,
                            struct switch_verdict *v)
{
    const struct view_member *m = view_member_named(view, r->candidate);
    if (m == NULL || m->is_witness) {
        refuse(v, NOT_POSSIBLE, "candidate does not exists");
    } else if (m->is_fenced) {
        refuse(v, NOT_POSSIBLE, "%s is fenced; pgraftctl unfence %s", r->candidate, r->candidate);
    } else if (!r->is_failover && !may_lead(view, m)) {
        refuse(v, NOT_POSSIBLE, "candidate name does not match with sync_standby");
    } else if (r->accepts_loss ? !is_able_with_loss(view, m) : !is_able(view, m)) {
        refuse(v, NOT_POSSIBLE, "%s is not possible: no good candidates have been found", verb(r));
    }
}

static void judge_any(const struct switch_request *r, const struct cluster_view *view,
                      struct switch_verdict *v)
{
    uint32_t others = 0;
    uint32_t allowed = 0;
    uint32_t able = 0;
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct view_member *m = &view->members[i];
        bool is_other = !m->is_witness && !name_is(&m->name, &view->leader);
        others += is_other ? 1 : 0;
        allowed += is_other && may_lead(view, m) ? 1 : 0;
        able += is_able(view, m) && may_lead(view, m) ? 1 : 0;
    }
    if (view->sync_mode == SYNC_ON && allowed == 0) {
        refuse(v, NOT_POSSIBLE, "%s is not possible: can not find sync_standby", verb(r));
    } else if (others == 0) {
        refuse(v, NOT_POSSIBLE, "%s is not possible: cluster does not have members except leader",
               verb(r));
    } else if (able == 0) {
        refuse(v, NOT_POSSIBLE, "%s is not possible: no good candidates have been found", verb(r));
    }
}

/* Names that were compared fit. */
static void put_name(struct facts_name *name, const char *text)
{
    (void)snprintf(name->text, sizeof(name->text), "%s", text != NULL ? text : "");
}

void switch_judge(const struct switch_request *request, const struct cluster_view *view,
                  uint64_t wall_ms, struct switch_verdict *ret_verdict)
{
    struct switch_request r = *request;
    struct switch_verdict v = {.status = 0};
    judge_words(&r, view, wall_ms, &v);
    r.is_failover = r.is_failover && !is_given(r.leader); /* with a leader it is a switchover */
    if (v.status == 0 && !r.is_failover && strcmp(view->leader.text, r.leader) != 0) {
        refuse(&v, NOT_POSSIBLE, "leader name does not match");
    }
    if (v.status == 0 && is_given(r.candidate)) {
        judge_candidate(&r, view, &v);
    } else if (v.status == 0) {
        judge_any(&r, view, &v);
    }
    if (v.status == 0) {
        put_name(&v.wish.leader, r.leader);
        put_name(&v.wish.candidate, r.candidate);
        v.wish.accepts_loss = r.accepts_loss;
    }
    *ret_verdict = v;
}
