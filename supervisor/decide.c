/* supervisor/decide.c - the policy of one node, as an ordered table of rules.
 *
 * First match wins, so the order is the policy: rules that protect data stand before rules that
 * restore service. Each rule names the promise that it keeps. tests/unit/test_decide.c fails if a
 * row is never reached; tests/supersim lives with all of them. */
#include "supervisor/decide.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "supervisor/history.h"
#include "supervisor/level.h"
#include "supervisor/others.h"
#include "supervisor/proof.h"
#include "supervisor/source.h"

#define SWITCH_WAIT_MS 1500  /* until a standby's words show that it has everything */
#define SWITCH_STOP_MS 10000 /* what its shutdown may take: clients wait */
#define RESTART_STOP_MS SWITCH_STOP_MS
#define ANY_STOP_MS 60000 /* ... and one that nobody waits for any more, or of elsewhere */

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
    return lease_lives(f) && f->guard.promoted_epoch == f->lease.epoch && !facts_leads_standby(f);
}

static bool order_stands(const struct facts *f)
{
    return f->store.order_epoch > f->store.grant_epoch;
}

static bool is_paused(const struct facts *f)
{
    return f->store.paused != FACT_NO;
}

/* Nothing runs, and how far its WAL goes is being found out. */
static bool reads_end(const struct facts *f)
{
    return !runs(f) && f->pg.data == DATA_USABLE && !f->pg.end.is_known;
}

/* ... and will not be found out in any useful time. */
static bool gives_up_reading(const struct facts *f)
{
    return reads_end(f) && f->pg.end_unread_ms > f->settings.times.start_max_ms;
}

/* It was promoted for this epoch: this program has seen it so, or its WAL is on the timeline that
 * was named for this grant alone, or recorded for it. That outlives the guard, and a promotion that
 * was asked for and never came does not count. */
static bool was_primary(const struct facts *f)
{
    if (!has_lease(f) || f->store.grant_epoch != f->lease.epoch || facts_leads_standby(f)) {
        return false; /* the timelines of another cluster may have any number */
    }
    const struct history_row *newest = history_newest(&f->store);
    const struct position *end = &f->pg.end;
    bool is_named = f->store.grant_timeline != 0 && end->timeline == f->store.grant_timeline;
    bool is_recorded =
        newest != NULL && newest->epoch == f->lease.epoch && end->timeline == newest->timeline;
    bool is_in_place = f->pg.process == PG_STARTING && f->guard.promoted_epoch == f->lease.epoch;
    return f->pg.primary_epoch == f->lease.epoch || is_in_place ||
           (end->is_known && (is_named || is_recorded));
}

/* Not to know it is not the same: then nothing is done that supposes the one or the other. */
static bool was_no_primary(const struct facts *f)
{
    bool is_read = !reads_end(f) || gives_up_reading(f) || facts_leads_standby(f);
    return !was_primary(f) && is_read;
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
/* What somebody has restored here is a copy of its own, that nothing was ever acknowledged to. An
 * operator wants the cluster to go on with it, and the role is free for that. */
static bool take_restored(const struct facts *f)
{
    return f->pg.data == DATA_FOREIGN && f->pg.restored == RESTORED_FIT && !runs(f) &&
           f->wish.accepts_loss && name_is(&f->wish.candidate, &f->self) && !f->wish.stop &&
           order_stands(f) && !f->store.lease_stands && !has_lease(f) &&
           f->store.paused == FACT_NO && f->store.held == FACT_NO;
}
static bool restored_data(const struct facts *f)
{
    return f->pg.data == DATA_FOREIGN && f->pg.restored != RESTORED_NOT;
}
static bool not_adopted(const struct facts *f)
{
    return f->pg.data == DATA_USABLE && f->pg.is_noted == FACT_NO && !f->wish.adopt;
}
static bool left_over(const struct facts *f)
{
    return f->pg.process == PG_LEFT;
}
/* A cluster begins with a primary that runs, or with data on which nothing runs. One that runs as a
 * standby follows somebody who may be writable, and is promoted for no first grant. The note says
 * of which cluster the data are: they are not taken before that is known. */
static bool adopt_stranger(const struct facts *f)
{
    bool is_one = f->pg.role == ROLE_PRIMARY || f->guard.promoted_epoch == f->lease.epoch;
    bool may_begin = has_lease(f) && (is_one || !runs(f));
    return f->pg.data == DATA_USABLE && f->pg.is_noted == FACT_NO && f->wish.adopt &&
           f->store.initialized != FACT_UNKNOWN &&
           (!has_begun(f) && !facts_leads_standby(f) ? may_begin
                                                     : f->pg.role == ROLE_STANDBY || !runs(f));
}
static bool not_ours_yet(const struct facts *f)
{
    return f->pg.data == DATA_USABLE && f->pg.is_noted == FACT_NO;
}
/* At its first start, and whenever a guard has gone with what was known of the processes. */
static bool no_guard_yet(const struct facts *f)
{
    return f->guard.state == GUARD_GONE && f->pg.process == PG_UNKNOWN;
}
static bool guard_gone(const struct facts *f)
{
    return f->guard.state == GUARD_GONE && runs(f);
}
static bool guard_silent(const struct facts *f)
{
    return f->guard.state == GUARD_SILENT && runs(f) && (may_be_primary(f) || has_lease(f));
}
/* What can not be killed is in the way of everything, but it does not keep the role for ever. */
static bool does_not_end(const struct facts *f)
{
    return f->pg.killing_ms > f->settings.times.lease_ms / 2 &&
           (left_over(f) || guard_gone(f) || guard_silent(f) || f->pg.process == PG_STOPPING);
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
    return may_be_primary(f) &&
           (f->guard.promoted_epoch != f->lease.epoch || facts_leads_standby(f));
}
static bool has_left(const struct facts *f)
{
    return f->wish.has_left;
}
/* No epoch is granted as long as the hold is there, and an election looks again: so a primary that
 * has its lease now is the only one that there can be. A standby is let go with it: whoever looks
 * after the primary then needs it. The note may be gone already, when the guard had to be asked
 * again. */
static bool leave(const struct facts *f)
{
    bool is_whole =
        f->pg.process == PG_RUNNING && f->pg.data == DATA_USABLE && f->guard.state == GUARD_WELL;
    bool may = f->pg.role == ROLE_STANDBY ? f->lease.epoch == 0
                                          : f->pg.role == ROLE_PRIMARY && is_lawful(f) &&
                                                !superseded(f) && !other_epoch(f);
    bool begins = f->wish.stop && f->store.held == FACT_YES && f->guard.is_adopted;
    return f->wish.is_leaving || (begins && is_whole && may);
}
static bool stop_running(const struct facts *f)
{
    return f->wish.stop && runs(f);
}
/* Nothing is seen to run, but something may by now: a start that was given up is carried out all
 * the same if the guard has begun it. It soon tells, or falls silent. */
static bool start_unanswered(const struct facts *f)
{
    return has_lease(f) && !runs(f) && f->guard.owes_start;
}
static bool stop_unanswered(const struct facts *f)
{
    return f->wish.stop && start_unanswered(f);
}
static bool stop_release(const struct facts *f)
{
    return f->wish.stop && has_lease(f);
}
/* What it had acknowledged is provably where the next primary is, or what is missing is known. */
static bool farewell(const struct facts *f)
{
    return f->wish.stop && name_is(&f->self, &f->store.holder) && order_stands(f) &&
           f->pg.data == DATA_USABLE && !is_sealed(f, f->store.order_epoch);
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
/* A slow disk is no reason to have somebody else begin: nothing was acknowledged, and the sequence
 * has a deadline. */
static bool making_data(const struct facts *f)
{
    return has_lease(f) && !has_begun(f) && f->pg.is_made;
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
    return has_lease(f) && has_begun(f) && f->pg.copy != f->store.holder_copy &&
           !facts_leads_standby(f);
}
static bool promised_newer(const struct facts *f)
{
    return has_lease(f) && f->pg.sealed_epoch > f->lease.epoch;
}
/* What the cluster agreed on is not known here. Nothing is begun by a guess; what runs goes on. */
static bool unconfigured(const struct facts *f)
{
    bool serves = (is_lawful(f) && f->pg.role == ROLE_PRIMARY && f->pg.process == PG_RUNNING) ||
                  (facts_leads_standby(f) && f->pg.process == PG_RUNNING);
    return f->settings.is_guess && (!runs(f) || (has_lease(f) && !serves));
}
static bool initdb(const struct facts *f)
{
    return has_lease(f) && !has_begun(f) && f->pg.data == DATA_EMPTY && !facts_leads_standby(f) &&
           !f->settings.is_standby_cluster;
}
static bool data_lost(const struct facts *f)
{
    bool is_to_be_made =
        facts_leads_standby(f) && !has_begun(f); /* by a copy of the other cluster */
    return has_lease(f) && !runs(f) && !is_to_be_made &&
           (f->pg.data == DATA_EMPTY || f->pg.data == DATA_BROKEN);
}
/* Crash recovery, or the replay of what was received, may take hours. What is killed in it begins
 * anew, so it goes on as long as it moves. */
static bool stands_still(const struct facts *f)
{
    uint64_t most_ms = f->settings.times.start_max_ms;
    return f->lease.age_ms > most_ms && f->pg.still_ms > most_ms;
}
/* However well it moves: for another one that is fit nobody waits for ever. */
static bool is_outdone(const struct facts *f)
{
    uint64_t most_ms = f->settings.restart_max_ms > f->settings.times.start_max_ms
                           ? f->settings.restart_max_ms
                           : f->settings.times.start_max_ms;
    return f->lease.age_ms > most_ms && others_are_fit(f);
}
static bool promotion_failed(const struct facts *f)
{
    return has_lease(f) && runs(f) && f->pg.role != ROLE_PRIMARY &&
           f->guard.promotion_seen != FACT_YES && was_no_primary(f) && !facts_leads_standby(f) &&
           (stands_still(f) || is_outdone(f));
}
static bool promotion_given_up(const struct facts *f)
{
    return has_lease(f) && was_no_primary(f) && !facts_leads_standby(f) &&
           f->lease.age_ms > f->settings.times.start_max_ms && !runs(f);
}
/* It should have been ended long ago, and nobody waits for it then (act.c): however it comes to
 * this, it does not keep the role. */
static bool pre_promote_hangs(const struct facts *f)
{
    return has_lease(f) && f->wish.pre_promote_ms > f->settings.times.start_max_ms;
}
static bool is_forbidden(const struct facts *f)
{
    return has_lease(f) && has_begun(f) && f->wish.pre_promote == PRE_PROMOTE_REFUSED &&
           !facts_leads_standby(f) && f->pg.role != ROLE_PRIMARY &&
           f->guard.promotion_seen != FACT_YES && was_no_primary(f);
}
static bool pre_promote_refused(const struct facts *f)
{
    return is_forbidden(f) && runs(f);
}
static bool pre_promote_release(const struct facts *f)
{
    return is_forbidden(f) && !runs(f);
}
static bool crash_loop(const struct facts *f)
{
    return was_primary(f) && !runs(f) && !return_may_restart(f) && !is_paused(f);
}
/* The role was granted with a timeline to begin, and none was recorded for it yet. */
static bool is_unrecorded(const struct facts *f)
{
    const struct history_row *newest = history_newest(&f->store);
    return has_lease(f) && f->store.grant_epoch == f->lease.epoch && newest != NULL &&
           newest->epoch != f->lease.epoch && !facts_leads_standby(f);
}
/* A start in place between the last record of its recovery and what the control file says of that
 * comes up on the timeline that it was to leave. Others may have that one too, to beyond where it
 * was to be left, and nobody could tell the one from the other any more. */
static bool is_on_old_timeline(const struct facts *f)
{
    return is_unrecorded(f) && f->pg.end.is_known && f->pg.end.timeline < f->store.grant_timeline;
}
static bool old_timeline(const struct facts *f)
{
    return f->pg.role == ROLE_PRIMARY && f->pg.process == PG_RUNNING && is_on_old_timeline(f);
}
static bool old_timeline_down(const struct facts *f)
{
    bool is_unknown = is_unrecorded(f) && gives_up_reading(f);
    return was_primary(f) && !runs(f) && !is_paused(f) && (is_on_old_timeline(f) || is_unknown);
}
static bool unrecorded_end(const struct facts *f)
{
    return was_primary(f) && is_unrecorded(f) && reads_end(f);
}
static bool is_switching(const struct facts *f)
{
    return was_primary(f) && !runs(f) && f->wish.switchover && f->store.held == FACT_NO;
}
/* A standby, or the archive, that PostgreSQL waits for on its way down. */
static bool stop_hangs(const struct facts *f)
{
    return was_primary(f) && f->pg.process == PG_STOPPING && f->wish.switchover &&
           f->pg.stopping_ms > SWITCH_STOP_MS;
}
static bool restart_stop_hangs(const struct facts *f)
{
    return was_primary(f) && f->pg.process == PG_STOPPING && f->wish.restart &&
           f->pg.stopping_ms > RESTART_STOP_MS;
}
/* Whoever wanted it may have given it up meanwhile; in a pause it is left to whoever began it. */
static bool shutdown_hangs(const struct facts *f)
{
    return was_primary(f) && f->pg.process == PG_STOPPING && !is_paused(f) &&
           f->pg.stopping_ms > ANY_STOP_MS;
}
static bool switched_over(const struct facts *f)
{
    return is_switching(f) && !is_paused(f) && (others_caught_up(f) || others_accepted(f));
}
static bool switching(const struct facts *f)
{
    return is_switching(f) && !is_paused(f) && f->pg.down_ms > 0 &&
           f->pg.down_ms < SWITCH_WAIT_MS && lease_lives(f);
}
static bool provable_failover(const struct facts *f)
{
    return has_lease(f) && !was_no_primary(f) && !runs(f) && !is_paused(f) && !f->wish.restart &&
           f->store.held == FACT_NO && proof_is_foreseen_after_end(f);
}
static bool restart_unwanted(const struct facts *f)
{
    return was_primary(f) && !runs(f) && !is_paused(f) && f->store.held == FACT_NO &&
           f->settings.sync_mode == SYNC_OFF && f->settings.restart_max_ms == 0 &&
           !f->wish.restart && others_may_be(f);
}
/* In one start, or in several that were cut short: each begins anew. */
static bool restart_hangs(const struct facts *f)
{
    uint64_t most_ms = f->settings.restart_max_ms;
    return was_primary(f) && f->pg.process == PG_STARTING && most_ms > 0 &&
           (f->pg.starting_ms > most_ms || f->pg.restart_ms > most_ms) && others_are_fit(f);
}
/* What keeps it from being started at all, a disk that takes no writes for one, is not tried for
 * ever either. */
static bool restart_fails(const struct facts *f)
{
    return was_primary(f) && !runs(f) && !is_paused(f) && f->store.held == FACT_NO &&
           f->settings.restart_max_ms > 0 && f->pg.restart_ms > f->settings.restart_max_ms &&
           others_may_be(f);
}
static bool guard_wanted(const struct facts *f)
{
    return !runs(f) && f->guard.state != GUARD_WELL && f->guard.state != GUARD_UNKNOWN;
}
static bool unread_and_down(const struct facts *f)
{
    return f->store.paused == FACT_UNKNOWN && !runs(f);
}
/* With restore_command in its configuration PostgreSQL itself turns to the archive, whenever the
 * primary does not have what is missing. */
static bool goes_on(enum return_step step)
{
    return step == RETURN_FOLLOW || step == RETURN_RESTORE;
}
/* What proves that an acknowledged commit is whole is not discarded, whoever asks for it; nor what
 * is not known well enough to say whether it does. */
static bool asked_to_clone(const struct facts *f)
{
    bool is_torn = f->pg.data == DATA_EMPTY || f->pg.data == DATA_BROKEN;
    bool is_known = f->store.is_current == FACT_YES && !f->settings.is_guess &&
                    f->pg.process != PG_UNKNOWN && (is_torn || f->pg.copy != 0);
    bool is_spare = f->pg.data == DATA_USABLE && !proof_asks_for(f);
    return f->wish.clone && return_has_primary(f) && f->pg.copy != f->store.holder_copy &&
           is_known && (is_torn || is_spare);
}
/* It comes up again with the data that it has. */
static bool is_asked_to_start(const struct facts *f)
{
    return f->wish.restart &&
           (has_lease(f) || !return_has_primary(f) || goes_on(return_plan(f).step));
}
/* For a change of the role that the pause forbids, or on the way to one. The wish for it may be
 * gone by now, and a start may have failed; nobody else has wanted it down. */
static bool was_ended_here(const struct facts *f)
{
    return was_primary(f) && f->pg.ended_epoch == f->lease.epoch;
}
/* But for a primary that this program has stopped, for a switchover say: nobody is granted its role
 * any more, and it goes on in place. So does what an operator has restarted or cloned; but nobody
 * who asks for a restart has data rewound or discarded. */
static bool paused_and_down(const struct facts *f)
{
    bool is_asked = is_asked_to_start(f) || (asked_to_clone(f) && !has_lease(f));
    bool goes_on_in_place = is_switching(f) || was_ended_here(f) || is_asked;
    return is_paused(f) && !runs(f) && (is_on_old_timeline(f) || !goes_on_in_place);
}
static bool restart_in_place(const struct facts *f)
{
    return was_primary(f) && lease_lives(f) && is_newest(f) && may_start(f) &&
           f->pg.data == DATA_USABLE && f->lease.remaining_ms > f->settings.times.promote_margin_ms;
}
/* ... also where it is not known yet what it was: the guard has ended it at the deadline of a lease
 * that was not renewed, and to renew it now would be to begin all of it again. */
static bool restart_too_late(const struct facts *f)
{
    bool is_late = f->lease.remaining_ms <= f->settings.times.promote_margin_ms;
    return has_lease(f) && !was_no_primary(f) && (was_primary(f) || is_late) && !runs(f) &&
           f->lease.remaining_ms > 0;
}
static bool standby_of_own_epoch(const struct facts *f)
{
    return was_primary(f) && f->pg.process == PG_RUNNING && f->pg.role == ROLE_STANDBY &&
           f->guard.promotion_seen == FACT_NO;
}
static bool seal_ordered(const struct facts *f)
{
    return !has_lease(f) && order_stands(f) && f->pg.data == DATA_USABLE &&
           f->pg.process != PG_UNKNOWN && !is_sealed(f, f->store.order_epoch);
}
static bool end_unread(const struct facts *f)
{
    return has_lease(f) && !was_primary(f) && !was_no_primary(f);
}
static bool start_to_promote(const struct facts *f)
{
    return has_lease(f) && was_no_primary(f) && !facts_leads_standby(f) && may_start(f) &&
           f->pg.data == DATA_USABLE;
}
static bool is_candidate(const struct facts *f)
{
    return has_lease(f) && is_newest(f) && f->pg.process == PG_RUNNING &&
           f->pg.role == ROLE_STANDBY && f->guard.promotion_seen != FACT_YES &&
           f->pg.data == DATA_USABLE && !f->store.grant_is_standby &&
           !f->settings.is_standby_cluster;
}
static bool seal_granted(const struct facts *f)
{
    return is_candidate(f) && !is_sealed(f, f->lease.epoch);
}
/* The first primary of all is not asked for, nor is one that has the order already. */
static bool is_to_ask(const struct facts *f)
{
    return has_begun(f) && f->wish.pre_promote == PRE_PROMOTE_DUE &&
           f->guard.promoted_epoch != f->lease.epoch;
}
static bool pre_promote(const struct facts *f)
{
    return is_candidate(f) && is_to_ask(f);
}
static bool may_promote(const struct facts *f)
{
    return !has_begun(f) || f->wish.pre_promote == PRE_PROMOTE_NONE ||
           f->wish.pre_promote == PRE_PROMOTE_PASSED;
}
static bool arm(const struct facts *f)
{
    return is_candidate(f) && may_promote(f) && f->guard.state == GUARD_WELL &&
           f->lease.remaining_ms > 0 && f->guard.armed_epoch != f->lease.epoch;
}
static bool promote(const struct facts *f)
{
    return is_candidate(f) && f->guard.state == GUARD_WELL &&
           f->guard.armed_epoch == f->lease.epoch && is_sealed(f, f->lease.epoch) &&
           f->guard.promoted_epoch != f->lease.epoch && /* else it has the order already */
           may_promote(f) && lease_lives(f) &&
           f->lease.remaining_ms > f->settings.times.promote_margin_ms;
}
static bool is_serving(const struct facts *f)
{
    return is_lawful(f) && f->pg.role == ROLE_PRIMARY && f->pg.process == PG_RUNNING;
}
static bool write_signal(const struct facts *f)
{
    bool is_told = f->guard.promotion_seen == FACT_YES; /* after the file was written again */
    return is_serving(f) && (f->pg.signal_synced != FACT_YES || !is_told);
}
/* Until it is there the fence stays, and nothing is acknowledged. */
static bool signal_fails(const struct facts *f)
{
    return write_signal(f) && f->pg.signal_ms > f->settings.times.start_max_ms;
}
static bool record(const struct facts *f)
{
    const struct history_row *newest = history_newest(&f->store);
    return is_serving(f) && (newest == NULL || newest->epoch != f->lease.epoch);
}
/* During a pause nobody would be granted the role. */
static bool hand_over(const struct facts *f)
{
    bool is_safe = f->settings.sync_mode == SYNC_OFF ||
                   proof_is_foreseen(&f->store.sync, f->members, f->member_count, f->lease.epoch);
    return is_serving(f) && f->wish.switchover && !f->wish.is_over && f->store.held == FACT_NO &&
           !is_paused(f) && others_can_succeed(f) && is_safe && !f->settings.is_guess;
}
static bool give_up(const struct facts *f)
{
    return is_serving(f) && f->wish.switchover && !f->wish.is_over && f->store.held == FACT_NO &&
           !is_paused(f) && others_accepted(f) && !f->settings.is_guess;
}
/* ---- the whole cluster becomes a standby, or a primary, by an operator's word ---- */

/* Nobody would be granted the other role in a pause. */
static bool may_change_kind(const struct facts *f)
{
    return has_lease(f) && f->store.grant_epoch == f->lease.epoch && !f->settings.is_guess &&
           f->store.grant_is_standby != f->settings.is_standby_cluster &&
           f->store.held == FACT_NO && !is_paused(f);
}
/* ... and of the lead of a standby cluster nobody before every member knows that: until then a
 * primary goes on as one. */
static bool is_other_granted(const struct facts *f)
{
    return may_change_kind(f) &&
           (!f->settings.is_standby_cluster || f->store.level >= LEVEL_STANDBY);
}
static bool demote_cluster(const struct facts *f)
{
    return is_other_granted(f) && is_serving(f);
}
static bool demoted_cluster(const struct facts *f)
{
    return is_other_granted(f) && !runs(f);
}
/* Granted as one thing, and the cluster is to be the other: it is begun as nothing. */
static bool kind_changed(const struct facts *f)
{
    bool is_on_its_way = f->pg.process == PG_RUNNING && f->pg.role == ROLE_STANDBY;
    return may_change_kind(f) && is_on_its_way;
}
/* It runs as a standby, the guard was never armed for this epoch, and nobody has promoted it: it
 * acknowledges nothing, so the role is given back with PostgreSQL up (safety A3). */
static bool may_give_lead_back(const struct facts *f)
{
    return facts_leads_standby(f) && f->guard.state == GUARD_WELL && !f->guard.owes_start &&
           f->pg.process == PG_RUNNING && f->pg.role == ROLE_STANDBY &&
           f->guard.promotion_seen == FACT_NO && f->guard.armed_epoch != f->lease.epoch &&
           f->guard.promoted_epoch != f->lease.epoch;
}
static bool promote_cluster(const struct facts *f)
{
    return may_change_kind(f) && may_give_lead_back(f);
}

/* ---- the leader of a standby cluster ---- */

/* It has nothing yet, or what another cluster does not have. */
static bool copies_remote(const struct facts *f)
{
    struct return_plan back = return_plan(f);
    bool is_first = !runs(f) && !has_begun(f) && f->pg.data != DATA_USABLE;
    bool is_whole = f->pg.data == DATA_USABLE;
    return facts_leads_standby(f) && is_newest(f) && (is_first || is_whole) &&
           f->pg.process != PG_UNKNOWN && back.step != RETURN_WAIT && !goes_on(back.step) &&
           !f->settings.is_guess && !is_paused(f);
}
/* Another one is to lead: it does not come up, for so long that it is no restart. */
static bool lead_given_up(const struct facts *f)
{
    uint64_t most_ms = f->settings.times.start_max_ms;
    return facts_leads_standby(f) && !runs(f) && !f->wish.restart && others_may_be(f) &&
           f->lease.age_ms > most_ms && f->pg.down_ms > most_ms;
}
static bool lead_hangs(const struct facts *f)
{
    uint64_t most_ms = f->settings.times.start_max_ms;
    return facts_leads_standby(f) && f->pg.process == PG_STARTING && others_may_be(f) &&
           !is_paused(f) && f->lease.age_ms > most_ms && f->pg.starting_ms > most_ms &&
           f->pg.still_ms > most_ms;
}
static bool start_to_lead(const struct facts *f)
{
    bool is_on_a_rung = f->settings.is_standby_cluster && return_plan(f).step == RETURN_WAIT;
    return facts_leads_standby(f) && may_start(f) && f->pg.data == DATA_USABLE &&
           f->pg.is_noted == FACT_YES && !is_on_a_rung;
}
static bool restart_leader(const struct facts *f)
{
    return facts_leads_standby(f) && f->wish.restart &&
           (f->pg.process == PG_RUNNING || f->pg.process == PG_STOPPING);
}
static bool hand_lead_over(const struct facts *f)
{
    return may_give_lead_back(f) && f->wish.switchover && !f->wish.is_over && !is_paused(f) &&
           f->store.held == FACT_NO && f->settings.is_standby_cluster && others_can_succeed(f) &&
           !f->settings.is_guess;
}
/* Data that were here before may be anybody's: that they stream says whose they are. By an archive
 * alone nothing is copied, and what was taken over is taken for the other cluster's. */
static bool record_remote(const struct facts *f)
{
    bool streams = f->pg.follows_epoch != 0 && name_is(&f->pg.upstream, &f->settings.remote);
    return facts_leads_standby(f) && f->store.initialized == FACT_NO &&
           f->pg.process == PG_RUNNING && f->pg.role == ROLE_STANDBY &&
           (streams || !name_is_set(&f->settings.remote));
}
static bool follow_remote(const struct facts *f)
{
    const struct facts_name *from = &f->settings.remote;
    bool is_other =
        name_is_set(from) ? !name_is(&f->pg.upstream, from) : f->pg.conninfo_empty == FACT_NO;
    return facts_leads_standby(f) && is_newest(f) && f->settings.is_standby_cluster &&
           !f->settings.is_guess && f->pg.process == PG_RUNNING && f->pg.role == ROLE_STANDBY &&
           is_other;
}
static bool leading(const struct facts *f)
{
    return facts_leads_standby(f) && f->pg.process == PG_RUNNING;
}
/* The lease is kept: nobody else is granted the role meanwhile, and it goes on in place. */
static bool restart_primary(const struct facts *f)
{
    return is_serving(f) && f->wish.restart && !f->settings.is_guess;
}
static bool sync_changes(const struct facts *f)
{
    return is_serving(f) && !f->settings.is_guess && sync_plan(f).step != SYNC_STEP_NONE;
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
    return f->pg.process != PG_UNKNOWN && back.step != RETURN_WAIT && !goes_on(back.step) &&
           !f->settings.is_guess;
}
static bool starts_alone(const struct facts *f)
{
    return f->pg.process == PG_STARTING && f->pg.starts_alone &&
           f->guard.promotion_seen == FACT_NO && return_has_primary(f);
}
static bool start_standby(const struct facts *f)
{
    bool rewinds = return_has_primary(f) && return_plan(f).step == RETURN_WAIT;
    return may_start(f) && f->pg.data == DATA_USABLE && f->pg.is_noted == FACT_YES && !rewinds;
}
static bool restart_standby(const struct facts *f)
{
    return f->wish.restart && (f->pg.process == PG_RUNNING || f->pg.process == PG_STOPPING);
}
/* What its configuration names is not whom it is to stream from, or somebody at all. */
static bool follow(const struct facts *f)
{
    const struct facts_name *from = source_of(f);
    bool is_other =
        name_is_set(from) ? !name_is(&f->pg.upstream, from) : f->pg.conninfo_empty == FACT_NO;
    return f->pg.process == PG_RUNNING && f->pg.role == ROLE_STANDBY &&
           goes_on(return_plan(f).step) && is_other;
}
/* It is down, and the ladder has no rung for it now: its sentence says why. */
static bool waits_for_rung(const struct facts *f)
{
    return !runs(f) && return_has_primary(f) && return_plan(f).step == RETURN_WAIT;
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
    {has_left,           ACTION_WAIT,          LETS_GO, "left",                  "A7", "PostgreSQL was left running for somebody else, and this program ends"},
    {leave,              ACTION_LEAVE,         RENEWS,  "leave",                 "A7", "no epoch may be granted, and this program was asked to stop: PostgreSQL is left as it was found, running"},
    {not_looked_yet,     ACTION_WAIT,          LETS_GO, "not-looked-yet",        "",   "nothing was seen of this node's PostgreSQL and guard yet"},
    /* what is not ours */
    {take_restored,      ACTION_ADOPT,         LETS_GO, "take-restored",         "C3", "an operator wants the cluster to go on with what was restored here: it is taken over as a copy of its own"},
    {restored_data,      ACTION_WAIT,          LETS_GO, "restored-data",         "C3", "a backup was restored here past pgraft, or another directory copied: it is left alone until it is made the primary (pgraftctl failover --accept-data-loss), or removed, and cloned"},
    {foreign_data,       ACTION_WAIT,          LETS_GO, "foreign-data",          "D2", "the data directory is of another cluster: it is left alone"},
    {not_adopted,        ACTION_WAIT,          LETS_GO, "not-adopted",           "D2", "the data directory does not carry our note, and nobody asked to adopt it"},
    {adopt_stranger,     ACTION_ADOPT,         RENEWS,  "adopt",                 "D2", "what is there is taken over as it is"},
    {not_ours_yet,       ACTION_WAIT,          LETS_GO, "not-ours-yet",          "D2", "it is not ours, and is left alone: it waits to be the first primary of a new cluster, or a standby"},
    /* at most one PostgreSQL acknowledges */
    {does_not_end,       ACTION_KILL,          LETS_GO, "does-not-end",          "A3", "it has been killed for half of a lease and has not ended: the lease is not renewed"},
    {left_over,          ACTION_KILL,          RENEWS,  "left-over",             "B5", "the postmaster is gone, and processes of it are not"},
    {no_guard_yet,       ACTION_KILL,          RENEWS,  "no-guard-yet",          "B6", "there is no guard: what an earlier one may have left is ended before one is started"},
    {guard_gone,         ACTION_KILL,          RENEWS,  "guard-gone",            "B6", "nobody would end this PostgreSQL at the deadline"},
    {guard_silent,       ACTION_KILL,          RENEWS,  "guard-silent",          "B6", "the guard does not answer, and may not end a primary at the deadline"},
    {without_lease,      ACTION_KILL,          LETS_GO, "primary-without-lease", "A1", "it may acknowledge writes, and no confirmed keep-alive covers that"},
    {superseded,         ACTION_KILL,          LETS_GO, "superseded",            "C1", "a later epoch than that of this primary is known"},
    {other_epoch,        ACTION_KILL,          LETS_GO, "other-epoch",           "B1", "it was not promoted for the epoch of the lease"},
    /* the end of this program */
    {stop_running,       ACTION_STOP,          RENEWS,  "stop",                  "A8", "this program was asked to stop"},
    {stop_unanswered,    ACTION_WAIT,          RENEWS,  "stop-unanswered",       "A3", "the guard was asked to start PostgreSQL, and has not told yet what came of it"},
    {stop_release,       ACTION_RELEASE,       RENEWS,  "stop-release",          "A3", "everything is down: another one may be primary at once"},
    {farewell,           ACTION_SEAL,          LETS_GO, "farewell",              "C1", "this program was asked to stop: it says how far this node came as primary before it goes"},
    {stopped,            ACTION_WAIT,          LETS_GO, "stopped",               "",   "this program stops"},
    /* a holder that is not well loses the lease */
    {lease_ends,         ACTION_STOP,          RENEWS,  "lease-ends",            "A5", "the last of a long lease is used for a fast shutdown"},
    {making_data,        ACTION_WAIT,          RENEWS,  "making-data",           "A5", "initdb makes the data of the cluster: the lease is kept as long as that may take"},
    {data_hangs,         ACTION_WAIT,          LETS_GO, "data-hangs",            "A5", "the data directory does not answer: the lease is not renewed"},
    {postgres_hangs,     ACTION_WAIT,          LETS_GO, "postgres-hangs",        "A5", "PostgreSQL does not answer: the lease is not renewed"},
    {unconfigured,       ACTION_WAIT,          LETS_GO, "unconfigured",          "",   "the key config is not known here yet, and nothing is begun by a guess"},
    {initdb,             ACTION_INITDB,        RENEWS,  "initdb",                "",   "this node begins the cluster"},
    {other_copy,         ACTION_WAIT,          LETS_GO, "other-copy",            "C3", "the role was granted to another copy of the data than is here now"},
    {promised_newer,     ACTION_WAIT,          LETS_GO, "promised-newer",        "C1", "this node is sealed for a later epoch than that of its lease"},
    {start_unanswered,   ACTION_WAIT,          RENEWS,  "start-unanswered",      "A3", "the guard was asked to start PostgreSQL, and has not told yet what came of it"},
    {data_lost,          ACTION_RELEASE,       RENEWS,  "data-lost",             "A3", "there is no data to be primary with"},
    {pre_promote_hangs,  ACTION_WAIT,          LETS_GO, "pre-promote-hangs",     "A5", "pre_promote is still there, long after its time: the lease is not renewed"},
    {pre_promote_refused, ACTION_STOP,         LETS_GO, "pre-promote-refused",   "A3", "pre_promote forbids it to be primary: it is stopped, so that it can give the role back"},
    {pre_promote_release, ACTION_RELEASE,      RENEWS,  "pre-promote-release",   "A3", "pre_promote forbids it to be primary, and nothing runs: another one may be"},
    {promotion_failed,   ACTION_KILL,          RENEWS,  "promotion-failed",      "A3", "it has stood still for too long on its way to be primary, or another one could be it at once: that one is to try"},
    {promotion_given_up, ACTION_RELEASE,       RENEWS,  "promotion-given-up",    "A3", "it did not become primary in time, and nothing runs"},
    /* an operator's word on the whole cluster */
    {demote_cluster,     ACTION_STOP,          RENEWS,  "demote-cluster",        "A3", "the cluster is to follow another one: its primary is shut down in order"},
    {demoted_cluster,    ACTION_RELEASE,       RENEWS,  "kind-changed-down",     "A3", "the cluster is to be another kind than this node was granted, and nothing runs here"},
    {promote_cluster,    ACTION_RELEASE,       RENEWS,  "promote-cluster",       "A3", "the cluster is to have a primary: one is chosen anew, and promoted for an epoch of its own"},
    {kind_changed,       ACTION_WAIT,          LETS_GO, "kind-changed",          "B1", "the cluster is to be another kind than this node was granted: the lease is not renewed"},
    {lead_given_up,      ACTION_RELEASE,       RENEWS,  "lead-given-up",         "A3", "it leads a standby cluster, and does not come up: another one is to lead"},
    {lead_hangs,         ACTION_WAIT,          LETS_GO, "lead-hangs",            "A5", "it leads a standby cluster, and its start stands still: another one is to lead"},
    /* a primary that crashed */
    {old_timeline,       ACTION_KILL,          LETS_GO, "old-timeline",          "C3", "it came up on the timeline that its promotion was to leave: that is not recorded, and nothing is acknowledged on it"},
    {old_timeline_down,  ACTION_RELEASE,       RENEWS,  "old-timeline-down",     "C3", "it never came to a timeline of its own: to start it in place would go on with an older one"},
    {crash_loop,         ACTION_RELEASE,       RENEWS,  "crash-loop",            "A3", "it crashed too often: another one is to be primary"},
    {stop_hangs,         ACTION_KILL,          RENEWS,  "stop-hangs",            "A3", "an operator wants the role elsewhere, and the shutdown for it takes too long: it is ended, and goes on in place unless another one has everything"},
    {restart_stop_hangs, ACTION_KILL,          RENEWS,  "restart-stop-hangs",    "B3", "an operator wants it restarted, and its shutdown takes too long: it is ended, and goes on in place"},
    {shutdown_hangs,     ACTION_KILL,          RENEWS,  "shutdown-hangs",        "A3", "its shutdown takes too long, and nobody is primary meanwhile: it is ended"},
    {switched_over,      ACTION_RELEASE,       RENEWS,  "switched-over",         "A3", "an operator wants the role elsewhere, and everything is down"},
    {switching,          ACTION_WAIT,          RENEWS,  "switching",             "C4", "an operator wants the role elsewhere: it waits until a standby says that it has everything"},
    {provable_failover,  ACTION_RELEASE,       RENEWS,  "provable-failover",     "C4", "enough standbys have every acknowledged commit: one of them takes over"},
    {restart_unwanted,   ACTION_RELEASE,       RENEWS,  "restart-unwanted",      "A3", "primary_start_timeout is 0, and another one can take over"},
    {restart_hangs,      ACTION_KILL,          RENEWS,  "restart-hangs",         "A3", "it starts in place for longer than primary_start_timeout, and another one could take over at once: that one is to"},
    {restart_fails,      ACTION_RELEASE,       RENEWS,  "restart-fails",         "A3", "it did not come up in place within primary_start_timeout, and another one can take over"},
    {unread_and_down,    ACTION_WAIT,          LETS_GO, "unread-and-down",       "A7", "the store has not been read yet: it might be paused"},
    {paused_and_down,    ACTION_WAIT,          LETS_GO, "paused-and-down",       "A7", "what stopped during a pause stays down"},
    {guard_wanted,       ACTION_START_GUARD,   RENEWS,  "guard-wanted",          "B6", "PostgreSQL is never started without its guard"},
    {copies_remote,      ACTION_RETURN,        RENEWS,  "copy-remote",           "D2", "it leads a standby cluster, and its data have to be those of the other cluster"},
    {unrecorded_end,     ACTION_WAIT,          RENEWS,  "unrecorded-end",        "C3", "its timeline was not recorded, and whether it came to it is told by the end of its WAL, which is being read"},
    {restart_in_place,   ACTION_START_PRIMARY, RENEWS,  "restart-in-place",      "B3", "nobody else provably has all commits: it goes on where it was, fenced first"},
    {restart_too_late,   ACTION_RELEASE,       RENEWS,  "restart-too-late",      "B3", "too little of the lease is left to go on in place"},
    {standby_of_own_epoch, ACTION_STOP,        RENEWS,  "standby-of-own-epoch",  "B3", "it has this epoch's timeline already: it goes on as primary in place, not as another one"},
    {end_unread,         ACTION_WAIT,          RENEWS,  "end-unread",            "B3", "nothing runs, and the end of its WAL, which tells whether it was primary, is being read"},
    /* a change of the primary */
    {seal_ordered,       ACTION_SEAL,          LETS_GO, "seal",                  "C1", "a new epoch is to be granted: nothing is acknowledged to an older one"},
    {start_to_lead,      ACTION_START_STANDBY, RENEWS,  "start-to-lead",         "B2", "it leads a standby cluster: it starts as a standby, and stays one"},
    {start_to_promote,   ACTION_START_STANDBY, RENEWS,  "start-to-promote",      "B3", "it was granted the role: it starts as a standby first"},
    {seal_granted,       ACTION_SEAL,          RENEWS,  "seal-first",            "C1", "it was granted the role, and is not sealed for that epoch"},
    {pre_promote,        ACTION_PRE_PROMOTE,   RENEWS,  "pre-promote",           "B1", "sealed: pre_promote is asked whether it may be primary"},
    {arm,                ACTION_ARM,           RENEWS,  "arm",                   "B1", "the guard must know the deadline before a promotion"},
    {promote,            ACTION_PROMOTE,       RENEWS,  "promote",               "B1", "sealed, armed, and enough of the lease is left"},
    /* the primary's own house */
    {signal_fails,       ACTION_WRITE_SIGNAL,  LETS_GO, "signal-fails",          "B3", "standby.signal can not be written, and before nothing is acknowledged: the lease is not renewed"},
    {write_signal,       ACTION_WRITE_SIGNAL,  RENEWS,  "standby-signal",        "B3", "a start that is not ours must yield a standby"},
    {record,             ACTION_RECORD,        RENEWS,  "record-timeline",       "C4", "the timeline is in the store before anything on it is acknowledged"},
    {hand_over,          ACTION_HAND_OVER,     RENEWS,  "hand-over",             "C4", "an operator wants the role elsewhere, and nothing is lost by it"},
    {give_up,            ACTION_HAND_OVER,     RENEWS,  "give-up",               "C4", "an operator wants the role elsewhere, and has accepted that what only this node has is lost"},
    {restart_primary,    ACTION_STOP,          RENEWS,  "restart-primary",       "B3", "an operator wants it restarted: it keeps the lease, and goes on in place"},
    {sync_changes,       ACTION_SYNC_SET,      RENEWS,  "sync-set",              "C4", "the set of synchronous standbys changes, step by step"},
    {serving,            ACTION_WAIT,          RENEWS,  "serving",               "",   "this node is the primary"},
    /* the house of a standby cluster's leader */
    {restart_leader,     ACTION_STOP,          RENEWS,  "restart-leader",        "",   "an operator wants it restarted: it keeps the lead"},
    {hand_lead_over,     ACTION_RELEASE,       RENEWS,  "hand-lead-over",        "A3", "an operator wants the lead elsewhere: it acknowledges nothing, and gives it back as it runs"},
    {record_remote,      ACTION_RECORD,        RENEWS,  "record-remote",         "D2", "whose data these are is in the store before anybody copies them"},
    {follow_remote,      ACTION_FOLLOW,        RENEWS,  "follow-remote",         "B2", "it leads a standby cluster, and follows the other one"},
    {leading,            ACTION_WAIT,          RENEWS,  "leading",               "",   "this node leads the standby cluster"},
    {granted,            ACTION_WAIT,          RENEWS,  "granted",               "B1", "it was granted the role, and something is still missing for it"},
    /* everybody else */
    {sealed,             ACTION_WAIT,          LETS_GO, "sealed",                "C1", "it has sealed itself, and waits for the choice"},
    {begins,             ACTION_WAIT,          LETS_GO, "begins",                "",   "it waits for the first primary"},
    {restart_standby,    ACTION_STOP,          LETS_GO, "restart-standby",       "",   "an operator wants it restarted"},
    {asked_to_clone,     ACTION_RETURN,        LETS_GO, "asked-to-clone",        "C4", "an operator wants a new clone"},
    {comes_back,         ACTION_RETURN,        LETS_GO, "come-back",             "C3", "it comes back by the ladder"},
    {starts_alone,       ACTION_STOP,          LETS_GO, "starts-alone",          "B3", "it may wait for WAL of a primary that its configuration does not name: it starts anew"},
    {start_standby,      ACTION_START_STANDBY, LETS_GO, "start-standby",         "B3", "a stopped node always comes back as a standby"},
    {follow,             ACTION_FOLLOW,        LETS_GO, "follow",                "C1", "there is a primary of an epoch that this node may follow"},
    {waits_for_rung,     ACTION_WAIT,          LETS_GO, "waits-for-rung",        "",   "it is down, and can not come back now"},
    {always,             ACTION_WAIT,          LETS_GO, "steady",                "",   "nothing is to be done"},
};
// clang-format on

/* Checked again here, so that no edit of the table can do what must never be done. */
static void check(const struct facts *f, const struct decision *d)
{
    MUST(d->action != ACTION_PROMOTE || (lease_lives(f) && f->guard.armed_epoch == f->lease.epoch &&
                                         f->pg.sealed_epoch == d->epoch && may_promote(f)));
    MUST(d->action != ACTION_START_PRIMARY ||
         (lease_lives(f) && was_primary(f) && !is_on_old_timeline(f)));
    MUST(d->action != ACTION_RECORD || facts_leads_standby(f) || !is_on_old_timeline(f));
    MUST(d->action != ACTION_RELEASE || (!runs(f) && !f->guard.owes_start) ||
         may_give_lead_back(f));
    MUST(!facts_leads_standby(f) ||
         (d->action != ACTION_PROMOTE && d->action != ACTION_ARM &&
          d->action != ACTION_PRE_PROMOTE && d->action != ACTION_START_PRIMARY &&
          d->action != ACTION_INITDB && d->action != ACTION_WRITE_SIGNAL));
    MUST(!f->settings.is_guess ||
         (d->action != ACTION_PROMOTE && d->action != ACTION_START_PRIMARY &&
          d->action != ACTION_INITDB && d->action != ACTION_SYNC_SET));
    MUST((d->action != ACTION_START_PRIMARY && d->action != ACTION_START_STANDBY) ||
         f->guard.state == GUARD_WELL);
}

static const char *why_stop(const struct facts *f)
{
    return f->pg.reload_refused ? "PostgreSQL refuses its configuration, and so can not be cut off "
                                  "as it runs: it is ended"
                                : "PostgreSQL was told in vain to read its configuration, and so "
                                  "can not be cut off as it "
                                  "runs: it is ended";
}

static void fill(const struct facts *f, const struct rule *r, struct decision *d)
{
    d->epoch = f->lease.epoch;
    if (d->action == ACTION_SEAL) {
        d->epoch = has_lease(f) ? f->lease.epoch : f->store.order_epoch;
        d->seal = seal_next(&f->pg, d->epoch);
        d->why = d->seal == SEAL_STOP ? why_stop(f) : d->why;
    } else if (r->when == take_restored) {
        d->epoch = f->store.order_epoch;
    } else if (d->action == ACTION_SYNC_SET) {
        d->sync = sync_plan(f);
        d->why = d->sync.why;
    } else if (d->action == ACTION_RETURN) {
        d->back = return_plan(f);
        if (r->when == asked_to_clone) {
            /* What it has written since was not kept, and what proves changes while it runs. */
            bool keeps = f->pg.data == DATA_USABLE && (!f->back.wal_kept || runs(f));
            d->back.step = keeps ? RETURN_KEEP_WAL : RETURN_CLONE;
            d->back.needs_stop = true;
        }
        d->why = r->when == asked_to_clone ? r->why : d->back.why;
    } else if (d->action == ACTION_WAIT && r->when == waits_for_rung) {
        d->why = return_plan(f).why;
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
        fill(f, r, &d);
        check(f, &d);
        return d;
    }
    UNREACHABLE("the last rule always matches");
}

bool serves_writes(const struct facts *f)
{
    return is_serving(f) && !write_signal(f) && f->pg.is_fence_lifted;
}

const char *decide_rule(size_t at)
{
    return at < ARRAY_LEN(rules) ? rules[at].rule : NULL;
}
