/* tests/unit/test_net_edge.c - what seldom happens to connections: nodes that come back as others,
 * servers that are none, owners that lose interest in the middle of a call.
 *
 * Strangers speak plain text here, to say exactly what a test wants. */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "proto/frame.h"
#include "proto/peer_codec.h"
#include "tests/lib/net_kit.h"

static struct kit kit;
static struct kit_node *a;
static struct kit_node *b;
static struct buf said;

static int setup(void **state)
{
    (void)state;
    kit_open(&kit);
    a = &kit.nodes[0];
    b = &kit.nodes[1];
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kit_close(&kit);
    buf_close(&said);
    return 0;
}

static void start_plain(struct kit_node *node)
{
    node->security = (struct net_security){.kind = NET_PLAIN};
    kit_start(node);
}

static void add_frame(int kind, const void *bytes, size_t size)
{
    size_t begun = frame_begin(&said);
    buf_char(&said, (char)kind);
    buf_append(&said, bytes, size);
    frame_end(&said, begun);
}

/* Magic and preface of node @id, and a welcome. */
static void say_who(uint64_t id, uint64_t instance, bool welcome)
{
    struct preface preface = b->settings.self;
    preface.protocol = PREFACE_PROTOCOL;
    preface.oldest = PREFACE_PROTOCOL_OLDEST;
    preface.node_id = id;
    preface.instance = instance;
    (void)snprintf(preface.name, sizeof(preface.name), "s%u", (unsigned int)id);
    (void)snprintf(preface.address, sizeof(preface.address), "127.0.0.1:1");
    struct buf bytes = {0};
    preface_encode(&preface, &bytes);
    buf_clear(&said);
    buf_append(&said, PREFACE_MAGIC, PREFACE_MAGIC_SIZE);
    add_frame(LINK_FRAME_PREFACE, bytes.bytes, bytes.size);
    buf_close(&bytes);
    if (welcome) {
        add_frame(LINK_FRAME_WELCOME, NULL, 0);
    }
}

static void connect_as(struct kit_stranger *s, uint64_t id, uint64_t instance)
{
    say_who(id, instance, true);
    stranger_connect(&kit, s, a->listen);
    stranger_say(s, said.bytes, said.size);
}

static void want(const char *address)
{
    const struct net_peer peer = {.id = 20, .name = "n1", .address = address};
    net_set_peers(a->net, &peer, 1);
}

/* ---- nodes that are others ---- */

static void a_rebuilt_node_stands_in_for_the_one_it_was(void **state)
{
    (void)state;
    b->settings.self.node_id = 99;
    a->settings.limits.redial_min_ms = 1;
    a->settings.limits.redial_max_ms = 1;
    kit_start(a);
    kit_start(b);
    want(b->listen);
    KIT_WAIT(&kit, a->ups == 1 && b->ups == 1);
    assert_int_equal(a->up_id, 99);
    struct net_peer_stats old;
    struct net_peer_stats new;
    assert_true(net_peer_stats(a->net, 0, &old));
    assert_true(net_peer_stats(a->net, 1, &new));
    assert_false(net_peer_stats(a->net, 2, &old) && old.wanted);
    assert_int_equal(new.id, 99);
    assert_true(new.up);
    /* Whoever answers at the address is not dialled again and again. */
    want(b->listen);
    for (unsigned int turn = 0; turn < 30; turn++) {
        kit_turn(&kit);
    }
    assert_int_equal(net_stats(b->net).accepted, 1);
    assert_int_equal(kit_send(a, b, 7), 0);
    KIT_WAIT(&kit, b->messages == 1);
    /* And when it is the old one again, it is found. */
    kit_stop(b);
    KIT_WAIT(&kit, a->downs == 1);
    b->settings.self.node_id = 20;
    kit_start(b);
    KIT_WAIT(&kit, a->ups == 2);
    assert_int_equal(a->up_id, 20);
    assert_false(net_peer_stats(a->net, 1, &new));
}

/* The same when it has dialled as well, and its connection is the one to use. */
static void a_rebuilt_node_that_has_dialled_is_not_dialled_again_and_again(void **state)
{
    (void)state;
    b->settings.self.node_id = 5;
    a->settings.limits.redial_min_ms = 1;
    a->settings.limits.redial_max_ms = 1;
    kit_start(a);
    kit_start(b);
    kit_peers(b, 1, true);
    KIT_WAIT(&kit, a->ups == 1 && b->ups == 1);
    want(b->listen);
    KIT_WAIT(&kit, net_stats(b->net).accepted == 1 && net_stats(a->net).links == 1);
    for (unsigned int turn = 0; turn < 30; turn++) {
        kit_turn(&kit);
    }
    assert_int_equal(net_stats(b->net).accepted, 1);
    assert_int_equal(a->ups, 1);
    assert_int_equal(a->downs + b->downs, 0);
}

static void a_better_connection_takes_over_after_a_good_bye(void **state)
{
    (void)state;
    struct kit_stranger first;
    struct kit_stranger second;
    start_plain(a);
    connect_as(&first, 5, 1);
    KIT_WAIT(&kit, a->ups == 1);
    buf_clear(&said);
    add_frame(LINK_FRAME_BYE, "\1", 1);
    stranger_say(&first, said.bytes, said.size);
    connect_as(&second, 5, 1);
    KIT_WAIT(&kit, first.ended);
    assert_int_equal(a->downs, 0);
    assert_int_equal(a->ups, 1);
    assert_int_equal(net_stats(a->net).strangers, 0);
    stranger_close(&first);
    stranger_reset(&second);
    KIT_WAIT(&kit, a->downs == 1);
    assert_non_null(strstr(kit_find(a, NET_DOWN)->text, "reset"));
}

static void say_message(struct kit_stranger *s, uint64_t from)
{
    struct peer_message message = {.kind = PEER_VOTE, .from = from, .to = 10, .life = 1};
    struct buf bytes = {0};
    assert_int_equal(peer_encode(&message, &bytes, NULL), 0);
    buf_clear(&said);
    add_frame(LINK_FRAME_MESSAGE, bytes.bytes, bytes.size);
    stranger_say(s, said.bytes, said.size);
    buf_close(&bytes);
}

/* What is still on its way on a connection that was replaced is heard, but nothing of it when the
 * node has started anew since: its older life may have said what it never will again. */
static void w14_a_replaced_connection_is_not_heard_after_a_restart(void **state)
{
    (void)state;
    struct kit_stranger s[3];
    start_plain(a);
    const struct net_peer wanted = {.id = 5, .name = "s5", .address = "127.0.0.1:1"};
    net_set_peers(a->net, &wanted, 1); /* one that nobody wants is forgotten when it is down */
    connect_as(&s[0], 5, 1);
    KIT_WAIT(&kit, a->ups == 1);
    connect_as(&s[1], 5, 1);
    KIT_WAIT(&kit, net_stats(a->net).accepted == 2 && net_stats(a->net).strangers == 0);
    say_message(&s[0], 5);
    KIT_WAIT(&kit, a->messages == 1);
    stranger_reset(&s[1]);
    KIT_WAIT(&kit, a->downs == 1);
    connect_as(&s[2], 5, 2);
    KIT_WAIT(&kit, a->ups == 2);
    say_message(&s[0], 5);
    buf_clear(&said);
    add_frame(99, "", 0); /* ends it, when all before it was taken */
    stranger_say(&s[0], said.bytes, said.size);
    KIT_WAIT(&kit, s[0].ended);
    unsigned int late = a->messages - 1;
    say_message(&s[2], 5);
    KIT_WAIT(&kit, a->messages == late + 2);
    stranger_close(&s[0]);
    stranger_close(&s[2]);
    assert_int_equal(late, 0);
}

static void of_two_newcomers_the_newer_one_waits(void **state)
{
    (void)state;
    struct kit_stranger elder;
    struct kit_stranger s[2];
    start_plain(a);
    connect_as(&elder, 20, 1);
    KIT_WAIT(&kit, a->ups == 1);
    connect_as(&s[0], 20, 2);
    KIT_WAIT(&kit, net_stats(a->net).accepted == 2);
    connect_as(&s[1], 20, 3);
    KIT_WAIT(&kit, s[0].ended);
    assert_false(s[1].ended);
    stranger_reset(&elder);
    KIT_WAIT(&kit, a->ups == 2);
    assert_int_equal(a->downs, 1);
    stranger_close(&s[0]);
    stranger_close(&s[1]);
}

static void there_are_no_more_nodes_than_there_can_be(void **state)
{
    (void)state;
    static struct kit_stranger s[NET_PEERS_MAX + 1];
    start_plain(a);
    for (size_t i = 0; i < ARRAY_LEN(s); i++) {
        connect_as(&s[i], 100 + i, 1);
        KIT_WAIT(&kit, a->ups == i + 1 || s[i].ended);
    }
    assert_int_equal(a->ups, NET_PEERS_MAX);
    assert_true(s[NET_PEERS_MAX].ended);
    assert_int_equal(kit_count(a, NET_TOO_MANY), 1);
    for (size_t i = 0; i < ARRAY_LEN(s); i++) {
        stranger_close(&s[i]);
    }
    KIT_WAIT(&kit, a->downs == NET_PEERS_MAX);
    struct net_peer_stats stats;
    assert_false(net_peer_stats(a->net, 0, &stats));
}

/* ---- frames that no node sends ---- */

static void every_frame_has_one_form(void **state)
{
    (void)state;
    static const struct {
        int kind;
        const char *bytes;
        size_t size;
    } rows[] = {
        {LINK_FRAME_PREFACE, "", 0},
        {LINK_FRAME_WELCOME, "", 0},
        {LINK_FRAME_REFUSAL, "\xff", 1},
        {LINK_FRAME_MESSAGE, "", 0},
        {LINK_FRAME_PING, "1234", 4},
        {LINK_FRAME_PONG, "123456789", 9},
        {LINK_FRAME_CLUSTER, "1", 1},
        {LINK_FRAME_BYE, "", 0},
        {99, "", 0},
        {0, "x", 1},
    };
    start_plain(a);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kit_stranger s;
        kit_forget(a);
        say_who(100 + i, 1, true);
        add_frame(rows[i].kind, rows[i].bytes, rows[i].size);
        stranger_connect(&kit, &s, a->listen);
        stranger_say(&s, said.bytes, said.size);
        KIT_WAIT(&kit, s.ended);
        assert_int_equal(a->ups, 1);
        assert_int_equal(a->downs, 1);
        assert_int_equal(kit_count(a, NET_GARBAGE), 1);
        assert_int_equal(a->messages, 0);
        stranger_close(&s);
    }
}

static void an_empty_frame_and_another_beginning(void **state)
{
    (void)state;
    struct kit_stranger s;
    start_plain(a);
    say_who(100, 1, true);
    frame_write(&said, "", 0);
    stranger_connect(&kit, &s, a->listen);
    stranger_say(&s, said.bytes, said.size);
    KIT_WAIT(&kit, s.ended);
    assert_non_null(strstr(kit_find(a, NET_GARBAGE)->text, "empty"));
    stranger_close(&s);
    kit_forget(a);
    stranger_connect(&kit, &s, a->listen);
    stranger_say(&s, "\x89pgrabt\n", PREFACE_MAGIC_SIZE);
    KIT_WAIT(&kit, s.ended);
    assert_non_null(strstr(kit_find(a, NET_GARBAGE)->text, "beginning"));
    stranger_close(&s);
}

static void a_refusal_that_a_newer_version_knows(void **state)
{
    (void)state;
    struct kit_stranger s;
    start_plain(a);
    struct refusal refusal = {.reason = 4711};
    (void)snprintf(refusal.text, sizeof(refusal.text), "the moon is full");
    struct buf bytes = {0};
    refusal_encode(&refusal, &bytes);
    buf_clear(&said);
    buf_append(&said, PREFACE_MAGIC, PREFACE_MAGIC_SIZE);
    add_frame(LINK_FRAME_REFUSAL, bytes.bytes, bytes.size);
    buf_close(&bytes);
    want(stranger_listen(&kit, &s));
    KIT_WAIT(&kit, s.connected);
    stranger_say(&s, said.bytes, said.size);
    KIT_WAIT(&kit, kit_find(a, NET_REFUSED) != NULL);
    assert_non_null(strstr(kit_find(a, NET_REFUSED)->text, "the moon is full"));
    assert_true(kit_find(a, NET_REFUSED)->told);
    stranger_close(&s);
}

static void another_cluster_comes_to_be_known_on_the_way(void **state)
{
    (void)state;
    struct kit_stranger s;
    a->settings.self.cluster_id[0] = 1;
    b->settings.self.cluster_id[0] = 1;
    start_plain(a);
    say_who(20, 1, true);
    static const char other[PEER_CLUSTER_ID_SIZE] = {2};
    add_frame(LINK_FRAME_CLUSTER, other, sizeof(other));
    stranger_connect(&kit, &s, a->listen);
    stranger_say(&s, said.bytes, said.size);
    KIT_WAIT(&kit, s.ended);
    assert_non_null(kit_find(a, NET_OTHER_CLUSTER));
    stranger_close(&s);
}

/* ---- servers that are none ---- */

static void a_server_that_says_nothing(void **state)
{
    (void)state;
    static const struct {
        bool plain;
        bool who;
        const char *says;
    } rows[] = {
        {false, false, "handshake"},
        {true, false, "who it is"},
        {true, true, "welcome"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kit_stranger s;
        a->settings.limits.handshake_ms = 50;
        a->settings.limits.preface_ms = 50;
        a->security.kind = rows[i].plain ? NET_PLAIN : NET_SECRET;
        kit_start(a);
        want(stranger_listen(&kit, &s));
        KIT_WAIT(&kit, s.connected);
        say_who(20, 1, false);
        stranger_say(&s, said.bytes, rows[i].who ? said.size : 0);
        KIT_WAIT(&kit, kit_find(a, NET_DEADLINE) != NULL);
        assert_non_null(strstr(kit_find(a, NET_DEADLINE)->text, rows[i].says));
        KIT_WAIT(&kit, s.ended);
        stranger_close(&s);
        kit_stop(a);
        kit_forget(a);
    }
}

static void a_server_that_hangs_up(void **state)
{
    (void)state;
    struct kit_stranger s;
    kit_start(a);
    want(stranger_listen(&kit, &s));
    KIT_WAIT(&kit, s.connected && s.got.size > 0);
    stranger_close(&s);
    KIT_WAIT(&kit, kit_find(a, NET_UNREACHABLE) != NULL);
    assert_int_equal(a->ups, 0);
}

static void a_server_of_something_else(void **state)
{
    (void)state;
    struct kit_stranger s;
    static const char http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    kit_start(a);
    want(stranger_listen(&kit, &s));
    KIT_WAIT(&kit, s.connected);
    stranger_say(&s, http, sizeof(http) - 1);
    KIT_WAIT(&kit, kit_find(a, NET_NOT_TLS) != NULL);
    assert_non_null(strstr(kit_find(a, NET_NOT_TLS)->text, "HTTP"));
    stranger_close(&s);
}

/* A queue of connections that is full: the kernel drops what comes, as a firewall does. */
static void a_host_that_does_not_answer(void **state)
{
    (void)state;
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof(at);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(server, (const struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(server, 0), 0);
    assert_int_equal(getsockname(server, (struct sockaddr *)&at, &size), 0);
    int fill[4];
    for (size_t i = 0; i < ARRAY_LEN(fill); i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fill[i], (const struct sockaddr *)&at, sizeof(at));
    }
    a->settings.limits.connect_ms = 50;
    kit_start(a);
    char address[64];
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(at.sin_port));
    want(address);
    KIT_WAIT(&kit, kit_find(a, NET_UNREACHABLE) != NULL);
    assert_non_null(strstr(kit_find(a, NET_UNREACHABLE)->text, "does not answer"));
    for (size_t i = 0; i < ARRAY_LEN(fill); i++) {
        assert_int_equal(close(fill[i]), 0);
    }
    assert_int_equal(close(server), 0);
}

/* ---- names and addresses ---- */

static void an_address_that_is_none(void **state)
{
    (void)state;
    kit_start(a);
    want("no port");
    KIT_WAIT(&kit, kit_find(a, NET_UNRESOLVED) != NULL);
    assert_non_null(strstr(kit_find(a, NET_UNRESOLVED)->text, "no port"));
}

static void a_name_that_nobody_waits_for_any_more(void **state)
{
    (void)state;
    kit_start(a);
    for (unsigned int i = 0; i < 4; i++) {
        want("localhost:1");
        (void)uv_run(&kit.loop, UV_RUN_NOWAIT);
        want("localhost:2");
        (void)uv_run(&kit.loop, UV_RUN_NOWAIT);
        net_set_peers(a->net, NULL, 0);
    }
    want("localhost:1");
    (void)uv_run(&kit.loop, UV_RUN_NOWAIT);
    kit_stop(a);
    assert_int_equal(a->ups, 0);
}

static void where_it_can_not_listen_is_said(void **state)
{
    (void)state;
    kit_start(a);
    static const struct {
        const char *address; /* NULL: where @a listens */
        const char *says;
    } rows[] = {
        {NULL, "address already in use"},
        {"192.0.2.1:7400", "192.0.2.1:7400"},
        {NO_HOST ":7400", NO_HOST},
        {"7400", "does not end in a port"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};
        const char *address = rows[i].address != NULL ? rows[i].address : a->listen;
        int rv = kit_try_start(b, address, &err);
        assert_true(rv < 0);
        for (char *at = err.msg; *at != '\0'; at++) {
            *at = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
        }
        assert_non_null(strstr(err.msg, rows[i].says));
    }
    /* By name, and by a name that can be reached from elsewhere in plain text. */
    struct err err = {0};
    b->security = (struct net_security){.kind = NET_PLAIN};
    assert_int_equal(kit_try_start(b, "0.0.0.0:0", &err), ERR_INVALID);
    assert_non_null(strstr(err.msg, "raft.insecure"));
    assert_int_equal(kit_try_start(b, "localhost:0", &err), 0);
}

/* ---- owners ---- */

/* Whatever it is told, it gives up all peers inside the call. */
static void an_owner_may_lose_interest_at_any_time(void **state)
{
    (void)state;
    for (unsigned int round = 0; round < 6; round++) {
        kit_forget(a);
        kit_forget(b);
        a->gives_up = false;
        if (round == 5) {
            b->not_admitted = "n0";
        }
        kit_start(a);
        kit_start(b);
        a->gives_up = round != 1 && round != 3;
        switch (round) {
            case 0: /* when it is up */
                want(b->listen);
                KIT_WAIT(&kit, a->ups + a->downs > 0);
                break;
            case 1: /* when it goes down */
                want(b->listen);
                KIT_WAIT(&kit, a->ups == 1 && b->ups == 1);
                a->gives_up = true;
                kit_stop(b);
                KIT_WAIT(&kit, a->downs == 1);
                break;
            case 2: /* when it can not be reached */
                want("127.0.0.1:1");
                KIT_WAIT(&kit, a->event_count > 0);
                break;
            case 3: /* at a message */
                want(b->listen);
                KIT_WAIT(&kit, a->ups == 1 && b->ups == 1);
                a->gives_up = true;
                assert_int_equal(kit_send(b, a, 1), 0);
                assert_int_equal(kit_send(b, a, 2), 0);
                KIT_WAIT(&kit, a->messages == 1 && b->downs == 1);
                break;
            case 4: /* when the address is none */
                want("no port");
                KIT_WAIT(&kit, a->event_count > 0);
                break;
            default: /* when it is refused */
                want(b->listen);
                KIT_WAIT(&kit, a->event_count > 0);
                break;
        }
        KIT_WAIT(&kit, net_stats(a->net).links == 0);
        struct net_peer_stats stats;
        assert_false(net_peer_stats(a->net, 0, &stats));
        kit_stop(a);
        if (b->net != NULL) {
            kit_stop(b);
        }
    }
}

static void attempts_end_when_they_are_not_wanted(void **state)
{
    (void)state;
    struct kit_stranger s;
    kit_start(a);
    want(stranger_listen(&kit, &s));
    KIT_WAIT(&kit, s.connected && net_stats(a->net).links == 1);
    net_set_peers(a->net, NULL, 0);
    KIT_WAIT(&kit, s.ended && net_stats(a->net).links == 0);
    assert_int_equal(a->event_count, 0);
    stranger_close(&s);
}

static void an_attempt_to_where_it_was_is_given_up(void **state)
{
    (void)state;
    struct kit_stranger s;
    a->settings.limits.handshake_ms = 10 * KIT_DEADLINE_MS;
    kit_start(a);
    kit_start(b);
    want(stranger_listen(&kit, &s));
    KIT_WAIT(&kit, s.connected && s.got.size > 0);
    want(b->listen);
    KIT_WAIT(&kit, s.ended);
    KIT_WAIT(&kit, a->ups == 1 && b->ups == 1);
    stranger_close(&s);
}

static void keys_change_while_a_handshake_is_under_way(void **state)
{
    (void)state;
    struct kit_stranger s;
    kit_start(a);
    want(stranger_listen(&kit, &s));
    KIT_WAIT(&kit, s.connected && s.got.size > 0);
    struct net_keys *keys = NULL;
    assert_int_equal(net_keys_load(&a->security, &keys, NULL, NULL), 0);
    net_keys_take(a->net, keys);
    KIT_WAIT(&kit, s.ended);
    kit_start(b);
    want(b->listen);
    KIT_WAIT(&kit, a->ups == 1 && b->ups == 1);
    stranger_close(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_rebuilt_node_stands_in_for_the_one_it_was),
        TEST(a_rebuilt_node_that_has_dialled_is_not_dialled_again_and_again),
        TEST(a_better_connection_takes_over_after_a_good_bye),
        TEST(w14_a_replaced_connection_is_not_heard_after_a_restart),
        TEST(of_two_newcomers_the_newer_one_waits),
        TEST(there_are_no_more_nodes_than_there_can_be),
        TEST(every_frame_has_one_form),
        TEST(an_empty_frame_and_another_beginning),
        TEST(a_refusal_that_a_newer_version_knows),
        TEST(another_cluster_comes_to_be_known_on_the_way),
        TEST(a_server_that_says_nothing),
        TEST(a_server_that_hangs_up),
        TEST(a_server_of_something_else),
        TEST(a_host_that_does_not_answer),
        TEST(an_address_that_is_none),
        TEST(a_name_that_nobody_waits_for_any_more),
        TEST(where_it_can_not_listen_is_said),
        TEST(an_owner_may_lose_interest_at_any_time),
        TEST(attempts_end_when_they_are_not_wanted),
        TEST(an_attempt_to_where_it_was_is_given_up),
        TEST(keys_change_while_a_handshake_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
