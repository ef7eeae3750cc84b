/* supervisor/proof.c - R = N - W + 1, by copies. */
#include "supervisor/proof.h"

#include <string.h>

#include "supervisor/history.h"

uint32_t proof_answers_needed(const struct sync_set *set)
{
    bool is_sound = set->needed > 0 && set->needed <= set->count;
    return is_sound ? set->count - set->needed + 1 : 0;
}

bool proof_is_lossy(const struct sync_value *value)
{
    for (uint32_t i = 0; value->is_known && i < value->count; i++) {
        if (value->sets[i].needed == 0) {
            return true;
        }
    }
    return false;
}

static const struct member_facts *member_of_copy(const struct sync_copy *copy,
                                                 const struct member_facts *members, uint32_t count)
{
    const struct member_facts *m = member_named(members, count, &copy->name);
    return m != NULL && copy->copy != 0 && m->copy == copy->copy ? m : NULL;
}

static bool is_sealed(const struct member_facts *m, uint64_t epoch)
{
    return m != NULL && m->sealed_epoch == epoch && m->end.is_known;
}

static void raise_floor(struct position *floor, const struct position *end)
{
    if (!floor->is_known || position_compare(end, floor) > 0) {
        *floor = *end;
    }
}

/* How many of @set have sealed themselves; the furthest of them raises @floor. */
static uint32_t count_answers(const struct store_facts *store, const struct sync_set *set,
                              const struct member_facts *members, uint32_t count, uint64_t epoch,
                              struct position *floor)
{
    uint32_t answers = 0;
    for (uint32_t k = 0; k < set->count; k++) {
        const struct member_facts *m = member_of_copy(&set->at[k], members, count);
        if (is_sealed(m, epoch)) {
            struct position counted = history_counted(store, &m->end, &m->left);
            answers++;
            raise_floor(floor, &counted);
        }
    }
    return answers;
}

struct proof proof_of_waits(const struct store_facts *store, const struct member_facts *members,
                            uint32_t count, uint64_t epoch)
{
    const struct sync_value *value = &store->sync;
    struct proof proof = {.holds = value->is_known};
    for (uint32_t i = 0; value->is_known && i < value->count; i++) {
        const struct sync_set *set = &value->sets[i];
        if (set->needed == 0) {
            continue;
        }
        uint32_t needed = proof_answers_needed(set);
        uint32_t answers = count_answers(store, set, members, count, epoch, &proof.floor);
        proof.holds = proof.holds && needed > 0 && answers >= needed;
    }
    return proof;
}

static void add_primary(struct proof *proof, const struct store_facts *store,
                        const struct member_facts *m, uint64_t epoch)
{
    if (!is_sealed(m, epoch)) {
        return;
    }
    struct position counted = history_counted(store, &m->end, &m->left);
    if (!proof->holds || position_compare(&counted, &proof->floor) < 0) {
        proof->holds = true;
        proof->floor = counted;
    }
}

/* Each of them has all that was ever acknowledged, so no more of it is anywhere than the one has
 * that ends first. */
static struct proof proof_by_primaries(const struct store_facts *store,
                                       const struct member_facts *members, uint32_t count,
                                       uint64_t epoch)
{
    const struct sync_value *value = &store->sync;
    struct proof proof = {.by_primary = true};
    add_primary(&proof, store, member_of_copy(&value->primary, members, count), epoch);
    for (uint32_t i = 0; i < value->heir_count; i++) {
        add_primary(&proof, store, member_of_copy(&value->heirs[i], members, count), epoch);
    }
    return proof;
}

struct proof proof_by_seals(const struct store_facts *store, const struct member_facts *members,
                            uint32_t count, uint64_t epoch)
{
    const struct sync_value *value = &store->sync;
    struct proof proof = {.holds = value->is_known && value->count > 0};
    for (uint32_t i = 0; value->is_known && i < value->count; i++) {
        const struct sync_set *set = &value->sets[i];
        uint32_t needed = proof_answers_needed(set);
        uint32_t answers = count_answers(store, set, members, count, epoch, &proof.floor);
        proof.holds = proof.holds && needed > 0 && answers >= needed;
    }
    return proof.holds || !value->is_known ? proof
                                           : proof_by_primaries(store, members, count, epoch);
}

static bool would_answer(const struct member_facts *m, uint64_t epoch)
{
    return m != NULL && m->is_fresh && m->is_database && m->process == PG_RUNNING &&
           m->follows_epoch == epoch && m->end.is_known && !m->leaves;
}

static bool would_lead(const struct member_facts *m, uint64_t epoch)
{
    return would_answer(m, epoch) && !m->nofailover && m->failover_priority >= 1 &&
           m->config_reads != FACT_NO;
}

static bool would_hold(const struct sync_value *value, const struct member_facts *members,
                       uint32_t count, uint64_t epoch,
                       bool (*counts)(const struct member_facts *m, uint64_t epoch))
{
    bool holds = value->is_known && value->count > 0 && value->epoch == epoch;
    for (uint32_t i = 0; holds && i < value->count; i++) {
        const struct sync_set *set = &value->sets[i];
        uint32_t needed = proof_answers_needed(set);
        uint32_t answers = 0;
        for (uint32_t k = 0; k < set->count; k++) {
            answers += counts(member_of_copy(&set->at[k], members, count), epoch) ? 1 : 0;
        }
        holds = needed > 0 && answers >= needed;
    }
    return holds;
}

bool proof_is_foreseen(const struct sync_value *value, const struct member_facts *members,
                       uint32_t count, uint64_t epoch)
{
    return would_hold(value, members, count, epoch, would_lead);
}

bool proof_would_hold(const struct sync_value *value, const struct member_facts *members,
                      uint32_t count, uint64_t epoch)
{
    return would_hold(value, members, count, epoch, would_answer);
}

static bool is_copy(const struct sync_copy *c, const struct facts_name *name, uint64_t copy)
{
    return copy != 0 && c->copy == copy && name_is(&c->name, name);
}

bool proof_lists(const struct sync_value *value, const struct facts_name *name, uint64_t copy)
{
    for (uint32_t i = 0; value->is_known && i < value->count; i++) {
        for (uint32_t k = 0; k < value->sets[i].count; k++) {
            if (is_copy(&value->sets[i].at[k], name, copy)) {
                return true;
            }
        }
    }
    return false;
}

bool proof_is_alone(const struct sync_value *value, const struct facts_name *name, uint64_t copy)
{
    bool is_alone = value->is_known && is_copy(&value->primary, name, copy);
    for (uint32_t i = 0; value->is_known && i < value->heir_count; i++) {
        is_alone = is_alone || is_copy(&value->heirs[i], name, copy);
    }
    return is_alone;
}

bool proof_is_foreseen_after_end(const struct facts *f)
{
    struct member_facts members[FACTS_MEMBERS_MAX];
    memcpy(members, f->members, sizeof(members));
    for (uint32_t i = 0; i < f->member_count; i++) {
        struct member_facts *m = &members[i];
        if (m->follows_epoch == 0 && m->role == ROLE_STANDBY && m->end.is_known &&
            m->end.timeline == f->store.grant_timeline) {
            m->follows_epoch = f->lease.epoch;
        }
    }
    return proof_is_foreseen(&f->store.sync, members, f->member_count, f->lease.epoch);
}

bool proof_asks_for(const struct facts *f)
{
    const struct sync_value *sync = &f->store.sync;
    const struct history_row *newest = history_newest(&f->store);
    const struct history_row *used = history_newest_used(&f->store);
    bool may_wait = f->settings.sync_mode != SYNC_OFF || sync->count > 0;
    if (f->store.grant_is_standby) {
        return false; /* nothing was acknowledged in this epoch */
    }
    bool is_inherited =
        sync->heir_count > 0 && newest != NULL && newest->epoch == f->store.grant_epoch;
    bool is_of_now = sync->is_known && (sync->epoch == f->store.grant_epoch || is_inherited);
    if (!is_of_now) {
        return may_wait;
    }
    bool is_open = may_wait && sync->count == 0; /* any may be in force */
    bool is_listed = is_open || proof_lists(sync, &f->self, f->pg.copy) ||
                     proof_is_alone(sync, &f->self, f->pg.copy);
    bool may_have = used == NULL || !f->pg.end.is_known || f->pg.end.timeline >= used->timeline;
    return is_listed && may_have;
}

/* Sets are built in the order of names (sync_set.c). */
bool sync_set_equal(const struct sync_set *a, const struct sync_set *b)
{
    if (a->needed != b->needed || a->count != b->count) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->at[i].copy != b->at[i].copy || !name_is(&a->at[i].name, &b->at[i].name)) {
            return false;
        }
    }
    return true;
}
