/* supervisor/return.c - the ladder of coming back. */
#include "supervisor/return.h"

#include "supervisor/history.h"

#define REWINDS_MAX 2

bool return_has_primary(const struct facts *f)
{
    const struct store_facts *store = &f->store;
    const struct history_row *newest = history_newest(store);
    const struct member_facts *primary = member_named(f->members, f->member_count, &store->holder);
    return store->lease_stands && store->grant_epoch >= f->pg.sealed_epoch &&
           store->order_epoch <= store->grant_epoch && newest != NULL &&
           newest->epoch == store->grant_epoch && !name_is(&store->holder, &f->self) &&
           primary != NULL && primary->is_fresh && primary->primary_epoch == store->grant_epoch;
}

bool return_may_restart(const struct facts *f)
{
    return f->pg.crashes <= f->settings.crashes_max;
}

static struct return_plan plan(enum return_step step, bool needs_stop, const char *why)
{
    return (struct return_plan){.step = step, .needs_stop = needs_stop, .why = why};
}

static struct return_plan clone_again(const struct facts *f, const char *why)
{
    if (!f->settings.may_clone) {
        return plan(RETURN_WAIT, false,
                    "only a new clone would help, and that is not allowed here");
    }
    if (!f->back.wal_kept && f->pg.data == DATA_USABLE) {
        return plan(RETURN_KEEP_WAL, true, "WAL that the primary does not have is put aside first");
    }
    return plan(RETURN_CLONE, true, why);
}

static struct return_plan diverged(const struct facts *f)
{
    if (!f->settings.may_rewind) {
        return clone_again(f, "it has WAL that the primary does not have, and can not be rewound");
    }
    if (f->back.rewind_failures >= REWINDS_MAX) {
        return clone_again(f, "rewinding has failed");
    }
    if (f->back.primary_ready != FACT_YES) {
        return plan(RETURN_WAIT, false, "a rewind waits for the new primary's checkpoint");
    }
    if (!f->back.wal_kept) {
        return plan(RETURN_KEEP_WAL, true, "WAL that the primary does not have is put aside first");
    }
    return plan(RETURN_REWIND, true, "it has WAL that the primary does not have");
}

struct return_plan return_plan(const struct facts *f)
{
    if (!return_has_primary(f)) {
        return plan(RETURN_WAIT, false, "there is no primary to come back to");
    }
    if (f->pg.copy != 0 && f->pg.copy == f->store.holder_copy) {
        return plan(RETURN_WAIT, false, "this very copy was granted the role: it is not touched");
    }
    if (f->pg.data == DATA_EMPTY) {
        return plan(RETURN_CLONE, true, "there is no data yet");
    }
    if (f->pg.data == DATA_BROKEN) {
        return clone_again(f, "a clone or a rewind was interrupted here");
    }
    if (f->pg.data != DATA_USABLE || !f->pg.end.is_known) {
        return plan(RETURN_WAIT, false, "it is not known yet how far its WAL goes");
    }
    if (history_is_diverged(&f->store, &f->pg.end)) {
        return diverged(f);
    }
    if (f->back.has_upstream_wal != FACT_NO) {
        return plan(RETURN_FOLLOW, false, "the primary has what is missing here");
    }
    if (f->back.has_archive == FACT_YES) {
        return plan(RETURN_RESTORE, false, "the archive has what the primary has removed");
    }
    return clone_again(f, "neither primary nor archive has the WAL that is missing here");
}
