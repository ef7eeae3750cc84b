/* tests/unit/test_view_events.c - what becomes an event for people, and what does not. */
#include "tests/lib/death.h"

#include "base/must.h"
#include "supervisor/view_events.h"

#define WALL_MS UINT64_C(1793607396120)

static struct cluster_view view;
static struct view_events_past past;

static void add_member(const char *name, enum view_state state, enum view_flow flow)
{
    struct view_member *m = &view.members[view.member_count++];
    memset(m, 0, sizeof(*m));
    view_text_set(m->name.text, sizeof(m->name.text), name);
    m->state = state;
    m->flow = flow;
}

/* pg1 is primary and tells it; it has looked once. */
static int begin(void **state)
{
    (void)state;
    memset(&view, 0, sizeof(view));
    memset(&past, 0, sizeof(past));
    view_text_set(view.name.text, sizeof(view.name.text), "pg1");
    view.leader = view.name;
    view.epoch = 5;
    view.has_quorum = true;
    add_member("pg1", VIEW_RUNNING, VIEW_FLOW_NONE);
    add_member("pg2", VIEW_RUNNING, VIEW_STREAMING);
    add_member("w1", VIEW_STATE_UNKNOWN, VIEW_FLOW_NONE);
    view.members[2].is_witness = true;
    view_add_changes(&view, &past, WALL_MS);
    return 0;
}

static void assert_told(const char *kind, const char *text)
{
    view_add_changes(&view, &past, WALL_MS);
    assert_int_equal(view.event_count, 1);
    assert_string_equal(view.events[0].kind, kind);
    assert_string_equal(view.events[0].text, text);
    assert_string_equal(view.events[0].node.text, "pg1");
    assert_true(view.events[0].wall_ms == WALL_MS);
    view_add_changes(&view, &past, WALL_MS);
    assert_int_equal(view.event_count, 1); /* once */
    view.event_count = 0;
}

static void what_was_so_at_the_beginning_is_no_event(void **state)
{
    (void)state;
    assert_int_equal(view.event_count, 0);
    view.members[1].received = (struct view_lsn){.is_known = true, .lsn = 7};
    view.members[2].state = VIEW_RUNNING; /* a witness has no PostgreSQL */
    view_add_changes(&view, &past, WALL_MS);
    assert_int_equal(view.event_count, 0);
}

static void a_change_of_the_primary_is_told(void **state)
{
    (void)state;
    view.leader.text[0] = '\0';
    assert_told("primary", "pg1 has the role no more");
    view_text_set(view.leader.text, sizeof(view.leader.text), "pg2");
    view.epoch = 6;
    assert_told("primary", "pg2 has the role, with epoch 6");
    view.epoch = 7; /* to the same one again; and something was lost by it */
    view_text_set(view.loss, sizeof(view.loss), "acknowledged commits may be lost");
    assert_told("primary", "pg2 has the role, with epoch 7; acknowledged commits may be lost");
}

static void a_fence_is_told(void **state)
{
    (void)state;
    view.members[1].is_fenced = true;
    view_text_set(view.members[1].fence, sizeof(view.members[1].fence), "fenced: its disk lies");
    assert_told("fence", "pg2: fenced: its disk lies");
    view.members[1].is_fenced = false;
    assert_told("fence", "pg2: unfenced");
}

static void how_a_member_is_is_told(void **state)
{
    (void)state;
    view.members[1].flow = VIEW_FLOW_NONE;
    view.members[1].state = VIEW_CRASHED;
    assert_told("member", "pg2: crashed, was streaming");
    view.members[1].state = VIEW_CREATING_REPLICA;
    view_text_set(view.members[1].note, sizeof(view.members[1].note), "clone: 5%");
    assert_told("member", "pg2: creating replica, was crashed; clone: 5%");
    view_text_set(view.members[1].note, sizeof(view.members[1].note), "clone: 6%");
    view_add_changes(&view, &past, WALL_MS);
    assert_int_equal(view.event_count, 0);
    add_member("pg4", VIEW_STATE_UNKNOWN, VIEW_FLOW_NONE); /* not heard yet */
    view_add_changes(&view, &past, WALL_MS);
    assert_int_equal(view.event_count, 0);
    add_member("pg3", VIEW_STOPPED, VIEW_FLOW_NONE);
    assert_told("member", "pg3: stopped, was new");
}

static void what_concerns_all_is_told(void **state)
{
    (void)state;
    view.has_quorum = false;
    assert_told("quorum", "no majority is heard");
    view.is_paused = true;
    assert_told("pause", "automatic changes of roles are paused");
    view.is_held = true;
    assert_told("hold", "no epoch is granted until it is lifted");
    view.election.wall_ms = 1;
    view_text_set(view.election.text, sizeof(view.election.text), "window: waits for pg3");
    assert_told("election", "window: waits for pg3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_was_so_at_the_beginning_is_no_event, begin),
        cmocka_unit_test_setup(a_change_of_the_primary_is_told, begin),
        cmocka_unit_test_setup(a_fence_is_told, begin),
        cmocka_unit_test_setup(how_a_member_is_is_told, begin),
        cmocka_unit_test_setup(what_concerns_all_is_told, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
