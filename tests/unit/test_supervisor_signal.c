/* tests/unit/test_supervisor_signal.c - a standby.signal that can not be written, a start in place
 * that can not be tried: for how long, and what is told of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/pg_setup.h"
#include "supervisor/supervisor_parts.h"

static struct supervisor s;
static struct pg_setup setup;

static const struct pg_facts *after(enum action decided, enum pg_process process, uint64_t epoch,
                                    uint64_t now_ms)
{
    struct facts *f = &s.facts;
    memset(f, 0, sizeof(*f));
    s.has_decision = true;
    s.decision.action = decided;
    f->pg.process = process;
    f->lease.epoch = epoch;
    supervisor_gather_waits(&s, now_ms, f);
    return &f->pg;
}

static void begin(void)
{
    memset(&s, 0, sizeof(s));
    s.setup = &setup;
}

static void a_signal_file_is_waited_for_from_the_first_moment_on(void **state)
{
    (void)state;
    begin();
    assert_int_equal(after(ACTION_WAIT, PG_RUNNING, 7, 1000)->signal_ms, 0);
    assert_int_equal(after(ACTION_WRITE_SIGNAL, PG_RUNNING, 7, 2000)->signal_ms, 0);
    assert_int_equal(after(ACTION_WRITE_SIGNAL, PG_RUNNING, 7, 22001)->signal_ms, 20001);
    assert_int_equal(after(ACTION_RECORD, PG_RUNNING, 7, 22100)->signal_ms, 0);
    assert_int_equal(after(ACTION_WRITE_SIGNAL, PG_RUNNING, 8, 23000)->signal_ms, 0);
}

/* A guard that looks at the files first calls that a start. */
static void a_start_in_place_is_counted_until_it_runs(void **state)
{
    (void)state;
    begin();
    assert_int_equal(after(ACTION_WAIT, PG_ABSENT, 7, 1000)->restart_ms, 0);
    assert_int_equal(after(ACTION_START_PRIMARY, PG_ABSENT, 7, 2000)->restart_ms, 0);
    assert_int_equal(after(ACTION_WAIT, PG_STARTING, 7, 3000)->restart_ms, 1000);
    assert_int_equal(after(ACTION_START_PRIMARY, PG_ABSENT, 7, 9000)->restart_ms, 7000);
    assert_int_equal(after(ACTION_WAIT, PG_RUNNING, 7, 9500)->restart_ms, 0);
    assert_int_equal(after(ACTION_START_PRIMARY, PG_ABSENT, 7, 10000)->restart_ms, 0);
    assert_int_equal(after(ACTION_START_PRIMARY, PG_ABSENT, 8, 11000)->restart_ms, 0);
    assert_int_equal(after(ACTION_WAIT, PG_ABSENT, 0, 12000)->restart_ms, 0);
}

static const char *note(void)
{
    static char text[VIEW_TEXT_SIZE];
    supervisor_note(&s, text);
    return text;
}

static void tell(uint16_t kind, uint64_t reason, uint64_t error, uint64_t synced)
{
    struct guard_event event = {
        .kind = kind, .reason = reason, .error = error, .is_signal_synced = synced};
    supervisor_guard_event(&s, &event);
}

static void why_it_can_not_be_written_is_told(void **state)
{
    (void)state;
    begin();
    s.is_guard_greeted = true;
    tell(GUARD_WARNING, GUARD_FILES, ENOSPC, 0);
    (void)after(ACTION_WRITE_SIGNAL, PG_RUNNING, 7, 1000);
    (void)after(ACTION_WRITE_SIGNAL, PG_RUNNING, 7, 2000);
    assert_string_equal(note(),
                        "standby.signal can not be written: No space left on device; "
                        "nothing is acknowledged before");
    (void)after(ACTION_WAIT, PG_ABSENT, 0, 3000);
    assert_string_equal(note(),
                        "standby.signal can not be written: No space left on device; "
                        "PostgreSQL stays down");
    tell(GUARD_STATE, GUARD_FINE, 0, 1);
    assert_string_equal(note(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_file_is_waited_for_from_the_first_moment_on),
        cmocka_unit_test(a_start_in_place_is_counted_until_it_runs),
        cmocka_unit_test(why_it_can_not_be_written_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
