/* tests/unit/test_net.c - nodes find each other, exchange messages, and notice when one is gone.
 *
 * Real sockets on this host, one loop for all nodes. */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "tests/lib/net_kit.h"

#define MIB ((size_t)1024 * 1024)

static int setup(void **state)
{
    static struct kit kit;
    kit_open(&kit);
    *state = &kit;
    return 0;
}

static int teardown(void **state)
{
    kit_close(*state);
    return 0;
}

/* Of two connections between two nodes one is left. */
static bool is_settled(const struct kit *kit, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        if (net_stats(kit->nodes[i].net).links != count - 1) {
            return false;
        }
    }
    return true;
}

/* The first @count nodes start and want all of the others. */
static void start_all(struct kit *kit, unsigned int count, bool by_id)
{
    unsigned int all = (1U << count) - 1;
    for (unsigned int i = 0; i < count; i++) {
        kit_start(&kit->nodes[i]);
    }
    for (unsigned int i = 0; i < count; i++) {
        kit_peers(&kit->nodes[i], all & ~(1U << i), by_id);
    }
    for (unsigned int i = 0; i < count; i++) {
        KIT_WAIT(kit, kit->nodes[i].ups >= count - 1);
    }
}

static void two_nodes_exchange_messages(void **state)
{
    struct kit *kit = *state;
    struct kit_node *a = &kit->nodes[0];
    struct kit_node *b = &kit->nodes[1];
    start_all(kit, 2, true);
    assert_int_equal(a->up_id, 20);
    assert_int_equal(b->up_id, 10);
    assert_int_equal(kit_send(a, b, 7), 0);
    assert_int_equal(kit_send(b, a, 8), 0);
    KIT_WAIT(kit, a->messages == 1 && b->messages == 1);
    assert_int_equal(b->from, 10);
    assert_int_equal(b->term, 7);
    assert_int_equal(a->from, 20);
    assert_int_equal(a->term, 8);
    assert_int_equal(kit_send_bytes(a, b, 9, 3 * MIB), 0);
    KIT_WAIT(kit, b->bytes == 3 * MIB);
    struct net_peer_stats stats;
    assert_true(kit_stats(a, b, &stats));
    assert_true(stats.up);
    assert_int_equal(stats.messages_out, 2);
    assert_int_equal(stats.messages_in, 1);
    assert_true(stats.bytes_out > 3 * MIB);
    assert_int_equal(stats.dropped, 0);
    assert_string_equal(stats.name, "n1");
}

static void of_two_connections_one_is_left_and_nobody_goes_down(void **state)
{
    struct kit *kit = *state;
    start_all(kit, 4, true);
    for (uint64_t i = 1; i <= 500; i++) {
        for (unsigned int from = 0; from < 4; from++) {
            for (unsigned int to = 0; to < 4; to++) {
                assert_true(from == to || kit_send(&kit->nodes[from], &kit->nodes[to], i) == 0);
            }
        }
        uv_run(&kit->loop, UV_RUN_NOWAIT);
    }
    KIT_WAIT(kit, is_settled(kit, 4));
    for (unsigned int i = 0; i < 4; i++) {
        KIT_WAIT(kit, kit->nodes[i].messages == 3 * 500);
        assert_int_equal(kit->nodes[i].ups, 3);
        assert_int_equal(kit->nodes[i].downs, 0);
        assert_int_equal(kit_count(&kit->nodes[i], NET_UP), 3);
        assert_int_equal(kit->nodes[i].event_count, 3);
    }
}

static void one_side_is_enough_to_connect(void **state)
{
    struct kit *kit = *state;
    for (unsigned int dials = 0; dials < 2; dials++) {
        struct kit_node *from = &kit->nodes[dials];
        struct kit_node *to = &kit->nodes[1 - dials];
        kit_start(from);
        kit_start(to);
        kit_peers(from, 1U << (1 - dials), false);
        KIT_WAIT(kit, from->ups == 1 && to->ups == 1);
        assert_int_equal(kit_send(to, from, 3), 0);
        KIT_WAIT(kit, from->messages == 1);
        kit_stop(from);
        KIT_WAIT(kit, to->downs == 1);
        kit_stop(to);
        kit_forget(from);
        kit_forget(to);
    }
}

static void a_name_without_an_id_is_enough_to_send(void **state)
{
    struct kit *kit = *state;
    struct kit_node *a = &kit->nodes[0];
    struct kit_node *b = &kit->nodes[1];
    start_all(kit, 2, false);
    const char *name = b->settings.self.name;
    const struct peer_form_proposal proposal = {.bytes = "x", .size = 1};
    struct peer_message message = {
        .kind = PEER_FORM_PROPOSAL, .from = 10, .form_proposal = proposal};
    assert_int_equal(net_send_to(a->net, name, b->listen, &message), 0);
    KIT_WAIT(kit, b->messages == 1);
    assert_int_equal(net_send_to(a->net, "n9", b->listen, &message), ERR_NOT_FOUND);
    /* The id has become known on the way. */
    assert_int_equal(kit_send(a, b, 3), 0);
    KIT_WAIT(kit, b->messages == 2);
    /* And once it is said, nothing moves. */
    kit_peers(a, 2, true);
    assert_int_equal(kit_send(a, b, 4), 0);
    KIT_WAIT(kit, b->messages == 3);
    assert_int_equal(a->downs, 0);
}

static void a_stop_and_a_reset_are_noticed_at_once(void **state)
{
    struct kit *kit = *state;
    struct kit_node *a = &kit->nodes[0];
    struct kit_node *b = &kit->nodes[1];
    start_all(kit, 2, true);
    KIT_WAIT(kit, is_settled(kit, 2));
    kit_stop(b);
    KIT_WAIT(kit, a->downs == 1);
    assert_int_equal(a->down_id, 20);
    assert_non_null(strstr(kit_find(a, NET_DOWN)->text, "stops"));
    assert_int_equal(kit_send(a, b, 1), ERR_NOT_FOUND);
    KIT_WAIT(kit, kit_find(a, NET_UNREACHABLE) != NULL);
    struct net_peer_stats stats;
    assert_true(kit_stats(a, b, &stats));
    assert_false(stats.up);
    assert_int_equal(stats.dropped, 1);
    /* And back again, under its port. */
    kit_start(b);
    KIT_WAIT(kit, a->ups == 2);
    assert_int_equal(kit_send(a, b, 1), 0);
    KIT_WAIT(kit, b->messages == 1);
}

static void who_is_not_wanted_any_more_is_let_go(void **state)
{
    struct kit *kit = *state;
    struct kit_node *a = &kit->nodes[0];
    struct kit_node *b = &kit->nodes[1];
    start_all(kit, 2, true);
    KIT_WAIT(kit, is_settled(kit, 2));
    kit_peers(a, 0, true); /* the lower id has dialled */
    KIT_WAIT(kit, a->downs == 1 && b->downs == 1);
    KIT_WAIT(kit, a->ups == 2 && b->ups == 2); /* the other one wants it still */
    kit_peers(b, 0, true);
    KIT_WAIT(kit, a->downs == 2 && b->downs == 2);
    struct net_peer_stats stats;
    assert_false(net_peer_stats(a->net, 0, &stats));
    assert_false(net_peer_stats(b->net, 0, &stats));
}

static void a_node_that_names_itself_talks_to_nobody(void **state)
{
    struct kit *kit = *state;
    struct kit_node *a = &kit->nodes[0];
    a->settings.limits.redial_min_ms = 1;
    a->settings.limits.redial_max_ms = 1;
    kit_start(a);
    kit_start(&kit->nodes[1]);
    kit_peers(a, 3, false);
    KIT_WAIT(kit, a->ups == 1 && is_settled(kit, 2));
    assert_int_equal(a->event_count, 1);
    for (unsigned int turn = 0; turn < 30; turn++) {
        kit_turn(kit);
    }
    assert_int_equal(net_stats(a->net).accepted, 1); /* it has seen who it is, once */
}

static void another_address_is_dialled_when_it_is_told(void **state)
{
    struct kit *kit = *state;
    struct kit_node *a = &kit->nodes[0];
    struct kit_node *b = &kit->nodes[1];
    kit_start(a);
    kit_start(b);
    struct net_peer peer = {.id = 20, .name = "n1", .address = "127.0.0.1:1"};
    net_set_peers(a->net, &peer, 1);
    KIT_WAIT(kit, kit_find(a, NET_UNREACHABLE) != NULL);
    assert_string_equal(kit_find(a, NET_UNREACHABLE)->name, "n1");
    peer.address = b->listen;
    net_set_peers(a->net, &peer, 1);
    KIT_WAIT(kit, a->ups == 1);
}

static void a_name_is_resolved_and_one_that_can_not_be_is_told(void **state)
{
    struct kit *kit = *state;
    struct kit_node *a = &kit->nodes[0];
    struct kit_node *b = &kit->nodes[1];
    (void)snprintf(b->listen, sizeof(b->listen), "127.0.0.1:0"); /* what localhost is everywhere */
    kit_start(a);
    kit_start(b);
    char address[128];
    (void)snprintf(address, sizeof(address), "localhost%s", strrchr(b->listen, ':'));
    const struct net_peer peers[] = {
        {.id = 20, .name = "n1", .address = address},
        {.id = 30, .name = "n2", .address = NO_HOST ":7400"},
    };
    net_set_peers(a->net, peers, 2);
    KIT_WAIT(kit, a->ups == 1);
    KIT_WAIT(kit, kit_find(a, NET_UNRESOLVED) != NULL);
    assert_string_equal(kit_find(a, NET_UNRESOLVED)->name, "n2");
}

static void ipv6_works_and_two_addresses_do(void **state)
{
    struct kit *kit = *state;
    struct kit_node *a = &kit->nodes[0];
    struct kit_node *b = &kit->nodes[1];
    (void)snprintf(b->listen, sizeof(b->listen), "[::1]:0");
    b->settings.listen[1] = "127.0.0.3:0";
    kit_start(a);
    kit_start(b);
    assert_non_null(strstr(b->listen, "[::1]:"));
    assert_null(net_listen_address(b->net, 2));
    kit_peers(a, 2, true);
    KIT_WAIT(kit, a->ups == 1 && b->ups == 1);
    assert_non_null(strstr(kit_find(b, NET_UP)->address, "[::1]:"));
    struct net_peer peer = {.id = 20, .name = "n1", .address = net_listen_address(b->net, 1)};
    kit_peers(a, 0, true);
    KIT_WAIT(kit, a->downs == 1 && b->downs == 1);
    net_set_peers(a->net, &peer, 1);
    KIT_WAIT(kit, a->ups == 2 && b->ups == 2);
}

static void round_trips_are_measured(void **state)
{
    struct kit *kit = *state;
    for (unsigned int i = 0; i < 2; i++) {
        kit->nodes[i].settings.limits.ping_ms = 10;
    }
    start_all(kit, 2, true);
    struct net_peer_stats stats;
    KIT_WAIT(kit, kit_stats(&kit->nodes[0], &kit->nodes[1], &stats) && stats.round_trip_us > 0);
    assert_true(stats.heard_ms < KIT_DEADLINE_MS);
}

static void a_full_queue_drops_and_says_so(void **state)
{
    struct kit *kit = *state;
    struct kit_node *a = &kit->nodes[0];
    struct kit_node *b = &kit->nodes[1];
    a->settings.limits.send_bytes_max = 100000;
    start_all(kit, 2, true);
    unsigned int sent = 0;
    while (kit_send_bytes(a, b, sent + 1, 10000) == 0) {
        sent++;
        assert_in_range(sent, 1, 10);
    }
    assert_int_equal(sent, 9);
    assert_int_equal(kit_send_bytes(a, b, 99, 10000), ERR_BUSY);
    assert_int_equal(kit_count(a, NET_QUEUE_FULL), 0); /* not from inside the call */
    struct net_peer_stats stats;
    assert_true(kit_stats(a, b, &stats));
    assert_int_equal(stats.dropped, 2);
    assert_true(stats.queued_bytes > 90000);
    KIT_WAIT(kit, b->messages == 9);
    assert_int_equal(b->term, 9);
    assert_int_equal(kit_count(a, NET_QUEUE_FULL), 1);
    assert_int_equal(kit_send_bytes(a, b, 100, 10000), 0);
    KIT_WAIT(kit, b->messages == 10);
    assert_true(kit_stats(a, b, &stats));
    assert_int_equal(stats.queued_bytes, 0);
}

/* More than the sockets take: what waits goes on when they are read again. */
static void a_flood_arrives_whole_and_in_order(void **state)
{
    struct kit *kit = *state;
    struct kit_node *a = &kit->nodes[0];
    struct kit_node *b = &kit->nodes[1];
    start_all(kit, 2, true);
    KIT_WAIT(kit, is_settled(kit, 2));
    for (uint64_t i = 1; i <= 12; i++) {
        assert_int_equal(kit_send_bytes(a, b, i, MIB), 0);
    }
    net_flush(a->net);
    KIT_WAIT(kit, b->messages == 12);
    assert_int_equal(b->term, 12);
    assert_int_equal(b->bytes, 12 * MIB);
    assert_int_equal(a->downs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_nodes_exchange_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(of_two_connections_one_is_left_and_nobody_goes_down, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_side_is_enough_to_connect, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_without_an_id_is_enough_to_send, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stop_and_a_reset_are_noticed_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_not_wanted_any_more_is_let_go, setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_that_names_itself_talks_to_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(another_address_is_dialled_when_it_is_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_name_is_resolved_and_one_that_can_not_be_is_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ipv6_works_and_two_addresses_do, setup, teardown),
        cmocka_unit_test_setup_teardown(round_trips_are_measured, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_queue_drops_and_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flood_arrives_whole_and_in_order, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
