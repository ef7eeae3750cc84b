/* tests/unit/test_http_auth.c - who may ask for what: every combination of what can be known. */
#include "tests/lib/death.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/err.h"
#include "base/must.h"
#include "daemon/http_auth.h"

/* Thirteen facts, all 8192 worlds. */
static struct http_caller world(unsigned bits)
{
    return (struct http_caller){.is_control = (bits & 1) != 0,
                                .is_owner = (bits & 2) != 0,
                                .needs_certificate = (bits & 4) != 0,
                                .checks_certificate = (bits & 8) != 0,
                                .has_certificate = (bits & 16) != 0,
                                .checks_password = (bits & 32) != 0,
                                .has_password = (bits & 64) != 0,
                                .password_is_right = (bits & 128) != 0,
                                .checks_address = (bits & 256) != 0,
                                .address_is_listed = (bits & 512) != 0,
                                .door_is_loopback = (bits & 1024) != 0,
                                .host_is_local = (bits & 2048) != 0,
                                .from_a_browser = (bits & 4096) != 0};
}

static void whoever_may_write_has_shown_a_right_to_it(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 8192; bits++) {
        struct http_caller c = world(bits);
        const char *reason = NULL;
        bool may = http_judge(HTTP_WRITE, &c, &reason) == HTTP_MAY;
        /* Each that is configured, whatever else is shown; with neither only from here. */
        bool is_proven = c.checks_certificate || c.checks_password;
        bool is_open = c.door_is_loopback && c.host_is_local && !c.from_a_browser;
        bool has_shown = (!c.checks_certificate || c.has_certificate) &&
                         (!c.checks_password || c.password_is_right);
        bool is_listed = !c.checks_address || c.address_is_listed;
        bool is_let_in = !c.needs_certificate || c.has_certificate;
        bool by_tcp = is_let_in && is_listed && has_shown && (is_proven || is_open);
        assert_int_equal(may, c.is_control ? c.is_owner : by_tcp);
        assert_true(may || reason[0] != '\0');
    }
}

static void the_control_socket_is_for_its_owner_alone(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 8192; bits++) {
        struct http_caller c = world(bits);
        const char *reason = NULL;
        bool may = http_judge(HTTP_CONTROL, &c, &reason) == HTTP_MAY;
        assert_int_equal(may, c.is_control && c.is_owner);
        bool looks = http_judge(HTTP_OPEN, &c, &reason) == HTTP_MAY;
        bool let_in = !c.needs_certificate || c.has_certificate;
        assert_int_equal(looks, c.is_control ? c.is_owner : let_in);
    }
}

static void a_password_is_asked_for_where_it_would_help(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 8192; bits++) {
        struct http_caller c = world(bits);
        const char *reason = NULL;
        if (http_judge(HTTP_WRITE, &c, &reason) != HTTP_ASK_PASSWORD) {
            continue;
        }
        assert_true(c.checks_password);
        c.password_is_right = true;
        assert_int_equal(http_judge(HTTP_WRITE, &c, &reason), HTTP_MAY);
    }
}

/* Patroni's order: the address, the certificate, the password; and its words. */
static void one_refusal_comes_before_the_other(void **state)
{
    (void)state;
    struct http_caller c = {.checks_certificate = true,
                            .checks_password = true,
                            .checks_address = true,
                            .door_is_loopback = true,
                            .host_is_local = true};
    const char *reason = NULL;
    assert_int_equal(http_judge(HTTP_WRITE, &c, &reason), HTTP_MAY_NOT);
    assert_memory_equal(reason, "Access is denied", 16);
    c.address_is_listed = true;
    assert_int_equal(http_judge(HTTP_WRITE, &c, &reason), HTTP_MAY_NOT);
    assert_string_equal(reason, "client certificate required");
    c.password_is_right = c.has_password = true; /* is none */
    assert_int_equal(http_judge(HTTP_WRITE, &c, &reason), HTTP_MAY_NOT);
    assert_string_equal(reason, "client certificate required");
    c.has_certificate = true;
    assert_int_equal(http_judge(HTTP_WRITE, &c, &reason), HTTP_MAY);
    c.password_is_right = false;
    assert_int_equal(http_judge(HTTP_WRITE, &c, &reason), HTTP_ASK_PASSWORD);
    assert_memory_equal(reason, "not authenticated", 17);
    c.has_password = false;
    assert_int_equal(http_judge(HTTP_WRITE, &c, &reason), HTTP_ASK_PASSWORD);
    assert_memory_equal(reason, "no auth header received", 23);
}

/* By whatever name the node was asked: that it is not the right one is not what is to be mended. */
static void who_is_far_is_told_what_to_set(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 4; bits++) {
        struct http_caller c = {.host_is_local = (bits & 1) != 0,
                                .from_a_browser = (bits & 2) != 0};
        const char *reason = NULL;
        assert_int_equal(http_judge(HTTP_WRITE, &c, &reason), HTTP_MAY_NOT);
        assert_non_null(strstr(reason, "set one of them on all nodes"));
        assert_true(strlen(reason) < ERR_MSG_MAX); /* else pgraftctl cuts it */
        c.door_is_loopback = true;
        bool may = http_judge(HTTP_WRITE, &c, &reason) == HTTP_MAY;
        assert_true(may ? bits == 1 : strstr(reason, "web pages") != NULL);
    }
}

static void passwords(void **state)
{
    (void)state;
    struct secret password = {0};
    secret_set(&password, "s3:cret", 7);
    assert_true(http_password_is_right("Basic YWRtaW46czM6Y3JldA==", "admin", &password));
    assert_true(http_password_is_right("basic   YWRtaW46czM6Y3JldA==", "admin", &password));
    static const char *const wrong[] = {NULL,
                                        "",
                                        "Basic",
                                        "Basic ",
                                        "Basic *",
                                        "Basic YWRtaW46czM6Y3JldA",
                                        "Basic YWRtaW46",
                                        "Bearer YWRtaW46czM6Y3JldA==",
                                        "Basic YWRtaW46czM6Y3JldA== "};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_false(http_password_is_right(wrong[i], "admin", &password));
    }
    assert_false(http_password_is_right("Basic YWRtaW46czM6Y3JldA==", "admim", &password));
    secret_close(&password);
}

static void hosts(void **state)
{
    (void)state;
    static const char *const local[] = {
        "", "localhost", "LOCALHOST:8008", "127.0.0.1", "10.1.2.3:80", "[::1]", "[fe80::1]:8008"};
    static const char *const foreign[] = {"example.org", "localhost.example.org",
                                          "127.0.0.1.nip.io", "[x]", "1.2.3"};
    assert_true(http_host_is_local(NULL));
    for (size_t i = 0; i < ARRAY_LEN(local); i++) {
        assert_true(http_host_is_local(local[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
        assert_false(http_host_is_local(foreign[i]));
    }
}

static bool matches(const char *text, const char *entry)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        return http_address_matches((const struct sockaddr *)&in, entry);
    }
    int rc = inet_pton(AF_INET6, text, &in6.sin6_addr);
    assert_int_equal(rc, 1);
    return http_address_matches((const struct sockaddr *)&in6, entry);
}

static void networks(void **state)
{
    (void)state;
    assert_true(matches("10.1.2.3", "10.1.2.3"));
    assert_true(matches("10.1.2.3", "10.0.0.0/8"));
    assert_true(matches("10.1.2.3", "10.1.2.2/31"));
    assert_true(matches("10.1.2.3", "0.0.0.0/0"));
    assert_true(matches("::ffff:10.1.2.3", "10.0.0.0/8"));
    assert_true(matches("2001:db8::7", "2001:db8::/32"));
    assert_true(matches("::1", "::/0"));
    assert_false(matches("11.1.2.3", "10.0.0.0/8"));
    assert_false(matches("10.1.2.4", "10.1.2.2/31"));
    assert_false(matches("10.1.2.3", "10.1.2.4"));
    assert_false(matches("2001:db9::7", "2001:db8::/32"));
    assert_false(matches("2001:db8::7", "0.0.0.0/0"));
    static const char *const none[] = {"",          "/",          "10.0.0.0/33",
                                       "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/8 ",
                                       "pg1",       "::/129",     "10.0.0.0/-1"};
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        assert_false(matches("10.1.2.3", none[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_may_write_has_shown_a_right_to_it),
        cmocka_unit_test(the_control_socket_is_for_its_owner_alone),
        cmocka_unit_test(a_password_is_asked_for_where_it_would_help),
        cmocka_unit_test(one_refusal_comes_before_the_other),
        cmocka_unit_test(who_is_far_is_told_what_to_set),
        cmocka_unit_test(passwords),
        cmocka_unit_test(hosts),
        cmocka_unit_test(networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
