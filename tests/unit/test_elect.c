/* tests/unit/test_elect.c - who becomes primary: one row per situation, the arithmetic of proofs,
 * and random facts against what must never be granted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/elect.h"
#include "supervisor/fence.h"
#include "supervisor/history.h"
#include "supervisor/proof.h"
#include "tests/lib/facts_kit.h"
#include "tests/lib/random.h"
#include "tests/unit/elect_kit.h"

#define CHANGE(name) static void name(struct elect_facts *f)

CHANGE(nothing)
{
    (void)f;
}
CHANGE(held)
{
    f->store.held = FACT_YES;
}
CHANGE(lease_stands)
{
    f->store.lease_stands = true;
}
CHANGE(paused)
{
    f->store.paused = FACT_YES;
}
CHANGE(unread)
{
    f->store.initialized = FACT_UNKNOWN;
}
CHANGE(begins)
{
    f->store.initialized = FACT_NO;
    for (unsigned i = 0; i < KIT_NODES; i++) {
        f->members[i].has_data = false;
    }
}
CHANGE(begins_with_data_on_pg3)
{
    begins(f);
    f->members[2].has_data = true;
}
/* Three that Patroni looked after, on data without a note. */
static void begins_with_strangers(struct elect_facts *f, unsigned primary)
{
    begins(f);
    for (unsigned i = 0; i < KIT_NODES; i++) {
        f->members[i].is_fresh = true;
        f->members[i].has_data = true;
        f->members[i].copy = 0;
        f->members[i].process = PG_RUNNING;
        f->members[i].role = i == primary ? ROLE_PRIMARY : ROLE_STANDBY;
    }
}
CHANGE(begins_with_a_primary_that_runs_on_pg3)
{
    begins_with_strangers(f, 2);
    f->members[2].nofailover = true;
}
CHANGE(begins_with_standbys_that_run)
{
    begins_with_strangers(f, 2);
    f->members[2].is_fresh = false;
}
CHANGE(begins_beside_a_standby_that_runs)
{
    begins(f);
    f->members[2] = kit_member(3);
    f->members[2].copy = 0;
}
CHANGE(begins_with_one_that_says_nothing)
{
    begins_with_strangers(f, 2);
    f->members[2].role = ROLE_UNKNOWN;
}
CHANGE(begins_with_two_primaries_that_run)
{
    begins_with_strangers(f, 2);
    f->members[0].role = ROLE_PRIMARY;
}
CHANGE(begins_with_a_primary_that_is_fenced)
{
    begins_with_strangers(f, 2);
    fence_mark(&f->members[2]);
}
CHANGE(begins_and_all_but_pg3_are_fenced)
{
    begins(f);
    fence_mark(&f->members[0]);
    fence_mark(&f->members[1]);
}
CHANGE(begins_anew_where_it_made_its_data)
{
    begins(f);
    f->members[2] = kit_member(3);
}
CHANGE(nobody_may_begin)
{
    begins(f);
    f->members[1].nofailover = true;
    f->members[2].failover_priority = 0;
}
CHANGE(no_order)
{
    f->store.order_epoch = KIT_EPOCH;
}
CHANGE(sealed_above)
{
    f->members[2].sealed_epoch = ORDER + 3;
}
CHANGE(pg3_is_alive_and_silent)
{
    f->members[2].sealed_epoch = KIT_EPOCH;
}
CHANGE(pg3_is_silent_too_long)
{
    pg3_is_alive_and_silent(f);
    f->order_age_ms = 60000;
}
CHANGE(all_are_silent)
{
    pg3_is_silent_too_long(f);
    f->members[1].sealed_epoch = 0;
}
CHANGE(pg1_is_down_and_silent)
{
    f->members[0].is_fresh = true;
    f->members[0].process = PG_ABSENT;
}
CHANGE(pg1_leaves)
{
    f->members[0].is_fresh = f->members[0].leaves = true;
}
CHANGE(asynchronous_and_pg1_leaves)
{
    f->store.sync.sets[0] = (struct sync_set){.needed = 0};
    f->members[0].is_fresh = f->members[0].leaves = true;
    f->members[0].process = PG_ABSENT;
}
CHANGE(asynchronous_and_pg1_was_last_heard_when_it_stopped)
{
    asynchronous_and_pg1_leaves(f);
    f->members[0].process = PG_STOPPING;
}
CHANGE(pg1_was_last_heard_when_it_stopped)
{
    pg1_leaves(f);
    f->members[0].process = PG_STOPPING;
}
CHANGE(asynchronous_and_pg1_leaves_slowly)
{
    asynchronous_and_pg1_leaves(f);
    f->order_age_ms = 2 * f->settings.times.seal_window_ms;
}
CHANGE(asynchronous_and_pg1_is_gone_without_a_word)
{
    asynchronous_and_pg1_leaves(f);
    f->order_age_ms = 4 * f->settings.times.seal_window_ms;
}
CHANGE(asynchronous_and_pg1_has_said_how_far_it_came)
{
    asynchronous_and_pg1_leaves(f);
    f->members[0].sealed_epoch = f->store.order_epoch;
    f->members[0].end = f->members[1].end;
}
CHANGE(pg2_leaves_and_asynchronous)
{
    f->store.sync.sets[0] = (struct sync_set){.needed = 0};
    f->members[0].seen = f->members[3].seen = f->members[4].seen = kit_at(KIT_TIMELINE, KIT_LSN);
    f->members[1].leaves = true;
}
CHANGE(pg1_is_down_and_silent_and_wanted)
{
    pg1_is_down_and_silent(f);
    f->wanted = kit_name(1);
}
CHANGE(pg1_is_down_and_would_prove)
{
    pg1_is_down_and_silent(f);
    f->members[2].sealed_epoch = KIT_EPOCH;
    f->members[2].is_fresh = false;
}
CHANGE(pg1_starts_and_is_silent)
{
    pg1_is_down_and_silent(f);
    f->members[0].process = PG_STARTING;
}
CHANGE(another_copy_on_pg3)
{
    f->members[2].copy = 999;
}
CHANGE(primary_answers_alone)
{
    pg3_is_silent_too_long(f);
    f->members[1].sealed_epoch = 0;
    f->members[0].is_fresh = true;
    f->members[0].sealed_epoch = ORDER;
}
CHANGE(two_sets_open)
{
    f->store.sync.sets[1] = (struct sync_set){.needed = 1, .count = 1, .at = {kit_copy(1)}};
    f->store.sync.count = 2;
}
CHANGE(pg3_is_ahead)
{
    f->members[2].end.lsn += 1;
}
CHANGE(pg3_is_ahead_and_nofailover)
{
    pg3_is_ahead(f);
    f->members[2].nofailover = true;
}
CHANGE(pg3_is_ahead_by_its_archive)
{
    pg3_is_ahead(f);
    f->members[2].nostream = true;
}
CHANGE(pg2_is_on_an_older_timeline)
{
    f->members[1].end = kit_at(4, KIT_LSN + 500);
}
CHANGE(pg3_is_wanted)
{
    f->wanted = kit_name(3);
}
CHANGE(pg3_is_wanted_and_silent)
{
    f->wanted = kit_name(3);
    f->members[2].sealed_epoch = 0;
    f->order_age_ms = 3 * f->settings.times.seal_window_ms;
}
CHANGE(pg1_is_down_and_quickest)
{
    f->members[0].is_fresh = true;
    f->members[0].process = PG_ABSENT;
    f->members[0].sealed_epoch = ORDER;
    f->members[1].sealed_epoch = f->members[2].sealed_epoch = 0;
    f->order_age_ms = 3 * f->settings.times.seal_window_ms;
}
CHANGE(pg1_is_down_and_the_only_one)
{
    pg1_is_down_and_quickest(f);
    f->order_age_ms = 4 * f->settings.times.seal_window_ms;
}
CHANGE(pg3_has_priority)
{
    f->members[2].failover_priority = 2;
}
CHANGE(pg2_is_down)
{
    f->members[1].process = PG_ABSENT;
}
CHANGE(pg2_failed_last)
{
    f->store.holder = kit_name(2);
    f->store.history_count = 1;
    f->store.grant_epoch = KIT_EPOCH;
}
/* pg1 was granted the role anew, since it had all, and did not come up in time. */
CHANGE(pg1_failed)
{
    f->members[0].is_fresh = true;
    f->members[0].process = PG_ABSENT;
    f->members[0].sealed_epoch = ORDER;
    f->members[0].end.lsn += 50;
    f->store.history_count = 1;
}
CHANGE(pg1_failed_and_had_more)
{
    pg1_failed(f);
    f->members[2].sealed_epoch = KIT_EPOCH; /* nothing is proved but by it */
    f->members[2].is_fresh = false;
}
CHANGE(asynchronous_and_pg1_failed)
{
    f->store.sync.sets[0] = (struct sync_set){.needed = 0};
    f->settings.lag_bytes_max = 50;
    pg1_failed(f);
}
CHANGE(asynchronous_and_pg1_failed_and_is_wanted)
{
    asynchronous_and_pg1_failed(f);
    f->wanted = kit_name(1);
}
CHANGE(asynchronous_and_pg1_failed_far_ahead)
{
    asynchronous_and_pg1_failed(f);
    f->settings.lag_bytes_max = 49;
}
CHANGE(asynchronous_and_pg1_failed_and_nobody_runs)
{
    asynchronous_and_pg1_failed(f);
    f->members[1].process = f->members[2].process = PG_ABSENT;
}
CHANGE(asynchronous_and_pg1_failed_and_the_others_crash)
{
    asynchronous_and_pg1_failed(f);
    f->members[1].can_start = f->members[2].can_start = FACT_NO;
}
CHANGE(asynchronous_and_pg1_crashed_too_often)
{
    asynchronous_and_pg1_failed(f);
    f->store.history_count = 2;
    f->members[0].can_start = FACT_NO;
}
/* pg2 was granted the role after pg1, whose copy would prove, and is ahead of pg3. */
CHANGE(asynchronous_and_pg2_failed_and_nobody_knows)
{
    f->store.sync.sets[0] = (struct sync_set){.needed = 0};
    f->settings.lag_bytes_max = 50;
    f->store.holder = kit_name(2);
    f->store.history_count = 1;
    f->members[1].end.lsn += 50;
    f->order_age_ms = f->settings.times.patient_ms;
    for (unsigned i = 0; i < f->member_count; i++) {
        f->members[i].seen.is_known = false;
    }
}
CHANGE(asynchronous_and_pg2_failed_far_ahead_and_nobody_knows)
{
    asynchronous_and_pg2_failed_and_nobody_knows(f);
    f->settings.lag_bytes_max = 49;
}
/* pg2 took over from pg1 with all that it had, and its PostgreSQL ended before its timeline was
 * recorded, each time; pg3 has the same WAL of the timeline before. */
#define UNRECORDED (KIT_TIMELINE + 1)
CHANGE(pg2_always_crashes)
{
    f->store.grant_epoch = ORDER;
    f->store.order_epoch = ORDER + 1;
    f->store.holder = kit_name(2);
    f->store.holder_copy = kit_copy(2).copy;
    f->store.grant_timeline = UNRECORDED;
    f->members[1].sealed_epoch = f->members[2].sealed_epoch = ORDER + 1;
    f->members[1].process = PG_ABSENT;
    f->members[1].can_start = FACT_NO;
    f->members[1].end = kit_at(UNRECORDED, KIT_LSN + 100);
    f->members[1].left = kit_at(KIT_TIMELINE, KIT_LSN);
}
CHANGE(pg2_always_crashes_and_pg1_is_back)
{
    pg2_always_crashes(f);
    f->members[0].is_fresh = true;
    f->members[0].role = ROLE_STANDBY;
    f->members[0].sealed_epoch = ORDER + 1;
    f->members[0].end.lsn += 500;
}
CHANGE(pg2_always_crashes_and_only_pg1_is_back)
{
    pg2_always_crashes_and_pg1_is_back(f);
    f->members[2].is_fresh = false;
    f->members[2].sealed_epoch = 0;
}
/* It was given the role anew, with its own data, which alone prove what was acknowledged. */
CHANGE(pg1_was_granted_it_again_and_always_crashes)
{
    pg2_always_crashes(f);
    f->store.holder = kit_name(1);
    f->store.holder_copy = kit_copy(1).copy;
    f->members[0] = f->members[1];
    f->members[0].name = kit_name(1);
    f->members[0].copy = 101;
    f->members[1] = kit_member(2);
    f->members[1].sealed_epoch = ORDER + 1;
    f->members[2].is_fresh = false;
    f->members[2].sealed_epoch = 0;
    f->order_age_ms = 60000;
}
CHANGE(pg2_always_crashes_and_nobody_knows_where_it_left)
{
    pg2_always_crashes_and_pg1_is_back(f);
    f->members[1].left.is_known = false;
}
CHANGE(pg2_always_crashes_and_left_an_older_one)
{
    pg2_always_crashes_and_pg1_is_back(f);
    f->members[1].left = kit_at(4, 4000);
}
CHANGE(pg2_always_crashes_and_was_recorded)
{
    pg2_always_crashes_and_pg1_is_back(f);
    f->store.history[2] = (struct history_row){
        .epoch = ORDER, .timeline = UNRECORDED, .parent = KIT_TIMELINE, .switch_lsn = KIT_LSN};
    f->store.history_count = 3;
}
CHANGE(pg2_always_crashes_in_a_recovered_cluster)
{
    pg2_always_crashes_and_pg1_is_back(f);
    f->store.order_epoch += UINT64_C(1000000000);
    for (unsigned i = 0; i < KIT_NODES; i++) {
        f->members[i].sealed_epoch = f->store.order_epoch;
    }
}
CHANGE(pg2_always_crashes_after_patroni)
{
    pg2_always_crashes_and_pg1_is_back(f);
    f->store.history[1].epoch = 0;
}
CHANGE(pg2_always_crashes_and_had_more_than_pg3)
{
    pg2_always_crashes(f);
    f->members[2].end.lsn -= 1;
}
CHANGE(pg2_always_crashes_and_pg1_has_as_much)
{
    pg2_always_crashes_and_had_more_than_pg3(f);
    pg2_always_crashes_and_pg1_is_back(f);
    f->members[0].end.lsn = KIT_LSN;
}
/* By its timeline pg2 has all; record by record it lacks what pg3 has, who may not be primary. */
CHANGE(pg2_crashed_and_pg3_is_further_and_nofailover)
{
    pg2_always_crashes(f);
    f->members[2].end.lsn += 1;
    f->members[2].nofailover = true;
}
CHANGE(pg2_promoted_itself_with_less_than_pg3)
{
    f->members[1].end = kit_at(UNRECORDED, KIT_LSN + 100);
    f->members[1].left = kit_at(KIT_TIMELINE, KIT_LSN);
    f->members[2].end.lsn += 50;
    f->members[2].process = PG_ABSENT;
}
CHANGE(pg2_failed_asynchronous_or_waiting_for_it)
{
    pg2_always_crashes(f);
    f->settings.lag_bytes_max = 1000;
    f->store.sync.sets[0] = (struct sync_set){.needed = 0};
    f->store.sync.sets[1] = (struct sync_set){.needed = 1, .count = 1, .at = {kit_copy(2)}};
    f->store.sync.count = 2;
}
CHANGE(pg2_failed_asynchronous_or_waiting_for_it_who_had_more)
{
    pg2_failed_asynchronous_or_waiting_for_it(f);
    f->members[2].end.lsn -= 1;
}
/* ... and pg3, who has all, can not be taken. */
CHANGE(pg2_promoted_itself_and_pg3_is_nofailover)
{
    pg2_promoted_itself_with_less_than_pg3(f);
    f->members[2].nofailover = true;
}
CHANGE(pg2_promoted_itself_and_pg3_sealed_itself_and_died)
{
    pg2_promoted_itself_with_less_than_pg3(f);
    f->members[2].is_fresh = false;
}
CHANGE(pg2_promoted_itself_and_pg3_refuses)
{
    pg2_promoted_itself_with_less_than_pg3(f);
    f->members[2].config_reads = FACT_NO;
}
CHANGE(pg2_was_granted_it_with_another_copy)
{
    pg2_crashed_and_pg3_is_further_and_nofailover(f);
    f->store.holder_copy = 999;
}
CHANGE(pg2_was_granted_a_later_timeline)
{
    pg2_crashed_and_pg3_is_further_and_nofailover(f);
    f->store.grant_timeline = UNRECORDED + 1;
}
CHANGE(pg2_crashed_too_often)
{
    f->members[1].can_start = FACT_NO;
}
CHANGE(pg2_refuses)
{
    f->members[1].config_reads = FACT_NO;
}
CHANGE(pg2_refuses_and_is_wanted)
{
    pg2_refuses(f);
    f->wanted = kit_name(2);
}
CHANGE(pg2_refuses_and_pg3_is_down)
{
    pg2_refuses(f);
    f->members[2].process = PG_ABSENT;
}
CHANGE(pg2_refuses_and_alone_has_all)
{
    pg2_refuses(f);
    f->members[1].end.lsn += 1;
}
CHANGE(both_refuse)
{
    pg2_refuses(f);
    f->members[2].config_reads = FACT_NO;
    f->members[2].process = PG_ABSENT;
}
CHANGE(asynchronous_and_pg2_refuses_and_is_ahead)
{
    f->store.sync.sets[0] = (struct sync_set){.needed = 0};
    f->settings.lag_bytes_max = 50;
    pg2_refuses(f);
    f->members[1].end.lsn += 50;
    f->members[0].seen = f->members[3].seen = f->members[4].seen = f->members[1].end;
}
CHANGE(asynchronous_and_pg2_refuses_and_is_far_ahead)
{
    asynchronous_and_pg2_refuses_and_is_ahead(f);
    f->settings.lag_bytes_max = 49;
}
CHANGE(nothing_was_ever_published)
{
    f->store.sync.is_known = false;
}
CHANGE(asynchronous)
{
    f->store.sync.sets[0] = (struct sync_set){.needed = 0};
    f->settings.lag_bytes_max = 100;
    f->members[0].seen = f->members[3].seen = f->members[4].seen =
        kit_at(KIT_TIMELINE, KIT_LSN + 90);
}
/* It was primary since, and recorded that, and nobody has heard how far it came. */
CHANGE(asynchronous_and_pg2_is_on_a_later_timeline)
{
    asynchronous(f);
    f->store.history[f->store.history_count++] = (struct history_row){.epoch = KIT_EPOCH + 1,
                                                                      .timeline = KIT_TIMELINE + 1,
                                                                      .parent = KIT_TIMELINE,
                                                                      .switch_lsn = KIT_LSN - 10};
    f->members[1].end = kit_at(KIT_TIMELINE + 1, KIT_LSN);
}
/* ... and never came so far as to record it. */
CHANGE(asynchronous_and_pg2_is_on_a_timeline_of_its_own)
{
    asynchronous(f);
    f->members[1].end = kit_at(KIT_TIMELINE + 1, KIT_LSN);
}
CHANGE(asynchronous_or_waiting_for_pg3)
{
    asynchronous(f);
    f->store.sync.sets[1] = (struct sync_set){.needed = 1, .count = 1, .at = {kit_copy(3)}};
    f->store.sync.count = 2;
    f->members[2].end.lsn += 20;
    f->members[2].nofailover = true;
}
CHANGE(asynchronous_or_waiting_for_pg3_who_is_gone)
{
    asynchronous_or_waiting_for_pg3(f);
    f->members[2].is_fresh = false;
    f->members[2].sealed_epoch = 0;
}
CHANGE(asynchronous_or_waiting_for_pg3_who_was_not_ahead)
{
    asynchronous_or_waiting_for_pg3(f);
    f->members[2].end = f->members[1].end;
}
CHANGE(asynchronous_and_far_behind)
{
    asynchronous(f);
    f->members[4].seen.lsn += 11;
}
CHANGE(asynchronous_and_nobody_knows)
{
    asynchronous(f);
    for (unsigned i = 1; i < 5; i++) {
        f->members[i].seen.is_known = false;
    }
}
CHANGE(asynchronous_and_patience_is_over)
{
    asynchronous_and_nobody_knows(f);
    f->order_age_ms = f->settings.times.patient_ms;
}
CHANGE(asynchronous_and_streams_from_nobody)
{
    asynchronous(f);
    f->members[1].nostream = f->members[2].nostream = true;
}
CHANGE(asynchronous_and_the_primary_answers)
{
    asynchronous(f);
    f->members[0].is_fresh = true;
    f->members[0].sealed_epoch = ORDER;
    f->members[0].end.lsn += 50;
    f->members[0].process = PG_ABSENT;
}
/* pg2 has recorded a timeline after pg1, and has published nothing; its own copy alone is left of
 * the sets. */
CHANGE(pg2_is_an_heir)
{
    struct store_facts *store = &f->store;
    store->grant_epoch = KIT_EPOCH + 1;
    store->grant_timeline = KIT_TIMELINE + 1;
    store->order_epoch = KIT_EPOCH + 2;
    store->holder = kit_name(2);
    store->holder_copy = kit_copy(2).copy;
    store->sync.heirs[store->sync.heir_count++] = kit_copy(2);
    store->history[store->history_count++] = (struct history_row){.epoch = store->grant_epoch,
                                                                  .timeline = KIT_TIMELINE + 1,
                                                                  .parent = KIT_TIMELINE,
                                                                  .switch_lsn = KIT_LSN};
    for (unsigned i = 0; i < KIT_NODES; i++) {
        f->members[i].sealed_epoch = i == 1 ? store->order_epoch : KIT_EPOCH;
        f->members[i].is_fresh = i == 1;
    }
    f->members[1].end = kit_at(KIT_TIMELINE + 1, KIT_LSN + 9);
    f->order_age_ms = 60000;
}
static void answers(struct elect_facts *f, unsigned node)
{
    f->members[node - 1].sealed_epoch = f->store.order_epoch;
    f->members[node - 1].is_fresh = true;
}
CHANGE(pg2_is_an_heir_and_gone)
{
    pg2_is_an_heir(f);
    f->members[1].sealed_epoch = 0;
    f->members[1].is_fresh = false;
    answers(f, 1);
}
CHANGE(pg2_is_an_heir_and_gone_and_pg1_cloned_anew)
{
    pg2_is_an_heir_and_gone(f);
    f->members[0].copy = 999;
}
CHANGE(pg2_has_published_and_is_gone)
{
    pg2_is_an_heir_and_gone(f);
    f->store.sync.epoch = f->store.grant_epoch;
    f->store.sync.primary = kit_copy(2);
    f->store.sync.heir_count = 0;
}
CHANGE(pg2_is_an_heir_and_crashes_and_pg1_answers)
{
    pg2_is_an_heir(f);
    answers(f, 1);
    f->members[1].can_start = FACT_NO;
}
CHANGE(pg3_was_an_heir_before_pg2)
{
    pg2_is_an_heir_and_gone(f);
    f->store.sync.heirs[f->store.sync.heir_count++] = kit_copy(3);
    f->members[0].sealed_epoch = 0;
    f->members[0].is_fresh = false;
    answers(f, 3);
}
CHANGE(pg2_is_an_heir_and_its_set_answers_without_it)
{
    pg2_is_an_heir_and_gone(f);
    f->members[0].is_fresh = false;
    f->store.sync.sets[0] = (struct sync_set){.needed = 1, .count = 1, .at = {kit_copy(3)}};
    answers(f, 3);
}
CHANGE(pg2_is_no_heir_any_more_and_its_set_answers_without_it)
{
    pg2_is_an_heir_and_its_set_answers_without_it(f);
    f->store.sync.epoch = f->store.grant_epoch;
    f->store.sync.primary = kit_copy(2);
    f->store.sync.heir_count = 0;
}

enum { NOBODY = -1 };

// clang-format off
#include "tests/unit/elect_restored.h"
#include "tests/unit/elect_standby.h"

static const struct {
    const char *text;
    void (*change)(struct elect_facts *f);
    enum elect_action action;
    const char *rule;
    int chosen; /* its place */
    enum elect_loss loss;
} situations[] = {
    {"A7: nothing is granted while epochs are held", held, ELECT_NOTHING, "held", NOBODY, LOSS_NONE},
    {"A3: nothing is granted while the lease stands", lease_stands, ELECT_NOTHING, "lease-stands", NOBODY, LOSS_NONE},
    {"... or during a pause", paused, ELECT_NOTHING, "paused", NOBODY, LOSS_NONE},
    {"... or before the store was read", unread, ELECT_NOTHING, "unread", NOBODY, LOSS_NONE},
    {"a cluster begins with the first by name that is alive", begins, ELECT_GRANT, "first-primary", 1, LOSS_NONE},
    {"... or with whoever has data", begins_with_data_on_pg3, ELECT_GRANT, "first-primary", 2, LOSS_NONE},
    {"D2: ... with the primary that runs, however it is tagged, and with none of its standbys", begins_with_a_primary_that_runs_on_pg3, ELECT_GRANT, "first-primary", 2, LOSS_NONE},
    {"... and not at all while their primary is not there", begins_with_standbys_that_run, ELECT_WAIT, "primary-awaited", NOBODY, LOSS_NONE},
    {"... nor with another one beside a standby", begins_beside_a_standby_that_runs, ELECT_WAIT, "primary-awaited", NOBODY, LOSS_NONE},
    {"... nor before it said that it is one", begins_with_one_that_says_nothing, ELECT_WAIT, "primary-awaited", NOBODY, LOSS_NONE},
    {"... nor with one of two", begins_with_two_primaries_that_run, ELECT_WAIT, "two-primaries", NOBODY, LOSS_NONE},
    {"... nor where that primary is fenced, with whomever", begins_with_a_primary_that_is_fenced, ELECT_WAIT, "primary-fenced", NOBODY, LOSS_NONE},
    {"... nor with anybody else who is", begins_and_all_but_pg3_are_fenced, ELECT_GRANT, "first-primary", 2, LOSS_NONE},
    {"... a standby of its own making is none of these", begins_anew_where_it_made_its_data, ELECT_GRANT, "first-primary", 2, LOSS_NONE},
    {"... a witness never, nor who may not", nobody_may_begin, ELECT_WAIT, "nobody-begins", NOBODY, LOSS_NONE},
    {"C1: first all are to seal themselves", no_order, ELECT_ORDER, "order", NOBODY, LOSS_NONE},
    {"D3: ... again above every seal", sealed_above, ELECT_ORDER, "order-again", NOBODY, LOSS_NONE},
    {"who is alive gets a moment to answer", pg3_is_alive_and_silent, ELECT_WAIT, "window", NOBODY, LOSS_NONE},
    {"... where nothing can be lost, not who is down", pg1_is_down_and_silent, ELECT_GRANT, "chosen", 1, LOSS_NONE},
    {"... nor who leaves", pg1_leaves, ELECT_GRANT, "chosen", 1, LOSS_NONE},
    {"... unless it was the primary and would say how far it came", asynchronous_and_pg1_leaves, ELECT_WAIT, "window", NOBODY, LOSS_NONE},
    {"... also where it was not heard yet that it is down", asynchronous_and_pg1_was_last_heard_when_it_stopped, ELECT_WAIT, "window", NOBODY, LOSS_NONE},
    {"... which costs nothing where nothing can be lost", pg1_was_last_heard_when_it_stopped, ELECT_GRANT, "chosen", 1, LOSS_NONE},
    {"... for which a longer wait is worth while", asynchronous_and_pg1_leaves_slowly, ELECT_WAIT, "window", NOBODY, LOSS_NONE},
    {"... but not a long one", asynchronous_and_pg1_is_gone_without_a_word, ELECT_GRANT, "chosen", 1, LOSS_BOUNDED},
    {"... by which it is known that nothing is lost", asynchronous_and_pg1_has_said_how_far_it_came, ELECT_GRANT, "chosen", 1, LOSS_NONE},
    {"... who is not chosen either", pg2_leaves_and_asynchronous, ELECT_GRANT, "chosen", 2, LOSS_BOUNDED},
    {"... but who is down if an operator wants him", pg1_is_down_and_silent_and_wanted, ELECT_WAIT, "window", NOBODY, LOSS_NONE},
    {"... or something could be lost without him", pg1_is_down_and_would_prove, ELECT_WAIT, "window", NOBODY, LOSS_NONE},
    {"... or he may run soon", pg1_starts_and_is_silent, ELECT_WAIT, "window", NOBODY, LOSS_NONE},
    {"C4: one of two is no proof for ANY 1", pg3_is_silent_too_long, ELECT_WAIT, "unproven", NOBODY, LOSS_NONE},
    {"nobody answered", all_are_silent, ELECT_WAIT, "unanswered", NOBODY, LOSS_NONE},
    {"an operator takes what was restored, whatever is lost: it is waited for", a_backup_on_pg3_is_wanted, ELECT_WAIT, "candidate-awaited", NOBODY, LOSS_NONE},
    {"... if it is there", a_backup_on_pg3_is_wanted_which_is_not_there, ELECT_GRANT, "chosen", 1, LOSS_NONE},
    {"... and heard", a_backup_on_pg3_is_wanted_which_is_not_heard, ELECT_GRANT, "chosen", 1, LOSS_NONE},
    {"... and it is chosen, though others prove that they have more", a_backup_on_pg3_is_taken, ELECT_GRANT, "loss-accepted", 2, LOSS_UNKNOWN},
    {"... which a pause forbids", a_backup_on_pg3_is_taken_in_a_pause, ELECT_NOTHING, "paused", NOBODY, LOSS_NONE},
    {"... not while it could not serve", a_backup_on_pg3_is_taken_and_refuses, ELECT_WAIT, "candidate-awaited", NOBODY, LOSS_NONE},
    {"... and never without that word", a_backup_on_pg3_is_taken_and_nobody_said_so, ELECT_WAIT, "unproven", NOBODY, LOSS_NONE},
    {"... also one that is behind, where nothing is provable", pg3_is_behind_and_wanted_whatever_is_lost, ELECT_GRANT, "loss-accepted", 2, LOSS_UNKNOWN},
    {"... by which nothing need be lost", pg3_has_all_and_is_wanted_whatever_is_lost, ELECT_GRANT, "loss-accepted", 2, LOSS_NONE},
    {"C3: another copy is no answer", another_copy_on_pg3, ELECT_WAIT, "unproven", NOBODY, LOSS_NONE},
    {"the primary's own copy proves alone, and goes on", primary_answers_alone, ELECT_GRANT, "chosen", 0, LOSS_NONE},
    {"every set that may be in force is proved", two_sets_open, ELECT_WAIT, "unproven", NOBODY, LOSS_NONE},
    {"of two that are equal the first by name", nothing, ELECT_GRANT, "chosen", 1, LOSS_NONE},
    {"the one that is ahead", pg3_is_ahead, ELECT_GRANT, "chosen", 2, LOSS_NONE},
    {"nobody, where the one that is ahead may not", pg3_is_ahead_and_nofailover, ELECT_WAIT, "nobody-fit", NOBODY, LOSS_NONE},
    {"who streams from nobody, where its end proves that it has all", pg3_is_ahead_by_its_archive, ELECT_GRANT, "chosen", 2, LOSS_NONE},
    {"... not with what would be lost by it", asynchronous_and_streams_from_nobody, ELECT_WAIT, "nobody-fit", NOBODY, LOSS_NONE},
    {"more WAL on an older timeline is less", pg2_is_on_an_older_timeline, ELECT_GRANT, "chosen", 2, LOSS_NONE},
    {"who runs is waited for longer while only somebody who is down has answered", pg1_is_down_and_quickest, ELECT_WAIT, "window", NOBODY, LOSS_NONE},
    {"... not for ever", pg1_is_down_and_the_only_one, ELECT_GRANT, "chosen", 0, LOSS_NONE},
    {"an operator's word is waited for", pg3_is_wanted_and_silent, ELECT_WAIT, "window", NOBODY, LOSS_NONE},
    {"an operator's word among equals", pg3_is_wanted, ELECT_GRANT, "chosen", 2, LOSS_NONE},
    {"failover_priority among equals", pg3_has_priority, ELECT_GRANT, "chosen", 2, LOSS_NONE},
    {"who runs before who is down", pg2_is_down, ELECT_GRANT, "chosen", 2, LOSS_NONE},
    {"who failed last comes last", pg2_failed_last, ELECT_GRANT, "chosen", 2, LOSS_NONE},
    {"... also if it has more than anybody must have", pg1_failed, ELECT_GRANT, "chosen", 1, LOSS_NONE},
    {"... not if it alone has what must not be lost", pg1_failed_and_had_more, ELECT_GRANT, "chosen", 0, LOSS_NONE},
    {"asynchronous, who failed comes last also where bytes are lost by it, and that is said", asynchronous_and_pg1_failed, ELECT_GRANT, "chosen", 1, LOSS_BOUNDED},
    {"... whatever an operator wanted", asynchronous_and_pg1_failed_and_is_wanted, ELECT_GRANT, "chosen", 1, LOSS_BOUNDED},
    {"... not where it would be too many", asynchronous_and_pg1_failed_far_ahead, ELECT_GRANT, "chosen", 0, LOSS_NONE},
    {"... nor where nobody else runs", asynchronous_and_pg1_failed_and_nobody_runs, ELECT_GRANT, "chosen", 0, LOSS_NONE},
    {"... or all the others crash in a loop", asynchronous_and_pg1_failed_and_the_others_crash, ELECT_GRANT, "chosen", 0, LOSS_NONE},
    {"... the same for a primary that crashes in a loop", asynchronous_and_pg1_crashed_too_often, ELECT_GRANT, "chosen", 1, LOSS_BOUNDED},
    {"... and where nobody knows what is lost", asynchronous_and_pg2_failed_and_nobody_knows, ELECT_GRANT, "chosen", 2, LOSS_UNKNOWN},
    {"... who is near", asynchronous_and_pg2_failed_far_ahead_and_nobody_knows, ELECT_GRANT, "chosen", 1, LOSS_UNKNOWN},
    {"who crashes in a loop comes last", pg2_crashed_too_often, ELECT_GRANT, "chosen", 2, LOSS_NONE},
    {"a timeline that was never recorded has acknowledged nothing", pg2_always_crashes, ELECT_GRANT, "chosen", 2, LOSS_NONE},
    {"... also where the old primary is back", pg2_always_crashes_and_pg1_is_back, ELECT_GRANT, "chosen", 0, LOSS_NONE},
    {"... and proves alone", pg2_always_crashes_and_only_pg1_is_back, ELECT_GRANT, "chosen", 0, LOSS_NONE},
    {"... nor if it was the old primary's", pg1_was_granted_it_again_and_always_crashes, ELECT_GRANT, "chosen", 1, LOSS_NONE},
    {"... what it has of the timeline before counts", pg2_always_crashes_and_had_more_than_pg3, ELECT_GRANT, "chosen", 1, LOSS_NONE},
    {"... and nobody else has to have more", pg2_always_crashes_and_pg1_has_as_much, ELECT_GRANT, "chosen", 0, LOSS_NONE},
    {"... unless nobody knows where it left that", pg2_always_crashes_and_nobody_knows_where_it_left, ELECT_GRANT, "chosen", 1, LOSS_NONE},
    {"... or it left an older one", pg2_always_crashes_and_left_an_older_one, ELECT_GRANT, "chosen", 1, LOSS_NONE},
    {"... or it was recorded", pg2_always_crashes_and_was_recorded, ELECT_GRANT, "chosen", 1, LOSS_NONE},
    {"D6: ... or the store may have lost the record", pg2_always_crashes_in_a_recovered_cluster, ELECT_GRANT, "chosen", 1, LOSS_NONE},
    {"... or was not ours", pg2_always_crashes_after_patroni, ELECT_GRANT, "chosen", 1, LOSS_NONE},
    {"... whoever was granted it had everything, and may have it again", pg2_crashed_and_pg3_is_further_and_nofailover, ELECT_GRANT, "chosen", 1, LOSS_NONE},
    {"... with that copy", pg2_was_granted_it_with_another_copy, ELECT_WAIT, "nobody-fit", NOBODY, LOSS_NONE},
    {"... and that timeline", pg2_was_granted_a_later_timeline, ELECT_WAIT, "nobody-fit", NOBODY, LOSS_NONE},
    {"B2: but whoever has it record by record comes first", pg2_promoted_itself_with_less_than_pg3, ELECT_GRANT, "chosen", 2, LOSS_NONE},
    {"... and no timeline that was begun by hand is a proof", pg2_promoted_itself_and_pg3_is_nofailover, ELECT_WAIT, "nobody-fit", NOBODY, LOSS_NONE},
    {"... while who has it is away", pg2_promoted_itself_and_pg3_sealed_itself_and_died, ELECT_WAIT, "nobody-fit", NOBODY, LOSS_NONE},
    {"... or refuses its configuration", pg2_promoted_itself_and_pg3_refuses, ELECT_WAIT, "refused", NOBODY, LOSS_NONE},
    {"... the same for what waited while commits waited for nobody", pg2_failed_asynchronous_or_waiting_for_it, ELECT_GRANT, "chosen", 2, LOSS_BOUNDED},
    {"... up to there", pg2_failed_asynchronous_or_waiting_for_it_who_had_more, ELECT_GRANT, "chosen", 1, LOSS_BOUNDED},
    {"who refuses its configuration could serve nobody", pg2_refuses, ELECT_GRANT, "chosen", 2, LOSS_NONE},
    {"... whatever an operator wanted", pg2_refuses_and_is_wanted, ELECT_GRANT, "chosen", 2, LOSS_NONE},
    {"... also where somebody would have to be started", pg2_refuses_and_pg3_is_down, ELECT_GRANT, "chosen", 2, LOSS_NONE},
    {"... and is waited for if it alone has what must not be lost", pg2_refuses_and_alone_has_all, ELECT_WAIT, "refused", NOBODY, LOSS_NONE},
    {"... or all refuse it", both_refuse, ELECT_WAIT, "refused", NOBODY, LOSS_NONE},
    {"... asynchronous, not where little is lost without it", asynchronous_and_pg2_refuses_and_is_ahead, ELECT_GRANT, "chosen", 2, LOSS_BOUNDED},
    {"... but where too much would be", asynchronous_and_pg2_refuses_and_is_far_ahead, ELECT_WAIT, "refused", NOBODY, LOSS_NONE},
    {"what was never published was never acknowledged", nothing_was_ever_published, ELECT_GRANT, "chosen", 1, LOSS_NONE},
    {"C5: asynchronous, within the limit, and said", asynchronous, ELECT_GRANT, "chosen", 1, LOSS_BOUNDED},
    {"... not by comparing it with where another timeline ends", asynchronous_and_pg2_is_on_a_later_timeline, ELECT_GRANT, "chosen", 1, LOSS_BOUNDED},
    {"... of one that was never recorded nobody knows where it came from", asynchronous_and_pg2_is_on_a_timeline_of_its_own, ELECT_GRANT, "chosen", 1, LOSS_UNKNOWN},
    {"C4: ... nobody, where that may have been acknowledged by waiting", asynchronous_or_waiting_for_pg3, ELECT_WAIT, "nobody-fit", NOBODY, LOSS_NONE},
    {"... nor without him", asynchronous_or_waiting_for_pg3_who_is_gone, ELECT_WAIT, "unproven", NOBODY, LOSS_NONE},
    {"... but with all that he has", asynchronous_or_waiting_for_pg3_who_was_not_ahead, ELECT_GRANT, "chosen", 1, LOSS_BOUNDED},
    {"C5: ... beyond the limit nobody", asynchronous_and_far_behind, ELECT_WAIT, "nobody-fit", NOBODY, LOSS_NONE},
    {"... where nobody knows, all are waited for", asynchronous_and_nobody_knows, ELECT_WAIT, "loss-unknown", NOBODY, LOSS_NONE},
    {"... for a time", asynchronous_and_patience_is_over, ELECT_GRANT, "chosen", 1, LOSS_UNKNOWN},
    {"C4: an heir's own copy proves alone", pg2_is_an_heir, ELECT_GRANT, "chosen", 1, LOSS_NONE},
    {"... and where it is gone that of the primary before, for nothing was acknowledged since", pg2_is_an_heir_and_gone, ELECT_GRANT, "chosen", 0, LOSS_NONE},
    {"C3: ... another copy of that one does not", pg2_is_an_heir_and_gone_and_pg1_cloned_anew, ELECT_WAIT, "unproven", NOBODY, LOSS_NONE},
    {"C4: ... nor does it when the heir has published its own", pg2_has_published_and_is_gone, ELECT_WAIT, "unproven", NOBODY, LOSS_NONE},
    {"... of two that answer no more is asked than the one has that ends first", pg2_is_an_heir_and_crashes_and_pg1_answers, ELECT_GRANT, "chosen", 0, LOSS_NONE},
    {"... each heir of a chain", pg3_was_an_heir_before_pg2, ELECT_GRANT, "chosen", 2, LOSS_NONE},
    {"an heir's timeline is not asked for, as long as it published nothing", pg2_is_an_heir_and_its_set_answers_without_it, ELECT_GRANT, "chosen", 2, LOSS_NONE},
    {"... with check_timeline it is from then on", pg2_is_no_heir_any_more_and_its_set_answers_without_it, ELECT_WAIT, "nobody-fit", NOBODY, LOSS_NONE},
    ELECT_STANDBY_ROWS
    {"... and the primary itself loses nothing", asynchronous_and_the_primary_answers, ELECT_GRANT, "chosen", 0, LOSS_NONE},
};
// clang-format on

static void every_situation_has_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(situations); i++) {
        struct elect_facts f;
        base(&f);
        situations[i].change(&f);
        struct election e = elect(&f);
        int chosen = e.action == ELECT_GRANT ? (int)e.chosen : NOBODY;
        if (e.action != situations[i].action || strcmp(e.rule, situations[i].rule) != 0 ||
            chosen != situations[i].chosen || e.loss != situations[i].loss) {
            fail_msg("\"%s\": %s, chosen %d, loss %d", situations[i].text, e.rule, chosen,
                     (int)e.loss);
        }
    }
}

static void every_rule_has_its_situation(void **state)
{
    (void)state;
    for (size_t r = 0; elect_rule(r) != NULL; r++) {
        bool has = false;
        for (size_t i = 0; i < ARRAY_LEN(situations); i++) {
            has = has || strcmp(situations[i].rule, elect_rule(r)) == 0;
        }
        if (!has) {
            fail_msg("no situation reaches the rule %s", elect_rule(r));
        }
    }
}

static void it_says_whom_it_waits_for_what_is_lost_and_what_it_went_by(void **state)
{
    (void)state;
    struct elect_facts f;
    char text[400];
    base(&f);
    pg3_is_silent_too_long(&f);
    struct election e = elect(&f);
    elect_explain(&f, &e, text, sizeof(text));
    assert_string_equal(text,
                        "unproven: an acknowledged commit may be on those who have not answered; "
                        "waits for pg1, pg3");
    base(&f); /* nobody of pg1, whose set it was, pg2, its heir, and pg3, which was in the set */
    pg2_is_an_heir_and_its_set_answers_without_it(&f);
    f.members[1].copy = f.members[2].copy = 999;
    f.members[1].sealed_epoch = f.store.order_epoch;
    f.members[0].sealed_epoch = 0;
    e = elect(&f);
    elect_explain(&f, &e, text, sizeof(text));
    assert_string_equal(text,
                        "unproven: an acknowledged commit may be on those who have not answered; "
                        "waits for pg1, pg2, pg3");
    base(&f);
    both_refuse(&f);
    e = elect(&f);
    elect_explain(&f, &e, text, sizeof(text));
    assert_string_equal(text,
                        "refused: PostgreSQL refuses its configuration there, which is to be "
                        "mended; waits for pg2, pg3");
    base(&f);
    asynchronous(&f);
    e = elect(&f);
    assert_int_equal(e.loss_bytes, 90);
    elect_explain(&f, &e, text, sizeof(text));
    assert_non_null(strstr(text, "pg2 becomes primary with epoch 6; lost: 90 bytes of WAL"));
    assert_non_null(strstr(text, "; the last primary was seen at 0/13E2 on timeline 6"));
    base(&f);
    e = elect(&f);
    elect_explain(&f, &e, text, sizeof(text));
    assert_non_null(strstr(text, "; of pg1: no answer, pg2: 0/1388 on timeline 6, pg3: 0/1388"));
    assert_non_null(strstr(text, "; enough was 0/1388 on timeline 6"));
    asynchronous_and_pg2_is_on_a_later_timeline(&f);
    assert_int_equal(elect(&f).loss_bytes, 0);
    elect_explain(&f, &e, text, 12); /* cut, and no further */
    assert_int_equal(strlen(text), 11);
}

static void epochs_and_timelines_only_grow(void **state)
{
    (void)state;
    struct elect_facts f;
    base(&f);
    f.store.grant_timeline = 11;
    assert_int_equal(elect(&f).timeline, 12);
    f.members[2].end.timeline = 15; /* of a promotion that was never recorded */
    assert_int_equal(elect(&f).timeline, 16);
    base(&f);
    no_order(&f);
    f.members[0].sealed_epoch = 20;
    assert_int_equal(elect(&f).epoch, 21);
    base(&f);
    begins(&f);
    assert_true(elect(&f).epoch > f.members[1].sealed_epoch && elect(&f).timeline > 1);
}

static void enough_answers_are_n_minus_w_plus_one(void **state)
{
    (void)state;
    for (uint32_t n = 0; n <= SYNC_NAMES_MAX; n++) {
        for (uint32_t w = 0; w <= n + 1; w++) {
            struct sync_set set = {.needed = w, .count = n};
            assert_int_equal(proof_answers_needed(&set), w == 0 || w > n ? 0 : n - w + 1);
        }
    }
}

static void a_foreseen_failover_needs_fresh_streaming_electable_copies(void **state)
{
    (void)state;
    struct store_facts store = kit_store();
    struct member_facts m[3] = {kit_member(1), kit_member(2), kit_member(3)};
    assert_true(proof_is_foreseen(&store.sync, m, 3, KIT_EPOCH));
    m[2].config_reads = FACT_NO;
    assert_false(proof_is_foreseen(&store.sync, m, 3, KIT_EPOCH));
    m[2] = kit_member(3);
    m[2].nofailover = true;
    assert_false(proof_is_foreseen(&store.sync, m, 3, KIT_EPOCH));
    m[2] = kit_member(3);
    m[2].follows_epoch = KIT_EPOCH - 1;
    assert_false(proof_is_foreseen(&store.sync, m, 3, KIT_EPOCH));
    m[2] = kit_member(3);
    m[2].copy = 7;
    assert_false(proof_is_foreseen(&store.sync, m, 3, KIT_EPOCH));
    m[2] = kit_member(3);
    assert_false(proof_is_foreseen(&store.sync, m, 3, KIT_EPOCH + 1));
}

static void random_facts_grant_nothing_unproven(void **state)
{
    (void)state;
    struct test_random r = {.state = 7};
    size_t grants = 0;
    for (size_t i = 0; i < 100000; i++) {
        struct elect_facts f;
        base(&f);
        uint64_t top = 0; /* of the listed */
        uint32_t answers = 0;
        for (unsigned k = 0; k < KIT_NODES; k++) {
            struct member_facts *m = &f.members[k];
            m->is_fresh = random_percent(&r, 80);
            m->sealed_epoch = ORDER - random_below(&r, 2);
            m->copy = random_percent(&r, 90) ? m->copy : 50;
            m->end.lsn = 4990 + random_below(&r, 20);
            m->end.is_known = random_percent(&r, 90);
            m->nofailover = random_percent(&r, 10);
            bool answered = m->sealed_epoch == ORDER && m->end.is_known && m->copy != 50;
            answers += k > 0 && answered ? 1 : 0;
            top = k > 0 && answered && m->end.lsn > top ? m->end.lsn : top;
        }
        f.order_age_ms = random_below(&r, 1000);
        struct election e = elect(&f);
        if (e.action != ELECT_GRANT) {
            continue;
        }
        grants++;
        const struct member_facts *m = &f.members[e.chosen];
        bool primary = f.members[0].sealed_epoch == ORDER && f.members[0].end.is_known &&
                       f.members[0].copy == 101;
        assert_true(answers == 2 || primary);
        assert_true(m->end.lsn >= (answers == 2 ? top : f.members[0].end.lsn));
        assert_true(m->sealed_epoch == ORDER && !m->nofailover && m->is_database && m->is_fresh);
    }
    assert_true(grants > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_situation_has_its_answer),
        cmocka_unit_test(every_rule_has_its_situation),
        cmocka_unit_test(it_says_whom_it_waits_for_what_is_lost_and_what_it_went_by),
        cmocka_unit_test(epochs_and_timelines_only_grow),
        cmocka_unit_test(enough_answers_are_n_minus_w_plus_one),
        cmocka_unit_test(a_foreseen_failover_needs_fresh_streaming_electable_copies),
        cmocka_unit_test(random_facts_grant_nothing_unproven),
    };
    return cmocka_run_group_tests_name("elect", tests, NULL, NULL);
}
