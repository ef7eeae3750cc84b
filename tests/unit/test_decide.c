/* tests/unit/test_decide.c - the policy of one node: one row per situation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/decide.h"
#include "tests/lib/facts_kit.h"
#include "tests/lib/standby_kit.h"
#include "tests/unit/decide_changes.h"
#include "tests/unit/decide_standby.h"

/* What is different from a node that is well. */
#define CHANGE(name) static void name(struct facts *f)

CHANGE(nothing)
{
    (void)f;
}
CHANGE(unseen)
{
    f->pg.process = PG_UNKNOWN;
    f->guard.state = GUARD_UNKNOWN;
}
CHANGE(of_another_cluster)
{
    f->pg.data = DATA_FOREIGN;
}
CHANGE(without_a_note)
{
    f->pg.is_noted = FACT_NO;
}
CHANGE(asked_to_adopt)
{
    f->wish.adopt = true;
}
CHANGE(holds_the_first_grant)
{
    f->store.initialized = FACT_NO;
    f->lease.epoch = f->store.grant_epoch = KIT_EPOCH;
    f->lease.remaining_ms = 1000;
}
CHANGE(says_no_role)
{
    f->pg.role = ROLE_UNKNOWN;
}
CHANGE(of_an_unknown_cluster)
{
    f->store.initialized = FACT_UNKNOWN;
}
CHANGE(was_adopted)
{
    f->guard.is_adopted = true;
}
CHANGE(held)
{
    f->store.held = FACT_YES;
}
CHANGE(is_being_left)
{
    f->wish.is_leaving = true;
    f->guard.state = GUARD_GONE;
    f->pg.process = PG_UNKNOWN;
}
CHANGE(has_been_left)
{
    f->wish.stop = f->wish.has_left = true;
    f->guard.state = GUARD_GONE;
}
CHANGE(without_a_cluster)
{
    f->store.initialized = FACT_NO;
    f->lease.epoch = 0;
}
CHANGE(never_promoted)
{
    f->lease.epoch = 0;
    f->guard.promoted_epoch = 0;
}
CHANGE(backends_live_on)
{
    f->pg.process = PG_LEFT;
}
CHANGE(guard_is_gone)
{
    f->guard.state = GUARD_GONE;
}
CHANGE(process_unknown)
{
    f->pg.process = PG_UNKNOWN;
}
CHANGE(guard_is_silent)
{
    f->guard.state = GUARD_SILENT;
}
CHANGE(less_than_the_kill_budget)
{
    f->lease.remaining_ms = f->settings.times.kill_budget_ms;
}
CHANGE(role_unknown)
{
    f->pg.role = ROLE_UNKNOWN;
}
CHANGE(another_primary_above)
{
    f->members[2].primary_epoch = KIT_EPOCH + 1;
}
CHANGE(promoted_for_another_epoch)
{
    f->guard.promoted_epoch = KIT_EPOCH - 1;
}
CHANGE(program_stops)
{
    f->wish.stop = true;
}
CHANGE(all_is_down)
{
    f->pg.process = PG_ABSENT;
}
CHANGE(another_is_to_be_primary)
{
    f->lease = (struct lease_facts){.epoch = 0};
    f->store.order_epoch = KIT_EPOCH + 1;
}
CHANGE(long_lease_ends)
{
    f->settings.times.fast_stop_ms = 3000;
    f->lease.remaining_ms = 2500;
}
CHANGE(disk_hangs)
{
    f->pg.data_answers = FACT_NO;
}
CHANGE(postgres_is_stuck)
{
    f->pg.answers = FACT_NO;
    f->pg.role = ROLE_UNKNOWN;
}
CHANGE(nothing_begun)
{
    f->store.initialized = FACT_NO;
    f->store.history_count = 0;
    f->store.sync.is_known = false;
    f->pg.data = DATA_EMPTY;
    f->pg.is_noted = FACT_NO;
    f->pg.process = PG_ABSENT;
    f->pg.end.is_known = false;
    f->pg.copy = 0;
}
CHANGE(makes_data)
{
    f->pg.is_made = true;
}
CHANGE(another_copy)
{
    f->pg.copy = 999;
}
CHANGE(sealed_above)
{
    f->pg.sealed_epoch = KIT_EPOCH + 2;
}
CHANGE(data_broken)
{
    f->pg.data = DATA_BROKEN;
}
CHANGE(takes_too_long)
{
    f->lease.age_ms = f->pg.still_ms = f->settings.times.start_max_ms + 1;
}
CHANGE(asks_first)
{
    f->wish.pre_promote = PRE_PROMOTE_DUE;
}
CHANGE(may_be_primary)
{
    f->wish.pre_promote = PRE_PROMOTE_PASSED;
}
CHANGE(must_not_be_primary)
{
    f->wish.pre_promote = PRE_PROMOTE_REFUSED;
}
CHANGE(asks_for_ever)
{
    f->wish.pre_promote_ms = f->settings.times.start_max_ms + 1;
}
CHANGE(recovers)
{
    f->pg.process = PG_STARTING;
    f->pg.role = ROLE_UNKNOWN;
    f->pg.end.is_known = false;
    f->lease.age_ms = f->settings.restart_max_ms;
    f->pg.still_ms = f->settings.times.start_max_ms;
}
CHANGE(stands_still)
{
    f->pg.still_ms++;
}
CHANGE(stood_still_before_its_grant)
{
    f->lease.age_ms = f->settings.times.start_max_ms;
    f->pg.still_ms = 100 * f->settings.times.start_max_ms;
}
CHANGE(for_too_long)
{
    f->lease.age_ms++;
}
CHANGE(pg3_is_behind)
{
    f->members[2].end.lsn--;
}
CHANGE(waits_for_nobody)
{
    f->store.sync.sets[0] = (struct sync_set){.needed = 0};
}
CHANGE(any_lag_is_too_much)
{
    waits_for_nobody(f);
    f->settings.lag_bytes_max = 0;
}
CHANGE(pg3_has_much_to_replay)
{
    f->members[2].to_replay = (UINT64_C(64) << 20) + 1;
}
CHANGE(pg3_has_little_to_replay)
{
    f->members[2].to_replay = UINT64_C(64) << 20;
}
CHANGE(pg3_does_not_say_what_it_replayed)
{
    f->members[2].to_replay = TO_REPLAY_UNKNOWN;
}
CHANGE(pg3_starts)
{
    f->members[2].process = PG_STARTING;
}
CHANGE(pg3_crashes)
{
    f->members[2].can_start = FACT_NO;
}
CHANGE(nobody_knows_what_it_had)
{
    f->pg.had.is_known = false;
}
CHANGE(nothing_was_ever_primary)
{
    f->store.initialized = FACT_NO;
}
CHANGE(never_restarted_recovers)
{
    recovers(f);
    f->settings.restart_max_ms = 0;
    f->lease.age_ms = f->settings.times.start_max_ms;
}
CHANGE(has_its_order)
{
    f->guard.promoted_epoch = KIT_EPOCH + 1;
    f->guard.promotion_seen = FACT_UNKNOWN;
    f->lease.age_ms = f->settings.restart_max_ms;
}
CHANGE(alone)
{
    f->members[1].is_fresh = f->members[2].is_fresh = false;
}
CHANGE(does_not_start)
{
    f->pg.restart_ms = f->settings.restart_max_ms;
}
CHANGE(does_not_start_for_too_long)
{
    f->pg.restart_ms = f->settings.restart_max_ms + 1;
}
CHANGE(starts_again_for_too_long)
{
    f->pg.restart_ms = f->settings.restart_max_ms + 1;
}
CHANGE(others_are_behind)
{
    f->members[1].end.lsn = f->members[2].end.lsn = KIT_LSN - 1;
}
CHANGE(nobody_could_take_over)
{
    f->members[1].can_start = FACT_NO;
    f->members[2].nofailover = true;
}
CHANGE(killed_in_vain)
{
    f->pg.killing_ms = f->settings.times.lease_ms / 2 + 1;
}
CHANGE(promoted_and_not_told)
{
    f->guard.promotion_seen = FACT_UNKNOWN;
}
CHANGE(end_unknown)
{
    f->pg.end.is_known = false;
}
CHANGE(end_unread)
{
    f->pg.end.is_known = false;
    f->pg.end_unread_ms = f->settings.times.start_max_ms;
}
CHANGE(unread_for_too_long)
{
    f->pg.end_unread_ms++;
}
CHANGE(seen_as_primary)
{
    f->pg.primary_epoch = KIT_EPOCH;
}
CHANGE(on_a_later_timeline)
{
    f->store.history[1].timeline = f->pg.end.timeline = KIT_TIMELINE + 1;
}
CHANGE(silent_for_a_moment)
{
    f->pg.role = ROLE_UNKNOWN;
    f->pg.answers = FACT_UNKNOWN;
    f->pg.end.is_known = false;
}
CHANGE(starts)
{
    f->pg.process = PG_STARTING;
    f->guard.promotion_seen = FACT_UNKNOWN;
}
CHANGE(heard_of_the_end)
{
    f->members[1].follows_epoch = f->members[2].follows_epoch = 0;
}
CHANGE(never_followed)
{
    f->members[2].end.timeline--;
}
CHANGE(too_often)
{
    f->pg.crashes = f->settings.crashes_max + 1;
}
CHANGE(switched_over)
{
    f->wish.switchover = true;
    f->pg.down_ms = 100;
}
CHANGE(pgraft_has_ended_it)
{
    f->pg.process = PG_ABSENT;
    f->pg.ended_epoch = KIT_EPOCH;
}
CHANGE(in_an_earlier_epoch)
{
    f->pg.ended_epoch = KIT_EPOCH - 1;
}
CHANGE(down_for_too_long)
{
    f->pg.down_ms = 1500;
}
CHANGE(pg3_alone_has_all)
{
    f->members[1].is_fresh = false;
    f->members[2].is_fresh = true;
    f->members[2].end = f->pg.end;
}
CHANGE(pg3_may_not)
{
    f->members[2].nofailover = true;
}
CHANGE(as_a_standby)
{
    f->pg.role = ROLE_STANDBY;
    f->guard.promotion_seen = FACT_NO;
}
CHANGE(promotes)
{
    f->guard.promoted_epoch = KIT_EPOCH + 1;
    f->guard.promotion_seen = FACT_UNKNOWN;
}
CHANGE(promoted_a_moment_ago)
{
    f->guard.promoted_epoch = f->pg.primary_epoch = KIT_EPOCH + 1;
    f->guard.promotion_seen = FACT_YES;
}
CHANGE(receiver_gone_once)
{
    f->pg.receiver_gone_twice = false;
}
CHANGE(not_sealed)
{
    f->pg.sealed_epoch = KIT_EPOCH;
}
CHANGE(not_armed)
{
    f->guard.armed_epoch = KIT_EPOCH;
}
CHANGE(no_signal_file)
{
    f->pg.signal_synced = FACT_NO;
}
CHANGE(no_signal_file_yet)
{
    no_signal_file(f);
    f->pg.signal_ms = f->settings.times.start_max_ms;
}
CHANGE(no_signal_file_for_ever)
{
    no_signal_file_yet(f);
    f->pg.signal_ms++;
}
/* It was seen to be primary. */
CHANGE(crashed_before_it_recorded)
{
    crashed(f);
    seen_as_primary(f);
    unrecorded(f);
}
/* Its promotion was to begin the timeline after that on which it is. */
CHANGE(on_the_timeline_that_it_was_to_leave)
{
    f->store.history_count = 1;
    f->store.grant_timeline = KIT_TIMELINE + 1;
}
CHANGE(first_of_all_grants)
{
    f->store.history_count = 0;
}
CHANGE(its_end_can_not_be_read)
{
    f->pg.end.is_known = false;
    f->pg.end_unread_ms = 3600000;
}
CHANGE(guard_owes_a_start)
{
    f->guard.owes_start = true;
}
CHANGE(role_is_wanted_elsewhere)
{
    f->wish.switchover = true;
    f->wish.candidate = kit_name(3);
}
CHANGE(nobody_streams)
{
    f->members[1].follows_epoch = f->members[2].follows_epoch = 0;
}
CHANGE(pg3_is_far_behind)
{
    f->pg.end.lsn += (UINT64_C(64) << 20) + 1;
    f->members[1].end.lsn = f->pg.end.lsn;
}
CHANGE(for_more_than_ten_seconds)
{
    f->pg.stopping_ms++;
}
CHANGE(pg3_is_never_chosen)
{
    f->members[2].failover_priority = 0;
}
CHANGE(pg3_is_down)
{
    f->members[2].process = PG_ABSENT;
}
CHANGE(for_more_than_a_minute)
{
    f->pg.stopping_ms = 60001;
}
CHANGE(pg3_refuses)
{
    f->members[2].config_reads = FACT_NO;
}
CHANGE(both_standbys_refuse)
{
    pg3_refuses(f);
    f->members[1].config_reads = FACT_NO;
}
CHANGE(reload_refused)
{
    f->pg.reload_refused = true;
    (void)snprintf(f->pg.config_wrong, sizeof(f->pg.config_wrong), "/d/a.conf:7: syntax error");
}
CHANGE(one_standby_is_gone)
{
    f->members[2].is_fresh = f->members[2].is_recent = false;
}
CHANGE(nobody_has_a_lease)
{
    f->store.lease_stands = false;
}
CHANGE(follows_nobody)
{
    f->pg.upstream = (struct facts_name){.text = ""};
}
CHANGE(is_to_follow_pg3)
{
    f->source.replicatefrom = kit_name(3);
    f->source.is_settled = true;
}
CHANGE(follows_pg3)
{
    f->pg.upstream = kit_name(3);
}
CHANGE(is_to_follow_nobody)
{
    f->source.nostream = true;
}
CHANGE(receives_nothing)
{
    f->pg.follows_epoch = 0;
    f->pg.receiver = RECEIVER_GONE;
    f->pg.conninfo_empty = FACT_YES;
}
CHANGE(starts_without_the_primary)
{
    f->pg.process = PG_STARTING;
    f->pg.role = ROLE_UNKNOWN;
    f->guard.promotion_seen = FACT_NO;
    f->pg.end.is_known = false;
    f->pg.starts_alone = true;
}
CHANGE(down_without_an_end)
{
    f->pg.process = PG_ABSENT;
    f->pg.end.is_known = false;
    f->pg.end_lost = true;
}
CHANGE(of_no_use)
{
    f->back.damage = f->pg.end_lost ? DAMAGE_NO_END : DAMAGE_NO_START;
}
CHANGE(the_archive_has_it)
{
    f->back.has_upstream_wal = FACT_NO;
    f->back.has_archive = FACT_YES;
}

#include "tests/unit/decide_wishes.h"

// clang-format off
static const struct {
    const char *text;
    kit_change node;
    kit_change changes[KIT_CHANGES_MAX];
    enum action action;
    const char *rule;
} situations[] = {
    {"nothing is done before anything was seen", kit_standby, {unseen}, ACTION_WAIT, "not-looked-yet"},
    {"data of another cluster are left alone", kit_primary, {of_another_cluster}, ACTION_WAIT, "foreign-data"},
    {"what was restored past pgraft is left alone", kit_standby, {a_backup_was_restored}, ACTION_WAIT, "restored-data"},
    {"... by an operator's word it is taken over, when the role is free", kit_standby, {a_backup_was_restored, it_is_wanted_whatever_is_lost, the_role_is_free}, ACTION_ADOPT, "take-restored"},
    {"... not before", kit_standby, {a_backup_was_restored, it_is_wanted_whatever_is_lost}, ACTION_WAIT, "restored-data"},
    {"... not for another one", kit_standby, {a_backup_was_restored, another_one_is_wanted_whatever_is_lost, the_role_is_free}, ACTION_WAIT, "restored-data"},
    {"... not by a wish that accepts no loss", kit_standby, {a_backup_was_restored, it_is_wanted_whatever_is_lost, nobody_has_accepted_that, the_role_is_free}, ACTION_WAIT, "restored-data"},
    {"... not while something has to be done to it", kit_standby, {a_backup_was_restored, it_is_not_ready, it_is_wanted_whatever_is_lost, the_role_is_free}, ACTION_WAIT, "restored-data"},
    {"... or something runs on it", kit_standby, {a_backup_was_restored, something_runs_on_it, it_is_wanted_whatever_is_lost, the_role_is_free}, ACTION_WAIT, "restored-data"},
    {"A7: ... not in a pause", kit_standby, {a_backup_was_restored, it_is_wanted_whatever_is_lost, the_role_is_free, paused}, ACTION_WAIT, "restored-data"},
    {"... and those that nobody asked to adopt", kit_standby, {without_a_note}, ACTION_WAIT, "not-adopted"},
    {"a standby is adopted as it is", kit_standby, {without_a_note, asked_to_adopt}, ACTION_ADOPT, "adopt"},
    {"... once it is known of which cluster its note is", kit_standby, {without_a_note, asked_to_adopt, of_an_unknown_cluster}, ACTION_WAIT, "not-ours-yet"},
    {"a primary of before the cluster waits for the first grant", kit_primary, {without_a_note, asked_to_adopt, without_a_cluster}, ACTION_WAIT, "not-ours-yet"},
    {"D2: one that runs as a standby is promoted for no first grant", kit_standby, {without_a_note, asked_to_adopt, holds_the_first_grant}, ACTION_WAIT, "not-ours-yet"},
    {"... nor one that has not said what it is", kit_standby, {without_a_note, asked_to_adopt, holds_the_first_grant, says_no_role}, ACTION_WAIT, "not-ours-yet"},
    {"... a primary goes on under it", kit_primary, {without_a_note, asked_to_adopt, holds_the_first_grant}, ACTION_ADOPT, "adopt"},
    {"... also while it says nothing, once the guard holds it", kit_primary, {without_a_note, asked_to_adopt, holds_the_first_grant, says_no_role}, ACTION_ADOPT, "adopt"},
    {"... and one that runs beside a cluster that has one is none of ours, and not ended", kit_primary, {without_a_note, asked_to_adopt, never_promoted}, ACTION_WAIT, "not-ours-yet"},
    {"B5: backends without a postmaster are ended", kit_primary, {backends_live_on}, ACTION_KILL, "left-over"},
    {"B6: without a guard what may be there is ended", kit_standby, {guard_is_gone, process_unknown}, ACTION_KILL, "no-guard-yet"},
    {"B6: without a guard PostgreSQL ends", kit_standby, {guard_is_gone}, ACTION_KILL, "guard-gone"},
    {"... but the lease is not renewed for ever, if it does not end", kit_primary, {guard_is_gone, killed_in_vain}, ACTION_KILL, "does-not-end"},
    {"B6: a primary with a frozen guard is ended by the daemon", kit_primary, {guard_is_silent}, ACTION_KILL, "guard-silent"},
    {"... a standby need not", kit_standby, {guard_is_silent}, ACTION_WAIT, "steady"},
    {"... but one that was granted the role must", kit_chosen, {guard_is_silent}, ACTION_KILL, "guard-silent"},
    {"A1: a primary without a lease ends", kit_primary, {lease_is_over}, ACTION_KILL, "primary-without-lease"},
    {"... also one with less left than the end takes", kit_primary, {less_than_the_kill_budget}, ACTION_KILL, "primary-without-lease"},
    {"... also one that does not answer, if it was promoted", kit_primary, {lease_is_over, role_unknown}, ACTION_KILL, "primary-without-lease"},
    {"an order above the epoch ends a primary", kit_primary, {order_above}, ACTION_KILL, "superseded"},
    {"... and so does another primary above", kit_primary, {another_primary_above}, ACTION_KILL, "superseded"},
    {"B1: promoted for one epoch, it does not serve under another", kit_primary, {promoted_for_another_epoch}, ACTION_KILL, "other-epoch"},
    {"a daemon that stops stops PostgreSQL", kit_primary, {program_stops}, ACTION_STOP, "stop"},
    {"A7: ... also one that was adopted", kit_primary, {program_stops, was_adopted}, ACTION_STOP, "stop"},
    {"... but leaves it running where no epoch may be granted", kit_primary, {program_stops, was_adopted, held}, ACTION_LEAVE, "leave"},
    {"... a standby as well", kit_standby, {program_stops, was_adopted, held}, ACTION_LEAVE, "leave"},
    {"... also once its note is gone, when the guard is asked again", kit_primary, {program_stops, was_adopted, held, without_a_note}, ACTION_LEAVE, "leave"},
    {"... not a child of the guard, which would end with it", kit_primary, {program_stops, held}, ACTION_STOP, "stop"},
    {"... nor a primary that is none any more", kit_primary, {program_stops, was_adopted, held, never_promoted}, ACTION_KILL, "primary-without-lease"},
    {"... nor one that says nothing", kit_primary, {program_stops, was_adopted, held, says_no_role}, ACTION_STOP, "stop"},
    {"... and as long as the program goes on so does its care", kit_standby, {was_adopted, held}, ACTION_WAIT, "steady"},
    {"what is being let go is not ended for a guard that goes first", kit_primary, {program_stops, is_being_left}, ACTION_LEAVE, "leave"},
    {"what was let go is nobody's to end", kit_primary, {has_been_left}, ACTION_WAIT, "left"},
    {"... and releases when all is down", kit_primary, {program_stops, all_is_down}, ACTION_RELEASE, "stop-release"},
    {"A3: ... not before the guard has told what came of a start", kit_primary, {program_stops, all_is_down, guard_owes_a_start}, ACTION_WAIT, "stop-unanswered"},
    {"... and says how far it came, before it goes", kit_primary, {program_stops, all_is_down, another_is_to_be_primary}, ACTION_SEAL, "farewell"},
    {"... which a standby need not", kit_standby, {program_stops, all_is_down}, ACTION_WAIT, "stopped"},
    {"... nor that", kit_standby, {program_stops, all_is_down, another_is_to_be_primary}, ACTION_WAIT, "stopped"},
    {"A5: the last of a long lease is for a fast shutdown", kit_primary, {long_lease_ends}, ACTION_STOP, "lease-ends"},
    {"a hung disk costs the lease", kit_primary, {disk_hangs}, ACTION_WAIT, "data-hangs"},
    {"a hung PostgreSQL costs the lease", kit_primary, {postgres_is_stuck}, ACTION_WAIT, "postgres-hangs"},
    {"nobody is promoted by a guess at the configuration", kit_chosen, {config_is_unknown}, ACTION_WAIT, "unconfigured"},
    {"... nor begins a cluster by it", kit_primary, {nothing_begun, config_is_unknown}, ACTION_WAIT, "unconfigured"},
    {"... nor goes on in place", kit_primary, {config_is_unknown, all_is_down}, ACTION_WAIT, "unconfigured"},
    {"... nor starts as a standby", kit_standby, {config_is_unknown, all_is_down}, ACTION_WAIT, "unconfigured"},
    {"... nor gives up data", kit_standby, {ahead_of_the_fork, config_is_unknown}, ACTION_WAIT, "steady"},
    {"... a primary that runs serves on, with the set it has", kit_primary, {one_standby_is_gone, config_is_unknown}, ACTION_WAIT, "serving"},
    {"... and keeps the role", kit_primary, {role_is_wanted_elsewhere, config_is_unknown}, ACTION_WAIT, "serving"},
    {"the first primary makes its data", kit_primary, {nothing_begun}, ACTION_INITDB, "initdb"},
    {"... and keeps the role while it does, however slow its disk is", kit_primary, {nothing_begun, makes_data, disk_hangs}, ACTION_WAIT, "making-data"},
    {"... which one that hangs before costs", kit_primary, {nothing_begun, disk_hangs}, ACTION_WAIT, "data-hangs"},
    {"C3: another copy than was chosen is not promoted", kit_chosen, {another_copy}, ACTION_WAIT, "other-copy"},
    {"C1: a promise is above a grant", kit_chosen, {sealed_above}, ACTION_WAIT, "promised-newer"},
    {"who lost its data gives the role back", kit_chosen, {all_is_down, data_broken}, ACTION_RELEASE, "data-lost"},
    {"A3: ... not before the guard has told what came of a start", kit_chosen, {all_is_down, data_broken, guard_owes_a_start}, ACTION_WAIT, "start-unanswered"},
    {"... which one that runs need not wait for", kit_chosen, {guard_owes_a_start}, ACTION_PROMOTE, "promote"},
    {"who stands still for too long is ended", kit_chosen, {takes_too_long}, ACTION_KILL, "promotion-failed"},
    {"... also while it starts", kit_chosen, {recovers, stands_still}, ACTION_KILL, "promotion-failed"},
    {"... not who recovers, and moves", kit_chosen, {recovers}, ACTION_WAIT, "granted"},
    {"... or replays what it had received, and is asked once", kit_chosen, {has_its_order}, ACTION_WAIT, "granted"},
    {"... nor who had nothing to do before", kit_chosen, {stood_still_before_its_grant}, ACTION_PROMOTE, "promote"},
    {"beyond primary_start_timeout also who moves, where another one has all that it had", kit_chosen, {recovers, for_too_long}, ACTION_KILL, "promotion-failed"},
    {"... which a pause forbids", kit_chosen, {recovers, for_too_long, paused}, ACTION_WAIT, "granted"},
    {"... not where the other one is behind", kit_chosen, {recovers, for_too_long, pg3_is_behind}, ACTION_WAIT, "granted"},
    {"... unless, asynchronous, it is near", kit_chosen, {recovers, for_too_long, pg3_is_behind, waits_for_nobody}, ACTION_KILL, "promotion-failed"},
    {"... enough", kit_chosen, {recovers, for_too_long, pg3_is_behind, any_lag_is_too_much}, ACTION_WAIT, "granted"},
    {"... not where the other one would have to recover as well", kit_chosen, {recovers, for_too_long, pg3_starts}, ACTION_WAIT, "granted"},
    {"... or has a backlog as well", kit_chosen, {recovers, for_too_long, pg3_has_much_to_replay}, ACTION_WAIT, "granted"},
    {"... of which a little does not matter", kit_chosen, {recovers, for_too_long, pg3_has_little_to_replay}, ACTION_KILL, "promotion-failed"},
    {"... and unknown is no little", kit_chosen, {recovers, for_too_long, pg3_does_not_say_what_it_replayed}, ACTION_WAIT, "granted"},
    {"... or crashes in a loop", kit_chosen, {recovers, for_too_long, pg3_crashes}, ACTION_WAIT, "granted"},
    {"... nor where nobody knows what this one had", kit_chosen, {recovers, for_too_long, nobody_knows_what_it_had}, ACTION_WAIT, "granted"},
    {"... or before there was a first primary, who is not chosen by that", kit_chosen, {recovers, for_too_long, nothing_was_ever_primary}, ACTION_WAIT, "granted"},
    {"primary_start_timeout 0: who moves has as long as who stands still", kit_chosen, {never_restarted_recovers}, ACTION_WAIT, "granted"},
    {"... and no longer", kit_chosen, {never_restarted_recovers, for_too_long}, ACTION_KILL, "promotion-failed"},
    {"... and gives the role back", kit_chosen, {takes_too_long, all_is_down}, ACTION_RELEASE, "promotion-given-up"},
    {"... also one whose guard was asked to promote it", kit_chosen, {takes_too_long, promotes}, ACTION_KILL, "promotion-failed"},
    {"... a primary that is not heard for a moment is none of those", kit_primary, {silent_for_a_moment}, ACTION_WAIT, "granted"},
    {"... nor is one that starts in place", kit_primary, {silent_for_a_moment, starts}, ACTION_WAIT, "granted"},
    {"S5: a primary on the timeline that it was to leave is ended, and that is not recorded", kit_primary, {on_the_timeline_that_it_was_to_leave}, ACTION_KILL, "old-timeline"},
    {"... before anything else of its house", kit_primary, {on_the_timeline_that_it_was_to_leave, no_signal_file_yet}, ACTION_KILL, "old-timeline"},
    {"... which the very first is not", kit_primary, {on_the_timeline_that_it_was_to_leave, first_of_all_grants}, ACTION_RECORD, "record-timeline"},
    {"... and is not started in place on it", kit_primary, {crashed, on_the_timeline_that_it_was_to_leave, seen_as_primary}, ACTION_RELEASE, "old-timeline-down"},
    {"... which the end of its WAL tells", kit_primary, {crashed_before_it_recorded, alone, end_unread}, ACTION_WAIT, "unrecorded-end"},
    {"... or nothing does", kit_primary, {crashed_before_it_recorded, alone, its_end_can_not_be_read}, ACTION_RELEASE, "old-timeline-down"},
    {"... one that came to its own goes on", kit_primary, {crashed_before_it_recorded, alone}, ACTION_START_PRIMARY, "restart-in-place"},
    {"a crash loop ends with a release", kit_primary, {crashed, alone, too_often}, ACTION_RELEASE, "crash-loop"},
    {"a switchover ends with a release", kit_primary, {crashed, pg3_alone_has_all, switched_over}, ACTION_RELEASE, "switched-over"},
    {"... not for who is never chosen", kit_primary, {crashed, pg3_alone_has_all, switched_over, pg3_is_never_chosen}, ACTION_WAIT, "switching"},
    {"... nor for who is down", kit_primary, {crashed, pg3_alone_has_all, switched_over, pg3_is_down}, ACTION_WAIT, "switching"},
    {"... but a pause in the middle of it leaves the role where it was", kit_primary, {crashed, pg3_alone_has_all, switched_over, paused}, ACTION_START_PRIMARY, "restart-in-place"},
    {"... not before somebody has everything", kit_primary, {crashed, alone, switched_over}, ACTION_WAIT, "switching"},
    {"... who may be primary", kit_primary, {crashed, pg3_alone_has_all, switched_over, pg3_may_not}, ACTION_WAIT, "switching"},
    {"... and it goes on in place where nobody has", kit_primary, {crashed, alone, switched_over, down_for_too_long}, ACTION_START_PRIMARY, "restart-in-place"},
    {"C4: where both standbys would answer, a crash is a failover", kit_primary, {crashed}, ACTION_RELEASE, "provable-failover"},
    {"... also if they have heard of the end first", kit_primary, {crashed, heard_of_the_end}, ACTION_RELEASE, "provable-failover"},
    {"... not if one of them had never followed", kit_primary, {crashed, heard_of_the_end, never_followed}, ACTION_START_PRIMARY, "restart-in-place"},
    {"... one of two is not enough", kit_primary, {crashed, one_standby_is_gone}, ACTION_START_PRIMARY, "restart-in-place"},
    {"... two of two are, also before the end of the WAL was read", kit_primary, {crashed, end_unknown}, ACTION_RELEASE, "provable-failover"},
    {"before the store was read nothing is started", kit_primary, {crashed, pause_unread}, ACTION_WAIT, "unread-and-down"},
    {"A7: in a pause nothing is started", kit_primary, {crashed, paused}, ACTION_WAIT, "paused-and-down"},
    {"A7: ... but what was stopped for a change of the role, which the pause forbids, goes on in place", kit_primary, {crashed, pgraft_has_ended_it, paused}, ACTION_START_PRIMARY, "restart-in-place"},
    {"... also while no epoch may be granted", kit_primary, {crashed, pgraft_has_ended_it, paused, held}, ACTION_START_PRIMARY, "restart-in-place"},
    {"... not what went on, and has ended by itself", kit_primary, {crashed, pgraft_has_ended_it, in_an_earlier_epoch, paused}, ACTION_WAIT, "paused-and-down"},
    {"... nor a standby", kit_standby, {pgraft_has_ended_it, paused}, ACTION_WAIT, "paused-and-down"},
    {"C3: ... nor what would come up on the timeline that it was to leave", kit_primary, {crashed_before_it_recorded, on_the_timeline_that_it_was_to_leave, pgraft_has_ended_it, paused}, ACTION_WAIT, "paused-and-down"},
    {"B6: the guard comes before PostgreSQL", kit_primary, {crashed, alone, guard_is_gone}, ACTION_START_GUARD, "guard-wanted"},
    {"primary_start_timeout 0: another one takes over", kit_primary, {crashed, loss_is_borne, never_restarted}, ACTION_RELEASE, "restart-unwanted"},
    {"... if there is one", kit_primary, {crashed, loss_is_borne, never_restarted, alone}, ACTION_START_PRIMARY, "restart-in-place"},
    {"... and only with that setting", kit_primary, {crashed, loss_is_borne}, ACTION_START_PRIMARY, "restart-in-place"},
    {"a start in place takes what it may take", kit_primary, {starts_slowly}, ACTION_WAIT, "granted"},
    {"... and is ended then", kit_primary, {starts_slowly, starts_for_too_long}, ACTION_KILL, "restart-hangs"},
    {"... also if it was begun more than once", kit_primary, {starts_slowly, starts_again_for_too_long}, ACTION_KILL, "restart-hangs"},
    {"... unless nobody else has what it had", kit_primary, {starts_slowly, starts_for_too_long, others_are_behind}, ACTION_WAIT, "granted"},
    {"... unless nobody else could take over", kit_primary, {starts_slowly, starts_for_too_long, nobody_could_take_over}, ACTION_WAIT, "granted"},
    {"... as one that can not even be tried does", kit_primary, {crashed, loss_is_borne, does_not_start_for_too_long}, ACTION_RELEASE, "restart-fails"},
    {"... not before", kit_primary, {crashed, loss_is_borne, does_not_start}, ACTION_START_PRIMARY, "restart-in-place"},
    {"... nor where nobody else could take over", kit_primary, {crashed, loss_is_borne, does_not_start_for_too_long, nobody_could_take_over}, ACTION_START_PRIMARY, "restart-in-place"},
    {"a crash without a proof is restarted in place", kit_primary, {crashed, alone}, ACTION_START_PRIMARY, "restart-in-place"},
    {"... on the timeline that was recorded, if another than the named one", kit_primary, {crashed, alone, on_a_later_timeline}, ACTION_START_PRIMARY, "restart-in-place"},
    {"... at once, if this program has seen it be primary", kit_primary, {crashed, alone, end_unread, seen_as_primary}, ACTION_START_PRIMARY, "restart-in-place"},
    {"... else when its WAL was read: before that nobody knows what it was", kit_primary, {crashed, alone, end_unread}, ACTION_WAIT, "end-unread"},
    {"... where enough of the lease is left for what comes then", kit_primary, {crashed, alone, end_unread, too_late_to_promote}, ACTION_RELEASE, "restart-too-late"},
    {"... which is not waited for for ever", kit_primary, {crashed, alone, end_unread, unread_for_too_long}, ACTION_RELEASE, "promotion-given-up"},
    {"... unless too little of the lease is left", kit_primary, {crashed, alone, too_late_to_promote}, ACTION_RELEASE, "restart-too-late"},
    {"a standby that has this epoch's timeline is not promoted again", kit_primary, {as_a_standby}, ACTION_STOP, "standby-of-own-epoch"},
    {"C1: an order is followed", kit_standby, {order_above}, ACTION_SEAL, "seal"},
    {"... once", kit_standby, {order_above, sealed_for_it}, ACTION_WAIT, "sealed"},
    {"who is chosen and down starts as a standby", kit_chosen, {down}, ACTION_START_STANDBY, "start-to-promote"},
    {"... not before it is known that it was not primary already", kit_chosen, {down, end_unknown}, ACTION_WAIT, "end-unread"},
    {"who is chosen and not sealed seals first", kit_chosen, {not_sealed}, ACTION_SEAL, "seal-first"},
    {"B1: the guard is armed first", kit_chosen, {not_armed}, ACTION_ARM, "arm"},
    {"then it promotes", kit_chosen, {nothing}, ACTION_PROMOTE, "promote"},
    {"an operator's program is asked before", kit_chosen, {asks_first}, ACTION_PRE_PROMOTE, "pre-promote"},
    {"... before the guard is armed, too", kit_chosen, {asks_first, not_armed}, ACTION_PRE_PROMOTE, "pre-promote"},
    {"... and after the seal", kit_chosen, {asks_first, not_sealed}, ACTION_SEAL, "seal-first"},
    {"... and may say yes", kit_chosen, {may_be_primary}, ACTION_PROMOTE, "promote"},
    {"... or no: then the role is given back, with nothing running", kit_chosen, {must_not_be_primary}, ACTION_STOP, "pre-promote-refused"},
    {"... which nothing else is done before", kit_chosen, {must_not_be_primary, not_armed, not_sealed}, ACTION_STOP, "pre-promote-refused"},
    {"A3: ... to the last process", kit_chosen, {must_not_be_primary, down}, ACTION_RELEASE, "pre-promote-release"},
    {"... one that hangs does not keep the lease", kit_chosen, {asks_first, asks_for_ever}, ACTION_WAIT, "pre-promote-hangs"},
    {"... also where it would be ended for standing still", kit_chosen, {asks_first, asks_for_ever, takes_too_long}, ACTION_WAIT, "pre-promote-hangs"},
    {"... who has the order already is not asked for", kit_chosen, {promoted_a_moment_ago, asks_first}, ACTION_WAIT, "granted"},
    {"... a primary is none to be promoted", kit_primary, {must_not_be_primary}, ACTION_WAIT, "serving"},
    {"... nor is one that goes on in place", kit_primary, {crashed, alone, must_not_be_primary}, ACTION_START_PRIMARY, "restart-in-place"},
    {"... nor is the first of all asked for", kit_chosen, {nothing_was_ever_primary, asks_first}, ACTION_PROMOTE, "promote"},
    {"... not with too little of the lease left", kit_chosen, {too_late_to_promote}, ACTION_WAIT, "granted"},
    {"... once: the guard knows of it before the role is seen", kit_chosen, {promoted_a_moment_ago}, ACTION_WAIT, "granted"},
    {"... and a primary does not seal itself", kit_chosen, {promoted_a_moment_ago, receiver_gone_once}, ACTION_WAIT, "granted"},
    {"B3: ... and what is there still is of before the promotion, until the guard has told it", kit_primary, {promoted_and_not_told}, ACTION_WRITE_SIGNAL, "standby-signal"},
    {"B3: standby.signal is written again", kit_primary, {no_signal_file}, ACTION_WRITE_SIGNAL, "standby-signal"},
    {"... which may take its time", kit_primary, {no_signal_file_yet}, ACTION_WRITE_SIGNAL, "standby-signal"},
    {"... and then costs the lease", kit_primary, {no_signal_file_for_ever}, ACTION_WRITE_SIGNAL, "signal-fails"},
    {"the timeline is recorded", kit_primary, {unrecorded}, ACTION_RECORD, "record-timeline"},
    {"a switchover is begun where nothing is lost", kit_primary, {role_is_wanted_elsewhere}, ACTION_HAND_OVER, "hand-over"},
    {"... not any more when it is being dropped", kit_primary, {role_is_wanted_elsewhere, until_a_moment_ago}, ACTION_WAIT, "serving"},
    {"... not to who refuses its configuration", kit_primary, {role_is_wanted_elsewhere, pg3_refuses}, ACTION_WAIT, "serving"},
    {"... for who is not wanted does not count", kit_primary, {anybody_will_do, pg3_may_not, loss_is_borne}, ACTION_HAND_OVER, "hand-over"},
    {"... to whoever can", kit_primary, {anybody_will_do}, ACTION_HAND_OVER, "hand-over"},
    {"... if somebody can", kit_primary, {anybody_will_do, nobody_streams, loss_is_borne}, ACTION_SYNC_SET, "sync-set"},
    {"... not to who may not be primary", kit_primary, {role_is_wanted_elsewhere, pg3_may_not, loss_is_borne}, ACTION_SYNC_SET, "sync-set"},
    {"... not to who lacks much of the WAL", kit_primary, {role_is_wanted_elsewhere, pg3_is_far_behind, loss_is_borne}, ACTION_SYNC_SET, "sync-set"},
    {"... or has much to replay", kit_primary, {role_is_wanted_elsewhere, pg3_has_much_to_replay, loss_is_borne}, ACTION_SYNC_SET, "sync-set"},
    {"... not during a pause", kit_primary, {role_is_wanted_elsewhere, paused}, ACTION_WAIT, "serving"},
    {"its shutdown has a while", kit_primary, {role_is_wanted_elsewhere, shuts_down}, ACTION_WAIT, "granted"},
    {"... and is cut short then", kit_primary, {role_is_wanted_elsewhere, shuts_down, for_more_than_ten_seconds}, ACTION_KILL, "stop-hangs"},
    {"C4: a crash is no failover to who refuses it either", kit_primary, {crashed, both_standbys_refuse}, ACTION_START_PRIMARY, "restart-in-place"},
    {"a start in place is not given up for who refuses it", kit_primary, {starts_slowly, starts_for_too_long, both_standbys_refuse}, ACTION_WAIT, "granted"},
    {"... nor one that can not even be tried", kit_primary, {crashed, loss_is_borne, does_not_start_for_too_long, both_standbys_refuse}, ACTION_START_PRIMARY, "restart-in-place"},
    {"for a backup that an operator wants the role is given up, whatever is lost", kit_primary, {role_is_wanted_for_a_backup_on_pg3}, ACTION_HAND_OVER, "give-up"},
    {"... not by a wish that accepts no loss", kit_primary, {role_is_wanted_for_a_backup_on_pg3, nobody_has_accepted_that}, ACTION_SYNC_SET, "sync-set"},
    {"... not where it is not there any more", kit_primary, {role_is_wanted_for_a_backup_on_pg3, it_was_taken_away_again}, ACTION_SYNC_SET, "sync-set"},
    {"... not during a pause", kit_primary, {role_is_wanted_for_a_backup_on_pg3, paused}, ACTION_SYNC_SET, "sync-set"},
    {"A3: ... and it is released when all is down, for nobody else has everything", kit_primary, {role_is_wanted_for_a_backup_on_pg3, crashed, others_are_behind}, ACTION_RELEASE, "switched-over"},
    {"a standby that went away leaves the set", kit_primary, {one_standby_is_gone}, ACTION_SYNC_SET, "sync-set"},
    {"a primary that is well does nothing", kit_primary, {nothing}, ACTION_WAIT, "serving"},
    {"before the first primary one waits", kit_standby, {nothing_begun, nobody_has_a_lease}, ACTION_WAIT, "begins"},
    {"an operator's restart: a standby stops", kit_standby, {to_be_restarted}, ACTION_STOP, "restart-standby"},
    {"B3: a primary keeps the lease while it stops for a restart", kit_primary, {to_be_restarted}, ACTION_STOP, "restart-primary"},
    {"... whose shutdown is cut short", kit_primary, {to_be_restarted, shuts_down, for_more_than_ten_seconds}, ACTION_KILL, "restart-stop-hangs"},
    {"a shutdown that nobody asks for any more", kit_primary, {shuts_down, for_more_than_a_minute}, ACTION_KILL, "shutdown-hangs"},
    {"A7: ... is left alone in a pause", kit_primary, {shuts_down, for_more_than_a_minute, paused}, ACTION_WAIT, "granted"},
    {"A3: ... whose kill ends nothing does not keep the lease", kit_primary, {role_is_wanted_elsewhere, shuts_down, for_more_than_ten_seconds, killed_in_vain}, ACTION_KILL, "does-not-end"},
    {"an operator's clone", kit_standby, {to_be_cloned, no_commit_counts_on_it}, ACTION_RETURN, "asked-to-clone"},
    {"C4: ... not of a copy that proves a commit", kit_standby, {to_be_cloned}, ACTION_WAIT, "steady"},
    {"a diverged standby comes back", kit_standby, {ahead_of_the_fork}, ACTION_RETURN, "come-back"},
    {"who waits for WAL of a primary that it was not told of starts anew", kit_standby, {starts_without_the_primary}, ACTION_STOP, "starts-alone"},
    {"what the archive has is restored by a standby that runs", kit_standby, {down, the_archive_has_it}, ACTION_START_STANDBY, "start-standby"},
    {"... and that is to go on from the primary afterwards", kit_standby, {follows_nobody, the_archive_has_it}, ACTION_FOLLOW, "follow"},
    {"a stopped standby starts", kit_standby, {down}, ACTION_START_STANDBY, "start-standby"},
    {"a standby follows the primary", kit_standby, {follows_nobody}, ACTION_FOLLOW, "follow"},
    {"... or whom it is tagged to", kit_standby, {is_to_follow_pg3}, ACTION_FOLLOW, "follow"},
    {"... and is well then", kit_standby, {is_to_follow_pg3, follows_pg3}, ACTION_WAIT, "steady"},
    {"... the primary again, when it is to", kit_standby, {follows_pg3}, ACTION_FOLLOW, "follow"},
    {"... or nobody", kit_standby, {is_to_follow_nobody}, ACTION_FOLLOW, "follow"},
    {"... which is well too", kit_standby, {is_to_follow_nobody, follows_nobody, receives_nothing}, ACTION_WAIT, "steady"},
    {"a standby whose WAL has no end waits, and says so", kit_standby, {down_without_an_end}, ACTION_WAIT, "waits-for-rung"},
    {"... then comes back by another copy", kit_standby, {down_without_an_end, of_no_use}, ACTION_RETURN, "come-back"},
    {"so does one that never comes up", kit_standby, {down, of_no_use}, ACTION_RETURN, "come-back"},
    {"a standby that is well does nothing", kit_standby, {nothing}, ACTION_WAIT, "steady"},
    DECIDE_STANDBY_ROWS
};
// clang-format on

static void every_situation_has_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(situations); i++) {
        struct facts f;
        situations[i].node(&f);
        kit_change_all(&f, situations[i].changes);
        struct decision d = decide(&f);
        if (d.action != situations[i].action || strcmp(d.rule, situations[i].rule) != 0) {
            fail_msg("\"%s\": %s by %s", situations[i].text, action_name(d.action), d.rule);
        }
    }
}

/* It is the way of the seal that is another one, and told (seal.h). */
static void a_seal_that_is_refused_ends_postgresql(void **state)
{
    (void)state;
    struct facts f;
    char text[400];
    kit_standby(&f);
    order_above(&f);
    f.pg.sealed_epoch = KIT_EPOCH + 1;
    assert_int_equal(decide(&f).seal, SEAL_EMPTY_CONNINFO);
    reload_refused(&f);
    struct decision d = decide(&f);
    assert_int_equal(d.action, ACTION_SEAL);
    assert_int_equal(d.seal, SEAL_STOP);
    decide_explain(&f, &d, text, sizeof(text));
    assert_non_null(strstr(text,
                           "it is ended; PostgreSQL refuses its configuration: "
                           "/d/a.conf:7: syntax error (PostgreSQL running"));
    f.pg.reload_refused = false;
    f.pg.reload_in_vain = true;
    d = decide(&f);
    assert_int_equal(d.seal, SEAL_STOP);
    assert_non_null(strstr(d.why, "told in vain"));
}

/* All that the rules see of it is that it stands still. */
static void who_can_not_be_connected_to_is_ended_with_the_reason(void **state)
{
    (void)state;
    struct facts f;
    char text[500];
    kit_chosen(&f);
    recovers(&f);
    stands_still(&f);
    (void)snprintf(f.pg.unreachable, sizeof(f.pg.unreachable), "a wrong password");
    struct decision d = decide(&f);
    assert_string_equal(d.rule, "promotion-failed");
    decide_explain(&f, &d, text, sizeof(text));
    assert_non_null(strstr(text, "is to try; a wrong password (PostgreSQL starting"));
}

static void every_rule_has_its_situation(void **state)
{
    (void)state;
    for (size_t r = 0; decide_rule(r) != NULL; r++) {
        bool has = false;
        for (size_t i = 0; i < ARRAY_LEN(situations); i++) {
            has = has || strcmp(situations[i].rule, decide_rule(r)) == 0;
        }
        if (!has) {
            fail_msg("no situation reaches the rule %s", decide_rule(r));
        }
    }
}

/* What keeps the fence up keeps the lease no longer than a start may take. */
static void a_primary_that_can_not_acknowledge_does_not_keep_the_lease(void **state)
{
    (void)state;
    struct facts f;
    kit_primary(&f);
    no_signal_file_yet(&f);
    assert_true(decide(&f).renews);
    no_signal_file_for_ever(&f);
    assert_false(decide(&f).renews);
    assert_false(serves_writes(&f));
}

/* What a standby takes to stop is time in which nobody may be primary: it was never promoted. */
static void who_must_not_be_primary_does_not_keep_the_lease(void **state)
{
    (void)state;
    struct facts f;
    kit_chosen(&f);
    asks_first(&f);
    assert_true(decide(&f).renews);
    must_not_be_primary(&f);
    assert_string_equal(decide(&f).rule, "pre-promote-refused");
    assert_false(decide(&f).renews);
}

static void who_waits_for_a_rung_says_which(void **state)
{
    (void)state;
    struct facts f;
    kit_standby(&f);
    down_without_an_end(&f);
    struct decision d = decide(&f);
    assert_string_equal(d.rule, "waits-for-rung");
    assert_string_equal(d.why, return_plan(&f).why);
    f.pg.end_lost = false;
    assert_string_not_equal(decide(&f).why, d.why);
}

static void nothing_known_does_nothing(void **state)
{
    (void)state;
    struct facts f;
    memset(&f, 0, sizeof(f));
    struct decision d = decide(&f);
    assert_int_equal(d.action, ACTION_WAIT);
    assert_false(d.renews);
    assert_false(serves_writes(&f));
}

static void writes_are_served_with_lease_record_and_set_alone(void **state)
{
    (void)state;
    struct facts f;
    kit_primary(&f);
    assert_true(serves_writes(&f));
    f.pg.force = FORCE_UNKNOWN; /* another set is on its way: load balancers need not know */
    assert_true(serves_writes(&f));
    f.pg.force = FORCE_FOREIGN;
    assert_true(serves_writes(&f));
    f.pg.force = FORCE_FENCE;
    f.pg.is_fence_lifted = false;
    assert_false(serves_writes(&f));
    kit_primary(&f);
    lease_is_over(&f);
    assert_false(serves_writes(&f));
    kit_standby(&f);
    assert_false(serves_writes(&f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_situation_has_its_answer),
        cmocka_unit_test(a_seal_that_is_refused_ends_postgresql),
        cmocka_unit_test(who_can_not_be_connected_to_is_ended_with_the_reason),
        cmocka_unit_test(every_rule_has_its_situation),
        cmocka_unit_test(a_primary_that_can_not_acknowledge_does_not_keep_the_lease),
        cmocka_unit_test(who_must_not_be_primary_does_not_keep_the_lease),
        cmocka_unit_test(who_waits_for_a_rung_says_which),
        cmocka_unit_test(nothing_known_does_nothing),
        cmocka_unit_test(writes_are_served_with_lease_record_and_set_alone),
    };
    return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
