/* supervisor/own_words.c - facts of this node, as the others are told. */
#include "supervisor/own_words.h"

#include "supervisor/return.h"
#include "supervisor/seal.h"
#include "supervisor/source.h"

/* It streams, and has the timeline that the primary which has the lease now has recorded; in a
 * standby cluster those are the other one's. */
static bool streams(const struct facts *f)
{
    const struct store_facts *store = &f->store;
    const struct history_row *newest = history_newest(store);
    bool streams = f->pg.process == PG_RUNNING && f->pg.role == ROLE_STANDBY &&
                   f->pg.follows_epoch != 0 && f->pg.follows_epoch == store->grant_epoch;
    bool is_on_it = return_is_primary(f) && f->pg.end.is_known &&
                    (store->grant_is_standby || f->pg.end.timeline == newest->timeline);
    return streams && is_on_it;
}

/* From the primary itself, which alone hears what it has flushed; or from another standby. */
static void fill_upstream(const struct facts *f, struct member_facts *out)
{
    uint64_t epoch = f->store.grant_epoch;
    if (facts_leads_standby(f)) { /* from another cluster, which is no member */
        bool is_remote =
            name_is_set(&f->settings.remote) && name_is(&f->pg.upstream, &f->settings.remote);
        out->follows_epoch = is_remote && f->pg.follows_epoch == epoch ? epoch : 0;
        return;
    }
    if (!streams(f) || !name_is_set(&f->pg.upstream)) {
        return;
    }
    if (name_is(&f->pg.upstream, &f->store.holder)) {
        out->follows_epoch = epoch;
        return;
    }
    const struct member_facts *from = member_named(f->members, f->member_count, &f->pg.upstream);
    bool has_it = from != NULL && from->is_fresh &&
                  (from->follows_epoch == epoch || from->cascades_epoch == epoch);
    out->upstream = f->pg.upstream;
    out->cascades_epoch = has_it ? epoch : 0;
}

static void fill_tags(const struct facts *f, const struct own_tags *tags, struct member_facts *out)
{
    out->nofailover = tags->nofailover;
    out->nosync = tags->nosync || tags->nostream || source_is_able(f);
    out->failover_priority = tags->failover_priority;
    out->clonefrom = tags->clonefrom;
    out->nostream = tags->nostream;
    out->replicatefrom = tags->replicatefrom;
}

static bool is_sealed(const struct facts *f)
{
    bool is_no_primary = f->pg.role == ROLE_STANDBY || f->pg.process == PG_ABSENT;
    return f->pg.data == DATA_USABLE && is_no_primary && f->pg.sealed_epoch > 0 &&
           seal_next(&f->pg, f->pg.sealed_epoch) == SEAL_DONE;
}

bool own_words_fill(const struct facts *f, const struct own_tags *tags, const struct position *seen,
                    uint64_t seen_age_ms, struct member_facts *out)
{
    memset(out, 0, sizeof(*out));
    out->name = f->self;
    out->is_database = tags->is_database;
    out->seen = *seen;
    out->seen_age_ms = seen->is_known ? seen_age_ms : 0;
    if (!tags->is_database) {
        return true;
    }
    if (f->pg.data == DATA_UNKNOWN || f->pg.process == PG_UNKNOWN) {
        return false;
    }
    out->has_data = f->pg.data == DATA_USABLE;
    out->copy = out->has_data ? f->pg.copy : 0;
    out->is_restored = f->pg.data == DATA_FOREIGN && f->pg.restored == RESTORED_FIT;
    out->process = f->pg.process;
    out->role = f->pg.role;
    out->can_start = f->pg.crashes <= f->settings.crashes_max ? FACT_YES : FACT_NO;
    out->config_reads = f->back.config_reads;
    out->leaves = f->wish.stop;
    out->discards = f->back.discards;
    fill_tags(f, tags, out);
    out->end = out->has_data ? f->pg.end : (struct position){.is_known = false};
    out->to_replay = out->has_data ? f->pg.to_replay : TO_REPLAY_UNKNOWN;
    out->left = out->end.is_known ? f->pg.left : (struct position){.is_known = false};
    fill_upstream(f, out);
    out->sealed_epoch = is_sealed(f) ? f->pg.sealed_epoch : 0;
    bool is_primary = f->pg.process == PG_RUNNING && f->pg.role == ROLE_PRIMARY;
    out->primary_epoch = is_primary ? f->guard.promoted_epoch : 0;
    if (out->primary_epoch != 0 && f->pg.end.is_known) {
        out->seen = f->pg.end;
        out->seen_age_ms = 0;
    }
    return true;
}
