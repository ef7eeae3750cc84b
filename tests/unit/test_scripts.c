/* tests/unit/test_scripts.c - an operator's programs: how each is run, told and ended, and what a
 * pre_promote that refuses comes to. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "supervisor/act_parts.h"
#include "supervisor/callback_run.h"
#include "supervisor/supervisor_parts.h"
#include "tests/lib/act_kit.h"
#include "tests/lib/scratch.h"

static struct scratch scratch;
static struct callback_run run;
static char failed[CALLBACK_TEXT_SIZE];
static int closed;
static char *nothing[] = {NULL};
static bool nothing_dies;

/* In the place of libc's: what hangs in the kernel does not end, though nobody is told so. */
int kill(pid_t pid, int number)
{
    return nothing_dies && number == SIGKILL ? 0 : (int)syscall(SYS_kill, pid, number);
}

static void failed_cb(struct callback_run *r, const char *text)
{
    (void)r;
    (void)snprintf(failed, sizeof(failed), "%s", text);
}

static void closed_cb(struct callback_run *r)
{
    (void)r;
    closed++;
}

static void begin_loop(void)
{
    assert_int_equal(uv_loop_init(&loop), 0);
    callback_run_open(&run, &loop);
    run.on_failed = failed_cb;
    failed[0] = '\0';
    closed = 0;
    nothing_dies = false;
}

static void begin(void)
{
    scratch_init(&scratch);
    begin_loop();
}

static void close_run(void)
{
    callback_run_close(&run, closed_cb);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(closed, 1);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void end(void)
{
    if (closed == 0) {
        close_run();
    }
    scratch_close(&scratch);
}

static void call(enum callback what, enum callback_role role, const char *command)
{
    const struct callback_order order = {.call = {.what = what, .role = role},
                                         .command = command,
                                         .scope = "demo",
                                         .name = "pg1",
                                         .epoch = 7,
                                         .helper = HELPER,
                                         .environment = nothing};
    callback_run_call(&run, &order);
}

static void wait_idle(void)
{
    for (int i = 0; i < 10000 && !callback_run_is_idle(&run); i++) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_true(callback_run_is_idle(&run));
}

static void ticked_cb(uv_timer_t *timer)
{
    (void)timer; /* the loop has turned */
}

static void closed_tick_cb(uv_handle_t *handle)
{
    mem_free(handle);
}

static uv_timer_t *begin_ticks(void)
{
    uv_timer_t *tick = (uv_timer_t *)mem_zalloc(sizeof(*tick));
    assert_int_equal(uv_timer_init(&loop, tick), 0);
    assert_int_equal(uv_timer_start(tick, ticked_cb, 5, 5), 0);
    return tick;
}

static void end_ticks(uv_timer_t *tick)
{
    uv_close((uv_handle_t *)tick, closed_tick_cb);
}

static void wait_there(const char *path)
{
    uv_timer_t *tick = begin_ticks();
    for (int i = 0; i < 4000 && access(path, F_OK) != 0; i++) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(access(path, F_OK), 0);
    end_ticks(tick);
}

/* A zombie has ended. */
static bool is_gone(const char *pid)
{
    char text[400] = "";
    CLEANUP(mem_freep) char *path = mem_printf("/proc/%s/stat", pid);
    CLEANUP(fclosep) FILE *file = fopen(path, "r");
    size_t size = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;
    const char *state = size > 0 ? strrchr(text, ')') : NULL;
    return state == NULL || state[2] == 'Z' || state[2] == 'X';
}

/* Each of the pids in the file at @path; nobody waits here for them in particular. */
static void all_end(const char *path)
{
    char pid[32];
    int pids = 0;
    CLEANUP(fclosep) FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (; fscanf(file, "%31s", pid) == 1; pids++) {
        for (int i = 0; i < 2000 && !is_gone(pid); i++) {
            (void)poll(NULL, 0, 1);
        }
        assert_true(is_gone(pid));
    }
    assert_int_equal(pids, 2);
}

static void wait_first_gone(const char *path)
{
    char pid[32] = "";
    CLEANUP(fclosep) FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%31s", pid), 1);
    for (int i = 0; i < 2000 && !is_gone(pid); i++) {
        (void)uv_run(&loop, UV_RUN_NOWAIT);
        (void)poll(NULL, 0, 1);
    }
    assert_true(is_gone(pid));
}

/* A shell script of its own, behind the shell that each of them is given, and what it has started:
 * both write to the file at @path who they are. */
static char *slow_script(const char *path)
{
    return mem_printf("sh -c 'sleep 1000 & echo $$ $! > %s.new && mv %s.new %s; wait'; true", path,
                      path, path);
}

/* They were not ended, and are now. */
static void end_left(const char *path)
{
    char pid[32] = "";
    CLEANUP(fclosep) FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%31s", pid), 1);
    assert_int_equal(kill(-getpgid((pid_t)strtol(pid, NULL, 10)), SIGKILL), 0);
    all_end(path);
    assert_int_equal(remove(path), 0);
}

static void is_in(const char *path, const char *wanted)
{
    char text[200] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    text[size] = '\0';
    assert_int_equal(fclose(file), 0);
    assert_string_equal(text, wanted);
}

static void a_callback_is_given_what_patroni_gives(void **state)
{
    (void)state;
    begin();
    CLEANUP(mem_freep) char *path = mem_strdup(scratch_path(&scratch, "told"));
    CLEANUP(mem_freep)
    char *command =
        mem_printf("f() { echo $# \"$@\" $PGRAFT_EPOCH $PGRAFT_NAME > %s; }; f own", path);
    call(CALLBACK_ON_ROLE_CHANGE, CALLBACK_AS_PRIMARY, command);
    assert_false(callback_run_is_idle(&run));
    wait_idle();
    is_in(path, "4 own on_role_change primary demo 7 pg1\n");
    assert_string_equal(failed, "");
    end();
}

static void one_that_fails_is_told_with_its_last_words(void **state)
{
    (void)state;
    begin();
    call(CALLBACK_ON_START, CALLBACK_AS_REPLICA, "echo no route; exit 3;");
    wait_idle();
    assert_string_equal(failed, "on_start replica: on_start: exit status 3: no route");
    call(CALLBACK_ON_START, CALLBACK_AS_REPLICA, "/nowhere/at-all");
    wait_idle();
    assert_non_null(strstr(failed, "exit status 127"));
    end();
}

/* With all that it has started, before the newer one begins; and what waited is never run. */
static void a_newer_one_ends_the_one_that_runs(void **state)
{
    (void)state;
    begin();
    CLEANUP(mem_freep) char *runs = mem_strdup(scratch_path(&scratch, "runs"));
    CLEANUP(mem_freep) char *second = mem_strdup(scratch_path(&scratch, "second"));
    CLEANUP(mem_freep) char *third = mem_strdup(scratch_path(&scratch, "third"));
    CLEANUP(mem_freep)
    char *slow =
        mem_printf("sleep 1000 & echo $! > %s.new && mv %s.new %s; sleep 1000;", runs, runs, runs);
    CLEANUP(mem_freep) char *skipped = mem_printf("touch %s; true", second);
    /* Its child is nobody's then, and may be a zombie for a while. */
    CLEANUP(mem_freep)
    char *last = mem_printf(
        "i=0; while grep -q 'State:.[RSD]' /proc/$(cat %s)/status; do i=$((i + 1));"
        " test $i -lt 500 || exit 5; sleep 0.01; done; touch %s; true",
        runs, third);
    call(CALLBACK_ON_STOP, CALLBACK_AS_PRIMARY, slow);
    wait_there(runs);
    call(CALLBACK_ON_ROLE_CHANGE, CALLBACK_AS_DEMOTED, skipped);
    call(CALLBACK_ON_ROLE_CHANGE, CALLBACK_AS_REPLICA, last);
    wait_idle();
    assert_string_equal(failed, "on_stop primary: it was ended, for a newer one is due");
    assert_int_equal(access(third, F_OK), 0);
    assert_int_not_equal(access(second, F_OK), 0);
    end();
}

static void on_reload_has_a_lane_of_its_own(void **state)
{
    (void)state;
    begin();
    CLEANUP(mem_freep) char *go = mem_strdup(scratch_path(&scratch, "go"));
    CLEANUP(mem_freep)
    char *waits = mem_printf("while ! test -e %s; do sleep 0.01; done; true", go);
    CLEANUP(mem_freep) char *lets = mem_printf("touch %s; true", go);
    call(CALLBACK_ON_ROLE_CHANGE, CALLBACK_AS_PRIMARY, waits);
    call(CALLBACK_ON_RELOAD, CALLBACK_AS_PRIMARY, lets);
    wait_idle();
    assert_string_equal(failed, "");
    end();
}

static void what_runs_is_ended_with_this_program(void **state)
{
    (void)state;
    begin();
    CLEANUP(mem_freep) char *runs = mem_strdup(scratch_path(&scratch, "runs"));
    CLEANUP(mem_freep) char *slow = slow_script(runs);
    call(CALLBACK_ON_START, CALLBACK_AS_REPLICA, slow);
    wait_there(runs);
    close_run();
    all_end(runs);
    assert_string_equal(failed, ""); /* nobody is there to be told */
    end();
}

/* Nobody ends it then but the helper. */
static void what_runs_is_ended_when_this_program_is_killed(void **state)
{
    (void)state;
    scratch_init(&scratch);
    CLEANUP(mem_freep) char *runs = mem_strdup(scratch_path(&scratch, "runs"));
    CLEANUP(mem_freep) char *slow = slow_script(runs);
    pid_t program = fork();
    assert_true(program >= 0);
    if (program == 0) {
        begin_loop();
        call(CALLBACK_ON_START, CALLBACK_AS_REPLICA, slow);
        (void)uv_run(&loop, UV_RUN_DEFAULT);
        _exit(1);
    }
    for (int i = 0; i < 20000 && access(runs, F_OK) != 0; i++) {
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(access(runs, F_OK), 0);
    assert_int_equal(kill(program, SIGKILL), 0);
    assert_int_equal(waitpid(program, NULL, 0), program);
    all_end(runs);
    scratch_close(&scratch);
}

/* It has ended, and what it has left behind still holds its output: it counts as running, and is
 * ended as if it were itself. */
static void what_it_has_left_behind_is_ended_too(void **state)
{
    (void)state;
    begin();
    CLEANUP(mem_freep) char *runs = mem_strdup(scratch_path(&scratch, "runs"));
    CLEANUP(mem_freep)
    char *leaves =
        mem_printf("sleep 1000 & echo $$ $! > %s.new; mv %s.new %s; true", runs, runs, runs);
    call(CALLBACK_ON_START, CALLBACK_AS_REPLICA, leaves);
    wait_there(runs);
    wait_first_gone(runs);
    assert_false(callback_run_is_idle(&run));
    call(CALLBACK_ON_START, CALLBACK_AS_REPLICA, "true");
    wait_idle();
    assert_string_equal(failed, "on_start replica: it was ended, for a newer one is due");
    all_end(runs);
    end();
}

/* Of what was to be told nobody hears any more: that is in the log. */
static void what_is_cut_off_is_logged(void **state)
{
    (void)state;
    struct log_config config = {.file = {.size_max = 1 << 20, .name = "node.log", .mode = 0600}};
    begin();
    config.file.dir = scratch.dir;
    assert_int_equal(log_open(&config, NULL), 0);
    CLEANUP(mem_freep) char *runs = mem_strdup(scratch_path(&scratch, "runs"));
    CLEANUP(mem_freep) char *slow = slow_script(runs);
    call(CALLBACK_ON_START, CALLBACK_AS_REPLICA, slow);
    wait_there(runs);
    nothing_dies = true;
    call(CALLBACK_ON_STOP, CALLBACK_AS_REPLICA, "true"); /* it waits for its end */
    close_run();
    nothing_dies = false;
    end_left(runs);
    log_close();
    CLEANUP(buf_close) struct buf text = {0};
    assert_true(scratch_read(&scratch, "node.log", &text));
    assert_non_null(strstr(buf_text(&text), "callback cut off"));
    assert_non_null(strstr(buf_text(&text), "on_start replica"));
    assert_non_null(strstr(buf_text(&text), "callback not begun"));
    assert_non_null(strstr(buf_text(&text), "on_stop"));
    end();
}

static void one_that_can_not_be_ended_holds_no_newer_one_up(void **state)
{
    (void)state;
    begin();
    CLEANUP(mem_freep) char *runs = mem_strdup(scratch_path(&scratch, "runs"));
    CLEANUP(mem_freep) char *slow = slow_script(runs);
    call(CALLBACK_ON_START, CALLBACK_AS_REPLICA, slow);
    wait_there(runs);
    nothing_dies = true;
    call(CALLBACK_ON_STOP, CALLBACK_AS_REPLICA, "true");
    uv_timer_t *timer = &run.lanes[0].timer; /* it is over now */
    assert_int_equal(uv_timer_start(timer, timer->timer_cb, 0, 0), 0);
    wait_idle();
    nothing_dies = false;
    assert_string_equal(failed, "on_start replica: it was killed, and does not end");
    end_left(runs);
    end();
}

/* ---- those that a sequence waits for ---- */

static struct supervisor s;
static struct pg_setup setup;
static bool was_stopped;

static void goes_on(struct act *a)
{
    was_stopped = a->err.code == 0;
    act_end(a);
}

static void stops(struct act *a)
{
    act_before_stop(a, goes_on);
}

static int outcome_of(act_next first)
{
    int before = acts_done;
    was_stopped = false;
    act_begin(&s.act, 60000, first);
    while (acts_done == before) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    return s.act.err.code;
}

static void open_node(void)
{
    scratch_init(&scratch);
    memset(&s, 0, sizeof(s));
    nothing_dies = false;
    setup = (struct pg_setup){.helper = HELPER, .environment = nothing, .name = "pg2"};
    s.setup = &setup;
    s.view = (struct cluster_view *)mem_zalloc(sizeof(*s.view));
    act_kit_open(&s.act);
    s.act.order.setup = &setup;
}

static void close_node(void)
{
    act_kit_close(&s.act);
    act_kit_close_loop();
    mem_free(s.view);
    scratch_close(&scratch);
}

static void wait_done(void)
{
    uv_timer_t *tick = begin_ticks();
    for (int i = 0; i < 4000 && s.act.is_running; i++) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_false(s.act.is_running);
    end_ticks(tick);
}

static void a_stop_waits_for_before_stop_whatever_it_says(void **state)
{
    (void)state;
    static const char *const commands[] = {NULL, "exit 0", "exit 1", "kill -9 $$"};
    open_node();
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        setup.before_stop = commands[i];
        assert_int_equal(outcome_of(stops), 0);
        assert_true(was_stopped);
    }
    close_node();
}

/* The step under way succeeds. */
static void succeed(void)
{
    act_next next_step = TAKE(s.act.next);
    (void)uv_timer_stop(&s.act.pause);
    s.act.sql = NULL;
    s.act.err = (struct err){.code = 0};
    next_step(&s.act);
}

static void decides(enum action action)
{
    s.decision = (struct decision){.action = action, .epoch = 5};
}

/* Up to the end of its checkpoint; then before_stop is @command. */
static void begin_hand_over(const char *command)
{
    setup.before_stop = command;
    s.act.owner = &s;
    s.act.is_wanted = supervisor_act_is_wanted;
    decides(ACTION_HAND_OVER);
    s.act.order.decision = s.decision;
    s.act.order.round = 0;
    act_begin(&s.act, UINT32_MAX, act_hand_over);
    succeed();
    assert_string_equal(s.act.step, "statement");
}

/* No guard is there to be asked: so far it comes. */
static void wait_stop(bool is_asked)
{
    wait_done();
    assert_int_equal(s.act.asks_stop, is_asked);
    assert_int_equal(s.act.err.code, is_asked ? ERR_CLOSED : ERR_REFUSED);
}

static void a_switchover_is_not_begun_in_vain(void **state)
{
    (void)state;
    open_node();
    s.act.guard = &s.guard;
    s.guard.fd = -1;
    CLEANUP(mem_freep) char *drains = mem_strdup(scratch_path(&scratch, "drains"));
    CLEANUP(mem_freep) char *go = mem_strdup(scratch_path(&scratch, "go"));
    CLEANUP(mem_freep)
    char *command = mem_printf("touch %s; while ! test -e %s; do sleep 0.01; done", drains, go);
    begin_hand_over(command); /* what is in its way comes before it, and stays */
    decides(ACTION_WAIT);
    succeed();
    wait_stop(false);
    assert_int_not_equal(access(drains, F_OK), 0);
    begin_hand_over(command); /* ... or comes while clients are sent away */
    succeed();
    wait_there(drains);
    decides(ACTION_WAIT);
    assert_int_equal(close(creat(go, 0600)), 0);
    wait_stop(false);
    begin_hand_over(command); /* ... or is there for a moment */
    decides(ACTION_WAIT);
    succeed();
    assert_string_equal(s.act.step, "pause");
    decides(ACTION_HAND_OVER);
    wait_stop(true);
    close_node();
}

/* A restart, or a cluster that is to follow another one: up to when it is stopped. */
static void begin_stop(const char *command, bool is_end)
{
    setup.before_stop = command;
    s.act.owner = &s;
    s.act.is_wanted = supervisor_act_is_wanted;
    decides(ACTION_STOP);
    s.act.order.decision = s.decision;
    s.act.order.round = 0;
    s.act.order.facts =
        (struct facts){.wish = {.stop = is_end, .restart = !is_end}, .pg.process = PG_RUNNING};
    act_begin(&s.act, UINT32_MAX, act_stop);
}

static void what_was_taken_back_is_not_stopped(void **state)
{
    (void)state;
    open_node();
    s.act.guard = &s.guard;
    s.guard.fd = -1;
    CLEANUP(mem_freep) char *drains = mem_strdup(scratch_path(&scratch, "drains"));
    CLEANUP(mem_freep) char *command = mem_printf("touch %s; sleep 0.1", drains);
    for (int i = 0; i < 3; i++) {
        begin_stop(command, i == 2);
        wait_there(drains);
        decides(i == 0 ? ACTION_STOP : ACTION_WAIT); /* for the end of this program it is gone */
        wait_stop(i != 1);
        assert_int_equal(unlink(drains), 0);
    }
    close_node();
}

/* What its checkpoint leaves the shutdown has to write, with nobody served. */
static void a_restart_has_time_for_its_checkpoint(void **state)
{
    (void)state;
    open_node();
    s.act.owner = &s;
    s.act.guard = &s.guard;
    s.guard.fd = -1;
    for (int is_end = 0; is_end < 2; is_end++) {
        decides(ACTION_STOP);
        s.act.order.decision = s.decision;
        s.act.order.setup = &setup;
        s.act.order.facts = (struct facts){
            .wish = {.stop = is_end != 0, .restart = true},
            .pg = {.process = PG_RUNNING, .role = ROLE_PRIMARY, .answers = FACT_YES}};
        act_carry_out(&s.act);
        uint64_t all_ms = uv_timer_get_due_in(&s.act.deadline);
        wait_done(); /* nobody answers, and it goes on without */
        assert_int_equal(s.act.sql_ms, is_end != 0 ? 15000 : 60000);
        assert_true(all_ms > s.act.sql_ms + 20000); /* before_stop, and the shutdown */
    }
    close_node();
}

static void before_stop_is_run_where_there_is_time_for_it(void **state)
{
    (void)state;
    static const struct {
        enum pg_process process;
        uint64_t epoch, remaining_ms;
        bool is_run;
    } rows[] = {
        {PG_RUNNING, 0, 0, true},
        {PG_RUNNING, 5, 2001, true},
        {PG_RUNNING, 5, 2000, false}, /* the last of a lease that is not renewed */
        {PG_STOPPING, 0, 0, false},   /* again: it was run before */
    };
    open_node();
    s.act.guard = &s.guard;
    s.guard.fd = -1;
    CLEANUP(mem_freep) char *drained = mem_strdup(scratch_path(&scratch, "drained"));
    CLEANUP(mem_freep) char *command = mem_printf("touch %s", drained);
    setup.before_stop = command;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct facts *f = &s.act.order.facts;
        *f = (struct facts){.wish.stop = true, .pg.role = ROLE_STANDBY};
        f->pg.process = rows[i].process;
        f->lease =
            (struct lease_facts){.epoch = rows[i].epoch, .remaining_ms = rows[i].remaining_ms};
        f->settings.times.fast_stop_ms = 2000;
        assert_int_equal(outcome_of(act_stop), ERR_CLOSED); /* there is no guard to be asked */
        assert_true(s.act.asks_stop);
        assert_int_equal(remove(drained) == 0, rows[i].is_run);
    }
    close_node();
}

/* What was begun while there was time for it. */
static void the_last_of_a_lease_is_for_the_shutdown_alone(void **state)
{
    (void)state;
    open_node();
    CLEANUP(mem_freep) char *runs = mem_strdup(scratch_path(&scratch, "runs"));
    CLEANUP(mem_freep) char *slow = slow_script(runs);
    setup.before_stop = slow;
    s.act.owner = &s;
    decides(ACTION_STOP);
    s.act.order.decision = s.decision;
    s.act.order.facts = (struct facts){.wish.stop = true, .pg.process = PG_RUNNING};
    act_begin(&s.act, UINT32_MAX, act_stop);
    wait_there(runs);
    s.facts.lease = (struct lease_facts){.epoch = 5, .remaining_ms = 2001};
    s.facts.settings.times.fast_stop_ms = 2000;
    supervisor_carry_out(&s, supervisor_now_ms());
    assert_false(s.act.is_ended);
    s.facts.lease.remaining_ms = 2000;
    s.act.asks_stop = true; /* the shutdown itself goes on */
    supervisor_carry_out(&s, supervisor_now_ms());
    assert_false(s.act.is_ended);
    s.act.asks_stop = false;
    supervisor_carry_out(&s, supervisor_now_ms());
    wait_done();
    assert_int_equal(s.act.err.code, ERR_CANCELED);
    all_end(runs);
    close_node();
}

static enum pre_promote answer_for(uint64_t epoch)
{
    struct facts f = {.lease.epoch = epoch};
    supervisor_gather_scripts(&s, supervisor_now_ms(), &f);
    return f.wish.pre_promote;
}

static int answer(const char *command, uint64_t limit_ms, uint64_t epoch)
{
    setup.pre_promote = command;
    s.act.order.facts.settings.times.start_max_ms = 2 * limit_ms;
    s.act.order.decision = (struct decision){.action = ACTION_PRE_PROMOTE, .epoch = epoch};
    int code = outcome_of(act_pre_promote);
    assert_true(supervisor_pre_promoted(&s, supervisor_now_ms()));
    return code;
}

/* Of a sequence that takes for ever. */
static void begin_pre_promote(const char *command, uint64_t epoch)
{
    setup.pre_promote = command;
    s.act.order.facts.settings.times.start_max_ms = UINT32_MAX;
    s.act.order.decision = (struct decision){.action = ACTION_PRE_PROMOTE, .epoch = epoch};
    act_begin(&s.act, UINT32_MAX, act_pre_promote);
}

/* ... but now its time is over. */
static void end_time(void)
{
    assert_int_equal(uv_timer_start(&s.act.pause, s.act.pause.timer_cb, 0, 0), 0);
}

static bool declines(void)
{
    return supervisor_own_tags(&s, supervisor_now_ms()).nofailover;
}

static void a_promotion_is_for_one_epoch_and_may_be_refused(void **state)
{
    (void)state;
    open_node();
    assert_int_equal(answer_for(5), PRE_PROMOTE_NONE);
    setup.pre_promote = "exit 0";
    assert_int_equal(answer_for(5), PRE_PROMOTE_DUE);
    assert_int_equal(answer_for(0), PRE_PROMOTE_NONE);
    assert_int_equal(answer("exit 0", 60000, 5), 0);
    assert_int_equal(answer_for(5), PRE_PROMOTE_PASSED);
    assert_int_equal(answer_for(6), PRE_PROMOTE_DUE);
    assert_false(declines());
    assert_int_equal(answer("echo not here; exit 4", 60000, 6), ERR_SYSTEM);
    assert_int_equal(answer_for(6), PRE_PROMOTE_REFUSED);
    assert_int_equal(answer_for(5), PRE_PROMOTE_DUE);
    assert_true(declines());
    assert_int_equal(s.view->event_count, 1);
    assert_string_equal(s.view->events[0].text,
                        "the promotion is given up: pre_promote: exit status 4: not here");
    s.scripts.declines_until_ms = supervisor_now_ms();
    assert_false(declines());
    assert_int_equal(answer_for(6), PRE_PROMOTE_REFUSED); /* the role is its own still ... */
    assert_true(declines());
    s.scripts.declines_until_ms = supervisor_now_ms();
    assert_int_equal(answer_for(0), PRE_PROMOTE_NONE); /* ... and is not any more */
    assert_false(declines());
    close_node();
}

static void one_that_takes_too_long_refuses(void **state)
{
    (void)state;
    open_node();
    CLEANUP(mem_freep) char *runs = mem_strdup(scratch_path(&scratch, "runs"));
    CLEANUP(mem_freep) char *slow = slow_script(runs);
    begin_pre_promote(slow, 5);
    wait_there(runs);
    end_time();
    wait_done();
    assert_int_equal(s.act.err.code, ERR_TIMEOUT);
    assert_true(supervisor_pre_promoted(&s, supervisor_now_ms()));
    all_end(runs);
    assert_int_equal(answer_for(5), PRE_PROMOTE_REFUSED);
    assert_true(declines());
    close_node();
}

/* Whether its own time was over, or that of all that it was for. */
static void one_that_can_not_be_ended_is_left_behind(void **state)
{
    (void)state;
    open_node();
    CLEANUP(mem_freep) char *runs = mem_strdup(scratch_path(&scratch, "runs"));
    CLEANUP(mem_freep) char *slow = slow_script(runs);
    for (int is_cancelled = 0; is_cancelled <= 1; is_cancelled++) {
        begin_pre_promote(slow, 5);
        wait_there(runs);
        nothing_dies = true;
        if (is_cancelled != 0) {
            act_cancel(&s.act);
        } else {
            end_time();
        }
        wait_done();
        nothing_dies = false;
        assert_int_equal(s.act.err.code, is_cancelled != 0 ? ERR_CANCELED : ERR_TIMEOUT);
        end_left(runs);
    }
    close_node();
}

/* The lease went meanwhile: what it would have said is of no more use. */
static void one_that_was_ended_has_not_said(void **state)
{
    (void)state;
    open_node();
    setup.pre_promote = "sleep 1000";
    s.act.order.facts.settings.times.start_max_ms = 10000;
    s.act.order.decision = (struct decision){.action = ACTION_PRE_PROMOTE, .epoch = 5};
    int before = acts_done;
    act_begin(&s.act, 60000, act_pre_promote);
    for (int i = 0; i < 100 && s.act.program == NULL; i++) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_non_null(s.act.program);
    struct facts f = {.lease.epoch = 5};
    supervisor_gather_scripts(&s, 1000, &f);
    supervisor_gather_scripts(&s, 4000, &f);
    assert_int_equal(f.wish.pre_promote, PRE_PROMOTE_DUE);
    assert_int_equal(f.wish.pre_promote_ms, 3000);
    s.decision = (struct decision){.action = ACTION_WAIT}; /* and s.facts has no lease */
    supervisor_carry_out(&s, supervisor_now_ms());
    while (acts_done == before) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(s.act.err.code, ERR_CANCELED);
    assert_true(supervisor_pre_promoted(&s, supervisor_now_ms()));
    assert_int_equal(answer_for(5), PRE_PROMOTE_DUE);
    assert_false(declines());
    close_node();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_callback_is_given_what_patroni_gives),
        cmocka_unit_test(one_that_fails_is_told_with_its_last_words),
        cmocka_unit_test(a_newer_one_ends_the_one_that_runs),
        cmocka_unit_test(on_reload_has_a_lane_of_its_own),
        cmocka_unit_test(what_runs_is_ended_with_this_program),
        cmocka_unit_test(what_runs_is_ended_when_this_program_is_killed),
        cmocka_unit_test(what_it_has_left_behind_is_ended_too),
        cmocka_unit_test(what_is_cut_off_is_logged),
        cmocka_unit_test(one_that_can_not_be_ended_holds_no_newer_one_up),
        cmocka_unit_test(a_stop_waits_for_before_stop_whatever_it_says),
        cmocka_unit_test(a_switchover_is_not_begun_in_vain),
        cmocka_unit_test(what_was_taken_back_is_not_stopped),
        cmocka_unit_test(a_restart_has_time_for_its_checkpoint),
        cmocka_unit_test(before_stop_is_run_where_there_is_time_for_it),
        cmocka_unit_test(the_last_of_a_lease_is_for_the_shutdown_alone),
        cmocka_unit_test(a_promotion_is_for_one_epoch_and_may_be_refused),
        cmocka_unit_test(one_that_takes_too_long_refuses),
        cmocka_unit_test(one_that_can_not_be_ended_is_left_behind),
        cmocka_unit_test(one_that_was_ended_has_not_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
