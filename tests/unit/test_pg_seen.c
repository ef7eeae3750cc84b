/* tests/unit/test_pg_seen.c - facts of the guard's events and of PostgreSQL's answers, in the
 * orders in which they may come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "supervisor/pg_seen.h"

#define FRESH_MS 1000

static struct pg_seen seen;
static struct guard_seen guard;
static struct sync_value published;
static uint64_t now;

static void begin(void)
{
    memset(&published, 0, sizeof(published));
    now = 10000;
    guard = (struct guard_seen){.starts = 0};
    guard_seen_begin(&guard);
    pg_seen_begin(&seen, FRESH_MS, now);
}

static struct pg_facts facts(void)
{
    static struct pg_facts f;
    memset(&f, 0, sizeof(f));
    pg_seen_fill(&seen, &guard, &published, now, &f);
    return f;
}

static void event(uint16_t kind, uint64_t phase, uint64_t epoch, bool is_primary)
{
    struct guard_event e = {
        .kind = kind, .phase = phase, .epoch = epoch, .is_primary = is_primary ? 1 : 0};
    guard_seen_event(&guard, &e, now);
}

static struct probe_watch standby(uint64_t replay, uint64_t receive)
{
    struct probe_watch w = {.in_recovery = true,
                            .started_us = 5,
                            .control_timeline = 2,
                            .replay_known = true,
                            .replay_lsn = replay,
                            .receive_known = receive != 0,
                            .receive_lsn = receive};
    return w;
}

static void stream(struct probe_watch *w)
{
    w->receiver_count = 1;
    w->receiver_timeline = 2;
    w->upstream = (struct probe_upstream){.is_set = true, .is_ours = true, .epoch = 7};
    (void)snprintf(w->receiver_status, sizeof(w->receiver_status), "streaming");
    (void)snprintf(w->upstream.name.text, FACTS_NAME_SIZE, "pg1");
}

/* What a standby answers that streams from the first look on. */
static struct probe_watch begin_streaming(void)
{
    begin();
    struct probe_watch w = standby(400, 500);
    stream(&w);
    return w;
}

static void answer(const struct probe_watch *w)
{
    now += 50;
    pg_seen_watch(&seen, w, seen.doors, now, now);
}

static void open_door(uint64_t started_us, bool is_set)
{
    struct probe_door d = {.started_us = started_us, .session_us = now * 1000, .loaded_us = 1};
    d.upstream.is_set = is_set;
    now += 10;
    pg_seen_door(&seen, &d, now);
}

/* ---- the guard ---- */

static void process_follows_the_guards_events(void **state)
{
    (void)state;
    begin();
    assert_int_equal(facts().process, PG_UNKNOWN);
    event(GUARD_STATE, GUARD_IDLE, 0, false);
    assert_int_equal(facts().process, PG_ABSENT);
    event(GUARD_DONE, GUARD_LAUNCH, 0, false);
    assert_int_equal(facts().process, PG_STARTING);
    event(GUARD_STARTED, GUARD_RUN, 0, false);
    assert_int_equal(facts().process, PG_STARTING);
    pg_seen_restarted(&seen, now);
    open_door(5, true);
    assert_int_equal(facts().process, PG_RUNNING);
    event(GUARD_DIED, GUARD_RUN, 0, false);
    assert_int_equal(facts().process, PG_LEFT);
    event(GUARD_WARNING, GUARD_END, 0, false);
    assert_int_equal(facts().process, PG_LEFT);
    event(GUARD_ENDED, GUARD_END, 0, false);
    assert_int_equal(facts().process, PG_ABSENT);
    event(GUARD_STARTED, GUARD_RUN, 0, false);
    event(GUARD_DONE, GUARD_END, 0, false);
    assert_int_equal(facts().process, PG_STOPPING);
    event(GUARD_ENDED, GUARD_IDLE, 0, false);
    event(GUARD_FOREIGN, GUARD_IDLE, 0, false);
    event(GUARD_STATE, GUARD_IDLE, 0, false); /* it holds nothing, and something runs */
    assert_int_equal(guard.process, PG_STARTING);
    assert_true(guard.may_run);
}

static void who_begins_anew_is_told_what_stands(void **state)
{
    (void)state;
    struct guard_facts f;
    begin();
    event(GUARD_STATE, GUARD_RUN, 4, true);
    guard_seen_fill(&guard, &f);
    assert_true(f.promotion_seen == FACT_YES && f.promoted_epoch == 4);
    assert_int_equal(facts().signal_synced, FACT_UNKNOWN);
    struct guard_event e = {.kind = GUARD_STATE,
                            .phase = GUARD_RUN,
                            .epoch = 4,
                            .is_primary = 1,
                            .is_signal_synced = 1};
    guard_seen_event(&guard, &e, now);
    assert_int_equal(facts().signal_synced, FACT_YES);
    begin();
    event(GUARD_STATE, GUARD_LAUNCH, 0, false); /* it is being begun as a standby */
    guard_seen_fill(&guard, &f);
    assert_int_equal(f.promotion_seen, FACT_NO);
}

static void promotion_is_foreseen_seen_and_forgotten(void **state)
{
    (void)state;
    struct guard_facts f;
    begin();
    event(GUARD_STATE, GUARD_PREPARE, 4, false); /* before a word of what is being started */
    guard_seen_fill(&guard, &f);
    assert_true(f.promotion_seen == FACT_UNKNOWN && f.promoted_epoch == 4);
    event(GUARD_STATE, GUARD_PREPARE, 0, false); /* as a standby */
    guard_seen_fill(&guard, &f);
    assert_true(f.promotion_seen == FACT_NO && f.promoted_epoch == 0);
    event(GUARD_STARTED, GUARD_RUN, 0, false);
    guard_seen_fill(&guard, &f);
    assert_true(f.promotion_seen == FACT_NO && f.promoted_epoch == 0 && f.state == GUARD_WELL);
    assert_int_equal(facts().signal_synced, FACT_YES);
    event(GUARD_DONE, GUARD_RUN, 4, false); /* bound to epoch 4: it may leave recovery any moment */
    guard_seen_fill(&guard, &f);
    assert_true(f.promotion_seen == FACT_UNKNOWN && f.promoted_epoch == 4);
    event(GUARD_PROMOTED, GUARD_RUN, 4, true);
    guard_seen_fill(&guard, &f);
    assert_true(f.promotion_seen == FACT_YES && f.promoted_epoch == 4);
    assert_int_equal(facts().signal_synced, FACT_YES);
    event(GUARD_ENDED, GUARD_END, 4, true);
    guard_seen_fill(&guard, &f);
    assert_true(f.promotion_seen == FACT_NO && f.promoted_epoch == 0);
    event(GUARD_STARTED, GUARD_RUN, 4, false); /* in place as primary: the file is away */
    assert_int_equal(facts().signal_synced, FACT_UNKNOWN);
}

static void guard_that_says_nothing_is_silent_until_it_speaks(void **state)
{
    (void)state;
    struct guard_facts f;
    begin();
    event(GUARD_STATE, GUARD_IDLE, 0, false);
    assert_false(guard_seen_tick(&guard, now + 5000, 500)); /* nobody asked */
    guard_seen_asked(&guard, now);
    guard_seen_asked(&guard, now + 400); /* the first question counts */
    assert_false(guard_seen_tick(&guard, now + 500, 500));
    assert_true(guard_seen_tick(&guard, now + 501, 500));
    assert_false(guard_seen_tick(&guard, now + 600, 500));
    guard_seen_fill(&guard, &f);
    assert_int_equal(f.state, GUARD_SILENT);
    event(GUARD_STATE, GUARD_IDLE, 0, false);
    guard_seen_fill(&guard, &f);
    assert_int_equal(f.state, GUARD_WELL);
    guard_seen_gone(&guard);
    guard_seen_fill(&guard, &f);
    assert_int_equal(f.state, GUARD_GONE);
    assert_int_equal(guard.process, PG_UNKNOWN);
}

/* ---- answers ---- */

static void old_answers_say_nothing(void **state)
{
    (void)state;
    struct probe_watch w = begin_streaming();
    open_door(5, true);
    answer(&w);
    struct pg_facts f = facts();
    assert_true(f.role == ROLE_STANDBY && f.answers == FACT_YES && f.end.is_known);
    assert_true(f.receiver == RECEIVER_LIVES && f.conninfo_empty == FACT_NO);
    assert_string_equal(f.upstream.text, "pg1");
    assert_int_equal(f.follows_epoch, 7);
    now += FRESH_MS + 1;
    f = facts();
    assert_int_equal(f.follows_epoch, 0);
    assert_true(f.role == ROLE_UNKNOWN && f.answers == FACT_UNKNOWN && !f.end.is_known);
    assert_true(f.receiver == RECEIVER_UNKNOWN && f.conninfo_empty == FACT_UNKNOWN);
    assert_string_equal(f.upstream.text, "");
}

static void hang_of_either_is_a_hang(void **state)
{
    (void)state;
    begin();
    struct probe_watch w = standby(400, 500);
    struct pg_failure late = {.err.code = ERR_TIMEOUT};
    struct pg_failure broken = {.err.code = ERR_CLOSED};
    open_door(5, true);
    answer(&w);
    pg_seen_door_failed(&seen, DOOR_SILENT, now); /* the session that stays still answers */
    assert_true(facts().answers == FACT_NO && facts().role == ROLE_STANDBY);
    open_door(5, true);
    assert_int_equal(facts().answers, FACT_YES);
    pg_seen_watch_failed(&seen, &late);
    assert_true(facts().answers == FACT_NO && facts().role == ROLE_UNKNOWN);
    answer(&w);
    pg_seen_watch_failed(&seen, &broken);
    assert_true(facts().answers == FACT_UNKNOWN && facts().role == ROLE_UNKNOWN);
    answer(&w);
    pg_seen_door_failed(&seen, DOOR_FULL, now); /* it answers, though nobody comes in */
    assert_int_equal(facts().answers, FACT_YES);
}

/* The guard says of a fast shutdown only that it has ended. */
static void a_shutdown_is_seen_by_who_is_let_in(void **state)
{
    (void)state;
    begin();
    struct probe_watch w = standby(400, 500);
    struct pg_failure late = {.err.code = ERR_TIMEOUT};
    struct pg_failure broken = {.err.code = ERR_CLOSED};
    event(GUARD_STARTED, GUARD_RUN, 0, false);
    pg_seen_restarted(&seen, now);
    pg_seen_door_failed(&seen, DOOR_NOT_YET, now);
    assert_int_equal(facts().process, PG_STARTING);
    answer(&w); /* the door was not asked since */
    pg_seen_watch_failed(&seen, &broken);
    assert_int_equal(facts().process, PG_RUNNING);
    now += 10;
    pg_seen_door_failed(&seen, DOOR_NOT_YET, now);
    assert_int_equal(facts().process, PG_STOPPING);
    event(GUARD_DONE, GUARD_RUN, 0, false); /* that it was told to */
    assert_int_equal(facts().process, PG_STOPPING);
    pg_seen_watch_failed(&seen, &late); /* what hangs is no shutdown */
    assert_true(facts().process == PG_RUNNING && facts().answers == FACT_NO);
    answer(&w); /* a smart one: who was let in goes on */
    now += 10;
    pg_seen_door_failed(&seen, DOOR_NOT_YET, now);
    assert_int_equal(facts().process, PG_RUNNING);
    event(GUARD_DIED, GUARD_RUN, 0, false);
    assert_int_equal(facts().process, PG_LEFT);
}

static void c1_two_looks_after_the_door_and_the_end_after_them(void **state)
{
    (void)state;
    struct probe_watch w = begin_streaming();
    answer(&w);
    w = standby(400, 510);
    answer(&w); /* gone, but no door has shown an empty conninfo */
    answer(&w);
    assert_false(facts().receiver_gone_twice);
    assert_int_equal(facts().conninfo_empty, FACT_UNKNOWN);
    open_door(5, true); /* the postmaster has not read it yet */
    answer(&w);
    assert_int_equal(facts().conninfo_empty, FACT_UNKNOWN);
    open_door(5, false);
    pg_seen_watch(&seen, &w, seen.doors - 1, now, now); /* asked before the door had answered */
    assert_int_equal(seen.gone_looks, 0);
    answer(&w);
    assert_false(facts().receiver_gone_twice);
    answer(&w);
    assert_true(facts().receiver_gone_twice && !facts().end_after_seal);
    answer(&w);
    assert_true(facts().receiver_gone_twice && facts().end_after_seal);
    assert_true(facts().end.lsn == 510 && facts().conninfo_empty == FACT_YES);
    stream(&w);
    answer(&w); /* it came back */
    assert_true(!facts().receiver_gone_twice && !facts().end_after_seal);
}

/* ALTER SYSTEM on a standby: what it would go by once it is promoted. */
static void b2_a_standby_without_its_fence_is_seen(void **state)
{
    (void)state;
    begin();
    struct probe_watch w = standby(400, 500);
    answer(&w);
    assert_int_equal(facts().force, FORCE_UNKNOWN);
    struct probe_door d = {.started_us = 5, .session_us = now * 1000, .loaded_us = 1};
    const struct {
        const char *names;
        enum sync_force force;
    } cases[] = {{SYNC_FENCE_VALUE, FORCE_FENCE},
                 {"", FORCE_FOREIGN},
                 {"ANY 1 (pg2)", FORCE_FOREIGN},
                 {SYNC_FENCE_VALUE, FORCE_FENCE}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        (void)snprintf(d.sync_names, sizeof(d.sync_names), "%s", cases[i].names);
        pg_seen_door(&seen, &d, now);
        answer(&w);
        assert_int_equal(facts().force, cases[i].force);
    }
    now += FRESH_MS + 1;
    assert_int_equal(facts().force, FORCE_UNKNOWN);
}

static void c2_end_is_read_from_the_files_where_sql_can_not_say(void **state)
{
    (void)state;
    uint64_t start;
    struct wal_end_seen read = {.end = {.is_known = true, .timeline = 2, .lsn = 900}};
    begin();
    event(GUARD_STARTED, GUARD_RUN, 0, false);
    assert_false(pg_seen_wants_read(&seen, &guard, &start));
    struct probe_watch w = standby(400, 0);
    open_door(5, false);
    answer(&w);
    assert_false(facts().end.is_known);
    assert_true(pg_seen_wants_read(&seen, &guard, &start) && start == 400);
    pg_seen_read_began(&seen, &guard);
    pg_seen_read(&seen, &read, &guard);
    assert_true(facts().end.is_known && facts().end.lsn == 900 && !facts().end_after_seal);
    answer(&w);
    assert_true(facts().receiver_gone_twice);
    assert_false(facts().end_after_seal); /* it was read before the second look */
    assert_true(pg_seen_wants_read(&seen, &guard, &start));
    pg_seen_read_began(&seen, &guard);
    pg_seen_read(&seen, &read, &guard);
    assert_true(facts().end_after_seal && facts().end.lsn == 900);
    assert_false(pg_seen_wants_read(&seen, &guard, &start));
    w.replay_lsn = 450;
    answer(&w);
    assert_false(facts().end.is_known); /* it is of another place */
    assert_true(pg_seen_wants_read(&seen, &guard, &start) && start == 450);
}

static struct position left(uint32_t timeline)
{
    struct pg_facts f = facts();
    return pg_seen_left(&seen, &f.end, timeline);
}

static void where_the_line_left_another_is_read_with_its_end(void **state)
{
    (void)state;
    struct wal_end_seen read = {.end = {.is_known = true, .timeline = 4, .lsn = 900},
                                .lines = {.count = 3, .at = {{.timeline = 2}, {3, 700}, {4, 800}}}};
    begin();
    event(GUARD_STATE, GUARD_IDLE, 0, false);
    pg_seen_read_began(&seen, &guard);
    assert_false(left(2).is_known);
    pg_seen_read(&seen, &read, &guard);
    assert_true(left(2).is_known && left(2).timeline == 2 && left(2).lsn == 700);
    assert_int_equal(left(3).lsn, 800);
    assert_false(left(4).is_known || left(5).is_known || left(1).is_known);
    struct position elsewhere = {.is_known = true, .timeline = 4, .lsn = 901};
    assert_false(pg_seen_left(&seen, &elsewhere, 2).is_known); /* it was not read with that */
    read.lines.count = 0;
    pg_seen_read_began(&seen, &guard);
    pg_seen_read(&seen, &read, &guard);
    assert_true(facts().end.is_known && !left(2).is_known);
}

static void c2_end_of_what_does_not_run(void **state)
{
    (void)state;
    uint64_t start;
    struct wal_end_seen read = {.end = {.is_known = true, .timeline = 2, .lsn = 900}};
    begin();
    event(GUARD_STATE, GUARD_IDLE, 0, false);
    assert_true(pg_seen_wants_read(&seen, &guard, &start) && start == 0);
    pg_seen_read_began(&seen, &guard);
    event(GUARD_STARTED, GUARD_RUN, 0, false); /* started meanwhile, and gone again */
    event(GUARD_ENDED, GUARD_IDLE, 0, false);
    pg_seen_read(&seen, &read, &guard);
    assert_false(facts().end.is_known);
    assert_true(pg_seen_wants_read(&seen, &guard, &start));
    pg_seen_read_began(&seen, &guard);
    pg_seen_read(&seen, &read, &guard);
    assert_true(facts().end.is_known && facts().end_after_seal);
    assert_false(pg_seen_wants_read(&seen, &guard, &start));
    pg_seen_read_began(&seen, &guard);
    read.end.is_known = false; /* it could not be read: it is tried again */
    pg_seen_read(&seen, &read, &guard);
    assert_true(pg_seen_wants_read(&seen, &guard, &start));
}

/* Of what a server may change nothing is held against it after the next start. */
static void what_can_not_be_read_is_counted_until_a_server_runs(void **state)
{
    (void)state;
    static const char *const control = "error=74 where=control end=0 timeline=0 records=0 misses=0";
    struct wal_end_seen read;
    begin();
    event(GUARD_STATE, GUARD_IDLE, 0, false);
    wal_end_parse(control, NULL, &read);
    for (uint32_t i = 0; i < 3; i++) {
        pg_seen_read_began(&seen, &guard);
        assert_int_equal(facts().end_lost, i > 0); /* also while it is read once more */
        pg_seen_read(&seen, &read, &guard);
        assert_true(facts().end_lost && !facts().end.is_known);
        assert_int_equal(seen.read_failures, i + 1);
        assert_int_equal(pg_seen_read_pause_ms(&seen), 1000 << i);
    }
    assert_string_equal(seen.read_err.msg, "its control file is damaged");
    event(GUARD_STARTED, GUARD_RUN, 0, false);
    assert_false(facts().end_lost);
    event(GUARD_ENDED, GUARD_IDLE, 0, false);
    assert_false(facts().end_lost);
    pg_seen_read_began(&seen, &guard);
    assert_int_equal(seen.read_failures, 0);
    pg_seen_read_failed(&seen, &(struct err){.code = ERR_SYSTEM}); /* no helper */
    assert_true(seen.read_failures == 1 && !facts().end_lost);
    read = (struct wal_end_seen){.end = {.is_known = true, .timeline = 2, .lsn = 900}};
    pg_seen_read_began(&seen, &guard);
    pg_seen_read(&seen, &read, &guard);
    assert_true(seen.read_failures == 0 && facts().end.is_known);
}

static void only_what_is_damaged_for_certain_is_lost(void **state)
{
    (void)state;
    static const struct {
        const char *said;
        bool is_lost;
    } rows[] = {
        {"error=74 where=control end=0 timeline=0 records=0 misses=0", true},
        {"error=22 where=control end=0 timeline=0 records=0 misses=0", false}, /* newer layout */
        {"error=5 where=control end=0 timeline=0 records=0 misses=0", false},
        {"error=13 where=open end=0 timeline=0 records=0 misses=0", false},
        {"error=2 where=open end=0 timeline=0 records=0 misses=0", false}, /* not mounted */
        {"error=2 where=segments end=0 timeline=0 records=0 misses=0", false},
        {"error=61 where=checkpoint end=0 timeline=0 records=0 misses=0", true},
        {"error=5 where=read end=0 timeline=0 records=0 misses=0", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct wal_end_seen read;
        wal_end_parse(rows[i].said, NULL, &read);
        assert_false(read.end.is_known);
        assert_true(read.err.code != 0);
        assert_int_equal(read.is_lost, rows[i].is_lost);
    }
}

static struct probe_watch primary(uint64_t insert, uint64_t flush)
{
    struct probe_watch w = {.started_us = 5,
                            .end = {.is_known = true, .timeline = 3, .lsn = flush},
                            .insert_lsn = insert};
    return w;
}

static void primary_left_recovery_where_it_was_seen_first(void **state)
{
    (void)state;
    begin();
    struct probe_watch w = primary(700, 650);
    answer(&w);
    w = primary(900, 900);
    answer(&w);
    struct pg_facts f = facts();
    assert_true(f.role == ROLE_PRIMARY && f.end.lsn == 900 && f.end.timeline == 3);
    assert_true(f.recovered.is_known && f.recovered.lsn == 700 && f.recovered.timeline == 3);
    w.started_us = 6; /* another postmaster */
    answer(&w);
    assert_int_equal(facts().recovered.lsn, 900);
}

static void wal_that_is_not_flushed_stands(void **state)
{
    (void)state;
    begin();
    struct probe_watch w = primary(700, 650);
    answer(&w);
    assert_false(seen.flush_stands);
    answer(&w);
    assert_true(seen.flush_stands);
    w = primary(800, 700);
    answer(&w);
    assert_false(seen.flush_stands);
    w = primary(800, 800);
    answer(&w);
    answer(&w);
    assert_false(seen.flush_stands);
}

static void standbys_that_are_wanted_are_counted(void **state)
{
    (void)state;
    begin();
    struct probe_watch w = primary(700, 700);
    const struct sync_copy pg2 = {.name = {.text = "pg2"}};
    pg_seen_wanted(&seen, &pg2, 1, 1, now);
    w.sender_count = 1;
    w.senders[0] =
        (struct probe_sender){.name = "pg_receivewal", .state = "streaming", .flush_known = true};
    answer(&w);
    answer(&w);
    assert_int_equal(facts().unsynced_ms, 100);
    (void)snprintf(w.senders[0].name, sizeof(w.senders[0].name), "PG2");
    answer(&w);
    assert_int_equal(facts().unsynced_ms, 0);
    (void)snprintf(w.senders[0].state, sizeof(w.senders[0].state), "catchup");
    answer(&w);
    assert_int_equal(facts().unsynced_ms, 50);
}

static void hear(uint64_t copy)
{
    const struct sync_copy pg2 = {.name = {.text = "pg2"}, .copy = copy};
    pg_seen_wanted(&seen, &pg2, 1, 1, now);
}

/* The text stays when pg2 is cloned anew, and so does its proof; but what the copy before
 * acknowledged since lies beyond the place of that proof. */
static void c3_another_copy_counts_from_where_it_was_known(void **state)
{
    (void)state;
    begin();
    published = (struct sync_value){.is_known = true, .count = 1};
    published.sets[0] =
        (struct sync_set){.needed = 1, .count = 1, .at = {{.name = {.text = "pg2"}, .copy = 102}}};
    hear(102);
    struct probe_door d = {
        .started_us = 5, .session_us = 6, .loaded_us = 1, .lsn = 600, .sync_names = "ANY 1 (pg2)"};
    pg_seen_door(&seen, &d, now);
    struct probe_watch w = primary(700, 700);
    (void)snprintf(w.sync_names, sizeof(w.sync_names), "%s", d.sync_names);
    pg_seen_watch(&seen, &w, seen.doors, now, now + 1); /* asked when it was heard, or before */
    assert_int_equal(facts().force, FORCE_OURS);
    assert_true(facts().in_force_lsn == IN_FORCE_UNSEEN);
    answer(&w);
    assert_int_equal(facts().in_force_lsn, 700);
    w.insert_lsn = w.end.lsn = 800;
    answer(&w);
    hear(102);
    hear(0); /* it is silent, and that makes it no other one */
    answer(&w);
    assert_int_equal(facts().in_force_lsn, 700);
    hear(103);
    assert_true(facts().in_force_lsn == IN_FORCE_UNSEEN);
    published.sets[published.count++] =
        (struct sync_set){.needed = 1, .count = 1, .at = {{.name = {.text = "pg2"}, .copy = 103}}};
    w.insert_lsn = w.end.lsn = 900;
    answer(&w);
    assert_int_equal(facts().in_force_lsn, 900);
    assert_int_equal(facts().set_in_force.at[0].copy, 103);
    w.insert_lsn = w.end.lsn = 950;
    answer(&w);
    assert_int_equal(facts().in_force_lsn, 900); /* else it would never be reached */
    pg_seen_restarted(&seen, now);
    answer(&w);
    assert_int_equal(seen.copies_lsn, 950);
}

/* A supervisor is woken by each change, and by nothing that moves all the time. */
static void positions_alone_are_no_change(void **state)
{
    (void)state;
    struct probe_watch w = begin_streaming();
    open_door(5, true);
    answer(&w);
    struct pg_facts before = facts();
    assert_true(before.in_force_lsn == IN_FORCE_UNSEEN);
    before.in_force_lsn = 400;
    struct pg_facts after = before;
    after.end.lsn++;
    after.in_force_lsn++;
    after.unsynced_ms++;
    assert_true(pg_seen_is_same(&before, &after));
    after.in_force_lsn = IN_FORCE_UNSEEN;
    assert_false(pg_seen_is_same(&before, &after));
    after = before;
    after.follows_epoch++;
    assert_false(pg_seen_is_same(&before, &after));
    after = before;
    after.end.timeline++;
    assert_false(pg_seen_is_same(&before, &after));
    after = before;
    after.signal_synced = FACT_NO;
    assert_false(pg_seen_is_same(&before, &after));
    after = before;
    after.set_in_force.needed++;
    assert_false(pg_seen_is_same(&before, &after));
    after = before;
    after.upstream.text[0]++;
    assert_false(pg_seen_is_same(&before, &after));
}

static void startup_did(uint64_t cpu_ms, uint64_t io_kib)
{
    struct data_seen data = {.answers = FACT_YES,
                             .has_startup = true,
                             .startup_cpu_ms = cpu_ms,
                             .startup_io_kib = io_kib};
    now += 1000;
    pg_seen_data(&seen, &data, now);
}

static void recovery_that_starts_moves_by_what_it_does(void **state)
{
    (void)state;
    begin();
    event(GUARD_STARTED, GUARD_RUN, 0, false);
    now += 70000;
    pg_seen_restarted(&seen, now);
    assert_int_equal(facts().still_ms, 0);
    startup_did(49, 1023); /* it comes up, and waits */
    assert_int_equal(facts().still_ms, 1000);
    startup_did(49, 1024);
    assert_int_equal(facts().still_ms, 0);
    startup_did(98, 2047); /* to look again and again is no step */
    startup_did(98, 2047);
    assert_int_equal(facts().still_ms, 2000);
    startup_did(99, 2047);
    assert_int_equal(facts().still_ms, 0);
    struct data_seen without = {.answers = FACT_NO};
    now += 500;
    pg_seen_data(&seen, &without, now); /* nobody could look: that is no step either */
    assert_int_equal(facts().still_ms, 500);
    pg_seen_restarted(&seen, now); /* another process begins at nothing */
    startup_did(60, 10);
    assert_int_equal(facts().still_ms, 0);
}

static void recovery_that_answers_moves_by_what_it_replays_too(void **state)
{
    (void)state;
    begin();
    event(GUARD_STARTED, GUARD_RUN, 0, false);
    pg_seen_restarted(&seen, now);
    struct probe_watch w = standby(1000, 5000);
    now += 3000;
    answer(&w);
    assert_int_equal(facts().still_ms, 0);
    now += 3000;
    w.receive_lsn = 6000; /* to receive is not to replay */
    answer(&w);
    assert_int_equal(facts().still_ms, 3050);
    w.replay_lsn = 1001;
    answer(&w);
    assert_int_equal(facts().still_ms, 0);
    now += 3000;
    answer(&w);
    startup_did(1000, 0); /* one record takes long */
    assert_int_equal(facts().still_ms, 0);
}

static void what_is_left_to_replay_is_told_where_it_is_known(void **state)
{
    (void)state;
    begin();
    assert_true(facts().to_replay == TO_REPLAY_UNKNOWN);
    event(GUARD_STARTED, GUARD_RUN, 0, false);
    pg_seen_restarted(&seen, now);
    struct probe_watch w = standby(1000, 5000);
    stream(&w);
    answer(&w);
    assert_int_equal(facts().to_replay, 4000);
    w.replay_lsn = 5000;
    answer(&w);
    assert_int_equal(facts().to_replay, 0);
    w.replay_known = false;
    answer(&w);
    assert_true(facts().to_replay == TO_REPLAY_UNKNOWN);
    w = primary(7000, 7000);
    answer(&w);
    assert_int_equal(facts().to_replay, 0);
}

static void what_is_wrong_with_the_configuration_is_a_fact_of_what_runs(void **state)
{
    (void)state;
    (void)begin_streaming();
    open_door(5, true);
    reload_told(&seen.reload, now, seen.door.loaded_us);
    reload_asked(&seen.reload, "/d/a.conf:7: syntax error", now, 0, now);
    assert_true(facts().reload_refused);
    assert_string_equal(facts().config_wrong, "/d/a.conf:7: syntax error");
    open_door(5, true); /* the same postmaster, and nothing else than before */
    assert_true(facts().reload_refused);
    seen.reload.is_in_vain = true;
    assert_true(facts().reload_in_vain);
    open_door(6, true);
    assert_false(facts().reload_refused || facts().reload_in_vain);
    assert_string_equal(facts().config_wrong, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(process_follows_the_guards_events),
        cmocka_unit_test(who_begins_anew_is_told_what_stands),
        cmocka_unit_test(promotion_is_foreseen_seen_and_forgotten),
        cmocka_unit_test(guard_that_says_nothing_is_silent_until_it_speaks),
        cmocka_unit_test(old_answers_say_nothing),
        cmocka_unit_test(hang_of_either_is_a_hang),
        cmocka_unit_test(a_shutdown_is_seen_by_who_is_let_in),
        cmocka_unit_test(c1_two_looks_after_the_door_and_the_end_after_them),
        cmocka_unit_test(b2_a_standby_without_its_fence_is_seen),
        cmocka_unit_test(c2_end_is_read_from_the_files_where_sql_can_not_say),
        cmocka_unit_test(where_the_line_left_another_is_read_with_its_end),
        cmocka_unit_test(c2_end_of_what_does_not_run),
        cmocka_unit_test(what_can_not_be_read_is_counted_until_a_server_runs),
        cmocka_unit_test(only_what_is_damaged_for_certain_is_lost),
        cmocka_unit_test(primary_left_recovery_where_it_was_seen_first),
        cmocka_unit_test(wal_that_is_not_flushed_stands),
        cmocka_unit_test(standbys_that_are_wanted_are_counted),
        cmocka_unit_test(c3_another_copy_counts_from_where_it_was_known),
        cmocka_unit_test(positions_alone_are_no_change),
        cmocka_unit_test(recovery_that_starts_moves_by_what_it_does),
        cmocka_unit_test(recovery_that_answers_moves_by_what_it_replays_too),
        cmocka_unit_test(what_is_left_to_replay_is_told_where_it_is_known),
        cmocka_unit_test(what_is_wrong_with_the_configuration_is_a_fact_of_what_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
