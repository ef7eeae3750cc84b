/* tests/unit/test_net_tls.c - who has the secret, or a certificate of the right kind, is let in;
 * nobody else is, and both sides are told why.
 *
 * Secrets and certificates change while connections stand on them. */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "consensus/net/tls_keys.h"
#include "tests/lib/certs.h"
#include "tests/lib/net_kit.h"

#define DAY_S (24L * 3600)
#define OTHER_SECRET "another secret, long enough as well"

static struct kit kit;
static struct kit_node *a;
static struct kit_node *b;
static struct certs_ca ca;
static struct certs_ca other_ca;

static int setup(void **state)
{
    (void)state;
    kit_open(&kit);
    a = &kit.nodes[0];
    b = &kit.nodes[1];
    a->settings.limits.redial_refused_ms = 20;
    b->settings.limits.redial_refused_ms = 20;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kit_close(&kit);
    return 0;
}

static void start_both(void)
{
    kit_start(a);
    kit_start(b);
    kit_peers(a, 2, true);
}

static void both_are_up(void)
{
    KIT_WAIT(&kit, a->ups == 1 && b->ups == 1);
    assert_int_equal(kit_send(a, b, 1), 0);
    assert_int_equal(kit_send(b, a, 2), 0);
    KIT_WAIT(&kit, a->messages == 1 && b->messages == 1);
}

static void both_are_told(enum net_event_kind kind)
{
    KIT_WAIT(&kit, kit_find(a, kind) != NULL && kit_find(b, kind) != NULL);
    assert_int_equal(a->ups + b->ups, 0);
    assert_int_equal(a->event_count, 1);
    assert_int_equal(b->event_count, 1);
    assert_true(a->events[0].told != b->events[0].told);
}

static void reload(struct kit_node *node)
{
    struct net_keys *keys = NULL;
    struct err err = {0};
    if (net_keys_load(&node->security, &keys, NULL, &err) != 0) {
        fail_msg("%s", err.msg);
    }
    net_keys_take(node->net, keys);
}

/* ---- secrets ---- */

static void another_secret(void **state)
{
    (void)state;
    b->security.secret_file = kit_file(&kit, "other", OTHER_SECRET "\n");
    start_both();
    both_are_told(NET_WRONG_SECRET);
    assert_true(kit_find(a, NET_WRONG_SECRET)->told);
    assert_non_null(strstr(kit_find(b, NET_WRONG_SECRET)->text, "raft.secret_file"));
}

/* docs/peers.md: add the new one, make it the first, take the old one away. */
static void a_secret_is_changed_without_an_interruption(void **state)
{
    (void)state;
    static const char *const steps[] = {
        KIT_SECRET "\n" OTHER_SECRET "\n",
        OTHER_SECRET "\n" KIT_SECRET "\n",
        OTHER_SECRET "\n",
    };
    a->security.secret_file = kit_file(&kit, "a", KIT_SECRET "\n");
    b->security.secret_file = kit_file(&kit, "b", KIT_SECRET "\n");
    start_both();
    both_are_up();
    for (size_t step = 0; step < ARRAY_LEN(steps); step++) {
        for (unsigned int i = 0; i < 2; i++) {
            struct kit_node *first = i == 0 ? a : b;
            (void)kit_file(&kit, i == 0 ? "a" : "b", steps[step]);
            reload(first);
            /* In between, nodes of both steps find each other anew. */
            unsigned int ups = a->ups;
            kit_peers(a, 0, true);
            KIT_WAIT(&kit, a->downs == ups && b->downs == ups);
            kit_peers(a, 2, true);
            KIT_WAIT(&kit, a->ups == ups + 1 && b->ups == ups + 1);
        }
    }
    assert_null(kit_find(a, NET_WRONG_SECRET));
    assert_null(kit_find(b, NET_WRONG_SECRET));
}

static void what_stands_on_a_secret_that_is_gone_is_closed(void **state)
{
    (void)state;
    a->security.secret_file = kit_file(&kit, "a", KIT_SECRET "\n");
    start_both();
    both_are_up();
    (void)kit_file(&kit, "a", KIT_SECRET "\n" OTHER_SECRET "\n");
    reload(a);
    assert_int_equal(a->downs, 0);
    (void)kit_file(&kit, "a", OTHER_SECRET "\n");
    reload(a);
    assert_int_equal(a->downs, 1);
    assert_non_null(kit_find(a, NET_KEYS_GONE));
    KIT_WAIT(&kit, b->downs == 1);
    assert_true(kit_find(b, NET_KEYS_GONE)->told);
    KIT_WAIT(&kit, kit_find(a, NET_WRONG_SECRET) != NULL && kit_find(b, NET_WRONG_SECRET) != NULL);
    (void)kit_file(&kit, "a", KIT_SECRET "\n");
    reload(a);
    KIT_WAIT(&kit, a->ups == 2 && b->ups == 2);
}

/* ---- plain text ---- */

static void plain_text_on_this_host(void **state)
{
    (void)state;
    a->security = (struct net_security){.kind = NET_PLAIN};
    b->security = a->security;
    start_both();
    both_are_up();
}

static void plain_text_to_tls(void **state)
{
    (void)state;
    a->security = (struct net_security){.kind = NET_PLAIN};
    start_both();
    both_are_told(NET_NOT_TLS);
    assert_non_null(strstr(kit_find(a, NET_NOT_TLS)->text, "plain text"));
    assert_non_null(strstr(kit_find(b, NET_NOT_TLS)->text, "plain text"));
}

static void tls_to_plain_text(void **state)
{
    (void)state;
    b->security = (struct net_security){.kind = NET_PLAIN};
    start_both();
    both_are_told(NET_NOT_TLS);
    assert_non_null(strstr(kit_find(a, NET_NOT_TLS)->text, "plain text"));
    assert_non_null(strstr(kit_find(b, NET_NOT_TLS)->text, "plain text"));
}

static void plain_text_does_not_leave_this_host(void **state)
{
    (void)state;
    static const struct {
        const char *listen;
        bool fine;
    } rows[] = {
        {"127.0.0.1:7400", true},       {"127.9.9.9:7400", true},
        {"[::1]:7400", true},           {"localhost:7400", true},
        {"0.0.0.0:7400", false},        {"[::]:7400", false},
        {"192.0.2.1:7400", false},      {"pg1.example.org:1", false},
        {"[::ffff:127.0.0.1]:1", true}, {"[::ffff:10.0.0.1]:1", false},
    };
    struct net_security plain = {.kind = NET_PLAIN};
    struct net_security insecure = {.kind = NET_PLAIN, .insecure = true};
    struct net_settings settings = a->settings;
    (void)snprintf(settings.self.address, sizeof(settings.self.address), "127.0.0.1:1");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};
        settings.listen[0] = rows[i].listen;
        int rv = net_settings_check(&settings, &plain, &err);
        assert_int_equal(rv, rows[i].fine ? 0 : ERR_INVALID);
        assert_true(rows[i].fine || strstr(err.msg, "raft.insecure") != NULL);
        assert_int_equal(net_settings_check(&settings, &insecure, NULL), 0);
        assert_int_equal(net_settings_check(&settings, &a->security, NULL), 0);
    }
    /* And it goes nowhere else either. */
    a->security = plain;
    kit_start(a);
    const struct net_peer peer = {.id = 20, .name = "n1", .address = "192.0.2.1:7400"};
    net_set_peers(a->net, &peer, 1);
    KIT_WAIT(&kit, kit_find(a, NET_PLAIN_REFUSED) != NULL);
}

/* ---- certificates ---- */

static int setup_certificates(void **state)
{
    certs_ca_open(&ca, "the CA");
    certs_ca_open(&other_ca, "another CA");
    return setup(state);
}

static int teardown_certificates(void **state)
{
    certs_ca_close(&ca);
    certs_ca_close(&other_ca);
    return teardown(state);
}

static void give(struct kit_node *node, const struct certs_ca *issuer,
                 const struct certs_ca *trusted, const struct certs_wish *wish)
{
    char name[96];
    const char *const who = node->settings.self.name;
    (void)snprintf(name, sizeof(name), "%s-ca.pem", who);
    node->security = (struct net_security){.kind = NET_CERTIFICATES};
    node->security.ca = kit_file(&kit, name, "");
    (void)snprintf(name, sizeof(name), "%s-cert.pem", who);
    node->security.cert = kit_file(&kit, name, "");
    (void)snprintf(name, sizeof(name), "%s-key.pem", who);
    node->security.key = kit_file(&kit, name, "");
    certs_ca_write(trusted, node->security.ca);
    certs_write(issuer, wish, node->security.cert, node->security.key);
}

static const struct certs_wish for_a = {.cn = "n0", .from_s = -DAY_S, .until_s = 90 * DAY_S};
static const struct certs_wish for_b = {
    .cn = "a host", .dns = "n1.example.org", .from_s = -DAY_S, .until_s = 90 * DAY_S};

static void certificates_of_one_ca(void **state)
{
    (void)state;
    give(a, &ca, &ca, &for_a);
    give(b, &ca, &ca, &for_b);
    start_both();
    both_are_up();
    assert_int_equal(a->event_count, 1);
    assert_int_equal(b->event_count, 1);
}

static void a_certificate_of_another_ca(void **state)
{
    (void)state;
    give(a, &other_ca, &ca, &for_a);
    give(b, &ca, &ca, &for_b);
    start_both();
    both_are_told(NET_WRONG_CERTIFICATE);
    assert_true(kit_find(a, NET_WRONG_CERTIFICATE)->told);
    assert_non_null(strstr(kit_find(b, NET_WRONG_CERTIFICATE)->text, "not of the CA"));
}

static void a_server_of_another_ca(void **state)
{
    (void)state;
    give(a, &ca, &ca, &for_a);
    give(b, &other_ca, &ca, &for_b);
    start_both();
    both_are_told(NET_WRONG_CERTIFICATE);
    assert_true(kit_find(b, NET_WRONG_CERTIFICATE)->told);
}

static void an_expired_certificate(void **state)
{
    (void)state;
    static const struct certs_wish expired = {.cn = "n0", .from_s = -2 * DAY_S, .until_s = -DAY_S};
    give(a, &ca, &ca, &expired);
    give(b, &ca, &ca, &for_b);
    start_both();
    both_are_told(NET_EXPIRED_CERTIFICATE);
    assert_true(kit_find(a, NET_EXPIRED_CERTIFICATE)->told);
    /* Renewed and reloaded: it goes on without a restart. */
    give(a, &ca, &ca, &for_a);
    reload(a);
    both_are_up();
}

static void an_expired_certificate_of_who_is_dialled(void **state)
{
    (void)state;
    static const struct certs_wish expired = {.cn = "n1", .from_s = -2 * DAY_S, .until_s = -DAY_S};
    give(a, &ca, &ca, &for_a);
    give(b, &ca, &ca, &expired);
    start_both();
    both_are_told(NET_EXPIRED_CERTIFICATE);
    assert_true(kit_find(b, NET_EXPIRED_CERTIFICATE)->told);
}

static void a_certificate_that_is_not_for_clients(void **state)
{
    (void)state;
    struct certs_wish wish = for_a;
    wish.only_server = true;
    give(a, &ca, &ca, &wish);
    give(b, &ca, &ca, &for_b);
    start_both();
    both_are_told(NET_WRONG_CERTIFICATE);
    assert_non_null(strstr(kit_find(b, NET_WRONG_CERTIFICATE)->text, "both purposes"));
}

static void a_certificate_that_names_another_node(void **state)
{
    (void)state;
    static const char *const names[] = {"n7.example.org", "n00.example.org", "n", "x.n0"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct certs_wish wish = for_a;
        wish.cn = "n7";
        wish.dns = names[i];
        give(a, &ca, &ca, &wish);
        give(b, &ca, &ca, &for_b);
        start_both();
        both_are_told(NET_CERTIFICATE_NAME);
        assert_non_null(strstr(kit_find(b, NET_CERTIFICATE_NAME)->text, "CN n7"));
        assert_non_null(strstr(kit_find(b, NET_CERTIFICATE_NAME)->text, names[i]));
        kit_stop(a);
        kit_stop(b);
        kit_forget(a);
        kit_forget(b);
    }
}

static void any_name_will_do_if_the_operator_says_so(void **state)
{
    (void)state;
    struct certs_wish wish = for_a;
    wish.cn = "n7";
    give(a, &ca, &ca, &wish);
    give(b, &ca, &ca, &for_b);
    b->security.any_name = true;
    start_both();
    both_are_up();
}

static void certificates_are_renewed_while_in_use(void **state)
{
    (void)state;
    give(a, &ca, &ca, &for_a);
    give(b, &ca, &ca, &for_b);
    start_both();
    both_are_up();
    give(a, &ca, &ca, &for_a);
    reload(a);
    give(b, &ca, &ca, &for_b);
    reload(b);
    assert_int_equal(kit_send(a, b, 3), 0);
    KIT_WAIT(&kit, b->messages == 2);
    assert_int_equal(a->downs + b->downs, 0);
    /* The CA is given up: what it has signed is out, connected or not. */
    give(b, &other_ca, &other_ca, &for_b);
    reload(b);
    assert_int_equal(b->downs, 1);
    assert_non_null(kit_find(b, NET_KEYS_GONE));
    KIT_WAIT(&kit, a->downs == 1);
    give(a, &other_ca, &other_ca, &for_a);
    reload(a);
    KIT_WAIT(&kit, a->ups == 2 && b->ups == 2);
}

static void certificates_to_a_secret(void **state)
{
    (void)state;
    give(a, &ca, &ca, &for_a);
    start_both();
    both_are_told(NET_TLS_FAILED);
    assert_non_null(strstr(kit_find(a, NET_TLS_FAILED)->text, "and the other one certificates"));
    assert_non_null(strstr(kit_find(b, NET_TLS_FAILED)->text, "and the other one certificates"));
}

static void a_secret_to_certificates(void **state)
{
    (void)state;
    give(b, &ca, &ca, &for_b);
    start_both();
    both_are_told(NET_TLS_FAILED);
    assert_non_null(strstr(kit_find(a, NET_TLS_FAILED)->text, "and the other one certificates"));
    assert_non_null(strstr(kit_find(b, NET_TLS_FAILED)->text, "and the other one certificates"));
}

static void what_is_wrong_with_files_is_said(void **state)
{
    (void)state;
    struct net_keys *keys = NULL;
    struct err err = {0};
    struct buf warnings = {0};
    give(a, &ca, &ca, &for_a);
    struct net_security security = a->security;
    security.cert = "/nonexistent/cert.pem";
    assert_int_equal(net_keys_load(&security, &keys, &warnings, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "/nonexistent/cert.pem"));
    security = a->security;
    security.ca = a->security.key;
    assert_int_equal(net_keys_load(&security, &keys, &warnings, &err), ERR_INVALID);
    security = a->security;
    give(b, &ca, &ca, &for_b);
    security.key = b->security.key;
    assert_int_equal(net_keys_load(&security, &keys, &warnings, &err), ERR_INVALID);
    assert_non_null(strstr(err.msg, "made for each other"));
    assert_int_equal(warnings.size, 0);
    struct certs_wish soon = for_a;
    soon.until_s = 3 * DAY_S;
    give(a, &ca, &ca, &soon);
    assert_int_equal(chmod(a->security.key, S_IRUSR | S_IROTH), 0);
    assert_int_equal(net_keys_load(&a->security, &keys, &warnings, &err), 0);
    assert_non_null(strstr(buf_text(&warnings), "expires at"));
    assert_non_null(strstr(buf_text(&warnings), "0404"));
    net_keys_free(keys);
    buf_close(&warnings);
}

/* Safety E4, and the faster one first where there is hardware for it. */
static void the_order_of_ciphers(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        bool has_aes = i % 2 == 1;
        const char *text = tls_priority(i / 2 == 0 ? TLS_PSK : TLS_CERTIFICATES, has_aes);
        const unsigned int *ciphers = NULL;
        gnutls_priority_t priority = NULL;
        assert_int_equal(gnutls_priority_init(&priority, text, NULL), 0);
        assert_in_range(gnutls_priority_cipher_list(priority, &ciphers), 2, 3);
        assert_int_equal(ciphers[0],
                         has_aes ? GNUTLS_CIPHER_AES_128_GCM : GNUTLS_CIPHER_CHACHA20_POLY1305);
        gnutls_priority_deinit(priority);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_CERTIFICATES(name) \
    cmocka_unit_test_setup_teardown(name, setup_certificates, teardown_certificates)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_of_ciphers),
        TEST(another_secret),
        TEST(a_secret_is_changed_without_an_interruption),
        TEST(what_stands_on_a_secret_that_is_gone_is_closed),
        TEST(plain_text_on_this_host),
        TEST(plain_text_to_tls),
        TEST(tls_to_plain_text),
        TEST(plain_text_does_not_leave_this_host),
        TEST_CERTIFICATES(certificates_of_one_ca),
        TEST_CERTIFICATES(a_certificate_of_another_ca),
        TEST_CERTIFICATES(a_server_of_another_ca),
        TEST_CERTIFICATES(an_expired_certificate),
        TEST_CERTIFICATES(an_expired_certificate_of_who_is_dialled),
        TEST_CERTIFICATES(a_certificate_that_is_not_for_clients),
        TEST_CERTIFICATES(a_certificate_that_names_another_node),
        TEST_CERTIFICATES(any_name_will_do_if_the_operator_says_so),
        TEST_CERTIFICATES(certificates_are_renewed_while_in_use),
        TEST_CERTIFICATES(certificates_to_a_secret),
        TEST_CERTIFICATES(a_secret_to_certificates),
        TEST_CERTIFICATES(what_is_wrong_with_files_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
