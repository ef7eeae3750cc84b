/* supervisor/damage.c - from failed starts, and a WAL that can not be read, to a copy of no use. */
#include "supervisor/damage.h"

#include "supervisor/proof.h"
#include "supervisor/return.h"

/* It is down, a primary is there to be copied, and nobody needs this copy or wants it left. */
static bool may_go(const struct damage_book *book, const struct facts *f)
{
    return f->pg.process == PG_ABSENT && f->pg.data == DATA_USABLE &&
           f->store.is_current == FACT_YES && f->store.paused == FACT_NO && return_has_primary(f) &&
           !proof_asks_for(f) && book->tries < DAMAGE_TRIES_MAX;
}

static bool never_starts(const struct facts *f)
{
    uint64_t leases_ms = DAMAGE_LEASES * f->settings.times.lease_ms;
    uint64_t least_ms = leases_ms > DAMAGE_MIN_MS ? leases_ms : DAMAGE_MIN_MS;
    return f->back.starts_in_vain >= DAMAGE_STARTS && f->back.in_vain_ms >= least_ms &&
           f->back.config_reads == FACT_YES && f->settings.may_clone; /* else it is tried on */
}

static bool has_no_end(const struct facts *f)
{
    return f->pg.end_lost && !f->pg.end.is_known &&
           f->pg.end_unread_ms > f->settings.times.start_max_ms;
}

static enum damage judge(const struct damage_book *book, const struct facts *f)
{
    return !may_go(book, f)  ? DAMAGE_NONE
           : has_no_end(f)   ? DAMAGE_NO_END
           : never_starts(f) ? DAMAGE_NO_START
                             : DAMAGE_NONE;
}

/* Another copy after one that was of no use: a rung was done. */
static void turn_page(struct damage_book *book, const struct facts *f)
{
    bool is_same_primary = book->epoch == f->store.grant_epoch;
    if (is_same_primary && (f->pg.copy == book->copy || f->pg.copy == 0)) {
        return;
    }
    bool is_new = is_same_primary && book->found != DAMAGE_NONE;
    *book = (struct damage_book){.epoch = f->store.grant_epoch,
                                 .copy = f->pg.copy,
                                 .tries = is_same_primary ? book->tries + (is_new ? 1 : 0) : 0};
}

void damage_settle(struct damage_book *book, const struct facts *f, struct return_facts *out)
{
    turn_page(book, f);
    book->tries = f->pg.follows_epoch != 0 ? 0 : book->tries;
    if (f->pg.copy != 0) { /* else it is being taken apart, or nothing is known of it */
        book->found = judge(book, f);
    }
    out->damage = f->pg.copy != 0 ? book->found : DAMAGE_NONE;
}
