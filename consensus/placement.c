/* consensus/placement.c - where leadership should be, as an ordered table of rules.
 *
 * The first that matches decides: what forbids a move comes before what asks for one.
 * tests/unit/test_placement.c fails if a row is never reached. */
#include "consensus/placement.h"

#include "base/must.h"

/* How badly placed leadership is, or would be: a slow disk hurts every day, a holder's host only
 * the day it dies, and being deaf to it less than either. */
enum { DEAF = 1, HOLDER = 2, SLOW = 4 };

static unsigned burden(const struct placement_voter *v)
{
    return (v->has_slow_disk ? SLOW : 0U) | (v->holds_lease ? HOLDER : 0U) |
           (v->hears_holder || v->holds_lease ? 0U : DEAF);
}

/* The best place for leadership among the voters that could take it now; the lowest id of several.
 * NULL: none of them is better than the leader. */
static const struct placement_voter *better(const struct placement_facts *f)
{
    const struct placement_voter *best = NULL;
    for (size_t i = 0; i < f->count; i++) {
        const struct placement_voter *v = &f->others[i];
        if (!v->is_alive || !v->is_caught_up || v->has_slow_disk) {
            continue;
        }
        bool is_better = best == NULL || burden(v) < burden(best) ||
                         (burden(v) == burden(best) && v->id < best->id);
        best = is_better ? v : best;
    }
    return best != NULL && burden(best) < burden(&f->leader) ? best : NULL;
}

static bool not_established(const struct placement_facts *f)
{
    return !f->is_established;
}

static bool forbidden(const struct placement_facts *f)
{
    return !f->is_allowed;
}

static bool changing(const struct placement_facts *f)
{
    return f->is_changing;
}

static bool well_placed(const struct placement_facts *f)
{
    return burden(&f->leader) == 0;
}

static bool moved_lately(const struct placement_facts *f)
{
    return f->has_moved && f->moved_age_ms < PLACEMENT_PAUSE_MS;
}

static bool nobody_better(const struct placement_facts *f)
{
    return better(f) == NULL;
}

static bool slow_disk(const struct placement_facts *f)
{
    return f->leader.has_slow_disk;
}

static bool leader_holds_lease(const struct placement_facts *f)
{
    return f->leader.holds_lease;
}

static bool always(const struct placement_facts *f)
{
    (void)f;
    return true;
}

// clang-format off
static const struct {
    bool (*when)(const struct placement_facts *f);
    bool moves;
    const char *rule;
} rules[] = {
    {not_established,    false, "not-established"},
    {forbidden,          false, "forbidden"},
    {changing,           false, "changing"},
    {well_placed,        false, "well-placed"},
    {moved_lately,       false, "moved-lately"},
    {nobody_better,      false, "nobody-better"},
    {slow_disk,          true,  "slow-disk"},
    {leader_holds_lease, true,  "leader-holds-lease"},
    {always,             true,  "holder-by-relay"},
};
// clang-format on

struct placement placement_decide(const struct placement_facts *f)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (!rules[i].when(f)) {
            continue;
        }
        const struct placement_voter *to = rules[i].moves ? better(f) : NULL;
        MUST(rules[i].moves == (to != NULL));
        return (struct placement){.to = to != NULL ? to->id : 0, .rule = rules[i].rule};
    }
    UNREACHABLE("the last rule always matches");
}

const char *placement_rule(size_t at)
{
    return at < ARRAY_LEN(rules) ? rules[at].rule : NULL;
}
