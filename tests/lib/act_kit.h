/* tests/lib/act_kit.h - one executor of actions on a loop of its own, without a PostgreSQL: the
 * test's own, or one that is part of something larger. */
#ifndef TESTS_LIB_ACT_KIT_H_
#define TESTS_LIB_ACT_KIT_H_

#include "supervisor/act.h"

static uv_loop_t loop;
static int acts_done, acts_closed;

static inline void act_kit_done_cb(struct act *a)
{
    (void)a;
    acts_done++;
}

static inline void act_kit_closed_cb(struct act *a)
{
    (void)a;
    acts_closed++;
}

/* The last step of a sequence. */
static inline void act_kit_ended(struct act *a)
{
    act_end(a);
}

static inline void act_kit_run_until(const int *counter, int wanted)
{
    for (int i = 0; i < 10000 && *counter < wanted; i++) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(*counter, wanted);
}

static inline void act_kit_open(struct act *a)
{
    static const struct pg_place nobody = {.host = "127.0.0.1",
                                           .port = 1,
                                           .user = "postgres",
                                           .database = "postgres",
                                           .application_name = "pgraft",
                                           .connect_ms = 1000,
                                           .statement_ms = 1000,
                                           .pause_min_ms = 50,
                                           .pause_max_ms = 50};
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(act_open(a, &loop, &nobody, NULL), 0);
    a->on_done = act_kit_done_cb;
    acts_done = acts_closed = 0;
}

/* Before the loop's other handles are closed; act_kit_close_loop() comes after that. */
static inline void act_kit_close(struct act *a)
{
    act_close(a, act_kit_closed_cb);
    act_kit_run_until(&acts_closed, 1);
}

static inline void act_kit_close_loop(void)
{
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(acts_closed, 1);
    assert_int_equal(uv_loop_close(&loop), 0);
}

#endif /* TESTS_LIB_ACT_KIT_H_ */
