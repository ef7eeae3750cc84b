/* tests/unit/test_slots.c - which replication slots are made, moved on and dropped, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/slots.h"

#define MB UINT64_C(1048576)
#define TTL_MS UINT64_C(1800000)
#define PLANS_MAX 8

static struct slots_book book;
static struct slots_input input;
static struct slots_seen seen;
static struct slots_plan plans[PLANS_MAX];

/* A standby with two others: pg1, which is primary, and pg3; both at 100 MB, both with a slot. */
static int begin(void **state)
{
    (void)state;
    memset(&book, 0, sizeof(book));
    memset(&seen, 0, sizeof(seen));
    input = (struct slots_input){.is_wanted = true,
                                 .is_heir = true,
                                 .ttl_ms = TTL_MS,
                                 .segment_size = 16 * MB,
                                 .member_count = 2};
    for (uint32_t i = 0; i < 2; i++) {
        const char *name = i == 0 ? "pg1" : "pg3";
        input.members[i] = (struct slots_member){
            .is_here = true, .has_data = true, .end_known = true, .end_lsn = 100 * MB};
        (void)snprintf(input.members[i].name, SLOTS_NAME_SIZE, "%s", name);
        seen.at[i] = (struct slot_row){.is_physical = true, .is_holding = true, .lsn = 97 * MB};
        (void)snprintf(seen.at[i].name, SLOTS_NAME_SIZE, "%s", name);
    }
    seen.in_recovery = true;
    seen.replay_lsn = 100 * MB;
    seen.count = 2;
    return 0;
}

static uint32_t look(uint64_t now_ms)
{
    return slots_plan(&book, &input, &seen, now_ms, plans, PLANS_MAX);
}

static void assert_plan(uint32_t at, enum slots_step step, const char *name)
{
    assert_int_equal(plans[at].step, step);
    assert_string_equal(plans[at].name, name);
}

static void a_house_in_order_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(look(0), 0);
}

static void a_member_gets_a_slot(void **state)
{
    (void)state;
    seen.count = 1;
    assert_int_equal(look(0), 1);
    assert_plan(0, SLOTS_CREATE, "pg3");
    input.members[1].has_data = false; /* it is being cloned, and needs one soon */
    assert_int_equal(look(0), 1);
    input.members[1].is_here = false;
    assert_int_equal(look(0), 0);
    input.is_wanted = false;
    input.members[1].is_here = true;
    assert_int_equal(look(0), 1);
    assert_plan(0, SLOTS_DROP, "pg1");
}

static void a_slot_follows_its_member(void **state)
{
    (void)state;
    input.members[1].end_lsn = 130 * MB;
    seen.replay_lsn = 120 * MB; /* this standby has no more itself */
    assert_int_equal(look(0), 1);
    assert_plan(0, SLOTS_ADVANCE, "pg3");
    assert_int_equal(plans[0].lsn, 120 * MB);
    seen.in_recovery = false;
    assert_int_equal(look(0), 1);
    assert_int_equal(plans[0].lsn, 130 * MB);
    input.members[1].end_lsn = 111 * MB; /* in the same segment: nothing would become free */
    assert_int_equal(look(0), 0);
    input.members[1].end_lsn = 50 * MB;
    assert_int_equal(look(0), 0);
    input.members[1].end_lsn = 130 * MB;
    seen.at[1].is_active = true; /* it moves by itself */
    assert_int_equal(look(0), 0);
    seen.at[1].is_active = false;
    input.members[1].is_here = false; /* what it said is old */
    assert_int_equal(look(0), 0);
}

static void a_member_that_is_away_keeps_its_slot_for_a_while(void **state)
{
    (void)state;
    assert_int_equal(look(1000), 0);
    input.members[1].is_here = false;
    assert_int_equal(look(1000 + TTL_MS - 1), 0);
    assert_int_equal(look(1000 + TTL_MS), 1);
    assert_plan(0, SLOTS_DROP, "pg3");
    seen.at[1].is_active = true; /* it streams all the same */
    assert_int_equal(look(1000 + 2 * TTL_MS), 0);
    seen.at[1].is_active = false; /* from now on its time counts again */
    assert_int_equal(look(1000 + 3 * TTL_MS - 1), 0);
    assert_int_equal(look(1000 + 3 * TTL_MS), 1);
}

static void a_member_without_data_does_not_fill_the_disk(void **state)
{
    (void)state;
    assert_int_equal(look(0), 0);
    input.members[1].has_data = false;
    assert_int_equal(look(TTL_MS), 1);
    assert_plan(0, SLOTS_DROP, "pg3");
    seen.count = 1;
    assert_int_equal(look(TTL_MS + 1), 1);
    assert_plan(0, SLOTS_CREATE, "pg3");
    seen.count = 2;
    assert_int_equal(look(TTL_MS + 2), 0);
}

static bool keeps_archive(void *ctx, const struct slot_row *row)
{
    (void)ctx;
    return strcmp(row->name, "archive") == 0;
}

static void what_is_nobodys_goes_in_the_end(void **state)
{
    (void)state;
    seen.at[2] =
        (struct slot_row){.name = "pg9", .is_physical = true, .is_holding = true, .lsn = 1 * MB};
    seen.count = 3;
    assert_int_equal(look(5), 0);
    assert_int_equal(look(5 + TTL_MS), 1);
    assert_plan(0, SLOTS_DROP, "pg9");
    input.is_paused = true;
    assert_int_equal(look(5 + TTL_MS), 0);
    input.is_paused = false;
    seen.at[2].is_physical = false;
    assert_int_equal(look(5 + TTL_MS), 0);
    seen.at[2].is_physical = true;
    seen.at[2].is_temporary = true;
    assert_int_equal(look(5 + TTL_MS), 0);
    seen.at[2].is_temporary = false;
    input.is_wanted = false; /* use_slots is off: then slots are the operator's */
    input.member_count = 0;
    assert_int_equal(look(5 + TTL_MS), 0);
    input.is_wanted = true;
    input.is_kept = keeps_archive;
    assert_int_equal(look(5 + TTL_MS), 1);
    (void)snprintf(seen.at[2].name, SLOTS_NAME_SIZE, "archive");
    assert_int_equal(look(5 + 3 * TTL_MS), 2);
}

static uint32_t names_two(void *ctx, char out[SLOTS_PERMANENT_MAX][SLOTS_NAME_SIZE])
{
    (void)ctx;
    (void)snprintf(out[0], SLOTS_NAME_SIZE, "archive");
    (void)snprintf(out[1], SLOTS_NAME_SIZE, "pg3"); /* a member's: it is one already */
    return 2;
}

static void what_the_configuration_names_is_the_primary_s(void **state)
{
    (void)state;
    input.permanent = names_two;
    input.is_kept = keeps_archive;
    assert_int_equal(look(0), 0); /* on a standby nobody makes it */
    input.is_primary = true;
    seen.in_recovery = false;
    assert_int_equal(look(0), 1);
    assert_plan(0, SLOTS_CREATE, "archive");
    input.is_wanted = false; /* use_slots is about members */
    input.member_count = 0;
    assert_int_equal(look(0), 1);
    assert_plan(0, SLOTS_CREATE, "archive");
    seen.has_more = true; /* it may be there */
    assert_int_equal(look(0), 0);
}

static void what_the_configuration_names_is_never_dropped_on_the_primary(void **state)
{
    (void)state;
    input.permanent = names_two;
    input.is_primary = true;
    seen.in_recovery = false;
    seen.at[2] =
        (struct slot_row){.name = "archive", .is_physical = true, .is_holding = true, .lsn = MB};
    seen.count = 3;
    assert_int_equal(look(0), 0);
    assert_int_equal(look(10 * TTL_MS), 0);
    input.is_primary = false; /* there it holds WAL for nobody */
    seen.in_recovery = true;
    input.is_paused = true;
    assert_int_equal(look(10 * TTL_MS), 0);
    input.is_paused = false;
    assert_int_equal(look(10 * TTL_MS), 1);
    assert_plan(0, SLOTS_DROP, "archive");
    seen.at[2].is_active = true;
    assert_int_equal(look(11 * TTL_MS), 0);
}

static void a_slot_that_is_no_good_is_dropped(void **state)
{
    (void)state;
    seen.at[0].is_lost = true;
    assert_int_equal(look(0), 1);
    assert_plan(0, SLOTS_DROP, "pg1");
    seen.at[0].is_lost = false;
    seen.at[0].is_holding = false;
    assert_int_equal(look(0), 1);
    seen.at[0].is_holding = true;
    seen.at[0].has_xmin = true;
    assert_int_equal(look(0), 1);
    seen.in_recovery = false; /* on the primary its member comes back and sets it right */
    assert_int_equal(look(0), 0);
    seen.has_more = true; /* who does not see all drops none */
    seen.at[0].is_lost = true;
    assert_int_equal(look(0), 0);
}

static void without_a_time_only_the_primary_has_them(void **state)
{
    (void)state;
    input.ttl_ms = 0;
    assert_int_equal(look(0), 2);
    assert_plan(0, SLOTS_DROP, "pg1");
    input.is_primary = true;
    seen.in_recovery = false;
    assert_int_equal(look(0), 0);
    input.members[0].is_here = false;
    assert_int_equal(look(1), 1);
    assert_plan(0, SLOTS_DROP, "pg1");
}

static void who_never_becomes_primary_has_slots_for_those_that_follow_it(void **state)
{
    (void)state;
    input.is_heir = false;
    input.members[1].is_fed = true;
    assert_int_equal(look(0), 1);
    assert_plan(0, SLOTS_DROP, "pg1");
    seen.count = 0;
    assert_int_equal(look(1), 1);
    assert_plan(0, SLOTS_CREATE, "pg3");
    input.ttl_ms = 0; /* then too: it is needed here, and now */
    assert_int_equal(look(2), 1);
    input.is_wanted = false;
    assert_int_equal(look(3), 0);
}

static void statements_are_written(void **state)
{
    (void)state;
    char sql[SLOTS_SQL_SIZE];
    struct slots_plan plan = {.step = SLOTS_CREATE, .name = "pg_1", .lsn = 0x1a0000028};
    assert_string_equal(slots_plan_sql(&plan, sql),
                        "SELECT pg_create_physical_replication_slot('pg_1', true)");
    plan.step = SLOTS_ADVANCE;
    assert_string_equal(slots_plan_sql(&plan, sql),
                        "SELECT pg_replication_slot_advance('pg_1', '1/A0000028')");
    plan.step = SLOTS_DROP;
    assert_string_equal(slots_plan_sql(&plan, sql), "SELECT pg_drop_replication_slot('pg_1')");
}

static void answers_are_read(void **state)
{
    (void)state;
    struct slots_seen out;
    const char *cells[] = {"f", NULL, "t", "pg2", "t", "t", "f", "f", "0/3000028", "f",
                           "f", NULL, "t", "log", "f", "f", "f", "f", NULL,        "f"};
    struct pg_rows rows = {.count = 2, .columns = 10, .cells = cells};
    assert_int_equal(slots_parse(&rows, &out, NULL), 0);
    assert_true(out.wants_checkpoint && !out.in_recovery);
    assert_int_equal(out.count, 2);
    assert_true(out.at[0].is_active && out.at[0].is_physical && out.at[0].is_holding);
    assert_int_equal(out.at[0].lsn, 0x3000028);
    assert_false(out.at[1].is_physical || out.at[1].is_holding);
    cells[8] = "0-3";
    assert_int_equal(slots_parse(&rows, &out, NULL), ERR_PROTOCOL);
    const char *none[] = {"t", "0/5000000", "f", NULL, NULL, NULL, NULL, NULL, NULL, NULL};
    rows = (struct pg_rows){.count = 1, .columns = 10, .cells = none};
    assert_int_equal(slots_parse(&rows, &out, NULL), 0);
    assert_int_equal(out.count, 0);
    assert_int_equal(out.replay_lsn, 0x5000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_house_in_order_is_left_alone, begin),
        cmocka_unit_test_setup(a_member_gets_a_slot, begin),
        cmocka_unit_test_setup(a_slot_follows_its_member, begin),
        cmocka_unit_test_setup(a_member_that_is_away_keeps_its_slot_for_a_while, begin),
        cmocka_unit_test_setup(a_member_without_data_does_not_fill_the_disk, begin),
        cmocka_unit_test_setup(what_is_nobodys_goes_in_the_end, begin),
        cmocka_unit_test_setup(what_the_configuration_names_is_the_primary_s, begin),
        cmocka_unit_test_setup(what_the_configuration_names_is_never_dropped_on_the_primary, begin),
        cmocka_unit_test_setup(a_slot_that_is_no_good_is_dropped, begin),
        cmocka_unit_test_setup(without_a_time_only_the_primary_has_them, begin),
        cmocka_unit_test_setup(who_never_becomes_primary_has_slots_for_those_that_follow_it, begin),
        cmocka_unit_test(statements_are_written),
        cmocka_unit_test(answers_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
