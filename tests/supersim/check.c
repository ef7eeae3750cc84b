/* tests/supersim/check.c - what must hold, judged in true time (reliability, chapter 8).
 *
 * - S1, S8, S11: whoever can acknowledge a write holds the lease of the very epoch it was promoted
 *   for; excused while daemon and guard are both stopped, the documented limit.
 * - S1': even then it acknowledges no synchronous commit once a later one was promoted.
 * - S2: every synchronous commit that was acknowledged is in each later primary; so is one that a
 *   primary acknowledged alone, because in a synchronous mode no standby was there.
 *   Whatever sets are published, no copies prove them that all lack such a commit, and none that
 *   lacks one proves alone.
 * - S3: what asynchronous commits are lost is within the bound, and reported.
 * - S4: who is granted the role is a database, may be, has sealed, and so have all who count.
 * - S5: no timeline is made twice, and nobody follows onto other records of the same one.
 * - S6, S7: no clone or rewind takes the only copy of an acknowledged commit, or the newest data.
 * - S9: nothing is granted during a pause.
 * - S12: after a restart in place nothing is shown that is on this node alone.
 * - S14: nobody is primary for a grant of the lead of a standby cluster, nor is one made before
 * every member knows it; the first after a primary is of data that have all that was acknowledged.
 * - S13: of standbys that never come up one gives its copy up for a primary, while two others are
 *   there; and none where PostgreSQL ends before it reads its data.
 * - L4: in a synchronous mode a healed cluster publishes sets of copies that are there, so that a
 *   failover is provable; and nobody is ever told to apply what is in force already.
 * - L1, L2, L3: a healed cluster writes, streams, and did not change its primary more often than it
 *   was given reason to; nor takes anybody a primary for one that never became it. S10 is part of
 *   it: a node that stands still is never well.
 */
#include <string.h>

#include "base/must.h"
#include "supervisor/level.h"
#include "supervisor/proof.h"
#include "tests/supersim/world.h"

#define THAW_US (400 * MS)
#define UNREAD_US_MAX (125000 * MS) /* five ends that can not be read: no life has more */

static bool has_record(const struct sim_node *n, uint32_t lsn, uint32_t id)
{
    return n->pg.data == DATA_USABLE && n->pg.wal_count >= lsn && n->pg.wal[lsn - 1].id == id;
}

/* Neither the daemon nor the guard could end it, or could until a moment ago. */
static bool is_excused(const struct sim *sim, const struct sim_node *n)
{
    bool no_guard = !n->guard.alive || n->guard.frozen_until + THAW_US > sim->now;
    bool no_daemon = !n->daemon.alive || n->daemon.frozen_until + THAW_US > sim->now ||
                     n->daemon.hung_until + THAW_US > sim->now ||
                     n->daemon.started_at + THAW_US > sim->now;
    return no_guard && no_daemon;
}

void check_event(struct sim *sim)
{
    const struct store_facts *now = &sim->store.now;
    for (int i = 0; i < sim->databases; i++) {
        const struct sim_node *n = &sim->nodes[i];
        if (!pg_is_writable(sim, n)) {
            continue;
        }
        bool is_lawful =
            now->lease_stands && name_is(&now->holder, &n->name) && now->grant_epoch == n->pg.epoch;
        if (now->grant_is_standby && now->grant_epoch == n->pg.epoch) {
            sim_violation(sim, "S14: %s leads a standby cluster, and can acknowledge writes",
                          n->name.text);
        }
        if (is_lawful) {
            sim->writable_at = sim->healed && sim->writable_at == 0 ? sim->now : sim->writable_at;
        } else if (is_excused(sim, n)) {
            sim->counts.second_writers_mute++;
        } else {
            sim_violation(sim,
                          "S1: %s can acknowledge writes with epoch %u, the store says %s %u%s",
                          n->name.text, (unsigned)n->pg.epoch, now->holder.text,
                          (unsigned)now->grant_epoch, now->lease_stands ? "" : ", over");
        }
    }
}

/* What GET /primary says, and whoever sends clients by it. */
void check_serves(struct sim *sim, int node, uint64_t epoch)
{
    const struct store_facts *now = &sim->store.now;
    const struct sim_node *n = &sim->nodes[node];
    sim->counts.served++;
    if (!now->lease_stands || now->grant_epoch != epoch || !name_is(&now->holder, &n->name)) {
        sim_violation(sim, "S8: %s says that it is primary with epoch %u, the store says %s %u",
                      n->name.text, (unsigned)epoch, now->holder.text, (unsigned)now->grant_epoch);
    }
}

/* It became primary for the lease that it has, and this copy is still the one. */
static bool is_its_primary(const struct sim *sim, const struct sim_node *n)
{
    const struct store_facts *now = &sim->store.now;
    return now->lease_stands && name_is(&now->holder, &n->name) &&
           n->pg.epoch == now->grant_epoch && n->pg.copy == now->holder_copy &&
           now->holder_copy != 0 && n->pg.data == DATA_USABLE;
}

/* An end that can not be read is waited for for a time, and then given up. */
void check_decision(struct sim *sim, int node, const struct decision *d)
{
    static const char *const of_others[] = {"promotion-failed", "promotion-given-up",
                                            "start-to-promote", "standby-of-own-epoch"};
    const struct sim_node *n = &sim->nodes[node];
    uint64_t unread_ms = (sim->now - n->pg.end_since) / MS;
    bool is_given_up = n->pg.process == PG_ABSENT && unread_ms > sim->settings.times.start_max_ms;
    bool is_standby = n->pg.process != PG_ABSENT && !n->pg.is_primary;
    for (size_t i = 0; i < ARRAY_LEN(of_others); i++) {
        if (strcmp(d->rule, of_others[i]) == 0 && is_its_primary(sim, n) && !is_given_up &&
            !is_standby) {
            sim_violation(sim, "L3: %s is primary with epoch %u, and %s takes it for none",
                          n->name.text, (unsigned)n->pg.epoch, d->rule);
        }
    }
}

void check_grant(struct sim *sim, const struct proposal *p)
{
    const struct sim_node *n = &sim->nodes[p->chosen];
    bool begins = sim->store.now.initialized == FACT_NO;
    if (!n->is_database || n->nofailover) {
        sim_violation(sim, "S4: %s must never be primary", n->name.text);
    }
    for (int i = 0; i < sim->databases && !begins; i++) {
        const struct sim_node *m = &sim->nodes[i];
        bool counted = (p->election.answers >> i & 1U) != 0 && m->pg.data == DATA_USABLE;
        bool listens =
            m->pg.receives_from != NOBODY && sim->nodes[m->pg.receives_from].pg.epoch < p->epoch;
        if (counted && m->pg.sealed >= p->epoch && listens) {
            sim_violation(sim, "S4: %s counted as sealed for %u, and streams", m->name.text,
                          (unsigned)p->epoch);
        }
        if (counted && m->pg.sealed != 0 && m->pg.sealed < p->epoch) {
            sim_violation(sim, "S4: %s counted for %u, and is sealed for %u alone", m->name.text,
                          (unsigned)p->epoch, (unsigned)m->pg.sealed);
        }
    }
}

/* S3, and forget what is lost: it is reported once. */
static void check_losses(struct sim *sim, const struct sim_node *n)
{
    const struct election *e = &sim->store.last;
    uint32_t kept = 0;
    uint64_t lost = 0;
    uint64_t lost_known = 0;
    for (uint32_t i = 0; i < sim->acked_count; i++) {
        const struct acked *a = &sim->acked[i];
        if (has_record(n, a->lsn, a->id)) {
            sim->acked[kept++] = *a;
            continue;
        }
        if (a->sync) {
            sim_violation(sim, "S2: %s is promoted without an acknowledged commit at %u",
                          n->name.text, (unsigned)a->lsn);
        }
        lost++;
        lost_known += e->floor.is_known && a->lsn <= e->floor.lsn ? 1 : 0;
    }
    sim->acked_count = kept;
    sim->counts.lost_async += lost;
    if (lost > 0 && e->loss == LOSS_NONE) {
        sim_violation(sim, "S3: %s is promoted, %u commits are lost, and it is not said",
                      n->name.text, (unsigned)lost);
    }
    /* What a primary wrote while it was frozen with its guard (the documented limit) has no bound.
     */
    bool is_beyond = e->loss_bytes > sim->settings.lag_bytes_max && sim->counts.both_frozen == 0;
    if (e->loss == LOSS_BOUNDED && (lost_known > e->loss_bytes || is_beyond)) {
        sim_violation(sim, "S3: %s lost %u of what was known, said %u", n->name.text,
                      (unsigned)lost_known, (unsigned)e->loss_bytes);
    }
    sim->counts.losses_reported += e->loss != LOSS_NONE ? 1 : 0;
}

void check_promotion(struct sim *sim, int node)
{
    const struct sim_node *n = &sim->nodes[node];
    const struct promotion *made = &sim->promotions[sim->promotion_count - 1];
    for (int i = 0; i < sim->promotion_count - 1; i++) {
        if (sim->promotions[i].timeline == made->timeline) {
            sim_violation(sim, "S5: timeline %u is made twice, by %s too", (unsigned)made->timeline,
                          n->name.text);
        }
    }
    const struct store_facts *now = &sim->store.now;
    sim->counts.primaries_after_a_lead += sim->after_a_lead ? 1 : 0;
    sim->after_a_lead = false;
    if (now->grant_is_standby && now->grant_epoch == n->pg.epoch) {
        sim_violation(sim, "S14: %s leads a standby cluster, and is promoted", n->name.text);
    }
    if (n->pg.sealed < n->pg.epoch) {
        sim_violation(sim, "S4: %s is promoted unsealed", n->name.text);
    }
    if (n->pg.epoch == sim->store.now.grant_epoch) {
        check_losses(sim, n);
        sim->highest_epoch_promoted = n->pg.epoch;
        sim->highest_node = node;
        sim->highest_copy = sim->nodes[node].pg.copy;
    }
}

/* From here on what counts is the other cluster's to say. */
void check_lead(struct sim *sim, const struct proposal *p)
{
    const struct sim_node *n = &sim->nodes[p->chosen];
    const struct store_facts *now = &sim->store.now;
    bool is_there = n->pg.data == DATA_USABLE && n->pg.copy == p->copy; /* else lost since */
    sim->counts.leads++;
    sim->counts.leads_after_a_primary += now->grant_is_standby || now->grant_epoch == 0 ? 0 : 1;
    if (now->level < LEVEL_STANDBY) {
        sim_violation(sim, "S14: %s is granted a lead that not every member knows", n->name.text);
    }
    if (is_there && !now->grant_is_standby) {
        check_losses(sim, n);
    }
    sim->acked_count = 0;
    sim->highest_epoch_promoted = p->epoch;
    sim->highest_node = p->chosen;
    sim->highest_copy = p->copy;
    sim->after_a_lead = true;
}

/* One that is gone does not answer. */
static bool may_answer_without(const struct sim *sim, const struct sync_copy *copy,
                               const struct acked *a)
{
    for (int i = 0; i < sim->databases; i++) {
        const struct sim_node *n = &sim->nodes[i];
        if (name_is(&copy->name, &n->name) && copy->copy == n->pg.copy &&
            n->pg.data == DATA_USABLE) {
            return !has_record(n, a->lsn, a->id);
        }
    }
    return false;
}

/* Could copies of @set that lack @a be enough for a proof? */
static bool is_proved_without(const struct sim *sim, const struct sync_set *set,
                              const struct acked *a)
{
    uint32_t lacking = 0;
    for (uint32_t k = 0; k < set->count; k++) {
        lacking += may_answer_without(sim, &set->at[k], a) ? 1 : 0;
    }
    return proof_answers_needed(set) > 0 && lacking >= proof_answers_needed(set);
}

/* ... or one that proves alone. */
static void check_alone(struct sim *sim, const struct sync_copy *copy, const struct acked *a)
{
    if (a->sync && may_answer_without(sim, copy, a)) {
        sim_violation(sim, "S2: %s proves alone, without an acknowledged commit at %u",
                      copy->name.text, (unsigned)a->lsn);
    }
}

static void check_provable(struct sim *sim, const struct acked *a)
{
    const struct sync_value *value = &sim->store.now.sync;
    bool is_lost = value->is_known && value->count > 0 && a->sync && !a->alone;
    for (uint32_t s = 0; is_lost && s < value->count; s++) {
        is_lost = is_proved_without(sim, &value->sets[s], a);
    }
    if (is_lost) {
        sim_violation(sim, "S2: what is published is proved without an acknowledged commit at %u",
                      (unsigned)a->lsn);
    }
    check_alone(sim, &value->primary, a);
    for (uint32_t i = 0; i < value->heir_count; i++) {
        check_alone(sim, &value->heirs[i], a);
    }
}

void check_publish(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->acked_count; i++) {
        check_provable(sim, &sim->acked[i]);
    }
}

/* Late, by whoever is not primary any more: right for a synchronous commit that the new one has; or
 * had, if its data were lost since. */
void check_ack(struct sim *sim, int node, bool sync)
{
    const struct sim_node *n = &sim->nodes[node];
    const struct acked *a = &sim->acked[sim->acked_count - 1];
    if (n->pg.epoch >= sim->highest_epoch_promoted) {
        check_provable(sim, a);
        return;
    }
    const struct sim_node *highest = &sim->nodes[sim->highest_node];
    bool is_kept = has_record(highest, a->lsn, a->id);
    bool can_tell = highest->pg.copy == sim->highest_copy;
    if (!is_kept && can_tell && (sync || !is_excused(sim, n))) {
        sim_violation(sim, "S1': %s acknowledges with epoch %u after %u was promoted", n->name.text,
                      (unsigned)n->pg.epoch, (unsigned)sim->highest_epoch_promoted);
    } else if (!is_kept) {
        sim->acked_count--; /* the documented limit: no promise was made to it */
    }
}

/* The fence goes: all that recovery found is on enough of the set, acknowledged or not. A copy that
 * was given up for a new clone a moment ago could not be known of. */
void check_lift(struct sim *sim, int node, const struct sync_set *set)
{
    const struct sim_node *n = &sim->nodes[node];
    uint32_t at = n->pg.recovered;
    uint32_t have = 0;
    for (uint32_t k = 0; k < set->count; k++) {
        for (int i = 0; i < sim->databases; i++) {
            const struct sim_node *m = &sim->nodes[i];
            bool is_gone = m->pg.data != DATA_USABLE || m->pg.copy != set->at[k].copy;
            bool has = is_gone || has_record(m, at, n->pg.wal[at - 1].id);
            have += name_is(&set->at[k].name, &m->name) && has ? 1 : 0;
        }
    }
    if (have < set->needed) {
        sim_violation(sim, "S12: %s opens, and what recovery found at %u is on %u of %u",
                      n->name.text, (unsigned)at, (unsigned)have, (unsigned)set->needed);
    }
}

/* What stands in the file already is not written again, and nothing would come of it. */
void check_apply(struct sim *sim, int node, const struct sync_set *set)
{
    const struct sim_node *n = &sim->nodes[node];
    if (!n->pg.fence && n->pg.force_at <= sim->now && sync_set_is_named_as(&n->pg.force, set)) {
        sim_violation(sim, "L4: %s is to apply what is in force already", n->name.text);
    }
}

void check_discard(struct sim *sim, int node, int source)
{
    const struct sim_node *n = &sim->nodes[node];
    const struct store_facts *now = &sim->store.now;
    (void)source;
    if (now->lease_stands && name_is(&now->holder, &n->name) && now->holder_copy == n->pg.copy &&
        n->pg.copy != 0 && !now->grant_is_standby) {
        sim_violation(sim, "S7: %s discards the data that was granted the role", n->name.text);
    }
    for (uint32_t i = 0; i < sim->acked_count; i++) {
        const struct acked *a = &sim->acked[i];
        bool here = n->pg.wal_count >= a->lsn && n->pg.wal[a->lsn - 1].id == a->id;
        bool elsewhere = !a->sync || !here;
        for (int k = 0; k < sim->databases && !elsewhere; k++) {
            elsewhere = k != node && has_record(&sim->nodes[k], a->lsn, a->id);
        }
        if (!elsewhere) {
            sim_violation(sim, "S6: %s discards the only copy of a commit at %u", n->name.text,
                          (unsigned)a->lsn);
            return;
        }
    }
}

/* PostgreSQL never comes up with it, whatever the reason is. */
void check_gives_up(struct sim *sim, int node)
{
    const struct sim_node *n = &sim->nodes[node];
    int others = 0;
    for (int i = 0; i < sim->databases; i++) {
        others += i != node && sim->nodes[i].pg.data == DATA_USABLE ? 1 : 0;
    }
    bool is_same = sim->given_up_epoch == sim->store.now.grant_epoch;
    sim->given_up = is_same ? sim->given_up + 1 : 1;
    sim->given_up_epoch = sim->store.now.grant_epoch;
    sim->counts.given_up++;
    sim_say(sim, "%s gives its copy up, %d others are left", n->name.text, others);
    if (sim->sickness == SICK_EARLY) {
        sim_violation(sim, "S13: %s gives up data that nobody has read", n->name.text);
    } else if (others < 2) {
        sim_violation(sim, "S13: %s gives its copy up, and %d others are left", n->name.text,
                      others);
    } else if (sim->given_up > 1) {
        sim_violation(sim, "S13: %s gives its copy up after another one did", n->name.text);
    }
}

/* ---- the end ---- */

static bool is_well_placed(const struct sim *sim, int node, const struct sim_node *primary)
{
    const struct sim_node *n = &sim->nodes[node];
    return n->pg.process == PG_RUNNING && n->pg.receives_from != NOBODY &&
           &sim->nodes[n->pg.receives_from] == primary &&
           n->pg.wal_count + 20 >= primary->pg.wal_count;
}

/* If the primary were lost now: by the copies that stream, whoever is asked for. */
static bool is_provable(const struct sim *sim, const struct sim_node *primary)
{
    const struct sync_value *value = &sim->store.now.sync;
    bool is_it = value->is_known && value->epoch == primary->pg.epoch && value->count > 0;
    for (uint32_t s = 0; is_it && s < value->count; s++) {
        const struct sync_set *set = &value->sets[s];
        uint32_t have = 0;
        for (uint32_t k = 0; k < set->count; k++) {
            for (int i = 0; i < sim->databases; i++) {
                const struct sim_node *n = &sim->nodes[i];
                have += name_is(&set->at[k].name, &n->name) && set->at[k].copy == n->pg.copy;
            }
        }
        is_it = set->needed > 0 && have + set->needed > set->count;
    }
    return is_it;
}

/* Who leads the standby cluster, from the other one. */
static const struct sim_node *leader_of(const struct sim *sim)
{
    const struct store_facts *now = &sim->store.now;
    const struct sim_node *leader = NULL;
    for (int i = 0; i < sim->databases; i++) {
        const struct sim_node *n = &sim->nodes[i];
        bool is_it = now->lease_stands && now->grant_is_standby && name_is(&now->holder, &n->name);
        leader = is_it && is_well_placed(sim, i, &sim->nodes[REMOTE]) ? n : leader;
    }
    return leader;
}

bool check_is_well(struct sim *sim, char why[200])
{
    const struct sim_node *primary = sim->store.follows ? leader_of(sim) : NULL;
    for (int i = 0; i < sim->databases && !sim->store.follows; i++) {
        primary = pg_is_writable(sim, &sim->nodes[i]) ? &sim->nodes[i] : primary;
    }
    if (primary == NULL) {
        (void)snprintf(why, 200, "L1: nobody %s, by %s",
                       sim->store.follows ? "leads" : "is primary",
                       sim->store.rule != NULL ? sim->store.rule : "no rule");
        return false;
    }
    for (int i = 0; i < sim->databases; i++) {
        if (&sim->nodes[i] != primary && !is_well_placed(sim, i, primary)) {
            (void)snprintf(why, 200,
                           "L2: %s (conninfo %d, from %d, at %u) does not stream from %s (at %u), "
                           "its rule is %s",
                           sim->nodes[i].name.text, sim->nodes[i].pg.conninfo,
                           sim->nodes[i].pg.receives_from, (unsigned)sim->nodes[i].pg.wal_count,
                           primary->name.text, (unsigned)primary->pg.wal_count,
                           sim->nodes[i].daemon.rule != NULL ? sim->nodes[i].daemon.rule : "none");
            return false;
        }
    }
    for (uint32_t i = 0; i < sim->acked_count; i++) {
        if (!has_record(primary, sim->acked[i].lsn, sim->acked[i].id)) {
            (void)snprintf(why, 200, "S2: an acknowledged commit at %u is not in %s",
                           (unsigned)sim->acked[i].lsn, primary->name.text);
            return false;
        }
    }
    if (sim->settings.sync_mode != SYNC_OFF && !sim->store.follows && !is_provable(sim, primary)) {
        (void)snprintf(why, 200, "L4: nothing is provable of %s, %u sets are published",
                       primary->name.text, (unsigned)sim->store.now.sync.count);
        return false;
    }
    return true;
}

/* Called again and again after the heal: it ends as soon as all is well. */
void check_end(struct sim *sim)
{
    const struct supervisor_times *t = &sim->settings.times;
    char why[200] = "";
    uint64_t bound = (t->lease_ms + t->patient_ms + t->start_max_ms + 15000) * MS;
    /* Else one that is killed again and again, and at times not read, would never be late. */
    uint64_t unread_us = sim->unread_us < UNREAD_US_MAX ? sim->unread_us : UNREAD_US_MAX;
    bound += (sim->slowness != SLOW_NOT ? sim->recovery_us : 0) + unread_us;
    if (!check_is_well(sim, why)) {
        if (sim->now > sim->heal_at + bound) {
            sim_violation(sim, "%s, %u ms after the heal", why, (unsigned)(bound / MS));
            return;
        }
        sim->over = false;
        sim_schedule(sim, sim->now + 100 * MS, EV_END, 0);
        return;
    }
    sim->over = true;
    if (sim->writable_at != 0) {
        sim->outage_ms = (sim->writable_at - sim->heal_at) / MS;
    }
    if (sim->grants_elsewhere > sim->faults_done + 1) {
        sim_violation(sim, "L3: %u failovers, %u faults", (unsigned)sim->grants_elsewhere,
                      (unsigned)sim->faults_done);
    }
}
