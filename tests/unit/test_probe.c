/* tests/unit/test_probe.c - what PostgreSQL prints, read exactly or not at all: cells, the two
 * questions of supervisor/probe.h, conninfo strings, and how an attempt failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/must.h"
#include "supervisor/pg_link.h"
#include "supervisor/probe.h"
#include "supervisor/upstream.h"

static void cells_are_read_exactly(void **state)
{
    (void)state;
    uint64_t number = 7;
    uint32_t timeline = 7;
    bool flag = false;
    assert_true(pg_text_lsn("1/2A0000F8", &number));
    assert_int_equal(number, UINT64_C(0x12A0000F8));
    assert_true(pg_text_lsn("FFFFFFFF/ffffffff", &number) && number == UINT64_MAX);
    static const char *const no_lsns[] = {"",    "/",    "1/",          "/1",          "1",
                                          "1/G", "1/2 ", "123456789/0", "0/123456789", "1/2/3"};
    number = 7;
    for (size_t i = 0; i < ARRAY_LEN(no_lsns); i++) {
        assert_false(pg_text_lsn(no_lsns[i], &number));
    }
    assert_false(pg_text_lsn(NULL, &number));
    assert_int_equal(number, 7);
    assert_true(pg_text_u64("18446744073709551615", &number) && number == UINT64_MAX);
    static const char *const no_numbers[] = {"", "-1", " 1", "1 ", "18446744073709551616", "0x1"};
    for (size_t i = 0; i < ARRAY_LEN(no_numbers); i++) {
        assert_false(pg_text_u64(no_numbers[i], &number));
    }
    assert_true(pg_text_bool("t", &flag) && flag);
    assert_true(pg_text_bool("f", &flag) && !flag);
    assert_false(pg_text_bool("true", &flag) || pg_text_bool(NULL, &flag));
    assert_true(pg_text_timeline("0000001A", &timeline) && timeline == 26);
    assert_false(pg_text_timeline("1A", &timeline) || pg_text_timeline("00000000", &timeline) ||
                 pg_text_timeline("0000001A0", &timeline) ||
                 pg_text_timeline("0000/01A", &timeline));
}

#define WATCH_COLUMNS 28
#define SENDER_AT 18

/* A primary's row, or a standby's, in the order of the question's columns. */
static void primary_row(const char *cells[WATCH_COLUMNS])
{
    static const char *const row[WATCH_COLUMNS] = {"f",
                                                   "150018",
                                                   "1795274508102480",
                                                   "0/5000200",
                                                   "0/5000100",
                                                   "00000003",
                                                   "3",
                                                   NULL,
                                                   NULL,
                                                   NULL,
                                                   NULL,
                                                   "0",
                                                   NULL,
                                                   NULL,
                                                   "",
                                                   "ANY 1 (pgraft_fence)",
                                                   NULL,
                                                   NULL,
                                                   "28634",
                                                   "pg2",
                                                   "streaming",
                                                   "1795274509065307",
                                                   "0/5000080",
                                                   "0/5000000",
                                                   "1",
                                                   "quorum",
                                                   "replicator",
                                                   "10.0.0.2"};
    memcpy(cells, row, sizeof(row));
}

static void standby_row(const char *cells[WATCH_COLUMNS])
{
    static const char *const row[WATCH_COLUMNS] = {
        "t",
        "130009",
        "1795274508102480",
        NULL,
        NULL,
        NULL,
        "2",
        "0/5000200",
        "0/5000100",
        "f",
        "1795274600500000",
        "1",
        "streaming",
        "2",
        "host=/run port=5432 fallback_application_name=pgraft/pg 1/7",
        "",
        "f",
        "0/5000300",
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
        NULL};
    memcpy(cells, row, sizeof(row));
}

static void primary_and_its_senders_are_read(void **state)
{
    (void)state;
    const char *cells[2 * WATCH_COLUMNS];
    struct probe_watch w;
    primary_row(cells);
    primary_row(cells + WATCH_COLUMNS);
    cells[WATCH_COLUMNS + SENDER_AT + 1] = "pg3";
    cells[WATCH_COLUMNS + SENDER_AT + 2] = "catchup";
    cells[WATCH_COLUMNS + SENDER_AT + 4] = NULL;
    cells[WATCH_COLUMNS + SENDER_AT + 9] = NULL;
    struct pg_rows rows = {.count = 2, .columns = WATCH_COLUMNS, .cells = cells};
    assert_int_equal(probe_watch_parse(&rows, &w, NULL), 0);
    assert_true(!w.in_recovery && w.end.is_known && w.end.timeline == 3);
    assert_int_equal(w.end.lsn, 0x5000100);
    assert_int_equal(w.insert_lsn, 0x5000200);
    assert_string_equal(w.sync_names, "ANY 1 (pgraft_fence)");
    assert_int_equal(w.sender_count, 2);
    assert_true(w.senders[0].flush_known && w.senders[0].priority == 1);
    assert_int_equal(w.senders[0].started_us, UINT64_C(1795274509065307));
    assert_string_equal(w.senders[1].name, "pg3");
    assert_string_equal(w.senders[1].state, "catchup");
    assert_false(w.senders[1].flush_known);
    assert_string_equal(w.senders[0].sync_state, "quorum");
    assert_string_equal(w.senders[0].user, "replicator");
    assert_string_equal(w.senders[0].address, "10.0.0.2");
    assert_string_equal(w.senders[1].address, ""); /* the unix socket */
    assert_false(w.sender_end_known);
}

static void standby_its_receiver_and_upstream_are_read(void **state)
{
    (void)state;
    const char *cells[WATCH_COLUMNS];
    struct probe_watch w;
    standby_row(cells);
    struct pg_rows rows = {.count = 1, .columns = WATCH_COLUMNS, .cells = cells};
    cells[14] = "host=/run port=5432 fallback_application_name='pgraft/pg 1/7'";
    assert_int_equal(probe_watch_parse(&rows, &w, NULL), 0);
    assert_true(w.in_recovery && !w.end.is_known && w.sender_count == 0);
    assert_true(w.receive_known && w.replay_known && !w.is_paused);
    assert_int_equal(w.replayed_us, UINT64_C(1795274600500000));
    assert_int_equal(w.receiver_count, 1);
    assert_string_equal(w.receiver_status, "streaming");
    assert_int_equal(w.receiver_timeline, 2);
    assert_true(w.sender_end_known && w.sender_end_lsn == 0x5000300);
    assert_true(w.upstream.is_set && w.upstream.is_ours);
    assert_string_equal(w.upstream.name.text, "pg 1");
    assert_int_equal(w.upstream.epoch, 7);
    assert_string_equal(w.upstream.host, "/run");
}

static void other_answers_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t column;
        const char *text;
    } wrong[] = {{0, NULL}, {0, "true"}, {1, "15.18"}, {2, NULL},  {3, NULL},  {4, "5"},
                 {4, NULL}, {5, "3"},    {10, "now"},  {11, "-1"}, {11, NULL}, {17, "5"},
                 {18, "x"}, {22, "/5"},  {24, "one"},  {0, "t"}};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const char *cells[WATCH_COLUMNS];
        struct probe_watch w;
        primary_row(cells);
        cells[wrong[i].column] = wrong[i].text;
        struct pg_rows rows = {.count = 1, .columns = WATCH_COLUMNS, .cells = cells};
        assert_int_equal(probe_watch_parse(&rows, &w, NULL), ERR_PROTOCOL);
        rows.columns--;
        assert_int_equal(probe_watch_parse(&rows, &w, NULL), ERR_PROTOCOL);
        rows = (struct pg_rows){.columns = WATCH_COLUMNS, .cells = cells};
        assert_int_equal(probe_watch_parse(&rows, &w, NULL), ERR_PROTOCOL);
    }
}

static void more_senders_than_fit_are_told(void **state)
{
    (void)state;
    static const char *cells[(PROBE_SENDERS_MAX + 1) * WATCH_COLUMNS];
    struct probe_watch w;
    for (size_t i = 0; i <= PROBE_SENDERS_MAX; i++) {
        primary_row(cells + i * WATCH_COLUMNS);
    }
    struct pg_rows rows = {
        .count = PROBE_SENDERS_MAX + 1, .columns = WATCH_COLUMNS, .cells = cells};
    assert_int_equal(probe_watch_parse(&rows, &w, NULL), 0);
    assert_true(w.has_more_senders && w.sender_count == PROBE_SENDERS_MAX);
}

static void door_is_read(void **state)
{
    (void)state;
    const char *cells[] = {"f",
                           "150018",
                           "28546",
                           "100",
                           "300",
                           "200",
                           "7710645230507497980",
                           "0/10",
                           "f",
                           "",
                           "",
                           "2",
                           "max_connections, wal_level",
                           "*max_connections=100\nwal_log_hints=on",
                           "t"};
    struct probe_door d;
    struct pg_rows rows = {.count = 1, .columns = (uint32_t)ARRAY_LEN(cells), .cells = cells};
    assert_int_equal(probe_door_parse(&rows, &d, NULL), 0);
    assert_int_equal(d.pid, 28546);
    assert_true(d.started_us == 100 && d.session_us == 300 && d.loaded_us == 200 && d.lsn == 16);
    assert_int_equal(d.system_id, UINT64_C(7710645230507497980));
    assert_false(d.is_fsync_on);
    assert_true(d.may_see_files);
    assert_int_equal(d.pending_restart, 2);
    assert_string_equal(d.pending_names, "max_connections, wal_level");
    assert_string_equal(d.running, "*max_connections=100\nwal_log_hints=on");
    assert_false(probe_door_is_its_own(&d, 310));
    d.loaded_us = 301;
    assert_true(probe_door_is_its_own(&d, 310));
    assert_false(probe_door_is_its_own(&d, 300)); /* the clock was set back */
    cells[4] = NULL;
    assert_int_equal(probe_door_parse(&rows, &d, NULL), ERR_PROTOCOL);
}

static const char *wrong(const char *file, const char *line, const char *error, const char *name)
{
    static char text[PG_CONFIG_WRONG_SIZE];
    const char *cells[] = {file, line, error, name};
    struct pg_rows rows = {.count = 1, .columns = (uint32_t)ARRAY_LEN(cells), .cells = cells};
    probe_files_parse(&rows, text);
    return text;
}

static void what_is_wrong_with_files_is_a_sentence(void **state)
{
    (void)state;
    char text[PG_CONFIG_WRONG_SIZE];
    struct pg_rows none = {.count = 0, .columns = 4};
    probe_files_parse(&none, text);
    assert_string_equal(text, "");
    assert_string_equal(wrong("/d/a.conf", "7", "syntax error", NULL), "/d/a.conf:7: syntax error");
    assert_string_equal(wrong("/d/a.conf", "7", "unrecognized configuration parameter", "wrk"),
                        "/d/a.conf:7: unrecognized configuration parameter: wrk");
    assert_string_equal(wrong(NULL, NULL, "could not open file \"/d/a.conf\"", NULL),
                        "could not open file \"/d/a.conf\"");
}

static void upstream_is_ours_or_somebody_elses(void **state)
{
    (void)state;
    struct probe_upstream up;
    char word[128];
    struct facts_name name = {.text = "pg/1"}; /* the last slash ends the name */
    assert_true(probe_upstream_word(&name, 12, word, sizeof(word)));
    assert_string_equal(word, "pgraft/pg/1/12");
    assert_false(probe_upstream_word(&name, 12, word, 14));
    probe_upstream_parse("fallback_application_name=pgraft/pg/1/12", &up);
    assert_true(up.is_ours && up.epoch == 12);
    assert_string_equal(up.name.text, "pg/1");
    static const char *const foreign[] = {"host=10.0.0.1",
                                          "fallback_application_name=pgraft/pg1",
                                          "fallback_application_name=pgraft/pg1/x",
                                          "fallback_application_name=pgraft//3",
                                          "application_name=pgraft/pg1/3",
                                          "this is no conninfo"};
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
        probe_upstream_parse(foreign[i], &up);
        assert_true(up.is_set);
        assert_false(up.is_ours);
        assert_string_equal(up.name.text, "");
    }
    probe_upstream_parse("", &up);
    assert_false(up.is_set);
    probe_upstream_parse(NULL, &up);
    assert_false(up.is_set);
}

static void codes_are_found_in_any_language(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        const char *code;
    } cases[] = {
        {"connection to server on socket \"/run/.s.PGSQL.5432\" failed: FATAL:  28P01: password "
         "authentication failed for user \"x\"\nLOCATION:  auth_failed, auth.c:338",
         "28P01"},
        {"... failed: FATALER FEHLER:  57P03: das Datenbanksystem startet", "57P03"},
        {"connection to server at \"10.0.0.1\", port 5432 failed: Connection refused", ""},
        {"FATAL:  no code at all", ""},
        {"FATAL:  28p01: not in capitals", ""},
        {"x:  12345 but no colon:  53300: then one", "53300"},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char code[PG_SQLSTATE_SIZE];
        pg_sqlstate_of(cases[i].message, code);
        assert_string_equal(code, cases[i].code);
    }
}

static void failures_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *sqlstate;
        enum probe_door_state door;
    } cases[] = {
        {0, "", DOOR_OPEN},
        {ERR_TIMEOUT, "", DOOR_SILENT},
        {ERR_CANCELED, "", DOOR_UNKNOWN},
        {ERR_CLOSED, "", DOOR_SHUT},
        {ERR_DENIED, "", DOOR_REFUSED},
        {ERR_CLOSED, "57P03", DOOR_NOT_YET},
        {ERR_REFUSED, "53300", DOOR_FULL},
        {ERR_DENIED, "28P01", DOOR_REFUSED},
        {ERR_REFUSED, "3D000", DOOR_REFUSED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pg_failure failure = {.err.code = cases[i].code};
        (void)strncpy(failure.sqlstate, cases[i].sqlstate, PG_SQLSTATE_SIZE - 1);
        assert_int_equal(probe_door_state(&failure), cases[i].door);
        assert_true(strlen(probe_door_text(cases[i].door)) > 0);
    }
}

static void primary_to_come_back_to_is_read(void **state)
{
    (void)state;
    const char *cells[] = {"f", "00000003", "2", "77", "16777216", "0000000100000004", "t"};
    struct pg_rows rows = {.count = 1, .columns = (uint32_t)ARRAY_LEN(cells), .cells = cells};
    struct upstream_seen seen;
    struct return_facts back = {.has_archive = FACT_YES};
    struct position end = {.is_known = true, .timeline = 2, .lsn = UINT64_C(0x104000000)};
    assert_int_equal(upstream_parse(&rows, &seen, NULL), 0);
    assert_true(seen.is_primary && seen.timeline == 3 && seen.checkpoint_timeline == 2);
    assert_int_equal(seen.oldest_segment, 256 + 4);
    upstream_fill(&seen, &end, &back);
    assert_true(back.primary_ready == FACT_NO && back.has_upstream_wal == FACT_YES);
    assert_int_equal(back.has_archive, FACT_YES);
    assert_int_equal(back.has_slot, FACT_YES);
    seen.has_slot = false;
    seen.checkpoint_timeline = 3;
    end.lsn--;
    upstream_fill(&seen, &end, &back);
    assert_true(back.primary_ready == FACT_YES && back.has_upstream_wal == FACT_NO);
    assert_int_equal(back.has_slot, FACT_NO);
    end.is_known = false;
    upstream_fill(&seen, &end, &back);
    assert_int_equal(back.has_upstream_wal, FACT_UNKNOWN);
    cells[0] = "t";
    cells[1] = NULL;
    assert_int_equal(upstream_parse(&rows, &seen, NULL), 0);
    end.is_known = true;
    upstream_fill(&seen, &end, &back); /* no primary: nothing is known by it */
    assert_true(back.primary_ready == FACT_UNKNOWN && back.has_upstream_wal == FACT_UNKNOWN);
    cells[0] = "f";
    assert_int_equal(upstream_parse(&rows, &seen, NULL), ERR_PROTOCOL);
    cells[0] = "t";
    cells[5] = "000000010000000";
    assert_int_equal(upstream_parse(&rows, &seen, NULL), ERR_PROTOCOL);
    cells[5] = NULL;
    assert_int_equal(upstream_parse(&rows, &seen, NULL), ERR_PROTOCOL);
}

static void names_are_no_places(void **state)
{
    (void)state;
    assert_true(pg_host_is_place("10.0.0.1") && pg_host_is_place("::1") &&
                pg_host_is_place("/run"));
    assert_false(pg_host_is_place("localhost") || pg_host_is_place("") || pg_host_is_place(NULL) ||
                 pg_host_is_place("10.0.0") || pg_host_is_place("run/postgresql"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_read_exactly),
        cmocka_unit_test(primary_and_its_senders_are_read),
        cmocka_unit_test(standby_its_receiver_and_upstream_are_read),
        cmocka_unit_test(other_answers_are_refused),
        cmocka_unit_test(more_senders_than_fit_are_told),
        cmocka_unit_test(door_is_read),
        cmocka_unit_test(what_is_wrong_with_files_is_a_sentence),
        cmocka_unit_test(upstream_is_ours_or_somebody_elses),
        cmocka_unit_test(codes_are_found_in_any_language),
        cmocka_unit_test(failures_are_told_apart),
        cmocka_unit_test(primary_to_come_back_to_is_read),
        cmocka_unit_test(names_are_no_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
