/* supervisor/source.c - whom to follow, and whom to copy. */
#include "supervisor/source.h"

#include "supervisor/proof.h"

static const struct facts_name nobody = {.text = ""};

static const struct member_facts *member_of(const struct facts *f, const struct facts_name *name)
{
    return member_named(f->members, f->member_count, name);
}

/* A standby that has the WAL of the primary of now, by its own words. */
static bool has_its_wal(const struct facts *f, const struct member_facts *m)
{
    uint64_t epoch = f->store.grant_epoch;
    return m->is_database && m->is_fresh && m->has_data && m->copy != 0 && epoch != 0 &&
           m->process == PG_RUNNING && m->role == ROLE_STANDBY && !name_is(&m->name, &f->self) &&
           !name_is(&m->name, &f->store.holder) &&
           (m->follows_epoch == epoch || m->cascades_epoch == epoch);
}

/* Tags that name one another in a ring; what streams through this node comes to it. The primary
 * follows nobody, whatever it is tagged. */
static bool comes_from_here(const struct facts *f, const struct member_facts *m, bool by_tag)
{
    for (uint32_t step = 0; m != NULL && step <= f->member_count; step++) {
        if (name_is(&m->name, &f->self)) {
            return true;
        }
        if (name_is(&m->name, &f->store.holder)) {
            return false;
        }
        const struct facts_name *next = by_tag ? &m->replicatefrom : &m->upstream;
        m = name_is_set(next) ? member_of(f, next) : NULL;
    }
    return false; /* a ring of others: who is in it does not stream */
}

bool source_is_able(const struct facts *f)
{
    const struct facts_name *wanted = &f->source.replicatefrom;
    const struct member_facts *m = name_is_set(wanted) ? member_of(f, wanted) : NULL;
    return !f->source.nostream && m != NULL && has_its_wal(f, m) && !comes_from_here(f, m, true) &&
           !comes_from_here(f, m, false);
}

bool source_is_free(const struct facts *f)
{
    const struct sync_value *sync = &f->store.sync;
    bool is_open = f->settings.sync_mode != SYNC_OFF &&
                   sync->count == 0 && /* any may be in force */
                   !f->store.grant_is_standby;
    return source_is_able(f) && !is_open && !proof_lists(sync, &f->self, f->pg.copy);
}

bool source_settle(struct source_book *book, const struct facts *f, uint64_t now_ms)
{
    const struct facts_name *wanted = &f->source.replicatefrom;
    bool is_free = source_is_free(f);
    if (book->epoch != f->store.grant_epoch || !name_is(&book->wanted, wanted) ||
        name_is(wanted, &f->store.holder)) {
        *book = (struct source_book){.epoch = f->store.grant_epoch, .wanted = *wanted};
    }
    if (is_free == book->is_settled) {
        book->other_ms = 0;
        return book->is_settled;
    }
    book->other_ms = book->other_ms != 0 ? book->other_ms : now_ms;
    if (now_ms - book->other_ms >= (is_free ? SOURCE_IN_MS : SOURCE_OUT_MS)) {
        book->is_settled = is_free;
        book->other_ms = 0;
    }
    return book->is_settled;
}

const struct facts_name *source_of(const struct facts *f)
{
    if (facts_leads_standby(f)) {
        return &f->settings.remote;
    }
    if (f->source.nostream) {
        return &nobody;
    }
    return f->source.is_settled ? &f->source.replicatefrom : &f->store.holder;
}

static bool is_for_clones(const struct facts *f, const struct member_facts *m)
{
    return m->clonefrom && has_its_wal(f, m);
}

const struct facts_name *source_for_clone(const struct facts *f, uint64_t draw, bool is_again)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->member_count; i++) {
        count += is_for_clones(f, &f->members[i]) ? 1 : 0;
    }
    uint32_t left = count > 0 ? (uint32_t)(draw % count) : 0;
    for (uint32_t i = 0; i < f->member_count && count > 0 && !is_again; i++) {
        const struct member_facts *m = &f->members[i];
        if (is_for_clones(f, m) && left-- == 0) {
            return &m->name;
        }
    }
    return &f->store.holder;
}
