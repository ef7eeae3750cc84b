/* tests/unit/test_door_trouble.c - why PostgreSQL can not be connected to: when it is told, how
 * often, and when no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/door_trouble.h"

#define LOOK_MS 100
#define WRONG "connection to server at \"10.0.0.1\", port 5432 failed: FATAL:  28P01: "
#define PASSWORD WRONG "password authentication failed for user \"postgres\""
#define HBA WRONG "pg_hba.conf rejects connection for host \"10.0.0.1\", user \"postgres\""
#define TOLD "pgraftd can not connect to PostgreSQL: "

static struct door_trouble book;
static uint64_t now_ms;
static enum pg_process process;
static uint64_t down_ms;

static void begin(void)
{
    book = (struct door_trouble){.since_ms = 0};
    now_ms = 1000000;
    process = PG_STARTING;
    down_ms = 0;
}

/* How often it was news within @for_ms. */
static int seen_for(uint64_t for_ms, enum probe_door_state state, const char *reason)
{
    int news = 0;
    for (uint64_t end_ms = now_ms + for_ms; now_ms < end_ms; now_ms += LOOK_MS) {
        const struct door_seen seen = {
            .process = process, .down_ms = down_ms, .state = state, .reason = reason};
        news += door_trouble_look(&book, &seen, now_ms) ? 1 : 0;
    }
    return news;
}

static void a_refusal_is_told_once(void **state)
{
    (void)state;
    begin();
    assert_int_equal(seen_for(DOOR_REFUSED_MS, DOOR_REFUSED, PASSWORD), 0);
    assert_string_equal(book.text, "");
    assert_int_equal(seen_for(60000, DOOR_REFUSED, PASSWORD), 1);
    assert_string_equal(book.text, TOLD PASSWORD);
}

static void each_reason_is_told_with_libpqs_words(void **state)
{
    static const struct {
        enum probe_door_state state;
        const char *reason;
    } cases[] = {
        {DOOR_REFUSED, HBA},
        {DOOR_FULL, WRONG "sorry, too many clients already"},
        {DOOR_SHUT, "SSL error: certificate verify failed"},
        {DOOR_SHUT, "could not read root certificate file \"/etc/ca.pem\": no certificate"},
        {DOOR_SILENT, "PostgreSQL did not take the connection in time"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin();
        assert_int_equal(seen_for(20000, cases[i].state, cases[i].reason), 1);
        assert_memory_equal(book.text, TOLD, strlen(TOLD));
        assert_string_equal(book.text + strlen(TOLD), cases[i].reason);
    }
}

static void a_server_that_starts_is_no_trouble(void **state)
{
    (void)state;
    begin();
    assert_int_equal(seen_for(DOOR_CLOSED_MS, DOOR_SHUT, "Connection refused"), 0);
    assert_int_equal(seen_for(3600000, DOOR_NOT_YET, "the database system is starting up"), 0);
    assert_int_equal(seen_for(DOOR_REFUSED_MS, DOOR_REFUSED, PASSWORD), 0);
    assert_int_equal(seen_for(1000, DOOR_OPEN, ""), 0);
    process = PG_STOPPING;
    assert_int_equal(seen_for(60000, DOOR_SHUT, "Connection refused"), 0);
    process = PG_ABSENT;
    assert_int_equal(seen_for(60000, DOOR_SHUT, "Connection refused"), 0);
    assert_string_equal(book.text, "");
}

static void another_reason_is_told_as_well(void **state)
{
    (void)state;
    begin();
    assert_int_equal(seen_for(20000, DOOR_REFUSED, PASSWORD), 1);
    assert_int_equal(seen_for(DOOR_REFUSED_MS, DOOR_REFUSED, HBA), 0);
    assert_string_equal(book.text, TOLD PASSWORD);
    assert_int_equal(seen_for(20000, DOOR_REFUSED, HBA), 1);
    assert_string_equal(book.text, TOLD HBA);
    for (int i = 0; i < 100; i++) { /* now this, now that */
        assert_int_equal(seen_for(500, DOOR_REFUSED, PASSWORD), 0);
        assert_int_equal(seen_for(500, DOOR_REFUSED, HBA), 0);
    }
}

/* Promotions that fail for it: ended, and started again, every 20 s. */
static void it_stands_while_postgresql_is_started_again_and_again(void **state)
{
    (void)state;
    begin();
    int news = 0;
    for (int i = 0; i < 10; i++) {
        process = PG_STARTING;
        news += seen_for(500, DOOR_SHUT, "Connection refused");
        news += seen_for(500, DOOR_NOT_YET, "the database system is starting up");
        news += seen_for(19000, DOOR_REFUSED, PASSWORD);
        process = PG_ABSENT;
        news += seen_for(2000, DOOR_UNKNOWN, "");
        assert_string_equal(book.text, TOLD PASSWORD);
    }
    assert_int_equal(news, 1);
}

static void it_is_gone_with_the_connection(void **state)
{
    (void)state;
    begin();
    assert_int_equal(seen_for(20000, DOOR_REFUSED, PASSWORD), 1);
    assert_int_equal(seen_for(20000, DOOR_OPEN, ""), 1); /* that it is gone */
    assert_string_equal(book.text, "");
    process = PG_RUNNING;
    assert_int_equal(seen_for(20000, DOOR_REFUSED, PASSWORD), 1);
    process = PG_ABSENT;
    down_ms = DOOR_DOWN_MS + 1; /* it is not to run */
    assert_int_equal(seen_for(20000, DOOR_SHUT, "Connection refused"), 1);
    assert_string_equal(book.text, "");
}

static void no_password_is_told(void **state)
{
    (void)state;
    begin();
    assert_int_equal(seen_for(20000, DOOR_SHUT, "invalid option \"password=hunter2 host=x\""), 1);
    assert_null(strstr(book.text, "hunter2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_is_told_once),
        cmocka_unit_test(each_reason_is_told_with_libpqs_words),
        cmocka_unit_test(a_server_that_starts_is_no_trouble),
        cmocka_unit_test(another_reason_is_told_as_well),
        cmocka_unit_test(it_stands_while_postgresql_is_started_again_and_again),
        cmocka_unit_test(it_is_gone_with_the_connection),
        cmocka_unit_test(no_password_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
