/* supervisor/return.c - the ladder of coming back. */
#include "supervisor/return.h"

#include "supervisor/history.h"

#define REWINDS_MAX 2

bool return_is_primary(const struct facts *f)
{
    const struct store_facts *store = &f->store;
    const struct history_row *newest = history_newest(store);
    const struct member_facts *m = member_named(f->members, f->member_count, &store->holder);
    if (store->grant_is_standby) { /* it records no timeline, for it begins none */
        return m != NULL && m->is_fresh && m->has_data && m->process == PG_RUNNING &&
               m->role == ROLE_STANDBY;
    }
    if (m == NULL || !m->is_fresh || newest == NULL || newest->epoch != store->grant_epoch) {
        return false;
    }
    /* Only who is primary records a timeline, and the record is here sooner than its words. */
    bool is_on_its_way = m->primary_epoch == 0 && m->process == PG_RUNNING &&
                         m->role != ROLE_PRIMARY && m->sealed_epoch == store->grant_epoch;
    return m->primary_epoch == store->grant_epoch || is_on_its_way;
}

bool return_has_primary(const struct facts *f)
{
    const struct store_facts *store = &f->store;
    return store->lease_stands && store->grant_epoch >= f->pg.sealed_epoch &&
           store->order_epoch <= store->grant_epoch && !name_is(&store->holder, &f->self) &&
           return_is_primary(f);
}

bool return_may_restart(const struct facts *f)
{
    return f->pg.crashes <= f->settings.crashes_max;
}

static struct return_plan plan(enum return_step step, bool needs_stop, const char *why)
{
    return (struct return_plan){.step = step, .needs_stop = needs_stop, .why = why};
}

/* Who leads a standby cluster comes back to the other cluster; if it is known here which one. */
static bool leads_to_remote(const struct facts *f)
{
    return facts_leads_standby(f) && f->settings.is_standby_cluster && !f->settings.is_guess;
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

/* It would ask the primary for WAL of a timeline that ended before: of a record that was begun
 * before the fork, and never came to its end. */
static bool asks_beyond_fork(const struct facts *f)
{
    uint64_t common = 0;
    return history_common(&f->store, f->pg.end.timeline, &common) && f->pg.misses_lsn > common;
}

/* All that it has is a part of the primary's WAL, and it does not stream: another copy may. */
static struct return_plan fall(const struct facts *f)
{
    if (f->back.falls == 0 && f->settings.may_rewind && f->back.rewind_failures < REWINDS_MAX) {
        struct return_plan rewind = diverged(f);
        rewind.why = rewind.step == RETURN_REWIND
                         ? "it follows the primary, and does not stream: it is rewound"
                         : rewind.why;
        return rewind;
    }
    return clone_again(f, "it follows the primary, and does not stream: it is cloned");
}

static struct return_plan end_unknown(const struct facts *f)
{
    if (f->pg.data == DATA_USABLE && f->pg.end_lost) {
        return plan(RETURN_WAIT, false,
                    "the place where its recovery would begin is damaged or gone; it is cloned "
                    "after a while, unless a synchronous commit may count on this copy");
    }
    return plan(RETURN_WAIT, false, "it is not known yet how far its WAL goes");
}

/* A backup is restored where nobody is primary, and nobody is about to be. Nothing is discarded. A
 * standby cluster has none of its own. */
static bool clones_alone(const struct facts *f)
{
    return f->back.clones_alone && f->pg.data == DATA_EMPTY && f->lease.epoch == 0 &&
           f->store.is_current == FACT_YES && f->store.initialized == FACT_YES &&
           !f->store.lease_stands && f->store.paused == FACT_NO && !f->store.grant_is_standby &&
           !f->settings.is_standby_cluster;
}

/* It is down for something that is to be done to its data: then it is not started before its end is
 * read, or it would be stopped for that again, and so on. */
static bool has_rung(const struct facts *f)
{
    bool is_missing = f->back.has_upstream_wal == FACT_NO && f->back.has_archive != FACT_YES;
    return f->back.is_stuck || f->back.damage != DAMAGE_NONE || is_missing;
}

/* There is no directory that PostgreSQL could come up with. */
static bool is_to_be_made(const struct facts *f)
{
    return f->pg.data == DATA_EMPTY || f->pg.data == DATA_BROKEN ||
           (f->pg.data == DATA_USABLE && f->back.damage == DAMAGE_NO_END);
}

static struct return_plan made_anew(const struct facts *f)
{
    if (f->pg.data == DATA_EMPTY) {
        return plan(RETURN_CLONE, true, "there is no data yet");
    }
    return clone_again(f, f->pg.data == DATA_BROKEN
                              ? "a clone or a rewind was interrupted here"
                              : "the place where its recovery would begin is damaged or gone");
}

/* What is said of whom it follows. */
struct upstream_words {
    const char *has, *archived, *nowhere;
};
static const struct upstream_words of_primary = {
    .has = "the primary has what is missing here",
    .archived = "the archive has what the primary has removed",
    .nowhere = "neither primary nor archive has the WAL that is missing here"};
static const struct upstream_words of_other_cluster = {
    .has = "it follows the other cluster",
    .archived = "the archive has what the other cluster has removed",
    .nowhere = "neither the other cluster nor the archive has the WAL that is missing"};

/* It has parted from nobody: by where the WAL is that it lacks. */
static struct return_plan by_wal(const struct facts *f, const struct upstream_words *words)
{
    if (f->back.damage == DAMAGE_NO_START) {
        return clone_again(f, "PostgreSQL ends before it is open, again and again");
    }
    if (f->back.is_stuck && f->back.has_upstream_wal == FACT_YES) {
        return fall(f);
    }
    if (f->back.has_upstream_wal != FACT_NO) {
        return plan(RETURN_FOLLOW, false, words->has);
    }
    if (f->back.has_archive == FACT_YES) {
        return plan(RETURN_RESTORE, false, words->archived);
    }
    return clone_again(f, words->nowhere);
}

/* The timelines are those of the other cluster, and nothing here records where they parted. So what
 * can not follow is found by that it does not (stuck.h), and is compared with the other cluster's
 * primary itself. */
static struct return_plan standby_plan(const struct facts *f)
{
    if (is_to_be_made(f)) {
        return made_anew(f);
    }
    if (f->pg.data != DATA_USABLE || !f->pg.end.is_known) {
        return f->pg.data == DATA_USABLE && leads_to_remote(f) && !has_rung(f)
                   ? plan(RETURN_FOLLOW, false, "it follows the other cluster")
                   : end_unknown(f);
    }
    return by_wal(f, &of_other_cluster);
}

struct return_plan return_plan(const struct facts *f)
{
    if (!return_has_primary(f) && clones_alone(f)) {
        return plan(RETURN_CLONE, true,
                    "there is no data, and nobody to copy: they come from elsewhere");
    }
    if (!return_has_primary(f) && !leads_to_remote(f)) {
        return plan(RETURN_WAIT, false, "there is no primary to come back to");
    }
    if (f->store.grant_is_standby) {
        return standby_plan(f);
    }
    if (f->pg.copy != 0 && f->pg.copy == f->store.holder_copy) {
        return plan(RETURN_WAIT, false, "this very copy was granted the role: it is not touched");
    }
    if (is_to_be_made(f)) {
        return made_anew(f);
    }
    if (f->pg.data != DATA_USABLE || !f->pg.end.is_known) {
        return end_unknown(f);
    }
    if (history_is_diverged(&f->store, &f->pg.end)) {
        return diverged(f);
    }
    if (asks_beyond_fork(f)) {
        return diverged(f);
    }
    return by_wal(f, &of_primary);
}
