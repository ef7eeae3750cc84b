/* tests/unit/test_net_parts.c - the parts of consensus/net that decide and do nothing: addresses,
 * back-off, who may talk to whom, settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "consensus/net/address.h"
#include "consensus/net/backoff.h"
#include "consensus/net/judge.h"

static void addresses_are_split(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *host; /* NULL: refused */
        const char *port;
    } rows[] = {
        {"10.0.0.1:7400", "10.0.0.1", "7400"},
        {"pg1.example.org:1", "pg1.example.org", "1"},
        {"[::1]:65535", "::1", "65535"},
        {"[fe80::1%eth0]:0", "fe80::1%eth0", "0"},
        {"10.0.0.1", NULL, NULL},
        {"10.0.0.1:", NULL, NULL},
        {"10.0.0.1:70000", NULL, NULL},
        {"10.0.0.1:7400x", NULL, NULL},
        {"10.0.0.1:-1", NULL, NULL},
        {":7400", NULL, NULL},
        {"::1:7400", NULL, NULL},
        {"[]:7400", NULL, NULL},
        {"", NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct address_parts parts;
        struct err err = {0};
        int rv = address_split(rows[i].text, &parts, &err);
        assert_int_equal(rv, rows[i].host != NULL ? 0 : ERR_INVALID);
        if (rv == 0) {
            assert_string_equal(parts.host, rows[i].host);
            assert_string_equal(parts.port, rows[i].port);
        } else {
            assert_non_null(strstr(err.msg, rows[i].text));
        }
    }
}

static void addresses_in_numbers_need_no_resolver(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *again; /* NULL: a name */
        bool loopback;
    } rows[] = {
        {"127.0.0.1:7400", "127.0.0.1:7400", true},
        {"127.255.0.1:1", "127.255.0.1:1", true},
        {"128.0.0.1:1", "128.0.0.1:1", false},
        {"[::1]:1", "[::1]:1", true},
        {"[2001:db8::1]:1", "[2001:db8::1]:1", false},
        {"[::ffff:127.0.0.1]:1", "127.0.0.1:1", true},
        {"[::ffff:10.0.0.1]:1", "10.0.0.1:1", false},
        {"localhost:1", NULL, true},
        {"pg1:1", NULL, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct address_parts parts;
        struct sockaddr_storage numeric;
        char text[ADDRESS_TEXT_SIZE];
        assert_int_equal(address_split(rows[i].text, &parts, NULL), 0);
        assert_int_equal(address_numeric(&parts, &numeric), rows[i].again != NULL);
        assert_int_equal(address_parts_are_loopback(&parts), rows[i].loopback);
        if (rows[i].again != NULL) {
            const struct sockaddr *address = (const struct sockaddr *)&numeric;
            assert_string_equal(address_text(address, text), rows[i].again);
            assert_int_equal(address_is_loopback(address), rows[i].loopback);
        }
    }
}

static void waits_double_up_to_the_longest(void **state)
{
    (void)state;
    static const uint32_t full[] = {50, 100, 200, 400, 500, 500, 500};
    for (uint64_t chance = 0; chance < 1000; chance += 7) {
        struct backoff b = {0};
        for (size_t i = 0; i < ARRAY_LEN(full); i++) {
            uint32_t ms = backoff_next_ms(&b, 50, 500, chance * 977);
            assert_in_range(ms, full[i] / 2, full[i]);
        }
    }
    struct backoff b = {0};
    for (unsigned int i = 0; i < 100; i++) {
        assert_in_range(backoff_next_ms(&b, 1, UINT32_MAX, UINT64_MAX), 1, UINT32_MAX);
    }
    struct backoff same = {0};
    assert_in_range(backoff_next_ms(&same, 1, 1, 4711), 1, 1);
}

static struct preface preface(void)
{
    struct preface p = {.protocol = 3, .oldest = 2, .node_id = 1, .instance = 1};
    (void)snprintf(p.namespace, sizeof(p.namespace), "/service/");
    (void)snprintf(p.scope, sizeof(p.scope), "demo");
    (void)snprintf(p.name, sizeof(p.name), "pg1");
    (void)snprintf(p.address, sizeof(p.address), "10.0.0.1:7400");
    return p;
}

static void versions_have_to_overlap(void **state)
{
    (void)state;
    static const struct {
        uint32_t oldest;
        uint32_t protocol;
        bool fine;
    } rows[] = {{1, 1, false}, {1, 2, true}, {2, 2, true},  {2, 3, true}, {3, 3, true},
                {3, 9, true},  {1, 9, true}, {4, 4, false}, {4, 9, false}};
    struct preface ours = preface();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct preface theirs = preface();
        struct fault fault;
        theirs.node_id = 2;
        theirs.oldest = rows[i].oldest;
        theirs.protocol = rows[i].protocol;
        int rv = judge_preface(&ours, &theirs, &fault);
        assert_int_equal(rv, rows[i].fine ? 0 : -1);
        assert_true(rows[i].fine || fault.kind == NET_OTHER_PROTOCOL);
        /* The other side judges alike. */
        assert_int_equal(judge_preface(&theirs, &ours, &fault), rv);
    }
}

static void a_cluster_that_is_not_known_yet_is_no_reason(void **state)
{
    (void)state;
    struct preface ours = preface();
    struct preface theirs = preface();
    struct fault fault;
    theirs.node_id = 2;
    ours.cluster_id[15] = 1;
    assert_int_equal(judge_preface(&ours, &theirs, &fault), 0);
    assert_int_equal(judge_preface(&theirs, &ours, &fault), 0);
    theirs.cluster_id[15] = 1;
    assert_int_equal(judge_preface(&ours, &theirs, &fault), 0);
    theirs.cluster_id[0] = 1;
    assert_int_equal(judge_preface(&ours, &theirs, &fault), -1);
    assert_int_equal(fault.kind, NET_OTHER_CLUSTER);
}

static void oneself_and_a_copy_are_told_apart(void **state)
{
    (void)state;
    struct preface ours = preface();
    struct preface theirs = preface();
    struct fault fault;
    assert_int_equal(judge_preface(&ours, &theirs, &fault), 1);
    theirs.instance = 2;
    assert_int_equal(judge_preface(&ours, &theirs, &fault), -1);
    assert_int_equal(fault.kind, NET_SAME_ID);
}

/* Both sides choose the same connection, in whatever order they see the two. */
static void both_sides_choose_alike(void **state)
{
    (void)state;
    for (unsigned int order = 0; order < 4; order++) {
        bool low_first_low = (order & 1) != 0; /* node 1 has seen that of node 1 first */
        bool high_first_low = (order & 2) != 0;
        bool newer = judge_newer_is_better(1, 2, low_first_low, !low_first_low);
        bool low_keeps_low = low_first_low != newer;
        newer = judge_newer_is_better(2, 1, !high_first_low, high_first_low);
        bool high_keeps_low = high_first_low != newer;
        assert_true(low_keeps_low);
        assert_true(high_keeps_low);
    }
    assert_true(judge_newer_is_better(1, 2, true, true));
    assert_true(judge_newer_is_better(1, 2, false, false));
}

static void reasons_come_back_as_kinds(void **state)
{
    (void)state;
    for (uint32_t reason = REFUSAL_PROTOCOL; reason <= REFUSAL_KEYS_GONE; reason++) {
        assert_int_equal(fault_reason(fault_kind(reason)), reason);
    }
    assert_int_equal(fault_kind(REFUSAL_OTHER), NET_REFUSED);
    assert_int_equal(fault_kind(4711), NET_REFUSED);
    assert_int_equal(fault_reason(NET_SILENT), REFUSAL_OTHER);
    for (int kind = 0; kind < NET_EVENT_KINDS; kind++) {
        assert_true(strlen(net_event_name((enum net_event_kind)kind)) > 0);
    }
}

static void settings_make_sense(void **state)
{
    (void)state;
    struct net_security secret = {.kind = NET_SECRET, .secret_file = "F"};
    struct net_settings settings = {.self = preface(), .limits = net_limits_default()};
    struct err err = {0};
    assert_int_equal(net_settings_check(&settings, &secret, &err), ERR_INVALID);
    assert_non_null(strstr(err.msg, "raft.listen"));
    settings.listen[0] = "0.0.0.0:7400";
    assert_int_equal(net_settings_check(&settings, &secret, &err), 0);
    settings.listen[1] = "7400";
    assert_int_equal(net_settings_check(&settings, &secret, &err), ERR_INVALID);
    settings.listen[1] = NULL;
    secret.secret_file = NULL;
    assert_int_equal(net_settings_check(&settings, &secret, &err), ERR_INVALID);
    assert_non_null(strstr(err.msg, "pgraftctl secret generate"));
    struct net_security certs = {.kind = NET_CERTIFICATES, .ca = "A", .cert = "C"};
    assert_int_equal(net_settings_check(&settings, &certs, &err), ERR_INVALID);
    assert_non_null(strstr(err.msg, "key is missing"));
    certs.key = "K";
    assert_int_equal(net_settings_check(&settings, &certs, &err), 0);
    settings.limits.silence_ms = settings.limits.ping_ms;
    assert_int_equal(net_settings_check(&settings, &certs, &err), ERR_INVALID);
    settings.limits = net_limits_default();
    settings.self.name[0] = '\0';
    assert_int_equal(net_settings_check(&settings, &certs, &err), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_split),
        cmocka_unit_test(addresses_in_numbers_need_no_resolver),
        cmocka_unit_test(waits_double_up_to_the_longest),
        cmocka_unit_test(versions_have_to_overlap),
        cmocka_unit_test(a_cluster_that_is_not_known_yet_is_no_reason),
        cmocka_unit_test(oneself_and_a_copy_are_told_apart),
        cmocka_unit_test(both_sides_choose_alike),
        cmocka_unit_test(reasons_come_back_as_kinds),
        cmocka_unit_test(settings_make_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
