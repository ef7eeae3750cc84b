/* tests/unit/test_patroni_switch.c - every refusal of a switchover or failover in Patroni's words,
 * and the wish that comes of a good one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "daemon/patroni_switch.h"
#include "tests/lib/view_kit.h"

#define NOW_MS UINT64_C(1796094000000) /* 2026-12-01T03:00:00Z */

#define CHANGE(name) static void name(struct cluster_view *v)
CHANGE(paused)
{
    v->is_paused = true;
}
CHANGE(held)
{
    v->is_held = true;
}
CHANGE(pg2_is_sync)
{
    view_kit_sync(v, SYNC_ON, "pg2");
}
CHANGE(nobody_is_sync)
{
    view_kit_sync(v, SYNC_ON, "");
}
CHANGE(pg2_is_of_a_quorum)
{
    view_kit_sync(v, SYNC_QUORUM, "pg2");
}
CHANGE(pg2_is_silent)
{
    view_kit_member(v, "pg2")->is_fresh = false;
}
CHANGE(pg2_starts)
{
    view_kit_member(v, "pg2")->state = VIEW_STARTING;
}
CHANGE(pg2_does_not_stream)
{
    view_kit_member(v, "pg2")->flow = VIEW_FLOW_NONE;
}
CHANGE(pg3_does_not_stream)
{
    view_kit_member(v, "pg3")->flow = VIEW_FLOW_NONE;
}
CHANGE(pg2_never_leads)
{
    view_kit_member(v, "pg2")->never_leads = true;
}
CHANGE(pg2_is_fenced)
{
    view_kit_member(v, "pg2")->is_fenced = view_kit_member(v, "pg2")->never_leads = true;
}
CHANGE(nobody_leads)
{
    v->leader.text[0] = '\0';
    pg2_does_not_stream(v);
}
CHANGE(pg2_is_restored)
{
    view_kit_member(v, "pg2")->is_restored = true;
    view_kit_member(v, "pg2")->state = VIEW_STOPPED;
    view_kit_member(v, "pg2")->flow = VIEW_FLOW_NONE;
    view_kit_member(v, "pg2")->received = (struct view_lsn){.is_known = false};
}
CHANGE(pg2_has_nothing)
{
    pg2_is_restored(v);
    view_kit_member(v, "pg2")->is_restored = false;
}
CHANGE(cluster_is_a_standby)
{
    v->is_standby_cluster = true;
}
CHANGE(others_are_witnesses)
{
    view_kit_member(v, "pg2")->is_witness = view_kit_member(v, "pg3")->is_witness = true;
}

#define OVER false
#define FAIL true
#define LATER "2026-12-01T05:00:00+01:00"
#define IN_PAUSE " is not possible: nobody is made primary during a pause, resume first"
#define NOT_GOOD " is not possible: no good candidates have been found"

// clang-format off
struct row {
    struct {
        bool is_failover;
        const char *leader, *candidate, *scheduled_at;
    } asked;
    void (*changes[2])(struct cluster_view *view);
    unsigned status;
    const char *text; /* or of the wish: "from>to at", "!" where a loss is accepted */
};
static const struct row cases[] = {
    {{OVER, "pg1", NULL, NULL}, {NULL}, 0, "pg1>"},
    {{OVER, "pg1", "pg2", NULL}, {NULL}, 0, "pg1>pg2"},
    {{OVER, "pg1", "pg3", LATER}, {NULL}, 0, "pg1>pg3 " LATER},
    {{OVER, "pg1", NULL, "2026-12-01 04:01Z"}, {NULL}, 0, "pg1> 2026-12-01T04:01:00+00:00"},
    {{OVER, NULL, "pg2", NULL}, {NULL}, 400, "Switchover could be performed only from a specific leader"},
    {{OVER, "", "pg2", NULL}, {NULL}, 400, "Switchover could be performed only from a specific leader"},
    {{OVER, "pg1", "pg1", NULL}, {NULL}, 400, "Switchover target and source are the same"},
    {{OVER, "pg2", "pg2", NULL}, {NULL}, 400, "Switchover target and source are the same"},
    {{OVER, "pg2", NULL, NULL}, {NULL}, 412, "leader name does not match"},
    {{OVER, "pg2", "pg3", NULL}, {NULL}, 412, "leader name does not match"},
    {{OVER, "pg1", NULL, NULL}, {nobody_leads}, 412, "leader name does not match"},
    {{OVER, "pg1", "pg9", NULL}, {NULL}, 412, "candidate does not exists"},
    {{OVER, "pg1", "w1", NULL}, {NULL}, 412, "candidate does not exists"},
    {{OVER, "pg1", NULL, LATER}, {paused}, 400, "Can't schedule switchover in the paused state"},
    {{OVER, "pg1", NULL, NULL}, {paused}, 400, "Switchover is possible only to a specific candidate in a paused state"},
    {{OVER, "pg1", "pg2", NULL}, {paused}, 412, "switchover" IN_PAUSE},
    {{FAIL, NULL, "pg2", NULL}, {paused}, 412, "failover" IN_PAUSE},
    {{OVER, "pg1", "pg1", NULL}, {paused}, 400, "Switchover target and source are the same"},
    {{OVER, "pg1", "pg2", NULL}, {held}, 412, "switchover is not possible: the primary is held, lift that first"},
    {{OVER, "pg1", NULL, "soon"}, {NULL}, 422, "Unable to parse scheduled timestamp. It should be in an unambiguous format, e.g. ISO 8601"},
    {{OVER, "pg1", NULL, "2026-12-01T05:00:00"}, {NULL}, 400, "Timezone information is mandatory for the scheduled switchover"},
    {{OVER, "pg1", NULL, "2026-12-01T04:00:00+01:00"}, {NULL}, 422, "Cannot schedule switchover in the past"},
    {{OVER, "pg1", "pg3", NULL}, {pg2_is_sync}, 412, "candidate name does not match with sync_standby"},
    {{OVER, "pg1", "pg2", NULL}, {pg2_is_sync}, 0, "pg1>pg2"},
    {{OVER, "pg1", "pg3", NULL}, {pg2_is_of_a_quorum}, 0, "pg1>pg3"},
    {{OVER, "pg1", NULL, NULL}, {nobody_is_sync}, 412, "switchover is not possible: can not find sync_standby"},
    {{OVER, "pg1", NULL, NULL}, {pg2_is_sync, pg2_is_silent}, 412, "switchover" NOT_GOOD},
    {{OVER, "pg1", NULL, NULL}, {others_are_witnesses}, 412, "switchover is not possible: cluster does not have members except leader"},
    {{OVER, "pg1", "pg2", NULL}, {pg2_is_silent}, 412, "switchover" NOT_GOOD},
    {{OVER, "pg1", "pg2", NULL}, {pg2_starts}, 412, "switchover" NOT_GOOD},
    {{OVER, "pg1", "pg2", NULL}, {pg2_does_not_stream}, 412, "switchover" NOT_GOOD},
    {{OVER, "pg1", "pg2", NULL}, {pg2_never_leads}, 412, "switchover" NOT_GOOD},
    {{OVER, "pg1", "pg2", NULL}, {pg2_is_fenced}, 412, "pg2 is fenced; pgraftctl unfence pg2"},
    {{FAIL, NULL, "pg2", NULL}, {pg2_is_fenced}, 412, "pg2 is fenced; pgraftctl unfence pg2"},
    {{OVER, "pg1", NULL, NULL}, {pg2_never_leads}, 0, "pg1>"},
    {{OVER, "pg1", NULL, NULL}, {pg2_never_leads, pg3_does_not_stream}, 412, "switchover" NOT_GOOD},
    {{FAIL, NULL, NULL, NULL}, {NULL}, 400, "Failover could be performed only to a specific candidate"},
    {{FAIL, "pg1", NULL, NULL}, {NULL}, 400, "Failover could be performed only to a specific candidate"},
    {{FAIL, NULL, "pg2", LATER}, {NULL}, 400, "Failover can't be scheduled"},
    {{FAIL, NULL, "pg2", NULL}, {NULL}, 0, ">pg2"},
    {{FAIL, NULL, "pg2", NULL}, {nobody_leads}, 0, ">pg2"},
    {{FAIL, NULL, "pg3", NULL}, {pg2_is_sync}, 0, ">pg3"},
    {{FAIL, NULL, "pg1", NULL}, {NULL}, 412, "failover" NOT_GOOD},
    {{FAIL, NULL, "pg2", NULL}, {pg2_never_leads}, 412, "failover" NOT_GOOD},
    {{FAIL, "pg3", "pg2", NULL}, {NULL}, 412, "leader name does not match"},
    {{FAIL, "pg1", "pg3", NULL}, {pg2_is_sync}, 412, "candidate name does not match with sync_standby"},
    {{FAIL, NULL, "pg2", NULL}, {pg2_is_restored}, 412, "failover" NOT_GOOD},
};
static const struct row cases_with_a_loss[] = {
    {{FAIL, NULL, "pg2", NULL}, {pg2_is_restored}, 0, ">pg2!"},
    {{FAIL, NULL, "pg2", NULL}, {pg2_is_restored, paused}, 0, ">pg2!"},
    {{FAIL, NULL, "pg2", NULL}, {pg2_is_restored, held}, 412, "failover is not possible: the primary is held, lift that first"},
    {{FAIL, NULL, "pg2", NULL}, {pg2_is_restored, pg2_is_silent}, 412, "failover" NOT_GOOD},
    {{FAIL, NULL, "pg2", NULL}, {pg2_is_restored, pg2_never_leads}, 412, "failover" NOT_GOOD},
    {{FAIL, NULL, "pg2", NULL}, {pg2_is_restored, pg2_is_fenced}, 412, "pg2 is fenced; pgraftctl unfence pg2"},
    {{FAIL, NULL, "pg2", NULL}, {pg2_is_restored, cluster_is_a_standby}, 412, "failover" NOT_GOOD},
    {{FAIL, NULL, "pg2", NULL}, {pg2_has_nothing}, 412, "failover" NOT_GOOD},
    {{FAIL, NULL, "pg2", NULL}, {pg2_does_not_stream}, 0, ">pg2!"},
    {{FAIL, NULL, "pg1", NULL}, {NULL}, 412, "failover" NOT_GOOD},
    {{FAIL, NULL, NULL, NULL}, {NULL}, 400, "Failover could be performed only to a specific candidate"},
    {{FAIL, "pg1", "pg2", NULL}, {NULL}, 400, "only a failover accepts a loss of data, and without a leader"},
    {{OVER, "pg1", "pg2", NULL}, {NULL}, 400, "only a failover accepts a loss of data, and without a leader"},
};
// clang-format on

static void check(const struct row *row, bool accepts_loss)
{
    struct cluster_view view;
    struct switch_verdict v;
    char said[320];
    const struct switch_request request = {.is_failover = row->asked.is_failover,
                                           .leader = row->asked.leader,
                                           .candidate = row->asked.candidate,
                                           .scheduled_at = row->asked.scheduled_at,
                                           .accepts_loss = accepts_loss};
    view_kit_fill(&view, "pg3");
    for (size_t k = 0; k < 2 && row->changes[k] != NULL; k++) {
        row->changes[k](&view);
    }
    switch_judge(&request, &view, NOW_MS, &v);
    (void)snprintf(said, sizeof(said), "%s>%s%s%s%s", v.wish.leader.text, v.wish.candidate.text,
                   v.wish.is_scheduled ? " " : "", v.wish.scheduled_at,
                   v.wish.accepts_loss ? "!" : "");
    const char *text = v.status == 0 ? said : v.text;
    if (v.status != row->status || strcmp(text, row->text) != 0) {
        fail_msg("\"%s\": %u \"%s\"", row->text, v.status, text);
    }
}

static void each_request_has_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        check(&cases[i], false);
    }
}

static void so_has_each_that_accepts_a_loss(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases_with_a_loss); i++) {
        check(&cases_with_a_loss[i], true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_has_its_answer),
        cmocka_unit_test(so_has_each_that_accepts_a_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
