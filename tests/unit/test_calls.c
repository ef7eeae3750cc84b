/* tests/unit/test_calls.c - which callbacks are called for what is seen and done of PostgreSQL, and
 * with whose command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/supervisor_parts.h"
#include "tests/lib/act_kit.h"
#include "tests/lib/facts_kit.h"

static struct supervisor s;
static struct pg_setup setup, next;
static char called[400];

/* ---- in the place of callback_run.c: what would be run ---- */

void callback_run_open(struct callback_run *run, uv_loop_t *on)
{
    run->loop = on;
}

void callback_run_call(struct callback_run *run, const struct callback_order *order)
{
    (void)run;
    size_t size = strlen(called);
    (void)snprintf(called + size, sizeof(called) - size, "%s%s %s %s", size > 0 ? ", " : "",
                   order->command, callback_name(order->call.what),
                   callback_role_name(order->call.role));
}

bool callback_run_is_idle(const struct callback_run *run)
{
    return run->lanes[0].program == NULL;
}

void callback_run_close(struct callback_run *run, void (*on_closed)(struct callback_run *run))
{
    (void)run;
    (void)on_closed;
}

/* ---- a life ---- */

static void begin_as(void (*kit)(struct facts *f))
{
    memset(&s, 0, sizeof(s));
    memset(&setup, 0, sizeof(setup));
    called[0] = '\0';
    for (size_t i = 0; i < CALLBACKS; i++) {
        setup.callbacks[i] = "tell";
    }
    next = setup;
    s.setup = &setup;
    s.guard.fd = -1;
    s.is_guard_greeted = true;
    s.act.owner = &s;
    s.postmaster = 4711;
    kit(&s.facts);
    s.facts.store.initialized = FACT_YES;
}

static void primary(struct facts *f)
{
    kit_primary(f);
    assert_true(serves_writes(f));
}

static void standby(struct facts *f)
{
    kit_standby(f);
}

/* @wanted: all that the next look calls. */
static void look(const char *wanted)
{
    called[0] = '\0';
    supervisor_call_due(&s);
    assert_string_equal(called, wanted);
}

static void tell(uint16_t kind, uint64_t phase, uint64_t pid)
{
    struct guard_event event = {.kind = kind, .phase = phase, .pid = pid};
    supervisor_guard_event(&s, &event);
}

/* The postmaster is gone: while @action is carried out, or by itself. */
static void dies(enum action action)
{
    s.act.is_running = action != ACTION_WAIT;
    s.act.asks_stop = true; /* where it does at all */
    s.act.order.decision.action = action;
    tell(GUARD_DIED, GUARD_RUN, 0);
    s.act.is_running = false;
    s.facts.pg.process = PG_ABSENT;
}

static void loses_role(void)
{
    s.facts.lease.epoch = 0;
}

static void comes_up(void)
{
    tell(GUARD_STARTED, GUARD_RUN, 4712);
    s.facts.pg.process = PG_RUNNING;
}

/* ---- what is called ---- */

static void what_runs_when_a_life_begins_is_told_as_a_start(void **state)
{
    (void)state;
    begin_as(primary);
    look("tell on_start primary");
    look("");
    begin_as(standby);
    look("tell on_start replica");
}

static void a_crash_is_told_by_what_comes_of_it(void **state)
{
    (void)state;
    begin_as(primary);
    look("tell on_start primary");
    dies(ACTION_WAIT);
    look("");
    comes_up();
    look("tell on_start primary");
    dies(ACTION_WAIT);
    look("");
    loses_role();
    look("tell on_role_change demoted");
}

/* A lease that is lost is one thing, whoever is quicker: the guard, or the rule of this program. */
static void a_primary_that_was_killed_is_demoted(void **state)
{
    (void)state;
    begin_as(primary);
    look("tell on_start primary");
    loses_role();
    dies(ACTION_KILL);
    look("tell on_role_change demoted");
    begin_as(primary);
    look("tell on_start primary");
    loses_role();
    dies(ACTION_WAIT);
    look("tell on_role_change demoted");
}

/* PostgreSQL has died with its guard, and nobody tells of that. */
static void a_primary_that_died_with_its_guard_was_not_stopped(void **state)
{
    (void)state;
    begin_as(primary);
    look("tell on_start primary");
    supervisor_guard_event(&s, NULL);
    s.facts.pg.process = PG_UNKNOWN;
    look("");
    s.facts.pg.process = PG_ABSENT;
    look("");
    loses_role();
    look("tell on_role_change demoted");
}

static void a_shutdown_in_order_is_told_as_a_stop(void **state)
{
    (void)state;
    static const enum action in_order[] = {ACTION_STOP, ACTION_HAND_OVER, ACTION_RETURN};
    for (size_t i = 0; i < ARRAY_LEN(in_order); i++) {
        begin_as(primary);
        look("tell on_start primary");
        dies(in_order[i]);
        supervisor_guard_event(&s, NULL); /* the guard goes after it */
        look("tell on_stop primary");
        loses_role();
        look("");
    }
}

/* Also one that took so long that it was killed in the end. */
static void what_ends_with_this_program_was_stopped(void **state)
{
    (void)state;
    begin_as(primary);
    look("tell on_start primary");
    s.is_stopping = true;
    dies(ACTION_KILL);
    look("tell on_stop primary");
}

static void it_is_the_newest_command_that_is_called(void **state)
{
    (void)state;
    begin_as(standby);
    setup.callbacks[CALLBACK_ON_START] = NULL;
    next.callbacks[CALLBACK_ON_START] = "shared";
    s.next_setup = &next; /* a sequence reads the old one */
    look("shared on_start replica");
}

/* The next life tells of it, as of a start; where there is none, this one does. */
static void nothing_is_called_on_the_way_to_a_new_program(void **state)
{
    (void)state;
    begin_as(standby);
    look("tell on_start replica");
    s.upgrade.stage = UPGRADE_READY;
    primary(&s.facts);
    look("");
    s.upgrade.stage = UPGRADE_NONE;
    look("tell on_role_change primary");
}

static int readies;

static void ready_cb(void *owner, const struct err *err, uint64_t left_ms)
{
    (void)owner;
    (void)left_ms;
    assert_null(err);
    readies++;
}

/* Also for one that has begun since the upgrade did. */
static void an_upgrade_waits_for_a_callback(void **state)
{
    (void)state;
    static char anything[1];
    begin_as(primary);
    readies = 0;
    s.supervises = true;
    s.upgrade = (struct supervisor_upgrade){.stage = UPGRADE_WAITING,
                                            .asked_ms = supervisor_now_ms(),
                                            .lease_ms = 1000,
                                            .ready = ready_cb};
    s.scripts.run.lanes[0].program = (struct act_program *)anything;
    supervisor_upgrade_tick(&s, supervisor_now_ms());
    assert_int_equal(readies, 0);
    assert_string_equal(s.upgrade.why, "a callback runs, and would be cut off");
    s.scripts.run.lanes[0].program = NULL;
    supervisor_upgrade_tick(&s, supervisor_now_ms());
    assert_int_equal(readies, 1);
}

/* ---- on_reload ---- */

static void reload(int code)
{
    s.reload_again_ms = 0;
    s.observe.seen.reload = (struct reload_book){.is_told = false};
    if (supervisor_reload(&s, supervisor_now_ms())) {
        act_cancel(&s.act);
        s.act.err.code = code;
        supervisor_act_done(&s.act);
    }
}

static void configure(bool is_guess)
{
    next.settings.is_guess = is_guess;
    supervisor_configure(&s, &next);
    s.next_setup = NULL; /* it is taken */
}

static void a_reload_is_told_for_what_is_new(void **state)
{
    (void)state;
    begin_as(standby);
    act_kit_open(&s.act);
    s.act.owner = &s;
    s.observe.loop = s.act.loop;
    s.observe.is_closing = true; /* it looks at nothing */
    s.facts.pg.conninfo_empty = FACT_YES;
    s.has_home = true;
    s.home.data = DATA_USABLE;
    s.home.is_noted = FACT_YES;
    (void)snprintf(s.home.bin_dir, sizeof(s.home.bin_dir), "/nowhere");
    s.wanted.is_guess = true;
    look("tell on_start replica");
    configure(false); /* the first that this life knows of: PostgreSQL has it, most likely */
    reload(0);
    assert_false(s.is_reload_due);
    look("");
    configure(false);
    reload(ERR_SYSTEM); /* it is tried again */
    look("");
    reload(0);
    look("tell on_reload replica");
    s.facts.pg.force = FORCE_FOREIGN; /* not by its configuration: it is put back */
    reload(ERR_SYSTEM);
    reload(0);
    look("");
    act_kit_close(&s.act);
    act_kit_close_loop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_runs_when_a_life_begins_is_told_as_a_start),
        cmocka_unit_test(a_crash_is_told_by_what_comes_of_it),
        cmocka_unit_test(a_primary_that_was_killed_is_demoted),
        cmocka_unit_test(a_primary_that_died_with_its_guard_was_not_stopped),
        cmocka_unit_test(a_shutdown_in_order_is_told_as_a_stop),
        cmocka_unit_test(what_ends_with_this_program_was_stopped),
        cmocka_unit_test(it_is_the_newest_command_that_is_called),
        cmocka_unit_test(nothing_is_called_on_the_way_to_a_new_program),
        cmocka_unit_test(an_upgrade_waits_for_a_callback),
        cmocka_unit_test(a_reload_is_told_for_what_is_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
