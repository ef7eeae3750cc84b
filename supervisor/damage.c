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

bool damage_never_starts(const struct facts *f)
{
    uint64_t leases_ms = DAMAGE_LEASES * f->settings.times.lease_ms;
    uint64_t least_ms = leases_ms > DAMAGE_MIN_MS ? leases_ms : DAMAGE_MIN_MS;
    return f->back.starts_in_vain >= DAMAGE_STARTS && f->back.in_vain_ms >= least_ms &&
           f->back.config_reads == FACT_YES;
}

/* Where nothing may be cloned it is tried on. */
static bool never_starts(const struct facts *f)
{
    return damage_never_starts(f) && f->settings.may_clone;
}

static bool has_no_end(const struct facts *f)
{
    return f->pg.end_lost && !f->pg.end.is_known &&
           f->pg.end_unread_ms > f->settings.times.start_max_ms;
}

/* ---- the others ---- */

static bool is_another_standby(const struct facts *f, const struct member_facts *m)
{
    return m->is_database && !name_is(&m->name, &f->self) && !name_is(&m->name, &f->store.holder);
}

/* While it is cloned there are two copies still: the primary's, and one that follows it. */
static bool is_copied_elsewhere(const struct facts *f)
{
    for (uint32_t i = 0; i < f->member_count; i++) {
        const struct member_facts *m = &f->members[i];
        bool follows = m->is_fresh && m->has_data && m->follows_epoch == f->store.grant_epoch;
        if (is_another_standby(f, m) && follows) {
            return true;
        }
    }
    return false;
}

/* One after the other, and nobody after a clone that did not help: what keeps several from coming
 * up is no damage. Of those that ask the first by name; who has begun is not overtaken. Who is not
 * heard of may be doing it now. */
static bool is_its_turn(const struct damage_book *book, const struct facts *f)
{
    bool has_begun = book->found == DAMAGE_NO_START;
    bool is_free = true;
    for (uint32_t i = 0; i < f->member_count; i++) {
        const struct member_facts *m = &f->members[i];
        bool is_before =
            m->discards == DISCARDS_ASKS && !has_begun && strcmp(m->name.text, f->self.text) < 0;
        bool is_in_the_way =
            !m->is_fresh || !m->has_data || m->discards == DISCARDS_DONE || is_before;
        is_free = is_free && !(is_another_standby(f, m) && is_in_the_way);
    }
    return is_free;
}

/* ---- the verdict ---- */

static bool asks(const struct damage_book *book, const struct facts *f)
{
    return may_go(book, f) && never_starts(f) && is_copied_elsewhere(f);
}

/* It has asked for so long that whoever asks as well has heard of it. And it was started once more
 * since nothing else kept it: what has made another one come up may do so here. */
static bool has_asked(const struct damage_book *book, const struct facts *f, uint64_t now_ms)
{
    uint64_t words_ms = 2 * f->settings.times.fresh_ms;
    return book->asks && now_ms - book->asks_since_ms >= DAMAGE_ASK_MS + words_ms &&
           f->back.starts_in_vain > book->starts;
}

static void ask(struct damage_book *book, const struct facts *f, uint64_t now_ms)
{
    bool is_asking = asks(book, f);
    bool is_kept = !is_asking || !is_its_turn(book, f);
    book->asks_since_ms = is_asking && book->asks ? book->asks_since_ms : now_ms;
    book->starts = is_kept ? f->back.starts_in_vain : book->starts;
    book->asks = is_asking;
}

static enum damage judge(const struct damage_book *book, const struct facts *f, uint64_t now_ms)
{
    if (may_go(book, f) && has_no_end(f)) {
        return DAMAGE_NO_END;
    }
    return has_asked(book, f, now_ms) && is_its_turn(book, f) ? DAMAGE_NO_START : DAMAGE_NONE;
}

static enum damage_wait waits_for(const struct damage_book *book, const struct facts *f)
{
    bool is_due =
        f->pg.copy != 0 && book->found == DAMAGE_NONE && may_go(book, f) && never_starts(f);
    return !is_due                   ? DAMAGE_WAITS_NOT
           : !is_copied_elsewhere(f) ? DAMAGE_WAITS_COPY
           : !is_its_turn(book, f)   ? DAMAGE_WAITS_TURN
                                     : DAMAGE_WAITS_NOT;
}

/* ---- the book ---- */

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

void damage_settle(struct damage_book *book, const struct facts *f, uint64_t now_ms,
                   struct return_facts *out)
{
    turn_page(book, f);
    book->tries = f->pg.follows_epoch != 0 ? 0 : book->tries;
    if (f->pg.copy != 0) { /* else it is being taken apart, or nothing is known of it */
        ask(book, f, now_ms);
        book->found = judge(book, f, now_ms);
    }
    out->damage = f->pg.copy != 0 ? book->found : DAMAGE_NONE;
    out->discards = book->found != DAMAGE_NONE || book->tries > 0 ? DISCARDS_DONE
                    : book->asks                                  ? DISCARDS_ASKS
                                                                  : DISCARDS_NOT;
    out->damage_wait = waits_for(book, f);
}

const char *damage_wait_text(enum damage_wait wait)
{
    switch (wait) {
        case DAMAGE_WAITS_COPY:
            return "it is not cloned while no other standby follows the primary";
        case DAMAGE_WAITS_TURN:
            return "it is not cloned while another standby is not heard of, comes before it, or "
                   "does not come up with its clone";
        case DAMAGE_WAITS_NOT:
            break;
    }
    return "";
}
