/* tests/unit/test_supervisor_later.c - a restart for later: in force at once, told of when it is on
 * disk, known to the next life, begun or dropped once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "supervisor/restart_note.h"
#include "supervisor/supervisor_parts.h"
#include "tests/lib/facts_kit.h"
#include "tests/lib/scratch_kit.h"

#define STARTED_US 4711

static struct supervisor s;
static struct pg_setup setup;
static struct cluster_view view;
static uv_loop_t loop;
static uint64_t number;

/* A standby that runs, in a program that has just been started. */
static void live(void)
{
    memset(&s, 0, sizeof(s));
    memset(&view, 0, sizeof(view));
    s.setup = s.restart_setup = &setup;
    s.view = &view;
    s.loop = &loop;
    s.supervises = true;
    kit_standby(&s.facts);
    s.observe.seen.has_watch = true;
    s.observe.seen.watch.version = 150018;
    s.observe.seen.watch.started_us = STARTED_US;
    supervisor_later_open(&s);
}

static int begin(void **state)
{
    (void)scratch_setup(state);
    setup = (struct pg_setup){.state_dir = scratch.dir};
    live();
    return uv_loop_init(&loop);
}

static int finish(void **state)
{
    supervisor_later_close(&s);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    return scratch_teardown(state);
}

/* A look, and what it has written has been written. */
static void look(void)
{
    supervisor_later_tick(&s, supervisor_now_ms());
    (void)uv_run(&loop, UV_RUN_DEFAULT);
}

static struct restart_order order_in(int64_t ms)
{
    struct restart_order order = {.role = "replica", .timeout_ms = 30000};
    const struct when when = {.wall_ms = (uint64_t)((int64_t)clock_wall_ms(clock_system()) + ms),
                              .has_zone = true};
    when_format(&when, order.at);
    return order;
}

static int ask(int64_t in_ms)
{
    const struct restart_order order = order_in(in_ms);
    return supervisor_restart_later(&s, &order, &number, &err);
}

static const char *shown(void)
{
    static struct view_restart restart;
    supervisor_show_later(&s, &restart);
    return restart.schedule;
}

static const char *kept(void)
{
    static struct restart_later note;
    assert_int_equal(restart_note_read(scratch.dir, &note, &err), 0);
    return note.order.at;
}

static const char *event(uint32_t back)
{
    assert_true(view.event_count > back);
    return view.events[view.event_count - 1 - back].text;
}

static void it_is_told_of_when_it_is_on_disk(void **state)
{
    (void)state;
    assert_int_equal(ask(3600000), 0);
    assert_string_not_equal(shown(), "");
    assert_int_equal(supervisor_restart_kept(&s, number, &err), ERR_BUSY);
    assert_string_equal(kept(), "");
    look();
    assert_int_equal(supervisor_restart_kept(&s, number, &err), 0);
    assert_string_equal(kept(), shown());
    assert_int_equal(ask(7200000), ERR_EXISTS);
    assert_string_equal(err.msg, "Another restart is already scheduled");
}

static void the_next_life_knows_of_it(void **state)
{
    (void)state;
    assert_int_equal(ask(3600000), 0);
    look();
    live();
    assert_string_equal(shown(), kept());
    assert_int_equal(s.later.wanted.order.timeout_ms, 30000);
    assert_int_equal(s.later.wanted.started_us, STARTED_US);
    assert_int_equal(ask(7200000), ERR_EXISTS);
    look();
    assert_string_not_equal(shown(), "");
    s.observe.seen.watch.started_us++; /* somebody has restarted it meanwhile */
    look();
    assert_string_equal(shown(), "");
    assert_string_equal(kept(), "");
    assert_non_null(strstr(event(0), " was dropped: PostgreSQL was started anew meanwhile"));
}

static void who_takes_it_back_hears_when_the_file_is_gone(void **state)
{
    (void)state;
    assert_int_equal(supervisor_restart_never(&s, &number, &err), ERR_NOT_FOUND);
    assert_int_equal(ask(3600000), 0);
    look();
    assert_int_equal(supervisor_restart_never(&s, &number, &err), 0);
    assert_string_equal(shown(), "");
    assert_int_equal(supervisor_restart_kept(&s, number, &err), ERR_BUSY);
    look();
    assert_int_equal(supervisor_restart_kept(&s, number, &err), 0);
    assert_string_equal(kept(), "");
    assert_int_equal(supervisor_restart_never(&s, &number, &err), ERR_NOT_FOUND);
}

static void when_it_is_due_it_is_begun_once(void **state)
{
    (void)state;
    s.facts.store.paused = FACT_NO;
    assert_int_equal(ask(-1000), 0);
    look();
    assert_int_equal(s.task.end, TASK_RUNS);
    assert_int_equal(s.task.kind, TASK_RESTART);
    assert_int_equal(s.task.timeout_ms, 30000);
    assert_string_equal(shown(), "");
    uint64_t first = s.task.id;
    assert_int_not_equal(first, 0);
    look();
    assert_string_equal(kept(), "");
    assert_int_equal(s.task.id, first);
    assert_non_null(strstr(event(0), " begins"));
}

static void what_may_not_begin_just_now_is_tried_again(void **state)
{
    (void)state;
    s.upgrade.stage = UPGRADE_ASKED;
    assert_int_equal(ask(-1000), 0);
    look();
    assert_int_equal(s.task.id, 0);
    assert_string_not_equal(shown(), "");
    s.upgrade.stage = UPGRADE_NONE;
    look();
    assert_int_not_equal(s.task.id, 0);
    assert_string_equal(shown(), "");
}

static void what_stays_refused_is_dropped_with_the_reason(void **state)
{
    (void)state;
    s.upgrade.stage = UPGRADE_ASKED;
    assert_int_equal(ask(-1000), 0);
    look();
    s.later.wanted.order = order_in(-17000);
    look();
    look();
    assert_string_equal(shown(), "");
    assert_int_equal(s.task.id, 0);
    assert_non_null(strstr(event(0), " was dropped: upgrade already in progress"));
    assert_string_equal(kept(), "");
}

static void one_of_another_role_is_dropped(void **state)
{
    (void)state;
    assert_int_equal(ask(-1000), 0);
    kit_primary(&s.facts);
    look();
    assert_int_equal(s.task.id, 0);
    assert_string_equal(shown(), "");
    assert_non_null(strstr(event(0), " was dropped: this node has another role"));
}

static void a_pause_begins_nothing(void **state)
{
    (void)state;
    assert_int_equal(ask(-1000), 0);
    s.facts.store.paused = FACT_YES;
    look();
    assert_string_not_equal(shown(), "");
    s.later.wanted.order = order_in(-17000);
    look();
    assert_int_equal(s.task.id, 0);
    assert_non_null(strstr(event(0), " was dropped: its time came during a pause"));
}

/* The next life would not know of it. */
static void what_can_not_be_written_is_not_in_force(void **state)
{
    (void)state;
    CLEANUP(mem_freep) char *nowhere = mem_printf("%s/nowhere", scratch.dir);
    setup.state_dir = nowhere;
    assert_int_equal(ask(3600000), 0);
    look();
    assert_int_equal(supervisor_restart_kept(&s, number, &err), ERR_REFUSED);
    assert_non_null(strstr(err.msg, "it can not be kept on disk: "));
    assert_string_equal(shown(), "");
    assert_true(s.later.is_due); /* perhaps it was written all the same */
    setup.state_dir = scratch.dir;
    assert_int_equal(ask(3600000), 0);
    look();
    assert_int_equal(supervisor_restart_kept(&s, number, &err), 0);
    assert_string_equal(kept(), shown());
}

static void while_one_is_written_no_other_is_taken(void **state)
{
    (void)state;
    assert_int_equal(ask(3600000), 0);
    supervisor_later_tick(&s, supervisor_now_ms());
    assert_int_equal(supervisor_restart_never(&s, &number, &err), ERR_REFUSED);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(supervisor_restart_never(&s, &number, &err), 0);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, finish)
    const struct CMUnitTest tests[] = {
        EACH(it_is_told_of_when_it_is_on_disk),
        EACH(the_next_life_knows_of_it),
        EACH(who_takes_it_back_hears_when_the_file_is_gone),
        EACH(when_it_is_due_it_is_begun_once),
        EACH(what_may_not_begin_just_now_is_tried_again),
        EACH(what_stays_refused_is_dropped_with_the_reason),
        EACH(one_of_another_role_is_dropped),
        EACH(a_pause_begins_nothing),
        EACH(what_can_not_be_written_is_not_in_force),
        EACH(while_one_is_written_no_other_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
