/* tests/unit/test_supervisor_config.c - what is told of a key `config` that is not in force. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/pg_setup.h"
#include "supervisor/supervisor_parts.h"

static struct supervisor s;
static struct pg_setup setup, next;

static const char *note(void)
{
    static char text[VIEW_TEXT_SIZE];
    supervisor_note(&s, text);
    return text;
}

/* It is what `pgraftctl status` shows of each node. */
static void what_is_amiss_with_the_configuration_is_in_the_note(void **state)
{
    (void)state;
    s.setup = &setup;
    assert_string_equal(note(), "");
    setup.times_warning = "lease_ms: 1500 is not applied";
    assert_string_equal(note(), "lease_ms: 1500 is not applied");
    s.next_setup = &next; /* it was mended, and a sequence still reads the old one */
    assert_string_equal(note(), "");
    s.next_setup = NULL;
    (void)snprintf(s.load_trouble, sizeof(s.load_trouble), "a bad line");
    assert_string_equal(note(), "a bad line");
    s.load_trouble[0] = '\0';
    supervisor_refuse_config(&s, 7, "the key config:1:12: lease_ms: 10 is not allowed");
    assert_non_null(
        strstr(note(), "lease_ms: 10 is not allowed; the last good one stays in force"));
    (void)snprintf(s.trouble, sizeof(s.trouble), "disk full");
    assert_string_equal(note(), "disk full"); /* more urgent */
}

/* Of a start that failed, while nothing is started any more: what keeps it from that says more. */
static void what_failed_gives_way_to_the_cause_once_it_is_not_tried_any_more(void **state)
{
    (void)state;
    memset(&s, 0, sizeof(s));
    s.setup = &setup;
    setup.times_warning = NULL;
    (void)snprintf(s.trouble, sizeof(s.trouble), "the guard refuses");
    s.trouble_of = ACTION_START_STANDBY;
    s.decision.action = ACTION_START_STANDBY;
    (void)snprintf(s.unread_trouble, sizeof(s.unread_trouble), "it is damaged");
    assert_string_equal(note(), "the guard refuses");
    s.decision.action = ACTION_WAIT;
    assert_string_equal(note(), "the end of its WAL can not be read: it is damaged");
    s.unread_trouble[0] = '\0';
    assert_string_equal(note(), "the guard refuses"); /* better than nothing */
    (void)snprintf(s.unread_trouble, sizeof(s.unread_trouble), "it is damaged");
    s.trouble_of = ACTION_WAIT; /* what always counts */
    assert_string_equal(note(), "the guard refuses");
}

/* "unknown", and no word why, helps nobody. */
static void a_data_directory_that_is_left_alone_is_in_the_note(void **state)
{
    (void)state;
    memset(&s, 0, sizeof(s));
    s.setup = &setup;
    setup.times_warning = NULL;
    s.has_home = true;
    s.home = (struct home){.data = DATA_USABLE, .is_noted = FACT_NO};
    assert_non_null(strstr(note(), "its data directory carries no note of pgraft"));
    s.adopts = true;
    assert_string_equal(note(), "");
    s.home = (struct home){.data = DATA_FOREIGN, .is_noted = FACT_YES, .why = "it is not ours"};
    assert_string_equal(note(), "its data directory is left alone: it is not ours");
    s.home = (struct home){.data = DATA_USABLE, .is_noted = FACT_YES, .why = "no programs"};
    assert_string_equal(note(), "no programs");
    s.home.why[0] = '\0';
    assert_string_equal(note(), "");
}

static void a_guess_at_the_configuration_is_not_warned_of(void **state)
{
    (void)state;
    memset(&s, 0, sizeof(s));
    setup.settings.is_guess = true;
    setup.times_warning = "lease_ms: 1500 is not applied";
    s.setup = &setup;
    assert_string_equal(note(), "");
}

static void what_a_reload_has_left_is_in_the_note_until_one_takes_it(void **state)
{
    (void)state;
    memset(&s, 0, sizeof(s));
    memset(&setup, 0, sizeof(setup));
    s.setup = &setup;
    supervisor_note_reload(&s, "restapi.keyfile: /k: is not the key");
    assert_string_equal(note(), "restapi.keyfile: /k: is not the key");
    (void)snprintf(s.load_trouble, sizeof(s.load_trouble), "a bad line");
    assert_string_equal(note(), "a bad line"); /* more urgent */
    s.load_trouble[0] = '\0';
    supervisor_note_reload(&s, "");
    assert_string_equal(note(), "");
}

/* Whatever else does not come about, it is the reason. */
static void why_postgresql_can_not_be_connected_to_is_in_the_note(void **state)
{
    (void)state;
    memset(&s, 0, sizeof(s));
    memset(&setup, 0, sizeof(setup));
    s.setup = &setup;
    (void)snprintf(s.trouble, sizeof(s.trouble), "seal: the deadline");
    (void)snprintf(s.start_trouble, sizeof(s.start_trouble), "it ended with status 1");
    assert_string_equal(note(), "seal: the deadline");
    (void)snprintf(s.door.text, sizeof(s.door.text), "a wrong password");
    assert_string_equal(note(), "a wrong password");
}

/* Physical ones with a name that PostgreSQL takes, but for those that are somebody else's. */
static void the_slots_that_are_made(void **state)
{
    (void)state;
    static const struct pg_setup wants = {
        .name = "pg-1",
        .permanent_slots =
            "{\"archive\": {\"type\": \"physical\"}, \"plain\": {}, \"none\": null, \"Large\": {},"
            " \"l\": {\"type\": \"logical\", \"database\": \"x\"}, \"pg_1\": {}, \"b\": {}, \"\": "
            "{}}",
        .ignored_slots =
            "[{\"name\": \"b\", \"type\": \"physical\"}, {\"name\": \"plain\","
            " \"type\": \"logical\"}]"};
    static const struct pg_setup nothing = {.name = "pg1"};
    static const struct pg_setup strange = {.name = "pg1", .permanent_slots = "[1]"};
    char out[SLOTS_PERMANENT_MAX][SLOTS_NAME_SIZE];
    memset(&s, 0, sizeof(s));
    s.setup = &wants;
    assert_int_equal(supervisor_permanent_slots(&s, out), 3);
    assert_string_equal(out[0], "archive");
    assert_string_equal(out[1], "plain");
    assert_string_equal(out[2], "none");
    s.setup = &nothing; /* another configuration in between */
    assert_int_equal(supervisor_permanent_slots(&s, out), 0);
    s.setup = &strange;
    assert_int_equal(supervisor_permanent_slots(&s, out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_amiss_with_the_configuration_is_in_the_note),
        cmocka_unit_test(what_failed_gives_way_to_the_cause_once_it_is_not_tried_any_more),
        cmocka_unit_test(a_data_directory_that_is_left_alone_is_in_the_note),
        cmocka_unit_test(a_guess_at_the_configuration_is_not_warned_of),
        cmocka_unit_test(why_postgresql_can_not_be_connected_to_is_in_the_note),
        cmocka_unit_test(what_a_reload_has_left_is_in_the_note_until_one_takes_it),
        cmocka_unit_test(the_slots_that_are_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
