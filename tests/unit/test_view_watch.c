/* tests/unit/test_view_watch.c - what PostgreSQL has answered, told as a view. */
#include "tests/lib/death.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "supervisor/view_watch.h"

static struct view_self self;
static struct probe_watch watch;

static void begin(bool in_recovery)
{
    memset(&self, 0, sizeof(self));
    memset(&watch, 0, sizeof(watch));
    watch.in_recovery = in_recovery;
    watch.version = 150018;
}

static void receive(const char *status)
{
    (void)snprintf(watch.receiver_status, sizeof(watch.receiver_status), "%s", status);
}

static void a_standby_is_told_by_what_it_answers(void **state)
{
    (void)state;
    begin(true);
    receive("streaming");
    self.flow = VIEW_STREAMING;
    watch.replay_known = watch.sender_end_known = watch.is_paused = true;
    watch.replay_lsn = 400;
    watch.sender_end_lsn = 500;
    view_take_watch(&self, &watch);
    assert_int_equal(self.server_version, 150018);
    assert_true(self.replayed.is_known && self.replayed.lsn == 400);
    assert_true(self.replay_paused);
    assert_int_equal(self.flow, VIEW_STREAMING);
    assert_true(self.latest_end.is_known && self.latest_end.lsn == 500);
    watch.sender_end_known = false; /* it has said nothing yet */
    view_take_watch(&self, &watch);
    assert_false(self.latest_end.is_known);
}

static void a_receiver_counts_while_it_streams(void **state)
{
    static const char *const others[] = {"", "starting", "waiting", "restarting", "stopping"};
    (void)state;
    begin(true);
    watch.sender_end_known = true;
    watch.sender_end_lsn = 500;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        receive(others[i]);
        self.flow = VIEW_STREAMING;
        view_take_watch(&self, &watch);
        assert_int_equal(self.flow, VIEW_FLOW_NONE);
        assert_false(self.latest_end.is_known);
        self.flow = VIEW_ARCHIVE; /* which needs none */
        view_take_watch(&self, &watch);
        assert_int_equal(self.flow, VIEW_ARCHIVE);
    }
}

static void who_streams_from_it_is_told(void **state)
{
    (void)state;
    begin(false);
    watch.sender_count = 2;
    watch.senders[0] = (struct probe_sender){.name = "pg2",
                                             .state = "streaming",
                                             .sync_state = "quorum",
                                             .priority = 1,
                                             .user = "replicator",
                                             .address = "10.0.0.2"};
    watch.senders[1] = (struct probe_sender){.name = "pg_basebackup"};
    view_take_watch(&self, &watch);
    assert_int_equal(self.sender_count, 2);
    const struct view_sender *one = &self.senders[0];
    assert_string_equal(one->user, "replicator");
    assert_string_equal(one->application, "pg2");
    assert_string_equal(one->address, "10.0.0.2");
    assert_string_equal(one->state, "streaming");
    assert_string_equal(one->sync_state, "quorum");
    assert_int_equal(one->sync_priority, 1);
    assert_string_equal(self.senders[1].application, "pg_basebackup");
    assert_string_equal(self.senders[1].address, "");
    watch.sender_count = PROBE_SENDERS_MAX; /* of whom as many are told as there is room for */
    view_take_watch(&self, &watch);
    assert_int_equal(self.sender_count, ARRAY_LEN(self.senders));
    watch.sender_count = 0;
    view_take_watch(&self, &watch);
    assert_int_equal(self.sender_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_standby_is_told_by_what_it_answers),
        cmocka_unit_test(a_receiver_counts_while_it_streams),
        cmocka_unit_test(who_streams_from_it_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
