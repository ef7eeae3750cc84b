/* supervisor/sync_set.c - the next step towards the wanted set. */
#include "supervisor/sync_set.h"

#include "base/must.h"
#include "supervisor/proof.h"

static bool is_listed(const struct sync_set *set, const struct member_facts *m)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->at[i].copy == m->copy && name_is(&set->at[i].name, &m->name)) {
            return true;
        }
    }
    return false;
}

static bool streams(const struct facts *f, const struct member_facts *m)
{
    return m->is_fresh && m->role == ROLE_STANDBY && m->follows_epoch == f->lease.epoch;
}

static bool may_be_listed(const struct facts *f, const struct member_facts *m)
{
    return m->is_database && m->is_recent && !m->nosync && m->has_data && m->copy != 0 &&
           !name_is(&m->name, &f->self);
}

/* In the order of names, so that equal sets are equal. */
static void insert(struct sync_set *set, const struct member_facts *m)
{
    if (set->count == SYNC_NAMES_MAX) {
        return;
    }
    uint32_t at = set->count++;
    for (; at > 0 && strcmp(set->at[at - 1].name.text, m->name.text) > 0; at--) {
        set->at[at] = set->at[at - 1];
    }
    set->at[at] = (struct sync_copy){.name = m->name, .copy = m->copy};
}

/* Those that stream; and those of the set in force that are alive, so that it does not change with
 * every reconnection and with every raft leader. @ret_streaming: how many stream. */
static void gather(const struct facts *f, struct sync_set *set, uint32_t max,
                   uint32_t *ret_streaming)
{
    bool is_ours = f->pg.force == FORCE_OURS;
    for (int round = 0; round < 2; round++) { /* first who is in already */
        for (uint32_t i = 0; i < f->member_count && set->count < max; i++) {
            const struct member_facts *m = &f->members[i];
            bool is_in = is_ours && is_listed(&f->pg.set_in_force, m);
            bool stays = is_in && m->process == PG_RUNNING;
            if (!may_be_listed(f, m) || is_in != (round == 0) || !(streams(f, m) || stays)) {
                continue;
            }
            insert(set, m);
            *ret_streaming += streams(f, m) ? 1 : 0;
        }
    }
}

bool sync_goal(const struct facts *f, struct sync_set *ret_goal)
{
    *ret_goal = (struct sync_set){.needed = 0};
    if (f->settings.sync_mode == SYNC_OFF) {
        return true;
    }
    uint32_t wanted = f->settings.sync_nodes > 0 ? f->settings.sync_nodes : 1;
    uint32_t max = f->settings.sync_mode == SYNC_ON ? wanted : SYNC_NAMES_MAX;
    uint32_t streaming = 0;
    uint32_t coming = 0;
    struct sync_set set = {.needed = 0};
    gather(f, &set, max < SYNC_NAMES_MAX ? max : SYNC_NAMES_MAX, &streaming);
    for (uint32_t i = 0; i < f->member_count; i++) {
        coming += may_be_listed(f, &f->members[i]) ? 1 : 0;
    }
    if (streaming == 0) { /* nobody acknowledges: wait for those who may come, or go on alone */
        bool waits = f->settings.sync_strict ||
                     (coming > 0 && f->pg.unsynced_ms < f->settings.times.degrade_ms);
        return !waits;
    }
    set.needed = wanted < set.count ? wanted : set.count;
    *ret_goal = set;
    return true;
}

/* Enough of the set have flushed up to @lsn of this primary's timeline, by their own words: only
 * those name their copy along with it. */
static bool is_caught_up(const struct facts *f, const struct sync_set *set, uint64_t lsn)
{
    struct position at = {
        .is_known = f->pg.recovered.is_known, .timeline = f->pg.recovered.timeline, .lsn = lsn};
    uint32_t have = 0;
    for (uint32_t i = 0; i < f->member_count; i++) {
        const struct member_facts *m = &f->members[i];
        have += is_listed(set, m) && streams(f, m) && position_reaches(&m->end, &at) ? 1 : 0;
    }
    return have >= set->needed;
}

static struct sync_plan wait_for(const char *why)
{
    return (struct sync_plan){.step = SYNC_STEP_WAIT, .why = why};
}

static struct sync_plan publish(const struct facts *f, const struct sync_set *sets, uint32_t count,
                                const char *why)
{
    struct sync_plan plan = {
        .step = SYNC_STEP_PUBLISH, .why = why, .revision = f->store.sync_revision};
    plan.publish = (struct sync_value){
        .is_known = true,
        .epoch = f->lease.epoch,
        .primary = {.name = f->self, .copy = f->pg.copy},
        .count = count,
    };
    for (uint32_t i = 0; i < count; i++) {
        plan.publish.sets[i] = sets[i];
    }
    return plan;
}

static struct sync_plan apply(const struct sync_set *set, const char *why)
{
    return (struct sync_plan){.step = SYNC_STEP_APPLY, .why = why, .apply = *set};
}

/* In a synchronous mode, and nobody is waited for: what is acknowledged from now on is on this copy
 * alone. So the store says that only this copy proves anything, and nobody else is eligible until a
 * standby has caught up (reliability, fact 6 of chapter 4). */
static bool is_alone(const struct facts *f, const struct sync_set *goal)
{
    return goal->needed == 0 && f->settings.sync_mode != SYNC_OFF;
}

/* Nothing else is published than what @goal is worth. */
static bool is_said(const struct facts *f, const struct sync_set *goal)
{
    const struct sync_value *value = &f->store.sync;
    return is_alone(f, goal) ? value->count == 0
                             : value->count == 1 && sync_set_equal(&value->sets[0], goal);
}

static struct sync_plan say(const struct facts *f, const struct sync_set *goal, const char *why)
{
    return is_alone(f, goal) ? publish(f, NULL, 0, "nobody is waited for: only this copy proves")
                             : publish(f, goal, 1, why);
}

static bool publishes(const struct sync_value *value, const struct sync_set *set)
{
    for (uint32_t i = 0; i < value->count; i++) {
        if (sync_set_equal(&value->sets[i], set)) {
            return true;
        }
    }
    return false;
}

/* Behind the fence nothing is acknowledged, so the first set need only have what was there when
 * recovery ended: all that was ever acknowledged, and after a restart in place also what never was
 * (reliability S12). */
static struct sync_plan from_fence(const struct facts *f, const struct sync_set *goal, bool is_mine)
{
    if (!f->pg.recovered.is_known) {
        return wait_for("it is not known where recovery ended");
    }
    if (goal->needed > 0 && !is_caught_up(f, goal, f->pg.recovered.lsn)) {
        return wait_for("the standbys do not have yet what was there when recovery ended");
    }
    if (!is_mine || !is_said(f, goal)) {
        return say(f, goal, "the first set of this primary is published before it is applied");
    }
    return apply(goal, "the fence is lifted: the set is published");
}

static struct sync_plan publish_beside(const struct facts *f, const struct sync_set *goal,
                                       const char *why)
{
    const struct sync_value *value = &f->store.sync;
    struct sync_set all[SYNC_SETS_MAX];
    MUST(value->count < SYNC_SETS_MAX);
    memcpy(all, value->sets, value->count * sizeof(all[0]));
    all[value->count] = *goal;
    return publish(f, all, value->count + 1, why);
}

/* What is in force has the names of @goal, and there is nothing to apply. Its copies may be others:
 * a standby that was cloned anew acknowledges under its old name from the moment it streams, and no
 * publish can be before that.
 *
 * Until @goal stands alone the sets of before prove as they did. A name has one data directory, and
 * another copy takes its place for good: whoever still answers as the copy that is listed is the
 * one that acknowledged, and one that is gone proves nothing. @goal beside them says which copies
 * must be kept.
 *
 * And it may stand alone once enough of it have flushed up to in_force_lsn. That was read when
 * these copies were known, so those of before had written their last: all that they acknowledged,
 * and all that earlier sets did, lies below it and is on @goal. What lies beyond was acknowledged
 * by the copies of @goal, or by later ones still, and then they do not answer any more. */
static struct sync_plan in_force(const struct facts *f, const struct sync_set *goal)
{
    const struct sync_value *value = &f->store.sync;
    if (is_said(f, goal)) {
        return (struct sync_plan){.step = SYNC_STEP_NONE, .why = "the wanted set is in force"};
    }
    bool is_beside = value->count == 0 || publishes(value, goal);
    if (!is_beside && value->count < SYNC_SETS_MAX) {
        return publish_beside(f, goal, "a standby of the set in force has another copy now");
    }
    if (goal->needed > 0 && !is_caught_up(f, goal, f->pg.in_force_lsn)) {
        return wait_for("the new set does not have yet what the one before acknowledged");
    }
    return say(f, goal, "the set in force proves everything: it stands alone");
}

static struct sync_plan to_goal(const struct facts *f, const struct sync_set *goal)
{
    const struct sync_value *value = &f->store.sync;
    if (sync_set_is_named_as(&f->pg.set_in_force, goal)) {
        return in_force(f, goal);
    }
    if (value->count == 0 || (!is_alone(f, goal) && publishes(value, goal))) {
        return apply(goal, "the set is published: it may be applied");
    }
    if (is_alone(f, goal)) {
        return say(f, goal, NULL);
    }
    if (value->count == SYNC_SETS_MAX) {
        return publish(f, NULL, 0, "too many sets are open: only the primary's own copy proves");
    }
    return publish_beside(f, goal, "the new set is published before it is applied");
}

static void remove_heir(struct sync_value *value, const struct facts_name *name)
{
    uint32_t kept = 0;
    struct facts_name gone = *name; /* it may be in there */
    for (uint32_t i = 0; i < value->heir_count; i++) {
        if (!name_is(&value->heirs[i].name, &gone)) {
            value->heirs[kept] = value->heirs[i];
            kept++;
        }
    }
    value->heir_count = kept;
}

struct sync_value sync_inherit(const struct facts *f)
{
    struct sync_value value = f->store.sync;
    MUST(value.heir_count <= SYNC_HEIRS_MAX);
    if (!value.is_known || value.epoch >= f->lease.epoch) {
        return value;
    }
    remove_heir(&value, &f->self); /* a name has one data directory: its copy of before is gone */
    if (value.heir_count == SYNC_HEIRS_MAX) {
        remove_heir(&value, &value.heirs[0].name); /* of a member that is none any more */
    }
    value.heirs[value.heir_count] = (struct sync_copy){.name = f->self, .copy = f->pg.copy};
    value.heir_count++;
    return value;
}

struct sync_plan sync_plan(const struct facts *f)
{
    const struct sync_value *value = &f->store.sync;
    struct sync_set goal;
    MUST(value->count <= SYNC_SETS_MAX);
    bool is_mine =
        value->is_known && value->epoch == f->lease.epoch && value->primary.copy == f->pg.copy;
    if (f->pg.force == FORCE_UNKNOWN) {
        return wait_for("a change of synchronous_standby_names is on its way");
    }
    if (f->store.sync_pending) {
        return wait_for("it is not known yet what became of the last publish");
    }
    if (f->pg.force == FORCE_HALFWAY && is_mine && value->count > 0) {
        return apply(&value->sets[value->count - 1],
                     "a change was cut short: the newest published set is applied again");
    }
    if (!sync_goal(f, &goal)) {
        return wait_for("no standby streams that could acknowledge");
    }
    if (f->pg.force == FORCE_FENCE) {
        return from_fence(f, &goal, is_mine);
    }
    if (f->pg.force == FORCE_HALFWAY && is_mine) {
        return apply(&goal, "a change was cut short, and nothing is published: it is made again");
    }
    bool is_published = is_mine && (value->count == 0 || publishes(value, &f->pg.set_in_force));
    if (f->pg.force == FORCE_FOREIGN || f->pg.force == FORCE_HALFWAY || !is_published) {
        /* What it acknowledged is anywhere: say so, and put ours in its place. */
        return !is_mine || value->count != 0
                   ? publish(f, NULL, 0,
                             "what is in force was never published: nothing is provable")
                   : apply(&goal, "what somebody else has set is replaced");
    }
    return to_goal(f, &goal);
}
