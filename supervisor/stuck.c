/* supervisor/stuck.c - from looks, one after the other, to a standby that stands still. */
#include "supervisor/stuck.h"

#include "supervisor/damage.h"
#include "supervisor/proof.h"
#include "supervisor/return.h"

#define LOOK_MAX_MS 1000 /* what lies between two looks counts for no more */

/* It is told whom to follow, and nothing is known to keep PostgreSQL from it. */
static bool stands_still(const struct facts *f)
{
    const struct pg_facts *pg = &f->pg;
    bool leads = facts_leads_standby(f) && name_is_set(&f->settings.remote);
    bool follows = pg->process == PG_RUNNING && pg->role == ROLE_STANDBY &&
                   name_is(&pg->upstream, leads ? &f->settings.remote : &f->store.holder);
    return follows && pg->end.is_known && f->back.waits_for_wal == FACT_YES &&
           (leads || return_has_primary(f)) && f->store.is_current == FACT_YES;
}

/* In a standby cluster: WAL that goes on beyond where the next timeline of the other cluster began
 * keeps PostgreSQL from coming up at all, once it has read of that. It may do so on every node at
 * once, and who leads has nobody here to be cloned of (damage.h). */
static bool never_comes_up(const struct facts *f)
{
    return f->store.grant_is_standby && f->pg.process == PG_ABSENT && f->pg.data == DATA_USABLE &&
           f->store.is_current == FACT_YES && (facts_leads_standby(f) || return_has_primary(f)) &&
           damage_never_starts(f);
}

/* It goes on, or is kept from it by something else; a start that fails shows neither. */
static bool goes_on(const struct stuck_book *book, const struct facts *f)
{
    bool has_moved =
        f->pg.end.is_known && book->at.is_known && position_compare(&f->pg.end, &book->at) != 0;
    return f->pg.follows_epoch != 0 || has_moved || f->back.waits_for_wal == FACT_NO ||
           f->store.paused == FACT_YES;
}

static bool is_let_in(const struct facts *f)
{
    return f->back.is_let_in == FACT_YES && f->back.has_slot == FACT_YES;
}

static uint64_t patience_ms(const struct facts *f)
{
    uint64_t leases_ms = STUCK_LEASES * f->settings.times.lease_ms;
    uint64_t least_ms = leases_ms > STUCK_MIN_MS ? leases_ms : STUCK_MIN_MS;
    return f->back.has_archive == FACT_YES ? STUCK_ARCHIVE_TIMES * least_ms : least_ms;
}

/* Another copy after one that was stuck: a rung was done. */
static void turn_page(struct stuck_book *book, const struct facts *f)
{
    bool is_same_primary = book->epoch == f->store.grant_epoch;
    if (is_same_primary && (f->pg.copy == book->copy || f->pg.copy == 0)) {
        return;
    }
    uint32_t falls = is_same_primary ? book->falls + (book->is_stuck ? 1 : 0) : 0;
    *book = (struct stuck_book){.epoch = f->store.grant_epoch, .copy = f->pg.copy, .falls = falls};
}

void stuck_forgive(struct stuck_book *book)
{
    book->at.is_known = false;
    book->still_ms = 0;
    book->is_stuck = false;
}

void stuck_settle(struct stuck_book *book, const struct facts *f, uint64_t now_ms,
                  struct return_facts *out)
{
    uint64_t since_ms = now_ms - book->looked_ms;
    turn_page(book, f);
    book->looked_ms = now_ms;
    book->falls = f->pg.follows_epoch != 0 ? 0 : book->falls;
    if (goes_on(book, f)) {
        stuck_forgive(book);
    } else if (stands_still(f)) {
        book->at = f->pg.end;
        book->still_ms += since_ms < LOOK_MAX_MS ? since_ms : LOOK_MAX_MS;
    }
    bool may_fall =
        f->store.paused == FACT_NO && !proof_asks_for(f) && book->falls < STUCK_FALLS_MAX;
    if (f->pg.process == PG_RUNNING) { /* else it is as it was: it goes down for its rung */
        book->is_stuck =
            may_fall && stands_still(f) && book->still_ms >= patience_ms(f) && is_let_in(f);
    } else if (may_fall && never_comes_up(f) && f->back.starts_in_vain > book->starts) {
        book->is_stuck = true;
        book->starts = f->back.starts_in_vain;
    }
    out->still_ms = book->still_ms;
    out->is_stuck = book->is_stuck;
    out->falls = book->falls;
}
