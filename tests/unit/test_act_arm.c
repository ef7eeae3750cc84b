/* tests/unit/test_act_arm.c - what the guard is asked. With the epoch it is told the watchdog's
 * times: those of the lease that was granted, whatever was configured when the guard was started.
 * Of a start it is not forgotten that it was asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "supervisor/act_parts.h"
#include "tests/lib/act_kit.h"

static struct act act;

static struct guard_request armed(int guard, uint64_t lease_ms)
{
    struct guard_request request = {.kind = 0};
    char bytes[GUARD_MESSAGE_MAX];
    int before = acts_done;
    act.order.facts.settings.times.lease_ms = lease_ms;
    act_begin(&act, 5000, act_arm);
    for (int i = 0; i < 10000 && act.asked == 0; i++) {
        (void)uv_run(act.loop, UV_RUN_NOWAIT);
    }
    ssize_t size = recv(guard, bytes, sizeof(bytes), 0);
    assert_true(size > 0);
    assert_true(guard_request_decode(bytes, (size_t)size, &request));
    struct guard_event answer = {.kind = GUARD_DONE, .id = request.id};
    act_guard_event(&act, &answer);
    act_kit_run_until(&acts_done, before + 1);
    assert_int_equal(act.err.code, 0);
    return request;
}

static void an_arming_tells_the_times_of_the_lease_that_was_granted(void **state)
{
    (void)state;
    struct pg_setup setup = {.watchdog_margin_s = 2};
    struct guard_client guard = {.fd = -1, .page_fd = -1};
    struct guard_seen seen = {.state = GUARD_WELL};
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    act_kit_open(&act);
    guard.fd = ends[0];
    act.guard = &guard;
    act.guard_seen = &seen;
    act.order.setup = &setup;
    act.order.decision.epoch = 7;
    struct guard_request request = armed(ends[1], 15000);
    assert_int_equal(request.kind, GUARD_ARM);
    assert_int_equal(request.epoch, 7);
    assert_int_equal(request.watchdog_timeout_ns, 10000 * NS_PER_MS);
    assert_int_equal(request.watchdog_margin_ns, 2000 * NS_PER_MS);
    request = armed(ends[1], 2000);
    assert_int_equal(request.watchdog_timeout_ns, 1000 * NS_PER_MS);
    assert_int_equal(request.watchdog_margin_ns, 0);
    act_kit_close(&act);
    act_kit_close_loop();
    (void)close(ends[0]);
    (void)close(ends[1]);
}

#define LONG_MS 60000

static void asks_to_start(struct act *a)
{
    act_ask(a, GUARD_START_PRIMARY, 7, 0, GUARD_STARTED, act_kit_ended);
}

static void asks_to_stop(struct act *a)
{
    act_ask(a, GUARD_STOP, 0, GUARD_FAST, GUARD_DONE, act_kit_ended);
}

/* The guard has not answered yet when something else is to be done. */
static uint32_t asked_and_given_up(act_next first)
{
    int before = acts_done;
    act_begin(&act, 5000, first);
    for (int i = 0; i < 10000 && act.asked == 0; i++) {
        (void)uv_run(act.loop, UV_RUN_NOWAIT);
    }
    uint32_t id = act.asked;
    act_cancel(&act);
    act_kit_run_until(&acts_done, before + 1);
    return id;
}

static void hear(uint16_t kind, uint32_t id)
{
    const struct guard_event event = {.kind = kind, .id = id};
    act_guard_event(&act, &event);
}

static void a3_a_start_is_owed_until_the_guard_has_told_of_it(void **state)
{
    (void)state;
    struct guard_client guard = {.fd = -1, .page_fd = -1};
    struct guard_seen seen = {.state = GUARD_WELL};
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    act_kit_open(&act);
    guard.fd = ends[0];
    act.guard = &guard;
    act.guard_seen = &seen;
    uint32_t stop = asked_and_given_up(asks_to_stop);
    assert_false(act_owes_start(&act, LONG_MS));
    uint32_t id = asked_and_given_up(asks_to_start);
    assert_true(act_owes_start(&act, LONG_MS));
    hear(GUARD_STATE, stop); /* from before */
    hear(GUARD_WARNING, 0);
    assert_true(act_owes_start(&act, LONG_MS));
    hear(GUARD_STARTED, id);
    assert_false(act_owes_start(&act, LONG_MS));
    id = asked_and_given_up(asks_to_start);
    hear(GUARD_REFUSED, id);
    assert_false(act_owes_start(&act, LONG_MS));
    id = asked_and_given_up(asks_to_start);
    hear(GUARD_STATE, id + 1); /* and its phase says whether one is on its way */
    assert_false(act_owes_start(&act, LONG_MS));
    (void)asked_and_given_up(asks_to_start);
    act_guard_event(&act, NULL);
    assert_false(act_owes_start(&act, LONG_MS));
    (void)asked_and_given_up(asks_to_start);
    act.start_asked_ms -= LONG_MS; /* never answered: for ever nothing is owed */
    assert_true(act_owes_start(&act, 2 * LONG_MS));
    assert_false(act_owes_start(&act, LONG_MS - 1));
    act_kit_close(&act);
    act_kit_close_loop();
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arming_tells_the_times_of_the_lease_that_was_granted),
        cmocka_unit_test(a3_a_start_is_owed_until_the_guard_has_told_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
