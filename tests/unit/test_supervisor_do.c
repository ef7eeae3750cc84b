/* tests/unit/test_supervisor_do.c - what has failed is tried again later, not with every look. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "supervisor/supervisor_parts.h"
#include "tests/lib/act_kit.h"
#include "tests/lib/scratch.h"

#define PAUSE_MAX_MS 5000

static struct supervisor s;
static struct pg_setup setup;

/* One that is to put its WAL aside; everything that it needs to know is known. */
static void begin(void)
{
    memset(&s, 0, sizeof(s));
    s.setup = &setup;
    s.guard.fd = -1;
    s.has_home = true;
    s.act.owner = &s;
    s.decision.action = ACTION_RETURN;
    s.decision.back.step = RETURN_KEEP_WAL;
}

/* The sequence for the decision ends, as the guard refuses a request of it. */
static void refuse(uint64_t reason)
{
    struct guard_event event = {.kind = GUARD_REFUSED, .id = 7, .reason = reason};
    s.done = s.act.order.decision = s.decision;
    s.act.is_running = true;
    s.act.asked = 7;
    (void)snprintf(s.act.step, sizeof(s.act.step), "watch");
    act_guard_event(&s.act, &event);
    s.act.is_running = false;
    supervisor_act_done(&s.act);
}

/* What is known of the files was forgotten with the failure, and comes back at once. */
static void look_meanwhile(void)
{
    s.is_looking_home = true;
    s.act.err.code = 0;
    supervisor_act_done(&s.act);
    s.is_home_stale = false;
    struct decision wanted = s.decision;
    uint64_t now_ms = supervisor_now_ms();
    s.decision = (struct decision){.action = ACTION_WAIT};
    supervisor_carry_out(&s, now_ms);
    s.decision = wanted;
    supervisor_carry_out(&s, now_ms);
    assert_false(s.act.is_running);
}

static void a_refusal_is_waited_out_longer_and_longer(void **state)
{
    (void)state;
    begin();
    uint64_t least_ms = 100;
    for (int i = 0; i < 8; i++) {
        uint64_t before_ms = supervisor_now_ms();
        refuse(GUARD_IN_WORK);
        assert_true(s.not_before_ms >= before_ms + least_ms);
        uint64_t until_ms = s.not_before_ms;
        if (supervisor_now_ms() < until_ms) { /* else this machine has slept over it */
            look_meanwhile();
            assert_int_equal(s.not_before_ms, until_ms);
        }
        least_ms = 2 * least_ms < PAUSE_MAX_MS ? 2 * least_ms : PAUSE_MAX_MS;
    }
    assert_int_equal(least_ms, PAUSE_MAX_MS);
}

static void another_thing_to_do_waits_for_nothing(void **state)
{
    (void)state;
    begin();
    act_kit_open(&s.act);
    s.act.owner = &s;
    refuse(GUARD_IN_WORK);
    s.decision = (struct decision){.action = ACTION_STOP};
    s.is_home_stale = s.has_home = false; /* so that it begins with a look at the directory */
    supervisor_carry_out(&s, s.not_before_ms - 1);
    assert_true(s.act.is_running);
    assert_int_equal(s.failures, 0);
    act_kit_close(&s.act);
    act_kit_close_loop();
}

static void what_was_not_begun_has_not_failed(void **state)
{
    (void)state;
    begin();
    s.decision.back.step = RETURN_REWIND;
    refuse(GUARD_IN_WORK);
    assert_int_equal(s.back.rewind_failures, 0);
    assert_non_null(strstr(s.trouble, "an earlier request is still being carried out"));
    refuse(GUARD_FILES);
    assert_int_equal(s.back.rewind_failures, 1);
}

/* Others wait for an operator's restart; in a pause nobody does. */
static void a_restart_that_can_not_even_start_is_given_up(void **state)
{
    (void)state;
    begin();
    s.decision = (struct decision){.action = ACTION_START_PRIMARY};
    s.facts.store.paused = FACT_NO;
    s.task = (struct task_book){.id = 1, .kind = TASK_RESTART, .end = TASK_RUNS, .down_ms = 1};
    refuse(GUARD_IN_WORK);
    assert_int_equal(s.task.end, TASK_RUNS);
    s.facts.store.paused = FACT_YES;
    refuse(GUARD_FILES);
    assert_int_equal(s.task.end, TASK_RUNS);
    s.facts.store.paused = FACT_NO;
    refuse(GUARD_FILES);
    assert_int_equal(s.task.end, TASK_FAILED);
}

static void begin_acting(void)
{
    begin();
    act_kit_open(&s.act);
    s.act.owner = &s;
    s.observe.loop = s.act.loop;
    s.observe.is_closing = true; /* it looks at nothing */
}

/* PostgreSQL has refused its files a moment ago. */
static void what_is_refused_is_not_told_at_every_look(void **state)
{
    (void)state;
    begin_acting();
    s.decision = (struct decision){.action = ACTION_FOLLOW};
    s.observe.seen.reload = (struct reload_book){
        .is_told = true, .is_judged = true, .is_refused = true, .again_ms = UINT64_MAX};
    supervisor_carry_out(&s, supervisor_now_ms());
    assert_false(s.act.is_running);
    observe_config_changed(&s.observe);
    supervisor_carry_out(&s, supervisor_now_ms());
    assert_true(s.act.is_running);
    act_kit_close(&s.act);
    act_kit_close_loop();
}

/* The set is in force at once, and the sequence still wakes commits that wait. */
static void what_is_read_while_a_sequence_goes_on_is_not_told_again(void **state)
{
    (void)state;
    begin_acting();
    for (uint64_t read = 0; read < 2; read++) {
        reload_seen(&s.observe.seen.reload, 500);
        supervisor_fill_order(&s, &s.act.order);
        s.act.order.decision = (struct decision){.action = ACTION_SYNC_SET};
        s.act.order.is_reloaded = true;
        s.act.err = (struct err){.code = 0};
        reload_seen(&s.observe.seen.reload, 500 + read);
        supervisor_act_done(&s.act);
        assert_int_equal(observe_owes_reload(&s.observe), read == 0);
        reload_restarted(&s.observe.seen.reload);
    }
    act_kit_close(&s.act);
    act_kit_close_loop();
}

/* Whether a hand-over goes on, of which this is the statement that is under way, or none. */
static bool hands_over(const char *sql)
{
    s.act.is_running = true;
    s.act.is_ended = false;
    s.act.err.code = 0;
    s.act.sql = sql;
    s.act.order.decision = (struct decision){.action = ACTION_HAND_OVER};
    s.facts.pg.process = PG_RUNNING;
    supervisor_carry_out(&s, supervisor_now_ms());
    return s.act.err.code == 0;
}

static void a_hand_over_is_called_off_until_postgresql_is_stopped(void **state)
{
    (void)state;
    begin_acting();
    s.facts.store.paused = FACT_NO;
    s.facts.wish.switchover = true;
    s.facts.pg.role = ROLE_PRIMARY;
    s.decision = (struct decision){.action = ACTION_HAND_OVER};
    assert_true(hands_over("CHECKPOINT"));
    s.decision = (struct decision){.action = ACTION_WAIT};
    assert_false(hands_over("CHECKPOINT")); /* nobody could take over any more */
    assert_true(hands_over(NULL));          /* it is on its way down */
    s.facts.pg.role = ROLE_UNKNOWN;
    assert_true(hands_over("CHECKPOINT")); /* it is only busy */
    s.facts.store.paused = FACT_YES;
    assert_false(hands_over("CHECKPOINT"));
    s.facts.store.paused = FACT_NO;
    s.facts.wish.switchover = false;
    assert_false(hands_over("CHECKPOINT"));
    s.act.is_running = false;
    act_kit_close(&s.act);
    act_kit_close_loop();
}

/* Who asked for it reads why, as long as the wish is the same. */
static void why_nothing_was_handed_over_is_kept(void **state)
{
    (void)state;
    begin();
    s.side.view.rows.row[KEY_FAILOVER].mod_revision = 77;
    s.act.order.decision = (struct decision){.action = ACTION_HAND_OVER};
    (void)err_set(&s.act.err, ERR_CANCELED, "something else");
    supervisor_act_done(&s.act);
    assert_int_equal(s.wish_failed, 0);
    (void)err_set(&s.act.err, ERR_TIMEOUT, "CHECKPOINT: not done in time");
    supervisor_act_done(&s.act);
    assert_int_equal(s.wish_failed, 77);
    assert_string_equal(s.wish_why, "CHECKPOINT: not done in time");
}

/* Twice, and it is killed: but not for what was called off before. */
static void only_a_shutdown_that_was_begun_fails(void **state)
{
    (void)state;
    begin();
    for (uint32_t i = 0; i < 3; i++) {
        s.act.order.decision = (struct decision){.action = ACTION_STOP};
        s.act.asks_stop = i == 2;
        (void)err_set(&s.act.err, ERR_REFUSED, "what it was begun for can not be done any more");
        supervisor_act_done(&s.act);
        assert_int_equal(s.failures, i / 2);
    }
}

/* Whether a stop for an operator goes on while @action is due. */
static bool stops_beside(enum action action, bool asks_stop)
{
    s.act.is_running = true;
    s.act.is_ended = false;
    s.act.err.code = 0;
    s.act.asks_stop = asks_stop;
    s.act.order.decision = (struct decision){.action = ACTION_STOP};
    s.decision = (struct decision){.action = action};
    supervisor_carry_out(&s, supervisor_now_ms());
    return s.act.err.code == 0;
}

/* Its before_stop may run for many seconds, and nobody is primary meanwhile. */
static void a_restart_waits_for_an_election_until_postgresql_is_stopped(void **state)
{
    (void)state;
    begin_acting();
    assert_true(stops_beside(ACTION_STOP, false));
    assert_true(stops_beside(ACTION_WAIT, false));
    assert_true(stops_beside(ACTION_FOLLOW, false));
    assert_false(stops_beside(ACTION_SEAL, false));
    assert_true(stops_beside(ACTION_SEAL, true)); /* it is on its way down */
    s.facts.wish.stop = true;                     /* this program ends, and that has less time */
    assert_true(stops_beside(ACTION_STOP, true));
    assert_false(stops_beside(ACTION_STOP, false));
    s.act.order.facts.wish.stop = true; /* it was begun for that */
    assert_true(stops_beside(ACTION_STOP, false));
    s.act.is_running = false;
    act_kit_close(&s.act);
    act_kit_close_loop();
}

/* Of the same cause nothing is told a second time. */
static void a_configuration_that_can_not_be_read_is_known_and_logged_once(void **state)
{
    (void)state;
    begin();
    s.decision = (struct decision){.action = ACTION_START_STANDBY};
    for (int i = 0; i < 3; i++) {
        s.done = s.act.order.decision = s.decision;
        s.act.order.config_reads = FACT_NO;
        (void)snprintf(s.act.order.config_says, sizeof(s.act.order.config_says), "a bad line");
        (void)err_set(&s.act.err, ERR_REFUSED, "a bad line");
        supervisor_act_done(&s.act);
        s.act.order.config_reads = FACT_UNKNOWN;
    }
    assert_int_equal(s.config_reads, FACT_NO);
    assert_string_equal(s.config_says, "a bad line");
    assert_string_equal(s.trouble, "a bad line");
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        count++;
    }
    return count;
}

static void a_refusal_is_logged_once(void **state)
{
    (void)state;
    static struct scratch scratch;
    struct log_config config = {.file = {.size_max = 1 << 20, .name = "node.log", .mode = 0600}};
    begin();
    scratch_init(&scratch);
    config.file.dir = scratch.dir;
    assert_int_equal(log_open(&config, NULL), 0);
    for (int i = 0; i < 5; i++) {
        struct guard_event event = {.kind = GUARD_REFUSED, .id = 7, .reason = GUARD_IN_WORK};
        refuse(GUARD_IN_WORK);
        supervisor_guard_event(&s, &event); /* which is logged, too */
    }
    log_close();
    CLEANUP(buf_close) struct buf text = {0};
    assert_true(scratch_read(&scratch, "node.log", &text));
    assert_int_equal(count_of(buf_text(&text), "still being carried out"), 1);
    scratch_close(&scratch);
}

/* Each start is without a watch then, and none of them counts. */
static void that_starts_can_not_be_watched_is_logged_once_for_each_reason(void **state)
{
    (void)state;
    static struct scratch scratch;
    static const char *const reasons[] = {"no pg_wal", "no pg_wal", "used up", "used up"};
    struct log_config config = {.file = {.size_max = 1 << 20, .name = "node.log", .mode = 0600}};
    const struct guard_event started = {.kind = GUARD_STARTED, .pid = 4711, .phase = GUARD_RUN};
    begin();
    scratch_init(&scratch);
    config.file.dir = scratch.dir;
    assert_int_equal(log_open(&config, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        s.act.order.decision.action = ACTION_START_STANDBY;
        (void)err_set(&s.act.order.unwatched, ERR_SYSTEM, "%s", reasons[i]);
        supervisor_guard_event(&s, &started);
    }
    s.act.order.is_start_watched = true;
    supervisor_guard_event(&s, &started);
    s.act.order.is_start_watched = false;
    supervisor_guard_event(&s, &started); /* it had been well meanwhile */
    log_close();
    CLEANUP(buf_close) struct buf text = {0};
    assert_true(scratch_read(&scratch, "node.log", &text));
    assert_int_equal(count_of(buf_text(&text), "whether PostgreSQL comes as far"), 3);
    assert_int_equal(count_of(buf_text(&text), "no pg_wal"), 1);
    assert_int_equal(count_of(buf_text(&text), "used up"), 2);
    scratch_close(&scratch);
}

static void tell(uint16_t kind, uint64_t phase, int status)
{
    struct guard_event event = {
        .kind = kind, .pid = 4711, .phase = phase, .wait_status = (uint64_t)status};
    supervisor_guard_event(&s, &event);
}

static void tell_of(uint32_t id, uint16_t kind)
{
    struct guard_event event = {.kind = kind, .id = id, .pid = 4711, .phase = GUARD_RUN};
    supervisor_guard_event(&s, &event);
}

/* The sequence has succeeded: the guard has executed the program, and it ends with @status. */
static void start_in_vain(int status)
{
    s.done = s.act.order.decision = s.decision;
    s.act.err.code = 0;
    tell(GUARD_STARTED, GUARD_RUN, 0);
    supervisor_act_done(&s.act);
    tell(GUARD_DIED, GUARD_RUN, status);
}

/* Between two starts what is left over is looked for, and that is something else to do. */
static void is_left_over(void)
{
    struct decision wanted = s.decision;
    s.act.is_running = true; /* nothing is really begun */
    s.decision = (struct decision){.action = ACTION_KILL};
    s.act.order.decision = s.decision;
    supervisor_carry_out(&s, supervisor_now_ms());
    s.act.is_running = false;
    s.done = s.decision;
    s.act.order.decision = s.decision;
    s.act.err.code = 0;
    supervisor_act_done(&s.act);
    s.decision = wanted;
}

/* That its program could be executed is no start: one that ends at once waits as all that fails. */
static void a_start_that_ends_at_once_waits_longer_and_longer(void **state)
{
    (void)state;
    uint64_t least_ms = 100;
    begin();
    s.is_guard_greeted = true;
    s.facts.guard.state = GUARD_WELL;
    s.decision = (struct decision){.action = ACTION_START_STANDBY};
    for (int i = 0; i < 8; i++) {
        uint64_t before_ms = supervisor_now_ms();
        start_in_vain(1 << 8);
        is_left_over();
        assert_true(s.starts.not_before_ms >= before_ms + least_ms);
        uint64_t now_ms = supervisor_now_ms();
        s.is_home_stale = false;
        s.again_ms = 0;
        if (now_ms < s.starts.not_before_ms) { /* else this machine has slept over it */
            supervisor_carry_out(&s, now_ms);
            assert_false(s.act.is_running);
        }
        least_ms = 2 * least_ms < PAUSE_MAX_MS ? 2 * least_ms : PAUSE_MAX_MS;
    }
    assert_int_equal(s.starts.in_vain, 8);
    assert_non_null(strstr(s.start_trouble, "does not come up: it ended with status 1"));
    s.config_reads = FACT_NO;
    (void)snprintf(s.config_says, sizeof(s.config_says), "a bad line");
    tell(GUARD_STARTED, GUARD_RUN, 0);
    tell(GUARD_DIED, GUARD_RUN, 1 << 8);
    assert_string_equal(s.start_trouble, "PostgreSQL does not come up: a bad line");
}

/* What ends a postmaster before it reads its data is not these; what was not watched may be. */
static void it_is_told_whether_a_start_came_to_its_data(void **state)
{
    (void)state;
    static struct scratch scratch;
    begin();
    scratch_init(&scratch);
    scratch_folders(&scratch, "pg_wal/segment");
    s.is_guard_greeted = true;
    s.decision = (struct decision){.action = ACTION_START_STANDBY};
    assert_int_equal(start_watch_open(&s.start_watch, NULL), 0);
    s.act.order.is_start_watched = true;
    assert_int_equal(start_watch_arm(&s.start_watch, scratch.dir, NULL), 0);
    start_in_vain(1 << 8);
    assert_string_equal(s.start_trouble,
                        "PostgreSQL does not come up: it ended with status 1 "
                        "before it read its data, and its log says why");
    assert_int_equal(s.starts.in_vain, 1);
    assert_int_equal(s.starts.at_data, 0);
    assert_int_equal(start_watch_arm(&s.start_watch, scratch.dir, NULL), 0);
    scratch_put(&scratch, "pg_wal/segment", "");
    start_in_vain(1 << 8);
    assert_string_equal(s.start_trouble,
                        "PostgreSQL does not come up: it ended with status 1, "
                        "and its log says why");
    assert_int_equal(s.starts.at_data, 1);
    s.act.order.is_start_watched = false; /* nobody knows: it counts neither way */
    start_in_vain(1 << 8);
    assert_string_equal(s.start_trouble,
                        "PostgreSQL does not come up: it ended with status 1, "
                        "and its log says why");
    assert_int_equal(s.starts.at_data, 1);
    assert_int_equal(s.starts.in_vain, 3);
    start_watch_close(&s.start_watch);
    scratch_close(&scratch);
}

/* Who opens it first is PostgreSQL, or nobody. */
static void pg_wal_is_spared_from_before_a_start_until_postgresql_has_come_there(void **state)
{
    (void)state;
    static struct scratch scratch;
    begin();
    scratch_init(&scratch);
    scratch_folders(&scratch, "pg_wal/segment");
    s.is_guard_greeted = true;
    s.observe.owner = &s;
    s.decision = (struct decision){.action = ACTION_START_STANDBY};
    assert_int_equal(start_watch_open(&s.start_watch, NULL), 0);
    assert_false(supervisor_spares_wal(&s.observe));
    supervisor_fill_order(&s, &s.act.order);
    s.act.is_running = true; /* it prepares */
    assert_true(supervisor_spares_wal(&s.observe));
    assert_int_equal(start_watch_arm(&s.start_watch, scratch.dir, NULL), 0);
    s.act.order.is_start_watched = true;
    s.act.start_asked = 7; /* of the guard */
    s.act.is_running = false;
    assert_true(supervisor_spares_wal(&s.observe));
    tell_of(7, GUARD_STARTED);
    assert_true(supervisor_spares_wal(&s.observe));
    scratch_put(&scratch, "pg_wal/segment", "");
    assert_false(supervisor_spares_wal(&s.observe));
    scratch_put(&scratch, "pg_wal/segment", ""); /* by whomever */
    tell(GUARD_DIED, GUARD_RUN, 1 << 8);
    assert_int_equal(s.starts.at_data, 1); /* that is not forgotten */
    assert_false(supervisor_spares_wal(&s.observe));
    assert_int_equal(start_watch_arm(&s.start_watch, scratch.dir, NULL), 0);
    tell_of(8, GUARD_STARTED);
    assert_true(supervisor_spares_wal(&s.observe));
    supervisor_guard_event(&s, NULL); /* nobody tells of its end */
    assert_false(supervisor_spares_wal(&s.observe));
    start_watch_close(&s.start_watch);
    scratch_close(&scratch);
}

/* Or each one of them might meet a look, and none be watched. */
static void after_a_start_in_vain_the_next_waits_until_this_program_is_out_of_pg_wal(void **state)
{
    (void)state;
    begin_acting();
    s.is_guard_greeted = true;
    s.facts.guard.state = GUARD_WELL;
    s.observe.owner = &s;
    s.decision = (struct decision){.action = ACTION_START_STANDBY};
    assert_int_equal(start_watch_open(&s.start_watch, NULL), 0);
    assert_false(supervisor_spares_wal(&s.observe));
    start_in_vain(1 << 8);
    uint64_t due_ms = s.starts.not_before_ms;
    assert_false(supervisor_wants_quiet(&s, due_ms - 1));
    assert_true(supervisor_wants_quiet(&s, due_ms));
    s.observe.data.helper.is_asked = true;
    s.is_home_stale = false;
    supervisor_carry_out(&s, due_ms);
    assert_false(s.act.is_running);
    assert_false(s.is_looking_home);
    s.observe.data.spares_wal = true; /* that look opens nothing there */
    supervisor_carry_out(&s, due_ms);
    assert_true(s.act.is_running);
    act_kit_close(&s.act);
    start_watch_close(&s.start_watch);
}

/* It may open something there at any moment. */
static void beside_a_look_at_pg_wal_no_start_is_watched(void **state)
{
    (void)state;
    struct act_order o;
    begin();
    assert_int_equal(start_watch_open(&s.start_watch, NULL), 0);
    s.observe.owner = &s;
    s.observe.wal.helper.is_asked = true;
    supervisor_fill_order(&s, &o);
    assert_null(o.start_watch);
    s.observe.wal.helper.is_asked = false;
    s.observe.data.helper.is_asked = true;
    supervisor_fill_order(&s, &o);
    assert_null(o.start_watch);
    s.act.order = o;
    s.act.order.decision.action = ACTION_START_STANDBY;
    s.act.is_running = true;
    assert_false(supervisor_spares_wal(&s.observe)); /* it is not looked for */
    s.observe.data.spares_wal = true;
    supervisor_fill_order(&s, &o);
    assert_non_null(o.start_watch);
    start_watch_close(&s.start_watch);
}

static void what_this_program_ends_was_not_in_vain(void **state)
{
    (void)state;
    begin();
    s.is_guard_greeted = true;
    tell(GUARD_STARTED, GUARD_RUN, 0);
    s.act.is_running = true;
    s.act.order.decision.action = ACTION_STOP;
    s.act.asks_stop = true;
    tell(GUARD_DIED, GUARD_RUN, 0);
    s.act.is_running = false;
    tell(GUARD_STARTED, GUARD_RUN, 0);
    tell(GUARD_DIED, GUARD_END, 9); /* by its guard, at the deadline */
    assert_int_equal(s.starts.in_vain, 0);
    assert_int_equal(s.starts.not_before_ms, 0);
    assert_string_equal(s.start_trouble, "");
}

/* Callbacks are told of an end that somebody asked for. */
static void what_ends_before_it_is_stopped_has_crashed(void **state)
{
    static const enum action stops[] = {ACTION_STOP, ACTION_HAND_OVER};
    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(stops); i++) {
        begin();
        s.is_guard_greeted = true;
        tell(GUARD_STARTED, GUARD_RUN, 0);
        s.act.is_running = true;
        s.act.order.decision.action = stops[i / 2];
        s.act.asks_stop = i % 2 == 1;
        tell(GUARD_DIED, GUARD_RUN, 9);
        assert_int_equal(s.died, i % 2 == 0);
        assert_int_equal(s.scripts.was_stopped, i % 2 == 1);
    }
}

/* Its postmaster ends as the primary of epoch 7. */
static void primary_ends(void)
{
    struct guard_event event = {.kind = GUARD_DIED, .pid = 4711, .phase = GUARD_RUN, .epoch = 7};
    supervisor_guard_event(&s, &event);
}

static uint64_t ended_epoch(enum pg_process process)
{
    struct facts f = {.pg.process = process};
    supervisor_gather_waits(&s, supervisor_now_ms(), &f);
    return f.pg.ended_epoch;
}

/* It runs, and a sequence of @action goes on. */
static void sequence(enum action action, bool asks_stop)
{
    begin();
    s.is_guard_greeted = true;
    tell(GUARD_STARTED, GUARD_RUN, 0);
    s.act.is_running = true;
    s.act.order.decision.action = action;
    s.act.asks_stop = asks_stop;
    assert_int_equal(ended_epoch(PG_RUNNING), 0);
}

/* So that a pause does not keep it down. */
static void whose_end_this_program_wanted_is_known(void **state)
{
    (void)state;
    sequence(ACTION_HAND_OVER, true);
    primary_ends();
    assert_int_equal(ended_epoch(PG_LEFT), 0);
    assert_int_equal(ended_epoch(PG_ABSENT), 7);
    tell(GUARD_STARTED, GUARD_RUN, 0);
    assert_int_equal(ended_epoch(PG_ABSENT), 0);

    sequence(ACTION_STOP, false); /* before it was asked, by itself */
    primary_ends();
    assert_int_equal(ended_epoch(PG_ABSENT), 0);

    sequence(ACTION_KILL, false); /* a shutdown that took too long */
    primary_ends();
    assert_int_equal(ended_epoch(PG_ABSENT), 7);
    supervisor_guard_event(&s, NULL); /* nothing was left to end with its guard */
    assert_int_equal(ended_epoch(PG_ABSENT), 7);
}

static void a_shutdown_that_the_sequence_did_not_wait_for_was_wanted_too(void **state)
{
    (void)state;
    sequence(ACTION_STOP, true);
    s.act.is_running = false;
    assert_int_equal(ended_epoch(PG_STOPPING), 0);
    primary_ends();
    assert_int_equal(ended_epoch(PG_ABSENT), 7);

    sequence(ACTION_STOP, true); /* in vain: it goes on, and an operator stops it later */
    s.act.is_running = false;
    assert_int_equal(ended_epoch(PG_RUNNING), 0);
    primary_ends();
    assert_int_equal(ended_epoch(PG_ABSENT), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whose_end_this_program_wanted_is_known),
        cmocka_unit_test(a_shutdown_that_the_sequence_did_not_wait_for_was_wanted_too),
        cmocka_unit_test(a_refusal_is_waited_out_longer_and_longer),
        cmocka_unit_test(another_thing_to_do_waits_for_nothing),
        cmocka_unit_test(what_was_not_begun_has_not_failed),
        cmocka_unit_test(a_restart_that_can_not_even_start_is_given_up),
        cmocka_unit_test(what_is_refused_is_not_told_at_every_look),
        cmocka_unit_test(what_is_read_while_a_sequence_goes_on_is_not_told_again),
        cmocka_unit_test(a_hand_over_is_called_off_until_postgresql_is_stopped),
        cmocka_unit_test(only_a_shutdown_that_was_begun_fails),
        cmocka_unit_test(why_nothing_was_handed_over_is_kept),
        cmocka_unit_test(a_restart_waits_for_an_election_until_postgresql_is_stopped),
        cmocka_unit_test(a_configuration_that_can_not_be_read_is_known_and_logged_once),
        cmocka_unit_test(a_refusal_is_logged_once),
        cmocka_unit_test(a_start_that_ends_at_once_waits_longer_and_longer),
        cmocka_unit_test(it_is_told_whether_a_start_came_to_its_data),
        cmocka_unit_test(pg_wal_is_spared_from_before_a_start_until_postgresql_has_come_there),
        cmocka_unit_test(after_a_start_in_vain_the_next_waits_until_this_program_is_out_of_pg_wal),
        cmocka_unit_test(beside_a_look_at_pg_wal_no_start_is_watched),
        cmocka_unit_test(that_starts_can_not_be_watched_is_logged_once_for_each_reason),
        cmocka_unit_test(what_this_program_ends_was_not_in_vain),
        cmocka_unit_test(what_ends_before_it_is_stopped_has_crashed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
