/* supervisor/decide.c - the policy of one node, as an ordered table of rules.
 *
 * First match wins, so the order is the policy: rules that protect data stand before rules that
 * restore service. Each rule names the promise that it keeps. tests/unit/test_decide.c fails if a
 * row is never reached; tests/supersim lives with all of them. */
#include "supervisor/decide.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "supervisor/proof.h"

/* ---- what the rules ask ---- */

static bool runs(const struct facts *f)
{
    return f->pg.process != PG_ABSENT;
}

/* It acknowledges writes, for all that is known. What does not answer is a standby only if the
 * guard, which watches the data directory, has not seen it leave recovery. */
static bool may_be_primary(const struct facts *f)
{
    return runs(f) && (f->pg.role == ROLE_PRIMARY ||
                       (f->pg.role == ROLE_UNKNOWN && f->guard.promotion_seen != FACT_NO));
}

static bool may_start(const struct facts *f)
{
    return !runs(f) && f->guard.state == GUARD_WELL;
}

static bool has_lease(const struct facts *f)
{
    return f->lease.epoch != 0;
}

/* ... with more of it left than the end of everything takes. */
static bool lease_lives(const struct facts *f)
{
    return has_lease(f) && f->lease.remaining_ms > f->settings.times.kill_budget_ms;
}

static bool is_lawful(const struct facts *f)
{
    return lease_lives(f) && f->guard.promoted_epoch == f->lease.epoch;
}

static bool order_stands(const struct facts *f)
{
    return f->store.order_epoch > f->store.grant_epoch;
}

static bool is_paused(const struct facts *f)
{
    return f->store.paused != FACT_NO;
}

/* It was promoted for this epoch: its WAL is on the timeline that was named for this grant alone.
 * That outlives the guard, and a promotion that was asked for and never came does not count. */
static bool was_primary(const struct facts *f)
{
    return has_lease(f) && f->store.grant_epoch == f->lease.epoch && f->store.grant_timeline != 0 &&
           f->pg.end.is_known && f->pg.end.timeline == f->store.grant_timeline;
}

/* Nothing newer than the lease's epoch is known here. */
static bool is_newest(const struct facts *f)
{
    return f->store.grant_epoch == f->lease.epoch && f->store.order_epoch <= f->lease.epoch &&
           f->pg.sealed_epoch <= f->lease.epoch;
}

/* The cluster has had a primary, for all that is known. */
static bool has_begun(const struct facts *f)
{
    return f->store.initialized != FACT_NO;
}

static bool is_sealed(const struct facts *f, uint64_t epoch)
{
    return f->pg.sealed_epoch == epoch && seal_next(&f->pg, epoch) == SEAL_DONE;
}

/* ---- the rules, in their order ---- */

static bool not_looked_yet(const struct facts *f)
{
    return f->pg.process == PG_UNKNOWN && f->guard.state == GUARD_UNKNOWN;
}
static bool foreign_data(const struct facts *f)
{
    return f->pg.data == DATA_FOREIGN;
}
static bool not_adopted(const struct facts *f)
{
    return f->pg.data == DATA_USABLE && f->pg.is_noted == FACT_NO && !f->wish.adopt;
}
static bool left_over(const struct facts *f)
{
    return f->pg.process == PG_LEFT;
}
static bool adopt_stranger(const struct facts *f)
{
    return f->pg.data == DATA_USABLE && f->pg.is_noted == FACT_NO && f->wish.adopt &&
           (!has_begun(f) ? has_lease(f) : f->pg.role == ROLE_STANDBY || !runs(f));
}
static bool not_ours_yet(const struct facts *f)
{
    return f->pg.data == DATA_USABLE && f->pg.is_noted == FACT_NO && !has_begun(f);
}
static bool guard_gone(const struct facts *f)
{
    return f->guard.state == GUARD_GONE && runs(f);
}
static bool guard_silent(const struct facts *f)
{
    return f->guard.state == GUARD_SILENT && runs(f) && (may_be_primary(f) || has_lease(f));
}
static bool without_lease(const struct facts *f)
{
    return may_be_primary(f) && !lease_lives(f);
}
static bool superseded(const struct facts *f)
{
    if (!may_be_primary(f)) {
        return false;
    }
    bool is_newer = f->store.order_epoch > f->lease.epoch ||
                    f->store.grant_epoch > f->lease.epoch || f->pg.sealed_epoch > f->lease.epoch;
    for (uint32_t i = 0; i < f->member_count; i++) {
        is_newer = is_newer || f->members[i].primary_epoch > f->lease.epoch;
    }
    return is_newer;
}
static bool other_epoch(const struct facts *f)
{
    return may_be_primary(f) && f->guard.promoted_epoch != f->lease.epoch;
}
static bool stop_running(const struct facts *f)
{
    return f->wish.stop && runs(f);
}
static bool stop_release(const struct facts *f)
{
    return f->wish.stop && has_lease(f);
}
static bool stopped(const struct facts *f)
{
    return f->wish.stop;
}
static bool lease_ends(const struct facts *f)
{
    return f->pg.role == ROLE_PRIMARY && f->pg.process == PG_RUNNING &&
           f->lease.remaining_ms <= f->settings.times.fast_stop_ms;
}
static bool data_hangs(const struct facts *f)
{
    return has_lease(f) && f->pg.data_answers == FACT_NO;
}
static bool postgres_hangs(const struct facts *f)
{
    return has_lease(f) && f->pg.process == PG_RUNNING && f->pg.answers == FACT_NO;
}
static bool other_copy(const struct facts *f)
{
    return has_lease(f) && has_begun(f) && f->pg.copy != f->store.holder_copy;
}
static bool promised_newer(const struct facts *f)
{
    return has_lease(f) && f->pg.sealed_epoch > f->lease.epoch;
}
static bool initdb(const struct facts *f)
{
    return has_lease(f) && !has_begun(f) && f->pg.data == DATA_EMPTY;
}
static bool data_lost(const struct facts *f)
{
    return has_lease(f) && !runs(f) && (f->pg.data == DATA_EMPTY || f->pg.data == DATA_BROKEN);
}
static bool promotion_failed(const struct facts *f)
{
    return has_lease(f) && !was_primary(f) && f->lease.age_ms > f->settings.times.start_max_ms &&
           runs(f);
}
static bool promotion_given_up(const struct facts *f)
{
    return has_lease(f) && !was_primary(f) && f->lease.age_ms > f->settings.times.start_max_ms;
}
static bool crash_loop(const struct facts *f)
{
    return was_primary(f) && !runs(f) && !return_may_restart(f) && !is_paused(f);
}
static bool switched_over(const struct facts *f)
{
    return was_primary(f) && !runs(f) && f->wish.switchover && f->store.held == FACT_NO;
}
static bool provable_failover(const struct facts *f)
{
    return was_primary(f) && !runs(f) && !is_paused(f) && f->store.held == FACT_NO &&
           proof_is_foreseen(&f->store.sync, f->members, f->member_count, f->lease.epoch);
}
static bool guard_wanted(const struct facts *f)
{
    return !runs(f) && f->guard.state != GUARD_WELL && f->guard.state != GUARD_UNKNOWN;
}
static bool unread_and_down(const struct facts *f)
{
    return f->store.paused == FACT_UNKNOWN && !runs(f);
}
static bool paused_and_down(const struct facts *f)
{
    return is_paused(f) && !runs(f);
}
static bool restart_in_place(const struct facts *f)
{
    return was_primary(f) && lease_lives(f) && is_newest(f) && may_start(f) &&
           f->pg.data == DATA_USABLE && f->lease.remaining_ms > f->settings.times.promote_margin_ms;
}
static bool restart_too_late(const struct facts *f)
{
    return was_primary(f) && !runs(f) && f->lease.remaining_ms > 0;
}
static bool standby_of_own_epoch(const struct facts *f)
{
    return was_primary(f) && f->pg.process == PG_RUNNING && f->pg.role == ROLE_STANDBY;
}
static bool seal_ordered(const struct facts *f)
{
    return !has_lease(f) && order_stands(f) && f->pg.data == DATA_USABLE &&
           f->pg.process != PG_UNKNOWN && !is_sealed(f, f->store.order_epoch);
}
static bool start_to_promote(const struct facts *f)
{
    return has_lease(f) && !was_primary(f) && may_start(f) && f->pg.data == DATA_USABLE;
}
static bool is_candidate(const struct facts *f)
{
    return has_lease(f) && is_newest(f) && f->pg.process == PG_RUNNING &&
           f->pg.role == ROLE_STANDBY && f->pg.data == DATA_USABLE;
}
static bool seal_granted(const struct facts *f)
{
    return is_candidate(f) && !is_sealed(f, f->lease.epoch);
}
static bool arm(const struct facts *f)
{
    return is_candidate(f) && f->guard.state == GUARD_WELL && f->lease.remaining_ms > 0 &&
           f->guard.armed_epoch != f->lease.epoch;
}
static bool promote(const struct facts *f)
{
    return is_candidate(f) && f->guard.state == GUARD_WELL &&
           f->guard.armed_epoch == f->lease.epoch && is_sealed(f, f->lease.epoch) &&
           lease_lives(f) && f->lease.remaining_ms > f->settings.times.promote_margin_ms;
}
static bool is_serving(const struct facts *f)
{
    return is_lawful(f) && f->pg.role == ROLE_PRIMARY && f->pg.process == PG_RUNNING;
}
static bool write_signal(const struct facts *f)
{
    return is_serving(f) && f->pg.signal_synced != FACT_YES;
}
static bool record(const struct facts *f)
{
    const struct history_row *newest = history_newest(&f->store);
    return is_serving(f) && (newest == NULL || newest->epoch != f->lease.epoch);
}
static bool hand_over(const struct facts *f)
{
    const struct member_facts *to = member_named(f->members, f->member_count, &f->wish.candidate);
    bool is_there = !name_is_set(&f->wish.candidate) ||
                    (to != NULL && to->is_fresh && to->follows_epoch == f->lease.epoch);
    bool is_safe = f->settings.sync_mode == SYNC_OFF ||
                   proof_is_foreseen(&f->store.sync, f->members, f->member_count, f->lease.epoch);
    return is_serving(f) && f->wish.switchover && f->store.held == FACT_NO && is_there && is_safe;
}
static bool sync_changes(const struct facts *f)
{
    return is_serving(f) && sync_plan(f).step != SYNC_STEP_NONE;
}
static bool serving(const struct facts *f)
{
    return is_serving(f);
}
static bool granted(const struct facts *f)
{
    return has_lease(f);
}
static bool sealed(const struct facts *f)
{
    return order_stands(f) && f->pg.process == PG_RUNNING;
}
static bool begins(const struct facts *f)
{
    return !has_begun(f) && f->pg.data == DATA_EMPTY;
}
static bool comes_back(const struct facts *f)
{
    struct return_plan back = return_plan(f);
    return f->pg.process != PG_UNKNOWN && back.step != RETURN_WAIT && back.step != RETURN_FOLLOW;
}
static bool start_standby(const struct facts *f)
{
    bool rewinds = return_has_primary(f) && return_plan(f).step == RETURN_WAIT;
    return may_start(f) && f->pg.data == DATA_USABLE && f->pg.is_noted == FACT_YES && !rewinds;
}
static bool asked_to_clone(const struct facts *f)
{
    return f->wish.clone && return_has_primary(f) && f->pg.copy != f->store.holder_copy &&
           f->pg.process != PG_UNKNOWN;
}
static bool follow(const struct facts *f)
{
    return f->pg.process == PG_RUNNING && f->pg.role == ROLE_STANDBY &&
           return_plan(f).step == RETURN_FOLLOW && !name_is(&f->pg.upstream, &f->store.holder);
}
static bool always(const struct facts *f)
{
    (void)f;
    return true;
}

// clang-format off
enum { LETS_GO = false, RENEWS = true };

static const struct rule {
    bool (*when)(const struct facts *f);
    enum action then;
    bool renews;
    const char *rule;
    const char *keeps;
    const char *why;
} rules[] = {
    {not_looked_yet,     ACTION_WAIT,          LETS_GO, "not-looked-yet",        "",   "nothing was seen of this node's PostgreSQL and guard yet"},
    /* what is not ours */
    {foreign_data,       ACTION_WAIT,          LETS_GO, "foreign-data",          "D2", "the data directory is of another cluster: it is left alone"},
    {not_adopted,        ACTION_WAIT,          LETS_GO, "not-adopted",           "D2", "the data directory does not carry our note, and nobody asked to adopt it"},
    {adopt_stranger,     ACTION_ADOPT,         RENEWS,  "adopt",                 "D2", "what is there is taken over as it is"},
    {not_ours_yet,       ACTION_WAIT,          LETS_GO, "not-ours-yet",          "D2", "it waits to be the first primary of a new cluster"},
    /* at most one PostgreSQL acknowledges */
    {left_over,          ACTION_KILL,          RENEWS,  "left-over",             "B5", "the postmaster is gone, and processes of it are not"},
    {guard_gone,         ACTION_KILL,          RENEWS,  "guard-gone",            "B6", "nobody would end this PostgreSQL at the deadline"},
    {guard_silent,       ACTION_KILL,          RENEWS,  "guard-silent",          "B6", "the guard does not answer, and may not end a primary at the deadline"},
    {without_lease,      ACTION_KILL,          LETS_GO, "primary-without-lease", "A1", "it may acknowledge writes, and no confirmed keep-alive covers that"},
    {superseded,         ACTION_KILL,          LETS_GO, "superseded",            "C1", "a later epoch than that of this primary is known"},
    {other_epoch,        ACTION_KILL,          LETS_GO, "other-epoch",           "B1", "it was not promoted for the epoch of the lease"},
    /* the end of this program */
    {stop_running,       ACTION_STOP,          RENEWS,  "stop",                  "A8", "this program was asked to stop"},
    {stop_release,       ACTION_RELEASE,       RENEWS,  "stop-release",          "A3", "everything is down: another one may be primary at once"},
    {stopped,            ACTION_WAIT,          LETS_GO, "stopped",               "",   "this program stops"},
    /* a holder that is not well loses the lease */
    {lease_ends,         ACTION_STOP,          RENEWS,  "lease-ends",            "A5", "the last of a long lease is used for a fast shutdown"},
    {data_hangs,         ACTION_WAIT,          LETS_GO, "data-hangs",            "A5", "the data directory does not answer: the lease is not renewed"},
    {postgres_hangs,     ACTION_WAIT,          LETS_GO, "postgres-hangs",        "A5", "PostgreSQL does not answer: the lease is not renewed"},
    {initdb,             ACTION_INITDB,        RENEWS,  "initdb",                "",   "this node begins the cluster"},
    {other_copy,         ACTION_WAIT,          LETS_GO, "other-copy",            "C3", "the role was granted to another copy of the data than is here now"},
    {promised_newer,     ACTION_WAIT,          LETS_GO, "promised-newer",        "C1", "this node is sealed for a later epoch than that of its lease"},
    {data_lost,          ACTION_RELEASE,       RENEWS,  "data-lost",             "A3", "there is no data to be primary with"},
    {promotion_failed,   ACTION_KILL,          RENEWS,  "promotion-failed",      "A3", "it did not become primary in time: another one is to try"},
    {promotion_given_up, ACTION_RELEASE,       RENEWS,  "promotion-given-up",    "A3", "it did not become primary in time, and nothing runs"},
    /* a primary that crashed */
    {crash_loop,         ACTION_RELEASE,       RENEWS,  "crash-loop",            "A3", "it crashed too often: another one is to be primary"},
    {switched_over,      ACTION_RELEASE,       RENEWS,  "switched-over",         "A3", "an operator wants the role elsewhere, and everything is down"},
    {provable_failover,  ACTION_RELEASE,       RENEWS,  "provable-failover",     "C4", "enough standbys have every acknowledged commit: one of them takes over"},
    {unread_and_down,    ACTION_WAIT,          LETS_GO, "unread-and-down",       "A7", "the store has not been read yet: it might be paused"},
    {paused_and_down,    ACTION_WAIT,          LETS_GO, "paused-and-down",       "A7", "what stopped during a pause stays down"},
    {guard_wanted,       ACTION_START_GUARD,   RENEWS,  "guard-wanted",          "B6", "PostgreSQL is never started without its guard"},
    {restart_in_place,   ACTION_START_PRIMARY, RENEWS,  "restart-in-place",      "B3", "nobody else provably has all commits: it goes on where it was, fenced first"},
    {restart_too_late,   ACTION_RELEASE,       RENEWS,  "restart-too-late",      "B3", "too little of the lease is left to go on in place"},
    {standby_of_own_epoch, ACTION_STOP,        RENEWS,  "standby-of-own-epoch",  "B3", "it has this epoch's timeline already: it goes on as primary in place, not as another one"},
    /* a change of the primary */
    {seal_ordered,       ACTION_SEAL,          LETS_GO, "seal",                  "C1", "a new epoch is to be granted: nothing is acknowledged to an older one"},
    {start_to_promote,   ACTION_START_STANDBY, RENEWS,  "start-to-promote",      "B3", "it was granted the role: it starts as a standby first"},
    {seal_granted,       ACTION_SEAL,          RENEWS,  "seal-first",            "C1", "it was granted the role, and is not sealed for that epoch"},
    {arm,                ACTION_ARM,           RENEWS,  "arm",                   "B1", "the guard must know the deadline before a promotion"},
    {promote,            ACTION_PROMOTE,       RENEWS,  "promote",               "B1", "sealed, armed, and enough of the lease is left"},
    /* the primary's own house */
    {write_signal,       ACTION_WRITE_SIGNAL,  RENEWS,  "standby-signal",        "B3", "a start that is not ours must yield a standby"},
    {record,             ACTION_RECORD,        RENEWS,  "record-timeline",       "C4", "the timeline is in the store before anything on it is acknowledged"},
    {hand_over,          ACTION_HAND_OVER,     RENEWS,  "hand-over",             "C4", "an operator wants the role elsewhere, and nothing is lost by it"},
    {sync_changes,       ACTION_SYNC_SET,      RENEWS,  "sync-set",              "C4", "the set of synchronous standbys changes, step by step"},
    {serving,            ACTION_WAIT,          RENEWS,  "serving",               "",   "this node is the primary"},
    {granted,            ACTION_WAIT,          RENEWS,  "granted",               "B1", "it was granted the role, and something is still missing for it"},
    /* everybody else */
    {sealed,             ACTION_WAIT,          LETS_GO, "sealed",                "C1", "it has sealed itself, and waits for the choice"},
    {begins,             ACTION_WAIT,          LETS_GO, "begins",                "",   "it waits for the first primary"},
    {asked_to_clone,     ACTION_RETURN,        LETS_GO, "asked-to-clone",        "",   "an operator wants a new clone"},
    {comes_back,         ACTION_RETURN,        LETS_GO, "come-back",             "C3", "it comes back by the ladder"},
    {start_standby,      ACTION_START_STANDBY, LETS_GO, "start-standby",         "B3", "a stopped node always comes back as a standby"},
    {follow,             ACTION_FOLLOW,        LETS_GO, "follow",                "C1", "there is a primary of an epoch that this node may follow"},
    {always,             ACTION_WAIT,          LETS_GO, "steady",                "",   "nothing is to be done"},
};
// clang-format on

/* Checked again here, so that no edit of the table can do what must never be done. */
static void check(const struct facts *f, const struct decision *d)
{
    MUST(d->action != ACTION_PROMOTE || (lease_lives(f) && f->guard.armed_epoch == f->lease.epoch &&
                                         f->pg.sealed_epoch == d->epoch));
    MUST(d->action != ACTION_START_PRIMARY || (lease_lives(f) && was_primary(f)));
    MUST(d->action != ACTION_RELEASE || !runs(f));
    MUST((d->action != ACTION_START_PRIMARY && d->action != ACTION_START_STANDBY) ||
         f->guard.state == GUARD_WELL);
}

static void fill(const struct facts *f, struct decision *d)
{
    d->epoch = f->lease.epoch;
    if (d->action == ACTION_SEAL) {
        d->epoch = has_lease(f) ? f->lease.epoch : f->store.order_epoch;
        d->seal = seal_next(&f->pg, d->epoch);
    } else if (d->action == ACTION_SYNC_SET) {
        d->sync = sync_plan(f);
        d->why = d->sync.why;
    } else if (d->action == ACTION_RETURN) {
        d->back = return_plan(f);
        if (f->wish.clone) {
            d->back.step = f->back.wal_kept ? RETURN_CLONE : RETURN_KEEP_WAL;
            d->back.needs_stop = true;
        }
        d->why = d->back.why;
    }
}

struct decision decide(const struct facts *f)
{
    MUST(f->member_count <= FACTS_MEMBERS_MAX);
    MUST(f->store.history_count <= FACTS_HISTORY_MAX);
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        const struct rule *r = &rules[i];
        if (!r->when(f)) {
            continue;
        }
        struct decision d = {.action = r->then,
                             .renews = r->renews && has_lease(f),
                             .rule = r->rule,
                             .keeps = r->keeps,
                             .why = r->why};
        fill(f, &d);
        check(f, &d);
        return d;
    }
    UNREACHABLE("the last rule always matches");
}

bool serves_writes(const struct facts *f)
{
    return is_serving(f) && f->pg.signal_synced == FACT_YES && f->pg.force == FORCE_OURS;
}

const char *decide_rule(size_t at)
{
    return at < ARRAY_LEN(rules) ? rules[at].rule : NULL;
}
