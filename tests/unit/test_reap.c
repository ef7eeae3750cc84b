/* tests/unit/test_reap.c - process 1 waits for orphans, and for nobody that somebody else in it
 * waits for. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "daemon/reap.h"

/* The loop hears of a child before @reap does, as in pgraftd: by their places in memory. */
static struct {
    uv_loop_t loop;
    struct reap reap;
} program;
static uv_process_t first, second;
static int ended;
static bool is_asked; /* whether this is process 1 */

/* In the place of libc's. */
pid_t getpid(void)
{
    return is_asked ? 1 : (pid_t)syscall(SYS_getpid);
}

static void begin(void)
{
    memset(&program, 0, sizeof(program));
    ended = 0;
    assert_int_equal(uv_loop_init(&program.loop), 0);
    is_asked = true;
    assert_int_equal(reap_open(&program.reap, &program.loop, NULL), 0);
    is_asked = false;
    assert_true(program.reap.is_open);
}

static void end(void)
{
    reap_close(&program.reap);
    (void)uv_run(&program.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&program.loop), 0);
}

static void ticked_cb(uv_timer_t *timer)
{
    (void)timer; /* the loop has turned */
}

/* Without waiting for it. */
static bool is_zombie(pid_t pid)
{
    char path[64];
    char text[256] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    CLEANUP(fclosep) FILE *file = fopen(path, "r");
    size_t size = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;
    return size > 0 && strstr(text, ") Z ") != NULL;
}

static void second_cb(uv_process_t *process, int64_t status, int number)
{
    assert_int_equal(status, 7);
    assert_int_equal(number, 0);
    uv_close((uv_handle_t *)process, NULL);
    ended++;
}

/* It takes so long that the other one ends meanwhile. */
static void first_cb(uv_process_t *process, int64_t status, int number)
{
    (void)status;
    (void)number;
    assert_int_equal(uv_process_kill(&second, SIGUSR1), 0);
    for (int i = 0; i < 20000 && !is_zombie(uv_process_get_pid(&second)); i++) {
        (void)poll(NULL, 0, 1);
    }
    assert_true(is_zombie(uv_process_get_pid(&second)));
    uv_close((uv_handle_t *)process, NULL);
    ended++;
}

static void run_until_ended(int wanted)
{
    uv_timer_t tick;
    assert_int_equal(uv_timer_init(&program.loop, &tick), 0);
    assert_int_equal(uv_timer_start(&tick, ticked_cb, 5, 5), 0);
    for (int i = 0; i < 4000 && ended < wanted; i++) {
        (void)uv_run(&program.loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&tick, NULL);
    (void)uv_run(&program.loop, UV_RUN_NOWAIT);
    assert_int_equal(ended, wanted);
}

static void spawn(uv_process_t *process, const char *script, uv_exit_cb exit_cb)
{
    char text[128];
    char shell[] = "/bin/sh";
    char option[] = "-c";
    (void)snprintf(text, sizeof(text), "%s", script);
    char *words[] = {shell, option, text, NULL};
    const uv_process_options_t options = {.file = shell, .args = words, .exit_cb = exit_cb};
    assert_int_equal(uv_spawn(&program.loop, process, &options), 0);
}

static void who_is_waited_for_is_left_alone(void **state)
{
    (void)state;
    begin();
    spawn(&second, "trap 'exit 7' USR1; kill -USR2 $PPID; while :; do sleep 0.01; done", second_cb);
    const struct timespec most = {.tv_sec = 20};
    sigset_t ready;
    (void)sigemptyset(&ready);
    (void)sigaddset(&ready, SIGUSR2);
    assert_int_equal(sigtimedwait(&ready, NULL, &most), SIGUSR2); /* it has set its trap */
    spawn(&first, "exit 0", first_cb);
    run_until_ended(2);
    end();
}

static void an_orphan_is_waited_for(void **state)
{
    (void)state;
    begin();
    pid_t orphan = fork();
    assert_true(orphan >= 0);
    if (orphan == 0) {
        _exit(0);
    }
    uv_timer_t tick;
    assert_int_equal(uv_timer_init(&program.loop, &tick), 0);
    assert_int_equal(uv_timer_start(&tick, ticked_cb, 5, 5), 0);
    for (int i = 0; i < 4000 && syscall(SYS_kill, orphan, 0) == 0; i++) {
        (void)uv_run(&program.loop, UV_RUN_ONCE);
    }
    assert_int_equal(waitpid(orphan, NULL, WNOHANG), -1); /* it is nobody's any more */
    uv_close((uv_handle_t *)&tick, NULL);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_waited_for_is_left_alone),
        cmocka_unit_test(an_orphan_is_waited_for),
    };
    sigset_t told;
    (void)sigemptyset(&told);
    (void)sigaddset(&told, SIGUSR2);
    (void)sigprocmask(SIG_BLOCK, &told, NULL); /* it is waited for */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
