/* tests/unit/test_coming_back.c - the small pure parts of coming back: which WAL is put aside, what
 * archive_command becomes, and what a refused replication connection means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "supervisor/act_parts.h"
#include "supervisor/refused.h"
#include "tests/lib/facts_kit.h"

#define SEGMENT ((uint32_t)16 << 20)

/* ---- what is put aside ---- */

static void wal_behind_the_fork_is_put_aside(void **state)
{
    (void)state;
    static struct facts f;
    memset(&f, 0, sizeof(f));
    f.store = kit_store(); /* the newest timeline is 6, from 4 at 4000 */
    f.store.history[1].switch_lsn = UINT64_C(0x1f3000000);
    f.pg.end = kit_at(4, UINT64_C(0x200000028));
    struct keep_range range = keep_range_of(&f, SEGMENT);
    assert_false(keep_is_wanted(&range, "0000000400000001000000F2"));
    assert_true(keep_is_wanted(&range, "0000000400000001000000F3"));
    assert_true(keep_is_wanted(&range, "0000000400000001000000FF"));
    assert_true(keep_is_wanted(&range, "000000040000000200000000"));
    assert_false(keep_is_wanted(&range, "000000040000000200000001")); /* made ahead, and empty */
    assert_true(keep_is_wanted(&range, "000000040000000200000000.partial"));
    assert_true(keep_is_wanted(&range, "00000004.history"));
    assert_false(keep_is_wanted(&range, "archive_status"));
    assert_false(keep_is_wanted(&range, "0000000400000001000000F3.done"));
    assert_false(keep_is_wanted(&range, "xlogtemp.12"));
}

static void where_nobody_knows_the_fork_all_of_it_is(void **state)
{
    (void)state;
    static struct facts f;
    memset(&f, 0, sizeof(f));
    struct keep_range range = keep_range_of(&f, SEGMENT);
    assert_true(keep_is_wanted(&range, "000000040000000100000000"));
    assert_true(keep_is_wanted(&range, "0000000400000FFF000000FF"));
    range = keep_range_of(&f, 0);
    assert_true(keep_is_wanted(&range, "000000040000000100000000"));
}

/* ---- archive_command ---- */

static void assert_command(const char *command, const char *wanted)
{
    CLEANUP(buf_close) struct buf out = {0};
    act_archive_command(command, "000000010000000000000003", &out);
    assert_string_equal(buf_text(&out), wanted);
}

static void a_command_names_path_and_file(void **state)
{
    (void)state;
    assert_command("cp %p /archive/%f",
                   "cp pg_wal/000000010000000000000003 /archive/000000010000000000000003");
    assert_command("push --at 100%% %q %", "push --at 100% %q %");
}

/* ---- a refused replication connection ---- */

static const struct pg_login login = {.username = "replicator"};
static const struct refused_who who = {.primary = "pg1", .login = &login, .own_host = "10.0.0.9"};

static void assert_refused(const char *sqlstate, const char *message, const char *wanted)
{
    CLEANUP(buf_close) struct buf out = {0};
    struct pg_failure failure = {.err.code = ERR_DENIED};
    (void)snprintf(failure.err.msg, sizeof(failure.err.msg), "%s", message);
    (void)snprintf(failure.sqlstate, sizeof(failure.sqlstate), "%s", sqlstate);
    refused_text(&failure, &who, &out);
    assert_string_equal(buf_text(&out), wanted);
}

static void a_refusal_names_the_line_that_is_missing(void **state)
{
    (void)state;
    assert_refused("28000",
                   "connection to server at \"10.0.0.1\", port 5432 failed: FATAL:  28000: no "
                   "pg_hba.conf entry for replication connection from host "
                   "\"10.0.0.2\", user \"replicator\", no encryption",
                   "pg1 refuses replication from here; add to its pg_hba: host replication "
                   "replicator 10.0.0.2/32 scram-sha-256");
    assert_refused("28000", "FATAL: 28000: kein Eintrag fuer \"fd00::2\", \"replicator\"",
                   "pg1 refuses replication from here; add to its pg_hba: host replication "
                   "replicator fd00::2/128 scram-sha-256");
    assert_refused("28000", "\"10.0.0.1\": FATAL:  28000: role \"replicator\" does not exist",
                   "pg1 refuses replication from here; add to its pg_hba: host replication "
                   "replicator 10.0.0.9/32 scram-sha-256");
    assert_refused("28P01", "FATAL: password authentication failed",
                   "pg1 does not take the password of the replication user replicator");
    assert_refused("53300", "FATAL: too many",
                   "pg1 has no place for one more replication connection: see max_wal_senders");
    assert_refused("", "connection refused",
                   "pg1 can not be reached for replication: connection refused");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wal_behind_the_fork_is_put_aside),
        cmocka_unit_test(where_nobody_knows_the_fork_all_of_it_is),
        cmocka_unit_test(a_command_names_path_and_file),
        cmocka_unit_test(a_refusal_names_the_line_that_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
