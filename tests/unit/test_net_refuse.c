/* tests/unit/test_net_refuse.c - who does not belong is refused, and both sides are told why, once.
 *
 * Nodes that differ in one thing; and strangers who send what no node sends. */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "proto/frame.h"
#include "proto/peer_codec.h"
#include "tests/lib/net_kit.h"

static struct kit kit;
static struct kit_node *a;
static struct kit_node *b;

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
    return 0;
}

/* Both start, and @a dials: both have one event of this kind, which says @words. */
static void refused_by_both(enum net_event_kind kind, const char *words)
{
    kit_start(a);
    kit_start(b);
    kit_peers(a, 2, true);
    KIT_WAIT(&kit, kit_find(a, kind) != NULL && kit_find(b, kind) != NULL);
    assert_non_null(strstr(kit_find(a, kind)->text, words));
    assert_non_null(strstr(kit_find(b, kind)->text, words));
    assert_int_equal(a->event_count, 1);
    assert_int_equal(b->event_count, 1);
    assert_int_equal(a->ups + b->ups, 0);
    assert_string_equal(kit_find(a, kind)->name, "n1");
    assert_string_equal(kit_find(a, kind)->address, b->listen);
    assert_non_null(strstr(kit_find(b, kind)->address, "127.0.0.1:"));
}

static void another_scope(void **state)
{
    (void)state;
    (void)snprintf(b->settings.self.scope, sizeof(b->settings.self.scope), "other");
    refused_by_both(NET_OTHER_SCOPE, "\"other\"");
    assert_string_equal(kit_find(b, NET_OTHER_SCOPE)->name, "n0");
    assert_int_equal(kit_find(b, NET_OTHER_SCOPE)->node_id, 10);
}

static void another_namespace(void **state)
{
    (void)state;
    (void)snprintf(b->settings.self.namespace, sizeof(b->settings.self.namespace), "/x/");
    refused_by_both(NET_OTHER_NAMESPACE, "\"/x/\"");
}

static void another_cluster(void **state)
{
    (void)state;
    memset(a->settings.self.cluster_id, 0xaa, PEER_CLUSTER_ID_SIZE);
    memset(b->settings.self.cluster_id, 0xbb, PEER_CLUSTER_ID_SIZE);
    refused_by_both(NET_OTHER_CLUSTER, "bbbbbbbb");
}

static void a_newer_protocol(void **state)
{
    (void)state;
    b->settings.self.protocol = 9;
    b->settings.self.oldest = 8;
    refused_by_both(NET_OTHER_PROTOCOL, "upgrade n0");
}

static void a_newer_protocol_that_still_understands_ours(void **state)
{
    (void)state;
    b->settings.self.protocol = 9;
    b->settings.self.oldest = 1;
    kit_start(a);
    kit_start(b);
    kit_peers(a, 2, true);
    KIT_WAIT(&kit, a->ups == 1 && b->ups == 1);
}

static void the_same_id_as_ones_own(void **state)
{
    (void)state;
    b->settings.self.node_id = a->settings.self.node_id;
    kit_start(a);
    kit_start(b);
    const struct net_peer peer = {.id = 0, .name = "n1", .address = b->listen};
    net_set_peers(a->net, &peer, 1);
    KIT_WAIT(&kit, kit_find(a, NET_SAME_ID) != NULL && kit_find(b, NET_SAME_ID) != NULL);
    assert_non_null(strstr(kit_find(a, NET_SAME_ID)->text, "copying"));
    assert_int_equal(a->event_count, 1);
    assert_int_equal(b->event_count, 1);
}

static void its_owner_refuses_it(void **state)
{
    (void)state;
    b->not_admitted = "n0";
    kit_start(a);
    kit_start(b);
    kit_peers(a, 2, true);
    KIT_WAIT(&kit, kit_find(a, NET_NOT_ADMITTED) != NULL && kit_find(b, NET_NOT_ADMITTED) != NULL);
    assert_non_null(strstr(kit_find(a, NET_NOT_ADMITTED)->text, "removed from the cluster"));
    assert_true(kit_find(a, NET_NOT_ADMITTED)->told);
    assert_false(kit_find(b, NET_NOT_ADMITTED)->told);
    assert_int_equal(a->ups + b->ups, 0);
}

/* Two that live under one id, seen by a third: the first one stays. */
static void a_copy_is_refused_and_the_first_one_stays(void **state)
{
    (void)state;
    struct kit_node *copy = &kit.nodes[2];
    copy->settings.self.node_id = b->settings.self.node_id;
    copy->settings.limits.redial_refused_ms = 10;
    kit_start(a);
    kit_start(b);
    kit_start(copy);
    kit_peers(b, 1, true);
    KIT_WAIT(&kit, a->ups == 1 && b->ups == 1);
    kit_peers(copy, 1, true);
    KIT_WAIT(&kit, kit_find(a, NET_SAME_ID) != NULL && kit_find(copy, NET_SAME_ID) != NULL);
    assert_int_equal(copy->ups, 0);
    assert_int_equal(a->downs, 0);
    assert_int_equal(b->downs, 0);
    assert_non_null(strstr(kit_find(copy, NET_SAME_ID)->text, "both live"));
    /* When it is gone, the copy has the place: nobody could tell it from a restart. */
    kit_stop(b);
    KIT_WAIT(&kit, copy->ups == 1 && a->ups == 2);
}

static void a_cluster_that_comes_to_be_known_parts_them(void **state)
{
    (void)state;
    static const uint8_t first[PEER_CLUSTER_ID_SIZE] = {1};
    static const uint8_t second[PEER_CLUSTER_ID_SIZE] = {2};
    kit_start(a);
    kit_start(b);
    kit_peers(a, 2, true);
    KIT_WAIT(&kit, a->ups == 1 && b->ups == 1);
    net_set_cluster(a->net, first);
    net_set_cluster(b->net, first);
    assert_int_equal(kit_send(a, b, 5), 0);
    KIT_WAIT(&kit, b->messages == 1);
    assert_int_equal(a->downs + b->downs, 0);
    net_set_cluster(b->net, second);
    KIT_WAIT(&kit, a->downs == 1 && b->downs == 1);
    KIT_WAIT(&kit, kit_find(a, NET_OTHER_CLUSTER) != NULL);
    assert_non_null(kit_find(b, NET_OTHER_CLUSTER));
}

/* The same refusal, again and again, is told once; and once it is well, it is news again. */
static void a_refusal_is_told_once(void **state)
{
    (void)state;
    a->settings.limits.redial_refused_ms = 1;
    b->not_admitted = "n0";
    kit_start(a);
    kit_start(b);
    kit_peers(a, 2, true);
    KIT_WAIT(&kit, net_stats(b->net).refused >= 20);
    assert_int_equal(kit_count(a, NET_NOT_ADMITTED), 1);
    assert_int_equal(kit_count(b, NET_NOT_ADMITTED), 1);
    b->not_admitted = NULL;
    KIT_WAIT(&kit, a->ups == 1 && b->ups == 1);
    b->not_admitted = "n0";
    kit_peers(a, 0, true);
    KIT_WAIT(&kit, a->downs == 1 && b->downs == 1);
    kit_peers(a, 2, true);
    KIT_WAIT(&kit, kit_count(a, NET_NOT_ADMITTED) == 2 && kit_count(b, NET_NOT_ADMITTED) == 2);
}

/* ---- strangers ---- */

static void say_and_be_refused(const void *bytes, size_t size, enum net_event_kind kind,
                               const char *words)
{
    struct kit_stranger s;
    kit_start(a);
    stranger_connect(&kit, &s, a->listen);
    stranger_say(&s, bytes, size);
    KIT_WAIT(&kit, s.ended);
    assert_non_null(kit_find(a, kind));
    assert_non_null(strstr(kit_find(a, kind)->text, words));
    assert_int_equal(a->event_count, 1);
    stranger_close(&s);
    KIT_WAIT(&kit, net_stats(a->net).links == 0);
    assert_int_equal(net_stats(a->net).strangers, 0);
}

static void http_on_the_port(void **state)
{
    (void)state;
    static const char get[] = "GET /health HTTP/1.1\r\nHost: pg1\r\n\r\n";
    say_and_be_refused(get, sizeof(get) - 1, NET_NOT_TLS, "HTTP");
}

static void noise_on_the_port(void **state)
{
    (void)state;
    static const char noise[] = "\x01\x02\x03\x04\x05\x06\x07\x08";
    say_and_be_refused(noise, sizeof(noise) - 1, NET_NOT_TLS, "another program");
}

static void a_broken_hello_of_tls(void **state)
{
    (void)state;
    static const char hello[] = "\x16\x03\x01\x00\x08\x01\x00\x00\x04\x03\x03\xff\xff";
    say_and_be_refused(hello, sizeof(hello) - 1, NET_TLS_FAILED, "TLS");
}

static void a_record_larger_than_tls_has(void **state)
{
    (void)state;
    static char flood[70000] = "\x16\x03\x01\xff\xff\x01";
    say_and_be_refused(flood, sizeof(flood), NET_TLS_FAILED, "TLS");
}

static void nobody_who_only_looks_is_an_event(void **state)
{
    (void)state;
    struct kit_stranger s;
    kit_start(a);
    stranger_connect(&kit, &s, a->listen);
    KIT_WAIT(&kit, net_stats(a->net).strangers == 1);
    stranger_close(&s);
    KIT_WAIT(&kit, net_stats(a->net).links == 0);
    assert_int_equal(a->event_count, 0);
}

static void who_says_nothing_is_closed(void **state)
{
    (void)state;
    struct kit_stranger s;
    a->settings.limits.handshake_ms = 50;
    kit_start(a);
    stranger_connect(&kit, &s, a->listen);
    KIT_WAIT(&kit, s.ended);
    assert_non_null(kit_find(a, NET_DEADLINE));
    stranger_close(&s);
}

/* A byte now and then does not move the deadline. */
static void who_says_little_is_closed(void **state)
{
    (void)state;
    struct kit_stranger s;
    a->settings.limits.handshake_ms = 100;
    kit_start(a);
    stranger_connect(&kit, &s, a->listen);
    static const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01";
    size_t said = 0;
    kit_watch(&kit);
    while (!s.ended && !kit.late) {
        if (said < sizeof(hello) - 1) {
            stranger_say(&s, hello + said++, 1);
        }
        kit_turn(&kit);
    }
    assert_true(s.ended);
    assert_non_null(kit_find(a, NET_DEADLINE));
    stranger_close(&s);
}

static void strangers_are_few(void **state)
{
    (void)state;
    struct kit_stranger s[4];
    a->settings.limits.strangers_of_host_max = 3;
    kit_start(a);
    kit_start(b);
    for (size_t i = 0; i < 4; i++) {
        stranger_connect(&kit, &s[i], a->listen);
        KIT_WAIT(&kit, net_stats(a->net).accepted == i + 1);
    }
    KIT_WAIT(&kit, s[3].ended);
    assert_int_equal(net_stats(a->net).strangers, 3);
    assert_int_equal(kit_count(a, NET_TOO_MANY), 1);
    for (size_t i = 0; i < 4; i++) {
        assert_true(i == 3 || !s[i].ended);
        stranger_close(&s[i]);
    }
    kit_peers(b, 1, true);
    KIT_WAIT(&kit, a->ups == 1 && b->ups == 1);
    assert_int_equal(net_stats(a->net).strangers, 0);
}

/* ---- strangers in plain text, to see what is inside ---- */

static struct buf said;

static void begin_plain(void)
{
    buf_close(&said);
    buf_append(&said, PREFACE_MAGIC, PREFACE_MAGIC_SIZE);
    a->security = (struct net_security){.kind = NET_PLAIN};
    kit_start(a);
}

static void add_frame(enum link_frame kind, const void *bytes, size_t size)
{
    size_t begun = frame_begin(&said);
    buf_char(&said, (char)kind);
    buf_append(&said, bytes, size);
    frame_end(&said, begun);
}

static void add_preface(uint64_t id)
{
    struct preface preface = b->settings.self;
    preface.protocol = PREFACE_PROTOCOL;
    preface.oldest = PREFACE_PROTOCOL_OLDEST;
    preface.node_id = id;
    (void)snprintf(preface.address, sizeof(preface.address), "127.0.0.1:1");
    struct buf bytes = {0};
    preface_encode(&preface, &bytes);
    add_frame(LINK_FRAME_PREFACE, bytes.bytes, bytes.size);
    buf_close(&bytes);
}

/* What was gathered is said: the connection ends with an event of this kind. */
static void plain_refused(enum net_event_kind kind, const char *words)
{
    struct kit_stranger s;
    stranger_connect(&kit, &s, a->listen);
    stranger_say(&s, said.bytes, said.size);
    KIT_WAIT(&kit, s.ended);
    assert_non_null(kit_find(a, kind));
    assert_non_null(strstr(kit_find(a, kind)->text, words));
    stranger_close(&s);
    buf_close(&said);
}

static void the_first_frame_is_a_preface(void **state)
{
    (void)state;
    begin_plain();
    add_frame(LINK_FRAME_MESSAGE, "x", 1);
    plain_refused(NET_GARBAGE, "preface");
}

static void a_preface_that_is_none(void **state)
{
    (void)state;
    begin_plain();
    add_frame(LINK_FRAME_PREFACE, "xyz", 3);
    plain_refused(NET_GARBAGE, "preface");
}

static void a_large_frame_before_it_is_known_who_speaks(void **state)
{
    (void)state;
    begin_plain();
    static const char large[PREFACE_BODY_MAX + 1];
    add_frame(LINK_FRAME_PREFACE, large, sizeof(large));
    plain_refused(NET_TOO_LARGE, "2048");
}

static void a_large_frame_after_that(void **state)
{
    (void)state;
    begin_plain();
    add_preface(20);
    add_frame(LINK_FRAME_WELCOME, NULL, 0);
    uint32_t head[2] = {PEER_MESSAGE_BYTES_MAX + 2, 0};
    buf_append(&said, head, sizeof(head));
    plain_refused(NET_TOO_LARGE, "4194305");
    assert_int_equal(a->ups, 1);
    assert_int_equal(a->downs, 1);
}

static void a_message_that_is_none(void **state)
{
    (void)state;
    begin_plain();
    add_preface(20);
    add_frame(LINK_FRAME_WELCOME, NULL, 0);
    add_frame(LINK_FRAME_MESSAGE, "\xff\xff", 2);
    plain_refused(NET_GARBAGE, "message");
}

static void a_message_in_the_name_of_another(void **state)
{
    (void)state;
    begin_plain();
    add_preface(20);
    add_frame(LINK_FRAME_WELCOME, NULL, 0);
    struct peer_message message = {.kind = PEER_VOTE, .from = 30, .to = 10, .life = 1};
    struct buf bytes = {0};
    assert_int_equal(peer_encode(&message, &bytes, NULL), 0);
    add_frame(LINK_FRAME_MESSAGE, bytes.bytes, bytes.size);
    buf_close(&bytes);
    plain_refused(NET_GARBAGE, "another node");
    assert_int_equal(a->messages, 0);
}

static void a_changed_byte(void **state)
{
    (void)state;
    begin_plain();
    add_preface(20);
    said.bytes[said.size - 1] ^= 1;
    plain_refused(NET_GARBAGE, "checksum");
}

static void a_frame_that_never_ends(void **state)
{
    (void)state;
    a->settings.limits.body_ms = 60;
    begin_plain();
    add_preface(20);
    add_frame(LINK_FRAME_WELCOME, NULL, 0);
    buf_append(&said, "\x40\x00\x00\x00", 4);
    plain_refused(NET_DEADLINE, "frame");
}

static void a_peer_that_falls_silent(void **state)
{
    (void)state;
    a->settings.limits.ping_ms = 20;
    a->settings.limits.silence_ms = 60;
    begin_plain();
    add_preface(20);
    add_frame(LINK_FRAME_WELCOME, NULL, 0);
    plain_refused(NET_SILENT, "no answer");
    assert_int_equal(a->downs, 1);
}

/* The old process does not answer any more, and no reset tells of it: its successor takes over. */
static void a_restart_takes_the_place_of_what_is_dead(void **state)
{
    (void)state;
    a->settings.limits.probe_ms = 50;
    begin_plain();
    add_preface(20);
    add_frame(LINK_FRAME_WELCOME, NULL, 0);
    struct kit_stranger s;
    stranger_connect(&kit, &s, a->listen);
    stranger_say(&s, said.bytes, said.size);
    KIT_WAIT(&kit, a->ups == 1);
    b->security = a->security;
    kit_start(b);
    kit_peers(b, 1, true);
    KIT_WAIT(&kit, b->ups == 1);
    assert_int_equal(a->ups, 2);
    assert_int_equal(a->downs, 1);
    assert_null(kit_find(a, NET_SAME_ID));
    KIT_WAIT(&kit, s.ended);
    stranger_close(&s);
    buf_close(&said);
}

/* The refusal says which frame and why: the other end reads it back. */
static void a_stranger_reads_why(void **state)
{
    (void)state;
    begin_plain();
    add_preface(20);
    struct kit_stranger s;
    said.bytes[said.size - 1] ^= 1;
    stranger_connect(&kit, &s, a->listen);
    stranger_say(&s, said.bytes, said.size);
    KIT_WAIT(&kit, s.ended);
    struct frame_reader reader = {.body_max = PREFACE_BODY_MAX};
    assert_int_equal(frame_feed(&reader, s.got.bytes + PREFACE_MAGIC_SIZE,
                                s.got.size - PREFACE_MAGIC_SIZE, NULL),
                     0);
    const void *body = NULL;
    size_t size = 0;
    assert_int_equal(frame_next(&reader, &body, &size, NULL), 1);
    assert_int_equal(((const char *)body)[0], LINK_FRAME_PREFACE);
    assert_int_equal(frame_next(&reader, &body, &size, NULL), 1);
    assert_int_equal(((const char *)body)[0], LINK_FRAME_REFUSAL);
    struct refusal refusal;
    assert_int_equal(refusal_decode((const char *)body + 1, size - 1, &refusal, NULL), 0);
    assert_int_equal(refusal.reason, REFUSAL_GARBAGE);
    frame_reader_close(&reader);
    stranger_close(&s);
    buf_close(&said);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(another_scope),
        TEST(another_namespace),
        TEST(another_cluster),
        TEST(a_newer_protocol),
        TEST(a_newer_protocol_that_still_understands_ours),
        TEST(the_same_id_as_ones_own),
        TEST(its_owner_refuses_it),
        TEST(a_copy_is_refused_and_the_first_one_stays),
        TEST(a_cluster_that_comes_to_be_known_parts_them),
        TEST(a_refusal_is_told_once),
        TEST(http_on_the_port),
        TEST(noise_on_the_port),
        TEST(a_broken_hello_of_tls),
        TEST(a_record_larger_than_tls_has),
        TEST(nobody_who_only_looks_is_an_event),
        TEST(who_says_nothing_is_closed),
        TEST(who_says_little_is_closed),
        TEST(strangers_are_few),
        TEST(the_first_frame_is_a_preface),
        TEST(a_preface_that_is_none),
        TEST(a_large_frame_before_it_is_known_who_speaks),
        TEST(a_large_frame_after_that),
        TEST(a_message_that_is_none),
        TEST(a_message_in_the_name_of_another),
        TEST(a_changed_byte),
        TEST(a_frame_that_never_ends),
        TEST(a_peer_that_falls_silent),
        TEST(a_restart_takes_the_place_of_what_is_dead),
        TEST(a_stranger_reads_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
