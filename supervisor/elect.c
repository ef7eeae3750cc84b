/* supervisor/elect.c - the choice of the primary, as an ordered table of rules.
 *
 * First match wins: what forbids a grant stands before what makes one. look() works out everything
 * that the rules ask about; the rules themselves only read it. tests/unit/test_elect.c fails if a
 * row is never reached. */
#include "supervisor/elect.h"

#include "base/must.h"
#include "supervisor/history.h"
#include "supervisor/level.h"
#include "supervisor/proof.h"

#define LONG_WINDOWS 4 /* so much longer is waited for somebody better */

struct view {
    const struct elect_facts *f;
    uint64_t order; /* the epoch that is to be sealed for; 0: no order stands */
    uint64_t epoch_max;
    uint32_t timeline_max;
    uint32_t answers, unanswered, silent, candidates;
    uint32_t begun;  /* who has a primary that runs and is to be taken over */
    uint32_t follow; /* ... one that runs and is a standby, or has not said what it is */
    bool is_lossy;   /* commits may have waited for nobody */
    bool is_free;    /* nothing was ever acknowledged */
    struct proof proof;
    struct position floor; /* what must be reached to lose nothing; unknown if nobody knows */
    struct proof waits;    /* is_lossy: of what was acknowledged by waiting all the same */
    uint64_t floor_age_ms;
    int32_t best;     /* -1: none */
    int32_t accepted; /* whom an operator wants with what it has, and who is there; -1: nobody */
};

static uint32_t bit(uint32_t i)
{
    return UINT32_C(1) << i;
}

static bool has_answered(const struct view *v, const struct member_facts *m)
{
    return v->order != 0 && m->is_database && m->has_data && m->sealed_epoch == v->order &&
           m->end.is_known;
}

/* A primary whose program was asked to stop says how far it came before it goes. That it is down
 * may be heard later than that it has given the role back. */
static bool says_farewell(const struct view *v, const struct member_facts *m)
{
    return m->leaves && name_is(&m->name, &v->f->store.holder);
}

/* It is alive and can be expected to answer. Who leaves does not, but for that. */
static bool may_answer(const struct view *v, const struct member_facts *m)
{
    return m->is_fresh && m->has_data && (!m->leaves || says_farewell(v, m));
}

static struct position counted_of(const struct view *v, const struct member_facts *m)
{
    return history_counted(&v->f->store, &m->end, &m->left);
}

/* How far behind the floor. */
static uint64_t lag_bytes(const struct view *v, const struct member_facts *m)
{
    struct position counted = counted_of(v, m);
    return history_lag(&v->f->store, &counted, &v->floor);
}

/* It is who was granted the role last, with all that was acknowledged until then, and promoted
 * itself for it. */
static bool is_as_granted(const struct view *v, const struct member_facts *m)
{
    const struct store_facts *store = &v->f->store;
    return name_is(&m->name, &store->holder) && m->copy == store->holder_copy &&
           m->end.timeline >= store->grant_timeline;
}

/* How @m has what is before @floor. By its WAL, as far as that counts; or by a later timeline that
 * it was granted: nothing was acknowledged on any since (history.h). A timeline that was begun by
 * hand is no evidence, however high its number is. */
enum reach { REACH_NOT, REACH_BY_GRANT, REACH_BY_WAL };

static enum reach reach_of(const struct view *v, const struct member_facts *m,
                           const struct position *floor)
{
    struct position counted = counted_of(v, m);
    if (!floor->is_known || position_reaches(&counted, floor)) {
        return REACH_BY_WAL;
    }
    bool is_granted = is_as_granted(v, m) && position_reaches(&m->end, floor);
    return is_granted ? REACH_BY_GRANT : REACH_NOT;
}

static bool reaches_floor(const struct view *v, const struct member_facts *m)
{
    return reach_of(v, m, &v->floor) != REACH_NOT;
}

/* By its number alone, that is: where its timeline left the others was neither recorded nor said,
 * so nobody knows how much it has of what the floor was said of. */
static bool reaches_floor_by_name(const struct view *v, const struct member_facts *m)
{
    struct position counted = counted_of(v, m);
    return v->floor.is_known && counted.timeline > v->floor.timeline &&
           !history_is_recorded(&v->f->store, counted.timeline);
}

/* One that was recorded, and whose primary has published nothing yet, asks nothing of anybody. */
static bool is_on_newest_timeline(const struct view *v, const struct member_facts *m)
{
    const struct history_row *newest = history_newest_used(&v->f->store);
    return newest == NULL || m->end.timeline >= newest->timeline;
}

/* It has answered, and is not to be passed over whatever it lacks. */
static bool is_accepted(const struct view *v, const struct member_facts *m)
{
    return v->accepted >= 0 && m == &v->f->members[v->accepted] && has_answered(v, m);
}

/* May be named, with what it has. */
static bool is_candidate(const struct view *v, const struct member_facts *m)
{
    bool is_checked = v->f->settings.check_timeline && !v->f->store.grant_is_standby;
    if (!has_answered(v, m) || !m->is_fresh || m->leaves || m->nofailover ||
        m->failover_priority < 1 || (is_checked && !is_on_newest_timeline(v, m))) {
        return false;
    }
    if (m->nostream && !v->is_free && !(v->floor.is_known && reaches_floor(v, m))) {
        return false; /* what the archive has brought is behind, unless it proves not to be */
    }
    if (v->is_lossy) {
        bool has_waited = reach_of(v, m, &v->waits.floor) != REACH_NOT;
        bool is_near = lag_bytes(v, m) <= v->f->settings.lag_bytes_max;
        return has_waited && (reaches_floor(v, m) || is_near);
    }
    return v->is_free || (v->proof.holds && reaches_floor(v, m));
}

/* It was granted the role last, and never came so far as to record its timeline. Who led a standby
 * cluster has none. */
static bool has_failed(const struct view *v, const struct member_facts *m)
{
    const struct store_facts *store = &v->f->store;
    const struct history_row *newest = history_newest(store);
    return name_is(&m->name, &store->holder) && !store->grant_is_standby &&
           (newest == NULL || newest->epoch != store->grant_epoch);
}

/* PostgreSQL does not start with its configuration; or goes on by an older one, and could not lift
 * its fence. */
static bool is_refused(const struct member_facts *m)
{
    return m->config_reads == FACT_NO;
}

/* It failed, crashes in a loop, or refuses its configuration, and somebody who runs is fit, with no
 * more loss than is allowed: to try it once more would be to try it for ever. How far the primary
 * was is not always known; then it is enough to be near whoever failed. */
static bool is_outdone(const struct view *v, const struct member_facts *m)
{
    const struct store_facts *store = &v->f->store;
    bool is_in_loop = name_is(&m->name, &store->holder) && m->can_start == FACT_NO;
    bool is_unbounded = v->is_lossy && !v->floor.is_known;
    if (!has_failed(v, m) && !is_in_loop && !is_refused(m)) {
        return false;
    }
    for (uint32_t i = 0; i < v->f->member_count; i++) {
        const struct member_facts *other = &v->f->members[i];
        bool is_fit = other != m && other->process == PG_RUNNING && other->can_start != FACT_NO &&
                      !is_refused(other) && is_candidate(v, other);
        if (is_fit && (!is_unbounded ||
                       history_lag(store, &other->end, &m->end) <= v->f->settings.lag_bytes_max)) {
            return true;
        }
    }
    return false;
}

/* It had the role last, and an operator wants somebody else to have it. */
static bool is_to_leave(const struct view *v, const struct member_facts *m)
{
    return name_is_set(&v->f->wanted) && !name_is(&m->name, &v->f->wanted) &&
           name_is(&m->name, &v->f->store.holder);
}

/* The lead of a standby cluster goes where an operator wants it, whoever has a little more of what
 * comes from elsewhere anyway; but the first one, after a primary, has the most. */
static int by_wish(const struct view *v, const struct member_facts *a, const struct member_facts *b)
{
    const struct elect_facts *f = v->f;
    if (!f->settings.is_standby_cluster || !f->store.grant_is_standby) {
        return 0;
    }
    int order = (int)name_is(&b->name, &f->wanted) - (int)name_is(&a->name, &f->wanted);
    return order != 0 ? order
                      : (int)name_is(&a->name, &f->unwanted) - (int)name_is(&b->name, &f->unwanted);
}

/* < 0: @a is the better choice. Who has just failed counts last, where somebody else will do; then
 * what may be lost, then an operator's word, then who can serve at once. */
static int by_preference(const struct view *v, const struct member_facts *a,
                         const struct member_facts *b)
{
    int order = (int)is_outdone(v, a) - (int)is_outdone(v, b);
    if (order == 0) {
        order = by_wish(v, a, b);
    }
    if (order == 0) {
        order = (int)reach_of(v, b, &v->floor) - (int)reach_of(v, a, &v->floor);
    }
    bool is_position_first = !v->floor.is_known || !reaches_floor(v, a);
    if (order == 0 && is_position_first) {
        order = position_compare(&b->end, &a->end);
    }
    if (order == 0) {
        order = (int)name_is(&b->name, &v->f->wanted) - (int)name_is(&a->name, &v->f->wanted);
    }
    if (order == 0) {
        order = (int)is_to_leave(v, a) - (int)is_to_leave(v, b);
    }
    if (order == 0) {
        order = (int)is_refused(a) - (int)is_refused(b);
    }
    if (order == 0) {
        order = (int)(b->can_start != FACT_NO) - (int)(a->can_start != FACT_NO);
    }
    if (order == 0) {
        order = (int)(b->process == PG_RUNNING) - (int)(a->process == PG_RUNNING);
    }
    if (order == 0) {
        order = (int)has_failed(v, a) - (int)has_failed(v, b);
    }
    if (order == 0) {
        order = position_compare(&b->end, &a->end);
    }
    if (order == 0 && a->failover_priority != b->failover_priority) {
        order = a->failover_priority > b->failover_priority ? -1 : 1;
    }
    return order != 0 ? order : strcmp(a->name.text, b->name.text);
}

/* A PostgreSQL that runs on data without our note: it is to be taken over. */
static bool is_stranger(const struct member_facts *m)
{
    return m->is_database && m->is_fresh && m->has_data && m->copy == 0 && m->process != PG_ABSENT;
}

/* Clients write to it, whatever it is tagged. */
static bool is_begun(const struct member_facts *m)
{
    return is_stranger(m) && m->process == PG_RUNNING && m->role == ROLE_PRIMARY;
}

/* For the very first primary: who is one already, then who has data that is to be adopted, then an
 * operator's order. */
static int by_beginning(const struct member_facts *a, const struct member_facts *b)
{
    if (is_begun(a) != is_begun(b)) {
        return is_begun(a) ? -1 : 1;
    }
    if (a->has_data != b->has_data) {
        return a->has_data ? -1 : 1;
    }
    if (a->failover_priority != b->failover_priority) {
        return a->failover_priority > b->failover_priority ? -1 : 1;
    }
    return strcmp(a->name.text, b->name.text);
}

static bool may_begin(const struct member_facts *m)
{
    bool may_be = m->is_database && m->is_fresh && !m->nofailover && m->failover_priority >= 1;
    return !m->is_fenced && (is_begun(m) || (may_be && !is_stranger(m)));
}

/* Of whom an operator has said that it is to be primary with what it has. It may be there with data
 * that were restored, which are the cluster's only from its answer on. */
static void find_accepted(struct view *v)
{
    const struct elect_facts *f = v->f;
    bool may_be = f->accepts_loss && name_is_set(&f->wanted) && f->store.initialized == FACT_YES &&
                  !f->settings.is_standby_cluster && !f->store.grant_is_standby;
    v->accepted = -1;
    for (uint32_t i = 0; may_be && i < f->member_count; i++) {
        const struct member_facts *m = &f->members[i];
        bool is_there = m->is_database && m->is_fresh && !m->leaves && !m->nofailover &&
                        m->failover_priority >= 1 && (m->has_data || m->is_restored);
        v->accepted = is_there && name_is(&m->name, &f->wanted) ? (int32_t)i : v->accepted;
    }
}

static void choose(struct view *v)
{
    const struct member_facts *members = v->f->members;
    bool begins = v->f->store.initialized == FACT_NO;
    v->best = -1;
    for (uint32_t i = 0; i < v->f->member_count; i++) {
        const struct member_facts *m = &members[i];
        bool is_in = begins             ? may_begin(m)
                     : v->accepted >= 0 ? is_accepted(v, m) /* nobody else, however long it takes */
                                        : is_candidate(v, m);
        if (!is_in) {
            continue;
        }
        v->candidates |= bit(i);
        int order = v->best < 0 ? -1
                    : begins    ? by_beginning(m, &members[v->best])
                                : by_preference(v, m, &members[v->best]);
        v->best = order < 0 ? (int32_t)i : v->best;
    }
}

/* The primary's last position, by the majority that answers; and how old it is. */
static void find_last_position(struct view *v)
{
    uint32_t voters = 0;
    uint32_t knowing = 0;
    struct position seen = {.is_known = false};
    uint64_t age_ms = 0;
    for (uint32_t i = 0; i < v->f->member_count; i++) {
        const struct member_facts *m = &v->f->members[i];
        voters += m->is_voter ? 1 : 0;
        knowing += m->is_voter && m->is_fresh && m->seen.is_known ? 1 : 0;
        if (m->is_fresh && m->seen.is_known &&
            (!seen.is_known || position_compare(&m->seen, &seen) > 0)) {
            seen = m->seen;
            age_ms = m->seen_age_ms;
        }
    }
    if (knowing > voters / 2) {
        v->floor = seen;
        v->floor_age_ms = age_ms;
    }
}

static void find_floor(struct view *v)
{
    const struct sync_value *sync = &v->f->store.sync;
    v->is_free = !sync->is_known || v->f->store.grant_is_standby;
    v->is_lossy = !v->is_free && proof_is_lossy(sync);
    v->proof = proof_by_seals(&v->f->store, v->f->members, v->f->member_count, v->order);
    if (v->order == 0 || v->is_free) {
        return;
    }
    v->waits = proof_of_waits(&v->f->store, v->f->members, v->f->member_count, v->order);
    if (v->proof.holds) {
        v->floor = v->proof.floor;
    } else if (v->is_lossy) {
        find_last_position(v);
    }
}

static void look(struct view *v, const struct elect_facts *f)
{
    const struct store_facts *store = &f->store;
    const struct history_row *newest = history_newest(store);
    MUST(f->member_count <= FACTS_MEMBERS_MAX);
    *v = (struct view){.f = f, .best = -1};
    find_accepted(v);
    v->order = store->order_epoch > store->grant_epoch ? store->order_epoch : 0;
    v->epoch_max =
        store->order_epoch > store->grant_epoch ? store->order_epoch : store->grant_epoch;
    v->timeline_max = store->grant_timeline;
    if (newest != NULL && newest->timeline > v->timeline_max) {
        v->timeline_max = newest->timeline;
    }
    for (uint32_t i = 0; i < f->member_count; i++) {
        const struct member_facts *m = &f->members[i];
        v->epoch_max = m->sealed_epoch > v->epoch_max ? m->sealed_epoch : v->epoch_max;
        if (m->end.is_known && m->end.timeline > v->timeline_max) {
            v->timeline_max = m->end.timeline;
        }
        if (has_answered(v, m)) {
            v->answers |= bit(i);
        } else if (m->is_database) {
            v->silent |= bit(i);
            v->unanswered |= may_answer(v, m) ? bit(i) : 0;
        }
        v->begun |= is_begun(m) ? bit(i) : 0;
        v->follow |= is_stranger(m) && !is_begun(m) ? bit(i) : 0;
    }
    find_floor(v);
    choose(v);
}

/* ---- the rules ---- */

static bool held(const struct view *v)
{
    return v->f->store.held != FACT_NO;
}
static bool lease_stands(const struct view *v)
{
    return v->f->store.lease_stands;
}
static bool paused(const struct view *v)
{
    return v->f->store.paused != FACT_NO;
}
static bool unread(const struct view *v)
{
    return v->f->store.initialized == FACT_UNKNOWN;
}
/* An older program would not know what it is granted, and as raft leader it would grant another
 * kind. A primary in its place is what nobody wants. */
static bool standby_unknown(const struct view *v)
{
    return v->f->settings.is_standby_cluster && v->f->store.level < LEVEL_STANDBY;
}
/* Each of them acknowledges what the other one has not. */
static bool two_primaries(const struct view *v)
{
    return v->f->store.initialized == FACT_NO && (v->begun & (v->begun - 1)) != 0;
}
/* What a standby follows may be writable this very moment, and nobody here could end it. */
static bool primary_awaited(const struct view *v)
{
    return v->f->store.initialized == FACT_NO && v->begun == 0 && v->follow != 0;
}
/* Clients write to it, so nobody else begins; and an operator wants no role for it. */
static bool primary_fenced(const struct view *v)
{
    bool is_it = false;
    for (uint32_t i = 0; i < v->f->member_count; i++) {
        is_it = is_it || ((v->begun & bit(i)) != 0 && v->f->members[i].is_fenced);
    }
    return v->f->store.initialized == FACT_NO && is_it;
}
static bool nobody_begins(const struct view *v)
{
    return v->f->store.initialized == FACT_NO && v->best < 0;
}
static bool begins(const struct view *v)
{
    return v->f->store.initialized == FACT_NO;
}
static bool unordered(const struct view *v)
{
    return v->order == 0;
}
static bool sealed_above(const struct view *v)
{
    return v->epoch_max > v->order;
}
/* One who is alive and has not answered yet is worth a longer wait: whom an operator wants; who
 * runs, while the best of those who answered would have to be started first; or who alone knows
 * that nothing is lost, where commits waited for nobody. */
static bool waits_for_better(const struct view *v)
{
    const struct member_facts *members = v->f->members;
    bool is_best_down = v->best >= 0 && members[v->best].process != PG_RUNNING;
    for (uint32_t i = 0; i < v->f->member_count; i++) {
        bool is_wanted = name_is(&members[i].name, &v->f->wanted);
        bool is_quicker = is_best_down && members[i].process == PG_RUNNING &&
                          !members[i].nofailover && !members[i].nostream &&
                          members[i].failover_priority > 0;
        bool is_last_word = v->is_lossy && says_farewell(v, &members[i]);
        if ((v->unanswered & bit(i)) != 0 && (is_wanted || is_quicker || is_last_word)) {
            return true;
        }
    }
    return false;
}
/* Nothing is lost without those who have not answered, somebody who runs can take the role, and
 * none of them runs: where a PostgreSQL ended, its end may take long to be read. */
static bool is_settled(const struct view *v)
{
    const struct member_facts *members = v->f->members;
    bool is_settled = v->proof.holds && v->best >= 0 && members[v->best].process == PG_RUNNING &&
                      reaches_floor(v, &members[v->best]);
    for (uint32_t i = 0; i < v->f->member_count; i++) {
        bool is_down =
            members[i].process == PG_ABSENT || members[i].process == PG_LEFT || members[i].leaves;
        is_settled = is_settled && ((v->unanswered & bit(i)) == 0 || is_down);
    }
    return is_settled;
}
static bool window_open(const struct view *v)
{
    uint64_t window_ms = v->f->settings.times.seal_window_ms;
    bool is_longer = waits_for_better(v);
    uint64_t open_ms = is_longer ? LONG_WINDOWS * window_ms : window_ms;
    bool waits = v->unanswered != 0 && (is_longer || !is_settled(v));
    return waits && v->f->order_age_ms < open_ms;
}
/* As long as it is heard: who wants another one now has but to say so. */
static bool candidate_awaited(const struct view *v)
{
    return v->accepted >= 0 && (v->best != v->accepted || is_refused(&v->f->members[v->accepted]));
}
static bool loss_accepted(const struct view *v)
{
    return v->accepted >= 0;
}
static bool unanswered(const struct view *v)
{
    return v->answers == 0;
}
static bool unproven(const struct view *v)
{
    return !v->is_free && !v->proof.holds && (!v->is_lossy || !v->waits.holds);
}
static bool loss_unknown(const struct view *v)
{
    return v->is_lossy && !v->floor.is_known && v->silent != 0 &&
           v->f->order_age_ms < v->f->settings.times.patient_ms;
}
static bool nobody_fit(const struct view *v)
{
    return v->best < 0;
}
/* To grant it the role would bring nothing: it waits until somebody mends that. */
static bool refused(const struct view *v)
{
    return is_refused(&v->f->members[v->best]);
}
static bool leads(const struct view *v)
{
    return v->f->settings.is_standby_cluster;
}
static bool always(const struct view *v)
{
    (void)v;
    return true;
}

// clang-format off
static const struct {
    bool (*when)(const struct view *v);
    enum elect_action then;
    const char *rule;
    const char *why;
} rules[] = {
    {held,          ELECT_NOTHING, "held",          "no epoch may be granted until resume"},
    {lease_stands,  ELECT_NOTHING, "lease-stands",  "the lease of the primary has not run out"},
    {paused,        ELECT_NOTHING, "paused",        "automatic changes of roles are paused"},
    {unread,        ELECT_NOTHING, "unread",        "it is not known yet whether this cluster has had a primary"},
    {standby_unknown, ELECT_WAIT,  "standby-unknown", "the cluster is to follow another one, and not every member knows how: upgrade them all"},
    {two_primaries, ELECT_WAIT,    "two-primaries", "more than one PostgreSQL that is to be taken over is a primary: stop those whose data are not needed"},
    {primary_awaited, ELECT_WAIT,  "primary-awaited", "what is to be taken over runs as a standby, or does not say what it is: the cluster begins with its primary, on whose host pgraftd --adopt is missing"},
    {primary_fenced, ELECT_WAIT,   "primary-fenced", "the primary that is to be taken over is fenced: unfence it, or stop it there"},
    {nobody_begins, ELECT_WAIT,    "nobody-begins", "no member may become the first primary"},
    {begins,        ELECT_GRANT,   "first-primary", "the cluster begins"},
    {unordered,     ELECT_ORDER,   "order",         "nobody is primary: all are to seal themselves"},
    {sealed_above,  ELECT_ORDER,   "order-again",   "somebody is sealed for a later epoch than this one"},
    {window_open,   ELECT_WAIT,    "window",        "members that are alive have not answered yet"},
    {candidate_awaited, ELECT_WAIT, "candidate-awaited", "an operator wants one who has not answered yet, or refuses its configuration, whatever is lost by it"},
    {loss_accepted, ELECT_GRANT,   "loss-accepted", "an operator wants it, whatever is lost by it"},
    {unanswered,    ELECT_WAIT,    "unanswered",    "nobody has answered"},
    {unproven,      ELECT_WAIT,    "unproven",      "an acknowledged commit may be on those who have not answered"},
    {loss_unknown,  ELECT_WAIT,    "loss-unknown",  "nobody knows how far the primary was"},
    {nobody_fit,    ELECT_WAIT,    "nobody-fit",    "nobody who answered may become primary with what it has"},
    {refused,       ELECT_WAIT,    "refused",       "PostgreSQL refuses its configuration there, which is to be mended"},
    {leads,         ELECT_GRANT,   "standby-leader", "it has the most of what comes from the other cluster, or may be lost"},
    {always,        ELECT_GRANT,   "chosen",        "it has what must not be lost"},
};
// clang-format on

const char *elect_rule(size_t at)
{
    return at < ARRAY_LEN(rules) ? rules[at].rule : NULL;
}

/* The copies that would complete the proof. */
static uint32_t missing_copies(const struct view *v)
{
    const struct sync_value *sync = &v->f->store.sync;
    uint32_t missing = 0;
    for (uint32_t i = 0; i < v->f->member_count; i++) {
        const struct member_facts *m = &v->f->members[i];
        bool is_asked = name_is(&m->name, &sync->primary.name);
        for (uint32_t h = 0; h < sync->heir_count; h++) {
            is_asked = is_asked || name_is(&m->name, &sync->heirs[h].name);
        }
        for (uint32_t s = 0; s < sync->count; s++) {
            for (uint32_t k = 0; k < sync->sets[s].count; k++) {
                is_asked = is_asked || name_is(&m->name, &sync->sets[s].at[k].name);
            }
        }
        bool is_counted = (v->answers & bit(i)) != 0 && (proof_lists(sync, &m->name, m->copy) ||
                                                         proof_is_alone(sync, &m->name, m->copy));
        missing |= is_asked && !is_counted ? bit(i) : 0;
    }
    return missing;
}

static uint32_t refused_candidates(const struct view *v)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < v->f->member_count; i++) {
        found |= is_refused(&v->f->members[i]) ? v->candidates & bit(i) : 0;
    }
    return found;
}

static uint32_t older_members(const struct view *v)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < v->f->member_count; i++) {
        found |= v->f->members[i].level < LEVEL_STANDBY ? bit(i) : 0;
    }
    return found;
}

static void fill_wait(struct election *e, const struct view *v)
{
    if (standby_unknown(v)) {
        e->waits_for = older_members(v);
        return;
    }
    if (strcmp(e->rule, "refused") == 0) {
        e->waits_for = refused_candidates(v);
        return;
    }
    if (v->accepted >= 0 && strcmp(e->rule, "candidate-awaited") == 0) {
        e->waits_for = bit((uint32_t)v->accepted);
        return;
    }
    bool is_unproven = unproven(v) && e->answers != 0 && !window_open(v);
    bool is_early = window_open(v) || begins(v);
    e->waits_for = is_unproven ? missing_copies(v) : is_early ? v->unanswered : v->silent;
}

/* How far WAL of a timeline that nobody has recorded goes says nothing of what it lacks. */
static enum elect_loss loss_by_word(const struct view *v, const struct member_facts *m)
{
    bool has_all =
        v->proof.holds && reaches_floor(v, m) && history_is_recorded(&v->f->store, m->end.timeline);
    return has_all || v->is_free ? LOSS_NONE : LOSS_UNKNOWN;
}

static void fill_grant(struct election *e, const struct view *v)
{
    MUST(v->best >= 0);
    const struct member_facts *m = &v->f->members[v->best];
    e->chosen = (uint32_t)v->best;
    e->epoch = begins(v) ? v->epoch_max + 1 : v->order;
    e->is_standby = v->f->settings.is_standby_cluster;
    e->timeline = v->timeline_max > 0 ? v->timeline_max : 1; /* initdb makes 1 */
    e->timeline += e->is_standby ? 0 : 1;                    /* else it begins none */
    MUST(e->epoch > v->f->store.grant_epoch);
    MUST(!e->is_standby || v->f->store.level >= LEVEL_STANDBY);
    MUST(begins(v) || (m->sealed_epoch == e->epoch && m->has_data && m->end.is_known));
    e->is_accepted = v->accepted >= 0;
    if (e->is_accepted) {
        e->loss = loss_by_word(v, m);
        return;
    }
    if (begins(v) || v->is_free) {
        return;
    }
    MUST(v->is_lossy || reaches_floor(v, m));
    bool is_unsaid = !v->floor.is_known || (!v->proof.holds && reaches_floor_by_name(v, m));
    if (v->is_lossy && is_unsaid) {
        e->loss = LOSS_UNKNOWN;
    } else if (v->is_lossy && !v->proof.holds) {
        e->loss = LOSS_BOUNDED;
        e->loss_bytes = lag_bytes(v, m);
        e->loss_age_ms = v->floor_age_ms;
    } else if (!reaches_floor(v, m)) {
        e->loss = LOSS_BOUNDED;
        e->loss_bytes = lag_bytes(v, m);
    }
}

struct election elect(const struct elect_facts *f)
{
    struct view v;
    look(&v, f);
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (!rules[i].when(&v)) {
            continue;
        }
        struct election e = {.action = rules[i].then,
                             .rule = rules[i].rule,
                             .why = rules[i].why,
                             .answers = v.answers,
                             .floor = v.floor};
        e.epoch = e.action == ELECT_ORDER ? v.epoch_max + 1 : 0;
        if (e.action == ELECT_GRANT) {
            fill_grant(&e, &v);
        } else if (e.action == ELECT_WAIT) {
            fill_wait(&e, &v);
        }
        return e;
    }
    UNREACHABLE("the last rule always matches");
}
