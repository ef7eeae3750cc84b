/* tests/unit/test_act_run.c - a program as a step that has a limit, its words, and archive_command
 * as one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "supervisor/act_parts.h"
#include "supervisor/act_words.h"
#include "supervisor/pg_setup.h"
#include "tests/lib/act_kit.h"
#include "tests/lib/scratch.h"

#define LIMIT_MS 200
#define NEVER_MS 60000

static struct act act;
static struct scratch scratch;
static struct pg_setup settings;
static const char *script;
static uint64_t limit_ms;

static void runs(struct act *a)
{
    char shell[] = "/bin/sh";
    char option[] = "-c";
    CLEANUP(mem_freep) char *text = mem_strdup(script);
    char *words[] = {shell, option, text, NULL};
    act_run_script(a, "runs", words, limit_ms, act_kit_ended);
}

/* After it one without a limit, that takes longer. */
static void runs_slowly(struct act *a)
{
    char shell[] = "/bin/sh";
    char option[] = "-c";
    char text[] = "sleep 0.6";
    char *words[] = {shell, option, text, NULL};
    act_run(a, "slowly", words, NULL, act_kit_ended);
}

static void runs_two(struct act *a)
{
    char program[] = "/bin/true";
    char *words[] = {program, NULL};
    act_run_script(a, "first", words, LIMIT_MS, runs_slowly);
}

static int code_of_sequence(act_next first)
{
    int before = acts_done;
    act_begin(&act, NEVER_MS, first);
    while (acts_done == before) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(acts_done, before + 1);
    return act.err.code;
}

/* How @text ends within @limit. */
static int code_of(const char *text, uint64_t limit)
{
    script = text;
    limit_ms = limit;
    return code_of_sequence(runs);
}

static void a_program_that_takes_too_long_is_killed(void **state)
{
    (void)state;
    static char *nothing[] = {NULL};
    scratch_init(&scratch);
    settings.helper = HELPER;
    settings.environment = nothing;
    act_kit_open(&act);
    act.order.setup = &settings;
    assert_int_equal(code_of("exit 0", NEVER_MS), 0);
    assert_int_equal(code_of("exit 3", NEVER_MS), ERR_SYSTEM);
    assert_int_equal(code_of("sleep 1000", LIMIT_MS), ERR_TIMEOUT);
    assert_non_null(strstr(act.err.msg, "was killed")); /* not its sequence's deadline */
    assert_int_equal(code_of("sleep 1000 & sleep 1000", LIMIT_MS), ERR_TIMEOUT);
    assert_int_equal(code_of("exit 0", NEVER_MS), 0); /* and the next has a limit of its own */
    assert_int_equal(code_of_sequence(runs_two), 0);
    act_kit_close(&act);
    act_kit_close_loop();
    scratch_close(&scratch);
}

static void an_archive_command_is_made_as_postgresql_makes_it(void **state)
{
    (void)state;
    static const struct {
        const char *command, *made;
    } rows[] = {
        {"cp %p /archive/%f", "cp pg_wal/0001 /archive/0001"},
        {"date +%%F; cp \"%p\" x", "date +%F; cp \"pg_wal/0001\" x"},
        {"%x %", "%x %"},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_close) struct buf made = {0};
        act_archive_command(rows[i].command, "0001", &made);
        assert_string_equal(buf_text(&made), rows[i].made);
    }
}

static void options_are_words_as_far_as_there_is_room(void **state)
{
    (void)state;
    static const struct pg_pair pairs[] = {{.name = "progress", .value = ""},
                                           {.name = "encoding", .value = "UTF8"}};
    const struct pg_pairs options = {.at = pairs, .count = ARRAY_LEN(pairs)};
    CLEANUP(act_words_close) struct act_words words = {.count = 0};
    act_words_take(&words, mem_strdup("initdb"));
    act_words_options(&words, &options);
    assert_int_equal(words.count, 3);
    assert_string_equal(words.at[0], "initdb");
    assert_string_equal(words.at[1], "--progress");
    assert_string_equal(words.at[2], "--encoding=UTF8");
    for (size_t i = 0; i < ACT_WORDS_MAX; i++) {
        act_words_options(&words, &options);
    }
    assert_int_equal(words.count, ACT_WORDS_MAX - 1);
    assert_null(words.at[ACT_WORDS_MAX - 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_that_takes_too_long_is_killed),
        cmocka_unit_test(an_archive_command_is_made_as_postgresql_makes_it),
        cmocka_unit_test(options_are_words_as_far_as_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
