/* tests/unit/test_act.c - one step after the other, and what hangs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "supervisor/act.h"
#include "tests/lib/act_kit.h"

static struct act act;
static uv_timer_t tick;
static int pipes[2]; /* nothing comes out of it before something was put in: a disk that hangs */
static int killed;

static int hang(struct act_order *order, struct err *err)
{
    char byte;
    (void)order;
    (void)err;
    return read(pipes[0], &byte, 1) == 1 ? 0 : -1;
}

static int quick(struct act_order *order, struct err *err)
{
    (void)order;
    (void)err;
    killed++;
    return 0;
}

static void hangs(struct act *a)
{
    act_do(a, "hangs", hang, act_kit_ended);
}

/* A kill that is cut off: it has seen where the postmaster worked, which is gone by now. */
static int hang_killing(struct act_order *order, struct err *err)
{
    order->known.cwd = (struct file_id){.device = 1, .inode = 7};
    return hang(order, err);
}

static void kills_in_vain(struct act *a)
{
    act_do_kill(a, hang_killing, act_kit_ended);
}

static int kill_in_vain(struct act_order *order, struct err *err)
{
    order->known.cwd = (struct file_id){.device = 1, .inode = 7};
    return err_set(err, ERR_TIMEOUT, "killed processes have not ended");
}

static void kills_in_vain_at_once(struct act *a)
{
    act_do_kill(a, kill_in_vain, act_kit_ended);
}

static uint64_t told; /* the inode of the same, as the next kill knows it */

static int tell(struct act_order *order, struct err *err)
{
    (void)err;
    told = order->known.cwd.inode;
    return 0;
}

static void kills_again(struct act *a)
{
    act_do_kill(a, tell, act_kit_ended);
}

static void works(struct act *a)
{
    act_do(a, "works", quick, act_kit_ended);
}

static void kills(struct act *a)
{
    act_do_kill(a, quick, act_kit_ended);
}

/* The loop goes round whatever else it waits for. */
static void tick_cb(uv_timer_t *timer)
{
    (void)timer;
}

static void what_ends_postgresql_waits_for_no_disk(void **state)
{
    (void)state;
    act_kit_open(&act);
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(uv_timer_init(&loop, &tick), 0);
    assert_int_equal(uv_timer_start(&tick, tick_cb, 1, 1), 0);
    act_begin(&act, 50, hangs);
    act_kit_run_until(&acts_done, 1); /* its deadline has passed, its work has not come back */
    assert_int_equal(act.err.code, ERR_TIMEOUT);
    assert_true(act_is_stuck(&act));
    act_begin(&act, 5000, works);
    act_kit_run_until(&acts_done, 2);
    assert_int_equal(act.err.code, ERR_BUSY);
    assert_int_equal(killed, 0);
    act_begin(&act, 5000, kills);
    act_kit_run_until(&acts_done, 3);
    assert_int_equal(act.err.code, 0);
    assert_int_equal(killed, 1);
    assert_true(act_is_stuck(&act));
    assert_int_equal(write(pipes[1], "1", 1), 1); /* the disk answers */
    for (int i = 0; i < 10000 && act_is_stuck(&act); i++) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_false(act_is_stuck(&act));
    act_begin(&act, 5000, works);
    act_kit_run_until(&acts_done, 4);
    assert_int_equal(killed, 2);
    act_kit_close(&act);
    uv_close((uv_handle_t *)&tick, NULL);
    act_kit_close_loop();
    (void)close(pipes[0]);
    (void)close(pipes[1]);
}

static void a_kill_knows_what_those_before_have_seen(void **state)
{
    (void)state;
    const struct guard_event ended = {.kind = GUARD_ENDED};
    act_kit_open(&act);
    assert_int_equal(pipe(pipes), 0);
    act_begin(&act, 50, kills_in_vain);
    act_kit_run_until(&acts_done, 1);
    assert_int_equal(act.err.code, ERR_TIMEOUT);
    assert_int_equal(write(pipes[1], "x", 1), 1);
    while (act_is_stuck(&act)) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    memset(&act.order, 0, sizeof(act.order)); /* as every sequence begins */
    act_begin(&act, 5000, kills_again);
    act_kit_run_until(&acts_done, 2);
    assert_int_equal(told, 7);
    act.known.cwd.inode = 7;
    act_guard_event(&act, &ended); /* nobody is left, and the number may be given again */
    assert_int_equal(act.known.cwd.inode, 0);
    act_kit_close(&act);
    act_kit_close_loop();
    assert_int_equal(close(pipes[0]) + close(pipes[1]), 0);
}

/* A kill that comes back when nobody is left knows only of those that are gone. */
static void a_kill_that_comes_back_late_tells_nothing_of_the_next(void **state)
{
    (void)state;
    const struct guard_event ended = {.kind = GUARD_ENDED};
    act_kit_open(&act);
    assert_int_equal(pipe(pipes), 0);
    act_begin(&act, 50, kills_in_vain);
    act_kit_run_until(&acts_done, 1);
    assert_int_equal(act.err.code, ERR_TIMEOUT);
    act_guard_event(&act, &ended);
    assert_int_equal(write(pipes[1], "x", 1), 1);
    while (act_is_stuck(&act)) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(act.known.cwd.inode, 0);
    memset(&act.order, 0, sizeof(act.order));
    act_begin(&act, 5000, kills_in_vain_at_once);
    act_kit_run_until(&acts_done, 2);
    assert_int_equal(act.known.cwd.inode, 7); /* of one that began after it */
    act_kit_close(&act);
    act_kit_close_loop();
    assert_int_equal(close(pipes[0]) + close(pipes[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_ends_postgresql_waits_for_no_disk),
        cmocka_unit_test(a_kill_knows_what_those_before_have_seen),
        cmocka_unit_test(a_kill_that_comes_back_late_tells_nothing_of_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
