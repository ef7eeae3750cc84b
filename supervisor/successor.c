/* supervisor/successor.c - what the members' words, and an operator's, say of who could be next. */
#include "supervisor/successor.h"

#include "supervisor/history.h"
#include "supervisor/proof.h"

#define AT_ONCE_BYTES (UINT64_C(64) << 20) /* to replay: a second or two */

/* It could be primary at once, for it has next to nothing left to replay, with all that this one
 * had, or as near to it as may be where commits waited for nobody: the election would choose it
 * (elect.c). Of two with the same backlog neither is, or each would be ended for the other. */
static bool is_fit(const struct facts *f, const struct member_facts *m)
{
    const struct history_row *newest = history_newest(&f->store);
    bool is_standby = m->is_database && m->is_fresh && m->has_data && !m->leaves &&
                      m->process == PG_RUNNING && m->role == ROLE_STANDBY &&
                      m->can_start != FACT_NO && m->config_reads != FACT_NO;
    bool may_be = !m->nofailover && m->failover_priority > 0 && !m->nostream;
    bool is_on_it =
        !f->settings.check_timeline || newest == NULL || m->end.timeline >= newest->timeline;
    bool is_near = proof_is_lossy(&f->store.sync) && m->end.is_known && f->pg.had.is_known &&
                   history_lag(&f->store, &m->end, &f->pg.had) <= f->settings.lag_bytes_max;
    bool is_done = m->to_replay <= AT_ONCE_BYTES;
    return is_standby && may_be && is_on_it && is_done &&
           (is_near || position_reaches(&m->end, &f->pg.had));
}

bool successor_is_fit(const struct facts *f)
{
    bool has = false;
    for (uint32_t i = 0; i < f->member_count; i++) {
        has = has || (!name_is(&f->members[i].name, &f->self) && is_fit(f, &f->members[i]));
    }
    return has && f->store.initialized == FACT_YES && f->store.paused == FACT_NO &&
           f->store.held == FACT_NO;
}

bool successor_is_there(const struct facts *f)
{
    for (uint32_t i = 0; i < f->member_count; i++) {
        const struct member_facts *m = &f->members[i];
        if (!name_is(&m->name, &f->self) && m->is_database && m->is_fresh && m->has_data &&
            !m->nofailover && m->failover_priority > 0 && m->can_start != FACT_NO &&
            m->config_reads != FACT_NO) {
            return true;
        }
    }
    return false;
}

bool successor_has_all(const struct facts *f)
{
    for (uint32_t i = 0; i < f->member_count; i++) {
        const struct member_facts *m = &f->members[i];
        bool may_be = !m->nofailover && m->failover_priority > 0 && !m->nostream && !m->leaves;
        if (!name_is(&m->name, &f->self) && m->is_database && m->is_fresh && m->has_data &&
            m->process == PG_RUNNING && may_be && m->config_reads != FACT_NO &&
            position_reaches(&m->end, &f->pg.end)) {
            return true;
        }
    }
    return false;
}

bool successor_is_accepted(const struct facts *f)
{
    const struct member_facts *m = member_named(f->members, f->member_count, &f->wish.candidate);
    bool is_there = f->wish.accepts_loss && m != NULL && !name_is(&m->name, &f->self) &&
                    m->is_database && m->is_fresh && !m->leaves && m->config_reads != FACT_NO;
    return is_there && !m->nofailover && m->failover_priority > 0 &&
           (m->has_data || (m->is_restored && m->process == PG_ABSENT));
}

/* It streams, may be primary, and what it still lacks of the WAL, or has to replay, is a matter of
 * moments: clients do not wait for more than that. */
static bool is_successor(const struct facts *f, const struct member_facts *m)
{
    bool is_well = m->is_database && m->is_fresh && m->has_data && !m->leaves &&
                   m->can_start != FACT_NO && m->config_reads != FACT_NO;
    bool may_be = !m->nofailover && m->failover_priority > 0;
    bool streams = m->follows_epoch == f->lease.epoch || m->cascades_epoch == f->lease.epoch;
    bool is_near = m->end.is_known && f->pg.end.is_known && m->to_replay <= AT_ONCE_BYTES &&
                   history_lag(&f->store, &m->end, &f->pg.end) <= AT_ONCE_BYTES;
    return is_well && may_be && streams && is_near && !name_is(&m->name, &f->self);
}

bool successor_streams(const struct facts *f)
{
    bool is_named = name_is_set(&f->wish.candidate);
    bool has = false;
    for (uint32_t i = 0; i < f->member_count; i++) {
        const struct member_facts *m = &f->members[i];
        bool is_meant = !is_named || name_is(&m->name, &f->wish.candidate);
        has = has || (is_meant && is_successor(f, m));
    }
    return has;
}
