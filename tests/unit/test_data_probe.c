/* tests/unit/test_data_probe.c - what a helper's words and silence mean, for the data directory and
 * for the end of the WAL; when a write is tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "supervisor/data_probe.h"
#include "supervisor/wal_end.h"

static struct data_seen seen_of(int error, bool read_only)
{
    char said[256];
    struct data_seen seen;
    (void)snprintf(said, sizeof(said),
                   "error=%d where=write read_us=12 write_us=34 free_kib=56 read_only=%d wrote=1\n",
                   error, read_only ? 1 : 0);
    data_seen_parse(said, NULL, &seen);
    return seen;
}

static void words_of_the_disk(void **state)
{
    (void)state;
    static const struct {
        int error;
        bool read_only;
        enum fact answers;
        bool is_full;
    } cases[] = {
        {0, false, FACT_YES, false},          {EIO, false, FACT_NO, false},
        {EROFS, false, FACT_NO, false},       {0, true, FACT_NO, false},
        {ENOSPC, false, FACT_YES, true},      {EDQUOT, false, FACT_YES, true},
        {ENOENT, false, FACT_UNKNOWN, false}, {EMFILE, false, FACT_UNKNOWN, false},
        {EACCES, false, FACT_UNKNOWN, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct data_seen seen = seen_of(cases[i].error, cases[i].read_only);
        assert_int_equal(seen.answers, cases[i].answers);
        assert_int_equal(seen.is_full, cases[i].is_full);
        assert_true(seen.wrote && seen.read_us == 12 && seen.write_us == 34 && seen.free_kib == 56);
        assert_int_equal(strlen(seen.err.msg) > 0, cases[i].error != 0 || cases[i].read_only);
    }
}

static void silence_is_a_hang_and_a_failed_helper_is_not(void **state)
{
    (void)state;
    struct data_seen seen;
    struct err err = {.code = ERR_TIMEOUT, .msg = "late"};
    data_seen_parse(NULL, &err, &seen);
    assert_int_equal(seen.answers, FACT_NO);
    assert_string_equal(seen.err.msg, "late");
    err.code = ERR_SYSTEM;
    data_seen_parse(NULL, &err, &seen);
    assert_int_equal(seen.answers, FACT_UNKNOWN);
    static const char *const strange[] = {
        "", "error=", "error=0", "xerror=0 read_us=1",
        "error=-1 read_us=1 write_us=1 free_kib=1 read_only=0 wrote=0"};
    for (size_t i = 0; i < ARRAY_LEN(strange); i++) {
        data_seen_parse(strange[i], NULL, &seen);
        assert_int_equal(seen.answers, FACT_UNKNOWN);
        assert_int_equal(seen.err.code, ERR_PROTOCOL);
    }
}

static void what_recovery_has_done_is_told_where_it_was_asked_for(void **state)
{
    (void)state;
    static const char *const words =
        "error=0 read_us=1 write_us=1 free_kib=1 read_only=0 wrote=0 startup";
    static const struct {
        const char *rest;
        bool has;
    } cases[] = {
        {"=1 startup_cpu_ms=70 startup_io_kib=900\n", true},
        {"=0 startup_cpu_ms=0 startup_io_kib=0\n", false},
        {"=1 startup_cpu_ms=70\n", false},
        {"less\n", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char said[256];
        struct data_seen seen;
        (void)snprintf(said, sizeof(said), "%s%s", words, cases[i].rest);
        data_seen_parse(said, NULL, &seen);
        assert_int_equal(seen.answers, FACT_YES);
        assert_int_equal(seen.has_startup, cases[i].has);
        assert_true(!cases[i].has || (seen.startup_cpu_ms == 70 && seen.startup_io_kib == 900));
    }
}

static void write_is_tried_when_something_was_written(void **state)
{
    (void)state;
    static const struct {
        struct data_probe_past past;
        bool writes;
    } cases[] = {
        {{.now_ms = 9000, .lsn = 5, .write_every_ms = 4000}, true},
        {{.now_ms = 9000, .lsn = 0, .write_every_ms = 4000}, false}, /* no primary */
        {{.now_ms = 9000, .lsn = 5, .wrote_lsn = 5, .wrote_at_ms = 1, .write_every_ms = 4000},
         false},
        {{.now_ms = 9000, .lsn = 6, .wrote_lsn = 5, .wrote_at_ms = 1, .write_every_ms = 4000},
         true},
        {{.now_ms = 9000, .lsn = 6, .wrote_lsn = 5, .wrote_at_ms = 8000, .write_every_ms = 4000},
         false},
        {{.now_ms = 9000, .wrote_at_ms = 8999, .is_asked = true, .write_every_ms = 4000}, true},
        {{.now_ms = 9000, .wrote_at_ms = 8999, .flush_stands = true, .write_every_ms = 4000}, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(data_probe_writes(&cases[i].past), cases[i].writes);
    }
}

static void end_of_the_wal_is_read_or_not_known(void **state)
{
    (void)state;
    struct wal_end_seen seen;
    struct err err = {.code = ERR_TIMEOUT, .msg = "late"};
    wal_end_parse("error=0 where=- end=7822528 timeline=3 records=5094 misses=7340032\n", NULL,
                  &seen);
    assert_true(seen.end.is_known && seen.end.lsn == 7822528 && seen.end.timeline == 3);
    assert_int_equal(seen.records, 5094);
    assert_int_equal(seen.misses, 7340032);
    assert_int_equal(seen.lines.count, 0);
    wal_end_parse("error=0 where=- end=9 timeline=6 records=2 misses=0 lines=1:0,4:7,6:8\n", NULL,
                  &seen);
    assert_int_equal(seen.lines.count, 3);
    assert_true(seen.lines.at[0].timeline == 1 && seen.lines.at[0].begin == 0);
    assert_true(seen.lines.at[2].timeline == 6 && seen.lines.at[2].begin == 8);
    static const char *const no_lines[] = {"1:0,", "1", "0:5", "x:5", "1:0,4294967296:7",
                                           "1:-5", ""};
    for (size_t i = 0; i < ARRAY_LEN(no_lines); i++) {
        char said[120];
        (void)snprintf(said, sizeof(said),
                       "error=0 where=- end=9 timeline=6 records=2 misses=0 lines=%s\n",
                       no_lines[i]);
        wal_end_parse(said, NULL, &seen);
        assert_true(seen.end.is_known && seen.lines.count == 0);
    }
    static const char *const unknown[] = {"error=2 where=open end=0 timeline=0 records=0 misses=0",
                                          "error=0 where=- end=5 timeline=0 records=0 misses=0",
                                          "error=0 where=- end=0 timeline=1 records=0 misses=0",
                                          "error=0 end=5 timeline=4294967296 records=0 misses=0",
                                          "error=0 timeline=1 records=0 misses=0",
                                          ""};
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        wal_end_parse(unknown[i], NULL, &seen);
        assert_false(seen.end.is_known);
        assert_true(seen.err.code != 0);
    }
    wal_end_parse(NULL, &err, &seen);
    assert_false(seen.end.is_known);
    assert_string_equal(seen.err.msg, "late");
}

/* Safety C2. */
static void standby_is_believed_when_its_receiver_streamed(void **state)
{
    (void)state;
    struct wal_end_words w = {.receive_known = true,
                              .receive_lsn = 500,
                              .replay_known = true,
                              .replay_lsn = 400,
                              .streamed_timeline = 3,
                              .newest_timeline = 3};
    struct position end = wal_end_by_sql(&w);
    assert_true(end.is_known && end.lsn == 500 && end.timeline == 3);
    w.replay_lsn = 600; /* of the archive; or the receiver began at the segment's beginning */
    assert_int_equal(wal_end_by_sql(&w).lsn, 600);
    w.newest_timeline = 2; /* the control file comes later */
    assert_true(wal_end_by_sql(&w).is_known);
    w.newest_timeline = 4; /* it streamed on another timeline */
    assert_false(wal_end_by_sql(&w).is_known);
    w.newest_timeline = 3;
    w.streamed_timeline = 0; /* nobody saw a receiver of this start */
    assert_false(wal_end_by_sql(&w).is_known);
    w.streamed_timeline = 3;
    w.receive_known = false;
    assert_false(wal_end_by_sql(&w).is_known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_the_disk),
        cmocka_unit_test(silence_is_a_hang_and_a_failed_helper_is_not),
        cmocka_unit_test(what_recovery_has_done_is_told_where_it_was_asked_for),
        cmocka_unit_test(write_is_tried_when_something_was_written),
        cmocka_unit_test(end_of_the_wal_is_read_or_not_known),
        cmocka_unit_test(standby_is_believed_when_its_receiver_streamed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
