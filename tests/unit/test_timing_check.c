/* tests/unit/test_timing_check.c - do the times fit what is measured: the limits, the sentences,
 * and that nobody is told of an outlier, or of the same thing again and again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/timing_check.h"

#define LOOK_MS 5000
#define FSYNC (1U << TIMING_FSYNC)
#define ROUND_TRIP (1U << TIMING_ROUND_TRIP)
#define SCHEDULING (1U << TIMING_SCHEDULING)

// clang-format off
static const struct {
    struct timing_wish wish;
    enum timing_cause cause;
    uint64_t ms; /* the longest that fits */
    const char *sentence; /* of one more */
} limits[] = {
    {{.profile = FAILOVER_FAST}, TIMING_FSYNC, 150,
     "the fsync of the store takes 151 ms, too long for its times: mend that, or set raft.election_timeout (300 ms) to 302 ms and lease_ms (2000) to 2010 or more"},
    {{.profile = FAILOVER_BALANCED}, TIMING_ROUND_TRIP, 250,
     "the round trip to a majority takes 251 ms, too long for its times: mend that, or set raft.election_timeout (500 ms) to 502 ms or more"},
    {{.profile = FAILOVER_PATIENT}, TIMING_SCHEDULING, 250,
     "the delay until a process of this host runs takes 251 ms, too long for its times: mend that, or set raft.election_timeout (500 ms) to 502 ms or more"},
    {{.lease_ms = 3000, .election_timeout_ms = 800, .heartbeat_ms = 50}, TIMING_ROUND_TRIP, 300,
     "the round trip to a majority takes 301 ms, too long for its times: mend that, or set lease_ms (3500) to 3510 or more"},
};
// clang-format on

static void each_cause_has_a_limit_that_follows_from_the_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        struct supervisor_times times = timing_from(&limits[i].wish).times;
        char text[TIMING_SENTENCE_SIZE] = "before";
        assert_true(timing_fits(&times, limits[i].cause, limits[i].ms, text));
        assert_string_equal(text, "");
        assert_false(timing_fits(&times, limits[i].cause, limits[i].ms + 1, text));
        assert_string_equal(text, limits[i].sentence);
        assert_false(timing_fits(&times, limits[i].cause, 3600000, text)); /* and fits its room */
        assert_non_null(strstr(text, " or more"));
    }
}

/* The number behind @setting's " to "; @otherwise where it is not to be changed. */
static uint64_t asked(const char *text, const char *setting, uint64_t otherwise)
{
    const char *at = strstr(text, setting);
    at = at != NULL ? strstr(at, " to ") : NULL;
    return at != NULL ? strtoull(at + strlen(" to "), NULL, 10) : otherwise;
}

/* What an operator is told to set is enough, and is not raised once more. */
static void what_the_sentence_asks_for_fits(void **state)
{
    static const struct timing_wish wishes[] = {
        {.profile = FAILOVER_FAST, .election_timeout_ms = 300, .heartbeat_ms = 50},
        {.profile = FAILOVER_FAST, .election_timeout_ms = 300, .heartbeat_ms = 100},
        {.profile = FAILOVER_PATIENT, .election_timeout_ms = 500, .heartbeat_ms = 100},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
        for (uint64_t ms = 1; ms < 3000; ms++) {
            struct supervisor_times times = timing_from(&wishes[i]).times;
            char text[TIMING_SENTENCE_SIZE];
            if (timing_fits(&times, TIMING_FSYNC, ms, text)) {
                continue;
            }
            struct timing_wish next = {.lease_ms = asked(text, "lease_ms", times.lease_ms),
                                       .election_timeout_ms = asked(text, "raft.election_timeout",
                                                                    times.election_timeout_ms),
                                       .heartbeat_ms = times.heartbeat_ms};
            times = timing_from(&next).times;
            assert_int_equal(times.lease_ms, next.lease_ms);
            assert_true(timing_fits(&times, TIMING_FSYNC, ms, text));
        }
    }
}

/* ---- the book ---- */

struct life {
    struct timing_book book;
    struct supervisor_times times;
    uint64_t now_ms;
};

static void begin(struct life *life)
{
    struct timing_wish wish = {.profile = FAILOVER_FAST};
    memset(life, 0, sizeof(*life));
    life->times = timing_from(&wish).times;
    life->now_ms = 1;
}

/* One look at @cause alone; what people are told. */
static unsigned look(struct life *life, enum timing_cause cause, uint64_t ms)
{
    struct timing_measured m = {.knows = {false}};
    m.knows[cause] = true;
    m.ms[cause] = ms;
    life->now_ms += LOOK_MS;
    return timing_take(&life->book, &life->times, &m, life->now_ms);
}

static void what_does_not_fit_is_told_as_soon_as_it_is_no_outlier(void **state)
{
    struct life life;
    (void)state;
    begin(&life);
    assert_int_equal(look(&life, TIMING_FSYNC, 400), 0);
    assert_string_equal(timing_amiss(&life.book), "");
    assert_int_equal(look(&life, TIMING_FSYNC, 300), FSYNC);
    assert_non_null(strstr(timing_amiss(&life.book), "the fsync of the store takes 300 ms"));
    assert_int_equal(look(&life, TIMING_ROUND_TRIP, 200), 0); /* of another kind */
}

static void one_outlier_a_minute_is_no_news(void **state)
{
    struct life life;
    (void)state;
    begin(&life);
    for (int i = 0; i < 120; i++) {
        assert_int_equal(look(&life, TIMING_SCHEDULING, i % TIMING_SAMPLES == 5 ? 900 : 1), 0);
        assert_string_equal(timing_amiss(&life.book), "");
    }
}

static void it_is_told_once_and_its_sentence_stays(void **state)
{
    struct life life;
    char first[TIMING_SENTENCE_SIZE];
    (void)state;
    begin(&life);
    (void)look(&life, TIMING_ROUND_TRIP, 200);
    assert_int_equal(look(&life, TIMING_ROUND_TRIP, 200), ROUND_TRIP);
    memcpy(first, timing_amiss(&life.book), sizeof(first));
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(look(&life, TIMING_ROUND_TRIP, 200 + i), 0);
        assert_string_equal(timing_amiss(&life.book), first);
    }
}

static void it_is_cleared_when_it_fits_and_told_again_after_it_was_well(void **state)
{
    struct life life;
    (void)state;
    begin(&life);
    (void)look(&life, TIMING_FSYNC, 200);
    assert_int_equal(look(&life, TIMING_FSYNC, 200), FSYNC);
    for (int i = 0; i < TIMING_SAMPLES; i++) {
        assert_int_equal(look(&life, TIMING_FSYNC, 2), 0);
    }
    assert_string_equal(timing_amiss(&life.book), "");
    (void)look(&life, TIMING_FSYNC, 200);
    assert_int_equal(look(&life, TIMING_FSYNC, 250), 0); /* it shows, and is not told so soon */
    assert_non_null(strstr(timing_amiss(&life.book), "takes 200 ms"));
    for (uint64_t i = 0; i < TIMING_FORGOTTEN_MS / LOOK_MS + TIMING_SAMPLES; i++) {
        assert_int_equal(look(&life, TIMING_FSYNC, 2), 0);
    }
    (void)look(&life, TIMING_FSYNC, 200);
    assert_int_equal(look(&life, TIMING_FSYNC, 200), FSYNC);
}

/* An idle store commits nothing for hours. */
static void what_is_not_measured_stays_as_it_was_and_is_forgotten(void **state)
{
    struct life life;
    struct timing_measured nothing = {.knows = {false}};
    (void)state;
    begin(&life);
    (void)look(&life, TIMING_FSYNC, 200);
    (void)look(&life, TIMING_FSYNC, 200);
    life.now_ms += LOOK_MS;
    assert_int_equal(timing_take(&life.book, &life.times, &nothing, life.now_ms), 0);
    assert_string_not_equal(timing_amiss(&life.book), "");
    life.now_ms += TIMING_FORGOTTEN_MS;
    assert_int_equal(timing_take(&life.book, &life.times, &nothing, life.now_ms), 0);
    assert_string_equal(timing_amiss(&life.book), "");
}

static void the_reason_of_the_others_is_shown_first(void **state)
{
    struct life life;
    struct timing_measured m = {.knows = {true, true, true}, .ms = {300, 400, 500}};
    (void)state;
    begin(&life);
    assert_int_equal(timing_take(&life.book, &life.times, &m, 1000), 0);
    assert_int_equal(timing_take(&life.book, &life.times, &m, 2000),
                     SCHEDULING | FSYNC | ROUND_TRIP);
    assert_non_null(strstr(timing_amiss(&life.book), "delay until a process of this host runs"));
    assert_string_equal(timing_cause_name(TIMING_SCHEDULING), "scheduling");
}

/* The profile may change: a longer lease bears what the shorter one does not. */
static void other_times_are_another_verdict(void **state)
{
    struct life life;
    struct timing_wish patient = {.profile = FAILOVER_PATIENT};
    (void)state;
    begin(&life);
    (void)look(&life, TIMING_FSYNC, 200);
    assert_int_equal(look(&life, TIMING_FSYNC, 200), FSYNC);
    life.times = timing_from(&patient).times;
    assert_int_equal(look(&life, TIMING_FSYNC, 200), 0);
    assert_string_equal(timing_amiss(&life.book), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_cause_has_a_limit_that_follows_from_the_times),
        cmocka_unit_test(what_the_sentence_asks_for_fits),
        cmocka_unit_test(what_does_not_fit_is_told_as_soon_as_it_is_no_outlier),
        cmocka_unit_test(one_outlier_a_minute_is_no_news),
        cmocka_unit_test(it_is_told_once_and_its_sentence_stays),
        cmocka_unit_test(it_is_cleared_when_it_fits_and_told_again_after_it_was_well),
        cmocka_unit_test(what_is_not_measured_stays_as_it_was_and_is_forgotten),
        cmocka_unit_test(the_reason_of_the_others_is_shown_first),
        cmocka_unit_test(other_times_are_another_verdict),
    };
    return cmocka_run_group_tests_name("timing_check", tests, NULL, NULL);
}
