/* tests/unit/test_switch_outcome.c - what a client is told of a wish for another primary, after
 * each change of the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "daemon/switch_outcome.h"

static void record(struct switch_progress *p, const char *node)
{
    CLEANUP(buf_close) struct buf text = {0};
    struct row_history *history = mem_zalloc(sizeof(*history));
    struct row_timeline one = {.row = {.epoch = 7, .timeline = 2, .parent = 1, .switch_lsn = 9},
                               .reason = "switchover",
                               .stamp = "2026-12-01T03:00:00+00:00"};
    (void)snprintf(one.node.text, sizeof(one.node.text), "%s", node);
    row_history_add(history, &one);
    row_history_encode(history, &text);
    switch_history_changed(p, buf_text(&text), text.size);
    mem_free(history);
}

/* "L=pg2": leader; "L": no more; "H=pg2": a timeline; "W": the wish is gone; "W=x": another one. */
static void change(struct switch_progress *p, const char *what)
{
    const char *value = strchr(what, '=');
    value = value != NULL ? value + 1 : NULL;
    if (what[0] == 'L') {
        switch_leader_changed(p, value, value != NULL ? strlen(value) : 0);
    } else if (what[0] == 'W') {
        switch_wish_changed(p, value);
    } else {
        MUST(what[0] == 'H' && value != NULL);
        record(p, value);
    }
}

static const struct {
    bool is_failover;
    const char *from, *candidate;
    const char *changes[6];
    unsigned status;
    const char *text;
} rows[] = {
    {false, "pg1", "pg2", {NULL}, 0, ""},
    {false, "pg1", "pg2", {"L"}, 0, ""},
    {false, "pg1", "pg2", {"L", "L=pg2", "W"}, 0, ""},
    {false,
     "pg1",
     "pg2",
     {"L", "L=pg2", "W", "H=pg2"},
     200,
     "Successfully switched over to \"pg2\""},
    {false, "pg1", "", {"L", "L=pg3", "W", "H=pg3"}, 200, "Successfully switched over to \"pg3\""},
    {false,
     "pg1",
     "pg2",
     {"L", "L=pg3", "W", "H=pg3"},
     200,
     "Switched over to \"pg3\" instead of \"pg2\""},
    {false, "pg1", "pg2", {"L", "L=pg2", "W", "L", "L=pg3"}, 0, ""},
    {false, "pg1", "pg2", {"W"}, 503, "Switchover failed"},
    {false, "pg1", "pg2", {"W=x"}, 0, ""},
    {false, "pg1", "pg2", {"W", "W=x"}, 0, ""},
    {false, "pg1", "pg2", {"L", "W", "L=pg1"}, 503, "Switchover failed"},
    {false, "pg1", "pg2", {"L", "L=pg1", "H=pg1"}, 0, ""},
    {true, "", "pg2", {"L=pg2", "W"}, 0, ""},
    {true, "", "pg2", {"L=pg2", "W", "H=pg2"}, 200, "Successfully failed over to \"pg2\""},
    {true, "", "pg2", {"L=pg3", "W", "H=pg3"}, 200, "Failed over to \"pg3\" instead of \"pg2\""},
    {true, "pg1", "pg2", {"W"}, 503, "Failover failed"},
    {true, "", "pg2", {"W"}, 503, "Failover failed"},
};

/* Who leads one begins no timeline: that the grant has taken the wish away tells. */
static void the_lead_of_a_standby_cluster_is_not_recorded(void **state)
{
    (void)state;
    static const struct {
        const char *changes[3];
        const char *text;
    } steps[] = {
        {{"L"}, ""},
        {{"L", "L=pg2"}, ""},
        {{"L", "L=pg2", "W"}, "Successfully switched over to \"pg2\""},
        {{"L", "L=pg3", "W"}, "Switched over to \"pg3\" instead of \"pg2\""},
        {{"L", "L=pg1", "W"}, "Switchover failed"},
    };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct switch_progress p = {
            .is_standby = true, .from = {"pg1"}, .leader = {"pg1"}, .candidate = {"pg2"}};
        struct switch_outcome o;
        for (size_t k = 0; k < ARRAY_LEN(steps[i].changes) && steps[i].changes[k] != NULL; k++) {
            change(&p, steps[i].changes[k]);
        }
        switch_judge_progress(&p, &o);
        assert_string_equal(o.text, steps[i].text);
    }
}

static void a_client_is_told_what_has_come_of_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct switch_progress p = {.is_failover = rows[i].is_failover};
        struct switch_outcome o;
        (void)snprintf(p.from.text, sizeof(p.from.text), "%s", rows[i].from);
        (void)snprintf(p.candidate.text, sizeof(p.candidate.text), "%s", rows[i].candidate);
        p.leader = p.from;
        for (size_t k = 0; k < ARRAY_LEN(rows[i].changes) && rows[i].changes[k] != NULL; k++) {
            change(&p, rows[i].changes[k]);
        }
        switch_judge_progress(&p, &o);
        assert_string_equal(o.text, rows[i].text);
        assert_int_equal(o.status, rows[i].status);
    }
}

static void nothing_is_made_of_what_can_not_be_read(void **state)
{
    (void)state;
    struct switch_progress p = {.from = {"pg1"}, .leader = {"pg1"}};
    struct switch_outcome o;
    switch_history_changed(&p, "{", 1);
    switch_history_changed(&p, NULL, 0);
    assert_string_equal(p.recorded.text, "");
    char long_name[FACTS_NAME_SIZE + 1];
    memset(long_name, 'x', sizeof(long_name));
    switch_leader_changed(&p, long_name, sizeof(long_name));
    assert_string_equal(p.leader.text, "");
    switch_judge_progress(&p, &o);
    assert_int_equal(o.status, 0);
}

static void it_waits_as_long_as_patroni(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        uint64_t wait_s;
    } waits[] = {
        {NULL, 20},
        {"{}", 20},
        {"{\"loop_wait\": 3}", 20},
        {"{\"loop_wait\": 10}", 20},
        {"{\"loop_wait\": 17}", 34},
        {"{\"loop_wait\": -17}", 20},
        {"{\"loop_wait\": 1000000000}", 20},
        {"{\"loop_wait\": \"17\"}", 34},
        {"{\"loop_wait\": \"60s\"}", 120},
        {"{\"loop_wait\": 12.5}", 25},
        {"{\"loop_wait\": \"2h\"}", 600},
        {"{\"loop_wait\": \"2d\"}", 20},
        {"{\"loop_wait\": [17]}", 20},
        {"{\"loop_wait\": \"soon\"}", 20},
        {"nonsense", 20},
    };
    struct switch_outcome o;
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        const char *text = waits[i].config;
        assert_int_equal(switch_wait_s(text, text != NULL ? strlen(text) : 0), waits[i].wait_s);
    }
    switch_judge_late(&(struct switch_progress){.is_failover = false}, 34, &o);
    assert_int_equal(o.status, 503);
    assert_string_equal(o.text,
                        "Switchover status unknown after 34 seconds; operation may still be"
                        " in progress");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_is_told_what_has_come_of_it),
        cmocka_unit_test(the_lead_of_a_standby_cluster_is_not_recorded),
        cmocka_unit_test(nothing_is_made_of_what_can_not_be_read),
        cmocka_unit_test(it_waits_as_long_as_patroni),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
