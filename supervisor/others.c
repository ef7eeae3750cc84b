/* supervisor/others.c - what a member must be to take over, by the question that is asked. */
#include "supervisor/others.h"

#include "supervisor/history.h"
#include "supervisor/proof.h"

#define AT_ONCE_BYTES (UINT64_C(64) << 20) /* to replay: a second or two */

/* Somebody else, who is heard, has data, and whom no tag or file keeps from being primary. */
static bool is_eligible(const struct facts *f, const struct member_facts *m)
{
    return !name_is(&m->name, &f->self) && m->is_database && m->is_fresh && m->has_data &&
           !m->nofailover && m->failover_priority > 0 && m->config_reads != FACT_NO;
}

static bool may_be(const struct facts *f, const struct member_facts *m)
{
    return is_eligible(f, m) && m->can_start != FACT_NO;
}

/* It could be primary at once, for it has next to nothing left to replay, with all that this one
 * had, or as near to it as may be where commits waited for nobody: the election would choose it
 * (elect.c). Of two with the same backlog neither is, or each would be ended for the other. */
static bool is_fit(const struct facts *f, const struct member_facts *m)
{
    const struct history_row *newest = history_newest(&f->store);
    bool is_standby = may_be(f, m) && !m->leaves && !m->nostream && m->process == PG_RUNNING &&
                      m->role == ROLE_STANDBY;
    bool is_on_it =
        !f->settings.check_timeline || newest == NULL || m->end.timeline >= newest->timeline;
    bool is_near = proof_is_lossy(&f->store.sync) && m->end.is_known && f->pg.had.is_known &&
                   history_lag(&f->store, &m->end, &f->pg.had) <= f->settings.lag_bytes_max;
    bool is_done = m->to_replay <= AT_ONCE_BYTES;
    return is_standby && is_on_it && is_done && (is_near || position_reaches(&m->end, &f->pg.had));
}

static bool has_caught_up(const struct facts *f, const struct member_facts *m)
{
    return is_eligible(f, m) && !m->leaves && !m->nostream && m->process == PG_RUNNING &&
           position_reaches(&m->end, &f->pg.end);
}

/* It streams, and what it still lacks of the WAL, or has to replay, is a matter of moments: clients
 * do not wait for more than that. */
static bool can_succeed(const struct facts *f, const struct member_facts *m)
{
    bool is_meant = !name_is_set(&f->wish.candidate) || name_is(&m->name, &f->wish.candidate);
    bool streams = m->follows_epoch == f->lease.epoch || m->cascades_epoch == f->lease.epoch;
    bool is_near = m->end.is_known && f->pg.end.is_known && m->to_replay <= AT_ONCE_BYTES &&
                   history_lag(&f->store, &m->end, &f->pg.end) <= AT_ONCE_BYTES;
    return may_be(f, m) && !m->leaves && is_meant && streams && is_near;
}

static bool any(const struct facts *f,
                bool (*is_one)(const struct facts *f, const struct member_facts *m))
{
    for (uint32_t i = 0; i < f->member_count; i++) {
        if (is_one(f, &f->members[i])) {
            return true;
        }
    }
    return false;
}

bool others_may_be(const struct facts *f)
{
    return any(f, may_be);
}

bool others_are_fit(const struct facts *f)
{
    return any(f, is_fit) && f->store.initialized == FACT_YES && f->store.paused == FACT_NO &&
           f->store.held == FACT_NO;
}

bool others_caught_up(const struct facts *f)
{
    return any(f, has_caught_up);
}

bool others_can_succeed(const struct facts *f)
{
    return any(f, can_succeed);
}

bool others_accepted(const struct facts *f)
{
    const struct member_facts *m = member_named(f->members, f->member_count, &f->wish.candidate);
    bool is_there = f->wish.accepts_loss && m != NULL && !name_is(&m->name, &f->self) &&
                    m->is_database && m->is_fresh && !m->leaves && m->config_reads != FACT_NO;
    return is_there && !m->nofailover && m->failover_priority > 0 &&
           (m->has_data || (m->is_restored && m->process == PG_ABSENT));
}
