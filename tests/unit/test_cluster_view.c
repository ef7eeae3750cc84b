/* tests/unit/test_cluster_view.c - a view on its board, its rings, and whether any one may fail. */
#include "tests/lib/death.h"

#include <pthread.h>
#include <string.h>

#include "base/buf.h"
#include "base/must.h"
#include "tests/lib/view_kit.h"

static void a_board_begins_with_nothing_known(void **state)
{
    (void)state;
    struct view_board *board = view_board_create(true);
    const struct cluster_view *view = view_board_read(board);
    assert_int_equal(view->published_boot_ms, 0);
    assert_true(view_is_stale(view, 1));
    assert_false(view_has_lease(view, 1));
    assert_int_equal(view_state_now(view, 1), VIEW_STATE_UNKNOWN);
    assert_true(view->self.supervises);
    view_board_destroy(board);
    board = view_board_create(false);
    assert_false(view_board_read(board)->self.supervises);
    view_board_destroy(board);
    view_board_destroy(NULL);
}

static void a_reader_keeps_what_it_has_and_gets_the_newest(void **state)
{
    static struct cluster_view view;
    (void)state;
    struct view_board *board = view_board_create(true);
    view_kit_fill(&view, "pg1");
    view.epoch = 1;
    view_board_publish(board, &view, 5);
    const struct cluster_view *one = view_board_read(board);
    assert_int_equal(one->epoch, 1);
    assert_int_equal(one->published_boot_ms, 5);
    for (view.epoch = 2; view.epoch < 10; view.epoch++) {
        view_board_publish(board, &view, view.epoch);
        assert_int_equal(one->epoch, 1); /* untouched until the next read */
    }
    assert_int_equal(view_board_read(board)->epoch, 9);
    assert_int_equal(view_board_read(board)->epoch, 9);
    view_board_destroy(board);
}

#define ROUNDS 2000

static void *publish_many(void *context)
{
    static struct cluster_view view;
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        view.epoch = i;
        view.leader_lsn = i;
        view.event_count = VIEW_EVENTS_MAX;
        view.events[VIEW_EVENTS_MAX - 1].sequence = i; /* the far end of it */
        view_board_publish(context, &view, i);
    }
    return NULL;
}

static void a_view_is_never_half_of_two(void **state)
{
    pthread_t writer;
    uint64_t last = 0;
    (void)state;
    struct view_board *board = view_board_create(true);
    int rc = pthread_create(&writer, NULL, publish_many, board);
    assert_int_equal(rc, 0);
    while (last < ROUNDS) {
        const struct cluster_view *view = view_board_read(board);
        assert_true(view->epoch >= last);
        last = view->epoch;
        assert_int_equal(view->leader_lsn, last);
        assert_int_equal(view->published_boot_ms, last);
        assert_int_equal(view->events[VIEW_EVENTS_MAX - 1].sequence, last);
    }
    (void)pthread_join(writer, NULL);
    view_board_destroy(board);
}

static void rings_keep_the_newest_and_count_on(void **state)
{
    static struct cluster_view view;
    (void)state;
    memset(&view, 0, sizeof(view));
    for (uint64_t i = 1; i <= VIEW_EVENTS_MAX + 5; i++) {
        view_add_event(&view, &(struct view_event){.wall_ms = i});
    }
    assert_int_equal(view.event_count, VIEW_EVENTS_MAX);
    assert_int_equal(view.events[0].sequence, 6);
    assert_int_equal(view.events[0].wall_ms, 6);
    assert_int_equal(view.events[VIEW_EVENTS_MAX - 1].sequence, VIEW_EVENTS_MAX + 5);
    for (uint64_t i = 1; i <= VIEW_DECISIONS_MAX + 2; i++) {
        view_add_decision(&view, &(struct view_decision){.wall_ms = i});
    }
    assert_int_equal(view.decision_count, VIEW_DECISIONS_MAX);
    assert_int_equal(view.decisions[0].wall_ms, 3);
}

static void texts_are_cut_to_their_room(void **state)
{
    (void)state;
    char room[4] = "xyz";
    view_text_set(room, sizeof(room), "abcdef");
    assert_string_equal(room, "abc");
    view_text_set(room, sizeof(room), "");
    assert_string_equal(room, "");
}

/* ---- may any one fail? ---- */

static void all_well(struct cluster_view *view)
{
    (void)view;
}
static void no_primary(struct cluster_view *view)
{
    view->leader.text[0] = '\0';
}
static void one_standby_gone(struct cluster_view *view)
{
    view_kit_member(view, "pg3")->is_fresh = false;
}
static void no_standby_fit(struct cluster_view *view)
{
    view_kit_member(view, "pg2")->is_fresh = false;
    view_kit_member(view, "pg3")->never_leads = true;
}
static void one_reads_the_archive(struct cluster_view *view)
{
    view_kit_tag(&view_kit_member(view, "pg2")->tags, "nostream", "true", VIEW_TAG_BOOL);
    view_kit_member(view, "pg2")->flow = VIEW_ARCHIVE;
    view_kit_member(view, "pg3")->state = VIEW_CRASHED;
}
static void one_never_leads(struct cluster_view *view)
{
    view_kit_member(view, "pg2")->never_leads = true;
    view_kit_member(view, "pg3")->state = VIEW_STARTING;
}
static void all_behind(struct cluster_view *view)
{
    view->leader_lsn += view->lag_bytes_max + 1;
}
static void sync_is_far_but_safe(struct cluster_view *view)
{
    view_kit_sync(view, SYNC_ON, "pg2");
    all_behind(view);
}
static void not_in_the_set(struct cluster_view *view)
{
    view_kit_sync(view, SYNC_ON, "pg2");
    view_kit_member(view, "pg2")->flow = VIEW_FLOW_NONE;
}
static void strict_and_none_to_spare(struct cluster_view *view)
{
    view_kit_sync(view, SYNC_ON, "pg2");
    view->sync_strict = true;
}
static void strict_and_one_to_spare(struct cluster_view *view)
{
    view_kit_sync(view, SYNC_QUORUM, "pg2,pg3");
    view->sync_strict = true;
    view->sync_nodes = 1;
}
static void other_copies(struct cluster_view *view)
{
    view_kit_sync(view, SYNC_QUORUM, "pg2,pg3");
    view->sync_is_provable = false;
}
static void alone(struct cluster_view *view)
{
    view->member_count = 1;
}
static void paused(struct cluster_view *view)
{
    view->is_paused = true;
}
static void old(struct cluster_view *view)
{
    view->published_boot_ms = 1;
}

static void whether_any_one_may_fail(void **state)
{
    static struct cluster_view view;
    (void)state;
    static const struct {
        void (*change)(struct cluster_view *view);
        enum view_loss loss;
        const char *why;
    } rows[] = {
        {all_well, VIEW_LOSS_BEARABLE, ""},
        {one_standby_gone, VIEW_LOSS_BEARABLE, ""},
        {sync_is_far_but_safe, VIEW_LOSS_BEARABLE, ""},
        {strict_and_one_to_spare, VIEW_LOSS_BEARABLE, ""},
        {no_primary, VIEW_LOSS_NOT, "there is no primary\n"},
        {no_standby_fit, VIEW_LOSS_NOT,
         "nobody could take over when pg1 is lost: pg2 was not heard lately; "
         "pg3 is tagged never to become primary\n"},
        {one_reads_the_archive, VIEW_LOSS_NOT,
         "nobody could take over when pg1 is lost: pg2 is tagged nostream, and may be behind; "
         "pg3 is not running: crashed\n"},
        {one_never_leads, VIEW_LOSS_NOT,
         "nobody could take over when pg1 is lost: pg2 is tagged never to become primary; "
         "pg3 is not running: starting\n"},
        {all_behind, VIEW_LOSS_NOT,
         "nobody could take over when pg1 is lost: pg2 is 1048577 bytes behind, more than "
         "maximum_lag_on_failover; pg3 is 1048577 bytes behind, more than "
         "maximum_lag_on_failover\n"},
        {not_in_the_set, VIEW_LOSS_NOT,
         "nobody could take over when pg1 is lost: pg2 does not replicate; "
         "pg3 is no synchronous standby\n"},
        {strict_and_none_to_spare, VIEW_LOSS_NOT,
         "commits would wait for ever without any one of the synchronous standbys: "
         "synchronous_mode_strict is on, and there is none to spare\n"},
        {other_copies, VIEW_LOSS_NOT,
         "nobody would take over when pg1 is lost: too few of the copies that commits wait for "
         "are there to prove that nothing is missing\n"},
        {alone, VIEW_LOSS_NOT, "nobody could take over when pg1 is lost: there is no standby\n"},
        {paused, VIEW_LOSS_NOT, "it is paused: nobody takes over when pg1 is lost\n"},
        {old, VIEW_LOSS_UNKNOWN, "what this node knows of PostgreSQL is old\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf why = {0};
        view_kit_fill(&view, "w1");
        rows[i].change(&view);
        enum view_loss loss = view_any_one_may_fail(&view, VIEW_KIT_NOW_MS, &why);
        assert_string_equal(buf_text(&why), rows[i].why);
        assert_int_equal(loss, rows[i].loss);
        buf_close(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_board_begins_with_nothing_known),
        cmocka_unit_test(a_reader_keeps_what_it_has_and_gets_the_newest),
        cmocka_unit_test(a_view_is_never_half_of_two),
        cmocka_unit_test(rings_keep_the_newest_and_count_on),
        cmocka_unit_test(texts_are_cut_to_their_room),
        cmocka_unit_test(whether_any_one_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
